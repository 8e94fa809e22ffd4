//! The arcs of the hierarchy that shortest paths use.
//!
//! Perfect customisation (Dibbelt, Strasser, Wagner 2016, section 4.3): where going over a more
//! important node takes strictly less time than an arc, no shortest path uses the arc. Triangles
//! are looked at from their middle node, the most important first, with its own arcs spread by
//! depth; what lies above the subtrees goes first, then the subtrees in parallel.

use rayon::prelude::*;

use crate::cch::{Below, Cch, UpArcs};
use crate::cost::UNREACHABLE_MS;
use crate::customize::{Customized, Part};
use crate::simd::{Kernel, wide};
use crate::table::{LabelArcs, Rest};
use crate::weight::{Key, Lanes, Weight};

/// What searches and tables run on.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchGraph {
    pub(crate) out: SearchSide,
    pub(crate) into: SearchSide,
}

/// One direction of the search graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchSide {
    /// `first[r]..first[r + 1]` are the arcs of rank `r`.
    pub(crate) first: Vec<u32>,
    /// Depth of each arc's more important end.
    pub(crate) depth: Vec<u32>,
    pub(crate) times: Vec<u32>,
    /// What of the costs is not time; empty if that is not known.
    pub(crate) rest: Vec<Rest>,
    /// Each arc's index in the whole hierarchy.
    pub(crate) original: Vec<u32>,
}

impl SearchGraph {
    /// The search graph of whole costs.
    pub(crate) fn whole(cch: &Cch, weights: &Customized<Key>) -> Self {
        let times = |keys: &[Key]| keys.iter().map(|key| key.time_ms()).collect::<Vec<u32>>();
        let all = Customized { out: times(&weights.out), into: times(&weights.into) };
        let mut shortest = all.clone();
        shorten_all(cch, &mut shortest);
        let side = |arcs: &UpArcs, keys: &[Key], times: &[u32], shortest: &[u32]| {
            let mut side = SearchSide::of(arcs, times.len() / 2);
            for rank in 0..arcs.first.len() as u32 - 1 {
                for arc in arcs.range(rank) {
                    if times[arc] == shortest[arc] && times[arc] < UNREACHABLE_MS {
                        side.push(arcs.depth[arc], times[arc], arc);
                        side.rest.push(keys[arc].rest());
                    }
                }
                side.first.push(side.times.len() as u32);
            }
            side
        };
        Self {
            out: side(&cch.out, &weights.out, &all.out, &shortest.out),
            into: side(&cch.into, &weights.into, &all.into, &shortest.into),
        }
    }

    /// The search graphs of the first `n` of several metrics.
    pub(crate) fn of_lanes(cch: &Cch, times: &Customized<Lanes>, n: usize) -> Vec<Self> {
        let mut shortest = times.clone();
        shorten_all(cch, &mut shortest);
        let side = |arcs: &UpArcs, times: &[Lanes], shortest: &[Lanes]| {
            let mut sides: Vec<SearchSide> =
                (0..n).map(|_| SearchSide::of(arcs, times.len() / 2)).collect();
            for rank in 0..arcs.first.len() as u32 - 1 {
                for arc in arcs.range(rank) {
                    let (all, best) = (&times[arc], &shortest[arc]);
                    for (lane, side) in sides.iter_mut().enumerate() {
                        if all[lane] == best[lane] && all[lane] < UNREACHABLE_MS {
                            side.push(arcs.depth[arc], all[lane], arc);
                        }
                    }
                }
                for side in &mut sides {
                    side.first.push(side.times.len() as u32);
                }
            }
            sides
        };
        let out = side(&cch.out, &times.out, &shortest.out);
        let into = side(&cch.into, &times.into, &shortest.into);
        out.into_iter().zip(into).map(|(out, into)| Self { out, into }).collect()
    }

    /// What labels are made of, out of sources and into targets.
    pub(crate) fn label_arcs(&self) -> (LabelArcs<'_>, LabelArcs<'_>) {
        (self.out.label_arcs(), self.into.label_arcs())
    }
}

