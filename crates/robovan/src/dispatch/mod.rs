//! `robovan dispatch`: plans and checks vehicle routing problems.

mod bench;
mod check;
mod generate;
mod solve;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Subcommand, ValueEnum};
use rv_dispatch::format::{Convention, Loaded, read_problem};

use crate::output::{HintExt, error_with_hint};

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
    }
}

fn load(path: &Path, convention: ConventionArg) -> anyhow::Result<Loaded> {
    let mut loaded = read_problem(&read_text(path)?, convention.into()).hint(
        format!("{} cannot be planned", path.display()),
        "docs/dispatch.md describes the formats",
    )?;
    if loaded.name.is_empty() {
        loaded.name = stem(path);
    }
    Ok(loaded)
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let problem = || format!("cannot read {}", path.display());
    let n_bytes = std::fs::metadata(path).hint(problem(), "check the path")?.len();
    if n_bytes > FILE_BYTES_MAX {
        return Err(error_with_hint(
            format!("{} has {n_bytes} bytes", path.display()),
            format!("files up to {FILE_BYTES_MAX} bytes are read"),
        ));
    }
    std::fs::read_to_string(path).hint(problem(), "it must be a UTF-8 text")
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)
        .hint(format!("cannot write {}", path.display()), "name a place that can be written")
}

/// CPU seconds of this process so far, by the kernel's count (100 ticks a second on every Linux);
/// wall time since the first call where the kernel does not say.
fn cpu_s() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let ticks = std::fs::read_to_string("/proc/self/stat").ok().and_then(|text| {
        // The command name, in parentheses, may hold blanks; fields are counted behind it.
        let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    });
    match ticks {
        Some(ticks) => ticks / 100.0,
        None => START.get_or_init(Instant::now).elapsed().as_secs_f64(),
    }
}
