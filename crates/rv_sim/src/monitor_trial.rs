//! The monitor between a planner that goes wrong in every way and a vehicle that does as told.
//!
//! Each trip drives a straight road of three lanes in a random direction, with others that keep to
//! what the monitor assumes of them: one in front that may brake as hard as assumed, one parked at
//! the side, one that comes towards it in the next lane. Plans are corrupted, observations dropped
//! or delayed; whatever the monitor lets through is driven exactly as planned, also if it is wrong.
//! At last the planner fails for good, and a stand must be reached. What happens is judged by
//! geometry that the monitor does not use.

use rv_base::{Point2, Rng};
use rv_driver::monitor::{Case, Drive, Lead, Monitor, Pose, Rules, Track, Verdict};
use rv_driver::trajectory::Body;

/// Time between two cycles, s.
const CYCLE_S: f64 = 0.1;
/// Half the width of the road, m.
const ROAD_HALF_M: f64 = 5.25;
/// Half length and half width of all, m.
const HALF_M: (f64, f64) = (2.4, 0.95);
/// Cycles before the planner fails for good.
const CYCLES_OF_A_TRIP: usize = 60;
/// Longest until it must stand after that, s.
const STANDS_WITHIN_S: f64 = 20.0;

/// What a trial came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Cycles.
    pub n_cycles: u64,
    /// Trips; each ended with a planner that failed for good.
    pub n_trips: u64,
    /// Plans that were corrupted.
    pub n_corrupted: u64,
    /// Observations that were dropped or late.
    pub n_dropped: u64,
    /// Plans that were let through.
    pub n_passed: u64,
    /// Plans that were corrupted and let through; harmless ones are among them.
    pub n_corrupted_passed: u64,
    /// Cycles in which a plan was driven without a verified stop behind it.
    pub n_driven_unverified: u64,
    /// Contacts.
    pub n_contacts: u64,
    /// Cycles off the road.
    pub n_off_road: u64,
    /// Trips that did not come to a stand in time.
    pub n_not_stopped: u64,
    /// Longest from the planner's last failure to a stand, in cycles.
    pub stop_cycles_max: u64,
}

impl Trial {
    /// True if nothing unsafe got through and every trip came to a stand.
    pub fn is_good(&self) -> bool {
        self.n_contacts + self.n_off_road + self.n_not_stopped + self.n_driven_unverified == 0
    }
}

/// Who stands between the planner and the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The monitor.
    Monitor,
    /// Nobody, to see what would happen.
    Nobody,
}

/// Runs trips until so many cycles are done.
pub fn run(n_cycles: u64, seed: u64, guard: Guard) -> Trial {
    let rng = Rng::from_seed(seed).fork("monitor_trial");
    let mut trial = Trial::default();
    let mut trip = 0;
    while trial.n_cycles < n_cycles {
        drive_trip(&mut rng.fork_idx("trip", trip), &mut trial, guard);
        trip += 1;
    }
    trial
}

/// One on the road, along and across it.
#[derive(Clone, Copy, Debug)]
struct Car {
    s_m: f64,
    d_m: f64,
    /// Heading from the road's.
    turn_rad: f64,
    v: f64,
}

struct World {
    heading_rad: f64,
    own: Car,
    front: Car,
    parked: Car,
    oncoming: Car,
    front_brakes_at: usize,
    front_brakes_mps2: f64,
}

impl World {
    fn new(rng: &mut Rng, rules: &Rules) -> Self {
        let v = rng.range(3.0, 20.0);
        let front_v = rng.range(0.0, 20.0);
        let gap_m = rv_driver::monitor::rss_gap_m(rules, v, front_v) + rng.range(1.0, 60.0);
        let car = |s_m, d_m, v| Car { s_m, d_m, turn_rad: 0.0, v };
        Self {
            heading_rad: rng.range(-3.0, 3.0),
            own: car(0.0, 0.0, v),
            front: car(gap_m + 2.0 * HALF_M.0, 0.0, front_v),
            parked: car(rng.range(20.0, 120.0), -4.0, 0.0),
            oncoming: Car {
                turn_rad: std::f64::consts::PI,
                ..car(rng.range(60.0, 300.0), 3.5, rng.range(5.0, 15.0))
            },
            front_brakes_at: rng.below(2 * CYCLES_OF_A_TRIP),
            front_brakes_mps2: rng.range(1.0, rules.braking_max_mps2),
        }
    }

    fn point(&self, s_m: f64, d_m: f64) -> Point2 {
        let (sin, cos) = self.heading_rad.sin_cos();
        Point2 { x_m: s_m * cos - d_m * sin, y_m: s_m * sin + d_m * cos }
    }

    fn pose(&self, car: &Car, at_s: f64) -> Pose {
        Pose {
            at_s,
            centre: self.point(car.s_m, car.d_m),
            heading_rad: self.heading_rad + car.turn_rad,
            speed_mps: car.v,
        }
    }

    fn body(&self, car: &Car) -> Body {
        let pose = self.pose(car, 0.0);
        Body {
            centre: pose.centre,
            heading_rad: pose.heading_rad,
            half_length_m: HALF_M.0,
            half_width_m: HALF_M.1,
        }
    }

