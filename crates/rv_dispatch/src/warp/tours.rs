//! Routes that may run late or overloaded at a price.
//!
//! Lateness is counted as time warp (Nagata, Braysy and Dullaert 2010): a vehicle that comes late is
//! set back to the end of the window, and what it is set back by is summed. For the start of a route
//! up to a node it is enough to know when the vehicle leaves and what it was set back by; for the
//! rest of a route, the latest arrival that adds nothing and what it is set back by even then. Any
//! start is joined to any rest in constant time.

use crate::instance::{Instance, Kind, NONE};

/// A node on a route, in one cache line. `next`, `t_next` and `d_next` always belong together, even
/// while the node is off its route.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Spot {
    pub route: u32,
    pub pos: u32,
    pub prev: u32,
    pub next: u32,
    pub loc: u32,
    pub open: i32,
    pub close: i32,
    pub service: i32,
    /// Departure, ms, after being set back where late.
    pub leave: i32,
    /// Time warp up to here, ms.
    pub warp: i32,
    /// Latest arrival that adds no warp to the rest of the route.
    pub late: i32,
    /// Warp of the rest of the route, from here on, if it is reached by then.
    pub warp_after: i32,
    /// Duration and length of the leg to `next`.
    pub t_next: i32,
    pub d_next: i32,
    /// What the stop adds to the load; less than nothing for the dropoff of a pair.
    pub load: i32,
    /// Load of the route up to here, this node included.
    pub load_up_to: i32,
}

/// What is known of loads at a node of a route with pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peak {
    /// Largest load up to here, this node included.
    pub up_to: i32,
    /// By how much the load rises from arriving here until the fullest moment behind.
    pub from: i32,
    /// Pairs picked up and not yet dropped off when leaving.
    pub n_open: i32,
}

/// Sums of a route.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub distance: i64,
    pub warp: i32,
    /// All that is delivered, or picked up; with pairs, the largest load on the way.
    pub load: i32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tour {
    pub seq: Vec<u32>,
    pub sums: Sums,
}

/// What a millisecond of warp and a unit of load too much cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    pub warp: i64,
    pub load: i64,
}

/// A vehicle on its way, part of a route behind it.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub leave: i32,
    pub warp: i32,
}

impl Way {
    #[inline]
    pub fn after(spot: &Spot) -> Self {
        Self { leave: spot.leave, warp: spot.warp }
    }

    /// Goes on to the next node over a leg of duration `t`.
    #[inline]
    pub fn step(self, t: i32, node: &Spot) -> Self {
        let arrive = self.leave + t;
        let warp = self.warp.saturating_add((arrive - node.close).max(0));
        Self { leave: arrive.max(node.open).min(node.close) + node.service, warp }
    }

    /// Warp of the whole route if it goes on as it now does from `rest` on.
    #[inline]
    pub fn join(self, t: i32, rest: &Spot) -> i32 {
        let late = (self.leave + t - rest.late).max(0);
        self.warp.saturating_add(rest.warp_after).saturating_add(late)
    }
}

/// Cost of a millimetre in the units of this search: coarse enough that breaches can be priced a
/// thousand times as high, fine enough that rounding the fixed costs does not matter.
const PER_MM: i64 = 1 << 10;
/// Dearest route: sums keep to 63 bits.
const FIXED_MAX: i64 = 1 << 44;

/// Cost of a millimetre in the units of this search.
pub(super) fn per_mm(inst: &Instance<'_>) -> i64 {
    inst.cost_per_mm(0).clamp(1, PER_MM)
}

pub(super) struct Tours<'i, 'p> {
    pub inst: &'i Instance<'p>,
    pub spots: Vec<Spot>,
    /// By node, if jobs are pairs of stops; else empty.
    pub peaks: Vec<Peak>,
    pub tours: Vec<Tour>,
    pub prices: Prices,
    /// Cost of a millimetre, the same for all vehicles.
    pub per_mm: i64,
    /// What opening each route costs, in the same units.
    pub fixed: Vec<i64>,
    pub n_used: usize,
    /// Penalised cost of all routes.
    pub cost: i64,
    /// Time warp and overload of all routes.
    pub warp: i64,
    pub overload: i64,
    /// Empty routes that may be opened, by class; the next one is last.
    pub empties: Vec<Vec<u32>>,
    /// Routes changed since this was last cleared.
    pub is_newer: Vec<bool>,
    journal: Vec<(u32, Vec<u32>)>,
    is_touched: Vec<bool>,
    spare: Vec<Vec<u32>>,
}

