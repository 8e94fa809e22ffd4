//! Orders.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use rv_base::{
    FacilityId, Kilograms, LatLon, OrderId, PlaceId, Seconds, TenantId, TimeWindow, Timestamp,
};
use rv_fleet::{Command, Done, MAX_BULK_ORDERS, Role, refusal_code, refusal_hint, refusal_text};
use rv_map::{City, FacilityKind};
use rv_model::{Handover, OrderKind, OrderRequest, OrderStatus, Site};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Id, Params, position};
use super::fleet::{PAGE_DEFAULT, PAGE_MAX};
use super::views::{self, Codes, OrderDetail, OrderInfo, Page};
use crate::auth::Identity;
use crate::host::Reader;

/// Length of the window of an order that names none, from now.
const WINDOW_DEFAULT: Seconds = Seconds(4.0 * 3600.0);

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderParams {
    /// Only orders whose key or address contains this, or with this id.
    query: Option<String>,
    /// Only orders in this state.
    #[param(value_type = Option<String>)]
    status: Option<OrderStatus>,
    /// Only orders of this tenant.
    tenant_id: Option<u16>,
    /// Most items, up to 1000.
    limit: Option<usize>,
    /// What `next_cursor` said.
    cursor: Option<u64>,
}

/// Orders, the newest first. A tenant sees its own.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderParams),
    responses((status = 200, body = Page<OrderInfo>)))]
pub(super) async fn list(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Params(params): Params<OrderParams>,
) -> Result<Json<Page<OrderInfo>>, ApiError> {
    let tenant = identity.actor.tenant.or(params.tenant_id.map(TenantId));
    let page = state.app.host.read(move |reader| {
        let found = search(reader, tenant, &params);
        let limit = params.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
        let is_after = |id: &&OrderId| params.cursor.is_none_or(|cursor| id.0 < cursor);
        let rest: Vec<_> = found.iter().filter(is_after).copied().take(limit + 1).collect();
        let shown = &rest[..rest.len().min(limit)];
        let views = shown.iter().filter_map(|id| reader.fleet.order_view(*id));
        let is_more = rest.len() > limit;
        let next_cursor = shown.last().filter(|_| is_more).map(ToString::to_string);
        Page { items: views.map(|v| views::order(&v)).collect(), next_cursor, total: found.len() }
    });
    Ok(Json(page.await?))
}

/// Ids of the orders that fit, the newest first.
fn search(reader: &Reader<'_>, tenant: Option<TenantId>, params: &OrderParams) -> Vec<OrderId> {
    let city: &City = reader.fleet.city();
    let query = params.query.as_deref().unwrap_or("").trim().to_lowercase();
    let id = query.trim_start_matches('#').parse::<u64>().ok();
    let orders = reader.fleet.state().orders.iter().rev();
    let fits = orders.filter(|state| {
        let request = &state.order.request;
        tenant.is_none_or(|t| t == request.tenant)
            && params.status.is_none_or(|s| s == state.status)
            && (query.is_empty()
                || id == Some(state.order.id.0)
                || request.key.to_lowercase().contains(&query)
                || views::address_of(city, request.site).to_lowercase().contains(&query))
    });
    fits.map(|state| state.order.id).collect()
}

/// One order with its whole story.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = u64, Path)),
    responses((status = 200, body = OrderDetail)))]
pub(super) async fn get_one(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Id(id): Id,
) -> Result<Json<OrderDetail>, ApiError> {
    let actor = identity.actor;
    let codes = if actor.role == Role::Viewer { Codes::Hidden } else { Codes::Shown };
    let detail = state.app.host.read(move |reader| {
        let order = reader.fleet.state().order(OrderId(id))?;
        let is_own = actor.tenant.is_none_or(|t| t == order.order.request.tenant);
        // Whether another tenant's order exists is not told either.
        if is_own { views::order_detail(reader, OrderId(id), codes) } else { None }
    });
    detail.await?.map(Json).ok_or_else(|| ApiError::not_found("order"))
}

/// An order to be placed. The site is a position, a place or a facility.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    /// The same key again gives the same order.
    key: String,
    /// May be left out by a tenant.
    tenant_id: Option<u16>,
    #[serde(default = "delivery")]
    #[schema(value_type = String)]
    kind: OrderKind,
    lat_deg: Option<f64>,
    lon_deg: Option<f64>,
    place_id: Option<u32>,
    facility_id: Option<u32>,
    n_parcels: u16,
    /// Mass of each parcel.
    mass_kg: f64,
    /// Now, if not given.
    window_start_ms: Option<i64>,
    /// Four hours after its start, if not given.
    window_end_ms: Option<i64>,
    /// door, locker or station. A position then means the locker or station nearest to it.
    #[serde(default = "door")]
    #[schema(value_type = String)]
    to: Handover,
}

