//! A small true ledger, and what is found when it is bent.

use rv_base::{
    EdgeId, HourSet, JunctionId, Kilograms, LatLon, MetersPerSecond, MissionId, Money, PermitId,
    PlaceId, RoadId, RoadPosition, Seconds,
};
use rv_map::{Edge, ForbiddenPath, ModeSet, Road, RoadGraph, RoadKind, Surface};
use rv_model::{OrderRequest, Permit, PermitArea, Site, Van, VanClass, VehicleKind};
use rv_wire::{Stop, StopKind};

use super::*;
use crate::config::FleetCosts;
use crate::event::{EVENT_VERSION, MissionCause};

const VAN: VanId = VanId(0);
const HUB: Custodian = Custodian::Hub(FacilityId(0));
const CODE: CodeHash = [9; 32];

/// Junctions 0, 1, 2 in a row, 0.001 degree (111 m) apart on the equator; edges 0: 0->1, 1: 1->0,
/// 2: 1->2, 3: 2->1. Turning from edge 2 into edge 3 is forbidden.
fn city() -> City {
    let at = |lon_e7| LatLon::from_e7(0, lon_e7).unwrap();
    let edge = |tail: u32, head: u32, reverse: u32| Edge {
        tail: JunctionId(tail),
        head: JunctionId(head),
        length: at(0).distance_to(at(10_000)),
        road: RoadId(0),
        first_shape: 0,
        n_shape: 0,
        is_forward: tail < head,
        modes: ModeSet::MOTOR,
        reverse: Some(EdgeId(reverse)),
    };
    let graph = RoadGraph {
        rises_permille: Vec::new(),
        junctions: vec![at(0), at(10_000), at(20_000)],
        is_signal: vec![false; 3],
        first_out: vec![0, 1, 3, 4],
        edges: vec![edge(0, 1, 1), edge(1, 0, 0), edge(1, 2, 3), edge(2, 1, 2)],
        shape_points: vec![],
        roads: vec![Road {
            source_id: 1,
            name: String::new(),
            kind: RoadKind::Residential,
            speed_limit: MetersPerSecond(8.0),
            n_lanes: (1, 1),
            surface: Surface::Paved,
            is_roundabout: false,
            is_destination_only: false,
            is_tunnel: false,
            is_bridge: false,
            width_max: None,
            height_max: None,
            mass_max: None,
        }],
        forbidden: vec![ForbiddenPath {
            edges: vec![EdgeId(2), EdgeId(3)],
            modes: ModeSet::MOTOR,
            source_id: 77,
        }],
    };
    City { graph, ..City::default() }
}

fn area(west_e7: i32, east_e7: i32, hours: HourSet) -> PermitArea {
    let corner = |lat, lon| LatLon::from_e7(lat, lon).unwrap();
    let outline = vec![
        corner(-500, west_e7),
        corner(-500, east_e7),
        corner(500, east_e7),
        corner(500, west_e7),
    ];
    PermitArea { name: "zone".into(), outline, hours }
}

fn setup(forbidden: Vec<PermitArea>) -> Setup {
    let mut class = VanClass::shipped().remove(1);
    class.parcels_max = 2;
    Setup {
        event_version: EVENT_VERSION,
        city: "line".into(),
        n_edges: 4,
        tenants: vec![],
        classes: vec![class],
        vans: vec![Van {
            id: VAN,
            name: "V0".into(),
            class_idx: 0,
            hub: FacilityId(0),
            permits: vec![PermitId(0)],
        }],
        van_starts: vec![RoadPosition { edge: EdgeId(0), offset: Meters(10.0) }],
        permits: vec![Permit {
            id: PermitId(0),
            name: "all".into(),
            kinds: vec![VehicleKind::Van],
            allowed: vec![],
            forbidden,
            hours: HourSet::ALWAYS,
        }],
        n_operators: 1,
        costs: FleetCosts {
            currency: ['E', 'U', 'R'],
            operator_per_hour: Money::ZERO,
            hub_per_parcel: Money::ZERO,
            courier_per_parcel: Money::ZERO,
            van_day: Seconds(86_400.0),
        },
        utc_offset: Seconds::ZERO,
    }
}

fn order(id: u64, key: &str, n_parcels: u16) -> Order {
    Order {
        id: OrderId(id),
        request: OrderRequest {
            key: key.into(),
            tenant: TenantId(0),
            kind: OrderKind::Delivery,
            site: Site::Place(PlaceId(0)),
            handover: Handover::Door,
            n_parcels,
            parcel_mass: Kilograms(1.0),
            window: TimeWindow { start: Timestamp(0), end: Timestamp::from_secs(1000) },
        },
        first_parcel: ParcelId(10 * id),
        accepted_at: Timestamp(0),
    }
}

fn said(seq: u32, report: Up) -> Event {
    Event::VanReported { van: VAN, cursor: Cursor { session: 1, seq }, report }
}

