//! Every plan passes the judge, and depends on nothing but its inputs.

use rv_base::Rng;
use rv_dispatch::{Budget, Objective, Params, check, solve};

use crate::random::{Features, problem};

#[test]
fn plans_of_random_problems_break_no_limit() {
    for seed in 0..200 {
        let features = Features(Rng::from_seed(seed).next_u64() as u32 % (1 << Features::N));
        let n_orders = 4 + (seed as usize * 7) % 40;
        let problem = problem(seed, n_orders, 1 + n_orders / 6, features);
        let budget = Budget::iterations(60);
        let params = Params::standard();
        let outcome = solve(&problem, None, &params, &budget, &mut Rng::from_seed(seed));
        let report = check(&problem, &outcome.plan);
        assert_eq!(report.violations, [], "seed {seed}, {features:?}");
        for out in &outcome.plan.unassigned {
            assert_ne!(out.relaxations, [], "seed {seed}, {features:?}: {out:?}");
        }
    }
}

#[test]
fn the_plan_does_not_depend_on_the_number_of_threads() {
    for seed in 0..6 {
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
