//! Vehicles that know more than the controller assumes: the dynamic single track with linear tyres
//! and the single-track drift model with Pacejka tyres and wheels that spin, as in Althoff,
//! "CommonRoad: vehicle models" 2020a, sections 7 and 9; tyres of vehicle 2 as in the package
//! commonroad-vehicle-models 3.0.2. The reference point is the centre of mass.
//!
//! [`Plant`] drives one by commands that act late, through actuators with limits. The package's models
//! are made for driving forwards on a road: the single track is linear in the steering angle, and wheels
//! that spin are too stiff to be stepped at walking pace. So below 2 m/s, and backwards, tyres are linear,
//! wheels roll and the geometry is exact at any angle; up to 3 m/s this is mixed with the model.

use rv_base::Point2;

use crate::trajectory::{Gear, Input, State, Vehicle};

const G: f64 = 9.81;
/// Slower than this, tyres roll without slip, m/s.
const ROLLS_MPS: f64 = 0.1;
/// Up to the first speed the geometry of the wheels is taken as it is, from the second as linear, m/s.
const SLOW_MPS: (f64, f64) = (2.0, 3.0);
/// Side force of a tyre by its slip and load, 1/rad.
const STIFFNESS: f64 = 21.92;
/// Time in which a wheel that does not slip takes up its speed, s.
const SPIN_S: f64 = 0.02;
/// Longest step of the equations, s.
const STEP_S: f64 = 0.001;
/// Most cycles by which commands act late.
const LATE_MAX: usize = 8;

/// Masses and measures of a vehicle, in SI units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chassis {
    /// Mass, kg.
    pub mass_kg: f64,
    /// Moment of inertia about the upright axis, kg m2.
    pub inertia_kgm2: f64,
    /// Front axle ahead of the centre of mass, m.
    pub front_m: f64,
    /// Rear axle behind it, m.
    pub rear_m: f64,
    /// Its height, m.
    pub height_m: f64,
    /// Radius of a wheel, m.
    pub wheel_m: f64,
    /// Moment of inertia of a wheel, kg m2.
    pub wheel_kgm2: f64,
    /// Share of braking at the front.
    pub front_brakes: f64,
    /// Share of driving at the front.
    pub front_drives: f64,
}

impl Chassis {
    /// Vehicle 2 of the package, a BMW 320i.
    pub const BMW_320I: Self = Self {
        mass_kg: 1_093.295_233_467_404_6,
        inertia_kgm2: 1_791.599_530_012_285_6,
        front_m: 1.156_195_706_4,
        rear_m: 1.422_717_093_6,
        height_m: 0.613_730_04,
        wheel_m: 0.344,
        wheel_kgm2: 1.7,
        front_brakes: 0.66,
        front_drives: 0.0,
    };

    /// A loaded driverless van of a vehicle's size: 340 kg for each square metre that it covers, a box
    /// of even density, driven at the rear.
    pub fn van(vehicle: &Vehicle) -> Self {
        let (l, w) = (vehicle.length_m, vehicle.width_m);
        let mass_kg = 340.0 * l * w;
        Self {
            mass_kg,
            inertia_kgm2: mass_kg * (l * l + w * w) / 12.0,
            front_m: vehicle.front_axle_m,
            rear_m: vehicle.rear_axle_m,
            height_m: 0.7,
            wheel_m: 0.29,
            wheel_kgm2: 1.2,
            front_brakes: 0.6,
            front_drives: 0.0,
        }
    }
}

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Dynamic single track, linear tyres.
    SingleTrack,
    /// Single-track drift model.
    Drift,
}

/// A vehicle with late commands and actuators.
#[derive(Clone, Debug)]
pub struct Plant {
    vehicle: Vehicle,
    chassis: Chassis,
    model: Model,
    x: X,
    late: [(Gear, Input); LATE_MAX],
    n_late: usize,
    /// Time constant of brakes and drive, s.
    lag_s: f64,
    acts_mps2: f64,
}

impl Plant {
    /// A vehicle in a state whose commands act `n_late` cycles later (at most 8), and whose brakes and
    /// drive answer with a time constant.
    pub fn new(
        vehicle: Vehicle,
        chassis: Chassis,
        model: Model,
        state: &State,
        (n_late, lag_s): (usize, f64),
    ) -> Self {
        let (sin, cos) = state.heading_rad.sin_cos();
        let wheel = state.speed_mps.max(0.0) / chassis.wheel_m;
        let slip = rolling_slip(&chassis, state.steering_rad);
        let yaw_rate =
            state.speed_mps * state.steering_rad.tan() / (chassis.front_m + chassis.rear_m);
        let x = [
            state.rear.x_m + chassis.rear_m * cos,
            state.rear.y_m + chassis.rear_m * sin,
            state.steering_rad,
            state.speed_mps / slip.cos(),
            state.heading_rad,
            yaw_rate,
            slip,
            wheel,
            wheel,
        ];
        let late = [(Gear::Forward, Input::default()); LATE_MAX];
        let n_late = n_late.min(LATE_MAX);
        Self { vehicle, chassis, model, x, late, n_late, lag_s, acts_mps2: 0.0 }
    }

