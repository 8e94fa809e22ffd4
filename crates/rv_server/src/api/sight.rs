//! What a van's driver sees and intends.

use axum::Json;
use axum::extract::State;
use rv_base::{LatLon, VanId};
use rv_fleet::{Actor, Command};
use rv_wire::SightReport;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::error::ApiError;
use super::extract::Id;

/// What a driver sees and intends; lines are lists of longitude and latitude.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SightInfo {
    at_ms: i64,
    lat_deg: f64,
    lon_deg: f64,
    /// Clockwise from north.
    heading_deg: f64,
    length_m: f64,
    width_m: f64,
    speed_mps: f64,
    /// Why it drives as it does.
    reason: String,
    is_emergency: bool,
    /// The next four seconds.
    plan: Vec<[f64; 2]>,
    /// The stop that its monitor holds ready.
    stop: Vec<[f64; 2]>,
    seen: Vec<SeenInfo>,
    lights: Vec<LightInfo>,
}

/// One of the others.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeenInfo {
    track_id: u32,
    class: String,
    lat_deg: f64,
    lon_deg: f64,
    heading_deg: f64,
    length_m: f64,
    width_m: f64,
    speed_mps: f64,
    /// Ways it may take within three seconds.
    ways: Vec<WayInfo>,
}

/// A way that somebody may take.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WayInfo {
    percent: u8,
    line: Vec<[f64; 2]>,
}

/// A light that it sees.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LightInfo {
    lat_deg: f64,
    lon_deg: f64,
    is_green: bool,
}

/// What is known of a driver's sight.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SightAnswer {
    /// None until the van has answered, and for vans whose driver shows nothing.
    sight: Option<SightInfo>,
}

/// What a van's driver sees and intends. Asking has the van tell it for a while, about once a second;
/// the first answers may come without.
#[utoipa::path(get, path = "/api/v1/vans/{id}/sight", tag = "fleet", params(("id" = u32, Path)),
    responses((status = 200, body = SightAnswer)))]
pub(super) async fn sight(
    State(state): State<Shared>,
    id: Id,
) -> Result<Json<SightAnswer>, ApiError> {
    let van = u32::try_from(id.0).map(VanId).map_err(|_| ApiError::not_found("van"))?;
    // Watching changes nothing, so whoever may look may ask.
    state.app.host.command(Actor::OPERATOR, Command::ShowVan { van }).await?;
    let sight = state.app.host.read(move |reader| reader.fleet.sight(van).map(info)).await?;
    Ok(Json(SightAnswer { sight }))
}

fn info(report: &SightReport) -> SightInfo {
    let line = |points: &[LatLon]| points.iter().map(|p| [p.lon_deg(), p.lat_deg()]).collect();
    SightInfo {
        at_ms: report.at.0,
        lat_deg: report.world.lat_deg(),
        lon_deg: report.world.lon_deg(),
        heading_deg: report.heading.0.to_degrees(),
        length_m: report.length.0,
        width_m: report.width.0,
        speed_mps: report.speed.0,
        reason: report.reason.chars().take(80).collect(),
        is_emergency: report.is_emergency,
        plan: line(&report.plan),
        stop: line(&report.stop),
        seen: report
            .seen
            .iter()
            .map(|s| SeenInfo {
                track_id: s.track,
                class: s.class.chars().take(20).collect(),
                lat_deg: s.world.lat_deg(),
                lon_deg: s.world.lon_deg(),
                heading_deg: s.heading.0.to_degrees(),
                length_m: s.length.0,
                width_m: s.width.0,
                speed_mps: s.speed.0,
                ways: s.ways.iter().map(|w| WayInfo { percent: w.0, line: line(&w.1) }).collect(),
            })
            .collect(),
        lights: report
            .lights
            .iter()
            .map(|(p, is_green)| LightInfo {
                lat_deg: p.lat_deg(),
                lon_deg: p.lon_deg(),
                is_green: *is_green,
            })
            .collect(),
    }
}
