//! Small weeks: every way and every sharing of departures, each with what bringing trucks back
//! costs at least, the promising ones planned to the end.

use rv_base::Rng;

use super::balance::{Way, balance};
use super::finish::{Finished, finish};
use super::situation::Situation;
use super::{class_of, trip_cost};
use crate::timed::exact::{COMMODITIES_MAX, End, enumerate};
use crate::timed::{Net, State, trucks};

/// Ways that are tried one by one.
const STEPS_MAX: u64 = 60_000;
/// Plans that are made to the end: those that cost least, trucks' ways back counted.
const PLANS_MAX: usize = 24;

/// Betters the plan of a small week; gives a bound if everything was looked at and nothing but what
/// was looked at can be cheaper.
pub(super) fn improve(
    situation: &Situation<'_>,
    net: &Net<'_>,
    best: &mut Finished,
    rng: &Rng,
) -> Option<f64> {
    let week = situation.week;
    let is_small = (1..=COMMODITIES_MAX).contains(&net.carried.len());
    // A platoon's trucks cost less than the enumeration thinks.
    let has_platoons = week.lanes.iter().any(|lane| lane.platoon_trucks > 1)
        && week.classes.iter().any(|class| class.follower_saving.is_some());
    if !is_small || has_platoons {
        return None;
    }
    let (n_missing, n_short, _) = best.rank();
    let is_whole = n_missing == 0 && n_short == 0;
    let cost = if is_whole { best.outcome.cost } else { f64::INFINITY };
    let mut plans: Vec<(f64, State)> = Vec::new();
    let end = enumerate(net, cost, STEPS_MAX, &mut |state| {
        let limit = if plans.len() < PLANS_MAX { cost } else { plans[PLANS_MAX - 1].0 };
        let least = state.cost + least_back(situation, net, state);
        if least < limit - 1e-7 {
            let place = plans.partition_point(|row| row.0 <= least);
            plans.insert(place, (least, state.clone()));
            plans.truncate(PLANS_MAX);
        }
        if plans.len() < PLANS_MAX { cost } else { plans[PLANS_MAX - 1].0 }
    });
    let least_seen = plans.first().map_or(f64::INFINITY, |row| row.0);
    for (least, state) in plans {
        let (n_missing, n_short, _) = best.rank();
        if n_missing == 0 && n_short == 0 && least >= best.outcome.cost - 1e-7 {
            break;
        }
        let other = finish(situation, net, &state, rng);
        if other.rank() < best.rank() {
            *best = other;
        }
    }
    // Other classes than the planned one, or freight carried late, could be cheaper.
    let is_whole = end == End::Complete
        && week.lanes.iter().all(|lane| lane.classes.len() == 1)
        && week.costs.lateness_per_kg_h.is_none();
    is_whole.then_some(least_seen.min(best.outcome.cost))
}

/// What bringing trucks back to where departures took them costs at least.
fn least_back(situation: &Situation<'_>, net: &Net<'_>, state: &State) -> f64 {
    let week = situation.week;
    let mut cost = 0.0;
    for class in 0..week.classes.len() as u32 {
        let mut surplus = vec![0_i64; week.hubs.len()];
        for group in state.groups.iter().filter(|group| group.is_used()) {
            if class_of(week, group.arc) == class {
                let arc = &net.arcs[group.arc as usize];
                let n = trucks(group.load, arc.capacity) as i64;
                surplus[arc.head as usize] += n;
                surplus[arc.tail as usize] -= n;
            }
        }
        let ways: Vec<Way> = (week.lanes.iter().enumerate())
            .filter(|(_, lane)| lane.classes.contains(&class))
            .map(|(l, lane)| {
                let cost = trip_cost(week, l as u32, class);
                Way { from: lane.from, to: lane.to, cost }
            })
            .collect();
        let back = balance(week.hubs.len(), &ways, &surplus);
        cost += back.n_on.iter().zip(&ways).map(|(&n, way)| f64::from(n) * way.cost).sum::<f64>();
    }
    cost
}
