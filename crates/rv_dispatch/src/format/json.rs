//! Our own JSON: a whole problem in one document, units in the names of its keys.

use std::collections::BTreeMap;

use rv_base::Money;
use rv_model::dispatch::{
    Battery, ChargeStep, Charger, Depot, Load, MAX_LOAD_DIMS, Order, OrderKind, Plan, Presence,
    Problem, ProblemData, Relaxation, Start, Stop, Task, Travel, Vehicle, Window,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FormatError, Loaded};
use crate::check::Report;

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
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DocCharger {
    pub location: String,
    pub power_w: f64,
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
    #[serde(default)]
    pub skills: Vec<u8>,
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
}

fn one() -> u64 {
    1
}

fn unit_cost() -> f64 {
    1.0
}

/// Most vehicles that `count` may make.
const VEHICLES_MAX: u64 = 1_000_000;

pub(super) fn read(text: &str) -> Result<Loaded, FormatError> {
    let document: Document =
        serde_json::from_str(text).map_err(|error| FormatError::Json(error.to_string()))?;
    document.load()
}

fn milli(field: &str, value: f64) -> Result<i64, FormatError> {
    if value.is_finite() && value.abs() < 1e13 {
        Ok((value * 1000.0).round() as i64)
    } else {
        Err(FormatError::Whole(format!("{field}: {value} is not a usable number")))
    }
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
            })
        });
        let chargers = self.chargers.iter().enumerate().map(|(i, c)| {
            let field = format!("chargers[{i}]");
            Ok(Charger {
                location: place(&field, &c.location)?,
                window: window(&field, c.window_s)?,
                setup_ms: milli(&field, c.setup_s)?,
                power_mw: milli(&field, c.power_w)?,
            })
        });
        let mut vehicles = Vec::new();
        for (i, vehicle) in self.vehicles.iter().enumerate() {
            let one = vehicle.load(&format!("vehicles[{i}]"), &place)?;
            if vehicles.len() as u64 + vehicle.count > VEHICLES_MAX {
                let reason = format!("vehicles[{i}].count: more than {VEHICLES_MAX} vehicles");
                return Err(FormatError::Whole(reason));
            }
            let copies =
                (0..vehicle.count).map(|k| Vehicle { id: one.id.saturating_add(k), ..one.clone() });
            vehicles.extend(copies);
        }
        let orders =
            self.orders.iter().enumerate().map(|(i, o)| o.load(&format!("orders[{i}]"), &place));
        let dims = self.orders.iter().map(|o| o.load.len());
        let data = ProblemData {
            n_load_dims: dims.max().unwrap_or(1).clamp(1, MAX_LOAD_DIMS),
            depots: depots.collect::<Result<_, FormatError>>()?,
            chargers: chargers.collect::<Result<_, FormatError>>()?,
            vehicles,
            orders: orders.collect::<Result<_, _>>()?,
            travels: self.travels.iter().map(|t| self.travel(t)).collect::<Result<_, _>>()?,
        };
        Ok(Loaded {
            name: self.name.clone(),
            problem: Problem::new(data)?,
            points: self.locations.iter().map(|l| (l.x_m, l.y_m)).collect(),
            labels: self.locations.iter().map(|l| l.label.clone()).collect(),
            convention: None,
            has_distinct_vehicles: true,
        })
    }

    fn travel(&self, travel: &DocTravel) -> Result<Travel, FormatError> {
        let n = self.locations.len();
        Ok(match travel {
            DocTravel::Plane { speed_mps, wh_per_km } => Travel::Plane {
                points_m: self.locations.iter().map(|l| (l.x_m, l.y_m)).collect(),
                speed_mps: *speed_mps,
                mwh_per_km: milli("travels.wh_per_km", *wh_per_km)?,
            },
            DocTravel::Table { duration_s, distance_m, energy_wh } => {
                let table = |field: &str, values: &[Option<f64>]| {
                    let entry = |value: &Option<f64>| match value {
                        None => Ok(i32::MAX),
                        Some(value) => i32::try_from(milli(field, *value)?).map_err(|_| {
                            FormatError::Whole(format!("{field}: {value} is too large"))
                        }),
                    };
                    values.iter().map(entry).collect::<Result<Vec<i32>, _>>()
                };
                let energy_wh: Option<Vec<Option<f64>>> =
                    energy_wh.as_ref().map(|e| e.iter().copied().map(Some).collect());
                Travel::Table {
                    n,
                    duration_ms: table("travels.duration_s", duration_s)?,
                    distance_mm: table("travels.distance_m", distance_m)?,
                    energy_mwh: energy_wh.map(|e| table("travels.energy_wh", &e)).transpose()?,
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
            })
        });
        Ok(Vehicle {
            id: self.id,
            start,
            end: self.end.as_ref().map(|label| place(field, label)).transpose()?,
            shift: window(field, Some(self.shift_s))?,
            duration_ms_max: self.duration_s_max.map(|s| milli(field, s)).transpose()?,
            distance_mm_max: self.distance_m_max.map(|m| milli(field, m)).transpose()?,
            capacity: load(field, &self.capacity)?,
            extra_load: load(field, &self.extra_load)?,
            skills: skills(field, &self.skills)?,
            profile: self.travel,
            cost_fixed: Money::from_units(self.cost_fixed),
            cost_per_km: Money::from_units(self.cost_per_km),
            cost_per_hour: Money::from_units(self.cost_per_hour),
            reload_depots: self.reload_depots.clone(),
            reloads_max: self.reloads_max,
            battery: battery.transpose()?,
            committed: self.committed.clone(),
        })
    }
}

