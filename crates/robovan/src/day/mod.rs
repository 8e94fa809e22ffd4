//! `robovan day`: a whole day of a simulated fleet, as fast as the machine can.

mod areas;
mod html;
pub(crate) mod orders_csv;
pub(crate) mod permits;
mod report;
mod svg;
mod torture;
pub(crate) mod traffic;
mod zones;

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rv_base::Seconds;
use rv_fleet::FleetConfig;
use rv_import::ImportOptions;
use rv_log::{Entry, LogError, LogWriter};
use rv_map::City;
use rv_model::VanClass;
use rv_sim::day::{self, DayConfig, DayResult, Progress};
use rv_sim::{FaultRates, TwinConfig, Weather};

use crate::city;
use crate::output::{self, HintExt};

/// The bundled city: Monaco, © OpenStreetMap contributors, ODbL.
const MONACO: &[u8] = include_bytes!("../../../../data/monaco/monaco.osm.pbf");

/// Arguments of `robovan day`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DayArgs {
    #[command(subcommand)]
    command: Option<Command>,
    /// OpenStreetMap extract (.osm.pbf, .osm, .osm.gz, Overpass .json) [default: Monaco, bundled]
    #[arg(long, value_name = "FILE", conflicts_with = "city")]
    osm: Option<PathBuf>,
    /// City file made by `robovan city build`, instead of --osm
    #[arg(long, value_name = "FILE")]
    city: Option<PathBuf>,
    /// Vans of the fleet
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    vans: u32,
    /// Parcels of the day
    #[arg(long, value_name = "N", default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    parcels: u32,
    /// Hours in which orders are served, from 06:00
    #[arg(long, value_name = "H", default_value_t = 12.0)]
    hours: f64,
    /// Seed of everything random
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Planning threads [default: as many as the machine has]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Folder for report.html, report.json, orders.csv, vans.csv and ledger.rvlog
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// What goes wrong by itself
    #[arg(long, value_enum, default_value_t = Faults::None)]
    faults: Faults,
    /// The weather
    #[arg(long, value_enum, default_value_t = WeatherArg::Dry)]
    weather: WeatherArg,
    /// Class of the vans: robovan-25, robovan-35, robovan-45 or robot
    #[arg(long, value_name = "CLASS", default_value = "robovan-35")]
    speed_class: String,
    /// Orders from a CSV file instead of simulated demand
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// Take the good rows of --orders and leave out the bad ones
    #[arg(long, requires = "orders")]
    skip_bad_rows: bool,
    /// Areas that vans must keep out of, by hour, kind and van: a GeoJSON file of polygons
    #[arg(long, value_name = "FILE")]
    permits: Option<PathBuf>,
    /// Jams that the fleet hears of when they begin and end: a GeoJSON file of polygons
    #[arg(long, value_name = "FILE")]
    traffic: Option<PathBuf>,
    /// Vans driven in detail: over lanes, amid traffic and people, ten times a second
    #[arg(long, value_name = "N", default_value_t = 0)]
    detailed_vans: u32,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run many small days with random faults and crashes, each checked by the independent audit
    Torture(torture::TortureArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Faults {
    /// Nothing but what people do
    None,
    /// An ordinary day
    Light,
    /// Everything, often
    Heavy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WeatherArg {
    Dry,
    Rain,
    Snow,
}

impl Faults {
    fn rates(self) -> FaultRates {
        match self {
            Self::None => FaultRates::NONE,
            Self::Light => FaultRates::LIGHT,
            Self::Heavy => FaultRates::HEAVY,
        }
    }
}

/// Runs `robovan day`. Exit code 1 if the audit found something wrong.
pub(crate) fn run(args: DayArgs) -> anyhow::Result<ExitCode> {
    if let Some(Command::Torture(torture)) = args.command {
        return torture::run(&torture);
    }
    let started = Instant::now();
    let config_error = |problem: &str, hint: &str| output::error_with_hint(problem, hint);
    if !(args.hours.is_finite() && (0.5..=24.0).contains(&args.hours)) {
        return Err(config_error("--hours is out of range", "give 0.5 to 24 hours"));
    }
    let city = Arc::new(load_city(args.osm.as_deref(), args.city.as_deref())?);
    let config = day_config(&args, &city)?;
    let out = args.out.as_deref().map(prepare_out).transpose()?;
    let (result, fleet) = simulate(&args, &city, &config, out.as_deref())?;
    let report = report::Report::new(&report::Run {
        city: &city,
        config: &config,
        result: &result,
        seed: args.seed,
        hours: args.hours,
        started,
    });
    if let Some(dir) = &out {
        report::write_files(dir, &report, &city, &result, &fleet)?;
    }
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print(&report.to_text(out.as_deref()))?;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The bundled city.
pub(crate) fn bundled_city() -> anyhow::Result<City> {
    rv_import::build_city(MONACO, &ImportOptions::named("Monaco"))
        .map(|(city, _)| city)
        .hint("cannot build the bundled city", "this is a fault of the program; please report it")
}

/// The city that the user names, or the bundled one.
pub(crate) fn load_city(osm: Option<&Path>, file: Option<&Path>) -> anyhow::Result<City> {
    match (osm, file) {
        (Some(osm), _) => {
            let stem = osm.file_name().unwrap_or_default().to_string_lossy();
            let name = stem.split('.').next().unwrap_or("city");
            Ok(city::import(osm, &ImportOptions::named(name))?.0)
        }
        (None, Some(file)) => city::load(file),
        (None, None) => bundled_city(),
    }
}

fn day_config(args: &DayArgs, city: &City) -> anyhow::Result<DayConfig> {
    let mut fleet = FleetConfig::for_city(city, args.vans, args.seed);
    set_class(&mut fleet, &args.speed_class)?;
    if let Some(path) = &args.permits {
        permits::read(path, &mut fleet)?;
    }
    let length = Seconds(args.hours * 3600.0);
    let mut twin = TwinConfig::usual(args.seed, args.parcels, length);
    twin.n_detailed = args.detailed_vans;
    twin.faults = args.faults.rates();
    twin.weather = match args.weather {
        WeatherArg::Dry => Weather::Dry,
        WeatherArg::Rain => Weather::Rain,
        WeatherArg::Snow => Weather::Snow,
    };
    let start = twin.start;
    if let Some(path) = &args.traffic {
        let midnight = start + Seconds(-f64::from((start + fleet.utc_offset_s).second_of_day()));
        twin.traffic.jams = traffic::read(path, city, midnight)?;
    }
    let mut config = DayConfig::new(fleet, twin);
    config.n_threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        usize::from,
    );
    if let Some(path) = &args.orders {
        let skip = if args.skip_bad_rows {
            orders_csv::BadRows::Skip
        } else {
            orders_csv::BadRows::Refuse
        };
        config.orders = Some(orders_csv::read(path, &config.fleet, start, skip)?);
    }
    Ok(config)
}

/// Gives all vans the class with this name.
pub(crate) fn set_class(fleet: &mut FleetConfig, name: &str) -> anyhow::Result<()> {
    let class = fleet.classes.iter().position(|class| class.name == name);
    let Some(class_idx) = class.and_then(|idx| u16::try_from(idx).ok()) else {
        let names: Vec<String> = VanClass::shipped().into_iter().map(|class| class.name).collect();
        return Err(output::error_with_hint(
            format!("there is no class of vans '{name}'"),
            format!("give one of {}", names.join(", ")),
        ));
    };
    fleet.vans.iter_mut().for_each(|van| van.class_idx = class_idx);
    Ok(())
}

fn prepare_out(dir: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(dir).hint(
        format!("cannot make the folder {}", dir.display()),
        "give a folder that may be written with --out",
    )?;
    Ok(dir.to_owned())
}

fn simulate(
    args: &DayArgs,
    city: &Arc<City>,
    config: &DayConfig,
    out: Option<&Path>,
) -> anyhow::Result<(DayResult, rv_fleet::Fleet)> {
    let header = format!(
        "robovan {} day, city {}, {} vans, seed {}",
        env!("CARGO_PKG_VERSION"),
        city.name,
        args.vans,
        args.seed
    );
    let log_hint = "check that the folder may be written and has space";
    let mut log = match out {
        Some(dir) => {
            let path = dir.join("ledger.rvlog");
            let file =
                File::create(&path).hint(format!("cannot write {}", path.display()), log_hint)?;
            Some(
                LogWriter::new(BufWriter::new(file), &header)
                    .hint("cannot write the ledger", log_hint)?,
            )
        }
        None => None,
    };
    let mut log_error: Option<LogError> = None;
    let mut sink = |record: &rv_fleet::Record, bytes: &[u8]| {
        if let (Some(log), None) = (&mut log, &log_error) {
            let entry = Entry { at: record.at, bytes: bytes.to_vec() };
            log_error = log.append(&entry).err();
        }
    };
    let stop = interrupt_flag();
    let bar = progress_bar();
    let mut watch = |progress: Progress| {
        show(&bar, &progress);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let (result, fleet) = day::run(city, config, &mut sink, &mut watch)
        .hint("the day cannot be run", "check the city and the numbers given")?;
    bar.finish_and_clear();
    if let Some(error) = log_error {
        return Err(error).hint("cannot write the ledger", log_hint);
    }
    if let Some(log) = log {
        log.finish().hint("cannot write the ledger", log_hint)?;
    }
    Ok((result, fleet))
}

/// Set by the first Ctrl-C; the second ends the process.
pub(crate) fn interrupt_flag() -> &'static AtomicBool {
    static FLAG: AtomicBool = AtomicBool::new(false);
    // Without a handler, Ctrl-C just ends the process; that is no reason to fail.
    let _ = ctrlc::set_handler(|| {
        if FLAG.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    &FLAG
}

pub(crate) fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} % {msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(1000).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let share = (progress.elapsed / progress.length).clamp(0.0, 1.0);
    bar.set_position((share * 1000.0) as u64);
    bar.set_message(format!("{} of {} delivered", progress.n_delivered, progress.n_orders));
}
