//! Why an order is left out: the least change that the judge confirms would let it in.
//!
//! Each place in each route is run with the order's window, the shift, the capacity and the battery
//! opened wide; what it then uses beyond the true limits is the change that this place needs. The
//! places that need least are handed to the judge, and the first that it accepts is the answer.

use rv_base::Money;
use rv_model::dispatch::{MAX_LOAD_DIMS, Plan, Relaxation, Route, Task, Unassigned, Visit};

use crate::check::confirm;
use crate::instance::{HORIZON, Instance, Kind, NONE};
use crate::near::Near;
use crate::output;
use crate::recreate::{Dice, best_place_at_any_cost};
use crate::route::{Broken, Run, Totals, run};
use crate::state::{Place, State};
use crate::stow::stow;

/// Most whole-route runs spent on one order.
const RUNS_MAX: usize = 20_000;
/// Candidates handed to the judge.
const N_JUDGED: usize = 12;

/// A place for the order and what it needs.
#[derive(Clone, Debug)]
struct Candidate {
    job: u32,
    score: f64,
    v: u32,
    seq: Vec<u32>,
    needs: Vec<Relaxation>,
}

/// Explains every absent job of the state. A job that does have a place is inserted instead. What
/// `others` do, vehicles that are not in the state, is asked for where vehicles share something.
pub(crate) fn explain_absent(
    state: &mut State<'_, '_>,
    others: &[Route],
    near: &Near,
    dice: &mut Dice,
    n_max: usize,
) -> Vec<Unassigned> {
    loop {
        // What was explained before another job was let in is explained anew: the routes changed.
        if let Some(found) = explain_all(state, others, near, dice, n_max) {
            return found;
        }
    }
}

/// As [`explain_absent`]; `None` if a job was inserted after another one was explained.
fn explain_all(
    state: &mut State<'_, '_>,
    others: &[Route],
    near: &Near,
    dice: &mut Dice,
    n_max: usize,
) -> Option<Vec<Unassigned>> {
    let inst = state.inst;
    let mut wide = widened(inst);
    let routes = |state: &State<'_, '_>| [&output::routes(state), others].concat();
    let mut plan = Plan { routes: routes(state), unassigned: Vec::new() };
    let (mut found, mut is_stale) = (Vec::new(), false);
    for job in std::mem::take(&mut state.absent) {
        let order = inst.jobs[job as usize].order;
        if found.len() >= n_max {
            state.absent.push(job);
            found.push(Unassigned::silent(order));
            continue;
        }
        if let Some((place, extra)) = best_place_at_any_cost(state, near, job, dice) {
            if extra <= state.absence_cost(job) && state.insert(job, &place) {
                plan.routes = routes(state);
                is_stale |= !found.is_empty();
                continue;
            }
            found.push(too_dear(state, job, &place, extra));
            state.absent.push(job);
            continue;
        }
        let mut candidates = candidates(state, &mut wide, job);
        candidates.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.v.cmp(&b.v)));
        candidates.truncate(N_JUDGED);
        // The search tries less than every place in every route.
        let mut free = candidates.iter().filter(|c| c.needs.is_empty());
        if free.any(|c| state.insert(job, &Place::Whole(c.v, c.seq.clone()))) {
            plan.routes = routes(state);
            is_stale |= !found.is_empty();
            continue;
        }
        state.absent.push(job);
        let good = candidates.iter_mut().find_map(|c| {
            let out = told(state, c, order)?;
            confirm(inst.problem, &plan, &out).then_some(out)
        });
        found.push(good.unwrap_or(Unassigned::silent(order)));
    }
    (!is_stale).then_some(found)
}

