//! Junctions, signals and crosswalks: where to stand, and when to go.

use rv_base::Point2;
use rv_map::city_lanes::{CityLaneId, CityLanes, Sign};
use rv_map::lanes::Aspect;

use super::pace::{Bound, Comfort, braking_way_m, fade_way_m};
use super::sight::Scene;
use super::way::{Crossing, Shared, Walk};
use super::{CYCLE_S, Memory, Reason, Yellow};
use crate::law::{Precedence, TrafficLaw};
use crate::tracking::Track;

/// Room kept before a stop line and before shared ground, m.
const LINE_ROOM_M: f64 = 0.5;
const SHARED_ROOM_M: f64 = 1.2;

/// Time kept between leaving shared ground and the other's coming, s.
const GAP_S: f64 = 1.2;

/// Yellow of a signal that the map does not tell, s.
const YELLOW_S: f64 = 3.0;

/// Braking that is still a firm stop for a yellow, m/s2; time that braking takes to build up, s; and how
/// far before the end of the yellow the line must be crossed for going on to be sure, m.
const FIRM_MPS2: f64 = 3.0;
const BITES_S: f64 = 0.35;
const SURE_M: f64 = 2.0;

/// Up to this need, comfort stops before a line, m/s2.
const COMFORT_DOES_MPS2: f64 = 1.75;

/// A yellow is forgotten so long after its end, s.
const YELLOW_KEPT_S: f64 = 20.0;

/// Hardest braking before a turn, m/s2.
pub(crate) const TURN_BRAKING_MPS2: f64 = 5.0;

/// Standing so near to the line of a stop sign counts as having stopped at it, m.
const STOPPED_M: f64 = 2.5;

/// Hardest braking for a light, m/s2.
const FIRMEST_MPS2: f64 = 5.0;

/// Braking that may be asked of those who go first, m/s2, a second of waiting, and at most: nobody
/// waits for ever at a busy road, nor makes others brake hard.
const ASKED_MPS2_PER_S: f64 = 0.06;
const ASKED_MAX_MPS2: f64 = 1.5;

/// How far up a lane others are looked for, m.
const UPSTREAM_M: f64 = 75.0;

/// Acceleration with which crossing is reckoned, m/s2.
const CROSSING_MPS2: f64 = 1.2;

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
        if signal(scene, lanes, crossing, memory, out) {
            continue;
        }
        stop_sign(scene, crossing, memory, out);
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
    lanes: &CityLanes,
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
            memory.yellows.retain(|y| y.lane != crossing.lane);
            let (low_mps, at_m) = green_bound(to_line_m, yellow_s(lanes, crossing));
            if at_m > 0.0 && low_mps < scene.v_mps.max(4.0) {
                out.push((Bound { at_m, mps: low_mps }, Reason::GreenMayEnd));
            }
            false
        }
        Aspect::Yellow => {
            let (v, a) = (scene.v_mps, scene.sight.acceleration_mps2);
            let now_s = scene.sight.at.0;
            let known = memory.yellows.iter().position(|y| y.lane == crossing.lane);
            let idx = known.unwrap_or_else(|| {
                let until_s = now_s + yellow_s(lanes, crossing) - CYCLE_S;
                let is_soft_stop = braking_way_m(&Comfort::ALLOWED, v, a, 0.0) < to_line_m - 0.1;
                // Those of lights long passed.
                memory.yellows.retain(|y| now_s < y.until_s + YELLOW_KEPT_S);
                // Nor on if that is a close thing and a firm stop is none.
                let is_sure = to_line_m + SURE_M < v * (until_s - now_s - 0.1);
                let goes_on = !is_soft_stop && (is_sure || !can_stop(v, to_line_m, FIRM_MPS2));
                memory.yellows.push(Yellow { lane: crossing.lane, until_s, goes_on });
                memory.yellows.len() - 1
            });
            let yellow = &mut memory.yellows[idx];
            // On only as long as it gets over the line in time, or cannot stop any more.
            let in_time = to_line_m < v * (yellow.until_s - now_s - 0.1);
            let room_m = to_line_m - 0.2;
            yellow.goes_on &= in_time || !can_stop(v, to_line_m, FIRMEST_MPS2);
            if yellow.goes_on {
                return false;
            }
            memory.firm_mps2 = firm_mps2(v, room_m);
            out.push((stop, Reason::Signal));
            true
        }
        Aspect::Red | Aspect::RedYellow => {
            // The rest of a stop that the yellow began, or one from a light seen late.
            if to_line_m > 0.0 {
                memory.firm_mps2 = firm_mps2(scene.v_mps, to_line_m - 0.2);
            }
            out.push((stop, Reason::Signal));
            true
        }
    }
}

