//! Scenarios and parameter variations with the driver as the vehicle under test: a table, and who
//! of the reference drivers would have avoided what it did not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use rv_sim::openscenario::disk::{Bundle, Kind};
use rv_sim::openscenario::drive::{DriveLimits, Driven, EgoContact, Who, drive};
use rv_sim::openscenario::reference::REFERENCES;
use serde::Serialize;

use super::{OscArgs, animate, is_osc, stem};
use crate::machine;
use crate::output::{self, HintExt, error_with_hint};

/// Contacts of a file that are told one by one.
const TOLD_MAX: usize = 50;
/// Width of a bin of cycle times, us, and their number.
const BIN_US: f64 = 0.5;
const BINS: usize = 20_000;

/// What one drive came to.
struct One {
    contact: Option<EgoContact>,
    is_over: bool,
    n_cycles: u64,
    n_refused: u64,
    n_unverified: u64,
    is_odd: bool,
    error: Option<String>,
    /// Which of the reference drivers touch somebody, too.
    rivals: [Option<bool>; 4],
    bins: BTreeMap<u32, u32>,
}

/// A contact, told.
#[derive(Serialize, Clone)]
struct Told {
    parameters: String,
    at_s: f64,
    with: String,
    own_mps: f64,
    other_mps: f64,
    is_at_fault: bool,
    avoided_by: Vec<&'static str>,
}

/// A row of the table.
#[derive(Serialize, Clone, Default)]
struct Row {
    scenario: String,
    runs: u64,
    unreadable: u64,
    contacts: u64,
    /// Contacts in which the vehicle neither stood nor was hit from behind nor by one that backs.
    at_fault: u64,
    /// Contacts that the careful and competent human driver of UN R157 avoids.
    preventable_by_human: u64,
    /// Contacts that any of the reference drivers avoids.
    preventable_by_any: u64,
    outside_constraints: u64,
    not_over: u64,
    cycles: u64,
    refused: u64,
    unverified: u64,
    /// Contacts of the reference drivers, if they were asked: human, regulation, RSS, FSM.
    rivals: Option<[u64; 4]>,
    unsupported: Vec<String>,
    errors: Vec<String>,
    told: Vec<Told>,
    #[serde(skip)]
    bins: BTreeMap<u32, u64>,
}

#[derive(Serialize)]
struct Answer {
    who: String,
    every: u64,
    part: String,
    total: Row,
    cycle_us_median: Option<f64>,
    cycle_us_p999: Option<f64>,
    cpu_s: f64,
    wall_s: f64,
    threads: usize,
    seed: u64,
    version: &'static str,
    files: Vec<Row>,
}

