//! Annealing over sets of open arcs, each judged by its cheapest flow.
//!
//! A step closes an arc, opens one, or both (Yaghini, Momeni and Sarmadi 2013 pair annealing with
//! column generation in this way). The threshold that a step must stay below is drawn first, so
//! that the dual of the present flow rules out most steps before their flow is computed: what
//! remains is optimised from the present basis.

use rv_base::Rng;

use super::flow::{Basis, Flows, Precision};
use super::net::Net;
use super::search::{Flow, Routing};
use super::ways::{Tree, Ways};
use crate::Budget;

/// Steps of the first annealing for every arc.
const STEPS_PER_ARC: u64 = 200;
/// From which temperature to which, in mean fixed costs of open arcs.
const TEMPERATURES: (f64, f64) = (0.25, 0.025);
/// The same where the best set is annealed once more, and that share of the budget.
const LAST_TEMPERATURES: (f64, f64) = (0.1, 0.015);
const LAST_SHARE: f64 = 0.15;
/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 32;
/// Share of the cost that exact capacities may add.
const WORSE_MAX: f64 = 1e-6;
/// Closed arcs of which the most promising is opened.
const OFFERS: usize = 6;

/// A set of open arcs with its flow, and the best one so far.
pub(crate) struct Opens<'a> {
    net: &'a Net,
    flows: Flows<'a>,
    rng: Rng,
    first: Basis,
    first_cost: f64,
    now: Basis,
    now_cost: f64,
    best: Basis,
    best_cost: f64,
    /// Lengths of shortest ways between all nodes at the present prices.
    dist: Vec<f64>,
    ways: Ways,
    tree: Tree,
}

impl<'a> Opens<'a> {
    /// Begins with some open arcs; nothing if their flow is too hard to compute. A unit that finds
    /// no room costs `penalty`.
    pub(crate) fn new(net: &'a Net, is_open: Vec<bool>, penalty: f64, rng: Rng) -> Option<Self> {
        let mut flows = Flows::new(net, penalty, Precision::Blurred);
        let mut now = flows.empty(is_open);
        if !flows.solve(&mut now, f64::INFINITY) {
            return None;
        }
        let now_cost = settle(net, &flows, &mut now);
        let mut opens = Self {
            net,
            flows,
            rng,
            first: now.clone(),
            first_cost: now_cost,
            best: now.clone(),
            now,
            now_cost,
            best_cost: now_cost,
            dist: vec![f64::INFINITY; net.n * net.n],
            ways: Ways::default(),
            tree: Tree::new(net.n),
        };
        opens.measure();
        Some(opens)
    }

    /// Takes a set of open arcs as the best one if it is.
    pub(crate) fn offer_set(&mut self, is_open: Vec<bool>) {
        let mut basis = self.flows.empty(is_open);
        if !self.flows.solve(&mut basis, f64::INFINITY) {
            return;
        }
        let cost = settle(self.net, &self.flows, &mut basis);
        if cost < self.best_cost {
            (self.best, self.best_cost) = (basis, cost);
        }
    }

    /// Anneals again and again from the first set, each time for longer, and in the end from the
    /// best one, until the budget is over; `report` gets every better cost. Gives the steps made.
    pub(crate) fn run(&mut self, budget: &Budget<'_>, report: &mut dyn FnMut(f64)) -> u64 {
        let started = budget.progress(0).min(1.0);
        let last = started + (1.0 - started) * (1.0 - LAST_SHARE);
        let anew = budget.share(last);
        let (mut done, mut n_steps) = (0, STEPS_PER_ARC * self.net.arcs.len().max(1) as u64);
        for round in 0.. {
            if anew.progress(done) >= 1.0 {
                break;
            }
            self.now.clone_from(&self.first);
            self.now_cost = self.first_cost;
            done += self.anneal(&anew, (done, n_steps), TEMPERATURES, report);
            // The first two are equally long, then each is twice as long as the one before.
            n_steps *= if round == 0 { 1 } else { 2 };
        }
        self.now.clone_from(&self.best);
        self.now_cost = self.best_cost;
        done + self.anneal(budget, (done, u64::MAX), LAST_TEMPERATURES, report)
    }

