//! Static plans of the Canad instances pass the checker, and bounds stay below proven optima.

use std::path::PathBuf;

use rv_base::Rng;
use rv_linehaul::{Budget, check_static, read_dow, solve_static};

pub(crate) fn data(path: &str) -> Option<String> {
    let full =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/linehaul").join(path);
    let text = std::fs::read_to_string(full).ok();
    if text.is_none() {
        println!("left out: {path} is not here");
    }
    text
}

#[test]
fn plans_pass_the_checker_and_bounds_hold() {
    // Optima proven by HiGHS.
    for (name, optimum) in [("c33", 423_848.0), ("c41", 429_398.0), ("c44", 604_198.0)] {
        let Some(text) = data(&format!("canad/instances/C/{name}.dow")) else { return };
        let design = read_dow(&text).unwrap();
        let budget = Budget::steps(3000);
        let solve = |n_threads| {
            solve_static(&design, &budget, n_threads, &Rng::from_seed(1), &mut |_, _| {})
        };
        let outcome = solve(1);
        let report = check_static(&design, &outcome.plan);
        assert_eq!(report.violations, [], "{name}");
        assert!((report.cost - outcome.cost).abs() < 1e-6 * report.cost, "{name}");
        assert!(report.cost > optimum - 1.0 && report.cost < 1.03 * optimum, "{name} {report:?}");
        assert!(outcome.bound < optimum && outcome.bound > 0.98 * optimum, "{name}");
        assert_eq!(outcome, solve(2), "{name}: threads change nothing");
    }
}
