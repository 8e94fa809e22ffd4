//! The planner: keeps its plan while it holds, else looks for a better one among proposals, lazily
//! and best first, and always has a stop at hand.

use super::compass::{Compass, CompassGrain};
use super::forecast::{Future, Seen, View, forecast};
use super::geometry::{Body, distance_m};
use super::goal::Goals;
use super::proposal::Ways;
use super::record::Cycle;
use super::road::Road;
use super::scout::{self, Job, Progress};
use super::vehicle::{Gear, Input, State, Vehicle, bounded_in, step_in};

/// Why a plan is worth nothing any more.
const STRAYED: &str = "the vehicle is not where the plan has it";
/// Steps after which a search in vain begins anew: the first time, and at most while it stands.
const AGAIN_STEPS: (i64, i64) = (5, 10);
/// Steps between the parts of a search that ran out of work, while it stands.
const STANDING_STEPS: i64 = 2;
/// Steps between the parts of a search among proposals while the scout is out.
const SCOUTING_STEPS: i64 = 2;
/// Air that the scout leaves to others: whose futures are known, and who are forecast, m.
const SCOUT_AIR_M: (f64, f64) = (0.02, 0.3);
/// The scout looks quickly first, then more and more thoroughly: states kept of a layer, one way after
/// the other.
const SCOUT_WIDTHS: [usize; 4] = [4, 10, 24, 60];
/// The scout stays at home in a cycle in which more than so much has been done.
const SCOUT_AFTER_WORK: u64 = 300;
/// Through a forecast it is sent only by a vehicle slower than this, m/s.
const SCOUT_BELOW_MPS: f64 = 2.0;
/// Its way begins no later than after this part of the steps left.
const LEAD_PART: i64 = 3;
/// Most steps that the scout looks ahead.
const SCOUT_STEPS_MAX: i64 = 300;
/// Added to the cost of what the scout finds: it minds no comfort.
const SCOUT_COST: f64 = 100.0;
/// Braking backwards, m/s2.
const BACK_BRAKE_MPS2: f64 = 5.0;

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
    /// Work of a cycle in which the scout is out; none: it stays at home.
    pub scout_work_max: u64,
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
            scout_work_max: 5_000,
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

