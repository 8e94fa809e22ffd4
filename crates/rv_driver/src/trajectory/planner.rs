//! The planner: keeps its plan while it holds, else looks for a better one among proposals, lazily
//! and best first, and always has a stop at hand.

use super::forecast::{Future, Seen, View, forecast};
use super::geometry::{Body, distance_m};
use super::goal::Goals;
use super::path::{Path, STEP_M};
use super::proposal::{Base, Shift, Ways, bend, shifts};
use super::road::Road;
use super::speed::{Blocked, Profile, Room, SpeedSearch, Target};
use super::track::follow;
use super::vehicle::{Input, State, Vehicle, bounded};

/// Proposals kept for the record of a cycle.
const TRIED_MAX: usize = 32;
/// Why a plan is worth nothing any more.
const STRAYED: &str = "the vehicle is not where the plan has it";
/// Proposals after which a way to the goal without a stop after it is taken.
const PROPOSALS_MAX: usize = 24;
/// Added to the cost of a plan after which no stop was found that touches nothing.
const NO_STOP_COST: f64 = 10.0;

/// What of others is known.
#[derive(Clone, Copy, Debug)]
pub enum Outlook<'a> {
    /// Their futures, from a step on, as if handed over by an oracle.
    Known(View<'a>),
    /// What is seen of them now; the planner forecasts.
    Seen(&'a [Seen]),
}

/// Bounds and tastes of a planner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannerOptions {
    /// Time of a step.
    pub dt_s: f64,
    /// Work after which a cycle begins no further proposal and lives with what it has; the next
    /// cycle goes on with the search. The unit is a node of the speed search; other steps count in
    /// proportion to their time.
    pub work_max: u64,
    /// Steps ahead at which a forecast forbids; beyond them it only costs.
    pub hard_steps: usize,
    /// Steps driven when no goal sets an end.
    pub horizon_steps: usize,
    /// Lateral acceleration in bends that is planned for, and the one planned for if the goal cannot
    /// be reached with that, m/s2.
    pub lateral_mps2: (f64, f64),
}

impl PlannerOptions {
    /// Bounds for a passenger-car-sized vehicle and a given step.
    pub fn for_step(dt_s: f64) -> Self {
        Self {
            dt_s,
            work_max: 1_500,
            hard_steps: (3.0 / dt_s).round() as usize,
            horizon_steps: (5.0 / dt_s).round() as usize,
            lateral_mps2: (5.0, 9.0),
        }
    }
}

/// What a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reaches the goal.
    Goal,
    /// Keeps driving without touching anyone, but does not reach the goal.
    Onward,
    /// Stops.
    Stop,
}

/// States and inputs to come.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is.
    pub kind: Kind,
    /// States, first the one it was made in.
    pub states: Vec<State>,
    /// Inputs between them.
    pub inputs: Vec<Input>,
    /// States of a stop after its last one, which touches nothing as far as is known; empty if
    /// there is none, or if the plan itself is a stop.
    pub stop_after: Vec<State>,
    /// The step it was made in.
    pub made_at: i64,
    /// Its cost; infinite for a stop.
    pub cost: f64,
    /// First step after its making at which it touches anyone, as far as was known then.
    pub touches_after: Option<usize>,
}

/// What a cycle did.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// What is done now.
    pub input: Input,
    /// The plan in force.
    pub kind: Kind,
    /// True if it was made in this cycle.
    pub is_new: bool,
    /// Proposals looked at.
    pub n_proposals: usize,
    /// The first of them, and what came of each.
    pub tried: Vec<Tried>,
    /// Work done, in nodes of the speed search.
    pub work: u64,
    /// Why, in a few words.
    pub why: &'static str,
}

/// A proposal that was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Line it bends onto, by its number in the cycle.
    pub base: usize,
    /// Offset it ends at, left of the line, m.
    pub offset_m: f64,
    /// Way driven before it begins, m.
    pub after_m: f64,
    /// Way in which it happens, m.
    pub over_m: f64,
    /// Its preference; lower first.
    pub rank: f64,
    /// What came of it.
    pub ending: Ending,
}

