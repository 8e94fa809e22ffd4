//! Others on the way: whom to follow, who may come into it, who could be hidden, and when to brake
//! hard.

use rv_map::city_lanes::CityLanes;

use super::Reason;
use super::aside::{Aside, faces, parked_after_s};
use super::comes_in::Room;
use super::kerb::beside;
use super::pace::Bound;
use super::sight::{Beside, Scene};
use crate::tracking::Class;

/// Gap kept to a standing vehicle, m, time gap to a moving one, s.
const GAP_M: f64 = 2.0;
const HEADWAY_S: f64 = 1.1;

/// Acceleration on a free road, m/s2.
const FREE_MPS2: f64 = 1.65;

/// Gap beyond the safe one that it follows with, m.
const SPARE_M: f64 = 1.5;

/// Response, s; acceleration in it, braking surely reached, and that of the one in front at most,
/// m/s2, of the safe gap.
const RESPONSE_S: f64 = 0.3;
const FASTER_MPS2: f64 = 2.0;
const SURE_BRAKING_MPS2: f64 = 4.0;
const MOST_BRAKING_MPS2: f64 = 8.0;

/// Before a junction, two-wheelers at the kerb are not overtaken within this way, m, if they are no
/// further beside the van, m.
const BEFORE_JUNCTION_M: f64 = 18.0;
const TURNS_ACROSS_M: f64 = 1.6;

/// Braking with which it falls back behind one, m/s2.
const FALLS_BACK_MPS2: f64 = 1.5;

/// Air beside the strip of the way within which one is on it, m.
const STRIP_ROOM_M: f64 = 0.15;

/// Braking with which a vehicle in front is reckoned, m/s2.
const LEAD_BRAKING_MPS2: f64 = 3.0;

/// Time ahead within which somebody may come into the way, s, and its step.
const LOOK_S: f64 = 4.0;
const LOOK_STEP_S: f64 = 0.25;

/// Time before the van's nose at which somebody who steps out from behind something is in its way
/// at the soonest: at a hand's breadth, and more for each metre of room beside it, s; reaction, s;
/// braking then, m/s2.
const STEPS_OUT_S: f64 = 0.75;
const STEPS_OUT_S_PER_M: f64 = 0.5;
const STEPS_OUT_REACTION_S: f64 = 0.35;
const STEPS_OUT_BRAKING_MPS2: f64 = 6.5;

/// From this age of what it knows on it comes to a stand, s.
const BLIND_S: f64 = 0.35;

/// One in front that is slowed down more than this is taken to brake to a stand, m/s2.
const BRAKES_MPS2: f64 = -1.5;

/// Braking that is no longer comfort, and the hardest, m/s2.
const HARD_MPS2: f64 = 2.6;
const HARDEST_MPS2: f64 = 6.5;

/// True if a thing covers part of the strip that the van will drive.
pub(crate) fn is_on_strip(scene: &Scene<'_>, aside: &Aside, b: &Beside, room_m: f64) -> bool {
    let d_m = aside.at(b.s_m.max(scene.s_m).min((b.s_m + b.half_s_m).max(scene.s_m)));
    let near = aside.at(b.s_m - b.half_s_m);
    // In a bend the front swings out.
    let front = scene.vehicle.length_m / 2.0;
    let swing_m = front * front / 2.0 * scene.way.at(b.s_m).curvature_1pm.abs().min(0.3);
    let half = scene.vehicle.width_m / 2.0 + b.half_d_m + room_m + swing_m;
    (b.d_m - d_m).abs() < half || (b.d_m - near).abs() < half
}

