//! The hubs at both ends of a drive: out of a bay and through the gate onto the lane, and in again.

use std::collections::BTreeMap;

use rv_base::{Point2, Rng};
use rv_driver::manoeuvre::RearPose;
use rv_driver::tracking::Track;
use rv_driver::trajectory::{State, Vehicle};
use rv_driver::urban::{Task, VanDriver, Way};
use rv_map::city_lanes::CityLanes;
use serde::Serialize;

use super::world::Thing;
use super::yards::{IN_M, Yard, beside};

/// Where a drive begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// On a lane, and at the kerb.
    Lane,
    /// In a bay of a hub's yard, where there is room for one.
    Hub,
}

/// What was manoeuvred at hubs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HubFindings {
    /// Drives that began in a bay, and those that came out onto the lane.
    pub n_begun: u32,
    /// See `n_begun`.
    pub n_left: u32,
    /// Drives that reached the gate of a hub, and those that stood in their bay at last.
    pub n_reached: u32,
    /// See `n_reached`.
    pub n_entered: u32,
    /// Furthest from the bay's place, m and rad, of those.
    pub off_max_m: f64,
    /// See `off_max_m`.
    pub turned_max_rad: f64,
    /// Changes of direction.
    pub n_changes: u32,
    /// Time in manoeuvres, s.
    pub time_s: f64,
    /// Why there was no plan.
    pub failures: BTreeMap<String, u32>,
}

impl HubFindings {
    /// Adds those of another drive.
    pub fn add(&mut self, other: &Self) {
        self.n_begun += other.n_begun;
        self.n_left += other.n_left;
        self.n_reached += other.n_reached;
        self.n_entered += other.n_entered;
        self.off_max_m = self.off_max_m.max(other.off_max_m);
        self.turned_max_rad = self.turned_max_rad.max(other.turned_max_rad);
        self.n_changes += other.n_changes;
        self.time_s += other.time_s;
        for (why, n) in &other.failures {
            *self.failures.entry(why.clone()).or_insert(0) += n;
        }
    }
}

/// Numbers of vans in yards.
pub(crate) const FIRST_ID: u32 = u32::MAX - 2_000_000;

/// Both hubs of a drive.
#[derive(Debug, Default)]
pub(super) struct Hubs {
    /// Each with the bay where the drive begins or ends.
    start: Option<(Yard, usize)>,
    end: Option<(Yard, usize)>,
    pub(super) found: HubFindings,
    /// The manoeuvre under way, and the changes of direction in its plan.
    stage: Stage,
    n_changes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Road,
    Leaves,
    Enters(RearPose),
}

/// How a drive ends at a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtHub {
    /// In its bay.
    InBay,
    /// Before the gate: no way was found into the bay.
    StaysOut,
    /// In the bay where it began: no way was found out of it.
    CannotLeave,
}

impl Hubs {
    /// The yards beside the ends of a way, where there is room.
    pub(super) fn beside(lanes: &CityLanes, way: &Way, vehicle: &Vehicle, seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed).fork("hubs");
        let stop_m = way.goal_m() - vehicle.length_m / 2.0;
        let mut yard = |at_m: f64, before_m: f64| {
            let (lane, m) = way.on_lane(at_m)?;
            let mut yard = beside(lanes, lane, m - before_m, vehicle)?;
            let bay = yard.fill(&mut rng);
            Some((yard, bay))
        };
        let (start, end) = (yard(14.0, 0.0), yard(stop_m, IN_M));
        let mut hubs = Self { start, end, ..Self::default() };
        let yards = hubs.start.iter_mut().chain(&mut hubs.end);
        // Numbers that nobody else in the world has.
        for (k, van) in yards.flat_map(|y| y.0.vans_mut()).enumerate() {
            van.id = FIRST_ID + k as u32;
        }
        hubs
    }

    pub(super) fn yards(&self) -> impl Iterator<Item = &Yard> {
        self.start.iter().chain(&self.end).map(|y| &y.0)
    }

    /// True if the drive ends at one.
    pub(super) fn is_at_end(&self) -> bool {
        self.end.is_some()
    }

    /// Vans that stand in the yards near a point.
    pub(super) fn vans_near(&self, p: Point2, within_m: f64) -> impl Iterator<Item = Thing> + '_ {
        let vans = self.yards().flat_map(Yard::vans);
        vans.filter(move |v| v.at.distance_to(p).0 < within_m).copied()
    }

    /// The state in the bay at the start, and the manoeuvre out of it.
    pub(super) fn leave(&mut self) -> Option<(State, Task)> {
        let (yard, bay) = self.start.as_ref()?;
        self.found.n_begun += 1;
        self.stage = Stage::Leaves;
        let RearPose { rear, heading_rad } = yard.in_bay(*bay);
        let state = State { rear, heading_rad, ..State::default() };
        Some((state, yard.way_out(*bay)))
    }

    /// The manoeuvre into the bay at the end, once, from where the van stands before its gate.
    pub(super) fn enter(&mut self, tracks: &[Track]) -> Option<Task> {
        let (yard, bay) = self.end.as_ref().filter(|_| self.stage == Stage::Road)?;
        self.found.n_reached += 1;
        self.stage = Stage::Enters(yard.in_bay(*bay));
        Some(yard.way_in(*bay, tracks))
    }

    /// After a cycle in which the van manoeuvred or did not: how the drive ends, if it does.
    pub(super) fn note(&mut self, driver: &VanDriver, state: &State, dt_s: f64) -> Option<AtHub> {
        if self.stage == Stage::Road {
            return None;
        }
        if driver.manoeuvres() {
            self.found.time_s += dt_s;
            self.n_changes = driver.manoeuvre_plan().map_or(self.n_changes, |p| p.n_changes);
            return None;
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Road);
        if let Some(why) = driver.manoeuvre_failure() {
            *self.found.failures.entry(why.to_string()).or_insert(0) += 1;
            let stays_out = matches!(stage, Stage::Enters(_));
            return Some(if stays_out { AtHub::StaysOut } else { AtHub::CannotLeave });
        }
        self.found.n_changes += std::mem::take(&mut self.n_changes);
        if let Stage::Enters(bay) = stage {
            let here = RearPose { rear: state.rear, heading_rad: state.heading_rad };
            let (off_m, turned) = here.off(&bay);
            self.found.n_entered += 1;
            self.found.off_max_m = self.found.off_max_m.max(off_m);
            self.found.turned_max_rad = self.found.turned_max_rad.max(turned);
            return Some(AtHub::InBay);
        }
        self.found.n_left += 1;
        None
    }
}
