//! An oracle that shares no search and no network with the crate: Dijkstra over whole histories
//! of edges, straight on the road graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use rv_base::{EdgeId, Rng, RoadPosition, Seconds};
use rv_map::{ModeSet, RoadGraph};

use crate::class::VehicleClass;
use crate::cost::{Cost, Turn, edge_cost, turn_between, turn_cost};
use crate::edge_set::EdgeSet;
use crate::metric::Weights;
use crate::testnet::{random_graph, random_position};
use crate::{
    ClassCosts, Conditions, Metric, MetricSpec, Network, Reach, Reference, RouteError, Scratch,
};

pub(crate) struct Oracle<'a> {
    graph: &'a RoadGraph,
    class: &'a VehicleClass,
    conditions: Conditions<'a>,
    memory: usize,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(
        graph: &'a RoadGraph,
        class: &'a VehicleClass,
        conditions: Conditions<'a>,
    ) -> Self {
        let longest = graph.forbidden.iter().map(|p| p.edges.len()).max().unwrap_or(2);
        Self { graph, class, conditions, memory: longest.max(2) - 1 }
    }

    fn may_drive(&self, edge: EdgeId) -> bool {
        let is_in = |set: Option<&EdgeSet>| set.is_some_and(|s| s.contains(edge));
        self.graph.edge(edge).modes.contains(self.class.mode)
            && self.class.fits(self.graph.road_of(edge))
            && !is_in(self.conditions.forbidden)
    }

    fn may_enter(&self, edge: EdgeId) -> bool {
        self.may_drive(edge) && !self.conditions.closed.is_some_and(|s| s.contains(edge))
    }

    fn may_follow(&self, history: &[EdgeId], next: EdgeId) -> bool {
        let driven: Vec<EdgeId> = history.iter().copied().chain([next]).collect();
        self.may_enter(next)
            && !self.graph.forbidden.iter().any(|path| {
                path.edges.len() > 1
                    && path.modes.contains(self.class.mode)
                    && driven.ends_with(&path.edges)
            })
    }

    fn edge(&self, edge: EdgeId) -> Cost {
        let factor = self.conditions.time_factors.map_or(1.0, |f| f[edge.idx()]);
        let (road, length) = (self.graph.road_of(edge), self.graph.edge(edge).length);
        edge_cost(self.class, road, length, self.graph.rise(edge), factor)
    }

    fn turn(&self, from: EdgeId, to: EdgeId) -> Turn {
        let junction = self.graph.edge(from).head;
        let touching =
            || self.graph.edges.iter().filter(|e| e.tail == junction || e.head == junction);
        let kind = touching().map(|e| self.graph.roads[e.road.idx()].kind).min().unwrap();
        let ways: BTreeSet<_> =
            touching().map(|e| if e.tail == junction { e.head } else { e.tail }).collect();
        turn_between(self.graph, from, to, kind, ways.len())
    }

    /// Ways on from a history and what they cost, the last edge included.
    fn ways_on(&self, history: &[EdgeId]) -> Vec<(EdgeId, Cost)> {
        let last = history[history.len() - 1];
        let next: Vec<EdgeId> = self
            .graph
            .out_edges(self.graph.edge(last).head)
            .filter(|e| self.may_follow(history, *e))
            .collect();
        let is_dead_end = next.iter().all(|e| self.turn(last, *e).is_around);
        next.into_iter()
            .filter_map(|e| {
                let turn = self.turn(last, e);
                let may_turn = is_dead_end || !turn.is_around;
                may_turn.then(|| (e, self.edge(last).plus(turn_cost(self.class, turn))))
            })
            .collect()
    }

    /// Costs from a position to the tail of every edge, at least one edge on.
    pub(crate) fn all_from(&self, from: RoadPosition) -> Option<BTreeMap<EdgeId, Cost>> {
        if !self.may_drive(from.edge) {
            return None;
        }
        let part = self.edge(from.edge).share(from.offset, self.graph.edge(from.edge).length);
        let mut open: BTreeSet<(Cost, Vec<EdgeId>)> = BTreeSet::new();
        let mut done: BTreeSet<Vec<EdgeId>> = BTreeSet::new();
        let mut best: BTreeMap<EdgeId, Cost> = BTreeMap::new();
        let start = vec![from.edge];
        for (edge, cost) in self.ways_on(&start) {
            open.insert((cost.minus(part), self.remember(&start, edge)));
        }
        while let Some((cost, history)) = open.pop_first() {
            if !done.insert(history.clone()) {
                continue;
            }
            best.entry(history[history.len() - 1]).or_insert(cost);
            for (edge, step) in self.ways_on(&history) {
                let longer = self.remember(&history, edge);
                if !done.contains(&longer) {
                    open.insert((cost.plus(step), longer));
                }
            }
        }
        Some(best)
    }

    fn remember(&self, history: &[EdgeId], next: EdgeId) -> Vec<EdgeId> {
        let driven: Vec<EdgeId> = history.iter().copied().chain([next]).collect();
        driven[driven.len().saturating_sub(self.memory)..].to_vec()
    }

    pub(crate) fn cost(
        &self,
        all: &Option<BTreeMap<EdgeId, Cost>>,
        from: RoadPosition,
        to: RoadPosition,
    ) -> Option<Cost> {
        let all = all.as_ref()?;
        if !self.may_enter(to.edge) {
            return None;
        }
        let length = self.graph.edge(to.edge).length;
        let part = self.edge(to.edge).share(to.offset, length);
        if from.edge == to.edge && from.offset <= to.offset {
            return Some(part.minus(self.edge(from.edge).share(from.offset, length)));
        }
        all.get(&to.edge).map(|cost| cost.plus(part))
    }
}

