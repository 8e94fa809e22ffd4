//! GCJ-02, the shifted coordinates that maps published in mainland China must use.
//!
//! Inside, everything is WGS-84; these functions stand at the edge, where positions come from or go
//! to a Chinese map service. The official algorithm is secret. What is computed here is the
//! well-known approximation published in 2013 (the `eviltransform` project, Krasovsky 1940
//! ellipsoid); its documentation gives 1 m to 2 m for the inverse by one subtraction and less than
//! [`ROUND_TRIP_ERROR_MAX`] for an iterated inverse. The inverse here is iterated, and its round
//! trip stays below 0.05 m everywhere in the box. How far the approximation is from the official
//! shift is not published; comparisons with map services report metres, so do not steer by it.

use serde::{Deserialize, Serialize};

use crate::geo::LatLon;
use crate::units::Meters;

/// The published bound on WGS-84 to GCJ-02 and back, tested over the whole box.
pub const ROUND_TRIP_ERROR_MAX: Meters = Meters(0.5);

/// Semi-major axis of the Krasovsky 1940 ellipsoid, m, and its first eccentricity squared.
const AXIS_M: f64 = 6_378_245.0;
const ECCENTRICITY_2: f64 = 0.006_693_421_622_965_943;
/// Each round of the inverse gains about three digits; three reach 1e-7 degree.
const N_ROUNDS: usize = 6;

/// What coordinates are measured against, at the edge; inside everything is WGS-84.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datum {
    /// What satellites and OpenStreetMap use.
    #[default]
    Wgs84,
    /// What maps published in mainland China use.
    Gcj02,
}

impl Datum {
    /// A position of this datum, inside.
    pub fn to_wgs84(self, p: LatLon) -> LatLon {
        match self {
            Self::Wgs84 => p,
            Self::Gcj02 => wgs84_from_gcj02(p),
        }
    }

    /// An inside position in this datum.
    pub fn from_wgs84(self, p: LatLon) -> LatLon {
        match self {
            Self::Wgs84 => p,
            Self::Gcj02 => gcj02_from_wgs84(p),
        }
    }
}

/// True within the box in which the shift applies. Services differ on Hong Kong, Macau and Taiwan,
/// which it includes: convert only what a service says is GCJ-02.
pub fn is_shifted(p: LatLon) -> bool {
    (0.8293..=55.8271).contains(&p.lat_deg()) && (72.004..=137.8347).contains(&p.lon_deg())
}

/// gcj02_from_wgs84: shifts a position; outside of the box it stays as it is.
pub fn gcj02_from_wgs84(p: LatLon) -> LatLon {
    if !is_shifted(p) {
        return p;
    }
    let (lat_deg, lon_deg) = (p.lat_deg(), p.lon_deg());
    let (dlat_deg, dlon_deg) = shift_deg(lat_deg, lon_deg);
    position(lat_deg + dlat_deg, lon_deg + dlon_deg, p)
}

/// wgs84_from_gcj02: takes the shift off, by fixed-point iteration; outside of the box a position
/// stays as it is.
pub fn wgs84_from_gcj02(p: LatLon) -> LatLon {
    if !is_shifted(p) {
        return p;
    }
    let (mut lat_deg, mut lon_deg) = (p.lat_deg(), p.lon_deg());
    for _ in 0..N_ROUNDS {
        let (dlat_deg, dlon_deg) = shift_deg(lat_deg, lon_deg);
        lat_deg = p.lat_deg() - dlat_deg;
        lon_deg = p.lon_deg() - dlon_deg;
    }
    position(lat_deg, lon_deg, p)
}

fn position(lat_deg: f64, lon_deg: f64, otherwise: LatLon) -> LatLon {
    // The box is far from the poles and the date line; a shift of a kilometre cannot leave the
    // Earth.
    LatLon::from_degrees(lat_deg, lon_deg).unwrap_or(otherwise)
}

/// The shift at a WGS-84 position: degrees of latitude and longitude.
fn shift_deg(lat_deg: f64, lon_deg: f64) -> (f64, f64) {
    let (x, y) = (lon_deg - 105.0, lat_deg - 35.0);
    // Waves of these amplitudes (m) and lengths (degrees), on top of a slow polynomial.
    let wave = |v: f64, waves: &[(f64, f64)]| -> f64 {
        let sum: f64 =
            waves.iter().map(|(size, half)| size * (v / half * std::f64::consts::PI).sin()).sum();
        sum * 2.0 / 3.0
    };
    let fast = wave(x, &[(20.0, 1.0 / 6.0), (20.0, 0.5)]);
    let north_m = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + fast
        + wave(y, &[(20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0)]);
    let east_m = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + fast
        + wave(x, &[(20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0)]);
    let lat_rad = lat_deg.to_radians();
    let flat = 1.0 - ECCENTRICITY_2 * lat_rad.sin().powi(2);
    let meridian_m = AXIS_M * (1.0 - ECCENTRICITY_2) / flat.powf(1.5);
    let parallel_m = AXIS_M / flat.sqrt() * lat_rad.cos();
    ((north_m / meridian_m).to_degrees(), (east_m / parallel_m).to_degrees())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat_deg: f64, lon_deg: f64) -> LatLon {
        LatLon::from_degrees(lat_deg, lon_deg).unwrap()
    }

    /// Pairs of WGS-84 and GCJ-02 from the tests and documentation of `eviltransform` and its
    /// ports, and from the R package `geoChina` (Beijing railway station, five digits).
    #[test]
    fn known_pairs_agree() {
        let pairs = [
            ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215), 0.5),
            ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363), 0.5),
            ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657), 0.5),
            ((31.280844, 120.596931), (31.278648624428175, 120.60109998322247), 0.5),
            ((22.596828247, 114.120043992), (22.59414209, 114.1251447), 0.5),
            ((39.90105, 116.42079), (39.90245, 116.42703), 2.0),
        ];
        for (wgs, gcj, tolerance_m) in pairs {
            let (wgs, gcj) = (at(wgs.0, wgs.1), at(gcj.0, gcj.1));
            let forward_m = gcj02_from_wgs84(wgs).distance_to(gcj).0;
            let back_m = wgs84_from_gcj02(gcj).distance_to(wgs).0;
            assert!(forward_m < tolerance_m && back_m < tolerance_m, "{wgs}: {forward_m} {back_m}");
        }
    }

    #[test]
    fn outside_china_nothing_moves() {
        for p in [at(43.73, 7.42), at(39.96, -83.0), at(-33.9, 151.2), at(60.17, 24.94)] {
            assert_eq!(gcj02_from_wgs84(p), p);
            assert_eq!(wgs84_from_gcj02(p), p);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn round_trip_keeps_the_published_bound(lat in 1.0..55.0_f64, lon in 73.0..137.0_f64) {
            let p = at(lat, lon);
            let gcj = gcj02_from_wgs84(p);
            let error = wgs84_from_gcj02(gcj).distance_to(p);
            prop_assert!(error < ROUND_TRIP_ERROR_MAX);
            prop_assert!(error < Meters(0.05), "{error}");
            // The shift itself is some hundred metres.
            prop_assert!(gcj.distance_to(p) < Meters(1_500.0));
        }
    }
}
