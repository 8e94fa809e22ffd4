//! A fleet under way: one change after the other, each answered at once.
//!
//! Where [`solve()`](crate::solve()) plans, this keeps a plan alive: new orders are inserted where
//! they cost least, cancelled ones leave, changed ones move, and what a closed road or a lost van
//! breaks is placed anew. What is executed is gone, what is committed stays, what is on board stays
//! on board: a transfer whose pickup is committed or done is never dropped.
//!
//! A place is judged in constant time (see `tour`) among the stops near the order, and the best
//! ones are driven in full before one is taken. Deliveries that are not on board need a hub first and
//! are left to the next plan.

mod grid;
mod improve;
mod numbered;
mod rehearsal;
mod snapshot;
mod tour;

use std::collections::BTreeSet;
use std::sync::Arc;

use rv_base::Money;
use rv_model::dispatch::{
    Load, Order, OrderKind, Presence, ProblemError, Start, Stop, Task, TravelSource, Vehicle,
};

use grid::Grid;
use numbered::Numbered;
pub use rehearsal::{Rehearsal, RehearsalParams, RehearsalReport, VANS_MAX};
use tour::{Tour, Wanted, drive};

/// Stops near an order whose tours are tried.
const N_NEAR: usize = 24;
/// Places, those of the least detour on the plane, that are judged by driving times at first; if none
/// of them will do, all are.
const N_SKETCHED: usize = 32;
/// Places driven in full before an order is left out.
const N_DRIVEN: usize = 6;

/// Share of the least driving time for a metre that places are ruled out by at first sight.
const PACE_SHARE: f64 = 0.95;

/// An order of the fleet, by number.
pub type OrderNumber = u32;

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The order is on the tour of this vehicle.
    Placed {
        /// Which vehicle (index).
        vehicle: u32,
    },
    /// No place was found; the caller keeps the order for the next plan.
    LeftOut,
    /// The order is gone.
    Gone,
    /// The change is refused: the order is committed, or on board where it cannot change.
    Refused,
}

/// Orders and vehicles that an event touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Vehicles whose tours changed, ascending.
    pub vehicles: Vec<u32>,
    /// Orders that no vehicle serves any more.
    pub left_out: Vec<OrderNumber>,
}

/// A fleet under way.
pub struct Live {
    vehicles: Vec<Vehicle>,
    tours: Vec<Tour>,
    orders: Orders,
    /// The vehicle that serves or carries each order.
    carrier: Numbered<u32>,
    /// On board, and not on the tour: handed back where the tour ends.
    handed_back: BTreeSet<OrderNumber>,
    is_lost: Vec<bool>,
    travel: Arc<dyn TravelSource>,
    /// Permits by location.
    permits: Vec<u64>,
    grid: Grid,
    next: OrderNumber,
    sketched: Vec<Sketch>,
    /// Least driving time for a metre on the plane that was seen so far, ms.
    pace_ms: f64,
}

type Orders = Numbered<Order>;

/// A place that was found for an order.
struct Found {
    /// What it costs more to serve the order there, in millionths.
    more: i64,
    /// What the tour costs then.
    cost: i64,
    vehicle: u32,
    /// All tasks of the vehicle then.
    tasks: Vec<Task>,
}

/// A place for an order: detour on the plane (m), vehicle, positions of its stops.
type Sketch = (f64, u32, usize, usize);

impl Live {
    /// A fleet of vehicles on the road (`Start::Road`), each with nothing to do. `permits` says by
    /// location which areas it lies in. Locations need places on a plane, so that near stops are
    /// found.
    pub fn new(
        vehicles: Vec<Vehicle>,
        travel: Arc<dyn TravelSource>,
        permits: Vec<u64>,
    ) -> Result<Self, ProblemError> {
        let fail = |field: String, reason: &str| Err(ProblemError { field, reason: reason.into() });
        for (idx, vehicle) in vehicles.iter().enumerate() {
            let Start::Road(at) = vehicle.start else {
                return fail(format!("vehicles[{idx}].start"), "must be on the road");
            };
            if travel.point_m(at).is_none() {
                return fail(format!("vehicles[{idx}].start"), "has no place on the plane");
            }
            if !vehicle.committed.is_empty() || !vehicle.reload_depots.is_empty() {
                return fail(format!("vehicles[{idx}]"), "has committed tasks or reloads");
            }
        }
        let n = travel.n_locations();
        if permits.len() != n {
            return fail("permits".into(), "must have an entry for each location");
        }
        let points = (0..n as u32).map(|l| travel.point_m(l).unwrap_or((0.0, 0.0)));
        let grid = Grid::new(points, vehicles.len());
        let mut live = Self {
            tours: vehicles.iter().map(|_| Tour::default()).collect(),
            is_lost: vec![false; vehicles.len()],
            vehicles,
            orders: Orders::default(),
            carrier: Numbered::default(),
            handed_back: BTreeSet::new(),
            travel,
            permits,
            grid,
            next: 0,
            sketched: Vec::new(),
            pace_ms: f64::MAX,
        };
        for v in 0..live.vehicles.len() as u32 {
            live.enter(v);
            live.refresh(v);
        }
        Ok(live)
    }

