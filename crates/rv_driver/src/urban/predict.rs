//! Where others may go: along each way that the lanes leave open, with probabilities, or straight on
//! for those who walk.

use rv_base::Point2;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Spot, Turn};

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

/// Where one that keeps to lanes will be at some times, for the monitor: along the lane that fits
/// place, heading and turning at the present speed, at its distance beside it, and straight on where
/// lanes part and nothing tells which it takes. Fills `out` with centre and heading; false if it
/// fits no lane.
pub(crate) fn along_lane(
    lanes: &CityLanes,
    track: &Track,
    at_s: &[f64],
    spots: &mut Vec<Spot>,
    out: &mut Vec<(Point2, f64)>,
) -> bool {
    out.clear();
    if !track.class.keeps_lane() || track.speed_mps < 1.0 {
        return false;
    }
    lanes.near(track.centre, FITS_M, spots);
    // The lane whose direction a moment ahead is the one that the vehicle turns to.
    let ahead_s = 0.5;
    let heading_rad = track.heading_rad + track.yaw_rate_radps * ahead_s;
    let misfit = |s: &Spot| {
        let on = lanes.at(s.lane, s.s_m + track.speed_mps * ahead_s).1;
        (1.0 - (on - heading_rad).cos()) * 20.0 + s.beside_m.abs()
    };
    let fits = |s: &&Spot| (s.heading_rad - track.heading_rad).cos() > 0.9;
    let best = spots.iter().filter(fits).min_by(|a, b| misfit(a).total_cmp(&misfit(b)));
    let Some(spot) = best.copied() else { return false };
    // What is turned beside the lane's direction fades as it drives on.
    let turn = wrapped(track.heading_rad - spot.heading_rad);
    for t in at_s {
        let s_m = spot.s_m + track.speed_mps * t;
        let (p, h) = on_lanes(lanes, spot.lane, s_m, heading_rad);
        let fade_s = 0.7;
        let drift_m = track.speed_mps * turn.sin() * fade_s * (1.0 - (-t / fade_s).exp());
        let d_m = spot.beside_m + drift_m;
        let at = Point2 { x_m: p.x_m - d_m * h.sin(), y_m: p.y_m + d_m * h.cos() };
        out.push((at, h + turn * (-t / fade_s).exp()));
    }
    true
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
    let straight = || {
        let (sin, cos) = track.heading_rad.sin_cos();
        let at = |k: usize| {
            let way_m = track.speed_mps * k as f64 * STEP_S;
            Point2 { x_m: track.centre.x_m + way_m * cos, y_m: track.centre.y_m + way_m * sin }
        };
        vec![WayAhead { probability: 1.0, points: (0..=n).map(at).collect() }]
    };
    if !track.class.keeps_lane() || track.speed_mps < 0.5 {
        return straight();
    }
    let mut spots = Vec::new();
    lanes.near(track.centre, 2.2, &mut spots);
    let fits = |s: &&rv_map::city_lanes::Spot| (s.heading_rad - track.heading_rad).cos() > 0.8;
    let Some(spot) = spots.iter().find(fits) else { return straight() };
    let reach_m = track.speed_mps * within_s;
    // Chains of lanes, each with its weight.
    let mut open = vec![(vec![spot.lane], 1.0_f64)];
    let mut done: Vec<(Vec<_>, f64)> = Vec::new();
    while let Some((chain, weight)) = open.pop() {
        let length_m: f64 =
            chain.iter().map(|l| f64::from(lanes.lane(*l).length_m)).sum::<f64>() - spot.s_m;
        let last = chain[chain.len() - 1];
        let next = lanes.next(last);
        if length_m >= reach_m || next.is_empty() || chain.len() > 12 || done.len() >= WAYS_MAX {
            done.push((chain, weight));
            continue;
        }
        let likely = |id: &rv_map::city_lanes::CityLaneId| match lanes.lane(*id).kind {
            CityLaneKind::Turn { turn: Turn::Straight, .. } => 1.0,
            // Whoever is fast does not turn.
            CityLaneKind::Turn { turn: Turn::Back, .. } => 0.05,
            CityLaneKind::Turn { .. } => {
                if track.speed_mps > 8.0 {
                    0.15
                } else {
                    0.6
                }
            }
            CityLaneKind::Road { .. } => 1.0,
        };
        let sum: f64 = next.iter().map(likely).sum();
        for lane in next {
            let mut longer = chain.clone();
            longer.push(*lane);
            open.push((longer, weight * likely(lane) / sum.max(1e-9)));
        }
    }
    done.sort_by(|a, b| b.1.total_cmp(&a.1));
    done.truncate(WAYS_MAX);
    let sum: f64 = done.iter().map(|d| d.1).sum();
    done.into_iter()
        .map(|(chain, weight)| {
            let points = (0..=n).map(|k| {
                let mut s_m = spot.s_m + track.speed_mps * k as f64 * STEP_S;
                let mut lane = chain[0];
                for next in &chain[1..] {
                    let length_m = f64::from(lanes.lane(lane).length_m);
                    if s_m <= length_m {
                        break;
                    }
                    s_m -= length_m;
                    lane = *next;
                }
                let (p, h) = lanes.at(lane, s_m);
                let d = spot.beside_m;
                Point2 { x_m: p.x_m - d * h.sin(), y_m: p.y_m + d * h.cos() }
            });
            WayAhead { probability: weight / sum, points: points.collect() }
        })
        .collect()
}
