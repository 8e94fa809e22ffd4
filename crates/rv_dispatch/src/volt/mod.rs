//! Battery routes: slack induction by string removals as in [`crate::search`], on routes whose
//! places are judged in constant time with partial recharge (see [`labels`]), and whose chargers are
//! placed anew by label setting after each step (see [`stations`]).
//!
//! It knows vehicles that are all alike, one rate of charging, one load, all of it delivered or all
//! picked up, and one window for each stop; other problems go the general way.

mod fleet;
mod labels;
mod moves;
mod press;
mod stations;
#[cfg(test)]
mod tests;

use rv_base::Rng;

use crate::Budget;
use crate::fleet::{Shrink, emptied_first, seed, shrink};
use crate::instance::{Instance, Kind, NONE};
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{
    Effort, STEPS_PER_CHECK, STEPS_PER_TOLD, Schedule, Span, progress, sort_jobs, tell,
};
use crate::state::State;
use fleet::{Fleet, Trial};
use labels::{SPAN_MAX, Sites};
use moves::{Work, descend};

/// Batteries make a rugged land: first and last temperature against those of other searches.
const HOTTER: f64 = 4.0;
/// Average number of stops taken out in one step, and the longest string.
const REMOVED_MEAN: f64 = 10.0;
/// Probability 1 % of passing over a place, in 1/65536.
const BLINK: u32 = 655;
/// Most absent stops tried again in one step.
const RETRY_MAX: usize = 40;
/// A stop without a place next to its neighbours is tried everywhere once in so many cases.
const EVERYWHERE: usize = 8;
/// Dearest millisecond that a route is broken by: sums keep to 63 bits.
const PRICE_MAX: i64 = 1 << 30;
/// Cost of a millimetre in the units of this search: coarse enough that breaches can be priced a
/// thousand times as high, fine enough that rounding other costs does not matter.
const PER_MM: i64 = 1 << 10;
/// Dearest route, and dearest stop left out.
const FIXED_MAX: i64 = 1 << 44;
/// Steps without a sound plan after which the search goes on from the best one.
const LOST: u32 = 2000;
/// Steps after which the price of broken routes follows the share of sound plans.
const STEPS_PER_PRICE: u32 = 200;

/// The tables of this search, if it knows what the instance is made of.
fn sites_of(inst: &Instance<'_>) -> Option<Sites> {
    let kind = inst.nodes[inst.jobs.first()?.first as usize].kind;
    let is_short = |t: i32| t.abs() <= SPAN_MAX;
    let is_known = inst.is_simple_but_battery
        && matches!(kind, Kind::Delivery | Kind::Pickup)
        && inst.jobs.iter().all(|j| j.second == NONE && inst.nodes[j.first as usize].kind == kind)
        && inst.vehs.iter().all(|v| v.class == inst.vehs[0].class)
        && inst.nodes.iter().all(|n| is_short(n.service) && is_short(n.open) && is_short(n.close))
        && inst.are_legs_within(SPAN_MAX);
    if !is_known {
        return None;
    }
    Sites::new(inst, inst.charge_rate_mw?)
}

/// Improves the state until its share of the budget ends, with as few vehicles as can be found if
/// `fleet_share` of the budget may go into that; `None` if the instance is not made for this search.
pub(crate) fn improve(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    mut span: Span,
    fleet_share: Option<f64>,
    rng: &mut Rng,
) -> Option<Effort> {
    let inst = state.inst;
    let sites = sites_of(inst)?;
    let mut search = Search::new(state, &sites, near);
    search.construct(rng);
    let mut effort = Effort::default();
    if let Some(share) = fleet_share {
        effort = search.fewer_vehicles(budget, span, share, rng);
        span.spent = effort.iterations;
    }
    effort.add(search.anneal(budget, span, rng));
    search.hand_back(state);
    Some(effort)
}

