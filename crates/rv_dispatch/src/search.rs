//! Slack induction by string removals with annealing (Christiaens and Vanden Berghe 2020,
//! Transportation Science 54(2)): remove strings of stops near each other, put the stops back
//! greedily, accept by temperature.

use std::sync::atomic::Ordering;

use rv_base::Rng;

use crate::instance::{CLOSED, Instance, Kind, NONE};
use crate::near::Near;
use crate::recreate::{Dice, Style, recreate};
use crate::state::State;
use crate::{Budget, Progress};

/// First and last temperature, as shares of the cost of driving from a start to a job.
const HOT: f64 = 0.2;
/// First temperature of a search that has no time to come down from higher up.
const WARM: f64 = 0.08;
/// Steps per job below which a search is short.
const SHORT: u64 = 1_000;
const COLD: f64 = 0.003;
/// Average number of stops removed in one step (the paper's c-bar).
const REMOVED_MEAN: usize = 10;
/// Longest string (the paper's L-max).
const STRING_MAX: usize = 10;
/// Probability of keeping stops inside a string, and of keeping one more.
const SPLIT: f64 = 0.5;
const SPLIT_GROW: f64 = 0.99;
/// Once in so many cases all charging stops of a ruined route are placed anew.
const CHARGES_ANEW: i64 = 4;
/// Most absent jobs tried again in one step.
const RETRY_MAX: usize = 40;
/// Blink probability 1 %, in 1/65536.
const BLINK: u32 = 655;
/// Steps between two looks at the budget.
pub(crate) const STEPS_PER_CHECK: u64 = 64;

/// Steps between two reports of the best plan.
pub(crate) const STEPS_PER_TOLD: u64 = 8192;

/// What a search did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pub iterations: u64,
    pub improvements: u64,
}

impl Effort {
    pub fn add(&mut self, other: Self) {
        self.iterations += other.iterations;
        self.improvements += other.improvements;
    }
}

/// How long to search, and how hot.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// Steps at most.
    pub iterations: u64,
    /// Steps of these that are spent already.
    pub spent: u64,
    /// Progress of the whole search, which sets the temperature; `None` cools down from first to
    /// last.
    pub progress: Option<f64>,
}

/// Improves the state until its share of the budget ends, and
/// leaves the best plan found in it.
pub(crate) fn anneal(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    span: Span,
    rng: &mut Rng,
) -> Effort {
    let mut effort = Effort::default();
    if state.inst.jobs.iter().all(|j| j.is_committed) {
        return effort;
    }
    let mut dice = Dice::new(rng);
    let mut best = Best::new(state);
    let mut schedule = Schedule::new(state.inst, span);
    let mut jobs = Vec::new();
    loop {
        if effort.iterations.is_multiple_of(STEPS_PER_CHECK) {
            let n_done = span.spent + effort.iterations;
            let Some(done) = progress(budget, span.iterations, n_done) else { break };
            schedule.cool(done);
        }
        effort.iterations += 1;
        let before = state.cost;
        state.begin();
        let seed = dice.below(state.inst.jobs.len()) as u32;
        ruin_and_recreate(state, near, seed, &mut jobs, &mut dice);
        if state.cost as f64 >= schedule.limit(before, &mut dice) {
            state.undo();
        } else if state.cost < best.cost {
            effort.improvements += 1;
            best.keep(state);
        }
        if effort.iterations.is_multiple_of(STEPS_PER_TOLD) {
            best.tell(state, budget);
        }
    }
    best.restore(state);
    effort
}

/// Reports a plan whose routes cost so much, in the instance's units, if somebody listens and it is
/// of the whole problem.
pub(crate) fn tell(
    inst: &Instance<'_>,
    budget: &Budget<'_>,
    cost: f64,
    n_vehicles: usize,
    n_unserved: usize,
) {
    if let Some(progress) = budget.progress
        && inst.jobs.len() == inst.problem.orders().len()
    {
        let cost = cost * (1_u64 << inst.cost_shift) as f64 / 1e12;
        progress(Progress { cost, n_vehicles, n_unserved });
    }
}

/// The temperature of annealing over a span.
pub(crate) struct Schedule {
    hot: f64,
    cold: f64,
    now: f64,
    begun: Option<f64>,
    progress: Option<f64>,
}

