//! The relaxation behind the bound of timed instances.
//!
//! A commodity may leave on an arc within a window that its release, its due time and travel times
//! allow. Commodities share a truck only if their windows meet, so the departures of an arc stab
//! the windows that they serve. The link between ways and stabbings is priced out, one multiplier
//! per commodity, arc and window, and one more per arc shares the truck's cost between being there
//! at all and being filled. What remains are shortest ways in time and stabbings of intervals,
//! both solved exactly. This relaxes, without a grid, what dynamic discretisation discovery relaxes
//! on one (Boland, Hewitt, Marshall and Savelsbergh 2017): a commodity may use another moment of
//! its window on each arc. [`Relaxation::narrow`] and [`Relaxation::split`] take that back where
//! it matters.

use std::collections::VecDeque;

use super::net::{Net, TIME_EPSILON};
use super::stab::{Item, Stabs};
use super::ways::Ways;
use crate::volume::Oracle;

/// Share of a new moment in the mean of those that served a pair.
const SERVED_WEIGHT: f64 = 0.05;
/// Links kept for each commodity.
const LINKS_OF_LATE: usize = 150;

/// A commodity that may use an arc within a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) arc: u32,
    /// Place of the commodity among those that are carried.
    pub(super) slot: u32,
    /// Both ends, numbered within the commodity's own network.
    pub(super) tail: u32,
    pub(super) head: u32,
    /// Earliest and latest departure.
    pub(super) early: f64,
    pub(super) late: f64,
}

/// A commodity's own network: the nodes that its pairs touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) com: u32,
    pub(super) origin: u32,
    pub(super) destination: u32,
    pub(super) n_nodes: u32,
    /// Where its entries in [`Relaxation::starts`] begin.
    first: u32,
}

/// The relaxed instance. Multipliers: first one per pair, at least 0, then one per arc, from 0
/// to the arc's fixed cost: the part of it that every departure pays however little it carries.
pub(crate) struct Relaxation<'a> {
    pub(super) net: &'a Net<'a>,
    /// Sorted by slot, then tail.
    pub(super) pairs: Vec<Pair>,
    pub(super) slots: Vec<Slot>,
    /// Where each slot's pairs that leave a node begin; one more entry than nodes each.
    starts: Vec<u32>,
    /// Where each arc's pairs begin in `by_arc`; they stand by earliest departure.
    arc_starts: Vec<u32>,
    by_arc: Vec<u32>,
    /// Ways that went over each pair since the pairs were last changed, and ways asked for.
    pub(super) n_used: Vec<u32>,
    pub(super) n_asked: u32,
    /// Moment at which departures have served each pair of late; NaN if none has.
    pub(super) served: Vec<f64>,
    /// Pairs that ways used one behind the other, of late.
    pub(super) links: VecDeque<(u32, u32)>,
    /// Cost of a unit on each arc at the multipliers at hand.
    unit: Vec<f64>,
    ways: Ways,
    stabs: Stabs,
}

impl<'a> Relaxation<'a> {
    pub(crate) fn new(net: &'a Net<'a>) -> Self {
        let mut relaxation = Self {
            net,
            pairs: Vec::new(),
            slots: Vec::new(),
            starts: Vec::new(),
            arc_starts: Vec::new(),
            by_arc: Vec::new(),
            n_used: Vec::new(),
            n_asked: 0,
            served: Vec::new(),
            links: VecDeque::new(),
            unit: Vec::new(),
            ways: Ways::default(),
            stabs: Stabs::default(),
        };
        let mut pairs = Vec::new();
        for (slot, &k) in net.carried.iter().enumerate() {
            for arc in (0..net.arcs.len() as u32).filter(|&arc| net.may_use(k, arc)) {
                let (early, late) = (f64::NEG_INFINITY, f64::INFINITY);
                let pair = Pair { arc, slot: slot as u32, tail: 0, head: 0, early, late };
                pairs.push((pair, 0.0));
            }
        }
        relaxation.rebuild(pairs);
        relaxation
    }

    /// Multipliers to begin with: trucks charged by how full they are.
    pub(crate) fn start(&self) -> Vec<f64> {
        vec![0.0; self.pairs.len() + self.net.arcs.len()]
    }

