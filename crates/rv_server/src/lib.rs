//! HTTP API, live stream and embedded store around the fleet brain.

pub mod store;
