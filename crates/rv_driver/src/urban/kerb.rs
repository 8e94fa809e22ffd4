//! Parking at the kerb: into a gap in a row of parked vehicles at a stop, and out of it again.

use rv_base::Point2;
use rv_map::city_lanes::{CityLaneKind, CityLanes};

use super::Task;
use super::pace::{Comfort, braking_way_m};
use super::sight::{Beside, Scene};
use crate::manoeuvre::{Ground, RearPose};
use crate::trajectory::Body;

/// From here on before its stop it looks for a gap, m, and no further from the stop than this, m.
const MIND_M: f64 = 60.0;
const OFF_STOP_M: f64 = 15.0;
/// A gap is this much longer than the vehicle, m, and no longer than this in all.
const LONGER_M: f64 = 1.8;
const LONGEST_M: f64 = 30.0;
/// It stands so long that it is parked, s, and so aslant at most, rad.
const STOOD_S: f64 = 4.0;
const ASLANT_RAD: f64 = 0.15;
/// Room to the vehicles before and behind that is wished for, m.
const ENDS_M: f64 = 1.0;
/// Before it backs in it stands with its middle so far beyond the middle of where it will be, m.
const BEYOND_M: f64 = 5.0;
/// The way is straight to within so much, rad, over so much before and behind, m.
const STRAIGHT_RAD: f64 = 0.06;
const STRAIGHT_M: f64 = 12.0;
/// Free of crosswalks and junctions, m.
const CLEAR_M: f64 = 8.0;
/// Its outer side stands so much further in than its neighbours', m; the kerb lies so far beyond theirs, m.
const INWARDS_M: f64 = 0.1;
const KERB_M: f64 = 0.2;
/// What stands is taken to be larger than it is seen by so much, m.
const UNSURE_M: f64 = 0.08;
/// It is out of the gap so far on, m.
const OUT_M: f64 = 10.0;
/// Half the length of the place where the lane is entered, m.
const GATE_HALF_M: f64 = 4.0;
/// Poses that a plan may take up.
const EXPANSIONS_MAX: u32 = 6_000;

/// A place to park.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    /// Where its front stands before it backs in, m along the way.
    pub(crate) stop_m: f64,
    /// Where its middle will be, m along and left of the way.
    s_m: f64,
    d_m: f64,
}

/// The gap nearest to the stop that it can still stop for, or one at whose front it stands.
pub(crate) fn gap(scene: &Scene<'_>, lanes: &CityLanes) -> Option<Gap> {
    let goal_m = scene.way.goal_m - scene.vehicle.length_m / 2.0;
    if goal_m - scene.s_m > MIND_M {
        return None;
    }
    let row: Vec<&Beside> =
        scene.beside.iter().filter(|b| is_in_row(scene, lanes, b, goal_m)).collect();
    let way_m = braking_way_m(&Comfort::PLANNED, scene.v_mps, 0.0, 0.0);
    let gaps = row.windows(2).filter_map(|pair| between(scene, pair[0], pair[1], goal_m));
    gaps.filter(|gap| {
        let stands_there = (gap.stop_m - scene.front_m()).abs() < 1.0 && scene.v_mps < 0.3;
        let is_near = (gap.s_m - goal_m).abs() < OFF_STOP_M;
        is_near
            && (stands_there || gap.stop_m - scene.front_m() > way_m + 0.5)
            && is_clear(scene, lanes, gap)
    })
    .min_by(|a, b| (a.s_m - goal_m).abs().total_cmp(&(b.s_m - goal_m).abs()))
}

/// True if it is one of those that stand in a row at the kerb.
fn is_in_row(scene: &Scene<'_>, lanes: &CityLanes, b: &Beside, goal_m: f64) -> bool {
    let Some(part) = scene.way.part_at(b.s_m) else { return false };
    let beyond_m = b.d_m * scene.kerb - f64::from(lanes.lane(part.lane).width_m) / 2.0;
    let turn = b.track.heading_rad - scene.way.at(b.s_m).heading_rad;
    b.track.class.keeps_lane()
        && b.track.speed_mps.abs() < 0.3
        && b.track.stood_s > STOOD_S
        && (b.s_m - goal_m).abs() < OFF_STOP_M + LONGEST_M
        && (0.2..1.6).contains(&beyond_m)
        && turn.sin().abs() < ASLANT_RAD
}

/// The place between two of a row, as near to the stop as there is room.
fn between(scene: &Scene<'_>, behind: &Beside, before: &Beside, goal_m: f64) -> Option<Gap> {
    let (from_m, to_m) = (behind.s_m + behind.half_s_m, before.s_m - before.half_s_m);
    let half_m = scene.vehicle.length_m / 2.0;
    let fits = (2.0 * half_m + LONGER_M..LONGEST_M).contains(&(to_m - from_m));
    if !fits {
        return None;
    }
    let ends_m = ENDS_M.min((to_m - from_m) / 2.0 - half_m);
    let s_m = goal_m.clamp(from_m + ends_m + half_m, to_m - ends_m - half_m);
    // As far out as the one of both that stands further in.
    let outer = |b: &Beside| b.d_m * scene.kerb + b.half_d_m;
    let out_m = outer(behind).min(outer(before)) - INWARDS_M - scene.vehicle.width_m / 2.0;
    Some(Gap { stop_m: s_m + BEYOND_M + half_m, s_m, d_m: scene.kerb * out_m })
}

