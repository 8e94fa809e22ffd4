//! One scenario file: read, drive, judge by our own eyes, write.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rv_driver::monitor::{Stage, Verdict};
use rv_driver::trajectory::{PlannerOptions, Road, State, Vehicle};
use rv_import::commonroad::{self, Problem, Scenario, SolutionProblem, VehicleModel};
use rv_sim::scenario::{
    self, Blame, Driven, Prediction, Recorded, Scene, Watch, commonroad as convert, reason_word,
};
use serde::Serialize;

use super::log::{self, Origin};
use super::{How, MonitorArg, PredictionArg, picture};
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

    /// Writes a solution of the problems of a scenario, if solutions are wanted.
    pub(super) fn write_solution(
        &self,
        name: &str,
        scenario: &Scenario,
        vehicle_type: u8,
        states: &[&[State]],
    ) -> anyhow::Result<()> {
        let (Some(dir), Some(vehicle)) = (&self.solutions, Vehicle::commonroad(vehicle_type))
        else {
            return Ok(());
        };
        let rows = scenario.problems.iter().zip(states);
        let problems: Vec<SolutionProblem> = rows
            .map(|(problem, states)| SolutionProblem {
                problem_id: problem.id,
                model: VehicleModel::Ks,
                vehicle_type,
                cost: "SM1".to_owned(),
                states: (problem.step..)
                    .zip(*states)
                    .map(|(step, s)| convert::solution_state(&vehicle, s, step))
                    .collect(),
            })
            .collect();
        let text = commonroad::write_solution(&scenario.benchmark_id, &scenario.version, &problems);
        let file = format!("solution_KS{vehicle_type}_SM1_{name}_{}.xml", scenario.version);
        write(&dir.join(file), text.as_bytes())
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
    pub(super) monitor: Watched,
    pub(super) warnings: Vec<String>,
    #[serde(skip)]
    pub(super) took: Vec<Duration>,
    #[serde(skip)]
    pub(super) monitor_took: Vec<Duration>,
    #[serde(skip)]
    pub(super) prepared_in: Vec<Duration>,
    #[serde(skip)]
    pub(super) picture: String,
}

/// What the monitor found, in cycles.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Watched {
    /// Judged, and of these let through.
    pub(super) cycles: usize,
    pub(super) passed: usize,
    /// Followed by a stop that was verified to touch nothing.
    pub(super) with_verified_stop: usize,
    /// Nearer to the one in front than responsibility-sensitive safety asks for (counted only).
    pub(super) too_near: usize,
    /// Driven by the monitor while it waited for a plan that passes, and to end the journey.
    pub(super) bridged: usize,
    pub(super) minimal_risk: usize,
    /// Refused, by reason.
    pub(super) refused: BTreeMap<&'static str, usize>,
}

impl Watched {
    fn of(driven: &[Driven]) -> Self {
        let mut out = Self::default();
        for watched in driven.iter().flat_map(|d| &d.cycles).filter_map(|c| c.decision.as_ref()) {
            let d = &watched.decision;
            out.cycles += 1;
            out.too_near += usize::from(watched.is_too_near);
            out.with_verified_stop += usize::from(d.has_verified_stop);
            match d.stage {
                Stage::Driving => {}
                Stage::Bridging => out.bridged += 1,
                Stage::MinimalRisk(_) | Stage::Standing(_) => out.minimal_risk += 1,
            }
            match &d.verdict {
                Verdict::Pass => out.passed += 1,
                Verdict::Stop(reason) => *out.refused.entry(reason_word(reason)).or_default() += 1,
            }
        }
        out
    }

    fn add(&mut self, other: &Self) {
        self.cycles += other.cycles;
        self.passed += other.passed;
        self.with_verified_stop += other.with_verified_stop;
        self.too_near += other.too_near;
        self.bridged += other.bridged;
        self.minimal_risk += other.minimal_risk;
        for (reason, n) in &other.refused {
            *self.refused.entry(reason).or_default() += n;
        }
    }
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
    /// Scenarios read with something odd in them; the warnings stand with each.
    pub(super) n_odd: usize,
    pub(super) cycles: usize,
    pub(super) cycle_us_median: f64,
    pub(super) cycle_us_p999: f64,
    pub(super) monitor_us_median: f64,
    pub(super) monitor_us_p999: f64,
    /// Getting ready for a problem, once before its drive.
    pub(super) prepare_ms_median: f64,
    pub(super) prepare_ms_max: f64,
    pub(super) monitor: Watched,
}

