//! `robovan drive`: runs the driver over recorded scenarios in a closed loop.

mod bench;
mod city;
mod city_picture;
mod convert;
mod explain;
mod osc;
mod picture;
mod platoon;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Drive scenarios: CommonRoad (XML 2018b, 2020a, plain or gzip), exit code 1 if any goal is missed;
    /// OpenSCENARIO 1.x and its parameter variations, exit code 1 if any contact is our fault
    Run(RunArgs),
    /// Drive all scenarios of a folder; CommonRoad with both predictions, a table and a page of pictures
    Bench(BenchArgs),
    /// Play OpenSCENARIO files as they are written, without a driver; compare with traces of esmini
    Play(osc::PlayArgs),
    /// Put the monitor between a planner that goes wrong in every way and the vehicle
    Torture(osc::TortureArgs),
    /// Say in words what the driver did at a moment of a log, and why
    Explain(explain::ExplainArgs),
    /// Drive a platoon of trucks on a motorway lane; exit code 1 if any two touch
    Platoon(platoon::PlatoonArgs),
    /// Drive kilometres through a city amid traffic and people, judged by a referee; exit code 1 if
    /// a contact was the van's fault or a light was red
    City(city::CityArgs),
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Scenarios
    #[arg(required = true, value_name = "FILE.xml[.gz]|FILE.xosc")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
    /// Where to write CommonRoad solutions
    #[arg(long, value_name = "DIR")]
    solution_dir: Option<PathBuf>,
    /// Where to write logs (JSON lines) and pictures (SVG)
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// What the driver is told of the others' future
    #[arg(long, value_enum, default_value_t = PredictionArg::Own)]
    prediction: PredictionArg,
    #[command(flatten)]
    osc: osc::OscArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Folder of scenarios
    dir: PathBuf,
    #[command(flatten)]
    how: How,
    /// Where to write the page, solutions and logs
    #[arg(long, value_name = "DIR", default_value = "drive-bench")]
    out: PathBuf,
    #[command(flatten)]
    osc: osc::OscArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Clone, Copy)]
pub(crate) struct How {
    /// CommonRoad vehicle: 1 Ford Escort, 2 BMW 320i, 3 VW Vanagon, 4 truck
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    vehicle: u8,
    /// Seed of everything random; the driver draws no lots, so it changes nothing
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
}

/// What the driver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PredictionArg {
    /// Nothing: it forecasts for itself
    Own,
    /// The recorded future
    GroundTruth,
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run_files(&args),
        Command::Bench(args) => {
            let scenarios = osc::scenarios_in(&args.dir);
            if scenarios.is_empty() {
                return bench::run(&args);
            }
            osc::run_files(&scenarios, &args.osc, Some(&args.out), args.how.seed, args.json)
        }
        Command::Play(args) => osc::play(&args),
        Command::Torture(args) => osc::torture(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Platoon(args) => platoon::run(&args),
        Command::City(args) => city::run(&args),
    }
}

fn run_files(args: &RunArgs) -> anyhow::Result<ExitCode> {
    if args.files.iter().any(|file| osc::is_osc(file)) {
        if !args.files.iter().all(|file| osc::is_osc(file)) {
            let hint = "give the two kinds in two commands";
            return Err(output::error_with_hint(
                "CommonRoad and OpenSCENARIO files are mixed",
                hint,
            ));
        }
        let log_dir = args.log_dir.as_deref();
        return osc::run_files(&args.files, &args.osc, log_dir, args.how.seed, args.json);
    }
    let places = run::Places::create(args.solution_dir.as_deref(), args.log_dir.as_deref())?;
    let mut results = Vec::new();
    for file in &args.files {
        let result = run::drive_file(file, args.prediction, args.how.vehicle, &places)?;
        if !args.json {
            output::print(&(result.line() + "\n"))?;
        }
        results.push(result);
    }
    let summary = run::Summary::of(&results);
    let all = summary.n_reached == summary.n_scenarios;
    if args.json {
        output::print_json(&run::Answer { summary, seed: args.how.seed, scenarios: results })?;
    } else {
        output::print(&summary.text())?;
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
