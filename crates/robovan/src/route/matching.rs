//! `robovan route match`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_base::{LatLon, Radians};
use rv_route::{
    Integrity, MatchMap, MatchOptions, MatchScratch, Matched, Matcher, Observation, Scratch,
    point_on,
};
use serde_json::{Value, json};

use super::world::{World, WorldArgs};
use crate::output::{self, HintExt, error_with_hint};

/// Most positions in a trace.
const POINTS_MAX: usize = 10_000_000;

/// Arguments of `robovan route match`.
#[derive(Args)]
pub(crate) struct MatchArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// Positions in order: a CSV file with columns lat and lon, and heading_deg if known
    #[arg(long, value_name = "FILE.csv")]
    trace: PathBuf,
    /// Standard deviation of the positions, m
    #[arg(long, default_value_t = 6.0, value_name = "M")]
    noise_m: f64,
    /// Write the driven way as GeoJSON into this file
    #[arg(long, value_name = "FILE")]
    geojson: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &MatchArgs) -> anyhow::Result<ExitCode> {
    if !(0.1..=100.0).contains(&args.noise_m) {
        return Err(error_with_hint("this noise makes no sense", "give 0.1 to 100 m"));
    }
    let trace = read_trace(&args.trace)?;
    let world = World::load(&args.world)?;
    let map = MatchMap {
        graph: &world.city.graph,
        snap: world.snap(),
        metric: &world.metric,
        lanes: None,
    };
    let mut options = MatchOptions::STREET;
    options.radius = options.radius * (args.noise_m / options.noise.0).max(1.0);
    options.noise = rv_base::Meters(args.noise_m);
    let mut scratch = MatchScratch::default();
    let mut matcher = Matcher::new(options);
    let mut matched = Vec::with_capacity(trace.len());
    for observation in &trace {
        matched.extend(matcher.push(&map, &mut scratch, *observation));
    }
    matched.extend(matcher.finish());
    let lines = driven_lines(&world, &matched);
    let geometry = json!({ "type": "MultiLineString", "coordinates": lines });
    if let Some(path) = &args.geojson {
        let feature = json!({ "type": "Feature", "properties": {}, "geometry": geometry });
        crate::city::write_whole(path, feature.to_string().as_bytes())?;
    }
    let count = |of: Integrity| matched.iter().filter(|m| m.integrity == of).count();
    let summary = json!({
        "code": "ok",
        "n_points": matched.len(),
        "n_on_road": count(Integrity::OnRoad),
        "n_jumped": count(Integrity::Jumped),
        "n_wrong_way": count(Integrity::WrongWay),
        "n_off_road": count(Integrity::OffRoad),
    });
    if args.json {
        let mut answer = summary;
        answer["points"] = matched.iter().map(|m| describe(&world, m)).collect();
        answer["geometry"] = geometry;
        output::print_json(&answer)?;
    } else {
        let mut text = String::new();
        for (name, value) in summary.as_object().into_iter().flatten() {
            text += &format!("{name:<14} {value}\n");
        }
        output::print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(world: &World, matched: &Matched) -> Value {
    let integrity = match matched.integrity {
        Integrity::OnRoad => "on_road",
        Integrity::Jumped => "jumped",
        Integrity::WrongWay => "wrong_way",
        Integrity::WrongLaneGroup => "wrong_lane_group",
        Integrity::OffRoad => "off_road",
    };
    let Some(position) = matched.position else { return json!({ "integrity": integrity }) };
    let (graph, at) = (&world.city.graph, point_on(&world.city.graph, position));
    json!({
        "integrity": integrity,
        "at_deg": [at.lat_deg(), at.lon_deg()],
        "distance_m": matched.distance.0,
        "way_id": graph.road_of(position.edge).source_id,
        "is_forward": graph.edge(position.edge).is_forward,
        "road": graph.road_of(position.edge).name,
    })
}

/// The ways between matched positions, broken where the vehicle was lost.
fn driven_lines(world: &World, matched: &[Matched]) -> Vec<Vec<[f64; 2]>> {
    let mut scratch = Scratch::default();
    let mut lines: Vec<Vec<LatLon>> = Vec::new();
    let mut before = None;
    for found in matched {
        let Some(here) = found.position else {
            before = None;
            continue;
        };
        let way = before
            .filter(|_| found.integrity == Integrity::OnRoad)
            .and_then(|from| world.metric.route(&mut scratch, from, here).ok());
        // A vehicle that stands seems to roll back a little: no way round for that.
        let is_round = way.as_ref().is_some_and(|way| {
            way.edges.len() > 1 && before.is_some_and(|from| from.edge == here.edge)
        });
        match (way, lines.last_mut()) {
            (Some(_), _) if is_round => continue,
            (Some(way), Some(line)) => {
                let part = way.line(&world.city.graph);
                let skip = usize::from(line.last() == part.first());
                line.extend_from_slice(&part[skip..]);
            }
            _ => lines.push(vec![point_on(&world.city.graph, here)]),
        }
        before = Some(here);
    }
    lines.retain(|line| line.len() > 1);
    lines.iter().map(|l| l.iter().map(|p| [p.lon_deg(), p.lat_deg()]).collect()).collect()
}

fn read_trace(path: &Path) -> anyhow::Result<Vec<Observation>> {
    let problem = || format!("cannot read a trace from {}", path.display());
    let hint = "give a CSV file with a header that names lat, lon and perhaps heading_deg";
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .hint(problem(), hint)?;
    let headers = reader.headers().hint(problem(), hint)?.clone();
    let column = |names: &[&str]| {
        headers.iter().position(|c| names.contains(&c.to_ascii_lowercase().as_str()))
    };
    let lat = column(&["lat", "lat_deg", "latitude"]);
    let lon = column(&["lon", "lng", "lon_deg", "longitude"]);
    let (Some(lat), Some(lon)) = (lat, lon) else {
        return Err(error_with_hint(format!("{}: no columns lat and lon", problem()), hint));
    };
    let heading = column(&["heading_deg", "heading", "bearing"]);
    let mut trace = Vec::new();
    for (idx, record) in reader.records().enumerate() {
        let record = record.hint(problem(), hint)?;
        let number = |at: usize| record.get(at).and_then(|c| c.parse::<f64>().ok());
        let at = number(lat).zip(number(lon));
        let Some(at) = at.and_then(|(lat, lon)| LatLon::from_degrees(lat, lon).ok()) else {
            let problem = format!("{}: line {} holds no position", problem(), idx + 2);
            return Err(error_with_hint(problem, hint));
        };
        if trace.len() >= POINTS_MAX {
            let problem = format!("{}: more than {POINTS_MAX} positions", problem());
            return Err(error_with_hint(problem, "split the file"));
        }
        let heading = heading.and_then(number).filter(|deg| deg.is_finite());
        trace.push(Observation { at, heading: heading.map(|deg| Radians(deg.to_radians())) });
    }
    if trace.is_empty() {
        return Err(error_with_hint(format!("{}: no positions", problem()), hint));
    }
    Ok(trace)
}