/// A job that has a place, but not one that is worth it.
fn too_dear(state: &mut State<'_, '_>, job: u32, place: &Place, extra: i64) -> Unassigned {
    let inst = state.inst;
    let v = place.route(state);
    let beyond = extra - inst.jobs[job as usize].absent_cost;
    state.begin();
    let mut route = None;
    // Each leg's cost is rounded to what the instance's scale can say.
    let mut n_legs = 0;
    if state.insert(job, place) {
        n_legs = state.routes[v as usize].seq.len() as i64;
        let mut out = Run::beside(&state.run.shared);
        out.fixed.clone_from(&state.routes[v as usize].begins);
        route = output::timed(inst, v, &state.routes[v as usize].seq, &mut out);
    }
    state.undo();
    let money = |cost: i64| ((i128::from(cost) << inst.cost_shift) / 1_000_000) as i64;
    let more = Money(money(beyond) + money(n_legs) + 1);
    Unassigned {
        order: inst.jobs[job as usize].order,
        relaxations: vec![Relaxation::Prize { more }],
        vehicle: Some(inst.vehs[v as usize].vehicle),
        route,
    }
}

/// The instance with every limit of the vehicles opened wide.
fn widened<'p>(inst: &Instance<'p>) -> Instance<'p> {
    let mut wide = inst.clone();
    for veh in &mut wide.vehs {
        wide.nodes[veh.end as usize].close = HORIZON;
        veh.capacity = [1 << 30; MAX_LOAD_DIMS];
        // Still below "none", so that departures are as late as a longest duration makes them.
        veh.duration_max = veh.duration_max.max(i32::MAX - 1);
        veh.distance_max = i64::MAX;
        if let Some(range) = &mut veh.range {
            range.start_mwh += 1 << 40;
            range.capacity_mwh += 1 << 40;
        }
        veh.permits = u64::MAX;
    }
    let rich = &mut wide.rich;
    for list in &mut rich.compartments {
        list.clear();
    }
    rich.bays.iter_mut().for_each(Vec::clear);
    rich.stock.fill(None);
    wide
}

fn candidates<'p>(state: &State<'_, 'p>, wide: &mut Instance<'p>, job: u32) -> Vec<Candidate> {
    let inst = state.inst;
    let entry = &inst.jobs[job as usize];
    let shared = || Run::beside(&state.run.shared);
    let (out, narrow) = (shared(), shared());
    let mut tester = Tester { inst, wide, job, out, narrow, n_runs: 0, found: Vec::new() };
    for v in 0..state.routes.len() as u32 {
        if entry.only != NONE && entry.only != v {
            continue;
        }
        let seq = &state.routes[v as usize].seq;
        let n_frozen = state.n_frozen(v);
        tester.route(v, seq, n_frozen, None);
        let veh = &inst.vehs[v as usize];
        if seq.len() == n_frozen + 2 {
            continue;
        }
        let mut bare = seq[..=n_frozen].to_vec();
        bare.push(veh.end);
        let others = if entry.only == NONE && !veh.starts_on_road && n_frozen == 0 {
            Relaxation::Vehicle
        } else {
            let others = seq[n_frozen + 1..].iter().map(|&id| inst.nodes[id as usize].job);
            let orders = others.filter(|&j| j != NONE).map(|j| inst.jobs[j as usize].order);
            let orders: std::collections::BTreeSet<u32> = orders.collect();
            Relaxation::InsteadOf { orders: orders.into_iter().collect() }
        };
        tester.route(v, &bare, n_frozen, Some(&others));
    }
    tester.found
}

struct Tester<'a, 'p> {
    inst: &'a Instance<'p>,
    wide: &'a mut Instance<'p>,
    job: u32,
    out: Run,
    /// Room for runs with some of the true limits.
    narrow: Run,
    n_runs: usize,
    found: Vec<Candidate>,
}

