//! A whole day: the twin and the fleet's brain in one loop on virtual time.
//!
//! Each second the twin moves on, what it says goes to the brain, and what the brain wants goes to
//! the ledger, back to the twin, or to the planning threads, whose results are fed back at the
//! virtual time that the job names. So the ledger depends on city, configuration and seed alone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rv_base::{ParcelId, Seconds, Timestamp, VanId, WattHours};
use rv_fleet::audit::{Audit, AuditReport, DrivenEdge};
use rv_fleet::{
    Actor, Command, ConfigError, Event, Fleet, FleetConfig, Input, Output, Record, Rejection,
    RestoreError, Tally,
};
use rv_log::{Chain, Digest};
use rv_map::City;
use thiserror::Error;

use crate::config::TwinConfig;
use crate::demand::Planned;
use crate::pool::Pool;
use crate::twin::{FromFleet, ToFleet, Twin, TwinError};

/// Time between two rows of the history.
const HISTORY_EVERY_S: i64 = 300;

/// Time between two calls of the watcher.
const WATCH_EVERY_S: i64 = 30;

/// A day to run.
#[derive(Clone, Debug)]
pub struct DayConfig {
    /// The fleet.
    pub fleet: FleetConfig,
    /// The world around it.
    pub twin: TwinConfig,
    /// Orders in place of the seeded ones.
    pub orders: Option<Vec<Planned>>,
    /// Planning threads.
    pub n_threads: usize,
    /// Longest time after the day's end in which vans come back and parcels are returned.
    pub wind_down: Seconds,
    /// Moments at which the fleet's process dies and is restored from its ledger.
    pub crashes: Vec<Timestamp>,
}

impl DayConfig {
    /// A day without crashes, on one planning thread.
    pub fn new(fleet: FleetConfig, twin: TwinConfig) -> Self {
        Self {
            fleet,
            twin,
            orders: None,
            n_threads: 1,
            wind_down: Seconds(4.0 * 3600.0),
            crashes: Vec::new(),
        }
    }
}

/// Why a day could not be run to its end.
#[derive(Debug, Error)]
pub enum DayError {
    /// The fleet's configuration is unusable.
    #[error("fleet configuration: {0}")]
    Config(#[from] ConfigError),
    /// The twin cannot be made.
    #[error("twin: {0}")]
    Twin(#[from] TwinError),
    /// The fleet could not be restored from its own ledger.
    #[error("restore after a crash: {0}")]
    Restore(#[from] RestoreError),
    /// A planning thread ended.
    #[error("a planning thread ended before its job was done")]
    Planner,
}

/// How far a day has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Virtual time since the first order could come.
    pub elapsed: Seconds,
    /// Virtual time until the day's end.
    pub length: Seconds,
    /// Orders taken on so far.
    pub n_orders: u64,
    /// Orders delivered so far.
    pub n_delivered: u64,
}

/// One row of the day's history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryRow {
    /// When.
    pub at: Timestamp,
    /// Orders delivered until then.
    pub n_delivered: u64,
    /// Of these, inside their window.
    pub n_on_time: u64,
    /// Orders open.
    pub n_pending: u64,
    /// Vans driving.
    pub n_driving: usize,
    /// Vans at a stop.
    pub n_serving: usize,
    /// Vans charging.
    pub n_charging: usize,
    /// Vans stopped, at fault or waiting for help.
    pub n_trouble: usize,
    /// Mean energy in the batteries.
    pub stored_mean: WattHours,
    /// Least energy in any battery.
    pub stored_min: WattHours,
}

/// What a day came to.
#[derive(Debug)]
pub struct DayResult {
    /// The independent check of the ledger.
    pub audit: AuditReport,
    /// The brain's own sums.
    pub tally: Tally,
    /// Hash over the ledger.
    pub ledger: Digest,
    /// Entries of the ledger.
    pub n_records: u64,
    /// Virtual time at the end.
    pub ended_at: Timestamp,
    /// True if it was stopped before its end.
    pub is_partial: bool,
    /// The history, by five minutes.
    pub history: Vec<HistoryRow>,
    /// What the ledger says of the fleet's setup and of permits that changed.
    pub rules: Vec<Event>,
    /// What each van really drove.
    pub driven: Vec<(VanId, Vec<DrivenEdge>)>,
    /// What went wrong, by kind.
    pub happened: BTreeMap<&'static str, u64>,
    /// What each van has on board at the end.
    pub on_board: Vec<(VanId, Vec<ParcelId>)>,
    /// Rejected commands by code.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Times a van came to the end of its path with speed.
    pub n_overruns: u32,
    /// Messages from vans to the fleet, and back.
    pub n_messages: (u64, u64),
}

/// Runs a day. `sink` gets each record with its canonical bytes as it is appended; `watch` is
/// called every half minute of virtual time and may stop the run.
pub fn run(
    city: &Arc<City>,
    config: &DayConfig,
    sink: &mut dyn FnMut(&Record, &[u8]),
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(DayResult, Fleet), DayError> {
    let mut run = Run::new(city, config, sink)?;
    let is_partial = run.run_to_end(watch)?;
    Ok(run.finish(is_partial))
}

struct Run<'a> {
    city: &'a Arc<City>,
    config: &'a DayConfig,
    sink: &'a mut dyn FnMut(&Record, &[u8]),
    fleet: Fleet,
    twin: Twin,
    pool: Pool,
    /// Jobs by the time at which their results are fed back.
    jobs: BTreeMap<(Timestamp, u64), ()>,
    inbox: Vec<FromFleet>,
    chain: Chain,
    audit: Audit<'a>,
    next_position: u64,
    /// The ledger, if a crash is to come.
    kept: Vec<Record>,
    n_commands: u64,
    rejected: BTreeMap<&'static str, u64>,
    history: Vec<HistoryRow>,
    rules: Vec<Event>,
    n_messages: (u64, u64),
    n_crashes: u64,
    n_closures: u64,
}

impl<'a> Run<'a> {
    fn new(
        city: &'a Arc<City>,
        config: &'a DayConfig,
        sink: &'a mut dyn FnMut(&Record, &[u8]),
    ) -> Result<Self, DayError> {
        let fleet = Fleet::new(Arc::clone(city), config.fleet.clone())?;
        let mut twin = Twin::new(Arc::clone(city), config.fleet.clone(), config.twin.clone())?;
        if let Some(orders) = &config.orders {
            twin.use_orders(orders.clone());
        }
        let mut run = Self {
            city,
            config,
            sink,
            fleet,
            twin,
            pool: Pool::new(config.n_threads),
            jobs: BTreeMap::new(),
            inbox: Vec::new(),
            chain: Chain::default(),
            audit: Audit::new(Some(city)),
            next_position: 0,
            kept: Vec::new(),
            n_commands: 0,
            rejected: BTreeMap::new(),
            history: Vec::new(),
            rules: Vec::new(),
            n_messages: (0, 0),
            n_crashes: 0,
            n_closures: 0,
        };
        let now = run.twin.now();
        run.feed(now, Input::Start);
        Ok(run)
    }

