//! Tractor and semi-trailer.
//!
//! The kinematic model of a car with one off-hooked trailer (LaValle 2006, "Planning algorithms",
//! section 13.1.2.4, with the hitch ahead of or behind the tractor's rear axle): wheels roll and do
//! not slip, which holds for a truck that keeps within its comfort bounds.

use rv_base::Point2;

/// Measures of a tractor with a semi-trailer, m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rig {
    /// Between the axles of the tractor; more than 0.
    pub wheelbase_m: f64,
    /// Hitch ahead of the tractor's rear axle; negative behind it.
    pub hitch_m: f64,
    /// From the hitch to the trailer's (middle) axle; more than 0.
    pub trailer_m: f64,
    /// Width of the wider part.
    pub width_m: f64,
    /// Largest steering angle, rad.
    pub steering_max_rad: f64,
    /// Largest angle between the two at which nothing touches, rad.
    pub hitch_angle_max_rad: f64,
}

/// Where a rig is; the position is the middle of the tractor's rear axle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigState {
    /// Tractor's rear axle.
    pub rear: Point2,
    /// Heading of the tractor, rad.
    pub heading_rad: f64,
    /// Heading of the trailer, rad.
    pub trailer_rad: f64,
}

impl RigState {
    /// A rig that stands straight.
    pub fn straight(rear: Point2, heading_rad: f64) -> Self {
        Self { rear, heading_rad, trailer_rad: heading_rad }
    }

    /// Tractor against trailer, rad; 0 when straight.
    pub fn hitch_angle_rad(&self) -> f64 {
        let by = self.heading_rad - self.trailer_rad;
        by.sin().atan2(by.cos())
    }
}

impl Rig {
    /// A European semi-trailer of 16.5 m (Council Directive 96/53/EC, annex I, 1.1): typical axles.
    pub fn semi_trailer() -> Self {
        Self {
            wheelbase_m: 3.8,
            hitch_m: 0.6,
            trailer_m: 7.7,
            width_m: 2.55,
            steering_max_rad: 0.65,
            hitch_angle_max_rad: 1.4,
        }
    }

    /// Middle of the trailer's axle.
    pub fn trailer_axle(&self, state: &RigState) -> Point2 {
        let (h, t) = (state.heading_rad, state.trailer_rad);
        Point2 {
            x_m: state.rear.x_m + self.hitch_m * h.cos() - self.trailer_m * t.cos(),
            y_m: state.rear.y_m + self.hitch_m * h.sin() - self.trailer_m * t.sin(),
        }
    }

