//! Questions to a metric: routes, matrices, the nearest of many, what is within reach.

use std::collections::BTreeMap;

use rv_base::{EdgeId, Meters, RoadPosition, Seconds, WattHours};

use crate::cost::{Cost, UNREACHABLE_MS};
use crate::customize::Customized;
use crate::dijkstra::{Dijkstra, Visit};
use crate::metric::{Located, Metric, RouteError};
use crate::network::Network;
use crate::query::TreeSearch;
use crate::simd::wide;
use crate::table::table;

/// Working memory of queries. Keep one for each thread and hand it to every query; a query's
/// answer does not depend on what was asked before.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    dijkstra: Dijkstra,
    tree: TreeSearch,
}

/// The fastest way between two positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Epoch of the metric that gave it.
    pub epoch: u64,
    /// Where it starts.
    pub from: RoadPosition,
    /// Where it ends.
    pub to: RoadPosition,
    /// The edges it drives, in order; never empty.
    pub edges: Vec<RouteEdge>,
    /// Time, distance and energy of the whole.
    pub cost: Cost,
}

/// One edge of a route. What lies between leaving it and entering the next is the turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteEdge {
    /// The edge.
    pub edge: EdgeId,
    /// Time from the start of the route at which it is entered.
    pub enter: Seconds,
    /// Time from the start of the route at which its end, or the route's end, is reached.
    pub leave: Seconds,
}

/// Costs from many to many, row-major: `from * n_targets + to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Epoch of the metric that gave it.
    pub epoch: u64,
    /// Number of rows.
    pub n_sources: usize,
    /// Number of columns.
    pub n_targets: usize,
    /// Driving times, ms; [`Matrix::UNREACHABLE_MS`] where there is no way.
    pub time_ms: Vec<u32>,
    /// Distances along those ways, mm.
    pub dist_mm: Vec<u32>,
    /// Energy along those ways, mWh.
    pub energy_mwh: Vec<u32>,
}

/// One edge within reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// The edge.
    pub edge: EdgeId,
    /// Cost from the start to its tail; zero for the edge of the start.
    pub cost: Cost,
    /// From where on the edge it is reached: zero but for the edge of the start.
    pub from: Meters,
    /// How far along the edge the limits allow, up to its length.
    pub until: Meters,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Longest driving time.
    pub time: Seconds,
    /// Most energy along the fastest way, as when a battery holds no more.
    pub energy: Option<WattHours>,
}

impl Matrix {
    /// Stands where there is no way, or where an end is forbidden.
    pub const UNREACHABLE_MS: u32 = UNREACHABLE_MS;

    /// Cost of one pair, if there is a way.
    pub fn cost(&self, from: usize, to: usize) -> Option<Cost> {
        let at = from * self.n_targets + to;
        let cost = Cost {
            time_ms: self.time_ms[at],
            dist_mm: self.dist_mm[at],
            energy_mwh: self.energy_mwh[at],
        };
        cost.is_reachable().then_some(cost)
    }

    fn unreachable(epoch: u64, n_sources: usize, n_targets: usize) -> Self {
        let n = n_sources * n_targets;
        Self {
            epoch,
            n_sources,
            n_targets,
            time_ms: vec![UNREACHABLE_MS; n],
            dist_mm: vec![Cost::UNREACHABLE.dist_mm; n],
            energy_mwh: vec![Cost::UNREACHABLE.energy_mwh; n],
        }
    }

    fn set(&mut self, from: usize, to: usize, cost: Cost) {
        let at = from * self.n_targets + to;
        self.time_ms[at] = cost.time_ms;
        self.dist_mm[at] = cost.dist_mm;
        self.energy_mwh[at] = cost.energy_mwh;
    }
}

impl Route {
    /// Driving time.
    pub fn time(&self) -> Seconds {
        self.cost.time()
    }

    /// Distance.
    pub fn distance(&self) -> Meters {
        self.cost.distance()
    }

    /// Energy.
    pub fn energy(&self) -> WattHours {
        self.cost.energy()
    }

    /// The edges alone.
    pub fn edge_ids(&self) -> impl ExactSizeIterator<Item = EdgeId> + '_ {
        self.edges.iter().map(|e| e.edge)
    }
}

