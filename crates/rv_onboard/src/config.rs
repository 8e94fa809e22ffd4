//! What a vehicle is and what it knows of its city before it moves.

use std::sync::Arc;

use rv_base::{Meters, Seconds, VanId};
use rv_driver::{Driver, RoadTable};
use rv_map::{City, Mode};
use rv_model::{VanClass, VehicleKind};
use rv_rules::PermitShelf;
use rv_wire::PermitPhase;

/// The city as a vehicle carries it; shared by all vehicles that run in one process.
#[derive(Clone, Debug)]
pub struct Atlas {
    /// Roads and places.
    pub city: Arc<City>,
    /// What the driver must know of each edge.
    pub roads: Arc<RoadTable>,
    /// Permits as resolved on this map, for those vehicles that hold any.
    pub permits: Arc<PermitShelf>,
}

impl Atlas {
    /// A city whose time is ahead of UTC by `utc_offset`.
    pub fn new(city: Arc<City>, utc_offset: Seconds) -> Self {
        let roads = Arc::new(RoadTable::build(&city.graph));
        Self { city, roads, permits: Arc::new(PermitShelf::new(utc_offset)) }
    }
}

/// What a vehicle is.
#[derive(Clone, Debug)]
pub struct OnboardConfig {
    /// Identity.
    pub van: VanId,
    /// Model.
    pub class: VanClass,
    /// Its permits until the fleet says otherwise; empty for a vehicle that needs none.
    pub permits: Vec<PermitPhase>,
    /// How it is driven.
    pub driver: Driver,
    /// Telemetry interval while driving; four times as long while it stands.
    pub status_every: Seconds,
    /// Start number of its end of the link; higher than in any earlier life without memory.
    pub session: u32,
    /// Time after which an unanswered call for help is settled by its first choice.
    pub help_timeout: Seconds,
    /// Gap kept to a closed or blocked road.
    pub block_gap: Meters,
}

impl OnboardConfig {
    /// The usual settings of a vehicle without permits.
    pub fn new(van: VanId, class: VanClass) -> Self {
        Self {
            van,
            class,
            permits: Vec::new(),
            driver: Driver::robovan(),
            status_every: Seconds(10.0),
            session: 1,
            help_timeout: Seconds(300.0),
            block_gap: Meters(3.0),
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        match self.class.kind {
            VehicleKind::Van => Mode::Van,
            VehicleKind::Robot => Mode::Robot,
            VehicleKind::Truck => Mode::Truck,
        }
    }
}
