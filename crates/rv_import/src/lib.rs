//! OpenStreetMap (PBF, XML, Overpass JSON) and DIMACS topologies to a city; lane maps and scenarios to their types.
//!
//! It refuses to know where the bytes come from and where the city goes: it reads from any
//! [`std::io::Read`] and opens no file. It judges no map: what is odd becomes a warning in the
//! [`ImportReport`], what cannot be used an [`ImportError`] with a hint.
//!
//! The main function is [`build_city`].
//!
//! ```
//! use rv_import::{ImportError, ImportOptions, build_city};
//!
//! let xml = br#"<osm version="0.6"><node id="1" lat="43.7" lon="7.4"/></osm>"#;
//! let error = build_city(&xml[..], &ImportOptions::named("nowhere")).unwrap_err();
//! assert!(matches!(error, ImportError::NoRoads));
//! assert!(error.hint().contains("highway"));
//! ```

mod access;
mod areas;
mod attrs;
mod basemap;
mod build;
mod buildings;
mod coast;
pub mod commonroad;
mod dimacs;
mod error;
mod facilities;
pub mod lanes;
mod limits;
mod marks;
pub mod openscenario;
mod options;
mod osm;
mod places;
mod raw;
mod report;
mod roads;
mod scc;
mod side;
mod turns;
mod xml;

pub use build::build_city;
pub use dimacs::build_dimacs;
pub use error::ImportError;
pub use limits::Limits;
pub use options::{FacilityRule, ImportOptions};
pub use report::{DroppedCounts, ImportReport, InputCounts, KeptCounts, Warning, WarningKind};
