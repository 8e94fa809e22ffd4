//! What the ledger records.

use rv_base::{
    EdgeId, FacilityId, OperatorId, OrderId, ParcelId, PermitId, RoadPosition, StopId, TenantId,
    TicketId, TimeWindow, Timestamp, VanId,
};
use rv_model::{Order, Permit, RefusalReason, ReturnReason, Site, Tenant, Van, VanClass};
use rv_wire::{CodeHash, Cursor, HelpChoice, HelpKind, Mission, Up};
use serde::{Deserialize, Serialize};

use crate::config::FleetCosts;
use crate::haul::{Haul, HaulLeg, RunId};
use crate::io::{ClosureId, SlowRoad};

/// Version of the ledger's events; the setup carries it.
pub const EVENT_VERSION: u16 = 3;

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the ledger, from 0 without gaps.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// What happened. The fleet's state is a fold of these and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The brain began to work.
    FleetStarted {
        /// Its channel session to the vans; grows by one with each start.
        session: u32,
        /// What the fleet consists of; only if it differs from the last one told.
        setup: Option<Box<Setup>>,
    },
    /// An order was taken on. Its parcels are at the hub, those of a collection with the sender.
    OrderAccepted {
        /// As asked.
        order: Order,
        /// The hub that serves it.
        hub: FacilityId,
        /// Where a van stops for it.
        stop: RoadPosition,
    },
    /// An order was not taken on.
    OrderRefused {
        /// Who asked.
        tenant: TenantId,
        /// Its key.
        key: String,
        /// How many parcels.
        n_parcels: u16,
        /// Why.
        reason: RefusalReason,
    },
    /// An order has another site or window.
    OrderChanged {
        /// Which.
        order: OrderId,
        /// The site now.
        site: Site,
        /// Where a van stops for it now.
        stop: RoadPosition,
        /// The window now.
        window: TimeWindow,
    },
    /// The tenant called off an order that is on board; it ends when it is back.
    CancelAsked {
        /// Which.
        order: OrderId,
    },
    /// A handover did not take place and the order is not at its end.
    AttemptFailed {
        /// Which.
        order: OrderId,
        /// Why.
        reason: ReturnReason,
        /// What comes next.
        next: NextTry,
    },
    /// An order came to its end; nothing about it changes any more.
    OrderEnded {
        /// Which.
        order: OrderId,
        /// Which end.
        end: OrderEnd,
    },
    /// Parcels changed hands.
    ParcelsMoved {
        /// Which, ascending.
        parcels: Vec<ParcelId>,
        /// Who had them.
        from: Custodian,
        /// Who has them now.
        to: Custodian,
    },
    /// A one-time code was made for an order at a stop.
    CodeIssued {
        /// The order.
        order: OrderId,
        /// The stop.
        stop: StopId,
        /// What the code hashes to.
        hash: CodeHash,
    },
    /// A van has a new version of its mission: the stops from here on.
    MissionSet {
        /// The van.
        van: VanId,
        /// What it is sent.
        mission: Mission,
        /// What is expected of each stop, in the same order.
        plan: Vec<StopPlan>,
        /// Why.
        cause: MissionCause,
    },
    /// A van reported; consequences follow in the same append.
    VanReported {
        /// The van.
        van: VanId,
        /// Channel cursor after it.
        cursor: Cursor,
        /// The report, as it came.
        report: Up,
    },
    /// A van was declared lost; its parcels are fetched.
    VanLost {
        /// The van.
        van: VanId,
        /// When its parcels are expected at the hub.
        fetched_at: Timestamp,
    },
    /// A lost van and its parcels are back at the hub.
    VanFetched {
        /// The van.
        van: VanId,
    },
    /// A van is given work, or no more.
    VanService {
        /// The van.
        van: VanId,
        /// Which.
        service: Service,
    },
    /// A van was told to halt, or to go on.
    VanHalt {
        /// The van.
        van: VanId,
        /// Which.
        halt: Halt,
    },
    /// Somebody has to decide something about a van.
    TicketOpened {
        /// The ticket.
        ticket: TicketId,
        /// The van.
        van: VanId,
        /// The van's number of its call; none if the fleet itself opened it.
        call: Option<u64>,
        /// What it is about.
        kind: TicketKind,
        /// 0 (can wait) to 3 (at once).
        urgency: u8,
        /// What can be done; the first is done when no answer comes in time.
        choices: Vec<HelpChoice>,
        /// Where the van stands.
        position: RoadPosition,
    },
    /// An operator looks at a ticket.
    TicketTaken {
        /// The ticket.
        ticket: TicketId,
        /// Who.
        operator: OperatorId,
        /// When an answer is expected.
        until: Timestamp,
    },
    /// A ticket was answered.
    TicketAnswered {
        /// The ticket.
        ticket: TicketId,
        /// What to do.
        choice: HelpChoice,
        /// By whom.
        by: AnsweredBy,
        /// The operator's time that it took.
        attention: rv_base::Seconds,
    },
    /// A ticket's matter is over.
    TicketClosed {
        /// The ticket.
        ticket: TicketId,
    },
    /// Roads were closed.
    RoadClosed {
        /// The closure.
        closure: ClosureId,
        /// Its edges, ascending.
        edges: Vec<EdgeId>,
        /// Until when, if known.
        until: Option<Timestamp>,
    },
    /// A closure ended.
    RoadOpened {
        /// The closure.
        closure: ClosureId,
    },
    /// A permit, or another version of one, was announced.
    PermitGranted {
        /// The permit.
        permit: Permit,
        /// When it comes into force.
        from: Timestamp,
    },
    /// The end of a permit was announced.
    PermitRevoked {
        /// Which.
        permit: PermitId,
        /// When it ends.
        from: Timestamp,
    },
    /// What was announced for this moment holds.
    PermitsInForce,
    /// No more orders are taken on.
    DayClosed,
    /// The traffic of the moment is known.
    TrafficChanged {
        /// Slow roads, by edge.
        slow: Vec<SlowRoad>,
    },
    /// An order was taken on that makes part of its way by truck. Its parcels are with the truck
    /// that brings them, or, if it goes on by truck, with the sender.
    HaulAccepted {
        /// As asked.
        order: Order,
        /// The hub at which the truck is unloaded or loaded.
        hub: FacilityId,
        /// Where a van stops for it.
        stop: RoadPosition,
        /// Its way by truck.
        haul: Haul,
    },
    /// An order that goes on by truck has its drives, or other ones.
    HaulPlanned {
        /// Which.
        order: OrderId,
        /// Its drives.
        legs: Vec<HaulLeg>,
    },
    /// A truck that brings orders is expected at another time.
    TruckExpected {
        /// Its drive.
        run: RunId,
        /// When it will be unloaded.
        unloaded: Timestamp,
    },
}