struct Search<'a, 'p> {
    inst: &'a Instance<'p>,
    near: &'a Near,
    fleet: Fleet<'a>,
    /// Units of the instance in a unit of this search.
    unit: i64,
    /// What leaving each job out costs.
    absent_costs: Vec<i64>,
    best: Best,
    jobs: Vec<u32>,
    trial: Trial,
    work: Work,
}

/// Where a stop is tried: next to its neighbours, or everywhere if it has no place there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Near,
    Everywhere,
}

/// The price of broken routes, led by how often plans are sound.
struct Price {
    now: i64,
    least: i64,
    most: i64,
    n: u32,
    n_sound: u32,
}

impl Price {
    fn new(per_mm: i64) -> Self {
        let now = per_mm.max(1);
        let most = now.saturating_mul(1000).min(PRICE_MAX);
        Self { now, least: (now / 50).max(1), most, n: 0, n_sound: 0 }
    }

    /// Counts a plan; now and then the price changes.
    fn note(&mut self, is_sound: bool) {
        self.n += 1;
        self.n_sound += u32::from(is_sound);
        if self.n < STEPS_PER_PRICE {
            return;
        }
        let share = f64::from(self.n_sound) / f64::from(self.n);
        let factor = if share < 0.3 {
            1.2
        } else if share > 0.5 {
            0.9
        } else {
            1.0
        };
        self.now = ((self.now as f64 * factor) as i64).clamp(self.least, self.most);
        (self.n, self.n_sound) = (0, 0);
    }
}

/// The best plan so far, copied route by route as they change.
struct Best {
    cost: i64,
    seqs: Vec<Vec<u32>>,
    absent: Vec<u32>,
}

impl<'a, 'p> Search<'a, 'p> {
    fn new(state: &State<'a, 'p>, sites: &'a Sites, near: &'a Near) -> Self {
        let inst = state.inst;
        let veh = &inst.vehs[0];
        let per_mm = veh.cost_per_mm.clamp(1, PER_MM);
        let unit = (veh.cost_per_mm / per_mm).max(1);
        let in_units = |cost: i64| (cost / unit).min(FIXED_MAX);
        let absent_costs = inst.jobs.iter().map(|job| in_units(job.absent_cost)).collect();
        let mut fleet = Fleet::new(
            sites,
            inst.vehs.len(),
            veh.cost_per_mm.min(per_mm),
            in_units(veh.cost_fixed),
        );
        let mut absent = state.absent.clone();
        for (v, route) in state.routes.iter().enumerate().filter(|(_, r)| r.seq.len() > 2) {
            let site = |&id: &u32| {
                let node = &inst.nodes[id as usize];
                match node.kind {
                    Kind::Start => sites.start,
                    Kind::End => sites.end,
                    Kind::Charge => inst.n_tasks as u32 + node.facility,
                    _ => id,
                }
            };
            let seq: Vec<u32> = route.seq.iter().map(site).collect();
            if !fleet.replace(v as u32, &seq) {
                absent.extend(seq.iter().filter(|&&id| sites.is_stop(id)));
            }
        }
        fleet.absent = absent;
        let seqs = fleet.tours.iter().map(|t| t.seq.clone()).collect();
        let best = Best { cost: i64::MAX, seqs, absent: fleet.absent.clone() };
        fleet.is_newer.fill(false);
        let work = Work::new(sites.n_tasks);
        let (jobs, trial) = (Vec::new(), Trial::default());
        let mut search = Self { inst, near, fleet, unit, absent_costs, best, jobs, trial, work };
        search.best.cost = search.true_cost();
        search
    }

    /// The cost of the plan on the way: broken routes cost their price.
    fn judged(&self) -> i64 {
        self.true_cost() + self.fleet.broken * self.fleet.prices.per_ms.unwrap_or(0)
    }

    /// Puts in what the state could not place.
    fn construct(&mut self, rng: &mut Rng) {
        let mut dice = Dice::new(rng);
        for job in std::mem::take(&mut self.fleet.absent) {
            if !self.insert(job, Where::Everywhere, &mut dice) {
                self.fleet.absent.push(job);
            }
        }
        self.keep();
    }

