//! VRPLIB: CVRP, VRPTW, MDVRPTW, HFVRP and multi-trip files in the dialect of PyVRP.

use std::collections::BTreeMap;

use rv_base::Money;
use rv_model::dispatch::{Order, OrderKind, PermitMap, ProblemData, Start};

use super::literature::{
    Clock, LOCATIONS_MAX, Site, coordinate, cost_per_km, depot, finish, load, load_scale, ms,
    n_vehicles, order, stop, times, travel, vehicle,
};
use super::{Convention, FormatError, Loaded, line_error, numbers};

/// Most reloads of a vehicle that may reload.
const RELOADS_MAX: u32 = 8;

/// Sections that are understood.
const SECTIONS: [&str; 13] = [
    "NODE_COORD_SECTION",
    "DEMAND_SECTION",
    "TIME_WINDOW_SECTION",
    "SERVICE_TIME_SECTION",
    "RELEASE_TIME_SECTION",
    "DEPOT_SECTION",
    "PICKUP_AND_DELIVERY_SECTION",
    "CAPACITY_SECTION",
    "VEHICLES_DEPOT_SECTION",
    "VEHICLES_RELOAD_DEPOT_SECTION",
    "VEHICLES_FIXED_COST_SECTION",
    "VEHICLES_UNIT_DISTANCE_COST_SECTION",
    "VEHICLES_MAX_DURATION_SECTION",
];

/// A row of numbers with its line.
type Row = (usize, Vec<f64>);

/// A file cut into its header and sections.
struct Sections<'a> {
    header: BTreeMap<String, (usize, &'a str)>,
    rows: BTreeMap<String, Vec<Row>>,
}

impl<'a> Sections<'a> {
    fn read(text: &'a str) -> Result<Self, FormatError> {
        let (mut header, mut rows) = (BTreeMap::new(), BTreeMap::new());
        let mut section: Option<String> = None;
        for (idx, line) in text.lines().enumerate() {
            let (line_no, trimmed) = (idx + 1, line.trim());
            if trimmed.is_empty() || trimmed == "EOF" {
                continue;
            }
            if trimmed.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let name = trimmed.trim_end_matches(':').trim_end();
                let is_twice = match trimmed.split_once(':') {
                    Some((key, value)) if !name.ends_with("_SECTION") => {
                        section = None;
                        header.insert(key.trim().to_owned(), (line_no, value.trim())).is_some()
                    }
                    _ if SECTIONS.contains(&name) => {
                        section = Some(name.to_owned());
                        rows.insert(name.to_owned(), Vec::new()).is_some()
                    }
                    _ => return line_error(line_no, format!("\"{name}\" is not supported")),
                };
                if is_twice {
                    return line_error(line_no, "the file has this twice");
                }
                continue;
            }
            let Some(rows) = section.as_ref().and_then(|s| rows.get_mut(s)) else {
                return line_error(line_no, "a row outside of any section");
            };
            rows.push((line_no, numbers(line_no, trimmed)?));
        }
        Ok(Self { header, rows })
    }

    fn word(&self, key: &str) -> Option<&'a str> {
        self.header.get(key).map(|(_, value)| *value)
    }

    /// The line of a header entry.
    fn line(&self, key: &str) -> usize {
        self.header.get(key).map_or(0, |entry| entry.0)
    }

    fn number(&self, key: &str) -> Result<Option<f64>, FormatError> {
        let Some(&(line, value)) = self.header.get(key) else { return Ok(None) };
        match value.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
            _ => line_error(line, format!("{key} must be a number that is not negative")),
        }
    }

    /// The values behind the index in rows `1..=n` of a section, or the header's single value.
    fn column(&self, name: &str, n: usize, width: usize) -> Result<Option<Vec<Row>>, FormatError> {
        let Some(rows) = self.rows.get(&format!("{name}_SECTION")) else {
            let row = |value| (self.line(name), vec![value; width]);
            return Ok(self.number(name)?.map(|value| vec![row(value); n]));
        };
        let mut column: Vec<Option<Row>> = vec![None; n];
        for (line, row) in rows {
            let idx = whole(row[0], n).filter(|_| row.len() == width + 1);
            let Some(idx) = idx else {
                return line_error(*line, format!("expected 1..={n} and {width} values"));
            };
            if column[idx - 1].replace((*line, row[1..].to_vec())).is_some() {
                return line_error(*line, format!("{idx} is listed twice"));
            }
        }
        if let Some(idx) = column.iter().position(Option::is_none) {
            let reason = format!("{name}_SECTION does not list {} of {n}", idx + 1);
            return Err(FormatError::Whole(reason));
        }
        Ok(Some(column.into_iter().flatten().collect()))
    }

    /// One amount for each, none of them negative.
    fn amounts(&self, name: &str, n: usize) -> Result<Option<Vec<f64>>, FormatError> {
        let Some(column) = self.column(name, n, 1)? else { return Ok(None) };
        let amount = |(line, row): Row| {
            if row[0] < 0.0 {
                return line_error(line, format!("{name} {} is negative", row[0]));
            }
            Ok(row[0])
        };
        column.into_iter().map(amount).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Depot rows (locations from zero), without the closing -1.
    fn depots(&self, n: usize) -> Result<Vec<usize>, FormatError> {
        let mut depots = Vec::new();
        for (line, row) in self.rows.get("DEPOT_SECTION").map_or(&[][..], |r| r) {
            match whole(row[0], n) {
                _ if row[0] == -1.0 => {}
                Some(idx) if !depots.contains(&(idx - 1)) => depots.push(idx - 1),
                Some(_) => return line_error(*line, "the depot is listed twice"),
                None => return line_error(*line, "the depot does not exist"),
            }
        }
        if depots.is_empty() {
            return Err(FormatError::Whole("DEPOT_SECTION is missing or empty".into()));
        }
        Ok(depots)
    }
}

