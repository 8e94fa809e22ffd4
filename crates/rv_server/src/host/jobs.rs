//! Planning jobs on worker threads, fed back at their fixed virtual time whenever they are done.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rv_base::Timestamp;
use rv_fleet::{PlanJob, PlanResult};

/// Longest wait for a result while others want to be served.
const WAIT: Duration = Duration::from_millis(10);

/// A job's place in the order in which results are fed back.
type Slot = (Timestamp, u64);

/// Worker threads and what they work on.
pub(crate) struct Jobs {
    to_workers: Sender<(Slot, Box<PlanJob>)>,
    from_workers: Receiver<(Slot, PlanResult)>,
    results: BTreeMap<Slot, Option<PlanResult>>,
    next: u64,
}

impl Jobs {
    /// Starts the workers; they end when this is dropped.
    pub(crate) fn start(n_workers: usize) -> Self {
        let (to_workers, jobs) = channel::<(Slot, Box<PlanJob>)>();
        let (results, from_workers) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..n_workers.max(1) {
            let (jobs, results) = (Arc::clone(&jobs), results.clone());
            std::thread::spawn(move || {
                loop {
                    // A worker that panicked while waiting leaves the queue itself intact.
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((slot, job)) = job else { return };
                    if results.send((slot, job.run())).is_err() {
                        return;
                    }
                }
            });
        }
        Self { to_workers, from_workers, results: BTreeMap::new(), next: 0 }
    }

    /// Forgets everything under way; results that still come are dropped.
    pub(crate) fn clear(&mut self) {
        self.results.clear();
    }

    /// Number of jobs whose results have not been fed back.
    pub(crate) fn len(&self) -> usize {
        self.results.len()
    }

    /// Hands a job to a worker.
    pub(crate) fn submit(&mut self, now: Timestamp, job: Box<PlanJob>) {
        let slot = (now + job.ready_after, self.next);
        self.next += 1;
        self.results.insert(slot, None);
        // The workers end only when `self` does; a job that cannot be sent would be waited for.
        if self.to_workers.send((slot, job)).is_err() {
            self.results.remove(&slot);
        }
    }

    /// When the next result is to be fed back.
    pub(crate) fn next_ready(&self) -> Option<Timestamp> {
        self.results.keys().next().map(|(at, _)| *at)
    }

    /// The next result due at `now`. If it is due and not done, waits for it: a moment if there is
    /// a deadline, so that others are served meanwhile, else for as long as it takes.
    pub(crate) fn take_due(&mut self, now: Timestamp, deadline: Option<Instant>) -> Due {
        loop {
            while let Ok((slot, result)) = self.from_workers.try_recv() {
                self.keep(slot, result);
            }
            let Some(mut first) = self.results.first_entry() else { return Due::Nothing };
            if first.key().0 > now {
                return Due::Nothing;
            }
            if let Some(result) = first.get_mut().take() {
                first.remove();
                return Due::Result(result);
            }
            let received = match deadline {
                None => self.from_workers.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(deadline) => self
                    .from_workers
                    .recv_timeout(deadline.saturating_duration_since(Instant::now()).min(WAIT)),
            };
            match received {
                Ok((slot, result)) => self.keep(slot, result),
                Err(_) => return Due::NotDone,
            }
        }
    }

    fn keep(&mut self, slot: Slot, result: PlanResult) {
        if let Some(entry) = self.results.get_mut(&slot) {
            *entry = Some(result);
        }
    }
}

/// What [`Jobs::take_due`] found.
pub(crate) enum Due {
    /// No result is due.
    Nothing,
    /// This one is.
    Result(PlanResult),
    /// One is due but still being worked on: time has to wait.
    NotDone,
}
