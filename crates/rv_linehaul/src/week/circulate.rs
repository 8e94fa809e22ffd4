//! Gives departures their trucks: who drives on from where it is, who comes empty, who charges.
//!
//! Departures are served in the order of loading. A truck that stands at the hub goes before one
//! that must come empty, and the cheapest empty drive before dearer ones. When all is driven, a
//! min-cost flow brings every hub as many trucks of each class as it had.

use rv_model::linehaul::{Leg, TruckWeek, Week, WeekDeparture};

use super::balance::{Balance, Way, balance};
use super::clock::WeekClock;
use crate::timed::Clock;

/// Trucks looked at for one departure at its own hub.
const LOOKS_MAX: usize = 24;
/// Share of the battery that is kept.
const RESERVE: f64 = 0.1;

/// What trucks do, and what that costs.
pub(crate) struct Circulation {
    pub(crate) trucks: Vec<TruckWeek>,
    /// Trucks that departures ask for and nobody can send.
    pub(crate) n_missing: u32,
    /// Trucks that cannot be brought back.
    pub(crate) n_stuck: u32,
    pub(crate) empty_m: f64,
    pub(crate) loaded_m: f64,
    pub(crate) empty_cost: f64,
    /// Price of a truck at each hub, from the balance of the most used class.
    pub(crate) price: Vec<f64>,
}

#[derive(Clone)]
struct Truck {
    fleet: u32,
    class: u32,
    hub: u32,
    ready_s: f64,
    battery_wh: f64,
    legs: Vec<Leg>,
}

struct Yard<'a> {
    week: &'a Week,
    clock: &'a WeekClock<'a>,
    trucks: Vec<Truck>,
    /// Trucks by hub, in the order in which they came.
    at_hub: Vec<Vec<u32>>,
    /// When each charger of each hub is free, s.
    chargers: Vec<Vec<f64>>,
    empty_m: f64,
    empty_cost: f64,
}

/// How a truck gets ready for a drive: charging at its hub, if it must.
#[derive(Clone, Copy)]
struct Readiness {
    charge: Option<(usize, f64, f64)>,
}

pub(crate) fn circulate(
    week: &Week,
    clock: &WeekClock<'_>,
    departures: &[WeekDeparture],
) -> Circulation {
    let mut yard = Yard::new(week, clock);
    let mut order: Vec<u32> = (0..departures.len() as u32).collect();
    order.sort_by(|&a, &b| {
        let moment = |d: u32| departures[d as usize].depart_s;
        moment(a).total_cmp(&moment(b)).then(a.cmp(&b))
    });
    let (mut n_missing, mut loaded_m) = (0, 0.0);
    for d in order {
        let row = &departures[d as usize];
        let lane = &week.lanes[row.lane as usize];
        for _ in 0..row.n_trucks {
            let Some(truck) = yard.call(row) else {
                n_missing += 1;
                continue;
            };
            loaded_m += lane.distance_m;
            let arrival = clock.drive(row.lane, row.depart_s) + week.costs.unload_s;
            let leg = Leg::Service { departure: d };
            yard.drive(truck, row.lane, arrival, leg);
        }
    }
    let (n_stuck, price) = yard.bring_back();
    let Yard { trucks, empty_m, empty_cost, .. } = yard;
    let trucks = trucks
        .into_iter()
        .filter(|t| !t.legs.is_empty())
        .map(|t| TruckWeek { fleet: t.fleet, legs: t.legs })
        .collect();
    Circulation { trucks, n_missing, n_stuck, empty_m, loaded_m, empty_cost, price }
}

impl<'a> Yard<'a> {
    fn new(week: &'a Week, clock: &'a WeekClock<'a>) -> Self {
        let mut trucks = Vec::new();
        let mut at_hub = vec![Vec::new(); week.hubs.len()];
        for (f, fleet) in week.fleets.iter().enumerate() {
            for _ in 0..fleet.n_trucks {
                at_hub[fleet.hub as usize].push(trucks.len() as u32);
                trucks.push(Truck {
                    fleet: f as u32,
                    class: fleet.class,
                    hub: fleet.hub,
                    ready_s: 0.0,
                    battery_wh: week.classes[fleet.class as usize].battery_wh,
                    legs: Vec::new(),
                });
            }
        }
        let chargers =
            week.hubs.iter().map(|h| vec![0.0; h.chargers.min(10_000) as usize]).collect();
        Self { week, clock, trucks, at_hub, chargers, empty_m: 0.0, empty_cost: 0.0 }
    }

