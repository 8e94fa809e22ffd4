//! What a chain is made of: a TOML file that names the week, the cities and the orders (CSV).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rv_base::{Kilograms, LatLon, PlaceId, Rng, Seconds, TimeWindow};
use rv_model::linehaul::Week;
use rv_model::{Handover, MAX_PARCELS_PER_ORDER, OrderKind, OrderRequest, Site};
use serde::Deserialize;

use crate::day::orders_csv::{find_tenant, parse_hhmm};
use crate::files::read_text;
use crate::output::{HintExt, error_with_hint};

use super::cities::CityRow;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Most orders that cross from city to city.
const ORDERS_MAX: usize = 20_000;
/// Most bad rows that are named.
const SHOWN_MAX: usize = 10;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    /// The week's JSON.
    pub(super) week: PathBuf,
    /// The orders that cross.
    pub(super) orders: Option<PathBuf>,
    /// So many orders from a seed instead.
    #[serde(default)]
    pub(super) made: usize,
    /// Search steps of the line-haul planner.
    #[serde(default = "usual_steps")]
    pub(super) steps: u64,
    pub(super) city: Vec<CitySpec>,
    #[serde(default)]
    pub(super) late: Vec<Late>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CitySpec {
    /// Name of its hub in the week.
    pub(super) hub: String,
    pub(super) osm: Option<PathBuf>,
    pub(super) city: Option<PathBuf>,
    /// The city's hub at which trucks dock, by name; its first if missing.
    pub(super) facility: Option<String>,
    pub(super) vans: u32,
    /// Parcels of the city's own each day.
    #[serde(default)]
    pub(super) parcels: u32,
}

/// A truck that is late: everything that crosses on a lane.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Late {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) minutes: f64,
}

/// An order from a door in one city to a door in another.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    /// What the first city is asked, and the second; under one key.
    pub(super) collect: OrderRequest,
    pub(super) deliver: OrderRequest,
    /// Places in the list of cities.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Key of the consignment that it travels in between the cities; its own if it travels alone.
    pub(super) consignment: String,
}

/// One row of the orders as written.
#[derive(Debug, Deserialize)]
struct Row {
    key: String,
    tenant: String,
    #[serde(default)]
    parent: String,
    from: String,
    from_place: Option<u32>,
    from_lat_deg: Option<f64>,
    from_lon_deg: Option<f64>,
    to: String,
    to_place: Option<u32>,
    to_lat_deg: Option<f64>,
    to_lon_deg: Option<f64>,
    n_parcels: Option<u16>,
    mass_kg: Option<f64>,
    collect_start: String,
    collect_end: String,
    deliver_start: String,
    deliver_end: String,
}

fn usual_steps() -> u64 {
    2_000
}

/// Reads the file; paths in it count from its folder.
pub(super) fn read(path: &Path) -> anyhow::Result<Spec> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let mut spec: Spec = toml::from_str(&text).hint(
        format!("{} does not describe a chain", path.display()),
        "docs/linehaul.md describes its fields",
    )?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let paths = [Some(&mut spec.week), spec.orders.as_mut()].into_iter().flatten();
    let of_cities = spec.city.iter_mut().flat_map(|c| [c.osm.as_mut(), c.city.as_mut()]).flatten();
    for path in paths.chain(of_cities) {
        *path = folder.join(&*path);
    }
    let wrong = |problem: String, hint: &str| Err(error_with_hint(problem, hint));
    if spec.city.len() < 2 {
        return wrong("a chain needs two cities".into(), "add [[city]] tables");
    }
    if (spec.orders.is_none()) == (spec.made == 0) || spec.made > ORDERS_MAX {
        return wrong(
            "a chain needs orders".into(),
            "give either `orders = \"FILE.csv\"` or `made = N`, N up to 20,000",
        );
    }
    for city in &spec.city {
        if city.osm.is_some() && city.city.is_some() {
            return wrong(format!("city {} has two maps", city.hub), "give `osm` or `city`");
        }
        if !(1..=100_000).contains(&city.vans) || city.parcels > 10_000_000 {
            return wrong(
                format!("city {}: vans or parcels are out of range", city.hub),
                "1 to 100,000 vans, up to 10,000,000 parcels",
            );
        }
    }
    if let Some(late) = spec.late.iter().find(|l| !(l.minutes >= 0.0 && l.minutes <= 10_080.0)) {
        return wrong(
            format!("late from {} to {}: {} minutes", late.from, late.to, late.minutes),
            "give 0 to 10,080 minutes",
        );
    }
    Ok(spec)
}

