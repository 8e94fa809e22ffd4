//! Runs one route from start to end: times, loads, charge, cost, and what breaks first.

use rv_model::dispatch::{ChargeKind, Load, MAX_LOAD_DIMS};

use crate::instance::{HORIZON, Instance, Kind, Node, Veh};
use crate::shared::Shared;
use crate::timing::{Programme, Timed};
use crate::{rich, stow, timing};

/// The first limit that a route breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Window,
    Shift,
    Load,
    Energy,
    Length,
    /// A way or a place asks for a permit that the vehicle lacks.
    Permit,
    /// A depot has too little left.
    Stock,
    /// No compartments hold the loads as the route needs them.
    Space,
    /// A load is to be delivered that is not on board then.
    Sequence,
}

/// State of a route at one of its nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At {
    pub arrive: i32,
    pub begin: i32,
    pub leave: i32,
    pub load: Load,
    pub charge_mwh: i64,
    /// Energy taken at a charge node.
    pub taken_mwh: i64,
    pub trip: u32,
}

/// Sums over a route.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub cost: i64,
    pub distance: i64,
    pub energy: i64,
    pub depart: i32,
    pub has_charge: bool,
}

/// Room for running routes without allocating.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub at: Vec<At>,
    pub trips: Vec<(Load, i32)>,
    /// By node: the charge with which it should be left.
    pub need_mwh: Vec<i64>,
    /// By leg: energy for the load on board; empty if it takes none.
    pub extra_mwh: Vec<i64>,
    /// By node, for instances whose begins are chosen.
    pub timed: Vec<Timed>,
    /// By node: the compartment of its load; empty without compartments.
    pub stowed: Vec<Option<u16>>,
    /// Depots drawn from, how much, and whether for committed trips.
    pub draws: Vec<(u32, [i64; MAX_LOAD_DIMS], bool)>,
    /// What other routes use.
    pub shared: Shared,
    /// Begins to keep to if they hold, else empty.
    pub fixed: Vec<i32>,
    pub programme: Programme,
    free: Vec<(i32, i32)>,
}

impl Run {
    /// Room for runs beside what all other routes use.
    pub fn beside(shared: &Shared) -> Self {
        Self { shared: shared.clone(), ..Self::default() }
    }

    /// When the last load of a trip is released.
    pub fn release_of(&self, trip: u32) -> i32 {
        self.trips[trip as usize].1
    }
}

