//! The robovan command from the outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod crash;
mod dispatch;
mod http;
mod route;
mod server;