/// True if a stop before the line is possible with some braking, once that has built up.
fn can_stop(v_mps: f64, to_line_m: f64, braking_mps2: f64) -> bool {
    let room_m = to_line_m - 0.2 - v_mps * BITES_S;
    room_m > 0.0 && v_mps * v_mps / (2.0 * room_m) < braking_mps2
}

/// Comes to a full stop before the line of a stop sign, once.
fn stop_sign(
    scene: &Scene<'_>,
    crossing: &Crossing,
    memory: &mut Memory,
    out: &mut Vec<(Bound, Reason)>,
) {
    let must_stop = matches!(crossing.sign, Sign::Stop | Sign::AllWayStop);
    let to_line_m = crossing.stop_m - scene.front_m();
    if !must_stop || to_line_m < -0.5 || memory.stopped_on == Some(crossing.lane) {
        return;
    }
    if scene.v_mps < 0.1 && to_line_m < STOPPED_M {
        memory.stopped_on = Some(crossing.lane);
        return;
    }
    out.push((Bound { at_m: to_line_m - LINE_ROOM_M, mps: 0.0 }, Reason::StopSign));
}

/// How long the yellow of a signal is, by the map, s.
fn yellow_s(lanes: &CityLanes, crossing: &Crossing) -> f64 {
    let plan = crossing.signal.and_then(|s| lanes.signals().get(s.0 as usize));
    plan.map_or(YELLOW_S, |p| p.yellow_s)
}

/// The speed at which a green may be passed whenever it ends, and from where on it binds, m before
/// the front: at yellow the van either stands before the line or crosses it within the yellow.
fn green_bound(to_line_m: f64, yellow_s: f64) -> (f64, f64) {
    let left_s = yellow_s - 2.0 * CYCLE_S;
    let (mut low, mut high) = (1.0, 25.0);
    for _ in 0..9 {
        let mid = (low + high) / 2.0;
        let way_m = braking_way_m(&Comfort::FIRM, mid, 0.0, 0.0) + LINE_ROOM_M;
        if way_m <= mid * left_s { low = mid } else { high = mid }
    }
    (low, to_line_m - low * left_s)
}

