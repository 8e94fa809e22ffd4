//! A plain search to check the fast ones against: Dijkstra's algorithm over the road graph itself.
//!
//! It knows nothing of the network, its automaton or the hierarchy. Forbidden paths are followed
//! one by one: a label is an edge together with how far along each forbidden path the vehicle has
//! come. Only what an edge and a turn cost is shared, since that is what is being asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rv_base::{EdgeId, RoadPosition};
use rv_map::{RoadGraph, RoadKind};

use crate::class::VehicleClass;
use crate::cost::{Cost, edge_cost, turn_between, turn_cost};
use crate::edge_set::EdgeSet;
use crate::metric::Conditions;
use crate::route::Route;

/// One class of vehicle under some conditions, searched in the plain way.
///
/// It answers what [`crate::Metric`] answers, about a thousand times as slowly, and is here to
/// check it.
#[derive(Debug)]
pub struct Reference<'a> {
    graph: &'a RoadGraph,
    class: &'a VehicleClass,
    may_drive: Vec<bool>,
    may_enter: Vec<bool>,
    edge_cost: Vec<Cost>,
    most_important: Vec<RoadKind>,
    n_ways: Vec<usize>,
    /// Forbidden paths that begin with an edge and bind the class.
    begins: BTreeMap<EdgeId, Vec<u32>>,
    /// Labels met so far: own ones of the edges first, then those of begun paths.
    labels: Vec<Label>,
    label_of: BTreeMap<Label, u32>,
    /// Ways on from each label, found when first asked for.
    onwards: Vec<Option<Vec<(u32, Cost)>>>,
}

/// An edge, and the forbidden paths of which two edges or more have been driven, with how many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    edge: EdgeId,
    begun: Vec<(u32, u16)>,
}

impl<'a> Reference<'a> {
    /// Prepares a search.
    pub fn new(graph: &'a RoadGraph, class: &'a VehicleClass, conditions: &Conditions<'_>) -> Self {
        let edges = || (0..graph.n_edges()).map(EdgeId::from_idx);
        let is_in = |set: Option<&EdgeSet>, edge| set.is_some_and(|set| set.contains(edge));
        let may_drive: Vec<bool> = edges()
            .map(|edge| {
                graph.edge(edge).modes.contains(class.mode)
                    && class.fits(graph.road_of(edge))
                    && !is_in(conditions.forbidden, edge)
            })
            .collect();
        let may_enter = edges().map(|e| may_drive[e.idx()] && !is_in(conditions.closed, e));
        let factor = |edge: EdgeId| {
            let given = conditions.time_factors.and_then(|f| f.get(edge.idx())).copied();
            given.filter(|f| f.is_finite() && *f > 0.0).unwrap_or(1.0)
        };
        let cost = |e| {
            let length = graph.edge(e).length;
            edge_cost(class, graph.road_of(e), length, graph.rise(e), factor(e))
        };
        let mut begins: BTreeMap<EdgeId, Vec<u32>> = BTreeMap::new();
        for (idx, path) in graph.forbidden.iter().enumerate() {
            if path.edges.len() > 1 && path.modes.contains(class.mode) {
                begins.entry(path.edges[0]).or_default().push(idx as u32);
            }
        }
        let (most_important, n_ways) = crossings(graph);
        let labels: Vec<Label> = edges().map(|edge| Label { edge, begun: Vec::new() }).collect();
        Self {
            may_enter: may_enter.collect(),
            edge_cost: edges().map(cost).collect(),
            may_drive,
            most_important,
            n_ways,
            begins,
            label_of: BTreeMap::new(),
            onwards: vec![None; labels.len()],
            labels,
            graph,
            class,
        }
    }

    /// Costs from a position to the tail of every edge, after leaving the position's own edge;
    /// by edge, [`Cost::UNREACHABLE`] where no way leads. `None` if the vehicle may not be there.
    pub fn all_from(&mut self, from: RoadPosition) -> Option<Vec<Cost>> {
        if !self.may_drive[from.edge.idx()] {
            return None;
        }
        let part = self.share(from);
        let mut best = vec![Cost::UNREACHABLE; self.graph.n_edges()];
        let mut settled: Vec<bool> = vec![false; self.labels.len()];
        let mut heap: BinaryHeap<Reverse<(Cost, u32)>> = BinaryHeap::new();
        for (label, cost) in self.ways_on(from.edge.0) {
            heap.push(Reverse((cost.minus(part), label)));
        }
        while let Some(Reverse((cost, label))) = heap.pop() {
            if settled.len() < self.labels.len() {
                settled.resize(self.labels.len(), false);
            }
            if std::mem::replace(&mut settled[label as usize], true) {
                continue;
            }
            let edge = self.labels[label as usize].edge;
            let found = &mut best[edge.idx()];
            *found = cost.min(*found);
            for (next, step) in self.ways_on(label) {
                let onwards = cost.plus(step);
                if onwards.is_reachable() && settled.get(next as usize) != Some(&true) {
                    heap.push(Reverse((onwards, next)));
                }
            }
        }
        Some(best)
    }

