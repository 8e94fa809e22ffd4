//! `robovan city`: from an OpenStreetMap extract to a city file, and what is in one.

mod svg;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rv_import::{ImportOptions, ImportReport};
use rv_map::{City, DriveSide, FacilityKind, Mode};
use serde::Serialize;

use crate::output::{self, HintExt};

/// Subcommands of `robovan city`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Build a city file from an OpenStreetMap extract
    Build(BuildArgs),
    /// Show what is in a city file
    Info(InfoArgs),
}

/// Arguments of `robovan city build`.
#[derive(Args)]
pub(crate) struct BuildArgs {
    /// OpenStreetMap extract (.osm.pbf, .osm, .osm.gz, Overpass .json)
    input: PathBuf,
    /// City file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Name of the city [default: the input's file name]
    #[arg(long)]
    name: Option<String>,
    /// Seed of the rules that place facilities and delivery points
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Side of the road that traffic keeps to [default: by country]
    #[arg(long, value_enum, value_name = "SIDE")]
    drive_on: Option<Side>,
    /// Delivery points that one hub serves
    #[arg(long, value_name = "N")]
    places_per_hub: Option<f64>,
    /// Delivery points that one station serves
    #[arg(long, value_name = "N")]
    places_per_station: Option<f64>,
    /// Delivery points around one parcel locker
    #[arg(long, value_name = "N")]
    places_per_locker: Option<f64>,
    /// Delivery points for each charging place
    #[arg(long, value_name = "N")]
    places_per_charger: Option<f64>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `robovan city info`.
#[derive(Args)]
pub(crate) struct InfoArgs {
    /// City file
    file: PathBuf,
    /// Draw the city into this SVG file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Side {
    Left,
    Right,
}

/// Runs one of the subcommands.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Build(args) => build(&args),
        Command::Info(args) => info(&args),
    }
}

/// Builds a city from an extract, with a progress bar on a terminal.
pub(crate) fn import(
    input: &Path,
    options: &ImportOptions,
) -> anyhow::Result<(City, ImportReport)> {
    let problem = || format!("cannot import {}", input.display());
    let readable = "give a file that exists and may be read";
    let file = File::open(input).hint(problem(), readable)?;
    let metadata = file.metadata().hint(problem(), readable)?;
    if metadata.is_dir() {
        return Err(output::error_with_hint(
            format!("{}: it is a folder", problem()),
            "give one .osm.pbf, .osm, .osm.gz or .json file",
        ));
    }
    let progress = progress_bar(metadata.len());
    let result = rv_import::build_city(progress.wrap_read(file), options);
    progress.finish_and_clear();
    match result {
        Ok(built) => Ok(built),
        Err(error) => {
            let hint = error.hint();
            Err(error).hint(problem(), hint)
        }
    }
}

fn progress_bar(n_bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("reading {bar:30} {bytes}/{total_bytes}");
    ProgressBar::new(n_bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads a city file and checks it.
pub(crate) fn load(path: &Path) -> anyhow::Result<City> {
    let problem = || format!("cannot read the city file {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).hint(problem(), "give a file made by `robovan city build`")?;
    // Beyond the largest city file nothing needs to be read to know that it is none.
    let n_max = 2_u64 << 30;
    file.take(n_max).read_to_end(&mut bytes).hint(problem(), "check the disk")?;
    City::from_file_bytes(&bytes)
        .hint(problem(), "build it again with `robovan city build EXTRACT -o FILE`")
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let problem = || format!("cannot write {}", path.display());
    let hint = "check that the folder exists, may be written and has space";
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary))).hint(problem(), hint)
}

