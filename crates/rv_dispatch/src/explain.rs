//! Why an order is left out: the least change that the judge confirms would let it in.
//!
//! Each place in each route is run with the order's window, the shift, the capacity and the battery
//! opened wide; what it then uses beyond the true limits is the change that this place needs. The
//! places that need least are handed to the judge, and the first that it accepts is the answer.

use rv_base::Money;
use rv_model::dispatch::{
    MAX_LOAD_DIMS, Order, OrderKind, Relaxation, Route, Stop, Task, Unassigned, Vehicle, Visit,
};

use crate::check::is_route_sound;
use crate::instance::{HORIZON, Instance, Kind, NONE};
use crate::near::Near;
use crate::recreate::{Dice, best_place_at_any_cost};
use crate::route::{Broken, Run, run};
use crate::state::{Place, State};

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

/// Explains every absent job of the state. A job that does have a place is inserted instead.
pub(crate) fn explain_absent(
    state: &mut State<'_, '_>,
    near: &Near,
    dice: &mut Dice,
    n_max: usize,
) -> Vec<Unassigned> {
    let inst = state.inst;
    let mut wide = widened(inst);
    let mut found = Vec::new();
    for job in std::mem::take(&mut state.absent) {
        let order = inst.jobs[job as usize].order;
        let nothing = Unassigned { order, relaxations: Vec::new(), vehicle: None };
        if found.len() >= n_max {
            state.absent.push(job);
            found.push(nothing);
            continue;
        }
        if let Some((place, extra)) = best_place_at_any_cost(state, near, job, dice) {
            let beyond = extra - inst.jobs[job as usize].absent_cost;
            if beyond <= 0 && state.insert(job, &place) {
                continue;
            }
            let v = place.route(state);
            let more = Money(((i128::from(beyond) << inst.cost_shift) / 1_000_000) as i64 + 1);
            state.absent.push(job);
            found.push(Unassigned {
                order,
                relaxations: vec![Relaxation::Prize { more }],
                vehicle: Some(inst.vehs[v as usize].vehicle),
            });
            continue;
        }
        let mut candidates = candidates(state, &mut wide, job);
        candidates.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.v.cmp(&b.v)));
        candidates.truncate(N_JUDGED);
        // The search tries less than every place in every route.
        let mut free = candidates.iter().filter(|c| c.needs.is_empty());
        if free.any(|c| state.insert(job, &Place::Whole(c.v, c.seq.clone()))) {
            continue;
        }
        state.absent.push(job);
        let good =
            candidates.iter_mut().find_map(|c| is_confirmed(inst, c, order).then(|| c.clone()));
        found.push(good.map_or(nothing, |c| Unassigned {
            order,
            relaxations: c.needs,
            vehicle: Some(inst.vehs[c.v as usize].vehicle),
        }));
    }
    found
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
    }
    wide
}

fn candidates<'p>(state: &State<'_, 'p>, wide: &mut Instance<'p>, job: u32) -> Vec<Candidate> {
    let inst = state.inst;
    let entry = &inst.jobs[job as usize];
    let mut tester = Tester { inst, wide, job, out: Run::default(), n_runs: 0, found: Vec::new() };
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
        let entry = &self.inst.jobs[self.job as usize];
        let nodes = [entry.first, if entry.second == NONE { entry.first } else { entry.second }];
        let mut is_run = Err(Broken::Window);
        // First the windows end later; if that does not help, they also open earlier.
        for opens_early in [false, true] {
            for id in nodes {
                let early = if opens_early { 2 * HORIZON } else { 0 };
                open_window(self.wide, self.inst, id, early, HORIZON);
            }
            self.n_runs += 1;
            is_run = run(self.wide, v, seq, n_frozen, &mut self.out);
            if is_run.is_ok() {
                break;
            }
        }
        for id in nodes {
            open_window(self.wide, self.inst, id, 0, 0);
        }
        let Ok(totals) = is_run else { return };
        let (needs, score) = self.needs(v, seq, base, totals.distance, totals.depart);
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

    /// What the run just made used beyond the true limits, and how bad that is: an hour, a whole
    /// capacity or battery, a vehicle each count one, and each further kind of change ten.
    fn needs(
        &self,
        v: u32,
        seq: &[u32],
        base: Option<&Relaxation>,
        distance: i64,
        depart: i32,
    ) -> (Vec<Relaxation>, f64) {
        let (inst, at) = (self.inst, &self.out.at);
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
        if let Some(range) = veh.range {
            let low = at.iter().map(|a| a.charge_mwh - a.taken_mwh).min().unwrap_or(0) - (1 << 40);
            if low < range.floor_mwh {
                // A committed route that runs below the reserve is excused only while nothing else
                // is asked of the battery.
                let more_mwh = vehicle.battery.as_ref().map_or(0, |b| b.reserve_mwh) - low;
                score += more_mwh as f64 / range.capacity_mwh.max(1) as f64;
                needs.push(Relaxation::Battery { more_mwh });
            }
        }
        score += 10.0 * needs.len().saturating_sub(1) as f64;
        (needs, score)
    }
}

