//! Integration tests of the server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod api;
mod data_dir;
mod host;
mod live;
mod store;
mod support;
