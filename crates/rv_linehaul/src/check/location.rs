//! Checks answers of hub-location problems, pair by pair.

use rv_model::linehaul::{Allocation, HubPlan, HubProblem};

/// The cost of a plan, recomputed over all pairs of nodes, and everything that is wrong with it.
pub fn check_hubs(problem: &HubProblem, plan: &HubPlan) -> (f64, Vec<String>) {
    let (n, rule) = (problem.n(), problem.rule());
    let mut wrong = Vec::new();
    let is_ascending = plan.hubs.windows(2).all(|pair| pair[0] < pair[1]);
    if !is_ascending || plan.hubs.is_empty() || plan.hubs.iter().any(|&h| h as usize >= n) {
        return (f64::INFINITY, vec!["hubs are missing, unknown or out of order".into()]);
    }
    if rule.n_hubs.is_some_and(|p| p != plan.hubs.len()) {
        wrong.push(format!("{} hubs instead of {:?}", plan.hubs.len(), rule.n_hubs));
    }
    let fixed =
        rule.fixed.as_ref().map_or(0.0, |fixed| plan.hubs.iter().map(|&h| fixed[h as usize]).sum());
    let [collect, transfer, distribute] = rule.costs;
    let of_pair = |i: usize, j: usize, k: usize, m: usize| {
        collect * problem.distance(i, k)
            + transfer * problem.distance(k, m)
            + distribute * problem.distance(m, j)
    };
    let mut cost = fixed;
    match rule.allocation {
        Allocation::Single => {
            if plan.hub_of.len() != n || plan.hub_of.iter().any(|h| !plan.hubs.contains(h)) {
                return (f64::INFINITY, vec!["a node has no hub".into()]);
            }
            let hub_of = |i: usize| plan.hub_of[i] as usize;
            for &h in &plan.hubs {
                if plan.hub_of[h as usize] != h {
                    wrong.push(format!("hub {} uses another", h + 1));
                }
            }
            let mut taken = vec![0.0; n];
            for i in 0..n {
                for j in 0..n {
                    cost += problem.flow(i, j) * of_pair(i, j, hub_of(i), hub_of(j));
                    taken[hub_of(i)] += problem.flow(i, j);
                }
            }
            for (h, capacity) in rule.capacity.iter().flatten().enumerate() {
                if taken[h] > capacity * (1.0 + 1e-9) {
                    wrong.push(format!("hub {} takes {} of {capacity}", h + 1, taken[h]));
                }
            }
        }
        Allocation::Multiple => {
            for i in 0..n {
                for j in 0..n {
                    let ways = plan
                        .hubs
                        .iter()
                        .flat_map(|&k| plan.hubs.iter().map(move |&m| (k as usize, m as usize)));
                    let best = ways.map(|(k, m)| of_pair(i, j, k, m)).fold(f64::INFINITY, f64::min);
                    cost += problem.flow(i, j) * best;
                }
            }
        }
    }
    (cost, wrong)
}
