//! The tour of a vehicle under way, with what judges a place in constant time: earliest departure
//! and latest arrival at every stop (Savelsbergh 1992), loads, and the energy of the whole.

use std::collections::BTreeMap;

use rv_model::dispatch::{
    Load, MAX_LOAD_DIMS, Order, OrderKind, Start, Stop, Task, TravelSource, Vehicle, Window,
};

use super::stop_of;

#[derive(Clone, Debug, Default)]
pub(super) struct Tour {
    pub tasks: Vec<Task>,
    /// By task: begin of service, ms.
    pub begins: Vec<i64>,
    /// Load from the start (entry 0) and from each task on.
    pub loads: Vec<Load>,
    /// On board and not on the tour.
    pub handed_back: Vec<u32>,
    /// Marks on the grid.
    pub marks: Vec<(u32, (f64, f64))>,
    /// Place of the start and of each task.
    places: Vec<u32>,
    /// Earliest departure from the start and from each task.
    leaves: Vec<i64>,
    /// Latest arrival at each task and at the end that keeps the rest in time.
    lates: Vec<i64>,
    /// The box around start, stops and end.
    low: (f64, f64),
    high: (f64, f64),
    /// Whether the tour can be driven as it is; places on others are not judged the short way.
    is_sound: bool,
}

