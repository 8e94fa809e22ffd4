//! Orders that come by truck or go on by truck.

use rv_base::{FacilityId, Seconds, TenantId, TimeWindow};
use rv_fleet::audit::{Audit, AuditReport};
use rv_fleet::{
    Command, Custodian, Done, Event, Haul, HaulLeg, OrderEnd, Record, Rejection, RunId, StoryKind,
};
use rv_model::{OrderKind, OrderRequest, OrderStatus, RefusalReason, ReturnReason};

use super::{START, World, delivery};

const HUB: FacilityId = FacilityId(0);
const RUN: RunId = RunId(7);

fn minutes(n: f64) -> rv_base::Timestamp {
    START + Seconds(60.0 * n)
}

/// Two drives, the last of which ends here.
fn way(unloaded_min: f64) -> Vec<HaulLeg> {
    let leg = |run, from: &str, to: &str, depart, unloaded| HaulLeg {
        run,
        from: from.into(),
        to: to.into(),
        depart: minutes(depart),
        unloaded: minutes(unloaded),
    };
    vec![
        leg(RunId(3), "Alba", "Brig", -400.0, -200.0),
        leg(RUN, "Brig", "Cork", -190.0, unloaded_min),
    ]
}

fn comes(key: &str, unloaded_min: f64) -> Command {
    let mut request = delivery(key, 33);
    request.window = TimeWindow { start: START, end: minutes(300.0) };
    Command::PlaceHauled { request, hub: HUB, haul: Haul::In(way(unloaded_min)) }
}

fn goes(key: &str) -> Command {
    let mut request = delivery(key, 33);
    request.kind = OrderKind::Collection;
    Command::PlaceHauled { request, hub: HUB, haul: Haul::Out { to: "Cork".into(), legs: vec![] } }
}

fn report(records: &[Record]) -> AuditReport {
    let mut audit = Audit::new(None);
    records.iter().for_each(|record| audit.push(record));
    audit.finish()
}

impl World {
    /// Something about trucks, for random lives.
    pub(crate) fn truck(&mut self) {
        let n = self.trucks.unwrap_or(0);
        let run = RunId(self.rng.below(n as usize + 1) as u32);
        let soon = self.now + Seconds(self.rng.range(-600.0, 5000.0));
        let _ = match self.rng.below(6) {
            0 | 1 => {
                self.trucks = Some(n + 1);
                let request = OrderRequest { kind: OrderKind::Delivery, ..self.request() };
                let leg = HaulLeg {
                    run: RunId(n),
                    from: "Alba".into(),
                    to: "here".into(),
                    depart: soon + Seconds(-7000.0),
                    unloaded: soon,
                };
                self.command(Command::PlaceHauled { request, hub: HUB, haul: Haul::In(vec![leg]) })
            }
            2 => {
                let haul = Haul::Out { to: "Alba".into(), legs: Vec::new() };
                let mut request = self.request();
                request.kind = OrderKind::Collection;
                self.command(Command::PlaceHauled { request, hub: HUB, haul })
            }
            3 => self.command(Command::ExpectTruck { run, unloaded: soon }),
            // Nobody unloads a truck before it is said to be there.
            _ => {
                let now = self.now;
                let _ = self.command(Command::ExpectTruck { run, unloaded: now });
                self.command(Command::UnloadTruck { run })
            }
        };
    }
}

#[test]
fn what_a_truck_brings_waits_for_it_and_is_delivered() {
    let mut world = World::new(1, 7, 0.0);
    world.peers[0].be_good();
    let placed = world.command(comes("a", 30.0)).unwrap();
    let Done::Placed(placed) = placed else { panic!("{placed:?}") };
    let id = placed.order;
    world.pass(29.0 * 60.0);
    assert_eq!(world.fleet.released(id), Some(minutes(30.0)));
    // The truck is an hour late.
    world.command(Command::ExpectTruck { run: RUN, unloaded: minutes(90.0) }).unwrap();
    assert_eq!(world.fleet.released(id), Some(minutes(90.0)));
    for _ in 0..60 {
        world.pass(60.0);
        let state = world.fleet.state();
        assert_eq!(state.orders[0].status, OrderStatus::Accepted, "no van takes what is not there");
        assert_eq!(state.parcels[0].custodian, Custodian::Truck(RUN));
    }
    world.restart();
    world.pass(61.0);
    world.command(Command::UnloadTruck { run: RUN }).unwrap();
    assert_eq!(
        world.command(Command::UnloadTruck { run: RUN }),
        Err(Rejection::UnknownTruck(RUN)),
        "it is empty"
    );
    world.wind_down(3 * 3600);
    let order = &world.fleet.state().orders[0];
    assert_eq!(order.status, OrderStatus::Delivered);
    let kinds: Vec<StoryKind> = order.story.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds[..3], [StoryKind::Accepted, StoryKind::TruckExpected, StoryKind::OffTruck]);
    world.audit();
    world.compare();
    world.restart();
    assert_eq!(report(&world.records).n_off_trucks, 1);
}

