//! Brute force: every sequence of every set of orders on every vehicle, timed by trying all moments
//! that can matter. It shares nothing with the search but the problem.
//!
//! What makes eight stops possible: nothing that costs more than a plan that serves everything needs
//! a look (no cost is negative), and what follows a visit that is too late, too heavy or out of charge
//! is so, too.

mod energy;
mod search;
mod stages;
mod stow;
mod timing;

use std::cell::Cell;
use std::collections::BTreeMap;

use rv_model::dispatch::*;

use search::{Search, Until};
use stages::{earliest, stages};

/// A route that runs.
#[derive(Clone, Debug)]
pub struct Found {
    pub cost: i64,
    pub tasks: Vec<Task>,
    pub begins: Vec<i64>,
    pub compartments: Vec<Option<u16>>,
    /// By depot.
    drawn: Vec<[i64; 4]>,
    /// Charger, and the place of the visit.
    charges: Vec<(u32, usize)>,
}

/// The least cost of a problem: required orders left out, then money.
pub struct Best {
    pub n_required_out: usize,
    pub cost: i64,
    pub routes: Vec<(u32, Found)>,
}

/// Steps that brute force may take.
pub struct Effort(Cell<u64>);

impl Effort {
    pub fn of(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    /// Spends so many steps.
    fn spend(&self, steps: u64) {
        self.0.set(self.0.get().saturating_sub(steps));
    }

    fn is_over(&self) -> bool {
        self.0.get() == 0
    }
}

/// Solves a problem of a few stops to the end; `None` if the effort does not suffice. `cost_max` is
/// the cost of a plan that serves every required order, if one is known: dearer ones are passed over.
pub fn solve(problem: &Problem, cost_max: Option<i64>, effort: &Effort) -> Option<Best> {
    let cost_max = cost_max.unwrap_or(i64::MAX);
    let mut lists = Vec::new();
    for v in 0..problem.vehicles().len() as u32 {
        lists.push(Search::run(problem, v, cost_max, effort)?);
    }
    let mut join = Join { problem, lists: &lists, picked: Vec::new(), best: None, cost_max };
    join.vehicle(0, 0, 0);
    join.best
}

struct Join<'a> {
    problem: &'a Problem,
    lists: &'a [BTreeMap<u32, Vec<Found>>],
    picked: Vec<(u32, &'a Found)>,
    best: Option<Best>,
    cost_max: i64,
}

impl Join<'_> {
    fn vehicle(&mut self, v: usize, taken: u32, cost: i64) {
        if cost > self.cost_max {
            return;
        }
        if v == self.lists.len() {
            self.close(taken);
            return;
        }
        for (mask, found) in &self.lists[v] {
            if mask & taken != 0 {
                continue;
            }
            for route in found {
                self.picked.push((v as u32, route));
                self.vehicle(v + 1, taken | mask, cost.saturating_add(route.cost));
                self.picked.pop();
            }
        }
    }

    fn close(&mut self, taken: u32) {
        let mut cost: i64 = self.picked.iter().map(|r| r.1.cost).sum();
        let mut n_required_out = 0;
        let mut n_kept = vec![0_i64; self.problem.tenants().len()];
        let mut n_all = n_kept.clone();
        for (idx, order) in self.problem.orders().iter().enumerate() {
            let is_in = taken >> idx & 1 == 1;
            if let Some(tenant) = order.tenant {
                n_all[tenant as usize] += 1;
                n_kept[tenant as usize] += i64::from(is_in);
            }
            match order.presence {
                _ if is_in => {}
                Presence::Required => n_required_out += 1,
                Presence::Optional(prize) => cost += prize.0,
            }
        }
        for (tenant, level) in self.problem.tenants().iter().enumerate() {
            let wanted = (n_all[tenant] * i64::from(level.share_permille) + 999) / 1000;
            cost += (wanted - n_kept[tenant]).max(0) * level.cost_per_order.0;
        }
        let is_better =
            self.best.as_ref().is_none_or(|b| (n_required_out, cost) < (b.n_required_out, b.cost));
        if is_better && self.has_stock() && self.has_bays() {
            let routes = self.picked.iter().map(|(v, r)| (*v, (*r).clone())).collect();
            self.best = Some(Best { n_required_out, cost, routes });
        }
    }

    fn has_stock(&self) -> bool {
        self.problem.depots().iter().enumerate().all(|(depot, place)| {
            let Some(stock) = place.stock else { return true };
            let sum = |d: usize| self.picked.iter().map(|r| r.1.drawn[depot][d]).sum::<i64>();
            (0..4).all(|d| sum(d) <= i64::from(stock[d]))
        })
    }

    /// Bays only where begins cost nothing: then it is enough that some order of the stays works.
    fn has_bays(&self) -> bool {
        if self.problem.chargers().iter().all(|c| c.bays.is_none()) {
            return true;
        }
        let stays: Vec<(usize, u32, usize)> = self
            .picked
            .iter()
            .enumerate()
            .flat_map(|(r, route)| route.1.charges.iter().map(move |c| (r, c.0, c.1)))
            .collect();
        let mut order: Vec<usize> = Vec::new();
        self.in_some_order(&stays, &mut order)
    }

    fn in_some_order(&self, stays: &[(usize, u32, usize)], order: &mut Vec<usize>) -> bool {
        if order.len() == stays.len() {
            return self.runs_in(stays, order);
        }
        for next in 0..stays.len() {
            if order.contains(&next) {
                continue;
            }
            order.push(next);
            if self.in_some_order(stays, order) {
                return true;
            }
            order.pop();
        }
        false
    }

    /// Whether all routes run if charging happens in this order wherever places are shared.
    fn runs_in(&self, stays: &[(usize, u32, usize)], order: &[usize]) -> bool {
        let mut floors: Vec<BTreeMap<usize, i64>> = vec![BTreeMap::new(); self.picked.len()];
        let mut left: BTreeMap<u32, i64> = BTreeMap::new();
        for &stay in order {
            let (route, charger, visit) = stays[stay];
            let floor = left.get(&charger).copied().unwrap_or(i64::MIN);
            floors[route].insert(visit, floor);
            let (v, found) = &self.picked[route];
            let all = stages(self.problem, *v, &found.tasks, Until::Home);
            let Some(stages) = all else { return false };
            let Some(begins) = earliest(&stages, &floors[route]) else { return false };
            left.insert(charger, begins[visit + 1] + stages[visit + 1].spent);
        }
        true
    }
}
