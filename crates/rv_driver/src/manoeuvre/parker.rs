//! Drives a manoeuvre: run by run, the wheels first, at the pace planned, and waits for whoever comes
//! into the way.

use super::{Plan, RearPose, Run, RunPoint};
use crate::control::{Follower, Weights};
use crate::trajectory::{Body, Gear, Input, State, Vehicle, wrapped_rad};
use crate::urban::pace::{Bound, Comfort, braking_way_m};

/// Distance between places on the way at which others are looked for, m.
const LOOK_M: f64 = 0.2;
/// Braking for others, usual and at most, m/s2.
const YIELD_MPS2: f64 = 0.8;
const YIELD_MAX_MPS2: f64 = 3.0;
/// Room left to where somebody would be touched, m.
const ROOM_M: f64 = 0.4;
/// Air left to people, and to vehicles that move, m.
const PEOPLE_AIR_M: f64 = 0.5;
const VEHICLE_AIR_M: f64 = 0.3;
/// How much sooner or later than expected somebody may come by, s.
const SOONER_S: f64 = 1.0;
/// What passengers would not notice.
const COMFORT: Comfort = Comfort { acceleration_mps2: 0.6, braking_mps2: 0.9, jerk_mps3: 1.7 };
/// Distance between places ahead whose speed is minded, m.
const MIND_M: f64 = 0.15;
/// A run has ended so near to its end, m; the last of it is crept, m, at so much, m/s.
const AT_END_M: f64 = 0.004;
const NEARING_M: f64 = 0.02;
const NEARING_MPS: f64 = 0.04;
/// Slower than this it stands, m/s.
const STANDS_MPS: f64 = 0.005;
/// So far beside its way, m, or turned from it, rad, it is lost and needs another plan.
const LOST: (f64, f64) = (0.25, 0.15);
/// Poses ahead, and the time between them, s.
pub(crate) const AHEAD: usize = 9;
pub(crate) const AHEAD_S: f64 = 0.25;

/// Another one near the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Other {
    /// Its number.
    pub id: u32,
    /// Where it is.
    pub body: Body,
    /// How it moves, m/s along x and y.
    pub velocity_mps: (f64, f64),
    /// True if it walks.
    pub walks: bool,
}

/// What a cycle rests on.
#[derive(Clone, Copy, Debug)]
pub struct Aims<'a> {
    /// The vehicle.
    pub state: State,
    /// Its acceleration along its nose, m/s2.
    pub acceleration_mps2: f64,
    /// Everybody near who was not part of the plan, and those who move.
    pub others: &'a [Other],
    /// No faster than this, m/s.
    pub cap_mps: f64,
    /// False while the vehicle has not yet come to where it is to stand; the next run waits for that.
    pub is_settled: bool,
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing.
    Nothing,
    /// Its wheels, at a stand.
    Wheels,
    /// Somebody.
    Other(u32),
}

/// What to do in a cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Which way.
    pub gear: Gear,
    /// Steering and acceleration along the nose.
    pub input: Input,
    /// What keeps it from going on.
    pub wait: Wait,
    /// True once it stands at the goal.
    pub is_done: bool,
    /// True if it is so far off its way that another plan is needed.
    pub is_lost: bool,
}

/// Drives one plan.
#[derive(Clone, Debug)]
pub struct Parker {
    vehicle: Vehicle,
    plan: Plan,
    dt_s: f64,
    run: usize,
    s_m: f64,
    /// The wheels have been turned for this run.
    is_set: bool,
    follower: Follower,
    waited_s: f64,
    ahead: [(RearPose, f64); AHEAD],
}

