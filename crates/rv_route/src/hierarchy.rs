//! The weights of a metric's hierarchy and what is asked of them.

use crate::cch::Cch;
use crate::customize::Customized;
use crate::network::Network;
use crate::partial;
use crate::perfect::{SearchGraph, SearchRows, SearchSide, shorten};
use crate::query::TreeSearch;
use crate::weight::{Key, SearchKey};

/// A customised hierarchy: its search graph, and what shortcuts stand for.
pub(crate) trait Hierarchy {
    /// What searches compare.
    type Key: SearchKey;
    /// One direction of the search graph.
    type Side: SearchRows;

    /// What searches run on.
    fn graph(&self) -> &SearchGraph<Self::Side>;

    /// The rank of the node that an arc passes over, or `None` for an arc of the network. The arc
    /// leads out of `rank` or into it, and is on a shortest path.
    fn via(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Option<u32>;

    /// The weight of such an arc.
    fn key(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Self::Key;

    /// The weight between two ranks, if there is a way.
    fn weight(
        &self,
        search: &mut TreeSearch<Self::Key>,
        cch: &Cch,
        from: u32,
        to: u32,
    ) -> Option<Self::Key> {
        search.run(cch, self.graph(), from, to).map(|(weight, _)| weight)
    }

    /// Calls `drive` for each arc of the network on the best way between two ranks, with the rank
    /// it leads to and its weight.
    fn unpack(
        &self,
        search: &mut TreeSearch<Self::Key>,
        cch: &Cch,
        from: u32,
        to: u32,
        drive: impl FnMut(u32, Self::Key),
    ) where
        Self: Sized,
    {
        if let Some((_, top)) = search.run(cch, self.graph(), from, to) {
            search.unpack(cch, self, top, drive);
        }
    }
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

    fn via(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Option<u32> {
        self.key(cch, is_out, arc, rank).via()
    }

    fn key(&self, _: &Cch, is_out: bool, arc: usize, _: u32) -> Key {
        if is_out { self.weights.out[arc] } else { self.weights.into[arc] }
    }
}
