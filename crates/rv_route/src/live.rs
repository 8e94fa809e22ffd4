//! The metric of the moment, replaced while questions are being answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::metric::{Metric, MetricSpec};

/// A metric that follows traffic and closures.
///
/// Whoever asks takes the metric in force with [`LiveMetric::now`] and keeps it for as long as its
/// answers must agree; a newer one is made beside it and put in its place in one step. The last few
/// stay within reach by their epochs, so that a plan can be asked again under what it was made with.
#[derive(Debug)]
pub struct LiveMetric {
    now: RwLock<Arc<Metric>>,
    /// Those before, the newest last; the lock also lets only one successor be made at a time.
    before: Mutex<VecDeque<Arc<Metric>>>,
    n_kept: usize,
}

impl LiveMetric {
    /// Begins with a metric and keeps the last `n_kept` before the one in force.
    pub fn new(metric: Metric, n_kept: usize) -> Self {
        Self {
            now: RwLock::new(Arc::new(metric)),
            before: Mutex::new(VecDeque::with_capacity(n_kept)),
            n_kept,
        }
    }

    /// The metric in force.
    pub fn now(&self) -> Arc<Metric> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The metric of an epoch, if it is in force or among those kept.
    pub fn at_epoch(&self, epoch: u64) -> Option<Arc<Metric>> {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let all = before.iter().chain([&now]);
        all.rev().find(|metric| metric.epoch() == epoch).cloned()
    }

    /// Puts a metric with other traffic, permits or closures in force, under the next epoch, and
    /// returns it. Small changes are customised in part ([`Metric::changed`]); questions go on
    /// meanwhile.
    pub fn update(&self, spec: &MetricSpec<'_>) -> Arc<Metric> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.now();
        // Memory of a metric that nobody will ask for again serves the next.
        let is_full = before.len() >= self.n_kept.max(1);
        let spare = is_full.then(|| before.pop_front()).flatten().and_then(Arc::into_inner);
        let new = Arc::new(old.changed_in(spare, spec, old.epoch() + 1));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        before.push_back(old);
        new
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::oracle::Case;
    use crate::{ClassCosts, Conditions, EdgeSet, Scratch};

    #[test]
    fn old_epochs_answer_as_they_did_and_new_ones_as_if_built_anew() {
        let mut case = Case::of_size(11, 14, 14);
        let points = case.positions(30);
        let first = case.metric();
        let network = first.network().clone();
        let mut scratch = Scratch::default();
        let matrix = first.matrix(&mut scratch, &points, &points).unwrap();
        let live = LiveMetric::new(first, 3);
        let mut closed = case.closed.clone();
        for tick in 0..8_u64 {
            // Closures mostly, new traffic now and then.
            closed.insert(points[tick as usize].edge);
            let slow = if tick < 4 { 1.0 } else { 1.5 };
            let factors: Vec<f32> = case.factors.iter().map(|f| f * slow).collect();
            let costs = Arc::new(ClassCosts::build(network.clone(), &case.class, Some(&factors)));
            let forbidden = Some(&case.forbidden);
            let new = live.update(&MetricSpec { costs, forbidden, closed: Some(&closed) });
            assert_eq!(new.epoch(), 8 + tick);
            assert!(Arc::ptr_eq(&new, &live.now()));
            let conditions =
                Conditions { forbidden, closed: Some(&closed), time_factors: Some(&factors) };
            let fresh = Metric::build(network.clone(), &case.class, conditions, new.epoch());
            assert_eq!(
                new.matrix(&mut scratch, &points, &points).unwrap(),
                fresh.matrix(&mut scratch, &points, &points).unwrap()
            );
            if tick == 2 {
                let pinned = live.at_epoch(7).unwrap();
                let again = pinned.matrix(&mut scratch, &points, &points).unwrap();
                assert_eq!(again, matrix);
            }
        }
        assert!(live.at_epoch(7).is_none(), "only the last ones are kept");
        assert_eq!(live.at_epoch(13).unwrap().epoch(), 13);
        assert_ne!(closed, EdgeSet::new());
    }
}
