//! Junctions, signals and crosswalks: where to stand, and when to go.

use rv_base::Point2;
use rv_map::city_lanes::{CityLaneId, CityLanes};
use rv_map::lanes::Aspect;

use super::pace::{Bound, Comfort, braking_way_m};
use super::sight::Scene;
use super::way::{Crossing, Shared, Walk};
use super::{Memory, Reason};
use crate::law::{Precedence, TrafficLaw};
use crate::tracking::Track;

/// Room kept before a stop line and before shared ground, m.
const LINE_ROOM_M: f64 = 0.4;
const SHARED_ROOM_M: f64 = 1.2;

/// Time kept between leaving shared ground and the other's coming, s.
const GAP_S: f64 = 1.2;

/// Shortest yellow that is counted on, s.
const YELLOW_S: f64 = 3.0;

/// How far up a lane others are looked for, m.
const UPSTREAM_M: f64 = 75.0;

/// Acceleration with which crossing is reckoned, m/s2.
const CROSSING_MPS2: f64 = 1.0;

/// Adds the bounds that junctions ahead set.
pub(crate) fn bounds(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    law: &TrafficLaw,
    memory: &mut Memory,
    out: &mut Vec<(Bound, Reason)>,
) {
    let front_m = scene.front_m();
    if scene.v_mps > 2.0 {
        memory.waiting_since_s = None;
    }
    let reach_m = front_m + braking_way_m(&Comfort::PLANNED, scene.v_mps, 0.5, 0.0) + 25.0;
    for (i, crossing) in scene.way.crossings.iter().enumerate() {
        if crossing.to_m < scene.tail_m() {
            continue;
        }
        if crossing.stop_m > reach_m {
            break;
        }
        if signal(scene, law, crossing, memory, out) {
            continue;
        }
        box_is_full(scene, crossing, out);
        if !crossing.shared.is_empty() {
            yielding(scene, lanes, i, crossing, memory, out);
        }
    }
    for walk in &scene.way.walks {
        if walk.at_m < front_m - 2.0 || walk.at_m > reach_m + 5.0 {
            continue;
        }
        crosswalk(scene, lanes, law, walk, out);
    }
}

/// Stops at red and at a yellow that can be stopped for; keeps green passable at any moment.
/// True if it stops.
fn signal(
    scene: &Scene<'_>,
    law: &TrafficLaw,
    crossing: &Crossing,
    memory: &mut Memory,
    out: &mut Vec<(Bound, Reason)>,
) -> bool {
    if crossing.signal.is_none() {
        return false;
    }
    let to_line_m = crossing.stop_m - scene.front_m();
    // Beyond the line the signal no longer binds.
    if to_line_m < -0.5 {
        return false;
    }
    let stop = Bound { at_m: to_line_m - LINE_ROOM_M, mps: 0.0 };
    // A signal that is not seen is taken for red once one has to slow down for it.
    match scene.aspect(crossing.lane).unwrap_or(Aspect::Red) {
        Aspect::Green | Aspect::Off => {
            memory.went_on_yellow = None;
            let (v, c) = (scene.v_mps, Comfort::ALLOWED);
            // The speed from which one can stop within the way driven during yellow.
            let mut low = 0.0;
            let mut high = v.max(4.0);
            if braking_way_m(&c, high, 0.0, 0.0) + LINE_ROOM_M <= high * (YELLOW_S - 0.3) {
                return false;
            }
            for _ in 0..8 {
                let mid = (low + high) / 2.0;
                let way_m = braking_way_m(&c, mid, 0.0, 0.0) + LINE_ROOM_M;
                if way_m <= mid * (YELLOW_S - 0.3) { low = mid } else { high = mid }
            }
            let at_m = to_line_m - low * (YELLOW_S - 0.3);
            if at_m > 0.0 {
                out.push((Bound { at_m, mps: low }, Reason::GreenMayEnd));
            }
            false
        }
        Aspect::Yellow => {
            let way_m =
                braking_way_m(&Comfort::ALLOWED, scene.v_mps, scene.sight.acceleration_mps2, 0.0);
            if memory.went_on_yellow == Some(crossing.lane) {
                return false;
            }
            if way_m > to_line_m - 0.1 {
                memory.went_on_yellow = Some(crossing.lane);
                return false;
            }
            out.push((stop, Reason::Signal));
            true
        }
        Aspect::Red | Aspect::RedYellow => {
            let _ = law;
            out.push((stop, Reason::Signal));
            true
        }
    }
}

