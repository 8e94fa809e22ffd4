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
use crate::table::Rest;
use crate::weight::{Key, Lanes, Weight};

/// What searches and tables run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SearchGraph<S> {
    pub(crate) out: S,
    pub(crate) into: S,
}

/// One direction of a search graph, by rank.
pub(crate) trait SearchRows: Sync {
    /// The arcs of a node, the most important end first.
    fn row(&self, rank: u32) -> Row<'_>;
}

/// Arcs of a node.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// Depth of each arc's more important end.
    pub(crate) depth: &'a [u32],
    pub(crate) times: &'a [u32],
    /// What of the costs is not time; empty if that is not known.
    pub(crate) rest: &'a [Rest],
}

/// One direction of the search graph of whole costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SearchSide {
    /// `first[r]..first[r + 1]` are the arcs of rank `r`.
    first: Vec<u32>,
    depth: Vec<u32>,
    times: Vec<u32>,
    rest: Vec<Rest>,
    /// Each arc's index in the whole hierarchy.
    original: Vec<u32>,
}

impl SearchGraph<SearchSide> {
    /// The search graph of whole costs, given the shortest times between the ends of all arcs.
    pub(crate) fn whole(cch: &Cch, weights: &Customized<Key>, shortest: &Customized<u32>) -> Self {
        let side = |arcs: &UpArcs, keys: &[Key], shortest: &[u32]| {
            let mut side = SearchSide::of(arcs, keys.len() / 2);
            for rank in 0..arcs.first.len() as u32 - 1 {
                side.push_row(arcs, keys, shortest, rank);
            }
            side
        };
        Self {
            out: side(&cch.out, &weights.out, &shortest.out),
            into: side(&cch.into, &weights.into, &shortest.into),
        }
    }

    /// This search graph with some nodes' rows made anew.
    pub(crate) fn with_rows(
        &self,
        cch: &Cch,
        weights: &Customized<Key>,
        shortest: &Customized<u32>,
        rows: &[bool],
    ) -> Self {
        Self {
            out: self.out.with_rows(&cch.out, &weights.out, &shortest.out, rows),
            into: self.into.with_rows(&cch.into, &weights.into, &shortest.into, rows),
        }
    }
}

impl SearchRows for SearchSide {
    #[inline(always)]
    fn row(&self, rank: u32) -> Row<'_> {
        let range = self.first[rank as usize] as usize..self.first[rank as usize + 1] as usize;
        Row {
            depth: &self.depth[range.clone()],
            times: &self.times[range.clone()],
            rest: &self.rest[range],
        }
    }
}

impl SearchSide {
    /// The index in the hierarchy of the arc at a place in a node's row.
    pub(crate) fn original(&self, rank: u32, at: u32) -> u32 {
        self.original[(self.first[rank as usize] + at) as usize]
    }

    fn of(arcs: &UpArcs, n_arcs: usize) -> Self {
        let mut first = Vec::with_capacity(arcs.first.len());
        first.push(0);
        Self {
            first,
            depth: Vec::with_capacity(n_arcs),
            times: Vec::with_capacity(n_arcs),
            rest: Vec::with_capacity(n_arcs),
            original: Vec::with_capacity(n_arcs),
        }
    }

    /// Appends the row of the next node: its arcs that no way over more important nodes beats.
    fn push_row(&mut self, arcs: &UpArcs, keys: &[Key], shortest: &[u32], rank: u32) {
        for arc in arcs.range(rank) {
            let time_ms = keys[arc].time_ms();
            if time_ms == shortest[arc] && time_ms < UNREACHABLE_MS {
                self.depth.push(arcs.depth[arc]);
                self.times.push(time_ms);
                self.rest.push(keys[arc].rest());
                self.original.push(arc as u32);
            }
        }
        self.first.push(self.times.len() as u32);
    }

