//! Checks that a plan made anew keeps what had begun.

use rv_model::linehaul::{Leg, WeekDeparture, WeekPlan};

use super::week::Check;

/// Moments closer than this are equal, s.
const SAME_S: f64 = 1e-6;

impl Check<'_> {
    /// What had begun when the new plan was made stands in both plans alike, and nobody new rides
    /// it.
    pub(super) fn kept(&mut self, plan: &WeekPlan, old: &WeekPlan) {
        let load_s = self.week.costs.load_s;
        let at_s = self.at_s;
        let has_begun = |row: &WeekDeparture| row.depart_s - load_s <= at_s;
        let n_begun = |p: &WeekPlan| p.departures.iter().filter(|row| has_begun(row)).count();
        if n_begun(plan) != n_begun(old) {
            let (is, limit) = (n_begun(plan) as f64, n_begun(old) as f64);
            self.wrong("departures that had begun", 0, is, limit);
        }
        let none: &[u32] = &[];
        for k in 0..plan.itineraries.len() {
            let begun = |p: &WeekPlan, rides: &[u32]| -> Vec<WeekDeparture> {
                let rows = rides.iter().map(|&d| p.departures[d as usize]);
                rows.take_while(has_begun).collect()
            };
            let was = begun(old, old.itineraries.get(k).map_or(none, Vec::as_slice));
            let is = begun(plan, &plan.itineraries[k]);
            let are_same = was.len() == is.len() && was.iter().zip(&is).all(|(a, b)| same(a, b));
            if !are_same {
                self.wrong(
                    "rides of a commodity that had begun",
                    k,
                    is.len() as f64,
                    was.len() as f64,
                );
            }
        }
        for t in 0..plan.trucks.len().max(old.trucks.len()) {
            let was = old.trucks.get(t).map(|truck| begun_legs(old, &truck.legs, at_s, load_s));
            let is = plan.trucks.get(t).map(|truck| begun_legs(plan, &truck.legs, at_s, load_s));
            let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
            if was != is {
                self.wrong("legs of a truck that had begun", t, is.len() as f64, was.len() as f64);
            }
            let n_legs = plan.trucks.get(t).map_or(0, |truck| truck.legs.len());
            if self.is_lost(t) && n_legs > is.len() {
                self.wrong("a lost truck goes on", t, n_legs as f64, is.len() as f64);
            }
            let fleets = (old.trucks.get(t), plan.trucks.get(t));
            if let (Some(a), Some(b)) = fleets
                && a.fleet != b.fleet
            {
                self.wrong("fleet of a truck", t, b.fleet.into(), a.fleet.into());
            }
        }
    }
}

fn same(a: &WeekDeparture, b: &WeekDeparture) -> bool {
    a.lane == b.lane
        && a.class == b.class
        && a.n_trucks == b.n_trucks
        && (a.depart_s - b.depart_s).abs() < SAME_S
}

/// What a truck had begun, as (lane or none, begin in ms).
fn begun_legs(plan: &WeekPlan, legs: &[Leg], at_s: f64, load_s: f64) -> Vec<(Option<u32>, i64)> {
    legs.iter()
        .map(|leg| match *leg {
            Leg::Service { departure } => {
                let row = &plan.departures[departure as usize];
                (Some(row.lane), row.depart_s - load_s)
            }
            Leg::Empty { lane, depart_s } => (Some(lane), depart_s),
            Leg::Charge { from_s, .. } => (None, from_s),
        })
        .take_while(|&(_, begin_s)| begin_s <= at_s)
        .map(|(lane, begin_s)| (lane, (begin_s * 1000.0).round() as i64))
        .collect()
}
