//! Compiles a problem, or a part of one, into an instance.

use std::sync::Arc;

use rv_model::dispatch::{
    ChargeKind, Load, MAX_LOAD_DIMS, Order, OrderKind, Presence, Problem, SoftWindow, Start, Stop,
    Task, Travel, Vehicle, Window,
};

use super::{
    CHARGES_MAX, CLOSED, HORIZON, Instance, Job, Kind, Lite, NONE, Node, PER_MM_MAX, Range, Veh,
};
use crate::Weights;
use crate::rich::{Rich, Share, Soft, Terms};

/// Most reloads of one vehicle that the search considers at one depot.
const RELOADS_MAX: u32 = 12;

/// Compiles the given orders and vehicles of a problem. Committed and on-board orders must come
/// with their vehicles, and the other way round.
pub(crate) fn compile<'p>(
    problem: &'p Problem,
    orders: &[u32],
    vehicles: &[u32],
    scope: &Scope<'_>,
) -> Instance<'p> {
    let vehicle = |idx: &u32| &problem.vehicles()[*idx as usize];
    let origin_ms = vehicles.iter().map(|v| vehicle(v).shift.start_ms).min().unwrap_or(0);
    let mut builder = Builder {
        problem,
        origin_ms,
        locations: Vec::new(),
        local: std::collections::BTreeMap::new(),
        nodes: Vec::new(),
        windows: Vec::new(),
        rich: Rich::default(),
    };
    let orders = &chained(problem, orders);
    let scale = CostScale::new(problem, orders, vehicles, scope.weights);
    let mut jobs = builder.jobs(orders, vehicles, &scale);
    builder.levels(orders, scope, &scale);
    let n_tasks = builder.nodes.len();
    let mut vehs: Vec<Veh> =
        vehicles.iter().map(|&v| builder.vehicle(v, vehicle(&v), &scale)).collect();
    for job in &jobs {
        let Some(veh) = vehs.get_mut(job.only as usize) else { continue };
        for (d, amount) in problem.orders()[job.order as usize].load.into_iter().enumerate() {
            veh.base_load[d] = veh.base_load[d].saturating_add(amount).min(1 << 30);
            veh.capacity[d] = veh.capacity[d].max(veh.base_load[d]);
        }
    }
    builder.helpers(&mut vehs, scope.share);
    builder.commit(&mut vehs, &mut jobs);
    class_vehicles(problem, &mut vehs);
    let n_spare = if scope.share.has_spare_depots { problem.depots().len() as u32 } else { 0 };
    let spare_reloads = (0..n_spare).map(|d| builder.reload(d)).collect();
    let has_open_end = vehs.iter().any(|v| builder.nodes[v.end as usize].loc == NONE);
    let Builder { locations, mut nodes, windows, rich, .. } = builder;
    let n_locs = locations.len() + usize::from(has_open_end);
    if has_open_end {
        for node in nodes.iter_mut().filter(|n| n.loc == NONE) {
            node.loc = n_locs as u32 - 1;
        }
    }
    let has_battery = vehs.iter().any(|v| v.range.is_some());
    let (legs, energy) = tables(problem, &locations, n_locs, has_battery);
    let mut inst = Instance {
        problem,
        origin_ms,
        nodes,
        n_tasks,
        jobs,
        vehs,
        windows,
        n_dims: problem.n_load_dims(),
        n_locs,
        spare_reloads,
        is_simple: false,
        is_simple_but_battery: false,
        charge_rate_mw: charge_rate_mw(problem, vehicles),
        rich,
        lite: Vec::new(),
        costs_per_mm: Vec::new(),
        legs: Arc::new(legs),
        legs_to: Arc::default(),
        energy: Arc::new(energy),
        cost_shift: scale.shift,
    };
    crate::rich::prepare(&mut inst, &locations, scope.share);
    crate::route::accept_committed(&mut inst);
    simplify(&mut inst);
    inst
}

