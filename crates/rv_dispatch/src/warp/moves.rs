//! Local search over granular neighbours: every move makes one promising leg `v -> u`.
//!
//! Between two routes each move swaps two strings of nodes, one of which may be empty (relocate,
//! swap) or reach to the end (2-opt*); within a route strings are moved or turned round. A move is
//! judged by length first: where no penalty can be saved, a longer plan cannot be a better one.

use super::pairs::relocate_pair;
use super::tours::{Tours, Way};
use crate::instance::{Kind, NONE};
use crate::near::Near;

/// Longest string that is moved.
const STRING_MAX: usize = 3;
/// Longest string that is swapped.
const SWAP_MAX: usize = 2;

/// A string of nodes within a route: what is before it, its ends, what is behind it. An empty one
/// has no ends.
#[derive(Clone, Copy)]
struct Part {
    before: u32,
    first: u32,
    last: u32,
    behind: u32,
}

/// Nodes whose surroundings have changed.
pub(super) struct Work {
    queue: Vec<u32>,
    is_queued: Vec<bool>,
    n_near: usize,
}

impl Work {
    pub fn new(n_nodes: usize, n_near: usize) -> Self {
        Self { queue: Vec::new(), is_queued: vec![false; n_nodes], n_near }
    }

    pub fn push(&mut self, tours: &Tours<'_, '_>, node: u32) {
        if (node as usize) < tours.inst.n_tasks && !self.is_queued[node as usize] {
            self.is_queued[node as usize] = true;
            self.queue.push(node);
        }
    }
}

/// Improves the routes around the nodes at work until no move of this kind does.
pub(super) fn descend(tours: &mut Tours<'_, '_>, near: &Near, work: &mut Work) {
    while let Some(u) = work.queue.pop() {
        work.is_queued[u as usize] = false;
        if tours.spots[u as usize].route == NONE {
            continue;
        }
        let n = work.n_near;
        let is_better = near.preds(u).iter().take(n).any(|&v| link(tours, work, v, u))
            || near.succs(u).iter().take(n).any(|&w| link(tours, work, u, w))
            || open(tours, work, u)
            || (tours.is_paired() && relocate_pair(tours, near, work, u));
        if is_better {
            work.push(tours, u);
        }
    }
}

/// Makes the first move found that brings `u` right behind `v` and saves cost.
fn link(tours: &mut Tours<'_, '_>, work: &mut Work, v: u32, u: u32) -> bool {
    let (from, to) = (tours.spots[v as usize], tours.spots[u as usize]);
    if from.route == NONE || to.route == NONE || from.next == u {
        return false;
    }
    let is_within = from.route == to.route;
    let mut penalties = tours.penalty_now(from.route);
    // Of the legs that a move makes, one is shorter than a leg next to it that goes, unless the move
    // saves penalties; the move is nearly always found there (cf. Lin and Kernighan 1973, the gain
    // criterion). What is missed is rare, and a test holds it to one move in twenty.
    let mut longest = from.d_next.max(tours.spots[to.prev as usize].d_next);
    if is_within {
        longest = longest.max(to.d_next);
    } else {
        penalties += tours.penalty_now(to.route);
    }
    let made = tours.leg(v, u)[1];
    if i64::from(made - longest) * tours.per_mm >= penalties {
        return false;
    }
    if is_within {
        return within(tours, work, v, u);
    }
    let tail_v = Part { before: v, first: NONE, last: NONE, behind: from.next };
    let head_u = Part { before: to.prev, first: NONE, last: NONE, behind: u };
    // Where pairs are on board their dropoffs would go elsewhere.
    let is_closed = tours.is_closed_after(v) && tours.is_closed_after(to.prev);
    if is_closed && tails(tours, work, v, u, penalties) {
        return true;
    }
    if tours.is_paired() {
        return false; // Strings tear pairs apart; pairs are moved by `relocate_pair`.
    }
    // Strings that begin with `u` go behind `v`, for strings that begin there.
    let mut mine = Part { first: u, ..head_u };
    for n_mine in 1..=STRING_MAX {
        mine.last = if n_mine == 1 { u } else { mine.behind };
        mine.behind = tours.spots[mine.last as usize].next;
        let mut theirs = tail_v;
        for n_theirs in 0..=if n_mine <= SWAP_MAX { SWAP_MAX } else { 0 } {
            if n_theirs > 0 {
                theirs.first = from.next;
                theirs.last = theirs.behind;
                if theirs.last as usize >= tours.inst.n_tasks {
                    break;
                }
                theirs.behind = tours.spots[theirs.last as usize].next;
            }
            if swap(tours, work, mine, theirs, penalties) {
                return true;
            }
        }
        if mine.behind as usize >= tours.inst.n_tasks {
            break;
        }
    }
    // Strings that end with `v` go before `u`, for strings that end there.
    let mut mine = Part { last: v, ..tail_v };
    for n_mine in 1..=STRING_MAX {
        mine.first = if n_mine == 1 { v } else { mine.before };
        mine.before = tours.spots[mine.first as usize].prev;
        let mut theirs = head_u;
        for n_theirs in 0..=if n_mine <= SWAP_MAX { SWAP_MAX } else { 0 } {
            if n_theirs > 0 {
                theirs.last = to.prev;
                theirs.first = theirs.before;
                if theirs.first as usize >= tours.inst.n_tasks {
                    break;
                }
                theirs.before = tours.spots[theirs.first as usize].prev;
            }
            if swap(tours, work, mine, theirs, penalties) {
                return true;
            }
        }
        if mine.before as usize >= tours.inst.n_tasks {
            break;
        }
    }
    false
}

