//! Whether a relaxation would let an order in: the same judge, under relaxed limits.

use rv_base::Money;
use rv_model::dispatch::{
    Load, MAX_LOAD_DIMS, Order, OrderKind, Plan, Presence, Problem, Relaxation, Route, Stop, Task,
    Unassigned, Vehicle,
};

use super::{Report, judge};

/// Limits that are not those of the problem.
#[derive(Clone, Debug, Default)]
pub(super) struct Relaxed {
    vehicle: Option<(u32, Vehicle)>,
    order: Option<(u32, Order)>,
    stock: Vec<(u32, Load)>,
    bays: Vec<(u32, u32)>,
    /// Judge this vehicle alone, and not whether all orders are planned.
    only: Option<u32>,
}

impl Relaxed {
    pub fn vehicle<'a>(&'a self, problem: &'a Problem, idx: u32) -> &'a Vehicle {
        match &self.vehicle {
            Some((relaxed, vehicle)) if *relaxed == idx => vehicle,
            _ => &problem.vehicles()[idx as usize],
        }
    }

    pub fn order<'a>(&'a self, problem: &'a Problem, idx: u32) -> Option<&'a Order> {
        match &self.order {
            Some((relaxed, order)) if *relaxed == idx => Some(order),
            _ => problem.orders().get(idx as usize),
        }
    }

    pub fn more_bays(&self, charger: u32) -> u32 {
        self.bays.iter().filter(|b| b.0 == charger).map(|b| b.1).sum()
    }

    pub fn judges(&self, vehicle: u32) -> bool {
        self.only.is_none_or(|only| only == vehicle)
    }

    pub fn is_whole(&self) -> bool {
        self.only.is_none()
    }

    pub fn more_stock(&self, depot: u32) -> Load {
        let found = self.stock.iter().find(|s| s.0 == depot);
        found.map_or([0; MAX_LOAD_DIMS], |s| s.1)
    }
}

/// Whether the relaxations of an order that a plan leaves out would let it in: its stated route,
/// driven in place of its vehicle's (or beside it, if one more vehicle is asked for), breaks nothing
/// that they do not grant, and serves all that the vehicle served but what is to be given up.
pub fn confirm(problem: &Problem, plan: &Plan, out: &Unassigned) -> bool {
    let (Some(route), Some(id)) = (&out.route, out.vehicle) else { return false };
    let is_there = |order: u32| (order as usize) < problem.orders().len();
    if route.vehicle != id || id as usize >= problem.vehicles().len() || !is_there(out.order) {
        return false;
    }
    let mut vehicle = problem.vehicles()[id as usize].clone();
    let mut order = problem.orders()[out.order as usize].clone();
    let mut relaxed = Relaxed::default();
    let (mut given_up, mut has_one_more, mut prize) = (Vec::new(), false, None);
    for need in &out.relaxations {
        match need {
            Relaxation::InsteadOf { orders } => given_up.clone_from(orders),
            Relaxation::Vehicle => has_one_more = true,
            Relaxation::Prize { more } => prize = Some(*more),
            Relaxation::Stock { depot, more } => relaxed.stock.push((*depot, *more)),
            Relaxation::Bays { charger, more } => relaxed.bays.push((*charger, *more)),
            need => grant(need, &mut vehicle, &mut order),
        }
    }
    relaxed.vehicle = Some((id, vehicle));
    relaxed.order = Some((out.order, order));
    let old = plan.routes.iter().find(|r| r.vehicle == id);
    let served = |route: &Route, order: u32| route.tasks().any(|t| t == Task::Serve(order));
    let is_kept = |task: Task| match task {
        Task::Serve(order) => has_one_more || given_up.contains(&order) || served(route, order),
        _ => true,
    };
    if !served(route, out.order) || !old.is_none_or(|old| old.tasks().all(is_kept)) {
        return false;
    }
    // What the relaxed vehicle does alone; only what is shared needs the others.
    let has_shared = problem.chargers().iter().any(|c| c.bays.is_some())
        || problem.depots().iter().any(|d| d.stock.is_some());
    relaxed.only = (!has_shared).then_some(id);
    let mut others = Plan::default();
    if has_shared {
        others.routes = plan.routes.iter().filter(|r| r.vehicle != id).cloned().collect();
    }
    let with = |route: Option<&Route>| {
        let mut plan = others.clone();
        plan.routes.extend(route.cloned());
        judge(problem, &plan, &relaxed)
    };
    let report = with(Some(route));
    if !is_sound(&report, id, has_shared) {
        return false;
    }
    let Some(more) = prize else { return true };
    let Presence::Optional(own) = problem.orders()[out.order as usize].presence else {
        return true;
    };
    // The route may cost no more beyond the old one than the prize that is asked for.
    let costs = |report: &Report| {
        let c = &report.costs;
        c.fixed + c.distance + c.time + c.lateness + c.stability
    };
    costs(&report).0 - costs(&with(old)).0 <= own.0 + more.0 + TOLERANCE.0
}

