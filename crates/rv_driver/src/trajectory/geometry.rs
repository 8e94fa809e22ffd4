//! Plane geometry: oriented boxes and what they touch.

use rv_base::Point2;

/// An oriented rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Body {
    /// Centre, m.
    pub centre: Point2,
    /// Heading of its length, counter-clockwise from x, rad.
    pub heading_rad: f64,
    /// Half its length, m.
    pub half_length_m: f64,
    /// Half its width, m.
    pub half_width_m: f64,
}

impl Body {
    /// True if two rectangles overlap or touch (separating axes of both).
    pub fn overlaps(&self, other: &Self) -> bool {
        let (dx, dy) = (other.centre.x_m - self.centre.x_m, other.centre.y_m - self.centre.y_m);
        // No further apart than the circles around both reach: (a + b)^2 <= 2 (a^2 + b^2).
        if dx * dx + dy * dy > 2.0 * (self.radius_square() + other.radius_square()) {
            return false;
        }
        let (sa, ca) = self.heading_rad.sin_cos();
        let (sb, cb) = other.heading_rad.sin_cos();
        let (cos, sin) = ((ca * cb + sa * sb).abs(), (ca * sb - sa * cb).abs());
        let (la, wa, lb, wb) =
            (self.half_length_m, self.half_width_m, other.half_length_m, other.half_width_m);
        (dx * ca + dy * sa).abs() <= la + lb * cos + wb * sin
            && (dy * ca - dx * sa).abs() <= wa + lb * sin + wb * cos
            && (dx * cb + dy * sb).abs() <= lb + la * cos + wa * sin
            && (dy * cb - dx * sb).abs() <= wb + la * sin + wa * cos
    }

    /// Radius of the circle around it, m.
    pub fn radius_m(&self) -> f64 {
        self.radius_square().sqrt()
    }

    fn radius_square(&self) -> f64 {
        self.half_length_m * self.half_length_m + self.half_width_m * self.half_width_m
    }

    /// Grown by a margin on every side.
    pub fn grown(&self, by_m: f64) -> Self {
        Self {
            half_length_m: self.half_length_m + by_m,
            half_width_m: self.half_width_m + by_m,
            ..*self
        }
    }

    /// True if a segment touches it.
    pub fn touches_segment(&self, from: Point2, to: Point2) -> bool {
        self.touches_along(self.heading_rad.sin_cos(), from, to)
    }

    /// As [`Body::touches_segment`], with sine and cosine of its heading known.
    pub(crate) fn touches_along(&self, (sin, cos): (f64, f64), from: Point2, to: Point2) -> bool {
        let local = |p: Point2| {
            let (dx, dy) = (p.x_m - self.centre.x_m, p.y_m - self.centre.y_m);
            (dx * cos + dy * sin, dy * cos - dx * sin)
        };
        let ((ax, ay), (bx, by)) = (local(from), local(to));
        // Liang and Barsky 1984: the part of the segment within each pair of sides.
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (a, d, half) in [(ax, bx - ax, self.half_length_m), (ay, by - ay, self.half_width_m)] {
            if d.abs() < 1e-12 {
                if a.abs() > half {
                    return false;
                }
                continue;
            }
            let (t0, t1) = ((-half - a) / d, (half - a) / d);
            enter = enter.max(t0.min(t1));
            leave = leave.min(t0.max(t1));
        }
        enter <= leave
    }

    /// The smallest box along the longest side of a ring of points.
    pub fn around(ring: &[Point2]) -> Option<Self> {
        let first = ring.first()?;
        let (mut heading_rad, mut longest_m) = (0.0, -1.0);
        for (i, p) in ring.iter().enumerate() {
            let q = ring[(i + 1) % ring.len()];
            let side_m = distance_m(*p, q);
            if side_m > longest_m {
                (longest_m, heading_rad) = (side_m, (q.y_m - p.y_m).atan2(q.x_m - p.x_m));
            }
        }
        let (sin, cos) = heading_rad.sin_cos();
        let (mut lo, mut hi) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for p in ring {
            let (dx, dy) = (p.x_m - first.x_m, p.y_m - first.y_m);
            for (axis, v) in [dx * cos + dy * sin, dy * cos - dx * sin].into_iter().enumerate() {
                lo[axis] = lo[axis].min(v);
                hi[axis] = hi[axis].max(v);
            }
        }
        let (mx, my) = ((lo[0] + hi[0]) / 2.0, (lo[1] + hi[1]) / 2.0);
        let centre =
            Point2 { x_m: first.x_m + mx * cos - my * sin, y_m: first.y_m + mx * sin + my * cos };
        let (half_length_m, half_width_m) = ((hi[0] - lo[0]) / 2.0, (hi[1] - lo[1]) / 2.0);
        Some(Self { centre, heading_rad, half_length_m, half_width_m })
    }
}

