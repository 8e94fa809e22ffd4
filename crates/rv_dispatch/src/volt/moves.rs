//! Local search on battery routes: every move makes one promising leg `v -> u`, with chargers where
//! they are; they are placed anew once it has ended.
//!
//! Between two routes a move swaps two stretches, one of which may be empty (relocate, swap) or reach
//! to the end (2-opt*); within a route stretches change places or are turned round. A stretch takes
//! the chargers in it along.

use std::ops::Range;

use super::fleet::{Fleet, Tour};
use super::labels::Sites;
use crate::instance::NONE;
use crate::near::Near;

/// Neighbours on either side that are looked at.
const N_NEAR: usize = 12;
/// Longest stretch that is moved, and longest that is swapped for one.
const MOVED_MAX: usize = 3;
const SWAPPED_MAX: usize = 2;

/// Stops whose surroundings have changed.
pub(super) struct Work {
    queue: Vec<u32>,
    is_queued: Vec<bool>,
    /// Room for the two sequences that a move makes.
    made: [Vec<u32>; 2],
}

impl Work {
    pub fn new(n_stops: usize) -> Self {
        Self { queue: Vec::new(), is_queued: vec![false; n_stops], made: Default::default() }
    }

    fn push(&mut self, stop: u32) {
        if !std::mem::replace(&mut self.is_queued[stop as usize], true) {
            self.queue.push(stop);
        }
    }

    /// The stops nearest to position `pos` of a route, and the one there.
    pub fn push_around(&mut self, sites: &Sites, seq: &[u32], pos: usize) {
        let is_stop = |id: &&u32| sites.is_stop(**id);
        let before = seq[..pos].iter().rev().find(is_stop);
        let here = seq.get(pos).filter(is_stop);
        let behind = seq.get(pos + 1..).and_then(|rest| rest.iter().find(is_stop));
        for &id in [before, here, behind].into_iter().flatten() {
            self.push(id);
        }
    }
}

/// Improves the routes around the stops at work until no move of this kind does.
pub(super) fn descend(fleet: &mut Fleet<'_>, near: &Near, work: &mut Work) {
    while let Some(u) = work.queue.pop() {
        work.is_queued[u as usize] = false;
        if fleet.spots[u as usize].0 == NONE {
            continue;
        }
        let is_better = near.preds(u).iter().take(N_NEAR).any(|&v| link(fleet, work, v, u))
            || near.succs(u).iter().take(N_NEAR).any(|&w| link(fleet, work, u, w));
        if is_better {
            work.push(u);
        }
    }
}

/// Makes the first move found that brings `u` right behind `v` and saves cost.
fn link(fleet: &mut Fleet<'_>, work: &mut Work, v: u32, u: u32) -> bool {
    let ((a, i), (b, j)) = (fleet.spots[v as usize], fleet.spots[u as usize]);
    let (i, j) = (i as usize, j as usize);
    if a == NONE || b == NONE || (a == b && i + 1 == j) {
        return false;
    }
    let sites = fleet.sites;
    let (seq_a, seq_b) = (&fleet.tours[a as usize].seq, &fleet.tours[b as usize].seq);
    // The gain criterion (Lin and Kernighan 1973), as in the search over simple routes.
    let mut longest = sites.length(v, seq_a[i + 1]).max(sites.length(seq_b[j - 1], u));
    let mut penalties = fleet.penalty_now(a);
    if a == b {
        longest = longest.max(sites.length(u, seq_b[j + 1]));
    } else {
        penalties += fleet.penalty_now(b);
    }
    if (sites.length(v, u) - longest) * fleet.prices.per_mm >= penalties {
        return false;
    }
    let (n_a, n_b) = (seq_a.len() - 1, seq_b.len() - 1);
    if a == b {
        return within(fleet, work, a, i, j);
    }
    if swap(fleet, work, (a, i + 1..n_a), (b, j..n_b)) {
        return true;
    }
    // Stretches from `u` on go behind `v`, for stretches that begin there.
    for n_mine in 1..=MOVED_MAX.min(n_b - j) {
        let n_theirs = if n_mine > SWAPPED_MAX { 0 } else { SWAPPED_MAX.min(n_a - i - 1) };
        for n in 0..=n_theirs {
            if swap(fleet, work, (a, i + 1..i + 1 + n), (b, j..j + n_mine)) {
                return true;
            }
        }
    }
    // Stretches up to `v` go before `u`, for stretches that end there.
    for n_mine in 1..=MOVED_MAX.min(i) {
        let n_theirs = if n_mine > SWAPPED_MAX { 0 } else { SWAPPED_MAX.min(j - 1) };
        for n in 0..=n_theirs {
            if swap(fleet, work, (a, i + 1 - n_mine..i + 1), (b, j - n..j)) {
                return true;
            }
        }
    }
    false
}

