//! Solutions as the official checker reads them.

use std::fmt::Write as _;

use rv_base::Point2;

/// Vehicle models whose trajectories are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VehicleModel {
    /// Kinematic single track.
    Ks,
    /// Single track with slip.
    St,
}

/// The way of one ego vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct SolutionProblem {
    /// Planning problem solved.
    pub problem_id: i64,
    /// Vehicle model the states belong to.
    pub model: VehicleModel,
    /// Vehicle 1 (Ford Escort), 2 (BMW 320i), 3 (VW Vanagon) or 4 (truck).
    pub vehicle_type: u8,
    /// Cost function the benchmark shall apply, for example `SM1`.
    pub cost: String,
    /// One state for each step.
    pub states: Vec<SolutionState>,
}

/// The ego vehicle at a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SolutionState {
    /// Step.
    pub step: i64,
    /// Centre of the vehicle.
    pub position: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Steering angle of the front wheels, rad.
    pub steering_rad: f64,
    /// Yaw rate, rad/s (written for [`VehicleModel::St`] alone).
    pub yaw_rate_radps: f64,
    /// Slip angle, rad (written for [`VehicleModel::St`] alone).
    pub slip_rad: f64,
}

/// Writes a solution of all problems of a scenario.
pub fn write_solution(benchmark_id: &str, version: &str, problems: &[SolutionProblem]) -> String {
    let names: Vec<String> =
        problems.iter().map(|p| format!("{}{}", model(p), p.vehicle_type)).collect();
    let costs: Vec<&str> = problems.iter().map(|p| p.cost.as_str()).collect();
    let id = format!(
        "{}:{}:{}:{version}",
        grouped(&names.iter().map(String::as_str).collect::<Vec<_>>()),
        grouped(&costs),
        escape(benchmark_id)
    );
    let mut out = String::from("<?xml version=\"1.0\" ?>\n");
    let _ = writeln!(out, "<CommonRoadSolution benchmark_id=\"{id}\">");
    for problem in problems {
        let kind = model(problem).to_lowercase();
        let _ = writeln!(out, "  <{kind}Trajectory planningProblem=\"{}\">", problem.problem_id);
        for s in &problem.states {
            let _ = write!(
                out,
                "    <{kind}State><x>{}</x><y>{}</y><steeringAngle>{}</steeringAngle>\
                 <velocity>{}</velocity><orientation>{}</orientation>",
                s.position.x_m, s.position.y_m, s.steering_rad, s.speed_mps, s.heading_rad
            );
            if problem.model == VehicleModel::St {
                let (yaw, slip) = (s.yaw_rate_radps, s.slip_rad);
                let _ = write!(out, "<yawRate>{yaw}</yawRate><slipAngle>{slip}</slipAngle>");
            }
            let _ = writeln!(out, "<time>{}</time></{kind}State>", s.step);
        }
        let _ = writeln!(out, "  </{kind}Trajectory>");
    }
    out.push_str("</CommonRoadSolution>\n");
    out
}

fn model(problem: &SolutionProblem) -> &'static str {
    match problem.model {
        VehicleModel::Ks => "KS",
        VehicleModel::St => "ST",
    }
}

/// One name alone, or a list in brackets.
fn grouped(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(",")),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
