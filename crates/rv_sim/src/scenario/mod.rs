//! One vehicle driven through a recorded scene in a closed loop, step by step.
//!
//! The others move as recorded, whatever the ego does; so one of them may run into it. Such a
//! contact is counted, and told apart from one where the ego is at fault.

pub mod commonroad;
mod reach;
mod watch;

use std::time::Duration;

use rv_driver::trajectory::{
    Body, Cycle, Future, Goals, Input, Kind, Outlook, Planner, PlannerOptions, Road, Seen, State,
    Vehicle, View, bounded_in, step_in, wrapped_rad,
};

pub use reach::{Reach, ReachOptions, reach};
use watch::{Sight, Watcher};
pub use watch::{Watch, Watched, reason_word, stage_word, verdict_word};

/// Sine of the angle at which another one surely comes over.
const COMES_OVER: f64 = 0.1;
/// Angle to its lane up to which the ego keeps it, rad.
const KEEPS_LANE_RAD: f64 = 0.05;

/// One of the others as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Id in the source.
    pub id: i64,
    /// True if it stands for good.
    pub is_static: bool,
    /// True if it keeps to lanes, false if it walks freely.
    pub keeps_lane: bool,
    /// Step of the first moment.
    pub first_step: i64,
    /// What it covered and how fast it was; `None` where it was not there.
    pub moments: Vec<Option<(Body, f64)>>,
}

/// What the planner is told of the others' future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// Nothing: it forecasts from what it has seen.
    Own,
    /// All, from the record.
    GroundTruth,
}

/// A drive to be made.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// The road.
    pub road: &'a Road,
    /// The others.
    pub others: &'a [Recorded],
    /// The vehicle driven.
    pub vehicle: Vehicle,
    /// What is asked of it.
    pub goals: Goals,
    /// Where it begins.
    pub start: State,
    /// Step at which it begins.
    pub first_step: i64,
    /// Bounds of the planner.
    pub options: PlannerOptions,
    /// What the planner is told.
    pub prediction: Prediction,
    /// What the monitor's word counts for.
    pub watch: Watch,
}

/// Who is to blame for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The ego drove into the other.
    Ego,
    /// The other, moving as recorded, drove into the ego from behind, from beside, or while it
    /// stood.
    Other,
    /// Nobody: the two overlap in the scene before anyone has moved.
    Start,
}

/// A contact with one of the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// When.
    pub step: i64,
    /// With whom.
    pub id: i64,
    /// Whose fault.
    pub blame: Blame,
}

/// One cycle of the drive.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleRecord {
    /// Step at its beginning.
    pub step: i64,
    /// State at its beginning.
    pub state: State,
    /// What the planner did.
    pub cycle: Cycle,
    /// What was driven: the planner's input, or the monitor's.
    pub driven: Input,
    /// Centres of the plan in force, from now on, every fifth step.
    pub plan: Vec<rv_base::Point2>,
    /// Others within sight.
    pub n_seen: usize,
    /// What the monitor said, and what it did about it.
    pub decision: Option<Watched>,
    /// Time that planning took, by the clock given.
    pub took: Duration,
    /// Time that the monitor took.
    pub monitor_took: Duration,
}

/// A drive made.
#[derive(Clone, Debug, PartialEq)]
pub struct Driven {
    /// State at each step, from the first.
    pub states: Vec<State>,
    /// What was done and why.
    pub cycles: Vec<CycleRecord>,
    /// Time that getting ready took, once before the drive.
    pub prepared_in: Duration,
    /// Step at which the goal was reached.
    pub reached: Option<i64>,
    /// First contact.
    pub contact: Option<Contact>,
    /// First step at which an edge of the road was crossed.
    pub left_road: Option<i64>,
}

