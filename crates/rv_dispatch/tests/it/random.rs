//! Random problems with every kind of constraint switched on and off.

use rv_base::{Money, Rng};
use rv_model::dispatch::*;

/// Which kinds of constraint a random problem has.
#[derive(Clone, Copy, Debug)]
pub struct Features(pub u32);

impl Features {
    pub const WINDOWS: u32 = 1;
    pub const MANY_WINDOWS: u32 = 2;
    pub const CAPACITY: u32 = 4;
    pub const PICKUPS: u32 = 8;
    pub const TRANSFERS: u32 = 16;
    pub const RELOADS: u32 = 32;
    pub const BATTERY: u32 = 64;
    pub const RELEASES: u32 = 128;
    pub const SKILLS: u32 = 256;
    pub const LIVE: u32 = 512;
    pub const PRIZES: u32 = 1024;
    pub const LIMITS: u32 = 2048;
    pub const TIME_COSTS: u32 = 4096;
    pub const SOFT: u32 = 1 << 13;
    pub const TOLD: u32 = 1 << 14;
    pub const COMPARTMENTS: u32 = 1 << 15;
    pub const LOAD_ENERGY: u32 = 1 << 16;
    pub const PERMITS: u32 = 1 << 17;
    pub const BAYS: u32 = 1 << 18;
    pub const SWAP: u32 = 1 << 19;
    pub const STOCK: u32 = 1 << 20;
    pub const LEVELS: u32 = 1 << 21;
    pub const N: u32 = 22;

    pub fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }
}

/// A random problem of so many orders and vehicles within 10 km.
pub fn problem(seed: u64, n_orders: usize, n_vehicles: usize, features: Features) -> Problem {
    let mut rng = Rng::from_seed(seed);
    let n_locations = n_orders * 2 + n_vehicles + 5;
    let points_m = (0..n_locations).map(|_| (rng.range(0.0, 1e4), rng.range(0.0, 1e4))).collect();
    let mut orders: Vec<Order> = (0..n_orders).map(|id| order(&mut rng, id, features)).collect();
    let shift_h = if features.has(Features::LIMITS) { 2 } else { 8 };
    let vehicles = (0..n_vehicles)
        .map(|id| vehicle(&mut rng, id, n_orders, shift_h, features, &mut orders))
        .collect();
    let window = Window::ALWAYS;
    let plug = ChargeKind::Plug { power_mw: 20_000_000 };
    let bays = features.has(Features::BAYS).then_some(1);
    let swap = if features.has(Features::SWAP) { ChargeKind::Swap } else { plug };
    let charger = |location, kind| Charger { location, window, setup_ms: 60_000, kind, bays };
    let stock = features.has(Features::STOCK);
    let stock = |d: i32| stock.then_some([d * n_orders as i32, d * n_orders as i32, 0, 0]);
    let mut permits = PermitMap::default();
    if features.has(Features::PERMITS) {
        permits.of_location = (0..n_locations).map(|_| u64::from(rng.chance(0.25))).collect();
        for _ in 0..2 * n_orders {
            let way = (rng.below(n_locations) as u32, rng.below(n_locations) as u32);
            permits.of_way.insert(way, 2);
        }
        for free in [0, 1] {
            permits.of_location[free] = 0;
        }
    }
    let has_levels = features.has(Features::LEVELS);
    let level = |share_permille, units| ServiceLevel {
        share_permille,
        cost_per_order: Money::from_units(units),
    };
    Problem::new(ProblemData {
        n_load_dims: 2,
        depots: vec![
            Depot { location: 0, window, reload_ms: 300_000, stock: stock(1) },
            Depot { location: 1, window, reload_ms: 200_000, stock: stock(2) },
        ],
        chargers: vec![charger(2, plug), charger(3, swap)],
        vehicles,
        orders,
        travels: vec![Travel::Plane { points_m, speed_mps: 8.0, mwh_per_km: 200_000 }],
        tenants: if has_levels { vec![level(600, 3.0), level(1000, 1.0)] } else { vec![] },
        permits,
    })
    .expect("random problems are valid")
}

fn stop(rng: &mut Rng, location: usize, features: Features) -> Stop {
    let h = 3_600_000;
    let from = rng.below(3 * h) as i64;
    let windows = if features.has(Features::MANY_WINDOWS) && rng.chance(0.5) {
        let (start_ms, end_ms) = (from, from + 600_000);
        vec![
            Window { start_ms, end_ms },
            Window { start_ms: from + h as i64, end_ms: from + 2 * h as i64 },
        ]
    } else if features.has(Features::WINDOWS) {
        vec![Window { start_ms: from, end_ms: from + 1_800_000 + rng.below(2 * h) as i64 }]
    } else {
        vec![Window::ALWAYS]
    };
    let soft = (features.has(Features::SOFT) && rng.chance(0.6)).then(|| soft(rng));
    let service_ms = 30_000 + rng.below(200_000) as i64;
    Stop { location: location as u32, windows, service_ms, soft }
}

fn soft(rng: &mut Rng) -> SoftWindow {
    let start_ms = rng.below(3 * 3_600_000) as i64;
    SoftWindow {
        window: Window { start_ms, end_ms: start_ms + rng.below(1_800_000) as i64 },
        early_per_hour: Money::from_units(rng.range(0.0, 6.0)),
        late_per_hour: Money::from_units(rng.range(0.0, 12.0)),
    }
}

