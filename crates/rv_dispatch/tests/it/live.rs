//! A fleet under way keeps what is frozen, whatever happens.

use std::sync::Arc;

use rv_base::{Money, Rng};
use rv_dispatch::check;
use rv_dispatch::live::{Answer, Live};
use rv_model::dispatch::*;

/// Straight streets, as they are at the moment.
struct Streets {
    points: Vec<(f64, f64)>,
    now: Ways,
}

#[derive(Clone, Copy)]
enum Ways {
    Free,
    /// Those east of the middle take twice as long.
    SlowEast,
    /// Those across the middle lead around, but not through its far north and south: the straight
    /// way may be longer than one by a stop there.
    Barred,
}

impl TravelSource for Streets {
    fn n_locations(&self) -> usize {
        self.points.len()
    }

    fn leg(&self, from: u32, to: u32) -> Leg {
        let (a, b) = (self.points[from as usize], self.points[to as usize]);
        let length_m = (a.0 - b.0).hypot(a.1 - b.1);
        let is_across = (a.0 < 5000.0) != (b.0 < 5000.0);
        let middle_m = a.1 + (b.1 - a.1) * (5000.0 - a.0) / (b.0 - a.0);
        let (slow, around_m) = match self.now {
            Ways::SlowEast if a.0.max(b.0) > 5000.0 => (2.0, 0.0),
            Ways::Barred if is_across && (2000.0..8000.0).contains(&middle_m) => (1.0, 4000.0),
            _ => (1.0, 0.0),
        };
        let length_m = length_m + around_m;
        Leg {
            duration_ms: (length_m * 120.0 * slow) as i32,
            distance_mm: (length_m * 1000.0) as i32,
            energy_mwh: (length_m * 220.0) as i32,
        }
    }

    fn point_m(&self, location: u32) -> Option<(f64, f64)> {
        Some(self.points[location as usize])
    }
}

const N_PLACES: usize = 300;
const N_VANS: u32 = 12;
const HOUR_MS: i64 = 3_600_000;

fn places(seed: u64, now: Ways) -> Arc<Streets> {
    let mut rng = Rng::from_seed(seed);
    let points = (0..N_PLACES).map(|_| (rng.range(0.0, 1e4), rng.range(0.0, 1e4))).collect();
    Arc::new(Streets { points, now })
}

fn van(id: u32, rng: &mut Rng) -> Vehicle {
    let at = rng.below(N_PLACES) as u32;
    Vehicle {
        id: u64::from(id),
        start: Start::Road(at),
        end: Some(at),
        shift: Window { start_ms: 0, end_ms: 10 * HOUR_MS },
        duration_ms_max: None,
        distance_mm_max: None,
        capacity: [8, 0, 0, 0],
        extra_load: [0; 4],
        compartments: vec![],
        skills: 0,
        permits: rng.below(2) as u64,
        profile: 0,
        cost_fixed: Money::ZERO,
        cost_per_km: Money::from_units(0.4),
        cost_per_hour: Money::from_units(15.0),
        reload_depots: vec![],
        reloads_max: 0,
        battery: Some(Battery {
            capacity_mwh: 20_000_000,
            start_mwh: 3_000_000 + rng.below(17_000_000) as i64,
            reserve_mwh: 500_000,
            curve: vec![ChargeStep { up_to_mwh: 20_000_000, power_mw: 40_000_000 }],
            load_uwh_per_km: [2_000_000, 0, 0, 0],
        }),
        committed: vec![],
    }
}

fn stop(rng: &mut Rng, now_ms: i64) -> Stop {
    let start_ms = now_ms + rng.below(HOUR_MS as usize) as i64;
    Stop {
        location: rng.below(N_PLACES) as u32,
        windows: vec![Window { start_ms, end_ms: start_ms + HOUR_MS }],
        service_ms: 60_000,
        soft: rng.chance(0.5).then(|| soft(start_ms, rng)),
    }
}

fn soft(start_ms: i64, rng: &mut Rng) -> SoftWindow {
    SoftWindow {
        window: Window { start_ms, end_ms: start_ms + rng.below(HOUR_MS as usize) as i64 },
        early_per_hour: Money::ZERO,
        late_per_hour: Money::from_units(rng.range(0.0, 100.0)),
    }
}

