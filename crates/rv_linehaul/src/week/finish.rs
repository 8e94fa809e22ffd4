//! From windows to a plan: moments, trucks, and what to do where they do not suffice.

use rv_base::Rng;
use rv_model::linehaul::{LateFreight, LateReason, TruckWeek, WeekDeparture, WeekPlan};

use super::circulate::{Circulation, circulate};
use super::cost::plan_cost;
use super::situation::Situation;
use super::timing::{self, Smoothing, Timing};
use super::{WeekOutcome, class_of};
use crate::timed::{Net, Search, State};

/// Rounds in which departures that lack a truck are moved to when one is there.
const SHIFTS: usize = 4;
/// Rounds in which freight takes other ways.
const REROUTES: usize = 4;
/// Rounds in which freight is left where it is.
const CUTS: usize = 6;

/// A plan of what is still to be planned, and the price of a truck at each hub.
pub(super) struct Finished {
    /// Departures that have left stand first in the plan, then pinned ones, in their order;
    /// itineraries begin where tasks do.
    pub(super) outcome: WeekOutcome,
    pub(super) price: Vec<f64>,
    /// Pinned departures that lack trucks.
    pub(super) short_pins: Vec<u32>,
}

impl Finished {
    /// What is better comes first: no missing trucks, then no freight left, then cost.
    pub(super) fn rank(&self) -> (u32, usize, crate::timed::Key) {
        let n_short = self.outcome.plan.late.iter().filter(|l| l.reason == LateReason::Shortage);
        let cost = crate::timed::Key(self.outcome.cost);
        (self.outcome.n_missing_trucks, n_short.count(), cost)
    }
}

/// The answer where there is nothing to carry.
pub(super) fn nothing(situation: &Situation<'_>) -> WeekOutcome {
    let n = situation.week.hubs.len();
    WeekOutcome {
        plan: WeekPlan {
            departures: Vec::new(),
            itineraries: vec![Vec::new(); situation.week.commodities.len()],
            late: situation.late_rows(),
            trucks: Vec::new(),
        },
        cost: 0.0,
        bound: 0.0,
        n_steps: 0,
        peak_kg: vec![0.0; n],
        peak_unsmoothed_kg: vec![0.0; n],
        n_missing_trucks: 0,
        n_stuck_trucks: 0,
    }
}

/// Fixes moments and trucks, without a bound.
pub(super) fn finish(
    situation: &Situation<'_>,
    net: &Net<'_>,
    state: &State,
    rng: &Rng,
) -> Finished {
    let mut search = Search::resume(net, rng.fork("repair"), state.clone());
    let mut not_before = Vec::new();
    let mut left_out = Vec::new();
    let mut round = 0;
    loop {
        let state = search.best();
        not_before.resize(state.groups.len(), f64::NEG_INFINITY);
        let timing = timing::fix(situation, state, Smoothing::On, &not_before);
        let drives = Drives::new(situation, state, &timing);
        let circulation = circulate(situation, &drives.departures, &drives.is_given);
        let (mut wrong, mut is_shifted) = (Vec::new(), false);
        for &(d, _, soonest) in &circulation.short {
            let g = drives.group_of[d as usize];
            let group = &state.groups[g as usize];
            let can_shift = soonest > not_before[g as usize] && soonest <= group.late;
            if round < SHIFTS && can_shift && !group.is_pinned {
                not_before[g as usize] = soonest;
                is_shifted = true;
            } else if !group.is_pinned {
                wrong.push(g);
            }
        }
        wrong.extend(&timing.over);
        let is_last = round >= SHIFTS + REROUTES + CUTS || (wrong.is_empty() && !is_shifted);
        if is_last {
            return drives.into_plan(situation, net, state, &timing, circulation, &left_out);
        }
        round += 1;
        if !is_shifted {
            round = round.max(SHIFTS);
            wrong.sort_unstable();
            wrong.dedup();
            let may_insert = round < SHIFTS + REROUTES;
            left_out.extend(search.reroute(&wrong, may_insert, |t| worth(situation, t)));
        }
    }
}

