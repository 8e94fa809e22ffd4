//! Threads that work on planning jobs. Results are handed out by the ticket of their job, so the
//! number of threads changes nothing but the wall time.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rv_fleet::{PlanJob, PlanResult};

/// A pool of planning threads; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: Option<Sender<(u64, Box<PlanJob>)>>,
    results: Receiver<(u64, PlanResult)>,
    ready: BTreeMap<u64, PlanResult>,
    n_given: u64,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `n_threads` threads, at least one.
    pub(crate) fn new(n_threads: usize) -> Self {
        let (jobs, queue) = channel::<(u64, Box<PlanJob>)>();
        let (done, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..n_threads.max(1))
            .map(|_| {
                let (queue, done) = (Arc::clone(&queue), done.clone());
                std::thread::spawn(move || {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok((ticket, job)) = next else { return };
                        if done.send((ticket, job.run())).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        Self { jobs: Some(jobs), results, ready: BTreeMap::new(), n_given: 0, threads }
    }

    /// Hands a job to the threads; the ticket fetches its result.
    pub(crate) fn submit(&mut self, job: Box<PlanJob>) -> u64 {
        self.n_given += 1;
        if let Some(jobs) = &self.jobs {
            // The threads live as long as the sender; if they are gone, `take` says so.
            let _ = jobs.send((self.n_given, job));
        }
        self.n_given
    }

    /// Waits for a job's result; `None` if its thread is gone.
    pub(crate) fn take(&mut self, ticket: u64) -> Option<PlanResult> {
        loop {
            if let Some(result) = self.ready.remove(&ticket) {
                return Some(result);
            }
            let (done, result) = self.results.recv().ok()?;
            self.ready.insert(done, result);
        }
    }

    /// Drops a result that nobody wants any more, now or when it comes.
    pub(crate) fn forget(&mut self, tickets: impl IntoIterator<Item = u64>) {
        for ticket in tickets {
            self.take(ticket);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A planner that panicked has already said so.
            let _ = thread.join();
        }
    }
}