/// True if a two-wheeler at the kerb is about to reach a junction: it may turn across the lane, and
/// is not overtaken there.
fn may_turn_across(scene: &Scene<'_>, b: &Beside) -> bool {
    // Once it cannot fall back behind it gently any more, it overtakes.
    let closing_mps = (scene.v_mps - b.vs_mps).max(0.0);
    let back_m = closing_mps * closing_mps / (2.0 * FALLS_BACK_MPS2);
    b.s_m - b.half_s_m > scene.front_m() + back_m
        && matches!(b.track.class, Class::Bicycle | Class::Scooter)
        && b.vs_mps > 0.5
        && scene
            .way
            .crossings
            .iter()
            .any(|c| !c.shared.is_empty() && b.s_m > c.from_m - BEFORE_JUNCTION_M && b.s_m < c.to_m)
}

/// The one to follow: its number, gap and speed; adds the bound that it sets.
pub(crate) fn lead(
    scene: &Scene<'_>,
    aside: &Aside,
    bounds: &mut Vec<(Bound, Reason)>,
) -> Option<(u32, f64, f64)> {
    let mut first: Option<(u32, f64, f64)> = None;
    for b in &scene.beside {
        if b.track.class.is_soft() || b.s_m < scene.s_m || b.vs_mps < -0.5 {
            continue;
        }
        let moves_across = b.vd_mps.abs() > 0.7 && b.track.class.walks();
        let room_m = match b.track.class.walks() {
            true => 0.4,
            false if may_turn_across(scene, b) => TURNS_ACROSS_M,
            false => STRIP_ROOM_M,
        };
        if moves_across || !is_on_strip(scene, aside, b, room_m) {
            continue;
        }
        let gap_m = b.s_m - b.half_s_m - scene.front_m();
        let v = b.vs_mps.max(0.0);
        let brake = LEAD_BRAKING_MPS2.max(-b.track.acceleration_mps2);
        // Behind one that may be parked, room is kept to drive around it.
        let may_be_parked =
            || !b.track.class.walks() && parked_after_s(scene, b).is_some_and(|s| s < 30.0);
        let room_m = match v < 0.5 {
            true if may_be_parked() || faces(scene, b) => 6.0,
            true => GAP_M,
            false => 0.8 * GAP_M,
        };
        let at_m = gap_m - room_m + v * v / (2.0 * brake);
        bounds.push((Bound { at_m, mps: 0.0 }, Reason::Follows(b.track.id)));
        if first.is_none_or(|f| gap_m < f.1) {
            first = Some((b.track.id, gap_m, v));
        }
    }
    first
}

