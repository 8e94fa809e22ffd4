//! SI newtypes. Public fields and parameters across the workspace use them, so that a metre is
//! never added to a second; bare `f64` stays inside numeric kernels.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $suffix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// Zero of this unit.
            pub const ZERO: Self = Self(0.0);

            /// Returns the smaller of two values; NaN loses.
            pub fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }

            /// Returns the larger of two values; NaN loses.
            pub fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }

            /// Returns the absolute value.
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// True for neither NaN nor infinity.
            pub fn is_finite(self) -> bool {
                self.0.is_finite()
            }

            /// Total order for sorting (IEEE 754 totalOrder).
            pub fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.total_cmp(&other.0)
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self {
                Self(self.0 / divisor)
            }
        }

        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                Self(iter.map(|v| v.0).sum())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match f.precision() {
                    Some(digits) => write!(f, "{:.*} {}", digits, self.0, $suffix),
                    None => write!(f, "{} {}", self.0, $suffix),
                }
            }
        }
    };
}

unit!(
    /// Length, m.
    Meters, "m"
);
unit!(
    /// Duration, s.
    Seconds, "s"
);
unit!(
    /// Speed, m/s.
    MetersPerSecond, "m/s"
);
unit!(
    /// Acceleration, m/s2.
    MetersPerSecond2, "m/s2"
);
unit!(
    /// Angle, rad.
    Radians, "rad"
);
unit!(
    /// Mass, kg.
    Kilograms, "kg"
);
unit!(
    /// Volume, m3.
    CubicMeters, "m3"
);
unit!(
    /// Energy, Wh.
    WattHours, "Wh"
);
unit!(
    /// Power, W.
    Watts, "W"
);

impl MetersPerSecond {
    /// Converts from km/h, for reading maps and printing only.
    pub fn from_kmh(kmh: f64) -> Self {
        Self(kmh / 3.6)
    }

    /// Converts to km/h, for printing only.
    pub fn to_kmh(self) -> f64 {
        self.0 * 3.6
    }
}

impl Div<MetersPerSecond> for Meters {
    type Output = Seconds;
    fn div(self, speed: MetersPerSecond) -> Seconds {
        Seconds(self.0 / speed.0)
    }
}

impl Div<Seconds> for Meters {
    type Output = MetersPerSecond;
    fn div(self, time: Seconds) -> MetersPerSecond {
        MetersPerSecond(self.0 / time.0)
    }
}

impl Mul<Seconds> for MetersPerSecond {
    type Output = Meters;
    fn mul(self, time: Seconds) -> Meters {
        Meters(self.0 * time.0)
    }
}

impl Mul<Seconds> for Watts {
    type Output = WattHours;
    fn mul(self, time: Seconds) -> WattHours {
        WattHours(self.0 * time.0 / 3600.0)
    }
}

/// An amount of money in millionths of the operator's currency, so that sums are exact.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Rounds an amount in whole currency units to the nearest millionth; NaN is zero.
    pub fn from_units(units: f64) -> Self {
        Self((units * 1e6).round() as i64)
    }

    /// The amount in whole currency units, for printing and ratios.
    pub fn to_units(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|v| v.0).sum())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.*}", f.precision().unwrap_or(2), self.to_units())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_combine_as_physics_says() {
        assert_eq!(Meters(100.0) / MetersPerSecond(5.0), Seconds(20.0));
        assert_eq!(MetersPerSecond(5.0) * Seconds(3.0), Meters(15.0));
        assert_eq!(Watts(1800.0) * Seconds(3600.0), WattHours(1800.0));
        assert!((MetersPerSecond::from_kmh(36.0).0 - 10.0).abs() < 1e-12);
    }

    #[test]
    fn money_sums_exactly() {
        let total: Money = (0..1000).map(|_| Money::from_units(0.1)).sum();
        assert_eq!(total, Money::from_units(100.0));
        assert_eq!(format!("{:.3}", Money(1_234_567)), "1.235");
    }
}
