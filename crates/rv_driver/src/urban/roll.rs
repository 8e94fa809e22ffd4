//! Rolls a decision out into states to come, has them judged, and steers.

use rv_base::Point2;
use rv_map::city_lanes::CityLanes;

use super::Planned;
use super::Reason;
use super::aside::Aside;
use super::pace::{Bound, Comfort, braking_way_m};
use super::predict::along_lane;
use super::reverse::mirrored;
use super::sight::{Beside, Scene};
use crate::monitor::{self, Case, Lead, Monitor, Pose};
use crate::trajectory::{Input, State, bounded, step};

/// Time between two states of a plan, s, and how far ahead it reaches.
const STEP_S: f64 = 0.25;
const STEPS: usize = 16;

/// Steps ahead for which the monitor is handed where others will be.
const JUDGED: usize = 8;

/// States if the acceleration decided on is kept as far as the bounds allow, driven through the
/// vehicle model by the steering that will drive it.
pub(crate) fn out(
    scene: &Scene<'_>,
    aside: &Aside,
    a_mps2: f64,
    bounds: &[(Bound, Reason)],
    plan: &mut Vec<Planned>,
) {
    let mut state = scene.sight.state;
    let (mut s, mut a) = (scene.s_m, a_mps2);
    let limit = Comfort::PLANNED;
    // The bound that binds first, and no other, shapes the plan beyond the next step.
    let room = |b: &Bound| b.at_m - braking_way_m(&limit, scene.v_mps, a_mps2, b.mps);
    let tight = bounds.iter().map(|b| b.0).min_by(|x, y| room(x).total_cmp(&room(y)));
    for k in 0..=STEPS {
        let v = state.speed_mps;
        let (centre, heading_rad) = (state.centre(scene.vehicle), state.heading_rad);
        plan.push(Planned { at_s: k as f64 * STEP_S, centre, heading_rad, speed_mps: v });
        let p = scene.way.at(s);
        let to_m = tight.map_or(f64::INFINITY, |b| b.at_m - (s - scene.s_m));
        let end = tight.map_or(0.0, |b| b.mps);
        let must = braking_way_m(&limit, v, a.max(0.0), end) > to_m - v * STEP_S;
        if k == 0 || a_mps2 < -limit.braking_mps2 {
            // As decided; hard braking goes on to a stand.
        } else if must && v > end {
            a = (a - limit.jerk_mps3 * STEP_S).max(-limit.braking_mps2);
        } else if v > p.cap_mps {
            a = (a - limit.jerk_mps3 * STEP_S).max(-1.0);
        } else if v + a.max(0.0).powi(2) / 3.2 > p.cap_mps - 0.1 {
            a = (a - limit.jerk_mps3 * STEP_S).max(0.0);
        } else {
            a = (a + 0.8 * STEP_S).min(1.0);
        }
        let input = steer(scene, aside, &state, s, a, STEP_S);
        let next = step(scene.vehicle, &state, input, STEP_S);
        s += (v + next.speed_mps) / 2.0 * STEP_S;
        state = next;
    }
}

/// Air left to what stands, m.
const AIR_M: f64 = 0.2;

/// Times for which the monitor is handed where another one will be, s.
const OTHERS_S: [f64; 4] = [0.0, 0.5, 1.0, 1.5];

/// Has the monitor judge the plan, and say what to drive.
pub(crate) fn judge(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    monitor: &mut Monitor,
    plan: &[Planned],
    lead: Option<Lead>,
    scratch: &mut Scratch,
) -> monitor::Decision {
    scratch.plan.clear();
    scratch.plan.extend(plan[..=JUDGED].iter().map(|p| Pose {
        at_s: p.at_s,
        centre: p.centre,
        heading_rad: p.heading_rad,
        speed_mps: p.speed_mps,
    }));
    let now = Pose {
        at_s: 0.0,
        centre: scene.sight.state.centre(scene.vehicle),
        heading_rad: scene.sight.state.heading_rad,
        speed_mps: scene.v_mps,
    };
    look_ahead(scene, lanes, scratch);
    hand_over(scene, now, monitor, lead, scratch)
}

/// The same for a way back.
pub(crate) fn judge_back(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    monitor: &mut Monitor,
    input: Input,
    (plan, scratch): (&mut Vec<Planned>, &mut Scratch),
) -> monitor::Decision {
    mirrored(scene, input, plan, &mut scratch.plan);
    let now = scratch.plan[0];
    look_ahead(scene, lanes, scratch);
    hand_over(scene, now, monitor, None, scratch)
}