/// Braking that stops within a room, m/s2, if comfort, which fades as it comes to a stand, does not.
fn firm_mps2(v_mps: f64, room_m: f64) -> Option<f64> {
    let need = v_mps * v_mps / (2.0 * room_m.max(0.02));
    let is_firm = need > COMFORT_DOES_MPS2 || room_m < fade_way_m(v_mps) + 0.05;
    (v_mps > 0.02 && is_firm).then(|| (need * 1.1).min(FIRMEST_MPS2))
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
    // Where a corner hides who comes, it looks around it from before the shared ground.
    let feels_forward = reason == Reason::CannotSee;
    let at_m = if front_m < line_m + 0.8 && crossing.signal.is_none() && !feels_forward {
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
    let asked_mps2 = asked_mps2(waited_s);
    let way_m = out_m.max(0.0);
    let out_mps = (scene.v_mps * scene.v_mps + 2.0 * CROSSING_MPS2 * way_m).sqrt().min(cap_mps);
    let own = Window { t_in, t_out, waited_s, asked_mps2, out_mps };
    let turn_m = f64::from(lanes.lane(shared.other).length_m);
    for track in scene.sight.tracks {
        if !track.class.keeps_lane() {
            continue;
        }
        // One that stands on shared ground but clear of the van's strip blocks nothing.
        if track.speed_mps.abs() < 0.3 && track.stood_s > 1.0 && is_clear_of_strip(scene, track) {
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
                && can_turn(shared, track, to_zone_m - shared.there_m.0)
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

/// True if one can slow down to the speed of the other turn before it begins; who cannot drives on
/// another way.
fn can_turn(shared: &Shared, track: &Track, to_turn_m: f64) -> bool {
    let over = track.speed_mps * track.speed_mps - shared.other_mps * shared.other_mps;
    over < 2.0 * TURN_BRAKING_MPS2 * (to_turn_m - track.half_m.0).max(0.0)
}

/// True if a body leaves the strip of the way free, with some air.
fn is_clear_of_strip(scene: &Scene<'_>, track: &Track) -> bool {
    let half_m = scene.vehicle.width_m / 2.0 + 0.4;
    let mut pieces = scene.beside.iter().filter(|b| b.track.id == track.id).peekable();
    pieces.peek().is_some() && pieces.all(|b| b.d_m.abs() - b.half_d_m > half_m)
}

/// Braking that may be asked of others after some waiting, m/s2.
pub(crate) fn asked_mps2(waited_s: f64) -> f64 {
    (ASKED_MPS2_PER_S * (waited_s - 4.0).max(0.0)).min(ASKED_MAX_MPS2)
}

/// When the van is on shared ground, and how long it has waited for it.
struct Window {
    t_in: f64,
    t_out: f64,
    waited_s: f64,
    /// Braking that it may ask of others by now, m/s2.
    asked_mps2: f64,
    /// Its speed as it leaves, m/s.
    out_mps: f64,
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
    let meets = own.t_in < last_s + 0.5 && first_s < own.t_out + gap_s;
    meets && own.asked_mps2 < asks_mps2(own, shared, v, to_in_m)
}

/// Braking, after a second of reaction, by which one that comes arrives once the van is off the
/// shared ground, and at a merge no faster than the van drives there, m/s2.
fn asks_mps2(own: &Window, shared: &Shared, v_mps: f64, to_in_m: f64) -> f64 {
    let (reaction_s, late_s) = (1.0, own.t_out + 0.7);
    let brakes_s = late_s - reaction_s;
    let rest_m = to_in_m - v_mps * reaction_s;
    if brakes_s < 0.5 || rest_m < 2.0 {
        return f64::INFINITY;
    }
    let later = 2.0 * (v_mps * brakes_s - rest_m).max(0.0) / (brakes_s * brakes_s);
    // It may come to a stand instead.
    let later = later.min(v_mps * v_mps / (2.0 * rest_m));
    let closing = (v_mps - own.out_mps).max(0.0);
    let slower = if shared.is_merge { closing * closing / (2.0 * rest_m) } else { 0.0 };
    later.max(slower)
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
pub(crate) fn time_over_s(way_m: f64, v_mps: f64, cap_mps: f64) -> f64 {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// At the speed that a green allows, yellow can come at any moment: the van stands before
        /// the line, or is over it before red.
        #[test]
        fn a_green_may_end_at_any_moment(yellow_s in 3.0..5.0_f64, to_line_m in 0.5..80.0_f64) {
            let (v, at_m) = green_bound(to_line_m, yellow_s);
            let v = if at_m > 0.0 { 25.0 } else { v };
            let stops = braking_way_m(&Comfort::FIRM, v, 0.0, 0.0) <= to_line_m;
            let passes = v * (yellow_s - CYCLE_S) >= to_line_m;
            // Where the bound does not bind yet, there is room to slow down to it.
            prop_assert!(at_m > 0.0 || stops || passes, "{v} {to_line_m}");
        }
    }

    #[test]
    fn a_stop_for_a_yellow_counts_as_possible_only_if_braking_can_build_up_for_it() {
        let mut n = 0;
        for (v_mps, to_line_m) in
            (2..30).flat_map(|v| (1..90).map(move |m| (f64::from(v) / 2.0, f64::from(m) / 2.0)))
        {
            if !can_stop(v_mps, to_line_m, FIRMEST_MPS2) {
                continue;
            }
            let (mut v, mut a, mut way_m) = (v_mps, 0.0_f64, 0.0);
            while v > 0.0 {
                a = (a + 0.1 * super::super::FIRM_JERK_MPS3).min(FIRMEST_MPS2);
                way_m += 0.1 * v;
                v -= 0.1 * a;
            }
            assert!(way_m < to_line_m + 0.5, "{v_mps} m/s, {to_line_m} m: {way_m}");
            n += 1;
        }
        assert!(n > 500, "{n}");
        // 9 m before the line at 8.8 m/s braking hardly bites in time.
        assert!(!can_stop(8.8, 9.0, FIRMEST_MPS2) && can_stop(8.8, 14.0, FIRMEST_MPS2));
    }

    fn shared(is_merge: bool, other_mps: f64) -> Shared {
        Shared {
            other: CityLaneId(0),
            from_m: 5.0,
            to_m: 9.0,
            there_m: (4.0, 8.0),
            is_merge,
            precedence: Precedence::Second,
            other_mps,
        }
    }

    fn comes(speed_mps: f64) -> Track {
        Track {
            id: 1,
            class: crate::tracking::Class::Car,
            centre: Point2::default(),
            heading_rad: 0.0,
            speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m: (2.2, 0.9),
            sigma: (0.1, 0.1),
            stood_s: 0.0,
            is_emergency: false,
        }
    }

    fn waits_for(to_zone_m: f64, waited_s: f64) -> bool {
        let asked_mps2 = asked_mps2(waited_s);
        let own = Window { t_in: 2.0, t_out: 4.5, waited_s, asked_mps2, out_mps: 4.0 };
        let other = comes(12.0);
        is_in_way(&own, &shared(false, f64::INFINITY), &other, to_zone_m, Precedence::Second, false)
    }

    #[test]
    fn after_waiting_a_gap_may_ask_for_gentle_braking_and_never_for_hard() {
        assert!(!waits_for(90.0, 0.0), "far enough for anybody");
        assert!(waits_for(62.0, 0.0), "fresh at the junction, nobody is asked to brake");
        assert!(!waits_for(62.0, 30.0), "after half a minute gentle braking is asked for");
        assert!(waits_for(35.0, 300.0), "hard braking never is");
    }

    #[test]
    fn a_stop_for_a_light_never_ends_beyond_its_line() {
        // The last metre, with the fading of comfort's braking and firm braking where it must be.
        for v0 in [0.3, 0.8, 1.5, 2.5] {
            for room0 in [0.1, 0.3, 0.6, 1.2, 2.0_f64] {
                let (mut v, mut s, mut a) = (v0, 0.0, -1.0_f64);
                let can_stop = v0 * v0 / (2.0 * room0) < 3.0;
                while v > 0.0 {
                    let fade = -super::super::pace::fade_mps2(v, CYCLE_S).min(1.9);
                    let firm = firm_mps2(v, room0 - s).map_or(fade, |f| (-f).min(fade));
                    a = firm.max(a - 0.6);
                    let next = (v + a * CYCLE_S).max(0.0);
                    s += (v + next) / 2.0 * CYCLE_S;
                    v = next;
                }
                assert!(!can_stop || s < room0 + 0.15, "{v0} {room0} {s}");
            }
        }
    }

    #[test]
    fn whoever_is_too_fast_for_a_turn_drives_straight_on() {
        assert!(!can_turn(&shared(false, 6.0), &comes(13.0), 8.0));
        assert!(can_turn(&shared(false, 6.0), &comes(13.0), 40.0));
        assert!(can_turn(&shared(false, f64::INFINITY), &comes(13.0), 1.0));
    }
}