    /// Anneals for so many steps after those that are done, or to the end of the budget; gives the
    /// steps made.
    fn anneal(
        &mut self,
        budget: &Budget<'_>,
        (before, n_steps): (u64, u64),
        (hot, cold): (f64, f64),
        report: &mut dyn FnMut(f64),
    ) -> u64 {
        self.measure();
        let open = || self.net.arcs.iter().zip(&self.best.is_open).filter(|(_, is_open)| **is_open);
        let unit = open().map(|(arc, _)| arc.fixed).sum::<f64>() / open().count().max(1) as f64;
        let started = budget.progress(before).min(1.0);
        let (mut done, mut temperature) = (0_u64, 0.0);
        loop {
            if done % STEPS_PER_LOOK == 0 {
                let progress = budget.progress(before + done);
                if progress >= 1.0 || done >= n_steps {
                    return done;
                }
                let by_budget = (progress - started) / (1.0 - started).max(1e-9);
                let share = by_budget.max(done as f64 / n_steps as f64);
                temperature = unit * hot * (cold / hot).powf(share);
                self.flows.forget(&mut [&mut self.first, &mut self.now, &mut self.best]);
            }
            done += 1;
            self.step(temperature);
            if self.now_cost < self.best_cost - 1e-9 {
                self.best_cost = self.now_cost;
                self.best.clone_from(&self.now);
                report(self.best_cost);
            }
        }
    }

    /// The best set, its flow computed anew at exact capacities.
    pub(crate) fn into_best(self) -> Routing {
        let mut flows = Flows::new(self.net, self.flows.penalty, Precision::Exact);
        let mut exact = flows.empty(self.best.is_open.clone());
        let is_sound = flows.solve(&mut exact, f64::INFINITY);
        let cost = settle(self.net, &flows, &mut exact);
        if is_sound && cost <= self.best_cost * (1.0 + WORSE_MAX) {
            routing(&flows, &exact, cost)
        } else {
            routing(&self.flows, &self.best, self.best_cost)
        }
    }

    /// Shortest ways at the present prices.
    fn measure(&mut self) {
        self.ways.set(self.net, |a| self.now.length(self.net, a));
        for node in 0..self.net.n {
            self.tree.grow(&self.ways, node as u32);
            self.dist[node * self.net.n..][..self.net.n].copy_from_slice(&self.tree.dist);
        }
    }

    fn between(&self, from: u32, to: u32) -> f64 {
        self.dist[from as usize * self.net.n + to as usize]
    }

    /// The least that opening an arc changes the cost by.
    fn least_of_opening(&self, b: u32) -> f64 {
        let arc = &self.net.arcs[b as usize];
        let mut saved = 0.0;
        for com in &self.net.coms {
            let way = self.between(com.from, arc.tail) + arc.cost + self.between(arc.head, com.to);
            let gain = self.between(com.from, com.to) - way;
            if gain > 0.0 {
                saved += gain * com.size.min(arc.capacity);
            }
        }
        arc.fixed - saved
    }

    /// The least that opening `b` (if there is one) and closing `a` changes the cost by; gives up
    /// beyond `limit`.
    fn least_of_closing(&mut self, a: u32, b: Option<u32>, limit: f64) -> f64 {
        let arc = &self.net.arcs[a as usize];
        let price = self.now.price[a as usize].max(0.0);
        let mut least = price * arc.capacity - arc.fixed;
        least += b.map_or(0.0, |b| self.net.arcs[b as usize].fixed);
        let (net, now) = (self.net, &self.now);
        self.ways.set(net, |other| match other {
            other if other == a => None,
            other if Some(other) == b => Some(net.arcs[other as usize].cost),
            other => now.length(net, other),
        });
        for o in 0..self.flows.origins.len() {
            let from = self.flows.origins[o].0;
            // With a new arc ways may become shorter, without one only longer.
            let is_used = self.between(from, arc.tail) + arc.cost + price
                <= self.between(from, arc.head) * (1.0 + 1e-12);
            if b.is_none() && (!is_used || least > limit) {
                continue;
            }
            self.tree.grow(&self.ways, from);
            for &k in &self.flows.origins[o].1 {
                let com = &self.net.coms[k as usize];
                let way = self.tree.dist[com.to as usize].min(self.flows.penalty);
                least += com.size * (way - self.between(from, com.to));
            }
        }
        least
    }

