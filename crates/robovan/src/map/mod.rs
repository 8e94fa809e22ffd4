//! `robovan map`: what is in a lane-level map.

mod svg;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rv_base::{LatLon, Point2};
use rv_import::lanes::{ImportedLanes, LaneWarning, LaneletOrigin, read_lanelet2, read_opendrive};
use rv_map::lanes::{GeoFrame, Lane, LaneMap, LaneUse, Sign};
use serde::Serialize;

use crate::output::{self, HintExt, error_with_hint};

/// Largest lane map that is read, bytes as they are on the disk.
const BYTES_MAX: u64 = 256 << 20;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read a Lanelet2 (.osm) or OpenDRIVE (.xodr) map, plain or gzipped; say what is in it
    Lanes(LanesArgs),
}

#[derive(Args)]
pub(crate) struct LanesArgs {
    /// The map
    file: PathBuf,
    /// Zero of a Lanelet2 map's metres: LAT,LON, or `mgrs` [default: as the map says]
    #[arg(long, value_name = "WHERE")]
    origin: Option<String>,
    /// Draw the map into this SVG file
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
    /// Print as JSON, with all borders
    #[arg(long)]
    json: bool,
}

/// What is in a map.
#[derive(Serialize)]
struct Answer {
    format: &'static str,
    counts: Counts,
    frame: Option<GeoFrame>,
    warnings: Vec<LaneWarning>,
    lanes: Vec<LaneJson>,
}

#[derive(Serialize)]
struct Counts {
    n_lanes: usize,
    n_lanes_by_use: BTreeMap<&'static str, usize>,
    length_m: f64,
    n_links: usize,
    n_neighbours: usize,
    n_conflicts: usize,
    n_yields: usize,
    n_speed_limits: usize,
    n_signals: usize,
    n_signs: usize,
    n_stop_lines: usize,
    n_warnings: usize,
}

#[derive(Serialize)]
struct LaneJson {
    id: i64,
    used_by: &'static str,
    left_m: Vec<[f64; 2]>,
    right_m: Vec<[f64; 2]>,
    /// Indices in the list of lanes.
    successors: Vec<usize>,
    left_neighbour: Option<usize>,
    right_neighbour: Option<usize>,
    conflicts: Vec<usize>,
    yields_to: Vec<usize>,
    speed_limit_mps: Option<f64>,
    sign: Option<&'static str>,
    signals: Vec<i64>,
    stop_line_m: Option<[[f64; 2]; 2]>,
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Lanes(args) = command;
    let (format, imported) = read(&args.file, args.origin.as_deref())?;
    if let Some(path) = &args.svg {
        crate::files::write_text(path, &svg::draw(&imported.map))?;
    }
    let counts = Counts::of(&imported);
    if args.json {
        let lanes = imported.map.lanes.iter().map(LaneJson::of).collect();
        let ImportedLanes { frame, warnings, .. } = imported;
        output::print_json(&Answer { format, counts, frame, warnings, lanes })?;
    } else {
        output::print(&text(format, &counts, &imported))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path, origin: Option<&str>) -> anyhow::Result<(&'static str, ImportedLanes)> {
    let problem = || format!("cannot read {}", file.display());
    let readable = "give a Lanelet2 .osm or OpenDRIVE .xodr file, plain or .gz";
    let n_bytes = std::fs::metadata(file).hint(problem(), readable)?.len();
    if n_bytes > BYTES_MAX {
        return Err(error_with_hint(problem(), format!("files up to {BYTES_MAX} bytes are read")));
    }
    let bytes = std::fs::read(file).hint(problem(), readable)?;
    let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let (format, result) = if name.ends_with(".xodr") {
        if origin.is_some() {
            let hint = "leave --origin out: OpenDRIVE maps are in metres";
            return Err(error_with_hint("an OpenDRIVE map has its own origin", hint));
        }
        ("OpenDRIVE", read_opendrive(&bytes))
    } else {
        ("Lanelet2", read_lanelet2(&bytes, lanelet_origin(origin)?))
    };
    let imported = result.map_err(|error| {
        let hint = error.hint();
        error_with_hint(format!("{}: {error}", problem()), hint)
    })?;
    Ok((format, imported))
}

fn lanelet_origin(text: Option<&str>) -> anyhow::Result<LaneletOrigin> {
    let Some(text) = text else { return Ok(LaneletOrigin::Map) };
    if text == "mgrs" {
        return Ok(LaneletOrigin::Mgrs);
    }
    let degrees = text.split_once(',').and_then(|(lat, lon)| {
        LatLon::from_degrees(lat.trim().parse().ok()?, lon.trim().parse().ok()?).ok()
    });
    degrees.map(LaneletOrigin::At).ok_or_else(|| {
        let hint = "write LAT,LON in degrees, such as 49.0,8.4, or mgrs";
        error_with_hint(format!("`{text}` is no origin"), hint)
    })
}

impl Counts {
    fn of(imported: &ImportedLanes) -> Self {
        let lanes = &imported.map.lanes;
        let mut n_lanes_by_use = BTreeMap::new();
        for lane in lanes {
            *n_lanes_by_use.entry(use_word(lane.use_by)).or_insert(0) += 1;
        }
        let sum = |of: fn(&Lane) -> usize| lanes.iter().map(of).sum();
        Self {
            n_lanes: lanes.len(),
            n_lanes_by_use,
            length_m: lanes.iter().map(|lane| lane.length().0).sum(),
            n_links: sum(|lane| lane.successors.len()),
            n_neighbours: sum(|lane| {
                usize::from(lane.left_neighbour.is_some())
                    + usize::from(lane.right_neighbour.is_some())
            }),
            n_conflicts: sum(|lane| lane.conflicts.len()) / 2,
            n_yields: sum(|lane| lane.yields_to.len()),
            n_speed_limits: sum(|lane| usize::from(lane.speed_limit.is_some())),
            n_signals: sum(|lane| lane.signals.len()),
            n_signs: sum(|lane| usize::from(lane.sign.is_some())),
            n_stop_lines: sum(|lane| usize::from(lane.stop_line.is_some())),
            n_warnings: imported.warnings.len(),
        }
    }
}

impl LaneJson {
    fn of(lane: &Lane) -> Self {
        let line = |line: &[Point2]| line.iter().map(|p| [p.x_m, p.y_m]).collect();
        Self {
            id: lane.source_id,
            used_by: use_word(lane.use_by),
            left_m: line(&lane.left),
            right_m: line(&lane.right),
            successors: lane.successors.clone(),
            left_neighbour: lane.left_neighbour.map(|n| n.lane),
            right_neighbour: lane.right_neighbour.map(|n| n.lane),
            conflicts: lane.conflicts.iter().map(|c| c.lane).collect(),
            yields_to: lane.yields_to.clone(),
            speed_limit_mps: lane.speed_limit.map(|limit| limit.0),
            sign: lane.sign.map(sign_word),
            signals: lane.signals.iter().map(|signal| signal.source_id).collect(),
            stop_line_m: lane.stop_line.map(|(a, b)| [[a.x_m, a.y_m], [b.x_m, b.y_m]]),
        }
    }
}

fn use_word(use_by: LaneUse) -> &'static str {
    match use_by {
        LaneUse::Motor => "motor",
        LaneUse::Bicycle => "bicycle",
        LaneUse::Foot => "foot",
        LaneUse::Bus => "bus",
        LaneUse::Crossing => "crossing",
        LaneUse::Rail => "rail",
    }
}

