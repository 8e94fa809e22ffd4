//! Point-to-point search up the elimination tree, and the path under its shortcuts.

use crate::cch::{Cch, NO_RANK};
use crate::hierarchy::Hierarchy;
use crate::perfect::{Row, SearchGraph, SearchRows};
use crate::weight::SearchKey;

/// Working memory, one entry for each depth.
#[derive(Clone, Debug)]
pub(crate) struct TreeSearch<K: SearchKey> {
    forward: Vec<Label<K>>,
    backward: Vec<Label<K>>,
    stack: Vec<Step<K::Arc>>,
}

/// Best known weight between an end and its ancestor at a depth.
#[derive(Clone, Copy, Debug)]
struct Label<K> {
    key: K,
    /// The last arc towards the ancestor, by its place in its row of the search graph.
    at: u32,
    /// The less important end of that arc.
    rank: u32,
}

/// An arc yet to be unpacked, from one rank to another.
#[derive(Clone, Copy, Debug)]
struct Step<A> {
    arc: A,
    tail: u32,
    head: u32,
}

impl<K: SearchKey> Default for TreeSearch<K> {
    fn default() -> Self {
        Self { forward: Vec::new(), backward: Vec::new(), stack: Vec::new() }
    }
}

impl<K: SearchKey> TreeSearch<K> {
    /// The best way from one rank to another: its weight and the rank of its most important node.
    pub(crate) fn run(
        &mut self,
        cch: &Cch,
        graph: &SearchGraph<impl SearchRows>,
        from: u32,
        to: u32,
    ) -> Option<(K, u32)> {
        self.start(cch, from, to);
        let (mut x, mut y) = (from, to);
        while x != y {
            let (is_forward, lower) = if x < y { (true, &mut x) } else { (false, &mut y) };
            if is_forward {
                climb(&graph.out, &mut self.forward, *lower, cch.depth[*lower as usize]);
            } else {
                climb(&graph.into, &mut self.backward, *lower, cch.depth[*lower as usize]);
            }
            *lower = cch.parent[*lower as usize];
            if *lower == NO_RANK {
                return None;
            }
        }
        let mut best = K::NONE;
        let mut top = x;
        let mut node = x;
        while node != NO_RANK {
            let depth = cch.depth[node as usize];
            let (forward, backward) =
                (self.forward[depth as usize].key, self.backward[depth as usize].key);
            let sum = forward.plus(backward);
            if sum < best {
                best = sum;
                top = node;
            }
            if forward < best {
                climb(&graph.out, &mut self.forward, node, depth);
            }
            if backward < best {
                climb(&graph.into, &mut self.backward, node, depth);
            }
            node = cch.parent[node as usize];
        }
        (!best.is_none()).then_some((best, top))
    }

    fn start(&mut self, cch: &Cch, from: u32, to: u32) {
        for (labels, rank) in [(&mut self.forward, from), (&mut self.backward, to)] {
            let depth = cch.depth[rank as usize] as usize;
            labels.clear();
            let none = Label { key: K::NONE, at: u32::MAX, rank: u32::MAX };
            labels.resize(depth + 1, none);
            labels[depth].key = K::ZERO;
        }
    }

    /// Nodes that ways from one rank to another may go over: the rank of each ancestor of both and
    /// the weight over it, where that is at most `limit`.
    pub(crate) fn over(
        &mut self,
        cch: &Cch,
        graph: &SearchGraph<impl SearchRows>,
        from: u32,
        to: u32,
        limit: K,
    ) -> Vec<(K, u32)> {
        self.start(cch, from, to);
        let mut found = Vec::new();
        for (start, is_forward) in [(from, true), (to, false)] {
            let mut node = start;
            while node != NO_RANK {
                let depth = cch.depth[node as usize];
                if is_forward {
                    climb(&graph.out, &mut self.forward, node, depth);
                } else {
                    climb(&graph.into, &mut self.backward, node, depth);
                }
                node = cch.parent[node as usize];
            }
        }
        let n_shared = cch.n_shared(from, to);
        let mut node = from;
        while node != NO_RANK {
            let depth = cch.depth[node as usize] as usize;
            if depth < n_shared as usize {
                let sum = self.forward[depth].key.plus(self.backward[depth].key);
                if sum <= limit && !sum.is_none() {
                    found.push((sum, node));
                }
            }
            node = cch.parent[node as usize];
        }
        found
    }

    /// Calls `drive` for each arc of the network on the way that `run` found, whose most important
    /// node is `top`, in driving order: the rank it leads to, and the arc, out of or into the less
    /// important of its ends.
    pub(crate) fn unpack(
        &mut self,
        cch: &Cch,
        hierarchy: &impl Hierarchy<Key = K>,
        top: u32,
        mut drive: impl FnMut(u32, bool, K::Arc),
    ) {
        self.stack.clear();
        // The stack gives the arcs in driving order: up from the start, then down to the end.
        let mut upper = top;
        loop {
            let label = self.backward[cch.depth[upper as usize] as usize];
            if label.at == u32::MAX {
                break;
            }
            let arc = hierarchy.arc_at(false, label.rank, label.at);
            self.stack.push(Step { arc, tail: upper, head: label.rank });
            upper = label.rank;
        }
        self.stack.reverse();
        upper = top;
        loop {
            let label = self.forward[cch.depth[upper as usize] as usize];
            if label.at == u32::MAX {
                break;
            }
            let arc = hierarchy.arc_at(true, label.rank, label.at);
            self.stack.push(Step { arc, tail: label.rank, head: upper });
            upper = label.rank;
        }
        while let Some(Step { arc, tail, head }) = self.stack.pop() {
            let (is_out, rank) = (tail < head, tail.min(head));
            let Some(via) = hierarchy.via(cch, is_out, rank, arc) else {
                drive(head, is_out, arc);
                continue;
            };
            let second = hierarchy.arc_between(cch, true, via, head);
            self.stack.push(Step { arc: second, tail: via, head });
            let first = hierarchy.arc_between(cch, false, via, tail);
            self.stack.push(Step { arc: first, tail, head: via });
        }
    }
}

/// Carries a node's label to the far ends of its arcs.
#[inline(always)]
fn climb<K: SearchKey>(side: &impl SearchRows, labels: &mut [Label<K>], rank: u32, depth: u32) {
    let here = labels[depth as usize].key;
    if here.is_none() {
        return;
    }
    let Row { depth, times, rest } = side.row(rank);
    for (at, depth) in depth.iter().enumerate() {
        let key = here.plus(K::at(times, rest, at));
        let label = &mut labels[*depth as usize];
        if key < label.key {
            *label = Label { key, at: at as u32, rank };
        }
    }
}