impl<'i, 'p> Tours<'i, 'p> {
    /// Takes over sound routes; `empties` lists those that may be opened.
    pub fn new(
        inst: &'i Instance<'p>,
        seqs: impl Iterator<Item = Vec<u32>>,
        empties: Vec<Vec<u32>>,
        prices: Prices,
    ) -> Self {
        let is_paired = inst.jobs.iter().any(|j| j.second != NONE);
        let spot = |(node, lite): (&crate::instance::Node, &crate::instance::Lite)| Spot {
            route: NONE,
            pos: 0,
            prev: NONE,
            next: NONE,
            loc: node.loc,
            open: node.open,
            close: node.close,
            service: node.service,
            leave: 0,
            warp: 0,
            late: 0,
            warp_after: 0,
            t_next: 0,
            d_next: 0,
            load: if is_paired { lite.change } else { lite.load },
            load_up_to: 0,
        };
        let n_routes = inst.vehs.len();
        let per_mm = per_mm(inst);
        let unit = inst.cost_per_mm(0) / per_mm;
        let fixed = inst.vehs.iter().map(|veh| (veh.cost_fixed / unit).min(FIXED_MAX));
        let mut tours = Self {
            inst,
            spots: inst.nodes.iter().zip(&inst.lite).map(spot).collect(),
            peaks: vec![Peak::default(); if is_paired { inst.nodes.len() } else { 0 }],
            tours: seqs.map(|seq| Tour { seq, sums: Sums::default() }).collect(),
            prices,
            per_mm,
            fixed: fixed.collect(),
            n_used: 0,
            cost: 0,
            warp: 0,
            overload: 0,
            empties,
            is_newer: vec![true; n_routes],
            journal: Vec::new(),
            is_touched: vec![false; n_routes],
            spare: Vec::new(),
        };
        for v in 0..n_routes as u32 {
            if tours.tours[v as usize].seq.len() > 2 {
                tours.n_used += 1;
                tours.cost += tours.fixed[v as usize];
            }
            tours.run(v);
        }
        tours
    }

    /// Starts a step that can be undone.
    pub fn begin(&mut self) {
        for (v, seq) in self.journal.drain(..) {
            self.is_touched[v as usize] = false;
            self.spare.push(seq);
        }
    }

    /// Goes back to where [`Tours::begin`] was called.
    pub fn undo(&mut self) {
        let mut journal = std::mem::take(&mut self.journal);
        for (v, seq) in &mut journal {
            self.is_touched[*v as usize] = false;
            let was_empty = self.is_empty(*v);
            std::mem::swap(&mut self.tours[*v as usize].seq, seq);
            self.note_empty(*v, was_empty);
            self.run(*v);
        }
        self.spare.extend(journal.drain(..).map(|(_, seq)| seq));
        self.journal = journal;
    }

    /// Whether jobs are pairs of a pickup and a dropoff.
    #[inline]
    pub fn is_paired(&self) -> bool {
        !self.peaks.is_empty()
    }

    /// Whether no pair is on board when leaving a node.
    #[inline]
    pub fn is_closed_after(&self, node: u32) -> bool {
        self.peaks.get(node as usize).is_none_or(|peak| peak.n_open == 0)
    }

    pub fn is_empty(&self, v: u32) -> bool {
        self.tours[v as usize].seq.len() == 2
    }

    /// Whether no route is late or overloaded.
    pub fn is_sound(&self) -> bool {
        self.warp == 0 && self.overload == 0
    }

    /// Penalised cost of a route's breaches.
    #[inline]
    pub fn penalty(&self, v: u32, warp: i32, load: i32) -> i64 {
        let over = load - self.inst.vehs[v as usize].capacity[0];
        let mut penalty = i64::from(warp) * self.prices.warp;
        if over > 0 {
            penalty += i64::from(over) * self.prices.load;
        }
        penalty
    }

    /// The penalty that a route pays now.
    #[inline]
    pub fn penalty_now(&self, v: u32) -> i64 {
        let sums = &self.tours[v as usize].sums;
        self.penalty(v, sums.warp, sums.load)
    }

    #[inline]
    pub fn leg(&self, a: u32, b: u32) -> [i32; 2] {
        let (t, d) = self.inst.leg(0, self.spots[a as usize].loc, self.spots[b as usize].loc);
        [t, d]
    }

    /// Sets what breaches cost from now on.
    pub fn set_prices(&mut self, prices: Prices) {
        let before = self.warp * self.prices.warp + self.overload * self.prices.load;
        self.prices = prices;
        self.cost += self.warp * prices.warp + self.overload * prices.load - before;
    }

    /// Changes the sequence of a route.
    pub fn edit(&mut self, v: u32, change: impl FnOnce(&mut Vec<u32>)) {
        self.touch(v);
        let was_empty = self.is_empty(v);
        change(&mut self.tours[v as usize].seq);
        self.note_empty(v, was_empty);
        self.run(v);
    }

