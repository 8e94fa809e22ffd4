//! How long a search may go on.

use std::sync::atomic::AtomicBool;

use rv_base::Seconds;

/// When a search ends: after so many iterations, when a clock that the caller brings says so, or
/// when it is cancelled, whichever is first. Only a budget of iterations alone is reproducible.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Ruin-and-recreate steps over all parts.
    pub iterations: Option<u64>,
    /// Time allowed, and a clock that says how much has passed since the search began (CPU time of
    /// the process, or wall time).
    pub clock: Option<(Seconds, &'a (dyn Fn() -> Seconds + Sync))>,
    /// Set to true to end the search; the best plan so far is returned.
    pub cancel: Option<&'a AtomicBool>,
    /// Told of new best plans, now and then.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

/// The best plan so far, in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What its routes cost, in units of the currency.
    pub cost: f64,
    /// Vehicles with a route.
    pub n_vehicles: usize,
    /// Orders left out.
    pub n_unserved: usize,
}

impl<'a> Budget<'a> {
    /// A reproducible budget.
    pub fn iterations(iterations: u64) -> Self {
        Self { iterations: Some(iterations), clock: None, cancel: None, progress: None }
    }

    /// A budget by a clock that starts at zero.
    pub fn clock(limit: Seconds, clock: &'a (dyn Fn() -> Seconds + Sync)) -> Self {
        Self { iterations: None, clock: Some((limit, clock)), cancel: None, progress: None }
    }

    /// Share of the clock's limit that has passed; zero without a clock.
    pub(crate) fn clock_progress(&self) -> f64 {
        self.clock.map_or(
            0.0,
            |(limit, clock)| {
                if limit.0 > 0.0 { clock().0 / limit.0 } else { 1.0 }
            },
        )
    }

    pub(crate) fn is_over(&self) -> bool {
        self.clock_progress() >= 1.0 || self.is_cancelled()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|c| c.load(std::sync::atomic::Ordering::Relaxed))
    }
}
