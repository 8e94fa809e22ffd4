//! `robovan chain`: orders from a door in one city to a door in another. On the first day vans
//! collect them, in the night trucks carry them, on the second day vans deliver them.

mod cities;
mod haul;
mod spec;
mod ways;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rv_base::{Seconds, Timestamp};
use rv_fleet::{Actor, Command, DeliveredHow, Event, Haul, HaulLeg, OrderEnd, Record, RunId};
use rv_model::linehaul::LateReason;
use rv_sim::Planned;
use serde::Serialize;

use self::cities::{CityRow, Ledger};
use self::haul::Hauled;
use self::spec::{Crossing, Late};
use self::ways::{Book, Sums, Way};
use crate::files::write_text;
use crate::linehaul::{PlanFile, draw_time_of, write_plan};
use crate::machine::cpu_s;
use crate::output::{self, HintExt, error_with_hint};

/// Ways that are printed.
const SHOWN_MAX: usize = 12;

/// Arguments of `robovan chain`.
#[derive(Args)]
pub(crate) struct ChainArgs {
    /// Chain (TOML): the week, the cities, the orders
    file: PathBuf,
    /// Seed of everything random
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Planning threads of the vans [default: as many as the machine has]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Folder for the ledgers, the week, its plan, the ways (ways.csv) and a picture (time.svg)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    orders: usize,
    #[serde(flatten)]
    sums: Sums,
    /// Consignments that could not go, or not in time: key, reason, earliest arrival (s since
    /// Monday 00:00).
    left_or_late: Vec<(String, String, Option<f64>)>,
    linehaul_cost: f64,
    /// The week's own freight that goes otherwise than planned before.
    moved: usize,
    cities: Vec<CityReport>,
    /// What contradicts itself or the plan; each city's ledgers are audited by themselves too.
    violations: Vec<String>,
    ways: Vec<Way>,
    cpu_s: f64,
    seed: u64,
    version: &'static str,
}

#[derive(Serialize)]
struct CityReport {
    hub: String,
    city: String,
    /// Of both days.
    accepted: u64,
    refused: u64,
    delivered: u64,
    audit_violations: u64,
    audit_examples: Vec<String>,
}

/// Runs `robovan chain`. Exit code 1 if an audit found something wrong.
pub(crate) fn run(args: &ChainArgs) -> anyhow::Result<ExitCode> {
    let spec = spec::read(&args.file)?;
    let week = crate::linehaul::read_week(&spec.week)?;
    let hubs: Vec<u32> = (spec.city.iter())
        .map(|city| spec::hub_named(&week, &city.hub))
        .collect::<anyhow::Result<_>>()?;
    for late in &spec.late {
        spec::hub_named(&week, &late.from)?;
        spec::hub_named(&week, &late.to)?;
    }
    let cities: Vec<CityRow> = (spec.city.iter().enumerate())
        .map(|(i, city)| CityRow::load(city, args.seed + i as u64))
        .collect::<anyhow::Result<_>>()?;
    let crossings = spec::crossings(&spec, &cities, args.seed)?;
    let n_threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        usize::from,
    );
    let stage = Stage { cities: &cities, crossings: &crossings, n_threads };
    // Once to see when orders are at their hubs, which the plan of the trucks needs; the same day
    // again goes on with these trucks.
    let evening = stage.first_day(None)?;
    let handed_in = handed_in(&evening);
    let plan = |steps| haul::plan(&week, &crossings, &hubs, &handed_in, (steps, args.seed));
    let hauled = plan(spec.steps)?;
    let first = stage.first_day(Some(&hauled))?;
    let second = stage.second_day(&hauled, &spec.late, &first)?;
    let report = report(args, &cities, &crossings, &hauled, &first, &second);
    if let Some(dir) = &args.out {
        write(dir, args, &cities, &hauled, [&first, &second], &report)?;
    }
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print(&text(&report))?;
    }
    let is_clean =
        report.violations.is_empty() && report.cities.iter().all(|city| city.audit_violations == 0);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

struct Stage<'a> {
    cities: &'a [CityRow],
    crossings: &'a [Crossing],
    n_threads: usize,
}

