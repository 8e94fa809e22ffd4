//! A driver at a stop beside a row of parked cars: into a gap, out of it again.

use std::sync::Arc;

use rv_base::{EdgeId, Point2, Seconds};
use rv_driver::law::TrafficLaw;
use rv_driver::tracking::{Class, Track};
use rv_driver::trajectory::{State, Vehicle};
use rv_driver::urban::{CYCLE_S, Decision, Sight, VanDriver, View, Way};
use rv_map::City;
use rv_map::city_lanes::CityLanes;
use rv_sim::urban::{Busy, VanBody, World};

use crate::grid::grid_city;

/// A street of the grid with cars parked along it.
struct Street {
    lanes: CityLanes,
    law: TrafficLaw,
    vehicle: Vehicle,
    driver: VanDriver,
    state: State,
    acceleration_mps2: f64,
    at_s: f64,
    cars: Vec<Track>,
    /// Least room to a car so far, m.
    least_m: f64,
}

/// The street from one junction of the grid to the next.
fn edge(city: &City, tail: usize, head: usize) -> EdgeId {
    let mut edges = (0..city.graph.n_edges()).map(EdgeId::from_idx);
    let is_it = |e: &EdgeId| {
        let ends = city.graph.edge(*e);
        (ends.tail.idx(), ends.head.idx()) == (tail, head)
    };
    edges.find(is_it).expect("the grid has it")
}

impl Street {
    /// A van 5 m along a lane that is to stop at `stop_m`, and cars parked with their middles at some
    /// places of the lane.
    fn new(stop_m: f64, cars_m: &[f64]) -> Self {
        let city = grid_city(9);
        let lanes = CityLanes::build(&city);
        let (law, vehicle) = (TrafficLaw::shipped().remove(0), Vehicle::VAN);
        let edge = edge(&city, 36, 37);
        let way = Way::lay(&lanes, &law, &[edge], (5.0, stop_m), 12.0).expect("a street");
        let lane = lanes.of_edge(edge).next().expect("it has a lane");
        let beside_m = f64::from(lanes.lane(lane).width_m) / 2.0 + 0.8;
        let cars = cars_m.iter().enumerate().map(|(k, s_m)| {
            let (at, heading_rad) = lanes.at(lane, *s_m);
            let (sin, cos) = heading_rad.sin_cos();
            Track {
                id: k as u32 + 1,
                class: Class::Car,
                centre: Point2 { x_m: at.x_m + beside_m * sin, y_m: at.y_m - beside_m * cos },
                heading_rad,
                speed_mps: 0.0,
                acceleration_mps2: 0.0,
                yaw_rate_radps: 0.0,
                half_m: (2.2, 0.9),
                sigma: (0.1, 0.1),
                stood_s: 600.0,
                is_emergency: false,
            }
        });
        let cars = cars.collect();
        let (centre, heading) = way.pose(2.0);
        let state = State::at_centre(&vehicle, centre, heading, 0.0);
        let driver = VanDriver::new(vehicle, way);
        let (acceleration_mps2, at_s, least_m) = (0.0, 0.0, f64::INFINITY);
        Self { lanes, law, vehicle, driver, state, acceleration_mps2, at_s, cars, least_m }
    }

    fn cycle(&mut self) -> Decision {
        let view = View::open(self.state.centre(&self.vehicle), 110.0);
        let sight = Sight {
            at: Seconds(self.at_s),
            age_s: 0.0,
            state: self.state,
            acceleration_mps2: self.acceleration_mps2,
            tracks: &self.cars,
            signals: &[],
            view: &view,
            weather_share: 1.0,
        };
        let decision = self.driver.cycle(&self.lanes, &self.law, &sight);
        let before = self.state.speed_mps;
        self.state = decision.driven(&self.vehicle, &self.state, 12.0, CYCLE_S);
        self.acceleration_mps2 = (self.state.speed_mps - before) / CYCLE_S;
        self.at_s += CYCLE_S;
        let centre = self.state.centre(&self.vehicle);
        let own = (centre, self.state.heading_rad, (1.65, 0.625));
        for car in &self.cars {
            let other = (car.centre, car.heading_rad, car.half_m);
            self.least_m = self.least_m.min(room_m(own, other).min(room_m(other, own)));
        }
        decision
    }

    /// Cycles until something holds, at most so many seconds.
    fn until(&mut self, seconds: f64, mut holds: impl FnMut(&Self, &Decision) -> bool) -> bool {
        let end_s = self.at_s + seconds;
        while self.at_s < end_s {
            let decision = self.cycle();
            if holds(self, &decision) {
                return true;
            }
        }
        false
    }
}

type Box2 = (Point2, f64, (f64, f64));

