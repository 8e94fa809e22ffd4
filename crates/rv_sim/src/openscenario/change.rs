//! A value that changes over time or distance, in one of the standard's shapes.

use rv_import::openscenario::{Dynamics, DynamicsDimension, DynamicsShape};

use super::actions::SMALL;

/// A change of a value over time or distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) shape: DynamicsShape,
    pub(super) dimension: DynamicsDimension,
    pub(super) from: f64,
    pub(super) to: f64,
    rate: f64,
    pub(super) at: f64,
    pub(super) end: f64,
}

impl Change {
    pub(super) fn new(dynamics: &Dynamics, from: f64, to: f64) -> Self {
        let Dynamics { shape, dimension, value } = *dynamics;
        let mut change =
            Self { shape, dimension, from, to, rate: value.abs(), at: 0.0, end: value };
        change.aim(to);
        change
    }

    /// Sets where it leads; at a given rate it takes the longer the farther.
    pub(super) fn aim(&mut self, to: f64) {
        self.to = to;
        if self.dimension == DynamicsDimension::Rate {
            let peak = match self.shape {
                DynamicsShape::Step => 0.0,
                DynamicsShape::Linear => 1.0,
                DynamicsShape::Sinusoidal => std::f64::consts::FRAC_PI_2,
                DynamicsShape::Cubic => 1.5,
            };
            self.end = peak * (self.to - self.from).abs() / self.rate.max(1e-10);
        }
        self.end = self.end.max(1e-10);
    }

    pub(super) fn value(&self) -> f64 {
        let x = (self.at / self.end).min(1.0);
        let share = match self.shape {
            DynamicsShape::Step => 1.0,
            DynamicsShape::Linear => x,
            DynamicsShape::Sinusoidal => (1.0 - (std::f64::consts::PI * x).cos()) / 2.0,
            DynamicsShape::Cubic => x * x * (3.0 - 2.0 * x),
        };
        self.from + (self.to - self.from) * share
    }

    /// Steepness now, per unit of time or distance.
    pub(super) fn slope(&self) -> f64 {
        let x = (self.at / self.end).min(1.0);
        let steep = match self.shape {
            DynamicsShape::Step => 0.0,
            DynamicsShape::Linear => 1.0,
            DynamicsShape::Sinusoidal => {
                std::f64::consts::FRAC_PI_2 * (std::f64::consts::PI * x).sin()
            }
            DynamicsShape::Cubic => 6.0 * x * (1.0 - x),
        };
        (self.to - self.from) * steep / self.end
    }

    /// Steepest that it gets.
    pub(super) fn slope_max(&self) -> f64 {
        let steep = match self.shape {
            DynamicsShape::Step => 0.0,
            DynamicsShape::Linear => 1.0,
            DynamicsShape::Sinusoidal => std::f64::consts::FRAC_PI_2,
            DynamicsShape::Cubic => 1.5,
        };
        ((self.to - self.from) * steep / self.end).abs()
    }

    pub(super) fn is_done(&self) -> bool {
        let value = self.value();
        self.at > self.end - SMALL || (value - self.to).abs() < SMALL
    }
}
