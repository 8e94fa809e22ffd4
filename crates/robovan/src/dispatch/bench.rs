//! `robovan dispatch bench`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_dispatch::Progress;
use serde::Serialize;

use super::solve::{Answer, How, ObjectiveArg, cancel_on_ctrl_c, is_cancelled, plan};
use super::{load, read, stem};
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// Most problems of one set.
const FILES_MAX: usize = 10_000;

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// Folder of problems, or single problems
    #[arg(required = true)]
    set: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
    /// Tables of best-known values: CSV with columns `instance` (or `file`) and `distance` (or
    /// `best_known_cost`) and, if known, `vehicles` (or `routes`); `.sol` files beside the problems
    /// are read without being named
    #[arg(long, value_name = "TABLE.csv")]
    best: Vec<PathBuf>,
    /// Runs of each problem, with seeds counting up from --seed
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Only problems whose name contains this, in small or capital letters
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Best {
    cost: f64,
    vehicles: Option<usize>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    answer: Answer,
    best_known: Option<Best>,
    /// cost / best known - 1; for the objective `vehicles` only at equal vehicles.
    gap: Option<f64>,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    args.how.is_sound()?;
    let best = best_knowns(&args.best)?;
    let files = files(args)?;
    cancel_on_ctrl_c();
    let n_runs = (files.len() as u64).saturating_mul(args.seeds);
    // Drawn on a terminal alone.
    let bar = indicatif::ProgressBar::new(n_runs);
    bar.set_style(bar_style());
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let mut rows = Vec::new();
    'runs: for path in &files {
        let known = best.get(&stem(path).to_ascii_lowercase()).copied();
        let known = known.or_else(|| beside(path));
        for seed in args.how.seed..args.how.seed.saturating_add(args.seeds) {
            let start_s = cpu_s();
            let loaded = load(path, args.how.convention)?;
            let how = How { seed, ..args.how.clone() };
            let show =
                |p: Progress| bar.set_message(now(&stem(path), seed, known, how.objective, &p));
            let (mut answer, _, _) = plan(&loaded, None, &how, start_s, &show);
            if is_cancelled() {
                // The run at hand was cut short: it is no result.
                output::note("stopped: the run at hand is left out");
                break 'runs;
            }
            bar.inc(1);
            answer.name = stem(path);
            let row = Row { gap: gap(&answer, known, how.objective), answer, best_known: known };
            if !args.json {
                bar.suspend(|| output::print(&line(&row)))?;
            }
            rows.push(row);
        }
    }
    bar.finish_and_clear();
    if args.json {
        output::print_json(&rows)?;
    } else {
        output::print(&sum(&rows))?;
    }
    let is_good = rows.iter().all(|r| r.answer.violations == 0);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn bar_style() -> indicatif::ProgressStyle {
    indicatif::ProgressStyle::with_template("{spinner} {pos} of {len} runs {msg}")
        .expect("the template is right")
}

/// The run at hand in one line.
fn now(
    name: &str,
    seed: u64,
    known: Option<Best>,
    objective: ObjectiveArg,
    p: &Progress,
) -> String {
    let is_comparable =
        |known: &Best| objective == ObjectiveArg::Distance || known.vehicles == Some(p.n_vehicles);
    let gap = known.filter(is_comparable).map_or_else(String::new, |best| {
        format!(", gap {:.2} %", (p.cost / best.cost - 1.0) * 100.0)
    });
    let (cost, n_vehicles, n_unserved) = (p.cost, p.n_vehicles, p.n_unserved);
    format!("{name} seed {seed}: {cost:.1}{gap}, {n_vehicles} vehicles, {n_unserved} unserved")
}

fn gap(answer: &Answer, known: Option<Best>, objective: ObjectiveArg) -> Option<f64> {
    let known = known?;
    let is_comparable =
        objective == ObjectiveArg::Distance || known.vehicles == Some(answer.vehicles);
    (is_comparable && answer.unserved == 0 && known.cost > 0.0)
        .then(|| answer.cost / known.cost - 1.0)
}

