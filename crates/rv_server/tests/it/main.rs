//! Integration tests of the server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod store;
mod support;
