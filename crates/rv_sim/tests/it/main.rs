//! The twin under the simplest of fleets, and under the real one.
#![allow(clippy::unwrap_used)]

mod days;
mod dispatcher;
mod grid;
mod kerb;
mod platoon;
mod steady;
mod town;
mod urban;
mod yard;

use std::collections::BTreeMap;
use std::sync::Arc;

use dispatcher::Dispatcher;
use rv_base::{Seconds, VanId, WattHours};
use rv_fleet::{Command, FleetConfig};
use rv_map::City;
use rv_sim::{DemandDay, DemandModel, Fault, FaultRates, LinkModel, Twin, TwinConfig, Weather};
use rv_wire::{NotHandedOver, OnboardState, TaskResult, Up};

fn twin_of(city: &Arc<City>, n_vans: u32, change: impl Fn(&mut TwinConfig)) -> Twin {
    let fleet = FleetConfig::for_city(city, n_vans, 1);
    let mut config = TwinConfig::usual(1, 0, Seconds(8.0 * 3600.0));
    change(&mut config);
    Twin::new(Arc::clone(city), fleet, config).unwrap()
}

fn run(n_vans: u32, seconds: i64, change: impl Fn(&mut TwinConfig)) -> (Twin, Dispatcher) {
    let city = Arc::new(grid::grid_city(8));
    let mut twin = twin_of(&city, n_vans, change);
    let mut fleet = Dispatcher::new(&city, city.facilities[0].stop, n_vans, 6);
    fleet.run(&mut twin, seconds);
    (twin, fleet)
}

#[test]
fn tours_are_driven_and_nearly_everything_is_handed_over() {
    let (mut twin, fleet) = run(10, 4 * 3600, |_| {});
    assert_eq!(fleet.n_done(901), 10, "every van came home");
    let n_of = |is_it: fn(&TaskResult) -> bool| fleet.results().filter(|r| is_it(r)).count();
    assert_eq!(n_of(|r| matches!(r, TaskResult::Loaded)), 70);
    let n_handed = n_of(|r| matches!(r, TaskResult::HandedOver(_)));
    let n_not = n_of(|r| matches!(r, TaskResult::NotHandedOver(_)));
    assert_eq!(n_handed + n_not, 60);
    assert!(n_handed >= 54, "{n_handed}");
    assert_eq!(n_of(|r| matches!(r, TaskResult::Charged { .. })), 10);
    assert_eq!(twin.n_overruns(), 0);
    for (van, driven) in twin.take_driven() {
        let seen = twin.glimpse(van).unwrap();
        assert_eq!(seen.state, OnboardState::Idle);
        assert!(seen.stored > WattHours(31_000.0), "charged: {}", seen.stored);
        assert!(driven.windows(2).all(|w| w[0].left <= w[1].entered && w[0].entered <= w[0].left));
        // What the van reported is what it drove.
        let reported: f64 = fleet.heard[&van]
            .iter()
            .filter_map(|up| match up {
                Up::Arrived { distance, .. } => Some(distance.0),
                _ => None,
            })
            .sum();
        assert!((reported - seen.odometer.0).abs() < 1e-6 && reported > 2_000.0, "{reported}");
    }
}

#[test]
fn the_same_seed_gives_the_same_messages_and_another_does_not() {
    let heard = |seed| run(4, 3600, |c| c.seed = seed).1.heard;
    assert_eq!(heard(1), heard(1));
    assert_ne!(heard(1), heard(2));
}

#[test]
fn a_twin_restored_from_its_rows_goes_on_as_if_nothing_had_happened() {
    let city = Arc::new(grid::grid_city(8));
    let make = || {
        let twin = twin_of(&city, 4, |c| c.faults = FaultRates::HEAVY);
        (twin, Dispatcher::new(&city, city.facilities[0].stop, 4, 6))
    };
    let (mut twin, mut fleet) = make();
    fleet.run(&mut twin, 5400);
    let (mut again, mut other) = make();
    let mut rows = BTreeMap::new();
    for _ in 0..54 {
        other.run(&mut again, 100);
        rows.extend(again.dirty_snapshots());
        // Positions are stored only now and then, so ask for everything here.
        let fleet_config = FleetConfig::for_city(&city, 4, 1);
        let mut config = TwinConfig::usual(1, 0, Seconds(8.0 * 3600.0));
        config.faults = FaultRates::HEAVY;
        let restored =
            Twin::restore(Arc::clone(&city), fleet_config, config, rows.clone()).unwrap();
        assert_eq!(restored.now(), again.now());
        again = restored;
    }
    let ends =
        |f: &Dispatcher| f.results().filter(|r| matches!(r, TaskResult::HandedOver(_))).count();
    let (a, b) = (ends(&fleet), ends(&other));
    assert!(a > 0 && b.abs_diff(a) <= 4, "{a} {b}");
    let missing = Twin::restore(
        Arc::clone(&city),
        FleetConfig::for_city(&city, 5, 1),
        TwinConfig::usual(1, 0, Seconds(3600.0)),
        rows.clone(),
    );
    assert_eq!(missing.unwrap_err().to_string(), "stored row 'van/4' is missing");
    rows.insert("van/0".into(), vec![1, 2, 3]);
    let broken = Twin::restore(
        Arc::clone(&city),
        FleetConfig::for_city(&city, 4, 1),
        TwinConfig::usual(1, 0, Seconds(3600.0)),
        rows,
    );
    assert_eq!(broken.unwrap_err().to_string(), "stored row 'van/0' cannot be read");
}

