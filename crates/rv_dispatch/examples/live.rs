//! A rehearsal of a fleet under way; `robovan dispatch live-bench` is the same with progress and JSON:
//!
//! ```sh
//! cargo run --release -p rv_dispatch --example live -- VANS EVENTS SEED CHECK_ONE_IN SECONDS_MAX [UPHEAVALS_PERMILLE]
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example speaks to its user")]

use std::time::Instant;

use rv_dispatch::live::{Rehearsal, RehearsalParams};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [n_vans, n_events, seed, check_one_in, s_max, ref upheavals @ ..] = numbers[..] else {
        eprintln!("usage: live VANS EVENTS SEED CHECK_ONE_IN SECONDS_MAX [UPHEAVALS_PERMILLE]");
        return;
    };
    let params = RehearsalParams {
        n_vans: n_vans as u32,
        events_per_s: 200,
        check_one_in: check_one_in as u32,
        seed,
    };
    let begun = Instant::now();
    let clock_ns = || begun.elapsed().as_nanos() as u64;
    let mut rehearsal = match Rehearsal::new(params, &clock_ns) {
        Ok(rehearsal) => match upheavals.first() {
            Some(permille) => rehearsal.with_upheavals(*permille as u32),
            None => rehearsal,
        },
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    while rehearsal.n_events() < n_events && begun.elapsed().as_secs() < s_max {
        rehearsal.event();
    }
    rehearsal.check_all();
    println!("{:#?}\n{:.1} s", rehearsal.report(), begun.elapsed().as_secs_f64());
}
