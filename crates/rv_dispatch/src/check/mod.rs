//! The independent judge of plans: recomputes everything from the problem, and shares no code with
//! the search.

mod relaxed;
mod shared;
mod space;

use rv_base::Money;
use rv_model::dispatch::{
    ChargeKind, Load, MAX_LOAD_DIMS, Order, OrderKind, Plan, Presence, Problem, Route, SoftWindow,
    Start, Stop, Task, Vehicle, Visit,
};

use relaxed::Relaxed;
pub use relaxed::confirm;
use shared::Shared;

/// A load whose sums cannot overflow.
type Load64 = [i64; MAX_LOAD_DIMS];

/// One breach of a limit. Indices are those of the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Violation {
    /// A route of a vehicle that does not exist, or a second route of one vehicle.
    #[error("route {route}: vehicle {vehicle} does not exist or has a route already")]
    Vehicle { route: usize, vehicle: u32 },
    /// A task of an order, depot or charger that does not exist or does not fit the vehicle.
    #[error("vehicle {vehicle}, visit {visit}: the task is not possible here")]
    Task { vehicle: u32, visit: usize },
    /// The committed tasks are not the first.
    #[error("vehicle {vehicle}, visit {visit}: the committed task is missing")]
    Committed { vehicle: u32, visit: usize },
    /// Arrival after the last window, or outside a facility's hours.
    #[error("vehicle {vehicle}, visit {visit}: {late_ms} ms late")]
    Late { vehicle: u32, visit: usize, late_ms: i64 },
    /// Departure before the shift, arrival at the end after it, or too long a route.
    #[error("vehicle {vehicle}: {late_ms} ms beyond its shift or longest duration")]
    Shift { vehicle: u32, late_ms: i64 },
    /// Too long a route.
    #[error("vehicle {vehicle}: {over_mm} mm beyond its longest distance")]
    Distance { vehicle: u32, over_mm: i64 },
    /// More on board than the vehicle holds, after this visit (0 is the start).
    #[error("vehicle {vehicle}, visit {visit}: overloaded in dimension {dim} by {over}")]
    Load { vehicle: u32, visit: usize, dim: usize, over: i64 },
    /// Less charge than the reserve on arrival (the end counts as a visit).
    #[error("vehicle {vehicle}, visit {visit}: {short_mwh} mWh below the reserve")]
    Charge { vehicle: u32, visit: usize, short_mwh: i64 },
    /// A leg that the vehicle cannot drive.
    #[error("vehicle {vehicle}, visit {visit}: there is no way to it")]
    Closed { vehicle: u32, visit: usize },
    /// Missing capabilities.
    #[error("vehicle {vehicle}: order {order} needs capabilities that it lacks")]
    Skills { vehicle: u32, order: u32 },
    /// A delivery that is not on board, a dropoff before its pickup, or a transfer across a depot.
    #[error("vehicle {vehicle}, visit {visit}: order {order} is not on board")]
    NotOnBoard { vehicle: u32, visit: usize, order: u32 },
    /// A transfer that was picked up and not dropped.
    #[error("vehicle {vehicle}: order {order} is picked up and not delivered")]
    NotDelivered { vehicle: u32, order: u32 },
    /// Served twice, or both served and unassigned.
    #[error("order {order} is planned twice")]
    Twice { order: u32 },
    /// Neither served nor unassigned.
    #[error("order {order} is forgotten")]
    Forgotten { order: u32 },
    /// More reloads than allowed.
    #[error("vehicle {vehicle}: {n} reloads")]
    Reloads { vehicle: u32, n: u32 },
    /// A way or a place that the vehicle has no permit for.
    #[error("vehicle {vehicle}, visit {visit}: permits {missing:#b} are missing")]
    Permits { vehicle: u32, visit: usize, missing: u64 },
    /// No compartment is stated, or one that the vehicle does not have or the order may not use.
    #[error("vehicle {vehicle}, visit {visit}: no compartment that fits is stated")]
    Compartment { vehicle: u32, visit: usize },
    /// More in a compartment than it holds, after this visit (0 is the start).
    #[error("vehicle {vehicle}, visit {visit}: compartment {compartment} is overloaded")]
    CompartmentLoad { vehicle: u32, visit: usize, compartment: u16 },
    /// Something lies in front of what is to be taken out.
    #[error("vehicle {vehicle}, visit {visit}: order {order} lies behind order {behind}")]
    Door { vehicle: u32, visit: usize, order: u32, behind: u32 },
    /// More vehicles at a charging place than it has bays.
    #[error("vehicle {vehicle}, visit {visit}: no bay is free at charger {charger}")]
    Bays { vehicle: u32, visit: usize, charger: u32 },
    /// More loaded at a depot than it has.
    #[error("depot {depot}: {over} more than in stock in dimension {dim}")]
    Stock { depot: u32, dim: usize, over: i64 },
    /// A time, load or charge that the plan states and the judge finds different.
    #[error("vehicle {vehicle}, visit {visit}: the stated times, load or charge are wrong")]
    Stated { vehicle: u32, visit: usize },
}

