//! The relaxation behind the bound of timed instances.
//!
//! A commodity may leave on an arc within a window that its release, its due time and travel times
//! allow. Commodities share a truck only if their windows meet, so the departures of an arc stab
//! the windows that they serve. The link between ways and stabbings is priced out, one multiplier
//! per commodity and arc, and one more per arc shares the truck's cost between being there at all
//! and being filled. What remains are shortest ways within the time allowed and stabbings of
//! intervals, both solved exactly; ways that reduced costs rule out are dropped, which narrows the
//! windows. This relaxes, without a grid, what dynamic discretisation discovery relaxes on one
//! (Boland, Hewitt, Marshall and Savelsbergh 2017): a commodity may use another moment of its
//! window on each arc.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::net::{Key, Net, TIME_EPSILON};
use crate::volume::Oracle;

/// A commodity that may use an arc.
#[derive(Clone, Copy, Debug)]
struct Pair {
    arc: u32,
    com: u32,
    /// Earliest and latest departure.
    early: f64,
    late: f64,
}

/// The relaxed instance. Multipliers: first one per pair, at least 0, then one per arc, from 0
/// to the arc's fixed cost: the part of it that every departure pays however little it carries.
pub(crate) struct Relaxation<'a> {
    net: &'a Net<'a>,
    /// Sorted by commodity, then tail.
    pairs: Vec<Pair>,
    /// Where each carried commodity's pairs that leave a node begin; `n + 1` entries each.
    starts: Vec<u32>,
    /// Pairs of each arc, by earliest departure.
    of_arc: Vec<Vec<u32>>,
    memory: Memory,
}

#[derive(Default)]
struct Memory {
    dist: Vec<f64>,
    time: Vec<f64>,
    via: Vec<u32>,
    is_done: Vec<bool>,
    way: Vec<u32>,
    /// (earliest, latest, price, pair) of what may be stabbed on one arc.
    items: Vec<(f64, f64, f64, u32)>,
    /// Best profit with the last stab at an item's earliest moment, and the stab before it.
    stabs: Vec<(f64, u32)>,
    labels: Vec<Label>,
    heap: BinaryHeap<(Reverse<Key>, Reverse<Key>, u32)>,
}

#[derive(Clone, Copy)]
struct Label {
    node: u32,
    cost: f64,
    time: f64,
    parent: u32,
    via: u32,
}

impl<'a> Relaxation<'a> {
    pub(crate) fn new(net: &'a Net<'a>) -> Self {
        let mut pairs = Vec::new();
        for &com in &net.carried {
            for arc in (0..net.arcs.len() as u32).filter(|&arc| net.may_use(com, arc)) {
                pairs.push(Pair { arc, com, early: 0.0, late: 0.0 });
            }
        }
        let mut relaxation =
            Self { net, pairs, starts: Vec::new(), of_arc: Vec::new(), memory: Memory::default() };
        relaxation.tighten();
        relaxation
    }

    /// Computes windows from the pairs that are left, drops pairs without one, and indexes the
    /// rest; gives for each pair left its old number.
    fn tighten(&mut self) -> Vec<u32> {
        let net = self.net;
        let mut kept = Vec::new();
        let mut first = 0;
        for &k in &net.carried {
            let com = &net.coms[k as usize];
            let n_mine = self.pairs[first..].iter().take_while(|p| p.com == k).count();
            let mine = &mut self.pairs[first..first + n_mine];
            let mut reach = vec![f64::INFINITY; net.n];
            let mut need = vec![f64::NEG_INFINITY; net.n];
            reach[com.origin as usize] = com.release;
            need[com.destination as usize] = com.due;
            loop {
                let mut has_changed = false;
                for pair in mine.iter() {
                    let arc = &net.arcs[pair.arc as usize];
                    let (tail, head) = (arc.tail as usize, arc.head as usize);
                    if reach[tail] + arc.travel < reach[head] {
                        reach[head] = reach[tail] + arc.travel;
                        has_changed = true;
                    }
                    if need[head] - arc.travel > need[tail] {
                        need[tail] = need[head] - arc.travel;
                        has_changed = true;
                    }
                }
                if !has_changed {
                    break;
                }
            }
            for (i, pair) in mine.iter_mut().enumerate() {
                let arc = &net.arcs[pair.arc as usize];
                pair.early = reach[arc.tail as usize];
                pair.late = need[arc.head as usize] - arc.travel;
                // No cheapest way enters its origin or leaves its destination.
                let is_of_use = arc.head != com.origin && arc.tail != com.destination;
                if is_of_use && pair.early <= pair.late + TIME_EPSILON {
                    kept.push((first + i) as u32);
                }
            }
            first += n_mine;
        }
        kept.sort_by_key(|&p| {
            let pair = &self.pairs[p as usize];
            (pair.com, net.arcs[pair.arc as usize].tail, p)
        });
        self.pairs = kept.iter().map(|&p| self.pairs[p as usize]).collect();
        self.index();
        kept
    }

