//! Ways, tables, what is near and within reach, and map matching, for callers of the API.
//!
//! Words are those of OSRM's and Valhalla's requests where they fit: `locations`, `sources`,
//! `targets` or `destinations`, `alternatives`, `steps`, `costing`, `contours`, `shape`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rv_base::{Meters, Radians, RoadPosition, Seconds, WattHours};
use rv_map::{DriveSide, Snap};
use rv_route::{
    Integrity, MatchMap, MatchOptions, MatchScratch, Matcher, Observation, OutlineOptions, Reach,
    Route, Scratch, VehicleClass, outline, point_on,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Params, lat_lon, position};
use super::geojson;
use super::router::{Openness, Place, Router, Weights};

/// Most points of one way.
const LOCATIONS_MAX: usize = 100;
/// Most ways besides the fastest.
const ALTERNATIVES_MAX: usize = 5;
/// Most sources times targets of one table.
const ENTRIES_MAX: usize = 1_000_000;
/// Most positions of one trace.
const TRACE_MAX: usize = 20_000;
/// Most contours of one isochrone.
const CONTOURS_MAX: usize = 8;
/// Longest contour, minutes.
const MINUTES_MAX: f64 = 240.0;

/// A point on the Earth.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    /// Degrees; `lat` may stand for it.
    #[serde(alias = "lat")]
    lat_deg: f64,
    /// Degrees; `lon` may stand for it.
    #[serde(alias = "lon")]
    lon_deg: f64,
    /// Direction in which the vehicle stands there, degrees clockwise from north.
    #[serde(alias = "heading")]
    heading_deg: Option<f64>,
}

impl Point {
    fn place(self) -> Result<Place, ApiError> {
        let at = position(self.lat_deg, self.lon_deg)?;
        Ok(Place { at, heading: heading(self.heading_deg)? })
    }
}

fn heading(heading_deg: Option<f64>) -> Result<Option<Radians>, ApiError> {
    match heading_deg {
        Some(deg) if !(-360.0..=360.0).contains(&deg) => Err(ApiError::bad(
            "bad_heading",
            format!("{deg} is no direction"),
            "give degrees clockwise from north",
        )),
        other => Ok(other.map(|deg| Radians(deg.to_radians()))),
    }
}

fn places(points: &[Point]) -> Result<Vec<Place>, ApiError> {
    points.iter().map(|point| point.place()).collect()
}

/// Answers under the weights of the moment, or of an epoch.
async fn ask<T: Send + 'static>(
    state: Shared,
    class: Option<String>,
    epoch: Option<u64>,
    work: impl FnOnce(&Router, &Weights) -> Result<T, ApiError> + Send + 'static,
) -> Result<Json<T>, ApiError> {
    let name = match class.as_deref() {
        // What other engines call it.
        None | Some("auto" | "driving") => "robovan-35".to_owned(),
        Some(name) => name.to_owned(),
    };
    let class = VehicleClass::by_name(&name).ok_or_else(|| {
        let hint = "take robovan-25, robovan-35, robovan-45, robot, truck or car";
        ApiError::bad("unknown_class", format!("{name:?} is no class of vehicle"), hint)
    })?;
    let class = class.on_side(state.app.city.drive_side);
    let open = state.app.host.read(move |reader| Openness::now(reader, &name)).await?;
    let roads = Arc::clone(&state.roads);
    let task = tokio::task::spawn_blocking(move || {
        let weights = roads.weights(&class, &open, epoch)?;
        work(&roads, &weights)
    });
    task.await.unwrap_or_else(|_| Err(ApiError::not_found("answer"))).map(Json)
}

