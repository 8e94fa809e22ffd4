//! Seeded weeks of any size, for benchmarks.
//!
//! Hubs stand where the caller says or in towns of a plane; freight follows a gravity model between
//! hubs of Zipf-distributed weight (both as hub-location studies assume, for instance Ernst and
//! Krishnamoorthy 1996); sizes are log-normal; due times are overnight, next-day or slower.

use rv_base::Rng;
use rv_model::linehaul::{
    Commodity, DailyHours, Driving, Fleet, Hub, Lane, TruckClass, Week, WeekCosts,
};

/// What to generate.
#[derive(Clone, Debug)]
pub struct WeekShape {
    /// Hubs.
    pub n_hubs: usize,
    /// Directed lanes; every hub gets its nearest first, in pairs of both directions.
    pub n_lanes: usize,
    /// Commodities.
    pub n_commodities: usize,
    /// Length, h.
    pub hours: u32,
    /// Where hubs are, m; made up if empty, repeated if too few.
    pub places: Vec<(f64, f64)>,
}

/// Speed of trucks on free roads, m/s.
const SPEED_MPS: f64 = 20.0;
/// Roads are longer than straight lines (Ballou, Rahardja and Sakai 2002 give 1.2 to 1.4).
const DETOUR: f64 = 1.25;
/// Energy of an electric 40-t truck, Wh per m.
const WH_PER_M: f64 = 1.2;
/// Median size of a commodity.
const SIZE_MEDIAN_KG: f64 = 4_000.0;

/// Makes a week; the same shape and seed give the same week.
pub fn generate_week(shape: &WeekShape, rng: &Rng) -> Week {
    let places = places(shape, rng.fork("places"));
    let n = places.len();
    let lanes = lanes(shape, &places);
    let mut weights: Vec<f64> = (0..n).map(|i| 1.0 / (1.0 + i as f64).powf(0.6)).collect();
    rng.fork("weights").shuffle(&mut weights);
    let commodities = commodities(shape, &places, &lanes, &weights, rng.fork("freight"));
    let total: f64 = weights.iter().sum();
    let flow_kg: f64 = commodities.iter().map(|c| c.size_kg).sum();
    let hubs = (0..n)
        .map(|i| {
            let share = weights[i] / total;
            Hub {
                name: format!("hub {i}"),
                x_m: places[i].0,
                y_m: places[i].1,
                docks: 6 + (share * shape.n_commodities as f64 * 0.05) as u32,
                handling_kg_per_h: 150_000.0 + share * flow_kg * 0.15,
                chargers: 6 + (share * shape.n_commodities as f64 * 0.05) as u32,
                charger_w: 400_000.0,
                hours: None,
            }
        })
        .collect();
    let class = TruckClass {
        name: "driverless 40 t".into(),
        payload_kg: 24_000.0,
        volume_m3: None,
        driving: Driving::Driverless,
        follower_saving: None,
        battery_wh: 900_000.0,
        cost_per_km: 0.9,
        cost_per_trip: 40.0,
    };
    let fleets = (0..n)
        .map(|i| {
            let n_trucks = 4 + (weights[i] / total * shape.n_commodities as f64 * 0.2) as u32;
            Fleet { hub: i as u32, class: 0, n_trucks }
        })
        .collect();
    let costs = WeekCosts {
        handling_per_kg: 0.003,
        energy_per_kwh: 0.15,
        holding_per_kg_h: 0.0,
        lateness_per_kg_h: None,
        load_s: 1800.0,
        unload_s: 1800.0,
    };
    let rush = |h: u32| (7..9).contains(&h) || (16..19).contains(&h);
    let profiles = vec![
        (0..24).map(|h| if rush(h) { 1.25 } else { 1.0 }).collect(),
        (0..24).map(|h| if (6..20).contains(&h) { 1.1 } else { 1.0 }).collect(),
    ];
    Week {
        hours: shape.hours,
        hubs,
        profiles,
        lanes,
        classes: vec![class],
        fleets,
        commodities,
        costs,
    }
}

fn places(shape: &WeekShape, mut rng: Rng) -> Vec<(f64, f64)> {
    let side = 40_000.0 * (shape.n_hubs as f64).sqrt();
    (0..shape.n_hubs)
        .map(|i| match shape.places.get(i) {
            Some(&place) => place,
            None => (rng.range(0.0, side), rng.range(0.0, side)),
        })
        .collect()
}

