//! Rolls a decision out into states to come, has them judged, and steers.

use rv_base::Point2;

use super::Planned;
use super::Reason;
use super::aside::Aside;
use super::pace::{Bound, Comfort, braking_way_m};
use super::sight::Scene;
use crate::monitor::{self, Case, Hazard, Pose, Rules, Verdict};
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

/// Has the monitor judge the plan, and if it does not let it through, the stop.
pub(crate) fn judge(
    scene: &Scene<'_>,
    rules: &Rules,
    plan: &[Planned],
    hazards: &mut Vec<Hazard>,
    poses: &mut Vec<Pose>,
) -> Option<monitor::Reason> {
    poses.clear();
    poses.extend(plan[..=JUDGED].iter().map(|p| Pose {
        at_s: p.at_s,
        centre: p.centre,
        heading_rad: p.heading_rad,
        speed_mps: p.speed_mps,
    }));
    hazards.clear();
    let own = scene.sight.state.centre(scene.vehicle);
    for b in &scene.beside {
        let t = &b.track;
        if t.class.is_soft() {
            continue;
        }
        let reach_m = (scene.v_mps + t.speed_mps) * JUDGED as f64 * STEP_S + 5.0;
        if t.centre.distance_to(own).0 > reach_m {
            continue;
        }
        for pose in poses.iter().take(5) {
            let way_m = t.speed_mps * pose.at_s;
            // It goes on turning as it does.
            let heading_rad = t.heading_rad + t.yaw_rate_radps * pose.at_s;
            let (sin, cos) = ((t.heading_rad + heading_rad) / 2.0).sin_cos();
            hazards.push(Hazard {
                at_s: pose.at_s,
                centre: Point2 { x_m: t.centre.x_m + way_m * cos, y_m: t.centre.y_m + way_m * sin },
                heading_rad,
                half_m: t.half_m,
            });
        }
    }
    let case = Case {
        now: Pose {
            at_s: 0.0,
            centre: own,
            heading_rad: scene.sight.state.heading_rad,
            speed_mps: scene.v_mps,
        },
        half_m: (scene.vehicle.length_m / 2.0, scene.vehicle.width_m / 2.0),
        plan: poses,
        hazards,
        edges: &[],
        age_s: scene.sight.age_s,
        lead: None,
    };
    match monitor::judge(rules, &case) {
        Verdict::Pass => None,
        Verdict::Stop(reason) => Some(reason),
    }
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

fn wrapped(angle: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (angle + pi).rem_euclid(2.0 * pi) - pi
}