/// Drives a scene until the goal is reached or can no longer be; `clock` times each cycle.
pub fn drive(scene: &Scene<'_>, clock: &dyn Fn() -> Duration) -> Driven {
    let dt_s = scene.options.dt_s;
    let default_end = scene.first_step + scene.options.horizon_steps as i64;
    let end = scene.goals.last_step().unwrap_or(default_end).min(scene.first_step + 1200);
    let futures = match scene.prediction {
        Prediction::GroundTruth => known(scene, end),
        Prediction::Own => Vec::new(),
    };
    let mut planner = Planner::new(scene.vehicle, scene.goals.clone(), scene.options);
    let before = clock();
    planner.prepare(scene.road, scene.first_step, &scene.start);
    let prepared_in = clock().saturating_sub(before);
    let mut watcher = Watcher::new(watch::rules(&scene.vehicle, dt_s));
    let mut driven = Driven {
        states: vec![scene.start],
        cycles: Vec::new(),
        prepared_in,
        reached: None,
        contact: None,
        left_road: None,
    };
    let mut state = scene.start;
    for now in scene.first_step..end {
        if scene.goals.is_reached(&scene.vehicle, &state, now) {
            driven.reached = Some(now);
            break;
        }
        let seen = seen_at(scene, now);
        let known = View { futures: &futures, now: (now - scene.first_step) as usize };
        let outlook = match scene.prediction {
            Prediction::GroundTruth => Outlook::Known(known),
            Prediction::Own => Outlook::Seen(&seen),
        };
        let before = clock();
        let cycle = planner.cycle(scene.road, now, &state, outlook);
        let took = clock().saturating_sub(before);
        let (rest, stop_after) = planner.plan().map_or((&[][..], &[][..]), |p| {
            let from = (now - p.made_at).max(0) as usize;
            (p.states.get(from..).unwrap_or(&[]), &p.stop_after[..])
        });
        let before = clock();
        let decision = (scene.watch != Watch::Off).then(|| {
            let view = match scene.prediction {
                Prediction::GroundTruth => known,
                Prediction::Own => View { futures: planner.forecasts(), now: 0 },
            };
            let (road, vehicle, state) = (scene.road, &scene.vehicle, &state);
            let (plan, gear) = ((rest, stop_after), cycle.gear);
            watcher.cycle(&Sight { road, vehicle, state, gear, plan, view, seen: &seen, dt_s })
        });
        let monitor_took = clock().saturating_sub(before);
        let wanted = decision.as_ref().map_or(cycle.input, |watched| {
            let word = (&watched.decision, scene.watch);
            watch::input(&scene.vehicle, (&state, cycle.gear), cycle.input, word, dt_s)
        });
        let gear = cycle.gear;
        let input = bounded_in(&scene.vehicle, gear, &state, wanted, dt_s);
        let plan = rest.iter().step_by(5).map(|s| s.centre(&scene.vehicle)).collect();
        let n_seen = seen.len();
        driven.cycles.push(CycleRecord {
            step: now,
            state,
            cycle,
            driven: input,
            plan,
            n_seen,
            decision,
            took,
            monitor_took,
        });
        state = step_in(&scene.vehicle, gear, &state, input, dt_s);
        driven.states.push(state);
        note_faults(scene, now + 1, &state, &mut driven);
    }
    if scene.goals.is_reached(&scene.vehicle, &state, end) && driven.reached.is_none() {
        driven.reached = Some(end);
    }
    driven
}

/// Kinds of plan by the number of cycles they were in force.
pub fn kinds(driven: &Driven) -> (usize, usize, usize) {
    let count = |kind| driven.cycles.iter().filter(|c| c.cycle.kind == kind).count();
    (count(Kind::Goal), count(Kind::Onward), count(Kind::Stop))
}

fn note_faults(scene: &Scene<'_>, now: i64, state: &State, driven: &mut Driven) {
    let body = state.body(&scene.vehicle);
    if driven.left_road.is_none() && !scene.road.is_clear(&body) {
        driven.left_road = Some(now);
    }
    if driven.contact.is_some() {
        return;
    }
    for other in scene.others {
        let Some((there, _)) = other.at(now) else { continue };
        if body.overlaps(&there) {
            let from = scene.start.body(&scene.vehicle);
            let blame = if other.at(scene.first_step).is_some_and(|o| from.overlaps(&o.0)) {
                Blame::Start
            } else {
                blame(scene.road, &body, state.speed_mps, &there)
            };
            driven.contact = Some(Contact { step: now, id: other.id, blame });
            return;
        }
    }
}

/// The ego is not at fault if it stands, if it is hit from behind by one that goes its way, or if
/// one beside it comes over into it while it keeps its lane (as the nuPlan challenge tells contacts
/// apart, Karnchanachari et al. 2024).
fn blame(road: &Road, own: &Body, speed_mps: f64, other: &Body) -> Blame {
    let (sin, cos) = own.heading_rad.sin_cos();
    let (dx, dy) = (other.centre.x_m - own.centre.x_m, other.centre.y_m - own.centre.y_m);
    let (along_m, left_m) = (dx * cos + dy * sin, dy * cos - dx * sin);
    let turn_rad = wrapped_rad(other.heading_rad - own.heading_rad);
    let is_behind = along_m < -own.half_length_m * 0.5;
    let goes_along = turn_rad.abs() < 1.0;
    let is_beside = along_m.abs() < own.half_length_m && left_m.abs() > own.half_width_m;
    let comes_over = -left_m.signum() * turn_rad.sin() > COMES_OVER;
    let lane = road.lanes_for(own.centre, own.heading_rad).first().copied();
    let keeps_lane = lane.is_some_and(|lane| {
        wrapped_rad(road.heading_at(lane, own.centre) - own.heading_rad).abs() < KEEPS_LANE_RAD
    });
    let is_run_into = is_beside && goes_along && comes_over && keeps_lane;
    let is_hit = is_behind && goes_along || is_run_into;
    if speed_mps.abs() < 0.1 || speed_mps > 0.0 && is_hit { Blame::Other } else { Blame::Ego }
}