/// What came of a proposal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// No path can be drawn.
    NoPath,
    /// It does not pass the goal.
    NoGoal,
    /// The goal cannot be reached in time, whatever the others do.
    TooFar,
    /// The road ends before the goal.
    RoadEnds,
    /// No speed keeps clear of the others and meets the goal.
    NoSpeed,
    /// Rolled out, it touches someone.
    Touches,
    /// Rolled out, it misses the goal or crosses an edge.
    Fails,
    /// A plan.
    Fine {
        /// Its cost.
        cost: f64,
        /// True if a stop that touches nothing follows it.
        has_stop_after: bool,
    },
}

/// Drives one vehicle to its goals.
#[derive(Clone, Debug)]
pub struct Planner {
    vehicle: Vehicle,
    goals: Goals,
    options: PlannerOptions,
    plan: Option<Plan>,
    tried_at: i64,
    /// Where the last search ran out of work among its proposals; the next cycle goes on there.
    tried_up_to: Option<usize>,
    ways: Ways,
    /// Forecasts of those near, made in the last cycle.
    near: Vec<Future>,
}

impl Planner {
    /// A planner without a plan yet.
    pub fn new(vehicle: Vehicle, goals: Goals, options: PlannerOptions) -> Self {
        Self {
            vehicle,
            goals,
            options,
            plan: None,
            tried_at: i64::MIN,
            tried_up_to: None,
            ways: Ways::default(),
            near: Vec::new(),
        }
    }

    /// The plan in force.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Forecasts that the last cycle made of those near, from its moment on; none if their futures
    /// were known.
    pub fn forecasts(&self) -> &[Future] {
        &self.near
    }

    /// One cycle: what to do for the next step.
    pub fn cycle(&mut self, road: &Road, now: i64, state: &State, outlook: Outlook<'_>) -> Cycle {
        let mut cycle = Cycle {
            input: Input::default(),
            kind: Kind::Stop,
            is_new: false,
            n_proposals: 0,
            tried: Vec::new(),
            work: 0,
            why: "the plan holds",
        };
        self.near.clear();
        if let Outlook::Seen(seen) = outlook {
            let steps = self.options.hard_steps;
            self.near = forecast(road, &self.near(seen, state, steps), steps, self.options.dt_s);
        }
        let (fault, touches_in) = self.fault(now, state, outlook);
        if fault == Some(STRAYED) {
            self.plan = None;
        }
        let goal_plan = self.plan.as_ref().is_some_and(|p| p.kind == Kind::Goal);
        let wait = if self.tried_up_to.is_some() { 1 } else { 5 };
        let search_again = now >= self.tried_at.saturating_add(wait);
        if fault.is_some() || !goal_plan && search_again {
            cycle.why = fault.unwrap_or("looks for a way to the goal");
            let from = self.tried_up_to.filter(|_| self.tried_at.saturating_add(1) == now);
            self.tried_at = now;
            // Going on with an unfinished search, a plan that holds need not be found again.
            let make_do = fault.is_some() || from.is_none();
            let (found, up_to) =
                self.search(road, now, state, outlook, (from.unwrap_or(0), make_do), &mut cycle);
            self.tried_up_to = up_to;
            self.adopt(found, fault.is_none(), touches_in, now, &mut cycle);
        }
        self.act(now, state, &mut cycle);
        cycle
    }

    /// Takes what was found, unless the plan in force is better.
    fn adopt(
        &mut self,
        found: Option<Plan>,
        holds: bool,
        touches_in: Option<usize>,
        now: i64,
        cycle: &mut Cycle,
    ) {
        let Some(found) = found else { return };
        let left = self
            .plan
            .as_ref()
            .map_or(0, |p| p.states.len().saturating_sub((now - p.made_at).max(0) as usize + 1));
        let old = self.plan.as_ref().map(|p| p.kind);
        // A plan that will touch someone, but not soon, is kept rather than given up for nothing.
        let old_until = if holds { usize::MAX } else { touches_in.unwrap_or(left) };
        // A contact that cannot be put off is at least to be a slow one.
        let at = self.plan.as_ref().map_or(0, |p| (now - p.made_at).max(0) as usize);
        let old_at = self.plan.as_ref().and_then(|p| p.state_at(at.checked_add(old_until)?));
        let is_milder = found.touches_after.is_none_or(|t| {
            t > old_until
                || t == old_until
                    && old_at.is_some_and(|old| found.states[t].speed_mps < old.speed_mps)
        });
        let better = match (old, found.kind) {
            (None, _) | (_, Kind::Goal) => true,
            (Some(Kind::Goal), Kind::Onward) => old_until < 12,
            (Some(Kind::Goal), Kind::Stop) => old_until < 12 && is_milder,
            (Some(_), Kind::Onward) => true,
            (Some(_), Kind::Stop) => !holds && is_milder || left == 0,
        };
        if better {
            self.plan = Some(found);
            cycle.is_new = true;
        }
    }

