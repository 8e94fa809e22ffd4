//! Finds the cheapest way of one commodity through departures that exist and new ones.
//!
//! Labels are taken in order of time, so a label is kept only if it is cheaper than every earlier
//! one at its node: the whole frontier of time against cost, exactly, while the windows of
//! departures stand still. That joining one departure may move another is checked afterwards.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::net::{Key, Net, TIME_EPSILON, trucks};
use super::state::{Ride, State};

/// Most labels that one search makes; what is found by then counts.
const LABELS_MAX: usize = 20_000;

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
    cheapest: Vec<f64>,
    pub(crate) rides: Vec<Ride>,
}

impl Inserter {
    pub(crate) fn new(net: &Net<'_>) -> Self {
        Self {
            labels: Vec::new(),
            heap: BinaryHeap::new(),
            cheapest: vec![f64::INFINITY; net.n],
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
        let com = &net.coms[k as usize];
        self.labels.clear();
        self.heap.clear();
        self.cheapest.fill(f64::INFINITY);
        self.push(Label {
            node: com.origin,
            cost: 0.0,
            time: com.release,
            parent: u32::MAX,
            ride: Ride::New(0),
        });
        let mut last = u32::MAX;
        while let Some((_, _, idx)) = self.heap.pop() {
            let Label { node, cost, time, .. } = self.labels[idx as usize];
            let target = self.cheapest[com.destination as usize];
            if cost >= self.cheapest[node as usize]
                || cost + net.unit_cost(node, com.destination) * com.size >= target
            {
                continue;
            }
            self.cheapest[node as usize] = cost;
            if node == com.destination {
                last = idx;
                continue;
            }
            if self.labels.len() > LABELS_MAX {
                break;
            }
            for &a in &net.out[node as usize] {
                let arc = &net.arcs[a as usize];
                let to_go = net.time(arc.head, com.destination);
                if a == lens.banned || time + arc.travel + to_go > com.due + TIME_EPSILON {
                    continue;
                }
                let flow_cost = cost + arc.cost_per_unit * com.size;
                let blur = lens.table[(a as usize + lens.offset) % lens.table.len()];
                let charged = if a == lens.gift { 0.0 } else { lens.scale };
                let fixed = arc.cost_fixed * charged * (1.0 + lens.noise * blur);
                let reach = Label {
                    node: arc.head,
                    cost: flow_cost + fixed * trucks(com.size, arc.capacity),
                    time: time + arc.travel,
                    parent: idx,
                    ride: Ride::New(a),
                };
                self.push_if_better(reach);
                for &g in &state.of_arc[a as usize] {
                    let group = &state.groups[g as usize];
                    let depart = time.max(group.early);
                    if depart > group.late + TIME_EPSILON
                        || depart + arc.travel + to_go > com.due + TIME_EPSILON
                        || !may_join(g)
                    {
                        continue;
                    }
                    let added = trucks(group.load + com.size, arc.capacity)
                        - trucks(group.load, arc.capacity);
                    let reach = Label {
                        node: arc.head,
                        cost: flow_cost + fixed * added,
                        time: depart + arc.travel,
                        parent: idx,
                        ride: Ride::Join(g),
                    };
                    self.push_if_better(reach);
                }
            }
        }
        self.rides.clear();
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

    fn push_if_better(&mut self, label: Label) {
        if label.cost < self.cheapest[label.node as usize] {
            self.push(label);
        }
    }

    fn push(&mut self, label: Label) {
        let idx = self.labels.len() as u32;
        self.heap.push((Reverse(Key(label.time)), Reverse(Key(label.cost)), idx));
        self.labels.push(label);
    }
}
