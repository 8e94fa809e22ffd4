//! The independent check of a whole ledger.
//!
//! It reads records one by one and shares nothing with the brain but the form of the events: it
//! keeps its own books of custody, codes, vans and roads, and says where the ledger contradicts
//! itself, the map or the permits. What it counts (delivered, on time, metres) is counted here
//! again and can be held against the brain's own figures.
//!
//! What it relies on: that the records are the ledger (the hash chain proves that), and that vans
//! report truly. A simulated run adds the twin's own log of what was driven, which is checked by
//! [`Roads::check_drive`] edge by edge with exact times.

mod hauls;
mod roads;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{
    FacilityId, Kilograms, Meters, OrderId, ParcelId, StopId, TenantId, TicketId, TimeWindow,
    Timestamp, VanId, WattHours,
};
use rv_map::City;
use rv_model::{Handover, Order, OrderKind};
use rv_wire::{CodeHash, Cursor, HelpChoice, Mission, Proof, Task, TaskResult, Up};
use serde::{Deserialize, Serialize};

use crate::event::{Custodian, DeliveredHow, Event, OrderEnd, Record, Setup};

pub use roads::{DrivenEdge, Roads};

/// Most violations that are kept in words; all are counted.
pub const VIOLATIONS_KEPT_MAX: usize = 100;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Records read.
    pub n_records: u64,
    /// Contradictions found.
    pub n_violations: u64,
    /// The first of them.
    pub violations: Vec<Violation>,
    /// Orders accepted.
    pub n_accepted: u64,
    /// Orders refused.
    pub n_refused: u64,
    /// Orders delivered.
    pub n_delivered: u64,
    /// Orders returned.
    pub n_returned: u64,
    /// Orders cancelled.
    pub n_cancelled: u64,
    /// Orders without an end although the day was closed.
    pub n_lost: u64,
    /// Orders accepted twice under one key, or ended twice.
    pub n_duplicated: u64,
    /// Orders delivered inside their window.
    pub n_on_time: u64,
    /// Distance driven, as reported.
    pub driven: Meters,
    /// Energy drawn from batteries, as reported.
    pub energy: WattHours,
    /// Distance driven on edges that no permit covered in any hour of the leg.
    pub outside_permit: Meters,
    /// True if the day was closed, so that every order must have ended.
    pub is_closed: bool,
    /// Orders that a truck brought to a hub.
    #[serde(default)]
    pub n_off_trucks: u64,
    /// Orders that went on by truck.
    #[serde(default)]
    pub n_on_trucks: u64,
}

impl AuditReport {
    /// True if nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.n_violations == 0
            && self.n_lost == 0
            && self.n_duplicated == 0
            && self.outside_permit == Meters::ZERO
    }

    /// Share of delivered orders that were delivered inside their window, of all that were accepted
    /// and not cancelled; 1 if there are none.
    pub fn on_time_share(&self) -> f64 {
        let due = self.n_accepted - self.n_cancelled;
        if due == 0 { 1.0 } else { self.n_on_time as f64 / due as f64 }
    }
}

/// A contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Position of the record at which it shows.
    pub position: u64,
    /// In words.
    pub text: String,
}

/// An audit under way.
#[derive(Debug)]
pub struct Audit<'a> {
    roads: Option<Roads<'a>>,
    report: AuditReport,
    next_position: u64,
    last_at: Timestamp,
    setup: Option<Setup>,
    orders: BTreeMap<OrderId, OrderBook>,
    order_of: BTreeMap<ParcelId, OrderId>,
    keys: BTreeMap<(TenantId, String), OrderId>,
    custody: BTreeMap<ParcelId, Custodian>,
    held: BTreeMap<VanId, BTreeSet<ParcelId>>,
    vans: BTreeMap<VanId, VanBook>,
    stops: BTreeMap<StopId, StopBook>,
    codes: BTreeMap<(StopId, OrderId), CodeHash>,
    handed_over: BTreeMap<(StopId, OrderId), VanId>,
    tickets: BTreeMap<TicketId, TicketBook>,
    hauls: hauls::Hauls,
}

#[derive(Debug)]
struct OrderBook {
    order: Order,
    window: TimeWindow,
    has_ended: bool,
}

