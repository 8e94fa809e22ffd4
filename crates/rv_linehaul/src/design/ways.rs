//! Shortest paths over the arcs that are open.

use super::net::{NONE, Net};

/// Open arcs by tail, with lengths.
#[derive(Default)]
pub(crate) struct Ways {
    start: Vec<u32>,
    heads: Vec<u32>,
    arcs: Vec<u32>,
    lengths: Vec<f64>,
}

impl Ways {
    /// Takes the arcs for which `length` gives one.
    pub(crate) fn set(&mut self, net: &Net, length: impl Fn(u32) -> Option<f64>) {
        self.start.clear();
        self.heads.clear();
        self.arcs.clear();
        self.lengths.clear();
        for node in 0..net.n as u32 {
            self.start.push(self.arcs.len() as u32);
            for &a in net.out(node) {
                if let Some(length) = length(a) {
                    self.heads.push(net.arcs[a as usize].head);
                    self.arcs.push(a);
                    self.lengths.push(length);
                }
            }
        }
        self.start.push(self.arcs.len() as u32);
    }
}

/// Shortest paths from one node to all.
pub(crate) struct Tree {
    pub(crate) dist: Vec<f64>,
    pub(crate) via: Vec<u32>,
    open: Vec<u32>,
}

impl Tree {
    pub(crate) fn new(n: usize) -> Self {
        Self { dist: vec![f64::INFINITY; n], via: vec![NONE; n], open: Vec::with_capacity(n) }
    }

    /// Scans for the nearest open node: these networks are small and dense.
    pub(crate) fn grow(&mut self, ways: &Ways, from: u32) {
        self.dist.fill(f64::INFINITY);
        self.dist[from as usize] = 0.0;
        self.open.clear();
        self.open.push(from);
        while !self.open.is_empty() {
            let (mut slot, mut near) = (0, f64::INFINITY);
            for (i, &node) in self.open.iter().enumerate() {
                if self.dist[node as usize] < near {
                    near = self.dist[node as usize];
                    slot = i;
                }
            }
            let node = self.open.swap_remove(slot) as usize;
            let range = ways.start[node] as usize..ways.start[node + 1] as usize;
            let heads = ways.heads[range.clone()].iter();
            let lengths = ways.lengths[range.clone()].iter();
            for ((&head, length), &arc) in heads.zip(lengths).zip(&ways.arcs[range]) {
                let (reach, old) = (near + length, self.dist[head as usize]);
                if reach < old {
                    if old == f64::INFINITY {
                        self.open.push(head);
                    }
                    self.dist[head as usize] = reach;
                    self.via[head as usize] = arc;
                }
            }
        }
    }
}
