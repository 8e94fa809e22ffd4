//! The fleet's state: a fold of the ledger's events and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{
    FacilityId, LatLon, Meters, MissionId, Money, OperatorId, OrderId, ParcelId, PermitId,
    RoadPosition, Seconds, StopId, TenantId, TicketId, TimeWindow, Timestamp, VanId, WattHours,
};
use rv_model::{Order, OrderStatus, Permit, ReturnReason, Site};
use rv_wire::{CodeHash, Cursor, FaultKind, HelpChoice, Stop, Task};
use serde::{Deserialize, Serialize};

use crate::event::{
    AnsweredBy, Custodian, NextTry, OrderEnd, Service, Setup, StopPlan, TicketKind,
};
use crate::haul::{Haul, RunId};
use crate::io::{ClosureId, SlowRoad};
use crate::kpi::{Estimates, Tally};

/// What the fleet knows for sure. Equal ledgers give equal states, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Number of records folded; the position of the next.
    pub n_records: u64,
    /// Time of the last record.
    pub at: Timestamp,
    /// Channel session to the vans.
    pub session: u32,
    /// What the fleet consists of.
    pub setup: Option<Box<Setup>>,
    /// Orders; an id is an index here.
    pub orders: Vec<OrderState>,
    /// Orders that wait at each hub for a van: accepted, on no mission, not called off.
    pub open: BTreeMap<FacilityId, BTreeSet<OrderId>>,
    /// Orders with the trucks that bring them, by drive.
    pub on_trucks: BTreeMap<RunId, BTreeSet<OrderId>>,
    /// Orders that end as soon as they are on no van: called off, or not to be tried again.
    pub closing: BTreeSet<OrderId>,
    /// Parcels; an id is an index here.
    pub parcels: Vec<ParcelState>,
    /// Idempotency keys.
    pub keys: BTreeMap<(TenantId, String), OrderId>,
    /// Vans; an id is an index here.
    pub vans: Vec<VanState>,
    /// The next stop's number.
    pub next_stop: u64,
    /// The next mission's number.
    pub next_mission: u64,
    /// Tickets; an id is an index here.
    pub tickets: Vec<Ticket>,
    /// Operators; an id is an index here.
    pub operators: Vec<OperatorState>,
    /// Closures in force.
    pub closures: BTreeMap<ClosureId, Closure>,
    /// The next closure's number.
    pub next_closure: u32,
    /// Grows with each change of the closures.
    pub closure_epoch: u64,
    /// Permits in force.
    pub permits: PermitStage,
    /// Changes of the permits that were announced and are not in force yet, by time.
    pub permit_changes: Vec<PermitChange>,
    /// Grows with each change of the permits, when it is announced and when it comes into force.
    pub permit_epoch: u64,
    /// Roads that are slow at the moment, by edge.
    pub traffic: Vec<SlowRoad>,
    /// Grows with each change of the traffic.
    pub traffic_epoch: u64,
    /// True after [`crate::Command::CloseDay`].
    pub is_day_closed: bool,
    /// Sums.
    pub tally: Tally,
    /// What has been learnt about times.
    pub estimates: Estimates,
}

/// Permits that hold together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PermitStage {
    /// Since when; the beginning of time for those of the setup.
    pub from: Timestamp,
    /// All of them.
    pub permits: BTreeMap<PermitId, Permit>,
    /// Those granted during operation, which every van holds that needs permits at all.
    pub granted: BTreeSet<PermitId>,
}

/// An announced change of the permits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermitChange {
    /// When it comes into force.
    pub from: Timestamp,
    /// Which permit changes.
    pub permit: PermitId,
    /// What it then says; nothing if it ends.
    pub to: Option<Permit>,
}

impl PermitStage {
    /// The permits that bind a van which lists these, among them some that may not be in force;
    /// none for a van that needs none.
    pub fn held(&self, listed: &[PermitId]) -> Vec<PermitId> {
        let mut held = listed.to_vec();
        if !listed.is_empty() {
            held.extend(self.granted.iter().filter(|id| !listed.contains(id)));
        }
        held
    }

