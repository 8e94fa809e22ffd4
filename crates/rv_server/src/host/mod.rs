//! The host: one thread that owns fleet, world and store, paced by the wall clock.

mod core;
mod jobs;
mod metrics;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rv_base::Seconds;
use rv_fleet::{Actor, Command, Done};
use tokio::sync::oneshot;

pub use self::core::{Clock, Core, HostError, OpenError, Pending, Reader, ReplyTo, Setup};
pub use self::metrics::Metrics;
use crate::live::Feed;
use crate::store::StoreError;
use crate::world::{Fault, InjectError};

/// Fastest fleet time over wall time.
pub const SPEED_MAX: f64 = 200.0;

/// Wall time between two ticks.
const TICK: Duration = Duration::from_millis(50);
/// Wall time that one tick may work, so that commands are never kept waiting for long.
const TICK_BUDGET: Duration = Duration::from_millis(200);
/// Wall time for which requests are served before a tick that is late already, so that a server that
/// cannot keep up still answers.
const GRACE: Duration = Duration::from_millis(25);
/// Wall time between two rounds of the live stream.
const LIVE_EVERY: Duration = Duration::from_secs(1);
/// Fleet time behind the asked-for speed is given up beyond this much wall time's worth.
const LAG_MAX: Seconds = Seconds(1.0);
/// Most requests that wait for the host.
const QUEUE_MAX: usize = 4096;
/// Most commands of one tick.
const COMMANDS_MAX: usize = 2048;

/// Something asked of the host's thread.
enum Request {
    Command(Pending),
    Read(Box<dyn FnOnce(Result<Reader<'_>, HostError>) + Send>),
    Change(Box<dyn FnOnce(&mut Core) + Send>),
    Stop,
}

/// The running host.
pub struct Host {
    client: HostClient,
    thread: JoinHandle<Result<(), StoreError>>,
}

/// Asks the host for things. Cheap to clone.
#[derive(Clone)]
pub struct HostClient {
    requests: SyncSender<Request>,
    metrics: Arc<Metrics>,
}

impl Host {
    /// Starts the thread. The live stream goes to `feed`.
    pub fn start(core: Core, feed: Feed) -> Self {
        let (requests, queue) = sync_channel(QUEUE_MAX);
        let metrics = Arc::new(Metrics::default());
        let client = HostClient { requests, metrics: Arc::clone(&metrics) };
        let thread = std::thread::spawn(move || run(core, feed, &queue, &metrics));
        Self { client, thread }
    }

    /// A client.
    pub fn client(&self) -> HostClient {
        self.client.clone()
    }

    /// Ends the thread after everything is durable. Commands that still wait are refused.
    pub fn stop(self) -> Result<(), StoreError> {
        // A full queue empties by itself; a closed one means that the thread has ended.
        let _ = self.client.requests.send(Request::Stop);
        self.thread.join().unwrap_or_else(|_| {
            Err(StoreError::Backend("the host's thread ended by a bug; see its message".into()))
        })
    }
}

impl HostClient {
    /// Has a command carried out. The answer is durable when it comes.
    pub async fn command(&self, actor: Actor, command: Command) -> Result<Done, HostError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Command(Pending { actor, command, reply }))?;
        answer.await.unwrap_or(Err(HostError::Stopped))
    }

    /// Looks at the fleet between two ticks. `look` should take no more than a few milliseconds.
    pub async fn read<T, F>(&self, look: F) -> Result<T, HostError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Read(Box::new(move |reader| {
            // Whoever asked may be gone.
            let _ = reply.send(reader.map(|reader| look(&reader)));
        })))?;
        answer.await.unwrap_or(Err(HostError::Stopped))
    }

    /// Sets the speed of fleet time, 0 to pause; returns the clock.
    pub async fn set_speed(&self, speed: f64) -> Result<Clock, HostError> {
        self.change(move |core| {
            core.set_speed(speed);
            core.clock()
        })
        .await
    }

    /// Makes a fault in the world.
    pub async fn inject(&self, fault: Fault) -> Result<Result<(), InjectError>, HostError> {
        self.change(move |core| core.inject(fault)).await
    }

    /// Measurements of the host.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    async fn change<T, F>(&self, change: F) -> Result<T, HostError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Core) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Change(Box::new(move |core| {
            let _ = reply.send(change(core));
        })))?;
        answer.await.map_err(|_| HostError::Stopped)
    }

    fn send(&self, request: Request) -> Result<(), HostError> {
        self.metrics.request_queued();
        self.requests.try_send(request).map_err(|error| {
            self.metrics.request_taken();
            match error {
                TrySendError::Full(_) => HostError::Busy,
                TrySendError::Disconnected(_) => HostError::Stopped,
            }
        })
    }
}

/// What a round of the queue ended with.
enum Round {
    Tick(Vec<Pending>),
    Stop,
}

fn run(
    mut core: Core,
    mut feed: Feed,
    queue: &Receiver<Request>,
    metrics: &Metrics,
) -> Result<(), StoreError> {
    let mut last = Instant::now();
    let mut next_tick = last + TICK;
    let mut next_live = last;
    loop {
        let commands = match collect(&mut core, queue, next_tick, metrics) {
            Round::Tick(commands) => commands,
            Round::Stop => break,
        };
        let began = Instant::now();
        let speed = core.clock().speed;
        let wall = Seconds(began.duration_since(last).as_secs_f64());
        last = began;
        core.tick(wall * speed, commands, Some(began + TICK_BUDGET));
        metrics.ticked(began.elapsed(), core.lag(), &core);
        core.drop_lag(LAG_MAX * speed);
        if began >= next_live {
            next_live = began + LIVE_EVERY;
            feed.publish(&mut core);
        }
        next_tick = (next_tick + TICK).max(Instant::now());
    }
    core.close()
}

/// Serves reads at once and gathers commands until the next tick is due.
fn collect(
    core: &mut Core,
    queue: &Receiver<Request>,
    next_tick: Instant,
    metrics: &Metrics,
) -> Round {
    let mut commands = Vec::new();
    let began = Instant::now();
    loop {
        let now = Instant::now();
        if now >= began + GRACE && now >= next_tick || commands.len() >= COMMANDS_MAX {
            return Round::Tick(commands);
        }
        let request = match queue.recv_timeout(next_tick.saturating_duration_since(now)) {
            Ok(request) => request,
            Err(RecvTimeoutError::Timeout) => return Round::Tick(commands),
            Err(RecvTimeoutError::Disconnected) => return Round::Stop,
        };
        metrics.request_taken();
        match request {
            Request::Command(pending) => commands.push(pending),
            Request::Read(look) => look(core.reader()),
            Request::Change(change) => change(core),
            Request::Stop => return Round::Stop,
        }
    }
}