/// The one power of all charging, if there is one.
fn charge_rate_mw(problem: &Problem, vehicles: &[u32]) -> Option<i64> {
    let batteries =
        vehicles.iter().filter_map(|&v| problem.vehicles()[v as usize].battery.as_ref());
    let steps = batteries.flat_map(|b| &b.curve);
    let powers = steps.flat_map(|step| {
        problem.chargers().iter().map(|charger| match charger.kind {
            ChargeKind::Plug { power_mw } => Some(step.power_mw.min(power_mw)),
            ChargeKind::Swap => None,
        })
    });
    let mut rate = None;
    for power_mw in powers {
        let power_mw = power_mw?;
        if *rate.get_or_insert(power_mw) != power_mw {
            return None;
        }
    }
    rate
}

/// Prepares the short way if the instance allows it.
fn simplify(inst: &mut Instance<'_>) {
    let is_plain = |v: &Veh| {
        v.profile == 0
            && v.cost_per_ms == 0
            && v.duration_max == i32::MAX
            && v.distance_max == i64::MAX
            && v.reloads_max == 0
            && v.committed.is_empty()
            && !v.starts_on_road
            && v.base_load == [0; MAX_LOAD_DIMS]
    };
    let is_job_plain = |j: &Job| j.skills == 0 && j.only == NONE;
    let start_min = inst.vehs.iter().map(|v| v.shift_start).min().unwrap_or(0);
    let is_simple_but_battery = inst.n_dims == 1
        && !inst.rich.is_on
        && inst.windows.is_empty()
        && inst.vehs.iter().all(is_plain)
        && inst.jobs.iter().all(is_job_plain)
        && inst.nodes.iter().all(|n| n.release <= start_min);
    inst.is_simple = is_simple_but_battery && inst.vehs.iter().all(|v| v.range.is_none());
    inst.is_simple_but_battery =
        is_simple_but_battery && inst.vehs.iter().all(|v| v.range.is_some());
    let n = inst.n_locs;
    let is_symmetric = (0..n).all(|i| (0..i).all(|j| inst.legs[i * n + j] == inst.legs[j * n + i]));
    inst.legs_to = if is_symmetric {
        Arc::clone(&inst.legs)
    } else {
        let turned = (0..n * n).map(|at| inst.legs[at % n * n + at / n]);
        Arc::new(turned.collect())
    };
    if !inst.is_simple {
        return;
    }
    let lite = |node: &Node| {
        let load = node.load[0];
        Lite {
            open: node.open,
            close: node.close,
            service: node.service,
            loc: node.loc,
            load,
            change: match node.kind {
                Kind::Delivery | Kind::Drop => -load,
                Kind::Pickup | Kind::Collect => load,
                _ => 0,
            },
            at_start: if node.kind == Kind::Delivery { load } else { 0 },
        }
    };
    inst.costs_per_mm = inst.vehs.iter().map(|v| v.cost_per_mm).collect();
    inst.lite = inst.nodes.iter().map(lite).collect();
}

/// Most orders that are brought into a chain; more would take too long.
const CHAINED_MAX: usize = 4000;

/// Orders in a chain from neighbour to neighbour, so that what the search reads together lies
/// together.
fn chained(problem: &Problem, orders: &[u32]) -> Vec<u32> {
    let travel = &problem.travels()[0];
    let stop = |order: u32| match &problem.orders()[order as usize].kind {
        OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
        OrderKind::Transfer { pickup, .. } => pickup.location,
    };
    let mut chain = orders.to_vec();
    if chain.len() > CHAINED_MAX || matches!(travel, Travel::Source(_)) {
        return chain;
    }
    for at in 1..chain.len() {
        let here = stop(chain[at - 1]);
        let away = |order: u32| travel.leg(here, stop(order)).distance_mm;
        let nearest = (at..chain.len()).min_by_key(|&k| (away(chain[k]), chain[k]));
        chain.swap(at, nearest.unwrap_or(at));
    }
    chain
}

/// Brings millionths of currency times millimetres into 63 bits.
struct CostScale {
    shift: u32,
    absent: f64,
    weights: Weights,
}

/// What compiling depends on beside the problem.
pub(crate) struct Scope<'a> {
    pub weights: &'a Weights,
    pub share: &'a Share,
}