#[derive(Debug, Default)]
struct VanBook {
    cursor: Cursor,
    mission_version: u32,
    at_stop: Option<StopId>,
    departed: Option<Timestamp>,
}

#[derive(Debug)]
struct StopBook {
    van: VanId,
    tasks: Vec<Task>,
}

#[derive(Debug)]
struct TicketBook {
    choices: Vec<HelpChoice>,
    is_answered: bool,
    is_closed: bool,
}

impl<'a> Audit<'a> {
    /// Begins an audit; with the city, what was driven is checked too.
    pub fn new(city: Option<&'a City>) -> Self {
        Self {
            roads: city.map(|city| Roads::new(&city.graph)),
            report: AuditReport::default(),
            next_position: 0,
            last_at: Timestamp(i64::MIN),
            setup: None,
            orders: BTreeMap::new(),
            order_of: BTreeMap::new(),
            keys: BTreeMap::new(),
            custody: BTreeMap::new(),
            held: BTreeMap::new(),
            vans: BTreeMap::new(),
            stops: BTreeMap::new(),
            codes: BTreeMap::new(),
            handed_over: BTreeMap::new(),
            tickets: BTreeMap::new(),
            hauls: hauls::Hauls::default(),
        }
    }

    /// Takes the next record.
    pub fn push(&mut self, record: &Record) {
        self.report.n_records += 1;
        if record.position != self.next_position {
            self.violation(format!("position {} follows {}", record.position, self.next_position));
        }
        self.next_position = record.position + 1;
        if record.at < self.last_at {
            self.violation(format!("time runs back to {}", record.at));
        }
        self.last_at = self.last_at.max(record.at);
        self.take(&record.event);
    }

    /// Ends the audit.
    pub fn finish(mut self) -> AuditReport {
        if self.report.is_closed {
            let open: Vec<OrderId> =
                self.orders.iter().filter(|(_, o)| !o.has_ended).map(|(id, _)| *id).collect();
            self.report.n_lost = open.len() as u64;
            for order in open {
                self.violation(format!("order {order} has no end although the day was closed"));
            }
        }
        self.report
    }

    fn violation(&mut self, text: String) {
        self.report.n_violations += 1;
        if self.report.violations.len() < VIOLATIONS_KEPT_MAX {
            let position = self.next_position.saturating_sub(1);
            self.report.violations.push(Violation { position, text });
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::FleetStarted { setup, .. } => {
                if let Some(setup) = setup {
                    self.take_roads(event);
                    self.setup = Some(setup.as_ref().clone());
                }
            }
            Event::OrderAccepted { order, hub, .. } => self.accept(order, *hub),
            Event::HaulAccepted { order, hub, haul, .. } => self.accept_hauled(order, *hub, haul),
            Event::HaulPlanned { order, legs } => self.plan_haul(*order, legs),
            Event::TruckExpected { run, unloaded } => self.expect_truck(*run, *unloaded),
            Event::OrderRefused { .. } => self.report.n_refused += 1,
            Event::OrderChanged { order, window, .. } => match self.orders.get_mut(order) {
                Some(book) if !book.has_ended => book.window = *window,
                _ => self.violation(format!("order {order} is changed but not open")),
            },
            Event::CancelAsked { order } | Event::AttemptFailed { order, .. } => {
                if self.orders.get(order).is_none_or(|book| book.has_ended) {
                    self.violation(format!("order {order} is acted on but not open"));
                }
            }
            Event::OrderEnded { order, end } => self.end(*order, *end),
            Event::ParcelsMoved { parcels, from, to } => self.move_parcels(parcels, *from, *to),
            Event::CodeIssued { order, stop, hash } => {
                self.codes.insert((*stop, *order), *hash);
            }
            Event::MissionSet { van, mission, .. } => self.set_mission(*van, mission),
            Event::VanReported { van, cursor, report } => self.hear(*van, *cursor, report),
            Event::VanLost { .. } => {}
            Event::VanFetched { van } => {
                let book = self.vans.entry(*van).or_default();
                book.at_stop = None;
                book.departed = None;
                if let Some(roads) = &mut self.roads {
                    roads.forget(*van);
                }
            }
            Event::TicketOpened { ticket, choices, .. } => {
                let book =
                    TicketBook { choices: choices.clone(), is_answered: false, is_closed: false };
                if self.tickets.insert(*ticket, book).is_some() {
                    self.violation(format!("ticket {ticket} is opened twice"));
                }
            }
            Event::TicketAnswered { ticket, choice, .. } => self.answer(*ticket, *choice),
            Event::TicketClosed { ticket } => match self.tickets.get_mut(ticket) {
                Some(book) if !book.is_closed => book.is_closed = true,
                _ => self.violation(format!("ticket {ticket} is closed but not open")),
            },
            Event::PermitGranted { .. } | Event::PermitRevoked { .. } => self.take_roads(event),
            Event::DayClosed => self.report.is_closed = true,
            Event::TicketTaken { .. }
            | Event::VanService { .. }
            | Event::VanHalt { .. }
            | Event::TrafficChanged { .. }
            | Event::RoadClosed { .. }
            | Event::RoadOpened { .. }
            | Event::PermitsInForce => {}
        }
    }

