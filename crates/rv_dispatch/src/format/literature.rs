//! What the formats of the literature share.

use std::collections::BTreeSet;

use rv_base::Money;
use rv_model::dispatch::{
    Depot, Load, Order, OrderKind, Presence, Problem, ProblemData, Start, Stop, Told, Travel,
    Vehicle, Window,
};

use super::{Convention, FormatError, Loaded, UNIT, VEHICLES_MAX, line_error};

/// Most locations of a file: a dense table of them takes 3.2 GB.
pub(super) const LOCATIONS_MAX: usize = 20_000;
/// Farthest coordinate.
const COORDINATE_MAX: f64 = 1e5;
/// Longest leg, mm: longer ones are closed.
const LEG_MM_MAX: i32 = (1 << 30) - 1;

/// One location of a literature file, in file units.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub label: String,
    pub at: (f64, f64),
    pub demand: f64,
    pub open: f64,
    pub close: f64,
    pub service: f64,
}

/// The rows of a file, each checked as it comes, with labels that are used once.
#[derive(Default)]
pub(super) struct Rows {
    pub sites: Vec<Site>,
    labels: BTreeSet<String>,
}

impl Rows {
    /// Takes the row of a line; dropoffs of pairs have a negative demand.
    pub fn add(&mut self, line: usize, site: Site, is_dropoff: bool) -> Result<(), FormatError> {
        if self.sites.len() >= LOCATIONS_MAX {
            return line_error(line, format!("more than {LOCATIONS_MAX} locations"));
        }
        if !self.labels.insert(site.label.clone()) {
            return line_error(line, format!("{} is listed twice", site.label));
        }
        if site.demand < 0.0 && !is_dropoff {
            return line_error(line, format!("the demand {} is negative", site.demand));
        }
        coordinate(line, site.at)?;
        times(line, site.open, site.close, site.service)?;
        self.sites.push(site);
        Ok(())
    }
}

/// Checks a place.
pub(super) fn coordinate(line: usize, at: (f64, f64)) -> Result<(), FormatError> {
    if at.0.abs().max(at.1.abs()) > COORDINATE_MAX {
        return line_error(line, format!("a coordinate is beyond {COORDINATE_MAX}"));
    }
    Ok(())
}

/// Checks a window and a service time.
pub(super) fn times(line: usize, open: f64, close: f64, service: f64) -> Result<(), FormatError> {
    if close < open {
        let reason = format!("the window ends ({close}) before it begins ({open})");
        return line_error(line, reason);
    }
    if service < 0.0 {
        return line_error(line, format!("the service time {service} is negative"));
    }
    Ok(())
}

/// Checks a number of vehicles.
pub(super) fn n_vehicles(line: usize, n: f64) -> Result<usize, FormatError> {
    if !(1.0..=VEHICLES_MAX as f64).contains(&n) || n.fract() != 0.0 {
        let reason = format!("{n} vehicles: a whole number from 1 to {VEHICLES_MAX} is needed");
        return line_error(line, reason);
    }
    Ok(n as usize)
}

/// Checks a capacity.
pub(super) fn capacity(line: usize, capacity: f64) -> Result<f64, FormatError> {
    if capacity < 0.0 {
        return line_error(line, format!("the capacity {capacity} is negative"));
    }
    Ok(capacity)
}

/// A time in ms; files mark "always" with very large numbers.
pub(super) fn ms(time: f64) -> i64 {
    (time.clamp(-1e9, 1e9) * UNIT).round() as i64
}

pub(super) fn stop(location: usize, site: &Site) -> Stop {
    let window = Window { start_ms: ms(site.open), end_ms: ms(site.close) };
    Stop {
        location: location as u32,
        windows: vec![window],
        service_ms: ms(site.service),
        soft: None,
    }
}

/// A demand as a load, in thousandths if it is not whole.
pub(super) fn load(demand: f64, scale: f64) -> Load {
    [(demand * scale).round() as i32, 0, 0, 0]
}

