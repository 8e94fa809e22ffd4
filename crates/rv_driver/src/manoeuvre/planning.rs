//! A plan in the making, so much of it at a time as a cycle has room for.

use super::ground::Field;
use super::joints::Turning;
use super::search::{Grain, Pass, Question};
use super::smooth::{self, Shortening};
use super::{Failure, Ground, Options, Piece, Plan, RearPose, Run};
use crate::trajectory::Vehicle;

/// A plan in the making. It is given work to do until it answers; how that is cut up makes no
/// difference to the answer.
#[derive(Clone, Debug)]
pub struct Search {
    terms: Terms,
    stage: Stage,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) vehicle: Vehicle,
    pub(super) options: Options,
    pub(super) start: RearPose,
    pub(super) goal: RearPose,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Clearances are measured, walls listed.
    Prepares(Box<Field>),
    /// It is found how far it is on foot.
    Paces(Box<Question>, Ends),
    Searches(Box<Question>, Ends, Passes),
    Shortens(Box<Question>, Found, Shortening),
    Turns(Box<Question>, Found, Turning),
    Ended(Result<Plan, Failure>),
}

/// How much room there is where it begins.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// A vehicle that stands nearer to something than planned with may still leave, with less air.
    is_near: bool,
    start_air_m: f64,
}

/// The searches with less and less air, and poses told apart more and more finely.
#[derive(Clone, Debug)]
struct Passes {
    to_come: Vec<(Grain, f64)>,
    now: Option<Box<Pass>>,
    n_expansions: u32,
    is_cut_off: bool,
}

/// What was found by the search.
#[derive(Clone, Copy, Debug)]
struct Found {
    air_m: f64,
    n_expansions: u32,
}

impl Search {
    /// Begins a plan; what it rests on is copied.
    pub fn new(
        vehicle: &Vehicle,
        ground: &Ground,
        start: &RearPose,
        goal: &RearPose,
        options: &Options,
    ) -> Self {
        let terms = Terms { vehicle: *vehicle, options: *options, start: *start, goal: *goal };
        let field = if super::is_usable(vehicle, ground, start, goal) {
            let air_max_m = options.air_m.iter().copied().fold(0.0, f64::max);
            Field::new(vehicle, ground, [start, goal], air_max_m)
        } else {
            Err(Failure::BadInput)
        };
        let stage = match field {
            Ok(field) => Stage::Prepares(Box::new(field)),
            Err(why) => Stage::Ended(Err(why)),
        };
        Self { terms, stage }
    }

    /// Where it begins.
    pub fn start(&self) -> &RearPose {
        &self.terms.start
    }

    /// Does so much work, in units of about ten nanoseconds, and a little more to end the step begun;
    /// the answer once there is one. Asked again it is the same.
    pub fn work(&mut self, units: u32) -> Option<&Result<Plan, Failure>> {
        let until = self.stage.done().saturating_add(u64::from(units));
        while !matches!(self.stage, Stage::Ended(_)) && self.stage.done() < until {
            let stage = std::mem::replace(&mut self.stage, Stage::Ended(Err(Failure::BadInput)));
            self.stage = stage.go_on(&self.terms, until);
        }
        match &self.stage {
            Stage::Ended(answer) => Some(answer),
            _ => None,
        }
    }

    /// Work done so far, units; nothing once it has ended.
    #[cfg(test)]
    pub(super) fn done(&self) -> u64 {
        self.stage.done()
    }

    /// Does all the work that is left.
    pub fn finish(mut self) -> Result<Plan, Failure> {
        loop {
            match self.stage {
                Stage::Ended(answer) => return answer,
                stage => self.stage = stage.go_on(&self.terms, u64::MAX),
            }
        }
    }
}

impl Stage {
    /// Work done so far, units.
    fn done(&self) -> u64 {
        match self {
            Self::Prepares(field) => field.done(),
            Self::Paces(q, _)
            | Self::Searches(q, _, _)
            | Self::Shortens(q, _, _)
            | Self::Turns(q, _, _) => q.field.done(),
            Self::Ended(_) => 0,
        }
    }

