//! What the host hands to the brain and what the brain hands back.

use rv_base::{
    EdgeId, FacilityId, LatLon, OperatorId, OrderId, PermitId, TenantId, TicketId, TimeWindow,
    Timestamp, VanId,
};
use rv_model::{OrderRequest, Permit, RefusalReason, ReturnReason, Site};
use rv_wire::{Down, Envelope, HelpChoice, Up};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::haul::{Haul, HaulLeg, RunId};
use crate::job::{PlanJob, PlanResult};

/// What happens to the brain.
#[derive(Debug)]
pub enum Input {
    /// The first input after `new` or `restore`: opens a new channel session to every van.
    Start,
    /// Somebody wants something.
    Command {
        /// Repeated in the reply.
        tag: u64,
        /// Who.
        actor: Actor,
        /// What.
        command: Command,
    },
    /// A van was heard.
    Uplink {
        /// Which, as authenticated by the host.
        van: VanId,
        /// What it sent.
        envelope: Envelope<Up>,
    },
    /// A planning job is done.
    Planned(PlanResult),
    /// Time has passed.
    Tick,
}

/// What the host has to do, in order.
#[derive(Debug)]
pub enum Output {
    /// Write these to the ledger, durably, before any later output is carried out. The brain has
    /// applied them already; their positions follow the last record's, their time is `now`.
    Append(Vec<Event>),
    /// Answer a command.
    Reply {
        /// The command's tag.
        tag: u64,
        /// The answer.
        result: Result<Done, Rejection>,
    },
    /// Send to a van; may be lost or late.
    Send {
        /// Which.
        van: VanId,
        /// What.
        envelope: Envelope<Down>,
    },
    /// Run `job.run()` on any thread and feed the result as [`Input::Planned`] exactly
    /// `job.ready_after` later. A job may be dropped, for instance by a restart.
    Plan(Box<PlanJob>),
    /// Tell a person. May be repeated after a restart.
    Notify(Notice),
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What the actor may do.
    pub role: Role,
    /// The tenant it acts for; a must for [`Role::Tenant`].
    pub tenant: Option<TenantId>,
}

impl Actor {
    /// May do everything.
    pub const ADMIN: Self = Self { role: Role::Admin, tenant: None };
    /// A remote operator.
    pub const OPERATOR: Self = Self { role: Role::Operator, tenant: None };

    /// A tenant.
    pub const fn tenant(tenant: TenantId) -> Self {
        Self { role: Role::Tenant, tenant: Some(tenant) }
    }
}

/// What an actor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks only.
    Viewer,
    /// Places, changes and cancels its own orders.
    Tenant,
    /// Watches vans, answers tickets, closes roads.
    Operator,
    /// Everything.
    Admin,
}

