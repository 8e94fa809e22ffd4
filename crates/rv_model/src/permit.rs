//! Permits: where, when and with what an authority lets vehicles drive.

use rv_base::{HourSet, LatLon, PermitId};
use serde::{Deserialize, Serialize};

use crate::van::VehicleKind;

/// A permit. A van that holds permits drives only on roads, and in hours, that one of its permits
/// covers for its kind; a forbidden area binds every van of its kinds that lists the permit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permit {
    /// Identity.
    pub id: PermitId,
    /// Name for people.
    pub name: String,
    /// Vehicle kinds it speaks of.
    pub kinds: Vec<VehicleKind>,
    /// Where it allows driving; empty means everywhere.
    pub allowed: Vec<PermitArea>,
    /// Where it forbids driving, also inside what it allows.
    pub forbidden: Vec<PermitArea>,
    /// When it allows driving at all.
    pub hours: HourSet,
}

impl Permit {
    /// How many areas it speaks of.
    pub fn n_areas(&self) -> usize {
        self.allowed.len() + self.forbidden.len()
    }

    /// How many points the outlines of its areas have in all.
    pub fn n_points(&self) -> usize {
        self.allowed.iter().chain(&self.forbidden).map(|area| area.outline.len()).sum()
    }
}

/// A polygon, with the hours in which it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermitArea {
    /// Name for people.
    pub name: String,
    /// Outline of at least three points, closed implicitly, even-odd rule.
    pub outline: Vec<LatLon>,
    /// When it counts.
    pub hours: HourSet,
}
