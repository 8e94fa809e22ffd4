//! A week of a hub network: departures that consolidate, trucks that circulate and charge, docks.
//!
//! Planned in stages that hand windows, not moments, to each other: routes and consolidation
//! (the search of timed instances over the week's clock), moments that keep hubs even, trucks.
//! The balance of trucks prices their place, and the search goes on at costs that know it.

mod balance;
mod bound;
mod circulate;
mod clock;
mod generate;
mod timing;

use rv_base::Rng;
use rv_model::linehaul::{
    DesignArc, DesignCommodity, DesignError, NetworkDesign, Timing as DesignTiming, Week,
    WeekDeparture, WeekError, WeekPlan,
};

use crate::Budget;
use crate::timed::{Net, Search, State, trucks};
pub use generate::{WeekShape, generate_week};
use timing::Smoothing;

/// Shares of a budget at which the first search and the second end; the bound takes the rest.
const SEARCH_ENDS: [f64; 2] = [0.4, 0.85];
/// Heat of both searches, as a share of what timed instances take.
const HEATS: [f64; 2] = [0.3, 0.15];

/// How much work goes into a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Greedy insertion, then greedy re-insertion of everything, once: a baseline.
    Greedy,
    /// The whole budget.
    Search,
}

/// A plan, what it costs and how it uses the network.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekOutcome {
    /// The plan.
    pub plan: WeekPlan,
    /// Its cost: drives with and without freight, energy and handling.
    pub cost: f64,
    /// No plan costs less; zero if it was not sought.
    pub bound: f64,
    /// Search steps made.
    pub n_steps: u64,
    /// Distance driven with freight, m.
    pub loaded_m: f64,
    /// Distance driven without, m.
    pub empty_m: f64,
    /// Most freight in one clock hour at each hub, kg.
    pub peak_kg: Vec<f64>,
    /// The same if everything left as early as it could.
    pub peak_unsmoothed_kg: Vec<f64>,
    /// Trucks that departures ask for and the fleets do not have in time.
    pub n_missing_trucks: u32,
    /// Trucks that cannot be brought back to where they are missing.
    pub n_stuck_trucks: u32,
}

/// Plans a week. `progress` is called now and then with the cost so far and, at the end, the bound.
///
/// # Errors
/// The week is wrong; see [`WeekError`].
pub fn solve_week(
    week: &Week,
    effort: Effort,
    budget: &Budget<'_>,
    rng: &Rng,
    progress: &mut dyn FnMut(f64, Option<f64>),
) -> Result<WeekOutcome, WeekError> {
    week.check()?;
    let clock = clock::WeekClock::new(week);
    let no_price = vec![0.0; week.hubs.len()];
    let design = design_of(week, &no_price)?;
    let net = Net::new(&design, Some(&clock));
    let mut search = Search::new(&net, rng.fork("week"));
    if effort == Effort::Greedy {
        search.construct_greedily();
        return Ok(finish(week, &clock, &net, search.best()).0);
    }
    search.construct();
    let first = part(budget, 0.0, SEARCH_ENDS[0]);
    let mut n_steps = search.run(&first, HEATS[0], &mut |cost| progress(cost, None));
    let (mut best, price) = finish(week, &clock, &net, search.best());
    let priced = design_of(week, &price)?;
    let priced_net = Net::new(&priced, Some(&clock));
    let mut again = Search::resume(&priced_net, rng.fork("again"), search.into_best());
    let second = part(budget, SEARCH_ENDS[0], SEARCH_ENDS[1]);
    n_steps += again.run(&second, HEATS[1], &mut |_| progress(best.cost, None));
    let (other, other_price) = finish(week, &clock, &priced_net, again.best());
    let price = if other.n_missing_trucks <= best.n_missing_trucks && other.cost < best.cost {
        best = other;
        other_price
    } else {
        price
    };
    best.n_steps = n_steps;
    best.bound = bound::bound(week, &price, best.cost, budget)?.min(best.cost);
    progress(best.cost, Some(best.bound));
    Ok(best)
}

/// The part of a budget between two shares.
fn part<'a>(budget: &Budget<'a>, from: f64, to: f64) -> Budget<'a> {
    Budget { steps: budget.steps.map(|n| (n as f64 * (to - from)) as u64), ..budget.share(to) }
}

