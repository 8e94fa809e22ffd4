//! From the tree of a scenario to its meaning: parameters, catalogs, and the parts in turn.

use std::collections::BTreeMap;

use super::expression::{Scope, Value};
use super::types::{Deed, Rule, Scenario};
use super::variations::Assignment;
use super::{OpenScenarioError, REFERENCES_DEEP_MAX, Template, Xml};

/// Most elements of a kind that a scenario may have.
pub(super) const PARTS_MAX: usize = 100_000;

/// Builds a scenario.
pub(super) struct Builder<'a> {
    pub(super) template: &'a Template,
    pub(super) globals: Scope<'static>,
    outside: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) unsupported: BTreeMap<String, usize>,
    pub(super) n_parts: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        template: &'a Template,
        set: &[Assignment],
    ) -> Result<Self, OpenScenarioError> {
        let (globals, outside) = parameters(&template.root, set, None)?;
        for (name, _) in set {
            if globals.get(name).is_none() {
                return Err(OpenScenarioError::NoSuch { kind: "parameter", name: name.clone() });
            }
        }
        Ok(Self {
            template,
            globals,
            outside,
            names: Vec::new(),
            unsupported: BTreeMap::new(),
            n_parts: 0,
        })
    }

    pub(super) fn scenario(mut self) -> Result<Scenario, OpenScenarioError> {
        let root = &self.template.root;
        let scope = self.globals.clone();
        let description = root
            .child("FileHeader")
            .and_then(|header| header.attribute("description"))
            .unwrap_or_default();
        let road = root.child("RoadNetwork").and_then(|network| network.child("LogicFile"));
        let road_file = match road {
            Some(file) => text(file, "filepath", &scope)?,
            None => String::new(),
        };
        let listed = need(root, "Entities")?;
        for object in listed.all("ScenarioObject") {
            self.names.push(text(object, "name", &scope)?);
        }
        let mut entities = Vec::new();
        for object in listed.all("ScenarioObject") {
            entities.push(self.entity(object, &scope)?);
        }
        if listed.child("EntitySelection").is_some() {
            self.note("EntitySelection");
        }
        let board = need(root, "Storyboard")?;
        let init = self.init(board, &scope)?;
        let mut stories = Vec::new();
        for story in board.all("Story") {
            stories.push(self.story(story, &scope)?);
        }
        let stop = self.trigger(board.child("StopTrigger"), &scope)?;
        let mut variables = BTreeMap::new();
        for variable in root.child("VariableDeclarations").into_iter().flat_map(|v| &v.children) {
            let value = text(variable, "value", &scope)?;
            variables.insert(text(variable, "name", &scope)?, value);
        }
        Ok(Scenario {
            description: description.to_owned(),
            road_file,
            entities,
            init,
            stories,
            stop,
            parameters: self.globals.own.iter().map(|(k, v)| (k.clone(), v.text())).collect(),
            variables,
            outside_constraints: self.outside,
            unsupported: self.unsupported,
        })
    }

    fn init(&mut self, board: &Xml, scope: &Scope<'_>) -> Result<Vec<Deed>, OpenScenarioError> {
        let mut deeds = Vec::new();
        let Some(actions) = board.child("Init").and_then(|init| init.child("Actions")) else {
            return Ok(deeds);
        };
        for part in &actions.children {
            match part.name.as_str() {
                "GlobalAction" => {
                    deeds.push(Deed { actor: None, action: self.global_action(part, scope)? });
                }
                "Private" => {
                    let actor = Some(self.entity_of(part, "entityRef", scope)?);
                    for action in part.all("PrivateAction") {
                        let action = self.private_action(action, scope)?;
                        deeds.push(Deed { actor, action });
                    }
                }
                other => self.note(other),
            }
        }
        Ok(deeds)
    }

    /// Counts something that is not played.
    pub(super) fn note(&mut self, what: &str) {
        let what: String = what.chars().take(80).collect();
        *self.unsupported.entry(what).or_insert(0) += 1;
    }

    /// Counts a part, and refuses more than there may be.
    pub(super) fn count(&mut self) -> Result<(), OpenScenarioError> {
        self.n_parts += 1;
        if self.n_parts > PARTS_MAX {
            return Err(OpenScenarioError::TooLarge { what: "parts", limit: PARTS_MAX });
        }
        Ok(())
    }

    /// The entity that an attribute names.
    pub(super) fn entity_of(
        &self,
        element: &Xml,
        attribute: &str,
        scope: &Scope<'_>,
    ) -> Result<usize, OpenScenarioError> {
        let name = text(element, attribute, scope)?;
        let found = self.names.iter().position(|known| *known == name);
        found.ok_or(OpenScenarioError::NoSuch { kind: "entity", name })
    }

    /// Looks a catalog reference up, and calls with the entry and the scope of its parameters.
    pub(super) fn referred<T>(
        &mut self,
        reference: &Xml,
        scope: &Scope<'_>,
        then: impl FnOnce(&mut Self, &Xml, &Scope<'_>) -> Result<T, OpenScenarioError>,
    ) -> Result<T, OpenScenarioError> {
        let catalog = text(reference, "catalogName", scope)?;
        let name = text(reference, "entryName", scope)?;
        let template = self.template;
        let entries = template.catalogs.get(&catalog);
        let entry = entries.into_iter().flatten().find(|e| e.attribute("name") == Some(&name));
        let Some(entry) = entry else {
            let name = format!("{catalog}/{name}");
            return Err(OpenScenarioError::NoSuch { kind: "catalog entry", name });
        };
        let mut depth = 0;
        let mut up = Some(scope);
        while let Some(scope) = up {
            (depth, up) = (depth + 1, scope.around);
        }
        if depth > REFERENCES_DEEP_MAX {
            let limit = REFERENCES_DEEP_MAX;
            return Err(OpenScenarioError::TooLarge { what: "catalog references deep", limit });
        }
        let mut set = Vec::new();
        let assigned = reference.child("ParameterAssignments");
        for one in assigned.into_iter().flat_map(|all| all.all("ParameterAssignment")) {
            set.push((text(one, "parameterRef", scope)?, text(one, "value", scope)?));
        }
        let (inner, _) = parameters(entry, &set, Some(scope))?;
        then(self, entry, &inner)
    }
}