    /// The state after `dt_s` at a steering angle and a speed (negative: backwards), by the
    /// classical Runge-Kutta method of fourth order.
    pub fn after(
        &self,
        state: &RigState,
        steering_rad: f64,
        speed_mps: f64,
        dt_s: f64,
    ) -> RigState {
        let steering = steering_rad.clamp(-self.steering_max_rad, self.steering_max_rad);
        let add = |s: &RigState, d: [f64; 4], by_s: f64| RigState {
            rear: Point2 { x_m: s.rear.x_m + d[0] * by_s, y_m: s.rear.y_m + d[1] * by_s },
            heading_rad: s.heading_rad + d[2] * by_s,
            trailer_rad: s.trailer_rad + d[3] * by_s,
        };
        let slope = |s: &RigState| self.slope(s, steering, speed_mps);
        let a = slope(state);
        let b = slope(&add(state, a, dt_s / 2.0));
        let c = slope(&add(state, b, dt_s / 2.0));
        let d = slope(&add(state, c, dt_s));
        let mean = std::array::from_fn(|i| (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]) / 6.0);
        add(state, mean, dt_s)
    }

    /// Rates of position, heading and the trailer's heading.
    fn slope(&self, s: &RigState, steering_rad: f64, speed_mps: f64) -> [f64; 4] {
        let turning = speed_mps * steering_rad.tan() / self.wheelbase_m;
        let (sin, cos) = (s.heading_rad - s.trailer_rad).sin_cos();
        let swing = (speed_mps * sin + self.hitch_m * turning * cos) / self.trailer_m;
        let (y, x) = s.heading_rad.sin_cos();
        [speed_mps * x, speed_mps * y, turning, swing]
    }

    /// How far inside the tractor's rear axle the trailer's axle runs on a circle of the tractor's
    /// `radius_m`, in the end; `None` if the circle is too small for the trailer to follow at all.
    pub fn cut_m(&self, radius_m: f64) -> Option<f64> {
        let inner =
            radius_m * radius_m + self.hitch_m * self.hitch_m - self.trailer_m * self.trailer_m;
        (inner >= 0.0 && radius_m > 0.0).then(|| radius_m - inner.sqrt())
    }

    /// Steering that drives along a line so that tractor and trailer share the lane evenly: in a
    /// bend the tractor keeps half of what the trailer cuts outside of the middle.
    ///
    /// The line is left of the vehicle by `left_m` at its rear axle, turned against it by
    /// `heading_error_rad` (line less vehicle), and bends by `curvature_per_m` (left is positive).
    pub fn steering_rad(&self, left_m: f64, heading_error_rad: f64, curvature_per_m: f64) -> f64 {
        let bend = curvature_per_m.abs();
        let cut = if bend > 1e-6 { self.cut_m(1.0 / bend).unwrap_or(0.0) } else { 0.0 };
        let left_m = left_m - curvature_per_m.signum() * cut / 2.0;
        // Curvature that leads back without swinging over, some ten metres ahead.
        let wanted = curvature_per_m + 0.02 * left_m.clamp(-2.0, 2.0) + 0.25 * heading_error_rad;
        let limit = self.steering_max_rad;
        (wanted * self.wheelbase_m).atan().clamp(-limit, limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: Point2 = Point2 { x_m: 0.0, y_m: 0.0 };

    #[test]
    fn a_trailer_cuts_a_circle_as_geometry_says() {
        let rig = Rig::semi_trailer();
        for radius in [12.5, 25.0, 60.0, 300.0_f64] {
            let steering = (rig.wheelbase_m / radius).atan();
            let mut state = RigState::straight(ORIGIN, 0.0);
            for _ in 0..6000 {
                state = rig.after(&state, steering, 5.0, 0.05);
            }
            let centre = Point2 {
                x_m: state.rear.x_m - radius * state.heading_rad.sin(),
                y_m: state.rear.y_m + radius * state.heading_rad.cos(),
            };
            let axle = rig.trailer_axle(&state);
            let inner = (axle.x_m - centre.x_m).hypot(axle.y_m - centre.y_m);
            let cut = rig.cut_m(radius).expect("the circle is large enough");
            assert!((radius - inner - cut).abs() < 1e-3, "{radius}: {inner} {cut}");
        }
        assert_eq!(rig.cut_m(5.0), None);
    }

    #[test]
    fn backwards_a_rig_folds_up() {
        let rig = Rig::semi_trailer();
        let mut state = RigState { trailer_rad: 0.02, ..RigState::straight(ORIGIN, 0.0) };
        for _ in 0..400 {
            state = rig.after(&state, 0.0, -2.0, 0.05);
        }
        assert!(state.hitch_angle_rad().abs() > rig.hitch_angle_max_rad, "{state:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A ramp of an interchange: straight, into a bend through a clothoid, around, out again.
        #[test]
        fn both_parts_stay_in_the_lane_of_a_ramp(
            radius_m in 60.0..400.0_f64, is_left in any::<bool>(), speed_mps in 5.0..12.0_f64,
            off_m in -0.3..0.3_f64,
        ) {
            let rig = Rig::semi_trailer();
            let side = if is_left { 1.0 } else { -1.0 };
            let bend_at = |s_m: f64| {
                let rise = ((s_m - 60.0) / 60.0).clamp(0.0, 1.0);
                let fall = ((260.0 - s_m) / 60.0).clamp(0.0, 1.0);
                side * rise.min(fall) / radius_m
            };
            // The lane's middle as points every 5 cm.
            let mut middle = vec![(ORIGIN, 0.0_f64)];
            for i in 0..7000 {
                let (p, h) = middle[i];
                let next = Point2 { x_m: p.x_m + 0.05 * h.cos(), y_m: p.y_m + 0.05 * h.sin() };
                middle.push((next, h + 0.05 * bend_at(i as f64 * 0.05)));
            }
            let left_of = |p: Point2, from: usize| {
                let i = (from..(from + 400).min(middle.len()))
                    .min_by(|a, b| {
                        let d = |i: &usize| (middle[*i].0.x_m - p.x_m).hypot(middle[*i].0.y_m - p.y_m);
                        d(a).total_cmp(&d(b))
                    })
                    .expect("the range is not empty");
                let (m, h) = middle[i];
                (i, (p.y_m - m.y_m) * h.cos() - (p.x_m - m.x_m) * h.sin())
            };
            let mut state = RigState::straight(Point2 { x_m: 20.0, y_m: off_m }, 0.0);
            let (mut at, mut behind) = (400_usize, 0_usize);
            while at < 6000 {
                let (i, tractor_m) = left_of(state.rear, at.saturating_sub(100));
                at = i;
                let error = middle[i].1 - state.heading_rad;
                let steering = rig.steering_rad(-tractor_m, error, bend_at(i as f64 * 0.05));
                state = rig.after(&state, steering, speed_mps, 0.05);
                let (j, trailer_m) = left_of(rig.trailer_axle(&state), behind);
                behind = j.saturating_sub(100);
                // A lane of 3.75 m leaves 0.6 m at each side.
                let room_m = (3.75 - rig.width_m) / 2.0;
                prop_assert!(tractor_m.abs() < room_m, "tractor {tractor_m} at {i}");
                prop_assert!(trailer_m.abs() < room_m, "trailer {trailer_m} at {i}");
            }
        }
    }
}
