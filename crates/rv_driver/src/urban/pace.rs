//! Speed along a line with bounded acceleration and jerk: how long a way braking takes, and the
//! largest acceleration after which every bound ahead can still be kept.

/// Bounds of acceleration, braking (both positive), m/s2, and jerk, m/s3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comfort {
    /// Strongest acceleration.
    pub acceleration_mps2: f64,
    /// Strongest braking.
    pub braking_mps2: f64,
    /// Strongest jerk.
    pub jerk_mps3: f64,
}

impl Comfort {
    /// What is planned with; what is allowed is a little more, so that a plan can be kept.
    pub const PLANNED: Self = Self { acceleration_mps2: 1.65, braking_mps2: 1.65, jerk_mps3: 1.6 };
    /// What a light that turns yellow at the wrong moment may ask for.
    pub const FIRM: Self = Self { acceleration_mps2: 1.6, braking_mps2: 2.5, jerk_mps3: 3.0 };
    /// What is allowed.
    pub const ALLOWED: Self = Self { acceleration_mps2: 1.8, braking_mps2: 1.88, jerk_mps3: 1.9 };
}

/// A place ahead that may be passed at no more than a speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Distance to it, m.
    pub at_m: f64,
    /// Speed there, m/s.
    pub mps: f64,
}

/// Way in which speed falls from `v_mps` at acceleration `a_mps2` to `end_mps` at acceleration
/// zero, if braking starts now and keeps within the bounds, m; zero if it is slow enough already.
pub fn braking_way_m(c: &Comfort, v_mps: f64, a_mps2: f64, end_mps: f64) -> f64 {
    let (j, mut v, a) = (c.jerk_mps3, v_mps, a_mps2);
    let mut way_m = 0.0;
    if a > 0.0 {
        // First the acceleration is taken away.
        let t = a / j;
        way_m += v * t + a * t * t / 2.0 - j * t * t * t / 6.0;
        v += a * a / (2.0 * j);
    }
    let brake = (-a).max(0.0);
    // Speed lost at least while braking that is on is let go.
    let release = brake * brake / (2.0 * j);
    let drop = v - end_mps;
    if drop <= release {
        if drop <= 0.0 {
            return 0.0;
        }
        // Let go at once; the end speed is reached on the way.
        let t = (brake - (brake * brake - 2.0 * j * drop).max(0.0).sqrt()) / j;
        return way_m + v * t - brake * t * t / 2.0 + j * t * t * t / 6.0;
    }
    // Peak of braking if it is never held: up from `brake`, down to zero.
    let peak = (j * drop + brake * brake / 2.0).sqrt().min(c.braking_mps2.max(brake));
    let t1 = (peak - brake) / j;
    way_m += v * t1 - brake * t1 * t1 / 2.0 - j * t1 * t1 * t1 / 6.0;
    let v1 = v - brake * t1 - j * t1 * t1 / 2.0;
    let v3 = end_mps + peak * peak / (2.0 * j);
    let hold = (v1 - v3).max(0.0);
    way_m += (v1 + v3) / 2.0 * hold / peak.max(1e-9);
    let t3 = peak / j;
    way_m + v3 * t3 - peak * t3 * t3 / 2.0 + j * t3 * t3 * t3 / 6.0
}

/// The acceleration at the end of the next step: the wanted one within comfort, less if a bound
/// ahead asks for it. What is felt across the way leaves less for braking, unless a bound needs it.
pub fn next_acceleration(
    (v_mps, a_mps2, across_mps2): (f64, f64, f64),
    wanted_mps2: f64,
    cap_mps: f64,
    bounds: &[Bound],
    dt_s: f64,
) -> f64 {
    let allowed = Comfort::ALLOWED;
    let rest = (TOGETHER_MPS2 * TOGETHER_MPS2 - across_mps2 * across_mps2).max(0.0).sqrt();
    // In a bend stops are planned with what it leaves.
    let planned = Comfort::PLANNED;
    let braking_mps2 = planned.braking_mps2.min((rest - 0.05).max(LEAST_BRAKING_MPS2));
    let plan = Comfort { braking_mps2, ..planned };
    let a0 = a_mps2.clamp(-allowed.braking_mps2 * 3.0, allowed.acceleration_mps2);
    let keeps_those = |a: f64, which: fn(&Bound) -> bool| {
        let v = (v_mps + (a0 + a) / 2.0 * dt_s).max(0.0);
        let way_m = (v_mps + v) / 2.0 * dt_s;
        let rise = if a > 0.0 { a * a / (2.0 * plan.jerk_mps3) } else { 0.0 };
        v + rise <= cap_mps + 1e-6
            && bounds.iter().filter(|b| which(b)).all(|b| {
                // Far away or fast enough: nothing to work out.
                let rough_m = v * v / (2.0 * plan.braking_mps2) + v * 2.0 + 2.0;
                if b.at_m > rough_m || (b.mps >= v && a <= 0.0) {
                    return true;
                }
                let need_m = braking_way_m(&plan, v, a, b.mps);
                need_m <= 0.0 || need_m <= b.at_m - way_m
            })
    };
    let keeps = |a: f64| keeps_those(a, |_| true);
    // Braking beyond comfort is let go at once when its cause has gone.
    let up = (a0 + allowed.jerk_mps3 * dt_s).max(-allowed.braking_mps2);
    let down = (a0 - plan.jerk_mps3 * dt_s).max(-allowed.braking_mps2).min(up);
    let top = wanted_mps2.clamp(down, up);
    let top = top.min(plan.acceleration_mps2);
    let soft = |a: f64| a.max(-fade_mps2(v_mps, dt_s));
    if keeps(top) {
        return soft(top);
    }
    let by_jerk = a0 - allowed.jerk_mps3 * dt_s;
    // What is on already is let go no faster than comfort allows.
    let let_go = (a0 + allowed.jerk_mps3 * dt_s).max(-allowed.braking_mps2);
    let mut bottom = by_jerk.max((-allowed.braking_mps2.min(rest)).min(let_go));
    if !keeps(bottom) {
        // A little too fast past a place does no harm; beyond a place to stand it would.
        if !keeps_those(bottom, |b| b.mps == 0.0) {
            bottom = by_jerk.max(-allowed.braking_mps2);
        }
        if !keeps(bottom) {
            return soft(bottom);
        }
    }
    let top = top.max(bottom);
    let (mut low, mut high) = (bottom, top);
    for _ in 0..5 {
        let mid = (low + high) / 2.0;
        if keeps(mid) { low = mid } else { high = mid }
    }
    soft(low)
}

