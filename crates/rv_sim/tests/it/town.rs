//! Scenes in town with others that move as written: what the law and good manners ask of the van.

use std::sync::Arc;

use rv_base::{EdgeId, LatLon, Meters, Point2, RoadPosition, Seconds};
use rv_driver::law::{Precedence, TrafficLaw};
use rv_driver::tracking::{Class, Track};
use rv_driver::trajectory::{State, Vehicle};
use rv_driver::urban::{CYCLE_S, Decision, Reason, Sight, VanDriver, View, Way};
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, KeptFor, Turn};
use rv_map::lanes::Aspect;
use rv_map::{City, DriveSide, RoadMark, RoadMarkKind};
use rv_sim::urban::{Busy, Referee, Thing, VanBody, World, usual_van};

use crate::grid::grid_city;

/// Junctions of a side of the grid.
const N: usize = 9;

fn edge_between(city: &City, from: usize, to: usize) -> EdgeId {
    let is_it = |e: &EdgeId| {
        let ends = city.graph.edge(*e);
        (ends.tail.idx(), ends.head.idx()) == (from, to)
    };
    (0..city.graph.n_edges()).map(EdgeId::from_idx).find(is_it).expect("the grid has this street")
}

fn edges_along(city: &City, junctions: &[usize]) -> Vec<EdgeId> {
    junctions.windows(2).map(|j| edge_between(city, j[0], j[1])).collect()
}

/// A van on its way, all lights green.
struct Street {
    lanes: CityLanes,
    law: TrafficLaw,
    driver: VanDriver,
    vehicle: Vehicle,
    state: State,
    acceleration_mps2: f64,
    at_s: f64,
    age_s: f64,
    /// How far is seen, m.
    view_m: f64,
    /// Strongest acceleration and jerk so far.
    along_max: f64,
    jerk_max: f64,
    seen: Vec<Reason>,
}

impl Street {
    fn new(city: &City, law: &str, junctions: &[usize], start_m: f64, speed_mps: f64) -> Self {
        let lanes = CityLanes::build(city);
        let law = TrafficLaw::named(law).expect("shipped");
        let vehicle = usual_van();
        let edges = edges_along(city, junctions);
        let way = Way::lay(&lanes, &law, &edges, (start_m, 60.0), 12.0).expect("lanes lead along");
        let (centre, heading) = way.pose(8.0);
        Self {
            lanes,
            law,
            driver: VanDriver::new(vehicle, way),
            vehicle,
            state: State::at_centre(&vehicle, centre, heading, speed_mps),
            acceleration_mps2: 0.0,
            at_s: 0.0,
            age_s: 0.0,
            view_m: 110.0,
            along_max: 0.0,
            jerk_max: 0.0,
            seen: Vec::new(),
        }
    }

    fn place(&self) -> (f64, f64) {
        self.driver.place(&self.state)
    }

    fn front_m(&self) -> f64 {
        self.place().0 + self.vehicle.length_m / 2.0
    }

    /// One cycle amid others.
    fn step(&mut self, tracks: &[Track]) -> Decision {
        let view = View::open(self.state.centre(&self.vehicle), self.view_m);
        let signals: Vec<_> = (0..self.lanes.lanes().len() as u32)
            .map(CityLaneId)
            .filter(|l| self.lanes.lane(*l).signal.is_some())
            .map(|l| (l, Aspect::Green))
            .collect();
        let sight = Sight {
            at: Seconds(self.at_s),
            age_s: self.age_s,
            state: self.state,
            acceleration_mps2: self.acceleration_mps2,
            tracks,
            signals: &signals,
            view: &view,
            weather_share: 1.0,
        };
        let decision = self.driver.cycle(&self.lanes, &self.law, &sight);
        let (before, a) = (self.state.speed_mps, self.acceleration_mps2);
        self.state = decision.driven(&self.vehicle, &self.state, 12.0, CYCLE_S);
        self.acceleration_mps2 = (self.state.speed_mps - before) / CYCLE_S;
        self.along_max = self.along_max.max(self.acceleration_mps2.abs());
        self.jerk_max = self.jerk_max.max((self.acceleration_mps2 - a).abs() / CYCLE_S);
        self.at_s += CYCLE_S;
        self.seen.push(decision.reason);
        decision
    }

