//! What an instance knows beyond hard windows, loads and plain batteries: soft windows, what was
//! told, compartments, energy by load, permits, bays, stock and service levels.
//!
//! An instance that has any of it judges each route as a whole (see [`crate::route`]).

use std::collections::BTreeMap;

use rv_model::dispatch::{ChargeKind, Door, Load, MAX_LOAD_DIMS, Order, OrderKind, Problem, Stop};

use crate::instance::{Instance, Kind, NONE};
use crate::route::{Broken, Run};

/// A price for beginning outside of a span, per ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Soft {
    pub open: i32,
    pub close: i32,
    pub early: i64,
    pub late: i64,
}

impl Soft {
    pub fn cost(&self, begin: i32) -> i64 {
        let early = (i64::from(self.open) - i64::from(begin)).max(0);
        let late = (i64::from(begin) - i64::from(self.close)).max(0);
        early.saturating_mul(self.early).saturating_add(late.saturating_mul(self.late))
    }
}

/// What else is known of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The route that was told to serve it (`NONE`: none was), and the cost of another.
    pub told_route: u32,
    pub told_route_cost: i64,
    /// The depot that was told to load it (`NONE`: none was), and the cost of another.
    pub told_depot: u32,
    pub told_depot_cost: i64,
    /// The tenant whose service level it counts for, or `NONE`.
    pub tenant: u32,
    /// The compartment that it must be in.
    pub compartment: Option<u16>,
}

/// A tenant's service level within the instance.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    /// Orders that may be left out or late for nothing.
    pub n_spare: i64,
    /// Cost of each one more.
    pub cost: i64,
}

impl Level {
    pub fn cost_of(&self, n_missed: i64) -> i64 {
        (n_missed - self.n_spare).max(0).saturating_mul(self.cost)
    }
}

/// What of the shared limits an instance may use: all of them, or what other parts of the problem
/// leave to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    /// By charger: from these moments on (ms of the problem), so many bays; empty for no limit.
    pub bays: Vec<Vec<(i64, i32)>>,
    /// By depot; `None` for no limit.
    pub stock: Vec<Option<[i64; MAX_LOAD_DIMS]>>,
    /// By tenant: orders missed outside of the instance.
    pub missed: Vec<i64>,
    /// Chargers within reach of the instance, ascending; `None` for all.
    pub chargers: Option<Vec<u32>>,
    /// Whether it may be asked what a visit at a depot would allow that no vehicle may make.
    pub has_spare_depots: bool,
}

