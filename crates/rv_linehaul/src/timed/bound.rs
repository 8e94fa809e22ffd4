//! A proven lower bound on the cost of every timed plan.

use super::net::Net;
use super::relax::Relaxation;
use crate::Budget;
use crate::volume::ascend;

/// Ascents, each on what the one before it left.
const N_ROUNDS: usize = 12;

/// A lower bound; `target` is the cost of a known plan. No plan that costs less than the bound
/// exists: what is dropped on the way belongs to plans that cost at least `target`.
pub(crate) fn bound(net: &Net<'_>, target: f64, budget: &Budget<'_>) -> f64 {
    if net.carried.is_empty() {
        return 0.0;
    }
    let mut relaxation = Relaxation::new(net);
    let mut at = relaxation.start();
    let mut best = 0.0_f64;
    for round in 0..N_ROUNDS {
        let share = (round + 1) as f64 / N_ROUNDS as f64;
        let part =
            Budget { steps: budget.steps.map(|s| s / N_ROUNDS as u64), ..budget.share(share) };
        let (value, point) = ascend(&mut relaxation, at, target, &part);
        best = best.max(value);
        at = point;
        if best >= target || budget.progress(0) >= 1.0 {
            break;
        }
        if !relaxation.drop_costly(&mut at, target) {
            return target;
        }
    }
    best.min(target)
}
