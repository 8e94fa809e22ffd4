//! Metrics for very many sets of permits, live at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::blocks::Shared;
use crate::edge_set::EdgeSet;
use crate::metric::{ClassCosts, Metric, MetricBatch, MetricSpec, Weights};

/// Batches that are customised before their results take the place of older ones: bounds how much
/// is held twice.
const BATCHES: usize = 8;

/// The metrics of one class of vehicle under many sets of permits, in driving times.
///
/// Each set of forbidden edges has one metric, however many vehicles it is for. The metrics hold
/// only what differs from the class without any permit (see [`Metric::build_many`]), so a thousand
/// fit in memory, and are asked like any other.
#[derive(Debug)]
pub struct PermitMetrics {
    costs: Arc<ClassCosts>,
    closed: EdgeSet,
    base: Base,
    metrics: BTreeMap<EdgeSet, Arc<Metric>>,
    epoch: u64,
}

/// The class without any permit.
#[derive(Debug)]
struct Base {
    metric: Metric,
    shared: Arc<Shared>,
}

impl PermitMetrics {
    /// No set yet; `closed` and the traffic in `costs` hold for all.
    pub fn new(costs: Arc<ClassCosts>, closed: &EdgeSet, epoch: u64) -> Self {
        let base = Base::of(&costs, closed, epoch);
        Self { costs, closed: closed.clone(), base, metrics: BTreeMap::new(), epoch }
    }

    /// The metric of each set of forbidden edges, in order; those that are new are made now.
    pub fn metrics(&mut self, forbidden: &[EdgeSet]) -> Vec<Arc<Metric>> {
        let mut new: Vec<&EdgeSet> =
            forbidden.iter().filter(|set| !self.metrics.contains_key(*set)).collect();
        new.sort_unstable();
        new.dedup();
        self.make(&new);
        let found = |set| self.metrics.get(set).expect("it was there or has been made").clone();
        forbidden.iter().map(found).collect()
    }

    /// The metric of a set of forbidden edges, if there is one.
    pub fn get(&self, forbidden: &EdgeSet) -> Option<&Arc<Metric>> {
        self.metrics.get(forbidden)
    }

    /// Number of sets.
    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    /// True if there is no set.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }

    /// Forgets the sets that `is_kept` is false for.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&EdgeSet) -> bool) {
        self.metrics.retain(|set, _| is_kept(set));
    }

    /// Follows traffic and closures; returns how many metrics were made again. A closure that
    /// changes nothing for a set, as one inside of its forbidden zone, leaves its metric, and its
    /// epoch, as they are. Whoever holds an old metric may go on with it.
    pub fn refresh(&mut self, costs: Arc<ClassCosts>, closed: &EdgeSet, epoch: u64) -> usize {
        let is_new_traffic = !Arc::ptr_eq(&self.costs, &costs);
        (self.costs, self.closed, self.epoch) = (costs, closed.clone(), epoch);
        let is_stale = |(set, metric): &(&EdgeSet, &Arc<Metric>)| {
            let spec = spec(&self.costs, Some(set), &self.closed);
            is_new_traffic || !metric.allows_the_same(&spec)
        };
        let all: Vec<(&EdgeSet, &Arc<Metric>)> = self.metrics.iter().collect();
        let stale: Vec<EdgeSet> =
            all.into_par_iter().filter(is_stale).map(|(set, _)| set.clone()).collect();
        if is_new_traffic
            || !self.base.metric.allows_the_same(&spec(&self.costs, None, &self.closed))
        {
            self.base = Base::of(&self.costs, &self.closed, epoch);
        }
        self.make(&stale.iter().collect::<Vec<_>>());
        stale.len()
    }

    /// Bytes that the metrics hold beyond what they share with the class.
    pub fn own_bytes(&self) -> usize {
        self.metrics.values().map(|metric| metric.own_bytes()).sum()
    }

    fn make(&mut self, sets: &[&EdgeSet]) {
        let base = Some(&self.base.shared);
        for sets in sets.chunks(BATCHES * MetricBatch::LANES) {
            let made: Vec<Vec<Metric>> = sets
                .par_chunks(MetricBatch::LANES)
                .map(|sets| {
                    let specs = sets.iter().map(|set| spec(&self.costs, Some(set), &self.closed));
                    let specs: Vec<MetricSpec<'_>> = specs.collect();
                    MetricBatch::customize(&specs, self.epoch).sharing(base)
                })
                .collect();
            for (set, metric) in sets.iter().zip(made.into_iter().flatten()) {
                self.metrics.insert((*set).clone(), Arc::new(metric));
            }
        }
    }
}

