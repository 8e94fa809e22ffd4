//! Permits: what is in force, what is announced, and how that is changed.

use axum::extract::State as Context;
use axum::{Extension, Json};
use rv_base::{HourSet, LatLon, PermitId, Timestamp};
use rv_fleet::{Command, Done, State};
use rv_model::{Permit, PermitArea, VehicleKind, ring_outline};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Id};
use super::geojson;
use super::views::Page;
use crate::auth::Identity;

/// Most polygons of one request.
const POLYGONS_MAX: usize = 256;
/// Longest name of a permit, bytes.
const NAME_MAX: usize = 200;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PermitInfo {
    id: u32,
    name: String,
    /// `forbidden` if the geometry shows where driving is forbidden, else `allowed`.
    effect: &'static str,
    /// GeoJSON MultiPolygon; null for everywhere.
    #[schema(value_type = Option<Object>)]
    geometry: Value,
    hours: String,
    #[schema(value_type = Vec<String>)]
    van_classes: Vec<VehicleKind>,
    /// When it comes into force, if that is announced and not past.
    from_ms: Option<i64>,
    /// When it ends or changes, if that is announced.
    until_ms: Option<i64>,
}

/// The permits in force, and those announced.
fn infos(state: &State) -> Vec<PermitInfo> {
    let changes = &state.permit_changes;
    let in_force = state.permits.permits.values().map(|permit| {
        let next = changes.iter().find(|change| change.permit == permit.id);
        info(permit, None, next.map(|change| change.from))
    });
    let announced = changes.iter().enumerate().filter_map(|(idx, change)| {
        let next = changes[idx + 1..].iter().find(|later| later.permit == change.permit);
        Some(info(change.to.as_ref()?, Some(change.from), next.map(|later| later.from)))
    });
    in_force.chain(announced).collect()
}

fn info(permit: &Permit, from: Option<Timestamp>, until: Option<Timestamp>) -> PermitInfo {
    let first = permit.forbidden.first();
    PermitInfo {
        id: permit.id.0,
        name: permit.name.clone(),
        effect: if first.is_some() { "forbidden" } else { "allowed" },
        geometry: geojson::permit(permit),
        hours: hours_text(first.map_or(&permit.hours, |area| &area.hours)),
        van_classes: permit.kinds.clone(),
        from_ms: from.map(|at| at.0),
        until_ms: until.map(|at| at.0),
    }
}

/// Hours for people: `always`, `10:00-19:00 daily`, or how many a week.
fn hours_text(hours: &HourSet) -> String {
    let n = (0..168).filter(|h| hours.contains_hour(*h)).count();
    if n == 168 {
        return "always".into();
    }
    if n == 0 {
        return "never".into();
    }
    let daily = (0..24).find_map(|from| {
        let to = (from + n as u32 / 7) % 24;
        (*hours == HourSet::daily(from, to)).then_some((from, to))
    });
    daily.map_or_else(
        || format!("{n} hours a week"),
        |(from, to)| format!("{from:02}:00-{to:02}:00 daily"),
    )
}

/// An area that vans must keep out of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForbidRequest {
    name: String,
    /// GeoJSON Polygon or MultiPolygon without holes.
    #[schema(value_type = Object)]
    geometry: Geometry,
    /// First hour of the day in which it counts, 0 to 23, in the city's time; without it and
    /// `to_hour` always.
    from_hour: Option<u32>,
    /// The hour of the day, 0 to 24, before which it counts last.
    to_hour: Option<u32>,
    /// Kinds of vehicle that it binds; without it all.
    #[schema(value_type = Option<Vec<String>>)]
    van_classes: Option<Vec<VehicleKind>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Vec<Vec<f64>>>),
    MultiPolygon(Vec<Vec<Vec<Vec<f64>>>>),
}

/// A change that was announced.
#[derive(Serialize, ToSchema)]
pub(super) struct Announced {
    id: u32,
    /// When it comes into force; vans are told at once, and have left by then.
    from_ms: i64,
}

/// Permits in force and announced.
#[utoipa::path(get, path = "/api/v1/permits", tag = "roads",
    responses((status = 200, body = Page<PermitInfo>)))]
