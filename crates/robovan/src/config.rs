//! Settings of `robovan up`: command line over `ROBOVAN_*` over file over default.

mod clock_time;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

pub(crate) use self::clock_time::ClockTime;
use crate::output::{self, HintExt};

/// File that is read when no `--config` is given, if it is there.
const DEFAULT_FILE: &str = "robovan.toml";

/// Data directory if none is given.
pub(crate) const DEFAULT_DATA_DIR: &str = "robovan-data";

/// Settings as the command line, the environment or a file may give them.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// Address and port to listen on; port 0 takes any free port [default: 127.0.0.1:8080]
    #[arg(long, env = "ROBOVAN_LISTEN", value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of the embedded store, made when missing [default: robovan-data]
    #[arg(long, env = "ROBOVAN_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// OpenStreetMap extract (.osm.pbf, .osm, .osm.gz, Overpass .json) [default: Monaco, bundled]
    #[arg(long, env = "ROBOVAN_OSM", value_name = "FILE", conflicts_with = "city")]
    osm: Option<PathBuf>,
    /// City file made by `robovan city build`, instead of --osm
    #[arg(long, env = "ROBOVAN_CITY", value_name = "FILE")]
    city: Option<PathBuf>,
    /// Vans of the simulated fleet [default: 60]
    #[arg(long, env = "ROBOVAN_VANS", value_name = "N")]
    vans: Option<u32>,
    /// Class of the vans: robovan-25, robovan-35, robovan-45 or robot [default: robovan-35]
    #[arg(long, env = "ROBOVAN_CLASS", value_name = "CLASS")]
    class: Option<String>,
    /// Parcels of a day's simulated demand [default: 6000]
    #[arg(long, env = "ROBOVAN_PARCELS", value_name = "N")]
    parcels: Option<u32>,
    /// Vans driven in detail: over lanes, amid traffic and people, ten times a second [default: 0]
    #[arg(long, env = "ROBOVAN_DETAILED_VANS", value_name = "N")]
    detailed_vans: Option<u32>,
    /// Orders from a CSV file instead of simulated demand
    #[arg(long, env = "ROBOVAN_ORDERS", value_name = "FILE")]
    orders: Option<PathBuf>,
    /// Take the good rows of --orders when others are bad
    #[arg(long, env = "ROBOVAN_SKIP_BAD_ROWS")]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    skip_bad_rows: bool,
    /// Time of the first day at which the live view begins; what comes before is run through as fast
    /// as the machine can [default: 07:30]
    #[arg(long, env = "ROBOVAN_BEGIN", value_name = "HH:MM")]
    begin: Option<ClockTime>,
    /// Simulated seconds per second, 0 (paused) to 200 [default: 10]
    #[arg(long, env = "ROBOVAN_SPEED", value_name = "X")]
    speed: Option<f64>,
    /// Seed of everything random [default: 1]
    #[arg(long, env = "ROBOVAN_SEED", value_name = "S")]
    seed: Option<u64>,
}

/// Where the settings come from.
#[derive(Args, Clone, Debug)]
pub(crate) struct Sources {
    /// Settings file (TOML) [default: robovan.toml, if there]
    #[arg(long, env = "ROBOVAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

/// Settings, complete.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Settings {
    /// Address and port to listen on.
    pub(crate) listen: SocketAddr,
    /// Folder of the embedded store.
    pub(crate) data_dir: PathBuf,
    /// OpenStreetMap extract; the bundled city if neither this nor `city` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) osm: Option<PathBuf>,
    /// City file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) city: Option<PathBuf>,
    /// Vans of the simulated fleet.
    pub(crate) vans: u32,
    /// Class of the vans.
    pub(crate) class: String,
    /// Parcels of a day's simulated demand.
    pub(crate) parcels: u32,
    /// Vans driven in detail.
    pub(crate) detailed_vans: u32,
    /// Orders from a CSV file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) orders: Option<PathBuf>,
    /// Whether the good rows of the orders are taken when others are bad.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) skip_bad_rows: bool,
    /// Time of the first day at which the live view begins.
    pub(crate) begin: ClockTime,
    /// Simulated seconds per second.
    pub(crate) speed: f64,
    /// Seed of everything random.
    pub(crate) seed: u64,
}

impl Sources {
    /// Lays the sources over each other and checks the result.
    pub(crate) fn load(&self) -> anyhow::Result<Settings> {
        self.load_over(&Given::default())
    }

    /// As [`Self::load`], with these instead of the defaults.
    pub(crate) fn load_over(&self, defaults: &Given) -> anyhow::Result<Settings> {
        settle(self.merged()?.over(defaults.clone()))
    }

    /// The data directory, which is known before the other settings.
    pub(crate) fn data_dir(&self) -> anyhow::Result<PathBuf> {
        Ok(self.merged()?.data_dir.unwrap_or_else(|| DEFAULT_DATA_DIR.into()))
    }

    /// The speed, if one is given; a restarted fleet keeps its speed otherwise.
    pub(crate) fn given_speed(&self) -> anyhow::Result<Option<f64>> {
        Ok(self.merged()?.speed)
    }

    fn merged(&self) -> anyhow::Result<Given> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
            None => Given::default(),
        };
        Ok(self.given.clone().over(file))
    }
}

impl Given {
    /// These settings, and the others where these say nothing.
    fn over(self, others: Self) -> Self {
        // A map given here replaces whichever map the others name.
        let has_map = self.osm.is_some() || self.city.is_some();
        let (osm, city) = if has_map { (None, None) } else { (others.osm, others.city) };
        Self {
            listen: self.listen.or(others.listen),
            data_dir: self.data_dir.or(others.data_dir),
            osm: self.osm.or(osm),
            city: self.city.or(city),
            vans: self.vans.or(others.vans),
            class: self.class.or(others.class),
            parcels: self.parcels.or(others.parcels),
            detailed_vans: self.detailed_vans.or(others.detailed_vans),
            orders: self.orders.or(others.orders),
            skip_bad_rows: self.skip_bad_rows || others.skip_bad_rows,
            begin: self.begin.or(others.begin),
            speed: self.speed.or(others.speed),
            seed: self.seed.or(others.seed),
        }
    }
}

