//! Has the monitor judge every cycle of a manoeuvre, backwards as one driven forwards the other way
//! around.

use super::{Ground, Other, RearPose, Step};
use crate::monitor::{Case, Decision, Drive, Monitor, Pose, Track, Verdict};
use crate::trajectory::{Gear, State, Vehicle, ahead};

use super::parker::AHEAD_S;

/// Walls and solids within this distance of the vehicle are handed over, m.
const NEAR_M: f64 = 12.0;

/// The monitor's word on poses to come, a quarter of a second apart: what stands is handed over as it
/// is, others go straight on as they go.
pub fn watched(
    monitor: &mut Monitor,
    vehicle: &Vehicle,
    (gear, state): (Gear, &State),
    poses: &[(RearPose, f64)],
    ground: &Ground,
    others: &[Other],
) -> Decision {
    let turned = |heading_rad: f64| match gear {
        Gear::Forward => heading_rad,
        Gear::Reverse => heading_rad + std::f64::consts::PI,
    };
    let own = state.centre(vehicle);
    let plan: Vec<Pose> = poses
        .iter()
        .enumerate()
        .map(|(k, (pose, speed_mps))| Pose {
            at_s: k as f64 * AHEAD_S,
            centre: ahead(pose.rear, pose.heading_rad, vehicle.rear_axle_m),
            heading_rad: turned(pose.heading_rad),
            speed_mps: speed_mps * gear.sign(),
        })
        .collect();
    let still = |centre, heading_rad| Pose { at_s: 0.0, centre, heading_rad, speed_mps: 0.0 };
    let near = |m: f64| m < NEAR_M;
    let mut bodies: Vec<((f64, f64), [Pose; 1])> = ground
        .solids
        .iter()
        .filter(|b| near(b.centre.distance_to(own).0 - b.half_length_m))
        .map(|b| ((b.half_length_m, b.half_width_m), [still(b.centre, b.heading_rad)]))
        .collect();
    bodies.extend(others.iter().filter(|o| near(o.body.centre.distance_to(own).0)).map(|o| {
        let (vx, vy) = o.velocity_mps;
        let speed_mps = vx.hypot(vy);
        // Whoever walks is round; others are turned as they stand, and may drive backwards.
        let heading_rad =
            if o.walks && speed_mps > 0.0 { vy.atan2(vx) } else { o.body.heading_rad };
        let along = vx * heading_rad.cos() + vy * heading_rad.sin();
        let pose = Pose { at_s: 0.0, centre: o.body.centre, heading_rad, speed_mps: along };
        ((o.body.half_length_m, o.body.half_width_m), [pose])
    }));
    let tracks: Vec<Track<'_>> =
        bodies.iter().map(|(half_m, poses)| Track { half_m: *half_m, poses }).collect();
    let edges: Vec<_> = ground
        .walls
        .iter()
        .copied()
        .filter(|(a, b)| near(super::ground::distance_m(own, *a, *b)))
        .collect();
    monitor.cycle(&Case {
        now: Pose {
            at_s: 0.0,
            centre: own,
            heading_rad: turned(state.heading_rad),
            speed_mps: state.speed_mps * gear.sign(),
        },
        half_m: (vehicle.length_m / 2.0, vehicle.width_m / 2.0),
        plan: &plan,
        others: &tracks,
        edges: &edges,
        aside: &[],
        age_s: 0.0,
        lead: None,
        outside: None,
    })
}

/// A step as the monitor lets it be driven: as it is, or braked as the monitor says.
pub fn obeyed(step: Step, decision: &Decision, state: &State, dt_s: f64) -> Step {
    let (Drive::Stop { acceleration_mps2, .. }, Verdict::Stop(_)) =
        (decision.drive, decision.verdict)
    else {
        return step;
    };
    let mut step = step;
    let v = (state.speed_mps * step.gear.sign()).max(0.0);
    let planned = step.input.acceleration_mps2 * step.gear.sign();
    let brake = acceleration_mps2.min(planned).max(-v / dt_s);
    step.input.acceleration_mps2 = brake * step.gear.sign();
    step
}
