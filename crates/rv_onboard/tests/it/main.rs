//! A vehicle on a small ring of streets, driven by a plain point mass.
#![allow(clippy::unwrap_used)]

mod street;

use proptest::prelude::*;
use rv_base::{
    EdgeId, HourSet, Kilograms, LatLon, Meters, OrderId, ParcelId, PermitId, Seconds, StopId,
    TicketId, Timestamp, WattHours,
};
use rv_onboard::{AtDoor, Input, Output};
use rv_wire::{
    Down, FaultKind, HelpChoice, HelpKind, MissionRefusal, NotHandedOver, OnboardState,
    PermitPhase, PermitRule, PermitZone, StopKind, Task, TaskResult, Up,
};
use street::{Street, code_hash, mission, stop};

const PARCEL: ParcelId = ParcelId(7);
const ORDER: OrderId = OrderId(3);

fn load() -> Task {
    Task::Load { parcel: PARCEL, compartment: 4, mass: Kilograms(2.0) }
}

fn hand_over(stop: u64) -> Task {
    Task::HandOver {
        order: ORDER,
        parcels: vec![PARCEL],
        code: code_hash(StopId(stop), ORDER, "GOODCODE"),
    }
}

/// Load at the start, deliver four streets on, unload what is left one street further.
fn round() -> Down {
    mission(
        1,
        vec![
            stop(1, StopKind::Load, 0, 20.0, &[0], vec![load()]),
            stop(2, StopKind::Deliver, 4, 30.0, &[0, 1, 2, 3, 4], vec![hand_over(2)]),
            stop(3, StopKind::Unload, 5, 10.0, &[4, 5], vec![Task::Drop { parcels: vec![] }]),
        ],
    )
}

fn results(street: &Street) -> Vec<&TaskResult> {
    street
        .heard
        .iter()
        .filter_map(|up| match up {
            Up::Task { result, .. } => Some(result),
            _ => None,
        })
        .collect()
}

/// Drives a round in which the recipient first errs and then knows the code.
fn deliver(street: &mut Street) {
    street.tell(round());
    street.run_until(|s| s.presented(StopKind::Load));
    street.input(Input::Scan { parcel: ParcelId(99) });
    street.input(Input::Scan { parcel: PARCEL });
    street.run_until(|s| s.presented(StopKind::Deliver));
    street.input(Input::Keypad { order: ORDER, code: "BADCODE".into() });
    street.input(Input::Keypad { order: ORDER, code: "GOODCODE".into() });
    street.input(Input::DoorClosed { order: ORDER, outcome: AtDoor::Complete });
    street.run_until(|s| s.presented(StopKind::Unload));
    street.input(Input::Dropped { task_idx: 0, left_over: vec![], trouble: None });
    street.run(5);
}

#[test]
fn a_parcel_is_loaded_driven_and_handed_over_with_proof() {
    let mut street = Street::new(6);
    deliver(&mut street);
    let results = results(&street);
    assert!(matches!(results[0], TaskResult::Loaded));
    assert!(matches!(results[1], TaskResult::HandedOver(proof)
        if proof.code == code_hash(StopId(2), ORDER, "GOODCODE")));
    assert!(matches!(results[2], TaskResult::Dropped { parcels, left_over }
        if parcels.is_empty() && left_over.is_empty()));
    let arrivals: Vec<_> = street
        .heard
        .iter()
        .filter_map(|up| match up {
            Up::Arrived { edges, distance, energy, .. } => {
                Some((edges.clone(), *distance, *energy))
            }
            _ => None,
        })
        .collect();
    let ids = |list: &[u32]| list.iter().map(|e| EdgeId(*e)).collect::<Vec<_>>();
    assert_eq!(arrivals[0].0, ids(&[0]));
    assert_eq!(arrivals[1].0, ids(&[0, 1, 2, 3, 4]));
    assert_eq!(arrivals[2].0, ids(&[4, 5]));
    assert!((arrivals[1].1.0 - 410.0).abs() < 1.0, "{:?}", arrivals[1].1);
    assert!(arrivals[1].2.0 > 0.0);
    assert!(street.out.iter().any(|o| matches!(o, Output::SayWrongCode { .. })));
    assert!(street.out.iter().any(|o| matches!(o, Output::OpenDoor { compartments, .. }
        if compartments == &[4])));
    assert_eq!(street.van.state(street.now), OnboardState::Idle);
}