fn order(rng: &mut Rng, now_ms: i64) -> Order {
    let first = stop(rng, now_ms);
    let kind = if rng.chance(0.4) {
        OrderKind::Pickup(first)
    } else {
        let mut dropoff = stop(rng, now_ms);
        dropoff.windows[0].end_ms += 2 * HOUR_MS;
        OrderKind::Transfer { pickup: first, dropoff }
    };
    Order {
        id: 0,
        kind,
        load: [1 + rng.below(3) as i32, 0, 0, 0],
        release_ms: 0,
        skills: 0,
        presence: Presence::Optional(Money::from_units(rng.range(5.0, 50.0))),
        on_board: None,
        tenant: None,
        compartment: None,
        told: Told {
            vehicle: rng.chance(0.3).then(|| {
                (rng.below(N_VANS as usize) as u32, Money::from_units(rng.range(0.0, 3.0)))
            }),
            depot: None,
            begin: rng.chance(0.3).then(|| soft(now_ms + HOUR_MS, rng)),
        },
    }
}

/// Has every van under way with a tour in no good order, some of it on board.
fn adopt_tours(live: &mut Live, rng: &mut Rng) {
    for v in 0..N_VANS {
        let mut orders: Vec<Order> = (0..8).map(|_| order(rng, 0)).collect();
        let mut tasks = Vec::new();
        for (at, order) in (0..).zip(&mut orders) {
            match &mut order.kind {
                OrderKind::Transfer { pickup, dropoff } => {
                    pickup.windows[0].end_ms += 6 * HOUR_MS;
                    dropoff.windows[0].end_ms += 6 * HOUR_MS;
                    if rng.chance(0.6) {
                        order.on_board = Some(v);
                    } else {
                        tasks.push(Task::Collect(at));
                    }
                }
                OrderKind::Pickup(stop) | OrderKind::Delivery(stop) => {
                    stop.windows[0].end_ms += 6 * HOUR_MS;
                }
            }
            order.load = [1, 0, 0, 0];
            tasks.push(Task::Serve(at));
        }
        assert!(live.adopt(v, orders.clone(), &tasks[1..]).is_none(), "one is not served");
        // Some lack a permit.
        let Some(numbers) = live.adopt(v, orders, &tasks) else { continue };
        assert_eq!(numbers.iter().map(|n| live.carrier(*n)).collect::<Vec<_>>(), vec![Some(v); 8]);
    }
}

/// What all tours cost, and what it costs to have orders elsewhere than was told.
fn cost_of_all(live: &Live) -> Money {
    let mut sum = Money::ZERO;
    for v in 0..N_VANS {
        sum += live.cost(v).unwrap_or(Money::ZERO);
        for task in live.tasks(v) {
            let Task::Serve(number) = task else { continue };
            let told = live.order(*number).and_then(|o| o.told.vehicle);
            sum += told.filter(|told| told.0 != v).map_or(Money::ZERO, |told| told.1);
        }
    }
    sum
}

/// The straight way home is barred and takes more than the reserve leaves, so that a tour may, too. The
/// way home by the first stop does not: once that is committed, nothing excuses the second.
#[test]
fn what_a_broken_way_home_excused_is_judged_again_when_a_task_is_committed() {
    let points = vec![(4000.0, 7900.0), (6000.0, 7900.0), (4000.0, 8300.0), (6000.0, 9800.0)];
    let streets = Arc::new(Streets { points, now: Ways::Barred });
    let mut own = van(0, &mut Rng::from_seed(1));
    (own.start, own.end) = (Start::Road(0), Some(1));
    own.battery.as_mut().expect("it has one").start_mwh = 1_500_000;
    let mut live = Live::new(vec![own], streets, vec![0; 4]).expect("a sound fleet");
    let mut orders: Vec<Order> = (0..2).map(|_| order(&mut Rng::from_seed(3), 0)).collect();
    for (at, order) in (2..).zip(&mut orders) {
        let windows = vec![Window { start_ms: 0, end_ms: 5 * HOUR_MS }];
        let stop = Stop { location: at, windows, service_ms: 60_000, soft: None };
        (order.kind, order.load) = (OrderKind::Pickup(stop), [1, 0, 0, 0]);
    }
    let numbers = live.adopt(0, orders, &[Task::Serve(0), Task::Serve(1)]).expect("a tour");
    let violations = |live: &Live| {
        let (problem, plan) = live.snapshot(&[0]).expect("sound numbers");
        check(&problem, &plan).violations
    };
    assert_eq!(violations(&live), []);
    let touched = live.commit(0).expect("it has a task");
    assert_eq!((touched.vehicles, touched.left_out), (vec![0], vec![numbers[1]]));
    assert_eq!(live.tasks(0), [Task::Serve(numbers[0])]);
    assert_eq!(violations(&live), []);
}

