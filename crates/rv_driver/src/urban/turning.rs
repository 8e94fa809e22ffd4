//! Around where a street ends, in a few moves between its kerbs instead of along the loop that a map draws
//! there, and back in the middle of a street where the law and its width allow it.

use rv_base::{EdgeId, Point2};
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Turn};

use super::Task;
use super::sight::Scene;
use super::way::Crossing;
use crate::law::TrafficLaw;
use crate::manoeuvre::{Ground, RearPose};
use crate::trajectory::Body;

/// Narrowest street that is turned in, from kerb to kerb, m.
const WIDE_M: f64 = 5.5;
/// It turns no sooner than so far on, m, and there the street is straight to within so much, rad.
const SOONEST_M: f64 = 12.0;
const STRAIGHT_RAD: f64 = 0.06;
/// A bend of the street beyond which nothing is seen, rad.
const HIDES_RAD: f64 = 0.35;
/// Half the length of the ground that the turn takes on the oncoming lane, m.
const GATE_HALF_M: f64 = 4.0;
/// From where its end is minded, m, and how far before it the front comes to stand, m.
const MIND_M: f64 = 60.0;
const BEFORE_M: f64 = 0.5;
/// It stands there if its front is so near, m.
const NEAR_M: f64 = 1.5;
/// Where its centre is after the turn, beyond the beginning of the lane back, m.
const ON_M: f64 = 5.0;
/// So much further on if somebody stands there, m.
const SPARE_M: [f64; 3] = [3.0, 6.0, 9.0];
/// Kerbs looked at along both lanes, m, the ground beyond their ends, m, and how far beside the lane it may
/// get, m: a kerb lies 0.3 m beside it, and a vehicle is followed to within 0.1 m.
const KERB_ALONG_M: f64 = 18.0;
const BEYOND_M: f64 = 1.5;
const KERB_M: f64 = 0.2;
/// Who stands within this distance is planned around, m.
const STANDING_M: f64 = 20.0;
/// Poses that the plan may take up.
const EXPANSIONS_MAX: u32 = 8_000;

/// Where a way along a lane from a place on may turn back in the street onto another edge: the oncoming
/// lane, and the place of its front on its own lane, m.
pub fn place(
    lanes: &CityLanes,
    law: &TrafficLaw,
    lane: CityLaneId,
    from_m: f64,
    onto: EdgeId,
) -> Option<(CityLaneId, f64)> {
    let rule = law.u_turn?;
    let l = lanes.lane(lane);
    let back = l.oncoming?;
    let CityLaneKind::Road { edge, .. } = l.kind else { return None };
    // One lane each way, and nothing above or below.
    let is_simple = l.kerb_side.is_none()
        && lanes.lane(back).kerb_side.is_none()
        && lanes.edge_of(back) == onto
        && lanes.apart_from(edge).next().is_none();
    let wide_m = f64::from(l.width_m) + f64::from(lanes.lane(back).width_m) + 2.0 * KERB_M;
    if !is_simple || wide_m < WIDE_M {
        return None;
    }
    let length_m = f64::from(l.length_m);
    let last_m = f64::from(l.stop_m).min(length_m) - rule.from_junction_m;
    let first_m = (from_m + SOONEST_M).max(rule.from_junction_m + SOONEST_M);
    let n = ((last_m - first_m) / 4.0).floor().max(-1.0) as i32 + 1;
    let is_fine = |at_m: f64| {
        let heading = |m: f64| lanes.at(lane, m.clamp(0.0, length_m)).1;
        let bends = |m: f64, rad: f64| (heading(at_m + m) - heading(at_m)).sin().abs() > rad;
        let sight = (rule.sight_m / 4.0).floor() as i32;
        let is_clear = |m: f64| (m - at_m).abs() > rule.from_crosswalk_m + SOONEST_M;
        !(-3..=3).any(|k| bends(f64::from(k) * 4.0, STRAIGHT_RAD))
            && !(-sight..=sight).any(|k| bends(f64::from(k) * 4.0, HIDES_RAD))
            && lanes.crosswalks_of(lane).iter().all(|c| is_clear(f64::from(c.at_m)))
    };
    let mut places = (0..n).map(|k| first_m + f64::from(k) * 4.0);
    places.find(|at_m| is_fine(*at_m)).map(|at_m| (back, at_m))
}

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
    // Beyond it, too: a way may be laid anew where it has passed the place already.
    let stands = state.speed_mps.abs() < 0.05 && stop_m - scene.front_m() < NEAR_M;
    if !stands {
        return None;
    }
    let back = scene.way.lane_at(crossing.to_m + 1.0)?;
    let on_m = (crossing.to_m + ON_M).min(scene.way.length_m());
    let pose = |by_m: f64| {
        let p = scene.way.at(on_m + by_m);
        RearPose::at_centre(scene.vehicle, p.at, p.heading_rad)
    };
    let mut ground = if crossing.is_in_street {
        kerbs_beside(lanes, (crossing.lane, back), &scene.way.at(crossing.from_m).at)
    } else {
        kerbs(lanes, crossing.lane, back)
    };
    let gate = crossing.is_in_street.then(|| {
        let (a, b) = (scene.way.at(crossing.from_m).at, scene.way.at(crossing.to_m).at);
        Body {
            centre: Point2 { x_m: (a.x_m + b.x_m) / 2.0, y_m: (a.y_m + b.y_m) / 2.0 },
            heading_rad: scene.way.at(scene.s_m).heading_rad,
            half_length_m: GATE_HALF_M,
            half_width_m: 0.1,
        }
    });
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
    Some((Task { goal, spare_goals, ground, gate, expansions_max: EXPANSIONS_MAX }, on_m))
}

/// The kerbs on both sides of a street around a place.
fn kerbs_beside(
    lanes: &CityLanes,
    (into, back): (CityLaneId, CityLaneId),
    place: &Point2,
) -> Ground {
    let mut walls = Vec::new();
    for lane in [into, back] {
        let at_m = lanes.foot(lane, *place).s_m;
        let length_m = f64::from(lanes.lane(lane).length_m);
        let (from_m, to_m) = ((at_m - KERB_ALONG_M).max(0.0), (at_m + KERB_ALONG_M).min(length_m));
        along_kerb(lanes, lane, (from_m, to_m, to_m), &mut walls);
    }
    Ground { walls, solids: Vec::new() }
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
