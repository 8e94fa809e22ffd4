//! Timed plans: public instances pass the continuous-time checker, and small ones are as they
//! should be.

use rv_base::Rng;
use rv_linehaul::{Budget, check_timed, read_dow, solve_timed};

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