impl FileResult {
    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "{:<40} {:<14} cycles {:>4}  median {:>7.1} us  max {:>8.1} us",
            self.scenario, self.outcome, self.cycles, self.cycle_us_median, self.cycle_us_max
        );
        for warning in self.warnings.iter().take(3) {
            line += &format!("\n    {warning}");
        }
        if self.warnings.len() > 3 {
            line += &format!("\n    and {} more", self.warnings.len() - 3);
        }
        line
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
            monitor: Watched::default(),
            warnings: vec![why],
            took: Vec::new(),
            monitor_took: Vec::new(),
            prepared_in: Vec::new(),
            picture: String::new(),
        }
    }
}

impl Summary {
    pub(super) fn of(results: &[FileResult]) -> Self {
        let sorted = |of: &dyn Fn(&FileResult) -> &Vec<Duration>| {
            let mut all: Vec<Duration> = results.iter().flat_map(|r| of(r).clone()).collect();
            all.sort();
            all
        };
        let (took, monitor_took) = (sorted(&|r| &r.took), sorted(&|r| &r.monitor_took));
        let prepared_in = sorted(&|r| &r.prepared_in);
        let mut monitor = Watched::default();
        for r in results {
            monitor.add(&r.monitor);
        }
        let count = |test: &dyn Fn(&FileResult) -> bool| results.iter().filter(|r| test(r)).count();
        Self {
            n_scenarios: results.len(),
            n_reached: count(&|r| r.reached),
            n_contacts: count(&|r| r.contacts > 0),
            n_at_fault: count(&|r| r.at_fault > 0),
            n_left_road: count(&|r| r.left_road > 0),
            n_unreadable: count(&|r| r.outcome == "unreadable"),
            n_odd: count(&|r| r.outcome != "unreadable" && !r.warnings.is_empty()),
            cycles: took.len(),
            cycle_us_median: at_share(&took, 0.5),
            cycle_us_p999: at_share(&took, 0.999),
            monitor_us_median: at_share(&monitor_took, 0.5),
            monitor_us_p999: at_share(&monitor_took, 0.999),
            prepare_ms_median: at_share(&prepared_in, 0.5) / 1e3,
            prepare_ms_max: at_share(&prepared_in, 1.0) / 1e3,
            monitor,
        }
    }