/// What a plan costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Distance of all routes, mm.
    pub distance_mm: i64,
    /// Time between departures and ends, ms.
    pub duration_ms: i64,
    /// Vehicles with a route.
    pub n_vehicles: usize,
    /// Fixed costs.
    pub fixed: Money,
    /// Costs of distance.
    pub distance: Money,
    /// Costs of time.
    pub time: Money,
    /// Prizes of optional orders left out.
    pub prizes_lost: Money,
    /// Costs of soft windows missed.
    pub lateness: Money,
    /// Costs of what was told and is changed.
    pub stability: Money,
    /// Costs of service levels missed.
    pub levels: Money,
    /// By how much services begin after their soft windows, all together, ms.
    pub late_ms: i64,
    /// Required orders left out.
    pub n_required_unassigned: usize,
}

impl Costs {
    /// Everything that money counts.
    pub fn total(&self) -> Money {
        let money = self.fixed + self.distance + self.time + self.prizes_lost;
        money + self.lateness + self.stability + self.levels
    }
}

/// The judgement of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Breaches that committed tasks do not excuse.
    pub violations: Vec<Violation>,
    /// What the plan costs.
    pub costs: Costs,
}

/// Judges a plan. Times that the plan states (visits with `leave_ms` above zero or any other
/// non-zero entry) are compared with those found; a stated begin may be later than need be.
pub fn check(problem: &Problem, plan: &Plan) -> Report {
    judge(problem, plan, &Relaxed::default())
}

/// Judges a plan under limits that are relaxed in part.
fn judge(problem: &Problem, plan: &Plan, relaxed: &Relaxed) -> Report {
    let mut report = Report::default();
    let mut shared = Shared::new(problem);
    let mut served = vec![0_u32; problem.orders().len()];
    let mut carried: Vec<Load64> =
        problem.vehicles().iter().map(|v| v.extra_load.map(i64::from)).collect();
    for order in problem.orders() {
        if let Some(vehicle) = order.on_board {
            for (sum, amount) in carried[vehicle as usize].iter_mut().zip(order.load) {
                *sum += i64::from(amount);
            }
        }
    }
    let mut has_route = vec![false; problem.vehicles().len()];
    for (idx, route) in plan.routes.iter().enumerate() {
        match has_route.get_mut(route.vehicle as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => {
                let vehicle = route.vehicle;
                report.violations.push(Violation::Vehicle { route: idx, vehicle });
                continue;
            }
        }
        let carried = carried[route.vehicle as usize];
        let books = Books { report: &mut report, served: &mut served, shared: &mut shared };
        Drive::new(problem, relaxed, route, carried, books).judge();
    }
    for (idx, vehicle) in problem.vehicles().iter().enumerate() {
        if has_route[idx] || !relaxed.judges(idx as u32) {
            continue;
        }
        let tasks = &vehicle.committed;
        if !tasks.is_empty() {
            report.violations.push(Violation::Committed { vehicle: idx as u32, visit: 0 });
        } else if let (Start::Road(_), Some(_)) = (vehicle.start, vehicle.end) {
            let home = Route {
                vehicle: idx as u32,
                depart_ms: vehicle.shift.start_ms,
                end_ms: 0,
                distance_mm: 0,
                visits: Vec::new(),
            };
            let books = Books { report: &mut report, served: &mut served, shared: &mut shared };
            Drive::new(problem, relaxed, &home, carried[idx], books).judge();
        }
    }
    if relaxed.is_whole() {
        orders(problem, plan, &served, &mut report);
    }
    shared.judge(problem, relaxed, &served, &mut report);
    report
}

