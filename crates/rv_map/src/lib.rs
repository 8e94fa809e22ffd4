//! The road map of a city: directed road graph, places, facilities and base map, in one versioned
//! file.
//!
//! It refuses to know where the map came from (importers build a [`City`]), how routes are found
//! and what a van is: a vehicle is here only a [`Mode`] that a road admits or not.
//!
//! The main type is [`City`]; its [`RoadGraph`] is what engines work on. A [`SnapIndex`] finds
//! roads near a point, a [`TileIndex`] cuts the base map into vector tiles.
//!
//! ```
//! use rv_map::{City, CityFileError, TileIndex};
//!
//! let city = City { name: "nowhere".to_owned(), ..City::default() };
//! let file = city.to_file_bytes();
//! assert_eq!(City::from_file_bytes(&file), Ok(city));
//! assert_eq!(City::from_file_bytes(b"oops"), Err(CityFileError::NotACityFile));
//! assert!(TileIndex::new(&City::default()).tile(14, 8_530, 5_975).is_empty());
//! ```

mod city;
pub mod city_lanes;
mod file;
mod graph;
pub mod lanes;
mod snap;
pub mod tiles;
mod validate;

#[cfg(test)]
mod testing;

pub use city::{
    Area, AreaKind, City, DriveSide, Facility, FacilityKind, Label, LabelKind, Line, LineKind,
    Place, RoadMark, RoadMarkKind,
};
pub use file::CityFileError;
pub use graph::{Edge, ForbiddenPath, Mode, ModeSet, Road, RoadGraph, RoadKind, Surface};
pub use snap::{Snap, SnapIndex, SnapQuery};
pub use tiles::TileIndex;
pub use validate::CityFlaw;
