//! `robovan route bench`: how fast routing is on a map, and whether it is right.

mod check;
mod export;
mod permits;
mod traces;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use rv_base::{EdgeId, Rng, RoadPosition};
use rv_map::{Mode, ModeSet, RoadGraph, SnapIndex, TileIndex};
use rv_route::{ClassCosts, Conditions, Metric, Network, Scratch};
use serde::Serialize;

use super::world;
use crate::machine::{cpu_s, rss_bytes_max};
use crate::output::{self, HintExt};

/// Work is repeated for so long, s, to know its CPU time: a hundred steps of the clock.
const CPU_S_MIN: f64 = 1.0;
/// Networks of more states count as large.
const LARGE_STATES: usize = 500_000;

/// Arguments of `robovan route bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// OpenStreetMap extract, a city file, or a DIMACS topology (.gr, weights by seed)
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
    /// Write the network, questions with answers and traces into this folder, for other engines
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What was measured. Wall-clock times, with all threads, where the name does not say CPU; CPU time
/// is that of the process.
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
    import_cpu_s: f64,
    /// Network, order and hierarchy, for all metrics.
    preprocess_s: f64,
    preprocess_cpu_s: f64,
    customize_ms: f64,
    customize_cpu_ms: f64,
    customize_8_metrics_cpu_ms: f64,
    customize_8_metrics_ms: f64,
    customize_8_metrics_one_thread_ms: f64,
    metrics_8_ready_ms: f64,
    /// One road closed in a whole metric: only what it touches is customised.
    closure_ms: f64,
    closure_cpu_ms: f64,
    n_permit_metrics: usize,
    /// All permit metrics made, and all held.
    permit_metrics_s: f64,
    permit_metrics_cpu_s: f64,
    /// What they hold beyond what they share.
    permit_metrics_mb: f64,
    /// After one road was closed: how many were made again, in what time.
    n_permit_metrics_of_closure: usize,
    permit_closure_s: f64,
    permit_closure_cpu_s: f64,
    /// All again, for new traffic on every road.
    permit_traffic_s: f64,
    permit_traffic_cpu_s: f64,
    p2p_us_p50: f64,
    p2p_path_us_p50: f64,
    p2p_path_us_mean: f64,
    p2p_path_us_p99: f64,
    p2p_path_cpu_us: f64,
    /// Each question to another permit metric, and many to one of them.
    p2p_permit_path_us_p50: f64,
    p2p_one_permit_path_us_p50: f64,
    matrix_1000_ms: f64,
    matrix_1000_one_thread_ms: f64,
    matrix_1000_cpu_ms: f64,
    matrix_1000_whole_ms: f64,
    matrix_10000_s: f64,
    n_match_points: usize,
    /// Thread time for each position, simulated once a second with 5 m of noise.
    match_point_us: f64,
    match_point_cpu_us: f64,
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
    let (started, cpu) = (Instant::now(), cpu_s());
    let city = world::load_city(&args.osm)?;
    let tiles = TileIndex::new(&city);
    let snap = SnapIndex::new(&city.graph);
    let (import_s, import_cpu_s) = (started.elapsed().as_secs_f64(), cpu_s() - cpu);
    drop((tiles, snap));
    let class = world::class_of(&args.class, &city)?;
    let modes = if class.mode == Mode::Robot { ModeSet::ALL } else { ModeSet::MOTOR };
    let (started, cpu) = (Instant::now(), cpu_s());
    let network = Arc::new(Network::build(&city.graph, modes));
    let (preprocess_s, preprocess_cpu_s) = (started.elapsed().as_secs_f64(), cpu_s() - cpu);
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
        import_cpu_s,
        preprocess_s,
        preprocess_cpu_s,
        ..Figures::default()
    };
    let rng = Rng::from_seed(args.seed);
    let costs = Arc::new(ClassCosts::build(network.clone(), &class, None));
    permits::customize(&mut figures, &city.graph, &costs, &rng.fork("permits"), args.permits);
    let metric = Metric::build(network, &class, Conditions::default(), 1);
    ask(&mut figures, &city.graph, &metric, &rng.fork("questions"));
    let mut traces = Vec::new();
    if !is_large(&metric) {
        traces = traces::drive_all(&city.graph, &metric, &rng.fork("traces"));
        traces::match_all(&mut figures, &city.graph, &metric, &traces);
    }
    if let Some(dir) = &args.export {
        export::write(dir, &city.graph, &metric, &traces, &rng.fork("export"))?;
    }
    let started = Instant::now();
    check::check(&mut figures, &city, &metric, &rng.fork("check"), args.queries);
    figures.check_s = started.elapsed().as_secs_f64();
    figures.peak_memory_mb =
        Some(rss_bytes_max()).filter(|&n| n > 0).map(|n| n as f64 / f64::from(1 << 20));
    Ok(figures)
}

/// True for a network of the size of a state: what would take minutes there is left out, such as
/// matching, the largest matrix and classes other than that which is timed.
fn is_large(metric: &Metric) -> bool {
    metric.network().n_states() > LARGE_STATES
}

/// Times questions.
fn ask(figures: &mut Figures, graph: &RoadGraph, metric: &Metric, rng: &Rng) {
    let positions = open_positions(graph, metric, 20_000, &mut rng.fork("positions"));
    drop(way_times_us(metric, &positions[..2000]));
    let mut times = way_times_us(metric, &positions[..6000]);
    figures.p2p_path_us_mean = times.iter().sum::<f64>() / times.len() as f64;
    figures.p2p_path_us_p50 = percentile(&mut times, 0.5);
    figures.p2p_path_us_p99 = percentile(&mut times, 0.99);
    figures.p2p_path_cpu_us =
        1e6 * cpu_of(|| way_times_us(metric, &positions[..6000])) / times.len() as f64;
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
    figures.matrix_1000_cpu_ms = 1000.0 * cpu_of(|| table(1000, 1));
    if !is_large(metric) {
        figures.matrix_10000_s = table(10_000, 1);
    }
    let (sources, targets) = (&positions[..1000], &positions[1000..2000]);
    figures.matrix_1000_whole_ms =
        1000.0 * median_s(5, || metric.matrix(&mut Scratch::default(), sources, targets));
    if let Ok(alone) = rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        let times = || metric.times_ms(&mut Scratch::default(), sources, targets);
        figures.matrix_1000_one_thread_ms = 1000.0 * alone.install(|| median_s(7, times));
    }
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

/// Mean CPU time of some work, s, over so many rounds that the clock's steps do not matter.
fn cpu_of<T>(mut work: impl FnMut() -> T) -> f64 {
    let started = cpu_s();
    let mut rounds = 0;
    loop {
        drop(std::hint::black_box(work()));
        rounds += 1;
        let spent_s = cpu_s() - started;
        if spent_s >= CPU_S_MIN || rounds >= 10_000 {
            return spent_s / f64::from(rounds);
        }
    }
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