/// Runs the route `seq` (start .. end) of vehicle `v` as early as it can be run. Limits of the
/// first `n_lenient` nodes after the start are not asked for.
pub(crate) fn run(
    inst: &Instance<'_>,
    v: u32,
    seq: &[u32],
    n_lenient: usize,
    out: &mut Run,
) -> Result<Totals, Broken> {
    let veh = &inst.vehs[v as usize];
    let mut totals = Totals::default();
    load_trips(inst, seq, &mut out.trips);
    out.extra_mwh.clear();
    if inst.rich.has_load_rates {
        rich::load_energy(inst, v, seq, out);
    }
    if let Some(range) = veh.range {
        needs(inst, veh, seq, range.floor_mwh, &out.extra_mwh, &mut out.need_mwh);
    }
    out.at.clear();
    let mut at = first(inst, v, out.trips[0]);
    out.at.push(at);
    let mut n_open = 0_u32;
    for (pos, pair) in seq.windows(2).enumerate() {
        let (node, is_lenient) = (&inst.nodes[pair[1] as usize], pos < n_lenient);
        let from = inst.nodes[pair[0] as usize].loc;
        let (duration, distance) = inst.leg(veh.profile, from, node.loc);
        at.arrive = at.leave.saturating_add(duration);
        totals.distance += i64::from(distance);
        if inst.rich.has_permits && !is_lenient {
            let missing = inst.rich.permits(from, node.loc) & !veh.permits;
            let excused = if node.kind == Kind::End { inst.rich.excused[v as usize] } else { 0 };
            if missing & !excused != 0 {
                return Err(Broken::Permit);
            }
        }
        if veh.range.is_some() {
            let extra = out.extra_mwh.get(pos).copied().unwrap_or(0);
            let energy = inst.energy(veh.profile, from, node.loc) + extra;
            totals.energy += energy;
            at.charge_mwh -= energy;
        }
        at.begin = match inst.begin(node, at.arrive) {
            Some(begin) => begin,
            None if is_lenient => at.arrive.max(node.open),
            None if node.kind == Kind::End => return Err(Broken::Shift),
            None => return Err(Broken::Window),
        };
        at.taken_mwh = 0;
        at.leave = at.begin + node.service;
        match node.kind {
            Kind::Reload => {
                if n_open > 0 {
                    return Err(Broken::Sequence);
                }
                at.trip += 1;
                let (load, release) = out.trips[at.trip as usize];
                at.load = load;
                at.leave = at.leave.max(release);
            }
            Kind::Charge => {
                totals.has_charge = true;
                let need = out.need_mwh[pos + 1];
                at.taken_mwh = charge(inst, v, node, &mut at, need);
                if inst.rich.has_bays && !is_lenient {
                    wait_for_bay(inst, v, node, &mut at, out)?;
                }
            }
            kind => step(kind, node, &mut at, &mut n_open, veh.starts_on_road)?,
        }
        let is_full = (0..MAX_LOAD_DIMS).any(|d| at.load[d] > veh.capacity[d]);
        if is_full && !is_lenient {
            return Err(Broken::Load);
        }
        if veh.range.is_some_and(|r| at.charge_mwh - at.taken_mwh < r.floor_mwh) && !is_lenient {
            return Err(Broken::Energy);
        }
        if at.leave >= HORIZON && !is_lenient {
            return Err(Broken::Window);
        }
        out.at.push(at);
    }
    // The trip's first load counts too: it is on board from the start.
    let over = (0..MAX_LOAD_DIMS).any(|d| out.at[0].load[d] > veh.capacity[d]);
    if over && n_lenient + 2 < seq.len() {
        return Err(Broken::Load);
    }
    if totals.distance > veh.distance_max && n_lenient + 2 < seq.len() {
        return Err(Broken::Length);
    }
    finish(inst, v, seq, n_lenient, out, &mut totals)
}

/// Moves a stay at a charger to when a bay is free.
fn wait_for_bay(
    inst: &Instance<'_>,
    v: u32,
    node: &Node,
    at: &mut At,
    out: &mut Run,
) -> Result<(), Broken> {
    let charger = node.facility as usize;
    let steps = &inst.rich.bays[charger];
    let spent = at.leave - at.begin;
    out.free.clear();
    out.shared.free(charger, v, steps, (at.begin, node.close), spent, &mut out.free);
    let Some(&(begin, _)) = out.free.first() else { return Err(Broken::Window) };
    at.begin = begin;
    at.leave = begin + spent;
    Ok(())
}

fn first(inst: &Instance<'_>, v: u32, trip: (Load, i32)) -> At {
    let veh = &inst.vehs[v as usize];
    let mut load = veh.base_load;
    for (sum, amount) in load.iter_mut().zip(trip.0) {
        *sum = sum.saturating_add(amount);
    }
    let leave = veh.shift_start.max(trip.1);
    At {
        arrive: veh.shift_start,
        begin: veh.shift_start,
        leave,
        load,
        charge_mwh: veh.range.map_or(0, |r| r.start_mwh),
        taken_mwh: 0,
        trip: 0,
    }
}

/// Load changes at a job's node.
fn step(
    kind: Kind,
    node: &Node,
    at: &mut At,
    n_open: &mut u32,
    starts_on_road: bool,
) -> Result<(), Broken> {
    let sign = match kind {
        Kind::Delivery if at.trip == 0 && starts_on_road => return Err(Broken::Sequence),
        Kind::OnBoard if at.trip > 0 => return Err(Broken::Sequence),
        Kind::Delivery | Kind::OnBoard => -1,
        Kind::Pickup => 1,
        Kind::Collect => {
            *n_open += 1;
            1
        }
        Kind::Drop => {
            *n_open = n_open.checked_sub(1).ok_or(Broken::Sequence)?;
            -1
        }
        _ => return Ok(()),
    };
    for (load, amount) in at.load.iter_mut().zip(node.load) {
        *load += sign * amount;
    }
    Ok(())
}

