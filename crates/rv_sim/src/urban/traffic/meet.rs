//! Others where two cannot pass: around what stands, to the kerb for whoever comes, and back where
//! nothing else helps.

use rv_driver::tracking::Class;

use super::super::world::VAN_ID;
use super::{Around, Minds, Mover};

/// Cosine between headings below which another faces it, and below which it goes another way.
pub(super) const FACES: f64 = -0.5;
const OTHER_WAY: f64 = 0.7;

/// Before a van that comes towards it, it stands this much earlier than before one that goes its way, m.
pub(super) const ROOM_M: f64 = 2.5;

/// It goes to the kerb for a van within this way, m, leaves this room, and this gap to the kerb, m.
const SEEN_M: f64 = 30.0;
const SIDE_M: f64 = 0.3;
const KERB_M: f64 = 0.05;

/// It backs off after standing so long, s: by its number up to 4 s later.
const PATIENCE_S: f64 = 7.0;
/// Way back: at most, at least, m, and room left behind, m.
const BACK_M: f64 = 9.0;
const BACK_MIN_M: f64 = 1.5;
const BEHIND_M: f64 = 1.0;
/// Speed backwards, m/s, and how that changes, m/s2.
const BACK_MPS: f64 = 1.3;
const BACK_MPS2: f64 = 0.7;
/// Where it has backed to it stands so long for the other to pass, s.
const GIVES_S: f64 = 10.0;
/// Somebody behind that asks for room is answered after this time, s.
const ASKED_S: f64 = 1.5;

/// Backing off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backing {
    /// For whom.
    whom: u32,
    /// Way back that is left, m.
    left_m: f64,
    /// How long it has stood at its end, s.
    stood_s: f64,
}

impl Mover {
    /// Backs off for somebody that it stands nose to nose with, and lets them pass; false if it has no
    /// reason to.
    pub(super) fn makes_room(&mut self, around: &Around<'_>, dt_s: f64) -> bool {
        self.wants_room = false;
        let Some(mut backing) = self.backing else {
            self.begins_to_back(around);
            return false;
        };
        self.minds = Minds::MakesRoom;
        let free_m = self.free_behind_m(around);
        let left_m = backing.left_m.min(free_m);
        self.wants_room = backing.left_m > free_m.max(0.0) + 0.5;
        let back_mps = (-self.v_mps).max(0.0);
        let wish_mps = BACK_MPS.min((2.0 * BACK_MPS2 * left_m.max(0.0)).sqrt());
        let most = if wish_mps < back_mps { 2.0 } else { BACK_MPS2 };
        let next_mps = back_mps + (wish_mps - back_mps).clamp(-most * dt_s, most * dt_s);
        let way_m = (back_mps + next_mps) / 2.0 * dt_s;
        (self.a_mps2, self.v_mps) = ((back_mps - next_mps) / dt_s, -next_mps);
        backing.left_m -= way_m;
        self.s_m -= way_m;
        self.stood_s = if next_mps < 0.2 { self.stood_s + dt_s } else { 0.0 };
        if self.s_m < 0.0
            && let Some(lane) = self.past.pop()
        {
            self.route.insert(0, lane);
            self.s_m += f64::from(around.lanes.lane(lane).length_m);
            self.hold_m = f64::INFINITY;
        }
        if left_m < 0.2 && next_mps < 0.1 {
            (self.v_mps, backing.stood_s) = (0.0, backing.stood_s + dt_s);
        }
        let gives_s = GIVES_S + f64::from(self.id % 5);
        let is_over = next_mps < 0.1
            && (backing.stood_s > gives_s
                || backing.stood_s > 1.0 && !self.is_faced_by(around, backing.whom));
        if is_over {
            self.v_mps = 0.0;
        }
        (self.backing, self.held_s) = ((!is_over).then_some(backing), 0.0);
        true
    }

    /// Decides to back off, or asks those behind it to.
    fn begins_to_back(&mut self, around: &Around<'_>) {
        if self.v_mps > 0.1 || self.stood_s < ASKED_S {
            return;
        }
        let (Minds::InFront(whom) | Minds::Van(whom)) = self.minds else { return };
        let has_waited = self.stood_s > PATIENCE_S + f64::from(self.id % 5);
        let is_asked = around.on_lane.iter().any(|o| o.id == whom && o.wants_room);
        if !(is_asked || has_waited && self.is_faced_by(around, whom)) {
            return;
        }
        if self.free_behind_m(around) > BACK_MIN_M {
            self.backing = Some(Backing { whom, left_m: BACK_M, stood_s: 0.0 });
        } else {
            self.wants_room = true;
        }
    }

    /// True if somebody stands in its way, or creeps there, who goes another way than it does.
    fn is_faced_by(&self, around: &Around<'_>, whom: u32) -> bool {
        around.blocks.iter().filter(|b| b.id == whom && !b.walks).any(|b| {
            let is_near = b.at.distance_to(self.at).0 < SEEN_M;
            is_near
                && b.v_mps.abs() < 1.5
                && (b.heading_rad - self.heading_rad).cos() < OTHER_WAY
                && self.way_to_m(around.lanes, b, BACK_M + 6.0).is_some()
        })
    }