impl CostScale {
    fn new(problem: &Problem, orders: &[u32], vehicles: &[u32], weights: &Weights) -> Self {
        let vehicles = || vehicles.iter().map(|&v| &problem.vehicles()[v as usize]);
        let max = |f: fn(&Vehicle) -> i64| vehicles().map(f).max().unwrap_or(0) as f64;
        // A detour to one order never costs more than four legs of a continent's length and a day
        // of waiting.
        let (per_km, per_hour) = (max(|v| v.cost_per_km.0), max(|v| v.cost_per_hour.0));
        let leg_km = leg_km_max(problem, orders);
        let driving = 8.0 * leg_km * per_km + 24.0 * per_hour + 2.0 * max(|v| v.cost_fixed.0);
        // Nor is it worth leaving it out to be in time, or to keep to what was told.
        let terms = orders.iter().map(|&o| dearest_terms(problem, o, weights));
        let (dearest, all_terms) =
            terms.fold((0.0, 0.0), |(most, sum): (f64, f64), t| (most.max(t), sum + t));
        let driving = driving * weights.cost.max(1e-3) + 2.0 * weights.vehicle.0 as f64;
        let absent = (1e6 * (driving + 2.0 * dearest)).max(1e6) * weights.unserved.max(1.0);
        let prize = orders.iter().map(|&o| match problem.orders()[o as usize].presence {
            Presence::Optional(prize) => prize.0 as f64 * 1e6 * weights.unserved,
            Presence::Required => absent,
        });
        let levels: f64 = problem.tenants().iter().map(|t| t.cost_per_order.0 as f64).sum();
        let total = 1e6 * (all_terms + levels * weights.stability * orders.len() as f64)
            + prize.sum::<f64>()
            + absent * (vehicles().count() as f64 + 8.0);
        let mut shift = 0;
        let is_too_fine = |shift: u32| {
            total / f64::from(1_u32 << shift) > (1_i64 << 60) as f64
                || per_km / f64::from(1_u32 << shift) > PER_MM_MAX as f64
        };
        while is_too_fine(shift) && shift < 31 {
            shift += 1;
        }
        Self { shift, absent, weights: weights.clone() }
    }

    /// From millionths of currency, times a weight.
    fn weighed(&self, amount: i64, weight: f64) -> i64 {
        if weight == 1.0 { self.money(amount) } else { self.money(times(amount, weight)) }
    }

    /// From currency per hour to cost per ms, times a weight.
    fn per_ms_weighed(&self, per_hour: i64, weight: f64) -> i64 {
        self.per_ms(if weight == 1.0 { per_hour } else { times(per_hour, weight) })
    }

    /// From millionths of currency.
    fn money(&self, amount: i64) -> i64 {
        ((i128::from(amount) * 1_000_000) >> self.shift).min(i128::from(i64::MAX / 8)) as i64
    }

    /// From currency per km to cost per mm.
    fn per_mm(&self, per_km: i64) -> i64 {
        if per_km == 0 { 0 } else { (per_km >> self.shift).max(1) }
    }

    /// From currency per hour to cost per ms.
    fn per_ms(&self, per_hour: i64) -> i64 {
        if per_hour == 0 {
            return 0;
        }
        ((i128::from(per_hour) * 10 / 36) >> self.shift).max(1) as i64
    }
}

fn times(amount: i64, weight: f64) -> i64 {
    (amount as f64 * weight).clamp(0.0, 9e18) as i64
}

/// What the terms of an order can cost if it is served within two days of what they ask for, in
/// millionths of currency.
fn dearest_terms(problem: &Problem, order: u32, weights: &Weights) -> f64 {
    let order = &problem.orders()[order as usize];
    let hours = |soft: &Option<SoftWindow>| {
        soft.map_or(0.0, |s| 48.0 * s.early_per_hour.0.max(s.late_per_hour.0) as f64)
    };
    let stops = match &order.kind {
        OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => hours(&stop.soft),
        OrderKind::Transfer { pickup, dropoff } => hours(&pickup.soft) + hours(&dropoff.soft),
    };
    let told = [order.told.vehicle, order.told.depot].into_iter().flatten();
    let told = told.map(|(_, cost)| cost.0 as f64).sum::<f64>() + hours(&order.told.begin);
    stops * weights.lateness + told * weights.stability
}

