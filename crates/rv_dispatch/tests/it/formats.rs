//! Files in, plans out, plans in.

use rv_base::Rng;
use rv_dispatch::format::{
    CityParams, Convention, Loaded, plan_to_json, random_city, read_problem, read_solution,
    write_solution,
};
use rv_dispatch::{Budget, Objective, Params, check, solve};
use rv_model::dispatch::Plan;

const PAIRS: &str = "NAME: two\nTYPE: PDPTW\nDIMENSION: 5\nVEHICLES: 2\nCAPACITY: 10\n\
    EDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\n3 6 8\n4 0 5\n5 0 9\n\
    PICKUP_AND_DELIVERY_SECTION\n1 0 0 100 0 0 0\n2 4 0 100 1 0 3\n3 -4 0 100 1 2 0\n\
    4 2 0 100 1 0 5\n5 -2 0 100 1 4 0\nDEPOT_SECTION\n1\n-1\nEOF\n";

fn planned(loaded: &Loaded) -> Plan {
    let budget = Budget::iterations(500);
    solve(&loaded.problem, None, &Params::standard(), &budget, &mut Rng::from_seed(1)).plan
}

#[test]
fn pairs_of_vrplib_are_planned_and_read_back() {
    let loaded = read_problem(PAIRS, Convention::OfFile).expect("a sound file");
    let plan = planned(&loaded);
    let report = check(&loaded.problem, &plan);
    assert_eq!((report.violations, report.costs.n_required_unassigned), (vec![], 0));
    let text = write_solution(&loaded, &plan);
    let again = read_solution(&loaded, &text).expect("our own solution");
    assert_eq!(write_solution(&loaded, &again), text);
    assert_eq!(check(&loaded.problem, &again).violations, []);
}

#[test]
fn the_example_of_the_docs_is_planned_and_read_back_from_json() {
    let text = include_str!("../../../../docs/dispatch-example.json");
    let loaded = read_problem(text, Convention::OfFile).expect("a sound file");
    let plan = planned(&loaded);
    let report = check(&loaded.problem, &plan);
    assert_eq!(report.violations, []);
    let ids: Vec<u64> =
        plan.unassigned.iter().map(|u| loaded.problem.orders()[u.order as usize].id).collect();
    assert_eq!(ids, [16]);
    let json = plan_to_json(&loaded, &plan, &report).to_string();
    let again = read_solution(&loaded, &json).expect("our own solution");
    assert_eq!(check(&loaded.problem, &again), report);
}

#[test]
fn a_vehicle_that_cannot_even_get_home_stays_where_it_is() {
    let text = include_str!("../../../../docs/dispatch-example.json");
    let far = text.replace(r#""end": "hub""#, r#""end": "returns""#);
    assert_ne!(far, text);
    for (what, instead) in [
        (r#""shift_s": [0, 14400]"#, r#""shift_s": [0, 1]"#),
        (r#""start_wh": 1500"#, r#""start_wh": 301"#),
        (r#""start_wh": 1500"#, r#""start_wh": 100"#),
    ] {
        let poor = far.replace(what, instead);
        assert_ne!(poor, far);
        let loaded = read_problem(&poor, Convention::OfFile).expect("a sound file");
        let plan = planned(&loaded);
        assert_eq!(check(&loaded.problem, &plan).violations, [], "{instead}");
        assert_eq!(plan.unassigned.len(), 6, "{instead}");
    }
}

#[test]
fn a_random_city_can_be_served() {
    let params = CityParams {
        n_stops: 120,
        n_vehicles: 20,
        n_depots: 2,
        n_chargers: 4,
        windows_share: 0.5,
        capacity: 12,
    };
    let city = random_city(&params, &mut Rng::from_seed(3)).expect("in range");
    let loaded = city.load().expect("a sound city");
    let report = check(&loaded.problem, &planned(&loaded));
    assert_eq!((report.violations, report.costs.n_required_unassigned), (vec![], 0));
    assert!(random_city(&CityParams { n_depots: 0, ..params }, &mut Rng::from_seed(3)).is_none());
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = PAIRS.replace(from, to);
        let error = read_problem(&text, Convention::OfFile).expect_err("a wrong file");
        assert_eq!(error.to_string(), expected);
    };
    check(
        "2 4 0 100 1 0 3",
        "2 4 9 3 1 0 3",
        "line 15: the window ends before it begins, or service is negative",
    );
    check("2 4 0 100 1 0 3", "2 4 0 100 1 0 4", "line 15: node 4 does not name it as its pickup");
    check("2 4 0 100 1 0 3", "2 4 0 NaN 1 0 3", "line 15: \"NaN\" is not a number");
    check("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n9\n", "line 20: the depot does not exist");
    check("2 3 4\n", "2 3\n", "line 9: expected 1..=5 and 2 values");
    check(
        "DIMENSION: 5",
        "DIMENSION: -5",
        "line 3: DIMENSION must be a number that is not negative",
    );
}

/// One customer that opens late and must be home soon after: only a vehicle that charges more than it
/// needs at first, while it would wait, is home in time.
const EARLY_CHARGE: &str = "StringID Type x y demand ReadyTime DueDate ServiceTime\n\
    D0 d 0 0 0 0 92 0\nS1 f 10 0 0 0 92 0\nC1 c 20 0 1 60 60 0\n\n\
    Q Vehicle fuel tank capacity /25.0/\nC Vehicle load capacity /10.0/\n\
    r fuel consumption rate /1.0/\ng inverse refueling rate /2.0/\nv average Velocity /1.0/\n";

#[test]
fn a_battery_is_charged_while_its_vehicle_would_wait() {
    let loaded = read_problem(EARLY_CHARGE, Convention::OfFile).expect("a sound file");
    let plan = planned(&loaded);
    let report = check(&loaded.problem, &plan);
    assert_eq!((report.violations, report.costs.n_required_unassigned), (vec![], 0));
    let text = write_solution(&loaded, &plan);
    assert!(text.contains("S1 C1 S1"), "{text}");
    let again = read_solution(&loaded, &text).expect("our own solution");
    assert_eq!(check(&loaded.problem, &again).violations, []);
}

/// Customers around a depot with a few chargers, none of which lies in reach of all.
fn battery_text(seed: u64, n: usize) -> String {
    let mut rng = Rng::from_seed(seed);
    let mut text = "StringID Type x y demand ReadyTime DueDate ServiceTime\n\
        D0 d 50 50 0 0 300 0\nS1 f 50 50 0 0 300 0\nS2 f 20 30 0 0 300 0\nS3 f 75 70 0 0 300 0\n"
        .to_string();
    for k in 0..n {
        let (x, y) = (15 + rng.below(70), 15 + rng.below(70));
        let open = 30 + rng.below(160);
        text += &format!("C{k} c {x} {y} {} {open} {} 5\n", 1 + rng.below(9), open + 60);
    }
    text + "\nQ Vehicle fuel tank capacity /110.0/\nC Vehicle load capacity /30.0/\n\
        r fuel consumption rate /1.0/\ng inverse refueling rate /0.4/\nv average Velocity /1.0/\n"
}

#[test]
fn battery_plans_are_sound_and_served() {
    for seed in 0..4 {
        let loaded = read_problem(&battery_text(seed, 40), Convention::OfFile).expect("sound");
        for objective in [Objective::Cost, Objective::VehiclesFirst] {
            let params = Params { objective, ..Params::standard() };
            let budget = Budget::iterations(2000);
            let out = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(seed));
            let report = check(&loaded.problem, &out.plan);
            assert_eq!((report.violations, report.costs.n_required_unassigned), (vec![], 0));
        }
    }
}
