//! Schneider, Stenger and Goeke's text: electric vehicles with partial recharge.

use rv_model::dispatch::{
    Battery, ChargeKind, ChargeStep, Charger, OrderKind, PermitMap, ProblemData, Window,
};

use super::literature::{
    Clock, Rows, Site, depot, finish, load, load_scale, ms, order, stop, travel, vehicle,
};
use super::{Convention, FormatError, Loaded, UNIT, line_error, numbers};

/// Vehicles offered; the format sets no number.
const VEHICLES: usize = 60;

pub(super) fn read(text: &str, convention: Convention) -> Result<Loaded, FormatError> {
    let (mut kinds, mut rows) = (Vec::new(), Rows::default());
    let mut constants: [Option<f64>; 5] = [None; 5];
    for (idx, line) in text.lines().enumerate().skip(1) {
        let (line_no, trimmed) = (idx + 1, line.trim());
        if trimmed.is_empty() {
            continue;
        }
        if let Some((name, rest)) = trimmed.split_once('/') {
            let value = numbers(line_no, rest.trim_end_matches('/'))?;
            let which = ["Q ", "C ", "r ", "g ", "v "].iter().position(|key| name.starts_with(key));
            match (which, value.as_slice()) {
                (Some(which), &[value]) if value > 0.0 => constants[which] = Some(value),
                _ => return line_error(line_no, "expected Q, C, r, g or v above zero"),
            }
            continue;
        }
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        if words.len() != 8 {
            return line_error(line_no, "expected 8 columns");
        }
        let kind = match words[1] {
            "d" if kinds.contains(&'d') => return line_error(line_no, "a second depot"),
            "d" => 'd',
            "f" => 'f',
            "c" => 'c',
            other => return line_error(line_no, format!("unknown type \"{other}\"")),
        };
        let &[x, y, demand, open, close, service] =
            numbers(line_no, &words[2..].join(" "))?.as_slice()
        else {
            return line_error(line_no, "expected 8 columns");
        };
        let label = words[0].to_owned();
        rows.add(line_no, Site { label, at: (x, y), demand, open, close, service }, false)?;
        kinds.push(kind);
    }
    let sites: Vec<(char, Site)> = kinds.into_iter().zip(rows.sites).collect();
    let [Some(capacity_kwh), Some(capacity), Some(rate), Some(slowness), Some(speed)] = constants
    else {
        return Err(FormatError::Whole("one of the lines Q, C, r, g, v is missing".into()));
    };
    if (speed - 1.0).abs() > 1e-9 {
        return Err(FormatError::Whole("only the velocity 1 is supported".into()));
    }
    let Some(home) = sites.iter().position(|s| s.0 == 'd') else {
        return Err(FormatError::Whole("there is no depot (type d)".into()));
    };
    let scale = load_scale(sites.iter().map(|s| &s.1.demand).chain([&capacity]));
    let capacity_mwh = (capacity_kwh * UNIT) as i64;
    // A unit of energy takes `slowness` units of time; both have the same scale.
    let power_mw = (3.6e6 / slowness).round() as i64;
    let battery = Battery {
        capacity_mwh,
        start_mwh: capacity_mwh,
        reserve_mwh: 0,
        curve: vec![ChargeStep { up_to_mwh: capacity_mwh, power_mw }],
        load_uwh_per_km: [0; 4],
    };
    let depot_site = sites[home].1.clone();
    let vehicles = (0..VEHICLES).map(|id| rv_model::dispatch::Vehicle {
        battery: Some(battery.clone()),
        ..vehicle(id, 0, home as u32, &depot_site, load(capacity, scale))
    });
    let of_kind = |kind: char| sites.iter().enumerate().filter(move |(_, s)| s.0 == kind);
    let chargers = of_kind('f').map(|(at, (_, site))| Charger {
        location: at as u32,
        window: Window { start_ms: ms(site.open), end_ms: ms(site.close) },
        setup_ms: 0,
        kind: ChargeKind::Plug { power_mw },
        bays: None,
    });
    let orders = of_kind('c').map(|(at, (_, site))| {
        order(at, OrderKind::Delivery(stop(at, site)), load(site.demand, scale))
    });
    let points: Vec<_> = sites.iter().map(|s| s.1.at).collect();
    let data = ProblemData {
        n_load_dims: 1,
        depots: vec![depot(home as u32, &depot_site)],
        chargers: chargers.collect(),
        vehicles: vehicles.collect(),
        orders: orders.collect(),
        travels: vec![travel(&points, convention, Clock::Distance, Some(rate))?],
        tenants: Vec::new(),
        permits: PermitMap::default(),
    };
    let sites = sites.into_iter().map(|s| s.1).collect();
    finish(String::new(), data, sites, convention)
}
