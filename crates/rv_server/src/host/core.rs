//! Fleet, world and store in step, without threads or clocks of its own: the part of the host that
//! can be driven by hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rv_base::{Seconds, TicketId, Timestamp};
use rv_fleet::{
    Actor, Command, ConfigError, Done, Event, Fleet, FleetConfig, Input, Notice, Output, PlanJob,
    Rejection, RestoreError,
};
use rv_map::City;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::jobs::{Due, Jobs};
use crate::describe::{NewsItem, describe};
use crate::ledger::{self, FLEET_KEY, Records};
use crate::store::{Append, Batch, READ_LIMIT, Store, StoreError};
use crate::world::{Fault, FromFleet, InjectError, ToFleet, World, WorldKind};

/// Table of the world's snapshots.
const WORLD_TABLE: &str = "world";
/// Table of the host's own rows.
const HOST_TABLE: &str = "host";
/// Topic of notices in the outbox.
const NOTICE_TOPIC: &str = "notice";
/// Ticks without events after which clock and snapshots are committed all the same.
const QUIET_TICKS: u32 = 20;
/// Ticks between two tries to go on after a failed commit.
const RETRY_TICKS: u32 = 20;
/// Fleet time between two commits of a run-up.
const RUN_UP_SPAN: Seconds = Seconds(60.0);
/// Most news and changed tickets kept for the live stream.
const NEWS_MAX: usize = 200;

/// What a host consists of.
pub struct Setup {
    /// The city.
    pub city: Arc<City>,
    /// The fleet's configuration.
    pub fleet: FleetConfig,
    /// The world around it.
    pub world: Box<dyn World>,
    /// Where state is kept.
    pub store: Box<dyn Store>,
    /// Fleet time at which an empty store begins.
    pub start: Timestamp,
    /// Fleet time before which nobody watches: [`Core::run_up`] runs through it. Not after `start`
    /// if there is no such time.
    pub begin: Timestamp,
    /// Speed of fleet time over wall time; what the store says if not given.
    pub speed: Option<f64>,
    /// Speed of an empty store if none is given.
    pub speed_at_start: f64,
    /// Threads for planning.
    pub n_workers: usize,
    /// Longest span of fleet time between two exchanges of fleet and world.
    pub slice: Seconds,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is not usable.
    #[error("the fleet's configuration is not usable")]
    Config(#[from] ConfigError),
    /// The ledger does not fit.
    #[error("the ledger cannot be restored")]
    Restore(#[from] RestoreError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The world's rows do not fit.
    #[error("the world cannot be restored: {0}")]
    World(String),
}

impl OpenError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Config(_) => "correct the configuration; `robovan config show` prints it",
            Self::Restore(RestoreError::OtherCity(_)) => {
                "start with the city that the data directory belongs to, or choose another --data"
            }
            Self::Restore(_) | Self::World(_) => {
                "start with the settings that the data directory was made with, or choose another \
                 --data directory"
            }
            Self::Store(error) => error.hint(),
        }
    }
}

/// Why a command got no answer from the fleet.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HostError {
    /// The fleet said no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too much is asked at once.
    #[error("the server is busy")]
    Busy,
    /// Storage fails; nothing was changed.
    #[error("the server cannot write: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
        /// What the operator can do.
        hint: &'static str,
    },
    /// The server is about to end.
    #[error("the server is stopping")]
    Stopped,
}

/// Where the answer to a command goes.
pub type ReplyTo = oneshot::Sender<Result<Done, HostError>>;

/// A command that waits for the next tick.
pub struct Pending {
    /// Who.
    pub actor: Actor,
    /// What.
    pub command: Command,
    /// Where the answer goes.
    pub reply: ReplyTo,
}

/// What is persisted of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Fleet time.
    pub now: Timestamp,
    /// Fleet seconds a wall second; 0 is paused.
    pub speed: f64,
}