/// True if the street is straight there, its lane is the one at the kerb, and neither a crosswalk nor a
/// junction nor anything else is near or in it.
fn is_clear(scene: &Scene<'_>, lanes: &CityLanes, gap: &Gap) -> bool {
    let Some((lane, on_lane_m)) = scene.way.on_lane(gap.s_m) else { return false };
    let l = lanes.lane(lane);
    let is_road = matches!(l.kind, CityLaneKind::Road { .. });
    let is_at_kerb = l.kerb_side.is_none() && !l.is_roundabout;
    // Beyond its end the way goes on straight, the lane perhaps not.
    let (_, there_rad) = lanes.at(lane, on_lane_m + BEYOND_M);
    let heading_rad = scene.way.at(gap.s_m).heading_rad;
    let on_m = on_lane_m + BEYOND_M + scene.vehicle.length_m;
    let is_straight = (there_rad - heading_rad).sin().abs() < STRAIGHT_RAD
        && [-STRAIGHT_M, STRAIGHT_M].iter().all(|m| {
            (scene.way.at(gap.s_m + m).heading_rad - heading_rad).sin().abs() < STRAIGHT_RAD
        });
    let is_apart = |from_m: f64, to_m: f64| to_m < gap.s_m - CLEAR_M || from_m > gap.stop_m;
    let is_free = scene.beside.iter().all(|b| {
        let gap_m = scene.vehicle.length_m / 2.0 + 0.3 + b.half_s_m;
        (b.s_m - gap.s_m).abs() > gap_m
            || (b.d_m - gap.d_m).abs() > scene.vehicle.width_m / 2.0 + b.half_d_m
            || b.track.class.walks()
    });
    is_road
        && is_at_kerb
        && is_straight
        && is_free
        && on_m < f64::from(l.length_m)
        && scene.way.walks.iter().all(|w| is_apart(w.at_m - CLEAR_M, w.at_m))
        && scene.way.crossings.iter().all(|c| is_apart(c.from_m - CLEAR_M, c.to_m))
}

/// The manoeuvre into a gap.
pub(crate) fn way_in(scene: &Scene<'_>, lanes: &CityLanes, gap: &Gap) -> Task {
    let goal = RearPose::at_centre(
        scene.vehicle,
        beside(scene, gap.s_m, gap.d_m),
        scene.way.at(gap.s_m).heading_rad,
    );
    let ground = ground(scene, lanes, gap.s_m, gap.d_m);
    Task { goal, spare_goals: Vec::new(), ground, gate: None, expansions_max: EXPANSIONS_MAX }
}

/// The manoeuvre out of a gap onto the way, from where the vehicle stands.
pub(crate) fn way_out(scene: &Scene<'_>, lanes: &CityLanes) -> Task {
    let on = scene.way.at(scene.s_m + OUT_M);
    let goal = RearPose::at_centre(scene.vehicle, on.at, on.heading_rad);
    let lane_m =
        scene.way.part_at(scene.s_m).map_or(3.0, |p| f64::from(lanes.lane(p.lane).width_m));
    // Where its side is on the lane.
    let inner_m = scene.d_m * scene.kerb - scene.vehicle.width_m / 2.0 - 0.3;
    let at_m = inner_m.min(lane_m / 2.0 - 0.3);
    let gate_m = scene.s_m + GATE_HALF_M;
    let gate = Body {
        centre: beside(scene, gate_m, scene.kerb * at_m),
        heading_rad: scene.way.at(gate_m).heading_rad,
        half_length_m: GATE_HALF_M,
        half_width_m: 0.1,
    };
    let ground = ground(scene, lanes, scene.s_m, scene.d_m);
    Task { goal, spare_goals: Vec::new(), ground, gate: Some(gate), expansions_max: EXPANSIONS_MAX }
}

/// The kerb, the far edge of the lane, and whatever is seen to stand around a place.
fn ground(scene: &Scene<'_>, lanes: &CityLanes, s_m: f64, d_m: f64) -> Ground {
    const BACK_M: f64 = 16.0;
    const ON_M: f64 = 20.0;
    const PIECE_M: f64 = 4.0;
    let lane_m = scene.way.part_at(s_m).map_or(3.0, |p| f64::from(lanes.lane(p.lane).width_m));
    let out_m = d_m * scene.kerb + scene.vehicle.width_m / 2.0 + INWARDS_M + KERB_M;
    // In pieces, as the street may bend before and beyond.
    let line = |d_m: f64| {
        let at = move |k: u32| beside(scene, s_m - BACK_M + PIECE_M * f64::from(k), d_m);
        (0..((BACK_M + ON_M) / PIECE_M) as u32).map(move |k| (at(k), at(k + 1)))
    };
    let centre = beside(scene, s_m, d_m);
    let own = scene.sight.state.centre(scene.vehicle);
    let standing = scene.sight.tracks.iter().filter(|t| {
        t.speed_mps.abs() < 0.3
            && !t.class.walks()
            && t.centre.distance_to(centre).0 < ON_M
            && t.centre.distance_to(own).0 > 0.5
    });
    let solids = standing.map(|t| Body {
        centre: t.centre,
        heading_rad: t.heading_rad,
        half_length_m: t.half_m.0 + UNSURE_M,
        half_width_m: t.half_m.1 + UNSURE_M,
    });
    Ground {
        walls: line(scene.kerb * out_m).chain(line(-scene.kerb * lane_m / 2.0)).collect(),
        solids: solids.collect(),
    }
}

/// A point beside the way.
pub(super) fn beside(scene: &Scene<'_>, s_m: f64, d_m: f64) -> Point2 {
    let p = scene.way.at(s_m);
    let (sin, cos) = p.heading_rad.sin_cos();
    Point2 { x_m: p.at.x_m - d_m * sin, y_m: p.at.y_m + d_m * cos }
}
