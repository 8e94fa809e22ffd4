//! Puts the tour of a vehicle under way in a better order, and its orders on better tours.

use rv_model::dispatch::{
    Leg, Load, MAX_LOAD_DIMS, Order, OrderKind, Start, Stop, Task, TravelSource, Vehicle,
};

use super::tour::{begin, change, cost_of, drive, limits_alone, missed};
use super::{Live, Orders, Touched, stop_of};

/// Tours of more tasks that are not committed are left as they are.
const N_TASKS_MAX: usize = 100;
/// Orders of a tour that are judged at most.
const N_JUDGED_MAX: usize = 60_000;
/// Longest piece of a tour that is moved elsewhere; longer ones are turned around.
const PIECE_MAX: usize = 3;

impl Live {
    /// Seeks a cheaper order for what a vehicle has not committed, and cheaper tours of others near
    /// by for what it has not on board. Costs are those of distance, time, soft windows and what was
    /// told; limits hold. `None` if nothing better is found, or the tour breaks a limit as it is.
    pub fn improve(&mut self, vehicle: u32) -> Option<Touched> {
        let mut touched = Touched::default();
        if !self.tours[vehicle as usize].is_sound {
            return None;
        }
        if self.reorder(vehicle) {
            touched.vehicles.push(vehicle);
        }
        for number in self.tours[vehicle as usize].numbers() {
            if self.hand_over(vehicle, number, &mut touched) {
                self.reorder(vehicle);
            }
        }
        touched.close();
        (!touched.vehicles.is_empty()).then_some(touched)
    }

    /// True if the tasks of a vehicle are in a cheaper order now.
    fn reorder(&mut self, v: u32) -> bool {
        let (vehicle, tour) = (&self.vehicles[v as usize], &self.tours[v as usize]);
        let n_committed = vehicle.committed.len();
        if !(n_committed + 2..=n_committed + N_TASKS_MAX).contains(&tour.tasks.len()) {
            return false;
        }
        let carried = self.carried(v);
        let Some(sequence) =
            Sequence::new(vehicle, &tour.tasks, &self.orders, &*self.travel, carried)
        else {
            return false;
        };
        let mut tasks = tour.tasks[..n_committed].to_vec();
        tasks.extend(sequence.best().into_iter().map(|item| sequence.items[item].task));
        // The full drive has the last word.
        match drive(vehicle, &tasks, &self.orders, &*self.travel, carried, n_committed) {
            Ok(cost) if cost < tour.cost => {
                self.set_known(v, tasks, cost);
                true
            }
            _ => false,
        }
    }

    /// True if an order is on a better tour now, if only by another place on the same one.
    fn hand_over(&mut self, v: u32, number: u32, touched: &mut Touched) -> bool {
        if self.orders[number].on_board.is_some() || self.is_committed(v, number) {
            return false;
        }
        let (tasks, cost) = (self.tours[v as usize].tasks.clone(), self.tours[v as usize].cost);
        let told = self.orders[number].told.vehicle;
        let told = told.filter(|(told, _)| *told != v).map_or(0, |(_, cost)| cost.0);
        self.take_off(v, number);
        let saved = cost.saturating_add(told) - self.tours[v as usize].cost;
        let is_sound = self.tours[v as usize].is_sound;
        let found = self.find(&self.near(number), number);
        match found.filter(|found| is_sound && found.more < saved) {
            Some(found) => {
                touched.vehicles.extend([v, found.vehicle]);
                self.take(number, found);
                true
            }
            None => {
                self.carrier.insert(number, v);
                self.set(v, tasks);
                false
            }
        }
    }
}

/// What is left of a tour behind what is committed, with all legs at hand.
struct Sequence<'a> {
    vehicle: &'a Vehicle,
    items: Vec<Item<'a>>,
    /// From the last committed place (0), each item (1 and up) and, if there is one, the end to each
    /// other.
    legs: Vec<Leg>,
    n_places: usize,
    begun: State,
    /// Charge that must remain, and latest end.
    limits: (i64, i64),
    capacity: Load,
}

struct Item<'a> {
    task: Task,
    order: &'a Order,
    stop: &'a Stop,
    /// The item that must come before.
    after: Option<usize>,
}

#[derive(Clone, Copy)]
struct State {
    now_ms: i64,
    load: Load,
    charge_mwh: i64,
    distance_mm: i64,
    /// What it costs to be late so far.
    missed: i128,
}