impl SearchSide {
    fn of(arcs: &UpArcs, n_arcs: usize) -> Self {
        let mut first = Vec::with_capacity(arcs.first.len());
        first.push(0);
        Self {
            first,
            depth: Vec::with_capacity(n_arcs),
            times: Vec::with_capacity(n_arcs),
            rest: Vec::new(),
            original: Vec::with_capacity(n_arcs),
        }
    }

    #[inline(always)]
    fn push(&mut self, depth: u32, time_ms: u32, arc: usize) {
        self.depth.push(depth);
        self.times.push(time_ms);
        self.original.push(arc as u32);
    }

    pub(crate) fn range(&self, rank: u32) -> std::ops::Range<usize> {
        self.first[rank as usize] as usize..self.first[rank as usize + 1] as usize
    }

    fn label_arcs(&self) -> LabelArcs<'_> {
        LabelArcs { first: &self.first, depth: &self.depth, times: &self.times, rest: &self.rest }
    }
}

/// Brings customised times down to the shortest between the ends of every arc.
fn shorten_all<W: Weight>(cch: &Cch, times: &mut Customized<W>) {
    let (out, into) = (&mut times.out[..], &mut times.into[..]);
    let part = Part { ranks: 0..cch.parent.len() as u32, out, into, first_out: 0, first_into: 0 };
    wide(Perfect { cch, part, ranks: cch.top.iter().rev().copied() });
    times.parts(cch).into_par_iter().for_each(|part| {
        let ranks = part.ranks.clone().rev();
        wide(Perfect { cch, part, ranks });
    });
}

/// Shortens all arcs below some ranks by going over these, all more important ones being done.
struct Perfect<'a, W, R> {
    cch: &'a Cch,
    part: Part<'a, W>,
    ranks: R,
}

impl<W: Weight, R: Iterator<Item = u32>> Kernel for Perfect<'_, W, R> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { cch, part, ranks } = self;
        let Part { out, into, first_out, first_into, .. } = part;
        let mut away = vec![W::NONE; cch.n_depths];
        let mut back = vec![W::NONE; cch.n_depths];
        for rank in ranks {
            spread(&cch.out, out, first_out, rank, &mut away);
            spread(&cch.into, into, first_into, rank, &mut back);
            shorten(&cch.out, &cch.below_into, out, first_out, rank, &away, &back);
            shorten(&cch.into, &cch.below_out, into, first_into, rank, &back, &away);
            clear(&cch.out, rank, &mut away);
            clear(&cch.into, rank, &mut back);
        }
    }
}

#[inline(always)]
fn spread<W: Weight>(arcs: &UpArcs, times: &[W], first: usize, rank: u32, by_depth: &mut [W]) {
    for arc in arcs.range(rank) {
        by_depth[arcs.depth[arc] as usize] = times[arc - first];
    }
}

#[inline(always)]
fn clear<W: Weight>(arcs: &UpArcs, rank: u32, by_depth: &mut [W]) {
    for depth in &arcs.depth[arcs.range(rank)] {
        by_depth[*depth as usize] = W::NONE;
    }
}

/// Shortens the arcs of all less important nodes u next to the node x of this rank: those between
/// u and nodes y above x by going over x, and the one between u and x by going over any y.
/// `onwards` holds the times between x and each y in the direction of travel, `back` against it.
#[inline(always)]
fn shorten<W: Weight>(
    arcs: &UpArcs,
    below: &Below,
    times: &mut [W],
    first: usize,
    rank: u32,
    onwards: &[W],
    back: &[W],
) {
    for entry in below.of(rank) {
        let to_x = times[entry.arc as usize - first];
        let mut shortest = to_x;
        // The arcs of u go from the most important end down, so those above x come first.
        let above = arcs.first[entry.rank as usize] as usize..entry.arc as usize;
        let depths = &arcs.depth[above.clone()];
        for (time, depth) in times[above.start - first..above.end - first].iter_mut().zip(depths) {
            shortest.improve(time.over(back[*depth as usize], 0));
            time.improve(to_x.over(onwards[*depth as usize], 0));
        }
        times[entry.arc as usize - first] = shortest;
    }
}
