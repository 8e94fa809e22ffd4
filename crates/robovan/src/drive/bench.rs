//! All scenarios of a folder, with both predictions: a table and a page of pictures.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::run::{FileResult, Places, Summary, drive_file};
use super::{BenchArgs, PredictionArg, Progress};
use crate::output::{self, HintExt, error_with_hint};

#[derive(Serialize)]
struct Answer<'a> {
    seed: u64,
    own: Summary,
    ground_truth: Summary,
    own_scenarios: &'a [FileResult],
    ground_truth_scenarios: &'a [FileResult],
}

pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let files = scenarios(args)?;
    let work = Progress::over(2 * files.len())?;
    let drive = |prediction, name: &str| -> anyhow::Result<Vec<FileResult>> {
        let dir = args.out.join(name);
        let places = Places::create(Some(&dir.join("solutions")), Some(&dir.join("logs")))?;
        let mut results = Vec::new();
        for file in &files {
            if work.is_stopped() {
                break;
            }
            results.push(drive_file(file, prediction, args.how, &places)?);
            work.bar.inc(1);
        }
        Ok(results)
    };
    let own = drive(PredictionArg::Own, "own")?;
    let truth = drive(PredictionArg::GroundTruth, "ground-truth")?;
    work.bar.finish_and_clear();
    work.tell(2 * files.len());
    let page = args.out.join("index.html");
    fs::write(&page, html(&own, &truth))
        .hint(format!("cannot write {}", page.display()), "check the folder's rights")?;
    let (own_sum, truth_sum) = (Summary::of(&own), Summary::of(&truth));
    if args.json {
        output::print_json(&Answer {
            seed: args.how.seed,
            own: own_sum,
            ground_truth: truth_sum,
            own_scenarios: &own,
            ground_truth_scenarios: &truth,
        })?;
    } else {
        let mut text = format!("{:<40} {:<14} {:<14}\n", "scenario", "own", "ground-truth");
        for (a, b) in own.iter().zip(&truth) {
            let _ = writeln!(text, "{:<40} {:<14} {:<14}", a.scenario, a.outcome, b.outcome);
        }
        let _ = write!(text, "own: {}ground-truth: {}", own_sum.text(), truth_sum.text());
        let _ = writeln!(text, "page: {}", page.display());
        output::print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn scenarios(args: &BenchArgs) -> anyhow::Result<Vec<PathBuf>> {
    let dir = fs::read_dir(&args.dir)
        .hint(format!("cannot read {}", args.dir.display()), "give a folder of scenarios")?;
    let mut files: Vec<PathBuf> = dir
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| {
            let name = p.to_string_lossy();
            name.ends_with(".xml") || name.ends_with(".xml.gz")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(error_with_hint(
            format!("no scenarios in {}", args.dir.display()),
            "scenarios end in .xml or .xml.gz",
        ));
    }
    Ok(files)
}

fn html(own: &[FileResult], truth: &[FileResult]) -> String {
    let mut out = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>robovan drive bench</title><style>\
         body{font:14px sans-serif;margin:16px}figure{display:inline-block;margin:6px}\
         figcaption{max-width:420px}.goal{color:#176b2c}.other{color:#a11}</style>\
         <h1>robovan drive bench</h1><p>Red: the vehicle driven; blue: the others, as recorded; \
         both at five moments, darker the later. Yellow: the goal. Pictures: own prediction.</p>",
    );
    let (a, b) = (Summary::of(own), Summary::of(truth));
    let _ = write!(out, "<p>own: {}</p><p>ground truth: {}</p>", a.text(), b.text());
    for (own, truth) in own.iter().zip(truth) {
        let class = if own.reached { "goal" } else { "other" };
        let _ = write!(
            out,
            "<figure>{}<figcaption class=\"{class}\">{}: own {}, ground truth {}</figcaption></figure>",
            own.picture, own.scenario, own.outcome, truth.outcome
        );
    }
    out
}
