//! Urban drives on a made-up city: judged by the referee, and the same for the same seed.

use std::sync::Arc;
use std::time::Duration;

use rv_driver::law::TrafficLaw;
use rv_driver::tracking::{Class, Track};
use rv_driver::trajectory::State;
use rv_driver::urban::{CYCLE_S, Gear, Sight, VanDriver, View, Way};
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};
use rv_map::{ForbiddenPath, RoadMark, RoadMarkKind};
use rv_sim::Weather;
use rv_sim::plant::PlantKind;
use rv_sim::urban::{
    Busy, Drive, DriveSetup, Ends, Route, SensorModel, Walls, drive, drive_many, usual_van,
    way_around,
};

use rv_base::{EdgeId, Point2, Seconds, VanId};
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
        plant: PlantKind::Kinematic,
        ends: Ends::Lane,
        route: Route::Onwards,
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
    // Both set out from a bay of their hub's yard, and are back in one.
    let manoeuvred = twin.manoeuvred();
    assert_eq!((manoeuvred.n_turned_away, manoeuvred.n_entered_bay), (0, 2), "{manoeuvred:?}");
    assert!(manoeuvred.n_left_bay >= 2, "{manoeuvred:?}");
    // Who parked at the kerb at a stop came out again.
    let (parked, out) = (manoeuvred.n_parked, manoeuvred.n_pulled_out);
    assert!(parked >= 1 && parked == out, "{manoeuvred:?}");
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

/// A van that stands behind a parked truck, nose to tail: where it is after a while, whether it has
/// been in reverse, and the least room between the two.
fn behind_a_truck(gap_m: f64, seconds: usize) -> (f64, bool, f64) {
    let city = grid_city(9);
    let lanes = CityLanes::build(&city);
    let law = TrafficLaw::shipped().remove(0);
    // Straight through five blocks.
    let start = (0..city.graph.n_edges()).map(EdgeId::from_idx).find(|e| {
        let ends = city.graph.edge(*e);
        ends.tail.idx() == 36 && ends.head.idx() == 37
    });
    let mut edges = vec![start.expect("the grid has this street")];
    for to in 38..41 {
        let here = city.graph.edge(edges[edges.len() - 1]).head;
        let next = city.graph.out_edges(here).find(|e| city.graph.edge(*e).head.idx() == to);
        edges.push(next.expect("it goes on"));
    }
    let vehicle = usual_van();
    let way = Way::lay(&lanes, &law, &edges, (30.0, 60.0), 12.0).expect("lanes lead along");
    let (centre, heading) = way.pose(8.0);
    let truck_m = 8.0 + vehicle.length_m / 2.0 + gap_m + 2.8;
    let (at, truck_heading) = way.pose(truck_m);
    let truck = Track {
        id: 7,
        class: Class::Truck,
        centre: Point2 {
            x_m: at.x_m + 0.6 * truck_heading.sin(),
            y_m: at.y_m - 0.6 * truck_heading.cos(),
        },
        heading_rad: truck_heading,
        speed_mps: 0.0,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.0,
        half_m: (2.8, 1.0),
        sigma: (0.1, 0.1),
        stood_s: 60.0,
        is_emergency: false,
    };
    let mut driver = VanDriver::new(vehicle, way);
    let mut state = State::at_centre(&vehicle, centre, heading, 0.0);
    let (mut acceleration_mps2, mut has_backed, mut least_m) = (0.0, false, f64::INFINITY);
    for k in 0..seconds * 10 {
        let from = state.centre(&vehicle);
        let view = View::open(from, 110.0);
        let signals: Vec<_> = (0..lanes.lanes().len() as u32)
            .map(rv_map::city_lanes::CityLaneId)
            .filter(|l| lanes.lane(*l).signal.is_some())
            .map(|l| (l, rv_map::lanes::Aspect::Green))
            .collect();
        let sight = Sight {
            at: Seconds(k as f64 * CYCLE_S),
            age_s: 0.0,
            state,
            acceleration_mps2,
            tracks: &[truck],
            signals: &signals,
            view: &view,
            weather_share: 1.0,
        };
        let decision = driver.cycle(&lanes, &law, &sight);
        has_backed |= decision.gear == Gear::Reverse;
        let before = state.speed_mps;
        state = decision.driven(&vehicle, &state, 12.0, CYCLE_S);
        acceleration_mps2 = (state.speed_mps - before) / CYCLE_S;
        // Room by the corners of the van in the truck's frame.
        let (sin, cos) = truck.heading_rad.sin_cos();
        for (l, w) in [(1.65, 0.625), (1.65, -0.625), (-1.65, 0.625), (-1.65, -0.625)] {
            let (s, c) = state.heading_rad.sin_cos();
            let p = state.centre(&vehicle);
            let (x, y) = (p.x_m + l * c - w * s, p.y_m + l * s + w * c);
            let (dx, dy) = (x - truck.centre.x_m, y - truck.centre.y_m);
            let along = (dx * cos + dy * sin).abs() - truck.half_m.0;
            let across = (dy * cos - dx * sin).abs() - truck.half_m.1;
            least_m = least_m.min(along.max(across));
        }
    }
    (driver.place(&state).0 - truck_m, has_backed, least_m)
}