#[test]
fn a_restart_anywhere_changes_nothing() {
    let mut plain = Street::new(6);
    deliver(&mut plain);
    let mut restarted = Street::new(6);
    restarted.restarts_every = Some(7);
    deliver(&mut restarted);
    assert_eq!(plain.heard, restarted.heard);
}

#[test]
fn nobody_there_is_reported_after_the_wait_and_the_parcel_comes_back() {
    let mut street = Street::new(6);
    street.tell(round());
    street.run_until(|s| s.presented(StopKind::Load));
    street.input(Input::Scan { parcel: PARCEL });
    street.run_until(|s| s.presented(StopKind::Unload));
    street.input(Input::Dropped { task_idx: 0, left_over: vec![], trouble: None });
    street.run(2);
    let results = results(&street);
    assert_eq!(results[1], &TaskResult::NotHandedOver(NotHandedOver::NobodyThere));
    assert_eq!(results[2], &TaskResult::Dropped { parcels: vec![PARCEL], left_over: vec![] });
}

#[test]
fn what_was_not_loaded_is_not_handed_over_and_a_used_code_is_refused() {
    let mut street = Street::new(6);
    street.tell(round());
    street.run_until(|s| s.presented(StopKind::Load));
    street.input(Input::LoadingDone);
    street.run_until(|s| s.presented(StopKind::Unload));
    assert_eq!(results(&street)[0], &TaskResult::NotLoaded);
    assert_eq!(results(&street)[1], &TaskResult::NotHandedOver(NotHandedOver::NotOnBoard));
    street.out.clear();
    street.input(Input::Keypad { order: ORDER, code: "GOODCODE".into() });
    assert!(street.out.iter().any(|o| matches!(o, Output::SayWrongCode { .. })));
    assert!(!street.out.iter().any(|o| matches!(o, Output::OpenDoor { .. })));
}

#[test]
fn missions_with_faults_are_refused_with_their_reason() {
    let mut street = Street::new(6);
    let refused = |street: &mut Street, down: Down| {
        street.heard.clear();
        street.tell(down);
        street.run(2);
        street
            .heard
            .iter()
            .find_map(|up| match up {
                Up::MissionRefused { reason, .. } => Some(*reason),
                _ => None,
            })
            .unwrap()
    };
    let park = |id, edge, route: &[u32]| vec![stop(id, StopKind::Park, edge, 50.0, route, vec![])];
    assert_eq!(
        refused(&mut street, mission(2, park(1, 3, &[1, 2, 3]))),
        MissionRefusal::RouteBroken
    );
    assert_eq!(
        refused(&mut street, mission(2, park(1, 3, &[0, 2, 3]))),
        MissionRefusal::RouteBroken
    );
    assert_eq!(
        refused(&mut street, mission(2, park(1, 999, &[0, 999]))),
        MissionRefusal::RouteBroken
    );
    assert_eq!(
        refused(&mut street, mission(2, park(1, 6, &[0, 1, 2, 3, 4, 5, 6]))),
        MissionRefusal::NotPermitted,
        "edge 6 is closed to vans"
    );
    street.tell(mission(5, park(1, 2, &[0, 1, 2])));
    street.run(5);
    assert_eq!(refused(&mut street, mission(4, park(2, 3, &[2, 3]))), MissionRefusal::Stale);
    street.stored = WattHours(5.0);
    street.run(1);
    assert_eq!(
        refused(&mut street, mission(6, park(2, 5, &[0, 1, 2, 3, 4, 5]))),
        MissionRefusal::BatteryShort
    );
}

#[test]
fn a_begun_stop_stays_and_a_newer_mission_goes_on_from_it() {
    let mut street = Street::new(6);
    street.tell(round());
    street.run_until(|s| s.presented(StopKind::Load));
    street.tell(mission(2, vec![stop(9, StopKind::Park, 1, 10.0, &[0, 1], vec![])]));
    street.run(2);
    assert!(
        street.heard.iter().any(|up| matches!(
            up,
            Up::MissionRefused { reason: MissionRefusal::StopUnderWay, .. }
        ))
    );
    street.tell(mission(
        3,
        vec![
            stop(1, StopKind::Load, 0, 20.0, &[0], vec![load()]),
            stop(9, StopKind::Park, 1, 10.0, &[0, 1], vec![]),
        ],
    ));
    street.run(1);
    street.input(Input::Scan { parcel: PARCEL });
    street.run(90);
    let done: Vec<_> = street
        .heard
        .iter()
        .filter_map(|up| match up {
            Up::StopDone { stop, .. } => Some(stop.0),
            _ => None,
        })
        .collect();
    assert_eq!(done, [1, 9]);
}

