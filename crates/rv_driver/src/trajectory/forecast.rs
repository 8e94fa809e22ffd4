//! Where others will be: taken from a record, or forecast from what is seen now.
//!
//! The own forecast keeps the acceleration for a moment, follows the lane, and brakes for a slower
//! vehicle ahead with the deceleration that just avoids it, which is what the deterministic part of
//! an intelligent-driver model does near its limit (Treiber, Hennecke and Helbing 2000).

use rv_base::Point2;
use rv_map::lanes::LaneIdx;

use super::geometry::{Body, ahead, distance_m, square_m2, wrapped_rad};
use super::road::Road;

/// Time constant with which a seen acceleration fades, s.
const FADE_S: f64 = 1.0;
/// Sideways reach within which a vehicle counts as ahead in the same lane, m.
const SAME_LANE_M: f64 = 1.4;
/// Angle against its lane from which on a vehicle may be changing over, rad, and how far over it
/// then goes, m.
const SLANTS_RAD: f64 = 0.04;
const LANE_M: f64 = 3.5;

/// One other at a moment, as seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Id in the source.
    pub id: i64,
    /// What it covers.
    pub body: Body,
    /// Speed along its heading.
    pub speed_mps: f64,
    /// Acceleration along its heading.
    pub acceleration_mps2: f64,
    /// Turning, rad/s.
    pub yaw_rate_radps: f64,
    /// True if it stands for good.
    pub is_static: bool,
    /// True if it keeps to lanes (vehicles), false if it walks freely.
    pub keeps_lane: bool,
}

/// Bodies of one other at the coming steps; index 0 is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Future {
    /// Id in the source.
    pub id: i64,
    /// `None` where it is not there.
    pub bodies: Vec<Option<Body>>,
}

/// Futures as seen from a step of them.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Everyone.
    pub futures: &'a [Future],
    /// Index of now.
    pub now: usize,
}

/// Forecasts everyone for `n` steps beyond now. Nobody is trusted to brake for the own vehicle.
pub fn forecast(road: &Road, seen: &[Seen], n: usize, dt_s: f64) -> Vec<Future> {
    seen.iter().map(|s| one(road, seen, s, n, dt_s)).collect()
}

/// What those may do who slant against their lane: go over into the next one, instead of on in
/// their own. A second guess beside [`forecast`], for when there is nothing to lose by care.
pub(crate) fn wary(road: &Road, seen: &[Seen], n: usize, dt_s: f64) -> Vec<Future> {
    let mut out = Vec::new();
    for s in seen.iter().filter(|s| s.keeps_lane && !s.is_static && s.speed_mps > 1.0) {
        let Some(lane) = road.lanes_for(s.body.centre, s.body.heading_rad).first().copied() else {
            continue;
        };
        let slant = wrapped_rad(s.body.heading_rad - road.heading_at(lane, s.body.centre));
        if !(SLANTS_RAD..0.6).contains(&slant.abs()) {
            continue;
        }
        let mut future = one(road, seen, s, n, dt_s);
        let (over_m, most_m) = (s.speed_mps * slant.sin() * dt_s, LANE_M);
        for (k, body) in future.bodies.iter_mut().enumerate() {
            let Some(body) = body else { continue };
            let by_m = (over_m * k as f64).clamp(-most_m, most_m);
            let (sin, cos) = body.heading_rad.sin_cos();
            body.centre.x_m -= by_m * sin;
            body.centre.y_m += by_m * cos;
        }
        out.push(future);
    }
    out
}

fn one(road: &Road, all: &[Seen], s: &Seen, n: usize, dt_s: f64) -> Future {
    if s.is_static || s.speed_mps.abs() < 0.05 && s.acceleration_mps2 <= 0.1 {
        return Future { id: s.id, bodies: vec![Some(s.body); n + 1] };
    }
    let braking = if s.keeps_lane { braking_for_leader(all, s) } else { None };
    let way_m = reach_m(s, n, dt_s);
    let line = match lane_of(road, s) {
        Some(lane) if s.keeps_lane => line_along(road, s, &likeliest(road, s, lane, way_m)),
        _ => Vec::new(),
    };
    along(s, &line, braking, n, dt_s)
}

/// How far it may come, m.
pub(super) fn reach_m(s: &Seen, n: usize, dt_s: f64) -> f64 {
    (s.speed_mps + 3.0) * n as f64 * dt_s + 10.0
}

/// It goes along a line (or turns as it turns now, if there is none), down to a speed with a
/// braking if there is cause.
pub(super) fn along(
    s: &Seen,
    line: &[(Point2, f64)],
    braking: Option<(f64, f64)>,
    n: usize,
    dt_s: f64,
) -> Future {
    let mut bodies = Vec::with_capacity(n + 1);
    let (mut v, mut way, mut heading, mut at) =
        (s.speed_mps, 0.0, s.body.heading_rad, s.body.centre);
    let mut cursor = Cursor::default();
    bodies.push(Some(s.body));
    for k in 1..=n {
        let t = k as f64 * dt_s;
        let mut a = s.acceleration_mps2 * (-t / FADE_S).exp();
        if let Some((floor_mps, brake)) = braking {
            a = if v > floor_mps { a.min(-brake) } else { a.min(0.0) };
        }
        v = if s.speed_mps >= 0.0 { (v + a * dt_s).max(0.0) } else { v };
        way += v * dt_s;
        if line.is_empty() {
            heading += s.yaw_rate_radps * (-t / FADE_S).exp() * dt_s;
            at = ahead(at, heading, v * dt_s);
        } else {
            let foot = cursor.walk(line, way);
            heading = foot.1;
            // The place beside the lane's middle is kept, the offset at the start fades.
            let (sin, cos) = heading.sin_cos();
            at = Point2 { x_m: foot.0.x_m - foot.2 * sin, y_m: foot.0.y_m + foot.2 * cos };
        }
        bodies.push(Some(Body { centre: at, heading_rad: heading, ..s.body }));
    }
    Future { id: s.id, bodies }
}

