//! Ways and matrices against Dijkstra's algorithm.

use std::sync::Arc;

use rayon::prelude::*;
use rv_base::{EdgeId, Rng, RoadPosition};
use rv_map::{City, Mode, ModeSet, RoadGraph};
use rv_route::{
    ClassCosts, Conditions, EdgeSet, Metric, MetricSpec, Network, Reference, Route, Scratch,
    VehicleClass,
};

use super::permits::zone;
use super::{Figures, is_large, open_positions};

/// Classes that are checked.
const CLASSES: [&str; 6] = ["robovan-25", "robovan-35", "robovan-45", "truck", "robot", "car"];
/// Sets of permits that are checked for each class, the first without any.
const PERMIT_SETS: usize = 4;
/// Targets for each source whose ways are checked.
const TARGETS_CHECKED: usize = 100;

/// Compares ways and matrices with Dijkstra's algorithm, for every class under several permits.
///
/// On a large network the class that was timed is enough.
pub(super) fn check(
    figures: &mut Figures,
    city: &City,
    timed: &Metric,
    rng: &Rng,
    n_queries: usize,
) {
    if n_queries == 0 {
        return;
    }
    let is_large = is_large(timed);
    let names = if is_large { vec![timed.class().name.as_str()] } else { CLASSES.to_vec() };
    let n_cases = names.len() * PERMIT_SETS;
    let n_sources = n_queries.div_ceil(n_cases * TARGETS_CHECKED);
    let network = |modes: ModeSet| {
        let known = timed.network();
        if is_large { known.clone() } else { Arc::new(Network::build(&city.graph, modes)) }
    };
    let (motor, robot) = (network(ModeSet::MOTOR), network(ModeSet::ALL));
    let cases: Vec<Case<'_>> = names
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
    let found: Vec<Found> = if is_large {
        // One after the other: each takes gigabytes.
        cases.into_iter().map(Case::run).collect()
    } else {
        cases.into_par_iter().map(Case::run).collect()
    };
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

fn random_position(graph: &RoadGraph, rng: &mut Rng) -> RoadPosition {
    let edge = EdgeId::from_idx(rng.below(graph.n_edges()));
    RoadPosition { edge, offset: graph.edge(edge).length * rng.unit() }
}