    /// The vehicles as they are now: place and time of their start, load, charge, committed tasks.
    pub fn vehicles(&self) -> &[Vehicle] {
        &self.vehicles
    }

    /// The tasks of a vehicle, the committed ones first; order indices are order numbers.
    pub fn tasks(&self, vehicle: u32) -> &[Task] {
        &self.tours[vehicle as usize].tasks
    }

    /// An order that the fleet knows.
    pub fn order(&self, order: OrderNumber) -> Option<&Order> {
        self.orders.get(order)
    }

    /// The vehicle that serves or carries an order.
    pub fn carrier(&self, order: OrderNumber) -> Option<u32> {
        self.carrier.get(order).copied()
    }

    /// When a vehicle's next task can begin, ms; `None` without one.
    pub fn next_begin_ms(&self, vehicle: u32) -> Option<i64> {
        self.tours[vehicle as usize].begins.first().copied()
    }

    /// Driving time of a vehicle's tour from where it is to its end, ms.
    pub fn driving_ms(&self, vehicle: u32) -> i64 {
        self.tours[vehicle as usize].driving_ms()
    }

    /// Gives a vehicle without tasks the tour that it is on already: orders, and tasks that name them
    /// by their place in `orders`. What such a tour breaks stays as it is; nothing is placed on it as
    /// long as it does. Returns the orders' numbers, or `None` and changes nothing if the vehicle has
    /// tasks, lacks a skill or a permit, an order is a delivery, or the tasks do not serve each once.
    pub fn adopt(
        &mut self,
        vehicle: u32,
        orders: Vec<Order>,
        tasks: &[Task],
    ) -> Option<Vec<OrderNumber>> {
        let own = &self.vehicles[vehicle as usize];
        let may = |order: &Order| {
            let stops = self.wanted(order).stops;
            let permits = stops.iter().fold(0, |all, s| all | self.permits[s.0.location as usize]);
            order.skills & !own.skills == 0 && permits & !own.permits == 0
        };
        let is_free = self.tours[vehicle as usize].tasks.is_empty();
        if !is_free || !is_tour(&orders, tasks) || !orders.iter().all(may) {
            return None;
        }
        let first = self.next;
        self.next += orders.len() as u32;
        for (number, mut order) in (first..).zip(orders) {
            order.on_board = order.on_board.map(|_| vehicle);
            self.orders.insert(number, order);
            self.carrier.insert(number, vehicle);
        }
        let named = |task: &Task| match *task {
            Task::Serve(at) => Task::Serve(first + at),
            Task::Collect(at) => Task::Collect(first + at),
            task => task,
        };
        self.set(vehicle, tasks.iter().map(named).collect());
        Some((first..self.next).collect())
    }

    /// What a vehicle's tour costs from where it is: distance, time, soft windows and times told.
    /// `None` as long as it breaks a limit that what is committed does not break alone.
    pub fn cost(&self, vehicle: u32) -> Option<Money> {
        let tour = &self.tours[vehicle as usize];
        tour.is_sound.then_some(Money(tour.cost))
    }

    /// Takes a new order and places it where it costs least. An order that cannot be placed is
    /// forgotten.
    pub fn insert(&mut self, order: Order) -> (OrderNumber, Answer) {
        let number = self.next;
        self.next += 1;
        self.orders.insert(number, order);
        let answer = self.place(number);
        if answer == Answer::LeftOut {
            self.orders.remove(number);
        }
        (number, answer)
    }

