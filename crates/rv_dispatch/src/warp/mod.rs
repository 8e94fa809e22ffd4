//! Windows first: an iterated local search whose routes may run late, or overloaded, at a price
//! that follows how often they do (Vidal et al. 2013; Wouda, Lan and Kool 2024).
//!
//! Each step takes strings of stops out, puts each back where it costs least with penalties, and
//! improves the surroundings by local search; steps are accepted as in annealing.

mod eject;
mod moves;
mod pairs;
mod press;
#[cfg(test)]
mod tests;
mod tours;

use rv_base::Rng;

use crate::Budget;
use crate::instance::{Instance, Kind, NONE};
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{
    Effort, STEPS_PER_CHECK, STEPS_PER_TOLD, Schedule, Span, progress, sort_jobs, tell,
};
use crate::state::State;
pub(crate) use eject::reduce as eject;
use moves::{Work, descend};
use pairs::insert_pair;
pub(crate) use press::reduce;
use tours::{Prices, Tours, Way, per_mm};

/// Steps after which the prices follow the share of sound plans.
const STEPS_PER_PRICE: u32 = 200;
/// Neighbours on either side that the local search looks at.
const N_NEAR: usize = 15;
/// Up to so many jobs the search has the time to begin, and to end, hotter.
const FEW_JOBS: usize = 400;
/// Average number of stops taken out in one step, and the longest string.
const REMOVED_MEAN: f64 = 10.0;
/// Probability 1 % of passing over a place, in 1/65536.
const BLINK: u32 = 655;
/// Steps without a sound plan after which the search goes on from the best one.
const LOST: u32 = 2000;
/// Dearest warp: a route's warp has 31 bits.
const WARP_PRICE_MAX: i64 = 1 << 30;
/// Longest time and leg that the arithmetic of warp allows.
const SPAN_MAX: i32 = 1 << 27;

/// Whether the instance is made of what this search knows: one load, all of it delivered, all of it
/// picked up or all of it in pairs, one price of distance, ways open and every job placed.
pub(crate) fn fits(state: &State<'_, '_>) -> bool {
    let inst = state.inst;
    let Some(first) = inst.jobs.first() else { return false };
    let kind = inst.nodes[first.first as usize].kind;
    let is_short = |t: i32| t.abs() <= SPAN_MAX;
    inst.is_simple
        && state.absent.is_empty()
        && inst.jobs.len() >= 8
        && inst.cost_per_mm(0) > 0
        && matches!(kind, Kind::Delivery | Kind::Pickup | Kind::Collect)
        && inst.jobs.iter().all(|j| inst.nodes[j.first as usize].kind == kind)
        && inst.vehs.iter().all(|v| {
            v.cost_per_mm == inst.vehs[0].cost_per_mm
                && inst.leg(0, inst.nodes[v.start as usize].loc, inst.nodes[v.end as usize].loc)
                    == (0, 0)
        })
        && inst.nodes.iter().all(|n| is_short(n.service) && is_short(n.open) && is_short(n.close))
        && inst.are_legs_within(SPAN_MAX)
}

/// Improves the state until its share of the budget ends, and leaves the best plan found in it.
pub(crate) fn improve(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    span: Span,
    rng: &mut Rng,
) -> Effort {
    let mut effort = Effort::default();
    let inst = state.inst;
    let mut dice = Dice::new(rng);
    let seqs = state.routes.iter().map(|r| r.seq.clone());
    let mut prices = Pricing::new(inst);
    let mut tours = Tours::new(inst, seqs, state.empties.clone(), prices.now);
    let mut best = Best::new(&mut tours);
    let unit = per_mm(inst) as f64 / inst.cost_per_mm(0) as f64;
    let mut schedule = Schedule::new(inst, span).in_units(unit);
    if inst.jobs.len() <= FEW_JOBS {
        schedule = schedule.hotter(3.0, 6.0);
    }
    let mut work = Work::new(inst.nodes.len(), N_NEAR);
    let mut jobs = Vec::new();
    let mut n_lost = 0;
    loop {
        if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
            let n_done = span.spent + effort.iterations;
            let Some(done) = progress(budget, span.iterations, n_done) else { break };
            schedule.cool(done);
        }
        effort.iterations += 1;
        let before = tours.cost;
        tours.begin();
        ruin(&mut tours, near, &mut jobs, &mut dice, &mut work);
        sort_jobs(inst, &mut jobs, &mut dice);
        for &job in &jobs {
            insert(&mut tours, near, job, &mut dice, &mut work);
        }
        descend(&mut tours, near, &mut work);
        let is_sound = tours.is_sound();
        if is_sound && tours.cost < best.cost {
            effort.improvements += 1;
            best.keep(&mut tours);
        } else if tours.cost as f64 >= schedule.limit(before, &mut dice) {
            tours.undo();
        }
        n_lost = if tours.is_sound() { 0 } else { n_lost + 1 };
        if n_lost > LOST {
            best.go_back(&mut tours);
            n_lost = 0;
        }
        if effort.iterations.is_multiple_of(STEPS_PER_TOLD) {
            let n_used = best.seqs.iter().filter(|seq| seq.len() > 2).count();
            tell(inst, budget, best.cost as f64 / unit, n_used, 0);
        }
        if prices.note(&tours) {
            tours.set_prices(prices.now);
        }
    }
    best.restore(state);
    effort
}