#[test]
fn a_new_mission_under_way_goes_on_without_standing() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![])]));
    street.run(25);
    let edge = street.position().edge.0;
    assert!(edge >= 1 && street.speed_mps() > 2.0);
    // Made when the vehicle was still on edge 0; a nearer stop now.
    street.tell(mission(2, vec![stop(2, StopKind::Park, 4, 50.0, &[0, 1, 2, 3, 4], vec![])]));
    street.run(3);
    assert!(street.speed_mps() > 2.0);
    street.run(120);
    assert_eq!(street.position().edge, EdgeId(4));
    assert!((street.position().offset.0 - 50.0).abs() < 0.6);
    let edges: Vec<_> = street
        .heard
        .iter()
        .filter_map(|up| match up {
            Up::Arrived { edges, .. } => Some(edges.iter().map(|e| e.0).collect::<Vec<_>>()),
            _ => None,
        })
        .collect();
    assert_eq!(edges, [vec![0, 1, 2, 3, 4]]);
}

#[test]
fn a_closure_ahead_stops_it_before_the_road_until_it_opens() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![])]));
    street.tell(Down::Closures { epoch: 1, edges: vec![EdgeId(3)] });
    street.run(120);
    assert_eq!((street.position().edge, street.speed_mps()), (EdgeId(2), 0.0));
    assert!(!street.heard.iter().any(|up| matches!(up, Up::Help { .. })), "the fleet knows");
    assert_eq!(street.van.state(street.now), OnboardState::Stopped);
    street.tell(Down::Closures { epoch: 2, edges: vec![] });
    street.run(120);
    assert_eq!(street.position().edge, EdgeId(5));
}

/// A zone over edges 3 and 4, forbidden from 100 s on.
fn announced_zone(begin: Timestamp, hours: HourSet) -> Down {
    let everywhere = PermitRule {
        permit: PermitId(0),
        hours: HourSet::ALWAYS,
        allowed: vec![],
        forbidden: vec![],
    };
    let corner = |lat_e7, edges: f64| {
        LatLon::from_e7(lat_e7, 74_000_000 + (edges * 12_440.0) as i32).unwrap()
    };
    let (south, north) = (436_990_000, 437_010_000);
    let outline =
        vec![corner(south, 3.2), corner(south, 4.8), corner(north, 4.8), corner(north, 3.2)];
    let zone = PermitRule {
        permit: PermitId(1),
        hours: HourSet::NEVER,
        allowed: vec![],
        forbidden: vec![PermitZone { outline, hours }],
    };
    let now = PermitPhase { is_bound: true, rules: vec![everywhere.clone()], ..Default::default() };
    let then = PermitPhase { from: begin, is_bound: true, rules: vec![everywhere, zone] };
    Down::Permits { epoch: 1, phases: vec![now, then] }
}

#[test]
fn an_announced_zone_is_left_in_time_and_not_entered_shortly_before() {
    let way = || mission(1, vec![stop(1, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![])]);
    // Far in the future: it drives through.
    let mut street = Street::new(6);
    street.tell(announced_zone(street.now + Seconds(7200.0), HourSet::ALWAYS));
    street.tell(way());
    street.run(120);
    assert_eq!(street.position().edge, EdgeId(5));
    // Soon: it stands before the zone and asks.
    let mut street = Street::new(6);
    street.tell(announced_zone(street.now + Seconds(600.0), HourSet::ALWAYS));
    street.tell(way());
    street.run(120);
    assert_eq!((street.position().edge, street.speed_mps()), (EdgeId(2), 0.0));
    assert!(street.heard.iter().any(|up| matches!(up, Up::Help { .. })));
    // Announced while it is inside: it goes on and out; and it forgets nothing when restarted.
    let mut street = Street::new(6);
    street.restarts_every = Some(7);
    street.tell(way());
    street.run_until(|s| s.position().edge == EdgeId(3));
    street.tell(announced_zone(street.now + Seconds(600.0), HourSet::ALWAYS));
    street.run(60);
    assert_eq!(street.position().edge, EdgeId(5));
    // In force while it is inside: it stands.
    let mut street = Street::new(6);
    street.tell(way());
    street.run_until(|s| s.position().edge == EdgeId(3));
    street.tell(announced_zone(street.now, HourSet::ALWAYS));
    street.run(60);
    assert_eq!((street.position().edge, street.speed_mps()), (EdgeId(3), 0.0));
    // An older version of the permits changes nothing any more.
    street.tell(Down::Permits { epoch: 0, phases: vec![] });
    street.run(60);
    assert_eq!(street.position().edge, EdgeId(3));
}

