//! `robovan drive city`: kilometres of urban driving amid seeded traffic, judged by a referee.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use rv_driver::law::TrafficLaw;
use rv_map::city_lanes::CityLanes;
use rv_sim::Weather;
use rv_sim::plant::{PlantKind, Tracking};
use rv_sim::urban::{
    self, Busy, CycleTimes, Drive, DriveSetup, Ends, Findings, HubFindings, Route, SensorModel,
    Walls,
};
use serde::Serialize;

use super::city_picture;
use super::park::PlantArg;
use crate::machine;
use crate::output::{self, error_with_hint};

/// Drives run side by side before the kilometres are counted again.
const BATCH: u64 = 32;

#[derive(Args)]
pub(crate) struct CityArgs {
    /// City file made by `robovan city build`
    #[arg(long, value_name = "FILE")]
    city: PathBuf,
    /// Kilometres to drive
    #[arg(long, default_value_t = 100.0, value_name = "KM")]
    km: f64,
    /// Seed of routes, traffic, people and things
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// As many seeds, from the first on, each with as many kilometres
    #[arg(long, default_value_t = 1, value_name = "N")]
    seeds: u64,
    /// Drive so many vans side by side on one thread for --seconds, and tell what that takes
    #[arg(long, value_name = "N", conflicts_with_all = ["human", "picture", "seeds"])]
    vans: Option<usize>,
    /// How long to drive with --vans, s
    #[arg(long, default_value_t = 60.0, value_name = "S", requires = "vans")]
    seconds: f64,
    /// Number of the first drive
    #[arg(long, default_value_t = 0, value_name = "N")]
    first: u64,
    /// About how long each drive is, m
    #[arg(long, default_value_t = 3000.0, value_name = "M")]
    length_m: f64,
    /// Traffic law: vienna, us, gb, cn, cn-chengdu, cn-beijing, cn-shenzhen-nanshan
    #[arg(long, default_value = "vienna", value_name = "NAME")]
    law: String,
    /// Vehicles, people and things about, as a share of the usual
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    busy: f64,
    /// Drive each way with a human-like driver in the same traffic, too, and compare the speeds
    #[arg(long)]
    human: bool,
    /// Sensors see everything at once and without error
    #[arg(long)]
    perfect_sensors: bool,
    /// Weather
    #[arg(long, value_enum, default_value_t = WeatherArg::Dry)]
    weather: WeatherArg,
    /// What is driven: what was decided, or a vehicle that answers 0.2 s late and whose tyres slip
    #[arg(long, value_enum, default_value_t = PlantArg::Kinematic)]
    plant: PlantArg,
    /// Drives begin and end in a bay of a hub's yard, where there is room for one beside the lane
    #[arg(long)]
    hubs: bool,
    /// Ways turn back in a street half-way, where the law and its width allow it
    #[arg(long, conflicts_with = "human")]
    turn_back: bool,
    /// Draw moments of the first drive into this SVG file
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WeatherArg {
    Dry,
    Rain,
    Snow,
}

/// What is printed.
#[derive(Serialize)]
struct Answer {
    city: String,
    law: String,
    seed: u64,
    n_drives: u64,
    km: f64,
    hours: f64,
    n_arrived: u64,
    contacts_at_fault: u32,
    contacts: u32,
    red_lights: u32,
    stop_signs: u32,
    outside_permit_m: f64,
    off_lane_m: f64,
    over_limit_s: f64,
    soft_hazards: u32,
    calls: u32,
    calls_per_100_km: f64,
    n_rerouted: u32,
    n_turned: u32,
    n_could_not_turn: u64,
    n_parked: u64,
    parking_s: f64,
    mean_mps: f64,
    human_mean_mps: Option<f64>,
    speed_share_of_human: Option<f64>,
    emergencies: u32,
    emergency_share_of_time: f64,
    rough_share_of_time: f64,
    along_max_mps2: f64,
    across_max_mps2: f64,
    both_max_mps2: f64,
    jerk_max_mps3: f64,
    cpu_s: f64,
    cpu_s_per_1000_km: f64,
    n_cycles: u64,
    let_through_share: f64,
    cycle_us_median: f64,
    cycle_us_p999: f64,
    cycle_us_longest: f64,
    cycle_us_mean: f64,
    plant: PlantKind,
    tracking: Tracking,
    hubs: HubFindings,
    /// Drives with a contact at fault, a red light, or that did not arrive.
    notable: Vec<Drive>,
}

pub(super) fn run(args: &CityArgs) -> anyhow::Result<ExitCode> {
    let is_km_fine = args.km > 0.0 && args.km <= 1e6;
    if !is_km_fine || !(200.0..=20_000.0).contains(&args.length_m) {
        return Err(error_with_hint("nothing to drive", "--km 0..1000000, --length-m 200..20000"));
    }
    let Some(law) = TrafficLaw::named(&args.law) else {
        let names: Vec<String> = TrafficLaw::shipped().into_iter().map(|l| l.name).collect();
        return Err(error_with_hint(
            format!("there is no traffic law named {}", args.law),
            format!("choose one of {}", names.join(", ")),
        ));
    };
    let city = Arc::new(crate::city::load(&args.city)?);
    let lanes = Arc::new(CityLanes::build(&city));
    let walls = Arc::new(Walls::of(&city, &lanes.frame));
    let share = args.busy.clamp(0.0, 4.0);
    let setup = DriveSetup {
        city: Arc::clone(&city),
        lanes,
        law,
        busy: Busy { vehicles: share, people: share, things: share.min(1.5) },
        length_m: args.length_m,
        seed: args.seed,
        sensors: (!args.perfect_sensors).then_some(SensorModel::USUAL),
        weather: match args.weather {
            WeatherArg::Dry => Weather::Dry,
            WeatherArg::Rain => Weather::Rain,
            WeatherArg::Snow => Weather::Snow,
        },
        walls,
        with_human: args.human,
        plant: args.plant.kind(),
        ends: if args.hubs { Ends::Hub } else { Ends::Lane },
        route: if args.turn_back { Route::TurnsBack } else { Route::Onwards },
    };
    if let Some(path) = &args.picture {
        let svg = city_picture::strip(&setup, args.first);
        crate::files::write_text(path, &svg)?;
    }
    if let Some(n_vans) = args.vans {
        return many(args, &setup, n_vans);
    }
    let began_s = machine::cpu_s();
    let mut drives = Vec::new();
    for seed in args.seed..args.seed.saturating_add(args.seeds.clamp(1, 1000)) {
        drives.extend(drive_all(args, &DriveSetup { seed, ..setup.clone() })?);
    }
    let cpu_s = machine::cpu_s() - began_s;
    if drives.is_empty() {
        return Err(error_with_hint(
            "no way to drive was found",
            "the city file needs streets for motor vehicles, longer than --length-m",
        ));
    }
    let answer = sum_up(args, &city.name, &setup.law.name, drives, cpu_s);
    let is_clean = answer.contacts_at_fault == 0 && answer.red_lights == 0;
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&answer.text())?;
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn drive_all(args: &CityArgs, setup: &DriveSetup) -> anyhow::Result<Vec<Drive>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).build()?;
    let progress = progress_bar(args.km);
    let mut drives: Vec<Drive> = Vec::new();
    let mut number = args.first;
    let mut driven_km = 0.0;
    let mut n_empty = 0;
    while driven_km < args.km && n_empty < 3 {
        let batch: Vec<Option<Drive>> = pool.install(|| {
            (number..number + BATCH)
                .into_par_iter()
                .map(|n| urban::drive(setup, n, &machine::thread_cpu, &mut |_| {}))
                .collect()
        });
        number += BATCH;
        n_empty = if batch.iter().all(Option::is_none) { n_empty + 1 } else { 0 };
        for drive in batch.into_iter().flatten() {
            // The same drives whatever the size of a batch.
            if driven_km < args.km {
                driven_km += drive.found.driven_m / 1000.0;
                drives.push(drive);
            }
        }
        progress.set_position(driven_km as u64);
    }
    progress.finish_and_clear();
    Ok(drives)
}

