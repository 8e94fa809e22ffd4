//! Moves surplus trucks to where they are missing at least cost: a min-cost flow.
//!
//! Successive shortest paths with potentials (Ahuja, Magnanti and Orlin 1993, chapter 9). The
//! potentials price a truck's place, and with them imbalance enters the bound.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::timed::Key;

/// A lane that empty trucks may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) cost: f64,
}

/// Trucks on each way, and the price of a truck at each hub.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    pub(crate) n_on: Vec<u32>,
    pub(crate) price: Vec<f64>,
    /// Trucks that no way leads from where they are to where they are missing.
    pub(crate) n_stuck: u32,
}

/// Balances `surplus` (negative where trucks are missing); the sum over hubs should be zero.
pub(crate) fn balance(n_hubs: usize, ways: &[Way], surplus: &[i64]) -> Balance {
    let mut out = vec![Vec::new(); n_hubs];
    let mut into = vec![Vec::new(); n_hubs];
    for (i, way) in ways.iter().enumerate() {
        out[way.from as usize].push(i);
        into[way.to as usize].push(i);
    }
    let mut left = surplus.to_vec();
    let mut n_on = vec![0_u32; ways.len()];
    let mut price = vec![0.0; n_hubs];
    // Each round empties a surplus, fills a lack or takes back a way's trucks.
    while left.iter().any(|&s| s > 0) {
        let mut dist = vec![f64::INFINITY; n_hubs];
        let mut via: Vec<Option<(usize, bool)>> = vec![None; n_hubs];
        let mut heap = BinaryHeap::new();
        for hub in 0..n_hubs {
            if left[hub] > 0 {
                dist[hub] = 0.0;
                heap.push((Reverse(Key(0.0)), hub));
            }
        }
        while let Some((Reverse(Key(near)), hub)) = heap.pop() {
            if near > dist[hub] {
                continue;
            }
            let forward = out[hub].iter().map(|&i| (i, true));
            let back = into[hub].iter().filter(|&&i| n_on[i] > 0).map(|&i| (i, false));
            for (i, is_forward) in forward.chain(back) {
                let way = &ways[i];
                let (head, cost) =
                    if is_forward { (way.to, way.cost) } else { (way.from, -way.cost) };
                let reduced = (cost + price[hub] - price[head as usize]).max(0.0);
                if near + reduced < dist[head as usize] - 1e-9 {
                    dist[head as usize] = near + reduced;
                    via[head as usize] = Some((i, is_forward));
                    heap.push((Reverse(Key(near + reduced)), head as usize));
                }
            }
        }
        let lacking = (0..n_hubs).filter(|&h| left[h] < 0 && dist[h].is_finite());
        let Some(target) = lacking.min_by(|&a, &b| dist[a].total_cmp(&dist[b])) else { break };
        let most = dist.iter().copied().filter(|d| d.is_finite()).fold(0.0, f64::max);
        for hub in 0..n_hubs {
            price[hub] += dist[hub].min(most);
        }
        let mut amount = -left[target];
        let mut hub = target;
        let mut path = Vec::new();
        while let Some((i, is_forward)) = via[hub] {
            path.push((i, is_forward));
            if !is_forward {
                amount = amount.min(i64::from(n_on[i]));
            }
            hub = if is_forward { ways[i].from } else { ways[i].to } as usize;
        }
        amount = amount.min(left[hub]);
        for (i, is_forward) in path {
            let by = amount as u32;
            n_on[i] = if is_forward { n_on[i] + by } else { n_on[i] - by };
        }
        left[hub] -= amount;
        left[target] += amount;
    }
    let n_stuck = left.iter().filter(|s| **s > 0).sum::<i64>() as u32;
    Balance { n_on, price, n_stuck }
}
