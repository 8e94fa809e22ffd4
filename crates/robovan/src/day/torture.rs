//! `robovan day torture`: many small days in which everything goes wrong, each held against the
//! independent audit.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rv_map::City;
use rv_sim::day;
use rv_sim::torture::{TortureSize, torture_day, verdict};
use serde::Serialize;

use crate::{machine, output};

/// Arguments of `robovan day torture`.
#[derive(Args, Debug)]
pub(crate) struct TortureArgs {
    /// Seeds to run, from the first one on
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    first_seed: u64,
    /// Vans
    #[arg(long, value_name = "N", default_value_t = 4)]
    vans: u32,
    /// Parcels of the day
    #[arg(long, value_name = "N", default_value_t = 60)]
    parcels: u32,
    /// Hours of the day
    #[arg(long, value_name = "H", default_value_t = 3.0)]
    hours: f64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What a torture came to.
#[derive(Serialize)]
struct Outcome {
    seeds: u64,
    failed: Vec<Failure>,
    orders: u64,
    delivered: u64,
    returned: u64,
    cancelled: u64,
    refused: u64,
    records: u64,
    /// What went wrong in all days together, by kind.
    happened: BTreeMap<&'static str, u64>,
    wall_s: f64,
    cpu_s: f64,
    version: &'static str,
}

#[derive(Serialize)]
struct Failure {
    seed: u64,
    why: Vec<String>,
    replay: String,
}

/// Runs the seeds. Exit code 1 if any broke an invariant.
pub(crate) fn run(args: &TortureArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let city = Arc::new(super::bundled_city()?);
    let bar = if std::io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("{bar:40} seed {pos} of {len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(args.seeds).with_style(style)
    } else {
        ProgressBar::hidden()
    };
    let stop = super::interrupt_flag();
    let mut outcome = Outcome {
        seeds: 0,
        failed: Vec::new(),
        orders: 0,
        delivered: 0,
        returned: 0,
        cancelled: 0,
        refused: 0,
        records: 0,
        happened: BTreeMap::new(),
        wall_s: 0.0,
        cpu_s: 0.0,
        version: env!("CARGO_PKG_VERSION"),
    };
    for seed in args.first_seed..args.first_seed.saturating_add(args.seeds) {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        let why = run_seed(args, &city, seed, &mut outcome);
        outcome.seeds += 1;
        if !why.is_empty() {
            let replay = format!(
                "robovan day torture --seeds 1 --first-seed {seed} --vans {} --parcels {} --hours {}",
                args.vans, args.parcels, args.hours
            );
            bar.suspend(|| output::note(&format!("seed {seed}: {}\n  {replay}", why.join("; "))));
            outcome.failed.push(Failure { seed, why, replay });
        }
        bar.inc(1);
        bar.set_message(format!("{} failed", outcome.failed.len()));
    }
    bar.finish_and_clear();
    outcome.wall_s = started.elapsed().as_secs_f64();
    outcome.cpu_s = machine::cpu_s();
    if args.json {
        output::print_json(&outcome)?;
    } else {
        output::print(&outcome.to_text())?;
    }
    Ok(if outcome.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Runs one seed and says what it broke.
fn run_seed(args: &TortureArgs, city: &Arc<City>, seed: u64, outcome: &mut Outcome) -> Vec<String> {
    let size = TortureSize {
        n_vans: args.vans,
        n_parcels: args.parcels,
        hours: args.hours.clamp(0.5, 24.0),
    };
    let config = torture_day(city, size, seed);
    let mut watch = |_| ControlFlow::Continue(());
    match day::run(city, &config, &mut |_, _| {}, &mut watch) {
        Ok((result, fleet)) => {
            let audit = &result.audit;
            outcome.orders += audit.n_accepted + audit.n_refused;
            outcome.delivered += audit.n_delivered;
            outcome.returned += audit.n_returned;
            outcome.cancelled += audit.n_cancelled;
            outcome.refused += audit.n_refused;
            outcome.records += result.n_records;
            for (kind, n) in &result.happened {
                *outcome.happened.entry(kind).or_default() += n;
            }
            verdict(city, &result, &fleet)
        }
        Err(error) => vec![error.to_string()],
    }
}

impl Outcome {
    fn to_text(&self) -> String {
        let happened: Vec<String> =
            self.happened.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        format!(
            "{} seeds, {} failed; {} orders: {} delivered, {} returned, {} cancelled, {} refused; \
             {} records; {:.1} s wall, {:.1} s CPU, version {}\nhappened: {}\n",
            self.seeds,
            self.failed.len(),
            self.orders,
            self.delivered,
            self.returned,
            self.cancelled,
            self.refused,
            self.records,
            self.wall_s,
            self.cpu_s,
            self.version,
            happened.join(", ")
        )
    }
}
