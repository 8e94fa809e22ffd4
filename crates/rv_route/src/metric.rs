//! A metric: what every edge and turn of a network costs one class of vehicle, under one permit,
//! closures and traffic.

use std::sync::Arc;

use rv_base::{EdgeId, RoadPosition, Seconds};
use thiserror::Error;

use crate::class::VehicleClass;
use crate::cost::{Cost, edge_cost, turn_cost};
use crate::customize::Customized;
use crate::edge_set::EdgeSet;
use crate::network::{NO_STATE, Network};
use crate::perfect::SearchGraph;
use crate::weight::{Key, Weight};

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

/// Weights of a whole network. Immutable: new traffic makes a new metric, with a new epoch, and
/// whoever holds the old one goes on with answers that agree among themselves.
#[derive(Clone, Debug)]
pub struct Metric {
    pub(crate) network: Arc<Network>,
    epoch: u64,
    class: VehicleClass,
    pub(crate) access: Vec<Access>,
    pub(crate) edge_cost: Vec<Cost>,
    /// The whole of the edge it leaves and the turn at its end.
    pub(crate) arc_cost: Vec<Cost>,
    /// Weights of the hierarchy.
    pub(crate) keys: Customized<Key>,
    /// Those of its arcs that shortest paths use.
    pub(crate) graph: SearchGraph,
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

impl Metric {
    /// Weighs a network. `epoch` is the caller's number for these weights; every answer names it.
    pub fn build(
        network: Arc<Network>,
        class: &VehicleClass,
        conditions: Conditions<'_>,
        epoch: u64,
    ) -> Self {
        let access = access(&network, class, conditions);
        let edge_cost = (0..network.n_edges())
            .map(|idx| {
                let factor = conditions.time_factors.and_then(|f| f.get(idx)).copied();
                let factor = factor.filter(|f| f.is_finite() && *f > 0.0).unwrap_or(1.0);
                let facts = &network.edges[idx];
                edge_cost(class, &network.roads[facts.road as usize], facts.length, factor)
            })
            .collect::<Vec<_>>();
        let arc_cost = arc_costs(&network, class, &access, &edge_cost);
        let keys = Customized::build(&network.cch, arc_cost.iter().map(|cost| Key::of(*cost)));
        let graph = SearchGraph::build(&network.cch, &keys);
        Self { network, epoch, class: class.clone(), access, edge_cost, arc_cost, keys, graph }
    }

    /// The number that its builder gave these weights.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The class of vehicle it is for.
    pub fn class(&self) -> &VehicleClass {
        &self.class
    }

    /// The network it weighs.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Whether a vehicle may enter `edge`: open to its class, covered by its permit, not closed.
    pub fn check_edge(&self, edge: EdgeId) -> Result<(), RouteError> {
        match self.access.get(edge.idx()) {
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
        self.edge_cost.get(edge.idx()).map(|cost| cost.time())
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
        let part = self.edge_cost[edge.idx()].share(offset, facts.length);
        Ok(Located { position, state, part })
    }
}

fn access(network: &Network, class: &VehicleClass, conditions: Conditions<'_>) -> Vec<Access> {
    let fits: Vec<bool> = network.roads.iter().map(|road| class.fits(road)).collect();
    let has = |set: Option<&EdgeSet>, edge| set.is_some_and(|set| set.contains(edge));
    (0..network.n_edges())
        .map(|idx| {
            let (facts, edge) = (&network.edges[idx], EdgeId::from_idx(idx));
            let is_in_network = network.state_of_edge[idx] != NO_STATE;
            if !is_in_network || !facts.modes.contains(class.mode) || !fits[facts.road as usize] {
                Access::NotAllowed
            } else if has(conditions.forbidden, edge) {
                Access::NotPermitted
            } else if has(conditions.closed, edge) {
                Access::Closed
            } else {
                Access::Open
            }
        })
        .collect()
}

fn arc_costs(
    network: &Network,
    class: &VehicleClass,
    access: &[Access],
    edge_cost: &[Cost],
) -> Vec<Cost> {
    let mut costs = Vec::with_capacity(network.n_arcs());
    for state in 0..network.n_states() as u32 {
        let from = network.edge_of_state[state as usize];
        let can_leave = matches!(access[from.idx()], Access::Open | Access::Closed);
        let is_open = |arc: usize| {
            let to = network.edge_of_state[network.arc_head[arc] as usize];
            can_leave
                && access[to.idx()] == Access::Open
                && !network.arc_forbidden[arc].contains(class.mode)
        };
        let is_dead_end =
            !network.arcs(state).any(|arc| is_open(arc) && !network.arc_turn[arc].is_around);
        for arc in network.arcs(state) {
            let turn = is_open(arc)
                .then(|| turn_cost(class, network.arc_turn[arc], is_dead_end))
                .flatten();
            costs.push(turn.map_or(Cost::UNREACHABLE, |turn| edge_cost[from.idx()].plus(turn)));
        }
    }
    costs
}