/// Length from the node before a stretch over `string` to the node behind it.
fn way(sites: &Sites, before: u32, string: &[u32], behind: u32) -> i64 {
    match string {
        [] => sites.length(before, behind),
        [first, .., last] => sites.length(before, *first) + sites.length(*last, behind),
        [only] => sites.length(before, *only) + sites.length(*only, behind),
    }
}

/// What a route is broken by if it runs over `string` instead of a stretch of its own.
fn broken_over(sites: &Sites, tour: &Tour, range: &Range<usize>, string: &[u32]) -> i32 {
    let mut at = tour.seq[range.start - 1];
    let mut start = tour.starts[range.start - 1];
    for &id in string {
        start = sites.step(start, at, id);
        at = id;
    }
    sites.join(start, at, tour.seq[range.end], tour.rests[range.end])
}

/// Swaps stretches of two routes if that saves cost.
fn swap(
    fleet: &mut Fleet<'_>,
    work: &mut Work,
    (a, at_a): (u32, Range<usize>),
    (b, at_b): (u32, Range<usize>),
) -> bool {
    let (sites, prices) = (fleet.sites, fleet.prices);
    let (tour_a, tour_b) = (&fleet.tours[a as usize], &fleet.tours[b as usize]);
    let (mine, theirs) = (&tour_a.seq[at_a.clone()], &tour_b.seq[at_b.clone()]);
    let ends = |tour: &Tour, at: &Range<usize>| (tour.seq[at.start - 1], tour.seq[at.end]);
    let ((a0, a1), (b0, b1)) = (ends(tour_a, &at_a), ends(tour_b, &at_b));
    let longer = way(sites, a0, theirs, a1) + way(sites, b0, mine, b1)
        - way(sites, a0, mine, a1)
        - way(sites, b0, theirs, b1);
    let mut delta = longer * prices.per_mm - fleet.penalty_now(a) - fleet.penalty_now(b);
    let n_left = |tour: &Tour, gone: &[u32], got: &[u32]| tour.seq.len() - gone.len() + got.len();
    if n_left(tour_a, mine, theirs) == 2 || n_left(tour_b, theirs, mine) == 2 {
        delta -= fleet.cost_fixed;
    }
    if delta >= 0 {
        return false;
    }
    let loads = |string: &[u32]| string.iter().map(|&id| sites.site(id).load).sum::<i32>();
    let (load_a, load_b) = (loads(mine), loads(theirs));
    let over_a = sites.overload(tour_a.load - load_a + load_b);
    let over_b = sites.overload(tour_b.load - load_b + load_a);
    let Some(over) = prices.broken(over_a.saturating_add(over_b)) else { return false };
    delta += over;
    if delta >= 0 {
        return false;
    }
    for (tour, at, string) in [(tour_a, &at_a, theirs), (tour_b, &at_b, mine)] {
        let Some(broken) = prices.broken(broken_over(sites, tour, at, string)) else {
            return false;
        };
        delta += broken;
        if delta >= 0 {
            return false;
        }
    }
    let [made_a, made_b] = &mut work.made;
    splice(made_a, &tour_a.seq, &at_a, theirs);
    splice(made_b, &tour_b.seq, &at_b, mine);
    if fleet.charges_too_often(made_a) || fleet.charges_too_often(made_b) {
        return false;
    }
    let (end_a, end_b) = (at_a.start + theirs.len(), at_b.start + mine.len());
    fleet.replace_both(a, made_a, b, made_b);
    for (v, from, to) in [(a, at_a.start, end_a), (b, at_b.start, end_b)] {
        let seq = &fleet.tours[v as usize].seq;
        for pos in [from, to].into_iter().filter(|&pos| pos < seq.len()) {
            work.push_around(sites, seq, pos);
        }
    }
    true
}