    /// What perfect sensors would tell of it; the speed is that along its nose at the rear axle.
    pub fn measured(&self) -> State {
        let (sin, cos) = self.x[4].sin_cos();
        let rear = Point2 {
            x_m: self.x[0] - self.chassis.rear_m * cos,
            y_m: self.x[1] - self.chassis.rear_m * sin,
        };
        // The centre of mass goes further than the rear axle, and not along the nose.
        let slip = if self.x[3].abs() < ROLLS_MPS {
            rolling_slip(&self.chassis, self.x[2])
        } else {
            self.x[6]
        };
        let speed_mps = self.x[3] * slip.cos();
        State { rear, heading_rad: self.x[4], speed_mps, steering_rad: self.x[2] }
    }

    /// A cycle of `dt_s` in which a command is given and the one given `n_late` cycles ago acts.
    pub fn cycle(&mut self, gear: Gear, command: Input, dt_s: f64) {
        let (gear, acts) = if self.n_late == 0 {
            (gear, command)
        } else {
            self.late[..self.n_late].rotate_left(1);
            std::mem::replace(&mut self.late[self.n_late - 1], (gear, command))
        };
        let n = (dt_s / STEP_S).ceil().max(1.0) as usize;
        let h = dt_s / n as f64;
        let (rate, max) = (self.vehicle.steering_rate_max_radps, self.vehicle.steering_max_rad);
        let top = self.vehicle.acceleration_max_mps2;
        let wanted = acts.acceleration_mps2.clamp(-top, top);
        for _ in 0..n {
            self.acts_mps2 += (wanted - self.acts_mps2) * (h / self.lag_s.max(h)).min(1.0);
            let turn = acts.steering_rate_radps.clamp(-rate, rate);
            let turn = if self.x[2].abs() >= max && turn * self.x[2] > 0.0 { 0.0 } else { turn };
            let v = self.x[3] * gear.sign();
            // Brakes hold; they do not drive it the other way.
            let push = self.acts_mps2 * gear.sign();
            let push = if v <= 0.0 { push.max(0.0) } else { push };
            self.x = step(self.model, &self.chassis, &self.x, [turn, push * gear.sign()], h);
            if self.x[3] * gear.sign() < 0.0 {
                self.x[3] = 0.0;
            }
        }
        if !self.x.iter().all(|x| x.is_finite()) {
            // Beyond what the model can tell it stands where it was last known.
            self.x = self.x.map(|x| if x.is_finite() { x } else { 0.0 });
        }
    }
}

/// x, y, steering, speed, heading, yaw rate, slip at the centre, speeds of the wheels.
pub(super) type X = [f64; 9];

/// Right-hand side for steering speed and acceleration.
pub(super) fn slope(model: Model, c: &Chassis, x: &X, u: [f64; 2]) -> X {
    let share = (x[3] - SLOW_MPS.0) / (SLOW_MPS.1 - SLOW_MPS.0);
    if share <= 0.0 {
        return slow_track(c, x, u);
    }
    let fast = match model {
        Model::SingleTrack => single_track(c, x, u),
        Model::Drift => drift(c, x, u),
    };
    if share >= 1.0 {
        return fast;
    }
    let slow = slow_track(c, x, u);
    std::array::from_fn(|i| slow[i] + (fast[i] - slow[i]) * share)
}

