//! Customising again only what a few changed arcs of the network touch.
//!
//! Upwards first: an arc of the hierarchy is looked at again if it stands for a changed arc of the
//! network, or if a triangle through a changed arc made its weight, or would now be better. Then
//! downwards: the shortest times of a node's arcs are found again if its own arcs changed, or a
//! more important arc that two of them end at. Both follow Dibbelt, Strasser and Wagner (2016,
//! section 4.4), and end with the very weights and search graph that customising all of it gives.

use std::collections::BTreeMap;

use crate::cch::{Cch, UpArcs};
use crate::customize::Customized;
use crate::network::Network;
use crate::perfect::{clear, shorten_row, spread};
use crate::weight::{Key, Weight};

/// Which nodes' rows differ after a change, by rank.
pub(crate) type Rows = Vec<bool>;

/// The arcs of a node that are to be looked at again.
#[derive(Default)]
struct Doubtful {
    out: Vec<usize>,
    into: Vec<usize>,
}

/// Brings customised weights up to date after the weights of `changed` arcs of the network have
/// changed; returns the nodes some arc of which weighs something else now.
pub(crate) fn recustomize(
    network: &Network,
    weights: &mut Customized<Key>,
    changed: &[usize],
    arc_weight: impl Fn(usize) -> Key,
) -> Rows {
    let cch = &network.cch;
    let mut rows = vec![false; cch.parent.len()];
    let mut doubtful: BTreeMap<u32, Doubtful> = BTreeMap::new();
    for arc in changed {
        let tail = network.first_arc.partition_point(|first| *first as usize <= *arc) - 1;
        let (a, b) = (network.rank(tail as u32), network.rank(network.arc_head[*arc]));
        doubt(cch, &mut doubtful, a, b);
    }
    // Whatever becomes doubtful lies above the node that makes it so.
    while let Some((rank, Doubtful { out, into })) = doubtful.pop_first() {
        let mut news: Vec<(bool, usize, Key, Key)> = Vec::new();
        for (is_out, mut arcs) in [(true, out), (false, into)] {
            arcs.sort_unstable();
            arcs.dedup();
            for arc in arcs {
                let new = weight_of(cch, weights, is_out, rank, arc, &arc_weight);
                let known = if is_out { &mut weights.out[arc] } else { &mut weights.into[arc] };
                let old = std::mem::replace(known, new);
                if old != new {
                    news.push((is_out, arc, old, new));
                }
            }
        }
        rows[rank as usize] |= !news.is_empty();
        let old_of = |is_out: bool, arc: usize, now: Key| {
            let known = news.iter().find(|(out, a, ..)| (*out, *a) == (is_out, arc));
            known.map_or(now, |(_, _, old, _)| *old)
        };
        for (is_out, arc, old, new) in &news {
            let (own, other) = if *is_out { (&cch.out, &cch.into) } else { (&cch.into, &cch.out) };
            let end = own.ancestor[*arc];
            for second in other.range(rank) {
                let far = other.ancestor[second];
                if far == end {
                    continue;
                }
                let now = if *is_out { weights.into[second] } else { weights.out[second] };
                let before = old_of(!*is_out, second, now);
                let (tail, head) = if *is_out { (far, end) } else { (end, far) };
                let (above_out, above) = arc_between(cch, tail, head);
                let known = if above_out { weights.out[above] } else { weights.into[above] };
                // The weight of a triangle is the same whichever of its arcs comes first.
                let is_its_own = known == old.over(before, rank);
                if is_its_own || new.over(now, rank) < known {
                    doubt(cch, &mut doubtful, tail, head);
                }
            }
        }
    }
    rows
}

/// The arc of the hierarchy from one node to another, and whether it leads up.
fn arc_between(cch: &Cch, tail: u32, head: u32) -> (bool, usize) {
    let is_out = tail < head;
    let arcs = if is_out { &cch.out } else { &cch.into };
    let arc = arcs.find(tail.min(head), tail.max(head));
    (is_out, arc.expect("both ends of a triangle are joined"))
}

