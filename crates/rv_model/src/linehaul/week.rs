//! A week of a hub network: what is there, what is to be moved, and the plan that moves it.
//!
//! Moments are seconds since the week began (Monday 00:00). Costs are in one currency of the
//! operator's choice. Indices are 0-based.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most hubs a week may have.
pub const MAX_HUBS: usize = 2_000;
/// Most trucks of one fleet.
pub const MAX_TRUCKS: u32 = 50_000;
/// Longest week, h.
pub const MAX_HOURS: u32 = 24 * 31;
/// Longest time of anything, s: a year. Freight may be due later than the week ends, not so late that
/// moments lose their seconds.
pub const MAX_SPAN_S: f64 = 366.0 * 86_400.0;
/// Longest drive, and longest loading or unloading, s: 31 days.
pub const MAX_DRIVE_S: f64 = 31.0 * 86_400.0;
/// Most trucks that one commodity may fill, on the smallest class.
pub const MAX_TRUCKS_FILLED: f64 = 10_000.0;
/// Largest number of anything else: far above what the world holds, far below where sums round.
const MAX_NUMBER: f64 = 1e12;

/// Hours of every day from one (0..24) up to, not including, another; over midnight if the first
/// is not before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyHours {
    /// First hour.
    pub from_h: u32,
    /// Hour after the last.
    pub to_h: u32,
}

impl DailyHours {
    /// True if the moment (s since Monday 00:00) lies in the hours.
    pub fn contains_s(self, moment_s: f64) -> bool {
        let hour = (moment_s / 3600.0).rem_euclid(24.0) as u32;
        if self.from_h < self.to_h {
            (self.from_h..self.to_h).contains(&hour)
        } else {
            hour >= self.from_h || hour < self.to_h
        }
    }
}

/// A place where trucks are loaded, unloaded and charged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Name for people.
    pub name: String,
    /// Position on a plane, m.
    pub x_m: f64,
    /// Position on a plane, m.
    pub y_m: f64,
    /// Trucks that can be loaded or unloaded at once.
    pub docks: u32,
    /// Freight that can be loaded and unloaded in one clock hour, kg.
    pub handling_kg_per_h: f64,
    /// Trucks that can charge at once.
    pub chargers: u32,
    /// Power of each charger, W.
    pub charger_w: f64,
    /// Hours in which trucks are loaded and unloaded; at any time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<DailyHours>,
}

/// A connection from hub to hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// Hub that it leaves.
    pub from: u32,
    /// Hub that it enters.
    pub to: u32,
    /// Length, m.
    pub distance_m: f64,
    /// Driving time on free roads, s.
    pub travel_s: f64,
    /// Index of the hourly profile that slows it.
    pub profile: u32,
    /// Energy that a drive takes, Wh.
    pub energy_wh: f64,
    /// Truck classes that are permitted.
    pub classes: Vec<u32>,
    /// Hours in which trucks may leave; at any time if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<DailyHours>,
    /// Narrower hours of single classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_hours: Vec<ClassHours>,
    /// Most trucks of one platoon, its lead counted; 1 where platoons are not permitted.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub platoon_trucks: u32,
}

impl Lane {
    /// True if a truck of a class may leave at a moment (s since Monday 00:00).
    pub fn is_open(&self, class: u32, moment_s: f64) -> bool {
        let of_class = self.class_hours.iter().filter(|row| row.class == class);
        self.hours.iter().chain(of_class.map(|row| &row.hours)).all(|h| h.contains_s(moment_s))
    }
}

/// Hours in which one truck class may leave on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassHours {
    /// The class.
    pub class: u32,
    /// Its hours.
    pub hours: DailyHours,
}

