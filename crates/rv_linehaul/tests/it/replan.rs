//! Plans made anew while one runs: what had begun stays, little else moves, and every late
//! consignment has its reason.

use rv_base::Rng;
use rv_linehaul::{
    Budget, Effort, ReplanError, ReplanOutcome, WeekShape, check_replan, generate_week,
    replan_week, solve_week,
};
use rv_model::linehaul::{Disruption, LateReason, Leg, Replan, Week, WeekError};

const AT_S: f64 = 50.0 * 3600.0;
const DAY_S: f64 = 86_400.0;

fn week() -> Week {
    let shape =
        WeekShape { n_hubs: 10, n_lanes: 50, n_commodities: 120, hours: 168, places: Vec::new() };
    generate_week(&shape, &Rng::from_seed(7))
}

fn running(week: &Week) -> Replan {
    let budget = Budget::steps(300);
    let rng = Rng::from_seed(1);
    let outcome = solve_week(week, Effort::Search, &budget, &rng, &mut |_, _| {}).unwrap();
    Replan { at_s: 0.0, events: Vec::new(), plan: outcome.plan }
}

fn replan(week: &Week, old: &Replan, at_s: f64, event: Disruption) -> ReplanOutcome {
    let budget = Budget::steps(400);
    replan_week(week, old, at_s, &[event], &budget, &Rng::from_seed(1)).unwrap()
}

fn check(outcome: &ReplanOutcome, old: &Replan) {
    let report = check_replan(&outcome.week, &old.plan, &outcome.new);
    assert_eq!(report.violations, []);
    assert!((report.cost - outcome.cost).abs() < 1e-6 * report.cost);
    assert_eq!(outcome.n_missing_trucks, 0);
    assert!(outcome.moved.len() * 50 <= outcome.n_unaffected, "{:?} moved", outcome.moved);
}

fn busiest_hub(week: &Week, old: &Replan) -> u32 {
    let mut n = vec![0; week.hubs.len()];
    for row in old.plan.departures.iter().filter(|row| row.depart_s > AT_S) {
        n[week.lanes[row.lane as usize].to as usize] += 1;
    }
    (0..n.len()).max_by_key(|&h| n[h]).unwrap() as u32
}

#[test]
fn a_closed_hub_is_avoided_and_the_late_are_named() {
    let week = week();
    let old = running(&week);
    let hub = busiest_hub(&week, &old);
    let event = Disruption::HubClosed { hub, from_s: AT_S, to_s: AT_S + 2.0 * DAY_S };
    let outcome = replan(&week, &old, AT_S, event);
    check(&outcome, &old);
    assert!(!outcome.affected.is_empty());
    assert!(!outcome.new.plan.late.is_empty(), "two days without the busiest hub cost time");
    for row in &outcome.new.plan.late {
        assert_eq!(row.reason, LateReason::HubClosed { hub });
        assert!(row.earliest_arrival_s.unwrap() > week.commodities[row.commodity as usize].due_s);
    }
    let again = replan(&week, &old, AT_S, outcome.new.events[0].clone());
    assert_eq!(outcome, again, "the same seed gives the same plan");
    // Somebody who sends a truck there all the same is caught, and who moves what had begun.
    let begun = outcome.new.plan.departures.iter().position(|row| row.depart_s < AT_S).unwrap();
    let mut moved = outcome.new.clone();
    moved.plan.departures[begun].depart_s += 60.0;
    assert!(!check_replan(&outcome.week, &old.plan, &moved).violations.is_empty());
    let mut closed = outcome.new.clone();
    closed.events[0] = Disruption::HubClosed { hub, from_s: AT_S, to_s: AT_S + 3.0 * DAY_S };
    assert!(!check_replan(&outcome.week, &old.plan, &closed).violations.is_empty());
}

