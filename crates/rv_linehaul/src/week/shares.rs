//! The bound of large weeks: what freight pays of trucks, commodity by commodity and lane by lane.
//!
//! Take any plan. A departure on lane `a` that carries `load` costs at least `unit_a * load` and at
//! least `fixed_a * n` for its `n >= load / room_a` trucks, so for every `q_a` from 0 to `fixed_a` it costs
//! at least `unit_a * (1 - q_a / fixed_a) * load + q_a * n`. Give every pair of a commodity and a lane
//! a share `s_ka >= 0`. The riders of a departure can all be there at its moment, so their shares are
//! no more than `q_a * n` plus what the most profitable departures of the lane earn in all:
//!
//! cost >= sum over k of (cheapest way of k at `size_k * (handling + unit_a * (1 - q_a / fixed_a)) + s_ka`)
//!         - sum over a of (most profit of departures on a that collect `s_ka` and pay `q_a` a truck).
//!
//! That holds for all shares and all `q`, which is why any ascent, however short, ends in a bound;
//! [`Shares::value`] is the proof. Trucks must be as many at every hub in the end as in the beginning, so
//! with any worth `w` of a truck's place at which no drive costs less than nothing, a drive costs
//! `c_a + w_tail - w_head` and empty drives nothing (they cannot cost less).
//!
//! Most pairs never matter. One gets a share once a cheapest way has gone over it; the others' share is
//! zero, which is allowed too. The ascent is that of the volume algorithm (Barahona and Anbil 2000), on
//! multipliers that become more on the way. The relaxation is that of timed instances without splitting
//! windows; ways keep no time but that of each lane by itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rv_model::linehaul::Week;

use crate::Budget;
use crate::timed::{Item, Key, Net, Stabs};

/// Share of the way to the goal that the first step goes, and how far above the best value the goal is.
const STEP: f64 = 0.05;
const GOAL: f64 = 0.1;
/// Steps without a better value before steps become shorter.
const PATIENCE: u32 = 12;
/// Share of a new slope in the mean of slopes.
const WEIGHT: f64 = 0.25;
/// Steps at most when the budget counts steps.
const STEPS_MAX: u64 = 400;
/// An ascent ends when this many steps gain less than this share.
const STALLED: (u32, f64) = (300, 2e-4);
/// Slack of windows, s.
const ROUNDING_S: f64 = 1e-6;

/// Multipliers.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    /// Share of each pair.
    pub(super) share: Vec<f64>,
    /// What of a truck's cost departures pay however little they carry, by lane.
    pub(super) base: Vec<f64>,
    /// Worth of a truck's place, by hub.
    pub(super) worth: Vec<f64>,
}

/// A lane, whatever the class.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneCost {
    /// Cheapest truck, cheapest kg, and most that a truck takes, kg.
    pub(super) fixed: f64,
    pub(super) per_kg: f64,
    pub(super) room_kg: f64,
}

/// The relaxed week.
pub(super) struct Shares<'a> {
    week: &'a Week,
    net: &'a Net<'a>,
    /// (commodity's place among the carried, lane) of each pair.
    pairs: Vec<(u32, u32)>,
    /// Lanes and pairs of each commodity.
    of_com: Vec<Vec<(u32, u32)>>,
    /// Pairs of each lane, by earliest moment.
    of_lane: Vec<Vec<(f64, u32)>>,
    /// Least cost of an empty truck from hub to hub, row-major.
    apart: Vec<f64>,
    lanes: Vec<LaneCost>,
    /// Cost of a kg on each lane, shares aside.
    unit: Vec<f64>,
    /// Least such cost to each hub (row) from each other, row-major.
    to_go: Vec<f64>,
    /// Carried commodities by destination.
    order: Vec<u32>,
    stabs: Stabs,
    ways: Ways,
}

/// Working memory of ways.
struct Ways {
    /// Share of the commodity at hand by lane.
    share: Vec<f64>,
    dist: Vec<f64>,
    via: Vec<u32>,
    touched: Vec<u32>,
    heap: BinaryHeap<(Reverse<Key>, u32)>,
}

