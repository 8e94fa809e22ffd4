//! Many-to-many weights by labels over the elimination tree.
//!
//! A node's label holds its best weight to every ancestor, by depth. A pair's weight is the least
//! sum of both labels over the ancestors they share, and that is a prefix of both, as in the
//! hop labels over tree decompositions of Ouyang et al. (When Hierarchy Meets 2-Hop-Labeling,
//! 2018). Labels are made only for the nodes that the asked-for ends need, top down, and kept only
//! along one path of the tree; most pairs part near the root and share few ancestors, so the sums
//! are few and run along rows of targets.
//!
//! Times come first, in 32 bits. Distance and energy then follow where a sum is as fast as the
//! fastest: both in one integer, whose least among those is the rest of the least whole cost.

use std::ops::Range;

use crate::cch::{Cch, NO_RANK};
use crate::cost::{Cost, UNREACHABLE_MS};
use crate::perfect::{Row, SearchRows};
use crate::simd::Kernel;

/// Targets of a block: their sums stay in registers while the depths go by.
const LANES: usize = 16;
/// Sources whose sums are made together, so that they stay in the cache until they are read.
pub(crate) const ROWS: usize = 32;

/// What of a cost is not its time: distance, mm, above energy, mWh, 32 bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rest(pub(crate) u64);

impl Rest {
    const MAX: Self = Self(u64::MAX);
    /// Set when a sum of distances or energies is too large to add to.
    const OVERFLOW_BITS: u64 = (1 << 63) | (1 << 31);

    /// The whole cost with this time.
    pub(crate) fn cost(self, time_ms: u32) -> Cost {
        if time_ms >= UNREACHABLE_MS || self.0 & Self::OVERFLOW_BITS != 0 {
            return Cost::UNREACHABLE;
        }
        Cost { time_ms, dist_mm: (self.0 >> 32) as u32, energy_mwh: self.0 as u32 }
    }
}

/// Labels of all targets of a table, by block of targets, then depth, then target in the block.
pub(crate) struct TargetLabels {
    /// Sorted, without repeats.
    pub(crate) ranks: Vec<u32>,
    /// Number of ancestors that each shares with the one before.
    n_shared_before: Vec<u32>,
    times: Vec<[u32; LANES]>,
    rest: Vec<[Rest; LANES]>,
}

/// Labels of all sources of a table, by source, then depth.
pub(crate) struct SourceLabels {
    /// Sorted, without repeats.
    pub(crate) ranks: Vec<u32>,
    times: Vec<u32>,
    rest: Vec<Rest>,
}

/// Makes the labels of target ranks, sorted and without repeats. `WHOLE` asks for the rest too.
pub(crate) struct LabelTargets<'a, S, const WHOLE: bool> {
    pub(crate) cch: &'a Cch,
    pub(crate) arcs: &'a S,
    pub(crate) ranks: Vec<u32>,
}

impl<S: SearchRows, const WHOLE: bool> Kernel for LabelTargets<'_, S, WHOLE> {
    type Output = TargetLabels;

    #[inline(always)]
    fn run(self) -> TargetLabels {
        let Self { cch, arcs, ranks } = self;
        let n_depths = cch.n_depths;
        let n = n_depths * ranks.len().div_ceil(LANES);
        let mut times = vec![[0; LANES]; n];
        let mut rest = vec![[Rest(0); LANES]; if WHOLE { n } else { 0 }];
        labels::<S, WHOLE>(cch, arcs, &ranks, |column, label_times, label_rest| {
            let first = column / LANES * n_depths;
            for (lanes, time) in times[first..][..n_depths].iter_mut().zip(label_times) {
                lanes[column % LANES] = *time;
            }
            if WHOLE {
                for (lanes, value) in rest[first..][..n_depths].iter_mut().zip(label_rest) {
                    lanes[column % LANES] = *value;
                }
            }
        });
        let before = |column: usize| cch.n_shared(ranks[column.max(1) - 1], ranks[column]);
        let n_shared_before = (0..ranks.len()).map(before).collect();
        TargetLabels { ranks, n_shared_before, times, rest }
    }
}

/// Makes the labels of source ranks, sorted and without repeats. `WHOLE` asks for the rest too.
pub(crate) struct LabelSources<'a, S, const WHOLE: bool> {
    pub(crate) cch: &'a Cch,
    pub(crate) arcs: &'a S,
    pub(crate) ranks: Vec<u32>,
}

