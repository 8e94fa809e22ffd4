//! Where beside the middle of its lane a van drives: around what stands or creeps at the kerb or in
//! the lane, with room, and only where the room is free.

use rv_map::city_lanes::{CityLaneKind, CityLanes};

use super::sight::{Beside, Scene};
use crate::law::TrafficLaw;
use crate::tracking::Class;

/// Distance between two samples of the plan of places beside the lane, m, and their number.
const STEP_M: f64 = 2.0;
const N: usize = 40;

/// Room kept to a thing that stands, m.
const ROOM_M: f64 = 0.5;

/// After standing so long with nothing to wait for, a vehicle is taken for parked, s.
const PARKED_AFTER_S: f64 = 5.0;

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
    let half_m = scene.vehicle.width_m / 2.0;
    let mut holds: Vec<Hold> = Vec::new();
    passing.retain(|id| scene.beside.iter().any(|b| b.track.id == *id && b.s_m > scene.s_m - 10.0));
    for b in &scene.beside {
        if b.s_m + b.half_s_m < scene.tail_m() - 1.0 || !is_to_pass(scene, b) {
            continue;
        }
        let room_m = if b.track.class == Class::Bicycle && b.vs_mps > 0.5 {
            law.bicycle_gap_m.min(1.0)
        } else {
            ROOM_M
        };
        let (low, high) = (b.d_m - b.half_d_m - room_m, b.d_m + b.half_d_m + room_m);
        if high < -half_m || low > half_m {
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
        // The smaller way around, the kerb side only if it stays in the lane.
        let d_m = if fits(right_m) && right_m.abs() < left_m.abs() {
            right_m
        } else if fits(left_m) {
            left_m
        } else {
            continue;
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
        if leaves_lane && needs_other && !passing.contains(&b.track.id) {
            let to_m = b.s_m + b.half_s_m + swing_m;
            if !is_free(scene, b, to_m, d_m) {
                let at_m = b.s_m - b.half_s_m - 6.0 - 2.0 * d_m.abs().min(2.0);
                if is_held.is_none_or(|h: Held| at_m < h.at_m) {
                    *is_held = Some(Held { at_m, id: b.track.id });
                }
                continue;
            }
            if b.s_m - b.half_s_m - scene.front_m() < swing_m + 8.0 {
                passing.push(b.track.id);
            }
        }
        let on_m = b.vs_mps.max(0.0) * 2.0;
        holds.push(Hold {
            from_m: b.s_m - b.half_s_m - scene.vehicle.length_m / 2.0 - 1.5,
            to_m: b.s_m + b.half_s_m + scene.vehicle.length_m / 2.0 + 1.0 + on_m,
            d_m,
        });
    }
    draw(scene, &holds)
}

/// True if it is not to be followed but gone around.
fn is_to_pass(scene: &Scene<'_>, b: &Beside) -> bool {
    let class = b.track.class;
    if class.walks() {
        return false;
    }
    if class == Class::Static || class.is_soft() {
        return true;
    }
    if class == Class::Bicycle && b.vs_mps > 0.5 {
        return b.d_m < 0.0 && b.vs_mps < 6.0 || b.d_m < -1.2;
    }
    if b.track.speed_mps > 0.5 {
        // One that drives along within its own strip at the kerb.
        return b.d_m.abs() - b.half_d_m > scene.vehicle.width_m / 2.0;
    }
    // One at the kerb, or one that stands where there is nothing to wait for.
    if b.d_m < -0.9 || b.d_m > 2.0 {
        return b.track.stood_s > 1.0;
    }
    let next_stop_m = scene
        .way
        .crossings
        .iter()
        .find(|c| c.from_m > b.s_m)
        .map_or(f64::INFINITY, |c| c.stop_m - b.s_m);
    let heads_a_queue = !scene.beside.iter().any(|o| {
        o.s_m > b.s_m + b.half_s_m
            && o.s_m - b.s_m < 25.0
            && o.d_m.abs() < 1.2
            && o.track.id != b.track.id
            && o.vs_mps > -0.5
            && o.vs_mps < 3.0
    });
    b.track.stood_s > PARKED_AFTER_S
        && (next_stop_m > 25.0 && heads_a_queue || b.track.stood_s > 60.0)
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
    let left_m = if sign_left && is_road { in_lane_m + width_m } else { in_lane_m + 0.3 };
    (left_m, in_lane_m + 0.2, sign_left)
}

fn in_lane_room_m(scene: &Scene<'_>, lanes: &CityLanes, s_m: f64) -> f64 {
    let width_m = scene.way.part_at(s_m).map_or(3.0, |p| f64::from(lanes.lane(p.lane).width_m));
    ((width_m - scene.vehicle.width_m) / 2.0).max(0.2)
}

/// True if nobody will be where the van swings out, for as long as it is there.
fn is_free(scene: &Scene<'_>, around: &Beside, to_m: f64, d_m: f64) -> bool {
    let own_mps = scene.v_mps.max(3.0);
    let over_s = ((to_m - scene.s_m).max(5.0) / (own_mps - around.vs_mps.max(0.0)).max(1.5)) + 1.5;
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
            // Comes towards the van.
            if gap_m < -o.vs_mps * over_s + 4.0 && o.s_m > scene.s_m {
                return false;
            }
        } else if o.s_m > scene.tail_m() {
            if o.s_m - o.half_s_m < to_m + 4.0 + (scene.v_mps - o.vs_mps).max(0.0) * 2.0
                && o.vs_mps < own_mps
                && o.d_m > 0.5
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

/// Length over which the van moves aside.
fn swing_m(v_mps: f64, d_m: f64) -> f64 {
    (2.2 * v_mps).max(5.0).max(5.5 * d_m.abs().sqrt())
}

/// Draws a smooth line through the holds, from where the van is.
fn draw(scene: &Scene<'_>, holds: &[Hold]) -> Aside {
    let mut aside = Aside::straight(scene.s_m - 3.0 * STEP_M);
    if holds.is_empty() && scene.d_m.abs() < 0.02 {
        return aside;
    }
    let mut raw = [0.0_f64; N];
    let most = holds.iter().fold(0.0_f64, |m, h| m.max(h.d_m.abs()));
    let swing = swing_m(scene.v_mps, most);
    let half = swing / 2.0;
    for (i, slot) in raw.iter_mut().enumerate() {
        let s_m = aside.from_m + i as f64 * STEP_M;
        for h in holds {
            // Widened by what smoothing takes away.
            if s_m > h.from_m - half && s_m < h.to_m + half && h.d_m.abs() > slot.abs() {
                *slot = h.d_m;
            }
        }
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
