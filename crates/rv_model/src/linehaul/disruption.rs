//! What happens to a week while it runs.

use serde::{Deserialize, Serialize};

use super::week::known;
use super::{Commodity, Week, WeekError, WeekPlan};

/// Something that a running plan did not foresee. Moments are seconds since Monday 00:00.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Disruption {
    /// No truck is loaded or unloaded at a hub for a while; who is on the road to it arrives, and
    /// is unloaded when it opens.
    HubClosed {
        /// Which hub.
        hub: u32,
        /// From when.
        from_s: f64,
        /// Until when.
        to_s: f64,
    },
    /// No truck leaves on a lane for a while.
    LaneClosed {
        /// Which lane.
        lane: u32,
        /// From when.
        from_s: f64,
        /// Until when.
        to_s: f64,
    },
    /// A truck finishes what it has begun, and does nothing after that.
    TruckLost {
        /// Which truck of the plan that runs.
        truck: u32,
    },
    /// More freight.
    Surge {
        /// It goes behind the week's commodities.
        commodities: Vec<Commodity>,
    },
}

/// A plan made anew while another ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replan {
    /// When: what was being loaded or had left by then is kept, s.
    pub at_s: f64,
    /// What happened, in this order.
    pub events: Vec<Disruption>,
    /// The new plan; trucks of the old one keep their numbers.
    pub plan: WeekPlan,
}

impl Week {
    /// The week with the freight that events bring.
    ///
    /// # Errors
    /// An event names what does not exist, or its times or freight are out of range.
    pub fn after(&self, events: &[Disruption], n_trucks: usize) -> Result<Self, WeekError> {
        let mut week = self.clone();
        for (i, event) in events.iter().enumerate() {
            let span = match *event {
                Disruption::HubClosed { hub, from_s, to_s } => {
                    known("event", i, "hub", hub, self.hubs.len())?;
                    Some((from_s, to_s))
                }
                Disruption::LaneClosed { lane, from_s, to_s } => {
                    known("event", i, "lane", lane, self.lanes.len())?;
                    Some((from_s, to_s))
                }
                Disruption::TruckLost { truck } => {
                    known("event", i, "truck", truck, n_trucks)?;
                    None
                }
                Disruption::Surge { ref commodities } => {
                    week.commodities.extend(commodities.iter().cloned());
                    None
                }
            };
            if let Some((from_s, to_s)) = span
                && !(from_s >= 0.0 && to_s > from_s && to_s.is_finite())
            {
                let (what, field) = ("event", "end of the closure");
                return Err(WeekError::OutOfRange { what, idx: i, field, value: to_s });
            }
        }
        week.check()?;
        Ok(week)
    }
}