impl Tester<'_, '_> {
    /// All places of the job in one route; `base` is what having that route needs already.
    fn route(&mut self, v: u32, seq: &[u32], n_frozen: usize, base: Option<&Relaxation>) {
        let entry = &self.inst.jobs[self.job as usize];
        let (first, second) = (entry.first, entry.second);
        let is_load_missing = self.inst.nodes[first as usize].kind == Kind::Delivery
            && self.inst.vehs[v as usize].starts_on_road;
        for at in n_frozen + 1..seq.len() {
            if self.n_runs > RUNS_MAX {
                return;
            }
            let mut trial = seq.to_vec();
            trial.insert(at, first);
            if second == NONE {
                self.place(v, &trial, n_frozen, base);
                // A van on the road fetches the load at a depot first.
                if is_load_missing && at + 1 == seq.len() {
                    self.with_reload(v, &trial, at, n_frozen, base);
                }
                continue;
            }
            for behind in at + 1..=seq.len() {
                let mut both = trial.clone();
                both.insert(behind, second);
                self.place(v, &both, n_frozen, base);
            }
        }
    }

    /// The sequence with a depot visit at `at`, one that the vehicle may make or another.
    fn with_reload(
        &mut self,
        v: u32,
        seq: &[u32],
        at: usize,
        n_frozen: usize,
        base: Option<&Relaxation>,
    ) {
        let veh = &self.inst.vehs[v as usize];
        let is_used = |id: &u32| seq.contains(id);
        let n_used = veh.reload_nodes.iter().flatten().filter(|id| is_used(id)).count();
        let mut depots = self.inst.spare_reloads.clone();
        if n_used < veh.reloads_max as usize {
            let free = |block: &Vec<u32>| block.iter().copied().find(|id| !is_used(id));
            depots.extend(veh.reload_nodes.iter().filter_map(free));
        }
        for helper in depots {
            let mut trial = seq.to_vec();
            trial.insert(at, helper);
            self.place(v, &trial, n_frozen, base);
        }
    }