fn delivery() -> OrderKind {
    OrderKind::Delivery
}

fn door() -> Handover {
    Handover::Door
}

/// An order that was placed.
#[derive(Serialize, ToSchema)]
pub(super) struct PlacedInfo {
    id: u64,
}

/// Places an order: 201, or 200 with the same id if the key was used for the same order before.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = NewOrder,
    responses((status = 201, body = PlacedInfo), (status = 200, body = PlacedInfo)))]
pub(super) async fn place(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Body(order): Body<NewOrder>,
) -> Result<(StatusCode, Json<PlacedInfo>), ApiError> {
    let actor = identity.actor;
    let windows = default_windows(&state, &identity, vec![order.clone()]).await?;
    let request = request_of(&state.app.city, &identity, order, windows[0])?;
    match state.app.host.command(actor, Command::PlaceOrder(request)).await? {
        Done::Placed(placed) => {
            let status = if placed.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
            Ok((status, Json(PlacedInfo { id: placed.order.0 })))
        }
        _ => Err(unexpected()),
    }
}

/// Many orders.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkRequest {
    /// At most 10,000.
    orders: Vec<NewOrder>,
}

/// What became of many orders.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkInfo {
    accepted: Vec<BulkAccepted>,
    refused: Vec<BulkRefused>,
}

/// An order that was taken on.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkAccepted {
    key: String,
    id: u64,
}

/// An order that was not taken on.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkRefused {
    key: String,
    code: String,
    reason: String,
    hint: String,
}

/// Places many orders, each for itself.
#[utoipa::path(post, path = "/api/v1/orders/bulk", tag = "orders", request_body = BulkRequest,
    responses((status = 200, body = BulkInfo)))]
pub(super) async fn place_bulk(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Body(BulkRequest { orders }): Body<BulkRequest>,
) -> Result<Json<BulkInfo>, ApiError> {
    if orders.len() > MAX_BULK_ORDERS {
        return Err(rv_fleet::Rejection::TooManyOrders.into());
    }
    let windows = default_windows(&state, &identity, orders.clone()).await?;
    let (mut requests, mut keys) = (Vec::new(), Vec::new());
    let mut info = BulkInfo { accepted: Vec::new(), refused: Vec::new() };
    for (order, window) in orders.into_iter().zip(windows) {
        let key = order.key.clone();
        match request_of(&state.app.city, &identity, order, window) {
            Ok(request) => {
                requests.push(request);
                keys.push(key);
            }
            Err(error) => info.refused.push(BulkRefused {
                key,
                code: error.code.into(),
                reason: error.message,
                hint: error.hint,
            }),
        }
    }
    let command = Command::PlaceOrders(requests);
    let Done::PlacedMany(results) = state.app.host.command(identity.actor, command).await? else {
        return Err(unexpected());
    };
    for (key, result) in keys.into_iter().zip(results) {
        match result {
            Ok(placed) => info.accepted.push(BulkAccepted { key, id: placed.order.0 }),
            Err(reason) => info.refused.push(BulkRefused {
                key,
                code: refusal_code(&reason).into(),
                reason: refusal_text(&reason),
                hint: refusal_hint(&reason).into(),
            }),
        }
    }
    Ok(Json(info))
}

/// Calls an order off. What is on board already comes back.
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel", tag = "orders",
    params(("id" = u64, Path)), responses((status = 200, body = Object)))]
pub(super) async fn cancel(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let command = Command::CancelOrder { order: OrderId(id) };
    state.app.host.command(identity.actor, command).await?;
    Ok(Json(json!({})))
}

/// A change of an order: a new position, a new window, or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderChange {
    lat_deg: Option<f64>,
    lon_deg: Option<f64>,
    place_id: Option<u32>,
    window_start_ms: Option<i64>,
    window_end_ms: Option<i64>,
}

/// Changes where or when, also while the van is under way.
#[utoipa::path(patch, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = u64, Path)),
    request_body = OrderChange, responses((status = 200, body = Object)))]