/// What can be wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Take on an order.
    PlaceOrder(OrderRequest),
    /// Take on many, each for itself; at most [`MAX_BULK_ORDERS`].
    PlaceOrders(Vec<OrderRequest>),
    /// Call an order off. What is on board already comes back.
    CancelOrder {
        /// Which.
        order: OrderId,
    },
    /// Change where or when.
    ChangeOrder {
        /// Which.
        order: OrderId,
        /// The new site, if it changes.
        site: Option<Site>,
        /// The new window, if it changes.
        window: Option<TimeWindow>,
    },
    /// Answer a call for help.
    AnswerTicket {
        /// Which.
        ticket: TicketId,
        /// One of the ticket's choices.
        choice: HelpChoice,
        /// Who answers.
        operator: OperatorId,
    },
    /// Close roads to the fleet.
    CloseRoad {
        /// Which.
        at: RoadPlace,
        /// Until when; without it until opened.
        until: Option<Timestamp>,
    },
    /// Open what was closed.
    OpenRoad {
        /// Which closure.
        closure: ClosureId,
    },
    /// Bring a van to a minimal-risk stop.
    HaltVan {
        /// Which.
        van: VanId,
    },
    /// Have a van show what its driver sees, for a while.
    ShowVan {
        /// Which.
        van: VanId,
    },
    /// Let a halted van go on.
    ResumeVan {
        /// Which.
        van: VanId,
    },
    /// Give a van up where it is: its parcels are fetched and planned anew.
    DeclareVanLost {
        /// Which.
        van: VanId,
    },
    /// Give a van work.
    SetVanInService {
        /// Which.
        van: VanId,
    },
    /// Give a van no more work; it finishes what it has.
    SetVanOutOfService {
        /// Which.
        van: VanId,
    },
    /// Announce a permit for every van that needs permits, or another version of a permit for the
    /// vans that hold it. It comes into force after [`crate::Policy::permit_notice_s`], so that vans
    /// have left what they may then no longer drive.
    GrantPermit {
        /// The permit. Its number counts only if it is not new.
        permit: Permit,
        /// True if the fleet is to number it; else a permit of its number must be known.
        is_new: bool,
    },
    /// Announce the end of a permit, after the same notice.
    RevokePermit {
        /// Which.
        permit: PermitId,
    },
    /// The traffic of the moment, in place of what was known: roads that are not named are as the
    /// hour of the day says.
    SetTraffic {
        /// Slow roads, in any order; at most one entry for each edge.
        slow: Vec<SlowRoad>,
    },
    /// Take no more orders for today; return at once what is not on board, and the rest when it
    /// comes back.
    CloseDay,
    /// Take on an order that comes by truck (a delivery), or goes on by truck (a collection).
    PlaceHauled {
        /// The order in this city, under the key that it has everywhere.
        request: OrderRequest,
        /// The hub at which its truck is unloaded or loaded.
        hub: FacilityId,
        /// Its way by truck.
        haul: Haul,
    },
    /// Say how an order goes on by truck.
    PlanHaul {
        /// Whose.
        tenant: TenantId,
        /// Its key.
        key: String,
        /// Its drives.
        legs: Vec<HaulLeg>,
    },
    /// Say when a truck that brings orders will be unloaded.
    ExpectTruck {
        /// Its drive.
        run: RunId,
        /// When.
        unloaded: Timestamp,
    },
    /// A truck is unloaded.
    UnloadTruck {
        /// Its drive.
        run: RunId,
    },
    /// A truck is loaded with what is to go with it.
    LoadTruck {
        /// Its drive.
        run: RunId,
    },
}

/// Most orders of one [`Command::PlaceOrders`].
pub const MAX_BULK_ORDERS: usize = 10_000;

/// Which road to close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoadPlace {
    /// The piece of road nearest to this point, both directions.
    Near(LatLon),
    /// These edges.
    Edges(Vec<EdgeId>),
}

/// A road that takes longer than the hour of the day alone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlowRoad {
    /// The edge.
    pub edge: EdgeId,
    /// How many thousandths of the usual time it takes; at least 1.
    pub factor_permille: u32,
}

/// A closure of roads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClosureId(pub u32);

impl std::fmt::Display for ClosureId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a command achieved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Done {
    /// An order was taken on.
    Placed(Placed),
    /// Many orders were looked at, in the order given.
    PlacedMany(Vec<Result<Placed, RefusalReason>>),
    /// Roads were closed.
    Closed {
        /// The new closure.
        closure: ClosureId,
        /// Its edges.
        edges: Vec<EdgeId>,
        /// Name of the road, possibly empty.
        road_name: String,
    },
    /// A change of the permits was announced.
    PermitAnnounced {
        /// Which permit changes.
        permit: PermitId,
        /// When.
        from: Timestamp,
    },
    /// It is done, or was already.
    Done,
}

