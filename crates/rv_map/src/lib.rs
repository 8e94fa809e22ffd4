//! The road map of a city: directed road graph, places, facilities and base map, in one versioned
//! file.
//!
//! It refuses to know where the map came from (importers build a [`City`]), how routes are found
//! and what a van is: a vehicle is here only a [`Mode`] that a road admits or not.
//!
//! The main type is [`City`]; its [`RoadGraph`] is what engines work on.

mod city;
mod graph;
mod snap;

pub use city::{
    Area, AreaKind, City, DriveSide, Facility, FacilityKind, Label, LabelKind, Line, LineKind,
    Place,
};
pub use graph::{Edge, ForbiddenPath, Mode, ModeSet, Road, RoadGraph, RoadKind, Surface};
pub use snap::{Snap, SnapIndex, SnapQuery};