    /// The others go on by a cycle.
    fn go_on(&mut self, cycle: usize) {
        let brakes = cycle >= self.front_brakes_at;
        let after = if brakes {
            (self.front.v - self.front_brakes_mps2 * CYCLE_S).max(0.0)
        } else {
            self.front.v
        };
        self.front.s_m += (self.front.v + after) / 2.0 * CYCLE_S;
        self.front.v = after;
        self.oncoming.s_m -= self.oncoming.v * CYCLE_S;
    }

    /// A good plan: on in the lane, as fast as the one in front allows.
    fn plan(&self, rules: &Rules) -> Vec<Pose> {
        let gap_m = self.front.s_m - self.own.s_m - 2.0 * HALF_M.0;
        let wish_m = rv_driver::monitor::rss_gap_m(rules, self.own.v, self.front.v) + 3.0;
        let closing = (self.own.v - self.front.v).max(0.0);
        let needed = closing * closing / (2.0 * (gap_m - 1.0).max(0.1));
        let a = if gap_m < wish_m { -(needed + 0.8).clamp(1.0, 6.0) } else { 0.3 };
        let a = if self.own.v > 19.0 { a.min(0.0) } else { a };
        let mut car = self.own;
        let mut poses = vec![self.pose(&car, 0.0)];
        for i in 1..=20 {
            let after = (car.v + a * CYCLE_S).max(0.0);
            let step_m = (car.v + after) / 2.0 * CYCLE_S;
            // Back to the middle of the lane, gently.
            let reach_m = (0.8 * car.v).max(4.0);
            let bend = -car.d_m / (reach_m * reach_m) - 1.8 * car.turn_rad / reach_m;
            car.turn_rad += bend * step_m;
            car.s_m += step_m * car.turn_rad.cos();
            car.d_m += step_m * car.turn_rad.sin();
            car.v = after;
            poses.push(self.pose(&car, f64::from(i) * CYCLE_S));
        }
        poses
    }

    /// Puts the vehicle to a pose.
    fn put(&mut self, pose: &Pose) {
        let (sin, cos) = self.heading_rad.sin_cos();
        let (x, y) = (pose.centre.x_m, pose.centre.y_m);
        self.own = Car {
            s_m: x * cos + y * sin,
            d_m: y * cos - x * sin,
            turn_rad: wrapped(pose.heading_rad - self.heading_rad),
            v: pose.speed_mps.max(0.0),
        };
    }

    fn brake(&mut self, a: f64, curvature_1pm: f64, rules: &Rules) {
        let car = &mut self.own;
        let after = (car.v + a.clamp(-rules.braking_max_mps2, 0.0) * CYCLE_S).max(0.0);
        let step_m = (car.v + after) / 2.0 * CYCLE_S;
        let most = (rules.grip_mps2 / (car.v * car.v).max(0.1)).min(0.2);
        let turned = curvature_1pm.clamp(-most, most) * step_m;
        let middle = car.turn_rad + turned / 2.0;
        car.s_m += step_m * middle.cos();
        car.d_m += step_m * middle.sin();
        car.turn_rad += turned;
        car.v = after;
    }
}

