//! `robovan linehaul bench` over a folder of .dow instances: one row each, with gaps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rv_base::{Rng, Seconds};
use rv_linehaul::{Budget, check_static, check_timed, solve_static, solve_timed};
use rv_model::linehaul::Timing;
use serde::Serialize;

use super::{BenchArgs, FILE_BYTES_MAX, improved, part_of_search, read_instance, stop_flag};
use crate::files::read_text;
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// Most instances of one folder.
const INSTANCES_MAX: usize = 1_000;

#[derive(Serialize)]
struct Row {
    name: String,
    cost: f64,
    bound: f64,
    /// (cost - bound) / cost.
    gap: f64,
    best_known: Option<f64>,
    /// (cost - best_known) / best_known.
    gap_to_best: Option<f64>,
    violations: usize,
    cpu_s: f64,
}

#[derive(Serialize)]
struct Table {
    rows: Vec<Row>,
    gap_mean: f64,
    gap_to_best_mean: Option<f64>,
    budget_cpu_s: f64,
    seed: u64,
    version: &'static str,
}

pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let files = instances(&args.file)?;
    let best_known = args.best_known.as_deref().map(read_best_known).transpose()?;
    let mut rows = Vec::new();
    for file in &files {
        if stop_flag().load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        let row = row(args, file, best_known.as_ref())?;
        if !args.json {
            output::print(&text(&row))?;
        }
        rows.push(row);
    }
    let mean = |values: Vec<f64>| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let is_right = rows.iter().all(|row| row.violations == 0);
    let table = Table {
        gap_mean: mean(rows.iter().map(|row| row.gap).collect()).unwrap_or(0.0),
        gap_to_best_mean: mean(rows.iter().filter_map(|row| row.gap_to_best).collect()),
        rows,
        budget_cpu_s: args.budget_cpu_s,
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
    };
    if args.json {
        output::print_json(&table)?;
    } else {
        let to_best = table
            .gap_to_best_mean
            .map_or(String::new(), |gap| format!(", {:.2} % to the best known", gap * 100.0));
        output::print(&format!(
            "{} instances: mean proven gap {:.2} %{to_best}\n",
            table.rows.len(),
            table.gap_mean * 100.0
        ))?;
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn row(
    args: &BenchArgs,
    file: &Path,
    best_known: Option<&BTreeMap<String, f64>>,
) -> anyhow::Result<Row> {
    let design = read_instance(file)?;
    let start_s = cpu_s();
    let clock = || Seconds(cpu_s() - start_s);
    let limit = Seconds(args.budget_cpu_s);
    let budget = Budget { stop: Some(stop_flag()), ..Budget::clock(limit, &clock) };
    let rng = Rng::from_seed(args.seed);
    let mut quiet = |_: f64, _: Option<f64>| {};
    let (report, bound) = match design.timing() {
        Timing::Static => {
            let first = part_of_search(&budget);
            let found = solve_static(&design, &first, 1, &rng, &mut quiet);
            let plan = improved(&design, found.plan, &budget, &rng, found.bound, &mut quiet);
            (check_static(&design, &plan), found.bound)
        }
        Timing::Timed => {
            let found = solve_timed(&design, &budget, 1, &rng, &mut quiet);
            (check_timed(&design, &found.plan), found.bound)
        }
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let best_known = best_known.and_then(|known| known.get(&name)).copied();
    Ok(Row {
        gap: if report.cost > 0.0 { (report.cost - bound) / report.cost } else { 0.0 },
        gap_to_best: best_known.map(|best| (report.cost - best) / best),
        name,
        cost: report.cost,
        bound,
        best_known,
        violations: report.violations.len(),
        cpu_s: clock().0,
    })
}

fn text(row: &Row) -> String {
    let best = row
        .gap_to_best
        .map_or(String::new(), |gap| format!("  to best known {:+6.2} %", gap * 100.0));
    let wrong = if row.violations > 0 { "  WRONG" } else { "" };
    format!(
        "{:<12} {:>14.1}  bound {:>14.1}  gap {:>6.2} %{best}  {:.1} CPU-s{wrong}\n",
        row.name,
        row.cost,
        row.bound,
        row.gap * 100.0,
        row.cpu_s
    )
}

/// The .dow files of a folder by name.
fn instances(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let problem = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).hint(problem(), "check the path")? {
        let path = entry.hint(problem(), "check the path")?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dow")) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() || files.len() > INSTANCES_MAX {
        return Err(error_with_hint(
            format!("{} holds {} .dow files", folder.display(), files.len()),
            "1 to 1,000 are planned",
        ));
    }
    Ok(files)
}

/// Best-known costs by name: the first column, and the one that is called `cost` or `best...`.
fn read_best_known(path: &Path) -> anyhow::Result<BTreeMap<String, f64>> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let problem = || format!("cannot read best-known costs from {}", path.display());
    let hint = "columns: name, and cost or best_known; remarks begin with #";
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader.headers().hint(problem(), hint)?;
    let is_cost = |name: &str| name == "cost" || name.starts_with("best");
    let Some(column) = headers.iter().position(is_cost).filter(|column| *column > 0) else {
        return Err(error_with_hint(problem(), hint));
    };
    let mut known = BTreeMap::new();
    for record in reader.records() {
        let record = record.hint(problem(), hint)?;
        let (Some(name), Some(cost)) = (record.get(0), record.get(column)) else { continue };
        // A row without a cost is one that nobody knows.
        if let Some(cost) = cost.parse().ok().filter(|cost: &f64| *cost > 0.0 && cost.is_finite()) {
            known.insert(name.to_owned(), cost);
        }
    }
    Ok(known)
}
