//! Gives every departure its moment within its window, so that hubs are not all busy at once.
//!
//! Departures are fixed in the order of their earliest moments, which is an order in which riders
//! change, each at the moment at which it adds least to how busy both hubs are; then every one may
//! move again between those before and behind it, a few times over. Last, departures in busy hours
//! move anywhere in their windows, and those before and behind them give way. Busy hours cost their
//! sixth power, so peaks go first. A window's end leaves time for everything behind it, so nobody becomes
//! late.

use super::situation::{Freight, Situation};
use crate::timed::{Clock, State};

/// Moments looked at within a window.
const MOMENTS_MAX: usize = 48;
/// Least distance between moments looked at, s.
const STEP_S: f64 = 900.0;
/// Times that all departures may move again.
const SWEEPS: usize = 6;
/// Times that busy hours are levelled.
const LEVEL_SWEEPS: usize = 6;
/// Hours count as busy from this share of the hub's busiest on.
const BUSY_SHARE: f64 = 0.7;
/// Moments tried for a departure in a busy hour.
const LEVEL_MOMENTS: usize = 12;
/// Departures looked at for one move at most.
const PUSHES_MAX: usize = 40;
/// What an hour or dock costs beyond what a hub has; more than any busy hour.
const OVER: f64 = 1e9;

/// What evenness counts against waiting that has a price.
const EVEN_WEIGHT_PRICED: f64 = 1e-9;

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
    /// When loading begins, by departure; NaN where nothing goes.
    pub(crate) load_s: Vec<f64>,
    /// Most freight handled in one clock hour at each hub, kg.
    pub(crate) peak_kg: Vec<f64>,
    /// Departures for which docks or handling do not suffice.
    pub(crate) over: Vec<u32>,
}

/// What happens at hubs over time.
struct Hubs<'a> {
    situation: &'a Situation<'a>,
    state: &'a State,
    /// Freight and trucks of each departure.
    loads: Vec<(f64, u32)>,
    /// Freight in each clock hour, hub by hub, kg.
    kg: Vec<Vec<f64>>,
    /// What counts as an even hour, by hub, kg.
    even_kg: Vec<f64>,
    /// (from, to, docks) of every use, by hub.
    docks: Vec<Vec<(f64, f64, u32)>>,
    load_s: Vec<f64>,
}

/// Freight on a departure.
pub(crate) fn freight(situation: &Situation<'_>, state: &State, g: usize) -> Freight {
    // Pinned departures come first, in order.
    let mut all = situation.pins.get(g).map_or(Freight::default(), |pin| pin.freight);
    for &(t, _) in &state.groups[g].riders {
        let k = situation.tasks[t as usize].commodity;
        all.add(Freight::of(&situation.week.commodities[k as usize]));
    }
    all
}

/// Fixes all moments; departure `g` begins loading no earlier than `not_before[g]`.
pub(crate) fn fix(
    situation: &Situation<'_>,
    state: &State,
    smoothing: Smoothing,
    not_before: &[f64],
) -> Timing {
    let mut hubs = Hubs::new(situation, state);
    let group = |g: u32| &state.groups[g as usize];
    for g in (0..state.groups.len() as u32).filter(|&g| group(g).is_pinned) {
        hubs.book(g, group(g).early);
    }
    let mut order: Vec<u32> = (0..state.groups.len() as u32)
        .filter(|&g| group(g).is_used() && !group(g).is_pinned)
        .collect();
    order.sort_by(|&a, &b| group(a).early.total_cmp(&group(b).early).then(a.cmp(&b)));
    for &g in &order {
        let first = hubs.first_moment(g).max(not_before[g as usize].min(group(g).late));
        let first = situation.load_from(group(g).arc, first);
        let moment = match smoothing {
            Smoothing::Off => first,
            Smoothing::On => hubs.best_moment(g, first, group(g).late),
        };
        hubs.book(g, moment);
    }
    if smoothing == Smoothing::On {
        for _ in 0..SWEEPS {
            for &g in &order {
                let first = hubs.first_moment(g).max(not_before[g as usize].min(group(g).late));
                let first = situation.load_from(group(g).arc, first);
                let last = hubs.last_moment(g);
                let old = hubs.load_s[g as usize];
                hubs.unbook(g);
                let moment = hubs.best_moment(g, first, last);
                let whole = |at: f64| hubs.score(g, at) + hubs.holding(g, at - first);
                let is_better = whole(moment) < whole(old) * (1.0 - 1e-9);
                hubs.book(g, if is_better && first <= last { moment } else { old });
            }
        }
        hubs.level(&order, not_before);
    }
    let over = order.into_iter().filter(|&g| hubs.is_over(g)).collect();
    let peak_kg = hubs.kg.iter().map(|hours| hours.iter().copied().fold(0.0, f64::max)).collect();
    Timing { load_s: hubs.load_s, peak_kg, over }
}

