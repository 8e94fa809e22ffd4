//! Permits: where, when and with what an authority lets vehicles drive.

use rv_base::{HourSet, LatLon, LatLonError, PermitId};
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

/// Why a ring is no outline.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RingError {
    /// A point has not two coordinates.
    #[error("a point without longitude and latitude")]
    NoPoint,
    /// A point is not on the Earth.
    #[error(transparent)]
    Position(#[from] LatLonError),
    /// It encloses nothing.
    #[error("fewer than three points")]
    TooShort,
}

/// The points of a GeoJSON ring (longitude, latitude in degrees), the last of which may repeat the
/// first.
pub fn ring_outline(ring: &[Vec<f64>]) -> Result<Vec<LatLon>, RingError> {
    let mut points = ring
        .iter()
        .map(|at| match at.as_slice() {
            [lon_deg, lat_deg, ..] => Ok(LatLon::from_degrees(*lat_deg, *lon_deg)?),
            _ => Err(RingError::NoPoint),
        })
        .collect::<Result<Vec<_>, RingError>>()?;
    if points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    if points.len() < 3 { Err(RingError::TooShort) } else { Ok(points) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_read_once_round() {
        let ring = |points: &[&[f64]]| -> Vec<Vec<f64>> {
            points.iter().map(|point| point.to_vec()).collect()
        };
        let closed = ring(&[&[7.0, 43.0], &[7.1, 43.0, 12.0], &[7.1, 43.1], &[7.0, 43.0]]);
        let outline = ring_outline(&closed).unwrap();
        assert_eq!(outline.len(), 3);
        assert_eq!(outline[2], LatLon::from_degrees(43.1, 7.1).unwrap());
        assert_eq!(ring_outline(&closed[..3]), Ok(outline));
        assert_eq!(ring_outline(&closed[2..]), Err(RingError::TooShort));
        assert_eq!(ring_outline(&ring(&[&[7.0]])), Err(RingError::NoPoint));
        let off = ring_outline(&ring(&[&[7.0, 143.0]]));
        assert!(matches!(off, Err(RingError::Position(_))), "{off:?}");
    }
}
