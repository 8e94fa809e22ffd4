//! Outlines of vehicles in the plane, the monitor's own: half-planes along the sides.

use rv_base::Point2;

use super::Pose;

/// Corners of a rectangle, counter-clockwise.
pub(super) fn corners(centre: Point2, heading_rad: f64, half_m: (f64, f64)) -> [Point2; 4] {
    let (s, c) = heading_rad.sin_cos();
    let corner = |l: f64, w: f64| Point2 {
        x_m: centre.x_m + l * c - w * s,
        y_m: centre.y_m + l * s + w * c,
    };
    let (l, w) = half_m;
    [corner(l, w), corner(-l, w), corner(-l, -w), corner(l, -w)]
}

/// True if two rectangles touch: a side of one parts them, or they do (all corners of the other
/// beyond the line through a side).
pub(super) fn touch(a: &Pose, a_half_m: (f64, f64), b: &Pose, b_half_m: (f64, f64)) -> bool {
    let reach_m = a_half_m.0 + a_half_m.1 + b_half_m.0 + b_half_m.1;
    let (dx, dy) = (a.centre.x_m - b.centre.x_m, a.centre.y_m - b.centre.y_m);
    if dx * dx + dy * dy > reach_m * reach_m {
        return false;
    }
    let a = corners(a.centre, a.heading_rad, a_half_m);
    let b = corners(b.centre, b.heading_rad, b_half_m);
    !parts(&a, &b) && !parts(&b, &a)
}

fn parts(a: &[Point2; 4], b: &[Point2; 4]) -> bool {
    // Corners run counter-clockwise: outside lies to the right of each side.
    (0..4).any(|i| b.iter().all(|r| side(a[i], a[(i + 1) % 4], *r) < 0.0))
}

/// More than zero if a point lies to the left of a line.
fn side(o: Point2, d: Point2, r: Point2) -> f64 {
    (d.x_m - o.x_m) * (r.y_m - o.y_m) - (d.y_m - o.y_m) * (r.x_m - o.x_m)
}

/// True if a segment meets the outline or lies within it.
pub(super) fn meets(pose: &Pose, half_m: (f64, f64), (p, q): (Point2, Point2)) -> bool {
    let reach_m = half_m.0 + half_m.1;
    let (x, y) = (pose.centre.x_m, pose.centre.y_m);
    if p.x_m.min(q.x_m) > x + reach_m
        || p.x_m.max(q.x_m) < x - reach_m
        || p.y_m.min(q.y_m) > y + reach_m
        || p.y_m.max(q.y_m) < y - reach_m
    {
        return false;
    }
    let a = corners(pose.centre, pose.heading_rad, half_m);
    let within = (0..4).all(|i| side(a[i], a[(i + 1) % 4], p) >= 0.0);
    within
        || (0..4).any(|i| {
            let (o, d) = (a[i], a[(i + 1) % 4]);
            side(o, d, p) * side(o, d, q) <= 0.0 && side(p, q, o) * side(p, q, d) <= 0.0
        })
}