impl<'a> Hubs<'a> {
    fn new(situation: &'a Situation<'a>, state: &'a State) -> Self {
        let n_hubs = situation.week.hubs.len();
        let loads: Vec<(f64, u32)> = (state.groups.iter().enumerate())
            .map(|(g, group)| {
                if !group.is_used() {
                    return (0.0, 0);
                }
                let freight = freight(situation, state, g);
                let class = super::class_of(situation.week, group.arc);
                (freight.kg, situation.trucks_for(class, freight))
            })
            .collect();
        let mut hubs = Self {
            situation,
            state,
            loads,
            kg: vec![Vec::new(); n_hubs],
            even_kg: vec![1.0; n_hubs],
            docks: vec![Vec::new(); n_hubs],
            load_s: vec![f64::NAN; state.groups.len()],
        };
        for (group, &(kg, _)) in state.groups.iter().zip(&hubs.loads) {
            let lane = &situation.week.lanes[group.arc as usize];
            for hub in [lane.from, lane.to] {
                hubs.even_kg[hub as usize] += kg / f64::from(situation.week.hours);
            }
        }
        for &(lane, load_s, n, kg) in &situation.gone {
            hubs.add(lane, load_s, n, kg);
        }
        hubs
    }

    /// Moves departures out of the busiest hours, with those before and behind them that must give
    /// way, as long as that helps.
    fn level(&mut self, order: &[u32], not_before: &[f64]) {
        for _ in 0..LEVEL_SWEEPS {
            let mut n_moved = 0;
            for &g in order {
                let group = &self.state.groups[g as usize];
                let uses = self.uses(group.arc, self.load_s[g as usize]);
                let is_busy = uses.iter().any(|&(hub, from, _)| {
                    let peak = self.kg[hub].iter().copied().fold(0.0, f64::max);
                    self.kg[hub][hour_of(from)] >= BUSY_SHARE * peak
                });
                if !is_busy {
                    continue;
                }
                let first = group.early.max(not_before[g as usize].min(group.late));
                let step = ((group.late - first) / LEVEL_MOMENTS as f64).max(STEP_S / 3.0);
                for i in 0..=LEVEL_MOMENTS {
                    let moment = self.situation.load_from(group.arc, first + i as f64 * step);
                    if moment > group.late {
                        break;
                    }
                    n_moved += u32::from(self.push(g, moment, not_before));
                }
            }
            if n_moved == 0 {
                return;
            }
        }
    }