    fn random_arc(&mut self, is_open: bool) -> Option<u32> {
        let n = self.net.arcs.len();
        let arc = (0..64).map(|_| self.rng.below(n)).find(|&a| self.now.is_open[a] == is_open);
        arc.map(|a| a as u32)
    }

    /// Of some closed arcs the one that promises most.
    fn offer(&mut self) -> Option<(f64, u32)> {
        let n = 1 + self.rng.below(OFFERS);
        let mut best: Option<(f64, u32)> = None;
        for _ in 0..n {
            let Some(b) = self.random_arc(false) else { continue };
            let least = self.least_of_opening(b);
            if best.is_none_or(|best| least < best.0) {
                best = Some((least, b));
            }
        }
        best
    }

    fn step(&mut self, temperature: f64) {
        let limit = -temperature * (1.0 - self.rng.unit()).max(1e-300).ln();
        let kind = self.rng.below(10);
        let (close, open) = match kind {
            0..3 => (self.random_arc(true), None),
            3..5 => (None, self.offer().map(|(_, b)| b)),
            _ => {
                let Some((_, b)) = self.offer() else { return };
                (self.rival(b), Some(b))
            }
        };
        let least = match (close, open) {
            (Some(a), b) => self.least_of_closing(a, b, limit),
            (None, Some(b)) => self.least_of_opening(b),
            (None, None) => return,
        };
        if least > limit {
            return;
        }
        let mut now = self.now.clone();
        let mut fixed = 0.0;
        for (arc, is_open) in [(close, false), (open, true)] {
            if let Some(arc) = arc {
                now.is_open[arc as usize] = is_open;
                let by = self.net.arcs[arc as usize].fixed;
                fixed += if is_open { by } else { -by };
            }
        }
        let is_sound = self.flows.solve(&mut now, self.now.cost + limit - fixed);
        if !is_sound {
            return;
        }
        let cost = settle(self.net, &self.flows, &mut now);
        if cost - self.now_cost <= limit {
            self.now = now;
            self.now_cost = cost;
            self.measure();
        }
    }

    /// An open arc whose freight another may take: one that meets it, or any.
    fn rival(&mut self, b: u32) -> Option<u32> {
        let (tail, head) = (self.net.arcs[b as usize].tail, self.net.arcs[b as usize].head);
        if self.rng.chance(0.3) {
            return self.random_arc(true);
        }
        for _ in 0..64 {
            let a = self.random_arc(true)?;
            let arc = &self.net.arcs[a as usize];
            if arc.tail == tail || arc.head == head || arc.tail == head || arc.head == tail {
                return Some(a);
            }
        }
        None
    }
}

/// Closes what carries nothing; the cost with fixed costs.
fn settle(net: &Net, flows: &Flows<'_>, basis: &mut Basis) -> f64 {
    let mut cost = basis.cost;
    for (a, arc) in net.arcs.iter().enumerate() {
        basis.is_open[a] &= basis.load[a] > flows.unused;
        cost += if basis.is_open[a] { arc.fixed } else { 0.0 };
    }
    cost
}

fn routing(flows: &Flows<'_>, basis: &Basis, cost: f64) -> Routing {
    let mut parts: Vec<Vec<Flow>> = vec![Vec::new(); flows.n_commodities()];
    for (k, arcs, amount) in flows.paths(basis) {
        if arcs.iter().all(|&a| basis.is_open[a as usize]) {
            parts[k].push(Flow { path: arcs.to_vec(), amount });
        }
    }
    Routing { flows: parts, load: basis.load.clone(), cost }
}
