//! Drives again what a log holds, and tells whether the same bytes come out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum as _};
use serde::Serialize;

use super::log::{self, Origin};
use super::run::{drive_all, log_of};
use super::{How, MonitorArg, PredictionArg, explain};
use crate::output::{self, HintExt, error_with_hint};

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// Logs of drives, as `drive run --log-dir` writes them
    #[arg(required = true, value_name = "LOG.mcap")]
    logs: Vec<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer {
    log: String,
    same: bool,
    bytes: usize,
    /// Step of the first record that differs.
    first_step: Option<i64>,
}

pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let mut answers = Vec::new();
    for path in &args.logs {
        let old = explain::read(path)?;
        let what = || format!("cannot replay {}", path.display());
        let origin = log::origin(&old).hint(what(), explain::HINT)?;
        let new = again(&origin).hint(what(), explain::HINT)?;
        let same = old == new;
        let first_step = if same { None } else { first_difference(&old, &new)? };
        if !args.json {
            let word = match (same, first_step) {
                (true, _) => "the same bytes".to_owned(),
                (false, Some(step)) => format!("differs from step {step} on"),
                (false, None) => "other bytes, the same records".to_owned(),
            };
            output::print(&format!("{}: {word} ({} bytes)\n", path.display(), old.len()))?;
        }
        let (log, bytes) = (path.display().to_string(), old.len());
        answers.push(Answer { log, same, bytes, first_step });
    }
    if args.json {
        output::print_json(&answers)?;
    }
    let all = answers.iter().all(|a| a.same);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The log of the same drive, driven again.
pub(super) fn again(origin: &Origin) -> anyhow::Result<Vec<u8>> {
    let word = |what: &str| {
        error_with_hint(
            format!("the log names an unknown {what}"),
            "was it written by a later version?",
        )
    };
    let prediction = PredictionArg::from_str(&origin.prediction, false);
    let monitor = MonitorArg::from_str(&origin.monitor, false);
    let (prediction, monitor) =
        (prediction.map_err(|_| word("prediction"))?, monitor.map_err(|_| word("monitor"))?);
    let how = How { vehicle: origin.vehicle, monitor, seed: origin.seed };
    let drives = drive_all(&origin.bytes, prediction, how, Some(origin.problem))?;
    let drives = drives.map_err(|e| error_with_hint(e.to_string(), e.hint()))?;
    log_of(origin, &drives)
}

fn first_difference(old: &[u8], new: &[u8]) -> anyhow::Result<Option<i64>> {
    let (old, new) = (log::lines(old)?, log::lines(new)?);
    let differs = old.iter().zip(&new).find(|(a, b)| a != b).map(|(a, _)| a.step);
    let shorter = old.len().min(new.len());
    let more = old.get(shorter).or(new.get(shorter)).map(|l| l.step);
    Ok(differs.or(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A straight lane, a goal ahead, and one that stands beside it.
    const SCENARIO: &str = r#"<commonRoad commonRoadVersion="2020a" benchmarkID="X" timeStepSize="0.1">
      <lanelet id="1"><leftBound><point><x>0</x><y>4</y></point><point><x>200</x><y>4</y></point></leftBound>
      <rightBound><point><x>0</x><y>-2</y></point><point><x>200</x><y>-2</y></point></rightBound></lanelet>
      <staticObstacle id="5"><type>parkedVehicle</type><shape><rectangle><length>4.5</length><width>1.8</width></rectangle></shape>
      <initialState><position><point><x>45</x><y>-1</y></point></position><orientation><exact>0</exact></orientation><time><exact>0</exact></time></initialState></staticObstacle>
      <planningProblem id="9"><initialState><position><point><x>10</x><y>0</y></point></position><orientation><exact>0</exact></orientation>
      <time><exact>0</exact></time><velocity><exact>10</exact></velocity><yawRate><exact>0</exact></yawRate><slipAngle><exact>0</exact></slipAngle></initialState>
      <goalState><position><rectangle><length>20</length><width>6</width><center><x>80</x><y>1</y></center></rectangle></position>
      <time><intervalStart>40</intervalStart><intervalEnd>90</intervalEnd></time></goalState></planningProblem></commonRoad>"#;

    fn origin(monitor: MonitorArg) -> Origin {
        Origin {
            file: "X.xml".to_owned(),
            bytes: SCENARIO.as_bytes().to_vec(),
            prediction: PredictionArg::Own.word().to_owned(),
            monitor: monitor.word().to_owned(),
            vehicle: 2,
            seed: 1,
            problem: 9,
        }
    }

    #[test]
    fn a_log_holds_what_it_was_made_of_and_gives_the_same_bytes_again() {
        let first = again(&origin(MonitorArg::Obeyed)).unwrap();
        let found = log::origin(&first).unwrap();
        assert_eq!(found, origin(MonitorArg::Obeyed));
        assert_eq!(again(&found).unwrap(), first);
        let lines = log::lines(&first).unwrap();
        assert!(lines.len() > 30);
        assert!(lines[0].is_new_plan && lines[0].proposals.iter().any(|p| p.cost.is_some()));
        assert!(lines.iter().all(|l| l.monitor.as_ref().is_some_and(|m| m.has_verified_stop)));
        assert_eq!(lines[0].seen[0].id, 5);

        let other = again(&origin(MonitorArg::Off)).unwrap();
        assert_eq!(first_difference(&first, &other).unwrap(), Some(0));
    }

    #[test]
    fn what_is_no_log_is_told() {
        assert!(log::origin(b"nothing of the kind").is_err());
        let whole = again(&origin(MonitorArg::Off)).unwrap();
        for end in [0, 8, 100, whole.len() / 2] {
            assert!(log::lines(&whole[..end]).is_err(), "{end}");
        }
    }
}