fn orders(problem: &Problem, plan: &Plan, served: &[u32], report: &mut Report) {
    let mut out = vec![0_u32; served.len()];
    for unassigned in &plan.unassigned {
        if let Some(n) = out.get_mut(unassigned.order as usize) {
            *n += 1;
        }
    }
    for (idx, order) in problem.orders().iter().enumerate() {
        let id = idx as u32;
        match served[idx] + out[idx] {
            0 => report.violations.push(Violation::Forgotten { order: id }),
            1 => {}
            _ => report.violations.push(Violation::Twice { order: id }),
        }
        if served[idx] == 0 {
            match order.presence {
                Presence::Required => report.costs.n_required_unassigned += 1,
                Presence::Optional(prize) => report.costs.prizes_lost += prize,
            }
        }
    }
}

/// What judging fills in.
struct Books<'a> {
    report: &'a mut Report,
    served: &'a mut [u32],
    shared: &'a mut Shared,
}

/// One route being driven.
struct Drive<'a> {
    problem: &'a Problem,
    relaxed: &'a Relaxed,
    vehicle: &'a Vehicle,
    route: &'a Route,
    report: &'a mut Report,
    served: &'a mut [u32],
    shared: &'a mut Shared,
    now_ms: i64,
    place: u32,
    load: Load64,
    charge_mwh: i64,
    trip: u32,
    /// Where the load of this trip comes from; `None` on the road.
    depot: Option<u32>,
    /// Transfers on board that were picked up on this route.
    picked: Vec<u32>,
    /// Worst excess so far that the committed tasks alone explain.
    excused_mwh: i64,
    /// Permits that the way home after the committed tasks lacks anyway.
    excused_permits: u64,
}

impl<'a> Drive<'a> {
    fn new(
        problem: &'a Problem,
        relaxed: &'a Relaxed,
        route: &'a Route,
        carried: Load64,
        books: Books<'a>,
    ) -> Self {
        let vehicle = relaxed.vehicle(problem, route.vehicle);
        Self {
            problem,
            relaxed,
            vehicle,
            route,
            report: books.report,
            served: books.served,
            shared: books.shared,
            now_ms: route.depart_ms,
            place: problem.start_location(vehicle),
            load: carried,
            charge_mwh: vehicle.battery.as_ref().map_or(0, |b| b.start_mwh),
            trip: 0,
            depot: match vehicle.start {
                Start::Depot(depot) => Some(depot),
                Start::Road(_) => None,
            },
            picked: Vec::new(),
            excused_mwh: 0,
            excused_permits: 0,
        }
    }