    fn index(&mut self) {
        let net = self.net;
        self.starts.clear();
        self.of_arc = vec![Vec::new(); net.arcs.len()];
        let mut p = 0;
        for &k in &net.carried {
            for node in 0..net.n as u32 {
                self.starts.push(p as u32);
                while p < self.pairs.len()
                    && self.pairs[p].com == k
                    && net.arcs[self.pairs[p].arc as usize].tail == node
                {
                    p += 1;
                }
            }
            self.starts.push(p as u32);
        }
        for (p, pair) in self.pairs.iter().enumerate() {
            self.of_arc[pair.arc as usize].push(p as u32);
        }
        for list in &mut self.of_arc {
            list.sort_by(|&a, &b| {
                let early = |p: u32| self.pairs[p as usize].early;
                early(a).total_cmp(&early(b)).then(a.cmp(&b))
            });
        }
    }

    /// Multipliers to begin with: trucks charged by how full they are.
    pub(crate) fn start(&self) -> Vec<f64> {
        vec![0.0; self.pairs.len() + self.net.arcs.len()]
    }

    /// Cost of a pair at multipliers.
    fn price(&self, at: &[f64], p: usize) -> f64 {
        let pair = &self.pairs[p];
        let arc = &self.net.arcs[pair.arc as usize];
        let by_load = arc.cost_fixed - at[self.pairs.len() + pair.arc as usize];
        let unit = arc.cost_per_unit + by_load / arc.capacity;
        unit * self.net.coms[pair.com as usize].size + at[p]
    }

    fn slot_starts(&self, slot: usize) -> &[u32] {
        &self.starts[slot * (self.net.n + 1)..(slot + 1) * (self.net.n + 1)]
    }

    /// Cheapest way of the `slot`-th carried commodity within its time, into `memory.way`.
    fn way(&mut self, at: &[f64], slot: usize) -> f64 {
        let com = &self.net.coms[self.net.carried[slot] as usize];
        let mut memory = std::mem::take(&mut self.memory);
        self.dijkstra(at, slot, &mut memory);
        let to = com.destination as usize;
        let value = if memory.time[to] <= com.due + TIME_EPSILON {
            memory.way.clear();
            let mut node = to;
            while node != com.origin as usize {
                let p = memory.via[node];
                memory.way.push(p);
                node = self.net.arcs[self.pairs[p as usize].arc as usize].tail as usize;
            }
            memory.dist[to]
        } else {
            self.way_in_time(at, slot, &mut memory)
        };
        self.memory = memory;
        value
    }

    /// Cheapest ways from the origin, whatever time they take.
    fn dijkstra(&self, at: &[f64], slot: usize, memory: &mut Memory) {
        let n = self.net.n;
        let com = &self.net.coms[self.net.carried[slot] as usize];
        let starts = self.slot_starts(slot);
        memory.dist.clear();
        memory.dist.resize(n, f64::INFINITY);
        memory.time.resize(n, 0.0);
        memory.via.resize(n, 0);
        memory.is_done.clear();
        memory.is_done.resize(n, false);
        memory.dist[com.origin as usize] = 0.0;
        memory.time[com.origin as usize] = com.release;
        loop {
            let mut node = usize::MAX;
            let mut near = f64::INFINITY;
            for v in 0..n {
                if !memory.is_done[v] && memory.dist[v] < near {
                    near = memory.dist[v];
                    node = v;
                }
            }
            if node == usize::MAX || node == com.destination as usize {
                return;
            }
            memory.is_done[node] = true;
            for p in starts[node]..starts[node + 1] {
                let arc = &self.net.arcs[self.pairs[p as usize].arc as usize];
                let reach = near + self.price(at, p as usize);
                if reach < memory.dist[arc.head as usize] {
                    memory.dist[arc.head as usize] = reach;
                    memory.time[arc.head as usize] = memory.time[node] + arc.travel;
                    memory.via[arc.head as usize] = p;
                }
            }
        }
    }