/// Drives one vehicle to its goals.
#[derive(Clone, Debug)]
pub struct Planner {
    pub(super) vehicle: Vehicle,
    pub(super) goals: Goals,
    pub(super) options: PlannerOptions,
    plan: Option<Plan>,
    tried_at: i64,
    /// Where the last search ran out of work among its proposals; the next one goes on there.
    tried_up_to: Option<usize>,
    /// Whole searches in vain since it came to a stand.
    n_vain: u32,
    pub(super) ways: Ways,
    /// Forecasts of those near, made in the last cycle.
    near: Vec<Future>,
    compass: Option<Compass>,
    job: Option<Job>,
    /// Times that the scout has been out in vain.
    n_scouted: u32,
    /// All proposals have been looked at in vain since one was last found.
    is_stuck: bool,
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
            n_vain: 0,
            ways: Ways::default(),
            near: Vec::new(),
            compass: None,
            job: None,
            n_scouted: 0,
            is_stuck: false,
        }
    }

    /// Gets ready for its goals, once, before the drive: how long it takes there from everywhere near.
    /// Without it the planner has proposals only.
    pub fn prepare(&mut self, road: &Road, now: i64, state: &State) {
        let Some(last) = self.goals.last_step().filter(|_| self.options.scout_work_max > 0) else {
            return;
        };
        let steps = (last - now).clamp(0, SCOUT_STEPS_MAX);
        let horizon_s = steps as f64 * self.options.dt_s;
        let of = |grain| Compass::new(road, &self.vehicle, &self.goals, state, horizon_s, grain);
        let wide = of(CompassGrain::WIDE);
        let knows = wide.rest_s(state).is_finite();
        self.compass = Some(if knows { wide } else { of(CompassGrain::NARROW) });
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
            gear: Gear::Forward,
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
        if state.speed_mps < 0.0 {
            // Backwards there are no proposals: it goes on, or stands first.
            if let Some(fault) = fault {
                cycle.why = fault;
                (self.plan, self.job) = (Some(self.halt(now, state)), None);
                cycle.is_new = true;
            }
            self.act(now, state, &mut cycle);
            return cycle;
        }
        // What the scout has found is driven until a proposal does as well.
        let goal_plan =
            self.plan.as_ref().is_some_and(|p| p.kind == Kind::Goal && p.cost < SCOUT_COST);
        let stands = state.speed_mps < 0.05;
        let is_scouting = self.job.is_some() && fault.is_none();
        let wait = match is_scouting {
            true => self.wait_steps(stands).max(SCOUTING_STEPS),
            false => self.wait_steps(stands),
        };
        let search_again = now >= self.tried_at.saturating_add(wait);
        if fault.is_some() || !goal_plan && search_again {
            cycle.why = fault.unwrap_or("looks for a way to the goal");
            let from = self.tried_up_to.filter(|_| {
                let waited = now.saturating_sub(self.tried_at);
                waited == wait || fault.is_none() && waited <= SCOUTING_STEPS
            });
            self.tried_at = now;
            // Going on with an unfinished search, a plan that holds need not be found again.
            let is_led = self.plan.as_ref().is_some_and(|p| p.kind == Kind::Goal);
            let make_do = fault.is_some() || from.is_none() && !is_scouting && !is_led;
            let (found, up_to) =
                self.search(road, now, state, outlook, (from.unwrap_or(0), make_do), &mut cycle);
            self.tried_up_to = up_to;
            self.is_stuck = match &found {
                Some(plan) if plan.kind == Kind::Goal => false,
                _ => self.is_stuck || up_to.is_none(),
            };
            let is_found = found.as_ref().is_some_and(|p| p.kind != Kind::Stop);
            self.n_vain = match (stands && !is_found, up_to) {
                (false, _) => 0,
                (true, None) => self.n_vain.saturating_add(1),
                (true, Some(_)) => self.n_vain,
            };
            // The scout counts on the plan in force.
            let found = found.filter(|p| !is_scouting || p.kind == Kind::Goal);
            self.adopt(found, fault.is_none(), touches_in, now, &mut cycle);
        }
        self.scout(road, now, state, outlook, &mut cycle);
        self.act(now, state, &mut cycle);
        cycle
    }

    /// Sends the scout out, or lets it go on, if the plan in force does not lead to the goal.
    fn scout(
        &mut self,
        road: &Road,
        now: i64,
        state: &State,
        outlook: Outlook<'_>,
        cycle: &mut Cycle,
    ) {
        let (Some(compass), Some(plan)) = (&self.compass, &self.plan) else { return };
        let Some(last) = self.goals.last_step().filter(|_| plan.kind != Kind::Goal) else {
            self.job = None;
            return;
        };
        let due = |job: &Job| {
            let at = usize::try_from(job.from_step - plan.made_at).unwrap_or(0);
            let there = plan.states.get(at).or(plan.states.last());
            job.from_step > now && there.is_some_and(|s| s.is_near(&job.root))
        };
        if self.job.as_ref().is_some_and(|job| !due(job)) {
            self.job = None;
            self.n_scouted = self.n_scouted.saturating_add(1);
        }
        // Ways through a forecast are tighter than proposals, so these come first.
        let is_called = match outlook {
            Outlook::Known(_) => true,
            Outlook::Seen(_) => self.is_stuck && state.speed_mps < SCOUT_BELOW_MPS,
        };
        // One kind of search in a cycle.
        if !is_called || cycle.work > SCOUT_AFTER_WORK {
            return;
        }
        let Some(job) = &mut self.job else {
            self.job = self.send(road, now, last.min(now + SCOUT_STEPS_MAX), outlook);
            return;
        };
        let scene = scout::Scene {
            road,
            vehicle: &self.vehicle,
            goals: &self.goals,
            compass,
            dt_s: self.options.dt_s,
            now,
            known: match outlook {
                Outlook::Known(view) => Some(view),
                Outlook::Seen(_) => None,
            },
            slack_m: match outlook {
                Outlook::Known(_) => SCOUT_AIR_M.0,
                Outlook::Seen(_) => SCOUT_AIR_M.1,
            },
        };
        match job.go_on(&scene, &mut cycle.work, self.options.scout_work_max) {
            Progress::Going => {}
            Progress::Vain => {
                self.job = None;
                self.n_scouted = self.n_scouted.saturating_add(1);
            }
            Progress::Found(states, inputs) => {
                let found = plan.then(job.from_step, &states, &inputs);
                self.job = None;
                let stop_after = found.states.last().map_or_else(Vec::new, |s| self.brake(s));
                self.plan = Some(Plan { stop_after, ..found });
                (cycle.is_new, cycle.why) = (true, "the scout has found a way to the goal");
            }
        }
    }

    /// A search that begins where the plan in force will have led when it is done.
    fn send(&self, road: &Road, now: i64, last: i64, outlook: Outlook<'_>) -> Option<Job> {
        let plan = self.plan.as_ref()?;
        let left = last - now;
        let n = self.n_scouted as usize;
        let width = SCOUT_WIDTHS[if n < 4 { n } else { 1 + (n - 1) % 3 }];
        let dt_s = self.options.dt_s;
        let cycles = Job::work(left, dt_s, width).div_ceil(self.options.scout_work_max);
        let lead = (1 + SCOUTING_STEPS * cycles as i64).min(left / LEAD_PART);
        let at = usize::try_from(now - plan.made_at).ok()?;
        let n_left = plan.states.len().checked_sub(at + 1)?;
        let end = plan.states.last()?;
        let lead = if end.speed_mps == 0.0 { lead } else { lead.min(n_left as i64) };
        if lead < 2 {
            return None;
        }
        let root = *plan.states.get(at + lead as usize).unwrap_or(end);
        let (forecasts, hard_until) = match outlook {
            Outlook::Known(_) => (Vec::new(), i64::MAX),
            Outlook::Seen(seen) => {
                let forecasts = forecast(road, seen, left as usize + 1, self.options.dt_s);
                (forecasts, now + self.options.hard_steps as i64)
            }
        };
        Some(Job::new((root, now + lead), (now, last, hard_until), forecasts, dt_s, width))
    }

    /// Stands as soon as it may, driving backwards.
    fn halt(&self, now: i64, state: &State) -> Plan {
        let (states, inputs) = self.braked(state, BACK_BRAKE_MPS2);
        Plan {
            kind: Kind::Stop,
            states,
            inputs,
            stop_after: Vec::new(),
            made_at: now,
            cost: f64::INFINITY,
            touches_after: None,
        }
    }

    /// A stop after a state with the wheels as they are.
    fn brake(&self, state: &State) -> Vec<State> {
        self.braked(state, BACK_BRAKE_MPS2).0
    }

    fn braked(&self, state: &State, by_mps2: f64) -> (Vec<State>, Vec<Input>) {
        let gear = Gear::between(state, None);
        let wanted = Input { steering_rate_radps: 0.0, acceleration_mps2: -gear.sign() * by_mps2 };
        let (mut states, mut inputs) = (vec![*state], Vec::new());
        let mut s = *state;
        while s.speed_mps != 0.0 && states.len() < 200 || states.len() < 2 {
            let input = bounded_in(&self.vehicle, gear, &s, wanted, self.options.dt_s);
            s = step_in(&self.vehicle, gear, &s, input, self.options.dt_s);
            states.push(s);
            inputs.push(input);
        }
        (states, inputs)
    }

    /// Steps from one search to the next. Standing, little changes from step to step: the longer it
    /// has looked in vain, the longer it waits.
    fn wait_steps(&self, stands: bool) -> i64 {
        let (first, most) = AGAIN_STEPS;
        match (self.tried_up_to.is_some(), stands) {
            (true, true) => STANDING_STEPS,
            (true, false) => 1,
            (false, true) => (first << self.n_vain.min(4)).min(most),
            (false, false) => first,
        }
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
        // Of a state that is no number nothing can be planned.
        let Some(found) = found.filter(|p| p.states.iter().all(State::is_finite)) else { return };
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

    pub(super) fn slack_m(&self, outlook: Outlook<'_>) -> f64 {
        if matches!(outlook, Outlook::Known(_)) { 0.02 } else { 0.1 }
    }

    /// Those who can come near within some steps.
    pub(super) fn near(&self, seen: &[Seen], state: &State, steps: usize) -> Vec<Seen> {
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
    pub(super) fn first_touch(
        &self,
        states: &[State],
        others: View<'_>,
        slack_m: f64,
    ) -> Option<usize> {
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
        let here = plan.states.get(at).unwrap_or(state);
        cycle.gear = match state.speed_mps {
            v if v < 0.0 => Gear::Reverse,
            v if v > 0.0 => Gear::Forward,
            _ => Gear::between(here, plan.states.get(at + 1)),
        };
        let acceleration_mps2 = -4.0 * cycle.gear.sign();
        let brake = Input { steering_rate_radps: 0.0, acceleration_mps2 };
        let (wanted, dt_s) = (input.unwrap_or(brake), self.options.dt_s);
        cycle.input = bounded_in(&self.vehicle, cycle.gear, state, wanted, dt_s);
    }
}

impl Plan {
    /// Where the vehicle will be, if it keeps to the plan, some steps after its making.
    pub fn state_at(&self, steps: usize) -> Option<&State> {
        self.states.get(steps)
    }

    /// This plan up to a step, standing at its end if it is shorter, and then on to the goal.
    fn then(&self, from_step: i64, states: &[State], inputs: &[Input]) -> Self {
        let n = usize::try_from(from_step - self.made_at).unwrap_or(0);
        let mut all = self.states.clone();
        let mut made = self.inputs.clone();
        if let Some(end) = all.last().copied() {
            all.resize(n + 1, end);
        }
        made.resize(n, Input::default());
        all.truncate(n);
        all.extend(states);
        made.extend(inputs);
        Self {
            kind: Kind::Goal,
            states: all,
            inputs: made,
            stop_after: Vec::new(),
            made_at: self.made_at,
            cost: SCOUT_COST,
            touches_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rv_base::Point2;
    use rv_map::lanes::{Lane, LaneMap};

    use super::super::goal::Goal;
    use super::super::record::{Ending, TRIED_MAX, Tried};
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

    #[test]
    fn where_only_the_way_back_is_left_the_scout_finds_it() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let ring = [(26.0, -1.5), (30.0, -1.5), (30.0, 1.5), (26.0, 1.5)];
        let ring = ring.map(|(x_m, y_m)| Point2 { x_m, y_m }).to_vec();
        let goal = Goal { steps: (60, 120), rings: vec![ring], ..Goal::default() };
        let goals = Goals { any_of: vec![goal] };
        let (road, options) = (road(), PlannerOptions::for_step(0.1));
        let start = State { rear: Point2 { x_m: 36.0, y_m: 0.0 }, ..State::default() };
        let drive = |is_prepared: bool| {
            let mut planner = Planner::new(vehicle, goals.clone(), options);
            if is_prepared {
                planner.prepare(&road, 0, &start);
            }
            let (mut state, mut most) = (start, 0);
            for now in 0..120 {
                if goals.is_reached(&vehicle, &state, now) {
                    return (Some(now), state, most);
                }
                let cycle = planner.cycle(&road, now, &state, Outlook::Seen(&[]));
                most = most.max(cycle.work);
                state = step_in(&vehicle, cycle.gear, &state, cycle.input, 0.1);
                assert!(road.is_clear(&state.body(&vehicle)));
            }
            (None, state, most)
        };
        let (reached, state, most) = drive(true);
        assert!(reached.is_some(), "{state:?}");
        // A search is one proposal or one layer's node over its bound at most.
        assert!(most < options.scout_work_max + 3_000, "{most}");
        assert_eq!(drive(false).0, None);
    }

    #[test]
    fn a_goal_that_asks_for_full_braking_is_reached() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let state = at_speed(10.0);
        let x_m = state.centre(&vehicle).x_m;
        let ring = [(x_m + 3.0, -2.0), (x_m + 5.6, -2.0), (x_m + 5.6, 2.0), (x_m + 3.0, 2.0)];
        let ring = ring.map(|(x_m, y_m)| Point2 { x_m, y_m }).to_vec();
        let goal = Goal {
            steps: (9, 60),
            rings: vec![ring],
            speed_mps: Some((0.0, 0.5)),
            ..Goal::default()
        };
        let goals = Goals { any_of: vec![goal] };
        let (road, mut state) = (road(), state);
        let options = PlannerOptions { work_max: u64::MAX, ..PlannerOptions::for_step(0.1) };
        let mut planner = Planner::new(vehicle, goals.clone(), options);
        let outlook = Outlook::Known(View { futures: &[], now: 0 });
        let reached = (0..60).any(|now| {
            let cycle = planner.cycle(&road, now, &state, outlook);
            let is_reached = goals.is_reached(&vehicle, &state, now);
            state = step_in(&vehicle, cycle.gear, &state, cycle.input, 0.1);
            is_reached
        });
        assert!(reached, "{state:?}");
    }
}