/// A sequence with a stretch of it replaced.
fn splice(made: &mut Vec<u32>, seq: &[u32], range: &Range<usize>, string: &[u32]) {
    made.clear();
    made.extend_from_slice(&seq[..range.start]);
    made.extend_from_slice(string);
    made.extend_from_slice(&seq[range.end..]);
}

/// Moves within a route that bring the stop at `j` right behind the one at `i`.
fn within(fleet: &mut Fleet<'_>, work: &mut Work, v: u32, i: usize, j: usize) -> bool {
    let n = fleet.tours[v as usize].seq.len() - 1;
    if i < j {
        for k in 1..=MOVED_MAX {
            if j + k <= n && rotate(fleet, work, v, i + 1, j, j + k) {
                return true;
            }
            if i + 1 > k && rotate(fleet, work, v, i + 1 - k, i + 1, j) {
                return true;
            }
        }
        return turn(fleet, work, v, i + 1..j + 1);
    }
    (1..=MOVED_MAX).any(|k| {
        (j + k <= i && rotate(fleet, work, v, j, j + k, i + 1))
            || (i + 1 > j + k && rotate(fleet, work, v, j, i + 1 - k, i + 1))
    })
}

/// Swaps the neighbouring stretches `a..b` and `b..c` of a route if that saves cost.
fn rotate(fleet: &mut Fleet<'_>, work: &mut Work, v: u32, a: usize, b: usize, c: usize) -> bool {
    let sites = fleet.sites;
    let seq = &fleet.tours[v as usize].seq;
    let (before, behind) = (seq[a - 1], seq[c]);
    let longer = sites.length(before, seq[b])
        + sites.length(seq[c - 1], seq[a])
        + sites.length(seq[b - 1], behind)
        - sites.length(before, seq[a])
        - sites.length(seq[b - 1], seq[b])
        - sites.length(seq[c - 1], behind);
    if longer * fleet.prices.per_mm >= fleet.penalty_now(v) {
        return false;
    }
    let mut string = std::mem::take(&mut work.made[1]);
    string.clear();
    string.extend_from_slice(&seq[b..c]);
    string.extend_from_slice(&seq[a..b]);
    let is_made = rearrange(fleet, work, v, a..c, &string, longer);
    work.made[1] = string;
    is_made
}

/// Turns a stretch of a route round if that saves cost.
fn turn(fleet: &mut Fleet<'_>, work: &mut Work, v: u32, range: Range<usize>) -> bool {
    let sites = fleet.sites;
    let seq = &fleet.tours[v as usize].seq;
    if range.end >= seq.len() {
        return false;
    }
    let mut string = std::mem::take(&mut work.made[1]);
    string.clear();
    string.extend(seq[range.clone()].iter().rev());
    let (before, behind) = (seq[range.start - 1], seq[range.end]);
    let all = |string: &[u32]| {
        let inner: i64 = string.windows(2).map(|leg| sites.length(leg[0], leg[1])).sum();
        inner + way(sites, before, string, behind)
    };
    let longer = all(&string) - all(&seq[range.clone()]);
    let is_made = rearrange(fleet, work, v, range, &string, longer);
    work.made[1] = string;
    is_made
}

/// Runs a stretch of a route in another order, which is `longer`, if that saves cost.
fn rearrange(
    fleet: &mut Fleet<'_>,
    work: &mut Work,
    v: u32,
    range: Range<usize>,
    string: &[u32],
    longer: i64,
) -> bool {
    let (sites, prices) = (fleet.sites, fleet.prices);
    let tour = &fleet.tours[v as usize];
    let delta = longer * prices.per_mm - fleet.penalty_now(v);
    if delta >= 0 {
        return false;
    }
    let broken = broken_over(sites, tour, &range, string);
    let broken = broken.saturating_add(sites.overload(tour.load));
    if prices.broken(broken).is_none_or(|price| delta + price >= 0) {
        return false;
    }
    let made = &mut work.made[0];
    splice(made, &tour.seq, &range, string);
    if !fleet.replace(v, made) {
        return false;
    }
    let seq = &fleet.tours[v as usize].seq;
    for pos in range.start..=range.end {
        if pos == range.start || pos == range.end || string.len() <= 2 * MOVED_MAX {
            work.push_around(sites, seq, pos);
        }
    }
    true
}
