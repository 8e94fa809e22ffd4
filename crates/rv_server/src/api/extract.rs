//! Input from outside, read strictly and with the API's own errors.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use rv_base::LatLon;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// Query parameters.
pub(crate) struct Params<T>(pub(crate) T);

/// The one number in the path.
pub(crate) struct Id(pub(crate) u64);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let is_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
            if is_large {
                ApiError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    "the body is too large",
                    "send less at once",
                )
            } else {
                ApiError::bad("bad_body", "the body could not be read", "send it again")
            }
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            ApiError::bad(
                "bad_json",
                format!("the body does not fit: {error}"),
                "/openapi.json describes every field",
            )
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|rejection| {
            ApiError::bad(
                "bad_query",
                rejection.body_text(),
                "/openapi.json describes every parameter",
            )
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<u64>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| ApiError::not_found("item: ids are numbers"))
    }
}

/// A position from degrees.
pub(crate) fn position(lat_deg: f64, lon_deg: f64) -> Result<LatLon, ApiError> {
    LatLon::from_degrees(lat_deg, lon_deg).map_err(|error| {
        ApiError::bad(
            "bad_position",
            error.to_string(),
            "give lat_deg in -90..90, lon_deg in -180..180",
        )
    })
}

/// A position from `lat,lon`.
pub(crate) fn lat_lon(text: &str) -> Result<LatLon, ApiError> {
    let parsed = text
        .split_once(',')
        .and_then(|(lat, lon)| Some((lat.trim().parse().ok()?, lon.trim().parse().ok()?)));
    let Some((lat_deg, lon_deg)) = parsed else {
        return Err(ApiError::bad(
            "bad_position",
            format!("{text:?} is no position"),
            "write LAT,LON in degrees, such as 43.7384,7.4246",
        ));
    };
    position(lat_deg, lon_deg)
}
