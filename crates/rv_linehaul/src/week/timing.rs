//! Gives every departure its moment within its window, so that hubs are not all busy at once.
//!
//! Departures are fixed in the order of their earliest moments, which is an order in which riders
//! change; each takes the moment at which the busier of its two hubs is least busy. A window's end
//! already leaves time for everything behind it, so nobody becomes late.

use rv_model::linehaul::Week;

use super::clock::WeekClock;
use crate::timed::{Clock, Group, State};

/// Moments looked at within a window.
const MOMENTS_MAX: usize = 48;
/// Least distance between moments looked at, s.
const STEP_S: f64 = 900.0;

/// Whether hubs are kept from being busy at once.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Smoothing {
    /// Everything leaves as early as it can.
    Off,
    /// Departures spread over their windows.
    On,
}

/// Moments of departures, and how busy hubs get.
pub(crate) struct Timing {
    /// When loading begins, by departure; NaN where nobody rides.
    pub(crate) load_s: Vec<f64>,
    /// Most freight handled in one clock hour at each hub, kg.
    pub(crate) peak_kg: Vec<f64>,
}

/// What happens at hubs over time.
struct Hubs<'a> {
    week: &'a Week,
    /// Freight in each clock hour, hub by hub, kg.
    kg: Vec<Vec<f64>>,
    /// (from, to, docks) of every use, in order of its end as far as known, by hub.
    docks: Vec<Vec<(f64, f64, u32)>>,
}

pub(crate) fn fix(
    week: &Week,
    clock: &WeekClock<'_>,
    state: &State,
    smoothing: Smoothing,
) -> Timing {
    let mut hubs = Hubs {
        week,
        kg: vec![Vec::new(); week.hubs.len()],
        docks: vec![Vec::new(); week.hubs.len()],
    };
    let mut order: Vec<u32> = (0..state.groups.len() as u32)
        .filter(|&g| !state.groups[g as usize].riders.is_empty())
        .collect();
    let group = |g: u32| &state.groups[g as usize];
    order.sort_by(|&a, &b| group(a).early.total_cmp(&group(b).early).then(a.cmp(&b)));
    let mut load_s = vec![f64::NAN; state.groups.len()];
    for g in order {
        let row = group(g);
        let mut ready = f64::NEG_INFINITY;
        for &(k, place) in &row.riders {
            ready = ready.max(match place.checked_sub(1) {
                Some(before) => {
                    let before = state.routes[k as usize][before as usize];
                    clock.arrival(group(before).arc, load_s[before as usize])
                }
                None => week.commodities[k as usize].release_s,
            });
        }
        let first = clock.earliest(row.arc, ready);
        let moment = match smoothing {
            Smoothing::Off => first,
            Smoothing::On => hubs.best_moment(clock, row, first),
        };
        hubs.book(clock, row, moment);
        load_s[g as usize] = moment;
    }
    let peak_kg = hubs.kg.iter().map(|hours| hours.iter().copied().fold(0.0, f64::max)).collect();
    Timing { load_s, peak_kg }
}

impl Hubs<'_> {
    fn best_moment(&self, clock: &WeekClock<'_>, group: &Group, first: f64) -> f64 {
        let step = ((group.late - first) / MOMENTS_MAX as f64).max(STEP_S);
        let (mut best, mut best_score) = (first, f64::INFINITY);
        for i in 0..MOMENTS_MAX {
            let moment = clock.earliest(group.arc, first + i as f64 * step);
            if moment > group.late && i > 0 {
                break;
            }
            let score = self.score(clock, group, moment);
            if score < best_score - 1e-9 {
                best = moment;
                best_score = score;
            }
        }
        best
    }

    /// How busy the busier hub gets, with a lot more where docks or handling do not suffice.
    fn score(&self, clock: &WeekClock<'_>, group: &Group, moment: f64) -> f64 {
        let n = self.trucks(group);
        self.uses(clock, group, moment)
            .iter()
            .map(|&(hub, from, to, at)| {
                let row = &self.week.hubs[hub];
                let hour = (at / 3600.0) as usize;
                let kg = self.kg[hub].get(hour).copied().unwrap_or(0.0) + group.load;
                let docks = self.docks_used(hub, from, to) + n;
                let is_over = kg > row.handling_kg_per_h || docks > row.docks;
                kg / row.handling_kg_per_h + if is_over { 100.0 } else { 0.0 }
            })
            .fold(0.0, f64::max)
    }

    fn trucks(&self, group: &Group) -> u32 {
        let class = super::class_of(self.week, group.arc);
        super::trucks_for(group.load, self.week.classes[class as usize].payload_kg)
    }

    /// (hub, dock from, dock to, moment that handling counts in) at both ends.
    fn uses(
        &self,
        clock: &WeekClock<'_>,
        group: &Group,
        moment: f64,
    ) -> [(usize, f64, f64, f64); 2] {
        let lane = &self.week.lanes[group.arc as usize];
        let rolls = moment + self.week.costs.load_s;
        let arrives = clock.drive(group.arc, rolls);
        [
            (lane.from as usize, moment, rolls, moment),
            (lane.to as usize, arrives, arrives + self.week.costs.unload_s, arrives),
        ]
    }

    /// Most docks in use at once between two moments.
    fn docks_used(&self, hub: usize, from: f64, to: f64) -> u32 {
        let meets = |b: &&(f64, f64, u32)| b.0 < to && b.1 > from;
        let mine: Vec<&(f64, f64, u32)> = self.docks[hub].iter().filter(meets).collect();
        // The most is in use when some use begins, or at the beginning.
        let at = |moment: f64| -> u32 {
            mine.iter().filter(|b| b.0 <= moment && b.1 > moment).map(|b| b.2).sum()
        };
        mine.iter().map(|b| at(b.0.max(from))).max().unwrap_or(0).max(at(from))
    }

    fn book(&mut self, clock: &WeekClock<'_>, group: &Group, moment: f64) {
        let n = self.trucks(group);
        for (hub, from, to, at) in self.uses(clock, group, moment) {
            let hour = (at / 3600.0) as usize;
            if self.kg[hub].len() <= hour {
                self.kg[hub].resize(hour + 1, 0.0);
            }
            self.kg[hub][hour] += group.load;
            self.docks[hub].push((from, to, n));
        }
    }
}