/// What readers see.
pub struct Reader<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// The store.
    pub store: &'a dyn Store,
    /// The clock.
    pub clock: Clock,
    /// What kind of world it is.
    pub world: WorldKind,
}

/// See the module.
pub struct Core {
    city: Arc<City>,
    config: FleetConfig,
    world: Box<dyn World>,
    store: Box<dyn Store>,
    jobs: Jobs,
    clock: Clock,
    target: Timestamp,
    slice: Seconds,
    start: Timestamp,
    begin: Timestamp,
    state: State,
    news: VecDeque<NewsItem>,
    tickets: BTreeSet<TicketId>,
    /// Messages of vans that could not be read.
    pub n_unreadable: u64,
    /// Commits that failed.
    pub n_failed_commits: u64,
}

enum State {
    Running(Box<Engine>),
    Halted { error: HostError, ticks_left: u32 },
}

/// The fleet and what of it is not durable yet.
struct Engine {
    fleet: Fleet,
    n_records: u64,
    inbox: Vec<FromFleet>,
    /// Sends of a real world that wait for the commit.
    held: Vec<FromFleet>,
    bodies: Vec<Vec<u8>>,
    notices: Vec<Vec<u8>>,
    /// Outbox numbers of notices in the inbox, and of those handed over.
    queued: Vec<u64>,
    handed_over: Vec<u64>,
    last_notice: u64,
    waiting: BTreeMap<u64, ReplyTo>,
    replies: Vec<(u64, Result<Done, Rejection>)>,
    next_tag: u64,
    news: Vec<NewsItem>,
    tickets: BTreeSet<TicketId>,
    jobs: Vec<PlanJob>,
    quiet_ticks: u32,
}

impl Core {
    /// Restores what the store holds, or begins.
    pub fn open(setup: Setup) -> Result<Self, OpenError> {
        let stored = read_clock(&*setup.store)?;
        let mut clock = stored.unwrap_or(Clock { now: setup.start, speed: setup.speed_at_start });
        clock.speed = setup.speed.unwrap_or(clock.speed).clamp(0.0, super::SPEED_MAX);
        let mut core = Self {
            city: setup.city,
            config: setup.fleet,
            world: setup.world,
            store: setup.store,
            jobs: Jobs::start(setup.n_workers),
            clock,
            target: clock.now,
            slice: setup.slice.max(Seconds(0.001)),
            start: setup.start,
            begin: setup.begin,
            state: State::Halted { error: HostError::Stopped, ticks_left: 0 },
            news: VecDeque::new(),
            tickets: BTreeSet::new(),
            n_unreadable: 0,
            n_failed_commits: 0,
        };
        core.restore()?;
        Ok(core)
    }

    /// Lets `span` of fleet time pass and carries out commands, all of it durable before anybody
    /// hears of it. Stops early at the wall-clock deadline, if there is one; what is left then is
    /// made up for by later ticks.
    pub fn tick(&mut self, span: Seconds, commands: Vec<Pending>, deadline: Option<Instant>) {
        if let State::Halted { error, ticks_left } = &mut self.state {
            for pending in commands {
                // Whoever asked may be gone.
                let _ = pending.reply.send(Err(error.clone()));
            }
            *ticks_left = ticks_left.saturating_sub(1);
            if *ticks_left == 0 {
                self.try_again();
            }
            return;
        }
        for pending in commands {
            self.command(pending);
        }
        self.target = self.target + span;
        self.pass_time(deadline);
        let due = match &mut self.state {
            State::Running(engine) => {
                engine.quiet_ticks += 1;
                engine.has_news() || engine.quiet_ticks >= QUIET_TICKS
            }
            State::Halted { .. } => false,
        };
        if due {
            self.commit();
        }
    }

    /// Runs through the time before `begin` as fast as the machine can, for at most so much wall
    /// time; what is left passes at the usual speed. Without speed (paused), nothing passes.
    pub fn run_up(&mut self, most: Duration) {
        let end = Instant::now() + most;
        while self.clock.now < self.begin && self.clock.speed > 0.0 && Instant::now() < end {
            let span = (self.begin - self.clock.now).min(RUN_UP_SPAN);
            self.tick(span, Vec::new(), None);
            if matches!(self.state, State::Halted { .. }) {
                return;
            }
        }
    }

