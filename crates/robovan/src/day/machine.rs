//! What the process used of the machine.

use std::fs;

/// Clock ticks of a second in `/proc`; fixed by the Linux ABI for user space.
const TICKS_PER_S: f64 = 100.0;

/// CPU time of the process over all threads, s; zero where the system does not say.
pub(crate) fn cpu_s() -> f64 {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return 0.0 };
    // The command name may hold spaces, so count from the last parenthesis.
    let Some((_, rest)) = stat.rsplit_once(')') else { return 0.0 };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |idx: usize| fields.get(idx).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_S
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
