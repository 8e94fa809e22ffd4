//! Turns the wheels on the move between pieces of one direction wherever a way that ends at the goal
//! still keeps air; elsewhere they are turned at a stand.

use super::ground::Field;
use super::path::{self, Joint};
use super::planning::Terms;
use super::{Piece, Run};
use crate::trajectory::wrapped_rad;

/// Turning of the wheels on the move that is tried, rad each metre, gentlest first.
const TURNS_RADPM: [f64; 2] = [0.9, 2.2];
/// Share of the air that must be left when the wheels are turned on the move.
const AIR_SHARE: f64 = 0.7;
/// Rounds of a correction.
const ROUNDS_MAX: u32 = 8;
/// Lengths and angles are changed by so much to see where the end goes, m and rad.
const BY: f64 = 1e-5;
/// Work of following a piece, and of laying a metre of points, units.
const PIECE: u64 = 60;
const METRE: u64 = 350;

/// A way whose joints are being tried.
#[derive(Clone, Debug)]
pub(super) struct Turning {
    pieces: Vec<Piece>,
    joints: Vec<Joint>,
    runs: Vec<Run>,
    air_m: f64,
    /// Joints that are tried together: all at once, as it mostly will do, then one by one.
    groups: Vec<Vec<usize>>,
    /// The group that is tried next, and which of `TURNS_RADPM`.
    group: usize,
    turn: usize,
    correction: Option<Correction>,
}

/// Lengths and wheels changed as little as brings the end back to the goal.
#[derive(Clone, Debug)]
struct Correction {
    pieces: Vec<Piece>,
    joints: Vec<Joint>,
    n_rounds: u32,
    off: [f64; 3],
    /// How the end goes off with each length, then with each angle.
    slopes: Vec<[f64; 3]>,
}

/// Where a correction is.
enum Corrected {
    Goes,
    Failed,
    Done,
}

impl Turning {
    pub(super) fn new(terms: &Terms, pieces: Vec<Piece>, air_m: f64) -> Self {
        let joints = vec![Joint::Stand; pieces.len().saturating_sub(1)];
        let runs = path::runs(&terms.vehicle, &terms.start, &pieces, &joints).unwrap_or_default();
        let inner: Vec<usize> =
            (0..joints.len()).filter(|i| pieces[*i].gear == pieces[i + 1].gear).collect();
        let groups = std::iter::once(inner.clone()).chain(inner.iter().map(|i| vec![*i])).collect();
        Self { pieces, joints, runs, air_m, groups, group: 0, turn: 0, correction: None }
    }

    /// Goes on until so much work is done; the pieces and runs once it has ended.
    pub(super) fn turn(
        &mut self,
        terms: &Terms,
        field: &Field,
        until: u64,
    ) -> Option<(Vec<Piece>, Vec<Run>)> {
        while field.done() < until {
            let Some(mut correction) = self.correction.take() else {
                if !self.begin_next() {
                    return Some((
                        std::mem::take(&mut self.pieces),
                        std::mem::take(&mut self.runs),
                    ));
                }
                continue;
            };
            match correction.step(terms, field) {
                Corrected::Goes => self.correction = Some(correction),
                Corrected::Failed => {}
                Corrected::Done => self.check(terms, field, correction),
            }
        }
        None
    }

    /// Begins the next correction; false if there is none.
    fn begin_next(&mut self) -> bool {
        while let Some(group) = self.groups.get(self.group) {
            let is_turned = group.iter().all(|i| self.joints[*i] != Joint::Stand);
            let Some(radpm) = TURNS_RADPM.get(self.turn).filter(|_| !is_turned) else {
                (self.group, self.turn) = (self.group + 1, 0);
                continue;
            };
            let mut joints = self.joints.clone();
            group.iter().for_each(|i| joints[*i] = Joint::Turn(*radpm));
            self.turn += 1;
            self.correction = Some(Correction {
                pieces: self.pieces.clone(),
                joints,
                n_rounds: 0,
                off: [0.0; 3],
                slopes: Vec::new(),
            });
            return true;
        }
        false
    }

