//! Follows a planned trajectory with the vehicle: late commands, limited actuators, tyres that slip.
//!
//! What was commanded and has not yet reached the wheels is kept, and the state is carried forward
//! through it, so that each command is chosen for the state in which it will act. Errors beside the
//! trajectory, of heading and of steering are led back by a linear-quadratic regulator whose gains are
//! found once for a grid of speeds (Riccati iteration; Kapania and Gerdes 2015 and Althoff et al. for
//! the error model of the kinematic single track); along it by one for way and speed. The command is
//! then held within what the vehicle can do ([`bounded`]). No state grows from cycle to cycle.

pub mod plants;

use rv_base::Point2;

use crate::trajectory::{Gear, Input, State, Vehicle, bounded, step_in, wrapped_rad};

/// Most commands under way.
const LATE_MAX: usize = 8;
/// Speeds for which gains are found, m/s: from the first on, this far apart.
const SPEEDS_MPS: (f64, f64) = (1.0, 1.0);
/// How many speeds.
const SPEEDS: usize = 50;
/// Below this speed it is not asked how much time a way takes, m/s.
const SLOW_MPS: f64 = 0.2;
/// Nearer than this behind where it shall stand it stays, m.
const NEAR_M: f64 = 0.01;
/// How fast an unknown drag is learnt, each cycle, and how much of it is believed, m/s2.
const DRAG_SHARE: f64 = 0.15;
const DRAG_MPS2: f64 = 1.5;
/// Iterations of the Riccati equation; it settles in far fewer.
const ITERATIONS: usize = 400;

/// What an error costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Of a metre beside the trajectory, squared.
    pub beside: f64,
    /// Of a radian of heading, squared.
    pub heading: f64,
    /// Of a radian of steering, squared.
    pub steering: f64,
    /// Of a radian a second of steering speed, squared.
    pub steering_rate: f64,
    /// Of a metre along the trajectory, squared.
    pub along: f64,
    /// Of a metre a second, squared.
    pub speed: f64,
    /// Of a metre a second squared, squared.
    pub acceleration: f64,
    /// How far the tail slides out in a bend, rad for each m/s2 to the side: so much further in the
    /// nose is to point (no cost, but a habit of the tyres).
    pub tail_slip_rad_per_mps2: f64,
}

impl Weights {
    /// Centimetres count, steering stays calm.
    pub const USUAL: Self = Self {
        beside: 1.0,
        heading: 4.0,
        steering: 1.0,
        steering_rate: 2.0,
        along: 0.4,
        speed: 1.0,
        acceleration: 1.0,
        // Load times a stiffness of 21 per rad, on any tyre of a car: 1 / (9.81 * 21).
        tail_slip_rad_per_mps2: 0.0049,
    };
}

/// Follows trajectories with one vehicle.
#[derive(Clone, Debug)]
pub struct Follower {
    vehicle: Vehicle,
    dt_s: f64,
    /// Commands that have not reached the wheels, the oldest first.
    under_way: [(Gear, Input); LATE_MAX],
    n_late: usize,
    /// Time constant of brakes and drive, s, and the acceleration they have reached.
    lag_s: f64,
    acts_mps2: f64,
    /// What drags or pushes and is not commanded, in driving direction, m/s2, and the speed expected now.
    drag_mps2: f64,
    expected_mps: Option<f64>,
    gear: Gear,
    across: [[f64; 3]; SPEEDS],
    along: [f64; 2],
    tail_slip_rad_per_mps2: f64,
}

/// How far off the vehicle is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Left of the trajectory, m.
    pub beside_m: f64,
    /// Ahead of its time, m.
    pub along_m: f64,
    /// Heading, rad.
    pub heading_rad: f64,
}

impl Follower {
    /// A follower for cycles of `dt_s` whose commands act `n_late` cycles later (at most 8).
    pub fn new(vehicle: Vehicle, dt_s: f64, n_late: usize, weights: &Weights) -> Self {
        let across = std::array::from_fn(|i| {
            across_gains(&vehicle, SPEEDS_MPS.0 + SPEEDS_MPS.1 * i as f64, dt_s, weights)
        });
        let along = along_gains(dt_s, weights);
        let under_way = [(Gear::Forward, Input::default()); LATE_MAX];
        let tail_slip_rad_per_mps2 = weights.tail_slip_rad_per_mps2;
        let n_late = n_late.min(LATE_MAX);
        let gear = Gear::Forward;
        Self {
            vehicle,
            dt_s,
            under_way,
            n_late,
            lag_s: 0.0,
            acts_mps2: 0.0,
            drag_mps2: 0.0,
            expected_mps: None,
            gear,
            across,
            along,
            tail_slip_rad_per_mps2,
        }
    }

    /// The same for a vehicle whose brakes and drive answer with a time constant, s. The trajectory
    /// must then reach one state further: what is planned is commanded earlier.
    pub fn with_lag(self, lag_s: f64) -> Self {
        Self { lag_s: lag_s.max(0.0), ..self }
    }

