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
