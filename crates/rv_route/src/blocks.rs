//! Search graphs in blocks that metrics share where they are alike.
//!
//! A permit closes the roads of a zone; in most of the hierarchy nothing changes thereby. The search
//! graph of such a metric is cut into blocks of consecutive ranks, and a block that is word for word
//! the same as that of the class without any permit is held once for all. What a shortcut stands for
//! is not kept for each metric: its two arcs are part of the search graph themselves, since every
//! part of a shortest path is one, so it is found there when a way asks for it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

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
    /// depths of all arcs, then their times, then one bit for each: whether an arc of the network is
    /// as fast.
    words: Box<[u32]>,
    /// What each shortcut passes over, as far as it is known: rank + 1, 0 for not yet looked for.
    /// Made when first needed.
    via: OnceLock<Box<[AtomicU32]>>,
}

/// What searches of a metric in times alone run on: the graph is its own explanation.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    graph: SearchGraph<BlockSide>,
    /// The metric with which blocks are shared; none if this is it.
    base: Option<Arc<Shared>>,
    /// One bit a block: whether that of either direction is shared with the base.
    is_alike: Vec<u64>,
}

/// An arc of the search graph: its place in the block of its less important end, the depth of the
/// other end, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockArc {
    at: u32,
    depth: u32,
    time_ms: u32,
}

/// An arc of the search graph, out of `rank` or into it.
#[derive(Clone, Copy)]
struct Shortcut {
    is_out: bool,
    rank: u32,
    depth: u32,
    time_ms: u32,
}

impl Block {
    fn new(words: Box<[u32]>) -> Self {
        Self { words, via: OnceLock::new() }
    }

    fn n_arcs(&self) -> usize {
        self.words[RANKS] as usize
    }

    #[inline(always)]
    fn row(&self, rank: usize) -> Row<'_> {
        let [from, to] = [rank, rank + 1].map(|at| self.words[at] as usize);
        let (depths, rest) = self.words[RANKS + 1..].split_at(self.n_arcs());
        Row { depth: &depths[from..to], times: &rest[from..to], rest: &[] }
    }

    /// True if an arc of the network is as fast as the arc at a place in the block.
    fn is_of_network(&self, at: u32) -> bool {
        let at = at as usize;
        self.words[RANKS + 1 + 2 * self.n_arcs() + at / 32] >> (at % 32) & 1 == 1
    }

    fn via(&self, at: u32) -> &AtomicU32 {
        let make = || (0..self.n_arcs()).map(|_| AtomicU32::new(0)).collect();
        &self.via.get_or_init(make)[at as usize]
    }
}

impl SearchRows for BlockSide {
    #[inline(always)]
    fn row(&self, rank: u32) -> Row<'_> {
        self.blocks[rank as usize / RANKS].row(rank as usize % RANKS)
    }
}

impl BlockSide {
    /// The time of the arc to the ancestor at a depth, if it is on shortest paths.
    fn time(&self, rank: u32, depth: u32) -> Option<u32> {
        let row = self.row(rank);
        row.depth.binary_search(&depth).ok().map(|at| row.times[at])
    }

    /// The arc to the ancestor at a depth, if it is on shortest paths.
    fn find(&self, rank: u32, depth: u32) -> Option<BlockArc> {
        let (block, place) = (&self.blocks[rank as usize / RANKS], rank as usize % RANKS);
        let row = block.row(place);
        let at = row.depth.binary_search(&depth).ok()?;
        Some(BlockArc { at: block.words[place] + at as u32, depth, time_ms: row.times[at] })
    }