/// The nearest on the strip itself: the gap, m, and its speed, m/s.
pub(crate) fn on_strip(scene: &Scene<'_>, aside: &Aside) -> Option<(f64, f64)> {
    let is_on = |b: &&Beside| {
        !b.track.class.is_soft()
            && b.s_m >= scene.s_m
            && b.vs_mps >= -0.5
            && is_on_strip(scene, aside, b, STRIP_ROOM_M)
    };
    let first = scene
        .beside
        .iter()
        .filter(is_on)
        .map(|b| (b.s_m - b.half_s_m - scene.front_m(), b.vs_mps.max(0.0)));
    first.min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Acceleration of the intelligent driver model.
pub(crate) fn wanted_mps2(scene: &Scene<'_>, cap_mps: f64, lead: Option<&(u32, f64, f64)>) -> f64 {
    let (a, b) = (1.5_f64, 1.6_f64);
    let v = scene.v_mps;
    let free = 1.0 - (v / cap_mps.max(0.1)).powi(8);
    let near = lead.map_or(0.0, |(_, gap_m, lead_mps)| {
        let wish = GAP_M + (v * HEADWAY_S + v * (v - lead_mps) / (2.0 * (a * b).sqrt())).max(0.0);
        let wish = wish.max(safe_gap_m(v, *lead_mps) + SPARE_M);
        (wish / gap_m.max(0.1)).powi(2)
    });
    (FREE_MPS2 * free - a * near).clamp(-1.6, FREE_MPS2)
}

/// The gap behind one that brakes with all its might that still suffices (responsibility-sensitive
/// safety, Shalev-Shwartz et al. 2017, definition 1), m.
fn safe_gap_m(v_mps: f64, lead_mps: f64) -> f64 {
    let then_mps = v_mps + FASTER_MPS2 * RESPONSE_S;
    let response_m = (v_mps + then_mps) / 2.0 * RESPONSE_S;
    let own_m = then_mps * then_mps / (2.0 * SURE_BRAKING_MPS2);
    (response_m + own_m - lead_mps * lead_mps / (2.0 * MOST_BRAKING_MPS2)).max(0.0)
}

/// What it accelerates at most when it has come nearer than is safe, so that the gap grows again:
/// only as hard as closing in asks for.
pub(crate) fn too_near_mps2(scene: &Scene<'_>, lead: &(u32, f64, f64)) -> Option<f64> {
    let (_, gap_m, lead_mps) = *lead;
    let v = scene.v_mps;
    if v < 0.1 || gap_m > safe_gap_m(v, lead_mps) + 0.3 {
        return None;
    }
    let closing = (v - lead_mps).max(0.0);
    Some(-(closing * closing / (2.0 * gap_m.max(0.1)) + 0.3).min(SURE_BRAKING_MPS2))
}

/// Waits with a change of lane until the other lane has room.
pub(crate) fn changes(scene: &Scene<'_>, lanes: &CityLanes, bounds: &mut Vec<(Bound, Reason)>) {
    for change in &scene.way.changes {
        // Under way: it goes on.
        if scene.s_m > change.from_m + 4.0 || change.from_m - scene.front_m() > 30.0 {
            continue;
        }
        for track in scene.sight.tracks {
            if !track.class.keeps_lane() {
                continue;
            }
            let spot = lanes.foot(change.lane, track.centre);
            let length_m = f64::from(lanes.lane(change.lane).length_m);
            if spot.beside_m.abs() > 1.5 || !(0.0..=length_m).contains(&spot.s_m) {
                continue;
            }
            let Some(b) = scene.beside.iter().find(|b| b.track.id == track.id) else { continue };
            let gap_behind_m = scene.tail_m() - b.s_m - b.half_s_m;
            let gap_ahead_m = b.s_m - b.half_s_m - scene.front_m();
            let closing = b.vs_mps - scene.v_mps;
            let is_clear = if b.s_m < scene.s_m {
                gap_behind_m > 2.0 + closing.max(0.0) * 3.5 + 0.4 * b.vs_mps
            } else {
                gap_ahead_m > 1.0 - closing.min(0.0) * 2.0
            };
            if !is_clear {
                let at_m = change.from_m - scene.front_m() + 2.0;
                bounds.push((
                    Bound { at_m: at_m.max(0.0), mps: 0.0 },
                    Reason::WaitsToMerge(track.id),
                ));
                break;
            }
        }
    }
}

/// Those who move across or towards the way: stops before where they will be, unless the van has
/// passed by then.
pub(crate) fn crossed(scene: &Scene<'_>, aside: &Aside, bounds: &mut Vec<(Bound, Reason)>) {
    let half_l = scene.vehicle.length_m / 2.0;
    for b in &scene.beside {
        let t = &b.track;
        if t.speed_mps < 0.3 || t.class.is_soft() {
            continue;
        }
        // Followed, or driving along beside.
        let is_along = b.vs_mps > 0.5 && b.vd_mps.abs() < 0.25 * b.vs_mps.abs();
        if is_along && !t.class.walks() {
            continue;
        }
        let room_m = if t.class.walks() { 0.6 } else { 0.35 };
        let mut first_m: Option<f64> = None;
        let mut meets = false;
        let mut k = 0.0;
        while k <= LOOK_S {
            let (s, d) = (b.s_m + b.vs_mps * k, b.d_at(k));
            let strip = (d - aside.at(s)).abs()
                < scene.vehicle.width_m / 2.0 + b.half_d_m + room_m + 0.05 * k;
            if strip && s + b.half_s_m > scene.tail_m() {
                let at = s - b.half_s_m;
                first_m = Some(first_m.map_or(at, |f: f64| f.min(at)));
                let own_s = scene.s_m + own_way_m(scene, k);
                let along = half_l + b.half_s_m + 0.8 + 0.3 * k;
                meets |= (own_s - s).abs() < along;
            }
            k += LOOK_STEP_S;
        }
        if let (true, Some(at_m)) = (meets, first_m) {
            let at_m = at_m - scene.front_m() - if t.class.walks() { 1.5 } else { 2.0 };
            bounds.push((Bound { at_m, mps: 0.0 }, Reason::Crossed(t.id)));
        }
    }
}

/// Lets two-wheelers at the kerb pass before it turns across their way.
pub(crate) fn beside_turn(scene: &Scene<'_>, bounds: &mut Vec<(Bound, Reason)>) {
    let front_m = scene.front_m();
    let turns = |c: &&super::way::Crossing| {
        c.turn == rv_map::city_lanes::Turn::Near
            && c.from_m + 2.0 > front_m
            && c.from_m - front_m < 18.0
    };
    let Some(crossing) = scene.way.crossings.iter().find(turns) else { return };
    let kerb = -scene.way.at(crossing.to_m).heading_rad + scene.way.at(crossing.from_m).heading_rad;
    for b in &scene.beside {
        let is_rider = matches!(b.track.class, Class::Bicycle | Class::Scooter);
        // On the side to which it turns, beside the van or about to be.
        let is_on_side = b.d_m * kerb < 0.0 && b.d_m.abs() < 3.0;
        let rear_m = scene.tail_m() - b.s_m - b.half_s_m;
        let catches_up = rear_m < 1.0 + 2.0 * (b.vs_mps - scene.v_mps).max(0.0);
        let is_past = b.s_m - b.half_s_m > crossing.from_m + 3.0;
        if is_rider
            && is_on_side
            && b.vs_mps > 0.5
            && catches_up
            && !is_past
            && b.s_m < front_m + 4.0
        {
            let at_m = (crossing.from_m - 0.5 - front_m).max(0.0);
            bounds.push((Bound { at_m, mps: 0.0 }, Reason::GivesWay(b.track.id)));
        }
    }
}

/// Way in some time if the van speeds up gently.
fn own_way_m(scene: &Scene<'_>, t_s: f64) -> f64 {
    let cap = scene.way.at(scene.s_m).cap_mps.max(1.0);
    let a = if scene.v_mps < cap { 0.8 } else { 0.0 };
    scene.v_mps * t_s + (a * t_s * t_s / 2.0).min((cap - scene.v_mps).max(0.0) * t_s)
}

/// Slows down where somebody on foot could step out from behind a parked vehicle: never faster
/// than can be stopped from once they come into sight.
pub(crate) fn hidden(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    aside: &Aside,
    bounds: &mut Vec<(Bound, Reason)>,
) {
    for b in &scene.beside {
        let is_screen = b.track.speed_mps < 0.3
            && matches!(b.track.class, Class::Car | Class::Truck | Class::Bus)
            && b.track.stood_s > 3.0;
        if !is_screen || b.s_m + b.half_s_m < scene.front_m() {
            continue;
        }
        let lane_limit =
            scene.way.part_at(b.s_m).map_or(14.0, |p| f64::from(lanes.lane(p.lane).limit_mps));
        // Nobody steps out onto a fast road without a look.
        if lane_limit > 14.5 {
            continue;
        }
        // From where the van will be beside it.
        let off_m = (b.d_m - aside.at(b.s_m)).abs();
        let side_m = off_m - b.half_d_m - scene.vehicle.width_m / 2.0;
        if !(-0.2..2.5).contains(&side_m) {
            continue;
        }
        // Whoever steps out is taken to be in the way no sooner than this; hard braking after the
        // reaction must do.
        let steps_in_s = STEPS_OUT_S + STEPS_OUT_S_PER_M * side_m.max(0.0);
        let v = (2.0 * STEPS_OUT_BRAKING_MPS2 * (steps_in_s - STEPS_OUT_REACTION_S)).max(3.0);
        let at_m = (b.s_m + b.half_s_m - 5.0 - scene.front_m()).max(0.5);
        if v < scene.v_mps + 3.0 {
            bounds.push((Bound { at_m, mps: v }, Reason::Hidden));
        }
    }
}

/// Drives no faster than it can stop within the part of its own way that it sees: something may stand
/// beyond. Where somebody ahead on the way hides the rest, that one is followed.
pub(crate) fn sees_way(scene: &Scene<'_>, aside: &Aside, bounds: &mut Vec<(Bound, Reason)>) {
    let from_m = scene.front_m();
    let reach_m = stop_within_m(scene.v_mps + 3.0) + SEEN_STEP_M;
    let mut ahead_m = SEEN_STEP_M;
    while ahead_m < reach_m && from_m + ahead_m < scene.way.goal_m {
        let p = beside(scene, from_m + ahead_m, aside.at(from_m + ahead_m));
        if !scene.sight.view.sees(p) {
            let is_behind_somebody = scene.beside.iter().any(|b| {
                let gap_m = b.s_m - b.half_s_m - from_m;
                (-2.0..ahead_m + 1.0).contains(&gap_m) && is_on_strip(scene, aside, b, 0.3)
            });
            if !is_behind_somebody {
                let mps = stops_within_mps(ahead_m - SEEN_STEP_M);
                bounds
                    .push((Bound { at_m: 1.0, mps: mps.max(SEES_NOTHING_MPS) }, Reason::CannotSee));
            }
            return;
        }
        ahead_m += SEEN_STEP_M;
    }
}

/// Way to a stand at firm braking after a reaction, m, and the speed from which it has a length, m/s.
fn stop_within_m(v_mps: f64) -> f64 {
    v_mps * SEEN_REACTION_S + v_mps * v_mps / (2.0 * SEEN_BRAKING_MPS2)
}

fn stops_within_mps(way_m: f64) -> f64 {
    let at = SEEN_BRAKING_MPS2 * SEEN_REACTION_S;
    (at * at + 2.0 * SEEN_BRAKING_MPS2 * way_m.max(0.0)).sqrt() - at
}

/// How finely its own way is looked along, m; reaction, s, and braking, m/s2, for what comes into sight
/// there; and the speed at which it feels its way, m/s.
const SEEN_STEP_M: f64 = 3.0;
const SEEN_REACTION_S: f64 = 0.5;
const SEEN_BRAKING_MPS2: f64 = 4.0;
const SEES_NOTHING_MPS: f64 = 2.5;

/// Beside an emergency vehicle that comes towards it at least so far to the side, m, the van drives
/// on at no more than, m/s.
const BESIDE_LANE_M: f64 = 2.3;
const TOWARDS_MPS: f64 = 5.0;

/// Slows down for an emergency vehicle that comes from behind or towards it, outside junctions.
pub(crate) fn emergency_vehicles(scene: &Scene<'_>, bounds: &mut Vec<(Bound, Reason)>) {
    for track in scene.sight.tracks.iter().filter(|t| t.is_emergency && t.speed_mps > 1.0) {
        let centre = scene.sight.state.centre(scene.vehicle);
        let (dx, dy) = (centre.x_m - track.centre.x_m, centre.y_m - track.centre.y_m);
        let (sin, cos) = track.heading_rad.sin_cos();
        let ahead_m = dx * cos + dy * sin;
        let beside_m = dy * cos - dx * sin;
        let in_junction =
            scene.way.crossings.iter().any(|c| {
                c.from_m < scene.front_m() && c.to_m > scene.tail_m() && !c.shared.is_empty()
            });
        // One that comes towards the van in a lane of its own has room.
        let comes = (track.heading_rad - scene.sight.state.heading_rad).cos() < -0.7;
        let has_room = comes && beside_m.abs() > BESIDE_LANE_M;
        let mps = if has_room { TOWARDS_MPS } else { 0.0 };
        if (-5.0..70.0).contains(&ahead_m) && beside_m.abs() < 8.0 && !in_junction {
            bounds.push((Bound { at_m: 0.0, mps }, Reason::LetsPass(track.id)));
        }
    }
}

/// Comes to a stand, gently, when what it knows grows old; what was there is carried on meanwhile.
pub(crate) fn blind(scene: &Scene<'_>, bounds: &mut Vec<(Bound, Reason)>) {
    if scene.sight.age_s > BLIND_S {
        bounds.push((Bound { at_m: 0.0, mps: 0.0 }, Reason::Blind));
    }
}

/// Somebody is about to be hit, and comfort does not suffice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    /// Whom.
    pub(crate) id: u32,
    /// Braking that would do if it were on at once, m/s2.
    need_mps2: f64,
    /// How fast the gap closes, m/s, and the way left for that, m.
    closing_mps: f64,
    free_m: f64,
}

