//! Greedy insertion of absent jobs at their cheapest places, with blinks (Christiaens and Vanden
//! Berghe 2020, section 4.2), over neighbouring positions only.

use rv_base::Rng;
use rv_model::dispatch::MAX_LOAD_DIMS;

use crate::instance::{Instance, Kind, NONE};
use crate::near::Near;
use crate::route::Broken;
use crate::simple::Trial;
use crate::state::{Place, State};

/// Whole-route trials (reloads, charging, intricate routes) spent on one job at most.
const TRIALS_MAX: u32 = 24;

/// The same where every position is judged by a whole run.
const RICH_TRIALS_MAX: u32 = 48;

/// In the midst of a search over simple routes, a job without a place next to its neighbours is
/// tried everywhere once in so many cases.
const EVERYWHERE: usize = 8;

/// How positions are tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// A position is skipped with this probability, in 1/65536.
    pub blink: u32,
    /// Before an empty vehicle is taken, all places of all routes are tried.
    pub is_thrifty: bool,
}

impl Style {
    /// No position is skipped.
    pub const SURE: Self = Self { blink: 0, is_thrifty: false };
}

/// A cheap generator for blinks, seeded from the run's stream.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
    /// Positions until the next blink, and the probability that this was drawn for.
    until_blink: u32,
    blink: u32,
}

impl Dice {
    pub fn new(rng: &mut Rng) -> Self {
        Self { state: rng.next_u64() | 1, until_blink: 0, blink: 0 }
    }

    /// Dice for what never rolls them.
    pub fn still() -> Self {
        Self { state: 1, until_blink: 0, blink: 0 }
    }

    /// Uniform over `u64` but for zero (Marsaglia 2003, xorshift).
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    #[inline]
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Whether to skip a position: the gap between two blinks is drawn, which is the same as a lot
    /// for every position.
    #[inline]
    pub fn blinks_at(&mut self, blink: u32) -> bool {
        self.blinks(Style { blink, ..Style::SURE })
    }

    #[inline]
    fn blinks(&mut self, style: Style) -> bool {
        if style.blink == 0 {
            return false;
        }
        if self.until_blink > 0 && self.blink == style.blink {
            self.until_blink -= 1;
            return false;
        }
        let is_first = self.blink != style.blink;
        self.blink = style.blink;
        let share = f64::from(style.blink) / 65_536.0;
        self.until_blink = ((1.0 - self.unit()).ln() / (1.0 - share).ln()).min(1e9) as u32;
        !is_first
    }
}

/// The best place found so far for one job.
struct Search {
    job: u32,
    best: i64,
    place: Option<Place>,
    trials: u32,
    /// Places that a whole run has to judge.
    later: Vec<Later>,
}

/// A place that a whole run has to judge, with what it costs at least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Later {
    cost_min: i64,
    /// The node before.
    p: u32,
    reload: Option<(Side, u32)>,
}

/// On which side of the job a depot is visited.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Before,
    Behind,
}

/// Inserts jobs in the given order; those without a place go to the absent list.
pub(crate) fn recreate(
    state: &mut State<'_, '_>,
    near: &Near,
    jobs: &[u32],
    style: Style,
    dice: &mut Dice,
) {
    for &job in jobs {
        if !insert_best(state, near, job, style, dice) {
            state.absent.push(job);
        }
    }
}

/// Inserts one absent job at its cheapest place; false if there is none that is worth it.
pub(crate) fn insert_best(
    state: &mut State<'_, '_>,
    near: &Near,
    job: u32,
    style: Style,
    dice: &mut Dice,
) -> bool {
    let found = best_place(state, near, job, style, dice);
    found.is_some_and(|(place, _)| state.insert(job, &place))
}

/// The cheapest place of an absent job and what it adds to the cost of the routes.
pub(crate) fn best_place(
    state: &mut State<'_, '_>,
    near: &Near,
    job: u32,
    style: Style,
    dice: &mut Dice,
) -> Option<(Place, i64)> {
    let limit = state.absence_cost(job);
    best_place_below(state, near, job, limit, style, dice)
}

/// The cheapest place of an absent job even if leaving it out is cheaper.
pub(crate) fn best_place_at_any_cost(
    state: &mut State<'_, '_>,
    near: &Near,
    job: u32,
    dice: &mut Dice,
) -> Option<(Place, i64)> {
    best_place_below(state, near, job, i64::MAX / 4, Style::SURE, dice)
}

