//! People on foot: they cross at crosswalks, wait for their light, and now and then step out
//! between parked cars.

use rv_base::{Point2, Rng, Seconds};
use rv_map::city_lanes::{CityLaneId, CityLanes};
use rv_map::lanes::Aspect;

use super::world::corners;

/// Slower than this a vehicle stands, as people see it, m/s, and they walk so far around it, m.
const STANDS_MPS: f64 = 0.2;
const AROUND_M: f64 = 0.8;

/// The least room that they leave to one that stands, from their middle, m.
const ELBOW_M: f64 = 0.45;

/// Who stands before it so long is walked around, s.
const LOOKS_S: f64 = 1.5;

/// Someone on foot.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    pub(super) id: u32,
    pub(super) at: Point2,
    pub(super) heading_rad: f64,
    pub(super) v_mps: f64,
    pace_mps: f64,
    to: Point2,
    /// The corner of something by which it walks around that.
    detour: Option<Point2>,
    mind: Mind,
    /// Time spent waiting, s.
    waited_s: f64,
    pub(super) is_animal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mind {
    /// Waits at a crosswalk; with a light, until the vehicles' light turns red.
    AtCrosswalk {
        signal: Option<(u32, u8)>,
        red_since_s: f64,
    },
    /// Waits at the kerb for a gap of so many seconds.
    AtKerb {
        gap_s: f64,
    },
    Walking,
}

/// A vehicle as people see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coming {
    pub(super) at: Point2,
    pub(super) heading_rad: f64,
    pub(super) v_mps: f64,
    /// Half its length and width, m.
    pub(super) half_m: (f64, f64),
}

impl Coming {
    /// A point seen from it: ahead and to the left, m.
    fn local(&self, p: Point2) -> (f64, f64) {
        let (sin, cos) = self.heading_rad.sin_cos();
        let (dx, dy) = (p.x_m - self.at.x_m, p.y_m - self.at.y_m);
        (dx * cos + dy * sin, dy * cos - dx * sin)
    }
}

impl Walker {
    pub(super) fn at_crosswalk(id: u32, lanes: &CityLanes, crosswalk: u32, rng: &mut Rng) -> Self {
        let cross = lanes.crosswalks()[crosswalk as usize];
        let (a, b) = if rng.chance(0.5) { (cross.from, cross.to) } else { (cross.to, cross.from) };
        let shift = rng.range(-1.5, 1.5);
        let heading_rad = (b.y_m - a.y_m).atan2(b.x_m - a.x_m);
        let (sin, cos) = heading_rad.sin_cos();
        let off = |p: Point2| Point2 { x_m: p.x_m - shift * sin, y_m: p.y_m + shift * cos };
        let mind = Mind::AtCrosswalk { signal: cross.signal, red_since_s: -1.0 };
        Self::new(id, off(a), off(b), mind, rng)
    }

    /// At the kerb beside a lane, about to cross the road there.
    pub(super) fn at_kerb(
        id: u32,
        lanes: &CityLanes,
        lane: CityLaneId,
        s_m: f64,
        width_m: f64,
        rng: &mut Rng,
    ) -> Self {
        let (p, h) = lanes.at(lane, s_m);
        let sign = if lanes.drive_side == rv_map::DriveSide::Right { 1.0 } else { -1.0 };
        let kerb_m = f64::from(lanes.lane(lane).width_m) / 2.0;
        let side = |by_m: f64| Point2 {
            x_m: p.x_m - sign * by_m * h.sin(),
            y_m: p.y_m + sign * by_m * h.cos(),
        };
        // Most look; a few hardly do.
        let gap_s = if rng.chance(0.08) { rng.range(1.9, 2.6) } else { rng.range(3.2, 6.0) };
        let (from, to) = (side(-kerb_m - 2.0), side(width_m - kerb_m + 2.0));
        Self::new(id, from, to, Mind::AtKerb { gap_s }, rng)
    }

