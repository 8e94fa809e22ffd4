//! Vehicles that know more than the controller assumes: the dynamic single track with linear tyres
//! and the single-track drift model with Pacejka tyres and wheels that spin, as in Althoff,
//! "CommonRoad: vehicle models" 2020a, sections 7 and 9; parameters of vehicle 2 as in the package
//! commonroad-vehicle-models 3.0.2. The reference point is the centre of mass.

const G: f64 = 9.81;
const MASS_KG: f64 = 1_093.295_233_467_404_6;
const INERTIA_KGM2: f64 = 1_791.599_530_012_285_6;
const FRONT_M: f64 = 1.156_195_706_4;
const REAR_M: f64 = 1.422_717_093_6;
const HEIGHT_M: f64 = 0.613_730_04;
const WHEEL_M: f64 = 0.344;
const WHEEL_KGM2: f64 = 1.7;
/// Share of braking and of driving at the front.
const FRONT_BRAKES: f64 = 0.66;
const FRONT_DRIVES: f64 = 0.0;

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    SingleTrack,
    Drift,
}

/// x, y, steering, speed, heading, yaw rate, slip at the centre, speeds of the wheels.
pub(super) type X = [f64; 9];

/// Right-hand side for steering speed and acceleration.
pub(super) fn slope(model: Model, x: &X, u: [f64; 2]) -> X {
    match model {
        Model::SingleTrack => single_track(x, u),
        Model::Drift => drift(x, u),
    }
}

/// One step of Runge and Kutta's fourth order.
pub(super) fn step(model: Model, x: &X, u: [f64; 2], h: f64) -> X {
    let add = |x: &X, k: &X, h: f64| -> X { std::array::from_fn(|i| x[i] + h * k[i]) };
    let k1 = slope(model, x, u);
    let k2 = slope(model, &add(x, &k1, h / 2.0), u);
    let k3 = slope(model, &add(x, &k2, h / 2.0), u);
    let k4 = slope(model, &add(x, &k3, h), u);
    let mut out: X =
        std::array::from_fn(|i| x[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
    out[3] = out[3].max(0.0);
    out
}

/// Slow vehicles roll: the kinematic model about the centre of mass.
fn kinematic(x: &X, u: [f64; 2]) -> X {
    let base = FRONT_M + REAR_M;
    let beta = (x[2].tan() * REAR_M / base).atan();
    let (v, heading) = (x[3], x[4]);
    let yaw_rate = v * beta.cos() * x[2].tan() / base;
    let share = x[2].tan() * x[2].tan() * REAR_M / base;
    let slip = REAR_M * u[0] / (base * x[2].cos().powi(2) * (1.0 + share * share));
    let yaw = (u[1] * x[6].cos() * x[2].tan() - v * x[6].sin() * slip * x[2].tan()
        + v * x[6].cos() * u[0] / x[2].cos().powi(2))
        / base;
    let (dx, dy) = (v * (beta + heading).cos(), v * (beta + heading).sin());
    [dx, dy, u[0], u[1], yaw_rate, yaw, slip, 0.0, 0.0]
}

fn single_track(x: &X, u: [f64; 2]) -> X {
    if x[3].abs() < 0.1 {
        return kinematic(x, u);
    }
    let (mu, c) = (1.0489, 21.92 / 1.0489);
    let (lf, lr, v) = (FRONT_M, REAR_M, x[3]);
    let base = lf + lr;
    let rear = c * (G * lf + u[1] * HEIGHT_M);
    let front = c * (G * lr - u[1] * HEIGHT_M);
    let k = mu * MASS_KG / (INERTIA_KGM2 * base);
    let yaw = -k / v * (lf * lf * front + lr * lr * rear) * x[5]
        + k * (lr * rear - lf * front) * x[6]
        + k * lf * front * x[2];
    let slip = (mu / (v * v * base) * (rear * lr - front * lf) - 1.0) * x[5]
        - mu / (v * base) * (rear + front) * x[6]
        + mu / (v * base) * front * x[2];
    [v * (x[6] + x[4]).cos(), v * (x[6] + x[4]).sin(), u[0], u[1], x[5], yaw, slip, 0.0, 0.0]
}

fn drift(x: &X, u: [f64; 2]) -> X {
    let (v_s, v_b) = (0.2, 0.05);
    let v_min = v_s / 2.0;
    let (lf, lr, v) = (FRONT_M, REAR_M, x[3]);
    let base = lf + lr;
    let (sin, cos) = x[6].sin_cos();
    let moves = v > v_min;
    let alpha_f = if moves { ((v * sin + x[5] * lf) / (v * cos)).atan() - x[2] } else { 0.0 };
    let alpha_r = if moves { ((v * sin - x[5] * lr) / (v * cos)).atan() } else { 0.0 };
    let load_f = MASS_KG * (-u[1] * HEIGHT_M + G * lr) / base;
    let load_r = MASS_KG * (u[1] * HEIGHT_M + G * lf) / base;
    let rolls_f = (v * cos * x[2].cos() + (v * sin + lf * x[5]) * x[2].sin()).max(0.0);
    let rolls_r = (v * cos).max(0.0);
    let s_f = 1.0 - WHEEL_M * x[7] / rolls_f.max(v_min);
    let s_r = 1.0 - WHEEL_M * x[8] / rolls_r.max(v_min);
    let (fx_f, fy_f) = tyre(s_f, alpha_f, load_f);
    let (fx_r, fy_r) = tyre(s_r, alpha_r, load_r);
    let torque = MASS_KG * WHEEL_M * u[1];
    let (brakes, drives) = if u[1] > 0.0 { (0.0, torque) } else { (torque, 0.0) };
    let (sin_f, cos_f) = (x[2] - x[6]).sin_cos();
    let speed = (-fy_f * sin_f + fy_r * sin + fx_r * cos + fx_f * cos_f) / MASS_KG;
    let yaw = (fy_f * x[2].cos() * lf - fy_r * lr + fx_f * x[2].sin() * lf) / INERTIA_KGM2;
    let slip = if moves {
        -x[5] + (fy_f * cos_f + fy_r * cos - fx_r * sin + fx_f * sin_f) / (MASS_KG * v)
    } else {
        0.0
    };
    let spins = |omega: f64, force: f64, brakes: f64, drives: f64| {
        if omega >= 0.0 { (-WHEEL_M * force + brakes + drives) / WHEEL_KGM2 } else { 0.0 }
    };
    let spin_f = spins(x[7], fx_f, FRONT_BRAKES * brakes, FRONT_DRIVES * drives);
    let spin_r = spins(x[8], fx_r, (1.0 - FRONT_BRAKES) * brakes, (1.0 - FRONT_DRIVES) * drives);
    let k = kinematic(x, u);
    let (wheels_f, wheels_r) =
        ((rolls_f / WHEEL_M - x[7]) / 0.02, (rolls_r / WHEEL_M - x[8]) / 0.02);
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
