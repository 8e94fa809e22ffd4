//! Every sequence of one vehicle, and what it costs.

use std::collections::BTreeMap;

use rv_model::dispatch::*;

use super::energy::{energy, loads};
use super::stages::{earliest, is_loaded, place, stages};
use super::stow::stowed;
use super::timing::{share, timed};
use super::{Effort, Found};

/// Most charging stops of a route that are tried.
const CHARGES_MAX: usize = 2;

pub struct Search<'a> {
    problem: &'a Problem,
    v: u32,
    cost_max: i64,
    effort: &'a Effort,
    tasks: Vec<Task>,
    found: BTreeMap<u32, Vec<Found>>,
}

impl Search<'_> {
    /// The routes that run, by the orders that they serve; `None` if the effort does not suffice.
    pub fn run(
        problem: &Problem,
        v: u32,
        cost_max: i64,
        effort: &Effort,
    ) -> Option<BTreeMap<u32, Vec<Found>>> {
        let (tasks, found) = (Vec::new(), BTreeMap::new());
        let mut search = Search { problem, v, cost_max, effort, tasks, found };
        search.start();
        (!effort.is_over()).then_some(search.found)
    }

    fn vehicle(&self) -> &Vehicle {
        &self.problem.vehicles()[self.v as usize]
    }

    fn start(&mut self) {
        self.tasks = self.vehicle().committed.clone();
        self.extend();
        if self.found.is_empty() {
            // It cannot even get home: it does what is committed and no more.
            let tasks = self.tasks.clone();
            let mask = mask(&tasks);
            let drawn = vec![[0; 4]; self.problem.depots().len()];
            let compartments = vec![None; tasks.len()];
            let begins = Vec::new();
            let nothing = Found { cost: 0, tasks, begins, compartments, drawn, charges: vec![] };
            self.found.insert(mask, vec![nothing]);
        }
    }

    fn extend(&mut self) {
        self.effort.spend(5);
        if self.effort.is_over() || base_cost(self.problem, self.v, &self.tasks) > self.cost_max {
            return;
        }
        let has_bays = self.problem.chargers().iter().any(|c| c.bays.is_some());
        let has_stock = self.problem.depots().iter().any(|d| d.stock.is_some());
        let known = self.found.get(&mask(&self.tasks)).filter(|_| !has_bays && !has_stock);
        let below = known.and_then(|list| list.iter().map(|f| f.cost).min());
        let below = below.unwrap_or(i64::MAX).min(self.cost_max.saturating_add(1));
        if let Some(found) = evaluate(self.problem, self.v, &self.tasks, below, self.effort) {
            let list = self.found.entry(mask(&self.tasks)).or_default();
            let beats = |a: &Found, b: &Found| {
                a.cost <= b.cost
                    && a.drawn.iter().zip(&b.drawn).all(|(a, b)| (0..4).all(|d| a[d] <= b[d]))
                    && (!has_bays || a.charges.is_empty())
            };
            if !list.iter().any(|old| beats(old, &found)) {
                list.retain(|old| !beats(&found, old));
                list.push(found);
            }
        }
        if is_hopeless(self.problem, self.v, &self.tasks) {
            return;
        }
        for idx in 0..self.problem.orders().len() as u32 {
            let order = &self.problem.orders()[idx as usize];
            let done = |task: Task| self.tasks.contains(&task);
            let is_open =
                matches!(order.kind, OrderKind::Transfer { .. }) && order.on_board.is_none();
            if done(Task::Serve(idx)) || order.on_board.is_some_and(|v| v != self.v) {
                continue;
            }
            let task = if is_open && !done(Task::Collect(idx)) {
                Task::Collect(idx)
            } else {
                Task::Serve(idx)
            };
            self.with(task);
        }
        let n_own = self.tasks.len() - self.vehicle().committed.len();
        let own = self.tasks[self.tasks.len() - n_own..].to_vec();
        let n_reloads = own.iter().filter(|t| matches!(t, Task::Reload(_))).count();
        let last = self.tasks.last().copied();
        if n_reloads < self.vehicle().reloads_max as usize && !matches!(last, Some(Task::Reload(_)))
        {
            for depot in self.vehicle().reload_depots.clone() {
                self.with(Task::Reload(depot));
            }
        }
        let n_charges = own.iter().filter(|t| matches!(t, Task::Charge { .. })).count();
        if self.vehicle().battery.is_some()
            && n_charges < CHARGES_MAX
            && !matches!(last, Some(Task::Charge { .. }))
        {
            for charger in 0..self.problem.chargers().len() as u32 {
                self.with(Task::Charge { charger, energy_mwh: -1 });
            }
        }
    }

    fn with(&mut self, task: Task) {
        self.tasks.push(task);
        self.extend();
        self.tasks.pop();
    }
}

