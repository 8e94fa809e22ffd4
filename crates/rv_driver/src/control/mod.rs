//! Follows a planned trajectory with the vehicle: late commands, limited actuators, tyres that slip.
//!
//! What was commanded and has not yet reached the wheels is kept, and the state is carried forward
//! through it, so that each command is chosen for the state in which it will act. Errors beside the
//! trajectory, of heading and of steering are led back by a linear-quadratic regulator whose gains are
//! found once for a grid of speeds (Riccati iteration; Kapania and Gerdes 2015 and Althoff et al. for
//! the error model of the kinematic single track); along it by one for way and speed. The command is
//! then held within what the vehicle can do ([`bounded`]). No state grows from cycle to cycle.

use crate::trajectory::{Input, State, Vehicle, bounded, step, wrapped_rad};

/// Most commands under way.
const LATE_MAX: usize = 8;
/// Speeds for which gains are found, m/s: from the first on, this far apart.
const SPEEDS_MPS: (f64, f64) = (1.0, 1.0);
/// How many speeds.
const SPEEDS: usize = 50;
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
    under_way: [Input; LATE_MAX],
    n_late: usize,
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
        let under_way = [Input::default(); LATE_MAX];
        let tail_slip_rad_per_mps2 = weights.tail_slip_rad_per_mps2;
        let n_late = n_late.min(LATE_MAX);
        Self { vehicle, dt_s, under_way, n_late, across, along, tail_slip_rad_per_mps2 }
    }

    /// The command for this cycle. `planned` are the states of the trajectory, `dt_s` apart, the
    /// first for now; beyond its end it stands.
    pub fn cycle(&mut self, now: &State, planned: &[State]) -> Input {
        let mut then = *now;
        for input in &self.under_way[..self.n_late] {
            then = step(&self.vehicle, &then, *input, self.dt_s);
        }
        let command = self.command(&then, planned);
        if self.n_late > 0 {
            self.under_way[..self.n_late].rotate_left(1);
            self.under_way[self.n_late - 1] = command;
        }
        command
    }

    fn command(&self, then: &State, planned: &[State]) -> Input {
        let Some(last) = planned.last() else {
            let hardest = Input { steering_rate_radps: 0.0, acceleration_mps2: -4.0 };
            return bounded(&self.vehicle, then, hardest, self.dt_s);
        };
        let stand = State { speed_mps: 0.0, ..*last };
        let at = planned.get(self.n_late).unwrap_or(&stand);
        let next = planned.get(self.n_late + 1).unwrap_or(&stand);
        let off = errors(then, at);
        let turn = then.steering_rad - at.steering_rad;
        let [beside, heading, steering] = self.gains(then.speed_mps);
        let bend = at.steering_rad.tan() / self.vehicle.wheelbase_m();
        let inwards_rad = self.tail_slip_rad_per_mps2 * then.speed_mps * then.speed_mps * bend;
        let turned_rad = off.heading_rad - inwards_rad;
        let back = beside * off.beside_m + heading * turned_rad + steering * turn;
        let ahead = (next.steering_rad - at.steering_rad) / self.dt_s;
        let [way, speed] = self.along;
        let faster = then.speed_mps - at.speed_mps;
        let planned_mps2 = (next.speed_mps - at.speed_mps) / self.dt_s;
        let wanted = Input {
            steering_rate_radps: ahead - back,
            acceleration_mps2: planned_mps2 - way * off.along_m - speed * faster,
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
mod plants;
#[cfg(test)]
mod tests;