    fn new(id: u32, at: Point2, to: Point2, mind: Mind, rng: &mut Rng) -> Self {
        Self {
            id,
            at,
            heading_rad: (to.y_m - at.y_m).atan2(to.x_m - at.x_m),
            v_mps: 0.0,
            pace_mps: rng.range(1.0, 1.7),
            to,
            detour: None,
            mind,
            waited_s: 0.0,
            is_animal: false,
        }
    }

    /// One step; false once it is across.
    pub(super) fn step(
        &mut self,
        lanes: &CityLanes,
        at: Seconds,
        coming: &[Coming],
        dt_s: f64,
    ) -> bool {
        let goes = match &mut self.mind {
            Mind::Walking => true,
            Mind::AtCrosswalk { signal: Some(signal), red_since_s } => {
                let is_red = lanes.aspect(*signal, at) == Aspect::Red;
                if !is_red {
                    *red_since_s = -1.0;
                } else if *red_since_s < 0.0 {
                    *red_since_s = at.0;
                }
                // Starts only while there is time to get across.
                let age = at.0 - *red_since_s;
                is_red && (1.5..6.0).contains(&age) && !is_pressed(self.at, self.to, coming, 1.0)
            }
            Mind::AtCrosswalk { signal: None, .. } => {
                self.waited_s > 0.8 && !is_pressed(self.at, self.to, coming, 2.5)
            }
            Mind::AtKerb { gap_s } => !is_pressed(self.at, self.to, coming, *gap_s),
        };
        if self.mind != Mind::Walking {
            self.waited_s += dt_s;
            if goes {
                self.mind = Mind::Walking;
            }
            return self.waited_s < 150.0;
        }
        let to = self.detour.unwrap_or(self.to);
        self.heading_rad = (to.y_m - self.at.y_m).atan2(to.x_m - self.at.x_m);
        let blocked = self.blocked_by(coming).copied();
        self.v_mps = if blocked.is_some() { 0.0 } else { self.pace_mps };
        // Around one that stands; whoever drives is waited for.
        self.waited_s = if self.v_mps > 0.0 { 0.0 } else { self.waited_s + dt_s };
        if let Some(c) = blocked.filter(|c| c.v_mps < STANDS_MPS && self.waited_s > LOOKS_S) {
            // It stands where the walk was to end: that ends beside it.
            let (x, y) = c.local(self.to);
            if x.abs() < c.half_m.0 + AROUND_M && y.abs() < c.half_m.1 + AROUND_M {
                return false;
            }
            (self.detour, self.waited_s) = (self.around(&c), 0.0);
        }
        let (sin, cos) = self.heading_rad.sin_cos();
        self.at.x_m += self.v_mps * cos * dt_s;
        self.at.y_m += self.v_mps * sin * dt_s;
        let is_there = self.at.distance_to(to).0 <= self.pace_mps * dt_s;
        if is_there && self.detour.take().is_some() {
            return true;
        }
        !is_there
    }

