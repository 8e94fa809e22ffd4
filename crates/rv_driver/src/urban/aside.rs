//! Where beside the middle of its lane a van drives: around what stands or creeps at the kerb or in
//! the lane, with room, and only where the room is free.

use rv_map::city_lanes::{CityLaneKind, CityLanes};
use rv_map::lanes::Aspect;

use super::junction::{asked_mps2, time_over_s};
use super::pace::{Comfort, braking_way_m};
use super::sight::{AHEAD_M, Beside, Scene};
use crate::law::{TrafficLaw, VanLane};
use crate::tracking::Class;

/// Distance between two samples of the plan of places beside the lane, m, and their number.
const STEP_M: f64 = 2.0;
const N: usize = 40;

/// Room kept to a thing that stands, m.
const ROOM_M: f64 = 0.5;

/// The same to a vehicle that stands facing the van on its own side, m, and for how long it has, s.
const FACED_ROOM_M: f64 = 0.3;
const FACED_AFTER_S: f64 = 0.8;

/// Speed, as a share of the limit, of those who may come from beyond what is seen, and how hard
/// they brake when they see the van in their lane, m/s2.
const UNSEEN_SHARE: f64 = 0.85;
const UNSEEN_BRAKING_MPS2: f64 = 0.6;

/// Speed at which it comes to where it leaves its lane to get around something, m/s.
const PASS_MPS: f64 = 7.0;

/// It pulls over to the kerb this far before its stop, m, and leaves this gap to the lane's edge.
const KERB_STOP_M: f64 = 12.0;
const KERB_GAP_M: f64 = 0.25;

/// Room left to vehicles parked at the kerb where the lane is wide enough, m.
const KERB_ROOM_M: f64 = 1.4;

/// After standing so long a vehicle is taken for parked: where there is nothing to wait for, where
/// it stands at the kerb, where its light is green, and where it may wait for others, s.
const PARKED_AFTER_S: f64 = 4.0;
const PARKED_AT_GREEN_AFTER_S: f64 = 8.0;
const PARKED_AT_JUNCTION_AFTER_S: f64 = 40.0;

/// Room in front of a vehicle's nose within which a stop line or another vehicle is what it waits
/// for, m.
const WAITS_WITHIN_M: f64 = 9.0;

/// Where to drive beside the line of the way.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    from_m: f64,
    d_m: [f32; N],
}

/// What must be waited for before going around something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    /// Where the front shall stand, m along the way.
    pub(crate) at_m: f64,
    /// Whom to go around.
    pub(crate) id: u32,
    /// How fast it may come there, m/s: zero if it must wait.
    pub(crate) mps: f64,
}

impl Aside {
    /// On the line.
    pub(crate) fn straight(from_m: f64) -> Self {
        Self { from_m, d_m: [0.0; N] }
    }

    /// Left of the line at a distance along it, m.
    pub(crate) fn at(&self, s_m: f64) -> f64 {
        let x = ((s_m - self.from_m) / STEP_M).clamp(0.0, (N - 1) as f64 - 1e-9);
        let i = x as usize;
        let t = x - i as f64;
        f64::from(self.d_m[i]) * (1.0 - t) + f64::from(self.d_m[i + 1]) * t
    }

    /// Slope at a distance along the way.
    pub(crate) fn slope(&self, s_m: f64) -> f64 {
        (self.at(s_m + 1.0) - self.at(s_m - 1.0)) / 2.0
    }

    /// Change of slope, 1/m.
    pub(crate) fn bend(&self, s_m: f64) -> f64 {
        (self.at(s_m + 2.0) - 2.0 * self.at(s_m) + self.at(s_m - 2.0)) / 4.0
    }
}

/// A stretch of the way to be driven at a distance beside it.
struct Hold {
    from_m: f64,
    to_m: f64,
    d_m: f64,
}