/// Does not drive into a junction that cannot be left.
fn box_is_full(scene: &Scene<'_>, crossing: &Crossing, out: &mut Vec<(Bound, Reason)>) {
    let to_line_m = crossing.stop_m - scene.front_m();
    if to_line_m < -0.5 || crossing.shared.is_empty() {
        return;
    }
    let room_to_m = crossing.to_m + scene.vehicle.length_m + 2.0;
    let is_full = scene.beside.iter().any(|b| {
        b.s_m > crossing.from_m
            && b.s_m - b.half_s_m < room_to_m
            && b.track.class.keeps_lane()
            && b.d_m.abs() < 1.3
            && b.vs_mps.abs() < 1.5
            && b.track.speed_mps < 1.5
    });
    if is_full {
        out.push((Bound { at_m: to_line_m - LINE_ROOM_M, mps: 0.0 }, Reason::JunctionFull));
    }
}

/// Waits before shared ground for those who go first, and for those who are on it.
fn yielding(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    idx: usize,
    crossing: &Crossing,
    memory: &mut Memory,
    out: &mut Vec<(Bound, Reason)>,
) {
    let front_m = scene.front_m();
    let mut first_block: Option<(f64, Reason)> = None;
    for shared in &crossing.shared {
        if shared.to_m < scene.tail_m() || front_m > shared.from_m + 1.0 {
            // Behind, or already on it: going on is the way to clear it.
            continue;
        }
        let Some(reason) = blocked(scene, lanes, crossing, shared, memory) else { continue };
        let at_m = shared.from_m - SHARED_ROOM_M;
        if first_block.is_none_or(|f| at_m < f.0) {
            first_block = Some((at_m, reason));
        }
    }
    let Some((zone_m, reason)) = first_block else { return };
    // Before the stop line if that lies ahead, unless the signal has let it into the junction.
    let line_m = crossing.stop_m - LINE_ROOM_M;
    let at_m = if front_m < line_m + 0.8 && crossing.signal.is_none() {
        line_m.min(zone_m)
    } else {
        zone_m
    };
    if at_m - front_m < 30.0 && scene.v_mps < 0.3 && memory.waiting_since_s.is_none() {
        memory.waiting_since_s = Some(scene.sight.at.0);
    }
    out.push((Bound { at_m: at_m - front_m, mps: 0.0 }, reason));
    // Where there is no room to stand between two junctions, it waits before the first.
    let mut last = crossing;
    for before in scene.way.crossings[..idx].iter().rev() {
        if last.from_m - before.to_m > scene.vehicle.length_m + 2.5 {
            break;
        }
        let to_line_m = before.stop_m - LINE_ROOM_M - front_m;
        let is_entered = front_m > before.from_m + 0.5;
        if is_entered {
            break;
        }
        if before.shared.is_empty() {
            last = before;
            continue;
        }
        out.push((Bound { at_m: to_line_m.max(0.0), mps: 0.0 }, reason));
        last = before;
    }
}

/// Why shared ground cannot be driven over now, if it cannot.
fn blocked(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    crossing: &Crossing,
    shared: &Shared,
    memory: &Memory,
) -> Option<Reason> {
    let front_m = scene.front_m();
    let cap_mps = scene.way.at(crossing.from_m + 2.0).cap_mps.max(2.5);
    let t_in = time_over_s(shared.from_m - front_m, scene.v_mps, cap_mps);
    let out_m = shared.to_m + scene.vehicle.length_m / 2.0 + scene.vehicle.length_m / 2.0 - front_m;
    let t_out = time_over_s(out_m + 0.5, scene.v_mps, cap_mps);
    let waited_s = memory.waiting_since_s.map_or(0.0, |since| scene.sight.at.0 - since);
    let own = Window { t_in, t_out, waited_s };
    let turn_m = f64::from(lanes.lane(shared.other).length_m);
    for track in scene.sight.tracks {
        if !track.class.keeps_lane() {
            continue;
        }
        // On the turn itself.
        if let Some(s) = place_on(lanes, shared.other, track, turn_m) {
            if is_in_way(&own, shared, track, shared.there_m.0 - s, Precedence::Equal, true) {
                return Some(Reason::GivesWay(track.id));
            }
            continue;
        }
        // On the lanes that lead to it.
        let mut comes = false;
        lanes.upstream(shared.other, UPSTREAM_M, |id, _, back_m| {
            if comes {
                return false;
            }
            let length_m = f64::from(lanes.lane(id).length_m);
            let Some(s) = place_on(lanes, id, track, length_m) else { return true };
            let to_zone_m = length_m - s + back_m + shared.there_m.0;
            let held =
                back_m == 0.0 && is_held_by_red(scene, lanes, crossing, id, track, length_m - s);
            comes = to_zone_m < UPSTREAM_M + 20.0
                && !held
                && is_in_way(&own, shared, track, to_zone_m, shared.precedence, false);
            false
        });
        if comes {
            return Some(Reason::GivesWay(track.id));
        }
    }
    if shared.precedence != Precedence::First
        && crossing.signal.is_none()
        && hidden_comes_first(scene, lanes, shared, &own)
    {
        return Some(Reason::CannotSee);
    }
    None
}