    /// Takes an order out. What is committed or on board cannot be cancelled any more. Where the way
    /// past the order's stop is longer than by it, others may have to move.
    pub fn cancel(&mut self, number: OrderNumber) -> (Answer, Touched) {
        let mut touched = Touched::default();
        let Some(&v) = self.carrier.get(number) else { return (Answer::Gone, touched) };
        let order = &self.orders[number];
        if order.on_board.is_some() || self.is_committed(v, number) {
            return (Answer::Refused, touched);
        }
        self.take_off(v, number);
        self.orders.remove(number);
        touched.vehicles.push(v);
        self.repair(v, &mut touched);
        touched.close();
        (Answer::Gone, touched)
    }

    /// Changes the stop (address, windows) of an order that is not committed; for a transfer the
    /// dropoff. If the vehicle cannot serve it so, another does, unless it is on board. `Refused`
    /// leaves everything as it was.
    pub fn change(&mut self, number: OrderNumber, stop: Stop) -> (Answer, Touched) {
        let mut touched = Touched::default();
        let Some(&v) = self.carrier.get(number) else { return (Answer::Gone, touched) };
        if self.is_committed(v, number) {
            return (Answer::Refused, touched);
        }
        let old = self.orders[number].clone();
        let tasks = self.tours[v as usize].tasks.clone();
        self.take_off(v, number);
        let mut new = old.clone();
        match &mut new.kind {
            OrderKind::Delivery(own) | OrderKind::Pickup(own) => *own = stop,
            OrderKind::Transfer { dropoff, .. } => *dropoff = stop,
        }
        self.orders.insert(number, new);
        let answer = if old.on_board.is_some() {
            self.place_among(&[v], number)
        } else {
            self.place(number)
        };
        if let Answer::Placed { vehicle } = answer {
            touched.vehicles.extend([v, vehicle]);
            self.repair(v, &mut touched);
            touched.close();
            return (answer, touched);
        }
        self.orders.insert(number, old);
        self.carrier.insert(number, v);
        self.set(v, tasks);
        (Answer::Refused, touched)
    }

    /// Commits a vehicle's next task; `None` without one that is not committed. What had been let
    /// through because the way home was broken anyway is judged by the way home from the new task:
    /// what does not hold then is placed anew. If the dropoff of a committed pickup can no longer be
    /// in time, it is committed, too, right behind.
    pub fn commit(&mut self, vehicle: u32) -> Option<Touched> {
        let tour = &self.tours[vehicle as usize];
        let own = &mut self.vehicles[vehicle as usize];
        own.committed.push(*tour.tasks.get(own.committed.len())?);
        let mut touched = Touched { vehicles: vec![vehicle], ..Touched::default() };
        self.repair(vehicle, &mut touched);
        touched.close();
        Some(touched)
    }

    /// The vehicle has done its first task, leaving at `leave_ms` (not before the plan says). What
    /// cannot be reached in time any more is placed anew.
    pub fn execute(&mut self, vehicle: u32, leave_ms: i64) -> Touched {
        let v = vehicle as usize;
        let mut touched = Touched { vehicles: vec![vehicle], ..Touched::default() };
        let Some(&task) = self.tours[v].tasks.first() else { return touched };
        let (Task::Serve(number) | Task::Collect(number)) = task else { return touched };
        let (from, arrive) = (self.place_of(task), self.tours[v].begins[0]);
        let Some(order) = self.orders.get_mut(number) else { return touched };
        let leg = match self.vehicles[v].start {
            Start::Road(at) => self.travel.leg(at, from),
            Start::Depot(_) => return touched,
        };
        let own = &mut self.vehicles[v];
        if let Some(battery) = &mut own.battery {
            let load = self.tours[v].loads[0].map(i64::from);
            let for_load = battery.load_mwh(leg.distance_mm, &load);
            let used_mwh = i64::from(leg.energy_mwh.max(0)) + for_load;
            // Whoever got there was not empty before.
            battery.start_mwh = (battery.start_mwh - used_mwh).max(0);
        }
        own.start = Start::Road(from);
        own.shift.start_ms = leave_ms.max(arrive);
        if own.committed.first() == Some(&task) {
            own.committed.remove(0);
        }
        match (task, &order.kind) {
            (Task::Collect(_), _) => order.on_board = Some(vehicle),
            (_, OrderKind::Pickup(_)) => {
                for (sum, amount) in own.extra_load.iter_mut().zip(order.load) {
                    *sum += amount;
                }
            }
            _ => {}
        }
        self.leave(vehicle);
        if matches!(task, Task::Serve(_)) {
            self.orders.remove(number);
            self.carrier.remove(number);
        }
        self.tours[v].tasks.remove(0);
        self.enter(vehicle);
        self.repair(vehicle, &mut touched);
        touched
    }

