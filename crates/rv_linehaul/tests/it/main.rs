//! Line-haul planning against public instances, exhaustive search and the independent checkers.
#![allow(clippy::print_stdout, reason = "a test that is left out says so")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod ap;
mod canad;
mod dow;
mod garbage;
#[cfg(feature = "mip")]
mod mip;
mod replan;
mod simplex;
mod small;
mod timed;
mod week;
