//! Solutions as text: CVRPLIB's form in and out, and a table of visits out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rv_model::dispatch::{OrderKind, Plan, Problem, Route, Start, Task, Vehicle, Visit};

use super::{FormatError, Loaded};
use crate::Weights;
use crate::check::check;
use crate::instance::{Scope, compile};
use crate::rich::Share;
use crate::state::State;

/// Writes `Route #1: 4 7 2` lines and `Cost X`, in the file's own words. The cost is in units of
/// the file, recomputed from the plan.
pub fn write_solution(loaded: &Loaded, plan: &Plan) -> String {
    let mut text = String::new();
    let mut number = 0;
    let n_rows = if loaded.has_distinct_vehicles { loaded.problem.vehicles().len() } else { 0 };
    let mut rows: Vec<String> = vec![String::new(); n_rows];
    for route in plan.routes.iter().filter(|r| !r.visits.is_empty()) {
        let words: Vec<String> = route.tasks().map(|t| word_of(loaded, t)).collect();
        if loaded.has_distinct_vehicles {
            rows[route.vehicle as usize] = words.join(" ");
        } else {
            number += 1;
            let _ = writeln!(text, "Route #{number}: {}", words.join(" "));
        }
    }
    for (idx, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "Route #{}: {row}", idx + 1);
    }
    let _ = writeln!(text, "Cost {}", cost_in_units(loaded, plan));
    text
}

/// The cost of a plan in units of the file: exact lengths are summed in floating point.
pub fn cost_in_units(loaded: &Loaded, plan: &Plan) -> f64 {
    let costs = check(&loaded.problem, plan).costs;
    // What the file's own vehicles pay: a unit of money for a unit of distance.
    let is_plain = loaded.problem.vehicles().iter().all(|v| {
        v.cost_fixed.0 == 0 && v.cost_per_hour.0 == 0 && v.cost_per_km == super::plain_cost_per_km()
    });
    match loaded.convention {
        Some(super::Convention::Exact) if is_plain => {
            plan.routes.iter().map(|route| exact_length(loaded, route)).sum()
        }
        _ => costs.total().to_units(),
    }
}

/// The length of all routes in units of the file; metres for our own JSON.
pub fn length_in_units(loaded: &Loaded, plan: &Plan) -> f64 {
    match loaded.convention {
        Some(super::Convention::Exact) => {
            plan.routes.iter().map(|route| exact_length(loaded, route)).sum()
        }
        Some(_) => check(&loaded.problem, plan).costs.distance_mm as f64 / super::UNIT,
        None => check(&loaded.problem, plan).costs.distance_mm as f64 / 1000.0,
    }
}

fn exact_length(loaded: &Loaded, route: &Route) -> f64 {
    let vehicle = &loaded.problem.vehicles()[route.vehicle as usize];
    let mut at = loaded.problem.start_location(vehicle);
    let mut length = 0.0;
    for to in route.tasks().map(|t| loaded.location(t)).chain(vehicle.end) {
        let (a, b) = (loaded.points[at as usize], loaded.points[to as usize]);
        length += (a.0 - b.0).hypot(a.1 - b.1);
        at = to;
    }
    length
}

/// Reads routes in CVRPLIB's or SINTEF's form (`Route 1 : 4 7 2`); charging takes what the route
/// needs, and departures are as late as they can be.
pub fn read_solution(loaded: &Loaded, text: &str) -> Result<Plan, FormatError> {
    if text.trim_start().starts_with('{') {
        return read_json(loaded, text);
    }
    let tasks = tasks_by_word(loaded);
    let mut plan = Plan::default();
    let mut is_served = vec![false; loaded.problem.orders().len()];
    let mut n_rows = 0;
    let mut is_used = vec![false; loaded.problem.vehicles().len()];
    let mut has_cost = false;
    for (idx, line) in text.lines().enumerate() {
        let line_no = idx + 1;
        let word = line.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        has_cost |= word.starts_with("cost");
        if !word.starts_with("route") {
            continue;
        }
        let Some((head, words)) = line.split_once(':') else {
            return super::line_error(line_no, "expected a line like `Route #1: 4 7 2`");
        };
        let digits: String = head.chars().filter(char::is_ascii_digit).collect();
        let vehicle = match digits.parse::<u32>() {
            Ok(number) if loaded.has_distinct_vehicles && number > 0 => number - 1,
            _ => n_rows,
        };
        n_rows += 1;
        if vehicle as usize >= loaded.problem.vehicles().len() {
            let n = loaded.problem.vehicles().len();
            return super::line_error(line_no, format!("more routes than the {n} vehicles"));
        }
        if std::mem::replace(&mut is_used[vehicle as usize], true) {
            return super::line_error(line_no, format!("route {} is listed twice", vehicle + 1));
        }
        let mut visits = Vec::new();
        for word in words.split_whitespace() {
            let Some(&task) = tasks.get(word) else {
                return super::line_error(line_no, format!("\"{word}\" is not in the problem"));
            };
            if let Task::Serve(order) = task {
                is_served[order as usize] = true;
            }
            visits.push(Visit::untimed(task));
        }
        if !visits.is_empty() {
            plan.routes.push(timed(&loaded.problem, vehicle, visits));
        }
    }
    if n_rows == 0 && !has_cost {
        let reason = "there is no line like `Route #1: 4 7 2`, and none like `Cost 12`";
        return Err(FormatError::Whole(reason.into()));
    }
    plan.routes.sort_by_key(|r| r.vehicle);
    leave_out(&mut plan, &is_served);
    Ok(plan)
}

