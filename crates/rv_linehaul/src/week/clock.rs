//! When lanes may be left and how long drives take, hour by hour.
//!
//! A drive goes on at a pace that the hour of the day sets (Ichoua, Gendreau and Potvin 2003), so
//! who leaves later never arrives earlier, and arrival times are continuous in departure times.

use rv_model::linehaul::Week;

use crate::timed::Clock;

/// Seconds of an hour.
const HOUR_S: f64 = 3600.0;

/// The week's lanes as a clock. A departure's moment is when loading begins; its load is at hand
/// when unloading is done.
pub(crate) struct WeekClock<'a> {
    week: &'a Week,
    /// Free driving time that fits into the hours since midnight, by profile and hour, s.
    done: Vec<[f64; 25]>,
    /// Lanes that may not be used from a moment on.
    pub(crate) closed_from_s: Vec<f64>,
}

impl<'a> WeekClock<'a> {
    pub(crate) fn new(week: &'a Week) -> Self {
        let done = week
            .profiles
            .iter()
            .map(|profile| {
                let mut sum = [0.0; 25];
                for hour in 0..24 {
                    sum[hour + 1] = sum[hour] + HOUR_S / profile[hour];
                }
                sum
            })
            .collect();
        Self { week, done, closed_from_s: vec![f64::INFINITY; week.lanes.len()] }
    }

    /// When a drive that leaves at a moment ends, s.
    pub(crate) fn drive(&self, lane: u32, depart_s: f64) -> f64 {
        let row = &self.week.lanes[lane as usize];
        self.moment(row.profile, self.progress(row.profile, depart_s) + row.travel_s)
    }

    /// When a drive that ends at a moment must leave, s.
    fn drive_back(&self, lane: u32, arrive_s: f64) -> f64 {
        let row = &self.week.lanes[lane as usize];
        self.moment(row.profile, self.progress(row.profile, arrive_s) - row.travel_s)
    }

    /// Earliest moment from `from_s` on at which wheels may roll; infinite if there is none.
    pub(crate) fn open_from(&self, lane: u32, from_s: f64) -> f64 {
        let open = self.open_any(lane, from_s);
        let is_over =
            open > f64::from(self.week.hours) * HOUR_S || open >= self.closed_from_s[lane as usize];
        if is_over { f64::INFINITY } else { open }
    }

    /// Like [`WeekClock::open_from`], also after the week: for trucks on their way back.
    pub(crate) fn open_any(&self, lane: u32, from_s: f64) -> f64 {
        match self.week.lanes[lane as usize].hours {
            Some(hours) if !hours.contains_s(from_s) => {
                let day = (from_s / HOUR_S / 24.0).floor();
                let today = (day * 24.0 + f64::from(hours.from_h)) * HOUR_S;
                if today >= from_s { today } else { today + 24.0 * HOUR_S }
            }
            _ => from_s,
        }
    }

    /// Latest moment up to `until_s` at which wheels may roll; minus infinity if there is none.
    fn open_until(&self, lane: u32, until_s: f64) -> f64 {
        let mut until = until_s.min(f64::from(self.week.hours) * HOUR_S);
        if until >= self.closed_from_s[lane as usize] {
            until = self.closed_from_s[lane as usize] - 1.0;
        }
        match self.week.lanes[lane as usize].hours {
            Some(hours) if !hours.contains_s(until) => {
                // One second before the hours end: they do not contain their end.
                let day = (until / HOUR_S / 24.0).floor();
                let today = (day * 24.0 + f64::from(hours.to_h)) * HOUR_S - 1.0;
                if today <= until { today } else { today - 24.0 * HOUR_S }
            }
            _ => until,
        }
    }

    fn progress(&self, profile: u32, moment_s: f64) -> f64 {
        let done = &self.done[profile as usize];
        let hours = moment_s / HOUR_S;
        let day = (hours / 24.0).floor();
        let hour = ((hours - day * 24.0) as usize).min(23);
        let into = moment_s - (day * 24.0 + hour as f64) * HOUR_S;
        let pace = (done[hour + 1] - done[hour]) / HOUR_S;
        day * done[24] + done[hour] + into * pace
    }

    fn moment(&self, profile: u32, progress_s: f64) -> f64 {
        let done = &self.done[profile as usize];
        let day = (progress_s / done[24]).floor();
        let rest = progress_s - day * done[24];
        let hour = done.partition_point(|d| *d <= rest).clamp(1, 24) - 1;
        let pace = (done[hour + 1] - done[hour]) / HOUR_S;
        (day * 24.0 + hour as f64) * HOUR_S + (rest - done[hour]) / pace
    }
}

impl Clock for WeekClock<'_> {
    fn earliest(&self, arc: u32, ready: f64) -> f64 {
        let load_s = self.week.costs.load_s;
        self.open_from(arc, ready + load_s) - load_s
    }

    fn arrival(&self, arc: u32, depart: f64) -> f64 {
        if depart == f64::INFINITY {
            return f64::INFINITY;
        }
        let costs = &self.week.costs;
        self.drive(arc, depart + costs.load_s) + costs.unload_s
    }

    fn latest(&self, arc: u32, needed: f64) -> f64 {
        let costs = &self.week.costs;
        // A hair earlier, so that rounding never makes a departure late.
        let rolls_s = self.drive_back(arc, needed - costs.unload_s) - 1e-6;
        self.open_until(arc, rolls_s) - costs.load_s
    }
}