/// A kind of truck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruckClass {
    /// Name for people.
    pub name: String,
    /// Freight that fits, kg.
    pub payload_kg: f64,
    /// Freight that fits, m3; no limit if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_m3: Option<f64>,
    /// Who drives.
    #[serde(default)]
    pub driving: Driving,
    /// Share of the cost of a drive, energy included, that each follower of a platoon saves
    /// (0..1); missing if the class does not drive in platoons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follower_saving: Option<f64>,
    /// Energy that the battery holds, Wh.
    pub battery_wh: f64,
    /// Cost of a kilometre, without energy.
    pub cost_per_km: f64,
    /// Cost of each drive from hub to hub, with or without freight.
    pub cost_per_trip: f64,
}

/// Who drives a truck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driving {
    /// Nobody.
    #[default]
    Driverless,
    /// A crew.
    Crewed,
}

/// Trucks of one class that begin the week at one hub, fully charged. As many trucks of the class
/// must be there when the plan ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// Where.
    pub hub: u32,
    /// Which class.
    pub class: u32,
    /// How many.
    pub n_trucks: u32,
}

/// Freight to be moved, which travels together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commodity {
    /// The order or consignment it belongs to; kept from the first mile to the last.
    pub key: String,
    /// Hub it starts from.
    pub origin: u32,
    /// Hub it goes to.
    pub destination: u32,
    /// Mass, kg.
    pub size_kg: f64,
    /// Volume, m3.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub volume_m3: f64,
    /// What it is worth; where trucks or docks do not suffice, what is worth most by mass is offered
    /// other ways first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub value: f64,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// When it is at the origin, s.
    pub release_s: f64,
    /// When it must be unloaded at the destination, s.
    pub due_s: f64,
}

/// What things cost and how long handling takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeekCosts {
    /// Loading and unloading one kg once.
    pub handling_per_kg: f64,
    /// One kWh.
    pub energy_per_kwh: f64,
    /// One kg that stands at a hub for one hour before its last drive.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub holding_per_kg_h: f64,
    /// One kg that arrives one hour after it is due. If it is missing, freight that cannot arrive
    /// in time is left where it is, with its earliest arrival; else it is carried late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_per_kg_h: Option<f64>,
    /// Loading a truck, s.
    pub load_s: f64,
    /// Unloading a truck, s.
    pub unload_s: f64,
}

/// A week to plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Week {
    /// Length in which departures may lie, h.
    pub hours: u32,
    /// Hubs.
    pub hubs: Vec<Hub>,
    /// How many times as long driving takes as on free roads, by hour of the day; each has 24
    /// numbers of at least 1.
    pub profiles: Vec<Vec<f64>>,
    /// Lanes.
    pub lanes: Vec<Lane>,
    /// Truck classes.
    pub classes: Vec<TruckClass>,
    /// Where trucks begin.
    pub fleets: Vec<Fleet>,
    /// Freight.
    pub commodities: Vec<Commodity>,
    /// Costs.
    pub costs: WeekCosts,
}

/// Trucks of one class that leave together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeekDeparture {
    /// Lane they drive.
    pub lane: u32,
    /// Their class.
    pub class: u32,
    /// How many.
    pub n_trucks: u32,
    /// When wheels roll, s; loading is done by then.
    pub depart_s: f64,
}

/// Something that a truck does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Leg {
    /// Drives in a departure, with freight.
    Service {
        /// Which departure.
        departure: u32,
    },
    /// Drives without freight.
    Empty {
        /// Lane.
        lane: u32,
        /// When wheels roll, s.
        depart_s: f64,
    },
    /// Charges where it is.
    Charge {
        /// Begin, s.
        from_s: f64,
        /// End, s.
        to_s: f64,
    },
}

/// The week of one truck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruckWeek {
    /// Fleet that it belongs to.
    pub fleet: u32,
    /// What it does, in order.
    pub legs: Vec<Leg>,
}

