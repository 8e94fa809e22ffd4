//! Brute force: every sequence of every set of orders on every vehicle, timed by trying all moments
//! that can matter. It shares nothing with the search but the problem.

use std::collections::BTreeMap;

use rv_base::Money;
use rv_model::dispatch::*;

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

/// Most charging stops of a route that are tried.
const CHARGES_MAX: usize = 2;

/// Solves a problem of a few stops to the end.
pub fn solve(problem: &Problem) -> Best {
    let mut lists = Vec::new();
    for v in 0..problem.vehicles().len() as u32 {
        let mut search = Search { problem, v, tasks: Vec::new(), found: BTreeMap::new() };
        search.start();
        lists.push(search.found);
    }
    let mut join = Join { problem, lists: &lists, picked: Vec::new(), best: None };
    join.vehicle(0, 0);
    join.best.expect("doing nothing is a plan")
}

struct Join<'a> {
    problem: &'a Problem,
    lists: &'a [BTreeMap<u32, Vec<Found>>],
    picked: Vec<(u32, &'a Found)>,
    best: Option<Best>,
}

impl Join<'_> {
    fn vehicle(&mut self, v: usize, taken: u32) {
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
                self.vehicle(v + 1, taken | mask);
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
            let Some(stages) = stages(self.problem, *v, &found.tasks) else { return false };
            let Some(begins) = earliest(&stages, &floors[route]) else { return false };
            left.insert(charger, begins[visit + 1] + stages[visit + 1].spent);
        }
        true
    }
}

struct Search<'a> {
    problem: &'a Problem,
    v: u32,
    tasks: Vec<Task>,
    found: BTreeMap<u32, Vec<Found>>,
}

