//! Makes a found way shorter, and turns the wheels on the move.

use super::ground::Field;
use super::path::{self, Joint, merged};
use super::reeds_shepp::{self, Word};
use super::search::{is_clear, local, pieces_of};
use super::{Options, Piece, RearPose, Run};
use crate::trajectory::{Vehicle, wrapped_rad};

/// Longest piece that is not cut in parts to find shorter ways between, m.
const CUT_M: f64 = 1.2;
/// Shorter ways tried.
const TRIES_MAX: usize = 260;
/// Words looked at for each.
const WORDS_MAX: usize = 8;
/// Turning of the wheels on the move that is tried, rad each metre, gentlest first.
const TURNS_RADPM: [f64; 2] = [0.9, 2.2];
/// Share of the wheels' speed that is planned with.
const RATE_SHARE: f64 = 0.8;
/// Acceleration to the side, m/s2.
const ACROSS_MPS2: f64 = 0.8;
/// Slowest that a plan asks for, m/s.
const CRAWL_MPS: f64 = 0.12;
/// Share of the air that must be left when the wheels are turned on the move.
const AIR_SHARE: f64 = 0.7;

pub(super) struct Smooth<'a> {
    pub(super) vehicle: &'a Vehicle,
    pub(super) field: &'a Field<'a>,
    pub(super) options: &'a Options,
    pub(super) start: &'a RearPose,
    pub(super) goal: &'a RearPose,
    pub(super) air_m: f64,
}