    /// Somebody at a distance along the way and to the left of it.
    fn at(&self, class: Class, s_m: f64, d_m: f64, speed_mps: f64) -> Track {
        let (p, h) = self.driver.way().pose(s_m);
        let centre = Point2 { x_m: p.x_m - d_m * h.sin(), y_m: p.y_m + d_m * h.cos() };
        let half_m = match class {
            Class::Bicycle => (0.9, 0.35),
            Class::Truck => (2.8, 1.0),
            _ => (2.2, 0.9),
        };
        Track {
            id: 7,
            class,
            centre,
            heading_rad: if speed_mps < 0.0 { h + std::f64::consts::PI } else { h },
            speed_mps: speed_mps.abs(),
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m,
            sigma: (0.1, 0.1),
            stood_s: if speed_mps == 0.0 { 60.0 } else { 0.0 },
            is_emergency: false,
        }
    }

    /// Room to somebody by corners, m; less than zero if they touch.
    fn room_m(&self, t: &Track) -> f64 {
        let (sin, cos) = t.heading_rad.sin_cos();
        let p = self.state.centre(&self.vehicle);
        let (s, c) = self.state.heading_rad.sin_cos();
        let (half_l, half_w) = (self.vehicle.length_m / 2.0, self.vehicle.width_m / 2.0);
        let corners = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0), (0.0, 1.0), (0.0, -1.0)];
        let rooms = corners.map(|(x, y)| {
            let (l, w) = (x * half_l, y * half_w);
            let (dx, dy) =
                (p.x_m + l * c - w * s - t.centre.x_m, p.y_m + l * s + w * c - t.centre.y_m);
            let along = (dx * cos + dy * sin).abs() - t.half_m.0;
            let across = (dy * cos - dx * sin).abs() - t.half_m.1;
            along.max(across)
        });
        rooms.into_iter().fold(f64::INFINITY, f64::min)
    }
}

/// The middle row of the grid, from left to right.
const ROW: [usize; 5] = [36, 37, 38, 39, 40];

#[test]
fn a_van_stops_at_the_kerb_of_its_side() {
    for (law, side, sign) in [("vienna", DriveSide::Right, -1.0), ("gb", DriveSide::Left, 1.0)] {
        let city = City { drive_side: side, ..grid_city(N) };
        let mut street = Street::new(&city, law, &ROW[..3], 30.0, 8.0);
        let mut decision = street.step(&[]);
        while decision.to_goal_m > 1.0 || street.state.speed_mps > 0.05 {
            decision = street.step(&[]);
            assert!(street.at_s < 120.0, "{decision:?}");
        }
        let (_, d_m) = street.place();
        assert!(d_m * sign > 0.4, "{law}: {d_m} m beside the line");
        assert!(
            street.along_max <= 2.0 && street.jerk_max <= 2.0 + 1e-6,
            "{law}: {}",
            street.jerk_max
        );
    }
}

#[test]
fn what_is_parked_on_the_left_is_passed_on_the_right_where_traffic_keeps_left() {
    let city = City { drive_side: DriveSide::Left, ..grid_city(N) };
    let mut street = Street::new(&city, "gb", &ROW, 20.0, 8.0);
    let truck = street.at(Class::Truck, 62.0, 0.6, 0.0);
    let (mut room_m, mut d_beside_m) = (f64::INFINITY, 0.0_f64);
    while street.place().0 < 80.0 {
        street.step(&[truck]);
        room_m = room_m.min(street.room_m(&truck));
        if (street.place().0 - 62.0).abs() < 1.0 {
            d_beside_m = d_beside_m.min(street.place().1);
        }
        assert!(street.at_s < 60.0, "{:?}", street.seen.last());
    }
    assert!(room_m > 0.2 && d_beside_m < -1.0, "{room_m} {d_beside_m}");
}

#[test]
fn a_bus_lane_that_is_closed_is_left_to_buses() {
    let mut city = grid_city(N);
    city.graph.roads.iter_mut().for_each(|r| r.n_lanes = (2, 2));
    city.marks = (0..city.graph.n_edges())
        .map(EdgeId::from_idx)
        .map(|edge| RoadMark {
            at: RoadPosition { edge, offset: Meters(0.0) },
            kind: RoadMarkKind::BusLane,
        })
        .collect();
    let lanes = CityLanes::build(&city);
    let kept = |law: &TrafficLaw| {
        let edges = edges_along(&city, &ROW);
        let way = Way::lay(&lanes, law, &edges, (10.0, 60.0), 12.0).expect("lanes lead along");
        let on = (20..way.goal_m() as usize).filter_map(|s| way.lane_at(s as f64));
        on.filter(|l| lanes.lane(*l).kept_for == KeptFor::Buses).count()
    };
    let closed = TrafficLaw::named("vienna").expect("shipped");
    let open = TrafficLaw { bus_lane: rv_driver::law::BusLane::Open, ..closed.clone() };
    assert!(kept(&closed) < 60, "only to pull in, on its last street: {} m", kept(&closed));
    assert!(kept(&open) > 200, "an open one is as good as any");
}

