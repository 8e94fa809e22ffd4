//! Closures and routes.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use rv_base::Timestamp;
use rv_fleet::{ClosureId, Command, Done, RoadPlace};
use rv_route::VehicleClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Id, Params, lat_lon, position};
use super::geojson;
use super::router::Openness;
use super::views::{self, ClosureInfo, Page};
use crate::auth::Identity;

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
    pub(super) geometry: Value,
    pub(super) time_s: f64,
    pub(super) distance_m: f64,
    pub(super) energy_wh: f64,
}

/// The fastest way of a class of vehicle at this moment: round what is closed, on roads that the
/// permits of the fleet's vans of that class cover, as fast as roads are without traffic.
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
    let class = class.on_side(state.app.city.drive_side);
    let open = state.app.host.read(move |reader| Openness::now(reader, &name)).await?;
    let roads = Arc::clone(&state.roads);
    let work = tokio::task::spawn_blocking(move || roads.route(from, to, &class, &open)).await;
    work.unwrap_or_else(|_| Err(ApiError::not_found("route"))).map(Json)
}
