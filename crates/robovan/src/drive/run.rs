//! One scenario file: read, drive, judge by our own eyes, write.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rv_driver::trajectory::{Kind, PlannerOptions, Road, Vehicle};
use rv_import::commonroad::{self, Problem, Scenario, SolutionProblem, VehicleModel};
use rv_sim::scenario::{self, Blame, Driven, Prediction, Recorded, Scene};
use serde::{Deserialize, Serialize};

use super::{PredictionArg, convert, picture};
use crate::machine;
use crate::output::{HintExt, error_with_hint};

/// Where results go.
pub(super) struct Places {
    solutions: Option<PathBuf>,
    logs: Option<PathBuf>,
}

impl Places {
    pub(super) fn create(solutions: Option<&Path>, logs: Option<&Path>) -> anyhow::Result<Self> {
        for dir in [solutions, logs].into_iter().flatten() {
            fs::create_dir_all(dir).hint(
                format!("cannot create {}", dir.display()),
                "check the path and its rights",
            )?;
        }
        Ok(Self { solutions: solutions.map(Path::to_owned), logs: logs.map(Path::to_owned) })
    }
}

/// What came of a scenario.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FileResult {
    pub(super) scenario: String,
    pub(super) version: String,
    pub(super) outcome: &'static str,
    pub(super) reached: bool,
    /// Contacts where the ego is at fault, and all.
    pub(super) at_fault: usize,
    pub(super) contacts: usize,
    /// The first contact of each problem that has one.
    pub(super) contact: Vec<ContactAt>,
    pub(super) left_road: usize,
    pub(super) problems: usize,
    pub(super) cycles: usize,
    pub(super) cycle_us_median: f64,
    pub(super) cycle_us_max: f64,
    pub(super) warnings: Vec<String>,
    #[serde(skip)]
    pub(super) took: Vec<Duration>,
    #[serde(skip)]
    pub(super) picture: String,
}

/// Who touched whom, and when.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ContactAt {
    problem: i64,
    step: i64,
    other: i64,
    is_at_fault: bool,
    /// The scene begins with the two overlapping.
    is_from_start: bool,
}

/// All of a run.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) summary: Summary,
    pub(super) seed: u64,
    pub(super) scenarios: Vec<FileResult>,
}

/// Totals.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub(super) n_scenarios: usize,
    pub(super) n_reached: usize,
    pub(super) n_contacts: usize,
    pub(super) n_at_fault: usize,
    pub(super) n_left_road: usize,
    pub(super) n_unreadable: usize,
    pub(super) cycles: usize,
    pub(super) cycle_us_median: f64,
    pub(super) cycle_us_p999: f64,
}

impl FileResult {
    pub(super) fn line(&self) -> String {
        format!(
            "{:<40} {:<14} cycles {:>4}  median {:>7.1} us  max {:>8.1} us",
            self.scenario, self.outcome, self.cycles, self.cycle_us_median, self.cycle_us_max
        )
    }

    fn unreadable(file: &Path, why: String) -> Self {
        Self {
            scenario: stem(file),
            version: String::new(),
            outcome: "unreadable",
            reached: false,
            at_fault: 0,
            contacts: 0,
            contact: Vec::new(),
            left_road: 0,
            problems: 0,
            cycles: 0,
            cycle_us_median: 0.0,
            cycle_us_max: 0.0,
            warnings: vec![why],
            took: Vec::new(),
            picture: String::new(),
        }
    }
}

impl Summary {
    pub(super) fn of(results: &[FileResult]) -> Self {
        let mut took: Vec<Duration> = results.iter().flat_map(|r| r.took.iter().copied()).collect();
        took.sort();
        let count = |test: &dyn Fn(&FileResult) -> bool| results.iter().filter(|r| test(r)).count();
        Self {
            n_scenarios: results.len(),
            n_reached: count(&|r| r.reached),
            n_contacts: count(&|r| r.contacts > 0),
            n_at_fault: count(&|r| r.at_fault > 0),
            n_left_road: count(&|r| r.left_road > 0),
            n_unreadable: count(&|r| r.outcome == "unreadable"),
            cycles: took.len(),
            cycle_us_median: at_share(&took, 0.5),
            cycle_us_p999: at_share(&took, 0.999),
        }
    }

