//! Who may call what, from where, and what wrong input is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use rv_base::{Datum, HourSet, LatLon, Meters, Seconds, TenantId, gcj02};
use rv_fleet::{Actor, Role};
use rv_model::PermitArea;
use rv_server::api::{ACCESS, Access, App, Binding, router};
use rv_server::auth::AuthTable;
use rv_server::host::{Core, Host, Setup};
use rv_server::live::Feed;
use rv_server::store::MemoryStore;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::setup;

const VIEWER: Actor = Actor { role: Role::Viewer, tenant: None };

/// A server without a socket.
struct Api {
    router: Router,
    tokens: Vec<(Role, String)>,
    _host: Host,
}

impl Api {
    fn new() -> Self {
        Self::with(|_| ())
    }

    /// With another setup than the usual.
    fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = setup(Box::new(MemoryStore::default()), 2);
        change(&mut setup);
        let city = Arc::clone(&setup.city);
        let (feed, live) = Feed::new();
        let host = Host::start(Core::open(setup).unwrap(), feed);
        let mut auth = AuthTable::default();
        let actors = [VIEWER, Actor::tenant(TenantId(1)), Actor::OPERATOR, Actor::ADMIN];
        let tokens = actors.map(|actor| (actor.role, auth.issue("test", actor).unwrap())).to_vec();
        let binding = Binding::Loopback;
        let app = App { host: host.client(), city, auth, live, binding };
        Self { router: router(app), tokens, _host: host }
    }

    fn token(&self, role: Role) -> &str {
        &self.tokens.iter().find(|(r, _)| *r == role).unwrap().1
    }

    async fn call(
        &self,
        method: &Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| name == header::HOST) {
            request = request.header(header::HOST, "127.0.0.1:8080");
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn as_role(
        &self,
        role: Role,
        method: &Method,
        path: &str,
        body: &str,
    ) -> (StatusCode, Value) {
        let bearer = format!("Bearer {}", self.token(role));
        self.call(method, path, &[(header::AUTHORIZATION, &bearer)], body).await
    }
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"]["code"].as_str().unwrap_or(""))
}

/// A path with its parts filled in.
fn concrete(path: &str) -> String {
    path.replace("{z}", "12").replace("{x}", "2132").replace("{y}", "1494.mvt").replace("{id}", "0")
}

/// What the table in docs/api.md says, written down a second time.
fn may(role: Role, method: &Method, path: &str) -> bool {
    let path = path.strip_prefix("/api/v1").unwrap();
    let is_get = *method == Method::GET;
    match path {
        "/session" | "/city" | "/tiles/{z}/{x}/{y}" => true,
        p if p.starts_with("/orders") => is_get || role != Role::Viewer,
        "/ledger" | "/metrics" => role >= Role::Operator,
        "/route" | "/table" | "/nearest" | "/match" | "/isochrone" => role != Role::Tenant,
        p if is_get => role != Role::Tenant && !p.is_empty(),
        "/sim/speed" | "/sim/faults" => role == Role::Admin,
        p if p.starts_with("/permits") => role == Role::Admin,
        _ => role >= Role::Operator,
    }
}

#[tokio::test]
async fn every_route_asks_for_the_right_role() {
    let api = Api::new();
    let wrong = "Bearer 0123456789abcdef0123456789abcdef0123456789abcdef";
    for (method, path, access) in ACCESS {
        let url = concrete(path);
        if *access == Access::Public {
            assert_eq!(api.call(method, &url, &[], "").await.0, StatusCode::OK, "{path}");
            continue;
        }
        let answer = api.call(method, &url, &[], "").await;
        assert_eq!(code(&answer), (401, "unauthorized"), "{method} {path} without a token");
        for role in [Role::Viewer, Role::Tenant, Role::Operator, Role::Admin] {
            // A body that no route takes shows that a caller was let in without doing anything.
            let is_read = *method == Method::GET;
            if !is_read && may(role, method, path) && !takes_body(path) {
                continue;
            }
            let answer = api.as_role(role, method, &url, "?").await;
            let is_denied =
                answer.0 == StatusCode::FORBIDDEN || answer.0 == StatusCode::UNAUTHORIZED;
            assert_eq!(!is_denied, may(role, method, path), "{role:?} {method} {path}: {answer:?}");
        }
    }
    let headers = [(header::AUTHORIZATION, wrong)];
    let answer = api.call(&Method::GET, "/api/v1/kpi", &headers, "").await;
    assert_eq!(code(&answer), (401, "unauthorized"));
}

