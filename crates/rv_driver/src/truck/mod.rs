//! What is particular to a truck: brakes that answer late, a trailer that cuts corners, platoons,
//! and a journey that ends beside the road.
//!
//! - [`Brakes`]: how long until they answer, how hard they brake.
//! - [`Rig`]: tractor and semi-trailer, how they move and how they keep to a lane.
//! - [`Follower`]: keeps an agreed gap behind the truck in front.
//! - [`refuge`]: where a truck that cannot go on shall stand.

mod braking;
mod platoon;
pub mod refuge;
mod rig;

pub use platoon::{Ahead, Follower, Heard, Mode, Own};
pub use rig::{DockLine, Rig, RigState};

/// Brakes of a truck: nothing for a time, then even braking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brakes {
    /// Time between the command and braking, s; 0 or more.
    pub lag_s: f64,
    /// Braking then, m/s2; more than 0.
    pub braking_max_mps2: f64,
}

impl Brakes {
    /// Air brakes of a loaded truck, 80,000 lb (36.3 t): from 65 mph (29.06 m/s) it stands after
    /// 525 ft (160.0 m), of which 0.75 s pass before the brakes answer; so 3.055 m/s2.
    pub const LOADED: Self = Self { lag_s: 0.75, braking_max_mps2: 3.055 };

    /// Way from the command to a stand.
    ///
    /// ```
    /// let feet = rv_driver::truck::Brakes::LOADED.stopping_distance_m(65.0 * 0.44704) / 0.3048;
    /// assert!((feet - 525.0).abs() < 1.0);
    /// ```
    pub fn stopping_distance_m(&self, speed_mps: f64) -> f64 {
        speed_mps * self.lag_s + speed_mps * speed_mps / (2.0 * self.braking_max_mps2)
    }
}