    /// What is wrong with the plan in force, and in how many steps it touches anyone.
    fn fault(
        &self,
        now: i64,
        state: &State,
        outlook: Outlook<'_>,
    ) -> (Option<&'static str>, Option<usize>) {
        let Some(plan) = &self.plan else { return (Some("no plan yet"), None) };
        let at = (now - plan.made_at).max(0) as usize;
        let Some(planned) = plan.states.get(at) else { return (Some("the plan has ended"), None) };
        if distance_m(planned.rear, state.rear) > 0.3
            || (planned.speed_mps - state.speed_mps).abs() > 0.4
        {
            return (Some(STRAYED), None);
        }
        if at + 1 >= plan.states.len() {
            return (Some("the plan has ended"), None);
        }
        let rest = &plan.states[at..];
        let steps = self.options.hard_steps.min(rest.len() - 1);
        let view = match outlook {
            Outlook::Known(view) => view,
            Outlook::Seen(_) => View { futures: &self.near, now: 0 },
        };
        let touch = self.first_touch(&rest[..=steps], view, self.slack_m(outlook));
        if touch.is_some() {
            return (Some("the plan would touch someone"), touch);
        }
        (None, None)
    }

    fn slack_m(&self, outlook: Outlook<'_>) -> f64 {
        if matches!(outlook, Outlook::Known(_)) { 0.02 } else { 0.1 }
    }

    /// Those who can come near within some steps.
    fn near(&self, seen: &[Seen], state: &State, steps: usize) -> Vec<Seen> {
        let t = steps as f64 * self.options.dt_s;
        let centre = state.centre(&self.vehicle);
        seen.iter()
            .filter(|s| {
                let reach_m = (state.speed_mps + s.speed_mps.abs() + 2.0) * t + 12.0;
                distance_m(s.body.centre, centre) < reach_m + s.body.radius_m()
            })
            .copied()
            .collect()
    }

    /// The first of some states, the first of them now, at which the vehicle touches anyone.
    fn first_touch(&self, states: &[State], others: View<'_>, slack_m: f64) -> Option<usize> {
        (1..states.len()).find(|k| {
            let own = states[*k].body(&self.vehicle);
            let slack = slack_m * (1.0 + 0.05 * *k as f64).min(2.5);
            let own = Body {
                half_width_m: own.half_width_m + slack,
                half_length_m: own.half_length_m + slack,
                ..own
            };
            others.futures.iter().any(|f| {
                f.bodies.get(others.now + k).is_some_and(|b| b.is_some_and(|b| own.overlaps(&b)))
            })
        })
    }

    fn act(&self, now: i64, state: &State, cycle: &mut Cycle) {
        let Some(plan) = &self.plan else { return };
        cycle.kind = plan.kind;
        let at = (now - plan.made_at).max(0) as usize;
        let input = plan.inputs.get(at).copied();
        // Beyond the end of a plan: brake, straight on.
        let brake = Input { steering_rate_radps: 0.0, acceleration_mps2: -4.0 };
        cycle.input = bounded(&self.vehicle, state, input.unwrap_or(brake), self.options.dt_s);
    }