    /// Takes a change over.
    pub(crate) fn change(&mut self, change: &PermitChange) {
        self.from = change.from;
        match &change.to {
            Some(permit) => {
                if self.permits.insert(permit.id, permit.clone()).is_none() {
                    self.granted.insert(permit.id);
                }
            }
            None => {
                self.permits.remove(&change.permit);
                self.granted.remove(&change.permit);
            }
        }
    }
}

/// An order and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// The order as it is now.
    pub order: Order,
    /// Site and window as they were first asked for: the same key with the same request is a repeat
    /// even after a change.
    pub asked: (Site, TimeWindow),
    /// The hub that serves it.
    pub hub: FacilityId,
    /// Where a van stops for it.
    pub stop_at: RoadPosition,
    /// Where it stands.
    pub status: OrderStatus,
    /// How it ended, if it did.
    pub end: Option<OrderEnd>,
    /// The van that has it on its mission or on board.
    pub van: Option<VanId>,
    /// The stop at which it is to be handed over.
    pub stop: Option<StopId>,
    /// Attempts at the door that failed.
    pub n_attempts: u8,
    /// What follows the last failed attempt, and why it failed.
    pub next_try: Option<(NextTry, ReturnReason)>,
    /// True if the tenant called it off while it was on board.
    pub is_cancel_asked: bool,
    /// When a collection was received from its sender.
    pub collected_at: Option<Timestamp>,
    /// Hash of the live code, if there is one.
    pub code: Option<CodeHash>,
    /// Its share of energy, van and operator, and its handling.
    pub cost: Money,
    /// Its way by truck, if it has one.
    pub haul: Option<Haul>,
    /// What happened to it.
    pub story: Vec<StoryEntry>,
}

/// One line of an order's story.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: StoryKind,
    /// With which van.
    pub van: Option<VanId>,
    /// At which hub, station or locker.
    pub facility: Option<FacilityId>,
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoryKind {
    /// Taken on.
    Accepted,
    /// Site or window changed.
    Changed,
    /// On a van's mission.
    Planned,
    /// Taken off a van's mission.
    Unplanned,
    /// Some of its parcels went on board.
    Loaded,
    /// The van drives to it.
    Underway,
    /// The van stands at it.
    Arrived,
    /// Handed over to the recipient.
    HandedOver,
    /// Received from the sender.
    Collected,
    /// Put into a locker or given to a station.
    Dropped,
    /// Given back at the hub.
    BackAtHub,
    /// Not handed over.
    AttemptFailed(ReturnReason),
    /// Its van was lost.
    VanLost,
    /// Fetched from a lost van.
    Fetched,
    /// The tenant called it off.
    CancelAsked,
    /// Delivered.
    Delivered,
    /// Returned.
    Returned(ReturnReason),
    /// Cancelled.
    Cancelled,
    /// Its way by truck is planned, or another one.
    HaulPlanned,
    /// Its truck comes at another time.
    TruckExpected,
    /// Unloaded from its truck.
    OffTruck,
    /// Loaded onto its truck.
    OnTruck,
}

/// A parcel and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelState {
    /// Its order.
    pub order: OrderId,
    /// Who has it.
    pub custodian: Custodian,
}

/// A van, as the ledger knows it. Telemetry is kept apart in [`crate::Fleet::live`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VanState {
    /// Given work or not.
    pub service: Service,
    /// If lost: when it is expected back at the hub.
    pub lost_until: Option<Timestamp>,
    /// True while told to halt.
    pub is_halted: bool,
    /// What is broken.
    pub faults: BTreeSet<FaultKind>,
    /// Last message taken from it.
    pub cursor: Cursor,
    /// Identity of its last mission.
    pub mission: MissionId,
    /// Version of its last mission; 0 before the first.
    pub version: u32,
    /// The version that the van follows, as far as it has said.
    pub accepted: u32,
    /// Versions refused in a row.
    pub n_refused: u8,
    /// Stops of its mission that are not done, in driving order.
    pub stops: Vec<StopState>,
    /// Stops taken off the mission that the van may still serve until it accepts the version.
    pub dropped: Vec<StopState>,
    /// Where it last stood at a stop.
    pub position: RoadPosition,
    /// When it last left or reached a stop.
    pub moved_at: Timestamp,
    /// Stored energy at the end of the last stop.
    pub stored: WattHours,
    /// Parcels on board and their compartments.
    pub on_board: BTreeMap<ParcelId, u16>,
    /// Distance driven.
    pub odometer: Meters,
    /// Energy drawn from the battery.
    pub drawn: WattHours,
    /// Energy taken from chargers.
    pub charged: WattHours,
    /// Parcels handed over.
    pub n_parcels_delivered: u32,
    /// Account of the tour that is under way.
    pub tour: TourAccount,
}