pub(crate) struct Case {
    pub(crate) graph: RoadGraph,
    pub(crate) class: VehicleClass,
    pub(crate) forbidden: EdgeSet,
    pub(crate) closed: EdgeSet,
    pub(crate) factors: Vec<f32>,
    pub(crate) rng: Rng,
}

impl Case {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let (width, height) = (2 + rng.below(5), 2 + rng.below(5));
        Self::of_size(seed, width, height)
    }

    pub(crate) fn of_size(seed: u64, width: usize, height: usize) -> Self {
        let mut rng = Rng::from_seed(seed);
        let graph = random_graph(&mut rng, width, height);
        let name = *rng.choose(&["robovan-35", "robovan-1", "truck", "robot", "car"]).unwrap();
        let some = |rng: &mut Rng, p: f64| -> EdgeSet {
            (0..graph.n_edges()).map(EdgeId::from_idx).filter(|_| rng.chance(p)).collect()
        };
        let share = if rng.chance(0.5) { 0.15 } else { 0.0 };
        let forbidden = some(&mut rng, share);
        let closed = some(&mut rng, 0.05);
        let factors = (0..graph.n_edges()).map(|_| rng.range(0.8, 3.0) as f32).collect();
        Self { class: VehicleClass::by_name(name).unwrap(), graph, forbidden, closed, factors, rng }
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        Conditions {
            forbidden: Some(&self.forbidden),
            closed: Some(&self.closed),
            time_factors: Some(&self.factors),
        }
    }

    pub(crate) fn metric(&self) -> Metric {
        let network = Arc::new(Network::build(&self.graph, ModeSet::ALL));
        Metric::build(network, &self.class, self.conditions(), 7)
    }

    pub(crate) fn positions(&mut self, n: usize) -> Vec<RoadPosition> {
        (0..n).map(|_| random_position(&mut self.rng, &self.graph)).collect()
    }
}

/// A route must be drivable edge by edge and cost what it says.
pub(crate) fn check_route(oracle: &Oracle<'_>, route: &crate::Route) {
    let ids: Vec<EdgeId> = route.edge_ids().collect();
    let mut at = Cost::ZERO;
    for (idx, pair) in ids.windows(2).enumerate() {
        let ways = oracle.ways_on(&ids[..=idx]);
        let step = ways.iter().find(|(edge, _)| *edge == pair[1]).expect("a way on").1;
        at = at.plus(step);
    }
    let share =
        |p: RoadPosition| oracle.edge(p.edge).share(p.offset, oracle.graph.edge(p.edge).length);
    assert_eq!(at.plus(share(route.to)).minus(share(route.from)), route.cost);
    assert_eq!((ids[0], ids[ids.len() - 1]), (route.from.edge, route.to.edge));
    assert_eq!(route.edges[ids.len() - 1].leave, route.time());
    assert!(route.edges.iter().all(|e| e.enter <= e.leave));
    assert!(route.edges.windows(2).all(|pair| pair[0].leave <= pair[1].enter));
}