/// Swaps two strings of different routes if that saves cost. `a` has nodes.
fn swap(tours: &mut Tours<'_, '_>, work: &mut Work, a: Part, b: Part, penalties: i64) -> bool {
    let spot = |id: u32| &tours.spots[id as usize];
    let is_b_empty = b.first == NONE;
    let mut old = i64::from(spot(a.before).d_next) + i64::from(spot(a.last).d_next);
    old += i64::from(spot(b.before).d_next);
    let into_b = (tours.leg(b.before, a.first), tours.leg(a.last, b.behind));
    let mut new = i64::from(into_b.0[1]) + i64::from(into_b.1[1]);
    let into_a = if is_b_empty {
        let direct = tours.leg(a.before, a.behind);
        (direct, direct)
    } else {
        old += i64::from(spot(b.last).d_next);
        let legs = (tours.leg(a.before, b.first), tours.leg(b.last, a.behind));
        new += i64::from(legs.1[1]);
        legs
    };
    new += i64::from(into_a.0[1]);
    let (route_a, route_b) = (spot(a.last).route, spot(b.before).route);
    let mut delta = (new - old) * tours.per_mm;
    if is_b_empty && spot(a.before).prev == NONE && spot(a.behind).next == NONE {
        delta -= tours.fixed[route_a as usize];
    }
    if delta >= penalties {
        return false;
    }
    let load_a = spot(a.last).load_up_to - spot(a.before).load_up_to;
    let load_b = if is_b_empty { 0 } else { spot(b.last).load_up_to - spot(b.before).load_up_to };
    let sums = |v: u32| tours.tours[v as usize].sums;
    delta -= penalties;
    delta += tours.penalty(route_b, 0, sums(route_b).load - load_b + load_a);
    delta += tours.penalty(route_a, 0, sums(route_a).load - load_a + load_b);
    if delta >= 0 {
        return false;
    }
    let warp_b = along(tours, b.before, a.first, a.last, into_b.0[0], into_b.1[0], b.behind);
    delta += i64::from(warp_b) * tours.prices.warp;
    if delta >= 0 {
        return false;
    }
    let warp_a = if is_b_empty {
        Way::after(spot(a.before)).join(into_a.0[0], spot(a.behind))
    } else {
        along(tours, a.before, b.first, b.last, into_a.0[0], into_a.1[0], a.behind)
    };
    delta += i64::from(warp_a) * tours.prices.warp;
    if delta >= 0 {
        return false;
    }
    let range = |part: Part| {
        let from = spot(part.before).pos as usize + 1;
        (from, spot(part.behind).pos as usize)
    };
    let (at_a, at_b) = (range(a), range(b));
    tours.exchange(route_a, at_a, route_b, at_b);
    for id in [a.before, a.first, a.last, a.behind, b.before, b.first, b.last, b.behind] {
        work.push(tours, id);
    }
    true
}

/// Warp of a route that leaves `before`, runs `first ..= last` as they stand, and goes on at
/// `behind`.
#[inline]
fn along(
    tours: &Tours<'_, '_>,
    before: u32,
    first: u32,
    last: u32,
    t_in: i32,
    t_out: i32,
    behind: u32,
) -> i32 {
    let spots = &tours.spots;
    let mut way = Way::after(&spots[before as usize]).step(t_in, &spots[first as usize]);
    let mut id = first;
    while id != last {
        let spot = &spots[id as usize];
        way = way.step(spot.t_next, &spots[spot.next as usize]);
        id = spot.next;
    }
    way.join(t_out, &spots[behind as usize])
}