impl Stage<'_> {
    /// The day on which orders are collected; with a plan, trucks take them in the evening.
    fn first_day(&self, hauled: Option<&Hauled>) -> anyhow::Result<Vec<Ledger>> {
        let what = if hauled.is_some() { "trucks load" } else { "vans collect" };
        self.day(0, what, |idx, city| {
            let at = city.announced(0);
            let mine = || self.crossings.iter().filter(move |c| c.from == idx);
            let mut planned: Vec<Planned> = mine()
                .map(|c| {
                    let to = self.cities[c.to].hub.clone();
                    let haul = Haul::Out { to, legs: Vec::new() };
                    let (request, hub) = (c.collect.clone(), city.dock);
                    admin(at, Command::PlaceHauled { request, hub, haul })
                })
                .collect();
            let Some(hauled) = hauled else { return planned };
            let mut loads: BTreeMap<RunId, Timestamp> = BTreeMap::new();
            for c in mine() {
                let Some(legs) = hauled.legs.get(&c.consignment) else { continue };
                let (tenant, key) = (c.collect.tenant, c.collect.key.clone());
                let load = Seconds(hauled.week.costs.load_s);
                loads.extend(legs.first().map(|leg| (leg.run, leg.depart - load)));
                let command = Command::PlanHaul { tenant, key, legs: legs.clone() };
                planned.push(admin(hauled.at, command));
            }
            let loads = loads.into_iter();
            planned.extend(loads.map(|(run, at)| admin(at, Command::LoadTruck { run })));
            planned
        })
    }

    /// The day on which what trucks brought is delivered. What left is what the first day's ledgers
    /// say.
    fn second_day(
        &self,
        hauled: &Hauled,
        late: &[Late],
        first: &[Ledger],
    ) -> anyhow::Result<Vec<Ledger>> {
        let left = left_by_truck(first);
        let really = haul::really_unloaded(hauled, late);
        self.day(1, "vans deliver", |idx, city| {
            let at = city.announced(1);
            let mut planned = Vec::new();
            let mut runs: BTreeMap<RunId, &HaulLeg> = BTreeMap::new();
            for c in self.crossings.iter().filter(|c| c.to == idx) {
                let Some(legs) = hauled.legs.get(&c.consignment) else { continue };
                if !left.contains(&c.collect.key) {
                    continue;
                }
                runs.extend(legs.last().map(|leg| (leg.run, leg)));
                let (request, hub) = (c.deliver.clone(), city.dock);
                let haul = Haul::In(legs.clone());
                planned.push(admin(at, Command::PlaceHauled { request, hub, haul }));
            }
            for (run, leg) in runs {
                let there = really.get(&run).copied().unwrap_or(leg.unloaded);
                if there > leg.unloaded {
                    // It is known once the truck is on its way.
                    let told = leg.depart.max(at + Seconds(1.0));
                    let command = Command::ExpectTruck { run, unloaded: there };
                    planned.push(admin(told.min(there), command));
                }
                // What came before the day began is unloaded then, as far as its vans know.
                planned.push(admin(there.max(at + Seconds(2.0)), Command::UnloadTruck { run }));
            }
            planned
        })
    }

    fn day(
        &self,
        day: i64,
        what: &str,
        orders: impl Fn(usize, &CityRow) -> Vec<Planned>,
    ) -> anyhow::Result<Vec<Ledger>> {
        let stop = crate::day::interrupt_flag();
        let mut ledgers = Vec::new();
        for (idx, city) in self.cities.iter().enumerate() {
            let bar = crate::day::progress_bar();
            bar.set_message(format!("day {}, {}: {what}", day + 1, city.hub));
            let mut watch = |share: f64| {
                bar.set_position((share * 1000.0) as u64);
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let ledger = city.run(day, orders(idx, city), self.n_threads, &mut watch)?;
            bar.finish_and_clear();
            if ledger.is_partial {
                return Err(error_with_hint("stopped", "nothing was written"));
            }
            ledgers.push(ledger);
        }
        Ok(ledgers)
    }
}

fn admin(at: Timestamp, command: Command) -> Planned {
    Planned { at, actor: Actor::ADMIN, command }
}