impl Smooth<'_> {
    pub(super) fn apply(&self, pieces: &[Piece]) -> (Vec<Piece>, Vec<Run>) {
        let mut pieces = merged(pieces);
        let mut tries = TRIES_MAX;
        while let Some(shorter) = self.shorter(&pieces, &mut tries) {
            pieces = merged(&shorter);
        }
        self.turn_on_the_move(pieces)
    }

    /// What a way costs, m.
    fn cost_m(&self, pieces: &[Piece]) -> f64 {
        let whole: f64 = pieces.iter().map(|p| p.length_m * self.share(p)).sum();
        let joints = pieces.windows(2).map(|w| {
            let by = (w[0].steering_rad - w[1].steering_rad).abs();
            let change = if w[0].gear == w[1].gear { 0.0 } else { self.options.change_m };
            change + by * 0.5
        });
        whole + joints.sum::<f64>()
    }

    fn share(&self, piece: &Piece) -> f64 {
        if piece.gear.sign() < 0.0 { self.options.back_share } else { 1.0 }
    }

    /// A cheaper way with a word in place of some of its pieces.
    fn shorter(&self, pieces: &[Piece], tries: &mut usize) -> Option<Vec<Piece>> {
        let mut parts: Vec<Piece> = Vec::new();
        for piece in pieces {
            let n = (piece.length_m / CUT_M).ceil().max(1.0);
            let part = Piece { length_m: piece.length_m / n, ..*piece };
            parts.extend(std::iter::repeat_n(part, n as usize));
        }
        let mut poses = vec![*self.start];
        for part in &parts {
            poses.push(part.after(self.vehicle, &poses[poses.len() - 1]));
        }
        let cost_m = self.cost_m(&merged(pieces));
        let steering_rad = self.vehicle.steering_max_rad * self.options.steering_share;
        let radius_m = self.vehicle.wheelbase_m() / steering_rad.tan();
        let mut words: Vec<Word> = Vec::new();
        for i in 0..parts.len() {
            for j in (i + 2..=parts.len()).rev() {
                if *tries == 0 {
                    return None;
                }
                *tries -= 1;
                let (x, y, heading) = local(&poses[i], &poses[j], radius_m);
                reeds_shepp::words(x, y, heading, &mut words);
                let mut ways: Vec<(f64, Vec<Piece>)> = words
                    .iter()
                    .map(|w| {
                        let mut way = parts[..i].to_vec();
                        way.extend(pieces_of(w, radius_m, steering_rad));
                        way.extend_from_slice(&parts[j..]);
                        let way = merged(&way);
                        (self.cost_m(&way), way)
                    })
                    .filter(|w| w.0 < cost_m - 0.05)
                    .collect();
                ways.sort_by(|a, b| a.0.total_cmp(&b.0));
                let better = ways.into_iter().take(WORDS_MAX).find(|(_, way)| {
                    let mut pose = *self.start;
                    way.iter().all(|piece| {
                        let from = pose;
                        pose = piece.after(self.vehicle, &pose);
                        is_clear(self.field, self.vehicle, &from, piece, self.air_m)
                    })
                });
                if let Some((_, way)) = better {
                    return Some(way);
                }
            }
        }
        None
    }

    /// Turns the wheels on the move between pieces of one direction wherever a way that ends at the
    /// goal still keeps air; elsewhere at a stand.
    fn turn_on_the_move(&self, pieces: Vec<Piece>) -> (Vec<Piece>, Vec<Run>) {
        let mut pieces = pieces;
        let mut joints = vec![Joint::Stand; pieces.len().saturating_sub(1)];
        let mut runs = path::runs(self.vehicle, self.start, &pieces, &joints).unwrap_or_default();
        // All at once, as it mostly will do, then one by one.
        let inner: Vec<usize> =
            (0..joints.len()).filter(|i| pieces[*i].gear == pieces[i + 1].gear).collect();
        let groups = std::iter::once(inner.clone()).chain(inner.iter().map(|i| vec![*i]));
        for group in groups {
            for radpm in TURNS_RADPM {
                if group.iter().all(|i| joints[*i] != Joint::Stand) {
                    break;
                }
                let mut tried = joints.clone();
                group.iter().for_each(|i| tried[*i] = Joint::Turn(radpm));
                if let Some((corrected, its_runs)) = self.corrected(&pieces, &tried) {
                    (pieces, joints, runs) = (corrected, tried, its_runs);
                }
            }
        }
        for run in &mut runs {
            self.set_speeds(run);
        }
        (pieces, runs)
    }

    /// Lengths and wheels changed as little as brings the end back to the goal.
    fn corrected(&self, pieces: &[Piece], joints: &[Joint]) -> Option<(Vec<Piece>, Vec<Run>)> {
        let most_rad = self.vehicle.steering_max_rad * (0.4 + 0.6 * self.options.steering_share);
        let mut pieces = pieces.to_vec();
        let n = pieces.len();
        let miss = |pieces: &[Piece]| {
            let end = path::end(self.vehicle, self.start, pieces, joints)?;
            let goal = self.goal;
            let turned = wrapped_rad(end.heading_rad - goal.heading_rad);
            Some([end.rear.x_m - goal.rear.x_m, end.rear.y_m - goal.rear.y_m, turned])
        };
        let moved = |pieces: &[Piece], k: usize, by: f64| {
            let mut moved = pieces.to_vec();
            if k < n {
                moved[k].length_m += by;
            } else {
                moved[k - n].steering_rad += by;
            }
            moved
        };
        // A tenth of a radian of the wheels is as unwelcome as a metre of way.
        let weight = |k: usize| if k < n { 1.0 } else { 0.01 };
        for _ in 0..8 {
            let off = miss(&pieces)?;
            if off[0].hypot(off[1]) < 1e-4 && off[2].abs() < 1e-4 {
                return self.checked(pieces, joints, most_rad);
            }
            const BY: f64 = 1e-5;
            let mut slopes = Vec::with_capacity(2 * n);
            for k in 0..2 * n {
                let there = miss(&moved(&pieces, k, BY))?;
                slopes.push([0, 1, 2].map(|i| wrapped_rad_if(i, there[i] - off[i]) / BY));
            }
            let mut square = [[0.0; 3]; 3];
            for (k, slope) in slopes.iter().enumerate() {
                for i in 0..3 {
                    for j in 0..3 {
                        square[i][j] += weight(k) * slope[i] * slope[j];
                    }
                }
            }
            (0..3).for_each(|i| square[i][i] += 1e-9);
            let push = solved(square, off)?;
            for (k, slope) in slopes.iter().enumerate() {
                let by = -weight(k) * (0..3).map(|i| slope[i] * push[i]).sum::<f64>();
                if k < n {
                    pieces[k].length_m = (pieces[k].length_m + by.clamp(-0.5, 0.5)).max(0.01);
                } else {
                    pieces[k - n].steering_rad = (pieces[k - n].steering_rad + by.clamp(-0.1, 0.1))
                        .clamp(-most_rad, most_rad);
                }
            }
        }
        None
    }

    fn checked(
        &self,
        pieces: Vec<Piece>,
        joints: &[Joint],
        most_rad: f64,
    ) -> Option<(Vec<Piece>, Vec<Run>)> {
        let runs = path::runs(self.vehicle, self.start, &pieces, joints)?;
        let end = runs.last()?.points.last()?.pose;
        let (off_m, turned) = end.off(self.goal);
        let air_m = self.air_m * AIR_SHARE;
        let is_fine = off_m < 2e-3
            && turned < 1e-3
            && pieces.iter().all(|p| p.steering_rad.abs() <= most_rad + 1e-9)
            && runs
                .iter()
                .flat_map(|r| &r.points)
                .step_by(2)
                .all(|p| self.field.is_free(&p.pose, air_m));
        is_fine.then_some((pieces, runs))
    }

    /// How fast each point may be passed: bends, wheels, braking, and a stand at the end.
    fn set_speeds(&self, run: &mut Run) {
        let o = self.options;
        let top = if run.gear.sign() > 0.0 { o.speed_mps.0 } else { o.speed_mps.1 };
        let rate = self.vehicle.steering_rate_max_radps * RATE_SHARE;
        let n = run.points.len();
        for i in 0..n {
            let here = run.points[i];
            let bend = here.steering_rad.tan().abs() / self.vehicle.wheelbase_m();
            let mut speed = top.min((ACROSS_MPS2 / bend.max(1e-6)).sqrt());
            for j in [i.wrapping_sub(1), i + 1] {
                if let Some(next) = run.points.get(j) {
                    let by = (next.steering_rad - here.steering_rad).abs();
                    let way_m = (next.s_m - here.s_m).abs().max(1e-9);
                    speed = speed.min(rate * way_m / by.max(1e-9));
                }
            }
            run.points[i].speed_mps = speed.max(CRAWL_MPS);
        }
        if let Some(last) = run.points.last_mut() {
            last.speed_mps = 0.0;
        }
        for i in (0..n.saturating_sub(1)).rev() {
            let (next, way_m) =
                (run.points[i + 1].speed_mps, run.points[i + 1].s_m - run.points[i].s_m);
            let reach = (next * next + 2.0 * o.acceleration_mps2 * way_m).sqrt();
            run.points[i].speed_mps = run.points[i].speed_mps.min(reach);
        }
    }
}

