//! A planning job: plain data that any thread can work on.

use std::sync::Arc;

use rv_base::{
    EdgeId, FacilityId, Kilograms, Money, OrderId, Rng, RoadPosition, Seconds, TimeWindow,
    Timestamp, VanId, WattHours,
};
use rv_dispatch::{Budget, Params, solve};
use rv_model::VanClass;
use rv_model::dispatch::{
    Battery, ChargeStep, Depot, Order, OrderKind, PermitMap, Presence, Problem, ProblemData, Start,
    Stop, Task, Told, Travel, Vehicle, Window,
};
use rv_route::{Matrix, Metric, Scratch};

use crate::review_job::{ReviewJob, Reviewed};

/// What an hour of a van on tour is worth, beside what it uses; makes tours short.
pub(crate) const VAN_HOUR: f64 = 20.0;
/// What it costs to send one more van.
const VAN_FIXED: f64 = 4.0;
/// Longest span that a window may reach into the future, ms: the engine's numbers are 31 bits.
pub(crate) const HORIZON_MS: i64 = 4 * 86_400_000;

/// What is to be planned for one hub. The same job gives the same result on every machine.
#[derive(Debug)]
pub struct PlanJob {
    /// Number of the job, repeated in the result.
    pub id: u64,
    /// Virtual time between asking and [`crate::Input::Planned`].
    pub ready_after: Seconds,
    pub(crate) work: Work,
}

/// What kind of plan is wanted.
#[derive(Debug)]
pub(crate) enum Work {
    /// Tours of vans that wait at the hub.
    Tours(TourJob),
    /// Changes to the missions of vans that are under way.
    Review(ReviewJob),
}

/// Orders and the vans that may serve them on a tour from their hub.
#[derive(Debug)]
pub(crate) struct TourJob {
    pub(crate) home: RoadPosition,
    pub(crate) metric: Arc<Metric>,
    pub(crate) class: VanClass,
    pub(crate) items: Arc<Vec<JobItem>>,
    pub(crate) vans: Vec<JobVan>,
    pub(crate) params: JobParams,
}

/// Orders that are handed over together.
#[derive(Clone, Debug)]
pub(crate) struct JobItem {
    pub(crate) orders: Vec<OrderId>,
    pub(crate) at: RoadPosition,
    pub(crate) facility: Option<FacilityId>,
    pub(crate) is_collection: bool,
    /// When the handover may begin.
    pub(crate) window: TimeWindow,
    /// What it is worth to serve it now, in units of the currency.
    pub(crate) prize: f64,
    pub(crate) service: Seconds,
    pub(crate) n_parcels: u32,
    pub(crate) mass: Kilograms,
}

/// A van that a tour is wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobVan {
    pub(crate) van: VanId,
    pub(crate) stored: WattHours,
}

/// Limits of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobParams {
    pub(crate) seed: u64,
    /// When the vans can leave, loaded.
    pub(crate) leave: Timestamp,
    /// When they must be back.
    pub(crate) until: Timestamp,
    /// How many times as long as on free roads driving takes.
    pub(crate) slowness: f64,
    pub(crate) iterations: u64,
}

/// The answer to a [`PlanJob`].
#[derive(Clone, Debug, PartialEq)]
pub struct PlanResult {
    /// Number of the job.
    pub id: u64,
    pub(crate) found: Found,
}

/// What a job came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    Tours(Vec<Tour>),
    Review(Vec<Reviewed>),
}

/// A tour of one van, from its hub and back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tour {
    pub(crate) van: VanId,
    /// Items of the job in driving order.
    pub(crate) items: Vec<u32>,
    /// The way to each item and, last, the way home, with free driving times.
    pub(crate) ways: Vec<(Vec<EdgeId>, Seconds)>,
    /// How long the van may wait before it leaves, without being later anywhere.
    pub(crate) wait: Seconds,
    /// When the hub is reached again.
    pub(crate) end: Timestamp,
}

impl PlanJob {
    /// Plans. Takes from milliseconds to a second or two; touches nothing but its own data.
    pub fn run(self) -> PlanResult {
        let found = match self.work {
            Work::Tours(job) => {
                Found::Tours(job.tours(&mut Scratch::default()).unwrap_or_default())
            }
            Work::Review(job) => Found::Review(job.run()),
        };
        PlanResult { id: self.id, found }
    }
}

impl TourJob {
    /// `None` if nothing can be planned: no item is reachable, or a number is out of range.
    fn tours(&self, scratch: &mut Scratch) -> Option<Vec<Tour>> {
        let mut positions = vec![self.home];
        positions.extend(self.items.iter().map(|item| item.at));
        let matrix = self.metric.matrix(scratch, &positions, &positions).ok()?;
        let problem = Problem::new(self.problem(&matrix)).ok()?;
        let budget = Budget::iterations(self.params.iterations);
        let mut rng = Rng::from_seed(self.params.seed);
        let params = Params { n_explained_max: 0, ..Params::standard() };
        let outcome = solve(&problem, None, &params, &budget, &mut rng);
        let tours = outcome.plan.routes.iter().filter_map(|route| {
            let items: Vec<u32> = route
                .tasks()
                .filter_map(|task| match task {
                    Task::Serve(item) => Some(item),
                    Task::Collect(_) | Task::Reload(_) | Task::Charge { .. } => None,
                })
                .collect();
            let end = self.params.leave + Seconds(route.end_ms as f64 / 1000.0);
            let wait = Seconds(route.depart_ms as f64 / 1000.0);
            self.tour(scratch, self.vans[route.vehicle as usize].van, items, wait, end)
        });
        Some(tours.collect())
    }

