//! The solver's front: small problems in one piece, large ones in parts.

use rv_base::Rng;
use rv_model::dispatch::{OrderKind, Plan, Problem, Route, Unassigned};

use crate::construct::{construct, construct_thriftily};
use crate::decompose::{Part, Points, parts_of_routes, with_vehicles};
use crate::explain::explain_absent;
use crate::fleet::reduce;
use crate::instance::{Instance, NONE, Scope, compile};
use crate::near::Near;
use crate::parts::shares;
use crate::recreate::Dice;
use crate::rich::Share;
use crate::rounds::{VAST_PART_STOPS, solve_in_rounds};
use crate::search::{Effort, Span, anneal, progress};
use crate::state::State;
use crate::{Budget, Weights, exact, output, volt, warp};

/// Positions tried next to so many good predecessors, and as many successors: a stop alone, and a
/// pickup with its dropoff, which has fewer places.
const N_NEAR: usize = 40;
const N_NEAR_PAIR: usize = 100;
/// The first for a small part with more to a route than windows, where each position takes longer.
const N_NEAR_SMALL: usize = 30;
/// Jobs near a seed that strings may be taken from.
const N_JOBS_NEAR: usize = 160;
/// Share of the budget that may go into fewer vehicles before the cost counts.
const FLEET_SHARE: f64 = 0.5;
/// The same above so many orders, where vehicles take longer to save.
const FLEET_SHARE_MOST: f64 = 0.65;
const FLEET_FEW_JOBS: usize = 300;
/// Stops of a route, on average, up to which ejection is tried: its effort grows with their square.
const EJECTION_ROUTE_STOPS: usize = 30;

/// What a plan is judged by, after the orders that it leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// Money: fixed costs, distance, time.
    Cost,
    /// As few vehicles as can be found, then money.
    VehiclesFirst,
}

/// How to search.
#[derive(Clone, Debug)]
pub struct Params {
    /// What a plan is judged by.
    pub objective: Objective,
    /// What each kind of cost counts for.
    pub weights: Weights,
    /// Threads for problems that are cut into parts. It changes the time taken, not the plan.
    pub n_threads: usize,
    /// Stops of one part at most; problems up to this size are solved in one piece.
    pub part_stops_max: usize,
    /// Unassigned orders for which the least relaxation is searched.
    pub n_explained_max: usize,
}

impl Params {
    /// What suits most problems.
    pub fn standard() -> Self {
        Self {
            objective: Objective::Cost,
            weights: Weights::equal(),
            n_threads: 1,
            part_stops_max: 1500,
            n_explained_max: 1000,
        }
    }
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Ruin-and-recreate steps.
    pub iterations: u64,
    /// Steps that found a new best plan of their part.
    pub improvements: u64,
    /// Parts solved, over all rounds.
    pub n_parts: u64,
}

/// A plan and what it took to find it. Breaches of limits that committed tasks cause by themselves
/// are listed by [`check`](crate::check()).
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best plan found; always within all limits but those that committed tasks break.
    pub plan: Plan,
    /// What the search did.
    pub stats: Stats,
}

/// Plans all orders of a problem, starting from a plan if one is given, until the budget ends.
///
/// The same problem, parameters, seed and iteration budget give the same plan, on any number of
/// threads.
pub fn solve(
    problem: &Problem,
    warm: Option<&Plan>,
    params: &Params,
    budget: &Budget<'_>,
    rng: &mut Rng,
) -> Outcome {
    let n_stops = (0..problem.orders().len() as u32).map(|o| n_stops(problem, o)).sum::<usize>();
    let mut stats = Stats::default();
    let mut routes = if n_stops <= params.part_stops_max {
        let all = Part::all(problem);
        let iterations = budget.iterations.unwrap_or(u64::MAX);
        let span = Span { iterations, spent: 0, progress: None };
        let share = Share::all(problem);
        let (routes, effort) = solve_part(problem, &all, &share, warm, params, budget, span, rng);
        stats.add(effort);
        routes
    } else {
        let (routes, effort) = solve_in_rounds(problem, warm, params, budget, n_stops, rng);
        stats = effort;
        routes
    };
    routes.sort_by_key(|r| r.vehicle);
    // Who cancels does not wait for reasons.
    let n_explained_max = if budget.is_cancelled() { 0 } else { params.n_explained_max };
    let params = &Params { n_explained_max, ..params.clone() };
    let plan = finish(problem, Plan { routes, unassigned: Vec::new() }, params, rng);
    Outcome { plan, stats }
}

/// Says of each order that is left out what would let it in.
fn finish(problem: &Problem, mut plan: Plan, params: &Params, rng: &Rng) -> Plan {
    let out = left_out(problem, &plan);
    if out.is_empty() {
        return plan;
    }
    if params.n_explained_max == 0 {
        plan.unassigned = out.into_iter().map(Unassigned::silent).collect();
        return plan;
    }
    let (points, stops_max) = (Points::new(problem), params.part_stops_max);
    let mut cut = rng.fork("explain");
    let parts = parts_of_routes(problem, &points, &plan, stops_max, &mut cut);
    let parts = with_vehicles(problem, &points, parts);
    let shares = shares(problem, &points, &parts, &plan);
    let mut n_left = params.n_explained_max;
    let mut routes = Vec::new();
    for (idx, part) in parts.iter().enumerate() {
        if !part.orders.iter().any(|o| out.binary_search(o).is_ok()) {
            let is_here = |r: &&Route| part.vehicles.binary_search(&r.vehicle).is_ok();
            routes.extend(plan.routes.iter().filter(is_here).cloned());
            continue;
        }
        let scope = Scope { weights: &params.weights, share: &shares[idx] };
        let inst = compile(problem, &part.orders, &part.vehicles, &scope);
        let near = near_of(&inst);
        let mut state = State::new(&inst);
        state.adopt(&plan);
        let mut dice = Dice::new(&mut rng.fork("explain"));
        let is_other = |r: &&Route| part.vehicles.binary_search(&r.vehicle).is_err();
        let others: Vec<Route> = plan.routes.iter().filter(is_other).cloned().collect();
        let found = explain_absent(&mut state, &others, &near, &mut dice, n_left);
        n_left = n_left.saturating_sub(found.len());
        plan.unassigned.extend(found);
        routes.extend(output::routes(&state));
    }
    routes.sort_by_key(|r| r.vehicle);
    plan.unassigned.sort_by_key(|u| u.order);
    plan.routes = routes;
    plan
}