/// What a tour has cost so far, shared among its orders when it ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TourAccount {
    /// When it began.
    pub began: Option<Timestamp>,
    /// Energy drawn.
    pub drawn: WattHours,
    /// Distance driven.
    pub driven: Meters,
    /// Attention of operators.
    pub operator: Seconds,
    /// Orders it took along.
    pub orders: BTreeSet<OrderId>,
}

/// A stop of a mission and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopState {
    /// As sent to the van.
    pub stop: Stop,
    /// What is expected.
    pub plan: StopPlan,
    /// When the van left towards it.
    pub departed: Option<Timestamp>,
    /// When the van reached it.
    pub arrived: Option<Timestamp>,
    /// Which tasks have ended; one entry a task.
    pub is_task_done: Vec<bool>,
}

/// A request for remote assistance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Identity.
    pub id: TicketId,
    /// The van.
    pub van: VanId,
    /// The van's number of its call; none if the fleet itself opened it.
    pub call: Option<u64>,
    /// What it is about.
    pub kind: TicketKind,
    /// 0 (can wait) to 3 (at once).
    pub urgency: u8,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What can be done; the first is the safe default.
    pub choices: Vec<HelpChoice>,
    /// Where the van stands.
    pub position: RoadPosition,
    /// Where it stands in its life.
    pub status: TicketStatus,
    /// Who looks at it, and when an answer is expected.
    pub taken: Option<(OperatorId, Timestamp)>,
    /// What was answered, by whom and when.
    pub answer: Option<(HelpChoice, AnsweredBy, Timestamp)>,
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// Waits for an answer.
    Open,
    /// Answered; its matter goes on.
    Answered,
    /// Over.
    Closed,
}

/// A remote operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorState {
    /// Attention given so far.
    pub busy: Seconds,
    /// The ticket it looks at.
    pub ticket: Option<TicketId>,
    /// Tickets answered.
    pub n_answered: u32,
}

/// Roads closed to the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closure {
    /// Edges, ascending.
    pub edges: Vec<rv_base::EdgeId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if known.
    pub until: Option<Timestamp>,
}

/// Where a van is and how, as last telemetered; not part of the ledger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// The last status.
    pub status: rv_wire::Status,
    /// When the host heard it.
    pub heard_at: Timestamp,
}

impl State {
    /// The permits in force, then what they will be after each announced change, by time.
    pub fn permit_stages(&self) -> Vec<PermitStage> {
        let mut stages = vec![self.permits.clone()];
        for change in &self.permit_changes {
            let last = &stages[stages.len() - 1];
            let mut next = last.clone();
            next.change(change);
            if stages.len() > 1 && last.from == next.from {
                stages.pop();
            }
            stages.push(next);
        }
        stages
    }

    /// An order, if it exists.
    pub fn order(&self, id: OrderId) -> Option<&OrderState> {
        usize::try_from(id.0).ok().and_then(|idx| self.orders.get(idx))
    }

    /// A van, if it exists.
    pub fn van(&self, id: VanId) -> Option<&VanState> {
        self.vans.get(id.idx())
    }

    /// A ticket, if it exists.
    pub fn ticket(&self, id: TicketId) -> Option<&Ticket> {
        usize::try_from(id.0).ok().and_then(|idx| self.tickets.get(idx))
    }

    /// Tickets without an answer, oldest first.
    pub fn open_tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.iter().filter(|ticket| ticket.status == TicketStatus::Open)
    }

    /// The orders that a stop is about, ascending.
    pub fn orders_of(&self, stop: &Stop) -> Vec<OrderId> {
        let of_parcel = |parcel: &ParcelId| self.parcels.get(parcel.idx()).map(|p| p.order);
        let mut orders: Vec<OrderId> = Vec::new();
        for task in &stop.tasks {
            match task {
                Task::Load { parcel, .. } => orders.extend(of_parcel(parcel)),
                Task::HandOver { order, .. } | Task::Collect { order, .. } => orders.push(*order),
                Task::Drop { parcels } => orders.extend(parcels.iter().filter_map(of_parcel)),
                Task::Charge { .. } => {}
            }
        }
        orders.sort_unstable();
        orders.dedup();
        orders
    }

    /// What happened to an order, in time.
    pub fn story(&self, id: OrderId) -> &[StoryEntry] {
        self.order(id).map_or(&[], |order| &order.story)
    }
}

