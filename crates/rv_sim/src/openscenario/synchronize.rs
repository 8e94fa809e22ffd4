//! Synchronisation: to be at a place when another one is at its own.

use rv_import::openscenario::{Action, EntityIdx, FinalSpeed, SteadyState};

use super::Player;
use super::actions::SMALL;
use super::places::Place;

/// Time that is never reached, s.
const NEVER_S: f64 = 1e10;
/// Hardest braking of one that must stop at once, m/s2.
const BRAKES_MPS2: f64 = 8.0;

/// A synchronisation that goes on.
#[derive(Clone, Debug)]
pub(super) struct Sync {
    master_target: Place,
    target: Place,
    last_m: (f64, f64),
    mode: Mode,
    is_convex: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    None,
    NonLinear,
    Linear,
    Steady,
    Stopping,
    Stopped,
    Waiting,
}

impl Player<'_> {
    pub(super) fn go_synchronize(
        &mut self,
        who: EntityIdx,
        action: &Action,
        sync: &mut Sync,
        dt_s: f64,
    ) -> bool {
        let Action::Synchronize { master, final_speed, tolerance_m, .. } = action else {
            return false;
        };
        let master_m = self.to_place_m(*master, &sync.master_target);
        let own_m = self.to_place_m(who, &sync.target);
        let master_mps = self.movers[*master].came_mps;
        let master_left_m = (master_m - tolerance_m.0).max(SMALL);
        let left_m = (own_m - tolerance_m.1).max(SMALL);
        let left_s = if master_mps > SMALL { master_left_m / master_mps } else { NEVER_S };
        let final_mps = final_speed.map(|(speed, _)| match speed {
            FinalSpeed::Absolute(v) => v,
            FinalSpeed::Relative(v) => self.movers[*master].speed_mps + v,
        });
        let is_over = own_m < tolerance_m.1 + SMALL
            || master_m < tolerance_m.0 + SMALL
            || own_m > sync.last_m.0
            || master_m > sync.last_m.1
            || left_s < dt_s;
        sync.last_m = (own_m, master_m);
        if is_over {
            if let Some(v) = final_mps {
                self.movers[who].speed_mps = v;
            }
            return false;
        }
        let own_mps = self.movers[who].speed_mps;
        let Some(final_mps) = final_mps else {
            let last_mps = 2.0 * left_m / left_s - own_mps;
            self.movers[who].speed_mps = own_mps + (last_mps - own_mps) / left_s * dt_s;
            return true;
        };
        let steady_m = match final_speed.map(|(_, steady)| steady) {
            Some(SteadyState::Time(s)) => Some(s * final_mps),
            Some(SteadyState::Distance(m)) => Some(m),
            _ => None,
        };
        let came_mps = self.movers[who].came_mps;
        let next = sync.speed_mps((own_mps, came_mps), final_mps, steady_m, (left_m, left_s), dt_s);
        self.movers[who].speed_mps = next;
        true
    }

    /// How far one still has to go to a place: along roads, or straight.
    fn to_place_m(&self, who: EntityIdx, place: &Place) -> f64 {
        let mover = &self.movers[who];
        let straight = place.pose.at.distance_to(mover.pose.at).0;
        if let Some(gone_m) = mover.on_line {
            // On a trajectory the rest of it counts.
            return place.along_m.map_or(straight, |along_m| (along_m - gone_m).abs());
        }
        let spots = mover.spot.zip(place.spot);
        spots.and_then(|(a, b)| self.roads.way_m(&a, &b)).map_or(straight, f64::abs)
    }
}

impl Sync {
    pub(super) fn new(master_target: Place, target: Place) -> Self {
        let last_m = (f64::INFINITY, f64::INFINITY);
        Self { master_target, target, last_m, mode: Mode::None, is_convex: false }
    }

