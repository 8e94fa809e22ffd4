//! Smooth paths, and positions along and beside them.

use rv_base::Point2;

use super::geometry::{distance_m, square_m2, walk_down, wrapped_rad};

/// Distance between two points of a path, m.
pub(crate) const STEP_M: f64 = 0.5;

/// Most points of a path (2 km).
const POINTS_MAX: usize = 4000;

/// A path sampled evenly.
#[derive(Clone, Debug, Default)]
pub struct Path {
    points: Vec<PathPoint>,
}

/// A point of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PathPoint {
    /// Position.
    pub at: Point2,
    /// Heading, rad, continuous along the path.
    pub heading_rad: f64,
    /// Curvature, 1/m, left positive.
    pub curvature_1pm: f64,
    /// Cosine and sine of the heading.
    pub(crate) along: (f64, f64),
}

impl PathPoint {
    /// The point a step along the heading and a step to its left, m.
    pub(crate) fn shifted(&self, along_m: f64, left_m: f64) -> Point2 {
        let (cos, sin) = self.along;
        Point2 {
            x_m: self.at.x_m + along_m * cos - left_m * sin,
            y_m: self.at.y_m + along_m * sin + left_m * cos,
        }
    }

    /// Distances along and to the left at which a point lies, m.
    fn local(&self, p: Point2) -> (f64, f64) {
        let ((cos, sin), (dx, dy)) = (self.along, (p.x_m - self.at.x_m, p.y_m - self.at.y_m));
        (dx * cos + dy * sin, dy * cos - dx * sin)
    }
}

impl Path {
    /// A smoothed path through points; `None` if they span less than two metres.
    pub(crate) fn smooth(points: &[Point2], passes: usize) -> Option<Self> {
        let mut line = resample(points)?;
        let mut before = line.clone();
        for _ in 0..passes {
            std::mem::swap(&mut line, &mut before);
            for i in 1..line.len() - 1 {
                // Near the ends the window shrinks so that they stay.
                let reach = 2.min(i).min(line.len() - 1 - i);
                let part = 1.0 / (2 * reach + 1) as f64;
                let window = &before[i - reach..=i + reach];
                line[i].x_m = window.iter().map(|p| p.x_m).sum::<f64>() * part;
                line[i].y_m = window.iter().map(|p| p.y_m).sum::<f64>() * part;
            }
        }
        Self::exact(&line)
    }

    /// A path through points that are smooth already.
    pub(crate) fn exact(points: &[Point2]) -> Option<Self> {
        let line = resample(points)?;
        let n = line.len();
        let mut points: Vec<PathPoint> = Vec::with_capacity(n);
        for i in 0..n {
            let (a, b) = (line[i.saturating_sub(1)], line[(i + 1).min(n - 1)]);
            let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
            let scale = 1.0 / distance_m(a, b).max(1e-12);
            let heading = dy.atan2(dx);
            let last = points.last().map_or(heading, |p| p.heading_rad);
            points.push(PathPoint {
                at: line[i],
                heading_rad: last + wrapped_rad(heading - last),
                curvature_1pm: 0.0,
                along: (dx * scale, dy * scale),
            });
        }
        let raw: Vec<f64> = (0..n)
            .map(|i| {
                let (a, b) = (i.saturating_sub(1), (i + 1).min(n - 1));
                (points[b].heading_rad - points[a].heading_rad) / ((b - a).max(1) as f64 * STEP_M)
            })
            .collect();
        for (i, point) in points.iter_mut().enumerate() {
            let window = &raw[i.saturating_sub(2)..(i + 3).min(n)];
            point.curvature_1pm = window.iter().sum::<f64>() / window.len() as f64;
        }
        Some(Self { points })
    }

    /// Its points, [`STEP_M`] apart.
    pub(crate) fn points(&self) -> &[PathPoint] {
        &self.points
    }

    /// Its length, m.
    pub fn length_m(&self) -> f64 {
        (self.points.len() - 1) as f64 * STEP_M
    }