    pub(super) fn text(&self) -> String {
        format!(
            "goal reached {} of {} ({:.1} %), contacts {} (at fault {}), left the road {}, \
             unreadable {}, read with warnings {}; {} cycles, median {:.1} us, p99.9 {:.1} us\n",
            self.n_reached,
            self.n_scenarios,
            100.0 * self.n_reached as f64 / self.n_scenarios.max(1) as f64,
            self.n_contacts,
            self.n_at_fault,
            self.n_left_road,
            self.n_unreadable,
            self.n_odd,
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

/// Largest scenario file that is read, packed.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// A scenario and the drives through it.
pub(super) struct Drives {
    pub(super) scenario: Scenario,
    pub(super) road: Road,
    pub(super) others: Vec<Recorded>,
    pub(super) vehicle: Vehicle,
    pub(super) driven: Vec<Driven>,
}

/// Drives the problems of a scenario, all or one of them.
pub(super) fn drive_all(
    bytes: &[u8],
    prediction: PredictionArg,
    how: How,
    only: Option<i64>,
) -> anyhow::Result<Result<Drives, commonroad::CommonRoadError>> {
    let mut scenario = match commonroad::read_scenario(bytes) {
        Ok(scenario) => scenario,
        Err(e) => return Ok(Err(e)),
    };
    scenario.problems.retain(|p| only.is_none_or(|id| p.id == id));
    let Some(vehicle) = Vehicle::commonroad(how.vehicle) else {
        return Err(error_with_hint("no such vehicle", "choose 1, 2, 3 or 4"));
    };
    let road = Road::build(&scenario.map);
    let others = convert::others(&scenario);
    let driven = scenario
        .problems
        .iter()
        .map(|p| drive_problem(&scenario, &road, &others, vehicle, p, (prediction, how.monitor)))
        .collect();
    Ok(Ok(Drives { scenario, road, others, vehicle, driven }))
}

/// What is in a scenario's file.
pub(super) fn bytes_of(file: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || format!("cannot read {}", file.display());
    let hint = "give CommonRoad scenarios, .xml or .xml.gz";
    let mut bytes = Vec::new();
    let input = File::open(file).hint(what(), hint)?;
    input.take(FILE_BYTES_MAX).read_to_end(&mut bytes).hint(what(), hint)?;
    Ok(bytes)
}

/// Drives all problems of a file. A file that cannot be read is a result, too.
pub(super) fn drive_file(
    file: &Path,
    prediction: PredictionArg,
    how: How,
    places: &Places,
) -> anyhow::Result<FileResult> {
    let bytes = bytes_of(file)?;
    let drives = match drive_all(&bytes, prediction, how, None)? {
        Ok(drives) => drives,
        Err(e) => return Ok(FileResult::unreadable(file, format!("{e}; hint: {}", e.hint()))),
    };
    let (name, scenario, driven) = (stem(file), &drives.scenario, &drives.driven);
    let states: Vec<&[State]> = driven.iter().map(|d| &d.states[..]).collect();
    places.write_solution(&name, scenario, how.vehicle, &states)?;
    let pictured = scenario.problems.iter().zip(driven).next();
    let picture = pictured.map_or_else(String::new, |(problem, driven)| {
        picture::strip(&drives.road, &drives.others, &drives.vehicle, problem, driven)
    });
    if let Some(dir) = &places.logs {
        write(&dir.join(format!("{name}_{}.svg", scenario.version)), picture.as_bytes())?;
        let file = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        for problem in &scenario.problems {
            let origin = Origin {
                file: file.clone(),
                bytes: bytes.clone(),
                prediction: prediction.word().to_owned(),
                monitor: how.monitor.word().to_owned(),
                vehicle: how.vehicle,
                seed: how.seed,
                problem: problem.id,
            };
            // The same name may stand in several versions of the format.
            let which = if scenario.problems.len() > 1 {
                format!("_{}", problem.id)
            } else {
                String::new()
            };
            let path = dir.join(format!("{name}_{}{which}.mcap", scenario.version));
            write(&path, &log_of(&origin, &drives)?)?;
        }
    }
    Ok(result(name, scenario, driven, picture))
}

/// The log of one problem.
pub(super) fn log_of(origin: &Origin, drives: &Drives) -> anyhow::Result<Vec<u8>> {
    let rows = drives.scenario.problems.iter().zip(&drives.driven);
    let (problem, driven) = rows
        .into_iter()
        .find(|(p, _)| p.id == origin.problem)
        .context("the scenario has no such planning problem")?;
    let (road, others, vehicle) = (&drives.road, &drives.others, &drives.vehicle);
    let dt_s = drives.scenario.dt.0;
    Ok(log::write(origin, road, others, vehicle, problem, (driven, dt_s))?)
}

fn drive_problem(
    scenario: &Scenario,
    road: &Road,
    others: &[Recorded],
    vehicle: Vehicle,
    problem: &Problem,
    (prediction, monitor): (PredictionArg, MonitorArg),
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
        watch: match monitor {
            MonitorArg::Off => Watch::Off,
            MonitorArg::Counted => Watch::Counted,
            MonitorArg::Obeyed => Watch::Obeyed,
            MonitorArg::Strict => Watch::Strict,
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
        monitor: Watched::of(driven),
        warnings: scenario.warnings.clone(),
        took,
        monitor_took: driven.iter().flat_map(|d| d.cycles.iter().map(|c| c.monitor_took)).collect(),
        prepared_in: driven.iter().map(|d| d.prepared_in).collect(),
        picture,
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).hint(
        format!("cannot write {}", path.display()),
        "check the folder's rights and the disk's free space",
    )
}

/// File name without `.xml` and `.gz`.
pub(super) fn stem(file: &Path) -> String {
    let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix(".xml").unwrap_or(name).to_owned()
}