/// Speed of the slower vehicle ahead and the braking that it asks for.
fn braking_for_leader(all: &[Seen], s: &Seen) -> Option<(f64, f64)> {
    let (sin, cos) = s.body.heading_rad.sin_cos();
    let others = all.iter().filter(|o| o.id != s.id).map(|o| (o.body, o.speed_mps));
    let mut most: Option<(f64, f64)> = None;
    for (body, speed_mps) in others {
        let turn = wrapped_rad(body.heading_rad - s.body.heading_rad);
        let (dx, dy) = (body.centre.x_m - s.body.centre.x_m, body.centre.y_m - s.body.centre.y_m);
        let (along, beside) = (dx * cos + dy * sin, dy * cos - dx * sin);
        if turn.abs() > 0.6 || along <= 0.0 || along > 80.0 || beside.abs() > SAME_LANE_M {
            continue;
        }
        let floor_mps = (speed_mps * turn.cos()).max(0.0);
        let gap_m = along - body.half_length_m - s.body.half_length_m;
        let closing = s.speed_mps - floor_mps;
        if closing <= 0.3 {
            continue;
        }
        let brake = (closing * closing / (2.0 * (gap_m - 2.0).max(0.5))).min(8.0);
        if brake > 0.3 && most.is_none_or(|m| brake > m.1) {
            most = Some((floor_mps, brake));
        }
    }
    most
}

/// The lane that a vehicle goes along.
pub(super) fn lane_of(road: &Road, s: &Seen) -> Option<LaneIdx> {
    let lane = road.lanes_for(s.body.centre, s.body.heading_rad).first().copied()?;
    let turn = wrapped_rad(road.heading_at(lane, s.body.centre) - s.body.heading_rad);
    (turn.abs() <= 0.6).then_some(lane)
}

/// How far a lane leads away from where a vehicle heads and turns, rad.
pub(super) fn away_rad(road: &Road, s: &Seen, lane: LaneIdx) -> f64 {
    let line = road.centre(lane);
    let m = line[line.len() / 2];
    let to = (m.y_m - s.body.centre.y_m).atan2(m.x_m - s.body.centre.x_m);
    wrapped_rad(to - (s.body.heading_rad + s.yaw_rate_radps)).abs()
}

/// The way of lanes that it takes most likely.
pub(super) fn likeliest(road: &Road, s: &Seen, lane: LaneIdx, way_m: f64) -> Vec<LaneIdx> {
    let (mut way, mut length_m) = (vec![lane], road.length_m(lane));
    while way.len() < 40 && length_m < way_m + 200.0 {
        let from = &road.map().lanes[way[way.len() - 1]].successors;
        let off = |l: &LaneIdx| away_rad(road, s, *l);
        let Some(next) = from.iter().copied().min_by(|a, b| off(a).total_cmp(&off(b))) else {
            break;
        };
        length_m += road.length_m(next);
        way.push(next);
    }
    way
}

/// The line a vehicle follows from where it is along lanes, with its offset to the left of their
/// middle.
pub(super) fn line_along(road: &Road, s: &Seen, way: &[LaneIdx]) -> Vec<(Point2, f64)> {
    let points: Vec<Point2> = way.iter().flat_map(|lane| road.centre(*lane)).copied().collect();
    if points.len() < 2 {
        return Vec::new();
    }
    // Cut at the foot of the vehicle.
    let nearest = (0..points.len() - 1).min_by(|a, b| {
        square_m2(points[*a], s.body.centre).total_cmp(&square_m2(points[*b], s.body.centre))
    });
    let Some(nearest) = nearest else { return Vec::new() };
    let (p, q) = (points[nearest], points[nearest + 1]);
    let heading = (q.y_m - p.y_m).atan2(q.x_m - p.x_m);
    let (sin, cos) = heading.sin_cos();
    let (dx, dy) = (s.body.centre.x_m - p.x_m, s.body.centre.y_m - p.y_m);
    let (along, offset) = (dx * cos + dy * sin, dy * cos - dx * sin);
    let foot = ahead(p, heading, along);
    let rest = points[nearest + 1..]
        .iter()
        .skip_while(|r| (r.x_m - foot.x_m) * cos + (r.y_m - foot.y_m) * sin <= 0.1);
    let line: Vec<_> = [foot].into_iter().chain(rest.copied()).map(|p| (p, offset)).collect();
    if line.len() < 2 { Vec::new() } else { line }
}

/// Walks along a line.
#[derive(Default)]
struct Cursor {
    idx: usize,
    start_m: f64,
}

impl Cursor {
    /// Point, heading and offset at a distance that never shrinks.
    fn walk(&mut self, line: &[(Point2, f64)], at_m: f64) -> (Point2, f64, f64) {
        while self.idx + 2 < line.len() {
            let step_m = distance_m(line[self.idx].0, line[self.idx + 1].0);
            if self.start_m + step_m > at_m {
                break;
            }
            self.start_m += step_m;
            self.idx += 1;
        }
        let (a, offset) = line[self.idx];
        let b = line.get(self.idx + 1).map_or(a, |b| b.0);
        let heading = (b.y_m - a.y_m).atan2(b.x_m - a.x_m);
        (ahead(a, heading, at_m - self.start_m), heading, offset)
    }
}
