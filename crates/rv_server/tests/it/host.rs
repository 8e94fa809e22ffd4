//! What is acknowledged is kept, over full disks and restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rv_base::{Kilograms, PlaceId, Rng, Seconds, TenantId, TimeWindow, Timestamp};
use rv_fleet::{Actor, Command, Done, Event, Placed, Rejection};
use rv_model::{Handover, OrderKind, OrderRequest, Site};
use rv_server::host::{Core, HostError, OpenError, Pending};
use rv_server::ledger::Records;
use rv_server::store::{FaultPlan, FaultyStore, SqliteStore, Store, verify};
use tokio::sync::oneshot;

use crate::support::{TempDir, setup, town};

type Answer = oneshot::Receiver<Result<Done, HostError>>;

fn open(path: &Path, plan: &FaultPlan) -> Core {
    let store = SqliteStore::open(path).unwrap();
    Core::open(setup(Box::new(FaultyStore::new(store, plan.clone())), 3)).unwrap()
}

fn place(key: &str) -> Command {
    let start = Timestamp::from_secs(1_772_433_000);
    Command::PlaceOrder(OrderRequest {
        key: key.into(),
        tenant: TenantId(1),
        kind: OrderKind::Delivery,
        site: Site::Place(PlaceId(20)),
        handover: Handover::Door,
        n_parcels: 1,
        parcel_mass: Kilograms(2.0),
        window: TimeWindow { start, end: start + Seconds(8.0 * 3600.0) },
    })
}

fn pending(command: Command) -> (Pending, Answer) {
    let (reply, answer) = oneshot::channel();
    (Pending { actor: Actor::ADMIN, command, reply }, answer)
}

/// One command in one tick that lets a second pass.
fn ask(core: &mut Core, command: Command) -> Result<Done, HostError> {
    let (pending, mut answer) = pending(command);
    core.tick(Seconds(1.0), vec![pending], None);
    answer.try_recv().expect("every command is answered by the end of its tick")
}

/// Keys of accepted orders in the ledger, with how often each stands there.
fn keys_in(path: &Path) -> BTreeMap<String, u32> {
    let store = SqliteStore::open(path).unwrap();
    verify(&store).unwrap();
    let mut keys = BTreeMap::new();
    for record in Records::after(&store, 0) {
        if let Event::OrderAccepted { order, .. } = record.event {
            *keys.entry(order.request.key).or_default() += 1;
        }
    }
    keys
}

#[test]
fn an_order_is_placed_once_and_survives_a_restart() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let plan = FaultPlan::healthy();
    let mut core = open(&path, &plan);
    let Done::Placed(first) = ask(&mut core, place("a")).unwrap() else { panic!("not placed") };
    assert!(!first.is_repeat);
    core.tick(Seconds(600.0), Vec::new(), None);
    let clock = core.clock();
    assert_eq!(clock.now, Timestamp::from_secs(1_772_433_000 + 601));
    core.close().unwrap();
    drop(core);

    let mut core = open(&path, &plan);
    assert_eq!(core.clock(), clock);
    assert_eq!(core.reader().unwrap().fleet.state().session, 2);
    let again = ask(&mut core, place("a")).unwrap();
    assert_eq!(again, Done::Placed(Placed { is_repeat: true, ..first }));
    drop(core);
    assert_eq!(keys_in(&path), BTreeMap::from([("a".into(), 1)]));
}

#[test]
fn a_full_disk_refuses_and_then_goes_on() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let plan = FaultPlan::healthy();
    let mut core = open(&path, &plan);
    ask(&mut core, place("a")).unwrap();
    plan.fill_disk_after(0);
    let error = ask(&mut core, place("b")).unwrap_err();
    let HostError::Unavailable { reason, hint } = &error else { panic!("{error}") };
    assert_eq!(reason, "the disk is full");
    assert!(hint.contains("nothing accepted is lost"));
    assert!(core.reader().is_err());
    assert!(matches!(ask(&mut core, place("c")), Err(HostError::Unavailable { .. })));
    plan.free_disk();
    let n_ticks = (0..100).find(|_| {
        core.tick(Seconds(1.0), Vec::new(), None);
        core.reader().is_ok()
    });
    assert!(n_ticks.is_some(), "it goes on by itself");
    ask(&mut core, place("b")).unwrap();
    core.close().unwrap();
    drop(core);
    assert_eq!(keys_in(&path), BTreeMap::from([("a".into(), 1), ("b".into(), 1)]));
}

