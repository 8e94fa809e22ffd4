//! How near two vehicles come that both brake.

/// A vehicle that drives evenly, brakes, brakes differently from a later moment on, and stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Braking {
    /// Speed now, m/s.
    pub(super) speed_mps: f64,
    /// From when on, s, and how hard, m/s2; the first not later than the second.
    pub(super) steps: [(f64, f64); 2],
}

impl Braking {
    /// Even driving, then even braking.
    pub(super) fn once(speed_mps: f64, from_s: f64, braking_mps2: f64) -> Self {
        Self { speed_mps, steps: [(from_s, braking_mps2); 2] }
    }

    /// Way and speed after a time.
    fn after(&self, t_s: f64) -> (f64, f64) {
        let [(first_s, first), (second_s, second)] = self.steps;
        let (mut way_m, mut speed) = (self.speed_mps * t_s.min(first_s), self.speed_mps);
        for (lasts_s, braking) in [(t_s.min(second_s) - first_s, first), (t_s - second_s, second)] {
            if lasts_s > 0.0 {
                let braked_s = if braking > 0.0 { lasts_s.min(speed / braking) } else { lasts_s };
                way_m += speed * braked_s - braking * braked_s * braked_s / 2.0;
                speed = (speed - braking * braked_s).max(0.0);
            }
        }
        (way_m, speed)
    }

    /// When it stands, s; infinite if it never does.
    fn stands_s(&self) -> f64 {
        let [(first_s, first), (second_s, second)] = self.steps;
        let in_first_s = self.speed_mps / first;
        if first > 0.0 && first_s + in_first_s <= second_s {
            return first_s + in_first_s;
        }
        second_s + self.after(second_s).1 / second
    }

    /// By how much the gap to another ahead shrinks at most until this one stands, m; 0 or more.
    ///
    /// Both accelerate evenly between a handful of moments, so the way between them is quadratic
    /// there, and its least value lies at one of these moments or at the vertex.
    pub(super) fn closes_in_m(&self, ahead: &Self) -> f64 {
        let end_s = self.stands_s();
        let mut moments = [
            0.0,
            self.steps[0].0,
            self.steps[1].0,
            ahead.steps[0].0,
            ahead.steps[1].0,
            ahead.stands_s(),
            end_s,
        ];
        moments.sort_by(f64::total_cmp);
        let mut most_m = 0.0_f64;
        for pair in moments.windows(2) {
            let (from, to) = (pair[0].min(end_s), pair[1].min(end_s));
            let closing = |t_s: f64| self.after(t_s).1 - ahead.after(t_s).1;
            let excess_m = |t_s: f64| self.after(t_s).0 - ahead.after(t_s).0;
            most_m = most_m.max(excess_m(to));
            let (at_from, at_to) = (closing(from), closing(to));
            if at_from > 0.0 && at_to < 0.0 {
                most_m = most_m.max(excess_m(from + (to - from) * at_from / (at_from - at_to)));
            }
        }
        most_m
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The closed form against small steps.
        #[test]
        fn two_that_brake_come_as_near_as_small_steps_find(
            v in 0.0..30.0_f64, v_ahead in 0.0..30.0_f64, own in (0.1..7.0_f64, 1.5..7.0_f64),
            other in 1.5..7.0_f64, from in (0.0..2.0_f64, 0.0..2.0_f64), from_ahead in 0.0..1.0_f64,
        ) {
            let (first_s, second_s) = (from.0, from.0 + from.1);
            let behind = Braking { speed_mps: v, steps: [(first_s, own.0), (second_s, own.1)] };
            let ahead = Braking::once(v_ahead, from_ahead, other);
            let (mut x, mut y, mut a, mut b) = (0.0_f64, 0.0_f64, v, v_ahead);
            let (mut most, dt) = (0.0_f64, 1e-3);
            for i in 0..60_000 {
                let t = f64::from(i) * dt;
                let by = if t >= second_s { own.1 } else if t >= first_s { own.0 } else { 0.0 };
                let by_ahead = if t >= from_ahead { other } else { 0.0 };
                let (a2, b2) = ((a - by * dt).max(0.0), (b - by_ahead * dt).max(0.0));
                x += (a + a2) / 2.0 * dt;
                y += (b + b2) / 2.0 * dt;
                (a, b) = (a2, b2);
                most = most.max(x - y);
            }
            let found = behind.closes_in_m(&ahead);
            prop_assert!((found - most).abs() < 0.1, "{found} {most}");
        }
    }
}
