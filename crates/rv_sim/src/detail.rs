//! Vans of the twin that are driven in detail: each second of the twin is ten cycles of the urban
//! driver, over the city's lanes, amid traffic and people, seen through sensors.
//!
//! The vehicle's brain still says where to go and when to stand; what it asks for is a bound on the
//! speed. Where no lane leads along its path, the simpler model drives.
//!
//! At a hub with room for a yard a van stands in a bay. Until it is there, its brain is told that it is
//! still a little before its stop.

mod bays;

use std::collections::BTreeMap;
use std::sync::Arc;

use rv_base::{EdgeId, Meters, MetersPerSecond, Point2, Radians, Rng, Seconds, Timestamp};
use rv_driver::RoadTable;
use rv_driver::law::TrafficLaw;
use rv_driver::manoeuvre::RearPose;
use rv_driver::tracking::{Track, Tracker, TrackerOptions};
use rv_driver::trajectory::{State, Vehicle};
use rv_driver::urban::{CYCLE_S, Decision, Gear, Reason, Sight, Stop, Task, VanDriver, Way};
use rv_map::City;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};
use rv_map::lanes::Aspect;
use rv_wire::{HelpKind, SEEN_MAX, SeenThing, SightReport};
use serde::Serialize;

use crate::streets::Weather;
use crate::urban::yards::CLEAR_M;
use crate::urban::{
    BESIDE_MAX_M, Busy, Need, Patience, SensorModel, Sensors, Thing, VanBody, Walls, World,
    apart_along, usual_van,
};
use crate::van::SimVan;

use bays::Bays;

/// How far a van is shown what there is, m.
const SIGHT_M: f64 = 110.0;

/// Cycles of a second.
const CYCLES: usize = 10;

/// A van is put onto its stop if its driver has come to stand so near to it.
const AT_STOP_M: f64 = 1.5;

/// Where something stands at its stop, that is as near as it gets: after this time, s, within this
/// distance, m.
const SHORT_AFTER_S: f64 = 15.0;
const SHORT_MAX_M: f64 = 15.0;

/// A van pulls out where nobody is within this distance, m.
const PULL_OUT_M: f64 = 8.0;

/// One so near to where its new way begins is under way, m, and how far behind it the way begins, m.
const UNDER_WAY_M: f64 = 8.0;
const RUN_UP_M: f64 = 10.0;

/// Let go on again within this distance, it has not got on, m.
const AGAIN_M: f64 = 6.0;

/// Edges of a path that are laid at once.
const EDGES_AHEAD: usize = 120;

/// On its way into a bay a van is told as so far before its stop, m, and then comes nearer each second by, m.
const BEFORE_M: f64 = 8.0;
const NEARER_M: f64 = 2.5;

/// Everything that is driven in detail.
#[derive(Debug)]
pub(crate) struct Detail {
    lanes: Arc<CityLanes>,
    walls: Arc<Walls>,
    law: TrafficLaw,
    world: World,
    seed: u64,
    vans: BTreeMap<usize, Detailed>,
    bays: Bays,
    manoeuvred: Manoeuvred,
    things: Vec<Thing>,
}

/// Whether a van that wants to drive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SetOut {
    /// It has a way.
    Drives,
    /// Somebody is where it would pull out.
    Waits,
    /// No lane leads along its path.
    NoWay,
}

/// Where a van is between a lane and its bay in a hub's yard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Road,
    /// On its way out of a bay.
    Leaves(usize),
    /// On the road; its way ends before the gate.
    Comes(usize),
    /// On its way into a bay.
    Enters(usize),
    /// In its bay, in a gap at the kerb, or as near to it as it gets.
    Rests,
}

/// What vans that are driven in detail have manoeuvred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Manoeuvred {
    /// Times that one came out of a hub's bay onto the lane.
    pub n_left_bay: u32,
    /// Times that one came to stand in a hub's bay.
    pub n_entered_bay: u32,
    /// Times that no way was found out of a bay or into one.
    pub n_turned_away: u32,
    /// Times that one parked in a gap at the kerb at its stop, and came out of one.
    pub n_parked: u32,
    /// See `n_parked`.
    pub n_pulled_out: u32,
}

