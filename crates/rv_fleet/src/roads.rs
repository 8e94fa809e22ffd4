//! The road engines behind the brain: which roads a van may use when, how long ways take, where a
//! point lies. Everything here is derived from the city, the configuration and the state; losing
//! it costs time only.

use std::collections::BTreeMap;
use std::sync::Arc;

use rv_base::{
    EdgeId, FacilityId, LatLon, Meters, PermitId, RoadPosition, Seconds, Timestamp, VanId,
};
use rv_map::{City, DriveSide, FacilityKind, Mode, ModeSet, SnapIndex, SnapQuery};
use rv_model::{Permit, VanClass, VehicleKind};
use rv_route::{
    ClassCosts, EdgeSet, EnergyUse, Metric, MetricSpec, Network, Reach, Scratch, VehicleClass,
};
use rv_rules::{PermitError, PermitIndex, PermitShelf};

use crate::config::FleetConfig;
use crate::state::{PermitStage, State};

/// Most metrics kept; a city's has a few megabytes.
const METRICS_MAX: usize = 6;

/// Farthest that a point may be from a road.
const SNAP_RADIUS: Meters = Meters(300.0);

/// Farthest that a recipient is asked to walk to a van that cannot come nearer.
const WALK_MAX: Meters = Meters(150.0);

/// Class and permits that vans share.
#[derive(Clone, Debug, PartialEq)]
struct Profile {
    class: VehicleClass,
    kind: VehicleKind,
    permits: Vec<PermitId>,
}

/// Which roads are open: the permits' state at the moments of interest, the closures and the
/// traffic.
type MetricKey = (usize, Vec<(usize, Vec<bool>)>, u64, u64, u64);

/// A stage of the permits, in force or announced, and an hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    stage_idx: usize,
    hour: u32,
}

/// Edges that may not be used, and edges that are closed.
struct Barred {
    forbidden: EdgeSet,
    closed: EdgeSet,
}

impl Barred {
    fn spec(&self, costs: Arc<ClassCosts>) -> MetricSpec<'_> {
        MetricSpec { costs, forbidden: Some(&self.forbidden), closed: Some(&self.closed) }
    }
}

/// A stage of the permits on the map.
struct Stage {
    index: PermitIndex,
    /// What each profile holds in it.
    held: Vec<Vec<PermitId>>,
}

/// Times from a hub to every edge, of one metric.
type HubTimes = Arc<Vec<u32>>;

pub(crate) struct Roads {
    city: Arc<City>,
    network: Arc<Network>,
    snap: SnapIndex,
    profiles: Vec<Profile>,
    profile_of: Vec<usize>,
    shelf: PermitShelf,
    /// The permits in force, then those after each announced change.
    stages: Vec<Stage>,
    permit_epoch: u64,
    metrics: Vec<(MetricKey, Arc<Metric>)>,
    /// Costs of each profile in the traffic of an epoch.
    costs: BTreeMap<usize, (u64, Arc<ClassCosts>)>,
    n_metrics: u64,
    hub_times: BTreeMap<(u64, FacilityId), HubTimes>,
    way_back: BTreeMap<(u64, EdgeId), bool>,
    scratch: Scratch,
}

impl Roads {
    pub(crate) fn new(city: Arc<City>, config: &FleetConfig) -> Result<Self, PermitError> {
        let used: Vec<Mode> = config
            .vans
            .iter()
            .map(|van| mode(config.classes[usize::from(van.class_idx)].kind))
            .chain([Mode::Van])
            .collect();
        let network = Arc::new(Network::build(&city.graph, ModeSet::of(&used)));
        let mut profiles: Vec<Profile> = Vec::new();
        let profile_of = config
            .vans
            .iter()
            .map(|van| {
                let class = &config.classes[usize::from(van.class_idx)];
                let profile = Profile {
                    class: vehicle_class(class, city.drive_side),
                    kind: class.kind,
                    permits: van.permits.clone(),
                };
                profiles.iter().position(|p| *p == profile).unwrap_or_else(|| {
                    profiles.push(profile);
                    profiles.len() - 1
                })
            })
            .collect();
        let shelf = PermitShelf::new(config.utc_offset_s);
        shelf.index(&city.graph, &config.permits)?;
        Ok(Self {
            snap: SnapIndex::new(&city.graph),
            shelf,
            stages: Vec::new(),
            city,
            network,
            profiles,
            profile_of,
            permit_epoch: 0,
            metrics: Vec::new(),
            costs: BTreeMap::new(),
            n_metrics: 0,
            hub_times: BTreeMap::new(),
            way_back: BTreeMap::new(),
            scratch: Scratch::default(),
        })
    }

