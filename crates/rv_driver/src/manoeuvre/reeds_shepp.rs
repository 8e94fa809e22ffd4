//! Shortest ways of a car that drives forwards and backwards, with nothing around it.
//!
//! Reeds and Shepp 1990, "Optimal paths for a car that goes both forwards and backwards", section 8:
//! twelve formulas, each driven as it is, backwards, mirrored, and both; lengths in turning radii. Every
//! word is returned, not only the shortest, as the shortest may touch something.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Longest word.
const PARTS_MAX: usize = 5;

/// Where the wheels point in a part: left 1, straight 0, right -1.
type Side = i8;

/// A word: parts with their wheels and their signed length (less than zero: backwards), in radii.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Word {
    parts: [(Side, f64); PARTS_MAX],
    n: usize,
    /// Sum of lengths, radii.
    pub(super) length: f64,
}

impl Word {
    pub(super) fn parts(&self) -> &[(Side, f64)] {
        &self.parts[..self.n]
    }
}

/// A formula: for a goal (x, y, heading) in radii, wheels and signed lengths.
type Formula = fn(f64, f64, f64) -> Option<([(Side, f64); PARTS_MAX], usize)>;

const FORMULAS: [Formula; 12] =
    [lsl, lsr, lrl_two, lrl_one, lrl_late, lrlr, lrlr_even, lrsl, lsrl, lrsr, lslr, lrslr];

/// All words to a goal as seen from the start, in radii, pushed onto `out`; at most 48.
pub(super) fn words(x: f64, y: f64, heading: f64, out: &mut Vec<Word>) {
    out.clear();
    visit(x, y, heading, |parts, n, length| {
        out.push(Word { parts, n, length });
    });
}

/// Length of the shortest word, radii.
pub(super) fn length(x: f64, y: f64, heading: f64) -> f64 {
    let mut least = f64::INFINITY;
    visit(x, y, heading, |_, _, length| least = least.min(length));
    least
}

fn visit(x: f64, y: f64, heading: f64, mut found: impl FnMut([(Side, f64); 5], usize, f64)) {
    for (back, mirror) in [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)] {
        // Driven backwards a way leads to (-x, y, -heading), mirrored to (x, -y, -heading).
        let (x, y, heading) = (x * back, y * mirror, heading * back * mirror);
        for formula in FORMULAS {
            let Some((mut parts, n)) = formula(x, y, heading) else { continue };
            let mut length = 0.0;
            for part in &mut parts[..n] {
                *part = (if mirror < 0.0 { -part.0 } else { part.0 }, part.1 * back);
                length += part.1.abs();
            }
            found(parts, n, length);
        }
    }
}

