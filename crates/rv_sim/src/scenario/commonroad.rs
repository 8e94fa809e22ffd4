//! CommonRoad's words to those of a scene.

use rv_driver::trajectory::{Body, Goal, Goals, State, Vehicle};
use rv_import::commonroad::{Obstacle, Problem, Scenario, Shape, SolutionState};

use super::Recorded;

/// Sides of the polygon that stands for a circle as a goal.
const CIRCLE_SIDES: usize = 32;

/// The others of a scenario; one of several shapes becomes several.
pub fn others(scenario: &Scenario) -> Vec<Recorded> {
    scenario.obstacles.iter().flat_map(recorded).collect()
}

fn recorded(obstacle: &Obstacle) -> Vec<Recorded> {
    let n_shapes = obstacle.states.iter().map(|s| s.shapes.len()).max().unwrap_or(0);
    let (Some(first), Some(last)) = (obstacle.states.first(), obstacle.states.last()) else {
        return Vec::new();
    };
    let span = usize::try_from(last.step - first.step).unwrap_or(0).min(100_000);
    let walks = ["pedestrian", "unknown", "animal"].contains(&obstacle.kind.as_str());
    (0..n_shapes)
        .map(|shape| {
            let mut moments = vec![None; span + 1];
            for state in &obstacle.states {
                let idx = usize::try_from(state.step - first.step).unwrap_or(0);
                let body = state.shapes.get(shape).and_then(|s| body(s, state.heading_rad));
                if let (Some(slot), Some(body)) = (moments.get_mut(idx), body) {
                    *slot = Some((body, state.speed_mps));
                }
            }
            Recorded {
                id: obstacle.id,
                is_static: obstacle.is_static,
                keeps_lane: !walks,
                first_step: first.step,
                moments,
            }
        })
        .collect()
}

/// The box around a shape; that of a rectangle is the rectangle, along the heading.
fn body(shape: &Shape, heading_rad: f64) -> Option<Body> {
    match shape {
        Shape::Circle { centre, radius_m } => Some(Body {
            centre: *centre,
            heading_rad,
            half_length_m: *radius_m,
            half_width_m: *radius_m,
        }),
        Shape::Polygon(ring) => {
            let mut body = Body::around(ring)?;
            // A box has four headings: take the one nearest to the way it goes.
            let quarter = std::f64::consts::FRAC_PI_2;
            let turns = ((heading_rad - body.heading_rad) / quarter).round();
            body.heading_rad += turns * quarter;
            if turns.rem_euclid(2.0) > 0.5 {
                std::mem::swap(&mut body.half_length_m, &mut body.half_width_m);
            }
            Some(body)
        }
    }
}

/// The start of a problem.
pub fn start(problem: &Problem, vehicle: &Vehicle) -> State {
    State::at_centre(vehicle, problem.position, problem.heading_rad, problem.speed_mps.max(0.0))
}

/// The goals of a problem.
pub fn goals(problem: &Problem) -> Goals {
    let any_of = problem.goals.iter().map(|g| Goal {
        steps: g.steps,
        rings: g.regions.iter().map(ring).collect(),
        lanes: g.lanes.clone(),
        speed_mps: g.speed_mps,
        heading_rad: g.heading_rad,
    });
    Goals { any_of: any_of.collect() }
}

fn ring(shape: &Shape) -> Vec<rv_base::Point2> {
    match shape {
        Shape::Polygon(ring) => ring.clone(),
        Shape::Circle { centre, radius_m } => (0..CIRCLE_SIDES)
            .map(|i| {
                let (sin, cos) =
                    (i as f64 / CIRCLE_SIDES as f64 * 2.0 * std::f64::consts::PI).sin_cos();
                rv_base::Point2 {
                    x_m: centre.x_m + radius_m * cos,
                    y_m: centre.y_m + radius_m * sin,
                }
            })
            .collect(),
    }
}

/// A state as it stands in a solution.
pub fn solution_state(vehicle: &Vehicle, state: &State, step: i64) -> SolutionState {
    SolutionState {
        step,
        position: state.centre(vehicle),
        heading_rad: state.heading_rad,
        speed_mps: state.speed_mps,
        steering_rad: state.steering_rad,
        ..SolutionState::default()
    }
}