#[test]
fn a_closed_lane_is_avoided() {
    let week = week();
    let old = running(&week);
    let lane = old.plan.departures.iter().find(|row| row.depart_s > AT_S + DAY_S).unwrap().lane;
    let event = Disruption::LaneClosed { lane, from_s: AT_S, to_s: 168.0 * 3600.0 };
    let outcome = replan(&week, &old, AT_S, event);
    check(&outcome, &old);
    assert!(!outcome.affected.is_empty());
    let late = &outcome.new.plan.departures;
    assert!(late.iter().all(|row| row.lane != lane || row.depart_s <= AT_S + week.costs.load_s));
}

#[test]
fn a_lost_truck_is_replaced() {
    let week = week();
    let old = running(&week);
    let has_legs_behind = |legs: &[Leg]| {
        legs.iter().any(|leg| match *leg {
            Leg::Service { departure } => {
                old.plan.departures[departure as usize].depart_s > AT_S + 3600.0
            }
            _ => false,
        })
    };
    let truck = old.plan.trucks.iter().position(|row| has_legs_behind(&row.legs)).unwrap() as u32;
    let outcome = replan(&week, &old, AT_S, Disruption::TruckLost { truck });
    check(&outcome, &old);
    let mut goes_on = outcome.new.clone();
    let legs = old.plan.trucks[truck as usize].legs.clone();
    goes_on.plan.trucks[truck as usize].legs = legs;
    assert!(!check_replan(&outcome.week, &old.plan, &goes_on).violations.is_empty());
}

#[test]
fn more_freight_is_carried_and_a_second_plan_follows_the_first() {
    let week = week();
    let old = running(&week);
    let mut commodities = week.commodities[..8].to_vec();
    for (i, com) in commodities.iter_mut().enumerate() {
        com.key = format!("surge {i}");
        (com.release_s, com.due_s) = (AT_S + 3600.0, AT_S + 2.0 * DAY_S);
    }
    let outcome = replan(&week, &old, AT_S, Disruption::Surge { commodities });
    check(&outcome, &old);
    assert_eq!(outcome.affected, (120..128).collect::<Vec<u32>>());
    assert_eq!(outcome.week.commodities.len(), 128);
    let at_s = AT_S + DAY_S;
    let hub = busiest_hub(&week, &old);
    let event = Disruption::HubClosed { hub, from_s: at_s, to_s: at_s + 40_000.0 };
    let second = replan(&week, &outcome.new, at_s, event);
    check(&second, &outcome.new);
    assert_eq!(second.new.events.len(), 2);
}

#[test]
fn wrong_events_are_named() {
    let week = week();
    let old = running(&week);
    let expect = |at_s: f64, event: Disruption, expected: &str| {
        let budget = Budget::steps(0);
        let error = replan_week(&week, &old, at_s, &[event], &budget, &Rng::from_seed(1));
        assert_eq!(error.unwrap_err().to_string(), expected);
    };
    let hub = |hub, from_s, to_s| Disruption::HubClosed { hub, from_s, to_s };
    expect(AT_S, hub(10, 0.0, 1.0), "event 0 names hub 10, but there are only 10 (the first is 0)");
    expect(AT_S, hub(1, 5.0, 4.0), "event 0: end of the closure 4 is out of range");
    expect(-1.0, hub(1, 5.0, 6.0), "moment -1 s is not from 0 s to 604800 s");
    let mut odd = old.clone();
    odd.plan.itineraries[3] = vec![u32::MAX];
    let budget = Budget::steps(0);
    let error = replan_week(&week, &odd, AT_S, &[hub(1, 5.0, 6.0)], &budget, &Rng::from_seed(1));
    assert_eq!(error, Err(ReplanError::Plan { what: "itinerary", idx: 3 }));
    let mut com = week.commodities[0].clone();
    com.size_kg = -1.0;
    let surge = Disruption::Surge { commodities: vec![com] };
    let error = replan_week(&week, &old, AT_S, &[surge], &budget, &Rng::from_seed(1));
    assert!(matches!(error, Err(ReplanError::Week(WeekError::OutOfRange { .. }))));
}
