//! Finds the cheapest way of one commodity through departures that exist and new ones.
//!
//! Labels are taken in order of their cost and what remains at least (Hart, Nilsson and Raphael
//! 1968), and one is kept only if it is earlier than every cheaper one at its node: the frontier of
//! time against cost, as far as it is needed, while the windows of departures stand still. That
//! joining one departure may move another is checked afterwards.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rv_model::linehaul::DesignCommodity;

use super::net::{Key, Net, TIME_EPSILON, trucks};
use super::state::{Ride, State};

/// Most labels that one search makes; what is found by then counts.
const LABELS_MAX: usize = 30_000;

/// How an insertion sees costs.
pub(crate) struct Lens<'a> {
    /// Share of the fixed cost that a new truck is charged.
    pub(crate) scale: f64,
    /// Size of the random part of fixed costs.
    pub(crate) noise: f64,
    /// Random numbers from -1 to 1, and where to begin in them.
    pub(crate) table: &'a [f64],
    pub(crate) offset: usize,
    /// Arc that may not be used.
    pub(crate) banned: u32,
    /// Arc whose trucks are free of fixed cost.
    pub(crate) gift: u32,
}

/// Networks up to so many arcs are searched without guessing.
const ARCS_SMALL: usize = 2_000;
/// Share of the cost of a place in a full truck that is counted on.
const PLACE_SHARE: f64 = 0.5;
/// In large networks, ways stay among arcs that full trucks would make dearer than the cheapest
/// way by no more than this share and so many mean places.
const CORRIDOR: (f64, f64) = (1.35, 0.5);

struct Label {
    node: u32,
    cost: f64,
    time: f64,
    parent: u32,
    ride: Ride,
}

/// Working memory, reused between calls.
pub(crate) struct Inserter {
    labels: Vec<Label>,
    heap: BinaryHeap<(Reverse<Key>, Reverse<Key>, u32)>,
    /// Earliest time of a label taken at each node.
    earliest: Vec<f64>,
    /// Cost and number of the cheapest label at the destination.
    goal: (f64, u32),
    pub(crate) rides: Vec<Ride>,
}

impl Inserter {
    pub(crate) fn new(net: &Net<'_>) -> Self {
        Self {
            labels: Vec::new(),
            heap: BinaryHeap::new(),
            earliest: vec![f64::INFINITY; net.n],
            goal: (f64::INFINITY, u32::MAX),
            rides: Vec::new(),
        }
    }

    /// Writes the cheapest way of `k` to `rides`; false if there is none. `may_join` says which
    /// departures may be joined.
    pub(crate) fn find(
        &mut self,
        net: &Net<'_>,
        state: &State,
        k: u32,
        lens: &Lens<'_>,
        may_join: impl Fn(u32) -> bool,
    ) -> bool {
        let corridor = corridor(net, &net.coms[k as usize]);
        let is_found = self.find_within(net, state, k, lens, &may_join, corridor);
        // What is cheap when trucks are full may be too slow.
        is_found
            || (corridor.is_finite()
                && self.find_within(net, state, k, lens, &may_join, f64::INFINITY))
    }

