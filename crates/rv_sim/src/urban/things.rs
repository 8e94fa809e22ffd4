//! What stands about in the streets: parked and double-parked vehicles, bins, holes.

use rv_base::{Point2, Rng};
use rv_driver::tracking::Class;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};

use super::traffic::Narrow;
use super::world::{Thing, corners};

/// Lanes further from a thing's middle than this and half its length are not under it, m.
const OTHER_LANE_M: f64 = 3.0;

/// A thing may reach so far into another lane, m: less than what a lane has to spare.
const INTO_OTHER_M: f64 = 0.3;

/// Parked cars, double-parked vans, bins, holes: always the same for a seed and a lane, and never where
/// another lane runs: nobody leaves a car across the mouth of a street or on the road beside.
pub(super) fn lay_things(
    lanes: &CityLanes,
    seed: u64,
    share: f64,
    lane: CityLaneId,
    out: &mut Vec<(CityLaneId, Thing)>,
    next_id: &mut u32,
) {
    let l = lanes.lane(lane);
    let is_street = matches!(l.kind, CityLaneKind::Road { .. }) && (2..=5).contains(&l.rank);
    if !is_street || l.kerb_side.is_some() || l.length_m < 30.0 || l.is_roundabout {
        return;
    }
    let mut rng = Rng::from_seed(seed ^ 0x7a11).fork_idx("things", u64::from(lane.0));
    let sign = if lanes.drive_side == rv_map::DriveSide::Right { -1.0 } else { 1.0 };
    let half_lane_m = f64::from(l.width_m) / 2.0;
    let mut near = Vec::new();
    let mut push = |class: Class, s_m: f64, d_m: f64, half_m: (f64, f64), turn: f64| {
        let (p, h) = lanes.at(lane, s_m);
        *next_id += 1;
        let thing = Thing {
            id: *next_id,
            class,
            at: Point2 { x_m: p.x_m - d_m * h.sin(), y_m: p.y_m + d_m * h.cos() },
            heading_rad: h + turn,
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m,
            stood_s: 3600.0,
            edge: Some(lanes.edge_of(lane)),
            is_emergency: false,
        };
        lanes.around(thing.at, half_m.0 + OTHER_LANE_M, &mut near);
        if !near.iter().any(|other| *other != lane && is_on(lanes, *other, &thing)) {
            out.push((lane, thing));
        }
    };
    let length_m = f64::from(l.length_m);
    // Some streets are full of parked cars, some have none.
    let full = if l.rank == 2 { 0.1 } else { rng.range(0.0, 0.6) } * share;
    let mut s_m = 14.0;
    while s_m < length_m - 16.0 {
        // Nobody parks in a tight bend.
        let turn = lanes.at(lane, s_m + 9.0).1 - lanes.at(lane, s_m - 9.0).1;
        if rng.chance(full) && turn.cos() > 0.8 {
            let into_m = rng.range(-0.3, 0.35);
            let half_m = (rng.range(1.9, 2.4), 0.9);
            push(
                Class::Car,
                s_m,
                sign * (half_lane_m + half_m.1 - into_m),
                half_m,
                rng.range(-0.03, 0.03),
            );
        }
        s_m += 6.5;
    }
    if length_m > 80.0 {
        let middle = rng.range(30.0, length_m - 40.0);
        let has_room = l.far_side.is_some() || l.oncoming.is_some();
        if rng.chance(0.03 * share) && has_room {
            push(Class::Truck, middle, sign * (half_lane_m - 0.9), (2.8, 1.0), 0.0);
        } else if rng.chance(0.02 * share) {
            push(Class::Static, middle, sign * (half_lane_m - 0.3), (0.35, 0.35), 0.0);
        } else if rng.chance(0.02 * share) {
            let class = [Class::Pothole, Class::WetCement, Class::DryingCrops][rng.below(3)];
            push(class, middle, sign * rng.range(0.3, half_lane_m), (0.8, 0.4), 0.0);
        }
    }
}

/// True if a thing covers part of a lane that is not its own.
fn is_on(lanes: &CityLanes, other: CityLaneId, thing: &Thing) -> bool {
    let half_lane_m = f64::from(lanes.lane(other).width_m) / 2.0;
    let length_m = f64::from(lanes.lane(other).length_m);
    let [a, b, c, d] = corners(thing.at, thing.heading_rad, thing.half_m);
    let mid =
        |p: Point2, q: Point2| Point2 { x_m: (p.x_m + q.x_m) / 2.0, y_m: (p.y_m + q.y_m) / 2.0 };
    [a, b, c, d, mid(a, b), mid(c, d), thing.at].into_iter().any(|p| {
        let spot = lanes.foot(other, p);
        (0.0..=length_m).contains(&spot.s_m) && spot.beside_m.abs() < half_lane_m - INTO_OTHER_M
    })
}

/// What a thing takes of its lane.
pub(super) fn narrowing(lanes: &CityLanes, lane: CityLaneId, t: &Thing) -> Option<Narrow> {
    let spot = lanes.foot(lane, t.at);
    let sign = if lanes.drive_side == rv_map::DriveSide::Right { 1.0 } else { -1.0 };
    let free_from_m = sign * spot.beside_m + t.half_m.1;
    let half_m = f64::from(lanes.lane(lane).width_m) / 2.0;
    let takes = free_from_m > -half_m + 0.05 && !t.class.is_soft();
    takes.then_some(Narrow {
        from_m: spot.s_m - t.half_m.0,
        to_m: spot.s_m + t.half_m.0,
        free_from_m,
    })
}