/// What breaches cost, led by how often plans are sound.
struct Pricing {
    now: Prices,
    least: Prices,
    most: Prices,
    n: u32,
    n_in_time: u32,
    n_in_load: u32,
}

impl Pricing {
    fn new(inst: &Instance<'_>) -> Self {
        let warp = per_mm(inst);
        // A unit of load too much costs what its share of a vehicle's way costs.
        let legs = inst.row_from(inst.lite[0].loc).iter().map(|leg| i64::from(leg[1]));
        let reach = legs.max().unwrap_or(1).max(1);
        let loads = || inst.lite.iter().map(|l| i64::from(l.load.max(0)));
        // All loads together at this price leave room to add costs up.
        let load_max = ((1_i64 << 60) / loads().sum::<i64>().max(1)).max(1);
        let largest = loads().max().unwrap_or(1).max(1);
        let load = (reach / largest).max(1).saturating_mul(warp).min(load_max);
        let now = Prices { warp, load };
        let least = Prices { warp: (warp / 50).max(1), load: (load / 50).max(1) };
        let most = Prices {
            warp: warp.saturating_mul(1000).min(WARP_PRICE_MAX),
            load: load.saturating_mul(1000).min(load_max),
        };
        Self { now, least, most, n: 0, n_in_time: 0, n_in_load: 0 }
    }

    /// Counts a plan; true if prices have changed.
    fn note(&mut self, tours: &Tours<'_, '_>) -> bool {
        self.n += 1;
        self.n_in_time += u32::from(tours.warp == 0);
        self.n_in_load += u32::from(tours.overload == 0);
        if self.n < STEPS_PER_PRICE {
            return false;
        }
        let adapt = |price: i64, n_good: u32, least: i64, most: i64| {
            let share = f64::from(n_good) / f64::from(STEPS_PER_PRICE);
            let factor = if share < 0.55 {
                1.2
            } else if share > 0.75 {
                0.9
            } else {
                1.0
            };
            ((price as f64 * factor) as i64).clamp(least, most)
        };
        self.now.warp = adapt(self.now.warp, self.n_in_time, self.least.warp, self.most.warp);
        self.now.load = adapt(self.now.load, self.n_in_load, self.least.load, self.most.load);
        (self.n, self.n_in_time, self.n_in_load) = (0, 0, 0);
        true
    }
}

/// The best sound plan, copied route by route as they change.
struct Best {
    cost: i64,
    seqs: Vec<Vec<u32>>,
}

impl Best {
    fn new(tours: &mut Tours<'_, '_>) -> Self {
        tours.is_newer.fill(false);
        Self { cost: tours.cost, seqs: tours.tours.iter().map(|t| t.seq.clone()).collect() }
    }

    fn keep(&mut self, tours: &mut Tours<'_, '_>) {
        self.cost = tours.cost;
        for (v, is_newer) in tours.is_newer.iter_mut().enumerate() {
            if std::mem::take(is_newer) {
                self.seqs[v].clone_from(&tours.tours[v].seq);
            }
        }
    }

    /// Goes on from the best plan.
    fn go_back(&self, tours: &mut Tours<'_, '_>) {
        tours.begin();
        for (v, seq) in self.seqs.iter().enumerate() {
            if std::mem::take(&mut tours.is_newer[v]) {
                tours.edit(v as u32, |now| now.clone_from(seq));
                tours.is_newer[v] = false;
            }
        }
        tours.begin();
    }

    fn restore(self, state: &mut State<'_, '_>) {
        for (v, seq) in self.seqs.iter().enumerate() {
            state.is_newer[v] = state.routes[v].seq != *seq;
        }
        state.restore(&self.seqs, &[], Vec::new(), 0);
        state.cost = state.routes.iter().map(|r| r.totals.cost).sum();
    }
}

/// Takes strings of stops out of routes near a random stop (Christiaens and Vanden Berghe 2020).
fn ruin(
    tours: &mut Tours<'_, '_>,
    near: &Near,
    removed: &mut Vec<u32>,
    dice: &mut Dice,
    work: &mut Work,
) {
    let seed = dice.below(tours.inst.jobs.len()) as u32;
    ruin_around(tours, near, seed, removed, dice, work);
}