#[test]
fn a_vehicle_whose_permits_all_ended_stays_where_it_is() {
    let mut street = Street::new(6);
    let nothing = PermitPhase { is_bound: true, ..PermitPhase::default() };
    street.tell(Down::Permits { epoch: 1, phases: vec![nothing] });
    street.tell(mission(1, vec![stop(1, StopKind::Park, 3, 50.0, &[0, 1, 2, 3], vec![])]));
    street.run(60);
    assert_eq!((street.position().edge, street.speed_mps()), (EdgeId(0), 0.0));
}

#[test]
fn a_seen_block_is_passed_only_after_an_operator_says_so() {
    let mut street = Street::new(6);
    street.blocked = Some(EdgeId(2));
    street.tell(mission(1, vec![stop(1, StopKind::Park, 4, 50.0, &[0, 1, 2, 3, 4], vec![])]));
    street.run(120);
    assert_eq!(street.position().edge, EdgeId(1));
    let answer = |choice| Down::Answer { ticket: TicketId(1), call: 1, choice };
    street.tell(answer(HelpChoice::BeRecovered));
    street.run(20);
    assert_eq!(street.position().edge, EdgeId(1), "a choice that was not offered is not taken");
    street.tell(answer(HelpChoice::Proceed));
    street.run(120);
    assert_eq!(street.position().edge, EdgeId(4));
}

#[test]
fn an_unanswered_call_ends_in_the_safe_default() {
    let mut street = Street::new(6);
    let drop = vec![Task::Drop { parcels: vec![PARCEL] }];
    street.tell(mission(
        1,
        vec![
            stop(1, StopKind::Load, 0, 20.0, &[0], vec![load()]),
            stop(2, StopKind::Locker, 1, 20.0, &[0, 1], drop),
        ],
    ));
    street.run_until(|s| s.presented(StopKind::Load));
    street.input(Input::Scan { parcel: PARCEL });
    street.run_until(|s| s.presented(StopKind::Locker));
    street.input(Input::Dropped {
        task_idx: 0,
        left_over: vec![PARCEL],
        trouble: Some(rv_onboard::DropTrouble::Jammed),
    });
    street.run(290);
    assert_eq!(results(&street).len(), 1, "still waiting for an answer");
    street.run(30);
    assert_eq!(
        results(&street)[1],
        &TaskResult::Dropped { parcels: vec![], left_over: vec![PARCEL] }
    );
    assert_eq!(street.van.on_board().collect::<Vec<_>>(), [PARCEL]);
}

#[test]
fn a_dead_vehicle_brakes_calls_and_stays_until_fetched() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![])]));
    street.run(20);
    assert!(street.speed_mps() > 5.0);
    street.input(Input::Failed(FaultKind::Dead));
    street.run(400);
    assert_eq!(street.speed_mps(), 0.0);
    assert_eq!(street.van.state(street.now), OnboardState::MinimalRisk);
    assert!(street.heard.iter().any(|up| matches!(up,
        Up::Help { kind: HelpKind::Fault, choices, .. } if choices == &[HelpChoice::BeRecovered])));
    let sensed = street.sensed();
    street.input(Input::Fetched(sensed));
    street.run(2);
    assert!(street.heard.iter().any(|up| matches!(up, Up::HelpOver { .. })));
    assert_eq!(street.van.state(street.now), OnboardState::Idle);
    let here = street.position().edge.0;
    street
        .tell(mission(2, vec![stop(8, StopKind::Park, here + 1, 50.0, &[here, here + 1], vec![])]));
    street.run(100);
    assert_eq!(street.position().edge, EdgeId(here + 1));
}

