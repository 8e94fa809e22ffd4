//! `robovan up`: server, console and a simulated fleet, live.

mod run_file;
mod world;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use rv_base::{Seconds, Timestamp};
use rv_fleet::{Actor, FleetConfig};
use rv_map::City;
use rv_server::auth::AuthTable;
use rv_server::data_dir::DataDir;
use rv_server::{Server, ServerSetup, host};
use rv_sim::{Days, Drives, FaultRates, Planned, TwinConfig};

use crate::config::{Settings, Sources};
use crate::day::orders_csv::BadRows;
use crate::output::{self, HintExt};
use crate::{city, day};
use world::TwinWorld;

/// Hours of a day in which orders are served.
const DAY_LENGTH: Seconds = Seconds(12.0 * 3600.0);

/// Longest span of fleet time between two exchanges of fleet and twin.
const SLICE: Seconds = Seconds(1.0);

/// Time between two messages of a driving van; viewers see it move by them, so they come more often
/// than in a day that nobody watches.
const STATUS_EVERY: Seconds = Seconds(5.0);

/// Name of the city file within the data directory.
const CITY_FILE: &str = "city.rvcity";

/// Runs `robovan up` until Ctrl-C.
pub(crate) fn run(sources: &Sources) -> anyhow::Result<ExitCode> {
    let data_dir_path = sources.data_dir()?;
    let data_dir = open_data_dir(&data_dir_path)?;
    let is_first = run_file::is_first_start(data_dir.path());
    let settings = run_file::settle(sources, data_dir.path())?;
    let city = Arc::new(open_city(&settings, data_dir.path())?);
    let fleet = fleet_config(&settings, &city)?;
    let twin = twin_config(&settings);
    let orders = open_orders(&settings, data_dir.path(), &fleet, &twin)?;
    run_file::write(&settings, data_dir.path())?;

    let mut auth = AuthTable::load(&data_dir.token_path()).map_err(|e| hinted(e.hint(), e))?;
    let token = auth.issue("console", Actor::ADMIN).map_err(|e| hinted(e.hint(), e))?;
    let world = TwinWorld::new(Arc::clone(&city), fleet.clone(), twin, orders)?;
    let start = world.now();
    let begin = begin(&settings, &fleet, start);
    if is_first && begin > start {
        output::note(&format!("running the hours before {}", settings.begin));
    }
    let store = data_dir.store().map_err(|e| hinted(e.hint(), e))?;
    let setup = ServerSetup {
        listen: settings.listen,
        auth,
        host: host::Setup {
            city: Arc::clone(&city),
            fleet,
            world: Box::new(world),
            store: Box::new(store),
            start,
            begin,
            speed: sources.given_speed()?,
            speed_at_start: settings.speed,
            n_workers: std::thread::available_parallelism().map_or(1, usize::from),
            slice: SLICE,
        },
    };
    let server = Server::start(setup).map_err(|e| hinted(e.hint(), e))?;
    greet(&server, &settings, &city, &token)?;
    wait_for_interrupt()?;
    output::note("stopping: everything acknowledged is kept");
    server.stop().map_err(|e| hinted(e.hint(), e))?;
    Ok(ExitCode::SUCCESS)
}

/// An error of the server with its own hint.
fn hinted(hint: &str, error: impl std::error::Error) -> anyhow::Error {
    output::error_with_hint(output::chain(&error), hint)
}

fn open_data_dir(path: &Path) -> anyhow::Result<DataDir> {
    DataDir::open(path).map_err(|e| hinted(e.hint(), e))
}

/// The city of the data directory, which the first start imports.
fn open_city(settings: &Settings, data_dir: &Path) -> anyhow::Result<City> {
    let path = data_dir.join(CITY_FILE);
    if path.exists() {
        return city::load(&path);
    }
    output::note("importing the city");
    let city = day::load_city(settings.osm.as_deref(), settings.city.as_deref())?;
    city::write_whole(&path, &city.to_file_bytes())?;
    Ok(city)
}

/// Orders of a CSV file, which the first start copies into the data directory.
fn open_orders(
    settings: &Settings,
    data_dir: &Path,
    fleet: &FleetConfig,
    twin: &TwinConfig,
) -> anyhow::Result<Option<Vec<Planned>>> {
    let Some(given) = &settings.orders else { return Ok(None) };
    let copy = data_dir.join("orders.csv");
    let path = if copy.exists() { &copy } else { given };
    let bad_rows = if settings.skip_bad_rows { BadRows::Skip } else { BadRows::Refuse };
    let orders = day::orders_csv::read(path, fleet, twin.start, bad_rows)?;
    if !copy.exists() {
        std::fs::copy(given, &copy)
            .hint("cannot keep a copy of the orders", "check the data directory and its space")?;
    }
    Ok(Some(orders))
}

fn fleet_config(settings: &Settings, city: &City) -> anyhow::Result<FleetConfig> {
    let mut fleet = FleetConfig::for_city(city, settings.vans, settings.seed);
    day::set_class(&mut fleet, &settings.class)?;
    // People answer the tickets here; what they leave gets the safe default in time.
    fleet.operators.simulated = None;
    Ok(fleet)
}

fn twin_config(settings: &Settings) -> TwinConfig {
    let mut twin = TwinConfig::usual(settings.seed, settings.parcels, DAY_LENGTH);
    twin.n_detailed = settings.detailed_vans;
    twin.days = Days::Every;
    twin.drives = Drives::Dropped;
    twin.status_every_s = STATUS_EVERY;
    twin.faults = FaultRates::LIGHT;
    twin
}

/// The moment of the first day that the settings name.
fn begin(settings: &Settings, fleet: &FleetConfig, start: Timestamp) -> Timestamp {
    let midnight = Seconds(f64::from((start + fleet.utc_offset_s).second_of_day()));
    start + (settings.begin.since_midnight() - midnight)
}

fn greet(server: &Server, settings: &Settings, city: &City, token: &str) -> anyhow::Result<()> {
    output::note(&format!(
        "robovan {} delivers in {}: {} vans, {} parcels a day, seed {}",
        env!("CARGO_PKG_VERSION"),
        city.name,
        settings.vans,
        settings.parcels,
        settings.seed,
    ));
    output::print(&format!("http://{}/#token={token}\n", server.address()))?;
    if std::io::stderr().is_terminal() {
        output::note("open the address in a browser; Ctrl-C stops, the next start goes on");
    }
    Ok(())
}

/// Blocks until Ctrl-C or a request to terminate.
fn wait_for_interrupt() -> anyhow::Result<()> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second signal while stopping finds nobody listening.
        let _ = sender.send(());
    })
    .hint("cannot listen for Ctrl-C", "start it from an ordinary terminal or service manager")?;
    receiver.recv().hint("the signal handler is gone", "please report this")?;
    Ok(())
}