pub(super) async fn list(
    Context(state): Context<Shared>,
) -> Result<Json<Page<PermitInfo>>, ApiError> {
    let page = state.app.host.read(|reader| Page::whole(infos(reader.fleet.state())));
    Ok(Json(page.await?))
}

/// Announces an area that vans must keep out of. It counts after a notice in which they leave it.
#[utoipa::path(post, path = "/api/v1/permits", tag = "roads", request_body = ForbidRequest,
    responses((status = 200, body = Announced)))]
pub(super) async fn forbid(
    Context(state): Context<Shared>,
    Extension(identity): Extension<Identity>,
    Body(request): Body<ForbidRequest>,
) -> Result<Json<Announced>, ApiError> {
    let command = Command::GrantPermit { permit: request.permit()?, is_new: true };
    announced(state.app.host.command(identity.actor, command).await?)
}

/// Announces the end of a permit, after the same notice.
#[utoipa::path(delete, path = "/api/v1/permits/{id}", tag = "roads",
    params(("id" = u32, Path)), responses((status = 200, body = Announced)))]
pub(super) async fn revoke(
    Context(state): Context<Shared>,
    Extension(identity): Extension<Identity>,
    Id(id): Id,
) -> Result<Json<Announced>, ApiError> {
    let permit = u32::try_from(id).map_err(|_| ApiError::not_found("permit"))?;
    let command = Command::RevokePermit { permit: PermitId(permit) };
    announced(state.app.host.command(identity.actor, command).await?)
}

fn announced(done: Done) -> Result<Json<Announced>, ApiError> {
    match done {
        Done::PermitAnnounced { permit, from } => {
            Ok(Json(Announced { id: permit.0, from_ms: from.0 }))
        }
        _ => Err(ApiError::not_found("permit")),
    }
}

impl ForbidRequest {
    fn permit(self) -> Result<Permit, ApiError> {
        if self.name.is_empty() || self.name.len() > NAME_MAX {
            let hint = format!("give one of 1 to {NAME_MAX} bytes");
            return Err(ApiError::bad("bad_name", "a permit needs a name", hint));
        }
        let polygons = match self.geometry {
            Geometry::Polygon(rings) => vec![rings],
            Geometry::MultiPolygon(polygons) => polygons,
        };
        if polygons.is_empty() || polygons.len() > POLYGONS_MAX {
            let hint = format!("give 1 to {POLYGONS_MAX}");
            return Err(ApiError::bad("bad_geometry", "wrong number of polygons", hint));
        }
        let hours = HourSet::between(self.from_hour, self.to_hour).ok_or_else(|| {
            let hint = "give both, two different hours of the day, or neither";
            ApiError::bad("bad_hours", "from_hour and to_hour do not fit", hint)
        })?;
        let area = |rings: Vec<Vec<Vec<f64>>>| {
            let outline = outline(&rings)?;
            Ok(PermitArea { name: self.name.clone(), outline, hours })
        };
        let all = || vec![VehicleKind::Van, VehicleKind::Robot, VehicleKind::Truck];
        Ok(Permit {
            // The fleet numbers it.
            id: PermitId(0),
            kinds: self.van_classes.unwrap_or_else(all),
            allowed: Vec::new(),
            forbidden: polygons.into_iter().map(area).collect::<Result<_, ApiError>>()?,
            hours: HourSet::NEVER,
            name: self.name.clone(),
        })
    }
}

/// The outline of a polygon of one ring.
fn outline(rings: &[Vec<Vec<f64>>]) -> Result<Vec<LatLon>, ApiError> {
    let [ring] = rings else {
        let problem = format!("a polygon has {} rings", rings.len());
        return Err(ApiError::bad("bad_geometry", problem, "give one ring without holes"));
    };
    ring_outline(ring).map_err(|error| {
        let hint = "give at least three points, each longitude and latitude in degrees";
        ApiError::bad("bad_geometry", error.to_string(), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_shortly() {
        for (hours, text) in [
            (HourSet::ALWAYS, "always"),
            (HourSet::NEVER, "never"),
            (HourSet::daily(10, 19), "10:00-19:00 daily"),
            (HourSet::daily(22, 6), "22:00-06:00 daily"),
        ] {
            assert_eq!(hours_text(&hours), text);
        }
    }
}