#[test]
fn a_bicycle_is_not_overtaken_before_a_junction_and_is_behind_it() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 30.0, 8.0);
    // The first junction lies about 70 m on; the bicycle begins 25 m before it.
    let mut bicycle_m = 45.0;
    let ends_m = 300.0;
    let mut overtaken_at_m = None;
    while street.place().0 < ends_m && street.at_s < 90.0 {
        bicycle_m += 3.0 * CYCLE_S;
        let bicycle = street.at(Class::Bicycle, bicycle_m, -1.0, 3.0);
        street.step(&[bicycle]);
        assert!(street.room_m(&bicycle) > 0.2, "{} s", street.at_s);
        if overtaken_at_m.is_none() && street.front_m() > bicycle_m {
            overtaken_at_m = Some(bicycle_m);
        }
    }
    let at_m = overtaken_at_m.expect("it is overtaken in the end");
    let junctions = street.driver.way();
    let is_turn = |s: f64| {
        let lane = junctions.lane_at(s).expect("on the way");
        matches!(street.lanes.lane(lane).kind, CityLaneKind::Turn { .. })
    };
    let is_near = (-3..18).any(|ahead| is_turn(at_m + f64::from(ahead)));
    assert!(!is_near, "overtaken {at_m} m along the way");
}

#[test]
fn a_bicycle_beside_the_van_is_passed_before_a_junction_without_braking_hard() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 30.0, 9.0);
    // It is caught up with just where it may no longer be overtaken: too late to fall back gently.
    let mut bicycle_m = street.front_m() + 14.0;
    for _ in 0..80 {
        bicycle_m += 4.0 * CYCLE_S;
        let bicycle = street.at(Class::Bicycle, bicycle_m, -1.25, 4.0);
        street.step(&[bicycle]);
        assert!(street.room_m(&bicycle) > 0.2, "{} s", street.at_s);
    }
    assert!(street.along_max <= 2.0, "{} {:?}", street.along_max, street.seen);
}

#[test]
fn who_brakes_for_its_own_line_is_not_braked_hard_for() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 10.0, 10.0);
    // A car comes up the column to the first junction, where the van has green, and stops short.
    let column = edges_along(&city, &[28, 37]);
    let law = TrafficLaw::named("vienna").expect("shipped");
    let theirs = Way::lay(&street.lanes, &law, &column, (5.0, 200.0), 12.0).expect("a street");
    let stop_m = theirs.goal_m() - 12.0;
    let mut car = street.at(Class::Car, 8.0, 0.0, 9.0);
    let (mut speed_mps, mut car_m) = (11.0_f64, stop_m - 11.0 * 11.0 / 6.0 - 40.0);
    while street.at_s < 12.0 {
        let brakes = car_m > stop_m - speed_mps * speed_mps / 6.0;
        car.acceleration_mps2 = if brakes && speed_mps > 0.0 { -3.0 } else { 0.0 };
        speed_mps = (speed_mps + car.acceleration_mps2 * CYCLE_S).max(0.0);
        car_m += speed_mps * CYCLE_S;
        (car.centre, car.heading_rad) = theirs.pose(car_m);
        car.speed_mps = speed_mps;
        street.step(std::slice::from_ref(&car));
    }
    assert!(street.along_max <= 2.0, "{} {:?}", street.along_max, street.seen);
    assert!(street.place().0 > 90.0, "{}", street.place().0);
}

#[test]
fn blue_lights_from_behind_are_let_pass() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 10.0, 8.0);
    let mut least_mps = f64::INFINITY;
    let mut ambulance_m = -45.0;
    for _ in 0..150 {
        ambulance_m += 14.0 * CYCLE_S;
        let mut ambulance = street.at(Class::Car, ambulance_m, 2.6, 14.0);
        ambulance.is_emergency = true;
        street.step(&[ambulance]);
        least_mps = least_mps.min(street.state.speed_mps);
    }
    assert!(street.seen.iter().any(|r| matches!(r, Reason::LetsPass(_))));
    assert!(least_mps < 4.0, "{least_mps}");
    assert!(street.state.speed_mps > 5.0, "it drives on: {}", street.state.speed_mps);
    assert!(street.along_max <= 2.0, "{}", street.along_max);
}

