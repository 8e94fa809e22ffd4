//! Ways for callers of the API, under the closures, permits and traffic of the moment.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::http::StatusCode;
use rv_base::{EdgeId, LatLon, Meters, PermitId, Radians, RoadPosition, Seconds};
use rv_fleet::Rejection;
use rv_map::{City, ModeSet, Snap, SnapIndex, SnapQuery};
use rv_model::{Permit, VehicleKind};
use rv_route::{
    AlternativeOptions, Conditions, EdgeSet, Metric, Network, Route, RouteError, Scratch,
    VehicleClass,
};
use rv_rules::{NotCovered, PermitIndex};

use super::error::ApiError;
use crate::host::Reader;

/// How far from a street a route may begin or end.
const SNAP_RADIUS: Meters = Meters(500.0);
/// How far a street's direction may differ from a heading that was given.
const HEADING_TOLERANCE: Radians = Radians(std::f64::consts::FRAC_PI_3);
/// Most weights that are kept; a city's has a few megabytes.
const WEIGHTS_MAX: usize = 12;

/// Which roads are open to a class of vehicle, and how fast they are.
pub(super) struct Openness {
    /// What the weights depend on.
    key: Key,
    closed: EdgeSet,
    permits: Vec<Permit>,
    utc_offset: Seconds,
    /// Roads that are slower or faster than usual, and how many times as long they take.
    traffic: Vec<(EdgeId, f32)>,
}

/// What weights depend on besides the city.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    class: String,
    kind: VehicleKind,
    held: Vec<PermitId>,
    closure_epoch: u64,
    permit_epoch: u64,
    traffic_epoch: u64,
    /// Hour of the week in the city's time.
    hour: u32,
}

impl Openness {
    /// What is open to a class now. Its permits are those of the fleet's first van of that class,
    /// else of that kind; a kind that the fleet has not needs none.
    pub(super) fn now(reader: &Reader<'_>, class: &str) -> Self {
        let (state, config) = (reader.fleet.state(), reader.fleet.config());
        let kind = match class {
            "robot" => VehicleKind::Robot,
            "truck" => VehicleKind::Truck,
            _ => VehicleKind::Van,
        };
        let of = |idx: u16| config.classes.get(usize::from(idx));
        let vans = || config.vans.iter();
        let van = vans()
            .find(|van| of(van.class_idx).is_some_and(|c| c.name == class))
            .or_else(|| vans().find(|van| of(van.class_idx).is_some_and(|c| c.kind == kind)));
        let slow = state.traffic.iter();
        Self {
            key: Key {
                class: class.to_owned(),
                kind,
                held: van.map_or_else(Vec::new, |van| state.permits.held(&van.permits)),
                closure_epoch: state.closure_epoch,
                permit_epoch: state.permit_epoch,
                traffic_epoch: state.traffic_epoch,
                hour: (reader.clock.now + config.utc_offset_s).hour_of_week(),
            },
            closed: state.closures.values().flat_map(|c| c.edges.iter().copied()).collect(),
            permits: state.permits.permits.values().cloned().collect(),
            utc_offset: config.utc_offset_s,
            traffic: slow.map(|r| (r.edge, r.factor_permille as f32 / 1000.0)).collect(),
        }
    }
}

/// Finds ways; network and weights are made when first asked for. The last weights stay within
/// reach by their epochs.
pub(crate) struct Router {
    city: Arc<City>,
    roads: OnceLock<(Arc<Network>, SnapIndex)>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Epochs given so far.
    n_epochs: u64,
    /// The newest last.
    weights: Vec<Arc<Weights>>,
}

/// The roads as one class of vehicle may drive them at one time.
pub(super) struct Weights {
    key: Key,
    permits: PermitIndex,
    pub(super) metric: Metric,
}

/// Where a caller's point is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: LatLon,
    /// Direction in which the vehicle stands or wants to stand there.
    pub(super) heading: Option<Radians>,
}

impl Router {
    pub(crate) fn new(city: Arc<City>) -> Self {
        Self { city, roads: OnceLock::new(), kept: Mutex::default() }
    }

    pub(super) fn city(&self) -> &City {
        &self.city
    }

    pub(super) fn snaps(&self) -> &SnapIndex {
        &self.roads().1
    }

    fn roads(&self) -> &(Arc<Network>, SnapIndex) {
        let graph = &self.city.graph;
        self.roads
            .get_or_init(|| (Arc::new(Network::build(graph, ModeSet::ALL)), SnapIndex::new(graph)))
    }

