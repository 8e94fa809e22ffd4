//! The hub-to-hub network of driverless trucks: which services run when, and what rides them.
//!
//! It refuses to know where instances come from (it reads texts, not files), what time it is (a
//! [`Budget`] brings the clock), and what becomes of a parcel before its first and after its last
//! hub. Every plan comes with a proven lower bound, and can be judged by [`check_static`],
//! [`check_timed`] or [`check_week`], which share no code with the solvers.
//!
//! The main entries are [`read_dow`], [`solve_static`], [`solve_timed`] and
//! [`solve_week`].
//!
//! ```
//! use rv_base::Rng;
//! use rv_linehaul::{Budget, check_static, read_dow, solve_static};
//!
//! let text = "two ways\n 3 3 1\n 1 2 1 10 5 0 1\n 2 3 1 10 5 0 2\n 1 3 4 10 2 0 3\n 1 3 2\n";
//! let design = read_dow(text).unwrap();
//! let budget = Budget::steps(100);
//! let outcome = solve_static(&design, &budget, 1, &Rng::from_seed(1), &mut |_cost, _bound| {});
//! assert_eq!(outcome.cost, 10.0);
//! assert!(outcome.bound <= outcome.cost);
//! assert!(check_static(&design, &outcome.plan).violations.is_empty());
//! ```

mod budget;
mod check;
mod design;
mod location;
#[cfg(feature = "mip")]
mod mip;
mod read;
mod timed;
mod volume;
mod week;

pub use budget::Budget;
pub use check::{
    DesignReport, DesignViolation, WeekReport, WeekViolation, check_hubs, check_replan,
    check_static, check_timed, check_week,
};
pub use design::{StaticOutcome, solve_static};
pub use location::{HubOutcome, solve_hubs};
#[cfg(feature = "mip")]
pub use mip::improve_static;
pub use read::{ApError, DowError, is_ap, read_ap, read_ap_table, read_dow};
pub use timed::{TimedOutcome, solve_timed};
pub use week::{
    Effort, Moments, ReplanError, ReplanOutcome, Times, WeekOutcome, WeekShape, generate_week,
    replan_week, solve_week,
};
