//! Point-to-point search up the elimination tree, and the path under its shortcuts.

use crate::cch::{Cch, NO_RANK};
use crate::hierarchy::Hierarchy;
use crate::perfect::{Row, SearchGraph, SearchRows};
use crate::weight::SearchKey;

/// Working memory, one entry for each depth.
#[derive(Clone, Debug)]
pub(crate) struct TreeSearch<K> {
    forward: Vec<Label<K>>,
    backward: Vec<Label<K>>,
    stack: Vec<Step>,
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

/// An arc yet to be unpacked, and its less important end.
#[derive(Clone, Copy, Debug)]
struct Step {
    is_out: bool,
    arc: usize,
    rank: u32,
}

impl<K> Default for TreeSearch<K> {
    fn default() -> Self {
        Self { forward: Vec::new(), backward: Vec::new(), stack: Vec::new() }
    }
}

impl<K: SearchKey> TreeSearch<K> {
    /// The best way from one rank to another: its weight and the depth of its most important node.
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
        let mut best_depth = 0;
        let mut node = x;
        while node != NO_RANK {
            let depth = cch.depth[node as usize];
            let (forward, backward) =
                (self.forward[depth as usize].key, self.backward[depth as usize].key);
            let sum = forward.plus(backward);
            if sum < best {
                best = sum;
                best_depth = depth;
            }
            if forward < best {
                climb(&graph.out, &mut self.forward, node, depth);
            }
            if backward < best {
                climb(&graph.into, &mut self.backward, node, depth);
            }
            node = cch.parent[node as usize];
        }
        (!best.is_none()).then_some((best, best_depth))
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

    /// Calls `drive` for each arc of the network on the way that `run` found, whose most important
    /// node is at `top_depth`, in driving order: the rank it leads to, and its weight.
    pub(crate) fn unpack(
        &mut self,
        cch: &Cch,
        hierarchy: &impl Hierarchy<Key = K>,
        top_depth: u32,
        mut drive: impl FnMut(u32, K),
    ) {
        let graph = hierarchy.graph();
        self.stack.clear();
        // The stack gives the arcs in driving order: up from the start, then down to the end.
        let mut label = self.backward[top_depth as usize];
        while label.at != u32::MAX {
            let arc = graph.into.arc_of(&cch.into, label.rank, label.at);
            self.stack.push(Step { is_out: false, arc, rank: label.rank });
            label = self.backward[cch.depth[label.rank as usize] as usize];
        }
        self.stack.reverse();
        label = self.forward[top_depth as usize];
        while label.at != u32::MAX {
            let arc = graph.out.arc_of(&cch.out, label.rank, label.at);
            self.stack.push(Step { is_out: true, arc, rank: label.rank });
            label = self.forward[cch.depth[label.rank as usize] as usize];
        }
        while let Some(Step { is_out, arc, rank }) = self.stack.pop() {
            let Some(via) = hierarchy.via(cch, is_out, arc, rank) else {
                let head = if is_out { cch.out.ancestor[arc] } else { rank };
                drive(head, hierarchy.key(cch, is_out, arc, rank));
                continue;
            };
            let (tail, head) =
                if is_out { (rank, cch.out.ancestor[arc]) } else { (cch.into.ancestor[arc], rank) };
            let first = cch.into.find(via, tail).expect("a triangle has its first arc");
            let second = cch.out.find(via, head).expect("a triangle has its second arc");
            self.stack.push(Step { is_out: true, arc: second, rank: via });
            self.stack.push(Step { is_out: false, arc: first, rank: via });
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