impl Tour {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The orders of the tour, each once.
    pub fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            if let Task::Serve(number) | Task::Collect(number) = task
                && !numbers.contains(number)
            {
                numbers.push(*number);
            }
        }
        numbers
    }

    /// Whether the tour may pass a circle: the box around its stops, widened, meets it.
    pub fn is_near(&self, centre_m: (f64, f64), radius_m: f64) -> bool {
        let (low, high) = (self.low, self.high);
        low.0 - radius_m <= centre_m.0
            && centre_m.0 <= high.0 + radius_m
            && low.1 - radius_m <= centre_m.1
            && centre_m.1 <= high.1 + radius_m
    }

    pub fn refresh(
        &mut self,
        vehicle: &Vehicle,
        orders: &BTreeMap<u32, Order>,
        travel: &dyn TravelSource,
        carried: Load,
    ) {
        let Start::Road(start) = vehicle.start else { return };
        let n_committed = vehicle.committed.len();
        self.is_sound = drive(vehicle, &self.tasks, orders, travel, carried, n_committed).is_ok();
        self.begins.clear();
        self.leaves.clear();
        self.loads.clear();
        self.places.clear();
        let mut at = start;
        let (mut now, mut load) = (vehicle.shift.start_ms, carried);
        self.places.push(at);
        self.leaves.push(now);
        self.loads.push(load);
        for task in &self.tasks {
            let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
            let order = &orders[number];
            let stop = stop_of(order, *task);
            let leg = travel.leg(at, stop.location);
            at = stop.location;
            let arrive = now + i64::from(leg.duration_ms);
            let begin = begin(&stop.windows, arrive).unwrap_or(arrive);
            now = begin + stop.service_ms;
            change(&mut load, order, *task);
            self.begins.push(begin);
            self.places.push(at);
            self.leaves.push(now);
            self.loads.push(load);
        }
        let mut late = vehicle.shift.end_ms;
        self.lates.clear();
        self.lates.push(late);
        (self.low, self.high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for at in self.places.iter().copied().chain(vehicle.end) {
            let Some(at) = travel.point_m(at) else { continue };
            self.low = (self.low.0.min(at.0), self.low.1.min(at.1));
            self.high = (self.high.0.max(at.0), self.high.1.max(at.1));
        }
        let mut next = vehicle.end;
        for task in self.tasks.iter().rev() {
            let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
            let stop = stop_of(&orders[number], *task);
            let way = next.map_or(0, |next| i64::from(travel.leg(stop.location, next).duration_ms));
            let limit = late - way - stop.service_ms;
            let open = stop.windows.iter().rev().find(|w| w.start_ms <= limit);
            late = open.map_or(i64::MIN / 4, |w| limit.min(w.end_ms));
            next = Some(stop.location);
            self.lates.push(late);
        }
        self.lates.reverse();
    }

    /// Calls back with the extra driving time (ms) and the positions of every place of one or two
    /// stops that time and energy do not rule out.
    pub fn places(
        &self,
        vehicle: &Vehicle,
        stops: &[&Stop],
        travel: &dyn TravelSource,
        mut call: impl FnMut(i64, usize, usize),
    ) {
        if !self.is_sound {
            return;
        }
        let first = vehicle.committed.len();
        let ms = |from: u32, to: u32| i64::from(travel.leg(from, to).duration_ms);
        let to_next = |pos: usize, from: u32| match self.places.get(pos + 1) {
            Some(next) => ms(from, *next),
            None => vehicle.end.map_or(0, |end| ms(from, end)),
        };
        for pos in first..self.places.len() {
            let here = self.places[pos];
            let to_a = travel.leg(here, stops[0].location);
            if !to_a.is_open() {
                continue;
            }
            let Some(begin_a) =
                begin(&stops[0].windows, self.leaves[pos] + i64::from(to_a.duration_ms))
            else {
                continue;
            };
            let leave_a = begin_a + stops[0].service_ms;
            let direct = to_next(pos, here);
            let [a, b] = [stops[0], stops[stops.len() - 1]];
            if stops.len() == 1 {
                let onward = to_next(pos, a.location);
                let cost = i64::from(to_a.duration_ms) + onward - direct;
                if leave_a + onward <= self.lates[pos] {
                    call(cost, pos, pos);
                }
                continue;
            }
            // The dropoff right behind, then further down while there is time.
            let (ab, onward) = (ms(a.location, b.location), to_next(pos, b.location));
            if let Some(begin_b) = begin(&b.windows, leave_a + ab)
                && begin_b + b.service_ms + onward <= self.lates[pos]
            {
                call(i64::from(to_a.duration_ms) + ab + onward - direct, pos, pos + 1);
            }
            let base = i64::from(to_a.duration_ms) + to_next(pos, a.location) - direct;
            let mut arrive = leave_a + to_next(pos, a.location);
            for behind in pos + 1..self.places.len() {
                if arrive > self.lates[behind - 1] {
                    break;
                }
                let spent = self.leaves[behind] - self.begins[behind - 1];
                let leave = arrive.max(self.begins[behind - 1]) + spent;
                let there = self.places[behind];
                let (to_b, onward) = (ms(there, b.location), to_next(behind, b.location));
                if let Some(begin_b) = begin(&b.windows, leave + to_b)
                    && begin_b + b.service_ms + onward <= self.lates[behind]
                {
                    let cost = base + to_b + onward - to_next(behind, there);
                    call(cost, pos, behind + 1);
                }
                arrive = leave + to_next(behind, there);
            }
        }
    }
}

fn begin(windows: &[Window], arrive: i64) -> Option<i64> {
    windows.iter().find(|w| arrive <= w.end_ms).map(|w| arrive.max(w.start_ms))
}

fn change(load: &mut Load, order: &Order, task: Task) {
    let sign = match (&order.kind, task) {
        (OrderKind::Pickup(_), _) | (_, Task::Collect(_)) => 1,
        _ => -1,
    };
    for (sum, amount) in load.iter_mut().zip(order.load) {
        *sum += sign * amount;
    }
}

