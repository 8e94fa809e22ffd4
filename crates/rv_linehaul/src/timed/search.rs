//! Annealed large-neighbourhood search over routes and consolidations in continuous time.
//!
//! A step takes a few related commodities off the plan and puts each back on its cheapest way at
//! perturbed cost, then once more at true cost (Kirkpatrick et al. 1983 for the acceptance). A
//! departure keeps a window instead of a moment, so no grid is ever chosen.

use rv_base::Rng;
use rv_model::linehaul::{Dispatch, TimedPlan};

use super::insert::{Inserter, Lens};
use super::net::Net;
use super::state::{Ride, State};
use crate::Budget;

/// Costs closer than this are equal.
const EPSILON: f64 = 1e-7;
/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 32;
/// Size of the table of noise.
const N_NOISE: usize = 1024;
/// Start and end temperature as shares of the mean fixed cost of a departure.
const TEMPERATURES: (f64, f64) = (0.6, 0.005);
/// Most commodities taken off in one step.
const REMOVED_MAX: usize = 14;
/// Share of a new truck's cost that makes joining others better.
const SCALE_JOIN: f64 = 3.0;
/// Attempts to find a way that keeps every window open.
const ATTEMPTS: usize = 4;

/// The search, its current and its best plan.
pub(crate) struct Search<'a> {
    net: &'a Net<'a>,
    rng: Rng,
    inserter: Inserter,
    noise: Vec<f64>,
    now: State,
    best: State,
    removed: Vec<u32>,
}

/// What a step perturbs.
#[derive(Clone, Copy)]
struct View {
    scale: f64,
    noise: f64,
    offset: usize,
    banned: u32,
    gift: u32,
}

impl View {
    const TRUE: Self = Self { scale: 1.0, noise: 0.0, offset: 0, banned: u32::MAX, gift: u32::MAX };
}

impl<'a> Search<'a> {
    pub(crate) fn new(net: &'a Net<'a>, mut rng: Rng) -> Self {
        let noise = (0..N_NOISE).map(|_| rng.range(-1.0, 1.0)).collect();
        let now = State::new(net);
        let inserter = Inserter::new(net);
        Self { net, rng, inserter, noise, best: now.clone(), now, removed: Vec::new() }
    }

    pub(crate) fn best_cost(&self) -> f64 {
        self.best.cost
    }

    /// Goes on from a plan, at this network's costs and due times.
    pub(crate) fn resume(net: &'a Net<'a>, rng: Rng, mut state: State) -> Self {
        state.renew(net);
        let mut search = Self::new(net, rng);
        search.best.clone_from(&state);
        search.now = state;
        search
    }

    pub(crate) fn best(&self) -> &State {
        &self.best
    }

    /// Takes a better plan over.
    pub(crate) fn adopt(&mut self, state: State) {
        self.now.clone_from(&state);
        self.best = state;
    }

    pub(crate) fn into_best(self) -> State {
        self.best
    }

    /// Inserts everything at growing shares of trucks' cost.
    /// Passes after the first are left out once the budget is over.
    pub(crate) fn construct(&mut self, scales: &[f64], budget: &Budget<'_>) {
        for (i, scale) in scales.iter().copied().enumerate() {
            if i == 0 || budget.progress(0) < 1.0 {
                self.pass(scale);
            }
        }
        self.best.clone_from(&self.now);
    }

    /// Takes what rides some departures off the best plan, and if it `may_insert`, on other ways,
    /// rather on departures that exist than on new ones, the worthiest first. Gives what is left
    /// out.
    pub(crate) fn reroute(
        &mut self,
        groups: &[u32],
        may_insert: bool,
        worth: impl Fn(u32) -> f64,
    ) -> Vec<u32> {
        self.now.clone_from(&self.best);
        let mut riders: Vec<(u32, u32)> = Vec::new();
        for &g in groups {
            let group = &self.now.groups[g as usize];
            riders.extend(group.riders.iter().map(|&(k, _)| (k, group.arc)));
        }
        riders.sort_by(|a, b| worth(b.0).total_cmp(&worth(a.0)).then(a.cmp(b)));
        riders.dedup_by_key(|row| row.0);
        let mut left_out = Vec::new();
        for &(k, _) in &riders {
            self.now.take(self.net, k);
        }
        self.now.settle();
        for (k, arc) in riders {
            let view = View { scale: SCALE_JOIN, banned: arc, ..View::TRUE };
            if !(may_insert && self.insert(k, view)) {
                left_out.push(k);
            }
            self.now.settle();
        }
        self.best.clone_from(&self.now);
        left_out
    }