impl<'a> Shares<'a> {
    pub(super) fn new(week: &'a Week, net: &'a Net<'a>) -> Self {
        let n = net.n;
        let mut order: Vec<u32> = (0..net.carried.len() as u32).collect();
        order.sort_by_key(|&i| (net.coms[net.carried[i as usize] as usize].destination, i));
        let cost: Vec<f64> = (0..week.lanes.len()).map(|l| least(week, l, 0.0).fixed).collect();
        let mut apart = vec![f64::INFINITY; n * n];
        let mut heap = BinaryHeap::new();
        for from in 0..n {
            spread(net, &cost, from as u32, &mut apart[from * n..(from + 1) * n], &mut heap, false);
        }
        let n_lanes = week.lanes.len();
        Self {
            week,
            net,
            pairs: Vec::new(),
            of_com: vec![Vec::new(); net.carried.len()],
            of_lane: vec![Vec::new(); n_lanes],
            apart,
            lanes: Vec::new(),
            unit: vec![0.0; n_lanes],
            to_go: vec![0.0; n * n],
            order,
            stabs: Stabs::rough(),
            ways: Ways {
                share: vec![0.0; n_lanes],
                dist: vec![f64::INFINITY; n],
                via: vec![0; n],
                touched: Vec::new(),
                heap,
            },
        }
    }

    /// Everybody pays by load, and a truck's place has a worth.
    pub(super) fn start(&self, worth: &[f64]) -> Point {
        let n_lanes = self.week.lanes.len();
        let share = vec![0.0; self.pairs.len()];
        let mut point = Point { share, base: vec![0.0; n_lanes], worth: worth.to_vec() };
        self.allow(&mut point);
        point
    }

    /// Moves multipliers to where the bound holds.
    pub(super) fn allow(&self, point: &mut Point) {
        let n = self.net.n;
        // A place is worth no more than any other and the empty drive from there.
        let worth: Vec<f64> = (0..n)
            .map(|to| {
                let from = (0..n).filter(|&from| from != to);
                let most = from.map(|from| point.worth[from] + self.apart[from * n + to]);
                most.fold(point.worth[to], f64::min)
            })
            .collect();
        point.worth = worth;
        for share in &mut point.share {
            *share = share.max(0.0);
        }
        for (l, base) in point.base.iter_mut().enumerate() {
            let lane = &self.week.lanes[l];
            let place = point.worth[lane.from as usize] - point.worth[lane.to as usize];
            *base = base.clamp(0.0, least(self.week, l, place).fixed);
        }
    }

    /// The bound at allowed multipliers, with a slope; pairs that cheapest ways go over and that have
    /// no share yet are added to both.
    pub(super) fn value(&mut self, at: &mut Point, slope: &mut Point) -> f64 {
        self.set_costs(at);
        slope.share.clear();
        slope.share.resize(at.share.len(), 0.0);
        slope.base.clear();
        slope.base.resize(at.base.len(), 0.0);
        slope.worth.clear();
        slope.worth.resize(at.worth.len(), 0.0);
        let mut value = 0.0;
        for i in 0..self.order.len() {
            value += self.way(self.order[i], at, slope);
        }
        for l in 0..self.week.lanes.len() {
            value -= self.departures(l, at, slope);
        }
        value
    }

    fn set_costs(&mut self, at: &Point) {
        let (week, n) = (self.week, self.net.n);
        self.lanes.clear();
        for (l, lane) in week.lanes.iter().enumerate() {
            let place = at.worth[lane.from as usize] - at.worth[lane.to as usize];
            let row = least(week, l, place);
            let by_load = if row.fixed > 0.0 { 1.0 - at.base[l] / row.fixed } else { 0.0 };
            self.unit[l] = week.costs.handling_per_kg + row.per_kg * by_load.max(0.0);
            self.lanes.push(row);
        }
        for to in 0..n {
            let row = &mut self.to_go[to * n..(to + 1) * n];
            spread(self.net, &self.unit, to as u32, row, &mut self.ways.heap, true);
        }
    }

