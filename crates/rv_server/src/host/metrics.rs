//! Measurements of the host, readable from any thread.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rv_base::Seconds;

use super::Core;

/// Upper bounds of the tick histogram, ms.
const BOUNDS_MS: [u64; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// See the module.
#[derive(Debug, Default)]
pub struct Metrics {
    n_ticks: AtomicU64,
    tick_us_total: AtomicU64,
    tick_us_max: AtomicU64,
    ticks_within: [AtomicU64; BOUNDS_MS.len()],
    lag_ms: AtomicI64,
    n_queued: AtomicI64,
    n_jobs: AtomicU64,
    n_unreadable: AtomicU64,
    n_failed_commits: AtomicU64,
}

impl Metrics {
    pub(super) fn request_queued(&self) {
        self.n_queued.fetch_add(1, Relaxed);
    }

    pub(super) fn request_taken(&self) {
        self.n_queued.fetch_sub(1, Relaxed);
    }

    pub(super) fn ticked(&self, took: Duration, lag: Seconds, core: &Core) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.n_ticks.fetch_add(1, Relaxed);
        self.tick_us_total.fetch_add(us, Relaxed);
        self.tick_us_max.fetch_max(us, Relaxed);
        for (bound_ms, count) in BOUNDS_MS.iter().zip(&self.ticks_within) {
            if us <= bound_ms * 1000 {
                count.fetch_add(1, Relaxed);
            }
        }
        self.lag_ms.store((lag.0 * 1000.0) as i64, Relaxed);
        self.n_jobs.store(core.n_jobs() as u64, Relaxed);
        self.n_unreadable.store(core.n_unreadable, Relaxed);
        self.n_failed_commits.store(core.n_failed_commits, Relaxed);
    }

    /// Fleet time behind what the speed asks for, at the last tick.
    pub fn lag(&self) -> Seconds {
        Seconds(self.lag_ms.load(Relaxed) as f64 / 1000.0)
    }

    /// All of it in the text format of Prometheus.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let get = |n: &AtomicU64| n.load(Relaxed) as f64;
        let mut line = |name: &str, kind: &str, help: &str, value: f64| {
            let _ = writeln!(
                text,
                "# HELP robovan_{name} {help}\n# TYPE robovan_{name} {kind}\nrobovan_{name} {value}"
            );
        };
        line("lag_seconds", "gauge", "Fleet time behind the speed.", self.lag().0);
        line("queue_length", "gauge", "Requests waiting.", self.n_queued.load(Relaxed) as f64);
        line("plan_jobs", "gauge", "Planning jobs under way.", get(&self.n_jobs));
        line("tick_seconds_max", "gauge", "Longest tick.", get(&self.tick_us_max) / 1e6);
        line("unreadable_total", "counter", "Unreadable uplinks.", get(&self.n_unreadable));
        line("failed_commits_total", "counter", "Failed commits.", get(&self.n_failed_commits));
        text.push_str("# HELP robovan_tick_seconds Work of a tick.\n");
        text.push_str("# TYPE robovan_tick_seconds histogram\n");
        for (bound_ms, count) in BOUNDS_MS.iter().zip(&self.ticks_within) {
            let le = *bound_ms as f64 / 1000.0;
            let n = count.load(Relaxed);
            let _ = writeln!(text, "robovan_tick_seconds_bucket{{le=\"{le}\"}} {n}");
        }
        let n_ticks = self.n_ticks.load(Relaxed);
        let _ = writeln!(text, "robovan_tick_seconds_bucket{{le=\"+Inf\"}} {n_ticks}");
        let _ = writeln!(text, "robovan_tick_seconds_sum {}", get(&self.tick_us_total) / 1e6);
        let _ = writeln!(text, "robovan_tick_seconds_count {n_ticks}");
        text
    }
}
