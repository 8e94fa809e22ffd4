//! Routes for callers of the API, under the closures and permits of the moment.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rv_base::{EdgeId, LatLon, Meters, PermitId, Seconds};
use rv_fleet::Rejection;
use rv_map::{City, Mode, ModeSet, SnapIndex, SnapQuery};
use rv_model::{Permit, VehicleKind};
use rv_route::{Conditions, EdgeSet, Metric, Network, Route, Scratch, VehicleClass};
use rv_rules::PermitIndex;

use super::error::ApiError;
use super::geojson;
use super::roads::RouteInfo;
use crate::host::Reader;

/// How far from a street a route may begin or end.
const SNAP_RADIUS: Meters = Meters(500.0);
/// Most weights that are kept.
const METRICS_MAX: usize = 8;

/// Which roads are open to a class of vehicle.
pub(super) struct Openness {
    /// What the weights depend on.
    key: Key,
    closed: EdgeSet,
    permits: Vec<Permit>,
    utc_offset: Seconds,
}

/// What weights depend on besides the city.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    class: String,
    kind: VehicleKind,
    held: Vec<PermitId>,
    closure_epoch: u64,
    permit_epoch: u64,
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
        Self {
            key: Key {
                class: class.to_owned(),
                kind,
                held: van.map_or_else(Vec::new, |van| state.permits.held(&van.permits)),
                closure_epoch: state.closure_epoch,
                permit_epoch: state.permit_epoch,
                hour: (reader.clock.now + config.utc_offset_s).hour_of_week(),
            },
            closed: state.closures.values().flat_map(|c| c.edges.iter().copied()).collect(),
            permits: state.permits.permits.values().cloned().collect(),
            utc_offset: config.utc_offset_s,
        }
    }
}

/// Finds routes; network and weights are made when first asked for.
pub(crate) struct Router {
    city: Arc<City>,
    network: OnceLock<(Arc<Network>, SnapIndex)>,
    /// The newest last.
    metrics: Mutex<Vec<(Key, Arc<Metric>)>>,
}

impl Router {
    pub(crate) fn new(city: Arc<City>) -> Self {
        Self { city, network: OnceLock::new(), metrics: Mutex::default() }
    }

    pub(super) fn route(
        &self,
        from: LatLon,
        to: LatLon,
        class: &VehicleClass,
        open: &Openness,
    ) -> Result<RouteInfo, ApiError> {
        let graph = &self.city.graph;
        let (network, snaps) = self
            .network
            .get_or_init(|| (Arc::new(Network::build(graph, ModeSet::ALL)), SnapIndex::new(graph)));
        let metric = self.metric(network, class, open)?;
        let query = SnapQuery { mode: Mode::Van, radius: SNAP_RADIUS, heading: None, n_max: 2 };
        let near = |point| {
            let found = snaps.nearest(graph, point, &query);
            if found.is_empty() { Err(ApiError::from(Rejection::NoRoad)) } else { Ok(found) }
        };
        let (starts, ends) = (near(from)?, near(to)?);
        let mut scratch = Scratch::default();
        let mut best: Option<Route> = None;
        let mut failure = ApiError::not_found("route");
        // Of the two directions of a street, the one that gives the shorter trip.
        for (start, end) in starts.iter().flat_map(|s| ends.iter().map(move |e| (s, e))) {
            match metric.route(&mut scratch, start.position, end.position) {
                Ok(route) if best.as_ref().is_none_or(|b| route.time() < b.time()) => {
                    best = Some(route);
                }
                Ok(_) => {}
                Err(error) => failure = error.into(),
            }
        }
        let route = best.ok_or(failure)?;
        let edges: Vec<_> = route.edge_ids().collect();
        let way = geojson::way(graph, Some(route.from), &edges, Some(route.to));
        Ok(RouteInfo {
            geometry: geojson::line_string(&way),
            time_s: route.time().0,
            distance_m: route.distance().0,
            energy_wh: route.energy().0,
        })
    }

    fn metric(
        &self,
        network: &Arc<Network>,
        class: &VehicleClass,
        open: &Openness,
    ) -> Result<Arc<Metric>, ApiError> {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, metric)) = metrics.iter().find(|(key, _)| *key == open.key) {
            return Ok(Arc::clone(metric));
        }
        let Key { kind, held, hour, .. } = &open.key;
        let permits = PermitIndex::new(&self.city.graph, &open.permits, open.utc_offset)
            .map_err(|_| ApiError::not_found("route"))?;
        let covered = permits.edges(held, *kind, *hour);
        let edges = (0..self.city.graph.n_edges()).map(EdgeId::from_idx);
        let forbidden: EdgeSet = edges.filter(|edge| !covered.contains(*edge)).collect();
        let conditions = Conditions {
            forbidden: Some(&forbidden),
            closed: Some(&open.closed),
            ..Conditions::default()
        };
        let metric = Arc::new(Metric::build(Arc::clone(network), class, conditions, 1));
        if metrics.len() >= METRICS_MAX {
            metrics.remove(0);
        }
        metrics.push((open.key.clone(), Arc::clone(&metric)));
        Ok(metric)
    }
}