/// From where to where.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteParams {
    /// LAT,LON in degrees.
    from: String,
    /// LAT,LON in degrees.
    to: String,
    /// Points to pass on the way, LAT,LON;LAT,LON.
    via: Option<String>,
    /// Direction in which the vehicle stands at the start, degrees clockwise from north.
    heading_deg: Option<f64>,
    /// Class of vehicle; robovan-35 if not given.
    class: Option<String>,
    /// Other good ways besides the fastest, at most 5; only without via points.
    alternatives: Option<usize>,
    /// True for turn-by-turn steps.
    steps: Option<bool>,
    /// The epoch of an earlier answer, whose traffic, closures and permits are to hold.
    epoch: Option<u64>,
}

/// Points of a way.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteRequest {
    /// 2 to 100 points in order.
    locations: Vec<Point>,
    /// Class of vehicle; robovan-35 if not given.
    #[serde(alias = "costing")]
    class: Option<String>,
    /// Other good ways besides the fastest, at most 5; only with two locations.
    #[serde(alias = "alternates")]
    alternatives: Option<usize>,
    /// True for turn-by-turn steps.
    steps: Option<bool>,
    /// The epoch of an earlier answer, whose traffic, closures and permits are to hold.
    epoch: Option<u64>,
}

/// A route.
#[derive(Serialize, ToSchema)]
pub(super) struct RouteInfo {
    /// The class of vehicle.
    class: String,
    /// What names the traffic, closures and permits that it was found under.
    epoch: u64,
    #[serde(flatten)]
    way: WayInfo,
    /// Other good ways, the best first.
    alternatives: Vec<WayInfo>,
}

/// A way.
#[derive(Serialize, ToSchema)]
pub(super) struct WayInfo {
    /// GeoJSON LineString.
    #[schema(value_type = Object)]
    geometry: Value,
    time_s: f64,
    distance_m: f64,
    energy_wh: f64,
    /// One for each stretch between two points.
    legs: Vec<LegInfo>,
}

/// The part of a way between two of its points.
#[derive(Serialize, ToSchema)]
pub(super) struct LegInfo {
    time_s: f64,
    distance_m: f64,
    energy_wh: f64,
    /// Stretches along one road each; empty unless asked for.
    steps: Vec<StepInfo>,
}

/// A stretch along one road.
#[derive(Serialize, ToSchema)]
pub(super) struct StepInfo {
    /// How it begins, in words.
    turn: &'static str,
    road_name: String,
    lat_deg: f64,
    lon_deg: f64,
    distance_m: f64,
    time_s: f64,
}

/// The fastest way of a class of vehicle in the traffic of this moment: round what is closed, on
/// roads that the permits of the fleet's vans of that class cover.
#[utoipa::path(get, path = "/api/v1/route", tag = "routing", params(RouteParams),
    responses((status = 200, body = RouteInfo)))]
pub(super) async fn route(
    State(state): State<Shared>,
    Params(params): Params<RouteParams>,
) -> Result<Json<RouteInfo>, ApiError> {
    let mut points =
        vec![Place { at: lat_lon(&params.from)?, heading: heading(params.heading_deg)? }];
    for text in params.via.iter().flat_map(|via| via.split(';')).take(LOCATIONS_MAX) {
        points.push(Place { at: lat_lon(text)?, heading: None });
    }
    points.push(Place { at: lat_lon(&params.to)?, heading: None });
    let (n, steps) = (params.alternatives, params.steps);
    find_routes(state, points, params.class, n, steps, params.epoch).await
}

/// The fastest way through some points; as GET, with any number of points.
#[utoipa::path(post, path = "/api/v1/route", tag = "routing", request_body = RouteRequest,
    responses((status = 200, body = RouteInfo)))]
pub(super) async fn route_by_body(
    State(state): State<Shared>,
    Body(request): Body<RouteRequest>,
) -> Result<Json<RouteInfo>, ApiError> {
    let points = places(&request.locations)?;
    let (n, steps) = (request.alternatives, request.steps);
    find_routes(state, points, request.class, n, steps, request.epoch).await
}