/// Whether a route reads a body before it acts.
fn takes_body(path: &str) -> bool {
    !(path.ends_with("/halt")
        || path.ends_with("/resume")
        || path.ends_with("/cancel")
        || path.contains("/closures/"))
}

#[tokio::test]
async fn every_route_is_described() {
    let api = Api::new();
    let (status, doc) = api.call(&Method::GET, "/openapi.json", &[], "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(doc["openapi"].as_str().unwrap().starts_with("3."));
    let mut described = BTreeSet::new();
    for (path, item) in doc["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let served: BTreeSet<_> =
        ACCESS.iter().map(|(method, path, _)| (method.to_string(), (*path).to_owned())).collect();
    assert_eq!(described, served);
    for (method, path) in served {
        let operation = &doc["paths"][&path][method.to_lowercase()];
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn requests_from_elsewhere_are_refused() {
    let api = Api::new();
    let get = &Method::GET;
    let bearer = format!("Bearer {}", api.token(Role::Admin));
    let auth = (header::AUTHORIZATION, bearer.as_str());
    for host in ["evil.example", "evil.example:8080", "10.0.0.1", "127.0.0.1.evil.example", ""] {
        let answer = api.call(get, "/api/v1/kpi", &[auth.clone(), (header::HOST, host)], "").await;
        assert_eq!(code(&answer), (403, "wrong_host"), "{host}");
        let answer = api.call(get, "/", &[(header::HOST, host)], "").await;
        assert_eq!(code(&answer), (403, "wrong_host"), "{host}");
    }
    for host in ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:8080"] {
        let headers = [auth.clone(), (header::HOST, host)];
        let answer = api.call(get, "/api/v1/session", &headers, "").await;
        assert_eq!(answer.0, StatusCode::OK, "{host}");
    }
    for (origin, status) in [
        ("http://127.0.0.1:8080", 200),
        ("http://127.0.0.1:9090", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        let headers = [auth.clone(), (header::ORIGIN, origin)];
        let answer = api.call(get, "/api/v1/session", &headers, "").await;
        assert_eq!(answer.0.as_u16(), status, "{origin}");
    }
}

#[tokio::test]
async fn wrong_input_is_told_what_is_wrong() {
    let api = Api::new();
    let post = &Method::POST;
    let admin = Role::Admin;
    let big = format!("{{\"key\":\"{}\"}}", "x".repeat(100_000));
    for (method, path, body, expected) in [
        (post, "/api/v1/orders", "{", (400, "bad_json")),
        (post, "/api/v1/orders", "{\"kee\":1}", (400, "bad_json")),
        (post, "/api/v1/orders", big.as_str(), (413, "body_too_large")),
        (
            post,
            "/api/v1/orders",
            r#"{"key":"a","tenant_id":0,"n_parcels":1,"mass_kg":1}"#,
            (400, "bad_site"),
        ),
        (
            post,
            "/api/v1/orders",
            r#"{"key":"a","tenant_id":0,"n_parcels":1,"mass_kg":1,"lat_deg":91,"lon_deg":0}"#,
            (400, "bad_position"),
        ),
        (
            post,
            "/api/v1/orders",
            r#"{"key":"a","n_parcels":1,"mass_kg":1,"place_id":0}"#,
            (400, "tenant_missing"),
        ),
        (post, "/api/v1/sim/speed", r#"{"factor":201}"#, (400, "bad_speed")),
        (post, "/api/v1/sim/faults", r#"{"kind":"van_lost"}"#, (400, "van_missing")),
        (post, "/api/v1/sim/faults", r#"{"kind":"weather"}"#, (422, "fault_not_possible")),
        (post, "/api/v1/tickets/0/answer", r#"{"choice_id":"x"}"#, (400, "unknown_choice")),
        (&Method::PATCH, "/api/v1/orders/0", "{}", (400, "nothing_to_change")),
        (&Method::PATCH, "/api/v1/orders/0", r#"{"window_end_ms":1}"#, (400, "bad_window")),
        (&Method::GET, "/api/v1/vans?limit=x", "", (400, "bad_query")),
        (&Method::GET, "/api/v1/vans/99", "", (404, "not_found")),
        (&Method::GET, "/api/v1/vans/abc", "", (404, "not_found")),
        (&Method::GET, "/api/v1/orders/99", "", (404, "not_found")),
        (&Method::GET, "/api/v1/nothing", "", (404, "not_found")),
        (&Method::GET, "/missing.js", "", (404, "not_found")),
        (&Method::PUT, "/api/v1/orders", "", (405, "wrong_method")),
        (&Method::GET, "/api/v1/live", "", (400, "not_a_websocket")),
        (&Method::GET, "/api/v1/route?from=1&to=2,3", "", (400, "bad_position")),
        (&Method::GET, "/api/v1/route?from=1,2&to=2,3", "", (422, "no_road")),
        (&Method::GET, "/api/v1/route?from=1,2&to=2,3&class=x", "", (400, "unknown_class")),
        (&Method::GET, "/api/v1/route?from=1,2&to=2,3&alternatives=9", "", (400, "bad_number")),
        (&Method::GET, "/api/v1/route?from=1,2&to=2,3&heading_deg=NaN", "", (400, "bad_heading")),
        (&Method::GET, "/api/v1/route?from=1,2&to=2,3&epoch=77", "", (410, "epoch_gone")),
        (post, "/api/v1/route", r#"{"locations":[]}"#, (400, "bad_number")),
        (post, "/api/v1/route", r#"{"locations":[{"lat":1,"lon":200}]}"#, (400, "bad_position")),
        (post, "/api/v1/table", r#"{"sources":[]}"#, (400, "bad_number")),
        (post, "/api/v1/table", r#"{"sources":[{"lat":1,"lon":2}]}"#, (422, "no_road")),
        (&Method::GET, "/api/v1/nearest?at=43.7,7.4&number=0", "", (400, "bad_number")),
        (
            post,
            "/api/v1/nearest",
            r#"{"from":{"lat":1,"lon":2},"targets":[]}"#,
            (400, "bad_number"),
        ),
        (post, "/api/v1/match", r#"{"shape":[]}"#, (400, "bad_number")),
        (
            post,
            "/api/v1/match",
            r#"{"shape":[{"lat":43.7,"lon":7.4}],"accuracy_m":0}"#,
            (400, "bad_number"),
        ),
        (&Method::GET, "/api/v1/isochrone?from=43.7,7.4&minutes=x", "", (400, "bad_number")),
        (&Method::GET, "/api/v1/isochrone?from=43.7,7.4&battery_wh=-1", "", (400, "bad_number")),
    ] {
        let answer = api.as_role(admin, method, path, body).await;
        assert_eq!(code(&answer), expected, "{method} {path} {answer:?}");
        for field in ["message", "hint"] {
            assert!(!answer.1["error"][field].as_str().unwrap().is_empty(), "{path} {field}");
        }
    }
}

#[tokio::test]
async fn city_tiles_routes_and_console_are_served() {
    let api = Api::new();
    let get = &Method::GET;
    let (_, city) = api.as_role(Role::Viewer, get, "/api/v1/city", "").await;
    assert_eq!(city["name"], "town");
    assert_eq!(city["facilities"][0]["kind"], "hub");
    assert_eq!(city["sim"]["is_simulated"], false);
    let (status, _) = api.as_role(Role::Tenant, get, "/api/v1/tiles/14/8529/5974.mvt", "").await;
    assert_eq!(status, StatusCode::OK);
    let path = "/api/v1/route?from=43.7,7.4&to=43.7045,7.40625";
    let (status, route) = api.as_role(Role::Viewer, get, path, "").await;
    assert_eq!(status, StatusCode::OK, "{route}");
    let distance_m = route["distance_m"].as_f64().unwrap();
    assert!((900.0..1100.0).contains(&distance_m), "{distance_m}");
    assert!(route["geometry"]["coordinates"].as_array().unwrap().len() > 5);
    let (_, vans) = api.as_role(Role::Viewer, get, "/api/v1/vans?limit=1", "").await;
    assert_eq!((vans["total"].as_u64(), vans["next_cursor"].as_str()), (Some(2), Some("0")));
    let (_, vans) = api.as_role(Role::Viewer, get, "/api/v1/vans?limit=1&cursor=0", "").await;
    assert_eq!((vans["items"][0]["id"].as_u64(), vans["next_cursor"].as_str()), (Some(1), None));
    let (status, _) = api.call(get, "/", &[], "").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn one_caller_cannot_flood_the_server() {
    let api = Api::new();
    // How many it takes depends on the machine: the allowance grows while they are made.
    let mut n_left = 20_000;
    while api.as_role(Role::Viewer, &Method::GET, "/api/v1/session", "").await.0 == StatusCode::OK {
        n_left -= 1;
        assert!(n_left > 0, "nobody slowed it down");
    }
    let answer = api.as_role(Role::Admin, &Method::GET, "/api/v1/session", "").await;
    assert_eq!(answer.0, StatusCode::OK);
}

/// What every kind of question says of the same two points agrees, and what is measured on the way
/// is found again.
#[tokio::test]
async fn routes_tables_matching_and_reach_agree() {
    let api = Api::new();
    let (get, post) = (&Method::GET, &Method::POST);
    let ask = async |method, path: &str, body: &str| {
        let (status, answer) = api.as_role(Role::Viewer, method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path} {answer}");
        answer
    };
    let ends = r#"{"lat":43.7,"lon":7.4003},{"lat_deg":43.7036,"lon_deg":7.4050}"#;
    // As other engines word it, and as this one does.
    let body = format!(r#"{{"locations":[{ends}],"costing":"auto","alternates":2,"steps":true}}"#);
    let way = ask(post, "/api/v1/route", &body).await;
    assert_eq!((&way["class"], &way["epoch"]), (&"robovan-35".into(), &1.into()));
    let time_s = way["time_s"].as_f64().unwrap();
    let steps = way["legs"][0]["steps"].as_array().unwrap();
    let of_steps: f64 = steps.iter().map(|step| step["time_s"].as_f64().unwrap()).sum();
    assert!((of_steps - time_s).abs() < 1e-3 && steps[0]["turn"] == "depart", "{way}");
    // In a grid of streets there are other good ways, none as fast.
    let others = way["alternatives"].as_array().unwrap();
    assert!(!others.is_empty());
    for other in others {
        let other_s = other["time_s"].as_f64().unwrap();
        assert!((time_s..=1.25 * time_s + 0.01).contains(&other_s), "{other_s} {time_s}");
        assert_ne!(other["geometry"], way["geometry"]);
    }
    let table = ask(post, "/api/v1/table", &format!(r#"{{"sources":[{ends}]}}"#)).await;
    assert_eq!(table["times_s"][0][0], 0.0);
    let of_table = table["times_s"][0][1].as_f64().unwrap();
    // A route may end on either side of the street, a table's on the side of the place.
    assert!(of_table >= time_s - 1e-6 && of_table < 1.5 * time_s, "{of_table} {time_s}");
    let body = format!(r#"{{"from":{{"lat":43.7,"lon":7.4003}},"targets":[{ends}],"number":2}}"#);
    let nearest = ask(post, "/api/v1/nearest", &body).await;
    assert_eq!(nearest["targets"][0]["target_idx"], 0);
    assert_eq!(nearest["targets"][1]["time_s"], table["times_s"][0][1]);
    let near = ask(get, "/api/v1/nearest?at=43.70005,7.4003&number=2", "").await;
    assert_eq!(near["waypoints"].as_array().unwrap().len(), 2);
    assert_eq!(near["waypoints"][0]["access"], "open");
    // Driven along the way, every position lies on the road.
    let line = way["geometry"]["coordinates"].as_array().unwrap();
    let shape: Vec<String> =
        line.iter().map(|p| format!(r#"{{"lat":{},"lon":{}}}"#, p[1], p[0])).collect();
    let body = format!(r#"{{"shape":[{}, {{"lat":43.8,"lon":7.4}}]}}"#, shape.join(","));
    let matched = ask(post, "/api/v1/match", &body).await;
    let points = matched["tracepoints"].as_array().unwrap();
    assert_eq!(points.len(), shape.len() + 1);
    assert_eq!(points[shape.len()]["integrity"], "off_road");
    assert!(points[..shape.len()].iter().all(|p| p["integrity"] == "on_road"), "{matched}");
    assert!(points[..shape.len()].iter().all(|p| p["distance_m"].as_f64().unwrap() < 1.0));
    let area = |reach: &Value, at: usize| {
        let areas = reach["features"][at]["geometry"]["coordinates"].as_array().unwrap();
        areas.iter().map(|area| area[0].as_array().unwrap().len()).sum::<usize>()
    };
    let reach = ask(get, "/api/v1/isochrone?from=43.7,7.4003&minutes=0.2,1", "").await;
    assert!(area(&reach, 1) > area(&reach, 0) && area(&reach, 0) > 8, "{reach}");
    let body =
        r#"{"locations":[{"lat":43.7,"lon":7.4003}],"contours":[{"time":1}],"battery_wh":2}"#;
    let weak = ask(post, "/api/v1/isochrone", body).await;
    assert!(area(&weak, 0) < area(&reach, 1), "{weak}");
}

/// An answer names its epoch, and what is asked under it agrees whatever has changed since.
#[tokio::test]
async fn an_epoch_can_be_asked_again() {
    let api = Api::new();
    let (get, post) = (&Method::GET, &Method::POST);
    let path = "/api/v1/route?from=43.7,7.4003&to=43.7,7.4034";
    let ask = async |path: &str| api.as_role(Role::Viewer, get, path, "").await;
    let before = ask(path).await.1;
    let body = r#"{"lat_deg":43.7,"lon_deg":7.4019}"#;
    let (status, _) = api.as_role(Role::Operator, post, "/api/v1/roads/close", body).await;
    assert_eq!(status, StatusCode::OK);
    let now = ask(path).await.1;
    assert!(now["epoch"].as_u64() > before["epoch"].as_u64());
    assert!(now["time_s"].as_f64() > before["time_s"].as_f64());
    let pinned = ask(&format!("{path}&epoch={}", before["epoch"])).await.1;
    assert_eq!(pinned, before);
    let wrong = ask(&format!("{path}&epoch={}&class=robot", before["epoch"])).await;
    assert_eq!(code(&wrong), (400, "wrong_epoch"));
    let table = format!(
        r#"{{"sources":[{{"lat":43.7,"lon":7.4003}},{{"lat":43.7,"lon":7.4034}}],"epoch":{}}}"#,
        before["epoch"]
    );
    let (_, table) = api.as_role(Role::Viewer, post, "/api/v1/table", &table).await;
    assert_eq!(table["epoch"], before["epoch"]);
    let off_s = table["times_s"][0][1].as_f64().unwrap() - before["time_s"].as_f64().unwrap();
    assert!(off_s.abs() < 20.0, "{table} {before}");
    assert!(table["times_s"][0][1].as_f64() < now["time_s"].as_f64());
}

#[tokio::test]
async fn a_route_goes_round_what_is_closed_now() {
    let api = Api::new();
    let (get, post) = (&Method::GET, &Method::POST);
    let path = "/api/v1/route?from=43.7,7.4003&to=43.7,7.4034";
    let distance_m = async || {
        let (status, route) = api.as_role(Role::Viewer, get, path, "").await;
        assert_eq!(status, StatusCode::OK, "{route}");
        route["distance_m"].as_f64().unwrap()
    };
    let straight = distance_m().await;
    assert!((200.0..300.0).contains(&straight), "{straight}");
    let body = r#"{"lat_deg":43.7,"lon_deg":7.4019}"#;
    let (status, closed) = api.as_role(Role::Operator, post, "/api/v1/roads/close", body).await;
    assert_eq!(status, StatusCode::OK, "{closed}");
    let round = distance_m().await;
    assert!((180.0..240.0).contains(&(round - straight)), "{straight} {round}");
    let open = format!("/api/v1/roads/closures/{}", closed["closure_id"]);
    let (status, _) = api.as_role(Role::Operator, &Method::DELETE, &open, "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(distance_m().await, straight);
}

#[tokio::test]
async fn a_route_uses_no_road_that_the_permits_forbid() {
    let outline = |west: f64, east: f64| {
        [(43.6995, west), (43.6995, east), (43.7004, east), (43.7004, west)]
            .map(|(lat, lon)| LatLon::from_degrees(lat, lon).unwrap())
            .to_vec()
    };
    let api = Api::with(|setup| {
        let permit = &mut setup.fleet.permits[0];
        permit.forbidden.push(PermitArea {
            name: "the market".into(),
            outline: outline(7.4015, 7.4022),
            hours: HourSet::ALWAYS,
        });
        let held = permit.id;
        setup.fleet.vans.iter_mut().for_each(|van| van.permits = vec![held]);
    });
    let path = "/api/v1/route?from=43.7,7.4003&to=43.7,7.4034";
    let (status, route) = api.as_role(Role::Viewer, &Method::GET, path, "").await;
    assert_eq!(status, StatusCode::OK, "{route}");
    assert!(route["distance_m"].as_f64().unwrap() > 400.0, "{route}");
    // Where nobody may stop, nobody is led to.
    let path = "/api/v1/route?from=43.7,7.4003&to=43.7,7.4019";
    let (status, _) = api.as_role(Role::Viewer, &Method::GET, path, "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_permit_is_announced_shown_and_called_back() {
    let api = Api::with(|setup| setup.fleet.policy.permit_notice_s = Seconds(0.0));
    let (get, post, delete) = (&Method::GET, &Method::POST, &Method::DELETE);
    let route = || async {
        let path = "/api/v1/route?from=43.7,7.4003&to=43.7,7.4034";
        let (_, route) = api.as_role(Role::Viewer, get, path, "").await;
        route["distance_m"].as_f64().unwrap()
    };
    let straight_m = route().await;
    let ring = "[[7.4015,43.6995],[7.4022,43.6995],[7.4022,43.7004],[7.4015,43.7004]]";
    let body = |ring: &str, more: &str| {
        format!(
            r#"{{"name":"the market"{more},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}"#
        )
    };
    let path = "/api/v1/permits";
    let (status, zone) = api.as_role(Role::Admin, post, path, &body(ring, "")).await;
    assert_eq!(status, StatusCode::OK, "{zone}");
    let (_, all) = api.as_role(Role::Viewer, get, path, "").await;
    let shown = all["items"].as_array().unwrap().iter().find(|p| p["id"] == zone["id"]).unwrap();
    assert_eq!(shown["name"], "the market");
    assert_eq!(shown["effect"], "forbidden");
    assert!(route().await > straight_m + 100.0, "the way leads round it");
    let one = format!("{path}/{}", zone["id"]);
    assert_eq!(api.as_role(Role::Admin, delete, &one, "").await.0, StatusCode::OK);
    assert_eq!(route().await, straight_m);
    // What is wrong is named, and nothing is announced.
    let again = api.as_role(Role::Admin, delete, &one, "").await;
    assert_eq!(code(&again), (404, "unknown_permit"));
    for (body, expected) in [
        (body("[[7.4,43.7],[7.41,43.7]]", ""), "bad_geometry"),
        (body(&format!("{ring},{ring}"), ""), "bad_geometry"),
        (body("[[7.4,143.7],[7.41,43.7],[7.4,43.8]]", ""), "bad_geometry"),
        (body(ring, r#","from_hour":10"#), "bad_hours"),
        (body(ring, r#","colour":"red""#), "bad_json"),
    ] {
        let answer = api.as_role(Role::Admin, post, path, &body).await;
        assert_eq!(code(&answer), (400, expected), "{body}");
    }
    let (_, after) = api.as_role(Role::Viewer, get, path, "").await;
    assert_eq!(
        after["items"].as_array().unwrap().len() + 1,
        all["items"].as_array().unwrap().len()
    );
}

#[tokio::test]
async fn positions_go_in_and_out_in_the_datum_asked_for() {
    // The same town at the Bund.
    let api = Api::with(|setup| {
        let mut city = (*setup.city).clone();
        let move_on = |p: &mut LatLon| {
            let (lat, lon) = (p.lat_deg() - 43.70 + 31.23, p.lon_deg() - 7.40 + 121.48);
            *p = LatLon::from_degrees(lat, lon).unwrap();
        };
        city.graph.junctions.iter_mut().for_each(move_on);
        city.places.iter_mut().for_each(|place| move_on(&mut place.position));
        city.facilities.iter_mut().for_each(|facility| move_on(&mut facility.position));
        setup.city = Arc::new(city);
    });
    let gcj = |lat, lon| Datum::Gcj02.from_wgs84(LatLon::from_degrees(lat, lon).unwrap());
    let (from, to) = (gcj(31.23, 121.4803), gcj(31.23, 121.4834));
    let path = |p: LatLon| format!("{},{}", p.lat_deg(), p.lon_deg());
    let shifted = format!("/api/v1/route?from={}&to={}&datum=gcj02", path(from), path(to));
    let (status, route) = api.as_role(Role::Viewer, &Method::GET, &shifted, "").await;
    assert_eq!(status, StatusCode::OK, "{route}");
    let plain = "/api/v1/route?from=31.23,121.4803&to=31.23,121.4834";
    let (_, straight) = api.as_role(Role::Viewer, &Method::GET, plain, "").await;
    let metres = |route: &Value| route["distance_m"].as_f64().unwrap();
    assert!((metres(&route) - metres(&straight)).abs() < 1.0, "{route} {straight}");
    let first = |route: &Value| {
        let [lon, lat] = [0, 1].map(|i| route["geometry"]["coordinates"][0][i].as_f64().unwrap());
        LatLon::from_degrees(lat, lon).unwrap()
    };
    let apart = Datum::Gcj02.to_wgs84(first(&route)).distance_to(first(&straight));
    assert!(apart < gcj02::ROUND_TRIP_ERROR_MAX, "{apart}");
    assert!(first(&route).distance_to(first(&straight)) > Meters(300.0));
    // An order placed and read in it.
    let door = gcj(31.2309, 121.48125);
    let body = format!(
        r#"{{"key":"a","tenant_id":0,"kind":"delivery","lat_deg":{},"lon_deg":{},"n_parcels":1,"mass_kg":1}}"#,
        door.lat_deg(),
        door.lon_deg()
    );
    let (status, placed) =
        api.as_role(Role::Admin, &Method::POST, "/api/v1/orders?datum=gcj02", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{placed}");
    let position = |order: &Value| {
        let [lat, lon] = ["lat_deg", "lon_deg"].map(|name| order[name].as_f64().unwrap());
        LatLon::from_degrees(lat, lon).unwrap()
    };
    let path = format!("/api/v1/orders/{}", placed["id"]);
    let (_, order) = api.as_role(Role::Viewer, &Method::GET, &path, "").await;
    let (_, shifted) =
        api.as_role(Role::Viewer, &Method::GET, &format!("{path}?datum=gcj02"), "").await;
    assert!(position(&order).distance_to(Datum::Gcj02.to_wgs84(door)) < Meters(30.0), "{order}");
    assert_eq!(position(&shifted), Datum::Gcj02.from_wgs84(position(&order)));
    let answer = api.as_role(Role::Viewer, &Method::GET, "/api/v1/kpi?datum=bd09", "").await;
    assert_eq!(code(&answer), (400, "bad_datum"));
}