    fn take_roads(&mut self, event: &Event) {
        if let Some(Err(text)) = self.roads.as_mut().map(|roads| roads.take(event)) {
            self.violation(text);
        }
    }

    fn accept(&mut self, order: &Order, hub: FacilityId) {
        self.report.n_accepted += 1;
        let key = (order.request.tenant, order.request.key.clone());
        if let Some(earlier) = self.keys.insert(key, order.id) {
            self.report.n_duplicated += 1;
            self.violation(format!("orders {earlier} and {} share a key", order.id));
        }
        let first = match order.request.kind {
            OrderKind::Collection => Custodian::Sender,
            OrderKind::Delivery | OrderKind::Replenishment => Custodian::Hub(hub),
        };
        for parcel in order.parcels() {
            if self.order_of.insert(parcel, order.id).is_some() {
                self.violation(format!("parcel {parcel} belongs to two orders"));
            }
            self.custody.insert(parcel, first);
        }
        let book =
            OrderBook { order: order.clone(), window: order.request.window, has_ended: false };
        if self.orders.insert(order.id, book).is_some() {
            self.report.n_duplicated += 1;
            self.violation(format!("order {} is accepted twice", order.id));
        }
    }

    fn move_parcels(&mut self, parcels: &[ParcelId], from: Custodian, to: Custodian) {
        self.check_truck(parcels, from, to);
        let is_truck = |who| matches!(who, Custodian::Truck(_));
        let may_move_late = is_truck(from) || is_truck(to);
        for parcel in parcels {
            let Some(order) = self.order_of.get(parcel).copied() else {
                self.violation(format!("parcel {parcel} belongs to no order"));
                continue;
            };
            if !may_move_late && self.orders.get(&order).is_some_and(|book| book.has_ended) {
                self.violation(format!("parcel {parcel} moves after order {order} has ended"));
            }
            match self.custody.insert(*parcel, to) {
                Some(holder) if holder == from => {}
                holder => self.violation(format!(
                    "parcel {parcel} moves from {from:?} but {holder:?} has it"
                )),
            }
            if let Custodian::Van(van) = from {
                self.held.entry(van).or_default().remove(parcel);
            }
            if let Custodian::Van(van) = to {
                self.held.entry(van).or_default().insert(*parcel);
            }
        }
        if let Custodian::Van(van) = to {
            self.check_load(van);
        }
    }

    fn check_load(&mut self, van: VanId) {
        let Some(class) = self
            .setup
            .as_ref()
            .and_then(|setup| setup.classes.get(usize::from(setup.vans.get(van.idx())?.class_idx)))
        else {
            return self.violation(format!("van {van} is not part of the fleet"));
        };
        let (parcels_max, payload_max) = (usize::from(class.parcels_max), class.payload_max);
        let Some(held) = self.held.get(&van) else { return };
        let n_held = held.len();
        let mass: Kilograms = held
            .iter()
            .filter_map(|p| self.orders.get(self.order_of.get(p)?))
            .map(|book| book.order.request.parcel_mass)
            .sum();
        if n_held > parcels_max {
            self.violation(format!("van {van} holds {n_held} parcels, more than {parcels_max}"));
        }
        if mass.0 > payload_max.0 + 1e-6 {
            self.violation(format!("van {van} holds {mass:.1}, more than {payload_max:.1}"));
        }
    }

