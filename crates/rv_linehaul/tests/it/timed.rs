//! Timed plans: public instances pass the continuous-time checker, and small ones agree with
//! exhaustive search.

use proptest::prelude::*;
use rv_base::Rng;
use rv_linehaul::{Budget, check_timed, read_dow, solve_timed};
use rv_model::linehaul::{DesignArc, DesignCommodity, NetworkDesign, Timing};

use crate::canad::data;

#[test]
fn public_instances_are_planned_without_violations() {
    for name in ["c33", "c39", "c57"] {
        let Some(text) = data(&format!("timed/instances/C_timed/{name}.dow")) else { return };
        let design = read_dow(&text).unwrap();
        let solve = |n_threads| {
            let budget = Budget::steps(600);
            solve_timed(&design, &budget, n_threads, &Rng::from_seed(1), &mut |_, _| {})
        };
        let outcome = solve(1);
        let report = check_timed(&design, &outcome.plan);
        assert_eq!(report.violations, [], "{name}");
        assert!((report.cost - outcome.cost).abs() < 1e-6 * report.cost, "{name}");
        assert!(outcome.bound <= report.cost && outcome.bound > 0.9 * report.cost, "{name}");
        assert_eq!(outcome, solve(2), "{name}: threads change nothing");
    }
}

#[test]
fn a_commodity_that_cannot_arrive_is_answered() {
    let text = "late\n3 2 2\n1 2 1 10 5 2.5\n2 3 1 10 5 2.5\n1 3 4 1 5.5\n1 3 4 1 6.5\n";
    let design = read_dow(text).unwrap();
    let budget = Budget::steps(100);
    let outcome = solve_timed(&design, &budget, 1, &Rng::from_seed(1), &mut |_, _| {});
    assert_eq!(outcome.plan.late.len(), 1);
    assert_eq!(outcome.plan.late[0].commodity, 0);
    assert!((outcome.plan.late[0].earliest_arrival - 6.0).abs() < 1e-9);
    assert_eq!(check_timed(&design, &outcome.plan).violations, []);
    assert!((outcome.cost - 18.0).abs() < 1e-9 && (outcome.bound - 18.0).abs() < 1e-6);
}

/// The worked example of docs/linehaul.md.
#[test]
fn three_hubs_in_a_row_share_a_truck() {
    let text = "three hubs in a row\n3 3 2\n1 2 1 10 50 2\n2 3 1 10 50 2\n1 3 1 10 90 3\n\
                1 3 4 0 7\n2 3 5 1 6\n";
    let design = read_dow(text).unwrap();
    let budget = Budget::steps(200);
    let outcome = solve_timed(&design, &budget, 1, &Rng::from_seed(1), &mut |_, _| {});
    assert_eq!(check_timed(&design, &outcome.plan).violations, []);
    assert!((outcome.cost - 113.0).abs() < 1e-9);
    let departs: Vec<(u32, f64)> =
        outcome.plan.dispatches.iter().map(|d| (d.arc, d.depart)).collect();
    assert!(departs.contains(&(0, 0.0)) && departs.contains(&(1, 2.0)), "{departs:?}");
}

/// Cost of the best plan by trying every simple path of every commodity and every way to share
/// departures.
fn exhaustive(design: &NetworkDesign) -> f64 {
    let coms = design.commodities();
    let choices: Vec<Vec<Vec<u32>>> = coms.iter().map(|com| paths(design, com)).collect();
    let mut best = f64::INFINITY;
    let mut chosen = vec![0; coms.len()];
    loop {
        let routes: Vec<&[u32]> =
            chosen.iter().zip(&choices).map(|(&i, paths)| paths[i].as_slice()).collect();
        let flow: f64 = (routes.iter().zip(coms))
            .flat_map(|(path, com)| path.iter().map(move |&a| (a, com)))
            .map(|(a, com)| design.arcs()[a as usize].cost_per_unit * com.size)
            .sum();
        let mut groups = Vec::new();
        share(design, &routes, 0, 0, &mut groups, flow, &mut best);
        let Some(next) = (0..chosen.len()).find(|&k| chosen[k] + 1 < choices[k].len()) else {
            return best;
        };
        chosen[next] += 1;
        chosen[..next].fill(0);
    }
}

