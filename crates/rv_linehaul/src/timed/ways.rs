//! Cheapest ways of one commodity within its windows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::net::{Key, TIME_EPSILON};
use super::relax::{Relaxation, Slot};

/// Working memory of ways, reused between calls.
#[derive(Default)]
pub(super) struct Ways {
    dist: Vec<f64>,
    time: Vec<f64>,
    via: Vec<u32>,
    is_done: Vec<bool>,
    labels: Vec<Label>,
    heap: BinaryHeap<(Reverse<Key>, Reverse<Key>, u32)>,
    /// Pairs of the way found last, the last one first.
    pub(super) way: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Label {
    node: u32,
    cost: f64,
    time: f64,
    parent: u32,
    via: u32,
}

impl Ways {
    /// Cost of a slot's cheapest way in time; infinite if there is none.
    pub(super) fn cheapest(&mut self, rel: &Relaxation<'_>, at: &[f64], slot: &Slot) -> f64 {
        self.dijkstra(rel, at, slot);
        let to = slot.destination as usize;
        if self.time[to] == f64::INFINITY {
            return self.cheapest_in_time(rel, at, slot);
        }
        self.way.clear();
        let mut node = slot.destination;
        while node != slot.origin {
            let p = self.via[node as usize];
            self.way.push(p);
            node = rel.pairs[p as usize].tail;
        }
        self.dist[to]
    }

    /// Cheapest ways from the origin whatever time they take; the time is infinite where one misses
    /// a window.
    fn dijkstra(&mut self, rel: &Relaxation<'_>, at: &[f64], slot: &Slot) {
        let n = slot.n_nodes as usize;
        let starts = rel.starts_of(slot);
        self.dist.clear();
        self.dist.resize(n, f64::INFINITY);
        self.time.clear();
        self.time.resize(n, f64::INFINITY);
        self.via.resize(n.max(self.via.len()), 0);
        self.is_done.clear();
        self.is_done.resize(n, false);
        self.dist[slot.origin as usize] = 0.0;
        self.time[slot.origin as usize] = rel.net.coms[slot.com as usize].release;
        loop {
            let (mut node, mut near) = (usize::MAX, f64::INFINITY);
            for v in 0..n {
                if !self.is_done[v] && self.dist[v] < near {
                    near = self.dist[v];
                    node = v;
                }
            }
            if node == usize::MAX || node == slot.destination as usize {
                return;
            }
            self.is_done[node] = true;
            for p in starts[node]..starts[node + 1] {
                let pair = &rel.pairs[p as usize];
                let reach = near + rel.price(at, p as usize);
                let head = pair.head as usize;
                if reach < self.dist[head] {
                    self.dist[head] = reach;
                    let leave = self.time[node].max(pair.early);
                    self.time[head] = if leave <= pair.late + TIME_EPSILON {
                        leave + rel.net.arcs[pair.arc as usize].travel
                    } else {
                        f64::INFINITY
                    };
                    self.via[head] = p;
                }
            }
        }
    }