    /// Cost between two positions, from what [`Self::all_from`] says of the first.
    pub fn cost(&self, all: &[Cost], from: RoadPosition, to: RoadPosition) -> Option<Cost> {
        if !self.may_enter[to.edge.idx()] {
            return None;
        }
        let part = self.share(to);
        if from.edge == to.edge && from.offset <= to.offset {
            return Some(part.minus(self.share(from)));
        }
        let cost = all[to.edge.idx()].plus(part);
        cost.is_reachable().then_some(cost)
    }

    /// Cost of driving a route edge by edge; `None` if it may not be driven so.
    pub fn drive(&mut self, route: &Route) -> Option<Cost> {
        let mut edges = route.edge_ids();
        let first = edges.next().filter(|e| *e == route.from.edge && self.may_drive[e.idx()])?;
        let mut label = first.0;
        let mut cost = Cost::ZERO;
        for edge in edges {
            let ways = self.ways_on(label);
            let (next, step) =
                *ways.iter().find(|(next, _)| self.labels[*next as usize].edge == edge)?;
            cost = cost.plus(step);
            label = next;
        }
        if self.labels[label as usize].edge != route.to.edge {
            return None;
        }
        Some(cost.plus(self.share(route.to)).minus(self.share(route.from)))
    }

    fn share(&self, at: RoadPosition) -> Cost {
        self.edge_cost[at.edge.idx()].share(at.offset, self.graph.edge(at.edge).length)
    }

    /// The ways on from a label and what they cost, its edge included.
    fn ways_on(&mut self, label: u32) -> Vec<(u32, Cost)> {
        if let Some(known) = &self.onwards[label as usize] {
            return known.clone();
        }
        let Label { edge, begun } = self.labels[label as usize].clone();
        let graph = self.graph;
        let junction = graph.edge(edge).head;
        let mut ways: Vec<(EdgeId, Label)> = Vec::new();
        for next in graph.out_edges(junction).filter(|e| self.may_enter[e.idx()]) {
            let one_edge = self.begins.get(&edge).into_iter().flatten().map(|path| (*path, 1));
            let mut after: BTreeSet<(u32, u16)> = BTreeSet::new();
            let mut is_forbidden = false;
            for (path, n_driven) in begun.iter().copied().chain(one_edge) {
                let edges = &graph.forbidden[path as usize].edges;
                if edges[usize::from(n_driven)] == next {
                    is_forbidden |= usize::from(n_driven) + 1 == edges.len();
                    after.insert((path, n_driven + 1));
                }
            }
            if !is_forbidden {
                ways.push((next, Label { edge: next, begun: after.into_iter().collect() }));
            }
        }
        let is_around = |to: EdgeId| graph.edge(edge).reverse == Some(to);
        let is_dead_end = ways.iter().all(|(to, _)| is_around(*to));
        let mut costs = Vec::new();
        for (to, label) in ways {
            if is_around(to) && !is_dead_end {
                continue;
            }
            let (kind, n) = (self.most_important[junction.idx()], self.n_ways[junction.idx()]);
            let turn = turn_cost(self.class, turn_between(graph, edge, to, kind, n));
            costs.push((self.number(label), self.edge_cost[edge.idx()].plus(turn)));
        }
        self.onwards[label as usize] = Some(costs.clone());
        costs
    }

    fn number(&mut self, label: Label) -> u32 {
        if label.begun.is_empty() {
            return label.edge.0;
        }
        if let Some(known) = self.label_of.get(&label) {
            return *known;
        }
        let new = self.labels.len() as u32;
        self.label_of.insert(label.clone(), new);
        self.labels.push(label);
        self.onwards.push(None);
        new
    }
}

/// The most important kind of road at each junction, and its number of neighbouring junctions.
fn crossings(graph: &RoadGraph) -> (Vec<RoadKind>, Vec<usize>) {
    let mut kinds = vec![RoadKind::Footway; graph.n_junctions()];
    let mut neighbours = vec![BTreeSet::new(); graph.n_junctions()];
    for edge in &graph.edges {
        let kind = graph.roads[edge.road.idx()].kind;
        for (here, there) in [(edge.tail, edge.head), (edge.head, edge.tail)] {
            kinds[here.idx()] = kinds[here.idx()].min(kind);
            neighbours[here.idx()].insert(there);
        }
    }
    (kinds, neighbours.iter().map(BTreeSet::len).collect())
}
