//! Charging stops that let a sequence run.

use rv_model::dispatch::ChargeKind;

use crate::instance::{HORIZON, Kind, NONE};
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
        let first = veh.committed.len();
        // Charging after the point where the battery is empty comes too late.
        let broken_at = self.run.at.len();
        let late = self.latest_arrivals(v, seq);
        let mut offers: Vec<(i64, i64, usize, u32)> = Vec::new();
        for pos in first..broken_at.min(seq.len() - 1) {
            let (from, to) = (loc(seq[pos]), loc(seq[pos + 1]));
            let detours = helpers.iter().map(|&(id, at)| (leg(from, at) + leg(at, to), id));
            for (via, helper) in least(detours).into_iter().filter(|d| d.1 != NONE) {
                let distance = direct + via - leg(from, to);
                let cost_min =
                    distance.saturating_mul(veh.cost_per_mm).saturating_add(veh.cost_fixed);
                if cost_min < limit && self.is_in_time(v, seq, pos, helper, late[pos + 1]) {
                    offers.push((cost_min, via, pos, helper));
                }
            }
        }
        // The cheapest first: without costs of time the first that runs is the best.
        offers.sort_unstable();
        let mut trial = std::mem::take(&mut self.trial);
        let mut best: Option<(bool, i64, usize, u32)> = None;
        for (cost_min, via, pos, helper) in offers {
            if best.is_some_and(|b| b.0 && b.1 <= cost_min) {
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
        (self.helpers, self.trial) = (helpers, trial);
        best.map(|(_, _, pos, helper)| {
            let mut with = Vec::with_capacity(seq.len() + 1);
            with.extend_from_slice(&seq[..=pos]);
            with.push(helper);
            with.extend_from_slice(&seq[pos + 1..]);
            with
        })
    }

    /// Latest arrivals at the nodes of a sequence that leave time for the rest of it, if charging took
    /// no time.
    fn latest_arrivals(&self, v: u32, seq: &[u32]) -> Vec<i32> {
        let inst = self.inst;
        let profile = inst.vehs[v as usize].profile;
        let mut late = vec![i32::MAX; seq.len()];
        let mut after: Option<(u32, i32)> = None;
        for (pos, &id) in seq.iter().enumerate().rev() {
            let node = &inst.nodes[id as usize];
            let limit = after.map_or(node.close, |(loc, late)| {
                late - inst.leg(profile, node.loc, loc).0 - node.service
            });
            late[pos] = inst.latest_begin(node, limit).unwrap_or(i32::MIN / 2);
            after = Some((node.loc, late[pos]));
        }
        late
    }

    /// Whether a charging stop after `pos` of the sequence that was run last leaves time for the rest.
    fn is_in_time(&self, v: u32, seq: &[u32], pos: usize, helper: u32, late: i32) -> bool {
        let inst = self.inst;
        let veh = &inst.vehs[v as usize];
        if inst.rich.is_on || pos < veh.committed.len() {
            return true; // Begins may be chosen otherwise, or limits do not bind.
        }
        let (from, to) = (&inst.nodes[seq[pos] as usize], &inst.nodes[seq[pos + 1] as usize]);
        let (stop, at) = (&inst.nodes[helper as usize], self.run.at[pos]);
        let arrive = at.leave.saturating_add(inst.leg(veh.profile, from.loc, stop.loc).0);
        let Some(begin) = inst.begin(stop, arrive) else { return false };
        let mut leave = begin + stop.service;
        let plug = match inst.problem.chargers()[stop.facility as usize].kind {
            ChargeKind::Plug { power_mw } if inst.charge_rate_mw.is_none() => Some(power_mw),
            _ => None,
        };
        if let (Some(power_mw), Some(range)) = (plug, veh.range) {
            let charge = at.charge_mwh - inst.energy(veh.profile, from.loc, stop.loc);
            let beyond =
                if to.kind == Kind::Charge { range.floor_mwh } else { self.run.need_mwh[pos + 1] };
            let need = beyond + inst.energy(veh.profile, stop.loc, to.loc);
            if charge < range.floor_mwh || need > range.capacity_mwh {
                // It takes one more: how much is charged here is not known.
                return leave.saturating_add(inst.leg(veh.profile, stop.loc, to.loc).0) <= late;
            }
            let vehicle = &inst.problem.vehicles()[veh.vehicle as usize];
            let ms = vehicle.battery.as_ref().map_or(0, |battery| {
                battery.charge_ms(charge.max(0), need.max(charge).max(0), power_mw)
            });
            leave = leave.saturating_add(ms.min(i64::from(HORIZON)) as i32);
        }
        leave.saturating_add(inst.leg(veh.profile, stop.loc, to.loc).0) <= late
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
