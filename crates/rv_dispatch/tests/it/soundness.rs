//! Every plan passes the judge, and depends on nothing but its inputs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rv_base::{Rng, Seconds};
use rv_dispatch::format::{Convention, read_problem};
use rv_dispatch::{Budget, Objective, Params, Progress, check, solve};

use crate::random::{Features, problem};
use crate::{samples, unexplained};

#[test]
fn plans_of_random_problems_break_no_limit() {
    for seed in 0..120 {
        let features = Features(Rng::from_seed(seed).next_u64() as u32 % (1 << Features::N));
        let n_orders = 4 + (seed as usize * 7) % 40;
        let problem = problem(seed, n_orders, 1 + n_orders / 6, features);
        let budget = Budget::iterations(60);
        let params = Params::standard();
        let outcome = solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed));
        let report = check(&problem, &outcome.plan);
        assert_eq!(report.violations, [], "seed {seed}, {features:?}");
        let silent: &[String] = &unexplained(&problem, &outcome.plan);
        assert_eq!(silent, [""; 0], "seed {seed}, {features:?}");
    }
}

#[test]
fn the_plan_does_not_depend_on_the_number_of_threads() {
    for seed in 0..4 {
        let features = Features((Rng::from_seed(seed).next_u64() as u32) % (1 << Features::N));
        let problem = problem(seed, 100, 14, features);
        let run = |n_threads| {
            let params = Params { n_threads, part_stops_max: 40, ..Params::standard() };
            let budget = Budget::iterations(4_000);
            solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed))
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.plan, three.plan, "seed {seed}");
        assert_eq!(one.stats, three.stats, "seed {seed}");
        assert_eq!(check(&problem, &one.plan).violations, [], "seed {seed}, {features:?}");
    }
}

#[test]
fn every_kind_of_constraint_is_kept_where_a_problem_is_cut() {
    for seed in 0..14 {
        let features = Features(Rng::from_seed(seed).next_u64() as u32 % (1 << Features::N));
        let problem = problem(seed, 45, 8, features);
        let params = Params { n_threads: 2, part_stops_max: 16, ..Params::standard() };
        let budget = Budget::iterations(300);
        let plan = solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed)).plan;
        assert_eq!(check(&problem, &plan).violations, [], "seed {seed}, {features:?}");
        let silent: &[String] = &unexplained(&problem, &plan);
        assert_eq!(silent, [""; 0], "seed {seed}, {features:?}");
    }
}

#[test]
fn a_cut_problem_tells_of_every_part_and_ends_when_it_is_cancelled() {
    let problem = problem(1, 200, 60, Features(Features::WINDOWS | Features::CAPACITY));
    let params = Params { n_threads: 2, part_stops_max: 20, ..Params::standard() };
    let told = Mutex::new(Vec::new());
    let is_cancelled = AtomicBool::new(false);
    let run = |cancel_after: usize| {
        told.lock().expect("no panic").clear();
        is_cancelled.store(false, Ordering::Relaxed);
        let tell = |progress: Progress| {
            let mut told = told.lock().expect("no panic");
            told.push(progress);
            is_cancelled.store(told.len() >= cancel_after, Ordering::Relaxed);
        };
        let budget = Budget {
            progress: Some(&tell),
            cancel: Some(&is_cancelled),
            ..Budget::iterations(4_000)
        };
        let outcome = solve(&problem, None, &params, &budget, &mut Rng::from_seed(1));
        let report = check(&problem, &outcome.plan);
        assert_eq!(report.violations, [], "after {cancel_after}");
        (report.costs, outcome.stats)
    };
    let (costs, stats) = run(usize::MAX);
    let (n_told, last) = {
        let told = told.lock().expect("no panic");
        (told.len() as u64, told[told.len() - 1])
    };
    assert_eq!(n_told, stats.n_parts);
    assert!(n_told > 20, "{n_told}");
    let total = costs.total().to_units();
    assert!((last.cost - total).abs() < 1e-3 * total, "{last:?}, {costs:?}");
    assert_eq!(last.n_vehicles, costs.n_vehicles);
    // In the first round some orders have no route yet; later all parts keep what they have.
    let (early, first) = run(2);
    assert!(first.iterations == 0 && first.n_parts >= 10, "{first:?}");
    let (late, some) = run(14);
    assert!(early.n_required_unassigned > 4 * late.n_required_unassigned, "{early:?}, {late:?}");
    assert!(some.iterations < stats.iterations / 2, "{some:?} of {stats:?}");
}

