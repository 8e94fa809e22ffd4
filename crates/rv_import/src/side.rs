//! On which side of the road a place drives.

use rv_base::LatLon;
use rv_map::DriveSide;

/// Boxes around the countries and territories that drive on the left (south, west, north, east;
/// degrees), after the list of the World Standards organisation. Coarse: a box at a land border
/// with a country that drives on the right leaves a strip out rather than in, and the user can
/// always say which side it is.
const LEFT: &[[f64; 4]] = &[
    // Great Britain, Ireland, Isle of Man; the Channel Islands.
    [49.9, -10.7, 61.0, 1.8],
    [49.1, -2.8, 49.8, -1.95],
    // Malta; Cyprus.
    [35.7, 14.1, 36.1, 14.6],
    [34.5, 32.2, 35.7, 34.6],
    // Japan: main islands, then the south-western ones.
    [31.0, 129.4, 34.8, 132.0],
    [30.0, 130.3, 46.0, 146.0],
    [24.0, 122.9, 29.0, 131.4],
    // Hong Kong; Macau.
    [22.15, 113.83, 22.53, 114.45],
    [22.10, 113.525, 22.218, 113.61],
    // Singapore and Malaysia with Brunei, Indonesia, Timor.
    [1.1, 99.6, 6.4, 104.5],
    [0.8, 109.5, 7.4, 119.3],
    [-11.1, 95.0, 1.1, 141.0],
    [1.1, 95.0, 6.0, 99.6],
    // Thailand.
    [6.4, 98.0, 20.0, 102.3],
    // India, Sri Lanka, Bangladesh, Nepal, Bhutan, Pakistan, Maldives.
    [-0.8, 68.2, 27.0, 89.0],
    [20.6, 88.0, 28.4, 92.3],
    [27.0, 70.0, 32.5, 88.2],
    [23.6, 66.0, 34.5, 74.5],
    // Australia; New Zealand; Papua New Guinea and Solomon Islands; Fiji.
    [-44.0, 112.0, -10.5, 154.0],
    [-47.5, 166.0, -34.0, 179.0],
    [-11.8, 141.0, -0.8, 163.0],
    [-19.5, 176.5, -16.0, 180.0],
    // South Africa with Lesotho, Eswatini, Botswana, Namibia; Zimbabwe and Zambia; Mozambique,
    // Malawi, Tanzania; Kenya and Uganda; Mauritius.
    [-35.0, 11.5, -17.5, 33.0],
    [-22.5, 25.0, -12.0, 41.0],
    [-12.0, 31.0, -1.0, 40.7],
    [-4.7, 31.5, 4.0, 41.8],
    [-20.6, 57.2, -19.9, 57.9],
    // Jamaica; Bahamas; Barbados; Trinidad and Tobago; Guyana and Suriname.
    [17.6, -78.5, 18.6, -76.1],
    [22.0, -79.5, 27.3, -72.7],
    [13.0, -59.7, 13.4, -59.4],
    [10.0, -61.95, 11.4, -60.4],
    [2.0, -60.5, 8.6, -54.0],
];

/// Boxes within the above where traffic keeps right.
const RIGHT: &[[f64; 4]] = &[
    // South Korea's south-east coast, Dunkirk and Calais.
    [34.3, 125.0, 38.6, 129.35],
    [49.9, 1.5, 51.1, 1.8],
    // Philippines' south-west, and Angola's south.
    [5.0, 119.3, 20.0, 127.0],
    [-17.4, 11.5, -4.0, 24.0],
];

/// The side of the road on which `p` drives.
pub(crate) fn drive_side_at(p: LatLon) -> DriveSide {
    let is_in = |boxes: &[[f64; 4]]| {
        boxes.iter().any(|[south, west, north, east]| {
            (*south..=*north).contains(&p.lat_deg()) && (*west..=*east).contains(&p.lon_deg())
        })
    };
    if is_in(LEFT) && !is_in(RIGHT) { DriveSide::Left } else { DriveSide::Right }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_cities_drive_on_the_known_side() {
        let side = |lat, lon| drive_side_at(LatLon::from_degrees(lat, lon).unwrap());
        let left = [
            (51.5, -0.12),
            (53.35, -6.26),
            (1.29, 103.85),
            (22.3, 114.17),
            (22.19, 113.54),
            (35.68, 139.76),
            (26.2, 127.7),
            (33.59, 130.4),
            (-33.87, 151.2),
            (-36.85, 174.76),
            (28.61, 77.2),
            (13.75, 100.5),
            (-26.2, 28.04),
            (-1.29, 36.82),
            (35.9, 14.5),
            (3.15, 101.69),
            (-6.2, 106.8),
            (24.86, 67.0),
            (23.81, 90.41),
            (18.0, -76.8),
        ];
        for (lat, lon) in left {
            assert_eq!(side(lat, lon), DriveSide::Left, "{lat} {lon}");
        }
        let right = [
            (43.73, 7.42),
            (48.86, 2.35),
            (50.95, 1.85),
            (40.71, -74.0),
            (31.23, 121.47),
            (22.54, 114.06),
            (22.27, 113.57),
            (37.57, 126.98),
            (35.18, 129.08),
            (25.03, 121.56),
            (60.17, 24.94),
            (52.52, 13.4),
            (42.5, 1.52),
            (14.6, 120.98),
            (21.03, 105.85),
            (-8.84, 13.23),
            (11.55, 104.92),
            (39.96, -83.0),
            (16.87, 96.2),
        ];
        for (lat, lon) in right {
            assert_eq!(side(lat, lon), DriveSide::Right, "{lat} {lon}");
        }
    }
}