    /// A vehicle is lost: what it had not begun is placed anew, what is on board is out of reach.
    pub fn lose(&mut self, vehicle: u32) -> Touched {
        let v = vehicle as usize;
        let mut touched = Touched { vehicles: vec![vehicle], ..Touched::default() };
        self.leave(vehicle);
        self.is_lost[v] = true;
        self.vehicles[v].committed.clear();
        self.forget_back(vehicle);
        let numbers = self.tours[v].numbers();
        self.tours[v].clear();
        for number in numbers {
            self.carrier.remove(number);
            if self.orders[number].on_board.is_some() {
                self.orders.remove(number);
                touched.left_out.push(number);
            } else {
                self.place_again(number, &mut touched);
            }
        }
        touched.close();
        touched
    }

    /// Ways changed (a road closed or opened) within a circle on the plane: tours near it are driven
    /// again, and what they cannot serve any more is placed anew.
    pub fn reroute(
        &mut self,
        travel: Arc<dyn TravelSource>,
        centre_m: (f64, f64),
        radius_m: f64,
    ) -> Touched {
        self.travel = travel;
        let mut touched = Touched::default();
        for v in 0..self.vehicles.len() as u32 {
            if self.tours[v as usize].is_near(centre_m, radius_m) {
                self.repair(v, &mut touched);
                touched.vehicles.push(v);
            }
        }
        touched.close();
        touched
    }

    /// A vehicle without tasks gets a new start (`Start::Road`), shift, charge and load; what it
    /// brought back is handed over. False if it has tasks.
    pub fn renew(&mut self, vehicle: u32, own: Vehicle) -> bool {
        let v = vehicle as usize;
        let is_idle = self.tours[v].tasks.is_empty() && own.committed.is_empty();
        if !is_idle || !matches!(own.start, Start::Road(_)) {
            return false;
        }
        self.leave(vehicle);
        self.forget_back(vehicle);
        self.tours[v].clear();
        self.vehicles[v] = own;
        self.is_lost[v] = false;
        self.enter(vehicle);
        self.refresh(vehicle);
        true
    }

    /// Forgets what is on board and not on the tour.
    fn forget_back(&mut self, v: u32) {
        for number in std::mem::take(&mut self.tours[v as usize].handed_back) {
            self.handed_back.remove(&number);
            self.orders.remove(number);
            self.carrier.remove(number);
        }
    }

    fn is_committed(&self, v: u32, number: OrderNumber) -> bool {
        let is_it = |task: &Task| matches!(task, Task::Serve(n) | Task::Collect(n) if *n == number);
        self.vehicles[v as usize].committed.iter().any(is_it)
    }

    fn place_of(&self, task: Task) -> u32 {
        let (Task::Serve(number) | Task::Collect(number)) = task else { return 0 };
        stop_of(&self.orders[number], task).location
    }

    /// Places an order at its best place near its stops.
    fn place(&mut self, number: OrderNumber) -> Answer {
        self.place_among(&self.near(number), number)
    }

    /// Places an order on the tour of one of these vehicles.
    fn place_among(&mut self, vehicles: &[u32], number: OrderNumber) -> Answer {
        let Some(found) = self.find(vehicles, number) else { return Answer::LeftOut };
        let vehicle = found.vehicle;
        self.take(number, found);
        Answer::Placed { vehicle }
    }

    /// Vehicles with stops near an order's first one.
    fn near(&self, number: OrderNumber) -> Vec<u32> {
        let first = match &self.orders[number].kind {
            OrderKind::Delivery(_) => return Vec::new(),
            OrderKind::Pickup(stop) => stop,
            OrderKind::Transfer { pickup, .. } => pickup,
        };
        let mut near = Vec::with_capacity(N_NEAR);
        if let Some(at) = self.travel.point_m(first.location) {
            self.grid.near(at, N_NEAR, &mut near);
        }
        let mut vehicles: Vec<u32> = near.iter().map(|n| n.1).collect();
        vehicles.sort_unstable();
        vehicles.dedup();
        vehicles
    }

