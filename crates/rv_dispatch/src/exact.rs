//! Tiny problems to the end: every sequence of every vehicle, joined so that no order is served
//! twice. What insertion cannot build one order at a time (a way that is only open with a stop in
//! between, a charge that pays for two) is found here.

use rv_model::dispatch::Presence;

use crate::Budget;
use crate::instance::{Kind, NONE};
use crate::route::{Broken, Totals};
use crate::state::State;

/// Most jobs and vehicles of a problem that is tried.
const JOBS_MAX: usize = 8;
const VEHICLES_MAX: usize = 3;
/// Most sequences that are run if the budget is time, and for each iteration of a budget of
/// iterations.
const RUNS_MAX: u64 = 400_000;
const RUNS_PER_ITERATION: u64 = 40;
/// So many times as much where orders have to be left out, as few ways are too dear then.
const MORE_RUNS: u64 = 8;
/// Charging stops of a sequence at most.
const CHARGES_MAX: usize = 2;
/// Sequences kept for the same jobs of the same vehicle, where routes share something.
const KEPT_MAX: usize = 12;

/// A sequence that runs, and what it serves.
struct Found {
    jobs: u32,
    cost: i64,
    seq: Vec<u32>,
}

/// Goes to the best plan of all, with so many vehicles at most, if the problem is small enough;
/// keeps the state if the effort does not suffice or nothing is better.
pub(crate) fn finish(
    state: &mut State<'_, '_>,
    budget: &Budget<'_>,
    n_vehicles_max: Option<usize>,
) {
    let inst = state.inst;
    if inst.jobs.len() > JOBS_MAX || inst.vehs.len() > VEHICLES_MAX || inst.jobs.is_empty() {
        return;
    }
    let n_max = budget.iterations.map_or(RUNS_MAX, |n| n.saturating_mul(RUNS_PER_ITERATION));
    let mut n_left = n_max.min(RUNS_MAX);
    let is_required = |j: &u32| {
        let order = inst.jobs[*j as usize].order;
        inst.problem.orders()[order as usize].presence == Presence::Required
    };
    if state.absent.iter().any(is_required) {
        n_left *= MORE_RUNS;
    }
    // While orders are left out, what that costs hides what a way may cost. So first among the ways
    // that cost no more than all routes now: the best plan with the same orders left out is there.
    if !state.absent.is_empty() {
        let absent = state.absent.iter().map(|&j| inst.jobs[j as usize].absent_cost);
        let cost_max = state.cost - absent.sum::<i64>();
        enumerate(state, budget, cost_max, n_vehicles_max, &mut n_left);
    }
    let cost_max = state.cost;
    enumerate(state, budget, cost_max, n_vehicles_max, &mut n_left);
}

/// Goes to the best plan among ways that cost no more each, unless the effort does not suffice.
fn enumerate(
    state: &mut State<'_, '_>,
    budget: &Budget<'_>,
    cost_max: i64,
    n_vehicles_max: Option<usize>,
    n_left: &mut u64,
) {
    let inst = state.inst;
    let mut lists = Vec::new();
    for v in 0..inst.vehs.len() as u32 {
        let mut walk = Walk::new(state, v, budget, cost_max, *n_left);
        let is_done = walk.all();
        *n_left = walk.n_left;
        lists.push(walk.found);
        if !is_done {
            return;
        }
    }
    let picked = Vec::new();
    let mut join = Join { lists: &lists, picked, state, best: None, n_vehicles_max };
    let all_absent = inst.jobs.iter().filter(|j| !j.is_committed).map(|j| j.absent_cost).sum();
    join.vehicle(0, 0, all_absent);
    let best = join.best;
    if let Some(best) = best {
        *state = best;
    }
}

struct Walk<'a, 'i, 'p> {
    state: &'a mut State<'i, 'p>,
    v: u32,
    seq: Vec<u32>,
    found: Vec<Found>,
    n_left: u64,
    /// A way that costs more than the whole plan so far leads to no better one: no cost is negative.
    cost_max: i64,
    budget: &'a Budget<'a>,
}

impl<'a, 'i, 'p> Walk<'a, 'i, 'p> {
    fn new(
        state: &'a mut State<'i, 'p>,
        v: u32,
        budget: &'a Budget<'a>,
        cost_max: i64,
        n_left: u64,
    ) -> Self {
        let (seq, found) = (Vec::new(), Vec::new());
        Self { state, v, seq, found, n_left, cost_max, budget }
    }

    /// All sequences of the vehicle; false if the effort did not suffice.
    fn all(&mut self) -> bool {
        let inst = self.state.inst;
        let veh = &inst.vehs[self.v as usize];
        self.seq.push(veh.start);
        self.seq.extend(&veh.committed);
        self.seq.push(veh.end);
        let is_done = self.step(0, 0);
        // A vehicle that is at a depot with nothing to do may stay there, and one that cannot even
        // get from its start to its end has to.
        let is_free = !veh.starts_on_road && veh.committed.is_empty();
        let n_bare = self.seq.len();
        if self.found.iter().all(|f| f.jobs != 0 || is_free && f.seq.len() != n_bare) {
            self.found.push(Found { jobs: 0, cost: 0, seq: self.seq.clone() });
        }
        is_done
    }

    /// What the way to the last stop costs at least.
    fn cost_min(&self) -> i64 {
        let inst = self.state.inst;
        let veh = &inst.vehs[self.v as usize];
        let legs = self.seq[..self.seq.len() - 1].windows(2);
        let (mut spent, mut length) = (0, 0);
        for leg in legs {
            let [from, to] = [leg[0], leg[1]].map(|id| &inst.nodes[id as usize]);
            let (t, d) = inst.leg(veh.profile, from.loc, to.loc);
            spent += i64::from(t) + i64::from(to.service);
            length += i64::from(d);
        }
        let fixed = if self.seq.len() > 2 { veh.cost_fixed } else { 0 };
        length
            .saturating_mul(veh.cost_per_mm)
            .saturating_add(spent.saturating_mul(veh.cost_per_ms))
            .saturating_add(fixed)
    }