fn best_place_below(
    state: &mut State<'_, '_>,
    near: &Near,
    job: u32,
    limit: i64,
    style: Style,
    dice: &mut Dice,
) -> Option<(Place, i64)> {
    let inst = state.inst;
    let entry = &inst.jobs[job as usize];
    let mut search = Search { job, best: limit, place: None, trials: 0, later: Vec::new() };
    let node = entry.first;
    if inst.is_simple {
        simple_places(state, near, &mut search, style, dice);
    } else if entry.only == NONE {
        for &p in near.preds(node) {
            if state.hot[p as usize].route != NONE && !dice.blinks(style) {
                consider(state, &mut search, p);
            }
        }
        for &s in near.succs(node) {
            let at = state.hot[s as usize];
            if at.route != NONE && !dice.blinks(style) {
                consider(state, &mut search, at.prev);
            }
        }
        for class in 0..state.empties.len() {
            if let Some(&v) = state.empties[class].last() {
                consider_empty(state, &mut search, v);
            }
        }
    }
    settle(state, &mut search);
    let is_passed_over = inst.is_simple && style.blink > 0 && dice.below(EVERYWHERE) > 0;
    let is_opening =
        style.is_thrifty && search.place.as_ref().is_some_and(|p| state.is_empty(p.route(state)));
    if search.place.is_none() && !is_passed_over || is_opening {
        everywhere(state, &mut search);
        settle(state, &mut search);
    }
    search.place.map(|place| (place, search.best))
}

/// Positions next to the job's good neighbours, and one empty route of each class.
fn simple_places(
    state: &mut State<'_, '_>,
    near: &Near,
    search: &mut Search,
    style: Style,
    dice: &mut Dice,
) {
    let entry = &state.inst.jobs[search.job as usize];
    let node = entry.first;
    let mut trial = Trial::new(state, entry, search.best);
    for &p in near.preds(node) {
        if state.hot[p as usize].route != NONE && !dice.blinks(style) {
            trial.after(state, p);
        }
    }
    for &s in near.succs(node) {
        let at = &state.hot[s as usize];
        if at.route != NONE && !dice.blinks(style) {
            trial.after(state, at.prev);
        }
    }
    for class in 0..state.empties.len() {
        if let Some(&v) = state.empties[class].last() {
            trial.empty(state, v);
        }
    }
    (search.best, search.place) = (trial.best, trial.place());
}

/// Every position of every route: for what the neighbour lists do not reach.
fn everywhere(state: &mut State<'_, '_>, search: &mut Search) {
    let entry = &state.inst.jobs[search.job as usize];
    if state.inst.is_simple {
        let mut trial = Trial::new(state, entry, search.best);
        for route in state.routes.iter().filter(|r| r.seq.len() > 2) {
            for &p in &route.seq[..route.seq.len() - 1] {
                trial.after(state, p);
            }
        }
        (search.best, search.place) = (trial.best, trial.place());
        return;
    }
    let only = entry.only;
    for v in 0..state.routes.len() as u32 {
        if only != NONE && only != v {
            continue;
        }
        if state.hot[state.inst.vehs[v as usize].start as usize].route == NONE {
            continue; // What it has committed does not run: nothing can be added to it.
        }
        if state.is_empty(v) {
            let class = state.inst.vehs[v as usize].class as usize;
            if state.empties[class].last() == Some(&v) {
                consider_empty(state, search, v);
            }
            continue;
        }
        let first = state.n_frozen(v);
        for pos in first..state.routes[v as usize].seq.len() - 1 {
            let p = state.routes[v as usize].seq[pos];
            consider(state, search, p);
        }
    }
}

fn consider_empty(state: &mut State<'_, '_>, search: &mut Search, v: u32) {
    let start = state.inst.vehs[v as usize].start;
    consider(state, search, start);
}

/// Judges the job's (first) node right after node `p`.
#[inline]
fn consider(state: &mut State<'_, '_>, search: &mut Search, p: u32) {
    let inst = state.inst;
    let entry = &inst.jobs[search.job as usize];
    let at = state.hot[p as usize];
    let v = at.route;
    if !inst.is_allowed(entry, v) || (at.pos as usize) < state.n_frozen(v) {
        return;
    }
    if entry.second != NONE {
        consider_pair(state, search, p);
        return;
    }
    consider_one(state, search, p);
    let is_on_board = inst.nodes[entry.first as usize].kind == Kind::OnBoard;
    if inst.rich.is_on && inst.vehs[v as usize].reloads_max > 0 && !is_on_board {
        // Another depot may have what this one lacks, or be the one that was told.
        consider_reload(state, search, p);
    }
}

