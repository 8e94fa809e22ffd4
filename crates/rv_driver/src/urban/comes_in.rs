//! Those who drive along beside the van and will come over into its strip: where lanes merge, where
//! one swings out around something, where a way that is likely taken leads across.

use rv_map::city_lanes::CityLanes;

use super::Reason;
use super::aside::Aside;
use super::follow::is_on_strip;
use super::pace::Bound;
use super::predict::{Branch, branches};
use super::sight::{Beside, Scene};

/// How far ahead is looked, s, and the step.
const STEPS: u32 = 9;
const STEP_S: f64 = 0.4;
const LOOK_S: f64 = STEPS as f64 * STEP_S;

/// Others are looked at from this far behind the van on, m.
const BACK_M: f64 = 25.0;

/// Air beside the van within which one is on its strip, m.
const AIR_M: f64 = 0.2;

/// Who comes in within this time may be braked hard for, s.
const SOON_S: f64 = 1.3;

/// Ways less likely than this are not reckoned with.
const LIKELY_MIN: f64 = 0.1;

/// Time for which a reaction to a way that is not taken for sure may wait, s.
const DOUBT_S: f64 = 0.8;

/// Who is this far behind the van's middle once both have driven on for a second lets the van go
/// first, m.
const BEHIND_M: f64 = 0.5;

/// Braking harder than this makes no room, m/s2.
const HARDEST_MPS2: f64 = 5.0;

/// Gap to be had behind one that has come in, m, and the braking with which it is reckoned, m/s2.
const GAP_M: f64 = 1.6;
const BRAKING_MPS2: f64 = 3.0;

/// What somebody who comes in asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Who.
    pub(crate) id: u32,
    /// The acceleration with which there is room for it when it is there, m/s2.
    pub(crate) most_mps2: f64,
    /// The acceleration with which it is just not touched, m/s2.
    pub(crate) must_mps2: f64,
    /// True if it likely comes, and soon.
    pub(crate) is_pressing: bool,
}

/// Falls back behind those who come in ahead, in time to do so gently: bounds for the way behind
/// them, and the most that may be accelerated to have room for the first of them. Who comes in
/// behind, and who crosses instead of driving along, is left to others.
pub(crate) fn bounds(
    scene: &Scene<'_>,
    lanes: &CityLanes,
    aside: &Aside,
    found: &mut Vec<Branch>,
    out: &mut Vec<(Bound, Reason)>,
) -> Option<Room> {
    let mut least: Option<Room> = None;
    let mut last = None;
    for b in &scene.beside {
        let is_along = b.vs_mps > 1.0 && b.vs_mps > 1.5 * b.vd_mps.abs();
        let is_new = last.replace(b.track.id) != Some(b.track.id);
        let Some(spot) = b.on.filter(|_| is_along && is_new) else { continue };
        if is_on_strip(scene, aside, b, AIR_M) || b.s_m + b.half_s_m < scene.tail_m() - BACK_M {
            continue;
        }
        branches(lanes, &b.track, &spot, b.track.speed_mps * LOOK_S, found);
        for branch in found.iter().filter(|branch| branch.probability >= LIKELY_MIN) {
            let at = |t_s: f64| branch.pose(lanes, &b.track, &spot, t_s);
            let Some(Entry { room_m, in_s, vs_mps, ahead_m }) = comes_in(scene, aside, b, at)
            else {
                continue;
            };
            let wait_m = (1.0 - branch.probability) * DOUBT_S * scene.v_mps;
            // One that is faster makes the rest of the room itself.
            let spare_m = if vs_mps > scene.v_mps { GAP_M - AIR_M } else { 0.0 };
            let must_m = room_m + wait_m + spare_m - scene.v_mps * in_s;
            let must_mps2 = 2.0 * must_m / (in_s * in_s);
            // Whoever comes in beside the van's tail sooner than there could be room for it is behind
            // the van, and braking would only bring the two together.
            if ahead_m < 0.0 && must_mps2 < -HARDEST_MPS2 {
                continue;
            }
            let at_m = room_m + wait_m + vs_mps * vs_mps / (2.0 * BRAKING_MPS2);
            out.push((Bound { at_m, mps: 0.0 }, Reason::LetsIn(b.track.id)));
            let most_mps2 = 2.0 * (room_m + wait_m - scene.v_mps * in_s) / (in_s * in_s);
            if least.is_none_or(|l| most_mps2 < l.most_mps2) {
                let is_pressing = branch.probability >= 0.5 && in_s < SOON_S;
                least = Some(Room { id: b.track.id, most_mps2, must_mps2, is_pressing });
            }
        }
    }
    least
}

/// Where one comes in.
struct Entry {
    /// Room up to it there, m from the van's front of now.
    room_m: f64,
    /// When that is, s.
    in_s: f64,
    /// How fast it then drives along, m/s.
    vs_mps: f64,
    /// How far its middle is then ahead of the van's, m.
    ahead_m: f64,
}

/// Whether one comes in ahead along a way, and where.
fn comes_in(
    scene: &Scene<'_>,
    aside: &Aside,
    b: &Beside,
    at: impl Fn(f64) -> (rv_base::Point2, f64),
) -> Option<Entry> {
    let a = scene.sight.acceleration_mps2.clamp(-1.5, 0.0);
    let (l, w) = b.track.half_m;
    let reach = (scene.tail_m() - BACK_M, scene.s_m + super::sight::AHEAD_M);
    for k in 1..=STEPS {
        let t_s = f64::from(k) * STEP_S;
        let (centre, heading_rad) = at(t_s);
        // Not beside the way yet, or any more.
        let Some((s_m, d_m)) = scene.way.foot_within(reach, centre, 6.0) else { continue };
        let (sin, cos) = (heading_rad - scene.way.at(s_m).heading_rad).sin_cos();
        if cos < 0.7 {
            return None;
        }
        let (half_s_m, half_d_m) = (cos * l + sin.abs() * w, sin.abs() * l + cos * w);
        let side_m = (d_m - aside.at(s_m)).abs() - scene.vehicle.width_m / 2.0 - half_d_m;
        if side_m < AIR_M {
            let own_m = scene.s_m + scene.v_mps * t_s + 0.5 * a * t_s * t_s;
            let vs_mps = b.track.speed_mps * cos;
            let ahead_m = s_m - own_m;
            let is_ahead = ahead_m + (vs_mps - scene.v_mps) > -BEHIND_M;
            let room_m = s_m - half_s_m - GAP_M - scene.front_m();
            return is_ahead.then_some(Entry { room_m, in_s: t_s, vs_mps, ahead_m });
        }
    }
    None
}
