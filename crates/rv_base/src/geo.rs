//! Positions on the Earth, in a local metric frame, and on the road.

use serde::{Deserialize, Serialize};

use crate::ids::EdgeId;
use crate::units::{Meters, Radians};

/// Mean Earth radius, m (IUGG 1980).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A WGS-84 position in units of 1e-7 degree (about 11 mm), as OpenStreetMap stores it.
///
/// Always valid: latitude within ±90 degrees, longitude within ±180 degrees.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "(i32, i32)", into = "(i32, i32)")]
pub struct LatLon {
    lat_e7: i32,
    lon_e7: i32,
}

/// Why a pair of numbers is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatLonError {
    /// NaN or infinite.
    NotFinite,
    /// Latitude beyond ±90 degrees.
    Latitude,
    /// Longitude beyond ±180 degrees.
    Longitude,
}

impl std::fmt::Display for LatLonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "coordinate is not a finite number",
            Self::Latitude => "latitude is beyond 90 degrees",
            Self::Longitude => "longitude is beyond 180 degrees",
        })
    }
}

impl std::error::Error for LatLonError {}

impl LatLon {
    /// Builds from degrees; rounds to 1e-7 degree.
    pub fn from_degrees(lat_deg: f64, lon_deg: f64) -> Result<Self, LatLonError> {
        if !lat_deg.is_finite() || !lon_deg.is_finite() {
            return Err(LatLonError::NotFinite);
        }
        if lat_deg.abs() > 90.0 {
            return Err(LatLonError::Latitude);
        }
        if lon_deg.abs() > 180.0 {
            return Err(LatLonError::Longitude);
        }
        Ok(Self { lat_e7: (lat_deg * 1e7).round() as i32, lon_e7: (lon_deg * 1e7).round() as i32 })
    }

    /// Builds from units of 1e-7 degree.
    pub fn from_e7(lat_e7: i32, lon_e7: i32) -> Result<Self, LatLonError> {
        if lat_e7.unsigned_abs() > 900_000_000 {
            return Err(LatLonError::Latitude);
        }
        if lon_e7.unsigned_abs() > 1_800_000_000 {
            return Err(LatLonError::Longitude);
        }
        Ok(Self { lat_e7, lon_e7 })
    }

    /// Latitude in degrees.
    pub fn lat_deg(self) -> f64 {
        f64::from(self.lat_e7) * 1e-7
    }

    /// Longitude in degrees.
    pub fn lon_deg(self) -> f64 {
        f64::from(self.lon_e7) * 1e-7
    }

    /// Latitude in units of 1e-7 degree.
    pub fn lat_e7(self) -> i32 {
        self.lat_e7
    }

    /// Longitude in units of 1e-7 degree.
    pub fn lon_e7(self) -> i32 {
        self.lon_e7
    }

    /// Great-circle distance on the mean sphere (haversine; within 0.5 % of the ellipsoid).
    pub fn distance_to(self, other: Self) -> Meters {
        let (lat1, lat2) = (self.lat_deg().to_radians(), other.lat_deg().to_radians());
        let half_dlat = (lat2 - lat1) / 2.0;
        let half_dlon = (other.lon_deg() - self.lon_deg()).to_radians() / 2.0;
        let h = half_dlat.sin().powi(2) + lat1.cos() * lat2.cos() * half_dlon.sin().powi(2);
        Meters(2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin())
    }

    /// Initial bearing towards `other`, clockwise from north, 0..2*pi.
    pub fn bearing_to(self, other: Self) -> Radians {
        let (lat1, lat2) = (self.lat_deg().to_radians(), other.lat_deg().to_radians());
        let dlon = (other.lon_deg() - self.lon_deg()).to_radians();
        let y = dlon.sin() * lat2.cos();
        let x = lat1.cos() * lat2.sin() - lat1.sin() * lat2.cos() * dlon.cos();
        Radians(y.atan2(x).rem_euclid(std::f64::consts::TAU))
    }
}

impl TryFrom<(i32, i32)> for LatLon {
    type Error = LatLonError;
    fn try_from((lat_e7, lon_e7): (i32, i32)) -> Result<Self, LatLonError> {
        Self::from_e7(lat_e7, lon_e7)
    }
}

impl From<LatLon> for (i32, i32) {
    fn from(p: LatLon) -> Self {
        (p.lat_e7, p.lon_e7)
    }
}

impl std::fmt::Display for LatLon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.7},{:.7}", self.lat_deg(), self.lon_deg())
    }
}

/// A point or vector in a local metric frame: x east, y north, m.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point2 {
    /// East, m.
    pub x_m: f64,
    /// North, m.
    pub y_m: f64,
}

impl Point2 {
    /// Euclidean distance.
    pub fn distance_to(self, other: Self) -> Meters {
        Meters((self.x_m - other.x_m).hypot(self.y_m - other.y_m))
    }
}

/// A local metric frame: equirectangular around an origin, x east and y north.
///
/// Within 50 km of the origin, distances agree with the sphere to about 0.4 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalFrame {
    origin: LatLon,
    m_per_lat_deg: f64,
    m_per_lon_deg: f64,
}

impl LocalFrame {
    /// Builds the frame around `origin`.
    pub fn at(origin: LatLon) -> Self {
        let m_per_lat_deg = EARTH_RADIUS_M.to_radians();
        Self {
            origin,
            m_per_lat_deg,
            m_per_lon_deg: m_per_lat_deg * origin.lat_deg().to_radians().cos(),
        }
    }

    /// local_from_world: position in this frame.
    pub fn to_local(&self, p: LatLon) -> Point2 {
        Point2 {
            x_m: (p.lon_deg() - self.origin.lon_deg()) * self.m_per_lon_deg,
            y_m: (p.lat_deg() - self.origin.lat_deg()) * self.m_per_lat_deg,
        }
    }

    /// world_from_local: position on the Earth, or an error if the point lies beyond the poles or
    /// the date line.
    pub fn to_world(&self, p: Point2) -> Result<LatLon, LatLonError> {
        LatLon::from_degrees(
            self.origin.lat_deg() + p.y_m / self.m_per_lat_deg,
            self.origin.lon_deg() + p.x_m / self.m_per_lon_deg,
        )
    }
}

/// A position on the road graph: `offset` from the tail of a directed edge.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct RoadPosition {
    /// The directed edge.
    pub edge: EdgeId,
    /// Distance from the edge's tail, 0..=length.
    pub offset: Meters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_is_no_position() {
        assert_eq!(LatLon::from_degrees(f64::NAN, 0.0), Err(LatLonError::NotFinite));
        assert_eq!(LatLon::from_degrees(90.1, 0.0), Err(LatLonError::Latitude));
        assert_eq!(LatLon::from_e7(0, i32::MIN), Err(LatLonError::Longitude));
    }

    #[test]
    fn distance_and_frame_agree() {
        let a = LatLon::from_degrees(39.96, -83.0).unwrap();
        let b = LatLon::from_degrees(39.99, -82.9).unwrap();
        let sphere = a.distance_to(b).0;
        let frame = LocalFrame::at(a);
        let flat = frame.to_local(a).distance_to(frame.to_local(b)).0;
        assert!((sphere - flat).abs() / sphere < 4e-3, "{sphere} {flat}");
        assert_eq!(frame.to_world(frame.to_local(b)), Ok(b));
        // One minute of latitude is a nautical mile.
        let north = LatLon::from_degrees(39.96 + 1.0 / 60.0, -83.0).unwrap();
        assert!((a.distance_to(north).0 - 1852.0).abs() < 3.0);
        assert!(a.bearing_to(north).0 < 1e-6);
    }
}
