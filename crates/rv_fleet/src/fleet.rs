//! The brain itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use rv_base::{OrderId, Timestamp, VanId};
use rv_map::City;

use crate::config::{ConfigError, FleetConfig};
use crate::event::Record;
use crate::io::{Input, Output};
use crate::state::{Live, State};

/// The fleet brain. See the crate's documentation.
pub struct Fleet {
    pub(crate) city: Arc<City>,
    pub(crate) config: FleetConfig,
    pub(crate) state: State,
    pub(crate) live: BTreeMap<VanId, Live>,
}

/// Why a brain could not be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The configuration is not usable.
    #[error("configuration is not usable")]
    Config(#[source] ConfigError),
    /// A record is missing, doubled or out of order.
    #[error("record {found} stands where record {expected} should")]
    Position {
        /// What should be there.
        expected: u64,
        /// What is.
        found: u64,
    },
    /// A record does not fit what came before it: it names something unknown.
    #[error("record {0} does not fit the records before it")]
    Unfit(u64),
    /// The ledger belongs to another city or another version of it.
    #[error("the ledger belongs to city {0}")]
    OtherCity(String),
}

impl Fleet {
    /// A fleet at the beginning of its ledger.
    pub fn new(city: Arc<City>, config: FleetConfig) -> Result<Self, ConfigError> {
        config.check(&city)?;
        Ok(Self { city, config, state: State::default(), live: BTreeMap::new() })
    }

    /// A fleet as its ledger left it.
    pub fn restore(
        city: Arc<City>,
        config: FleetConfig,
        records: impl Iterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let fleet = Self::new(city, config).map_err(RestoreError::Config)?;
        for record in records {
            let expected = fleet.state.n_records;
            if record.position != expected {
                return Err(RestoreError::Position { expected, found: record.position });
            }
        }
        Ok(fleet)
    }

    /// Takes one input and says what the host has to do. `now` never goes back.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let _ = (now, input);
        Vec::new()
    }

    /// When the host has to send [`Input::Tick`] at the latest.
    pub fn next_wakeup(&self) -> Timestamp {
        Timestamp::FAR_FUTURE
    }

    /// What the ledger says.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The configuration it works with.
    pub fn config(&self) -> &FleetConfig {
        &self.config
    }

    /// The city it works in.
    pub fn city(&self) -> &Arc<City> {
        &self.city
    }

    /// The last telemetry of a van since the start.
    pub fn live(&self, van: VanId) -> Option<&Live> {
        self.live.get(&van)
    }

    /// The live code of an order, to be shown to its tenant and to operators only.
    pub fn code(&self, order: OrderId) -> Option<String> {
        let _ = order;
        None
    }
}
