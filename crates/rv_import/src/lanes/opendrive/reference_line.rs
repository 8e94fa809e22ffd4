//! The reference line of an OpenDRIVE road: lines, arcs, spirals and cubic curves, by distance
//! along the road (ASAM OpenDRIVE 1.7, section 8).

use std::f64::consts::{PI, TAU};

use rv_base::Point2;

use crate::xml::Element;

/// Abscissae and weights of Gauss and Legendre's rule of five points on -1..=1.
const GAUSS: [(f64, f64); 5] = [
    (0.0, 0.568_888_888_888_888_9),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

/// Tightest bend, 1/m: no vehicle's wheel turns in less than 10 cm.
const CURVATURE_MAX: f64 = 10.0;
/// Most marks of a curve.
const MARKS_MAX: f64 = 50_000.0;

/// A cubic polynomial that holds from some distance on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cubic {
    pub(super) from_m: f64,
    pub(super) terms: [f64; 4],
}

impl Cubic {
    /// Reads a polynomial; `start` names the attribute of its beginning.
    pub(super) fn read(element: &Element, start: &str) -> Option<Self> {
        let terms = ["a", "b", "c", "d"].map(|name| element.number(name));
        let [Some(a), Some(b), Some(c), Some(d)] = terms else { return None };
        Some(Self { from_m: element.number(start)?, terms: [a, b, c, d] })
    }

    /// All polynomials of a name in an element, in order.
    pub(super) fn read_all(element: &Element, name: &str, start: &str) -> Vec<Self> {
        let mut all: Vec<Self> =
            element.all(name).filter_map(|child| Self::read(child, start)).collect();
        all.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        all
    }

    pub(super) fn at(&self, distance_m: f64) -> f64 {
        let [a, b, c, d] = self.terms;
        let x = distance_m - self.from_m;
        a + x * (b + x * (c + x * d))
    }

    /// The last of some polynomials that has begun.
    pub(super) fn last_begun(all: &[Self], distance_m: f64) -> Option<&Self> {
        let n = all.partition_point(|cubic| cubic.from_m <= distance_m + 1e-9);
        n.checked_sub(1).map(|last| &all[last])
    }

    /// The value of the last of some polynomials that has begun; zero before the first.
    pub(super) fn value(all: &[Self], distance_m: f64) -> f64 {
        Self::last_begun(all, distance_m).map_or(0.0, |cubic| cubic.at(distance_m))
    }
}

/// A point of a line and the direction there, radians from x towards y.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// The point, m.
    pub at: Point2,
    /// The direction, rad, counter-clockwise from x.
    pub heading: f64,
}

impl Pose {
    /// The point so far to the left.
    pub fn left(&self, by_m: f64) -> Point2 {
        Point2 {
            x_m: self.at.x_m - by_m * self.heading.sin(),
            y_m: self.at.y_m + by_m * self.heading.cos(),
        }
    }

    /// The pose at local coordinates of a curve that starts here.
    fn local(&self, u: f64, v: f64, heading: f64) -> Self {
        let (sin, cos) = self.heading.sin_cos();
        Self {
            at: Point2 {
                x_m: self.at.x_m + u * cos - v * sin,
                y_m: self.at.y_m + u * sin + v * cos,
            },
            heading: self.heading + heading,
        }
    }
}

/// A piece of a reference line.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) from_m: f64,
    pub(super) length_m: f64,
    start: Pose,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    /// Curvature, 1/m: lines and arcs.
    Arc(f64),
    /// Curvature at both ends, 1/m, and u and v at every so many metres.
    Spiral(f64, f64, Marks),
    /// v as a cubic of u, and u and v at every so many metres.
    Poly3([f64; 4], Marks),
    /// u and v as cubics of a parameter that runs to the second number.
    ParamPoly3([f64; 4], [f64; 4], f64),
}

/// Points of a curve at even distances along it, so that a pose is integrated from the nearest
/// mark and not from the start.
#[derive(Clone, Debug)]
struct Marks {
    gap_m: f64,
    at: Vec<(f64, f64)>,
}

