//! Travel between locations: tables, the plane, or a source that is asked on demand.

use std::fmt;
use std::sync::Arc;

/// One way from a location to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// Driving time, ms.
    pub duration_ms: i32,
    /// Driven distance, mm.
    pub distance_mm: i32,
    /// Energy drawn from the battery, mWh.
    pub energy_mwh: i32,
}

impl Leg {
    /// A leg that no vehicle can drive: closed road, missing permit, unreachable place.
    pub const NONE: Self = Self { duration_ms: i32::MAX, distance_mm: i32::MAX, energy_mwh: 0 };

    /// True if the leg can be driven.
    pub fn is_open(&self) -> bool {
        self.duration_ms != i32::MAX && self.distance_mm != i32::MAX
    }
}

/// Travel that is computed when asked, so that a large problem never needs all `n * n` legs.
pub trait TravelSource: Send + Sync {
    /// Number of locations.
    fn n_locations(&self) -> usize;

    /// The leg from one location to another, [`Leg::NONE`] if there is none. The same question
    /// always gets the same answer.
    fn leg(&self, from: u32, to: u32) -> Leg;

    /// Where a location lies on a rough plane, m, so that large problems can be cut by place;
    /// `None` lets legs to a few far locations stand in for it.
    fn point_m(&self, location: u32) -> Option<(f64, f64)> {
        let _ = location;
        None
    }

    /// Fills `legs` (row-major, `locations.len()` squared) with all legs among `locations`; a
    /// routing engine overrides it with its many-to-many search.
    fn fill(&self, locations: &[u32], legs: &mut Vec<Leg>) {
        legs.clear();
        for &from in locations {
            legs.extend(locations.iter().map(|&to| self.leg(from, to)));
        }
    }
}

/// How one kind of vehicle travels.
#[derive(Clone)]
pub enum Travel {
    /// Tables of `n * n` entries, row-major, from row to column. `i32::MAX` closes a leg.
    Table {
        /// Number of locations.
        n: usize,
        /// Driving time, ms.
        duration_ms: Vec<i32>,
        /// Distance, mm.
        distance_mm: Vec<i32>,
        /// Energy, mWh; `None` if no vehicle that uses this table has a battery.
        energy_mwh: Option<Vec<i32>>,
    },
    /// Straight lines between points in the plane, rounded up to the next millimetre.
    Plane {
        /// Coordinates of each location, m.
        points_m: Vec<(f64, f64)>,
        /// Speed everywhere, m/s.
        speed_mps: f64,
        /// Energy per kilometre, mWh.
        mwh_per_km: i64,
    },
    /// Asked on demand.
    Source(Arc<dyn TravelSource>),
}

impl Travel {
    /// Number of locations that this travel covers.
    pub fn n_locations(&self) -> usize {
        match self {
            Self::Table { n, .. } => *n,
            Self::Plane { points_m, .. } => points_m.len(),
            Self::Source(source) => source.n_locations(),
        }
    }

    /// The leg between two locations; panics if an index is out of range.
    pub fn leg(&self, from: u32, to: u32) -> Leg {
        match self {
            Self::Table { n, duration_ms, distance_mm, energy_mwh } => {
                let at = from as usize * n + to as usize;
                let energy_mwh = energy_mwh.as_ref().map_or(0, |e| e[at]);
                Leg { duration_ms: duration_ms[at], distance_mm: distance_mm[at], energy_mwh }
            }
            Self::Plane { points_m, speed_mps, mwh_per_km } => {
                let ((ax, ay), (bx, by)) = (points_m[from as usize], points_m[to as usize]);
                let length_m = (ax - bx).hypot(ay - by);
                // Subtracting a hair keeps whole millimetres whole after a rounding error.
                let distance_mm = (length_m * 1000.0 - 1e-6).ceil().max(0.0) as i32;
                let duration_ms = (length_m / speed_mps * 1000.0 - 1e-6).ceil().max(0.0) as i32;
                let energy_mwh = (i64::from(distance_mm) * mwh_per_km / 1_000_000) as i32;
                Leg { duration_ms, distance_mm, energy_mwh }
            }
            Self::Source(source) => source.leg(from, to),
        }
    }

    /// Where a location lies on a rough plane, m, if that is known.
    pub fn point_m(&self, location: u32) -> Option<(f64, f64)> {
        match self {
            Self::Table { .. } => None,
            Self::Plane { points_m, .. } => Some(points_m[location as usize]),
            Self::Source(source) => source.point_m(location),
        }
    }

    /// All legs among `locations`, row-major.
    pub fn legs(&self, locations: &[u32]) -> Vec<Leg> {
        let n = locations.len();
        let mut legs = Vec::with_capacity(n * n);
        match self {
            Self::Source(source) => source.fill(locations, &mut legs),
            // The same in both directions: each is measured once.
            Self::Plane { .. } => {
                legs.resize(n * n, Leg::default());
                for (i, &from) in locations.iter().enumerate() {
                    for (j, &to) in locations.iter().enumerate().skip(i + 1) {
                        let leg = self.leg(from, to);
                        legs[i * n + j] = leg;
                        legs[j * n + i] = leg;
                    }
                }
            }
            Self::Table { .. } => {
                for &from in locations {
                    legs.extend(locations.iter().map(|&to| self.leg(from, to)));
                }
            }
        }
        legs
    }
}

impl fmt::Debug for Travel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Table { .. } => "table",
            Self::Plane { .. } => "plane",
            Self::Source(_) => "source",
        };
        write!(f, "Travel({kind}, {} locations)", self.n_locations())
    }
}
