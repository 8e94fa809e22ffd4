//! Capacitated multicommodity fixed-charge network design.

mod bound;
mod net;
mod search;

use rv_base::Rng;
use rv_model::linehaul::{NetworkDesign, PathFlow, StaticPlan};

use crate::Budget;

/// Share of a budget that goes to a first bound, which guides the search.
const GUIDE_SHARE: f64 = 0.08;
/// The same when the budget counts steps.
const GUIDE_STEPS_MAX: u64 = 1000;
/// Share of a budget that goes to the bound after that.
const BOUND_SHARE: f64 = 0.07;
/// Ascent steps per search step when the budget counts steps.
const BOUND_STEPS_MAX: u64 = 4000;

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
    let net = net::Net::new(design);
    let mut search = search::Search::new(&net, rng.fork("search"));
    search.construct();
    let guide_budget = Budget {
        steps: budget.steps.map(|steps| steps.min(GUIDE_STEPS_MAX)),
        ..budget.share(GUIDE_SHARE)
    };
    let guide = bound::bound(&net, search.best_cost(), &guide_budget, None);
    search.guide(&guide.open);
    let first_cost = search.best_cost();
    let bound_budget = Budget {
        steps: budget.steps.map(|steps| steps.min(BOUND_STEPS_MAX)),
        ..budget.share(GUIDE_SHARE + BOUND_SHARE * n_threads.clamp(1, 2) as f64)
    };
    let seek_bound = || bound::bound(&net, first_cost, &bound_budget, Some(&guide)).value;
    let (bound, n_steps) = if n_threads >= 2 {
        std::thread::scope(|scope| {
            let side = scope.spawn(seek_bound);
            let n_steps = search.run(budget, &mut |cost| progress(cost, None));
            (side.join().expect("the bound does not panic"), n_steps)
        })
    } else {
        let bound = seek_bound();
        (bound, search.run(budget, &mut |cost| progress(cost, Some(bound))))
    };
    progress(search.best_cost(), Some(bound));
    let best = search.into_best();
    let unrouted = best.unrouted();
    let flows = best
        .flows
        .iter()
        .enumerate()
        .flat_map(|(k, flows)| flows.iter().map(move |f| (k, f)))
        .map(|(k, f)| PathFlow { commodity: k as u32, arcs: f.path.clone(), amount: f.amount })
        .collect();
    StaticOutcome { plan: StaticPlan { flows }, cost: best.cost, bound, n_steps, unrouted }
}
