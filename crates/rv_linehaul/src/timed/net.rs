//! A timed instance as tables: arcs by tail, and least times and costs between nodes.

use rv_model::linehaul::{DesignArc, DesignCommodity, LateAnswer, NetworkDesign};

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
    /// Arcs that enter each node.
    pub(crate) into: Vec<Vec<u32>>,
    /// Least travel time from node to node, row-major; infinite where there is no path.
    time: Vec<f64>,
    /// Least cost per unit from node to node if trucks are full, row-major.
    place_cost: Vec<f64>,
    /// Both, and the least cost per unit, by destination first: for loops towards one.
    time_by_end: Vec<f64>,
    unit_cost_by_end: Vec<f64>,
    place_cost_by_end: Vec<f64>,
    /// Cost per unit of each arc if its trucks are full, and the mean of all arcs.
    pub(crate) full_cost: Vec<f64>,
    pub(crate) full_cost_mean: f64,
    /// Commodities that can arrive in time.
    pub(crate) carried: Vec<u32>,
    /// When arcs may be run and how long they take; without it at any time, as the arc says.
    clock: Option<&'a dyn Clock>,
}

/// When arcs may be run and how long they then take. All answers are monotone in time.
pub(crate) trait Clock: Sync {
    /// Earliest departure at or after a moment; infinite if there is none.
    fn earliest(&self, arc: u32, ready: f64) -> f64;

    /// When the load of a departure is at hand on the other side.
    fn arrival(&self, arc: u32, depart: f64) -> f64;

    /// Latest departure whose load is at hand by a moment; minus infinity if there is none.
    fn latest(&self, arc: u32, needed: f64) -> f64;
}

impl<'a> Net<'a> {
    pub(crate) fn new(design: &'a NetworkDesign, clock: Option<&'a dyn Clock>) -> Self {
        let mut net = Self::bare(design.n_nodes(), design.arcs(), clock);
        let coms = design.commodities();
        net.coms = coms;
        net.carried = (0..coms.len() as u32)
            .filter(|&k| {
                let com = &coms[k as usize];
                let least = net.time(com.origin, com.destination);
                com.release + least <= com.due
                    && (clock.is_none() || net.earliest_arrival(k, com.due) <= com.due)
            })
            .collect();
        net
    }

    /// The same where it is known which commodities can arrive in time.
    pub(crate) fn with_carried(
        design: &'a NetworkDesign,
        clock: Option<&'a dyn Clock>,
        carried: Vec<u32>,
    ) -> Self {
        let mut net = Self::bare(design.n_nodes(), design.arcs(), clock);
        net.coms = design.commodities();
        net.carried = carried;
        net
    }

    /// A network with nothing to carry.
    pub(crate) fn bare(n: usize, arcs: &'a [DesignArc], clock: Option<&'a dyn Clock>) -> Self {
        let (mut out, mut into) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        for (idx, arc) in arcs.iter().enumerate() {
            out[arc.tail as usize].push(idx as u32);
            into[arc.head as usize].push(idx as u32);
        }
        let time = all_pairs(n, arcs, &out, |a| a.travel);
        let unit_cost = all_pairs(n, arcs, &out, |a| a.cost_per_unit);
        let full = |a: &DesignArc| a.cost_per_unit + a.cost_fixed / a.capacity;
        let place_cost = all_pairs(n, arcs, &out, full);
        let full_cost: Vec<f64> = arcs.iter().map(full).collect();
        let full_cost_mean = full_cost.iter().sum::<f64>() / arcs.len() as f64;
        Self {
            n,
            arcs,
            coms: &[],
            out,
            into,
            time_by_end: transposed(n, &time),
            unit_cost_by_end: transposed(n, &unit_cost),
            place_cost_by_end: transposed(n, &place_cost),
            time,
            place_cost,
            full_cost,
            full_cost_mean,
            carried: Vec::new(),
            clock,
        }
    }

