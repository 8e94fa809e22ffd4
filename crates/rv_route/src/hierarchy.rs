//! The weights of a metric's hierarchy and what is asked of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::cch::Cch;
use crate::customize::Customized;
use crate::perfect::SearchGraph;
use crate::query::TreeSearch;
use crate::weight::{Key, Lanes, SearchKey};

/// A customised hierarchy and its search graph.
#[derive(Clone, Debug)]
pub(crate) struct Hierarchy<S> {
    pub(crate) shortcuts: S,
    pub(crate) graph: SearchGraph,
}

/// Customised weights that say what a shortcut stands for.
pub(crate) trait Shortcuts {
    /// What searches compare.
    type Key: SearchKey;

    /// The rank of the node that an arc passes over, or `None` for an arc of the network. The arc
    /// leads out of `rank` or into it.
    fn via(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Option<u32>;

    /// The weight of an arc.
    fn key(&self, is_out: bool, arc: usize) -> Self::Key;
}

impl Shortcuts for Customized<Key> {
    type Key = Key;

    fn via(&self, _: &Cch, is_out: bool, arc: usize, _: u32) -> Option<u32> {
        self.key(is_out, arc).via()
    }

    fn key(&self, is_out: bool, arc: usize) -> Key {
        if is_out { self.out[arc] } else { self.into[arc] }
    }
}

/// One of several metrics that were customised side by side.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    lanes: Arc<Customized<Lanes>>,
    lane: usize,
    /// What `via` has found, arcs out first: rank + 2, or 1 for none; 0 is not yet looked for.
    /// Whoever looks finds the same, so it does not matter who writes first. Made when first needed:
    /// most of very many metrics are never asked for a way.
    found: Arc<OnceLock<Vec<AtomicU32>>>,
}

impl Lane {
    /// One of the metrics.
    pub(crate) fn of(lanes: Arc<Customized<Lanes>>, lane: usize) -> Self {
        Self { lanes, lane, found: Arc::default() }
    }

    /// Looks for the triangle that makes an arc's time.
    fn search_via(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Option<u32> {
        let sum = self.key(is_out, arc);
        let (arcs, below) =
            if is_out { (&cch.out, &cch.below_out) } else { (&cch.into, &cch.below_into) };
        let depth = arcs.depth[arc];
        // The most important node of a way is likely to be just below the arc's own ends.
        below.of(rank).iter().rev().find_map(|entry| {
            let rest = sum.checked_sub(self.key(!is_out, entry.arc as usize))?;
            let first = entry.first as usize;
            let at = arcs.depth[first..entry.end as usize].binary_search(&depth).ok()?;
            (self.key(is_out, first + at) == rest).then_some(entry.rank)
        })
    }
}

impl Shortcuts for Lane {
    type Key = u32;

    /// These weights do not say what they pass over: it is looked for once an arc.
    fn via(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Option<u32> {
        let n_arcs = self.lanes.out.len() + self.lanes.into.len();
        let found = self.found.get_or_init(|| (0..n_arcs).map(|_| AtomicU32::new(0)).collect());
        let found = &found[if is_out { arc } else { self.lanes.out.len() + arc }];
        match found.load(Ordering::Relaxed) {
            0 => {
                let via = self.search_via(cch, is_out, arc, rank);
                found.store(via.map_or(1, |rank| rank + 2), Ordering::Relaxed);
                via
            }
            known => known.checked_sub(2),
        }
    }

    fn key(&self, is_out: bool, arc: usize) -> u32 {
        let lanes = if is_out { &self.lanes.out } else { &self.lanes.into };
        lanes[arc][self.lane]
    }
}

impl<S: Shortcuts> Hierarchy<S> {
    /// The weight between two ranks, if there is a way.
    pub(crate) fn weight(
        &self,
        search: &mut TreeSearch<S::Key>,
        cch: &Cch,
        from: u32,
        to: u32,
    ) -> Option<S::Key> {
        search.run(cch, &self.graph, from, to).map(|(weight, _)| weight)
    }

    /// Calls `drive` for each arc of the network on the best way between two ranks, with the rank
    /// it leads to and its weight. The way must have been asked for last of this search.
    pub(crate) fn unpack(
        &self,
        search: &mut TreeSearch<S::Key>,
        cch: &Cch,
        from: u32,
        to: u32,
        drive: impl FnMut(u32, S::Key),
    ) {
        if let Some((_, top)) = search.run(cch, &self.graph, from, to) {
            search.unpack(cch, &self.shortcuts, &self.graph, top, drive);
        }
    }
}
