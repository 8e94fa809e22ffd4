//! Dijkstra's search over the turn-expanded network: the plain way, for reachability and as the
//! yardstick of everything faster.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::cost::Cost;
use crate::metric::Metric;
use crate::network::NO_STATE;

/// Working memory of a search, to be used again and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dijkstra {
    best: Vec<Cost>,
    parent: Vec<u32>,
    touched: Vec<u32>,
    heap: BinaryHeap<Reverse<(Cost, u32)>>,
}

impl Dijkstra {
    /// Settles states in order of cost from `starts` until `visit` says to stop.
    pub(crate) fn run(
        &mut self,
        metric: &Metric,
        starts: impl IntoIterator<Item = (u32, Cost)>,
        mut visit: impl FnMut(u32, Cost) -> Visit,
    ) {
        self.clear(metric.network.n_states());
        for (state, cost) in starts {
            self.improve(state, cost, NO_STATE);
        }
        while let Some(Reverse((cost, state))) = self.heap.pop() {
            if cost > self.best[state as usize] {
                continue;
            }
            if visit(state, cost) == Visit::Stop {
                return;
            }
            for arc in metric.network.arcs(state) {
                self.improve(metric.network.arc_head[arc], cost.plus(metric.arc_cost[arc]), state);
            }
        }
    }

    /// Cost of a settled state; unreachable if the search did not get there.
    pub(crate) fn cost(&self, state: u32) -> Cost {
        self.best[state as usize]
    }

    /// The states from a start to a settled state, both included.
    pub(crate) fn path_to(&self, state: u32) -> Vec<u32> {
        let mut path = vec![state];
        let mut at = state;
        while self.parent[at as usize] != NO_STATE {
            at = self.parent[at as usize];
            path.push(at);
        }
        path.reverse();
        path
    }

    fn clear(&mut self, n_states: usize) {
        for state in self.touched.drain(..) {
            self.best[state as usize] = Cost::UNREACHABLE;
        }
        if self.best.len() != n_states {
            self.best.clear();
            self.best.resize(n_states, Cost::UNREACHABLE);
            self.parent.resize(n_states, NO_STATE);
        }
        self.heap.clear();
    }

    fn improve(&mut self, state: u32, cost: Cost, parent: u32) {
        let best = &mut self.best[state as usize];
        if cost < *best && cost.is_reachable() {
            if !best.is_reachable() {
                self.touched.push(state);
            }
            *best = cost;
            self.parent[state as usize] = parent;
            self.heap.push(Reverse((cost, state)));
        }
    }
}

/// Whether a search goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    GoOn,
    Stop,
}
