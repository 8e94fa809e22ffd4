//! `robovan dispatch generate`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rv_base::Rng;
use rv_dispatch::format::{CityParams, random_city};

use crate::files::write_text;
use crate::output::{self, error_with_hint};

#[derive(Args)]
pub(crate) struct GenerateArgs {
    /// Stops
    #[arg(long, default_value_t = 10_000)]
    stops: u32,
    /// Vans
    #[arg(long, default_value_t = 1_000)]
    vehicles: u32,
    /// Hubs where vans start, end and reload
    #[arg(long, default_value_t = 10)]
    depots: u32,
    /// Charging places
    #[arg(long, default_value_t = 50)]
    chargers: u32,
    /// Share of the stops with a window of one to three hours
    #[arg(long, default_value_t = 0.5)]
    windows: f64,
    /// Parcels that a van holds; a stop takes one to three
    #[arg(long, default_value_t = 30)]
    capacity: u32,
    /// Seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write the problem
    #[arg(short, long, value_name = "OUT.json")]
    output: PathBuf,
}

pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let params = CityParams {
        n_stops: args.stops,
        n_vehicles: args.vehicles,
        n_depots: args.depots,
        n_chargers: args.chargers,
        windows_share: args.windows,
        capacity: args.capacity,
    };
    let Some(document) = random_city(&params, &mut Rng::from_seed(args.seed)) else {
        return Err(error_with_hint(
            "a number is out of range",
            "at least one stop, vehicle and depot; at most a million stops; --windows 0 to 1",
        ));
    };
    write_text(&args.output, &(serde_json::to_string(&document)? + "\n"))?;
    output::note(&format!(
        "{} stops, {} vehicles, seed {}: {}",
        args.stops,
        args.vehicles,
        args.seed,
        args.output.display()
    ));
    Ok(ExitCode::SUCCESS)
}
