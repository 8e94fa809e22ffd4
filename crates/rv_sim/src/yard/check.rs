//! Judges what was driven in a scene, with geometry of its own: outlines as polygons against lines and
//! polygons, at most a centimetre of way apart.

use rv_driver::trajectory::{State, Vehicle};
use serde::Serialize;

use super::scene::{Place, Scene};

/// Largest way between two outlines looked at, m.
const FINE_M: f64 = 0.01;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Names of what was touched, first contacts only.
    pub touched: Vec<String>,
    /// Least distance to anything that stands, m; zero if touched.
    pub air_least_m: f64,
    /// Largest bend of the rear axle's way, as a share of what full lock gives.
    pub bend_share: f64,
    /// Fastest steering, as a share of the limit.
    pub steering_rate_share: f64,
    /// Fastest, m/s.
    pub speed_max_mps: f64,
    /// Furthest that the rear axle slid aside between two states, m.
    pub slide_max_m: f64,
    /// From the goal at the end, m.
    pub end_off_m: f64,
    /// Turned from the goal at the end, rad.
    pub end_turned_rad: f64,
    /// Changes of direction.
    pub n_changes: u32,
    /// Way, m.
    pub way_m: f64,
}

impl Verdict {
    /// True if nothing was touched, the limits were kept and it stands at its goal: within 5 cm and one
    /// degree.
    pub fn is_fine(&self) -> bool {
        self.touched.is_empty()
            && self.bend_share <= 1.005
            && self.steering_rate_share <= 1.005
            && self.speed_max_mps <= 2.0
            && self.slide_max_m <= 0.01
            && self.end_off_m <= 0.05
            && self.end_turned_rad <= 0.01745
    }
}

type P = (f64, f64);

/// Judges states `dt_s` apart.
pub fn check(scene: &Scene, vehicle: &Vehicle, states: &[State], dt_s: f64) -> Verdict {
    let mut verdict = Verdict { air_least_m: f64::INFINITY, ..Verdict::default() };
    let lock_1pm = vehicle.steering_max_rad.tan() / (vehicle.front_axle_m + vehicle.rear_axle_m);
    let mut direction = 0.0;
    for pair in states.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        let (dx, dy) = (b.rear.x_m - a.rear.x_m, b.rear.y_m - a.rear.y_m);
        let turned = turn(b.heading_rad - a.heading_rad);
        let middle = a.heading_rad + turned / 2.0;
        let along = dx * middle.cos() + dy * middle.sin();
        let aside = dy * middle.cos() - dx * middle.sin();
        verdict.slide_max_m = verdict.slide_max_m.max(aside.abs());
        verdict.speed_max_mps = verdict.speed_max_mps.max(along.abs() / dt_s);
        let rate = (b.steering_rad - a.steering_rad).abs() / dt_s;
        verdict.steering_rate_share =
            verdict.steering_rate_share.max(rate / vehicle.steering_rate_max_radps);
        // Of no way no bend can be told.
        if along.abs() > 0.02 {
            verdict.bend_share = verdict.bend_share.max((turned / along).abs() / lock_1pm);
        }
        verdict.way_m += along.abs();
        if along.abs() > 0.002 {
            verdict.n_changes += u32::from(along * direction < 0.0);
            direction = along.signum();
        }
        // The corners go at most about twice as far as the rear axle.
        let n = ((2.0 * dx.hypot(dy) + 3.0 * turned.abs()) / FINE_M).ceil().max(1.0) as usize;
        for k in 1..=n {
            let x = k as f64 / n as f64;
            let at = (a.rear.x_m + dx * x, a.rear.y_m + dy * x);
            touch(scene, &outline(vehicle, at, a.heading_rad + turned * x), &mut verdict);
        }
    }
    if let Some(last) = states.last() {
        let (x, y) = centre_of(vehicle, last);
        let Place { x_m, y_m, heading_rad } = scene.goal;
        verdict.end_off_m = (x - x_m).hypot(y - y_m);
        verdict.end_turned_rad = turn(last.heading_rad - heading_rad).abs();
    }
    verdict
}

fn turn(by: f64) -> f64 {
    by.sin().atan2(by.cos())
}

fn centre_of(vehicle: &Vehicle, s: &State) -> P {
    let (sin, cos) = s.heading_rad.sin_cos();
    (s.rear.x_m + vehicle.rear_axle_m * cos, s.rear.y_m + vehicle.rear_axle_m * sin)
}