fn check_case(seed: u64) {
    let mut case = Case::from_seed(seed);
    if case.graph.n_edges() == 0 {
        return;
    }
    let points = case.positions(12);
    let metric = case.metric();
    let oracle = Oracle::new(&case.graph, &case.class, case.conditions());
    let mut scratch = Scratch::default();
    let matrix = metric.matrix(&mut scratch, &points, &points).unwrap();
    assert_eq!(metric.times_ms(&mut scratch, &points, &points).unwrap(), matrix.time_ms);
    for (i, from) in points.iter().enumerate() {
        let all = oracle.all_from(*from);
        for (j, to) in points.iter().enumerate() {
            let expected = oracle.cost(&all, *from, *to);
            assert_eq!(matrix.cost(i, j), expected, "seed {seed}, {from:?} to {to:?}");
            match metric.route(&mut scratch, *from, *to) {
                Ok(route) => {
                    assert_eq!(Some(route.cost), expected, "seed {seed}, {from:?} to {to:?}");
                    check_route(&oracle, &route);
                }
                Err(error) => {
                    assert_eq!(expected, None, "seed {seed}: {error}");
                    let both_open = all.is_some() && oracle.may_enter(to.edge);
                    assert_eq!(both_open, matches!(error, RouteError::Unroutable { .. }));
                }
            }
        }
        check_reach(&metric, &mut scratch, *from, &all);
    }
}

/// Changing a metric must give the very weights and search graph that building it anew gives.
fn check_change(seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let (width, height) = (3 + rng.below(20), 3 + rng.below(20));
    let mut case = Case::of_size(seed, width, height);
    if case.graph.n_edges() == 0 {
        return;
    }
    let mut metric = case.metric();
    let network = metric.network().clone();
    for epoch in 0..4 {
        let n_changes = 1 + case.rng.below(3);
        for _ in 0..n_changes {
            let edge = EdgeId::from_idx(case.rng.below(case.graph.n_edges()));
            match case.rng.below(3) {
                0 => case.closed.remove(edge),
                1 => case.closed.insert(edge),
                _ => case.factors[edge.idx()] = case.rng.range(0.5, 5.0) as f32,
            }
        }
        let costs = Arc::new(ClassCosts::build(network.clone(), &case.class, Some(&case.factors)));
        let spec =
            MetricSpec { costs, forbidden: Some(&case.forbidden), closed: Some(&case.closed) };
        metric = metric.changed_up_to(usize::MAX - 1, None, &spec, epoch);
        let anew = Metric::of_costs(&spec, epoch);
        let (Weights::Whole(changed), Weights::Whole(anew)) = (&metric.weights, &anew.weights)
        else {
            unreachable!("both are whole");
        };
        assert_eq!(changed.weights, anew.weights, "seed {seed}");
        assert_eq!(changed.shortest, anew.shortest, "seed {seed}");
        assert_eq!(changed.graph, anew.graph, "seed {seed}");
    }
}

fn check_reach(
    metric: &Metric,
    scratch: &mut Scratch,
    from: RoadPosition,
    all: &Option<BTreeMap<EdgeId, Cost>>,
) {
    let reach = Reach { time: Seconds(60.0), energy: None };
    let Some(all) = all else {
        assert!(metric.reachable(scratch, from, reach).is_err());
        return;
    };
    let found = metric.reachable(scratch, from, reach).unwrap();
    let got: BTreeMap<EdgeId, Cost> = found[1..].iter().map(|r| (r.edge, r.cost)).collect();
    let expected: BTreeMap<EdgeId, Cost> =
        all.iter().filter(|(_, c)| c.time_ms <= 60_000).map(|(e, c)| (*e, *c)).collect();
    assert_eq!(got, expected);
}