/// An order that was taken on, now or by an earlier command with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The order.
    pub order: OrderId,
    /// True if an earlier command had placed it.
    pub is_repeat: bool,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Rejection {
    /// The order is not taken on.
    #[error("order refused: {}", refusal_text(.0))]
    Refused(RefusalReason),
    /// The role may not do that, or not with another tenant's order.
    #[error("not allowed for this role")]
    NotAllowed,
    /// No such order.
    #[error("order {0} does not exist")]
    UnknownOrder(OrderId),
    /// No such van.
    #[error("van {0} does not exist")]
    UnknownVan(VanId),
    /// No such ticket.
    #[error("ticket {0} does not exist")]
    UnknownTicket(TicketId),
    /// No such closure.
    #[error("closure {0} does not exist")]
    UnknownClosure(ClosureId),
    /// The traffic names a road that is not there, or one twice, or a factor of zero.
    #[error("the traffic names an unknown road, one twice, or a factor of zero")]
    InvalidTraffic,
    /// No such permit.
    #[error("permit {0} does not exist")]
    UnknownPermit(PermitId),
    /// The order has come too far, or to its end.
    #[error("order {0} can no longer be changed")]
    OrderTooFar(OrderId),
    /// The ticket is answered or closed.
    #[error("ticket {0} is no longer open")]
    TicketClosed(TicketId),
    /// The ticket does not offer that choice.
    #[error("ticket {0} does not offer that choice")]
    ChoiceNotOffered(TicketId),
    /// Over [`MAX_BULK_ORDERS`].
    #[error("more than {MAX_BULK_ORDERS} orders at once")]
    TooManyOrders,
    /// No road near the point, or an edge that is not on the map.
    #[error("no road there")]
    NoRoad,
    /// A permit area with fewer than three points, or too many areas.
    #[error("permit is malformed: {0}")]
    InvalidPermit(String),
    /// The van is lost and first has to be put in service.
    #[error("van {0} is lost")]
    VanLost(VanId),
    /// Drives that do not follow each other, or an order or hub that does not fit them.
    #[error("the way by truck does not fit the order")]
    InvalidHaul,
    /// No order of the tenant has the key.
    #[error("no order has this key")]
    UnknownKey,
    /// No order comes or goes with the truck.
    #[error("no order is with truck drive {0}")]
    UnknownTruck(RunId),
}

/// Says why an order was not taken on.
pub fn refusal_text(reason: &RefusalReason) -> String {
    match reason {
        RefusalReason::UnknownTenant => "no tenant has this id".into(),
        RefusalReason::Invalid(error) => error.to_string(),
        RefusalReason::OutsideMap => "the site is not on the map".into(),
        RefusalReason::Unreachable => "no road that a van may use leads there".into(),
        RefusalReason::NotPermitted(permit) => format!("permit {permit} keeps every van away"),
        RefusalReason::TooLarge => "more than a van takes".into(),
        RefusalReason::TooLate => "the window cannot be met any more".into(),
        RefusalReason::KeyReused => "the key was used for another order".into(),
        RefusalReason::NoCapacity => "the fleet has no van left for that window".into(),
    }
}

/// What a tenant can do about a refusal.
pub fn refusal_hint(reason: &RefusalReason) -> &'static str {
    match reason {
        RefusalReason::UnknownTenant => "list the tenants with GET /city",
        RefusalReason::Invalid(_) => "correct the order and place it again",
        RefusalReason::OutsideMap | RefusalReason::Unreachable => {
            "choose a site at a street inside the map"
        }
        RefusalReason::NotPermitted(_) => "choose another hour or a locker outside the zone",
        RefusalReason::TooLarge => "split the order",
        RefusalReason::TooLate | RefusalReason::NoCapacity => "choose a later or wider window",
        RefusalReason::KeyReused => "use a new key for a new order",
    }
}

/// A stable word for a refusal.
pub fn refusal_code(reason: &RefusalReason) -> &'static str {
    match reason {
        RefusalReason::UnknownTenant => "order_unknown_tenant",
        RefusalReason::Invalid(_) => "order_invalid",
        RefusalReason::OutsideMap => "order_outside_map",
        RefusalReason::Unreachable => "order_unreachable",
        RefusalReason::NotPermitted(_) => "order_not_permitted",
        RefusalReason::TooLarge => "order_too_large",
        RefusalReason::TooLate => "order_too_late",
        RefusalReason::KeyReused => "order_key_reused",
        RefusalReason::NoCapacity => "order_no_capacity",
    }
}