    /// Runs until the day is over; true if it was stopped before.
    fn run_to_end(
        &mut self,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, DayError> {
        let start = self.twin.now();
        let close_at = self.config.twin.start + self.config.twin.day_length_s;
        let end = close_at + self.config.wind_down;
        let mut crashes = self.config.crashes.iter().copied().peekable();
        let mut is_closed = false;
        let mut now = start;
        while now < end {
            now = now + Seconds(1.0);
            if crashes.next_if(|at| *at <= now).is_some() {
                self.crash(now)?;
            }
            if !is_closed && now >= close_at {
                is_closed = true;
                self.command(now, Actor::ADMIN, Command::CloseDay);
            }
            self.second(now)?;
            let second = now.0.div_euclid(1000);
            if second % HISTORY_EVERY_S == 0 {
                self.note_history(now);
            }
            if second % WATCH_EVERY_S == 0 {
                let tally = &self.fleet.state().tally;
                let progress = Progress {
                    elapsed: now - start,
                    length: close_at - start,
                    n_orders: tally.n_orders,
                    n_delivered: tally.n_delivered,
                };
                if watch(progress).is_break() {
                    return Ok(true);
                }
                let is_quiet = tally.n_pending() == 0 && !self.twin.expects_trucks();
                if is_closed && is_quiet && self.are_vans_home() {
                    break;
                }
            }
        }
        Ok(false)
    }

    fn second(&mut self, now: Timestamp) -> Result<(), DayError> {
        while let Some(entry) = self.jobs.first_entry() {
            let (ready, ticket) = *entry.key();
            if ready > now {
                break;
            }
            entry.remove();
            let result = self.pool.take(ticket).ok_or(DayError::Planner)?;
            self.feed(now, Input::Planned(result));
        }
        let inbox = std::mem::take(&mut self.inbox);
        for said in self.twin.advance(now, inbox) {
            match said {
                ToFleet::Command(actor, command) => self.command(now, actor, command),
                ToFleet::Uplink(van, bytes) => {
                    self.n_messages.0 += 1;
                    // Bytes that are no message are dropped, as any receiver must.
                    if let Ok(envelope) = rv_wire::decode(&bytes) {
                        self.feed(now, Input::Uplink { van, envelope });
                    }
                }
            }
        }
        if self.fleet.next_wakeup() <= now {
            self.feed(now, Input::Tick);
        }
        Ok(())
    }

    fn command(&mut self, now: Timestamp, actor: Actor, command: Command) {
        self.n_commands += 1;
        let tag = self.n_commands;
        self.feed(now, Input::Command { tag, actor, command });
    }

    fn feed(&mut self, now: Timestamp, input: Input) {
        for output in self.fleet.step(now, input) {
            match output {
                Output::Append(events) => self.append(now, events),
                Output::Reply { result: Ok(_), .. } => {}
                Output::Reply { result: Err(rejection), .. } => self.note_rejection(&rejection),
                Output::Send { van, envelope } => {
                    self.n_messages.1 += 1;
                    self.inbox.push(FromFleet::Downlink(van, rv_wire::encode(&envelope)));
                }
                Output::Plan(job) => {
                    let ready = now + job.ready_after;
                    let ticket = self.pool.submit(job);
                    self.jobs.insert((ready, ticket), ());
                }
                Output::Notify(notice) => self.inbox.push(FromFleet::Notice(notice)),
            }
        }
    }

    fn append(&mut self, now: Timestamp, events: Vec<Event>) {
        for event in events {
            self.n_closures += u64::from(matches!(event, Event::RoadClosed { .. }));
            let record = Record { position: self.next_position, at: now, event };
            self.next_position += 1;
            let bytes = postcard::to_stdvec(&record.event)
                .expect("plain data without maps of unknown length always serialises");
            self.chain.push(now, &bytes);
            self.audit.push(&record);
            if let Event::FleetStarted { setup: Some(_), .. }
            | Event::PermitGranted { .. }
            | Event::PermitRevoked { .. } = &record.event
            {
                self.rules.push(record.event.clone());
            }
            (self.sink)(&record, &bytes);
            if !self.config.crashes.is_empty() {
                self.kept.push(record);
            }
        }
    }

    fn note_rejection(&mut self, rejection: &Rejection) {
        *self.rejected.entry(rejection.code()).or_default() += 1;
    }

    /// The fleet's process dies: all but the ledger is gone.
    fn crash(&mut self, now: Timestamp) -> Result<(), DayError> {
        self.n_crashes += 1;
        self.inbox.clear();
        let jobs = std::mem::take(&mut self.jobs);
        self.pool.forget(jobs.into_keys().map(|(_, ticket)| ticket));
        self.fleet = Fleet::restore(
            Arc::clone(self.city),
            self.config.fleet.clone(),
            self.kept.iter().cloned(),
        )?;
        self.feed(now, Input::Start);
        Ok(())
    }

    fn are_vans_home(&self) -> bool {
        use rv_wire::OnboardState::{Charging, Idle};
        self.config.fleet.vans.iter().all(|van| {
            self.twin.glimpse(van.id).is_some_and(|seen| matches!(seen.state, Idle | Charging))
        })
    }

    fn note_history(&mut self, now: Timestamp) {
        use rv_wire::OnboardState as State;
        let tally = &self.fleet.state().tally;
        let mut row = HistoryRow {
            at: now,
            n_delivered: tally.n_delivered,
            n_on_time: tally.n_on_time,
            n_pending: tally.n_pending(),
            n_driving: 0,
            n_serving: 0,
            n_charging: 0,
            n_trouble: 0,
            stored_mean: WattHours::ZERO,
            stored_min: WattHours(f64::INFINITY),
        };
        let n_vans = self.config.fleet.vans.len().max(1) as f64;
        for seen in self.config.fleet.vans.iter().filter_map(|van| self.twin.glimpse(van.id)) {
            match seen.state {
                State::Idle => {}
                State::Driving => row.n_driving += 1,
                State::Waiting | State::Serving => row.n_serving += 1,
                State::Charging => row.n_charging += 1,
                State::Stopped | State::MinimalRisk => row.n_trouble += 1,
            }
            row.stored_mean += seen.stored / n_vans;
            row.stored_min = row.stored_min.min(seen.stored);
        }
        self.history.push(row);
    }

    fn finish(mut self, is_partial: bool) -> (DayResult, Fleet) {
        let mut happened = self.twin.happened();
        happened.insert("fleet_crash", self.n_crashes);
        happened.insert("road_closed", self.n_closures);
        happened.insert("area_closed", self.config.fleet.n_areas_closed() as u64);
        happened.retain(|_, n| *n > 0);
        let result = DayResult {
            happened,
            audit: self.audit.finish(),
            tally: self.fleet.state().tally.clone(),
            ledger: self.chain.head(),
            n_records: self.next_position,
            ended_at: self.twin.now(),
            is_partial,
            history: self.history,
            rules: self.rules,
            driven: self.twin.take_driven(),
            on_board: self.twin.on_board(),
            rejected: self.rejected,
            n_overruns: self.twin.n_overruns(),
            n_messages: self.n_messages,
        };
        (result, self.fleet)
    }
}