pub(super) async fn change(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Id(id): Id,
    Body(change): Body<OrderChange>,
) -> Result<Json<Value>, ApiError> {
    let site = match (change.lat_deg, change.lon_deg, change.place_id) {
        (None, None, None) => None,
        (Some(lat_deg), Some(lon_deg), None) => Some(Site::Point(position(lat_deg, lon_deg)?)),
        (None, None, Some(place)) => Some(Site::Place(PlaceId(place))),
        _ => return Err(one_site()),
    };
    let window = match (change.window_start_ms, change.window_end_ms) {
        (None, None) => None,
        (Some(start), Some(end)) => {
            let window = TimeWindow::new(Timestamp(start), Timestamp(end));
            Some(window.ok_or_else(|| {
                ApiError::bad("bad_window", "the window ends before it begins", "swap its ends")
            })?)
        }
        _ => {
            let hint = "give window_start_ms and window_end_ms";
            return Err(ApiError::bad("bad_window", "one end of the window is missing", hint));
        }
    };
    if site.is_none() && window.is_none() {
        let hint = "give a position or a window";
        return Err(ApiError::bad("nothing_to_change", "nothing is to be changed", hint));
    }
    let command = Command::ChangeOrder { order: OrderId(id), site, window };
    state.app.host.command(identity.actor, command).await?;
    Ok(Json(json!({})))
}

/// The windows to use where orders name none: those of the orders with the same keys, so that a
/// repeated request is the same request, else from now on.
async fn default_windows(
    state: &Shared,
    identity: &Identity,
    orders: Vec<NewOrder>,
) -> Result<Vec<TimeWindow>, ApiError> {
    let own = identity.actor.tenant;
    let windows = state.app.host.read(move |reader| {
        let fleet = reader.fleet.state();
        let window = |order: &NewOrder| {
            let tenant = own.or(order.tenant_id.map(TenantId))?;
            let id = fleet.keys.get(&(tenant, order.key.clone()))?;
            Some(fleet.order(*id)?.order.request.window)
        };
        let now = reader.clock.now;
        let from_now = TimeWindow { start: now, end: now + WINDOW_DEFAULT };
        orders.iter().map(|order| window(order).unwrap_or(from_now)).collect()
    });
    Ok(windows.await?)
}

fn request_of(
    city: &City,
    identity: &Identity,
    order: NewOrder,
    default: TimeWindow,
) -> Result<OrderRequest, ApiError> {
    let tenant = order.tenant_id.map(TenantId).or(identity.actor.tenant).ok_or_else(|| {
        ApiError::bad("tenant_missing", "tenant_id is missing", "GET /city lists the tenants")
    })?;
    let site = match (order.lat_deg, order.lon_deg, order.place_id, order.facility_id) {
        (Some(lat_deg), Some(lon_deg), None, None) => {
            site_at(city, position(lat_deg, lon_deg)?, order.to)?
        }
        (None, None, Some(place), None) => Site::Place(PlaceId(place)),
        (None, None, None, Some(facility)) => Site::Facility(FacilityId(facility)),
        _ => return Err(one_site()),
    };
    let start = order.window_start_ms.map_or(default.start, Timestamp);
    let end = match (order.window_end_ms, order.window_start_ms) {
        (Some(end), _) => Timestamp(end),
        (None, Some(_)) => start + WINDOW_DEFAULT,
        (None, None) => default.end,
    };
    Ok(OrderRequest {
        key: order.key,
        tenant,
        kind: order.kind,
        site,
        handover: order.to,
        n_parcels: order.n_parcels,
        parcel_mass: Kilograms(order.mass_kg),
        window: TimeWindow { start, end },
    })
}

/// The point itself, or the facility of the wanted kind that is nearest to it.
fn site_at(city: &City, point: LatLon, to: Handover) -> Result<Site, ApiError> {
    let kind = match to {
        Handover::Door => return Ok(Site::Point(point)),
        Handover::Locker => FacilityKind::Locker,
        Handover::Station => FacilityKind::Station,
    };
    let of_kind = city.facilities.iter().enumerate().filter(|(_, f)| f.kind == kind);
    let distance = |(_, f): &(usize, &rv_map::Facility)| f.position.distance_to(point);
    let nearest = of_kind.min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.map(|(idx, _)| Site::Facility(FacilityId::from_idx(idx))).ok_or_else(|| {
        ApiError::bad("no_facility", "the city has no such facility", "deliver to the door")
    })
}

fn one_site() -> ApiError {
    ApiError::bad(
        "bad_site",
        "the site is missing or told twice",
        "give lat_deg and lon_deg, or place_id, or facility_id",
    )
}

fn unexpected() -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "unexpected_answer",
        "the fleet gave another kind of answer",
        "report it as a bug",
    )
}