/// One van in detail.
#[derive(Debug)]
struct Detailed {
    stage: Stage,
    driver: VanDriver,
    state: State,
    acceleration_mps2: f64,
    stood_s: f64,
    sensors: Sensors,
    tracker: Tracker,
    tracks: Vec<Track>,
    signals: Vec<(CityLaneId, Aspect)>,
    lights: Vec<CityLaneId>,
    /// The path that its way was laid along, its part that was laid, and the body's way so far.
    path: Vec<EdgeId>,
    from_idx: usize,
    last: Option<Decision>,
    patience: Patience,
    need: Need,
    /// What it has called for, while somebody is asked.
    asked: Option<HelpKind>,
    /// True if another way was asked for where it stands.
    has_asked_way: bool,
    /// Where it was let go on last.
    released_at: Option<Point2>,
}

impl Detail {
    pub(crate) fn new(city: &Arc<City>, roads: &RoadTable, seed: u64, now: Timestamp) -> Self {
        let lanes = Arc::new(CityLanes::build(city));
        let walls = Arc::new(Walls::of(city, &lanes.frame));
        let law = TrafficLaw::shipped().swap_remove(0);
        let at = Seconds(now.0.rem_euclid(86_400_000) as f64 / 1000.0);
        let mut world = World::new(Arc::clone(&lanes), law.clone(), Busy::USUAL, seed, at);
        let bays = Bays::of(city, &lanes, roads, &usual_van());
        for site in bays.sites() {
            world.keep_clear(site.yard().at, CLEAR_M);
        }
        Self {
            lanes,
            walls,
            law,
            world,
            seed,
            vans: BTreeMap::new(),
            bays,
            manoeuvred: Manoeuvred::default(),
            things: Vec::new(),
        }
    }

    /// What was manoeuvred so far.
    pub(crate) fn manoeuvred(&self) -> Manoeuvred {
        self.manoeuvred
    }

    /// Drives the vans that move for a second.
    pub(crate) fn second(
        &mut self,
        now: Timestamp,
        weather: Weather,
        roads: &RoadTable,
        vans: &mut [SimVan],
    ) {
        let mut moving: Vec<usize> = Vec::new();
        let mut is_awaited = false;
        for (idx, van) in vans.iter_mut().enumerate() {
            let drives = van.brain.is_moving() && !van.row_is_down();
            let setting_out =
                if drives { self.set_out(idx, weather, roads, van) } else { SetOut::NoWay };
            van.is_detailed = setting_out != SetOut::NoWay;
            match setting_out {
                SetOut::Drives => moving.push(idx),
                SetOut::Waits => {
                    is_awaited = true;
                    van.drive_so(Meters::ZERO, MetersPerSecond::ZERO);
                }
                SetOut::NoWay => {
                    let is_at_stop = !van.brain.is_moving() && !van.row_is_down();
                    // One that stands in a gap has to come out of it again.
                    if !(is_at_stop && self.is_parked(idx)) {
                        self.vans.remove(&idx);
                    }
                }
            }
        }
        if moving.is_empty() && !is_awaited {
            return;
        }
        for _ in 0..CYCLES {
            moving.retain(|i| self.vans.contains_key(i));
            let bodies: Vec<VanBody> =
                moving.iter().filter_map(|i| Some(self.vans.get(i)?.body(&self.lanes))).collect();
            self.world.step(&bodies, CYCLE_S);
            for (k, idx) in moving.iter().enumerate() {
                self.cycle(*idx, &bodies, k, vans[*idx].speed_asked_mps());
                self.go_on_at_hub(*idx);
            }
        }
        for idx in &moving {
            self.settle(*idx, now, roads, &mut vans[*idx]);
            self.see_to_trouble(*idx, &mut vans[*idx]);
        }
    }

