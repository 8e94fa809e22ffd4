//! `robovan drive`: runs the driver over recorded scenarios in a closed loop.

mod bench;
mod ceiling;
mod city;
mod city_picture;
mod explain;
mod log;
mod osc;
mod park;
mod park_picture;
mod picture;
mod platoon;
mod replay;
mod run;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;

use crate::output::{self, HintExt as _};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Drive scenarios: CommonRoad (XML 2018b, 2020a, plain or gzip), exit code 1 if any goal is missed;
    /// OpenSCENARIO 1.x and its parameter variations, exit code 1 if any contact is our fault
    Run(RunArgs),
    /// Say which CommonRoad scenarios have a valid solution at all: a search that knows the future and has
    /// time; exit code 1 if any has none or none was found
    Ceiling(ceiling::CeilingArgs),
    /// Drive all scenarios of a folder; CommonRoad with both predictions, a table and a page of pictures
    Bench(BenchArgs),
    /// Play OpenSCENARIO files as they are written, without a driver; compare with traces of esmini
    Play(osc::PlayArgs),
    /// Put the monitor between a planner that goes wrong in every way and the vehicle
    Torture(osc::TortureArgs),
    /// Say in words what the driver did at a moment of a log, and why
    Explain(explain::ExplainArgs),
    /// Drive again what logs hold; exit code 1 if other bytes come out
    Replay(replay::ReplayArgs),
    /// Drive a platoon of trucks on a motorway lane; exit code 1 if any two touch
    Platoon(platoon::PlatoonArgs),
    /// Park, turn around, leave a dead end: plan and drive manoeuvres at walking pace; exit code 1 if
    /// one that has a plan was not driven to its goal untouched, or a single one has none
    Park(park::ParkArgs),
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
    /// Where to write logs (MCAP) and pictures (SVG)
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
    /// What the safety monitor's word counts for
    #[arg(long, value_enum, default_value_t = MonitorArg::Obeyed)]
    monitor: MonitorArg,
    /// Seed of everything random; the driver draws no lots, so it changes nothing
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
}

/// What the monitor's word counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MonitorArg {
    /// It is not asked
    Off,
    /// It judges each cycle, but the plan is driven all the same
    Counted,
    /// A plan that it refuses is not driven: its own stop is; unless only a safe stop after it is missing
    Obeyed,
    /// A plan that it refuses is not driven, whatever the reason
    Strict,
}

/// What the driver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PredictionArg {
    /// Nothing: it forecasts for itself
    Own,
    /// The recorded future
    GroundTruth,
}

impl PredictionArg {
    /// As it is given on the command line.
    fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::GroundTruth => "ground-truth",
        }
    }
}

impl MonitorArg {
    /// As it is given on the command line.
    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Counted => "counted",
            Self::Obeyed => "obeyed",
            Self::Strict => "strict",
        }
    }
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => run_files(&args),
        Command::Ceiling(args) => ceiling::run(&args),
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
        Command::Replay(args) => replay::run(&args),
        Command::Platoon(args) => platoon::run(&args),
        Command::Park(args) => park::run(&args),
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
    let work = Progress::over(args.files.len())?;
    let mut results = Vec::new();
    for file in &args.files {
        if work.is_stopped() {
            break;
        }
        let result = run::drive_file(file, args.prediction, args.how, &places)?;
        if !args.json {
            work.bar.suspend(|| output::print(&(result.line() + "\n")))?;
        }
        results.push(result);
        work.bar.inc(1);
    }
    work.bar.finish_and_clear();
    let summary = run::Summary::of(&results);
    let all = summary.n_reached == args.files.len();
    if args.json {
        output::print_json(&run::Answer { summary, seed: args.how.seed, scenarios: results })?;
    } else {
        output::print(&summary.text())?;
    }
    work.tell(args.files.len());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How far a run has come, and whether Ctrl-C asks it to end.
struct Progress {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Progress {
    fn over(n: usize) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        ctrlc::set_handler(move || {
            // A second one does not wait for the scenario to end.
            if asked.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        })
        .hint("cannot listen for Ctrl-C", "run it without a handler in the parent process")?;
        let is_shown = std::io::stderr().is_terminal() && n > 1;
        let bar = if is_shown { ProgressBar::new(n as u64) } else { ProgressBar::hidden() };
        Ok(Self { bar, stop })
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Says what is missing if it was stopped.
    fn tell(&self, n: usize) {
        if self.is_stopped() {
            output::note(&format!(
                "stopped after {} of {n}: what was driven is told",
                self.bar.position()
            ));
        }
    }
}