    fn with_rows(&self, arcs: &UpArcs, keys: &[Key], shortest: &[u32], rows: &[bool]) -> Self {
        let mut side = Self::of(arcs, self.times.len() + self.times.len() / 8);
        let mut rank = 0;
        while rank < rows.len() {
            if rows[rank] {
                side.push_row(arcs, keys, shortest, rank as u32);
                rank += 1;
                continue;
            }
            let end = rows[rank..].iter().position(|is| *is).map_or(rows.len(), |n| rank + n);
            let kept = self.first[rank] as usize..self.first[end] as usize;
            let (old, new) = (self.first[rank], side.times.len() as u32);
            side.first.extend(self.first[rank + 1..=end].iter().map(|at| at - old + new));
            side.depth.extend_from_slice(&self.depth[kept.clone()]);
            side.times.extend_from_slice(&self.times[kept.clone()]);
            side.rest.extend_from_slice(&self.rest[kept.clone()]);
            side.original.extend_from_slice(&self.original[kept]);
            rank = end;
        }
        side
    }
}

/// Finds the shortest times between the ends of all arcs.
pub(crate) fn shorten(cch: &Cch, weights: &Customized<Key>, shortest: &mut Customized<u32>) {
    for (times, keys) in [(&mut shortest.out, &weights.out), (&mut shortest.into, &weights.into)] {
        times.clear();
        times.extend(keys.iter().map(|key| key.time_ms()));
    }
    shorten_all(cch, shortest);
}

/// The shortest times between the ends of all arcs, in several metrics.
pub(crate) fn shortest_of_lanes(cch: &Cch, times: &Customized<Lanes>) -> Customized<Lanes> {
    let mut shortest = times.clone();
    shorten_all(cch, &mut shortest);
    shortest
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
            shorten_below(&cch.out, &cch.below_into, out, first_out, rank, &away, &back);
            shorten_below(&cch.into, &cch.below_out, into, first_into, rank, &back, &away);
            clear(&cch.out, rank, &mut away);
            clear(&cch.into, rank, &mut back);
        }
    }
}

#[inline(always)]
pub(crate) fn spread<W: Weight>(
    arcs: &UpArcs,
    times: &[W],
    first: usize,
    rank: u32,
    by_depth: &mut [W],
) {
    for arc in arcs.range(rank) {
        by_depth[arcs.depth[arc] as usize] = times[arc - first];
    }
}

#[inline(always)]
pub(crate) fn clear<W: Weight>(arcs: &UpArcs, rank: u32, by_depth: &mut [W]) {
    for depth in &arcs.depth[arcs.range(rank)] {
        by_depth[*depth as usize] = W::NONE;
    }
}

/// Shortens the arcs of all less important nodes u next to the node x of this rank: those between
/// u and nodes y above x by going over x, and the one between u and x by going over any y.
/// `onwards` holds the times between x and each y in the direction of travel, `back` against it.
#[inline(always)]
fn shorten_below<W: Weight>(
    arcs: &UpArcs,
    below: &Below,
    times: &mut [W],
    first: usize,
    rank: u32,
    onwards: &[W],
    back: &[W],
) {
    for entry in below.of(rank) {
        // The arcs of u go from the most important end down, so those above x come first.
        let row = arcs.first[entry.rank as usize] as usize..entry.arc as usize + 1;
        let at = row.len() - 1;
        let times = &mut times[row.start - first..row.end - first];
        shorten_row(times, &arcs.depth[row], at, onwards, back);
    }
}

/// Shortens the arcs of one node: those before place `at`, which leads to a node x, by going over
/// x, and the one to x by going over any of theirs.
#[inline(always)]
pub(crate) fn shorten_row<W: Weight>(
    times: &mut [W],
    depths: &[u32],
    at: usize,
    onwards: &[W],
    back: &[W],
) {
    let to_x = times[at];
    let mut shortest = to_x;
    for (time, depth) in times[..at].iter_mut().zip(depths) {
        shortest.improve(time.over(back[*depth as usize], 0));
        time.improve(to_x.over(onwards[*depth as usize], 0));
    }
    times[at] = shortest;
}
