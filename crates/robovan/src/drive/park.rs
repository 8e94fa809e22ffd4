//! `robovan drive park`: manoeuvres at walking pace, from a file or by lot.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use rv_driver::manoeuvre::Options;
use rv_driver::trajectory::Vehicle;
use rv_sim::plant::{PlantKind, Tracking};
use rv_sim::urban::usual_van;
use rv_sim::yard::{self, Kind, Outcome, Scene, Until};
use serde::Serialize;

use super::park_picture;
use crate::machine;
use crate::output::{self, HintExt as _};

/// Largest scene file, bytes.
const FILE_MAX: u64 = 4 << 20;
/// Scenes drawn on a sheet.
const DRAWN_MAX: usize = 12;

#[derive(Args)]
pub(crate) struct ParkArgs {
    /// Scene as JSON, as --write-scene writes it [default: scenes by lot]
    #[arg(value_name = "SCENE.json", conflicts_with_all = ["kind", "seeds"])]
    file: Option<PathBuf>,
    /// Kind of the scenes
    #[arg(long, value_enum, default_value_t = KindArg::All)]
    kind: KindArg,
    /// Seed of the first scene
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// As many seeds, from the first on, of each kind
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: u64,
    /// What is driven: the model that the planner assumes, or one that answers 0.2 s late and whose tyres slip
    #[arg(long, value_enum, default_value_t = PlantArg::SingleTrack)]
    plant: PlantArg,
    /// People who walk through each scene
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=50))]
    people: u8,
    /// Plan only, do not drive
    #[arg(long)]
    plan_only: bool,
    /// Draws the scenes (the first twelve) and how they were driven
    #[arg(long, visible_alias = "picture", value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Writes the first scene
    #[arg(long, value_name = "FILE.json")]
    write_scene: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// Every kind
    All,
    /// A bay at a right angle to its aisle
    Bay,
    /// A bay at 45 to 60 degrees
    Echelon,
    /// A gap between vehicles at the kerb
    Kerb,
    /// Out of a lane that ends
    DeadEnd,
    /// Turning around in a street
    Turn,
    /// Through a gate into a bay between two vans
    Hub,
    /// What cannot be done
    Sealed,
}

/// The vehicle that is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlantArg {
    /// Kinematic single track: what was decided happens
    Kinematic,
    /// Dynamic single track with linear tyres, commands 0.2 s late, brakes and drive with a lag of 0.1 s
    SingleTrack,
    /// Single-track drift model with Pacejka tyres, late in the same way
    Drift,
}

impl PlantArg {
    pub(crate) fn kind(self) -> PlantKind {
        match self {
            Self::Kinematic => PlantKind::Kinematic,
            Self::SingleTrack => PlantKind::SingleTrack,
            Self::Drift => PlantKind::Drift,
        }
    }
}

/// A scene and what came of it.
struct Done {
    kind: &'static str,
    scene: Scene,
    outcome: Outcome,
    plan_ms: f64,
}

/// A row of the table.
#[derive(Default, Serialize)]
struct Row {
    kind: String,
    n_scenes: usize,
    n_planned: usize,
    n_fine: usize,
    n_touched: usize,
    n_people_touched: u32,
    changes_mean: f64,
    stands_mean: f64,
    length_mean_m: f64,
    time_mean_s: f64,
    waited_s: f64,
    n_refused: u32,
    n_cycles: u32,
    plan_ms_median: f64,
    plan_ms_p95: f64,
    plan_ms_max: f64,
    expansions_max: u32,
    air_least_m: f64,
    end_off_max_m: f64,
    end_turned_max_rad: f64,
    tracking: Tracking,
    failures: BTreeMap<String, u32>,
}

#[derive(Serialize)]
struct Answer<'a> {
    seed: u64,
    version: &'static str,
    plant: PlantKind,
    people: u8,
    rows: &'a [Row],
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a Outcome>,
}

