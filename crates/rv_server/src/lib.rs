//! HTTP API, live stream and durable store around the fleet brain.
//!
//! It refuses to know what a van does with a mission and where vehicles come from: it hosts a
//! [`rv_fleet::Fleet`] and a [`World`] (a twin or real vehicles) on one thread, commits what they
//! decide to a [`store::Store`], and answers callers once it is durable.
//!
//! The main type is [`Server`].
//!
//! ```
//! use rv_server::store::{Append, Batch, MemoryStore, Store, verify};
//!
//! let mut store = MemoryStore::default();
//! let mut batch = Batch::default();
//! batch.appends.push(Append { key: "fleet".into(), expected: 0, bodies: vec![b"event".to_vec()] });
//! batch.put("vans", "7", b"parked".to_vec());
//! let head = store.commit(&batch).unwrap();
//! assert_eq!(head.position, 1);
//! assert_eq!(verify(&store).unwrap(), head);
//! ```

pub mod api;
pub mod auth;
mod console;
pub mod data_dir;
mod describe;
pub mod host;
pub mod ledger;
pub mod live;
mod server;
pub mod store;
mod tiles;
mod world;

pub use console::{Asset, asset};
pub use describe::{NewsItem, describe};
pub use server::{Server, ServerError, ServerSetup};
pub use world::{EmptyWorld, Fault, FaultKind, FromFleet, InjectError, ToFleet, World, WorldKind};
