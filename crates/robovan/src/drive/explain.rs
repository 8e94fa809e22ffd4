//! What the driver did at a moment of a log, in words.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::run::LogLine;
use crate::output::{self, HintExt, error_with_hint};

/// Largest log that is read.
const LOG_BYTES_MAX: u64 = 1 << 30;

#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// Log of a drive, as `drive run --log-dir` writes it
    log: PathBuf,
    /// Seconds after the start
    #[arg(long, value_name = "SECONDS")]
    at: f64,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let hint = "give a log that `robovan drive run --log-dir` wrote (.jsonl)";
    let what = || format!("cannot read {}", args.log.display());
    let file = File::open(&args.log).hint(what(), hint)?;
    let mut nearest: Option<LogLine> = None;
    let mut made: Option<LogLine> = None;
    for line in BufReader::new(file.take(LOG_BYTES_MAX)).lines() {
        let record: LogLine = serde_json::from_str(&line.hint(what(), hint)?).hint(what(), hint)?;
        if nearest.is_some() && record.time_s > args.at + 1e-9 {
            break;
        }
        if record.is_new_plan {
            made = Some(serde_json::from_value(serde_json::to_value(&record)?)?);
        }
        nearest = Some(record);
    }
    let Some(now) = nearest else {
        return Err(error_with_hint(format!("{} is empty", args.log.display()), hint));
    };
    output::print(&words(&now, made.as_ref()))?;
    Ok(ExitCode::SUCCESS)
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
    if now.is_new_plan {
        text.push_str(&format!(
            "The plan was made now, because: {}. {} proposals were tried ({} search nodes).\n",
            now.why, now.n_proposals, now.work
        ));
    } else if let Some(made) = made {
        text.push_str(&format!(
            "The plan was made at {:.1} s, because: {}; now: {}.\n",
            made.time_s, made.why, now.why
        ));
    }
    if now.n_seen > 0 {
        text.push_str(&format!("It sees {} others.\n", now.n_seen));
    }
    text
}
