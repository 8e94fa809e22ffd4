//! Service network design in continuous time: trucks leave at moments that the plan chooses, and
//! commodities share them.

mod bound;
pub(crate) mod exact;
mod insert;
mod narrow;
mod net;
mod relax;
mod search;
mod stab;
mod state;
mod ways;

pub(crate) use bound::bound;
pub(crate) use net::{Clock, Key, Net, trucks};
use rv_base::Rng;
use rv_model::linehaul::{NetworkDesign, TimedPlan};

use crate::Budget;
pub(crate) use search::Search;
pub(crate) use stab::{Item, Stabs};
pub(crate) use state::State;

/// Share of a budget that goes to a first search, whose cost prunes the bound.
const FIRST_SHARE: f64 = 0.2;
/// Share of a budget at which the bound ends.
const BOUND_END: f64 = 0.85;
/// Ascent steps at most when the budget counts steps.
const BOUND_STEPS_MAX: u64 = 2400;
/// Shares of trucks' cost at which everything is inserted, in this order.
pub(crate) const SCALES: [f64; 4] = [0.3, 0.6, 0.9, 1.0];
/// Heat of the second search, which begins where the first ended.
const HEAT_AGAIN: f64 = 0.5;

/// A plan this close to its bound, as a share, is the best.
const PROVEN: f64 = 1e-6;

/// A plan, its cost and a proven lower bound on the cost of every plan.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedOutcome {
    /// The plan.
    pub plan: TimedPlan,
    /// Its cost.
    pub cost: f64,
    /// No plan costs less.
    pub bound: f64,
    /// Search steps made.
    pub n_steps: u64,
}

/// Plans a timed instance in continuous time. Commodities that cannot arrive in time are named in
/// the plan with their earliest arrival. `progress` is called now and then with the best cost and,
/// once it is known, the bound. With two threads or more the bound is sought beside the search;
/// the answer of a budget of steps does not depend on it.
pub fn solve_timed(
    design: &NetworkDesign,
    budget: &Budget<'_>,
    n_threads: usize,
    rng: &Rng,
    progress: &mut dyn FnMut(f64, Option<f64>),
) -> TimedOutcome {
    let net = net::Net::new(design, None);
    let mut search = search::Search::new(&net, rng.fork("search"));
    search.construct(&SCALES, budget);
    let first = search.run(&budget.share(FIRST_SHARE), 1.0, &mut |cost| progress(cost, None));
    let target = search.best_cost();
    let bound_budget = Budget {
        steps: budget.steps.map(|steps| steps.min(BOUND_STEPS_MAX)),
        ..budget.share(if n_threads >= 2 { 1.0 } else { BOUND_END })
    };
    let rest = Budget { steps: budget.steps.map(|steps| steps.saturating_sub(first)), ..*budget };
    let seek_bound = || bound::bound(&net, target, &bound_budget);
    let (bound, more) = if n_threads >= 2 {
        std::thread::scope(|scope| {
            let side = scope.spawn(seek_bound);
            let more = search.run(&rest, HEAT_AGAIN, &mut |cost| progress(cost, None));
            (side.join().expect("the bound does not panic"), more)
        })
    } else {
        let bound = seek_bound();
        // A plan at its bound is best; what is left of the time could not better it.
        let is_best = budget.steps.is_none() && search.best_cost() <= bound * (1.0 + PROVEN);
        let more = match is_best {
            true => 0,
            false => search.run(&rest, HEAT_AGAIN, &mut |cost| progress(cost, Some(bound))),
        };
        (bound, more)
    };
    let end = finish_small(&net, &mut search, budget);
    let cost = search.best_cost();
    let bound = if end == Some(exact::End::Complete) { cost } else { bound.min(cost) };
    progress(cost, Some(bound));
    TimedOutcome { plan: search.into_plan(), cost, bound, n_steps: first + more }
}

/// Ways of small instances that are tried one by one.
const EXACT_STEPS_MAX: u64 = 150_000;

/// Small instances are brought to their optimum; `None` if the instance is not small, or the
/// budget asks for no search.
fn finish_small(net: &Net<'_>, search: &mut Search<'_>, budget: &Budget<'_>) -> Option<exact::End> {
    let n = net.carried.len();
    let has_budget = budget.steps.is_none_or(|steps| steps > 0);
    if n == 0 || n > exact::COMMODITIES_MAX || !has_budget {
        return None;
    }
    let mut best: Option<State> = None;
    let end = exact::enumerate(net, search.best_cost(), EXACT_STEPS_MAX, &mut |state| {
        best = Some(state.clone());
        state.cost
    });
    if let Some(state) = best {
        search.adopt(state);
    }
    Some(end)
}