fn spec<'a>(
    costs: &Arc<ClassCosts>,
    forbidden: Option<&'a EdgeSet>,
    closed: &'a EdgeSet,
) -> MetricSpec<'a> {
    MetricSpec { costs: costs.clone(), forbidden, closed: Some(closed) }
}

impl Base {
    fn of(costs: &Arc<ClassCosts>, closed: &EdgeSet, epoch: u64) -> Self {
        let made = MetricBatch::customize(&[spec(costs, None, closed)], epoch).into_metrics();
        let metric = made.into_iter().next().expect("one was asked for");
        let Weights::Times(shared) = &metric.weights else {
            unreachable!("batches are made in times alone");
        };
        let shared = Arc::new(shared.clone());
        shared.know_all(&costs.network().cch);
        Self { metric, shared }
    }
}

#[cfg(test)]
mod tests {
    use rv_base::EdgeId;

    use super::*;
    use crate::oracle::Case;
    use crate::{Conditions, Scratch};

    /// The metrics must answer as whole ones do, and tell ways that cost what they say, whatever
    /// was asked of the others before.
    fn check(permits: &PermitMetrics, sets: &[EdgeSet], case: &mut Case, factors: &[f32]) {
        let network = permits.costs.network().clone();
        let points = case.positions(14);
        let mut scratch = Scratch::default();
        for set in sets {
            let metric = permits.get(set).unwrap();
            let conditions = Conditions {
                forbidden: Some(set),
                closed: Some(&permits.closed),
                time_factors: Some(factors),
            };
            let whole = Metric::build(network.clone(), &case.class, conditions, 0);
            let times = metric.times_ms(&mut scratch, &points, &points).unwrap();
            assert_eq!(times, whole.times_ms(&mut scratch, &points, &points).unwrap());
            for pair in points.windows(2) {
                let expected = whole.route(&mut scratch, pair[0], pair[1]).ok();
                let found = metric.route(&mut scratch, pair[0], pair[1]).ok();
                assert_eq!(found.as_ref().map(|r| r.time()), expected.map(|r| r.time()));
                let Some(found) = found else { continue };
                let ids: Vec<EdgeId> = found.edge_ids().collect();
                assert!(ids[1..].iter().all(|edge| metric.check_edge(*edge).is_ok()));
                let alone =
                    MetricBatch::customize(&[spec(&permits.costs, Some(set), &permits.closed)], 0);
                let alone = alone.sharing(Some(&permits.base.shared)).remove(0);
                let fresh = alone.route(&mut scratch, pair[0], pair[1]).unwrap();
                assert_eq!(fresh.edges, found.edges, "a way depends on what was asked before");
            }
        }
    }

    #[test]
    fn sets_share_blocks_and_answer_as_whole_metrics_do() {
        for seed in 0..6 {
            let mut case = Case::of_size(seed, 16, 16);
            let network = case.metric().network().clone();
            let n = case.graph.n_edges();
            let costs = |case: &Case, factors: &[f32]| {
                Arc::new(ClassCosts::build(network.clone(), &case.class, Some(factors)))
            };
            let factors = case.factors.clone();
            let mut permits = PermitMetrics::new(costs(&case, &factors), &case.closed.clone(), 3);
            let zone = |first: usize| {
                (0..n / 10).map(|at| EdgeId::from_idx((first + at) % n)).collect::<EdgeSet>()
            };
            let sets: Vec<EdgeSet> = (0..19).map(|idx| zone(idx * n / 13)).collect();
            let made = permits.metrics(&sets);
            // The last six zones are the first ones again.
            assert_eq!((made.len(), permits.len()), (19, 13));
            assert!(Arc::ptr_eq(&made[0], &permits.metrics(&sets[13..14])[0]));
            check(&permits, &sets, &mut case, &factors);

            // A closure inside of a zone concerns the others alone.
            let mut closed = case.closed.clone();
            closed.insert(EdgeId::from_idx(n / 26));
            let n_made = permits.refresh(permits.costs.clone(), &closed, 4);
            assert!(n_made < 13, "{n_made}");
            check(&permits, &sets, &mut case, &factors);

            let slow: Vec<f32> = factors.iter().map(|f| f * 1.5).collect();
            assert_eq!(permits.refresh(costs(&case, &slow), &closed, 5), 13);
            assert!(permits.metrics(&sets).iter().all(|metric| metric.epoch() == 5));
            check(&permits, &sets, &mut case, &slow);
            permits.retain(|set| *set == sets[0]);
            assert_eq!(permits.len(), 1);
        }
    }
}
