//! Time as data: nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use crate::units::Seconds;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The epoch.
    pub const ZERO: Self = Self(0);
    /// Later than every moment in use.
    pub const FAR_FUTURE: Self = Self(i64::MAX / 4);

    /// Builds from whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1000)
    }

    /// Time since `earlier`; negative if `earlier` is later.
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds((self.0 - earlier.0) as f64 / 1000.0)
    }

    /// Second of the day (UTC), 0..86,400.
    pub fn second_of_day(self) -> u32 {
        (self.0.div_euclid(1000).rem_euclid(86_400)) as u32
    }

    /// Hour of the week (UTC), 0..168; 0 is Monday 00:00.
    pub fn hour_of_week(self) -> u32 {
        // 1970-01-01 was a Thursday: three days after Monday.
        ((self.0.div_euclid(3_600_000) + 3 * 24).rem_euclid(168)) as u32
    }
}

impl Add<Seconds> for Timestamp {
    type Output = Self;
    /// Rounds to the nearest millisecond.
    fn add(self, span: Seconds) -> Self {
        Self(self.0 + (span.0 * 1000.0).round() as i64)
    }
}

impl Sub<Seconds> for Timestamp {
    type Output = Self;
    /// Rounds to the nearest millisecond.
    fn sub(self, span: Seconds) -> Self {
        Self(self.0 - (span.0 * 1000.0).round() as i64)
    }
}

impl Sub for Timestamp {
    type Output = Seconds;
    fn sub(self, earlier: Self) -> Seconds {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    /// Prints RFC 3339 in UTC, such as `2026-03-02T06:30:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000);
        let ms = self.0.rem_euclid(86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }
}

/// Proleptic Gregorian date of a day number (0 = 1970-01-01), by 400-year eras that start on
/// 1 March, so that the leap day is the last of its year.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A closed time window `[start, end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeWindow {
    /// Earliest moment.
    pub start: Timestamp,
    /// Latest moment; not before `start`.
    pub end: Timestamp,
}

impl TimeWindow {
    /// Any time at all.
    pub const ALWAYS: Self = Self { start: Timestamp::ZERO, end: Timestamp::FAR_FUTURE };

    /// Builds a window, or `None` if it would end before it begins.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// True if `at` lies in the window, both ends included.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at <= self.end
    }

    /// Length of the window.
    pub fn length(&self) -> Seconds {
        self.end - self.start
    }
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

    /// Every day between two hours of which both are given, always if neither is; nothing if they
    /// are no two different hours of the day.
    pub fn between(from_hour: Option<u32>, to_hour: Option<u32>) -> Option<Self> {
        match (from_hour, to_hour) {
            (None, None) => Some(Self::ALWAYS),
            (Some(from @ 0..=23), Some(to @ 0..=24)) if from != to => Some(Self::daily(from, to)),
            _ => None,
        }
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
    fn prints_rfc3339_across_leap_years() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_772_433_000, "2026-03-02T06:30:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Timestamp::from_secs(secs).to_string(), text);
        }
    }

    #[test]
    fn week_starts_on_monday() {
        // 2026-03-02 is a Monday.
        assert_eq!(Timestamp::from_secs(1_772_433_000).hour_of_week(), 6);
        assert_eq!(Timestamp::from_secs(1_772_433_000 - 86_400).hour_of_week(), 6 * 24 + 6);
        assert_eq!(Timestamp::from_secs(1_772_433_000).second_of_day(), 6 * 3600 + 1800);
    }

    #[test]
    fn windows_are_closed_and_ordered() {
        let (a, b) = (Timestamp(5), Timestamp(9));
        assert!(TimeWindow::new(b, a).is_none());
        let window = TimeWindow::new(a, b).unwrap();
        assert!(window.contains(a) && window.contains(b) && !window.contains(Timestamp(10)));
    }

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
