//! A review: vans under way and the collections that wait near them, as a state of the live engine.
//! Plain data that any thread can work on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rv_base::{Money, OrderId, RoadPosition, Seconds, StopId, Timestamp, VanId, WattHours};
use rv_dispatch::live::{Live, OrderNumber};
use rv_model::VanClass;
use rv_model::dispatch::{
    Leg, Order, OrderKind, Presence, SoftWindow, Start, Stop, Task, Told, TravelSource, Vehicle,
    Window,
};
use rv_route::{Metric, Scratch};

use crate::job::{HORIZON_MS, VAN_HOUR, battery, grams, slowed};

/// What an hour of begin after the end of a window costs, beside [`SLACK_HOUR`].
const LATE_HOUR: f64 = 240.0;
/// What an hour of begin costs by which less than the slack is left before the end of a window.
const SLACK_HOUR: f64 = 40.0;
/// What it costs to have a collection on another van than was told.
const TOLD_VAN: f64 = 2.0;
/// A mission is not changed to save less.
const SAVING_MIN: Money = Money(500_000);
/// Span within which all vans are back.
const SHIFT_MS: i64 = 86_400_000;

/// Vans of one hub that are under way, with what may be changed about them.
#[derive(Debug)]
pub(crate) struct ReviewJob {
    pub(crate) metric: Arc<Metric>,
    /// The moment that times are counted from.
    pub(crate) now: Timestamp,
    /// How many times as long as on free roads driving takes.
    pub(crate) slowness: f64,
    /// Time wanted between the begin of a handover and the end of its window.
    pub(crate) slack: Seconds,
    pub(crate) class: VanClass,
    /// The hub, where all tours end.
    pub(crate) home: Spot,
    pub(crate) vans: Vec<ReviewVan>,
    pub(crate) waiting: Vec<Waiting>,
}

/// A place, and where it lies on a plane, m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) at: RoadPosition,
    pub(crate) point_m: (f64, f64),
}

/// A van, from the end of what is frozen of its mission.
#[derive(Clone, Debug)]
pub(crate) struct ReviewVan {
    pub(crate) van: VanId,
    /// The mission that is reviewed.
    pub(crate) version: u32,
    /// Its stops that cannot be touched.
    pub(crate) frozen: Vec<StopId>,
    pub(crate) begin: Spot,
    pub(crate) leave: Timestamp,
    pub(crate) stored: WattHours,
    /// On board for no stop below: mass in grams, parcels, orders.
    pub(crate) load: [i32; 3],
    pub(crate) stops: Vec<ReviewStop>,
    /// Whether its own stops are to be put in a better order.
    pub(crate) is_asked: bool,
}

/// A stop of a mission that is not frozen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReviewStop {
    pub(crate) id: StopId,
    pub(crate) work: Work,
    pub(crate) is_collection: bool,
}

/// A collection that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) order: OrderId,
    pub(crate) work: Work,
    /// What it is worth to serve it by a van that is under way, in units of the currency.
    pub(crate) prize: f64,
}

/// What is to be done where and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) spot: Spot,
    pub(crate) earliest: Timestamp,
    /// When it is to begin at the latest.
    pub(crate) due: Timestamp,
    pub(crate) stay: Seconds,
    /// Mass in grams, parcels, orders.
    pub(crate) load: [i32; 3],
}

/// What is to become of a van's mission behind what is frozen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reviewed {
    pub(crate) van: VanId,
    pub(crate) version: u32,
    /// Stops that come first, as far as they are not done.
    pub(crate) frozen: Vec<StopId>,
    pub(crate) stops: Vec<Next>,
}

/// A stop of the mission to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// One that it had.
    Kept(StopId),
    /// A collection that waited.
    New(OrderId),
}

/// Where an order of the engine comes from.
#[derive(Clone, Copy)]
enum Origin {
    Stop { van: u32, id: StopId },
    Waiting(OrderId),
}