/// One step of Runge and Kutta's fourth order.
fn step(model: Model, c: &Chassis, x: &X, u: [f64; 2], h: f64) -> X {
    let add = |x: &X, k: &X, h: f64| -> X { std::array::from_fn(|i| x[i] + h * k[i]) };
    let k1 = slope(model, c, x, u);
    let k2 = slope(model, c, &add(x, &k1, h / 2.0), u);
    let k3 = slope(model, c, &add(x, &k2, h / 2.0), u);
    let k4 = slope(model, c, &add(x, &k3, h), u);
    std::array::from_fn(|i| x[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// Slip at the centre of mass, rad, if the wheels roll where they point.
fn rolling_slip(c: &Chassis, steering_rad: f64) -> f64 {
    (steering_rad.tan() * c.rear_m / (c.front_m + c.rear_m)).atan()
}

/// Slow vehicles roll: the kinematic model about the centre of mass.
fn kinematic(c: &Chassis, x: &X, u: [f64; 2]) -> X {
    let base = c.front_m + c.rear_m;
    let beta = (x[2].tan() * c.rear_m / base).atan();
    let (v, heading) = (x[3], x[4]);
    let yaw_rate = v * beta.cos() * x[2].tan() / base;
    let share = x[2].tan() * x[2].tan() * c.rear_m / base;
    let slip = c.rear_m * u[0] / (base * x[2].cos().powi(2) * (1.0 + share * share));
    let yaw = (u[1] * x[6].cos() * x[2].tan() - v * x[6].sin() * slip * x[2].tan()
        + v * x[6].cos() * u[0] / x[2].cos().powi(2))
        / base;
    let (dx, dy) = (v * (beta + heading).cos(), v * (beta + heading).sin());
    [dx, dy, u[0], u[1], yaw_rate, yaw, slip, -x[7] / SPIN_S, -x[8] / SPIN_S]
}

/// Linear tyres at any angle of the wheels, forwards and backwards; what is commanded is how the rear
/// axle's speed changes.
fn slow_track(c: &Chassis, x: &X, u: [f64; 2]) -> X {
    if x[3].abs() < ROLLS_MPS {
        return kinematic(c, x, u);
    }
    let (lf, lr, v, yaw_rate) = (c.front_m, c.rear_m, x[3], x[5]);
    let (vx, vy) = (v * x[6].cos(), v * x[6].sin());
    let (sin, cos) = x[2].sin_cos();
    let front = (vx * cos + (vy + lf * yaw_rate) * sin, (vy + lf * yaw_rate) * cos - vx * sin);
    let rear = (vx, vy - lr * yaw_rate);
    // Forces against the slip, whichever way the wheel rolls.
    let force = |(along, across): (f64, f64), load_n: f64| {
        -STIFFNESS * load_n * across / along.abs().max(ROLLS_MPS / 2.0)
    };
    let base = lf + lr;
    let front_n = force(front, c.mass_kg * G * lr / base);
    let rear_n = force(rear, c.mass_kg * G * lf / base);
    let yaw = (lf * front_n * cos - lr * rear_n) / c.inertia_kgm2;
    let (ax, ay) = (u[1], (front_n * cos + rear_n) / c.mass_kg - yaw_rate * vx);
    let speed = (vx * ax + vy * ay) / v;
    let slip = (vx * ay - vy * ax) / (v * v);
    let heading = x[6] + x[4];
    let spin = |i: usize| (vx.max(0.0) / c.wheel_m - x[i]) / SPIN_S;
    [v * heading.cos(), v * heading.sin(), u[0], speed, yaw_rate, yaw, slip, spin(7), spin(8)]
}

fn single_track(c: &Chassis, x: &X, u: [f64; 2]) -> X {
    let (mu, stiffness) = (1.0489, STIFFNESS / 1.0489);
    let (lf, lr, v) = (c.front_m, c.rear_m, x[3]);
    let base = lf + lr;
    let rear = stiffness * (G * lf + u[1] * c.height_m);
    let front = stiffness * (G * lr - u[1] * c.height_m);
    let k = mu * c.mass_kg / (c.inertia_kgm2 * base);
    let yaw = -k / v * (lf * lf * front + lr * lr * rear) * x[5]
        + k * (lr * rear - lf * front) * x[6]
        + k * lf * front * x[2];
    let slip = (mu / (v * v * base) * (rear * lr - front * lf) - 1.0) * x[5]
        - mu / (v * base) * (rear + front) * x[6]
        + mu / (v * base) * front * x[2];
    [v * (x[6] + x[4]).cos(), v * (x[6] + x[4]).sin(), u[0], u[1], x[5], yaw, slip, 0.0, 0.0]
}

fn drift(c: &Chassis, x: &X, u: [f64; 2]) -> X {
    let (v_s, v_b) = (0.2, 0.05);
    let v_min = v_s / 2.0;
    let (lf, lr, v) = (c.front_m, c.rear_m, x[3]);
    let base = lf + lr;
    let (sin, cos) = x[6].sin_cos();
    let moves = v > v_min;
    let alpha_f = if moves { ((v * sin + x[5] * lf) / (v * cos)).atan() - x[2] } else { 0.0 };
    let alpha_r = if moves { ((v * sin - x[5] * lr) / (v * cos)).atan() } else { 0.0 };
    let load_f = c.mass_kg * (-u[1] * c.height_m + G * lr) / base;
    let load_r = c.mass_kg * (u[1] * c.height_m + G * lf) / base;
    let rolls_f = (v * cos * x[2].cos() + (v * sin + lf * x[5]) * x[2].sin()).max(0.0);
    let rolls_r = (v * cos).max(0.0);
    let s_f = 1.0 - c.wheel_m * x[7] / rolls_f.max(v_min);
    let s_r = 1.0 - c.wheel_m * x[8] / rolls_r.max(v_min);
    let (fx_f, fy_f) = tyre(s_f, alpha_f, load_f);
    let (fx_r, fy_r) = tyre(s_r, alpha_r, load_r);
    let torque = c.mass_kg * c.wheel_m * u[1];
    let (brakes, drives) = if u[1] > 0.0 { (0.0, torque) } else { (torque, 0.0) };
    let (sin_f, cos_f) = (x[2] - x[6]).sin_cos();
    let speed = (-fy_f * sin_f + fy_r * sin + fx_r * cos + fx_f * cos_f) / c.mass_kg;
    let yaw = (fy_f * x[2].cos() * lf - fy_r * lr + fx_f * x[2].sin() * lf) / c.inertia_kgm2;
    let slip = if moves {
        -x[5] + (fy_f * cos_f + fy_r * cos - fx_r * sin + fx_f * sin_f) / (c.mass_kg * v)
    } else {
        0.0
    };
    let spins = |omega: f64, force: f64, brakes: f64, drives: f64| {
        if omega >= 0.0 { (-c.wheel_m * force + brakes + drives) / c.wheel_kgm2 } else { 0.0 }
    };
    let spin_f = spins(x[7], fx_f, c.front_brakes * brakes, c.front_drives * drives);
    let spin_r =
        spins(x[8], fx_r, (1.0 - c.front_brakes) * brakes, (1.0 - c.front_drives) * drives);
    let k = kinematic(c, x, u);
    let (wheels_f, wheels_r) =
        ((rolls_f / c.wheel_m - x[7]) / SPIN_S, (rolls_r / c.wheel_m - x[8]) / SPIN_S);
    let w = 0.5 * (((v - v_s) / v_b).tanh() + 1.0);
    let mix = |fast: f64, slow: f64| w * fast + (1.0 - w) * slow;
    [
        v * (x[6] + x[4]).cos(),
        v * (x[6] + x[4]).sin(),
        u[0],
        mix(speed, k[3]),
        mix(x[5], k[4]),
        mix(yaw, k[5]),
        mix(slip, k[6]),
        mix(spin_f, wheels_f),
        mix(spin_r, wheels_r),
    ]
}

/// Forces of a tyre along and across, for its slips and load (Pacejka's magic formula, combined).
fn tyre(kappa: f64, alpha: f64, load_n: f64) -> (f64, f64) {
    let magic = |b: f64, c: f64, e: f64, x: f64| c * (b * x - e * (b * x - (b * x).atan())).atan();
    // Pure slip along; this package's formula takes slip with the other sign.
    let (mu_x, c_x, e_x, k_x) = (1.1739, 1.6411, 0.46403, 22.303);
    let b_x = k_x / (c_x * mu_x);
    let shift = load_n * -8.8098e-6;
    let pure_x = mu_x * load_n * (magic(b_x, c_x, e_x, -kappa + 0.001_229_7) + shift).sin();
    // Pure slip across, no camber.
    let (mu_y, c_y, e_y, k_y) = (1.0489, 1.3507, -0.007_472_2, -21.92);
    let b_y = k_y / (c_y * mu_y);
    let pure_y = mu_y * load_n * magic(b_y, c_y, e_y, alpha).sin();
    // Combined.
    let b = 13.276 * (-13.778 * kappa).atan().cos();
    let (c, e, h) = (1.2568, 0.65225, 0.005_072_2);
    let x = pure_x / magic(b, c, e, h).cos() * magic(b, c, e, alpha + h).cos();
    let b = 7.1433 * (9.1916 * (alpha + 0.027_856)).atan().cos();
    let (c, e, h) = (1.0719, -0.27572, 5.7448e-6);
    let side = mu_y * load_n * -0.027_825 * (12.12 * alpha).atan().cos();
    let y = pure_y / magic(b, c, e, h).cos() * magic(b, c, e, kappa + h).cos()
        + side * (1.9 * (-10.704 * kappa).atan()).sin();
    (x, y)
}
