//! The driver over thousands of cycles, and on input that nobody would hand it on purpose.
#![allow(clippy::unwrap_used)]

mod steady;
mod wild;

use rv_base::Point2;
use rv_driver::trajectory::Road;
use rv_map::lanes::{Lane, LaneMap};

/// One straight lane along x, 4 m wide.
fn straight_road(length_m: f64) -> Road {
    let n = (length_m / 10.0) as i32;
    let border = |y_m: f64| (0..=n).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
    let lane = Lane { left: border(2.0), right: border(-2.0), ..Lane::default() };
    Road::build(&LaneMap { lanes: vec![lane] })
}