impl Recorded {
    /// What it covers at a step, and its speed.
    pub fn at(&self, now: i64) -> Option<(Body, f64)> {
        if self.is_static {
            return self.moments.first().copied().flatten();
        }
        let idx = usize::try_from(now - self.first_step).ok()?;
        self.moments.get(idx).copied().flatten()
    }
}

fn known(scene: &Scene<'_>, end: i64) -> Vec<Future> {
    let futures = scene.others.iter().map(|o| Future {
        id: o.id,
        bodies: (scene.first_step..=end + 10).map(|k| o.at(k).map(|m| m.0)).collect(),
    });
    futures.collect()
}

/// What a vehicle sees at a step: everyone now, with speed and turning from the last steps.
fn seen_at(scene: &Scene<'_>, now: i64) -> Vec<Seen> {
    let dt_s = scene.options.dt_s;
    let back = ((0.3 / dt_s).round() as i64).max(1);
    let mut out = Vec::new();
    for other in scene.others {
        let Some((body, recorded_mps)) = other.at(now) else { continue };
        let before = (1..=back).rev().find_map(|b| Some((b, other.at(now - b)?)));
        let mut seen = Seen {
            id: other.id,
            body,
            speed_mps: recorded_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            is_static: other.is_static,
            keeps_lane: other.keeps_lane,
        };
        if let (false, Some((steps, (was, was_mps)))) = (other.is_static, before) {
            let t = steps as f64 * dt_s;
            seen.acceleration_mps2 = ((recorded_mps - was_mps) / t).clamp(-8.0, 4.0);
            seen.yaw_rate_radps =
                (wrapped_rad(body.heading_rad - was.heading_rad) / t).clamp(-1.0, 1.0);
        }
        out.push(seen);
    }
    out
}

#[cfg(test)]
mod tests {
    use rv_base::Point2;
    use rv_driver::trajectory::Goal;
    use rv_map::lanes::{Lane, LaneMap};

    use super::*;

    /// Drives along one straight lane behind or on one that stands there at `x_m`.
    fn contact_with(x_m: f64) -> Option<Contact> {
        let border = |y_m: f64| (0..21).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
        let lane = Lane { left: border(1.75), right: border(-1.75), ..Lane::default() };
        let road = Road::build(&LaneMap { lanes: vec![lane] });
        let vehicle = Vehicle::commonroad(2).expect("it is one of four");
        let centre = Point2 { x_m: 20.0, y_m: 0.0 };
        let body = Body { centre: Point2 { x_m, y_m: 0.0 }, ..State::default().body(&vehicle) };
        let others = [Recorded {
            id: 7,
            is_static: true,
            keeps_lane: true,
            first_step: 0,
            moments: vec![Some((body, 0.0))],
        }];
        let scene = Scene {
            road: &road,
            others: &others,
            vehicle,
            goals: Goals::default(),
            start: State::at_centre(&vehicle, centre, 0.0, 15.0),
            first_step: 0,
            options: PlannerOptions::for_step(0.1),
            prediction: Prediction::Own,
            watch: Watch::Obeyed,
        };
        drive(&scene, &|| Duration::ZERO).contact
    }

    #[test]
    fn who_comes_over_from_beside_is_to_blame_and_whoever_it_drives_into_is_not() {
        let border = |y_m: f64| (0..21).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
        let lane = Lane { left: border(1.75), right: border(-1.75), ..Lane::default() };
        let road = Road::build(&LaneMap { lanes: vec![lane] });
        let body = |x_m, y_m, heading_rad| Body {
            centre: Point2 { x_m, y_m },
            heading_rad,
            half_length_m: 2.2,
            half_width_m: 0.8,
        };
        let own = body(50.0, 0.0, 0.0);
        let of = |own: &Body, other: Body| blame(&road, own, 15.0, &other);
        assert_eq!(of(&own, body(51.0, 1.5, -0.3)), Blame::Other);
        // Beside, but it holds its course; ahead; or the ego comes over itself.
        assert_eq!(of(&own, body(51.0, 1.5, 0.0)), Blame::Ego);
        assert_eq!(of(&own, body(54.0, 1.0, -0.3)), Blame::Ego);
        assert_eq!(of(&body(50.0, 0.0, 0.2), body(51.0, 1.5, -0.3)), Blame::Ego);
        // From behind, and into one that stands.
        assert_eq!(of(&own, body(46.0, 0.5, 0.0)), Blame::Other);
        assert_eq!(blame(&road, &own, 0.0, &body(54.0, 0.5, 3.1)), Blame::Other);
        // It backs into whoever is behind.
        assert_eq!(blame(&road, &own, -1.5, &body(46.0, 0.5, 0.0)), Blame::Ego);
    }