    /// A truck that stands ready for a departure when loading begins.
    fn call(&mut self, row: &WeekDeparture) -> Option<u32> {
        let lane = &self.week.lanes[row.lane as usize];
        let by_s = row.depart_s - self.week.costs.load_s;
        if let Some((truck, readiness)) = self.ready_at(lane.from, row.class, row.lane, by_s) {
            self.charge(truck, readiness);
            return Some(truck);
        }
        self.fetch(row, by_s)
    }

    /// A truck at a hub that can begin to drive a lane by a moment: one that need not charge, else
    /// the first that can charge in time.
    fn ready_at(&self, hub: u32, class: u32, lane: u32, by_s: f64) -> Option<(u32, Readiness)> {
        let mut spare = None;
        let here = self.at_hub[hub as usize].iter().copied().filter(|&t| {
            self.trucks[t as usize].class == class && self.trucks[t as usize].ready_s <= by_s
        });
        for t in here.take(LOOKS_MAX) {
            match self.readiness(t, lane, by_s) {
                Some(readiness) if readiness.charge.is_none() => return Some((t, readiness)),
                Some(readiness) => spare = spare.or(Some((t, readiness))),
                None => {}
            }
        }
        spare
    }

    fn readiness(&self, t: u32, lane: u32, by_s: f64) -> Option<Readiness> {
        let truck = &self.trucks[t as usize];
        let hub = &self.week.hubs[truck.hub as usize];
        let full = self.week.classes[truck.class as usize].battery_wh;
        let need = self.week.lanes[lane as usize].energy_wh + RESERVE * full;
        if truck.battery_wh >= need {
            return Some(Readiness { charge: None });
        }
        if need > full {
            return None;
        }
        let free = &self.chargers[truck.hub as usize];
        let charger = (0..free.len()).min_by(|&a, &b| free[a].total_cmp(&free[b]))?;
        let from = truck.ready_s.max(free[charger]);
        let full_at = from + (full - truck.battery_wh) / hub.charger_w * 3600.0;
        let enough_at = from + (need - truck.battery_wh) / hub.charger_w * 3600.0;
        let is_in_time = enough_at <= by_s - 1e-6;
        is_in_time.then_some(Readiness { charge: Some((charger, from, full_at.min(by_s))) })
    }

    fn charge(&mut self, t: u32, readiness: Readiness) {
        let Some((charger, from_s, to_s)) = readiness.charge else { return };
        let truck = &mut self.trucks[t as usize];
        let hub = &self.week.hubs[truck.hub as usize];
        truck.battery_wh += (to_s - from_s) / 3600.0 * hub.charger_w;
        truck.ready_s = to_s;
        truck.legs.push(Leg::Charge { from_s, to_s });
        self.chargers[truck.hub as usize][charger] = to_s;
    }

