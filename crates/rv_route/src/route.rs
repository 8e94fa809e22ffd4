//! Questions to a metric: routes, the nearest of many, what is within reach.

use rv_base::{EdgeId, Meters, RoadPosition, Seconds, WattHours};

use crate::cost::Cost;
use crate::dijkstra::{Dijkstra, Visit};
use crate::hierarchy::Hierarchy;
use crate::metric::{Located, Metric, RouteError, Weights};
use crate::query::TreeSearch;
use crate::weight::{Key, SearchKey};

/// Working memory of queries. Keep one for each thread and hand it to every query; a query's
/// answer does not depend on what was asked before.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    dijkstra: Dijkstra,
    pub(crate) whole: TreeSearch<Key>,
    pub(crate) times: TreeSearch<u32>,
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

    /// Share of the edge at a place of the route that is driven.
    pub(crate) fn share_of(&self, idx: usize, metric: &Metric) -> f64 {
        let length = metric.network.edges[self.edges[idx].edge.idx()].length;
        let from = if idx == 0 { self.from.offset } else { Meters::ZERO };
        let to = if idx + 1 == self.edges.len() { self.to.offset } else { length };
        ((to - from).0 / length.0).clamp(0.0, 1.0)
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
        let way = self
            .search(scratch, &start, &end)
            .ok_or(RouteError::Unroutable { from: from.edge, to: to.edge })?;
        Ok(self.route_along(scratch, &start, &end, &[way]))
    }

    /// Cost of the fastest way from one position to another, without the way itself.
    pub fn cost(
        &self,
        scratch: &mut Scratch,
        from: RoadPosition,
        to: RoadPosition,
    ) -> Result<Cost, RouteError> {
        let start = self.locate_start(from)?;
        let end = self.locate_end(to)?;
        if let Some(cost) = same_edge_ahead(&start, &end) {
            return Ok(cost);
        }
        let way = self
            .search(scratch, &start, &end)
            .ok_or(RouteError::Unroutable { from: from.edge, to: to.edge })?;
        Ok(way.cost.minus(start.part).plus(end.part))
    }

    /// The fastest ways between each position and the next, in order.
    pub fn route_via(
        &self,
        scratch: &mut Scratch,
        stops: &[RoadPosition],
    ) -> Result<Vec<Route>, RouteError> {
        stops.windows(2).map(|pair| self.route(scratch, pair[0], pair[1])).collect()
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
        let whole = self.edge_cost(edge);
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
            let cost = self.arc_cost(arc);
            let cost = if cost.is_reachable() { cost.minus(part) } else { cost };
            (network.arc_head[arc], cost)
        })
    }

    /// The best way from the tail of the start's edge, over its end, to entering the end's edge.
    pub(crate) fn search(
        &self,
        scratch: &mut Scratch,
        start: &Located,
        end: &Located,
    ) -> Option<Way> {
        if start.state == end.state {
            return self.round(scratch, start.state);
        }
        self.best_way(scratch, [(start.state, Cost::ZERO)], end.position.edge)
    }

    /// The best way from any of `starts` to entering an edge.
    pub(crate) fn best_way(
        &self,
        scratch: &mut Scratch,
        starts: impl IntoIterator<Item = (u32, Cost)>,
        edge: EdgeId,
    ) -> Option<Way> {
        let network = &self.network;
        let mut best: Option<Way> = None;
        for (from, cost) in starts {
            for to in network.states_of(edge) {
                let way = self.way(scratch, network.rank(from), network.rank(to));
                if let Some(best) = &mut best {
                    best.top = None;
                }
                let Some(way) = way else { continue };
                let cost = cost.plus(way.cost);
                if cost.is_reachable() && best.as_ref().is_none_or(|best| cost < best.cost) {
                    best = Some(Way { cost, ..way });
                }
            }
        }
        best
    }

    /// The best way from one rank to another.
    pub(crate) fn way(&self, scratch: &mut Scratch, from: u32, to: u32) -> Option<Way> {
        let cch = &self.network.cch;
        let (cost, top) = match &self.weights {
            Weights::Whole(h) => {
                let found = scratch.whole.run(cch, h.graph(), from, to);
                found.map(|(key, top)| (key.cost(), top))
            }
            Weights::Times(h) => {
                let found = scratch.times.run(cch, h.graph(), from, to);
                found.map(|(key, top)| (key.cost(), top))
            }
        }?;
        Some(Way { from, to, cost, top: Some(top) })
    }

    /// The best way round from a state back to its edge's tail, the edge itself first.
    pub(crate) fn round(&self, scratch: &mut Scratch, state: u32) -> Option<Way> {
        let network = &self.network;
        let starts = network.arcs(state).map(|arc| (network.arc_head[arc], self.arc_cost(arc)));
        self.best_way(scratch, starts, network.edge_of_state[state as usize])
    }

    /// The route over some ways, each from the end of the one before; the first begins at the
    /// start's state, or behind it where that is also the end's.
    pub(crate) fn route_along(
        &self,
        scratch: &mut Scratch,
        start: &Located,
        end: &Located,
        ways: &[Way],
    ) -> Route {
        let network = &*self.network;
        let cch = &network.cch;
        let mut edges = Vec::with_capacity(64);
        let mut at = Cost::ZERO;
        let mut here = start.position.edge;
        let mut part = start.part;
        let mut drive = |rank: u32, cost: Cost| {
            let left = self.edge_cost(here).minus(part);
            let (enter, leave) = (at.time(), at.plus(left).time());
            edges.push(RouteEdge { edge: here, enter, leave });
            at = at.plus(cost.minus(part));
            part = Cost::ZERO;
            here = network.edge_of_rank[rank as usize];
        };
        let mut state = start.state;
        if let Some(way) = ways.first()
            && start.state == end.state
        {
            // A way round begins behind the arc that leaves the start's own edge.
            let first = cch.state_of_rank[way.from as usize];
            drive(way.from, self.cost_between(state, first));
            state = first;
        }
        for way in ways.iter().filter(|way| way.from != way.to) {
            let top = way.top.or_else(|| self.way(scratch, way.from, way.to)?.top);
            let top = top.expect("the way was found before");
            match &self.weights {
                Weights::Whole(h) => {
                    scratch.whole.unpack(cch, &**h, top, |rank, is_out, arc| {
                        drive(rank, h.key(is_out, arc).cost());
                    });
                }
                Weights::Times(h) => {
                    scratch.times.unpack(cch, h, top, |rank, _, _| {
                        let next = cch.state_of_rank[rank as usize];
                        drive(rank, self.cost_between(state, next));
                        state = next;
                    });
                }
            }
        }
        let cost = at.plus(end.part);
        edges.push(RouteEdge { edge: here, enter: at.time(), leave: cost.time() });
        Route { epoch: self.epoch(), from: start.position, to: end.position, edges, cost }
    }

    /// Cost of the arc from one state to another.
    fn cost_between(&self, from: u32, to: u32) -> Cost {
        let network = &self.network;
        let arc = network.arcs(from).find(|arc| network.arc_head[*arc] == to);
        self.arc_cost(arc.expect("the search went along arcs"))
    }
}

/// A way through the hierarchy: the ranks of its ends and its cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) cost: Cost,
    /// Its most important node, if it was the last that was searched for, so that the working
    /// memory still knows it.
    pub(crate) top: Option<u32>,
}

/// Cost between two positions if the second lies ahead of the first on the same edge.
pub(crate) fn same_edge_ahead(start: &Located, end: &Located) -> Option<Cost> {
    (start.state == end.state && start.position.offset <= end.position.offset)
        .then(|| end.part.minus(start.part))
}
