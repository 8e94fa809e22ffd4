//! What is to be planned.

use rv_base::Money;
use serde::{Deserialize, Serialize};

use super::travel::{Leg, Travel};
use super::validate::{ProblemError, validate};

/// Most dimensions a load can have.
pub const MAX_LOAD_DIMS: usize = 4;

/// An amount in each load dimension; unused dimensions are zero.
pub type Load = [i32; MAX_LOAD_DIMS];

/// A closed span of time `[start_ms, end_ms]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Earliest moment, ms.
    pub start_ms: i64,
    /// Latest moment, ms; not before `start_ms`.
    pub end_ms: i64,
}

impl Window {
    /// Any time at all.
    pub const ALWAYS: Self = Self { start_ms: i64::MIN / 4, end_ms: i64::MAX / 4 };
}

/// A visit that an order asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where: an index into the travel tables.
    pub location: u32,
    /// When service may begin: one or more windows, ascending and disjoint. Waiting is allowed.
    pub windows: Vec<Window>,
    /// Time spent at the stop, ms.
    pub service_ms: i64,
}

/// What an order asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// Bring the load from a depot to a stop.
    Delivery(Stop),
    /// Take the load from a stop to the next depot or the route's end.
    Pickup(Stop),
    /// Take the load from one stop to another with the same vehicle and without a depot between.
    Transfer {
        /// Where the load is taken.
        pickup: Stop,
        /// Where it goes.
        dropoff: Stop,
    },
}

/// Whether an order must be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Left out only if no way to serve it is found.
    Required,
    /// Left out if serving it costs more than this.
    Optional(Money),
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The caller's id, unique within the problem.
    pub id: u64,
    /// What is asked for.
    pub kind: OrderKind,
    /// What is carried; not negative.
    pub load: Load,
    /// When the load is at the depot, ms; a trip leaves after the last release of its deliveries.
    pub release_ms: i64,
    /// Capabilities that the vehicle must have, one bit each.
    pub skills: u64,
    /// Whether it may be left out.
    pub presence: Presence,
    /// The vehicle (index) that carries it already: a delivery on board, or a transfer whose
    /// pickup is done. No other vehicle can serve it, and only before its next depot visit.
    pub on_board: Option<u32>,
}

/// A place where loads come from and go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depot {
    /// Where.
    pub location: u32,
    /// When vehicles may be loaded.
    pub window: Window,
    /// Time that a reload takes, ms. The first loading lies before the shift.
    pub reload_ms: i64,
}

/// A charging place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charger {
    /// Where.
    pub location: u32,
    /// When it is open.
    pub window: Window,
    /// Time to plug in and out, ms.
    pub setup_ms: i64,
    /// Most power it gives, mW.
    pub power_mw: i64,
}

/// A vehicle's battery at the start of its route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Battery {
    /// Usable capacity, mWh.
    pub capacity_mwh: i64,
    /// Charge at the start, mWh.
    pub start_mwh: i64,
    /// Charge that must remain at every moment, mWh.
    pub reserve_mwh: i64,
    /// Charging power by state of charge: a piecewise-linear charging curve, ascending in
    /// `up_to_mwh`, the last step reaching the capacity.
    pub curve: Vec<ChargeStep>,
}

/// One linear piece of a charging curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeStep {
    /// Charge up to which the power holds, mWh.
    pub up_to_mwh: i64,
    /// Power that the battery accepts, mW.
    pub power_mw: i64,
}

impl Battery {
    /// Time to charge from one state of charge to another at a charger, ms, rounded up.
    pub fn charge_ms(&self, from_mwh: i64, to_mwh: i64, charger_mw: i64) -> i64 {
        let mut total_ms = 0;
        let mut at_mwh = from_mwh;
        for step in &self.curve {
            let upper_mwh = step.up_to_mwh.min(to_mwh);
            if upper_mwh > at_mwh {
                let power_mw = i128::from(step.power_mw.min(charger_mw));
                let span = i128::from(upper_mwh - at_mwh) * 3_600_000;
                total_ms += ((span + power_mw - 1) / power_mw) as i64;
                at_mwh = upper_mwh;
            }
        }
        total_ms
    }
}