/// Plans where to drive. `passing` holds whom it is going around, from cycle to cycle.
pub(crate) fn plan(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    law: &TrafficLaw,
    passing: &mut Vec<u32>,
    is_held: &mut Option<Held>,
) -> Aside {
    *is_held = None;
    let asked_mps2 = asked_mps2(scene.waited_s);
    let half_m = scene.vehicle.width_m / 2.0;
    let mut holds: Vec<Hold> = Vec::new();
    passing.retain(|id| scene.beside.iter().any(|b| b.track.id == *id && b.s_m > scene.s_m - 10.0));
    for b in &scene.beside {
        if b.s_m + b.half_s_m < scene.tail_m() - 1.0 || !is_to_pass(scene, b) {
            continue;
        }
        let room_m = if b.track.class == Class::Bicycle && b.vs_mps > 0.5 {
            law.bicycle_gap_m.min(1.0)
        } else if faces(scene, b) {
            FACED_ROOM_M
        } else {
            ROOM_M
        };
        let (low, high) = (b.d_m - b.half_d_m - room_m, b.d_m + b.half_d_m + room_m);
        if high < -half_m || low > half_m {
            let is_at_kerb = kerb_m(scene, lanes, law, b.s_m) * b.d_m > 0.0;
            holds.extend(match is_at_kerb && low.abs().min(high.abs()) < half_m + KERB_ROOM_M {
                // Driving at the kerb, it comes back to its line for what stands there.
                true => Some(hold_beside(scene, b, 0.0)),
                false => room_of_its_lane(scene, lanes, b, half_m),
            });
            continue;
        }
        let (left_m, right_m) = (high + half_m, low - half_m);
        // Not in a turn back, where the line says little of what lies beside it.
        let heading = |off: f64| scene.way.at(b.s_m + off).heading_rad;
        if (heading(10.0) - heading(-10.0)).abs() > 2.0 {
            continue;
        }
        let (room_left_m, room_right_m, needs_other) = rooms(scene, lanes, b);
        let fits = |d_m: f64| d_m <= room_left_m && d_m >= -room_right_m;
        // The smaller way around of those that fit.
        let d_m = match (fits(left_m), fits(right_m)) {
            (true, true) if right_m.abs() < left_m.abs() => right_m,
            (true, _) => left_m,
            (false, true) => right_m,
            (false, false) => continue,
        };
        let in_lane_m = in_lane_room_m(scene, lanes, b.s_m);
        let leaves_lane = d_m.abs() > in_lane_m + 0.25;
        // Not out of the lane in a bend.
        let is_bend = [-8.0, -3.0, 2.0, 7.0]
            .iter()
            .any(|off| scene.way.at(b.s_m + off).curvature_1pm.abs() > 0.05);
        if leaves_lane && is_bend {
            continue;
        }
        let swing_m = swing_m(scene.v_mps, d_m);
        if leaves_lane && needs_other {
            // Most of the way back is beside the others already.
            let to_m = b.s_m + b.half_s_m + 0.6 * swing_m;
            let at_m = b.s_m - b.half_s_m - 6.0 - 2.0 * d_m.abs().min(2.0);
            let way_m = braking_way_m(&Comfort::PLANNED, scene.v_mps, 0.0, 0.0);
            // Decided when it can still stop; taken back while it still can.
            let can_stop = scene.front_m() + way_m < at_m + 0.5;
            let is_committed = passing.contains(&b.track.id) && !can_stop;
            if !is_committed {
                let is_free = is_free(scene, lanes, b, (to_m, d_m), asked_mps2);
                let mps = if is_free { PASS_MPS } else { 0.0 };
                if is_held.is_none_or(|h: Held| (at_m, mps) < (h.at_m, h.mps)) {
                    *is_held = Some(Held { at_m, id: b.track.id, mps });
                }
                passing.retain(|id| *id != b.track.id);
                if !is_free {
                    continue;
                }
                if scene.front_m() + way_m > at_m - 3.0 {
                    passing.push(b.track.id);
                }
            }
        }
        let on_m = b.vs_mps.max(0.0) * 2.0;
        holds.push(Hold {
            from_m: b.s_m - b.half_s_m - scene.vehicle.length_m / 2.0 - 1.5,
            to_m: b.s_m + b.half_s_m + scene.vehicle.length_m / 2.0 + 1.0 + on_m,
            d_m,
        });
    }
    draw(scene, &holds, |s_m| kerb_m(scene, lanes, law, s_m))
}

