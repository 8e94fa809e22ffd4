//! Backing off: makes room in front where the van has come to stand nose to nose with something, so
//! that it, or the other, can get by.

use super::aside::is_to_pass;
use super::pace::{Comfort, fade_mps2};
use super::sight::{Beside, Scene};
use super::{CYCLE_S, Planned};
use crate::monitor::Pose;
use crate::trajectory::{Gear, Input, State, Vehicle, ahead, step_in, wrapped_rad};

/// Room that is made in front, m.
const ROOM_M: f64 = 6.5;
/// Less room than this in front is too little to get around something, m.
const NEAR_M: f64 = 4.5;
/// Shortest way back that is worth it, and the longest, m.
const BACK_MIN_M: f64 = 1.5;
const BACK_MAX_M: f64 = 7.0;
/// Room left behind, m.
const BEHIND_M: f64 = 1.2;
/// Fastest backwards, m/s, and how hard it changes, m/s2.
const BACK_MPS: f64 = 1.2;
const BACK_MPS2: f64 = 0.6;
/// It has stood so long before something parked, and before somebody who faces it, s.
const PARKED_STUCK_S: f64 = 3.0;
const FACED_STUCK_S: f64 = 6.0;
/// How the nose is turned while it goes back to its line, rad/m and rad, and how fast, 1/m.
const TURN_PER_M: f64 = 0.25;
const TURN_MAX_RAD: f64 = 0.35;
const TURN_GAIN_1PM: f64 = 0.6;
/// Times that it backs off at one place.
const TIMES_MAX: u8 = 4;

/// Fastest backwards that the vehicle is driven, m/s.
const REVERSE_MAX_MPS: f64 = 1.5;

/// Under way backwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Backing {
    /// Where its centre shall come to stand, m along the way.
    pub(crate) to_m: f64,
}

/// How often it has backed off, and where, so that it does not do so for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backed {
    at_m: f64,
    times: u8,
}

/// Whether to back off now.
pub(crate) fn begin(scene: &Scene<'_>, backed: &mut Backed) -> Option<Backing> {
    if scene.sight.state.speed_mps.abs() > 0.05 || scene.waited_s < PARKED_STUCK_S {
        return None;
    }
    let half_m = scene.vehicle.width_m / 2.0;
    let blocker = scene.beside.iter().find(|b| {
        let gap_m = b.s_m - b.half_s_m - scene.front_m();
        let is_near = (-scene.vehicle.length_m / 2.0..NEAR_M).contains(&gap_m);
        is_near
            && (b.d_m - scene.d_m).abs() < half_m + b.half_d_m + 0.4
            && b.track.speed_mps.abs() < 0.3
            && !b.track.class.walks()
            && !b.track.class.is_soft()
    })?;
    let turn = (blocker.track.heading_rad - scene.way.at(blocker.s_m).heading_rad).cos();
    let faces = turn < 0.85 && blocker.track.class.keeps_lane();
    if !(is_to_pass(scene, blocker) || faces && scene.waited_s > FACED_STUCK_S) {
        return None;
    }
    let gap_m = (blocker.s_m - blocker.half_s_m - scene.front_m()).max(0.0);
    let back_m = (ROOM_M - gap_m).min(BACK_MAX_M).min(free_behind_m(scene));
    if (scene.s_m - backed.at_m).abs() > 15.0 {
        *backed = Backed { at_m: scene.s_m, times: 0 };
    }
    if back_m < BACK_MIN_M || backed.times >= TIMES_MAX || scene.s_m - back_m < 1.0 {
        return None;
    }
    backed.times += 1;
    Some(Backing { to_m: scene.s_m - back_m })
}

/// Way back that is seen to be free, m; nothing if somebody comes from there.
fn free_behind_m(scene: &Scene<'_>) -> f64 {
    let state = &scene.sight.state;
    let behind = ahead(state.rear, state.heading_rad, -BACK_MAX_M);
    let mut free_m = if scene.sight.view.sees(behind) { BACK_MAX_M } else { 2.0 };
    for b in scene.beside.iter().filter(|b| b.s_m < scene.s_m) {
        let room_m = if b.track.class.walks() { 1.2 } else { 0.4 };
        let is_clear = (b.d_m - scene.d_m).abs()
            > scene.vehicle.width_m / 2.0 + b.half_d_m + room_m + b.vd_mps.abs();
        if is_clear || b.track.class.is_soft() {
            continue;
        }
        free_m = free_m.min(gap_behind_m(scene, b));
    }
    free_m.max(0.0)
}

