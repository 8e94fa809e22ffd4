//! Permits: where, when and with what an authority lets vehicles drive.

use rv_base::{LatLon, PermitId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::van::VehicleKind;

/// A permit. A van that holds permits drives only on roads, and in hours, that one of its permits
/// covers for its kind; a forbidden area binds every van of its kinds that lists the permit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permit {
    /// Identity.
    pub id: PermitId,
    /// Name for people.
    pub name: String,
    /// Vehicle kinds it speaks of.
    pub kinds: Vec<VehicleKind>,
    /// Where it allows driving; empty means everywhere.
    pub allowed: Vec<PermitArea>,
    /// Where it forbids driving, also inside what it allows.
    pub forbidden: Vec<PermitArea>,
    /// When it allows driving at all.
    pub hours: HourSet,
}

impl Permit {
    /// How many areas it speaks of.
    pub fn n_areas(&self) -> usize {
        self.allowed.len() + self.forbidden.len()
    }
}

/// A polygon, with the hours in which it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermitArea {
    /// Name for people.
    pub name: String,
    /// Outline of at least three points, closed implicitly, even-odd rule.
    pub outline: Vec<LatLon>,
    /// When it counts.
    pub hours: HourSet,
}

/// A set of the 168 hours of a week; hour 0 is Monday 00:00 in the city's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HourSet {
    bits: [u64; 3],
}

impl HourSet {
    /// The whole week.
    pub const ALWAYS: Self = Self { bits: [u64::MAX, u64::MAX, (1 << 40) - 1] };
    /// Never.
    pub const NEVER: Self = Self { bits: [0; 3] };

    /// Every day from one hour (0..24) up to, not including, another; wraps over midnight if the
    /// first is not before the second.
    pub fn daily(from_hour: u32, to_hour: u32) -> Self {
        let mut set = Self::NEVER;
        for hour in 0..168 {
            let of_day = hour % 24;
            let is_in = if from_hour < to_hour {
                (from_hour..to_hour).contains(&of_day)
            } else {
                of_day >= from_hour || of_day < to_hour
            };
            if is_in {
                set.bits[hour as usize / 64] |= 1 << (hour % 64);
            }
        }
        set
    }

    /// True if the hour (0..168) is in the set.
    pub fn contains_hour(&self, hour_of_week: u32) -> bool {
        hour_of_week < 168
            && self.bits[hour_of_week as usize / 64] & (1 << (hour_of_week % 64)) != 0
    }

    /// True if the moment lies in the set.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.contains_hour(at.hour_of_week())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_wrap_over_midnight() {
        let night = HourSet::daily(22, 6);
        assert!(night.contains_hour(23) && night.contains_hour(24 + 5) && !night.contains_hour(6));
        let day = HourSet::daily(6, 22);
        assert!((0..168).all(|h| day.contains_hour(h) != night.contains_hour(h)));
        assert!((0..168).all(|h| HourSet::ALWAYS.contains_hour(h)));
        assert!(!HourSet::ALWAYS.contains_hour(168));
    }
}