/// Fixes moments and trucks; gives the outcome without a bound, and the price of trucks by hub.
fn finish(
    week: &Week,
    clock: &clock::WeekClock<'_>,
    net: &Net<'_>,
    state: &State,
) -> (WeekOutcome, Vec<f64>) {
    let early = timing::fix(week, clock, state, Smoothing::Off);
    let timing = timing::fix(week, clock, state, Smoothing::On);
    let mut number = vec![u32::MAX; state.groups.len()];
    let mut departures = Vec::new();
    for (g, group) in state.groups.iter().enumerate() {
        if !group.riders.is_empty() {
            number[g] = departures.len() as u32;
            let class = class_of(week, group.arc);
            departures.push(WeekDeparture {
                lane: group.arc,
                class,
                n_trucks: trucks_for(group.load, week.classes[class as usize].payload_kg),
                depart_s: timing.load_s[g] + week.costs.load_s,
            });
        }
    }
    let itineraries = (state.routes.iter())
        .map(|route| route.iter().map(|&g| number[g as usize]).collect::<Vec<u32>>())
        .collect::<Vec<_>>();
    let circulation = circulate::circulate(week, clock, &departures);
    let mut cost = circulation.empty_cost;
    for row in &departures {
        cost += f64::from(row.n_trucks) * trip_cost(week, row.lane, row.class);
    }
    for (k, rides) in itineraries.iter().enumerate() {
        let kg = week.commodities[k].size_kg * rides.len() as f64;
        cost += kg * week.costs.handling_per_kg;
    }
    let trucks = circulation.trucks;
    let plan = WeekPlan { departures, itineraries, late: net.late_answers(), trucks };
    let outcome = WeekOutcome {
        plan,
        cost,
        bound: 0.0,
        n_steps: 0,
        loaded_m: circulation.loaded_m,
        empty_m: circulation.empty_m,
        peak_kg: timing.peak_kg,
        peak_unsmoothed_kg: early.peak_kg,
        n_missing_trucks: circulation.n_missing,
        n_stuck_trucks: circulation.n_stuck,
    };
    (outcome, circulation.price)
}

/// The week as a timed instance: one arc per lane with the class that carries a kg for least. A
/// truck also pays for what its place is worth, by `price` of a truck at each hub.
fn design_of(week: &Week, price: &[f64]) -> Result<NetworkDesign, WeekError> {
    let arcs = (week.lanes.iter().enumerate())
        .map(|(l, lane)| {
            let class = class_of(week, l as u32);
            let place = price[lane.from as usize] - price[lane.to as usize];
            DesignArc {
                tail: lane.from,
                head: lane.to,
                cost_per_unit: week.costs.handling_per_kg,
                capacity: week.classes[class as usize].payload_kg,
                cost_fixed: (trip_cost(week, l as u32, class) + place).max(0.0),
                travel: least_travel_s(week, l),
            }
        })
        .collect();
    design(week, arcs)
}

fn design(week: &Week, arcs: Vec<DesignArc>) -> Result<NetworkDesign, WeekError> {
    let commodities = week
        .commodities
        .iter()
        .map(|com| DesignCommodity {
            origin: com.origin,
            destination: com.destination,
            size: com.size_kg,
            release: com.release_s,
            due: com.due_s,
        })
        .collect();
    NetworkDesign::new(DesignTiming::Timed, week.hubs.len(), arcs, commodities).map_err(|error| {
        match error {
            DesignError::Disconnected { idx, origin, destination } => WeekError::Disconnected {
                idx: idx - 1,
                origin: origin as u32 - 1,
                destination: destination as u32 - 1,
            },
            other => unreachable!("a checked week makes no wrong design: {other}"),
        }
    })
}

/// Time from the beginning of loading to the end of unloading on free roads.
fn least_travel_s(week: &Week, lane: usize) -> f64 {
    week.costs.load_s + week.lanes[lane].travel_s + week.costs.unload_s
}

/// The permitted class that carries a kg over a lane for least.
fn class_of(week: &Week, lane: u32) -> u32 {
    let per_kg =
        |class: u32| trip_cost(week, lane, class) / week.classes[class as usize].payload_kg;
    let classes = week.lanes[lane as usize].classes.iter().copied();
    classes
        .min_by(|&a, &b| per_kg(a).total_cmp(&per_kg(b)).then(a.cmp(&b)))
        .expect("a checked lane permits a class")
}

/// What one drive of one truck costs, with its energy.
fn trip_cost(week: &Week, lane: u32, class: u32) -> f64 {
    let (row, class) = (&week.lanes[lane as usize], &week.classes[class as usize]);
    class.cost_per_trip
        + class.cost_per_km * row.distance_m / 1000.0
        + week.costs.energy_per_kwh * row.energy_wh / 1000.0
}

fn trucks_for(load_kg: f64, payload_kg: f64) -> u32 {
    trucks(load_kg, payload_kg).max(1.0) as u32
}
