//! `robovan route`: ways and travel times through a city.

mod bench;
mod draw;
mod isochrone;
mod matching;
mod matrix;
mod nearest;
mod ways;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rv_base::LatLon;
use rv_route::{AlternativeOptions, Route, Scratch};
use serde::Serialize;
use serde_json::{Value, json};

use crate::output::{self, error_with_hint};
use world::{Place, World, WorldArgs};

/// Arguments of `robovan route`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct RouteArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    way: WayArgs,
}

/// Subcommands of `robovan route`.
#[derive(Subcommand)]
enum Command {
    /// Times, distances and energy between many points
    Matrix(matrix::MatrixArgs),
    /// Many ways at once, from a file
    Ways(ways::WaysArgs),
    /// The points that are reached soonest, of many
    Nearest(nearest::NearestArgs),
    /// What can be reached within some minutes, or with what a battery holds
    Isochrone(isochrone::IsochroneArgs),
    /// The roads that noisy positions were driven on, and whether the vehicle belonged there
    Match(matching::MatchArgs),
    /// Draw how routing sees a map: roads, turns, the hierarchy, ways and zones
    Draw(draw::DrawArgs),
    /// Measure and check routing on a map, against Dijkstra's algorithm
    Bench(bench::BenchArgs),
}

/// Arguments of a way from one point to another.
#[derive(Args)]
struct WayArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// Where to start and where to go: LAT,LON, or an address, facility or street of the city
    #[arg(value_names = ["A", "B"], num_args = 2, conflicts_with_all = ["from", "to"])]
    ends: Vec<String>,
    /// Where to start
    #[arg(
        long,
        value_name = "LAT,LON",
        allow_hyphen_values = true,
        required_unless_present = "ends"
    )]
    from: Option<String>,
    /// Where to go
    #[arg(
        long,
        value_name = "LAT,LON",
        allow_hyphen_values = true,
        required_unless_present = "ends"
    )]
    to: Option<String>,
    /// Points to pass on the way, in order
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = world::lat_lon)]
    via: Vec<LatLon>,
    /// Other good ways besides the fastest (without --via)
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=10), conflicts_with = "via")]
    alternatives: u16,
    /// Direction in which the vehicle stands at the start, degrees clockwise from north
    #[arg(long, value_name = "DEG", allow_hyphen_values = true)]
    heading: Option<f64>,
    /// Write the way as GeoJSON into this file
    #[arg(long, value_name = "FILE")]
    geojson: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: RouteArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(Command::Matrix(args)) => matrix::run(&args),
        Some(Command::Ways(args)) => ways::run(&args),
        Some(Command::Nearest(args)) => nearest::run(&args),
        Some(Command::Draw(args)) => draw::run(&args),
        Some(Command::Isochrone(args)) => isochrone::run(&args),
        Some(Command::Match(args)) => matching::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        None => way(&args.way),
    }
}

/// A way, told.
#[derive(Serialize)]
struct Answer {
    code: &'static str,
    class: String,
    epoch: u64,
    time_s: f64,
    distance_m: f64,
    energy_wh: f64,
    from: Value,
    to: Value,
    /// One for each stretch between via points.
    legs: Vec<Leg>,
    /// The whole line, GeoJSON.
    geometry: Value,
    /// Other good ways, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Leg>,
    version: &'static str,
}

#[derive(Serialize)]
struct Leg {
    time_s: f64,
    distance_m: f64,
    energy_wh: f64,
    steps: Vec<StepInfo>,
    geometry: Value,
}

#[derive(Serialize)]
struct StepInfo {
    turn: &'static str,
    road: String,
    distance_m: f64,
    time_s: f64,
    at_deg: [f64; 2],
}