#[test]
fn what_is_done_is_left_out_wherever_a_later_version_names_it() {
    let mut street = Street::new(6);
    let one = || stop(1, StopKind::Park, 1, 50.0, &[0, 1], vec![]);
    street.tell(mission(1, vec![one()]));
    street.run(60);
    let is_done = |up: &Up| matches!(up, Up::StopDone { stop, .. } if stop.0 == 1);
    assert!(street.heard.iter().any(is_done));
    // Made before the fleet heard that stop 1 was done: it stands last here.
    let two = stop(2, StopKind::Park, 3, 50.0, &[1, 2, 3], vec![]);
    street.tell(mission(2, vec![two, stop(1, StopKind::Park, 4, 50.0, &[3, 4], vec![])]));
    street.run(200);
    assert_eq!(street.heard.iter().filter(|up| is_done(up)).count(), 1);
    assert_eq!(street.position().edge, EdgeId(3));
    // Between two others the way on from it no longer meets: the fleet has to send another.
    let three = stop(3, StopKind::Park, 4, 50.0, &[3, 4], vec![]);
    let again = stop(1, StopKind::Park, 5, 20.0, &[4, 5], vec![]);
    let four = stop(4, StopKind::Park, 5, 60.0, &[5], vec![]);
    street.tell(mission(3, vec![three, again, four]));
    street.run(5);
    assert!(street.heard.iter().any(|up| matches!(
        up,
        Up::MissionRefused { version: 3, reason: rv_wire::MissionRefusal::RouteBroken, .. }
    )));
}

#[test]
fn one_that_rolls_out_goes_on_with_a_new_mission_without_standing() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![])]));
    street.run(20);
    street.tell(mission(2, vec![]));
    street.run(2);
    let here = street.position().edge.0;
    assert!(street.speed_mps() > 2.0);
    let route: Vec<u32> = (here..=5).collect();
    street.tell(mission(3, vec![stop(2, StopKind::Park, 5, 50.0, &route, vec![])]));
    for _ in 0..10 {
        street.run(1);
        assert!(street.speed_mps() > 1.0);
    }
    street.run(200);
    assert!(street.heard.iter().any(|up| matches!(up, Up::StopDone { stop, .. } if stop.0 == 2)));
}

#[test]
fn a_dead_vehicle_agrees_to_do_nothing_and_says_what_was_taken_out() {
    let mut street = Street::new(6);
    street.tell(mission(
        1,
        vec![
            stop(1, StopKind::Load, 0, 20.0, &[0], vec![load()]),
            stop(2, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![]),
        ],
    ));
    street.run_until(|s| s.presented(StopKind::Load));
    street.input(Input::Scan { parcel: PARCEL });
    street.run(20);
    street.input(Input::Failed(FaultKind::Dead));
    street.tell(mission(2, vec![stop(3, StopKind::Park, 3, 50.0, &[0, 1, 2, 3], vec![])]));
    street.tell(mission(3, vec![]));
    street.run(30);
    assert!(street.heard.iter().any(|up| matches!(up, Up::MissionRefused { version: 2, .. })));
    assert!(street.heard.iter().any(|up| matches!(up, Up::MissionAccepted { version: 3, .. })));
    let sensed = street.sensed();
    street.input(Input::Fetched(sensed));
    street.run(2);
    assert!(
        street
            .heard
            .iter()
            .any(|up| matches!(up, Up::Emptied { parcels, .. } if *parcels == [PARCEL]))
    );
    assert_eq!(street.van.on_board().count(), 0);
}

#[test]
fn a_charge_ends_when_full_and_may_be_cut_short() {
    let mut street = Street::new(6);
    let charge = vec![Task::Charge { until: WattHours(20_000.0) }];
    street.tell(mission(1, vec![stop(1, StopKind::Charge, 0, 20.0, &[0], charge)]));
    street.run_until(|s| s.presented(StopKind::Charge));
    street.input(Input::Charging { metered: WattHours(700.0), stored: WattHours(12_000.0) });
    assert_eq!(street.van.state(street.now), OnboardState::Charging);
    street.tell(mission(2, vec![stop(2, StopKind::Park, 1, 20.0, &[0, 1], vec![])]));
    street.run(60);
    assert_eq!(results(&street), [&TaskResult::Charged { energy: WattHours(700.0) }]);
    assert_eq!(street.position().edge, EdgeId(1));
}

