//! Outlines of vehicles in the plane, the monitor's own: half-planes along the sides.

use rv_base::Point2;

use super::Pose;

/// Corners of a rectangle, counter-clockwise.
fn corners(centre: Point2, heading_rad: f64, half_m: (f64, f64)) -> [Point2; 4] {
    let (s, c) = heading_rad.sin_cos();
    let corner = |l: f64, w: f64| Point2 {
        x_m: centre.x_m + l * c - w * s,
        y_m: centre.y_m + l * s + w * c,
    };
    let (l, w) = half_m;
    [corner(l, w), corner(-l, w), corner(-l, -w), corner(l, -w)]
}

/// An outline, with its corners.
pub(super) struct Outline {
    centre: Point2,
    reach_m: f64,
    corners: [Point2; 4],
}

impl Outline {
    /// What a vehicle covers at a pose.
    pub(super) fn of(pose: &Pose, half_m: (f64, f64)) -> Self {
        let corners = corners(pose.centre, pose.heading_rad, half_m);
        Self { centre: pose.centre, reach_m: half_m.0 + half_m.1, corners }
    }

    /// False if something around a point, reaching so far, surely does not touch it.
    pub(super) fn is_near(&self, p: Point2, reach_m: f64) -> bool {
        let (dx, dy) = (p.x_m - self.centre.x_m, p.y_m - self.centre.y_m);
        let far_m = self.reach_m + reach_m;
        dx * dx + dy * dy <= far_m * far_m
    }

    /// True if two rectangles touch: a side of one parts them, or they do (all corners of the
    /// other beyond the line through a side).
    pub(super) fn touches(&self, other: &Self) -> bool {
        self.is_near(other.centre, other.reach_m)
            && !parts(&self.corners, &other.corners)
            && !parts(&other.corners, &self.corners)
    }

    /// True if a segment meets the outline or lies within it.
    pub(super) fn meets(&self, (p, q): (Point2, Point2)) -> bool {
        let (x, y, reach_m) = (self.centre.x_m, self.centre.y_m, self.reach_m);
        if p.x_m.min(q.x_m) > x + reach_m
            || p.x_m.max(q.x_m) < x - reach_m
            || p.y_m.min(q.y_m) > y + reach_m
            || p.y_m.max(q.y_m) < y - reach_m
        {
            return false;
        }
        let a = &self.corners;
        // A line that leaves all corners on one side is not met.
        let sides = a.map(|c| side(p, q, c));
        if sides.iter().all(|s| *s > 0.0) || sides.iter().all(|s| *s < 0.0) {
            return false;
        }
        let within = (0..4).all(|i| side(a[i], a[(i + 1) % 4], p) >= 0.0);
        within
            || (0..4).any(|i| {
                let (o, d) = (a[i], a[(i + 1) % 4]);
                side(o, d, p) * side(o, d, q) <= 0.0 && side(p, q, o) * side(p, q, d) <= 0.0
            })
    }
}

fn parts(a: &[Point2; 4], b: &[Point2; 4]) -> bool {
    // Corners run counter-clockwise: outside lies to the right of each side.
    (0..4).any(|i| b.iter().all(|r| side(a[i], a[(i + 1) % 4], *r) < 0.0))
}

/// More than zero if a point lies to the left of a line.
fn side(o: Point2, d: Point2, r: Point2) -> f64 {
    (d.x_m - o.x_m) * (r.y_m - o.y_m) - (d.y_m - o.y_m) * (r.x_m - o.x_m)
}
