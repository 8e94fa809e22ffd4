//! When the trucks of a plan are where, for everybody who goes by a plan.

use rv_model::linehaul::{Disruption, Week, WeekDeparture, WeekError};

use super::clock::WeekClock;

/// Moments of a drive with freight, s since Monday 00:00.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Loading begins.
    pub load_s: f64,
    /// Wheels roll.
    pub depart_s: f64,
    /// The truck is at the other hub.
    pub arrive_s: f64,
    /// Its freight is unloaded and at hand.
    pub unloaded_s: f64,
}

/// The clock of a week, with what events close: how long its drives take, and when hubs unload.
pub struct Times<'a> {
    week: &'a Week,
    clock: WeekClock<'a>,
}

impl<'a> Times<'a> {
    /// The clock of a week.
    ///
    /// # Errors
    /// The week or an event is wrong.
    pub fn new(week: &'a Week, events: &[Disruption]) -> Result<Self, WeekError> {
        week.check()?;
        let closes = |event: &&Disruption| {
            matches!(event, Disruption::HubClosed { .. } | Disruption::LaneClosed { .. })
        };
        let closures: Vec<Disruption> = events.iter().filter(closes).cloned().collect();
        week.after(&closures, 0)?;
        Ok(Self { week, clock: WeekClock::new(week, 0.0, &closures) })
    }

    /// Moments of a departure; `None` if its lane does not exist.
    pub fn of_departure(&self, row: &WeekDeparture) -> Option<Moments> {
        self.week.lanes.get(row.lane as usize)?;
        Some(Moments {
            load_s: row.depart_s - self.week.costs.load_s,
            depart_s: row.depart_s,
            arrive_s: self.clock.drive(row.lane, row.depart_s),
            unloaded_s: self.clock.unloading(row.lane, row.depart_s).1,
        })
    }

    /// When a drive that leaves at a moment ends, s; `None` if the lane does not exist.
    pub fn arrival_s(&self, lane: u32, depart_s: f64) -> Option<f64> {
        self.week.lanes.get(lane as usize)?;
        Some(self.clock.drive(lane, depart_s))
    }
}