/// A bound on the length of the legs among the orders' stops, starts, depots and chargers, from a
/// sample of them.
fn leg_km_max(problem: &Problem, orders: &[u32]) -> f64 {
    let stop = |order: u32| match &problem.orders()[order as usize].kind {
        OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
        OrderKind::Transfer { pickup, .. } => pickup.location,
    };
    let Some(&first) = orders.first() else { return 1.0 };
    let mut longest_mm = 1_000_000;
    for travel in problem.travels() {
        let stops = orders.iter().step_by(orders.len() / 200 + 1).map(|&o| stop(o));
        let n_vehicles = problem.vehicles().len();
        let vehicles = problem.vehicles().iter().step_by(n_vehicles / 50 + 1);
        let ends = vehicles.flat_map(|v| [Some(problem.start_location(v)), v.end]).flatten();
        let depots = problem.depots().iter().step_by(problem.depots().len() / 50 + 1);
        let chargers = problem.chargers().iter().step_by(problem.chargers().len() / 50 + 1);
        let facilities = depots.map(|d| d.location).chain(chargers.map(|c| c.location));
        for location in stops.chain(ends).chain(facilities) {
            let leg = travel.leg(stop(first), location);
            if leg.is_open() {
                longest_mm = longest_mm.max(leg.distance_mm);
            }
        }
    }
    // Any two stops lie within twice the longest way from the first.
    2.0 * f64::from(longest_mm) / 1e6
}

struct Builder<'p> {
    problem: &'p Problem,
    origin_ms: i64,
    locations: Vec<u32>,
    local: std::collections::BTreeMap<u32, u32>,
    nodes: Vec<Node>,
    windows: Vec<(i32, i32)>,
    rich: Rich,
}