    /// Inserts everything at true cost, then inserts everything anew, once.
    pub(crate) fn construct_greedily(&mut self) {
        for scale in [1.0, 1.0] {
            self.pass(scale);
        }
        self.best.clone_from(&self.now);
    }

    /// Inserts everything, least slack first, after taking it off where it is on.
    fn pass(&mut self, scale: f64) {
        let net = self.net;
        let slack = |k: u32| {
            let com = &net.coms[k as usize];
            com.due - com.release - net.time(com.origin, com.destination)
        };
        let mut order = net.carried.clone();
        order.sort_by(|&a, &b| slack(a).total_cmp(&slack(b)).then(a.cmp(&b)));
        let view = View { scale, ..View::TRUE };
        for &k in &order {
            self.reinsert(k, view);
            self.now.settle();
        }
    }

    /// Searches until the budget is over, annealing from `heat` (1 is hot) to cold; `report` gets
    /// every better cost. Gives the steps made.
    pub(crate) fn run(
        &mut self,
        budget: &Budget<'_>,
        heat: f64,
        report: &mut dyn FnMut(f64),
    ) -> u64 {
        let n_used = self.now.of_arc.iter().map(Vec::len).sum::<usize>().max(1);
        let flow_cost: f64 = self
            .net
            .carried
            .iter()
            .flat_map(|&k| self.now.routes[k as usize].iter().map(move |&g| (k, g)))
            .map(|(k, g)| {
                let arc = self.now.groups[g as usize].arc;
                self.net.arcs[arc as usize].cost_per_unit * self.net.coms[k as usize].size
            })
            .sum();
        let unit = (self.now.cost - flow_cost).max(0.0) / n_used as f64;
        let started = budget.progress(0).min(1.0);
        let (mut done, mut temperature, mut reported) = (0_u64, 0.0, self.best.cost);
        loop {
            if done % STEPS_PER_LOOK == 0 {
                if self.now.cost < self.best.cost - EPSILON {
                    self.best.clone_from(&self.now);
                }
                let progress = budget.progress(done);
                if progress >= 1.0 || self.net.carried.is_empty() {
                    return done;
                }
                let share = (progress - started) / (1.0 - started).max(1e-9);
                let (hot, cold) = (TEMPERATURES.0 * heat, TEMPERATURES.1);
                temperature = unit * hot * (cold / hot).powf(share);
                if self.best.cost < reported {
                    reported = self.best.cost;
                    report(reported);
                }
            }
            done += 1;
            self.step(temperature);
        }
    }

    fn step(&mut self, temperature: f64) {
        let before = self.now.cost;
        let view = self.choose();
        let removed = std::mem::take(&mut self.removed);
        let mut saved = Vec::with_capacity(removed.len());
        for &k in &removed {
            saved.push((k, self.now.take(self.net, k)));
        }
        let mut is_whole = removed.iter().all(|&k| self.insert(k, view));
        is_whole = is_whole && removed.iter().all(|&k| self.reinsert(k, View::TRUE));
        let delta = self.now.cost - before;
        let is_kept = delta <= 0.0 || self.rng.unit() < (-delta / temperature.max(1e-12)).exp();
        if is_whole && is_kept {
            self.now.settle();
        } else {
            for &k in &removed {
                self.now.take(self.net, k);
            }
            for (k, route) in saved {
                self.now.put_back(self.net, k, &route);
            }
            self.now.cost = before;
            self.now.settle();
        }
        self.removed = removed;
    }