impl<'a> Sequence<'a> {
    fn new(
        vehicle: &'a Vehicle,
        tasks: &[Task],
        orders: &'a Orders,
        travel: &dyn TravelSource,
        carried: Load,
    ) -> Option<Self> {
        let Start::Road(mut at) = vehicle.start else { return None };
        let (committed, free) = tasks.split_at(vehicle.committed.len());
        let limits = limits_alone(vehicle, tasks, orders, travel, carried, committed.len());
        let mut begun = State {
            now_ms: vehicle.shift.start_ms,
            load: carried,
            charge_mwh: vehicle.battery.as_ref().map_or(0, |b| b.start_mwh),
            distance_mm: 0,
            missed: 0,
        };
        for task in committed {
            let (order, stop) = named(orders, *task)?;
            begun.drive(vehicle, &travel.leg(at, stop.location));
            begun.now_ms = begin(&stop.windows, begun.now_ms).unwrap_or(begun.now_ms);
            begun.serve(order, stop, *task);
            at = stop.location;
        }
        let mut items: Vec<Item<'a>> = Vec::with_capacity(free.len());
        for task in free {
            let (order, stop) = named(orders, *task)?;
            let is_behind = |item: &Item<'_>| match (item.task, *task) {
                (Task::Collect(a), Task::Serve(b)) => a == b,
                _ => false,
            };
            let after = items.iter().position(is_behind);
            items.push(Item { task: *task, order, stop, after });
        }
        let mut places = vec![at];
        places.extend(items.iter().map(|item| item.stop.location));
        places.extend(vehicle.end);
        let mut legs = Vec::new();
        travel.fill(&places, &mut legs);
        let capacity = std::array::from_fn(|d| vehicle.capacity[d].max(carried[d]));
        Some(Self { vehicle, items, legs, n_places: places.len(), begun, limits, capacity })
    }

    /// The cheapest order that is found from the one at hand: pieces are moved elsewhere, turned or
    /// not (or-opt), and turned where they are (2-opt), as long as that helps.
    fn best(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        let mut cost = self.cost(&order).unwrap_or(i64::MAX);
        let (mut tried, mut n_judged) = (Vec::with_capacity(order.len()), 0);
        let mut better = |order: &mut Vec<usize>, edit: &dyn Fn(&mut Vec<usize>)| {
            tried.clone_from(order);
            edit(&mut tried);
            n_judged += 1;
            let found = self.cost(&tried).filter(|found| *found < cost);
            if let Some(found) = found {
                cost = found;
                std::mem::swap(order, &mut tried);
            }
            (found.is_some(), n_judged < N_JUDGED_MAX)
        };
        let n = order.len();
        loop {
            let mut is_better = false;
            for from in 0..n {
                for len in 1..=PIECE_MAX.min(n - from) {
                    for to in (0..=n - len).filter(|to| *to != from) {
                        let shift = |order: &mut Vec<usize>| {
                            let piece: Vec<usize> = order.drain(from..from + len).collect();
                            order.splice(to..to, piece);
                        };
                        let turn = |order: &mut Vec<usize>| {
                            shift(order);
                            order[to..to + len].reverse();
                        };
                        let shifted = better(&mut order, &shift);
                        is_better |= shifted.0;
                        if len > 1 && !shifted.0 {
                            is_better |= better(&mut order, &turn).0;
                        }
                        if !shifted.1 {
                            return order;
                        }
                    }
                }
                for to in from + 2..=n {
                    is_better |= better(&mut order, &|order| order[from..to].reverse()).0;
                }
            }
            if !is_better {
                return order;
            }
        }
    }

    /// What the whole tour costs with its items in an order; `None` if that breaks a limit.
    fn cost(&self, order: &[usize]) -> Option<i64> {
        let (mut state, mut at, mut done) = (self.begun, 0, 0_u128);
        for &idx in order {
            let item = &self.items[idx];
            if item.after.is_some_and(|before| done >> before & 1 == 0) {
                return None;
            }
            done |= 1 << idx;
            self.drive(&mut state, at, idx + 1)?;
            at = idx + 1;
            state.now_ms = begin(&item.stop.windows, state.now_ms)?;
            state.serve(item.order, item.stop, item.task);
            if (0..MAX_LOAD_DIMS).any(|d| state.load[d] > self.capacity[d]) {
                return None;
            }
        }
        let vehicle = self.vehicle;
        if vehicle.end.is_some() {
            self.drive(&mut state, at, self.n_places - 1)?;
        }
        let duration_ms = state.now_ms - vehicle.shift.start_ms;
        let is_within = state.now_ms <= self.limits.1
            && vehicle.distance_mm_max.is_none_or(|most| state.distance_mm <= most)
            && vehicle.duration_ms_max.is_none_or(|most| duration_ms <= most);
        is_within.then(|| cost_of(vehicle, state.distance_mm, state.now_ms, state.missed))
    }

    fn drive(&self, state: &mut State, from: usize, to: usize) -> Option<()> {
        let leg = &self.legs[from * self.n_places + to];
        if !leg.is_open() {
            return None;
        }
        state.drive(self.vehicle, leg);
        (self.vehicle.battery.is_none() || state.charge_mwh >= self.limits.0).then_some(())
    }
}

impl State {
    fn drive(&mut self, vehicle: &Vehicle, leg: &Leg) {
        self.now_ms += i64::from(leg.duration_ms);
        self.distance_mm += i64::from(leg.distance_mm);
        if let Some(battery) = &vehicle.battery {
            let for_load = battery.load_mwh(leg.distance_mm, &self.load.map(i64::from));
            self.charge_mwh -= i64::from(leg.energy_mwh.max(0)) + for_load;
        }
    }

    /// Serves a stop that is begun now.
    fn serve(&mut self, order: &Order, stop: &Stop, task: Task) {
        self.missed += missed(order, stop, task, self.now_ms);
        self.now_ms += stop.service_ms;
        change(&mut self.load, order, task);
    }
}

fn named(orders: &Orders, task: Task) -> Option<(&Order, &Stop)> {
    let (Task::Serve(number) | Task::Collect(number)) = task else { return None };
    let order = orders.get(number)?;
    debug_assert!(!matches!(order.kind, OrderKind::Delivery(_)), "a delivery needs a depot");
    Some((order, stop_of(order, task)))
}