fn order(rng: &mut Rng, id: usize, features: Features) -> Order {
    let (first, second) = (5 + 2 * id, 6 + 2 * id);
    let kind = if features.has(Features::TRANSFERS) && rng.chance(0.4) {
        let pickup = stop(rng, first, features);
        OrderKind::Transfer { pickup, dropoff: stop(rng, second, features) }
    } else if features.has(Features::PICKUPS) && rng.chance(0.4) {
        OrderKind::Pickup(stop(rng, first, features))
    } else {
        OrderKind::Delivery(stop(rng, first, features))
    };
    let load = [1 + rng.below(4) as i32, rng.below(3) as i32, 0, 0];
    let release_ms = if features.has(Features::RELEASES) { rng.below(3_600_000) as i64 } else { 0 };
    let skills = if features.has(Features::SKILLS) { 1 << rng.below(3) } else { 0 };
    let presence = if features.has(Features::PRIZES) && rng.chance(0.5) {
        Presence::Optional(Money::from_units(rng.range(0.0, 8.0)))
    } else {
        Presence::Required
    };
    let mut told = Told::default();
    if features.has(Features::TOLD) {
        told.vehicle = rng.chance(0.5).then(|| (0, Money::from_units(rng.range(0.0, 4.0))));
        let depot = rng.below(2) as u32;
        told.depot = rng.chance(0.4).then(|| (depot, Money::from_units(rng.range(0.0, 3.0))));
        told.begin = rng.chance(0.5).then(|| soft(rng));
    }
    let tenant = (features.has(Features::LEVELS) && rng.chance(0.7)).then(|| rng.below(2) as u32);
    Order {
        id: id as u64,
        kind,
        load,
        release_ms,
        skills,
        presence,
        on_board: None,
        tenant,
        compartment: None,
        told,
    }
}

fn vehicle(
    rng: &mut Rng,
    id: usize,
    n_orders: usize,
    shift_h: i64,
    features: Features,
    orders: &mut [Order],
) -> Vehicle {
    let is_live = features.has(Features::LIVE) && rng.chance(0.6);
    let location = (5 + 2 * n_orders + id) as u32;
    let mut committed = Vec::new();
    if is_live {
        for (idx, order) in orders.iter_mut().enumerate() {
            let can_carry = !matches!(order.kind, OrderKind::Pickup(_)) && order.on_board.is_none();
            if can_carry && rng.chance(0.25) {
                order.on_board = Some(id as u32);
                if committed.is_empty() && rng.chance(0.5) {
                    committed.push(Task::Serve(idx as u32));
                }
            }
        }
    }
    let battery = features.has(Features::BATTERY).then(|| Battery {
        capacity_mwh: 6_000_000,
        start_mwh: 2_000_000 + rng.below(3_000_000) as i64,
        reserve_mwh: 500_000,
        curve: vec![
            ChargeStep { up_to_mwh: 4_000_000, power_mw: 30_000_000 },
            ChargeStep { up_to_mwh: 6_000_000, power_mw: 8_000_000 },
        ],
        load_uwh_per_km: if features.has(Features::LOAD_ENERGY) {
            [9_000_000, 4_000_000, 0, 0]
        } else {
            [0; 4]
        },
    });
    let compartment = |size, door| Compartment { capacity: [size, size, 0, 0], door };
    let compartments = if features.has(Features::COMPARTMENTS) {
        vec![
            compartment(5, Door::LastInFirstOut),
            compartment(5, Door::LastInFirstOut),
            compartment(4, Door::Free),
        ]
    } else {
        Vec::new()
    };
    let has_reloads = features.has(Features::RELOADS);
    let is_small = features.has(Features::CAPACITY);
    Vehicle {
        id: id as u64,
        start: if is_live { Start::Road(location) } else { Start::Depot(0) },
        end: if rng.chance(0.8) { Some(0) } else { None },
        shift: Window { start_ms: 0, end_ms: shift_h * 3_600_000 },
        duration_ms_max: features.has(Features::LIMITS).then_some(5_400_000),
        distance_mm_max: features.has(Features::LIMITS).then_some(40_000_000),
        capacity: if is_small { [8, 6, 0, 0] } else { [10_000, 10_000, 0, 0] },
        extra_load: if is_live { [1, 0, 0, 0] } else { [0; 4] },
        compartments,
        permits: if features.has(Features::PERMITS) { rng.below(4) as u64 } else { 0 },
        skills: if features.has(Features::SKILLS) { rng.below(8) as u64 } else { 0 },
        profile: 0,
        cost_fixed: Money::from_units(if features.has(Features::LIMITS) { 3.0 } else { 0.0 }),
        cost_per_km: Money::from_units(0.4),
        cost_per_hour: Money::from_units(if features.has(Features::TIME_COSTS) {
            5.0
        } else {
            0.0
        }),
        reload_depots: if has_reloads { vec![0, 1] } else { vec![] },
        reloads_max: if has_reloads { 2 } else { 0 },
        battery,
        committed,
    }
}