/// What a task is worth, by mass.
fn worth(situation: &Situation<'_>, task: u32) -> f64 {
    let k = situation.tasks[task as usize].commodity;
    let com = &situation.week.commodities[k as usize];
    com.value / com.size_kg
}

/// Departures with their moments.
struct Drives {
    departures: Vec<WeekDeparture>,
    /// Which have left already.
    is_given: Vec<bool>,
    /// The departure's number in the state; none for those that have left.
    group_of: Vec<u32>,
    /// The other way around.
    number: Vec<u32>,
}

impl Drives {
    fn new(situation: &Situation<'_>, state: &State, timing: &Timing) -> Self {
        let week = situation.week;
        let mut departures = Vec::new();
        let mut group_of = Vec::new();
        for &(lane, load_s, n_trucks, _) in &situation.gone {
            let (class, depart_s) = (class_of(week, lane), load_s + week.costs.load_s);
            departures.push(WeekDeparture { lane, class, n_trucks, depart_s });
            group_of.push(u32::MAX);
        }
        let mut number = vec![u32::MAX; state.groups.len()];
        for (g, group) in state.groups.iter().enumerate().filter(|(_, group)| group.is_used()) {
            number[g] = departures.len() as u32;
            group_of.push(g as u32);
            let class = class_of(week, group.arc);
            let freight = timing::freight(situation, state, g);
            departures.push(WeekDeparture {
                lane: group.arc,
                class,
                n_trucks: situation.trucks_for(class, freight),
                depart_s: timing.load_s[g] + week.costs.load_s,
            });
        }
        let is_given = (0..departures.len()).map(|d| d < situation.gone.len()).collect();
        Self { departures, is_given, group_of, number }
    }

    fn into_plan(
        self,
        situation: &Situation<'_>,
        net: &Net<'_>,
        state: &State,
        timing: &Timing,
        circulation: Circulation,
        left_out: &[u32],
    ) -> Finished {
        let week = situation.week;
        let mut itineraries = vec![Vec::new(); week.commodities.len()];
        for (task, route) in situation.tasks.iter().zip(&state.routes) {
            let rides = route.iter().map(|&g| self.number[g as usize]).collect();
            itineraries[task.commodity as usize] = rides;
        }
        let mut late = situation.late_rows();
        for &t in left_out {
            let commodity = situation.tasks[t as usize].commodity;
            if state.routes[t as usize].is_empty()
                && late.iter().all(|row| row.commodity != commodity)
            {
                let arrival = net.earliest_arrival(t, f64::INFINITY);
                let earliest_arrival_s = arrival.is_finite().then_some(arrival);
                let reason = LateReason::Shortage;
                late.push(LateFreight { commodity, earliest_arrival_s, reason });
            }
        }
        late.sort_by_key(|row| row.commodity);
        let early = timing::fix(situation, state, Smoothing::Off, &vec![0.0; state.groups.len()]);
        let trucks: Vec<TruckWeek> = circulation.trucks;
        let plan = WeekPlan { departures: self.departures, itineraries, late, trucks };
        let missing = |pinned: bool| {
            let group = |d: u32| &state.groups[self.group_of[d as usize] as usize];
            circulation.short.iter().filter(move |row| group(row.0).is_pinned == pinned)
        };
        let short_pins = missing(true).map(|row| self.group_of[row.0 as usize]).collect();
        let n_missing_trucks =
            circulation.short.iter().fold(0_u32, |n, row| n.saturating_add(row.1));
        let outcome = WeekOutcome {
            cost: plan_cost(week, &situation.clock, &plan),
            plan,
            bound: 0.0,
            n_steps: 0,
            peak_kg: timing.peak_kg.clone(),
            peak_unsmoothed_kg: early.peak_kg,
            n_missing_trucks,
            n_stuck_trucks: circulation.n_stuck,
        };
        Finished { outcome, price: circulation.price, short_pins }
    }
}
