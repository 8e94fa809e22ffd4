//! A rehearsal of a fleet under way, event by event, held to the checker and to a book of its own.
//!
//! New pickups and transfers, cancellations, changed addresses and windows, delays, lost vans and
//! closed roads come at a steady rate of the fleet's time; stops done by the vans come on top. Routes
//! that an event touched go to the checker, all or one in so many; the whole fleet now and then.

mod streets;

use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use rv_base::{Money, Rng};
use rv_model::dispatch::{Order, OrderKind, Presence, ProblemError, Stop, Task, Told, Window};
use serde::Serialize;

use super::{Answer, Live, OrderNumber, Touched};
use crate::check;
use streets::{Streets, van};

/// Events after which the whole fleet goes to the checker.
const CHECK_EVERY: u64 = 1_000_000;
/// Lost vans and roads closed or opened among 10,000 events from outside, unless it is said.
const UPHEAVALS: usize = 20;
/// Area of the city for one van, m2.
const VAN_AREA_M2: f64 = 160_000.0;
const PLACES_PER_VAN: u32 = 12;
/// Roads closed at the same time at most.
const WALLS_MAX: usize = 24;
const HOUR_MS: i64 = 3_600_000;
/// Most vans of a rehearsal.
pub const VANS_MAX: u32 = 200_000;

/// What is rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct RehearsalParams {
    /// Vans, 1 to [`VANS_MAX`].
    pub n_vans: u32,
    /// Events from outside in a second of the fleet's time, 1 to 1000.
    pub events_per_s: u32,
    /// One in so many touched routes goes to the checker, at least 1.
    pub check_one_in: u32,
    /// Seed of everything random.
    pub seed: u64,
}

/// What happened, and what was wrong. Times are those of the caller's clock.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct RehearsalReport {
    pub vans: u32,
    pub events: u64,
    pub fleet_time_s: f64,
    pub new_orders: u64,
    pub left_out: u64,
    pub stops_done: u64,
    pub cancelled: u64,
    pub cancels_refused: u64,
    pub changed: u64,
    pub changes_refused: u64,
    pub vans_lost: u64,
    pub roads_changed: u64,
    pub dropped_by_changes: u64,
    pub routes_checked: u64,
    /// Breaches of any limit (load, battery, permits, windows, ...) that the checker found.
    pub violations: u64,
    /// Changes of what was committed.
    pub frozen_broken: u64,
    /// Loads that were on board and are not, or the other way round.
    pub on_board_broken: u64,
    pub first_violation: Option<String>,
    pub tasks_on_tours: usize,
    pub insert_ms_p50: f64,
    pub insert_ms_p99: f64,
    pub insert_ms_max: f64,
    pub insert_ms_mean: f64,
    pub event_ms_p99: f64,
    pub event_ms_max: f64,
    /// Lost vans and roads closed or opened.
    pub upheaval_ms_p50: f64,
    pub upheaval_ms_p99: f64,
    pub upheaval_ms_max: f64,
    pub engine_s: f64,
    /// Driving that the tours still hold at the end, s.
    pub driving_s: f64,
    pub seed: u64,
}

/// A fleet, the city around it, and the books that the fleet is held to.
pub struct Rehearsal<'a> {
    params: RehearsalParams,
    clock_ns: &'a dyn Fn() -> u64,
    live: Live,
    rng: Rng,
    now_ms: i64,
    /// Events that came from outside.
    n_outside: i64,
    points: Arc<Vec<(f64, f64)>>,
    walls: Vec<[(f64, f64); 2]>,
    side_m: f64,
    /// When vans are due to have done their next stop, the earliest first; stale entries are skipped.
    due: BinaryHeap<std::cmp::Reverse<(i64, u32)>>,
    /// Our own book of what was committed, and of what is on board, to hold the engine to.
    committed: Vec<Vec<Task>>,
    on_board: Vec<BTreeSet<OrderNumber>>,
    /// Some orders that are likely to be on tours.
    known: Vec<OrderNumber>,
    report: RehearsalReport,
    n_touched: u64,
    /// Of 10,000 events from outside, lost vans and roads closed or opened, half of each.
    n_upheavals: usize,
    /// By insertion, by upheaval, and by any other event.
    insert_ns: Vec<u32>,
    upheaval_ns: Vec<u32>,
    other_ns: Vec<u32>,
}

