//! Dijkstra's search over the turn-expanded network: the plain way, for all that is
//! within reach.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::cost::Cost;
use crate::metric::Metric;

/// Working memory of a search, to be used again and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dijkstra {
    best: Vec<Cost>,
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
            self.improve(state, cost);
        }
        while let Some(Reverse((cost, state))) = self.heap.pop() {
            if cost > self.best[state as usize] {
                continue;
            }
            if visit(state, cost) == Visit::Stop {
                return;
            }
            for arc in metric.network.arcs(state) {
                self.improve(metric.network.arc_head[arc], cost.plus(metric.arc_cost(arc)));
            }
        }
    }

    fn clear(&mut self, n_states: usize) {
        for state in self.touched.drain(..) {
            self.best[state as usize] = Cost::UNREACHABLE;
        }
        if self.best.len() != n_states {
            self.best.clear();
            self.best.resize(n_states, Cost::UNREACHABLE);
        }
        self.heap.clear();
    }

    fn improve(&mut self, state: u32, cost: Cost) {
        let best = &mut self.best[state as usize];
        if cost < *best && cost.is_reachable() {
            if !best.is_reachable() {
                self.touched.push(state);
            }
            *best = cost;
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