#[test]
fn where_two_lanes_become_one_the_van_falls_back_behind_the_faster_one() {
    let mut city = grid_city(N);
    city.graph.is_signal.fill(false);
    let mut narrow = city.graph.roads[1].clone();
    city.graph.roads.iter_mut().for_each(|r| r.n_lanes = (2, 2));
    narrow.n_lanes = (1, 1);
    city.graph.roads.push(narrow);
    for e in 0..city.graph.n_edges() {
        let edge = &mut city.graph.edges[e];
        if edge.tail.idx() / N == 4 && edge.head.idx() / N == 4 && edge.tail.idx() % N >= 1 {
            edge.road = rv_base::RoadId::from_idx(2);
        }
    }
    let mut street = Street::new(&city, "vienna", &ROW, 10.0, 9.0);
    let edges = edges_along(&city, &ROW);
    let own = street.driver.way().lane_at(8.0).expect("on the way");
    let other = street.lanes.of_edge(edges[0]).find(|l| *l != own).expect("two lanes");
    // A car in the other lane, a little behind and a little faster, which looks at nobody.
    let mut car = street.at(Class::Car, 3.0, 3.0, 10.5);
    let mut s_m = street.lanes.foot(other, car.centre).s_m;
    let mut chain = vec![other];
    while chain.len() < 4 {
        let last = chain[chain.len() - 1];
        let straight = street.lanes.next(last).iter().find(|l| match street.lanes.lane(**l).kind {
            CityLaneKind::Turn { turn, .. } => turn == Turn::Straight,
            CityLaneKind::Road { .. } => true,
        });
        chain.push(*straight.expect("the row goes on"));
    }
    let mut room_m = f64::INFINITY;
    while street.at_s < 20.0 {
        s_m += 10.5 * CYCLE_S;
        let (mut rest_m, mut k) = (s_m, 0);
        while k + 1 < chain.len() && rest_m > f64::from(street.lanes.lane(chain[k]).length_m) {
            rest_m -= f64::from(street.lanes.lane(chain[k]).length_m);
            k += 1;
        }
        (car.centre, car.heading_rad) = street.lanes.at(chain[k], rest_m);
        street.step(&[car]);
        room_m = room_m.min(street.room_m(&car));
    }
    let yields = |r: &Reason| matches!(r, Reason::LetsIn(_) | Reason::GivesWay(_));
    assert!(street.seen.iter().any(yields), "{:?}", street.seen);
    assert!(room_m > 0.5, "{room_m}");
    assert!(street.along_max <= 2.0, "it falls back gently: {}", street.along_max);
}

#[test]
fn one_that_comes_over_from_the_next_lane_is_let_in_before_it_is_there() {
    let mut city = grid_city(N);
    city.graph.is_signal.fill(false);
    city.graph.roads.iter_mut().for_each(|r| r.n_lanes = (2, 2));
    let mut street = Street::new(&city, "vienna", &ROW, 10.0, 9.0);
    let (mut car_m, mut d_m, mut room_m) = (street.place().0 + 10.0, 3.0_f64, f64::INFINITY);
    let mut d_when_seen_m = None;
    for _ in 0..60 {
        car_m += 10.0 * CYCLE_S;
        let across_mps = if street.at_s > 0.5 && d_m > 0.0 { -1.2 } else { 0.0 };
        d_m += across_mps * CYCLE_S;
        let mut car = street.at(Class::Car, car_m, d_m, 10.0);
        car.heading_rad += (across_mps / 10.0_f64).atan();
        let decision = street.step(&[car]);
        if matches!(decision.reason, Reason::LetsIn(_)) {
            d_when_seen_m = d_when_seen_m.or(Some(d_m));
        }
        room_m = room_m.min(street.room_m(&car));
    }
    assert!(d_when_seen_m.is_some_and(|d| d > 1.8), "{d_when_seen_m:?}");
    assert!(room_m > 0.8 && street.along_max <= 2.0, "{room_m} {}", street.along_max);
}

#[test]
fn who_is_in_a_narrow_stretch_already_is_waited_for_before_it() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 10.0, 8.0);
    // A truck is parked on the other side; a car that goes around it comes in the van's lane.
    let mut truck = street.at(Class::Truck, 60.0, 2.9, 0.0);
    truck.id = 8;
    let (mut car_m, mut front_m) = (85.0, 0.0_f64);
    for _ in 0..400 {
        let passes = car_m > 40.0 && street.at_s < 12.0;
        // It holds beside the truck for a while, then goes back into its own lane.
        car_m -= if passes && car_m > 58.0 { 5.0 * CYCLE_S } else { 0.0 };
        let is_in = street.at_s < 12.0;
        let car = street.at(Class::Car, car_m, 0.2, -1.0);
        let both = [truck, car];
        street.step(if is_in { &both } else { &both[..1] });
        if is_in {
            front_m = front_m.max(street.front_m());
        }
    }
    let before_m = 60.0 - truck.half_m.0 - front_m;
    assert!(before_m > 4.0, "{before_m} m before the truck are left to come out");
    assert!(street.place().0 > 80.0, "it drives on: {:?}", street.seen.last());
    assert!(street.along_max <= 2.0, "{}", street.along_max);
}

