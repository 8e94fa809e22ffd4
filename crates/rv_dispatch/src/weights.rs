//! What the kinds of cost count for against each other.

use rv_base::Money;

/// A kind of cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criterion {
    /// Orders left out: their prizes, or that they were required.
    Unserved,
    /// Vehicles used.
    Vehicles,
    /// Money: fixed costs, distance, time.
    Cost,
    /// Soft windows missed.
    Lateness,
    /// What was told and is changed.
    Stability,
}

/// Factors of the kinds of cost; all of them not negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Of prizes lost; required orders never count for less than they do at 1.
    pub unserved: f64,
    /// What each used vehicle costs on top of its own fixed cost.
    pub vehicle: Money,
    /// Of fixed costs, distance and time.
    pub cost: f64,
    /// Of soft windows and service levels missed.
    pub lateness: f64,
    /// Of changes to what was told.
    pub stability: f64,
}

/// How much more a kind of cost counts than the next one of a lexicographic order.
const STEP: f64 = 1_000.0;
/// What a vehicle costs where vehicles are a level of their own, before its factor.
const VEHICLE: f64 = 10.0;

impl Weights {
    /// Everything at the price that the problem sets.
    pub fn equal() -> Self {
        Self { unserved: 1.0, vehicle: Money::ZERO, cost: 1.0, lateness: 1.0, stability: 1.0 }
    }

    /// One kind after the other: each counts a thousand times as much as the next one, the last
    /// at the price that the problem sets. What is not named counts with the last.
    pub fn lexicographic(order: &[Criterion]) -> Self {
        let mut weights = Self::equal();
        let n = order.len();
        for (idx, criterion) in order.iter().enumerate() {
            let factor = STEP.powi((n - 1 - idx).min(3) as i32);
            match criterion {
                Criterion::Unserved => weights.unserved = factor,
                Criterion::Vehicles => weights.vehicle = Money::from_units(VEHICLE * factor),
                Criterion::Cost => weights.cost = factor,
                Criterion::Lateness => weights.lateness = factor,
                Criterion::Stability => weights.stability = factor,
            }
        }
        weights
    }

    /// What a plan costs by these weights, in units of the currency; required orders left out are
    /// not in it.
    pub fn total(&self, costs: &crate::Costs) -> f64 {
        let money = costs.fixed + costs.distance + costs.time;
        money.to_units() * self.cost
            + costs.n_vehicles as f64 * self.vehicle.to_units()
            + costs.prizes_lost.to_units() * self.unserved
            + (costs.lateness + costs.levels).to_units() * self.lateness
            + costs.stability.to_units() * self.stability
    }
}