/// Whether the judge accepts the candidate's route once its needs are granted.
fn is_confirmed(inst: &Instance<'_>, candidate: &mut Candidate, order: u32) -> bool {
    let problem = inst.problem;
    let depart_ms = settle(inst, candidate);
    let veh = &inst.vehs[candidate.v as usize];
    let mut vehicle = problem.vehicles()[veh.vehicle as usize].clone();
    let mut relaxed = problem.orders()[order as usize].clone();
    for need in &candidate.needs {
        relax(need, &mut vehicle, &mut relaxed);
    }
    let route = Route {
        vehicle: veh.vehicle,
        depart_ms,
        end_ms: 0,
        distance_mm: 0,
        visits: candidate.seq[1..candidate.seq.len() - 1]
            .iter()
            .filter_map(|&id| task(inst, id))
            .map(untimed)
            .collect(),
    };
    is_route_sound(problem, &vehicle, &route, (order, &relaxed))
}

/// Applies one relaxation to a vehicle and an order.
fn relax(need: &Relaxation, vehicle: &mut Vehicle, order: &mut Order) {
    match need {
        Relaxation::Window { is_dropoff, early_ms, late_ms } => {
            let stop: &mut Stop = match &mut order.kind {
                OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop,
                OrderKind::Transfer { pickup, dropoff } => {
                    // What is on board has only its dropoff left.
                    if *is_dropoff || order.on_board.is_some() { dropoff } else { pickup }
                }
            };
            stop.windows[0].start_ms = stop.windows[0].start_ms.saturating_sub(*early_ms);
            let last = stop.windows.len() - 1;
            stop.windows[last].end_ms = stop.windows[last].end_ms.saturating_add(*late_ms);
        }
        Relaxation::Shift { late_ms } => {
            vehicle.shift.end_ms += late_ms;
            vehicle.duration_ms_max = vehicle.duration_ms_max.map(|d| d + late_ms);
        }
        Relaxation::Distance { more_mm } => {
            vehicle.distance_mm_max = vehicle.distance_mm_max.map(|d| d + more_mm);
        }
        Relaxation::Capacity { more } => {
            for (amount, extra) in vehicle.capacity.iter_mut().zip(more) {
                *amount = amount.saturating_add(*extra);
            }
        }
        Relaxation::Battery { more_mwh } => {
            if let Some(battery) = &mut vehicle.battery {
                battery.capacity_mwh += more_mwh;
                battery.start_mwh += more_mwh;
                if let Some(last) = battery.curve.last_mut() {
                    last.up_to_mwh += more_mwh;
                }
            }
        }
        Relaxation::Skills { missing } => vehicle.skills |= missing,
        Relaxation::Reload { depot } => {
            vehicle.reload_depots.push(*depot);
            vehicle.reloads_max += 1;
        }
        Relaxation::InsteadOf { .. } | Relaxation::Vehicle | Relaxation::Prize { .. } => {}
    }
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

/// Departure of the candidate's route with no more than the windows that it was granted; corrects
/// the shift that it needs, as an earlier departure makes the route longer.
fn settle(inst: &Instance<'_>, candidate: &mut Candidate) -> i64 {
    let veh = &inst.vehs[candidate.v as usize];
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
    let mut out = Run::default();
    let n_frozen = veh.committed.len();
    let Ok(totals) = run(&granted, candidate.v, &candidate.seq, n_frozen, &mut out) else {
        return inst.clock(veh.shift_start);
    };
    let end = out.at[candidate.seq.len() - 1].begin;
    let over = i64::from((end - totals.depart).saturating_sub(veh.duration_max));
    for need in &mut candidate.needs {
        if let Relaxation::Shift { late_ms } = need {
            *late_ms = (*late_ms).max(over);
        }
    }
    if over > 0 && !candidate.needs.iter().any(|n| matches!(n, Relaxation::Shift { .. })) {
        candidate.needs.push(Relaxation::Shift { late_ms: over });
    }
    inst.clock(totals.depart)
}

fn task(inst: &Instance<'_>, id: u32) -> Option<Task> {
    let node = &inst.nodes[id as usize];
    match node.kind {
        Kind::Reload => Some(Task::Reload(node.facility)),
        // What the battery is short of counts without charging on the way.
        Kind::Charge if node.charge_mwh < 0 => None,
        Kind::Charge => Some(Task::Charge { charger: node.facility, energy_mwh: node.charge_mwh }),
        Kind::Collect => Some(Task::Collect(inst.jobs[node.job as usize].order)),
        Kind::Start | Kind::End => None,
        _ => Some(Task::Serve(inst.jobs[node.job as usize].order)),
    }
}

fn untimed(task: Task) -> Visit {
    Visit { task, arrive_ms: 0, begin_ms: 0, leave_ms: 0, load: [0; MAX_LOAD_DIMS], charge_mwh: 0 }
}