#[test]
fn what_is_collected_goes_on_by_truck_under_its_key() {
    let mut world = World::new(1, 7, 0.0);
    world.command(goes("far")).unwrap();
    assert_eq!(
        world.command(Command::LoadTruck { run: RunId(3) }),
        Err(Rejection::UnknownTruck(RunId(3)))
    );
    world.wind_down(2 * 3600);
    let hub = Custodian::Hub(HUB);
    assert_eq!(world.fleet.state().parcels[0].custodian, hub);
    let legs: Vec<HaulLeg> = way(900.0)
        .into_iter()
        .map(|leg| HaulLeg { depart: leg.depart + Seconds(50_000.0), ..leg })
        .collect();
    let plan = |legs: Vec<HaulLeg>| {
        let key = "far".to_owned();
        Command::PlanHaul { tenant: TenantId(1), key, legs }
    };
    let mut broken = legs.clone();
    broken.swap(0, 1);
    assert_eq!(world.command(plan(broken)), Err(Rejection::InvalidHaul));
    let legs = vec![
        HaulLeg { unloaded: minutes(700.0), depart: minutes(433.0), ..legs[0].clone() },
        HaulLeg { unloaded: minutes(900.0), depart: minutes(710.0), ..legs[1].clone() },
    ];
    world.command(plan(legs.clone())).unwrap();
    world.command(Command::LoadTruck { run: RunId(3) }).unwrap();
    assert_eq!(world.fleet.state().parcels[1].custodian, Custodian::Truck(RunId(3)));
    assert!(matches!(world.command(plan(legs)), Err(Rejection::OrderTooFar(_))), "it has left");
    world.audit();
    world.compare();
    world.restart();
    assert_eq!(report(&world.records).n_on_trucks, 1);
}

#[test]
fn a_truck_that_does_not_come_ends_its_orders() {
    let mut world = World::new(1, 7, 0.0);
    world.command(comes("a", 30.0)).unwrap();
    world.pass(60.0);
    world.command(Command::CloseDay).unwrap();
    let end = world.fleet.state().orders[0].end;
    assert_eq!(end, Some(OrderEnd::Returned(ReturnReason::TruckLate)));
    world.audit();
    // It comes in the night: the parcels are at the hub then.
    world.pass(3600.0);
    world.command(Command::UnloadTruck { run: RUN }).unwrap();
    assert_eq!(world.fleet.state().parcels[0].custodian, Custodian::Hub(HUB));
    world.audit();
    world.compare();
}

#[test]
fn ways_that_do_not_fit_are_refused() {
    let mut world = World::new(1, 7, 0.0);
    let refused = |world: &mut World, change: fn(&mut OrderRequest, &mut FacilityId, &mut Haul)| {
        let Command::PlaceHauled { mut request, mut hub, mut haul } = comes("a", 30.0) else {
            unreachable!()
        };
        change(&mut request, &mut hub, &mut haul);
        world.command(Command::PlaceHauled { request, hub, haul }).unwrap_err()
    };
    let wrong = Rejection::InvalidHaul;
    assert_eq!(refused(&mut world, |_, hub, _| *hub = FacilityId(2)), wrong);
    assert_eq!(refused(&mut world, |r, _, _| r.kind = OrderKind::Collection), wrong);
    assert_eq!(refused(&mut world, |_, _, haul| *haul = Haul::In(Vec::new())), wrong);
    // It would be unloaded after the window.
    let late = refused(&mut world, |_, _, haul| *haul = Haul::In(way(299.0)));
    assert_eq!(late, Rejection::Refused(RefusalReason::TooLate));
}

#[test]
fn the_audit_knows_trucks_by_itself() {
    let mut world = World::new(1, 7, 0.0);
    world.command(comes("a", 30.0)).unwrap();
    world.pass(1800.0);
    world.command(Command::UnloadTruck { run: RUN }).unwrap();
    let good = world.records.clone();
    assert_eq!(report(&good).violations, []);
    let bent = |bend: &dyn Fn(&mut Record)| {
        let mut records = good.clone();
        records.iter_mut().for_each(bend);
        report(&records).violations.first().map(|v| v.text.clone()).unwrap_or_default()
    };
    let early = bent(&|record| {
        if let Event::ParcelsMoved { .. } = record.event {
            record.at = START + Seconds(60.0);
        }
    });
    assert!(early.contains("time runs back") || early.contains("not there"), "{early}");
    let late = bent(&|record| {
        if let Event::HaulAccepted { haul: Haul::In(legs), .. } = &mut record.event {
            legs[1].unloaded = minutes(40.0);
        }
    });
    assert!(late.contains("which is not there"), "{late}");
    let other = bent(&|record| {
        if let Event::ParcelsMoved { from, .. } = &mut record.event {
            *from = Custodian::Truck(RunId(8));
        }
    });
    assert!(other.contains("truck drive 8"), "{other}");
    let elsewhere = bent(&|record| {
        if let Event::ParcelsMoved { to, .. } = &mut record.event {
            *to = Custodian::Recipient;
        }
    });
    assert!(elsewhere.contains("parcels go from"), "{elsewhere}");
    let broken = bent(&|record| {
        if let Event::HaulAccepted { haul: Haul::In(legs), .. } = &mut record.event {
            legs.swap(0, 1);
        }
    });
    assert!(broken.contains("is broken"), "{broken}");
}

#[test]
fn trucks_come_and_go_through_a_day_of_faults() {
    for seed in 0..4 {
        let mut world = World::new(3, 90 + seed, 0.1);
        world.trucks = Some(0);
        super::live_through(world);
    }
}