impl Metric {
    /// The fastest way from one position to another.
    pub fn route(
        &self,
        scratch: &mut Scratch,
        from: RoadPosition,
        to: RoadPosition,
    ) -> Result<Route, RouteError> {
        let start = self.locate_start(from)?;
        let end = self.locate_end(to)?;
        if let Some(cost) = same_edge_ahead(&start, &end) {
            return Ok(Route {
                epoch: self.epoch(),
                from,
                to,
                edges: vec![RouteEdge {
                    edge: from.edge,
                    enter: Seconds::ZERO,
                    leave: cost.time(),
                }],
                cost,
            });
        }
        let states = self
            .search(scratch, &start, &end)
            .ok_or(RouteError::Unroutable { from: from.edge, to: to.edge })?;
        Ok(self.route_along(&start, &end, &states))
    }

    /// The fastest ways between each position and the next, in order.
    pub fn route_via(
        &self,
        scratch: &mut Scratch,
        stops: &[RoadPosition],
    ) -> Result<Vec<Route>, RouteError> {
        stops.windows(2).map(|pair| self.route(scratch, pair[0], pair[1])).collect()
    }

    /// Costs from every source to every target. A position that is forbidden to the vehicle is
    /// unreachable; one outside the map is an error.
    pub fn matrix(
        &self,
        scratch: &mut Scratch,
        sources: &[RoadPosition],
        targets: &[RoadPosition],
    ) -> Result<Matrix, RouteError> {
        let ends = Ends::of(self, sources, targets)?;
        let keys = wide(|| {
            let Customized { out, into } = &self.keys;
            table(&self.network.cch, out, into, &ends.source_ranks, &ends.target_ranks)
        });
        let mut matrix = Matrix::unreachable(self.epoch(), sources.len(), targets.len());
        ends.for_each_pair(
            self,
            scratch,
            |at| keys[at].cost(),
            |from, to, cost| {
                matrix.set(from, to, cost);
            },
        );
        Ok(matrix)
    }

    /// Driving times alone from every source to every target, row-major, ms;
    /// [`Matrix::UNREACHABLE_MS`] where there is no way. Several times as fast as the whole matrix.
    pub fn times_ms(
        &self,
        scratch: &mut Scratch,
        sources: &[RoadPosition],
        targets: &[RoadPosition],
    ) -> Result<Vec<u32>, RouteError> {
        let ends = Ends::of(self, sources, targets)?;
        let times = wide(|| {
            let Customized { out, into } = &self.times;
            table(&self.network.cch, out, into, &ends.source_ranks, &ends.target_ranks)
        });
        let mut result = vec![UNREACHABLE_MS; sources.len() * targets.len()];
        let entered = |at: usize| Cost { time_ms: times[at], ..Cost::ZERO };
        ends.for_each_pair(self, scratch, entered, |from, to, cost| {
            result[from * targets.len() + to] = cost.time_ms;
        });
        Ok(result)
    }

    /// The `k` targets that are reached soonest, soonest first: index and cost.
    pub fn nearest(
        &self,
        scratch: &mut Scratch,
        from: RoadPosition,
        targets: &[RoadPosition],
        k: usize,
    ) -> Result<Vec<(usize, Cost)>, RouteError> {
        self.locate_start(from)?;
        let row = self.matrix(scratch, &[from], targets)?;
        let mut found: Vec<(usize, Cost)> =
            (0..targets.len()).filter_map(|to| Some((to, row.cost(0, to)?))).collect();
        found.sort_by_key(|(to, cost)| (*cost, *to));
        found.truncate(k);
        Ok(found)
    }

    /// Every edge within reach, in order of cost.
    pub fn reachable(
        &self,
        scratch: &mut Scratch,
        from: RoadPosition,
        reach: Reach,
    ) -> Result<Vec<Reached>, RouteError> {
        let start = self.locate_start(from)?;
        let time_ms = (reach.time.0 * 1000.0) as u32;
        let energy_mwh = reach.energy.map_or(u32::MAX, |energy| (energy.0 * 1000.0) as u32);
        let mut seen = crate::edge_set::EdgeSet::new();
        let mut found = vec![self.reached(from.edge, Cost::ZERO, start.part, time_ms, energy_mwh)];
        found[0].from = from.offset;
        scratch.dijkstra.run(self, self.starts_behind(&start), |state, cost| {
            if cost.time_ms > time_ms {
                return Visit::Stop;
            }
            let edge = self.network.edge_of_state[state as usize];
            if cost.energy_mwh <= energy_mwh && !seen.contains(edge) {
                seen.insert(edge);
                found.push(self.reached(edge, cost, Cost::ZERO, time_ms, energy_mwh));
            }
            Visit::GoOn
        });
        Ok(found)
    }