/// What each trip loads at its depot, and when the last of it is released.
fn load_trips(inst: &Instance<'_>, seq: &[u32], trips: &mut Vec<(Load, i32)>) {
    trips.clear();
    let mut trip = ([0_i32; MAX_LOAD_DIMS], 0);
    for &id in seq {
        let node = &inst.nodes[id as usize];
        match node.kind {
            Kind::Delivery => {
                for (sum, amount) in trip.0.iter_mut().zip(node.load) {
                    *sum = sum.saturating_add(amount);
                }
                trip.1 = trip.1.max(node.release);
            }
            Kind::Reload => trips.push(std::mem::replace(&mut trip, ([0; MAX_LOAD_DIMS], 0))),
            _ => {}
        }
    }
    trips.push(trip);
}

/// The charge with which each node should be left, above the floor.
///
/// With one rate of charging it is the least with which the rest can be driven at all: where a
/// vehicle has to wait further on, it charges before, as a later charger might make it late. Else it
/// is what it takes to reach the next charger, or the end.
fn needs(
    inst: &Instance<'_>,
    veh: &Veh,
    seq: &[u32],
    floor_mwh: i64,
    extra_mwh: &[i64],
    need_mwh: &mut Vec<i64>,
) {
    need_mwh.clear();
    need_mwh.resize(seq.len(), floor_mwh);
    let is_free = |id: &u32| {
        let node = &inst.nodes[*id as usize];
        node.charge_mwh < 0 && node.kind != Kind::Reload && node.windows.0 == node.windows.1
    };
    let rate_mw = inst.charge_rate_mw.filter(|_| seq.iter().all(is_free));
    let to_ms = |mwh: i64, rate_mw: i64| (mwh * 3_600_000 + rate_mw - 1) / rate_mw;
    // Later than this, the charge needed at the node behind grows with time.
    let mut early = inst.nodes[seq[seq.len() - 1] as usize].close;
    for pos in (0..seq.len() - 1).rev() {
        let (from, to) = (&inst.nodes[seq[pos] as usize], &inst.nodes[seq[pos + 1] as usize]);
        let mut beyond = need_mwh[pos + 1];
        if to.kind == Kind::Charge {
            if let Some(rate_mw) = rate_mw {
                let ms = to_ms(beyond - floor_mwh, rate_mw).min(i64::from(HORIZON)) as i32;
                early = early.saturating_sub(ms);
            }
            beyond = floor_mwh;
        }
        if let Some(rate_mw) = rate_mw {
            early = early.min(to.close);
            if early < to.open {
                let ms = i64::from(to.open) - i64::from(early);
                beyond += (ms * rate_mw + 3_599_999) / 3_600_000;
                early = to.open;
            }
            let (duration, _) = inst.leg(veh.profile, from.loc, to.loc);
            let service = if pos > 0 { from.service } else { 0 };
            early = early.saturating_sub(duration).saturating_sub(service);
        }
        let extra = extra_mwh.get(pos).copied().unwrap_or(0);
        need_mwh[pos] = beyond + inst.energy(veh.profile, from.loc, to.loc) + extra;
    }
}

/// Charges what the route needs until the next charger, or what was committed; returns it.
fn charge(inst: &Instance<'_>, v: u32, node: &Node, at: &mut At, need_mwh: i64) -> i64 {
    let veh = &inst.vehs[v as usize];
    let Some(range) = veh.range else { return 0 };
    let wanted = if node.charge_mwh >= 0 { node.charge_mwh } else { need_mwh - at.charge_mwh };
    let room = (range.capacity_mwh - at.charge_mwh).max(0);
    let ChargeKind::Plug { power_mw: power } = inst.problem.chargers()[node.facility as usize].kind
    else {
        // The full battery takes the place of the one on board in the setup time.
        at.charge_mwh += room;
        return room;
    };
    let taken = wanted.clamp(0, room);
    let vehicle = &inst.problem.vehicles()[veh.vehicle as usize];
    if let Some(battery) = &vehicle.battery {
        // What lies below empty is charged at the power of an empty battery.
        let from = at.charge_mwh.max(0);
        let ms = battery.charge_ms(from, from + taken, power);
        at.leave = (i64::from(at.leave) + ms).min(i64::from(HORIZON)) as i32;
    }
    at.charge_mwh += taken;
    taken
}

