//! Errors as the API tells them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rv_fleet::Rejection;
use rv_route::RouteError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::host::HostError;
use crate::store::StoreError;
use crate::world::InjectError;

/// A failed request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    pub hint: String,
}

/// Body of every error answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong and what to do about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A stable word for programs.
    code: &'static str,
    /// What is wrong.
    message: String,
    /// What can be done about it.
    hint: String,
}

impl ApiError {
    /// An error.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { status, code, message: message.into(), hint: hint.into() }
    }

    /// The request itself is wrong.
    pub fn bad(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message, hint)
    }

    /// What is asked for does not exist, or not for this caller.
    pub fn not_found(noun: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("no such {noun}"),
            "look it up in the list; /openapi.json names every path",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, message, hint } = self;
        let body = ErrorBody { error: ErrorDetail { code, message, hint } };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<HostError> for ApiError {
    fn from(error: HostError) -> Self {
        let message = error.to_string();
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            HostError::Rejected(rejection) => rejection.into(),
            HostError::Busy => {
                Self::new(unavailable, "busy", message, "try again in a second, or send less")
            }
            HostError::Unavailable { hint, .. } => {
                Self::new(unavailable, "storage_failed", message, hint)
            }
            HostError::Stopped => {
                Self::new(unavailable, "stopping", message, "try again once it runs again")
            }
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let status = match &rejection {
            Rejection::NotAllowed => StatusCode::FORBIDDEN,
            Rejection::UnknownOrder(_)
            | Rejection::UnknownVan(_)
            | Rejection::UnknownTicket(_)
            | Rejection::UnknownClosure(_)
            | Rejection::UnknownPermit(_)
            | Rejection::UnknownKey
            | Rejection::UnknownTruck(_) => StatusCode::NOT_FOUND,
            Rejection::OrderTooFar(_) | Rejection::TicketClosed(_) | Rejection::VanLost(_) => {
                StatusCode::CONFLICT
            }
            Rejection::TooManyOrders => StatusCode::PAYLOAD_TOO_LARGE,
            Rejection::Refused(_)
            | Rejection::ChoiceNotOffered(_)
            | Rejection::NoRoad
            | Rejection::InvalidTraffic
            | Rejection::InvalidHaul
            | Rejection::InvalidPermit(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, rejection.code(), rejection.to_string(), rejection.hint())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "storage_failed", error.to_string(), error.hint())
    }
}

impl From<InjectError> for ApiError {
    fn from(error: InjectError) -> Self {
        let hint = match error {
            InjectError::Real => "start the server with a simulated fleet",
            InjectError::Target(_) => "look vans and facilities up with GET /vans and GET /city",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "fault_not_possible", error.to_string(), hint)
    }
}

impl From<RouteError> for ApiError {
    fn from(error: RouteError) -> Self {
        let (code, hint) = match error {
            RouteError::OutsideMap(_) => ("outside_map", "choose points on the map"),
            RouteError::NotAllowed(_) => {
                ("not_allowed", "choose points nearer to streets that the class may use")
            }
            RouteError::NotPermitted(_) => {
                ("not_permitted", "choose another point, hour or class; GET /permits shows them")
            }
            RouteError::Closed(_) => {
                ("closed", "choose another point; GET /roads/closures shows what is closed")
            }
            RouteError::Unroutable { .. } => {
                ("unroutable", "see whether permits and closures leave a way")
            }
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string(), hint)
    }
}