    fn reached(
        &self,
        edge: EdgeId,
        cost: Cost,
        part: Cost,
        time_ms: u32,
        energy_mwh: u32,
    ) -> Reached {
        let whole = self.edge_cost[edge.idx()];
        let share = |limit: u32, at: u32, part: u32, whole: u32| {
            let left = f64::from(limit.saturating_sub(at).saturating_add(part));
            (left / f64::from(whole.max(1))).min(1.0)
        };
        let share = share(time_ms, cost.time_ms, part.time_ms, whole.time_ms).min(share(
            energy_mwh,
            cost.energy_mwh,
            part.energy_mwh,
            whole.energy_mwh,
        ));
        let length = self.network.edges[edge.idx()].length;
        Reached { edge, cost, from: Meters::ZERO, until: length * share }
    }

    /// What a search starts from when the edge of the start must be left first: the cost of
    /// what is left of it and the turn.
    fn starts_behind<'a>(&'a self, start: &Located) -> impl Iterator<Item = (u32, Cost)> + use<'a> {
        let (network, part) = (&self.network, start.part);
        network.arcs(start.state).map(move |arc| {
            let cost = self.arc_cost[arc];
            let cost = if cost.is_reachable() { cost.minus(part) } else { cost };
            (network.arc_head[arc], cost)
        })
    }

    /// States driven through after the start's own edge, the last one on the end's edge.
    fn search(&self, scratch: &mut Scratch, start: &Located, end: &Located) -> Option<Vec<u32>> {
        if start.state == end.state {
            let round = self.round(scratch, start.state)?;
            return Some(self.states_between(scratch, round));
        }
        let way = self.best_way(scratch, [(start.state, Cost::ZERO)], end.position.edge)?;
        let mut states = self.states_between(scratch, way);
        states.remove(0);
        Some(states)
    }

    /// The best way from any of `starts` to entering an edge.
    fn best_way(
        &self,
        scratch: &mut Scratch,
        starts: impl IntoIterator<Item = (u32, Cost)>,
        edge: EdgeId,
    ) -> Option<Way> {
        let network = &self.network;
        let mut best: Option<Way> = None;
        for (from, cost) in starts {
            for to in network.states_of(edge) {
                let (from, to) = (network.rank(from), network.rank(to));
                let Some((key, _)) = scratch.tree.run(&network.cch, &self.keys, from, to) else {
                    continue;
                };
                let cost = cost.plus(key.cost());
                if cost.is_reachable() && best.as_ref().is_none_or(|way| cost < way.cost) {
                    best = Some(Way { from, to, cost });
                }
            }
        }
        best
    }

    /// The best way round from a state back to its edge's tail, the edge itself first.
    fn round(&self, scratch: &mut Scratch, state: u32) -> Option<Way> {
        let network = &self.network;
        let starts = network.arcs(state).map(|arc| (network.arc_head[arc], self.arc_cost[arc]));
        self.best_way(scratch, starts, network.edge_of_state[state as usize])
    }

    fn states_between(&self, scratch: &mut Scratch, way: Way) -> Vec<u32> {
        let cch = &self.network.cch;
        let (_, top) = scratch
            .tree
            .run(cch, &self.keys, way.from, way.to)
            .expect("a way that was found is found again");
        let mut ranks = vec![way.from];
        scratch.tree.unpack(cch, &self.keys, top, &mut ranks);
        for rank in &mut ranks {
            *rank = cch.state_of_rank[*rank as usize];
        }
        ranks
    }

    fn route_along(&self, start: &Located, end: &Located, states: &[u32]) -> Route {
        let network = &self.network;
        let edge_of = |state: u32| network.edge_of_state[state as usize];
        let mut edges = Vec::with_capacity(states.len() + 1);
        let mut at = Cost::ZERO;
        let mut part = start.part;
        let mut here = start.state;
        for next in states {
            let arc = network
                .arcs(here)
                .find(|arc| network.arc_head[*arc] == *next)
                .expect("the search went along arcs");
            let left = self.edge_cost[edge_of(here).idx()].minus(part);
            edges.push(RouteEdge {
                edge: edge_of(here),
                enter: at.time(),
                leave: at.plus(left).time(),
            });
            at = at.plus(self.arc_cost[arc].minus(part));
            part = Cost::ZERO;
            here = *next;
        }
        let cost = at.plus(end.part);
        edges.push(RouteEdge { edge: edge_of(here), enter: at.time(), leave: cost.time() });
        Route { epoch: self.epoch(), from: start.position, to: end.position, edges, cost }
    }
}

