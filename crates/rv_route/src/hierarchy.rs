//! The weights of a metric's hierarchy and what is asked of them.

use crate::cch::Cch;
use crate::customize::{Customize, Customized};
use crate::perfect::SearchGraph;
use crate::query::TreeSearch;
use crate::simd::wide;
use crate::weight::ShortcutWeight;

/// A customised hierarchy and its search graph.
#[derive(Clone, Debug)]
pub(crate) struct Hierarchy<K> {
    pub(crate) weights: Customized<K>,
    pub(crate) graph: SearchGraph<K>,
}

impl<K: ShortcutWeight> Hierarchy<K> {
    /// Customises for the weights of the network's arcs, in their order.
    pub(crate) fn build(cch: &Cch, arc_weights: impl Iterator<Item = K>) -> Self {
        Self::of(cch, wide(Customize { cch, arc_weights }))
    }

    pub(crate) fn of(cch: &Cch, weights: Customized<K>) -> Self {
        let graph = SearchGraph::build(cch, &weights);
        Self { weights, graph }
    }

    /// The weight between two ranks, if there is a way.
    pub(crate) fn weight(
        &self,
        search: &mut TreeSearch<K>,
        cch: &Cch,
        from: u32,
        to: u32,
    ) -> Option<K> {
        search.run(cch, &self.graph, from, to).map(|(weight, _)| weight)
    }

    /// The states on the best way between two ranks, both included; empty if there is none.
    pub(crate) fn states(
        &self,
        search: &mut TreeSearch<K>,
        cch: &Cch,
        from: u32,
        to: u32,
    ) -> Vec<u32> {
        let Some((_, top)) = search.run(cch, &self.graph, from, to) else { return Vec::new() };
        let mut path = vec![from];
        search.unpack(cch, &self.weights, &self.graph, top, &mut path);
        for rank in &mut path {
            *rank = cch.state_of_rank[*rank as usize];
        }
        path
    }
}