    /// Looks through the proposals from a given one on for the best plan, and makes do without a
    /// way to the goal if told to. Also says at which proposal the work ran out.
    fn search(
        &mut self,
        road: &Road,
        now: i64,
        state: &State,
        outlook: Outlook<'_>,
        (from, make_do): (usize, bool),
        cycle: &mut Cycle,
    ) -> (Option<Plan>, Option<usize>) {
        let dt_s = self.options.dt_s;
        let last = self.goals.last_step().map_or(self.options.horizon_steps as i64, |l| l - now);
        let n = last.clamp(1, (30.0 / dt_s) as i64) as usize;
        let horizon_s = n as f64 * dt_s;
        let reach_m =
            (state.speed_mps * horizon_s + 1.5 * horizon_s.min(6.0).powi(2) + 40.0).min(1500.0);
        let bases =
            self.ways.bases(road, &self.vehicle, state, &self.goals, reach_m, &mut cycle.work);
        let shifts = shifts(&bases, &self.goals, state);
        let can_meet: Vec<bool> =
            bases.iter().map(|b| b.can_meet(&self.goals, state, now, dt_s)).collect();
        let forecasts;
        let view = match outlook {
            Outlook::Known(view) => view,
            Outlook::Seen(seen) => {
                forecasts = forecast(road, seen, n, dt_s);
                View { futures: &forecasts, now: 0 }
            }
        };
        let hard = match outlook {
            Outlook::Known(_) => usize::MAX,
            Outlook::Seen(_) => self.options.hard_steps,
        };
        let slack_m = self.slack_m(outlook);
        let lateral_mps2 = self.options.lateral_mps2.0;
        let scene = Scene { road, now, state, view, n, hard, reach_m, slack_m, lateral_mps2 };
        let mut best: Option<Plan> = None;
        let mut n_good = 0;
        let mut up_to = None;
        let (calm, brisk) = self.options.lateral_mps2;
        let passes = shifts.iter().map(|s| (s, calm)).chain(shifts.iter().map(|s| (s, brisk)));
        for (i, (shift, lateral_mps2)) in passes.enumerate().skip(from) {
            if n_good >= 2 || best.is_some() && lateral_mps2 > calm {
                break;
            }
            if cycle.work > self.options.work_max {
                up_to = Some(i);
                break;
            }
            let is_goal_known = best.as_ref().is_some_and(|b| b.kind == Kind::Goal);
            if is_goal_known && (shift.rank > 20.0 || cycle.n_proposals > PROPOSALS_MAX) {
                break;
            }
            let base = &bases[shift.base];
            if !can_meet[shift.base] {
                continue;
            }
            cycle.n_proposals += 1;
            let scene = Scene { lateral_mps2, ..scene };
            let found = self.propose(&scene, base, shift, true, &mut cycle.work);
            note(&mut cycle.tried, shift, &found);
            let Ok(plan) = found else { continue };
            n_good += usize::from(plan.kind == Kind::Goal && !plan.stop_after.is_empty());
            if best.as_ref().is_none_or(|b| plan.cost < b.cost) {
                best = Some(plan);
            }
        }
        if best.is_none() && make_do {
            best = self.make_do(&scene, &bases, &shifts, cycle);
        }
        (best, up_to)
    }

    /// No way to the goal: the best way on, else a stop.
    fn make_do(
        &self,
        scene: &Scene<'_>,
        bases: &[Base],
        shifts: &[Shift],
        cycle: &mut Cycle,
    ) -> Option<Plan> {
        let scene = Scene { n: scene.n.min(self.options.horizon_steps), ..*scene };
        let mut work = 0;
        let mut paths = Vec::new();
        for shift in shifts.iter().take(14) {
            let found = self.propose(&scene, &bases[shift.base], shift, false, &mut work);
            note(&mut cycle.tried, shift, &found);
            if let Ok(plan) = found {
                cycle.work += work;
                return Some(plan);
            }
            if work > self.options.work_max / 2 {
                break;
            }
            if paths.len() < 3 {
                paths.extend(bend(
                    &self.vehicle,
                    &bases[shift.base],
                    shift,
                    scene.state,
                    scene.reach_m,
                ));
            }
        }
        cycle.work += work;
        self.stop(&scene, &paths, &mut cycle.work)
    }