    fn tour(
        &self,
        scratch: &mut Scratch,
        van: VanId,
        items: Vec<u32>,
        wait: Seconds,
        end: Timestamp,
    ) -> Option<Tour> {
        if items.is_empty() {
            return None;
        }
        let mut ways = Vec::with_capacity(items.len() + 1);
        let mut here = self.home;
        let targets = items.iter().map(|item| self.items[*item as usize].at).chain([self.home]);
        for target in targets {
            let route = self.metric.route(scratch, here, target).ok()?;
            ways.push((route.edge_ids().collect(), route.time()));
            here = target;
        }
        Some(Tour { van, items, ways, wait, end })
    }

    fn problem(&self, matrix: &Matrix) -> ProblemData {
        let slowness = self.params.slowness;
        let span = self.params.until.since(self.params.leave);
        let standby = self.class.consumption.standby * span;
        let reserve = self.class.reserve + standby;
        // A van is where it is, even where the road is closed and no way leads round the block.
        let stride = matrix.n_sources + 1;
        let off_diagonal =
            |idx: usize, value: i32| if idx.is_multiple_of(stride) { 0 } else { value };
        let table = |values: &[u32], scaled: &dyn Fn(u32) -> i32| -> Vec<i32> {
            values.iter().enumerate().map(|(idx, v)| off_diagonal(idx, scaled(*v))).collect()
        };
        let capped = |value: u32| value.min(1 << 30) as i32;
        let travel = Travel::Table {
            n: matrix.n_sources,
            duration_ms: table(&matrix.time_ms, &|ms| slowed(ms, slowness)),
            distance_mm: table(&matrix.dist_mm, &capped),
            energy_mwh: Some(table(&matrix.energy_mwh, &capped)),
        };
        let shift = Window { start_ms: 0, end_ms: (span.0 * 1000.0) as i64 };
        let costs = &self.class.costs;
        let energy_km = costs.per_kwh.to_units() * self.class.consumption.wh_per_m;
        let vehicles = self.vans.iter().map(|van| Vehicle {
            id: u64::from(van.van.0),
            start: Start::Depot(0),
            end: Some(0),
            shift,
            duration_ms_max: None,
            distance_mm_max: None,
            capacity: [
                grams(self.class.payload_max),
                i32::from(self.class.parcels_max),
                i32::from(self.class.n_compartments),
                0,
            ],
            extra_load: [0; 4],
            compartments: Vec::new(),
            skills: 0,
            permits: 0,
            profile: 0,
            cost_fixed: Money::from_units(VAN_FIXED),
            cost_per_km: costs.per_km + Money::from_units(energy_km),
            cost_per_hour: Money::from_units(VAN_HOUR),
            reload_depots: Vec::new(),
            reloads_max: 0,
            battery: Some(battery(&self.class, van.stored, reserve)),
            committed: Vec::new(),
        });
        ProblemData {
            n_load_dims: 3,
            depots: vec![Depot { location: 0, window: shift, reload_ms: 0, stock: None }],
            chargers: Vec::new(),
            vehicles: vehicles.collect(),
            orders: self
                .items
                .iter()
                .enumerate()
                .map(|(idx, item)| self.order(idx, item))
                .collect(),
            travels: vec![travel],
            tenants: Vec::new(),
            permits: PermitMap::default(),
        }
    }

    fn order(&self, idx: usize, item: &JobItem) -> Order {
        let at_ms = |at: Timestamp| {
            (at.0.saturating_sub(self.params.leave.0)).clamp(-HORIZON_MS, HORIZON_MS)
        };
        let start_ms = at_ms(item.window.start).max(0);
        let stop = Stop {
            location: idx as u32 + 1,
            windows: vec![Window { start_ms, end_ms: at_ms(item.window.end).max(start_ms) }],
            service_ms: (item.service.0 * 1000.0) as i64,
            soft: None,
        };
        Order {
            id: idx as u64,
            kind: if item.is_collection {
                OrderKind::Pickup(stop)
            } else {
                OrderKind::Delivery(stop)
            },
            load: [
                grams(item.mass),
                i32::try_from(item.n_parcels).unwrap_or(i32::MAX),
                item.orders.len() as i32,
                0,
            ],
            release_ms: 0,
            skills: 0,
            presence: Presence::Optional(Money::from_units(item.prize)),
            on_board: None,
            tenant: None,
            compartment: None,
            told: Told::default(),
        }
    }
}

/// A van's battery, which the engine must leave with a reserve.
pub(crate) fn battery(class: &VanClass, stored: WattHours, reserve: WattHours) -> Battery {
    let capacity_mwh = mwh(class.battery);
    Battery {
        capacity_mwh,
        start_mwh: mwh(stored).min(capacity_mwh),
        reserve_mwh: mwh(reserve).min(capacity_mwh),
        curve: vec![ChargeStep {
            up_to_mwh: capacity_mwh,
            power_mw: (class.charge_power.0 * 1000.0) as i64,
        }],
        load_uwh_per_km: [0; 4],
    }
}

pub(crate) fn slowed(time_ms: u32, slowness: f64) -> i32 {
    if time_ms >= Matrix::UNREACHABLE_MS {
        return i32::MAX;
    }
    (f64::from(time_ms) * slowness).min(1e9) as i32
}

pub(crate) fn grams(mass: Kilograms) -> i32 {
    (mass.0 * 1000.0).ceil().min(5e8) as i32
}

fn mwh(energy: WattHours) -> i64 {
    (energy.0 * 1000.0).max(0.0) as i64
}
