//! `robovan route bench`: how fast routing is on a map, and whether it is right.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use rayon::prelude::*;
use rv_base::{EdgeId, LatLon, Meters, Rng, RoadPosition};
use rv_map::{City, Mode, ModeSet, RoadGraph, SnapIndex, TileIndex};
use rv_route::{
    ClassCosts, Conditions, EdgeSet, MatchMap, MatchOptions, MatchScratch, Matcher, Metric,
    MetricBatch, MetricSpec, Network, Observation, Reference, Route, Scratch, VehicleClass,
    point_on,
};
use serde::Serialize;

use super::world;
use crate::machine::rss_bytes_max;
use crate::output::{self, HintExt};

/// Classes that are checked.
const CLASSES: [&str; 6] = ["robovan-25", "robovan-35", "robovan-45", "truck", "robot", "car"];
/// Sets of permits that are checked for each class, the first without any.
const PERMIT_SETS: usize = 4;
/// Targets for each source whose ways are checked.
const TARGETS_CHECKED: usize = 100;

/// Ways that are driven to measure map matching.
const TRACES: usize = 100;

/// Arguments of `robovan route bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// OpenStreetMap extract, or a city file
    #[arg(long, value_name = "FILE", alias = "city")]
    osm: PathBuf,
    /// Class of vehicle that is timed
    #[arg(long, default_value = "robovan-35", value_name = "CLASS")]
    class: String,
    /// Queries to check against Dijkstra's algorithm
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    queries: usize,
    /// Permit metrics to customise
    #[arg(long, default_value_t = 1000, value_name = "N")]
    permits: usize,
    /// Threads [default: all]
    #[arg(long, value_name = "K")]
    threads: Option<usize>,
    /// Seed of positions and permits
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What was measured. Wall-clock times; matrices and customisation with all threads.
#[derive(Default, Serialize)]
struct Figures {
    file: String,
    version: &'static str,
    seed: u64,
    threads: usize,
    class: String,
    n_junctions: usize,
    n_edges: usize,
    n_states: usize,
    n_arcs: usize,
    n_shortcuts: usize,
    n_triangles: u64,
    n_depths: usize,
    /// From the file to road graph, snapping index and tile index.
    import_s: f64,
    /// Network, order and hierarchy, for all metrics.
    preprocess_s: f64,
    customize_ms: f64,
    customize_8_metrics_ms: f64,
    customize_8_metrics_one_thread_ms: f64,
    metrics_8_ready_ms: f64,
    n_permit_metrics: usize,
    permit_metrics_s: f64,
    p2p_us_p50: f64,
    p2p_path_us_p50: f64,
    p2p_path_us_mean: f64,
    p2p_path_us_p99: f64,
    p2p_permit_path_us_p50: f64,
    matrix_1000_ms: f64,
    matrix_1000_one_thread_ms: f64,
    matrix_1000_whole_ms: f64,
    matrix_10000_s: f64,
    n_match_points: usize,
    /// Thread time for each position, simulated once a second with 5 m of noise.
    match_point_us: f64,
    /// Share of the positions that were matched to the very edge that was driven.
    match_right_edge_share: f64,
    match_within_15_m_share: f64,
    queries: usize,
    n_unroutable: usize,
    mismatches: usize,
    mismatches_matrix: usize,
    mismatches_batch: usize,
    mismatches_path: usize,
    check_s: f64,
    peak_memory_mb: Option<f64>,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = args.threads {
        pool = pool.num_threads(threads.clamp(1, 256));
    }
    let pool = pool.build().hint("cannot start threads", "ask for fewer with --threads")?;
    let figures = pool.install(|| measure(args))?;
    if args.json {
        output::print_json(&figures)?;
    } else {
        output::print(&figures.to_text()?)?;
    }
    Ok(ExitCode::from(u8::from(figures.n_mismatches() > 0)))
}

