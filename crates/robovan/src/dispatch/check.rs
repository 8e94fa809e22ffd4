//! `robovan dispatch check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rv_dispatch::check;
use rv_dispatch::format::{cost_in_units, length_in_units, plot_svg, read_solution};
use serde::Serialize;

use super::{ConventionArg, load, read};
use crate::files::write_text;
use crate::output::{self, HintExt};

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Problem
    problem: PathBuf,
    /// Solution: `Route #1: 4 7 2` lines of any solver, or JSON as `solve --solution` writes it
    solution: PathBuf,
    /// How distances are rounded
    #[arg(long, value_enum, default_value_t = ConventionArg::File)]
    convention: ConventionArg,
    /// Where to draw the routes
    #[arg(long, value_name = "OUT.svg")]
    plot: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What a stated cost may differ by and still be the same, rounded.
const ROUNDING: f64 = 0.5;

#[derive(Serialize)]
struct Answer {
    cost: f64,
    /// What the solution says that it costs.
    stated_cost: Option<f64>,
    vehicles: usize,
    distance: f64,
    unserved: usize,
    violations: Vec<String>,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.problem, args.convention)?;
    let text = read(&args.solution)?;
    let plan = read_solution(&loaded, &text).hint(
        format!("{} is not a solution of this problem", args.solution.display()),
        "solutions have lines like `Route #1: 4 7 2`, or are JSON",
    )?;
    let report = check(&loaded.problem, &plan);
    if let Some(path) = &args.plot {
        match plot_svg(&loaded, &plan) {
            Some(svg) => write_text(path, &svg)?,
            None => output::note("no picture: the problem has no coordinates"),
        }
    }
    let answer = Answer {
        cost: cost_in_units(&loaded, &plan),
        stated_cost: stated_cost(&text),
        vehicles: report.costs.n_vehicles,
        distance: length_in_units(&loaded, &plan),
        unserved: plan.unassigned.len(),
        violations: report.violations.iter().map(ToString::to_string).collect(),
    };
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&format!(
            "cost {:.3}, {} vehicles, distance {:.3}, {} unserved\n",
            answer.cost, answer.vehicles, answer.distance, answer.unserved
        ))?;
        if let Some(stated) = answer.stated_cost.filter(|s| (s - answer.cost).abs() > ROUNDING) {
            output::note(&format!("the solution says that it costs {stated}"));
        }
        for violation in &answer.violations {
            output::print(&format!("wrong: {violation}\n"))?;
        }
    }
    let is_good = report.violations.is_empty() && report.costs.n_required_unassigned == 0;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The number of the last line like `Cost 1234.5`.
fn stated_cost(text: &str) -> Option<f64> {
    text.lines().rev().find_map(|line| {
        let rest = line.trim().to_ascii_lowercase();
        let rest = rest.strip_prefix("cost")?.trim_start_matches([':', ' ', '\t']).to_owned();
        rest.parse::<f64>().ok().filter(|cost| cost.is_finite())
    })
}