/// Why freight does not arrive in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LateReason {
    /// No way over open lanes and hubs arrives in time.
    NoWayInTime,
    /// A hub that closed was on its way, and no other way arrives in time.
    HubClosed {
        /// Which hub.
        hub: u32,
    },
    /// A lane that closed was on its way, and no other way arrives in time.
    LaneClosed {
        /// Which lane.
        lane: u32,
    },
    /// There is a way, but no truck or dock for it.
    Shortage,
}

/// Freight that does not arrive in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LateFreight {
    /// Which commodity.
    pub commodity: u32,
    /// When it could arrive if trucks and docks were plenty, s; missing if not at all in this week.
    pub earliest_arrival_s: Option<f64>,
    /// Why it does not arrive in time.
    pub reason: LateReason,
}

/// Answer to a week.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeekPlan {
    /// Every departure with freight.
    pub departures: Vec<WeekDeparture>,
    /// For each commodity the departures that it rides, in order; they end on the way if it is in
    /// `late` and does not arrive at all.
    pub itineraries: Vec<Vec<u32>>,
    /// Commodities that do not arrive in time, in the order of commodities.
    pub late: Vec<LateFreight>,
    /// Every truck that moves.
    pub trucks: Vec<TruckWeek>,
}

/// Why a week cannot be planned.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum WeekError {
    /// None of something, or too many.
    #[error("{what}: {n} are given, 1 to {max} are allowed")]
    Count {
        /// What.
        what: &'static str,
        /// How many there are.
        n: usize,
        /// How many there may be.
        max: usize,
    },
    /// Something names what does not exist.
    #[error("{what} {idx} names {kind} {named}, but there are only {n} (the first is 0)")]
    Unknown {
        /// What names it.
        what: &'static str,
        /// Which one.
        idx: usize,
        /// Kind of what is named.
        kind: &'static str,
        /// The number.
        named: u32,
        /// How many there are.
        n: usize,
    },
    /// A number is negative, zero where it may not be, too large, or not finite.
    #[error("{what} {idx}: {field} {value} is out of range")]
    OutOfRange {
        /// What it belongs to.
        what: &'static str,
        /// Which one.
        idx: usize,
        /// Which number.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// Both ends are the same hub.
    #[error("{what} {idx} begins and ends at hub {hub}")]
    Loop {
        /// What.
        what: &'static str,
        /// Which one.
        idx: usize,
        /// The hub.
        hub: u32,
    },
    /// A commodity is due before it is released.
    #[error("commodity {idx} is due at {due_s} s, before its release at {release_s} s")]
    DueBeforeRelease {
        /// Which one.
        idx: usize,
        /// Its release, s.
        release_s: f64,
        /// When it is due, s.
        due_s: f64,
    },
    /// A lane permits no truck class.
    #[error("lane {idx} permits no truck class")]
    NoClass {
        /// Which one.
        idx: usize,
    },
    /// No lanes lead from origin to destination.
    #[error("commodity {idx}: no lanes lead from hub {origin} to hub {destination}")]
    Disconnected {
        /// Which one.
        idx: usize,
        /// Its origin.
        origin: u32,
        /// Its destination.
        destination: u32,
    },
}

impl Week {
    /// Checks everything but what needs paths; planners check those.
    pub fn check(&self) -> Result<(), WeekError> {
        for (what, n, max) in [
            ("hours", self.hours as usize, MAX_HOURS as usize),
            ("hubs", self.hubs.len(), MAX_HUBS),
            ("profiles", self.profiles.len(), super::MAX_NODES),
            ("lanes", self.lanes.len(), super::MAX_ARCS),
            ("classes", self.classes.len(), 64),
            ("fleets", self.fleets.len(), super::MAX_NODES),
            ("commodities", self.commodities.len(), super::MAX_COMMODITIES),
        ] {
            if n == 0 || n > max {
                return Err(WeekError::Count { what, n, max });
            }
        }
        self.check_numbers()?;
        self.check_names()
    }