    /// Takes what was corrected if it is within the vehicle's limits and keeps air.
    fn check(&mut self, terms: &Terms, field: &Field, correction: Correction) {
        let Correction { pieces, joints, .. } = correction;
        let runs = path::runs(&terms.vehicle, &terms.start, &pieces, &joints);
        let Some(runs) = runs else { return };
        let length_m: f64 = runs.iter().map(Run::length_m).sum();
        field.spend(METRE * length_m as u64);
        let Some(end) = runs.last().and_then(|r| r.points.last()) else { return };
        let (off_m, turned) = end.pose.off(&terms.goal);
        let air_m = self.air_m * AIR_SHARE;
        let is_fine = off_m < 2e-3
            && turned < 1e-3
            && pieces.iter().all(|p| p.steering_rad.abs() <= most_rad(terms) + 1e-9)
            && runs
                .iter()
                .flat_map(|r| &r.points)
                .step_by(2)
                .all(|p| field.is_free(&p.pose, air_m));
        if is_fine {
            (self.pieces, self.joints, self.runs) = (pieces, joints, runs);
        }
    }
}

impl Correction {
    /// Follows the way once.
    fn step(&mut self, terms: &Terms, field: &Field) -> Corrected {
        field.spend(PIECE * self.pieces.len() as u64);
        let n = self.pieces.len();
        let Some(k) = self.slopes.len().checked_sub(1) else { return self.begin_round(terms) };
        let moved = self.moved(k, BY);
        let Some(there) = self.off(terms, &moved) else { return Corrected::Failed };
        self.slopes[k] = [0, 1, 2].map(|i| wrapped_rad_if(i, there[i] - self.off[i]) / BY);
        if self.slopes.len() < 2 * n {
            self.slopes.push([0.0; 3]);
            return Corrected::Goes;
        }
        if self.correct(most_rad(terms)).is_none() || self.n_rounds == ROUNDS_MAX {
            return Corrected::Failed;
        }
        self.slopes.clear();
        Corrected::Goes
    }

    /// Looks how far off the end is.
    fn begin_round(&mut self, terms: &Terms) -> Corrected {
        let Some(off) = self.off(terms, &self.pieces) else { return Corrected::Failed };
        if off[0].hypot(off[1]) < 1e-4 && off[2].abs() < 1e-4 {
            return Corrected::Done;
        }
        (self.off, self.n_rounds) = (off, self.n_rounds + 1);
        self.slopes.push([0.0; 3]);
        Corrected::Goes
    }

    fn off(&self, terms: &Terms, pieces: &[Piece]) -> Option<[f64; 3]> {
        let end = path::end(&terms.vehicle, &terms.start, pieces, &self.joints)?;
        let goal = &terms.goal;
        let turned = wrapped_rad(end.heading_rad - goal.heading_rad);
        Some([end.rear.x_m - goal.rear.x_m, end.rear.y_m - goal.rear.y_m, turned])
    }

    /// The pieces with the length or, from their number on, the angle of one changed.
    fn moved(&self, k: usize, by: f64) -> Vec<Piece> {
        let (mut moved, n) = (self.pieces.clone(), self.pieces.len());
        if k < n {
            moved[k].length_m += by;
        } else {
            moved[k - n].steering_rad += by;
        }
        moved
    }

    /// Changes lengths and angles by what the slopes say; `None` if they say nothing.
    fn correct(&mut self, most_rad: f64) -> Option<()> {
        let n = self.pieces.len();
        // A tenth of a radian of the wheels is as unwelcome as a metre of way.
        let weight = |k: usize| if k < n { 1.0 } else { 0.01 };
        let mut square = [[0.0; 3]; 3];
        for (k, slope) in self.slopes.iter().enumerate() {
            for i in 0..3 {
                for j in 0..3 {
                    square[i][j] += weight(k) * slope[i] * slope[j];
                }
            }
        }
        (0..3).for_each(|i| square[i][i] += 1e-9);
        let push = solved(square, self.off)?;
        for (k, slope) in self.slopes.iter().enumerate() {
            let by = -weight(k) * (0..3).map(|i| slope[i] * push[i]).sum::<f64>();
            let piece = &mut self.pieces[k % n];
            if k < n {
                piece.length_m = (piece.length_m + by.clamp(-0.5, 0.5)).max(0.01);
            } else {
                piece.steering_rad =
                    (piece.steering_rad + by.clamp(-0.1, 0.1)).clamp(-most_rad, most_rad);
            }
        }
        Some(())
    }
}

/// The largest angle of the wheels that a correction may use: some of the follower's share.
fn most_rad(terms: &Terms) -> f64 {
    terms.vehicle.steering_max_rad * (0.4 + 0.6 * terms.options.steering_share)
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