impl VanState {
    /// Expected arrival at and departure from each stop left, as seen at `now`.
    pub fn expected(&self, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let mut times = Vec::with_capacity(self.stops.len());
        let mut leave_before = self.moved_at;
        for (idx, stop) in self.stops.iter().enumerate() {
            let planned_before = match idx {
                0 => None,
                _ => Some(self.stops[idx - 1].plan.leave),
            };
            let arrive = match (stop.arrived, planned_before) {
                (Some(at), _) => at,
                (None, Some(before)) => {
                    leave_before + (stop.plan.arrive - before).max(Seconds::ZERO)
                }
                (None, None) => match stop.departed {
                    // The drive takes as long as planned from when it really began.
                    Some(at) => (at + stop.plan.drive).max(now),
                    None => stop.plan.arrive.max(now),
                },
            };
            let stay = stop.plan.leave - stop.plan.arrive.max(stop.stop.earliest);
            let leave = (arrive.max(stop.stop.earliest) + stay.max(Seconds::ZERO)).max(now);
            times.push((arrive, leave));
            leave_before = leave;
        }
        times
    }
}

impl StoryKind {
    /// One line for people.
    pub fn text(self) -> String {
        match self {
            Self::Accepted => "accepted".into(),
            Self::Changed => "changed by the tenant".into(),
            Self::Planned => "planned onto a van".into(),
            Self::Unplanned => "taken off the van's plan".into(),
            Self::Loaded => "loaded".into(),
            Self::Underway => "the van is on its way to the door".into(),
            Self::Arrived => "the van has arrived".into(),
            Self::HandedOver => "handed over with the right code".into(),
            Self::Collected => "collected from the sender".into(),
            Self::Dropped => "handed in".into(),
            Self::BackAtHub => "back at the hub".into(),
            Self::AttemptFailed(reason) => format!("not handed over: {}", return_text(reason)),
            Self::VanLost => "its van was lost".into(),
            Self::Fetched => "fetched from the lost van".into(),
            Self::CancelAsked => "called off, coming back".into(),
            Self::Delivered => "delivered".into(),
            Self::Returned(reason) => format!("returned: {}", return_text(reason)),
            Self::Cancelled => "cancelled".into(),
            Self::HaulPlanned => "its way by truck is planned".into(),
            Self::TruckExpected => "its truck comes at another time".into(),
            Self::OffTruck => "unloaded from the truck".into(),
            Self::OnTruck => "loaded onto the truck".into(),
        }
    }
}

/// Says why parcels came back.
pub fn return_text(reason: ReturnReason) -> &'static str {
    match reason {
        ReturnReason::NobodyThere => "nobody there",
        ReturnReason::WrongCode => "wrong code",
        ReturnReason::Declined => "declined",
        ReturnReason::AddressWrong => "address cannot be served",
        ReturnReason::LockerJammed => "locker jammed or full",
        ReturnReason::VanLost => "van lost",
        ReturnReason::NotServed => "no van in time",
        ReturnReason::Missing => "not found when loading",
        ReturnReason::TruckLate => "its truck came too late",
    }
}

/// What a view of an order shows.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Where it stands.
    pub status: OrderStatus,
    /// How it ended.
    pub end: Option<OrderEnd>,
    /// The hub that serves it.
    pub hub: FacilityId,
    /// Address for people.
    pub address: String,
    /// Where the recipient is.
    pub position: LatLon,
    /// The van that has it.
    pub van: Option<VanId>,
    /// Expected begin of the handover.
    pub eta: Option<Timestamp>,
    /// Its cost so far.
    pub cost: Money,
    /// Its parcels and who has them, with their compartment if on board.
    pub parcels: Vec<(ParcelId, Custodian, Option<u16>)>,
}
