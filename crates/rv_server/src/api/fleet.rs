//! Vans and tickets.

use axum::extract::State;
use axum::{Extension, Json};
use rv_base::{OperatorId, TicketId, VanId};
use rv_fleet::{Command, TicketStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::error::ApiError;
use super::extract::{Body, Id, Params};
use super::views::{self, Page, TicketInfo, VanDetail, VanInfo};
use crate::auth::Identity;
use crate::describe::CHOICES;

/// Most items of one page.
pub(super) const PAGE_MAX: usize = 1000;
/// Items of a page if the caller does not say.
pub(super) const PAGE_DEFAULT: usize = 100;

/// Which vans.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct VanParams {
    /// Only vans in this state.
    state: Option<String>,
    /// Only vans whose name or id contains this.
    query: Option<String>,
    /// Most items, up to 1000.
    limit: Option<usize>,
    /// What `next_cursor` said.
    cursor: Option<u32>,
}

/// Vans by id.
#[utoipa::path(get, path = "/api/v1/vans", tag = "fleet", params(VanParams),
    responses((status = 200, body = Page<VanInfo>)))]
pub(super) async fn vans(
    State(state): State<Shared>,
    Params(params): Params<VanParams>,
) -> Result<Json<Page<VanInfo>>, ApiError> {
    let limit = params.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let query = params.query.unwrap_or_default().to_lowercase();
    let page = state.app.host.read(move |reader| {
        let fits = |van: &rv_fleet::VanView| {
            let state_fits = params.state.as_deref().is_none_or(|s| s == van.activity.word());
            let query_fits = query.is_empty()
                || van.name.to_lowercase().contains(&query)
                || van.id.0.to_string() == query;
            state_fits && query_fits
        };
        let vans: Vec<_> = reader.fleet.van_views().into_iter().filter(fits).collect();
        let after = params.cursor;
        let mut rest = vans.iter().filter(|van| after.is_none_or(|id| van.id.0 > id));
        let items: Vec<_> = rest.by_ref().take(limit).map(views::van).collect();
        let last = vans.iter().filter(|van| after.is_none_or(|id| van.id.0 > id)).nth(limit - 1);
        let next_cursor = rest.next().and(last).map(|van| van.id.0.to_string());
        Page { items, next_cursor, total: vans.len() }
    });
    Ok(Json(page.await?))
}

/// One van with its stops and the way ahead.
#[utoipa::path(get, path = "/api/v1/vans/{id}", tag = "fleet", params(("id" = u32, Path)),
    responses((status = 200, body = VanDetail)))]
pub(super) async fn van(State(state): State<Shared>, id: Id) -> Result<Json<VanDetail>, ApiError> {
    let van = van_id(&id)?;
    let detail = state.app.host.read(move |reader| views::van_detail(reader, van)).await?;
    detail.map(Json).ok_or_else(|| ApiError::not_found("van"))
}

/// Brings a van to a minimal-risk stop.
#[utoipa::path(post, path = "/api/v1/vans/{id}/halt", tag = "fleet", params(("id" = u32, Path)),
    responses((status = 200, body = Object)))]
pub(super) async fn halt(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    id: Id,
) -> Result<Json<Value>, ApiError> {
    let van = van_id(&id)?;
    state.app.host.command(identity.actor, Command::HaltVan { van }).await?;
    Ok(Json(json!({})))
}

/// Lets a halted van go on.
#[utoipa::path(post, path = "/api/v1/vans/{id}/resume", tag = "fleet", params(("id" = u32, Path)),
    responses((status = 200, body = Object)))]
pub(super) async fn resume(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    id: Id,
) -> Result<Json<Value>, ApiError> {
    let van = van_id(&id)?;
    state.app.host.command(identity.actor, Command::ResumeVan { van }).await?;
    Ok(Json(json!({})))
}

/// Whether a van is given work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceRequest {
    is_in_service: bool,
}

/// Gives a van work, or no more.
#[utoipa::path(post, path = "/api/v1/vans/{id}/service", tag = "fleet",
    params(("id" = u32, Path)), request_body = ServiceRequest,
    responses((status = 200, body = Object)))]
pub(super) async fn service(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    id: Id,
    Body(request): Body<ServiceRequest>,
) -> Result<Json<Value>, ApiError> {
    let van = van_id(&id)?;
    let command = if request.is_in_service {
        Command::SetVanInService { van }
    } else {
        Command::SetVanOutOfService { van }
    };
    state.app.host.command(identity.actor, command).await?;
    Ok(Json(json!({})))
}

/// Which tickets.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketParams {
    /// open, answered or closed.
    #[param(value_type = Option<String>)]
    status: Option<TicketStatus>,
}

/// Tickets: the most urgent first, then the newest; at most 1000.
#[utoipa::path(get, path = "/api/v1/tickets", tag = "fleet", params(TicketParams),
    responses((status = 200, body = Page<TicketInfo>)))]
pub(super) async fn tickets(
    State(state): State<Shared>,
    Params(params): Params<TicketParams>,
) -> Result<Json<Page<TicketInfo>>, ApiError> {
    let page = state.app.host.read(move |reader| {
        let fleet = reader.fleet;
        let fits = |t: &&rv_fleet::Ticket| params.status.is_none_or(|s| s == t.status);
        let mut tickets: Vec<_> = fleet.state().tickets.iter().rev().filter(fits).collect();
        tickets.truncate(PAGE_MAX);
        tickets.sort_by_key(|t| std::cmp::Reverse((t.urgency, t.id)));
        Page::whole(tickets.iter().map(|t| views::ticket_info(fleet, t)).collect())
    });
    Ok(Json(page.await?))
}

/// An answer to a ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerRequest {
    /// Id of one of the ticket's choices.
    choice_id: String,
    /// Number of the operator who answers.
    #[serde(default)]
    operator_id: u16,
}

/// Answers a ticket.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/answer", tag = "fleet",
    params(("id" = u64, Path)), request_body = AnswerRequest,
    responses((status = 200, body = Object)))]
pub(super) async fn answer(
    State(state): State<Shared>,
    Extension(identity): Extension<Identity>,
    Id(id): Id,
    Body(request): Body<AnswerRequest>,
) -> Result<Json<Value>, ApiError> {
    let choice = CHOICES.iter().find(|(_, word)| *word == request.choice_id);
    let Some((choice, _)) = choice else {
        return Err(ApiError::bad(
            "unknown_choice",
            format!("{:?} is no choice", request.choice_id),
            "take the id of one of the ticket's choices",
        ));
    };
    let command = Command::AnswerTicket {
        ticket: TicketId(id),
        choice: *choice,
        operator: OperatorId(request.operator_id),
    };
    state.app.host.command(identity.actor, command).await?;
    Ok(Json(json!({})))
}

fn van_id(id: &Id) -> Result<VanId, ApiError> {
    u32::try_from(id.0).map(VanId).map_err(|_| ApiError::not_found("van"))
}