/// A plan as `plan_to_json` writes it; stated departures and charges are kept.
fn read_json(loaded: &Loaded, text: &str) -> Result<Plan, FormatError> {
    let mut plan = Plan::default();
    let mut is_served = vec![false; loaded.problem.orders().len()];
    for (vehicle, depart_ms, visits) in super::plan_json::routes_of_json(loaded, text)? {
        for task in visits.iter().map(|v| v.task) {
            if let Task::Serve(order) = task {
                is_served[order as usize] = true;
            }
            let n_places = match task {
                Task::Reload(_) => loaded.problem.depots().len(),
                Task::Charge { .. } => loaded.problem.chargers().len(),
                _ => usize::MAX,
            };
            let (Task::Reload(at) | Task::Charge { charger: at, .. }) = task else { continue };
            if at as usize >= n_places {
                return Err(FormatError::Whole(format!("facility {at} does not exist")));
            }
        }
        let route = match depart_ms {
            Some(depart_ms) => Route { vehicle, depart_ms, end_ms: 0, distance_mm: 0, visits },
            None => timed(&loaded.problem, vehicle, visits),
        };
        plan.routes.push(route);
    }
    plan.routes.sort_by_key(|r| r.vehicle);
    leave_out(&mut plan, &is_served);
    Ok(plan)
}

fn leave_out(plan: &mut Plan, is_served: &[bool]) {
    for (order, _) in is_served.iter().enumerate().filter(|(_, served)| !**served) {
        plan.unassigned.push(rv_model::dispatch::Unassigned::silent(order as u32));
    }
}

/// What a solution calls a task: the file's label of its location, or, in our own JSON, where
/// orders may share a location, the order's id, behind a `+` where a transfer is collected.
fn word_of(loaded: &Loaded, task: Task) -> String {
    let id = |order: u32| loaded.problem.orders()[order as usize].id;
    match task {
        _ if loaded.convention.is_some() => loaded.labels[loaded.location(task) as usize].clone(),
        Task::Serve(order) => id(order).to_string(),
        Task::Collect(order) => format!("+{}", id(order)),
        Task::Reload(depot) => format!("depot{depot}"),
        Task::Charge { charger, .. } => format!("charger{charger}"),
    }
}

fn tasks_by_word(loaded: &Loaded) -> BTreeMap<String, Task> {
    let (problem, mut all) = (&loaded.problem, Vec::new());
    all.extend((0..problem.depots().len() as u32).map(Task::Reload));
    let chargers = 0..problem.chargers().len() as u32;
    all.extend(chargers.map(|charger| Task::Charge { charger, energy_mwh: 0 }));
    for (idx, order) in problem.orders().iter().enumerate() {
        if matches!(order.kind, OrderKind::Transfer { .. }) {
            all.push(Task::Collect(idx as u32));
        }
        all.push(Task::Serve(idx as u32));
    }
    all.into_iter().map(|task| (word_of(loaded, task), task)).collect()
}

/// Orders of a problem up to which the departure of a route that breaks limits is searched for; each
/// try looks at all of them.
const ORDERS_MAX: usize = 5_000;

