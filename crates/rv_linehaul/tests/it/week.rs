//! Weeks: generated ones are planned without violations, wrong ones are named, and a plan that
//! is tampered with is caught.

use rv_base::Rng;
use rv_linehaul::{Budget, Effort, WeekShape, check_week, generate_week, solve_week};
use rv_model::linehaul::{ClassHours, DailyHours, LateFreight, LateReason, Week, WeekPlan};

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
    }
    assert!(searched.cost <= greedy.cost, "{} over {}", searched.cost, greedy.cost);
    assert!(searched.bound > 0.0 && searched.bound <= searched.cost);
    assert_eq!(searched, solve(Effort::Search), "the same seed gives the same plan");
}

#[test]
fn hubs_are_kept_even() {
    let shape =
        WeekShape { n_hubs: 12, n_lanes: 90, n_commodities: 300, hours: 168, places: Vec::new() };
    let week = generate_week(&shape, &Rng::from_seed(2));
    let budget = Budget::steps(1000);
    let rng = Rng::from_seed(1);
    let outcome = solve_week(&week, Effort::Search, &budget, &rng, &mut |_, _| {}).unwrap();
    assert_eq!(check_week(&week, &outcome.plan).violations, []);
    let sum = |peaks: &[f64]| peaks.iter().sum::<f64>();
    let (even, early) = (sum(&outcome.peak_kg), sum(&outcome.peak_unsmoothed_kg));
    assert!(even < 0.75 * early, "{even} against {early}");
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
    assert!(outcome.plan.late[0].earliest_arrival_s.unwrap() > week.commodities[5].due_s);
    assert_eq!(check_week(&week, &outcome.plan).violations, []);
}

/// A search of so many steps that passes the checker.
fn plan(week: &Week, steps: u64) -> WeekPlan {
    let budget = Budget::steps(steps);
    let rng = Rng::from_seed(1);
    let outcome = solve_week(week, Effort::Search, &budget, &rng, &mut |_, _| {}).unwrap();
    let report = check_week(week, &outcome.plan);
    assert_eq!(report.violations, []);
    assert!((report.cost - outcome.cost).abs() < 1e-6 * report.cost);
    outcome.plan
}

#[test]
fn volume_fills_trucks_too() {
    let mut week = week();
    let n_trucks = |plan: &WeekPlan| plan.departures.iter().map(|row| row.n_trucks).sum::<u32>();
    let by_mass = n_trucks(&plan(&week, 300));
    week.classes[0].volume_m3 = Some(80.0);
    for com in &mut week.commodities {
        com.volume_m3 = com.size_kg / 100.0;
    }
    let by_volume = plan(&week, 300);
    assert!(n_trucks(&by_volume) > by_mass, "a third of the mass fits");
    let mut squeezed = by_volume;
    week.classes[0].volume_m3 = Some(40.0);
    assert!(!check_week(&week, &squeezed).violations.is_empty());
    squeezed.departures[0].n_trucks += 1;
    assert!(!check_week(&week, &squeezed).violations.is_empty());
}

#[test]
fn hubs_and_permits_have_hours() {
    let mut week = week();
    for hub in &mut week.hubs {
        hub.hours = Some(DailyHours { from_h: 5, to_h: 23 });
    }
    for lane in &mut week.lanes {
        let hours = DailyHours { from_h: 18, to_h: 12 };
        lane.class_hours = vec![ClassHours { class: 0, hours }];
    }
    let found = plan(&week, 300);
    for row in &found.departures {
        let hour = (row.depart_s / 3600.0).rem_euclid(24.0);
        assert!(!(12.0..18.0).contains(&hour), "left at {hour}");
        assert!((5.5..=23.0).contains(&hour), "loaded before {hour}");
    }
    week.hubs[0].hours = Some(DailyHours { from_h: 9, to_h: 11 });
    assert!(!check_week(&week, &found).violations.is_empty());
}

#[test]
fn platoons_save_what_followers_save() {
    let mut week = week();
    for com in &mut week.commodities {
        com.size_kg = 50_000.0;
    }
    for hub in &mut week.hubs {
        (hub.docks, hub.handling_kg_per_h) = (60, 2e6);
    }
    for fleet in &mut week.fleets {
        fleet.n_trucks = 60;
    }
    let alone = check_week(&week, &plan(&week, 0)).cost;
    week.classes[0].follower_saving = Some(0.2);
    assert!((check_week(&week, &plan(&week, 0)).cost - alone).abs() < 1e-6 * alone);
    for lane in &mut week.lanes {
        lane.platoon_trucks = 3;
    }
    let together = check_week(&week, &plan(&week, 0)).cost;
    assert!(together < alone * 0.97, "{together} against {alone}");
}

#[test]
fn what_is_late_is_carried_at_a_price() {
    let mut week = week();
    week.commodities[5].due_s = week.commodities[5].release_s + 60.0;
    let left = check_week(&week, &plan(&week, 100));
    assert_eq!((left.n_late, left.n_left), (1, 1));
    week.costs.lateness_per_kg_h = Some(0.01);
    let late = plan(&week, 100);
    let report = check_week(&week, &late);
    assert_eq!((report.n_late, report.n_left), (1, 0));
    assert!(!late.itineraries[5].is_empty());
    let mut false_excuse = late;
    false_excuse.late[0].commodity = 6;
    assert!(!check_week(&week, &false_excuse).violations.is_empty());
}

#[test]
fn holding_makes_freight_leave_sooner() {
    let mut week = week();
    let held_h = |week: &Week, plan: &WeekPlan| {
        let mut week = week.clone();
        let without = |week: &Week| check_week(week, plan).cost;
        week.costs.holding_per_kg_h = 0.0;
        let base = without(&week);
        week.costs.holding_per_kg_h = 1.0;
        without(&week) - base
    };
    let patient = plan(&week, 200);
    week.costs.holding_per_kg_h = 0.05;
    let hasty = plan(&week, 200);
    let (hasty, patient) = (held_h(&week, &hasty), held_h(&week, &patient));
    assert!(hasty < patient, "{hasty} against {patient}");
}

#[test]
fn freight_that_trucks_do_not_suffice_for_is_named() {
    let mut week = week();
    week.fleets.truncate(2);
    for fleet in &mut week.fleets {
        fleet.n_trucks = 1;
    }
    let found = plan(&week, 100);
    let is_short = |row: &&LateFreight| row.reason == LateReason::Shortage;
    assert!(found.late.iter().filter(is_short).count() > 0, "two trucks cannot carry everything");
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

#[test]
fn a_window_that_is_just_wide_enough_is_used() {
    let mut week = week();
    week.commodities.truncate(2);
    let first = week.commodities[0].release_s;
    week.commodities[0].due_s = first + 60.0;
    let earliest_s = plan(&week, 10).late[0].earliest_arrival_s.unwrap();
    week.commodities[0].due_s = earliest_s;
    let found = plan(&week, 40);
    assert!(found.late.is_empty() && !found.itineraries[0].is_empty(), "{found:?}");
}
