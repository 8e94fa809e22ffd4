//! `robovan route nearest`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rv_base::RoadPosition;
use rv_route::Scratch;
use serde_json::{Value, json};

use super::matrix::read_points;
use super::world::{World, WorldArgs};
use crate::output;

/// Arguments of `robovan route nearest`.
#[derive(Args)]
pub(crate) struct NearestArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// Where to start: LAT,LON, or an address, facility or street of the city
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    from: String,
    /// Points to choose among: a CSV file with columns lat and lon
    #[arg(long, value_name = "FILE.csv")]
    points: PathBuf,
    /// How many
    #[arg(long, default_value_t = 1, value_name = "K")]
    number: usize,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &NearestArgs) -> anyhow::Result<ExitCode> {
    let world = World::load(&args.world)?;
    let from = match world.place(world.point_named(&args.from)?, None) {
        Ok(place) => place,
        Err(refusal) => return refusal.answer(args.json),
    };
    let points = read_points(&args.points)?;
    // A point that lies off the roads is reached by nobody; the others still are.
    let mut rows: Vec<usize> = Vec::with_capacity(points.len());
    let mut targets: Vec<RoadPosition> = Vec::with_capacity(points.len());
    for (row, point) in points.iter().enumerate() {
        if let Ok(place) = world.place(*point, None) {
            rows.push(row);
            targets.push(place.position());
        }
    }
    let mut scratch = Scratch::default();
    let found = world.metric.nearest(&mut scratch, from.position(), &targets, args.number);
    let found = match found {
        Ok(found) => found,
        Err(error) => return world.refusal(error).answer(args.json),
    };
    let target = |(at, cost): &(usize, rv_route::Cost)| -> Value {
        let point = points[rows[*at]];
        json!({
            "point_idx": rows[*at],
            "asked_deg": [point.lat_deg(), point.lon_deg()],
            "time_s": cost.time().0,
            "distance_m": cost.distance().0,
            "energy_wh": cost.energy().0,
        })
    };
    if args.json {
        output::print_json(&json!({
            "code": "ok",
            "class": world.metric.class().name,
            "epoch": world.metric.epoch(),
            "from": world.describe(&from),
            "n_off_road": points.len() - rows.len(),
            "targets": found.iter().map(target).collect::<Vec<_>>(),
            "version": env!("CARGO_PKG_VERSION"),
        }))?;
    } else {
        let mut text = String::new();
        for (at, cost) in &found {
            let point = points[rows[*at]];
            text += &format!(
                "point {:>5} at {:.6},{:.6}  {:>7.0} m {:>6.0} s\n",
                rows[*at],
                point.lat_deg(),
                point.lon_deg(),
                cost.distance().0,
                cost.time().0
            );
        }
        output::print(&text)?;
    }
    // The answer is no if no point is within reach.
    Ok(ExitCode::from(u8::from(found.is_empty())))
}