/// Which times an event's is counted with.
#[derive(Clone, Copy)]
enum Kind {
    Insertion,
    Upheaval,
    Other,
}

impl<'a> Rehearsal<'a> {
    /// A fleet with nothing to do yet. The clock counts nanoseconds from any moment on; it is only
    /// read around the engine's work.
    pub fn new(
        params: RehearsalParams,
        clock_ns: &'a dyn Fn() -> u64,
    ) -> Result<Self, ProblemError> {
        let in_range = [
            ("n_vans", params.n_vans, VANS_MAX),
            ("events_per_s", params.events_per_s, 1000),
            ("check_one_in", params.check_one_in, u32::MAX),
        ];
        for (field, value, most) in in_range {
            if !(1..=most).contains(&value) {
                let reason = format!("{value} is not within 1..={most}");
                return Err(ProblemError { field: field.into(), reason });
            }
        }
        let RehearsalParams { n_vans, seed, .. } = params;
        let mut rng = Rng::from_seed(seed);
        let side_m = (f64::from(n_vans) * VAN_AREA_M2).sqrt();
        let n_places = n_vans * PLACES_PER_VAN;
        let points: Vec<(f64, f64)> =
            (0..n_places).map(|_| (rng.range(0.0, side_m), rng.range(0.0, side_m))).collect();
        let points = Arc::new(points);
        // One area in nine asks for a permit; half of the vans have it.
        let permit = |p: &(f64, f64)| {
            let column = |v: f64| (v / side_m * 9.0) as u32;
            u64::from(column(p.0) % 3 == 1 && column(p.1) % 3 == 1)
        };
        let permits = points.iter().map(permit).collect();
        let vans = (0..n_vans).map(|id| van(id, rng.below(n_places as usize) as u32, 0, &mut rng));
        let vans = vans.collect();
        let travel = Arc::new(Streets { points: Arc::clone(&points), walls: Vec::new() });
        let live = Live::new(vans, travel, permits)?;
        Ok(Self {
            params,
            clock_ns,
            live,
            rng,
            now_ms: 0,
            n_outside: 0,
            points,
            walls: Vec::new(),
            side_m,
            due: BinaryHeap::new(),
            committed: vec![Vec::new(); n_vans as usize],
            on_board: vec![BTreeSet::new(); n_vans as usize],
            known: Vec::new(),
            report: RehearsalReport { vans: n_vans, seed, ..RehearsalReport::default() },
            n_touched: 0,
            n_upheavals: UPHEAVALS,
            insert_ns: Vec::new(),
            upheaval_ns: Vec::new(),
            other_ns: Vec::new(),
        })
    }

    /// The same with so many of a thousand events from outside being lost vans and roads closed or
    /// opened, at most 180; without, it is two.
    pub fn with_upheavals(mut self, permille: u32) -> Self {
        self.n_upheavals = permille.min(180) as usize * 10;
        self
    }

    /// Events so far.
    pub fn n_events(&self) -> u64 {
        self.report.events
    }

    /// Breaches and changes of frozen parts so far.
    pub fn n_wrong(&self) -> u64 {
        let r = &self.report;
        r.violations + r.frozen_broken + r.on_board_broken
    }

    /// One event, held to the checker and the books.
    pub fn event(&mut self) {
        self.happen();
        if self.report.events.is_multiple_of(CHECK_EVERY) {
            self.check_all();
        }
    }

    fn happen(&mut self) {
        while let Some(std::cmp::Reverse((at, v))) = self.due.peek().copied()
            && at <= self.now_ms
        {
            self.due.pop();
            if self.stop_done(at, v) {
                self.report.events += 1;
                return;
            }
        }
        self.report.events += 1;
        self.now_ms = self.n_outside * 1000 / i64::from(self.params.events_per_s);
        self.n_outside += 1;
        let (kind, n_upheavals) = (self.rng.below(10_000), self.n_upheavals);
        match kind {
            0..=6999 => self.new_order(),
            7000..=8199 => self.cancel(),
            kind if kind < 10_000 - n_upheavals => self.change(),
            kind if kind < 10_000 - n_upheavals / 2 => self.lose(),
            _ => self.close_road(),
        }
    }

