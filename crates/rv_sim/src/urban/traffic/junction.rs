//! Others at junctions: lights, stop signs, and who goes first.

use rv_driver::law::Precedence;
use rv_map::city_lanes::{CityLaneKind, Sign};
use rv_map::lanes::Aspect;

use super::{Around, Mover, OnLane};

impl Mover {
    /// Distance from its front to the stop line of a light that it must stop for.
    pub(super) fn signal(&self, around: &Around<'_>) -> Option<f64> {
        let lane = around.lanes.lane(self.route[0]);
        let signal = lane.signal?;
        let to_m = f64::from(lane.stop_m) - self.s_m - self.half_m.0;
        if !(-1.5..=60.0).contains(&to_m) || self.is_emergency {
            return None;
        }
        let stops = match around.lanes.aspect(signal, around.at) {
            Aspect::Green | Aspect::Off => false,
            Aspect::Yellow => self.v_mps * self.v_mps / (2.0 * to_m.max(0.1)) < 3.0,
            Aspect::Red | Aspect::RedYellow => {
                to_m > -0.5 && self.v_mps * self.v_mps / (2.0 * to_m.max(0.1)) < 6.0
            }
        };
        stops.then_some(to_m)
    }

    /// Distance from its front to the line of a stop sign at which it has not stood yet.
    pub(super) fn stop_sign(&mut self, around: &Around<'_>) -> Option<f64> {
        let lane = around.lanes.lane(self.route[0]);
        let must_stop = matches!(lane.sign, Sign::Stop | Sign::AllWayStop);
        let to_m = f64::from(lane.stop_m) - self.s_m - self.half_m.0;
        let is_near = must_stop && !self.is_emergency && (-1.0..=60.0).contains(&to_m);
        if !is_near || self.stopped_on == Some(self.route[0]) {
            return None;
        }
        if self.v_mps < 0.3 && to_m < 2.0 {
            self.stopped_on = Some(self.route[0]);
            return None;
        }
        Some(to_m)
    }

    /// Distance from its front to where it must wait for others at a junction.
    pub(super) fn shared_ground(&self, around: &Around<'_>) -> f64 {
        let lanes = around.lanes;
        let here = lanes.lane(self.route[0]);
        let on_turn = matches!(here.kind, CityLaneKind::Turn { .. });
        let (turn, start_m) = if on_turn {
            (self.route[0], -self.s_m)
        } else {
            let Some(turn) = self.route.get(1) else { return f64::INFINITY };
            (*turn, f64::from(here.length_m) - self.s_m)
        };
        if start_m > 30.0 {
            return f64::INFINITY;
        }
        let front_m = self.half_m.0;
        let to_line_m = f64::from(here.stop_m) - self.s_m - front_m;
        let mut hold_m = f64::INFINITY;
        if !on_turn
            && to_line_m > -0.5
            && self.exit_is_full(around)
            && !lanes.conflicts(turn).is_empty()
        {
            hold_m = to_line_m;
        }
        // Whoever has stood for long goes.
        if self.held_s > 25.0 + f64::from(self.id % 10) {
            return f64::INFINITY;
        }
        for c in lanes.conflicts(turn) {
            let from_m = start_m + f64::from(c.here_m.0) - front_m;
            let to_m = start_m + f64::from(c.here_m.1) + self.half_m.0;
            if from_m < -0.3 || to_m < 0.0 {
                continue;
            }
            let precedence = around.law.precedence(lanes, turn, c.other);
            if self.must_wait(around, c, precedence, (from_m, to_m), here.signal) {
                let at_m = if on_turn || here.signal.is_some() || to_line_m < -0.5 {
                    from_m - 1.0
                } else {
                    to_line_m.min(from_m - 1.0)
                };
                hold_m = hold_m.min(at_m);
            }
        }
        hold_m.max(-5.0)
    }

    /// True if there is no room behind the junction ahead, on however many short lanes that is.
    fn exit_is_full(&self, around: &Around<'_>) -> bool {
        let Some(turn) = self.route.get(1) else { return false };
        if around.on(*turn).iter().any(|o| o.v_mps < 1.0) {
            return true;
        }
        let room_m = 2.0 * self.half_m.0 + 2.5;
        let mut start_m = 0.0;
        for exit in &self.route[2..] {
            let is_taken = |o: &OnLane| o.v_mps < 1.5 && start_m + o.s_m - o.half_m < room_m;
            if around.on(*exit).iter().any(|o| o.id != self.id && is_taken(o)) {
                return true;
            }
            start_m += f64::from(around.lanes.lane(*exit).length_m);
            if start_m > room_m {
                break;
            }
        }
        false
    }

    fn must_wait(
        &self,
        around: &Around<'_>,
        c: &rv_map::city_lanes::LaneConflict,
        precedence: Precedence,
        (from_m, to_m): (f64, f64),
        own_signal: Option<(u32, u8)>,
    ) -> bool {
        let lanes = around.lanes;
        let v = self.v_mps.max(1.0);
        let (t_in, t_out) = (from_m / v.max(3.0), to_m / v.max(2.5) + 0.5);
        let (zone_from, zone_to) = (f64::from(c.there_m.0), f64::from(c.there_m.1));
        let blocks = |o: &OnLane, to_zone_m: f64, is_on: bool| {
            if o.id == self.id {
                return false;
            }
            let to_in = to_zone_m - o.half_m;
            let to_out = to_zone_m + zone_to - zone_from + o.half_m;
            if to_out < 0.0 {
                return false;
            }
            if to_in <= 0.3 {
                return t_in < to_out / o.v_mps.max(0.3) + 0.3;
            }
            let ov = o.v_mps.max(0.3);
            let meets = t_in < to_out / ov.max(1.0) + 0.5 && to_in / ov < t_out + 1.2;
            match precedence {
                Precedence::First => {
                    // Trusts that the other waits, unless it clearly does not.
                    meets && o.v_mps > 2.0 && o.v_mps * o.v_mps / (2.0 * to_in) > 3.5
                }
                Precedence::Second => {
                    let patient = self.stood_s < 6.0 + f64::from(self.id % 5);
                    meets && (o.stood_s < 2.0 || patient && o.stood_s < 4.0)
                }
                Precedence::Equal => {
                    if o.stood_s > 1.0 && self.stood_s > 1.0 {
                        // Both stand: the lower number goes, and patience ends.
                        return o.id < self.id && self.stood_s < 4.0 + f64::from(self.id % 7);
                    }
                    meets && (is_on || to_in / ov < t_in)
                }
            }
        };
        for o in around.on(c.other) {
            if blocks(o, zone_from - o.s_m, true) {
                return true;
            }
        }
        let mut waits = false;
        lanes.upstream(c.other, 70.0, |id, leads_to, back_m| {
            if waits {
                return false;
            }
            let part = lanes.lane(id);
            let length_m = f64::from(part.length_m);
            // Those whom a red light holds do not count.
            let red = back_m == 0.0
                && own_signal.zip(part.signal).is_some_and(|(a, b)| a.0 == b.0 && a.1 != b.1);
            for o in around.on(id) {
                let is_coming = o.next == leads_to || o.next.0 == u32::MAX;
                let to_zone_m = length_m - o.s_m + back_m + zone_from;
                let held =
                    red && o.v_mps * o.v_mps / (2.0 * (length_m - o.s_m - o.half_m).max(0.5)) < 4.0;
                if is_coming && !held && to_zone_m < 80.0 && blocks(o, to_zone_m, false) {
                    waits = true;
                }
            }
            !waits
        });
        waits
    }
}
