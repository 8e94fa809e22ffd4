//! Distances of responsibility-sensitive safety.
//!
//! Shalev-Shwartz, Shammah and Shashua 2017, "On a formal model of safe and scalable self-driving
//! cars": definition 1 (same way), definition 2 (towards each other), definition 6 (beside). As in
//! the reference implementation, a vehicle that speeds up in its response time does so up to a top
//! speed only. `tools/rss_check.py` compares these functions with that implementation.

/// What one party may do along its lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Along {
    /// Speed now, m/s, not less than zero.
    pub speed_mps: f64,
    /// Speed up to which it speeds up in its response time, m/s.
    pub speed_max_mps: f64,
    /// Response time, s.
    pub response_s: f64,
    /// Strongest acceleration in the response time, m/s2.
    pub acceleration_max_mps2: f64,
    /// Braking that it surely reaches, m/s2, more than zero.
    pub braking_min_mps2: f64,
    /// Braking that it never exceeds, m/s2.
    pub braking_max_mps2: f64,
    /// Braking that it surely reaches when it is in its right in the lane, m/s2.
    pub braking_min_correct_mps2: f64,
}

/// What one party may do across its lane; positive is to the right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Across {
    /// Speed to the right now, m/s.
    pub speed_mps: f64,
    /// Response time, s.
    pub response_s: f64,
    /// Strongest acceleration across, m/s2.
    pub acceleration_max_mps2: f64,
    /// Braking across that it surely reaches, m/s2, more than zero.
    pub braking_min_mps2: f64,
    /// How far it sways about its line, m.
    pub sway_m: f64,
}

/// The gap that the one behind needs, m: it can stop behind the one in front whatever that does.
pub fn same_way_m(behind: &Along, front: &Along) -> f64 {
    let own_m = stop_after_response_m(behind, behind.braking_min_mps2);
    let v = front.speed_mps.max(0.0);
    (own_m - v * v / (2.0 * front.braking_max_mps2)).max(0.0)
}

/// The gap that two need who come towards each other, m; the first is in its right in the lane.
pub fn towards_m(correct: &Along, wrong: &Along) -> f64 {
    stop_after_response_m(correct, correct.braking_min_correct_mps2)
        + stop_after_response_m(wrong, wrong.braking_min_mps2)
}

/// The gap that two need beside each other, m: the first is on the left. Two that drift apart need
/// none, not even for swaying (the paper would keep that; the reference implementation does not).
pub fn beside_m(left: &Across, right: &Across) -> f64 {
    let to_right_m = drift_m(left);
    let to_left_m = -drift_m(&Across { speed_mps: -right.speed_mps, ..*right });
    (to_right_m - to_left_m + (left.sway_m + right.sway_m) / 2.0).max(0.0)
}

/// Distance until it stands: it speeds up while it responds, then brakes.
fn stop_after_response_m(one: &Along, braking_mps2: f64) -> f64 {
    let (v, a, t) = (one.speed_mps.max(0.0), one.acceleration_max_mps2, one.response_s);
    let top = one.speed_max_mps.max(v);
    // Speeding up ends at the top speed; the rest of the response time goes by at that speed.
    let speeding_s = if a > 0.0 { ((top - v) / a).clamp(0.0, t) } else { t };
    let after = (v + a * speeding_s).max(0.0);
    (v + after) / 2.0 * speeding_s + after * (t - speeding_s) + after * after / (2.0 * braking_mps2)
}

/// How far one drifts to the right: it speeds up to the right while it responds, then brakes if it
/// still goes right.
fn drift_m(one: &Across) -> f64 {
    let (v, a, t) = (one.speed_mps, one.acceleration_max_mps2, one.response_s);
    let after = v + a * t;
    let responding_m = v * t + a * t * t / 2.0;
    let braking_m = if after > 0.0 { after * after / (2.0 * one.braking_min_mps2) } else { 0.0 };
    responding_m + braking_m
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random states with distances found by ad-rss 5.0.0, written by `tools/rss_check.py`.
    #[test]
    fn distances_are_those_of_another_implementation() {
        let vectors = include_str!("../../testdata/rss_vectors.csv");
        let mut n = 0;
        for line in vectors.lines() {
            let v: Vec<f64> = line.split(',').map(|w| w.parse().unwrap()).collect();
            let along = |v: &[f64]| Along {
                speed_mps: v[0],
                speed_max_mps: v[1],
                response_s: v[2],
                acceleration_max_mps2: v[3],
                braking_min_mps2: v[4],
                braking_max_mps2: v[5],
                braking_min_correct_mps2: v[6],
            };
            let across = |v: &[f64], response_s: f64| Across {
                speed_mps: v[0],
                response_s,
                acceleration_max_mps2: v[1],
                braking_min_mps2: v[2],
                sway_m: v[3],
            };
            let (a, b) = (along(&v[..7]), along(&v[7..14]));
            let left = across(&v[14..18], a.response_s);
            let right = across(&v[18..22], b.response_s);
            let ours = [same_way_m(&b, &a), towards_m(&a, &b), beside_m(&left, &right)];
            for (ours, theirs) in ours.iter().zip(&v[22..25]) {
                assert!((ours - theirs).abs() < 1e-3 + 1e-4 * theirs, "{ours} {theirs}: {line}");
            }
            n += 1;
        }
        assert_eq!(n, 200);
    }
}