/// Least distance of the corners of one body from the other, m.
fn room_m(of: Box2, to: Box2) -> f64 {
    let (s, c) = of.1.sin_cos();
    let (sin, cos) = to.1.sin_cos();
    [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
        .map(|(l, w)| {
            let (l, w) = (l * of.2.0, w * of.2.1);
            let (dx, dy) =
                (of.0.x_m + l * c - w * s - to.0.x_m, of.0.y_m + l * s + w * c - to.0.y_m);
            let along = (dx * cos + dy * sin).abs() - to.2.0;
            let across = (dy * cos - dx * sin).abs() - to.2.1;
            along.max(across)
        })
        .into_iter()
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn at_a_stop_a_van_parks_in_a_gap_of_a_row_and_comes_out_of_it_again() {
    // Between the second and the third there is room for a van and a half.
    let mut street = Street::new(70.0, &[53.0, 59.5, 69.5, 76.0]);
    let arrives = |_: &Street, d: &Decision| d.to_goal_m < 1.5;
    assert!(street.until(120.0, arrives), "{:?}", street.state);
    assert!(street.driver.is_parked() && street.state.speed_mps == 0.0);
    let (s_m, d_m) = street.driver.place(&street.state);
    // Its way begins 5 m along the lane; the lane ends 1.5 m or more from its middle.
    assert!((s_m + 5.0 - 64.5).abs() < 0.8 && (-2.6..-1.7).contains(&d_m), "{s_m} {d_m}");
    assert!(street.least_m > 0.1, "{} m", street.least_m);
    // It stays there until it is given another way.
    let stood_at = street.state;
    street.until(20.0, |_, _| false);
    assert_eq!(street.state, stood_at);
    let city = grid_city(9);
    let edges = [edge(&city, 36, 37), edge(&city, 37, 38)];
    let start_m = s_m + 5.0 - 2.0;
    let way = Way::lay(&street.lanes, &street.law, &edges, (start_m, 40.0), 12.0);
    street.driver.set_way(way.expect("it goes on"));
    // Somebody comes along the lane: it lets him pass.
    let (at, heading_rad) = street.driver.way().pose(2.0);
    let (sin, cos) = heading_rad.sin_cos();
    street.cars.push(Track { id: 9, speed_mps: 8.0, stood_s: 0.0, heading_rad, ..street.cars[0] });
    let came_out = (0..600).find(|k| {
        let ahead_m = 8.0 * f64::from(*k) * CYCLE_S - 70.0;
        let (x_m, y_m) = (at.x_m + ahead_m * cos, at.y_m + ahead_m * sin);
        street.cars[4].centre = Point2 { x_m, y_m };
        street.cycle();
        let (s_m, d_m) = street.driver.place(&street.state);
        assert!(d_m < -1.2 || ahead_m > s_m, "it cuts in {ahead_m}");
        s_m > 30.0 && d_m.abs() < 0.6 && !street.driver.manoeuvres()
    });
    let has_let_pass = came_out.is_some_and(|k| f64::from(k) * CYCLE_S > 10.0);
    assert!(has_let_pass && street.least_m > 0.1, "{came_out:?} {} m", street.least_m);
}

#[test]
fn without_a_gap_that_is_long_enough_it_stops_beside() {
    let mut street = Street::new(70.0, &[53.0, 59.5, 66.0, 72.5, 79.0]);
    let arrives = |_: &Street, d: &Decision| d.to_goal_m < 1.5;
    assert!(street.until(120.0, arrives), "{:?}", street.state);
    assert!(!street.driver.is_parked() && !street.driver.manoeuvres());
    let (_, d_m) = street.driver.place(&street.state);
    assert!(d_m.abs() < 1.0 && street.least_m > 0.1, "{d_m} {}", street.least_m);
}

/// How near the tail of a van that stands on a lane others come to stand, m, while it signals to need so
/// much ground behind it.
fn nearest_behind_m(behind_m: f64) -> f64 {
    let city = grid_city(9);
    let lanes = Arc::new(CityLanes::build(&city));
    let lane = lanes.of_edge(edge(&city, 40, 41)).next().expect("it has a lane");
    let (at, heading_rad) = lanes.at(lane, 60.0);
    let (sin, cos) = heading_rad.sin_cos();
    let busy = Busy { vehicles: 4.0, ..Busy::USUAL };
    let mut world = World::new(lanes, TrafficLaw::shipped().remove(0), busy, 2, Seconds(0.0));
    let (mut things, mut nearest_m) = (Vec::new(), f64::INFINITY);
    for k in 0..1500 {
        let van = VanBody {
            at,
            heading_rad,
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            half_m: (1.65, 0.625),
            lane: Some((lane, 60.0, lane)),
            stood_s: f64::from(k) * CYCLE_S,
            behind_m,
        };
        world.step(&[van], CYCLE_S);
        world.things_near(at, 60.0, &[], &mut things);
        for t in things.iter().filter(|t| t.stood_s > 1.0 && t.stood_s < 100.0) {
            let (dx, dy) = (at.x_m - t.at.x_m, at.y_m - t.at.y_m);
            let (along_m, beside_m) = (dx * cos + dy * sin, dy * cos - dx * sin);
            if along_m > 0.0 && beside_m.abs() < 1.2 {
                nearest_m = nearest_m.min(along_m - 1.65 - t.half_m.0);
            }
        }
    }
    nearest_m
}

#[test]
fn nobody_closes_up_behind_a_van_that_signals_to_back() {
    let (without_m, with_m) = (nearest_behind_m(0.0), nearest_behind_m(9.0));
    assert!(without_m < 5.0, "{without_m}");
    assert!((9.0..14.0).contains(&with_m), "{with_m}");
}
