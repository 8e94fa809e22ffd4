//! Random cities: large problems with hubs, charging places, windows and reload, from a seed.

use rv_base::Rng;

use super::json::{
    DocBattery, DocCharger, DocDepot, DocLocation, DocOrder, DocStop, DocTravel, DocVehicle,
    Document,
};

/// Most stops of a random city.
const STOPS_MAX: u32 = 1_000_000;
/// Area of the city for one stop, m2: 100 stops per square kilometre.
const STOP_AREA_M2: f64 = 10_000.0;
/// Charge of the vans in the morning, Wh: half of a hub's fleet has the one, half the other.
const START_WH: [f64; 2] = [2_400.0, 3_600.0];
/// The working day, s.
const DAY_S: [f64; 2] = [8.0 * 3600.0, 18.0 * 3600.0];

/// What a random city holds.
#[derive(Clone, Debug)]
pub struct CityParams {
    /// Stops, 1 to a million.
    pub n_stops: u32,
    /// Vans, at least one.
    pub n_vehicles: u32,
    /// Hubs, at least one; vans are dealt out to them in turn.
    pub n_depots: u32,
    /// Charging places.
    pub n_chargers: u32,
    /// Share of the stops with a window of one to three hours, 0 to 1.
    pub windows_share: f64,
    /// Parcels that a van holds; a stop takes one to three.
    pub capacity: u32,
}

/// Draws a city: half of the stops in dense quarters, the rest anywhere; hubs spread over it. Vans
/// drive 25 km/h, use 220 Wh/km, hold 12 kWh, of which the night left 20 or 30 %, may reload three times
/// at their hub and charge at any place. `None` if a number is out of range.
pub fn random_city(params: &CityParams, rng: &mut Rng) -> Option<Document> {
    let counts = [params.n_stops, params.n_vehicles, params.n_depots];
    let is_sound = counts.iter().all(|n| (1..=STOPS_MAX).contains(n))
        && params.n_chargers <= 10_000
        && (0.0..=1.0).contains(&params.windows_share)
        && (3..=1_000_000).contains(&params.capacity);
    if !is_sound {
        return None;
    }
    let side_m = (f64::from(params.n_stops) * STOP_AREA_M2).sqrt().max(2000.0);
    let mut locations = Vec::new();
    let mut place = |label: String, x_m: f64, y_m: f64| {
        locations.push(DocLocation { label: label.clone(), x_m: x_m.round(), y_m: y_m.round() });
        label
    };
    let depots: Vec<DocDepot> = spread(params.n_depots, side_m, rng)
        .into_iter()
        .enumerate()
        .map(|(k, (x, y))| DocDepot {
            location: place(format!("hub{k}"), x, y),
            window_s: None,
            reload_s: 600.0,
            stock: None,
        })
        .collect();
    let chargers = spread(params.n_chargers, side_m, rng)
        .into_iter()
        .enumerate()
        .map(|(k, (x, y))| DocCharger {
            location: place(format!("charger{k}"), x, y),
            power_w: Some(50_000.0),
            swap: false,
            bays: None,
            setup_s: 120.0,
            window_s: None,
        })
        .collect();
    let n_quarters = (params.n_stops / 400).max(1) as usize;
    let quarters: Vec<(f64, f64)> =
        (0..n_quarters).map(|_| (rng.range(0.0, side_m), rng.range(0.0, side_m))).collect();
    let orders = (0..params.n_stops)
        .map(|k| {
            let (x, y) = if rng.chance(0.5) {
                let (x, y) = quarters[rng.below(n_quarters)];
                (rng.normal(x, 350.0), rng.normal(y, 350.0))
            } else {
                (rng.range(0.0, side_m), rng.range(0.0, side_m))
            };
            let at = place(format!("{}", k + 1), x.clamp(0.0, side_m), y.clamp(0.0, side_m));
            order(u64::from(k) + 1, at, params, rng)
        })
        .collect();
    let vehicles = vehicles(params, &depots);
    Some(Document {
        name: format!("city-{}-{}", params.n_stops, params.n_vehicles),
        locations,
        travels: vec![DocTravel::Plane { speed_mps: 25.0 / 3.6, wh_per_km: 220.0 }],
        depots,
        chargers,
        vehicles,
        orders,
        tenants: Vec::new(),
        areas: Vec::new(),
        skill_names: Vec::new(),
    })
}