    fn end(&mut self, id: OrderId, end: OrderEnd) {
        let Some(book) = self.orders.get_mut(&id) else {
            return self.violation(format!("order {id} ends but was never accepted"));
        };
        if book.has_ended {
            self.report.n_duplicated += 1;
            return self.violation(format!("order {id} ends twice"));
        }
        book.has_ended = true;
        let (order, window) = (book.order.clone(), book.window);
        match end {
            OrderEnd::Delivered { how, at } => {
                self.report.n_delivered += 1;
                if window.contains(at) {
                    self.report.n_on_time += 1;
                }
                self.check_delivered(&order, how);
            }
            OrderEnd::Returned(_) => {
                self.report.n_returned += 1;
                self.check_given_up(&order);
            }
            OrderEnd::Cancelled => {
                self.report.n_cancelled += 1;
                self.check_given_up(&order);
            }
        }
    }

    /// A delivered order's parcels are where its end says, and a handover had its code.
    fn check_delivered(&mut self, order: &Order, how: DeliveredHow) {
        let id = order.id;
        let expected = match how {
            DeliveredHow::Code(stop) => {
                if !self.handed_over.contains_key(&(stop, id)) {
                    self.violation(format!("order {id} is delivered without proof at stop {stop}"));
                }
                Custodian::Recipient
            }
            DeliveredHow::Facility(facility) | DeliveredHow::Courier(facility) => {
                Custodian::Facility(facility)
            }
            DeliveredHow::Hub(hub) => Custodian::Hub(hub),
        };
        let fits = match how {
            DeliveredHow::Code(_) | DeliveredHow::Courier(_) => {
                order.request.kind != OrderKind::Collection
            }
            DeliveredHow::Facility(_) => order.request.handover != Handover::Door,
            DeliveredHow::Hub(_) => order.request.kind == OrderKind::Collection,
        };
        if !fits {
            self.violation(format!("order {id} cannot be delivered by {how:?}"));
        }
        for parcel in order.parcels() {
            if self.custody.get(&parcel) != Some(&expected) {
                let holder = self.custody.get(&parcel);
                self.violation(format!(
                    "order {id} is delivered but {holder:?} has parcel {parcel}"
                ));
            }
        }
    }

    /// Parcels of a returned or cancelled order are at a hub, or were never picked up, or the truck
    /// that brings them is not there yet.
    fn check_given_up(&mut self, order: &Order) {
        for parcel in order.parcels() {
            match self.custody.get(&parcel) {
                Some(Custodian::Hub(_) | Custodian::Sender) => {}
                Some(Custodian::Truck(run)) if self.hauls.brings(order.id, *run) => {}
                holder => {
                    let text = format!(
                        "order {} is given up but {holder:?} has parcel {parcel}",
                        order.id
                    );
                    self.violation(text);
                }
            }
        }
    }

    fn set_mission(&mut self, van: VanId, mission: &Mission) {
        let book = self.vans.entry(van).or_default();
        let earlier = book.mission_version;
        book.mission_version = mission.version;
        if mission.version <= earlier {
            self.violation(format!(
                "van {van} is sent mission version {} after {earlier}",
                mission.version
            ));
        }
        for stop in &mission.stops {
            let of_another = self.stops.get(&stop.id).is_some_and(|known| known.van != van);
            if of_another {
                self.violation(format!("stop {} is given to a second van", stop.id));
            }
            self.stops.insert(stop.id, StopBook { van, tasks: stop.tasks.clone() });
        }
    }