fn measure(args: &BenchArgs) -> anyhow::Result<Figures> {
    let started = Instant::now();
    let city = world::load_city(&args.osm)?;
    let tiles = TileIndex::new(&city);
    let snap = SnapIndex::new(&city.graph);
    let import_s = started.elapsed().as_secs_f64();
    drop((tiles, snap));
    let class = world::class_of(&args.class, &city)?;
    let modes = if class.mode == Mode::Robot { ModeSet::ALL } else { ModeSet::MOTOR };
    let started = Instant::now();
    let network = Arc::new(Network::build(&city.graph, modes));
    let preprocess_s = started.elapsed().as_secs_f64();
    let mut figures = Figures {
        file: args.osm.display().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        seed: args.seed,
        threads: rayon::current_num_threads(),
        class: class.name.clone(),
        n_junctions: city.graph.n_junctions(),
        n_edges: city.graph.n_edges(),
        n_states: network.n_states(),
        n_arcs: network.n_arcs(),
        n_shortcuts: network.n_shortcuts(),
        n_triangles: network.n_triangles(),
        n_depths: network.n_depths(),
        import_s,
        preprocess_s,
        ..Figures::default()
    };
    let rng = Rng::from_seed(args.seed);
    let costs = Arc::new(ClassCosts::build(network.clone(), &class, None));
    customize(&mut figures, &city.graph, &costs, &rng.fork("permits"), args.permits);
    let metric = Metric::build(network, &class, Conditions::default(), 1);
    ask(&mut figures, &city.graph, &metric, &rng.fork("questions"));
    match_traces(&mut figures, &city.graph, &metric, &rng.fork("traces"));
    let started = Instant::now();
    check(&mut figures, &city, &rng.fork("check"), args.queries);
    figures.check_s = started.elapsed().as_secs_f64();
    figures.peak_memory_mb =
        Some(rss_bytes_max()).filter(|&n| n > 0).map(|n| n as f64 / f64::from(1 << 20));
    Ok(figures)
}

/// Times customisation: one metric, eight, and very many permits.
fn customize(
    figures: &mut Figures,
    graph: &RoadGraph,
    costs: &Arc<ClassCosts>,
    rng: &Rng,
    n_permits: usize,
) {
    let zones: Vec<EdgeSet> = (0..n_permits.max(8))
        .map(|idx| zone(graph, &mut rng.fork_idx("zone", idx as u64)))
        .collect();
    let specs: Vec<MetricSpec<'_>> = zones
        .iter()
        .map(|zone| MetricSpec { costs: costs.clone(), forbidden: Some(zone), closed: None })
        .collect();
    figures.customize_ms = 1000.0 * median_s(5, || Metric::of_costs(&specs[0], 1));
    // As live traffic does it: again and again in the same memory.
    let mut batch = MetricBatch::customize(&specs[..8], 1);
    let mut eight = || batch.recustomize(&specs[..8], 1);
    figures.customize_8_metrics_ms = 1000.0 * median_s(7, &mut eight);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    if let Ok(alone) = alone {
        figures.customize_8_metrics_one_thread_ms =
            1000.0 * alone.install(|| median_s(7, &mut eight));
    }
    figures.metrics_8_ready_ms = 1000.0 * median_s(3, || Metric::build_many(&specs[..8], 1));
    figures.n_permit_metrics = n_permits;
    // A thousand whole sets need not be held at once: they are made as they are needed.
    let started = Instant::now();
    for chunk in specs[..n_permits].chunks(MetricBatch::LANES * 4) {
        drop(Metric::build_many(chunk, 1));
    }
    figures.permit_metrics_s = started.elapsed().as_secs_f64();
    let light = Metric::build_many(&specs[..1], 1);
    let positions = open_positions(graph, &light[0], 2000, &mut rng.fork("positions"));
    let mut times = way_times_us(&light[0], &positions);
    figures.p2p_permit_path_us_p50 = percentile(&mut times, 0.5);
}

/// Times questions.
fn ask(figures: &mut Figures, graph: &RoadGraph, metric: &Metric, rng: &Rng) {
    let positions = open_positions(graph, metric, 20_000, &mut rng.fork("positions"));
    drop(way_times_us(metric, &positions[..2000]));
    let mut times = way_times_us(metric, &positions[..6000]);
    figures.p2p_path_us_mean = times.iter().sum::<f64>() / times.len() as f64;
    figures.p2p_path_us_p50 = percentile(&mut times, 0.5);
    figures.p2p_path_us_p99 = percentile(&mut times, 0.99);
    let mut scratch = Scratch::default();
    let mut times: Vec<f64> = positions[..6000]
        .chunks_exact(2)
        .map(|pair| {
            let started = Instant::now();
            let _ = std::hint::black_box(metric.cost(&mut scratch, pair[0], pair[1]));
            1e6 * started.elapsed().as_secs_f64()
        })
        .collect();
    figures.p2p_us_p50 = percentile(&mut times, 0.5);
    let mut table = |n: usize, rounds: usize| {
        let (sources, targets) = (&positions[..n], &positions[positions.len() - n..]);
        median_s(rounds, || metric.times_ms(&mut scratch, sources, targets))
    };
    figures.matrix_1000_ms = 1000.0 * table(1000, 7);
    figures.matrix_10000_s = table(10_000, 1);
    let (sources, targets) = (&positions[..1000], &positions[1000..2000]);
    figures.matrix_1000_whole_ms =
        1000.0 * median_s(5, || metric.matrix(&mut Scratch::default(), sources, targets));
    if let Ok(alone) = rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        let times = || metric.times_ms(&mut Scratch::default(), sources, targets);
        figures.matrix_1000_one_thread_ms = 1000.0 * alone.install(|| median_s(7, times));
    }
}