/// When each order that goes on by truck was handed in at its hub, by key.
fn handed_in(ledgers: &[Ledger]) -> BTreeMap<String, Timestamp> {
    let mut at = BTreeMap::new();
    for ledger in ledgers {
        let keys = keys(&ledger.records);
        for record in &ledger.records {
            if let Event::OrderEnded { order, end: OrderEnd::Delivered { how, .. } } = &record.event
                && let (DeliveredHow::Hub(_), Some(key)) = (how, keys.get(order))
            {
                at.insert((*key).to_owned(), record.at);
            }
        }
    }
    at
}

/// Keys of orders whose parcels are with a truck in the end.
fn left_by_truck(ledgers: &[Ledger]) -> std::collections::BTreeSet<String> {
    let mut left = std::collections::BTreeSet::new();
    for ledger in ledgers {
        let mut order_of = BTreeMap::new();
        for record in &ledger.records {
            match &record.event {
                Event::HaulAccepted { order, .. } => {
                    order_of.extend(order.parcels().map(|p| (p, order.request.key.clone())));
                }
                Event::ParcelsMoved { parcels, to: rv_fleet::Custodian::Truck(_), .. } => {
                    left.extend(parcels.iter().filter_map(|p| order_of.get(p).cloned()));
                }
                _ => {}
            }
        }
    }
    left
}

fn keys(records: &[Record]) -> BTreeMap<rv_base::OrderId, &str> {
    let accepted = records.iter().filter_map(|record| match &record.event {
        Event::HaulAccepted { order, .. } => Some((order.id, order.request.key.as_str())),
        _ => None,
    });
    accepted.collect()
}

