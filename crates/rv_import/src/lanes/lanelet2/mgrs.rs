//! The military grid (MGRS): squares of 100 km within UTM zones, written in letters
//! (NGA.SIG.0012, "Universal Grids and the MGRS", appendix A).

use rv_base::Point2;
use rv_map::lanes::GeoFrame;

const SQUARE_M: f64 = 100_000.0;
/// Letters of the squares' columns and rows, and of the bands of latitude.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const BANDS: &[u8] = b"CDEFGHJKLMNPQRSTUVWX";

/// A code such as `54SUE8150150184`, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Code {
    /// UTM zone.
    pub(super) zone: u8,
    /// The square's south-west corner, metres of the zone, without false origins.
    pub(super) corner: Point2,
    /// Metres east and north of the corner, if the code has digits.
    pub(super) within: Option<Point2>,
}

impl Code {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let n_zone = text.bytes().take_while(u8::is_ascii_digit).count();
        let zone: u8 = text.get(..n_zone)?.parse().ok().filter(|z| (1..=60).contains(z))?;
        let &[band, column, row, ref digits @ ..] = text.get(n_zone..)?.as_bytes() else {
            return None;
        };
        let place = |letters: &[u8], letter| letters.iter().position(|l| *l == letter);
        let band = place(BANDS, band)?;
        // Columns run from A, J or S by turns, eight to a zone; rows of even zones begin at F.
        let first_column = [0, 8, 16][usize::from((zone - 1) % 3)];
        let column = place(LETTERS, column)?.checked_sub(first_column).filter(|c| *c < 8)?;
        let row = place(&LETTERS[..20], row)?;
        let row = if zone.is_multiple_of(2) { (row + 15) % 20 } else { row };
        let band_low_deg = -80.0 + 8.0 * band as f64;
        let frame = GeoFrame::utm(zone);
        let middle_m = frame.to_plane(band_low_deg + 4.0, frame.meridian_deg).y_m;
        // Rows repeat every 2,000 km: the one nearest to the middle of the band.
        let once_m = row as f64 * SQUARE_M;
        let turns = ((middle_m - once_m) / (20.0 * SQUARE_M)).round();
        let x_m = (column + 1) as f64 * SQUARE_M - 500_000.0;
        let corner = Point2 { x_m, y_m: once_m + turns * 20.0 * SQUARE_M };
        Some(Self { zone, corner, within: within(digits)? })
    }

    /// The corner of the square in which a position lies.
    pub(super) fn square_of(lat_deg: f64, lon_deg: f64) -> (u8, Point2) {
        let zone = GeoFrame::utm_zone(lon_deg);
        let at = GeoFrame::utm(zone).to_plane(lat_deg, lon_deg);
        let floor = |m: f64| (m / SQUARE_M).floor() * SQUARE_M;
        (zone, Point2 { x_m: floor(at.x_m), y_m: floor(at.y_m) })
    }
}

/// Half of the digits are metres east, half north; fewer than ten count in tens, hundreds and on.
fn within(digits: &[u8]) -> Option<Option<Point2>> {
    if digits.is_empty() {
        return Some(None);
    }
    let n = digits.len() / 2;
    if digits.len() % 2 == 1 || n > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |part: &[u8]| {
        let whole = part.iter().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0'));
        whole * 10_f64.powi(5 - n as i32)
    };
    Some(Some(Point2 { x_m: number(&digits[..n]), y_m: number(&digits[n..]) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_codes_are_read() {
        // The Washington Monument: 18S UJ 23483 06479 is zone 18, 323,483 E, 4,306,479 N.
        let code = Code::parse("18SUJ2348306479").unwrap();
        assert_eq!(code.zone, 18);
        assert_eq!(code.corner, Point2 { x_m: -200_000.0, y_m: 4_300_000.0 });
        assert_eq!(code.within, Some(Point2 { x_m: 23_483.0, y_m: 6_479.0 }));
        assert_eq!(Code::square_of(38.8895, -77.0353), (18, code.corner));
        // Honolulu: 4Q FJ 12345 67890 is 612,345 E, 2,367,890 N (NGA's example for zone 4).
        let code = Code::parse("4QFJ1234567890").unwrap();
        assert_eq!(code.corner, Point2 { x_m: 100_000.0, y_m: 2_300_000.0 });
        // South of the equator, metres count down: Sydney's opera house, 56H LH 34900 52290.
        let code = Code::parse("56HLH").unwrap();
        assert_eq!((code.corner, code.within), (Code::square_of(-33.8568, 151.2153).1, None));
        for odd in ["", "18", "18SUJ1", "61SUJ", "18SAA", "18IUJ", "18SUJ12a4", "x", "18SUI"] {
            assert_eq!(Code::parse(odd), None, "{odd}");
        }
    }
}