/// Declared parameters of an element with some of them set, and those that break constraints.
pub(super) fn parameters<'s>(
    element: &Xml,
    set: &[Assignment],
    around: Option<&'s Scope<'s>>,
) -> Result<(Scope<'s>, Vec<String>), OpenScenarioError> {
    let mut scope = Scope { around, own: BTreeMap::new() };
    let mut outside = Vec::new();
    let declared = element.child("ParameterDeclarations");
    for one in declared.into_iter().flat_map(|all| all.all("ParameterDeclaration")) {
        let name = one.attribute("name").unwrap_or_default().to_owned();
        let given = set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        let raw = given.or(one.attribute("value")).unwrap_or_default();
        let value = scope.value(raw).map_err(|why| wrong(one, "value", raw, why))?;
        let value = match value {
            Value::Text(text) if one.attribute("parameterType") != Some("string") => {
                Value::of(&text)
            }
            other => other,
        };
        scope.own.insert(name, value);
    }
    for one in declared.into_iter().flat_map(|all| all.all("ParameterDeclaration")) {
        let name = one.attribute("name").unwrap_or_default();
        let Some(value) = scope.own.get(name) else { continue };
        let mut groups = one.all("ConstraintGroup").peekable();
        if groups.peek().is_none() {
            continue;
        }
        let mut holds = false;
        for group in groups {
            let mut all = true;
            for constraint in group.all("ValueConstraint") {
                all &= keeps(value, constraint, &scope)?;
            }
            holds |= all;
        }
        if !holds {
            outside.push(name.to_owned());
        }
    }
    Ok((scope, outside))
}

fn keeps(value: &Value, constraint: &Xml, scope: &Scope<'_>) -> Result<bool, OpenScenarioError> {
    let rule = rule(constraint, scope)?;
    let raw = constraint.attribute("value").unwrap_or_default();
    let bound = scope.value(raw).map_err(|why| wrong(constraint, "value", raw, why))?;
    Ok(match (value.number(), bound.number()) {
        (Some(a), Some(b)) => rule.holds(a, b),
        _ => match rule {
            Rule::Equal => value.text() == bound.text(),
            Rule::NotEqual => value.text() != bound.text(),
            _ => true,
        },
    })
}

