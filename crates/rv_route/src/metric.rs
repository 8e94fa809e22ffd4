//! A metric: what every edge and turn of a network costs one class of vehicle, under one permit,
//! closures and traffic.

use std::sync::Arc;

use rayon::prelude::*;
use rv_base::{EdgeId, RoadPosition, Seconds};
use thiserror::Error;

use crate::blocks::{BlockSide, Shared};
use crate::class::VehicleClass;
use crate::cost::{Cost, edge_cost, turn_cost};
use crate::customize::Customized;
use crate::edge_set::EdgeSet;
use crate::hierarchy::{Hierarchy, Whole};
use crate::network::{NO_STATE, Network};
use crate::perfect::{SearchGraph, SearchRows};
use crate::weight::{Key, Lanes, N_LANES, Weight};

/// What holds at the moment besides the road map; the default is a free and open city.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions<'a> {
    /// Edges that the permit in force does not cover: nobody may start, drive or end there.
    pub forbidden: Option<&'a EdgeSet>,
    /// Edges closed for now: nobody may enter, who stands there may leave.
    pub closed: Option<&'a EdgeSet>,
    /// How many times as long each edge takes as when it is free, by edge; entries that are
    /// missing, not finite or not above zero count as 1.
    pub time_factors: Option<&'a [f32]>,
}

/// What edges and turns cost a class of vehicle in the present traffic, before any permit or
/// closure: shared by all metrics of the class.
#[derive(Clone, Debug)]
pub struct ClassCosts {
    network: Arc<Network>,
    class: VehicleClass,
    /// Edges that the class may use at all.
    is_allowed: Vec<bool>,
    edge_cost: Vec<Cost>,
    /// The whole of the edge it leaves and the turn at its end, as if every end were dead.
    arc_cost: Vec<Cost>,
}

/// Weights of a whole network. Immutable: new traffic makes a new metric, with a new epoch, and
/// whoever holds the old one goes on with answers that agree among themselves.
#[derive(Clone, Debug)]
pub struct Metric {
    pub(crate) network: Arc<Network>,
    epoch: u64,
    costs: Arc<ClassCosts>,
    open: Open,
    pub(crate) weights: Weights,
}

/// What may be driven.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    forbidden: EdgeSet,
    /// Closed edges that would be open else.
    closed: EdgeSet,
    /// One bit an arc of the network: whether it may be driven.
    is_arc_open: Vec<u64>,
}

/// Which end of a way a search climbs from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climb {
    /// The start, over shortcuts out of nodes.
    FromStart,
    /// The end, over shortcuts into nodes.
    FromEnd,
}

/// A metric's hierarchy: with whole costs, or with times alone.
#[derive(Clone, Debug)]
pub(crate) enum Weights {
    Whole(Box<Whole>),
    Times(Shared),
}

/// Whether the vehicle may be on an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    Closed,
    NotPermitted,
    NotAllowed,
}

/// Why there is no route.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum RouteError {
    /// The position names no place on the road graph.
    #[error("position on edge {edge} at {offset:.1} lies outside the map", edge = .0.edge, offset = .0.offset)]
    OutsideMap(RoadPosition),
    /// The road is not open to this class of vehicle (mode, kind, width, height or mass).
    #[error("edge {0} is not open to this class of vehicle")]
    NotAllowed(EdgeId),
    /// The permit in force does not cover the road.
    #[error("edge {0} is not covered by the permit in force")]
    NotPermitted(EdgeId),
    /// The road is closed for now.
    #[error("edge {0} is closed")]
    Closed(EdgeId),
    /// Both ends are allowed, but no allowed way connects them.
    #[error("no way leads from edge {from} to edge {to} for this class, permit and closures")]
    Unroutable {
        /// Edge of the start.
        from: EdgeId,
        /// Edge of the end.
        to: EdgeId,
    },
}

/// A position that a metric accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    pub(crate) position: RoadPosition,
    /// The state of its edge when nothing is known of what was driven before.
    pub(crate) state: u32,
    /// Cost from the edge's tail to the position.
    pub(crate) part: Cost,
}