fn mask(tasks: &[Task]) -> u32 {
    tasks.iter().fold(0, |mask, task| match task {
        Task::Serve(order) => mask | 1 << order,
        _ => mask,
    })
}

/// What the visits cost whatever comes behind them: the way to the last one and the vehicle.
fn base_cost(problem: &Problem, v: u32, tasks: &[Task]) -> i64 {
    let vehicle = &problem.vehicles()[v as usize];
    let fixed = if tasks.is_empty() { 0 } else { vehicle.cost_fixed.0 };
    fixed + share(vehicle.cost_per_km, length(problem, v, tasks), 1_000_000)
}

/// Length of the way to the last visit, mm.
fn length(problem: &Problem, v: u32, tasks: &[Task]) -> i64 {
    let vehicle = &problem.vehicles()[v as usize];
    let mut at = problem.start_location(vehicle);
    let mut length = 0;
    for to in tasks.iter().map(|t| place(problem, *t)) {
        length += i64::from(problem.leg(vehicle, at, to).distance_mm);
        at = to;
    }
    length
}

/// Whether nothing that begins with these tasks can run: what it breaks, no later visit mends.
fn is_hopeless(problem: &Problem, v: u32, tasks: &[Task]) -> bool {
    let n_committed = problem.vehicles()[v as usize].committed.len();
    if tasks.len() <= n_committed {
        return false;
    }
    let is_late = || {
        stages(problem, v, tasks, Until::LastVisit)
            .is_none_or(|stages| earliest(&stages, &BTreeMap::new()).is_none())
    };
    !is_legal(problem, v, tasks, Until::LastVisit) || is_over(problem, v, tasks) || is_late()
}

/// How much of a route is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// More may follow.
    LastVisit,
    Home,
}

/// Whether more is on board than the vehicle holds. What was on board before anything is loaded is
/// accepted.
fn is_over(problem: &Problem, v: u32, tasks: &[Task]) -> bool {
    let vehicle = &problem.vehicles()[v as usize];
    let n_committed = vehicle.committed.len();
    if tasks.len() <= n_committed {
        return false;
    }
    let carried = |d: usize| {
        let on_board = problem.orders().iter().filter(|o| o.on_board == Some(v));
        i64::from(vehicle.extra_load[d]) + on_board.map(|o| i64::from(o.load[d])).sum::<i64>()
    };
    loads(problem, v, tasks).iter().enumerate().any(|(idx, load)| {
        let most = |d: usize| i64::from(vehicle.capacity[d]).max(carried(d));
        (idx == 0 || idx > n_committed) && (0..4).any(|d| load[d] > most(d))
    })
}