pub(super) fn run(args: &ParkArgs) -> anyhow::Result<ExitCode> {
    let vehicle = usual_van();
    let scenes = scenes(args, &vehicle)?;
    if let (Some(path), Some((_, scene))) = (&args.write_scene, scenes.first()) {
        crate::files::write_text(path, &(serde_json::to_string_pretty(scene)? + "\n"))?;
    }
    let plant = args.plant.kind();
    let until = if args.plan_only { Until::Plan } else { Until::Goal };
    let done: Vec<Done> = scenes
        .into_par_iter()
        .map(|(kind, scene)| {
            let began = machine::thread_cpu();
            let planned = yard::plan(&scene, &vehicle, &Options::VAN);
            let plan_ms = (machine::thread_cpu().saturating_sub(began)).as_secs_f64() * 1e3;
            let outcome =
                yard::drive_planned(&scene, &vehicle, &Options::VAN, plant, planned, until);
            Done { kind, scene, outcome, plan_ms }
        })
        .collect();
    if let Some(path) = &args.svg {
        let drawn: Vec<_> = done.iter().take(DRAWN_MAX).map(|d| (&d.scene, &d.outcome)).collect();
        crate::files::write_text(path, &park_picture::sheet(&vehicle, &drawn))?;
    }
    let rows = rows(&done);
    let single = if let [only] = done.as_slice() { Some(&only.outcome) } else { None };
    if args.json {
        let answer = Answer {
            seed: args.seed,
            version: env!("CARGO_PKG_VERSION"),
            plant,
            people: args.people,
            rows: &rows,
            outcome: single,
        };
        output::print_json(&answer)?;
    } else if let Some(outcome) = single {
        output::print(&words(outcome))?;
    } else {
        output::print(&table(&rows, args.plan_only))?;
    }
    let is_driven = |o: &Outcome| o.planned.is_none() || args.plan_only || o.is_fine();
    let is_fine =
        done.iter().all(|d| is_driven(&d.outcome)) && single.is_none_or(|o| o.planned.is_some());
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn scenes(args: &ParkArgs, vehicle: &Vehicle) -> anyhow::Result<Vec<(&'static str, Scene)>> {
    let people = usize::from(args.people);
    if let Some(path) = &args.file {
        let what = || format!("cannot read {}", path.display());
        let text = crate::files::read_text(path, FILE_MAX)?;
        let hint = "robovan drive park --kind bay --write-scene FILE.json writes an example";
        let scene: Scene = serde_json::from_str(&text).hint(what(), hint)?;
        let scene = scene.checked().hint(what(), hint)?;
        return Ok(vec![("file", scene.with_people(people, args.seed))]);
    }
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|k| match args.kind {
            KindArg::All => true,
            KindArg::Bay => *k == Kind::Bay,
            KindArg::Echelon => *k == Kind::Echelon,
            KindArg::Kerb => *k == Kind::Kerb,
            KindArg::DeadEnd => *k == Kind::DeadEnd,
            KindArg::Turn => *k == Kind::Turn,
            KindArg::Hub => *k == Kind::Hub,
            KindArg::Sealed => *k == Kind::Sealed,
        })
        .collect();
    let seeds = args.seed..args.seed.saturating_add(args.seeds);
    let all = kinds.iter().flat_map(|kind| seeds.clone().map(|seed| (*kind, seed)));
    Ok(all
        .map(|(kind, seed)| {
            let scene = Scene::by_lot(kind, seed, vehicle).with_people(people, seed);
            (kind.word(), scene)
        })
        .collect())
}

fn rows(done: &[Done]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for part in done.chunk_by(|a, b| a.kind == b.kind) {
        let planned: Vec<_> =
            part.iter().filter_map(|d| d.outcome.planned.map(|p| (p, &d.outcome))).collect();
        let mut ms: Vec<f64> = part.iter().map(|d| d.plan_ms).collect();
        ms.sort_by(f64::total_cmp);
        let at = |share: f64| ms[((ms.len() - 1) as f64 * share).round() as usize];
        let mean = |of: &dyn Fn(&(yard::Planned, &Outcome)) -> f64| {
            planned.iter().map(of).fold(0.0, |a, b| a + b) / planned.len().max(1) as f64
        };
        let verdicts = || planned.iter().filter_map(|p| p.1.verdict.as_ref());
        let most = |of: &dyn Fn(&yard::Verdict) -> f64| verdicts().map(of).fold(0.0, f64::max);
        let mut row = Row {
            kind: part[0].kind.to_owned(),
            n_scenes: part.len(),
            n_planned: planned.len(),
            n_fine: planned.iter().filter(|p| p.1.is_fine()).count(),
            n_touched: verdicts().filter(|v| !v.touched.is_empty()).count(),
            n_people_touched: planned.iter().map(|p| p.1.n_people_touched).sum(),
            changes_mean: mean(&|p| f64::from(p.0.n_changes)),
            stands_mean: mean(&|p| f64::from(p.0.n_stands)),
            length_mean_m: mean(&|p| p.0.length_m),
            time_mean_s: mean(&|p| if p.1.time_s > 0.0 { p.1.time_s } else { p.0.time_s }),
            waited_s: planned.iter().map(|p| p.1.waited_s).fold(0.0, |a, b| a + b),
            n_refused: planned.iter().map(|p| p.1.n_refused).sum(),
            n_cycles: planned.iter().map(|p| p.1.n_cycles).sum(),
            plan_ms_median: at(0.5),
            plan_ms_p95: at(0.95),
            plan_ms_max: at(1.0),
            expansions_max: planned.iter().map(|p| p.0.n_expansions).max().unwrap_or(0),
            air_least_m: verdicts().map(|v| v.air_least_m).fold(f64::INFINITY, f64::min),
            end_off_max_m: most(&|v| v.end_off_m),
            end_turned_max_rad: most(&|v| v.end_turned_rad),
            ..Row::default()
        };
        for d in part {
            row.tracking.add(&d.outcome.tracking);
            if let Some(why) = &d.outcome.failure {
                *row.failures.entry(why.clone()).or_insert(0) += 1;
            }
        }
        rows.push(row);
    }
    rows
}

