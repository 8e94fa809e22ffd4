//! What the formats of the literature share.

use rv_base::Money;
use rv_model::dispatch::{
    Depot, Load, Order, OrderKind, Presence, Problem, ProblemData, Start, Stop, Told, Travel,
    Vehicle, Window,
};

use super::{Convention, FormatError, Loaded, UNIT};

/// Most locations of a file: a dense table of them takes 3.2 GB.
const LOCATIONS_MAX: usize = 20_000;

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
    if points.iter().any(|p| p.0.abs() > 1e5 || p.1.abs() > 1e5) {
        return Err(FormatError::Whole("a coordinate is beyond 100,000".into()));
    }
    let mut distance_mm = Vec::with_capacity(n * n);
    for a in points {
        distance_mm.extend(points.iter().map(|b| convention.mm((a.0 - b.0).hypot(a.1 - b.1))));
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