/// Judges the only node of a job right after node `p`.
#[inline]
fn consider_one(state: &mut State<'_, '_>, search: &mut Search, p: u32) {
    let inst = state.inst;
    let entry = &inst.jobs[search.job as usize];
    let at = state.hot[p as usize];
    let v = at.route;
    let veh = &inst.vehs[v as usize];
    let u = &inst.nodes[entry.first as usize];
    // All legs of the job lie in two rows of the table.
    let ([t1, d1], [t2, d2]) = if veh.profile == 0 {
        (inst.row_to(u.loc)[at.loc as usize], inst.row_from(u.loc)[at.next_loc as usize])
    } else {
        let leg = |from, to| <[i32; 2]>::from(inst.leg(veh.profile, from, to));
        (leg(at.loc, u.loc), leg(u.loc, at.next_loc))
    };
    let is_free_when_empty = state.is_empty(v) && !veh.starts_on_road;
    let (t0, d0) = if is_free_when_empty { (0, 0) } else { (at.t_next, at.d_next) };
    let delta_d = i64::from(d1) + i64::from(d2) - i64::from(d0);
    let mut delta = delta_d * veh.cost_per_mm;
    if veh.cost_per_ms > 0 {
        let spent = i64::from(t1) + i64::from(t2) - i64::from(t0) + i64::from(u.service);
        delta += spent * veh.cost_per_ms;
    }
    if state.is_empty(v) {
        delta += veh.cost_fixed;
    }
    if delta >= search.best {
        return;
    }
    // Time: the common reason to say no.
    let Some(begin) = inst.begin(u, at.leave.saturating_add(t1)) else { return };
    if (begin + u.service).saturating_add(t2) > at.next_late {
        return;
    }
    let fits = match u.kind {
        Kind::OnBoard => at.trip == 0,
        Kind::Delivery if at.trip == 0 && veh.starts_on_road => false,
        Kind::Delivery => fits(inst, &state.peaks[p as usize].before, &u.load, &veh.capacity),
        _ => fits(inst, &state.peaks[p as usize].after, &u.load, &veh.capacity),
    };
    let route = &state.routes[v as usize];
    if !fits {
        if veh.reloads_max > 0 && u.kind != Kind::OnBoard {
            consider_reload(state, search, p);
        }
        return;
    }
    if route.totals.distance + delta_d > veh.distance_max {
        return;
    }
    let is_late_release = u.release > veh.shift_start.min(at.leave);
    let needs_charge = veh.range.is_some_and(|range| {
        let extra = inst.energy(veh.profile, at.loc, u.loc)
            + inst.energy(veh.profile, u.loc, at.next_loc)
            - inst.energy(veh.profile, at.loc, at.next_loc);
        let base = if is_free_when_empty {
            inst.energy(veh.profile, at.loc, at.next_loc)
        } else {
            route.totals.energy
        };
        base + extra > range.start_mwh - range.floor_mwh
    });
    if route.is_intricate || is_late_release || needs_charge {
        if !inst.rich.is_on {
            search.later.push(Later { cost_min: delta, p, reload: None });
            return;
        }
        let mut seq = route.seq.clone();
        seq.insert(at.pos as usize + 1, entry.first);
        consider_whole(state, search, v, seq);
        return;
    }
    search.best = delta;
    search.place = Some(Place::After(p));
}

#[inline]
fn fits(inst: &Instance<'_>, peak: &[i32], load: &[i32], capacity: &[i32]) -> bool {
    (0..inst.n_dims.min(MAX_LOAD_DIMS)).all(|d| peak[d] + load[d] <= capacity[d])
}

/// Tries a whole sequence, with charging stops if it needs them.
fn consider_whole(state: &mut State<'_, '_>, search: &mut Search, v: u32, seq: Vec<u32>) {
    let most = if state.inst.rich.is_on { RICH_TRIALS_MAX } else { TRIALS_MAX };
    if search.trials >= most {
        return;
    }
    search.trials += 1;
    let before = state.routes[v as usize].totals.cost;
    let (cost, seq) = match state.try_seq(v, &seq) {
        Ok(totals) => (totals.cost, seq),
        Err(Broken::Energy) => {
            search.trials += 2;
            let Some(charged) = state.charged(v, &seq, before.saturating_add(search.best)) else {
                return;
            };
            let Ok(totals) = state.try_seq(v, &charged) else { return };
            (totals.cost, charged)
        }
        Err(_) => return,
    };
    if cost - before < search.best {
        search.best = cost - before;
        search.place = Some(Place::Whole(v, seq));
    }
}