fn order(id: u64, location: String, params: &CityParams, rng: &mut Rng) -> DocOrder {
    let windows_s = if rng.chance(params.windows_share) {
        let length_s = 3600.0 * (1 + rng.below(3)) as f64;
        // Not in the first hour: the farthest stop has to be in reach.
        let start_s = rng.range(DAY_S[0] + 3600.0, DAY_S[1] - 3600.0 - length_s).round();
        vec![[start_s, start_s + length_s]]
    } else {
        Vec::new()
    };
    let service_s = 90.0 + rng.below(120) as f64;
    DocOrder {
        id,
        delivery: Some(DocStop { location, windows_s, service_s, soft: None }),
        pickup: None,
        load: vec![1 + rng.below(3) as i32],
        release_s: 0.0,
        skills: Vec::new(),
        prize: None,
        on_board: None,
        tenant: None,
        compartment: None,
        told: None,
    }
}

/// As many places in the middle of equal tiles, shaken.
fn spread(n: u32, side_m: f64, rng: &mut Rng) -> Vec<(f64, f64)> {
    let n_columns = f64::from(n).sqrt().ceil().max(1.0);
    let n_rows = (f64::from(n) / n_columns).ceil().max(1.0);
    (0..n)
        .map(|k| {
            let (column, row) = (f64::from(k) % n_columns, (f64::from(k) / n_columns).floor());
            let x = (column + rng.range(0.3, 0.7)) / n_columns * side_m;
            (x, (row + rng.range(0.3, 0.7)) / n_rows * side_m)
        })
        .collect()
}

fn vehicles(params: &CityParams, depots: &[DocDepot]) -> Vec<DocVehicle> {
    let n_depots = u64::from(params.n_depots);
    let n_kinds = START_WH.len() as u64;
    let (mut vehicles, mut id) = (Vec::new(), 0);
    for (k, depot) in depots.iter().enumerate() {
        let n_here = (u64::from(params.n_vehicles) + n_depots - 1 - k as u64) / n_depots;
        for (kind, start_wh) in START_WH.into_iter().enumerate() {
            let count = (n_here + n_kinds - 1 - kind as u64) / n_kinds;
            if count > 0 {
                vehicles.push(vehicle(params, id, count, k as u32, depot, start_wh));
            }
            id += count;
        }
    }
    vehicles
}

/// So many vans of one hub.
fn vehicle(
    params: &CityParams,
    id: u64,
    count: u64,
    hub: u32,
    depot: &DocDepot,
    start_wh: f64,
) -> DocVehicle {
    DocVehicle {
        id,
        count,
        start_depot: Some(hub),
        start_location: None,
        end: Some(depot.location.clone()),
        shift_s: DAY_S,
        duration_s_max: None,
        distance_m_max: None,
        capacity: vec![params.capacity as i32],
        extra_load: Vec::new(),
        compartments: Vec::new(),
        skills: Vec::new(),
        permits: Vec::new(),
        travel: 0,
        cost_fixed: 2.0,
        cost_per_km: 0.4,
        cost_per_hour: 0.0,
        reload_depots: vec![hub],
        reloads_max: 3,
        battery: Some(DocBattery {
            capacity_wh: 12_000.0,
            start_wh,
            reserve_wh: 600.0,
            curve_wh_w: vec![[9_600.0, 40_000.0], [12_000.0, 12_000.0]],
            load_wh_per_km: Vec::new(),
        }),
        committed: Vec::new(),
    }
}
