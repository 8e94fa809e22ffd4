//! Cuts large problems into neighbourhoods.

use rv_base::Rng;
use rv_model::dispatch::{OrderKind, Plan, Problem, Task};

use crate::solve::n_stops;

/// Some orders and the vehicles that may serve them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub orders: Vec<u32>,
    pub vehicles: Vec<u32>,
}

impl Part {
    pub fn all(problem: &Problem) -> Self {
        Self {
            orders: (0..problem.orders().len() as u32).collect(),
            vehicles: (0..problem.vehicles().len() as u32).collect(),
        }
    }

    pub fn n_stops(&self, problem: &Problem) -> usize {
        self.orders.iter().map(|&o| n_stops(problem, o)).sum()
    }
}

/// Cuts points into compact groups of at most `weight_max` each (single heavier points stand
/// alone), by halving along the wider side again and again. Groups list point indices, ascending.
pub fn decompose(points_m: &[(f64, f64)], weights: &[f64], weight_max: f64) -> Vec<Vec<u32>> {
    let mut groups = Vec::new();
    let all = (0..points_m.len() as u32).collect();
    halve(points_m, weights, weight_max, all, 0.5, &mut groups);
    groups
}

fn halve(
    points: &[(f64, f64)],
    weights: &[f64],
    weight_max: f64,
    mut group: Vec<u32>,
    first_cut: f64,
    groups: &mut Vec<Vec<u32>>,
) {
    let weight = |idx: u32| weights.get(idx as usize).copied().unwrap_or(1.0);
    let total: f64 = group.iter().map(|&i| weight(i)).sum();
    if group.len() <= 1 || total <= weight_max {
        if !group.is_empty() {
            group.sort_unstable();
            groups.push(group);
        }
        return;
    }
    let spread = |f: fn(&(f64, f64)) -> f64| {
        let values = || group.iter().map(|&i| f(&points[i as usize]));
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    };
    let is_wide = spread(|p| p.0) >= spread(|p| p.1);
    let along = |i: u32| if is_wide { points[i as usize].0 } else { points[i as usize].1 };
    group.sort_by(|&a, &b| along(a).total_cmp(&along(b)).then(a.cmp(&b)));
    // Cutting at a multiple of the part size keeps parts full.
    let n_parts = (total / weight_max).ceil();
    let target = total * (n_parts * first_cut).round().clamp(1.0, n_parts - 1.0) / n_parts;
    let (mut sum, mut at) = (0.0, 0);
    while at + 1 < group.len() && (at == 0 || sum + weight(group[at]) <= target) {
        sum += weight(group[at]);
        at += 1;
    }
    let rest = group.split_off(at.max(1));
    halve(points, weights, weight_max, group, 0.5, groups);
    halve(points, weights, weight_max, rest, 0.5, groups);
}

/// Things that stay together when a problem is cut.
#[derive(Default)]
struct Item {
    orders: Vec<u32>,
    vehicle: Option<u32>,
    sum: (f64, f64),
    n: f64,
}

impl Item {
    fn add(&mut self, order: u32, at: (f64, f64)) {
        self.orders.push(order);
        self.sum = (self.sum.0 + at.0, self.sum.1 + at.1);
        self.n += 1.0;
    }
}

/// Cuts by orders; loads on board and committed stops stay with their vehicles.
pub(crate) fn parts_of_orders(problem: &Problem, stops_max: usize) -> Vec<Part> {
    let points = Points::new(problem);
    cut(problem, &points, items(problem, &points, &Plan::default()), stops_max, 0.0, 0.5)
}

/// Cuts by routes of a plan, along lines of a random direction.
pub(crate) fn parts_of_routes(
    problem: &Problem,
    plan: &Plan,
    stops_max: usize,
    rng: &mut Rng,
) -> Vec<Part> {
    let points = Points::new(problem);
    let (angle, first_cut) = (rng.range(0.0, std::f64::consts::PI), rng.range(0.3, 0.7));
    cut(problem, &points, items(problem, &points, plan), stops_max, angle, first_cut)
}

fn items(problem: &Problem, points: &Points, plan: &Plan) -> Vec<Item> {
    let n_vehicles = problem.vehicles().len();
    let mut of_vehicle: Vec<Item> = (0..n_vehicles).map(|_| Item::default()).collect();
    let mut home: Vec<Option<u32>> = problem.orders().iter().map(|o| o.on_board).collect();
    let committed =
        problem.vehicles().iter().enumerate().map(|(v, vehicle)| (v, &vehicle.committed));
    for (v, tasks) in committed {
        for task in tasks {
            if let Task::Serve(order) | Task::Collect(order) = task {
                home[*order as usize] = Some(v as u32);
            }
        }
    }
    for route in &plan.routes {
        for task in route.tasks() {
            if let Task::Serve(order) = task {
                home[order as usize].get_or_insert(route.vehicle);
            }
        }
    }
    let mut items = Vec::new();
    for order in 0..problem.orders().len() as u32 {
        let at = points.of_order(problem, order);
        match home[order as usize] {
            Some(vehicle) => of_vehicle[vehicle as usize].add(order, at),
            None => {
                let mut item = Item::default();
                item.add(order, at);
                items.push(item);
            }
        }
    }
    for (vehicle, mut item) in of_vehicle.into_iter().enumerate() {
        if item.n > 0.0 {
            item.vehicle = Some(vehicle as u32);
            items.push(item);
        }
    }
    items
}