    fn step(&mut self, jobs: u32, n_charges: usize) -> bool {
        let inst = self.state.inst;
        if self.cost_min() > self.cost_max {
            return true;
        }
        if self.n_left == 0 || (self.n_left.is_multiple_of(4096) && self.budget.is_over()) {
            return false;
        }
        self.n_left -= 1;
        match self.state.try_alone(self.v, &self.seq) {
            Ok(totals) => self.keep(jobs, totals),
            Err(Broken::Load) => return true,
            Err(_) if self.state.n_run() + 1 < self.seq.len() => return true,
            Err(_) => {}
        }
        for job in 0..inst.jobs.len() as u32 {
            let entry = &inst.jobs[job as usize];
            if entry.is_committed || !inst.is_allowed(entry, self.v) {
                continue;
            }
            let is_in = |node: u32| self.seq.contains(&node);
            let (node, done) = if entry.second == NONE || !is_in(entry.first) {
                (entry.first, if entry.second == NONE { jobs | 1 << job } else { jobs })
            } else {
                (entry.second, jobs | 1 << job)
            };
            if !is_in(node) && !self.with(node, done, n_charges) {
                return false;
            }
        }
        let veh = &inst.vehs[self.v as usize];
        let last = inst.nodes[self.seq[self.seq.len() - 2] as usize].kind;
        if last != Kind::Reload && self.state.n_reloads(&self.seq) < veh.reloads_max as usize {
            for block in &veh.reload_nodes {
                let Some(node) = self.state.free_helper(block, &self.seq) else { continue };
                if !self.with(node, jobs, n_charges) {
                    return false;
                }
            }
        }
        if last != Kind::Charge && n_charges < CHARGES_MAX {
            for block in &veh.charge_nodes {
                let Some(node) = self.state.free_helper(block, &self.seq) else { continue };
                if !self.with(node, jobs, n_charges + 1) {
                    return false;
                }
            }
        }
        true
    }

    fn with(&mut self, node: u32, jobs: u32, n_charges: usize) -> bool {
        let at = self.seq.len() - 1;
        self.seq.insert(at, node);
        let is_done = self.step(jobs, n_charges);
        self.seq.remove(at);
        is_done
    }

    fn keep(&mut self, jobs: u32, totals: Totals) {
        let n_open =
            self.seq.iter().fold(0_i32, |n, id| match self.state.inst.nodes[*id as usize].kind {
                Kind::Collect => n + 1,
                Kind::Drop => n - 1,
                _ => n,
            });
        if n_open != 0 {
            return;
        }
        let rich = &self.state.inst.rich;
        let n_kept = if rich.has_bays || rich.has_stock || rich.has_levels { KEPT_MAX } else { 1 };
        let same = || self.found.iter().enumerate().filter(|(_, f)| f.jobs == jobs);
        if same().count() >= n_kept {
            let Some((worst, cost)) =
                same().max_by_key(|(_, f)| f.cost).map(|(at, f)| (at, f.cost))
            else {
                return;
            };
            if cost <= totals.cost {
                return;
            }
            self.found.swap_remove(worst);
        }
        self.found.push(Found { jobs, cost: totals.cost, seq: self.seq.clone() });
    }
}

struct Join<'a, 'i, 'p> {
    lists: &'a [Vec<Found>],
    picked: Vec<&'a Found>,
    state: &'a State<'i, 'p>,
    best: Option<State<'i, 'p>>,
    n_vehicles_max: Option<usize>,
}

impl Join<'_, '_, '_> {
    /// Picks a sequence for vehicle `v` on; `cost` is what is picked already and the jobs left out.
    fn vehicle(&mut self, v: usize, taken: u32, cost: i64) {
        let Some(list) = self.lists.get(v) else {
            self.close(cost);
            return;
        };
        let inst = self.state.inst;
        let is_used = |f: &Found| f.seq.len() > 2;
        let n_used = self.picked.iter().filter(|f| is_used(f)).count();
        let is_closed = self.n_vehicles_max.is_some_and(|most| n_used >= most);
        let fits = |f: &&Found| f.jobs & taken == 0 && !(is_closed && is_used(f));
        for found in list.iter().filter(fits) {
            let saved: i64 = (0..inst.jobs.len())
                .filter(|job| found.jobs >> job & 1 == 1)
                .map(|job| inst.jobs[job].absent_cost)
                .sum();
            self.picked.push(found);
            self.vehicle(v + 1, taken | found.jobs, cost + found.cost - saved);
            self.picked.pop();
        }
    }

    /// Makes the plan that was picked if it can be better than the best; service levels only add to
    /// its cost.
    fn close(&mut self, cost: i64) {
        let least = self.best.as_ref().map_or(self.state.cost, |best| best.cost);
        if cost >= least {
            return;
        }
        let mut orders: Vec<Vec<usize>> = vec![(0..self.picked.len()).collect()];
        if self.state.inst.rich.has_bays {
            orders.push((0..self.picked.len()).rev().collect());
        }
        for order in orders {
            let mut state = State::new(self.state.inst);
            if state.take_routes(order.iter().map(|v| (*v as u32, &self.picked[*v].seq[..])))
                && state.cost < least
            {
                self.best = Some(state);
                return;
            }
        }
    }
}