    /// Way back that is free, m.
    fn free_behind_m(&self, around: &Around<'_>) -> f64 {
        let mut free_m = BACK_M + 1.0;
        let mut start_m = self.s_m;
        for lane in std::iter::once(&self.route[0]).chain(self.past.iter().rev()) {
            for o in around.on(*lane) {
                let place_m = if *lane == self.route[0] {
                    self.s_m - o.s_m
                } else {
                    start_m + f64::from(around.lanes.lane(*lane).length_m) - o.s_m
                };
                let is_beside = (o.d_m - self.d_m).abs() > 1.6;
                if o.id != self.id && place_m > 0.0 && !is_beside {
                    free_m = free_m.min(place_m - o.half_m - self.half_m.0 - BEHIND_M);
                }
            }
            if *lane != self.route[0] {
                start_m += f64::from(around.lanes.lane(*lane).length_m);
            }
            if start_m > BACK_M + 2.0 * self.half_m.0 {
                break;
            }
        }
        // Beyond the lanes that it came by nothing is known.
        free_m = free_m.min(start_m - self.half_m.0);
        let (sin, cos) = self.heading_rad.sin_cos();
        for b in around.blocks.iter().filter(|b| b.id != self.id) {
            let (dx, dy) = (b.at.x_m - self.at.x_m, b.at.y_m - self.at.y_m);
            let behind_m = -(dx * cos + dy * sin);
            let (s, c) = (b.heading_rad - self.heading_rad).sin_cos();
            let half_along = c.abs() * b.half_m.0 + s.abs() * b.half_m.1;
            let half_across = s.abs() * b.half_m.0 + c.abs() * b.half_m.1;
            let room_m = if b.walks { 1.0 } else { 0.2 };
            let is_behind = (dy * cos - dx * sin).abs() < self.half_m.1 + half_across + room_m;
            if behind_m > 0.0 && is_behind {
                free_m = free_m.min(behind_m - half_along - self.half_m.0 - BEHIND_M);
            }
        }
        free_m
    }

    /// How far to the kerb it goes for a van that comes towards it, to the left of its lane, m; nothing if
    /// that needs no room.
    fn kerb_for_van_m(&self, around: &Around<'_>, sign: f64) -> Option<f64> {
        let lanes = around.lanes;
        let lane = self.route[0];
        let most_m = f64::from(lanes.lane(lane).width_m) / 2.0 - self.half_m.1 - KERB_M;
        let vans = around.blocks.iter().filter(|b| {
            b.id >= VAN_ID - 1
                && b.at.distance_to(self.at).0 < SEEN_M
                && (b.heading_rad - self.heading_rad).cos() < FACES
        });
        let needed = vans.filter_map(|van| {
            let spot = lanes.foot(lane, van.at);
            if spot.s_m < self.s_m - self.half_m.0 {
                return None;
            }
            let (s, c) = (van.heading_rad - spot.heading_rad).sin_cos();
            let half_across = s.abs() * van.half_m.0 + c.abs() * van.half_m.1;
            // How far its near side is to the side of the middle, seen from this lane.
            let free_m = -sign * spot.beside_m - half_across - SIDE_M - self.half_m.1;
            (free_m < 0.0 && -sign * spot.beside_m > 0.0).then_some(-free_m)
        });
        let needed_m = needed.fold(0.0, f64::max);
        (needed_m > 0.0 && most_m > 0.0).then(|| sign * needed_m.min(most_m))
    }

    /// Moves over for what narrows its lane; the distance to where it waits for oncoming traffic.
    pub(super) fn go_around(&mut self, around: &Around<'_>, dt_s: f64) -> Option<f64> {
        let lanes = around.lanes;
        let kerb_m = f64::from(lanes.lane(self.route[0]).width_m) / 2.0 - 0.6;
        let sign = if lanes.drive_side == rv_map::DriveSide::Right { -1.0 } else { 1.0 };
        let usual_m = match self.class {
            Class::Bicycle | Class::Scooter => sign * kerb_m,
            _ => 0.0,
        };
        let mut wish_m = match self.kerb_for_van_m(around, sign) {
            Some(kerb_m) if kerb_m * sign > usual_m * sign => kerb_m,
            _ => usual_m,
        };
        let mut wait = None;
        for n in around.narrow.get(&self.route[0]).into_iter().flatten() {
            let to_m = n.from_m - self.s_m - self.half_m.0;
            if to_m > 14.0 || self.s_m - self.half_m.0 > n.to_m + 0.5 {
                continue;
            }
            // Mirrored where traffic keeps left.
            let need_m = -sign * (n.free_from_m + self.half_m.1 + 0.35);
            if need_m * -sign <= usual_m * -sign {
                continue;
            }
            if (need_m - usual_m).abs() > 0.6 && to_m > 0.0 && self.d_m.abs() < 0.5 {
                let oncoming = lanes.lane(self.route[0]).oncoming;
                let length_m = f64::from(lanes.lane(self.route[0]).length_m);
                let is_free = oncoming.is_none_or(|lane| {
                    around.on(lane).iter().all(|o| {
                        let there_m = length_m - o.s_m;
                        // A van may set out at any moment.
                        let comes_mps = o.v_mps.max(if o.id >= VAN_ID { 6.0 } else { 2.0 });
                        there_m < self.s_m - 3.0 || there_m > n.to_m + 12.0 + 5.0 * comes_mps
                    })
                });
                if !is_free && self.stood_s < 20.0 {
                    wait = Some(to_m - 3.0);
                    continue;
                }
            }
            if (need_m - usual_m) * -sign > (wish_m - usual_m) * -sign {
                wish_m = need_m;
            }
        }
        let step_m = (0.25 * self.v_mps).min(1.2) * dt_s;
        self.d_m += (wish_m - self.d_m).clamp(-step_m, step_m);
        // Not past it before it has moved over.
        wait
    }
}
