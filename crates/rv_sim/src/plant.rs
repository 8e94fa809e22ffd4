//! Vehicles that are driven: one that does what was decided, or one that answers late, whose tyres slip,
//! and that a follower leads to where it was decided to be.

use std::collections::VecDeque;

use rv_driver::control::plants::{Chassis, Model, Plant};
use rv_driver::control::{Follower, Weights, errors};
use rv_driver::trajectory::{Gear, State, Vehicle};
use rv_driver::urban::CYCLE_S;
use serde::{Deserialize, Serialize};

/// What is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlantKind {
    /// The kinematic single track, which the planner assumes.
    Kinematic,
    /// The dynamic single track with linear tyres; commands 0.2 s late, brakes and drive lag 0.1 s.
    SingleTrack,
    /// The single-track drift model with Pacejka tyres; late in the same way.
    Drift,
}

/// How late commands act, cycles, and how brakes and drive lag, s.
pub const LATE: (usize, f64) = (2, 0.1);

/// A vehicle to be driven: follows what was decided, or is it.
#[derive(Debug)]
pub struct Driven {
    refs: VecDeque<State>,
    plant: Option<(Plant, Follower)>,
    n_stood: u32,
    /// Errors of following.
    pub tracking: Tracking,
}

/// So near to where it is to stand it has settled, m; after so many cycles it comes no nearer.
const SETTLED_M: f64 = 0.012;
const SETTLING: u32 = 40;

/// How well it was followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Tracking {
    /// Furthest beside where it was to be, m.
    pub beside_max_m: f64,
    /// Mean distance beside, m.
    pub beside_mean_m: f64,
    /// Furthest ahead or behind, m.
    pub along_max_m: f64,
    /// Furthest turned, rad.
    pub heading_max_rad: f64,
    /// Cycles.
    pub n_cycles: u64,
}

impl Tracking {
    /// Adds those of another drive.
    pub fn add(&mut self, other: &Self) {
        let n = self.n_cycles + other.n_cycles;
        let sum =
            self.beside_mean_m * self.n_cycles as f64 + other.beside_mean_m * other.n_cycles as f64;
        self.beside_mean_m = sum / n.max(1) as f64;
        self.beside_max_m = self.beside_max_m.max(other.beside_max_m);
        self.along_max_m = self.along_max_m.max(other.along_max_m);
        self.heading_max_rad = self.heading_max_rad.max(other.heading_max_rad);
        self.n_cycles = n;
    }
}

impl Driven {
    /// A vehicle in a state.
    pub fn new(vehicle: Vehicle, body: PlantKind, state: &State) -> Self {
        let model = match body {
            PlantKind::Kinematic => None,
            PlantKind::SingleTrack => Some(Model::SingleTrack),
            PlantKind::Drift => Some(Model::Drift),
        };
        let plant = model.map(|model| {
            let plant = Plant::new(vehicle, Chassis::van(&vehicle), model, state, LATE);
            let follower =
                Follower::new(vehicle, CYCLE_S, LATE.0, &Weights::USUAL).with_lag(LATE.1);
            (plant, follower)
        });
        let n = if plant.is_some() { LATE.0 + 2 } else { 1 };
        let refs = std::iter::repeat_n(*state, n).collect();
        Self { refs, plant, n_stood: 0, tracking: Tracking::default() }
    }

    /// The state that a decision of now is for: where it will be when the decision acts.
    pub fn decided_from(&self) -> State {
        self.refs.back().copied().unwrap_or_default()
    }

    /// By how much that is later than now, s.
    pub fn ahead_s(&self) -> f64 {
        (self.refs.len() - 1) as f64 * CYCLE_S
    }

    /// Where it is.
    pub fn now(&self) -> State {
        self.plant.as_ref().map_or_else(|| self.decided_from(), |(plant, _)| plant.measured())
    }

    /// True unless it is still on its way to where it is to stand.
    pub fn is_settled(&self) -> bool {
        let Some((plant, _)) = &self.plant else { return true };
        let now = plant.measured();
        let along_m = errors(&now, &self.refs[0]).along_m.abs();
        now.speed_mps.abs() < 0.01 && (along_m < SETTLED_M || self.n_stood > SETTLING)
    }

    /// A cycle: what was decided is to follow what was decided before.
    pub fn cycle(&mut self, gear: Gear, next: State) {
        self.refs.push_back(next);
        if let Some((plant, follower)) = &mut self.plant {
            let now = plant.measured();
            let refs = self.refs.make_contiguous();
            let moves = refs[LATE.0].speed_mps != 0.0 || refs[LATE.0 + 1].speed_mps != 0.0;
            let command = if moves {
                follower.cycle(&now, refs)
            } else {
                // At a stand the gear may change; wheels are turned.
                follower.cycle_in(gear, &now, refs)
            };
            plant.cycle(follower.gear(), command, CYCLE_S);
        }
        self.refs.pop_front();
        let stands = self.refs.iter().all(|s| s.speed_mps == 0.0);
        self.n_stood = if stands { self.n_stood + 1 } else { 0 };
        if let Some((plant, _)) = &self.plant {
            let off = errors(&plant.measured(), &self.refs[0]);
            let t = &mut self.tracking;
            t.n_cycles += 1;
            t.beside_max_m = t.beside_max_m.max(off.beside_m.abs());
            t.along_max_m = t.along_max_m.max(off.along_m.abs());
            t.heading_max_rad = t.heading_max_rad.max(off.heading_rad.abs());
            t.beside_mean_m += (off.beside_m.abs() - t.beside_mean_m) / t.n_cycles as f64;
        }
    }
}