impl DocOrder {
    fn load(
        &self,
        field: &str,
        place: &dyn Fn(&str, &str) -> Result<u32, FormatError>,
    ) -> Result<Order, FormatError> {
        let stop = |stop: &DocStop| -> Result<Stop, FormatError> {
            let windows = stop.windows_s.iter().map(|w| window(field, Some(*w)));
            let mut windows = windows.collect::<Result<Vec<_>, _>>()?;
            if windows.is_empty() {
                windows.push(Window::ALWAYS);
            }
            let location = place(field, &stop.location)?;
            Ok(Stop { location, windows, service_ms: milli(field, stop.service_s)? })
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
                Some(prize) => Presence::Optional(Money::from_units(prize)),
                None => Presence::Required,
            },
            on_board: self.on_board,
        })
    }
}

/// A plan with its judgement as JSON: routes with visits, unassigned orders with what would let
/// them in, costs broken down, violations.
pub fn plan_to_json(loaded: &Loaded, plan: &Plan, report: &Report) -> Value {
    let s = |ms: i64| ms as f64 / 1000.0;
    let id = |order: u32| loaded.problem.orders()[order as usize].id;
    let routes = plan.routes.iter().map(|route| {
        let visits = route.visits.iter().map(|visit| {
            let (task, order) = match visit.task {
                Task::Serve(order) => ("serve", Some(id(order))),
                Task::Collect(order) => ("collect", Some(id(order))),
                Task::Reload(_) => ("reload", None),
                Task::Charge { .. } => ("charge", None),
            };
            let energy = match visit.task {
                Task::Charge { energy_mwh, .. } => Some(s(energy_mwh)),
                _ => None,
            };
            json!({
                "task": task,
                "order": order,
                "location": loaded.labels[loaded.location(visit.task) as usize],
                "facility": match visit.task {
                    Task::Reload(depot) => Some(depot),
                    Task::Charge { charger, .. } => Some(charger),
                    _ => None,
                },
                "arrive_s": s(visit.arrive_ms),
                "begin_s": s(visit.begin_ms),
                "leave_s": s(visit.leave_ms),
                "load": visit.load[..loaded.problem.n_load_dims()],
                "charge_wh": s(visit.charge_mwh),
                "energy_wh": energy,
            })
        });
        json!({
            "vehicle": loaded.problem.vehicles()[route.vehicle as usize].id,
            "depart_s": s(route.depart_ms),
            "end_s": s(route.end_ms),
            "distance_m": s(route.distance_mm),
            "visits": visits.collect::<Vec<_>>(),
        })
    });
    let unassigned = plan.unassigned.iter().map(|out| {
        json!({
            "order": id(out.order),
            "vehicle": out.vehicle.map(|v| loaded.problem.vehicles()[v as usize].id),
            "would_need": out.relaxations.iter().map(describe).collect::<Vec<_>>(),
        })
    });
    json!({
        "routes": routes.collect::<Vec<_>>(),
        "unassigned": unassigned.collect::<Vec<_>>(),
        "costs": {
            "total": report.costs.total().to_units(),
            "fixed": report.costs.fixed.to_units(),
            "distance": report.costs.distance.to_units(),
            "time": report.costs.time.to_units(),
            "prizes_lost": report.costs.prizes_lost.to_units(),
        },
        "violations": report.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// A route as far as it is read back.
#[derive(Deserialize)]
struct DocRoute {
    vehicle: u64,
    #[serde(default)]
    depart_s: Option<f64>,
    visits: Vec<DocVisit>,
}

#[derive(Deserialize)]
struct DocVisit {
    task: String,
    #[serde(default)]
    order: Option<u64>,
    #[serde(default)]
    facility: Option<u32>,
    #[serde(default)]
    energy_wh: Option<f64>,
}

#[derive(Deserialize)]
struct DocPlan {
    routes: Vec<DocRoute>,
}

/// Reads the tasks and departures of a plan that [`plan_to_json`] wrote: vehicle (index), departure
/// (ms) and tasks of each route.
pub(super) fn routes_of_json(
    loaded: &Loaded,
    text: &str,
) -> Result<Vec<(u32, Option<i64>, Vec<Task>)>, FormatError> {
    let plan: DocPlan =
        serde_json::from_str(text).map_err(|error| FormatError::Json(error.to_string()))?;
    let index = |ids: Vec<u64>| -> BTreeMap<u64, u32> {
        ids.into_iter().enumerate().map(|(idx, id)| (id, idx as u32)).collect()
    };
    let vehicles = index(loaded.problem.vehicles().iter().map(|v| v.id).collect());
    let orders = index(loaded.problem.orders().iter().map(|o| o.id).collect());
    let mut routes = Vec::with_capacity(plan.routes.len());
    for (r, route) in plan.routes.iter().enumerate() {
        let wrong = |what: String| FormatError::Whole(format!("routes[{r}]: {what}"));
        let Some(&vehicle) = vehicles.get(&route.vehicle) else {
            return Err(wrong(format!("no vehicle {}", route.vehicle)));
        };
        let mut tasks = Vec::with_capacity(route.visits.len());
        for (v, visit) in route.visits.iter().enumerate() {
            let order = visit.order.and_then(|id| orders.get(&id).copied());
            let task = match (visit.task.as_str(), order, visit.facility) {
                ("serve", Some(order), _) => Task::Serve(order),
                ("collect", Some(order), _) => Task::Collect(order),
                ("reload", _, Some(depot)) => Task::Reload(depot),
                ("charge", _, Some(charger)) => Task::Charge {
                    charger,
                    energy_mwh: milli("energy_wh", visit.energy_wh.unwrap_or(0.0))?,
                },
                (task, ..) => {
                    return Err(wrong(format!(
                        "visits[{v}]: \"{task}\" with no known order or facility"
                    )));
                }
            };
            tasks.push(task);
        }
        let depart_ms = route.depart_s.map(|s| milli("depart_s", s)).transpose()?;
        routes.push((vehicle, depart_ms, tasks));
    }
    Ok(routes)
}

/// A relaxation in words.
pub fn describe(relaxation: &Relaxation) -> String {
    let min = |ms: i64| format!("{:.1} min", ms as f64 / 60_000.0);
    match relaxation {
        Relaxation::Window { is_dropoff, early_ms, late_ms } => {
            let which = if *is_dropoff { "window of the dropoff" } else { "window" };
            if *early_ms > 0 {
                format!("{which} opens {} earlier", min(*early_ms))
            } else {
                format!("{which} ends {} later", min(*late_ms))
            }
        }
        Relaxation::Shift { late_ms } => format!("shift {} longer", min(*late_ms)),
        Relaxation::Distance { more_mm } => format!("{:.1} km further", *more_mm as f64 / 1e6),
        Relaxation::Capacity { more } => format!("capacity {more:?} larger"),
        Relaxation::Battery { more_mwh } => {
            format!("battery {:.1} Wh larger", *more_mwh as f64 / 1e3)
        }
        Relaxation::Skills { missing } => format!("capabilities {missing:#b}"),
        Relaxation::Reload { depot } => format!("one more reload at depot {depot}"),
        Relaxation::InsteadOf { orders } => {
            format!("{} orders of its route given up", orders.len())
        }
        Relaxation::Vehicle => "one more vehicle like this".into(),
        Relaxation::Prize { more } => format!("prize {more} higher"),
    }
}
