//! The engine against its independent judge.

mod agreement;
mod formats;
mod fuzz;
mod live;
mod oracle;
mod random;
mod samples;
mod soundness;
mod weights;

use rv_dispatch::confirm;
use rv_model::dispatch::{Plan, Problem};

/// Orders left out without a relaxation that the checker confirms.
fn unexplained(problem: &Problem, plan: &Plan) -> Vec<String> {
    let is_unexplained = |out: &&rv_model::dispatch::Unassigned| {
        out.relaxations.is_empty() || !confirm(problem, plan, out)
    };
    let out = plan.unassigned.iter().filter(is_unexplained);
    out.map(|out| format!("order {} is left out for {:?}", out.order, out.relaxations)).collect()
}
