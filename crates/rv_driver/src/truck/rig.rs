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

/// A straight line along which a trailer is backed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DockLine {
    /// A point of it.
    pub at: Point2,
    /// Where the trailer's tail goes, rad.
    pub backwards_rad: f64,
}

/// How fast the hitch angle is brought to the one wished for, 1/m, and its largest, rad.
const HITCH_GAIN_1PM: f64 = 0.6;
const HITCH_WISH_MAX_RAD: f64 = 0.5;
/// How a trailer is turned to a line: so much for each metre beside it, rad/m, at most so much, rad, and
/// how sharply, 1/m.
const TURN_RADPM: f64 = 0.1;
const TURN_MAX_RAD: f64 = 0.4;
const TURN_GAIN_1PM: f64 = 0.2;

impl Rig {
    /// Steering that backs the trailer's axle onto a line and along it; `None` if the two are folded so
    /// far that only pulling forward helps.
    ///
    /// A cascade: the place beside the line asks for a heading of the trailer, that for a bend of its way,
    /// that for a hitch angle, to which the angle is led with its own dynamics cancelled (input-output
    /// linearisation, as of Sampei et al. 1995 for articulated vehicles; the off-axle hitch is taken into
    /// account exactly in the last step alone).
    pub fn backing_steering_rad(&self, state: &RigState, line: &DockLine) -> Option<f64> {
        let hitch = state.hitch_angle_rad();
        if hitch.abs() > self.hitch_angle_max_rad * 0.9 {
            return None;
        }
        let axle = self.trailer_axle(state);
        let (sin, cos) = line.backwards_rad.sin_cos();
        let (dx, dy) = (axle.x_m - line.at.x_m, axle.y_m - line.at.y_m);
        let left_m = dy * cos - dx * sin;
        let by = state.trailer_rad + std::f64::consts::PI - line.backwards_rad;
        let turned = by.sin().atan2(by.cos());
        let wish = (-TURN_RADPM * left_m).clamp(-TURN_MAX_RAD, TURN_MAX_RAD);
        let bend = -TURN_GAIN_1PM * (turned - wish);
        // Backwards a trailer bends against the hitch angle.
        let most = HITCH_WISH_MAX_RAD;
        let wish = (-bend * self.trailer_m).atan().clamp(-most, most);
        // For a metre backwards (v = -1): turning of the tractor after which the angle nears its wish.
        let v = -1.0;
        let free = v * hitch.sin() / self.trailer_m - HITCH_GAIN_1PM * (hitch - wish);
        let turning = free / (1.0 - self.hitch_m * hitch.cos() / self.trailer_m);
        let limit = self.steering_max_rad;
        Some((turning * self.wheelbase_m / v).atan().clamp(-limit, limit))
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

    #[test]
    fn folded_up_it_says_that_backing_is_no_use() {
        let rig = Rig::semi_trailer();
        let line = DockLine { at: ORIGIN, backwards_rad: 0.0 };
        let state = RigState { trailer_rad: 1.35, ..RigState::straight(ORIGIN, 0.0) };
        assert_eq!(rig.backing_steering_rad(&state, &line), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// From beside its line and at a slant the trailer comes to its dock, wheels turned no faster
        /// than a truck turns them.
        #[test]
        fn a_trailer_is_backed_into_a_dock(
            left_m in -2.0..2.0_f64, slant_rad in -0.25..0.25_f64, hitch_rad in -0.15..0.15_f64,
            towards_rad in -3.0..3.0_f64,
        ) {
            let rig = Rig::semi_trailer();
            let (sin, cos) = towards_rad.sin_cos();
            let line = DockLine { at: Point2 { x_m: 7.0, y_m: -3.0 }, backwards_rad: towards_rad };
            // Its axle 50 m before the dock.
            let trailer_rad = towards_rad + std::f64::consts::PI + slant_rad;
            let axle = Point2 {
                x_m: line.at.x_m - 50.0 * cos - left_m * sin,
                y_m: line.at.y_m - 50.0 * sin + left_m * cos,
            };
            let heading_rad = trailer_rad + hitch_rad;
            let rear = Point2 {
                x_m: axle.x_m + rig.trailer_m * trailer_rad.cos() - rig.hitch_m * heading_rad.cos(),
                y_m: axle.y_m + rig.trailer_m * trailer_rad.sin() - rig.hitch_m * heading_rad.sin(),
            };
            let mut state = RigState { rear, heading_rad, trailer_rad };
            let (mut wheels_rad, mut folded_rad, dt_s) = (0.0_f64, 0.0_f64, 0.05);
            let (mut along_m, mut beside_m) = (-50.0, left_m);
            while along_m < 0.0 {
                let wish = rig.backing_steering_rad(&state, &line);
                let wish = wish.expect("it does not fold up");
                wheels_rad += (wish - wheels_rad).clamp(-0.3 * dt_s, 0.3 * dt_s);
                state = rig.after(&state, wheels_rad, -1.0, dt_s);
                folded_rad = folded_rad.max(state.hitch_angle_rad().abs());
                let p = rig.trailer_axle(&state);
                let (dx, dy) = (p.x_m - line.at.x_m, p.y_m - line.at.y_m);
                (along_m, beside_m) = (dx * cos + dy * sin, dy * cos - dx * sin);
            }
            let by = state.trailer_rad + std::f64::consts::PI - towards_rad;
            let turned = by.sin().atan2(by.cos());
            prop_assert!(beside_m.abs() < 0.03, "{beside_m} m beside its dock");
            prop_assert!(turned.abs() < 0.01, "turned by {turned}");
            prop_assert!(folded_rad < 0.7, "folded by {folded_rad}");
        }
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
