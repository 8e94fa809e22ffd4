//! A week of a hub network: departures that consolidate, trucks that circulate and charge, docks.
//!
//! Planned in stages that hand windows, not moments, to each other: routes and consolidation
//! (the search of timed instances over the week's clock), moments that keep hubs even, trucks.
//! Where trucks or docks do not suffice, departures move within their windows, then freight takes
//! other ways. The balance of trucks prices their place, and the search goes on at costs that know
//! it.

mod balance;
mod bound;
mod calendar;
mod circulate;
mod clock;
mod cost;
mod exact;
mod finish;
mod generate;
mod replan;
mod shares;
mod situation;
mod times;
mod timing;

use rv_base::Rng;
use rv_model::linehaul::{DesignArc, Week, WeekError, WeekPlan};

use crate::Budget;
use crate::timed::{Net, Search};
use cost::{trip_cost, trip_cost_least};
use finish::finish;
pub use generate::{WeekShape, generate_week};
pub use replan::{ReplanError, ReplanOutcome, replan_week};
use situation::Situation;
pub use times::{Moments, Times};

/// Shares of a budget at which the first search and the second end; the bound takes the rest.
const SEARCH_ENDS: [f64; 2] = [0.5, 0.8];
/// Heat of both searches, as a share of what timed instances take.
const HEATS: [f64; 2] = [0.08, 0.05];

/// Shares of trucks' cost at which everything is inserted, in this order. Cheap trucks show the straight
/// ways first; as they get dearer, freight joins where most of it meets, which one insertion at true
/// cost does not find (slope scaling: Kim and Pardalos 1999).
const SCALES: [f64; 8] = [0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0, 1.0];

/// Time kept in reserve while routes are sought, s.
const RESERVE_S: f64 = 5400.0;

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
    /// Its cost: drives with and without freight, energy, handling, holding and lateness.
    pub cost: f64,
    /// No plan that carries as much costs less; zero if it was not sought.
    pub bound: f64,
    /// Search steps made.
    pub n_steps: u64,
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
    let situation = Situation::new(week)?;
    let no_price = vec![0.0; week.hubs.len()];
    if situation.tasks.is_empty() {
        return Ok(finish::nothing(&situation));
    }
    let design = situation.design(arcs(week, &no_price), situation.kg_per_m3())?;
    let net = Net::new(&design, Some(&situation.clock));
    if effort == Effort::Greedy {
        let mut search = Search::new(&net, rng.fork("week"));
        search.construct_greedily();
        return Ok(finish(&situation, &net, search.best(), rng).outcome);
    }
    // Planned with time in reserve, so that moments may move afterwards.
    let arrivals = net.arrivals();
    let with_carried = |design| {
        let carried = net.carried.clone();
        Net::with_carried(design, Some(&situation.clock), carried)
    };
    let early = situation.with_reserve(&net, &arrivals, RESERVE_S);
    let early_net = with_carried(&early);
    let mut search = Search::new(&early_net, rng.fork("week"));
    let first = part(budget, 0.0, SEARCH_ENDS[0]);
    search.construct(&SCALES, &first);
    let mut n_steps = search.run(&first, HEATS[0], &mut |cost| progress(cost, None));
    let mut best = finish(&situation, &net, search.best(), rng);
    let priced = situation.design(arcs(week, &best.price), situation.kg_per_m3())?;
    let priced_net = with_carried(&priced);
    let early = situation.with_reserve(&priced_net, &arrivals, RESERVE_S);
    let early_net = with_carried(&early);
    let mut again = Search::resume(&early_net, rng.fork("again"), search.into_best());
    let second = part(budget, SEARCH_ENDS[0], SEARCH_ENDS[1]);
    let cost = best.outcome.cost;
    n_steps += again.run(&second, HEATS[1], &mut |_| progress(cost, None));
    let other = finish(&situation, &priced_net, again.best(), rng);
    if other.rank() < best.rank() {
        best = other;
    }
    let proven = exact::improve(&situation, &net, &mut best, rng);
    let mut outcome = best.outcome;
    outcome.n_steps = n_steps;
    let bound = bound::bound(&situation, &best.price, outcome.cost, budget, &mut |bound| {
        progress(outcome.cost, Some(bound));
    })?;
    outcome.bound = bound.max(proven.unwrap_or(0.0)).min(outcome.cost);
    progress(outcome.cost, Some(outcome.bound));
    Ok(outcome)
}

/// The part of a budget between two shares.
fn part<'a>(budget: &Budget<'a>, from: f64, to: f64) -> Budget<'a> {
    Budget { steps: budget.steps.map(|n| (n as f64 * (to - from)) as u64), ..budget.share(to) }
}

/// Lanes as arcs of a timed instance: each with the class that carries a kg for least. A truck also
/// pays for what its place is worth, by `price` of a truck at each hub.
fn arcs(week: &Week, price: &[f64]) -> Vec<DesignArc> {
    (week.lanes.iter().enumerate())
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
        .collect()
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