impl ClassCosts {
    /// Weighs a network for a class; for `time_factors` see [`Conditions`].
    pub fn build(
        network: Arc<Network>,
        class: &VehicleClass,
        time_factors: Option<&[f32]>,
    ) -> Self {
        let fits: Vec<bool> = network.roads.iter().map(|road| class.fits(road)).collect();
        let is_allowed = (0..network.n_edges())
            .map(|idx| {
                let facts = &network.edges[idx];
                network.state_of_edge[idx] != NO_STATE
                    && facts.modes.contains(class.mode)
                    && fits[facts.road as usize]
            })
            .collect();
        let edge_cost: Vec<Cost> = (0..network.n_edges())
            .map(|idx| {
                let factor = time_factors.and_then(|f| f.get(idx)).copied();
                let factor = factor.filter(|f| f.is_finite() && *f > 0.0).unwrap_or(1.0);
                let facts = &network.edges[idx];
                let road = &network.roads[facts.road as usize];
                edge_cost(class, road, facts.length, facts.rise, factor)
            })
            .collect();
        let mut arc_cost = Vec::with_capacity(network.n_arcs());
        for state in 0..network.n_states() as u32 {
            let edge = edge_cost[network.edge_of_state[state as usize].idx()];
            for arc in network.arcs(state) {
                arc_cost.push(edge.plus(turn_cost(class, network.arc_turn[arc])));
            }
        }
        Self { network, class: class.clone(), is_allowed, edge_cost, arc_cost }
    }

    /// The network that it weighs.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    fn access(&self, edge: EdgeId, forbidden: &EdgeSet, closed: &EdgeSet) -> Option<Access> {
        Some(if !*self.is_allowed.get(edge.idx())? {
            Access::NotAllowed
        } else if forbidden.contains(edge) {
            Access::NotPermitted
        } else if closed.contains(edge) {
            Access::Closed
        } else {
            Access::Open
        })
    }

    /// Which arcs may be driven, one bit each. A vehicle turns round only where it cannot go on.
    fn open_arcs(&self, access: &[Access]) -> Vec<u64> {
        let network = &self.network;
        let mut is_arc_open = vec![0; network.n_arcs().div_ceil(64)];
        for state in 0..network.n_states() as u32 {
            let from = network.edge_of_state[state as usize];
            if !matches!(access[from.idx()], Access::Open | Access::Closed) {
                continue;
            }
            let is_open = |arc: usize| {
                let to = network.edge_of_state[network.arc_head[arc] as usize];
                access[to.idx()] == Access::Open
                    && !network.arc_forbidden[arc].contains(self.class.mode)
            };
            let is_dead_end =
                !network.arcs(state).any(|arc| is_open(arc) && !network.arc_turn[arc].is_around);
            for arc in network.arcs(state) {
                if is_open(arc) && (is_dead_end || !network.arc_turn[arc].is_around) {
                    is_arc_open[arc / 64] |= 1 << (arc % 64);
                }
            }
        }
        is_arc_open
    }
}

impl ClassCosts {
    /// The weight of each arc under some access.
    fn keys<'a>(&'a self, is_arc_open: &'a [u64]) -> impl Fn(usize) -> Key + Sync + 'a {
        move |arc| {
            if is_set(is_arc_open, arc) { Key::of(self.arc_cost[arc]) } else { Key::NONE }
        }
    }

    fn whole(&self, is_arc_open: &[u64]) -> Whole {
        Whole::build(&self.network.cch, Whole::default(), self.keys(is_arc_open))
    }
}

/// One metric of many: its class, permit and closures; the traffic is already in the costs.
#[derive(Clone, Debug)]
pub struct MetricSpec<'a> {
    /// Costs of its class.
    pub costs: Arc<ClassCosts>,
    /// Edges that its permit does not cover, as in [`Conditions`].
    pub forbidden: Option<&'a EdgeSet>,
    /// Edges closed for now, as in [`Conditions`].
    pub closed: Option<&'a EdgeSet>,
}

impl Metric {
    /// Weighs a network. `epoch` is the caller's number for these weights; every answer names it.
    pub fn build(
        network: Arc<Network>,
        class: &VehicleClass,
        conditions: Conditions<'_>,
        epoch: u64,
    ) -> Self {
        let costs = Arc::new(ClassCosts::build(network, class, conditions.time_factors));
        let (forbidden, closed) = (conditions.forbidden, conditions.closed);
        Self::of_costs(&MetricSpec { costs, forbidden, closed }, epoch)
    }

