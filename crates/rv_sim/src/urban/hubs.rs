//! The hubs at both ends of a drive: out of a bay and through the gate onto the lane, and in again.

use std::collections::BTreeMap;

use rv_base::{Point2, Rng};
use rv_driver::manoeuvre::{self, Failure, Options, RearPose};
use rv_driver::tracking::Track;
use rv_driver::trajectory::{Body, State, Vehicle};
use rv_driver::urban::{Task, Way};
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

/// Both hubs of a drive.
#[derive(Debug, Default)]
pub(super) struct Hubs {
    pub(super) start: Option<Yard>,
    pub(super) end: Option<Yard>,
    pub(super) found: HubFindings,
    /// The manoeuvre under way.
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Road,
    Leaves,
    Enters(RearPose),
}

impl Hubs {
    /// The yards beside the ends of a way, where there is room.
    pub(super) fn beside(lanes: &CityLanes, way: &Way, vehicle: &Vehicle, seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed).fork("hubs");
        let start =
            way.on_lane(14.0).and_then(|(lane, m)| beside(lanes, lane, m, vehicle, &mut rng));
        let stop_m = way.goal_m() - vehicle.length_m / 2.0;
        let end = way
            .on_lane(stop_m)
            .and_then(|(lane, m)| beside(lanes, lane, m - IN_M, vehicle, &mut rng));
        let mut hubs = Self { start, end, ..Self::default() };
        let yards = hubs.start.iter_mut().chain(&mut hubs.end);
        // Numbers that nobody else in the world has.
        for (k, van) in yards.flat_map(|y| &mut y.vans).enumerate() {
            van.id = u32::MAX - 2_000_000 + k as u32;
        }
        hubs
    }

    pub(super) fn yards(&self) -> impl Iterator<Item = &Yard> {
        self.start.iter().chain(&self.end)
    }

    /// Vans that stand in the yards near a point.
    pub(super) fn vans_near(&self, p: Point2, within_m: f64) -> impl Iterator<Item = Thing> + '_ {
        let vans = self.yards().flat_map(|y| &y.vans);
        vans.filter(move |v| v.at.distance_to(p).0 < within_m).copied()
    }

    /// The state in the bay at the start, and how to come out of it.
    pub(super) fn leave(&mut self, vehicle: &Vehicle) -> Option<(State, Task)> {
        let yard = self.start.as_ref()?;
        self.found.n_begun += 1;
        let planned = manoeuvre::plan(vehicle, &yard.ground, &yard.bay, &yard.out, &Options::VAN);
        let (ground, gate, bay) = (yard.ground.clone(), yard.gate, yard.bay);
        let plan = self.noted(planned)?;
        self.stage = Stage::Leaves;
        let state = State { rear: bay.rear, heading_rad: bay.heading_rad, ..State::default() };
        Some((state, Task { plan, ground, gate: Some(gate) }))
    }

    /// How to get into the bay at the end from where the van stands before its gate.
    pub(super) fn enter(
        &mut self,
        vehicle: &Vehicle,
        state: &State,
        tracks: &[Track],
    ) -> Option<Task> {
        let yard = self.end.as_ref().filter(|_| self.stage == Stage::Road)?;
        self.found.n_reached += 1;
        let mut ground = yard.ground.clone();
        // Whoever stands about and is not known from the yard's plan.
        let known = |t: &Track| yard.vans.iter().any(|v| v.at.distance_to(t.centre).0 < 1.0);
        let near = |t: &&Track| t.centre.distance_to(yard.at).0 < 20.0;
        let stands = |t: &&Track| {
            t.speed_mps.abs() < 0.3 && t.stood_s > 3.0 && !t.class.walks() && !t.class.is_soft()
        };
        ground.solids.extend(tracks.iter().filter(near).filter(stands).filter(|t| !known(t)).map(
            |t| Body {
                centre: t.centre,
                heading_rad: t.heading_rad,
                half_length_m: t.half_m.0,
                half_width_m: t.half_m.1,
            },
        ));
        let from = RearPose { rear: state.rear, heading_rad: state.heading_rad };
        let bay = yard.bay;
        let planned = manoeuvre::plan(vehicle, &ground, &from, &bay, &Options::VAN);
        let plan = self.noted(planned)?;
        self.stage = Stage::Enters(bay);
        Some(Task { plan, ground, gate: None })
    }

    fn noted(&mut self, planned: Result<manoeuvre::Plan, Failure>) -> Option<manoeuvre::Plan> {
        match planned {
            Ok(plan) => {
                self.found.n_changes += plan.n_changes;
                Some(plan)
            }
            Err(why) => {
                *self.found.failures.entry(why.to_string()).or_insert(0) += 1;
                None
            }
        }
    }

    /// After a cycle in which the van manoeuvred or did not: true if it has come to its bay.
    pub(super) fn note(&mut self, manoeuvres: bool, state: &State, dt_s: f64) -> bool {
        if self.stage == Stage::Road {
            return false;
        }
        if manoeuvres {
            self.found.time_s += dt_s;
            return false;
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Road);
        if let Stage::Enters(bay) = stage {
            let here = RearPose { rear: state.rear, heading_rad: state.heading_rad };
            let (off_m, turned) = here.off(&bay);
            self.found.n_entered += 1;
            self.found.off_max_m = self.found.off_max_m.max(off_m);
            self.found.turned_max_rad = self.found.turned_max_rad.max(turned);
            return true;
        }
        self.found.n_left += 1;
        false
    }
}