async fn find_routes(
    state: Shared,
    points: Vec<Place>,
    class: Option<String>,
    n_alternatives: Option<usize>,
    steps: Option<bool>,
    epoch: Option<u64>,
) -> Result<Json<RouteInfo>, ApiError> {
    within("locations", points.len(), 2, LOCATIONS_MAX)?;
    let n = n_alternatives.unwrap_or(0);
    within("alternatives", n, 0, ALTERNATIVES_MAX)?;
    ask(state, class, epoch, move |roads, weights| {
        let found = roads.routes(weights, &points, n)?;
        let way = |legs: &Vec<Route>| way_info(roads, legs, steps == Some(true));
        let mut ways = found.iter().map(way);
        Ok(RouteInfo {
            class: weights.metric.class().name.clone(),
            epoch: weights.metric.epoch(),
            way: ways.next().ok_or_else(|| ApiError::not_found("route"))?,
            alternatives: ways.collect(),
        })
    })
    .await
}

fn within(what: &str, n: usize, least: usize, most: usize) -> Result<(), ApiError> {
    if (least..=most).contains(&n) {
        return Ok(());
    }
    let hint = format!("give {least} to {most}");
    Err(ApiError::bad("bad_number", format!("{n} {what} are too few or too many"), hint))
}

fn way_info(roads: &Router, legs: &[Route], with_steps: bool) -> WayInfo {
    let graph = &roads.city().graph;
    let mut line = Vec::new();
    for route in legs {
        let part = route.line(graph);
        let skip = usize::from(line.last() == part.first());
        line.extend_from_slice(&part[skip..]);
    }
    let leg = |route: &Route| LegInfo {
        time_s: route.time().0,
        distance_m: route.distance().0,
        energy_wh: route.energy().0,
        steps: if with_steps { steps_of(roads, route) } else { Vec::new() },
    };
    WayInfo {
        geometry: geojson::line_string(&line),
        time_s: legs.iter().map(|r| r.time().0).sum(),
        distance_m: legs.iter().map(|r| r.distance().0).sum(),
        energy_wh: legs.iter().map(|r| r.energy().0).sum(),
        legs: legs.iter().map(leg).collect(),
    }
}

fn steps_of(roads: &Router, route: &Route) -> Vec<StepInfo> {
    let steps = route.steps(&roads.city().graph).into_iter();
    steps
        .map(|step| StepInfo {
            turn: step.turn.words(),
            road_name: step.name,
            lat_deg: step.at.lat_deg(),
            lon_deg: step.at.lon_deg(),
            distance_m: step.distance.0,
            time_s: step.time.0,
        })
        .collect()
}

/// Points between which ways are counted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TableRequest {
    /// From where.
    sources: Vec<Point>,
    /// Where to; `destinations` may stand for it. The sources if not given.
    #[serde(alias = "destinations")]
    targets: Option<Vec<Point>>,
    /// Class of vehicle; robovan-35 if not given.
    #[serde(alias = "costing")]
    class: Option<String>,
    /// The epoch of an earlier answer, whose traffic, closures and permits are to hold.
    epoch: Option<u64>,
}

/// What the fastest ways between points take: one row for each source, one column for each target,
/// null where no way leads. All three belong to the same way.
#[derive(Serialize, ToSchema)]
pub(super) struct TableInfo {
    class: String,
    epoch: u64,
    times_s: Vec<Vec<Option<f64>>>,
    distances_m: Vec<Vec<Option<f64>>>,
    energies_wh: Vec<Vec<Option<f64>>>,
}

/// Times, distances and energy of the fastest ways between many points; sources times targets may
/// be a million.
#[utoipa::path(post, path = "/api/v1/table", tag = "routing", request_body = TableRequest,
    responses((status = 200, body = TableInfo)))]
