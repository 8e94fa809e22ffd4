//! `robovan drive ceiling`: which scenarios have a valid solution at all.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_driver::trajectory::{PlannerOptions, Road, State, Vehicle};
use rv_import::commonroad;
use rv_sim::scenario::{
    Prediction, Reach, ReachOptions, Scene, Watch, commonroad as convert, reach,
};
use serde::Serialize;

use super::Progress;
use super::run::{Places, bytes_of, stem};
use crate::output;

#[derive(Args)]
pub(crate) struct CeilingArgs {
    /// Scenarios
    #[arg(required = true, value_name = "FILE.xml[.gz]")]
    files: Vec<PathBuf>,
    /// CommonRoad vehicle: 1 Ford Escort, 2 BMW 320i, 3 VW Vanagon, 4 truck
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    vehicle: u8,
    /// States kept of each moment; more finds more and takes longer (2,500: up to 15 s a scenario)
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    width: u32,
    /// Where to write the solutions found
    #[arg(long, value_name = "DIR")]
    solution_dir: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// All of a run.
#[derive(Serialize)]
struct Answer {
    summary: Summary,
    scenarios: Vec<Row>,
}

/// Totals.
#[derive(Default, Serialize)]
struct Summary {
    n_scenarios: usize,
    /// With a solution.
    n_found: usize,
    /// Which have none, for sure.
    n_impossible: usize,
    /// Searched through at this grain in vain.
    n_exhausted: usize,
    /// Not found, but not searched through either.
    n_cut_off: usize,
    n_unreadable: usize,
}

/// One scenario.
#[derive(Serialize)]
struct Row {
    scenario: String,
    version: String,
    verdict: &'static str,
    why: String,
    n_states: u64,
}

pub(crate) fn run(args: &CeilingArgs) -> anyhow::Result<ExitCode> {
    let places = Places::create(args.solution_dir.as_deref(), None)?;
    let work = Progress::over(args.files.len())?;
    let mut rows = Vec::new();
    for file in &args.files {
        if work.is_stopped() {
            break;
        }
        let row = judge(file, args, &places)?;
        if !args.json {
            let line = format!("{:<40} {:<11} {}\n", row.scenario, row.verdict, row.why);
            work.bar.suspend(|| output::print(&line))?;
        }
        rows.push(row);
        work.bar.inc(1);
    }
    work.bar.finish_and_clear();
    let count = |verdict: &str| rows.iter().filter(|r| r.verdict == verdict).count();
    let summary = Summary {
        n_scenarios: rows.len(),
        n_found: count("found"),
        n_impossible: count("impossible"),
        n_exhausted: count("exhausted"),
        n_cut_off: count("cut off"),
        n_unreadable: count("unreadable"),
    };
    let all = summary.n_found == args.files.len();
    if args.json {
        output::print_json(&Answer { summary, scenarios: rows })?;
    } else {
        output::print(&format!(
            "a solution found for {} of {}; none for sure in {}, none among all states in {}, \
             not found in {}, unreadable {}\n",
            summary.n_found,
            summary.n_scenarios,
            summary.n_impossible,
            summary.n_exhausted,
            summary.n_cut_off,
            summary.n_unreadable
        ))?;
    }
    work.tell(args.files.len());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn judge(file: &Path, args: &CeilingArgs, places: &Places) -> anyhow::Result<Row> {
    let bytes = bytes_of(file)?;
    let mut row = Row {
        scenario: stem(file),
        version: String::new(),
        verdict: "found",
        why: String::new(),
        n_states: 0,
    };
    let scenario = match commonroad::read_scenario(&bytes[..]) {
        Ok(scenario) => scenario,
        Err(e) => return Ok(Row { verdict: "unreadable", why: e.to_string(), ..row }),
    };
    row.version.clone_from(&scenario.version);
    let Some(vehicle) = Vehicle::commonroad(args.vehicle) else { return Ok(row) };
    if scenario.problems.is_empty() {
        let why = "it states no planning problem".to_owned();
        return Ok(Row { verdict: "impossible", why, ..row });
    }
    let (road, others) = (Road::build(&scenario.map), convert::others(&scenario));
    if begin_in_each_other(&scenario, &vehicle) {
        let why = "two of its vehicles begin in each other".to_owned();
        return Ok(Row { verdict: "impossible", why, ..row });
    }
    let mut found: Vec<Vec<State>> = Vec::new();
    for problem in &scenario.problems {
        let dt_s = scenario.dt.0;
        let scene = Scene {
            road: &road,
            others: &others,
            vehicle,
            goals: convert::goals(problem),
            start: convert::start(problem, &vehicle),
            first_step: problem.step,
            options: PlannerOptions::for_step(dt_s),
            prediction: Prediction::GroundTruth,
            watch: Watch::Off,
        };
        let steps = scene.goals.last_step().unwrap_or(0) - problem.step;
        let options = ReachOptions::new(args.width as usize, steps as f64 * dt_s);
        let (verdict, why, n_states) = match reach(&scene, &options) {
            Reach::Found(states) => {
                found.push(states);
                continue;
            }
            Reach::Impossible(why) => ("impossible", why, 0),
            Reach::Exhausted { n_states } => ("exhausted", "no state goes on", n_states),
            Reach::CutOff { n_states } => ("cut off", "not found", n_states),
        };
        let why = format!("problem {}: {why}", problem.id);
        return Ok(Row { verdict, why, n_states, ..row });
    }
    let states: Vec<&[State]> = found.iter().map(|s| &s[..]).collect();
    places.write_solution(&row.scenario, &scenario, args.vehicle, &states)?;
    row.why = format!("{} steps", found.iter().map(|s| s.len() - 1).max().unwrap_or(0));
    Ok(row)
}

/// True if two vehicles that are to be driven overlap where they begin.
fn begin_in_each_other(scenario: &commonroad::Scenario, vehicle: &Vehicle) -> bool {
    let starts: Vec<_> = scenario
        .problems
        .iter()
        .map(|p| (p.step, convert::start(p, vehicle).body(vehicle)))
        .collect();
    starts.iter().enumerate().any(|(i, (step, body))| {
        starts[i + 1..].iter().any(|(other_step, other)| step == other_step && body.overlaps(other))
    })
}
