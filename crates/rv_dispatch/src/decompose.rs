//! Cuts large problems into neighbourhoods.

use rv_base::Rng;
use rv_model::dispatch::{OrderKind, Plan, Problem, Start, Task, Vehicle};

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
pub(crate) fn parts_of_orders(problem: &Problem, points: &Points, stops_max: usize) -> Vec<Part> {
    cut(problem, points, items(problem, points, &Plan::default()), stops_max, 0.0, 0.5)
}

/// Cuts by routes of a plan, along lines of a random direction.
pub(crate) fn parts_of_routes(
    problem: &Problem,
    points: &Points,
    plan: &Plan,
    stops_max: usize,
    rng: &mut Rng,
) -> Vec<Part> {
    let (angle, first_cut) = (rng.range(0.0, std::f64::consts::PI), rng.range(0.3, 0.7));
    cut(problem, points, items(problem, points, plan), stops_max, angle, first_cut)
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

/// Idle vehicles of one kind that a part gets for each of its routes, and at least; more of the same
/// are of no use, but orders that wait may need one each.
const IDLE_PER_ROUTE: f64 = 0.2;
const IDLE_MIN: f64 = 4.0;
/// Vehicles for each order that waits that parts are given in turns, so that none takes all that
/// stand near it before the others have some.
const TURNS: [f64; 5] = [0.03, 0.06, 0.12, 0.25, 1e9];
/// Parts near a kind of idle vehicle that it is given to; others get what is left over.
const N_PARTS_NEAR: usize = 12;

/// Idle vehicles that differ in nothing but their id, and where they stand.
struct Kind {
    at: (f64, f64),
    vehicles: Vec<u32>,
    /// They have a way to go, or tasks to do, in any case.
    is_under_way: bool,
}

fn idle_kinds(problem: &Problem, points: &Points, is_bound: &[bool]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut last: Option<&Vehicle> = None;
    for v in (0..is_bound.len() as u32).filter(|&v| !is_bound[v as usize]) {
        let vehicle = &problem.vehicles()[v as usize];
        match kinds.last_mut().filter(|_| last.is_some_and(|last| is_alike(last, vehicle))) {
            Some(kind) => kind.vehicles.push(v),
            None => kinds.push(Kind {
                at: points.of_location(problem.start_location(vehicle)),
                vehicles: vec![v],
                is_under_way: matches!(vehicle.start, Start::Road(_))
                    || !vehicle.committed.is_empty(),
            }),
        }
        last = Some(vehicle);
    }
    kinds
}

/// Gives vehicles without work to the parts: mostly where orders wait, and near where they stand.
/// Those that are like many others in their part stay out of the search.
fn share_idle(
    problem: &Problem,
    points: &Points,
    is_bound: &[bool],
    middle: &[(f64, f64)],
    free_orders: &[f64],
    parts: &mut [Part],
) {
    if parts.is_empty() {
        return;
    }
    let mut kinds = idle_kinds(problem, points, is_bound);
    let n_idle: usize = kinds.iter().map(|k| k.vehicles.len()).sum();
    // Parts without waiting orders still get a few, to open a route more.
    let need: Vec<f64> = parts
        .iter()
        .zip(free_orders)
        .map(|(p, free)| free + 0.02 * p.orders.len() as f64)
        .collect();
    let total: f64 = need.iter().sum::<f64>().max(1e-9);
    let quota: Vec<f64> = need.iter().map(|n| n / total * n_idle as f64).collect();
    let alike_max: Vec<f64> = parts
        .iter()
        .zip(free_orders)
        .map(|(p, free)| free + (IDLE_PER_ROUTE * p.vehicles.len() as f64).max(IDLE_MIN))
        .collect();
    let away =
        |kind: &Kind, part: usize| (middle[part].0 - kind.at.0).hypot(middle[part].1 - kind.at.1);
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (k, kind) in kinds.iter().enumerate() {
        let mut row: Vec<_> = (0..parts.len()).map(|part| (away(kind, part), k, part)).collect();
        row.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        row.truncate(N_PARTS_NEAR);
        pairs.extend(row);
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut given = vec![0.0; parts.len()];
    let mut give = |kind: &mut Kind, part: usize, most: f64| {
        let n = ((most - given[part]).ceil().max(0.0) as usize).min(kind.vehicles.len());
        given[part] += n as f64;
        // The first ones first; those beyond what is of use stand idle for this part.
        let n_kept = if kind.is_under_way { n } else { n.min(alike_max[part].ceil() as usize) };
        parts[part].vehicles.extend(kind.vehicles.drain(..n).take(n_kept));
    };
    for share in TURNS {
        for &(_, k, part) in &pairs {
            give(&mut kinds[k], part, quota[part].min(share * need[part]));
        }
    }
    for kind in &mut kinds {
        for (part, most) in quota.iter().enumerate() {
            give(kind, part, *most);
        }
        // What rounding leaves over.
        give(kind, 0, f64::INFINITY);
    }
    for part in parts {
        part.vehicles.sort_unstable();
    }
}

/// Joins parts that no vehicle is left for to the nearest parts that have some.
pub(crate) fn with_vehicles(problem: &Problem, points: &Points, parts: Vec<Part>) -> Vec<Part> {
    let (mut parts, bare): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(|p| !p.vehicles.is_empty());
    if parts.is_empty() {
        return bare;
    }
    let middle = |part: &Part| {
        let at = part.orders.iter().map(|&o| points.of_order(problem, o));
        let sum = at.fold((0.0, 0.0), |sum, at| (sum.0 + at.0, sum.1 + at.1));
        let n = part.orders.len().max(1) as f64;
        (sum.0 / n, sum.1 / n)
    };
    let middles: Vec<(f64, f64)> = parts.iter().map(middle).collect();
    for part in bare {
        let from = middle(&part);
        let away = |to: &(f64, f64)| (to.0 - from.0).hypot(to.1 - from.1);
        let nearest =
            (0..parts.len()).min_by(|&a, &b| away(&middles[a]).total_cmp(&away(&middles[b])));
        let to = &mut parts[nearest.unwrap_or(0)];
        to.orders.extend(part.orders);
        to.orders.sort_unstable();
    }
    parts
}

/// Whether two vehicles differ in nothing but their id.
fn is_alike(a: &Vehicle, b: &Vehicle) -> bool {
    a.start == b.start && Vehicle { id: a.id, ..b.clone() } == *a
}

/// Places of the problem's locations on a plane.
pub(crate) struct Points {
    at: Vec<(f64, f64)>,
}

impl Points {
    pub fn new(problem: &Problem) -> Self {
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

    pub fn of_location(&self, location: u32) -> (f64, f64) {
        self.at[location as usize]
    }

    pub fn of_order(&self, problem: &Problem, order: u32) -> (f64, f64) {
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
