//! What the driver did at a moment of a log, in words.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::log::{self, LogLine};
use crate::output::{self, HintExt, error_with_hint};

/// Largest log that is read.
const LOG_BYTES_MAX: u64 = 1 << 30;
/// Others and proposals told of.
const TOLD: usize = 3;

#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// Log of a drive, as `drive run --log-dir` writes it
    #[arg(value_name = "LOG.mcap")]
    log: PathBuf,
    /// Seconds after the start
    #[arg(long, value_name = "SECONDS")]
    at: f64,
    /// Answer with the record as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let bytes = read(&args.log)?;
    let what = || format!("cannot read {}", args.log.display());
    let lines = log::lines(&bytes).hint(what(), HINT)?;
    let Some(now) = at(&lines, args.at) else {
        return Err(error_with_hint(format!("{} holds no cycle", args.log.display()), HINT));
    };
    if args.json {
        output::print_json(now)?;
    } else {
        let made = lines.iter().rfind(|l| l.is_new_plan && l.step <= now.step);
        output::print(&words(now, made))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) const HINT: &str = "give a log that `robovan drive run --log-dir` wrote (.mcap)";

/// A whole log.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).hint(what(), HINT)?.len();
    if size > LOG_BYTES_MAX {
        return Err(error_with_hint(format!("{} is larger than 1 GiB", path.display()), HINT));
    }
    std::fs::read(path).hint(what(), HINT)
}

/// The last record not after a moment; the first if it comes before all.
fn at(lines: &[LogLine], at_s: f64) -> Option<&LogLine> {
    lines.iter().rfind(|l| l.time_s <= at_s + 1e-9).or(lines.first())
}

fn words(now: &LogLine, made: Option<&LogLine>) -> String {
    let doing = match now.acceleration_mps2 {
        a if a > 0.3 => "speeds up",
        a if a < -3.0 => "brakes hard",
        a if a < -0.3 => "slows down",
        _ if now.speed_mps < 0.1 => "stands",
        _ => "keeps its speed",
    };
    let aim = match now.plan_kind.as_str() {
        "goal" => "follows a plan that reaches the goal",
        "onward" => "has found no way to the goal and drives on safely",
        _ => "has found no way on and stops",
    };
    let mut text = format!(
        "At {:.1} s the vehicle drives {:.1} km/h, {doing} ({:+.1} m/s2) and {aim}.\n",
        now.time_s,
        now.speed_mps * 3.6,
        now.acceleration_mps2
    );
    text.push_str(&seen_words(now));
    match made {
        Some(made) if made.step == now.step => {
            text.push_str(&format!("The plan was made now, because: {}.\n", made.why));
        }
        Some(made) => text.push_str(&format!(
            "The plan was made at {:.1} s, because: {}; now: {}.\n",
            made.time_s, made.why, now.why
        )),
        None => text.push_str("No plan has been made yet.\n"),
    }
    if let Some(made) = made {
        text.push_str(&proposal_words(made));
    }
    text.push_str(&monitor_words(now));
    text
}

fn seen_words(now: &LogLine) -> String {
    if now.n_seen == 0 {
        return "It sees nobody.\n".to_owned();
    }
    let place = |ahead_m: f64, left_m: f64| {
        let along = if ahead_m >= 0.0 { "ahead" } else { "behind" };
        let side = if left_m >= 0.0 { "left" } else { "right" };
        format!("{:.0} m {along}, {:.1} m to the {side}", ahead_m.abs(), left_m.abs())
    };
    let near: Vec<String> = now
        .seen
        .iter()
        .take(TOLD)
        .map(|s| {
            let speed = s.speed_mps * 3.6;
            format!("{} ({}, {speed:.0} km/h)", s.id, place(s.ahead_m, s.left_m))
        })
        .collect();
    if near.is_empty() {
        return format!("It sees {} others, none within 80 m.\n", now.n_seen);
    }
    format!("It sees {} others; the nearest: {}.\n", now.n_seen, near.join("; "))
}

/// What was tried when a plan was made, and why one was taken.
fn proposal_words(made: &LogLine) -> String {
    let mut text =
        format!("{} proposals were tried ({} units of work)", made.n_proposals, made.work);
    let mut fine: Vec<_> = made.proposals.iter().filter_map(|p| Some((p.cost?, p))).collect();
    fine.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((cost, best)) = fine.first() {
        let side = if best.offset_m >= 0.0 { "left" } else { "right" };
        text.push_str(&format!(
            "; taken was line {} at {:.1} m to its {side} within {:.0} m, at the lowest cost, {cost:.1}",
            best.base,
            best.offset_m.abs(),
            best.after_m + best.over_m
        ));
        let others: Vec<String> =
            fine.iter().skip(1).take(TOLD).map(|(cost, _)| format!("{cost:.1}")).collect();
        if !others.is_empty() {
            text.push_str(&format!(" (others: {})", others.join(", ")));
        }
        if !best.has_stop_after {
            text.push_str("; no stop after it was found");
        }
    }
    text.push_str(".\n");
    let mut why: Vec<(&str, usize)> = Vec::new();
    for p in made.proposals.iter().filter(|p| p.cost.is_none()) {
        match why.iter_mut().find(|w| w.0 == p.outcome) {
            Some(w) => w.1 += 1,
            None => why.push((&p.outcome, 1)),
        }
    }
    for (outcome, n) in why {
        text.push_str(&format!("  {n} fell out: {outcome}.\n"));
    }
    text
}

fn monitor_words(now: &LogLine) -> String {
    let Some(monitor) = &now.monitor else {
        return "The monitor was not asked.\n".to_owned();
    };
    let verdict = if monitor.verdict == "pass" {
        "The monitor lets the plan through".to_owned()
    } else {
        format!("The monitor refuses the plan: {}", monitor.verdict)
    };
    let stop = if monitor.has_verified_stop {
        "a stop that touches nothing is at hand"
    } else {
        "no stop that touches nothing is at hand"
    };
    let near = if monitor.is_nearer_than_rss {
        "; the one in front is nearer than responsibility-sensitive safety asks for"
    } else {
        ""
    };
    format!("{verdict}; {stop}{near} ({}).\n", monitor.stage)
}