fn drive_trip(rng: &mut Rng, trial: &mut Trial, guard: Guard) {
    let rules = Rules::van(CYCLE_S);
    let mut world = World::new(rng, &rules);
    let mut monitor = Monitor::new(rules);
    let edges: Vec<(Point2, Point2)> = [-ROAD_HALF_M, ROAD_HALF_M]
        .into_iter()
        .flat_map(|d| (-1..30).map(move |i| (f64::from(i) * 40.0, d)))
        .map(|(s, d)| (world.point(s, d), world.point(s + 40.0, d)))
        .collect();
    trial.n_trips += 1;
    let rate = rng.range(0.0, 0.6);
    // What was last observed of the others: poses, the one in front, and how long ago.
    let mut observed = observe(&world);
    let mut age_s = 0.0;
    let mut failed_for = 0;
    for cycle in 0.. {
        let is_failed = cycle >= CYCLES_OF_A_TRIP;
        trial.n_cycles += 1;
        if rng.chance(if is_failed { 0.3 } else { 0.2 * rate }) {
            trial.n_dropped += 1;
            age_s += CYCLE_S;
        } else {
            observed = observe(&world);
            age_s = 0.0;
        }
        let mut plan = world.plan(&rules);
        let is_corrupt = is_failed || rng.chance(rate);
        if is_corrupt {
            trial.n_corrupted += 1;
            corrupt(rng, &mut plan);
        }
        let mut now = world.pose(&world.own, 0.0);
        if is_corrupt && rng.chance(0.05) {
            now.speed_mps = f64::NAN;
        }
        let poses: Vec<[Pose; 1]> =
            observed.0.iter().map(|pose| [Pose { at_s: -age_s, ..*pose }]).collect();
        let others: Vec<Track<'_>> =
            poses.iter().map(|poses| Track { half_m: HALF_M, poses }).collect();
        // The gap as last seen, less what the vehicle has come nearer since.
        let lead = Lead { gap_m: observed.1 - (world.own.s_m - observed.3), speed_mps: observed.2 };
        let decision = monitor.cycle(&Case {
            now,
            half_m: HALF_M,
            plan: &plan,
            others: &others,
            edges: &edges,
            aside: &[],
            age_s,
            lead: (lead.gap_m > -HALF_M.0).then_some(lead),
            outside: None,
        });
        match decision.drive {
            _ if guard == Guard::Nobody => {
                let next = plan.get(1).filter(|p| p.centre.x_m.is_finite()).copied();
                world.put(&next.unwrap_or(world.pose(&world.own, 0.0)));
            }
            Drive::Plan => {
                trial.n_passed += 1;
                trial.n_corrupted_passed += u64::from(is_corrupt);
                trial.n_driven_unverified += u64::from(!decision.has_verified_stop);
                let next = plan.get(1).copied().unwrap_or(now);
                world.put(&next);
            }
            Drive::Stop { acceleration_mps2, curvature_1pm } => {
                debug_assert!(decision.verdict != Verdict::Pass);
                world.brake(acceleration_mps2, curvature_1pm, &rules);
            }
        }
        world.go_on(cycle);
        let own = world.body(&world.own);
        let others = [&world.front, &world.parked, &world.oncoming];
        let touches = others.iter().any(|car| own.overlaps(&world.body(car)));
        let wide_m =
            HALF_M.0 * world.own.turn_rad.sin().abs() + HALF_M.1 * world.own.turn_rad.cos().abs();
        let is_off = world.own.d_m.abs() + wide_m > ROAD_HALF_M;
        if touches || is_off || !own.centre.x_m.is_finite() {
            trial.n_contacts += u64::from(touches);
            trial.n_off_road += u64::from(!touches);
            return;
        }
        if is_failed {
            failed_for += 1;
            if world.own.v <= 0.0 {
                trial.stop_cycles_max = trial.stop_cycles_max.max(failed_for);
                return;
            }
            if failed_for as f64 * CYCLE_S > STANDS_WITHIN_S {
                trial.n_not_stopped += 1;
                return;
            }
        }
    }
}

/// Poses of the others, the gap to the one in front, its speed, and where the vehicle was.
fn observe(world: &World) -> ([Pose; 3], f64, f64, f64) {
    let poses = [&world.front, &world.parked, &world.oncoming].map(|car| world.pose(car, 0.0));
    let gap_m = world.front.s_m - world.own.s_m - 2.0 * HALF_M.0;
    (poses, gap_m, world.front.v, world.own.s_m)
}

/// Makes a plan wrong in one of many ways.
fn corrupt(rng: &mut Rng, plan: &mut Vec<Pose>) {
    let at = rng.below(plan.len());
    match rng.below(9) {
        0 => plan[at].centre.x_m = f64::NAN,
        1 => plan[at].heading_rad = f64::INFINITY,
        2 => plan[at].centre.y_m += rng.range(-30.0, 30.0),
        3 => plan[at].speed_mps += rng.range(-20.0, 20.0),
        4 => plan.truncate(at),
        5 => plan[at].at_s += rng.range(-2.0, 2.0),
        // It swerves, within what the vehicle can do.
        6 => follow(plan, rng.range(-0.08, 0.08), 0.0),
        // It speeds up, whoever is in front.
        7 => follow(plan, 0.0, rng.range(0.5, 6.0)),
        _ => plan.rotate_left(at),
    }
}

/// A plan of constant curvature and acceleration from its first pose on.
fn follow(plan: &mut [Pose], curvature_1pm: f64, a: f64) {
    for i in 1..plan.len() {
        let before = plan[i - 1];
        let after = (before.speed_mps + a * CYCLE_S).clamp(0.0, 33.0);
        let step_m = (before.speed_mps + after) / 2.0 * CYCLE_S;
        let heading_rad = before.heading_rad + curvature_1pm * step_m;
        let (sin, cos) = (before.heading_rad + curvature_1pm * step_m / 2.0).sin_cos();
        plan[i] = Pose {
            at_s: before.at_s + CYCLE_S,
            centre: Point2 {
                x_m: before.centre.x_m + step_m * cos,
                y_m: before.centre.y_m + step_m * sin,
            },
            heading_rad,
            speed_mps: after,
        };
    }
}

fn wrapped(angle_rad: f64) -> f64 {
    angle_rad.sin().atan2(angle_rad.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_planner_does_it_comes_to_a_safe_stand() {
        let trial = run(20_000, 1, Guard::Monitor);
        assert!(trial.is_good(), "{trial:?}");
        assert!(
            trial.n_corrupted > 5_000 && trial.n_dropped > 500 && trial.n_passed > 4_000,
            "{trial:?}"
        );
        assert_eq!(trial, run(20_000, 1, Guard::Monitor));
        // The same plans are no harmless ones.
        let alone = run(20_000, 1, Guard::Nobody);
        assert!(alone.n_contacts + alone.n_off_road > 20, "{alone:?}");
    }
}
