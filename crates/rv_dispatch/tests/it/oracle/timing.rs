//! Begins where they cost something: all moments at which a begin can be best are tried.

use std::collections::BTreeMap;

use rv_base::Money;
use rv_model::dispatch::*;

use super::Effort;
use super::stages::{Stage, earliest};

pub fn share(rate: Money, amount: i64, per: i64) -> i64 {
    (i128::from(rate.0) * i128::from(amount) / i128::from(per)) as i64
}

fn soft_cost(stage: &Stage, begin: i64) -> i64 {
    let of = |s: &SoftWindow| {
        share(s.early_per_hour, (s.window.start_ms - begin).max(0), 3_600_000)
            + share(s.late_per_hour, (begin - s.window.end_ms).max(0), 3_600_000)
    };
    stage.softs.iter().map(of).sum()
}

/// The best begins and their cost, or `None` if there are none.
pub fn timed(
    vehicle: &Vehicle,
    stages: &[Stage],
    is_own: bool,
    effort: &Effort,
) -> Option<(Vec<i64>, i64)> {
    let first = earliest(stages, &BTreeMap::new())?;
    let per_hour = vehicle.cost_per_hour;
    let longest = vehicle.duration_ms_max.filter(|_| is_own);
    let has_softs = stages.iter().any(|s| !s.softs.is_empty());
    if !has_softs && per_hour.0 == 0 && longest.is_none() {
        return Some((first, 0));
    }
    let candidates = candidates(stages);
    // Where nothing rewards a short route, leaving early and waiting is as good as any.
    let is_hurried = per_hour.0 > 0 || longest.is_some();
    let mut departures = if is_hurried { candidates[0].clone() } else { Vec::new() };
    if let Some(longest) = longest {
        let ends = candidates[stages.len() - 1].iter();
        departures.extend(ends.map(|end| end - longest));
    }
    let low = first[0];
    departures.retain(|d| *d >= low);
    departures.push(low);
    departures.sort_unstable();
    departures.dedup();
    if matches!(vehicle.start, Start::Road(_)) {
        departures = vec![vehicle.shift.start_ms];
    }
    let mut best: Option<(i64, Vec<i64>)> = None;
    for depart in departures {
        let end_max = longest.map_or(i64::MAX, |l| depart + l);
        // Moments from which the longest duration is just kept.
        let mut with_end = candidates.clone();
        if longest.is_some() {
            let mut at = end_max;
            with_end[stages.len() - 1].push(at);
            for k in (0..stages.len() - 1).rev() {
                at -= stages[k].spent + stages[k].drive;
                with_end[k].push(at);
            }
        }
        let found = from_departure(stages, &with_end, depart, end_max, per_hour, effort);
        let Some((cost, begins)) = found else { continue };
        if best.as_ref().is_none_or(|b| cost < b.0) {
            best = Some((cost, begins));
        }
    }
    best.map(|(cost, begins)| (begins, cost))
}

/// Moments at which a begin can be best, by stage.
fn candidates(stages: &[Stage]) -> Vec<Vec<i64>> {
    let n = stages.len();
    let mut out: Vec<Vec<i64>> = vec![vec![]; n];
    for (j, stage) in stages.iter().enumerate() {
        let mut points: Vec<i64> =
            stage.windows.iter().flat_map(|w| [w.start_ms, w.end_ms]).collect();
        points.extend(stage.softs.iter().flat_map(|s| [s.window.start_ms, s.window.end_ms]));
        points.push(stage.release - stage.spent);
        if j == 0 {
            points.push(stage.release);
        }
        points.retain(|p| p.abs() < 1 << 40);
        for point in points {
            out[j].push(point);
            let mut at = point;
            for k in j..n - 1 {
                at = (at + stages[k].spent).max(stages[k].release) + stages[k].drive;
                out[k + 1].push(at);
            }
            let mut at = point;
            for k in (0..j).rev() {
                at -= stages[k].spent + stages[k].drive;
                out[k].push(at);
            }
        }
    }
    for list in &mut out {
        list.sort_unstable();
        list.dedup();
    }
    out
}

fn from_departure(
    stages: &[Stage],
    candidates: &[Vec<i64>],
    depart: i64,
    end_max: i64,
    per_hour: Money,
    effort: &Effort,
) -> Option<(i64, Vec<i64>)> {
    let last_soft = stages.iter().rposition(|s| !s.softs.is_empty()).unwrap_or(0);
    let last_lenient = stages.iter().rposition(|s| s.is_lenient).unwrap_or(0);
    // Reached so far: begin, cost, way. Only the least cost of each begin counts.
    let start_cost = 0;
    let mut reached: Vec<(i64, i64, Vec<i64>)> = vec![(depart, start_cost, vec![depart])];
    for (k, stage) in stages.iter().enumerate().skip(1) {
        let before = &stages[k - 1];
        let mut next: BTreeMap<i64, (i64, Vec<i64>)> = BTreeMap::new();
        for (begin, cost, way) in &reached {
            let arrive = (begin + before.spent).max(before.release) + before.drive;
            let at_once = stage.windows.iter().find(|w| arrive <= w.end_ms);
            let at_once = at_once.map(|w| arrive.max(w.start_ms));
            let lenient = (at_once.is_none() && stage.is_lenient).then_some(arrive);
            let mut begins: Vec<i64> = at_once.into_iter().chain(lenient).collect();
            // To wait longer than needed helps only a soft window further on.
            if lenient.is_none() && k <= last_soft {
                let later = candidates[k].iter().copied().filter(|c| *c > arrive);
                begins.extend(
                    later.filter(|c| {
                        stage.windows.iter().any(|w| w.start_ms <= *c && *c <= w.end_ms)
                    }),
                );
            }
            effort.spend(1 + begins.len() as u64 / 8);
            for at in begins {
                let cost = cost + soft_cost(stage, at);
                if next.get(&at).is_none_or(|old| cost < old.0) {
                    let mut way = way.clone();
                    way.push(at);
                    next.insert(at, (cost, way));
                }
            }
        }
        reached = next.into_iter().map(|(at, (cost, way))| (at, cost, way)).collect();
        if k >= last_lenient {
            // Who is later and has paid more is never ahead: the other one may wait.
            let mut least = i64::MAX;
            reached.retain(|r| {
                let is_least = r.1 < least;
                least = least.min(r.1);
                is_least
            });
        }
    }
    let close = |(end, cost, way): &(i64, i64, Vec<i64>)| {
        (*end <= end_max).then(|| (cost + share(per_hour, end - depart, 3_600_000), way.clone()))
    };
    reached.iter().filter_map(close).min()
}