    /// Moves a departure to a moment in its window and whatever must give way with it, if that
    /// makes hubs more even.
    fn push(&mut self, g: u32, moment: f64, not_before: &[f64]) -> bool {
        let mut moves = vec![(g, moment)];
        let (mut next, mut n_looks) = (0, 0);
        while let Some(&(g, moment)) = moves.get(next) {
            next += 1;
            n_looks += 1;
            let group = &self.state.groups[g as usize];
            let is_open = moment >= not_before[g as usize].min(group.late)
                && moment >= group.early
                && moment <= group.late;
            if group.is_pinned || !is_open || n_looks > PUSHES_MAX {
                return false;
            }
            let is_later = moment > self.load_s[g as usize];
            for &(t, place) in &group.riders {
                let route = &self.state.routes[t as usize];
                let (other, is_wrong, there) = if is_later {
                    let Some(&after) = route.get(place as usize + 1) else { continue };
                    let there = self.situation.clock.arrival(group.arc, moment);
                    let arc = self.state.groups[after as usize].arc;
                    let there = self.situation.load_from(arc, there);
                    (after, there > self.load_s[after as usize], there)
                } else {
                    let Some(before) = place.checked_sub(1) else { continue };
                    let before = route[before as usize];
                    let arc = self.state.groups[before as usize].arc;
                    let there = self.situation.clock.latest(arc, moment);
                    (before, there < self.load_s[before as usize], there)
                };
                if !is_wrong {
                    continue;
                }
                match moves.iter().position(|row| row.0 == other) {
                    None => moves.push((other, there)),
                    Some(i)
                        if (is_later && there > moves[i].1)
                            || (!is_later && there < moves[i].1) =>
                    {
                        moves[i].1 = there;
                        next = next.min(i);
                    }
                    Some(_) => {}
                }
            }
        }
        self.try_moves(&moves)
    }

    /// Makes moves if they make hubs more even.
    fn try_moves(&mut self, moves: &[(u32, f64)]) -> bool {
        let old: Vec<f64> = moves.iter().map(|row| self.load_s[row.0 as usize]).collect();
        let (mut before, mut after) = (0.0, 0.0);
        for (&(g, _), &old) in moves.iter().zip(&old) {
            self.unbook(g);
            before += self.score(g, old) + self.holding(g, old);
        }
        for &(g, moment) in moves {
            after += self.score(g, moment) + self.holding(g, moment);
            self.book(g, moment);
        }
        let is_better = after < before * (1.0 - 1e-9);
        if !is_better {
            for &(g, _) in moves {
                self.unbook(g);
            }
            for (&(g, _), &old) in moves.iter().zip(&old) {
                self.book(g, old);
            }
        }
        is_better
    }

    /// When all riders are there.
    fn first_moment(&self, g: u32) -> f64 {
        let mut ready = f64::NEG_INFINITY;
        for &(t, place) in &self.state.groups[g as usize].riders {
            let route = &self.state.routes[t as usize];
            ready = ready.max(match place.checked_sub(1) {
                Some(before) => {
                    let before = route[before as usize] as usize;
                    let arc = self.state.groups[before].arc;
                    self.situation.clock.arrival(arc, self.load_s[before])
                }
                None => self.situation.tasks[t as usize].ready_s,
            });
        }
        self.situation.load_from(self.state.groups[g as usize].arc, ready)
    }

    /// The last moment at which all riders reach what they ride next, as it stands.
    fn last_moment(&self, g: u32) -> f64 {
        let mut needed = f64::INFINITY;
        for &(t, place) in &self.state.groups[g as usize].riders {
            let after = self.state.routes[t as usize].get(place as usize + 1);
            needed = needed.min(match after {
                Some(&after) => self.load_s[after as usize],
                None => self.situation.tasks[t as usize].due_s,
            });
        }
        self.situation.clock.latest(self.state.groups[g as usize].arc, needed)
    }

    fn best_moment(&self, g: u32, first: f64, last: f64) -> f64 {
        let arc = self.state.groups[g as usize].arc;
        let step = ((last - first) / MOMENTS_MAX as f64).max(STEP_S);
        let (mut best, mut best_score) = (first, f64::INFINITY);
        for i in 0..=MOMENTS_MAX {
            let moment = self.situation.load_from(arc, first + i as f64 * step);
            if moment > last && i > 0 {
                break;
            }
            let score = self.score(g, moment) + self.holding(g, moment - first);
            if score < best_score * (1.0 - 1e-9) {
                best = moment;
                best_score = score;
            }
        }
        best
    }

    /// What waiting costs: only the last drive's moment counts.
    fn holding(&self, g: u32, wait_s: f64) -> f64 {
        let per_h = self.situation.week.costs.holding_per_kg_h;
        if per_h <= 0.0 {
            return 0.0;
        }
        let riders = &self.state.groups[g as usize].riders;
        let n_last = riders
            .iter()
            .filter(|&&(t, place)| self.state.routes[t as usize].len() == place as usize + 1)
            .count();
        per_h * wait_s / 3600.0 * n_last as f64 / riders.len().max(1) as f64
    }

