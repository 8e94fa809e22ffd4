//! What was planned.

use rv_base::Money;
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
    /// The compartment that the visit's load comes from or goes into.
    pub compartment: Option<u16>,
}

impl Visit {
    /// A task without times, which the judge then finds: as early as can be.
    pub fn untimed(task: Task) -> Self {
        Self {
            task,
            arrive_ms: 0,
            begin_ms: 0,
            leave_ms: 0,
            load: [0; super::problem::MAX_LOAD_DIMS],
            charge_mwh: 0,
            compartment: None,
        }
    }

    /// Whether times, load or charge are stated.
    pub fn is_timed(&self) -> bool {
        (self.arrive_ms, self.begin_ms, self.leave_ms, self.charge_mwh) != (0, 0, 0, 0)
    }
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
    /// The visits between start and end. A visit may begin later than it could: the vehicle waits.
    pub visits: Vec<Visit>,
}

impl Route {
    /// The tasks in order.
    pub fn tasks(&self) -> impl Iterator<Item = Task> + '_ {
        self.visits.iter().map(|visit| visit.task)
    }
}

/// A change that would let an order in, every other order staying where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relaxation {
    /// Its window opens so much earlier or ends so much later; a transfer has two.
    Window {
        /// Whether the dropoff of a transfer is meant, and not its pickup.
        is_dropoff: bool,
        /// How much earlier its first window opens, ms.
        early_ms: i64,
        /// How much later its last window ends, ms.
        late_ms: i64,
    },
    /// The vehicle's shift ends so much later, and its longest duration grows as much.
    Shift {
        /// How much later, ms.
        late_ms: i64,
    },
    /// The vehicle may drive so much further.
    Distance {
        /// How much further, mm.
        more_mm: i64,
    },
    /// The vehicle holds so much more.
    Capacity {
        /// How much more in each dimension.
        more: Load,
    },
    /// The vehicle's battery holds, and has at the start, so much more.
    Battery {
        /// How much more, mWh.
        more_mwh: i64,
    },
    /// The vehicle has these further capabilities.
    Skills {
        /// The missing bits.
        missing: u64,
    },
    /// The vehicle holds these further permits.
    Permits {
        /// The missing bits.
        missing: u64,
    },
    /// The vehicle's compartments are one space without doors that matter.
    Compartments,
    /// The depot has so much more in stock.
    Stock {
        /// Which depot (index).
        depot: u32,
        /// How much more in each dimension.
        more: Load,
    },
    /// The charging place has so many more bays.
    Bays {
        /// Which (index).
        charger: u32,
        /// How many more.
        more: u32,
    },
    /// The vehicle may fetch loads at this depot once more.
    Reload {
        /// Which depot (index).
        depot: u32,
    },
    /// These orders of the vehicle's route are given up instead.
    InsteadOf {
        /// Which orders (indices).
        orders: Vec<u32>,
    },
    /// One more vehicle like this one is there, unused.
    Vehicle,
    /// The order is worth so much more: it can be served, but costs more than its prize.
    Prize {
        /// How much more.
        more: Money,
    },
}

/// An order that was left out, and the least change found that would let it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    /// Which order (index).
    pub order: u32,
    /// What would have to change, all of it; the judge confirms that it is enough. Empty if no
    /// change would do (the place cannot be reached) or none was searched.
    pub relaxations: Vec<Relaxation>,
    /// The vehicle (index) for which the change would do.
    pub vehicle: Option<u32>,
    /// The route of that vehicle with the order, as the judge accepted it.
    pub route: Option<Route>,
}

impl Unassigned {
    /// An order that is left out without a word.
    pub fn silent(order: u32) -> Self {
        Self { order, relaxations: Vec::new(), vehicle: None, route: None }
    }
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