/// Rounding of the search's costs, which are sums of rounded parts.
const TOLERANCE: Money = Money(2000);

/// Whether nothing is broken but that other vehicles and orders are not planned here.
fn is_sound(report: &Report, id: u32, has_shared: bool) -> bool {
    use super::Violation as V;
    report.violations.iter().all(|v| match v {
        V::Forgotten { .. } => true,
        V::Committed { vehicle, .. } => *vehicle != id && !has_shared,
        V::Shift { vehicle, .. }
        | V::Distance { vehicle, .. }
        | V::Load { vehicle, .. }
        | V::Charge { vehicle, .. }
        | V::Closed { vehicle, .. }
        | V::Permits { vehicle, .. } => *vehicle != id,
        _ => false,
    })
}

/// Applies one relaxation to a vehicle and an order.
fn grant(need: &Relaxation, vehicle: &mut Vehicle, order: &mut Order) {
    match need {
        Relaxation::Window { is_dropoff, early_ms, late_ms } => {
            let stop: &mut Stop = match &mut order.kind {
                OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop,
                OrderKind::Transfer { pickup, dropoff } => {
                    // What is on board has only its dropoff left.
                    if *is_dropoff || order.on_board.is_some() { dropoff } else { pickup }
                }
            };
            let last = stop.windows.len() - 1;
            stop.windows[0].start_ms = stop.windows[0].start_ms.saturating_sub(*early_ms);
            stop.windows[last].end_ms = stop.windows[last].end_ms.saturating_add(*late_ms);
        }
        Relaxation::Shift { late_ms } => {
            vehicle.shift.end_ms += late_ms;
            vehicle.duration_ms_max = vehicle.duration_ms_max.map(|d| d + late_ms);
        }
        Relaxation::Distance { more_mm } => {
            vehicle.distance_mm_max = vehicle.distance_mm_max.map(|d| d + more_mm);
        }
        Relaxation::Capacity { more } => {
            for (amount, extra) in vehicle.capacity.iter_mut().zip(more) {
                *amount = amount.saturating_add(*extra);
            }
        }
        Relaxation::Battery { more_mwh } => {
            if let Some(battery) = &mut vehicle.battery {
                battery.capacity_mwh += more_mwh;
                battery.start_mwh += more_mwh;
                if let Some(last) = battery.curve.last_mut() {
                    last.up_to_mwh += more_mwh;
                }
            }
        }
        Relaxation::Skills { missing } => vehicle.skills |= missing,
        Relaxation::Permits { missing } => vehicle.permits |= missing,
        Relaxation::Compartments => {
            vehicle.compartments.clear();
            order.compartment = None;
        }
        Relaxation::Reload { depot } => {
            vehicle.reload_depots.push(*depot);
            vehicle.reloads_max += 1;
        }
        Relaxation::InsteadOf { .. }
        | Relaxation::Vehicle
        | Relaxation::Prize { .. }
        | Relaxation::Stock { .. }
        | Relaxation::Bays { .. } => {}
    }
}
