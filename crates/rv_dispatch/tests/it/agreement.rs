//! The engine against brute force, with every kind of constraint switched on and off.

use rv_base::Rng;
use rv_dispatch::{Budget, Params, check, solve};
use rv_model::dispatch::{Plan, Problem, Route, Unassigned, Visit};

use crate::oracle::{self, Effort};
use crate::random::{Features, problem};
use crate::unexplained;

/// Search steps of the engine.
const BUDGET_ITERATIONS: u64 = 3_000;
/// What costs may differ by, in millionths of currency: the engine rounds each route.
const TOLERANCE: i64 = 2_000;

/// Kinds whose best begins depend on other routes: brute force leaves them to the judge.
fn settled(features: u32) -> u32 {
    let mut features = features;
    let begins_cost = Features::SOFT | Features::TOLD | Features::TIME_COSTS | Features::LIMITS;
    if features & Features::BAYS != 0 && features & Features::BATTERY != 0 {
        features &= !begins_cost;
    }
    if features & Features::LEVELS != 0 {
        features &= !Features::SOFT;
    }
    features
}

/// Steps of brute force for one problem; what needs more has an order less.
const STEPS_MAX: u64 = 60_000;
/// Problems of the test.
const SEEDS: u64 = 80;
/// Stops of a problem at most.
const STOPS_MAX: usize = 8;

/// Orders of a problem: the stops of all of them are at most [`STOPS_MAX`].
fn n_orders_of(features: u32, rng: &mut Rng) -> usize {
    let most = if features & Features::TRANSFERS != 0 { STOPS_MAX / 2 } else { STOPS_MAX };
    // Large ones more often: they are the rarest to be within the effort.
    1 + rng.below(most).max(rng.below(most))
}

fn plan_of(problem: &Problem, best: &oracle::Best) -> Plan {
    let mut plan = Plan::default();
    let mut is_in = vec![false; problem.orders().len()];
    for (v, found) in &best.routes {
        if found.tasks.is_empty() {
            continue;
        }
        let visits = found.tasks.iter().zip(&found.compartments).map(|(task, compartment)| {
            if let rv_model::dispatch::Task::Serve(o) = task {
                is_in[*o as usize] = true;
            }
            Visit { compartment: *compartment, ..Visit::untimed(*task) }
        });
        let visits = visits.collect();
        let depart_ms = found.begins.first().copied().unwrap_or(0);
        plan.routes.push(Route { vehicle: *v, depart_ms, end_ms: 0, distance_mm: 0, visits });
    }
    let out = is_in.iter().enumerate().filter(|(_, is_in)| !**is_in);
    plan.unassigned = out.map(|(o, _)| Unassigned::silent(o as u32)).collect();
    plan
}

/// What one seed came to.
struct Compared {
    n_orders: usize,
    kinds: u32,
    n_left_out: usize,
}

/// The largest problem of the seed that brute force can solve, solved by both; the error says what
/// differs.
fn compare(seed: u64, steps_max: u64) -> Result<Compared, String> {
    let mut rng = Rng::from_seed(seed);
    // Few kinds at a time half of the time, so that each is seen alone, too.
    let mut bits = rng.next_u64() as u32 % (1 << Features::N);
    if rng.chance(0.5) {
        bits &= rng.next_u64() as u32;
    }
    if rng.chance(0.3) {
        bits &= rng.next_u64() as u32;
    }
    let bits = settled(bits);
    let n_orders_max = n_orders_of(bits, &mut rng);
    let n_vehicles = 1 + rng.below(2);
    for n_orders in (1..=n_orders_max).rev() {
        let problem = problem(seed, n_orders, n_vehicles, Features(bits));
        let budget = Budget::iterations(BUDGET_ITERATIONS);
        let mut rng = Rng::from_seed(seed);
        let outcome = solve(&problem, None, &Params::standard(), &budget, &mut rng);
        let costs = check(&problem, &outcome.plan).costs;
        let cost_max = (costs.n_required_unassigned == 0).then(|| costs.total().0 + TOLERANCE);
        let Some(best) = oracle::solve(&problem, cost_max, &Effort::of(steps_max)) else {
            continue;
        };
        judge(&problem, &outcome.plan, &best)
            .map_err(|what| format!("seed {seed}, kinds {bits:#b}, {n_orders} orders: {what}"))?;
        let n_left_out = outcome.plan.unassigned.len();
        return Ok(Compared { n_orders, kinds: bits, n_left_out });
    }
    Ok(Compared { n_orders: 0, kinds: bits, n_left_out: 0 })
}

/// Holds a plan to the checker, to brute force and to what it says of orders left out.
fn judge(problem: &Problem, ours: &Plan, best: &oracle::Best) -> Result<(), String> {
    let report = check(problem, ours);
    if !report.violations.is_empty() {
        return Err(format!("{:?}", report.violations));
    }
    let got = (report.costs.n_required_unassigned, report.costs.total().0);
    let wanted = (best.n_required_out, best.cost);
    if got.0 != wanted.0 || (got.1 - wanted.1).abs() > TOLERANCE {
        let plan = plan_of(problem, best);
        let theirs_judged = check(problem, &plan);
        let tasks = |r: &Route| (r.vehicle, r.depart_ms, r.tasks().collect::<Vec<_>>());
        let own: Vec<_> = ours.routes.iter().map(tasks).collect();
        let theirs: Vec<_> = plan.routes.iter().map(tasks).collect();
        let judged = theirs_judged.violations;
        return Err(format!(
            "engine {got:?}, brute force {wanted:?}, judged {judged:?}\n {own:?}\n {theirs:?}"
        ));
    }
    match unexplained(problem, ours).pop() {
        Some(what) => Err(what),
        None => Ok(()),
    }
}

#[test]
fn the_engine_agrees_with_brute_force() {
    // More seeds: ROBOVAN_ORACLE_SEEDS=100000; more steps of brute force: ROBOVAN_ORACLE_STEPS.
    let var = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let n = var("ROBOVAN_ORACLE_SEEDS").unwrap_or(SEEDS);
    let first = var("ROBOVAN_ORACLE_FIRST").unwrap_or(0);
    let steps_max = var("ROBOVAN_ORACLE_STEPS").unwrap_or(STEPS_MAX);
    let mut wrong = Vec::new();
    let (mut by_size, mut by_kind) = ([0; STOPS_MAX + 1], [0; Features::N as usize]);
    let mut n_left_out = 0;
    for seed in first..first + n {
        match compare(seed, steps_max) {
            Ok(compared) => {
                by_size[compared.n_orders] += 1;
                n_left_out += compared.n_left_out;
                let n_kinds = by_kind.iter_mut().enumerate();
                n_kinds.for_each(|(kind, n)| *n += compared.kinds >> kind & 1);
            }
            Err(what) => wrong.push(what),
        }
    }
    println!("by orders {by_size:?}, by kind {by_kind:?}, {n_left_out} orders left out");
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {n} differ:\n{shown}", wrong.len());
    assert!(n < SEEDS || by_kind.iter().all(|n| *n > 0), "a kind of constraint was never on");
}
