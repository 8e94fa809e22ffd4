//! Search graphs in blocks that metrics share where they are alike.
//!
//! A permit closes the roads of a zone; in most of the hierarchy nothing changes thereby. The search
//! graph of such a metric is cut into blocks of consecutive ranks, and a block that is word for word
//! the same as that of the class without any permit is held once for all. What a shortcut stands for
//! is not kept for each metric: its two arcs are part of the search graph themselves, since every
//! part of a shortest path is one, so it is found there when a way asks for it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::cch::{Cch, UpArcs};
use crate::cost::UNREACHABLE_MS;
use crate::customize::Customized;
use crate::hierarchy::Hierarchy;
use crate::perfect::{Row, SearchGraph, SearchRows, shortest_of_lanes};
use crate::weight::Lanes;

/// Ranks of a block.
const RANKS: usize = 64;

/// One direction of a search graph.
#[derive(Clone, Debug)]
pub(crate) struct BlockSide {
    blocks: Vec<Arc<Block>>,
}

/// The arcs of some consecutive ranks.
#[derive(Debug)]
struct Block {
    /// Where each rank's arcs begin among those of the block, and the end of the last; then the
    /// depths of all arcs, then their times.
    words: Box<[u32]>,
    /// What each arc passes over, as far as it is known: rank + 2, 1 for an arc of the network, 0
    /// for not yet looked for. Made when first needed.
    via: OnceLock<Box<[AtomicU32]>>,
}

/// What searches of a metric in times alone run on: the graph is its own explanation.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) graph: SearchGraph<BlockSide>,
    /// The metric with which blocks are shared; none if this is it.
    pub(crate) base: Option<Arc<Shared>>,
}

impl Block {
    fn new(words: Box<[u32]>) -> Self {
        Self { words, via: OnceLock::new() }
    }

    #[inline(always)]
    fn row(&self, rank: usize) -> Row<'_> {
        let [from, to, n] = [rank, rank + 1, RANKS].map(|at| self.words[at] as usize);
        let (depths, times) = self.words[RANKS + 1..].split_at(n);
        Row { depth: &depths[from..to], times: &times[from..to], rest: &[] }
    }

    fn via(&self, at: usize) -> &AtomicU32 {
        let all =
            self.via.get_or_init(|| (0..self.words[RANKS]).map(|_| AtomicU32::new(0)).collect());
        &all[at]
    }
}

impl SearchRows for BlockSide {
    #[inline(always)]
    fn row(&self, rank: u32) -> Row<'_> {
        self.blocks[rank as usize / RANKS].row(rank as usize % RANKS)
    }

    fn arc_of(&self, arcs: &UpArcs, rank: u32, at: u32) -> usize {
        let depth = self.row(rank).depth[at as usize];
        let range = arcs.range(rank);
        let found = arcs.depth[range.clone()].binary_search(&depth);
        range.start + found.expect("the search graph is part of the hierarchy")
    }
}

impl BlockSide {
    /// The time of the arc to the ancestor at a depth, if it is on shortest paths.
    fn time(&self, rank: u32, depth: u32) -> Option<u32> {
        let row = self.row(rank);
        row.depth.binary_search(&depth).ok().map(|at| row.times[at])
    }

    /// Cuts the arcs that `is_kept` names into blocks, taking over those that `base` has too.
    fn cut(
        arcs: &UpArcs,
        base: Option<&Self>,
        empty: &Arc<Block>,
        kept_time: impl Fn(usize) -> Option<u32>,
    ) -> Self {
        let n_ranks = arcs.first.len() - 1;
        let (mut depths, mut times, mut words) = (Vec::new(), Vec::new(), Vec::new());
        let block = |first_rank: usize| {
            depths.clear();
            times.clear();
            words.clear();
            words.push(0);
            for rank in first_rank..first_rank + RANKS {
                if rank < n_ranks {
                    for arc in arcs.range(rank as u32) {
                        if let Some(time_ms) = kept_time(arc) {
                            depths.push(arcs.depth[arc]);
                            times.push(time_ms);
                        }
                    }
                }
                words.push(times.len() as u32);
            }
            if times.is_empty() {
                return Arc::clone(empty);
            }
            words.extend_from_slice(&depths);
            words.extend_from_slice(&times);
            match base.map(|base| &base.blocks[first_rank / RANKS]) {
                Some(known) if *known.words == *words => Arc::clone(known),
                _ => Arc::new(Block::new(words.as_slice().into())),
            }
        };
        Self { blocks: (0..n_ranks).step_by(RANKS).map(block).collect() }
    }
}