    /// Seeks fewer vehicles by leaving stops out on the way and by breaching limits on the way, in
    /// turns while that helps.
    fn fewer_vehicles(
        &mut self,
        budget: &Budget<'_>,
        mut span: Span,
        share: f64,
        rng: &mut Rng,
    ) -> Effort {
        let mut effort = Effort::default();
        loop {
            let before = self.fleet.n_used;
            if self.fleet.absent.is_empty() {
                effort.add(press::reduce(self, budget, span, share, rng));
                span.spent = effort.iterations;
            }
            effort.add(shrink(self, budget, span, share, self.inst, rng));
            span.spent = effort.iterations;
            let done = progress(budget, span.iterations, span.spent);
            if done.is_none_or(|done| done >= share) || self.fleet.n_used >= before {
                return effort;
            }
        }
    }

    fn anneal(&mut self, budget: &Budget<'_>, span: Span, rng: &mut Rng) -> Effort {
        let mut effort = Effort::default();
        let mut dice = Dice::new(rng);
        let schedule = Schedule::new(self.inst, span).hotter(HOTTER, HOTTER);
        let mut schedule = schedule.in_units(1.0 / self.unit as f64);
        let mut price = Price::new(self.fleet.prices.per_mm);
        let mut n_lost = 0;
        loop {
            if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
                let n_done = span.spent + effort.iterations;
                let Some(done) = progress(budget, span.iterations, n_done) else { break };
                schedule.cool(done);
            }
            effort.iterations += 1;
            self.fleet.prices.per_ms = Some(price.now);
            let before = self.judged();
            self.fleet.begin();
            let seed = dice.below(self.inst.jobs.len()) as u32;
            self.ruin_and_recreate(seed, &mut dice);
            let is_sound = self.fleet.broken == 0;
            if is_sound && self.true_cost() < self.best.cost {
                effort.improvements += 1;
                self.keep();
            } else if self.judged() as f64 >= schedule.limit(before, &mut dice) {
                self.fleet.undo();
            }
            n_lost = if self.fleet.broken == 0 { 0 } else { n_lost + 1 };
            if n_lost > LOST {
                self.fleet.begin();
                self.restore();
                n_lost = 0;
            }
            price.note(is_sound);
            if effort.iterations.is_multiple_of(STEPS_PER_TOLD) {
                let best = &self.best;
                let cost = (best.cost - self.cost_of(&best.absent)) as f64 * self.unit as f64;
                let n_used = best.seqs.iter().filter(|seq| seq.len() > 2).count();
                tell(self.inst, budget, cost, n_used, best.absent.len());
            }
        }
        self.fleet.begin();
        self.fleet.prices.per_ms = None;
        effort
    }

    fn ruin_and_recreate(&mut self, seed: u32, dice: &mut Dice) {
        let mut jobs = std::mem::take(&mut self.jobs);
        jobs.clear();
        self.ruin(seed, &mut jobs, dice);
        let absent = &mut self.fleet.absent;
        for _ in 0..RETRY_MAX.min(absent.len()) {
            let at = if absent.len() > RETRY_MAX { dice.below(absent.len()) } else { 0 };
            jobs.push(absent.swap_remove(at));
        }
        sort_jobs(self.inst, &mut jobs, dice);
        for &job in &jobs {
            let places = if dice.below(EVERYWHERE) == 0 { Where::Everywhere } else { Where::Near };
            if !self.insert(job, places, dice) {
                self.fleet.absent.push(job);
            }
        }
        self.note_work(&jobs);
        self.jobs = jobs;
        descend(&mut self.fleet, self.near, &mut self.work);
        self.fleet.place_chargers();
    }

    /// Lets the local search begin around these jobs.
    fn note_work(&mut self, jobs: &[u32]) {
        for &job in jobs {
            let (v, pos) = self.fleet.spots[job as usize];
            if v != NONE {
                let seq = &self.fleet.tours[v as usize].seq;
                self.work.push_around(self.fleet.sites, seq, pos as usize);
            }
        }
    }

    /// Takes strings out of routes near a stop (Christiaens and Vanden Berghe 2020).
    fn ruin(&mut self, seed: u32, removed: &mut Vec<u32>, dice: &mut Dice) {
        let fleet = &mut self.fleet;
        let n_jobs = self.inst.jobs.len();
        let n_present = n_jobs - fleet.absent.len();
        let length_mean = (n_present / fleet.n_used.max(1)).max(1) as f64;
        let string_max = length_mean.min(REMOVED_MEAN);
        let n_strings_max = (4.0 * REMOVED_MEAN / (1.0 + string_max) - 1.0).max(1.0);
        let n_strings = (dice.unit() * n_strings_max + 1.0) as usize;
        let mut ruined: Vec<u32> = Vec::with_capacity(n_strings);
        for &job in self.near.jobs(seed) {
            if ruined.len() >= n_strings {
                break;
            }
            let (v, pos) = fleet.spots[job as usize];
            if v == NONE || ruined.contains(&v) {
                continue;
            }
            ruined.push(v);
            let n_inner = fleet.tours[v as usize].seq.len() - 2;
            let longest = string_max.min(n_inner as f64);
            let length = ((dice.unit() * longest + 1.0) as usize).min(n_inner);
            let pos = pos as usize;
            let first_min = (pos + 1).saturating_sub(length).max(1);
            let first_max = pos.min(n_inner + 1 - length);
            let first = first_min + dice.below(first_max - first_min + 1);
            let seq = &fleet.tours[v as usize].seq;
            self.work.push_around(fleet.sites, seq, first - 1);
            self.work.push_around(fleet.sites, seq, first + length);
            fleet.take_out(v, first, first + length, removed);
        }
    }

    /// Puts a stop where it costs least; false if there is no place that is worth it.
    fn insert(&mut self, job: u32, places: Where, dice: &mut Dice) -> bool {
        let mut trial = std::mem::take(&mut self.trial);
        trial.begin(job, self.absent_costs[job as usize]);
        let fleet = &mut self.fleet;
        for &p in self.near.preds(job) {
            let (v, pos) = fleet.spots[p as usize];
            if v != NONE && !dice.blinks_at(BLINK) {
                fleet.consider(&mut trial, v, pos as usize);
            }
        }
        for &s in self.near.succs(job) {
            let (v, pos) = fleet.spots[s as usize];
            if v != NONE && !dice.blinks_at(BLINK) {
                fleet.consider(&mut trial, v, pos as usize - 1);
            }
        }
        let idle = fleet.idle();
        if let Some(v) = idle {
            fleet.consider(&mut trial, v, 0);
        }
        fleet.consider_anew(&mut trial);
        if trial.place.is_none() && places == Where::Everywhere {
            let used =
                (0..fleet.tours.len() as u32).filter(|&v| !fleet.tours[v as usize].is_empty());
            for v in used.chain(idle) {
                for at in 0..fleet.tours[v as usize].seq.len() - 1 {
                    fleet.consider(&mut trial, v, at);
                    fleet.consider_between_chargers(&mut trial, v, at);
                }
            }
        }
        let is_in = trial.place.is_some_and(|place| self.fleet.insert(&trial, &place));
        self.trial = trial;
        is_in
    }

    /// The cost of the routes and of what is left out.
    fn true_cost(&self) -> i64 {
        self.fleet.cost + self.cost_of(&self.fleet.absent)
    }

    /// The cost of leaving jobs out.
    fn cost_of(&self, absent: &[u32]) -> i64 {
        absent.iter().map(|&job| self.absent_costs[job as usize]).sum()
    }

    fn keep(&mut self) {
        let absent = self.true_cost() - self.fleet.cost;
        let fleet = &mut self.fleet;
        self.best.cost = fleet.cost + absent;
        self.best.absent.clone_from(&fleet.absent);
        for (v, is_newer) in fleet.is_newer.iter_mut().enumerate() {
            if std::mem::take(is_newer) {
                self.best.seqs[v].clone_from(&fleet.tours[v].seq);
            }
        }
    }

    /// Goes back to the best plan.
    fn restore(&mut self) {
        let fleet = &mut self.fleet;
        for &job in &self.best.absent {
            fleet.spots[job as usize].0 = NONE;
        }
        for (v, seq) in self.best.seqs.iter().enumerate() {
            if std::mem::take(&mut fleet.is_newer[v]) {
                let is_good = fleet.replace(v as u32, seq);
                debug_assert!(is_good, "a route that was driven can be driven");
                fleet.is_newer[v] = false;
            }
        }
        fleet.absent.clone_from(&self.best.absent);
    }

    /// Hands the best plan to the state, unless it is what the state knows already.
    fn hand_back(mut self, state: &mut State<'_, '_>) {
        self.restore();
        let cost_now = state.cost / self.unit;
        if self.best.cost > cost_now && self.best.absent.len() >= state.absent.len() {
            return;
        }
        let mut seqs = Vec::with_capacity(state.routes.len());
        for (v, tour) in self.best.seqs.iter().enumerate() {
            let veh = &self.inst.vehs[v];
            let mut seq: Vec<u32> = Vec::with_capacity(tour.len());
            for &id in tour {
                let node = if id == self.fleet.sites.start {
                    Some(veh.start)
                } else if id == self.fleet.sites.end {
                    Some(veh.end)
                } else if self.fleet.sites.is_stop(id) {
                    Some(id)
                } else {
                    state.free_helper(&veh.charge_nodes[id as usize - self.inst.n_tasks], &seq)
                };
                // A charger that is visited too often to be told apart.
                let Some(node) = node else { return };
                seq.push(node);
            }
            if tour.len() > 2 && state.try_seq(v as u32, &seq).is_err() {
                debug_assert!(false, "what this search finds can be driven");
                return;
            }
            state.is_newer[v] = state.routes[v].seq != seq;
            seqs.push(seq);
        }
        state.restore(&seqs, &[], self.best.absent.clone(), 0);
        let absent = self.best.absent.iter().map(|&job| self.inst.jobs[job as usize].absent_cost);
        state.cost = absent.sum::<i64>() + state.routes.iter().map(|r| r.totals.cost).sum::<i64>();
    }
}