fn sign_word(sign: Sign) -> &'static str {
    match sign {
        Sign::Stop => "stop",
        Sign::Yield => "yield",
        Sign::Priority => "priority",
    }
}

fn text(format: &str, counts: &Counts, imported: &ImportedLanes) -> String {
    let by_use: Vec<String> =
        counts.n_lanes_by_use.iter().map(|(word, n)| format!("{n} {word}")).collect();
    let mut out = format!(
        "{format}: {} lanes ({}), {:.1} km\n{} links, {} neighbours, {} pairs that share ground, \
         {} give way\n{} with a speed limit, {} signals, {} signs, {} stop lines\n",
        counts.n_lanes,
        by_use.join(", "),
        counts.length_m / 1000.0,
        counts.n_links,
        counts.n_neighbours,
        counts.n_conflicts,
        counts.n_yields,
        counts.n_speed_limits,
        counts.n_signals,
        counts.n_signs,
        counts.n_stop_lines,
    );
    if let Some((lat, lon)) = imported.frame.and_then(|f| f.to_earth(Point2 { x_m: 0.0, y_m: 0.0 }))
    {
        let _ = writeln!(out, "its zero lies at {lat:.7}, {lon:.7}");
    }
    for warning in &imported.warnings {
        let _ = writeln!(out, "warning: {}: {}", warning.source_id, warning.what);
    }
    out
}

/// South-west and north-east corners of a map.
fn bounds(map: &LaneMap) -> (Point2, Point2) {
    let far = f64::INFINITY;
    let none = (Point2 { x_m: far, y_m: far }, Point2 { x_m: -far, y_m: -far });
    map.lanes.iter().flat_map(|lane| lane.left.iter().chain(&lane.right)).fold(none, |(a, b), p| {
        (
            Point2 { x_m: a.x_m.min(p.x_m), y_m: a.y_m.min(p.y_m) },
            Point2 { x_m: b.x_m.max(p.x_m), y_m: b.y_m.max(p.y_m) },
        )
    })
}