    /// The best place for an order on the tours of these vehicles.
    fn find(&mut self, vehicles: &[u32], number: OrderNumber) -> Option<Found> {
        let mut sketched = std::mem::take(&mut self.sketched);
        sketched.clear();
        let wanted = self.wanted(&self.orders[number]);
        self.sketch(vehicles, number, &wanted, &mut sketched);
        let order = |a: &Sketch, b: &Sketch| {
            a.0.total_cmp(&b.0).then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3)))
        };
        let n_first = N_SKETCHED.min(sketched.len());
        if n_first < sketched.len() {
            sketched.select_nth_unstable_by(n_first, order);
        }
        let best = self.best(number, &wanted, &sketched[..n_first]);
        let best = best.or_else(|| self.best(number, &wanted, &sketched[n_first..]));
        self.sketched = sketched;
        let order = &self.orders[number];
        best.filter(|found| match order.presence {
            Presence::Optional(prize) if order.on_board.is_none() => found.more <= prize.0,
            _ => true,
        })
    }

    /// Puts an order where a place for it was found.
    fn take(&mut self, number: OrderNumber, found: Found) {
        self.carrier.insert(number, found.vehicle);
        self.set_known(found.vehicle, found.tasks, found.cost);
    }

    /// What an order still needs.
    fn wanted<'a>(&self, order: &'a Order) -> Wanted<'a> {
        let stops = match &order.kind {
            OrderKind::Transfer { pickup, dropoff } if order.on_board.is_none() => {
                vec![pickup, dropoff]
            }
            OrderKind::Transfer { dropoff, .. } => vec![dropoff],
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => vec![stop],
        };
        let at = |stop: &Stop| self.travel.point_m(stop.location).unwrap_or((0.0, 0.0));
        Wanted {
            stops: stops.into_iter().map(|stop| (stop, at(stop))).collect(),
            load: order.load,
            is_pickup: matches!(order.kind, OrderKind::Pickup(_)),
        }
    }

    /// Places on tours that windows and loads do not rule out at first sight.
    fn sketch(
        &self,
        vehicles: &[u32],
        number: OrderNumber,
        wanted: &Wanted<'_>,
        out: &mut Vec<Sketch>,
    ) {
        let skills = self.orders[number].skills;
        let stops = wanted.stops.iter();
        let permits = stops.fold(0, |all, s| all | self.permits[s.0.location as usize]);
        let pace_ms = if self.pace_ms < f64::MAX { self.pace_ms * PACE_SHARE } else { 0.0 };
        for &v in vehicles {
            let vehicle = &self.vehicles[v as usize];
            let lacks = skills & !vehicle.skills != 0 || permits & !vehicle.permits != 0;
            if self.is_lost[v as usize] || lacks {
                continue;
            }
            self.tours[v as usize].sketch(vehicle, wanted, pace_ms, |detour, first, second| {
                out.push((detour, v, first, second));
            });
        }
    }

    /// Where an order costs least, of the places where it adds least driving.
    fn best(&self, number: OrderNumber, wanted: &Wanted<'_>, sketched: &[Sketch]) -> Option<Found> {
        let mut places: Vec<(i64, u32, usize, usize)> = Vec::with_capacity(N_DRIVEN + 1);
        for &(_, v, first, second) in sketched {
            let (vehicle, tour) = (&self.vehicles[v as usize], &self.tours[v as usize]);
            let cost = tour.cost_at(vehicle, wanted, (first, second), &*self.travel);
            let Some(place) = cost.map(|cost| (cost, v, first, second)) else { continue };
            if places.len() < N_DRIVEN || places.last().is_some_and(|worst| place < *worst) {
                places.insert(places.partition_point(|p| *p < place), place);
                places.truncate(N_DRIVEN);
            }
        }
        let order = &self.orders[number];
        let has_price = order.told.vehicle.is_some() || is_priced(order);
        let mut best: Option<Found> = None;
        for (_, v, first, second) in places {
            let mut tasks = self.tours[v as usize].tasks.clone();
            if wanted.stops.len() == 2 {
                tasks.insert(first, Task::Collect(number));
                tasks.insert(second, Task::Serve(number));
            } else {
                tasks.insert(first, Task::Serve(number));
            }
            let Ok(cost) = self.drives(v, &tasks) else { continue };
            let told = order.told.vehicle.filter(|told| told.0 != v).map_or(0, |told| told.1.0);
            let more = cost.saturating_add(told) - self.tours[v as usize].cost;
            if best.as_ref().is_none_or(|b| more < b.more) {
                best = Some(Found { more, cost, vehicle: v, tasks });
            }
            // Where time has no price, what adds least driving is what costs least.
            if !has_price && !self.tours[v as usize].is_priced {
                break;
            }
        }
        best
    }

    /// What a vehicle's tour costs with these tasks; the error is the first that breaks a limit.
    fn drives(&self, v: u32, tasks: &[Task]) -> Result<i64, usize> {
        let vehicle = &self.vehicles[v as usize];
        let carried = self.tours[v as usize].carried().unwrap_or_else(|| self.carried(v));
        let n_committed = vehicle.committed.len();
        drive(vehicle, tasks, &self.orders, &*self.travel, carried, n_committed)
    }

    /// What is on board: extra load, and orders that are on board.
    fn carried(&self, v: u32) -> Load {
        let mut sum = self.vehicles[v as usize].extra_load;
        let on_tour = self.tours[v as usize].tasks.iter().filter_map(|task| match task {
            Task::Serve(number) => self.orders.get(*number).filter(|o| o.on_board.is_some()),
            _ => None,
        });
        let back = self.tours[v as usize].handed_back.iter().filter_map(|n| self.orders.get(*n));
        for order in on_tour.chain(back) {
            for (sum, amount) in sum.iter_mut().zip(order.load) {
                *sum += amount;
            }
        }
        sum
    }

    /// Takes an order's tasks off a tour.
    fn take_off(&mut self, v: u32, number: OrderNumber) {
        let is_it = |task: &Task| matches!(task, Task::Serve(n) | Task::Collect(n) if *n == number);
        let mut tasks = self.tours[v as usize].tasks.clone();
        tasks.retain(|task| !is_it(task));
        self.carrier.remove(number);
        if self.orders[number].on_board.is_some() {
            // It stays on board, and comes back with the vehicle unless it is placed again.
            self.tours[v as usize].handed_back.push(number);
            self.handed_back.insert(number);
        }
        self.set(v, tasks);
    }

    /// Gives a vehicle these tasks, which it has to drive.
    fn set(&mut self, v: u32, tasks: Vec<Task>) {
        self.put(v, tasks);
        self.refresh(v);
    }

    /// Gives a vehicle these tasks, of which it is known that it can drive them, and at what cost.
    fn set_known(&mut self, v: u32, tasks: Vec<Task>, cost: i64) {
        self.put(v, tasks);
        let carried = self.tours[v as usize].carried();
        self.refresh_with(v, carried.unwrap_or_else(|| self.carried(v)), Some(cost));
    }

    fn put(&mut self, v: u32, tasks: Vec<Task>) {
        self.leave(v);
        for task in &tasks {
            let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
            if self.handed_back.remove(number) {
                self.tours[v as usize].handed_back.retain(|n| n != number);
            }
        }
        self.tours[v as usize].tasks = tasks;
        self.enter(v);
    }

    /// Recomputes what judges places on a tour in constant time.
    fn refresh(&mut self, v: u32) {
        let (vehicle, tour) = (&self.vehicles[v as usize], &self.tours[v as usize]);
        let (carried, n_committed) = (self.carried(v), vehicle.committed.len());
        let driven = drive(vehicle, &tour.tasks, &self.orders, &*self.travel, carried, n_committed);
        self.refresh_with(v, carried, driven.ok());
    }

    /// As [`Self::refresh`], where it is known what is carried and what the tour costs, if it can be
    /// driven.
    fn refresh_with(&mut self, v: u32, carried: Load, cost: Option<i64>) {
        let (vehicle, tour) = (&self.vehicles[v as usize], &mut self.tours[v as usize]);
        let pace_ms = tour.refresh(vehicle, &self.orders, &*self.travel, carried, cost);
        self.pace_ms = self.pace_ms.min(pace_ms);
    }

    /// Takes what breaks off a tour until it can be driven; committed tasks stay, and a dropoff
    /// whose pickup is committed follows them at once.
    fn repair(&mut self, v: u32, touched: &mut Touched) {
        loop {
            let tasks = self.tours[v as usize].tasks.clone();
            let vehicle = &self.vehicles[v as usize];
            let n_committed = vehicle.committed.len();
            let carried = self.carried(v);
            let driven = drive(vehicle, &tasks, &self.orders, &*self.travel, carried, n_committed);
            let broken_at = match driven {
                Ok(cost) => return self.refresh_with(v, carried, Some(cost)),
                Err(broken_at) => broken_at,
            };
            // The task that breaks, or the last one if the way home does; committed ones stay.
            let at = broken_at.min(tasks.len().saturating_sub(1));
            if at < n_committed || tasks.is_empty() {
                return self.refresh_with(v, carried, None);
            }
            let (Task::Serve(number) | Task::Collect(number)) = tasks[at] else { return };
            if self.is_committed(v, number) {
                // Its pickup is committed: it is delivered, however late.
                let mut kept = tasks.clone();
                kept.retain(|t| *t != Task::Serve(number));
                kept.insert(n_committed, Task::Serve(number));
                self.vehicles[v as usize].committed.push(Task::Serve(number));
                self.set(v, kept);
                continue;
            }
            let is_on_board = self.orders[number].on_board.is_some();
            self.take_off(v, number);
            if is_on_board {
                touched.left_out.push(number);
            } else {
                self.place_again(number, touched);
            }
        }
    }

    fn place_again(&mut self, number: OrderNumber, touched: &mut Touched) {
        match self.place(number) {
            Answer::Placed { vehicle } => touched.vehicles.push(vehicle),
            _ => {
                self.orders.remove(number);
                touched.left_out.push(number);
            }
        }
    }

    fn leave(&mut self, v: u32) {
        for (number, at) in self.tours[v as usize].marks.drain(..) {
            self.grid.remove(at, (number, v));
        }
    }

    /// Marks a vehicle's start and stops on the grid.
    fn enter(&mut self, v: u32) {
        if self.is_lost[v as usize] {
            return;
        }
        let tour = &mut self.tours[v as usize];
        let mut mark = |number: OrderNumber, location: u32| {
            let at = self.travel.point_m(location).unwrap_or((0.0, 0.0));
            self.grid.add(at, (number, v));
            tour.marks.push((number, at));
        };
        if let Start::Road(at) = self.vehicles[v as usize].start {
            mark(u32::MAX, at);
        }
        for task in &tour.tasks {
            if let Task::Serve(number) | Task::Collect(number) = task {
                mark(*number, stop_of(&self.orders[*number], *task).location);
            }
        }
    }
}