fn doubt(cch: &Cch, doubtful: &mut BTreeMap<u32, Doubtful>, tail: u32, head: u32) {
    if tail == head {
        return;
    }
    let (is_out, arc) = arc_between(cch, tail, head);
    let of_node = doubtful.entry(tail.min(head)).or_default();
    if is_out { &mut of_node.out } else { &mut of_node.into }.push(arc);
}

/// The best of what an arc weighs itself and of all its lower triangles.
fn weight_of(
    cch: &Cch,
    weights: &Customized<Key>,
    is_out: bool,
    rank: u32,
    arc: usize,
    arc_weight: impl Fn(usize) -> Key,
) -> Key {
    let (arcs, below, own, other) = if is_out {
        (&cch.out, &cch.below_out, &weights.out, &weights.into)
    } else {
        (&cch.into, &cch.below_into, &weights.into, &weights.out)
    };
    let depth = arcs.depth[arc];
    let mut best = <Key as Weight>::NONE;
    for original in arcs.originals_of(rank).iter().filter(|o| o.depth == depth) {
        best.improve(arc_weight(original.arc as usize));
    }
    for entry in below.of(rank) {
        let first = other[entry.arc as usize];
        let start = entry.first as usize;
        if first.is_none() {
            continue;
        }
        if let Ok(at) = arcs.depth[start..entry.end as usize].binary_search(&depth) {
            best.improve(first.over(own[start + at], entry.rank));
        }
    }
    best
}

/// Brings the shortest times between the ends of all arcs up to date, after the nodes of `rows` got
/// other weights; returns the nodes whose rows of the search graph may differ: theirs, and those
/// with an arc whose shortest time changed.
pub(crate) fn reshorten(
    cch: &Cch,
    weights: &Customized<Key>,
    shortest: &mut Customized<u32>,
    rows: &[bool],
) -> Rows {
    let mut touched = rows.to_vec();
    let mut is_doubtful = rows.to_vec();
    let mut away = vec![u32::NONE; cch.n_depths];
    let mut back = vec![u32::NONE; cch.n_depths];
    let mut changed_depths = vec![false; cch.n_depths];
    for rank in (0..cch.parent.len() as u32).rev() {
        if !is_doubtful[rank as usize] {
            continue;
        }
        let mut news: Vec<u32> = Vec::new();
        for is_out in [true, false] {
            let (arcs, keys) =
                if is_out { (&cch.out, &weights.out) } else { (&cch.into, &weights.into) };
            let range = arcs.range(rank);
            let mut times: Vec<u32> = keys[range.clone()].iter().map(|key| key.time_ms()).collect();
            for at in 0..times.len() {
                let x = arcs.ancestor[range.start + at];
                spread(&cch.out, &shortest.out, 0, x, &mut away);
                spread(&cch.into, &shortest.into, 0, x, &mut back);
                let (onwards, against) = if is_out { (&away, &back) } else { (&back, &away) };
                shorten_row(&mut times, &arcs.depth[range.clone()], at, onwards, against);
                clear(&cch.out, x, &mut away);
                clear(&cch.into, x, &mut back);
            }
            let known = if is_out { &mut shortest.out } else { &mut shortest.into };
            for (arc, time) in range.zip(times) {
                if std::mem::replace(&mut known[arc], time) != time {
                    news.push(arcs.depth[arc]);
                }
            }
        }
        if news.is_empty() {
            continue;
        }
        touched[rank as usize] = true;
        news.iter().for_each(|depth| changed_depths[*depth as usize] = true);
        let ends_there = |arcs: &UpArcs, low: u32| {
            let depths = &arcs.depth[arcs.range(low)];
            let above = depths.partition_point(|d| *d < cch.depth[rank as usize]);
            depths[..above].iter().any(|depth| changed_depths[*depth as usize])
        };
        for entry in cch.below_out.of(rank).iter().chain(cch.below_into.of(rank)) {
            let low = entry.rank;
            if !is_doubtful[low as usize] {
                is_doubtful[low as usize] = ends_there(&cch.out, low) || ends_there(&cch.into, low);
            }
        }
        news.iter().for_each(|depth| changed_depths[*depth as usize] = false);
    }
    touched
}