#[test]
fn a_plan_can_be_continued() {
    for seed in 0..20 {
        let features = Features(Rng::from_seed(seed).next_u64() as u32 % (1 << Features::N));
        let problem = problem(seed, 30, 5, features);
        let params = Params::standard();
        let budget = Budget::iterations(300);
        let first = solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed)).plan;
        let idle = Budget::iterations(0);
        let again = solve(&problem, Some(&first), &params, &idle, &mut Rng::from_seed(9)).plan;
        let (a, b) = (check(&problem, &first).costs, check(&problem, &again).costs);
        assert!(b.n_required_unassigned <= a.n_required_unassigned, "seed {seed}, {features:?}");
        if b.n_required_unassigned == a.n_required_unassigned {
            assert!(b.total() <= a.total(), "seed {seed}, {features:?}: {a:?} {b:?}");
        }
    }
}

#[test]
fn fewer_vehicles_are_found_and_kept() {
    let problem = problem(5, 40, 30, Features(Features::WINDOWS | Features::CAPACITY));
    let run = |objective| {
        let params = Params { objective, ..Params::standard() };
        let budget = Budget::iterations(3_000);
        solve(&problem, None, &params, &budget, &mut Rng::from_seed(1)).plan
    };
    let (cheap, few) = (run(Objective::Cost), run(Objective::VehiclesFirst));
    let (cheap, few) = (check(&problem, &cheap), check(&problem, &few));
    assert_eq!((cheap.violations, few.violations), (vec![], vec![]));
    assert_eq!(few.costs.n_required_unassigned, cheap.costs.n_required_unassigned);
    assert!(few.costs.n_vehicles <= cheap.costs.n_vehicles);
}

#[test]
fn unexplained_orders_are_still_listed() {
    let problem = problem(3, 30, 1, Features(Features::CAPACITY));
    let params = Params { n_explained_max: 0, ..Params::standard() };
    let budget = Budget::iterations(50);
    let plan = solve(&problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
    assert!(!plan.unassigned.is_empty());
    assert_eq!(check(&problem, &plan).violations, []);
}

/// A file in Solomon's form with windows around the times of a random tour.
fn windowed(seed: u64, n: usize, capacity: usize) -> String {
    let mut rng = Rng::from_seed(seed);
    let mut text = format!("W{seed}\n\nVEHICLE\nNUMBER CAPACITY\n{n} {capacity}\n\nCUSTOMER\n");
    text.push_str("CUST NO. XCOORD. YCOORD. DEMAND READY DUE SERVICE\n\n0 50 50 0 0 1000 0\n");
    for customer in 1..=n {
        let (x, y) = (rng.below(100), rng.below(100));
        let open = 75 + rng.below(700);
        let close = open + 5 + rng.below(120);
        let demand = 1 + rng.below(20);
        text.push_str(&format!("{customer} {x} {y} {demand} {open} {close} 10\n"));
    }
    text
}

#[test]
fn tight_windows_and_loads_are_kept_where_the_search_may_break_them() {
    for seed in 0..12 {
        let n = 8 + 9 * seed as usize;
        let text = windowed(seed, n, if seed % 2 == 0 { 40 } else { 400 });
        let loaded = read_problem(&text, Convention::Exact).expect("the file is sound");
        let plan = |iterations, objective| {
            let params = Params { objective, ..Params::standard() };
            let budget = Budget::iterations(iterations);
            solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(seed)).plan
        };
        let costs = |iterations, objective| {
            let plan = plan(iterations, objective);
            let report = check(&loaded.problem, &plan);
            assert_eq!(report.violations, [], "seed {seed}");
            assert_eq!(report.costs.n_required_unassigned, 0, "seed {seed}");
            report.costs
        };
        let (first, better) = (costs(0, Objective::Cost), costs(600, Objective::Cost));
        assert!(better.total() <= first.total(), "seed {seed}: {first:?} {better:?}");
        let fewer = costs(600, Objective::VehiclesFirst);
        assert!(fewer.n_vehicles <= first.n_vehicles, "seed {seed}: {first:?} {fewer:?}");
        assert_eq!(plan(600, Objective::Cost), plan(600, Objective::Cost), "seed {seed}");
    }
}

