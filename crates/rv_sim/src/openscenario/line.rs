//! Trajectories as lines with marks along them.

use rv_base::Point2;

use super::roads::Pose;

/// Distance between marks of a bend, m.
const STEP_M: f64 = 0.1;
/// Most marks of a line.
const MARKS_MAX: usize = 500_000;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    s_m: f64,
    pose: Pose,
    curvature_1pm: f64,
    at_s: f64,
}

/// A line, with times if it has some.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    marks: Vec<Mark>,
    is_closed: bool,
}

impl Line {
    /// Straight from point to point, each with its time in s.
    pub fn polyline(points: &[(f64, Point2)], is_closed: bool) -> Self {
        let mut marks: Vec<Mark> = Vec::with_capacity(points.len());
        let mut s_m = 0.0;
        for (i, (at_s, p)) in points.iter().enumerate() {
            if i > 0 {
                s_m += points[i - 1].1.distance_to(*p).0;
            }
            // The last mark looks as the piece before it does.
            let (a, b) =
                if i + 1 < points.len() { (p, &points[i + 1].1) } else { (&points[i - 1].1, p) };
            let heading_rad = (b.y_m - a.y_m).atan2(b.x_m - a.x_m);
            let pose = Pose { at: *p, heading_rad };
            marks.push(Mark { s_m, pose, curvature_1pm: 0.0, at_s: *at_s });
        }
        Self { marks, is_closed }
    }

    /// Pieces of evenly changing curvature: where they begin (on from the one before if nothing is
    /// said), curvature at both ends, length.
    pub fn clothoids(start: Pose, pieces: &[(Option<Pose>, f64, f64, f64)]) -> Self {
        let mut marks = Vec::new();
        let (mut pose, mut s_m) = (start, 0.0);
        for (begin, from, to, length_m) in pieces {
            pose = begin.unwrap_or(pose);
            let n = ((length_m / STEP_M).ceil() as usize).clamp(1, MARKS_MAX / pieces.len().max(1));
            let n = if *from == 0.0 && *to == 0.0 { 1 } else { n };
            let step_m = length_m / n as f64;
            for i in 0..n {
                let share = (i as f64 + 0.5) / n as f64;
                let curvature_1pm = from + (to - from) * share;
                marks.push(Mark { s_m, pose, curvature_1pm, at_s: 0.0 });
                pose = along(&pose, curvature_1pm, step_m);
                s_m += step_m;
            }
        }
        marks.push(Mark { s_m, pose, curvature_1pm: 0.0, at_s: 0.0 });
        Self { marks, is_closed: false }
    }

    /// Its length, m.
    pub fn length_m(&self) -> f64 {
        self.marks.last().map_or(0.0, |m| m.s_m)
    }

    /// True if it has no end.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Times of its start and end, s.
    pub fn span_s(&self) -> (f64, f64) {
        let ends = self.marks.first().zip(self.marks.last());
        ends.map_or((0.0, 0.0), |(a, b)| (a.at_s, b.at_s))
    }

    /// The pose so far along it; before its start and past its end the nearest.
    pub fn at(&self, s_m: f64) -> Pose {
        let s_m = if self.is_closed && self.length_m() > 0.0 {
            s_m.rem_euclid(self.length_m())
        } else {
            s_m.clamp(0.0, self.length_m())
        };
        let n = self.marks.partition_point(|m| m.s_m <= s_m).clamp(1, self.marks.len());
        let mark = &self.marks[n - 1];
        along(&mark.pose, mark.curvature_1pm, s_m - mark.s_m)
    }

    /// How far along it is at a time, m, and how fast it is driven then, m/s.
    pub fn at_time(&self, at_s: f64) -> (f64, f64) {
        let n = self.marks.partition_point(|m| m.at_s <= at_s).clamp(1, self.marks.len());
        let mark = &self.marks[n - 1];
        let Some(next) = self.marks.get(n) else { return (mark.s_m, 0.0) };
        let speed = (next.s_m - mark.s_m) / (next.at_s - mark.at_s).max(1e-9);
        (mark.s_m + speed * (at_s - mark.at_s).max(0.0), speed)
    }

    /// The time at which it is so far along, s.
    pub fn time_at(&self, s_m: f64) -> f64 {
        let n = self.marks.partition_point(|m| m.s_m <= s_m).clamp(1, self.marks.len());
        let mark = &self.marks[n - 1];
        let Some(next) = self.marks.get(n) else { return mark.at_s };
        mark.at_s + (next.at_s - mark.at_s) * (s_m - mark.s_m) / (next.s_m - mark.s_m).max(1e-9)
    }

    /// Points along it, for drawing and for driving, no closer than a step.
    pub fn points(&self, step_m: f64) -> Vec<Pose> {
        let n = ((self.length_m() / step_m).ceil() as usize).clamp(1, MARKS_MAX);
        (0..=n).map(|i| self.at(self.length_m() * i as f64 / n as f64)).collect()
    }
}

/// On along an arc.
fn along(pose: &Pose, curvature_1pm: f64, by_m: f64) -> Pose {
    let turned = curvature_1pm * by_m;
    let chord = if turned.abs() < 1e-6 { by_m } else { 2.0 * (turned / 2.0).sin() / curvature_1pm };
    let (sin, cos) = (pose.heading_rad + turned / 2.0).sin_cos();
    Pose {
        at: Point2 { x_m: pose.at.x_m + chord * cos, y_m: pose.at.y_m + chord * sin },
        heading_rad: pose.heading_rad + turned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_circle_ends_where_it_should() {
        let quarter = std::f64::consts::FRAC_PI_2 * 10.0;
        let line = Line::clothoids(Pose::default(), &[(None, 0.1, 0.1, quarter)]);
        let end = line.at(1e9);
        assert!((end.at.x_m - 10.0).abs() < 1e-6 && (end.at.y_m - 10.0).abs() < 1e-6, "{end:?}");
        assert!((line.length_m() - quarter).abs() < 1e-9);
    }

    #[test]
    fn times_and_places_of_a_polyline_agree() {
        let p = |x_m, y_m| Point2 { x_m, y_m };
        let line =
            Line::polyline(&[(0.0, p(0.0, 0.0)), (2.0, p(4.0, 0.0)), (3.0, p(4.0, 3.0))], false);
        assert_eq!((line.length_m(), line.span_s()), (7.0, (0.0, 3.0)));
        assert_eq!(line.at_time(1.0), (2.0, 2.0));
        assert_eq!(line.at_time(2.5), (5.5, 3.0));
        assert_eq!(line.time_at(5.5), 2.5);
        assert_eq!(line.at(5.5).at, p(4.0, 1.5));
    }
}
