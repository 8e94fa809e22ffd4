//! A proven lower bound: the knapsack relaxation.
//!
//! Flow conservation is priced out with one multiplier per node and commodity; what remains is one
//! continuous knapsack per arc, whose price decides whether the arc opens. The best multipliers
//! give the bound of the strong linear relaxation (Gendron, Crainic and Frangioni 1999, "Multi-
//! commodity capacitated network design").

use super::net::{Net, Paths};
use crate::Budget;
use crate::volume::{Oracle, ascend};

/// A lower bound on the cost of every plan, where its multipliers are, and how often of late they
/// opened each arc, from 0 to 1: roughly what the linear relaxation opens.
pub(crate) struct Relaxed {
    pub(crate) value: f64,
    pub(crate) open: Vec<f64>,
    at: Vec<f64>,
}

/// Seeks a bound, on from where an earlier search for it ended; `target` is the cost of a known
/// plan.
pub(crate) fn bound(
    net: &Net,
    target: f64,
    budget: &Budget<'_>,
    before: Option<&Relaxed>,
) -> Relaxed {
    let open = vec![0.0; net.arcs.len()];
    let mut oracle = Knapsacks { net, items: Vec::new(), open };
    let begin = before.map_or_else(|| start(net), |relaxed| relaxed.at.clone());
    let ascent = ascend(&mut oracle, begin, target, 0.0, budget);
    let least = before.map_or(0.0, |relaxed| relaxed.value);
    Relaxed { value: ascent.value.max(least), open: oracle.open, at: ascent.at }
}

/// Distances to the destination with fixed costs spread over the capacity: the exact multipliers
/// of the weak relaxation without capacities.
fn start(net: &Net) -> Vec<f64> {
    let mut at = vec![0.0; net.coms.len() * net.n];
    let mut paths = Paths::new(net.n);
    let mut path = Vec::new();
    for (k, com) in net.coms.iter().enumerate() {
        for node in 0..net.n as u32 {
            let length = paths.find(
                net,
                node,
                com.to,
                |a| {
                    let arc = &net.arcs[a as usize];
                    arc.cost + arc.fixed / arc.capacity
                },
                &mut path,
            );
            at[k * net.n + node as usize] = length.unwrap_or(0.0);
        }
    }
    at
}

struct Knapsacks<'a> {
    net: &'a Net,
    /// (reduced cost, commodity, units) of what pays on one arc.
    items: Vec<(f64, u32, f64)>,
    /// Mean of how often arcs opened of late.
    open: Vec<f64>,
}

/// Share of the last answer in that mean.
const OPEN_WEIGHT: f64 = 0.01;

impl Oracle for Knapsacks<'_> {
    fn eval(&mut self, at: &[f64], slope: &mut [f64]) -> f64 {
        let (net, n) = (self.net, self.net.n);
        slope.fill(0.0);
        let mut value = 0.0;
        for (k, com) in net.coms.iter().enumerate() {
            let (from, to) = (k * n + com.from as usize, k * n + com.to as usize);
            value += com.size * (at[from] - at[to]);
            slope[from] += com.size;
            slope[to] -= com.size;
        }
        for (arc, open) in net.arcs.iter().zip(&mut self.open) {
            *open *= 1.0 - OPEN_WEIGHT;
            self.items.clear();
            let mut gain_max = 0.0;
            for (k, com) in net.coms.iter().enumerate() {
                let price =
                    arc.cost - at[k * n + arc.tail as usize] + at[k * n + arc.head as usize];
                if price < 0.0 {
                    let units = com.size.min(arc.capacity);
                    gain_max -= price * units;
                    self.items.push((price, k as u32, units));
                }
            }
            if gain_max <= arc.fixed {
                continue;
            }
            self.items.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut room = arc.capacity;
            let mut total = arc.fixed;
            let mut n_taken = 0;
            for item in &mut self.items {
                item.2 = item.2.min(room);
                room -= item.2;
                total += item.0 * item.2;
                n_taken += 1;
                if room <= 0.0 {
                    break;
                }
            }
            if total < 0.0 {
                value += total;
                *open += OPEN_WEIGHT;
                for &(_, k, units) in &self.items[..n_taken] {
                    slope[k as usize * n + arc.tail as usize] -= units;
                    slope[k as usize * n + arc.head as usize] += units;
                }
            }
        }
        value
    }
}