impl<S: SearchRows, const WHOLE: bool> Kernel for LabelSources<'_, S, WHOLE> {
    type Output = SourceLabels;

    #[inline(always)]
    fn run(self) -> SourceLabels {
        let Self { cch, arcs, ranks } = self;
        let n_depths = cch.n_depths;
        let mut times = vec![0; ranks.len() * n_depths];
        let mut rest = vec![Rest(0); if WHOLE { times.len() } else { 0 }];
        labels::<S, WHOLE>(cch, arcs, &ranks, |row, label_times, label_rest| {
            times[row * n_depths..][..label_times.len()].copy_from_slice(label_times);
            if WHOLE {
                rest[row * n_depths..][..label_rest.len()].copy_from_slice(label_rest);
            }
        });
        SourceLabels { ranks, times, rest }
    }
}

/// Makes the table of some sources, by their places: best times to every target, row-major, and
/// the rest of the costs.
pub(crate) struct Table<'a, const WHOLE: bool> {
    pub(crate) cch: &'a Cch,
    pub(crate) rows: Range<usize>,
    pub(crate) sources: &'a SourceLabels,
    pub(crate) targets: &'a TargetLabels,
}

/// A finished part of a table.
pub(crate) struct Tile {
    pub(crate) times: Vec<u32>,
    /// Empty if only times were asked for.
    pub(crate) rest: Vec<Rest>,
}

impl<const WHOLE: bool> Kernel for Table<'_, WHOLE> {
    type Output = Tile;

    #[inline(always)]
    fn run(self) -> Tile {
        let Self { cch, rows, sources, targets } = self;
        let (n_depths, n_targets) = (cch.n_depths, targets.ranks.len());
        let n_blocks = n_targets.div_ceil(LANES);
        let mut tile = Tile {
            times: vec![0; rows.len() * n_targets],
            rest: vec![Rest(0); if WHOLE { rows.len() * n_targets } else { 0 }],
        };
        let mut shared = vec![[0; LANES]; rows.len() * n_blocks];
        for (source, shared) in rows.clone().zip(shared.chunks_mut(n_blocks.max(1))) {
            targets.n_shared_with(cch, sources.ranks[source], shared.as_flattened_mut());
        }
        // Block by block, so that a block's labels stay in the cache while all sources pass by.
        for block in 0..n_blocks {
            let columns = block * LANES..n_targets.min((block + 1) * LANES);
            let target_times = &targets.times[block * n_depths..][..n_depths];
            for (row, source) in rows.clone().enumerate() {
                let source_times = &sources.times[source * n_depths..][..n_depths];
                let n_shared = &shared[row * n_blocks + block];
                let best = least_sums(source_times, target_times, n_shared);
                let result = &mut tile.times[row * n_targets..][columns.clone()];
                result.copy_from_slice(&best[..result.len()]);
                if WHOLE {
                    let rest = least_rest(
                        (source_times, &sources.rest[source * n_depths..][..n_depths]),
                        (target_times, &targets.rest[block * n_depths..][..n_depths]),
                        &best,
                        n_shared,
                    );
                    let result = &mut tile.rest[row * n_targets..][columns.clone()];
                    result.copy_from_slice(&rest[..result.len()]);
                }
            }
        }
        tile
    }
}