    /// A metric from the costs of its class.
    pub fn of_costs(spec: &MetricSpec<'_>, epoch: u64) -> Self {
        let open = spec.open();
        let network = spec.costs.network.clone();
        let weights = Weights::Whole(Box::new(spec.costs.whole(&open.is_arc_open)));
        Self { network, epoch, costs: spec.costs.clone(), open, weights }
    }

    /// The metric of other permits, closures or traffic of the same class, from this one: what no
    /// change touches is taken over. Gives the very metric that [`Self::of_costs`] gives, and is
    /// several times as fast where few arcs change, as when a road is closed; where many do, all
    /// is customised anew.
    pub fn changed(&self, spec: &MetricSpec<'_>, epoch: u64) -> Self {
        self.changed_in(None, spec, epoch)
    }

    /// [`Self::changed`] in the memory of a metric that is needed no more.
    pub(crate) fn changed_in(
        &self,
        spare: Option<Self>,
        spec: &MetricSpec<'_>,
        epoch: u64,
    ) -> Self {
        self.changed_up_to(self.network.n_arcs() / PARTIAL_SHARE, spare, spec, epoch)
    }

    /// [`Self::changed_in`], customising in part where no more than `limit` arcs change.
    pub(crate) fn changed_up_to(
        &self,
        limit: usize,
        spare: Option<Self>,
        spec: &MetricSpec<'_>,
        epoch: u64,
    ) -> Self {
        let Weights::Whole(before) = &self.weights else { return Self::of_costs(spec, epoch) };
        let spare = spare.and_then(|metric| match metric.weights {
            Weights::Whole(weights) => Some(*weights),
            Weights::Times(_) => None,
        });
        let open = spec.open();
        let (network, costs) = (&self.network, &spec.costs);
        assert!(Arc::ptr_eq(network, &costs.network), "a metric keeps its network");
        let key = costs.keys(&open.is_arc_open);
        let key_before = self.costs.keys(&self.open.is_arc_open);
        let differs = |arc: &usize| key(*arc) != key_before(*arc);
        let changed: Vec<usize> = (0..network.n_arcs()).filter(differs).take(limit + 1).collect();
        let weights = if changed.len() > limit {
            Whole::build(&network.cch, spare.unwrap_or_default(), &key)
        } else {
            before.changed(network, spare.unwrap_or_default(), &changed, &key)
        };
        drop((key, key_before));
        let (network, costs) = (network.clone(), costs.clone());
        Self { network, epoch, costs, open, weights: Weights::Whole(Box::new(weights)) }
    }