fn line(row: &Row) -> String {
    let a = &row.answer;
    let known = row.best_known.map_or_else(String::new, |b| {
        let vehicles = b.vehicles.map_or_else(|| "-".into(), |n| n.to_string());
        format!("  best {vehicles} / {:.2}", b.cost)
    });
    let gap = row.gap.map_or_else(String::new, |gap| format!("  gap {:.2} %", gap * 100.0));
    let wrong = if a.violations > 0 { "  WRONG" } else { "" };
    format!(
        "{:<20} seed {:<3} {:>4} vehicles {:>12.2} {:>3} unserved {:>9} its {:>6.1} CPU-s{known}{gap}{wrong}\n",
        a.name, a.seed, a.vehicles, a.cost, a.unserved, a.iterations, a.cpu_s
    )
}

fn sum(rows: &[Row]) -> String {
    let gaps: Vec<f64> = rows.iter().filter_map(|r| r.gap).collect();
    let mut text = format!("{} runs", rows.len());
    if !gaps.is_empty() {
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64 * 100.0;
        text += &format!(", mean gap {mean:.3} % over {}", gaps.len());
    }
    let counted: Vec<(usize, usize)> =
        rows.iter().filter_map(|r| Some((r.answer.vehicles, r.best_known?.vehicles?))).collect();
    if !counted.is_empty() {
        let n_reached = counted.iter().filter(|(mine, best)| mine <= best).count();
        let mine: usize = counted.iter().map(|c| c.0).sum();
        let best: usize = counted.iter().map(|c| c.1).sum();
        text += &format!(
            ", best-known vehicles reached in {n_reached} of {}, {mine} vehicles of {best}",
            counted.len()
        );
    }
    text + "\n"
}

/// All problems of the set, by name.
fn files(args: &BenchArgs) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in &args.set {
        if path.is_dir() {
            let entries = std::fs::read_dir(path)
                .hint(format!("cannot read {}", path.display()), "check the path")?;
            for entry in entries {
                let path = entry?.path();
                let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
                let is_problem = matches!(extension, "txt" | "vrp" | "json")
                    && !stem(&path).eq_ignore_ascii_case("readme");
                if path.is_file() && is_problem {
                    files.push(path);
                }
            }
        } else {
            files.push(path.clone());
        }
    }
    let n_all = files.len();
    if let Some(text) = &args.only {
        let text = text.to_ascii_lowercase();
        files.retain(|path| stem(path).to_ascii_lowercase().contains(&text));
        if files.is_empty() && n_all > 0 {
            return Err(error_with_hint(
                format!("none of the {n_all} problems in the set has `{text}` in its name"),
                "--only takes a part of the file's name",
            ));
        }
    }
    files.sort();
    if files.is_empty() || files.len() > FILES_MAX {
        return Err(error_with_hint(
            format!("{} problems in the set", files.len()),
            "name a folder of .txt, .vrp or .json problems",
        ));
    }
    Ok(files)
}

/// Best-known values by lower-case instance name.
fn best_knowns(tables: &[PathBuf]) -> anyhow::Result<BTreeMap<String, Best>> {
    let mut best = BTreeMap::new();
    for path in tables {
        let text = read(path)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let head = reader.headers()?.clone();
        let column = |names: &[&str]| head.iter().position(|h| names.contains(&h.trim()));
        let hint = "the table needs columns `instance` and `distance`";
        let missing = || error_with_hint(format!("{} has no such columns", path.display()), hint);
        let name_at = column(&["instance", "file", "name"]).ok_or_else(missing)?;
        let cost_at = column(&["distance", "best_known_cost", "cost"]).ok_or_else(missing)?;
        let vehicles_at = column(&["vehicles", "routes"]);
        for record in reader.records() {
            let record = record.hint(format!("{} is not CSV", path.display()), hint)?;
            let name = Path::new(record.get(name_at).unwrap_or(""));
            let Some(cost) = record.get(cost_at).and_then(|c| c.trim().parse().ok()) else {
                continue;
            };
            let vehicles = vehicles_at.and_then(|at| record.get(at)?.trim().parse().ok());
            best.insert(stem(name).to_ascii_lowercase(), Best { cost, vehicles });
        }
    }
    Ok(best)
}

/// The `Cost` line of the `.sol` file beside a problem.
fn beside(path: &Path) -> Option<Best> {
    let text = std::fs::read_to_string(path.with_extension("sol")).ok()?;
    let words = text.lines().find_map(|line| {
        let line = line.trim().to_ascii_lowercase();
        Some(line.strip_prefix("cost")?.trim_start_matches([':', ' ']).to_owned())
    })?;
    Some(Best { cost: words.parse().ok()?, vehicles: None })
}