    /// The vehicle that is right in front of it.
    fn blocked_by<'a>(&self, coming: &'a [Coming]) -> Option<&'a Coming> {
        let (sin, cos) = self.heading_rad.sin_cos();
        coming.iter().find(|c| {
            let (l, w) = c.half_m;
            if self.detour.is_some() && c.v_mps < STANDS_MPS {
                // Along it, with an elbow's room.
                let air_m = |p: Point2| {
                    let (x, y) = c.local(p);
                    (x.abs() - l).max(y.abs() - w)
                };
                let next = Point2 { x_m: self.at.x_m + 0.2 * cos, y_m: self.at.y_m + 0.2 * sin };
                return air_m(next) < ELBOW_M && air_m(next) < air_m(self.at) - 0.005;
            }
            let (dx, dy) = (c.at.x_m - self.at.x_m, c.at.y_m - self.at.y_m);
            let along = dx * cos + dy * sin;
            let (s2, c2) = (c.heading_rad - self.heading_rad).sin_cos();
            let half_along = l * c2.abs() + w * s2.abs();
            let half_across = l * s2.abs() + w * c2.abs();
            let beside = (dy * cos - dx * sin).abs();
            // Close in front of one that stands there is room to pass.
            let room_m = if c.v_mps < STANDS_MPS { 0.4 } else { 0.7 };
            along > 0.0
                && along < half_along + 1.0
                && beside < half_across + room_m
                && c.v_mps < 4.0
        })
    }

    /// The corner of a body that stands in the way by which it walks around it: the one in sight with
    /// the shortest way on.
    fn around(&self, c: &Coming) -> Option<Point2> {
        let grown = corners(c.at, c.heading_rad, (c.half_m.0 + AROUND_M, c.half_m.1 + AROUND_M));
        let way_m = |p: &Point2| p.distance_to(self.at).0 + p.distance_to(self.to).0;
        let own = c.local(self.at);
        let is_seen = |p: &Point2| {
            let (x, y) = c.local(*p);
            let (is_along, is_across) = (x * own.0 > 0.0, y * own.1 > 0.0);
            is_along && (is_across || own.0.abs() > c.half_m.0 + ELBOW_M)
                || is_across && own.1.abs() > c.half_m.1 + ELBOW_M
        };
        let seen = grown.into_iter().filter(is_seen).filter(|p| p.distance_to(self.at).0 > 0.4);
        seen.min_by(|a, b| way_m(a).total_cmp(&way_m(b)))
    }
}

/// True if a vehicle would reach the line across the road within some time and may not stop.
fn is_pressed(from: Point2, to: Point2, coming: &[Coming], gap_s: f64) -> bool {
    let (ux, uy) = (to.x_m - from.x_m, to.y_m - from.y_m);
    let length_m = ux.hypot(uy).max(1.0);
    coming.iter().any(|c| {
        if c.v_mps < 0.7 {
            return false;
        }
        let (sin, cos) = c.heading_rad.sin_cos();
        // Where its line meets the line of the walk.
        let cross = (cos * uy - sin * ux) / length_m;
        if cross.abs() < 0.3 {
            return false;
        }
        let (dx, dy) = (from.x_m - c.at.x_m, from.y_m - c.at.y_m);
        let way_m = (dx * uy - dy * ux) / length_m / cross;
        let at = ((c.at.x_m + way_m * cos - from.x_m) * ux
            + (c.at.y_m + way_m * sin - from.y_m) * uy)
            / length_m;
        (-1.0..=length_m + 1.0).contains(&at)
            && way_m > -3.0
            && (way_m - 2.5 < c.v_mps * gap_s + c.v_mps * c.v_mps / 8.0 * (gap_s / 5.0).min(1.0)
                || way_m < 4.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_walks_goes_around_a_vehicle_that_stands_in_the_way() {
        let lanes = CityLanes::build(&rv_map::City::default());
        let van =
            Coming { at: Point2::default(), heading_rad: 0.0, v_mps: 0.0, half_m: (1.65, 0.625) };
        // From before its nose to behind it, from beside it, aslant, and from close to it.
        for (from, to) in [
            ((6.0, 0.2), (-6.0, 0.1)),
            ((0.3, 4.0), (0.1, -4.0)),
            ((3.5, 2.0), (-3.0, -1.0)),
            ((1.9, -1.2), (2.0, 5.0)),
            // To where the vehicle stands.
            ((2.4, 1.3), (-0.1, 0.9)),
        ] {
            let at = |(x_m, y_m): (f64, f64)| Point2 { x_m, y_m };
            let mut rng = Rng::from_seed(3);
            let mut walker = Walker::new(1, at(from), at(to), Mind::Walking, &mut rng);
            let mut steps = 0;
            while walker.step(&lanes, Seconds(0.0), &[van], 0.1) {
                let (x, y) = van.local(walker.at);
                let air_m = (x.abs() - van.half_m.0).max(y.abs() - van.half_m.1);
                assert!(air_m > 0.3, "{from:?}: {x:.2} {y:.2}");
                steps += 1;
                assert!(steps < 300, "{from:?} to {to:?}: stands at {x:.2} {y:.2}");
            }
        }
    }
}