    /// The gentlest stop that touches no one; else the one that touches latest, and of
    /// those the slowest.
    fn stop(&self, scene: &Scene<'_>, paths: &[Path], work: &mut u64) -> Option<Plan> {
        let dt_s = self.options.dt_s;
        let straight = || {
            let points: Vec<_> = (0..200)
                .map(|i| {
                    let way = f64::from(i);
                    super::geometry::ahead(scene.state.rear, scene.state.heading_rad, way)
                })
                .collect();
            Path::exact(&points)
        };
        let mut best: Option<Plan> = None;
        'paths: for path in paths.iter().cloned().chain(straight()) {
            for brake in [0.0, 2.0, 4.0, 7.0, 11.0] {
                let steps = self.options.horizon_steps;
                *work += steps as u64 * 2;
                let accelerations = vec![-brake; steps];
                let (states, inputs) =
                    follow(&self.vehicle, &path, scene.state, &accelerations, dt_s);
                let touch = self.first_touch(&states, scene.view, scene.slack_m);
                let edge = states.iter().position(|s| !scene.road.is_clear(&s.body(&self.vehicle)));
                let until =
                    touch.unwrap_or(usize::MAX).min(edge.filter(|e| *e > 0).unwrap_or(usize::MAX));
                let touches_after = (until != usize::MAX).then_some(until);
                let is_better = best.as_ref().is_none_or(|b| {
                    b.touches_after.is_some_and(|t| {
                        until > t || until == t && states[t].speed_mps < b.states[t].speed_mps
                    })
                });
                if is_better {
                    best = Some(Plan {
                        kind: Kind::Stop,
                        states,
                        inputs,
                        stop_after: Vec::new(),
                        made_at: scene.now,
                        cost: f64::INFINITY,
                        touches_after,
                    });
                    if touches_after.is_none() {
                        break 'paths;
                    }
                }
            }
        }
        best
    }

    /// A whole plan along one proposal, checked, or why there is none.
    fn propose(
        &self,
        scene: &Scene<'_>,
        base: &Base,
        shift: &Shift,
        to_goal: bool,
        work: &mut u64,
    ) -> Result<Plan, Ending> {
        let path =
            bend(&self.vehicle, base, shift, scene.state, scene.reach_m).ok_or(Ending::NoPath)?;
        *work += path.points().len() as u64 / 4;
        let targets = if to_goal { self.targets(scene, &path) } else { Vec::new() };
        if to_goal && targets.is_empty() && !self.goals.any_of.is_empty() {
            return Err(Ending::NoGoal);
        }
        let limit_mps = self.limits(scene, &path);
        if !targets.is_empty() && !self.is_in_reach(scene, &limit_mps, &targets) {
            return Err(Ending::TooFar);
        }
        let wall_m = self.wall_m(scene, &path);
        if !targets.is_empty() && targets.iter().all(|t| t.first_m() > wall_m) {
            return Err(Ending::RoadEnds);
        }
        for (side_m, along_m) in [(0.12, 0.3), (0.4, 0.9)] {
            let room = Room { side_m: side_m + scene.slack_m, along_m: along_m + scene.slack_m };
            *work += (scene.n * scene.view.futures.len() / 16) as u64;
            let blocked = Blocked::build(&path, &self.vehicle, scene.view, scene.n, room);
            let search = SpeedSearch {
                vehicle: &self.vehicle,
                dt_s: self.options.dt_s,
                s_m: 0.0,
                speed_mps: scene.state.speed_mps,
                n: scene.n,
                limit_mps: &limit_mps,
                blocked: &blocked,
                soft_from: scene.hard,
                targets: &targets,
                wall_m,
                wanted_mps: scene.state.speed_mps.max(3.0),
            };
            let profile = search.run(work);
            if !profile.is_goal {
                return Err(Ending::NoSpeed);
            }
            match self.roll_out(scene, &path, &profile, shift, to_goal, work) {
                Rolled::Fine(plan) => return Ok(*plan),
                Rolled::Touches => {}
                Rolled::Fails => return Err(Ending::Fails),
            }
        }
        Err(Ending::Touches)
    }

    fn roll_out(
        &self,
        scene: &Scene<'_>,
        path: &Path,
        profile: &Profile,
        shift: &Shift,
        to_goal: bool,
        work: &mut u64,
    ) -> Rolled {
        let dt_s = self.options.dt_s;
        let mut accelerations = profile.accelerations_mps2.clone();
        *work += accelerations.len() as u64 * 2;
        // A few steps more, in case the goal is met a little late.
        let spare = if to_goal && !self.goals.any_of.is_empty() { 4 } else { 0 };
        accelerations.extend(std::iter::repeat_n(0.0, spare));
        let (mut states, mut inputs) =
            follow(&self.vehicle, path, scene.state, &accelerations, dt_s);
        let mut kind = Kind::Onward;
        if to_goal && !self.goals.any_of.is_empty() {
            let reached = (0..states.len())
                .find(|k| self.goals.is_reached(&self.vehicle, &states[*k], scene.now + *k as i64));
            let Some(reached) = reached else { return Rolled::Fails };
            states.truncate(reached + 1);
            inputs.truncate(reached);
            kind = Kind::Goal;
        }
        let hard = states.len().min(scene.hard.saturating_add(1));
        if self.first_touch(&states[..hard], scene.view, scene.slack_m).is_some() {
            return Rolled::Touches;
        }
        if states.iter().skip(1).any(|s| !scene.road.is_clear(&s.body(&self.vehicle).grown(0.01))) {
            return Rolled::Fails;
        }
        let stop_after = self.stop_after(scene, path, &states, work);
        let is_open_ended = stop_after.is_empty();
        Rolled::Fine(Box::new(Plan {
            kind,
            states,
            inputs,
            stop_after,
            made_at: scene.now,
            cost: profile.cost + shift.rank + if is_open_ended { NO_STOP_COST } else { 0.0 },
            touches_after: None,
        }))
    }

    /// The gentlest stop along a path after some states that touches nothing.
    fn stop_after(
        &self,
        scene: &Scene<'_>,
        path: &Path,
        states: &[State],
        work: &mut u64,
    ) -> Vec<State> {
        let Some(last) = states.last() else { return Vec::new() };
        let n = states.len() - 1;
        for brake_mps2 in [2.5, 5.0, 8.0] {
            let steps = (last.speed_mps / brake_mps2 / self.options.dt_s).ceil() as usize + 2;
            let accelerations = vec![-brake_mps2; steps.min(200)];
            *work += accelerations.len() as u64 * 3;
            let (stop, _) = follow(&self.vehicle, path, last, &accelerations, self.options.dt_s);
            let hard = scene.hard.saturating_sub(n).min(stop.len() - 1);
            let view = View { now: scene.view.now + n, ..scene.view };
            let touches = self.first_touch(&stop[..=hard], view, scene.slack_m).is_some()
                || stop.iter().any(|s| !scene.road.is_clear(&s.body(&self.vehicle)));
            if !touches {
                return stop;
            }
        }
        Vec::new()
    }

    fn targets(&self, scene: &Scene<'_>, path: &Path) -> Vec<Target> {
        let ahead_m = self.vehicle.rear_axle_m;
        self.goals
            .any_of
            .iter()
            .filter_map(|goal| {
                let places = if goal.rings.is_empty() && goal.heading_rad.is_none() {
                    Vec::new()
                } else {
                    let (lo, hi) = goal.bounds();
                    path.points()
                        .iter()
                        .map(|p| {
                            let c = p.shifted(ahead_m, 0.0);
                            (lo.x_m..=hi.x_m).contains(&c.x_m)
                                && (lo.y_m..=hi.y_m).contains(&c.y_m)
                                && goal.holds_place(c, p.heading_rad, 0.01)
                        })
                        .collect()
                };
                let steps = (goal.steps.0 - scene.now, goal.steps.1 - scene.now);
                let speed =
                    goal.speed_mps.map_or((f64::NEG_INFINITY, f64::INFINITY), |(lo, hi)| {
                        let margin = 0.05_f64.min((hi - lo).abs() / 4.0);
                        (lo + margin, hi - margin)
                    });
                Target::new(steps, places, speed)
            })
            .collect()
    }

    /// False if no target can be reached in time even with the road to itself.
    fn is_in_reach(&self, scene: &Scene<'_>, limit_mps: &[f64], targets: &[Target]) -> bool {
        let vehicle = &self.vehicle;
        let late = targets.iter().map(|t| t.steps.1).max().unwrap_or(0);
        let late_s = late as f64 * self.options.dt_s;
        let (mut time_s, mut v) = (0.0, scene.state.speed_mps);
        for (i, limit) in limit_mps.iter().enumerate() {
            let way_m = i as f64 * STEP_M;
            if targets.iter().any(|t| t.first_m() <= way_m && time_s <= t.late_s(self.options.dt_s))
            {
                return true;
            }
            let power = (vehicle.switch_mps / v.max(vehicle.switch_mps)).min(1.0);
            let a = vehicle.acceleration_max_mps2 * power;
            let next = (v * v + 2.0 * a * STEP_M).sqrt().min(limit.max(v - 2.0) + 1.5);
            time_s += 2.0 * STEP_M / (v + next).max(0.1);
            v = next;
            if time_s > late_s {
                return false;
            }
        }
        true
    }

    /// How far along a path the vehicle stays on the road.
    fn wall_m(&self, scene: &Scene<'_>, path: &Path) -> f64 {
        let points = path.points();
        let body = |i: usize| {
            let p = points[i];
            Body {
                centre: p.shifted(self.vehicle.rear_axle_m, 0.0),
                heading_rad: p.heading_rad,
                half_length_m: self.vehicle.length_m / 2.0,
                half_width_m: self.vehicle.width_m / 2.0,
            }
        };
        let first_clear = (0..points.len()).find(|i| scene.road.is_clear(&body(*i))).unwrap_or(0);
        // An edge crossed while the bend out of the present place is driven ends the proposal.
        let from = if first_clear <= 4 { first_clear } else { 0 };
        (from..points.len())
            .step_by(2)
            .find(|i| !scene.road.is_clear(&body(*i)))
            .map_or(path.length_m(), |i| (i as f64 - 2.0) * STEP_M)
    }

    /// The highest speed at each point of a path: bends, steering rate, top speed.
    fn limits(&self, scene: &Scene<'_>, path: &Path) -> Vec<f64> {
        let points = path.points();
        let rate = self.vehicle.steering_rate_max_radps * 0.9;
        let wheelbase_m = self.vehicle.wheelbase_m();
        let steering: Vec<f64> =
            points.iter().map(|p| (p.curvature_1pm * wheelbase_m).atan()).collect();
        let mut limits: Vec<f64> = (0..points.len())
            .map(|i| {
                let (a, b) = (i.saturating_sub(2), (i + 2).min(points.len() - 1));
                let sharpness =
                    (steering[b] - steering[a]).abs() / ((b - a).max(1) as f64 * STEP_M);
                let bend = points[i].curvature_1pm.abs().max(1e-6);
                let turning = (scene.lateral_mps2 / bend).sqrt();
                turning.min(rate / sharpness.max(1e-6)).min(self.vehicle.speed_max_mps - 0.1)
            })
            .collect();
        // Near the vehicle its present speed is a fact.
        for i in (0..limits.len().saturating_sub(1)).rev() {
            limits[i] = limits[i].min((limits[i + 1] * limits[i + 1] + 2.0 * 6.0 * STEP_M).sqrt());
        }
        limits
    }
}