fn words(o: &Outcome) -> String {
    let mut text = String::new();
    let Some(p) = o.planned else {
        let _ = writeln!(text, "{}: {}", o.name, o.failure.as_deref().unwrap_or("no plan"));
        return text;
    };
    let _ = writeln!(
        text,
        "{}: {:.1} m, {} changes of direction, {} stands to turn the wheels, about {:.0} s; \
         {:.0} cm of air; {} poses",
        o.name,
        p.length_m,
        p.n_changes,
        p.n_stands,
        p.time_s,
        p.air_m * 100.0,
        p.n_expansions
    );
    let Some(v) = &o.verdict else { return text };
    let touched = if v.touched.is_empty() { "nothing".to_owned() } else { v.touched.join(", ") };
    let _ = writeln!(
        text,
        "driven in {:.1} s: touched {touched}, {:.0} cm of air at least; ends {:.1} cm and {:.2} degrees off",
        o.time_s,
        v.air_least_m * 100.0,
        v.end_off_m * 100.0,
        v.end_turned_rad.to_degrees()
    );
    if let Some(least_m) = o.people_least_m {
        let _ = writeln!(
            text,
            "waited {:.1} s for people, {least_m:.2} m from them while it moved; touched {}",
            o.waited_s, o.n_people_touched
        );
    }
    let t = &o.tracking;
    if t.n_cycles > 0 {
        let _ = writeln!(
            text,
            "followed within {:.1} cm beside (mean {:.1} cm), {:.1} cm along, {:.2} degrees",
            t.beside_max_m * 100.0,
            t.beside_mean_m * 100.0,
            t.along_max_m * 100.0,
            t.heading_max_rad.to_degrees()
        );
    }
    let _ = writeln!(text, "the monitor refused {} of {} cycles", o.n_refused, o.n_cycles);
    text
}

fn table(rows: &[Row], plan_only: bool) -> String {
    let mut text = format!(
        "{:9} {:>6} {:>7} {:>6} {:>7} {:>7} {:>7} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
        "kind",
        "scenes",
        "planned",
        "fine",
        "touched",
        "changes",
        "length",
        "time",
        "plan ms",
        "p95 ms",
        "max ms",
        "air cm",
        "end cm",
        "aside cm"
    );
    for r in rows {
        let air = if r.air_least_m.is_finite() {
            format!("{:.1}", r.air_least_m * 100.0)
        } else {
            "-".to_owned()
        };
        let fine = if plan_only { "-".to_owned() } else { r.n_fine.to_string() };
        let _ = writeln!(
            text,
            "{:9} {:>6} {:>7} {:>6} {:>7} {:>7.1} {:>5.1} m {:>4.0} s {:>8.1} {:>8.1} {:>8.1} {:>8} {:>8.1} {:>8.1}",
            r.kind,
            r.n_scenes,
            r.n_planned,
            fine,
            r.n_touched as u32 + r.n_people_touched,
            r.changes_mean,
            r.length_mean_m,
            r.time_mean_s,
            r.plan_ms_median,
            r.plan_ms_p95,
            r.plan_ms_max,
            air,
            r.end_off_max_m * 100.0,
            r.tracking.beside_max_m * 100.0,
        );
    }
    for r in rows {
        for (why, n) in &r.failures {
            let _ = writeln!(text, "{}: {n} x {why}", r.kind);
        }
    }
    text
}