    /// Commits whatever is left and tidies the store, for a clean end.
    pub fn close(&mut self) -> Result<(), StoreError> {
        self.commit();
        self.store.checkpoint()
    }

    /// What readers see, or why they see nothing.
    pub fn reader(&self) -> Result<Reader<'_>, HostError> {
        match &self.state {
            State::Running(engine) => Ok(Reader {
                fleet: &engine.fleet,
                store: &*self.store,
                clock: self.clock,
                world: self.world.kind(),
            }),
            State::Halted { error, .. } => Err(error.clone()),
        }
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// How far fleet time is behind what was asked for.
    pub fn lag(&self) -> Seconds {
        self.target - self.clock.now
    }

    /// Gives up time that could not be made up for, beyond `most`.
    pub fn drop_lag(&mut self, most: Seconds) {
        if self.lag() > most {
            self.target = self.clock.now + most;
        }
    }

    /// Planning jobs under way.
    pub fn n_jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Sets the speed, 0 to pause.
    pub fn set_speed(&mut self, speed: f64) {
        self.clock.speed = speed.clamp(0.0, super::SPEED_MAX);
        self.target = self.clock.now;
        if let State::Running(engine) = &mut self.state {
            engine.quiet_ticks = QUIET_TICKS;
        }
    }

    /// Makes a fault in the world.
    pub fn inject(&mut self, fault: Fault) -> Result<(), InjectError> {
        self.world.inject(fault)
    }

    /// Takes the durable news and changed tickets since the last call.
    pub(crate) fn take_news(&mut self) -> (Vec<NewsItem>, Vec<TicketId>) {
        (self.news.drain(..).collect(), std::mem::take(&mut self.tickets).into_iter().collect())
    }

    fn command(&mut self, pending: Pending) {
        let State::Running(engine) = &mut self.state else { return };
        let tag = engine.next_tag;
        engine.next_tag += 1;
        engine.waiting.insert(tag, pending.reply);
        let input = Input::Command { tag, actor: pending.actor, command: pending.command };
        self.step(input);
    }

    fn pass_time(&mut self, deadline: Option<Instant>) {
        loop {
            match self.jobs.take_due(self.clock.now, deadline) {
                Due::Result(result) => {
                    self.step(Input::Planned(result));
                    continue;
                }
                Due::NotDone => return,
                Due::Nothing => {}
            }
            let is_late = deadline.is_some_and(|d| Instant::now() >= d);
            if self.clock.now >= self.target || is_late {
                return;
            }
            let State::Running(engine) = &mut self.state else { return };
            let now = self.clock.now;
            let mut to = self.target.min(now + self.slice);
            to = to.min(engine.fleet.next_wakeup().max(Timestamp(now.0 + 1)));
            to = to.min(self.jobs.next_ready().unwrap_or(to));
            engine.handed_over.append(&mut engine.queued);
            let heard = self.world.advance(to, std::mem::take(&mut engine.inbox));
            self.clock.now = to;
            for item in heard {
                self.hear(item);
            }
            let State::Running(engine) = &mut self.state else { return };
            if engine.fleet.next_wakeup() <= to {
                self.step(Input::Tick);
            }
        }
    }

    fn hear(&mut self, item: ToFleet) {
        let input = match item {
            ToFleet::Uplink(van, bytes) => match rv_wire::decode(&bytes) {
                Ok(envelope) => Input::Uplink { van, envelope },
                Err(_) => {
                    self.n_unreadable += 1;
                    return;
                }
            },
            ToFleet::Command(actor, command) => {
                let State::Running(engine) = &mut self.state else { return };
                let tag = engine.next_tag;
                engine.next_tag += 1;
                Input::Command { tag, actor, command }
            }
        };
        self.step(input);
    }