/// Both directions between near hubs, nearest pairs of every hub in turn, until there are enough;
/// a ring through all hubs first, so that everything is connected.
fn lanes(shape: &WeekShape, places: &[(f64, f64)]) -> Vec<Lane> {
    let n = places.len();
    let apart = |a: usize, b: usize| {
        (places[a].0 - places[b].0).hypot(places[a].1 - places[b].1).max(1_000.0)
    };
    let nearest: Vec<Vec<usize>> = (0..n)
        .map(|a| {
            let mut others: Vec<usize> = (0..n).filter(|&b| b != a).collect();
            others.sort_by(|&b, &c| apart(a, b).total_cmp(&apart(a, c)).then(b.cmp(&c)));
            others
        })
        .collect();
    let mut is_in = vec![false; n * n];
    let mut pairs = Vec::new();
    let mut add = |a: usize, b: usize| {
        let (a, b) = (a.min(b), a.max(b));
        if a != b && !is_in[a * n + b] && pairs.len() < shape.n_lanes / 2 {
            is_in[a * n + b] = true;
            pairs.push((a, b));
        }
    };
    for a in 0..n {
        add(a, (a + 1) % n);
    }
    for rank in 0..n.saturating_sub(1) {
        for (a, near) in nearest.iter().enumerate() {
            add(a, near[rank]);
        }
    }
    pairs
        .iter()
        .flat_map(|&(a, b)| [(a, b), (b, a)])
        .enumerate()
        .map(|(i, (a, b))| {
            let distance_m = apart(a, b) * DETOUR;
            Lane {
                from: a as u32,
                to: b as u32,
                distance_m,
                travel_s: distance_m / SPEED_MPS,
                profile: u32::from(distance_m > 200_000.0),
                energy_wh: (distance_m * WH_PER_M).min(800_000.0),
                classes: vec![0],
                // One lane in fifty is permitted at night only.
                hours: (i % 50 == 49).then_some(DailyHours { from_h: 20, to_h: 6 }),
                class_hours: Vec::new(),
                platoon_trucks: 1,
            }
        })
        .collect()
}

fn commodities(
    shape: &WeekShape,
    places: &[(f64, f64)],
    lanes: &[Lane],
    weights: &[f64],
    mut rng: Rng,
) -> Vec<Commodity> {
    let n = places.len();
    let fastest = fastest_s(n, lanes);
    let last_s = f64::from(shape.hours) * 3600.0;
    let pull: Vec<Vec<f64>> = (0..n)
        .map(|a| {
            let far =
                |b: usize| (places[a].0 - places[b].0).hypot(places[a].1 - places[b].1) / 100_000.0;
            (0..n).map(|b| if a == b { 0.0 } else { weights[b] / (1.0 + far(b)) }).collect()
        })
        .collect();
    (0..shape.n_commodities)
        .map(|i| {
            let origin = rng.choose_weighted(weights).unwrap_or(0);
            let destination = rng.choose_weighted(&pull[origin]).unwrap_or((origin + 1) % n);
            let least_s = 1.3 * fastest[origin * n + destination];
            let slack_s = rng.range(6.0, 30.0) * 3600.0;
            let room_s = (last_s - least_s - slack_s).max(0.0);
            // Freight is ready towards the evening.
            let day = (rng.unit() * (room_s / 86_400.0).ceil()).floor() * 86_400.0;
            let release_s = (day + rng.normal(17.0, 2.5).clamp(0.0, 23.9) * 3600.0).min(room_s);
            Commodity {
                key: format!("c{i}"),
                origin: origin as u32,
                destination: destination as u32,
                size_kg: (SIZE_MEDIAN_KG * rng.normal(0.0, 0.8).exp()).clamp(50.0, 60_000.0),
                volume_m3: 0.0,
                value: 0.0,
                tenant: String::new(),
                release_s,
                due_s: release_s + least_s + slack_s,
            }
        })
        .collect()
}

/// Fastest way between all hubs with an hour of handling a lane, s.
fn fastest_s(n: usize, lanes: &[Lane]) -> Vec<f64> {
    let mut all = vec![f64::INFINITY; n * n];
    for i in 0..n {
        all[i * n + i] = 0.0;
    }
    for lane in lanes {
        all[lane.from as usize * n + lane.to as usize] = lane.travel_s + 3600.0;
    }
    for via in 0..n {
        for a in 0..n {
            let first = all[a * n + via];
            for b in 0..n {
                let length = first + all[via * n + b];
                if length < all[a * n + b] {
                    all[a * n + b] = length;
                }
            }
        }
    }
    all
}