    /// The command for this cycle, along the nose also backwards. `planned` are the states of the
    /// trajectory, `dt_s` apart, the first for now; beyond its end it stands. It is followed backwards
    /// where its speeds are less than zero; the gear changes at a stand.
    pub fn cycle(&mut self, now: &State, planned: &[State]) -> Input {
        let acts = planned.iter().skip(self.n_late).take(2).map(|s| s.speed_mps);
        let gear = match acts.fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a }) {
            v if v > 0.0 => Gear::Forward,
            v if v < 0.0 => Gear::Reverse,
            _ => self.gear,
        };
        self.cycle_in(gear, now, planned)
    }

    /// The same with the gear known.
    pub fn cycle_in(&mut self, gear: Gear, now: &State, planned: &[State]) -> Input {
        self.note_drag(gear.turned(now).speed_mps, gear);
        let (mut then, mut acts_mps2) = (*now, self.acts_mps2);
        for (i, (gear, input)) in self.under_way[..self.n_late].iter().enumerate() {
            let (mean, end) = self.lagged(acts_mps2, input.acceleration_mps2);
            let drag = if then.speed_mps.abs() > SLOW_MPS { self.drag_mps2 } else { 0.0 };
            let input = Input { acceleration_mps2: mean + drag * gear.sign(), ..*input };
            then = step_in(&self.vehicle, *gear, &then, input, self.dt_s);
            acts_mps2 = end;
            // The first one acts in this cycle.
            if i == 0 {
                self.acts_mps2 = end;
                self.expected_mps = Some(gear.turned(&then).speed_mps);
            }
        }
        self.gear = gear;
        let command = gear.turned_input(self.command(gear, &gear.turned(&then), planned));
        if self.n_late > 0 {
            self.under_way[..self.n_late].rotate_left(1);
            self.under_way[self.n_late - 1] = (gear, command);
        }
        command
    }

    /// Learns from how much faster or slower it is than expected: slopes, tyres that scrub at full lock.
    fn note_drag(&mut self, speed_mps: f64, gear: Gear) {
        let expected = self.expected_mps.take();
        let (true, Some(expected_mps)) = (gear == self.gear, expected) else { return };
        if speed_mps > SLOW_MPS / 2.0 && expected_mps > SLOW_MPS / 2.0 {
            let more = (speed_mps - expected_mps) / self.dt_s;
            self.drag_mps2 = (self.drag_mps2 + DRAG_SHARE * more).clamp(-DRAG_MPS2, DRAG_MPS2);
        }
    }

    /// Acceleration in a cycle for a command, on average and at its end.
    fn lagged(&self, acts_mps2: f64, command_mps2: f64) -> (f64, f64) {
        if self.lag_s <= 0.0 {
            return (command_mps2, command_mps2);
        }
        let cycles = self.dt_s / self.lag_s;
        let off = acts_mps2 - command_mps2;
        let left = (-cycles).exp();
        (command_mps2 + off * (1.0 - left) / cycles, command_mps2 + off * left)
    }

    /// The gear of the last command.
    pub fn gear(&self) -> Gear {
        self.gear
    }

    /// The command for a state, both as seen by one who drives forwards.
    fn command(&self, gear: Gear, then: &State, planned: &[State]) -> Input {
        let turned = |s: &State| gear.turned(s);
        let Some(last) = planned.last().map(turned) else {
            let hardest = Input { steering_rate_radps: 0.0, acceleration_mps2: -4.0 };
            return bounded(&self.vehicle, then, hardest, self.dt_s);
        };
        let stand = State { speed_mps: 0.0, ..last };
        let at = planned.get(self.n_late).map_or(stand, turned);
        let next = planned.get(self.n_late + 1).map_or(stand, turned);
        let off = errors(then, &at);
        // Wheels belong to a place on the way, not to a moment: those of where it is are compared.
        let state = |k: usize| planned.get(k).map_or(stand, turned);
        let later = off.along_m / (at.speed_mps.max(SLOW_MPS) * self.dt_s);
        let place = (self.n_late as f64 + later).clamp(0.0, (self.n_late + 1) as f64);
        let (k, share) = (place as usize, place.fract());
        let here = between(&state(k), &state(k + 1), share);
        let there = between(&state(k + 1), &state(k + 2), share);
        let beside_m = errors(then, &here).beside_m;
        let heading_rad = errors(then, &here).heading_rad;
        let turn = then.steering_rad - here.steering_rad;
        let [beside, heading, steering] = self.gains(then.speed_mps);
        let bend = here.steering_rad.tan() / self.vehicle.wheelbase_m();
        let inwards_rad = self.tail_slip_rad_per_mps2 * then.speed_mps * then.speed_mps * bend;
        let turned_rad = heading_rad - inwards_rad;
        let back = beside * beside_m + heading * turned_rad + steering * turn;
        let ahead = (there.steering_rad - here.steering_rad) / self.dt_s;
        let [way, speed] = self.along;
        let faster = then.speed_mps - at.speed_mps;
        let mut planned_mps2 = (next.speed_mps - at.speed_mps) / self.dt_s;
        if self.lag_s > 0.0 {
            let after = planned.get(self.n_late + 2).map_or(stand, turned);
            let later_mps2 = (after.speed_mps - next.speed_mps) / self.dt_s;
            planned_mps2 += self.lag_s / self.dt_s * (later_mps2 - planned_mps2);
        }
        let must_move = at.speed_mps > 0.0 || off.along_m < -NEAR_M;
        let drag_mps2 = if must_move { self.drag_mps2 } else { 0.0 };
        let wanted = Input {
            steering_rate_radps: ahead - back,
            acceleration_mps2: planned_mps2 - way * off.along_m - speed * faster - drag_mps2,
        };
        bounded(&self.vehicle, then, wanted, self.dt_s)
    }

    /// Gains of the errors beside, of heading and of steering at a speed, between those of the grid.
    fn gains(&self, speed_mps: f64) -> [f64; 3] {
        let x = ((speed_mps - SPEEDS_MPS.0) / SPEEDS_MPS.1).clamp(0.0, (SPEEDS - 1) as f64);
        let i = (x as usize).min(SPEEDS - 2);
        let share = x - i as f64;
        std::array::from_fn(|k| self.across[i][k] * (1.0 - share) + self.across[i + 1][k] * share)
    }
}

