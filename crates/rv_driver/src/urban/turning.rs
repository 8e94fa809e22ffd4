//! Around where a street ends: in a few moves between its kerbs, instead of along the loop that a map
//! draws there.

use rv_base::Point2;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Turn};

use super::Task;
use super::sight::Scene;
use super::way::Crossing;
use crate::manoeuvre::{Ground, RearPose};
use crate::trajectory::Body;

/// From where its end is minded, m, and how far before it the front comes to stand, m.
const MIND_M: f64 = 60.0;
const BEFORE_M: f64 = 0.5;
/// It stands there if its front is so near, m.
const NEAR_M: f64 = 1.5;
/// Where its centre is after the turn, beyond the beginning of the lane back, m.
const ON_M: f64 = 5.0;
/// So much further on if somebody stands there, m.
const SPARE_M: [f64; 3] = [3.0, 6.0, 9.0];
/// Kerbs looked at along both lanes, m, the ground beyond their ends, m, and how far they lie beside the
/// lane, m.
const KERB_ALONG_M: f64 = 18.0;
const BEYOND_M: f64 = 1.5;
const KERB_M: f64 = 0.3;
/// Who stands within this distance is planned around, m.
const STANDING_M: f64 = 20.0;
/// Poses that the plan may take up.
const EXPANSIONS_MAX: u32 = 8_000;

/// The end of the street ahead, if it is near: where the front shall come to stand, m along the way.
pub(crate) fn end_ahead<'a>(scene: &Scene<'a>) -> Option<(&'a Crossing, f64)> {
    let front_m = scene.front_m();
    let crossing = scene.way.crossings.iter().find(|c| c.to_m > front_m)?;
    let stop_m = crossing.stop_m.min(crossing.from_m) - BEFORE_M;
    let is_near = crossing.turn == Turn::Back && stop_m - front_m < MIND_M;
    (is_near && stop_m > front_m - 2.0 * NEAR_M).then_some((crossing, stop_m))
}

/// The manoeuvre around, once the vehicle stands there, and where on its way it then is, m; `None` while
/// it does not stand.
pub(crate) fn around(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    (crossing, stop_m): (&Crossing, f64),
) -> Option<(Task, f64)> {
    let state = &scene.sight.state;
    let stands = state.speed_mps.abs() < 0.05 && (stop_m - scene.front_m()).abs() < NEAR_M;
    if !stands {
        return None;
    }
    let back = scene.way.lane_at(crossing.to_m + 1.0)?;
    let on_m = (crossing.to_m + ON_M).min(scene.way.length_m());
    let pose = |by_m: f64| {
        let p = scene.way.at(on_m + by_m);
        RearPose::at_centre(scene.vehicle, p.at, p.heading_rad)
    };
    let mut ground = kerbs(lanes, crossing.lane, back);
    let own = state.centre(scene.vehicle);
    let standing = scene.sight.tracks.iter().filter(|t| {
        t.speed_mps.abs() < 0.3
            && !t.class.walks()
            && !t.class.is_soft()
            && t.centre.distance_to(own).0 < STANDING_M
    });
    ground.solids.extend(standing.map(|t| Body {
        centre: t.centre,
        heading_rad: t.heading_rad,
        half_length_m: t.half_m.0,
        half_width_m: t.half_m.1,
    }));
    let (goal, spare_goals) = (pose(0.0), SPARE_M.map(pose).to_vec());
    Some((Task { goal, spare_goals, ground, gate: None, expansions_max: EXPANSIONS_MAX }, on_m))
}

/// The kerbs of a street's end: along the lane in and the lane back, and across.
fn kerbs(lanes: &CityLanes, into: CityLaneId, back: CityLaneId) -> Ground {
    let whole_m = f64::from(lanes.lane(into).length_m);
    let (mut walls, from_m) = (Vec::new(), (whole_m - KERB_ALONG_M).max(0.0));
    let in_end = along_kerb(lanes, into, (from_m, whole_m, whole_m + BEYOND_M), &mut walls);
    let far_m = f64::from(lanes.lane(back).length_m).min(KERB_ALONG_M);
    let back_end = along_kerb(lanes, back, (far_m, 0.0, -BEYOND_M), &mut walls);
    walls.push((in_end, back_end));
    Ground { walls, solids: Vec::new() }
}

/// A lane's kerb from a place to another and straight on beyond it; where it ends.
fn along_kerb(
    lanes: &CityLanes,
    lane: CityLaneId,
    (from_m, to_m, on_m): (f64, f64, f64),
    walls: &mut Vec<(Point2, Point2)>,
) -> Point2 {
    // Over all lanes between this one and the kerb.
    let mut beside_m = f64::from(lanes.lane(lane).width_m) / 2.0 + KERB_M;
    if let CityLaneKind::Road { edge, number } = lanes.lane(lane).kind {
        let nearer = lanes.of_edge(edge).take(usize::from(number));
        beside_m += nearer.map(|l| f64::from(lanes.lane(l).width_m)).sum::<f64>();
    }
    let side = match lanes.drive_side {
        rv_map::DriveSide::Right => -1.0,
        rv_map::DriveSide::Left => 1.0,
    };
    let at = |s_m: f64| {
        let (p, heading_rad) = lanes.at(lane, s_m.clamp(0.0, f64::from(lanes.lane(lane).length_m)));
        let (sin, cos) = heading_rad.sin_cos();
        let over_m = if (on_m - to_m) * (s_m - to_m) > 0.0 { s_m - to_m } else { 0.0 };
        Point2 {
            x_m: p.x_m - side * beside_m * sin + over_m * cos,
            y_m: p.y_m + side * beside_m * cos + over_m * sin,
        }
    };
    const PARTS: usize = 6;
    let mut last = at(from_m);
    let mut push = |next: Point2| {
        walls.push((last, next));
        last = next;
    };
    for k in 1..=PARTS {
        push(at(from_m + (to_m - from_m) * k as f64 / PARTS as f64));
    }
    push(at(on_m));
    last
}