/// The least sum of a source's label and each target's of a block over the depths they share.
#[inline(always)]
fn least_sums(source: &[u32], targets: &[[u32; LANES]], n_shared: &[u32; LANES]) -> [u32; LANES] {
    let mut best = [UNREACHABLE_MS; LANES];
    let n_least = n_shared.iter().fold(u32::MAX, |least, n| least.min(*n));
    let n_most = n_shared.iter().fold(0, |most, n| most.max(*n));
    add_depths(&mut best, source, targets, 0..n_least as usize);
    if n_least == n_most {
        return best;
    }
    // Lanes stop at different depths: go from one stop to the next and keep what is complete.
    let mut complete = best;
    let mut depth = n_least;
    while depth < n_most {
        let later = n_shared.iter().filter(|n| **n > depth);
        let stop = later.fold(u32::MAX, |least, n| least.min(*n));
        add_depths(&mut best, source, targets, depth as usize..stop as usize);
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
fn add_depths(
    best: &mut [u32; LANES],
    source: &[u32],
    targets: &[[u32; LANES]],
    depths: Range<usize>,
) {
    let mut sums = *best;
    for (source, targets) in source[depths.clone()].iter().zip(&targets[depths]) {
        for lane in 0..LANES {
            sums[lane] = sums[lane].min(source + targets[lane]);
        }
    }
    *best = sums;
}

/// The least rest among the sums that are as fast as the best.
#[inline(always)]
fn least_rest(
    (source, source_rest): (&[u32], &[Rest]),
    (targets, targets_rest): (&[[u32; LANES]], &[[Rest; LANES]]),
    best: &[u32; LANES],
    n_shared: &[u32; LANES],
) -> [Rest; LANES] {
    let mut least = [Rest::MAX; LANES];
    let n_most = n_shared.iter().fold(0, |most, n| most.max(*n)) as usize;
    let source = source.iter().zip(source_rest);
    let targets = targets.iter().zip(targets_rest);
    let depths = source.zip(targets).take(n_most).enumerate();
    for (depth, ((time, rest), (target_times, target_rests))) in depths {
        let is_best: [bool; LANES] =
            std::array::from_fn(|lane| time + target_times[lane] == best[lane]);
        if !is_best.iter().fold(false, |any, is| any | is) {
            continue;
        }
        for lane in 0..LANES {
            if is_best[lane] && depth < n_shared[lane] as usize {
                // Both parts of a label's rest are below 2^31; where there is no way the sum
                // means nothing.
                let sum = Rest(rest.0.wrapping_add(target_rests[lane].0));
                least[lane] = least[lane].min(sum);
            }
        }
    }
    least
}

impl TargetLabels {
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

/// Hands out the label of each of `ranks` (sorted), by its place among them: times by depth, and
/// the rest.
#[inline(always)]
fn labels<S: SearchRows, const WHOLE: bool>(
    cch: &Cch,
    arcs: &S,
    ranks: &[u32],
    mut emit: impl FnMut(usize, &[u32], &[Rest]),
) {
    // Row d of the triangles holds the label of the node at depth d of the current path.
    let row_start = |depth: usize| depth * (depth + 1) / 2;
    let n = row_start(cch.n_depths);
    let mut time_rows = vec![0_u32; n];
    let mut rest_rows = vec![Rest(0); if WHOLE { n } else { 0 }];
    let needed = ancestors_of(cch, ranks);
    let mut next = ranks.len();
    // Descending ranks of a postorder visit parents before children, one subtree after another:
    // when a node's turn comes, its ancestors' labels are the rows above its own.
    for rank in needed.iter().rev().copied() {
        let depth = cch.depth[rank as usize] as usize;
        let (above, own) = time_rows.split_at_mut(row_start(depth));
        let own = &mut own[..=depth];
        own[..depth].fill(UNREACHABLE_MS);
        own[depth] = 0;
        let (rest_above, rest_own) =
            rest_rows.split_at_mut(if WHOLE { row_start(depth) } else { 0 });
        let rest_own = if WHOLE { &mut rest_own[..=depth] } else { rest_own };
        rest_own.fill(Rest(0));
        let Row { depth: depths, times, rest } = arcs.row(rank);
        for (arc, far) in depths.iter().enumerate() {
            let far = *far as usize;
            let row = &above[row_start(far)..][..=far];
            if WHOLE {
                let rest_row = &rest_above[row_start(far)..][..=far];
                pass_on_whole((times[arc], rest[arc]), row, rest_row, own, rest_own);
            } else {
                for (best, onwards) in own.iter_mut().zip(row) {
                    *best = (*best).min(times[arc] + onwards);
                }
            }
        }
        if WHOLE {
            for (time, rest) in own.iter_mut().zip(rest_own.iter()) {
                if rest.0 & Rest::OVERFLOW_BITS != 0 {
                    *time = UNREACHABLE_MS;
                }
            }
        }
        if next > 0 && ranks[next - 1] == rank {
            next -= 1;
            emit(next, own, rest_own);
        }
    }
}

/// Improves a label by going over an arc to a node with the label `row`.
#[inline(always)]
fn pass_on_whole(
    (time, rest): (u32, Rest),
    row: &[u32],
    rest_row: &[Rest],
    own: &mut [u32],
    rest_own: &mut [Rest],
) {
    let own = own.iter_mut().zip(rest_own);
    for ((own, own_rest), (onwards, onwards_rest)) in own.zip(row.iter().zip(rest_row)) {
        let new = time + onwards;
        // Where there is no way the rest means nothing and may wrap around.
        let new_rest = Rest(rest.0.wrapping_add(onwards_rest.0));
        let is_better = (new < *own) | ((new == *own) & (new_rest < *own_rest));
        *own = if is_better { new } else { *own };
        *own_rest = if is_better { new_rest } else { *own_rest };
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