#[test]
fn a_bad_link_loses_no_report() {
    let (_, good) = run(3, 3 * 3600, |_| {});
    let (_, bad) = run(3, 3 * 3600, |c| c.link = LinkModel::BAD);
    assert_eq!(good.n_done(901), 3);
    assert_eq!(bad.n_done(901), 3);
    let n_tasks = |f: &Dispatcher| f.results().count();
    assert_eq!(n_tasks(&good), n_tasks(&bad));
}

#[test]
fn weather_slows_vans_down() {
    let odometer = |weather| {
        let (twin, _) = run(3, 1500, |c| c.weather = weather);
        (0..3).map(|v| twin.glimpse(VanId(v)).unwrap().odometer.0).sum::<f64>()
    };
    let (dry, snow) = (odometer(Weather::Dry), odometer(Weather::Snow));
    assert!(snow < dry && dry > 1_000.0, "{snow} {dry}");
}

#[test]
fn injected_faults_do_what_they_say() {
    let city = Arc::new(grid::grid_city(8));
    let mut twin = twin_of(&city, 3, |_| {});
    let mut fleet = Dispatcher::new(&city, city.facilities[0].stop, 3, 6);
    fleet.run(&mut twin, 20);
    let until = twin.now() + Seconds(7200.0);
    twin.inject(Fault::VanDead { van: VanId(0) }).unwrap();
    twin.inject(Fault::LinkLost { van: VanId(1), until: twin.now() + Seconds(600.0) }).unwrap();
    for order in 2001..=2006 {
        twin.inject(Fault::AddressWrong { order: rv_base::OrderId(order) }).unwrap();
    }
    twin.inject(Fault::LockerJammed { facility: rv_base::FacilityId(2), until }).unwrap();
    let n_before = fleet.heard[&VanId(1)].len();
    fleet.run(&mut twin, 500);
    assert_eq!(fleet.heard[&VanId(1)].len(), n_before, "out of reach");
    fleet.run(&mut twin, 3 * 3600);
    assert_eq!(twin.glimpse(VanId(0)).unwrap().state, OnboardState::MinimalRisk);
    assert_eq!(fleet.n_done(901), 2, "the others come home");
    let of_third: Vec<_> = fleet.heard[&VanId(2)]
        .iter()
        .filter_map(|up| match up {
            Up::Task { result, .. } if !matches!(result, TaskResult::Loaded) => Some(result),
            _ => None,
        })
        .collect();
    assert!(
        of_third[..6]
            .iter()
            .all(|r| matches!(r, TaskResult::NotHandedOver(NotHandedOver::NobodyThere))),
        "{of_third:?}"
    );
    assert!(matches!(of_third[6], TaskResult::Dropped { left_over, .. } if left_over.len() == 1));
    assert!(twin.inject(Fault::VanDead { van: VanId(9) }).is_err());
}

#[test]
fn a_days_demand_has_the_parcels_and_shares_asked_for() {
    let city = grid::grid_city(10);
    let tenants = FleetConfig::for_city(&city, 4, 1).tenants;
    let start = rv_sim::USUAL_START;
    let day = DemandDay {
        start,
        length: Seconds(12.0 * 3600.0),
        n_parcels: 5_000,
        utc_offset: Seconds::ZERO,
        seed: 7,
    };
    let planned = DemandModel::USUAL.orders(&city, &tenants, &day);
    let mut keys = std::collections::BTreeSet::new();
    let (mut n_parcels, mut n_lockers) = (0, 0);
    for p in &planned {
        let orders = match &p.command {
            Command::PlaceOrder(order) => std::slice::from_ref(order),
            Command::PlaceOrders(orders) => orders,
            other => panic!("{other:?}"),
        };
        for order in orders {
            order.check().unwrap();
            assert!(keys.insert((order.tenant, order.key.clone())));
            assert!(order.window.start >= start && order.window.end <= start + day.length);
            assert!(p.at <= order.window.start);
            n_parcels += u32::from(order.n_parcels);
            n_lockers += u32::from(order.handover == rv_model::Handover::Locker);
        }
    }
    assert_eq!(n_parcels, 5_000);
    let share = f64::from(n_lockers) / (5_000.0 * 0.58);
    assert!((share - 0.2).abs() < 0.06, "{share}");
    assert!(planned.windows(2).all(|w| w[0].at <= w[1].at));
    assert_eq!(planned, DemandModel::USUAL.orders(&city, &tenants, &day));
}