/// Judges the job after `p` with a depot visit before or behind it.
fn consider_reload(state: &mut State<'_, '_>, search: &mut Search, p: u32) {
    let inst = state.inst;
    let at = state.hot[p as usize];
    let veh = &inst.vehs[at.route as usize];
    let node = inst.jobs[search.job as usize].first;
    let u = &inst.nodes[node as usize];
    if state.hot[veh.end as usize].trip >= veh.reloads_max {
        return;
    }
    let next = inst.nodes[at.next as usize].loc;
    for (idx, block) in veh.reload_nodes.iter().enumerate() {
        let Some(&helper) = block.first() else { continue };
        let depot = inst.nodes[helper as usize].loc;
        let leg = |a, b| i64::from(inst.leg(veh.profile, a, b).1);
        let (before, direct) = (at.loc, leg(at.loc, next));
        let sides = [
            (Side::Before, leg(before, depot) + leg(depot, u.loc) + leg(u.loc, next) - direct),
            (Side::Behind, leg(before, u.loc) + leg(u.loc, depot) + leg(depot, next) - direct),
        ];
        for (side, extra_mm) in sides {
            let cost_min = extra_mm * veh.cost_per_mm;
            let is_in_time = inst.rich.is_on || leaves_time(state, p, node, helper, side);
            if cost_min >= search.best || !is_in_time {
                continue;
            }
            let later = Later { cost_min, p, reload: Some((side, idx as u32)) };
            if inst.rich.is_on {
                judge(state, search, later);
            } else {
                search.later.push(later);
            }
        }
    }
}

/// Whether the rest of a route can be in time after the job and a depot visit behind `p`.
fn leaves_time(state: &State<'_, '_>, p: u32, node: u32, helper: u32, side: Side) -> bool {
    let inst = state.inst;
    let at = state.hot[p as usize];
    let next = state.hot[at.next as usize];
    let profile = inst.vehs[at.route as usize].profile;
    let (mut loc, mut leave) = (at.loc, at.leave);
    let order = match side {
        Side::Before => [helper, node],
        Side::Behind => [node, helper],
    };
    for id in order {
        let stop = &inst.nodes[id as usize];
        let arrive = leave.saturating_add(inst.leg(profile, loc, stop.loc).0);
        let Some(begin) = inst.begin(stop, arrive) else { return false };
        (loc, leave) = (stop.loc, begin + stop.service);
    }
    leave.saturating_add(inst.leg(profile, loc, next.loc).0) <= next.late
}

/// Judges what was put off, the cheapest first: without costs of time the first that runs is the
/// best.
fn settle(state: &mut State<'_, '_>, search: &mut Search) {
    let mut later = std::mem::take(&mut search.later);
    later.sort_unstable();
    for &place in &later {
        if place.cost_min >= search.best {
            break;
        }
        judge(state, search, place);
    }
    later.clear();
    search.later = later;
}

/// Runs the route with the job at a place.
fn judge(state: &mut State<'_, '_>, search: &mut Search, place: Later) {
    let inst = state.inst;
    let at = state.hot[place.p as usize];
    let seq = &state.routes[at.route as usize].seq;
    let node = inst.jobs[search.job as usize].first;
    let mut trial = Vec::with_capacity(seq.len() + 4);
    trial.extend_from_slice(&seq[..=at.pos as usize]);
    if let Some((side, block)) = place.reload {
        let veh = &inst.vehs[at.route as usize];
        if state.n_reloads(seq) >= veh.reloads_max as usize {
            return;
        }
        let block = &veh.reload_nodes[block as usize];
        let Some(helper) = state.free_helper(block, seq) else { return };
        trial.extend(match side {
            Side::Before => [helper, node],
            Side::Behind => [node, helper],
        });
    } else {
        trial.push(node);
    }
    trial.extend_from_slice(&seq[at.pos as usize + 1..]);
    consider_whole(state, search, at.route, trial);
}

