//! Compartments.

use rv_model::dispatch::*;

use super::Effort;

/// Compartments by visit, all ways tried.
pub fn stowed(
    problem: &Problem,
    v: u32,
    tasks: &[Task],
    effort: &Effort,
) -> Option<Vec<Option<u16>>> {
    let vehicle = &problem.vehicles()[v as usize];
    if vehicle.compartments.is_empty() {
        return Some(vec![None; tasks.len()]);
    }
    // (order, loaded after visit, taken out at visit), counted from one.
    let mut stays: Vec<(u32, usize, usize)> = vec![];
    let mut depot = 0;
    for (idx, task) in tasks.iter().enumerate() {
        let Task::Serve(o) = *task else {
            if matches!(task, Task::Reload(_)) {
                depot = idx + 1;
            }
            continue;
        };
        let order = &problem.orders()[o as usize];
        let next = (idx..tasks.len()).find(|&k| matches!(tasks[k], Task::Reload(_)));
        let end = next.map_or(tasks.len() + 1, |k| k + 1);
        stays.push(match &order.kind {
            OrderKind::Pickup(_) => (o, idx + 1, end),
            _ if order.on_board.is_some() => (o, 0, idx + 1),
            OrderKind::Delivery(_) => (o, depot, idx + 1),
            OrderKind::Transfer { .. } => {
                let from = tasks.iter().position(|t| *t == Task::Collect(o))?;
                (o, from + 1, idx + 1)
            }
        });
    }
    let n = vehicle.compartments.len();
    let n_committed = vehicle.committed.len();
    let mut chosen = vec![0_usize; stays.len()];
    loop {
        effort.spend(2);
        if is_stowed(problem, vehicle, &stays, &chosen, tasks.len(), n_committed) {
            let mut out = vec![None; tasks.len()];
            for (stay, at) in stays.iter().zip(&chosen) {
                for (idx, task) in tasks.iter().enumerate() {
                    if matches!(*task, Task::Serve(o) | Task::Collect(o) if o == stay.0) {
                        out[idx] = Some(*at as u16);
                    }
                }
            }
            return Some(out);
        }
        let digit = chosen.iter().position(|c| c + 1 < n)?;
        chosen[digit] += 1;
        chosen[..digit].fill(0);
    }
}

fn is_stowed(
    problem: &Problem,
    vehicle: &Vehicle,
    stays: &[(u32, usize, usize)],
    chosen: &[usize],
    n_visits: usize,
    n_committed: usize,
) -> bool {
    let first = if n_committed == 0 { 0 } else { n_committed + 1 };
    vehicle.compartments.iter().enumerate().all(|(number, compartment)| {
        let inside: Vec<_> =
            stays.iter().zip(chosen).filter(|(_, c)| **c == number).map(|(s, _)| s).collect();
        let holds = (first..=n_visits).all(|visit| {
            (0..4).all(|d| {
                let there = inside.iter().filter(|s| s.1 <= visit && visit < s.2);
                let sum: i64 =
                    there.map(|s| i64::from(problem.orders()[s.0 as usize].load[d])).sum();
                sum <= i64::from(compartment.capacity[d])
            })
        });
        let is_free = compartment.door == Door::Free
            || inside.iter().all(|a| {
                inside.iter().all(|b| !(a.1 < b.1 && b.1 < a.2 && a.2 < b.2 && a.2 > n_committed))
            });
        holds && is_free
    })
}