/// Metrics in times alone, built side by side, must give the times of whole metrics and drivable
/// routes that take them.
fn check_light(case: &Case, points: &[RoadPosition]) {
    let network = Arc::new(Network::build(&case.graph, ModeSet::ALL));
    let none = EdgeSet::new();
    let costs = |name: &str| {
        let class = VehicleClass::by_name(name).unwrap();
        Arc::new(ClassCosts::build(network.clone(), &class, Some(&case.factors)))
    };
    let (own, robot) = (costs(&case.class.name), costs("robot"));
    let sets = [&case.forbidden, &none, &case.closed];
    let specs: Vec<MetricSpec<'_>> = (0..11)
        .map(|i| MetricSpec {
            costs: if i % 4 == 3 { robot.clone() } else { own.clone() },
            forbidden: Some(sets[i % 3]),
            closed: Some(sets[i / 3 % 3]),
        })
        .collect();
    let mut scratch = Scratch::default();
    for (light, spec) in Metric::build_many(&specs, 8).iter().zip(&specs) {
        let whole = Metric::of_costs(spec, 8);
        let times = whole.times_ms(&mut scratch, points, points).unwrap();
        assert_eq!(light.times_ms(&mut scratch, points, points).unwrap(), times);
        assert_eq!(
            light.matrix(&mut scratch, points, points).unwrap(),
            whole.matrix(&mut scratch, points, points).unwrap()
        );
        let conditions = Conditions {
            forbidden: spec.forbidden,
            closed: spec.closed,
            time_factors: Some(&case.factors),
        };
        let oracle = Oracle::new(&case.graph, light.class(), conditions);
        for (at, time_ms) in times.iter().enumerate() {
            let (from, to) = (points[at / points.len()], points[at % points.len()]);
            let Ok(route) = light.route(&mut scratch, from, to) else {
                assert_eq!(*time_ms, crate::Matrix::UNREACHABLE_MS);
                continue;
            };
            assert_eq!(route.cost.time_ms, *time_ms);
            check_route(&oracle, &route);
        }
    }
}

/// On larger graphs histories are too slow: the hierarchy must agree with the plain search over
/// the turn-expanded network, which the small cases have checked.
fn check_large(seed: u64) {
    let mut case = Case::of_size(seed, 40, 30);
    let points = case.positions(60);
    let metric = case.metric();
    let mut scratch = Scratch::default();
    let matrix = metric.matrix(&mut scratch, &points, &points).unwrap();
    assert_eq!(metric.times_ms(&mut scratch, &points, &points).unwrap(), matrix.time_ms);
    for (i, from) in points.iter().enumerate() {
        let Ok(found) =
            metric.reachable(&mut scratch, *from, Reach { time: Seconds(1e6), energy: None })
        else {
            assert!((0..points.len()).all(|j| matrix.cost(i, j).is_none()));
            continue;
        };
        let entered: BTreeMap<EdgeId, Cost> = found[1..].iter().map(|r| (r.edge, r.cost)).collect();
        for (j, to) in points.iter().enumerate() {
            let part = |p: RoadPosition| {
                metric.edge_cost(p.edge).share(p.offset, case.graph.edge(p.edge).length)
            };
            let expected = if metric.check_edge(to.edge).is_err() {
                None
            } else if from.edge == to.edge && from.offset <= to.offset {
                Some(part(*to).minus(part(*from)))
            } else {
                entered.get(&to.edge).map(|cost| cost.plus(part(*to)))
            };
            assert_eq!(matrix.cost(i, j), expected, "seed {seed}, {from:?} to {to:?}");
            let route = metric.route(&mut scratch, *from, *to);
            assert_eq!(route.ok().map(|r| r.cost), expected, "seed {seed}, {from:?} to {to:?}");
        }
    }
}

#[test]
fn hierarchy_agrees_with_dijkstra_on_larger_graphs() {
    (0..6).for_each(check_large);
}

#[test]
fn metrics_in_times_alone_agree_with_whole_ones() {
    for seed in 0..24 {
        let mut case = Case::of_size(seed, 6, 5);
        let points = case.positions(8);
        check_light(&case, &points);
    }
}

#[test]
fn plain_search_agrees_with_histories() {
    for seed in 0..60 {
        let mut case = Case::from_seed(seed);
        if case.graph.n_edges() == 0 {
            continue;
        }
        let points = case.positions(6);
        let oracle = Oracle::new(&case.graph, &case.class, case.conditions());
        let mut plain = Reference::new(&case.graph, &case.class, &case.conditions());
        let metric = case.metric();
        let mut scratch = Scratch::default();
        for from in &points {
            let (expected, all) = (oracle.all_from(*from), plain.all_from(*from));
            assert_eq!(expected.is_some(), all.is_some());
            for to in &points {
                let cost = all.as_ref().and_then(|all| plain.cost(all, *from, *to));
                assert_eq!(cost, oracle.cost(&expected, *from, *to), "seed {seed}");
                assert_eq!(metric.cost(&mut scratch, *from, *to).ok(), cost, "seed {seed}");
                if let Ok(way) = metric.route(&mut scratch, *from, *to) {
                    assert_eq!(plain.drive(&way), Some(way.cost), "seed {seed}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_change_gives_what_building_anew_gives(seed in any::<u64>()) {
        check_change(seed);
    }

    #[test]
    fn agrees_with_dijkstra_over_histories(seed in any::<u64>()) {
        check_case(seed);
    }
}