/// Keeps the first proposals of a cycle for its record.
fn note(tried: &mut Vec<Tried>, shift: &Shift, found: &Result<Plan, Ending>) {
    if tried.len() >= TRIED_MAX {
        return;
    }
    let ending = match found {
        Ok(plan) => Ending::Fine { cost: plan.cost, has_stop_after: !plan.stop_after.is_empty() },
        Err(ending) => *ending,
    };
    let (base, rank) = (shift.base, shift.rank);
    let (offset_m, after_m, over_m) = (shift.to_m, shift.after_m, shift.over_m);
    tried.push(Tried { base, offset_m, after_m, over_m, rank, ending });
}

enum Rolled {
    Fine(Box<Plan>),
    Touches,
    Fails,
}

/// What a search works on.
#[derive(Clone, Copy)]
struct Scene<'a> {
    road: &'a Road,
    now: i64,
    state: &'a State,
    view: View<'a>,
    n: usize,
    hard: usize,
    reach_m: f64,
    slack_m: f64,
    lateral_mps2: f64,
}

impl Plan {
    /// Where the vehicle will be, if it keeps to the plan, some steps after its making.
    pub fn state_at(&self, steps: usize) -> Option<&State> {
        self.states.get(steps)
    }
}

#[cfg(test)]
mod tests {
    use rv_base::Point2;
    use rv_map::lanes::{Lane, LaneMap};