pub(super) async fn table(
    State(state): State<Shared>,
    Body(request): Body<TableRequest>,
) -> Result<Json<TableInfo>, ApiError> {
    let sources = places(&request.sources)?;
    let targets = request.targets.as_deref().map_or_else(|| Ok(sources.clone()), places)?;
    within("sources", sources.len(), 1, ENTRIES_MAX)?;
    within("targets", targets.len(), 1, ENTRIES_MAX)?;
    within("entries", sources.len().saturating_mul(targets.len()), 1, ENTRIES_MAX)?;
    ask(state, request.class, request.epoch, move |roads, weights| {
        let stops = |places: &[Place]| -> Result<Vec<RoadPosition>, ApiError> {
            places.iter().map(|place| Ok(roads.stop(weights, *place)?.position)).collect()
        };
        let (sources, targets) = (stops(&sources)?, stops(&targets)?);
        let mut scratch = Scratch::default();
        let found = weights.metric.matrix(&mut scratch, &sources, &targets);
        let found = found.map_err(|error| roads.refusal(weights, error))?;
        let rows = |of: fn(rv_route::Cost) -> f64| -> Vec<Vec<Option<f64>>> {
            let row = |from| (0..targets.len()).map(|to| found.cost(from, to).map(of)).collect();
            (0..sources.len()).map(row).collect()
        };
        Ok(TableInfo {
            class: weights.metric.class().name.clone(),
            epoch: weights.metric.epoch(),
            times_s: rows(|cost| cost.time().0),
            distances_m: rows(|cost| cost.distance().0),
            energies_wh: rows(|cost| cost.energy().0),
        })
    })
    .await
}

/// What to look for around a point.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct NearestParams {
    /// LAT,LON in degrees.
    at: String,
    /// Only roads in about this direction, degrees clockwise from north.
    heading_deg: Option<f64>,
    /// How many, at most 100; 1 if not given.
    number: Option<usize>,
    /// Class of vehicle; robovan-35 if not given.
    class: Option<String>,
}

/// Roads near a point, the nearest first.
#[derive(Serialize, ToSchema)]
pub(super) struct NearestInfo {
    class: String,
    epoch: u64,
    waypoints: Vec<WaypointInfo>,
}

/// A spot on a road.
#[derive(Serialize, ToSchema)]
pub(super) struct WaypointInfo {
    lat_deg: f64,
    lon_deg: f64,
    road_name: String,
    /// How far it is from the point asked for.
    distance_m: f64,
    /// Direction of travel there.
    heading_deg: f64,
    /// The side of the road on which the point lies, in direction of travel.
    side: Option<&'static str>,
    /// Whether the class may enter the road now: `open`, or why not.
    access: &'static str,
}

/// The roads nearest to a point that a class of vehicle may use, each direction by itself.
#[utoipa::path(get, path = "/api/v1/nearest", tag = "routing", params(NearestParams),
    responses((status = 200, body = NearestInfo)))]
pub(super) async fn nearest(
    State(state): State<Shared>,
    Params(params): Params<NearestParams>,
) -> Result<Json<NearestInfo>, ApiError> {
    let place = Place { at: lat_lon(&params.at)?, heading: heading(params.heading_deg)? };
    let number = params.number.unwrap_or(1);
    within("roads", number, 1, 100)?;
    ask(state, params.class, None, move |roads, weights| {
        let found = roads.near(weights, place, number)?;
        Ok(NearestInfo {
            class: weights.metric.class().name.clone(),
            epoch: weights.metric.epoch(),
            waypoints: found.iter().map(|snap| waypoint(roads, weights, snap)).collect(),
        })
    })
    .await
}

fn waypoint(roads: &Router, weights: &Weights, snap: &Snap) -> WaypointInfo {
    let edge = snap.position.edge;
    WaypointInfo {
        lat_deg: snap.point.lat_deg(),
        lon_deg: snap.point.lon_deg(),
        road_name: roads.city().graph.road_of(edge).name.clone(),
        distance_m: snap.distance.0,
        heading_deg: snap.bearing.0.to_degrees(),
        side: snap.side.map(|side| match side {
            DriveSide::Left => "left",
            DriveSide::Right => "right",
        }),
        access: match weights.metric.check_edge(edge) {
            Ok(()) => "open",
            Err(error) => ApiError::from(error).code,
        },
    }
}