/// A whole number from 1 to `n`.
fn whole(value: f64, n: usize) -> Option<usize> {
    (value.fract() == 0.0 && (1.0..=n as f64).contains(&value)).then_some(value as usize)
}

pub(super) fn read(text: &str, convention: Convention) -> Result<Loaded, FormatError> {
    let file = Sections::read(text)?;
    let kind = file.word("TYPE").unwrap_or("CVRP").to_owned();
    let convention = match (convention, kind.as_str()) {
        (Convention::OfFile, "CVRP") => Convention::Integer,
        (Convention::OfFile, "MTVRPTWR") => Convention::Dimacs,
        (Convention::OfFile, _) => Convention::Exact,
        (chosen, _) => chosen,
    };
    if file.word("EDGE_WEIGHT_TYPE").is_some_and(|t| t != "EUC_2D") {
        return Err(FormatError::Whole("only EDGE_WEIGHT_TYPE EUC_2D is supported".into()));
    }
    let Some(n) = file.number("DIMENSION")? else {
        return Err(FormatError::Whole("DIMENSION is missing".into()));
    };
    let Some(n) = whole(n, LOCATIONS_MAX) else {
        let reason = format!("DIMENSION must be a whole number from 1 to {LOCATIONS_MAX}");
        return line_error(file.line("DIMENSION"), reason);
    };
    let mut sites = sites(&file, n)?;
    let depots = file.depots(n)?;
    let n_vehicles = match file.number("VEHICLES")? {
        Some(given) => n_vehicles(file.line("VEHICLES"), given)?,
        None => (n - 1).max(1),
    };
    let has_times = sites.iter().any(|s| s.close < 1e8 || s.service > 0.0)
        || file.amounts("VEHICLES_MAX_DURATION", n_vehicles)?.is_some();
    let clock = if has_times { Clock::Distance } else { Clock::None };
    let scale = load_scale(sites.iter().map(|s| &s.demand));
    let releases = file.amounts("RELEASE_TIME", n)?;
    let orders = match file.rows.get("PICKUP_AND_DELIVERY_SECTION") {
        Some(rows) => pairs(rows, &mut sites, &depots)?,
        None => {
            let orders = (0..n).filter(|at| !depots.contains(at)).map(|at| {
                let kind = OrderKind::Delivery(stop(at, &sites[at]));
                let mut order = order(at, kind, load(sites[at].demand, scale));
                order.release_ms = releases.as_ref().map_or(0, |r| ms(r[at]));
                order
            });
            orders.collect()
        }
    };
    let points: Vec<_> = sites.iter().map(|s| s.at).collect();
    let data = ProblemData {
        n_load_dims: 1,
        depots: depots.iter().map(|&at| depot(at as u32, &sites[at])).collect(),
        chargers: Vec::new(),
        vehicles: vehicles(&file, n_vehicles, &sites, &depots, scale)?,
        orders,
        travels: vec![travel(&points, convention, clock, None)?],
        tenants: Vec::new(),
        permits: PermitMap::default(),
    };
    let name = file.word("NAME").unwrap_or("").to_owned();
    let mut loaded = finish(name, data, sites, convention)?;
    loaded.has_distinct_vehicles = kind == "HFVRP" || depots.len() > 1;
    Ok(loaded)
}

