//! Makes a found way shorter, and says how fast it may be driven.

use super::ground::Field;
use super::path::merged;
use super::planning::Terms;
use super::reeds_shepp::{self, Word};
use super::search::{is_clear, local, pieces_of};
use super::{Piece, RearPose, Run};
use crate::trajectory::Vehicle;

/// Longest piece that is not cut in parts to find shorter ways between, m.
const CUT_M: f64 = 1.2;
/// Shorter ways tried.
const TRIES_MAX: u32 = 260;
/// Words looked at for each.
const WORDS_MAX: usize = 8;
/// Work of a try but for what is asked of the ground, units.
const TRY: u64 = 1_500;
/// Share of the wheels' speed that is planned with.
const RATE_SHARE: f64 = 0.8;
/// Acceleration to the side, m/s2.
const ACROSS_MPS2: f64 = 0.8;
/// Slowest that a plan asks for, m/s.
const CRAWL_MPS: f64 = 0.12;

/// A way with words tried in place of some of its parts.
#[derive(Clone, Debug)]
pub(super) struct Shortening {
    pieces: Vec<Piece>,
    /// The pieces, cut.
    parts: Vec<Piece>,
    /// The pose before each part, and at the end.
    poses: Vec<RearPose>,
    cost_m: f64,
    /// The parts from one of these to before the other are tried next.
    from: usize,
    to: usize,
    tries_left: u32,
    air_m: f64,
    words: Vec<Word>,
}

impl Shortening {
    pub(super) fn new(terms: &Terms, pieces: &[Piece], air_m: f64) -> Self {
        let mut shortening = Self {
            pieces: Vec::new(),
            parts: Vec::new(),
            poses: Vec::new(),
            cost_m: 0.0,
            from: 0,
            to: 0,
            tries_left: TRIES_MAX,
            air_m,
            words: Vec::new(),
        };
        shortening.take(terms, merged(pieces));
        shortening
    }

    /// Goes on until so much work is done; the pieces once it has ended.
    pub(super) fn shorten(
        &mut self,
        terms: &Terms,
        field: &Field,
        until: u64,
    ) -> Option<Vec<Piece>> {
        while field.done() < until {
            if self.from + 2 > self.to {
                (self.from, self.to) = (self.from + 1, self.parts.len());
            }
            if self.from >= self.parts.len() || self.tries_left == 0 {
                return Some(std::mem::take(&mut self.pieces));
            }
            if self.from + 2 > self.to {
                continue;
            }
            self.tries_left -= 1;
            field.spend(TRY);
            match self.shorter(terms, field) {
                Some(way) => self.take(terms, way),
                None => self.to -= 1,
            }
        }
        None
    }

    /// Goes on from other pieces.
    fn take(&mut self, terms: &Terms, pieces: Vec<Piece>) {
        self.parts.clear();
        for piece in &pieces {
            let n = (piece.length_m / CUT_M).ceil().max(1.0);
            let part = Piece { length_m: piece.length_m / n, ..*piece };
            self.parts.extend(std::iter::repeat_n(part, n as usize));
        }
        self.poses.clear();
        let mut pose = terms.start;
        self.poses.push(pose);
        for part in &self.parts {
            pose = part.after(&terms.vehicle, &pose);
            self.poses.push(pose);
        }
        self.cost_m = cost_m(terms, &pieces);
        self.pieces = pieces;
        (self.from, self.to) = (0, self.parts.len());
    }

    /// A cheaper way with a word in place of some of its parts.
    fn shorter(&mut self, terms: &Terms, field: &Field) -> Option<Vec<Piece>> {
        let steering_rad = terms.vehicle.steering_max_rad * terms.options.steering_share;
        let radius_m = terms.vehicle.wheelbase_m() / steering_rad.tan();
        let (x, y, heading) = local(&self.poses[self.from], &self.poses[self.to], radius_m);
        reeds_shepp::words(x, y, heading, &mut self.words);
        let mut ways: Vec<(f64, Vec<Piece>)> = self
            .words
            .iter()
            .map(|w| {
                let mut way = self.parts[..self.from].to_vec();
                way.extend(pieces_of(w, radius_m, steering_rad));
                way.extend_from_slice(&self.parts[self.to..]);
                let way = merged(&way);
                (cost_m(terms, &way), way)
            })
            .filter(|w| w.0 < self.cost_m - 0.05)
            .collect();
        ways.sort_by(|a, b| a.0.total_cmp(&b.0));
        let better = ways.into_iter().take(WORDS_MAX).find(|(_, way)| {
            let mut pose = terms.start;
            way.iter().all(|piece| {
                let from = pose;
                pose = piece.after(&terms.vehicle, &pose);
                is_clear(field, &terms.vehicle, &from, piece, self.air_m)
            })
        });
        better.map(|b| b.1)
    }
}

/// What a way costs, m.
fn cost_m(terms: &Terms, pieces: &[Piece]) -> f64 {
    let o = &terms.options;
    let share = |p: &Piece| if p.gear.sign() < 0.0 { o.back_share } else { 1.0 };
    let whole: f64 = pieces.iter().map(|p| p.length_m * share(p)).sum();
    let joints = pieces.windows(2).map(|w| {
        let by = (w[0].steering_rad - w[1].steering_rad).abs();
        let change = if w[0].gear == w[1].gear { 0.0 } else { o.change_m };
        change + by * 0.5
    });
    whole + joints.sum::<f64>()
}

/// How fast each point of a run may be passed: bends, wheels, braking, and a stand at the end.
pub(super) fn set_speeds(terms: &Terms, run: &mut Run) {
    let (o, vehicle) = (&terms.options, &terms.vehicle);
    let top = if run.gear.sign() > 0.0 { o.speed_mps.0 } else { o.speed_mps.1 };
    let rate = vehicle.steering_rate_max_radps * RATE_SHARE;
    let n = run.points.len();
    for i in 0..n {
        let here = run.points[i];
        let bend = here.steering_rad.tan().abs() / vehicle.wheelbase_m();
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
