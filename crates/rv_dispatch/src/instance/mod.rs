//! A problem, or a part of one, compiled into dense tables of 32-bit numbers for the search.

mod compile;

use std::sync::Arc;

use rv_model::dispatch::{Load, OrderKind, Problem, Route};

use crate::rich::Rich;

pub(crate) use compile::{Scope, compile};

/// No node, job, route or order.
pub(crate) const NONE: u32 = u32::MAX;
/// The latest moment on an instance's time line, ms after its origin.
pub(crate) const HORIZON: i32 = (1 << 29) - 1;
/// Duration and length of a leg that cannot be driven: past every horizon, and still far enough
/// from overflow that the search may add it up.
pub(crate) const CLOSED: i32 = (1 << 30) - 1;
/// Dearest millimetre: finer costs say nothing more.
pub(crate) const PER_MM_MAX: i64 = 1 << 26;
/// Most charging stops of one vehicle that the search considers at one charger.
pub(crate) const CHARGES_MAX: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Start,
    End,
    /// From the depot of the trip to a stop.
    Delivery,
    /// On board since before the route began.
    OnBoard,
    /// From a stop to the depot that ends the trip.
    Pickup,
    Collect,
    Drop,
    Reload,
    Charge,
}

/// What never changes about a node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub loc: u32,
    pub service: i32,
    /// Hull of the windows.
    pub open: i32,
    pub close: i32,
    /// Range into [`Instance::windows`] if there are several windows, else empty.
    pub windows: (u32, u32),
    pub load: Load,
    pub kind: Kind,
    pub job: u32,
    /// The other node of a transfer.
    pub mate: u32,
    /// Release of a delivery at the depot.
    pub release: i32,
    /// Index of the depot or charger of a helper node, or of the depot of a start.
    pub facility: u32,
    /// Energy of a committed charge; negative if the search decides.
    pub charge_mwh: i64,
}

/// One order of the instance.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub order: u32,
    /// The pickup of a transfer, else the only node.
    pub first: u32,
    /// The dropoff of a transfer, else `NONE`.
    pub second: u32,
    pub skills: u64,
    pub permits: u64,
    /// The only route that may serve it, else `NONE`.
    pub only: u32,
    /// Cost of leaving it out.
    pub absent_cost: i64,
    pub is_committed: bool,
}

/// Energy limits of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub start_mwh: i64,
    pub capacity_mwh: i64,
    pub floor_mwh: i64,
}

/// What never changes about a vehicle.
#[derive(Clone, Debug)]
pub(crate) struct Veh {
    /// Index into the problem's vehicles.
    pub vehicle: u32,
    pub start: u32,
    pub end: u32,
    pub profile: u32,
    pub capacity: Load,
    pub base_load: Load,
    pub skills: u64,
    pub permits: u64,
    pub cost_per_mm: i64,
    pub cost_per_ms: i64,
    pub cost_fixed: i64,
    pub shift_start: i32,
    pub duration_max: i32,
    pub distance_max: i64,
    pub range: Option<Range>,
    pub reloads_max: u32,
    /// Helper nodes, one block per depot.
    pub reload_nodes: Vec<Vec<u32>>,
    /// Helper nodes, one block per charger.
    pub charge_nodes: Vec<Vec<u32>>,
    pub committed: Vec<u32>,
    /// Vehicles of one class are interchangeable while their routes are empty.
    pub class: u32,
    pub starts_on_road: bool,
}

/// What a simple instance's inner loops read about a node.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Lite {
    pub open: i32,
    pub close: i32,
    pub service: i32,
    pub loc: u32,
    /// Load of the only dimension.
    pub load: i32,
    /// What the load on board changes by.
    pub change: i32,
    /// What of the load is on board from the start.
    pub at_start: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct Instance<'p> {
    pub problem: &'p Problem,
    pub origin_ms: i64,
    pub nodes: Vec<Node>,
    /// Nodes `0..n_tasks` belong to jobs; starts, ends and helpers follow.
    pub n_tasks: usize,
    pub jobs: Vec<Job>,
    pub vehs: Vec<Veh>,
    pub windows: Vec<(i32, i32)>,
    pub n_dims: usize,
    pub n_locs: usize,
    /// Costs are millionths of millionths of currency, times two to the minus this.
    pub cost_shift: u32,
    /// A depot visit of each depot that no vehicle may make, to find out what it would allow.
    pub spare_reloads: Vec<u32>,
    /// No more than windows, one load dimension and costs of distance and vehicles: routes can be
    /// judged by the short way of [`crate::simple`].
    pub is_simple: bool,
    /// Simple but for batteries, which all vehicles have.
    pub is_simple_but_battery: bool,
    /// The power at which every battery charges at every charger, whatever its charge, if there is
    /// one.
    pub charge_rate_mw: Option<i64>,
    /// All beyond hard windows, loads and plain batteries.
    pub rich: Rich,
    /// By route.
    costs_per_mm: Vec<i64>,
    /// By node, for simple instances.
    pub lite: Vec<Lite>,
    /// Duration (ms) and distance (mm) by profile, from, to.
    legs: Arc<Vec<[i32; 2]>>,
    /// Those of the first profile by to, from: a row holds all legs that lead to a location. The same
    /// table if it is symmetric.
    legs_to: Arc<Vec<[i32; 2]>>,
    /// Energy (mWh), same layout; empty if no vehicle has a battery.
    energy: Arc<Vec<i32>>,
}