/// Drives random ways, measures positions with noise and finds the ways again.
fn match_traces(figures: &mut Figures, graph: &RoadGraph, metric: &Metric, rng: &Rng) {
    let snap = SnapIndex::new(graph);
    let map = MatchMap { graph, snap: &snap, metric };
    let ends = open_positions(graph, metric, 2 * TRACES, &mut rng.fork("ends"));
    let mut noise = rng.fork("noise");
    let (mut scratch, mut queries) = (MatchScratch::default(), Scratch::default());
    let (mut n, mut n_right, mut n_near, mut time_s) = (0, 0, 0, 0.0);
    for pair in ends.chunks_exact(2) {
        let Ok(route) = metric.route(&mut queries, pair[0], pair[1]) else { continue };
        let truth = drive(graph, &route);
        let seen: Vec<Observation> = truth
            .iter()
            .map(|at| {
                let point = point_on(graph, *at);
                let mut off = |scale: f64| noise.normal(0.0, 5.0) / 111_195.0 / scale;
                let lat = point.lat_deg() + off(1.0);
                let lon = point.lon_deg() + off(point.lat_deg().to_radians().cos().max(0.01));
                let at = LatLon::from_degrees(lat, lon).unwrap_or(point);
                Observation { at, heading: None }
            })
            .collect();
        let started = Instant::now();
        let mut matcher = Matcher::new(MatchOptions::STREET);
        let mut found = Vec::with_capacity(seen.len());
        for observation in seen {
            found.extend(matcher.push(&map, &mut scratch, observation));
        }
        found.extend(matcher.finish());
        time_s += started.elapsed().as_secs_f64();
        n += truth.len();
        for (found, truth) in found.iter().zip(&truth) {
            let Some(found) = found.position else { continue };
            n_right += usize::from(found.edge == truth.edge);
            let off = point_on(graph, found).distance_to(point_on(graph, *truth));
            n_near += usize::from(off <= Meters(15.0));
        }
    }
    let share = |part: usize| part as f64 / n.max(1) as f64;
    figures.n_match_points = n;
    figures.match_point_us = 1e6 * time_s / n.max(1) as f64;
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

/// Compares ways and matrices with Dijkstra's algorithm, for every class under several permits.
fn check(figures: &mut Figures, city: &City, rng: &Rng, n_queries: usize) {
    let n_cases = CLASSES.len() * PERMIT_SETS;
    let n_sources = n_queries.div_ceil(n_cases * TARGETS_CHECKED);
    let motor = Arc::new(Network::build(&city.graph, ModeSet::MOTOR));
    let robot = Arc::new(Network::build(&city.graph, ModeSet::ALL));
    let cases: Vec<Case<'_>> = CLASSES
        .iter()
        .filter_map(|name| VehicleClass::by_name(name))
        .map(|class| class.on_side(city.drive_side))
        .flat_map(|class| (0..PERMIT_SETS).map(move |set| (class.clone(), set)))
        .enumerate()
        .map(|(idx, (class, set))| {
            let network = if class.mode == Mode::Robot { &robot } else { &motor };
            let mut rng = rng.fork_idx("case", idx as u64);
            let forbidden = if set == 0 { EdgeSet::new() } else { zone(&city.graph, &mut rng) };
            let closed = if set < 2 {
                EdgeSet::new()
            } else {
                let edges = (0..city.graph.n_edges()).map(EdgeId::from_idx);
                edges.filter(|_| rng.chance(0.01)).collect()
            };
            let network = network.clone();
            Case { graph: &city.graph, network, class, forbidden, closed, rng, n_sources }
        })
        .collect();
    let found: Vec<Found> = cases.into_par_iter().map(Case::run).collect();
    for found in found {
        figures.queries += found.n_queries;
        figures.n_unroutable += found.n_unroutable;
        figures.mismatches += found.way;
        figures.mismatches_matrix += found.matrix;
        figures.mismatches_batch += found.batch;
        figures.mismatches_path += found.path;
    }
}

/// One class under one set of permits and closures.
struct Case<'a> {
    graph: &'a RoadGraph,
    network: Arc<Network>,
    class: VehicleClass,
    forbidden: EdgeSet,
    closed: EdgeSet,
    rng: Rng,
    n_sources: usize,
}

#[derive(Default)]
struct Found {
    n_queries: usize,
    n_unroutable: usize,
    way: usize,
    matrix: usize,
    batch: usize,
    path: usize,
}

