//! Independent checkers: they recompute every plan from the instance alone, in continuous time,
//! and share no code with the solvers.

mod design;
mod kept;
mod location;
mod week;

pub use design::{DesignReport, DesignViolation, check_static, check_timed};
pub use location::check_hubs;
pub use week::{WeekReport, WeekViolation, check_replan, check_week};
