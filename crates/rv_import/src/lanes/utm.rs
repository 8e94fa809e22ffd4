//! The transverse Mercator projection of UTM zones on the WGS 84 ellipsoid.

use rv_base::{LatLon, Point2};

/// Equatorial radius of WGS 84, m, and its flattening (NIMA TR 8350.2).
const RADIUS_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Scale on the central meridian of a UTM zone.
const SCALE: f64 = 0.9996;

/// The zone of a position, 1..=60, exceptions for Norway and Svalbard aside.
pub(super) fn zone(at: LatLon) -> u8 {
    (((at.lon_deg() + 180.0) / 6.0).floor() as i32).rem_euclid(60) as u8 + 1
}

/// Easting and northing, m, without false origins: x from the central meridian, y from the
/// equator. Krüger's series to the fourth order of the third flattening (Karney, Transverse
/// Mercator with an accuracy of a few nanometers, 2011, equations 7 to 10 and 35): better than
/// 0.1 mm in a zone.
pub(super) fn project(lat_deg: f64, lon_deg: f64, zone: u8) -> Point2 {
    let n = FLATTENING / (2.0 - FLATTENING);
    let (n2, n3, n4) = (n * n, n * n * n, n * n * n * n);
    let radius_m = RADIUS_M / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0);
    let alpha = [
        n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3 + 41.0 / 180.0 * n4,
        13.0 / 48.0 * n2 - 3.0 / 5.0 * n3 + 557.0 / 1440.0 * n4,
        61.0 / 240.0 * n3 - 103.0 / 140.0 * n4,
        49_561.0 / 161_280.0 * n4,
    ];
    let eccentricity = (FLATTENING * (2.0 - FLATTENING)).sqrt();
    let lambda = (lon_deg - (f64::from(zone) * 6.0 - 183.0)).to_radians();
    let tau = lat_deg.to_radians().tan();
    let sigma = (eccentricity * (eccentricity * tau / tau.hypot(1.0)).atanh()).sinh();
    let conformal = tau * sigma.hypot(1.0) - sigma * tau.hypot(1.0);
    let xi = conformal.atan2(lambda.cos());
    let eta = (lambda.sin() / conformal.hypot(lambda.cos())).asinh();
    let (mut north, mut east) = (xi, eta);
    for (idx, alpha) in alpha.iter().enumerate() {
        let k = 2.0 * (idx + 1) as f64;
        north += alpha * (k * xi).sin() * (k * eta).cosh();
        east += alpha * (k * xi).cos() * (k * eta).sinh();
    }
    Point2 { x_m: SCALE * radius_m * east, y_m: SCALE * radius_m * north }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_published_points() {
        // The Washington Monument in zone 18: 323,480 E, 4,306,480 N (rounded to 10 m), and a
        // whole quarter meridian of 10,001,965.729 m times the scale.
        let at = project(38.8895, -77.0353, 18);
        assert!((at.x_m + 500_000.0 - 323_483.0).abs() < 10.0, "{at:?}");
        assert!((at.y_m - 4_306_480.0).abs() < 10.0, "{at:?}");
        let pole = project(90.0, 3.0, 31);
        assert!((pole.y_m - 10_001_965.729 * SCALE).abs() < 1e-3, "{pole:?}");
        assert_eq!(zone(LatLon::from_degrees(49.0, 8.4).unwrap()), 32);
    }
}
