//! The twin: virtual clock, vehicles, people, streets and demand.

use std::collections::BTreeMap;
use std::sync::Arc;

use rv_base::{
    FacilityId, Meters, OrderId, ParcelId, RoadPosition, Seconds, StopId, Timestamp, VanId,
    WattHours,
};
use rv_fleet::audit::DrivenEdge;
use rv_fleet::{Actor, Command, FleetConfig, Notice, SlowRoad};
use rv_map::City;
use rv_onboard::{Atlas, OnboardConfig, OnboardMemory, Output};
use rv_wire::{FaultKind, OnboardState, PermitPhase};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{Days, Drives, TwinConfig};
use crate::demand::{DemandDay, Planned};
use crate::detail::{Detail, Manoeuvred};
use crate::faults::Fault;
use crate::link::Radio;
use crate::people::{Crowd, Visitor};
use crate::streets::{Streets, Weather, mix};
use crate::van::{Deed, SimVan, VanRow};

/// Shards of what people know.
const N_CROWDS: usize = 64;

/// A day, after which demand comes again.
const DAY: Seconds = Seconds(86_400.0);

/// Time between two steps.
const TICK: Seconds = Seconds(1.0);

/// From the fleet to its vehicles and people.
#[derive(Clone, Debug, PartialEq)]
pub enum FromFleet {
    /// A message to a van, as bytes.
    Downlink(VanId, Vec<u8>),
    /// Something for a person.
    Notice(Notice),
}

/// From vehicles and clients to the fleet.
#[derive(Clone, Debug, PartialEq)]
pub enum ToFleet {
    /// A van's message, as bytes.
    Uplink(VanId, Vec<u8>),
    /// A command.
    Command(Actor, Command),
}

/// Why a twin cannot be made or go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TwinError {
    /// A van's hub or class is missing.
    #[error("van {0} has no hub or no class")]
    Van(VanId),
    /// A permit is malformed.
    #[error("permit: {0}")]
    Permit(#[from] rv_rules::PermitError),
    /// A stored row does not fit.
    #[error("stored row '{0}' cannot be read")]
    Row(String),
    /// A row is not there.
    #[error("stored row '{0}' is missing")]
    Missing(String),
    /// There is no such van.
    #[error("van {0} does not exist")]
    UnknownVan(VanId),
    /// There is no such facility.
    #[error("facility {0} does not exist")]
    UnknownFacility(FacilityId),
    /// An edge is not on the map.
    #[error("an edge is not on the map")]
    UnknownEdge,
}

/// Where a van is and what it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VanGlimpse {
    /// Where.
    pub position: RoadPosition,
    /// Distance driven in its life.
    pub odometer: Meters,
    /// Energy in its battery.
    pub stored: WattHours,
    /// What it does.
    pub state: OnboardState,
}

/// A simulated city with a fleet's vehicles.
#[derive(Debug)]
pub struct Twin {
    atlas: Atlas,
    fleet: FleetConfig,
    config: TwinConfig,
    streets: Streets,
    vans: Vec<SimVan>,
    /// Vans driven in detail; made anew after a restart, from where they are.
    detail: Option<Detail>,
    crowds: Vec<Crowd>,
    is_crowd_dirty: Vec<bool>,
    /// Facilities by the edge at which vans stop for them.
    facilities: BTreeMap<rv_base::EdgeId, Vec<FacilityId>>,
    orders: Vec<Planned>,
    faults: Vec<(Timestamp, Fault)>,
    w: WorldRow,
    /// Faults that happened since the start, by kind.
    n_faults: BTreeMap<&'static str, u64>,
    scratch: Vec<Output>,
}

/// What must be stored of the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WorldRow {
    now: Timestamp,
    day: u32,
    n_orders_given: usize,
    n_faults_done: usize,
    /// Orders that are given instead of the seeded ones were loaded from outside.
    has_own_orders: bool,
    weather: Weather,
    blocked: BTreeMap<rv_base::EdgeId, Timestamp>,
    jammed: BTreeMap<FacilityId, Timestamp>,
}