    fn step(&mut self, input: Input) {
        let kind = self.world.kind();
        let State::Running(engine) = &mut self.state else { return };
        engine.step(self.clock.now, input, kind);
        for job in engine.jobs.drain(..) {
            self.jobs.submit(self.clock.now, Box::new(job));
        }
    }

    /// Makes everything since the last commit durable, then lets it out.
    fn commit(&mut self) {
        let State::Running(engine) = &mut self.state else { return };
        let mut batch = Batch::default();
        let bodies = std::mem::take(&mut engine.bodies);
        let n_bodies = bodies.len() as u64;
        if !bodies.is_empty() {
            let (key, expected) = (FLEET_KEY.into(), engine.n_records);
            batch.appends.push(Append { key, expected, bodies });
        }
        for body in engine.notices.drain(..) {
            batch.messages.push((NOTICE_TOPIC.into(), body));
        }
        batch.done = engine.handed_over.clone();
        for (key, body) in self.world.snapshots() {
            batch.put(WORLD_TABLE, &key, body);
        }
        batch.put(HOST_TABLE, "clock", write_clock(self.clock));
        let result = self.store.commit(&batch);
        let result = result.and_then(|_| self.store.outbox(engine.last_notice, READ_LIMIT));
        match result {
            Ok(messages) => {
                engine.n_records += n_bodies;
                engine.quiet_ticks = 0;
                engine.handed_over.clear();
                engine.let_out(messages);
                self.news.extend(engine.news.drain(..));
                let n_old = self.news.len().saturating_sub(NEWS_MAX);
                self.news.drain(..n_old);
                self.tickets.append(&mut engine.tickets);
            }
            Err(error) => self.halt(&error),
        }
    }

    /// Drops what is not durable, says so to whoever waits, and tries again later.
    fn halt(&mut self, error: &StoreError) {
        self.n_failed_commits += 1;
        let error = HostError::Unavailable { reason: error.to_string(), hint: error.hint() };
        let halted = State::Halted { error: error.clone(), ticks_left: RETRY_TICKS };
        if let State::Running(engine) = std::mem::replace(&mut self.state, halted) {
            for reply in engine.waiting.into_values() {
                let _ = reply.send(Err(error.clone()));
            }
        }
        self.jobs.clear();
    }

    /// Goes on if the store can be written again.
    fn try_again(&mut self) {
        let mut probe = Batch::default();
        probe.put(HOST_TABLE, "probe", Vec::new());
        let probed = self.store.commit(&probe).map_err(OpenError::from);
        let result = probed.and_then(|_| {
            let speed = self.clock.speed;
            self.clock = read_clock(&*self.store)?.unwrap_or(Clock { now: self.start, speed });
            self.restore()
        });
        if let Err(error) = result {
            let error = HostError::Unavailable { reason: error.to_string(), hint: error.hint() };
            self.state = State::Halted { error, ticks_left: RETRY_TICKS };
        }
    }

    /// Builds fleet and world from the store, and starts the fleet.
    fn restore(&mut self) -> Result<(), OpenError> {
        self.jobs.clear();
        self.target = self.clock.now;
        let mut records = Records::after(&*self.store, 0);
        let fleet = Fleet::restore(Arc::clone(&self.city), self.config.clone(), &mut records);
        records.error()?;
        let fleet = fleet?;
        // Events of the last moment may be younger than the clock's row only by a bug; time never
        // goes back all the same.
        self.clock.now = self.clock.now.max(fleet.state().at);
        self.world.restore(self.clock.now, world_rows(&*self.store)?).map_err(OpenError::World)?;
        let mut engine = Engine::new(fleet, self.store.version(FLEET_KEY)?);
        engine.queue_notices(self.store.outbox(0, READ_LIMIT)?);
        self.state = State::Running(Box::new(engine));
        self.step(Input::Start);
        Ok(())
    }
}

