//! The longitudinal model: follow, slow down, stop, and never overshoot.
//!
//! Free driving and car following are the Intelligent Driver Model (Treiber, Hennecke and Helbing
//! 2000, "Congested traffic states in empirical observations and microscopic simulations", eq. 3).
//! Fixed points ahead (a stop, a bend, a lower limit) are kept with the largest speed from which
//! comfortable braking still suffices after the step, in the manner of Gipps (1981), solved for a
//! step of constant acceleration; so the guarantee holds for any step length.

use rv_base::{Meters, MetersPerSecond, MetersPerSecond2, Seconds};
use serde::{Deserialize, Serialize};

/// How a vehicle is driven.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// Strongest acceleration.
    pub acceleration_max: MetersPerSecond2,
    /// Braking that passengers and parcels do not mind; more than zero.
    pub braking_comfortable: MetersPerSecond2,
    /// Braking in need; at least the comfortable one.
    pub braking_max: MetersPerSecond2,
    /// Gap kept to a standing vehicle.
    pub gap_min: Meters,
    /// Time gap kept to a moving vehicle.
    pub headway: Seconds,
}

/// A vehicle in front.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// From the own front to its rear.
    pub gap: Meters,
    /// Its speed.
    pub speed: MetersPerSecond,
}

/// A point ahead that may be passed at no more than a speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedPoint {
    /// Distance to it, not negative.
    pub distance: Meters,
    /// Speed there.
    pub speed: MetersPerSecond,
}

/// What lies ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ahead<'a> {
    /// Speed driven when nothing is in the way; more than zero.
    pub desired: MetersPerSecond,
    /// Distance to where the vehicle shall stand, if anywhere near.
    pub stop: Option<Meters>,
    /// Points to pass slowly.
    pub points: &'a [SpeedPoint],
    /// The vehicle in front.
    pub lead: Option<Lead>,
}

impl Ahead<'_> {
    /// An empty road.
    pub fn free(desired: MetersPerSecond) -> Self {
        Self { desired, stop: None, points: &[], lead: None }
    }
}

/// Speed and way of a vehicle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// Speed.
    pub speed: MetersPerSecond,
    /// Distance driven.
    pub travelled: Meters,
}

impl Motion {
    /// The motion after a time at constant acceleration; a vehicle that brakes to a stand stays
    /// there.
    pub fn after(self, acceleration: MetersPerSecond2, dt: Seconds) -> Self {
        let (v, a, t) = (self.speed.0, acceleration.0, dt.0);
        let end = v + a * t;
        if end > 0.0 {
            let way = Meters((v + end) / 2.0 * t);
            return Self { speed: MetersPerSecond(end), travelled: self.travelled + way };
        }
        let way = if a < 0.0 { Meters(v * v / (-2.0 * a)) } else { Meters::ZERO };
        Self { speed: MetersPerSecond::ZERO, travelled: self.travelled + way }
    }
}

impl Driver {
    /// A delivery van with nobody on board and parcels that must not tumble.
    pub fn robovan() -> Self {
        Self {
            acceleration_max: MetersPerSecond2(1.2),
            braking_comfortable: MetersPerSecond2(1.5),
            braking_max: MetersPerSecond2(6.0),
            gap_min: Meters(2.0),
            headway: Seconds(1.4),
        }
    }

    /// Distance in which the vehicle stands with comfortable braking.
    pub fn stopping_distance(&self, speed: MetersPerSecond) -> Meters {
        Meters(speed.0 * speed.0 / (2.0 * self.braking_comfortable.0))
    }

    /// Distance in which the vehicle stands with full braking.
    pub fn stopping_distance_min(&self, speed: MetersPerSecond) -> Meters {
        Meters(speed.0 * speed.0 / (2.0 * self.braking_max.0))
    }

    /// The acceleration for the next `dt`.
    ///
    /// If comfortable braking can keep every point ahead now, it can after `dt` too, and the
    /// returned value is no less than the negative comfortable braking on their account; a point
    /// that comes up too late is met with up to full braking.
    pub fn acceleration(
        &self,
        speed: MetersPerSecond,
        ahead: &Ahead<'_>,
        dt: Seconds,
    ) -> MetersPerSecond2 {
        let (v, dt_s) = (speed.0, dt.0);
        let mut next = v + self.follow_mps2(v, ahead) * dt_s;
        if v <= ahead.desired.0 {
            next = next.min(ahead.desired.0);
        }
        let mut acceleration = (next.max(0.0) - v) / dt_s;
        for point in ahead.points {
            let target = point.speed.0;
            let braking = self.approach_mps2(v, point.distance.0, target, dt_s);
            // Beyond the point, its own speed is enough.
            let beyond = if v <= target { (target - v) / dt_s } else { f64::NEG_INFINITY };
            acceleration = acceleration.min(braking.max(beyond));
        }
        if let Some(stop) = ahead.stop {
            acceleration = acceleration.min(self.approach_mps2(v, stop.0.max(0.0), 0.0, dt_s));
        }
        MetersPerSecond2(acceleration.max(-self.braking_max.0))
    }

    /// Car following or free driving.
    fn follow_mps2(&self, v: f64, ahead: &Ahead<'_>) -> f64 {
        let (a, b) = (self.acceleration_max.0, self.braking_comfortable.0);
        let free = (a * (1.0 - (v / ahead.desired.0).powi(4))).max(-b);
        let Some(lead) = ahead.lead else { return free };
        let approach = v * (v - lead.speed.0) / (2.0 * (a * b).sqrt());
        let wanted_m = self.gap_min.0 + (v * self.headway.0 + approach).max(0.0);
        free - a * (wanted_m / lead.gap.0.max(0.1)).powi(2)
    }