/// When the van is on shared ground, and how long it has waited for it.
struct Window {
    t_in: f64,
    t_out: f64,
    waited_s: f64,
}

/// True if one that is `to_zone_m` before shared ground keeps the van from driving over it.
fn is_in_way(
    own: &Window,
    shared: &Shared,
    track: &Track,
    to_zone_m: f64,
    precedence: Precedence,
    is_on_turn: bool,
) -> bool {
    let zone_m = shared.there_m.1 - shared.there_m.0;
    let (half_m, v) = (track.half_m.0, track.speed_mps.max(0.0));
    let (to_in_m, to_out_m) = (to_zone_m - half_m, to_zone_m + zone_m + half_m + 0.5);
    if to_out_m < 0.0 {
        return false;
    }
    // One that stands and has let the van wait long enough is not waited for.
    let stands = v < 0.3 && track.stood_s > 2.0;
    if to_in_m > 0.3 && stands {
        let patience_s = match precedence {
            Precedence::First => 0.0,
            Precedence::Equal => 1.5 + f64::from(track.id % 4) * 0.7,
            Precedence::Second => 5.0 + f64::from(track.id % 4),
        };
        if own.waited_s >= patience_s {
            return false;
        }
    }
    if to_in_m <= 0.3 {
        // On it, or as good as: wait until it has gone, unless it goes before the van comes.
        let gone_s = if v > 1.0 { to_out_m / v } else { f64::INFINITY };
        return shared.is_merge && v < 1.0 || gone_s + 0.3 > own.t_in;
    }
    let brake = v * v / (2.0 * (to_in_m - 1.0).max(0.3));
    match precedence {
        // Those who must let the van pass are trusted to if they still can without haste.
        Precedence::First if brake < 2.5 => return false,
        Precedence::Equal
            if !is_on_turn && (v < 1.0 || to_in_m / v > own.t_in + 0.8) && brake < 2.5 =>
        {
            return own.t_in > 2.5 && v > 1.0;
        }
        _ => {}
    }
    let a = if track.acceleration_mps2 < -0.8 { 0.0 } else { 1.2 };
    let first_s =
        (((v * v + 2.0 * a * to_in_m).sqrt() - v) / a.max(1e-3)).min(to_in_m / v.max(0.2));
    let first_s = if a == 0.0 { to_in_m / v.max(0.2) } else { first_s };
    let last_s = if v > 0.5 { to_out_m / v } else { first_s + to_out_m / 3.0 };
    let gap_s = if shared.is_merge { GAP_S + 0.8 } else { GAP_S };
    own.t_in < last_s + 0.5 && first_s < own.t_out + gap_s
}

/// True if one on a lane stands or brakes for a red that the van sees, or that the van's own green
/// implies.
fn is_held_by_red(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    crossing: &Crossing,
    id: CityLaneId,
    track: &Track,
    to_end_m: f64,
) -> bool {
    let (Some(own), Some(other)) = (crossing.signal, lanes.lane(id).signal) else { return false };
    if own.0 != other.0 || own.1 == other.1 {
        return false;
    }
    let is_green = scene.aspect(crossing.lane) == Some(Aspect::Green);
    let to_line_m = to_end_m - f64::from(lanes.lane(id).length_m - lanes.lane(id).stop_m);
    let v = track.speed_mps.max(0.0);
    let can_stop = v * v / (2.0 * (to_line_m - track.half_m.0).max(0.3)) < 4.0;
    is_green && can_stop && to_line_m > 0.0
}

/// True if somebody whom the van cannot see could come to shared ground before it is clear.
fn hidden_comes_first(scene: &Scene<'_>, lanes: &CityLanes, shared: &Shared, own: &Window) -> bool {
    // After waiting, feeling its way forward is all that is left.
    if own.waited_s > 6.0 {
        return false;
    }
    let share = if shared.precedence == Precedence::Equal { 0.7 } else { 1.0 };
    let share = share * if own.waited_s > 3.0 { 0.5 } else { 1.0 };
    let mut comes = false;
    lanes.upstream(shared.other, UPSTREAM_M, |id, _, back_m| {
        if comes {
            return false;
        }
        let part = lanes.lane(id);
        let (length_m, v) = (f64::from(part.length_m), f64::from(part.limit_mps) * share);
        let mut s = length_m - 3.0;
        while s > 0.0 {
            let way_m = back_m + shared.there_m.0 + length_m - s;
            if way_m / v > own.t_out + GAP_S {
                return false;
            }
            let (p, _) = lanes.at(id, s);
            if !scene.sight.view.sees(p) && !is_covered(scene, p) {
                comes = own.t_in < way_m / v + 4.0;
                return false;
            }
            s -= 6.0;
        }
        true
    });
    comes
}

