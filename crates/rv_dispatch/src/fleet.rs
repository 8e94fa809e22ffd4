//! Fewer vehicles: empty one route after the other and place its jobs in the rest (Christiaens and
//! Vanden Berghe 2020, section 5.4), led by how often each job could not be placed.

use rv_base::Rng;

use crate::Budget;
use crate::instance::{Instance, Kind, NONE};
use crate::near::Near;
use crate::recreate::Dice;
use crate::search::{
    Best, Effort, STEPS_PER_CHECK, Span, progress, ruin_and_recreate, take_out, temperatures,
};
use crate::state::State;

/// Share of the budget without any gain after which no fewer vehicles are expected; as much again as
/// the last gain took is waited for on top.
const PATIENCE: f64 = 0.1;
/// The same above so many jobs, where a search has little time for each.
const PATIENCE_WITH_MANY: f64 = 0.2;
const FEW_JOBS: usize = 300;
/// Share of the steps that begin at a job left out.
const AT_ABSENT: f64 = 0.5;

/// When the search for fewer vehicles last came closer to its aim.
pub(crate) struct Patience {
    begun: Option<f64>,
    gained: f64,
    /// How much longer than the last gain took is waited for the next.
    extra: f64,
    /// Vehicles and orders left out at the last gain.
    least: Option<(usize, usize)>,
}

impl Patience {
    pub fn new(inst: &Instance<'_>) -> Self {
        let extra = if inst.jobs.len() <= FEW_JOBS { PATIENCE } else { PATIENCE_WITH_MANY };
        Self { extra, begun: None, gained: 0.0, least: None }
    }

    /// Notes the vehicles and orders left out at `done` of the budget; true if that has not gained
    /// for too long.
    pub fn is_over(&mut self, done: f64, now: (usize, usize)) -> bool {
        let done = done - *self.begun.get_or_insert(done);
        if self.least.is_none_or(|least| now < least) {
            (self.least, self.gained) = (Some(now), done);
        }
        done > self.gained + self.gained + self.extra
    }
}

/// A plan under search that can do with fewer vehicles.
pub(crate) trait Shrink {
    /// Routes with work.
    fn n_used(&self) -> usize;
    fn cost(&self) -> i64;
    /// Units of the instance in a unit of its cost.
    fn unit(&self) -> f64 {
        1.0
    }
    /// Jobs left out.
    fn absent(&self) -> &[u32];
    /// Starts a step that can be undone.
    fn begin(&mut self);
    fn undo(&mut self);
    /// Ruins and recreates.
    fn step(&mut self, dice: &mut Dice);
    /// Keeps the plan as the best one.
    fn keep(&mut self);
    /// Goes back to the best plan.
    fn restore(&mut self);
    /// Takes all empty routes out of use.
    fn close_empty(&mut self);
    /// Empties a route and takes it out of use; false if there is none that may be emptied.
    fn empty_one(&mut self, n_missed: &[u64], dice: &mut Dice) -> bool;
}

/// Leaves the plan with the fewest vehicles found before `share` of the budget is used or the search
/// stagnates; from then on no further route can be opened.
pub(crate) fn shrink(
    plan: &mut impl Shrink,
    budget: &Budget<'_>,
    span: Span,
    share: f64,
    inst: &Instance<'_>,
    rng: &mut Rng,
) -> Effort {
    let mut effort = Effort::default();
    let mut dice = Dice::new(rng);
    plan.keep();
    let n_absent_min = plan.absent().len();
    let mut n_missed = vec![1_u64; inst.jobs.len()];
    let n_min = n_routes_min(inst);
    let (_, cold) = temperatures(inst);
    // Between the annealing's first and last temperature: enough to move, too little to spread.
    let temperature = cold * 4.0 / plan.unit();
    let mut patience = Patience::new(inst);
    plan.close_empty();
    loop {
        if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
            let n_done = span.spent + effort.iterations;
            let Some(done) = progress(budget, span.iterations, n_done) else { break };
            if done >= share || patience.is_over(done, (plan.n_used(), plan.absent().len())) {
                break;
            }
        }
        if plan.absent().len() <= n_absent_min {
            effort.improvements += 1;
            plan.keep();
            if plan.n_used() <= n_min || !plan.empty_one(&n_missed, &mut dice) {
                break;
            }
        }
        effort.iterations += 1;
        let missed = |absent: &[u32]| absent.iter().map(|&j| n_missed[j as usize]).sum::<u64>();
        let (before, n_before) = (plan.cost(), plan.absent().len());
        let missed_before = missed(plan.absent());
        plan.begin();
        plan.step(&mut dice);
        let missed_now = missed(plan.absent());
        let limit = before as f64 - temperature * dice.unit().max(1e-300).ln();
        let is_taken = plan.absent().len() <= n_absent_min
            || missed_now < missed_before
            || (plan.absent().len() == n_before
                && missed_now == missed_before
                && (plan.cost() as f64) < limit);
        for &job in plan.absent() {
            n_missed[job as usize] += 1;
        }
        if !is_taken {
            plan.undo();
        }
    }
    plan.restore();
    plan.close_empty();
    effort
}

