//! `robovan route ways`: many ways at once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_base::LatLon;
use rv_route::Scratch;
use serde::Serialize;

use super::world::{Refusal, World, WorldArgs};
use crate::output::{self, HintExt, error_with_hint};

/// Most ways of a file.
const WAYS_MAX: usize = 1_000_000;

/// Arguments of `robovan route ways`.
#[derive(Args)]
pub(crate) struct WaysArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// Ways: a CSV file with columns from_lat, from_lon, to_lat, to_lon and, where the vehicle's
    /// direction matters, from_heading and to_heading in degrees
    #[arg(long, value_name = "FILE.csv")]
    pairs: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// One row of the file.
struct Pair {
    ends: [(LatLon, Option<f64>); 2],
}

/// A way, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Way { code: &'static str, time_s: f64, distance_m: f64, energy_wh: f64, way_ids: Vec<i64> },
    None(Refusal),
}

pub(crate) fn run(args: &WaysArgs) -> anyhow::Result<ExitCode> {
    let world = World::load(&args.world)?;
    let pairs = read_pairs(&args.pairs)?;
    let mut scratch = Scratch::default();
    let answers: Vec<Answer> = pairs.iter().map(|pair| way(&world, &mut scratch, pair)).collect();
    if args.json {
        output::print_json(&answers)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::from("code,time_s,distance_m,energy_wh\n");
    for answer in &answers {
        text += &match answer {
            Answer::Way { code, time_s, distance_m, energy_wh, .. } => {
                format!("{code},{time_s:.3},{distance_m:.3},{energy_wh:.3}\n")
            }
            Answer::None(refusal) => format!("{},,,\n", refusal.code()),
        };
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn way(world: &World, scratch: &mut Scratch, pair: &Pair) -> Answer {
    let place = |(at, heading_deg): (LatLon, Option<f64>)| world.place(at, heading_deg);
    let ends = place(pair.ends[0]).and_then(|from| Ok((from, place(pair.ends[1])?)));
    let found = ends.and_then(|(from, to)| {
        let route = world.metric.route(scratch, from.position(), to.position());
        route.map_err(|error| world.refusal(error))
    });
    match found {
        Err(refusal) => Answer::None(refusal),
        Ok(route) => {
            let ids = route.edge_ids().map(|edge| world.city.graph.road_of(edge).source_id);
            let mut way_ids: Vec<i64> = ids.collect();
            way_ids.dedup();
            Answer::Way {
                code: "ok",
                time_s: route.time().0,
                distance_m: route.distance().0,
                energy_wh: route.energy().0,
                way_ids,
            }
        }
    }
}

fn read_pairs(path: &Path) -> anyhow::Result<Vec<Pair>> {
    let problem = || format!("cannot read ways from {}", path.display());
    let hint = "give a CSV file with columns from_lat, from_lon, to_lat, to_lon";
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path);
    let reader =
        reader.as_mut().map_err(|error| anyhow::anyhow!("{error}")).hint(problem(), hint)?;
    let headers = reader.headers().hint(problem(), hint)?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let mut pairs = Vec::new();
    for (idx, record) in reader.records().enumerate() {
        let record = record.hint(problem(), hint)?;
        let number = |name: &str| record.get(column(name)?).and_then(|c| c.parse::<f64>().ok());
        let end = |name: &str| {
            let degrees = number(&format!("{name}_lat")).zip(number(&format!("{name}_lon")));
            let at = degrees.and_then(|(lat, lon)| LatLon::from_degrees(lat, lon).ok())?;
            Some((at, number(&format!("{name}_heading"))))
        };
        let Some((from, to)) = end("from").zip(end("to")) else {
            let problem = format!("{}: line {} holds no two positions", problem(), idx + 2);
            return Err(error_with_hint(problem, hint));
        };
        if pairs.len() >= WAYS_MAX {
            return Err(error_with_hint(format!("more than {WAYS_MAX} ways"), "split the file"));
        }
        pairs.push(Pair { ends: [from, to] });
    }
    Ok(pairs)
}