    /// Cuts the arcs that `kept_time` gives a time into blocks, taking over those that `base` has
    /// too. `arc_time` is that of the network's arcs.
    fn cut(
        arcs: &UpArcs,
        base: Option<&Self>,
        empty: &Arc<Block>,
        kept_time: impl Fn(usize) -> Option<u32>,
        arc_time: impl Fn(usize) -> u32,
    ) -> Self {
        let n_ranks = arcs.first.len() - 1;
        let (mut depths, mut times, mut words) = (Vec::new(), Vec::new(), Vec::new());
        let mut bits: Vec<u32> = Vec::new();
        let block = |first_rank: usize| {
            depths.clear();
            times.clear();
            bits.clear();
            words.clear();
            words.push(0);
            for rank in first_rank..first_rank + RANKS {
                if rank < n_ranks {
                    let row = times.len();
                    for arc in arcs.range(rank as u32) {
                        if let Some(time_ms) = kept_time(arc) {
                            depths.push(arcs.depth[arc]);
                            times.push(time_ms);
                        }
                    }
                    bits.resize(times.len().div_ceil(32), 0);
                    for original in arcs.originals_of(rank as u32) {
                        if let Ok(at) = depths[row..].binary_search(&original.depth)
                            && times[row + at] == arc_time(original.arc as usize)
                        {
                            bits[(row + at) / 32] |= 1 << ((row + at) % 32);
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
            words.extend_from_slice(&bits);
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
        arc_times: impl Fn(usize) -> Lanes,
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
                BlockSide::cut(arcs, base.map(of), &empty, kept, |arc| arc_times(arc)[lane])
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
    /// A search graph and what it shares blocks with.
    pub(crate) fn new(graph: SearchGraph<BlockSide>, base: Option<Arc<Self>>) -> Self {
        let n_blocks = graph.out.blocks.len();
        let mut is_alike = vec![0; n_blocks.div_ceil(64)];
        if let Some(base) = &base {
            let is_shared = |at: usize, of: fn(&SearchGraph<BlockSide>) -> &BlockSide| {
                Arc::ptr_eq(&of(&graph).blocks[at], &of(&base.graph).blocks[at])
            };
            for at in 0..n_blocks {
                if is_shared(at, |g| &g.out) && is_shared(at, |g| &g.into) {
                    is_alike[at / 64] |= 1 << (at % 64);
                }
            }
        }
        Self { graph, base, is_alike }
    }

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

    /// Looks up what all shortcuts pass over, so that the metrics that share with this one need not.
    pub(crate) fn know_all(&self, cch: &Cch) {
        for is_out in [true, false] {
            (0..cch.parent.len() as u32).into_par_iter().for_each(|rank| {
                let n_arcs = self.sides(is_out).0.row(rank).depth.len() as u32;
                for at in 0..n_arcs {
                    self.via(cch, is_out, rank, self.arc_at(is_out, rank, at));
                }
            });
        }
    }

    /// Looks for the most important node over which two arcs of the search graph take just as long
    /// as an arc.
    fn search_via(&self, cch: &Cch, arc: &Shortcut) -> Option<u32> {
        let below = if arc.is_out { &cch.below_out } else { &cch.below_into };
        let below = below.of(arc.rank).iter().rev();
        below.map(|entry| entry.rank).find(|via| self.passes(cch, arc, *via))
    }

    /// True if an arc's time is that of going over `via`.
    fn passes(&self, cch: &Cch, arc: &Shortcut, via: u32) -> bool {
        let (own, other) = self.sides(arc.is_out);
        let first = other.time(via, cch.depth[arc.rank as usize]);
        first.is_some_and(|first| {
            first <= arc.time_ms && own.time(via, arc.depth) == Some(arc.time_ms - first)
        })
    }

    /// True if the arcs of `rank` are those of the base for certain.
    fn is_alike(&self, rank: u32) -> bool {
        let at = rank as usize / RANKS;
        self.is_alike[at / 64] >> (at % 64) & 1 == 1
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

    fn arc_at(&self, is_out: bool, rank: u32, at: u32) -> BlockArc {
        let block = &self.sides(is_out).0.blocks[rank as usize / RANKS];
        let place = rank as usize % RANKS;
        let row = block.row(place);
        let (depth, time_ms) = (row.depth[at as usize], row.times[at as usize]);
        BlockArc { at: block.words[place] + at, depth, time_ms }
    }

    fn arc_between(&self, cch: &Cch, is_out: bool, rank: u32, upper: u32) -> BlockArc {
        let found = self.sides(is_out).0.find(rank, cch.depth[upper as usize]);
        found.expect("parts of shortest paths are kept")
    }

    /// An arc that the base has too, and as fast, stands for what it stands for there, if both
    /// arcs of that triangle are as fast here; any other is looked for. Blocks remember only what
    /// was found in the metric that they were made for, so the answer depends on the two metrics
    /// alone, not on what was asked before.
    fn via(&self, cch: &Cch, is_out: bool, rank: u32, arc: BlockArc) -> Option<u32> {
        let block = &self.sides(is_out).0.blocks[rank as usize / RANKS];
        if block.is_of_network(arc.at) {
            return None;
        }
        let BlockArc { depth, time_ms, .. } = arc;
        let shortcut = Shortcut { is_out, rank, depth, time_ms };
        let as_in_base = |base: &Self, arc: BlockArc| {
            let via = base.via(cch, is_out, rank, arc)?;
            (self.is_alike(via) || self.passes(cch, &shortcut, via)).then_some(via)
        };
        let base = self.base.as_deref();
        if let Some(base) = base
            && Arc::ptr_eq(&base.sides(is_out).0.blocks[rank as usize / RANKS], block)
        {
            return as_in_base(base, arc).or_else(|| self.search_via(cch, &shortcut));
        }
        let from_base = || {
            let base = base?;
            let found = base.sides(is_out).0.find(rank, depth)?;
            if found.time_ms == time_ms { as_in_base(base, found) } else { None }
        };
        let known = block.via(arc.at);
        known.load(Ordering::Relaxed).checked_sub(1).or_else(|| {
            let via = from_base().or_else(|| self.search_via(cch, &shortcut));
            // Whoever looks finds the same, so it does not matter who writes first.
            known.store(via.map_or(0, |rank| rank + 1), Ordering::Relaxed);
            via
        })
    }
}
