//! A proven lower bound: the knapsack relaxation.
//!
//! Flow conservation is priced out with one multiplier per node and commodity; what remains is one
//! continuous knapsack per arc, whose price decides whether the arc opens. The best multipliers
//! give the bound of the strong linear relaxation (Gendron, Crainic and Frangioni 1999, "Multi-
//! commodity capacitated network design"), and the mean of the knapsacks' answers comes near its
//! primal point (Barahona and Anbil 2000).

use super::net::{Net, Paths};
use crate::Budget;
use crate::volume::{Oracle, ascend};

/// Weight of the last answer in the means.
const MEAN_WEIGHT: f64 = 0.01;

/// The relaxation, with multipliers and means of its answers.
pub(crate) struct Relaxation<'a> {
    net: &'a Net,
    /// Best multipliers, by node, then commodity.
    at: Vec<f64>,
    /// Best bound.
    pub(crate) value: f64,
    /// Mean of how often arcs open of late, 0..1: roughly what the linear relaxation opens.
    pub(crate) open: Vec<f64>,
    sizes: Vec<f64>,
    prices: Vec<f64>,
    /// (price, commodity, units) of what pays on one arc.
    items: Vec<(f64, u32, f64)>,
}

impl<'a> Relaxation<'a> {
    /// Multipliers of the weak relaxation without capacities: distances to the destination with
    /// fixed costs spread over the capacity.
    pub(crate) fn new(net: &'a Net) -> Self {
        let n_coms = net.coms.len();
        let mut at = vec![0.0; n_coms * net.n];
        let mut paths = Paths::new(net.n);
        let mut path = Vec::new();
        let cost = |a: u32| {
            let arc = &net.arcs[a as usize];
            arc.cost + arc.fixed / arc.capacity
        };
        for (k, com) in net.coms.iter().enumerate() {
            for node in 0..net.n {
                let length = paths.find(net, node as u32, com.to, cost, &mut path);
                at[node * n_coms + k] = length.unwrap_or(0.0);
            }
        }
        Self {
            net,
            at,
            value: 0.0,
            open: vec![0.0; net.arcs.len()],
            sizes: net.coms.iter().map(|com| com.size).collect(),
            prices: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Climbs from where it is; `target` is the cost of a known plan. Gives the steps made.
    pub(crate) fn ascend(&mut self, target: f64, budget: &Budget<'_>) -> u64 {
        let begin = std::mem::take(&mut self.at);
        let ascent = ascend(self, begin, target, 0.0, budget);
        self.at = ascent.at;
        self.value = self.value.max(ascent.value);
        ascent.n_steps
    }

    /// Price of a unit of every commodity on an arc, into `prices`; the most that taking all that
    /// pays can gain.
    fn price(&mut self, a: usize, at: &[f64]) -> f64 {
        let (arc, n) = (&self.net.arcs[a], self.sizes.len());
        let tail = &at[arc.tail as usize * n..][..n];
        let head = &at[arc.head as usize * n..][..n];
        self.prices.clear();
        self.prices.extend(tail.iter().zip(head).map(|(tail, head)| arc.cost - tail + head));
        // Four sums side by side, as the processor adds them.
        let mut gains = [0.0; 4];
        for (prices, sizes) in self.prices.chunks(4).zip(self.sizes.chunks(4)) {
            for ((gain, price), size) in gains.iter_mut().zip(prices).zip(sizes) {
                *gain += price.min(0.0) * size;
            }
        }
        -gains.iter().sum::<f64>()
    }
}

impl Oracle for Relaxation<'_> {
    fn eval(&mut self, at: &[f64], slope: &mut [f64]) -> f64 {
        let (net, n) = (self.net, self.net.coms.len());
        slope.fill(0.0);
        let mut value = 0.0;
        for (k, com) in net.coms.iter().enumerate() {
            let (from, to) = (com.from as usize * n + k, com.to as usize * n + k);
            value += com.size * (at[from] - at[to]);
            slope[from] += com.size;
            slope[to] -= com.size;
        }
        for (a, arc) in net.arcs.iter().enumerate() {
            self.open[a] *= 1.0 - MEAN_WEIGHT;
            if self.price(a, at) <= arc.fixed {
                continue;
            }
            let mut room = arc.capacity;
            self.items.clear();
            for (k, price) in self.prices.iter().enumerate() {
                if *price < 0.0 {
                    self.items.push((*price, k as u32, self.sizes[k].min(room)));
                }
            }
            if self.items.iter().map(|item| item.2).sum::<f64>() > room {
                self.items.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            }
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
            if total >= 0.0 {
                continue;
            }
            value += total;
            self.open[a] += MEAN_WEIGHT;
            for &(_, k, units) in &self.items[..n_taken] {
                slope[arc.tail as usize * n + k as usize] -= units;
                slope[arc.head as usize * n + k as usize] += units;
            }
        }
        value
    }
}