/// Disks that fill up, crashes without a clean end, and repeated requests, at random: whatever was
/// acknowledged stands in the ledger exactly once.
#[test]
fn nothing_acknowledged_is_lost_or_doubled() {
    for seed in 0..4 {
        let dir = TempDir::new();
        let path = dir.path().join("fleet.db");
        let plan = FaultPlan::healthy();
        let mut rng = Rng::from_seed(seed);
        let mut core = open(&path, &plan);
        let mut acknowledged = BTreeSet::new();
        for _ in 0..300 {
            let key = format!("k{}", rng.below(120));
            match ask(&mut core, place(&key)) {
                Ok(_) => {
                    acknowledged.insert(key);
                }
                Err(HostError::Unavailable { .. }) => {}
                Err(error) => panic!("seed {seed}: {error}"),
            }
            if rng.chance(0.05) {
                plan.fill_disk_after(rng.below(3) as u32);
            }
            if rng.chance(0.1) {
                plan.free_disk();
            }
            if rng.chance(0.03) {
                plan.free_disk();
                drop(core);
                core = open(&path, &plan);
            }
        }
        drop(core);
        let keys = keys_in(&path);
        assert!(keys.values().all(|n| *n == 1), "seed {seed}: an order was doubled");
        let lost: Vec<_> = acknowledged.iter().filter(|key| !keys.contains_key(*key)).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?} were acknowledged and are lost");
        assert!(acknowledged.len() > 50);
    }
}

#[test]
fn a_rejection_is_an_answer_too() {
    let dir = TempDir::new();
    let mut core = open(&dir.path().join("fleet.db"), &FaultPlan::healthy());
    let order = rv_base::OrderId(7);
    let error = ask(&mut core, Command::CancelOrder { order }).unwrap_err();
    assert_eq!(error, HostError::Rejected(Rejection::UnknownOrder(order)));
}

#[test]
fn a_ledger_of_another_city_is_refused() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let mut core = open(&path, &FaultPlan::healthy());
    core.tick(Seconds(1.0), Vec::new(), None);
    core.close().unwrap();
    drop(core);
    let mut other = setup(Box::new(SqliteStore::open(&path).unwrap()), 3);
    other.city = town(5).into();
    let error = Core::open(other).err().unwrap();
    assert!(matches!(error, OpenError::Restore(_)), "{error}");
    assert!(error.hint().contains("city"));
}

#[test]
fn a_damaged_record_is_refused() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let mut core = open(&path, &FaultPlan::healthy());
    core.tick(Seconds(1.0), Vec::new(), None);
    core.close().unwrap();
    drop(core);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE ledger SET body = x'0011' WHERE position = 1", []).unwrap();
    drop(connection);
    let store: Box<dyn Store> = Box::new(SqliteStore::open(&path).unwrap());
    let error = Core::open(setup(store, 3)).err().unwrap();
    assert!(matches!(error, OpenError::Store(_)), "{error}");
}

#[test]
fn the_time_before_anybody_watches_passes_at_once_and_once_only() {
    let dir = TempDir::new();
    let path = dir.path().join("fleet.db");
    let open = |speed| {
        let store = SqliteStore::open(&path).unwrap();
        let mut setup = setup(Box::new(store), 3);
        setup.begin = setup.start + Seconds(5400.0);
        setup.speed = speed;
        setup.speed_at_start = 10.0;
        Core::open(setup).unwrap()
    };
    let mut paused = open(Some(0.0));
    paused.run_up(Duration::from_secs(3600));
    assert_eq!(paused.clock().now, Timestamp::from_secs(1_772_433_000));
    drop(paused);

    let mut core = open(None);
    assert_eq!(core.clock().speed, 10.0, "an empty store begins at the usual speed");
    core.run_up(Duration::ZERO);
    assert_eq!(core.clock().now, Timestamp::from_secs(1_772_433_000), "no wall time, no run");
    core.run_up(Duration::from_secs(3600));
    let begin = Timestamp::from_secs(1_772_433_000 + 5400);
    assert_eq!((core.clock().now, core.lag()), (begin, Seconds::ZERO));
    core.tick(Seconds(7.0), Vec::new(), None);
    core.set_speed(3.0);
    core.close().unwrap();
    drop(core);

    let mut core = open(None);
    core.run_up(Duration::from_secs(3600));
    assert_eq!((core.clock().now, core.clock().speed), (begin + Seconds(7.0), 3.0));
}