/// Departure time and cost, once the route is known to run.
fn finish(
    inst: &Instance<'_>,
    v: u32,
    seq: &[u32],
    n_lenient: usize,
    out: &mut Run,
    totals: &mut Totals,
) -> Result<Totals, Broken> {
    let veh = &inst.vehs[v as usize];
    totals.depart = out.at[0].leave;
    if veh.starts_on_road {
        totals.depart = veh.shift_start;
    }
    let is_empty = seq.len() == 2;
    if is_empty && !veh.starts_on_road {
        out.timed.clear();
        out.stowed.clear();
        out.draws.clear();
        return Ok(*totals);
    }
    totals.cost = totals.distance * veh.cost_per_mm;
    if !is_empty {
        totals.cost += veh.cost_fixed;
    }
    if inst.rich.is_on {
        if inst.rich.has_told {
            totals.cost = totals.cost.saturating_add(rich::told_cost(inst, v, seq));
        }
        rich::draw_stock(inst, v, seq, out)?;
        if inst.rich.has_compartments {
            stow::stow(inst, v, seq, n_lenient, out)?;
        }
        if inst.rich.is_timed {
            timing::schedule(inst, v, seq, n_lenient, out, totals)?;
            return Ok(*totals);
        }
    }
    if veh.cost_per_ms > 0 || veh.duration_max < i32::MAX {
        if !veh.starts_on_road {
            totals.depart = latest_departure(inst, v, seq, out);
        }
        let duration = out.at[seq.len() - 1].begin - totals.depart;
        totals.cost += i64::from(duration) * veh.cost_per_ms;
        if duration > veh.duration_max && seq.len() > veh.committed.len() + 2 {
            return Err(Broken::Shift);
        }
    }
    Ok(*totals)
}

/// The latest departure that still ends the route when the earliest one does.
fn latest_departure(inst: &Instance<'_>, v: u32, seq: &[u32], out: &Run) -> i32 {
    let profile = inst.vehs[v as usize].profile;
    let mut late = out.at[seq.len() - 1].begin;
    for pos in (0..seq.len() - 1).rev() {
        let node = &inst.nodes[seq[pos] as usize];
        let next = inst.nodes[seq[pos + 1] as usize].loc;
        // A release at the depot does not make a later begin leave later.
        let is_reload = node.kind == Kind::Reload;
        let spent = if is_reload { node.service } else { out.at[pos].leave - out.at[pos].begin };
        let leave = late - inst.leg(profile, node.loc, next).0;
        if pos == 0 {
            return leave.max(out.at[0].leave);
        }
        // A lenient node may run outside its window: it keeps its time.
        late = inst.latest_begin(node, leave - spent).unwrap_or(0).max(out.at[pos].begin);
    }
    out.at[0].leave
}

/// Widens the limits of vehicles whose committed tasks alone already break them.
pub(crate) fn accept_committed(inst: &mut Instance<'_>) {
    let mut out = Run::default();
    for v in 0..inst.vehs.len() {
        let veh = &inst.vehs[v];
        if veh.committed.is_empty() && !veh.starts_on_road {
            continue;
        }
        let mut seq = vec![veh.start];
        seq.extend(&veh.committed);
        seq.push(veh.end);
        let (end, n_lenient) = (veh.end as usize, seq.len());
        if run(inst, v as u32, &seq, n_lenient, &mut out).is_err() {
            continue;
        }
        let last = out.at[out.at.len() - 1];
        if inst.rich.has_permits {
            let before = inst.nodes[seq[seq.len() - 2] as usize].loc;
            let home = inst.nodes[end].loc;
            inst.rich.excused[v] = inst.rich.permits(before, home) & !inst.vehs[v].permits;
        }
        inst.nodes[end].close = inst.nodes[end].close.max(last.arrive);
        let veh = &mut inst.vehs[v];
        for at in &out.at {
            for d in 0..MAX_LOAD_DIMS {
                veh.capacity[d] = veh.capacity[d].max(at.load[d]);
            }
        }
        if let Some(range) = &mut veh.range {
            let low = out.at.iter().map(|at| at.charge_mwh - at.taken_mwh).min();
            range.floor_mwh = range.floor_mwh.min(low.unwrap_or(0));
        }
    }
}