    /// Runs one sequence with wide limits and notes what it needs.
    fn place(&mut self, v: u32, seq: &[u32], n_frozen: usize, base: Option<&Relaxation>) {
        let mut is_run = Err(Broken::Window);
        let mut is_charged = true;
        // First the windows end later; if that does not help, they also open earlier. The battery
        // is the true one if the charging stops of the sequence are enough.
        'tries: for opens_early in [false, true] {
            let nodes = self.windows_opened(opens_early);
            for has_true_battery in [true, false] {
                if has_true_battery && self.inst.vehs[v as usize].range.is_none() {
                    continue;
                }
                self.n_runs += 1;
                is_charged = has_true_battery;
                is_run = self.run_with(has_true_battery, v, seq, n_frozen);
                if is_run.is_ok() {
                    self.windows_closed(nodes);
                    break 'tries;
                }
            }
            self.windows_closed(nodes);
        }
        let Ok(totals) = is_run else { return };
        let (needs, score) = self.needs(v, seq, base, totals, is_charged);
        let is_better =
            self.found.len() < 4 * N_JUDGED || self.found.iter().any(|c| score < c.score);
        if is_better {
            if self.found.len() >= 4 * N_JUDGED {
                let worst = (0..self.found.len())
                    .max_by(|&a, &b| self.found[a].score.total_cmp(&self.found[b].score));
                self.found.swap_remove(worst.unwrap_or(0));
            }
            self.found.push(Candidate { job: self.job, score, v, seq: seq.to_vec(), needs });
        }
    }

    /// Runs a sequence with wide limits, but for the battery if the true one is asked for.
    fn run_with(
        &mut self,
        has_true_battery: bool,
        v: u32,
        seq: &[u32],
        n_frozen: usize,
    ) -> Result<Totals, Broken> {
        if !has_true_battery {
            return run(self.wide, v, seq, n_frozen, &mut self.out);
        }
        let own = self.inst.vehs[v as usize].range;
        let wide = std::mem::replace(&mut self.wide.vehs[v as usize].range, own);
        let result = run(self.wide, v, seq, n_frozen, &mut self.out);
        self.wide.vehs[v as usize].range = wide;
        result
    }

    fn windows_opened(&mut self, opens_early: bool) -> [u32; 2] {
        let entry = &self.inst.jobs[self.job as usize];
        let nodes = [entry.first, if entry.second == NONE { entry.first } else { entry.second }];
        for id in nodes {
            let early = if opens_early { 2 * HORIZON } else { 0 };
            open_window(self.wide, self.inst, id, early, HORIZON);
        }
        nodes
    }

    fn windows_closed(&mut self, nodes: [u32; 2]) {
        for id in nodes {
            open_window(self.wide, self.inst, id, 0, 0);
        }
    }

    /// Permits, compartments, stock and bays that the sequence lacks.
    fn rich_needs(&mut self, v: u32, seq: &[u32], needs: &mut Vec<Relaxation>) -> f64 {
        let inst = self.inst;
        let (rich, veh) = (&inst.rich, &inst.vehs[v as usize]);
        let n_frozen = veh.committed.len();
        let mut score = 0.0;
        let loc = |id: u32| inst.nodes[id as usize].loc;
        let legs = seq.windows(2).enumerate().skip(n_frozen);
        let lacking = legs.map(|(pos, pair)| {
            let excused = if pos + 2 == seq.len() { rich.excused[v as usize] } else { 0 };
            rich.permits(loc(pair[0]), loc(pair[1])) & !veh.permits & !excused
        });
        let missing = lacking.fold(0, |all, bits| all | bits);
        if missing != 0 {
            score += 0.5 * f64::from(missing.count_ones());
            needs.push(Relaxation::Permits { missing });
        }
        if stow(inst, v, seq, n_frozen, &mut self.narrow).is_err() {
            score += 1.0;
            needs.push(Relaxation::Compartments);
        }
        for (depot, stock) in rich.stock.iter().enumerate() {
            let Some(stock) = stock else { continue };
            let others = self.out.shared.drawn_by_others(depot, v);
            let mine = self.out.draws.iter().filter(|d| d.0 as usize == depot);
            let sum = mine.fold([0_i64; MAX_LOAD_DIMS], |sum, d| {
                std::array::from_fn(|dim| sum[dim] + d.1[dim])
            });
            let more = std::array::from_fn(|dim| {
                (others[dim] + sum[dim] - stock[dim]).clamp(0, 1 << 29) as i32
            });
            if sum != [0; MAX_LOAD_DIMS] && more != [0; MAX_LOAD_DIMS] {
                score += 0.7;
                needs.push(Relaxation::Stock { depot: depot as u32, more });
            }
        }
        score + self.bay_needs(v, seq, needs)
    }

    fn bay_needs(&mut self, v: u32, seq: &[u32], needs: &mut Vec<Relaxation>) -> f64 {
        let inst = self.inst;
        let mut chargers: Vec<u32> = Vec::new();
        for &id in &seq[inst.vehs[v as usize].committed.len() + 1..] {
            let node = &inst.nodes[id as usize];
            if node.kind == Kind::Charge && !inst.rich.bays[node.facility as usize].is_empty() {
                chargers.push(node.facility);
            }
        }
        chargers.sort_unstable();
        chargers.dedup();
        let mut score = 0.0;
        for charger in chargers {
            let bays = inst.rich.bays[charger as usize].clone();
            self.wide.rich.bays[charger as usize] = bays;
            let nodes = self.windows_opened(true);
            let n_frozen = inst.vehs[v as usize].committed.len();
            let is_free = run(self.wide, v, seq, n_frozen, &mut self.narrow).is_ok();
            self.windows_closed(nodes);
            self.wide.rich.bays[charger as usize].clear();
            if !is_free {
                score += 0.6;
                needs.push(Relaxation::Bays { charger, more: 1 });
            }
        }
        score
    }

    /// What the run just made used beyond the true limits, and how bad that is: an hour, a whole
    /// capacity or battery, a vehicle each count one, and each further kind of change ten.
    fn needs(
        &mut self,
        v: u32,
        seq: &[u32],
        base: Option<&Relaxation>,
        totals: Totals,
        is_charged: bool,
    ) -> (Vec<Relaxation>, f64) {
        let (distance, depart) = (totals.distance, totals.depart);
        let inst = self.inst;
        let at = &self.out.at.clone();
        let veh = &inst.vehs[v as usize];
        let entry = &inst.jobs[self.job as usize];
        let mut needs = Vec::new();
        let mut score = 0.0;
        if let Some(base) = base {
            needs.push(base.clone());
            score += match base {
                Relaxation::InsteadOf { orders } => 2.0 + orders.len() as f64,
                _ => 1.0,
            };
        }
        let missing = entry.skills & !veh.skills;
        if missing != 0 {
            score += 0.5 * f64::from(missing.count_ones());
            needs.push(Relaxation::Skills { missing });
        }
        for (pos, &id) in seq.iter().enumerate() {
            let node = &inst.nodes[id as usize];
            if inst.spare_reloads.contains(&id) {
                score += 0.3;
                needs.push(Relaxation::Reload { depot: node.facility });
            }
            if node.job != self.job {
                continue;
            }
            let fits = inst.begin(node, at[pos].arrive) == Some(at[pos].begin);
            if !fits {
                let early_ms = i64::from((node.open - at[pos].begin).max(0));
                let late_ms = i64::from((at[pos].begin - node.close).max(0));
                score += (early_ms + late_ms) as f64 / 3.6e6;
                let is_dropoff = node.kind == Kind::Drop;
                needs.push(Relaxation::Window { is_dropoff, early_ms, late_ms });
            }
        }
        let end = at[seq.len() - 1].begin;
        let close = inst.nodes[veh.end as usize].close;
        let over = (end - depart).saturating_sub(veh.duration_max);
        // Limits that committed tasks widened count from where they truly are.
        let vehicle = &inst.problem.vehicles()[veh.vehicle as usize];
        let late = if end > close { inst.clock(end) - vehicle.shift.end_ms } else { 0 };
        let late_ms = late.max(i64::from(over));
        if late_ms > 0 {
            score += late_ms as f64 / 3.6e6;
            needs.push(Relaxation::Shift { late_ms });
        }
        if distance > veh.distance_max {
            let more_mm = distance - veh.distance_max;
            score += more_mm as f64 / veh.distance_max.max(1) as f64;
            needs.push(Relaxation::Distance { more_mm });
        }
        let mut more = [0; MAX_LOAD_DIMS];
        for state in at {
            more = std::array::from_fn(|d| {
                let is_over = state.load[d] > veh.capacity[d];
                more[d].max(if is_over { state.load[d] - vehicle.capacity[d] } else { 0 })
            });
        }
        if more != [0; MAX_LOAD_DIMS] {
            let share =
                (0..MAX_LOAD_DIMS).map(|d| f64::from(more[d]) / f64::from(veh.capacity[d].max(1)));
            score += share.fold(0.0, f64::max);
            needs.push(Relaxation::Capacity { more });
        }
        if let Some(range) = veh.range
            && !is_charged
        {
            let low = at.iter().map(|a| a.charge_mwh - a.taken_mwh).min().unwrap_or(0) - (1 << 40);
            if low < range.floor_mwh {
                // A committed route that runs below the reserve is excused only while nothing else
                // is asked of the battery.
                let more_mwh = vehicle.battery.as_ref().map_or(0, |b| b.reserve_mwh) - low;
                score += more_mwh as f64 / range.capacity_mwh.max(1) as f64;
                needs.push(Relaxation::Battery { more_mwh });
            }
        }
        if inst.rich.is_on {
            score += self.rich_needs(v, seq, &mut needs);
        }
        score += 10.0 * needs.len().saturating_sub(1) as f64;
        (needs, score)
    }
}