fn cut(
    problem: &Problem,
    points: &Points,
    items: Vec<Item>,
    stops_max: usize,
    angle: f64,
    first_cut: f64,
) -> Vec<Part> {
    let (sin, cos) = angle.sin_cos();
    let centres: Vec<(f64, f64)> = items
        .iter()
        .map(|i| (i.sum.0 / i.n, i.sum.1 / i.n))
        .map(|(x, y)| (x * cos - y * sin, x * sin + y * cos))
        .collect();
    let n_stops_of = |item: &Item| item.orders.iter().map(|&o| n_stops(problem, o)).sum::<usize>();
    let weights: Vec<f64> = items.iter().map(|i| n_stops_of(i) as f64).collect();
    let mut groups = Vec::new();
    let all = (0..items.len() as u32).collect();
    halve(&centres, &weights, stops_max as f64, all, first_cut, &mut groups);
    let mut parts = Vec::with_capacity(groups.len());
    let mut is_bound = vec![false; problem.vehicles().len()];
    let mut middle = Vec::with_capacity(groups.len());
    let mut free_orders = Vec::with_capacity(groups.len());
    for group in groups {
        let mut part = Part::default();
        let (mut sum, mut n, mut n_free) = ((0.0, 0.0), 0.0, 0.0);
        for idx in group {
            let item = &items[idx as usize];
            part.orders.extend(&item.orders);
            sum = (sum.0 + item.sum.0, sum.1 + item.sum.1);
            n += item.n;
            match item.vehicle {
                Some(vehicle) => {
                    is_bound[vehicle as usize] = true;
                    part.vehicles.push(vehicle);
                }
                None => n_free += item.n,
            }
        }
        part.orders.sort_unstable();
        parts.push(part);
        middle.push((sum.0 / n, sum.1 / n));
        free_orders.push(n_free);
    }
    share_idle(problem, points, &is_bound, &middle, &free_orders, &mut parts);
    parts
}

/// Gives vehicles without work to the parts: mostly where orders wait, and near where they stand.
fn share_idle(
    problem: &Problem,
    points: &Points,
    is_bound: &[bool],
    middle: &[(f64, f64)],
    free_orders: &[f64],
    parts: &mut [Part],
) {
    let idle: Vec<u32> = (0..is_bound.len() as u32).filter(|&v| !is_bound[v as usize]).collect();
    if parts.is_empty() {
        return;
    }
    // Parts without waiting orders still get a few, to open a route more.
    let need: Vec<f64> = parts
        .iter()
        .zip(free_orders)
        .map(|(p, free)| free + 0.02 * p.orders.len() as f64)
        .collect();
    let total: f64 = need.iter().sum::<f64>().max(1e-9);
    let mut quota: Vec<f64> = need.iter().map(|n| n / total * idle.len() as f64).collect();
    for v in idle {
        let vehicle = &problem.vehicles()[v as usize];
        let at = points.of_location(problem.start_location(vehicle));
        let best = (0..parts.len())
            .min_by(|&a, &b| {
                let key = |p: usize| {
                    let away = (middle[p].0 - at.0).hypot(middle[p].1 - at.1);
                    (quota[p] < 0.5, if quota[p] < 0.5 { -quota[p] } else { away })
                };
                let (a, b) = (key(a), key(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            })
            .unwrap_or(0);
        quota[best] -= 1.0;
        parts[best].vehicles.push(v);
    }
    for part in parts {
        part.vehicles.sort_unstable();
    }
}

/// Places of the problem's locations on a plane.
struct Points {
    at: Vec<(f64, f64)>,
}

impl Points {
    fn new(problem: &Problem) -> Self {
        let travel = &problem.travels()[0];
        let n = travel.n_locations() as u32;
        let known: Option<Vec<_>> = (0..n).map(|l| travel.point_m(l)).collect();
        if let Some(at) = known {
            return Self { at };
        }
        // Lengths from two far locations stand in for coordinates.
        let lengths = |pivot: u32| -> Vec<f64> {
            (0..n)
                .map(|l| {
                    let leg = travel.leg(pivot, l);
                    if leg.is_open() { f64::from(leg.distance_mm) / 1000.0 } else { 0.0 }
                })
                .collect()
        };
        let farthest = |d: &[f64]| {
            (0..n).max_by(|&a, &b| d[a as usize].total_cmp(&d[b as usize])).unwrap_or(0)
        };
        let x = lengths(farthest(&lengths(0)));
        let y = lengths(farthest(&x));
        // The second pivot faces the first; a third, far from both, sees the other direction.
        let both: Vec<f64> = x.iter().zip(&y).map(|(a, b)| a.min(*b)).collect();
        let z = lengths(farthest(&both));
        Self { at: x.into_iter().zip(z).collect() }
    }

    fn of_location(&self, location: u32) -> (f64, f64) {
        self.at[location as usize]
    }

    fn of_order(&self, problem: &Problem, order: u32) -> (f64, f64) {
        match &problem.orders()[order as usize].kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => self.of_location(stop.location),
            OrderKind::Transfer { pickup, dropoff } => {
                let (a, b) =
                    (self.of_location(pickup.location), self.of_location(dropoff.location));
                ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
            }
        }
    }
}
