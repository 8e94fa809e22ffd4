//! A fleet under way, event by event, held to the checker and to a book of its own:
//!
//! ```sh
//! cargo run --release -p rv_dispatch --example live -- VANS EVENTS SEED
//! ```
//!
//! New pickups and transfers, cancellations, changed addresses and windows, delays, lost vans and
//! closed roads come at 200 a second of the fleet's time; stops done by the vans come on top. Every
//! route that an event touched goes to the checker, the whole fleet now and then.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example speaks to its user")]

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Instant;

use rv_base::{Money, Rng};
use rv_dispatch::check;
use rv_dispatch::live::{Answer, Live, OrderNumber, Touched};
use rv_model::dispatch::{
    Battery, ChargeStep, Leg, Order, OrderKind, Presence, ProblemError, Start, Stop, Task, Told,
    TravelSource, Vehicle, Window,
};

/// Events after which the whole fleet goes to the checker.
const CHECK_EVERY: u64 = 500_000;
/// Events from outside in a second of the fleet's time.
const EVENTS_PER_S: i64 = 200;
/// Area of the city for one van, m2.
const VAN_AREA_M2: f64 = 160_000.0;
const PLACES_PER_VAN: u32 = 12;
/// Roads closed at the same time at most.
const WALLS_MAX: usize = 24;
const HOUR_MS: i64 = 3_600_000;
/// What a closed road costs a way that crosses it.
const DETOUR_MM: i32 = 1_500_000;
const DETOUR_MS: i32 = 200_000;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [n_vans @ 1..=200_000, n_events, seed] = numbers[..] else {
        eprintln!("usage: live VANS EVENTS SEED (1 to 200000 vans)");
        return;
    };
    let wall = Instant::now();
    let mut bench = match Bench::new(n_vans as u32, seed) {
        Ok(bench) => bench,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    while bench.answers.events < n_events {
        bench.event();
        if bench.answers.events.is_multiple_of(CHECK_EVERY) {
            bench.check_all();
        }
    }
    bench.check_all();
    print!("{}", tell(&bench.close(seed, wall.elapsed().as_secs_f64())));
}

/// What happened, and what was wrong.
#[derive(Default)]
struct Answers {
    vans: u32,
    events: u64,
    new_orders: u64,
    left_out: u64,
    stops_done: u64,
    cancelled: u64,
    cancels_refused: u64,
    changed: u64,
    changes_refused: u64,
    vans_lost: u64,
    roads_changed: u64,
    dropped_by_changes: u64,
    routes_checked: u64,
    violations: u64,
    frozen_broken: u64,
    on_board_broken: u64,
    first_violation: Option<String>,
    insert_ms_p50: f64,
    insert_ms_p99: f64,
    insert_ms_max: f64,
    insert_ms_mean: f64,
    insert_cpu_ms_p99: f64,
    insert_cpu_ms_mean: f64,
    event_ms_p99: f64,
    orders_on_tours: usize,
    engine_s: f64,
    wall_s: f64,
    seed: u64,
}

fn tell(a: &Answers) -> String {
    let wrong = a.first_violation.as_ref().map_or(String::new(), |v| format!("first: {v}\n"));
    format!(
        "{} vans, {} events: {} new orders ({} left out), {} stops done, {} cancelled, {} changed, \
         {} vans lost, {} roads changed\n\
         insertion p50 {:.3} ms, p99 {:.3} ms, max {:.1} ms, {:.3} ms each (CPU time: p99 {:.3} ms, {:.3} ms each); any event p99 {:.3} ms\n\
         {} routes checked: {} violations, {} changes of frozen parts, {} of loads on board\n\
         {} tasks on tours, {} dropped by changes, {} and {} refused; {:.1} s, {:.1} of them the \
         engine; seed {}\n{wrong}",
        a.vans,
        a.events,
        a.new_orders,
        a.left_out,
        a.stops_done,
        a.cancelled,
        a.changed,
        a.vans_lost,
        a.roads_changed,
        a.insert_ms_p50,
        a.insert_ms_p99,
        a.insert_ms_max,
        a.insert_ms_mean,
        a.insert_cpu_ms_p99,
        a.insert_cpu_ms_mean,
        a.event_ms_p99,
        a.routes_checked,
        a.violations,
        a.frozen_broken,
        a.on_board_broken,
        a.orders_on_tours,
        a.dropped_by_changes,
        a.cancels_refused,
        a.changes_refused,
        a.wall_s,
        a.engine_s,
        a.seed,
    )
}

/// CPU time of this thread, ns.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// Straight streets, a third longer than the crow flies, with some of them closed.
struct Streets {
    points: Arc<Vec<(f64, f64)>>,
    walls: Vec<[(f64, f64); 2]>,
}

impl TravelSource for Streets {
    fn n_locations(&self) -> usize {
        self.points.len()
    }