    /// Cost of a commodity's cheapest way.
    fn way(&mut self, i: u32, at: &mut Point, slope: &mut Point) -> f64 {
        let com = &self.net.coms[self.net.carried[i as usize] as usize];
        for &(l, pair) in &self.of_com[i as usize] {
            self.ways.share[l as usize] = at.share[pair as usize];
        }
        let n = self.net.n;
        let to_go = &self.to_go[com.destination as usize * n..][..n];
        let cost = self.ways.cheapest(self.net, com, &self.unit, to_go);
        for &(l, _) in &self.of_com[i as usize] {
            self.ways.share[l as usize] = 0.0;
        }
        let mut hub = com.destination;
        while hub != com.origin {
            let l = self.ways.via[hub as usize];
            let lane = &self.week.lanes[l as usize];
            let pair = match self.of_com[i as usize].binary_search_by_key(&l, |row| row.0) {
                Ok(place) => self.of_com[i as usize][place].1,
                Err(place) => {
                    let pair = self.pairs.len() as u32;
                    self.pairs.push((i, l));
                    self.of_com[i as usize].insert(place, (l, pair));
                    let early = com.release + self.net.time(com.origin, lane.from);
                    let rows = &mut self.of_lane[l as usize];
                    let place = rows.partition_point(|row| row.0 <= early);
                    rows.insert(place, (early, pair));
                    at.share.push(0.0);
                    slope.share.push(0.0);
                    pair
                }
            };
            let row = &self.lanes[l as usize];
            slope.share[pair as usize] += 1.0;
            if row.fixed > 0.0 {
                slope.base[l as usize] -= com.size * row.per_kg / row.fixed;
            }
            slope.worth[lane.from as usize] += com.size / row.room_kg;
            slope.worth[lane.to as usize] -= com.size / row.room_kg;
            hub = lane.from;
        }
        cost
    }

    /// Most profit of a lane's departures.
    fn departures(&mut self, l: usize, at: &Point, slope: &mut Point) -> f64 {
        let (net, base, room_kg) = (self.net, at.base[l], self.lanes[l].room_kg);
        self.stabs.items.clear();
        let mut total = 0.0;
        for &(early, pair) in &self.of_lane[l] {
            let worth = at.share[pair as usize];
            if worth <= 0.0 {
                continue;
            }
            let com = &net.coms[net.carried[self.pairs[pair as usize].0 as usize] as usize];
            let lane = &self.week.lanes[l];
            let late = com.due - net.time(lane.to, com.destination) - net.arcs[l].travel;
            // A way that keeps no time may go over it, but no plan does.
            if late < early - ROUNDING_S {
                continue;
            }
            let late = late.max(early);
            total += worth;
            self.stabs.items.push(Item { early, late, worth, share: com.size / room_kg, pair });
        }
        if total <= base {
            return 0.0;
        }
        let profit = self.stabs.solve(base);
        for &(pair, _) in &self.stabs.served {
            slope.share[pair as usize] -= 1.0;
        }
        for &(pair, left) in &self.stabs.cut {
            slope.share[pair as usize] += left;
        }
        slope.base[l] += self.stabs.n_trucks;
        profit
    }
}

impl Ways {
    /// Cost of the cheapest way, written to `via`: nearest first by cost and what remains at least
    /// (Hart, Nilsson and Raphael 1968).
    fn cheapest(
        &mut self,
        net: &Net<'_>,
        com: &rv_model::linehaul::DesignCommodity,
        unit: &[f64],
        to_go: &[f64],
    ) -> f64 {
        for hub in self.touched.drain(..) {
            self.dist[hub as usize] = f64::INFINITY;
        }
        self.heap.clear();
        self.dist[com.origin as usize] = 0.0;
        self.touched.push(com.origin);
        self.heap.push((Reverse(Key(com.size * to_go[com.origin as usize])), com.origin));
        while let Some((Reverse(Key(whole)), hub)) = self.heap.pop() {
            let near = self.dist[hub as usize];
            if hub == com.destination {
                return near;
            }
            // A hair, as sums round.
            if whole > (near + com.size * to_go[hub as usize]) * (1.0 + 1e-12) {
                continue;
            }
            let best = self.dist[com.destination as usize];
            for &l in &net.out[hub as usize] {
                let head = net.arcs[l as usize].head as usize;
                let reach = near + com.size * unit[l as usize] + self.share[l as usize];
                if reach < self.dist[head] && reach + com.size * to_go[head] < best {
                    if self.dist[head] == f64::INFINITY {
                        self.touched.push(head as u32);
                    }
                    self.dist[head] = reach;
                    self.via[head] = l;
                    self.heap.push((Reverse(Key(reach + com.size * to_go[head])), head as u32));
                }
            }
        }
        f64::INFINITY
    }
}

