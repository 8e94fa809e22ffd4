//! `robovan drive torture`: the monitor between a planner that goes wrong in every way and a
//! vehicle that does as told.

use std::process::ExitCode;

use clap::Args;
use rv_sim::monitor_trial::{self, Guard, Trial};
use serde::Serialize;

use crate::{machine, output};

/// Arguments of `robovan drive torture`.
#[derive(Args)]
pub(crate) struct TortureArgs {
    /// Cycles
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    cycles: u64,
    /// Seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer {
    seed: u64,
    cycles: u64,
    trips: u64,
    corrupted_plans: u64,
    dropped_or_late_observations: u64,
    plans_passed: u64,
    corrupted_plans_passed: u64,
    driven_without_verified_stop: u64,
    contacts: u64,
    off_road: u64,
    trips_not_stopped: u64,
    longest_stop_s: f64,
    /// What the same plans do without the monitor, over a tenth of the cycles.
    unguarded_trips: u64,
    unguarded_contacts_or_off_road: u64,
    cpu_s: f64,
    is_good: bool,
    version: &'static str,
}

/// Runs it; exit code 1 if anything unsafe got through.
pub(crate) fn run(args: &TortureArgs) -> anyhow::Result<ExitCode> {
    let before_s = machine::cpu_s();
    let trial = monitor_trial::run(args.cycles, args.seed, Guard::Monitor);
    let cpu_s = machine::cpu_s() - before_s;
    let alone = monitor_trial::run(args.cycles / 10, args.seed, Guard::Nobody);
    let answer = answer(&trial, &alone, args.seed, cpu_s);
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&format!(
            "{} cycles, {} trips, {} corrupted plans ({} of them harmless and driven), {} dropped or late observations\n\
             driven without a verified stop {}, contacts {}, off the road {}, not stopped {}; longest stop {:.1} s\n\
             without the monitor {} of {} trips end in a contact or off the road; seed {}, {:.1} s of CPU\n",
            answer.cycles,
            answer.trips,
            answer.corrupted_plans,
            answer.corrupted_plans_passed,
            answer.dropped_or_late_observations,
            answer.driven_without_verified_stop,
            answer.contacts,
            answer.off_road,
            answer.trips_not_stopped,
            answer.longest_stop_s,
            answer.unguarded_contacts_or_off_road,
            answer.unguarded_trips,
            answer.seed,
            answer.cpu_s,
        ))?;
    }
    Ok(if trial.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn answer(trial: &Trial, alone: &Trial, seed: u64, cpu_s: f64) -> Answer {
    Answer {
        seed,
        cycles: trial.n_cycles,
        trips: trial.n_trips,
        corrupted_plans: trial.n_corrupted,
        dropped_or_late_observations: trial.n_dropped,
        plans_passed: trial.n_passed,
        corrupted_plans_passed: trial.n_corrupted_passed,
        driven_without_verified_stop: trial.n_driven_unverified,
        contacts: trial.n_contacts,
        off_road: trial.n_off_road,
        trips_not_stopped: trial.n_not_stopped,
        longest_stop_s: trial.stop_cycles_max as f64 * 0.1,
        unguarded_trips: alone.n_trips,
        unguarded_contacts_or_off_road: alone.n_contacts + alone.n_off_road,
        cpu_s,
        is_good: trial.is_good(),
        version: env!("CARGO_PKG_VERSION"),
    }
}