    /// Takes over pairs, each with its multiplier, in the order of slots: narrows windows to what
    /// can be reached in time, drops pairs without one, and indexes the rest. Gives their
    /// multipliers.
    pub(super) fn rebuild(&mut self, pairs: Vec<(Pair, f64)>) -> Vec<f64> {
        let net = self.net;
        self.pairs.clear();
        self.slots.clear();
        self.starts.clear();
        let mut at = Vec::with_capacity(pairs.len());
        let mut local = vec![u32::MAX; net.n];
        let (mut reach, mut need) = (vec![f64::INFINITY; net.n], vec![f64::NEG_INFINITY; net.n]);
        let mut pairs = pairs.as_slice();
        for (slot, &k) in net.carried.iter().enumerate() {
            let n_mine = pairs.iter().take_while(|row| row.0.slot as usize == slot).count();
            let (mine, rest) = pairs.split_at(n_mine);
            pairs = rest;
            self.windows(k, mine, &mut reach, &mut need);
            let com = &net.coms[k as usize];
            let mut nodes: Vec<u32> = vec![com.origin, com.destination];
            let mut kept: Vec<(Pair, f64)> = Vec::with_capacity(n_mine);
            for &(mut pair, value) in mine {
                let arc = &net.arcs[pair.arc as usize];
                pair.early = pair.early.max(reach[arc.tail as usize]);
                pair.late = pair.late.min(need[arc.head as usize] - arc.travel);
                // No cheapest way enters its origin or leaves its destination.
                let is_of_use = arc.head != com.origin && arc.tail != com.destination;
                if is_of_use && pair.early <= pair.late + TIME_EPSILON {
                    nodes.extend([arc.tail, arc.head]);
                    kept.push((pair, value));
                }
            }
            nodes.sort_unstable();
            nodes.dedup();
            nodes.iter().zip(0..).for_each(|(&v, i)| local[v as usize] = i);
            for (pair, _) in &mut kept {
                let arc = &net.arcs[pair.arc as usize];
                pair.tail = local[arc.tail as usize];
                pair.head = local[arc.head as usize];
            }
            kept.sort_by_key(|row| row.0.tail);
            self.slots.push(Slot {
                com: k,
                origin: local[com.origin as usize],
                destination: local[com.destination as usize],
                n_nodes: nodes.len() as u32,
                first: self.starts.len() as u32,
            });
            let mut next = 0;
            for node in 0..nodes.len() as u32 {
                self.starts.push((self.pairs.len() + next) as u32);
                next += kept[next..].iter().take_while(|row| row.0.tail == node).count();
            }
            self.starts.push((self.pairs.len() + next) as u32);
            self.pairs.extend(kept.iter().map(|row| row.0));
            at.extend(kept.iter().map(|row| row.1));
            nodes.iter().for_each(|&v| local[v as usize] = u32::MAX);
        }
        self.index_arcs();
        self.n_used = vec![0; self.pairs.len()];
        self.n_asked = 0;
        self.served = vec![f64::NAN; self.pairs.len()];
        self.links.clear();
        at
    }

    /// Earliest and latest moments at nodes, from pairs and their windows.
    fn windows(&self, k: u32, mine: &[(Pair, f64)], reach: &mut [f64], need: &mut [f64]) {
        let net = self.net;
        let com = &net.coms[k as usize];
        reach.fill(f64::INFINITY);
        need.fill(f64::NEG_INFINITY);
        reach[com.origin as usize] = com.release;
        need[com.destination as usize] = com.due;
        loop {
            let mut has_changed = false;
            for (pair, _) in mine {
                let arc = &net.arcs[pair.arc as usize];
                let (tail, head) = (arc.tail as usize, arc.head as usize);
                let first = reach[tail].max(pair.early);
                if first <= pair.late + TIME_EPSILON && first + arc.travel < reach[head] {
                    reach[head] = first + arc.travel;
                    has_changed = true;
                }
                let last = (need[head] - arc.travel).min(pair.late);
                if last >= pair.early - TIME_EPSILON && last > need[tail] {
                    need[tail] = last;
                    has_changed = true;
                }
            }
            if !has_changed {
                return;
            }
        }
    }