/// The strongest braking at a speed that still fades to a stand without a jolt at its end, m/s2:
/// step by step less, by what jerk allows, and none in the step in which it stands.
pub(crate) fn fade_mps2(v_mps: f64, dt_s: f64) -> f64 {
    let step = FADE_JERK_MPS3 * dt_s;
    let n_steps = ((1.0 + 8.0 * v_mps.max(0.0) / (step * dt_s)).sqrt() - 1.0) / 2.0;
    step * n_steps
}

/// Way in which braking fades to a stand, m.
pub(crate) fn fade_way_m(v_mps: f64) -> f64 {
    v_mps * (2.0 * v_mps / FADE_JERK_MPS3).sqrt() / 3.0
}

/// Acceleration along and across together within which a stop is kept if it can, m/s2.
const TOGETHER_MPS2: f64 = 1.9;

/// Braking that stops in bends are planned with at least, m/s2.
const LEAST_BRAKING_MPS2: f64 = 1.0;

/// Jerk with which braking fades; a little less than allowed, for the last step is cut.
const FADE_JERK_MPS3: f64 = 1.75;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Driving to a stop from far enough away never overruns it, and keeps the bounds.
        #[test]
        fn stops_in_time(v in 0.0..16.0_f64, a in -1.6..1.5_f64, more in 0.5..40.0_f64, end in 0.0..8.0_f64) {
            // Braking that fades as it comes to a stand.
            prop_assume!(a > -fade_mps2(v, 0.1));
            let c = Comfort::PLANNED;
            let at = braking_way_m(&c, v, a, end) + more;
            let (mut v, mut a, mut s) = (v, a, 0.0);
            let dt = 0.1;
            for _ in 0..1000 {
                let next = next_acceleration((v, a, 0.0), 1.5, 20.0, &[Bound { at_m: at - s, mps: end }], dt);
                prop_assert!((next - a).abs() <= Comfort::ALLOWED.jerk_mps3 * dt + 1e-9);
                prop_assert!(next >= -Comfort::ALLOWED.braking_mps2 - 1e-9);
                let v2 = (v + (a + next) / 2.0 * dt).max(0.0);
                s += (v + v2) / 2.0 * dt;
                (v, a) = (v2, if v2 == 0.0 { next.max(0.0) } else { next });
                if s > at - 0.05 {
                    prop_assert!(v <= end + 0.35, "{v} at {s} of {at}");
                    break;
                }
            }
        }

        /// What may be passed faster than one drives, and is, holds nobody back.
        #[test]
        fn a_bound_that_is_kept_anyway_lets_it_speed_up(v in 0.0..12.0_f64, at in 0.0..40.0_f64) {
            let bound = Bound { at_m: at, mps: 12.5 };
            let (mut v, mut a) = (v, 0.0);
            for _ in 0..120 {
                a = next_acceleration((v, a, 0.0), 1.2, 12.5, &[bound], 0.1);
                v += a * 0.1;
            }
            prop_assert!((12.2..12.6).contains(&v), "{v}");
        }

        /// The closed form agrees with a simulation of the same braking.
        #[test]
        fn way_is_what_braking_takes(v in 2.0..16.0_f64, a in -1.0..1.5_f64) {
            let c = Comfort::PLANNED;
            let way = braking_way_m(&c, v, a, 0.0);
            // Optimal braking in tiny steps: harder while the release still brings it to a stand.
            let (mut v, mut a, mut s) = (v, a, 0.0);
            let dt = 1e-4;
            while v > 1e-3 {
                let over = v > a * a / (2.0 * c.jerk_mps3) || a > 0.0;
                a = if over { (a - c.jerk_mps3 * dt).max(-c.braking_mps2) } else { (a + c.jerk_mps3 * dt).min(-1e-3) };
                v += a * dt;
                s += v * dt;
            }
            prop_assert!((s - way).abs() < 0.05 + 0.01 * way, "{s} {way}");
        }
    }
}