/// The third of a triple is an angle.
fn wrapped_rad_if(i: usize, by: f64) -> f64 {
    if i == 2 { wrapped_rad(by) } else { by }
}

/// Solves three equations by elimination.
fn solved(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> Option<[f64; 3]> {
    for i in 0..3 {
        let pivot = (i..3).max_by(|x, y| a[*x][i].abs().total_cmp(&a[*y][i].abs()))?;
        a.swap(i, pivot);
        b.swap(i, pivot);
        if a[i][i].abs() < 1e-14 {
            return None;
        }
        for j in i + 1..3 {
            let share = a[j][i] / a[i][i];
            let row = a[i];
            (i..3).for_each(|k| a[j][k] -= share * row[k]);
            b[j] -= share * b[i];
        }
    }
    let mut x = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|k| a[i][k] * x[k]).sum();
        x[i] = (b[i] - known) / a[i][i];
    }
    Some(x)
}

/// Time that runs take with nobody about, s: speeding up from a stand, the wheels before each.
pub(super) fn time_s(vehicle: &Vehicle, runs: &[Run]) -> f64 {
    const PUSH_MPS2: f64 = 0.5;
    const SHIFT_S: f64 = 0.4;
    let mut time_s = 0.0;
    let mut wheels_rad = 0.0;
    for run in runs {
        let first = run.points.first().map_or(0.0, |p| p.steering_rad);
        time_s += SHIFT_S + (first - wheels_rad).abs() / vehicle.steering_rate_max_radps;
        let mut v = 0.0_f64;
        for pair in run.points.windows(2) {
            let way_m = pair[1].s_m - pair[0].s_m;
            let next = (v * v + 2.0 * PUSH_MPS2 * way_m).sqrt().min(pair[1].speed_mps);
            time_s += way_m / ((v + next) / 2.0).max(0.05);
            v = next;
        }
        wheels_rad = run.points.last().map_or(0.0, |p| p.steering_rad);
    }
    time_s
}
