//! Weights for every arc of the hierarchy, from the weights of the network's arcs.
//!
//! For each node in order of importance, its arcs take the best of what they weigh themselves and
//! of every way over a less important node. A node's arcs are spread over an array indexed by
//! depth while that happens: its far ends are ancestors, one at each depth, so the array is small
//! and stays in the first cache.

use crate::cch::{Below, Cch, INTO_BIT, NO_SLOT, UpArcs};
use crate::simd::Kernel;
use crate::weight::{TimeKey, Weight};

/// Weights of all arcs of a hierarchy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customized<W> {
    pub(crate) out: Vec<W>,
    pub(crate) into: Vec<W>,
}

/// Customises for the weights of the network's arcs, in their order.
pub(crate) struct Customize<'a, I> {
    pub(crate) cch: &'a Cch,
    pub(crate) arc_weights: I,
}

impl<W: Weight, I: Iterator<Item = W>> Kernel for Customize<'_, I> {
    type Output = Customized<W>;

    #[inline(always)]
    fn run(self) -> Customized<W> {
        let Self { cch, arc_weights } = self;
        let mut out = vec![W::NONE; cch.out.len()];
        let mut into = vec![W::NONE; cch.into.len()];
        for (slot, weight) in cch.slot_of_arc.iter().zip(arc_weights) {
            if *slot == NO_SLOT {
                continue;
            }
            let arcs = if slot & INTO_BIT == 0 { &mut out } else { &mut into };
            arcs[(slot & !INTO_BIT) as usize].improve(weight);
        }
        let mut by_depth = vec![W::NONE; cch.n_depths];
        for rank in 0..cch.parent.len() as u32 {
            relax(&cch.out, &cch.below_out, &mut out, &into, &mut by_depth, rank);
            relax(&cch.into, &cch.below_into, &mut into, &out, &mut by_depth, rank);
        }
        Customized { out, into }
    }
}

impl<const N: usize> Customized<[TimeKey; N]> {
    /// The weights of one of the metrics.
    pub(crate) fn lane(&self, lane: usize) -> Customized<TimeKey> {
        let of = |all: &[[TimeKey; N]]| all.iter().map(|lanes| lanes[lane]).collect();
        Customized { out: of(&self.out), into: of(&self.into) }
    }
}

/// Takes the best of all lower triangles for one node's arcs in one direction. `own` are the
/// weights in that direction, `other` those of the opposite one.
#[inline(always)]
fn relax<W: Weight>(
    arcs: &UpArcs,
    below: &Below,
    own: &mut [W],
    other: &[W],
    by_depth: &mut [W],
    rank: u32,
) {
    let range = arcs.range(rank);
    if range.is_empty() {
        return;
    }
    for arc in range.clone() {
        by_depth[arcs.depth[arc] as usize] = own[arc];
    }
    for entry in below.of(rank) {
        let first = other[entry.arc as usize];
        if first.is_none() {
            continue;
        }
        let onwards = entry.first as usize..entry.end as usize;
        for (depth, second) in arcs.depth[onwards.clone()].iter().zip(&own[onwards]) {
            by_depth[*depth as usize].improve(first.over(*second, entry.rank));
        }
    }
    for arc in range {
        own[arc] = by_depth[arcs.depth[arc] as usize];
    }
}
