//! Plans as JSON, in and out, and relaxations in words.

use std::collections::BTreeMap;

use rv_model::dispatch::{MAX_LOAD_DIMS, Plan, Relaxation, Task, Unassigned, Visit};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::milli;
use super::{FormatError, Loaded};
use crate::check::Report;

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
                "compartment": visit.compartment,
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
            "would_need": describe_all(loaded, out),
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
            "lateness": report.costs.lateness.to_units(),
            "stability": report.costs.stability.to_units(),
            "service_levels": report.costs.levels.to_units(),
            "late_s": s(report.costs.late_ms),
            "vehicles": report.costs.n_vehicles,
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
    #[serde(default)]
    compartment: Option<u16>,
    #[serde(default)]
    arrive_s: Option<f64>,
    #[serde(default)]
    begin_s: Option<f64>,
    #[serde(default)]
    leave_s: Option<f64>,
    #[serde(default)]
    charge_wh: Option<f64>,
    #[serde(default)]
    load: Option<Vec<i32>>,
}

impl DocVisit {
    /// The visit with the times that are stated, all of them or none.
    fn visit(&self, task: Task) -> Result<Visit, FormatError> {
        let mut visit = Visit { compartment: self.compartment, ..Visit::untimed(task) };
        let stated = (self.arrive_s, self.begin_s, self.leave_s, self.charge_wh, &self.load);
        if let (Some(arrive), Some(begin), Some(leave), Some(charge), Some(load)) = stated {
            if load.len() > MAX_LOAD_DIMS {
                return Err(FormatError::Whole("load: too many dimensions".into()));
            }
            visit.arrive_ms = milli("arrive_s", arrive)?;
            visit.begin_ms = milli("begin_s", begin)?;
            visit.leave_ms = milli("leave_s", leave)?;
            visit.charge_mwh = milli("charge_wh", charge)?;
            visit.load = std::array::from_fn(|d| load.get(d).copied().unwrap_or(0));
        }
        Ok(visit)
    }
}

#[derive(Deserialize)]
struct DocPlan {
    routes: Vec<DocRoute>,
}

/// Reads a plan that [`plan_to_json`] wrote, or another in its form: vehicle (index), departure (ms)
/// and visits of each route.
pub(super) fn routes_of_json(
    loaded: &Loaded,
    text: &str,
) -> Result<Vec<(u32, Option<i64>, Vec<Visit>)>, FormatError> {
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
            tasks.push(visit.visit(task)?);
        }
        let depart_ms = route.depart_s.map(|s| milli("depart_s", s)).transpose()?;
        routes.push((vehicle, depart_ms, tasks));
    }
    Ok(routes)
}

/// All that would let an order in, in words; empty if nothing would.
pub fn describe_all(loaded: &Loaded, out: &Unassigned) -> Vec<String> {
    out.relaxations.iter().map(|relaxation| describe(loaded, out, relaxation)).collect()
}

/// A relaxation in words.
fn describe(loaded: &Loaded, out: &Unassigned, relaxation: &Relaxation) -> String {
    let min = |ms: i64| format!("{:.1} min", ms as f64 / 60_000.0);
    let skills = |bits: u64| named(bits, &loaded.skills, "capability");
    let areas = |bits: u64| named(bits, &loaded.areas, "area");
    match relaxation {
        Relaxation::Window { is_dropoff, early_ms, late_ms } => {
            let which = if *is_dropoff { "window of the dropoff" } else { "window" };
            match (*early_ms > 0, *late_ms > 0) {
                (true, true) => {
                    format!("{which} -{} and +{}", min(*early_ms), min(*late_ms))
                }
                (true, false) => format!("{which} -{}", min(*early_ms)),
                _ => format!("{which} +{}", min(*late_ms)),
            }
        }
        Relaxation::Shift { late_ms } => format!("shift +{}", min(*late_ms)),
        Relaxation::Distance { more_mm } => {
            format!("{:.1} km further", *more_mm as f64 / 1e6)
        }
        Relaxation::Capacity { more } => {
            let n_dims = loaded.problem.n_load_dims();
            let parts = more[..n_dims].iter().map(|m| format!("+{m}")).collect::<Vec<_>>();
            format!("capacity {}", parts.join(", "))
        }
        Relaxation::Battery { more_mwh } => {
            format!("battery +{:.1} Wh", *more_mwh as f64 / 1e3)
        }
        Relaxation::Skills { missing } => skills(*missing),
        Relaxation::Permits { missing } => format!("permit for {}", areas(*missing)),
        Relaxation::Compartments => "a load space without compartments".into(),
        Relaxation::Stock { depot, more } => {
            let n_dims = loaded.problem.n_load_dims();
            let parts = more[..n_dims].iter().map(|m| format!("+{m}")).collect::<Vec<_>>();
            format!("stock {} at depot {depot}", parts.join(", "))
        }
        Relaxation::Bays { charger, more } => format!("{more} more bay at charger {charger}"),
        Relaxation::Reload { depot } => format!("one more reload at depot {depot}"),
        Relaxation::InsteadOf { orders } => {
            let ids = orders.iter().map(|o| loaded.problem.orders()[*o as usize].id.to_string());
            format!("instead of orders {}", ids.collect::<Vec<_>>().join(", "))
        }
        Relaxation::Vehicle => {
            let vehicle = out.vehicle.and_then(|v| loaded.problem.vehicles().get(v as usize));
            match vehicle.filter(|v| v.skills != 0) {
                Some(vehicle) => format!("one more vehicle with {}", skills(vehicle.skills)),
                None => "one more vehicle".into(),
            }
        }
        Relaxation::Prize { more } => format!("prize +{more}"),
    }
}

/// The names of set bits, or their numbers.
fn named(bits: u64, names: &[String], what: &str) -> String {
    let set = (0..64).filter(|bit| bits >> bit & 1 == 1);
    let name = |bit: usize| names.get(bit).cloned().unwrap_or_else(|| format!("{what} {bit}"));
    set.map(name).collect::<Vec<_>>().join(" and ")
}