/// Least costs from a hub to all, or from all to it.
fn spread(
    net: &Net<'_>,
    cost: &[f64],
    from: u32,
    dist: &mut [f64],
    heap: &mut BinaryHeap<(Reverse<Key>, u32)>,
    is_backward: bool,
) {
    heap.clear();
    dist.fill(f64::INFINITY);
    dist[from as usize] = 0.0;
    heap.push((Reverse(Key(0.0)), from));
    while let Some((Reverse(Key(near)), hub)) = heap.pop() {
        if near > dist[hub as usize] {
            continue;
        }
        let rows = if is_backward { &net.into[hub as usize] } else { &net.out[hub as usize] };
        for &l in rows {
            let arc = &net.arcs[l as usize];
            let next = if is_backward { arc.tail } else { arc.head } as usize;
            let reach = near + cost[l as usize];
            if reach < dist[next] {
                dist[next] = reach;
                heap.push((Reverse(Key(reach)), next as u32));
            }
        }
    }
}

/// What a truck and a kg cost at least on a lane if a truck's place adds `place`.
pub(super) fn least(week: &Week, l: usize, place: f64) -> LaneCost {
    let (mut fixed, mut per_kg, mut room_kg) = (f64::INFINITY, f64::INFINITY, 0.0_f64);
    for &class in &week.lanes[l].classes {
        let payload_kg = week.classes[class as usize].payload_kg;
        let cost = (super::trip_cost_least(week, l as u32, class) + place).max(0.0);
        fixed = fixed.min(cost);
        per_kg = per_kg.min(cost / payload_kg);
        room_kg = room_kg.max(payload_kg);
    }
    LaneCost { fixed, per_kg, room_kg }
}

/// Where an ascent ended.
pub(super) struct Climbed {
    /// Best value seen: a bound.
    pub(super) value: f64,
    /// Worth of a truck's place there.
    pub(super) worth: Vec<f64>,
}

/// Climbs until the budget is over, from what trucks' places may be worth.
pub(super) fn climb(
    shares: &mut Shares<'_>,
    worth: &[f64],
    target: f64,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(f64),
) -> Climbed {
    let mut slope = Point::default();
    let mut best = shares.start(&vec![0.0; worth.len()]);
    let mut value_best = shares.value(&mut best, &mut slope);
    let mut mean = slope.clone();
    let mut at = shares.start(worth);
    let value = shares.value(&mut at, &mut slope);
    if value > value_best {
        (best, value_best) = (at, value);
        mean.clone_from(&slope);
    }
    best.share.resize(shares.pairs.len(), 0.0);
    mean.share.resize(shares.pairs.len(), 0.0);
    let (mut step, mut n_red) = (STEP, 0);
    let (mut n_stalled, mut value_stalled) = (0, value_best);
    let limit = if budget.steps.is_some() { STEPS_MAX } else { u64::MAX };
    let mut done = 0;
    while done < limit && budget.progress(done) < 1.0 && step > 1e-4 && value_best < target {
        done += 1;
        let goal = target.min(value_best * (1.0 + GOAL));
        let norm = mean.norm();
        if norm <= 1e-12 {
            break;
        }
        let length = step * (goal - value_best).max(1e-9) / norm;
        let mut at = best.clone();
        at.add(length, &mean);
        shares.allow(&mut at);
        let value = shares.value(&mut at, &mut slope);
        best.share.resize(at.share.len(), 0.0);
        mean.share.resize(at.share.len(), 0.0);
        mean.approach(&slope);
        if value > value_best {
            (best, value_best) = (at, value);
            report(value);
            step = (step * 1.1_f64).min(2.0);
            n_red = 0;
        } else {
            n_red += 1;
            if n_red >= PATIENCE {
                step *= 0.66;
                n_red = 0;
            }
        }
        n_stalled += 1;
        if n_stalled >= STALLED.0 {
            if value_best - value_stalled < STALLED.1 * value_best.abs() {
                break;
            }
            (n_stalled, value_stalled) = (0, value_best);
        }
    }
    Climbed { value: value_best, worth: best.worth }
}

impl Point {
    fn rows(&mut self) -> [&mut Vec<f64>; 3] {
        [&mut self.share, &mut self.base, &mut self.worth]
    }

    fn norm(&self) -> f64 {
        let square = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>();
        square(&self.share) + square(&self.base) + square(&self.worth)
    }

    fn add(&mut self, length: f64, other: &Self) {
        let others = [&other.share, &other.base, &other.worth];
        for (row, other) in self.rows().into_iter().zip(others) {
            row.iter_mut().zip(other).for_each(|(v, by)| *v += length * by);
        }
    }

    fn approach(&mut self, other: &Self) {
        let others = [&other.share, &other.base, &other.worth];
        for (row, other) in self.rows().into_iter().zip(others) {
            row.iter_mut().zip(other).for_each(|(v, to)| *v += WEIGHT * (to - *v));
        }
    }
}