impl Settings {
    /// The settings that shape a run and cannot change within it.
    pub(crate) fn of_the_run(&self) -> Given {
        Given {
            osm: self.osm.clone(),
            city: self.city.clone(),
            vans: Some(self.vans),
            class: Some(self.class.clone()),
            parcels: Some(self.parcels),
            orders: self.orders.clone(),
            skip_bad_rows: self.skip_bad_rows,
            begin: Some(self.begin),
            seed: Some(self.seed),
            ..Given::default()
        }
    }

    /// What shapes the run and differs from what it was started with, as `name = value`.
    pub(crate) fn differences(&self, before: &Given) -> Vec<String> {
        let table = |given: &Given| toml::Table::try_from(given).unwrap_or_default();
        let (now, before) = (table(&self.of_the_run()), table(before));
        now.keys()
            .chain(before.keys())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .filter(|key| now.get(*key) != before.get(*key))
            .map(|key| match before.get(key) {
                Some(value) => format!("{key} = {value}"),
                None => format!("no {key}"),
            })
            .collect()
    }
}

fn read(path: &Path) -> anyhow::Result<Given> {
    let text = std::fs::read_to_string(path).hint(
        format!("cannot read the settings file {}", path.display()),
        "name another with --config, or leave it out to use the defaults",
    )?;
    toml::from_str(&text).hint(
        format!("the settings file {} is wrong", path.display()),
        "`robovan config show` prints every setting in the form that a file takes",
    )
}

fn settle(given: Given) -> anyhow::Result<Settings> {
    let settings = Settings {
        listen: given.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
        data_dir: given.data_dir.unwrap_or_else(|| DEFAULT_DATA_DIR.into()),
        osm: given.osm,
        city: given.city,
        vans: given.vans.unwrap_or(60),
        class: given.class.unwrap_or_else(|| "robovan-35".into()),
        parcels: given.parcels.unwrap_or(6000),
        detailed_vans: given.detailed_vans.unwrap_or(0),
        orders: given.orders,
        skip_bad_rows: given.skip_bad_rows,
        begin: given.begin.unwrap_or(ClockTime::from_minutes(7 * 60 + 30)),
        speed: given.speed.unwrap_or(10.0),
        seed: given.seed.unwrap_or(1),
    };
    if settings.osm.is_some() && settings.city.is_some() {
        return Err(output::error_with_hint(
            "both osm and city are set",
            "keep the one that you want",
        ));
    }
    if settings.vans == 0 || settings.vans > 50_000 {
        return Err(output::error_with_hint(
            format!("vans is {}", settings.vans),
            "take 1 to 50000",
        ));
    }
    if !(0.0..=200.0).contains(&settings.speed) {
        return Err(output::error_with_hint(
            format!("speed is {}", settings.speed),
            "take 0 (paused) to 200 simulated seconds per second",
        ));
    }
    Ok(settings)
}

/// `robovan config`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the settings of `robovan up` as they would be used, in the form of a settings file
    Show {
        /// Print JSON instead of TOML
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        sources: Box<Sources>,
    },
}

/// Runs `robovan config`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let Command::Show { json, sources } = command;
    let settings = sources.load()?;
    if json {
        output::print_json(&settings)?;
    } else {
        output::print(&toml::to_string(&settings)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Given {
        toml::from_str(text).unwrap()
    }

    fn settled(given: Given) -> Settings {
        settle(given).unwrap()
    }

    #[test]
    fn command_line_beats_file_beats_default() {
        let given = Given { vans: Some(5), ..Given::default() };
        let settings = settled(given.over(file("vans = 7\nspeed = 30.0\ncity = 'a.rvcity'")));
        assert_eq!((settings.vans, settings.speed, settings.seed), (5, 30.0, 1));
        assert_eq!(settings.city, Some("a.rvcity".into()));
        assert_eq!(settings.begin.to_string(), "07:30");
        assert_eq!(settled(file("begin = '06:05'")).begin.to_string(), "06:05");
        let given = Given { osm: Some("b.osm.pbf".into()), ..Given::default() };
        assert_eq!(settled(given.over(file("city = 'a.rvcity'"))).city, None);
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        let settings = settled(Given::default());
        let shown = toml::to_string(&settings).unwrap();
        assert_eq!(settled(file(&shown)), settings);
    }

    #[test]
    fn wrong_settings_are_refused() {
        assert!(toml::from_str::<Given>("vens = 7").is_err());
        assert!(toml::from_str::<Given>("begin = '24:00'").is_err());
        for text in ["vans = 0", "speed = 201.0", "speed = nan", "osm = 'a'\ncity = 'b'"] {
            assert!(settle(file(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_run_goes_on_with_what_it_was_started_with() {
        let first = settled(file("vans = 7\nosm = 'a.pbf'\nspeed = 5.0"));
        let stored = toml::to_string(&first.of_the_run()).unwrap();
        let before = file(&stored);
        let again = settled(Given::default().over(before.clone()));
        assert_eq!(again.differences(&before), Vec::<String>::new());
        assert_eq!((again.vans, again.osm.clone()), (7, Some("a.pbf".into())));
        let other = settled(file("vans = 9\ncity = 'b'\nspeed = 6.0").over(before.clone()));
        assert_eq!(other.differences(&before), ["no city", "osm = \"a.pbf\"", "vans = 7"]);
    }
}
