//! Polygons on the map: even-odd rule, in units of 1e-7 degree, exact in integers.

use rv_base::LatLon;

/// A closed outline. It may cross itself: what an odd number of its sides encloses is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polygon {
    outline: Vec<(i64, i64)>,
    low: (i64, i64),
    high: (i64, i64),
}

impl Polygon {
    /// Builds from at least three points, or `None`.
    pub fn new(outline: &[LatLon]) -> Option<Self> {
        if outline.len() < 3 {
            return None;
        }
        let outline: Vec<_> = outline.iter().map(|p| point(*p)).collect();
        let fold = |pick: fn(i64, i64) -> i64| {
            outline.iter().skip(1).fold(outline[0], |a, p| (pick(a.0, p.0), pick(a.1, p.1)))
        };
        let (low, high) = (fold(i64::min), fold(i64::max));
        Some(Self { outline, low, high })
    }

    /// True if the point lies inside.
    pub fn contains(&self, at: LatLon) -> bool {
        let p = point(at);
        if p.0 < self.low.0 || p.0 > self.high.0 || p.1 < self.low.1 || p.1 > self.high.1 {
            return false;
        }
        let mut is_inside = false;
        for (a, b) in self.sides() {
            if (a.1 > p.1) != (b.1 > p.1) {
                // Which side of a-b the point is on; upward sides count what lies left of them.
                let side = turn(a, b, p);
                if (b.1 > a.1) == (side > 0) && side != 0 {
                    is_inside = !is_inside;
                }
            }
        }
        is_inside
    }

    /// True if any part of the line lies inside or crosses the outline.
    pub fn touches(&self, line: &[LatLon]) -> bool {
        line.iter().any(|p| self.contains(*p)) || self.is_crossed_by(line)
    }

    /// True if the whole line lies inside.
    pub fn encloses(&self, line: &[LatLon]) -> bool {
        !line.is_empty() && line.iter().all(|p| self.contains(*p)) && !self.is_crossed_by(line)
    }

    fn is_crossed_by(&self, line: &[LatLon]) -> bool {
        line.windows(2).any(|pair| {
            let (p, q) = (point(pair[0]), point(pair[1]));
            let is_apart = p.0.max(q.0) < self.low.0
                || p.0.min(q.0) > self.high.0
                || p.1.max(q.1) < self.low.1
                || p.1.min(q.1) > self.high.1;
            !is_apart
                && self.sides().any(|(a, b)| {
                    turn(a, b, p).signum() * turn(a, b, q).signum() < 0
                        && turn(p, q, a).signum() * turn(p, q, b).signum() < 0
                })
        })
    }

    fn sides(&self) -> impl Iterator<Item = ((i64, i64), (i64, i64))> {
        let next = self.outline.iter().cycle().skip(1);
        self.outline.iter().copied().zip(next.copied())
    }
}

fn point(p: LatLon) -> (i64, i64) {
    (i64::from(p.lon_e7()), i64::from(p.lat_e7()))
}

/// More than zero if `c` lies left of the line from `a` to `b`, zero if on it. Coordinates are
/// below 2^32, so the products fit i128 with ease.
fn turn(a: (i64, i64), b: (i64, i64), c: (i64, i64)) -> i128 {
    i128::from(b.0 - a.0) * i128::from(c.1 - a.1) - i128::from(b.1 - a.1) * i128::from(c.0 - a.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat_e7: i32, lon_e7: i32) -> LatLon {
        LatLon::from_e7(lat_e7, lon_e7).unwrap()
    }

    fn square() -> Polygon {
        Polygon::new(&[at(0, 0), at(0, 100), at(100, 100), at(100, 0)]).unwrap()
    }

    #[test]
    fn lines_touch_or_are_enclosed() {
        let square = square();
        assert!(square.encloses(&[at(10, 10), at(90, 90)]));
        assert!(!square.encloses(&[at(10, 10), at(90, 110)]));
        assert!(square.touches(&[at(10, 10), at(90, 110)]));
        assert!(square.touches(&[at(-50, 50), at(150, 50)]), "through it, both ends outside");
        assert!(!square.touches(&[at(-50, -50), at(-50, 150)]));
        assert!(Polygon::new(&[at(0, 0), at(1, 1)]).is_none());
    }

    #[test]
    fn a_bow_tie_has_two_halves() {
        let bow = Polygon::new(&[at(0, 0), at(100, 100), at(0, 100), at(100, 0)]).unwrap();
        assert!(bow.contains(at(50, 20)) && bow.contains(at(50, 80)));
        assert!(!bow.contains(at(20, 50)) && !bow.contains(at(80, 50)));
    }

    proptest! {
        /// A triangle against the sign test with barycentric sides, which is another method.
        #[test]
        fn triangles_agree_with_the_sign_test(
            c in prop::array::uniform6(-1000_i32..1000), lat in -1000_i32..1000, lon in -1000_i32..1000,
        ) {
            let corners = [at(c[0], c[1]), at(c[2], c[3]), at(c[4], c[5])];
            let p = point(at(lat, lon));
            let signs: Vec<_> = (0..3)
                .map(|i| turn(point(corners[i]), point(corners[(i + 1) % 3]), p).signum())
                .collect();
            prop_assume!(signs.iter().all(|s| *s != 0));
            let expected = signs.iter().all(|s| *s == signs[0]);
            prop_assert_eq!(Polygon::new(&corners).unwrap().contains(at(lat, lon)), expected);
        }
    }
}
