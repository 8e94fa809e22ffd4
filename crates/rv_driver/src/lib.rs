//! Drives a vehicle along its route: how fast, and where to slow down and stand.
//!
//! It refuses to know missions, messages and clocks: it is handed a path of edges, where the
//! vehicle is on it and what lies ahead, and returns an acceleration. Steering along the path is
//! the vehicle's.
//!
//! The main types are [`RoadTable`] (what a driver must know of each edge), [`SpeedPlan`] (how
//! fast each end of an edge of a path may be passed) and [`Driver`] (car following, slowing down
//! and stopping).
//!
//! ```
//! use rv_base::{Meters, MetersPerSecond, Seconds};
//! use rv_driver::{Ahead, Driver, Motion};
//!
//! let driver = Driver::robovan();
//! let mut motion = Motion { speed: MetersPerSecond(9.0), travelled: Meters(0.0) };
//! let stop = Meters(80.0);
//! for _ in 0..60 {
//!     let ahead = Ahead { stop: Some(stop - motion.travelled), ..Ahead::free(MetersPerSecond(9.0)) };
//!     let acceleration = driver.acceleration(motion.speed, &ahead, Seconds(1.0));
//!     motion = motion.after(acceleration, Seconds(1.0));
//! }
//! assert!(motion.speed.0 == 0.0 && (stop - motion.travelled).0.abs() < 1e-6);
//! ```

pub mod control;
pub mod cruise;
pub mod law;
mod longitudinal;
pub mod manoeuvre;
pub mod monitor;
mod plan;
mod roads;
pub mod tracking;
pub mod trajectory;
pub mod truck;
pub mod urban;

pub use longitudinal::{Ahead, Driver, Lead, Motion, SpeedPoint};
pub use plan::SpeedPlan;
pub use roads::RoadTable;
