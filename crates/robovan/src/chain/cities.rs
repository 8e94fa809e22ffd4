//! The cities of a chain: their days, and the ledgers that they leave.

use std::fs::File;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rv_base::{FacilityId, Seconds, Timestamp};
use rv_fleet::audit::AuditReport;
use rv_fleet::{FleetConfig, Record};
use rv_log::{Entry, LogWriter};
use rv_map::{City, FacilityKind};
use rv_sim::day::{self, DayConfig};
use rv_sim::{DemandDay, Planned, TwinConfig, USUAL_START};

use super::spec::CitySpec;
use crate::day::load_city;
use crate::output::{HintExt, error_with_hint};

/// Hours in which orders are served each day.
const DAY_LENGTH: Seconds = Seconds(12.0 * 3600.0);
/// How long after a day's end its last truck may be loaded.
const NIGHT: Seconds = Seconds(11.0 * 3600.0);

/// A city and its fleet.
pub(super) struct CityRow {
    /// Name of its hub in the week.
    pub(super) hub: String,
    pub(super) map: Arc<City>,
    pub(super) fleet: FleetConfig,
    /// Where its trucks dock.
    pub(super) dock: FacilityId,
    parcels: u32,
    seed: u64,
}

/// The ledger of one day of one city.
pub(super) struct Ledger {
    pub(super) records: Vec<Record>,
    bytes: Vec<Vec<u8>>,
    pub(super) audit: AuditReport,
    pub(super) is_partial: bool,
}

impl CityRow {
    pub(super) fn load(spec: &CitySpec, seed: u64) -> anyhow::Result<Self> {
        let map = Arc::new(load_city(spec.osm.as_deref(), spec.city.as_deref())?);
        let fleet = FleetConfig::for_city(&map, spec.vans, seed);
        let is_dock = |(_, facility): &(usize, &rv_map::Facility)| {
            let has_vans = |idx| fleet.vans.iter().any(|van| van.hub == FacilityId::from_idx(idx));
            let idx = map.facilities.iter().position(|f| std::ptr::eq(f, *facility));
            facility.kind == FacilityKind::Hub
                && spec.facility.as_ref().is_none_or(|name| facility.name == *name)
                && idx.is_some_and(has_vans)
        };
        let Some((idx, _)) = map.facilities.iter().enumerate().find(is_dock) else {
            let hubs = map.facilities.iter().filter(|f| f.kind == FacilityKind::Hub);
            let names: Vec<&str> = hubs.map(|f| f.name.as_str()).collect();
            return Err(error_with_hint(
                format!("{} has no hub with vans where trucks could dock", map.name),
                format!("its hubs are {}", names.join(", ")),
            ));
        };
        let dock = FacilityId::from_idx(idx);
        let (hub, parcels) = (spec.hub.clone(), spec.parcels);
        Ok(Self { hub, map, fleet, dock, parcels, seed })
    }

    /// Midnight of a day of the chain; the first is a Monday.
    pub(super) fn midnight(&self, day: i64) -> Timestamp {
        midnight(day)
    }

    /// When the day's orders are announced, and it begins.
    pub(super) fn announced(&self, day: i64) -> Timestamp {
        midnight(day) + Seconds(f64::from(USUAL_START.second_of_day())) - Seconds(1_790.0)
    }

    /// Runs a day of the city with its own orders and these.
    pub(super) fn run(
        &self,
        day: i64,
        extra: Vec<Planned>,
        n_threads: usize,
        watch: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> anyhow::Result<Ledger> {
        let mut twin = TwinConfig::usual(self.seed + day as u64, self.parcels, DAY_LENGTH);
        twin.start = midnight(day) + Seconds(f64::from(USUAL_START.second_of_day()));
        let demand = DemandDay {
            start: twin.start,
            length: DAY_LENGTH,
            n_parcels: self.parcels,
            utc_offset: self.fleet.utc_offset_s,
            seed: twin.seed,
        };
        let mut orders = twin.demand.orders(&self.map, &self.fleet.tenants, &demand);
        orders.extend(extra);
        let mut config = DayConfig::new(self.fleet.clone(), twin);
        config.orders = Some(orders);
        config.n_threads = n_threads;
        config.wind_down = NIGHT;
        let (mut records, mut bytes) = (Vec::new(), Vec::new());
        let mut sink = |record: &Record, text: &[u8]| {
            records.push(record.clone());
            bytes.push(text.to_vec());
        };
        let mut look = |p: day::Progress| watch((p.elapsed / p.length).clamp(0.0, 1.0));
        let (result, _) = day::run(&self.map, &config, &mut sink, &mut look)
            .hint("the day cannot be run", "check the city and the numbers given")?;
        Ok(Ledger { records, bytes, audit: result.audit, is_partial: result.is_partial })
    }
}

impl Ledger {
    /// Writes it as a file that `robovan ledger` reads.
    pub(super) fn write(&self, path: &Path, header: &str) -> anyhow::Result<()> {
        let problem = || format!("cannot write {}", path.display());
        let hint = "check that the folder may be written and has space";
        let file = File::create(path).hint(problem(), hint)?;
        let mut log = LogWriter::new(BufWriter::new(file), header).hint(problem(), hint)?;
        for (record, bytes) in self.records.iter().zip(&self.bytes) {
            let entry = Entry { at: record.at, bytes: bytes.clone() };
            log.append(&entry).hint(problem(), hint)?;
        }
        log.finish().hint(problem(), hint)?;
        Ok(())
    }
}

/// Midnight of a day of the chain, UTC, by which the week's clock counts.
pub(super) fn midnight(day: i64) -> Timestamp {
    USUAL_START - Seconds(f64::from(USUAL_START.second_of_day())) + Seconds(day as f64 * 86_400.0)
}