impl Schedule {
    pub fn new(inst: &Instance<'_>, span: Span) -> Self {
        let is_short = span.iterations < SHORT * inst.jobs.len() as u64;
        let (reach, cold) = temperatures(inst);
        let hot = reach * if is_short && span.progress.is_none() { WARM } else { HOT };
        Self { hot, cold, now: hot, begun: None, progress: span.progress }
    }

    /// The same, hotter at first and at last by these factors.
    pub fn hotter(self, first: f64, last: f64) -> Self {
        let hot = self.hot * first;
        Self { hot, cold: self.cold * last, now: hot, ..self }
    }

    /// The same for costs counted in other units, of which a unit of the instance has so many.
    pub fn in_units(self, units: f64) -> Self {
        let hot = self.hot * units;
        Self { hot, cold: self.cold * units, now: hot, ..self }
    }

    /// Sets the temperature for a share of the budget that is used.
    pub fn cool(&mut self, done: f64) {
        let begun = *self.begun.get_or_insert(done);
        let done = self.progress.unwrap_or((done - begun) / (1.0 - begun).max(1e-9));
        self.now = self.hot * (self.cold / self.hot).powf(done);
    }

    /// The cost below which a plan is taken after one that costs `before`.
    pub fn limit(&self, before: i64, dice: &mut Dice) -> f64 {
        before as f64 - self.now * dice.unit().max(1e-300).ln()
    }
}

/// Share of the budget used, or `None` when it has ended.
pub(crate) fn progress(budget: &Budget<'_>, iterations: u64, done: u64) -> Option<f64> {
    if budget.cancel.is_some_and(|c| c.load(Ordering::Relaxed)) || done >= iterations {
        return None;
    }
    let by_count = if iterations == u64::MAX { 0.0 } else { done as f64 / iterations as f64 };
    let by_clock = budget.clock_progress();
    let used = by_count.max(by_clock);
    (used < 1.0).then_some(used)
}

/// What it costs to drive from the start of a route to a job, on average, and the last temperature.
pub(crate) fn temperatures(inst: &Instance<'_>) -> (f64, f64) {
    let Some(veh) = inst.vehs.first() else { return (1.0, 1.0) };
    let start = inst.nodes[veh.start as usize].loc;
    let (mut sum, mut n) = (0.0, 0.0);
    for job in &inst.jobs {
        let (t, d) = inst.leg(veh.profile, start, inst.nodes[job.first as usize].loc);
        if d < CLOSED && t < CLOSED {
            sum += (i64::from(d) * veh.cost_per_mm + i64::from(t) * veh.cost_per_ms) as f64;
            n += 1.0;
        }
    }
    let reach = if n > 0.0 { (sum / n).max(1.0) } else { 1.0 };
    (reach, reach * COLD)
}

/// The best plan so far, copied route by route as they change.
pub(crate) struct Best {
    cost: i64,
    seqs: Vec<Vec<u32>>,
    begins: Vec<Vec<i32>>,
    absent: Vec<u32>,
}

impl Best {
    pub fn new(state: &mut State<'_, '_>) -> Self {
        let seqs = state.routes.iter().map(|r| r.seq.clone()).collect();
        state.is_newer.fill(false);
        let begins = state.routes.iter().map(|r| r.begins.clone()).collect();
        Self { cost: state.cost, seqs, begins, absent: state.absent.clone() }
    }

    /// Reports the best plan.
    fn tell(&self, state: &State<'_, '_>, budget: &Budget<'_>) {
        let absent = self.absent.iter().map(|j| state.inst.jobs[*j as usize].absent_cost);
        let routes = self.cost - absent.sum::<i64>();
        let n_used = self.seqs.iter().filter(|s| s.len() > 2).count();
        tell(state.inst, budget, routes as f64, n_used, self.absent.len());
    }

    pub fn keep(&mut self, state: &mut State<'_, '_>) {
        self.cost = state.cost;
        self.absent.clone_from(&state.absent);
        for (v, is_newer) in state.is_newer.iter_mut().enumerate() {
            if std::mem::take(is_newer) {
                self.seqs[v].clone_from(&state.routes[v].seq);
                self.begins[v].clone_from(&state.routes[v].begins);
            }
        }
    }

    pub fn restore(&self, state: &mut State<'_, '_>) {
        state.restore(&self.seqs, &self.begins, self.absent.clone(), self.cost);
    }
}