    /// Checks that a permit can be resolved on this map.
    pub(crate) fn check_permit(&self, permit: &Permit) -> Result<(), PermitError> {
        self.shelf.index(&self.city.graph, std::slice::from_ref(permit)).map(|_| ())
    }

    /// The profile of a van.
    pub(crate) fn profile(&self, van: VanId) -> usize {
        self.profile_of.get(van.idx()).copied().unwrap_or(0)
    }

    pub(crate) fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    /// Follows the state's permits.
    fn refresh(&mut self, state: &State) {
        if self.permit_epoch == state.permit_epoch {
            return;
        }
        let resolve = |stage: &PermitStage| {
            let permits: Vec<Permit> = stage.permits.values().cloned().collect();
            // They were checked one by one when they were taken.
            let index = self.shelf.index(&self.city.graph, &permits).ok()?;
            let held = self.profiles.iter().map(|profile| stage.held(&profile.permits)).collect();
            Some(Stage { index, held })
        };
        self.stages = state.permit_stages().iter().filter_map(resolve).collect();
        self.permit_epoch = state.permit_epoch;
    }

    /// Roads that a profile may use at every moment from one time to another, under the closures
    /// in force, and under the permits in force as well as those announced.
    pub(crate) fn metric(
        &mut self,
        state: &State,
        profile: usize,
        from: Timestamp,
        to: Timestamp,
    ) -> Arc<Metric> {
        let moments = self.phases(state, profile, from, to);
        self.metric_in(state, profile, &moments)
    }

    /// Roads that a profile may use now, to leave what is about to be closed to it.
    pub(crate) fn metric_to_leave(
        &mut self,
        state: &State,
        profile: usize,
        now: Timestamp,
    ) -> Arc<Metric> {
        self.refresh(state);
        let hour = (now + self.shelf.utc_offset()).hour_of_week();
        self.metric_in(state, profile, &[Moment { stage_idx: 0, hour }])
    }

