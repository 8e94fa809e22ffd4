//! Capacitated multicommodity fixed-charge network design.
//!
//! First commodities are routed one by one ([`search`]) and a relaxation says which arcs are likely
//! ([`bound`]); then sets of open arcs are annealed ([`opens`]), each judged by its cheapest flow
//! ([`flow`]).

mod bound;
mod flow;
mod matrix;
mod net;
mod opens;
mod search;
mod ways;

use rv_base::Rng;
use rv_model::linehaul::{NetworkDesign, PathFlow, StaticPlan};

use crate::Budget;
use bound::Relaxation;
use net::Net;
use opens::Opens;
use search::Search;

/// Share of a budget that goes to a first bound, which guides what follows.
const GUIDE_SHARE: f64 = 0.04;
/// The same when the budget counts steps.
const GUIDE_STEPS_MAX: u64 = 1000;
/// Share of a budget that goes to the bound after that.
const BOUND_SHARE: f64 = 0.03;
/// Ascent steps per search step when the budget counts steps.
const BOUND_STEPS_MAX: u64 = 4000;
/// Share of a budget that goes to routing commodities one by one.
const ROUTING_SHARE: f64 = 0.2;
/// Arcs that the relaxation opens more often than this are open in the beginning.
const OPEN_MIN: f64 = 0.02;

/// A plan, its cost and a proven lower bound on the cost of every plan.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticOutcome {
    /// The plan.
    pub plan: StaticPlan,
    /// Its cost.
    pub cost: f64,
    /// No plan costs less.
    pub bound: f64,
    /// Search steps made.
    pub n_steps: u64,
    /// Units that found no room; zero unless capacities are too small or the budget too short.
    pub unrouted: f64,
}

/// Plans a static instance. `progress` is called now and then with the best cost and, once it is
/// known, the bound. With two threads or more the bound is sought beside the search; the answer
/// of a budget of steps does not depend on it.
pub fn solve_static(
    design: &NetworkDesign,
    budget: &Budget<'_>,
    n_threads: usize,
    rng: &Rng,
    progress: &mut dyn FnMut(f64, Option<f64>),
) -> StaticOutcome {
    let net = Net::new(design);
    let mut search = Search::new(&net, rng.fork("search"));
    search.construct();
    let mut relaxation = Relaxation::new(&net);
    let first_cost = search.best_cost();
    relaxation.ascend(first_cost, &part(budget, 0.0, GUIDE_SHARE, GUIDE_STEPS_MAX));
    let guide = relaxation.open.clone();
    let bound_end = GUIDE_SHARE + BOUND_SHARE * n_threads.clamp(1, 2) as f64;
    let bound_budget = Budget {
        steps: budget.steps.map(|steps| steps.min(BOUND_STEPS_MAX)),
        ..budget.share(bound_end)
    };
    let mut seek_bound = move || {
        relaxation.ascend(first_cost, &bound_budget);
        relaxation.value
    };
    if n_threads >= 2 {
        return std::thread::scope(|scope| {
            let side = scope.spawn(seek_bound);
            let found = plan(&net, search, &guide, budget, rng, &mut |cost| progress(cost, None));
            let bound = side.join().expect("the bound does not panic");
            progress(found.cost, Some(bound));
            StaticOutcome { bound, ..found }
        });
    }
    let bound = seek_bound();
    let found = plan(&net, search, &guide, budget, rng, &mut |cost| progress(cost, Some(bound)));
    progress(found.cost, Some(bound));
    StaticOutcome { bound, ..found }
}

/// Part of a budget by shares of it; of steps no more than `steps_max`.
fn part<'a>(budget: &Budget<'a>, from: f64, to: f64, steps_max: u64) -> Budget<'a> {
    let steps = budget.steps.map(|steps| ((to - from) * steps as f64) as u64);
    Budget { steps: steps.map(|steps| steps.min(steps_max)), ..budget.share(to) }
}

/// Plans until the budget is over; `guide` says how often the relaxation opens each arc.
fn plan(
    net: &Net,
    mut search: Search<'_>,
    guide: &[f64],
    budget: &Budget<'_>,
    rng: &Rng,
    report: &mut dyn FnMut(f64),
) -> StaticOutcome {
    search.guide(guide);
    let begun = budget.progress(0).min(1.0);
    let routed = (begun + ROUTING_SHARE).min(1.0);
    let mut n_steps = search.run(&part(budget, begun, routed, u64::MAX), report);
    let is_open =
        search.best().load.iter().zip(guide).map(|(load, open)| *load > 0.0 || *open > OPEN_MIN);
    let opens = Opens::new(net, is_open.collect(), search.penalty(), rng.fork("opens"));
    let mut annealed = None;
    let rest = part(budget, routed, 1.0, u64::MAX);
    if let Some(mut opens) = opens {
        opens.offer_set(search.best().load.iter().map(|load| *load > 0.0).collect());
        n_steps += opens.run(&rest, report);
        annealed = Some(opens.into_best());
    } else {
        // Flows are too many for a linear programme.
        n_steps += search.run(&rest, report);
    }
    let routing = search.into_best();
    let best = annealed.filter(|best| best.cost < routing.cost).unwrap_or(routing);
    let unrouted = best.unrouted();
    let flows = best.flows.iter().enumerate().flat_map(|(k, flows)| {
        let of = move |f: &search::Flow| PathFlow {
            commodity: k as u32,
            arcs: f.path.clone(),
            amount: f.amount,
        };
        flows.iter().map(of)
    });
    let plan = StaticPlan { flows: flows.collect() };
    StaticOutcome { plan, cost: best.cost, bound: 0.0, n_steps, unrouted }
}
