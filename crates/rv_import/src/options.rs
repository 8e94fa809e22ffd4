//! What the user may choose about an import.

use rv_base::Meters;
use rv_map::DriveSide;

use crate::limits::Limits;

/// Choices of an import. Same input and options, same city.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// Short name of the city.
    pub name: String,
    /// Seed of the rules that place facilities and delivery points.
    pub seed: u64,
    /// Side of the road; from a table of countries if not given.
    pub drive_side: Option<DriveSide>,
    /// Streets get made-up delivery points if there is less than one known point for so many
    /// metres of street.
    pub place_spacing_sparse: Meters,
    /// Mean distance between made-up delivery points along a street.
    pub place_spacing: Meters,
    /// At most so many delivery points are made up.
    pub n_made_up_places_max: usize,
    /// How many facilities there should be.
    pub facilities: FacilityRule,
    /// Limits on the input.
    pub limits: Limits,
}

/// How many facilities a city should have: those in the data, and as many placed ones as are
/// missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FacilityRule {
    /// Delivery points that one hub serves.
    pub places_per_hub: f64,
    /// Delivery points that one station serves.
    pub places_per_station: f64,
    /// Delivery points around one parcel locker.
    pub places_per_locker: f64,
    /// Delivery points for each charging place.
    pub places_per_charger: f64,
}

impl ImportOptions {
    /// The usual choices for a city of this name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            seed: 0,
            drive_side: None,
            place_spacing_sparse: Meters(60.0),
            place_spacing: Meters(30.0),
            n_made_up_places_max: 1_000_000,
            facilities: FacilityRule {
                places_per_hub: 25_000.0,
                places_per_station: 4_000.0,
                places_per_locker: 1_000.0,
                places_per_charger: 2_500.0,
            },
            limits: Limits::default(),
        }
    }
}