    /// Lays a way for the van's path, if there is none yet.
    fn set_out(&mut self, idx: usize, weather: Weather, roads: &RoadTable, van: &SimVan) -> SetOut {
        let body = van.body();
        let known = self.vans.get(&idx);
        let goes_on = known.is_some_and(|d| {
            let is_laid =
                d.path == body.path && d.from_idx <= body.path_idx && !d.must_lay_on(body.path_idx);
            // A manoeuvre is driven to its end.
            is_laid || d.driver.manoeuvres()
        });
        if goes_on {
            return SetOut::Drives;
        }
        let from_idx = body.path_idx;
        let to_idx = body.path.len().min(from_idx + EDGES_AHEAD);
        let edges = &body.path[from_idx..to_idx];
        let vehicle = vehicle_of(van);
        let Some(first) = self.lanes.of_edge(edges[0]).next() else { return SetOut::NoWay };
        let mut start_m = self.lanes.along_lane(first, body.offset.0, roads.length(edges[0]).0);
        if let Some(parked) = self.vans.get(&idx).filter(|d| d.driver.is_parked()) {
            // It may stand some metres from its stop, unless it was brought elsewhere.
            let centre = parked.state.centre(&vehicle);
            let s_m = self.lanes.foot(first, centre).s_m;
            if self.lanes.at(first, s_m).0.distance_to(centre).0 < BESIDE_MAX_M {
                start_m = (s_m - 2.0).max(0.0);
            }
        }
        let last = edges[edges.len() - 1];
        let whole_m = roads.length(last).0;
        let stop_m = van.stop_offset_m(to_idx).unwrap_or(whole_m);
        let Some(last_lane) = self.lanes.of_edge(last).next() else { return SetOut::NoWay };
        let mut at_m = self.lanes.along_lane(last_lane, stop_m, whole_m);
        let is_stop = van.stop_offset_m(to_idx).is_some();
        let mut stage = Stage::Road;
        let mut stop = if is_stop { Stop::Kerb } else { Stop::OnTheWay };
        if let Some(site) = self.hub_ahead(idx, to_idx, van) {
            let (before_m, _) = self.bays.site(site).before_and_after_m();
            if edges.len() > 1 || before_m > start_m + 2.0 {
                (stage, at_m, stop) = (Stage::Comes(site), before_m, Stop::Gate);
            }
        }
        // One that is under way gets a way that begins behind it, so that it can back off.
        let is_under_way = self.vans.get(&idx).is_some_and(|d| {
            let own = d.state.centre(&vehicle);
            self.lanes.at(first, start_m).0.distance_to(own).0 < UNDER_WAY_M
        });
        let from_m = if is_under_way { (start_m - RUN_UP_M).max(0.0) } else { start_m };
        // Its centre comes to stand there, so its front goes beyond.
        let ends = (from_m, at_m + vehicle.length_m / 2.0);
        let laid = Way::lay(&self.lanes, &self.law, edges, ends, vehicle.speed_max_mps);
        let Ok(way) = laid else { return SetOut::NoWay };
        let lights = self.lights_along(edges);
        let path = body.path.clone();
        if let Some(detailed) = self.vans.get_mut(&idx).filter(|_| is_under_way) {
            self.manoeuvred.n_pulled_out += u32::from(detailed.driver.is_parked());
            detailed.driver.set_way(way);
            detailed.driver.set_stop(stop);
            detailed.stage = stage;
            (detailed.path, detailed.from_idx, detailed.lights) = (path, from_idx, lights);
            return SetOut::Drives;
        }
        let (centre, heading) = way.pose(0.0);
        let mut state = State::at_centre(&vehicle, centre, heading, body.speed.0);
        let mut driver = VanDriver::new(vehicle, way);
        driver.set_stop(stop);
        match self.out_of_bay(idx, van, &driver, start_m) {
            Some((site, in_bay, task)) => {
                let RearPose { rear, heading_rad } = in_bay;
                state = State { rear, heading_rad, ..State::default() };
                driver.begin_manoeuvre(task);
                stage = Stage::Leaves(site);
            }
            None if self.is_taken(centre) => return SetOut::Waits,
            None => {}
        }
        let rng = Rng::from_seed(self.seed).fork_idx("detailed", idx as u64);
        let sensors = Sensors::new(SensorModel::USUAL, weather, Arc::clone(&self.walls), rng);
        let detailed = Detailed {
            stage,
            driver,
            state,
            acceleration_mps2: 0.0,
            stood_s: 0.0,
            sensors,
            tracker: Tracker::new(TrackerOptions::USUAL),
            tracks: Vec::new(),
            signals: Vec::new(),
            lights,
            path,
            from_idx,
            last: None,
            patience: Patience::from(self.world.now().0),
            need: Need::Nothing,
            asked: None,
            has_asked_way: false,
            released_at: None,
        };
        self.vans.insert(idx, detailed);
        SetOut::Drives
    }

