//! Drives a path with given accelerations through the vehicle model, within its limits.

use super::geometry::wrapped_rad;
use super::path::Path;
use super::vehicle::{Input, State, Vehicle, bounded, step};

/// The states, first the one given, and the inputs between them.
///
/// The steering follows the curvature ahead and leads errors beside the path and of heading back
/// like a critically damped oscillator in the way driven (Hoffmann et al. 2007 and its kin).
pub(crate) fn follow(
    vehicle: &Vehicle,
    path: &Path,
    start: &State,
    accelerations_mps2: &[f64],
    dt_s: f64,
) -> (Vec<State>, Vec<Input>) {
    let mut states = vec![*start];
    let mut inputs = Vec::with_capacity(accelerations_mps2.len());
    let mut state = *start;
    let (s0, _) = path.project(state.rear);
    let mut cursor = (s0 / super::path::STEP_M).max(0.0) as usize;
    for a in accelerations_mps2 {
        if state.speed_mps <= 0.0 && *a <= 0.0 {
            // It stands, and goes on standing.
            states.push(state);
            inputs.push(Input::default());
            continue;
        }
        let input = steer(vehicle, path, &mut cursor, &state, *a, dt_s);
        state = step(vehicle, &state, input, dt_s);
        states.push(state);
        inputs.push(input);
    }
    (states, inputs)
}

fn steer(
    vehicle: &Vehicle,
    path: &Path,
    cursor: &mut usize,
    state: &State,
    a: f64,
    dt_s: f64,
) -> Input {
    let (s, d) = path.project_near(cursor, state.rear);
    let v = state.speed_mps;
    let here = path.at(s);
    let turn = wrapped_rad(state.heading_rad - here.heading_rad);
    let length_m = (0.55 * v).max(2.2);
    let ahead = path.at(s + v * dt_s);
    let curvature = ahead.curvature_1pm - d / (length_m * length_m) - 1.8 * turn.sin() / length_m;
    let wanted_rad = (curvature * vehicle.wheelbase_m()).atan();
    let rate = (wanted_rad - state.steering_rad) / dt_s;
    bounded(vehicle, state, Input { steering_rate_radps: rate, acceleration_mps2: a }, dt_s)
}
