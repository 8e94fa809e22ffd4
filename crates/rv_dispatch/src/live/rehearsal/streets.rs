//! The city of a rehearsal and its vans.

use std::sync::Arc;

use rv_base::{Money, Rng};
use rv_model::dispatch::{Battery, ChargeStep, Leg, Start, TravelSource, Vehicle, Window};

use super::super::tour::apart;
use super::HOUR_MS;

/// What a closed road costs a way that crosses it.
const DETOUR_MM: i32 = 1_500_000;
const DETOUR_MS: i32 = 200_000;

/// Straight streets, a third longer than the crow flies, with some of them closed.
pub(super) struct Streets {
    pub points: Arc<Vec<(f64, f64)>>,
    pub walls: Vec<[(f64, f64); 2]>,
}

impl TravelSource for Streets {
    fn n_locations(&self) -> usize {
        self.points.len()
    }

    fn leg(&self, from: u32, to: u32) -> Leg {
        let (a, b) = (self.points[from as usize], self.points[to as usize]);
        let length_m = apart(a, b) * 1.3;
        let n = self.walls.iter().filter(|w| crosses(a, b, w[0], w[1])).count() as i32;
        let distance_mm = (length_m * 1000.0) as i32 + n * DETOUR_MM;
        Leg {
            duration_ms: (length_m * 130.0) as i32 + n * DETOUR_MS,
            distance_mm,
            energy_mwh: (i64::from(distance_mm) * 220_000 / 1_000_000) as i32,
        }
    }

    fn point_m(&self, location: u32) -> Option<(f64, f64)> {
        Some(self.points[location as usize])
    }
}

fn crosses(a: (f64, f64), b: (f64, f64), c: (f64, f64), d: (f64, f64)) -> bool {
    let is_apart = |a: f64, b: f64, c: f64, d: f64| a.max(b) < c.min(d) || c.max(d) < a.min(b);
    if is_apart(a.0, b.0, c.0, d.0) || is_apart(a.1, b.1, c.1, d.1) {
        return false;
    }
    let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| {
        (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0)
    };
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

pub(super) fn van(id: u32, at: u32, now_ms: i64, rng: &mut Rng) -> Vehicle {
    let capacity_mwh = 12_000_000;
    Vehicle {
        id: u64::from(id),
        start: Start::Road(at),
        end: Some(at),
        shift: Window { start_ms: now_ms, end_ms: now_ms + 9 * HOUR_MS },
        duration_ms_max: None,
        distance_mm_max: None,
        capacity: [24, 120_000, 0, 0],
        extra_load: [0; 4],
        compartments: Vec::new(),
        skills: u64::from(rng.chance(0.6)),
        permits: u64::from(rng.chance(0.5)),
        profile: 0,
        cost_fixed: Money::ZERO,
        cost_per_km: Money::from_units(0.4),
        cost_per_hour: Money::ZERO,
        reload_depots: Vec::new(),
        reloads_max: 0,
        battery: Some(Battery {
            capacity_mwh,
            start_mwh: capacity_mwh,
            reserve_mwh: 600_000,
            curve: vec![ChargeStep { up_to_mwh: capacity_mwh, power_mw: 40_000_000 }],
            load_uwh_per_km: [0, 600, 0, 0],
        }),
        committed: Vec::new(),
    }
}
