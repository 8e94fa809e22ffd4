//! A timed instance as tables: arcs by tail, and least times and costs between nodes.

use rv_model::linehaul::{DesignArc, DesignCommodity, NetworkDesign};

/// Slack for sums of floating-point times, well below the checker's.
pub(crate) const TIME_EPSILON: f64 = 1e-9;
/// Slack, in trucks, for sums of floating-point loads.
const TRUCK_EPSILON: f64 = 1e-9;

/// Trucks that carry `load` when `capacity` fits on one.
pub(crate) fn trucks(load: f64, capacity: f64) -> f64 {
    (load / capacity - TRUCK_EPSILON).ceil().max(0.0)
}

/// Tables of a timed instance.
pub(crate) struct Net<'a> {
    pub(crate) n: usize,
    pub(crate) arcs: &'a [DesignArc],
    pub(crate) coms: &'a [DesignCommodity],
    /// Arcs that leave each node.
    pub(crate) out: Vec<Vec<u32>>,
    /// Least travel time from node to node, row-major; infinite where there is no path.
    time: Vec<f64>,
    /// Least cost per unit from node to node, row-major.
    unit_cost: Vec<f64>,
    /// Commodities that can arrive in time.
    pub(crate) carried: Vec<u32>,
}

impl<'a> Net<'a> {
    pub(crate) fn new(design: &'a NetworkDesign) -> Self {
        let (n, arcs, coms) = (design.n_nodes(), design.arcs(), design.commodities());
        let mut out = vec![Vec::new(); n];
        for (idx, arc) in arcs.iter().enumerate() {
            out[arc.tail as usize].push(idx as u32);
        }
        let time = all_pairs(n, arcs, &out, |a| a.travel);
        let unit_cost = all_pairs(n, arcs, &out, |a| a.cost_per_unit);
        let carried = (0..coms.len() as u32)
            .filter(|&k| {
                let com = &coms[k as usize];
                let least = time[com.origin as usize * n + com.destination as usize];
                com.release + least <= com.due
            })
            .collect();
        Self { n, arcs, coms, out, time, unit_cost, carried }
    }

    pub(crate) fn time(&self, from: u32, to: u32) -> f64 {
        self.time[from as usize * self.n + to as usize]
    }

    pub(crate) fn unit_cost(&self, from: u32, to: u32) -> f64 {
        self.unit_cost[from as usize * self.n + to as usize]
    }
}

/// Dijkstra from every node.
fn all_pairs(
    n: usize,
    arcs: &[DesignArc],
    out: &[Vec<u32>],
    length: impl Fn(&DesignArc) -> f64,
) -> Vec<f64> {
    let mut all = vec![f64::INFINITY; n * n];
    let mut heap = std::collections::BinaryHeap::new();
    for from in 0..n {
        let row = &mut all[from * n..(from + 1) * n];
        row[from] = 0.0;
        heap.push((std::cmp::Reverse(Key(0.0)), from as u32));
        while let Some((std::cmp::Reverse(Key(near)), node)) = heap.pop() {
            if near > row[node as usize] {
                continue;
            }
            for &a in &out[node as usize] {
                let arc = &arcs[a as usize];
                let reach = near + length(arc);
                if reach < row[arc.head as usize] {
                    row[arc.head as usize] = reach;
                    heap.push((std::cmp::Reverse(Key(reach)), arc.head));
                }
            }
        }
    }
    all
}

/// A number with a total order, for heaps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key(pub(crate) f64);

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