/// Corners around: front left, rear left, rear right, front right.
fn outline(vehicle: &Vehicle, rear: P, heading: f64) -> [P; 4] {
    let (sin, cos) = heading.sin_cos();
    let (front, back) = (
        vehicle.length_m / 2.0 + vehicle.rear_axle_m,
        -(vehicle.length_m / 2.0 - vehicle.rear_axle_m),
    );
    let half = vehicle.width_m / 2.0;
    [(front, half), (back, half), (back, -half), (front, -half)]
        .map(|(l, w)| (rear.0 + l * cos - w * sin, rear.1 + l * sin + w * cos))
}

fn touch(scene: &Scene, own: &[P; 4], verdict: &mut Verdict) {
    for (i, wall) in scene.walls.iter().enumerate() {
        let [ax, ay, bx, by] = wall.ends_m;
        let apart = to_segment(own, (ax, ay), (bx, by));
        note(verdict, apart, || format!("wall {i}"));
    }
    for (i, s) in scene.solids.iter().enumerate() {
        let (sin, cos) = s.heading_rad.sin_cos();
        let (l, w) = (s.length_m / 2.0, s.width_m / 2.0);
        let c = [(l, w), (-l, w), (-l, -w), (l, -w)]
            .map(|(x, y)| (s.x_m + x * cos - y * sin, s.y_m + x * sin + y * cos));
        let sides = (0..4).map(|k| to_segment(own, c[k], c[(k + 1) % 4]));
        let mut apart = sides.fold(f64::INFINITY, f64::min);
        if within(&c, own[0]) {
            apart = 0.0;
        }
        note(verdict, apart, || format!("solid {i}"));
    }
}

fn note(verdict: &mut Verdict, apart_m: f64, name: impl Fn() -> String) {
    verdict.air_least_m = verdict.air_least_m.min(apart_m);
    if apart_m <= 0.0 && !verdict.touched.contains(&name()) && verdict.touched.len() < 20 {
        verdict.touched.push(name());
    }
}

/// Distance between a convex outline and a segment, m; zero if they meet.
fn to_segment(own: &[P; 4], a: P, b: P) -> f64 {
    if within(own, a) {
        return 0.0;
    }
    (0..4).map(|k| between(own[k], own[(k + 1) % 4], a, b)).fold(f64::INFINITY, f64::min)
}

/// Distance between two segments, m.
fn between(a: P, b: P, c: P, d: P) -> f64 {
    let side = |o: P, p: P, q: P| (p.0 - o.0) * (q.1 - o.1) - (p.1 - o.1) * (q.0 - o.0);
    let crosses = side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0;
    if crosses {
        return 0.0;
    }
    [to_point(c, d, a), to_point(c, d, b), to_point(a, b, c), to_point(a, b, d)]
        .into_iter()
        .fold(f64::INFINITY, f64::min)
}

fn to_point(a: P, b: P, p: P) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let whole = dx * dx + dy * dy;
    let t = if whole > 0.0 { ((p.0 - a.0) * dx + (p.1 - a.1) * dy) / whole } else { 0.0 };
    let t = t.clamp(0.0, 1.0);
    (p.0 - a.0 - t * dx).hypot(p.1 - a.1 - t * dy)
}

/// True if a point lies within a polygon (crossings of a ray).
fn within(polygon: &[P; 4], p: P) -> bool {
    let mut inside = false;
    for k in 0..4 {
        let (a, b) = (polygon[k], polygon[(k + 1) % 4]);
        if (a.1 > p.1) != (b.1 > p.1) && p.0 < (b.0 - a.0) * (p.1 - a.1) / (b.1 - a.1) + a.0 {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_figure() {
        let square = [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)];
        assert_eq!(to_segment(&square, (3.0, -5.0), (3.0, 5.0)), 2.0);
        assert_eq!(to_segment(&square, (-5.0, 0.0), (5.0, 0.1)), 0.0);
        assert_eq!(to_segment(&square, (0.2, 0.1), (0.3, 0.1)), 0.0);
        let d = to_segment(&square, (2.0, 2.0), (4.0, 2.0));
        assert!((d - 2.0_f64.sqrt()).abs() < 1e-12);
    }
}