#[test]
fn a_tour_in_no_good_order_is_put_in_a_better_one() {
    let (mut n_better, mut before, mut after) = (0, Money::ZERO, Money::ZERO);
    for seed in 0..20 {
        let mut rng = Rng::from_seed(seed);
        let vans = (0..N_VANS).map(|id| Vehicle { battery: None, ..van(id, &mut rng) }).collect();
        let mut live = Live::new(vans, places(seed, Ways::Free), vec![0; N_PLACES]).expect("sound");
        adopt_tours(&mut live, &mut rng);
        let costs = (0..N_VANS).map(|v| live.cost(v)).collect::<Vec<_>>();
        before += cost_of_all(&live);
        for v in 0..N_VANS {
            n_better += u32::from(live.improve(v).is_some());
        }
        after += cost_of_all(&live);
        for (v, cost) in (0..N_VANS).zip(costs) {
            // What broke a limit was left as it was.
            assert_eq!(live.cost(v).is_some(), cost.is_some(), "seed {seed}, van {v}");
        }
    }
    assert!(n_better > 40, "{n_better} tours were bettered");
    assert!(after.0 < before.0 * 9 / 10, "{before:?} became {after:?}");
}

#[test]
fn nothing_frozen_changes_and_no_limit_breaks() {
    for seed in 0..10 {
        let mut rng = Rng::from_seed(seed);
        let vans = (0..N_VANS).map(|id| van(id, &mut rng)).collect();
        let permits = (0..N_PLACES).map(|_| u64::from(rng.chance(0.2))).collect();
        let mut live = Live::new(vans, places(seed, Ways::Free), permits).expect("a sound fleet");
        if seed % 2 == 0 {
            adopt_tours(&mut live, &mut rng);
            // What cannot be driven as it is, is placed anew.
            live.reroute(places(seed, Ways::Free), (5000.0, 5000.0), 8000.0);
        }
        let mut known = Vec::new();
        for event in 0..1500_i64 {
            let now_ms = event * 15_000;
            let before: Vec<Vec<Task>> =
                (0..N_VANS).map(|v| live.vehicles()[v as usize].committed.clone()).collect();
            let v = rng.below(N_VANS as usize) as u32;
            let pick = |rng: &mut Rng| known[rng.below(known.len())];
            let (mut done, mut lost) = (None, None);
            match rng.below(100) {
                0..=39 => {
                    let (number, answer) = live.insert(order(&mut rng, now_ms));
                    if answer != Answer::LeftOut {
                        known.push(number);
                    }
                }
                40..=49 if !known.is_empty() => _ = live.cancel(pick(&mut rng)),
                50..=59 if !known.is_empty() => {
                    let number = pick(&mut rng);
                    let stop = stop(&mut rng, now_ms);
                    live.change(number, stop);
                }
                60..=63 => _ = live.commit(v),
                64..=66 => {
                    let before = cost_of_all(&live);
                    let is_better = live.improve(v).is_some();
                    let after = cost_of_all(&live);
                    let is_right = if is_better { after < before } else { after == before };
                    assert!(is_right, "seed {seed}, event {event}: {before:?} to {after:?}");
                }
                67 => {
                    live.lose(v);
                    lost = Some(v);
                }
                68..=71 => {
                    let now = [Ways::Free, Ways::SlowEast, Ways::Barred][rng.below(3)];
                    live.reroute(places(seed, now), (5000.0, 5000.0), 8000.0);
                }
                _ => {
                    if let Some(begin_ms) = live.next_begin_ms(v) {
                        done = live.tasks(v).first().copied();
                        let late_ms = rng.below(600_000) as i64;
                        live.execute(v, begin_ms + 60_000 + late_ms);
                    }
                }
            }
            let all: Vec<u32> = (0..N_VANS).collect();
            let (problem, plan) = live.snapshot(&all).expect("a sound fleet stays sound");
            assert_eq!(check(&problem, &plan).violations, [], "seed {seed}, event {event}");
            for van in 0..N_VANS {
                let (problem, plan) = live.snapshot(&[van]).expect("as above");
                let found = check(&problem, &plan).costs;
                let found = found.distance + found.time + found.lateness + found.stability;
                if let (Some(cost), false) = (live.cost(van), live.tasks(van).is_empty()) {
                    assert!((cost.0 - found.0).abs() < 200, "seed {seed}, event {event}");
                }
                let mut frozen = before[van as usize].clone();
                if lost == Some(van) {
                    continue;
                }
                if van == v && done.is_some() && frozen.first() == done.as_ref() {
                    frozen.remove(0);
                }
                assert!(live.tasks(van).starts_with(&frozen), "seed {seed}, event {event}");
            }
        }
    }
}