/// A route with charges filled in and the latest departure that ends it no later.
fn timed(problem: &Problem, vehicle: u32, mut visits: Vec<Visit>) -> Route {
    let veh = &problem.vehicles()[vehicle as usize];
    if let Some(route) = driven_well(problem, vehicle, &visits) {
        return route;
    }
    fill_charges(problem, veh, &mut visits);
    let start_ms = veh.shift.start_ms;
    let mut route = Route { vehicle, depart_ms: start_ms, end_ms: 0, distance_mm: 0, visits };
    if problem.orders().len() > ORDERS_MAX || matches!(veh.start, Start::Road(_)) {
        return route;
    }
    let earliest = end_of(problem, &route, start_ms);
    let (mut low, mut high) = (start_ms, veh.shift.end_ms.min(start_ms + (1 << 31)));
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if end_of(problem, &route, middle) == earliest {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    route.depart_ms = low;
    route
}

/// The route as the search drives these visits, if that is within all limits.
fn driven_well(problem: &Problem, vehicle: u32, visits: &[Visit]) -> Option<Route> {
    let mut orders: Vec<u32> = visits
        .iter()
        .filter_map(|v| match v.task {
            Task::Serve(order) | Task::Collect(order) => Some(order),
            _ => None,
        })
        .collect();
    let veh = &problem.vehicles()[vehicle as usize];
    orders.extend(veh.committed.iter().filter_map(|task| match task {
        Task::Serve(order) | Task::Collect(order) => Some(*order),
        _ => None,
    }));
    let all = problem.orders().iter().enumerate();
    orders.extend(all.filter(|(_, o)| o.on_board == Some(vehicle)).map(|(idx, _)| idx as u32));
    orders.sort_unstable();
    orders.dedup();
    let (weights, share) = (Weights::equal(), Share::all(problem));
    let scope = Scope { weights: &weights, share: &share };
    let inst = compile(problem, &orders, &[vehicle], &scope);
    let mut state = State::new(&inst);
    let route = Route { vehicle, depart_ms: 0, end_ms: 0, distance_mm: 0, visits: visits.to_vec() };
    state.adopt(&Plan { routes: vec![route], unassigned: Vec::new() });
    let route = crate::output::routes(&state).pop()?;
    let is_same = |(a, b): (Task, &Visit)| match (a, b.task) {
        (Task::Charge { charger: a, .. }, Task::Charge { charger: b, .. }) => a == b,
        (a, b) => a == b,
    };
    let is_whole = route.visits.len() == visits.len() && route.tasks().zip(visits).all(is_same);
    is_whole.then_some(route)
}

/// End of a route by its departure, and how late its stops are in sum.
fn end_of(problem: &Problem, route: &Route, depart_ms: i64) -> (i64, i64) {
    let alone = Route { depart_ms, ..route.clone() };
    let plan = Plan { routes: vec![alone], unassigned: Vec::new() };
    let report = check(problem, &plan);
    let late = report.violations.iter().map(|v| match v {
        crate::Violation::Late { late_ms, .. } => *late_ms,
        _ => 0,
    });
    let home: i64 = depart_ms + report.costs.duration_ms;
    (home, late.sum())
}

/// At each charger, takes what the route needs until the next one.
fn fill_charges(problem: &Problem, vehicle: &Vehicle, visits: &mut [Visit]) {
    let Some(battery) = &vehicle.battery else { return };
    let place = |task: Task| match task {
        Task::Serve(order) | Task::Collect(order) => match &problem.orders()[order as usize].kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
            OrderKind::Transfer { pickup, dropoff } => {
                if matches!(task, Task::Collect(_)) {
                    pickup.location
                } else {
                    dropoff.location
                }
            }
        },
        Task::Reload(depot) => problem.depots()[depot as usize].location,
        Task::Charge { charger, .. } => problem.chargers()[charger as usize].location,
    };
    let mut stops = vec![problem.start_location(vehicle)];
    stops.extend(visits.iter().map(|v| place(v.task)));
    stops.extend(vehicle.end);
    let used = |leg: usize| i64::from(problem.leg(vehicle, stops[leg], stops[leg + 1]).energy_mwh);
    let mut charge = battery.start_mwh;
    for idx in 0..visits.len() {
        charge -= used(idx);
        if !matches!(visits[idx].task, Task::Charge { .. }) {
            continue;
        }
        let mut need = battery.reserve_mwh;
        for leg in idx + 1..stops.len() - 1 {
            need += used(leg);
            if visits.get(leg).is_some_and(|v| matches!(v.task, Task::Charge { .. })) {
                break;
            }
        }
        let taken = (need - charge).clamp(0, battery.capacity_mwh - charge);
        if let Task::Charge { energy_mwh, .. } = &mut visits[idx].task {
            *energy_mwh = taken;
        }
        charge += taken;
    }
}

/// One line per visit: route, position, what, where, times in s, load and charge.
pub fn write_csv(loaded: &Loaded, plan: &Plan) -> String {
    let mut text = String::from(
        "vehicle,visit,task,order,label,arrive_s,begin_s,leave_s,load_0,load_1,load_2,load_3,charge_wh\n",
    );
    for route in &plan.routes {
        for (idx, visit) in route.visits.iter().enumerate() {
            let (task, order) = match visit.task {
                Task::Serve(order) => ("serve", Some(order)),
                Task::Collect(order) => ("collect", Some(order)),
                Task::Reload(_) => ("reload", None),
                Task::Charge { .. } => ("charge", None),
            };
            let order = order.map(|o| loaded.problem.orders()[o as usize].id.to_string());
            let load = visit.load.map(|l| l.to_string()).join(",");
            let s = |ms: i64| ms as f64 / 1000.0;
            let _ = writeln!(
                text,
                "{},{idx},{task},{},{},{},{},{},{load},{}",
                loaded.problem.vehicles()[route.vehicle as usize].id,
                order.unwrap_or_default(),
                loaded.labels[loaded.location(visit.task) as usize],
                s(visit.arrive_ms),
                s(visit.begin_ms),
                s(visit.leave_ms),
                s(visit.charge_mwh),
            );
        }
    }
    text
}
