//! The brain itself: one input in, events and orders to the host out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rv_base::{FacilityId, OrderId, RoadPosition, TicketId, Timestamp, VanId};
use rv_map::City;
use rv_wire::{Channel, Down, Envelope, Up};

use crate::codes;
use crate::config::{ConfigError, FleetConfig};
use crate::event::{EVENT_VERSION, Event, Record, Setup};
use crate::io::{ClosureId, Done, Input, Notice, Output, Rejection};
use crate::planning::Planner;
use crate::roads::Roads;
use crate::state::{Live, State, StopState};

/// Most timers that one step runs; the rest runs in the next.
const TIMERS_PER_STEP_MAX: usize = 10_000;

/// A van that is watched shows what its driver sees for so long before it is asked again.
const SHOW_FOR: rv_base::Seconds = rv_base::Seconds(20.0);

/// Messages to a van that may wait for acknowledgement before no more are queued.
const UNACKED_MAX: usize = 64;

/// The fleet brain. See the crate's documentation.
pub struct Fleet {
    pub(crate) city: Arc<City>,
    pub(crate) config: FleetConfig,
    pub(crate) state: State,
    pub(crate) roads: Roads,
    pub(crate) planner: Planner,
    live: BTreeMap<VanId, Live>,
    /// What drivers that are watched see, as told last; telemetry, so not in the ledger.
    sights: BTreeMap<VanId, Box<rv_wire::SightReport>>,
    /// Until when each watched van was asked to show it.
    shown_until: BTreeMap<VanId, Timestamp>,
    links: Vec<Link>,
    timers: BTreeSet<(Timestamp, Timer)>,
    outbox: Outbox,
}

/// The channel to a van.
struct Link {
    channel: Channel<Down, Up>,
    /// When its timer rings.
    due: Option<Timestamp>,
    /// Something was not sent because too much was unacknowledged.
    is_behind: bool,
}

/// What a step will hand to the host.
#[derive(Default)]
struct Outbox {
    events: Vec<Event>,
    after: Vec<Output>,
    touched: BTreeSet<VanId>,
}

/// What the brain wants to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Plan a hub.
    Plan(FacilityId),
    /// Review what a hub has under way.
    Review(FacilityId),
    /// A circuit departs.
    Circuit(usize),
    /// Repeat what a van has not acknowledged.
    Link(VanId),
    /// A ticket has waited too long.
    Timeout(TicketId),
    /// A simulated operator answers.
    Answer(TicketId),
    /// A lost van is back.
    Fetch(VanId),
    /// A closure ends.
    Reopen(ClosureId),
    /// An announced change of the permits comes into force.
    Permits,
    /// Look for vans that are silent and orders that are hopeless.
    Rounds,
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
    /// The ledger's events are of another version.
    #[error("the ledger has event version {0}, this program reads {EVENT_VERSION}")]
    OtherVersion(u16),
}

impl State {
    /// Folds the next record of a ledger. Needs no city: the records say everything.
    pub fn take(&mut self, record: &Record) -> Result<(), RestoreError> {
        let (expected, found) = (self.n_records, record.position);
        if found != expected {
            return Err(RestoreError::Position { expected, found });
        }
        self.apply(record.at, &record.event).map_err(|_| RestoreError::Unfit(found))
    }
}

impl Fleet {
    /// A fleet at the beginning of its ledger.
    pub fn new(city: Arc<City>, config: FleetConfig) -> Result<Self, ConfigError> {
        config.check(&city)?;
        let permit = |error: rv_rules::PermitError| ConfigError::Permit(error.to_string());
        let roads = Roads::new(city.clone(), &config).map_err(permit)?;
        Ok(Self {
            planner: Planner::new(config.seed),
            city,
            config,
            state: State::default(),
            roads,
            live: BTreeMap::new(),
            sights: BTreeMap::new(),
            shown_until: BTreeMap::new(),
            links: Vec::new(),
            timers: BTreeSet::new(),
            outbox: Outbox::default(),
        })
    }

    /// A fleet as its ledger left it.
    pub fn restore(
        city: Arc<City>,
        config: FleetConfig,
        records: impl Iterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let mut fleet = Self::new(city, config).map_err(RestoreError::Config)?;
        for record in records {
            if let Event::FleetStarted { setup: Some(setup), .. } = &record.event {
                if setup.event_version != EVENT_VERSION {
                    return Err(RestoreError::OtherVersion(setup.event_version));
                }
                if setup.n_edges as usize != fleet.city.graph.n_edges() {
                    return Err(RestoreError::OtherCity(setup.city.clone()));
                }
            }
            fleet.state.take(&record)?;
        }
        fleet.make_links();
        Ok(fleet)
    }