/// All scenarios below a folder; catalogs are left out. Empty if there are none.
pub(crate) fn scenarios_in(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![(dir.to_path_buf(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_catalog = path
                .file_name()
                .is_some_and(|n| n.to_string_lossy().to_lowercase().contains("catalog"));
            if path.is_dir() && depth < 8 && !is_catalog {
                open.push((path, depth + 1));
            } else if is_osc(&path) && !is_catalog {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Drives files; exit code 1 if there was a contact at fault or a file that could not be driven.
pub(crate) fn run_files(
    files: &[PathBuf],
    args: &OscArgs,
    log_dir: Option<&Path>,
    seed: u64,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let started = std::time::Instant::now();
    let before_s = machine::cpu_s();
    if let Some(dir) = log_dir {
        let hint = "choose a place that can be written";
        fs::create_dir_all(dir).hint(format!("cannot create {}", dir.display()), hint)?;
    }
    let mut rows = Vec::new();
    if !json {
        output::print(&head(args))?;
    }
    for (file, name) in files.iter().zip(names(files)) {
        let row = drive_file(file, name, args, log_dir)?;
        if !json {
            output::print(&line(&row))?;
        }
        rows.push(row);
    }
    let total = sum(&rows);
    let answer = Answer {
        who: format!("{:?}", args.who).to_lowercase(),
        every: args.every,
        part: format!("{}/{}", args.part.k, args.part.n),
        cycle_us_median: share_us(&total.bins, 0.5),
        cycle_us_p999: share_us(&total.bins, 0.999),
        cpu_s: machine::cpu_s() - before_s,
        wall_s: started.elapsed().as_secs_f64(),
        threads: rayon::current_num_threads(),
        seed,
        version: env!("CARGO_PKG_VERSION"),
        total,
        files: rows,
    };
    if json {
        output::print_json(&answer)?;
    } else {
        output::print(&tail(&answer))?;
    }
    let good = answer.total.at_fault == 0 && answer.total.unreadable == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Names of files, each but once: where several folders hold one of the same name, those after the
/// first are numbered.
fn names(files: &[PathBuf]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = |file: &PathBuf| {
        let name = stem(file);
        let n = seen.entry(name.clone()).or_insert(0);
        *n += 1;
        if *n == 1 { name } else { format!("{name} ({n})") }
    };
    files.iter().map(name).collect()
}

fn drive_file(
    file: &Path,
    name: String,
    args: &OscArgs,
    log_dir: Option<&Path>,
) -> anyhow::Result<Row> {
    let mut row = Row { scenario: name, ..Row::default() };
    let (bundle, variations) = match Kind::load(file) {
        Ok(Kind::Scenario(bundle)) => (bundle, None),
        Ok(Kind::Variations(bundle, variations)) => (bundle, Some(variations)),
        Err(e) => {
            row.unreadable = 1;
            row.errors.push(format!("{e}; hint: {}", e.hint()));
            return Ok(row);
        }
    };
    let n = variations.as_ref().map_or(1, |v| v.len() as u64);
    let picked = args.part.of(n, args.every);
    let set = |idx: u64| {
        let mut set = variations.as_ref().map_or_else(Vec::new, |v| v.get(idx as usize));
        set.extend(args.set.iter().cloned());
        set
    };
    if let Ok(scenario) = bundle.scenario(&set(0)) {
        row.unsupported =
            scenario.unsupported.iter().map(|(what, n)| format!("{what} ({n})")).collect();
    }
    let bar = progress(picked.len() as u64, &row.scenario);
    let ones: Vec<One> = picked
        .par_iter()
        .map(|idx| {
            let one = drive_one(&bundle, &set(*idx), args);
            bar.inc(1);
            one
        })
        .collect();
    bar.finish_and_clear();
    for (idx, one) in picked.iter().zip(&ones) {
        add(&mut row, one, || words(&set(*idx)));
    }
    if let (Some(dir), Some(_)) = (log_dir, picked.first()) {
        picture(dir, &row.scenario, &bundle, &set(0), args)?;
    }
    Ok(row)
}

fn words(set: &[(String, String)]) -> String {
    set.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn drive_one(bundle: &Bundle, set: &[(String, String)], args: &OscArgs) -> One {
    let failed = |error: String| One {
        contact: None,
        is_over: false,
        n_cycles: 0,
        n_refused: 0,
        n_unverified: 0,
        is_odd: false,
        error: Some(error),
        rivals: [None; 4],
        bins: BTreeMap::new(),
    };
    let scenario = match bundle.scenario(set) {
        Ok(scenario) => scenario,
        Err(e) => return failed(e.to_string()),
    };
    let roads = match bundle.roads(&scenario) {
        Ok(roads) => roads,
        Err(e) => return failed(e.to_string()),
    };
    let limits = DriveLimits { until_s: args.until, keeps_trace: false };
    let clock: Option<&dyn Fn() -> Duration> =
        if args.timing { Some(&machine::thread_cpu) } else { None };
    let driven = match drive(&scenario, &roads, args.who.who(), limits, clock) {
        Ok(driven) => driven,
        Err(e) => return failed(e.to_string()),
    };
    let mut rivals = [None; 4];
    if args.rivals || driven.contact.is_some() {
        for (slot, kind) in rivals.iter_mut().zip(REFERENCES) {
            let other = drive(&scenario, &roads, Who::Reference(kind), limits, None);
            *slot = other.ok().map(|d| d.contact.is_some());
        }
    }
    let mut bins = BTreeMap::new();
    for took in &driven.took {
        let bin = (took.as_secs_f64() * 1e6 / BIN_US) as usize;
        *bins.entry(bin.min(BINS) as u32).or_insert(0) += 1;
    }
    One {
        is_over: driven.is_over || driven.contact.is_some() || driven.has_left_all,
        n_cycles: driven.n_cycles as u64,
        n_refused: driven.n_refused as u64,
        n_unverified: driven.n_unverified as u64,
        is_odd: !scenario.outside_constraints.is_empty(),
        error: (!driven.faults.is_empty()).then(|| driven.faults.join("; ")),
        contact: driven.contact,
        rivals,
        bins,
    }
}

/// True unless the vehicle stood, or was hit from behind, or by one that drives backwards.
fn is_at_fault(contact: &EgoContact) -> bool {
    contact.own_mps.abs() > 0.05 && !contact.from_behind && contact.other_mps > -0.1
}

fn add(row: &mut Row, one: &One, words: impl Fn() -> String) {
    row.runs += 1;
    row.cycles += one.n_cycles;
    row.refused += one.n_refused;
    row.unverified += one.n_unverified;
    row.not_over += u64::from(!one.is_over && one.error.is_none());
    row.outside_constraints += u64::from(one.is_odd);
    for (bin, n) in &one.bins {
        *row.bins.entry(*bin).or_insert(0) += u64::from(*n);
    }
    if let Some(error) = &one.error {
        row.unreadable += 1;
        if row.errors.len() < TOLD_MAX && !row.errors.contains(error) {
            row.errors.push(error.clone());
        }
    }
    if one.rivals.iter().all(Option::is_some) {
        let counts = row.rivals.get_or_insert([0; 4]);
        for (count, hit) in counts.iter_mut().zip(&one.rivals) {
            *count += u64::from(*hit == Some(true));
        }
    }
    let Some(contact) = &one.contact else { return };
    row.contacts += 1;
    let is_at_fault = is_at_fault(contact);
    row.at_fault += u64::from(is_at_fault);
    let avoided_by: Vec<&'static str> = REFERENCES
        .iter()
        .zip(&one.rivals)
        .filter(|(_, hit)| **hit == Some(false))
        .map(|(kind, _)| kind.name())
        .collect();
    row.preventable_by_human += u64::from(one.rivals[0] == Some(false));
    row.preventable_by_any += u64::from(!avoided_by.is_empty());
    if row.told.len() < TOLD_MAX {
        row.told.push(Told {
            parameters: words(),
            at_s: contact.at_s,
            with: contact.with.clone(),
            own_mps: contact.own_mps,
            other_mps: contact.other_mps,
            is_at_fault,
            avoided_by,
        });
    }
}

fn sum(rows: &[Row]) -> Row {
    let mut total = Row { scenario: "all".to_owned(), ..Row::default() };
    for row in rows {
        total.runs += row.runs;
        total.unreadable += row.unreadable;
        total.contacts += row.contacts;
        total.at_fault += row.at_fault;
        total.preventable_by_human += row.preventable_by_human;
        total.preventable_by_any += row.preventable_by_any;
        total.outside_constraints += row.outside_constraints;
        total.not_over += row.not_over;
        total.cycles += row.cycles;
        total.refused += row.refused;
        total.unverified += row.unverified;
        if let Some(rivals) = &row.rivals {
            let counts = total.rivals.get_or_insert([0; 4]);
            counts.iter_mut().zip(rivals).for_each(|(count, n)| *count += n);
        }
        for (bin, n) in &row.bins {
            *total.bins.entry(*bin).or_insert(0) += n;
        }
    }
    total
}

fn share_us(bins: &BTreeMap<u32, u64>, share: f64) -> Option<f64> {
    let n: u64 = bins.values().sum();
    let mut left = (n as f64 * share) as u64;
    for (bin, count) in bins {
        if *count > left {
            return Some((f64::from(*bin) + 0.5) * BIN_US);
        }
        left -= count;
    }
    None
}

fn head(args: &OscArgs) -> String {
    let rivals = if args.rivals { "  human  regul    RSS    FSM" } else { "" };
    format!(
        "{:<62} {:>7} {:>8} {:>8} {:>11} {:>11}{rivals}\n",
        "scenario", "runs", "contacts", "at fault", "preventable", "unreadable"
    )
}

fn line(row: &Row) -> String {
    let mut text = format!(
        "{:<62} {:>7} {:>8} {:>8} {:>11} {:>11}",
        row.scenario,
        row.runs,
        row.contacts,
        row.at_fault,
        row.preventable_by_human,
        row.unreadable
    );
    if let Some(rivals) = row.rivals.filter(|_| row.runs > row.contacts || row.runs == 1) {
        for n in rivals {
            let _ = write!(text, " {n:>6}");
        }
    }
    text.push('\n');
    for what in &row.unsupported {
        let _ = writeln!(text, "    not played: {what}");
    }
    for error in &row.errors {
        let _ = writeln!(text, "    {error}");
    }
    for told in row.told.iter().filter(|t| t.is_at_fault || !t.avoided_by.is_empty()).take(5) {
        let _ = writeln!(
            text,
            "    contact at {:.2} s with {} ({:.1} m/s, other {:.1} m/s), avoided by [{}]: {}",
            told.at_s,
            told.with,
            told.own_mps,
            told.other_mps,
            told.avoided_by.join(", "),
            told.parameters
        );
    }
    text
}

fn tail(answer: &Answer) -> String {
    let total = &answer.total;
    let mut text = format!(
        "{} runs, contacts {} (at fault {}; preventable by the careful human {}, by any reference driver {}), \
         unreadable {}, not over in time {}\n",
        total.runs,
        total.contacts,
        total.at_fault,
        total.preventable_by_human,
        total.preventable_by_any,
        total.unreadable,
        total.not_over
    );
    let _ = write!(
        text,
        "{} cycles, refused by the monitor {}, without a verified stop {}",
        total.cycles, total.refused, total.unverified
    );
    if let (Some(median), Some(p999)) = (answer.cycle_us_median, answer.cycle_us_p999) {
        let _ = write!(text, "; median {median:.1} us, p99.9 {p999:.1} us");
    }
    let _ = writeln!(
        text,
        "\n{:.1} s of CPU, {:.1} s on {} threads",
        answer.cpu_s, answer.wall_s, answer.threads
    );
    text
}

fn progress(n: u64, name: &str) -> ProgressBar {
    if n < 20 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(n);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

fn picture(
    dir: &Path,
    name: &str,
    bundle: &Bundle,
    set: &[(String, String)],
    args: &OscArgs,
) -> anyhow::Result<()> {
    let Ok(scenario) = bundle.scenario(set) else { return Ok(()) };
    let roads = bundle
        .roads(&scenario)
        .map_err(|e| error_with_hint(e.to_string(), "the map was there a moment ago"))?;
    let limits = DriveLimits { until_s: args.until, keeps_trace: true };
    let Ok(Driven { trace, log, .. }) = drive(&scenario, &roads, args.who.who(), limits, None)
    else {
        return Ok(());
    };
    let marks: Vec<(f64, String)> = log
        .iter()
        .map(|(at_s, command, stage)| {
            (*at_s, format!("{:?}, {:+.1} m/s2, {stage:?}", command.why, command.acceleration_mps2))
        })
        .collect();
    animate::write(dir, name, &scenario, &trace, &roads, &marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_same_name_do_not_overwrite_each_other() {
        let files = ["a/x.xosc", "b/x.xosc", "b/y.xosc"].map(PathBuf::from);
        assert_eq!(names(&files), ["x", "x (2)", "y"]);
    }
}
