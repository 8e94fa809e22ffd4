use rv_base::Point2;

use super::plants::{Chassis, Model, Plant, X, slope};
use super::*;
use crate::trajectory::step;

const DT_S: f64 = 0.1;
const LATE: usize = 2;

/// The trajectory that constant inputs lead to, one after the other (seconds, steering rate,
/// acceleration), from a speed on, and a second of standing or going on at its end.
fn planned(vehicle: &Vehicle, speed_mps: f64, parts: &[(f64, f64, f64)]) -> Vec<State> {
    let mut states = vec![State { speed_mps, ..State::default() }];
    for (seconds, rate, acceleration) in parts {
        for _ in 0..(seconds / DT_S).round() as usize {
            let last = states[states.len() - 1];
            let input = Input { steering_rate_radps: *rate, acceleration_mps2: *acceleration };
            let input = bounded(vehicle, &last, input, DT_S);
            states.push(step(vehicle, &last, input, DT_S));
        }
    }
    states
}

/// Manoeuvres within what the kinematic model can be trusted with: a bend at 8 m/s, a double lane
/// change at 15 m/s, hard braking from 20 m/s, braking in a bend.
fn manoeuvres(vehicle: &Vehicle) -> Vec<(&'static str, Vec<State>)> {
    let change = |rate: f64| [(0.3, rate, 0.0), (0.6, -rate, 0.0), (0.3, rate, 0.0)];
    let mut double = vec![(1.0, 0.0, 0.0)];
    double.extend(change(0.12));
    double.push((1.0, 0.0, 0.0));
    double.extend(change(-0.12));
    double.push((2.0, 0.0, 0.0));
    let bend =
        [(1.0, 0.0, 0.0), (0.7, 0.25, 0.0), (2.0, 0.0, 0.0), (0.7, -0.25, 0.0), (1.0, 0.0, 0.0)];
    let braking = [(1.0, 0.0, 0.0), (3.0, 0.0, -6.0), (1.0, 0.0, 0.0)];
    let both = [(0.6, 0.1, 0.0), (2.0, 0.0, -3.0), (0.6, -0.1, -1.0), (1.0, 0.0, 0.0)];
    vec![
        ("bend", planned(vehicle, 8.0, &bend)),
        ("double lane change", planned(vehicle, 15.0, &double)),
        ("hard braking", planned(vehicle, 20.0, &braking)),
        ("braking in a bend", planned(vehicle, 13.0, &both)),
    ]
}

/// Drives a trajectory on a plant whose commands act late; the largest errors beside and along.
fn drive(model: Model, states: &[State], is_led: bool, begins_off_m: f64) -> (f64, f64) {
    let vehicle = Vehicle::commonroad(2).expect("it is one of four");
    let mut follower = Follower::new(vehicle, DT_S, LATE, &Weights::USUAL);
    let begins = State { rear: Point2 { x_m: 0.0, y_m: begins_off_m }, ..states[0] };
    let mut plant = Plant::new(vehicle, Chassis::BMW_320I, model, &begins, (LATE, 0.0));
    let (mut beside, mut along) = (0.0_f64, 0.0_f64);
    for k in 0..states.len() - 1 {
        let now = plant.measured();
        let off = errors(&now, &states[k]);
        // An error that it begins with has its time to fade.
        if begins_off_m == 0.0 || k > 40 {
            (beside, along) = (beside.max(off.beside_m.abs()), along.max(off.along_m.abs()));
        }
        let command = if is_led {
            follower.cycle(&now, &states[k..])
        } else {
            Input {
                steering_rate_radps: (states[k + 1].steering_rad - states[k].steering_rad) / DT_S,
                acceleration_mps2: (states[k + 1].speed_mps - states[k].speed_mps) / DT_S,
            }
        };
        plant.cycle(follower.gear(), command, DT_S);
    }
    (beside, along)
}

#[test]
fn the_models_are_those_of_the_package() {
    // Values of commonroad-vehicle-models 3.0.2, vehicle 2.
    let close = |model, x: X, u, expected: &[f64]| {
        let found = slope(model, &Chassis::BMW_320I, &x, u);
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{model:?} {found:?} {expected:?}");
        }
    };
    let x = [0.0, 0.0, 0.03, 15.0, 0.2, 0.1, -0.01, 15.0 / 0.344, 14.8 / 0.344];
    let y = [0.0, 0.0, -0.1, 8.0, 0.0, -0.3, 0.02, 8.1 / 0.344, 8.0 / 0.344];
    let expected = [14.7300635, 2.83288342, 0.1, -2.0, 0.1, 1.4861451, 0.289523027];
    close(Model::SingleTrack, x, [0.1, -2.0], &expected);
    let expected = [7.99840005, 0.159989334, -0.2, 1.0, -0.3, 0.338857403, -1.71830668];
    close(Model::SingleTrack, y, [-0.2, 1.0], &expected);
    let expected = [
        14.7300635,
        2.83288342,
        0.1,
        -1.47911192,
        0.1,
        1.15319222,
        0.246889273,
        -260.513707,
        109.759678,
    ];
    close(Model::Drift, x, [0.1, -2.0], &expected);
    let expected = [
        7.99840005,
        0.159989334,
        -0.2,
        0.194180502,
        -0.3,
        0.251631366,
        -0.891709981,
        -210.147478,
        234.178179,
    ];
    close(Model::Drift, y, [-0.2, 1.0], &expected);
}

#[test]
fn trajectories_are_followed_by_vehicles_that_slip_and_answer_late() {
    let vehicle = Vehicle::commonroad(2).expect("it is one of four");
    let mut is_worse_unled = false;
    for (name, states) in manoeuvres(&vehicle) {
        for model in [Model::SingleTrack, Model::Drift] {
            let (beside, along) = drive(model, &states, true, 0.0);
            assert!(beside < 0.3 && along < 0.5, "{name} {model:?}: {beside} {along}");
            let (unled, _) = drive(model, &states, false, 0.0);
            is_worse_unled |= unled > 1.0;
        }
    }
    assert!(is_worse_unled, "following would be needless");
}

#[test]
fn an_error_at_the_start_fades() {
    let vehicle = Vehicle::commonroad(2).expect("it is one of four");
    for speed_mps in [3.0, 10.0, 25.0] {
        let states = planned(&vehicle, speed_mps, &[(8.0, 0.0, 0.0)]);
        for model in [Model::SingleTrack, Model::Drift] {
            let (beside, _) = drive(model, &states, true, 0.5);
            assert!(beside < 0.15, "{speed_mps} {model:?} {beside}");
        }
    }
}

#[test]
fn commands_stay_within_limits_and_an_ended_plan_is_braked_for() {
    let vehicle = Vehicle::commonroad(2).expect("it is one of four");
    let mut follower = Follower::new(vehicle, DT_S, LATE, &Weights::USUAL);
    let far =
        State { rear: Point2 { x_m: 50.0, y_m: -30.0 }, heading_rad: 2.0, ..State::default() };
    let now = State { speed_mps: 12.0, ..State::default() };
    for planned in [&[far, far, far, far][..], &[]] {
        let command = follower.cycle(&now, planned);
        assert!(command.steering_rate_radps.abs() <= vehicle.steering_rate_max_radps);
        assert!(command.acceleration_mps2.abs() <= vehicle.acceleration_max_mps2);
        assert!(command.acceleration_mps2 < -1.0 || !planned.is_empty());
    }
}
