//! When lanes may be left and how long drives take, hour by hour.
//!
//! A drive goes on at a pace that the hour of the day sets (Ichoua, Gendreau and Potvin 2003), so
//! who leaves later never arrives earlier, and arrival times are continuous in departure times.

use rv_model::linehaul::{Disruption, Week};

use super::calendar::Calendar;
use crate::timed::Clock;

/// Seconds of an hour.
const HOUR_S: f64 = 3600.0;
/// Times that hours of the lane and of both hubs push each other on before there is no answer.
const PUSHES_MAX: usize = 60;

/// Slack for rounding of moments, s.
const ROUNDING_S: f64 = 1e-6;

/// The week's lanes as a clock. A departure's moment is when loading begins; its load is at hand
/// when unloading is done.
pub(crate) struct WeekClock<'a> {
    week: &'a Week,
    /// Free driving time that fits into the hours since midnight, by profile and hour, s.
    done: Vec<[f64; 25]>,
    hubs: Vec<Calendar>,
    /// For the class that is planned with.
    lanes: Vec<Calendar>,
    /// Loading begins no earlier, s.
    from_s: f64,
}

impl<'a> WeekClock<'a> {
    /// The clock from a moment on, with what events close.
    pub(crate) fn new(week: &'a Week, from_s: f64, events: &[Disruption]) -> Self {
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
        let mut hubs: Vec<Calendar> =
            week.hubs.iter().map(|hub| Calendar::new(hub.hours.into_iter())).collect();
        let mut lanes: Vec<Calendar> = (0..week.lanes.len() as u32)
            .map(|l| class_calendar(week, l, super::class_of(week, l)))
            .collect();
        for event in events {
            match *event {
                Disruption::HubClosed { hub, from_s, to_s } => {
                    hubs[hub as usize].close(from_s, to_s);
                }
                Disruption::LaneClosed { lane, from_s, to_s } => {
                    lanes[lane as usize].close(from_s, to_s);
                }
                Disruption::TruckLost { .. } | Disruption::Surge { .. } => {}
            }
        }
        Self { week, done, hubs, lanes, from_s }
    }

    /// When a drive that leaves at a moment ends, s.
    pub(crate) fn drive(&self, lane: u32, depart_s: f64) -> f64 {
        let row = &self.week.lanes[lane as usize];
        self.moment(row.profile, self.progress(row.profile, depart_s) + row.travel_s)
    }

    /// When a truck that leaves with freight at a moment is being unloaded: from, to, s.
    pub(crate) fn unloading(&self, lane: u32, depart_s: f64) -> (f64, f64) {
        let hub = &self.hubs[self.week.lanes[lane as usize].to as usize];
        let unload_s = self.week.costs.unload_s;
        let from = hub.first_fit(self.drive(lane, depart_s), unload_s);
        (from, from + unload_s)
    }

    /// When a drive that ends at a moment must leave, s.
    fn drive_back(&self, lane: u32, arrive_s: f64) -> f64 {
        let row = &self.week.lanes[lane as usize];
        self.moment(row.profile, self.progress(row.profile, arrive_s) - row.travel_s)
    }

    /// Earliest moment from `from_s` on at which a truck of a class may leave empty, also after the
    /// week; infinite if there is none.
    pub(crate) fn open_empty(&self, lane: u32, class: u32, from_s: f64) -> f64 {
        self.of_class(lane, class).first_fit(from_s.max(self.from_s), 0.0)
    }

    /// When a truck that is to be at the end of a lane at a moment must leave, hours aside, s.
    pub(crate) fn leave_by(&self, lane: u32, there_s: f64) -> f64 {
        self.drive_back(lane, there_s) - 1e-6
    }

    /// Latest moment up to `until_s` at which a truck of a class may leave empty; minus infinity if
    /// there is none.
    pub(crate) fn open_empty_by(&self, lane: u32, class: u32, until_s: f64) -> f64 {
        self.of_class(lane, class).last_fit(until_s, 0.0)
    }

    fn of_class(&self, lane: u32, class: u32) -> std::borrow::Cow<'_, Calendar> {
        let planned = &self.lanes[lane as usize];
        if class == super::class_of(self.week, lane) {
            return std::borrow::Cow::Borrowed(planned);
        }
        let mut other = class_calendar(self.week, lane, class);
        other.close_like(planned);
        std::borrow::Cow::Owned(other)
    }

    fn end_s(&self) -> f64 {
        f64::from(self.week.hours) * HOUR_S
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

/// Hours of a lane for one class.
fn class_calendar(week: &Week, lane: u32, class: u32) -> Calendar {
    let row = &week.lanes[lane as usize];
    let of_class = row.class_hours.iter().filter(|r| r.class == class).map(|r| r.hours);
    Calendar::new(row.hours.into_iter().chain(of_class))
}

impl Clock for WeekClock<'_> {
    fn earliest(&self, arc: u32, ready: f64) -> f64 {
        let load_s = self.week.costs.load_s;
        let hub = &self.hubs[self.week.lanes[arc as usize].from as usize];
        let mut load = ready.max(self.from_s);
        for _ in 0..PUSHES_MAX {
            let docked = hub.first_fit(load, load_s);
            let rolls = self.lanes[arc as usize].first_fit(docked + load_s, 0.0);
            load = rolls - load_s;
            if rolls > self.end_s() || load == docked || rolls == docked + load_s {
                break;
            }
        }
        if load + load_s > self.end_s() { f64::INFINITY } else { load }
    }

    fn arrival(&self, arc: u32, depart: f64) -> f64 {
        if depart == f64::INFINITY {
            return f64::INFINITY;
        }
        self.unloading(arc, depart + self.week.costs.load_s).1
    }

    fn latest(&self, arc: u32, needed: f64) -> f64 {
        let costs = &self.week.costs;
        let lane = &self.week.lanes[arc as usize];
        let unload = self.hubs[lane.to as usize].last_fit(needed - costs.unload_s, costs.unload_s);
        if unload == f64::NEG_INFINITY {
            return unload;
        }
        // A hair later, so that rounding never closes a window that is just wide enough; far less
        // than what counts as late.
        let mut rolls = (self.drive_back(arc, unload) + ROUNDING_S).min(self.end_s());
        let hub = &self.hubs[lane.from as usize];
        for _ in 0..PUSHES_MAX {
            let open = self.lanes[arc as usize].last_fit(rolls, 0.0);
            let load = hub.last_fit(open - costs.load_s, costs.load_s);
            if load == f64::NEG_INFINITY
                || load + costs.load_s == open
                || load == open - costs.load_s
            {
                return load;
            }
            rolls = load + costs.load_s;
        }
        f64::NEG_INFINITY
    }
}
