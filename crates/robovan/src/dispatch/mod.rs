//! `robovan dispatch`: plans and checks vehicle routing problems.

mod bench;
mod check;
mod generate;
mod live_bench;
mod solve;

use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use rv_dispatch::format::{Convention, Loaded, read_problem};

use crate::files::read_text;
use crate::output::HintExt;

/// Largest problem or solution that is read.
const FILE_BYTES_MAX: u64 = 512 << 20;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Plan a problem: Solomon, Li & Lim, VRPLIB, Schneider EVRPTW or our own JSON
    Solve(solve::SolveArgs),
    /// Check a solution with code that shares nothing with the planner; exit code 1 if it is wrong
    Check(check::CheckArgs),
    /// Plan every problem of a folder and print the table, with gaps where best-knowns are given
    Bench(bench::BenchArgs),
    /// Write a large random problem as JSON
    Generate(generate::GenerateArgs),
    /// Rehearse a fleet under way, event by event: how fast it answers, and whether it ever breaks a
    /// limit or what was committed; exit code 1 if it does
    LiveBench(live_bench::LiveBenchArgs),
}

/// How distances are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConventionArg {
    /// As the file's type asks: whole numbers for CVRP, one decimal for MTVRPTWR, else exact
    File,
    /// Euclidean, not rounded
    Exact,
    /// Truncated to one decimal (DIMACS 2021, CVRPLIB)
    Dimacs,
    /// Rounded to whole numbers (TSPLIB)
    Integer,
}

impl From<ConventionArg> for Convention {
    fn from(arg: ConventionArg) -> Self {
        match arg {
            ConventionArg::File => Self::OfFile,
            ConventionArg::Exact => Self::Exact,
            ConventionArg::Dimacs => Self::Dimacs,
            ConventionArg::Integer => Self::Integer,
        }
    }
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Solve(args) => solve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::LiveBench(args) => live_bench::run(&args),
    }
}

fn load(path: &Path, convention: ConventionArg) -> anyhow::Result<Loaded> {
    let mut loaded = read_problem(&read(path)?, convention.into()).hint(
        format!("{} cannot be planned", path.display()),
        "docs/dispatch.md describes the formats",
    )?;
    if loaded.name.is_empty() {
        loaded.name = stem(path);
    }
    Ok(loaded)
}

fn read(path: &Path) -> anyhow::Result<String> {
    read_text(path, FILE_BYTES_MAX)
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