    pub(super) fn text(&self) -> String {
        format!(
            "goal reached {} of {} ({:.1} %), contacts {} (at fault {}), left the road {}, \
             unreadable {}; {} cycles, median {:.1} us, p99.9 {:.1} us\n",
            self.n_reached,
            self.n_scenarios,
            100.0 * self.n_reached as f64 / self.n_scenarios.max(1) as f64,
            self.n_contacts,
            self.n_at_fault,
            self.n_left_road,
            self.n_unreadable,
            self.cycles,
            self.cycle_us_median,
            self.cycle_us_p999
        )
    }
}

/// The value at a share of a sorted list, us.
fn at_share(sorted: &[Duration], share: f64) -> f64 {
    let idx = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(idx).map_or(0.0, |d| d.as_secs_f64() * 1e6)
}

/// A line of a log.
#[derive(Serialize, Deserialize)]
pub(super) struct LogLine {
    pub(super) problem: i64,
    pub(super) step: i64,
    pub(super) time_s: f64,
    pub(super) x_m: f64,
    pub(super) y_m: f64,
    pub(super) heading_rad: f64,
    pub(super) speed_mps: f64,
    pub(super) steering_rad: f64,
    pub(super) acceleration_mps2: f64,
    pub(super) steering_rate_radps: f64,
    pub(super) plan_kind: String,
    pub(super) is_new_plan: bool,
    pub(super) why: String,
    pub(super) n_proposals: usize,
    pub(super) work: u64,
    pub(super) n_seen: usize,
    pub(super) plan_xy_m: Vec<(f64, f64)>,
}

/// Drives all problems of a file. A file that cannot be read is a result, too.
pub(super) fn drive_file(
    file: &Path,
    prediction: PredictionArg,
    vehicle_type: u8,
    places: &Places,
) -> anyhow::Result<FileResult> {
    let input = File::open(file).hint(
        format!("cannot open {}", file.display()),
        "give CommonRoad scenarios, .xml or .xml.gz",
    )?;
    let scenario = match commonroad::read_scenario(input) {
        Ok(scenario) => scenario,
        Err(e) => return Ok(FileResult::unreadable(file, format!("{e}; hint: {}", e.hint()))),
    };
    let Some(vehicle) = Vehicle::commonroad(vehicle_type) else {
        return Err(error_with_hint("no such vehicle", "choose 1, 2, 3 or 4"));
    };
    let road = Road::build(&scenario.map);
    let others = convert::others(&scenario);
    let mut driven = Vec::new();
    for problem in &scenario.problems {
        driven.push(drive_problem(&scenario, &road, &others, vehicle, problem, prediction));
    }
    let name = stem(file);
    write_solution(&name, &scenario, vehicle, vehicle_type, &driven, places)?;
    write_log(&name, &scenario, &driven, places)?;
    let pictured = scenario.problems.iter().zip(&driven).next();
    let picture = pictured.map_or_else(String::new, |(problem, driven)| {
        picture::strip(&road, &others, &vehicle, problem, driven)
    });
    if let Some(dir) = &places.logs {
        write(&dir.join(format!("{name}_{}.svg", scenario.version)), &picture)?;
    }
    Ok(result(name, &scenario, &driven, picture))
}

fn drive_problem(
    scenario: &Scenario,
    road: &Road,
    others: &[Recorded],
    vehicle: Vehicle,
    problem: &Problem,
    prediction: PredictionArg,
) -> Driven {
    let scene = Scene {
        road,
        others,
        vehicle,
        goals: convert::goals(problem),
        start: convert::start(problem, &vehicle),
        first_step: problem.step,
        options: PlannerOptions::for_step(scenario.dt.0),
        prediction: match prediction {
            PredictionArg::Own => Prediction::Own,
            PredictionArg::GroundTruth => Prediction::GroundTruth,
        },
    };
    scenario::drive(&scene, &machine::thread_cpu)
}