/// Where the others will be.
fn look_ahead(scene: &Scene<'_>, lanes: &CityLanes, scratch: &mut Scratch) {
    let own = scene.sight.state.centre(scene.vehicle);
    scratch.poses.clear();
    scratch.bodies.clear();
    for b in &scene.beside {
        let t = &b.track;
        let is_known = scratch.bodies.iter().any(|k| k.0 == t.id);
        // One that comes from behind keeps its own distance, also with its nose beside the tail.
        let is_beside_tail = b.s_m < scene.tail_m() - 0.5 && b.vs_mps > 0.7 * t.speed_mps;
        let is_behind = (b.s_m + b.half_s_m < scene.tail_m() || is_beside_tail) && b.vs_mps > 0.0;
        let reach_m = (scene.v_mps + t.speed_mps) * 3.0 + 6.0 + t.half_m.0;
        let (dx, dy) = (t.centre.x_m - own.x_m, t.centre.y_m - own.y_m);
        if t.class.is_soft() || is_known || is_behind || dx * dx + dy * dy > reach_m * reach_m {
            continue;
        }
        let air_m = air_m(scene, b);
        scratch.bodies.push((t.id, (t.half_m.0 + air_m, t.half_m.1 + air_m)));
        if let Some(spot) = &b.on {
            along_lane(lanes, t, spot, &OTHERS_S, &mut scratch.ahead);
            scratch.poses.extend(scratch.ahead.iter().zip(OTHERS_S).map(
                |((centre, heading_rad), at_s)| Pose {
                    at_s,
                    centre: *centre,
                    heading_rad: *heading_rad,
                    speed_mps: t.speed_in_mps(at_s),
                },
            ));
            continue;
        }
        let mut at = t.centre;
        let mut heading_rad = t.heading_rad;
        for (i, at_s) in OTHERS_S.iter().enumerate() {
            if i > 0 {
                // It goes on turning as it does.
                let dt_s = at_s - OTHERS_S[i - 1];
                let way_m = t.way_m(*at_s) - t.way_m(OTHERS_S[i - 1]);
                heading_rad += t.yaw_rate_radps * dt_s / 2.0;
                at.x_m += way_m * heading_rad.cos();
                at.y_m += way_m * heading_rad.sin();
                heading_rad += t.yaw_rate_radps * dt_s / 2.0;
            }
            let speed_mps = t.speed_in_mps(*at_s);
            scratch.poses.push(Pose { at_s: *at_s, centre: at, heading_rad, speed_mps });
        }
    }
}

/// Air that is to be left to what stands, as long as it is there now, m.
fn air_m(scene: &Scene<'_>, b: &Beside) -> f64 {
    if b.track.speed_mps.abs() > 0.3 {
        return 0.0;
    }
    let state = &scene.sight.state;
    let own = state.centre(scene.vehicle);
    let (sin, cos) = state.heading_rad.sin_cos();
    let (dx, dy) = (b.track.centre.x_m - own.x_m, b.track.centre.y_m - own.y_m);
    let (ts, tc) = (b.track.heading_rad - state.heading_rad).sin_cos();
    let (l, w) = b.track.half_m;
    let along =
        (dx * cos + dy * sin).abs() - scene.vehicle.length_m / 2.0 - tc.abs() * l - ts.abs() * w;
    let across =
        (dy * cos - dx * sin).abs() - scene.vehicle.width_m / 2.0 - ts.abs() * l - tc.abs() * w;
    // In the end a hand's breadth must do.
    let most_m = if scene.waited_s > 10.0 { 0.05 } else { AIR_M };
    (along.max(across) - 0.05).clamp(0.0, most_m)
}

fn hand_over(
    scene: &Scene<'_>,
    now: Pose,
    monitor: &mut Monitor,
    lead: Option<Lead>,
    scratch: &Scratch,
) -> monitor::Decision {
    let n = OTHERS_S.len();
    let others: Vec<monitor::Track<'_>> = scratch
        .bodies
        .iter()
        .zip(scratch.poses.chunks_exact(n))
        .map(|((_, half_m), poses)| monitor::Track { half_m: *half_m, poses })
        .collect();
    let case = Case {
        now,
        half_m: (scene.vehicle.length_m / 2.0, scene.vehicle.width_m / 2.0),
        plan: &scratch.plan,
        others: &others,
        edges: &[],
        aside: &[],
        age_s: scene.sight.age_s,
        lead,
        outside: None,
    };
    monitor.cycle(&case)
}

/// Room for what the monitor is handed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    plan: Vec<Pose>,
    poses: Vec<Pose>,
    bodies: Vec<(u32, (f64, f64))>,
    ahead: Vec<(Point2, f64)>,
}

/// Steers to the line beside the way: the curvature there, and errors of the rear axle led back.
pub(crate) fn steer(
    scene: &Scene<'_>,
    aside: &Aside,
    state: &State,
    centre_s_m: f64,
    a_mps2: f64,
    dt_s: f64,
) -> Input {
    let v = state.speed_mps.max(0.0);
    let rear_s = centre_s_m - scene.vehicle.rear_axle_m;
    let p = scene.way.at(rear_s);
    let (sin, cos) = p.heading_rad.sin_cos();
    let (dx, dy) = (state.rear.x_m - p.at.x_m, state.rear.y_m - p.at.y_m);
    let d = dy * cos - dx * sin;
    // Somewhat ahead, so that a move aside begins in time.
    let look_m = (0.5 * v).clamp(0.8, 6.0);
    let (d_ref, slope) = (aside.at(rear_s + look_m), aside.slope(rear_s + look_m));
    let curvature = scene.way.at(rear_s + 0.3 * v).curvature_1pm;
    let bend = aside.bend(rear_s + look_m);
    let turn = wrapped(state.heading_rad - p.heading_rad - slope.atan());
    let length_m = (0.7 * v).max(2.2);
    let wanted =
        curvature + bend - (d - d_ref) / (length_m * length_m) - 1.8 * turn.sin() / length_m;
    let wanted_rad = (wanted * scene.vehicle.wheelbase_m()).atan();
    let rate = (wanted_rad - state.steering_rad) / dt_s;
    let input = Input { steering_rate_radps: rate.clamp(-0.6, 0.6), acceleration_mps2: a_mps2 };
    bounded(scene.vehicle, state, input, dt_s)
}

/// Steers to a curvature.
pub(crate) fn steer_by(scene: &Scene<'_>, curvature_1pm: f64, a_mps2: f64) -> Input {
    let state = &scene.sight.state;
    let wanted_rad = (curvature_1pm * scene.vehicle.wheelbase_m()).atan();
    let rate = (wanted_rad - state.steering_rad) / super::CYCLE_S;
    let input = Input { steering_rate_radps: rate.clamp(-0.6, 0.6), acceleration_mps2: a_mps2 };
    bounded(scene.vehicle, state, input, super::CYCLE_S)
}

fn wrapped(angle: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (angle + pi).rem_euclid(2.0 * pi) - pi
}