fn gap_behind_m(scene: &Scene<'_>, b: &Beside) -> f64 {
    let coming_m = b.vs_mps.max(0.0) * 3.0;
    scene.tail_m() - b.s_m - b.half_s_m - BEHIND_M - coming_m
}

/// The next step back: steering and acceleration along the nose; nothing once it stands there.
pub(crate) fn next(scene: &Scene<'_>, backing: &Backing) -> Option<Input> {
    let state = &scene.sight.state;
    let back_mps = (-state.speed_mps).max(0.0);
    let rest_m = (scene.s_m - backing.to_m).min(free_behind_m(scene));
    if rest_m < 0.15 && back_mps < 0.015 {
        return None;
    }
    // Back towards the line of the way: going backwards, the nose turned to the side on which the
    // van is brings the rear back to the middle.
    let turn = wrapped_rad(state.heading_rad - scene.way.at(scene.s_m).heading_rad);
    let wish_rad = (TURN_PER_M * scene.d_m).clamp(-TURN_MAX_RAD, TURN_MAX_RAD);
    let bend = -TURN_GAIN_1PM * wrapped_rad(wish_rad - turn);
    let wheels_rad = (bend * scene.vehicle.wheelbase_m()).atan().clamp(-0.5, 0.5);
    let rate = ((wheels_rad - state.steering_rad) / CYCLE_S).clamp(-0.6, 0.6);
    let is_straight = (wheels_rad - state.steering_rad).abs() < 0.15 || back_mps > 0.1;
    let wish_mps =
        if is_straight { BACK_MPS.min((2.0 * 0.4 * rest_m.max(0.0)).sqrt()) } else { 0.0 };
    let push = ((wish_mps - back_mps) / 0.4).clamp(-2.0 * BACK_MPS2, BACK_MPS2);
    let by_jerk = Comfort::ALLOWED.jerk_mps3 * CYCLE_S;
    let now = -scene.sight.acceleration_mps2;
    let push = push.max(-fade_mps2(back_mps, CYCLE_S));
    let push = push.clamp(now - by_jerk, now + by_jerk).max(-back_mps / CYCLE_S);
    Some(Input { steering_rate_radps: rate, acceleration_mps2: -push })
}

/// The state after a step backwards.
pub(crate) fn step_back(
    vehicle: &Vehicle,
    state: &State,
    input: Input,
    speed_max_mps: f64,
    dt_s: f64,
) -> State {
    let back_mps = (-state.speed_mps).max(0.0);
    let wish = back_mps - input.acceleration_mps2 * dt_s;
    let next = wish.clamp(0.0, speed_max_mps.clamp(0.0, REVERSE_MAX_MPS));
    let input = Input { acceleration_mps2: (back_mps - next) / dt_s, ..input };
    step_in(vehicle, Gear::Reverse, state, input, dt_s)
}

/// The way back as the monitor judges it: a vehicle that drives forwards the other way around.
pub(crate) fn mirrored(
    scene: &Scene<'_>,
    input: Input,
    plan: &mut Vec<Planned>,
    out: &mut Vec<Pose>,
) {
    const STEP_S: f64 = 0.25;
    let mut state = scene.sight.state;
    plan.clear();
    out.clear();
    for k in 0..=8 {
        let at_s = f64::from(k) * STEP_S;
        let centre = state.centre(scene.vehicle);
        let State { heading_rad, speed_mps, .. } = state;
        plan.push(Planned { at_s, centre, heading_rad, speed_mps });
        let back_rad = heading_rad + std::f64::consts::PI;
        out.push(Pose { at_s, centre, heading_rad: back_rad, speed_mps: -speed_mps });
        // The wheels stay as they are.
        let input = Input { steering_rate_radps: 0.0, ..input };
        state = step_back(scene.vehicle, &state, input, BACK_MPS, STEP_S);
    }
}
