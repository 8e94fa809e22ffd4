//! Weeks: generated ones are planned without violations, wrong ones are named, and a plan that
//! is tampered with is caught.

use rv_base::Rng;
use rv_linehaul::{Budget, Effort, WeekShape, check_week, generate_week, solve_week};
use rv_model::linehaul::Week;

fn week() -> Week {
    let shape =
        WeekShape { n_hubs: 8, n_lanes: 40, n_commodities: 60, hours: 168, places: Vec::new() };
    generate_week(&shape, &Rng::from_seed(3))
}

#[test]
fn generated_weeks_are_planned_without_violations() {
    let week = week();
    let solve = |effort| {
        let budget = Budget::steps(2000);
        solve_week(&week, effort, &budget, &Rng::from_seed(1), &mut |_, _| {}).unwrap()
    };
    let (greedy, searched) = (solve(Effort::Greedy), solve(Effort::Search));
    for outcome in [&greedy, &searched] {
        assert_eq!((outcome.n_missing_trucks, outcome.n_stuck_trucks), (0, 0));
        let report = check_week(&week, &outcome.plan);
        assert_eq!(report.violations, []);
        assert!((report.cost - outcome.cost).abs() < 1e-6 * report.cost);
        assert!((report.empty_m - outcome.empty_m).abs() < 1.0);
    }
    assert!(searched.cost <= greedy.cost, "{} over {}", searched.cost, greedy.cost);
    assert!(searched.bound > 0.0 && searched.bound <= searched.cost);
    assert_eq!(searched, solve(Effort::Search), "the same seed gives the same plan");
}

#[test]
fn a_tampered_plan_is_caught() {
    let week = week();
    let budget = Budget::steps(0);
    let outcome =
        solve_week(&week, Effort::Greedy, &budget, &Rng::from_seed(1), &mut |_, _| {}).unwrap();
    let mut early = outcome.plan.clone();
    early.departures[0].depart_s -= 200_000.0;
    assert!(!check_week(&week, &early).violations.is_empty());
    let mut short = outcome.plan.clone();
    short.trucks.pop();
    assert!(!check_week(&week, &short).violations.is_empty());
    let mut lost = outcome.plan;
    lost.itineraries[0].clear();
    assert!(!check_week(&week, &lost).violations.is_empty());
}

#[test]
fn what_cannot_arrive_is_answered() {
    let mut week = week();
    week.commodities[5].due_s = week.commodities[5].release_s + 60.0;
    let budget = Budget::steps(200);
    let outcome =
        solve_week(&week, Effort::Search, &budget, &Rng::from_seed(1), &mut |_, _| {}).unwrap();
    assert_eq!(outcome.plan.late.len(), 1);
    assert!(outcome.plan.late[0].earliest_arrival > week.commodities[5].due_s);
    assert_eq!(check_week(&week, &outcome.plan).violations, []);
}

#[test]
fn wrong_weeks_are_named() {
    let check = |spoil: fn(&mut Week), expected: &str| {
        let mut week = week();
        spoil(&mut week);
        let budget = Budget::steps(0);
        let error = solve_week(&week, Effort::Greedy, &budget, &Rng::from_seed(1), &mut |_, _| {})
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(|w| w.lanes[3].to = 9, "lane 3 names hub 9, but there are only 8 (the first is 0)");
    check(|w| w.commodities[2].size_kg = -1.0, "commodity 2: size_kg -1 is out of range");
    check(|w| w.profiles[0][4] = 0.5, "profile 0: factor 0.5 is out of range");
    check(|w| w.lanes[1].classes.clear(), "lane 1 permits no truck class");
    check(|w| w.hubs.clear(), "hubs: 0 are given, 1 to 2000 are allowed");
    check(
        |w| {
            (w.commodities[0].release_s, w.commodities[0].due_s) = (7.0, 6.0);
        },
        "commodity 0 is due at 6 s, before its release at 7 s",
    );
    check(
        |w| {
            (w.commodities[0].origin, w.commodities[0].destination) = (0, 7);
            w.lanes.retain(|lane| lane.to != 7);
            w.commodities.truncate(1);
        },
        "commodity 0: no lanes lead from hub 0 to hub 7",
    );
}