/// One step: takes strings of stops near the job `seed` out and puts them, and some of the absent
/// jobs, back in. `jobs` is room for them.
pub(crate) fn ruin_and_recreate(
    state: &mut State<'_, '_>,
    near: &Near,
    seed: u32,
    jobs: &mut Vec<u32>,
    dice: &mut Dice,
) {
    ruin(state, near, seed, jobs, dice);
    retry_absent(state, jobs, dice);
    sort_jobs(state.inst, jobs, dice);
    recreate(state, near, jobs, Style { blink: BLINK, ..Style::SURE }, dice);
}

/// Removes strings of stops from routes near a job.
fn ruin(
    state: &mut State<'_, '_>,
    near: &Near,
    seed: u32,
    removed: &mut Vec<u32>,
    dice: &mut Dice,
) {
    let inst = state.inst;
    removed.clear();
    let n_used = state.n_used.max(1);
    let n_present = inst.jobs.len() - state.absent.len();
    let length_mean = (n_present / n_used).max(1);
    let string_max = STRING_MAX.min(length_mean) as f64;
    let n_strings_max = (4.0 * REMOVED_MEAN as f64 / (1.0 + string_max) - 1.0).max(1.0);
    let n_strings = (dice.unit() * n_strings_max + 1.0) as usize;
    let mut ruined: Vec<u32> = Vec::with_capacity(n_strings);
    for &job in near.jobs(seed) {
        if ruined.len() >= n_strings {
            break;
        }
        let entry = &inst.jobs[job as usize];
        let node =
            if entry.second != NONE && dice.below(2) == 1 { entry.second } else { entry.first };
        let at = state.hot[node as usize];
        if at.route == NONE || entry.is_committed || ruined.contains(&at.route) {
            continue;
        }
        ruined.push(at.route);
        let seq = &state.routes[at.route as usize].seq;
        let n_tasks = seq.len() - 2 - state.n_frozen(at.route);
        let longest = string_max.min(n_tasks as f64);
        let length = (dice.unit() * longest + 1.0) as usize;
        remove_string(state, at.route, at.pos as usize, length.min(n_tasks), removed, dice);
    }
}

/// Removes a string of `length` stops around position `pos`, sometimes keeping some inside it.
fn remove_string(
    state: &mut State<'_, '_>,
    v: u32,
    pos: usize,
    length: usize,
    removed: &mut Vec<u32>,
    dice: &mut Dice,
) {
    let inst = state.inst;
    let n_frozen = state.n_frozen(v);
    let seq = &state.routes[v as usize].seq;
    let (low, high) = (1 + n_frozen, seq.len() - 1);
    let mut n_kept = 0;
    let room = (high - low) - length;
    if length > 1 && room > 0 && dice.unit() < SPLIT {
        n_kept = 1;
        while n_kept < room && dice.unit() > SPLIT_GROW {
            n_kept += 1;
        }
    }
    let span = length + n_kept;
    let first_min = (pos + 1).saturating_sub(span).max(low);
    let first_max = pos.min(high - span);
    let first = first_min + dice.below(first_max - first_min + 1);
    let kept_at = if n_kept > 0 { first + dice.below(length + 1) } else { usize::MAX };
    let from = removed.len();
    for (at, &id) in seq.iter().enumerate().skip(first).take(span) {
        if n_kept > 0 && at >= kept_at && at < kept_at + n_kept {
            continue;
        }
        let job = inst.nodes[id as usize].job;
        if job != NONE && !inst.jobs[job as usize].is_committed && !removed[from..].contains(&job) {
            removed.push(job);
        }
    }
    take_out(state, v, removed, from);
}

/// Takes jobs `removed[from..]` out of route `v`, with helper stops that are then of no use.
pub(crate) fn take_out(state: &mut State<'_, '_>, v: u32, removed: &mut Vec<u32>, from: usize) {
    let inst = state.inst;
    let n_frozen = state.n_frozen(v);
    let mut seq = std::mem::take(&mut state.scratch);
    seq.clear();
    for (pos, &id) in state.routes[v as usize].seq.iter().enumerate() {
        let node = &inst.nodes[id as usize];
        let is_gone = pos > n_frozen
            && (node.kind == Kind::Charge
                || (node.job != NONE && removed[from..].contains(&node.job)));
        if !is_gone {
            seq.push(id);
        }
    }
    let has_helper =
        seq[n_frozen + 1..].iter().any(|&id| inst.nodes[id as usize].kind == Kind::Reload);
    if has_helper {
        drop_reloads(state, v, &mut seq);
    }
    if !state.replace(v, &seq) && !keep_charges(state, v, &seq, &removed[from..]) {
        match state.charged(v, &seq, i64::MAX) {
            Some(charged) if state.replace(v, &charged) => {}
            _ => strip(state, v, removed, from),
        }
    }
    for &job in &removed[from..] {
        state.pay_absence(job);
    }
    state.scratch = seq;
}