#[test]
fn a_van_too_near_to_get_around_backs_off_first() {
    let (beyond_m, has_backed, least_m) = behind_a_truck(0.8, 90);
    assert!(has_backed && beyond_m > 10.0, "{beyond_m} {has_backed}");
    assert!(least_m > 0.05, "{least_m}");
    // With room in front it goes around at once.
    let (beyond_m, has_backed, least_m) = behind_a_truck(7.0, 60);
    assert!(!has_backed && beyond_m > 10.0, "{beyond_m} {has_backed}");
    assert!(least_m > 0.2, "{least_m}");
}

/// The grid with a stop sign on every street that runs across.
fn signed_grid() -> rv_map::City {
    let mut city = grid_city(9);
    city.marks = (0..city.graph.n_edges())
        .map(EdgeId::from_idx)
        .filter(|e| {
            let ends = city.graph.edge(*e);
            ends.tail.idx() / 9 == ends.head.idx() / 9
        })
        .map(|edge| {
            let offset = city.graph.edge(edge).length - rv_base::Meters(6.0);
            RoadMark { at: rv_base::RoadPosition { edge, offset }, kind: RoadMarkKind::Stop }
        })
        .collect();
    city
}

#[test]
fn a_stop_sign_binds_and_gives_the_other_road_the_right_of_way() {
    let city = Arc::new(signed_grid());
    let lanes = Arc::new(CityLanes::build(&city));
    let law = TrafficLaw::shipped().remove(0);
    let mut n_second = 0;
    for i in 0..lanes.lanes().len() as u32 {
        let id = CityLaneId(i);
        let CityLaneKind::Turn { from, .. } = lanes.lane(id).kind else { continue };
        let stops = |e: EdgeId| city.marks.iter().any(|m| m.at.edge == e);
        let is_signal = lanes.before(id).first().is_some_and(|b| lanes.lane(*b).signal.is_some());
        for c in lanes.conflicts(id) {
            let CityLaneKind::Turn { from: other, .. } = lanes.lane(c.other).kind else { continue };
            if !is_signal && stops(from) && !stops(other) {
                assert_eq!(law.precedence(&lanes, id, c.other), rv_driver::law::Precedence::Second);
                assert_eq!(law.precedence(&lanes, c.other, id), rv_driver::law::Precedence::First);
                n_second += 1;
            }
        }
    }
    assert!(n_second > 20, "{n_second}");
    let setup = DriveSetup { city, lanes, ..setup(5) };
    let drives: Vec<Drive> = (0..6).map(|n| driven(&setup, n)).collect();
    for d in &drives {
        let found = (d.found.stop_signs, d.found.red_lights, d.found.contacts_at_fault);
        assert_eq!(found, (0, 0, 0), "drive {}", d.number);
    }
    assert!(drives.iter().filter(|d| d.is_arrived).count() >= 5);
}

