//! What a twin is made of.

use rv_base::{Seconds, Timestamp};
use rv_model::TrafficProfile;
use serde::{Deserialize, Serialize};

use crate::demand::DemandModel;
use crate::faults::FaultRates;
use crate::link::LinkModel;
use crate::people::PeopleModel;
use crate::streets::{TrafficConfig, Weather};
use crate::van::DockTimes;

/// Everything a twin is told. The same city, fleet, configuration and messages give the same
/// behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwinConfig {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// When its clock starts.
    pub start: Timestamp,
    /// For how long orders are served each day.
    pub day_length_s: Seconds,
    /// Parcels a day; zero for no demand of its own.
    pub n_parcels: u32,
    /// Whether another day of demand follows after 24 hours.
    pub days: Days,
    /// Shares of the demand.
    pub demand: DemandModel,
    /// Telemetry interval of driving vans.
    pub status_every_s: Seconds,
    /// Links to the vans.
    pub link: LinkModel,
    /// Background traffic.
    pub traffic: TrafficConfig,
    /// Weather at the start.
    pub weather: Weather,
    /// Recipients and senders.
    pub people: PeopleModel,
    /// Loading and unloading.
    pub docks: DockTimes,
    /// What goes wrong by itself.
    pub faults: FaultRates,
    /// Whether what each van drove is kept until it is taken.
    pub drives: Drives,
    /// Vans, from the first on, that are driven in detail: over lanes, amid traffic and people, ten
    /// times a second; the others by the simpler model.
    #[serde(default)]
    pub n_detailed: u32,
}

/// How often a day's demand comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Once.
    One,
    /// Every day, each with other orders.
    Every,
}

/// What becomes of the log of driven edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drives {
    /// Kept, for an audit at the end.
    Kept,
    /// Dropped at once.
    Dropped,
}

/// Monday, 2 March 2026, 06:00.
pub const USUAL_START: Timestamp = Timestamp::from_secs(1_772_431_200);

impl TwinConfig {
    /// A dry Monday from 06:00 with ordinary traffic and people, and nothing that breaks.
    pub fn usual(seed: u64, n_parcels: u32, day_length_s: Seconds) -> Self {
        Self {
            seed,
            start: USUAL_START,
            day_length_s,
            n_parcels,
            days: Days::One,
            demand: DemandModel::USUAL,
            status_every_s: Seconds(20.0),
            link: LinkModel::CITY,
            traffic: TrafficConfig {
                profile: TrafficProfile::typical(),
                noise: 0.10,
                jams: Vec::new(),
            },
            weather: Weather::Dry,
            people: PeopleModel::ANNOUNCED,
            docks: DockTimes::USUAL,
            faults: FaultRates::NONE,
            drives: Drives::Kept,
            n_detailed: 0,
        }
    }
}