/// What a van meets while it is stepped.
pub(crate) struct Surroundings<'a> {
    pub(crate) atlas: &'a Atlas,
    pub(crate) config: &'a TwinConfig,
    pub(crate) streets: &'a Streets,
    crowds: &'a [Crowd],
    facilities: &'a BTreeMap<rv_base::EdgeId, Vec<FacilityId>>,
    jammed: &'a BTreeMap<FacilityId, Timestamp>,
}

impl Twin {
    /// A city at the start of its first day, each van charged at its hub.
    ///
    /// The first orders come `announced_before_s` before `config.start`: advance from there.
    pub fn new(city: Arc<City>, fleet: FleetConfig, config: TwinConfig) -> Result<Self, TwinError> {
        let atlas = Atlas::new(city, fleet.utc_offset_s);
        atlas.permits.index(&atlas.city.graph, &fleet.permits)?;
        let now = config.start - config.demand.announced_before_s;
        let root = rv_base::Rng::from_seed(config.seed);
        let vans = fleet
            .vans
            .iter()
            .map(|van| {
                let class = fleet.classes.get(usize::from(van.class_idx));
                let hub = atlas.city.facilities.get(van.hub.idx());
                let (Some(class), Some(hub)) = (class, hub) else {
                    return Err(TwinError::Van(van.id));
                };
                let permits = fleet.permit_phases(van);
                let onboard = Self::onboard_config(van.id, class, permits, &config);
                let radio = Radio::new(root.fork_idx("radio", u64::from(van.id.0)));
                let stored = class.battery;
                Ok(SimVan::new(now, onboard, atlas.clone(), hub.stop, stored, radio))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let world = WorldRow {
            now,
            day: 0,
            n_orders_given: 0,
            n_faults_done: 0,
            has_own_orders: false,
            weather: config.weather,
            blocked: BTreeMap::new(),
            jammed: BTreeMap::new(),
        };
        let mut twin = Self::assemble(atlas, fleet, config, vans, world);
        twin.make_day();
        Ok(twin)
    }

    /// A twin that goes on from stored rows.
    pub fn restore(
        city: Arc<City>,
        fleet: FleetConfig,
        config: TwinConfig,
        rows: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Self, TwinError> {
        let rows: BTreeMap<String, Vec<u8>> = rows.into_iter().collect();
        let mut twin = Self::new(city, fleet, config)?;
        twin.w = read_row(&rows, "world")?;
        let now = twin.w.now;
        for idx in 0..twin.vans.len() {
            let row: (OnboardMemory, VanRow) = read_row(&rows, &format!("van/{idx}"))?;
            let van = &twin.fleet.vans[idx];
            let class = &twin.fleet.classes[usize::from(van.class_idx)];
            let permits = twin.fleet.permit_phases(van);
            let onboard = Self::onboard_config(van.id, class, permits, &twin.config);
            twin.vans[idx] = SimVan::restore(now, onboard, twin.atlas.clone(), row);
        }
        for shard in 0..N_CROWDS {
            if let Some(crowd) = read_row_if_there(&rows, &format!("crowd/{shard}"))? {
                twin.crowds[shard] = crowd;
            }
        }
        twin.streets.weather = twin.w.weather;
        twin.streets.blocked = twin.w.blocked.clone();
        twin.make_day();
        Ok(twin)
    }

    fn assemble(
        atlas: Atlas,
        fleet: FleetConfig,
        config: TwinConfig,
        vans: Vec<SimVan>,
        world: WorldRow,
    ) -> Self {
        let mut facilities: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (idx, facility) in atlas.city.facilities.iter().enumerate() {
            facilities.entry(facility.stop.edge).or_default().push(FacilityId::from_idx(idx));
        }
        let mut streets = Streets::new(
            &atlas.city.graph,
            config.traffic.clone(),
            fleet.utc_offset_s,
            world.weather,
            config.seed,
        );
        // What is jammed at the stored moment has been told.
        streets.set_time(world.now);
        Self {
            atlas,
            fleet,
            config,
            streets,
            detail: None,
            vans,
            crowds: vec![Crowd::default(); N_CROWDS],
            is_crowd_dirty: vec![true; N_CROWDS],
            facilities,
            orders: Vec::new(),
            faults: Vec::new(),
            w: world,
            n_faults: BTreeMap::new(),
            scratch: Vec::new(),
        }
    }

    fn onboard_config(
        van: VanId,
        class: &rv_model::VanClass,
        permits: Vec<PermitPhase>,
        config: &TwinConfig,
    ) -> OnboardConfig {
        OnboardConfig {
            permits,
            status_every: config.status_every_s,
            ..OnboardConfig::new(van, class.clone())
        }
    }

    /// The moment up to which it has been simulated.
    pub fn now(&self) -> Timestamp {
        self.w.now
    }

    /// Replaces the seeded demand of the first day by these orders; to be repeated after a
    /// restore.
    pub fn use_orders(&mut self, mut orders: Vec<Planned>) {
        orders.sort_by_key(|planned| planned.at);
        self.orders = orders;
        self.w.has_own_orders = true;
    }

    /// True if trucks are still to be loaded or unloaded today.
    pub fn expects_trucks(&self) -> bool {
        let is_truck = |planned: &Planned| {
            matches!(planned.command, Command::LoadTruck { .. } | Command::UnloadTruck { .. })
        };
        self.orders.get(self.w.n_orders_given..).is_some_and(|rest| rest.iter().any(is_truck))
    }

    /// Moves on to `to` in steps of a second. What the fleet said since the last call goes out
    /// first; what vans and clients say comes back in a fixed order.
    pub fn advance(&mut self, to: Timestamp, inbox: Vec<FromFleet>) -> Vec<ToFleet> {
        for message in inbox {
            self.take(message);
        }
        let mut said = Vec::new();
        while self.w.now + TICK <= to {
            self.w.now = self.w.now + TICK;
            self.tick(&mut said);
        }
        said
    }

    /// Something goes wrong now.
    pub fn inject(&mut self, fault: Fault) -> Result<(), TwinError> {
        self.check_fault(&fault)?;
        self.apply(fault);
        Ok(())
    }

    /// Rows that changed since the last call, to be stored together with what the fleet appended.
    pub fn dirty_snapshots(&mut self) -> Vec<(String, Vec<u8>)> {
        let now = self.w.now;
        let mut rows = Vec::new();
        for (idx, van) in self.vans.iter_mut().enumerate() {
            if let Some(row) = van.take_row(now) {
                rows.push((format!("van/{idx}"), to_row(&row)));
            }
        }
        for (shard, is_dirty) in self.is_crowd_dirty.iter_mut().enumerate() {
            if std::mem::take(is_dirty) {
                rows.push((format!("crowd/{shard}"), to_row(&self.crowds[shard])));
            }
        }
        self.w.weather = self.streets.weather;
        if self.w.blocked != self.streets.blocked {
            self.w.blocked.clone_from(&self.streets.blocked);
        }
        // The clock moves with every call.
        rows.push(("world".to_owned(), to_row(&self.w)));
        rows
    }

    /// What each van drove since the last call, if it is kept.
    pub fn take_driven(&mut self) -> Vec<(VanId, Vec<DrivenEdge>)> {
        self.vans.iter_mut().map(|van| (van.id, std::mem::take(&mut van.driven))).collect()
    }

    /// What each van has on board.
    pub fn on_board(&self) -> Vec<(VanId, Vec<ParcelId>)> {
        self.vans.iter().map(|van| (van.id, van.brain.on_board().collect())).collect()
    }

    /// What went wrong since the start, by kind: faults, and messages lost and repeated.
    pub fn happened(&self) -> BTreeMap<&'static str, u64> {
        let mut happened = self.n_faults.clone();
        let sum = |of: fn(&Radio) -> u64| self.vans.iter().map(|van| of(&van.row.radio)).sum();
        happened.insert("message_lost", sum(|radio| radio.n_lost));
        happened.insert("message_repeated", sum(|radio| radio.n_repeated));
        happened
    }

    /// Where a van is and what it does.
    pub fn glimpse(&self, van: VanId) -> Option<VanGlimpse> {
        let (position, odometer, stored, state) = self.vans.get(van.idx())?.state(self.w.now);
        Some(VanGlimpse { position, odometer, stored, state })
    }

    /// Times a van came to the end of its path with speed; a fault of the driver if ever.
    pub fn n_overruns(&self) -> u32 {
        self.vans.iter().map(|van| van.row.body.n_overruns).sum()
    }

    fn take(&mut self, message: FromFleet) {
        match message {
            FromFleet::Downlink(id, bytes) => {
                let now = self.w.now;
                if let Some(van) = self.vans.get_mut(id.idx()) {
                    van.send_down(now, &self.config.link, bytes);
                }
            }
            FromFleet::Notice(notice) => self.take_notice(notice),
        }
    }

    fn take_notice(&mut self, notice: Notice) {
        let shard = |order: OrderId| (order.0 % N_CROWDS as u64) as usize;
        match notice {
            Notice::Code { order, stop, code, .. } => {
                self.crowds[shard(order)].codes.insert(order, (stop, code));
                self.is_crowd_dirty[shard(order)] = true;
            }
            Notice::Delivered { order, .. }
            | Notice::Returned { order, .. }
            | Notice::Cancelled { order } => {
                if self.crowds[shard(order)].codes.remove(&order).is_some() {
                    self.is_crowd_dirty[shard(order)] = true;
                }
            }
            Notice::FetchVan { van, hub } => {
                let now = self.w.now;
                let hub = self.atlas.city.facilities.get(hub.idx());
                if let (Some(van), Some(hub)) = (self.vans.get_mut(van.idx()), hub) {
                    van.schedule(now, Deed::Fetched(hub.stop));
                }
            }
            Notice::Arrived { .. } | Notice::TryingAgain { .. } => {}
        }
    }

    /// One second.
    fn tick(&mut self, said: &mut Vec<ToFleet>) {
        let now = self.w.now;
        if self.streets.set_time(now) {
            let slow = self.streets.jammed().iter().map(|(edge, factor)| SlowRoad {
                edge: *edge,
                factor_permille: (factor * 1000.0) as u32,
            });
            let command = Command::SetTraffic { slow: slow.collect() };
            said.push(ToFleet::Command(Actor::OPERATOR, command));
        }
        if self.w.jammed.values().any(|until| *until <= now) {
            self.w.jammed.retain(|_, until| *until > now);
        }
        if self.config.days == Days::Every && now >= self.day_start() + DAY - Seconds(3600.0) {
            self.w.day += 1;
            self.w.n_orders_given = 0;
            self.w.n_faults_done = 0;
            self.w.has_own_orders = false;
            self.make_day();
        }
        while let Some(planned) =
            self.orders.get(self.w.n_orders_given).filter(|planned| planned.at <= now)
        {
            said.push(ToFleet::Command(planned.actor, planned.command.clone()));
            self.w.n_orders_given += 1;
        }
        while let Some((_, fault)) =
            self.faults.get(self.w.n_faults_done).filter(|(at, _)| *at <= now)
        {
            let fault = fault.clone();
            self.w.n_faults_done += 1;
            self.apply(fault);
        }
        self.drive_in_detail(now);
        let mut scratch = std::mem::take(&mut self.scratch);
        let (around, vans) = self.split();
        for van in vans {
            if van.due <= now {
                van.step(now, &around, &mut scratch);
            }
            while let Some(bytes) = van.row.radio.next_up(now) {
                said.push(ToFleet::Uplink(van.id, bytes));
            }
        }
        self.scratch = scratch;
        if self.config.drives == Drives::Dropped {
            self.vans.iter_mut().for_each(|van| van.driven.clear());
        }
    }

    /// What the vans that are driven in detail have manoeuvred so far.
    pub fn manoeuvred(&self) -> Manoeuvred {
        self.detail.as_ref().map(Detail::manoeuvred).unwrap_or_default()
    }

    /// Lets the chosen vans drive for a second amid traffic and people.
    fn drive_in_detail(&mut self, now: Timestamp) {
        let n = (self.config.n_detailed as usize).min(self.vans.len());
        if n == 0 {
            return;
        }
        let (city, seed) = (&self.atlas.city, self.config.seed);
        let roads = &self.atlas.roads;
        let detail = self.detail.get_or_insert_with(|| Detail::new(city, roads, seed, now));
        detail.second(now, self.streets.weather, &self.atlas.roads, &mut self.vans[..n]);
    }

    fn split(&mut self) -> (Surroundings<'_>, &mut [SimVan]) {
        let around = Surroundings {
            atlas: &self.atlas,
            config: &self.config,
            streets: &self.streets,
            crowds: &self.crowds,
            facilities: &self.facilities,
            jammed: &self.w.jammed,
        };
        (around, &mut self.vans)
    }

    fn day_start(&self) -> Timestamp {
        self.config.start + DAY * f64::from(self.w.day)
    }

    /// Makes the orders and faults of the current day.
    fn make_day(&mut self) {
        let start = self.day_start();
        let seed = self.config.seed.wrapping_add(u64::from(self.w.day));
        if !self.w.has_own_orders {
            let day = DemandDay {
                start,
                length: self.config.day_length_s,
                n_parcels: self.config.n_parcels,
                utc_offset: self.fleet.utc_offset_s,
                seed,
            };
            self.orders = self.config.demand.orders(&self.atlas.city, &self.fleet.tenants, &day);
        }
        let end = match self.config.days {
            Days::One => start + self.config.day_length_s,
            Days::Every => start + DAY,
        };
        let rates = &self.config.faults;
        self.faults = rates.schedule(&self.atlas.city, self.vans.len(), start, end, seed);
    }

    fn check_fault(&self, fault: &Fault) -> Result<(), TwinError> {
        match fault {
            Fault::VanDead { van }
            | Fault::VanReboot { van, .. }
            | Fault::SensorDegraded { van, .. }
            | Fault::DoorStuck { van, .. }
            | Fault::LinkLost { van, .. } => {
                if van.idx() >= self.vans.len() {
                    return Err(TwinError::UnknownVan(*van));
                }
            }
            Fault::LockerJammed { facility, .. } => {
                if facility.idx() >= self.atlas.city.facilities.len() {
                    return Err(TwinError::UnknownFacility(*facility));
                }
            }
            Fault::RoadBlocked { edges, .. } => {
                if edges.iter().any(|edge| edge.idx() >= self.atlas.city.graph.n_edges()) {
                    return Err(TwinError::UnknownEdge);
                }
            }
            Fault::AddressWrong { .. } | Fault::Weather(_) => {}
        }
        Ok(())
    }

    /// Lets a checked fault happen.
    fn apply(&mut self, fault: Fault) {
        let now = self.w.now;
        *self.n_faults.entry(fault.name()).or_default() += 1;
        match fault {
            Fault::RoadBlocked { edges, until } => {
                self.streets.blocked.extend(edges.into_iter().map(|edge| (edge, until)));
            }
            Fault::VanDead { van } => self.fail(van, FaultKind::Dead, None),
            Fault::SensorDegraded { van, until } => {
                self.fail(van, FaultKind::SensorDegraded, Some(until));
            }
            Fault::DoorStuck { van, until } => self.fail(van, FaultKind::DoorStuck, Some(until)),
            Fault::VanReboot { van, downtime } => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let (around, vans) = self.split();
                vans[van.idx()].go_down(now, downtime, &around, &mut scratch);
                self.scratch = scratch;
            }
            Fault::LinkLost { van, until } => {
                self.vans[van.idx()].row.radio.lose_until(until);
                self.vans[van.idx()].is_dirty = true;
            }
            Fault::LockerJammed { facility, until } => {
                self.w.jammed.insert(facility, until);
            }
            Fault::AddressWrong { order } => {
                let shard = (order.0 % N_CROWDS as u64) as usize;
                self.crowds[shard].nowhere.insert(order);
                self.is_crowd_dirty[shard] = true;
            }
            Fault::Weather(weather) => self.streets.weather = weather,
        }
    }

    fn fail(&mut self, van: VanId, kind: FaultKind, until: Option<Timestamp>) {
        let now = self.w.now;
        let mut scratch = std::mem::take(&mut self.scratch);
        let (around, vans) = self.split();
        let van = &mut vans[van.idx()];
        van.fail(now, kind, &around, &mut scratch);
        if let Some(until) = until {
            van.schedule(until, Deed::Repair(kind));
        }
        self.scratch = scratch;
    }
}

impl Surroundings<'_> {
    /// The code that an order's person knows for a stop.
    pub(crate) fn code(&self, order: OrderId, stop: StopId) -> Option<String> {
        let (of, code) = self.crowds[(order.0 % N_CROWDS as u64) as usize].codes.get(&order)?;
        (*of == stop).then(|| code.clone())
    }

