//! What is to be planned.

use std::collections::BTreeMap;

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

/// A window that may be missed at a price: service that begins early or late costs by the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftWindow {
    /// When service costs nothing more.
    pub window: Window,
    /// Cost of each hour by which service begins before the window; not negative.
    pub early_per_hour: Money,
    /// Cost of each hour by which service begins after the window; not negative.
    pub late_per_hour: Money,
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
    /// What it costs to come early or late within the hard windows.
    pub soft: Option<SoftWindow>,
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

/// What was told to drivers, stations and customers about an order, and what it costs to change it.
/// An order that is left out pays its prize and none of this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The vehicle (index) that was told to serve it, and the cost if another one does.
    pub vehicle: Option<(u32, Money)>,
    /// The depot (index) that was told to have it ready, and the cost if it is loaded elsewhere.
    pub depot: Option<(u32, Money)>,
    /// The time told to the customer (for a transfer: of its dropoff), and the cost of missing it.
    pub begin: Option<SoftWindow>,
}

/// What a tenant was promised for all of its orders together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLevel {
    /// Share of the tenant's orders, in thousandths, that must be served, and begun not later than
    /// their soft windows end.
    pub share_permille: u16,
    /// Cost of each order short of that share.
    pub cost_per_order: Money,
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
    /// The tenant (index) whose service level it counts for.
    pub tenant: Option<u32>,
    /// The compartment (index) of its vehicle that it lies in or must go into.
    pub compartment: Option<u16>,
    /// What was told about it.
    pub told: Told,
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
    /// What all vehicles together may load here, in each load dimension; `None` has no limit. What
    /// is on board already does not count.
    pub stock: Option<Load>,
}

/// How a charging place fills a battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeKind {
    /// A plug of this power, mW.
    Plug {
        /// Most power it gives, mW.
        power_mw: i64,
    },
    /// A full battery for the one on board, in the setup time alone.
    Swap,
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
    /// Plug or swap.
    pub kind: ChargeKind,
    /// Vehicles that can charge at the same time, from the begin of the setup to the departure;
    /// others wait for a bay. `None` has no limit.
    pub bays: Option<u32>,
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
    /// What a kilometre takes more for each unit of load on board, by load dimension, in millionths
    /// of a watt-hour; rounded down to mWh for each leg.
    pub load_uwh_per_km: Load,
}

impl Battery {
    /// What the load on board adds to the energy of a leg, mWh.
    pub fn load_mwh(&self, distance_mm: i32, load: &[i64; MAX_LOAD_DIMS]) -> i64 {
        let pairs = self.load_uwh_per_km.iter().zip(load);
        let uwh_per_km: i128 =
            pairs.map(|(rate, amount)| i128::from(*rate) * i128::from(*amount)).sum();
        (uwh_per_km * i128::from(distance_mm) / 1_000_000_000).clamp(0, 1 << 40) as i64
    }
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

/// How a compartment is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Everything in it can be reached at any time.
    Free,
    /// What was put in last comes out first. What is loaded at a depot at the same time is stacked
    /// as the route needs it.
    LastInFirstOut,
}

/// A part of a vehicle's load space. The whole load of an order lies in one compartment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compartment {
    /// Most that it holds.
    pub capacity: Load,
    /// How it is opened.
    pub door: Door,
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
    /// Compartments; without any, the load space is one. What lies in them counts for `capacity`,
    /// too.
    pub compartments: Vec<Compartment>,
    /// Capabilities, one bit each.
    pub skills: u64,
    /// Permits that it holds, one bit for each area.
    pub permits: u64,
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

/// Permits that places and ways ask for; those that a road crosses on its way between two locations
/// are written to the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermitMap {
    /// By location, one bit for each area that it lies in; empty if no location asks for any.
    pub of_location: Vec<u64>,
    /// By way from a location to another, one bit for each area that it crosses.
    pub of_way: BTreeMap<(u32, u32), u64>,
}

impl PermitMap {
    /// The permits that a vehicle needs to be at a location.
    pub fn location(&self, location: u32) -> u64 {
        self.of_location.get(location as usize).copied().unwrap_or(0)
    }

    /// The permits that a vehicle needs to drive from one location to another and be there.
    pub fn way(&self, from: u32, to: u32) -> u64 {
        if self.of_way.is_empty() {
            return self.location(to);
        }
        self.location(to) | self.of_way.get(&(from, to)).copied().unwrap_or(0)
    }
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
    /// Service levels by tenant.
    pub tenants: Vec<ServiceLevel>,
    /// Where vehicles need permits.
    pub permits: PermitMap,
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

    /// Service levels by tenant.
    pub fn tenants(&self) -> &[ServiceLevel] {
        &self.data.tenants
    }

    /// Where vehicles need permits.
    pub fn permits(&self) -> &PermitMap {
        &self.data.permits
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