#[test]
fn it_drives_no_faster_than_it_sees_its_own_way() {
    let city = grid_city(N);
    let speed_mps = |view_m: f64| {
        let mut street = Street::new(&city, "vienna", &ROW, 10.0, 6.0);
        street.view_m = view_m;
        for _ in 0..80 {
            street.step(&[]);
        }
        street.state.speed_mps
    };
    // 10 m beyond the front: 4 m/s2 after half a second stop it from less than 7.2 m/s.
    let (far, near) = (speed_mps(110.0), speed_mps(11.65));
    assert!(far > 8.5 && (4.5..7.2).contains(&near), "{far} {near}");
}

#[test]
fn when_its_sensors_fall_silent_it_slows_down_gently() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 10.0, 9.0);
    for k in 0..14 {
        street.age_s = f64::from(k) * CYCLE_S;
        street.step(&[]);
    }
    assert!(street.acceleration_mps2 < -1.0, "{}", street.acceleration_mps2);
    assert!(street.along_max <= 2.0 && street.jerk_max <= 2.0 + 1e-6, "{}", street.jerk_max);
    street.age_s = 0.0;
    for _ in 0..80 {
        street.step(&[]);
    }
    assert!(street.state.speed_mps > 7.0, "{}", street.state.speed_mps);
}

#[test]
fn a_far_turn_waits_for_who_comes_towards_it() {
    let mut city = grid_city(N);
    city.graph.is_signal.fill(false);
    // From the left up the column: a left turn at junction 38 (rows count upwards).
    let mut street = Street::new(&city, "vienna", &[36, 37, 38, 47], 10.0, 6.0);
    let oncoming = edges_along(&city, &[40, 39, 38, 37]);
    let law = TrafficLaw::named("vienna").expect("shipped");
    let theirs =
        Way::lay(&street.lanes, &law, &oncoming, (5.0, 60.0), 12.0).expect("lanes lead along");
    let meet_m = (0..theirs.length_m() as usize)
        .find(|s| {
            let lane = theirs.lane_at(*s as f64).expect("on it");
            matches!(street.lanes.lane(lane).kind, CityLaneKind::Turn { .. }) && *s > 150
        })
        .expect("it crosses the junction") as f64;
    let (mut room_m, mut has_waited) = (f64::INFINITY, false);
    let mut car = street.at(Class::Car, 8.0, 0.0, 9.0);
    // It comes when the van does: where both are is known after a drive without it.
    let mut free = Street::new(&city, "vienna", &[36, 37, 38, 47], 10.0, 6.0);
    while free.place().0 < 200.0 {
        free.step(&[]);
        assert!(free.at_s < 90.0);
    }
    let mut car_m = meet_m + 6.0 - 9.0 * free.at_s;
    while street.at_s < free.at_s + 15.0 {
        car_m += 9.0 * CYCLE_S;
        (car.centre, car.heading_rad) = theirs.pose(car_m.max(0.0));
        let is_there = car_m > 1.0 && car_m < theirs.length_m() - 5.0;
        street.step(if is_there { std::slice::from_ref(&car) } else { &[] });
        if is_there {
            room_m = room_m.min(street.room_m(&car));
        }
        has_waited |= matches!(street.seen.last(), Some(Reason::GivesWay(_)));
    }
    assert!(has_waited && room_m > 0.8, "{has_waited} {room_m}");
    assert!(street.place().0 > 215.0, "then it turns: {}", street.place().0);
}