fn result(name: String, scenario: &Scenario, driven: &[Driven], picture: String) -> FileResult {
    let mut took: Vec<Duration> =
        driven.iter().flat_map(|d| d.cycles.iter().map(|c| c.took)).collect();
    took.sort();
    let rows = scenario.problems.iter().zip(driven);
    let contact: Vec<ContactAt> = rows
        .filter_map(|(problem, d)| {
            let c = d.contact?;
            Some(ContactAt {
                problem: problem.id,
                step: c.step,
                other: c.id,
                is_at_fault: c.blame == Blame::Ego,
                is_from_start: c.blame == Blame::Start,
            })
        })
        .collect();
    let at_fault = contact.iter().filter(|c| c.is_at_fault).count();
    let left_road = driven.iter().filter(|d| d.left_road.is_some()).count();
    let reached = !driven.is_empty() && driven.iter().all(|d| d.reached.is_some());
    let outcome = if driven.is_empty() {
        "no problem"
    } else if at_fault > 0 {
        "contact"
    } else if contact.iter().any(|c| c.is_from_start) {
        "start in contact"
    } else if !contact.is_empty() {
        "was hit"
    } else if left_road > 0 {
        "left the road"
    } else if reached {
        "goal"
    } else if scenario.problems.iter().all(|p| p.goals.is_empty()) {
        "no goal stated"
    } else {
        "goal missed"
    };
    FileResult {
        scenario: name,
        version: scenario.version.clone(),
        outcome,
        reached: reached && contact.is_empty() && left_road == 0,
        at_fault,
        contacts: contact.len(),
        contact,
        left_road,
        problems: driven.len(),
        cycles: took.len(),
        cycle_us_median: at_share(&took, 0.5),
        cycle_us_max: at_share(&took, 1.0),
        warnings: scenario.warnings.clone(),
        took,
        picture,
    }
}

fn write_solution(
    name: &str,
    scenario: &Scenario,
    vehicle: Vehicle,
    vehicle_type: u8,
    driven: &[Driven],
    places: &Places,
) -> anyhow::Result<()> {
    let Some(dir) = &places.solutions else { return Ok(()) };
    let problems: Vec<SolutionProblem> = scenario
        .problems
        .iter()
        .zip(driven)
        .map(|(problem, driven)| SolutionProblem {
            problem_id: problem.id,
            model: VehicleModel::Ks,
            vehicle_type,
            cost: "SM1".to_owned(),
            states: driven
                .states
                .iter()
                .enumerate()
                .map(|(i, s)| convert::solution_state(&vehicle, s, problem.step + i as i64))
                .collect(),
        })
        .collect();
    let text = commonroad::write_solution(&scenario.benchmark_id, &scenario.version, &problems);
    let file = format!("solution_KS{vehicle_type}_SM1_{name}_{}.xml", scenario.version);
    write(&dir.join(file), &text)
}

fn write_log(
    name: &str,
    scenario: &Scenario,
    driven: &[Driven],
    places: &Places,
) -> anyhow::Result<()> {
    let Some(dir) = &places.logs else { return Ok(()) };
    // The same name may stand in several versions of the format.
    let path = dir.join(format!("{name}_{}.jsonl", scenario.version));
    let what = || format!("cannot write {}", path.display());
    let hint = "check the folder's rights and the disk's free space";
    let mut out = BufWriter::new(File::create(&path).hint(what(), hint)?);
    for (problem, driven) in scenario.problems.iter().zip(driven) {
        for record in &driven.cycles {
            let line = LogLine {
                problem: problem.id,
                step: record.step,
                time_s: (record.step - problem.step) as f64 * scenario.dt.0,
                x_m: record.state.rear.x_m,
                y_m: record.state.rear.y_m,
                heading_rad: record.state.heading_rad,
                speed_mps: record.state.speed_mps,
                steering_rad: record.state.steering_rad,
                acceleration_mps2: record.cycle.input.acceleration_mps2,
                steering_rate_radps: record.cycle.input.steering_rate_radps,
                plan_kind: kind_word(record.cycle.kind).to_owned(),
                is_new_plan: record.cycle.is_new,
                why: record.cycle.why.to_owned(),
                n_proposals: record.cycle.n_proposals,
                work: record.cycle.work,
                n_seen: record.n_seen,
                plan_xy_m: record.plan.iter().map(|p| (p.x_m, p.y_m)).collect(),
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n").hint(what(), hint)?;
        }
    }
    out.flush().hint(what(), hint)
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Goal => "goal",
        Kind::Onward => "onward",
        Kind::Stop => "stop",
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).hint(
        format!("cannot write {}", path.display()),
        "check the folder's rights and the disk's free space",
    )
}

/// File name without `.xml` and `.gz`.
fn stem(file: &Path) -> String {
    let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix(".xml").unwrap_or(name).to_owned()
}