    /// The yard of the hub at which a van is to stand, if that is at the end of its path.
    fn hub_ahead(&self, idx: usize, to_idx: usize, van: &SimVan) -> Option<usize> {
        van.stop_offset_m(to_idx)?;
        let site = self.bays.at(van.brain.current_stop()?.at)?;
        self.bays.site(site).takes(idx).then_some(site)
    }

    /// The manoeuvre out of its bay for a van that stands at its hub and whose way leads past the gate.
    fn out_of_bay(
        &mut self,
        idx: usize,
        van: &SimVan,
        driver: &VanDriver,
        start_m: f64,
    ) -> Option<(usize, RearPose, Task)> {
        let body = van.body();
        let site = self.bays.at(body.position()).filter(|_| body.speed.0 == 0.0)?;
        let (_, out_m) = self.bays.site(site).before_and_after_m();
        let (lane, on_lane_m) = driver.way().on_lane(out_m - start_m)?;
        let is_past = lane == self.bays.site(site).lane() && (on_lane_m - out_m).abs() < 0.5;
        let goes_on = driver.way().goal_m() > out_m - start_m + 6.0;
        if !is_past || !goes_on {
            return None;
        }
        let bay = self.bays.site_mut(site).bay_of(idx)?;
        let yard = self.bays.site(site).yard_for(idx, |van| !self.vans.contains_key(&van));
        Some((site, yard.in_bay(bay), yard.way_out(bay)))
    }

    /// What comes next at a hub after a cycle.
    fn go_on_at_hub(&mut self, idx: usize) {
        let Some(van) = self.vans.get(&idx) else { return };
        let has_failed = van.driver.manoeuvre_failure().is_some();
        let next = match van.stage {
            Stage::Leaves(site) if !van.driver.manoeuvres() => {
                if has_failed {
                    // It stands on the lane from now on.
                    self.manoeuvred.n_turned_away += 1;
                    self.bays.site_mut(site).turn_away(idx);
                    self.vans.remove(&idx);
                    return;
                }
                self.bays.site_mut(site).leave(idx);
                self.manoeuvred.n_left_bay += 1;
                Stage::Road
            }
            Stage::Road if van.driver.is_parked() => {
                self.manoeuvred.n_parked += 1;
                Stage::Rests
            }
            Stage::Comes(site) if van.has_arrived() => {
                let Some(bay) = self.bays.site_mut(site).bay_of(idx) else { return self.rest(idx) };
                let yard = self.bays.site(site).yard_for(idx, |v| !self.vans.contains_key(&v));
                let Some(van) = self.vans.get_mut(&idx) else { return };
                let task = yard.way_in(bay, &van.tracks);
                van.driver.begin_manoeuvre(task);
                Stage::Enters(site)
            }
            Stage::Enters(site) if !van.driver.manoeuvres() => {
                if has_failed {
                    self.manoeuvred.n_turned_away += 1;
                    self.bays.site_mut(site).turn_away(idx);
                } else {
                    self.manoeuvred.n_entered_bay += 1;
                }
                Stage::Rests
            }
            stage => stage,
        };
        if let Some(van) = self.vans.get_mut(&idx) {
            van.stage = next;
        }
    }

    fn is_parked(&self, idx: usize) -> bool {
        self.vans.get(&idx).is_some_and(|d| d.driver.is_parked())
    }

    fn rest(&mut self, idx: usize) {
        if let Some(van) = self.vans.get_mut(&idx) {
            van.stage = Stage::Rests;
        }
    }

    /// True if somebody is where a van would pull out.
    fn is_taken(&mut self, centre: Point2) -> bool {
        let is_van_there = self
            .vans
            .values()
            .any(|d| d.state.centre(d.driver.vehicle()).distance_to(centre).0 < PULL_OUT_M);
        self.world.things_near(centre, PULL_OUT_M, &[], &mut self.things);
        is_van_there || !self.things.is_empty()
    }

    fn lights_along(&self, edges: &[EdgeId]) -> Vec<CityLaneId> {
        edges
            .iter()
            .flat_map(|e| self.lanes.of_edge(*e))
            .filter(|l| self.lanes.lane(*l).signal.is_some())
            .collect()
    }