    /// Metrics for many permits at once, in driving times alone; see [`MetricBatch`]. All specs
    /// must be of one network.
    pub fn build_many(specs: &[MetricSpec<'_>], epoch: u64) -> Vec<Self> {
        let batches: Vec<&[MetricSpec<'_>]> = specs.chunks(MetricBatch::LANES).collect();
        let built =
            batches.par_iter().map(|specs| MetricBatch::customize(specs, epoch).into_metrics());
        built.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// The number that its builder gave these weights.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The class of vehicle it is for.
    pub fn class(&self) -> &VehicleClass {
        &self.costs.class
    }

    /// The network it weighs.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Whether a vehicle may enter `edge`: open to its class, covered by its permit, not closed.
    pub fn check_edge(&self, edge: EdgeId) -> Result<(), RouteError> {
        let Open { forbidden, closed, .. } = &self.open;
        match self.costs.access(edge, forbidden, closed) {
            Some(Access::Open) => Ok(()),
            Some(Access::Closed) => Err(RouteError::Closed(edge)),
            Some(Access::NotPermitted) => Err(RouteError::NotPermitted(edge)),
            Some(Access::NotAllowed) => Err(RouteError::NotAllowed(edge)),
            None => {
                Err(RouteError::OutsideMap(RoadPosition { edge, offset: rv_base::Meters::ZERO }))
            }
        }
    }

    /// Time to drive the whole of an edge; `None` if the graph has no such edge.
    pub fn edge_time(&self, edge: EdgeId) -> Option<Seconds> {
        self.costs.edge_cost.get(edge.idx()).map(|cost| cost.time())
    }

    /// The arcs of the turn-expanded network that may be driven: from one state to another, and
    /// what the whole edge of the first and the turn cost.
    pub fn open_arcs(&self) -> impl Iterator<Item = (u32, u32, Cost)> + '_ {
        let network = &self.network;
        (0..network.n_states() as u32).flat_map(move |state| {
            let arcs = network.arcs(state).map(|arc| (arc, self.arc_cost(arc)));
            let open = arcs.filter(|(_, cost)| cost.is_reachable());
            open.map(move |(arc, cost)| (state, network.arc_head[arc], cost))
        })
    }

    /// The shortcuts between a state and those above it that fastest ways use: the other state and
    /// the time between, ms.
    pub fn shortcuts(&self, state: u32, climb: Climb) -> Vec<(u32, u32)> {
        let ancestors: Vec<u32> = self.network.ancestors(state).into_iter().rev().collect();
        let rank = self.network.rank(state);
        let row = match (&self.weights, climb) {
            (Weights::Whole(h), Climb::FromStart) => h.graph.out.row(rank),
            (Weights::Whole(h), Climb::FromEnd) => h.graph.into.row(rank),
            (Weights::Times(h), Climb::FromStart) => h.graph().out.row(rank),
            (Weights::Times(h), Climb::FromEnd) => h.graph().into.row(rank),
        };
        row.depth.iter().zip(row.times).map(|(d, ms)| (ancestors[*d as usize], *ms)).collect()
    }

    /// The same metric with whole costs.
    pub fn to_whole(&self) -> Self {
        Self {
            network: self.network.clone(),
            epoch: self.epoch,
            costs: self.costs.clone(),
            open: self.open.clone(),
            weights: Weights::Whole(Box::new(self.costs.whole(&self.open.is_arc_open))),
        }
    }

    /// True if a metric of this spec would let vehicles drive the very same.
    pub(crate) fn allows_the_same(&self, spec: &MetricSpec<'_>) -> bool {
        self.open == spec.open()
    }

    /// Bytes of what it shares with no other metric.
    pub(crate) fn own_bytes(&self) -> usize {
        let Open { forbidden, closed, is_arc_open } = &self.open;
        let open = forbidden.bytes() + closed.bytes() + size_of_val(&is_arc_open[..]);
        let Weights::Times(shared) = &self.weights else { return open };
        size_of::<Self>() + open + shared.own_bytes()
    }

    /// Cost of the whole of an edge.
    pub(crate) fn edge_cost(&self, edge: EdgeId) -> Cost {
        self.costs.edge_cost[edge.idx()]
    }

    /// Cost of the whole of the edge that an arc leaves and of its turn.
    pub(crate) fn arc_cost(&self, arc: usize) -> Cost {
        if is_set(&self.open.is_arc_open, arc) {
            self.costs.arc_cost[arc]
        } else {
            Cost::UNREACHABLE
        }
    }

    /// Checks where a route starts: standing on a closed road is no obstacle to leaving it.
    pub(crate) fn locate_start(&self, position: RoadPosition) -> Result<Located, RouteError> {
        let located = self.locate(position)?;
        match self.check_edge(position.edge) {
            Err(RouteError::Closed(_)) | Ok(()) => Ok(located),
            Err(error) => Err(error),
        }
    }

    /// Checks where a route ends.
    pub(crate) fn locate_end(&self, position: RoadPosition) -> Result<Located, RouteError> {
        let located = self.locate(position)?;
        self.check_edge(position.edge)?;
        Ok(located)
    }

    fn locate(&self, position: RoadPosition) -> Result<Located, RouteError> {
        let RoadPosition { edge, offset } = position;
        let facts = self.network.edges.get(edge.idx()).ok_or(RouteError::OutsideMap(position))?;
        // A millimetre over the end is rounding by whoever computed the offset.
        if !(offset.0 >= -1e-3 && offset.0 <= facts.length.0 + 1e-3) {
            return Err(RouteError::OutsideMap(position));
        }
        let state = self.network.state_of_edge[edge.idx()];
        if state == NO_STATE {
            return Err(RouteError::NotAllowed(edge));
        }
        let part = self.edge_cost(edge).share(offset, facts.length);
        Ok(Located { position, state, part })
    }
}

/// Up to eight metrics of one network, customised side by side in driving times alone.
///
/// They take a quarter of the memory and time of whole metrics. Routes and times are as exact; of
/// several routes that take the same time it may be another one.
#[derive(Clone, Debug)]
pub struct MetricBatch {
    epoch: u64,
    metrics: Vec<OpenMetric>,
    times: Customized<Lanes>,
}

/// What one metric of a batch allows.
#[derive(Clone, Debug)]
struct OpenMetric {
    costs: Arc<ClassCosts>,
    open: Open,
}

/// Where more than one in so many arcs change, customising all is faster.
const PARTIAL_SHARE: usize = 500;

impl MetricBatch {
    /// Most metrics that a batch holds.
    pub const LANES: usize = N_LANES;

    /// Customises up to [`Self::LANES`] metrics.
    pub fn customize(specs: &[MetricSpec<'_>], epoch: u64) -> Self {
        let metrics = open_metrics(specs);
        let times = Customized::build(&specs[0].costs.network.cch, arc_times(&metrics));
        Self { epoch, metrics, times }
    }

    /// Customises other metrics of the same network in its memory.
    pub fn recustomize(&mut self, specs: &[MetricSpec<'_>], epoch: u64) {
        let network = &specs[0].costs.network;
        assert!(Arc::ptr_eq(network, &self.metrics[0].costs.network), "a batch keeps its network");
        self.metrics = open_metrics(specs);
        self.epoch = epoch;
        self.times.renew(&network.cch, arc_times(&self.metrics));
    }

    /// Its metrics, ready for questions, in the order of their specs.
    pub fn into_metrics(self) -> Vec<Metric> {
        self.sharing(None)
    }

    /// Its metrics, which share with `base` what they have in common.
    pub(crate) fn sharing(self, base: Option<&Arc<Shared>>) -> Vec<Metric> {
        let Self { epoch, metrics, times } = self;
        let network = metrics[0].costs.network.clone();
        let of_base = base.map(|base| base.graph());
        let arc_times = arc_times(&metrics);
        let graphs = SearchGraph::of_lanes(&network.cch, &times, metrics.len(), of_base, arc_times);
        let metric = |(open, graph): (OpenMetric, SearchGraph<BlockSide>)| {
            let OpenMetric { costs, open } = open;
            let weights = Weights::Times(Shared::new(graph, base.cloned()));
            Metric { network: network.clone(), epoch, costs, open, weights }
        };
        metrics.into_iter().zip(graphs).map(metric).collect()
    }
}

fn open_metrics(specs: &[MetricSpec<'_>]) -> Vec<OpenMetric> {
    assert!((1..=N_LANES).contains(&specs.len()), "a batch has one to eight metrics");
    let open = |spec: &MetricSpec<'_>| OpenMetric { costs: spec.costs.clone(), open: spec.open() };
    specs.par_iter().map(open).collect()
}

/// The times of each arc in some metrics.
fn arc_times(metrics: &[OpenMetric]) -> impl Fn(usize) -> Lanes + Sync {
    |arc| {
        std::array::from_fn(|lane| match metrics.get(lane) {
            Some(metric) if is_set(&metric.open.is_arc_open, arc) => {
                metric.costs.arc_cost[arc].time_ms.min(u32::NONE)
            }
            _ => u32::NONE,
        })
    }
}

impl MetricSpec<'_> {
    fn open(&self) -> Open {
        let forbidden = self.forbidden.cloned().unwrap_or_default();
        let closed = self.closed.cloned().unwrap_or_default();
        let edges = (0..self.costs.is_allowed.len()).map(EdgeId::from_idx);
        let access: Vec<Access> =
            edges.filter_map(|edge| self.costs.access(edge, &forbidden, &closed)).collect();
        let is_arc_open = self.costs.open_arcs(&access);
        // A closure on a road that is shut anyway is none.
        let is_closed = |edge: &EdgeId| access.get(edge.idx()) == Some(&Access::Closed);
        let closed = closed.iter().filter(is_closed).collect();
        Open { forbidden, closed, is_arc_open }
    }
}

fn is_set(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}