/// Room left to parked vehicles at the kerb beyond what must be, as far as the lane has it: more is
/// seen of who steps out, and doors open.
fn room_of_its_lane(scene: &Scene<'_>, lanes: &CityLanes, b: &Beside, half_m: f64) -> Option<Hold> {
    let is_parked = b.track.stood_s > 3.0 && b.track.class.keeps_lane() && b.d_m * scene.kerb > 0.0;
    let gap_m = b.d_m.abs() - b.half_d_m - half_m;
    if !is_parked || gap_m >= KERB_ROOM_M || scene.way.at(b.s_m).curvature_1pm.abs() > 0.02 {
        return None;
    }
    let d_m = (KERB_ROOM_M - gap_m).min(in_lane_room_m(scene, lanes, b.s_m) - 0.2);
    (d_m > 0.1).then(|| hold_beside(scene, b, -scene.kerb * d_m))
}

/// A place beside the line for as long as the van is beside a thing.
fn hold_beside(scene: &Scene<'_>, b: &Beside, d_m: f64) -> Hold {
    let reach_m = b.half_s_m + scene.vehicle.length_m / 2.0;
    Hold { from_m: b.s_m - reach_m, to_m: b.s_m + reach_m, d_m }
}

/// True if a vehicle stands there that would go the other way, on its side of the road: the van passes
/// it at its own kerb.
pub(crate) fn faces(scene: &Scene<'_>, b: &Beside) -> bool {
    let turn = b.track.heading_rad - scene.way.at(b.s_m).heading_rad;
    b.track.class.keeps_lane()
        && turn.cos() < -0.7
        && b.d_m * scene.kerb < -0.2
        && b.track.speed_mps < 0.5
        && b.track.stood_s > FACED_AFTER_S
}

/// Where beside the line it drives with nothing in the way: at the kerb where it is to stop, and all
/// along where vans belong among bicycles; on the line elsewhere.
fn kerb_m(scene: &Scene<'_>, lanes: &CityLanes, law: &TrafficLaw, s_m: f64) -> f64 {
    let is_at_stop = s_m > scene.way.goal_m - KERB_STOP_M;
    let keeps_kerb = law.van_lane == VanLane::NonMotor;
    if !is_at_stop && !keeps_kerb {
        return 0.0;
    }
    let Some(part) = scene.way.part_at(s_m) else { return 0.0 };
    let lane = lanes.lane(part.lane);
    let is_road = matches!(lane.kind, CityLaneKind::Road { .. });
    // Onto the line before junctions, and never across another lane.
    let is_before_junction =
        scene.way.crossings.iter().any(|c| s_m > c.from_m - 25.0 && s_m < c.to_m + 5.0);
    if !is_road || lane.kerb_side.is_some() || is_before_junction && !is_at_stop {
        return 0.0;
    }
    let to_kerb_m = in_lane_room_m(scene, lanes, s_m) - KERB_GAP_M;
    scene.kerb * to_kerb_m.max(0.0)
}

/// True if it is not to be followed but gone around.
pub(crate) fn is_to_pass(scene: &Scene<'_>, b: &Beside) -> bool {
    let class = b.track.class;
    if class.walks() {
        return false;
    }
    if class == Class::Static || class.is_soft() {
        return true;
    }
    if class == Class::Bicycle && b.vs_mps > 0.5 {
        let to_kerb_m = b.d_m * scene.kerb;
        return to_kerb_m > 0.0 && b.vs_mps < 6.0 || to_kerb_m > 1.2;
    }
    if b.track.speed_mps > 0.5 {
        // One that drives along within its own strip at the kerb; close by, it is not followed again
        // because it sways.
        let is_close = b.s_m - b.half_s_m < scene.front_m() + CLOSE_M;
        let sways_m = if is_close { SWAYS_M } else { 0.0 };
        return b.d_m.abs() - b.half_d_m > scene.vehicle.width_m / 2.0 - sways_m;
    }
    if faces(scene, b) {
        return true;
    }
    // One at the kerb, or one that stands where there is nothing to wait for.
    if !(-2.0..=0.9).contains(&(b.d_m * scene.kerb)) {
        return b.track.stood_s > 1.0;
    }
    parked_after_s(scene, b).is_some_and(|after_s| b.track.stood_s > after_s)
}