    /// The point at a distance along it; beyond its ends the path goes on straight.
    pub fn at(&self, s_m: f64) -> PathPoint {
        let last = self.points.len() - 1;
        let raw = s_m / STEP_M;
        let idx = (raw.floor().max(0.0) as usize).min(last.saturating_sub(1));
        let t = raw - idx as f64;
        let (a, b) = (self.points[idx], self.points[(idx + 1).min(last)]);
        if !(0.0..=1.0).contains(&t) {
            let end = if t < 0.0 { a } else { b };
            let over_m = if t < 0.0 { s_m } else { s_m - self.length_m() };
            return PathPoint { at: end.shifted(over_m, 0.0), curvature_1pm: 0.0, ..end };
        }
        let mix = |x: f64, y: f64| x + t * (y - x);
        let (cos, sin) = (mix(a.along.0, b.along.0), mix(a.along.1, b.along.1));
        let scale = 1.0 / (cos * cos + sin * sin).sqrt().max(1e-12);
        PathPoint {
            at: Point2 { x_m: mix(a.at.x_m, b.at.x_m), y_m: mix(a.at.y_m, b.at.y_m) },
            heading_rad: mix(a.heading_rad, b.heading_rad),
            curvature_1pm: mix(a.curvature_1pm, b.curvature_1pm),
            along: (cos * scale, sin * scale),
        }
    }

    /// The point beside the path at `d_m` to the left.
    pub(crate) fn beside(&self, s_m: f64, d_m: f64) -> Point2 {
        self.at(s_m).shifted(0.0, d_m)
    }

    /// Distance along and beside the path of a point, over the whole path.
    pub fn project(&self, p: Point2) -> (f64, f64) {
        let mut best = (f64::INFINITY, 0);
        let mut idx = 0;
        // Leaps: a point `d` away cannot be nearest within `d - best` of path.
        while idx < self.points.len() {
            let d_m = distance_m(self.points[idx].at, p);
            if d_m < best.0 {
                best = (d_m, idx);
            }
            idx += (((d_m - best.0) / (1.5 * STEP_M)) as usize).max(1);
        }
        self.refine(best.1, p)
    }

    /// An index near the foot of a point: one look every few metres.
    pub(crate) fn coarse_idx(&self, p: Point2) -> usize {
        let square = |i: usize| square_m2(self.points[i].at, p);
        (0..self.points.len())
            .step_by(12)
            .min_by(|a, b| square(*a).total_cmp(&square(*b)))
            .unwrap_or(0)
    }

    /// As [`Path::project`], walking downhill from an index, which is moved.
    pub(crate) fn project_near(&self, cursor: &mut usize, p: Point2) -> (f64, f64) {
        let square = |i: usize| square_m2(self.points[i].at, p);
        *cursor = walk_down(*cursor, self.points.len() - 1, square);
        self.refine(*cursor, p)
    }

    fn refine(&self, idx: usize, p: Point2) -> (f64, f64) {
        let s_m = idx as f64 * STEP_M + self.points[idx].local(p).0;
        (s_m, self.at(s_m).local(p).1)
    }
}

/// Points [`STEP_M`] apart along a line.
fn resample(points: &[Point2]) -> Option<Vec<Point2>> {
    let mut out: Vec<Point2> = vec![*points.first()?];
    let mut need_m = STEP_M;
    for w in points.windows(2) {
        let length_m = distance_m(w[0], w[1]);
        let per_m = 1.0 / length_m;
        let mut done_m = 0.0;
        while length_m - done_m >= need_m && out.len() < POINTS_MAX {
            done_m += need_m;
            let t = done_m * per_m;
            out.push(Point2 {
                x_m: w[0].x_m + t * (w[1].x_m - w[0].x_m),
                y_m: w[0].y_m + t * (w[1].y_m - w[0].y_m),
            });
            need_m = STEP_M;
        }
        need_m -= length_m - done_m;
    }
    (out.len() >= 5).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_has_its_curvature_and_projects_onto_itself() {
        let points: Vec<Point2> = (0..200)
            .map(|i| f64::from(i) * 0.01)
            .map(|t| Point2 { x_m: 20.0 * t.sin(), y_m: 20.0 * (1.0 - t.cos()) })
            .collect();
        let path = Path::exact(&points).unwrap();
        let p = path.at(20.0);
        assert!((p.curvature_1pm - 0.05).abs() < 1e-3, "{p:?}");
        let off = path.beside(20.0, 1.5);
        let (s, d) = path.project(off);
        assert!((s - 20.0).abs() < 0.1 && (d - 1.5).abs() < 0.02, "{s} {d}");
        let (s, d) = path.project_near(&mut 30, off);
        assert!((s - 20.0).abs() < 0.1 && (d - 1.5).abs() < 0.02, "{s} {d}");
        assert!(Path::exact(&points[..3]).is_none());
    }
}
