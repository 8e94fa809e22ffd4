//! What of the shared limits each part of a cut problem may use.

use rv_model::dispatch::{MAX_LOAD_DIMS, OrderKind, Plan, Problem, Route, Start, Task};

use crate::decompose::Part;
use crate::rich::Share;

/// The shares of all parts: what their routes use in the plan, and all that no route uses: free bays
/// go to the nearest part, stock by the number of orders. They never add up to more than there is.
pub(crate) fn shares(problem: &Problem, parts: &[Part], plan: &Plan) -> Vec<Share> {
    let all = Share::all(problem);
    let has_limits =
        all.bays.iter().any(|b| !b.is_empty()) || all.stock.iter().any(Option::is_some);
    let is_shared = has_limits || !problem.tenants().is_empty();
    if parts.len() <= 1 || !is_shared {
        return vec![all; parts.len()];
    }
    let owners: Vec<usize> = (0..problem.chargers().len())
        .map(|c| if all.bays[c].is_empty() { 0 } else { nearest(problem, parts, c) })
        .collect();
    let share = |idx: usize| share(problem, parts, idx, plan, &owners);
    (0..parts.len()).map(share).collect()
}

/// The part with the order nearest to a charger, among a few of each.
fn nearest(problem: &Problem, parts: &[Part], charger: usize) -> usize {
    const N_SAMPLED: usize = 16;
    let from = problem.chargers()[charger].location;
    let away = |order: &u32| {
        let location = match &problem.orders()[*order as usize].kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
            OrderKind::Transfer { dropoff, .. } => dropoff.location,
        };
        problem.travels()[0].leg(from, location).distance_mm
    };
    let nearest = |part: &Part| {
        let step = part.orders.len() / N_SAMPLED + 1;
        part.orders.iter().step_by(step).map(away).min().unwrap_or(i32::MAX)
    };
    (0..parts.len()).min_by_key(|p| (nearest(&parts[*p]), *p)).unwrap_or(0)
}

fn share(problem: &Problem, parts: &[Part], idx: usize, plan: &Plan, owners: &[usize]) -> Share {
    let mut share = Share::all(problem);
    let part = &parts[idx];
    let is_mine = |route: &Route| part.vehicles.binary_search(&route.vehicle).is_ok();
    for (charger, steps) in share.bays.iter_mut().enumerate() {
        if !steps.is_empty() {
            let is_owner = owners[charger] == idx;
            *steps = free_bays(steps[0].1, charger as u32, plan, is_owner, is_mine);
        }
    }
    for (depot, stock) in share.stock.iter_mut().enumerate() {
        let Some(stock) = stock else { continue };
        let (mut mine, mut all) = ([0_i64; MAX_LOAD_DIMS], [0_i64; MAX_LOAD_DIMS]);
        for route in &plan.routes {
            let drawn = drawn(problem, route, depot as u32);
            for dim in 0..MAX_LOAD_DIMS {
                all[dim] += drawn[dim];
                if is_mine(route) {
                    mine[dim] += drawn[dim];
                }
            }
        }
        let n_orders: usize = parts.iter().map(|p| p.orders.len()).sum();
        for dim in 0..MAX_LOAD_DIMS {
            let left = (stock[dim] - all[dim]).max(0);
            stock[dim] = mine[dim] + left * part.orders.len() as i64 / n_orders.max(1) as i64;
        }
    }
    if !problem.tenants().is_empty() {
        share.missed = missed_elsewhere(problem, part, plan);
    }
    share
}

/// Steps of the bays that a part may use at a charger.
fn free_bays(
    n_bays: i32,
    charger: u32,
    plan: &Plan,
    is_owner: bool,
    is_mine: impl Fn(&Route) -> bool,
) -> Vec<(i64, i32)> {
    let mut changes: Vec<(i64, i32)> = Vec::new();
    for route in &plan.routes {
        // The owner may use all but what others do; another part only what it does itself.
        let sign = match (is_owner, is_mine(route)) {
            (true, false) => -1,
            (false, true) => 1,
            _ => continue,
        };
        for visit in &route.visits {
            if matches!(visit.task, Task::Charge { charger: c, .. } if c == charger) {
                changes.push((visit.begin_ms, sign));
                changes.push((visit.leave_ms, -sign));
            }
        }
    }
    changes.sort_unstable();
    let mut n = if is_owner { n_bays } else { 0 };
    let mut steps = vec![(i64::MIN, n)];
    for (at, change) in changes {
        n += change;
        match steps.last_mut() {
            Some(last) if last.0 == at => last.1 = n,
            _ => steps.push((at, n)),
        }
    }
    steps
}

/// What a route loads at a depot.
fn drawn(problem: &Problem, route: &Route, depot: u32) -> [i64; MAX_LOAD_DIMS] {
    let mut sum = [0; MAX_LOAD_DIMS];
    let mut is_here = problem.vehicles()[route.vehicle as usize].start == Start::Depot(depot);
    for task in route.tasks() {
        match task {
            Task::Reload(at) => is_here = at == depot,
            Task::Serve(idx) if is_here => {
                let order = &problem.orders()[idx as usize];
                if matches!(order.kind, OrderKind::Delivery(_)) && order.on_board.is_none() {
                    for (sum, amount) in sum.iter_mut().zip(order.load) {
                        *sum += i64::from(amount);
                    }
                }
            }
            _ => {}
        }
    }
    sum
}

/// Orders of each tenant that are not in the part and that the plan leaves out.
fn missed_elsewhere(problem: &Problem, part: &Part, plan: &Plan) -> Vec<i64> {
    let mut missed = vec![0; problem.tenants().len()];
    let mut is_met = vec![false; problem.orders().len()];
    for task in plan.routes.iter().flat_map(Route::tasks) {
        if let Task::Serve(order) = task {
            is_met[order as usize] = true;
        }
    }
    for &order in &part.orders {
        is_met[order as usize] = true;
    }
    for (order, _) in problem.orders().iter().zip(is_met).filter(|(_, met)| !met) {
        if let Some(tenant) = order.tenant {
            missed[tenant as usize] += 1;
        }
    }
    missed
}