impl Shrink for Search<'_, '_> {
    fn n_used(&self) -> usize {
        self.fleet.n_used
    }

    fn cost(&self) -> i64 {
        self.true_cost()
    }

    fn unit(&self) -> f64 {
        self.unit as f64
    }

    fn absent(&self) -> &[u32] {
        &self.fleet.absent
    }

    fn begin(&mut self) {
        self.fleet.begin();
    }

    fn undo(&mut self) {
        self.fleet.undo();
    }

    fn step(&mut self, dice: &mut Dice) {
        let seed = seed(&self.fleet.absent, self.inst.jobs.len(), dice);
        self.ruin_and_recreate(seed, dice);
    }

    fn keep(&mut self) {
        Search::keep(self);
    }

    fn restore(&mut self) {
        Search::restore(self);
    }

    fn close_empty(&mut self) {
        self.fleet.n_used_max = self.fleet.n_used;
    }

    fn empty_one(&mut self, n_missed: &[u64], dice: &mut Dice) -> bool {
        let fleet = &mut self.fleet;
        let Some(v) = emptied_first(fleet.jobs_by_route(), n_missed, dice) else { return false };
        fleet.begin();
        let mut removed = Vec::new();
        fleet.empty(v, &mut removed);
        fleet.absent.extend(removed);
        true
    }
}
