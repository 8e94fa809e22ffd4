//! A proven lower bound on the cost of every timed plan.

use super::net::Net;
use super::relax::Relaxation;
use crate::Budget;
use crate::volume::ascend;

/// Ascents at most, each on what the one before it left.
const ROUNDS_MAX: u64 = 60;
/// Steps of one ascent at most when the budget counts steps.
const ROUND_STEPS: u64 = 600;
/// Share of the budget that one ascent may take.
const ROUND_SHARE: f64 = 0.2;
/// An ascent ends when it gains less than this share.
const STALLED: f64 = 1e-5;
/// Departures that differ by less do not count as apart, as a share of the mean travel time.
const APART: f64 = 1e-4;
/// Most pairs that splitting may lead to.
const PAIRS_MAX: usize = 100_000;

/// A lower bound; `target` is the cost of a known plan. No plan that costs less than the bound
/// exists: what is dropped on the way belongs to plans that cost at least `target`.
pub(crate) fn bound(net: &Net<'_>, target: f64, budget: &Budget<'_>) -> f64 {
    if net.carried.is_empty() {
        return 0.0;
    }
    let mut relaxation = Relaxation::new(net);
    let mut at = relaxation.start();
    let mut best = 0.0_f64;
    let begun = budget.progress(0).min(1.0);
    let travel = net.arcs.iter().map(|arc| arc.travel).sum::<f64>() / net.arcs.len() as f64;
    let mut done = 0;
    for round in 1..=ROUNDS_MAX {
        let until = begun + (1.0 - begun) * (ROUND_SHARE * round as f64).min(1.0);
        let left = budget.steps.map(|steps| steps.saturating_sub(done).min(ROUND_STEPS));
        let part = Budget { steps: left, ..budget.share(until) };
        let ascent = ascend(&mut relaxation, at, target, STALLED, &part);
        best = best.max(ascent.value);
        done += ascent.n_steps;
        at = ascent.at;
        if best >= target || budget.progress(done) >= 1.0 {
            break;
        }
        let is_split = relaxation.split(&mut at, APART * travel, PAIRS_MAX);
        if !relaxation.narrow(&mut at, target) {
            return target;
        }
        if !is_split {
            break;
        }
    }
    best.min(target)
}