    /// What the person of an order does.
    pub(crate) fn visitor(&self, order: OrderId, stop: StopId) -> Visitor {
        let crowd = &self.crowds[(order.0 % N_CROWDS as u64) as usize];
        let mut visitor = self.config.people.visitor(
            self.config.seed,
            order,
            stop,
            self.config.faults.wrong_addresses,
        );
        if crowd.nowhere.contains(&order) {
            visitor.comes_after = None;
        }
        visitor
    }

    /// The facility whose stop this is.
    pub(crate) fn facility_at(&self, position: RoadPosition) -> Option<FacilityId> {
        let at = |id: &FacilityId| {
            (self.atlas.city.facilities[id.idx()].stop.offset - position.offset).abs()
        };
        let near = self.facilities.get(&position.edge)?.iter();
        near.copied().filter(|id| at(id) < Meters(2.0)).min_by(|a, b| at(a).total_cmp(&at(b)))
    }

    /// True if this locker does not open.
    pub(crate) fn is_jammed(&self, facility: FacilityId) -> bool {
        self.jammed.contains_key(&facility)
    }

    /// True if a parcel is not found when it is to be loaded.
    pub(crate) fn is_missing(&self, parcel: ParcelId) -> bool {
        let share = self.config.faults.missing_parcels;
        share > 0.0
            && (mix(self.config.seed ^ parcel.0.rotate_left(17)) >> 11) as f64
                / ((1_u64 << 53) as f64)
                < share
    }
}

fn to_row(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value)
        .expect("plain data without maps of unknown length always serialises into a Vec")
}

fn read_row<T: serde::de::DeserializeOwned>(
    rows: &BTreeMap<String, Vec<u8>>,
    key: &str,
) -> Result<T, TwinError> {
    read_row_if_there(rows, key)?.ok_or_else(|| TwinError::Missing(key.to_owned()))
}

fn read_row_if_there<T: serde::de::DeserializeOwned>(
    rows: &BTreeMap<String, Vec<u8>>,
    key: &str,
) -> Result<Option<T>, TwinError> {
    rows.get(key)
        .map(|bytes| postcard::from_bytes(bytes).map_err(|_| TwinError::Row(key.to_owned())))
        .transpose()
}