impl Marks {
    /// Walks a curve in `n` gaps; `step` goes from a distance and a point on for a gap.
    fn walk(length_m: f64, n: usize, step: impl Fn(f64, (f64, f64), f64) -> (f64, f64)) -> Self {
        let gap_m = length_m / n as f64;
        let mut at = vec![(0.0, 0.0)];
        for idx in 0..n {
            at.push(step(idx as f64 * gap_m, at[idx], gap_m));
        }
        Self { gap_m, at }
    }

    /// The mark before a distance: where it is, and its point.
    fn before(&self, distance_m: f64) -> (f64, (f64, f64)) {
        let idx = if self.gap_m > 0.0 { (distance_m / self.gap_m).max(0.0) as usize } else { 0 };
        let idx = idx.min(self.at.len() - 1);
        (idx as f64 * self.gap_m, self.at[idx])
    }
}

impl Piece {
    /// Reads a `geometry` element.
    pub(super) fn read(element: &Element) -> Result<Self, String> {
        let number = |name: &str| {
            element.number(name).ok_or_else(|| format!("a geometry without a valid {name}"))
        };
        let (from_m, length_m) = (number("s")?, number("length")?);
        if !(0.0..=1e6).contains(&length_m) {
            return Err(format!("a geometry that is {length_m} m long"));
        }
        let at = Point2 { x_m: number("x")?, y_m: number("y")? };
        let start = Pose { at, heading: number("hdg")? };
        let shape = element.children.iter().find_map(|child| Some((child, kind(child)?)));
        let (child, kind) = shape.ok_or("a geometry of a kind that is not known")?;
        let value = |name: &str| {
            child.number(name).ok_or_else(|| format!("a {} without a valid {name}", child.name))
        };
        let cubic = |names: [&str; 4]| -> Result<[f64; 4], String> {
            let mut terms = [0.0; 4];
            for (term, name) in terms.iter_mut().zip(names) {
                *term = value(name)?;
            }
            Ok(terms)
        };
        let curvature = |name: &str| {
            let curvature = value(name)?;
            if curvature.abs() > CURVATURE_MAX {
                return Err(format!("a {} with a curvature of {curvature} 1/m", child.name));
            }
            Ok(curvature)
        };
        let shape = match kind {
            Kind::Line => Shape::Arc(0.0),
            Kind::Arc => Shape::Arc(curvature("curvature")?),
            Kind::Spiral => {
                let (first, last) = (curvature("curvStart")?, curvature("curvEnd")?);
                let bend = first.abs().max(last.abs()) * length_m;
                let n = bend.max(length_m / 20.0).ceil().clamp(1.0, MARKS_MAX);
                let step = |s: f64, at, gap_m| clothoid((first, last, length_m), s, at, gap_m);
                Shape::Spiral(first, last, Marks::walk(length_m, n as usize, step))
            }
            Kind::Poly3 => {
                let v = cubic(["a", "b", "c", "d"])?;
                let n = (length_m / 2.0).ceil().clamp(1.0, MARKS_MAX);
                let step = |_, (u, _): (f64, f64), gap_m| (along(&v, u, gap_m), 0.0);
                Shape::Poly3(v, Marks::walk(length_m, n as usize, step))
            }
            Kind::ParamPoly3 => {
                let u = cubic(["aU", "bU", "cU", "dU"])?;
                let v = cubic(["aV", "bV", "cV", "dV"])?;
                let is_by_length = child.attribute("pRange") == Some("arcLength");
                Shape::ParamPoly3(u, v, if is_by_length { length_m } else { 1.0 })
            }
        };
        Ok(Self { from_m, length_m, start, shape })
    }

