//! Tracks: what is known of the things around, from noisy, delayed, missed and false detections.

pub mod gospa;
mod tracker;

use rv_base::Point2;
use serde::{Deserialize, Serialize};

pub use tracker::{Detection, TRACKS_MAX, Tracker, TrackerOptions};

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Passenger car.
    Car,
    /// Heavy goods vehicle or delivery van.
    Truck,
    /// Bus.
    Bus,
    /// Pedalled.
    Bicycle,
    /// Motor scooter, moped, electric bicycle.
    Scooter,
    /// On foot.
    Pedestrian,
    /// Dog, deer, cattle.
    Animal,
    /// A thing that stands: bin, cone, barrier.
    Static,
    /// Not told yet.
    Unknown,
    /// Soft hazard: wet cement.
    WetCement,
    /// Soft hazard: crops laid out to dry.
    DryingCrops,
    /// Soft hazard: a hole in the road.
    Pothole,
}

impl Class {
    /// Every class, in order.
    pub const ALL: [Self; 12] = [
        Self::Car,
        Self::Truck,
        Self::Bus,
        Self::Bicycle,
        Self::Scooter,
        Self::Pedestrian,
        Self::Animal,
        Self::Static,
        Self::Unknown,
        Self::WetCement,
        Self::DryingCrops,
        Self::Pothole,
    ];

    /// True if it keeps to lanes.
    pub fn keeps_lane(self) -> bool {
        matches!(self, Self::Car | Self::Truck | Self::Bus | Self::Bicycle | Self::Scooter)
    }

    /// True if it is to be driven around but does no harm when touched by a wheel.
    pub fn is_soft(self) -> bool {
        matches!(self, Self::WetCement | Self::DryingCrops | Self::Pothole)
    }

    /// True if it walks: people and animals.
    pub fn walks(self) -> bool {
        matches!(self, Self::Pedestrian | Self::Animal)
    }
}

/// One thing around, as believed now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Its number; never used again.
    pub id: u32,
    /// What it is taken for.
    pub class: Class,
    /// Centre, m.
    pub centre: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed along its heading, m/s.
    pub speed_mps: f64,
    /// Acceleration along its heading, m/s2.
    pub acceleration_mps2: f64,
    /// Turning, rad/s.
    pub yaw_rate_radps: f64,
    /// Half its length and width, m.
    pub half_m: (f64, f64),
    /// Standard deviations of place (m) and speed (m/s).
    pub sigma: (f64, f64),
    /// How long it has stood, s; zero while it moves.
    pub stood_s: f64,
    /// True if it drives with blue lights.
    pub is_emergency: bool,
}

/// Braking less than this may be the filter's noise, m/s2; what is reckoned with of more, as a share
/// and at most, m/s2.
const BRAKES_MPS2: f64 = 1.5;
const BELIEVED: f64 = 0.7;
const BELIEVED_MAX_MPS2: f64 = 3.5;

impl Track {
    /// Braking that it is taken to go on with until it stands, m/s2.
    fn brakes_mps2(&self) -> f64 {
        let brakes = -self.acceleration_mps2;
        match brakes > BRAKES_MPS2 && self.speed_mps > 0.0 {
            true => (BELIEVED * brakes).min(BELIEVED_MAX_MPS2),
            false => 0.0,
        }
    }

    /// Its speed after some time, m/s, if it drives on or brakes on as it does.
    pub fn speed_in_mps(&self, t_s: f64) -> f64 {
        match self.brakes_mps2() {
            0.0 => self.speed_mps,
            brakes => (self.speed_mps - brakes * t_s).max(0.0),
        }
    }

    /// Its way within some time, m, if it drives on or brakes on as it does.
    pub fn way_m(&self, t_s: f64) -> f64 {
        let t_s = t_s.min(2.0 * self.stops_in_s());
        (self.speed_mps + self.speed_in_mps(t_s)) / 2.0 * t_s
    }

    /// Time in which it would drive the way that it stops in, s; endless if it does not brake.
    pub fn stops_in_s(&self) -> f64 {
        match self.brakes_mps2() {
            0.0 => f64::INFINITY,
            brakes => self.speed_mps / (2.0 * brakes),
        }
    }
}