    /// The largest acceleration for a step after which comfortable braking still brings the
    /// vehicle to `target` at `distance_m` (counted from before the step). The speed after the
    /// step is the positive root of
    /// `x^2 / 2b + x dt / 2 + v dt / 2 - distance - target^2 / 2b = 0`; if there is none, the point
    /// lies within the step or comes up too late, and is met by braking evenly up to it.
    fn approach_mps2(&self, v: f64, distance_m: f64, target: f64, dt_s: f64) -> f64 {
        let b = self.braking_comfortable.0;
        let even = if distance_m > 0.0 {
            (target * target - v * v) / (2.0 * distance_m)
        } else {
            (target - v) / dt_s
        };
        let half = b * dt_s / 2.0;
        let inside = half * half + target * target + 2.0 * b * distance_m - b * v * dt_s;
        if even < -b || inside <= half * half { even } else { (inside.sqrt() - half - v) / dt_s }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DT: Seconds = Seconds(1.0);

    fn drive(driver: Driver, start_mps: f64, ahead: impl Fn(Motion) -> Option<Meters>) -> Motion {
        let mut motion = Motion { speed: MetersPerSecond(start_mps), travelled: Meters::ZERO };
        for _ in 0..600 {
            let now = Ahead { stop: ahead(motion), ..Ahead::free(MetersPerSecond(12.0)) };
            let a = driver.acceleration(motion.speed, &now, DT);
            motion = motion.after(a, DT);
        }
        motion
    }

    proptest! {
        #[test]
        fn a_stop_is_met_exactly_and_never_passed(
            start in 0.0..14.0_f64, extra_m in 0.0..300.0_f64, dt in 0.1..2.0_f64,
        ) {
            let driver = Driver::robovan();
            let stop = driver.stopping_distance(MetersPerSecond(start)) + Meters(extra_m);
            let mut motion = Motion { speed: MetersPerSecond(start), travelled: Meters::ZERO };
            for _ in 0..4000 {
                let ahead = Ahead {
                    stop: Some(stop - motion.travelled),
                    ..Ahead::free(MetersPerSecond(14.0))
                };
                let a = driver.acceleration(motion.speed, &ahead, Seconds(dt));
                prop_assert!(a.0 >= -driver.braking_comfortable.0 - 1e-6, "{a}");
                motion = motion.after(a, Seconds(dt));
                prop_assert!(motion.travelled.0 <= stop.0 + 1e-6);
            }
            prop_assert!(motion.speed.0 == 0.0 && (stop - motion.travelled).0 < 0.01,
                "{motion:?} {stop}");
        }

        #[test]
        fn a_slow_point_is_not_passed_fast(
            start in 0.0..14.0_f64, extra_m in 0.0..200.0_f64, slow in 1.0..8.0_f64,
        ) {
            let driver = Driver::robovan();
            let b = driver.braking_comfortable.0;
            let at_m = ((start * start - slow * slow) / (2.0 * b)).max(0.0) + extra_m;
            let mut motion = Motion { speed: MetersPerSecond(start), travelled: Meters::ZERO };
            for _ in 0..200 {
                let points = [SpeedPoint {
                    distance: Meters(at_m) - motion.travelled,
                    speed: MetersPerSecond(slow),
                }];
                let is_ahead = points[0].distance.0 > 0.0;
                let ahead = Ahead {
                    points: if is_ahead { &points } else { &[] },
                    ..Ahead::free(MetersPerSecond(14.0))
                };
                let a = driver.acceleration(motion.speed, &ahead, DT);
                prop_assert!(a.0 >= -b - 1e-6);
                let next = motion.after(a, DT);
                if motion.travelled.0 <= at_m && next.travelled.0 > at_m {
                    let there = motion.speed.0.powi(2) + 2.0 * a.0 * points[0].distance.0;
                    prop_assert!(there.max(0.0).sqrt() <= slow + 1e-6, "{there} {motion:?} {a}");
                }
                motion = next;
            }
        }

        #[test]
        fn a_braking_lead_is_not_hit(start in 0.0..12.0_f64, gap in 0.0..60.0_f64, b in 0.5..4.0_f64) {
            let driver = Driver::robovan();
            let gap = gap + 2.0 + start * 1.4;
            let mut own = Motion { speed: MetersPerSecond(start), travelled: Meters::ZERO };
            let mut lead = Motion { speed: MetersPerSecond(start), travelled: Meters(gap) };
            for _ in 0..1000 {
                let ahead = Ahead {
                    lead: Some(Lead { gap: lead.travelled - own.travelled, speed: lead.speed }),
                    ..Ahead::free(MetersPerSecond(12.0))
                };
                own = own.after(driver.acceleration(own.speed, &ahead, Seconds(0.1)), Seconds(0.1));
                lead = lead.after(MetersPerSecond2(-b), Seconds(0.1));
                prop_assert!(own.travelled.0 < lead.travelled.0);
            }
        }
    }

    #[test]
    fn a_free_vehicle_reaches_its_speed_and_keeps_it() {
        let end = drive(Driver::robovan(), 0.0, |_| None);
        assert!((end.speed.0 - 12.0).abs() < 0.05, "{end:?}");
    }

    #[test]
    fn an_obstacle_that_comes_up_late_is_met_with_full_braking() {
        let driver = Driver::robovan();
        let ahead = Ahead { stop: Some(Meters(9.0)), ..Ahead::free(MetersPerSecond(12.0)) };
        let a = driver.acceleration(MetersPerSecond(10.0), &ahead, DT);
        assert!((a.0 + 100.0 / 18.0).abs() < 1e-9, "{a}");
        let ahead = Ahead { stop: Some(Meters(2.0)), ..ahead };
        assert_eq!(driver.acceleration(MetersPerSecond(10.0), &ahead, DT).0, -6.0);
    }
}