    /// Chooses what to take off (into `removed`) and how to see costs while inserting it.
    fn choose(&mut self) -> View {
        self.removed.clear();
        let mut view = View {
            scale: [1.0, 0.7, 0.4][self.rng.below(3)],
            noise: [0.0, 0.3, 0.8][self.rng.below(3)],
            offset: self.rng.below(N_NOISE),
            ..View::TRUE
        };
        let seed = self.net.carried[self.rng.below(self.net.carried.len())];
        match self.rng.below(10) {
            // What found no way yet is tried again.
            _ if self.now.routes[seed as usize].is_empty() => {}
            0..3 => {
                // Everything on one departure, which may not be offered again.
                let group = self.random_ride(seed);
                self.remove_riders(group);
                if self.rng.chance(0.5) {
                    view.banned = self.now.groups[group as usize].arc;
                }
            }
            3..5 => {
                let group = self.random_ride(seed);
                let arc = self.now.groups[group as usize].arc;
                self.remove_arc(arc);
                if self.rng.chance(0.3) {
                    view.banned = arc;
                }
            }
            5..7 => {
                // What could use an arc that gets cheap.
                let arc = self.rng.below(self.net.arcs.len()) as u32;
                let row = &self.net.arcs[arc as usize];
                self.remove_node(row.tail, row.head);
                view.gift = arc;
            }
            7..9 => {
                // What shares arcs with one commodity.
                for i in 0..self.now.routes[seed as usize].len() {
                    let group = self.now.routes[seed as usize][i];
                    self.remove_arc(self.now.groups[group as usize].arc);
                }
            }
            _ => {
                let node = self.rng.below(self.net.n) as u32;
                self.remove_node(node, node);
            }
        }
        self.removed.sort_unstable();
        self.removed.dedup();
        if self.removed.is_empty() {
            self.removed.push(seed);
        }
        self.rng.shuffle(&mut self.removed);
        let n_max = 2 + self.rng.below(REMOVED_MAX - 1);
        self.removed.truncate(n_max);
        view
    }

    fn random_ride(&mut self, k: u32) -> u32 {
        let route = &self.now.routes[k as usize];
        route[self.rng.below(route.len())]
    }

    fn remove_riders(&mut self, group: u32) {
        self.removed.extend(self.now.groups[group as usize].riders.iter().map(|rider| rider.0));
    }

    fn remove_arc(&mut self, arc: u32) {
        for i in 0..self.now.of_arc[arc as usize].len() {
            self.remove_riders(self.now.of_arc[arc as usize][i]);
        }
    }

    /// What leaves `tail` or enters `head`.
    fn remove_node(&mut self, tail: u32, head: u32) {
        let net = self.net;
        for &arc in net.out[tail as usize].iter().chain(&net.into[head as usize]) {
            self.remove_arc(arc);
        }
    }

    fn reinsert(&mut self, k: u32, view: View) -> bool {
        self.now.take(self.net, k);
        self.insert(k, view)
    }

    /// Puts commodity `k`, which is off the plan, on its cheapest way; false if none was found,
    /// which a ban alone can cause.
    fn insert(&mut self, k: u32, view: View) -> bool {
        let lens = Lens {
            scale: view.scale,
            noise: view.noise,
            table: &self.noise,
            offset: view.offset,
            banned: view.banned,
            gift: view.gift,
        };
        let mut refused: Vec<u32> = Vec::new();
        for attempt in 0..=ATTEMPTS {
            let may_join = |g: u32| attempt < ATTEMPTS && !refused.contains(&g);
            if !self.inserter.find(self.net, &self.now, k, &lens, may_join) {
                return false;
            }
            if self.now.put(self.net, k, &self.inserter.rides) {
                return true;
            }
            self.now.take(self.net, k);
            let joined = self.inserter.rides.iter().rev();
            refused.extend(
                joined
                    .filter_map(|ride| match ride {
                        Ride::Join(g) => Some(*g),
                        Ride::New(_) => None,
                    })
                    .take(1),
            );
        }
        false
    }

    /// The best plan, every departure at its earliest.
    pub(crate) fn into_plan(self) -> TimedPlan {
        let mut number = vec![u32::MAX; self.best.groups.len()];
        let mut dispatches = Vec::new();
        for (g, group) in self.best.groups.iter().enumerate() {
            if !group.riders.is_empty() {
                number[g] = dispatches.len() as u32;
                let capacity = self.net.arcs[group.arc as usize].capacity;
                let n_trucks = super::net::trucks(group.load, capacity).max(1.0) as u32;
                dispatches.push(Dispatch { arc: group.arc, depart: group.early, n_trucks });
            }
        }
        let itineraries = (self.best.routes.iter())
            .map(|route| route.iter().map(|&g| number[g as usize]).collect())
            .collect();
        let late = self.net.late_answers();
        TimedPlan { dispatches, itineraries, late }
    }
}
