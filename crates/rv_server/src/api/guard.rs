//! What stands before every handler: where a request may come from, who may make it, and how many.

use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rv_fleet::Role;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

use super::Shared;
use super::error::ApiError;
use crate::auth::Denied;

/// Most requests under way at once, over all callers; live streams not counted.
const IN_FLIGHT_MAX: u32 = 512;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Callers with one of these roles.
    Roles(&'static [Role]),
}

use Role::{Admin, Operator, Tenant, Viewer};

/// Whoever has a token.
const ANYONE: Access = Access::Roles(&[Viewer, Tenant, Operator, Admin]);
/// Those who see the whole fleet.
const WATCH: Access = Access::Roles(&[Viewer, Operator, Admin]);
/// Those who act on orders.
const ORDER: Access = Access::Roles(&[Tenant, Operator, Admin]);
/// Those who act on vans and roads.
const OPERATE: Access = Access::Roles(&[Operator, Admin]);
/// Those who may do everything.
const RULE: Access = Access::Roles(&[Admin]);

/// Every route and who may use it. What is not here is denied.
pub const ACCESS: &[(Method, &str, Access)] = &[
    (Method::GET, "/healthz", Access::Public),
    (Method::GET, "/openapi.json", Access::Public),
    (Method::GET, "/api/v1/session", ANYONE),
    (Method::GET, "/api/v1/city", ANYONE),
    (Method::GET, "/api/v1/tiles/{z}/{x}/{y}", ANYONE),
    (Method::GET, "/api/v1/kpi", WATCH),
    (Method::GET, "/api/v1/vans", WATCH),
    (Method::GET, "/api/v1/vans/{id}", WATCH),
    (Method::GET, "/api/v1/vans/{id}/sight", WATCH),
    (Method::POST, "/api/v1/vans/{id}/halt", OPERATE),
    (Method::POST, "/api/v1/vans/{id}/resume", OPERATE),
    (Method::POST, "/api/v1/vans/{id}/service", OPERATE),
    (Method::GET, "/api/v1/orders", ANYONE),
    (Method::POST, "/api/v1/orders", ORDER),
    (Method::POST, "/api/v1/orders/bulk", ORDER),
    (Method::GET, "/api/v1/orders/{id}", ANYONE),
    (Method::PATCH, "/api/v1/orders/{id}", ORDER),
    (Method::POST, "/api/v1/orders/{id}/cancel", ORDER),
    (Method::GET, "/api/v1/tickets", WATCH),
    (Method::POST, "/api/v1/tickets/{id}/answer", OPERATE),
    (Method::POST, "/api/v1/roads/close", OPERATE),
    (Method::GET, "/api/v1/roads/closures", WATCH),
    (Method::DELETE, "/api/v1/roads/closures/{id}", OPERATE),
    (Method::GET, "/api/v1/permits", WATCH),
    (Method::POST, "/api/v1/permits", RULE),
    (Method::DELETE, "/api/v1/permits/{id}", RULE),
    (Method::GET, "/api/v1/route", WATCH),
    (Method::POST, "/api/v1/route", WATCH),
    (Method::POST, "/api/v1/table", WATCH),
    (Method::GET, "/api/v1/nearest", WATCH),
    (Method::POST, "/api/v1/nearest", WATCH),
    (Method::POST, "/api/v1/match", WATCH),
    (Method::GET, "/api/v1/isochrone", WATCH),
    (Method::POST, "/api/v1/isochrone", WATCH),
    (Method::GET, "/api/v1/sim", WATCH),
    (Method::POST, "/api/v1/sim/speed", RULE),
    (Method::POST, "/api/v1/sim/faults", RULE),
    (Method::GET, "/api/v1/ledger", OPERATE),
    (Method::GET, "/api/v1/metrics", OPERATE),
    (Method::GET, "/api/v1/live", WATCH),
];

/// Where the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// This machine alone: only requests that name it by a loopback name are believed, so that no
    /// web page can reach the server under a name of its own.
    Loopback,
    /// A network; whoever runs it there knows under which names.
    Network,
}

impl From<SocketAddr> for Binding {
    fn from(address: SocketAddr) -> Self {
        if address.ip().is_loopback() { Self::Loopback } else { Self::Network }
    }
}

pub(super) async fn guard(
    State(state): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match admit(&state, &mut request) {
        Ok(()) => match InFlight::enter(&state) {
            Some(_guard) => next.run(request).await,
            None => ApiError::from(crate::host::HostError::Busy).into_response(),
        },
        Err(error) => error.into_response(),
    };
    secure(response.headers_mut());
    response
}

fn admit(state: &Shared, request: &mut Request) -> Result<(), ApiError> {
    check_origin(state.app.binding, request.headers())?;
    let path = request.uri().path();
    let Some(matched) = request.extensions().get::<MatchedPath>() else {
        // No route: the fallbacks of console and API, which show nothing of the fleet.
        return Ok(());
    };
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let rows = || ACCESS.iter().filter(|(_, path, _)| *path == matched.as_str());
    let Some((_, _, access)) = rows().find(|(m, _, _)| m == method) else {
        return if rows().next().is_some() { Ok(()) } else { Err(forbidden(path)) };
    };
    let Access::Roles(roles) = access else { return Ok(()) };
    let token = bearer(request.headers());
    let token = token.or_else(|| {
        // A browser cannot set headers on a WebSocket.
        let is_live = matched.as_str() == "/api/v1/live";
        if is_live { query_token(request.uri()) } else { None }
    });
    let identity = state.app.auth.check(token).map_err(|denied| match denied {
        Denied::Unknown => ApiError::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "a valid token is needed",
            "open the address that `robovan up` printed, or send `Authorization: Bearer TOKEN`",
        ),
        Denied::TooFast => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "too many requests",
            "wait a second; place many orders at once with POST /orders/bulk",
        ),
    })?;
    if !roles.contains(&identity.actor.role) {
        return Err(forbidden(path));
    }
    let identity = identity.clone();
    request.extensions_mut().insert(identity);
    Ok(())
}

fn forbidden(path: &str) -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        format!("this token may not use {path}"),
        "use a token with the role for it",
    )
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

fn query_token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// Refuses requests that a page of another origin makes, and on a loopback binding those that name
/// this machine by another name.
fn check_origin(binding: Binding, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let host = text(header::HOST).unwrap_or("");
    if binding == Binding::Loopback && !is_loopback_name(host) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_host",
            format!("this server is not {host:?}"),
            "use http://127.0.0.1 or http://localhost with the port it listens on",
        ));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let of = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    if of.is_some_and(|(_, origin_host)| origin_host.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "cross_origin",
        "requests from pages of other origins are refused",
        "call the API from a program, or from the console that this server serves",
    ))
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn secure(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
             worker-src 'self' blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'; \
             base-uri 'self'; form-action 'none'",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// One request under way.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn enter(state: &'a Shared) -> Option<Self> {
        let mut n = state.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        (*n < IN_FLIGHT_MAX).then(|| {
            *n += 1;
            Self(state)
        })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        *self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

/// Adds the token scheme to the API's description.
pub(super) struct SecurityInfo;

impl utoipa::Modify for SecurityInfo {
    fn modify(&self, doc: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = doc.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        doc.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    }
}