/// Leaves the charging stops of a route where they are, in most cases, and reduces it to the rest of
/// `seq`; false if that does not run, or new places for them are to be looked for.
fn keep_charges(state: &mut State<'_, '_>, v: u32, seq: &[u32], removed: &[u32]) -> bool {
    // The length of the route in mm stands for a lot.
    let looks_anew = state.routes[v as usize].totals.distance % CHARGES_ANEW == 0;
    if looks_anew || state.inst.rich.is_on || state.inst.vehs[v as usize].range.is_none() {
        return false;
    }
    let is_left = |id: &&u32| {
        let node = &state.inst.nodes[**id as usize];
        match node.kind {
            Kind::Charge => true,
            Kind::Reload => seq.contains(id),
            _ => node.job == NONE || !removed.contains(&node.job),
        }
    };
    let kept: Vec<u32> = state.routes[v as usize].seq.iter().filter(is_left).copied().collect();
    state.replace(v, &kept)
}

/// Drops depot visits that the remaining stops do not need.
fn drop_reloads(state: &mut State<'_, '_>, v: u32, seq: &mut Vec<u32>) {
    let n_frozen = state.n_frozen(v);
    let mut pos = n_frozen + 1;
    while pos + 1 < seq.len() {
        let id = seq[pos];
        if state.inst.nodes[id as usize].kind == Kind::Reload {
            seq.remove(pos);
            if !matches!(state.try_seq(v, seq), Ok(_) | Err(crate::route::Broken::Energy)) {
                seq.insert(pos, id);
                pos += 1;
            }
        } else {
            pos += 1;
        }
    }
}

/// Empties a route of all that is not committed: the way out when taking stops off breaks it.
fn strip(state: &mut State<'_, '_>, v: u32, removed: &mut Vec<u32>, from: usize) {
    let inst = state.inst;
    let n_frozen = state.n_frozen(v);
    let route = &state.routes[v as usize].seq;
    for &id in &route[n_frozen + 1..route.len() - 1] {
        let job = inst.nodes[id as usize].job;
        if job != NONE && !inst.jobs[job as usize].is_committed && !removed[from..].contains(&job) {
            removed.push(job);
        }
    }
    let mut bare = route[..=n_frozen].to_vec();
    bare.push(route[route.len() - 1]);
    let is_good = state.replace(v, &bare);
    debug_assert!(is_good, "the committed tasks alone always run");
}

/// Adds some of the absent jobs to those to be inserted.
fn retry_absent(state: &mut State<'_, '_>, jobs: &mut Vec<u32>, dice: &mut Dice) {
    for _ in 0..RETRY_MAX.min(state.absent.len()) {
        let at = if state.absent.len() > RETRY_MAX { dice.below(state.absent.len()) } else { 0 };
        jobs.push(state.absent.swap_remove(at));
    }
}

/// One of the orders in which jobs are put back, drawn by weight.
pub(crate) fn sort_jobs(inst: &Instance<'_>, jobs: &mut [u32], dice: &mut Dice) {
    for i in (1..jobs.len()).rev() {
        jobs.swap(i, dice.below(i + 1));
    }
    let node = |j: u32| &inst.nodes[inst.jobs[j as usize].first as usize];
    let depot = inst.vehs.first().map_or(0, |v| inst.nodes[v.start as usize].loc);
    let far = |j: u32| inst.leg(0, depot, node(j).loc).1;
    match dice.below(17) {
        0..=3 => {}
        4..=7 => jobs.sort_by_key(|&j| -i64::from(node(j).load[0])),
        8..=9 => jobs.sort_by_key(|&j| -far(j)),
        10 => jobs.sort_by_key(|&j| far(j)),
        11..=12 => jobs.sort_by_key(|&j| node(j).close - node(j).open),
        13..=14 => jobs.sort_by_key(|&j| node(j).open),
        _ => jobs.sort_by_key(|&j| -node(j).close),
    }
}
