//! Session, city, tiles, key figures, simulation, ledger, metrics, description and console.

use std::sync::OnceLock;

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rv_base::{FacilityId, Seconds, VanId};
use rv_fleet::{Actor, Command, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::error::ApiError;
use super::extract::{Body, Params};
use super::views::{self, CityInfo, KpiInfo};
use super::{ApiDoc, Shared};
use crate::auth::Identity;
use crate::console;
use crate::host::SPEED_MAX;
use crate::ledger::Records;
use crate::world::{Fault, FaultKind, WorldKind};

/// Most ledger entries of one answer.
const LEDGER_MAX: usize = 1000;

/// Whether the server answers.
#[utoipa::path(get, path = "/healthz", tag = "system", security(()),
    responses((status = 200, description = "It does", body = String)))]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "system", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn openapi() -> Response {
    static DOC: OnceLock<String> = OnceLock::new();
    let doc = DOC.get_or_init(|| ApiDoc::openapi().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], doc.as_str()).into_response()
}

/// Whom the token belongs to.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionInfo {
    #[schema(value_type = String)]
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<u16>,
    name: String,
}

/// Whom the token belongs to.
#[utoipa::path(get, path = "/api/v1/session", tag = "system",
    responses((status = 200, body = SessionInfo)))]
pub(super) async fn session(Extension(identity): Extension<Identity>) -> Json<SessionInfo> {
    let Actor { role, tenant } = identity.actor;
    Json(SessionInfo { role, tenant_id: tenant.map(|t| t.0), name: identity.name })
}

/// The city, its facilities and the tenants.
#[utoipa::path(get, path = "/api/v1/city", tag = "system",
    responses((status = 200, body = CityInfo)))]
pub(super) async fn city(State(state): State<Shared>) -> Result<Json<CityInfo>, ApiError> {
    Ok(Json(state.app.host.read(views::city).await?))
}

/// A vector tile of the base map; zoom 8 to 18. The row's name ends in `.mvt`.
#[utoipa::path(get, path = "/api/v1/tiles/{z}/{x}/{y}", tag = "system",
    params(("z" = u8, Path), ("x" = u32, Path), ("y" = String, Path, description = "Y.mvt")),
    responses((status = 200, description = "The tile", body = Vec<u8>,
        content_type = "application/vnd.mapbox-vector-tile")))]
pub(super) async fn tile(
    State(state): State<Shared>,
    Path((z, x, y)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let y = y.strip_suffix(".mvt").unwrap_or(&y);
    let (Ok(z), Ok(x), Ok(y)) = (z.parse::<u8>(), x.parse::<u32>(), y.parse::<u32>()) else {
        return Err(ApiError::not_found("tile"));
    };
    let tiles = std::sync::Arc::clone(&state.tiles);
    let tile = tokio::task::spawn_blocking(move || tiles.get(z, x, y)).await;
    let tile = tile.map_err(|_| ApiError::not_found("tile"))?;
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.mapbox-vector-tile"),
        (header::CACHE_CONTROL, "private, max-age=3600"),
    ];
    Ok((headers, tile).into_response())
}

/// Key figures of this moment, with their history of the last 24 hours.
#[utoipa::path(get, path = "/api/v1/kpi", tag = "fleet",
    responses((status = 200, body = KpiInfo)))]
pub(super) async fn kpi(State(state): State<Shared>) -> Result<Json<KpiInfo>, ApiError> {
    Ok(Json(state.app.host.read(views::kpi).await?))
}

/// The clock and the simulation.
#[derive(Serialize, ToSchema)]
pub(super) struct SimInfo {
    is_simulated: bool,
    now_ms: i64,
    /// Fleet seconds a second; 0 is paused.
    speed: f64,
    /// Fleet time behind what the speed asks for.
    lag_s: f64,
}

/// The clock and the simulation.
#[utoipa::path(get, path = "/api/v1/sim", tag = "sim", responses((status = 200, body = SimInfo)))]
pub(super) async fn sim(State(state): State<Shared>) -> Result<Json<SimInfo>, ApiError> {
    let lag_s = state.app.host.metrics().lag().0;
    let info = state.app.host.read(move |reader| SimInfo {
        is_simulated: reader.world == WorldKind::Simulated,
        now_ms: reader.clock.now.0,
        speed: reader.clock.speed,
        lag_s,
    });
    Ok(Json(info.await?))
}

/// A speed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpeedRequest {
    /// 0 (pause) to 200.
    factor: f64,
}

/// Sets how fast fleet time runs.
#[utoipa::path(post, path = "/api/v1/sim/speed", tag = "sim", request_body = SpeedRequest,
    responses((status = 200, body = Object)))]