/// Pickups and deliveries in pairs, in the columns of LKH-3: node, demand, window, service, and the
/// nodes of its pickup and its delivery (0 for none).
fn pairs(
    rows: &[(usize, Vec<f64>)],
    sites: &mut [Site],
    depots: &[usize],
) -> Result<Vec<Order>, FormatError> {
    let n = sites.len();
    let mut partners = vec![(0, 0, 0); n];
    for (line, row) in rows {
        let &[node, demand, open, close, service, pickup, delivery] = row.as_slice() else {
            return line_error(*line, "expected 7 numbers");
        };
        let is_node = |v: f64, low: f64| v >= low && v <= n as f64 && v.fract() == 0.0;
        if !is_node(node, 1.0) || !is_node(pickup, 0.0) || !is_node(delivery, 0.0) {
            return line_error(*line, format!("a node is not within 1..={n}"));
        }
        times(*line, open, close, service)?;
        if partners[node as usize - 1].0 != 0 {
            return line_error(*line, format!("node {node} is listed twice"));
        }
        let site = &mut sites[node as usize - 1];
        (site.demand, site.open, site.close, site.service) = (demand, open, close, service);
        partners[node as usize - 1] = (*line, pickup as usize, delivery as usize);
    }
    let mut orders = Vec::new();
    for at in (0..n).filter(|at| !depots.contains(at)) {
        let (line, pickup, delivery) = partners[at];
        if line == 0 {
            return Err(FormatError::Whole(format!("node {} has no pickup or delivery", at + 1)));
        }
        let is_answered = |other: usize| other > 0 && !depots.contains(&(other - 1));
        if delivery == 0 {
            if !is_answered(pickup) || partners[pickup - 1].2 != at + 1 {
                return line_error(line, "the node has no pickup that leads to it");
            }
            continue;
        }
        let is_pair = is_answered(delivery)
            && delivery != at + 1
            && partners[delivery - 1].1 == at + 1
            && partners[delivery - 1].2 == 0;
        if !is_pair {
            return line_error(line, format!("node {delivery} does not name it as its pickup"));
        }
        let (loaded, dropped) = (sites[at].demand, sites[delivery - 1].demand);
        if loaded < 0.0 || loaded + dropped != 0.0 {
            let reason = format!("{loaded} is loaded here and {} dropped off", -dropped);
            return line_error(line, reason);
        }
        let pickup = stop(at, &sites[at]);
        let kind =
            OrderKind::Transfer { pickup, dropoff: stop(delivery - 1, &sites[delivery - 1]) };
        orders.push(order(at, kind, load(sites[at].demand, 1.0)));
    }
    Ok(orders)
}

fn sites(file: &Sections<'_>, n: usize) -> Result<Vec<Site>, FormatError> {
    let Some(points) = file.column("NODE_COORD", n, 2)? else {
        return Err(FormatError::Whole("NODE_COORD_SECTION is missing".into()));
    };
    let demands = file.amounts("DEMAND", n)?.unwrap_or_else(|| vec![0.0; n]);
    let services = file.amounts("SERVICE_TIME", n)?.unwrap_or_else(|| vec![0.0; n]);
    let windows = file.column("TIME_WINDOW", n, 2)?;
    let depots = file.depots(n)?;
    let site = |at: usize| {
        let (open, close) = match &windows {
            Some(windows) => {
                let (line, row) = &windows[at];
                times(*line, row[0], row[1], 0.0)?;
                (row[0], row[1])
            }
            None => (0.0, 1e9),
        };
        let (line, row) = &points[at];
        coordinate(*line, (row[0], row[1]))?;
        // A single SERVICE_TIME in the header is meant for customers.
        let service = if depots.contains(&at) { 0.0 } else { services[at] };
        let (label, at, demand) = (at.to_string(), (row[0], row[1]), demands[at]);
        Ok(Site { label, at, demand, open, close, service })
    };
    (0..n).map(site).collect()
}

fn vehicles(
    file: &Sections<'_>,
    n: usize,
    sites: &[Site],
    depots: &[usize],
    scale: f64,
) -> Result<Vec<rv_model::dispatch::Vehicle>, FormatError> {
    let Some(capacities) = file.amounts("CAPACITY", n)? else {
        return Err(FormatError::Whole("CAPACITY is missing".into()));
    };
    let fixed = file.amounts("VEHICLES_FIXED_COST", n)?;
    let per_unit = file.amounts("VEHICLES_UNIT_DISTANCE_COST", n)?;
    let homes = file.amounts("VEHICLES_DEPOT", n)?;
    let reloads = file.amounts("VEHICLES_RELOAD_DEPOT", n)?;
    let longest = file.amounts("VEHICLES_MAX_DURATION", n)?;
    let depot_of = |row: f64| {
        let at = whole(row, sites.len())? - 1;
        depots.iter().position(|&d| d == at).map(|d| d as u32)
    };
    let mut vehicles = Vec::with_capacity(n);
    for (idx, &capacity) in capacities.iter().enumerate() {
        let wrong = |what: &str| FormatError::Whole(format!("vehicle {}: {what}", idx + 1));
        let home = match &homes {
            Some(homes) => depot_of(homes[idx]).ok_or_else(|| wrong("its depot does not exist"))?,
            None => 0,
        };
        let location = depots[home as usize];
        let capacity = load(capacity, scale);
        let mut one = vehicle(idx, home, location as u32, &sites[location], capacity);
        one.start = Start::Depot(home);
        if let Some(fixed) = &fixed {
            one.cost_fixed = Money::from_units(fixed[idx]);
        }
        if let Some(per_unit) = &per_unit {
            one.cost_per_km = cost_per_km(per_unit[idx]);
        }
        if let Some(reloads) = &reloads {
            let depot =
                depot_of(reloads[idx]).ok_or_else(|| wrong("its reload depot is unknown"))?;
            one.reload_depots = vec![depot];
            one.reloads_max = RELOADS_MAX;
        }
        one.duration_ms_max = longest.as_ref().map(|longest| ms(longest[idx]));
        vehicles.push(one);
    }
    Ok(vehicles)
}