/// A way through the hierarchy: the ranks of its ends and its cost.
struct Way {
    from: u32,
    to: u32,
    cost: Cost,
}

/// The ends of a matrix: positions located, and the ranks between which the table is made.
struct Ends {
    starts: Vec<Option<Located>>,
    ends: Vec<Option<Located>>,
    source_ranks: Vec<u32>,
    target_ranks: Vec<u32>,
}

impl Ends {
    fn of(
        metric: &Metric,
        sources: &[RoadPosition],
        targets: &[RoadPosition],
    ) -> Result<Self, RouteError> {
        let network = &metric.network;
        let starts = located(sources, |p| metric.locate_start(p))?;
        let ends = located(targets, |p| metric.locate_end(p))?;
        let mut source_ranks: Vec<u32> =
            starts.iter().flatten().map(|start| network.rank(start.state)).collect();
        let mut target_ranks: Vec<u32> = ends
            .iter()
            .flatten()
            .flat_map(|end| network.states_of(end.position.edge))
            .map(|state| network.rank(state))
            .collect();
        for ranks in [&mut source_ranks, &mut target_ranks] {
            ranks.sort_unstable();
            ranks.dedup();
        }
        Ok(Self { starts, ends, source_ranks, target_ranks })
    }

    /// Completes every pair that is not forbidden: `entered` tells the cost from the tail of a
    /// source's edge to the tail of a target's, by index into the table.
    fn for_each_pair(
        &self,
        metric: &Metric,
        scratch: &mut Scratch,
        entered: impl Fn(usize) -> Cost,
        mut emit: impl FnMut(usize, usize, Cost),
    ) {
        let network = &metric.network;
        let columns: Vec<Vec<usize>> =
            self.ends.iter().map(|end| self.columns(network, end)).collect();
        let mut rounds: BTreeMap<u32, Cost> = BTreeMap::new();
        for (from, start) in self.starts.iter().enumerate() {
            let Some(start) = start else { continue };
            let row = find(&self.source_ranks, network.rank(start.state)) * self.target_ranks.len();
            for (to, end) in self.ends.iter().enumerate() {
                let Some(end) = end else { continue };
                if let Some(cost) = same_edge_ahead(start, end) {
                    emit(from, to, cost);
                    continue;
                }
                let cost = if start.state == end.state {
                    *rounds.entry(start.state).or_insert_with(|| {
                        metric.round(scratch, start.state).map_or(Cost::UNREACHABLE, |way| way.cost)
                    })
                } else {
                    let costs = columns[to].iter().map(|column| entered(row + column));
                    costs.min().unwrap_or(Cost::UNREACHABLE)
                };
                if cost.is_reachable() {
                    emit(from, to, cost.minus(start.part).plus(end.part));
                }
            }
        }
    }

    /// Columns of the table for the states in which a target's edge can be entered.
    fn columns(&self, network: &Network, end: &Option<Located>) -> Vec<usize> {
        let Some(end) = end else { return Vec::new() };
        let ranks = network.states_of(end.position.edge).map(|state| network.rank(state));
        ranks.map(|rank| find(&self.target_ranks, rank)).collect()
    }
}

fn find(ranks: &[u32], rank: u32) -> usize {
    ranks.binary_search(&rank).expect("the ranks of all ends are there")
}

/// Cost between two positions if the second lies ahead of the first on the same edge.
fn same_edge_ahead(start: &Located, end: &Located) -> Option<Cost> {
    (start.state == end.state && start.position.offset <= end.position.offset)
        .then(|| end.part.minus(start.part))
}

/// Locates each position; `None` for those that are forbidden, an error for those off the map.
fn located(
    positions: &[RoadPosition],
    locate: impl Fn(RoadPosition) -> Result<Located, RouteError>,
) -> Result<Vec<Option<Located>>, RouteError> {
    positions
        .iter()
        .map(|position| match locate(*position) {
            Ok(located) => Ok(Some(located)),
            Err(error @ RouteError::OutsideMap(_)) => Err(error),
            Err(_) => Ok(None),
        })
        .collect()
}