impl Rejection {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(reason) => refusal_code(reason),
            Self::NotAllowed => "not_allowed",
            Self::UnknownOrder(_) => "unknown_order",
            Self::UnknownVan(_) => "unknown_van",
            Self::UnknownTicket(_) => "unknown_ticket",
            Self::UnknownClosure(_) => "unknown_closure",
            Self::UnknownPermit(_) => "unknown_permit",
            Self::OrderTooFar(_) => "order_too_far",
            Self::TicketClosed(_) => "ticket_closed",
            Self::ChoiceNotOffered(_) => "choice_not_offered",
            Self::TooManyOrders => "too_many_orders",
            Self::NoRoad => "no_road",
            Self::InvalidPermit(_) => "invalid_permit",
            Self::InvalidTraffic => "invalid_traffic",
            Self::VanLost(_) => "van_lost",
            Self::InvalidHaul => "invalid_haul",
            Self::UnknownKey => "unknown_key",
            Self::UnknownTruck(_) => "unknown_truck",
        }
    }

    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused(reason) => refusal_hint(reason),
            Self::NotAllowed => "use a token with the role for it",
            Self::InvalidHaul => {
                "give drives in order, deliveries by a truck that ends here, collections to another hub"
            }
            Self::UnknownOrder(_)
            | Self::UnknownKey
            | Self::UnknownTruck(_)
            | Self::UnknownVan(_)
            | Self::UnknownTicket(_)
            | Self::UnknownClosure(_)
            | Self::UnknownPermit(_) => "look it up in the list",
            Self::OrderTooFar(_) => "only what is not yet at the door can be changed",
            Self::TicketClosed(_) => "somebody, or the timeout, was faster",
            Self::ChoiceNotOffered(_) => "choose one of the ticket's choices",
            Self::TooManyOrders => "send them in several requests",
            Self::NoRoad => "choose a point nearer to a street",
            Self::InvalidTraffic => {
                "name each road of the city's graph once, with a factor above zero"
            }
            Self::InvalidPermit(_) => "give each area at least three points",
            Self::VanLost(_) => "put it in service once it is back at its hub",
        }
    }
}

/// Something to tell a person outside the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// A van comes for the order; the recipient (of a collection: the sender) needs the code to
    /// open it. Told again with another code or time when the plan changes.
    Code {
        /// The order.
        order: OrderId,
        /// The stop at which the code opens, as the van knows it.
        stop: rv_base::StopId,
        /// The van.
        van: VanId,
        /// The one-time code.
        code: String,
        /// Where the van will stand.
        position: LatLon,
        /// Expected begin of the handover.
        eta: Timestamp,
        /// When the code stops being of use.
        until: Timestamp,
    },
    /// The van stands there; the code opens it now.
    Arrived {
        /// The order.
        order: OrderId,
        /// The stop.
        stop: rv_base::StopId,
        /// The van.
        van: VanId,
    },
    /// The handover took place, or the parcels lie ready at a locker or station.
    Delivered {
        /// The order.
        order: OrderId,
        /// The locker or station, if there.
        facility: Option<FacilityId>,
    },
    /// The attempt failed and another follows.
    TryingAgain {
        /// The order.
        order: OrderId,
    },
    /// The parcels went back or were given up.
    Returned {
        /// The order.
        order: OrderId,
        /// Why.
        reason: ReturnReason,
    },
    /// The order was called off.
    Cancelled {
        /// The order.
        order: OrderId,
    },
    /// People are to bring a lost van to its hub, take everything out and switch it on; the van
    /// then says so itself ([`Up::Emptied`]). Told again until it does.
    FetchVan {
        /// The van.
        van: VanId,
        /// Where it is to go.
        hub: FacilityId,
    },
}