/// Judges a transfer with its pickup right after `p`, over all places of its dropoff.
fn consider_pair(state: &mut State<'_, '_>, search: &mut Search, p: u32) {
    let inst = state.inst;
    let entry = &inst.jobs[search.job as usize];
    let at = state.hot[p as usize];
    let v = at.route;
    let veh = &inst.vehs[v as usize];
    let (a, b) = (&inst.nodes[entry.first as usize], &inst.nodes[entry.second as usize]);
    let is_free_when_empty = state.is_empty(v) && !veh.starts_on_road;
    let leg = |from, to| inst.leg(veh.profile, from, to);
    let (to_a, d_to_a) = leg(at.loc, a.loc);
    let Some(begin) = inst.begin(a, at.leave.saturating_add(to_a)) else { return };
    if !fits(inst, &state.loads[p as usize], &a.load, &veh.capacity) {
        return;
    }
    let extra = |t: i64, d: i64| d * veh.cost_per_mm + t * veh.cost_per_ms;
    let fixed = if state.is_empty(v) { veh.cost_fixed } else { 0 };
    let fixed = fixed + extra(i64::from(a.service) + i64::from(b.service), 0);
    let next = state.hot[at.next as usize];
    let (t0, d0) = if is_free_when_empty { (0, 0) } else { leg(at.loc, next.loc) };
    // The dropoff right behind the pickup.
    let (t_ab, d_ab) = leg(a.loc, b.loc);
    let (t_bn, d_bn) = leg(b.loc, next.loc);
    let whole = i64::from(d_to_a) + i64::from(d_ab) + i64::from(d_bn) - i64::from(d0);
    let spent = i64::from(to_a) + i64::from(t_ab) + i64::from(t_bn) - i64::from(t0);
    let delta = fixed + extra(spent, whole);
    let leave_a = begin + a.service;
    if delta < search.best
        && let Some(begin_b) = inst.begin(b, leave_a.saturating_add(t_ab))
        && (begin_b + b.service).saturating_add(t_bn) <= next.late
    {
        offer_pair(state, search, p, entry.first, delta, whole);
    }
    // Further down the route.
    let (t_an, d_an) = leg(a.loc, next.loc);
    let first = i64::from(d_to_a) + i64::from(d_an) - i64::from(d0);
    let first_spent = i64::from(to_a) + i64::from(t_an) - i64::from(t0);
    let base = fixed + extra(first_spent, first);
    let mut arrive = leave_a.saturating_add(t_an);
    let mut id = at.next;
    while base < search.best && inst.nodes[id as usize].kind != Kind::End {
        let (node, here) = (&inst.nodes[id as usize], state.hot[id as usize]);
        if arrive > here.late || node.kind == Kind::Reload {
            return;
        }
        if !fits(inst, &state.loads[id as usize], &a.load, &veh.capacity) {
            return;
        }
        let Some(begin) = inst.begin(node, arrive) else { return };
        let leave = begin + node.service;
        let next = state.hot[here.next as usize];
        let ((t1, d1), (t2, d2), (t3, d3)) =
            (leg(here.loc, b.loc), leg(b.loc, next.loc), leg(here.loc, next.loc));
        let second = i64::from(d1) + i64::from(d2) - i64::from(d3);
        let spent = i64::from(t1) + i64::from(t2) - i64::from(t3);
        let delta = base + extra(spent, second);
        if delta < search.best
            && let Some(begin_b) = inst.begin(b, leave.saturating_add(t1))
            && (begin_b + b.service).saturating_add(t2) <= next.late
        {
            offer_pair(state, search, p, id, delta, first + second);
        }
        arrive = leave.saturating_add(t3);
        id = here.next;
    }
}

/// Takes a pair of positions if nothing beyond time and load speaks against it.
fn offer_pair(
    state: &mut State<'_, '_>,
    search: &mut Search,
    p: u32,
    q: u32,
    delta: i64,
    extra_mm: i64,
) {
    let inst = state.inst;
    let at = state.hot[p as usize];
    let veh = &inst.vehs[at.route as usize];
    let route = &state.routes[at.route as usize];
    if !route.is_intricate && veh.range.is_none() {
        if route.totals.distance + extra_mm <= veh.distance_max {
            search.best = delta;
            search.place = Some(Place::Both(p, q));
        }
        return;
    }
    let entry = &inst.jobs[search.job as usize];
    let mut seq = route.seq.clone();
    let first = at.pos as usize + 1;
    seq.insert(first, entry.first);
    let second = if q == entry.first { first + 1 } else { state.hot[q as usize].pos as usize + 2 };
    seq.insert(second, entry.second);
    consider_whole(state, search, at.route, seq);
}