    /// When commodity `k` can arrive at the earliest; infinite if not by `limit`.
    pub(crate) fn earliest_arrival(&self, k: u32, limit: f64) -> f64 {
        let com = &self.coms[k as usize];
        let mut reached = vec![f64::INFINITY; self.n];
        let mut heap = std::collections::BinaryHeap::new();
        reached[com.origin as usize] = com.release;
        heap.push((std::cmp::Reverse(Key(com.release)), com.origin));
        while let Some((std::cmp::Reverse(Key(time)), node)) = heap.pop() {
            if node == com.destination {
                return time;
            }
            if time > reached[node as usize] {
                continue;
            }
            for &a in &self.out[node as usize] {
                let head = self.arcs[a as usize].head;
                let to_go = self.time_to(head, com.destination);
                if time + self.arcs[a as usize].travel + to_go > limit
                    || time + self.arcs[a as usize].travel >= reached[head as usize]
                {
                    continue;
                }
                let arrival = self.arrival(a, self.earliest(a, time));
                if arrival < reached[head as usize] {
                    reached[head as usize] = arrival;
                    heap.push((std::cmp::Reverse(Key(arrival)), head));
                }
            }
        }
        f64::INFINITY
    }

    /// What to say about commodities that cannot arrive in time.
    pub(crate) fn late_answers(&self) -> Vec<LateAnswer> {
        (0..self.coms.len() as u32)
            .filter(|k| self.carried.binary_search(k).is_err())
            .map(|commodity| {
                let earliest_arrival = self.earliest_arrival(commodity, f64::INFINITY);
                LateAnswer { commodity, earliest_arrival }
            })
            .collect()
    }

    /// True if commodity `k` has time to go over an arc.
    pub(crate) fn may_use(&self, k: u32, arc: u32) -> bool {
        let (com, row) = (&self.coms[k as usize], &self.arcs[arc as usize]);
        let least =
            self.time(com.origin, row.tail) + row.travel + self.time(row.head, com.destination);
        com.release + least <= com.due + TIME_EPSILON
    }

    pub(crate) fn earliest(&self, arc: u32, ready: f64) -> f64 {
        self.clock.map_or(ready, |clock| clock.earliest(arc, ready))
    }

    pub(crate) fn arrival(&self, arc: u32, depart: f64) -> f64 {
        match self.clock {
            Some(clock) => clock.arrival(arc, depart),
            None => depart + self.arcs[arc as usize].travel,
        }
    }

    pub(crate) fn latest(&self, arc: u32, needed: f64) -> f64 {
        match self.clock {
            Some(clock) => clock.latest(arc, needed),
            None => needed - self.arcs[arc as usize].travel,
        }
    }

    pub(crate) fn time(&self, from: u32, to: u32) -> f64 {
        self.time[from as usize * self.n + to as usize]
    }

    pub(crate) fn place_cost(&self, from: u32, to: u32) -> f64 {
        self.place_cost[from as usize * self.n + to as usize]
    }

    /// As [`Net::time`], fast for many beginnings of one end.
    pub(crate) fn time_to(&self, from: u32, to: u32) -> f64 {
        self.time_by_end[to as usize * self.n + from as usize]
    }

    /// As [`Net::place_cost`], fast for many beginnings of one end.
    pub(crate) fn place_cost_to(&self, from: u32, to: u32) -> f64 {
        self.place_cost_by_end[to as usize * self.n + from as usize]
    }

    pub(crate) fn unit_cost_to(&self, from: u32, to: u32) -> f64 {
        self.unit_cost_by_end[to as usize * self.n + from as usize]
    }

    /// When each carried commodity can arrive at the earliest.
    pub(crate) fn arrivals(&self) -> Vec<f64> {
        self.carried.iter().map(|&k| self.earliest_arrival(k, self.coms[k as usize].due)).collect()
    }
}

fn transposed(n: usize, rows: &[f64]) -> Vec<f64> {
    (0..n * n).map(|i| rows[i % n * n + i / n]).collect()
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