#[test]
fn who_is_on_a_roundabout_goes_first() {
    let mut city = grid_city(N);
    city.graph.is_signal.fill(false);
    let mut ring = city.graph.roads[1].clone();
    ring.is_roundabout = true;
    city.graph.roads.push(ring);
    for pair in [(40, 41), (41, 50), (50, 49), (49, 40)] {
        for (a, b) in [pair, (pair.1, pair.0)] {
            let edge = edge_between(&city, a, b);
            city.graph.edges[edge.idx()].road = rv_base::RoadId::from_idx(2);
        }
    }
    let lanes = CityLanes::build(&city);
    let law = TrafficLaw::named("vienna").expect("shipped");
    let is_ring = |e: EdgeId| city.graph.road_of(e).is_roundabout;
    let mut n = 0;
    for id in (0..lanes.lanes().len() as u32).map(CityLaneId) {
        let CityLaneKind::Turn { from, .. } = lanes.lane(id).kind else { continue };
        for c in lanes.conflicts(id) {
            let CityLaneKind::Turn { from: other, .. } = lanes.lane(c.other).kind else { continue };
            if is_ring(from) && !is_ring(other) {
                assert_eq!(law.precedence(&lanes, id, c.other), Precedence::First);
                assert_eq!(law.precedence(&lanes, c.other, id), Precedence::Second);
                n += 1;
            }
        }
    }
    assert!(n > 10, "{n}");
}

#[test]
fn long_vehicles_turn_without_jumping_aside() {
    let mut city = grid_city(N);
    city.graph.is_signal.fill(false);
    let lanes = Arc::new(CityLanes::build(&city));
    let law = TrafficLaw::named("vienna").expect("shipped");
    let way = Way::lay(&lanes, &law, &edges_along(&city, &ROW), (10.0, 60.0), 12.0);
    let (at, heading_rad) = way.expect("lanes lead along").pose(200.0);
    let eye = VanBody {
        at,
        heading_rad,
        speed_mps: 0.0,
        acceleration_mps2: 0.0,
        half_m: (0.0, 0.0),
        lane: None,
        stood_s: 0.0,
        behind_m: 0.0,
    };
    let busy = Busy { vehicles: 12.0, ..Busy::USUAL };
    let mut world = World::new(lanes, law, busy, 1, Seconds(0.0));
    let (mut before, mut now): (Vec<Thing>, Vec<Thing>) = (Vec::new(), Vec::new());
    let (mut n_turning, mut most_rad) = (0, 0.0_f64);
    for _ in 0..3000 {
        world.step(&[eye], CYCLE_S);
        world.things_near(at, 150.0, &[], &mut now);
        for t in now.iter().filter(|t| t.half_m.0 > 3.0 && t.speed_mps > 0.0) {
            let Some(b) = before.iter().find(|b| b.id == t.id) else { continue };
            let turned_rad = (t.heading_rad - b.heading_rad).sin().abs();
            n_turning += usize::from(turned_rad > 0.02);
            // Beyond what the tightest turn of the grid takes.
            most_rad = most_rad.max(turned_rad - 0.2 * t.speed_mps * CYCLE_S);
        }
        std::mem::swap(&mut before, &mut now);
    }
    assert!(n_turning > 100, "{n_turning}");
    assert!(most_rad < 0.05, "{most_rad} rad within a tenth of a second");
}

/// Whether the referee blames a van for touching somebody; both as (x, y) from the middle of a lane
/// along it, m, heading against it, rad, and speed, m/s.
fn is_blamed(van: (f64, f64, f64, f64), other: (f64, f64, f64, f64)) -> bool {
    let city = grid_city(N);
    let lanes = CityLanes::build(&city);
    let law = TrafficLaw::named("vienna").expect("shipped");
    let lane = lanes.of_edge(edge_between(&city, 36, 37)).next().expect("it has a lane");
    let put = |(x, y, turn, speed): (f64, f64, f64, f64)| {
        let (p, h) = lanes.at(lane, 50.0 + x);
        (Point2 { x_m: p.x_m - y * h.sin(), y_m: p.y_m + y * h.cos() }, h + turn, speed)
    };
    let mut referee = Referee::new(&lanes, &law, &[], |_| true);
    let body = |back_m: f64| {
        let (at, heading_rad, speed_mps) = put((van.0 - back_m, van.1, van.2, van.3));
        VanBody {
            at,
            heading_rad,
            speed_mps,
            acceleration_mps2: 0.0,
            half_m: (1.65, 0.625),
            lane: Some((lane, 50.0, lane)),
            stood_s: 0.0,
            behind_m: 0.0,
        }
    };
    let (at, heading_rad, speed_mps) = put(other);
    let thing = Thing {
        id: 1,
        class: Class::Car,
        at,
        heading_rad,
        speed_mps,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.0,
        half_m: (2.2, 0.9),
        stood_s: 0.0,
        edge: None,
        is_emergency: false,
    };
    for k in (0..30).rev() {
        referee.watch(&lanes, Seconds(0.0), &body(0.1 * f64::from(k)), &[], CYCLE_S);
    }
    referee.watch(&lanes, Seconds(0.0), &body(0.0), &[thing], CYCLE_S);
    let found = referee.findings().0;
    assert_eq!(found.contacts, 1);
    found.contacts_at_fault == 1
}