    /// Cheapest way that arrives in time: labels in order of time.
    fn way_in_time(&self, at: &[f64], slot: usize, memory: &mut Memory) -> f64 {
        let com = &self.net.coms[self.net.carried[slot] as usize];
        let starts = self.slot_starts(slot);
        memory.dist.fill(f64::INFINITY);
        memory.labels.clear();
        memory.heap.clear();
        let origin =
            Label { node: com.origin, cost: 0.0, time: com.release, parent: u32::MAX, via: 0 };
        memory.labels.push(origin);
        memory.heap.push((Reverse(Key(com.release)), Reverse(Key(0.0)), 0));
        let mut last = 0;
        while let Some((_, _, idx)) = memory.heap.pop() {
            let Label { node, cost, time, .. } = memory.labels[idx as usize];
            let to = com.destination as usize;
            if cost >= memory.dist[node as usize] || cost >= memory.dist[to] {
                continue;
            }
            memory.dist[node as usize] = cost;
            if node as usize == to {
                last = idx;
                continue;
            }
            for p in starts[node as usize]..starts[node as usize + 1] {
                let pair = &self.pairs[p as usize];
                let arc = &self.net.arcs[pair.arc as usize];
                let reach = cost + self.price(at, p as usize);
                if time > pair.late + TIME_EPSILON || reach >= memory.dist[arc.head as usize] {
                    continue;
                }
                let label = Label {
                    node: arc.head,
                    cost: reach,
                    time: time + arc.travel,
                    parent: idx,
                    via: p,
                };
                let number = memory.labels.len() as u32;
                memory.heap.push((Reverse(Key(label.time)), Reverse(Key(reach)), number));
                memory.labels.push(label);
            }
        }
        let value = memory.dist[com.destination as usize];
        memory.way.clear();
        while memory.labels[last as usize].parent != u32::MAX {
            memory.way.push(memory.labels[last as usize].via);
            last = memory.labels[last as usize].parent;
        }
        value
    }

    /// Most profitable stabbing of one arc: profit, after writing what it serves to `slope`.
    fn stab(&mut self, at: &[f64], arc: usize, slope: &mut [f64]) -> f64 {
        let n_pairs = self.pairs.len();
        let price = at[n_pairs + arc];
        let mut memory = std::mem::take(&mut self.memory);
        memory.items.clear();
        let mut total = 0.0;
        for &p in &self.of_arc[arc] {
            if at[p as usize] > 0.0 {
                let pair = &self.pairs[p as usize];
                total += at[p as usize];
                memory.items.push((pair.early, pair.late, at[p as usize], p));
            }
        }
        let mut profit = 0.0;
        if total > price {
            let (value, mut stab) = best_stabs(&memory.items, price, &mut memory.stabs);
            profit = value;
            while stab != u32::MAX {
                let before = memory.stabs[stab as usize].1;
                let moment = memory.items[stab as usize].0;
                let first = if before == u32::MAX { 0 } else { before as usize + 1 };
                for item in &memory.items[first..=stab as usize] {
                    if item.1 >= moment - TIME_EPSILON {
                        slope[item.3 as usize] -= 1.0;
                    }
                }
                slope[n_pairs + arc] += 1.0;
                stab = before;
            }
        }
        self.memory = memory;
        profit
    }

