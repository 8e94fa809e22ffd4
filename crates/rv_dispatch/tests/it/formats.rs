//! Files in, plans out, plans in.

use rv_base::Rng;
use rv_dispatch::format::{
    CityParams, Convention, FormatError, Loaded, plan_to_json, random_city, read_problem,
    read_solution, write_solution,
};
use rv_dispatch::{Budget, Objective, Params, check, solve};
use rv_model::dispatch::Plan;

use crate::{samples, unexplained};

const PAIRS: &str = "NAME: two\nTYPE: PDPTW\nDIMENSION: 5\nVEHICLES: 2\nCAPACITY: 10\n\
    EDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\n3 6 8\n4 0 5\n5 0 9\n\
    PICKUP_AND_DELIVERY_SECTION\n1 0 0 100 0 0 0\n2 4 0 100 1 0 3\n3 -4 0 100 1 2 0\n\
    4 2 0 100 1 0 5\n5 -2 0 100 1 4 0\nDEPOT_SECTION\n1\n-1\nEOF\n";

fn planned(loaded: &Loaded) -> Plan {
    let budget = Budget::iterations(500);
    let params = Params::standard();
    let plan = solve(&loaded.problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
    assert_eq!(unexplained(&loaded.problem, &plan), [""; 0]);
    plan
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
    check("2 4 0 100 1 0 3", "2 4 9 3 1 0 3", "line 15: the window ends (3) before it begins (9)");
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

/// What each format says of each kind of mistake: what is changed, and what is said.
const MISTAKES: [(&str, &str, &str, &str); 50] = [
    ("Solomon", "1 41 49 10 61", "1 41 49 -10 61", "line 11: the demand -10 is negative"),
    ("Solomon", "1 41 49 10 61", "1 41 49 NaN 61", "line 11: \"NaN\" is not a number"),
    ("Solomon", "61 171 10", "61 17 10", "line 11: the window ends (17) before it begins (61)"),
    ("Solomon", "61 171 10", "61 171 -1", "line 11: the service time -1 is negative"),
    ("Solomon", "2 35 17 7", "1 35 17 7", "line 12: 1 is listed twice"),
    ("Solomon", "2 35 17 7", "2 35 1e9 7", "line 12: a coordinate is beyond 100000"),
    (
        "Solomon",
        "  3         20",
        "  1e12 20",
        "line 5: 1000000000000 vehicles: a whole number from 1 to 200000 is needed",
    ),
    ("Solomon", "  3         20", "  3 -20", "line 5: the capacity -20 is negative"),
    (
        "Solomon",
        "2 35 17 7 50 160 10",
        "2 35 17 7 50",
        "line 12: expected NUMBER CAPACITY, then rows of 7 numbers",
    ),
    ("Li and Lim", "42\t66\t7\t65", "42\t66\t-7\t65", "line 5: the demand -7 is negative"),
    ("Li and Lim", "42\t66\t7\t65", "42\t66\t6\t65", "line 5: 6 is loaded here and 7 dropped off"),
    ("Li and Lim", "65\t946", "965\t946", "line 5: the window ends (946) before it begins (965)"),
    ("Li and Lim", "90\t0\t4", "90\t0\t9", "line 5: row 9 does not name it as its pickup"),
    ("Li and Lim", "4\t42", "3\t42", "line 6: expected row 4, found 3"),
    (
        "Li and Lim",
        "3\t20\t1\n",
        "-3\t20\t1\n",
        "line 1: -3 vehicles: a whole number from 1 to 200000 is needed",
    ),
    (
        "CVRP",
        "DIMENSION: 6",
        "DIMENSION: 1e300",
        "line 4: DIMENSION must be a whole number from 1 to 20000",
    ),
    ("CVRP", "DIMENSION: 6", "DIMENSION: 7", "NODE_COORD_SECTION does not list 7 of 7"),
    ("CVRP", "DIMENSION: 6\n", "", "DIMENSION is missing"),
    ("CVRP", "3 3\n4 5", "3 -3\n4 5", "line 17: DEMAND -3 is negative"),
    ("CVRP", "3 3\n4 5", "2 3\n4 5", "line 17: 2 is listed twice"),
    ("CVRP", "CAPACITY: 10\n", "", "CAPACITY is missing"),
    ("CVRP", "DEPOT_SECTION\n1\n", "DEPOT_SECTION\n", "DEPOT_SECTION is missing or empty"),
    ("CVRP", "DEMAND_SECTION", "PRIZE_SECTION", "line 14: \"PRIZE_SECTION\" is not supported"),
    ("CVRP", "2 30 0", "2 3000000 0", "line 9: a coordinate is beyond 100000"),
    ("VRPTW", "3 5 90", "3 95 90", "line 26: the window ends (90) before it begins (95)"),
    (
        "VRPTW",
        "SERVICE_TIME: 4",
        "SERVICE_TIME: -4",
        "line 8: SERVICE_TIME must be a number that is not negative",
    ),
    (
        "VRPTW",
        "VEHICLES: 4",
        "VEHICLES: 0",
        "line 6: 0 vehicles: a whole number from 1 to 200000 is needed",
    ),
    (
        "MDVRPTW",
        "SECTION\n1 1\n2 2\n3 2",
        "SECTION\n1 1\n2 3\n3 2",
        "vehicle 2: its depot does not exist",
    ),
    (
        "MDVRPTW",
        "SERVICE_TIME_SECTION\n1 0\n2 5",
        "SERVICE_TIME_SECTION\n1 0\n2 -5",
        "line 32: SERVICE_TIME -5 is negative",
    ),
    ("HFVRP", "2 15\n", "2 -15\n", "line 27: VEHICLES_FIXED_COST -15 is negative"),
    ("HFVRP", "3 20\n", "", "CAPACITY_SECTION does not list 3 of 3"),
    (
        "multi-trip",
        "SECTION\n1 1\n2 1\n",
        "SECTION\n1 1\n2 4\n",
        "vehicle 2: its reload depot is unknown",
    ),
    ("multi-trip", "3 5\n4 20\n5 9", "3 -5\n4 20\n5 9", "line 33: RELEASE_TIME -5 is negative"),
    ("PDPTW", "4 2 0 300", "4 -2 0 300", "line 18: -2 is loaded here and 2 dropped off"),
    ("PDPTW", "300 1 0 5", "300 1 0 1", "line 18: node 1 does not name it as its pickup"),
    ("EVRPTW", "C2 c 12 9 2", "C2 c 12 9 -2", "line 5: the demand -2 is negative"),
    ("EVRPTW", "C2 c 12", "C1 c 12", "line 5: C1 is listed twice"),
    ("EVRPTW", "C2 c 12", "C2 d 12", "line 5: a second depot"),
    ("EVRPTW", "D0 d", "D0 f", "there is no depot (type d)"),
    ("EVRPTW", "/35.0/", "/-35.0/", "line 8: expected Q, C, r, g or v above zero"),
    ("rich JSON", "\"id\": 9,", "\"id\": 5,", "vehicles[2].id: 5 is used twice"),
    (
        "rich JSON",
        "0, 600, 600, 900, 900, 600,",
        "0, 600, 600, 900, 900,",
        "travels[0].table.distance_m: has 35 entries, 6 locations need 36",
    ),
    (
        "rich JSON",
        "[0, 60, 60, 90, 90, 60,  60, 0, 30, 60, 60, 60,  60, 30, 0, 60, null, 60,\n      90, 60, 60, 0, 60, 60,  90, 60, 60, 60, 0, 60,  60, 60, 60, 60, 60, 0]",
        "[0, 60, 60, 90, null, 60,  60, 0, 30, 60, null, 60,  60, 30, 0, 60, null, 60,\n      90, 60, 60, 0, null, 60,  90, 60, 60, 60, 0, 60,  60, 60, 60, 60, null, 0]",
        "orders[3].delivery.location: no vehicle can reach \"d\"",
    ),
    (
        "rich JSON",
        "\"count\": 2",
        "\"count\": 18446744073709551615",
        "vehicles[0].count: 1 to 200000 vehicles in all",
    ),
    (
        "rich JSON",
        "\"prize\": 12",
        "\"prize\": -12",
        "orders[4].presence: the prize is negative or too large",
    ),
    (
        "rich JSON",
        "\"start_depot\": 0,",
        "",
        "vehicles[0]: give start_depot or start_location, not both",
    ),
    (
        "rich JSON",
        "\"start_depot\": 0,",
        "\"start_depot\": 3,",
        "vehicles[0].start: depot 3 does not exist",
    ),
    (
        "rich JSON",
        "\"load\": [1, 2]",
        "\"load\": [-1, 2]",
        "orders[1].load[0]: -1 is not within 0..=536870912",
    ),
    ("rich JSON", "[0, 12000]", "[12001, 12000]", "orders[4].windows[0]: ends before it begins"),
    ("rich JSON", "\"id\": 8", "\"id\": 7", "orders[4].id: 7 is used twice"),
];

#[test]
fn every_format_names_the_place_of_every_mistake() {
    let mut wrong_words = Vec::new();
    for (format, from, to, expected) in MISTAKES {
        let (_, text) = samples::all().into_iter().find(|s| s.0 == format).expect("a sample");
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text, "{format}: {from}");
        let error = read_problem(&wrong, Convention::OfFile).expect_err(expected);
        let told = match &error {
            FormatError::Problem(source) => source.to_string(),
            other => other.to_string(),
        };
        if told != expected {
            wrong_words.push(format!("{format}, {from} -> {to}:\n {told}\n {expected}"));
        }
    }
    assert!(wrong_words.is_empty(), "{}", wrong_words.join("\n"));
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