/// 2-opt*: `v` goes on with `u` and all behind it, what was before `u` with what was behind `v`.
fn tails(tours: &mut Tours<'_, '_>, work: &mut Work, v: u32, u: u32, penalties: i64) -> bool {
    let spot = |id: u32| &tours.spots[id as usize];
    let (from, to) = (spot(v), spot(u));
    let (p, w) = (to.prev, from.next);
    let (route_v, route_u) = (from.route, to.route);
    let class = |r: u32| tours.inst.vehs[r as usize].class;
    if class(route_v) != class(route_u) {
        return false;
    }
    let (made, rest) = (tours.leg(v, u), tours.leg(p, w));
    let old = i64::from(from.d_next) + i64::from(spot(p).d_next);
    let mut delta = (i64::from(made[1]) + i64::from(rest[1]) - old) * tours.per_mm;
    if spot(p).prev == NONE && spot(w).next == NONE {
        delta -= tours.fixed[route_u as usize];
    }
    if delta >= penalties {
        return false;
    }
    let sums = |r: u32| tours.tours[r as usize].sums;
    let (load_v, load_u) = if tours.is_paired() {
        let joined =
            |a: u32, b: u32| tours.peaks[a as usize].up_to.max(tours.peaks[b as usize].from);
        (joined(v, u), joined(p, w))
    } else {
        let load_v = from.load_up_to + sums(route_u).load - spot(p).load_up_to;
        (load_v, spot(p).load_up_to + sums(route_v).load - from.load_up_to)
    };
    let warp_v = Way::after(from).join(made[0], to);
    let warp_u = Way::after(spot(p)).join(rest[0], spot(w));
    delta += tours.penalty(route_v, warp_v, load_v) + tours.penalty(route_u, warp_u, load_u);
    if delta >= penalties {
        return false;
    }
    let end = |r: u32| tours.tours[r as usize].seq.len() - 1;
    let at_v = (from.pos as usize + 1, end(route_v));
    let at_u = (to.pos as usize, end(route_u));
    tours.exchange(route_v, at_v, route_u, at_u);
    for id in [v, u, p, w] {
        work.push(tours, id);
    }
    true
}

/// Moves within one route that make `v -> u`.
fn within(tours: &mut Tours<'_, '_>, work: &mut Work, v: u32, u: u32) -> bool {
    let (from, to) = (tours.spots[v as usize], tours.spots[u as usize]);
    // Strings from `u` on go behind `v`; strings up to `v` go before `u`. Both turn a stretch of
    // the route: `first..mid` and `mid..end` change places.
    let (pos_v, pos_u) = (from.pos as usize, to.pos as usize);
    let route = from.route;
    let n = tours.tours[route as usize].seq.len() - 1;
    if pos_v < pos_u {
        for k in 1..=STRING_MAX {
            if pos_u + k <= n && rotate(tours, work, route, pos_v + 1, pos_u, pos_u + k) {
                return true;
            }
            if pos_v + 1 > k && rotate(tours, work, route, pos_v + 1 - k, pos_v + 1, pos_u) {
                return true;
            }
        }
        return turn(tours, work, route, pos_v + 1, pos_u);
    }
    for k in 1..=STRING_MAX {
        // `u` and k - 1 nodes behind it jump over the rest up to `v`.
        if pos_u + k <= pos_v && rotate(tours, work, route, pos_u, pos_u + k, pos_v + 1) {
            return true;
        }
        if pos_v + 1 > pos_u + k && rotate(tours, work, route, pos_u, pos_v + 1 - k, pos_v + 1) {
            return true;
        }
    }
    false
}

/// Swaps the neighbouring stretches `a..b` and `b..c` of a route if that saves cost.
fn rotate(
    tours: &mut Tours<'_, '_>,
    work: &mut Work,
    route: u32,
    a: usize,
    b: usize,
    c: usize,
) -> bool {
    let seq = &tours.tours[route as usize].seq;
    let spot = |id: u32| &tours.spots[id as usize];
    let (before, behind) = (seq[a - 1], seq[c]);
    let (x0, x1, y0, y1) = (seq[a], seq[b - 1], seq[b], seq[c - 1]);
    let legs = [tours.leg(before, y0), tours.leg(y1, x0), tours.leg(x1, behind)];
    let old = [before, x1, y1].map(|id| i64::from(spot(id).d_next)).iter().sum::<i64>();
    let new = legs.iter().map(|leg| i64::from(leg[1])).sum::<i64>();
    let mut delta = (new - old) * tours.per_mm;
    let warp_now = tours.tours[route as usize].sums.warp;
    if delta >= tours.penalty_now(route) {
        return false;
    }
    if tours.is_paired() {
        let order = seq[b..c].iter().chain(&seq[a..b]).copied();
        let Some(dearer) = reordered(tours, before, order, behind, a..b) else { return false };
        delta += dearer;
    }
    let mut way = Way::after(spot(before)).step(legs[0][0], spot(y0));
    for pair in seq[b..c].windows(2) {
        way = way.step(spot(pair[0]).t_next, spot(pair[1]));
    }
    way = way.step(legs[1][0], spot(x0));
    for pair in seq[a..b].windows(2) {
        way = way.step(spot(pair[0]).t_next, spot(pair[1]));
    }
    let warp = way.join(legs[2][0], spot(behind));
    if delta + (i64::from(warp) - i64::from(warp_now)) * tours.prices.warp >= 0 {
        return false;
    }
    tours.edit(route, |seq| seq[a..c].rotate_left(b - a));
    for id in [before, x0, x1, y0, y1, behind] {
        work.push(tours, id);
    }
    true
}