#[test]
fn a_transfer_with_its_pickup_committed_is_never_dropped() {
    use rv_model::dispatch::{OrderKind, Start, Task};
    for seed in 0..20 {
        let features = Features(Features::WINDOWS | Features::TRANSFERS | Features::CAPACITY);
        let mut data = problem(seed, 14, 2, features).into_data();
        let is_transfer =
            |o: &&rv_model::dispatch::Order| matches!(o.kind, OrderKind::Transfer { .. });
        let Some(order) = data.orders.iter().find(is_transfer).map(|o| o.id as u32) else {
            continue;
        };
        data.vehicles[0].start = Start::Road(0);
        data.vehicles[0].committed = vec![Task::Collect(order)];
        // It can no longer be in time.
        if let OrderKind::Transfer { dropoff, .. } = &mut data.orders[order as usize].kind {
            dropoff.windows[0].start_ms = 0;
            dropoff.windows[0].end_ms = 1;
        }
        let problem = rv_model::dispatch::Problem::new(data).expect("a sound problem");
        let budget = Budget::iterations(300);
        let params = Params::standard();
        let plan = solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed)).plan;
        assert!(plan.unassigned.iter().all(|u| u.order != order), "seed {seed}");
        let route = plan.routes.iter().find(|r| r.vehicle == 0).expect("it has committed tasks");
        let tasks: Vec<Task> = route.tasks().collect();
        assert_eq!(tasks[..2], [Task::Collect(order), Task::Serve(order)], "seed {seed}");
        let late = check(&problem, &plan).violations;
        assert!(
            late.iter().all(|v| matches!(
                v,
                rv_dispatch::Violation::Late { visit: 1, .. }
                    | rv_dispatch::Violation::Shift { .. }
            )),
            "seed {seed}: {late:?}"
        );
    }
}

#[test]
fn every_search_tells_of_its_progress() {
    for name in ["CVRP", "VRPTW", "EVRPTW", "Li and Lim", "multi-trip"] {
        let (_, text) = samples::all().into_iter().find(|s| s.0 == name).expect("a sample");
        let loaded = read_problem(&text, Convention::OfFile).expect(name);
        let told = Mutex::new(Vec::new());
        let tell = |progress| told.lock().expect("no panic").push(progress);
        let budget = Budget { progress: Some(&tell), ..Budget::iterations(20_000) };
        let params = Params::standard();
        let plan = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
        let costs = check(&loaded.problem, &plan).costs;
        let last = *told.lock().expect("no panic").last().expect(name);
        let total = costs.total().to_units();
        assert!((last.cost - total).abs() < 1e-3 * total, "{name}: {last:?}, {costs:?}");
        assert_eq!((last.n_vehicles, last.n_unserved), (costs.n_vehicles, 0), "{name}");
    }
}

#[test]
fn tiny_problems_are_solved_to_the_end_by_the_clock_too() {
    for seed in 0..12 {
        let features = Features(Features::WINDOWS | Features::CAPACITY | Features::RELOADS);
        let problem = problem(seed, 4, 2, features);
        let params = Params::standard();
        let rng = || Rng::from_seed(seed);
        let long = Budget::iterations(20_000);
        let best = solve(&problem, None, &params, &long, &mut rng()).plan;
        // A clock that lets the enumeration end, and hardly any search.
        let n_asked = AtomicU64::new(0);
        let clock = || Seconds(n_asked.fetch_add(1, Ordering::Relaxed) as f64);
        let short = Budget::clock(Seconds(120.0), &clock);
        let plan = solve(&problem, None, &params, &short, &mut rng()).plan;
        let (best, ours) = (check(&problem, &best), check(&problem, &plan));
        assert_eq!(ours.violations, [], "seed {seed}");
        assert_eq!(ours.costs.total(), best.costs.total(), "seed {seed}");
    }
}

#[test]
fn fewer_vehicles_count_before_the_cost_of_a_tiny_problem() {
    // One vehicle has to go to and fro; two need less way.
    let text = "TINY\n\nVEHICLE\nNUMBER CAPACITY\n2 10\n\nCUSTOMER\nCUST X Y DEMAND READY DUE SERVICE\n\n\
        0 0 0 0 0 1000 0\n1 10 0 1 0 15 0\n2 -10 0 1 20 40 0\n3 12 0 1 50 70 0\n";
    let loaded = read_problem(text, Convention::OfFile).expect("a sound file");
    let run = |objective| {
        let params = Params { objective, ..Params::standard() };
        let budget = Budget::iterations(2_000);
        let plan = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
        let costs = check(&loaded.problem, &plan).costs;
        (costs.n_vehicles, costs.total().to_units())
    };
    assert_eq!(run(Objective::VehiclesFirst), (1, 64.0));
    assert_eq!(run(Objective::Cost), (2, 44.0));
}
