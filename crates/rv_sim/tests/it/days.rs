//! Whole days with the real fleet.

use std::ops::ControlFlow;
use std::sync::Arc;

use rv_base::{EdgeId, Seconds, Timestamp};
use rv_fleet::{Fleet, FleetConfig};
use rv_map::City;
use rv_sim::day::{self, DayConfig, DayResult};
use rv_sim::torture::{TortureSize, district, driven_outside, torture_day, verdict};
use rv_sim::{FaultRates, Jam, TwinConfig};

use crate::grid::grid_city;

fn config(city: &City, seed: u64, n_threads: usize) -> DayConfig {
    let fleet = FleetConfig::for_city(city, 6, seed);
    let twin = TwinConfig::usual(seed, 150, Seconds(4.0 * 3600.0));
    DayConfig { n_threads, ..DayConfig::new(fleet, twin) }
}

fn run(city: &Arc<City>, config: &DayConfig) -> (DayResult, Fleet, Vec<u8>) {
    let mut ledger = Vec::new();
    let mut sink = |_: &rv_fleet::Record, bytes: &[u8]| ledger.extend_from_slice(bytes);
    let mut watch = |_| ControlFlow::Continue(());
    let (result, fleet) = day::run(city, config, &mut sink, &mut watch).unwrap();
    (result, fleet, ledger)
}

#[test]
fn a_day_without_faults_delivers_nearly_all_in_time() {
    let city = Arc::new(grid_city(10));
    let (result, fleet, _) = run(&city, &config(&city, 1, 2));
    assert_eq!(verdict(&city, &result, &fleet), Vec::<String>::new());
    let audit = &result.audit;
    assert!(audit.n_accepted >= 80, "{audit:?}");
    assert!(audit.on_time_share() >= 0.9, "{}", audit.on_time_share());
    assert!(audit.driven.0 > 10_000.0 && audit.energy.0 > 1_000.0);
    assert!(!result.is_partial && result.history.len() > 40);
}

#[test]
fn the_ledger_depends_on_the_seed_alone() {
    let city = Arc::new(grid_city(8));
    let with = |seed, n_threads| {
        let mut config = config(&city, seed, n_threads);
        config.twin.faults = FaultRates::HEAVY;
        let (result, _, ledger) = run(&city, &config);
        (result.ledger, ledger)
    };
    let first = with(3, 1);
    assert_eq!(first, with(3, 1), "on repeat");
    assert_eq!(first, with(3, 3), "on three threads");
    assert_ne!(first.0, with(4, 1).0, "another seed");
}

#[test]
fn the_ledger_is_the_same_on_repeat_with_vans_driven_in_detail() {
    let city = Arc::new(grid_city(8));
    let with = |n_detailed, n_threads| {
        let fleet = FleetConfig::for_city(&city, 3, 5);
        let mut twin = TwinConfig::usual(5, 30, Seconds(3600.0));
        twin.n_detailed = n_detailed;
        let config = DayConfig { n_threads, ..DayConfig::new(fleet, twin) };
        let (result, fleet, ledger) = run(&city, &config);
        assert_eq!(verdict(&city, &result, &fleet), Vec::<String>::new());
        assert!(result.audit.driven.0 > 3_000.0, "{}", result.audit.driven.0);
        ledger
    };
    let first = with(2, 1);
    assert_eq!(first, with(2, 3));
    assert_ne!(first, with(0, 1), "the simpler model drives otherwise");
}

/// The old town that is bundled, with its one-way lanes, dead ends and hills.
#[test]
fn vans_driven_in_detail_serve_an_old_town_with_few_calls() {
    const MONACO: &[u8] = include_bytes!("../../../../data/monaco/monaco.osm.pbf");
    let options = rv_import::ImportOptions::named("Monaco");
    let city = Arc::new(rv_import::build_city(MONACO, &options).unwrap().0);
    let fleet = FleetConfig::for_city(&city, 8, 1);
    let mut twin = TwinConfig::usual(1, 200, Seconds(3600.0));
    twin.n_detailed = 4;
    let config = DayConfig { n_threads: 2, ..DayConfig::new(fleet, twin) };
    let (result, fleet, _) = run(&city, &config);
    assert_eq!(verdict(&city, &result, &fleet), Vec::<String>::new());
    assert!(result.audit.on_time_share() >= 0.97, "{:?}", result.audit);
    assert!(result.tally.n_tickets <= 8, "{} calls", result.tally.n_tickets);
}

