//! Many-to-many weights by labels over the elimination tree.
//!
//! A node's label holds its best weight to every ancestor, by depth. A pair's weight is the least
//! sum of both labels over the ancestors they share, and that is a prefix of both, as in the
//! hop labels over tree decompositions of Ouyang et al. (When Hierarchy Meets 2-Hop-Labeling,
//! 2018). Labels are made only for the nodes that the asked-for ends need, top down, and kept only
//! along one path of the tree; most pairs part near the root and share few ancestors, so the sums
//! are few and run along rows of targets.

use std::ops::Range;

use crate::cch::{Cch, NO_RANK, UpArcs};
use crate::simd::Kernel;
use crate::weight::Weight;

/// Targets of a block: their sums stay in registers while the depths go by.
const LANES: usize = 16;
/// Sources whose sums are made together, so that they stay in the cache until they are read.
pub(crate) const ROWS: usize = 32;

/// Labels of all targets of a table.
pub(crate) struct TargetLabels<W> {
    /// Sorted, without repeats.
    pub(crate) ranks: Vec<u32>,
    /// Number of ancestors that each shares with the one before.
    n_shared_before: Vec<u32>,
    /// By block of targets, then depth, then target within the block.
    blocks: Vec<[W; LANES]>,
}

/// Makes the labels of target ranks, sorted and without repeats.
pub(crate) struct LabelTargets<'a, W> {
    pub(crate) cch: &'a Cch,
    pub(crate) arcs: &'a UpArcs,
    pub(crate) weights: &'a [W],
    pub(crate) ranks: Vec<u32>,
}

impl<W: Weight> Kernel for LabelTargets<'_, W> {
    type Output = TargetLabels<W>;

    #[inline(always)]
    fn run(self) -> TargetLabels<W> {
        let Self { cch, arcs, weights, ranks } = self;
        let n_depths = cch.n_depths;
        let mut blocks = vec![[W::NONE; LANES]; n_depths * ranks.len().div_ceil(LANES)];
        labels(cch, arcs, weights, &ranks, |column, label| {
            let block = &mut blocks[column / LANES * n_depths..][..n_depths];
            for (lanes, weight) in block.iter_mut().zip(label) {
                lanes[column % LANES] = *weight;
            }
        });
        let before = |column: usize| cch.n_shared(ranks[column.max(1) - 1], ranks[column]);
        let n_shared_before = (0..ranks.len()).map(before).collect();
        TargetLabels { ranks, n_shared_before, blocks }
    }
}

/// Makes the labels of source ranks, sorted and without repeats: by source, then depth.
pub(crate) struct LabelSources<'a, W> {
    pub(crate) cch: &'a Cch,
    pub(crate) arcs: &'a UpArcs,
    pub(crate) weights: &'a [W],
    pub(crate) ranks: &'a [u32],
}

impl<W: Weight> Kernel for LabelSources<'_, W> {
    type Output = Vec<W>;

    #[inline(always)]
    fn run(self) -> Vec<W> {
        let Self { cch, arcs, weights, ranks } = self;
        let mut rows = vec![W::NONE; ranks.len() * cch.n_depths];
        labels(cch, arcs, weights, ranks, |row, label| {
            rows[row * cch.n_depths..][..label.len()].copy_from_slice(label);
        });
        rows
    }
}

/// Makes the table of some sources, sorted and without repeats: best weights to every target,
/// row-major.
pub(crate) struct Table<'a, W> {
    pub(crate) cch: &'a Cch,
    pub(crate) sources: &'a [u32],
    pub(crate) source_labels: &'a [W],
    pub(crate) targets: &'a TargetLabels<W>,
}

impl<W: Weight> Kernel for Table<'_, W> {
    type Output = Vec<W>;

    #[inline(always)]
    fn run(self) -> Vec<W> {
        let (n_depths, n_targets) = (self.cch.n_depths, self.targets.ranks.len());
        let n_blocks = n_targets.div_ceil(LANES);
        let mut result = vec![W::NONE; self.sources.len() * n_targets];
        let mut shared = vec![[0; LANES]; self.sources.len() * n_blocks];
        for (source, shared) in self.sources.iter().zip(shared.chunks_mut(n_blocks.max(1))) {
            self.targets.n_shared_with(self.cch, *source, shared.as_flattened_mut());
        }
        // Block by block, so that a block's labels stay in the cache while all sources pass by.
        for block in 0..n_blocks {
            let targets = &self.targets.blocks[block * n_depths..][..n_depths];
            let columns = block * LANES..n_targets.min((block + 1) * LANES);
            for row in 0..self.sources.len() {
                let sources = &self.source_labels[row * n_depths..][..n_depths];
                let best = least_sums(sources, targets, &shared[row * n_blocks + block]);
                let result = &mut result[row * n_targets..][columns.clone()];
                result.copy_from_slice(&best[..result.len()]);
            }
        }
        result
    }
}

