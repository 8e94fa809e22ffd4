//! The weights of a metric's hierarchy and what is asked of them.

use crate::cch::Cch;
use crate::customize::Customized;
use crate::network::Network;
use crate::partial;
use crate::perfect::{SearchGraph, SearchRows, SearchSide, shorten};
use crate::weight::{Key, SearchKey};

/// A customised hierarchy: its search graph, and what shortcuts stand for.
pub(crate) trait Hierarchy {
    /// What searches compare.
    type Key: SearchKey;
    /// One direction of the search graph.
    type Side: SearchRows;

    /// What searches run on.
    fn graph(&self) -> &SearchGraph<Self::Side>;

    /// The arc at a place in a row of the search graph: out of `rank` or into it.
    fn arc_at(&self, is_out: bool, rank: u32, at: u32) -> <Self::Key as SearchKey>::Arc;

    /// The arc between `rank` and a more important node; it is on a shortest path.
    fn arc_between(
        &self,
        cch: &Cch,
        is_out: bool,
        rank: u32,
        upper: u32,
    ) -> <Self::Key as SearchKey>::Arc;

    /// The rank of the node that an arc passes over, or `None` for an arc of the network. The arc
    /// leads out of `rank` or into it, and is on a shortest path.
    fn via(
        &self,
        cch: &Cch,
        is_out: bool,
        rank: u32,
        arc: <Self::Key as SearchKey>::Arc,
    ) -> Option<u32>;
}

/// Customised whole costs, with the shortest times between the ends of all arcs, from which a
/// small change goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    pub(crate) weights: Customized<Key>,
    pub(crate) shortest: Customized<u32>,
    pub(crate) graph: SearchGraph<SearchSide>,
}

impl Whole {
    /// Customises for the weights of the network's arcs, in the memory of others.
    pub(crate) fn build(cch: &Cch, spare: Self, arc_weight: impl Fn(usize) -> Key + Sync) -> Self {
        let Self { mut weights, mut shortest, .. } = spare;
        weights.renew(cch, arc_weight);
        shorten(cch, &weights, &mut shortest);
        let graph = SearchGraph::whole(cch, &weights, &shortest);
        Self { weights, shortest, graph }
    }

    /// The same as [`Self::build`] for weights that differ from these in `changed` arcs only.
    pub(crate) fn changed(
        &self,
        network: &Network,
        spare: Self,
        changed: &[usize],
        arc_weight: impl Fn(usize) -> Key,
    ) -> Self {
        let cch = &network.cch;
        let Self { mut weights, mut shortest, .. } = spare;
        weights.clone_from(&self.weights);
        shortest.clone_from(&self.shortest);
        let rows = partial::recustomize(network, &mut weights, changed, arc_weight);
        let rows = partial::reshorten(cch, &weights, &mut shortest, &rows);
        let graph = self.graph.with_rows(cch, &weights, &shortest, &rows);
        Self { weights, shortest, graph }
    }
}

impl Hierarchy for Whole {
    type Key = Key;
    type Side = SearchSide;

    fn graph(&self) -> &SearchGraph<SearchSide> {
        &self.graph
    }

    fn arc_at(&self, is_out: bool, rank: u32, at: u32) -> u32 {
        let side = if is_out { &self.graph.out } else { &self.graph.into };
        side.original(rank, at)
    }

    fn arc_between(&self, cch: &Cch, is_out: bool, rank: u32, upper: u32) -> u32 {
        let arcs = if is_out { &cch.out } else { &cch.into };
        arcs.find(rank, upper).expect("a triangle has its arcs") as u32
    }

    fn via(&self, _: &Cch, is_out: bool, _: u32, arc: u32) -> Option<u32> {
        self.key(is_out, arc).via()
    }
}

impl Whole {
    /// The weight of an arc.
    pub(crate) fn key(&self, is_out: bool, arc: u32) -> Key {
        let weights = if is_out { &self.weights.out } else { &self.weights.into };
        weights[arc as usize]
    }
}
