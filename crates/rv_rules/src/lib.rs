//! Permits as data and code: which roads a vehicle may drive, and when.
//!
//! It refuses to know how routes are found: it answers for one edge and one moment, and hands out
//! whole sets of edges from which others make metrics.
//!
//! The main type is [`PermitIndex`].
//!
//! ```
//! use rv_base::{HourSet, LatLon, PermitId, Seconds};
//! use rv_map::RoadGraph;
//! use rv_model::{Permit, VehicleKind};
//! use rv_rules::PermitIndex;
//!
//! let graph = RoadGraph { first_out: vec![0], ..RoadGraph::default() };
//! let permit = Permit {
//!     id: PermitId(0),
//!     name: "whole city, by day".into(),
//!     kinds: vec![VehicleKind::Van],
//!     allowed: vec![],
//!     forbidden: vec![],
//!     hours: HourSet::daily(6, 22),
//! };
//! let index = PermitIndex::new(&graph, &[permit], Seconds(3600.0)).unwrap();
//! assert!(index.edges(&[PermitId(0)], VehicleKind::Van, 7).is_empty());
//! ```

mod permits;
mod polygon;

pub use permits::{EdgeSet, NotCovered, PermitError, PermitIndex, PermitShelf};
pub use polygon::Polygon;
