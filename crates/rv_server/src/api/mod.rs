//! The HTTP API: routes, who may use them, and what is the same for all of them.

mod datum;
mod error;
mod extract;
mod fleet;
mod geojson;
mod guard;
mod live;
mod orders;
mod permits;
mod roads;
mod router;
mod routing;
mod sight;
mod system;
pub(crate) mod views;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post};
use rv_map::City;
use utoipa::OpenApi;

pub use self::error::ApiError;
use self::guard::SecurityInfo;
pub use self::guard::{ACCESS, Access, Binding};
use self::router::Router as RoadRouter;
use crate::auth::AuthTable;
use crate::host::HostClient;
use crate::live::Subscription;
use crate::tiles::Tiles;

/// Largest body of a request, bytes; bulk orders have their own limit.
const BODY_MAX: usize = 64 << 10;
/// Largest body with bulk orders, bytes.
const BULK_BODY_MAX: usize = 8 << 20;

/// What the API works with.
pub struct App {
    /// The host.
    pub host: HostClient,
    /// The city.
    pub city: Arc<City>,
    /// Who may do what.
    pub auth: AuthTable,
    /// The live stream.
    pub live: Subscription,
    /// Where the server listens, which decides what `Host` headers it believes.
    pub binding: Binding,
}

/// What handlers share.
pub(crate) struct AppState {
    pub(crate) app: App,
    pub(crate) tiles: Arc<Tiles>,
    pub(crate) roads: Arc<RoadRouter>,
    /// Requests under way.
    pub(crate) in_flight: Mutex<u32>,
}

type Shared = Arc<AppState>;

/// The server as a service of requests.
pub fn router(app: App) -> Router {
    let tiles = Arc::new(Tiles::new(&app.city));
    let roads = Arc::new(RoadRouter::new(Arc::clone(&app.city)));
    let state: Shared = Arc::new(AppState { app, tiles, roads, in_flight: Mutex::default() });
    let api = Router::new()
        .route("/session", get(system::session))
        .route("/city", get(system::city))
        .route("/tiles/{z}/{x}/{y}", get(system::tile))
        .route("/kpi", get(system::kpi))
        .route("/vans", get(fleet::vans))
        .route("/vans/{id}", get(fleet::van))
        .route("/vans/{id}/sight", get(sight::sight))
        .route("/vans/{id}/halt", post(fleet::halt))
        .route("/vans/{id}/resume", post(fleet::resume))
        .route("/vans/{id}/service", post(fleet::service))
        .route("/orders", get(orders::list).post(orders::place))
        .route("/orders/bulk", post(orders::place_bulk).layer(DefaultBodyLimit::max(BULK_BODY_MAX)))
        .route("/orders/{id}", get(orders::get_one).patch(orders::change))
        .route("/orders/{id}/cancel", post(orders::cancel))
        .route("/tickets", get(fleet::tickets))
        .route("/tickets/{id}/answer", post(fleet::answer))
        .route("/roads/close", post(roads::close))
        .route("/roads/closures", get(roads::closures))
        .route("/roads/closures/{id}", delete(roads::open))
        .route("/permits", get(permits::list).post(permits::forbid))
        .route("/permits/{id}", delete(permits::revoke))
        .route("/route", get(routing::route).post(routing::route_by_body))
        .route("/table", post(routing::table).layer(DefaultBodyLimit::max(BULK_BODY_MAX)))
        .route("/nearest", get(routing::nearest).post(routing::nearest_targets))
        .route("/match", post(routing::match_trace).layer(DefaultBodyLimit::max(BULK_BODY_MAX)))
        .route("/isochrone", get(routing::isochrone).post(routing::isochrone_by_body))
        .route("/sim", get(system::sim))
        .route("/sim/speed", post(system::set_speed))
        .route("/sim/faults", post(system::fault))
        .route("/ledger", get(system::ledger))
        .route("/metrics", get(system::metrics))
        .route("/live", get(live::connect))
        .fallback(system::unknown);
    Router::new()
        .route("/healthz", get(system::health))
        .route("/openapi.json", get(system::openapi))
        .nest("/api/v1", api)
        .fallback(system::console)
        .method_not_allowed_fallback(system::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn(datum::convert))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), guard::guard))
        .with_state(state)
}

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(title = "robovan", description = "Live API of a driverless delivery fleet."),
    paths(
        system::session, system::city, system::tile, system::kpi, system::sim,
        system::set_speed, system::fault, system::ledger, system::metrics, system::health,
        system::openapi, fleet::vans, fleet::van, sight::sight, fleet::halt, fleet::resume, fleet::service,
        fleet::tickets, fleet::answer, orders::list, orders::place, orders::place_bulk,
        orders::get_one, orders::change, orders::cancel, roads::close, roads::closures,
        roads::open, permits::list, permits::forbid, permits::revoke, routing::route,
        routing::route_by_body, routing::table, routing::nearest, routing::nearest_targets,
        routing::match_trace, routing::isochrone, routing::isochrone_by_body, live::connect,
    ),
    components(schemas(error::ErrorBody)),
    modifiers(&SecurityInfo),
)]
pub struct ApiDoc;