impl Touched {
    fn close(&mut self) {
        self.vehicles.sort_unstable();
        self.vehicles.dedup();
    }
}

/// The stop that a task makes.
fn stop_of(order: &Order, task: Task) -> &Stop {
    match (&order.kind, task) {
        (OrderKind::Delivery(stop) | OrderKind::Pickup(stop), _) => stop,
        (OrderKind::Transfer { pickup, .. }, Task::Collect(_)) => pickup,
        (OrderKind::Transfer { dropoff, .. }, _) => dropoff,
    }
}

/// Whether it costs something when an order is served.
fn is_priced(order: &Order) -> bool {
    let is_soft = |stop: &Stop| stop.soft.is_some();
    let has_soft = match &order.kind {
        OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => is_soft(stop),
        OrderKind::Transfer { pickup, dropoff } => is_soft(pickup) || is_soft(dropoff),
    };
    has_soft || order.told.begin.is_some()
}

/// Whether tasks serve each order once, and collect before that what is not on board.
fn is_tour(orders: &[Order], tasks: &[Task]) -> bool {
    let mut stage: Vec<u8> = orders
        .iter()
        .map(|order| match order.kind {
            OrderKind::Transfer { .. } if order.on_board.is_none() => 0,
            OrderKind::Delivery(_) => 3,
            _ => 1,
        })
        .collect();
    let mut is_next = |task: &Task| {
        let (at, from) = match *task {
            Task::Collect(at) => (at, 0),
            Task::Serve(at) => (at, 1),
            Task::Reload(_) | Task::Charge { .. } => return false,
        };
        let known = stage.get_mut(at as usize).filter(|stage| **stage == from);
        known.map(|stage| *stage += 1).is_some()
    };
    tasks.iter().all(&mut is_next) && stage.iter().all(|stage| *stage == 2)
}
