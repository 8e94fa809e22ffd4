//! A proven lower bound on the cost of a week.
//!
//! Trucks must be as many at every hub in the end as in the beginning, so any price of a truck's
//! place that makes no empty drive profitable may be added to what drives cost. What remains is a
//! timed instance without hours, docks and chargers, on free roads. Its bound is that of
//! [`super::shares`], which also finds the prices; in weeks small enough that of timed instances goes on
//! from there.

use rv_model::linehaul::{DesignArc, NetworkDesign, Timing as DesignTiming, Week, WeekError};

use super::shares::{Shares, climb, least};
use super::situation::Situation;
use crate::Budget;
use crate::timed::{Net, bound as timed_bound};

/// Share of the time for a bound that goes into shares where more follows.
const SHARE_OF_SHARES: f64 = 0.3;
/// When freight is due that is late anyway: in years, s.
const LATE_S: f64 = 1e9;

/// Most pairs of a commodity and a lane that the bound of timed instances is sought for.
const PAIRS_MAX: usize = 4_000_000;

/// A bound; `price` of a truck at each hub is where to begin, `target` the cost of a plan.
pub(super) fn bound(
    situation: &Situation<'_>,
    price: &[f64],
    target: f64,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(f64),
) -> Result<f64, WeekError> {
    let week = situation.week;
    let design = relaxed(situation, &vec![0.0; week.hubs.len()])?;
    let net = Net::new(&design, None);
    let is_small = n_pairs(&net) <= PAIRS_MAX;
    let now = budget.progress(0).min(1.0);
    let until = if is_small { now + (1.0 - now) * SHARE_OF_SHARES } else { 1.0 };
    let mut shares = Shares::new(week, &net);
    let climbed = climb(&mut shares, price, target, &budget.share(until), report);
    if !is_small {
        return Ok(climbed.value);
    }
    let design = relaxed(situation, &climbed.worth)?;
    Ok(climbed.value.max(timed_bound(&Net::new(&design, None), target, budget)))
}

/// What is to be carried, over lanes as cheap as any class and any hour make them.
fn relaxed(situation: &Situation<'_>, worth: &[f64]) -> Result<NetworkDesign, WeekError> {
    let arcs = (0..situation.week.lanes.len()).map(|l| cheapest_arc(situation.week, l, worth));
    let design = situation.design(arcs.collect(), 0.0)?;
    let mut commodities = design.commodities().to_vec();
    for (com, task) in commodities.iter_mut().zip(&situation.tasks) {
        // Who is late anyway may be later at a price that is left out here.
        if task.due_s > situation.week.commodities[task.commodity as usize].due_s {
            com.due = LATE_S;
        }
    }
    let (n, arcs) = (design.n_nodes(), design.arcs().to_vec());
    Ok(NetworkDesign::new(DesignTiming::Timed, n, arcs, commodities)
        .expect("later due times leave a design right"))
}

/// A lane with the cheapest class's trucks and the largest one's room.
fn cheapest_arc(week: &Week, l: usize, worth: &[f64]) -> DesignArc {
    let lane = &week.lanes[l];
    let place = worth[lane.from as usize] - worth[lane.to as usize];
    let row = least(week, l, place);
    DesignArc {
        tail: lane.from,
        head: lane.to,
        cost_per_unit: week.costs.handling_per_kg,
        capacity: row.room_kg,
        cost_fixed: row.fixed,
        travel: super::least_travel_s(week, l),
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rv_base::Rng;

    use super::*;
    use crate::week::shares::Point;
    use crate::{Effort, WeekShape, generate_week, solve_week};

    fn tiny(n_hubs: usize, n_commodities: usize, seed: u64) -> Week {
        let n_lanes = n_hubs * (n_hubs - 1);
        let shape = WeekShape { n_hubs, n_lanes, n_commodities, hours: 72, places: Vec::new() };
        generate_week(&shape, &Rng::from_seed(seed))
    }

    /// A plan of few commodities, which the search enumerates, and its cost if it is whole.
    fn cost(week: &Week) -> Option<f64> {
        let (budget, rng) = (Budget::steps(300), Rng::from_seed(1));
        let found = solve_week(week, Effort::Search, &budget, &rng, &mut |_, _| {}).ok()?;
        let is_whole = found.n_missing_trucks == 0 && found.plan.late.is_empty();
        is_whole.then_some(found.cost)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever the multipliers: no more than what a plan costs.
        #[test]
        fn any_shares_make_a_bound(
            n_hubs in 3_usize..6, n_commodities in 1_usize..9, seed in 0_u64..1000, size in 0.0..200.0_f64,
        ) {
            let mut week = tiny(n_hubs, n_commodities, seed);
            if seed % 3 == 0 {
                // A smaller truck, dearer by the kg, on the same lanes.
                let mut small = week.classes[0].clone();
                (small.payload_kg, small.cost_per_km) = (9_000.0, 0.5);
                week.classes.push(small);
                week.lanes.iter_mut().for_each(|lane| lane.classes = vec![0, 1]);
            }
            let Some(cost) = cost(&week) else { return Ok(()) };
            let situation = Situation::new(&week).unwrap();
            let no_worth = vec![0.0; n_hubs];
            let design = relaxed(&situation, &no_worth).unwrap();
            let net = Net::new(&design, None);
            let mut shares = Shares::new(&week, &net);
            let mut rng = Rng::from_seed(seed);
            let (mut at, mut slope) = (shares.start(&no_worth), Point::default());
            for _ in 0..40 {
                at.share.iter_mut().for_each(|v| *v = rng.range(-0.5, 1.0) * size);
                at.base.iter_mut().for_each(|v| *v = rng.range(-0.5, 1.0) * size);
                at.worth.iter_mut().for_each(|v| *v = rng.range(-1.0, 1.0) * size);
                shares.allow(&mut at);
                let value = shares.value(&mut at, &mut slope);
                prop_assert!(value <= cost * (1.0 + 1e-9), "{value} over {cost}");
            }
            let (budget, target) = (Budget::steps(400), 100.0 * cost);
            let best = bound(&situation, &no_worth, target, &budget, &mut |_| {}).unwrap();
            prop_assert!(best <= cost * (1.0 + 1e-9), "{best} over {cost}");
            prop_assert!(best > 0.3 * cost, "{best} of {cost}");
        }
    }

    /// Freight that fills nothing pays for its trucks alone, which is more than its share.
    #[test]
    fn lonely_freight_pays_for_its_truck() {
        let mut week = tiny(4, 1, 5);
        week.commodities[0].size_kg = 2_000.0;
        let cost = cost(&week).unwrap();
        let situation = Situation::new(&week).unwrap();
        let budget = Budget::steps(400);
        let best = bound(&situation, &[0.0; 4], cost, &budget, &mut |_| {}).unwrap();
        assert!(best > 0.95 * cost, "{best} of {cost}");
    }
}
