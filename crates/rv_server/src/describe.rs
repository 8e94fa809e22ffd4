//! Says in a line what happened.

use rv_base::{OrderId, Timestamp, VanId};
use rv_fleet::{
    AnsweredBy, DeliveredHow, Event, Halt, NextTry, OrderEnd, Service, State, TicketKind,
    refusal_text, return_text,
};
use rv_wire::{FaultKind, HelpChoice, HelpKind, Up};
use serde::Serialize;
use utoipa::ToSchema;

/// A line of the ticker.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NewsItem {
    /// When.
    pub t_ms: i64,
    /// A stable word for what happened.
    pub kind: &'static str,
    /// The order it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<u64>,
    /// The van it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub van_id: Option<u32>,
    /// One line for people.
    pub text: String,
}

/// The line for an event; none if it is of no interest to people.
pub fn describe(at: Timestamp, event: &Event, state: &State) -> Option<NewsItem> {
    let item = |kind, order: Option<OrderId>, van: Option<VanId>, text| {
        Some(NewsItem {
            t_ms: at.0,
            kind,
            order_id: order.map(|o| o.0),
            van_id: van.map(|v| v.0),
            text,
        })
    };
    match event {
        Event::FleetStarted { .. } => {
            item("started", None, None, "the fleet's brain started".into())
        }
        Event::OrderAccepted { order, .. } => {
            let n = order.request.n_parcels;
            let text = format!("order {} accepted, {n} {}", order.id, plural(n, "parcel"));
            item("accepted", Some(order.id), None, text)
        }
        Event::HaulAccepted { order, haul, .. } => {
            let way = match haul {
                rv_fleet::Haul::In(_) => "comes by truck",
                rv_fleet::Haul::Out { .. } => "goes on by truck",
            };
            let text = format!("order {} accepted, {way}", order.id);
            item("accepted", Some(order.id), None, text)
        }
        Event::TruckExpected { run, unloaded } => {
            item("truck", None, None, format!("truck drive {run} is unloaded at {unloaded}"))
        }
        Event::OrderRefused { key, reason, .. } => {
            item("refused", None, None, format!("order {key} refused: {}", refusal_text(reason)))
        }
        Event::OrderChanged { order, .. } => {
            item("changed", Some(*order), None, format!("order {order} changed"))
        }
        Event::CancelAsked { order } => {
            item("cancel_asked", Some(*order), None, format!("order {order} called off on board"))
        }
        Event::AttemptFailed { order, reason, next } => {
            let next = match next {
                NextTry::Again => "trying again",
                NextTry::Courier(_) => "a courier takes over",
                NextTry::Return => "going back",
            };
            let text = format!("order {order}: {}, {next}", return_text(*reason));
            item("attempt_failed", Some(*order), van_of(state, *order), text)
        }
        Event::OrderEnded { order, end } => {
            let (kind, text) = ended(*order, end);
            item(kind, Some(*order), van_of(state, *order), text)
        }
        _ => describe_van(event, state, item),
    }
}