/// Targets of which the nearest are sought.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NearestRequest {
    /// From where.
    from: Point,
    /// Among what, at most 10,000.
    targets: Vec<Point>,
    /// How many; 1 if not given.
    number: Option<usize>,
    /// Class of vehicle; robovan-35 if not given.
    #[serde(alias = "costing")]
    class: Option<String>,
    /// The epoch of an earlier answer, whose traffic, closures and permits are to hold.
    epoch: Option<u64>,
}

/// The targets that are reached soonest.
#[derive(Serialize, ToSchema)]
pub(super) struct NearestTargets {
    class: String,
    epoch: u64,
    /// The soonest first; fewer than asked for where no way leads to more.
    targets: Vec<TargetInfo>,
}

/// A target and the way there.
#[derive(Serialize, ToSchema)]
pub(super) struct TargetInfo {
    /// Its place in the request.
    target_idx: usize,
    time_s: f64,
    distance_m: f64,
    energy_wh: f64,
}

/// Of many targets those that a vehicle reaches soonest.
#[utoipa::path(post, path = "/api/v1/nearest", tag = "routing", request_body = NearestRequest,
    responses((status = 200, body = NearestTargets)))]
pub(super) async fn nearest_targets(
    State(state): State<Shared>,
    Body(request): Body<NearestRequest>,
) -> Result<Json<NearestTargets>, ApiError> {
    let (from, targets) = (request.from.place()?, places(&request.targets)?);
    within("targets", targets.len(), 1, 10_000)?;
    let number = request.number.unwrap_or(1);
    within("nearest targets", number, 1, 10_000)?;
    ask(state, request.class, request.epoch, move |roads, weights| {
        let start = roads.stop(weights, from)?.position;
        let stops: Vec<RoadPosition> = targets
            .iter()
            .map(|place| Ok(roads.stop(weights, *place)?.position))
            .collect::<Result<_, ApiError>>()?;
        let found = weights.metric.nearest(&mut Scratch::default(), start, &stops, number);
        let found = found.map_err(|error| roads.refusal(weights, error))?;
        let target = |(target_idx, cost): (usize, rv_route::Cost)| TargetInfo {
            target_idx,
            time_s: cost.time().0,
            distance_m: cost.distance().0,
            energy_wh: cost.energy().0,
        };
        Ok(NearestTargets {
            class: weights.metric.class().name.clone(),
            epoch: weights.metric.epoch(),
            targets: found.into_iter().map(target).collect(),
        })
    })
    .await
}

/// Positions that a vehicle measured, in order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchRequest {
    /// 1 to 20,000 positions; `coordinates` may stand for it. A heading counts.
    #[serde(alias = "coordinates")]
    shape: Vec<Point>,
    /// Standard deviation of the positions; 6 if not given, 1 to 50.
    accuracy_m: Option<f64>,
    /// Class of vehicle; robovan-35 if not given.
    #[serde(alias = "costing")]
    class: Option<String>,
}

/// Where a vehicle was.
#[derive(Serialize, ToSchema)]
pub(super) struct MatchInfo {
    class: String,
    epoch: u64,
    /// One for each position.
    tracepoints: Vec<TracepointInfo>,
}

/// What became of a position.
#[derive(Serialize, ToSchema)]
pub(super) struct TracepointInfo {
    /// `on_road`, `jumped` (no way leads there so soon), `wrong_way`, `wrong_lane_group` or
    /// `off_road`.
    integrity: &'static str,
    /// Where on the road it was; absent off the road.
    #[serde(flatten)]
    spot: Option<SpotInfo>,
}

