//! The importer from the outside: small hand-made towns, real extracts and broken input.

#![allow(clippy::unwrap_used, reason = "a test that unwraps what it made fails with the cause")]

mod formats;
mod graph;
mod hostile;
mod lane_rules;
mod lanes;
mod places;
mod real;
mod town;