/// Fewer vehicles for a state; see [`shrink`].
pub(crate) fn reduce(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    span: Span,
    share: f64,
    rng: &mut Rng,
) -> Effort {
    let inst = state.inst;
    let mut yard = Yard { best: Best::new(state), state, near, jobs: Vec::new() };
    shrink(&mut yard, budget, span, share, inst, rng)
}

/// The job around which a step ruins: often one that is left out.
pub(crate) fn seed(absent: &[u32], n_jobs: usize, dice: &mut Dice) -> u32 {
    if !absent.is_empty() && dice.unit() < AT_ABSENT {
        return absent[dice.below(absent.len())];
    }
    dice.below(n_jobs) as u32
}

/// A state with its best plan.
struct Yard<'a, 'i, 'p> {
    best: Best,
    state: &'a mut State<'i, 'p>,
    near: &'a Near,
    jobs: Vec<u32>,
}

impl Shrink for Yard<'_, '_, '_> {
    fn n_used(&self) -> usize {
        self.state.n_used
    }

    fn cost(&self) -> i64 {
        self.state.cost
    }

    fn absent(&self) -> &[u32] {
        &self.state.absent
    }

    fn begin(&mut self) {
        self.state.begin();
    }

    fn undo(&mut self) {
        self.state.undo();
    }

    fn step(&mut self, dice: &mut Dice) {
        let seed = seed(&self.state.absent, self.state.inst.jobs.len(), dice);
        ruin_and_recreate(self.state, self.near, seed, &mut self.jobs, dice);
    }

    fn keep(&mut self) {
        self.best.keep(self.state);
    }

    fn restore(&mut self) {
        self.best.restore(self.state);
    }

    fn close_empty(&mut self) {
        for v in 0..self.state.routes.len() as u32 {
            self.state.park(v);
        }
    }

    fn empty_one(&mut self, n_missed: &[u64], dice: &mut Dice) -> bool {
        let (inst, state) = (self.state.inst, &mut *self.state);
        let jobs = |seq: &[u32]| -> Vec<u32> {
            seq.iter().map(|&id| inst.nodes[id as usize].job).filter(|&job| job != NONE).collect()
        };
        let is_free = |v: usize, seq: &[u32]| {
            seq.len() > 2
                && inst.vehs[v].committed.is_empty()
                && jobs(seq).iter().all(|&job| inst.jobs[job as usize].only == NONE)
        };
        let routes = state.routes.iter().enumerate().filter(|(v, r)| is_free(*v, &r.seq));
        let routes = routes.map(|(v, r)| (v as u32, jobs(&r.seq)));
        let Some(v) = emptied_first(routes, n_missed, dice) else { return false };
        state.begin();
        let mut removed = jobs(&state.routes[v as usize].seq);
        removed.sort_unstable();
        removed.dedup();
        take_out(state, v, &mut removed, 0);
        state.absent.extend(removed);
        state.park(v);
        true
    }
}

/// Routes that the loads alone need, if all vehicles are alike.
pub(crate) fn n_routes_min(inst: &Instance<'_>) -> usize {
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

/// The route whose jobs were missed least, of those given with their jobs.
pub(crate) fn emptied_first(
    routes: impl Iterator<Item = (u32, Vec<u32>)>,
    n_missed: &[u64],
    dice: &mut Dice,
) -> Option<u32> {
    let missed = routes.map(|(v, jobs)| {
        let missed: u64 = jobs.iter().map(|&job| n_missed[job as usize]).sum();
        // A little chance, so that not the same route goes again and again.
        (missed * (8 + dice.below(4) as u64), v)
    });
    missed.min_by_key(|&(missed, _)| missed).map(|(_, v)| v)
}