    use super::super::goal::Goal;
    use super::super::vehicle::step;
    use super::*;

    /// One straight lane along x.
    fn road() -> Road {
        let border = |y_m: f64| (0..41).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
        let lane = Lane { left: border(1.75), right: border(-1.75), ..Lane::default() };
        Road::build(&LaneMap { lanes: vec![lane] })
    }

    fn at_speed(speed_mps: f64) -> State {
        State { rear: Point2 { x_m: 20.0, y_m: 0.0 }, speed_mps, ..State::default() }
    }

    #[test]
    fn a_contact_that_cannot_be_avoided_is_braked_for() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let state = at_speed(20.0);
        // Three metres ahead all brakings touch in the same step.
        let wall = Body {
            centre: Point2 { x_m: 20.0 + vehicle.nose_m() + 4.0, y_m: 0.0 },
            heading_rad: 0.0,
            half_length_m: 1.0,
            half_width_m: 1.7,
        };
        let futures = [Future { id: 1, bodies: vec![Some(wall); 60] }];
        let view = View { futures: &futures, now: 0 };
        let mut planner = Planner::new(vehicle, Goals::default(), PlannerOptions::for_step(0.1));
        let cycle = planner.cycle(&road(), 0, &state, Outlook::Known(view));
        assert_eq!(cycle.kind, Kind::Stop);
        assert_eq!(planner.plan().unwrap().touches_after, Some(2));
        assert!(cycle.input.acceleration_mps2 < -10.0, "{cycle:?}");
    }

    #[test]
    fn a_plan_to_the_goal_carries_a_stop_after_it_and_says_what_was_tried() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let ring = [(80.0, -2.0), (90.0, -2.0), (90.0, 2.0), (80.0, 2.0)];
        let ring = ring.map(|(x_m, y_m)| Point2 { x_m, y_m }).to_vec();
        let goal = Goal { steps: (10, 80), rings: vec![ring], ..Goal::default() };
        let goals = Goals { any_of: vec![goal] };
        let outlook = Outlook::Known(View { futures: &[], now: 0 });
        let mut planner = Planner::new(vehicle, goals, PlannerOptions::for_step(0.1));
        let cycle = planner.cycle(&road(), 0, &at_speed(10.0), outlook);
        let plan = planner.plan().unwrap();
        assert_eq!(plan.kind, Kind::Goal);
        let (last, stop) = (plan.states.last().unwrap(), &plan.stop_after);
        assert_eq!((stop[0], stop[stop.len() - 1].speed_mps), (*last, 0.0));
        assert!(stop.iter().all(|s| road().is_clear(&s.body(&vehicle))));
        let is_fine = |t: &Tried| matches!(t.ending, Ending::Fine { has_stop_after: true, .. });
        assert!(cycle.tried.iter().any(is_fine) && cycle.tried.len() <= TRIED_MAX);
    }

    #[test]
    fn a_search_out_of_work_goes_on_in_the_next_cycle() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let ring = [(80.0, -2.0), (84.0, -2.0), (84.0, 2.0), (80.0, 2.0)];
        let ring = ring.map(|(x_m, y_m)| Point2 { x_m, y_m }).to_vec();
        // Faster than it can get there: every proposal is looked at in vain.
        let speed_mps = Some((45.0, 46.0));
        let goal = Goal { steps: (10, 60), rings: vec![ring], speed_mps, ..Goal::default() };
        let goals = Goals { any_of: vec![goal] };
        let outlook = Outlook::Known(View { futures: &[], now: 0 });
        let options = PlannerOptions::for_step(0.1);
        let (road, mut state) = (road(), at_speed(10.0));
        let whole = PlannerOptions { work_max: u64::MAX, ..options };
        let mut planner = Planner::new(vehicle, goals.clone(), whole);
        let n_all = planner.cycle(&road, 0, &state, outlook).n_proposals;
        assert!(n_all > 5);

        let mut planner = Planner::new(vehicle, goals, PlannerOptions { work_max: 800, ..options });
        let mut n_seen = 0;
        for now in 0.. {
            let cycle = planner.cycle(&road, now, &state, outlook);
            n_seen += cycle.n_proposals;
            if planner.tried_up_to.is_none() {
                assert!(now > 5, "{now}");
                break;
            }
            state = step(&vehicle, &state, cycle.input, 0.1);
        }
        assert_eq!(n_seen, n_all);
    }
}
