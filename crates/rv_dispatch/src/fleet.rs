//! Fewer vehicles: empty one route after the other and place its jobs in the rest (Christiaens and
//! Vanden Berghe 2020, section 5.4), led by how often each job could not be placed.

use rv_base::Rng;

use crate::Budget;
use crate::instance::{Kind, NONE};
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{
    Best, Effort, STEPS_PER_CHECK, progress, ruin_and_recreate, take_out, temperatures,
};
use crate::state::State;

/// Share of the budget without any gain after which no fewer vehicles are expected; as much again as
/// the last gain took is waited for on top.
const PATIENCE: f64 = 0.1;

/// When the search for fewer vehicles last came closer to its aim.
#[derive(Default)]
struct Patience {
    begun: Option<f64>,
    gained: f64,
    /// Vehicles and orders left out at the last gain.
    least: Option<(usize, usize)>,
}

impl Patience {
    /// Notes how far the search is at `done` of the budget; true if it has not gained for too long.
    fn is_over(&mut self, done: f64, state: &State<'_, '_>) -> bool {
        let done = done - *self.begun.get_or_insert(done);
        let now = (state.n_used, state.absent.len());
        if self.least.is_none_or(|least| now < least) {
            (self.least, self.gained) = (Some(now), done);
        }
        done > self.gained + self.gained + PATIENCE
    }
}

/// Leaves the plan with the fewest vehicles found before `share` of the budget is used or the search
/// stagnates; from then on no further route can be opened.
pub(crate) fn reduce(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    iterations: u64,
    share: f64,
    rng: &mut Rng,
) -> Effort {
    let mut effort = Effort::default();
    let mut dice = Dice::new(rng);
    let mut best = Best::new(state);
    let n_absent_min = state.absent.len();
    let mut n_missed = vec![1_u64; state.inst.jobs.len()];
    let n_min = n_routes_min(state);
    let (_, cold) = temperatures(state.inst);
    // Between the annealing's first and last temperature: enough to move, too little to spread.
    let temperature = cold * 4.0;
    let mut jobs = Vec::new();
    let mut patience = Patience::default();
    park_empty(state);
    loop {
        if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
            let Some(done) = progress(budget, iterations, effort.iterations) else { break };
            if done >= share || patience.is_over(done, state) {
                break;
            }
        }
        if state.absent.len() <= n_absent_min {
            effort.improvements += 1;
            best.keep(state);
            if state.n_used <= n_min || !empty_one(state, &n_missed, &mut dice) {
                break;
            }
        }
        effort.iterations += 1;
        let (before, n_before) = (state.cost, state.absent.len());
        let missed = |state: &State<'_, '_>, n_missed: &[u64]| {
            state.absent.iter().map(|&j| n_missed[j as usize]).sum::<u64>()
        };
        let missed_before = missed(state, &n_missed);
        state.begin();
        ruin_and_recreate(state, near, &mut jobs, &mut dice);
        let missed_now = missed(state, &n_missed);
        let limit = before as f64 - temperature * dice.unit().max(1e-300).ln();
        let is_taken = state.absent.len() <= n_absent_min
            || missed_now < missed_before
            || (state.absent.len() == n_before
                && missed_now == missed_before
                && (state.cost as f64) < limit);
        for &job in &state.absent {
            n_missed[job as usize] += 1;
        }
        if !is_taken {
            state.undo();
        }
    }
    best.restore(state);
    park_empty(state);
    effort
}

/// Takes all empty routes out of use.
fn park_empty(state: &mut State<'_, '_>) {
    for v in 0..state.routes.len() as u32 {
        state.park(v);
    }
}

/// Routes that the loads alone need, if all vehicles are alike.
fn n_routes_min(state: &State<'_, '_>) -> usize {
    let inst = state.inst;
    let Some(veh) = inst.vehs.first() else { return 0 };
    if veh.reloads_max > 0 || inst.vehs.iter().any(|v| v.capacity != veh.capacity) {
        return 0;
    }
    let most = (0..inst.n_dims).map(|d| {
        let of = |kind: Kind| -> i64 {
            let nodes = inst.nodes.iter().filter(|n| n.kind == kind && n.job != NONE);
            nodes.map(|n| i64::from(n.load[d])).sum()
        };
        let sum = of(Kind::Delivery).max(of(Kind::Pickup));
        let capacity = i64::from(veh.capacity[d]);
        if capacity > 0 { (sum + capacity - 1) / capacity } else { 0 }
    });
    most.max().unwrap_or(0) as usize
}

/// Empties the route whose jobs were missed least, among a few, and takes it out of use; false if
/// no route may be emptied.
fn empty_one(state: &mut State<'_, '_>, n_missed: &[u64], dice: &mut Dice) -> bool {
    let inst = state.inst;
    let mut best: Option<(u64, u32)> = None;
    for (v, route) in state.routes.iter().enumerate() {
        let veh = &inst.vehs[v];
        let is_bound = !veh.committed.is_empty()
            || route.seq.iter().any(|&id| {
                let job = inst.nodes[id as usize].job;
                job != NONE && inst.jobs[job as usize].only != NONE
            });
        if route.seq.len() <= 2 || is_bound {
            continue;
        }
        let missed: u64 = route
            .seq
            .iter()
            .map(|&id| inst.nodes[id as usize].job)
            .filter(|&job| job != NONE)
            .map(|job| n_missed[job as usize])
            .sum();
        // A little chance, so that not the same route goes again and again.
        let missed = missed * (8 + dice.below(4) as u64);
        if best.is_none_or(|b| missed < b.0) {
            best = Some((missed, v as u32));
        }
    }
    let Some((_, v)) = best else { return false };
    state.begin();
    let mut removed = Vec::new();
    for &id in &state.routes[v as usize].seq {
        let job = inst.nodes[id as usize].job;
        if job != NONE && !removed.contains(&job) {
            removed.push(job);
        }
    }
    take_out(state, v, &mut removed, 0);
    state.absent.extend(removed);
    state.park(v);
    true
}