/// How long a vehicle that stands in the lane must have stood to be taken for parked, s; `None` if
/// others in front of it are what it waits for.
pub(crate) fn parked_after_s(scene: &Scene<'_>, b: &Beside) -> Option<f64> {
    let nose_m = b.s_m + b.half_s_m;
    let waits_for_another = scene.beside.iter().any(|o| {
        o.track.id != b.track.id
            && o.s_m > nose_m
            && o.s_m - o.half_s_m < nose_m + WAITS_WITHIN_M
            && (o.d_m - b.d_m).abs() < 1.3
            && (-0.5..3.0).contains(&o.vs_mps)
            && o.track.class.keeps_lane()
    });
    if waits_for_another {
        return None;
    }
    // Double-parked ones stand nearer to the kerb than those that wait.
    if b.d_m * scene.kerb > 0.45 && b.track.class.keeps_lane() {
        return Some(PARKED_AFTER_S);
    }
    let waits_at = scene.way.crossings.iter().find(|c| {
        let is_one = c.signal.is_some() || !c.shared.is_empty();
        is_one && (-2.0 * b.half_s_m..WAITS_WITHIN_M).contains(&(c.stop_m - nose_m))
    });
    Some(match waits_at {
        None => PARKED_AFTER_S,
        Some(c) if c.signal.is_some() && scene.aspect(c.lane) == Some(Aspect::Green) => {
            PARKED_AT_GREEN_AFTER_S
        }
        Some(_) => PARKED_AT_JUNCTION_AFTER_S,
    })
}

/// How far it may go to the left and right of the line at a thing, and whether the left is
/// somebody else's.
fn rooms(scene: &Scene<'_>, lanes: &CityLanes, b: &Beside) -> (f64, f64, bool) {
    let in_lane_m = in_lane_room_m(scene, lanes, b.s_m);
    let Some(part) = scene.way.part_at(b.s_m) else { return (in_lane_m, in_lane_m, true) };
    let lane = lanes.lane(part.lane);
    let width_m = f64::from(lane.width_m);
    let sign_left = lane.far_side.or(lane.oncoming).is_some();
    let is_road = matches!(lane.kind, CityLaneKind::Road { .. });
    let far_m = if sign_left && is_road { in_lane_m + width_m } else { in_lane_m + 0.3 };
    let kerb_m = in_lane_m + 0.2;
    let (left_m, right_m) = if scene.kerb < 0.0 { (far_m, kerb_m) } else { (kerb_m, far_m) };
    (left_m, right_m, sign_left)
}

fn in_lane_room_m(scene: &Scene<'_>, lanes: &CityLanes, s_m: f64) -> f64 {
    let width_m = scene.way.part_at(s_m).map_or(3.0, |p| f64::from(lanes.lane(p.lane).width_m));
    ((width_m - scene.vehicle.width_m) / 2.0).max(0.2)
}

/// True if nobody will be where the van swings out, for as long as it is there; `asked_mps2` is the
/// braking that it may ask of those who come towards it.
fn is_free(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    around: &Beside,
    (to_m, d_m): (f64, f64),
    asked_mps2: f64,
) -> bool {
    let own_mps = scene.v_mps.max(3.0);
    let way_m = (to_m - scene.s_m).max(5.0);
    let over_s = match around.vs_mps > 0.5 {
        true => way_m / (own_mps - around.vs_mps).max(1.5),
        false => time_over_s(way_m, scene.v_mps, PASS_MPS),
    } + 1.0;
    // Somebody may come from beyond what is seen.
    let is_other_way = scene.way.part_at(around.s_m).is_some_and(|p| {
        let lane = lanes.lane(p.lane);
        d_m * scene.kerb < 0.0 && lane.far_side.is_none() && lane.oncoming.is_some()
    });
    if is_other_way {
        let limit_mps = scene.way.at(around.s_m).cap_mps * UNSEEN_SHARE;
        let asked_mps2 = asked_mps2.max(UNSEEN_BRAKING_MPS2);
        let comes_m = limit_mps * over_s - 0.5 * asked_mps2 * (over_s - 1.0).powi(2);
        if way_m + comes_m > AHEAD_M {
            return false;
        }
    }
    // A junction's queue ahead leaves no place to come back to.
    let half_m = scene.vehicle.width_m / 2.0 + 0.5;
    for o in &scene.beside {
        if o.track.id == around.track.id || (o.d_m - d_m).abs() > half_m + o.half_d_m {
            continue;
        }
        if o.track.class.is_soft() {
            continue;
        }
        let gap_m = o.s_m - o.half_s_m - to_m;
        if o.vs_mps < -0.5 {
            // Comes towards the van, and may slow down after a second.
            let braked_m = 0.5 * asked_mps2 * (over_s - 1.0).max(0.0).powi(2);
            let comes_m = (-o.vs_mps * over_s - braked_m).max(-o.vs_mps);
            if gap_m < comes_m + 4.0 && o.s_m > scene.s_m {
                return false;
            }
        } else if o.s_m > scene.tail_m() {
            if o.s_m - o.half_s_m < to_m + 4.0 + (scene.v_mps - o.vs_mps).max(0.0) * 2.0
                && o.vs_mps < own_mps
                && o.d_m * scene.kerb < -0.5
            {
                return false;
            }
        } else if scene.tail_m() - o.s_m - o.half_s_m < (o.vs_mps - scene.v_mps) * 3.0 + 2.0 {
            // Comes from behind on that side.
            return false;
        }
    }
    true
}

