//! How busy the roads are at which hour.

use rv_base::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};

/// How many times as long driving takes as on free roads, by hour; linear between the middles of
/// the hours. Hour 0 begins at midnight in the city's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficProfile {
    /// Monday to Friday; each at least 1.
    pub weekday: [f64; 24],
    /// Saturday and Sunday; each at least 1.
    pub weekend: [f64; 24],
}

impl TrafficProfile {
    /// Free roads at every hour.
    pub const FREE: Self = Self { weekday: [1.0; 24], weekend: [1.0; 24] };

    /// A mid-sized city: two weekday peaks of about 40 % and a flat weekend, in the shape that
    /// congestion indices publish (for instance the TomTom Traffic Index by hour of day).
    pub const fn typical() -> Self {
        Self {
            weekday: [
                1.00, 1.00, 1.00, 1.00, 1.00, 1.02, 1.10, 1.28, 1.38, 1.24, 1.16, 1.17, 1.20, 1.20,
                1.20, 1.25, 1.36, 1.42, 1.30, 1.15, 1.08, 1.05, 1.02, 1.00,
            ],
            weekend: [
                1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.02, 1.05, 1.10, 1.14, 1.16, 1.17, 1.16,
                1.15, 1.15, 1.16, 1.16, 1.14, 1.10, 1.06, 1.04, 1.02, 1.00,
            ],
        }
    }

    /// The factor at a moment; at least 1.
    pub fn factor(&self, at: Timestamp) -> f64 {
        let hours = f64::from(at.second_of_day()) / 3600.0 - 0.5;
        let hour_before = hours.floor();
        let share = hours - hour_before;
        let day = if at.hour_of_week() < 5 * 24 { &self.weekday } else { &self.weekend };
        let of_hour = |hour: f64| day[hour.rem_euclid(24.0) as usize % 24];
        let factor = of_hour(hour_before) * (1.0 - share) + of_hour(hour_before + 1.0) * share;
        factor.max(1.0)
    }

    /// Driving time for what takes `free` on free roads, when started at `at`.
    pub fn driving_time(&self, at: Timestamp, free: Seconds) -> Seconds {
        free * self.factor(at + free * 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_where_the_table_says() {
        let profile = TrafficProfile::typical();
        // 2026-03-02 is a Monday, 2026-03-07 a Saturday.
        let monday = Timestamp::from_secs(1_772_409_600);
        let at = |hours: f64| monday + Seconds(hours * 3600.0);
        assert!((profile.factor(at(8.5)) - 1.38).abs() < 1e-9);
        assert!((profile.factor(at(9.0)) - 1.31).abs() < 1e-9);
        assert!((profile.factor(at(0.0)) - 1.0).abs() < 1e-9);
        assert!((profile.factor(at(5.0 * 24.0 + 8.5)) - 1.05).abs() < 1e-9);
        assert_eq!(TrafficProfile::FREE.driving_time(at(8.0), Seconds(60.0)), Seconds(60.0));
    }
}