    /// Runs the engine and keeps the time it took.
    fn timed<T>(&mut self, kind: Kind, act: impl FnOnce(&mut Live) -> T) -> T {
        let begun_ns = (self.clock_ns)();
        let result = act(&mut self.live);
        let spent_ns = (self.clock_ns)().saturating_sub(begun_ns);
        let times = match kind {
            Kind::Insertion => &mut self.insert_ns,
            Kind::Upheaval => &mut self.upheaval_ns,
            Kind::Other => &mut self.other_ns,
        };
        times.push(u32::try_from(spent_ns).unwrap_or(u32::MAX));
        self.report.engine_s += spent_ns as f64 / 1e9;
        result
    }

    fn stop(&mut self, near: Option<u32>) -> Stop {
        let n = self.points.len();
        let mut location = self.rng.below(n) as u32;
        if let Some(near) = near {
            // A few tries for a place within some kilometres.
            let from = self.points[near as usize];
            for _ in 0..60 {
                let at = self.points[location as usize];
                if (at.0 - from.0).hypot(at.1 - from.1) < 4000.0 {
                    break;
                }
                location = self.rng.below(n) as u32;
            }
        }
        let start_ms = self.now_ms + self.rng.below(HOUR_MS as usize) as i64;
        let end_ms = start_ms + HOUR_MS / 2 + self.rng.below(2 * HOUR_MS as usize) as i64;
        let windows = if self.rng.chance(0.7) {
            vec![Window { start_ms, end_ms }]
        } else {
            vec![Window { start_ms: self.now_ms, end_ms: self.now_ms + 4 * HOUR_MS }]
        };
        Stop { location, windows, service_ms: 40_000 + self.rng.below(120_000) as i64, soft: None }
    }

    fn new_order(&mut self) {
        let first = self.stop(None);
        let kind = if self.rng.chance(0.5) {
            OrderKind::Pickup(first)
        } else {
            let mut dropoff = self.stop(Some(first.location));
            dropoff.windows[0].end_ms =
                dropoff.windows[0].end_ms.max(first.windows[0].end_ms + HOUR_MS / 2);
            OrderKind::Transfer { pickup: first, dropoff }
        };
        let order = Order {
            id: 0,
            kind,
            load: [1 + self.rng.below(3) as i32, 500 + self.rng.below(9000) as i32, 0, 0],
            release_ms: 0,
            skills: u64::from(self.rng.chance(0.2)),
            presence: Presence::Optional(Money::from_units(10.0)),
            on_board: None,
            tenant: None,
            compartment: None,
            told: Told::default(),
        };
        self.report.new_orders += 1;
        let (number, answer) = self.timed(Kind::Insertion, |live| live.insert(order));
        match answer {
            Answer::Placed { vehicle } => {
                self.known.push(number);
                self.settle(&[vehicle]);
            }
            _ => self.report.left_out += 1,
        }
    }

    /// An order that was known once; it may be gone.
    fn pick(&mut self) -> Option<OrderNumber> {
        if self.known.is_empty() {
            return None;
        }
        let at = self.rng.below(self.known.len());
        let number = self.known[at];
        if self.live.order(number).is_none() {
            self.known.swap_remove(at);
            return None;
        }
        Some(number)
    }

    fn cancel(&mut self) {
        let Some(number) = self.pick() else { return };
        let (answer, touched) = self.timed(Kind::Other, |live| live.cancel(number));
        match answer {
            Answer::Refused => self.report.cancels_refused += 1,
            _ => self.report.cancelled += 1,
        }
        self.note(&touched);
    }

