//! The world around the fleet: vehicles, recipients and whoever orders. A twin in a simulation, a
//! gateway of sockets in the field.

use rv_base::{FacilityId, Seconds, Timestamp, VanId};
use rv_fleet::{Actor, Command, Notice};

/// What the host talks to on behalf of the fleet. The host's thread owns it.
pub trait World: Send {
    /// Lets time pass up to `to`, with what the fleet has sent since the last call, and returns
    /// what came from the world, in order.
    fn advance(&mut self, to: Timestamp, inbox: Vec<FromFleet>) -> Vec<ToFleet>;

    /// State to be committed together with the ledger's events: rows that changed since the last
    /// call, by key. A world whose state is its own (real vehicles) returns none.
    fn snapshots(&mut self) -> Vec<(String, Vec<u8>)>;

    /// Goes back to what was committed: all rows ever returned by [`World::snapshots`], the newest
    /// of each key. Without rows: to its beginning at `now`.
    fn restore(&mut self, now: Timestamp, rows: Vec<(String, Vec<u8>)>) -> Result<(), String>;

    /// Carries out a fault on demand.
    fn inject(&mut self, fault: Fault) -> Result<(), InjectError>;

    /// Whether it goes back together with the ledger.
    fn kind(&self) -> WorldKind;
}

/// Whether what a world does can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldKind {
    /// A twin: its state is committed with the ledger, so it may hear of events before they are
    /// durable.
    Simulated,
    /// Real: hears of an event only once it is durable.
    Real,
}

/// From the fleet into the world.
#[derive(Clone, Debug, PartialEq)]
pub enum FromFleet {
    /// An encoded envelope for a van.
    Downlink(VanId, Vec<u8>),
    /// A message for a person.
    Notice(Notice),
}

/// From the world to the fleet.
#[derive(Clone, Debug, PartialEq)]
pub enum ToFleet {
    /// An encoded envelope from a van, which the world has authenticated.
    Uplink(VanId, Vec<u8>),
    /// Somebody in the world wants something.
    Command(Actor, Command),
}

/// A fault on demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Which.
    pub kind: FaultKind,
    /// The van it befalls, if it befalls one.
    pub van: Option<VanId>,
    /// The facility it befalls, if it befalls one.
    pub facility: Option<FacilityId>,
    /// How long it lasts; for good if not given.
    pub duration: Option<Seconds>,
}

/// Kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Drive or computer fails; the van stands still and says so.
    VanDead,
    /// The van is not heard any more.
    LinkLost,
    /// A locker does not open.
    LockerJammed,
    /// Heavy rain over the whole city.
    Weather,
}

/// Why a fault was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// The world is real.
    #[error("faults can only be made in a simulation")]
    Real,
    /// Van or facility is missing, unknown or of the wrong kind.
    #[error("this fault needs {0}")]
    Target(&'static str),
}

/// A world without anything in it: orders come over the API alone, and no van is ever heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyWorld;

impl World for EmptyWorld {
    fn advance(&mut self, _to: Timestamp, _inbox: Vec<FromFleet>) -> Vec<ToFleet> {
        Vec::new()
    }
    fn snapshots(&mut self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }
    fn restore(&mut self, _now: Timestamp, _rows: Vec<(String, Vec<u8>)>) -> Result<(), String> {
        Ok(())
    }
    fn inject(&mut self, _fault: Fault) -> Result<(), InjectError> {
        Err(InjectError::Real)
    }
    fn kind(&self) -> WorldKind {
        WorldKind::Real
    }
}