    /// One moment for each state of the permits of a profile within a span of at most a week.
    pub(crate) fn phases(
        &mut self,
        state: &State,
        profile: usize,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<Moment> {
        self.refresh(state);
        let first = (from + self.shelf.utc_offset()).hour_of_week();
        let n_hours = (to.since(from).0.max(0.0) / 3600.0).ceil().min(167.0) as u32;
        let mut phases: BTreeMap<(usize, Vec<bool>), u32> = BTreeMap::new();
        for stage_idx in 0..self.stages.len() {
            for hour in (0..=n_hours).map(|n| (first + n) % 168) {
                let signature = self.signature(profile, Moment { stage_idx, hour });
                phases.entry((stage_idx, signature)).or_insert(hour);
            }
        }
        let moment = |((stage_idx, _), hour)| Moment { stage_idx, hour };
        phases.into_iter().map(moment).collect()
    }

    /// What the permits of a profile cover depends on nothing else than this and the stage.
    fn signature(&self, profile: usize, at: Moment) -> Vec<bool> {
        let Stage { index, held } = &self.stages[at.stage_idx];
        index.signature(&held[profile], self.profiles[profile].kind, at.hour)
    }

    /// Roads that a profile may use in all of some moments.
    fn metric_in(&mut self, state: &State, profile: usize, moments: &[Moment]) -> Arc<Metric> {
        let signatures: Vec<(usize, Vec<bool>)> =
            moments.iter().map(|at| (at.stage_idx, self.signature(profile, *at))).collect();
        let epochs = (state.closure_epoch, state.permit_epoch, state.traffic_epoch);
        let key = (profile, signatures, epochs.0, epochs.1, epochs.2);
        if let Some(at) = self.metrics.iter().position(|(k, _)| *k == key) {
            let entry = self.metrics.remove(at);
            let metric = entry.1.clone();
            self.metrics.push(entry);
            return metric;
        }
        let barred = self.barred(state, profile, moments);
        let spec = barred.spec(self.costs(state, profile));
        self.n_metrics += 1;
        // A closure or a jam changes little of the profile's last metric.
        let last = self.metrics.iter().rev().find(|(key, _)| key.0 == profile);
        let metric = Arc::new(match last {
            Some((_, last)) => last.changed(&spec, self.n_metrics),
            None => Metric::of_costs(&spec, self.n_metrics),
        });
        if self.metrics.len() >= METRICS_MAX {
            let (_, old) = self.metrics.remove(0);
            self.hub_times.retain(|(epoch, _), _| *epoch != old.epoch());
            self.way_back.retain(|(epoch, _), _| *epoch != old.epoch());
        }
        self.metrics.push((key, metric.clone()));
        metric
    }

    /// What a profile may not use in one of some moments, and what is closed.
    fn barred(&self, state: &State, profile: usize, moments: &[Moment]) -> Barred {
        let kind = self.profiles[profile].kind;
        let mut forbidden = EdgeSet::new();
        for at in moments {
            let Stage { index, held } = &self.stages[at.stage_idx];
            let covered = index.edges(&held[profile], kind, at.hour);
            let edges = (0..self.network.n_edges()).map(EdgeId::from_idx);
            forbidden.extend(edges.filter(|edge| !covered.contains(*edge)));
        }
        let closed = state.closures.values().flat_map(|c| c.edges.iter().copied()).collect();
        Barred { forbidden, closed }
    }

    /// True if a profile finds a way from a place to another that does not lead over an edge.
    pub(crate) fn leads_around(
        &mut self,
        state: &State,
        profile: usize,
        (from, to): (RoadPosition, RoadPosition),
        around: EdgeId,
        now: Timestamp,
    ) -> bool {
        self.refresh(state);
        let hour = (now + self.shelf.utc_offset()).hour_of_week();
        let mut barred = self.barred(state, profile, &[Moment { stage_idx: 0, hour }]);
        barred.closed.extend([around]);
        let spec = barred.spec(self.costs(state, profile));
        self.n_metrics += 1;
        let metric = Metric::of_costs(&spec, self.n_metrics);
        metric.route(&mut self.scratch, from, to).is_ok()
    }

    /// What roads cost a profile in the traffic of the moment.
    fn costs(&mut self, state: &State, profile: usize) -> Arc<ClassCosts> {
        if let Some((epoch, costs)) = self.costs.get(&profile)
            && *epoch == state.traffic_epoch
        {
            return costs.clone();
        }
        let mut factors = Vec::new();
        if !state.traffic.is_empty() {
            factors.resize(self.network.n_edges(), 1.0);
        }
        for road in &state.traffic {
            factors[road.edge.idx()] = road.factor_permille as f32 / 1000.0;
        }
        let class = &self.profiles[profile].class;
        let costs = Arc::new(ClassCosts::build(self.network.clone(), class, Some(&factors)));
        self.costs.insert(profile, (state.traffic_epoch, costs.clone()));
        costs
    }

    /// Free driving time from a hub to a position at a moment, if there is a way there and back.
    pub(crate) fn time_from_hub(
        &mut self,
        state: &State,
        profile: usize,
        at: Moment,
        hub: FacilityId,
        to: RoadPosition,
    ) -> Option<Seconds> {
        let metric = self.metric_in(state, profile, &[at]);
        let times = self.hub_times(&metric, hub)?;
        let time_ms = times.get(to.edge.idx()).copied().filter(|ms| *ms != u32::MAX)?;
        let key = (metric.epoch(), to.edge);
        let home = self.city.facilities[hub.idx()].stop;
        let is_back = match self.way_back.get(&key) {
            Some(known) => *known,
            None => {
                let found = metric.matrix(&mut self.scratch, &[to], &[home]);
                let found = found.is_ok_and(|m| m.cost(0, 0).is_some());
                self.way_back.insert(key, found);
                found
            }
        };
        is_back.then(|| Seconds(f64::from(time_ms) / 1000.0))
    }

    /// Free driving times from a hub to the tail of every edge, ms; `u32::MAX` where no way leads.
    pub(crate) fn hub_times(&mut self, metric: &Arc<Metric>, hub: FacilityId) -> Option<HubTimes> {
        let key = (metric.epoch(), hub);
        if let Some(times) = self.hub_times.get(&key) {
            return Some(times.clone());
        }
        let home = self.city.facilities.get(hub.idx())?.stop;
        let reach = Reach { time: Seconds(86_400.0), energy: None };
        let reached = metric.reachable(&mut self.scratch, home, reach).ok()?;
        let mut times = vec![u32::MAX; self.network.n_edges()];
        for edge in reached {
            times[edge.edge.idx()] = edge.cost.time_ms;
        }
        let times = Arc::new(times);
        self.hub_times.insert(key, times.clone());
        Some(times)
    }

    /// The permit that keeps vans of a profile off an edge at a moment, if one does.
    pub(crate) fn forbidding(&self, profile: usize, edge: EdgeId, at: Moment) -> Option<PermitId> {
        let Stage { index, held } = &self.stages[at.stage_idx];
        let held = &held[profile];
        match index.covers_hour(held, self.profiles[profile].kind, edge, at.hour) {
            Err(rv_rules::NotCovered::Forbidden(permit)) => Some(permit),
            Err(rv_rules::NotCovered::Uncovered) => held.first().copied(),
            Ok(()) => None,
        }
    }

    /// Where a van stops for a point, if a road is near.
    pub(crate) fn stop_for(&self, point: LatLon) -> Option<RoadPosition> {
        let (graph, side) = (&self.city.graph, self.city.drive_side);
        self.snap.stop_for(graph, point, Mode::Van, side, SNAP_RADIUS).map(|snap| snap.position)
    }

    /// Where vans could stop within a walk of a point, the nearest first.
    pub(crate) fn stops_near(&self, point: LatLon) -> Vec<RoadPosition> {
        let query = SnapQuery { mode: Mode::Van, radius: WALK_MAX, heading: None, n_max: 16 };
        let graph = &self.city.graph;
        let snaps = self.snap.nearest(graph, point, &query);
        let positions = snaps.iter().map(|snap| snap.position);
        positions.filter(|position| graph.allows_stopping(position.edge)).collect()
    }

    /// The piece of road nearest to a point, both directions, ascending.
    pub(crate) fn road_at(&self, point: LatLon) -> Vec<EdgeId> {
        let query = SnapQuery { mode: Mode::Van, radius: SNAP_RADIUS, heading: None, n_max: 1 };
        let Some(snap) = self.snap.nearest(&self.city.graph, point, &query).first().copied() else {
            return Vec::new();
        };
        let edge = snap.position.edge;
        let mut edges = vec![edge];
        edges.extend(self.city.graph.edge(edge).reverse);
        edges.sort_unstable();
        edges
    }

    /// The station nearest to a position in a straight line, if one is within `radius`.
    pub(crate) fn station_near(&self, at: LatLon, radius: Meters) -> Option<FacilityId> {
        let stations = self.city.facilities.iter().enumerate();
        stations
            .filter(|(_, f)| f.kind == FacilityKind::Station)
            .map(|(idx, f)| (f.position.distance_to(at), FacilityId::from_idx(idx)))
            .filter(|(distance, _)| *distance <= radius)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            .map(|(_, id)| id)
    }
}

fn mode(kind: VehicleKind) -> Mode {
    match kind {
        VehicleKind::Van => Mode::Van,
        VehicleKind::Robot => Mode::Robot,
        VehicleKind::Truck => Mode::Truck,
    }
}

/// What routing must know of a class.
fn vehicle_class(class: &VanClass, side: DriveSide) -> VehicleClass {
    let mut routed = VehicleClass::by_name(&class.name).unwrap_or_else(|| match class.kind {
        VehicleKind::Van => VehicleClass::robovan(class.speed_max),
        VehicleKind::Robot => VehicleClass::robot(),
        VehicleKind::Truck => VehicleClass::truck(),
    });
    routed.speed_max = class.speed_max;
    routed.width = class.width;
    routed.height = class.height;
    routed.mass = class.mass + class.payload_max;
    routed.turns.side = side;
    routed.energy = EnergyUse {
        rolling_wh_per_m: class.consumption.wh_per_m,
        drag_wh_per_m_mps2: 0.0,
        auxiliary: class.consumption.standby,
        stop: rv_base::WattHours::ZERO,
        // A fleet's figures are means over its city, hills included.
        climb_wh_per_m: 0.0,
        recovered_share: 0.0,
    };
    routed
}
