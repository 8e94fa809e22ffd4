//! Compartments: what lies where, and whether it can be taken out.

use rv_model::dispatch::{Door, MAX_LOAD_DIMS, OrderKind, Problem, Route, Task, Vehicle};

use super::Violation;
use super::relaxed::Relaxed;

/// An order's stay on board: loaded at one visit and taken out at another; visits count from one,
/// the start is 0 and the end comes after the last.
struct Stay {
    order: u32,
    compartment: u16,
    from: usize,
    to: usize,
}

/// Checks that every load has a compartment, that none holds too much, and that nothing lies in
/// front of what is taken out.
pub(super) fn judge(
    problem: &Problem,
    relaxed: &Relaxed,
    vehicle: &Vehicle,
    route: &Route,
    violations: &mut Vec<Violation>,
) {
    if vehicle.compartments.is_empty() {
        return;
    }
    let stays = stays(problem, relaxed, vehicle, route, violations);
    let n_committed = vehicle.committed.len();
    let id = route.vehicle;
    for (number, compartment) in vehicle.compartments.iter().enumerate() {
        let number = number as u16;
        let within: Vec<&Stay> = stays.iter().filter(|s| s.compartment == number).collect();
        let first = if n_committed == 0 { 0 } else { n_committed + 1 };
        for visit in first..=route.visits.len() {
            let mut sum = [0_i64; MAX_LOAD_DIMS];
            for stay in within.iter().filter(|s| s.from <= visit && visit < s.to) {
                let Some(order) = relaxed.order(problem, stay.order) else { continue };
                for (sum, amount) in sum.iter_mut().zip(order.load) {
                    *sum += i64::from(amount);
                }
            }
            if sum.iter().zip(compartment.capacity).any(|(sum, most)| *sum > i64::from(most)) {
                let compartment = number;
                violations.push(Violation::CompartmentLoad { vehicle: id, visit, compartment });
            }
        }
        if compartment.door == Door::Free {
            continue;
        }
        for stay in within.iter().filter(|s| s.to > n_committed) {
            let behind =
                within.iter().find(|o| stay.from < o.from && o.from < stay.to && stay.to < o.to);
            if let Some(behind) = behind {
                violations.push(Violation::Door {
                    vehicle: id,
                    visit: stay.to,
                    order: stay.order,
                    behind: behind.order,
                });
            }
        }
    }
}

fn stays(
    problem: &Problem,
    relaxed: &Relaxed,
    vehicle: &Vehicle,
    route: &Route,
    violations: &mut Vec<Violation>,
) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    let is_reload = |task: Task| matches!(task, Task::Reload(_));
    let next_depot = |from: usize| {
        let later = route.visits.iter().enumerate().skip(from);
        later.filter(|(_, v)| is_reload(v.task)).map(|(at, _)| at + 1).next()
    };
    let mut depot = 0;
    let mut collected: Vec<(u32, usize)> = Vec::new();
    for (at, visit) in route.visits.iter().enumerate() {
        let number = at + 1;
        let idx = match visit.task {
            Task::Reload(_) => {
                depot = number;
                continue;
            }
            Task::Charge { .. } => continue,
            Task::Collect(idx) => {
                collected.push((idx, number));
                idx
            }
            Task::Serve(idx) => idx,
        };
        let Some(order) = relaxed.order(problem, idx) else { continue };
        let given = order.compartment;
        let stated = visit.compartment.filter(|c| usize::from(*c) < vehicle.compartments.len());
        let Some(compartment) = stated.filter(|c| given.is_none_or(|g| g == *c)) else {
            violations.push(Violation::Compartment { vehicle: route.vehicle, visit: at });
            continue;
        };
        let end = next_depot(at).unwrap_or(route.visits.len() + 1);
        let (from, to) = match (&order.kind, visit.task) {
            (OrderKind::Pickup(_), _) => (number, end),
            (OrderKind::Transfer { .. }, Task::Collect(_)) => continue,
            (OrderKind::Transfer { .. }, _) if order.on_board.is_none() => {
                let before = collected.iter().find(|c| c.0 == idx);
                let stated = before.and_then(|c| route.visits[c.1 - 1].compartment);
                if stated != Some(compartment) {
                    violations.push(Violation::Compartment { vehicle: route.vehicle, visit: at });
                }
                (before.map_or(0, |c| c.1), number)
            }
            (_, _) if order.on_board.is_some() => (0, number),
            _ => (depot, number),
        };
        stays.push(Stay { order: idx, compartment, from, to });
    }
    // What is on board and not served stays where it is until the next depot.
    for (idx, order) in problem.orders().iter().enumerate() {
        let idx = idx as u32;
        if order.on_board != Some(route.vehicle) || stays.iter().any(|s| s.order == idx) {
            continue;
        }
        if let Some(compartment) = order.compartment {
            let to = next_depot(0).unwrap_or(route.visits.len() + 1);
            stays.push(Stay { order: idx, compartment, from: 0, to });
        }
    }
    stays
}