    /// Takes one input and says what the host has to do. `now` never goes back.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let now = now.max(self.state.at);
        match input {
            Input::Start => self.start(now),
            Input::Command { tag, actor, command } => {
                let result = self.command(now, actor, command);
                self.reply(tag, result);
            }
            Input::Uplink { van, envelope } => self.uplink(now, van, envelope),
            Input::Planned(result) => self.planned(now, result),
            Input::Tick => {}
        }
        self.run_timers(now);
        self.flush(now)
    }

    /// When the host has to send [`Input::Tick`] at the latest.
    pub fn next_wakeup(&self) -> Timestamp {
        self.timers.first().map_or(Timestamp::FAR_FUTURE, |(at, _)| *at)
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
        let order = self.state.order(order)?;
        let stop = order.stop?;
        order.code?;
        Some(codes::code(&self.config.secret, stop, order.order.id))
    }

    /// Writes an event down and applies it.
    pub(crate) fn emit(&mut self, now: Timestamp, event: Event) {
        self.state.apply(now, &event).expect("the brain emits only events that fit its state");
        self.outbox.events.push(event);
    }

    /// Queues a message to a van.
    pub(crate) fn send(&mut self, van: VanId, message: Down) {
        let Some(link) = self.links.get_mut(van.idx()) else { return };
        if link.channel.n_unacked() >= UNACKED_MAX || link.channel.send(message).is_err() {
            link.is_behind = true;
        }
        self.outbox.touched.insert(van);
    }

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.outbox.after.push(Output::Notify(notice));
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outbox.after.push(output);
    }

    pub(crate) fn wake(&mut self, at: Timestamp, timer: Timer) {
        self.timers.insert((at, timer));
    }

    /// Where a van is, as far as known. Of one that stands at a stop that is the stop's own place,
    /// for a hand's breadth beyond it would lead once round the block.
    pub(crate) fn whereabouts(&self, van: VanId) -> RoadPosition {
        let state = &self.state.vans[van.idx()];
        let is_moving = |s: &StopState| s.departed.is_some() && s.arrived.is_none();
        let is_under_way = state.stops.iter().chain(&state.dropped).any(is_moving);
        match self.fresh(van) {
            Some(status) if is_under_way || status.position.edge != state.position.edge => {
                status.position
            }
            _ => state.position,
        }
    }

    /// Telemetry of a van since it last left or reached a stop.
    pub(crate) fn fresh(&self, van: VanId) -> Option<&rv_wire::Status> {
        let moved_at = self.state.vans[van.idx()].moved_at;
        self.live.get(&van).map(|live| &live.status).filter(|status| status.at >= moved_at)
    }

    fn reply(&mut self, tag: u64, result: Result<Done, Rejection>) {
        self.outbox.after.push(Output::Reply { tag, result });
    }

    fn start(&mut self, now: Timestamp) {
        let setup = self.setup();
        let is_new = self.state.setup.as_deref() != Some(&setup);
        let session = self.state.session + 1;
        self.emit(now, Event::FleetStarted { session, setup: is_new.then(|| Box::new(setup)) });
        self.make_links();
        self.planner.forget_jobs();
        self.timers.clear();
        for van in (0..self.state.vans.len()).map(VanId::from_idx) {
            self.tell_all(van);
        }
        self.restart_timers(now);
        self.repeat_notices();
    }

    fn make_links(&mut self) {
        let session = self.state.session;
        self.links = self
            .state
            .vans
            .iter()
            .map(|van| Link {
                channel: Channel::resume(session, van.cursor),
                due: None,
                is_behind: false,
            })
            .collect();
    }

    fn setup(&self) -> Setup {
        let start = |hub: FacilityId| self.city.facilities[hub.idx()].stop;
        Setup {
            event_version: EVENT_VERSION,
            city: self.city.name.clone(),
            n_edges: self.city.graph.n_edges() as u32,
            tenants: self.config.tenants.clone(),
            classes: self.config.classes.clone(),
            vans: self.config.vans.clone(),
            van_starts: self.config.vans.iter().map(|van| start(van.hub)).collect(),
            permits: self.config.permits.clone(),
            n_operators: self.config.operators.n,
            costs: self.config.costs,
            utc_offset: self.config.utc_offset_s,
        }
    }

    /// Tells a van everything that holds for it.
    fn tell_all(&mut self, van: VanId) {
        let state = &self.state.vans[van.idx()];
        let is_halted = state.is_halted || state.lost_until.is_some();
        let mission = (state.version > 0).then(|| rv_wire::Mission {
            id: state.mission,
            version: state.version,
            stops: state.stops.iter().map(|stop| stop.stop.clone()).collect(),
        });
        if self.state.closure_epoch > 0 {
            self.send(van, self.closures_message());
        }
        if self.state.permit_epoch > 1 {
            self.send(van, self.permits_message(van));
        }
        if let Some(mission) = mission {
            self.send(van, Down::Mission(mission));
        }
        if is_halted {
            self.send(van, Down::Halt);
        }
        self.repeat_answers(van);
    }

    /// Asks a van to show what its driver sees; asked again before that ends, it goes on.
    pub(crate) fn show(&mut self, now: Timestamp, van: VanId) -> Result<Done, Rejection> {
        if van.idx() >= self.state.vans.len() {
            return Err(Rejection::UnknownVan(van));
        }
        self.shown_until.retain(|_, until| *until > now);
        let shown_until = &self.shown_until;
        self.sights.retain(|van, _| shown_until.contains_key(van));
        if self.shown_until.get(&van).is_none_or(|until| *until < now + SHOW_FOR * 0.5) {
            let until = now + SHOW_FOR;
            self.shown_until.insert(van, until);
            self.send(van, Down::Show { until });
        }
        Ok(Done::Done)
    }

    /// What a watched van's driver sees, as told last.
    pub fn sight(&self, van: VanId) -> Option<&rv_wire::SightReport> {
        self.sights.get(&van).map(|report| &**report)
    }

    fn uplink(&mut self, now: Timestamp, van: VanId, envelope: Envelope<Up>) {
        let Some(link) = self.links.get_mut(van.idx()) else { return };
        let is_sequenced = envelope.seq != 0;
        let known_session = link.channel.received().session;
        let body = link.channel.receive(envelope);
        let cursor = link.channel.received();
        self.outbox.touched.insert(van);
        if known_session != 0 && cursor.session != known_session {
            // The van has started anew and may have forgotten what it was told.
            self.tell_all(van);
        }
        match body {
            Some(Up::Status(status)) if !is_sequenced => {
                let is_newer = self.live.get(&van).is_none_or(|l| l.status.at <= status.at);
                if is_newer && status.position.edge.idx() < self.city.graph.n_edges() {
                    self.live.insert(van, Live { status, heard_at: now });
                }
            }
            Some(Up::Sight(report))
                if !is_sequenced
                    && report.seen.len() <= rv_wire::SEEN_MAX
                    && self.shown_until.contains_key(&van) =>
            {
                self.sights.insert(van, report);
            }
            // Only telemetry may come unnumbered; anything else could be a repeat.
            Some(report) if is_sequenced => self.report(now, van, cursor, report),
            _ => {}
        }
        if let Some(live) = self.live.get_mut(&van) {
            live.heard_at = now;
        }
        let link = &mut self.links[van.idx()];
        if link.is_behind && link.channel.n_unacked() < UNACKED_MAX / 4 {
            link.is_behind = false;
            self.tell_all(van);
        }
    }

    fn run_timers(&mut self, now: Timestamp) {
        for _ in 0..TIMERS_PER_STEP_MAX {
            let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= now)
            else {
                return;
            };
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Plan(hub) => self.plan_hub(now, hub),
                Timer::Review(hub) => self.review_wanted(now, hub),
                Timer::Circuit(idx) => self.plan_circuit(now, idx),
                Timer::Link(van) => {
                    self.links[van.idx()].due = None;
                    self.outbox.touched.insert(van);
                }
                Timer::Timeout(ticket) => self.ticket_timeout(now, ticket),
                Timer::Answer(ticket) => self.operator_answers(now, ticket),
                Timer::Fetch(van) => self.fetch_van(now, van),
                Timer::Reopen(closure) => self.closure_ends(now, closure),
                Timer::Permits => self.permits_in_force(now),
                Timer::Rounds => self.rounds(now),
            }
        }
    }

    /// Hands everything to the host: the events first, so that nothing is said or acknowledged
    /// before it is in the ledger.
    fn flush(&mut self, now: Timestamp) -> Vec<Output> {
        let Outbox { events, after, touched } = std::mem::take(&mut self.outbox);
        let mut outputs = Vec::with_capacity(after.len() + touched.len() + 1);
        if !events.is_empty() {
            outputs.push(Output::Append(events));
        }
        outputs.extend(after);
        for van in touched {
            let Some(link) = self.links.get_mut(van.idx()) else { continue };
            for envelope in link.channel.due(now) {
                outputs.push(Output::Send { van, envelope });
            }
            if let Some(due) = link.due.take() {
                self.timers.remove(&(due, Timer::Link(van)));
            }
            if let Some(due) = link.channel.next_due(now) {
                // A burst that is not through goes on a moment later.
                let due = due.max(now + rv_base::Seconds(0.05));
                link.due = Some(due);
                self.timers.insert((due, Timer::Link(van)));
            }
        }
        outputs
    }
}