pub(super) fn rule(element: &Xml, scope: &Scope<'_>) -> Result<Rule, OpenScenarioError> {
    let word = text(element, "rule", scope)?;
    Ok(match word.as_str() {
        "lessThan" => Rule::Less,
        "lessOrEqual" => Rule::LessEqual,
        "greaterThan" => Rule::Greater,
        "greaterOrEqual" => Rule::GreaterEqual,
        "equalTo" => Rule::Equal,
        "notEqualTo" => Rule::NotEqual,
        _ => return Err(wrong(element, "rule", &word, "no such rule".to_owned())),
    })
}

pub(super) fn need<'x>(element: &'x Xml, child: &str) -> Result<&'x Xml, OpenScenarioError> {
    element.child(child).ok_or_else(|| missing(element, &format!("<{child}>")))
}

pub(super) fn missing(element: &Xml, what: &str) -> OpenScenarioError {
    OpenScenarioError::Missing { element: element.name.clone(), what: what.to_owned() }
}

pub(super) fn wrong(element: &Xml, attribute: &str, value: &str, why: String) -> OpenScenarioError {
    OpenScenarioError::Value {
        element: element.name.clone(),
        attribute: attribute.to_owned(),
        value: value.chars().take(60).collect(),
        why,
    }
}

/// An attribute that must be there, as a text.
pub(super) fn text(
    element: &Xml,
    name: &str,
    scope: &Scope<'_>,
) -> Result<String, OpenScenarioError> {
    let raw = element.attribute(name).ok_or_else(|| missing(element, name))?;
    let value = scope.value(raw).map_err(|why| wrong(element, name, raw, why))?;
    Ok(value.text())
}

/// An attribute as a finite number, if it is there.
pub(super) fn maybe(
    element: &Xml,
    name: &str,
    scope: &Scope<'_>,
) -> Result<Option<f64>, OpenScenarioError> {
    let Some(raw) = element.attribute(name) else { return Ok(None) };
    let value = scope.value(raw).map_err(|why| wrong(element, name, raw, why))?;
    let number = value.number().filter(|x| x.is_finite());
    let fault = || wrong(element, name, raw, "not a finite number".to_owned());
    number.map(Some).ok_or_else(fault)
}

/// An attribute as a finite number; another one if it is not there.
pub(super) fn number_or(
    element: &Xml,
    name: &str,
    scope: &Scope<'_>,
    otherwise: f64,
) -> Result<f64, OpenScenarioError> {
    Ok(maybe(element, name, scope)?.unwrap_or(otherwise))
}

/// An attribute that must be there, as a finite number.
pub(super) fn number(
    element: &Xml,
    name: &str,
    scope: &Scope<'_>,
) -> Result<f64, OpenScenarioError> {
    maybe(element, name, scope)?.ok_or_else(|| missing(element, name))
}

/// An attribute as a truth value, if it is there.
pub(super) fn flag(
    element: &Xml,
    name: &str,
    scope: &Scope<'_>,
) -> Result<Option<bool>, OpenScenarioError> {
    let Some(raw) = element.attribute(name) else { return Ok(None) };
    let value = scope.value(raw).map_err(|why| wrong(element, name, raw, why))?;
    match value.text().as_str() {
        "true" | "1" => Ok(Some(true)),
        "false" | "0" => Ok(Some(false)),
        _ => Err(wrong(element, name, raw, "neither true nor false".to_owned())),
    }
}

/// An attribute that must be there, as a whole number.
pub(super) fn whole(
    element: &Xml,
    name: &str,
    scope: &Scope<'_>,
) -> Result<i64, OpenScenarioError> {
    let value = number(element, name, scope)?;
    if value.fract() == 0.0 && value.abs() < 1e9 {
        Ok(value as i64)
    } else {
        Err(wrong(element, name, &value.to_string(), "not a whole number".to_owned()))
    }
}
