//! Words of line-haul: network-design instances as the literature publishes them, and the plans
//! that answer them.
//!
//! Amounts here are in the instance's own units (the public instances have none), which is why
//! they are bare numbers.

mod design;
mod plan;

pub use design::{
    DesignArc, DesignCommodity, DesignError, MAX_ARCS, MAX_COMMODITIES, MAX_NODES, NetworkDesign,
    Timing,
};
pub use plan::{Dispatch, LateAnswer, PathFlow, StaticPlan, TimedPlan};