impl ReviewJob {
    /// The missions that change.
    pub(crate) fn run(&self) -> Vec<Reviewed> {
        let legs = Arc::new(self.legs());
        let permits = vec![0; legs.spots.len()];
        let mut location = 0;
        let mut next = |spots: usize| {
            let first = location + 1;
            location += spots as u32;
            first
        };
        // The hub is location 0; then each van's begin and stops, then what waits.
        let firsts: Vec<u32> = self.vans.iter().map(|van| next(van.stops.len() + 1)).collect();
        let first_waiting = next(self.waiting.len());
        let vehicles = (0..).zip(&firsts).map(|(v, first)| self.vehicle(v, *first)).collect();
        let Ok(mut live) = Live::new(vehicles, Arc::clone(&legs) as _, permits) else {
            return Vec::new();
        };
        let mut origins: BTreeMap<OrderNumber, Origin> = BTreeMap::new();
        for (v, van) in (0..).zip(&self.vans) {
            let first = firsts[v as usize];
            if van.is_asked {
                // All legs among its stops in one search are cheaper than one after the other.
                let last = first + van.stops.len() as u32;
                let own: Vec<u32> = [0].into_iter().chain(first..=last).collect();
                legs.fill(&own, &mut Vec::new());
            }
            let orders =
                (first + 1..).zip(&van.stops).map(|(at, stop)| self.order(v, at, stop)).collect();
            let tasks: Vec<Task> = (0..van.stops.len() as u32).map(Task::Serve).collect();
            let numbers = live.adopt(v, orders, &tasks).unwrap_or_default();
            let origin = |stop: &ReviewStop| Origin::Stop { van: v, id: stop.id };
            origins.extend(numbers.into_iter().zip(van.stops.iter().map(origin)));
        }
        let mut is_changed = vec![false; self.vans.len()];
        for (at, waiting) in (first_waiting..).zip(&self.waiting) {
            let (number, _) = live.insert(self.pickup(at, waiting));
            if let Some(v) = live.carrier(number) {
                origins.insert(number, Origin::Waiting(waiting.order));
                is_changed[v as usize] = true;
            }
        }
        for (v, van) in (0..).zip(&self.vans) {
            let Some(before) = live.cost(v).filter(|_| van.is_asked) else { continue };
            let tasks: Vec<Task> = live.tasks(v).to_vec();
            if live.improve(v).is_some() {
                let is_worth_it = live.cost(v).is_some_and(|after| before - after >= SAVING_MIN);
                let has_left = live.tasks(v).len() != tasks.len();
                is_changed[v as usize] |= is_worth_it || has_left;
            }
        }
        let changed = (0..self.vans.len() as u32).filter(|v| is_changed[*v as usize]);
        changed.map(|v| self.reviewed(v, live.tasks(v), &origins)).collect()
    }

    fn reviewed(
        &self,
        v: u32,
        tasks: &[Task],
        origins: &BTreeMap<OrderNumber, Origin>,
    ) -> Reviewed {
        let van = &self.vans[v as usize];
        let next = |task: &Task| match task {
            Task::Serve(number) => match origins.get(number)? {
                Origin::Stop { van, id } if *van == v => Some(Next::Kept(*id)),
                // What another van gives up waits until that one has agreed.
                Origin::Stop { .. } => None,
                Origin::Waiting(order) => Some(Next::New(*order)),
            },
            _ => None,
        };
        let stops = tasks.iter().filter_map(next).collect();
        Reviewed { van: van.van, version: van.version, frozen: van.frozen.clone(), stops }
    }

    fn legs(&self) -> Legs {
        let mut spots = vec![self.home];
        for van in &self.vans {
            spots.push(van.begin);
            spots.extend(van.stops.iter().map(|stop| stop.work.spot));
        }
        spots.extend(self.waiting.iter().map(|waiting| waiting.work.spot));
        let known = vec![BTreeMap::new(); spots.len()];
        Legs {
            metric: Arc::clone(&self.metric),
            slowness: self.slowness,
            spots,
            known: Mutex::new((Scratch::default(), known)),
        }
    }

    fn vehicle(&self, v: u32, first: u32) -> Vehicle {
        let (van, class) = (&self.vans[v as usize], &self.class);
        let start_ms = self.ms(van.leave);
        let energy_km = class.costs.per_kwh.to_units() * class.consumption.wh_per_m;
        // Standing about takes energy, too, which the legs do not know.
        let stay = van.stops.iter().map(|stop| stop.work.stay).sum::<Seconds>();
        let stops = class.consumption.per_stop * (van.stops.len() + 1) as f64;
        let reserve = class.reserve + class.consumption.standby * stay + stops;
        let [mass, parcels, orders] = van.load;
        Vehicle {
            id: u64::from(van.van.0),
            start: Start::Road(first),
            end: Some(0),
            shift: Window { start_ms, end_ms: start_ms + SHIFT_MS },
            duration_ms_max: None,
            distance_mm_max: None,
            capacity: [
                grams(class.payload_max),
                i32::from(class.parcels_max),
                i32::from(class.n_compartments),
                0,
            ],
            extra_load: [mass, parcels, orders, 0],
            compartments: Vec::new(),
            skills: 0,
            permits: 0,
            profile: 0,
            cost_fixed: Money::ZERO,
            cost_per_km: class.costs.per_km + Money::from_units(energy_km),
            cost_per_hour: Money::from_units(VAN_HOUR),
            reload_depots: Vec::new(),
            reloads_max: 0,
            battery: Some(battery(class, van.stored, reserve)),
            committed: Vec::new(),
        }
    }