impl Stats {
    pub(crate) fn add(&mut self, effort: Effort) {
        self.iterations += effort.iterations;
        self.improvements += effort.improvements;
        self.n_parts += 1;
    }
}

pub(crate) fn n_stops(problem: &Problem, order: u32) -> usize {
    let order = &problem.orders()[order as usize];
    match order.kind {
        OrderKind::Transfer { .. } if order.on_board.is_none() => 2,
        _ => 1,
    }
}

/// Orders that no route serves.
pub(crate) fn left_out(problem: &Problem, plan: &Plan) -> Vec<u32> {
    let mut is_served = vec![false; problem.orders().len()];
    for route in &plan.routes {
        for task in route.tasks() {
            if let rv_model::dispatch::Task::Serve(order) = task {
                is_served[order as usize] = true;
            }
        }
    }
    (0..is_served.len() as u32).filter(|&o| !is_served[o as usize]).collect()
}

fn near_of(inst: &Instance<'_>) -> Near {
    let has_pairs = inst.jobs.iter().any(|j| j.second != NONE);
    // A part of a vast problem has fewer jobs, of which fewer are near each other.
    let is_small = !inst.is_simple && inst.jobs.len() <= VAST_PART_STOPS;
    let n_near = if is_small { N_NEAR_SMALL } else { N_NEAR };
    Near::new(inst, if has_pairs { N_NEAR_PAIR } else { n_near }, N_JOBS_NEAR)
}

/// First routes of a part of a large problem.
pub(crate) fn first_routes(
    problem: &Problem,
    part: &Part,
    share: &Share,
    params: &Params,
    rng: &Rng,
) -> Vec<Route> {
    let scope = Scope { weights: &params.weights, share };
    let inst = compile(problem, &part.orders, &part.vehicles, &scope);
    let mut state = State::new(&inst);
    let mut dice = Dice::new(&mut rng.fork("part"));
    construct_thriftily(&mut state, &near_of(&inst), &mut dice);
    output::routes(&state)
}

/// Solves some orders with some vehicles.
pub(crate) fn solve_part(
    problem: &Problem,
    part: &Part,
    share: &Share,
    warm: Option<&Plan>,
    params: &Params,
    budget: &Budget<'_>,
    mut span: Span,
    rng: &Rng,
) -> (Vec<Route>, Effort) {
    let scope = Scope { weights: &params.weights, share };
    let inst = compile(problem, &part.orders, &part.vehicles, &scope);
    let near = near_of(&inst);
    let mut rng = rng.fork("part");
    let mut state = State::new(&inst);
    if let Some(plan) = warm {
        state.adopt(plan);
    }
    construct(&mut state, &near, &mut Dice::new(&mut rng));
    if budget.iterations.is_none() && params.objective == Objective::Cost {
        // By the clock nothing would be left for it in the end.
        exact::finish(&mut state, budget, None);
    }
    let fleet_share = (params.objective == Objective::VehiclesFirst).then_some(FLEET_SHARE);
    if let Some(effort) = volt::improve(&mut state, &near, budget, span, fleet_share, &mut rng) {
        return (output::routes(&state), effort);
    }
    let mut effort = Effort::default();
    if params.objective == Objective::VehiclesFirst {
        effort = fewer_vehicles(&mut state, &near, budget, span, &mut rng);
        span.spent = effort.iterations;
    }
    if warp::fits(&state) {
        effort.add(warp::improve(&mut state, &near, budget, span, &mut rng));
    } else {
        effort.add(anneal(&mut state, &near, budget, span, &mut rng));
    }
    // Where fewer vehicles count first, there are not to be more of them again.
    let n_vehicles_max = fleet_share.map(|_| state.n_used);
    exact::finish(&mut state, budget, n_vehicles_max);
    (output::routes(&state), effort)
}

/// Seeks fewer vehicles by ejection, by leaving orders out on the way and by breaching limits on the
/// way, in turns while that helps, within its share of the budget.
fn fewer_vehicles(
    state: &mut State<'_, '_>,
    near: &Near,
    budget: &Budget<'_>,
    mut span: Span,
    rng: &mut Rng,
) -> Effort {
    let share =
        if state.inst.jobs.len() <= FLEET_FEW_JOBS { FLEET_SHARE } else { FLEET_SHARE_MOST };
    let mut effort = Effort::default();
    loop {
        let before = state.n_used;
        let is_short = state.inst.n_tasks <= EJECTION_ROUTE_STOPS * state.n_used;
        if is_short && warp::fits(state) {
            effort.add(warp::eject(state, near, budget, span, share, rng));
            span.spent = effort.iterations;
        }
        effort.add(reduce(state, near, budget, span, share, rng));
        span.spent = effort.iterations;
        if !warp::fits(state) {
            return effort;
        }
        effort.add(warp::reduce(state, near, budget, span, share, rng));
        span.spent = effort.iterations;
        let is_over =
            progress(budget, span.iterations, span.spent).is_none_or(|done| done >= share);
        if is_over || state.n_used >= before {
            return effort;
        }
    }
}