/// One for whole demands, a thousand if any has decimals.
pub(super) fn load_scale<'a>(demands: impl Iterator<Item = &'a f64>) -> f64 {
    let mut demands = demands;
    if demands.all(|d| d.fract() == 0.0) { 1.0 } else { 1000.0 }
}

pub(super) fn order(id: usize, kind: OrderKind, load: Load) -> Order {
    Order {
        id: id as u64,
        kind,
        load,
        release_ms: 0,
        skills: 0,
        presence: Presence::Required,
        on_board: None,
        tenant: None,
        compartment: None,
        told: Told::default(),
    }
}

/// A vehicle that starts and ends at a depot and pays one unit of money per unit of distance.
pub(super) fn vehicle(
    id: usize,
    depot: u32,
    location: u32,
    site: &Site,
    capacity: Load,
) -> Vehicle {
    Vehicle {
        id: id as u64,
        start: Start::Depot(depot),
        end: Some(location),
        shift: Window { start_ms: ms(site.open), end_ms: ms(site.close) },
        duration_ms_max: None,
        distance_mm_max: None,
        capacity,
        extra_load: [0; 4],
        compartments: Vec::new(),
        skills: 0,
        permits: 0,
        profile: 0,
        cost_fixed: Money::ZERO,
        cost_per_km: cost_per_km(1.0),
        cost_per_hour: Money::ZERO,
        reload_depots: Vec::new(),
        reloads_max: 0,
        battery: None,
        committed: Vec::new(),
    }
}

/// The cost of a kilometre if a file unit costs this much.
pub(super) fn cost_per_km(per_unit: f64) -> Money {
    Money::from_units(per_unit * 1e6 / UNIT)
}

pub(super) fn depot(location: u32, site: &Site) -> Depot {
    let window = Window { start_ms: ms(site.open), end_ms: ms(site.close) };
    Depot { location, window, reload_ms: 0, stock: None }
}

/// Whether driving takes as long as it is far, or no time at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Distance,
    None,
}

/// Euclidean tables by the convention.
pub(super) fn travel(
    points: &[(f64, f64)],
    convention: Convention,
    clock: Clock,
    mwh_per_mm: Option<f64>,
) -> Result<Travel, FormatError> {
    let n = points.len();
    if n > LOCATIONS_MAX {
        let reason = format!("{n} locations, the most is {LOCATIONS_MAX}");
        return Err(FormatError::Whole(reason));
    }
    let mut distance_mm = Vec::with_capacity(n * n);
    for a in points {
        distance_mm.extend(points.iter().map(|b| convention.mm((a.0 - b.0).hypot(a.1 - b.1))));
    }
    // Where a length is a time, too, a few legs have to fit into the days that a plan may span.
    let longest_mm = if clock == Clock::None { LEG_MM_MAX } else { LEG_MM_MAX >> 3 };
    if let Some(at) = distance_mm.iter().position(|mm| *mm >= longest_mm) {
        let (a, b) = (points[at / n], points[at % n]);
        let most = (f64::from(longest_mm) / UNIT).floor();
        let reason = format!("{a:?} and {b:?} lie more than {most} apart");
        return Err(FormatError::Whole(reason));
    }
    let energy_mwh = mwh_per_mm.map(|rate| {
        distance_mm.iter().map(|&mm| (f64::from(mm) * rate - 1e-6).ceil() as i32).collect()
    });
    let duration_ms = if clock == Clock::None { vec![0; n * n] } else { distance_mm.clone() };
    Ok(Travel::Table { n, duration_ms, distance_mm, energy_mwh })
}

/// Checks the data and names things as the file does.
pub(super) fn finish(
    name: String,
    data: ProblemData,
    sites: Vec<Site>,
    convention: Convention,
) -> Result<Loaded, FormatError> {
    let convention = if convention == Convention::OfFile { Convention::Exact } else { convention };
    Ok(Loaded {
        name,
        problem: Problem::new(data)?,
        points: sites.iter().map(|s| s.at).collect(),
        labels: sites.into_iter().map(|s| s.label).collect(),
        convention: Some(convention),
        has_distinct_vehicles: false,
        skills: Vec::new(),
        areas: Vec::new(),
    })
}
