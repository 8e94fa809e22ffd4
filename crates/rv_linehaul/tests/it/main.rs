//! Line-haul planning against public instances, exhaustive search and the independent checkers.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod canad;
mod dow;
