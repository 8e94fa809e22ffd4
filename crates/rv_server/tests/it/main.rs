//! Integration tests of the server.

mod store;
mod support;
