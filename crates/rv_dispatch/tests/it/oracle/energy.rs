//! Charge and load along a route.

use rv_model::dispatch::*;

use super::search::Until;
use super::stages::{is_loaded, place};

/// Charging: visit, energy, time. `None` below the reserve.
pub fn energy(
    problem: &Problem,
    v: u32,
    tasks: &[Task],
    until: Until,
) -> Option<Vec<(usize, i64, i64)>> {
    let battery = problem.vehicles()[v as usize].battery.as_ref();
    let floor = battery.map_or(0, |b| b.reserve_mwh.min(low_alone(problem, v)));
    charged(problem, v, tasks, floor, until)
}

fn charged(
    problem: &Problem,
    v: u32,
    tasks: &[Task],
    floor: i64,
    until: Until,
) -> Option<Vec<(usize, i64, i64)>> {
    let vehicle = &problem.vehicles()[v as usize];
    let Some(battery) = &vehicle.battery else { return Some(vec![]) };
    let n_committed = vehicle.committed.len();
    let mut used = used(problem, v, tasks);
    if until == Until::LastVisit
        && let Some(home) = used.last_mut()
    {
        *home = 0;
    }
    let mut charge = battery.start_mwh;
    let mut out = vec![];
    for (idx, &task) in tasks.iter().enumerate() {
        charge -= used[idx];
        if charge < floor && idx >= n_committed {
            return None;
        }
        if let Task::Charge { charger, energy_mwh } = task {
            let place = &problem.chargers()[charger as usize];
            let next = (idx + 1..tasks.len()).find(|&k| matches!(tasks[k], Task::Charge { .. }));
            let end = next.map_or(used.len(), |k| k + 1);
            let need = used[idx + 1..end].iter().sum::<i64>() + floor - charge;
            let room = (battery.capacity_mwh - charge).max(0);
            let (taken, ms) = match place.kind {
                ChargeKind::Swap => (room, 0),
                ChargeKind::Plug { power_mw } => {
                    let wanted = if energy_mwh >= 0 { energy_mwh } else { need };
                    let taken = wanted.clamp(0, room);
                    let from = charge.max(0);
                    (taken, battery.charge_ms(from, from + taken, power_mw))
                }
            };
            charge += taken;
            out.push((idx, taken, ms));
        }
    }
    if vehicle.end.is_some() {
        charge -= used[tasks.len()];
        let is_own = tasks.len() > n_committed || matches!(vehicle.start, Start::Depot(_));
        if charge < floor && is_own {
            return None;
        }
    }
    Some(out)
}

/// How low the battery gets with the committed tasks alone.
fn low_alone(problem: &Problem, v: u32) -> i64 {
    let vehicle = &problem.vehicles()[v as usize];
    let Some(battery) = &vehicle.battery else { return 0 };
    if vehicle.committed.is_empty() && matches!(vehicle.start, Start::Depot(_)) {
        return i64::MAX / 8;
    }
    let used = used(problem, v, &vehicle.committed);
    let floor = i64::MIN / 8;
    let charges = charged(problem, v, &vehicle.committed, floor, Until::Home).unwrap_or_default();
    let (mut charge, mut low) = (battery.start_mwh, battery.start_mwh);
    for (idx, used) in used.iter().enumerate() {
        charge -= used;
        low = low.min(charge);
        charge += charges.iter().filter(|c| c.0 == idx).map(|c| c.1).sum::<i64>();
    }
    low
}

/// Energy of each leg, the way home last.
fn used(problem: &Problem, v: u32, tasks: &[Task]) -> Vec<i64> {
    let vehicle = &problem.vehicles()[v as usize];
    let loads = loads(problem, v, tasks);
    let mut at = problem.start_location(vehicle);
    let places = tasks.iter().map(|t| place(problem, *t)).chain([vehicle.end.unwrap_or(u32::MAX)]);
    let mut out = vec![];
    for (idx, to) in places.enumerate() {
        if to == u32::MAX {
            out.push(0);
            continue;
        }
        let leg = problem.leg(vehicle, at, to);
        let battery = vehicle.battery.as_ref();
        let extra = battery.map_or(0, |b| b.load_mwh(leg.distance_mm, &loads[idx]));
        out.push(i64::from(leg.energy_mwh.max(0)) + extra);
        at = to;
    }
    out
}

/// Load on board after the start and after each visit.
pub fn loads(problem: &Problem, v: u32, tasks: &[Task]) -> Vec<[i64; 4]> {
    let vehicle = &problem.vehicles()[v as usize];
    let mut load: [i64; 4] = vehicle.extra_load.map(i64::from);
    let add = |load: &mut [i64; 4], order: &Order, sign: i64| {
        for (sum, amount) in load.iter_mut().zip(order.load) {
            *sum += sign * i64::from(amount);
        }
    };
    let trip_from = |from: usize, load: &mut [i64; 4]| {
        for task in tasks[from..].iter().take_while(|t| !matches!(t, Task::Reload(_))) {
            if let Task::Serve(o) = task
                && is_loaded(&problem.orders()[*o as usize])
            {
                add(load, &problem.orders()[*o as usize], 1);
            }
        }
    };
    for order in problem.orders().iter().filter(|o| o.on_board == Some(v)) {
        add(&mut load, order, 1);
    }
    trip_from(0, &mut load);
    let mut out = vec![load];
    for (idx, task) in tasks.iter().enumerate() {
        match task {
            Task::Serve(o) => {
                let order = &problem.orders()[*o as usize];
                let sign = if matches!(order.kind, OrderKind::Pickup(_)) { 1 } else { -1 };
                add(&mut load, order, sign);
            }
            Task::Collect(o) => add(&mut load, &problem.orders()[*o as usize], 1),
            Task::Reload(_) => {
                load = [0; 4];
                trip_from(idx + 1, &mut load);
            }
            Task::Charge { .. } => {}
        }
        out.push(load);
    }
    out
}
