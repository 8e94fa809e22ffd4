//! How long a search may go on.

use std::sync::atomic::{AtomicBool, Ordering};

use rv_base::Seconds;

/// When a search ends: after so many steps, or when a clock that the caller brings says so,
/// whichever is first. Only a budget of steps alone is reproducible.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Search steps.
    pub steps: Option<u64>,
    /// Time allowed, and a clock that says how much has passed since the search began.
    pub clock: Option<(Seconds, &'a (dyn Fn() -> Seconds + Sync))>,
    /// Set from outside to end the search early, with the best so far.
    pub stop: Option<&'a AtomicBool>,
}

impl<'a> Budget<'a> {
    /// A reproducible budget.
    pub fn steps(steps: u64) -> Self {
        Self { steps: Some(steps), clock: None, stop: None }
    }

    /// A budget by a clock that starts at zero.
    pub fn clock(limit: Seconds, clock: &'a (dyn Fn() -> Seconds + Sync)) -> Self {
        Self { steps: None, clock: Some((limit, clock)), stop: None }
    }

    /// Share of the budget that is used after `done` steps; 1 or more when it is over.
    pub(crate) fn progress(&self, done: u64) -> f64 {
        if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return 1.0;
        }
        let by_steps = match self.steps {
            Some(0) => 1.0,
            Some(steps) => done as f64 / steps as f64,
            None => 0.0,
        };
        let by_clock = match self.clock {
            Some((limit, clock)) if limit.0 > 0.0 => clock().0 / limit.0,
            Some(_) => 1.0,
            None => 0.0,
        };
        by_steps.max(by_clock)
    }

    /// The first `share` (0..=1) of this budget.
    pub fn share(&self, share: f64) -> Self {
        Self {
            steps: self.steps.map(|n| (n as f64 * share) as u64),
            clock: self.clock.map(|(limit, clock)| (limit * share, clock)),
            stop: self.stop,
        }
    }
}
