//! The arcs of the hierarchy that shortest paths use.
//!
//! Perfect customisation (Dibbelt, Strasser, Wagner 2016, section 4.3): where going over a more
//! important node takes strictly less time than an arc, no shortest path uses the arc. Triangles
//! are looked at from their middle node, the most important first, with its own arcs spread by
//! depth.

use crate::cch::{Below, Cch, UpArcs};
use crate::cost::UNREACHABLE_MS;
use crate::customize::Customized;
use crate::simd::{Kernel, wide};
use crate::table::{LabelArcs, Rest};
use crate::weight::ShortcutWeight;

/// What searches and tables run on.
#[derive(Clone, Debug)]
pub(crate) struct SearchGraph<K> {
    pub(crate) out: SearchSide<K>,
    pub(crate) into: SearchSide<K>,
}

/// One direction of the search graph.
#[derive(Clone, Debug)]
pub(crate) struct SearchSide<K> {
    pub(crate) arcs: UpArcs,
    pub(crate) keys: Vec<K>,
    /// The times in `keys`.
    pub(crate) times: Vec<u32>,
    /// The rest of the costs in `keys`.
    pub(crate) rest: Vec<Rest>,
    /// Each arc's index in the whole hierarchy.
    pub(crate) original: Vec<u32>,
}

impl<K: ShortcutWeight> SearchGraph<K> {
    pub(crate) fn build(cch: &Cch, weights: &Customized<K>) -> Self {
        let times = |keys: &[K]| keys.iter().map(|key| key.time_ms()).collect::<Vec<u32>>();
        let (out, into) = (times(&weights.out), times(&weights.into));
        let shortest = wide(Perfect { cch, out: out.clone(), into: into.clone() });
        Self {
            out: SearchSide::build(&cch.out, &weights.out, &out, &shortest.out),
            into: SearchSide::build(&cch.into, &weights.into, &into, &shortest.into),
        }
    }
}

impl<K> SearchGraph<K> {
    /// What labels are made of, out of sources and into targets.
    pub(crate) fn label_arcs(&self) -> (LabelArcs<'_>, LabelArcs<'_>) {
        (self.out.label_arcs(), self.into.label_arcs())
    }
}

impl<K> SearchSide<K> {
    fn label_arcs(&self) -> LabelArcs<'_> {
        LabelArcs { arcs: &self.arcs, times: &self.times, rest: &self.rest }
    }
}

impl<K: ShortcutWeight> SearchSide<K> {
    /// Keeps the arcs whose time is the shortest between their ends.
    fn build(arcs: &UpArcs, keys: &[K], times: &[u32], shortest: &[u32]) -> Self {
        let mut side = Self {
            arcs: UpArcs { first: vec![0], ..UpArcs::default() },
            keys: Vec::new(),
            times: Vec::new(),
            rest: Vec::new(),
            original: Vec::new(),
        };
        for rank in 0..arcs.first.len() as u32 - 1 {
            for arc in arcs.range(rank) {
                if times[arc] == shortest[arc] && times[arc] < UNREACHABLE_MS {
                    side.arcs.ancestor.push(arcs.ancestor[arc]);
                    side.arcs.depth.push(arcs.depth[arc]);
                    side.keys.push(keys[arc]);
                    side.times.push(times[arc]);
                    side.rest.extend(keys[arc].rest());
                    side.original.push(arc as u32);
                }
            }
            side.arcs.first.push(side.original.len() as u32);
        }
        side
    }
}

/// Shortest times between the ends of every arc, from the customised times.
struct Perfect<'a> {
    cch: &'a Cch,
    out: Vec<u32>,
    into: Vec<u32>,
}

impl Kernel for Perfect<'_> {
    type Output = Customized<u32>;

    #[inline(always)]
    fn run(self) -> Customized<u32> {
        let Self { cch, mut out, mut into } = self;
        let mut away = vec![UNREACHABLE_MS; cch.n_depths];
        let mut back = vec![UNREACHABLE_MS; cch.n_depths];
        for rank in (0..cch.parent.len() as u32).rev() {
            spread(&cch.out, &out, rank, &mut away);
            spread(&cch.into, &into, rank, &mut back);
            shorten(&cch.out, &cch.below_into, &mut out, rank, &away, &back);
            shorten(&cch.into, &cch.below_out, &mut into, rank, &back, &away);
            clear(&cch.out, rank, &mut away);
            clear(&cch.into, rank, &mut back);
        }
        Customized { out, into }
    }
}

#[inline(always)]
fn spread(arcs: &UpArcs, times: &[u32], rank: u32, by_depth: &mut [u32]) {
    for arc in arcs.range(rank) {
        by_depth[arcs.depth[arc] as usize] = times[arc];
    }
}

#[inline(always)]
fn clear(arcs: &UpArcs, rank: u32, by_depth: &mut [u32]) {
    for depth in &arcs.depth[arcs.range(rank)] {
        by_depth[*depth as usize] = UNREACHABLE_MS;
    }
}

/// Shortens the arcs of all less important nodes u next to the node x of this rank: those between
/// u and nodes y above x by going over x, and the one between u and x by going over any y.
/// `onwards` holds the times between x and each y in the direction of travel, `back` against it.
#[inline(always)]
fn shorten(
    arcs: &UpArcs,
    below: &Below,
    times: &mut [u32],
    rank: u32,
    onwards: &[u32],
    back: &[u32],
) {
    for entry in below.of(rank) {
        let to_x = times[entry.arc as usize];
        let mut shortest = to_x;
        // The arcs of u go from the most important end down, so those above x come first.
        let above = arcs.first[entry.rank as usize] as usize..entry.arc as usize;
        let depths = &arcs.depth[above.clone()];
        for (time, depth) in times[above].iter_mut().zip(depths) {
            shortest = shortest.min(*time + back[*depth as usize]);
            *time = (*time).min(to_x + onwards[*depth as usize]);
        }
        times[entry.arc as usize] = shortest;
    }
}