    /// Brings the cheapest empty truck that can be there in time.
    fn fetch(&mut self, row: &WeekDeparture, by_s: f64) -> Option<u32> {
        let week = self.week;
        let to = week.lanes[row.lane as usize].from;
        let mut ways: Vec<(f64, u32)> = (0..week.lanes.len() as u32)
            .filter(|&l| {
                let lane = &week.lanes[l as usize];
                lane.to == to
                    && lane.classes.contains(&row.class)
                    && !self.at_hub[lane.from as usize].is_empty()
            })
            .map(|l| (super::trip_cost(week, l, row.class), l))
            .collect();
        ways.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, l) in ways {
            let lane = &week.lanes[l as usize];
            // What it needs on the lane behind it must be left, or charged, when it arrives.
            let begins = self.clock.latest(l, by_s + week.costs.unload_s) + week.costs.load_s;
            let Some((t, readiness)) = self.ready_at(lane.from, row.class, l, begins) else {
                continue;
            };
            let full = week.classes[row.class as usize].battery_wh;
            let start = match readiness.charge {
                Some((_, _, to_s)) => to_s,
                None => self.trucks[t as usize].ready_s,
            };
            let depart = self.clock.open_from(l, start);
            let after = self.battery_after(t, readiness) - lane.energy_wh;
            let need = week.lanes[row.lane as usize].energy_wh + RESERVE * full;
            if !depart.is_finite() || depart > begins || after < need {
                continue;
            }
            self.charge(t, readiness);
            let depart_s = begins.max(depart);
            let arrival = self.clock.drive(l, depart_s);
            self.drive(t, l, arrival, Leg::Empty { lane: l, depart_s });
            self.empty_m += lane.distance_m;
            self.empty_cost += super::trip_cost(week, l, row.class);
            return Some(t);
        }
        None
    }

    fn battery_after(&self, t: u32, readiness: Readiness) -> f64 {
        let truck = &self.trucks[t as usize];
        let hub = &self.week.hubs[truck.hub as usize];
        let charged =
            readiness.charge.map_or(0.0, |(_, from, to)| (to - from) / 3600.0 * hub.charger_w);
        truck.battery_wh + charged
    }

    fn drive(&mut self, t: u32, lane: u32, arrival_s: f64, leg: Leg) {
        let row = &self.week.lanes[lane as usize];
        let truck = &mut self.trucks[t as usize];
        self.at_hub[truck.hub as usize].retain(|&other| other != t);
        truck.battery_wh -= row.energy_wh;
        truck.hub = row.to;
        truck.ready_s = arrival_s;
        truck.legs.push(leg);
        self.at_hub[row.to as usize].push(t);
    }

    /// Sends surplus trucks of every class to where they are missing.
    fn bring_back(&mut self) -> (u32, Vec<f64>) {
        let week = self.week;
        let mut n_stuck = 0;
        let (mut price, mut n_most) = (vec![0.0; week.hubs.len()], 0);
        for class in 0..week.classes.len() as u32 {
            let mut surplus = vec![0_i64; week.hubs.len()];
            let mut n_used = 0;
            for truck in self.trucks.iter().filter(|t| t.class == class) {
                surplus[truck.hub as usize] += 1;
                n_used += truck.legs.len();
            }
            for fleet in week.fleets.iter().filter(|f| f.class == class) {
                surplus[fleet.hub as usize] -= i64::from(fleet.n_trucks);
            }
            let lanes: Vec<u32> = (0..week.lanes.len() as u32)
                .filter(|&l| week.lanes[l as usize].classes.contains(&class))
                .collect();
            let ways: Vec<Way> = lanes
                .iter()
                .map(|&l| {
                    let lane = &week.lanes[l as usize];
                    let cost = super::trip_cost(week, l, class);
                    Way { from: lane.from, to: lane.to, cost }
                })
                .collect();
            let Balance { mut n_on, price: mine, n_stuck: stuck } =
                balance(week.hubs.len(), &ways, &surplus);
            n_stuck += stuck;
            if n_used > n_most {
                n_most = n_used;
                price = mine;
            }
            n_stuck += self.drive_back(class, &lanes, &mut n_on, &mut surplus);
        }
        (n_stuck, price)
    }

    /// Drives a flow of empty trucks, way by way, from hubs that have one to spare.
    fn drive_back(
        &mut self,
        class: u32,
        lanes: &[u32],
        n_on: &mut [u32],
        surplus: &mut [i64],
    ) -> u32 {
        loop {
            let mut has_moved = false;
            for (i, &l) in lanes.iter().enumerate() {
                let (from, to) = (self.week.lanes[l as usize].from, self.week.lanes[l as usize].to);
                while n_on[i] > 0 && surplus[from as usize] > 0 {
                    let Some(t) = self.send_back(class, l) else { break };
                    surplus[self.trucks[t as usize].hub as usize] += 1;
                    surplus[from as usize] -= 1;
                    debug_assert_eq!(self.trucks[t as usize].hub, to);
                    n_on[i] -= 1;
                    has_moved = true;
                }
            }
            if !has_moved {
                return n_on.iter().sum();
            }
        }
    }

    fn send_back(&mut self, class: u32, lane: u32) -> Option<u32> {
        let week = self.week;
        let row = &week.lanes[lane as usize];
        let (t, readiness, depart_s) = self.at_hub[row.from as usize]
            .iter()
            .filter(|&&t| self.trucks[t as usize].class == class)
            .filter_map(|&t| {
                let readiness = self.readiness(t, lane, f64::INFINITY)?;
                let ready = readiness.charge.map_or(self.trucks[t as usize].ready_s, |c| c.2);
                Some((t, readiness, self.clock.open_any(lane, ready)))
            })
            .min_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)))?;
        self.charge(t, readiness);
        let arrival = self.clock.drive(lane, depart_s);
        self.drive(t, lane, arrival, Leg::Empty { lane, depart_s });
        self.empty_m += row.distance_m;
        self.empty_cost += super::trip_cost(week, lane, class);
        Some(t)
    }
}
