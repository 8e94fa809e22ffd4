//! Whether there is a way to every stop at all: a table without one is a mistake in the file, not
//! a hard problem.

use rv_model::dispatch::{OrderKind, Problem, Travel};

use super::FormatError;

/// Names the first stop that no vehicle can reach from its start by legs that are open, or get away
/// from to its end.
pub(super) fn check(problem: &Problem, labels: &[String]) -> Result<(), FormatError> {
    if !problem.travels().iter().any(|t| matches!(t, Travel::Table { .. })) {
        return Ok(());
    }
    let vehicles = problem.vehicles();
    let starts = vehicles.iter().map(|v| (v.profile, problem.start_location(v)));
    let reached = spread(problem, starts, Direction::Along);
    let ends = vehicles.iter().filter_map(|v| Some((v.profile, v.end?)));
    let can_stay = vehicles.iter().any(|v| v.end.is_none());
    let left = spread(problem, ends, Direction::Against);
    for (idx, order) in problem.orders().iter().enumerate() {
        let stops = match &order.kind {
            OrderKind::Delivery(stop) => vec![("delivery", stop)],
            OrderKind::Pickup(stop) => vec![("pickup", stop)],
            OrderKind::Transfer { pickup, dropoff } => {
                vec![("pickup", pickup), ("delivery", dropoff)]
            }
        };
        for (name, stop) in stops {
            let at = stop.location as usize;
            let what = match (reached[at], can_stay || left[at]) {
                (true, true) => continue,
                (false, _) => "no vehicle can reach",
                (true, false) => "no vehicle can get home from",
            };
            let label = &labels[at];
            let reason = format!("orders[{idx}].{name}.location: {what} \"{label}\"");
            return Err(FormatError::Whole(reason));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Along,
    Against,
}

/// Locations that legs connect with any of these, by the travel profile of each.
fn spread(
    problem: &Problem,
    from: impl Iterator<Item = (u32, u32)>,
    direction: Direction,
) -> Vec<bool> {
    let n = problem.travels()[0].n_locations();
    let mut is_any = vec![false; n];
    let mut seeds: Vec<Vec<u32>> = vec![Vec::new(); problem.travels().len()];
    for (profile, location) in from {
        if !seeds[profile as usize].contains(&location) {
            seeds[profile as usize].push(location);
        }
    }
    for (travel, seeds) in problem.travels().iter().zip(seeds) {
        let mut is_in = vec![false; n];
        let mut open = seeds;
        open.iter().for_each(|at| is_in[*at as usize] = true);
        while let Some(at) = open.pop() {
            for to in 0..n as u32 {
                let leg = match direction {
                    _ if is_in[to as usize] => continue,
                    Direction::Along => travel.leg(at, to),
                    Direction::Against => travel.leg(to, at),
                };
                if leg.is_open() {
                    is_in[to as usize] = true;
                    open.push(to);
                }
            }
        }
        is_any.iter_mut().zip(is_in).for_each(|(any, is_in)| *any |= is_in);
    }
    is_any
}
