//! Solomon's and Homberger's text: one depot, equal vehicles, windows.

use rv_model::dispatch::{OrderKind, PermitMap, ProblemData};

use super::literature::{
    Clock, Rows, Site, capacity, depot, finish, load, load_scale, n_vehicles, order, stop, travel,
    vehicle,
};
use super::{Convention, FormatError, Loaded, line_error, numbers};

pub(super) fn read(text: &str, convention: Convention) -> Result<Loaded, FormatError> {
    let mut name = String::new();
    let mut fleet: Option<(usize, f64)> = None;
    let mut rows = Rows::default();
    for (idx, line) in text.lines().enumerate() {
        let line_no = idx + 1;
        let trimmed = line.trim();
        let starts_with_number =
            trimmed.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
        if !starts_with_number {
            if name.is_empty() {
                name = trimmed.to_owned();
            }
            continue;
        }
        let row = numbers(line_no, trimmed)?;
        match (row.as_slice(), fleet) {
            (&[n, holds], None) => {
                fleet = Some((n_vehicles(line_no, n)?, capacity(line_no, holds)?));
            }
            (&[id, x, y, demand, open, close, service], Some(_)) => {
                let label = format!("{id}");
                let site = Site { label, at: (x, y), demand, open, close, service };
                rows.add(line_no, site, false)?;
            }
            _ => return line_error(line_no, "expected NUMBER CAPACITY, then rows of 7 numbers"),
        }
    }
    let Some((n_vehicles, capacity)) = fleet else {
        return Err(FormatError::Whole("the line with NUMBER and CAPACITY is missing".into()));
    };
    let sites = rows.sites;
    if sites.is_empty() {
        return Err(FormatError::Whole("there is no depot row".into()));
    }
    let scale = load_scale(sites.iter().map(|s| &s.demand).chain([&capacity]));
    let points: Vec<_> = sites.iter().map(|s| s.at).collect();
    let orders =
        sites.iter().enumerate().skip(1).map(|(at, site)| {
            order(at, OrderKind::Delivery(stop(at, site)), load(site.demand, scale))
        });
    let vehicles =
        (0..n_vehicles).map(|id| vehicle(id, 0, 0, &sites[0], load(capacity, scale))).collect();
    let data = ProblemData {
        n_load_dims: 1,
        depots: vec![depot(0, &sites[0])],
        chargers: Vec::new(),
        vehicles,
        orders: orders.collect(),
        travels: vec![travel(&points, convention, Clock::Distance, None)?],
        tenants: Vec::new(),
        permits: PermitMap::default(),
    };
    finish(name, data, sites, convention)
}
