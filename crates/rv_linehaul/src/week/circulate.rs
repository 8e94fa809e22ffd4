//! Gives departures their trucks: who drives on from where it is, who comes empty, who charges.
//!
//! Departures are served in the order of loading. A truck that stands at the hub goes before one
//! that must come empty, and the cheapest empty drive before dearer ones. When all is driven, a
//! min-cost flow brings every hub as many trucks of each class as it had.

use rv_model::linehaul::{Leg, TruckWeek, Week, WeekDeparture};

use super::balance::{Balance, Way, balance};
use super::clock::WeekClock;
use super::situation::{Situation, Truck};
use crate::timed::Clock;

/// Trucks looked at for one departure at its own hub.
const LOOKS_MAX: usize = 24;
/// Share of the battery that is kept.
const RESERVE: f64 = 0.1;

/// What trucks do, and what that costs.
pub(crate) struct Circulation {
    /// Every truck that does anything, in the order of the situation's.
    pub(crate) trucks: Vec<TruckWeek>,
    /// Departures whose trucks do not suffice: which, how many are missing, and when a truck could
    /// be there, s.
    pub(crate) short: Vec<(u32, u32, f64)>,
    /// Trucks that cannot be brought back.
    pub(crate) n_stuck: u32,
    /// Price of a truck at each hub, from the balance of the most used class.
    pub(crate) price: Vec<f64>,
}

struct Yard<'a> {
    week: &'a Week,
    clock: &'a WeekClock<'a>,
    trucks: Vec<Truck>,
    /// Trucks by hub, in the order in which they came.
    at_hub: Vec<Vec<u32>>,
    /// When each charger of each hub is free, s.
    chargers: Vec<Vec<f64>>,
    /// Lanes that enter each hub.
    into: Vec<Vec<u32>>,
}

/// How a truck gets ready for a drive: charging at its hub, if it must.
#[derive(Clone, Copy)]
struct Readiness {
    charge: Option<(usize, f64, f64)>,
}

/// Serves departures; `is_given` says which have their trucks already.
pub(crate) fn circulate(
    situation: &Situation<'_>,
    departures: &[WeekDeparture],
    is_given: &[bool],
) -> Circulation {
    let week = situation.week;
    let mut yard = Yard::new(situation);
    let mut order: Vec<u32> =
        (0..departures.len() as u32).filter(|&d| !is_given[d as usize]).collect();
    order.sort_by(|&a, &b| {
        let moment = |d: u32| departures[d as usize].depart_s;
        moment(a).total_cmp(&moment(b)).then(a.cmp(&b))
    });
    let mut short = Vec::new();
    for d in order {
        let row = &departures[d as usize];
        let mut n_missing = 0;
        for n_called in 0..row.n_trucks {
            // Where one is not to be had, another is not either.
            let Some(truck) = yard.call(row) else {
                n_missing = row.n_trucks - n_called;
                break;
            };
            let arrival = situation.clock.arrival(row.lane, row.depart_s - week.costs.load_s);
            yard.drive(truck, row.lane, arrival, Leg::Service { departure: d });
        }
        if n_missing > 0 {
            short.push((d, n_missing, yard.soonest(row)));
        }
    }
    let (n_stuck, price) = yard.bring_back();
    let trucks =
        yard.trucks.into_iter().map(|t| TruckWeek { fleet: t.fleet, legs: t.legs }).collect();
    Circulation { trucks, short, n_stuck, price }
}

impl<'a> Yard<'a> {
    fn new(situation: &'a Situation<'a>) -> Self {
        let week = situation.week;
        let mut at_hub = vec![Vec::new(); week.hubs.len()];
        for (t, truck) in situation.trucks.iter().enumerate().filter(|(_, truck)| !truck.is_lost) {
            at_hub[truck.hub as usize].push(t as u32);
        }
        let mut chargers: Vec<Vec<f64>> =
            week.hubs.iter().map(|h| vec![0.0; h.chargers.min(10_000) as usize]).collect();
        for &(hub, until_s) in &situation.charging {
            let of_hub = &mut chargers[hub as usize];
            if let Some(free) = of_hub.iter_mut().min_by(|a, b| a.total_cmp(b)) {
                *free = until_s;
            }
        }
        let mut into = vec![Vec::new(); week.hubs.len()];
        for (l, lane) in week.lanes.iter().enumerate() {
            into[lane.to as usize].push(l as u32);
        }
        let trucks = situation.trucks.clone();
        Self { week, clock: &situation.clock, trucks, at_hub, chargers, into }
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
        let mut ways: Vec<(f64, u32)> = (self.into[to as usize].iter().copied())
            .filter(|&l| {
                let lane = &week.lanes[l as usize];
                lane.classes.contains(&row.class) && !self.at_hub[lane.from as usize].is_empty()
            })
            .map(|l| (super::trip_cost(week, l, row.class), l))
            .collect();
        ways.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, l) in ways {
            let lane = &week.lanes[l as usize];
            // What it needs on the lane behind it must be left when it arrives.
            let begins = self.clock.leave_by(l, by_s);
            let Some((t, readiness)) = self.ready_at(lane.from, row.class, l, begins) else {
                continue;
            };
            let full = week.classes[row.class as usize].battery_wh;
            let start = match readiness.charge {
                Some((_, _, to_s)) => to_s,
                None => self.trucks[t as usize].ready_s,
            };
            let depart = self.clock.open_empty(l, row.class, start);
            let after = self.battery_after(t, readiness) - lane.energy_wh;
            let need = week.lanes[row.lane as usize].energy_wh + RESERVE * full;
            if !depart.is_finite() || depart > begins || after < need {
                continue;
            }
            self.charge(t, readiness);
            let depart_s = self.clock.open_empty_by(l, row.class, begins).max(depart);
            let arrival = self.clock.drive(l, depart_s);
            self.drive(t, l, arrival, Leg::Empty { lane: l, depart_s });
            return Some(t);
        }
        None
    }

    /// When the first truck could be at hand for a departure, at the hub or from another, s;
    /// charging and what stands before it are left out.
    fn soonest(&self, row: &WeekDeparture) -> f64 {
        let to = self.week.lanes[row.lane as usize].from;
        let mut soonest = f64::INFINITY;
        for truck in self.trucks.iter().filter(|t| t.class == row.class && !t.is_lost) {
            if truck.hub == to {
                soonest = soonest.min(truck.ready_s);
            }
        }
        for &l in &self.into[to as usize] {
            let lane = &self.week.lanes[l as usize];
            for &t in &self.at_hub[lane.from as usize] {
                let truck = &self.trucks[t as usize];
                if truck.class == row.class && lane.classes.contains(&row.class) {
                    let leaves = self.clock.open_empty(l, row.class, truck.ready_s);
                    soonest = soonest.min(self.clock.drive(l, leaves));
                }
            }
        }
        soonest
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
            for truck in self.trucks.iter().filter(|t| t.class == class && !t.is_lost) {
                surplus[truck.hub as usize] += 1;
                n_used += truck.legs.len();
            }
            for truck in self.trucks.iter().filter(|t| t.class == class && !t.is_lost) {
                surplus[week.fleets[truck.fleet as usize].hub as usize] -= 1;
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
                Some((t, readiness, self.clock.open_empty(lane, class, ready)))
            })
            .min_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)))?;
        self.charge(t, readiness);
        let arrival = self.clock.drive(lane, depart_s);
        self.drive(t, lane, arrival, Leg::Empty { lane, depart_s });
        Some(t)
    }
}
