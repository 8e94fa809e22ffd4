//! Many-to-many weights by labels over the elimination tree.
//!
//! A node's label holds its best weight to every ancestor, by depth. A pair's weight is the least
//! sum of both labels over the ancestors they share, and that is a prefix of both, as in the
//! hop labels over tree decompositions of Ouyang et al. (When Hierarchy Meets 2-Hop-Labeling,
//! 2018). Labels are made only for the nodes that the asked-for ends need, top down, and kept only
//! along one path of the tree; most pairs part near the root and share few ancestors, so the sums
//! are few and run along rows of targets.

use crate::cch::{Cch, NO_RANK, UpArcs};
use crate::weight::Weight;

/// Sources that one kernel call carries through a row of targets.
const ROWS: usize = 4;
/// Targets that stay in registers while it goes through the depths.
const LANES: usize = 16;

/// Best weights from every source rank to every target rank, row-major. Both must be sorted and
/// without repeats.
#[inline(always)]
pub(crate) fn table<W: Weight>(
    cch: &Cch,
    out: &[W],
    into: &[W],
    sources: &[u32],
    targets: &[u32],
) -> Vec<W> {
    let n_depths = cch.n_depths;
    let mut source_labels = vec![W::NONE; sources.len() * n_depths];
    labels(cch, &cch.out, out, sources, |row, label| {
        source_labels[row * n_depths..][..label.len()].copy_from_slice(label);
    });
    let n_targets = targets.len();
    let mut target_labels = vec![W::NONE; n_depths * n_targets];
    labels(cch, &cch.into, into, targets, |column, label| {
        for (depth, weight) in label.iter().enumerate() {
            target_labels[depth * n_targets + column] = *weight;
        }
    });
    let mut product = Product {
        cch,
        sources,
        targets,
        source_labels,
        target_labels,
        result: vec![W::NONE; sources.len() * n_targets],
    };
    product.multiply(0..sources.len(), 0..n_targets, 0);
    product.result
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

struct Product<'a, W> {
    cch: &'a Cch,
    sources: &'a [u32],
    targets: &'a [u32],
    /// By source, then depth.
    source_labels: Vec<W>,
    /// By depth, then target.
    target_labels: Vec<W>,
    result: Vec<W>,
}

impl<W: Weight> Product<'_, W> {
    /// Adds up what these sources and targets share from `depth` on; all of them lie below one
    /// node at `depth - 1`.
    #[inline(always)]
    fn multiply(
        &mut self,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
        depth: usize,
    ) {
        let mut open = vec![(rows, columns, depth)];
        while let Some((rows, columns, depth)) = open.pop() {
            if rows.is_empty() || columns.is_empty() {
                continue;
            }
            let low = self.sources[rows.start].min(self.targets[columns.start]);
            let high = self.sources[rows.end - 1].max(self.targets[columns.end - 1]);
            // In a postorder, what the lowest and highest rank share, all between them share.
            let shared = self.cch.common(low, high);
            let end = shared.map_or(0, |node| self.cch.depth[node as usize] as usize + 1);
            if end > depth {
                self.add(rows.clone(), columns.clone(), depth..end);
            }
            if low != high {
                self.open_children(rows, columns, shared, end, &mut open);
            }
        }
    }

    /// Splits what lies below a node by its children.
    fn open_children(
        &self,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
        shared: Option<u32>,
        depth: usize,
        open: &mut Vec<(std::ops::Range<usize>, std::ops::Range<usize>, usize)>,
    ) {
        let (mut row, mut column) = (rows.start, columns.start);
        while row < rows.end && column < columns.end {
            let lowest = self.sources[row].min(self.targets[column]);
            if Some(lowest) == shared {
                return;
            }
            let child = self.cch.child_towards(shared, lowest);
            let row_end = row + self.sources[row..rows.end].partition_point(|s| *s <= child);
            let column_end =
                column + self.targets[column..columns.end].partition_point(|t| *t <= child);
            open.push((row..row_end, column..column_end, depth));
            (row, column) = (row_end, column_end);
        }
    }

    #[inline(always)]
    fn add(
        &mut self,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
        depths: std::ops::Range<usize>,
    ) {
        let mut row = rows.start;
        while row < rows.end {
            let n_rows = ROWS.min(rows.end - row);
            let mut column = columns.start;
            while column + LANES <= columns.end && n_rows == ROWS {
                self.add_block(row, column, depths.clone());
                column += LANES;
            }
            for row in row..row + n_rows {
                self.add_row(row, column..columns.end, depths.clone());
            }
            row += n_rows;
        }
    }

    /// `ROWS` sources by `LANES` targets, all in registers.
    #[inline(always)]
    fn add_block(&mut self, row: usize, column: usize, depths: std::ops::Range<usize>) {
        let (n_depths, n_targets) = (self.cch.n_depths, self.targets.len());
        let mut best = [[W::NONE; LANES]; ROWS];
        let at = |r: usize| (row + r) * n_targets + column;
        for (r, best) in best.iter_mut().enumerate() {
            best.copy_from_slice(&self.result[at(r)..][..LANES]);
        }
        let sources: [&[W]; ROWS] =
            std::array::from_fn(|r| &self.source_labels[(row + r) * n_depths..][..n_depths]);
        for depth in depths {
            let targets: &[W; LANES] = self.target_labels[depth * n_targets + column..][..LANES]
                .try_into()
                .expect("the slice has this length");
            for (best, source) in best.iter_mut().zip(&sources) {
                let source = source[depth];
                for (best, target) in best.iter_mut().zip(targets) {
                    best.improve(source.plus(*target));
                }
            }
        }
        for (r, best) in best.iter().enumerate() {
            self.result[at(r)..][..LANES].copy_from_slice(best);
        }
    }

    #[inline(always)]
    fn add_row(
        &mut self,
        row: usize,
        columns: std::ops::Range<usize>,
        depths: std::ops::Range<usize>,
    ) {
        let (n_depths, n_targets) = (self.cch.n_depths, self.targets.len());
        let result = &mut self.result[row * n_targets..][columns.clone()];
        for depth in depths {
            let source = self.source_labels[row * n_depths + depth];
            let targets = &self.target_labels[depth * n_targets..][columns.clone()];
            for (best, target) in result.iter_mut().zip(targets) {
                best.improve(source.plus(*target));
            }
        }
    }
}