/// An angle brought to -pi..pi.
pub fn wrapped_rad(angle_rad: f64) -> f64 {
    let pi = std::f64::consts::PI;
    if (-pi..pi).contains(&angle_rad) {
        return angle_rad;
    }
    (angle_rad + pi).rem_euclid(2.0 * pi) - pi
}

/// Distance of two points, m. (`hypot` guards against overflow, which no road map reaches.)
pub(crate) fn distance_m(a: Point2, b: Point2) -> f64 {
    square_m2(a, b).sqrt()
}

/// Square of the distance of two points, m2.
pub(crate) fn square_m2(a: Point2, b: Point2) -> f64 {
    let (dx, dy) = (a.x_m - b.x_m, a.y_m - b.y_m);
    dx * dx + dy * dy
}

/// A point plus a step along a heading.
pub(crate) fn ahead(p: Point2, heading_rad: f64, by_m: f64) -> Point2 {
    let (sin, cos) = heading_rad.sin_cos();
    Point2 { x_m: p.x_m + by_m * cos, y_m: p.y_m + by_m * sin }
}

/// From an index on, the first from which no neighbour is nearer; `last` is the largest index.
pub(crate) fn walk_down(from: usize, last: usize, square: impl Fn(usize) -> f64) -> usize {
    let mut idx = from.min(last);
    let mut here = square(idx);
    loop {
        if idx < last && square(idx + 1) < here {
            idx += 1;
        } else if idx > 0 && square(idx - 1) < here {
            idx -= 1;
        } else {
            return idx;
        }
        here = square(idx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(x_m: f64, y_m: f64, heading_rad: f64) -> Body {
        let centre = Point2 { x_m, y_m };
        Body { centre, heading_rad, half_length_m: 2.0, half_width_m: 1.0 }
    }

    #[test]
    fn boxes_overlap_only_if_no_axis_parts_them() {
        let a = body(0.0, 0.0, 0.0);
        assert!(a.overlaps(&body(3.9, 0.0, 0.0)) && !a.overlaps(&body(4.1, 0.0, 0.0)));
        assert!(a.overlaps(&body(0.0, 2.9, std::f64::consts::FRAC_PI_2)));
        assert!(!a.overlaps(&body(0.0, 3.1, std::f64::consts::FRAC_PI_2)));
        // Corner to corner at 45 degrees: the circles overlap, the boxes do not.
        assert!(!a.overlaps(&body(3.4, 2.4, -std::f64::consts::FRAC_PI_4)));
    }

    #[test]
    fn segments_touch_boxes() {
        let a = body(0.0, 0.0, 0.3);
        let p = |x_m, y_m| Point2 { x_m, y_m };
        assert!(a.touches_segment(p(-9.0, 0.0), p(9.0, 0.0)));
        assert!(!a.touches_segment(p(-9.0, 3.0), p(9.0, 3.0)));
        assert!(a.touches_segment(p(0.1, 0.1), p(0.2, 0.1)));
    }

    #[test]
    fn a_ring_fits_its_box() {
        let p = |x_m, y_m| Point2 { x_m, y_m };
        let b = Body::around(&[p(1.0, 1.0), p(5.0, 1.0), p(5.0, 3.0), p(1.0, 3.0)]).unwrap();
        assert_eq!((b.centre, b.half_length_m, b.half_width_m), (p(3.0, 2.0), 2.0, 1.0));
        assert_eq!(Body::around(&[]), None);
        assert!((wrapped_rad(7.0) - (7.0 - 2.0 * std::f64::consts::PI)).abs() < 1e-12);
    }
}