#[test]
fn the_referee_blames_by_front_lane_and_way_of_moving() {
    // Driving into what is in front, and into what stands.
    assert!(is_blamed((0.0, 0.0, 0.0, 5.0), (3.7, 0.0, 0.0, 1.0)));
    assert!(is_blamed((0.0, 0.0, 0.0, 5.0), (0.0, 1.4, 0.0, 0.0)));
    // Within its own lane, hit at its side by one that comes over.
    assert!(!is_blamed((0.0, 0.0, 0.0, 5.0), (-1.2, 1.35, -0.12, 4.0)));
    // The same while itself out of its lane.
    assert!(is_blamed((0.0, 1.6, 0.1, 5.0), (0.0, 3.0, 0.0, 8.0)));
    // Standing, and hit from behind.
    assert!(!is_blamed((0.0, 0.0, 0.0, 0.0), (3.7, 0.0, 3.1, 5.0)));
    assert!(!is_blamed((0.0, 0.0, 0.0, 5.0), (-3.7, 0.0, 0.0, 9.0)));
    // Backwards it is always its own doing.
    assert!(is_blamed((0.0, 0.0, 0.0, -0.8), (-3.7, 0.0, 0.0, 2.0)));
}

/// Somebody who stands and would go the other way, on the van's left.
fn facing(street: &Street, s_m: f64, d_m: f64) -> Track {
    let stands = street.at(Class::Car, s_m, d_m, 0.0);
    Track { heading_rad: stands.heading_rad + std::f64::consts::PI, stood_s: 2.0, ..stands }
}

#[test]
fn one_that_stands_facing_the_van_half_in_its_lane_is_passed_at_the_kerb() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "vienna", &ROW, 20.0, 6.0);
    let car = facing(&street, 60.0, 1.55);
    let mut room_m = f64::INFINITY;
    while street.place().0 < 70.0 {
        street.step(&[car]);
        room_m = room_m.min(street.room_m(&car));
        assert!(street.at_s < 40.0, "{:?} at {:.1} m", street.seen.last(), street.place().0);
    }
    assert!(room_m > 0.1, "{room_m}");
}

#[test]
fn where_vans_keep_to_the_kerb_they_come_back_to_the_line_for_what_stands_there() {
    let city = grid_city(N);
    let mut street = Street::new(&city, "cn-chengdu", &ROW, 2.0, 5.0);
    let width_m = f64::from(street.lanes.lane(CityLaneId(0)).width_m);
    let bins: Vec<Track> = [30.0, 36.5, 43.0]
        .into_iter()
        .zip(20..)
        .map(|(s_m, id)| Track { id, ..street.at(Class::Static, s_m, -width_m / 2.0 - 0.6, 0.0) })
        .collect();
    let mut room_m = f64::INFINITY;
    while street.place().0 < 80.0 {
        street.step(&bins);
        room_m = bins.iter().fold(room_m, |m, c| m.min(street.room_m(c)));
        assert!(street.at_s < 60.0, "{:?} at {:.1} m", street.seen.last(), street.place().0);
    }
    assert!(room_m > 0.3, "{room_m}");
    assert!(!street.seen.iter().any(|r| matches!(r, Reason::Follows(_))), "it stops for a bin");
}

/// A world around a van that stands on a lane at a place, turned by some angle.
fn world_around(
    lanes: &Arc<CityLanes>,
    busy: Busy,
    lane: CityLaneId,
    s_m: f64,
    turn: f64,
) -> (World, VanBody) {
    let law = TrafficLaw::named("vienna").expect("shipped");
    let world = World::new(Arc::clone(lanes), law, busy, 11, Seconds(0.0));
    let (at, heading) = lanes.at(lane, s_m);
    let half_m = (usual_van().length_m / 2.0, usual_van().width_m / 2.0);
    let van = VanBody {
        at,
        heading_rad: heading + turn,
        speed_mps: 0.0,
        acceleration_mps2: 0.0,
        half_m,
        lane: Some((lane, s_m, CityLaneId(u32::MAX))),
        stood_s: 60.0,
        behind_m: 0.0,
    };
    (world, van)
}