impl Alarm {
    /// True if a second look would leave too little.
    pub(crate) fn is_pressing(&self) -> bool {
        self.needed_mps2(SECOND_LOOK_S) > PRESSING_MPS2
    }

    /// Acceleration in the next step after `a_mps2`: braking builds up the faster, the more is needed.
    pub(crate) fn next_mps2(&self, a_mps2: f64, dt_s: f64) -> f64 {
        let urgency = (self.need_mps2 / HARDEST_MPS2).min(1.0);
        // Building up takes at most a quarter of the way that is left.
        let soon = 2.0 * self.need_mps2 * self.closing_mps / self.free_m;
        let jerk = soon.max(HARD_JERK_MPS3 * urgency.powi(4)).clamp(SOFT_JERK_MPS3, HARD_JERK_MPS3);
        let builds_up_s = (self.need_mps2 + a_mps2).max(0.0) / jerk;
        let wish = (self.needed_mps2(0.5 * builds_up_s) * 1.1).min(HARDEST_MPS2);
        (-wish).max(a_mps2 - jerk * dt_s)
    }

    /// Constant braking that does if it begins after some time, m/s2.
    fn needed_mps2(&self, after_s: f64) -> f64 {
        let free_m = (self.free_m - self.closing_mps * after_s).max(LEAST_M);
        (self.closing_mps * self.closing_mps / (2.0 * free_m)).max(self.need_mps2)
    }
}