impl Instance<'_> {
    #[inline]
    pub fn leg(&self, profile: u32, from: u32, to: u32) -> (i32, i32) {
        let [duration, distance] =
            self.legs[(profile as usize * self.n_locs + from as usize) * self.n_locs + to as usize];
        (duration, distance)
    }

    #[inline]
    pub fn cost_per_mm(&self, route: u32) -> i64 {
        self.costs_per_mm[route as usize]
    }

    /// Legs of the first profile from a location.
    #[inline]
    pub fn row_from(&self, loc: u32) -> &[[i32; 2]] {
        &self.legs[loc as usize * self.n_locs..][..self.n_locs]
    }

    /// Legs of the first profile to a location.
    #[inline]
    pub fn row_to(&self, loc: u32) -> &[[i32; 2]] {
        &self.legs_to[loc as usize * self.n_locs..][..self.n_locs]
    }

    /// Whether all legs of the first profile are the same in both directions.
    pub fn is_symmetric(&self) -> bool {
        Arc::ptr_eq(&self.legs, &self.legs_to)
    }

    /// Whether no leg lasts or measures more.
    pub fn are_legs_within(&self, most: i32) -> bool {
        self.legs.iter().all(|&[t, d]| t <= most && d <= most)
    }

    #[inline]
    pub fn energy(&self, profile: u32, from: u32, to: u32) -> i64 {
        if self.energy.is_empty() {
            return 0;
        }
        i64::from(
            self.energy
                [(profile as usize * self.n_locs + from as usize) * self.n_locs + to as usize],
        )
    }

    /// Begin of service after arriving at `arrive`, or `None` if every window is over.
    #[inline]
    pub fn begin(&self, node: &Node, arrive: i32) -> Option<i32> {
        if arrive > node.close {
            return None;
        }
        if node.windows.0 == node.windows.1 {
            return Some(arrive.max(node.open));
        }
        let windows = &self.windows[node.windows.0 as usize..node.windows.1 as usize];
        windows.iter().find(|w| arrive <= w.1).map(|w| arrive.max(w.0))
    }

    /// Latest begin of service not after `limit`, or `None`.
    #[inline]
    pub fn latest_begin(&self, node: &Node, limit: i32) -> Option<i32> {
        if limit < node.open {
            return None;
        }
        if node.windows.0 == node.windows.1 {
            return Some(limit.min(node.close));
        }
        let windows = &self.windows[node.windows.0 as usize..node.windows.1 as usize];
        windows.iter().rev().find(|w| w.0 <= limit).map(|w| limit.min(w.1))
    }

    /// Whether a vehicle may serve a job at all.
    #[inline]
    pub fn is_allowed(&self, job: &Job, route: u32) -> bool {
        let veh = &self.vehs[route as usize];
        job.skills & !veh.skills == 0
            && job.permits & !veh.permits == 0
            && (job.only == NONE || job.only == route)
    }

    /// Whether service at a node that begins then misses the end of the order's own soft window.
    pub fn is_late(&self, id: u32, begin: i32) -> bool {
        let Some(job) = self.jobs.get(self.nodes[id as usize].job as usize) else { return false };
        let stop = match &self.problem.orders()[job.order as usize].kind {
            OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop,
            OrderKind::Transfer { pickup, .. } if job.second != NONE && id == job.first => pickup,
            OrderKind::Transfer { dropoff, .. } => dropoff,
        };
        stop.soft.is_some_and(|soft| self.clock(begin) > soft.window.end_ms)
    }

    /// Departure, begins and end that a plan states for a route.
    pub fn begins_of(&self, route: &Route) -> Vec<i32> {
        let time = |at_ms: i64| {
            let far = i64::from(HORIZON);
            at_ms.saturating_sub(self.origin_ms).clamp(-far, far) as i32
        };
        let visits = route.visits.iter().map(|v| v.begin_ms);
        [route.depart_ms].into_iter().chain(visits).chain([route.end_ms]).map(time).collect()
    }

    pub fn clock(&self, t: i32) -> i64 {
        self.origin_ms + i64::from(t)
    }
}