/// The part of [`describe`] that is about vans, tickets and roads.
fn describe_van(
    event: &Event,
    state: &State,
    item: impl Fn(&'static str, Option<OrderId>, Option<VanId>, String) -> Option<NewsItem>,
) -> Option<NewsItem> {
    let name = |van: &VanId| van_name(state, *van);
    match event {
        Event::VanReported { van, report: Up::Fault { kind, .. }, .. } => {
            item("fault", None, Some(*van), format!("{}: {}", name(van), fault_text(*kind)))
        }
        Event::VanReported { van, report: Up::Recovered { .. }, .. } => {
            item("recovered", None, Some(*van), format!("{} works again", name(van)))
        }
        Event::VanLost { van, .. } => {
            let text = format!("{} is lost; its parcels are fetched", name(van));
            item("van_lost", None, Some(*van), text)
        }
        Event::VanFetched { van } => {
            item("van_fetched", None, Some(*van), format!("{} is back at its hub", name(van)))
        }
        Event::VanService { van, service } => {
            let text = match service {
                Service::In => format!("{} is in service", name(van)),
                Service::Out => format!("{} is out of service", name(van)),
            };
            item("service", None, Some(*van), text)
        }
        Event::VanHalt { van, halt } => {
            let text = match halt {
                Halt::Halted => format!("{} was told to halt", name(van)),
                Halt::Resumed => format!("{} goes on", name(van)),
            };
            item("halt", None, Some(*van), text)
        }
        Event::TicketOpened { van, kind, .. } => {
            item("ticket", None, Some(*van), format!("{}: {}", name(van), ticket_text(*kind)))
        }
        Event::TicketAnswered { ticket, choice, by, .. } => {
            let who = match by {
                AnsweredBy::Operator(operator) => format!("operator {operator}"),
                AnsweredBy::Timeout => "timeout".into(),
            };
            let text = format!("ticket {ticket}: {} ({who})", choice_text(*choice));
            item("ticket_answered", None, state.ticket(*ticket).map(|t| t.van), text)
        }
        Event::RoadClosed { closure, edges, .. } => {
            let text = format!("closure {closure}: {} road pieces closed", edges.len());
            item("road_closed", None, None, text)
        }
        Event::TrafficChanged { slow } => {
            item("traffic", None, None, format!("{} road pieces are slow", slow.len()))
        }
        Event::RoadOpened { closure } => {
            item("road_opened", None, None, format!("closure {closure} is over"))
        }
        Event::PermitGranted { permit, from } => {
            let text = format!("permit {} comes into force at {from}", permit.name);
            item("permit", None, None, text)
        }
        Event::PermitRevoked { permit, from } => {
            item("permit", None, None, format!("permit {permit} ends at {from}"))
        }
        Event::DayClosed => item("day_closed", None, None, "no more orders today".into()),
        _ => None,
    }
}

fn ended(order: OrderId, end: &OrderEnd) -> (&'static str, String) {
    match end {
        OrderEnd::Delivered { how, .. } => {
            let how = match how {
                DeliveredHow::Code(_) => "handed over with its code",
                DeliveredHow::Facility(_) => "ready for collection",
                DeliveredHow::Courier(_) => "handed over by a courier",
                DeliveredHow::Hub(_) => "collected and handed in at the hub",
            };
            ("delivered", format!("order {order} {how}"))
        }
        OrderEnd::Returned(reason) => {
            ("returned", format!("order {order} returned: {}", return_text(*reason)))
        }
        OrderEnd::Cancelled => ("cancelled", format!("order {order} cancelled")),
    }
}

fn van_of(state: &State, order: OrderId) -> Option<VanId> {
    state.order(order).and_then(|o| o.van)
}

fn van_name(state: &State, van: VanId) -> String {
    let vans = state.setup.as_ref().map(|setup| &setup.vans);
    vans.and_then(|vans| vans.get(van.idx()))
        .map_or_else(|| format!("van {van}"), |van| van.name.clone())
}

fn plural(n: u16, noun: &str) -> String {
    if n == 1 { noun.into() } else { format!("{noun}s") }
}

/// What a ticket is about, for people.
pub fn ticket_text(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::Dead => "at fault and standing still",
        TicketKind::Silent => "not heard for a long time",
        TicketKind::Stuck => "does not get on",
        TicketKind::Help(HelpKind::RoadBlocked) => "the way ahead is blocked",
        TicketKind::Help(HelpKind::NoKerb) => "no place to stand at the stop",
        TicketKind::Help(HelpKind::DoorStuck) => "a door does not open or close",
        TicketKind::Help(HelpKind::LockerJammed) => "the locker does not open",
        TicketKind::Help(HelpKind::CodeTrouble) => "the recipient has trouble with the code",
        TicketKind::Help(HelpKind::Unclear) => "does not understand what it sees",
        TicketKind::Help(HelpKind::Fault) => "a part failed",
    }
}

/// A stable word for what a ticket is about.
pub fn ticket_word(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::Dead => "dead",
        TicketKind::Silent => "silent",
        TicketKind::Stuck => "stuck",
        TicketKind::Help(HelpKind::RoadBlocked) => "road_blocked",
        TicketKind::Help(HelpKind::NoKerb) => "no_kerb",
        TicketKind::Help(HelpKind::DoorStuck) => "door_stuck",
        TicketKind::Help(HelpKind::LockerJammed) => "locker_jammed",
        TicketKind::Help(HelpKind::CodeTrouble) => "code_trouble",
        TicketKind::Help(HelpKind::Unclear) => "unclear",
        TicketKind::Help(HelpKind::Fault) => "fault",
    }
}

/// A choice, for people.
pub fn choice_text(choice: HelpChoice) -> &'static str {
    match choice {
        HelpChoice::Wait => "Stay and wait",
        HelpChoice::Retry => "Try again",
        HelpChoice::Proceed => "Go on: the way is clear",
        HelpChoice::SkipStop => "Skip this stop",
        HelpChoice::Reroute => "Take another way",
        HelpChoice::ReturnToHub => "Return to the hub",
        HelpChoice::BeRecovered => "Stay and be fetched",
    }
}

/// Every choice with its stable word.
pub const CHOICES: [(HelpChoice, &str); 7] = [
    (HelpChoice::Wait, "wait"),
    (HelpChoice::Retry, "retry"),
    (HelpChoice::Proceed, "proceed"),
    (HelpChoice::SkipStop, "skip_stop"),
    (HelpChoice::Reroute, "reroute"),
    (HelpChoice::ReturnToHub, "return_to_hub"),
    (HelpChoice::BeRecovered, "be_recovered"),
];

/// A stable word for a choice.
pub fn choice_word(choice: HelpChoice) -> &'static str {
    CHOICES.iter().find(|(c, _)| *c == choice).map_or("wait", |(_, word)| word)
}

fn fault_text(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Dead => "drive or computer failed, standing still",
        FaultKind::SensorDegraded => "a sensor is degraded, driving slower",
        FaultKind::DoorStuck => "a door is stuck",
        FaultKind::BatteryLow => "battery below its reserve",
    }
}
