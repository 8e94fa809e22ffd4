//! Closures, permits and routes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::State;
use axum::{Extension, Json};
use rv_base::{LatLon, Meters, Timestamp};
use rv_fleet::{ClosureId, Command, Done, Rejection, RoadPlace};
use rv_map::{City, Mode, ModeSet, SnapIndex, SnapQuery};
use rv_route::{Conditions, Metric, Network, Route, Scratch, VehicleClass};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Id, Params, lat_lon, position};
use super::geojson;
use super::views::{self, ClosureInfo, Page, PermitInfo};
use crate::auth::Identity;

/// How far from a street a route may begin or end.
const SNAP_RADIUS: Meters = Meters(500.0);
/// Most classes whose weights are kept.
const METRICS_MAX: usize = 8;

/// Roads to be closed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseRequest {
    lat_deg: f64,
    lon_deg: f64,
    /// Until opened, if not given.
    until_ms: Option<i64>,
}

/// Closes the piece of road nearest to a point.
#[utoipa::path(post, path = "/api/v1/roads/close", tag = "roads", request_body = CloseRequest,
    responses((status = 200, body = ClosureInfo)))]
pub(super) async fn close(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Body(request): Body<CloseRequest>,
) -> Result<Json<ClosureInfo>, ApiError> {
    let at = RoadPlace::Near(position(request.lat_deg, request.lon_deg)?);
    let command = Command::CloseRoad { at, until: request.until_ms.map(Timestamp) };
    let done = state.app.host.command(identity.actor, command).await?;
    let Done::Closed { closure, edges, road_name } = done else {
        return Err(ApiError::not_found("road"));
    };
    Ok(Json(ClosureInfo {
        closure_id: closure.0,
        road_name,
        since_ms: None,
        until_ms: request.until_ms,
        geometry: geojson::edges(&state.app.city.graph, &edges),
    }))
}

/// Closures in force.
#[utoipa::path(get, path = "/api/v1/roads/closures", tag = "roads",
    responses((status = 200, body = Page<ClosureInfo>)))]
pub(super) async fn closures(
    State(state): State<Shared>,
) -> Result<Json<Page<ClosureInfo>>, ApiError> {
    let page = state.app.host.read(|reader| Page::whole(views::closures(reader)));
    Ok(Json(page.await?))
}

/// Ends a closure.
#[utoipa::path(delete, path = "/api/v1/roads/closures/{id}", tag = "roads",
    params(("id" = u32, Path)), responses((status = 200, body = Object)))]
pub(super) async fn open(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let id = u32::try_from(id).map_err(|_| ApiError::not_found("closure"))?;
    let command = Command::OpenRoad { closure: ClosureId(id) };
    state.app.host.command(identity.actor, command).await?;
    Ok(Json(json!({})))
}

/// Permits in force.
#[utoipa::path(get, path = "/api/v1/permits", tag = "roads",
    responses((status = 200, body = Page<PermitInfo>)))]
pub(super) async fn permits(
    State(state): State<Shared>,
) -> Result<Json<Page<PermitInfo>>, ApiError> {
    let page = state.app.host.read(|reader| {
        Page::whole(reader.fleet.state().permits.values().map(views::permit).collect())
    });
    Ok(Json(page.await?))
}

/// From where to where.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteParams {
    /// LAT,LON in degrees.
    from: String,
    /// LAT,LON in degrees.
    to: String,
    /// Class of vehicle; robovan-35 if not given.
    class: Option<String>,
}

/// A route.
#[derive(Serialize, ToSchema)]
pub(super) struct RouteInfo {
    /// GeoJSON LineString.
    #[schema(value_type = Object)]
    geometry: Value,
    time_s: f64,
    distance_m: f64,
    energy_wh: f64,
}

/// The fastest way of a class of vehicle through free and open roads.
#[utoipa::path(get, path = "/api/v1/route", tag = "roads", params(RouteParams),
    responses((status = 200, body = RouteInfo)))]
pub(super) async fn route(
    State(state): State<Shared>,
    Params(params): Params<RouteParams>,
) -> Result<Json<RouteInfo>, ApiError> {
    let (from, to) = (lat_lon(&params.from)?, lat_lon(&params.to)?);
    let name = params.class.unwrap_or_else(|| "robovan-35".into());
    let class = VehicleClass::by_name(&name).ok_or_else(|| {
        let hint = "take robovan-25, robovan-35, robovan-45, robot or truck";
        ApiError::bad("unknown_class", format!("{name:?} is no class of vehicle"), hint)
    })?;
    let roads = Arc::clone(&state.roads);
    let work = tokio::task::spawn_blocking(move || roads.route(from, to, &name, &class)).await;
    work.unwrap_or_else(|_| Err(ApiError::not_found("route"))).map(Json)
}

/// Finds routes for callers of the API; built when first asked.
pub(crate) struct Router {
    city: Arc<City>,
    network: OnceLock<(Arc<Network>, SnapIndex)>,
    metrics: Mutex<BTreeMap<String, Arc<Metric>>>,
}

impl Router {
    pub(crate) fn new(city: Arc<City>) -> Self {
        Self { city, network: OnceLock::new(), metrics: Mutex::default() }
    }

    fn route(
        &self,
        from: LatLon,
        to: LatLon,
        name: &str,
        class: &VehicleClass,
    ) -> Result<RouteInfo, ApiError> {
        let graph = &self.city.graph;
        let (network, snaps) = self
            .network
            .get_or_init(|| (Arc::new(Network::build(graph, ModeSet::ALL)), SnapIndex::new(graph)));
        let metric = self.metric(network, name, class);
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

    fn metric(&self, network: &Arc<Network>, name: &str, class: &VehicleClass) -> Arc<Metric> {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        if metrics.len() >= METRICS_MAX && !metrics.contains_key(name) {
            metrics.pop_first();
        }
        let build =
            || Arc::new(Metric::build(Arc::clone(network), class, Conditions::default(), 1));
        Arc::clone(metrics.entry(name.to_owned()).or_insert_with(build))
    }
}
