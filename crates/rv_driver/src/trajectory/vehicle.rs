//! The kinematic single-track model and the limits of its inputs.
//!
//! Equations and parameters: Althoff, "CommonRoad: vehicle models", sections 4 and A; the reference
//! point is the rear axle, the wheels do not slip.

use rv_base::Point2;

use super::geometry::{Body, ahead, wrapped_rad};

/// Size and limits of a vehicle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vehicle {
    /// Length, m.
    pub length_m: f64,
    /// Width, m.
    pub width_m: f64,
    /// Front axle ahead of the centre, m.
    pub front_axle_m: f64,
    /// Rear axle behind the centre, m.
    pub rear_axle_m: f64,
    /// Largest steering angle, rad.
    pub steering_max_rad: f64,
    /// Fastest steering, rad/s.
    pub steering_rate_max_radps: f64,
    /// Top speed, m/s.
    pub speed_max_mps: f64,
    /// Above this speed, power and not tyres limits acceleration, m/s.
    pub switch_mps: f64,
    /// Radius of the friction circle, m/s2.
    pub acceleration_max_mps2: f64,
}

impl Vehicle {
    /// A three-metre driverless delivery van.
    pub const VAN: Self = Self {
        length_m: 3.3,
        width_m: 1.25,
        front_axle_m: 0.95,
        rear_axle_m: 0.95,
        steering_max_rad: 0.6,
        steering_rate_max_radps: 0.6,
        speed_max_mps: 17.0,
        switch_mps: 8.0,
        acceleration_max_mps2: 8.0,
    };

    /// One of CommonRoad's vehicles: 1 Ford Escort, 2 BMW 320i, 3 VW Vanagon, 4 truck.
    pub fn commonroad(kind: u8) -> Option<Self> {
        let v = |l, w, a, b, steer, rate, top, switch| Self {
            length_m: l,
            width_m: w,
            front_axle_m: a,
            rear_axle_m: b,
            steering_max_rad: steer,
            steering_rate_max_radps: rate,
            speed_max_mps: top,
            switch_mps: switch,
            acceleration_max_mps2: 11.5,
        };
        match kind {
            1 => Some(v(4.298, 1.674, 0.88392, 1.50876, 0.91, 0.4, 45.8, 4.755)),
            2 => Some(v(4.508, 1.61, 1.156_195_706_4, 1.422_717_093_6, 1.066, 0.4, 50.8, 7.319)),
            3 => Some(v(4.569, 1.844, 1.150_791_602_4, 1.321_136_397_6, 1.023, 0.4, 41.7, 7.824)),
            4 => Some(v(5.1, 2.55, 1.8, 1.8, 0.55, 0.7103, 22.22, 7.824)),
            _ => None,
        }
    }

    /// Distance between the axles, m.
    pub fn wheelbase_m(&self) -> f64 {
        self.front_axle_m + self.rear_axle_m
    }

    /// Nose ahead of the rear axle, m.
    pub fn nose_m(&self) -> f64 {
        self.length_m / 2.0 + self.rear_axle_m
    }

    /// Tail behind the rear axle, m.
    pub fn tail_m(&self) -> f64 {
        self.length_m / 2.0 - self.rear_axle_m
    }
}

/// State of a vehicle; the position is that of the rear axle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    /// Rear axle.
    pub rear: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Steering angle, rad.
    pub steering_rad: f64,
}

/// Which way it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gear {
    /// Nose first.
    Forward,
    /// Backwards; speeds are less than zero.
    Reverse,
}

impl Gear {
    /// 1 forwards, -1 backwards.
    pub fn sign(self) -> f64 {
        match self {
            Self::Forward => 1.0,
            Self::Reverse => -1.0,
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Forward => Self::Reverse,
            Self::Reverse => Self::Forward,
        }
    }

    /// That in which a vehicle moves from one planned state to the next.
    pub fn between(state: &State, next: Option<&State>) -> Self {
        let backs = |s: &State| s.speed_mps < 0.0;
        if backs(state) || next.is_some_and(backs) { Self::Reverse } else { Self::Forward }
    }

