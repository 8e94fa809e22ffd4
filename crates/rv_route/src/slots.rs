//! Traffic that is expected by the hour of the week, for planning ahead.

use rv_base::Seconds;
use thiserror::Error;

use crate::metric::Metric;
use crate::route::Route;

/// Seconds of a week.
const WEEK_S: f64 = 7.0 * 86_400.0;
/// Most slots of a week: one every five minutes.
const SLOTS_MAX: usize = 2016;
/// Factors are kept in steps of this.
const STEP: f32 = 1.0 / 1024.0;

/// How many times as long each edge takes as when it is free, over a week of equal slots.
///
/// A slot's factors hold in its middle; in between they are interpolated, also from the last slot
/// of the week to the first.
#[derive(Clone, Debug)]
pub struct WeekSlots {
    n_edges: usize,
    n_slots: usize,
    /// By slot, then edge, in steps of [`STEP`].
    factors: Vec<u16>,
}

/// Why slots could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SlotError {
    /// There must be at least one slot, and no more than one for five minutes.
    #[error("a week of {0} slots: it takes 1 to {SLOTS_MAX}")]
    Slots(usize),
    /// Every slot needs one factor for each edge.
    #[error("slot {slot} has {n} factors for {n_edges} edges")]
    Edges {
        /// The slot.
        slot: usize,
        /// How many factors it has.
        n: usize,
        /// How many it needs.
        n_edges: usize,
    },
    /// A factor is not a number from 0.05 to 60.
    #[error("slot {slot}, edge {edge}: a factor must be from 0.05 to 60")]
    Factor {
        /// The slot.
        slot: usize,
        /// The edge's index.
        edge: usize,
    },
}

impl WeekSlots {
    /// The slots of a week, from Monday midnight, each with one factor for each edge.
    pub fn new(n_edges: usize, slots: &[Vec<f32>]) -> Result<Self, SlotError> {
        if !(1..=SLOTS_MAX).contains(&slots.len()) {
            return Err(SlotError::Slots(slots.len()));
        }
        let mut factors = Vec::with_capacity(n_edges * slots.len());
        for (slot, of_slot) in slots.iter().enumerate() {
            if of_slot.len() != n_edges {
                return Err(SlotError::Edges { slot, n: of_slot.len(), n_edges });
            }
            for (edge, factor) in of_slot.iter().enumerate() {
                if !(0.05..=60.0).contains(factor) {
                    return Err(SlotError::Factor { slot, edge });
                }
                factors.push((factor / STEP).round() as u16);
            }
        }
        Ok(Self { n_edges, n_slots: slots.len(), factors })
    }

    /// The factor of each edge at a time of the week, for [`crate::Conditions`].
    pub fn factors(&self, time_of_week: Seconds) -> Vec<f32> {
        let at = self.place(time_of_week);
        (0..self.n_edges).map(|edge| self.mix(at, edge)).collect()
    }

    /// The factor of one edge at a time of the week.
    pub fn factor(&self, time_of_week: Seconds, edge: usize) -> f32 {
        if edge < self.n_edges { self.mix(self.place(time_of_week), edge) } else { 1.0 }
    }

    /// Driving time of a route that starts at a time of the week, each edge as slow as it is when
    /// the vehicle gets there. `free` is a metric of the same class without traffic.
    pub fn driving_time(&self, free: &Metric, route: &Route, departure: Seconds) -> Seconds {
        let mut passed = Seconds::ZERO;
        let last = route.edges.len() - 1;
        for (idx, driven) in route.edges.iter().enumerate() {
            let share = route.share_of(idx, free);
            let time = free.edge_time(driven.edge).unwrap_or(Seconds::ZERO) * share;
            let factor = self.factor(departure + passed, driven.edge.idx());
            passed += time * f64::from(factor);
            if idx < last {
                passed += route.edges[idx + 1].enter - driven.leave;
            }
        }
        passed
    }

    /// The slots before and after a time, and the share of the second.
    fn place(&self, time_of_week: Seconds) -> (usize, usize, f32) {
        let slot_s = WEEK_S / self.n_slots as f64;
        let time_s = if time_of_week.0.is_finite() { time_of_week.0 } else { 0.0 };
        let at = (time_s / slot_s - 0.5).rem_euclid(self.n_slots as f64);
        let first = (at as usize).min(self.n_slots - 1);
        (first, (first + 1) % self.n_slots, (at - first as f64) as f32)
    }

    fn mix(&self, (first, second, share): (usize, usize, f32), edge: usize) -> f32 {
        let of = |slot: usize| f32::from(self.factors[slot * self.n_edges + edge]) * STEP;
        of(first) + (of(second) - of(first)) * share
    }
}

#[cfg(test)]
mod tests {
    use rv_base::Meters;

    use super::*;
    use crate::oracle::Case;
    use crate::{Conditions, Scratch};

    #[test]
    fn factors_are_interpolated_between_the_middles_of_slots_and_over_the_weekend() {
        let slots: Vec<Vec<f32>> = (0..7).map(|day| vec![1.0 + day as f32, 2.0]).collect();
        let week = WeekSlots::new(2, &slots).unwrap();
        let day = 86_400.0;
        for (at_days, expected) in [(0.5, 1.0), (1.0, 1.5), (1.5, 2.0), (6.5, 7.0), (7.0, 4.0)] {
            let factors = week.factors(Seconds(at_days * day));
            assert!((factors[0] - expected).abs() < 2e-3, "{at_days}: {factors:?}");
            assert!((factors[1] - 2.0).abs() < 2e-3);
        }
        assert_eq!(WeekSlots::new(2, &[]).unwrap_err(), SlotError::Slots(0));
        let wrong = WeekSlots::new(2, &[vec![1.0, f32::NAN]]).unwrap_err();
        assert_eq!(wrong, SlotError::Factor { slot: 0, edge: 1 });
        assert!(WeekSlots::new(2, &[vec![1.0]]).is_err());
    }

    #[test]
    fn a_route_takes_as_long_as_its_metric_says_when_all_slots_are_alike() {
        let mut case = Case::of_size(5, 10, 10);
        let n = case.graph.n_edges();
        let network = case.metric().network().clone();
        let free = Metric::build(network.clone(), &case.class, Conditions::default(), 1);
        let slow: Vec<f32> = (0..n).map(|edge| 1.0 + (edge % 3) as f32).collect();
        let week = WeekSlots::new(n, &vec![slow; 24]).unwrap();
        let factors = week.factors(Seconds(12_345.0));
        let conditions = Conditions { time_factors: Some(&factors), ..Conditions::default() };
        let metric = Metric::build(network, &case.class, conditions, 2);
        let mut scratch = Scratch::default();
        let mut n_routes = 0;
        for pair in case.positions(30).windows(2) {
            let Ok(route) = metric.route(&mut scratch, pair[0], pair[1]) else { continue };
            n_routes += 1;
            let time = week.driving_time(&free, &route, Seconds(99.0));
            // Each edge's time is rounded to a millisecond in both.
            let rounding = Seconds(0.004 * route.edges.len() as f64 + 0.004);
            assert!((time - route.time()).abs() <= rounding, "{time:?} {:?}", route.time());
            assert!(route.distance() >= Meters::ZERO);
        }
        assert!(n_routes > 3);
    }
}