/// A state between two.
fn between(a: &State, b: &State, share: f64) -> State {
    let mix = |p: f64, q: f64| p + (q - p) * share;
    State {
        rear: Point2 { x_m: mix(a.rear.x_m, b.rear.x_m), y_m: mix(a.rear.y_m, b.rear.y_m) },
        heading_rad: a.heading_rad + wrapped_rad(b.heading_rad - a.heading_rad) * share,
        speed_mps: mix(a.speed_mps, b.speed_mps),
        steering_rad: mix(a.steering_rad, b.steering_rad),
    }
}

/// How far off a vehicle is from where it is to be.
pub fn errors(now: &State, planned: &State) -> Errors {
    let (sin, cos) = planned.heading_rad.sin_cos();
    let (dx, dy) = (now.rear.x_m - planned.rear.x_m, now.rear.y_m - planned.rear.y_m);
    Errors {
        beside_m: dy * cos - dx * sin,
        along_m: dx * cos + dy * sin,
        heading_rad: wrapped_rad(now.heading_rad - planned.heading_rad),
    }
}

/// Gains across: the errors beside, of heading and of steering grow as the kinematic single track
/// says, linear about going straight.
fn across_gains(vehicle: &Vehicle, speed_mps: f64, dt_s: f64, w: &Weights) -> [f64; 3] {
    let (v, base_m) = (speed_mps, vehicle.wheelbase_m());
    let turn = v / base_m;
    // Exact for constant steering speed within a step.
    let a =
        [[1.0, v * dt_s, v * turn * dt_s * dt_s / 2.0], [0.0, 1.0, turn * dt_s], [0.0, 0.0, 1.0]];
    let b = [v * turn * dt_s.powi(3) / 6.0, turn * dt_s * dt_s / 2.0, dt_s];
    riccati(&a, &b, [w.beside, w.heading, w.steering], w.steering_rate)
}

/// Gains along: way and speed answer to acceleration.
fn along_gains(dt_s: f64, w: &Weights) -> [f64; 2] {
    let a = [[1.0, dt_s], [0.0, 1.0]];
    let b = [dt_s * dt_s / 2.0, dt_s];
    riccati(&a, &b, [w.along, w.speed], w.acceleration)
}

/// Gains of the regulator of `x' = a x + b u` for the costs `q` of errors and `r` of the input, by
/// iterating the discrete Riccati equation.
fn riccati<const N: usize>(a: &[[f64; N]; N], b: &[f64; N], q: [f64; N], r: f64) -> [f64; N] {
    let mut p = [[0.0; N]; N];
    for (i, q) in q.iter().enumerate() {
        p[i][i] = *q;
    }
    let mut gains = [0.0; N];
    for _ in 0..ITERATIONS {
        // p b, a' p b, and p a.
        let pb: [f64; N] = std::array::from_fn(|i| dot(&p[i], b));
        let scale = 1.0 / (r + dot(b, &pb));
        gains = std::array::from_fn(|j| scale * (0..N).map(|i| pb[i] * a[i][j]).sum::<f64>());
        let pa: [[f64; N]; N] = std::array::from_fn(|i| {
            std::array::from_fn(|j| (0..N).map(|k| p[i][k] * a[k][j]).sum())
        });
        let apb: [f64; N] = std::array::from_fn(|i| (0..N).map(|k| a[k][i] * pb[k]).sum());
        p = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let apa: f64 = (0..N).map(|k| a[k][i] * pa[k][j]).sum();
                apa - apb[i] * gains[j] + if i == j { q[i] } else { 0.0 }
            })
        });
    }
    gains
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    (0..N).map(|i| a[i] * b[i]).sum()
}

#[cfg(test)]
mod tests;