#[test]
fn a_day_can_be_stopped_early() {
    let city = Arc::new(grid_city(6));
    let mut n_calls = 0;
    let mut watch = |_| {
        n_calls += 1;
        if n_calls < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let (result, _) = day::run(&city, &config(&city, 1, 1), &mut |_, _| {}, &mut watch).unwrap();
    assert!(result.is_partial && !result.audit.is_closed);
    assert_eq!(result.audit.n_violations, 0, "{:?}", result.audit.violations);
}

#[test]
fn twenty_days_in_which_everything_goes_wrong_break_no_invariant() {
    let city = Arc::new(grid_city(8));
    let size = TortureSize { n_vans: 4, n_parcels: 60, hours: 3.0 };
    let mut broken = Vec::new();
    let mut happened = std::collections::BTreeSet::new();
    for seed in 1..=20 {
        let (result, fleet, _) = run(&city, &torture_day(&city, size, seed));
        for what in verdict(&city, &result, &fleet) {
            broken.push(format!("seed {seed}: {what}"));
        }
        happened.extend(result.happened.into_keys());
    }
    assert!(broken.is_empty(), "{broken:#?}");
    let must_happen = [
        "area_closed",
        "door_stuck",
        "fleet_crash",
        "link_lost",
        "locker_jammed",
        "message_lost",
        "message_repeated",
        "road_blocked",
        "road_closed",
        "sensor_degraded",
        "van_dead",
        "van_reboot",
    ];
    for kind in must_happen {
        assert!(happened.contains(kind), "{kind} never happened: {happened:?}");
    }
}

/// A district closed to all vans in the second hour of the day.
fn with_district(city: &City, seed: u64) -> DayConfig {
    let mut config = config(city, seed, 2);
    let mut rng = rv_base::Rng::from_seed(seed);
    let hours = rv_base::HourSet::daily(7, 8);
    let area = district(city, rv_base::Meters(180.0), hours, &mut rng).expect("room for one");
    config.fleet.forbid("district", &[rv_model::VehicleKind::Van], vec![area], |_| true);
    config
}

#[test]
fn vans_keep_out_of_a_closed_district_and_would_not_without_it() {
    let city = Arc::new(grid_city(10));
    let bound = with_district(&city, 5);
    let (kept, fleet, _) = run(&city, &bound);
    assert_eq!(verdict(&city, &kept, &fleet), Vec::<String>::new());
    assert_eq!(driven_outside(&city, &kept.rules, &kept), Ok(rv_base::Meters::ZERO));
    assert!(kept.audit.n_delivered > 60, "{:?}", kept.audit);
    // The same day without the district, held against its permits.
    let (free, _, _) = run(&city, &config(&city, 5, 2));
    let outside = driven_outside(&city, &kept.rules, &free).expect("the same fleet");
    assert!(outside > rv_base::Meters(500.0), "{outside:?} driven where it would be forbidden");
    assert_ne!(free.ledger, kept.ledger);
}

/// How often vans came onto some edges between two moments.
fn n_entered(result: &DayResult, edges: &[EdgeId], from: Timestamp, until: Timestamp) -> usize {
    let all = result.driven.iter().flat_map(|(_, driven)| driven);
    all.filter(|d| (from..until).contains(&d.entered) && edges.contains(&d.edge)).count()
}

#[test]
fn vans_drive_round_a_jam_that_the_fleet_is_told_of_while_it_lasts() {
    let city = Arc::new(grid_city(10));
    // A column of streets in the middle, which most ways across the city could take.
    let is_column = |edge: &EdgeId| {
        let edge = city.graph.edge(*edge);
        [edge.tail, edge.head].iter().all(|end| (4..=5).contains(&(end.idx() % 10)))
    };
    let edges: Vec<EdgeId> =
        (0..city.graph.n_edges()).map(EdgeId::from_idx).filter(is_column).collect();
    let (mut usual, mut round) = (0, 0);
    for seed in 5..8 {
        let free = config(&city, seed, 2);
        let start = free.twin.start;
        let (from, until) = (start + Seconds(3600.0), start + Seconds(3.0 * 3600.0));
        let mut jammed = free.clone();
        jammed.twin.traffic.jams = vec![Jam { edges: edges.clone(), from, until, factor: 8.0 }];
        let (before, _, _) = run(&city, &free);
        let (after, fleet, _) = run(&city, &jammed);
        assert_eq!(verdict(&city, &after, &fleet), Vec::<String>::new());
        assert_eq!(fleet.state().traffic_epoch, 2, "told when it began and when it ended");
        assert!(fleet.state().traffic.is_empty());
        usual += n_entered(&before, &edges, from, until);
        round += n_entered(&after, &edges, from, until);
        assert!(after.audit.n_delivered * 10 >= before.audit.n_delivered * 9);
    }
    // Stops in the column are served all the same.
    assert!(usual > 120 && round * 5 < usual * 4, "{round} of {usual}");
}
