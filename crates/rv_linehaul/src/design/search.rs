//! Annealed large-neighbourhood search over commodity routings.
//!
//! A step takes a few related commodities off the network (everything on an arc that is to close,
//! what could use an arc that is to open, a bundle, what passes a node), routes them anew at
//! perturbed marginal cost, then once more at true marginal cost, and keeps or undoes the result
//! (Kirkpatrick et al. 1983 for the acceptance; Ghamlouche, Crainic and Gendreau 2003 show that
//! moves must deviate whole bundles of commodities at once). Commodities split when no single path
//! has room.

use rv_base::Rng;

use super::net::{Net, Paths};
use crate::Budget;

/// Loads below this are rounding.
const EPSILON: f64 = 1e-7;
/// Most commodities taken off in one step.
const REMOVED_MAX: usize = 24;
/// Most parts one insertion may split a commodity into.
const SPLITS_MAX: usize = 12;
/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u64 = 64;
/// Size of the table of noise.
const N_NOISE: usize = 1024;
/// Least factor on a fixed cost.
const BLUR_MIN: f64 = 0.1;
/// Least chance of an arc that the relaxation sees as it is.
const AGAINST_MIN: f64 = 0.15;
/// Start and end temperature as shares of the mean fixed cost of an open arc.
const TEMPERATURES: (f64, f64) = (2.0, 0.02);

/// Part of a commodity on a path; an empty path is what found no room.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) path: Vec<u32>,
    pub(crate) amount: f64,
}

/// A routing of everything.
#[derive(Clone)]
pub(crate) struct Routing {
    pub(crate) flows: Vec<Vec<Flow>>,
    pub(crate) load: Vec<f64>,
    pub(crate) cost: f64,
}

impl Routing {
    pub(crate) fn unrouted(&self) -> f64 {
        self.flows.iter().flatten().filter(|f| f.path.is_empty()).map(|f| f.amount).sum()
    }

    fn put(&mut self, net: &Net, flow: &Flow, penalty: f64) {
        if flow.path.is_empty() {
            self.cost += penalty * flow.amount;
        }
        for &a in &flow.path {
            let (arc, load) = (&net.arcs[a as usize], &mut self.load[a as usize]);
            if *load <= 0.0 {
                self.cost += arc.fixed;
            }
            *load += flow.amount;
            self.cost += arc.cost * flow.amount;
        }
    }

    fn take(&mut self, net: &Net, flow: &Flow, penalty: f64) {
        if flow.path.is_empty() {
            self.cost -= penalty * flow.amount;
        }
        for &a in &flow.path {
            let (arc, load) = (&net.arcs[a as usize], &mut self.load[a as usize]);
            *load -= flow.amount;
            if *load <= EPSILON {
                *load = 0.0;
                self.cost -= arc.fixed;
            }
            self.cost -= arc.cost * flow.amount;
        }
    }
}

/// How one insertion sees fixed costs.
#[derive(Clone, Copy)]
struct Lens {
    /// Scale of the fixed cost of a closed arc, before noise.
    scale: f64,
    /// Strength of the noise, 0..1.
    noise: f64,
    /// Strength of the guide, 0..1.
    guide: f64,
    noise_offset: usize,
    /// Arcs that may not be used.
    banned: [u32; 2],
    /// Arc whose fixed cost counts nothing.
    gifts: bool,
    /// Whether splitting is tried where the whole commodity fits.
    splits: bool,
}

impl Lens {
    const TRUE: Self = Self {
        scale: 1.0,
        noise: 0.0,
        guide: 0.0,
        noise_offset: 0,
        banned: [u32::MAX; 2],
        gifts: false,
        splits: true,
    };

    /// Factor on an arc's fixed cost.
    fn blur(&self, noise: &[f64], guide: &[f64], a: u32) -> f64 {
        let random = self.noise * noise[(a as usize + self.noise_offset) % N_NOISE];
        (1.0 + random + self.guide * guide[a as usize]).max(BLUR_MIN)
    }
}

