//! The tour of a vehicle under way, with what judges a place in constant time: earliest departure
//! and latest arrival at every stop (Savelsbergh 1992), loads, and the energy of the whole.

use rv_base::Money;
use rv_model::dispatch::{
    Leg, Load, MAX_LOAD_DIMS, Order, OrderKind, SoftWindow, Start, Stop, Task, TravelSource,
    Vehicle, Window,
};

use super::{Orders, is_priced, stop_of};

const HOUR_MS: i128 = 3_600_000;

/// Shorter ways say little about how fast one drives, m.
const PACE_M_MIN: f64 = 200.0;

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
    /// Where the start, each task and the end lie on the plane, m.
    points: Vec<(f64, f64)>,
    /// Straight from each of them to the next one, m.
    gaps_m: Vec<f64>,
    /// The leg from the start and from each task to the next one or the end.
    nexts: Vec<Leg>,
    /// The most of each load on board from the start, and from each task on.
    peaks: Vec<Load>,
    /// Energy that the battery has to spare at the end; `None` without a battery.
    spare_mwh: Option<i64>,
    /// Earliest departure from the start and from each task.
    leaves: Vec<i64>,
    /// Latest arrival at each task and at the end that keeps the rest in time.
    lates: Vec<i64>,
    /// The box around start, stops and end.
    low: (f64, f64),
    high: (f64, f64),
    /// Whether the tour can be driven as it is; places on others are not judged the short way.
    pub is_sound: bool,
    /// What it costs, if it can be driven, in millionths.
    pub cost: i64,
    /// Whether it costs something when its orders are served.
    pub is_priced: bool,
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

    /// Driving time from the start to the end, ms.
    pub fn driving_ms(&self) -> i64 {
        if self.tasks.is_empty() {
            return 0;
        }
        self.nexts.iter().map(|leg| i64::from(leg.duration_ms)).sum()
    }

    /// Whether the tour may pass a circle: the box around its stops, widened, meets it.
    pub fn is_near(&self, centre_m: (f64, f64), radius_m: f64) -> bool {
        let (low, high) = (self.low, self.high);
        low.0 - radius_m <= centre_m.0
            && centre_m.0 <= high.0 + radius_m
            && low.1 - radius_m <= centre_m.1
            && centre_m.1 <= high.1 + radius_m
    }

    /// What the tour carries from its start on.
    pub fn carried(&self) -> Option<Load> {
        self.loads.first().copied()
    }

    /// Recomputes all that is known of the tour; `cost` is what it costs, if it can be driven. Returns
    /// the least driving time for a metre on the plane, ms.
    pub fn refresh(
        &mut self,
        vehicle: &Vehicle,
        orders: &Orders,
        travel: &dyn TravelSource,
        carried: Load,
        cost: Option<i64>,
    ) -> f64 {
        let Start::Road(start) = vehicle.start else { return f64::MAX };
        self.is_sound = cost.is_some();
        self.cost = cost.unwrap_or(0);
        self.is_priced = false;
        self.begins.clear();
        self.leaves.clear();
        self.loads.clear();
        self.places.clear();
        self.places.push(start);
        for task in &self.tasks {
            let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
            self.places.push(stop_of(&orders[*number], *task).location);
        }
        let pace = self.measure(vehicle, travel);
        let (mut now, mut load) = (vehicle.shift.start_ms, carried);
        self.leaves.push(now);
        self.loads.push(load);
        for (pos, task) in self.tasks.iter().enumerate() {
            let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
            let order = &orders[*number];
            let stop = stop_of(order, *task);
            let arrive = now + i64::from(self.nexts[pos].duration_ms);
            let begin = begin(&stop.windows, arrive).unwrap_or(arrive);
            now = begin + stop.service_ms;
            change(&mut load, order, *task);
            self.is_priced |= is_priced(order);
            self.begins.push(begin);
            self.leaves.push(now);
            self.loads.push(load);
        }
        let mut late = vehicle.shift.end_ms;
        self.lates.clear();
        self.lates.push(late);
        for (pos, task) in self.tasks.iter().enumerate().rev() {
            let (Task::Serve(number) | Task::Collect(number)) = task else { continue };
            let stop = stop_of(&orders[*number], *task);
            let limit = late - i64::from(self.nexts[pos + 1].duration_ms) - stop.service_ms;
            let open = stop.windows.iter().rev().find(|w| w.start_ms <= limit);
            late = open.map_or(i64::MIN / 4, |w| limit.min(w.end_ms));
            self.lates.push(late);
        }
        self.lates.reverse();
        self.sum_up(vehicle);
        pace
    }

    /// Legs between what lies behind each other, and the box around all. Returns the least driving
    /// time for a metre on the plane, ms.
    fn measure(&mut self, vehicle: &Vehicle, travel: &dyn TravelSource) -> f64 {
        (self.low, self.high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        self.points.clear();
        self.gaps_m.clear();
        self.nexts.clear();
        for place in self.places.iter().copied().chain(vehicle.end) {
            let at = travel.point_m(place).unwrap_or((0.0, 0.0));
            self.low = (self.low.0.min(at.0), self.low.1.min(at.1));
            self.high = (self.high.0.max(at.0), self.high.1.max(at.1));
            if let Some(last) = self.points.last() {
                self.gaps_m.push(apart(*last, at));
            }
            self.points.push(at);
        }
        let mut pace = f64::MAX;
        for (pos, &place) in self.places.iter().enumerate() {
            let next = self.places.get(pos + 1).copied().or(vehicle.end);
            let leg = next.map_or(Leg::default(), |to| travel.leg(place, to));
            if let Some(gap_m) = self.gaps_m.get(pos).filter(|gap_m| **gap_m > PACE_M_MIN) {
                pace = pace.min(f64::from(leg.duration_ms) / gap_m);
            }
            self.nexts.push(leg);
        }
        pace
    }

    /// The loads and the charge that further stops have to fit in.
    fn sum_up(&mut self, vehicle: &Vehicle) {
        self.peaks.clone_from(&self.loads);
        for pos in (1..self.peaks.len()).rev() {
            let after = self.peaks[pos];
            for (peak, after) in self.peaks[pos - 1].iter_mut().zip(after) {
                *peak = (*peak).max(after);
            }
        }
        self.spare_mwh = vehicle.battery.as_ref().map(|battery| {
            let used = self.nexts.iter().zip(&self.loads).map(|(leg, load)| {
                let for_load = battery.load_mwh(leg.distance_mm, &load.map(i64::from));
                i64::from(leg.energy_mwh.max(0)) + for_load
            });
            battery.start_mwh - battery.reserve_mwh - used.sum::<i64>()
        });
    }

    /// Calls back with the detour on the plane (m) and the positions of every place of an order that
    /// windows and loads do not rule out at first sight, driving `pace_ms` for each metre.
    pub fn sketch(
        &self,
        vehicle: &Vehicle,
        wanted: &Wanted<'_>,
        pace_ms: f64,
        mut call: impl FnMut(f64, usize, usize),
    ) {
        let Some(carried) = self.carried().filter(|_| self.is_sound) else { return };
        let room = |load: &Load, more: bool| {
            let own = |d: usize| if more { wanted.load[d] } else { 0 };
            let most = |d: usize| vehicle.capacity[d].max(carried[d]);
            (0..MAX_LOAD_DIMS).all(|d| load[d] + own(d) <= most(d))
        };
        let ms = |length_m: f64| (length_m * pace_ms) as i64;
        let (first, second) = (&wanted.stops[0], &wanted.stops[wanted.stops.len() - 1]);
        for pos in vehicle.committed.len()..self.places.len() {
            if first.0.windows.last().is_none_or(|w| w.end_ms < self.leaves[pos]) {
                // From here on it is too late.
                break;
            }
            let to_a_m = apart(self.points[pos], first.1);
            let Some(begin_ms) = begin(&first.0.windows, self.leaves[pos] + ms(to_a_m)) else {
                continue;
            };
            let leave_a_ms = begin_ms + first.0.service_ms;
            let from_a_m = self.points.get(pos + 1).map_or(0.0, |next| apart(first.1, *next));
            let gap_m = self.gaps_m.get(pos).copied().unwrap_or(0.0);
            let detour_a = to_a_m + from_a_m - gap_m;
            if leave_a_ms > self.lates[pos] {
                continue;
            }
            if wanted.stops.len() == 1 {
                let is_free = room(&self.peaks[pos], wanted.is_pickup);
                if is_free && leave_a_ms + ms(from_a_m) <= self.lates[pos] {
                    call(detour_a, pos, pos);
                }
                continue;
            }
            if !room(&self.loads[pos], true) {
                continue;
            }
            let ab_m = apart(first.1, second.1);
            let onward_m = self.points.get(pos + 1).map_or(0.0, |next| apart(second.1, *next));
            if let Some(begin_ms) = begin(&second.0.windows, leave_a_ms + ms(ab_m))
                && begin_ms + second.0.service_ms + ms(onward_m) <= self.lates[pos]
            {
                call(to_a_m + ab_m + onward_m - gap_m, pos, pos + 1);
            }
            let mut arrive_ms = leave_a_ms + ms(from_a_m);
            for behind in pos + 1..self.places.len() {
                if arrive_ms > self.lates[behind - 1] || !room(&self.loads[behind], true) {
                    break;
                }
                let spent_ms = self.leaves[behind] - self.begins[behind - 1];
                let leave_ms = arrive_ms.max(self.begins[behind - 1]) + spent_ms;
                let to_b_m = apart(self.points[behind], second.1);
                let next = self.points.get(behind + 1);
                let onward_m = next.map_or(0.0, |next| apart(second.1, *next));
                if let Some(begin_ms) = begin(&second.0.windows, leave_ms + ms(to_b_m))
                    && begin_ms + second.0.service_ms + ms(onward_m) <= self.lates[behind]
                {
                    let gap_m = self.gaps_m.get(behind).copied().unwrap_or(0.0);
                    call(detour_a + to_b_m + onward_m - gap_m, pos, behind + 1);
                }
                arrive_ms = leave_ms + i64::from(self.nexts[behind].duration_ms);
            }
        }
    }

    /// The extra driving time (ms) of one or two stops at these positions, if time and energy do not
    /// rule them out.
    pub fn cost_at(
        &self,
        vehicle: &Vehicle,
        wanted: &Wanted<'_>,
        (pos, second): (usize, usize),
        travel: &dyn TravelSource,
    ) -> Option<i64> {
        let leg = |from: u32, to: u32| {
            let leg = travel.leg(from, to);
            leg.is_open().then_some(leg)
        };
        let to_next = |pos: usize, from: u32| match self.places.get(pos + 1) {
            Some(next) => leg(from, *next),
            None => vehicle.end.map_or(Some(Leg::default()), |end| leg(from, end)),
        };
        let ms = |leg: &Leg| i64::from(leg.duration_ms);
        // What is driven more, if the battery holds it.
        let more = |legs: &[Leg], instead: &[usize]| {
            let energy = |leg: &Leg| i64::from(leg.energy_mwh.max(0));
            let of = |what: &dyn Fn(&Leg) -> i64| {
                let old = instead.iter().map(|at| what(&self.nexts[*at])).sum::<i64>();
                legs.iter().map(what).sum::<i64>() - old
            };
            self.spare_mwh.is_none_or(|spare| of(&energy) <= spare).then(|| of(&ms))
        };
        let (a, b) = (wanted.stops[0].0, wanted.stops[wanted.stops.len() - 1].0);
        let to_a = leg(self.places[pos], a.location)?;
        let leave_a = begin(&a.windows, self.leaves[pos] + ms(&to_a))? + a.service_ms;
        if wanted.stops.len() == 1 {
            let onward = to_next(pos, a.location)?;
            let is_timely = leave_a + ms(&onward) <= self.lates[pos];
            return more(&[to_a, onward], &[pos]).filter(|_| is_timely);
        }
        if second == pos + 1 {
            let (ab, onward) = (leg(a.location, b.location)?, to_next(pos, b.location)?);
            let leave_b = begin(&b.windows, leave_a + ms(&ab))? + b.service_ms;
            let is_timely = leave_b + ms(&onward) <= self.lates[pos];
            return more(&[to_a, ab, onward], &[pos]).filter(|_| is_timely);
        }
        let onward_a = to_next(pos, a.location)?;
        let mut arrive = leave_a + ms(&onward_a);
        let last = second - 1;
        for behind in pos + 1..last {
            if arrive > self.lates[behind - 1] {
                return None;
            }
            let spent = self.leaves[behind] - self.begins[behind - 1];
            arrive = arrive.max(self.begins[behind - 1]) + spent + ms(&self.nexts[behind]);
        }
        if arrive > self.lates[last - 1] {
            return None;
        }
        let spent = self.leaves[last] - self.begins[last - 1];
        let leave = arrive.max(self.begins[last - 1]) + spent;
        let to_b = leg(self.places[last], b.location)?;
        let onward_b = to_next(last, b.location)?;
        let leave_b = begin(&b.windows, leave + ms(&to_b))? + b.service_ms;
        let is_timely = leave_b + ms(&onward_b) <= self.lates[last];
        more(&[to_a, onward_a, to_b, onward_b], &[pos, last]).filter(|_| is_timely)
    }
}