impl Engine {
    fn new(fleet: Fleet, n_records: u64) -> Self {
        Self {
            fleet,
            n_records,
            inbox: Vec::new(),
            held: Vec::new(),
            bodies: Vec::new(),
            notices: Vec::new(),
            queued: Vec::new(),
            handed_over: Vec::new(),
            last_notice: 0,
            waiting: BTreeMap::new(),
            replies: Vec::new(),
            next_tag: 1,
            news: Vec::new(),
            tickets: BTreeSet::new(),
            jobs: Vec::new(),
            quiet_ticks: 0,
        }
    }

    fn has_news(&self) -> bool {
        !(self.bodies.is_empty()
            && self.replies.is_empty()
            && self.notices.is_empty()
            && self.handed_over.is_empty()
            && self.held.is_empty())
    }

    fn step(&mut self, now: Timestamp, input: Input, world: WorldKind) {
        for output in self.fleet.step(now, input) {
            match output {
                Output::Append(events) => {
                    for event in events {
                        self.note(now, &event);
                        self.bodies.push(ledger::encode(now, &event));
                    }
                }
                Output::Reply { tag, result } => self.replies.push((tag, result)),
                Output::Send { van, envelope } => {
                    let downlink = FromFleet::Downlink(van, rv_wire::encode(&envelope));
                    match world {
                        WorldKind::Simulated => self.inbox.push(downlink),
                        WorldKind::Real => self.held.push(downlink),
                    }
                }
                Output::Plan(job) => self.jobs.push(*job),
                Output::Notify(notice) => {
                    self.notices.push(postcard::to_stdvec(&notice).expect("a notice is plain data"))
                }
            }
        }
    }

    /// Keeps what the live stream tells of an event.
    fn note(&mut self, now: Timestamp, event: &Event) {
        match event {
            Event::TicketOpened { ticket, .. }
            | Event::TicketTaken { ticket, .. }
            | Event::TicketAnswered { ticket, .. }
            | Event::TicketClosed { ticket } => {
                self.tickets.insert(*ticket);
            }
            _ => {}
        }
        self.news.extend(describe(now, event, self.fleet.state()));
        let n_old = self.news.len().saturating_sub(NEWS_MAX);
        self.news.drain(..n_old);
    }

    /// Lets out what waited for the commit.
    fn let_out(&mut self, messages: Vec<crate::store::Message>) {
        for (tag, result) in self.replies.drain(..) {
            if let Some(reply) = self.waiting.remove(&tag) {
                // Whoever asked may be gone.
                let _ = reply.send(result.map_err(HostError::Rejected));
            }
        }
        self.inbox.append(&mut self.held);
        self.queue_notices(messages);
    }

    fn queue_notices(&mut self, messages: Vec<crate::store::Message>) {
        for message in messages {
            self.last_notice = self.last_notice.max(message.id);
            self.queued.push(message.id);
            // One that cannot be read was written by another version; it is dropped as done.
            if let Ok(notice) = postcard::from_bytes::<Notice>(&message.body) {
                self.inbox.push(FromFleet::Notice(notice));
            }
        }
    }
}

fn read_clock(store: &dyn Store) -> Result<Option<Clock>, StoreError> {
    let Some(body) = store.row(HOST_TABLE, "clock")? else { return Ok(None) };
    let broken = |_| StoreError::Corrupt("the clock's row cannot be read".into());
    postcard::from_bytes(&body).map(Some).map_err(broken)
}

fn write_clock(clock: Clock) -> Vec<u8> {
    postcard::to_stdvec(&clock).expect("a clock is plain data")
}

fn world_rows(store: &dyn Store) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut rows = Vec::<(String, Vec<u8>)>::new();
    loop {
        let after = rows.last().map_or(String::new(), |(key, _)| key.clone());
        let page = store.rows(WORLD_TABLE, &after, READ_LIMIT)?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page.into_iter().map(|row| (row.key, row.body)));
    }
}