impl Case<'_> {
    fn run(mut self) -> Found {
        let conditions = Conditions {
            forbidden: Some(&self.forbidden),
            closed: Some(&self.closed),
            ..Conditions::default()
        };
        let metric = Metric::build(self.network.clone(), &self.class, conditions, 1);
        let costs = Arc::new(ClassCosts::build(self.network.clone(), &self.class, None));
        let spec =
            MetricSpec { costs, forbidden: Some(&self.forbidden), closed: Some(&self.closed) };
        let light = Metric::build_many(&[spec], 1);
        let mut reference = Reference::new(self.graph, &self.class, &conditions);
        // Mostly roads of the class, some of no concern to it.
        let free = Metric::build(self.network.clone(), &self.class, Conditions::default(), 1);
        let rng = &mut self.rng;
        let mut sources = open_positions(self.graph, &free, self.n_sources, rng);
        let mut targets = open_positions(self.graph, &free, TARGETS_CHECKED, rng);
        for position in sources.iter_mut().chain(&mut targets) {
            if rng.chance(0.02) {
                *position = random_position(self.graph, rng);
            }
        }
        let mut scratch = Scratch::default();
        let mut found = Found::default();
        let (Ok(matrix), Ok(times)) = (
            metric.matrix(&mut scratch, &sources, &targets),
            light[0].times_ms(&mut scratch, &sources, &targets),
        ) else {
            return Found { matrix: sources.len() * targets.len(), ..found };
        };
        for (row, from) in sources.iter().enumerate() {
            let all = reference.all_from(*from);
            for (column, to) in targets.iter().enumerate() {
                let expected = all.as_ref().and_then(|all| reference.cost(all, *from, *to));
                let way = metric.route(&mut scratch, *from, *to).ok();
                let light_ms = times[row * targets.len() + column];
                let light_ms = (light_ms < rv_route::Matrix::UNREACHABLE_MS).then_some(light_ms);
                found.n_queries += 1;
                found.n_unroutable += usize::from(expected.is_none());
                found.way += usize::from(way.as_ref().map(|way| way.cost) != expected);
                found.matrix += usize::from(matrix.cost(row, column) != expected);
                found.batch += usize::from(light_ms != expected.map(|cost| cost.time_ms));
                let mut is_drivable = |way: &Route| reference.drive(way) == Some(way.cost);
                found.path += usize::from(way.is_some_and(|way| !is_drivable(&way)));
            }
        }
        found
    }
}

/// A zone that a permit leaves out: what lies within, or beyond, some distance of a junction.
fn zone(graph: &RoadGraph, rng: &mut Rng) -> EdgeSet {
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

fn random_position(graph: &RoadGraph, rng: &mut Rng) -> RoadPosition {
    let edge = EdgeId::from_idx(rng.below(graph.n_edges()));
    RoadPosition { edge, offset: graph.edge(edge).length * rng.unit() }
}

/// Positions on edges that a metric allows.
fn open_positions(
    graph: &RoadGraph,
    metric: &Metric,
    n: usize,
    rng: &mut Rng,
) -> Vec<RoadPosition> {
    let ids = (0..graph.n_edges()).map(EdgeId::from_idx);
    let open: Vec<EdgeId> = ids.filter(|edge| metric.check_edge(*edge).is_ok()).collect();
    let draw = |rng: &mut Rng| {
        let edge = rng.choose(&open).copied().unwrap_or(EdgeId(0));
        RoadPosition { edge, offset: graph.edge(edge).length * rng.unit() }
    };
    (0..n).map(|_| draw(rng)).collect()
}

fn way_times_us(metric: &Metric, positions: &[RoadPosition]) -> Vec<f64> {
    let mut scratch = Scratch::default();
    let time = |pair: &[RoadPosition]| {
        let started = Instant::now();
        drop(std::hint::black_box(metric.route(&mut scratch, pair[0], pair[1])));
        1e6 * started.elapsed().as_secs_f64()
    };
    positions.chunks_exact(2).map(time).collect()
}

fn median_s<T>(rounds: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            let result = std::hint::black_box(work());
            let time_s = started.elapsed().as_secs_f64();
            drop(result);
            time_s
        })
        .collect();
    percentile(&mut times, 0.5)
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

impl Figures {
    fn n_mismatches(&self) -> usize {
        self.mismatches + self.mismatches_matrix + self.mismatches_batch + self.mismatches_path
    }

    fn to_text(&self) -> anyhow::Result<String> {
        let value = serde_json::to_value(self)?;
        let mut text = String::new();
        for (name, value) in value.as_object().into_iter().flatten() {
            let value = match value.as_f64().filter(|_| value.is_f64()) {
                Some(number) => format!("{number:.3}"),
                None => value.to_string(),
            };
            text += &format!("{name:<36} {value}\n");
        }
        Ok(text)
    }
}