/// One order of two parcels, driven from edge 0 to edge 2 and handed over.
fn ledger() -> Vec<Event> {
    let at = Timestamp::from_secs;
    let parcels = vec![ParcelId(10), ParcelId(11)];
    let task = Task::HandOver { order: OrderId(1), parcels: parcels.clone(), code: CODE };
    let stop = Stop {
        id: StopId(5),
        kind: StopKind::Deliver,
        at: RoadPosition { edge: EdgeId(2), offset: Meters(50.0) },
        route: vec![EdgeId(0), EdgeId(2)],
        earliest: at(0),
        wait_max: Seconds(60.0),
        tasks: vec![task],
    };
    let proof = Proof { code: CODE, evidence: [0; 16] };
    vec![
        Event::FleetStarted { session: 1, setup: Some(Box::new(setup(vec![]))) },
        Event::OrderAccepted {
            order: order(1, "a", 2),
            hub: FacilityId(0),
            stop: RoadPosition { edge: EdgeId(2), offset: Meters(50.0) },
        },
        Event::CodeIssued { order: OrderId(1), stop: StopId(5), hash: CODE },
        Event::MissionSet {
            van: VAN,
            mission: Mission { id: MissionId(1), version: 1, stops: vec![stop] },
            plan: vec![],
            cause: MissionCause::Tour,
        },
        Event::ParcelsMoved { parcels: parcels.clone(), from: HUB, to: Custodian::Van(VAN) },
        said(1, Up::Departed { stop: StopId(5), at: at(100) }),
        said(
            2,
            Up::Arrived {
                stop: StopId(5),
                at: at(140),
                edges: vec![EdgeId(0), EdgeId(2)],
                distance: Meters(151.0),
                energy: WattHours(30.0),
            },
        ),
        said(
            3,
            Up::Task {
                stop: StopId(5),
                task_idx: 0,
                at: at(200),
                result: TaskResult::HandedOver(proof),
            },
        ),
        Event::ParcelsMoved { parcels, from: Custodian::Van(VAN), to: Custodian::Recipient },
        Event::OrderEnded {
            order: OrderId(1),
            end: OrderEnd::Delivered { how: DeliveredHow::Code(StopId(5)), at: at(200) },
        },
        said(
            4,
            Up::StopDone {
                stop: StopId(5),
                at: at(210),
                on_board: vec![],
                stored: WattHours(100.0),
            },
        ),
        Event::DayClosed,
    ]
}

fn audit(events: Vec<Event>) -> AuditReport {
    let city = city();
    let mut audit = Audit::new(Some(&city));
    for (position, event) in events.into_iter().enumerate() {
        let position = position as u64;
        audit.push(&Record { position, at: Timestamp(position as i64), event });
    }
    audit.finish()
}

/// The first violation of the ledger after `bend` has changed it.
fn bent(bend: impl FnOnce(&mut Vec<Event>)) -> String {
    let mut events = ledger();
    bend(&mut events);
    let report = audit(events);
    assert!(!report.is_clean());
    report.violations.first().map(|v| v.text.clone()).unwrap_or_default()
}

#[test]
fn a_true_ledger_is_clean_and_counted() {
    let report = audit(ledger());
    assert_eq!(report.violations, []);
    assert!(report.is_clean() && report.is_closed);
    assert_eq!((report.n_accepted, report.n_delivered, report.n_on_time), (1, 1, 1));
    assert_eq!((report.driven, report.energy), (Meters(151.0), WattHours(30.0)));
    assert_eq!(report.on_time_share(), 1.0);
}

#[test]
fn a_late_delivery_is_not_on_time() {
    let mut events = ledger();
    if let Event::OrderEnded { end: OrderEnd::Delivered { at, .. }, .. } = &mut events[9] {
        *at = Timestamp::from_secs(1001);
    }
    let report = audit(events);
    assert_eq!((report.n_on_time, report.on_time_share()), (0, 0.0));
}

#[test]
fn lost_and_doubled_orders_are_found() {
    assert_eq!(bent(|l| drop(l.remove(9))), "order 1 has no end although the day was closed");
    assert_eq!(bent(|l| l.insert(9, l[9].clone())), "order 1 ends twice");
    let again = Event::OrderAccepted {
        order: order(2, "a", 1),
        hub: FacilityId(0),
        stop: RoadPosition { edge: EdgeId(2), offset: Meters(1.0) },
    };
    assert_eq!(bent(|l| l.insert(2, again)), "orders 1 and 2 share a key");
}