    /// The speed of the next step: with constant acceleration to the final speed, or first to
    /// another speed (faster or slower) and from there to the final one, or with a stop between.
    fn speed_mps(
        &mut self,
        (own_mps, came_mps): (f64, f64),
        v1: f64,
        steady_m: Option<f64>,
        (mut left_m, mut left_s): (f64, f64),
        dt_s: f64,
    ) -> f64 {
        // Laws of motion are asked with the speed at which it really came.
        let v0 = came_mps;
        if let Some(steady_m) = steady_m
            && self.mode != Mode::Steady
        {
            let steady_s = steady_m / v1.max(1e-10);
            if left_m - steady_m < SMALL || left_s - steady_s < SMALL {
                self.mode = Mode::Steady;
            } else {
                left_m -= steady_m;
                left_s -= steady_s;
            }
        }
        let moves = left_s < NEVER_S / 2.0;
        match self.mode {
            Mode::Steady => return v1,
            Mode::Waiting if !moves => return own_mps,
            Mode::Waiting => self.mode = Mode::None,
            Mode::Stopping => {
                let next = own_mps - BRAKES_MPS2 * dt_s;
                if next < 0.0 {
                    self.mode = Mode::Waiting;
                }
                return next.max(0.0);
            }
            Mode::Stopped if left_s < 2.0 * left_m / v1.max(1e-10) => self.mode = Mode::Linear,
            Mode::Stopped => return 0.0,
            _ => {}
        }
        // The speed from which constant acceleration reaches the final speed in time.
        let on_line = 2.0 * left_m / left_s - v1;
        if self.mode == Mode::Linear {
            return if moves { on_line.max(0.0) } else { 0.0 };
        }
        if self.mode == Mode::NonLinear && moves && (own_mps - on_line).abs() < 0.1 {
            self.mode = Mode::Linear;
            return own_mps;
        }
        if self.mode == Mode::None && !moves {
            // The master stands: it stands, too, and then takes the straight way.
            self.mode = Mode::Linear;
            return 0.0;
        }
        if self.mode == Mode::None {
            self.mode = Mode::NonLinear;
            self.is_convex = (v1 + own_mps) / 2.0 < left_m / left_s;
        }
        let (turn_mps, mut acceleration) = turning_point(v0, v1, left_m, left_s);
        if self.is_convex == (acceleration < 0.0) && acceleration != 0.0 {
            self.mode = Mode::Linear;
            acceleration = 0.0;
        }
        if self.mode == Mode::NonLinear && turn_mps < 0.0 {
            // Not even standing still between is slow enough for one bend: stop, wait, go.
            let stop_s = 2.0 * v0 * left_m / (v0 * v0 + v1 * v1).max(1e-10);
            acceleration = if stop_s.abs() > SMALL { -v0 / stop_s } else { 0.0 };
            if stop_s * v0 / 2.0 > left_m / 2.0 {
                acceleration = -BRAKES_MPS2;
                self.mode = Mode::Stopping;
            }
            if v0 + acceleration * dt_s < 0.0 {
                self.mode = Mode::Stopped;
                return 0.0;
            }
        }
        own_mps + acceleration * dt_s
    }
}

/// Two phases of equal and opposite acceleration from v0 to v1 over a way in a time: the speed
/// between them, and the acceleration of the first.
fn turning_point(v0: f64, v1: f64, s: f64, t: f64) -> (f64, f64) {
    if (v1 - v0).abs() < SMALL {
        let turn = 2.0 * s / t - v0;
        return (turn, (turn - v0) / (t / 2.0));
    }
    let root = (2.0 * (2.0 * s * s - 2.0 * (v1 + v0) * t * s + (v1 * v1 + v0 * v0) * t * t))
        .max(0.0)
        .sqrt();
    for sign in [-1.0, 1.0] {
        let turn = (2.0 * s + sign * root) / (2.0 * t);
        let at_s = (sign * root - 2.0 * s + 2.0 * v1 * t) / (2.0 * (v1 - v0));
        if at_s > 0.0 && at_s < t {
            return (turn, (turn - v0) / at_s);
        }
    }
    (0.0, 0.0)
}