/// Many vans side by side on this thread.
fn many(args: &CityArgs, setup: &DriveSetup, n_vans: usize) -> anyhow::Result<ExitCode> {
    if !(1..=5000).contains(&n_vans) || !(1.0..=36_000.0).contains(&args.seconds) {
        return Err(error_with_hint("nothing to drive", "--vans 1..5000, --seconds 1..36000"));
    }
    let t = urban::drive_many(setup, n_vans, args.seconds, &machine::thread_cpu);
    if args.json {
        output::print_json(&t)?;
    } else {
        let per_s = t.cpu_s / t.simulated_s.max(1e-9);
        output::print(&format!(
            "{} vans for {:.0} s at 10 Hz on one thread, {:.1} km: {:.3} CPU s a second, {:.1} x real time\n\
             of it the drivers and their monitors {:.3} CPU s a second, {:.1} us a cycle; \
             contacts at fault {}, red lights {}\n",
            t.n_vans,
            t.simulated_s,
            t.driven_m / 1000.0,
            per_s,
            1.0 / per_s.max(1e-9),
            t.driver_cpu_s / t.simulated_s.max(1e-9),
            t.driver_cpu_s * 1e6 / t.n_cycles.max(1) as f64,
            t.contacts_at_fault,
            t.red_lights,
        ))?;
    }
    let is_clean = t.contacts_at_fault == 0 && t.red_lights == 0;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress_bar(km: f64) -> ProgressBar {
    use std::io::IsTerminal;
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("driving {bar:30} {pos}/{len} km {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(km as u64).with_style(style)
}

fn sum_up(args: &CityArgs, city: &str, law: &str, drives: Vec<Drive>, cpu_s: f64) -> Answer {
    let sum = |of: &dyn Fn(&Findings) -> f64| drives.iter().map(|d| of(&d.found)).sum::<f64>();
    let count = |of: &dyn Fn(&Findings) -> u32| drives.iter().map(|d| of(&d.found)).sum::<u32>();
    let most =
        |of: &dyn Fn(&Findings) -> f64| drives.iter().map(|d| of(&d.found)).fold(0.0, f64::max);
    let km = sum(&|f| f.driven_m) / 1000.0;
    let time_s = sum(&|f| f.time_s);
    let mut times = CycleTimes::default();
    drives.iter().for_each(|d| times.add(&d.times));
    // Only ways that both drove to their end are compared.
    let both = || {
        drives.iter().filter_map(|d| {
            let h = d.human.filter(|h| d.is_arrived && h.is_arrived)?;
            // The human-like driver stops beside and does not park.
            Some((d.found.driven_m, d.found.time_s - d.parking_s, h.driven_m, h.time_s))
        })
    };
    let total = |pick: fn((f64, f64, f64, f64)) -> f64| both().map(pick).sum::<f64>();
    let own_mps = total(|b| b.0) / total(|b| b.1).max(1e-9);
    let human_mps = total(|b| b.2) / total(|b| b.3).max(1e-9);
    let has_human = both().next().is_some();
    let n_cycles = drives.iter().map(|d| d.n_cycles).sum::<u64>();
    let n_let_through = drives.iter().map(|d| d.n_let_through).sum::<u64>();
    let calls = count(&|f| f.calls);
    let (mut tracking, mut hubs) = (Tracking::default(), HubFindings::default());
    for d in &drives {
        tracking.add(&d.tracking);
        hubs.add(&d.hubs);
    }
    Answer {
        city: city.to_owned(),
        law: law.to_owned(),
        seed: args.seed,
        n_drives: drives.len() as u64,
        km,
        hours: time_s / 3600.0,
        n_arrived: drives.iter().filter(|d| d.is_arrived).count() as u64,
        contacts_at_fault: count(&|f| f.contacts_at_fault),
        contacts: count(&|f| f.contacts),
        red_lights: count(&|f| f.red_lights),
        stop_signs: count(&|f| f.stop_signs),
        outside_permit_m: sum(&|f| f.outside_permit_m),
        off_lane_m: sum(&|f| f.off_lane_m),
        over_limit_s: sum(&|f| f.over_limit_s),
        soft_hazards: count(&|f| f.soft_hazards),
        calls,
        calls_per_100_km: f64::from(calls) / km.max(1e-9) * 100.0,
        n_rerouted: drives.iter().map(|d| d.n_rerouted).sum(),
        n_turned: drives.iter().map(|d| d.n_turned).sum(),
        n_could_not_turn: drives.iter().filter(|d| d.could_not_turn).count() as u64,
        n_parked: drives.iter().filter(|d| d.is_parked).count() as u64,
        parking_s: drives.iter().map(|d| d.parking_s).sum(),
        mean_mps: km * 1000.0 / time_s.max(1e-9),
        human_mean_mps: has_human.then_some(human_mps),
        speed_share_of_human: has_human.then_some(own_mps / human_mps.max(1e-9)),
        emergencies: count(&|f| f.emergencies),
        emergency_share_of_time: sum(&|f| f.emergency_s) / time_s.max(1e-9),
        rough_share_of_time: sum(&|f| f.rough_s) / time_s.max(1e-9),
        along_max_mps2: most(&|f| f.along_max_mps2),
        across_max_mps2: most(&|f| f.across_max_mps2),
        both_max_mps2: most(&|f| f.both_max_mps2),
        jerk_max_mps3: most(&|f| f.jerk_max_mps3),
        cpu_s,
        cpu_s_per_1000_km: cpu_s / km.max(1e-9) * 1000.0,
        n_cycles,
        let_through_share: n_let_through as f64 / n_cycles.max(1) as f64,
        cycle_us_median: times.at_share(0.5),
        cycle_us_p999: times.at_share(0.999),
        cycle_us_longest: times.longest_us(),
        cycle_us_mean: times.mean_us(),
        plant: args.plant.kind(),
        tracking,
        hubs,
        notable: drives
            .into_iter()
            .filter(|d| {
                let f = &d.found;
                f.contacts_at_fault > 0 || f.red_lights > 0 || f.stop_signs > 0 || !d.is_arrived
            })
            .collect(),
    }
}

impl Answer {
    fn text(&self) -> String {
        let human = match (self.human_mean_mps, self.speed_share_of_human) {
            (Some(v), Some(share)) => {
                format!(" (human-like driver {v:.2} m/s; {:.0} % of it)", share * 100.0)
            }
            _ => String::new(),
        };
        let mut text = format!(
            "{:.1} km in {} drives of {} ({} law, seed {}), {:.1} h; arrived {}\n\
             contacts at fault {}, all contacts {}; red lights {}; stop signs {}; outside permit {:.0} m; \
             off lanes {:.0} m; too fast {:.0} s\n\
             calls for help {} ({:.2} per 100 km), other ways taken {}; mean speed {:.2} m/s{human}\n\
             outside emergencies: |a| up to {:.2} m/s2 ({:.2} along, {:.2} across), jerk up to {:.2} m/s3, \
             rough {:.3} % of the time; emergencies {} ({:.2} % of the time)\n\
             {} cycles: median {:.1} us, p99.9 {:.1} us, longest {:.0} us, mean {:.1} us; plans let through {:.3} %\n\
             {:.1} CPU s, {:.0} CPU s per 1,000 km\n",
            self.km,
            self.n_drives,
            self.city,
            self.law,
            self.seed,
            self.hours,
            self.n_arrived,
            self.contacts_at_fault,
            self.contacts,
            self.red_lights,
            self.stop_signs,
            self.outside_permit_m,
            self.off_lane_m,
            self.over_limit_s,
            self.calls,
            self.calls_per_100_km,
            self.n_rerouted,
            self.mean_mps,
            self.both_max_mps2,
            self.along_max_mps2,
            self.across_max_mps2,
            self.jerk_max_mps3,
            self.rough_share_of_time * 100.0,
            self.emergencies,
            self.emergency_share_of_time * 100.0,
            self.n_cycles,
            self.cycle_us_median,
            self.cycle_us_p999,
            self.cycle_us_longest,
            self.cycle_us_mean,
            self.let_through_share * 100.0,
            self.cpu_s,
            self.cpu_s_per_1000_km,
        );
        let t = &self.tracking;
        if t.n_cycles > 0 {
            text.push_str(&format!(
                "followed within {:.1} cm beside (mean {:.1} cm), {:.0} cm along, {:.2} degrees\n",
                t.beside_max_m * 100.0,
                t.beside_mean_m * 100.0,
                t.along_max_m * 100.0,
                t.heading_max_rad.to_degrees(),
            ));
        }
        if self.n_turned > 0 || self.n_could_not_turn > 0 {
            text.push_str(&format!(
                "turned around in streets {} times; could not {} times\n",
                self.n_turned, self.n_could_not_turn,
            ));
        }
        if self.n_parked > 0 {
            text.push_str(&format!(
                "parked in gaps at the kerb {} times, {:.0} s each\n",
                self.n_parked,
                self.parking_s / self.n_parked as f64,
            ));
        }
        let h = &self.hubs;
        if h.n_begun + h.n_reached > 0 {
            text.push_str(&format!(
                "hubs: {} of {} came out of their bay, {} of {} in, at most {:.1} cm and {:.2} degrees off; \
                 {} changes of direction, {:.0} s\n",
                h.n_left,
                h.n_begun,
                h.n_entered,
                h.n_reached,
                h.off_max_m * 100.0,
                h.turned_max_rad.to_degrees(),
                h.n_changes,
                h.time_s,
            ));
            for (why, n) in &h.failures {
                text.push_str(&format!("  no plan {n} times: {why}\n"));
            }
        }
        for d in self.notable.iter().take(12) {
            let why = d.stuck_on.as_deref().unwrap_or("contact or red light");
            text.push_str(&format!("  drive {}: {why}; {:.0} s\n", d.number, d.found.time_s));
        }
        text
    }
}