    fn find_within(
        &mut self,
        net: &Net<'_>,
        state: &State,
        k: u32,
        lens: &Lens<'_>,
        may_join: &impl Fn(u32) -> bool,
        corridor: f64,
    ) -> bool {
        let com = &net.coms[k as usize];
        self.labels.clear();
        self.heap.clear();
        self.earliest.fill(f64::INFINITY);
        self.goal = (f64::INFINITY, u32::MAX);
        let origin = Label {
            node: com.origin,
            cost: 0.0,
            time: com.release,
            parent: u32::MAX,
            ride: Ride::New(0),
        };
        self.push(origin, 0.0);
        while let Some((Reverse(Key(whole)), _, idx)) = self.heap.pop() {
            let Label { node, cost, time, .. } = self.labels[idx as usize];
            if whole >= self.goal.0 || self.labels.len() > LABELS_MAX {
                break;
            }
            if time >= self.earliest[node as usize] {
                continue;
            }
            self.earliest[node as usize] = time;
            let so_far = net.place_cost(com.origin, node);
            for &a in &net.out[node as usize] {
                let arc = &net.arcs[a as usize];
                // Who has been there earlier was there cheaper too.
                if time + arc.travel >= self.earliest[arc.head as usize] {
                    continue;
                }
                let full = so_far
                    + net.full_cost[a as usize]
                    + net.place_cost_to(arc.head, com.destination);
                if full > corridor {
                    continue;
                }
                let to_go = net.time_to(arc.head, com.destination);
                let by = com.due + TIME_EPSILON - to_go;
                if a == lens.banned || time + arc.travel > by {
                    continue;
                }
                let least = cost + arc.cost_per_unit * com.size + self::to_go(net, arc.head, com);
                if least >= self.goal.0 {
                    continue;
                }
                let arrival = net.arrival(a, net.earliest(a, time));
                if arrival > by {
                    continue;
                }
                let flow_cost = cost + arc.cost_per_unit * com.size;
                let blur = lens.table[(a as usize + lens.offset) % lens.table.len()];
                let charged = if a == lens.gift { 0.0 } else { lens.scale };
                let fixed = arc.cost_fixed * charged * (1.0 + lens.noise * blur);
                let reach = Label {
                    node: arc.head,
                    cost: flow_cost + fixed * trucks(com.size, arc.capacity),
                    time: arrival,
                    parent: idx,
                    ride: Ride::New(a),
                };
                self.push_if_better(net, com, reach);
                for &g in &state.of_arc[a as usize] {
                    let group = &state.groups[g as usize];
                    if time > group.late + TIME_EPSILON {
                        continue;
                    }
                    // The earlier of the two moments has been made permitted already.
                    let joined =
                        if group.early > time { net.arrival(a, group.early) } else { arrival };
                    if joined > by || !may_join(g) {
                        continue;
                    }
                    let added = trucks(group.load + com.size, arc.capacity)
                        - trucks(group.load, arc.capacity);
                    let reach = Label {
                        node: arc.head,
                        cost: flow_cost + fixed * added,
                        time: joined,
                        parent: idx,
                        ride: Ride::Join(g),
                    };
                    self.push_if_better(net, com, reach);
                }
            }
        }
        self.rides.clear();
        let mut last = self.goal.1;
        if last == u32::MAX {
            return false;
        }
        while self.labels[last as usize].parent != u32::MAX {
            self.rides.push(self.labels[last as usize].ride);
            last = self.labels[last as usize].parent;
        }
        self.rides.reverse();
        true
    }

    fn push_if_better(&mut self, net: &Net<'_>, com: &DesignCommodity, label: Label) {
        if label.node == com.destination {
            if label.cost < self.goal.0 {
                self.goal = (label.cost, self.labels.len() as u32);
                self.labels.push(label);
            }
        } else if label.time < self.earliest[label.node as usize] {
            let whole = label.cost + to_go(net, label.node, com);
            if whole < self.goal.0 {
                self.push(label, whole);
            }
        }
    }

    fn push(&mut self, label: Label, whole: f64) {
        let idx = self.labels.len() as u32;
        self.heap.push((Reverse(Key(whole)), Reverse(Key(label.time)), idx));
        self.labels.push(label);
    }
}

/// Cost that is thought to remain: at least what every unit pays, and in large networks, where
/// looking everywhere takes too long, half of what a place in a full truck costs.
fn to_go(net: &Net<'_>, node: u32, com: &DesignCommodity) -> f64 {
    let sure = net.unit_cost_to(node, com.destination);
    let likely = net.place_cost_to(node, com.destination) * PLACE_SHARE;
    com.size * if net.arcs.len() > ARCS_SMALL { sure.max(likely) } else { sure }
}

/// Most that a way may cost a unit in full trucks.
fn corridor(net: &Net<'_>, com: &DesignCommodity) -> f64 {
    if net.arcs.len() <= ARCS_SMALL {
        return f64::INFINITY;
    }
    net.place_cost(com.origin, com.destination) * CORRIDOR.0 + net.full_cost_mean * CORRIDOR.1
}