    /// A state as seen by one who drives forwards: backwards, with the nose where the tail is and the
    /// wheels mirrored, the same equations hold. Twice is back again.
    pub fn turned(self, state: &State) -> State {
        match self {
            Self::Forward => *state,
            Self::Reverse => State {
                rear: state.rear,
                heading_rad: wrapped_rad(state.heading_rad + std::f64::consts::PI),
                speed_mps: -state.speed_mps,
                steering_rad: -state.steering_rad,
            },
        }
    }

    /// An input as seen so.
    pub fn turned_input(self, input: Input) -> Input {
        Input {
            steering_rate_radps: input.steering_rate_radps * self.sign(),
            acceleration_mps2: input.acceleration_mps2 * self.sign(),
        }
    }
}

/// What is done for a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Input {
    /// Speed of steering, rad/s.
    pub steering_rate_radps: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
}

impl State {
    /// The state of a vehicle whose centre is at a point.
    pub fn at_centre(vehicle: &Vehicle, centre: Point2, heading_rad: f64, speed_mps: f64) -> Self {
        let rear = ahead(centre, heading_rad, -vehicle.rear_axle_m);
        Self { rear, heading_rad, speed_mps, steering_rad: 0.0 }
    }

    /// Centre of the vehicle.
    pub fn centre(&self, vehicle: &Vehicle) -> Point2 {
        ahead(self.rear, self.heading_rad, vehicle.rear_axle_m)
    }

    /// What the vehicle covers.
    pub fn body(&self, vehicle: &Vehicle) -> Body {
        Body {
            centre: self.centre(vehicle),
            heading_rad: self.heading_rad,
            half_length_m: vehicle.length_m / 2.0,
            half_width_m: vehicle.width_m / 2.0,
        }
    }

    /// True if another state is all but the same.
    pub(crate) fn is_near(&self, other: &Self) -> bool {
        let (dx, dy) = (self.rear.x_m - other.rear.x_m, self.rear.y_m - other.rear.y_m);
        dx.abs() < 0.01
            && dy.abs() < 0.01
            && (self.speed_mps - other.speed_mps).abs() < 0.01
            && (self.heading_rad - other.heading_rad).abs() < 0.001
            && (self.steering_rad - other.steering_rad).abs() < 0.002
    }

    /// True if every number is finite.
    pub fn is_finite(&self) -> bool {
        [self.rear.x_m, self.rear.y_m, self.heading_rad, self.speed_mps, self.steering_rad]
            .iter()
            .all(|x| x.is_finite())
    }
}

/// The nearest input that the vehicle can follow for a step without passing a limit: steering rate
/// and angle, friction circle, power, top speed, no driving backwards.
pub fn bounded(vehicle: &Vehicle, state: &State, wanted: Input, dt_s: f64) -> Input {
    let rate = vehicle.steering_rate_max_radps * 0.9999;
    // No steeper than tyres can hold at this speed.
    let v = state.speed_mps;
    let grip = 0.95 * vehicle.acceleration_max_mps2 * vehicle.wheelbase_m() / (v * v).max(1e-3);
    let max = grip.atan().min(vehicle.steering_max_rad - 1e-6);
    let (low, high) = ((-max - state.steering_rad) / dt_s, (max - state.steering_rad) / dt_s);
    let steering_rate_radps =
        wanted.steering_rate_radps.clamp(-rate, rate).clamp(low.min(0.0), high.max(0.0));
    let top = vehicle.acceleration_max_mps2;
    // The circle holds over the whole step: with the steering at its end, too.
    let steering_end = state.steering_rad + steering_rate_radps * dt_s;
    let tan = state.steering_rad.tan().abs().max(steering_end.tan().abs());
    let lateral = v * v * tan / vehicle.wheelbase_m();
    let circle = (top * top - lateral * lateral).max(0.0).sqrt() * 0.999;
    let power = if v > vehicle.switch_mps { top * vehicle.switch_mps / v } else { top } * 0.999;
    let to_top = ((vehicle.speed_max_mps - 1e-3 - v) / dt_s).max(0.0);
    let acceleration_mps2 = wanted
        .acceleration_mps2
        .clamp(-circle, circle.min(power).min(to_top))
        .max(-v.max(0.0) / dt_s);
    Input { steering_rate_radps, acceleration_mps2 }
}