    /// The pose at a distance from the piece's own start.
    pub(super) fn pose(&self, distance_m: f64) -> Pose {
        match &self.shape {
            Shape::Arc(0.0) => self.start.local(distance_m, 0.0, 0.0),
            Shape::Arc(curvature) => {
                let angle = curvature * distance_m;
                let half = (angle / 2.0).sin();
                self.start.local(angle.sin() / curvature, 2.0 * half * half / curvature, angle)
            }
            Shape::Spiral(first, last, marks) => {
                let curve = (*first, *last, self.length_m);
                let (from_m, at) = marks.before(distance_m);
                let (u, v) = clothoid(curve, from_m, at, distance_m - from_m);
                self.start.local(u, v, clothoid_heading(curve, distance_m))
            }
            Shape::Poly3(v, marks) => {
                let (from_m, (u, _)) = marks.before(distance_m);
                let u = along(v, u, distance_m - from_m);
                self.start.local(u, value(v, u), slope(v, u).atan())
            }
            Shape::ParamPoly3(u, v, end) => {
                let p = if self.length_m > 0.0 { distance_m / self.length_m * end } else { 0.0 };
                self.start.local(value(u, p), value(v, p), slope(v, p).atan2(slope(u, p)))
            }
        }
    }

    /// Curvature at a distance from the piece's own start, 1/m, more than zero in left bends.
    pub(super) fn curvature(&self, distance_m: f64) -> f64 {
        match &self.shape {
            Shape::Arc(curvature) => *curvature,
            Shape::Spiral(first, last, _) if self.length_m > 0.0 => {
                first + (last - first) * distance_m / self.length_m
            }
            Shape::Spiral(first, ..) => *first,
            Shape::Poly3(..) | Shape::ParamPoly3(..) => {
                let step_m = 0.05;
                let turn =
                    self.pose(distance_m + step_m).heading - self.pose(distance_m - step_m).heading;
                ((turn + PI).rem_euclid(TAU) - PI) / (2.0 * step_m)
            }
        }
    }
}

enum Kind {
    Line,
    Arc,
    Spiral,
    Poly3,
    ParamPoly3,
}

fn kind(element: &Element) -> Option<Kind> {
    match element.name.as_str() {
        "line" => Some(Kind::Line),
        "arc" => Some(Kind::Arc),
        "spiral" => Some(Kind::Spiral),
        "poly3" => Some(Kind::Poly3),
        "paramPoly3" => Some(Kind::ParamPoly3),
        _ => None,
    }
}

fn value(terms: &[f64; 4], x: f64) -> f64 {
    terms[0] + x * (terms[1] + x * (terms[2] + x * terms[3]))
}

fn slope(terms: &[f64; 4], x: f64) -> f64 {
    terms[1] + x * (2.0 * terms[2] + x * 3.0 * terms[3])
}

/// Heading of a clothoid, of two curvatures and a length: a quadratic of the distance.
fn clothoid_heading((first, last, length_m): (f64, f64, f64), distance_m: f64) -> f64 {
    let change = if length_m > 0.0 { (last - first) / length_m } else { 0.0 };
    distance_m * (first + 0.5 * change * distance_m)
}

/// The point of a clothoid `by_m` past one at a distance; its heading's sine and cosine are
/// integrated in steps of at most an eighth of a radian, with errors far below a micrometre.
fn clothoid(
    curve: (f64, f64, f64),
    distance_m: f64,
    (mut u, mut v): (f64, f64),
    by_m: f64,
) -> (f64, f64) {
    let bend = (curve.0.abs().max(curve.1.abs()) * by_m.abs() * 8.0).ceil();
    let n = bend.clamp(1.0, 1_000.0);
    let step = by_m / n;
    for idx in 0..n as usize {
        for (abscissa, weight) in GAUSS {
            let at_m = distance_m + step * (idx as f64 + 0.5 + 0.5 * abscissa);
            let angle = clothoid_heading(curve, at_m);
            u += 0.5 * step * weight * angle.cos();
            v += 0.5 * step * weight * angle.sin();
        }
    }
    (u, v)
}

/// The u so far along the curve v(u) past another (Runge and Kutta's method on du/ds).
fn along(v: &[f64; 4], mut u: f64, by_m: f64) -> f64 {
    let rate = |u: f64| 1.0 / slope(v, u).hypot(1.0);
    let n = by_m.abs().ceil().clamp(1.0, 1_000.0) * 2.0;
    let step = by_m / n;
    for _ in 0..n as usize {
        let first = rate(u);
        let second = rate(u + 0.5 * step * first);
        let third = rate(u + 0.5 * step * second);
        let fourth = rate(u + step * third);
        u += step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth);
    }
    u
}