/// The same near a given job.
fn ruin_around(
    tours: &mut Tours<'_, '_>,
    near: &Near,
    seed: u32,
    removed: &mut Vec<u32>,
    dice: &mut Dice,
    work: &mut Work,
) {
    let inst = tours.inst;
    removed.clear();
    let length_mean = (inst.jobs.len() / tours.n_used.max(1)).max(1) as f64;
    let string_max = length_mean.min(REMOVED_MEAN);
    let n_strings_max = (4.0 * REMOVED_MEAN / (1.0 + string_max) - 1.0).max(1.0);
    let n_strings = (dice.unit() * n_strings_max + 1.0) as usize;
    let mut ruined: Vec<u32> = Vec::with_capacity(n_strings);
    for &job in near.jobs(seed) {
        if ruined.len() >= n_strings {
            break;
        }
        let entry = &inst.jobs[job as usize];
        let is_second = entry.second != NONE && dice.below(2) == 1;
        let at = tours.spots[if is_second { entry.second } else { entry.first } as usize];
        if at.route == NONE || ruined.contains(&at.route) {
            continue;
        }
        ruined.push(at.route);
        let n_tasks = tours.tours[at.route as usize].seq.len() - 2;
        let longest = string_max.min(n_tasks as f64);
        let length = ((dice.unit() * longest + 1.0) as usize).min(n_tasks);
        let pos = at.pos as usize;
        let first_min = (pos + 1).saturating_sub(length).max(1);
        let first_max = pos.min(n_tasks + 1 - length);
        let first = first_min + dice.below(first_max - first_min + 1);
        if tours.is_paired() {
            remove_pairs(tours, at.route, first..first + length, removed, work);
            continue;
        }
        for k in first..first + length {
            let id = tours.tours[at.route as usize].seq[k];
            removed.push(inst.nodes[id as usize].job);
            tours.spots[id as usize].route = NONE;
        }
        let seq = &tours.tours[at.route as usize].seq;
        let ends = [seq[first - 1], seq[first + length]];
        tours.edit(at.route, |seq| _ = seq.drain(first..first + length));
        for id in ends {
            work.push(tours, id);
        }
    }
}

/// Takes the pairs with a stop among these positions of a route out of it.
fn remove_pairs(
    tours: &mut Tours<'_, '_>,
    route: u32,
    range: std::ops::Range<usize>,
    removed: &mut Vec<u32>,
    work: &mut Work,
) {
    let inst = tours.inst;
    let from = removed.len();
    for k in range {
        let job = inst.nodes[tours.tours[route as usize].seq[k] as usize].job;
        if !removed[from..].contains(&job) {
            removed.push(job);
        }
    }
    let gone = &removed[from..];
    let is_gone = |id: u32| gone.contains(&inst.nodes[id as usize].job);
    for k in 1..tours.tours[route as usize].seq.len() {
        let seq = &tours.tours[route as usize].seq;
        let (a, b) = (seq[k - 1], seq[k]);
        match (is_gone(a), is_gone(b)) {
            (false, true) => work.push(tours, a),
            (true, false) => work.push(tours, b),
            _ => {}
        }
    }
    tours.edit(route, |seq| seq.retain(|&id| !is_gone(id)));
    for &job in gone {
        let entry = &inst.jobs[job as usize];
        tours.spots[entry.first as usize].route = NONE;
        tours.spots[entry.second as usize].route = NONE;
    }
}

/// Puts a job where it costs least, penalties included.
fn insert(tours: &mut Tours<'_, '_>, near: &Near, job: u32, dice: &mut Dice, work: &mut Work) {
    let inst = tours.inst;
    if inst.jobs[job as usize].second != NONE {
        insert_pair(tours, near, job, BLINK, dice, work);
        return;
    }
    let node = inst.jobs[job as usize].first;
    let me = tours.spots[node as usize];
    let (to, from) = (inst.row_to(me.loc), inst.row_from(me.loc));
    let mut best = (i64::MAX, NONE);
    let consider = |best: &mut (i64, u32), tours: &Tours<'_, '_>, p: u32, fixed: i64| {
        let at = &tours.spots[p as usize];
        let next = &tours.spots[at.next as usize];
        let [t_in, d_in] = to[at.loc as usize];
        let [t_out, d_out] = from[next.loc as usize];
        let longer = i64::from(d_in) + i64::from(d_out) - i64::from(at.d_next);
        let mut delta = longer * tours.per_mm + fixed - tours.penalty_now(at.route);
        if delta >= best.0 {
            return;
        }
        let warp = Way::after(at).step(t_in, &me).join(t_out, next);
        let load = tours.tours[at.route as usize].sums.load + me.load;
        delta += tours.penalty(at.route, warp, load);
        if delta < best.0 {
            *best = (delta, p);
        }
    };
    for &p in near.preds(node) {
        if tours.spots[p as usize].route != NONE && !dice.blinks_at(BLINK) {
            consider(&mut best, tours, p, 0);
        }
    }
    for &s in near.succs(node) {
        let at = &tours.spots[s as usize];
        if at.route != NONE && !dice.blinks_at(BLINK) {
            consider(&mut best, tours, at.prev, 0);
        }
    }
    for list in &tours.empties {
        if let Some(&v) = list.last() {
            let veh = &inst.vehs[v as usize];
            consider(&mut best, tours, veh.start, tours.fixed[v as usize]);
        }
    }
    if best.1 == NONE {
        for tour in tours.tours.iter().filter(|t| t.seq.len() > 2) {
            for &p in &tour.seq[..tour.seq.len() - 1] {
                consider(&mut best, tours, p, 0);
            }
        }
    }
    let at = tours.spots[best.1 as usize];
    tours.edit(at.route, |seq| seq.insert(at.pos as usize + 1, node));
    for id in [best.1, node, at.next] {
        work.push(tours, id);
    }
}