/// Into [-pi, pi).
fn wrap(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

fn polar(x: f64, y: f64) -> (f64, f64) {
    (x.hypot(y), y.atan2(x))
}

const L: Side = 1;
const S: Side = 0;
const R: Side = -1;

fn word<const N: usize>(parts: [(Side, f64); N]) -> Option<([(Side, f64); 5], usize)> {
    let mut all = [(S, 0.0); PARTS_MAX];
    all[..N].copy_from_slice(&parts);
    Some((all, N))
}

/// From the centre of the first left circle to that of a last left one.
fn same(x: f64, y: f64, phi: f64) -> (f64, f64) {
    polar(x - phi.sin(), y - 1.0 + phi.cos())
}

/// From the centre of the first left circle to that of a last right one.
fn other(x: f64, y: f64, phi: f64) -> (f64, f64) {
    polar(x + phi.sin(), y - 1.0 - phi.cos())
}

// Formula 8.1.
fn lsl(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (u, t) = same(x, y, phi);
    word([(L, t), (S, u), (L, wrap(phi - t))])
}

// Formula 8.2.
fn lsr(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = other(x, y, phi);
    if rho < 2.0 {
        return None;
    }
    let u = (rho * rho - 4.0).max(0.0).sqrt();
    let t = wrap(theta + 2.0_f64.atan2(u));
    word([(L, t), (S, u), (R, wrap(t - phi))])
}

// Formula 8.3: two changes of direction.
fn lrl_two(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = same(x, y, phi);
    if rho > 4.0 {
        return None;
    }
    let a = (rho / 4.0).acos();
    let (t, u) = (wrap(theta + FRAC_PI_2 + a), wrap(PI - 2.0 * a));
    word([(L, t), (R, -u), (L, wrap(phi - t - u))])
}

// Formula 8.4: one change, after the first part.
fn lrl_one(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = same(x, y, phi);
    if rho > 4.0 {
        return None;
    }
    let a = (rho / 4.0).acos();
    let (t, u) = (wrap(theta + FRAC_PI_2 + a), wrap(PI - 2.0 * a));
    word([(L, t), (R, -u), (L, -wrap(t + u - phi))])
}

// Formula 8.4 the other way around: one change, before the last part.
fn lrl_late(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = same(x, y, phi);
    if !(1e-9..=4.0).contains(&rho) {
        return None;
    }
    let u = (1.0 - rho * rho / 8.0).acos();
    let a = (2.0 * u.sin() / rho).clamp(-1.0, 1.0).asin();
    let t = wrap(theta + FRAC_PI_2 - a);
    word([(L, t), (R, u), (L, -wrap(t - u - phi))])
}

// Formula 8.7: four parts, one change in the middle.
fn lrlr(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = other(x, y, phi);
    if rho > 4.0 {
        return None;
    }
    let (t, u) = if rho <= 2.0 {
        let a = ((rho + 2.0) / 4.0).acos();
        (wrap(theta + FRAC_PI_2 + a), wrap(a))
    } else {
        let a = ((rho - 2.0) / 4.0).acos();
        (wrap(theta + FRAC_PI_2 - a), wrap(PI - a))
    };
    word([(L, t), (R, u), (L, -u), (R, -wrap(phi - t + 2.0 * u))])
}

// Formula 8.8: four parts, two changes.
fn lrlr_even(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = other(x, y, phi);
    let cos = (20.0 - rho * rho) / 16.0;
    if rho > 6.0 || !(0.0..=1.0).contains(&cos) || rho < 1e-9 {
        return None;
    }
    let u = cos.acos();
    let a = (2.0 * u.sin() / rho).clamp(-1.0, 1.0).asin();
    let t = wrap(theta + FRAC_PI_2 + a);
    word([(L, t), (R, -u), (L, -u), (R, wrap(t - phi))])
}

// Formula 8.9: a change, a quarter circle, straight, and around the same way.
fn lrsl(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = same(x, y, phi);
    if rho < 2.0 {
        return None;
    }
    let u = (rho * rho - 4.0).max(0.0).sqrt() - 2.0;
    let t = wrap(theta + FRAC_PI_2 + 2.0_f64.atan2(u + 2.0));
    word([(L, t), (R, -FRAC_PI_2), (S, -u), (L, -wrap(t - phi + FRAC_PI_2))])
}

// Formula 8.9 the other way around.
fn lsrl(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = same(x, y, phi);
    if rho < 2.0 {
        return None;
    }
    let u = (rho * rho - 4.0).max(0.0).sqrt() - 2.0;
    let t = wrap(theta + FRAC_PI_2 - (u + 2.0).atan2(2.0));
    word([(L, t), (S, u), (R, FRAC_PI_2), (L, -wrap(t - phi - FRAC_PI_2))])
}

// Formula 8.10.
fn lrsr(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = other(x, y, phi);
    if rho < 2.0 {
        return None;
    }
    let t = wrap(theta + FRAC_PI_2);
    word([(L, t), (R, -FRAC_PI_2), (S, -(rho - 2.0)), (R, -wrap(phi - t - FRAC_PI_2))])
}

// Formula 8.10 the other way around.
fn lslr(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = other(x, y, phi);
    if rho < 2.0 {
        return None;
    }
    let t = wrap(theta);
    word([(L, t), (S, rho - 2.0), (L, FRAC_PI_2), (R, -wrap(phi - t - FRAC_PI_2))])
}

// Formula 8.11: five parts.
fn lrslr(x: f64, y: f64, phi: f64) -> Option<([(Side, f64); 5], usize)> {
    let (rho, theta) = other(x, y, phi);
    if rho < 4.0 {
        return None;
    }
    let u = (rho * rho - 4.0).max(0.0).sqrt() - 4.0;
    let t = wrap(theta + FRAC_PI_2 + 2.0_f64.atan2(u + 4.0));
    word([(L, t), (R, -FRAC_PI_2), (S, -u), (L, -FRAC_PI_2), (R, wrap(t - phi))])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drive(parts: &[(Side, f64)]) -> (f64, f64, f64) {
        let (mut x, mut y, mut h) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (side, length) in parts {
            let k = f64::from(*side);
            if *side == 0 {
                (x, y) = (x + length * h.cos(), y + length * h.sin());
            } else {
                let after = h + k * length;
                x += (after.sin() - h.sin()) / k;
                y -= (after.cos() - h.cos()) / k;
                h = after;
            }
        }
        (x, y, h)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn every_word_ends_at_its_goal(x in -8.0..8.0_f64, y in -8.0..8.0_f64, h in -PI..PI) {
            let mut all = Vec::new();
            words(x, y, h, &mut all);
            prop_assert!(all.len() >= 4);
            for w in &all {
                let (ex, ey, eh) = drive(w.parts());
                let off = (ex - x).hypot(ey - y) + wrap(eh - h).abs();
                prop_assert!(off < 1e-6, "{w:?} ends {off} off");
            }
        }

        /// No way of four random parts is shorter than the shortest word to where it ends.
        #[test]
        fn no_other_way_is_shorter(
            parts in proptest::collection::vec((-1_i8..=1, -1.5..1.5_f64), 1..5),
        ) {
            let (x, y, h) = drive(&parts);
            let driven: f64 = parts.iter().map(|p| p.1.abs()).sum();
            prop_assert!(length(x, y, h) <= driven + 1e-6);
        }
    }
}