fn way(args: &WayArgs) -> anyhow::Result<ExitCode> {
    let world = World::load(&args.world)?;
    let mut named = args.ends.iter().chain(&args.from).chain(&args.to);
    let (Some(from), Some(to)) = (named.next(), named.next()) else {
        return Err(error_with_hint("a way has two ends", "name both: robovan route A B"));
    };
    let (from, to) = (world.point_named(from)?, world.point_named(to)?);
    let points: Vec<LatLon> =
        std::iter::once(from).chain(args.via.iter().copied()).chain([to]).collect();
    let mut places = Vec::with_capacity(points.len());
    for (idx, point) in points.iter().enumerate() {
        let heading_deg = args.heading.filter(|_| idx == 0);
        match world.place(*point, heading_deg) {
            Ok(place) => places.push(place),
            Err(refusal) => return refusal.answer(args.json),
        }
    }
    let mut scratch = Scratch::default();
    let mut legs = Vec::new();
    for pair in places.windows(2) {
        match world.metric.route(&mut scratch, pair[0].position(), pair[1].position()) {
            Ok(route) => legs.push(route),
            Err(error) => return world.refusal(error).answer(args.json),
        }
    }
    let mut answer = tell(&world, &places, &legs);
    if let ([only], true) = (&legs[..], args.alternatives > 0) {
        let n_max = usize::from(args.alternatives);
        let options = AlternativeOptions { n_max, ..AlternativeOptions::USUAL };
        let found = world.metric.alternatives(&mut scratch, only.from, only.to, options);
        let others = found.unwrap_or_default().into_iter().skip(1);
        answer.alternatives = others.map(|route| leg(&world, &route)).collect();
    }
    if let Some(path) = &args.geojson {
        let text = serde_json::to_string(&features(&answer))?;
        crate::city::write_whole(path, text.as_bytes())?;
    }
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&answer.to_text())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(world: &World, places: &[Place], routes: &[Route]) -> Answer {
    let legs: Vec<Leg> = routes.iter().map(|route| leg(world, route)).collect();
    let mut line: Vec<LatLon> = Vec::new();
    for route in routes {
        let part = route.line(&world.city.graph);
        let skip = usize::from(line.last() == part.first());
        line.extend_from_slice(&part[skip..]);
    }
    Answer {
        code: "ok",
        class: world.metric.class().name.clone(),
        epoch: world.metric.epoch(),
        time_s: routes.iter().map(|r| r.time().0).sum(),
        distance_m: routes.iter().map(|r| r.distance().0).sum(),
        energy_wh: routes.iter().map(|r| r.energy().0).sum(),
        from: world.describe(&places[0]),
        to: world.describe(&places[places.len() - 1]),
        legs,
        geometry: world::line_string(&line),
        alternatives: Vec::new(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn leg(world: &World, route: &Route) -> Leg {
    let steps = route.steps(&world.city.graph).into_iter().map(|step| StepInfo {
        turn: step.turn.words(),
        road: step.name,
        distance_m: step.distance.0,
        time_s: step.time.0,
        at_deg: [step.at.lat_deg(), step.at.lon_deg()],
    });
    Leg {
        time_s: route.time().0,
        distance_m: route.distance().0,
        energy_wh: route.energy().0,
        steps: steps.collect(),
        geometry: world::line_string(&route.line(&world.city.graph)),
    }
}

/// The way as a GeoJSON feature, or with other ways as a collection of them.
fn features(answer: &Answer) -> Value {
    let feature = |time_s: f64, distance_m: f64, energy_wh: f64, geometry: &Value| {
        json!({
            "type": "Feature",
            "properties": {
                "class": answer.class,
                "time_s": time_s,
                "distance_m": distance_m,
                "energy_wh": energy_wh,
            },
            "geometry": geometry,
        })
    };
    let best = feature(answer.time_s, answer.distance_m, answer.energy_wh, &answer.geometry);
    if answer.alternatives.is_empty() {
        return best;
    }
    let others = answer.alternatives.iter();
    let others =
        others.map(|way| feature(way.time_s, way.distance_m, way.energy_wh, &way.geometry));
    let all: Vec<Value> = std::iter::once(best).chain(others).collect();
    json!({ "type": "FeatureCollection", "features": all })
}

impl Answer {
    fn to_text(&self) -> String {
        let mut text = format!(
            "{:.0} m in {:.0} s with {:.1} Wh, {}\n",
            self.distance_m, self.time_s, self.energy_wh, self.class
        );
        for step in self.legs.iter().flat_map(|leg| &leg.steps) {
            let road = if step.road.is_empty() { "(unnamed)" } else { &step.road };
            text += &format!(
                "  {:<22} {:<36} {:>7.0} m {:>6.0} s\n",
                step.turn, road, step.distance_m, step.time_s
            );
        }
        for way in &self.alternatives {
            let over = way.steps.iter().max_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
            let over = over.map_or("", |step| step.road.as_str());
            text += &format!(
                "or {:.0} m in {:.0} s with {:.1} Wh, over {}\n",
                way.distance_m,
                way.time_s,
                way.energy_wh,
                if over.is_empty() { "(unnamed)" } else { over }
            );
        }
        text
    }
}