    fn order(&self, idx: u32) -> Option<&'a Order> {
        self.relaxed.order(self.problem, idx)
    }

    fn fail(&mut self, violation: Violation) {
        self.report.violations.push(violation);
    }

    fn judge(&mut self) {
        let v = self.route.vehicle;
        let carried = self.load;
        self.load_trip(0, false);
        self.check_load(0, &carried);
        if self.route.depart_ms < self.vehicle.shift.start_ms {
            let late_ms = self.vehicle.shift.start_ms - self.route.depart_ms;
            self.fail(Violation::Shift { vehicle: v, late_ms });
        }
        let home = self.committed_alone(carried);
        self.excused_mwh = home.short_mwh;
        self.excused_permits = home.missing_permits;
        let release = self.release_of_trip(0);
        if self.now_ms < release && self.trip_has_deliveries(0) {
            // The route waits at the depot until its load is there.
            self.now_ms = release;
        }
        let mut distance_mm = 0;
        let mut n_reloads = 0;
        let capacity_before = carried;
        for (idx, visit) in self.route.visits.iter().enumerate() {
            let is_committed = idx < self.vehicle.committed.len();
            if is_committed && !same_task(visit.task, self.vehicle.committed[idx]) {
                self.fail(Violation::Committed { vehicle: v, visit: idx });
            }
            let Some(location) = self.location(visit.task) else {
                self.fail(Violation::Task { vehicle: v, visit: idx });
                continue;
            };
            distance_mm += self.drive(location, idx, is_committed);
            let arrive_ms = self.now_ms;
            let begin_ms = self.begin(visit, idx, is_committed);
            self.now_ms = begin_ms;
            self.act(visit.task, idx);
            self.price(visit.task, begin_ms);
            if let Task::Charge { charger, .. } = visit.task {
                let span = (begin_ms, self.now_ms);
                self.shared.charge(charger, span, (v, idx), is_committed);
            }
            n_reloads += u32::from(matches!(visit.task, Task::Reload(_)) && !is_committed);
            if !is_committed {
                self.check_load(idx + 1, &capacity_before);
            }
            let stated = (visit.arrive_ms, visit.begin_ms, visit.leave_ms, visit.charge_mwh);
            let found = (arrive_ms, begin_ms, self.now_ms, self.charge_mwh);
            let is_load_right = visit.load.map(i64::from) == self.load;
            if visit.is_timed() && (stated != found || !is_load_right) {
                self.fail(Violation::Stated { vehicle: v, visit: idx });
            }
        }
        if self.route.visits.len() < self.vehicle.committed.len() {
            let visit = self.route.visits.len();
            self.fail(Violation::Committed { vehicle: v, visit });
        }
        if n_reloads > self.vehicle.reloads_max {
            self.fail(Violation::Reloads { vehicle: v, n: n_reloads });
        }
        for order in std::mem::take(&mut self.picked) {
            self.fail(Violation::NotDelivered { vehicle: v, order });
        }
        let violations = &mut self.report.violations;
        space::judge(self.problem, self.relaxed, self.vehicle, self.route, violations);
        if let Some(end) = self.vehicle.end {
            distance_mm += self.drive(end, self.route.visits.len(), false);
            self.now_ms = self.now_ms.max(self.vehicle.shift.start_ms);
        }
        self.close(distance_mm, &home);
    }

    /// Shift, length and costs.
    fn close(&mut self, distance_mm: i64, home: &Home) {
        let v = self.route.vehicle;
        let vehicle = self.vehicle;
        let end_max = vehicle.shift.end_ms.max(home.end_ms);
        if self.now_ms > end_max {
            self.fail(Violation::Shift { vehicle: v, late_ms: self.now_ms - end_max });
        }
        let is_own = self.route.visits.len() > vehicle.committed.len();
        let duration_ms = self.now_ms - self.route.depart_ms;
        if let Some(max_ms) = vehicle.duration_ms_max.filter(|&m| is_own && duration_ms > m) {
            self.fail(Violation::Shift { vehicle: v, late_ms: duration_ms - max_ms });
        }
        if let Some(max_mm) = vehicle.distance_mm_max.filter(|&m| is_own && distance_mm > m) {
            self.fail(Violation::Distance { vehicle: v, over_mm: distance_mm - max_mm });
        }
        let costs = &mut self.report.costs;
        costs.distance_mm += distance_mm;
        costs.duration_ms += duration_ms;
        costs.distance += scaled(vehicle.cost_per_km, distance_mm, 1_000_000);
        costs.time += scaled(vehicle.cost_per_hour, duration_ms, HOUR_MS);
        if !self.route.visits.is_empty() {
            costs.n_vehicles += 1;
            costs.fixed += vehicle.cost_fixed;
        }
    }

    fn location(&self, task: Task) -> Option<u32> {
        match task {
            Task::Serve(order) | Task::Collect(order) => {
                stop(self.order(order)?, task).map(|s| s.location)
            }
            Task::Reload(depot) => self.problem.depots().get(depot as usize).map(|d| d.location),
            Task::Charge { charger, .. } => {
                self.vehicle.battery.as_ref()?;
                self.problem.chargers().get(charger as usize).map(|c| c.location)
            }
        }
    }

    /// Drives to a location and returns the distance.
    fn drive(&mut self, to: u32, visit: usize, is_committed: bool) -> i64 {
        let leg = self.problem.leg(self.vehicle, self.place, to);
        let vehicle = self.route.vehicle;
        let from = std::mem::replace(&mut self.place, to);
        if !leg.is_open() {
            self.fail(Violation::Closed { vehicle, visit });
            return 0;
        }
        let lacking = self.problem.permits().way(from, to) & !self.vehicle.permits;
        let is_home = visit == self.route.visits.len();
        let missing = lacking & !if is_home { self.excused_permits } else { 0 };
        if missing != 0 && !is_committed {
            self.fail(Violation::Permits { vehicle, visit, missing });
        }
        self.now_ms += i64::from(leg.duration_ms);
        if let Some(battery) = &self.vehicle.battery {
            let for_load = battery.load_mwh(leg.distance_mm, &self.load);
            self.charge_mwh -= i64::from(leg.energy_mwh.max(0)) + for_load;
            let short_mwh = battery.reserve_mwh - self.charge_mwh;
            if short_mwh > self.excused_mwh.max(0) && !is_committed {
                self.fail(Violation::Charge { vehicle, visit, short_mwh });
            }
        }
        i64::from(leg.distance_mm)
    }

    /// When the task begins after arriving now: as soon as it can, or later if that is stated.
    fn begin(&mut self, stated: &Visit, visit: usize, is_committed: bool) -> i64 {
        let (now, task) = (self.now_ms, stated.task);
        let problem = self.problem;
        let windows = match task {
            Task::Serve(order) | Task::Collect(order) => {
                let stop = self.order(order).and_then(|o| stop(o, task));
                stop.map_or(&[][..], |s| &s.windows)
            }
            Task::Reload(depot) => std::slice::from_ref(&problem.depots()[depot as usize].window),
            Task::Charge { charger, .. } => {
                std::slice::from_ref(&problem.chargers()[charger as usize].window)
            }
        };
        let is_open = |at: i64| windows.iter().any(|w| w.start_ms <= at && at <= w.end_ms);
        if stated.is_timed() && stated.begin_ms > now && is_open(stated.begin_ms) {
            return stated.begin_ms;
        }
        if let Some(window) = windows.iter().find(|w| now <= w.end_ms) {
            return now.max(window.start_ms);
        }
        if !is_committed {
            let late_ms = windows.last().map_or(0, |w| now - w.end_ms);
            self.fail(Violation::Late { vehicle: self.route.vehicle, visit, late_ms });
        }
        now
    }

    fn add(&mut self, load: &Load, sign: i64) {
        for (sum, amount) in self.load.iter_mut().zip(load) {
            *sum += sign * i64::from(*amount);
        }
    }

    fn act(&mut self, task: Task, visit: usize) {
        let (vehicle, problem) = (self.route.vehicle, self.problem);
        match task {
            Task::Collect(idx) => {
                let Some(order) = self.order(idx) else { return };
                self.now_ms += stop(order, task).map_or(0, |s| s.service_ms);
                self.add(&order.load, 1);
                self.picked.push(idx);
                self.check_skills(idx, order, visit);
            }
            Task::Serve(idx) => {
                let Some(order) = self.order(idx) else { return };
                if let Some(n) = self.served.get_mut(idx as usize) {
                    *n += 1;
                }
                self.now_ms += stop(order, task).map_or(0, |s| s.service_ms);
                self.check_skills(idx, order, visit);
                let is_there = match (&order.kind, order.on_board) {
                    (OrderKind::Pickup(_), _) => true,
                    (_, Some(carrier)) => carrier == vehicle && self.trip == 0,
                    (OrderKind::Delivery(_), None) => {
                        self.trip > 0 || matches!(self.vehicle.start, Start::Depot(_))
                    }
                    (OrderKind::Transfer { .. }, None) => {
                        let n_before = self.picked.len();
                        self.picked.retain(|&p| p != idx);
                        self.picked.len() + 1 == n_before
                    }
                };
                if !is_there {
                    self.fail(Violation::NotOnBoard { vehicle, visit, order: idx });
                }
                let sign = if matches!(order.kind, OrderKind::Pickup(_)) { 1 } else { -1 };
                self.add(&order.load, sign);
            }
            Task::Reload(depot) => {
                let is_committed = visit < self.vehicle.committed.len();
                if !self.vehicle.reload_depots.contains(&depot) && !is_committed {
                    self.fail(Violation::Task { vehicle, visit });
                }
                for order in self.picked.clone() {
                    self.fail(Violation::NotOnBoard { vehicle, visit, order });
                }
                self.trip += 1;
                self.depot = Some(depot);
                self.load = [0; MAX_LOAD_DIMS];
                self.now_ms += problem.depots()[depot as usize].reload_ms;
                self.now_ms = self.now_ms.max(self.release_of_trip(visit + 1));
                self.load_trip(visit + 1, is_committed);
            }
            Task::Charge { charger, energy_mwh } => {
                let place = &problem.chargers()[charger as usize];
                if let Some(battery) = &self.vehicle.battery {
                    let from = self.charge_mwh.max(0);
                    let room = (battery.capacity_mwh - self.charge_mwh).max(0);
                    let is_own = visit >= self.vehicle.committed.len();
                    let (taken, is_wrong, charging_ms) = match place.kind {
                        ChargeKind::Plug { power_mw } => {
                            let taken = energy_mwh.clamp(0, room);
                            let charging_ms = battery.charge_ms(from, from + taken, power_mw);
                            (taken, energy_mwh > room, charging_ms)
                        }
                        ChargeKind::Swap => (room, energy_mwh != room, 0),
                    };
                    if energy_mwh < 0 || is_wrong && is_own {
                        self.fail(Violation::Task { vehicle, visit });
                    }
                    self.charge_mwh += taken;
                    self.now_ms += place.setup_ms + charging_ms;
                }
            }
        }
    }

    /// Costs of coming early or late, and of changing what was told.
    fn price(&mut self, task: Task, begin_ms: i64) {
        let (Task::Serve(idx) | Task::Collect(idx)) = task else { return };
        let Some(order) = self.order(idx) else { return };
        let costs = &mut self.report.costs;
        if let Some(soft) = stop(order, task).and_then(|s| s.soft) {
            costs.lateness += missed(&soft, begin_ms);
            costs.late_ms += (begin_ms - soft.window.end_ms).max(0);
            if begin_ms > soft.window.end_ms {
                self.shared.note_late(idx);
            }
        }
        if matches!(task, Task::Collect(_)) {
            return;
        }
        let told = &order.told;
        costs.stability += told.begin.as_ref().map_or(Money::ZERO, |soft| missed(soft, begin_ms));
        if let Some((vehicle, cost)) = told.vehicle
            && vehicle != self.route.vehicle
        {
            costs.stability += cost;
        }
        let is_loaded = matches!(order.kind, OrderKind::Delivery(_)) && order.on_board.is_none();
        if let Some((depot, cost)) = told.depot
            && is_loaded
            && self.depot != Some(depot)
        {
            costs.stability += cost;
        }
    }

    fn check_skills(&mut self, idx: u32, order: &Order, visit: usize) {
        let is_committed = visit < self.vehicle.committed.len();
        if !is_committed && order.skills & !self.vehicle.skills != 0 {
            self.fail(Violation::Skills { vehicle: self.route.vehicle, order: idx });
        }
    }

    /// Deliveries of the trip whose first visit is `from`.
    fn trip_deliveries(&self, from: usize) -> impl Iterator<Item = &'a Order> + use<'a> {
        let problem = self.problem;
        self.route.visits[from.min(self.route.visits.len())..]
            .iter()
            .map(|visit| visit.task)
            .take_while(|task| !matches!(task, Task::Reload(_)))
            .filter_map(move |task| match task {
                Task::Serve(idx) => problem.orders().get(idx as usize),
                _ => None,
            })
            .filter(|o| matches!(o.kind, OrderKind::Delivery(_)) && o.on_board.is_none())
    }

    fn trip_has_deliveries(&self, from: usize) -> bool {
        self.trip_deliveries(from).next().is_some()
    }

    fn load_trip(&mut self, from: usize, is_committed: bool) {
        let orders: Vec<&Order> = self.trip_deliveries(from).collect();
        for order in orders {
            self.add(&order.load, 1);
            if let Some(depot) = self.depot {
                self.shared.draw(depot, &order.load, is_committed);
            }
        }
    }

    fn release_of_trip(&self, from: usize) -> i64 {
        self.trip_deliveries(from).map(|o| o.release_ms).max().unwrap_or(i64::MIN)
    }

    fn check_load(&mut self, visit: usize, carried: &Load64) {
        for (dim, &on_board) in carried.iter().enumerate() {
            // What is on board already may exceed the capacity; it cannot be undone.
            let max = i64::from(self.vehicle.capacity[dim]).max(on_board);
            let over = self.load[dim] - max;
            if over > 0 && self.route.visits.len() > self.vehicle.committed.len() {
                self.fail(Violation::Load { vehicle: self.route.vehicle, visit, dim, over });
            }
        }
    }

    /// When the vehicle would be home, and how empty, with its committed tasks alone: what they
    /// break by themselves is excused.
    fn committed_alone(&self, carried: Load64) -> Home {
        let vehicle = self.vehicle;
        let is_on_road = matches!(vehicle.start, Start::Road(_));
        let mut home = Home { end_ms: i64::MIN, short_mwh: 0, missing_permits: 0 };
        if vehicle.committed.is_empty() && !is_on_road {
            return home;
        }
        let alone = Route {
            vehicle: self.route.vehicle,
            depart_ms: vehicle.shift.start_ms,
            end_ms: 0,
            distance_mm: 0,
            visits: vehicle.committed.iter().map(|&task| Visit::untimed(task)).collect(),
        };
        let (mut report, mut shared) = (Report::default(), Shared::new(self.problem));
        let books = Books { report: &mut report, served: &mut [], shared: &mut shared };
        let mut drive = Drive::new(self.problem, self.relaxed, &alone, carried, books);
        drive.load_trip(0, true);
        let release = drive.release_of_trip(0);
        drive.now_ms = drive.now_ms.max(release);
        let reserve_mwh = vehicle.battery.as_ref().map_or(0, |b| b.reserve_mwh);
        for (idx, visit) in alone.visits.iter().enumerate() {
            let Some(location) = drive.location(visit.task) else { continue };
            drive.drive(location, idx, true);
            home.short_mwh = home.short_mwh.max(reserve_mwh - drive.charge_mwh);
            drive.now_ms = drive.begin(visit, idx, true);
            drive.act(visit.task, idx);
        }
        if let Some(end) = vehicle.end {
            home.missing_permits = self.problem.permits().way(drive.place, end) & !vehicle.permits;
            drive.drive(end, alone.visits.len(), true);
            home.short_mwh = home.short_mwh.max(reserve_mwh - drive.charge_mwh);
        }
        home.end_ms = drive.now_ms;
        home
    }
}