impl Search<'_> {
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
        if let Some(found) = evaluate(self.problem, self.v, &self.tasks) {
            let list = self.found.entry(mask(&self.tasks)).or_default();
            let has_bays = self.problem.chargers().iter().any(|c| c.bays.is_some());
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

/// A visit as far as time goes.
#[derive(Clone, Debug)]
pub struct Stage {
    windows: Vec<Window>,
    is_lenient: bool,
    pub spent: i64,
    release: i64,
    drive: i64,
    softs: Vec<SoftWindow>,
}

fn stop_of(order: &Order, task: Task) -> &Stop {
    match (&order.kind, task) {
        (OrderKind::Delivery(stop) | OrderKind::Pickup(stop), _) => stop,
        (OrderKind::Transfer { pickup, .. }, Task::Collect(_)) => pickup,
        (OrderKind::Transfer { dropoff, .. }, _) => dropoff,
    }
}

fn place(problem: &Problem, task: Task) -> u32 {
    match task {
        Task::Serve(o) | Task::Collect(o) => stop_of(&problem.orders()[o as usize], task).location,
        Task::Reload(d) => problem.depots()[d as usize].location,
        Task::Charge { charger, .. } => problem.chargers()[charger as usize].location,
    }
}

fn release_of(problem: &Problem, tasks: &[Task]) -> i64 {
    let trip = tasks.iter().take_while(|t| !matches!(t, Task::Reload(_)));
    let of = |task: &Task| match task {
        Task::Serve(o) => Some(&problem.orders()[*o as usize]),
        _ => None,
    };
    let loaded = trip.filter_map(of).filter(|o| is_loaded(o));
    loaded.map(|o| o.release_ms).max().unwrap_or(i64::MIN / 8)
}

fn is_loaded(order: &Order) -> bool {
    matches!(order.kind, OrderKind::Delivery(_)) && order.on_board.is_none()
}

/// Start, visits, end as stages; `None` if a way is closed or the battery runs empty.
fn stages(problem: &Problem, v: u32, tasks: &[Task]) -> Option<Vec<Stage>> {
    let vehicle = &problem.vehicles()[v as usize];
    let n_committed = vehicle.committed.len();
    let mut at = problem.start_location(vehicle);
    let charge = energy(problem, v, tasks, false)?;
    let start = Stage {
        windows: vec![match vehicle.start {
            Start::Depot(_) => Window { start_ms: vehicle.shift.start_ms, end_ms: i64::MAX / 8 },
            Start::Road(_) => {
                Window { start_ms: vehicle.shift.start_ms, end_ms: vehicle.shift.start_ms }
            }
        }],
        is_lenient: false,
        spent: 0,
        release: release_of(problem, tasks),
        drive: 0,
        softs: vec![],
    };
    let mut stages = vec![start];
    for (idx, &task) in tasks.iter().enumerate() {
        let to = place(problem, task);
        let leg = problem.leg(vehicle, at, to);
        if !leg.is_open() {
            return None;
        }
        stages.last_mut()?.drive = i64::from(leg.duration_ms);
        at = to;
        let mut stage = Stage {
            windows: vec![],
            is_lenient: idx < n_committed,
            spent: 0,
            release: i64::MIN / 8,
            drive: 0,
            softs: vec![],
        };
        match task {
            Task::Serve(o) | Task::Collect(o) => {
                let order = &problem.orders()[o as usize];
                let stop = stop_of(order, task);
                stage.windows.clone_from(&stop.windows);
                stage.spent = stop.service_ms;
                stage.softs.extend(stop.soft);
                if matches!(task, Task::Serve(_)) {
                    stage.softs.extend(order.told.begin);
                }
            }
            Task::Reload(d) => {
                stage.windows = vec![problem.depots()[d as usize].window];
                stage.spent = problem.depots()[d as usize].reload_ms;
                stage.release = release_of(problem, &tasks[idx + 1..]);
            }
            Task::Charge { charger, .. } => {
                let place = &problem.chargers()[charger as usize];
                stage.windows = vec![place.window];
                stage.spent = place.setup_ms + charge.iter().find(|c| c.0 == idx)?.2;
            }
        }
        stages.push(stage);
    }
    let mut end = Stage {
        windows: vec![Window { start_ms: vehicle.shift.start_ms, end_ms: vehicle.shift.end_ms }],
        is_lenient: false,
        spent: 0,
        release: i64::MIN / 8,
        drive: 0,
        softs: vec![],
    };
    if let Some(home) = vehicle.end {
        let leg = problem.leg(vehicle, at, home);
        if !leg.is_open() {
            return None;
        }
        stages.last_mut()?.drive = i64::from(leg.duration_ms);
    }
    let is_bound = n_committed > 0 || matches!(vehicle.start, Start::Road(_));
    if is_bound {
        // Late only by what is committed is not late.
        let alone = if tasks.len() > n_committed {
            alone_end(problem, v)
        } else {
            end_of(&stages, vehicle)
        };
        end.windows[0].end_ms = end.windows[0].end_ms.max(alone.unwrap_or(i64::MIN));
    }
    stages.push(end);
    Some(stages)
}

/// When the vehicle is home with what is committed alone, however late that is.
fn alone_end(problem: &Problem, v: u32) -> Option<i64> {
    let vehicle = &problem.vehicles()[v as usize];
    let stages = stages(problem, v, &vehicle.committed)?;
    end_of(&stages[..=vehicle.committed.len()], vehicle)
}

fn end_of(stages: &[Stage], vehicle: &Vehicle) -> Option<i64> {
    let begins = earliest(stages, &BTreeMap::new())?;
    let last = &stages[stages.len() - 1];
    let leave = (begins[begins.len() - 1] + last.spent).max(last.release);
    Some((leave + last.drive).max(vehicle.shift.start_ms))
}

/// Charging: visit, energy, time. `None` below the reserve. `is_alone` asks only how low it gets.
fn energy(
    problem: &Problem,
    v: u32,
    tasks: &[Task],
    is_alone: bool,
) -> Option<Vec<(usize, i64, i64)>> {
    let vehicle = &problem.vehicles()[v as usize];
    let Some(battery) = &vehicle.battery else { return Some(vec![]) };
    let n_committed = vehicle.committed.len();
    let floor =
        if is_alone { i64::MIN / 8 } else { battery.reserve_mwh.min(low_alone(problem, v)) };
    let used = used(problem, v, tasks);
    let mut charge = battery.start_mwh;
    let mut out = vec![];
    for (idx, &task) in tasks.iter().enumerate() {
        charge -= used[idx];
        if charge < floor && idx >= n_committed {
            return None;
        }
        if let Task::Charge { charger, energy_mwh } = task {
            let place = &problem.chargers()[charger as usize];
            let next = (idx + 1..tasks.len()).find(|&k| matches!(tasks[k], Task::Charge { .. }));
            let until = next.map_or(used.len(), |k| k + 1);
            let need = used[idx + 1..until].iter().sum::<i64>() + floor - charge;
            let room = (battery.capacity_mwh - charge).max(0);
            let (taken, ms) = match place.kind {
                ChargeKind::Swap => (room, 0),
                ChargeKind::Plug { power_mw } => {
                    let wanted = if energy_mwh >= 0 { energy_mwh } else { need };
                    let taken = wanted.clamp(0, room);
                    let from = charge.max(0);
                    (taken, battery.charge_ms(from, from + taken, power_mw))
                }
            };
            charge += taken;
            out.push((idx, taken, ms));
        }
    }
    if vehicle.end.is_some() {
        charge -= used[tasks.len()];
        let is_own = tasks.len() > n_committed || matches!(vehicle.start, Start::Depot(_));
        if charge < floor && is_own {
            return None;
        }
    }
    Some(out)
}

/// How low the battery gets with the committed tasks alone.
fn low_alone(problem: &Problem, v: u32) -> i64 {
    let vehicle = &problem.vehicles()[v as usize];
    let Some(battery) = &vehicle.battery else { return 0 };
    if vehicle.committed.is_empty() && matches!(vehicle.start, Start::Depot(_)) {
        return i64::MAX / 8;
    }
    let used = used(problem, v, &vehicle.committed);
    let charges = energy(problem, v, &vehicle.committed, true).unwrap_or_default();
    let (mut charge, mut low) = (battery.start_mwh, battery.start_mwh);
    for (idx, used) in used.iter().enumerate() {
        charge -= used;
        low = low.min(charge);
        charge += charges.iter().filter(|c| c.0 == idx).map(|c| c.1).sum::<i64>();
    }
    low
}

/// Energy of each leg, the way home last.
fn used(problem: &Problem, v: u32, tasks: &[Task]) -> Vec<i64> {
    let vehicle = &problem.vehicles()[v as usize];
    let loads = loads(problem, v, tasks);
    let mut at = problem.start_location(vehicle);
    let places = tasks.iter().map(|t| place(problem, *t)).chain([vehicle.end.unwrap_or(u32::MAX)]);
    let mut out = vec![];
    for (idx, to) in places.enumerate() {
        if to == u32::MAX {
            out.push(0);
            continue;
        }
        let leg = problem.leg(vehicle, at, to);
        let battery = vehicle.battery.as_ref();
        let extra = battery.map_or(0, |b| b.load_mwh(leg.distance_mm, &loads[idx]));
        out.push(i64::from(leg.energy_mwh.max(0)) + extra);
        at = to;
    }
    out
}

/// Load on board after the start and after each visit.
fn loads(problem: &Problem, v: u32, tasks: &[Task]) -> Vec<[i64; 4]> {
    let vehicle = &problem.vehicles()[v as usize];
    let mut load: [i64; 4] = vehicle.extra_load.map(i64::from);
    let add = |load: &mut [i64; 4], order: &Order, sign: i64| {
        for (sum, amount) in load.iter_mut().zip(order.load) {
            *sum += sign * i64::from(amount);
        }
    };
    let trip_from = |from: usize, load: &mut [i64; 4]| {
        for task in tasks[from..].iter().take_while(|t| !matches!(t, Task::Reload(_))) {
            if let Task::Serve(o) = task
                && is_loaded(&problem.orders()[*o as usize])
            {
                add(load, &problem.orders()[*o as usize], 1);
            }
        }
    };
    for order in problem.orders().iter().filter(|o| o.on_board == Some(v)) {
        add(&mut load, order, 1);
    }
    trip_from(0, &mut load);
    let mut out = vec![load];
    for (idx, task) in tasks.iter().enumerate() {
        match task {
            Task::Serve(o) => {
                let order = &problem.orders()[*o as usize];
                let sign = if matches!(order.kind, OrderKind::Pickup(_)) { 1 } else { -1 };
                add(&mut load, order, sign);
            }
            Task::Collect(o) => add(&mut load, &problem.orders()[*o as usize], 1),
            Task::Reload(_) => {
                load = [0; 4];
                trip_from(idx + 1, &mut load);
            }
            Task::Charge { .. } => {}
        }
        out.push(load);
    }
    out
}

/// Begins as early as can be, each charge not before its floor.
fn earliest(stages: &[Stage], floors: &BTreeMap<usize, i64>) -> Option<Vec<i64>> {
    let mut at = stages[0].windows[0].start_ms.max(stages[0].release);
    let mut begins = vec![at];
    at += stages[0].drive;
    for (idx, stage) in stages.iter().enumerate().skip(1) {
        let floor = floors.get(&(idx - 1)).copied().unwrap_or(i64::MIN);
        let at_least = at.max(floor);
        let open = stage.windows.iter().find(|w| at_least <= w.end_ms);
        let begin = match open {
            Some(window) => at_least.max(window.start_ms),
            None if stage.is_lenient => at,
            None => return None,
        };
        begins.push(begin);
        at = (begin + stage.spent).max(stage.release) + stage.drive;
    }
    Some(begins)
}

/// Whether nothing that begins with these tasks can run.
fn is_hopeless(problem: &Problem, v: u32, tasks: &[Task]) -> bool {
    let n_committed = problem.vehicles()[v as usize].committed.len();
    if tasks.len() <= n_committed {
        return false;
    }
    // Legality only: sets of tasks that can never be part of a route.
    !is_legal(problem, v, tasks, false)
}

/// Skills, permits, and loads where they have to be; open transfers count if the route ends here.
fn is_legal(problem: &Problem, v: u32, tasks: &[Task], is_whole: bool) -> bool {
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
    if !is_whole {
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

fn evaluate(problem: &Problem, v: u32, tasks: &[Task]) -> Option<Found> {
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
    if !is_legal(problem, v, tasks, true) {
        return None;
    }
    let loads = loads(problem, v, tasks);
    for (idx, load) in loads.iter().enumerate() {
        // What was on board before anything is loaded is accepted.
        let carried = |d: usize| {
            let on_board = problem.orders().iter().filter(|o| o.on_board == Some(v));
            i64::from(vehicle.extra_load[d]) + on_board.map(|o| i64::from(o.load[d])).sum::<i64>()
        };
        let is_over = (0..4).any(|d| load[d] > i64::from(vehicle.capacity[d]).max(carried(d)));
        if is_over && is_own && (idx == 0 || idx > n_committed) {
            return None;
        }
    }
    let stages = stages(problem, v, tasks)?;
    let (begins, time_cost) = timed(vehicle, &stages, is_own)?;
    let compartments = stowed(problem, v, tasks)?;
    let mut at = problem.start_location(vehicle);
    let mut distance = 0;
    for to in tasks.iter().map(|t| place(problem, *t)).chain(vehicle.end) {
        distance += i64::from(problem.leg(vehicle, at, to).distance_mm);
        at = to;
    }
    if is_own && vehicle.distance_mm_max.is_some_and(|most| distance > most) {
        return None;
    }
    let mut cost = time_cost + share(vehicle.cost_per_km, distance, 1_000_000);
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
    let charged = energy(problem, v, tasks, false)?;
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

fn share(rate: Money, amount: i64, per: i64) -> i64 {
    (i128::from(rate.0) * i128::from(amount) / i128::from(per)) as i64
}

fn soft_cost(stage: &Stage, begin: i64) -> i64 {
    let of = |s: &SoftWindow| {
        share(s.early_per_hour, (s.window.start_ms - begin).max(0), 3_600_000)
            + share(s.late_per_hour, (begin - s.window.end_ms).max(0), 3_600_000)
    };
    stage.softs.iter().map(of).sum()
}

/// The best begins and their cost, or `None` if there are none.
fn timed(vehicle: &Vehicle, stages: &[Stage], is_own: bool) -> Option<(Vec<i64>, i64)> {
    let first = earliest(stages, &BTreeMap::new())?;
    let per_hour = vehicle.cost_per_hour;
    let longest = vehicle.duration_ms_max.filter(|_| is_own);
    let has_softs = stages.iter().any(|s| !s.softs.is_empty());
    if !has_softs && per_hour.0 == 0 && longest.is_none() {
        return Some((first, 0));
    }
    let candidates = candidates(stages);
    let mut departures: Vec<i64> = candidates[0].clone();
    if let Some(longest) = longest {
        let ends = candidates[stages.len() - 1].iter();
        departures.extend(ends.map(|end| end - longest));
    }
    let low = first[0];
    departures.retain(|d| *d >= low);
    departures.push(low);
    departures.sort_unstable();
    departures.dedup();
    if matches!(vehicle.start, Start::Road(_)) {
        departures = vec![vehicle.shift.start_ms];
    }
    let mut best: Option<(i64, Vec<i64>)> = None;
    for depart in departures {
        let end_max = longest.map_or(i64::MAX, |l| depart + l);
        // Moments from which the longest duration is just kept.
        let mut with_end = candidates.clone();
        if longest.is_some() {
            let mut at = end_max;
            with_end[stages.len() - 1].push(at);
            for k in (0..stages.len() - 1).rev() {
                at -= stages[k].spent + stages[k].drive;
                with_end[k].push(at);
            }
        }
        let Some((cost, begins)) = from_departure(stages, &with_end, depart, end_max, per_hour)
        else {
            continue;
        };
        if best.as_ref().is_none_or(|b| cost < b.0) {
            best = Some((cost, begins));
        }
    }
    best.map(|(cost, begins)| (begins, cost))
}

/// Moments at which a begin can be best, by stage.
fn candidates(stages: &[Stage]) -> Vec<Vec<i64>> {
    let n = stages.len();
    let mut out: Vec<Vec<i64>> = vec![vec![]; n];
    for (j, stage) in stages.iter().enumerate() {
        let mut points: Vec<i64> =
            stage.windows.iter().flat_map(|w| [w.start_ms, w.end_ms]).collect();
        points.extend(stage.softs.iter().flat_map(|s| [s.window.start_ms, s.window.end_ms]));
        points.push(stage.release - stage.spent);
        if j == 0 {
            points.push(stage.release);
        }
        points.retain(|p| p.abs() < 1 << 40);
        for point in points {
            out[j].push(point);
            let mut at = point;
            for k in j..n - 1 {
                at = (at + stages[k].spent).max(stages[k].release) + stages[k].drive;
                out[k + 1].push(at);
            }
            let mut at = point;
            for k in (0..j).rev() {
                at -= stages[k].spent + stages[k].drive;
                out[k].push(at);
            }
        }
    }
    for list in &mut out {
        list.sort_unstable();
        list.dedup();
    }
    out
}

fn from_departure(
    stages: &[Stage],
    candidates: &[Vec<i64>],
    depart: i64,
    end_max: i64,
    per_hour: Money,
) -> Option<(i64, Vec<i64>)> {
    // Reached so far: begin, cost, way. Only the least cost of each begin counts.
    let start_cost = 0;
    let mut reached: Vec<(i64, i64, Vec<i64>)> = vec![(depart, start_cost, vec![depart])];
    for (k, stage) in stages.iter().enumerate().skip(1) {
        let before = &stages[k - 1];
        let mut next: BTreeMap<i64, (i64, Vec<i64>)> = BTreeMap::new();
        for (begin, cost, way) in &reached {
            let arrive = (begin + before.spent).max(before.release) + before.drive;
            let at_once = stage.windows.iter().find(|w| arrive <= w.end_ms);
            let at_once = at_once.map(|w| arrive.max(w.start_ms));
            let lenient = (at_once.is_none() && stage.is_lenient).then_some(arrive);
            let mut begins: Vec<i64> = at_once.into_iter().chain(lenient).collect();
            if lenient.is_none() {
                let later = candidates[k].iter().copied().filter(|c| *c > arrive);
                begins.extend(
                    later.filter(|c| {
                        stage.windows.iter().any(|w| w.start_ms <= *c && *c <= w.end_ms)
                    }),
                );
            }
            for at in begins {
                let cost = cost + soft_cost(stage, at);
                if next.get(&at).is_none_or(|old| cost < old.0) {
                    let mut way = way.clone();
                    way.push(at);
                    next.insert(at, (cost, way));
                }
            }
        }
        reached = next.into_iter().map(|(at, (cost, way))| (at, cost, way)).collect();
    }
    let close = |(end, cost, way): &(i64, i64, Vec<i64>)| {
        (*end <= end_max).then(|| (cost + share(per_hour, end - depart, 3_600_000), way.clone()))
    };
    reached.iter().filter_map(close).min()
}

/// Compartments by visit, all ways tried.
fn stowed(problem: &Problem, v: u32, tasks: &[Task]) -> Option<Vec<Option<u16>>> {
    let vehicle = &problem.vehicles()[v as usize];
    if vehicle.compartments.is_empty() {
        return Some(vec![None; tasks.len()]);
    }
    // (order, loaded after visit, taken out at visit), counted from one.
    let mut stays: Vec<(u32, usize, usize)> = vec![];
    let mut depot = 0;
    for (idx, task) in tasks.iter().enumerate() {
        let Task::Serve(o) = *task else {
            if matches!(task, Task::Reload(_)) {
                depot = idx + 1;
            }
            continue;
        };
        let order = &problem.orders()[o as usize];
        let next = (idx..tasks.len()).find(|&k| matches!(tasks[k], Task::Reload(_)));
        let end = next.map_or(tasks.len() + 1, |k| k + 1);
        stays.push(match &order.kind {
            OrderKind::Pickup(_) => (o, idx + 1, end),
            _ if order.on_board.is_some() => (o, 0, idx + 1),
            OrderKind::Delivery(_) => (o, depot, idx + 1),
            OrderKind::Transfer { .. } => {
                let from = tasks.iter().position(|t| *t == Task::Collect(o))?;
                (o, from + 1, idx + 1)
            }
        });
    }
    let n = vehicle.compartments.len();
    let n_committed = vehicle.committed.len();
    let mut chosen = vec![0_usize; stays.len()];
    loop {
        if is_stowed(problem, vehicle, &stays, &chosen, tasks.len(), n_committed) {
            let mut out = vec![None; tasks.len()];
            for (stay, at) in stays.iter().zip(&chosen) {
                for (idx, task) in tasks.iter().enumerate() {
                    if matches!(*task, Task::Serve(o) | Task::Collect(o) if o == stay.0) {
                        out[idx] = Some(*at as u16);
                    }
                }
            }
            return Some(out);
        }
        let digit = chosen.iter().position(|c| c + 1 < n)?;
        chosen[digit] += 1;
        chosen[..digit].fill(0);
    }
}

fn is_stowed(
    problem: &Problem,
    vehicle: &Vehicle,
    stays: &[(u32, usize, usize)],
    chosen: &[usize],
    n_visits: usize,
    n_committed: usize,
) -> bool {
    let first = if n_committed == 0 { 0 } else { n_committed + 1 };
    vehicle.compartments.iter().enumerate().all(|(number, compartment)| {
        let inside: Vec<_> =
            stays.iter().zip(chosen).filter(|(_, c)| **c == number).map(|(s, _)| s).collect();
        let holds = (first..=n_visits).all(|visit| {
            (0..4).all(|d| {
                let there = inside.iter().filter(|s| s.1 <= visit && visit < s.2);
                let sum: i64 =
                    there.map(|s| i64::from(problem.orders()[s.0 as usize].load[d])).sum();
                sum <= i64::from(compartment.capacity[d])
            })
        });
        let is_free = compartment.door == Door::Free
            || inside.iter().all(|a| {
                inside.iter().all(|b| !(a.1 < b.1 && b.1 < a.2 && a.2 < b.2 && a.2 > n_committed))
            });
        holds && is_free
    })
}
