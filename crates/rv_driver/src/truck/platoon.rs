//! Keeps an agreed gap behind the truck in front.
//!
//! **The gap** is agreed when a truck joins, from what both can brake. Air brakes answer late, and
//! the own sensors see braking only when it bites; so a gap that is safe without a link is long.
//! With the link, silence itself is the warning: a truck that hears nothing for `age_max_s` brakes
//! evenly (`braking_silent_mps2`) until it has the longer gap. The shorter gap is agreed so that
//! nothing happens even if the link fails in the very moment in which the one in front brakes fully.
//!
//! **The link** carries what the one in front is about to do; with it, gaps do not swing more from
//! truck to truck (string stability). The law is that of Ploeg, Scheepers, van Nunen, van de Wouw and
//! Nijmeijer 2011, "Design and experimental evaluation of cooperative adaptive cruise control", eq. 6,
//! with gains for brakes that answer late.

use super::Brakes;
use super::braking::Braking;

/// A truck that follows another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Follower {
    /// Own brakes.
    pub brakes: Brakes,
    /// Brakes of the one in front, as it declared when the two agreed.
    pub brakes_ahead: Brakes,
    /// Time until the own sensors have seen that the one in front brakes, s.
    pub response_s: f64,
    /// What must remain between the two after full braking, m.
    pub margin_m: f64,
    /// Gap when standing, m; at least the margin.
    pub gap_standing_m: f64,
    /// Time gap with a link, s.
    pub time_gap_s: f64,
    /// Time gap without, s.
    pub time_gap_alone_s: f64,
    /// Oldest message that counts, s.
    pub age_max_s: f64,
    /// Braking on silence, m/s2.
    pub braking_silent_mps2: f64,
    /// Strongest acceleration, m/s2.
    pub acceleration_max_mps2: f64,
    /// Strongest braking that is not an emergency, m/s2.
    pub braking_comfortable_mps2: f64,
    /// Fastest change of what is commanded outside of an emergency, m/s3.
    pub jerk_max_mps3: f64,
    /// Limit of speed, m/s.
    pub speed_max_mps: f64,
}

/// The truck itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own {
    /// Its speed, m/s.
    pub speed_mps: f64,
    /// Its acceleration as measured, m/s2.
    pub acceleration_mps2: f64,
    /// The acceleration commanded last, m/s2.
    pub commanded_mps2: f64,
}

/// What the own sensors see of the truck in front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ahead {
    /// From the own front to its tail, m.
    pub gap_m: f64,
    /// Its speed, m/s.
    pub speed_mps: f64,
    /// Its acceleration, m/s2.
    pub acceleration_mps2: f64,
}

/// What the truck in front said last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// The acceleration that it has commanded, m/s2.
    pub commanded_mps2: f64,
    /// Age of the message, s.
    pub age_s: f64,
}

/// How the last command came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With the link.
    Linked,
    /// By the own sensors alone, at a longer gap.
    Alone,
    /// Full braking: the gap is no longer safe.
    Emergency,
}

impl Follower {
    /// A loaded truck behind another with such brakes, at 80 km/h.
    pub fn loaded(brakes_ahead: Brakes) -> Self {
        Self {
            brakes: Brakes::LOADED,
            brakes_ahead,
            response_s: 0.4,
            margin_m: 2.0,
            gap_standing_m: 6.0,
            time_gap_s: 0.6,
            time_gap_alone_s: 2.0,
            age_max_s: 0.3,
            braking_silent_mps2: 2.0,
            acceleration_max_mps2: 0.8,
            braking_comfortable_mps2: 2.0,
            jerk_max_mps3: 2.0,
            speed_max_mps: 80.0 / 3.6,
        }
    }

    /// The smallest gap that is safe, m.
    ///
    /// Alone: if the brakes of the one in front bite now, the own ones are commanded `response_s`
    /// later. Linked: if it commands full braking now and is never heard again, this one brakes
    /// evenly once a message is missing and fully once its sensors have seen it. Emergency: if the
    /// brakes of the one in front bite now and the own ones are commanded now.
    pub fn gap_safe_m(&self, speed_mps: f64, ahead_mps: f64, mode: Mode) -> f64 {
        let (own, other) = (&self.brakes, &self.brakes_ahead);
        let bites_s = if mode == Mode::Linked { other.lag_s } else { 0.0 };
        let ahead = Braking::once(ahead_mps, bites_s, other.braking_max_mps2);
        let full_s = own.lag_s + bites_s + self.response_s;
        let behind = match mode {
            Mode::Emergency => Braking::once(speed_mps, own.lag_s, own.braking_max_mps2),
            Mode::Alone => Braking::once(speed_mps, full_s, own.braking_max_mps2),
            Mode::Linked => {
                let silent_s = (self.age_max_s + own.lag_s).min(full_s);
                let silent = self.braking_silent_mps2.min(own.braking_max_mps2);
                let steps = [(silent_s, silent), (full_s, own.braking_max_mps2)];
                Braking { speed_mps, steps }
            }
        };
        self.margin_m + behind.closes_in_m(&ahead)
    }

    /// The gap that is kept at an even speed, m.
    pub fn gap_kept_m(&self, speed_mps: f64, mode: Mode) -> f64 {
        let time_s = if mode == Mode::Linked { self.time_gap_s } else { self.time_gap_alone_s };
        let spaced = self.gap_standing_m + time_s * speed_mps;
        // A tenth more than what is safe: room to act in before an emergency.
        spaced.max(1.1 * self.gap_safe_m(speed_mps, speed_mps, mode) + 1.0)
    }