/// How a vehicle comes home with its committed tasks alone.
struct Home {
    end_ms: i64,
    short_mwh: i64,
    missing_permits: u64,
}

const HOUR_MS: i64 = 3_600_000;

fn scaled(rate: Money, amount: i64, per: i64) -> Money {
    Money((i128::from(rate.0) * i128::from(amount) / i128::from(per)) as i64)
}

/// Cost of beginning at a moment in or outside of a soft window.
fn missed(soft: &SoftWindow, begin_ms: i64) -> Money {
    let early_ms = (soft.window.start_ms - begin_ms).max(0);
    let late_ms = (begin_ms - soft.window.end_ms).max(0);
    scaled(soft.early_per_hour, early_ms, HOUR_MS) + scaled(soft.late_per_hour, late_ms, HOUR_MS)
}

fn stop(order: &Order, task: Task) -> Option<&Stop> {
    match (&order.kind, task) {
        (OrderKind::Delivery(stop) | OrderKind::Pickup(stop), Task::Serve(_)) => Some(stop),
        (OrderKind::Transfer { dropoff, .. }, Task::Serve(_)) => Some(dropoff),
        (OrderKind::Transfer { pickup, .. }, Task::Collect(_)) if order.on_board.is_none() => {
            Some(pickup)
        }
        _ => None,
    }
}

/// A committed charge may take less than planned if the battery is fuller than thought.
fn same_task(found: Task, committed: Task) -> bool {
    match (found, committed) {
        (Task::Charge { charger: a, .. }, Task::Charge { charger: b, .. }) => a == b,
        _ => found == committed,
    }
}