    /// The roads as they are now, or as they were in an epoch that an answer named.
    pub(super) fn weights(
        &self,
        class: &VehicleClass,
        open: &Openness,
        epoch: Option<u64>,
    ) -> Result<Arc<Weights>, ApiError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.weights.iter().find(|weights| match epoch {
            Some(epoch) => weights.metric.epoch() == epoch,
            None => weights.key == open.key,
        });
        match (found, epoch) {
            (Some(found), Some(_)) if found.key.class != open.key.class => {
                let problem = format!("this epoch is of the class {}", found.key.class);
                return Err(ApiError::bad("wrong_epoch", problem, "ask for that class"));
            }
            (Some(found), _) => return Ok(Arc::clone(found)),
            (None, Some(epoch)) => {
                return Err(ApiError::new(
                    StatusCode::GONE,
                    "epoch_gone",
                    format!("epoch {epoch} is not kept"),
                    "ask without an epoch, and for all that must agree under the one answered",
                ));
            }
            (None, None) => {}
        }
        let Key { kind, held, hour, .. } = &open.key;
        let graph = &self.city.graph;
        let permits = PermitIndex::new(graph, &open.permits, open.utc_offset)
            .map_err(|_| ApiError::not_found("route"))?;
        let covered = permits.edges(held, *kind, *hour);
        let edges = (0..graph.n_edges()).map(EdgeId::from_idx);
        let forbidden: EdgeSet = edges.filter(|edge| !covered.contains(*edge)).collect();
        let mut factors = Vec::new();
        if !open.traffic.is_empty() {
            factors.resize(graph.n_edges(), 1.0);
        }
        for (edge, factor) in &open.traffic {
            factors[edge.idx()] = *factor;
        }
        let conditions = Conditions {
            forbidden: Some(&forbidden),
            closed: Some(&open.closed),
            time_factors: Some(&factors),
        };
        kept.n_epochs += 1;
        let metric = Metric::build(self.roads().0.clone(), class, conditions, kept.n_epochs);
        let weights = Arc::new(Weights { key: open.key.clone(), permits, metric });
        if kept.weights.len() >= WEIGHTS_MAX {
            kept.weights.remove(0);
        }
        kept.weights.push(Arc::clone(&weights));
        Ok(weights)
    }

    /// Roads near a point that the class may use, the nearest first.
    pub(super) fn near(
        &self,
        weights: &Weights,
        place: Place,
        n_max: usize,
    ) -> Result<Vec<Snap>, ApiError> {
        let query = SnapQuery {
            mode: weights.metric.class().mode,
            radius: SNAP_RADIUS,
            heading: place.heading.map(|heading| (heading, HEADING_TOLERANCE)),
            n_max: n_max.max(8),
        };
        let mut found = self.snaps().nearest(&self.city.graph, place.at, &query);
        let is_allowed = |snap: &Snap| {
            !matches!(weights.metric.check_edge(snap.position.edge), Err(RouteError::NotAllowed(_)))
        };
        found.retain(is_allowed);
        found.truncate(n_max);
        if found.is_empty() { Err(Rejection::NoRoad.into()) } else { Ok(found) }
    }

    /// Where a vehicle stands for a point: on its side of the road, if that may be driven.
    pub(super) fn stop(&self, weights: &Weights, place: Place) -> Result<Snap, ApiError> {
        let near = self.near(weights, place, 8)?;
        let side = self.city.drive_side;
        let best = self.snaps().best_stop(&self.city.graph, &near, side, |_| Meters::ZERO);
        best.ok_or_else(|| Rejection::NoRoad.into())
    }

    /// The fastest way through some points, and other good ones if there are just two. Of the two
    /// directions of a street at an end, the one that gives the shorter trip.
    pub(super) fn routes(
        &self,
        weights: &Weights,
        places: &[Place],
        n_alternatives: usize,
    ) -> Result<Vec<Vec<Route>>, ApiError> {
        let mut scratch = Scratch::default();
        let mut ends = Vec::with_capacity(places.len());
        for (idx, place) in places.iter().enumerate() {
            let is_end = idx == 0 || idx + 1 == places.len();
            ends.push(if is_end {
                let near = self.near(weights, *place, 2)?;
                near.iter().map(|snap| snap.position).collect()
            } else {
                vec![self.stop(weights, *place)?.position]
            });
        }
        let mut legs = Vec::new();
        let mut starts: Vec<RoadPosition> = ends[0].clone();
        for targets in &ends[1..] {
            let best = self.best(weights, &mut scratch, &starts, targets)?;
            starts = vec![best.to];
            legs.push(best);
        }
        if let ([only], true) = (&legs[..], n_alternatives > 0) {
            let options = AlternativeOptions { n_max: n_alternatives, ..AlternativeOptions::USUAL };
            let found = weights.metric.alternatives(&mut scratch, only.from, only.to, options);
            let found = found.map_err(|error| self.refusal(weights, error))?;
            return Ok(found.into_iter().map(|route| vec![route]).collect());
        }
        Ok(vec![legs])
    }

    fn best(
        &self,
        weights: &Weights,
        scratch: &mut Scratch,
        starts: &[RoadPosition],
        ends: &[RoadPosition],
    ) -> Result<Route, ApiError> {
        let mut best: Option<Route> = None;
        let mut failure = None;
        for (start, end) in starts.iter().flat_map(|s| ends.iter().map(move |e| (s, e))) {
            match weights.metric.route(scratch, *start, *end) {
                Ok(route) if best.as_ref().is_none_or(|b| route.time() < b.time()) => {
                    best = Some(route);
                }
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
        }
        best.ok_or_else(|| match failure {
            Some(error) => self.refusal(weights, error),
            None => ApiError::not_found("route"),
        })
    }

    /// A routing error in words, with the permit that is to blame.
    pub(super) fn refusal(&self, weights: &Weights, error: RouteError) -> ApiError {
        let Key { kind, held, hour, .. } = &weights.key;
        let RouteError::NotPermitted(edge) = error else { return error.into() };
        let road = &self.city.graph.road_of(edge).name;
        let why = match weights.permits.covers_hour(held, *kind, edge, *hour) {
            Err(NotCovered::Forbidden(id)) => format!("permit {id} forbids {road:?} in this hour"),
            _ => format!("no permit covers {road:?} in this hour"),
        };
        ApiError { message: why, ..error.into() }
    }
}
