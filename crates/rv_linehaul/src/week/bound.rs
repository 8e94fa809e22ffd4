//! A proven lower bound on the cost of a week.
//!
//! Trucks must be as many at every hub in the end as in the beginning, so any price of a truck's
//! place that makes no empty drive profitable may be added to what drives cost. What remains is a
//! timed instance without hours, docks and chargers, on free roads.

use rv_model::linehaul::{DesignArc, Week, WeekError};

use super::situation::Situation;
use crate::Budget;
use crate::timed::{Net, bound as timed_bound};

/// Most pairs of a commodity and a lane that the bound with consolidation is sought for.
const PAIRS_MAX: usize = 4_000_000;

pub(super) fn bound(
    situation: &Situation<'_>,
    price: &[f64],
    target: f64,
    budget: &Budget<'_>,
) -> Result<f64, WeekError> {
    let week = situation.week;
    let scale = allowed_scale(week, price);
    let arcs = (0..week.lanes.len()).map(|l| cheapest_arc(week, l, price, scale)).collect();
    let design = situation.design(arcs, 0.0)?;
    let net = Net::new(&design, None);
    let by_load = by_load(&net);
    if n_pairs(&net) > PAIRS_MAX {
        return Ok(by_load);
    }
    Ok(by_load.max(timed_bound(&net, target, budget)))
}

/// Cost if every kg paid its share of a full truck on its cheapest way.
fn by_load(net: &Net<'_>) -> f64 {
    net.carried
        .iter()
        .map(|&k| {
            let com = &net.coms[k as usize];
            com.size * net.place_cost(com.origin, com.destination)
        })
        .sum()
}

/// A lane as no class does it cheaper: empty or full.
fn cheapest_arc(week: &Week, l: usize, price: &[f64], scale: f64) -> DesignArc {
    let lane = &week.lanes[l];
    let place = scale * (price[lane.from as usize] - price[lane.to as usize]);
    let (mut fixed, mut per_kg) = (f64::INFINITY, f64::INFINITY);
    for &class in &lane.classes {
        let cost = (super::trip_cost_least(week, l as u32, class) + place).max(0.0);
        fixed = fixed.min(cost);
        per_kg = per_kg.min(cost / week.classes[class as usize].payload_kg);
    }
    let payload = lane.classes.iter().map(|&c| week.classes[c as usize].payload_kg);
    let capacity = if per_kg > 0.0 { fixed / per_kg } else { payload.fold(0.0, f64::max) };
    DesignArc {
        tail: lane.from,
        head: lane.to,
        cost_per_unit: week.costs.handling_per_kg,
        capacity,
        cost_fixed: fixed,
        travel: super::least_travel_s(week, l),
    }
}

/// Largest share of the prices at which no drive costs less than nothing.
fn allowed_scale(week: &Week, price: &[f64]) -> f64 {
    let mut scale = 1.0_f64;
    for (l, lane) in week.lanes.iter().enumerate() {
        let worth = price[lane.to as usize] - price[lane.from as usize];
        for &class in &lane.classes {
            if worth > 0.0 {
                scale = scale.min(super::trip_cost_least(week, l as u32, class) / worth);
            }
        }
    }
    scale
}

/// Pairs of a commodity and a lane that it can use in time, counted up to a little above the most.
fn n_pairs(net: &Net<'_>) -> usize {
    let mut n = 0;
    for &k in &net.carried {
        n += (0..net.arcs.len() as u32).filter(|&a| net.may_use(k, a)).count();
        if n > PAIRS_MAX {
            break;
        }
    }
    n
}