    fn check_numbers(&self) -> Result<(), WeekError> {
        let costs = &self.costs;
        positive_or_zero("costs", 0, "handling_per_kg", costs.handling_per_kg)?;
        positive_or_zero("costs", 0, "energy_per_kwh", costs.energy_per_kwh)?;
        positive_or_zero("costs", 0, "holding_per_kg_h", costs.holding_per_kg_h)?;
        let lateness = costs.lateness_per_kg_h.unwrap_or(0.0);
        positive_or_zero("costs", 0, "lateness_per_kg_h", lateness)?;
        at_most("costs", 0, "load_s", costs.load_s, MAX_DRIVE_S)?;
        at_most("costs", 0, "unload_s", costs.unload_s, MAX_DRIVE_S)?;
        for (i, hub) in self.hubs.iter().enumerate() {
            positive_or_zero("hub", i, "x_m", hub.x_m.abs())?;
            positive_or_zero("hub", i, "y_m", hub.y_m.abs())?;
            positive("hub", i, "handling_kg_per_h", hub.handling_kg_per_h)?;
            positive("hub", i, "charger_w", hub.charger_w)?;
            positive("hub", i, "docks", f64::from(hub.docks))?;
            if let Some(hours) = hub.hours {
                check_hours("hub", i, hours)?;
            }
        }
        for (i, profile) in self.profiles.iter().enumerate() {
            let wrong = profile.iter().find(|f| !(**f >= 1.0 && **f <= 100.0));
            if profile.len() != 24 || wrong.is_some() {
                let value = wrong.copied().unwrap_or(profile.len() as f64);
                let field = if wrong.is_some() { "factor" } else { "number of factors" };
                return Err(WeekError::OutOfRange { what: "profile", idx: i, field, value });
            }
        }
        for (i, lane) in self.lanes.iter().enumerate() {
            positive_or_zero("lane", i, "distance_m", lane.distance_m)?;
            positive("lane", i, "travel_s", lane.travel_s)?;
            at_most("lane", i, "travel_s", lane.travel_s, MAX_DRIVE_S)?;
            positive_or_zero("lane", i, "energy_wh", lane.energy_wh)?;
            let of_classes = lane.class_hours.iter().map(|row| row.hours);
            for hours in lane.hours.into_iter().chain(of_classes) {
                check_hours("lane", i, hours)?;
            }
            positive("lane", i, "platoon_trucks", f64::from(lane.platoon_trucks))?;
        }
        for (i, class) in self.classes.iter().enumerate() {
            positive("class", i, "payload_kg", class.payload_kg)?;
            positive("class", i, "battery_wh", class.battery_wh)?;
            positive("class", i, "volume_m3", class.volume_m3.unwrap_or(1.0))?;
            let saving = class.follower_saving.unwrap_or(0.0);
            if !(0.0..=1.0).contains(&saving) {
                let (what, field) = ("class", "follower_saving");
                return Err(WeekError::OutOfRange { what, idx: i, field, value: saving });
            }
            positive_or_zero("class", i, "cost_per_km", class.cost_per_km)?;
            positive_or_zero("class", i, "cost_per_trip", class.cost_per_trip)?;
        }
        for (i, fleet) in self.fleets.iter().enumerate() {
            if fleet.n_trucks > MAX_TRUCKS {
                let value = f64::from(fleet.n_trucks);
                let (what, field) = ("fleet", "n_trucks");
                return Err(WeekError::OutOfRange { what, idx: i, field, value });
            }
        }
        for (i, com) in self.commodities.iter().enumerate() {
            com.check_numbers(i)?;
        }
        let payload_kg = self.classes.iter().map(|c| c.payload_kg).fold(f64::INFINITY, f64::min);
        let volume_m3 =
            self.classes.iter().filter_map(|c| c.volume_m3).fold(f64::INFINITY, f64::min);
        for (i, com) in self.commodities.iter().enumerate() {
            at_most("commodity", i, "size_kg", com.size_kg, MAX_TRUCKS_FILLED * payload_kg)?;
            at_most("commodity", i, "volume_m3", com.volume_m3, MAX_TRUCKS_FILLED * volume_m3)?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), WeekError> {
        let n_hubs = self.hubs.len();
        for (i, lane) in self.lanes.iter().enumerate() {
            known("lane", i, "hub", lane.from, n_hubs)?;
            known("lane", i, "hub", lane.to, n_hubs)?;
            known("lane", i, "profile", lane.profile, self.profiles.len())?;
            for &class in lane.classes.iter().chain(lane.class_hours.iter().map(|r| &r.class)) {
                known("lane", i, "class", class, self.classes.len())?;
            }
            if lane.from == lane.to {
                return Err(WeekError::Loop { what: "lane", idx: i, hub: lane.from });
            }
            if lane.classes.is_empty() {
                return Err(WeekError::NoClass { idx: i });
            }
        }
        for (i, fleet) in self.fleets.iter().enumerate() {
            known("fleet", i, "hub", fleet.hub, n_hubs)?;
            known("fleet", i, "class", fleet.class, self.classes.len())?;
        }
        for (i, com) in self.commodities.iter().enumerate() {
            com.check_names(i, n_hubs)?;
        }
        Ok(())
    }
}

impl Commodity {
    fn check_numbers(&self, idx: usize) -> Result<(), WeekError> {
        positive("commodity", idx, "size_kg", self.size_kg)?;
        positive_or_zero("commodity", idx, "volume_m3", self.volume_m3)?;
        positive_or_zero("commodity", idx, "value", self.value)?;
        at_most("commodity", idx, "release_s", self.release_s, MAX_SPAN_S)?;
        at_most("commodity", idx, "due_s", self.due_s, MAX_SPAN_S)?;
        if self.due_s < self.release_s {
            let (release_s, due_s) = (self.release_s, self.due_s);
            return Err(WeekError::DueBeforeRelease { idx, release_s, due_s });
        }
        Ok(())
    }

