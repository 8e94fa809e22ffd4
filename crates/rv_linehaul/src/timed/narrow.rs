//! Makes the relaxation of timed instances tighter: what cannot be part of a better plan goes, and
//! windows split in two.

use super::net::TIME_EPSILON;
use super::relax::{Pair, Relaxation};
use super::ways::Frontiers;
use crate::volume::Oracle;

/// Ways that must cheat at a pair of pairs before windows are split.
const CHEATS_MIN: usize = 3;

impl Relaxation<'_> {
    /// Keeps of every window only the moments that ways use which cost no more than `limit` allows
    /// at these multipliers, and gives the multipliers of what is left. False if a commodity is
    /// left without any way: then no plan costs less than `limit`.
    pub(crate) fn narrow(&mut self, at: &mut Vec<f64>, limit: f64) -> bool {
        let mut slope = vec![0.0; at.len()];
        let value = self.eval(at, &mut slope);
        let slack = limit - value;
        let n_pairs = self.pairs.len();
        let mut kept: Vec<(Pair, f64)> = Vec::with_capacity(n_pairs);
        for slot in &self.slots {
            let (frontiers, least) = Frontiers::new(self, at, slot, slack);
            let starts = self.starts_of(slot);
            for p in starts[0] as usize..starts[slot.n_nodes as usize] as usize {
                let most = least + slack - self.price(at, p);
                if let Some(window) = self.useful(p, &frontiers, most) {
                    let pair = Pair { early: window.0, late: window.1, ..self.pairs[p] };
                    kept.push((pair, at[p]));
                }
            }
        }
        let by_arc: Vec<f64> = at[n_pairs..].to_vec();
        *at = self.rebuild(kept);
        at.extend(by_arc);
        self.slots.iter().all(|slot| {
            let starts = self.starts_of(slot);
            starts[0] < starts[slot.n_nodes as usize]
        })
    }

    /// Moments of a pair's window at which ways use it that cost no more than `most` beside it.
    fn useful(&self, p: usize, frontiers: &Frontiers, most: f64) -> Option<(f64, f64)> {
        let pair = &self.pairs[p];
        let travel = self.net.arcs[pair.arc as usize].travel;
        let (mut early, mut late) = (f64::INFINITY, f64::NEG_INFINITY);
        for &(there, cost) in &frontiers.from[pair.tail as usize] {
            let first = there.max(pair.early);
            for &(by, cost_after) in &frontiers.to[pair.head as usize] {
                let last = (by - travel).min(pair.late);
                if first > last + TIME_EPSILON {
                    break;
                }
                if cost + cost_after <= most {
                    early = early.min(first);
                    late = late.max(last);
                }
            }
        }
        (early <= late + TIME_EPSILON).then_some((early, late))
    }

    /// Splits windows where ways cheat: where a departure that serves a pair leaves too late for the
    /// one that serves the next pair of the way. Windows are cut between, up to `n_max` pairs
    /// in all. True if anything was split.
    pub(crate) fn split(&mut self, at: &mut Vec<f64>, least: f64, n_max: usize) -> bool {
        let n_pairs = self.pairs.len();
        let mut links: Vec<(u32, u32)> = self.links.iter().copied().collect();
        links.sort_unstable();
        let mut cheats: Vec<(f64, u32, u32, f64)> = Vec::new();
        for run in links.chunk_by(|a, b| a == b) {
            let (p, q) = run[0];
            let travel = self.net.arcs[self.pairs[p as usize].arc as usize].travel;
            let by = self.served[q as usize] - travel;
            let lag = self.served[p as usize] - by;
            if lag > least && run.len() >= CHEATS_MIN {
                cheats.push((lag * run.len() as f64, p, q, by + 0.5 * lag));
            }
        }
        cheats.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut cut = vec![f64::NAN; n_pairs];
        let mut n = n_pairs;
        for (_, p, q, moment) in cheats {
            if n >= n_max {
                break;
            }
            let travel = self.net.arcs[self.pairs[p as usize].arc as usize].travel;
            for (pair, moment) in [(p, moment), (q, moment + travel)] {
                let row = &self.pairs[pair as usize];
                let is_inside = row.early + least < moment && moment < row.late - least;
                if is_inside && cut[pair as usize].is_nan() {
                    cut[pair as usize] = moment;
                    n += 1;
                }
            }
        }
        let mut pairs = Vec::with_capacity(n);
        for (p, pair) in self.pairs.iter().enumerate() {
            if cut[p].is_nan() {
                pairs.push((*pair, at[p]));
            } else {
                // Only one of both may be served by a departure at the cut.
                let before = Pair { late: cut[p] - 2.0 * TIME_EPSILON, ..*pair };
                pairs.extend([(before, at[p]), (Pair { early: cut[p], ..*pair }, at[p])]);
            }
        }
        let by_arc: Vec<f64> = at[n_pairs..].to_vec();
        *at = self.rebuild(pairs);
        at.extend(by_arc);
        n > n_pairs
    }
}