impl SearchGraph<BlockSide> {
    /// The search graphs of the first `n` of several metrics, sharing what they can with `base`.
    pub(crate) fn of_lanes(
        cch: &Cch,
        times: &Customized<Lanes>,
        n: usize,
        base: Option<&Self>,
    ) -> Vec<Self> {
        let shortest = shortest_of_lanes(cch, times);
        let empty = Arc::new(Block::new(vec![0; RANKS + 1].into()));
        let empty = base.and_then(|base| base.empty_block()).unwrap_or(empty);
        let side =
            |arcs: &UpArcs, of: fn(&Self) -> &BlockSide, all: &[Lanes], best: &[Lanes], lane| {
                let kept = |arc: usize| {
                    let time_ms: u32 = all[arc][lane];
                    (time_ms == best[arc][lane] && time_ms < UNREACHABLE_MS).then_some(time_ms)
                };
                BlockSide::cut(arcs, base.map(of), &empty, kept)
            };
        let graph = |lane: usize| Self {
            out: side(&cch.out, |g| &g.out, &times.out, &shortest.out, lane),
            into: side(&cch.into, |g| &g.into, &times.into, &shortest.into, lane),
        };
        (0..n).map(graph).collect()
    }

    fn empty_block(&self) -> Option<Arc<Block>> {
        let mut all = self.out.blocks.iter().chain(&self.into.blocks);
        all.find(|block| block.words.len() == RANKS + 1).cloned()
    }
}

impl Shared {
    /// Bytes of what it does not share: the blocks of its own, and the list of all.
    pub(crate) fn own_bytes(&self) -> usize {
        let bytes = |is_out: bool| {
            let blocks = &self.sides(is_out).0.blocks;
            let known = self.base.as_ref().map(|base| &base.sides(is_out).0.blocks);
            let own = blocks.iter().enumerate().filter(|(at, block)| {
                let is_empty = block.words.len() == RANKS + 1;
                !is_empty && known.is_none_or(|known| !Arc::ptr_eq(&known[*at], block))
            });
            let words = own.map(|(_, block)| {
                let n_via = block.via.get().map_or(0, |via| via.len());
                size_of::<Block>() + 4 * (block.words.len() + n_via)
            });
            words.sum::<usize>() + size_of_val(&blocks[..])
        };
        bytes(true) + bytes(false)
    }

    /// Looks for the most important node over which two arcs of the search graph take just as long
    /// as an arc out of `rank`, or into it.
    fn search_via(
        &self,
        cch: &Cch,
        is_out: bool,
        rank: u32,
        depth: u32,
        time_ms: u32,
    ) -> Option<u32> {
        let below = if is_out { &cch.below_out } else { &cch.below_into };
        let below = below.of(rank).iter().rev();
        below
            .map(|entry| entry.rank)
            .find(|via| self.passes(cch, is_out, rank, depth, time_ms, *via))
    }

    /// True if an arc's time is that of going over `via`.
    fn passes(
        &self,
        cch: &Cch,
        is_out: bool,
        rank: u32,
        depth: u32,
        time_ms: u32,
        via: u32,
    ) -> bool {
        let (own, other) = self.sides(is_out);
        let first = other.time(via, cch.depth[rank as usize]);
        first.is_some_and(|first| first <= time_ms && own.time(via, depth) == Some(time_ms - first))
    }

    fn sides(&self, is_out: bool) -> (&BlockSide, &BlockSide) {
        let SearchGraph { out, into } = &self.graph;
        if is_out { (out, into) } else { (into, out) }
    }
}

impl Hierarchy for Shared {
    type Key = u32;
    type Side = BlockSide;

    fn graph(&self) -> &SearchGraph<BlockSide> {
        &self.graph
    }

    /// A block remembers what its arcs stand for in the metric that it was made for; in another
    /// that shares it this holds where both arcs are there as well, and is looked for where not.
    /// So the answer depends on the two metrics alone, not on what was asked before.
    fn via(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> Option<u32> {
        let depth = if is_out { cch.out.depth[arc] } else { cch.into.depth[arc] };
        let (own, _) = self.sides(is_out);
        let (block_idx, place) = (rank as usize / RANKS, rank as usize % RANKS);
        let block = &own.blocks[block_idx];
        let row = block.row(place);
        let at = row.depth.binary_search(&depth).expect("parts of shortest paths are kept");
        let time_ms = row.times[at];
        let known = block.via(block.words[place] as usize + at);
        let sharer = self
            .base
            .as_deref()
            .filter(|base| Arc::ptr_eq(&base.sides(is_out).0.blocks[block_idx], block));
        let via = match known.load(Ordering::Relaxed) {
            0 => {
                let maker = sharer.unwrap_or(self);
                let via = maker.search_via(cch, is_out, rank, depth, time_ms);
                // Whoever looks finds the same, so it does not matter who writes first.
                known.store(via.map_or(1, |rank| rank + 2), Ordering::Relaxed);
                via
            }
            known => known.checked_sub(2),
        };
        match via {
            Some(over)
                if sharer.is_some() && !self.passes(cch, is_out, rank, depth, time_ms, over) =>
            {
                self.search_via(cch, is_out, rank, depth, time_ms)
            }
            via => via,
        }
    }

    fn key(&self, cch: &Cch, is_out: bool, arc: usize, rank: u32) -> u32 {
        let depth = if is_out { cch.out.depth[arc] } else { cch.into.depth[arc] };
        self.sides(is_out).0.time(rank, depth).unwrap_or(UNREACHABLE_MS)
    }
}