    fn change(&mut self) {
        let Some(number) = self.pick() else { return };
        let Some(order) = self.live.order(number) else { return };
        let old = match &order.kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
            OrderKind::Transfer { dropoff, .. } => dropoff.location,
        };
        let mut stop = self.stop(Some(old));
        if self.rng.chance(0.5) {
            stop.location = old;
        }
        let (answer, touched) = self.timed(Kind::Other, |live| live.change(number, stop));
        match answer {
            Answer::Placed { .. } => self.report.changed += 1,
            _ => self.report.changes_refused += 1,
        }
        self.note(&touched);
    }

    fn lose(&mut self) {
        let v = self.rng.below(self.committed.len()) as u32;
        self.report.vans_lost += 1;
        let touched = self.timed(Kind::Upheaval, |live| live.lose(v));
        self.committed[v as usize].clear();
        self.on_board[v as usize].clear();
        self.note(&touched);
        // Another van takes its place.
        self.renew(v);
    }

    fn close_road(&mut self) {
        let (at, radius) =
            if self.walls.len() >= WALLS_MAX || (!self.walls.is_empty() && self.rng.chance(0.4)) {
                let at = self.rng.below(self.walls.len());
                let wall = self.walls.swap_remove(at);
                (wall[0], 2000.0)
            } else {
                let a = (self.rng.range(0.0, self.side_m), self.rng.range(0.0, self.side_m));
                let b = (a.0 + self.rng.range(-900.0, 900.0), a.1 + self.rng.range(-900.0, 900.0));
                self.walls.push([a, b]);
                (a, 2000.0)
            };
        self.report.roads_changed += 1;
        let travel =
            Arc::new(Streets { points: Arc::clone(&self.points), walls: self.walls.clone() });
        let touched = self.timed(Kind::Upheaval, |live| live.reroute(travel, at, radius));
        self.note(&touched);
    }

    /// True if the van had a stop to do and did it.
    fn stop_done(&mut self, at: i64, v: u32) -> bool {
        let Some(begin_ms) = self.live.next_begin_ms(v) else {
            self.come_home(v);
            return false;
        };
        let Some(&task) = self.live.tasks(v).first() else { return false };
        let (Task::Serve(number) | Task::Collect(number)) = task else { return false };
        let Some(order) = self.live.order(number) else { return false };
        let service_ms = match (&order.kind, task) {
            (OrderKind::Transfer { pickup, .. }, Task::Collect(_)) => pickup.service_ms,
            (OrderKind::Transfer { dropoff, .. }, _) => dropoff.service_ms,
            (OrderKind::Delivery(stop) | OrderKind::Pickup(stop), _) => stop.service_ms,
        };
        let is_transfer = matches!(order.kind, OrderKind::Transfer { .. });
        if begin_ms + service_ms > at.max(self.now_ms) {
            // It has changed since: the van is not there yet.
            self.due.push(std::cmp::Reverse((begin_ms + service_ms, v)));
            return false;
        }
        // Now and then it takes longer than planned.
        let late_ms = if self.rng.chance(0.1) { self.rng.below(240_000) as i64 } else { 0 };
        self.report.stops_done += 1;
        let leave_ms = begin_ms + service_ms + late_ms;
        let touched = self.timed(Kind::Other, |live| live.execute(v, leave_ms));
        let book = &mut self.committed[v as usize];
        if book.first() == Some(&task) {
            book.remove(0);
        }
        match task {
            Task::Collect(_) => _ = self.on_board[v as usize].insert(number),
            _ if is_transfer && !self.on_board[v as usize].remove(&number) => {
                self.report.on_board_broken += 1;
            }
            _ => {}
        }
        self.note(&touched);
        // Half of the vans are told at once where to go next.
        let is_told = self.rng.chance(0.5);
        let touched = if is_told { self.timed(Kind::Other, |live| live.commit(v)) } else { None };
        match touched {
            Some(touched) => self.note(&touched),
            None => self.settle(&[v]),
        }
        true
    }

    /// A van without work goes to be emptied and charged when it must.
    fn come_home(&mut self, v: u32) {
        let own = &self.live.vehicles()[v as usize];
        let is_low = own.battery.as_ref().is_some_and(|b| b.start_mwh < b.capacity_mwh / 2);
        let is_full = own.extra_load[0] * 2 > own.capacity[0];
        let is_late = own.shift.end_ms < self.now_ms + 3 * HOUR_MS;
        if is_low || is_full || is_late {
            self.renew(v);
        }
    }

    fn renew(&mut self, v: u32) {
        let at = self.rng.below(self.points.len()) as u32;
        let own = van(v, at, self.now_ms, &mut self.rng);
        self.live.renew(v, own);
        self.on_board[v as usize].clear();
        self.committed[v as usize].clear();
        self.settle(&[v]);
    }

    fn note(&mut self, touched: &Touched) {
        self.report.dropped_by_changes += touched.left_out.len() as u64;
        let vans = touched.vehicles.clone();
        self.settle(&vans);
    }

    /// Holds the vans that an event touched to the books, has them judged, and notes when they are
    /// due next.
    fn settle(&mut self, vans: &[u32]) {
        for &v in vans {
            let tasks = self.live.tasks(v);
            let book = &self.committed[v as usize];
            if tasks.len() < book.len() || tasks[..book.len()] != book[..] {
                self.report.frozen_broken += 1;
                self.say(format!("van {v}: {book:?} was committed, {tasks:?} is planned"));
            }
            // A dropoff may have been committed behind its pickup.
            let n = self.live.vehicles()[v as usize].committed.len();
            self.committed[v as usize] = self.live.tasks(v)[..n].to_vec();
            if let Some(begin_ms) = self.live.next_begin_ms(v) {
                self.due.push(std::cmp::Reverse((begin_ms + 100_000, v)));
            } else {
                self.due.push(std::cmp::Reverse((self.now_ms + 600_000, v)));
            }
            self.n_touched += 1;
            if self.n_touched.is_multiple_of(u64::from(self.params.check_one_in)) {
                self.judge(&[v]);
            }
        }
    }

    fn say(&mut self, what: String) {
        self.report.first_violation.get_or_insert(what);
    }

    fn judge(&mut self, vans: &[u32]) {
        self.report.routes_checked += vans.len() as u64;
        match self.live.snapshot(vans) {
            Ok((problem, plan)) => {
                let report = check(&problem, &plan);
                self.report.violations += report.violations.len() as u64;
                if let Some(first) = report.violations.first() {
                    self.say(format!(
                        "event {}: van {:?}: {first}",
                        self.report.events,
                        vans.first()
                    ));
                }
            }
            Err(error) => {
                self.report.violations += 1;
                self.say(error.to_string());
            }
        }
    }

    /// The whole fleet to the checker, and the loads on board to our own book.
    pub fn check_all(&mut self) {
        for v in 0..self.committed.len() as u32 {
            self.judge(&[v]);
            let is_lost = |number: &&OrderNumber| {
                self.live.order(**number).is_none_or(|o| o.on_board != Some(v))
            };
            let n_lost = self.on_board[v as usize].iter().filter(is_lost).count();
            self.report.on_board_broken += n_lost as u64;
        }
    }

    /// What happened so far.
    pub fn report(&self) -> RehearsalReport {
        let mut report = self.report.clone();
        let ms = |list: &[u32], share: f64| {
            let at = (list.len() as f64 * share) as usize;
            list.get(at.min(list.len().saturating_sub(1))).map_or(0.0, |ns| f64::from(*ns) / 1e6)
        };
        let mut times = self.insert_ns.clone();
        times.sort_unstable();
        report.insert_ms_p50 = ms(&times, 0.5);
        report.insert_ms_p99 = ms(&times, 0.99);
        report.insert_ms_max = ms(&times, 1.0);
        let sum_ns = times.iter().map(|ns| f64::from(*ns)).sum::<f64>();
        report.insert_ms_mean = sum_ns / times.len().max(1) as f64 / 1e6;
        times.extend(self.other_ns.iter().chain(&self.upheaval_ns));
        times.sort_unstable();
        report.event_ms_p99 = ms(&times, 0.99);
        report.event_ms_max = ms(&times, 1.0);
        let mut times = self.upheaval_ns.clone();
        times.sort_unstable();
        report.upheaval_ms_p50 = ms(&times, 0.5);
        report.upheaval_ms_p99 = ms(&times, 0.99);
        report.upheaval_ms_max = ms(&times, 1.0);
        let vans = 0..self.committed.len() as u32;
        report.tasks_on_tours = vans.clone().map(|v| self.live.tasks(v).len()).sum();
        report.driving_s = vans.map(|v| self.live.driving_ms(v)).sum::<i64>() as f64 / 1e3;
        report.fleet_time_s = self.now_ms as f64 / 1e3;
        report
    }
}
