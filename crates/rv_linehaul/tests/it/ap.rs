//! Hub location: public problems reach the published optima, small ones agree with exhaustive
//! search, and wrong texts are named.

use proptest::prelude::*;
use rv_base::Rng;
use rv_linehaul::{Budget, check_hubs, is_ap, read_ap, read_ap_table, solve_hubs};
use rv_model::linehaul::{Allocation, HubPlan, HubProblem, HubRule};

use crate::canad::data;

fn solve(problem: &HubProblem, steps: u64) -> f64 {
    let rng = Rng::from_seed(1);
    let outcome = solve_hubs(problem, &Budget::steps(steps), &rng, &mut |_, _| {});
    let (cost, wrong) = check_hubs(problem, &outcome.plan);
    assert_eq!(wrong, Vec::<String>::new());
    assert!((cost - outcome.cost).abs() < 1e-6 * cost, "{cost} and {}", outcome.cost);
    assert!(outcome.bound <= cost);
    cost
}

#[test]
fn published_optima_are_reached() {
    for (name, p, single) in [
        ("10.3", 2, 167_493.06),
        ("10.3", 3, 136_008.13),
        ("10.3", 4, 112_396.07),
        ("20.3", 3, 151_533.08),
        ("25.3", 3, 155_256.32),
    ] {
        let Some(text) = data(&format!("ap/{name}")) else { return };
        let problem = read_ap(&text, Allocation::Single, Some(p), None, None).unwrap();
        let found = solve(&problem, 4000);
        assert!((found - single).abs() < 0.01, "{name} with {p}: {found} against {single}");
    }
    let table = |name: &str| read_ap_table(&data(&format!("ap/{name}")).unwrap()).unwrap();
    for (n, kind, optimum) in [("10", "LL", 224_250.05), ("10", "TT", 263_399.94)] {
        let Some(text) = data(&format!("ap/{n}.3")) else { return };
        let fixed = table(&format!("Fcost{}.{n}", &kind[..1]));
        let capacity = table(&format!("Cap{}.{n}", &kind[1..]));
        let problem =
            read_ap(&text, Allocation::Single, None, Some(fixed), Some(capacity)).unwrap();
        let found = solve(&problem, 6000);
        assert!((found - optimum).abs() < 0.01, "{n}{kind}: {found} against {optimum}");
    }
}

#[test]
fn wrong_texts_are_named() {
    let check = |text: &str, expected: &str| {
        let error = read_ap(text, Allocation::Single, None, None, None).unwrap_err();
        let source = std::error::Error::source(&error).map(|s| format!(": {s}"));
        assert_eq!(format!("{error}{}", source.unwrap_or_default()), expected);
    };
    check("", "0 numbers stand there, 1 were expected");
    check("2\n0 0\n1 x\n", "line 3: `x` is not a number");
    check("2.5\n", "line 1: 2.5 is not a whole number from 1 to 1000");
    check("2\n0 0\n1 1\n", "5 numbers stand there, 13 were expected");
    check("2\n0 0\n1 1\n0 1\n1 0\n9\n1 1 1\n", "line 6: 9 is not a whole number from 1 to 2");
    check("2\n0 0\n1 1\n0 -1\n1 0\n1\n1 1 1\n", "the problem is wrong: flow 2: -1 is out of range");
    assert!(is_ap("\n 12 \n") && !is_ap("three hubs\n3 3 2\n") && !is_ap("{}"));
}

/// Least cost over every set of hubs and, with single allocation, every choice of them.
fn exhaustive(problem: &HubProblem) -> f64 {
    let n = problem.n();
    let mut best = f64::INFINITY;
    for set in 1_u32..1 << n {
        let hubs: Vec<u32> = (0..n as u32).filter(|h| set >> h & 1 == 1).collect();
        if problem.rule().n_hubs.is_some_and(|p| p != hubs.len()) {
            continue;
        }
        let n_choices = match problem.rule().allocation {
            Allocation::Single => hubs.len().pow(n as u32),
            Allocation::Multiple => 1,
        };
        for choice in 0..n_choices {
            let mut rest = choice;
            let hub_of = (0..n)
                .map(|_| {
                    let hub = hubs[rest % hubs.len()];
                    rest /= hubs.len();
                    hub
                })
                .collect();
            let (cost, wrong) = check_hubs(problem, &HubPlan { hubs: hubs.clone(), hub_of });
            if wrong.is_empty() {
                best = best.min(cost);
            }
        }
    }
    best
}

fn small() -> impl Strategy<Value = HubProblem> {
    let places = prop::collection::vec((0..20_u32, 0..20_u32), 5);
    let flow = prop::collection::vec(0..10_u32, 25);
    let fixed = prop::collection::vec(1..900_u32, 5);
    (places, flow, fixed, 1..4_usize, 0..3_u32).prop_map(|(places, flow, fixed, p, kind)| {
        let places = places.iter().map(|p| (f64::from(p.0), f64::from(p.1))).collect();
        let flow: Vec<f64> = flow.iter().map(|f| f64::from(*f)).collect();
        let room = flow.iter().sum::<f64>();
        let rule = HubRule {
            costs: [3.0, 0.75, 2.0],
            allocation: if kind == 1 { Allocation::Multiple } else { Allocation::Single },
            n_hubs: (kind != 2).then_some(p),
            fixed: (kind == 2).then(|| fixed.iter().map(|f| f64::from(*f)).collect()),
            capacity: (kind == 2).then(|| vec![room * 0.6; 5]),
        };
        HubProblem::new(places, flow, rule).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn small_problems_agree_with_exhaustive_search(problem in small()) {
        let (cost, best) = (solve(&problem, 4000), exhaustive(&problem));
        prop_assert!((cost - best).abs() < 1e-6 * best.max(1.0), "{cost} against {best}");
    }

    #[test]
    fn no_text_panics(text in "[0-9 .e\n-]{0,200}") {
        let _ = read_ap(&text, Allocation::Single, None, None, None);
        let _ = read_ap_table(&text);
    }
}
