//! The reference line of an OpenDRIVE road: lines, arcs, spirals and cubic curves, by distance
//! along the road (ASAM OpenDRIVE 1.7, section 8).

use rv_base::Point2;

use super::xml::Element;

/// Abscissae and weights of Gauss and Legendre's rule of five points on -1..=1.
const GAUSS: [(f64, f64); 5] = [
    (0.0, 0.568_888_888_888_888_9),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

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

    fn at(&self, distance_m: f64) -> f64 {
        let [a, b, c, d] = self.terms;
        let x = distance_m - self.from_m;
        a + x * (b + x * (c + x * d))
    }

    /// The value of the last of some polynomials that has begun; zero before the first.
    pub(super) fn value(all: &[Self], distance_m: f64) -> f64 {
        let n = all.partition_point(|cubic| cubic.from_m <= distance_m + 1e-9);
        n.checked_sub(1).map_or(0.0, |last| all[last].at(distance_m))
    }
}

/// A point of a line and the direction there, radians from x towards y.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub(super) at: Point2,
    pub(super) heading: f64,
}

impl Pose {
    /// The point so far to the left.
    pub(super) fn left(&self, by_m: f64) -> Point2 {
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
    /// Curvature at both ends, 1/m: lines, arcs and clothoids.
    Spiral(f64, f64),
    /// v as a cubic of u.
    Poly3([f64; 4]),
    /// u and v as cubics of a parameter that runs to the second number.
    ParamPoly3([f64; 4], [f64; 4], f64),
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
        let shape = match kind {
            Kind::Line => Shape::Spiral(0.0, 0.0),
            Kind::Arc => Shape::Spiral(value("curvature")?, value("curvature")?),
            Kind::Spiral => Shape::Spiral(value("curvStart")?, value("curvEnd")?),
            Kind::Poly3 => Shape::Poly3(cubic(["a", "b", "c", "d"])?),
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
            Shape::Spiral(first, last) => self.spiral(*first, *last, distance_m),
            Shape::Poly3(v) => {
                let u = along(v, distance_m);
                self.start.local(u, value(v, u), slope(v, u).atan())
            }
            Shape::ParamPoly3(u, v, end) => {
                let p = if self.length_m > 0.0 { distance_m / self.length_m * end } else { 0.0 };
                self.start.local(value(u, p), value(v, p), slope(v, p).atan2(slope(u, p)))
            }
        }
    }

    /// The heading of a clothoid is a quadratic of the distance; its position is integrated.
    fn spiral(&self, first: f64, last: f64, distance_m: f64) -> Pose {
        let change = if self.length_m > 0.0 { (last - first) / self.length_m } else { 0.0 };
        let heading = |s: f64| first * s + 0.5 * change * s * s;
        if first == 0.0 && change == 0.0 {
            return self.start.local(distance_m, 0.0, 0.0);
        }
        if change == 0.0 {
            let angle = first * distance_m;
            return self.start.local(angle.sin() / first, (1.0 - angle.cos()) / first, angle);
        }
        // At most an eighth of a radian a step: errors far below a micrometre.
        let bend = (first.abs().max(last.abs()) * distance_m.abs() * 8.0).ceil();
        let n = bend.clamp(1.0, 10_000.0);
        let step = distance_m / n;
        let (mut u, mut v) = (0.0, 0.0);
        for idx in 0..n as usize {
            for (abscissa, weight) in GAUSS {
                let angle = heading(step * (idx as f64 + 0.5 + 0.5 * abscissa));
                u += 0.5 * step * weight * angle.cos();
                v += 0.5 * step * weight * angle.sin();
            }
        }
        self.start.local(u, v, heading(distance_m))
    }

    /// Radius of its tightest bend, m, roughly.
    pub(super) fn radius_min_m(&self) -> f64 {
        let n = 16;
        let mut least = f64::INFINITY;
        for idx in 0..n {
            let [a, b] = [idx, idx + 1].map(|i| self.length_m * f64::from(i) / f64::from(n));
            let turn = (self.pose(b).heading - self.pose(a).heading).abs();
            least = least.min((b - a) / turn.max(1e-12));
        }
        least
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

/// The u at which the curve v(u) is so long (Runge and Kutta's method on du/ds).
fn along(v: &[f64; 4], distance_m: f64) -> f64 {
    let rate = |u: f64| 1.0 / slope(v, u).hypot(1.0);
    let n = distance_m.abs().ceil().clamp(1.0, 100_000.0) * 2.0;
    let step = distance_m / n;
    let mut u = 0.0;
    for _ in 0..n as usize {
        let first = rate(u);
        let second = rate(u + 0.5 * step * first);
        let third = rate(u + 0.5 * step * second);
        let fourth = rate(u + step * third);
        u += step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth);
    }
    u
}