/// The candidate as an answer, for the judge to confirm.
fn told(state: &State<'_, '_>, candidate: &mut Candidate, order: u32) -> Option<Unassigned> {
    let inst = state.inst;
    let route = settle(state, candidate)?;
    Some(Unassigned {
        order,
        relaxations: candidate.needs.clone(),
        vehicle: Some(inst.vehs[candidate.v as usize].vehicle),
        route: Some(route),
    })
}

/// Opens a node's first window so much earlier than in truth, and ends its last so much later.
fn open_window(wide: &mut Instance<'_>, truth: &Instance<'_>, id: u32, early: i32, late: i32) {
    let from = &truth.nodes[id as usize];
    let node = &mut wide.nodes[id as usize];
    node.open = from.open.saturating_sub(early).max(-HORIZON);
    node.close = from.close.saturating_add(late).min(HORIZON);
    let (first, last) = (from.windows.0 as usize, from.windows.1 as usize);
    if first < last {
        wide.windows[first..last].copy_from_slice(&truth.windows[first..last]);
        wide.windows[first].0 = node.open;
        wide.windows[last - 1].1 = node.close;
    }
}

/// The candidate's route with no more than what it was granted; corrects the shift that it needs,
/// as an earlier departure makes the route longer.
fn settle(state: &State<'_, '_>, candidate: &mut Candidate) -> Option<Route> {
    let inst = state.inst;
    let v = candidate.v as usize;
    let has = |is_it: fn(&Relaxation) -> bool| candidate.needs.iter().any(is_it);
    let mut granted = widened(inst);
    for &id in &candidate.seq {
        let node = &inst.nodes[id as usize];
        for need in &candidate.needs {
            if let Relaxation::Window { is_dropoff, early_ms, late_ms } = need
                && node.job == candidate.job
                && *is_dropoff == (node.kind == Kind::Drop)
            {
                open_window(&mut granted, inst, id, *early_ms as i32, *late_ms as i32);
            }
        }
    }
    let shift = candidate.needs.iter().find_map(|need| match need {
        Relaxation::Shift { late_ms } => Some(*late_ms as i32),
        _ => None,
    });
    let end = inst.vehs[v].end as usize;
    let (close, late) = (inst.nodes[end].close, shift.unwrap_or(0));
    granted.nodes[end].close = close.saturating_add(late).min(HORIZON);
    if inst.rich.is_timed {
        granted.vehs[v].duration_max = inst.vehs[v].duration_max.saturating_add(late);
    }
    let lacks_charge = has(|n| matches!(n, Relaxation::Battery { .. }));
    if !lacks_charge {
        granted.vehs[v].range = inst.vehs[v].range;
    }
    if !has(|n| matches!(n, Relaxation::Bays { .. })) {
        granted.rich.bays.clone_from(&inst.rich.bays);
    }
    if !has(|n| matches!(n, Relaxation::Compartments)) {
        granted.rich.compartments.clone_from(&inst.rich.compartments);
    }
    let mut out = Run::beside(&state.run.shared);
    let mut route = output::timed(&granted, candidate.v, &candidate.seq, &mut out)?;
    let over = route.end_ms - route.depart_ms - i64::from(inst.vehs[v].duration_max);
    for need in &mut candidate.needs {
        if let Relaxation::Shift { late_ms } = need {
            *late_ms = (*late_ms).max(over);
        }
    }
    if over > 0 && !candidate.needs.iter().any(|n| matches!(n, Relaxation::Shift { .. })) {
        candidate.needs.push(Relaxation::Shift { late_ms: over });
    }
    if lacks_charge {
        // What the battery is short of counts without charging on the way.
        let n_committed = inst.vehs[v].committed.len();
        let mut position = 0;
        route.visits.retain(|visit| {
            position += 1;
            position <= n_committed || !matches!(visit.task, Task::Charge { .. })
        });
        for visit in &mut route.visits {
            *visit = Visit { compartment: visit.compartment, ..Visit::untimed(visit.task) };
        }
    }
    Some(route)
}