/// The least sum of a source's label and each target's of a block over the depths they share.
#[inline(always)]
fn least_sums<W: Weight>(
    sources: &[W],
    targets: &[[W; LANES]],
    n_shared: &[u32; LANES],
) -> [W; LANES] {
    let mut best = [W::NONE; LANES];
    let n_least = n_shared.iter().fold(u32::MAX, |least, n| least.min(*n));
    let n_most = n_shared.iter().fold(0, |most, n| most.max(*n));
    add_depths(&mut best, sources, targets, 0..n_least as usize);
    if n_least == n_most {
        return best;
    }
    // Lanes stop at different depths: go from one stop to the next and keep what is complete.
    let mut complete = best;
    let mut depth = n_least;
    while depth < n_most {
        let stop = n_shared.iter().filter(|n| **n > depth).fold(u32::MAX, |least, n| least.min(*n));
        add_depths(&mut best, sources, targets, depth as usize..stop as usize);
        for lane in 0..LANES {
            if n_shared[lane] >= stop {
                complete[lane] = best[lane];
            }
        }
        depth = stop;
    }
    complete
}

#[inline(always)]
fn add_depths<W: Weight>(
    best: &mut [W; LANES],
    sources: &[W],
    targets: &[[W; LANES]],
    depths: Range<usize>,
) {
    let mut sums = *best;
    for (source, targets) in sources[depths.clone()].iter().zip(&targets[depths]) {
        for lane in 0..LANES {
            sums[lane].improve(source.plus(targets[lane]));
        }
    }
    *best = sums;
}

impl<W> TargetLabels<W> {
    /// Number of ancestors that each target shares with a source.
    fn n_shared_with(&self, cch: &Cch, source: u32, shared: &mut [u32]) {
        let at = self.ranks.partition_point(|rank| *rank < source);
        // What a source shares with a target, it shares with none beyond that shares less with
        // the one between.
        if at < self.ranks.len() {
            let mut n = cch.n_shared(source, self.ranks[at]);
            shared[at] = n;
            for (shared, before) in shared[at + 1..].iter_mut().zip(&self.n_shared_before[at + 1..])
            {
                n = n.min(*before);
                *shared = n;
            }
        }
        if at > 0 {
            let mut n = cch.n_shared(source, self.ranks[at - 1]);
            for column in (0..at).rev() {
                shared[column] = n;
                n = n.min(self.n_shared_before[column]);
            }
        }
    }
}

/// Hands out the label of each of `ranks` (sorted), by its place among them.
#[inline(always)]
fn labels<W: Weight>(
    cch: &Cch,
    arcs: &UpArcs,
    weights: &[W],
    ranks: &[u32],
    mut emit: impl FnMut(usize, &[W]),
) {
    // Row d of the triangle holds the label of the node at depth d of the current path.
    let row_start = |depth: usize| depth * (depth + 1) / 2;
    let mut triangle = vec![W::NONE; row_start(cch.n_depths)];
    let needed = ancestors_of(cch, ranks);
    let mut next = ranks.len();
    // Descending ranks of a postorder visit parents before children, one subtree after another:
    // when a node's turn comes, its ancestors' labels are the rows above its own.
    for rank in needed.iter().rev().copied() {
        let depth = cch.depth[rank as usize] as usize;
        let (above, own) = triangle.split_at_mut(row_start(depth));
        let own = &mut own[..=depth];
        own[..depth].fill(W::NONE);
        own[depth] = W::ZERO;
        for arc in arcs.range(rank) {
            let weight = weights[arc];
            if weight.is_none() {
                continue;
            }
            let far = arcs.depth[arc] as usize;
            let row = &above[row_start(far)..][..=far];
            for (best, onwards) in own.iter_mut().zip(row) {
                best.improve(weight.plus(*onwards));
            }
        }
        if next > 0 && ranks[next - 1] == rank {
            next -= 1;
            emit(next, own);
        }
    }
}

/// The ranks and all their ancestors, ascending.
fn ancestors_of(cch: &Cch, ranks: &[u32]) -> Vec<u32> {
    let mut is_needed = vec![false; cch.parent.len()];
    let mut needed = Vec::new();
    for rank in ranks {
        let mut node = *rank;
        while node != NO_RANK && !std::mem::replace(&mut is_needed[node as usize], true) {
            needed.push(node);
            node = cch.parent[node as usize];
        }
    }
    needed.sort_unstable();
    needed
}