/// A matched spot on a road.
#[derive(Serialize, ToSchema)]
pub(super) struct SpotInfo {
    lat_deg: f64,
    lon_deg: f64,
    road_name: String,
    /// OpenStreetMap way id.
    way_id: i64,
    /// How far the road is from the measured position.
    distance_m: f64,
}

/// The roads that noisy positions were driven on, and whether the vehicle belonged there.
#[utoipa::path(post, path = "/api/v1/match", tag = "routing", request_body = MatchRequest,
    responses((status = 200, body = MatchInfo)))]
pub(super) async fn match_trace(
    State(state): State<Shared>,
    Body(request): Body<MatchRequest>,
) -> Result<Json<MatchInfo>, ApiError> {
    let shape = places(&request.shape)?;
    within("positions", shape.len(), 1, TRACE_MAX)?;
    let accuracy_m = request.accuracy_m.unwrap_or(MatchOptions::STREET.noise.0);
    if !(1.0..=50.0).contains(&accuracy_m) {
        let problem = format!("{accuracy_m} m is no accuracy");
        return Err(ApiError::bad("bad_number", problem, "give 1 to 50 m"));
    }
    ask(state, request.class, None, move |roads, weights| {
        let options = MatchOptions { noise: Meters(accuracy_m), ..MatchOptions::STREET };
        let graph = &roads.city().graph;
        let map = MatchMap { graph, snap: roads.snaps(), metric: &weights.metric, lanes: None };
        let mut matcher = Matcher::new(options);
        let mut scratch = MatchScratch::default();
        let mut found = Vec::with_capacity(shape.len());
        for place in &shape {
            let seen = Observation { at: place.at, heading: place.heading };
            found.extend(matcher.push(&map, &mut scratch, seen));
        }
        found.extend(matcher.finish());
        let spot = |at: RoadPosition, distance: Meters| {
            let (point, road) = (point_on(graph, at), graph.road_of(at.edge));
            SpotInfo {
                lat_deg: point.lat_deg(),
                lon_deg: point.lon_deg(),
                road_name: road.name.clone(),
                way_id: road.source_id,
                distance_m: distance.0,
            }
        };
        let point = |found: &rv_route::Matched| TracepointInfo {
            integrity: match found.integrity {
                Integrity::OnRoad => "on_road",
                Integrity::Jumped => "jumped",
                Integrity::WrongWay => "wrong_way",
                Integrity::WrongLaneGroup => "wrong_lane_group",
                Integrity::OffRoad => "off_road",
            },
            spot: found.position.map(|at| spot(at, found.distance)),
        };
        Ok(MatchInfo {
            class: weights.metric.class().name.clone(),
            epoch: weights.metric.epoch(),
            tracepoints: found.iter().map(point).collect(),
        })
    })
    .await
}

/// How far to look around a point.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct IsochroneParams {
    /// LAT,LON in degrees.
    from: String,
    /// Driving times, minutes, with commas between them; 10 if not given.
    minutes: Option<String>,
    /// Energy that the battery still holds: nothing beyond is reached.
    battery_wh: Option<f64>,
    /// False for the roads within reach as lines; polygons if not given.
    polygons: Option<bool>,
    /// Class of vehicle; robovan-35 if not given.
    class: Option<String>,
    /// The epoch of an earlier answer, whose traffic, closures and permits are to hold.
    epoch: Option<u64>,
}

/// How far to look around a point.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IsochroneRequest {
    /// One point.
    locations: Vec<Point>,
    /// 1 to 8.
    contours: Vec<Contour>,
    /// Energy that the battery still holds: nothing beyond is reached.
    battery_wh: Option<f64>,
    /// False for the roads within reach as lines; polygons if not given.
    polygons: Option<bool>,
    /// Class of vehicle; robovan-35 if not given.
    #[serde(alias = "costing")]
    class: Option<String>,
    /// The epoch of an earlier answer, whose traffic, closures and permits are to hold.
    epoch: Option<u64>,
}

/// One contour.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Contour {
    /// Driving time; `time` may stand for it.
    #[serde(alias = "time")]
    minutes: f64,
}