/// Skills, permits, and loads where they have to be; open transfers count if the route ends here.
fn is_legal(problem: &Problem, v: u32, tasks: &[Task], until: Until) -> bool {
    let vehicle = &problem.vehicles()[v as usize];
    let n_committed = vehicle.committed.len();
    let mut open: Vec<u32> = vec![];
    let mut trip = 0;
    let mut at = problem.start_location(vehicle);
    for (idx, &task) in tasks.iter().enumerate() {
        let to = place(problem, task);
        let lacks = problem.permits().way(at, to) & !vehicle.permits != 0;
        at = to;
        if lacks && idx >= n_committed {
            return false;
        }
        match task {
            Task::Serve(o) | Task::Collect(o) => {
                let order = &problem.orders()[o as usize];
                if order.skills & !vehicle.skills != 0 && idx >= n_committed {
                    return false;
                }
                if matches!(task, Task::Collect(_)) {
                    open.push(o);
                    continue;
                }
                if is_loaded(order) && trip == 0 && matches!(vehicle.start, Start::Road(_)) {
                    return false;
                }
                if order.on_board.is_some() && trip > 0 {
                    return false;
                }
                if matches!(order.kind, OrderKind::Transfer { .. }) && order.on_board.is_none() {
                    let n = open.len();
                    open.retain(|x| *x != o);
                    if open.len() == n {
                        return false;
                    }
                }
            }
            Task::Reload(_) if !open.is_empty() => return false,
            Task::Reload(_) => trip += 1,
            Task::Charge { .. } => {}
        }
    }
    if until == Until::LastVisit {
        return true;
    }
    let home = vehicle.end.is_some_and(|end| {
        let before = vehicle.committed.last().map(|t| place(problem, *t));
        let before = before.unwrap_or(problem.start_location(vehicle));
        let is_bound = n_committed > 0 || matches!(vehicle.start, Start::Road(_));
        let excused = if is_bound { problem.permits().way(before, end) } else { 0 };
        problem.permits().way(at, end) & !vehicle.permits & !excused != 0
    });
    open.is_empty() && !home
}

/// The route as a whole, or `None` if it does not run, or does not cost less than `below`.
fn evaluate(
    problem: &Problem,
    v: u32,
    tasks: &[Task],
    below: i64,
    effort: &Effort,
) -> Option<Found> {
    let vehicle = &problem.vehicles()[v as usize];
    let n_committed = vehicle.committed.len();
    let nothing = || Found {
        cost: 0,
        tasks: vec![],
        begins: vec![],
        compartments: vec![],
        drawn: vec![[0; 4]; problem.depots().len()],
        charges: vec![],
    };
    if tasks.is_empty() && (matches!(vehicle.start, Start::Depot(_)) || vehicle.end.is_none()) {
        return Some(nothing());
    }
    let is_own = tasks.len() > n_committed;
    if !is_legal(problem, v, tasks, Until::Home) || is_over(problem, v, tasks) {
        return None;
    }
    let mut distance = length(problem, v, tasks);
    if let Some(home) = vehicle.end {
        let last = tasks.last().map(|t| place(problem, *t));
        let last = last.unwrap_or(problem.start_location(vehicle));
        distance += i64::from(problem.leg(vehicle, last, home).distance_mm);
    }
    if is_own && vehicle.distance_mm_max.is_some_and(|most| distance > most) {
        return None;
    }
    let mut cost = share(vehicle.cost_per_km, distance, 1_000_000);
    if !tasks.is_empty() {
        cost += vehicle.cost_fixed.0;
    }
    let mut drawn = vec![[0; 4]; problem.depots().len()];
    let mut depot = match vehicle.start {
        Start::Depot(d) => Some(d),
        Start::Road(_) => None,
    };
    for task in tasks {
        match *task {
            Task::Reload(d) => depot = Some(d),
            Task::Serve(o) => {
                let order = &problem.orders()[o as usize];
                cost += order.told.vehicle.filter(|t| t.0 != v).map_or(0, |t| t.1.0);
                if is_loaded(order) {
                    cost += order.told.depot.filter(|t| Some(t.0) != depot).map_or(0, |t| t.1.0);
                    for (sum, amount) in drawn[depot? as usize].iter_mut().zip(order.load) {
                        *sum += i64::from(amount);
                    }
                }
            }
            _ => {}
        }
    }
    if cost >= below {
        return None;
    }
    let stages = stages(problem, v, tasks, Until::Home)?;
    let (begins, time_cost) = timed(vehicle, &stages, is_own, effort)?;
    cost += time_cost;
    if cost >= below {
        return None;
    }
    let compartments = stowed(problem, v, tasks, effort)?;
    let charged = energy(problem, v, tasks, Until::Home)?;
    let mut tasks = tasks.to_vec();
    let mut charges = vec![];
    for (idx, taken, _) in charged {
        if let Task::Charge { charger, energy_mwh } = &mut tasks[idx] {
            *energy_mwh = taken;
            charges.push((*charger, idx));
        }
    }
    Some(Found { cost, tasks, begins, compartments, drawn, charges })
}