/// The search and its best routing.
pub(crate) struct Search<'a> {
    net: &'a Net,
    rng: Rng,
    paths: Paths,
    path: Vec<u32>,
    noise: Vec<f64>,
    /// How much dearer arcs look than they are, -1..1: those that the relaxation leaves closed.
    guide: Vec<f64>,
    penalty: f64,
    now: Routing,
    best: Routing,
    removed: Vec<usize>,
    /// Arcs whose fixed cost is free while the step's first insertions are made.
    gifts: Vec<u32>,
    saved: Vec<(usize, Vec<Flow>)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(net: &'a Net, mut rng: Rng) -> Self {
        let worst = net.arcs.iter().map(|a| a.cost + a.fixed).fold(0.0, f64::max);
        let flows = net
            .coms
            .iter()
            .map(|com| vec![Flow { path: Vec::new(), amount: com.size }])
            .collect::<Vec<_>>();
        let penalty = 2.0 * worst * net.n as f64;
        let total: f64 = net.coms.iter().map(|c| c.size).sum();
        let now = Routing { flows, load: vec![0.0; net.arcs.len()], cost: penalty * total };
        Self {
            net,
            noise: (0..N_NOISE).map(|_| rng.range(-1.0, 1.0)).collect(),
            guide: vec![0.0; net.arcs.len()],
            rng,
            paths: Paths::new(net.n),
            path: Vec::new(),
            penalty,
            best: now.clone(),
            now,
            removed: Vec::new(),
            gifts: Vec::new(),
            saved: Vec::new(),
        }
    }

    /// Sets how often the relaxation opens each arc, 0..1: the search tries to open rather those
    /// that it opens more than usual.
    pub(crate) fn guide(&mut self, open: &[f64]) {
        let total: f64 = open.iter().sum();
        let usual = open.iter().map(|open| open * open).sum::<f64>() / total.max(1e-9);
        let guide = open.iter().map(|open| (1.0 - open / usual.max(1e-9)).clamp(-1.0, 1.0));
        self.guide = guide.collect();
    }

    pub(crate) fn best_cost(&self) -> f64 {
        self.best.cost
    }

    pub(crate) fn best(&self) -> &Routing {
        &self.best
    }

    /// What a unit costs that finds no room.
    pub(crate) fn penalty(&self) -> f64 {
        self.penalty
    }

    pub(crate) fn into_best(mut self) -> Routing {
        for flows in &mut self.best.flows {
            flows.retain(|f| f.amount > EPSILON);
        }
        self.best
    }

    /// Inserts everything, largest first, with fixed costs spread over the capacity, then improves
    /// commodity by commodity at true cost.
    pub(crate) fn construct(&mut self) {
        let mut order: Vec<usize> = (0..self.net.coms.len()).collect();
        order.sort_by(|&a, &b| self.net.coms[b].size.total_cmp(&self.net.coms[a].size));
        for pass in 0..4 {
            let lens = Lens { scale: [0.15, 0.4, 0.8, 1.0][pass], ..Lens::TRUE };
            for &k in &order {
                self.lift(k);
                self.insert(k, lens);
            }
        }
        self.best.clone_from(&self.now);
    }

    /// Searches until the budget is over; `report` gets every better cost. Gives the steps made.
    pub(crate) fn run(&mut self, budget: &Budget<'_>, report: &mut dyn FnMut(f64)) -> u64 {
        let n_open = self.now.load.iter().filter(|l| **l > 0.0).count().max(1);
        let fixed: f64 = (0..self.net.arcs.len())
            .filter(|&a| self.now.load[a] > 0.0)
            .map(|a| self.net.arcs[a].fixed)
            .sum();
        let unit = fixed / n_open as f64;
        let started = budget.progress(0).min(1.0);
        let (mut done, mut temperature, mut reported) = (0_u64, 0.0, self.best.cost);
        loop {
            if done % STEPS_PER_LOOK == 0 {
                let progress = budget.progress(done);
                if progress >= 1.0 {
                    break;
                }
                let share = (progress - started) / (1.0 - started).max(1e-9);
                let (hot, cold) = TEMPERATURES;
                temperature = unit * hot * (cold / hot).powf(share);
                if self.best.cost < reported {
                    reported = self.best.cost;
                    report(reported);
                }
            }
            done += 1;
            self.step(temperature);
        }
        done
    }

    fn step(&mut self, temperature: f64) {
        let before = self.now.cost;
        let lens = self.choose();
        if self.removed.is_empty() {
            return;
        }
        self.saved.clear();
        for i in 0..self.removed.len() {
            let k = self.removed[i];
            let flows = std::mem::take(&mut self.now.flows[k]);
            for flow in &flows {
                self.now.take(self.net, flow, self.penalty);
            }
            self.saved.push((k, flows));
        }
        self.rng.shuffle(&mut self.removed);
        for i in 0..self.removed.len() {
            self.insert(self.removed[i], lens);
        }
        for i in 0..self.removed.len() {
            let k = self.removed[i];
            self.lift(k);
            self.insert(k, Lens::TRUE);
        }
        let delta = self.now.cost - before;
        if delta <= 0.0 || self.rng.unit() < (-delta / temperature.max(1e-12)).exp() {
            if self.now.cost < self.best.cost - EPSILON {
                self.best.clone_from(&self.now);
            }
        } else {
            for i in 0..self.removed.len() {
                self.lift(self.removed[i]);
            }
            for (k, flows) in std::mem::take(&mut self.saved) {
                for flow in &flows {
                    self.now.put(self.net, flow, self.penalty);
                }
                self.now.flows[k] = flows;
            }
            self.now.cost = before;
        }
    }

    /// Chooses what to take off (into `removed`) and how to see costs while inserting it.
    fn choose(&mut self) -> Lens {
        self.removed.clear();
        self.gifts.clear();
        let mut lens = Lens {
            scale: [1.0, 0.7, 0.4][self.rng.below(3)],
            noise: [0.0, 0.3, 0.8][self.rng.below(3)],
            guide: [0.0, 0.4, 0.8][self.rng.below(3)],
            noise_offset: self.rng.below(N_NOISE),
            splits: self.rng.chance(0.5),
            ..Lens::TRUE
        };
        match self.rng.below(10) {
            0..4 => {
                let arc = self.random_arc(true);
                self.remove_if(|path, _| path.contains(&arc));
                lens.banned[0] = arc;
                if self.rng.chance(0.3) {
                    let other = self.random_arc(true);
                    self.remove_if(|path, _| path.contains(&other));
                    lens.banned[1] = other;
                } else if self.rng.chance(0.7) {
                    self.detour(arc, lens);
                    lens.gifts = true;
                }
            }
            4..7 => {
                let arc = self.random_arc(false);
                let (tail, head) =
                    (self.net.arcs[arc as usize].tail, self.net.arcs[arc as usize].head);
                let needs_both = self.rng.chance(0.5);
                self.remove_if(|path, net| {
                    let at_tail = path.iter().any(|&a| net.arcs[a as usize].tail == tail);
                    let at_head = path.iter().any(|&a| net.arcs[a as usize].head == head);
                    if needs_both { at_tail && at_head } else { at_tail || at_head }
                });
                let n_max = 1 + self.rng.below(15);
                self.thin(n_max);
                self.gifts.push(arc);
                lens.gifts = true;
            }
            7..9 => {
                let seed = self.rng.below(self.net.coms.len());
                let mut used = vec![false; self.net.arcs.len()];
                self.now.flows[seed]
                    .iter()
                    .flat_map(|f| &f.path)
                    .for_each(|&a| used[a as usize] = true);
                self.remove_if(|path, _| path.iter().any(|&a| used[a as usize]));
                let n_max = 2 + self.rng.below(12);
                self.thin(n_max);
            }
            _ => {
                let node = self.rng.below(self.net.n) as u32;
                self.remove_if(|path, net| path.iter().any(|&a| net.arcs[a as usize].tail == node));
                let n_max = 2 + self.rng.below(20);
                self.thin(n_max);
            }
        }
        if self.now.cost > self.penalty {
            // What found no room gets another chance while there may be some.
            for k in 0..self.net.coms.len() {
                let is_out = self.now.flows[k].iter().any(|f| f.path.is_empty());
                if is_out && !self.removed.contains(&k) {
                    self.removed.push(k);
                }
            }
        }
        self.thin(REMOVED_MAX);
        lens
    }

    /// Finds the cheapest way around an arc for everything on it at once (the cycle move of
    /// Ghamlouche, Crainic and Gendreau 2003), from a node at or before its tail to one at or
    /// behind its head, and offers that way's arcs for free: one commodity alone would never open
    /// them.
    fn detour(&mut self, arc: u32, lens: Lens) {
        let (net, load) = (self.net, &self.now.load);
        let bundle = load[arc as usize];
        let (mut from, mut to) = (net.arcs[arc as usize].tail, net.arcs[arc as usize].head);
        if let Some(&k) = self.removed.get(self.rng.below(self.removed.len().max(1))) {
            let com = net.coms[k];
            from = if self.rng.chance(0.3) { com.from } else { from };
            to = if self.rng.chance(0.3) { com.to } else { to };
        }
        let cost = |a: u32| {
            let row = &net.arcs[a as usize];
            let room = row.capacity - load[a as usize];
            if a == arc || room < 0.3 * bundle {
                return f64::INFINITY;
            }
            let blur = lens.blur(&self.noise, &self.guide, a);
            let opening = if load[a as usize] > 0.0 { 0.0 } else { row.fixed * blur };
            row.cost * bundle + opening
        };
        if from != to && self.paths.find(net, from, to, cost, &mut self.path).is_some() {
            self.gifts.extend_from_slice(&self.path);
        }
    }

    /// An arc that is open or closed now, rather one that the relaxation sees otherwise.
    fn random_arc(&mut self, is_open: bool) -> u32 {
        let n = self.net.arcs.len();
        for _ in 0..64 {
            let arc = self.rng.below(n);
            let against = if is_open { self.guide[arc] } else { -self.guide[arc] };
            let is_likely = self.rng.unit() < (0.5 + 0.5 * against).max(AGAINST_MIN);
            if (self.now.load[arc] > 0.0) == is_open && is_likely {
                return arc as u32;
            }
        }
        self.rng.below(n) as u32
    }

    fn remove_if(&mut self, mut is_wanted: impl FnMut(&[u32], &Net) -> bool) {
        for (k, flows) in self.now.flows.iter().enumerate() {
            let is_in = flows.iter().any(|f| is_wanted(&f.path, self.net));
            if is_in && !self.removed.contains(&k) {
                self.removed.push(k);
            }
        }
    }

    fn thin(&mut self, n_max: usize) {
        if self.removed.len() > n_max {
            self.rng.shuffle(&mut self.removed);
            self.removed.truncate(n_max);
        }
    }

    fn lift(&mut self, k: usize) {
        for flow in std::mem::take(&mut self.now.flows[k]) {
            self.now.take(self.net, &flow, self.penalty);
        }
    }

    /// Routes commodity `k`, which is off the network: whole, or in parts where that is cheaper or
    /// the only way.
    fn insert(&mut self, k: usize, lens: Lens) {
        let before = self.now.cost;
        let is_whole = self.put_parts(k, lens, true);
        let whole_cost = self.now.cost - before;
        let n_whole = self.now.flows[k].len();
        if is_whole && !lens.splits {
            return;
        }
        let whole = std::mem::take(&mut self.now.flows[k]);
        for flow in &whole {
            self.now.take(self.net, flow, self.penalty);
        }
        let before = self.now.cost;
        self.put_parts(k, lens, false);
        let is_same = n_whole == 1 && self.now.flows[k].len() == 1;
        if !is_same && self.now.cost - before < whole_cost - EPSILON {
            return;
        }
        self.lift(k);
        for flow in &whole {
            self.now.put(self.net, flow, self.penalty);
        }
        self.now.flows[k] = whole;
    }

    /// Puts commodity `k` on its cheapest path with room for all of it (if `whole` and there is
    /// one), else along cheapest paths until all of it is placed or no room is left; true if it
    /// went whole.
    fn put_parts(&mut self, k: usize, lens: Lens, whole: bool) -> bool {
        let com = self.net.coms[k];
        let mut left = com.size;
        let mut is_whole = whole;
        for _ in 0..SPLITS_MAX {
            let Some(amount) = self.find(com.from, com.to, left, is_whole, lens) else {
                if is_whole {
                    is_whole = false;
                    continue;
                }
                break;
            };
            let flow = Flow { path: self.path.clone(), amount };
            self.now.put(self.net, &flow, self.penalty);
            match self.now.flows[k].iter_mut().find(|f| f.path == flow.path) {
                Some(same) => same.amount += amount,
                None => self.now.flows[k].push(flow),
            }
            left -= amount;
            if left <= EPSILON {
                return is_whole;
            }
        }
        let flow = Flow { path: Vec::new(), amount: left };
        self.now.put(self.net, &flow, self.penalty);
        self.now.flows[k].push(flow);
        false
    }

    /// Cheapest path for `left` units (or for what fits, if not `whole`), into `path`; gives the
    /// units that fit.
    fn find(&mut self, from: u32, to: u32, left: f64, whole: bool, lens: Lens) -> Option<f64> {
        let (net, load, noise) = (self.net, &self.now.load, &self.noise);
        let guide = &self.guide;
        let gifts: &[u32] = if lens.gifts { &self.gifts } else { &[] };
        let cost = |a: u32| {
            let arc = &net.arcs[a as usize];
            let room = arc.capacity - load[a as usize];
            if (whole && room + EPSILON < left) || room <= EPSILON || lens.banned.contains(&a) {
                return f64::INFINITY;
            }
            let fits = left.min(room);
            if load[a as usize] > 0.0 || gifts.contains(&a) {
                return arc.cost * fits * (left / fits);
            }
            let blur = lens.blur(noise, guide, a);
            (arc.cost * fits + arc.fixed * lens.scale * blur) * (left / fits)
        };
        self.paths.find(net, from, to, cost, &mut self.path)?;
        let room = |a: &u32| net.arcs[*a as usize].capacity - load[*a as usize];
        Some(self.path.iter().map(room).fold(left, f64::min))
    }
}
