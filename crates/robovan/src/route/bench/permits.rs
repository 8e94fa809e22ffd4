//! Customisation, for one permit and for very many.

use std::sync::Arc;
use std::time::Instant;

use rv_base::{EdgeId, LatLon, Meters, Rng, RoadPosition};
use rv_map::RoadGraph;
use rv_route::{ClassCosts, EdgeSet, Metric, MetricBatch, MetricSpec, PermitMetrics, Scratch};

use super::{Figures, cpu_of, median_s, open_positions, percentile, way_times_us};
use crate::machine::cpu_s;

/// Times customisation: one metric, eight, and very many permits.
pub(super) fn customize(
    figures: &mut Figures,
    graph: &RoadGraph,
    costs: &Arc<ClassCosts>,
    rng: &Rng,
    n_permits: usize,
) {
    let mut edge_rng = rng.fork("closures");
    let zones: Vec<EdgeSet> = (0..n_permits.max(8))
        .map(|idx| zone(graph, &mut rng.fork_idx("zone", idx as u64)))
        .collect();
    let specs: Vec<MetricSpec<'_>> = zones
        .iter()
        .map(|zone| MetricSpec { costs: costs.clone(), forbidden: Some(zone), closed: None })
        .collect();
    figures.customize_ms = 1000.0 * median_s(5, || Metric::of_costs(&specs[0], 1));
    figures.customize_cpu_ms = 1000.0 * cpu_of(|| Metric::of_costs(&specs[0], 1));
    let whole = Metric::of_costs(&specs[0], 1);
    let edges: Vec<EdgeSet> = (0..9)
        .map(|_| EdgeSet::from_iter([EdgeId::from_idx(edge_rng.below(graph.n_edges()))]))
        .collect();
    let mut next = edges.iter().cycle();
    let mut close = || {
        let closed = next.next();
        whole.changed(&MetricSpec { closed, ..specs[0].clone() }, 2)
    };
    figures.closure_ms = 1000.0 * median_s(9, &mut close);
    figures.closure_cpu_ms = 1000.0 * cpu_of(&mut close);
    // As live traffic does it: again and again in the same memory.
    let mut batch = MetricBatch::customize(&specs[..8], 1);
    let mut eight = || batch.recustomize(&specs[..8], 1);
    figures.customize_8_metrics_ms = 1000.0 * median_s(7, &mut eight);
    figures.customize_8_metrics_cpu_ms = 1000.0 * cpu_of(&mut eight);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    if let Ok(alone) = alone {
        figures.customize_8_metrics_one_thread_ms =
            1000.0 * alone.install(|| median_s(7, &mut eight));
    }
    if n_permits == 0 {
        return;
    }
    figures.metrics_8_ready_ms = 1000.0 * median_s(3, || Metric::build_many(&specs[..8], 1));
    figures.n_permit_metrics = n_permits;
    hold_all(figures, graph, costs, &zones[..n_permits], rng);
}

/// Makes the metrics of all zones, holds them, asks them in turn, and lets them follow traffic.
fn hold_all(
    figures: &mut Figures,
    graph: &RoadGraph,
    costs: &Arc<ClassCosts>,
    zones: &[EdgeSet],
    rng: &Rng,
) {
    let (started, cpu) = (Instant::now(), cpu_s());
    let mut permits = PermitMetrics::new(costs.clone(), &EdgeSet::new(), 1);
    let metrics = permits.metrics(zones);
    figures.permit_metrics_s = started.elapsed().as_secs_f64();
    figures.permit_metrics_cpu_s = cpu_s() - cpu;
    figures.permit_metrics_mb = permits.own_bytes() as f64 / f64::from(1 << 20);
    // Each question to another metric, so that nothing of it is in the cache.
    let mut rng = rng.fork("positions");
    let pairs: Vec<(&Metric, Vec<RoadPosition>)> = metrics
        .iter()
        .map(|metric| (&**metric, open_positions(graph, metric, 6, &mut rng)))
        .collect();
    let mut times = Vec::with_capacity(3 * pairs.len());
    let mut scratch = Scratch::default();
    for round in 0..3 {
        for (metric, positions) in &pairs {
            let started = Instant::now();
            let (from, to) = (positions[2 * round], positions[2 * round + 1]);
            drop(std::hint::black_box(metric.route(&mut scratch, from, to)));
            times.push(1e6 * started.elapsed().as_secs_f64());
        }
    }
    figures.p2p_permit_path_us_p50 = percentile(&mut times, 0.5);
    if let Some((metric, _)) = pairs.first() {
        let positions = open_positions(graph, metric, 2000, &mut rng);
        let mut times = way_times_us(metric, &positions);
        figures.p2p_one_permit_path_us_p50 = percentile(&mut times, 0.5);
    }
    drop(pairs);
    drop(metrics);
    let closed = EdgeSet::from_iter([EdgeId::from_idx(rng.below(graph.n_edges()))]);
    let (started, cpu) = (Instant::now(), cpu_s());
    figures.n_permit_metrics_of_closure = permits.refresh(costs.clone(), &closed, 2);
    figures.permit_closure_s = started.elapsed().as_secs_f64();
    figures.permit_closure_cpu_s = cpu_s() - cpu;
    let slow: Vec<f32> = (0..graph.n_edges()).map(|_| rng.range(1.0, 2.0) as f32).collect();
    let (started, cpu) = (Instant::now(), cpu_s());
    let class = permits.metrics(&zones[..1])[0].class().clone();
    let costs = Arc::new(ClassCosts::build(costs.network().clone(), &class, Some(&slow)));
    permits.refresh(costs, &closed, 3);
    figures.permit_traffic_s = started.elapsed().as_secs_f64();
    figures.permit_traffic_cpu_s = cpu_s() - cpu;
}

/// A zone that a permit leaves out: what lies within, or beyond, some distance of a junction.
pub(super) fn zone(graph: &RoadGraph, rng: &mut Rng) -> EdgeSet {
    let middle = graph.junctions[rng.below(graph.n_junctions())];
    let is_outside = rng.chance(0.3);
    let extent = extent_of(graph);
    let radius = extent * if is_outside { rng.range(0.2, 0.5) } else { rng.range(0.02, 0.15) };
    let edges = (0..graph.n_edges()).map(EdgeId::from_idx);
    edges
        .filter(|edge| {
            let edge = graph.edge(*edge);
            let near = |at: LatLon| at.distance_to(middle) <= radius;
            let ends = [edge.tail, edge.head].map(|j| near(graph.junctions[j.idx()]));
            if is_outside { ends != [true, true] } else { ends != [false, false] }
        })
        .collect()
}

fn extent_of(graph: &RoadGraph) -> Meters {
    let range = |of: fn(&LatLon) -> i32| {
        let all = || graph.junctions.iter().map(of);
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
    };
    let ((south, north), (west, east)) = (range(|p| p.lat_e7()), range(|p| p.lon_e7()));
    let corner = |lat, lon| LatLon::from_e7(lat, lon).ok();
    corner(south, west).zip(corner(north, east)).map_or(Meters::ZERO, |(a, b)| a.distance_to(b))
}
