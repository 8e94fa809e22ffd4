//! Map matching, on simulated positions of driven ways.

use std::time::Instant;

use rv_base::{LatLon, Meters, Rng, RoadPosition};
use rv_map::{RoadGraph, SnapIndex};
use rv_route::{
    MatchMap, MatchOptions, MatchScratch, Matched, Matcher, Metric, Observation, Route, Scratch,
    point_on,
};

use super::{Figures, cpu_of, open_positions};

/// Ways that are driven to measure map matching.
const TRACES: usize = 100;

/// A driven way: where the vehicle was at each second, and what was measured.
pub(super) struct Trace {
    truth: Vec<RoadPosition>,
    pub(super) seen: Vec<Observation>,
}

/// Drives random ways and measures positions with noise.
pub(super) fn drive_all(graph: &RoadGraph, metric: &Metric, rng: &Rng) -> Vec<Trace> {
    let ends = open_positions(graph, metric, 2 * TRACES, &mut rng.fork("ends"));
    let mut noise = rng.fork("noise");
    let mut scratch = Scratch::default();
    let mut traces = Vec::with_capacity(TRACES);
    for pair in ends.chunks_exact(2) {
        let Ok(route) = metric.route(&mut scratch, pair[0], pair[1]) else { continue };
        let truth = drive(graph, &route);
        let measure = |at: &RoadPosition| {
            let point = point_on(graph, *at);
            let mut off = |scale: f64| noise.normal(0.0, 5.0) / 111_195.0 / scale;
            let lat = point.lat_deg() + off(1.0);
            let lon = point.lon_deg() + off(point.lat_deg().to_radians().cos().max(0.01));
            let at = LatLon::from_degrees(lat, lon).unwrap_or(point);
            Observation { at, heading: None }
        };
        let seen = truth.iter().map(measure).collect();
        traces.push(Trace { truth, seen });
    }
    traces
}

/// Finds the driven ways again.
pub(super) fn match_all(
    figures: &mut Figures,
    graph: &RoadGraph,
    metric: &Metric,
    traces: &[Trace],
) {
    let snap = SnapIndex::new(graph);
    let map = MatchMap { graph, snap: &snap, metric, lanes: None };
    let mut scratch = MatchScratch::default();
    let (mut n, mut n_right, mut n_near) = (0, 0, 0);
    let mut run = |trace: &Trace| {
        let mut matcher = Matcher::new(MatchOptions::STREET);
        let mut found = Vec::with_capacity(trace.seen.len());
        for observation in &trace.seen {
            found.extend(matcher.push(&map, &mut scratch, *observation));
        }
        found.extend(matcher.finish());
        found
    };
    let started = Instant::now();
    let found: Vec<Vec<Matched>> = traces.iter().map(&mut run).collect();
    let time_s = started.elapsed().as_secs_f64();
    let spent_s = cpu_of(|| traces.iter().for_each(|trace| drop(run(trace))));
    for (trace, found) in traces.iter().zip(&found) {
        n += trace.truth.len();
        for (found, truth) in found.iter().zip(&trace.truth) {
            let Some(found) = found.position else { continue };
            n_right += usize::from(found.edge == truth.edge);
            let off = point_on(graph, found).distance_to(point_on(graph, *truth));
            n_near += usize::from(off <= Meters(15.0));
        }
    }
    let share = |part: usize| part as f64 / n.max(1) as f64;
    figures.n_match_points = n;
    figures.match_point_us = 1e6 * time_s / n.max(1) as f64;
    figures.match_point_cpu_us = 1e6 * spent_s / n.max(1) as f64;
    figures.match_right_edge_share = share(n_right);
    figures.match_within_15_m_share = share(n_near);
}

/// Where a vehicle is at each second of a route.
fn drive(graph: &RoadGraph, route: &Route) -> Vec<RoadPosition> {
    let mut positions = Vec::new();
    let last = route.edges.len() - 1;
    for (idx, driven) in route.edges.iter().enumerate() {
        let from = if idx == 0 { route.from.offset } else { Meters::ZERO };
        let to = if idx == last { route.to.offset } else { graph.edge(driven.edge).length };
        let span_s = (driven.leave - driven.enter).0.max(1e-9);
        while (positions.len() as f64) < driven.leave.0 {
            let share = ((positions.len() as f64 - driven.enter.0) / span_s).clamp(0.0, 1.0);
            positions.push(RoadPosition { edge: driven.edge, offset: from + (to - from) * share });
        }
    }
    positions
}
