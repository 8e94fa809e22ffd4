//! The twin as the server's world.

use std::sync::Arc;

use rv_base::{Seconds, Timestamp};
use rv_fleet::FleetConfig;
use rv_map::City;
use rv_server::{Fault, FaultKind, FromFleet, InjectError, ToFleet, World, WorldKind};
use rv_sim::{Planned, Twin, TwinConfig, TwinError, Weather};

use crate::output::HintExt;

/// How long a fault lasts if nobody says.
const USUAL_DURATION: Seconds = Seconds(1800.0);

/// A twin that the server moves on, stores and brings back.
pub(crate) struct TwinWorld {
    city: Arc<City>,
    fleet: FleetConfig,
    config: TwinConfig,
    orders: Option<Vec<Planned>>,
    twin: Twin,
    /// When bad weather that was asked for ends; not kept over a restart, the weather is.
    dry_at: Option<Timestamp>,
}

impl TwinWorld {
    /// A twin at its beginning, with orders of its own or those given.
    pub(crate) fn new(
        city: Arc<City>,
        fleet: FleetConfig,
        config: TwinConfig,
        orders: Option<Vec<Planned>>,
    ) -> anyhow::Result<Self> {
        let mut twin = Twin::new(Arc::clone(&city), fleet.clone(), config.clone())
            .hint("the twin cannot be made", "check the city: vans need a hub")?;
        if let Some(orders) = &orders {
            twin.use_orders(orders.clone());
        }
        Ok(Self { city, fleet, config, orders, twin, dry_at: None })
    }

    /// Where its clock stands.
    pub(crate) fn now(&self) -> Timestamp {
        self.twin.now()
    }

    fn set_weather(&mut self, weather: Weather) {
        self.twin
            .inject(rv_sim::Fault::Weather(weather))
            .expect("weather has no target that could be missing");
    }
}

impl World for TwinWorld {
    fn advance(&mut self, to: Timestamp, inbox: Vec<FromFleet>) -> Vec<ToFleet> {
        if self.dry_at.is_some_and(|at| at <= to) {
            self.dry_at = None;
            self.set_weather(Weather::Dry);
        }
        let inbox = inbox
            .into_iter()
            .map(|message| match message {
                FromFleet::Downlink(van, bytes) => rv_sim::FromFleet::Downlink(van, bytes),
                FromFleet::Notice(notice) => rv_sim::FromFleet::Notice(notice),
            })
            .collect();
        self.twin
            .advance(to, inbox)
            .into_iter()
            .map(|said| match said {
                rv_sim::ToFleet::Uplink(van, bytes) => ToFleet::Uplink(van, bytes),
                rv_sim::ToFleet::Command(actor, command) => ToFleet::Command(actor, command),
            })
            .collect()
    }

    fn snapshots(&mut self) -> Vec<(String, Vec<u8>)> {
        self.twin.dirty_snapshots()
    }

    fn restore(&mut self, _now: Timestamp, rows: Vec<(String, Vec<u8>)>) -> Result<(), String> {
        let (city, fleet) = (Arc::clone(&self.city), self.fleet.clone());
        let twin = if rows.is_empty() {
            Twin::new(city, fleet, self.config.clone())
        } else {
            Twin::restore(city, fleet, self.config.clone(), rows)
        };
        self.twin = twin.map_err(|e| e.to_string())?;
        if let Some(orders) = &self.orders {
            self.twin.use_orders(orders.clone());
        }
        Ok(())
    }

    fn inject(&mut self, fault: Fault) -> Result<(), InjectError> {
        let until = self.twin.now() + fault.duration.unwrap_or(USUAL_DURATION);
        let van = || fault.van.ok_or(InjectError::Target("a van"));
        let facility = || fault.facility.ok_or(InjectError::Target("a locker"));
        let inner = match fault.kind {
            FaultKind::VanDead => rv_sim::Fault::VanDead { van: van()? },
            FaultKind::LinkLost => rv_sim::Fault::LinkLost { van: van()?, until },
            FaultKind::LockerJammed => rv_sim::Fault::LockerJammed { facility: facility()?, until },
            FaultKind::Weather => {
                self.dry_at = Some(until);
                rv_sim::Fault::Weather(Weather::Rain)
            }
        };
        self.twin.inject(inner).map_err(|error| match error {
            TwinError::UnknownFacility(_) => InjectError::Target("a locker that exists"),
            TwinError::UnknownVan(_) => InjectError::Target("a van that exists"),
            _ => InjectError::Target("a target that exists"),
        })
    }

    fn kind(&self) -> WorldKind {
        WorldKind::Simulated
    }
}
