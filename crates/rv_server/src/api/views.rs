//! What the API shows, as plain data.

use rv_base::{LatLon, OrderId, TicketId, Timestamp, VanId};
use rv_fleet::{
    AnsweredBy, Custodian, DeliveredHow, Fleet, OrderEnd, OrderView, StopView, Ticket, VanView,
    return_text,
};
use rv_map::{City, FacilityKind};
use rv_model::Site;
use rv_wire::StopKind;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::geojson;
use crate::describe::{choice_text, choice_word, ticket_text, ticket_word};
use crate::host::Reader;
use crate::live::LiveVan;
use crate::world::WorldKind;

/// A list, or a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Give this as `cursor` for what follows; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// Number of all items that fit.
    pub(crate) total: usize,
}

impl<T> Page<T> {
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { total: items.len(), items, next_cursor: None }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CityInfo {
    name: String,
    /// Every map must show it.
    attribution: String,
    /// South-west and north-east corners, [lon, lat].
    bounds: [[f64; 2]; 2],
    center: [f64; 2],
    facilities: Vec<FacilityInfo>,
    tenants: Vec<TenantInfo>,
    sim: SimKind,
    /// The city's time zone by an IANA name.
    time_zone: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FacilityInfo {
    id: u32,
    /// hub, station, locker or charger.
    kind: &'static str,
    name: String,
    lat_deg: f64,
    lon_deg: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantInfo {
    id: u16,
    name: String,
    /// post, express or urban.
    #[schema(value_type = String)]
    template: rv_model::Template,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimKind {
    is_simulated: bool,
}

pub(crate) fn city(reader: &Reader<'_>) -> CityInfo {
    let city = reader.fleet.city();
    let config = reader.fleet.config();
    let (low, high) = city.bounds;
    let middle = |a: f64, b: f64| (a + b) / 2.0;
    let facilities = city.facilities.iter().enumerate().map(|(idx, f)| FacilityInfo {
        id: idx as u32,
        kind: facility_word(f.kind),
        name: f.name.clone(),
        lat_deg: f.position.lat_deg(),
        lon_deg: f.position.lon_deg(),
    });
    let tenants = config.tenants.iter().map(|t| TenantInfo {
        id: t.id.0,
        name: t.name.clone(),
        template: t.template,
    });
    CityInfo {
        name: city.name.clone(),
        attribution: city.attribution.clone(),
        bounds: [geojson::lon_lat(low), geojson::lon_lat(high)],
        center: [middle(low.lon_deg(), high.lon_deg()), middle(low.lat_deg(), high.lat_deg())],
        facilities: facilities.collect(),
        tenants: tenants.collect(),
        sim: SimKind { is_simulated: reader.world == WorldKind::Simulated },
        time_zone: time_zone((config.utc_offset_s.0 / 3600.0).round() as i32),
    }
}

/// The IANA zone that is a fixed number of hours ahead of UTC; the names count the other way.
fn time_zone(hours_ahead: i32) -> String {
    if hours_ahead == 0 { "UTC".into() } else { format!("Etc/GMT{:+}", -hours_ahead) }
}

pub(crate) fn facility_word(kind: FacilityKind) -> &'static str {
    match kind {
        FacilityKind::Hub => "hub",
        FacilityKind::Station => "station",
        FacilityKind::Locker => "locker",
        FacilityKind::Charger => "charger",
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KpiInfo {
    now_ms: i64,
    speed: f64,
    /// Orders asked for.
    orders: u64,
    accepted: u64,
    delivered: u64,
    returned: u64,
    cancelled: u64,
    refused: u64,
    /// Accepted and not at their end.
    pending: u64,
    /// Share of the delivered orders begun inside their window.
    on_time_share: f64,
    cost_per_parcel: f64,
    currency: String,
    km: f64,
    kwh: f64,
    parcels_per_van_day: f64,
    vans_total: usize,
    vans_driving: usize,
    vans_charging: usize,
    vans_trouble: usize,
    tickets_open: usize,
    /// Share of the operators' time given to tickets.
    operator_load: f64,
    /// The last 24 hours, every 5 minutes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<HistoryInfo>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryInfo {
    t_ms: i64,
    delivered: u64,
    pending: u64,
    on_time_share: f64,
    kwh: f64,
}

pub(crate) fn kpi(reader: &Reader<'_>) -> KpiInfo {
    let kpi = reader.fleet.kpi(reader.clock.now);
    let tally = &kpi.tally;
    let history = tally.history.iter().map(|entry| HistoryInfo {
        t_ms: entry.at.0,
        delivered: entry.n_delivered,
        pending: entry.n_pending,
        on_time_share: entry.on_time_share,
        kwh: entry.drawn.0 / 1000.0,
    });
    KpiInfo {
        now_ms: reader.clock.now.0,
        speed: reader.clock.speed,
        orders: tally.n_orders,
        accepted: tally.n_orders.saturating_sub(tally.n_refused),
        delivered: tally.n_delivered,
        returned: tally.n_returned,
        cancelled: tally.n_cancelled,
        refused: tally.n_refused,
        pending: tally.n_pending(),
        on_time_share: tally.on_time_share(),
        cost_per_parcel: tally.cost_per_parcel().to_units(),
        currency: reader.fleet.config().costs.currency.iter().collect(),
        km: tally.driven.0 / 1000.0,
        kwh: tally.drawn.0 / 1000.0,
        parcels_per_van_day: kpi.parcels_per_van_day,
        vans_total: kpi.n_vans,
        vans_driving: kpi.n_driving,
        vans_charging: kpi.n_charging,
        vans_trouble: kpi.n_trouble,
        tickets_open: kpi.n_tickets_open,
        operator_load: kpi.operator_load,
        history: history.collect(),
    }
}

/// The live stream's key figures: as [`kpi`], without the history.
pub(crate) fn kpi_text(reader: &Reader<'_>) -> String {
    #[derive(Serialize)]
    struct Text {
        r#type: &'static str,
        #[serde(flatten)]
        kpi: KpiInfo,
    }
    let mut kpi = kpi(reader);
    kpi.history.clear();
    serde_json::to_string(&Text { r#type: "kpi", kpi }).expect("key figures are plain data")
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VanInfo {
    id: u32,
    name: String,
    class: String,
    /// idle, loading, driving, serving, waiting, charging, trouble, stopped, lost or offline.
    state: &'static str,
    /// Stored energy over usable battery, 0..1.
    soc: f64,
    /// Parcels over the most, 0..1.
    load: f64,
    n_parcels: usize,
    lat_deg: f64,
    lon_deg: f64,
    speed_mps: f64,
    /// Clockwise from north.
    heading_rad: f64,
    n_stops_left: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_stop_eta_ms: Option<i64>,
}

pub(crate) fn van(view: &VanView) -> VanInfo {
    VanInfo {
        id: view.id.0,
        name: view.name.clone(),
        class: view.class.clone(),
        state: view.activity.word(),
        soc: view.soc,
        load: view.load,
        n_parcels: view.n_parcels,
        lat_deg: view.position.lat_deg(),
        lon_deg: view.position.lon_deg(),
        speed_mps: view.speed.0,
        heading_rad: view.heading.0,
        n_stops_left: view.n_stops_left,
        next_stop_eta_ms: view.next_eta.map(|t| t.0),
    }
}

pub(crate) fn live_van(view: &VanView) -> LiveVan {
    LiveVan {
        id: view.id.0,
        position: view.position,
        heading_rad: view.heading.0,
        state: view.activity as u8,
        soc: view.soc,
        load: view.load,
        speed_mps: view.speed.0,
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VanDetail {
    #[serde(flatten)]
    van: VanInfo,
    hub_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    mission_id: Option<u64>,
    is_in_service: bool,
    is_halted: bool,
    permits: Vec<String>,
    stops: Vec<StopInfo>,
    /// GeoJSON LineString of the way ahead.
    #[schema(value_type = Object)]
    route: Value,
    odometer_km: f64,
    /// Drawn from the battery so far.
    kwh: f64,
    n_parcels_delivered: u32,
    /// Tickets that are not closed.
    tickets: Vec<TicketInfo>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopInfo {
    stop_id: u64,
    /// load, deliver, collect, locker, station, charge, unload or park.
    kind: &'static str,
    lat_deg: f64,
    lon_deg: f64,
    label: String,
    eta_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_start_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_end_ms: Option<i64>,
    /// current or planned; stops that are done are told by the orders' stories.
    status: &'static str,
    order_ids: Vec<u64>,
}

pub(crate) fn van_detail(reader: &Reader<'_>, id: VanId) -> Option<VanDetail> {
    let fleet = reader.fleet;
    let (view, state) = (fleet.van_view(id)?, fleet.state().van(id)?);
    let fixed = fleet.config().vans.get(id.idx())?;
    let stage = &fleet.state().permits;
    let permits = stage.held(&fixed.permits);
    let permits = permits.iter().filter_map(|p| stage.permits.get(p));
    let tickets = fleet.state().tickets.iter().filter(|t| t.van == id && !is_closed(t));
    Some(VanDetail {
        hub_id: view.hub.0,
        mission_id: (state.version > 0).then_some(state.mission.0),
        is_in_service: view.service == rv_fleet::Service::In,
        is_halted: state.is_halted,
        permits: permits.map(|p| p.name.clone()).collect(),
        stops: fleet.stop_views(id).iter().map(|stop| stop_info(fleet, stop)).collect(),
        route: geojson::line_string(&way_ahead(fleet, &view)),
        odometer_km: state.odometer.0 / 1000.0,
        kwh: state.drawn.0 / 1000.0,
        n_parcels_delivered: state.n_parcels_delivered,
        tickets: tickets.map(|t| ticket_info(fleet, t)).collect(),
        van: van(&view),
    })
}

/// The way from where the van is through all of its stops.
fn way_ahead(fleet: &Fleet, view: &VanView) -> Vec<LatLon> {
    let graph = &fleet.city().graph;
    let mut way = vec![view.position];
    let stops = fleet.state().van(view.id).map_or(&[][..], |van| &van.stops);
    let mut from = Some(view.road);
    for stop in stops {
        if stop.arrived.is_some() {
            continue;
        }
        let route = &stop.stop.route;
        // What of the first way has been driven is left out.
        let is_first = from == Some(view.road);
        let here = route.iter().position(|edge| is_first && *edge == view.road.edge);
        way.extend(geojson::way(graph, from, &route[here.unwrap_or(0)..], Some(stop.stop.at)));
        from = Some(stop.stop.at);
    }
    way.dedup();
    way
}

fn stop_info(fleet: &Fleet, stop: &StopView) -> StopInfo {
    let first = stop.orders.first().and_then(|id| fleet.order_view(*id));
    let is_handover = matches!(stop.kind, StopKind::Deliver | StopKind::Collect);
    let window = first.as_ref().filter(|_| is_handover).map(|o| o.order.request.window);
    let facility = stop.facility.and_then(|f| fleet.city().facilities.get(f.idx()));
    let label = match (facility, first) {
        (Some(facility), _) => facility.name.clone(),
        (None, Some(order)) => order.address,
        (None, None) => String::new(),
    };
    StopInfo {
        stop_id: stop.id.0,
        kind: match stop.kind {
            StopKind::Load => "load",
            StopKind::Deliver => "deliver",
            StopKind::Collect => "collect",
            StopKind::Locker => "locker",
            StopKind::Station => "station",
            StopKind::Unload => "unload",
            StopKind::Charge => "charge",
            StopKind::Park => "park",
        },
        lat_deg: stop.position.lat_deg(),
        lon_deg: stop.position.lon_deg(),
        label,
        eta_ms: stop.eta.0,
        window_start_ms: window.and_then(|w| bounded(w.start)),
        window_end_ms: window.and_then(|w| bounded(w.end)),
        status: if stop.is_current { "current" } else { "planned" },
        order_ids: stop.orders.iter().map(|o| o.0).collect(),
    }
}

/// A window's end that means something.
fn bounded(at: Timestamp) -> Option<i64> {
    (Timestamp::ZERO < at && at < Timestamp::FAR_FUTURE).then_some(at.0)
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderInfo {
    id: u64,
    key: String,
    tenant_id: u16,
    /// delivery, collection or replenishment.
    #[schema(value_type = String)]
    kind: rv_model::OrderKind,
    /// accepted, planned, loaded, underway, arrived, delivered, returned, cancelled or refused.
    #[schema(value_type = String)]
    status: rv_model::OrderStatus,
    address: String,
    n_parcels: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_start_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_end_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    van_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_ms: Option<i64>,
}

pub(crate) fn order(view: &OrderView) -> OrderInfo {
    let request = &view.order.request;
    OrderInfo {
        id: view.order.id.0,
        key: request.key.clone(),
        tenant_id: request.tenant.0,
        kind: request.kind,
        status: view.status,
        address: view.address.clone(),
        n_parcels: request.n_parcels,
        window_start_ms: bounded(request.window.start),
        window_end_ms: bounded(request.window.end),
        van_id: view.van.map(|v| v.0),
        eta_ms: view.eta.map(|t| t.0),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderDetail {
    #[serde(flatten)]
    order: OrderInfo,
    lat_deg: f64,
    lon_deg: f64,
    /// Why it came back, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    cost: f64,
    story: Vec<StoryInfo>,
    parcels: Vec<ParcelInfo>,
    /// The live one-time code; never shown to viewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<ProofInfo>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoryInfo {
    t_ms: i64,
    #[schema(value_type = String)]
    kind: Value,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    van_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facility_id: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ParcelInfo {
    id: u64,
    /// sender, hub, van, recipient or facility: who has it.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    compartment: Option<u16>,
}

/// Evidence of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProofInfo {
    /// code, facility, courier or hub.
    how: &'static str,
    at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facility_id: Option<u32>,
}

/// Whether the caller may see one-time codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codes {
    Shown,
    Hidden,
}

pub(crate) fn order_detail(reader: &Reader<'_>, id: OrderId, codes: Codes) -> Option<OrderDetail> {
    let fleet = reader.fleet;
    let view = fleet.order_view(id)?;
    let (reason, proof) = match view.end {
        Some(OrderEnd::Returned(reason)) => (Some(return_text(reason)), None),
        Some(OrderEnd::Delivered { how, at }) => (None, Some(proof(how, at))),
        Some(OrderEnd::Cancelled) | None => (None, None),
    };
    let story = fleet.state().story(id).iter().map(|entry| StoryInfo {
        t_ms: entry.at.0,
        kind: story_word(entry.kind),
        text: entry.kind.text(),
        van_id: entry.van.map(|v| v.0),
        facility_id: entry.facility.map(|f| f.0),
    });
    let parcels = view.parcels.iter().map(|(id, custodian, compartment)| ParcelInfo {
        id: id.0,
        status: match custodian {
            Custodian::Sender => "sender",
            Custodian::Hub(_) => "hub",
            Custodian::Van(_) => "van",
            Custodian::Recipient => "recipient",
            Custodian::Facility(_) => "facility",
            Custodian::Truck(_) => "truck",
        },
        compartment: *compartment,
    });
    Some(OrderDetail {
        lat_deg: view.position.lat_deg(),
        lon_deg: view.position.lon_deg(),
        reason,
        cost: view.cost.to_units(),
        story: story.collect(),
        parcels: parcels.collect(),
        code: if codes == Codes::Shown { fleet.code(id) } else { None },
        proof,
        order: order(&view),
    })
}

/// A story's kind without what it carries.
fn story_word(kind: rv_fleet::StoryKind) -> Value {
    match serde_json::to_value(kind) {
        Ok(Value::Object(map)) => map.keys().next().cloned().map_or(Value::Null, Value::String),
        Ok(word) => word,
        Err(_) => Value::Null,
    }
}

fn proof(how: DeliveredHow, at: Timestamp) -> ProofInfo {
    let (how, stop_id, facility_id) = match how {
        DeliveredHow::Code(stop) => ("code", Some(stop.0), None),
        DeliveredHow::Facility(f) => ("facility", None, Some(f.0)),
        DeliveredHow::Courier(f) => ("courier", None, Some(f.0)),
        DeliveredHow::Hub(f) => ("hub", None, Some(f.0)),
    };
    ProofInfo { how, at_ms: at.0, stop_id, facility_id }
}

/// Address of a site for searching; empty for a bare point.
pub(crate) fn address_of(city: &City, site: Site) -> &str {
    match site {
        Site::Place(place) => city.places.get(place.idx()).map_or("", |p| &p.address),
        Site::Facility(f) => city.facilities.get(f.idx()).map_or("", |f| &f.name),
        Site::Point(_) => "",
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketInfo {
    id: u64,
    van_id: u32,
    kind: &'static str,
    /// 0 (can wait) to 3 (at once).
    urgency: u8,
    opened_ms: i64,
    text: &'static str,
    choices: Vec<ChoiceInfo>,
    /// open, answered or closed.
    #[schema(value_type = String)]
    status: rv_fleet::TicketStatus,
    /// `operator N` or `timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'static str>,
    lat_deg: f64,
    lon_deg: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChoiceInfo {
    id: &'static str,
    text: &'static str,
    /// Done by itself when no answer comes in time.
    is_safe_default: bool,
}

pub(crate) fn is_closed(ticket: &Ticket) -> bool {
    ticket.status == rv_fleet::TicketStatus::Closed
}

pub(crate) fn ticket(reader: &Reader<'_>, id: TicketId) -> Option<TicketInfo> {
    reader.fleet.state().ticket(id).map(|ticket| ticket_info(reader.fleet, ticket))
}

pub(crate) fn ticket_info(fleet: &Fleet, ticket: &Ticket) -> TicketInfo {
    let graph = &fleet.city().graph;
    let edge = ticket.position.edge;
    let at = geojson::way(graph, Some(ticket.position), &[edge], Some(ticket.position));
    let at = at.first().copied().unwrap_or_default();
    let choices = ticket.choices.iter().enumerate().map(|(idx, choice)| ChoiceInfo {
        id: choice_word(*choice),
        text: choice_text(*choice),
        is_safe_default: idx == 0,
    });
    TicketInfo {
        id: ticket.id.0,
        van_id: ticket.van.0,
        kind: ticket_word(ticket.kind),
        urgency: ticket.urgency,
        opened_ms: ticket.opened_at.0,
        text: ticket_text(ticket.kind),
        choices: choices.collect(),
        status: ticket.status,
        answered_by: ticket.answer.map(|(_, by, _)| match by {
            AnsweredBy::Operator(operator) => format!("operator {operator}"),
            AnsweredBy::Timeout => "timeout".into(),
        }),
        answer: ticket.answer.map(|(choice, _, _)| choice_word(choice)),
        lat_deg: at.lat_deg(),
        lon_deg: at.lon_deg(),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosureInfo {
    pub(crate) closure_id: u32,
    pub(crate) road_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until_ms: Option<i64>,
    /// GeoJSON MultiLineString.
    #[schema(value_type = Object)]
    pub(crate) geometry: Value,
}

pub(crate) fn closures(reader: &Reader<'_>) -> Vec<ClosureInfo> {
    let graph = &reader.fleet.city().graph;
    let closures = reader.fleet.state().closures.iter();
    closures
        .map(|(id, closure)| {
            let first = closure.edges.iter().find(|edge| edge.idx() < graph.n_edges());
            ClosureInfo {
                closure_id: id.0,
                road_name: first.map_or_else(String::new, |e| graph.road_of(*e).name.clone()),
                since_ms: Some(closure.since.0),
                until_ms: closure.until.map(|t| t.0),
                geometry: geojson::edges(graph, &closure.edges),
            }
        })
        .collect()
}