    /// How much busier both hubs get, with a lot more where docks or handling do not suffice.
    fn score(&self, g: u32, moment: f64) -> f64 {
        let (kg, n) = self.loads[g as usize];
        // Waiting that has a price goes before evenness, which has none.
        let has_price = self.situation.week.costs.holding_per_kg_h > 0.0;
        let weight = if has_price { EVEN_WEIGHT_PRICED } else { 1.0 };
        let mut score = 0.0;
        for (hub, from, to) in self.uses(self.state.groups[g as usize].arc, moment) {
            let row = &self.situation.week.hubs[hub];
            let hour = hour_of(from);
            let now = self.kg[hub].get(hour).copied().unwrap_or(0.0);
            let even = self.even_kg[hub];
            score += weight * (((now + kg) / even).powi(6) - (now / even).powi(6));
            score += ((now + kg) / row.handling_kg_per_h - 1.0).max(0.0) * OVER;
            let docks = self.docks_used(hub, from, to).saturating_add(n);
            score += f64::from(docks.saturating_sub(row.docks)) * OVER;
        }
        score
    }

    fn is_over(&self, g: u32) -> bool {
        let uses = self.uses(self.state.groups[g as usize].arc, self.load_s[g as usize]);
        uses.into_iter().any(|(hub, from, to)| {
            let row = &self.situation.week.hubs[hub];
            self.kg[hub][hour_of(from)] > row.handling_kg_per_h * (1.0 + 1e-9)
                || self.docks_used(hub, from, to) > row.docks
        })
    }

    /// (hub, dock from, dock to) at both ends.
    fn uses(&self, lane: u32, moment: f64) -> [(usize, f64, f64); 2] {
        let row = &self.situation.week.lanes[lane as usize];
        let rolls = moment + self.situation.week.costs.load_s;
        let (from, to) = self.situation.clock.unloading(lane, rolls);
        [(row.from as usize, moment, rolls), (row.to as usize, from, to)]
    }

    /// Most docks in use at once between two moments.
    fn docks_used(&self, hub: usize, from: f64, to: f64) -> u32 {
        let meets = |b: &&(f64, f64, u32)| b.0 < to && b.1 > from;
        let mine: Vec<&(f64, f64, u32)> = self.docks[hub].iter().filter(meets).collect();
        // The most is in use when some use begins, or at the beginning.
        let at = |moment: f64| -> u32 {
            mine.iter()
                .filter(|b| b.0 <= moment && b.1 > moment)
                .fold(0, |n, b| n.saturating_add(b.2))
        };
        mine.iter().map(|b| at(b.0.max(from))).max().unwrap_or(0).max(at(from))
    }

    fn book(&mut self, g: u32, moment: f64) {
        let (kg, n) = self.loads[g as usize];
        self.add(self.state.groups[g as usize].arc, moment, n, kg);
        self.load_s[g as usize] = moment;
    }

    fn add(&mut self, lane: u32, moment: f64, n: u32, kg: f64) {
        for (hub, from, to) in self.uses(lane, moment) {
            let hour = hour_of(from);
            if self.kg[hub].len() <= hour {
                self.kg[hub].resize(hour + 1, 0.0);
            }
            self.kg[hub][hour] += kg;
            self.docks[hub].push((from, to, n));
        }
    }

    fn unbook(&mut self, g: u32) {
        let (kg, n) = self.loads[g as usize];
        let uses = self.uses(self.state.groups[g as usize].arc, self.load_s[g as usize]);
        for (hub, from, to) in uses {
            self.kg[hub][hour_of(from)] -= kg;
            if let Some(i) = self.docks[hub].iter().position(|b| *b == (from, to, n)) {
                self.docks[hub].swap_remove(i);
            }
        }
    }
}

fn hour_of(moment_s: f64) -> usize {
    (moment_s / 3600.0).max(0.0) as usize
}