/// What a vehicle reaches within some driving times, or with what its battery holds: a GeoJSON
/// FeatureCollection, one feature for each time.
#[utoipa::path(get, path = "/api/v1/isochrone", tag = "routing", params(IsochroneParams),
    responses((status = 200, body = Object)))]
pub(super) async fn isochrone(
    State(state): State<Shared>,
    Params(params): Params<IsochroneParams>,
) -> Result<Json<Value>, ApiError> {
    let from = Place { at: lat_lon(&params.from)?, heading: None };
    let text = params.minutes.as_deref().unwrap_or("10");
    let minutes: Vec<f64> = text.split(',').map(|m| m.trim().parse().unwrap_or(f64::NAN)).collect();
    let (battery, as_lines) = (params.battery_wh, params.polygons == Some(false));
    find_reach(state, from, minutes, battery, as_lines, params.class, params.epoch).await
}

/// What a vehicle reaches; as GET.
#[utoipa::path(post, path = "/api/v1/isochrone", tag = "routing", request_body = IsochroneRequest,
    responses((status = 200, body = Object)))]
pub(super) async fn isochrone_by_body(
    State(state): State<Shared>,
    Body(request): Body<IsochroneRequest>,
) -> Result<Json<Value>, ApiError> {
    within("locations", request.locations.len(), 1, 1)?;
    let from = request.locations[0].place()?;
    let minutes = request.contours.iter().map(|contour| contour.minutes).collect();
    let (battery, as_lines) = (request.battery_wh, request.polygons == Some(false));
    find_reach(state, from, minutes, battery, as_lines, request.class, request.epoch).await
}

async fn find_reach(
    state: Shared,
    from: Place,
    minutes: Vec<f64>,
    battery_wh: Option<f64>,
    as_lines: bool,
    class: Option<String>,
    epoch: Option<u64>,
) -> Result<Json<Value>, ApiError> {
    within("contours", minutes.len(), 1, CONTOURS_MAX)?;
    let is_sound = |value: f64, most: f64| value > 0.0 && value <= most;
    if !minutes.iter().all(|m| is_sound(*m, MINUTES_MAX)) {
        let hint = format!("give minutes above 0, at most {MINUTES_MAX}");
        return Err(ApiError::bad("bad_number", "these driving times make no sense", hint));
    }
    if !battery_wh.is_none_or(|wh| is_sound(wh, 1e6)) {
        return Err(ApiError::bad("bad_number", "this battery makes no sense", "give Wh above 0"));
    }
    ask(state, class, epoch, move |roads, weights| {
        let start = roads.stop(weights, from)?.position;
        let graph = &roads.city().graph;
        let (metric, mut scratch) = (&weights.metric, Scratch::default());
        let mut features = Vec::with_capacity(minutes.len());
        for minutes in minutes {
            let reach = Reach { time: Seconds(60.0 * minutes), energy: battery_wh.map(WattHours) };
            let reached = metric.reachable(&mut scratch, start, reach);
            let reached = reached.map_err(|error| roads.refusal(weights, error))?;
            let geometry = if as_lines {
                let lines = reached.iter().map(|edge| edge.line(graph));
                let points = |line: Vec<_>| line.into_iter().map(geojson::lon_lat).collect();
                let lines: Vec<Vec<[f64; 2]>> = lines.map(points).collect();
                json!({ "type": "MultiLineString", "coordinates": lines })
            } else {
                geojson::polygons(&outline(graph, &reached, OutlineOptions::CITY))
            };
            let properties = json!({ "minutes": minutes, "battery_wh": battery_wh });
            features
                .push(json!({ "type": "Feature", "properties": properties, "geometry": geometry }));
        }
        Ok(json!({
            "type": "FeatureCollection",
            "class": metric.class().name,
            "epoch": metric.epoch(),
            "features": features,
        }))
    })
    .await
}