/// An order that a place is looked for.
pub(super) struct Wanted<'a> {
    /// Its one or two stops, and where they lie on the plane.
    pub stops: Vec<(&'a Stop, (f64, f64))>,
    pub load: Load,
    /// Whether its only stop brings it on board.
    pub is_pickup: bool,
}

pub(super) fn apart(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (x, y) = (a.0 - b.0, a.1 - b.1);
    (x * x + y * y).sqrt()
}

pub(super) fn begin(windows: &[Window], arrive: i64) -> Option<i64> {
    windows.iter().find(|w| arrive <= w.end_ms).map(|w| arrive.max(w.start_ms))
}

pub(super) fn change(load: &mut Load, order: &Order, task: Task) {
    let sign = match (&order.kind, task) {
        (OrderKind::Pickup(_), _) | (_, Task::Collect(_)) => 1,
        _ => -1,
    };
    for (sum, amount) in load.iter_mut().zip(order.load) {
        *sum += sign * amount;
    }
}

/// Drives a tour in full and tells what it costs, in millionths: distance, time, and being early or
/// late for soft windows and times told. The error is the first task (or, past the last, the way home) that breaks a
/// limit; what the committed tasks break is accepted, and so is what they and the way home alone make
/// late or empty.
pub(super) fn drive(
    vehicle: &Vehicle,
    tasks: &[Task],
    orders: &Orders,
    travel: &dyn TravelSource,
    carried: Load,
    n_committed: usize,
) -> Result<i64, usize> {
    let floor = limits_alone(vehicle, tasks, orders, travel, carried, n_committed);
    let Start::Road(mut at) = vehicle.start else { return Err(0) };
    let (mut now, mut load) = (vehicle.shift.start_ms, carried);
    let mut charge = vehicle.battery.as_ref().map_or(0, |b| b.start_mwh);
    let capacity: Load = std::array::from_fn(|d| vehicle.capacity[d].max(carried[d]));
    let over = |load: &Load| (0..MAX_LOAD_DIMS).any(|d| load[d] > capacity[d]);
    let (mut distance, mut late) = (0, 0);
    for (idx, task) in tasks.iter().enumerate() {
        let (Task::Serve(number) | Task::Collect(number)) = task else { return Err(idx) };
        let order = &orders[*number];
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
        late += missed(order, stop, *task, now);
        now += stop.service_ms;
        change(&mut load, order, *task);
        if over(&load) && !is_lenient {
            return Err(idx);
        }
    }
    let Some(end) = vehicle.end else { return Ok(cost_of(vehicle, distance, now, late)) };
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
    Ok(cost_of(vehicle, distance, now, late))
}

