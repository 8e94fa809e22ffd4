//! Our own JSON: a whole problem in one document, units in the names of its keys.

use std::collections::BTreeMap;

use rv_base::Money;
use rv_model::dispatch::{
    Battery, ChargeKind, ChargeStep, Charger, Compartment, Depot, Door, Load, MAX_LOAD_DIMS, Order,
    OrderKind, PermitMap, Presence, Problem, ProblemData, ServiceLevel, SoftWindow, Start, Stop,
    Task, Told, Travel, Vehicle, Window,
};
use serde::{Deserialize, Serialize};

use super::{FormatError, Loaded, VEHICLES_MAX, reach};

/// A problem as written in JSON; see `docs/dispatch.md`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Document {
    #[serde(default)]
    pub name: String,
    /// Every place that is spoken of, by its label.
    pub locations: Vec<DocLocation>,
    pub travels: Vec<DocTravel>,
    pub depots: Vec<DocDepot>,
    #[serde(default)]
    pub chargers: Vec<DocCharger>,
    pub vehicles: Vec<DocVehicle>,
    pub orders: Vec<DocOrder>,
    /// Tenants with what they were promised for all of their orders together.
    #[serde(default)]
    pub tenants: Vec<DocTenant>,
    /// Areas that ask for a permit, at most 64.
    #[serde(default)]
    pub areas: Vec<DocArea>,
    /// Names of capabilities, by number.
    #[serde(default)]
    pub skill_names: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocTenant {
    pub name: String,
    /// Share of its orders, 0 to 1, that must be served in time.
    pub share: f64,
    pub cost_per_order: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocArea {
    pub name: String,
    #[serde(default)]
    pub locations: Vec<String>,
    /// Ways from one location to another that cross it.
    #[serde(default)]
    pub ways: Vec<[String; 2]>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocSoft {
    pub window_s: [f64; 2],
    #[serde(default)]
    pub early_cost_per_hour: f64,
    #[serde(default)]
    pub late_cost_per_hour: f64,
}

/// What was told about an order, and what changes to it cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocTold {
    /// Id of the vehicle that was told to serve it.
    #[serde(default)]
    pub vehicle: Option<u64>,
    #[serde(default)]
    pub vehicle_cost: f64,
    /// Depot (index) that was told to have it ready.
    #[serde(default)]
    pub depot: Option<u32>,
    #[serde(default)]
    pub depot_cost: f64,
    /// The time told to the customer.
    #[serde(default)]
    pub begin: Option<DocSoft>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocCompartment {
    pub capacity: Vec<i32>,
    #[serde(default = "free_door")]
    pub door: Door,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocLocation {
    pub label: String,
    #[serde(default)]
    pub x_m: f64,
    #[serde(default)]
    pub y_m: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum DocTravel {
    Plane {
        speed_mps: f64,
        #[serde(default)]
        wh_per_km: f64,
    },
    Table {
        duration_s: Vec<Option<f64>>,
        distance_m: Vec<Option<f64>>,
        #[serde(default)]
        energy_wh: Option<Vec<f64>>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocDepot {
    pub location: String,
    #[serde(default)]
    pub window_s: Option<[f64; 2]>,
    #[serde(default)]
    pub reload_s: f64,
    /// What all vehicles together may load here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Vec<i32>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocCharger {
    pub location: String,
    /// Power of its plugs, or:
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_w: Option<f64>,
    /// a full battery for the one on board, in the setup time alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub swap: bool,
    /// Vehicles that can charge at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bays: Option<u32>,
    #[serde(default)]
    pub setup_s: f64,
    #[serde(default)]
    pub window_s: Option<[f64; 2]>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocVehicle {
    pub id: u64,
    /// How many like this; their ids count up from `id`.
    #[serde(default = "one")]
    pub count: u64,
    /// Depot (index into `depots`) where it starts, or:
    #[serde(default)]
    pub start_depot: Option<u32>,
    /// the place on the road where it is now.
    #[serde(default)]
    pub start_location: Option<String>,
    #[serde(default)]
    pub end: Option<String>,
    pub shift_s: [f64; 2],
    #[serde(default)]
    pub duration_s_max: Option<f64>,
    #[serde(default)]
    pub distance_m_max: Option<f64>,
    pub capacity: Vec<i32>,
    #[serde(default)]
    pub extra_load: Vec<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compartments: Vec<DocCompartment>,
    #[serde(default)]
    pub skills: Vec<u8>,
    /// Names of the areas that it may enter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permits: Vec<String>,
    #[serde(default)]
    pub travel: u32,
    #[serde(default)]
    pub cost_fixed: f64,
    #[serde(default = "unit_cost")]
    pub cost_per_km: f64,
    #[serde(default)]
    pub cost_per_hour: f64,
    #[serde(default)]
    pub reload_depots: Vec<u32>,
    #[serde(default)]
    pub reloads_max: u32,
    #[serde(default)]
    pub battery: Option<DocBattery>,
    #[serde(default)]
    pub committed: Vec<Task>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocBattery {
    pub capacity_wh: f64,
    pub start_wh: f64,
    #[serde(default)]
    pub reserve_wh: f64,
    /// Pairs of charge (Wh) and the power (W) accepted up to it.
    pub curve_wh_w: Vec<[f64; 2]>,
    /// What a kilometre takes more for each unit of load on board, by load dimension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_wh_per_km: Vec<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocOrder {
    pub id: u64,
    #[serde(default)]
    pub delivery: Option<DocStop>,
    #[serde(default)]
    pub pickup: Option<DocStop>,
    pub load: Vec<i32>,
    #[serde(default)]
    pub release_s: f64,
    #[serde(default)]
    pub skills: Vec<u8>,
    #[serde(default)]
    pub prize: Option<f64>,
    #[serde(default)]
    pub on_board: Option<u32>,
    /// Name of its tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<DocTold>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocStop {
    pub location: String,
    #[serde(default)]
    pub windows_s: Vec<[f64; 2]>,
    #[serde(default)]
    pub service_s: f64,
    /// A window that may be missed at a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<DocSoft>,
}

fn free_door() -> Door {
    Door::Free
}

fn one() -> u64 {
    1
}

fn unit_cost() -> f64 {
    1.0
}

/// Longest leg, ms, mm and mWh: 12 days, 1,073 km, 1 MWh.
const LEG_MAX: i32 = (1 << 30) - 2;

pub(super) fn read(text: &str) -> Result<Loaded, FormatError> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| FormatError::Json(error.to_string()))?;
    document.load()
}

pub(super) fn milli(field: &str, value: f64) -> Result<i64, FormatError> {
    if value.is_finite() && value.abs() < 1e13 {
        Ok((value * 1000.0).round() as i64)
    } else {
        Err(FormatError::Whole(format!("{field}: {value} is not a usable number")))
    }
}

fn money(field: &str, units: f64) -> Result<Money, FormatError> {
    if units.is_finite() && units.abs() <= 1e9 {
        Ok(Money::from_units(units))
    } else {
        Err(FormatError::Whole(format!("{field}: {units} is not a usable amount of money")))
    }
}

fn load_rates(field: &str, rates: &[f64]) -> Result<Load, FormatError> {
    let whole = |rate: &f64| {
        let uwh = (rate * 1e6).round();
        if (0.0..=1e9).contains(&uwh) {
            Ok(uwh as i32)
        } else {
            Err(FormatError::Whole(format!("{field}.load_wh_per_km: {rate} is out of range")))
        }
    };
    load(field, &rates.iter().map(whole).collect::<Result<Vec<_>, _>>()?)
}

fn load(field: &str, amounts: &[i32]) -> Result<Load, FormatError> {
    if amounts.len() > MAX_LOAD_DIMS {
        return Err(FormatError::Whole(format!("{field}: more than {MAX_LOAD_DIMS} dimensions")));
    }
    Ok(std::array::from_fn(|d| amounts.get(d).copied().unwrap_or(0)))
}

fn skills(field: &str, bits: &[u8]) -> Result<u64, FormatError> {
    bits.iter().try_fold(0, |mask, &bit| match bit {
        0..=63 => Ok(mask | 1 << bit),
        _ => Err(FormatError::Whole(format!("{field}: {bit} is not within 0..=63"))),
    })
}

fn window(field: &str, span: Option<[f64; 2]>) -> Result<Window, FormatError> {
    let Some([start, end]) = span else { return Ok(Window::ALWAYS) };
    Ok(Window { start_ms: milli(field, start)?, end_ms: milli(field, end)? })
}

impl Document {
    /// Turns the document into a checked problem.
    pub fn load(&self) -> Result<Loaded, FormatError> {
        let mut places = BTreeMap::new();
        for (idx, location) in self.locations.iter().enumerate() {
            if places.insert(location.label.as_str(), idx as u32).is_some() {
                let label = &location.label;
                return Err(FormatError::Whole(format!("locations[{idx}]: \"{label}\" twice")));
            }
        }
        let place = |field: &str, label: &str| {
            let found = places.get(label).copied();
            found.ok_or_else(|| FormatError::Whole(format!("{field}: no location \"{label}\"")))
        };
        let depots = self.depots.iter().enumerate().map(|(i, d)| {
            let field = format!("depots[{i}]");
            Ok(Depot {
                location: place(&field, &d.location)?,
                window: window(&field, d.window_s)?,
                reload_ms: milli(&field, d.reload_s)?,
                stock: d.stock.as_ref().map(|s| load(&field, s)).transpose()?,
            })
        });
        let chargers = self.chargers.iter().enumerate().map(|(i, c)| {
            let field = format!("chargers[{i}]");
            Ok(Charger {
                location: place(&field, &c.location)?,
                window: window(&field, c.window_s)?,
                setup_ms: milli(&field, c.setup_s)?,
                kind: match (c.power_w, c.swap) {
                    (Some(power_w), false) => {
                        ChargeKind::Plug { power_mw: milli(&field, power_w)? }
                    }
                    (None, true) => ChargeKind::Swap,
                    _ => {
                        let reason = format!("{field}: give power_w or swap, not both");
                        return Err(FormatError::Whole(reason));
                    }
                },
                bays: c.bays,
            })
        });
        let (areas, permits) = self.areas(&place)?;
        let mut vehicles = Vec::new();
        for (i, vehicle) in self.vehicles.iter().enumerate() {
            let one = vehicle.load(&format!("vehicles[{i}]"), &place, &areas)?;
            if vehicle.count == 0 || vehicle.count > (VEHICLES_MAX - vehicles.len()) as u64 {
                let reason = format!("vehicles[{i}].count: 1 to {VEHICLES_MAX} vehicles in all");
                return Err(FormatError::Whole(reason));
            }
            let copies =
                (0..vehicle.count).map(|k| Vehicle { id: one.id.saturating_add(k), ..one.clone() });
            vehicles.extend(copies);
        }
        let vehicle_of = vehicles.iter().enumerate().map(|(idx, v)| (v.id, idx as u32)).collect();
        let tenant_names = self.tenants.iter().enumerate();
        let tenant_of: BTreeMap<&str, u32> =
            tenant_names.map(|(idx, t)| (t.name.as_str(), idx as u32)).collect();
        if tenant_of.len() < self.tenants.len() {
            return Err(FormatError::Whole("tenants: a name is used twice".into()));
        }
        let known = Known { place: &place, vehicle_of, tenant_of };
        let orders =
            self.orders.iter().enumerate().map(|(i, o)| o.load(&format!("orders[{i}]"), &known));
        let dims = self.orders.iter().map(|o| o.load.len());
        let data = ProblemData {
            n_load_dims: dims.max().unwrap_or(1).clamp(1, MAX_LOAD_DIMS),
            depots: depots.collect::<Result<_, FormatError>>()?,
            chargers: chargers.collect::<Result<_, FormatError>>()?,
            vehicles,
            orders: orders.collect::<Result<_, _>>()?,
            travels: (0..self.travels.len()).map(|i| self.travel(i)).collect::<Result<_, _>>()?,
            tenants: self.service_levels()?,
            permits,
        };
        let problem = Problem::new(data)?;
        let labels: Vec<String> = self.locations.iter().map(|l| l.label.clone()).collect();
        reach::check(&problem, &labels)?;
        Ok(Loaded {
            name: self.name.clone(),
            problem,
            points: self.locations.iter().map(|l| (l.x_m, l.y_m)).collect(),
            labels,
            convention: None,
            has_distinct_vehicles: true,
            skills: self.skill_names.clone(),
            areas: self.areas.iter().map(|a| a.name.clone()).collect(),
        })
    }

    /// Bits of the areas by name, and where they lie.
    fn areas(
        &self,
        place: &dyn Fn(&str, &str) -> Result<u32, FormatError>,
    ) -> Result<(BTreeMap<&str, u64>, PermitMap), FormatError> {
        let mut bits = BTreeMap::new();
        let mut map = PermitMap::default();
        if self.areas.len() > 64 {
            return Err(FormatError::Whole("areas: more than 64".into()));
        }
        if !self.areas.is_empty() {
            map.of_location = vec![0; self.locations.len()];
        }
        for (i, area) in self.areas.iter().enumerate() {
            let field = format!("areas[{i}]");
            if bits.insert(area.name.as_str(), 1 << i).is_some() {
                return Err(FormatError::Whole(format!("{field}: \"{}\" twice", area.name)));
            }
            for label in &area.locations {
                map.of_location[place(&field, label)? as usize] |= 1 << i;
            }
            for [from, to] in &area.ways {
                let way = (place(&field, from)?, place(&field, to)?);
                *map.of_way.entry(way).or_insert(0) |= 1 << i;
            }
        }
        Ok((bits, map))
    }

    fn service_levels(&self) -> Result<Vec<ServiceLevel>, FormatError> {
        let level = |(i, tenant): (usize, &DocTenant)| {
            if !(0.0..=1.0).contains(&tenant.share) {
                let reason = format!("tenants[{i}].share: {} is not within 0..=1", tenant.share);
                return Err(FormatError::Whole(reason));
            }
            Ok(ServiceLevel {
                share_permille: (tenant.share * 1000.0).round() as u16,
                cost_per_order: money(&format!("tenants[{i}]"), tenant.cost_per_order)?,
            })
        };
        self.tenants.iter().enumerate().map(level).collect()
    }

    fn travel(&self, idx: usize) -> Result<Travel, FormatError> {
        let n = self.locations.len();
        let table = |name: &str, values: &[Option<f64>]| {
            let field = format!("travels[{idx}].table.{name}");
            if values.len() != n * n {
                let len = values.len();
                let reason = format!("{field}: has {len} entries, {n} locations need {}", n * n);
                return Err(FormatError::Whole(reason));
            }
            let entry = |(at, value): (usize, &Option<f64>)| {
                let Some(value) = value else { return Ok(i32::MAX) };
                let whole = milli(&field, *value)?;
                let is_sound = (0..=i64::from(LEG_MAX)).contains(&whole)
                    || name == "energy_wh" && (-i64::from(LEG_MAX)..0).contains(&whole);
                if is_sound {
                    return Ok(whole as i32);
                }
                let reason = format!("{field}[{at}]: {value} is negative or too large");
                Err(FormatError::Whole(reason))
            };
            values.iter().enumerate().map(entry).collect::<Result<Vec<i32>, _>>()
        };
        Ok(match &self.travels[idx] {
            DocTravel::Plane { speed_mps, wh_per_km } => Travel::Plane {
                points_m: self.locations.iter().map(|l| (l.x_m, l.y_m)).collect(),
                speed_mps: *speed_mps,
                mwh_per_km: milli(&format!("travels[{idx}].plane.wh_per_km"), *wh_per_km)?,
            },
            DocTravel::Table { duration_s, distance_m, energy_wh } => {
                let energy_wh: Option<Vec<Option<f64>>> =
                    energy_wh.as_ref().map(|e| e.iter().copied().map(Some).collect());
                Travel::Table {
                    n,
                    duration_ms: table("duration_s", duration_s)?,
                    distance_mm: table("distance_m", distance_m)?,
                    energy_mwh: energy_wh.map(|e| table("energy_wh", &e)).transpose()?,
                }
            }
        })
    }
}

impl DocVehicle {
    fn load(
        &self,
        field: &str,
        place: &dyn Fn(&str, &str) -> Result<u32, FormatError>,
        areas: &BTreeMap<&str, u64>,
    ) -> Result<Vehicle, FormatError> {
        let start = match (self.start_depot, &self.start_location) {
            (Some(depot), None) => Start::Depot(depot),
            (None, Some(label)) => Start::Road(place(field, label)?),
            _ => {
                let reason = format!("{field}: give start_depot or start_location, not both");
                return Err(FormatError::Whole(reason));
            }
        };
        let battery = self.battery.as_ref().map(|b| -> Result<Battery, FormatError> {
            let step = |pair: &[f64; 2]| -> Result<ChargeStep, FormatError> {
                Ok(ChargeStep {
                    up_to_mwh: milli(field, pair[0])?,
                    power_mw: milli(field, pair[1])?,
                })
            };
            Ok(Battery {
                capacity_mwh: milli(field, b.capacity_wh)?,
                start_mwh: milli(field, b.start_wh)?,
                reserve_mwh: milli(field, b.reserve_wh)?,
                curve: b.curve_wh_w.iter().map(step).collect::<Result<_, _>>()?,
                load_uwh_per_km: load_rates(field, &b.load_wh_per_km)?,
            })
        });
        let compartment = |c: &DocCompartment| -> Result<Compartment, FormatError> {
            Ok(Compartment { capacity: load(field, &c.capacity)?, door: c.door })
        };
        let permits = self.permits.iter().try_fold(0, |mask, name| {
            let bit = areas.get(name.as_str());
            bit.map(|bit| mask | bit)
                .ok_or_else(|| FormatError::Whole(format!("{field}.permits: no area \"{name}\"")))
        })?;
        Ok(Vehicle {
            id: self.id,
            start,
            end: self.end.as_ref().map(|label| place(field, label)).transpose()?,
            shift: window(field, Some(self.shift_s))?,
            duration_ms_max: self.duration_s_max.map(|s| milli(field, s)).transpose()?,
            distance_mm_max: self.distance_m_max.map(|m| milli(field, m)).transpose()?,
            capacity: load(field, &self.capacity)?,
            extra_load: load(field, &self.extra_load)?,
            compartments: self.compartments.iter().map(compartment).collect::<Result<_, _>>()?,
            skills: skills(field, &self.skills)?,
            permits,
            profile: self.travel,
            cost_fixed: money(field, self.cost_fixed)?,
            cost_per_km: money(field, self.cost_per_km)?,
            cost_per_hour: money(field, self.cost_per_hour)?,
            reload_depots: self.reload_depots.clone(),
            reloads_max: self.reloads_max,
            battery: battery.transpose()?,
            committed: self.committed.clone(),
        })
    }
}

/// What orders refer to by name.
struct Known<'a> {
    place: &'a dyn Fn(&str, &str) -> Result<u32, FormatError>,
    vehicle_of: BTreeMap<u64, u32>,
    tenant_of: BTreeMap<&'a str, u32>,
}

impl DocSoft {
    fn load(&self, field: &str) -> Result<SoftWindow, FormatError> {
        Ok(SoftWindow {
            window: window(field, Some(self.window_s))?,
            early_per_hour: money(field, self.early_cost_per_hour)?,
            late_per_hour: money(field, self.late_cost_per_hour)?,
        })
    }
}

impl DocTold {
    fn load(&self, field: &str, known: &Known<'_>) -> Result<Told, FormatError> {
        let vehicle = self.vehicle.map(|id| -> Result<(u32, Money), FormatError> {
            let Some(idx) = known.vehicle_of.get(&id) else {
                return Err(FormatError::Whole(format!("{field}.vehicle: no vehicle {id}")));
            };
            Ok((*idx, money(field, self.vehicle_cost)?))
        });
        let depot_cost = money(field, self.depot_cost)?;
        Ok(Told {
            vehicle: vehicle.transpose()?,
            depot: self.depot.map(|depot| (depot, depot_cost)),
            begin: self.begin.as_ref().map(|b| b.load(field)).transpose()?,
        })
    }
}

impl DocOrder {
    fn load(&self, field: &str, known: &Known<'_>) -> Result<Order, FormatError> {
        let stop = |stop: &DocStop| -> Result<Stop, FormatError> {
            let windows = stop.windows_s.iter().map(|w| window(field, Some(*w)));
            let mut windows = windows.collect::<Result<Vec<_>, _>>()?;
            if windows.is_empty() {
                windows.push(Window::ALWAYS);
            }
            let location = (known.place)(field, &stop.location)?;
            let soft = stop.soft.as_ref().map(|s| s.load(field)).transpose()?;
            Ok(Stop { location, windows, service_ms: milli(field, stop.service_s)?, soft })
        };
        let kind = match (&self.pickup, &self.delivery) {
            (Some(pickup), Some(delivery)) => {
                OrderKind::Transfer { pickup: stop(pickup)?, dropoff: stop(delivery)? }
            }
            (Some(pickup), None) => OrderKind::Pickup(stop(pickup)?),
            (None, Some(delivery)) => OrderKind::Delivery(stop(delivery)?),
            (None, None) => {
                return Err(FormatError::Whole(format!("{field}: give delivery, pickup or both")));
            }
        };
        Ok(Order {
            id: self.id,
            kind,
            load: load(field, &self.load)?,
            release_ms: milli(field, self.release_s)?,
            skills: skills(field, &self.skills)?,
            presence: match self.prize {
                Some(prize) => Presence::Optional(money(field, prize)?),
                None => Presence::Required,
            },
            on_board: self.on_board,
            tenant: match &self.tenant {
                None => None,
                Some(name) => Some(*known.tenant_of.get(name.as_str()).ok_or_else(|| {
                    FormatError::Whole(format!("{field}.tenant: no tenant \"{name}\""))
                })?),
            },
            compartment: self.compartment,
            told: match &self.told {
                Some(told) => told.load(&format!("{field}.told"), known)?,
                None => Told::default(),
            },
        })
    }
}