/// The hub of the week with a name.
pub(super) fn hub_named(week: &Week, name: &str) -> anyhow::Result<u32> {
    let mut found = week.hubs.iter().enumerate().filter(|(_, hub)| hub.name == name);
    match (found.next(), found.next()) {
        (Some((idx, _)), None) => Ok(idx as u32),
        (Some(_), Some(_)) => Err(error_with_hint(
            format!("two hubs of the week are called {name}"),
            "give them names of their own",
        )),
        (None, _) => {
            let names: Vec<&str> = week.hubs.iter().take(20).map(|h| h.name.as_str()).collect();
            Err(error_with_hint(
                format!("the week has no hub {name}"),
                format!("its hubs are {}", names.join(", ")),
            ))
        }
    }
}

/// The orders of the chain, read or made.
pub(super) fn crossings(
    spec: &Spec,
    cities: &[CityRow],
    seed: u64,
) -> anyhow::Result<Vec<Crossing>> {
    let Some(path) = &spec.orders else { return Ok(made(spec.made, cities, seed)) };
    let problem = || format!("cannot read orders from {}", path.display());
    let text = read_text(path, FILE_BYTES_MAX)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for record in reader.deserialize::<Row>().take(ORDERS_MAX + 1) {
        match record {
            Ok(row) => rows.push((rows.len() + bad.len() + 2, row)),
            Err(error) => bad.push(error.to_string()),
        }
    }
    if rows.len() > ORDERS_MAX {
        return Err(error_with_hint(problem(), "at most 20,000 orders can cross"));
    }
    let consignments = consignments(&rows, &mut bad);
    let mut crossings = Vec::new();
    for (line, row) in &rows {
        match crossing(row, cities) {
            Ok((collect, deliver, from, to)) => {
                let consignment = consignments.get(&row.key).cloned().unwrap_or_default();
                crossings.push(Crossing { collect, deliver, from, to, consignment });
            }
            Err(text) => bad.push(format!("line {line}: {text}")),
        }
    }
    let ends: BTreeMap<&str, (usize, usize)> =
        crossings.iter().map(|c| (c.collect.key.as_str(), (c.from, c.to))).collect();
    for c in &crossings {
        if ends.get(c.consignment.as_str()).is_some_and(|ends| *ends != (c.from, c.to)) {
            let (key, root) = (&c.collect.key, &c.consignment);
            bad.push(format!("order {key} goes another way than {root}, which it is part of"));
        }
    }
    if !bad.is_empty() {
        bad.truncate(SHOWN_MAX);
        return Err(error_with_hint(
            format!("{}: {}", problem(), bad.join("; ")),
            "columns: key, tenant, parent (optional), from, from_place or from_lat_deg and \
             from_lon_deg, to, to_place or to_lat_deg and to_lon_deg, n_parcels, mass_kg, \
             collect_start, collect_end, deliver_start, deliver_end (HH:MM)",
        ));
    }
    Ok(crossings)
}

/// The consignment of every order: the end of its chain of parents. Unknown parents, double keys
/// and cycles are bad rows.
fn consignments(rows: &[(usize, Row)], bad: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut parent: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (line, row) in rows {
        if let Some((first, _)) = parent.insert(&row.key, (*line, &row.parent)) {
            bad.push(format!("line {line}: the key was used before, in line {first}"));
        }
    }
    let mut roots = BTreeMap::new();
    for (key, (line, _)) in &parent {
        let (mut at, mut seen) = (*key, BTreeSet::from([*key]));
        loop {
            match parent.get(at) {
                Some((_, "")) => break,
                Some((_, next)) if !seen.insert(next) => {
                    bad.push(format!("line {line}: {key} is part of itself by way of {next}"));
                    break;
                }
                Some((_, next)) => at = next,
                None => {
                    bad.push(format!("line {line}: there is no order {at} to be part of"));
                    break;
                }
            }
        }
        roots.insert((*key).to_owned(), at.to_owned());
    }
    roots
}

