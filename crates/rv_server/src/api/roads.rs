//! Closures.

use axum::extract::State;
use axum::{Extension, Json};
use rv_base::Timestamp;
use rv_fleet::{ClosureId, Command, Done, RoadPlace};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Id, position};
use super::geojson;
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
