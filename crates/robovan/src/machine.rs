//! What the process used of the machine.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Clock ticks of a second in `/proc`; fixed by the Linux ABI for user space.
const TICKS_PER_S: f64 = 100.0;

/// CPU time of the process over all threads, s; wall time since the first call where the system
/// does not say, so that a budget still ends.
pub(crate) fn cpu_s() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    ticks().map_or_else(
        || START.get_or_init(Instant::now).elapsed().as_secs_f64(),
        |ticks| ticks / TICKS_PER_S,
    )
}

/// CPU time of the calling thread; what others do on the machine does not count.
pub(crate) fn thread_cpu() -> Duration {
    let at = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(at.tv_sec.unsigned_abs(), u32::try_from(at.tv_nsec).unwrap_or(0))
}

fn ticks() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The command name may hold spaces, so count from the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
}

/// Largest resident memory so far, bytes; zero where the system does not say.
pub(crate) fn rss_bytes_max() -> u64 {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return 0 };
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}