    fn cycle(&mut self, idx: usize, bodies: &[VanBody], own: usize, cap_mps: f64) {
        let Some(van) = self.vans.get(&idx) else { return };
        let now = self.world.now();
        let at = bodies[own].at;
        let under = van.edges_under(&self.lanes);
        self.world.things_near(at, SIGHT_M, &under, &mut self.things);
        let others = bodies
            .iter()
            .enumerate()
            .filter(|(k, b)| *k != own && b.at.distance_to(at).0 < SIGHT_M);
        self.things.extend(others.map(|(k, b)| b.as_thing(k)));
        let sites = self.bays.sites().iter();
        for site in sites.filter(|s| s.yard().at.distance_to(at).0 < SIGHT_M) {
            site.resting(|van| !self.vans.contains_key(&van), &mut self.things);
        }
        let Some(van) = self.vans.get_mut(&idx) else { return };
        if van.stage == Stage::Rests {
            (van.state.speed_mps, van.need) = (0.0, Need::Nothing);
            return;
        }
        if let Some((seen_s, frame)) = van.sensors.look(now.0, at, &self.things) {
            let view = van.sensors.view();
            van.tracker.take(seen_s, &frame, &|p| view.sees(p));
        }
        van.tracker.told(now.0, &mut van.tracks);
        van.signals.clear();
        for lane in &van.lights {
            let l = self.lanes.lane(*lane);
            let (p, _) = self.lanes.at(*lane, f64::from(l.stop_m));
            if let Some(signal) = l.signal.filter(|_| p.distance_to(at).0 < 120.0) {
                van.signals.push((*lane, self.lanes.aspect(signal, now)));
            }
        }
        let sight = Sight {
            at: now,
            age_s: van.tracker.last_frame_s().map_or(0.0, |s| now.0 - s),
            state: van.state,
            acceleration_mps2: van.acceleration_mps2,
            tracks: &van.tracks,
            signals: &van.signals,
            view: van.sensors.view(),
            weather_share: van.sensors.weather_share(),
        };
        let decision = van.driver.cycle(&self.lanes, &self.law, &sight);
        // No faster than the brain asks for.
        let before = van.state.speed_mps;
        van.state = decision.driven(van.driver.vehicle(), &van.state, cap_mps, CYCLE_S);
        van.acceleration_mps2 = (van.state.speed_mps - before) / CYCLE_S;
        van.stood_s = if van.state.speed_mps.abs() < 0.1 { van.stood_s + CYCLE_S } else { 0.0 };
        // Where the brain lets it stand, there is nothing to wait for.
        let stuck_s = if cap_mps < 0.05 { 0.0 } else { van.driver.stuck_s(now.0) };
        van.need = van.patience.need(now.0, stuck_s, &decision.reason);
        van.last = Some(decision);
    }

    /// Tells the brain what the driver cannot solve: that it asks for another way where a junction
    /// lies ahead, and for somebody who looks elsewhere. Once that one has answered, who stood in its
    /// way has been seen to.
    fn see_to_trouble(&mut self, idx: usize, van: &mut SimVan) {
        let Some(detailed) = self.vans.get_mut(&idx) else { return };
        if let Some(asked) = detailed.asked.filter(|_| !van.brain.is_calling()) {
            detailed.asked = None;
            detailed.has_asked_way |= asked == HelpKind::RoadBlocked;
            if asked == HelpKind::Unclear && detailed.need == Need::Help {
                detailed.driver.release();
                detailed.patience = Patience::from(self.world.now().0);
                detailed.need = Need::Nothing;
                let own = detailed.state.centre(detailed.driver.vehicle());
                let again = detailed.released_at.is_some_and(|p| p.distance_to(own).0 < AGAIN_M);
                detailed.released_at = Some(own);
                self.world.make_way(own, again);
            }
        }
        let goes_forward = detailed.last.as_ref().is_none_or(|d| d.gear == Gear::Forward);
        // While the brain lets it stand, it needs nothing, but has not got on either.
        detailed.has_asked_way &= detailed.need != Need::Nothing || detailed.stood_s > 0.0;
        let may_turn_off = goes_forward && detailed.is_before_junction(&self.lanes);
        van.trouble = match detailed.need {
            Need::Nothing => None,
            _ if may_turn_off && !detailed.has_asked_way => Some(HelpKind::RoadBlocked),
            Need::AnotherWay => None,
            Need::Help => Some(HelpKind::Unclear),
        };
        if van.brain.is_calling() {
            detailed.asked = detailed.asked.or(van.trouble);
        }
    }

