//! `robovan route isochrone`.

use std::process::ExitCode;

use clap::Args;
use rv_base::{LatLon, Seconds, WattHours};
use rv_route::{OutlineOptions, Polygon, Reach, Scratch, outline};
use serde_json::{Value, json};

use super::world::{self, World, WorldArgs};
use crate::output::{self, error_with_hint};

/// Arguments of `robovan route isochrone`.
#[derive(Args)]
pub(crate) struct IsochroneArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// Where to start
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = world::lat_lon)]
    from: LatLon,
    /// Driving times, minutes
    #[arg(long, default_value = "10", value_delimiter = ',', value_name = "MIN")]
    minutes: Vec<f64>,
    /// Energy that the battery still holds, Wh: nothing beyond is reached
    #[arg(long, value_name = "WH")]
    battery_wh: Option<f64>,
    /// The roads within reach as lines, instead of the ground around them
    #[arg(long)]
    lines: bool,
    /// Answer as JSON (the answer always is; GeoJSON)
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &IsochroneArgs) -> anyhow::Result<ExitCode> {
    let is_sound = |value: f64| value.is_finite() && value > 0.0;
    if args.minutes.is_empty() || !args.minutes.iter().all(|m| is_sound(*m) && *m <= 1440.0) {
        return Err(error_with_hint("these driving times make no sense", "give minutes, to 1440"));
    }
    if args.battery_wh.is_some_and(|wh| !is_sound(wh)) {
        return Err(error_with_hint("this battery makes no sense", "give Wh above zero"));
    }
    let world = World::load(&args.world)?;
    let place = match world.place(args.from, None) {
        Ok(place) => place,
        Err(refusal) => return refusal.answer(args.json),
    };
    let mut scratch = Scratch::default();
    let mut features = Vec::new();
    for minutes in &args.minutes {
        let reach = Reach { time: Seconds(minutes * 60.0), energy: args.battery_wh.map(WattHours) };
        let reached = match world.metric.reachable(&mut scratch, place.position(), reach) {
            Ok(reached) => reached,
            Err(error) => return world.refusal(error).answer(args.json),
        };
        let graph = &world.city.graph;
        let ring = |line: &Vec<LatLon>| -> Vec<[f64; 2]> {
            line.iter().map(|p| [p.lon_deg(), p.lat_deg()]).collect()
        };
        let geometry = if args.lines {
            let lines: Vec<_> = reached.iter().map(|edge| ring(&edge.line(graph))).collect();
            json!({ "type": "MultiLineString", "coordinates": lines })
        } else {
            let areas = outline(graph, &reached, OutlineOptions::CITY);
            let rings = |area: &Polygon| -> Vec<_> {
                std::iter::once(&area.outer).chain(&area.holes).map(ring).collect()
            };
            let areas: Vec<_> = areas.iter().map(rings).collect();
            json!({ "type": "MultiPolygon", "coordinates": areas })
        };
        let length_m: f64 = reached.iter().map(|edge| (edge.until - edge.from).0).sum();
        features.push(json!({
            "type": "Feature",
            "properties": {
                "minutes": minutes,
                "battery_wh": args.battery_wh,
                "class": world.metric.class().name,
                "n_edges": reached.len(),
                "length_m": length_m,
            },
            "geometry": geometry,
        }));
    }
    let answer: Value = json!({
        "type": "FeatureCollection",
        "code": "ok",
        "epoch": world.metric.epoch(),
        "from": world.describe(&place),
        "features": features,
    });
    output::print(&(serde_json::to_string(&answer)? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
