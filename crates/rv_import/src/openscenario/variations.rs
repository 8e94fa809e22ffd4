//! Parameter variation files: which values a scenario's parameters take, one after the other.

use super::build::{missing, need, number, text, wrong};
use super::expression::Scope;
use super::{OpenScenarioError, Xml, parse, what_it_is};

/// A parameter and its value.
pub type Assignment = (String, String);

/// Most values of one dimension, and most combinations of all.
const VALUES_MAX: usize = 1_000_000;
const COMBINATIONS_MAX: usize = 100_000_000;

/// All combinations of some parameters' values.
#[derive(Clone, Debug, PartialEq)]
pub struct Variations {
    /// The scenario file, as the variation names it.
    pub scenario_file: String,
    /// Per dimension its values, each of which sets one or several parameters.
    dimensions: Vec<Vec<Vec<Assignment>>>,
}

impl Variations {
    /// Reads a parameter variation file; none if the document is a scenario.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, OpenScenarioError> {
        let root = parse(bytes)?;
        let Some(distribution) = root.child("ParameterValueDistribution") else {
            if root.child("Storyboard").is_some() {
                return Ok(None);
            }
            return Err(OpenScenarioError::NotAScenario { found: what_it_is(&root) });
        };
        let scope = Scope::default();
        let scenario_file = text(need(distribution, "ScenarioFile")?, "filepath", &scope)?;
        let Some(all) = distribution.child("Deterministic") else {
            return Err(missing(distribution, "<Deterministic>; stochastic ones are not read"));
        };
        let dimensions = all.children.iter().map(dimension).collect::<Result<Vec<_>, _>>()?;
        let n = dimensions.iter().try_fold(1_usize, |n, d| n.checked_mul(d.len()));
        if n.is_none_or(|n| n > COMBINATIONS_MAX) {
            let limit = COMBINATIONS_MAX;
            return Err(OpenScenarioError::TooLarge { what: "combinations", limit });
        }
        Ok(Some(Self { scenario_file, dimensions }))
    }

    /// Number of combinations.
    pub fn len(&self) -> usize {
        self.dimensions.iter().map(Vec::len).product()
    }

    /// True if there is no combination.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A combination; the last dimension changes fastest.
    pub fn get(&self, mut idx: usize) -> Vec<Assignment> {
        let mut picked = Vec::new();
        for dimension in self.dimensions.iter().rev() {
            picked.push(&dimension[idx % dimension.len().max(1)]);
            idx /= dimension.len().max(1);
        }
        picked.into_iter().rev().flatten().cloned().collect()
    }
}

fn dimension(element: &Xml) -> Result<Vec<Vec<Assignment>>, OpenScenarioError> {
    let scope = Scope::default();
    match element.name.as_str() {
        "DeterministicSingleParameterDistribution" => {
            let name = text(element, "parameterName", &scope)?;
            let values = if let Some(set) = element.child("DistributionSet") {
                set.all("Element").map(|e| text(e, "value", &scope)).collect::<Result<_, _>>()?
            } else {
                range(need(element, "DistributionRange")?)?
            };
            Ok(values.into_iter().map(|value| vec![(name.clone(), value)]).collect())
        }
        "DeterministicMultiParameterDistribution" => {
            let sets = need(element, "ValueSetDistribution")?;
            let one = |set: &Xml| -> Result<Vec<Assignment>, OpenScenarioError> {
                let all = set.all("ParameterAssignment");
                all.map(|a| Ok((text(a, "parameterRef", &scope)?, text(a, "value", &scope)?)))
                    .collect()
            };
            sets.all("ParameterValueSet").map(one).collect()
        }
        other => Err(missing(element, &format!("a distribution that is known (<{other}> is not)"))),
    }
}

fn range(element: &Xml) -> Result<Vec<String>, OpenScenarioError> {
    let scope = Scope::default();
    let step = number(element, "stepWidth", &scope)?;
    let limits = need(element, "Range")?;
    let low = number(limits, "lowerLimit", &scope)?;
    let high = number(limits, "upperLimit", &scope)?;
    if step <= 0.0 || high < low {
        let why = "steps must be more than zero, and limits in order".to_owned();
        return Err(wrong(element, "stepWidth", &step.to_string(), why));
    }
    let n = (high - low) / step + 1e-9;
    if n >= VALUES_MAX as f64 {
        return Err(OpenScenarioError::TooLarge {
            what: "values of a parameter",
            limit: VALUES_MAX,
        });
    }
    Ok((0..=n as usize).map(|i| format!("{}", low + i as f64 * step)).collect())
}