    fn index_arcs(&mut self) {
        let n_arcs = self.net.arcs.len();
        self.arc_starts = vec![0; n_arcs + 1];
        for pair in &self.pairs {
            self.arc_starts[pair.arc as usize + 1] += 1;
        }
        for arc in 0..n_arcs {
            self.arc_starts[arc + 1] += self.arc_starts[arc];
        }
        self.by_arc = (0..self.pairs.len() as u32).collect();
        let pairs = &self.pairs;
        self.by_arc.sort_by(|&a, &b| {
            let (one, other) = (&pairs[a as usize], &pairs[b as usize]);
            one.arc.cmp(&other.arc).then(one.early.total_cmp(&other.early)).then(a.cmp(&b))
        });
    }

    /// Makes [`Relaxation::price`] ready for multipliers.
    pub(super) fn set_prices(&mut self, at: &[f64]) {
        let n_pairs = self.pairs.len();
        self.unit.clear();
        self.unit.extend(self.net.arcs.iter().zip(&at[n_pairs..]).map(|(arc, by_departure)| {
            arc.cost_per_unit + (arc.cost_fixed - by_departure) / arc.capacity
        }));
    }

    /// Cost of a pair at multipliers.
    pub(super) fn price(&self, at: &[f64], p: usize) -> f64 {
        let pair = &self.pairs[p];
        let com = self.slots[pair.slot as usize].com;
        self.unit[pair.arc as usize] * self.net.coms[com as usize].size + at[p]
    }

    /// Where the pairs of a slot begin that leave each of its nodes.
    pub(super) fn starts_of(&self, slot: &Slot) -> &[u32] {
        &self.starts[slot.first as usize..(slot.first + slot.n_nodes + 1) as usize]
    }

    /// Most profitable departures of one arc: profit, after writing what they serve to `slope`.
    fn stab(&mut self, at: &[f64], arc: usize, slope: &mut [f64]) -> f64 {
        let n_pairs = self.pairs.len();
        let price = at[n_pairs + arc];
        let capacity = self.net.arcs[arc].capacity;
        self.stabs.items.clear();
        let mut total = 0.0;
        let mine = self.arc_starts[arc] as usize..self.arc_starts[arc + 1] as usize;
        for &p in &self.by_arc[mine] {
            let worth = at[p as usize];
            if worth > 0.0 {
                let &Pair { early, late, slot, .. } = &self.pairs[p as usize];
                let com = self.slots[slot as usize].com;
                let share = self.net.coms[com as usize].size / capacity;
                total += worth;
                self.stabs.items.push(Item { early, late, worth, share, pair: p });
            }
        }
        if total <= price {
            return 0.0;
        }
        let profit = self.stabs.solve(price);
        for &(p, moment) in &self.stabs.served {
            slope[p as usize] -= 1.0;
            let served = &mut self.served[p as usize];
            let old = if served.is_nan() { moment } else { *served };
            *served = old + SERVED_WEIGHT * (moment - old);
        }
        slope[n_pairs + arc] += self.stabs.n_trucks;
        profit
    }
}

impl Oracle for Relaxation<'_> {
    fn eval(&mut self, at: &[f64], slope: &mut [f64]) -> f64 {
        slope.fill(0.0);
        let n_pairs = self.pairs.len();
        self.set_prices(at);
        self.n_asked += 1;
        let mut value = 0.0;
        let mut ways = std::mem::take(&mut self.ways);
        for slot in &self.slots {
            value += ways.cheapest(self, at, slot);
            let size = self.net.coms[slot.com as usize].size;
            for step in ways.way.windows(2) {
                self.links.push_back((step[1], step[0]));
            }
            for &p in &ways.way {
                let arc = self.pairs[p as usize].arc as usize;
                self.n_used[p as usize] += 1;
                slope[p as usize] += 1.0;
                slope[n_pairs + arc] -= size / self.net.arcs[arc].capacity;
            }
        }
        self.ways = ways;
        while self.links.len() > LINKS_OF_LATE * self.slots.len() {
            self.links.pop_front();
        }
        for arc in 0..self.net.arcs.len() {
            value -= self.stab(at, arc, slope);
        }
        value
    }

    fn project(&self, at: &mut [f64]) {
        let n_pairs = self.pairs.len();
        for v in &mut at[..n_pairs] {
            *v = v.max(0.0);
        }
        for (v, arc) in at[n_pairs..].iter_mut().zip(self.net.arcs) {
            *v = v.clamp(0.0, arc.cost_fixed);
        }
    }
}