fn build(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let name = args.name.clone().unwrap_or_else(|| name_of(&args.input));
    let mut options = ImportOptions::named(&name);
    options.seed = args.seed;
    options.drive_side = args.drive_on.map(|side| match side {
        Side::Left => DriveSide::Left,
        Side::Right => DriveSide::Right,
    });
    let rule = &mut options.facilities;
    for (given, value) in [
        (args.places_per_hub, &mut rule.places_per_hub),
        (args.places_per_station, &mut rule.places_per_station),
        (args.places_per_locker, &mut rule.places_per_locker),
        (args.places_per_charger, &mut rule.places_per_charger),
    ] {
        match given {
            Some(n) if n.is_finite() && n >= 1.0 => *value = n,
            Some(n) => {
                let problem = format!("{n} delivery points for one facility make no sense");
                return Err(output::error_with_hint(problem, "give a number from 1"));
            }
            None => {}
        }
    }
    let (city, report) = import(&args.input, &options)?;
    let bytes = city.to_file_bytes();
    write_whole(&args.output, &bytes)?;
    let built = Built {
        output: args.output.display().to_string(),
        file_bytes: bytes.len(),
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
        wall_s: started.elapsed().as_secs_f64(),
        city: summary(&city),
        report,
    };
    if args.json {
        output::print_json(&built)?;
    } else {
        output::print(&built.to_text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `somewhere/monaco-latest.osm.pbf` is named `monaco-latest`.
fn name_of(input: &Path) -> String {
    let file_name = input.file_name().unwrap_or_default().to_string_lossy();
    file_name.split('.').find(|part| !part.is_empty()).unwrap_or("city").to_owned()
}

fn info(args: &InfoArgs) -> anyhow::Result<ExitCode> {
    let city = load(&args.file)?;
    if let Some(path) = &args.svg {
        write_whole(path, svg::draw(&city).as_bytes())?;
    }
    let summary = summary(&city);
    if args.json {
        output::print_json(&summary)?;
    } else {
        output::print(&summary.to_text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What `city build` reports.
#[derive(Serialize)]
struct Built {
    output: String,
    file_bytes: usize,
    seed: u64,
    version: &'static str,
    wall_s: f64,
    city: Summary,
    report: ImportReport,
}

/// What is in a city.
#[derive(Serialize)]
struct Summary {
    name: String,
    attribution: String,
    south_west_deg: [f64; 2],
    north_east_deg: [f64; 2],
    drive_side: &'static str,
    n_junctions: usize,
    n_edges: usize,
    n_van_edges: usize,
    n_forbidden_paths: usize,
    n_signals: usize,
    n_places: usize,
    people: u64,
    n_hubs: usize,
    n_stations: usize,
    n_lockers: usize,
    n_chargers: usize,
    n_areas: usize,
    n_lines: usize,
    n_labels: usize,
}

fn summary(city: &City) -> Summary {
    let degrees = |p: rv_base::LatLon| [p.lat_deg(), p.lon_deg()];
    let facilities = |kind| city.facilities.iter().filter(|f| f.kind == kind).count();
    let graph = &city.graph;
    Summary {
        name: city.name.clone(),
        attribution: city.attribution.clone(),
        south_west_deg: degrees(city.bounds.0),
        north_east_deg: degrees(city.bounds.1),
        drive_side: match city.drive_side {
            DriveSide::Right => "right",
            DriveSide::Left => "left",
        },
        n_junctions: graph.n_junctions(),
        n_edges: graph.n_edges(),
        n_van_edges: graph.edges.iter().filter(|e| e.modes.contains(Mode::Van)).count(),
        n_forbidden_paths: graph.forbidden.len(),
        n_signals: graph.is_signal.iter().filter(|is_signal| **is_signal).count(),
        n_places: city.places.len(),
        people: city.places.iter().map(|p| u64::from(p.weight)).sum(),
        n_hubs: facilities(FacilityKind::Hub),
        n_stations: facilities(FacilityKind::Station),
        n_lockers: facilities(FacilityKind::Locker),
        n_chargers: facilities(FacilityKind::Charger),
        n_areas: city.areas.len(),
        n_lines: city.lines.len(),
        n_labels: city.labels.len(),
    }
}

impl Summary {
    fn to_text(&self) -> String {
        let [south, west] = self.south_west_deg;
        let [north, east] = self.north_east_deg;
        format!(
            "{name}, {attribution}\n\
             bounds      {south:.4},{west:.4} to {north:.4},{east:.4}, driving on the {side}\n\
             roads       {n_junctions} junctions ({n_signals} signalled), {n_edges} directed edges \
             ({n_van_edges} open to vans), {n_forbidden} forbidden turns\n\
             places      {n_places} with about {people} people\n\
             facilities  {n_hubs} hubs, {n_stations} stations, {n_lockers} lockers, \
             {n_chargers} chargers\n\
             base map    {n_areas} areas, {n_lines} lines, {n_labels} names\n",
            name = self.name,
            attribution = self.attribution,
            side = self.drive_side,
            n_junctions = self.n_junctions,
            n_signals = self.n_signals,
            n_edges = self.n_edges,
            n_van_edges = self.n_van_edges,
            n_forbidden = self.n_forbidden_paths,
            n_places = self.n_places,
            people = self.people,
            n_hubs = self.n_hubs,
            n_stations = self.n_stations,
            n_lockers = self.n_lockers,
            n_chargers = self.n_chargers,
            n_areas = self.n_areas,
            n_lines = self.n_lines,
            n_labels = self.n_labels,
        )
    }
}

impl Built {
    fn to_text(&self) -> String {
        let (input, dropped) = (&self.report.input, &self.report.dropped);
        let mut text = self.city.to_text();
        let _ = writeln!(
            text,
            "read        {} with {} nodes, {} road ways, {} buildings, {} turn restrictions",
            self.report.format,
            input.n_nodes,
            input.n_road_ways,
            input.n_buildings,
            input.n_turn_restrictions
        );
        let _ = writeln!(
            text,
            "left out    {:.1} km that vans cannot reach or leave, {:.1} km closed to all, \
             {} turn restrictions, {} far and {} double places, {} where no van may stop or gets to",
            dropped.cut_off_m / 1000.0,
            dropped.closed_m / 1000.0,
            dropped.n_turn_restrictions,
            dropped.n_far_places,
            dropped.n_double_places,
            dropped.n_no_stopping_places
        );
        if self.report.are_places_made_up {
            let _ = writeln!(
                text,
                "note        {} places are made up along streets: the data has few addresses",
                self.report.kept.n_made_up_places
            );
        }
        for warning in &self.report.warnings {
            let _ = writeln!(text, "warning     {} {}", warning.count, warning.kind.message());
        }
        if let Some(remark) = &self.report.remark {
            let _ = writeln!(text, "remark      {remark}");
        }
        let _ = writeln!(
            text,
            "wrote       {} ({} bytes) in {:.2} s, seed {}, version {}",
            self.output, self.file_bytes, self.wall_s, self.seed, self.version
        );
        text
    }
}
