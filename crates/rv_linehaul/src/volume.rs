//! Maximises a concave function by the volume algorithm.
//!
//! Barahona and Anbil, "The volume algorithm: producing primal solutions with a subgradient
//! method", Mathematical Programming 87 (2000). We keep only the averaged subgradient, not the
//! averaged primal point.

use crate::Budget;

/// Steps between two looks at what they gained.
const STALLED_STEPS: u32 = 300;

/// A concave function given by a value and a subgradient.
pub(crate) trait Oracle {
    /// Writes a subgradient at `at` to `slope` and gives the value.
    fn eval(&mut self, at: &[f64], slope: &mut [f64]) -> f64;

    /// Moves a point into the function's domain; everything is allowed unless overridden.
    fn project(&self, _at: &mut [f64]) {}
}

/// Where an ascent ended.
pub(crate) struct Ascent {
    /// Best value seen.
    pub(crate) value: f64,
    /// Where that was.
    pub(crate) at: Vec<f64>,
    pub(crate) n_steps: u64,
}

/// Climbs from `start` until the budget is over, the gap to `target` closes, steps vanish or
/// [`STALLED_STEPS`] steps gain less than the share `stalled`; gives the best value seen, which is
/// a valid bound, and its point.
pub(crate) fn ascend(
    oracle: &mut impl Oracle,
    start: Vec<f64>,
    target: f64,
    stalled: f64,
    budget: &Budget<'_>,
) -> Ascent {
    let n = start.len();
    let mut best = start;
    oracle.project(&mut best);
    let mut slope = vec![0.0; n];
    let mut value_best = oracle.eval(&best, &mut slope);
    let mut mean = slope.clone();
    let mut at = vec![0.0; n];
    let (mut step, mut weight) = (0.5, 0.2);
    let (mut n_red, mut n_checked, mut value_checked) = (0, 0_u32, value_best);
    let (mut n_stalled, mut value_stalled) = (0, value_best);
    let mut done = 0;
    while budget.progress(done) < 1.0 && step > 1e-6 && target - value_best > 1e-7 * target.abs() {
        done += 1;
        let norm: f64 = mean.iter().map(|v| v * v).sum();
        if norm <= 1e-12 {
            break;
        }
        // Aiming 5 % above the bound keeps steps alive when the target is nearly reached.
        let goal = target.min(value_best + 0.05 * value_best.abs().max(1.0));
        let length = step * (goal - value_best).max(1e-9) / norm;
        for i in 0..n {
            at[i] = best[i] + length * mean[i];
        }
        oracle.project(&mut at);
        let value = oracle.eval(&at, &mut slope);
        let along: f64 = slope.iter().zip(&mean).map(|(a, b)| a * b).sum();
        for i in 0..n {
            mean[i] += weight * (slope[i] - mean[i]);
        }
        if value > value_best {
            value_best = value;
            std::mem::swap(&mut best, &mut at);
            if along > 0.0 {
                step = (step * 1.1_f64).min(2.0);
            }
            n_red = 0;
        } else {
            n_red += 1;
            if n_red >= 20 {
                step *= 0.66;
                n_red = 0;
            }
        }
        n_stalled += 1;
        if n_stalled >= STALLED_STEPS {
            if value_best - value_stalled < stalled * value_best.abs() {
                break;
            }
            value_stalled = value_best;
            n_stalled = 0;
        }
        n_checked += 1;
        if n_checked >= 100 {
            if value_best - value_checked < 1e-3 * value_best.abs() && weight > 1e-4 {
                weight *= 0.5;
            }
            value_checked = value_best;
            n_checked = 0;
        }
    }
    Ascent { value: value_best, at: best, n_steps: done }
}