pub(super) async fn set_speed(
    State(state): State<Shared>,
    Body(request): Body<SpeedRequest>,
) -> Result<Json<Value>, ApiError> {
    if !(0.0..=SPEED_MAX).contains(&request.factor) {
        return Err(ApiError::bad(
            "bad_speed",
            format!("factor is {}", request.factor),
            format!("take 0 (pause) to {SPEED_MAX}"),
        ));
    }
    let clock = state.app.host.set_speed(request.factor).await?;
    Ok(Json(serde_json::json!({ "now_ms": clock.now.0, "speed": clock.speed })))
}

/// A fault on demand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultRequest {
    kind: FaultName,
    van_id: Option<u32>,
    facility_id: Option<u32>,
    /// For good if not given.
    duration_s: Option<f64>,
}

/// Kinds of fault.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultName {
    /// Operators give the van up; its parcels are fetched and planned anew.
    VanLost,
    /// The van stands still and says so.
    VanDead,
    /// The van is not heard.
    LinkLost,
    /// A locker does not open.
    LockerJammed,
    /// Heavy rain over the city.
    Weather,
}

/// Makes a fault in the simulation.
#[utoipa::path(post, path = "/api/v1/sim/faults", tag = "sim", request_body = FaultRequest,
    responses((status = 200, body = Object)))]
pub(super) async fn fault(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Body(request): Body<FaultRequest>,
) -> Result<Json<Value>, ApiError> {
    let van = request.van_id.map(VanId);
    let kind = match request.kind {
        FaultName::VanLost => {
            let van = van
                .ok_or_else(|| ApiError::bad("van_missing", "van_id is missing", "name the van"))?;
            state.app.host.command(identity.actor, Command::DeclareVanLost { van }).await?;
            return Ok(Json(serde_json::json!({})));
        }
        FaultName::VanDead => FaultKind::VanDead,
        FaultName::LinkLost => FaultKind::LinkLost,
        FaultName::LockerJammed => FaultKind::LockerJammed,
        FaultName::Weather => FaultKind::Weather,
    };
    let duration = request.duration_s.map(Seconds);
    if duration.is_some_and(|d| !(d.0 > 0.0 && d.0 <= 7.0 * 86_400.0)) {
        return Err(ApiError::bad("bad_duration", "duration_s is wrong", "take 1 to 604800"));
    }
    let facility = request.facility_id.map(FacilityId);
    state.app.host.inject(Fault { kind, van, facility, duration }).await??;
    Ok(Json(serde_json::json!({})))
}

/// Which part of the ledger.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerParams {
    /// Number of records before the first wanted.
    #[serde(default)]
    after: u64,
    /// Most records, up to 1000.
    limit: Option<usize>,
}

/// Records of the ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct LedgerPage {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    /// Give this as `after` for what follows.
    next_after: u64,
}

/// Records of the ledger as they are kept.
#[utoipa::path(get, path = "/api/v1/ledger", tag = "system", params(LedgerParams),
    responses((status = 200, body = LedgerPage)))]
pub(super) async fn ledger(
    State(state): State<Shared>,
    Params(params): Params<LedgerParams>,
) -> Result<Json<LedgerPage>, ApiError> {
    let limit = params.limit.unwrap_or(100).min(LEDGER_MAX);
    let page = state.app.host.read(move |reader| {
        let mut records = Records::after(reader.store, params.after);
        let items: Vec<_> = records.by_ref().take(limit).collect();
        records.error().map(|()| items)
    });
    let records = page.await??;
    let next_after = records.last().map_or(params.after, |r| r.position + 1);
    let items = records.iter().map(|record| {
        serde_json::json!({
            "position": record.position, "t_ms": record.at.0, "event": record.event,
        })
    });
    Ok(Json(LedgerPage { items: items.collect(), next_after }))
}

/// Measurements in the text format of Prometheus.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "system",
    responses((status = 200, body = String)))]
pub(super) async fn metrics(State(state): State<Shared>) -> Response {
    let mut text = state.app.host.metrics().render();
    let n_viewers = state.app.live.n_viewers();
    text.push_str(&format!("# TYPE robovan_viewers gauge\nrobovan_viewers {n_viewers}\n"));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Whatever is not a route of the API.
pub(super) async fn unknown() -> ApiError {
    ApiError::not_found("path")
}

/// A route with another method.
pub(super) async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "this path does not take that method",
        "/openapi.json describes every path",
    )
}

/// The console's files.
pub(super) async fn console(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return wrong_method().await.into_response();
    }
    let Some(asset) = console::asset(uri.path()) else {
        return ApiError::not_found("file").into_response();
    };
    // The build names its files by content, but for those at the root.
    let is_fixed = asset.path.starts_with("assets/");
    let cache = if is_fixed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = asset.bytes.into_response();
    let response_headers = response.headers_mut();
    response_headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    response_headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    let is_html = asset.media_type.starts_with("text/html");
    let wants_html = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"));
    if is_html && !wants_html {
        return ApiError::not_found("file").into_response();
    }
    response
}