/// A second look is taken after this time, s, unless it then took more than such braking, m/s2.
const SECOND_LOOK_S: f64 = 0.1;
const PRESSING_MPS2: f64 = 4.5;

/// How fast emergency braking builds up, m/s3, if little is needed and if all is.
const SOFT_JERK_MPS3: f64 = 4.0;
const HARD_JERK_MPS3: f64 = 40.0;

/// Less way than this is not reckoned with, m.
const LEAST_M: f64 = 0.08;

/// Air that hard braking leaves: what is kept at a crawl, m, what more at a speed, s, and at most, m.
const AIR_M: f64 = 0.3;
const AIR_S: f64 = 0.1;
const AIR_MAX_M: f64 = 0.7;

/// Faster than this one comes towards the van, m/s.
const TOWARDS_MIN_MPS: f64 = 2.0;

/// The way left for braking hard: what is within the air already is used up in part, m.
fn within_m(free_m: f64, gap_m: f64) -> f64 {
    free_m.max(0.35 * gap_m).max(LEAST_M)
}

/// Whom it is about to hit, the one that asks for the hardest braking.
pub(crate) fn emergency(scene: &Scene<'_>, aside: &Aside, let_in: Option<&Room>) -> Option<Alarm> {
    let v = scene.v_mps;
    if v < 0.1 {
        return None;
    }
    let mut most: Option<Alarm> =
        let_in.filter(|room| room.is_pressing && room.must_mps2 < -HARD_MPS2).map(|room| Alarm {
            id: room.id,
            need_mps2: (-room.must_mps2).min(HARDEST_MPS2),
            closing_mps: 0.0,
            free_m: f64::INFINITY,
        });
    for b in &scene.beside {
        let t = &b.track;
        if t.class.is_soft() || b.s_m + b.half_s_m < scene.s_m {
            continue;
        }
        let gap_m = b.s_m - b.half_s_m - scene.front_m();
        let is_on = is_on_strip(scene, aside, b, 0.05);
        // One that comes into the strip before the van's front has passed it.
        let d_off = b.d_m - aside.at(b.s_m);
        let side_m = d_off.abs() - b.half_d_m - scene.vehicle.width_m / 2.0 - 0.2;
        let enters_s = b.nears_in(d_off, side_m);
        let there_s = gap_m.max(0.0) / v;
        let leaves_m = d_off.abs() + b.half_d_m + scene.vehicle.width_m / 2.0 + 0.3;
        let leaves_s = b.nears_in(d_off, leaves_m);
        let will_be = enters_s < there_s + (scene.vehicle.length_m + 1.0) / v && leaves_s > there_s;
        if gap_m < -scene.vehicle.length_m * 0.7
            || !(is_on && leaves_s >= there_s || will_be && enters_s < 3.0)
        {
            continue;
        }
        let vo = b.vs_mps;
        // One that comes towards the van and is beside it already has passed before braking helps.
        if gap_m < 0.0 && vo < -TOWARDS_MIN_MPS {
            continue;
        }
        let air_m = (AIR_M + AIR_S * v).min(AIR_MAX_M);
        // Gap closed while the other brakes as it does now, or drives towards the van.
        let (free_m, closing_mps) = if vo < 0.0 {
            (gap_m - air_m + vo * v / 5.0, v)
        } else if t.acceleration_mps2 < BRAKES_MPS2 {
            let brake = (-t.acceleration_mps2).max(3.0);
            (gap_m - air_m + vo * vo / (2.0 * brake), v)
        } else {
            (gap_m - air_m, v - vo)
        };
        let is_slower = vo < v - 0.3 || t.acceleration_mps2 < -2.0;
        if !is_slower {
            continue;
        }
        // What is within the air already is used up in part.
        let free_m = within_m(free_m, gap_m);
        let need_mps2 = closing_mps * closing_mps / (2.0 * free_m);
        if need_mps2 > HARD_MPS2 && most.is_none_or(|m| need_mps2 > m.need_mps2) {
            most = Some(Alarm { id: t.id, need_mps2, closing_mps, free_m });
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Braking that builds up as needed stops short, if the hardest with a tenth of a second to
        /// answer would.
        #[test]
        fn an_emergency_is_braked_for_in_time(v in 1.0..15.0_f64, share in 0.45..0.9_f64) {
            let dt_s = 0.1;
            let air_m = |v: f64| (AIR_M + AIR_S * v).min(AIR_MAX_M);
            let mut gap_m = v * v / (2.0 * HARDEST_MPS2 * share) + 0.1 * v + air_m(v);
            let (mut v, mut a) = (v, 0.0_f64);
            while v > 0.02 && gap_m > 0.0 {
                let free_m = within_m(gap_m - air_m(v), gap_m);
                let need_mps2 = v * v / (2.0 * free_m);
                let alarm = Alarm { id: 1, need_mps2, closing_mps: v, free_m };
                let comfort = (a - 0.19).max(-1.9);
                a = if need_mps2 > HARD_MPS2 { alarm.next_mps2(a, dt_s).min(comfort) } else { comfort };
                let after = (v + a * dt_s).max(0.0);
                gap_m -= (v + after) / 2.0 * dt_s;
                v = after;
            }
            prop_assert!(gap_m > 0.05, "{gap_m}");
        }
    }
}