impl Share {
    /// Everything.
    pub fn all(problem: &Problem) -> Self {
        let bays = problem
            .chargers()
            .iter()
            .map(|c| c.bays.map_or(Vec::new(), |n| vec![(i64::MIN, n.min(1 << 20) as i32)]));
        let stock = problem.depots().iter().map(|d| d.stock.map(|s| s.map(i64::from)));
        let missed = vec![0; problem.tenants().len()];
        Self {
            bays: bays.collect(),
            stock: stock.collect(),
            missed,
            chargers: None,
            has_spare_depots: true,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rich {
    /// Whether there is any of what follows.
    pub is_on: bool,
    /// Whether begins are chosen, and not just as early as they can be.
    pub is_timed: bool,
    pub softs: Vec<Soft>,
    /// By node: its range of `softs`; the contract's own window first.
    pub soft_of: Vec<(u32, u32)>,
    /// By job.
    pub terms: Vec<Terms>,
    pub has_told: bool,
    /// By route: capacity, and whether last in is first out.
    pub compartments: Vec<Vec<(Load, bool)>>,
    pub has_compartments: bool,
    /// By route: millionths of a watt-hour per kilometre and unit of load.
    pub load_rates: Vec<Load>,
    pub has_load_rates: bool,
    /// Permits by location and by way.
    pub at_location: Vec<u64>,
    pub on_way: BTreeMap<(u32, u32), u64>,
    pub has_permits: bool,
    /// By route: permits that the way home after the committed tasks lacks anyway.
    pub excused: Vec<u64>,
    pub is_swap: Vec<bool>,
    /// By charger: from these moments on, so many bays; empty for no limit.
    pub bays: Vec<Vec<(i32, i32)>>,
    pub has_bays: bool,
    pub stock: Vec<Option<[i64; MAX_LOAD_DIMS]>>,
    pub has_stock: bool,
    /// By tenant.
    pub levels: Vec<Level>,
    pub has_levels: bool,
}

impl Rich {
    /// Permits that a vehicle needs to get from one location to another.
    #[inline]
    pub fn permits(&self, from: u32, to: u32) -> u64 {
        let on_way = if self.on_way.is_empty() {
            0
        } else {
            self.on_way.get(&(from, to)).copied().unwrap_or(0)
        };
        on_way | self.at_location.get(to as usize).copied().unwrap_or(0)
    }
}

/// The permits that an order's stops ask for.
pub(crate) fn permits_of(problem: &Problem, order: &Order) -> u64 {
    let at = |stop: &Stop| problem.permits().location(stop.location);
    match &order.kind {
        OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => at(stop),
        OrderKind::Transfer { pickup, dropoff } if order.on_board.is_none() => {
            at(pickup) | at(dropoff)
        }
        OrderKind::Transfer { dropoff, .. } => at(dropoff),
    }
}

/// Fills in what does not depend on costs.
pub(crate) fn prepare(inst: &mut Instance<'_>, locations: &[u32], share: &Share) {
    let problem = inst.problem;
    let mut rich = std::mem::take(&mut inst.rich);
    let vehicles = || inst.vehs.iter().map(|v| &problem.vehicles()[v.vehicle as usize]);
    rich.compartments = vehicles()
        .map(|v| {
            let of =
                |c: &rv_model::dispatch::Compartment| (c.capacity, c.door == Door::LastInFirstOut);
            v.compartments.iter().map(of).collect()
        })
        .collect();
    rich.has_compartments = rich.compartments.iter().any(|c: &Vec<_>| !c.is_empty());
    rich.load_rates = vehicles()
        .map(|v| v.battery.as_ref().map_or([0; MAX_LOAD_DIMS], |b| b.load_uwh_per_km))
        .collect();
    rich.has_load_rates = rich.load_rates.iter().any(|r| *r != [0; MAX_LOAD_DIMS]);
    let permits = problem.permits();
    rich.at_location = locations.iter().map(|l| permits.location(*l)).collect();
    if !permits.of_way.is_empty() {
        let local: BTreeMap<u32, u32> =
            locations.iter().enumerate().map(|(at, l)| (*l, at as u32)).collect();
        for (&(from, to), &bits) in &permits.of_way {
            if let (Some(&from), Some(&to)) = (local.get(&from), local.get(&to)) {
                rich.on_way.insert((from, to), bits);
            }
        }
    }
    rich.has_permits = rich.at_location.iter().any(|p| *p != 0) || !rich.on_way.is_empty();
    rich.excused = vec![0; inst.vehs.len()];
    rich.is_swap = problem.chargers().iter().map(|c| c.kind == ChargeKind::Swap).collect();
    let time = |at_ms: i64| {
        let far = i64::from(crate::instance::HORIZON);
        at_ms.saturating_sub(inst.origin_ms).clamp(-far, far) as i32
    };
    rich.bays = share
        .bays
        .iter()
        .map(|steps| steps.iter().map(|&(at, n)| (time(at), n)).collect())
        .collect();
    rich.has_bays =
        inst.vehs.iter().any(|v| v.range.is_some()) && rich.bays.iter().any(|b| !b.is_empty());
    rich.stock.clone_from(&share.stock);
    rich.has_stock = rich.stock.iter().any(Option::is_some);
    let has_swap = inst.vehs.iter().any(|v| v.range.is_some()) && rich.is_swap.contains(&true);
    // With several windows, a later end can be the shorter route.
    let has_times = inst.vehs.iter().any(|v| v.cost_per_ms > 0 || v.duration_max < i32::MAX);
    let has_choice = has_times && !inst.windows.is_empty();
    rich.is_timed = !rich.softs.is_empty() || rich.has_bays || has_choice;
    rich.is_on = rich.is_timed
        || rich.has_told
        || rich.has_compartments
        || rich.has_load_rates
        || rich.has_permits
        || rich.has_stock
        || rich.has_levels
        || has_swap;
    inst.rich = rich;
}

/// What the load on board adds to the energy of each leg of a sequence.
pub(crate) fn load_energy(inst: &Instance<'_>, v: u32, seq: &[u32], out: &mut Run) {
    out.extra_mwh.clear();
    let rates = inst.rich.load_rates[v as usize];
    if rates == [0; MAX_LOAD_DIMS] {
        return;
    }
    let veh = &inst.vehs[v as usize];
    let mut load: [i64; MAX_LOAD_DIMS] =
        std::array::from_fn(|d| i64::from(veh.base_load[d]) + i64::from(out.trips[0].0[d]));
    let mut trip = 0;
    for pair in seq.windows(2) {
        let (from, to) = (&inst.nodes[pair[0] as usize], &inst.nodes[pair[1] as usize]);
        let uwh_per_km: i128 =
            rates.iter().zip(load).map(|(rate, l)| i128::from(*rate) * i128::from(l)).sum();
        let (_, distance) = inst.leg(veh.profile, from.loc, to.loc);
        let mwh = uwh_per_km * i128::from(distance) / 1_000_000_000;
        out.extra_mwh.push(mwh.clamp(0, 1 << 40) as i64);
        let sign = match to.kind {
            Kind::Delivery | Kind::OnBoard | Kind::Drop => -1,
            Kind::Pickup | Kind::Collect => 1,
            Kind::Reload => {
                trip += 1;
                load = out.trips[trip].0.map(i64::from);
                continue;
            }
            _ => continue,
        };
        for (sum, amount) in load.iter_mut().zip(to.load) {
            *sum += sign * i64::from(amount);
        }
    }
}

/// What changes to what drivers and stations were told cost on a route.
pub(crate) fn told_cost(inst: &Instance<'_>, v: u32, seq: &[u32]) -> i64 {
    let mut cost = 0_i64;
    let mut depot = inst.nodes[seq[0] as usize].facility;
    for &id in seq {
        let node = &inst.nodes[id as usize];
        match node.kind {
            Kind::Reload => depot = node.facility,
            Kind::Delivery | Kind::OnBoard | Kind::Pickup | Kind::Drop => {
                let terms = &inst.rich.terms[node.job as usize];
                if terms.told_route != NONE && terms.told_route != v {
                    cost = cost.saturating_add(terms.told_route_cost);
                }
                let is_elsewhere = terms.told_depot != NONE && terms.told_depot != depot;
                if node.kind == Kind::Delivery && is_elsewhere {
                    cost = cost.saturating_add(terms.told_depot_cost);
                }
            }
            _ => {}
        }
    }
    cost
}

/// What a route loads at each depot; fails if other routes leave too little.
pub(crate) fn draw_stock(
    inst: &Instance<'_>,
    v: u32,
    seq: &[u32],
    out: &mut Run,
) -> Result<(), Broken> {
    out.draws.clear();
    let mut trip = 0;
    for (pos, &id) in seq.iter().enumerate() {
        let node = &inst.nodes[id as usize];
        let depot = match node.kind {
            Kind::Start => node.facility,
            Kind::Reload => {
                trip += 1;
                node.facility
            }
            _ => continue,
        };
        let load = out.trips[trip].0.map(i64::from);
        if depot != NONE && load != [0; MAX_LOAD_DIMS] {
            // Trips that only the committed tasks make are accepted as they are.
            let first =
                seq[pos + 1..].iter().position(|&id| inst.nodes[id as usize].kind == Kind::Reload);
            let end = first.map_or(seq.len(), |n| pos + 1 + n);
            let is_committed = end <= inst.vehs[v as usize].committed.len() + 1;
            out.draws.push((depot, load, is_committed));
        }
    }
    for (depot, stock) in inst.rich.stock.iter().enumerate() {
        let Some(stock) = stock else { continue };
        let mine = || out.draws.iter().filter(|d| d.0 as usize == depot);
        if mine().all(|d| d.2) {
            continue;
        }
        let others = out.shared.drawn_by_others(depot, v);
        for dim in 0..MAX_LOAD_DIMS {
            let sum: i64 = mine().map(|d| d.1[dim]).sum();
            if others[dim] + sum > stock[dim] {
                return Err(Broken::Stock);
            }
        }
    }
    Ok(())
}