fn paths(design: &NetworkDesign, com: &DesignCommodity) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    let mut stack = vec![(com.origin, com.release, Vec::<u32>::new())];
    while let Some((node, time, path)) = stack.pop() {
        if time > com.due + 1e-9 {
            continue;
        }
        if node == com.destination {
            found.push(path);
            continue;
        }
        for (a, arc) in design.arcs().iter().enumerate() {
            let is_seen = arc.head == com.origin
                || path.iter().any(|&b| design.arcs()[b as usize].head == arc.head);
            if arc.tail == node && !is_seen {
                let mut longer = path.clone();
                longer.push(a as u32);
                stack.push((arc.head, time + arc.travel, longer));
            }
        }
    }
    found
}

/// Gives every ride of commodity `k` from its `step`-th on a departure, all ways.
fn share(
    design: &NetworkDesign,
    routes: &[&[u32]],
    k: usize,
    step: usize,
    groups: &mut Vec<(u32, Vec<(usize, usize)>)>,
    flow: f64,
    best: &mut f64,
) {
    if k == routes.len() {
        let trucks: f64 = groups
            .iter()
            .map(|(a, riders)| {
                let arc = &design.arcs()[*a as usize];
                let load: f64 = riders.iter().map(|&(k, _)| design.commodities()[k].size).sum();
                arc.cost_fixed * (load / arc.capacity - 1e-9).ceil()
            })
            .sum();
        if flow + trucks < *best && has_times(design, routes, groups) {
            *best = flow + trucks;
        }
        return;
    }
    if step == routes[k].len() {
        return share(design, routes, k + 1, 0, groups, flow, best);
    }
    for g in 0..groups.len() {
        if groups[g].0 == routes[k][step] {
            groups[g].1.push((k, step));
            share(design, routes, k, step + 1, groups, flow, best);
            groups[g].1.pop();
        }
    }
    groups.push((routes[k][step], vec![(k, step)]));
    share(design, routes, k, step + 1, groups, flow, best);
    groups.pop();
}

fn has_times(
    design: &NetworkDesign,
    routes: &[&[u32]],
    groups: &[(u32, Vec<(usize, usize)>)],
) -> bool {
    let mut depart = vec![f64::NEG_INFINITY; groups.len()];
    for _ in 0..=groups.len() {
        let before = depart.clone();
        for (k, route) in routes.iter().enumerate() {
            let mut ready = design.commodities()[k].release;
            for step in 0..route.len() {
                let g = groups.iter().position(|(_, r)| r.contains(&(k, step))).unwrap();
                depart[g] = depart[g].max(ready);
                ready = depart[g] + design.arcs()[route[step] as usize].travel;
            }
            if ready > design.commodities()[k].due + 1e-9 {
                return false;
            }
        }
        if before == depart {
            return true;
        }
    }
    false
}

fn small() -> impl Strategy<Value = NetworkDesign> {
    let com = (0..4_u32, 1..4_u32, 1..8_u32, 0..4_u32, 0..5_u32);
    let arc = (0..9_u32, 1..40_u32, 1..5_u32);
    (prop::collection::vec(arc, 12), prop::collection::vec(com, 1..5)).prop_map(|(arcs, coms)| {
        let mut list = Vec::new();
        for tail in 0..4 {
            for head in (0..4).filter(|&head| head != tail) {
                let (unit, fixed, travel) = arcs[list.len()];
                list.push(DesignArc {
                    tail,
                    head,
                    cost_per_unit: f64::from(unit) * 0.25,
                    capacity: 8.0,
                    cost_fixed: f64::from(fixed),
                    travel: f64::from(travel) * 0.5,
                });
            }
        }
        let coms = coms
            .into_iter()
            .map(|(origin, ahead, size, release, slack)| {
                let destination = (origin + ahead) % 4;
                let direct = list.iter().find(|a| a.tail == origin && a.head == destination);
                let release = f64::from(release) * 0.5;
                let due = release + direct.unwrap().travel + f64::from(slack) * 0.5;
                DesignCommodity { origin, destination, size: f64::from(size), release, due }
            })
            .collect();
        NetworkDesign::new(Timing::Timed, 4, list, coms).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn small_instances_agree_with_exhaustive_search(design in small()) {
        let budget = Budget::steps(1500);
        let outcome = solve_timed(&design, &budget, 1, &Rng::from_seed(1), &mut |_, _| {});
        let report = check_timed(&design, &outcome.plan);
        prop_assert_eq!(report.violations, []);
        let best = exhaustive(&design);
        prop_assert!((report.cost - best).abs() < 1e-6, "{} against {}", report.cost, best);
        prop_assert!(outcome.bound <= best + 1e-6, "bound {} over {}", outcome.bound, best);
    }
}