/// Drives a tour in full. The error is the first task (or, past the last, the way home) that breaks a
/// limit; what the committed tasks break is accepted, and so is what they and the way home alone make
/// late or empty.
pub(super) fn drive(
    vehicle: &Vehicle,
    tasks: &[Task],
    orders: &BTreeMap<u32, Order>,
    travel: &dyn TravelSource,
    carried: Load,
    n_committed: usize,
) -> Result<(), usize> {
    let floor = limits_alone(vehicle, tasks, orders, travel, carried, n_committed);
    let Start::Road(mut at) = vehicle.start else { return Err(0) };
    let (mut now, mut load) = (vehicle.shift.start_ms, carried);
    let mut charge = vehicle.battery.as_ref().map_or(0, |b| b.start_mwh);
    let capacity: Load = std::array::from_fn(|d| vehicle.capacity[d].max(carried[d]));
    let over = |load: &Load| (0..MAX_LOAD_DIMS).any(|d| load[d] > capacity[d]);
    let mut distance = 0;
    for (idx, task) in tasks.iter().enumerate() {
        let (Task::Serve(number) | Task::Collect(number)) = task else { return Err(idx) };
        let order = &orders[number];
        let stop = stop_of(order, *task);
        let leg = travel.leg(at, stop.location);
        at = stop.location;
        let is_lenient = idx < n_committed;
        if !leg.is_open() {
            return Err(idx);
        }
        now += i64::from(leg.duration_ms);
        distance += i64::from(leg.distance_mm);
        if let Some(battery) = &vehicle.battery {
            charge -= i64::from(leg.energy_mwh.max(0))
                + battery.load_mwh(leg.distance_mm, &load.map(i64::from));
            if charge < floor.0 && !is_lenient {
                return Err(idx);
            }
        }
        now = match begin(&stop.windows, now) {
            Some(begin) => begin,
            None if is_lenient => now,
            None => return Err(idx),
        };
        now += stop.service_ms;
        change(&mut load, order, *task);
        if over(&load) && !is_lenient {
            return Err(idx);
        }
    }
    let Some(end) = vehicle.end else { return Ok(()) };
    let leg = travel.leg(at, end);
    now += i64::from(leg.duration_ms);
    distance += i64::from(leg.distance_mm);
    if let Some(battery) = &vehicle.battery {
        charge -= i64::from(leg.energy_mwh.max(0))
            + battery.load_mwh(leg.distance_mm, &load.map(i64::from));
    }
    let is_own = tasks.len() > n_committed;
    let is_far = is_own && vehicle.distance_mm_max.is_some_and(|most| distance > most);
    let duration = now - vehicle.shift.start_ms;
    let is_long = is_own && vehicle.duration_ms_max.is_some_and(|most| duration > most);
    let is_empty = vehicle.battery.is_some() && charge < floor.0;
    if !leg.is_open() || now > floor.1 || is_empty || is_far || is_long {
        return Err(tasks.len());
    }
    Ok(())
}

/// The charge that must remain and the latest end, as the committed tasks alone leave them.
fn limits_alone(
    vehicle: &Vehicle,
    tasks: &[Task],
    orders: &BTreeMap<u32, Order>,
    travel: &dyn TravelSource,
    carried: Load,
    n_committed: usize,
) -> (i64, i64) {
    let Start::Road(mut at) = vehicle.start else { return (0, 0) };
    let reserve = vehicle.battery.as_ref().map_or(0, |b| b.reserve_mwh);
    let (mut now, mut load, mut low) = (vehicle.shift.start_ms, carried, reserve);
    let mut charge = vehicle.battery.as_ref().map_or(0, |b| b.start_mwh);
    let mut go = |at: u32, to: u32, load: &Load, now: &mut i64| {
        let leg = travel.leg(at, to);
        *now += i64::from(leg.duration_ms);
        if let Some(battery) = &vehicle.battery {
            charge -= i64::from(leg.energy_mwh.max(0))
                + battery.load_mwh(leg.distance_mm, &load.map(i64::from));
            low = low.min(charge);
        }
    };
    for task in &tasks[..n_committed.min(tasks.len())] {
        let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
        let order = &orders[number];
        let stop = stop_of(order, *task);
        go(at, stop.location, &load, &mut now);
        at = stop.location;
        now = begin(&stop.windows, now).unwrap_or(now) + stop.service_ms;
        change(&mut load, order, *task);
    }
    if let Some(end) = vehicle.end {
        go(at, end, &load, &mut now);
    }
    (low, now.max(vehicle.shift.end_ms))
}