    #[test]
    fn nobody_is_to_blame_for_a_start_in_contact() {
        let blame = |x_m| contact_with(x_m).map(|c| c.blame);
        assert_eq!(blame(21.0), Some(Blame::Start));
        // Too near to brake for, but not in contact yet.
        assert_eq!(blame(26.0), Some(Blame::Ego));
        assert_eq!(blame(60.0), None);
    }

    /// A lane of 200 m, and a vehicle in it that is to be 10 m further back in 12 s.
    fn back(others: &[Recorded], then: impl FnOnce(&Scene<'_>)) {
        let border = |y_m: f64| (0..21).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
        let lane = Lane { left: border(1.75), right: border(-1.75), ..Lane::default() };
        let road = Road::build(&LaneMap { lanes: vec![lane] });
        let vehicle = Vehicle::commonroad(2).expect("it is one of four");
        let ring = [(48.0, -1.5), (52.0, -1.5), (52.0, 1.5), (48.0, 1.5)];
        let ring = ring.map(|(x_m, y_m)| Point2 { x_m, y_m }).to_vec();
        let goal = Goal { steps: (60, 120), rings: vec![ring], ..Goal::default() };
        then(&Scene {
            road: &road,
            others,
            vehicle,
            goals: Goals { any_of: vec![goal] },
            start: State::at_centre(&vehicle, Point2 { x_m: 60.0, y_m: 0.0 }, 0.0, 0.0),
            first_step: 0,
            options: PlannerOptions::for_step(0.1),
            prediction: Prediction::Own,
            watch: Watch::Obeyed,
        });
    }

    fn standing(x_m: f64) -> Recorded {
        let body = Body {
            centre: Point2 { x_m, y_m: 0.0 },
            heading_rad: 0.0,
            half_length_m: 2.0,
            half_width_m: 0.9,
        };
        let moments = vec![Some((body, 0.0))];
        Recorded { id: 1, is_static: true, keeps_lane: true, first_step: 0, moments }
    }

    #[test]
    fn a_goal_behind_is_driven_back_to_with_the_monitor_looking_back() {
        back(&[], |scene| {
            let driven = drive(scene, &|| Duration::ZERO);
            assert!(driven.reached.is_some() && driven.left_road.is_none());
            let backs = driven.cycles.iter().filter(|c| c.state.speed_mps < 0.0);
            let verdicts: Vec<_> =
                backs.filter_map(|c| Some(c.decision.as_ref()?.decision.verdict)).collect();
            let pass = rv_driver::monitor::Verdict::Pass;
            assert!(verdicts.len() > 10 && verdicts.iter().all(|v| *v == pass), "{verdicts:?}");
        });
        // Somebody stands on the goal: it does not back into him.
        back(&[standing(51.0)], |scene| {
            let driven = drive(scene, &|| Duration::ZERO);
            assert!(driven.reached.is_none() && driven.contact.is_none());
        });
    }

    #[test]
    fn reach_finds_proves_and_exhausts() {
        let options = ReachOptions::new(200, 12.0);
        back(&[], |scene| {
            let Reach::Found(states) = reach(scene, &options) else { panic!("not found") };
            let last = states.last().expect("the start at least");
            assert!(scene.goals.is_reached(&scene.vehicle, last, states.len() as i64 - 1));
            assert!(states.iter().all(|s| scene.road.is_clear(&s.body(&scene.vehicle))));
            let goals = Goals::default();
            let aimless = Scene { goals, ..scene.clone() };
            assert_eq!(reach(&aimless, &options), Reach::Impossible("it states no goal"));
            // Ten metres back in half a second.
            let mut soon = scene.goals.clone();
            soon.any_of[0].steps = (3, 5);
            let hasty = Scene { goals: soon, ..scene.clone() };
            assert!(matches!(reach(&hasty, &options), Reach::Exhausted { .. }));
        });
        back(&[standing(58.0)], |scene| {
            assert_eq!(reach(scene, &options), Reach::Impossible("it begins in contact"));
        });
    }
}
