//! The instance as tables, and shortest paths over it.

use rv_model::linehaul::NetworkDesign;

/// No arc.
pub(crate) const NONE: u32 = u32::MAX;

/// One arc as the kernel reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arc {
    pub(crate) tail: u32,
    pub(crate) head: u32,
    pub(crate) cost: f64,
    pub(crate) capacity: f64,
    pub(crate) fixed: f64,
}

/// One commodity as the kernel reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Com {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) size: f64,
}

/// Tables of an instance.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) n: usize,
    pub(crate) arcs: Vec<Arc>,
    pub(crate) coms: Vec<Com>,
    out_start: Vec<u32>,
    out_arcs: Vec<u32>,
}

impl Net {
    pub(crate) fn new(design: &NetworkDesign) -> Self {
        let arcs: Vec<Arc> = design
            .arcs()
            .iter()
            .map(|a| Arc {
                tail: a.tail,
                head: a.head,
                cost: a.cost_per_unit,
                capacity: a.capacity,
                fixed: a.cost_fixed,
            })
            .collect();
        let coms = design
            .commodities()
            .iter()
            .map(|c| Com { from: c.origin, to: c.destination, size: c.size })
            .collect();
        let n = design.n_nodes();
        let mut out_start = vec![0_u32; n + 1];
        for arc in &arcs {
            out_start[arc.tail as usize + 1] += 1;
        }
        for node in 0..n {
            out_start[node + 1] += out_start[node];
        }
        let mut next = out_start.clone();
        let mut out_arcs = vec![0; arcs.len()];
        for (idx, arc) in arcs.iter().enumerate() {
            let slot = &mut next[arc.tail as usize];
            out_arcs[*slot as usize] = idx as u32;
            *slot += 1;
        }
        Self { n, arcs, coms, out_start, out_arcs }
    }

    pub(crate) fn out(&self, node: u32) -> &[u32] {
        let (a, b) = (self.out_start[node as usize], self.out_start[node as usize + 1]);
        &self.out_arcs[a as usize..b as usize]
    }
}

/// Working memory of shortest paths, reused between calls.
pub(crate) struct Paths {
    dist: Vec<f64>,
    via: Vec<u32>,
    open: Vec<u32>,
}

impl Paths {
    pub(crate) fn new(n: usize) -> Self {
        Self { dist: vec![f64::INFINITY; n], via: vec![NONE; n], open: Vec::with_capacity(n) }
    }

    /// Cheapest path by `cost` of an arc (infinite where it may not be used, never negative);
    /// writes its arcs to `path` and gives its length, or `None` if there is none.
    ///
    /// Scans for the nearest open node: these networks are small and dense.
    pub(crate) fn find(
        &mut self,
        net: &Net,
        from: u32,
        to: u32,
        mut cost: impl FnMut(u32) -> f64,
        path: &mut Vec<u32>,
    ) -> Option<f64> {
        self.dist.fill(f64::INFINITY);
        self.dist[from as usize] = 0.0;
        self.open.clear();
        self.open.push(from);
        loop {
            let mut slot = usize::MAX;
            let mut near = f64::INFINITY;
            for (i, &node) in self.open.iter().enumerate() {
                if self.dist[node as usize] < near {
                    near = self.dist[node as usize];
                    slot = i;
                }
            }
            if slot == usize::MAX {
                return None;
            }
            let node = self.open.swap_remove(slot);
            if node == to {
                break;
            }
            for &arc in net.out(node) {
                let head = net.arcs[arc as usize].head;
                let old = self.dist[head as usize];
                if old <= near {
                    continue;
                }
                let reach = near + cost(arc);
                if reach < old {
                    if old == f64::INFINITY {
                        self.open.push(head);
                    }
                    self.dist[head as usize] = reach;
                    self.via[head as usize] = arc;
                }
            }
        }
        path.clear();
        let mut node = to;
        while node != from {
            let arc = self.via[node as usize];
            path.push(arc);
            node = net.arcs[arc as usize].tail;
        }
        path.reverse();
        Some(self.dist[to as usize])
    }
}