    /// Cheapest way that keeps to windows: labels in order of time.
    fn cheapest_in_time(&mut self, rel: &Relaxation<'_>, at: &[f64], slot: &Slot) -> f64 {
        let starts = rel.starts_of(slot);
        self.dist.fill(f64::INFINITY);
        self.labels.clear();
        self.heap.clear();
        let release = rel.net.coms[slot.com as usize].release;
        let origin =
            Label { node: slot.origin, cost: 0.0, time: release, parent: u32::MAX, via: 0 };
        self.labels.push(origin);
        self.heap.push((Reverse(Key(release)), Reverse(Key(0.0)), 0));
        let mut last = 0;
        let to = slot.destination as usize;
        while let Some((_, _, idx)) = self.heap.pop() {
            let Label { node, cost, time, .. } = self.labels[idx as usize];
            if cost >= self.dist[node as usize] || cost >= self.dist[to] {
                continue;
            }
            self.dist[node as usize] = cost;
            if node as usize == to {
                last = idx;
                continue;
            }
            for p in starts[node as usize]..starts[node as usize + 1] {
                let pair = &rel.pairs[p as usize];
                let reach = cost + rel.price(at, p as usize);
                if time > pair.late + TIME_EPSILON || reach >= self.dist[pair.head as usize] {
                    continue;
                }
                let time = time.max(pair.early) + rel.net.arcs[pair.arc as usize].travel;
                let number = self.labels.len() as u32;
                self.labels.push(Label { node: pair.head, cost: reach, time, parent: idx, via: p });
                self.heap.push((Reverse(Key(time)), Reverse(Key(reach)), number));
            }
        }
        let value = self.dist[to];
        self.way.clear();
        while self.labels[last as usize].parent != u32::MAX {
            self.way.push(self.labels[last as usize].via);
            last = self.labels[last as usize].parent;
        }
        value
    }
}

/// What it costs at least to be at each node: (moment, cost) pairs. From the origin on: there by
/// that moment, later and cheaper. To the destination: still in time from that moment, earlier and
/// cheaper.
pub(super) struct Frontiers {
    pub(super) from: Vec<Vec<(f64, f64)>>,
    pub(super) to: Vec<Vec<(f64, f64)>>,
}

impl Frontiers {
    /// Both frontiers of a slot, as far as ways cost no more than `slack` above the cheapest; and
    /// the cost of that one.
    pub(super) fn new(rel: &Relaxation<'_>, at: &[f64], slot: &Slot, slack: f64) -> (Self, f64) {
        let n = slot.n_nodes as usize;
        let starts = rel.starts_of(slot);
        let mine = starts[0]..starts[n];
        let com = &rel.net.coms[slot.com as usize];
        let mut into = vec![Vec::new(); n];
        for p in mine {
            into[rel.pairs[p as usize].head as usize].push(p);
        }
        let mut heap = BinaryHeap::new();
        let mut to: Vec<Vec<(f64, f64)>> = vec![Vec::new(); n];
        heap.push((Key(com.due), Reverse(Key(0.0)), slot.destination));
        while let Some((Key(moment), Reverse(Key(cost)), node)) = heap.pop() {
            if to[node as usize].last().is_some_and(|last| last.1 <= cost) {
                continue;
            }
            to[node as usize].push((moment, cost));
            for &p in &into[node as usize] {
                let pair = &rel.pairs[p as usize];
                let leave = (moment - rel.net.arcs[pair.arc as usize].travel).min(pair.late);
                if leave >= pair.early - TIME_EPSILON {
                    let cost = cost + rel.price(at, p as usize);
                    heap.push((Key(leave), Reverse(Key(cost)), pair.tail));
                }
            }
        }
        let least = to[slot.origin as usize].last().map_or(f64::INFINITY, |last| last.1);
        let mut from: Vec<Vec<(f64, f64)>> = vec![Vec::new(); n];
        let mut heap = BinaryHeap::new();
        heap.push((Reverse(Key(com.release)), Reverse(Key(0.0)), slot.origin));
        while let Some((Reverse(Key(moment)), Reverse(Key(cost)), node)) = heap.pop() {
            if from[node as usize].last().is_some_and(|last| last.1 <= cost) {
                continue;
            }
            from[node as usize].push((moment, cost));
            for p in starts[node as usize]..starts[node as usize + 1] {
                let pair = &rel.pairs[p as usize];
                let leave = moment.max(pair.early);
                let cost = cost + rel.price(at, p as usize);
                let remains = to[pair.head as usize].last().map_or(f64::INFINITY, |last| last.1);
                if leave <= pair.late + TIME_EPSILON && cost + remains - least <= slack {
                    let there = leave + rel.net.arcs[pair.arc as usize].travel;
                    heap.push((Reverse(Key(there)), Reverse(Key(cost)), pair.head));
                }
            }
        }
        (Self { from, to }, least)
    }
}