impl Builder<'_> {
    fn time(&self, at_ms: i64) -> i32 {
        at_ms.saturating_sub(self.origin_ms).clamp(i64::from(-HORIZON), i64::from(HORIZON)) as i32
    }

    fn local(&mut self, location: u32) -> u32 {
        let locations = &mut self.locations;
        *self.local.entry(location).or_insert_with(|| {
            locations.push(location);
            locations.len() as u32 - 1
        })
    }

    /// A node of a facility, start or end; open in `window`.
    fn plain(&mut self, kind: Kind, location: Option<u32>, window: &Window) -> Node {
        Node {
            loc: location.map_or(NONE, |l| self.local(l)),
            service: 0,
            open: self.time(window.start_ms),
            close: self.time(window.end_ms),
            windows: (0, 0),
            load: [0; MAX_LOAD_DIMS],
            kind,
            job: NONE,
            mate: NONE,
            release: 0,
            facility: NONE,
            charge_mwh: -1,
        }
    }

    fn push(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    fn stop(&mut self, kind: Kind, stop: &Stop, job: u32, load: Load) -> u32 {
        let hull = Window {
            start_ms: stop.windows[0].start_ms,
            end_ms: stop.windows[stop.windows.len() - 1].end_ms,
        };
        let mut node = self.plain(kind, Some(stop.location), &hull);
        node.service = stop.service_ms.min(i64::from(HORIZON)) as i32;
        node.load = load;
        node.job = job;
        if stop.windows.len() > 1 {
            let from = self.windows.len() as u32;
            for window in &stop.windows {
                let window = (self.time(window.start_ms), self.time(window.end_ms));
                self.windows.push(window);
            }
            node.windows = (from, self.windows.len() as u32);
        }
        self.push(node)
    }

    fn jobs(&mut self, orders: &[u32], vehicles: &[u32], scale: &CostScale) -> Vec<Job> {
        let problem = self.problem;
        let mut route_of = std::collections::BTreeMap::new();
        for (route, &vehicle) in vehicles.iter().enumerate() {
            route_of.insert(vehicle, route as u32);
        }
        let mut jobs = Vec::with_capacity(orders.len());
        for &idx in orders {
            let order = &problem.orders()[idx as usize];
            let job = jobs.len() as u32;
            let (mut second, load) = (NONE, order.load);
            let first = match (&order.kind, order.on_board) {
                (OrderKind::Delivery(stop), None) => {
                    let node = self.stop(Kind::Delivery, stop, job, load);
                    self.nodes[node as usize].release = self.time(order.release_ms).max(0);
                    node
                }
                (OrderKind::Delivery(stop), Some(_)) => self.stop(Kind::OnBoard, stop, job, load),
                (OrderKind::Pickup(stop), _) => self.stop(Kind::Pickup, stop, job, load),
                (OrderKind::Transfer { dropoff, .. }, Some(_)) => {
                    self.stop(Kind::OnBoard, dropoff, job, load)
                }
                (OrderKind::Transfer { pickup, dropoff }, None) => {
                    let first = self.stop(Kind::Collect, pickup, job, load);
                    second = self.stop(Kind::Drop, dropoff, job, load);
                    self.nodes[first as usize].mate = second;
                    self.nodes[second as usize].mate = first;
                    first
                }
            };
            // An order on board of a vehicle outside the instance has no route at all.
            let only =
                order.on_board.map_or(NONE, |v| route_of.get(&v).copied().unwrap_or(NONE - 1));
            let absent_cost = match order.presence {
                Presence::Required => (scale.absent / f64::from(1_u32 << scale.shift)) as i64,
                Presence::Optional(prize) => scale.weighed(prize.0, scale.weights.unserved),
            };
            let skills = order.skills;
            self.softs(order, [first, second], scale);
            self.terms(order, &route_of, scale);
            jobs.push(Job {
                order: idx,
                first,
                second,
                skills,
                permits: crate::rich::permits_of(problem, order),
                only,
                absent_cost,
                is_committed: false,
            });
        }
        jobs
    }

    /// Notes the soft windows of an order's nodes, if it has any.
    fn softs(&mut self, order: &Order, [first, second]: [u32; 2], scale: &CostScale) {
        let weights = &scale.weights;
        let note = |builder: &mut Self, node: u32, softs: [Option<(SoftWindow, f64)>; 2]| {
            let from = builder.rich.softs.len() as u32;
            for (soft, weight) in softs.into_iter().flatten() {
                let soft = Soft {
                    open: builder.time(soft.window.start_ms),
                    close: builder.time(soft.window.end_ms),
                    early: scale.per_ms_weighed(soft.early_per_hour.0, weight),
                    late: scale.per_ms_weighed(soft.late_per_hour.0, weight),
                };
                builder.rich.softs.push(soft);
            }
            let to = builder.rich.softs.len() as u32;
            if from < to {
                let n = builder.rich.soft_of.len().max(node as usize + 1);
                builder.rich.soft_of.resize(n, (0, 0));
                builder.rich.soft_of[node as usize] = (from, to);
            }
        };
        let own = |stop: &Stop| stop.soft.map(|s| (s, weights.lateness));
        let told = order.told.begin.map(|s| (s, weights.stability));
        match &order.kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => {
                note(self, first, [own(stop), told]);
            }
            OrderKind::Transfer { dropoff, .. } if second == NONE => {
                note(self, first, [own(dropoff), told]);
            }
            OrderKind::Transfer { pickup, dropoff } => {
                note(self, first, [own(pickup), None]);
                note(self, second, [own(dropoff), told]);
            }
        }
    }

    /// Notes what was told about an order, its tenant and its compartment.
    fn terms(
        &mut self,
        order: &Order,
        route_of: &std::collections::BTreeMap<u32, u32>,
        scale: &CostScale,
    ) {
        let told = &order.told;
        let weight = scale.weights.stability;
        let route = told.vehicle.map(|(v, cost)| {
            // A vehicle outside the instance: whoever serves it here is another.
            (route_of.get(&v).copied().unwrap_or(NONE - 1), scale.weighed(cost.0, weight))
        });
        let depot = told.depot.map(|(d, cost)| (d, scale.weighed(cost.0, weight)));
        self.rich.has_told |= route.is_some() || depot.is_some();
        let (told_route, told_route_cost) = route.unwrap_or((NONE, 0));
        let (told_depot, told_depot_cost) = depot.unwrap_or((NONE, 0));
        self.rich.terms.push(Terms {
            told_route,
            told_route_cost,
            told_depot,
            told_depot_cost,
            tenant: order.tenant.unwrap_or(NONE),
            compartment: order.compartment,
        });
    }

    /// Service levels: what of each tenant's allowance is left to the orders of the instance.
    fn levels(&mut self, orders: &[u32], scope: &Scope<'_>, scale: &CostScale) {
        let problem = self.problem;
        if problem.tenants().is_empty() {
            return;
        }
        let mut n_of = vec![0_i64; problem.tenants().len()];
        for tenant in problem.orders().iter().filter_map(|o| o.tenant) {
            n_of[tenant as usize] += 1;
        }
        let is_concerned = |tenant: usize| {
            orders.iter().any(|o| problem.orders()[*o as usize].tenant == Some(tenant as u32))
        };
        for (tenant, level) in problem.tenants().iter().enumerate() {
            let n = n_of[tenant];
            let n_wanted = (n * i64::from(level.share_permille) + 999) / 1000;
            let n_missed = scope.share.missed.get(tenant).copied().unwrap_or(0);
            let n_spare = (n - n_wanted - n_missed).max(0);
            let cost = scale.weighed(level.cost_per_order.0, scale.weights.lateness);
            self.rich.has_levels |= cost > 0 && is_concerned(tenant);
            self.rich.levels.push(crate::rich::Level { n_spare, cost });
        }
    }

    fn vehicle(&mut self, idx: u32, vehicle: &Vehicle, scale: &CostScale) -> Veh {
        let problem = self.problem;
        let start = self.plain(
            Kind::Start,
            Some(problem.start_location(vehicle)),
            &Window { start_ms: vehicle.shift.start_ms, end_ms: vehicle.shift.end_ms },
        );
        let shift_start = start.open;
        let mut start = start;
        if let Start::Depot(depot) = vehicle.start {
            start.facility = depot;
        }
        let start = self.push(start);
        let weights = &scale.weights;
        let end = self.plain(Kind::End, vehicle.end, &vehicle.shift);
        let end = self.push(end);
        Veh {
            vehicle: idx,
            start,
            end,
            profile: vehicle.profile,
            capacity: std::array::from_fn(|d| vehicle.capacity[d].max(vehicle.extra_load[d])),
            base_load: vehicle.extra_load,
            skills: vehicle.skills,
            permits: vehicle.permits,
            cost_per_mm: scale.per_mm(if weights.cost == 1.0 {
                vehicle.cost_per_km.0
            } else {
                times(vehicle.cost_per_km.0, weights.cost)
            }),
            cost_per_ms: scale.per_ms_weighed(vehicle.cost_per_hour.0, weights.cost),
            cost_fixed: scale.weighed(vehicle.cost_fixed.0, weights.cost)
                + scale.money(weights.vehicle.0),
            shift_start,
            duration_max: vehicle.duration_ms_max.map_or(i32::MAX, |d| d as i32),
            distance_max: vehicle.distance_mm_max.unwrap_or(i64::MAX),
            range: vehicle.battery.as_ref().map(|b| Range {
                start_mwh: b.start_mwh,
                capacity_mwh: b.capacity_mwh,
                floor_mwh: b.reserve_mwh,
            }),
            reloads_max: vehicle.reloads_max,
            reload_nodes: Vec::new(),
            charge_nodes: Vec::new(),
            committed: Vec::new(),
            class: 0,
            starts_on_road: matches!(vehicle.start, Start::Road(_)),
        }
    }

    fn helpers(&mut self, vehs: &mut [Veh], share: &Share) {
        let problem = self.problem;
        let all: Vec<u32> = (0..problem.chargers().len() as u32).collect();
        let chargers = share.chargers.as_ref().unwrap_or(&all);
        for veh in vehs.iter_mut() {
            let vehicle = &problem.vehicles()[veh.vehicle as usize];
            let may_be_at =
                |location: u32| problem.permits().location(location) & !vehicle.permits == 0;
            for &depot in &vehicle.reload_depots {
                if !may_be_at(problem.depots()[depot as usize].location) {
                    // The block keeps its place, so that blocks count as the vehicle's depots.
                    veh.reload_nodes.push(Vec::new());
                    continue;
                }
                let n = vehicle.reloads_max.min(RELOADS_MAX);
                let block = (0..n).map(|_| self.reload(depot)).collect();
                veh.reload_nodes.push(block);
            }
            if veh.range.is_some() {
                for &charger in chargers {
                    let place = problem.chargers()[charger as usize].location;
                    let n = if may_be_at(place) { CHARGES_MAX } else { 0 };
                    let block = (0..n).map(|_| self.charge(charger, -1)).collect();
                    veh.charge_nodes.push(block);
                }
            }
        }
    }

    fn reload(&mut self, depot: u32) -> u32 {
        let place = &self.problem.depots()[depot as usize];
        let mut node = self.plain(Kind::Reload, Some(place.location), &place.window);
        node.service = place.reload_ms.min(i64::from(HORIZON)) as i32;
        node.facility = depot;
        self.push(node)
    }

    fn charge(&mut self, charger: u32, energy_mwh: i64) -> u32 {
        let place = &self.problem.chargers()[charger as usize];
        let mut node = self.plain(Kind::Charge, Some(place.location), &place.window);
        node.service = place.setup_ms.min(i64::from(HORIZON)) as i32;
        node.facility = charger;
        node.charge_mwh = energy_mwh;
        self.push(node)
    }

    /// Turns committed tasks into nodes; those of orders outside the instance are skipped.
    fn commit(&mut self, vehs: &mut [Veh], jobs: &mut [Job]) {
        let mut job_of = std::collections::BTreeMap::new();
        for (job, entry) in jobs.iter().enumerate() {
            job_of.insert(entry.order, job);
        }
        for veh in vehs {
            for &task in &self.problem.vehicles()[veh.vehicle as usize].committed {
                let node = match task {
                    Task::Serve(order) | Task::Collect(order) => {
                        let Some(&job) = job_of.get(&order) else { continue };
                        jobs[job].is_committed = true;
                        let is_drop = matches!(task, Task::Serve(_)) && jobs[job].second != NONE;
                        if is_drop { jobs[job].second } else { jobs[job].first }
                    }
                    Task::Reload(depot) => self.reload(depot),
                    Task::Charge { charger, energy_mwh } => self.charge(charger, energy_mwh),
                };
                veh.committed.push(node);
            }
            // A transfer whose pickup is committed is delivered, whatever else happens: its dropoff
            // follows what is committed.
            let opened: Vec<u32> = veh
                .committed
                .iter()
                .filter(|id| self.nodes[**id as usize].kind == Kind::Collect)
                .map(|id| self.nodes[*id as usize].mate)
                .collect();
            for mate in opened {
                if !veh.committed.contains(&mate) {
                    veh.committed.push(mate);
                }
            }
        }
    }
}

