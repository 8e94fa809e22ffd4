//! `robovan dispatch live-bench`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, ValueEnum};
use rv_dispatch::live::{Rehearsal, RehearsalParams, RehearsalReport, VANS_MAX};
use serde::Serialize;

use crate::machine::{cpu_s, rss_bytes_max, thread_cpu};
use crate::output::{self, HintExt};

/// Events after which the progress is shown.
const SHOW_EVERY: u64 = 2_000;

#[derive(Args)]
pub(crate) struct LiveBenchArgs {
    /// Vans under way
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(VANS_MAX)))]
    vans: u32,
    /// Events until the end: orders, changes, delays, lost vans, closed roads, stops done
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    events: u64,
    /// Events from outside in a second of the fleet's time
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// One in so many touched routes goes to the checker; the whole fleet does at the end
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    check_one_in: u32,
    /// Seed of everything random
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// What times are told by
    #[arg(long, value_enum, default_value_t = ClockArg::Wall)]
    clock: ClockArg,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What the times of the engine are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClockArg {
    /// The clock on the wall, with all that other processes take
    Wall,
    /// The CPU time of the engine's own thread, for machines that are shared
    Cpu,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    report: RehearsalReport,
    cpu_s: f64,
    wall_s: f64,
    rss_mb_max: u64,
    version: &'static str,
}

/// Set by Ctrl-C: the rehearsal ends with the event at hand.
static IS_CANCELLED: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &LiveBenchArgs) -> anyhow::Result<ExitCode> {
    let _ = ctrlc::set_handler(|| {
        if IS_CANCELLED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let params = RehearsalParams {
        n_vans: args.vans,
        events_per_s: args.rate,
        check_one_in: args.check_one_in,
        seed: args.seed,
    };
    let (begun, cpu_start_s) = (Instant::now(), cpu_s());
    let clock_ns = || match args.clock {
        ClockArg::Wall => begun.elapsed().as_nanos() as u64,
        ClockArg::Cpu => thread_cpu().as_nanos() as u64,
    };
    let mut rehearsal = Rehearsal::new(params, &clock_ns).hint("no such fleet", "see --help")?;
    let bar = indicatif::ProgressBar::new(args.events);
    while rehearsal.n_events() < args.events && !IS_CANCELLED.load(Ordering::Relaxed) {
        rehearsal.event();
        if rehearsal.n_events().is_multiple_of(SHOW_EVERY) {
            bar.set_position(rehearsal.n_events());
            bar.set_message(format!("{} wrong", rehearsal.n_wrong()));
        }
    }
    bar.finish_and_clear();
    rehearsal.check_all();
    let answer = Answer {
        report: rehearsal.report(),
        cpu_s: cpu_s() - cpu_start_s,
        wall_s: begun.elapsed().as_secs_f64(),
        rss_mb_max: rss_bytes_max() >> 20,
        version: env!("CARGO_PKG_VERSION"),
    };
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&tell(&answer))?;
    }
    Ok(if rehearsal.n_wrong() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(answer: &Answer) -> String {
    let r = &answer.report;
    let wrong = r.first_violation.as_ref().map_or(String::new(), |what| format!("first: {what}\n"));
    format!(
        "{} vans, {} events in {:.1} h: {} new orders ({} left out), {} stops done, {} cancelled, \
         {} changed, {} vans lost, {} roads changed; {} dropped by changes\n\
         insertion p50 {:.3} ms, p99 {:.3} ms, max {:.1} ms; any event p99 {:.3} ms, max {:.1} ms\n\
         {} routes checked: {} violations, {} changes of frozen parts, {} of loads on board\n\
         {} tasks on tours; {:.1} CPU-s, {:.1} s of them the engine, {} MB, seed {}\n{wrong}",
        r.vans,
        r.events,
        r.fleet_time_s / 3600.0,
        r.new_orders,
        r.left_out,
        r.stops_done,
        r.cancelled,
        r.changed,
        r.vans_lost,
        r.roads_changed,
        r.dropped_by_changes,
        r.insert_ms_p50,
        r.insert_ms_p99,
        r.insert_ms_max,
        r.event_ms_p99,
        r.event_ms_max,
        r.routes_checked,
        r.violations,
        r.frozen_broken,
        r.on_board_broken,
        r.tasks_on_tours,
        answer.cpu_s,
        r.engine_s,
        answer.rss_mb_max,
        r.seed,
    )
}
