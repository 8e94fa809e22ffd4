//! Plans for network-design instances.

use serde::{Deserialize, Serialize};

/// Part of a commodity on one path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathFlow {
    /// Which commodity (0-based).
    pub commodity: u32,
    /// Arcs from origin to destination (0-based).
    pub arcs: Vec<u32>,
    /// Units on this path.
    pub amount: f64,
}

/// Answer to a static instance: an arc is open if anything flows over it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StaticPlan {
    /// Every path in use.
    pub flows: Vec<PathFlow>,
}

/// Trucks that leave together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Arc that they run.
    pub arc: u32,
    /// When they leave, in continuous time.
    pub depart: f64,
    /// How many trucks.
    pub n_trucks: u32,
}

/// A commodity that no plan can deliver in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LateAnswer {
    /// Which commodity (0-based).
    pub commodity: u32,
    /// The earliest moment at which it could arrive.
    pub earliest_arrival: f64,
}

/// Answer to a timed instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimedPlan {
    /// Every departure.
    pub dispatches: Vec<Dispatch>,
    /// For each commodity the dispatches that it rides, in order; empty if it is in `late`.
    pub itineraries: Vec<Vec<u32>>,
    /// Commodities that cannot arrive in time, and are therefore not carried.
    pub late: Vec<LateAnswer>,
}
