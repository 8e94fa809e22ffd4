//! Metres on a plane and positions on the Earth: the transverse Mercator projection on the WGS 84
//! ellipsoid, which UTM, MGRS and the local frames of most lane maps are.

use rv_base::Point2;
use serde::{Deserialize, Serialize};

/// Equatorial radius of WGS 84, m, and its flattening (NIMA TR 8350.2).
const RADIUS_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Scale on the central meridian of a UTM zone.
const UTM_SCALE: f64 = 0.9996;

/// A plane frame on the Earth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeoFrame {
    /// Central meridian, degrees east.
    pub meridian_deg: f64,
    /// Scale on the central meridian.
    pub scale: f64,
    /// Where the frame's zero lies: metres east of the central meridian and north of the equator,
    /// on the projected plane.
    pub zero: Point2,
}

impl GeoFrame {
    /// The UTM zone's frame, 1..=60, without false origins; Norway and Svalbard have no exceptions.
    pub fn utm(zone: u8) -> Self {
        Self {
            meridian_deg: f64::from(zone) * 6.0 - 183.0,
            scale: UTM_SCALE,
            zero: Point2 { x_m: 0.0, y_m: 0.0 },
        }
    }

    /// The UTM zone in which a longitude lies.
    pub fn utm_zone(lon_deg: f64) -> u8 {
        (((lon_deg + 180.0) / 6.0).floor() as i64).rem_euclid(60) as u8 + 1
    }

    /// The UTM frame of a position, with its zero there.
    pub fn utm_at(lat_deg: f64, lon_deg: f64) -> Self {
        let frame = Self::utm(Self::utm_zone(lon_deg));
        Self { zero: frame.to_plane(lat_deg, lon_deg), ..frame }
    }

    /// A position, degrees, in metres of the frame.
    ///
    /// Krüger's series to the fourth order of the third flattening (Karney 2011, "Transverse
    /// Mercator with an accuracy of a few nanometers", equations 7 to 10 and 35): better than
    /// 0.1 mm within a UTM zone.
    pub fn to_plane(&self, lat_deg: f64, lon_deg: f64) -> Point2 {
        let e = eccentricity();
        let lambda = (lon_deg - self.meridian_deg).to_radians();
        let tau = lat_deg.to_radians().tan();
        let sigma = (e * (e * tau / tau.hypot(1.0)).atanh()).sinh();
        let conformal = tau * sigma.hypot(1.0) - sigma * tau.hypot(1.0);
        let xi = conformal.atan2(lambda.cos());
        let eta = (lambda.sin() / conformal.hypot(lambda.cos())).asinh();
        let (mut north, mut east) = (xi, eta);
        for (k, alpha) in (1..).map(|j| 2.0 * f64::from(j)).zip(forth()) {
            north += alpha * (k * xi).sin() * (k * eta).cosh();
            east += alpha * (k * xi).cos() * (k * eta).sinh();
        }
        let unit_m = self.scale * radius_m();
        Point2 { x_m: unit_m * east - self.zero.x_m, y_m: unit_m * north - self.zero.y_m }
    }

    /// Latitude and longitude, degrees, of a point of the frame (Karney 2011, equations 11, 15 to
    /// 21 and 36); none beyond the poles or for numbers that are not finite.
    pub fn to_earth(&self, p: Point2) -> Option<(f64, f64)> {
        let unit_m = self.scale * radius_m();
        let (xi, eta) = ((p.y_m + self.zero.y_m) / unit_m, (p.x_m + self.zero.x_m) / unit_m);
        if !(xi.is_finite() && eta.is_finite() && eta.abs() < 3.0) {
            return None;
        }
        let (mut north, mut east) = (xi, eta);
        for (k, beta) in (1..).map(|j| 2.0 * f64::from(j)).zip(back()) {
            north -= beta * (k * xi).sin() * (k * eta).cosh();
            east -= beta * (k * xi).cos() * (k * eta).sinh();
        }
        let conformal = north.sin() / east.sinh().hypot(north.cos());
        let lambda = east.sinh().atan2(north.cos());
        let e = eccentricity();
        let mut tau = conformal;
        for _ in 0..5 {
            let sigma = (e * (e * tau / tau.hypot(1.0)).atanh()).sinh();
            let at = tau * sigma.hypot(1.0) - sigma * tau.hypot(1.0);
            let step = (conformal - at) / at.hypot(1.0) * (1.0 + (1.0 - e * e) * tau * tau)
                / ((1.0 - e * e) * tau.hypot(1.0));
            tau += step;
        }
        let lat_deg = tau.atan().to_degrees();
        let lon_deg = self.meridian_deg + lambda.to_degrees();
        (lat_deg.is_finite() && north.abs() <= std::f64::consts::FRAC_PI_2 + 1e-9)
            .then_some((lat_deg, (lon_deg + 180.0).rem_euclid(360.0) - 180.0))
    }
}

/// Third flattening.
fn n() -> f64 {
    FLATTENING / (2.0 - FLATTENING)
}

fn eccentricity() -> f64 {
    (FLATTENING * (2.0 - FLATTENING)).sqrt()
}

/// Radius of the circle as long as a meridian, m.
fn radius_m() -> f64 {
    let n2 = n() * n();
    RADIUS_M / (1.0 + n()) * (1.0 + n2 / 4.0 + n2 * n2 / 64.0)
}

fn forth() -> [f64; 4] {
    let (n, n2, n3, n4) = (n(), n().powi(2), n().powi(3), n().powi(4));
    [
        n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3 + 41.0 / 180.0 * n4,
        13.0 / 48.0 * n2 - 3.0 / 5.0 * n3 + 557.0 / 1440.0 * n4,
        61.0 / 240.0 * n3 - 103.0 / 140.0 * n4,
        49_561.0 / 161_280.0 * n4,
    ]
}

fn back() -> [f64; 4] {
    let (n, n2, n3, n4) = (n(), n().powi(2), n().powi(3), n().powi(4));
    [
        n / 2.0 - 2.0 / 3.0 * n2 + 37.0 / 96.0 * n3 - n4 / 360.0,
        n2 / 48.0 + n3 / 15.0 - 437.0 / 1440.0 * n4,
        17.0 / 480.0 * n3 - 37.0 / 840.0 * n4,
        4_397.0 / 161_280.0 * n4,
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_published_points() {
        // The Washington Monument in zone 18: 323,480 E, 4,306,480 N (rounded to 10 m), and a
        // whole quarter meridian of 10,001,965.729 m times the scale.
        let at = GeoFrame::utm(18).to_plane(38.8895, -77.0353);
        assert!((at.x_m + 500_000.0 - 323_483.0).abs() < 10.0, "{at:?}");
        assert!((at.y_m - 4_306_480.0).abs() < 10.0, "{at:?}");
        let pole = GeoFrame::utm(31).to_plane(90.0, 3.0);
        assert!((pole.y_m - 10_001_965.729 * UTM_SCALE).abs() < 1e-3, "{pole:?}");
        assert_eq!(GeoFrame::utm_zone(8.4), 32);
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_one_was(lat in -84.0..84.0_f64, lon in -180.0..180.0_f64) {
            let frame = GeoFrame::utm_at(lat * 0.99, lon);
            let (lat_back, lon_back) = frame.to_earth(frame.to_plane(lat, lon)).unwrap();
            prop_assert!((lat - lat_back).abs() < 1e-9, "{lat} {lat_back}");
            prop_assert!((lon - lon_back).abs() < 1e-9 / lat.to_radians().cos());
        }
    }
}
