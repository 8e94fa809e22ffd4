//! The driver over thousands of cycles, and on input that nobody would hand it on purpose.
#![allow(clippy::unwrap_used)]

mod steady;
mod wild;

use rv_base::Point2;
use rv_driver::cruise::{Cruise, Habits, Way};
use rv_driver::trajectory::Road;
use rv_map::lanes::{Lane, LaneMap};

/// One straight lane along x, 4 m wide.
fn straight_road(length_m: f64) -> Road {
    let n = (length_m / 10.0) as i32;
    let border = |y_m: f64| (0..=n).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
    let lane = Lane { left: border(2.0), right: border(-2.0), ..Lane::default() };
    Road::build(&LaneMap { lanes: vec![lane] })
}

/// A van on a line along x.
fn straight_cruise(length_m: f64) -> Cruise {
    let n = (length_m / 2.0) as i32;
    let points: Vec<Point2> =
        (0..n).map(|i| Point2 { x_m: f64::from(i) * 2.0, y_m: 0.0 }).collect();
    let habits = Habits {
        nose_m: 3.9,
        tail_m: 1.1,
        half_width_m: 1.0,
        gap_m: 2.5,
        gap_s: 1.6,
        acceleration_mps2: 1.2,
        braking_mps2: 2.0,
        braking_max_mps2: 8.0,
        lag_s: 0.2,
        across_mps2: 4.0,
        cycle_s: 0.1,
    };
    Cruise::new(Way::new(&points, 2.0).unwrap(), habits)
}