impl Parker {
    /// At the start of a plan, with cycles of `dt_s`.
    pub fn new(vehicle: Vehicle, plan: Plan, dt_s: f64) -> Self {
        let follower = Follower::new(vehicle, dt_s, 0, &Weights::USUAL);
        let ahead = [(RearPose::default(), 0.0); AHEAD];
        Self {
            vehicle,
            plan,
            dt_s,
            run: 0,
            s_m: 0.0,
            is_set: false,
            follower,
            waited_s: 0.0,
            ahead,
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How long it has waited for somebody, s.
    pub fn waited_s(&self) -> f64 {
        self.waited_s
    }

    /// Poses to come with their speeds along the nose, a quarter of a second apart, the first for now.
    pub fn ahead(&self) -> &[(RearPose, f64)] {
        &self.ahead
    }

    /// Way left, m.
    pub fn rest_m(&self) -> f64 {
        let runs = self.plan.runs.get(self.run..).unwrap_or_default();
        (runs.iter().map(Run::length_m).sum::<f64>() - self.s_m).max(0.0)
    }

    /// True if any of the way left is driven backwards.
    pub fn has_to_back(&self) -> bool {
        let runs = self.plan.runs.get(self.run..).unwrap_or_default();
        runs.iter().any(|run| run.gear == Gear::Reverse)
    }

    /// One cycle. Bounded work: others times places within the braking way.
    pub fn cycle(&mut self, aims: &Aims<'_>) -> Step {
        let stands = aims.state.speed_mps.abs() < STANDS_MPS;
        if let Some(run) = self.plan.runs.get(self.run) {
            self.s_m = progress_m(run, self.s_m, &aims.state);
            let rest_m = run.length_m() - self.s_m;
            if stands && aims.is_settled && self.is_set && rest_m < AT_END_M {
                (self.run, self.s_m, self.is_set) = (self.run + 1, 0.0, false);
            }
        }
        // The plan is not changed while it is read.
        let runs = std::mem::take(&mut self.plan.runs);
        let step = match runs.get(self.run) {
            Some(run) => self.along(run, aims, stands),
            None => self.at_end(&runs, aims, stands),
        };
        self.plan.runs = runs;
        step
    }

    fn at_end(&mut self, runs: &[Run], aims: &Aims<'_>, stands: bool) -> Step {
        self.stay(aims);
        let gear = runs.last().map_or(Gear::Forward, |r| r.gear);
        let input = Input {
            steering_rate_radps: 0.0,
            acceleration_mps2: -aims.state.speed_mps / self.dt_s,
        };
        Step {
            gear,
            input,
            wait: Wait::Nothing,
            is_done: stands && aims.is_settled,
            is_lost: false,
        }
    }

    fn along(&mut self, run: &Run, aims: &Aims<'_>, stands: bool) -> Step {
        let state = &aims.state;
        let here = at(run, self.s_m);
        let sign = run.gear.sign();
        if !self.is_set {
            let off = here.steering_rad - state.steering_rad;
            self.is_set = stands && off.abs() < 0.01;
            if !self.is_set {
                return self.set_wheels(run, aims, off);
            }
        }
        let v = (sign * state.speed_mps).max(0.0);
        let (free_m, hindered) = self.free_m(run, aims, v);
        let push = self.push(run, (v, sign * aims.acceleration_mps2), aims.cap_mps, free_m);
        let waits = hindered.filter(|_| v < 0.1);
        self.waited_s = if waits.is_some() { self.waited_s + self.dt_s } else { 0.0 };
        let next_mps = (v + push * self.dt_s).max(0.0);
        let next = at(run, self.s_m + (v + next_mps) / 2.0 * self.dt_s);
        let planned = [planned_state(&here, sign * v), planned_state(&next, sign * next_mps)];
        let input = self.follower.cycle_in(run.gear, state, &planned);
        let input = Input { acceleration_mps2: sign * push, ..input };
        self.look_ahead(run, state, (v, push, sign), free_m);
        let (off_m, turned) = beside(&here, state);
        let wait = waits.map_or(Wait::Nothing, Wait::Other);
        Step {
            gear: run.gear,
            input,
            wait,
            is_done: false,
            is_lost: off_m > LOST.0 || turned > LOST.1,
        }
    }

    /// Acceleration in its direction: the largest within comfort after which each place ahead can
    /// still be passed at its speed, and the run's end be stopped at; harder for somebody in the way.
    fn push(&self, run: &Run, (v, a): (f64, f64), cap_mps: f64, free_m: Option<f64>) -> f64 {
        let rest_m = run.length_m() - self.s_m;
        let end = Bound { at_m: rest_m - NEARING_M, mps: NEARING_MPS };
        let other = free_m.map(|at_m| Bound { at_m, mps: 0.0 });
        let reach_m = v * v / COMFORT.braking_mps2 + 0.8;
        let n = (reach_m.min(rest_m) / MIND_M).max(0.0) as usize;
        let places = (0..n).map(|k| {
            let at_m = k as f64 * MIND_M;
            Bound { at_m, mps: at(run, self.s_m + at_m).speed_mps.max(NEARING_MPS) }
        });
        let cap_mps = if rest_m < AT_END_M { 0.0 } else { cap_mps };
        let keeps = |a: f64| {
            let after = v + a * self.dt_s;
            let way_m = (v + after) / 2.0 * self.dt_s;
            let fits = |b: Bound| {
                after <= b.mps || braking_way_m(&COMFORT, after, a, b.mps) <= b.at_m - way_m
            };
            after <= cap_mps && fits(end) && other.is_none_or(fits) && places.clone().all(fits)
        };
        let by = COMFORT.jerk_mps3 * self.dt_s;
        let stop = -v / self.dt_s;
        // Of a creeping stop nobody notices the jolt.
        let low = if v <= 2.0 * NEARING_MPS { stop } else { (a - by).max(-COMFORT.braking_mps2) };
        let (mut low, mut high) = (low.max(stop), (a + by).min(COMFORT.acceleration_mps2));
        let urgent = free_m.is_some_and(|m| v * v / (2.0 * m.max(0.02)) > 1.2 * YIELD_MPS2);
        if urgent && !keeps(low) {
            return (-YIELD_MAX_MPS2).max(stop);
        }
        if high <= low || keeps(high) {
            return high.max(low);
        }
        for _ in 0..6 {
            let middle = (low + high) / 2.0;
            if keeps(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// Stands, or comes to a stand, and turns the wheels.
    fn set_wheels(&mut self, run: &Run, aims: &Aims<'_>, off_rad: f64) -> Step {
        self.stay(aims);
        let rate = self.vehicle.steering_rate_max_radps;
        let input = Input {
            steering_rate_radps: (off_rad / self.dt_s).clamp(-rate, rate),
            acceleration_mps2: -aims.state.speed_mps / self.dt_s,
        };
        Step { gear: run.gear, input, wait: Wait::Wheels, is_done: false, is_lost: false }
    }

    fn stay(&mut self, aims: &Aims<'_>) {
        let State { rear, heading_rad, .. } = aims.state;
        self.ahead = [(RearPose { rear, heading_rad }, 0.0); AHEAD];
    }

    /// Way until somebody would be in it, m, and who; nothing if nobody is near.
    fn free_m(&self, run: &Run, aims: &Aims<'_>, v: f64) -> (Option<f64>, Option<u32>) {
        if aims.others.is_empty() {
            return (None, None);
        }
        let reach_m = v * v / (2.0 * YIELD_MPS2) + 0.6 * v + 1.2;
        let end_m = (self.s_m + reach_m).min(run.length_m());
        let n = ((end_m - self.s_m) / LOOK_M).ceil().max(1.0) as usize;
        for k in 0..=n {
            let s_m = self.s_m + (end_m - self.s_m) * k as f64 / n as f64;
            let state = planned_state(&at(run, s_m), 0.0);
            let body = state.body(&self.vehicle);
            let at_s = (s_m - self.s_m) / v.max(0.5);
            let Some(other) = aims.others.iter().find(|o| meets(&body, o, at_s)) else { continue };
            return (Some((s_m - self.s_m - ROOM_M).max(0.0)), Some(other.id));
        }
        (None, None)
    }

    /// Poses to come if the speed goes on as decided, off the way as it now is.
    fn look_ahead(
        &mut self,
        run: &Run,
        state: &State,
        (v, push, sign): (f64, f64, f64),
        free_m: Option<f64>,
    ) {
        let here = at(run, self.s_m);
        let (dx, dy) = (state.rear.x_m - here.pose.rear.x_m, state.rear.y_m - here.pose.rear.y_m);
        let turned = wrapped_rad(state.heading_rad - here.pose.heading_rad);
        let stop_m = run.length_m().min(self.s_m + free_m.unwrap_or(f64::INFINITY));
        let (mut s_m, mut v, mut push) = (self.s_m, v, push);
        for pose in &mut self.ahead {
            let p = at(run, s_m).pose;
            let mut rear = p.rear;
            (rear.x_m, rear.y_m) = (rear.x_m + dx, rear.y_m + dy);
            *pose = (RearPose { rear, heading_rad: p.heading_rad + turned }, sign * v);
            let rest_m = (stop_m - s_m).max(0.0);
            let top = at(run, s_m + v * AHEAD_S).speed_mps.min((2.0 * YIELD_MPS2 * rest_m).sqrt());
            let next = (v + push * AHEAD_S).clamp(0.0, top.max(v - COMFORT.braking_mps2 * AHEAD_S));
            push = push.max(0.0);
            s_m = (s_m + (v + next) / 2.0 * AHEAD_S).min(run.length_m());
            v = next;
        }
    }
}

/// True if a body would be where another one may then be.
fn meets(own: &Body, other: &Other, at_s: f64) -> bool {
    let speed = other.velocity_mps.0.hypot(other.velocity_mps.1);
    if speed < 0.1 && !other.walks {
        return own.overlaps(&other.body.grown(0.03));
    }
    let air_m = if other.walks { PEOPLE_AIR_M } else { VEHICLE_AIR_M };
    let body = other.body.grown(air_m);
    let from_s = (at_s - SOONER_S).max(0.0);
    let to_s = at_s + SOONER_S;
    let n = (speed * (to_s - from_s) / 0.5).ceil().clamp(1.0, 40.0) as usize;
    (0..=n).any(|k| {
        let t = from_s + (to_s - from_s) * k as f64 / n as f64;
        let mut moved = body;
        moved.centre.x_m += other.velocity_mps.0 * t;
        moved.centre.y_m += other.velocity_mps.1 * t;
        own.overlaps(&moved)
    })
}

fn planned_state(point: &RunPoint, speed_mps: f64) -> State {
    State {
        rear: point.pose.rear,
        heading_rad: point.pose.heading_rad,
        speed_mps,
        steering_rad: point.steering_rad,
    }
}

/// The point so far along a run, between those listed.
fn at(run: &Run, s_m: f64) -> RunPoint {
    let points = &run.points;
    let n = points.partition_point(|p| p.s_m <= s_m).clamp(1, points.len().max(2) - 1);
    let (Some(a), Some(b)) = (points.get(n - 1), points.get(n)) else {
        return points.first().copied().unwrap_or(RunPoint {
            s_m: 0.0,
            pose: RearPose::default(),
            steering_rad: 0.0,
            speed_mps: 0.0,
        });
    };
    let x = ((s_m - a.s_m) / (b.s_m - a.s_m).max(1e-9)).clamp(0.0, 1.0);
    let mix = |p: f64, q: f64| p + (q - p) * x;
    let mut pose = a.pose;
    pose.rear.x_m = mix(a.pose.rear.x_m, b.pose.rear.x_m);
    pose.rear.y_m = mix(a.pose.rear.y_m, b.pose.rear.y_m);
    pose.heading_rad += (b.pose.heading_rad - a.pose.heading_rad) * x;
    RunPoint {
        s_m,
        pose,
        steering_rad: mix(a.steering_rad, b.steering_rad),
        speed_mps: mix(a.speed_mps, b.speed_mps),
    }
}

/// How far along a run a vehicle is, looked for near where it was.
fn progress_m(run: &Run, last_m: f64, state: &State) -> f64 {
    let from = run.points.partition_point(|p| p.s_m < last_m - 0.2);
    let near = run.points[from..].iter().take_while(|p| p.s_m < last_m + 0.6);
    let nearest = near.min_by(|a, b| {
        let far = |p: &RunPoint| p.pose.rear.distance_to(state.rear).0;
        far(a).total_cmp(&far(b))
    });
    let Some(p) = nearest else { return last_m };
    let (sin, cos) = p.pose.heading_rad.sin_cos();
    let (dx, dy) = (state.rear.x_m - p.pose.rear.x_m, state.rear.y_m - p.pose.rear.y_m);
    // Beyond its end is told, too.
    (p.s_m + run.gear.sign() * (dx * cos + dy * sin)).max(0.0)
}

/// How far beside its way a vehicle is, m, and how far turned from it, rad.
fn beside(point: &RunPoint, state: &State) -> (f64, f64) {
    let off = crate::control::errors(state, &planned_state(point, 0.0));
    (off.beside_m.abs(), off.heading_rad.abs())
}