/// True if a seen vehicle stands at a place: it hides what it is, not somebody else.
fn is_covered(scene: &Scene<'_>, p: Point2) -> bool {
    scene.sight.tracks.iter().any(|t| {
        let (dx, dy) = (t.centre.x_m - p.x_m, t.centre.y_m - p.y_m);
        dx * dx + dy * dy < 9.0 && t.class.keeps_lane()
    })
}

/// Stops before a crosswalk that somebody uses or is about to use.
fn crosswalk(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    law: &TrafficLaw,
    walk: &Walk,
    out: &mut Vec<(Bound, Reason)>,
) {
    let cross = lanes.crosswalks()[walk.crosswalk as usize];
    let to_m = walk.at_m - 2.0 - 0.8 - scene.front_m();
    if to_m < -1.5 {
        return;
    }
    let half_m = scene.vehicle.width_m / 2.0;
    let (dx, dy) = (cross.to.x_m - cross.from.x_m, cross.to.y_m - cross.from.y_m);
    let length_m = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length_m, dy / length_m);
    let van = scene.way.at(walk.at_m).at;
    let van_t = (van.x_m - cross.from.x_m) * ux + (van.y_m - cross.from.y_m) * uy;
    let passed_s = time_over_s(to_m + 5.0 + scene.vehicle.length_m, scene.v_mps, 6.0);
    for track in scene.sight.tracks.iter().filter(|t| {
        t.class.walks() || !t.class.keeps_lane() && !t.class.is_soft() && t.speed_mps > 0.3
    }) {
        let (px, py) = (track.centre.x_m - cross.from.x_m, track.centre.y_m - cross.from.y_m);
        let (along, across) = (px * ux + py * uy, py * ux - px * uy);
        if across.abs() > 3.0 || !(-2.0..=length_m + 2.0).contains(&along) {
            continue;
        }
        let speed = track.speed_mps * (track.heading_rad.cos() * ux + track.heading_rad.sin() * uy);
        let to_van = van_t - along;
        let is_on = (0.3..length_m - 0.3).contains(&along);
        let nears = speed * to_van > 0.0 && speed.abs() > 0.3;
        let waits = !is_on && speed.abs() <= 0.3 && law.yields_to_waiting && !walk.has_signal;
        let in_lane = to_van.abs() < half_m + track.half_m.1 + 0.9;
        let arrives_s = if nears {
            (to_van.abs() - half_m - 0.9).max(0.0) / speed.abs()
        } else {
            f64::INFINITY
        };
        if is_on && in_lane || nears && arrives_s < passed_s + 1.5 || waits {
            out.push((Bound { at_m: to_m, mps: 0.0 }, Reason::Crosswalk(track.id)));
            return;
        }
    }
}

/// Place of a track on a lane, if it drives there.
fn place_on(lanes: &CityLanes, id: CityLaneId, track: &Track, length_m: f64) -> Option<f64> {
    // Far away: no need for the foot.
    let line = lanes.line(id);
    let p = line[line.len() - 1];
    let (dx, dy) = (f64::from(p[0]) - track.centre.x_m, f64::from(p[1]) - track.centre.y_m);
    if dx * dx + dy * dy > (length_m + 6.0) * (length_m + 6.0) {
        return None;
    }
    let spot = lanes.foot(id, track.centre);
    let is_on = (-1.0..=length_m + 0.5).contains(&spot.s_m)
        && spot.beside_m.abs() < 1.9
        && (spot.heading_rad - track.heading_rad).cos() > 0.7;
    is_on.then_some(spot.s_m)
}

/// Time to drive a way, speeding up gently to a cap.
fn time_over_s(way_m: f64, v_mps: f64, cap_mps: f64) -> f64 {
    if way_m <= 0.0 {
        return 0.0;
    }
    let (a, v) = (CROSSING_MPS2, v_mps);
    if v >= cap_mps {
        return way_m / v.max(0.5) * 1.1;
    }
    let reach_m = (cap_mps * cap_mps - v * v) / (2.0 * a);
    if reach_m >= way_m {
        ((v * v + 2.0 * a * way_m).sqrt() - v) / a
    } else {
        (cap_mps - v) / a + (way_m - reach_m) / cap_mps
    }
}