#[test]
fn nobody_parks_where_another_lane_runs() {
    let mut city = grid_city(3);
    // The middle row lies close beside the first.
    for j in 3..6 {
        let (low, own) = (city.graph.junctions[j - 3], city.graph.junctions[j]);
        city.graph.junctions[j] =
            LatLon::from_e7(low.lat_e7() + 700, own.lon_e7()).expect("on Earth");
    }
    let lanes = Arc::new(CityLanes::build(&city));
    let lane = lanes.of_edge(edge_between(&city, 0, 1)).next().expect("a lane");
    let busy = Busy { vehicles: 0.0, people: 0.0, things: 3.0 };
    let (mut world, van) = world_around(&lanes, busy, lane, 40.0, 0.0);
    world.step(&[van], CYCLE_S);
    let mut things = Vec::new();
    world.things_near(van.at, 140.0, &[], &mut things);
    assert!(things.len() > 10, "{}", things.len());
    for t in &things {
        let (sin, cos) = t.heading_rad.sin_cos();
        let corners = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(x, y)| {
            let (l, w) = (x * t.half_m.0, y * t.half_m.1);
            Point2 { x_m: t.at.x_m + l * cos - w * sin, y_m: t.at.y_m + l * sin + w * cos }
        });
        for other in (0..lanes.lanes().len() as u32).map(CityLaneId) {
            let l = lanes.lane(other);
            if t.edge == Some(lanes.edge_of(other)) {
                continue;
            }
            let covers = corners.iter().any(|p| {
                let spot = lanes.foot(other, *p);
                (0.0..f64::from(l.length_m)).contains(&spot.s_m)
                    && spot.beside_m.abs() < f64::from(l.width_m) / 2.0 - 0.4
            });
            assert!(!covers, "{:?} on {:?}", t.class, l.kind);
        }
    }
}

#[test]
fn those_nose_to_nose_with_a_van_back_off_and_so_do_those_behind_them() {
    let city = grid_city(5);
    let lanes = Arc::new(CityLanes::build(&city));
    let lane = lanes.of_edge(edge_between(&city, 11, 12)).next().expect("a lane");
    let busy = Busy { vehicles: 12.0, people: 0.0, things: 0.0 };
    let (mut world, van) = world_around(&lanes, busy, lane, 60.0, std::f64::consts::PI);
    let mut things = Vec::new();
    let (mut back_m, mut most) = (0.0, 0);
    for _ in 0..1500 {
        world.step(&[van], CYCLE_S);
        world.things_near(van.at, 60.0, &[], &mut things);
        let backing = things.iter().filter(|t| t.speed_mps < -0.2);
        most = most.max(backing.clone().count());
        back_m += backing.map(|t| -t.speed_mps * CYCLE_S).sum::<f64>();
        for t in &things {
            let (sin, cos) = t.heading_rad.sin_cos();
            let (dx, dy) = (van.at.x_m - t.at.x_m, van.at.y_m - t.at.y_m);
            let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
            assert!(along.abs() > t.half_m.0 || across.abs() > t.half_m.1, "{t:?}");
        }
    }
    assert!(back_m > 5.0 && most >= 2, "{back_m} m back, {most} at a time");
}

#[test]
fn others_slow_down_for_a_bend_of_the_road() {
    let mut city = grid_city(3);
    // The first street goes 50 m to the north and back, with a right angle between.
    let (a, b) = (city.graph.junctions[0], city.graph.junctions[1]);
    let mid = LatLon::from_e7(a.lat_e7() + 4_500, i32::midpoint(a.lon_e7(), b.lon_e7()));
    city.graph.shape_points.push(mid.expect("on Earth"));
    for edge in &mut city.graph.edges {
        if [(0, 1), (1, 0)].contains(&(edge.tail.idx(), edge.head.idx())) {
            (edge.first_shape, edge.n_shape) = (0, 1);
        }
    }
    let lanes = Arc::new(CityLanes::build(&city));
    let street = edge_between(&city, 1, 0);
    let lane = lanes.of_edge(edge_between(&city, 0, 1)).next().expect("a lane");
    let busy = Busy { vehicles: 20.0, people: 0.0, things: 0.0 };
    let (mut world, van) = world_around(&lanes, busy, lane, 5.0, 0.0);
    let mut things = Vec::new();
    let (mut most_mps, mut n) = (0.0_f64, 0);
    for k in 0..900 {
        world.step(&[van], CYCLE_S);
        world.things_near(van.at, 140.0, &[], &mut things);
        let turns = |t: &&Thing| t.edge == Some(street) && t.yaw_rate_radps.abs() > 0.2;
        for t in things.iter().filter(|t| k > 150 && t.half_m.0 < 2.6 && turns(t)) {
            most_mps = most_mps.max(t.speed_mps);
            n += 1;
        }
    }
    // A right angle within 16 m at 2.5 m/s2 across.
    assert!(n > 20 && most_mps < 7.5, "{n} moments of turning, {most_mps} m/s");
}
