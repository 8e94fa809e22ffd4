//! Where others may go: along each way that the lanes leave open, with probabilities, or straight on
//! for those who walk.

use rv_base::Point2;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Spot, Turn};

use super::junction::TURN_BRAKING_MPS2;
use super::way::turn_max_mps;
use crate::tracking::Track;

/// Most ways told of one.
const WAYS_MAX: usize = 4;

/// A lane further away than this is not one's own, m.
const FITS_M: f64 = 1.6;

/// Time between two points of a way, s.
const STEP_S: f64 = 0.5;

/// A way that somebody may take.
#[derive(Clone, Debug, PartialEq)]
pub struct WayAhead {
    /// How likely, 0..=1; those of one sum to one.
    pub probability: f64,
    /// Where they would be, half a second apart, first now.
    pub points: Vec<Point2>,
}

/// Lanes in a row of one way.
const CHAIN_MAX: usize = 6;

/// Time in which what somebody is turned beside its lane's direction fades, s.
pub(crate) const FADE_S: f64 = 0.7;

/// One of the ways that somebody may take: lanes in a row, the one it is on first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branch {
    chain: [CityLaneId; CHAIN_MAX],
    n: usize,
    /// How likely it is taken, 0..=1.
    pub(crate) probability: f64,
}

impl Branch {
    /// Where one will be that is at a spot of its first lane now, and its heading.
    pub(crate) fn pose(&self, lanes: &CityLanes, track: &Track, spot: &Spot, at_s: f64) -> Pose {
        let mut s_m = spot.s_m + track.speed_mps * at_s;
        let mut lane = self.chain[0];
        for next in &self.chain[1..self.n] {
            let length_m = f64::from(lanes.lane(lane).length_m);
            if s_m <= length_m {
                break;
            }
            s_m -= length_m;
            lane = *next;
        }
        beside(lanes.at(lane, s_m), track, spot, at_s)
    }
}

type Pose = (Point2, f64);

/// A pose on a lane, moved aside by what one is beside it now and still drifts.
fn beside((p, h): Pose, track: &Track, spot: &Spot, at_s: f64) -> Pose {
    let turn = wrapped(track.heading_rad - spot.heading_rad);
    let keep = (-at_s / FADE_S).exp();
    let d_m = spot.beside_m + track.speed_mps * turn.sin() * FADE_S * (1.0 - keep);
    let at = Point2 { x_m: p.x_m - d_m * h.sin(), y_m: p.y_m + d_m * h.cos() };
    (at, h + turn * keep)
}

/// The lane that fits place, heading and turning of one that keeps to lanes and moves.
pub(crate) fn own_lane(lanes: &CityLanes, track: &Track, spots: &mut Vec<Spot>) -> Option<Spot> {
    if !track.class.keeps_lane() || track.speed_mps < 1.0 {
        return None;
    }
    lanes.near(track.centre, FITS_M, spots);
    // The lane whose direction a moment ahead is the one that the vehicle turns to.
    let heading_rad = turns_to_rad(track);
    let misfit = |s: &Spot| {
        let on = lanes.at(s.lane, s.s_m + track.speed_mps * TURNS_S).1;
        (1.0 - (on - heading_rad).cos()) * 20.0 + s.beside_m.abs()
    };
    let fits = |s: &&Spot| (s.heading_rad - track.heading_rad).cos() > 0.9;
    spots.iter().filter(fits).min_by(|a, b| misfit(a).total_cmp(&misfit(b))).copied()
}

/// Time ahead to which turning is carried on, s.
const TURNS_S: f64 = 0.5;

fn turns_to_rad(track: &Track) -> f64 {
    track.heading_rad + track.yaw_rate_radps * TURNS_S
}

/// Every way that the lanes leave open to one at a spot within a distance, the likeliest first; the
/// probabilities sum to one.
pub(crate) fn branches(
    lanes: &CityLanes,
    track: &Track,
    spot: &Spot,
    within_m: f64,
    out: &mut Vec<Branch>,
) {
    out.clear();
    let first = Branch { chain: [spot.lane; CHAIN_MAX], n: 1, probability: 1.0 };
    let mut open = [(first, f64::from(lanes.lane(spot.lane).length_m) - spot.s_m); OPEN_MAX];
    let mut n_open = 1;
    while n_open > 0 {
        n_open -= 1;
        let (branch, length_m) = open[n_open];
        let next = lanes.next(branch.chain[branch.n - 1]);
        let is_long = length_m >= within_m || branch.n == CHAIN_MAX;
        if is_long || next.is_empty() || out.len() + n_open + next.len() > OPEN_MAX {
            out.push(branch);
            continue;
        }
        let sum: f64 = next.iter().map(|l| likely(lanes, track, *l, length_m)).sum();
        for lane in next {
            let mut longer = branch;
            longer.chain[longer.n] = *lane;
            longer.n += 1;
            longer.probability *= likely(lanes, track, *lane, length_m) / sum.max(1e-9);
            open[n_open] = (longer, length_m + f64::from(lanes.lane(*lane).length_m));
            n_open += 1;
        }
    }
    out.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    out.truncate(WAYS_MAX);
    let sum: f64 = out.iter().map(|b| b.probability).sum();
    out.iter_mut().for_each(|b| b.probability /= sum.max(1e-9));
}