    /// Goes on until so much work is done or a stage has ended.
    fn go_on(self, terms: &Terms, until: u64) -> Self {
        match self {
            Self::Prepares(mut field) => {
                if field.prepare(until) {
                    begun(terms, *field)
                } else {
                    Self::Prepares(field)
                }
            }
            Self::Paces(mut question, ends) => {
                if !question.find_ways(until) {
                    return Self::Paces(question, ends);
                }
                if question.is_apart() {
                    return Self::Ended(Err(Failure::Enclosed));
                }
                let passes = Passes::new(terms, &question, ends);
                Self::Searches(question, ends, passes)
            }
            Self::Searches(question, ends, mut passes) => {
                if !passes.go_on(terms, &question, until) {
                    return Self::Searches(question, ends, passes);
                }
                passes.ended(terms, question)
            }
            Self::Shortens(question, found, mut way) => {
                match way.shorten(terms, &question.field, until) {
                    Some(pieces) => {
                        let turning = Turning::new(terms, pieces, found.air_m);
                        Self::Turns(question, found, turning)
                    }
                    None => Self::Shortens(question, found, way),
                }
            }
            Self::Turns(question, found, mut way) => {
                match way.turn(terms, &question.field, until) {
                    Some((pieces, runs)) => Self::Ended(Ok(finished(terms, found, pieces, runs))),
                    None => Self::Turns(question, found, way),
                }
            }
            Self::Ended(answer) => Self::Ended(answer),
        }
    }
}

/// Looks at both ends once the ground is ready.
fn begun(terms: &Terms, field: Field) -> Stage {
    let Terms { options, start, goal, .. } = terms;
    let least_m = options.air_m[options.air_m.len() - 1];
    let is_near = !field.is_free_end(start, least_m);
    let start_air_m = if is_near { least_m / 2.0 } else { least_m };
    if !field.is_free_end(start, start_air_m) {
        return Stage::Ended(Err(Failure::StartTouches));
    }
    if !field.is_free_end(goal, least_m) {
        return Stage::Ended(Err(Failure::GoalTouches));
    }
    Stage::Paces(Box::new(Question::new(terms, field)), Ends { is_near, start_air_m })
}

impl Passes {
    fn new(terms: &Terms, question: &Question, ends: Ends) -> Self {
        let Terms { options, start, goal, .. } = terms;
        let air = |air_m: f64| if ends.is_near { ends.start_air_m } else { air_m };
        let wide = options.air_m.iter().map(|m| (Grain::COARSE, air(*m)));
        let narrow = options.air_m.iter().skip(1).map(|m| (Grain::NARROW, air(*m)));
        let field = &question.field;
        let passes = wide.take(1).chain(narrow).chain([(Grain::FINE, ends.start_air_m)]);
        let mut to_come: Vec<_> = passes
            .filter(|(_, air_m)| {
                field.is_free_end(start, *air_m) && field.is_free_end(goal, *air_m)
            })
            .collect();
        to_come.reverse();
        Self { to_come, now: None, n_expansions: 0, is_cut_off: false }
    }

    /// Goes on until so much work is done; true once a way is found or every pass has ended.
    fn go_on(&mut self, terms: &Terms, question: &Question, until: u64) -> bool {
        while question.field.done() < until {
            let Some(pass) = &mut self.now else {
                let Some((grain, air_m)) = self.to_come.pop() else { return true };
                let left = terms.options.expansions_max.saturating_sub(self.n_expansions);
                let share = match grain {
                    Grain::COARSE => left / 8,
                    Grain::FINE => left,
                    _ => left / 3,
                };
                self.now = Some(Box::new(Pass::new(question, grain, air_m, share)));
                continue;
            };
            if !pass.search(question, until) {
                continue;
            }
            self.n_expansions += pass.n_expansions;
            self.is_cut_off |= pass.is_cut_off;
            if pass.has_found() {
                return true;
            }
            self.now = None;
        }
        false
    }

    /// What comes after the last pass.
    fn ended(self, terms: &Terms, question: Box<Question>) -> Stage {
        let n_expansions = self.n_expansions;
        let found = self.now.and_then(|pass| Some((pass.air_m, pass.found(&question)?)));
        let Some((air_m, pieces)) = found else {
            return Stage::Ended(Err(if self.is_cut_off {
                Failure::CutOff { n_expansions }
            } else {
                Failure::NoWay { n_expansions }
            }));
        };
        let shortening = Shortening::new(terms, &pieces, air_m);
        Stage::Shortens(question, Found { air_m, n_expansions }, shortening)
    }
}

fn finished(terms: &Terms, found: Found, pieces: Vec<Piece>, mut runs: Vec<Run>) -> Plan {
    runs.iter_mut().for_each(|run| smooth::set_speeds(terms, run));
    let length_m = runs.iter().map(Run::length_m).sum();
    let n_changes = runs.windows(2).filter(|w| w[0].gear != w[1].gear).count() as u32;
    let time_s = smooth::time_s(&terms.vehicle, &runs);
    let Found { air_m, n_expansions } = found;
    Plan { runs, pieces, goal: terms.goal, length_m, n_changes, time_s, air_m, n_expansions }
}