    /// The acceleration to command for the next `dt_s`.
    ///
    /// Numbers that are not finite are braked for as an emergency.
    pub fn command(
        &self,
        own: &Own,
        ahead: &Ahead,
        heard: Option<&Heard>,
        dt_s: f64,
    ) -> (f64, Mode) {
        let Own { speed_mps, acceleration_mps2, commanded_mps2: last_mps2 } = *own;
        let full = (-self.brakes.braking_max_mps2, Mode::Emergency);
        let seen = [ahead.gap_m, ahead.speed_mps, ahead.acceleration_mps2];
        let numbers = [speed_mps, acceleration_mps2, last_mps2];
        if !numbers.iter().chain(&seen).all(|x| x.is_finite()) {
            return full;
        }
        let heard = heard.filter(|h| h.age_s <= self.age_max_s && h.commanded_mps2.is_finite());
        let announced_mps2 = heard.map_or(0.0, |h| h.commanded_mps2.min(0.0));
        if self.is_urgent(speed_mps, ahead, announced_mps2) {
            return full;
        }
        let mode = if heard.is_some() { Mode::Linked } else { Mode::Alone };
        let error_m = ahead.gap_m - self.gap_kept_m(speed_mps, mode);
        let closing_mps = speed_mps - ahead.speed_mps;
        if mode == Mode::Alone
            && ahead.gap_m < self.gap_safe_m(speed_mps, ahead.speed_mps, mode)
            && speed_mps > 1.0
        {
            return (-self.braking_silent_mps2.min(self.brakes.braking_max_mps2), mode);
        }
        let wanted = match heard {
            Some(heard) => {
                let time_s = self.time_gap_s;
                let rate_mps = -closing_mps - time_s * acceleration_mps2;
                let slope = heard.commanded_mps2 - last_mps2 + 0.08 * error_m + 0.4 * rate_mps;
                last_mps2 + dt_s / time_s * slope
            }
            None => (0.04 * error_m - 0.35 * closing_mps).max(-1.0 - 0.35 * closing_mps.max(0.0)),
        };
        let free = 0.4 * (self.speed_max_mps - speed_mps);
        let step = self.jerk_max_mps3 * dt_s;
        let eased = wanted.min(free).clamp(last_mps2 - step, last_mps2 + step);
        // What the one in front announces to brake harder than comfort is braked for as hard.
        let hardest = heard.map_or(0.0, |h| -h.commanded_mps2).max(self.braking_comfortable_mps2);
        let low = -hardest.min(self.brakes.braking_max_mps2);
        let value = if heard.is_some_and(|h| h.commanded_mps2 < -self.braking_comfortable_mps2) {
            wanted.min(free)
        } else {
            eased
        };
        (value.clamp(low, self.acceleration_max_mps2), mode)
    }

    /// True if nothing but full braking is left: the one in front is seen to brake harder than it
    /// announced, or is so much slower, that waiting would be too late.
    fn is_urgent(&self, speed_mps: f64, ahead: &Ahead, announced_mps2: f64) -> bool {
        let brakes = ahead.acceleration_mps2 < announced_mps2 - 1.0;
        let safe_m = self.gap_safe_m(speed_mps, ahead.speed_mps, Mode::Emergency);
        let even = Braking::once(ahead.speed_mps, 0.0, 1e-3);
        let own = Braking::once(speed_mps, self.brakes.lag_s, self.brakes.braking_max_mps2);
        (brakes && ahead.gap_m < safe_m) || ahead.gap_m < self.margin_m + own.closes_in_m(&even)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own(speed_mps: f64, commanded_mps2: f64) -> Own {
        Own { speed_mps, acceleration_mps2: commanded_mps2, commanded_mps2 }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever comes in, the command is a number within the limits.
        #[test]
        fn commands_are_bounded_numbers(
            v in any::<f64>(), gap_m in any::<f64>(), speed_mps in any::<f64>(), acceleration_mps2 in any::<f64>(),
            said in any::<f64>(), age_s in any::<f64>(), last in -4.0..1.0_f64,
        ) {
            let follower = Follower::loaded(Brakes::LOADED);
            let heard = Heard { commanded_mps2: said, age_s };
            let ahead = Ahead { gap_m, speed_mps, acceleration_mps2 };
            let (command, _) = follower.command(&own(v, last), &ahead, Some(&heard), 0.05);
            prop_assert!(command.is_finite());
            prop_assert!(command >= -follower.brakes.braking_max_mps2);
            prop_assert!(command <= follower.acceleration_max_mps2);
        }
    }

    #[test]
    fn an_old_message_does_not_count() {
        let follower = Follower::loaded(Brakes::LOADED);
        let ahead = Ahead { gap_m: 60.0, speed_mps: 20.0, acceleration_mps2: 0.0 };
        let mode = |age_s| {
            let heard = Heard { commanded_mps2: 0.0, age_s };
            follower.command(&own(20.0, 0.0), &ahead, Some(&heard), 0.05).1
        };
        assert_eq!(mode(0.1), Mode::Linked);
        assert_eq!(mode(0.5), Mode::Alone);
        let near = Ahead { gap_m: 5.0, speed_mps: 16.0, acceleration_mps2: 0.0 };
        assert_eq!(follower.command(&own(20.0, 0.0), &near, None, 0.05).1, Mode::Emergency);
    }
}