    /// Moves the body on along its path by what was driven, and says what is seen if asked to.
    fn settle(&mut self, idx: usize, now: Timestamp, roads: &RoadTable, van: &mut SimVan) {
        let Some(detailed) = self.vans.get(&idx) else { return };
        let body = van.body();
        let (s_m, _) = detailed.driver.place(&detailed.state);
        let Some((lane, on_lane_m)) = detailed.driver.way().on_lane(s_m) else { return };
        let (edge, on_edge_m) = self.lanes.on_edge(lane, on_lane_m, |e| roads.length(e).0);
        let ahead = body.path[body.path_idx..].iter().position(|e| *e == edge);
        let mut way_m = 0.0;
        if let Some(n) = ahead {
            let passed: f64 = body.path[body.path_idx..body.path_idx + n]
                .iter()
                .map(|e| roads.length(*e).0)
                .sum();
            way_m = (passed + on_edge_m - body.offset.0).max(0.0);
        }
        let mut speed = detailed.state.speed_mps.max(0.0);
        // It may be on the edge before, and over the next one's start within this second.
        let rest = &body.path[body.path_idx..body.path.len() - 1];
        let to_stop = van.stop_offset_m(body.path.len()).filter(|_| rest.len() < 8);
        if let Some(stop_m) = to_stop {
            let before_m: f64 = rest.iter().map(|e| roads.length(*e).0).sum();
            let left_m = before_m + stop_m - body.offset.0;
            way_m = way_m.min(left_m.max(0.0));
            let is_to_park = detailed.driver.is_to_park();
            match detailed.stage {
                Stage::Road if is_to_park => way_m = way_m.min((left_m - BEFORE_M).max(0.0)),
                Stage::Comes(_) | Stage::Enters(_) => {
                    way_m = way_m.min((left_m - BEFORE_M).max(0.0))
                }
                Stage::Rests if left_m > NEARER_M => (way_m, speed) = (NEARER_M, NEARER_M),
                Stage::Rests => (way_m, speed) = (left_m.max(0.0), 0.0),
                Stage::Road | Stage::Leaves(_) => {}
            }
            let is_on_road =
                matches!(detailed.stage, Stage::Road | Stage::Leaves(_)) && !is_to_park;
            let is_near = left_m - way_m < detailed.counts_as_there_m();
            if is_on_road && speed < 0.15 && is_near {
                (way_m, speed) = (left_m.max(0.0), 0.0);
            }
        }
        if speed < 0.05 {
            speed = 0.0;
        }
        van.drive_so(Meters(way_m), MetersPerSecond(speed));
        if van.brain.is_watched(now) {
            van.sight = Some(Box::new(self.report(detailed, now)));
        }
    }

    fn report(&self, van: &Detailed, now: Timestamp) -> SightReport {
        let world = |p: Point2| self.lanes.frame.to_world(p).unwrap_or_default();
        let north = |heading: f64| {
            Radians((std::f64::consts::FRAC_PI_2 - heading).rem_euclid(std::f64::consts::TAU))
        };
        let vehicle = van.driver.vehicle();
        let centre = van.state.centre(vehicle);
        let mut near: Vec<&Track> =
            van.tracks.iter().filter(|t| t.centre.distance_to(centre).0 < 60.0).collect();
        near.sort_by(|a, b| {
            a.centre
                .distance_to(centre)
                .total_cmp(&b.centre.distance_to(centre))
                .then(a.id.cmp(&b.id))
        });
        near.truncate(SEEN_MAX);
        let seen = near.into_iter().map(|t| SeenThing {
            track: t.id,
            class: format!("{:?}", t.class).to_lowercase(),
            world: world(t.centre),
            heading: north(t.heading_rad),
            length: Meters(t.half_m.0 * 2.0),
            width: Meters(t.half_m.1 * 2.0),
            speed: MetersPerSecond(t.speed_mps),
            ways: rv_driver::urban::ways_of(&self.lanes, t, 3.0)
                .into_iter()
                .map(|w| {
                    (
                        (w.probability * 100.0).round() as u8,
                        w.points.iter().map(|p| world(*p)).collect(),
                    )
                })
                .collect(),
        });
        let (reason, is_emergency) = van
            .last
            .as_ref()
            .map_or((String::new(), false), |d| (d.reason.in_words().to_owned(), d.is_emergency));
        SightReport {
            at: now,
            world: world(centre),
            heading: north(van.state.heading_rad),
            length: Meters(vehicle.length_m),
            width: Meters(vehicle.width_m),
            speed: MetersPerSecond(van.state.speed_mps),
            reason,
            is_emergency,
            plan: van.driver.plan().iter().step_by(2).map(|p| world(p.centre)).collect(),
            stop: van.driver.held_stop().step_by(4).take(20).map(world).collect(),
            seen: seen.collect(),
            lights: van
                .signals
                .iter()
                .map(|(lane, aspect)| {
                    let at = f64::from(self.lanes.lane(*lane).stop_m);
                    (world(self.lanes.at(*lane, at).0), *aspect == Aspect::Green)
                })
                .take(16)
                .collect(),
        }
    }
}