/// What the fleet consists of, so that a ledger can be read by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Version of the events that follow, [`EVENT_VERSION`].
    pub event_version: u16,
    /// Name of the city.
    pub city: String,
    /// Number of edges of its road graph.
    pub n_edges: u32,
    /// Tenants; an id is an index here.
    pub tenants: Vec<Tenant>,
    /// Classes of van.
    pub classes: Vec<VanClass>,
    /// Vans; an id is an index here.
    pub vans: Vec<Van>,
    /// Where each van stands at the very beginning: its hub.
    pub van_starts: Vec<RoadPosition>,
    /// Permits in force from the beginning.
    pub permits: Vec<Permit>,
    /// Number of remote operators.
    pub n_operators: u16,
    /// Costs beside those of the vans.
    pub costs: FleetCosts,
    /// Seconds to add to a timestamp to get the city's time, on which permit hours count.
    pub utc_offset: rv_base::Seconds,
}

/// Who has a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Custodian {
    /// The sender of a collection, before it is collected.
    Sender,
    /// A hub.
    Hub(FacilityId),
    /// A van.
    Van(VanId),
    /// The recipient.
    Recipient,
    /// A locker or station.
    Facility(FacilityId),
    /// A truck, on the drive that begins or ends here.
    Truck(RunId),
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OrderEnd {
    /// Handed over.
    Delivered {
        /// How.
        how: DeliveredHow,
        /// When it was handed over.
        at: Timestamp,
    },
    /// Back at the hub, or never picked up.
    Returned(ReturnReason),
    /// Called off by the tenant.
    Cancelled,
}

/// How an order was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeliveredHow {
    /// To the recipient, who entered the code at this stop.
    Code(StopId),
    /// Into the locker or to the station's staff that the order asked for.
    Facility(FacilityId),
    /// To a station's courier after nobody came to the van.
    Courier(FacilityId),
    /// A collection, handed in at the hub.
    Hub(FacilityId),
}

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NextTry {
    /// Another attempt.
    Again,
    /// Handover to the courier of this station.
    Courier(FacilityId),
    /// Back to the hub.
    Return,
}

/// What is expected of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopPlan {
    /// Arrival.
    pub arrive: Timestamp,
    /// Departure.
    pub leave: Timestamp,
    /// Driving time to it, traffic included.
    pub drive: rv_base::Seconds,
    /// The hub, station, locker or charging place, if it is one.
    pub facility: Option<FacilityId>,
}

/// Why a mission changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MissionCause {
    /// A new tour.
    Tour,
    /// A fixed circuit.
    Circuit,
    /// A better order of stops, or more of them.
    Replanned,
    /// Orders were changed or called off.
    OrderChanged,
    /// Nobody there: courier or second attempt.
    NextTry,
    /// A closed road, or an operator's wish for another way.
    Rerouted,
    /// The van refused the last version.
    Refused,
    /// Charging.
    Charge,
    /// Called back to the hub.
    Recalled,
}

/// Whether a van is given work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Service {
    /// It is.
    In,
    /// It finishes what it has.
    Out,
}

/// Whether a van halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Halt {
    /// It comes to a stop and stays.
    Halted,
    /// It goes on.
    Resumed,
}

/// What a ticket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TicketKind {
    /// The van calls for help.
    Help(HelpKind),
    /// The van is at fault and stands still.
    Dead,
    /// The van has not been heard for long.
    Silent,
    /// The van is heard but does not get on.
    Stuck,
}

/// Who answered a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AnsweredBy {
    /// A remote operator.
    Operator(OperatorId),
    /// Nobody in time: the safe default.
    Timeout,
}