#[test]
fn another_way_leaves_the_junction_by_another_road_and_leads_to_the_same_goal() {
    let city = grid_city(9);
    let lanes = CityLanes::build(&city);
    let edge = |from: usize, to: usize| {
        let is_it = |e: &EdgeId| {
            let ends = city.graph.edge(*e);
            (ends.tail.idx(), ends.head.idx()) == (from, to)
        };
        (0..city.graph.n_edges()).map(EdgeId::from_idx).find(is_it).expect("the grid has it")
    };
    let (here, next, goal) = (edge(39, 40), edge(40, 41), edge(42, 43));
    let way = way_around(&city, &lanes, here, next, goal).expect("there is another way");
    assert_eq!((way[0], way[way.len() - 1]), (here, goal));
    assert_ne!(way[1], next);
    for pair in way.windows(2) {
        assert_eq!(city.graph.edge(pair[0]).head, city.graph.edge(pair[1]).tail);
    }
}

#[test]
fn many_vans_side_by_side_drive_as_one_does() {
    let t = drive_many(&setup(7), 5, 12.0, &|| Duration::ZERO);
    assert_eq!((t.n_vans, t.n_cycles), (5, 5 * 120));
    assert!(t.driven_m > 100.0 && t.contacts_at_fault == 0 && t.red_lights == 0, "{t:?}");
}

#[test]
fn a_van_that_answers_late_drives_as_safely_and_follows_closely() {
    for plant in [PlantKind::SingleTrack, PlantKind::Drift] {
        let setup = DriveSetup { plant, ..setup(7) };
        for n in 0..4 {
            let d = driven(&setup, n);
            assert!(d.is_arrived, "{plant:?} drive {n}: {:?}", d.stuck_on);
            let found = (d.found.contacts_at_fault, d.found.red_lights, d.found.outside_permit_m);
            assert_eq!(found, (0, 0, 0.0), "{plant:?} drive {n}");
            let t = d.tracking;
            assert!(t.n_cycles > 500 && t.beside_max_m < 0.35 && t.beside_mean_m < 0.06, "{t:?}");
        }
    }
}

#[test]
fn vans_come_out_of_one_hubs_bay_and_back_into_anothers() {
    for plant in [PlantKind::Kinematic, PlantKind::SingleTrack] {
        let setup = DriveSetup { ends: Ends::Hub, plant, ..setup(11) };
        let drives: Vec<Drive> = (0..6).map(|n| driven(&setup, n)).collect();
        let sum = |of: fn(&Drive) -> u32| drives.iter().map(of).sum::<u32>();
        assert_eq!(sum(|d| d.found.contacts_at_fault), 0);
        assert_eq!(drives.iter().map(|d| d.found.outside_permit_m).sum::<f64>(), 0.0);
        let (begun, left) = (sum(|d| d.hubs.n_begun), sum(|d| d.hubs.n_left));
        let (reached, entered) = (sum(|d| d.hubs.n_reached), sum(|d| d.hubs.n_entered));
        assert!(begun >= 4 && begun == left, "{plant:?} {begun} {left}");
        assert!(reached >= 3 && entered == reached, "{plant:?} {reached} {entered}");
        for d in &drives {
            assert!(d.hubs.off_max_m < 0.05 && d.hubs.turned_max_rad < 0.0175, "{:?}", d.hubs);
        }
    }
}

#[test]
fn a_way_that_turns_back_in_a_street_is_turned_between_its_kerbs() {
    let setup = DriveSetup { route: Route::TurnsBack, ..setup(5) };
    let drives: Vec<Drive> = (0..8).map(|n| driven(&setup, n)).collect();
    let n_turned: u32 = drives.iter().map(|d| d.n_turned).sum();
    assert!(n_turned >= 6, "{n_turned} of 8");
    for d in &drives {
        let found = (d.found.contacts_at_fault, d.found.red_lights, d.found.outside_permit_m);
        assert_eq!(found, (0, 0, 0.0), "drive {}: {:?}", d.number, d.contacts);
        assert!(d.is_arrived, "drive {}: {:?}", d.number, d.stuck_on);
    }
    // Where the law allows it nowhere, no way turns back.
    let law = TrafficLaw { u_turn: None, ..setup.law.clone() };
    let drives = (0..3).map(|n| driven(&DriveSetup { law: law.clone(), ..setup.clone() }, n));
    assert!(drives.into_iter().all(|d| d.n_turned == 0));
}