impl Detailed {
    /// True if it stands at the end of its way.
    fn has_arrived(&self) -> bool {
        let to_goal_m = self.last.as_ref().map_or(f64::INFINITY, |d| d.to_goal_m);
        !self.driver.manoeuvres() && to_goal_m < AT_STOP_M && self.state.speed_mps == 0.0
    }

    /// True if it stands on the lane of a road that goes on to another one.
    fn is_before_junction(&self, lanes: &CityLanes) -> bool {
        let (s_m, _) = self.driver.place(&self.state);
        let Some(lane) = self.driver.way().lane_at(s_m) else { return false };
        let CityLaneKind::Road { edge, .. } = lanes.lane(lane).kind else { return false };
        self.path.last() != Some(&edge)
    }

    /// How far from its stop it counts as there, once it stands.
    fn counts_as_there_m(&self) -> f64 {
        let Some(decision) = &self.last else { return AT_STOP_M };
        match decision.reason {
            // Its lane ends before a stop that lies in a junction.
            Reason::Goal if decision.to_goal_m < AT_STOP_M => f64::INFINITY,
            Reason::Follows(id) | Reason::WaitsToPass(id) if self.is_kept_by(id) => SHORT_MAX_M,
            _ => AT_STOP_M,
        }
    }

    /// True if it has stood for a while, and so has what it stands behind.
    fn is_kept_by(&self, id: u32) -> bool {
        let has_stood = |t: &Track| t.id == id && t.stood_s > SHORT_AFTER_S;
        self.stood_s > SHORT_AFTER_S && self.tracks.iter().any(has_stood)
    }

    /// True if the laid part of the path is nearly driven and the path goes on.
    fn must_lay_on(&self, path_idx: usize) -> bool {
        let laid_to = self.from_idx + EDGES_AHEAD;
        laid_to < self.path.len() && path_idx + 20 > laid_to
    }

    fn body(&self, lanes: &CityLanes) -> VanBody {
        let vehicle = self.driver.vehicle();
        let (s_m, beside_m) = self.driver.place(&self.state);
        let way = self.driver.way();
        let at = self.state.centre(vehicle);
        // In a yard it is on no lane.
        let on = way.lane_at(s_m).filter(|_| beside_m.abs() < BESIDE_MAX_M);
        let lane = on.map(|lane| {
            let mut ahead_m = s_m;
            let mut next = lane;
            while next == lane && ahead_m < s_m + 80.0 && ahead_m < way.length_m() {
                ahead_m += 4.0;
                next = way.lane_at(ahead_m).unwrap_or(lane);
            }
            (lane, lanes.foot(lane, at).s_m, next)
        });
        VanBody {
            at,
            heading_rad: self.state.heading_rad,
            speed_mps: self.state.speed_mps,
            acceleration_mps2: self.acceleration_mps2,
            half_m: (vehicle.length_m / 2.0, vehicle.width_m / 2.0),
            lane,
            stood_s: self.stood_s,
            behind_m: self.driver.signals_behind_m(),
        }
    }

    /// Edges over or under the way near the van.
    fn edges_under(&self, lanes: &CityLanes) -> Vec<(EdgeId, Point2)> {
        let (s_m, _) = self.driver.place(&self.state);
        let mut found = Vec::new();
        apart_along(lanes, self.driver.way(), s_m, &mut found);
        found
    }
}

/// The vehicle of a van's class.
fn vehicle_of(van: &SimVan) -> Vehicle {
    let class = van.class();
    Vehicle {
        width_m: class.width.0.clamp(0.6, 2.6),
        speed_max_mps: class.speed_max.0,
        ..usual_van()
    }
}