    fn check_names(&self, idx: usize, n_hubs: usize) -> Result<(), WeekError> {
        for hub in [self.origin, self.destination] {
            known("commodity", idx, "hub", hub, n_hubs)?;
        }
        if self.origin == self.destination {
            return Err(WeekError::Loop { what: "commodity", idx, hub: self.origin });
        }
        Ok(())
    }
}

/// An error if something names what does not exist.
pub(super) fn known(
    what: &'static str,
    idx: usize,
    kind: &'static str,
    named: u32,
    n: usize,
) -> Result<(), WeekError> {
    if (named as usize) < n {
        Ok(())
    } else {
        Err(WeekError::Unknown { what, idx, kind, named, n })
    }
}

fn check_hours(what: &'static str, idx: usize, hours: DailyHours) -> Result<(), WeekError> {
    if hours.from_h > 23 || hours.to_h > 24 {
        let value = f64::from(hours.from_h.max(hours.to_h));
        return Err(WeekError::OutOfRange { what, idx, field: "hours", value });
    }
    Ok(())
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(value: &u32) -> bool {
    *value == 1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn positive(
    what: &'static str,
    idx: usize,
    field: &'static str,
    value: f64,
) -> Result<(), WeekError> {
    if value > 0.0 && value <= MAX_NUMBER {
        Ok(())
    } else {
        Err(WeekError::OutOfRange { what, idx, field, value })
    }
}

fn positive_or_zero(
    what: &'static str,
    idx: usize,
    field: &'static str,
    value: f64,
) -> Result<(), WeekError> {
    at_most(what, idx, field, value, MAX_NUMBER)
}

fn at_most(
    what: &'static str,
    idx: usize,
    field: &'static str,
    value: f64,
    max: f64,
) -> Result<(), WeekError> {
    if (0.0..=max).contains(&value) {
        Ok(())
    } else {
        Err(WeekError::OutOfRange { what, idx, field, value })
    }
}
