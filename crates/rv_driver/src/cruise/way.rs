//! The line along which it drives, with marks at even distances.

use rv_base::Point2;

/// A mark of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    at: Point2,
    heading_rad: f64,
    curvature_1pm: f64,
    /// Cosine and sine of the heading.
    along: (f64, f64),
}

/// A line to drive along.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    marks: Vec<Mark>,
    step_m: f64,
}

/// A place on a way: along it, and to the left of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// Along, m.
    pub s_m: f64,
    /// To the left, m.
    pub d_m: f64,
}

impl Way {
    /// A way through points at even distances; none if there are fewer than two.
    pub fn new(points: &[Point2], step_m: f64) -> Option<Self> {
        if points.len() < 2 || !(step_m > 0.0 && step_m.is_finite()) {
            return None;
        }
        let towards = |a: &Point2, b: &Point2| (b.y_m - a.y_m).atan2(b.x_m - a.x_m);
        let mut marks: Vec<Mark> = Vec::with_capacity(points.len());
        for i in 0..points.len() {
            let (a, b) = (i.saturating_sub(1), (i + 1).min(points.len() - 1));
            let heading_rad = towards(&points[a], &points[b]);
            let (sin, cos) = heading_rad.sin_cos();
            let along = (cos, sin);
            marks.push(Mark { at: points[i], heading_rad, curvature_1pm: 0.0, along });
        }
        for i in 1..points.len() - 1 {
            let turned = wrapped(marks[i + 1].heading_rad - marks[i - 1].heading_rad);
            marks[i].curvature_1pm = turned / (2.0 * step_m);
        }
        Some(Self { marks, step_m })
    }

    /// Its length, m.
    pub fn length_m(&self) -> f64 {
        (self.marks.len() - 1) as f64 * self.step_m
    }

    /// Point, heading and curvature at a place; straight on before its start and past its end.
    pub fn at(&self, place: Place) -> (Point2, f64, f64) {
        let (heading_rad, curvature_1pm) = self.bend(place.s_m);
        (self.point(place).0, heading_rad, curvature_1pm)
    }

    /// Heading and curvature so far along.
    pub(super) fn bend(&self, s_m: f64) -> (f64, f64) {
        let (a, b, share) = self.around(s_m);
        let within = share.clamp(0.0, 1.0);
        let heading_rad = a.heading_rad + wrapped(b.heading_rad - a.heading_rad) * within;
        (heading_rad, a.curvature_1pm + (b.curvature_1pm - a.curvature_1pm) * within)
    }

    /// Point at a place, and cosine and sine of the heading there (the chord of two marks,
    /// which lie close together, in place of the arc).
    pub(super) fn point(&self, place: Place) -> (Point2, (f64, f64)) {
        let (a, b, share) = self.around(place.s_m);
        let within = share.clamp(0.0, 1.0);
        let mix = |p: f64, q: f64, share: f64| p + (q - p) * share;
        let (cos, sin) = (mix(a.along.0, b.along.0, within), mix(a.along.1, b.along.1, within));
        let scale = 1.0 / (cos * cos + sin * sin).sqrt().max(1e-12);
        let (cos, sin) = (cos * scale, sin * scale);
        let at = Point2 {
            x_m: mix(a.at.x_m, b.at.x_m, share) - place.d_m * sin,
            y_m: mix(a.at.y_m, b.at.y_m, share) + place.d_m * cos,
        };
        (at, (cos, sin))
    }

    /// The marks before and after, and the share of the way between them.
    fn around(&self, s_m: f64) -> (&Mark, &Mark, f64) {
        let x = s_m / self.step_m;
        let i = (x.max(0.0) as usize).min(self.marks.len() - 2);
        (&self.marks[i], &self.marks[i + 1], x - i as f64)
    }

    /// The place of a point, sought from a mark near it; the mark is moved along.
    pub fn place(&self, near: &mut usize, p: Point2) -> Place {
        let distance = |i: usize| {
            let (dx, dy) = (p.x_m - self.marks[i].at.x_m, p.y_m - self.marks[i].at.y_m);
            dx * dx + dy * dy
        };
        let mut i = (*near).min(self.marks.len() - 1);
        while i + 1 < self.marks.len() && distance(i + 1) < distance(i) {
            i += 1;
        }
        while i > 0 && distance(i - 1) < distance(i) {
            i -= 1;
        }
        *near = i;
        let mark = &self.marks[i];
        let (cos, sin) = mark.along;
        let (dx, dy) = (p.x_m - mark.at.x_m, p.y_m - mark.at.y_m);
        Place { s_m: i as f64 * self.step_m + dx * cos + dy * sin, d_m: dy * cos - dx * sin }
    }
}

pub(super) fn wrapped(angle_rad: f64) -> f64 {
    let pi = std::f64::consts::PI;
    if (-pi..pi).contains(&angle_rad) {
        return angle_rad;
    }
    (angle_rad + pi).rem_euclid(2.0 * pi) - pi
}
