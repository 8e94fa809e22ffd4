//! `robovan route matrix`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_base::{LatLon, RoadPosition};
use rv_route::Scratch;
use serde::Serialize;
use serde_json::Value;

use super::world::{World, WorldArgs};
use crate::output::{self, HintExt, error_with_hint};

/// Most points in a file.
const POINTS_MAX: usize = 100_000;
/// Most entries of an answer.
const ENTRIES_MAX: usize = 200_000_000;

/// Arguments of `robovan route matrix`.
#[derive(Args)]
pub(crate) struct MatrixArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// Points: a CSV file with columns lat and lon (others are kept out), or just two columns
    #[arg(long, value_name = "FILE.csv")]
    points: PathBuf,
    /// Other points to go to [default: the same]
    #[arg(long, value_name = "FILE.csv")]
    targets: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Rows go from, columns to; null where there is no way.
#[derive(Serialize)]
struct Answer {
    code: &'static str,
    class: String,
    epoch: u64,
    n_sources: usize,
    n_targets: usize,
    n_unreachable: usize,
    sources: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<Value>,
    time_s: Vec<Vec<Option<f64>>>,
    distance_m: Vec<Vec<Option<f64>>>,
    energy_wh: Vec<Vec<Option<f64>>>,
    version: &'static str,
}

pub(crate) fn run(args: &MatrixArgs) -> anyhow::Result<ExitCode> {
    let world = World::load(&args.world)?;
    let from = read_points(&args.points)?;
    let to = args.targets.as_deref().map(read_points).transpose()?;
    if from.len().saturating_mul(to.as_ref().unwrap_or(&from).len()) > ENTRIES_MAX {
        let problem = format!("a matrix of more than {ENTRIES_MAX} entries was asked for");
        return Err(error_with_hint(problem, "ask for it in parts, with --targets"));
    }
    let (sources, mut named) = (Vec::new(), Vec::new());
    let mut positions: Vec<Vec<RoadPosition>> = vec![sources];
    for (file, points) in std::iter::once(&from).chain(&to).enumerate() {
        if file > 0 {
            positions.push(Vec::new());
        }
        let mut told = Vec::with_capacity(points.len());
        for point in points {
            match world.place(*point, None) {
                Ok(place) => {
                    positions[file].push(place.position());
                    told.push(world.describe(&place));
                }
                Err(refusal) => return refusal.answer(args.json),
            }
        }
        named.push(told);
    }
    let targets = positions.last().expect("the sources at least");
    let matrix = match world.metric.matrix(&mut Scratch::default(), &positions[0], targets) {
        Ok(matrix) => matrix,
        Err(error) => return world.refusal(error).answer(args.json),
    };
    let table = |of: &dyn Fn(rv_route::Cost) -> f64| -> Vec<Vec<Option<f64>>> {
        let row = |from| (0..matrix.n_targets).map(|to| matrix.cost(from, to).map(of)).collect();
        (0..matrix.n_sources).map(row).collect()
    };
    let mut named = named.into_iter();
    let time_s = table(&|cost| cost.time().0);
    let answer = Answer {
        code: "ok",
        class: world.metric.class().name.clone(),
        epoch: matrix.epoch,
        n_sources: matrix.n_sources,
        n_targets: matrix.n_targets,
        n_unreachable: time_s.iter().flatten().filter(|entry| entry.is_none()).count(),
        sources: named.next().unwrap_or_default(),
        targets: named.next().unwrap_or_default(),
        distance_m: table(&|cost| cost.distance().0),
        energy_wh: table(&|cost| cost.energy().0),
        time_s,
        version: env!("CARGO_PKG_VERSION"),
    };
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&answer.to_csv())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Answer {
    fn to_csv(&self) -> String {
        let mut text = String::from("from,to,time_s,distance_m,energy_wh\n");
        for from in 0..self.n_sources {
            for to in 0..self.n_targets {
                let [time, distance, energy] = [&self.time_s, &self.distance_m, &self.energy_wh]
                    .map(|t| t[from][to].map_or_else(String::new, |value| format!("{value:.3}")));
                text += &format!("{from},{to},{time},{distance},{energy}\n");
            }
        }
        text
    }
}

/// Reads points from a CSV file: columns named lat and lon, or the first two of each line.
pub(crate) fn read_points(path: &Path) -> anyhow::Result<Vec<LatLon>> {
    let problem = || format!("cannot read points from {}", path.display());
    let hint = "give a CSV file with columns lat and lon in degrees, one point a line";
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .hint(problem(), hint)?;
    let (mut lat_at, mut lon_at) = (0, 1);
    let mut points = Vec::new();
    for (idx, record) in reader.records().enumerate() {
        let record = record.hint(problem(), hint)?;
        let column = |names: &[&str]| {
            record.iter().position(|c| names.contains(&c.to_ascii_lowercase().as_str()))
        };
        if idx == 0 {
            let lat = column(&["lat", "lat_deg", "latitude", "y"]);
            let lon = column(&["lon", "lng", "lon_deg", "longitude", "x"]);
            if let (Some(lat), Some(lon)) = (lat, lon) {
                (lat_at, lon_at) = (lat, lon);
                continue;
            }
        }
        let degrees = |at: usize| record.get(at).and_then(|c| c.parse::<f64>().ok());
        let point = degrees(lat_at).zip(degrees(lon_at));
        let point = point.and_then(|(lat, lon)| LatLon::from_degrees(lat, lon).ok());
        let Some(point) = point else {
            let problem = format!("{}: line {} holds no position", problem(), idx + 1);
            return Err(error_with_hint(problem, hint));
        };
        if points.len() >= POINTS_MAX {
            let problem = format!("{}: more than {POINTS_MAX} points", problem());
            return Err(error_with_hint(problem, "split the file"));
        }
        points.push(point);
    }
    if points.is_empty() {
        return Err(error_with_hint(format!("{}: no points", problem()), hint));
    }
    Ok(points)
}
