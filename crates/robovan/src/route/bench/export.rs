//! The network with questions and their answers, as tables that any other engine can read.

use std::fs;
use std::path::Path;

use anyhow::Context;
use rv_base::{EdgeId, LatLon, Meters, Rng, RoadPosition};
use rv_map::RoadGraph;
use rv_route::{Metric, Scratch, point_on};

use super::open_positions;
use super::traces::Trace;
use crate::output::HintExt;

/// Points that are written.
const POINTS: usize = 3000;

/// Writes `states.csv` and `arcs.csv` (the turn-expanded network of the metric), `pairs.csv`
/// (states with the driving time between them), `points.csv` and `traces.csv`.
pub(super) fn write(
    dir: &Path,
    graph: &RoadGraph,
    metric: &Metric,
    traces: &[Trace],
    rng: &Rng,
) -> anyhow::Result<()> {
    let problem = format!("cannot write into {}", dir.display());
    fs::create_dir_all(dir).hint(problem, "name a folder that may be made or written")?;
    let network = metric.network();
    let mut states = String::from("lat_deg,lon_deg\n");
    for state in 0..network.n_states() as u32 {
        let tail = graph.junctions[graph.edge(network.edge_of(state)).tail.idx()];
        states += &line_of(tail);
    }
    save(dir, "states.csv", &states)?;
    let mut arcs = String::from("tail,head,time_ms,dist_mm\n");
    for (tail, head, cost) in metric.open_arcs() {
        arcs += &format!("{tail},{head},{},{}\n", cost.time_ms, cost.dist_mm);
    }
    save(dir, "arcs.csv", &arcs)?;
    let points = open_positions(graph, metric, POINTS, &mut rng.fork("points"));
    let mut text = String::from("lat_deg,lon_deg\n");
    for point in &points {
        text += &line_of(point_on(graph, *point));
    }
    save(dir, "points.csv", &text)?;
    save(dir, "pairs.csv", &pairs(metric, &points))?;
    let mut text = String::from("trace,lat_deg,lon_deg\n");
    for (idx, trace) in traces.iter().enumerate() {
        for seen in &trace.seen {
            text += &format!("{idx},{}", line_of(seen.at));
        }
    }
    save(dir, "traces.csv", &text)
}

/// Driving times from tail to tail of the edges of the points, in pairs; empty where no way leads.
fn pairs(metric: &Metric, points: &[RoadPosition]) -> String {
    let mut scratch = Scratch::default();
    let mut text = String::from("from_state,to_states,time_ms\n");
    let start = |edge: EdgeId| RoadPosition { edge, offset: Meters::ZERO };
    for pair in points.chunks_exact(2).filter(|pair| pair[0].edge != pair[1].edge) {
        let [from, to] = [pair[0].edge, pair[1].edge];
        let states = |edge| metric.network().states_of(edge).map(|s| s.to_string());
        let from_state = states(from).next().unwrap_or_default();
        let to_states: Vec<String> = states(to).collect();
        let cost = metric.cost(&mut scratch, start(from), start(to)).ok();
        let time = cost.map_or_else(String::new, |cost| cost.time_ms.to_string());
        text += &format!("{from_state},{},{time}\n", to_states.join(" "));
    }
    text
}

fn line_of(at: LatLon) -> String {
    format!("{:.7},{:.7}\n", at.lat_deg(), at.lon_deg())
}

fn save(dir: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = dir.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