/// What the load costs more if a stretch of a route with pairs is run in another order; `None` if a
/// dropoff would come before its pickup, which stands in `late` of the route as it is.
fn reordered(
    tours: &Tours<'_, '_>,
    before: u32,
    order: impl Iterator<Item = u32>,
    behind: u32,
    late: std::ops::Range<usize>,
) -> Option<i64> {
    let spot = |id: u32| &tours.spots[id as usize];
    let mut load = spot(before).load_up_to;
    let mut most = tours.peaks[before as usize].up_to;
    for id in order {
        let node = &tours.inst.nodes[id as usize];
        if node.kind == Kind::Drop && late.contains(&(spot(node.mate).pos as usize)) {
            return None;
        }
        load += spot(id).load;
        most = most.max(load);
    }
    most = most.max(load + tours.peaks[behind as usize].from);
    let route = spot(before).route;
    let now = tours.tours[route as usize].sums.load;
    Some(tours.penalty(route, 0, most) - tours.penalty(route, 0, now))
}

/// 2-opt: turns the stretch `a..=b` of a route round if that saves cost.
fn turn(tours: &mut Tours<'_, '_>, work: &mut Work, route: u32, a: usize, b: usize) -> bool {
    if !tours.inst.is_symmetric() {
        return false;
    }
    let seq = &tours.tours[route as usize].seq;
    let spot = |id: u32| &tours.spots[id as usize];
    let (before, x, y, behind) = (seq[a - 1], seq[a], seq[b], seq[b + 1]);
    let (into, out) = (tours.leg(before, y), tours.leg(x, behind));
    let old = i64::from(spot(before).d_next) + i64::from(spot(y).d_next);
    let mut delta = (i64::from(into[1]) + i64::from(out[1]) - old) * tours.per_mm;
    if delta >= tours.penalty_now(route) {
        return false;
    }
    if tours.is_paired() {
        let order = seq[a..=b].iter().rev().copied();
        let Some(dearer) = reordered(tours, before, order, behind, a..b + 1) else { return false };
        delta += dearer;
    }
    let warp_now = tours.tours[route as usize].sums.warp;
    let worst = i64::from(warp_now) * tours.prices.warp - delta;
    if worst <= 0 {
        return false;
    }
    let mut way = Way::after(spot(before)).step(into[0], spot(y));
    for pair in seq[a..=b].windows(2).rev() {
        way = way.step(spot(pair[0]).t_next, spot(pair[0]));
    }
    let warp = way.join(out[0], spot(behind));
    if i64::from(warp) * tours.prices.warp >= worst {
        return false;
    }
    tours.edit(route, |seq| seq[a..=b].reverse());
    for id in [before, x, y, behind] {
        work.push(tours, id);
    }
    true
}

/// Gives `u` alone, or `u` and all behind it, a route of its own if that saves cost.
fn open(tours: &mut Tours<'_, '_>, work: &mut Work, u: u32) -> bool {
    let to = tours.spots[u as usize];
    let penalties = tours.penalty_now(to.route);
    for class in 0..tours.empties.len() {
        let Some(&v) = tours.empties[class].last() else { continue };
        let veh = &tours.inst.vehs[v as usize];
        let fixed = tours.fixed[v as usize];
        let (start, end) = (veh.start, veh.end);
        let is_closed = tours.is_closed_after(to.prev);
        if is_closed && fixed < penalties && tails(tours, work, start, u, penalties - fixed) {
            return true;
        }
        if tours.is_paired() {
            continue;
        }
        let mine = Part { before: to.prev, first: u, last: u, behind: to.next };
        let theirs = Part { before: start, first: NONE, last: NONE, behind: end };
        if swap(tours, work, mine, theirs, penalties - fixed) {
            return true;
        }
    }
    false
}
