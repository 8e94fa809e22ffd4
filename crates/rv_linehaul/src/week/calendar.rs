//! When something is open: daily hours, less the times in which it is closed.

use rv_model::linehaul::DailyHours;

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
/// Closed times that one question steps over before there is no answer.
const STEPS_MAX: usize = 400;

/// Open hours of a hub or lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    daily: Vec<DailyHours>,
    /// (from, to) of closed times, s.
    closed: Vec<(f64, f64)>,
}

impl Calendar {
    pub(crate) fn new(daily: impl Iterator<Item = DailyHours>) -> Self {
        // From an hour up to the same hour is the whole day.
        Self { daily: daily.filter(|h| h.from_h % 24 != h.to_h % 24).collect(), closed: Vec::new() }
    }

    pub(crate) fn close(&mut self, from_s: f64, to_s: f64) {
        self.closed.push((from_s, to_s));
    }

    /// Closes when another is closed.
    pub(crate) fn close_like(&mut self, other: &Self) {
        self.closed.extend(&other.closed);
    }

    /// Earliest moment from `from_s` on at which it is open for `len_s`; infinite if there is none.
    pub(crate) fn first_fit(&self, from_s: f64, len_s: f64) -> f64 {
        let mut at = from_s;
        if self.is_always_open() || !from_s.is_finite() {
            return at;
        }
        for _ in 0..STEPS_MAX {
            match self.clashes(at, len_s).max_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((_, to_s)) => at = to_s,
                None => return at,
            }
        }
        f64::INFINITY
    }

    /// Latest moment up to `until_s` at which it is open for `len_s`; minus infinity if there is
    /// none.
    pub(crate) fn last_fit(&self, until_s: f64, len_s: f64) -> f64 {
        let mut at = until_s;
        if self.is_always_open() || !until_s.is_finite() {
            return at;
        }
        for _ in 0..STEPS_MAX {
            match self.clashes(at, len_s).min_by(|a, b| a.0.total_cmp(&b.0)) {
                // Closing time itself is closed to what takes no time.
                Some((from_s, _)) => at = from_s - if len_s > 0.0 { len_s } else { 1.0 },
                None => return at,
            }
            if at < 0.0 {
                break;
            }
        }
        f64::NEG_INFINITY
    }

    fn is_always_open(&self) -> bool {
        self.daily.is_empty() && self.closed.is_empty()
    }

    /// Closed times that meet `len_s` from `at_s` on.
    fn clashes(&self, at_s: f64, len_s: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        let day = (at_s / DAY_S).floor();
        let nights = self.daily.iter().flat_map(move |hours| {
            // Closed from the last hour to the first, today or begun yesterday.
            let (close, open) = (f64::from(hours.to_h) * 3600.0, f64::from(hours.from_h) * 3600.0);
            let len = (open - close).rem_euclid(DAY_S);
            (-1..=1).map(move |offset| {
                let from = (day + f64::from(offset)) * DAY_S + close;
                (from, from + len)
            })
        });
        nights.chain(self.closed.iter().copied()).filter(move |&(from, to)| {
            at_s < to && (at_s + len_s > from || (len_s <= 0.0 && at_s >= from))
        })
    }
}