#[test]
fn custody_has_no_gaps() {
    assert!(bent(|l| drop(l.remove(4))).contains("moves from Van"));
    assert!(bent(|l| drop(l.remove(8))).contains("has parcel 10"));
    assert!(bent(|l| l.insert(10, l[8].clone())).contains("after order 1 has ended"));
    let third = Event::OrderAccepted {
        order: order(2, "b", 1),
        hub: FacilityId(0),
        stop: RoadPosition { edge: EdgeId(2), offset: Meters(1.0) },
    };
    let load =
        Event::ParcelsMoved { parcels: vec![ParcelId(20)], from: HUB, to: Custodian::Van(VAN) };
    let text = bent(|l| {
        l.insert(2, third);
        l.insert(6, load);
    });
    assert_eq!(text, "van 0 holds 3 parcels, more than 2");
    let text = bent(|l| {
        if let Event::VanReported { report: Up::StopDone { on_board, .. }, .. } = &mut l[10] {
            on_board.push(ParcelId(10));
        }
    });
    assert_eq!(text, "van 0 reports 1 parcels on board, the ledger says 0");
}

#[test]
fn handovers_need_their_code_once_and_on_the_spot() {
    let text = bent(|l| {
        if let Event::CodeIssued { hash, .. } = &mut l[2] {
            hash[0] = 0;
        }
    });
    assert_eq!(text, "order 1 is handed over with a code that was not issued");
    let text = bent(|l| {
        l.remove(7);
        if let Event::VanReported { cursor, .. } = &mut l[9] {
            cursor.seq = 3;
        }
    });
    assert_eq!(text, "order 1 is delivered without proof at stop 5");
    let text = bent(|l| {
        let mut again = l[7].clone();
        if let Event::VanReported { cursor, .. } = &mut again {
            cursor.seq = 5;
        }
        l.insert(11, again);
    });
    assert_eq!(text, "the code of order 1 at stop 5 is used twice");
}

#[test]
fn messages_are_heard_once() {
    assert!(bent(|l| l.insert(6, l[5].clone())).starts_with("van 0 is heard at"));
}

#[test]
fn missions_only_grow_newer() {
    assert_eq!(bent(|l| l.insert(4, l[3].clone())), "van 0 is sent mission version 1 after 1");
}

#[test]
fn roads_bind() {
    let drive = |path: &[u32], metres: f64| {
        let edges: Vec<EdgeId> = path.iter().map(|e| EdgeId(*e)).collect();
        bent(|l| {
            if let Event::VanReported {
                report: Up::Arrived { edges: e, distance, at, .. }, ..
            } = &mut l[6]
            {
                *e = edges;
                *distance = Meters(metres);
                *at = Timestamp::from_secs(190);
            }
        })
    };
    assert_eq!(drive(&[0, 3], 150.0), "van 0 drove edge 3 after 0: they do not meet");
    assert_eq!(drive(&[0, 2, 3, 2], 300.0), "van 0 broke turn restriction 77");
    assert_eq!(drive(&[0, 9], 150.0), "van 0 drove edge 9, which is not on the map");
    assert!(drive(&[0, 2], 900.0).starts_with("van 0 reports 900 m for a path"));
}

#[test]
fn metres_outside_a_permit_are_counted_by_hour() {
    let with_zone = |hours: HourSet| {
        let mut events = ledger();
        let zone = area(15_000, 30_000, hours);
        events[0] = Event::FleetStarted { session: 1, setup: Some(Box::new(setup(vec![zone]))) };
        audit(events)
    };
    // The zone covers the second half of edge 2.
    let outside_m = with_zone(HourSet::ALWAYS).outside_permit.0;
    assert!((outside_m - 55.6).abs() < 4.0, "{outside_m}");
    assert!(!with_zone(HourSet::ALWAYS).is_clean());
    // The drive is on a Thursday at 00:01.
    assert!(with_zone(HourSet::daily(1, 24)).is_clean());
    assert!(!with_zone(HourSet::daily(0, 1)).is_clean());
}

#[test]
fn exact_times_are_checked_strictly() {
    let city = city();
    let mut roads = Roads::new(&city.graph);
    let zone = area(-5_000, 5_000, HourSet::daily(1, 2));
    roads.set_up(&setup(vec![zone])).unwrap();
    let mut drive = |from, to| {
        let part = DrivenEdge {
            edge: EdgeId(0),
            entered: Timestamp::from_secs(from),
            left: Timestamp::from_secs(to),
        };
        roads.check_drive(VAN, &[part]).0
    };
    assert_eq!(drive(3500, 3599), 0.0);
    assert!(drive(3590, 3610) > 50.0, "across the hour at which the zone closes");
    assert_eq!(drive(7200, 7300), 0.0);
}

#[test]
fn a_ledger_of_another_map_is_refused() {
    let text = bent(|l| {
        let mut other = setup(vec![]);
        other.n_edges = 5;
        l[0] = Event::FleetStarted { session: 1, setup: Some(Box::new(other)) };
    });
    assert_eq!(text, "the ledger was made on a map of 5 edges, this one has 4");
}
