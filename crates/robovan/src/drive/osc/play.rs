//! `robovan drive play`: everybody moves as an OpenSCENARIO file says; compared with traces of
//! esmini, if some are given.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_sim::openscenario::Player;
use rv_sim::openscenario::disk::Bundle;
use rv_sim::openscenario::trace::Trace;
use serde::Serialize;

use super::{animate, assignment, stem, trace_of};
use crate::output::{self, HintExt, error_with_hint};

/// Arguments of `robovan drive play`.
#[derive(Args)]
pub(crate) struct PlayArgs {
    /// Scenarios
    #[arg(required = true, value_name = "FILE.xosc")]
    files: Vec<PathBuf>,
    /// Folder of traces to compare with: NAME.csv or NAME.csv.gz for NAME.xosc, as esmini writes
    /// them (--csv_logger); scenarios without a trace are left out
    #[arg(long, value_name = "DIR")]
    compare: Option<PathBuf>,
    /// Largest distance from a trace that is no difference, m
    #[arg(long, default_value_t = 0.05, value_name = "METERS")]
    tolerance: f64,
    /// Step, s
    #[arg(long, default_value_t = 0.05, value_name = "SECONDS")]
    step: f64,
    /// Longest play
    #[arg(long, default_value_t = 300.0, value_name = "SECONDS")]
    until: f64,
    /// Set a parameter (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Where to write animated pages (NAME.html)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    scenario: String,
    outcome: &'static str,
    ended_s: f64,
    n_moments: usize,
    /// Largest distance of anybody from the trace, m.
    largest_m: Option<f64>,
    worst: Option<String>,
    contacts: Vec<String>,
    unsupported: Vec<String>,
    why: Option<String>,
}

/// Runs it; exit code 1 if a scenario cannot be played or differs from its trace.
pub(crate) fn run(args: &PlayArgs) -> anyhow::Result<ExitCode> {
    if !(0.001..=1.0).contains(&args.step) {
        let problem = format!("--step {} is not within 0.001 to 1 s", args.step);
        return Err(error_with_hint(problem, "0.05 is usual"));
    }
    let mut rows = Vec::new();
    for file in &args.files {
        let golden = match &args.compare {
            None => None,
            Some(dir) => match trace_of(dir, &stem(file)) {
                Some(path) => Some(path),
                None => continue,
            },
        };
        let row = play(file, golden.as_deref(), args)?;
        if !args.json {
            output::print(&line(&row))?;
        }
        rows.push(row);
    }
    let n_good =
        rows.iter().filter(|row| row.outcome == "played" || row.outcome == "agrees").count();
    if args.json {
        output::print_json(&rows)?;
    } else {
        let what = if args.compare.is_some() { "agree with their traces" } else { "played" };
        output::print(&format!("{n_good} of {} scenarios {what}\n", rows.len()))?;
    }
    Ok(if n_good == rows.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(row: &Row) -> String {
    let mut text = format!("{:<60} {:<10} {:>7.2} s", row.scenario, row.outcome, row.ended_s);
    if let Some(m) = row.largest_m {
        let _ = write!(text, "  {:.4} m", m);
    }
    for (word, list) in [("contact", &row.contacts), ("not played", &row.unsupported)] {
        if !list.is_empty() {
            let _ = write!(text, "  {word}: {}", list.join(", "));
        }
    }
    if let Some(why) = &row.why {
        let _ = write!(text, "  {why}");
    }
    text + "\n"
}

fn play(file: &Path, golden: Option<&Path>, args: &PlayArgs) -> anyhow::Result<Row> {
    let mut row = Row {
        scenario: stem(file),
        outcome: "unplayable",
        ended_s: 0.0,
        n_moments: 0,
        largest_m: None,
        worst: None,
        contacts: Vec::new(),
        unsupported: Vec::new(),
        why: None,
    };
    let loaded = Bundle::load(file).map_err(|e| format!("{e}; hint: {}", e.hint()));
    let bundle = match loaded {
        Ok(bundle) => bundle,
        Err(why) => return Ok(Row { why: Some(why), ..row }),
    };
    let scenario = match bundle.scenario(&args.set) {
        Ok(scenario) => scenario,
        Err(e) => return Ok(Row { why: Some(format!("{e}; hint: {}", e.hint())), ..row }),
    };
    row.unsupported =
        scenario.unsupported.iter().map(|(what, n)| format!("{what} ({n})")).collect();
    let roads = match bundle.roads(&scenario) {
        Ok(roads) => roads,
        Err(e) => return Ok(Row { why: Some(format!("{e}; hint: {}", e.hint())), ..row }),
    };
    let mut player = match Player::new(&scenario, &roads) {
        Ok(player) => player,
        Err(e) => return Ok(Row { why: Some(e.to_string()), ..row }),
    };
    let mut trace = Trace::of(&player);
    trace.note(&player);
    while !player.is_over() && player.time_s() < args.until {
        player.step(args.step, None)?;
        if !player.is_over() {
            trace.note(&player);
        }
    }
    (row.outcome, row.ended_s, row.n_moments) = ("played", player.time_s(), trace.times_s.len());
    row.contacts = player
        .touches()
        .iter()
        .map(|t| {
            let name = |idx: usize| scenario.entities[idx].name.as_str();
            format!("{} and {} at {:.2} s", name(t.a), name(t.b), t.at_s)
        })
        .collect();
    row.why = (!player.faults().is_empty()).then(|| player.faults().join("; "));
    if let Some(golden) = golden {
        let what = || format!("cannot read {}", golden.display());
        let bytes = fs::read(golden).hint(what(), "check the path")?;
        let theirs = Trace::read_csv(&bytes)
            .map_err(|why| error_with_hint(format!("{}: {why}", what()), "give esmini's CSV"))?;
        let worst = trace
            .differences(&theirs)
            .into_iter()
            .max_by(|a, b| a.largest_m.total_cmp(&b.largest_m));
        let largest_m = worst.as_ref().map_or(f64::INFINITY, |w| w.largest_m);
        let longer = trace.times_s.len().abs_diff(theirs.times_s.len());
        row.largest_m = Some(largest_m);
        row.worst = worst.map(|w| format!("{} at {:.2} s", w.name, w.at_s));
        row.outcome = if largest_m < args.tolerance && longer <= 1 { "agrees" } else { "differs" };
    }
    if let Some(dir) = &args.out {
        animate::write(dir, &row.scenario, &scenario, &trace, &roads, &[])?;
    }
    Ok(row)
}
