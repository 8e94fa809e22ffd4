//! What the others are expected to do over the next seconds.

use rv_base::Point2;

use super::way::{Place, Way, wrapped};
use super::{STEP_S, STEPS, Seen};

/// Most of the others that are regarded, the nearest first.
const OTHERS_MAX: usize = 16;
/// Speed across with which whoever begins to come over is expected to go on, m/s.
const RESOLVE_MPS: f64 = 0.8;

/// How the others are thought of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mind {
    /// Whoever begins to come over does so with resolve.
    Wary,
    /// They go on as they move now.
    Plain,
}

/// What another one may be about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Will {
    /// It goes on as it moves now.
    GoOn,
    /// It turns into the way, to its middle.
    Join,
}

/// Another one over the next seconds; poses are its middle, sine and cosine of its heading.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    pub(super) now: (Point2, f64, f64),
    pub(super) speed_mps: f64,
    pub(super) poses: [(Point2, f64, f64); STEPS],
    pub(super) half_m: (f64, f64),
    /// How far it reaches from its middle along and across the way, as it is turned now, m.
    pub(super) extent_m: (f64, f64),
    pub(super) reach_m: f64,
    pub(super) margin_m: f64,
    pub(super) place: Place,
    pub(super) along_mps: f64,
    pub(super) across_mps: f64,
    pub(super) is_beside: bool,
    pub(super) goes_along: bool,
    /// Where it ends up.
    pub(super) end: Place,
    /// True if it is on its way backwards along the way even then.
    pub(super) comes_on: bool,
    /// True if it is behind and goes the same way.
    pub(super) follows: bool,
}

/// From where the others are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eye<'a> {
    pub(super) way: &'a Way,
    /// The mark of the way nearest to the vehicle.
    pub(super) near: usize,
    pub(super) here: Place,
    pub(super) nose_m: f64,
    pub(super) tail_m: f64,
}

impl Eye<'_> {
    /// Forecasts of all who are seen, into a list that is kept from cycle to cycle.
    pub(super) fn look(&self, seen: &[Seen], mind: Mind, all: &mut Vec<Forecast>) {
        all.clear();
        for other in seen.iter().filter(|o| is_finite(o)).take(OTHERS_MAX) {
            let goes_on = self.forecast(other, Will::GoOn, mind);
            // A vehicle that comes at a slant may cross the way, or turn into it.
            let off_m = goes_on.place.d_m;
            let (heading_rad, _) = self.way.bend(goes_on.place.s_m);
            let slant = wrapped(other.heading_rad - heading_rad);
            let may_join = !goes_on.goes_along
                && !other.is_vulnerable
                && goes_on.along_mps.abs() > 0.5
                && slant.cos().abs() > 0.3
                && off_m * goes_on.across_mps < 0.0;
            all.push(goes_on);
            if may_join {
                all.push(self.forecast(other, Will::Join, mind));
            }
        }
    }

    /// Along the way for whoever goes along it, straight on for whoever crosses it.
    fn forecast(&self, other: &Seen, will: Will, mind: Mind) -> Forecast {
        let place = self.way.place(&mut self.near.clone(), other.centre);
        let (heading_rad, curvature) = self.way.bend(place.s_m);
        let (_, (cos, sin)) = self.way.point(Place { d_m: 0.0, ..place });
        let (vx, vy) = other.velocity_mps;
        let across_mps = vy * cos - vx * sin;
        let along_mps = (vx * cos + vy * sin) / (1.0 - curvature * place.d_m).clamp(0.5, 2.0);
        let speed = vx.hypot(vy);
        let turn_rad = wrapped(other.heading_rad - heading_rad);
        let goes_along = !other.is_vulnerable
            && (will == Will::Join || along_mps.abs() > 2.0 * across_mps.abs());
        let inwards = -place.d_m * across_mps > 0.0;
        let is_resolved = mind == Mind::Wary && goes_along && inwards && across_mps.abs() > 0.1;
        let across_mps = if is_resolved {
            across_mps.signum() * across_mps.abs().max(RESOLVE_MPS)
        } else {
            across_mps
        };
        let braking = other.acceleration_mps2.min(0.0);
        let (turn_sin, turn_cos) = turn_rad.sin_cos();
        let (own_sin, own_cos) = other.heading_rad.sin_cos();
        let mut poses = [(Point2::default(), 0.0, 0.0); STEPS];
        let mut end = place;
        for (i, pose) in poses.iter_mut().enumerate() {
            let t = (i + 1) as f64 * STEP_S;
            let braked_s = if braking < -0.3 { (-speed / braking).min(t) } else { 0.0 };
            let way_share = if speed > 0.1 && braking < -0.3 {
                (speed * braked_s + braking * braked_s * braked_s / 2.0) / speed
            } else {
                t
            };
            *pose = if goes_along {
                let mut d_m = place.d_m + across_mps * way_share.min(3.0);
                if inwards {
                    // It stops in the middle of the lane.
                    d_m = if place.d_m > 0.0 { d_m.max(0.0) } else { d_m.min(0.0) };
                }
                let s_m = place.s_m + along_mps * way_share;
                end = Place { s_m, d_m };
                let (at, (x, y)) = self.way.point(Place { s_m, d_m });
                if will == Will::Join {
                    // It straightens as it comes to the middle.
                    let left = (d_m / place.d_m).clamp(0.0, 1.0);
                    let (sin, cos) = (turn_rad * left).sin_cos();
                    (at, y * cos + x * sin, x * cos - y * sin)
                } else {
                    (at, y * turn_cos + x * turn_sin, x * turn_cos - y * turn_sin)
                }
            } else {
                let at = Point2 {
                    x_m: other.centre.x_m + vx * way_share,
                    y_m: other.centre.y_m + vy * way_share,
                };
                (at, own_sin, own_cos)
            };
        }
        let whole_s = STEPS as f64 * STEP_S;
        let stands_at_last = braking < -0.3 && speed < -braking * whole_s;
        let (l, w) = other.half_m;
        let (sin, cos) = (turn_sin.abs(), turn_cos.abs());
        let extent_m = (l * cos + w * sin, l * sin + w * cos);
        Forecast {
            extent_m,
            now: (other.centre, own_sin, own_cos),
            speed_mps: speed,
            poses,
            half_m: other.half_m,
            reach_m: other.half_m.0.hypot(other.half_m.1),
            margin_m: if other.is_vulnerable { 0.5 } else { 0.25 },
            place,
            along_mps,
            across_mps,
            goes_along,
            end,
            comes_on: goes_along && along_mps < -1.0 && !stands_at_last,
            follows: goes_along
                && along_mps > 0.0
                && place.s_m + extent_m.0 < self.here.s_m - self.tail_m,
            is_beside: (place.s_m - self.here.s_m).abs() < extent_m.0 + self.nose_m,
        }
    }
}

fn is_finite(other: &Seen) -> bool {
    let n = [
        other.centre.x_m,
        other.centre.y_m,
        other.heading_rad,
        other.half_m.0,
        other.half_m.1,
        other.velocity_mps.0,
        other.velocity_mps.1,
        other.acceleration_mps2,
    ];
    n.iter().all(|x| x.is_finite())
}