/// Ways looked at before the likeliest are kept.
const OPEN_MAX: usize = 12;

/// How likely a lane is taken, against others at the same place: whoever is fast does not turn.
fn likely(lanes: &CityLanes, track: &Track, lane: CityLaneId, to_lane_m: f64) -> f64 {
    let CityLaneKind::Turn { turn, .. } = lanes.lane(lane).kind else { return 1.0 };
    if turn == Turn::Straight {
        return 1.0;
    }
    let slow_mps = turn_max_mps(lanes, lane);
    let over = track.speed_mps * track.speed_mps - slow_mps * slow_mps;
    if over > 2.0 * TURN_BRAKING_MPS2 * (to_lane_m - track.half_m.0).max(0.0) {
        return 0.01;
    }
    match turn {
        Turn::Back => 0.05,
        _ if track.speed_mps > 8.0 => 0.15,
        _ => 0.6,
    }
}

/// Where one that keeps to lanes will be at some times, for the monitor: along its own lane at the
/// present speed or braking, at its distance beside it, and straight on where lanes part and nothing tells
/// which it takes. Fills `out` with centre and heading.
pub(crate) fn along_lane(
    lanes: &CityLanes,
    track: &Track,
    spot: &Spot,
    at_s: &[f64],
    out: &mut Vec<Pose>,
) {
    out.clear();
    let heading_rad = turns_to_rad(track);
    out.extend(at_s.iter().map(|t| {
        let on = on_lanes(lanes, spot.lane, spot.s_m + track.way_m(*t), heading_rad);
        beside(on, track, spot, *t)
    }));
}

/// Place and heading at a distance along a lane and the one that it leads into; where several do,
/// the one that turns to a heading, if the others clearly do not, else straight on.
fn on_lanes(lanes: &CityLanes, lane: CityLaneId, s_m: f64, heading_rad: f64) -> (Point2, f64) {
    let length_m = f64::from(lanes.lane(lane).length_m);
    if s_m <= length_m {
        return lanes.at(lane, s_m);
    }
    match lanes.next(lane) {
        [one] => {
            let rest_m = s_m - length_m;
            let one_m = f64::from(lanes.lane(*one).length_m);
            match lanes.next(*one) {
                [two] if rest_m > one_m => lanes.at(*two, rest_m - one_m),
                _ => lanes.at(*one, rest_m),
            }
        }
        several => {
            let rest_m = s_m - length_m;
            let off = |l: &CityLaneId| 1.0 - (lanes.at(*l, rest_m).1 - heading_rad).cos();
            let best = several.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
            match best {
                Some(best) if off(best) < 0.05 => lanes.at(*best, rest_m),
                _ => lanes.at(lane, s_m),
            }
        }
    }
}

fn wrapped(angle: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (angle + pi).rem_euclid(2.0 * pi) - pi
}

/// The ways that somebody may take within a time.
///
/// One who keeps to lanes follows the lane that fits place and heading best, at the present speed;
/// where it branches, each way on is weighed by how it turns and by whether the speed fits such a
/// turn. Everybody else goes straight on.
pub fn ways_of(lanes: &CityLanes, track: &Track, within_s: f64) -> Vec<WayAhead> {
    let n = (within_s / STEP_S).round().clamp(1.0, 20.0) as usize;
    let Some(spot) = own_lane(lanes, track, &mut Vec::new()) else {
        let (sin, cos) = track.heading_rad.sin_cos();
        let at = |k: usize| {
            let way_m = track.speed_mps * k as f64 * STEP_S;
            Point2 { x_m: track.centre.x_m + way_m * cos, y_m: track.centre.y_m + way_m * sin }
        };
        return vec![WayAhead { probability: 1.0, points: (0..=n).map(at).collect() }];
    };
    let mut found = Vec::new();
    branches(lanes, track, &spot, track.speed_mps * within_s, &mut found);
    let points = |branch: &Branch| {
        (0..=n).map(|k| branch.pose(lanes, track, &spot, k as f64 * STEP_S).0).collect()
    };
    found
        .iter()
        .map(|branch| WayAhead { probability: branch.probability, points: points(branch) })
        .collect()
}