/// One that is overtaken within the lane may come so much nearer to its middle, m, once the van is
/// so close, m.
const SWAYS_M: f64 = 0.3;
const CLOSE_M: f64 = 12.0;

/// Length over which the van moves aside.
fn swing_m(v_mps: f64, d_m: f64) -> f64 {
    (2.2 * v_mps).max(5.0).max(5.5 * d_m.abs().sqrt())
}

/// Draws a smooth line through the holds, from where the van is.
fn draw(scene: &Scene<'_>, holds: &[Hold], base_m: impl Fn(f64) -> f64) -> Aside {
    let mut aside = Aside::straight(scene.s_m - 3.0 * STEP_M);
    let mut raw = [0.0_f64; N];
    for (i, slot) in raw.iter_mut().enumerate() {
        *slot = base_m(aside.from_m + i as f64 * STEP_M);
    }
    let has_base = raw.iter().any(|d| *d != 0.0);
    if holds.is_empty() && !has_base && scene.d_m.abs() < 0.02 {
        return aside;
    }
    let most = holds.iter().fold(0.0_f64, |m, h| m.max(h.d_m.abs()));
    let most = raw.iter().fold(most, |m, d| m.max(d.abs()));
    let swing = swing_m(scene.v_mps, most);
    let half = swing / 2.0;
    for (i, slot) in raw.iter_mut().enumerate() {
        let s_m = aside.from_m + i as f64 * STEP_M;
        let mut held: Option<f64> = None;
        for h in holds {
            // Widened by what smoothing takes away.
            let is_here = s_m > h.from_m - half && s_m < h.to_m + half;
            if is_here && held.is_none_or(|d| h.d_m.abs() > d.abs()) {
                held = Some(h.d_m);
            }
        }
        *slot = held.unwrap_or(*slot);
    }
    // Two passes of a moving mean, each half the swing wide.
    let reach = ((half / STEP_M / 2.0).round() as usize).max(1);
    for _ in 0..2 {
        let before = raw;
        let mut sum = [0.0; N + 1];
        for i in 0..N {
            sum[i + 1] = sum[i] + before[i];
        }
        for (i, slot) in raw.iter_mut().enumerate() {
            let (lo, hi) = (i.saturating_sub(reach), (i + reach + 1).min(N));
            *slot = (sum[hi] - sum[lo]) / (hi - lo) as f64;
        }
    }
    for (i, slot) in raw.iter().enumerate() {
        aside.d_m[i] = *slot as f32;
    }
    // From where the van is: what is off now fades, the same way whenever it is looked at.
    let off = scene.d_m - aside.at(scene.s_m);
    let fade_m = (0.9 * scene.v_mps).max(3.0);
    for i in 0..N {
        let s_m = aside.from_m + i as f64 * STEP_M;
        let keep = (-((s_m - scene.s_m).max(0.0)) / fade_m).exp();
        aside.d_m[i] += (off * keep) as f32;
    }
    aside
}
