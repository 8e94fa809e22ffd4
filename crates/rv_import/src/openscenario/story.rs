//! The story: acts, events, actions, triggers and conditions.

use super::OpenScenarioError;
use super::Xml;
use super::build::{
    Builder, flag, maybe, missing, need, number, number_or, rule, text, whole, wrong,
};
use super::expression::Scope;
use super::types::*;

impl Builder<'_> {
    pub(super) fn story(
        &mut self,
        story: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Element, OpenScenarioError> {
        let mut acts = Vec::new();
        for act in story.all("Act") {
            let mut groups = Vec::new();
            for group in act.all("ManeuverGroup") {
                groups.push(self.group(group, scope)?);
            }
            let mut element = self.element(Level::Act, act, groups, scope)?;
            element.start = self.trigger(act.child("StartTrigger"), scope)?;
            element.stop = self.trigger(act.child("StopTrigger"), scope)?;
            acts.push(element);
        }
        self.element(Level::Story, story, acts, scope)
    }

    fn element(
        &mut self,
        level: Level,
        from: &Xml,
        children: Vec<Element>,
        scope: &Scope<'_>,
    ) -> Result<Element, OpenScenarioError> {
        self.count()?;
        let name = match from.attribute("name") {
            Some(_) => text(from, "name", scope)?,
            None => String::new(),
        };
        let runs_max = match level {
            Level::Group | Level::Event => {
                Some(maybe(from, "maximumExecutionCount", scope)?.unwrap_or(1.0).max(0.0) as u32)
            }
            _ => None,
        };
        let (start, stop, deed) = (None, None, None);
        let priority = Priority::Parallel;
        Ok(Element { level, name, start, stop, runs_max, priority, children, deed })
    }

    fn group(&mut self, group: &Xml, scope: &Scope<'_>) -> Result<Element, OpenScenarioError> {
        let actors = need(group, "Actors")?;
        if flag(actors, "selectTriggeringEntities", scope)? == Some(true) {
            self.note("Actors selectTriggeringEntities=\"true\"");
        }
        let mut who = Vec::new();
        for actor in actors.all("EntityRef") {
            who.push(self.entity_of(actor, "entityRef", scope)?);
        }
        let mut maneuvers = Vec::new();
        for child in &group.children {
            match child.name.as_str() {
                "CatalogReference" => {
                    let maneuver = self
                        .referred(child, scope, |b, entry, scope| b.maneuver(entry, &who, scope))?;
                    maneuvers.push(maneuver);
                }
                "Maneuver" => maneuvers.push(self.maneuver(child, &who, scope)?),
                _ => {}
            }
        }
        self.element(Level::Group, group, maneuvers, scope)
    }

    fn maneuver(
        &mut self,
        maneuver: &Xml,
        who: &[EntityIdx],
        scope: &Scope<'_>,
    ) -> Result<Element, OpenScenarioError> {
        let mut events = Vec::new();
        for event in maneuver.all("Event") {
            let mut actions = Vec::new();
            for action in event.all("Action") {
                for deed in self.deeds(action, who, scope)? {
                    let mut element = self.element(Level::Action, action, Vec::new(), scope)?;
                    element.deed = Some(deed);
                    actions.push(element);
                }
            }
            let mut element = self.element(Level::Event, event, actions, scope)?;
            element.start = self.trigger(event.child("StartTrigger"), scope)?;
            let priority = text(event, "priority", scope)?;
            element.priority = match priority.as_str() {
                "override" | "overwrite" => Priority::Override,
                "skip" => Priority::Skip,
                "parallel" => Priority::Parallel,
                _ => {
                    return Err(wrong(event, "priority", &priority, "no such priority".to_owned()));
                }
            };
            events.push(element);
        }
        self.element(Level::Maneuver, maneuver, events, scope)
    }

    /// What an action is for each of its actors.
    fn deeds(
        &mut self,
        action: &Xml,
        who: &[EntityIdx],
        scope: &Scope<'_>,
    ) -> Result<Vec<Deed>, OpenScenarioError> {
        if let Some(private) = action.child("PrivateAction") {
            let action = self.private_action(private, scope)?;
            let each = |actor: &EntityIdx| Deed { actor: Some(*actor), action: action.clone() };
            return Ok(who.iter().map(each).collect());
        }
        let action = match action.child("GlobalAction") {
            Some(global) => self.global_action(global, scope)?,
            None => {
                self.note("UserDefinedAction");
                Action::Unsupported
            }
        };
        Ok(vec![Deed { actor: None, action }])
    }

    pub(super) fn global_action(
        &mut self,
        holder: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let action = holder.children.first().ok_or_else(|| missing(holder, "an action"))?;
        let inner = action.children.first();
        Ok(match (action.name.as_str(), inner.map(|i| i.name.as_str())) {
            ("EnvironmentAction", _) => Action::Scenery("EnvironmentAction"),
            ("EntityAction", Some("DeleteEntityAction")) => {
                Action::Delete(self.entity_of(action, "entityRef", scope)?)
            }
            ("VariableAction" | "ParameterAction", Some(what)) => {
                let attribute =
                    if action.name == "VariableAction" { "variableRef" } else { "parameterRef" };
                let name = text(action, attribute, scope)?;
                let inner = inner.expect("it was named");
                match what {
                    "SetAction" => Action::Set(name, text(inner, "value", scope)?),
                    "ModifyAction" => {
                        let rule = need(inner, "Rule")?;
                        match rule.children.first() {
                            Some(add) if add.name == "AddValue" => {
                                Action::Add(name, number(add, "value", scope)?)
                            }
                            Some(by) if by.name == "MultiplyByValue" => {
                                Action::Multiply(name, number(by, "value", scope)?)
                            }
                            _ => return Err(missing(rule, "AddValue or MultiplyByValue")),
                        }
                    }
                    other => self.unplayed(other),
                }
            }
            (other, _) => self.unplayed(other),
        })
    }

    fn unplayed(&mut self, what: &str) -> Action {
        self.note(what);
        Action::Unsupported
    }

    pub(super) fn private_action(
        &mut self,
        holder: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        self.count()?;
        let action = holder.children.first().ok_or_else(|| missing(holder, "an action"))?;
        let Some(inner) = action.children.first() else {
            return Ok(match action.name.as_str() {
                "VisibilityAction" => Action::Scenery("VisibilityAction"),
                other => self.unplayed(other),
            });
        };
        Ok(match action.name.as_str() {
            "TeleportAction" => Action::Teleport(self.position(need(action, "Position")?, scope)?),
            "LongitudinalAction" => match inner.name.as_str() {
                "SpeedAction" => self.speed_action(inner, scope)?,
                "SpeedProfileAction" => self.speed_profile(inner, scope)?,
                "LongitudinalDistanceAction" => self.distance_action(inner, scope)?,
                other => self.unplayed(other),
            },
            "LateralAction" => match inner.name.as_str() {
                "LaneChangeAction" => self.lane_change(inner, scope)?,
                "LaneOffsetAction" => self.lane_offset(inner, scope)?,
                other => self.unplayed(other),
            },
            "SynchronizeAction" => self.synchronize(action, scope)?,
            "RoutingAction" => match inner.name.as_str() {
                "AssignRouteAction" => Action::AssignRoute(self.route_ref(inner, scope)?),
                "FollowTrajectoryAction" => self.follow(inner, scope)?,
                "AcquirePositionAction" => {
                    Action::AcquirePosition(self.position(need(inner, "Position")?, scope)?)
                }
                other => self.unplayed(other),
            },
            "ControllerAction" => self.controller(action, scope)?,
            "ActivateControllerAction" => Action::ActivateController(
                flag(action, "longitudinal", scope)?,
                flag(action, "lateral", scope)?,
            ),
            "AppearanceAction" => Action::Scenery("AppearanceAction"),
            "VisibilityAction" => Action::Scenery("VisibilityAction"),
            other => self.unplayed(other),
        })
    }

    fn controller(&mut self, action: &Xml, scope: &Scope<'_>) -> Result<Action, OpenScenarioError> {
        if let Some(activate) = action.child("ActivateControllerAction") {
            return Ok(Action::ActivateController(
                flag(activate, "longitudinal", scope)?,
                flag(activate, "lateral", scope)?,
            ));
        }
        if let Some(assign) = action.child("AssignControllerAction") {
            let activates = |name: &str| flag(assign, name, scope);
            return Ok(Action::ActivateController(
                activates("activateLongitudinal")?,
                activates("activateLateral")?,
            ));
        }
        let what = action.children.first().map_or("ControllerAction", |c| c.name.as_str());
        Ok(self.unplayed(what))
    }

    fn speed_action(
        &mut self,
        action: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let dynamics = dynamics(need(action, "SpeedActionDynamics")?, scope)?;
        let target = need(action, "SpeedActionTarget")?;
        if let Some(absolute) = target.child("AbsoluteTargetSpeed") {
            return Ok(Action::Speed(
                SpeedTarget::Absolute(number(absolute, "value", scope)?),
                dynamics,
            ));
        }
        let relative = need(target, "RelativeTargetSpeed")?;
        let entity = self.entity_of(relative, "entityRef", scope)?;
        let value = number(relative, "value", scope)?;
        let is_continuous = flag(relative, "continuous", scope)?.unwrap_or(false);
        let target = if text(relative, "speedTargetValueType", scope)? == "factor" {
            SpeedTarget::Factor { entity, factor: value, is_continuous }
        } else {
            SpeedTarget::Delta { entity, value_mps: value, is_continuous }
        };
        Ok(Action::Speed(target, dynamics))
    }

    fn speed_profile(
        &mut self,
        action: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let mut points = Vec::new();
        for entry in action.all("SpeedProfileEntry") {
            points.push((maybe(entry, "time", scope)?, number(entry, "speed", scope)?));
        }
        let follows = action.attribute("followingMode") == Some("follow");
        if follows || action.attribute("entityRef").is_some() {
            // The limits of jerk, or the other one's speed, are not played.
            self.note("SpeedProfileAction with followingMode=\"follow\" or entityRef");
        }
        if points.is_empty() {
            return Err(missing(action, "<SpeedProfileEntry>"));
        }
        Ok(Action::SpeedProfile(points))
    }

    fn distance_action(
        &mut self,
        action: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let gap = match (maybe(action, "distance", scope)?, maybe(action, "timeGap", scope)?) {
            (Some(m), _) => Gap::Distance(m),
            (None, Some(s)) => Gap::Time(s),
            (None, None) => return Err(missing(action, "distance or timeGap")),
        };
        let displacement = match action.attribute("displacement") {
            Some("leadingReferencedEntity") => Displacement::Leading,
            Some("trailingReferencedEntity") => Displacement::Trailing,
            _ => Displacement::Any,
        };
        let limits = match action.child("DynamicConstraints") {
            Some(limits) => {
                let limit = |name: &str| number_or(limits, name, scope, 1e9).map(f64::abs);
                Some((limit("maxAcceleration")?, limit("maxDeceleration")?, limit("maxSpeed")?))
            }
            None => None,
        };
        Ok(Action::LongitudinalDistance {
            entity: self.entity_of(action, "entityRef", scope)?,
            gap,
            is_free: flag(action, "freespace", scope)?.unwrap_or(false),
            is_continuous: flag(action, "continuous", scope)?.unwrap_or(false),
            displacement,
            limits,
        })
    }

    fn lane_change(
        &mut self,
        action: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let dynamics = dynamics(need(action, "LaneChangeActionDynamics")?, scope)?;
        let target = need(action, "LaneChangeTarget")?;
        let target = if let Some(absolute) = target.child("AbsoluteTargetLane") {
            LaneTarget::Absolute(whole(absolute, "value", scope)?)
        } else {
            let relative = need(target, "RelativeTargetLane")?;
            let entity = self.entity_of(relative, "entityRef", scope)?;
            LaneTarget::Relative(entity, whole(relative, "value", scope)?)
        };
        let offset_m = maybe(action, "targetLaneOffset", scope)?.unwrap_or(0.0);
        Ok(Action::LaneChange { target, offset_m, dynamics })
    }

    fn lane_offset(
        &mut self,
        action: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let how = need(action, "LaneOffsetActionDynamics")?;
        if flag(action, "continuous", scope)? == Some(true) {
            self.note("LaneOffsetAction continuous=\"true\"");
        }
        let target = need(action, "LaneOffsetTarget")?;
        let (offset_m, from) = if let Some(absolute) = target.child("AbsoluteTargetLaneOffset") {
            (number(absolute, "value", scope)?, None)
        } else {
            let relative = need(target, "RelativeTargetLaneOffset")?;
            let from = self.entity_of(relative, "entityRef", scope)?;
            (number(relative, "value", scope)?, Some(from))
        };
        Ok(Action::LaneOffset {
            offset_m,
            from,
            shape: shape(how, scope)?,
            lateral_max_mps2: maybe(how, "maxLateralAcc", scope)?,
        })
    }

    fn synchronize(
        &mut self,
        action: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Action, OpenScenarioError> {
        let final_speed = match action.child("FinalSpeed").and_then(|f| f.children.first()) {
            Some(speed) => Some(final_speed(speed, scope)?),
            None => None,
        };
        let tolerance = |name: &str| number_or(action, name, scope, 0.0).map(f64::abs);
        Ok(Action::Synchronize {
            master: self.entity_of(action, "masterEntityRef", scope)?,
            master_target: self.position(need(action, "TargetPositionMaster")?, scope)?,
            target: self.position(need(action, "TargetPosition")?, scope)?,
            final_speed,
            tolerance_m: (tolerance("targetToleranceMaster")?, tolerance("targetTolerance")?),
        })
    }

    fn follow(&mut self, action: &Xml, scope: &Scope<'_>) -> Result<Action, OpenScenarioError> {
        let holder = action.child("TrajectoryRef").unwrap_or(action);
        let trajectory = self.trajectory_ref(holder, scope)?;
        let timing = match action.child("TimeReference").and_then(|t| t.child("Timing")) {
            Some(timing) => Some(Timing {
                is_relative: text(timing, "domainAbsoluteRelative", scope)? == "relative",
                scale: number(timing, "scale", scope)?,
                offset_s: number(timing, "offset", scope)?,
            }),
            None => None,
        };
        let offset_m = maybe(action, "initialDistanceOffset", scope)?.unwrap_or(0.0);
        Ok(Action::FollowTrajectory { trajectory, offset_m, timing })
    }

    /// A trigger; none if the element is not there or empty.
    pub(super) fn trigger(
        &mut self,
        element: Option<&Xml>,
        scope: &Scope<'_>,
    ) -> Result<Option<Trigger>, OpenScenarioError> {
        let Some(element) = element else { return Ok(None) };
        let mut groups = Vec::new();
        for group in element.all("ConditionGroup") {
            let mut conditions = Vec::new();
            for condition in group.all("Condition") {
                conditions.push(self.condition(condition, scope)?);
            }
            if !conditions.is_empty() {
                groups.push(conditions);
            }
        }
        Ok((!groups.is_empty()).then_some(Trigger { groups }))
    }

    fn condition(&mut self, from: &Xml, scope: &Scope<'_>) -> Result<Condition, OpenScenarioError> {
        self.count()?;
        let name = from.attribute("name").unwrap_or_default().to_owned();
        let delay_s = maybe(from, "delay", scope)?.unwrap_or(0.0).max(0.0);
        let word = text(from, "conditionEdge", scope)?;
        let edge = match word.as_str() {
            "none" => Edge::None,
            "rising" => Edge::Rising,
            "falling" => Edge::Falling,
            "risingOrFalling" => Edge::Both,
            _ => return Err(wrong(from, "conditionEdge", &word, "no such edge".to_owned())),
        };
        let test = if let Some(by_value) = from.child("ByValueCondition") {
            self.value_test(by_value, scope)?
        } else {
            self.entities_test(need(from, "ByEntityCondition")?, scope)?
        };
        Ok(Condition { name, delay_s, edge, test })
    }

    fn value_test(&mut self, holder: &Xml, scope: &Scope<'_>) -> Result<Test, OpenScenarioError> {
        let test = holder.children.first().ok_or_else(|| missing(holder, "a condition"))?;
        Ok(match test.name.as_str() {
            "SimulationTimeCondition" => {
                Test::Time(rule(test, scope)?, number(test, "value", scope)?)
            }
            "ParameterCondition" => Test::Parameter(
                text(test, "parameterRef", scope)?,
                rule(test, scope)?,
                text(test, "value", scope)?,
            ),
            "VariableCondition" => Test::Variable(
                text(test, "variableRef", scope)?,
                rule(test, scope)?,
                text(test, "value", scope)?,
            ),
            "StoryboardElementStateCondition" => self.story_test(test, scope)?,
            other => {
                self.note(other);
                Test::Unsupported
            }
        })
    }

    fn story_test(&mut self, test: &Xml, scope: &Scope<'_>) -> Result<Test, OpenScenarioError> {
        let kind = text(test, "storyboardElementType", scope)?;
        let level = match kind.as_str() {
            "story" => Some(Level::Story),
            "act" => Some(Level::Act),
            "maneuverGroup" => Some(Level::Group),
            "maneuver" => Some(Level::Maneuver),
            "event" => Some(Level::Event),
            "action" => Some(Level::Action),
            _ => None,
        };
        let word = text(test, "state", scope)?;
        let state = match word.as_str() {
            "standbyState" => StoryState::Standby,
            "runningState" => StoryState::Running,
            "completeState" => StoryState::Complete,
            "startTransition" => StoryState::Starting,
            "endTransition" => StoryState::Ending,
            "stopTransition" => StoryState::Stopping,
            "skipTransition" => StoryState::Skipping,
            _ => return Err(wrong(test, "state", &word, "no such state".to_owned())),
        };
        Ok(Test::Story { level, name: text(test, "storyboardElementRef", scope)?, state })
    }

    fn entities_test(
        &mut self,
        holder: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Test, OpenScenarioError> {
        let triggering = need(holder, "TriggeringEntities")?;
        let mut who = Vec::new();
        for one in triggering.all("EntityRef") {
            who.push(self.entity_of(one, "entityRef", scope)?);
        }
        let all = text(triggering, "triggeringEntitiesRule", scope)? == "all";
        let inner = need(holder, "EntityCondition")?;
        let from = inner.children.first().ok_or_else(|| missing(inner, "a condition"))?;
        Ok(match self.entity_test(from, scope)? {
            Some(test) => Test::Entities { who, all, test },
            None => {
                self.note(&from.name);
                Test::Unsupported
            }
        })
    }

    fn entity_test(
        &mut self,
        from: &Xml,
        scope: &Scope<'_>,
    ) -> Result<Option<EntityTest>, OpenScenarioError> {
        let n = |name: &str| number(from, name, scope);
        Ok(Some(match from.name.as_str() {
            "CollisionCondition" => {
                let mut with = Vec::new();
                for one in from.all("EntityRef") {
                    with.push(self.entity_of(one, "entityRef", scope)?);
                }
                if from.child("ByType").is_some() {
                    with.extend(0..self.names.len());
                }
                EntityTest::Collision(with)
            }
            "OffroadCondition" => EntityTest::Offroad(n("duration")?),
            "StandStillCondition" => EntityTest::StandStill(n("duration")?),
            "SpeedCondition" => EntityTest::Speed(rule(from, scope)?, n("value")?),
            "AccelerationCondition" => EntityTest::Acceleration(rule(from, scope)?, n("value")?),
            "RelativeSpeedCondition" => EntityTest::RelativeSpeed(
                self.entity_of(from, "entityRef", scope)?,
                rule(from, scope)?,
                n("value")?,
            ),
            "TraveledDistanceCondition" => EntityTest::Traveled(n("value")?),
            "ReachPositionCondition" => {
                EntityTest::Reach(self.position(need(from, "Position")?, scope)?, n("tolerance")?)
            }
            "DistanceCondition" => EntityTest::Distance(
                self.position(need(from, "Position")?, scope)?,
                measure(from, scope)?,
                rule(from, scope)?,
                n("value")?,
            ),
            "RelativeDistanceCondition" => EntityTest::RelativeDistance(
                self.entity_of(from, "entityRef", scope)?,
                measure(from, scope)?,
                rule(from, scope)?,
                n("value")?,
            ),
            "TimeHeadwayCondition" => EntityTest::TimeHeadway(
                self.entity_of(from, "entityRef", scope)?,
                measure(from, scope)?,
                rule(from, scope)?,
                n("value")?,
            ),
            "TimeToCollisionCondition" => {
                let target = need(from, "TimeToCollisionConditionTarget")?;
                let Some(other) = target.child("EntityRef") else { return Ok(None) };
                EntityTest::TimeToCollision(
                    self.entity_of(other, "entityRef", scope)?,
                    measure(from, scope)?,
                    rule(from, scope)?,
                    n("value")?,
                )
            }
            "AngleCondition" => EntityTest::Angle {
                angle_rad: n("angle")?,
                tolerance_rad: n("angleTolerance")?,
                is_relative: from.attribute("coordinateSystem").is_some_and(|c| c != "world"),
            },
            _ => return Ok(None),
        }))
    }
}

fn final_speed(
    speed: &Xml,
    scope: &Scope<'_>,
) -> Result<(FinalSpeed, SteadyState), OpenScenarioError> {
    let kind = match speed.name.as_str() {
        "AbsoluteSpeed" => FinalSpeed::Absolute(number(speed, "value", scope)?),
        "RelativeSpeedToMaster" => FinalSpeed::Relative(number(speed, "value", scope)?),
        _ => return Err(missing(speed, "AbsoluteSpeed or RelativeSpeedToMaster")),
    };
    let steady = if let Some(time) = speed.child("TargetTimeSteadyState") {
        let s = maybe(time, "time", scope)?;
        SteadyState::Time(match s {
            Some(s) => s,
            None => number(time, "time_s", scope)?,
        })
    } else if let Some(distance) = speed.child("TargetDistanceSteadyState") {
        SteadyState::Distance(number(distance, "distance", scope)?)
    } else {
        SteadyState::None
    };
    Ok((kind, steady))
}

fn dynamics(element: &Xml, scope: &Scope<'_>) -> Result<Dynamics, OpenScenarioError> {
    let word = text(element, "dynamicsDimension", scope)?;
    let dimension = match word.as_str() {
        "time" => DynamicsDimension::Time,
        "distance" => DynamicsDimension::Distance,
        "rate" => DynamicsDimension::Rate,
        _ => {
            let why = "no such dimension".to_owned();
            return Err(wrong(element, "dynamicsDimension", &word, why));
        }
    };
    Ok(Dynamics {
        shape: shape(element, scope)?,
        dimension,
        value: number(element, "value", scope)?,
    })
}

fn shape(element: &Xml, scope: &Scope<'_>) -> Result<DynamicsShape, OpenScenarioError> {
    let word = text(element, "dynamicsShape", scope)?;
    Ok(match word.as_str() {
        "step" => DynamicsShape::Step,
        "linear" => DynamicsShape::Linear,
        "sinusoidal" => DynamicsShape::Sinusoidal,
        "cubic" => DynamicsShape::Cubic,
        _ => return Err(wrong(element, "dynamicsShape", &word, "no such shape".to_owned())),
    })
}

fn measure(element: &Xml, scope: &Scope<'_>) -> Result<Measure, OpenScenarioError> {
    let part = match element.attribute("relativeDistanceType") {
        Some("longitudinal") => DistancePart::Along,
        Some("lateral") => DistancePart::Across,
        _ => match flag(element, "alongRoute", scope)? {
            Some(true) => DistancePart::Along,
            _ => DistancePart::Straight,
        },
    };
    let along_road = matches!(element.attribute("coordinateSystem"), Some("road" | "lane"));
    Ok(Measure { is_free: flag(element, "freespace", scope)?.unwrap_or(false), part, along_road })
}
