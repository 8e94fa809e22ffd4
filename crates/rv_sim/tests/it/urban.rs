//! Urban drives on a made-up city: judged by the referee, and the same for the same seed.

use std::sync::Arc;
use std::time::Duration;

use rv_driver::law::TrafficLaw;
use rv_map::city_lanes::CityLanes;
use rv_sim::Weather;
use rv_sim::urban::{Busy, Drive, DriveSetup, SensorModel, Walls, drive};

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
