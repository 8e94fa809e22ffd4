//! What was planned.

use serde::{Deserialize, Serialize};

use super::problem::Load;

/// One thing that a vehicle does at one place. Numbers are indices into the problem's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Serves a delivery or a pickup order, or makes the dropoff of a transfer.
    Serve(u32),
    /// Makes the pickup of a transfer order.
    Collect(u32),
    /// Visits a depot: pickups leave, the deliveries of the next trip are loaded.
    Reload(u32),
    /// Charges at a charging place.
    Charge {
        /// Which.
        charger: u32,
        /// How much, mWh.
        energy_mwh: i64,
    },
}

/// A task with its time, load and charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// What is done.
    pub task: Task,
    /// Arrival, ms.
    pub arrive_ms: i64,
    /// Begin of service after waiting, ms.
    pub begin_ms: i64,
    /// Departure, ms.
    pub leave_ms: i64,
    /// Load after the visit.
    pub load: Load,
    /// State of charge after the visit, mWh; 0 without a battery.
    pub charge_mwh: i64,
}

/// The route of one vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Which vehicle (index).
    pub vehicle: u32,
    /// Departure from the start, ms.
    pub depart_ms: i64,
    /// Arrival at the end, ms.
    pub end_ms: i64,
    /// Distance, mm.
    pub distance_mm: i64,
    /// The visits between start and end. Each begins as early as the departure allows.
    pub visits: Vec<Visit>,
}

impl Route {
    /// The tasks in order.
    pub fn tasks(&self) -> impl Iterator<Item = Task> + '_ {
        self.visits.iter().map(|visit| visit.task)
    }
}

/// The least change that would let an order in, every other order staying where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relaxation {
    /// Its window (of the pickup or the dropoff) ends so much later.
    Window {
        /// How much later, ms.
        late_ms: i64,
    },
    /// The vehicle's shift ends so much later (or its longest duration grows so much).
    Shift {
        /// How much later, ms.
        late_ms: i64,
    },
    /// The vehicle holds so much more.
    Capacity {
        /// How much more in each dimension.
        more: Load,
    },
    /// The vehicle's battery holds so much more at the start.
    Battery {
        /// How much more, mWh.
        more_mwh: i64,
    },
    /// The vehicle has these further capabilities.
    Skills {
        /// The missing bits.
        missing: u64,
    },
    /// One more vehicle like this one is there, unused.
    Vehicle,
    /// The order is worth so much more: it can be served, but costs more than its prize.
    Prize {
        /// How much more, millionths of the currency unit.
        more: i64,
    },
    /// No single change was found: the place cannot be reached, or several limits bind at once.
    Nothing,
}

/// An order that was left out, and what would let it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    /// Which order (index).
    pub order: u32,
    /// What would have to change.
    pub relaxation: Relaxation,
    /// The vehicle (index) for which the change would do, unless `Nothing`.
    pub vehicle: Option<u32>,
}

/// The answer of the dispatch engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Routes, ascending by vehicle; a vehicle without a route stays where it is, or drives home
    /// if it is on the road.
    pub routes: Vec<Route>,
    /// Orders left out, ascending.
    pub unassigned: Vec<Unassigned>,
}
