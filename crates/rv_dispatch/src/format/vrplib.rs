//! VRPLIB: CVRP, VRPTW, MDVRPTW, HFVRP and multi-trip files in the dialect of PyVRP.

use std::collections::BTreeMap;

use rv_base::Money;
use rv_model::dispatch::{Order, OrderKind, PermitMap, ProblemData, Start};

use super::literature::{
    Clock, Site, cost_per_km, depot, finish, load, load_scale, ms, order, stop, travel, vehicle,
};
use super::{Convention, FormatError, Loaded, line_error, numbers};

/// Most reloads of a vehicle that may reload.
const RELOADS_MAX: u32 = 8;

/// A file cut into its header and sections.
struct Sections<'a> {
    header: BTreeMap<String, (usize, &'a str)>,
    rows: BTreeMap<String, Vec<(usize, Vec<f64>)>>,
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
                match trimmed.split_once(':') {
                    Some((key, value)) => {
                        header.insert(key.trim().to_owned(), (line_no, value.trim()));
                        section = None;
                    }
                    None => {
                        rows.insert(trimmed.to_owned(), Vec::new());
                        section = Some(trimmed.to_owned());
                    }
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

    fn number(&self, key: &str) -> Result<Option<f64>, FormatError> {
        let Some(&(line, value)) = self.header.get(key) else { return Ok(None) };
        match value.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
            _ => line_error(line, format!("{key} must be a number that is not negative")),
        }
    }

    /// The values behind the index in rows `1..=n` of a section, or the header's single value.
    fn column(
        &self,
        name: &str,
        n: usize,
        width: usize,
    ) -> Result<Option<Vec<Vec<f64>>>, FormatError> {
        let Some(rows) = self.rows.get(&format!("{name}_SECTION")) else {
            return Ok(self.number(name)?.map(|value| vec![vec![value; width]; n]));
        };
        let mut column = vec![None; n];
        for (line, row) in rows {
            let idx = row[0] as usize;
            if row.len() != width + 1 || idx == 0 || idx > n {
                return line_error(*line, format!("expected 1..={n} and {width} values"));
            }
            column[idx - 1] = Some(row[1..].to_vec());
        }
        match column.into_iter().collect::<Option<Vec<_>>>() {
            Some(column) => Ok(Some(column)),
            None => Err(FormatError::Whole(format!("{name}_SECTION does not list all {n} rows"))),
        }
    }

    fn single(&self, name: &str, n: usize) -> Result<Option<Vec<f64>>, FormatError> {
        let column = self.column(name, n, 1)?;
        Ok(column.map(|rows| rows.into_iter().map(|row| row[0]).collect()))
    }

    /// Depot rows (locations from zero), without the closing -1.
    fn depots(&self, n: usize) -> Result<Vec<usize>, FormatError> {
        let mut depots = Vec::new();
        for (line, row) in self.rows.get("DEPOT_SECTION").map_or(&[][..], |r| r) {
            match row[0] {
                -1.0 => {}
                idx if idx >= 1.0 && idx <= n as f64 => depots.push(idx as usize - 1),
                _ => return line_error(*line, "the depot does not exist"),
            }
        }
        if depots.is_empty() {
            return Err(FormatError::Whole("DEPOT_SECTION is missing or empty".into()));
        }
        Ok(depots)
    }
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
    let n = file.number("DIMENSION")?.unwrap_or(0.0);
    if !(1.0..=1e6).contains(&n) {
        return Err(FormatError::Whole("DIMENSION is missing or out of range".into()));
    }
    let n = n as usize;
    let mut sites = sites(&file, n)?;
    let depots = file.depots(n)?;
    let n_vehicles = file.number("VEHICLES")?.map_or(n - 1, |v| v as usize).clamp(1, 100_000);
    let has_times = sites.iter().any(|s| s.close < 1e8 || s.service > 0.0)
        || file.number("VEHICLES_MAX_DURATION")?.is_some();
    let clock = if has_times { Clock::Distance } else { Clock::None };
    let scale = load_scale(sites.iter().map(|s| &s.demand));
    let releases = file.single("RELEASE_TIME", n)?;
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
        if close < open || service < 0.0 {
            return line_error(*line, "the window ends before it begins, or service is negative");
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
        if !is_answered(delivery) || partners[delivery - 1].1 != at + 1 {
            return line_error(line, format!("node {delivery} does not name it as its pickup"));
        }
        if sites[at].demand < 0.0 {
            return line_error(line, "the demand of a pickup is negative");
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
    let demands = file.single("DEMAND", n)?.unwrap_or_else(|| vec![0.0; n]);
    let services = file.single("SERVICE_TIME", n)?.unwrap_or_else(|| vec![0.0; n]);
    let windows = file.column("TIME_WINDOW", n, 2)?;
    let depots = file.depots(n)?;
    let site = |at: usize| {
        let (open, close) = windows.as_ref().map_or((0.0, 1e9), |w| (w[at][0], w[at][1]));
        // A single SERVICE_TIME in the header is meant for customers.
        let service = if depots.contains(&at) { 0.0 } else { services[at] };
        Site {
            label: at.to_string(),
            at: (points[at][0], points[at][1]),
            demand: demands[at],
            open,
            close,
            service,
        }
    };
    let sites: Vec<Site> = (0..n).map(site).collect();
    match sites.iter().position(|s| s.demand < 0.0 || s.close < s.open || s.service < 0.0) {
        Some(at) => {
            let reason = "negative demand or service, or a window that ends before it begins";
            Err(FormatError::Whole(format!("node {}: {reason}", at + 1)))
        }
        None => Ok(sites),
    }
}

fn vehicles(
    file: &Sections<'_>,
    n: usize,
    sites: &[Site],
    depots: &[usize],
    scale: f64,
) -> Result<Vec<rv_model::dispatch::Vehicle>, FormatError> {
    let Some(capacities) = file.single("CAPACITY", n)? else {
        return Err(FormatError::Whole("CAPACITY is missing".into()));
    };
    let fixed = file.single("VEHICLES_FIXED_COST", n)?;
    let per_unit = file.single("VEHICLES_UNIT_DISTANCE_COST", n)?;
    let homes = file.single("VEHICLES_DEPOT", n)?;
    let reloads = file.single("VEHICLES_RELOAD_DEPOT", n)?;
    let longest = file.number("VEHICLES_MAX_DURATION")?;
    let depot_of = |row: f64| {
        let at = row as usize - usize::from(row >= 1.0);
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
        one.duration_ms_max = longest.map(ms);
        vehicles.push(one);
    }
    Ok(vehicles)
}