fn report(
    args: &ChainArgs,
    cities: &[CityRow],
    crossings: &[Crossing],
    hauled: &Hauled,
    first: &[Ledger],
    second: &[Ledger],
) -> Report {
    let books: Vec<Book<'_>> = (cities.iter().zip(first.iter().zip(second)))
        .map(|(city, (a, b))| Book { hub: &city.hub, days: [&a.records, &b.records] })
        .collect();
    let consignments: BTreeMap<String, String> =
        crossings.iter().map(|c| (c.collect.key.clone(), c.consignment.clone())).collect();
    let (ways, sums, violations) =
        ways::read(&books, &consignments, &hauled.week, &hauled.new.plan);
    let of_city = |(city, (a, b)): (&CityRow, (&Ledger, &Ledger))| CityReport {
        hub: city.hub.clone(),
        city: city.map.name.clone(),
        accepted: a.audit.n_accepted + b.audit.n_accepted,
        refused: a.audit.n_refused + b.audit.n_refused,
        delivered: a.audit.n_delivered + b.audit.n_delivered,
        audit_violations: a.audit.n_violations + b.audit.n_violations,
        audit_examples: (a.audit.violations.iter().chain(&b.audit.violations))
            .take(5)
            .map(|v| v.text.clone())
            .collect(),
    };
    let why = |reason| match reason {
        LateReason::NoWayInTime => "no way arrives in time".to_owned(),
        LateReason::HubClosed { hub } => format!("hub {hub} is closed"),
        LateReason::LaneClosed { lane } => format!("lane {lane} is closed"),
        LateReason::Shortage => "no truck or dock is left for it".to_owned(),
    };
    Report {
        orders: crossings.len(),
        sums,
        left_or_late: (hauled.late.iter())
            .map(|(key, row)| (key.clone(), why(row.reason), row.earliest_arrival_s))
            .collect(),
        linehaul_cost: hauled.cost,
        moved: hauled.n_moved,
        cities: cities.iter().zip(first.iter().zip(second)).map(of_city).collect(),
        violations,
        ways,
        cpu_s: cpu_s(),
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let sums = &report.sums;
    let _ = writeln!(
        text,
        "{} orders: {} handed in, {} left by truck, {} came, {} delivered, {} in their window",
        report.orders,
        sums.handed_in,
        sums.on_trucks,
        sums.off_trucks,
        sums.delivered,
        sums.on_time
    );
    for city in &report.cities {
        let _ = writeln!(
            text,
            "{} ({}): {} accepted, {} refused, {} delivered, audit: {} contradictions",
            city.hub, city.city, city.accepted, city.refused, city.delivered, city.audit_violations
        );
        for example in &city.audit_examples {
            let _ = writeln!(text, "  {example}");
        }
    }
    for way in report.ways.iter().take(SHOWN_MAX) {
        let or = |at: &Option<String>| at.clone().map_or("-".into(), |at| short(&at));
        let drives: Vec<String> = way.drives.iter().map(|drive| drive_text(drive)).collect();
        let _ = writeln!(
            text,
            "{}: {} collected {}, at the hub {}, {}, unloaded {}, on a van {}, delivered {}: {}",
            way.key,
            way.from,
            or(&way.collected),
            or(&way.handed_in),
            if drives.is_empty() { "no truck".into() } else { drives.join(", ") },
            or(&way.unloaded),
            or(&way.on_van),
            or(&way.delivered),
            way.status
        );
    }
    if report.ways.len() > SHOWN_MAX {
        let _ = writeln!(text, "and {} more", report.ways.len() - SHOWN_MAX);
    }
    for (key, why, earliest_s) in &report.left_or_late {
        let when = earliest_s
            .map_or("not this week".into(), |s| format!("{:.1} h at the earliest", s / 3600.0));
        let _ = writeln!(text, "late: {key}: {why}, {when}");
    }
    for wrong in &report.violations {
        let _ = writeln!(text, "wrong: {wrong}");
    }
    let _ = writeln!(
        text,
        "line-haul cost {:.0}, {} others moved; seed {}, version {}, {:.1} CPU-s",
        report.linehaul_cost, report.moved, report.seed, report.version, report.cpu_s
    );
    text
}

/// `2026-03-02T06:30:00.000Z` as day and time.
fn short(at: &str) -> String {
    at.get(8..16).map_or_else(|| at.to_owned(), |part| part.replace('T', ". "))
}

fn drive_text(drive: &str) -> String {
    let words: Vec<&str> = drive.rsplitn(3, ' ').collect();
    match words[..] {
        [unloaded, depart, name] => format!("{name} {} to {}", short(depart), short(unloaded)),
        _ => drive.to_owned(),
    }
}

fn write(
    dir: &Path,
    args: &ChainArgs,
    cities: &[CityRow],
    hauled: &Hauled,
    days: [&Vec<Ledger>; 2],
    report: &Report,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)
        .hint(format!("cannot make the folder {}", dir.display()), "give another with --out")?;
    let version = env!("CARGO_PKG_VERSION");
    for (day, ledgers) in days.iter().enumerate() {
        for (city, ledger) in cities.iter().zip(ledgers.iter()) {
            let (name, n) = (&city.map.name, day + 1);
            let header =
                format!("robovan {version} chain, day {n}, city {name}, seed {}", args.seed);
            ledger.write(&dir.join(format!("{}-{n}.rvlog", file_name(&city.hub))), &header)?;
        }
    }
    let week = serde_json::to_string(&hauled.week)? + "\n";
    write_text(&dir.join("week.json"), &week)?;
    write_plan(&dir.join("running.json"), &PlanFile::Replan(hauled.running.clone()))?;
    write_plan(&dir.join("plan.json"), &PlanFile::Replan(hauled.new.clone()))?;
    draw_time_of(&hauled.week, &hauled.new, &dir.join("time.svg"))?;
    write_text(&dir.join("report.json"), &(serde_json::to_string_pretty(report)? + "\n"))?;
    let path = dir.join("ways.csv");
    let problem = format!("cannot write {}", path.display());
    let mut csv = csv::Writer::from_path(&path).hint(&*problem, "give another folder")?;
    csv.write_record([
        "key",
        "tenant",
        "parcels",
        "from",
        "to",
        "collected",
        "handed_in",
        "drives",
        "unloaded",
        "on_van",
        "delivered",
        "status",
    ])?;
    for way in &report.ways {
        let or = |at: &Option<String>| at.clone().unwrap_or_default();
        csv.write_record([
            way.key.clone(),
            way.tenant.to_string(),
            way.parcels.to_string(),
            way.from.clone(),
            way.to.clone(),
            or(&way.collected),
            or(&way.handed_in),
            way.drives.join("; "),
            or(&way.unloaded),
            or(&way.on_van),
            or(&way.delivered),
            way.status.to_owned(),
        ])?;
    }
    csv.flush().hint(problem, "check that there is space")?;
    Ok(())
}

fn file_name(hub: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    hub.chars().map(safe).collect()
}
