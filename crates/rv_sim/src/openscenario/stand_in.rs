//! A stand-in for the controller of a vehicle under test, when nobody else drives it: it keeps its
//! lane and follows the one in front, as esmini's own `ALKSController` does, so that traces of both
//! can be compared. It is no driver: see `drive run` for ours.

use rv_import::openscenario::EntityIdx;

use super::Player;

/// Gap at standstill, m.
const GAP_MIN_M: f64 = 3.0;
/// Time gap, s.
const GAP_S: f64 = 1.5;
/// Shortest range in which it looks for others, m.
const RANGE_MIN_M: f64 = 50.0;
/// Nearer than this it stands, m.
const STANDS_M: f64 = 1.0;
/// Share of the strongest acceleration that it uses.
const SHARE: f64 = 0.7;

/// What it remembers.
#[derive(Clone, Copy, Debug)]
pub(super) struct StandIn {
    pub(super) who: EntityIdx,
    /// The speed that it drives if nobody is in front, m/s.
    pub(super) set_mps: f64,
    speed_mps: f64,
}

impl StandIn {
    pub(super) fn new(who: EntityIdx, speed_mps: f64) -> Self {
        Self { who, set_mps: speed_mps, speed_mps }
    }
}

impl Player<'_> {
    /// Sets the speed of the one that the stand-in drives.
    pub(super) fn step_stand_in(&mut self, dt_s: f64) {
        let Some(mut state) = self.stand_in else { return };
        if !self.has_stand_in || self.driven == Some(state.who) || dt_s <= 0.0 {
            return;
        }
        let entity = &self.scenario.entities[state.who];
        let now_mps = self.movers[state.who].speed_mps;
        if (now_mps - state.speed_mps).abs() > 1e-3 {
            state.set_mps = now_mps;
        }
        let v = state.speed_mps;
        let (up, down) = (entity.acceleration_max_mps2, entity.braking_max_mps2);
        match self.in_front(state.who, v) {
            Some((gap_m, _)) if gap_m < STANDS_M => state.speed_mps = 0.0,
            Some((gap_m, other_mps)) => {
                let wanted_m = GAP_MIN_M + GAP_S * v.max(other_mps).abs();
                let near = ((gap_m - wanted_m) / wanted_m).min(1.0);
                let over_other = v - state.set_mps.min(other_mps);
                let over_set = v - state.set_mps;
                let a = 2.5 * near - near * over_set - (1.0 - near) * over_other;
                state.speed_mps = (v + a.clamp(-down, up) * dt_s).max(0.0);
            }
            None => {
                let a = ((state.set_mps - v) * SHARE * up).clamp(-down, SHARE * up);
                let next = v + a * dt_s;
                let passed = (next - state.set_mps).abs() > (v - state.set_mps).abs();
                state.speed_mps = if passed { state.set_mps } else { next };
            }
        }
        state.speed_mps = state.speed_mps.min(state.set_mps);
        self.movers[state.who].speed_mps = state.speed_mps;
        self.stand_in = Some(state);
    }

    /// Gap to the nearest one ahead in the lane or right in front of the nose, m, and its speed.
    fn in_front(&self, who: EntityIdx, v: f64) -> Option<(f64, f64)> {
        let own = self.movers[who].spot?;
        let entity = &self.scenario.entities[who];
        let range_m = RANGE_MIN_M.max(2.0 * GAP_MIN_M + v * v / entity.braking_max_mps2.max(0.1));
        let lane = self.roads.spot(own.road, own.s_m, self.roads.t_m(&own)).lane;
        let mut nearest: Option<(f64, f64)> = None;
        for (idx, other) in self.movers.iter().enumerate() {
            if idx == who || !other.is_there {
                continue;
            }
            let size = &self.scenario.entities[idx];
            let mut in_lane = false;
            if let Some(spot) = other.spot {
                let ahead_m = self.roads.way_m(&own, &spot).unwrap_or(f64::INFINITY);
                let turn = other.pose.heading_rad - self.movers[who].pose.heading_rad;
                let side = if turn.cos() > 0.0 { -1.0 } else { 1.0 };
                let gap_m = ahead_m
                    - (entity.length_m / 2.0 + entity.centre_m.0)
                    - (size.length_m / 2.0 + side * size.centre_m.0);
                let t_m = self.roads.t_m(&spot);
                let its_lane = self.roads.spot(spot.road, spot.s_m, t_m).lane;
                let is_same = spot.road != own.road || its_lane == lane;
                let is_near = ahead_m < range_m + 1e-3 && gap_m > 0.0;
                in_lane = is_same && is_near && nearest.is_none_or(|(gap, _)| gap_m < gap);
                if in_lane {
                    nearest = Some((gap_m, other.speed_mps));
                }
            }
            if !in_lane {
                let (along_m, across_m) = self.free_m(who, idx);
                let reach_m = 1.0 + size.length_m + 0.5 * (v - other.speed_mps).max(0.0);
                if along_m > 0.0 && along_m < reach_m && across_m < 0.2 && across_m > -0.5 {
                    nearest = Some((along_m, other.speed_mps));
                }
            }
        }
        nearest
    }
}