/// A street of the grid that ends: from there nothing leads on but back.
#[test]
fn where_a_street_ends_a_van_turns_around_between_its_kerbs() {
    let mut city = grid_city(9);
    let is_it = |e: &EdgeId| {
        let ends = city.graph.edge(*e);
        (ends.tail.idx(), ends.head.idx()) == (39, 40)
    };
    let edges: Vec<EdgeId> = (0..city.graph.n_edges()).map(EdgeId::from_idx).collect();
    let into = *edges.iter().find(|e| is_it(e)).expect("the grid has it");
    let back = city.graph.edge(into).reverse.expect("streets are two-way");
    let onwards = city.graph.out_edges(city.graph.edge(into).head).filter(|e| *e != back);
    let forbidden = onwards.map(|onto| ForbiddenPath {
        edges: vec![into, onto],
        modes: rv_map::ModeSet::ALL,
        source_id: 1,
    });
    let forbidden: Vec<ForbiddenPath> = forbidden.collect();
    city.graph.forbidden.extend(forbidden);
    let lanes = CityLanes::build(&city);
    let law = TrafficLaw::shipped().remove(0);
    let vehicle = usual_van();
    let way = Way::lay(&lanes, &law, &[into, back], (20.0, 60.0), 12.0).expect("it leads back");
    let (centre, heading) = way.pose(2.0);
    let mut state = State::at_centre(&vehicle, centre, heading, 0.0);
    let mut driver = VanDriver::new(vehicle, way);
    let (mut last_mps, mut n_changes, mut direction) = (0.0, 0, 1.0_f64);
    let (mut off_most_m, mut arrived) = (0.0_f64, false);
    let mut n_plans = 0;
    let street: Vec<CityLaneId> = [into, back].into_iter().flat_map(|e| lanes.of_edge(e)).collect();
    for k in 0..1500 {
        let view = View::open(state.centre(&vehicle), 110.0);
        let sight = Sight {
            at: Seconds(f64::from(k) * CYCLE_S),
            age_s: 0.0,
            state,
            acceleration_mps2: (state.speed_mps - last_mps) / CYCLE_S,
            tracks: &[],
            signals: &[],
            view: &view,
            weather_share: 1.0,
        };
        let decision = driver.cycle(&lanes, &law, &sight);
        last_mps = state.speed_mps;
        // The plan is made bit by bit, while it stands.
        let is_planning = driver.manoeuvres() && driver.manoeuvre_plan().is_none();
        n_plans += u32::from(is_planning);
        assert!(!is_planning || state.speed_mps.abs() < 0.06, "{state:?}");
        state = decision.driven(&vehicle, &state, 12.0, CYCLE_S);
        if state.speed_mps.abs() > 0.05 {
            n_changes += u32::from(direction * state.speed_mps < 0.0);
            direction = state.speed_mps.signum();
        }
        // How far the outermost corner is beyond the street's lanes.
        let (sin, cos) = state.heading_rad.sin_cos();
        let c = state.centre(&vehicle);
        for (l, w) in [(1.65, 0.625), (1.65, -0.625), (-1.65, 0.625), (-1.65, -0.625)] {
            let p = Point2 { x_m: c.x_m + l * cos - w * sin, y_m: c.y_m + l * sin + w * cos };
            let off_m = street
                .iter()
                .map(|lane| {
                    let half_m = f64::from(lanes.lane(*lane).width_m) / 2.0;
                    lanes.foot(*lane, p).beside_m.abs() - half_m
                })
                .fold(f64::INFINITY, f64::min);
            off_most_m = off_most_m.max(off_m);
        }
        if !driver.manoeuvres() && decision.to_goal_m < 1.5 && state.speed_mps == 0.0 {
            arrived = true;
            break;
        }
    }
    assert!(arrived, "{:?} {n_changes}", state);
    assert!((2..=6).contains(&n_changes), "{n_changes} changes of direction");
    assert!(off_most_m < 0.35, "{off_most_m} m beyond its lanes");
    assert!((10..400).contains(&n_plans), "planned in {n_plans} cycles");
}
