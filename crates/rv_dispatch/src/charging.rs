//! Charging stops that let a sequence run.

use crate::instance::NONE;
use crate::route::Broken;
use crate::state::State;

/// Charging stops added to a sequence at most, to make it run.
const CHARGES_MAX: usize = 4;

impl State<'_, '_> {
    /// The sequence with charging stops added so that it runs and costs less than `limit`, if a few
    /// of them are enough.
    pub fn charged(&mut self, v: u32, seq: &[u32], limit: i64) -> Option<Vec<u32>> {
        self.inst.vehs[v as usize].range?;
        let mut seq = seq.to_vec();
        for _ in 0..CHARGES_MAX {
            match self.try_seq(v, &seq) {
                Ok(_) => return Some(seq),
                Err(Broken::Energy) => {}
                Err(_) => return None,
            }
            seq = self.with_one_charge(v, &seq, limit)?;
        }
        self.try_seq(v, &seq).is_ok().then_some(seq)
    }

    /// Adds the charging stop that makes the sequence run at least cost, or, if none does, the one
    /// that lets it run furthest. Stops whose detour alone brings the cost to `limit` are not tried.
    fn with_one_charge(&mut self, v: u32, seq: &[u32], limit: i64) -> Option<Vec<u32>> {
        let inst = self.inst;
        let veh = &inst.vehs[v as usize];
        let leg = |from: u32, to: u32| i64::from(inst.leg(veh.profile, from, to).1);
        let loc = |id: u32| inst.nodes[id as usize].loc;
        let mut helpers = std::mem::take(&mut self.helpers);
        let free = veh.charge_nodes.iter().filter_map(|block| self.free_helper(block, seq));
        helpers.clear();
        helpers.extend(free.map(|helper| (helper, loc(helper))));
        let direct = seq.windows(2).map(|pair| leg(loc(pair[0]), loc(pair[1]))).sum::<i64>();
        let mut trial = std::mem::take(&mut self.trial);
        let mut best: Option<(bool, i64, usize, u32)> = None;
        let first = veh.committed.len();
        // Charging after the point where the battery is empty comes too late.
        let broken_at = self.run.at.len();
        for pos in first..broken_at.min(seq.len() - 1) {
            let (from, to) = (loc(seq[pos]), loc(seq[pos + 1]));
            let detours = helpers.iter().map(|&(id, at)| (leg(from, at) + leg(at, to), id));
            for (via, helper) in least(detours) {
                if helper == NONE {
                    break;
                }
                let distance = direct + via - leg(from, to);
                let cost_min =
                    distance.saturating_mul(veh.cost_per_mm).saturating_add(veh.cost_fixed);
                if cost_min >= limit || best.is_some_and(|b| b.0 && b.1 <= cost_min) {
                    break;
                }
                trial.clear();
                trial.extend_from_slice(&seq[..=pos]);
                trial.push(helper);
                trial.extend_from_slice(&seq[pos + 1..]);
                let (is_good, rank) = match self.try_seq(v, &trial) {
                    Ok(totals) => (true, totals.cost),
                    Err(Broken::Energy) if self.run.at.len() > broken_at => {
                        (false, via - 1_000_000 * self.run.at.len() as i64)
                    }
                    Err(_) => continue,
                };
                if best.is_none_or(|b| (!is_good, rank) < (!b.0, b.1)) {
                    best = Some((is_good, rank, pos, helper));
                }
            }
        }
        (self.helpers, self.trial) = (helpers, trial);
        best.map(|(_, _, pos, helper)| {
            let mut with = Vec::with_capacity(seq.len() + 1);
            with.extend_from_slice(&seq[..=pos]);
            with.push(helper);
            with.extend_from_slice(&seq[pos + 1..]);
            with
        })
    }
}

/// The three least of these pairs in order, padded with `NONE`.
fn least(pairs: impl Iterator<Item = (i64, u32)>) -> [(i64, u32); 3] {
    let mut kept = [(i64::MAX / 4, NONE); 3];
    for pair in pairs {
        if pair < kept[2] {
            kept[2] = pair;
            kept.sort_unstable();
        }
    }
    kept
}