    /// Swaps `from_a..to_a` of route `a` with `from_b..to_b` of route `b`.
    pub fn exchange(&mut self, a: u32, at_a: (usize, usize), b: u32, at_b: (usize, usize)) {
        self.touch(a);
        self.touch(b);
        let were_empty = (self.is_empty(a), self.is_empty(b));
        let mut moved = self.spare.pop().unwrap_or_default();
        moved.clear();
        let mut seq_b = std::mem::take(&mut self.tours[b as usize].seq);
        let seq_a = &mut self.tours[a as usize].seq;
        moved.extend_from_slice(&seq_b[at_b.0..at_b.1]);
        seq_b.splice(at_b.0..at_b.1, seq_a[at_a.0..at_a.1].iter().copied());
        seq_a.splice(at_a.0..at_a.1, moved.iter().copied());
        self.tours[b as usize].seq = seq_b;
        self.spare.push(moved);
        self.note_empty(a, were_empty.0);
        self.note_empty(b, were_empty.1);
        self.run(a);
        self.run(b);
    }

    /// Remembers a route as it is, once per step.
    fn touch(&mut self, v: u32) {
        if !self.is_touched[v as usize] {
            self.is_touched[v as usize] = true;
            let mut copy = self.spare.pop().unwrap_or_default();
            copy.clone_from(&self.tours[v as usize].seq);
            self.journal.push((v, copy));
        }
    }

    /// Keeps the lists of empty routes right after route `v` changed.
    fn note_empty(&mut self, v: u32, was_empty: bool) {
        let veh = &self.inst.vehs[v as usize];
        let list = &mut self.empties[veh.class as usize];
        match (was_empty, self.tours[v as usize].seq.len() == 2) {
            (true, false) => {
                self.n_used += 1;
                self.cost += self.fixed[v as usize];
                if let Some(at) = list.iter().rposition(|&e| e == v) {
                    list.remove(at);
                }
            }
            (false, true) => {
                self.n_used -= 1;
                self.cost -= self.fixed[v as usize];
                let at = list.partition_point(|&e| e > v);
                list.insert(at, v);
            }
            _ => {}
        }
    }

    /// Works out times, loads and cost of a route from its sequence.
    fn run(&mut self, v: u32) {
        self.is_newer[v as usize] = true;
        let Tour { seq, sums } = &mut self.tours[v as usize];
        let capacity = i64::from(self.inst.vehs[v as usize].capacity[0]);
        let mut distance = 0_i64;
        let (mut at, mut load) = (seq[0], 0);
        let mut way = Way { leave: self.inst.vehs[v as usize].shift_start, warp: 0 };
        {
            let start = &mut self.spots[at as usize];
            (start.route, start.pos, start.prev) = (v, 0, NONE);
            (start.leave, start.warp, start.load_up_to) = (way.leave, 0, 0);
        }
        // With pairs, what counts is the largest load.
        let mut most = Peak::default();
        if let Some(peak) = self.peaks.get_mut(at as usize) {
            *peak = most;
        }
        for (pos, &id) in seq.iter().enumerate().skip(1) {
            let loc = self.spots[id as usize].loc;
            let from = &mut self.spots[at as usize];
            if from.next != id {
                let (t, d) = self.inst.leg(0, from.loc, loc);
                (from.next, from.t_next, from.d_next) = (id, t, d);
            }
            let (t, d) = (from.t_next, from.d_next);
            distance += i64::from(d);
            let spot = &mut self.spots[id as usize];
            way = way.step(t, spot);
            load += spot.load;
            (spot.route, spot.pos, spot.prev) = (v, pos as u32, at);
            (spot.leave, spot.warp, spot.load_up_to) = (way.leave, way.warp, load);
            if let Some(peak) = self.peaks.get_mut(id as usize) {
                most.up_to = most.up_to.max(load);
                most.n_open += i32::from(self.inst.nodes[id as usize].kind == Kind::Collect)
                    - i32::from(self.inst.nodes[id as usize].kind == Kind::Drop);
                *peak = most;
            }
            at = id;
        }
        if let Some(peak) = self.peaks.get(at as usize) {
            load = peak.up_to;
        }
        let end = &mut self.spots[at as usize];
        (end.late, end.warp_after) = (end.close, 0);
        let (mut late, mut warp_after) = (end.close, 0_i32);
        let mut rise = 0;
        for &id in seq.iter().rev().skip(1) {
            let spot = &mut self.spots[id as usize];
            if let Some(peak) = self.peaks.get_mut(id as usize) {
                rise = (spot.load + rise).max(0);
                peak.from = rise;
            }
            let slack = late - spot.t_next - spot.service;
            warp_after = warp_after.saturating_add((spot.open - slack).max(0));
            late = slack.min(spot.close).max(spot.open);
            (spot.late, spot.warp_after) = (late, warp_after);
        }
        let over = |load: i32| (i64::from(load) - capacity).max(0);
        let d_warp = i64::from(way.warp) - i64::from(sums.warp);
        let d_over = over(load) - over(sums.load);
        self.warp += d_warp;
        self.overload += d_over;
        self.cost += (distance - sums.distance) * self.per_mm
            + d_warp * self.prices.warp
            + d_over * self.prices.load;
        *sums = Sums { distance, warp: way.warp, load };
    }
}