/// Where a route begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At a depot (index), empty but for what is on board: deliveries can be loaded first.
    Depot(u32),
    /// On the road at a location: new deliveries need a visit to a depot first. The vehicle leaves
    /// at once and drives to its end even if nothing is left to do.
    Road(u32),
}

/// One vehicle with the shift that is left to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vehicle {
    /// The caller's id, unique within the problem.
    pub id: u64,
    /// Where the route begins.
    pub start: Start,
    /// Location where it ends; `None` ends at the last visit.
    pub end: Option<u32>,
    /// Earliest departure and latest arrival at the end.
    pub shift: Window,
    /// Longest time from departure to end, ms.
    pub duration_ms_max: Option<i64>,
    /// Longest distance of the route, mm.
    pub distance_mm_max: Option<i64>,
    /// Most that it carries at any moment.
    pub capacity: Load,
    /// Load on board that belongs to no order to be served (collected parcels, returns): it stays
    /// until the next depot visit.
    pub extra_load: Load,
    /// Capabilities, one bit each.
    pub skills: u64,
    /// Which of the problem's travels it uses (index).
    pub profile: u32,
    /// Cost of using it at all.
    pub cost_fixed: Money,
    /// Cost of a kilometre.
    pub cost_per_km: Money,
    /// Cost of an hour between departure and end.
    pub cost_per_hour: Money,
    /// Depots (indices) where it may reload during the route.
    pub reload_depots: Vec<u32>,
    /// Most reloads during the route.
    pub reloads_max: u32,
    /// Battery; `None` never runs empty.
    pub battery: Option<Battery>,
    /// Tasks that come first, in this order, and may not be changed. Limits that they alone break
    /// (lateness, an empty battery, overtime) are accepted as they are.
    pub committed: Vec<super::Task>,
}

/// The whole input of the dispatch engine, before it is checked.
#[derive(Clone, Debug)]
pub struct ProblemData {
    /// Number of load dimensions in use, 1..=[`MAX_LOAD_DIMS`].
    pub n_load_dims: usize,
    /// Depots.
    pub depots: Vec<Depot>,
    /// Charging places.
    pub chargers: Vec<Charger>,
    /// Vehicles.
    pub vehicles: Vec<Vehicle>,
    /// Orders.
    pub orders: Vec<Order>,
    /// Travel by profile; all cover the same locations.
    pub travels: Vec<Travel>,
}

/// A checked problem: every index is in range, every number is sane.
#[derive(Clone, Debug)]
pub struct Problem {
    data: ProblemData,
}

impl Problem {
    /// Checks the data once; the error names the field that is wrong.
    pub fn new(data: ProblemData) -> Result<Self, ProblemError> {
        validate(&data)?;
        Ok(Self { data })
    }

    /// Gives the data back, to change it and check it again.
    pub fn into_data(self) -> ProblemData {
        self.data
    }

    /// Number of load dimensions in use.
    pub fn n_load_dims(&self) -> usize {
        self.data.n_load_dims
    }

    /// Depots.
    pub fn depots(&self) -> &[Depot] {
        &self.data.depots
    }

    /// Charging places.
    pub fn chargers(&self) -> &[Charger] {
        &self.data.chargers
    }

    /// Vehicles.
    pub fn vehicles(&self) -> &[Vehicle] {
        &self.data.vehicles
    }

    /// Orders.
    pub fn orders(&self) -> &[Order] {
        &self.data.orders
    }

    /// Travel by profile.
    pub fn travels(&self) -> &[Travel] {
        &self.data.travels
    }

    /// The leg of a vehicle between two locations.
    pub fn leg(&self, vehicle: &Vehicle, from: u32, to: u32) -> Leg {
        self.data.travels[vehicle.profile as usize].leg(from, to)
    }

    /// The location where a vehicle starts.
    pub fn start_location(&self, vehicle: &Vehicle) -> u32 {
        match vehicle.start {
            Start::Depot(depot) => self.data.depots[depot as usize].location,
            Start::Road(location) => location,
        }
    }
}