#[test]
fn a_halt_holds_it_and_resume_lets_it_go_on() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 5, 50.0, &[0, 1, 2, 3, 4, 5], vec![])]));
    street.run(15);
    street.tell(Down::Halt);
    street.run(60);
    assert_eq!(street.speed_mps(), 0.0);
    assert_eq!(street.van.state(street.now), OnboardState::Stopped);
    street.tell(Down::Resume);
    street.run(120);
    assert_eq!(street.position().edge, EdgeId(5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever comes in whatever order: no panic, no overshoot, parcels on board only once.
    #[test]
    fn any_order_of_inputs_is_survived(script in prop::collection::vec((0_u8..16, 0_u32..8), 1..60)) {
        let mut street = Street::new(8);
        let mut version = 0;
        for (what, arg) in script {
            match what {
                0 => {
                    version += 1;
                    let mut down = round();
                    if let Down::Mission(mission) = &mut down { mission.version = version }
                    street.tell(down);
                }
                1 => {
                    version += 1;
                    let here = street.position().edge.0;
                    let route: Vec<_> = (here..=here + arg).collect();
                    let id = 100 + u64::from(version);
                    street.tell(mission(version,
                        vec![stop(id, StopKind::Park, here + arg, 40.0, &route, vec![])]));
                }
                2 => street.input(Input::Scan { parcel: PARCEL }),
                3 => street.input(Input::LoadingDone),
                4 => street.input(Input::Keypad { order: ORDER, code: "GOODCODE".into() }),
                5 => street.input(Input::Keypad { order: ORDER, code: "?".repeat(arg as usize) }),
                6 => street.input(Input::DoorClosed { order: ORDER, outcome: AtDoor::Complete }),
                7 => street.input(Input::DoorClosed { order: ORDER, outcome: AtDoor::Stuck }),
                8 => street.input(Input::Dropped {
                    task_idx: arg as u16, left_over: vec![], trouble: None }),
                9 => street.input(Input::Failed(FaultKind::SensorDegraded)),
                10 => street.input(Input::Repaired(FaultKind::SensorDegraded)),
                11 => street.tell(Down::Closures { epoch: u64::from(arg), edges: vec![EdgeId(arg)] }),
                12 => street.tell(if arg % 2 == 0 { Down::Halt } else { Down::Resume }),
                13 => street.tell(Down::Answer {
                    ticket: TicketId(1), call: u64::from(arg), choice: HelpChoice::Retry }),
                14 => street.blocked = (arg > 4).then_some(EdgeId(arg)),
                _ => street.run(i64::from(arg) * 9),
            }
            street.run(1);
        }
        prop_assert!(street.position().offset <= Meters(100.0 + 1e-6));
        let restored = street.restored();
        prop_assert_eq!(restored.memory(), street.van.memory());
        prop_assert!(street.van.next_wakeup(street.now) >= street.now);
        prop_assert!(street.van.next_wakeup(street.now) - street.now <= Seconds(3600.0 * 24.0));
    }
}

/// The kinds of the calls that were made, and how many of them are over.
fn calls(street: &Street) -> (Vec<HelpKind>, usize) {
    let kinds = street.heard.iter().filter_map(|up| match up {
        Up::Help { kind, .. } => Some(*kind),
        _ => None,
    });
    let n_over = street.heard.iter().filter(|up| matches!(up, Up::HelpOver { .. })).count();
    (kinds.collect(), n_over)
}

#[test]
fn what_the_driver_cannot_solve_becomes_a_call_until_it_is_solved() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 4, 50.0, &[0, 1, 2, 3, 4], vec![])]));
    street.run(10);
    street.input(Input::Trouble(Some(HelpKind::Unclear)));
    assert_eq!(calls(&street), (vec![], 0), "it still moves");
    street.tell(Down::Halt);
    street.run(20);
    let unclear = Input::Trouble(Some(HelpKind::Unclear));
    street.input(unclear.clone());
    street.input(unclear.clone());
    assert_eq!(calls(&street), (vec![HelpKind::Unclear], 0), "one call however often it is told");
    let choice = HelpChoice::Proceed;
    street.tell(Down::Answer { ticket: TicketId(1), call: 1, choice });
    street.run(1);
    assert_eq!(calls(&street).1, 1);
    assert!(!street.van.is_calling());
    street.input(unclear.clone());
    assert_eq!(calls(&street).0.len(), 1, "somebody has just looked");
    street.run(130);
    street.input(unclear);
    assert_eq!(calls(&street).0.len(), 2);
    street.input(Input::Trouble(None));
    assert_eq!(calls(&street).1, 2, "solved by itself");
}

#[test]
fn a_road_that_the_driver_cannot_get_along_is_called_for_as_a_barred_one() {
    let mut street = Street::new(6);
    street.tell(mission(1, vec![stop(1, StopKind::Park, 4, 50.0, &[0, 1, 2, 3, 4], vec![])]));
    street.tell(Down::Halt);
    street.run(20);
    street.input(Input::Trouble(Some(HelpKind::RoadBlocked)));
    street.tell(Down::Resume);
    street.input(Input::Sensed(street.sensed()));
    assert_eq!(calls(&street), (vec![HelpKind::RoadBlocked], 0));
    street.input(Input::Trouble(None));
    street.input(Input::Sensed(street.sensed()));
    assert_eq!(calls(&street).1, 1);
}
