//! Words of line-haul: network-design instances as the literature publishes them, and the plans
//! that answer them.
//!
//! Amounts of network-design instances are in their own units (the public ones have none), which
//! is why they are bare numbers; a [`Week`]'s fields carry their unit in their name.

mod design;
mod disruption;
mod location;
mod plan;
mod week;

pub use design::{
    DesignArc, DesignCommodity, DesignError, MAX_ARCS, MAX_COMMODITIES, MAX_NODES, NetworkDesign,
    Timing,
};
pub use disruption::{Disruption, Replan};
pub use location::{Allocation, HubError, HubPlan, HubProblem, HubRule, MAX_SITES};
pub use plan::{Dispatch, LateAnswer, PathFlow, StaticPlan, TimedPlan};
pub use week::{
    ClassHours, Commodity, DailyHours, Driving, Fleet, Hub, Lane, LateFreight, LateReason, Leg,
    MAX_DRIVE_S, MAX_HOURS, MAX_HUBS, MAX_SPAN_S, MAX_TRUCKS, MAX_TRUCKS_FILLED, TruckClass,
    TruckWeek, Week, WeekCosts, WeekDeparture, WeekError, WeekPlan,
};