    /// A stop of a van's mission: what it brings is on board, what it collects was told.
    fn order(&self, v: u32, location: u32, stop: &ReviewStop) -> Order {
        let own = self.stop(location, &stop.work);
        let (kind, on_board) = if stop.is_collection {
            (OrderKind::Pickup(own), None)
        } else {
            (OrderKind::Transfer { pickup: own.clone(), dropoff: own }, Some(v))
        };
        Order {
            on_board,
            presence: Presence::Required,
            told: Told {
                vehicle: Some((v, Money::from_units(TOLD_VAN))),
                depot: None,
                begin: Some(self.promised(&stop.work)),
            },
            ..self.bare(kind, &stop.work)
        }
    }

    fn pickup(&self, location: u32, waiting: &Waiting) -> Order {
        let stop = self.stop(location, &waiting.work);
        Order {
            presence: Presence::Optional(Money::from_units(waiting.prize)),
            told: Told { begin: Some(self.promised(&waiting.work)), ..Told::default() },
            ..self.bare(OrderKind::Pickup(stop), &waiting.work)
        }
    }

    fn bare(&self, kind: OrderKind, work: &Work) -> Order {
        let [mass, parcels, orders] = work.load;
        Order {
            id: 0,
            kind,
            load: [mass, parcels, orders, 0],
            release_ms: 0,
            skills: 0,
            presence: Presence::Required,
            on_board: None,
            tenant: None,
            compartment: None,
            told: Told::default(),
        }
    }

    /// Served whenever it may be, at a price if that leaves less than the slack.
    fn stop(&self, location: u32, work: &Work) -> Stop {
        let start_ms = self.ms(work.earliest);
        let wanted_ms = self.ms(work.due) - (self.slack.0 * 1000.0) as i64;
        let latest_ms = HORIZON_MS;
        Stop {
            location,
            windows: vec![Window { start_ms, end_ms: latest_ms }],
            service_ms: (work.stay.0 * 1000.0) as i64,
            soft: Some(soft(start_ms, wanted_ms, SLACK_HOUR)),
        }
    }

    fn promised(&self, work: &Work) -> SoftWindow {
        soft(self.ms(work.earliest), self.ms(work.due), LATE_HOUR)
    }

    fn ms(&self, at: Timestamp) -> i64 {
        at.0.saturating_sub(self.now.0).clamp(0, HORIZON_MS / 2)
    }
}

fn soft(start_ms: i64, end_ms: i64, late_hour: f64) -> SoftWindow {
    SoftWindow {
        window: Window { start_ms, end_ms: end_ms.max(start_ms) },
        early_per_hour: Money::ZERO,
        late_per_hour: Money::from_units(late_hour),
    }
}

/// Legs by road, searched when they are asked for.
struct Legs {
    metric: Arc<Metric>,
    slowness: f64,
    spots: Vec<Spot>,
    /// What was found, from each place to others.
    known: Mutex<(Scratch, Vec<BTreeMap<u32, Leg>>)>,
}

impl TravelSource for Legs {
    fn n_locations(&self) -> usize {
        self.spots.len()
    }

    fn leg(&self, from: u32, to: u32) -> Leg {
        let (a, b) = (self.spots[from as usize].at, self.spots[to as usize].at);
        // A van is where it is, even where the road is closed and no way leads round the block.
        if a == b {
            return Leg::default();
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (scratch, legs) = &mut *known;
        *legs[from as usize].entry(to).or_insert_with(|| {
            let found = self.metric.cost(scratch, a, b).ok();
            found.map_or(Leg::NONE, |cost| self.slow(cost.time_ms, cost.dist_mm, cost.energy_mwh))
        })
    }

    fn point_m(&self, location: u32) -> Option<(f64, f64)> {
        Some(self.spots[location as usize].point_m)
    }

    fn fill(&self, locations: &[u32], legs: &mut Vec<Leg>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (scratch, found) = &mut *known;
        let is_known = locations.iter().enumerate().all(|(row, from)| {
            let others = locations.iter().enumerate().filter(|(column, _)| *column != row);
            others.into_iter().all(|(_, to)| found[*from as usize].contains_key(to))
        });
        let positions: Vec<RoadPosition> =
            locations.iter().map(|l| self.spots[*l as usize].at).collect();
        if !is_known && let Ok(matrix) = self.metric.matrix(scratch, &positions, &positions) {
            for (row, from) in locations.iter().enumerate() {
                for (column, to) in locations.iter().enumerate() {
                    let leg = matrix.cost(row, column).map_or(Leg::NONE, |cost| {
                        self.slow(cost.time_ms, cost.dist_mm, cost.energy_mwh)
                    });
                    found[*from as usize].insert(*to, leg);
                }
            }
        }
        drop(known);
        legs.clear();
        for &from in locations {
            legs.extend(locations.iter().map(|&to| self.leg(from, to)));
        }
    }
}

impl Legs {
    fn slow(&self, time_ms: u32, dist_mm: u32, energy_mwh: u32) -> Leg {
        let capped = |value: u32| value.min(1 << 30) as i32;
        Leg {
            duration_ms: slowed(time_ms, self.slowness),
            distance_mm: capped(dist_mm),
            energy_mwh: capped(energy_mwh),
        }
    }
}
