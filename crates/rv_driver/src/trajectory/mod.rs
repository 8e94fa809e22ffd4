//! Drives a vehicle over lanes among others: forecast, proposals, search, and a plan that the
//! vehicle model can follow.
//!
//! Everything is a pure function of its arguments; work is bounded by counts, never by a clock.

mod compass;
mod forecast;
mod geometry;
mod goal;
mod modes;
mod path;
mod planner;
mod proposal;
mod record;
mod road;
mod scout;
mod search;
mod speed;
mod track;
mod vehicle;

pub use compass::{Compass, CompassGrain};
pub use forecast::{Future, Seen, View, forecast};
pub use geometry::{Body, wrapped_rad};
pub(crate) use geometry::{ahead, walk_down};
pub use goal::{Goal, Goals};
pub use modes::{Mode, modes};
pub use path::{Path, PathPoint};
pub use planner::{Kind, Outlook, Plan, Planner, PlannerOptions};
pub use record::{Cycle, Ending, Tried};
pub use road::Road;
pub use vehicle::{Gear, Input, State, Vehicle, bounded, bounded_in, step, step_in};