    fn hear(&mut self, van: VanId, cursor: Cursor, report: &Up) {
        let book = self.vans.entry(van).or_default();
        let earlier = std::mem::replace(&mut book.cursor, cursor);
        let is_next = if cursor.session == earlier.session {
            Some(cursor.seq) == earlier.seq.checked_add(1)
        } else {
            cursor.session > earlier.session && cursor.seq == 1
        };
        if !is_next {
            self.violation(format!("van {van} is heard at {cursor:?} after {earlier:?}"));
        }
        match report {
            Up::Departed { at, .. } => {
                let book = self.vans.entry(van).or_default();
                book.at_stop = None;
                // A van that is sent elsewhere under way says so; its leg began before.
                book.departed.get_or_insert(*at);
            }
            Up::Arrived { stop, at: arrived, edges, distance, energy } => {
                self.check_stop(van, *stop);
                let book = self.vans.entry(van).or_default();
                book.at_stop = Some(*stop);
                let departed = book.departed.take().unwrap_or(*arrived);
                self.report.driven += *distance;
                self.report.energy += *energy;
                if let Some(roads) = &mut self.roads {
                    let leg = roads.check_leg(van, edges, departed, *arrived, *distance);
                    self.report.outside_permit += leg.outside_permit;
                    leg.faults.into_iter().for_each(|text| self.violation(text));
                }
            }
            Up::Task { stop, task_idx, result, .. } => {
                self.check_stop(van, *stop);
                self.check_task(van, *stop, *task_idx, result);
            }
            Up::StopDone { stop, on_board, stored, .. } => {
                self.check_stop(van, *stop);
                self.check_load_report(van, on_board);
                self.check_stored(van, *stored);
            }
            Up::Emptied { parcels, .. } => self.check_load_report(van, parcels),
            Up::Status(_)
            | Up::Sight(_)
            | Up::MissionAccepted { .. }
            | Up::MissionRefused { .. }
            | Up::Help { .. }
            | Up::HelpOver { .. }
            | Up::Fault { .. }
            | Up::Recovered { .. } => {}
        }
    }

    fn check_stop(&mut self, van: VanId, stop: StopId) {
        if self.stops.get(&stop).is_none_or(|known| known.van != van) {
            self.violation(format!("van {van} reports stop {stop}, which it was never given"));
        }
    }

    fn check_task(&mut self, van: VanId, stop: StopId, task_idx: u16, result: &TaskResult) {
        let task = self.stops.get(&stop).and_then(|s| s.tasks.get(usize::from(task_idx))).cloned();
        let Some(task) = task else {
            return self.violation(format!("stop {stop} has no task {task_idx}"));
        };
        match (&task, result) {
            (
                Task::HandOver { order, .. } | Task::Collect { order, .. },
                TaskResult::HandedOver(proof) | TaskResult::Collected(proof),
            ) => self.check_proof(van, stop, *order, proof),
            (_, TaskResult::HandedOver(_) | TaskResult::Collected(_)) => {
                self.violation(format!("task {task_idx} of stop {stop} is no handover"));
            }
            _ => {}
        }
    }

    fn check_proof(&mut self, van: VanId, stop: StopId, order: OrderId, proof: &Proof) {
        if self.codes.get(&(stop, order)) != Some(&proof.code) {
            self.violation(format!("order {order} is handed over with a code that was not issued"));
        }
        if self.handed_over.insert((stop, order), van).is_some() {
            self.violation(format!("the code of order {order} at stop {stop} is used twice"));
        }
        let is_there = self.vans.get(&van).is_some_and(|book| book.at_stop == Some(stop));
        if !is_there {
            self.violation(format!("order {order} is handed over while van {van} is elsewhere"));
        }
    }

    /// What a van says it has on board, against the books.
    fn check_load_report(&mut self, van: VanId, on_board: &[ParcelId]) {
        let held: Vec<ParcelId> = self.held.get(&van).into_iter().flatten().copied().collect();
        if held != on_board {
            self.violation(format!(
                "van {van} reports {} parcels on board, the ledger says {}",
                on_board.len(),
                held.len()
            ));
        }
    }

    fn check_stored(&mut self, van: VanId, stored: WattHours) {
        let battery = self.setup.as_ref().and_then(|setup| {
            let class_idx = setup.vans.get(van.idx())?.class_idx;
            Some(setup.classes.get(usize::from(class_idx))?.battery)
        });
        if battery.is_some_and(|full| !(stored.0 >= 0.0 && stored.0 <= full.0 * (1.0 + 1e-9))) {
            self.violation(format!("van {van} reports {stored:.0} in its battery"));
        }
    }

    fn answer(&mut self, ticket: TicketId, choice: HelpChoice) {
        match self.tickets.get_mut(&ticket) {
            Some(book) if !book.is_answered && !book.is_closed => {
                book.is_answered = true;
                if !book.choices.contains(&choice) {
                    self.violation(format!(
                        "ticket {ticket} is answered with {choice:?}, which it does not offer"
                    ));
                }
            }
            _ => self.violation(format!("ticket {ticket} is answered but not open")),
        }
    }
}