/// Gives vehicles that are the same in everything but their id the same class.
fn class_vehicles(problem: &Problem, vehs: &mut [Veh]) {
    let mut examples: Vec<Vehicle> = Vec::new();
    for veh in vehs {
        let mine = Vehicle { id: 0, ..problem.vehicles()[veh.vehicle as usize].clone() };
        let is_plain = mine.committed.is_empty() && veh.base_load == [0; MAX_LOAD_DIMS];
        let found = examples.iter().rposition(|example| is_plain && *example == mine);
        veh.class = found.unwrap_or_else(|| {
            examples.push(mine);
            examples.len() - 1
        }) as u32;
    }
}

fn tables(
    problem: &Problem,
    locations: &[u32],
    n_locs: usize,
    has_battery: bool,
) -> (Vec<[i32; 2]>, Vec<i32>) {
    let n_profiles = problem.travels().len();
    let mut legs = vec![[0; 2]; n_profiles * n_locs * n_locs];
    let mut energy = vec![0; if has_battery { legs.len() } else { 0 }];
    for (profile, travel) in problem.travels().iter().enumerate() {
        let dense = travel.legs(locations);
        for (i, row) in dense.chunks(locations.len().max(1)).enumerate() {
            let at = (profile * n_locs + i) * n_locs;
            for (j, leg) in row.iter().enumerate() {
                legs[at + j] = if leg.is_open() {
                    [leg.duration_ms.clamp(0, CLOSED), leg.distance_mm.clamp(0, CLOSED)]
                } else {
                    [CLOSED, CLOSED]
                };
                if has_battery {
                    // Energy won downhill is not counted on: a full battery could not take it.
                    energy[at + j] = leg.energy_mwh.max(0);
                }
            }
        }
    }
    (legs, energy)
}