    /// Drops pairs whose every way costs more than `limit` allows at these multipliers, narrows
    /// windows, and gives the multipliers of what is left. False if a commodity is left without
    /// any way: then no plan costs less than `limit`.
    pub(crate) fn drop_costly(&mut self, at: &mut Vec<f64>, limit: f64) -> bool {
        let mut slope = vec![0.0; at.len()];
        let value = self.eval(at, &mut slope);
        let slack = limit - value;
        let n = self.net.n;
        let mut is_kept = vec![true; self.pairs.len()];
        for slot in 0..self.net.carried.len() {
            let com = &self.net.coms[self.net.carried[slot] as usize];
            let starts = self.slot_starts(slot).to_vec();
            let mine = starts[0] as usize..starts[n] as usize;
            let prices: Vec<f64> = mine.clone().map(|p| self.price(at, p)).collect();
            let (mut from, mut to) = (vec![f64::INFINITY; n], vec![f64::INFINITY; n]);
            from[com.origin as usize] = 0.0;
            to[com.destination as usize] = 0.0;
            loop {
                let mut has_changed = false;
                for p in mine.clone() {
                    let arc = &self.net.arcs[self.pairs[p].arc as usize];
                    let (tail, head) = (arc.tail as usize, arc.head as usize);
                    let price = prices[p - mine.start];
                    if from[tail] + price < from[head] {
                        from[head] = from[tail] + price;
                        has_changed = true;
                    }
                    if to[head] + price < to[tail] {
                        to[tail] = to[head] + price;
                        has_changed = true;
                    }
                }
                if !has_changed {
                    break;
                }
            }
            let least = self.way(at, slot);
            for p in mine.clone() {
                let arc = &self.net.arcs[self.pairs[p].arc as usize];
                let through =
                    from[arc.tail as usize] + prices[p - mine.start] + to[arc.head as usize];
                is_kept[p] = through - least <= slack;
            }
        }
        let mut old = Vec::new();
        let n_before = self.pairs.len();
        let multipliers: Vec<f64> = at[n_before..].to_vec();
        self.pairs = (0..n_before)
            .filter(|&p| is_kept[p])
            .map(|p| {
                old.push(p);
                self.pairs[p]
            })
            .collect();
        let kept = self.tighten();
        *at = kept.iter().map(|&p| at[old[p as usize]]).collect();
        at.extend(multipliers);
        (0..self.net.carried.len()).all(|slot| {
            let starts = self.slot_starts(slot);
            starts[0] < starts[n]
        })
    }
}

/// Best profit of stabbing sorted intervals at `price` a stab, and the last stab; each stab is at
/// the beginning of an item and serves what it meets and the stab before it did not.
fn best_stabs(
    items: &[(f64, f64, f64, u32)],
    price: f64,
    stabs: &mut Vec<(f64, u32)>,
) -> (f64, u32) {
    stabs.clear();
    let (mut best, mut best_at) = (0.0, u32::MAX);
    for (j, item) in items.iter().enumerate() {
        let moment = item.0;
        let (mut gain, mut top, mut before) = (0.0, f64::NEG_INFINITY, u32::MAX);
        for i in (0..=j).rev() {
            if items[i].1 >= moment - TIME_EPSILON {
                gain += items[i].2;
            }
            let (earlier, number) = match i.checked_sub(1) {
                Some(last) => (stabs[last].0, last as u32),
                None => (0.0, u32::MAX),
            };
            if earlier + gain > top {
                top = earlier + gain;
                before = number;
            }
        }
        stabs.push((top - price, before));
        if top - price > best {
            best = top - price;
            best_at = j as u32;
        }
    }
    (best, best_at)
}

impl Oracle for Relaxation<'_> {
    fn eval(&mut self, at: &[f64], slope: &mut [f64]) -> f64 {
        slope.fill(0.0);
        let n_pairs = self.pairs.len();
        let mut value = 0.0;
        for slot in 0..self.net.carried.len() {
            value += self.way(at, slot);
            for &p in &self.memory.way {
                let pair = &self.pairs[p as usize];
                let arc = &self.net.arcs[pair.arc as usize];
                slope[p as usize] += 1.0;
                slope[n_pairs + pair.arc as usize] -=
                    self.net.coms[pair.com as usize].size / arc.capacity;
            }
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