/// As [`bounded`], in a gear: backwards the same limits hold, and the vehicle comes to a stand, but does
/// not change its direction.
pub fn bounded_in(vehicle: &Vehicle, gear: Gear, state: &State, wanted: Input, dt_s: f64) -> Input {
    let ahead = gear.turned(state);
    gear.turned_input(bounded(vehicle, &ahead, gear.turned_input(wanted), dt_s))
}

/// The state after a step of constant input (Runge-Kutta of fourth order, two sub-steps).
pub fn step(vehicle: &Vehicle, state: &State, input: Input, dt_s: f64) -> State {
    const N: usize = 2;
    let h = dt_s / N as f64;
    let base_m = vehicle.wheelbase_m();
    let slope = |v: f64, heading: f64, tan: f64| {
        let (sin, cos) = heading.sin_cos();
        [v * cos, v * sin, v * tan / base_m]
    };
    let mut s = *state;
    for _ in 0..N {
        let (v, th, st) = (s.speed_mps, s.heading_rad, s.steering_rad);
        let (a, r) = (input.acceleration_mps2, input.steering_rate_radps);
        let (tan_mid, tan_end) = ((st + r * h / 2.0).tan(), (st + r * h).tan());
        let k1 = slope(v, th, st.tan());
        let k2 = slope(v + a * h / 2.0, th + k1[2] * h / 2.0, tan_mid);
        let k3 = slope(v + a * h / 2.0, th + k2[2] * h / 2.0, tan_mid);
        let k4 = slope(v + a * h, th + k3[2] * h, tan_end);
        let mean = |i: usize| (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]) / 6.0 * h;
        s.rear.x_m += mean(0);
        s.rear.y_m += mean(1);
        s.heading_rad += mean(2);
        s.speed_mps = (v + a * h).max(0.0);
        s.steering_rad = st + r * h;
    }
    s
}

/// The state after a step in a gear; it comes to a stand, but does not change its direction.
pub fn step_in(vehicle: &Vehicle, gear: Gear, state: &State, input: Input, dt_s: f64) -> State {
    let ahead = gear.turned(state);
    let ahead = State { speed_mps: ahead.speed_mps.max(0.0), ..ahead };
    let after = step(vehicle, &ahead, gear.turned_input(input), dt_s);
    // Headings go on from where they were.
    let turned = wrapped_rad(after.heading_rad - ahead.heading_rad);
    State { heading_rad: state.heading_rad + turned, ..gear.turned(&after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_steering_angle_drives_a_circle() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let radius_m = 10.0;
        let steering_rad = (vehicle.wheelbase_m() / radius_m).atan();
        let mut s = State { speed_mps: 5.0, steering_rad, ..State::default() };
        let n = (2.0 * std::f64::consts::PI * radius_m / 5.0 / 0.01).round() as usize;
        let dt_s = 2.0 * std::f64::consts::PI * radius_m / 5.0 / n as f64;
        for _ in 0..n {
            s = step(&vehicle, &s, Input::default(), dt_s);
        }
        assert!(s.rear.x_m.hypot(s.rear.y_m) < 1e-6, "{s:?}");
    }

    #[test]
    fn bounded_inputs_respect_circle_rate_and_standstill() {
        let vehicle = Vehicle::commonroad(2).unwrap();
        let wild = Input { steering_rate_radps: 9.0, acceleration_mps2: -50.0 };
        let s = State { speed_mps: 20.0, steering_rad: 0.05, ..State::default() };
        let u = bounded(&vehicle, &s, wild, 0.1);
        let lateral = 400.0 * 0.05_f64.tan() / vehicle.wheelbase_m();
        assert!(u.steering_rate_radps <= 0.4 && u.acceleration_mps2 < -3.0);
        assert!(u.acceleration_mps2.hypot(lateral) <= 11.5);
        let slow = State { speed_mps: 0.3, ..State::default() };
        let u = bounded(&vehicle, &slow, wild, 0.1);
        assert_eq!(step(&vehicle, &slow, u, 0.1).speed_mps, 0.0);
    }
}
