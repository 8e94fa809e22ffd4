//! `robovan route isochrone`.

use std::process::ExitCode;

use clap::Args;
use rv_base::{LatLon, Seconds, WattHours};
use rv_route::{Reach, Scratch};
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
        let lines: Vec<Vec<[f64; 2]>> = reached
            .iter()
            .map(|edge| edge.line(&world.city.graph))
            .map(|line| line.iter().map(|p| [p.lon_deg(), p.lat_deg()]).collect())
            .collect();
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
            "geometry": { "type": "MultiLineString", "coordinates": lines },
        }));
    }
    let answer: Value = json!({
        "type": "FeatureCollection",
        "code": "ok",
        "from": world.describe(&place),
        "features": features,
    });
    output::print(&(serde_json::to_string(&answer)? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