    fn leg(&self, from: u32, to: u32) -> Leg {
        let (a, b) = (self.points[from as usize], self.points[to as usize]);
        let length_m = (a.0 - b.0).hypot(a.1 - b.1) * 1.3;
        let n = self.walls.iter().filter(|w| crosses(a, b, w[0], w[1])).count() as i32;
        let distance_mm = (length_m * 1000.0) as i32 + n * DETOUR_MM;
        Leg {
            duration_ms: (length_m * 130.0) as i32 + n * DETOUR_MS,
            distance_mm,
            energy_mwh: (i64::from(distance_mm) * 220_000 / 1_000_000) as i32,
        }
    }

    fn point_m(&self, location: u32) -> Option<(f64, f64)> {
        Some(self.points[location as usize])
    }
}

fn crosses(a: (f64, f64), b: (f64, f64), c: (f64, f64), d: (f64, f64)) -> bool {
    let is_apart = |a: f64, b: f64, c: f64, d: f64| a.max(b) < c.min(d) || c.max(d) < a.min(b);
    if is_apart(a.0, b.0, c.0, d.0) || is_apart(a.1, b.1, c.1, d.1) {
        return false;
    }
    let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| {
        (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0)
    };
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

struct Bench {
    live: Live,
    rng: Rng,
    now_ms: i64,
    points: Arc<Vec<(f64, f64)>>,
    walls: Vec<[(f64, f64); 2]>,
    side_m: f64,
    /// When vans are due to have done their next stop, the earliest first; stale entries are skipped.
    due: BinaryHeap<std::cmp::Reverse<(i64, u32)>>,
    /// Our own book of what was committed, and of what is on board, to hold the engine to.
    committed: Vec<Vec<Task>>,
    on_board: BTreeMap<OrderNumber, u32>,
    /// Some orders that are likely to be on tours.
    known: Vec<OrderNumber>,
    answers: Answers,
    insert_ns: Vec<u64>,
    insert_cpu_ns: Vec<u64>,
    event_ns: Vec<u64>,
    engine_s: f64,
}

impl Bench {
    fn new(n_vans: u32, seed: u64) -> Result<Self, ProblemError> {
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
            live,
            rng,
            now_ms: 0,
            points,
            walls: Vec::new(),
            side_m,
            due: BinaryHeap::new(),
            committed: vec![Vec::new(); n_vans as usize],
            on_board: BTreeMap::new(),
            known: Vec::new(),
            answers: Answers { vans: n_vans, ..Answers::default() },
            insert_ns: Vec::new(),
            insert_cpu_ns: Vec::new(),
            event_ns: Vec::new(),
            engine_s: 0.0,
        })
    }

    fn event(&mut self) {
        while let Some(std::cmp::Reverse((at, v))) = self.due.peek().copied()
            && at <= self.now_ms
        {
            self.due.pop();
            if self.stop_done(at, v) {
                self.answers.events += 1;
                return;
            }
        }
        self.answers.events += 1;
        self.now_ms += 1000 / EVENTS_PER_S;
        match self.rng.below(10_000) {
            0..=6999 => self.new_order(),
            7000..=8199 => self.cancel(),
            8200..=9979 => self.change(),
            9980..=9989 => self.lose(),
            _ => self.close_road(),
        }
    }

    /// Runs the engine and keeps the time it took.
    fn timed<T>(&mut self, is_insertion: bool, act: impl FnOnce(&mut Live) -> T) -> T {
        let (begun, cpu) = (Instant::now(), cpu_ns());
        let result = act(&mut self.live);
        let (ns, cpu) = (begun.elapsed().as_nanos() as u64, cpu_ns() - cpu);
        if is_insertion {
            self.insert_ns.push(ns);
            self.insert_cpu_ns.push(cpu);
        }
        self.event_ns.push(ns);
        self.engine_s += ns as f64 / 1e9;
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
        self.answers.new_orders += 1;
        let (number, answer) = self.timed(true, |live| live.insert(order));
        match answer {
            Answer::Placed { vehicle } => {
                self.known.push(number);
                self.settle(&[vehicle]);
            }
            _ => self.answers.left_out += 1,
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
        let (answer, touched) = self.timed(false, |live| live.cancel(number));
        match answer {
            Answer::Refused => self.answers.cancels_refused += 1,
            _ => self.answers.cancelled += 1,
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
        let (answer, touched) = self.timed(false, |live| live.change(number, stop));
        match answer {
            Answer::Placed { .. } => self.answers.changed += 1,
            _ => self.answers.changes_refused += 1,
        }
        self.note(&touched);
    }

    fn lose(&mut self) {
        let v = self.rng.below(self.committed.len()) as u32;
        self.answers.vans_lost += 1;
        let touched = self.timed(false, |live| live.lose(v));
        self.committed[v as usize].clear();
        self.on_board.retain(|_, at| *at != v);
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
        self.answers.roads_changed += 1;
        let travel =
            Arc::new(Streets { points: Arc::clone(&self.points), walls: self.walls.clone() });
        let touched = self.timed(false, |live| live.reroute(travel, at, radius));
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
        self.answers.stops_done += 1;
        let leave_ms = begin_ms + service_ms + late_ms;
        let touched = self.timed(false, |live| live.execute(v, leave_ms));
        let book = &mut self.committed[v as usize];
        if book.first() == Some(&task) {
            book.remove(0);
        }
        match task {
            Task::Collect(_) => _ = self.on_board.insert(number, v),
            _ if is_transfer && self.on_board.remove(&number) != Some(v) => {
                self.answers.on_board_broken += 1;
            }
            _ => {}
        }
        self.note(&touched);
        // Half of the vans are told at once where to go next.
        if self.rng.chance(0.5) && self.live.commit(v) {
            let n = self.live.vehicles()[v as usize].committed.len();
            self.committed[v as usize] = self.live.tasks(v)[..n].to_vec();
        }
        self.settle(&[v]);
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
        self.on_board.retain(|_, at| *at != v);
        self.committed[v as usize].clear();
        self.settle(&[v]);
    }

    fn note(&mut self, touched: &Touched) {
        self.answers.dropped_by_changes += touched.left_out.len() as u64;
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
                self.answers.frozen_broken += 1;
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
            self.judge(&[v]);
        }
    }

    fn say(&mut self, what: String) {
        self.answers.first_violation.get_or_insert(what);
    }

    fn judge(&mut self, vans: &[u32]) {
        self.answers.routes_checked += vans.len() as u64;
        match self.live.snapshot(vans) {
            Ok((problem, plan)) => {
                let report = check(&problem, &plan);
                self.answers.violations += report.violations.len() as u64;
                if let Some(first) = report.violations.first() {
                    self.say(format!(
                        "event {}: van {:?}: {first}",
                        self.answers.events,
                        vans.first()
                    ));
                }
            }
            Err(error) => {
                self.answers.violations += 1;
                self.say(error.to_string());
            }
        }
    }

    /// The whole fleet to the checker, and the loads on board to our own book.
    fn check_all(&mut self) {
        for v in 0..self.committed.len() as u32 {
            self.judge(&[v]);
        }
        let lost = self.on_board.iter().filter(|(number, v)| {
            self.live.order(**number).is_none_or(|o| o.on_board != Some(**v))
        });
        self.answers.on_board_broken += lost.count() as u64;
    }

    fn close(mut self, seed: u64, wall_s: f64) -> Answers {
        let vans = 0..self.committed.len() as u32;
        self.answers.orders_on_tours = vans.map(|v| self.live.tasks(v).len()).sum();
        let ms = |list: &mut Vec<u64>, share: f64| {
            list.sort_unstable();
            let at = (list.len() as f64 * share) as usize;
            list.get(at.min(list.len().saturating_sub(1))).map_or(0.0, |ns| *ns as f64 / 1e6)
        };
        let sum = self.insert_cpu_ns.iter().sum::<u64>() as f64;
        self.answers.insert_cpu_ms_mean = sum / self.insert_cpu_ns.len().max(1) as f64 / 1e6;
        self.answers.insert_cpu_ms_p99 = ms(&mut self.insert_cpu_ns, 0.99);
        let mean = self.insert_ns.iter().sum::<u64>() as f64 / self.insert_ns.len().max(1) as f64;
        self.answers.insert_ms_mean = mean / 1e6;
        self.answers.insert_ms_p50 = ms(&mut self.insert_ns, 0.5);
        self.answers.insert_ms_p99 = ms(&mut self.insert_ns, 0.99);
        self.answers.insert_ms_max = ms(&mut self.insert_ns, 1.0);
        self.answers.event_ms_p99 = ms(&mut self.event_ns, 0.99);
        self.answers.wall_s = wall_s;
        self.answers.engine_s = self.engine_s;
        self.answers.seed = seed;
        self.answers
    }
}

fn van(id: u32, at: u32, now_ms: i64, rng: &mut Rng) -> Vehicle {
    let capacity_mwh = 12_000_000;
    Vehicle {
        id: u64::from(id),
        start: Start::Road(at),
        end: Some(at),
        shift: Window { start_ms: now_ms, end_ms: now_ms + 9 * HOUR_MS },
        duration_ms_max: None,
        distance_mm_max: None,
        capacity: [24, 120_000, 0, 0],
        extra_load: [0; 4],
        compartments: Vec::new(),
        skills: u64::from(rng.chance(0.6)),
        permits: u64::from(rng.chance(0.5)),
        profile: 0,
        cost_fixed: Money::ZERO,
        cost_per_km: Money::from_units(0.4),
        cost_per_hour: Money::ZERO,
        reload_depots: Vec::new(),
        reloads_max: 0,
        battery: Some(Battery {
            capacity_mwh,
            start_mwh: capacity_mwh,
            reserve_mwh: 600_000,
            curve: vec![ChargeStep { up_to_mwh: capacity_mwh, power_mw: 40_000_000 }],
            load_uwh_per_km: [0, 600, 0, 0],
        }),
        committed: Vec::new(),
    }
}
