//! Urban drives on a made-up city: judged by the referee, and the same for the same seed.

use std::sync::Arc;
use std::time::Duration;

use rv_driver::law::TrafficLaw;
use rv_map::city_lanes::CityLanes;
use rv_sim::Weather;
use rv_sim::urban::{Busy, Drive, DriveSetup, SensorModel, Walls, drive};

use rv_base::{Seconds, VanId};
use rv_wire::{Down, Up};

use crate::dispatcher::Dispatcher;
use crate::grid::grid_city;

fn setup(seed: u64) -> DriveSetup {
    let city = Arc::new(grid_city(9));
    let lanes = Arc::new(CityLanes::build(&city));
    let walls = Arc::new(Walls::of(&city, &lanes.frame));
    DriveSetup {
        city,
        lanes,
        law: TrafficLaw::shipped().remove(0),
        busy: Busy::USUAL,
        length_m: 900.0,
        seed,
        sensors: Some(SensorModel::USUAL),
        weather: Weather::Dry,
        walls,
        with_human: false,
    }
}

fn driven(setup: &DriveSetup, number: u64) -> Drive {
    drive(setup, number, &|| Duration::ZERO, &mut |_| {}).expect("the grid has ways")
}

#[test]
fn drives_touch_nobody_and_stop_at_red() {
    let setup = setup(7);
    let drives: Vec<Drive> = (0..12).map(|n| driven(&setup, n)).collect();
    let km: f64 = drives.iter().map(|d| d.found.driven_m / 1000.0).sum();
    assert!(km > 8.0, "{km} km");
    for d in &drives {
        assert_eq!(d.found.contacts_at_fault, 0, "drive {}: {:?}", d.number, d.contacts);
        assert_eq!((d.found.red_lights, d.found.outside_permit_m), (0, 0.0), "drive {}", d.number);
    }
    let arrived = drives.iter().filter(|d| d.is_arrived).count();
    assert!(arrived >= 11, "{arrived} of {} arrived", drives.len());
}

#[test]
fn one_seed_makes_one_drive() {
    let (a, b) = (driven(&setup(3), 1), driven(&setup(3), 1));
    assert_eq!((a.found, a.contacts), (b.found, b.contacts));
    let other = driven(&setup(4), 1);
    assert_ne!(a.n_cycles, other.n_cycles);
}

#[test]
fn vans_driven_in_detail_do_their_tours_and_show_what_they_see() {
    let city = Arc::new(grid_city(8));
    let mut twin = crate::twin_of(&city, 3, |c| c.n_detailed = 2);
    let mut fleet = Dispatcher::new(&city, city.facilities[0].stop, 3, 3);
    let until = twin.now() + Seconds(8.0 * 3600.0);
    fleet.tell(VanId(0), Down::Show { until });
    fleet.tell(VanId(2), Down::Show { until });
    fleet.run(&mut twin, 3 * 3600);
    assert_eq!(fleet.n_done(901), 3, "every van came home");
    assert_eq!(twin.n_overruns(), 0);
    let sights = |van: u32| {
        fleet.heard[&VanId(van)].iter().filter_map(|up| match up {
            Up::Sight(report) => Some(report),
            _ => None,
        })
    };
    let n_seen: usize = sights(0).map(|s| s.seen.len()).sum();
    assert!(sights(0).count() > 60 && n_seen > 60, "{} {n_seen}", sights(0).count());
    assert!(sights(0).all(|s| s.plan.len() > 3 && !s.reason.is_empty()));
    assert_eq!(sights(2).count(), 0, "the third is driven by the simpler model");
}
