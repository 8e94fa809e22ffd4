//! What of the shared limits each part of a cut problem may use.

use rv_model::dispatch::{MAX_LOAD_DIMS, OrderKind, Plan, Problem, Route, Start, Task};

use crate::decompose::{Part, Points};
use crate::rich::Share;

/// Chargers of a part of a problem: so many near its orders, and those that its routes use.
const N_CHARGERS: usize = 16;
/// Orders of a part that stand for all of them where chargers are looked for.
const N_SAMPLED: usize = 32;

/// The shares of all parts: what their routes use in the plan, and all that no route uses: free bays
/// go to the nearest part, stock by the number of orders. They never add up to more than there is.
pub(crate) fn shares(
    problem: &Problem,
    points: &Points,
    parts: &[Part],
    plan: &Plan,
) -> Vec<Share> {
    let mut shares = limits(problem, parts, plan);
    if parts.len() > 1 && problem.chargers().len() > N_CHARGERS {
        for (share, part) in shares.iter_mut().zip(parts) {
            share.chargers = Some(chargers(problem, points, part, plan));
        }
    }
    shares
}

/// The chargers nearest to a part's orders, and those that its routes use, ascending.
fn chargers(problem: &Problem, points: &Points, part: &Part, plan: &Plan) -> Vec<u32> {
    let step = part.orders.len() / N_SAMPLED + 1;
    let orders = part.orders.iter().step_by(step);
    let stops: Vec<(f64, f64)> = orders.map(|&o| points.of_order(problem, o)).collect();
    let away = |charger: usize| {
        let at = points.of_location(problem.chargers()[charger].location);
        stops.iter().map(|s| (s.0 - at.0).hypot(s.1 - at.1)).fold(f64::MAX, f64::min)
    };
    let mut ranked: Vec<(f64, u32)> =
        (0..problem.chargers().len()).map(|c| (away(c), c as u32)).collect();
    ranked.select_nth_unstable_by(N_CHARGERS, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<u32> = ranked[..N_CHARGERS].iter().map(|r| r.1).collect();
    let is_mine = |route: &&Route| part.vehicles.binary_search(&route.vehicle).is_ok();
    for task in plan.routes.iter().filter(is_mine).flat_map(Route::tasks) {
        if let Task::Charge { charger, .. } = task {
            chosen.push(charger);
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// What parts may use of bays, stock and service levels.
fn limits(problem: &Problem, parts: &[Part], plan: &Plan) -> Vec<Share> {
    let all = Share::all(problem);
    let has_limits =
        all.bays.iter().any(|b| !b.is_empty()) || all.stock.iter().any(Option::is_some);
    let is_shared = has_limits || !problem.tenants().is_empty();
    if parts.len() <= 1 || !is_shared {
        return vec![all; parts.len()];
    }
    let uses = Uses::new(problem, parts, plan);
    let owners: Vec<usize> = (0..problem.chargers().len())
        .map(|c| if all.bays[c].is_empty() { 0 } else { nearest(problem, parts, c) })
        .collect();
    let n_orders: usize = parts.iter().map(|p| p.orders.len()).sum::<usize>().max(1);
    let share = |idx: usize| {
        let mut share = all.clone();
        for (charger, steps) in share.bays.iter_mut().enumerate() {
            if !steps.is_empty() {
                *steps = free_bays(steps[0].1, &uses.stays[charger], owners[charger], idx);
            }
        }
        for (depot, stock) in share.stock.iter_mut().enumerate() {
            let Some(stock) = stock else { continue };
            let (drawn, mine) = (uses.drawn[depot], uses.drawn_by[idx][depot]);
            for ((stock, drawn), mine) in stock.iter_mut().zip(drawn).zip(mine) {
                let left = (*stock - drawn).max(0);
                *stock = mine + left * parts[idx].orders.len() as i64 / n_orders as i64;
            }
        }
        let missed = uses.missed.iter().zip(&uses.missed_in[idx]);
        share.missed = missed.map(|(all, mine)| all - mine).collect();
        share
    };
    (0..parts.len()).map(share).collect()
}

/// The part with the order nearest to a charger, among a few of each.
fn nearest(problem: &Problem, parts: &[Part], charger: usize) -> usize {
    const N_OF_EACH: usize = 16;
    let from = problem.chargers()[charger].location;
    let away = |order: &u32| {
        let location = match &problem.orders()[*order as usize].kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
            OrderKind::Transfer { dropoff, .. } => dropoff.location,
        };
        problem.travels()[0].leg(from, location).distance_mm
    };
    let nearest = |part: &Part| {
        let step = part.orders.len() / N_OF_EACH + 1;
        part.orders.iter().step_by(step).map(away).min().unwrap_or(i32::MAX)
    };
    (0..parts.len()).min_by_key(|p| (nearest(&parts[*p]), *p)).unwrap_or(0)
}

type Sum = [i64; MAX_LOAD_DIMS];

/// What the routes of a plan use of what all share.
struct Uses {
    /// By charger: begin, end and part of each stay.
    stays: Vec<Vec<(i64, i64, usize)>>,
    /// By depot: what all routes load, and by part and depot.
    drawn: Vec<Sum>,
    drawn_by: Vec<Vec<Sum>>,
    /// By tenant: orders that the plan leaves out, and by part and tenant.
    missed: Vec<i64>,
    missed_in: Vec<Vec<i64>>,
}

impl Uses {
    fn new(problem: &Problem, parts: &[Part], plan: &Plan) -> Self {
        let n_depots = problem.depots().len();
        let (mut part_of, mut is_met) =
            (vec![usize::MAX; problem.vehicles().len()], vec![false; problem.orders().len()]);
        for (idx, part) in parts.iter().enumerate() {
            part.vehicles.iter().for_each(|&v| part_of[v as usize] = idx);
        }
        let mut uses = Self {
            stays: vec![Vec::new(); problem.chargers().len()],
            drawn: vec![Sum::default(); n_depots],
            drawn_by: vec![vec![Sum::default(); n_depots]; parts.len()],
            missed: vec![0; problem.tenants().len()],
            missed_in: vec![vec![0; problem.tenants().len()]; parts.len()],
        };
        for route in &plan.routes {
            let part = part_of[route.vehicle as usize];
            for visit in &route.visits {
                match visit.task {
                    Task::Charge { charger, .. } => {
                        let stay = (visit.begin_ms, visit.leave_ms, part);
                        uses.stays[charger as usize].push(stay);
                    }
                    Task::Serve(order) => is_met[order as usize] = true,
                    _ => {}
                }
            }
            uses.draw(problem, route, part);
        }
        for (idx, part) in parts.iter().enumerate() {
            for &order in part.orders.iter().filter(|o| !is_met[**o as usize]) {
                if let Some(tenant) = problem.orders()[order as usize].tenant {
                    uses.missed[tenant as usize] += 1;
                    uses.missed_in[idx][tenant as usize] += 1;
                }
            }
        }
        uses
    }

    /// Adds what a route loads at depots.
    fn draw(&mut self, problem: &Problem, route: &Route, part: usize) {
        let mut depot = match problem.vehicles()[route.vehicle as usize].start {
            Start::Depot(depot) => Some(depot as usize),
            Start::Road(_) => None,
        };
        for task in route.tasks() {
            match task {
                Task::Reload(at) => depot = Some(at as usize),
                Task::Serve(idx) => {
                    let order = &problem.orders()[idx as usize];
                    let is_loaded =
                        matches!(order.kind, OrderKind::Delivery(_)) && order.on_board.is_none();
                    let Some(depot) = depot.filter(|_| is_loaded) else { continue };
                    for (dim, amount) in order.load.into_iter().enumerate() {
                        self.drawn[depot][dim] += i64::from(amount);
                        if let Some(mine) = self.drawn_by.get_mut(part) {
                            mine[depot][dim] += i64::from(amount);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Steps of the bays that a part may use at a charger.
fn free_bays(
    n_bays: i32,
    stays: &[(i64, i64, usize)],
    owner: usize,
    part: usize,
) -> Vec<(i64, i32)> {
    let mut changes: Vec<(i64, i32)> = Vec::new();
    for &(begin_ms, leave_ms, by) in stays {
        // The owner may use all but what others do; another part only what it does itself.
        let sign = match (owner == part, by == part) {
            (true, false) => -1,
            (false, true) => 1,
            _ => continue,
        };
        changes.push((begin_ms, sign));
        changes.push((leave_ms, -sign));
    }
    changes.sort_unstable();
    let mut n = if owner == part { n_bays } else { 0 };
    let mut steps = vec![(i64::MIN, n)];
    for (at, change) in changes {
        n += change;
        match steps.last_mut() {
            Some(last) if last.0 == at => last.1 = n,
            _ => steps.push((at, n)),
        }
    }
    steps
}
