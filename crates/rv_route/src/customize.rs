//! Weights for every arc of the hierarchy, from the weights of the network's arcs.
//!
//! For each node in order of importance, its arcs take the best of what they weigh themselves and
//! of every way over a less important node. A node's arcs are spread over an array indexed by
//! depth while that happens: its far ends are ancestors, one at each depth, so the array is small
//! and stays in the first cache. Subtrees of the elimination tree do not concern each other and go
//! in parallel; each owns a range of ranks and thereby of arcs.

use std::ops::Range;

use rayon::prelude::*;

use crate::cch::{Below, Cch, UpArcs};
use crate::simd::{Kernel, wide};
use crate::weight::Weight;

/// Weights of all arcs of a hierarchy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Customized<W> {
    pub(crate) out: Vec<W>,
    pub(crate) into: Vec<W>,
}

impl<W> Default for Customized<W> {
    fn default() -> Self {
        Self { out: Vec::new(), into: Vec::new() }
    }
}

impl<W: Clone> Clone for Customized<W> {
    fn clone(&self) -> Self {
        Self { out: self.out.clone(), into: self.into.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.out.clone_from(&other.out);
        self.into.clone_from(&other.into);
    }
}

impl<W: Weight> Customized<W> {
    /// Customises for the weights of the network's arcs, by their numbers.
    pub(crate) fn build(cch: &Cch, arc_weight: impl Fn(usize) -> W + Sync) -> Self {
        let mut weights = Self::default();
        weights.renew(cch, arc_weight);
        weights
    }

    /// Customises again, for other weights, in the same memory.
    pub(crate) fn renew(&mut self, cch: &Cch, arc_weight: impl Fn(usize) -> W + Sync) {
        let arc_weight = &arc_weight;
        // Every weight is written before it is read.
        self.out.resize(cch.out.len(), W::NONE);
        self.into.resize(cch.into.len(), W::NONE);
        self.parts(cch).into_par_iter().for_each(|part| {
            let ranks = part.ranks.clone();
            wide(CustomizePart { cch, part, ranks, arc_weight });
        });
        let (out, into) = (&mut self.out[..], &mut self.into[..]);
        let part =
            Part { ranks: 0..cch.parent.len() as u32, out, into, first_out: 0, first_into: 0 };
        wide(CustomizePart { cch, part, ranks: cch.top.iter().copied(), arc_weight });
    }

    /// The weights of each subtree.
    pub(crate) fn parts(&mut self, cch: &Cch) -> Vec<Part<'_, W>> {
        let (mut out, mut into) = (&mut self.out[..], &mut self.into[..]);
        let (mut cut_out, mut cut_into) = (0, 0);
        cch.subtrees
            .iter()
            .map(|ranks| {
                let of_out = cch.out.arcs_of(ranks);
                let of_into = cch.into.arcs_of(ranks);
                Part {
                    ranks: ranks.clone(),
                    out: split_off(&mut out, &mut cut_out, &of_out),
                    into: split_off(&mut into, &mut cut_into, &of_into),
                    first_out: of_out.start,
                    first_into: of_into.start,
                }
            })
            .collect()
    }
}

/// Takes a range of arcs, by their numbers, off the front of the weights from number `cut` on.
fn split_off<'a, W>(rest: &mut &'a mut [W], cut: &mut usize, arcs: &Range<usize>) -> &'a mut [W] {
    let (_, later) = std::mem::take(rest).split_at_mut(arcs.start - *cut);
    let (own, later) = later.split_at_mut(arcs.len());
    (*rest, *cut) = (later, arcs.end);
    own
}

/// The weights of the arcs of a range of ranks.
pub(crate) struct Part<'a, W> {
    pub(crate) ranks: Range<u32>,
    pub(crate) out: &'a mut [W],
    pub(crate) into: &'a mut [W],
    /// Number of the first arc out.
    pub(crate) first_out: usize,
    /// Number of the first arc in.
    pub(crate) first_into: usize,
}

/// Customises the arcs of some ranks, all less important ones being done.
struct CustomizePart<'a, W, R, F> {
    cch: &'a Cch,
    part: Part<'a, W>,
    ranks: R,
    arc_weight: &'a F,
}

impl<W, R, F> Kernel for CustomizePart<'_, W, R, F>
where
    W: Weight,
    R: Iterator<Item = u32>,
    F: Fn(usize) -> W,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { cch, part, ranks, arc_weight } = self;
        let Part { out, into, first_out, first_into, .. } = part;
        let mut by_depth = vec![W::NONE; cch.n_depths];
        for rank in ranks {
            start(&cch.out, rank, &mut by_depth, arc_weight);
            relax(
                &cch.out,
                &cch.below_out,
                (out, first_out),
                (into, first_into),
                &mut by_depth,
                rank,
            );
            start(&cch.into, rank, &mut by_depth, arc_weight);
            relax(
                &cch.into,
                &cch.below_into,
                (into, first_into),
                (out, first_out),
                &mut by_depth,
                rank,
            );
        }
    }
}

/// Spreads what a node's arcs weigh themselves.
#[inline(always)]
fn start<W: Weight>(
    arcs: &UpArcs,
    rank: u32,
    by_depth: &mut [W],
    arc_weight: &impl Fn(usize) -> W,
) {
    for depth in &arcs.depth[arcs.range(rank)] {
        by_depth[*depth as usize] = W::NONE;
    }
    for original in arcs.originals_of(rank) {
        by_depth[original.depth as usize].improve(arc_weight(original.arc as usize));
    }
}

/// Takes the best of all lower triangles for one node's arcs in one direction. `own` are the
/// weights in that direction, `other` those of the opposite one, both from some number on.
#[inline(always)]
fn relax<W: Weight>(
    arcs: &UpArcs,
    below: &Below,
    (own, own_first): (&mut [W], usize),
    (other, other_first): (&[W], usize),
    by_depth: &mut [W],
    rank: u32,
) {
    let range = arcs.range(rank);
    if range.is_empty() {
        return;
    }
    for entry in below.of(rank) {
        let first = other[entry.arc as usize - other_first];
        if first.is_none() {
            continue;
        }
        let onwards = entry.first as usize..entry.end as usize;
        let weights = &own[onwards.start - own_first..onwards.end - own_first];
        for (depth, second) in arcs.depth[onwards].iter().zip(weights) {
            by_depth[*depth as usize].improve(first.over(*second, entry.rank));
        }
    }
    let depths = &arcs.depth[range.clone()];
    let own = &mut own[range.start - own_first..range.end - own_first];
    for (weight, depth) in own.iter_mut().zip(depths) {
        *weight = by_depth[*depth as usize];
    }
}