/// What a tour costs, in millionths, by its distance, its end, and what was missed on it.
pub(super) fn cost_of(vehicle: &Vehicle, distance_mm: i64, end_ms: i64, missed: i128) -> i64 {
    let of = |rate: Money, amount: i64, per: i128| i128::from(rate.0) * i128::from(amount) / per;
    let driven = of(vehicle.cost_per_km, distance_mm, 1_000_000);
    let time = of(vehicle.cost_per_hour, end_ms - vehicle.shift.start_ms, HOUR_MS);
    (driven + time + missed / HOUR_MS).clamp(0, i128::from(i64::MAX / 4)) as i64
}

/// What it costs to begin a task at a moment, in millionths times the milliseconds of an hour.
pub(super) fn missed(order: &Order, stop: &Stop, task: Task, begin_ms: i64) -> i128 {
    // What is told of a transfer is told of its dropoff.
    let told = order.told.begin.filter(|_| matches!(task, Task::Serve(_)));
    let price = |soft: SoftWindow| {
        let early_ms = (soft.window.start_ms - begin_ms).max(0);
        let late_ms = (begin_ms - soft.window.end_ms).max(0);
        i128::from(soft.early_per_hour.0) * i128::from(early_ms)
            + i128::from(soft.late_per_hour.0) * i128::from(late_ms)
    };
    stop.soft.map_or(0, price) + told.map_or(0, price)
}

/// The charge that must remain and the latest end, as the committed tasks alone leave them.
pub(super) fn limits_alone(
    vehicle: &Vehicle,
    tasks: &[Task],
    orders: &Orders,
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
        let order = &orders[*number];
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