fn crossing(
    row: &Row,
    cities: &[CityRow],
) -> Result<(OrderRequest, OrderRequest, usize, usize), String> {
    let city = |name: &str| {
        let found = cities.iter().position(|city| city.hub == name);
        found.ok_or_else(|| format!("there is no city at hub '{name}'"))
    };
    let (from, to) = (city(&row.from)?, city(&row.to)?);
    if from == to {
        return Err("it begins and ends in one city".into());
    }
    let window = |city: &CityRow, day: i64, start: &str, end: &str| {
        let second = |text: &str| {
            parse_hhmm(text).ok_or_else(|| format!("'{text}' is no time of day like 14:30"))
        };
        let moment = |s: u32| city.midnight(day) + Seconds(f64::from(s));
        TimeWindow::new(moment(second(start)?), moment(second(end)?))
            .ok_or_else(|| "a window ends before it begins".to_owned())
    };
    let tenants = &cities[from].fleet.tenants;
    let tenant = find_tenant(tenants, &row.tenant)
        .ok_or_else(|| format!("there is no tenant '{}'", row.tenant))?;
    let request = |kind, site, window| OrderRequest {
        key: row.key.clone(),
        tenant: tenant.id,
        kind,
        site,
        handover: Handover::Door,
        n_parcels: row.n_parcels.unwrap_or(1),
        parcel_mass: Kilograms(row.mass_kg.unwrap_or(1.0)),
        window,
    };
    let collect = request(
        OrderKind::Collection,
        site(row.from_place, row.from_lat_deg, row.from_lon_deg)?,
        window(&cities[from], 0, &row.collect_start, &row.collect_end)?,
    );
    let deliver = request(
        OrderKind::Delivery,
        site(row.to_place, row.to_lat_deg, row.to_lon_deg)?,
        window(&cities[to], 1, &row.deliver_start, &row.deliver_end)?,
    );
    for request in [&collect, &deliver] {
        request.check().map_err(|error| error.to_string())?;
    }
    Ok((collect, deliver, from, to))
}

fn site(place: Option<u32>, lat: Option<f64>, lon: Option<f64>) -> Result<Site, String> {
    match (place, lat, lon) {
        (Some(place), _, _) => Ok(Site::Place(PlaceId(place))),
        (None, Some(lat), Some(lon)) => {
            LatLon::from_degrees(lat, lon).map(Site::Point).map_err(|e| e.to_string())
        }
        _ => Err("neither a place nor a latitude and longitude".into()),
    }
}

/// Orders from a seed: between random places of random cities, collected in the morning, delivered
/// the next day.
fn made(n: usize, cities: &[CityRow], seed: u64) -> Vec<Crossing> {
    let mut rng = Rng::from_seed(seed).fork("crossings");
    let mut crossings = Vec::new();
    for i in 0..n {
        let from = rng.below(cities.len());
        let to = (from + 1 + rng.below(cities.len() - 1)) % cities.len();
        let place = |rng: &mut Rng, city: &CityRow| {
            Site::Place(PlaceId::from_idx(rng.below(city.map.places.len().max(1))))
        };
        let window = |city: &CityRow, day: i64, from_h: f64, to_h: f64| TimeWindow {
            start: city.midnight(day) + Seconds(from_h * 3600.0),
            end: city.midnight(day) + Seconds(to_h * 3600.0),
        };
        let n_parcels = 1 + rng.below(3) as u16;
        let request = |kind, site, window| OrderRequest {
            key: format!("cross-{i}"),
            tenant: cities[from].fleet.tenants[i % cities[from].fleet.tenants.len()].id,
            kind,
            site,
            handover: Handover::Door,
            n_parcels: n_parcels.min(MAX_PARCELS_PER_ORDER),
            parcel_mass: Kilograms(2.5),
            window,
        };
        let start_h = 8.0 + rng.below(4) as f64;
        let collect = request(
            OrderKind::Collection,
            place(&mut rng, &cities[from]),
            window(&cities[from], 0, start_h, start_h + 3.0),
        );
        let start_h = 8.0 + rng.below(5) as f64;
        let deliver = request(
            OrderKind::Delivery,
            place(&mut rng, &cities[to]),
            window(&cities[to], 1, start_h, start_h + 4.0),
        );
        let consignment = collect.key.clone();
        crossings.push(Crossing { collect, deliver, from, to, consignment });
    }
    crossings
}
