//! What a plan costs.

use rv_model::linehaul::{Leg, Week, WeekPlan};

use super::clock::WeekClock;
use crate::timed::Clock;

/// What one drive of one truck costs, with its energy.
pub(super) fn trip_cost(week: &Week, lane: u32, class: u32) -> f64 {
    let (row, class) = (&week.lanes[lane as usize], &week.classes[class as usize]);
    class.cost_per_trip
        + class.cost_per_km * row.distance_m / 1000.0
        + week.costs.energy_per_kwh * row.energy_wh / 1000.0
}

/// The same for the truck of a platoon that costs least.
pub(super) fn trip_cost_least(week: &Week, lane: u32, class: u32) -> f64 {
    let saving = match week.lanes[lane as usize].platoon_trucks {
        1 => 0.0,
        _ => week.classes[class as usize].follower_saving.unwrap_or(0.0),
    };
    trip_cost(week, lane, class) * (1.0 - saving)
}

/// What trucks cost that leave together, in platoons where they may.
fn departure_cost(week: &Week, lane: u32, class: u32, n_trucks: u32) -> f64 {
    let saving = week.classes[class as usize].follower_saving.unwrap_or(0.0);
    let n_leads = n_trucks.div_ceil(week.lanes[lane as usize].platoon_trucks.max(1));
    let n_followers = f64::from(n_trucks - n_leads);
    trip_cost(week, lane, class) * (f64::from(n_trucks) - saving * n_followers)
}

/// Cost of a whole plan.
pub(super) fn plan_cost(week: &Week, clock: &WeekClock<'_>, plan: &WeekPlan) -> f64 {
    let costs = &week.costs;
    let mut cost = 0.0;
    for row in &plan.departures {
        cost += departure_cost(week, row.lane, row.class, row.n_trucks);
    }
    for truck in &plan.trucks {
        let class = week.fleets[truck.fleet as usize].class;
        for leg in &truck.legs {
            if let Leg::Empty { lane, .. } = *leg {
                cost += trip_cost(week, lane, class);
            }
        }
    }
    for (com, rides) in week.commodities.iter().zip(&plan.itineraries) {
        let (mut at, mut ready_s, mut held_s) = (com.origin, com.release_s, 0.0);
        for &d in rides {
            let row = &plan.departures[d as usize];
            let load_s = row.depart_s - costs.load_s;
            held_s += (load_s - ready_s).max(0.0);
            ready_s = clock.arrival(row.lane, load_s);
            at = week.lanes[row.lane as usize].to;
        }
        cost += com.size_kg * costs.handling_per_kg * rides.len() as f64;
        cost += com.size_kg * costs.holding_per_kg_h * held_s / 3600.0;
        if at == com.destination {
            let late_h = (ready_s - com.due_s).max(0.0) / 3600.0;
            cost += com.size_kg * costs.lateness_per_kg_h.unwrap_or(0.0) * late_h;
        }
    }
    cost
}
