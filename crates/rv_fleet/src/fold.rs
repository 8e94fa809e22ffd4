//! How each event changes the state. Nothing else does.

use std::collections::BTreeSet;

use rv_base::{Money, OrderId, ParcelId, RoadPosition, Seconds, StopId, Timestamp, VanId};
use rv_model::{Order, OrderKind, OrderStatus};
use rv_wire::{Cursor, Mission, MissionRefusal, StopKind, Task, TaskResult, Up};

use crate::event::{
    AnsweredBy, Custodian, DeliveredHow, Event, Halt, MissionCause, NextTry, OrderEnd, Service,
    Setup, StopPlan,
};
use crate::state::{
    Closure, OperatorState, OrderState, ParcelState, State, StopState, StoryEntry, StoryKind,
    Ticket, TicketStatus, TourAccount, VanState,
};

/// The event names something that the state does not hold, or contradicts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

type Fold = Result<(), Unfit>;

impl State {
    /// Folds one event. An event that does not fit may leave the state half changed.
    pub(crate) fn apply(&mut self, at: Timestamp, event: &Event) -> Fold {
        self.n_records += 1;
        self.at = self.at.max(at);
        self.tally.since.get_or_insert(at);
        self.tally.note_history(at);
        match event {
            Event::FleetStarted { session, setup } => self.start(at, *session, setup.as_deref()),
            Event::OrderAccepted { order, hub, stop } => self.accept(at, order, *hub, *stop),
            Event::OrderRefused { .. } => {
                self.tally.n_orders += 1;
                self.tally.n_refused += 1;
                Ok(())
            }
            Event::OrderChanged { order, site, stop, window } => {
                let state = self.order_mut(*order)?;
                state.order.request.site = *site;
                state.order.request.window = *window;
                state.stop_at = *stop;
                self.tell(at, *order, StoryKind::Changed)
            }
            Event::CancelAsked { order } => {
                self.order_mut(*order)?.is_cancel_asked = true;
                self.refresh_open(*order)?;
                self.tell(at, *order, StoryKind::CancelAsked)
            }
            Event::AttemptFailed { order, reason, next } => {
                self.attempt_failed(at, *order, *reason, *next)
            }
            Event::OrderEnded { order, end } => self.end_order(at, *order, *end),
            Event::ParcelsMoved { parcels, from, to } => self.move_parcels(at, parcels, *from, *to),
            Event::CodeIssued { order, hash, .. } => {
                self.order_mut(*order)?.code = Some(*hash);
                Ok(())
            }
            Event::MissionSet { van, mission, plan, cause } => {
                self.set_mission(at, *van, mission, plan, *cause)
            }
            Event::VanReported { van, cursor, report } => self.report(at, *van, *cursor, report),
            Event::PermitGranted { permit } => {
                self.permits.insert(permit.id, permit.clone());
                self.permit_epoch += 1;
                Ok(())
            }
            Event::PermitRevoked { permit } => {
                self.permits.remove(permit).ok_or(Unfit)?;
                self.permit_epoch += 1;
                Ok(())
            }
            Event::DayClosed => {
                self.is_day_closed = true;
                Ok(())
            }
            _ => self.apply_supervision(at, event),
        }
    }

    fn apply_supervision(&mut self, at: Timestamp, event: &Event) -> Fold {
        match event {
            Event::VanLost { van, fetched_at } => self.lose_van(at, *van, *fetched_at),
            Event::VanFetched { van } => self.fetch_van(*van),
            Event::VanService { van, service } => {
                self.van_mut(*van)?.service = *service;
                Ok(())
            }
            Event::VanHalt { van, halt } => {
                self.van_mut(*van)?.is_halted = *halt == Halt::Halted;
                Ok(())
            }
            Event::TicketOpened { ticket, van, call, kind, urgency, choices, position } => {
                if ticket.0 != self.tickets.len() as u64 {
                    return Err(Unfit);
                }
                self.tally.n_tickets += 1;
                self.tickets.push(Ticket {
                    id: *ticket,
                    van: *van,
                    call: *call,
                    kind: *kind,
                    urgency: *urgency,
                    opened_at: at,
                    choices: choices.clone(),
                    position: *position,
                    status: TicketStatus::Open,
                    taken: None,
                    answer: None,
                });
                Ok(())
            }
            Event::TicketTaken { ticket, operator, until } => {
                self.ticket_mut(*ticket)?.taken = Some((*operator, *until));
                self.operators.get_mut(operator.idx()).ok_or(Unfit)?.ticket = Some(*ticket);
                Ok(())
            }
            Event::TicketAnswered { ticket, choice, by, attention } => {
                let state = self.ticket_mut(*ticket)?;
                state.answer = Some((*choice, *by, at));
                state.status = TicketStatus::Answered;
                let (van, taken) = (state.van, state.taken);
                if let AnsweredBy::Operator(operator) = by {
                    let operator = self.operators.get_mut(operator.idx()).ok_or(Unfit)?;
                    operator.busy += *attention;
                    operator.n_answered += 1;
                    self.tally.operator += *attention;
                    let cost = self.setup.as_ref().ok_or(Unfit)?.costs.operator_per_hour;
                    self.tally.cost_operator += scaled(cost, attention.0 / 3600.0);
                    self.van_mut(van)?.tour.operator += *attention;
                }
                self.free_operator(taken.map(|t| t.0), *ticket);
                Ok(())
            }
            Event::TicketClosed { ticket } => {
                let state = self.ticket_mut(*ticket)?;
                state.status = TicketStatus::Closed;
                let taken = state.taken;
                self.free_operator(taken.map(|t| t.0), *ticket);
                Ok(())
            }
            Event::RoadClosed { closure, edges, until } => {
                let state = Closure { edges: edges.clone(), since: at, until: *until };
                self.closures.insert(*closure, state);
                self.next_closure = self.next_closure.max(closure.0 + 1);
                self.closure_epoch += 1;
                Ok(())
            }
            Event::RoadOpened { closure } => {
                self.closures.remove(closure).ok_or(Unfit)?;
                self.closure_epoch += 1;
                Ok(())
            }
            _ => Err(Unfit),
        }
    }

    fn free_operator(&mut self, operator: Option<rv_base::OperatorId>, ticket: rv_base::TicketId) {
        let Some(operator) = operator.and_then(|o| self.operators.get_mut(o.idx())) else { return };
        if operator.ticket == Some(ticket) {
            operator.ticket = None;
        }
    }

    fn start(&mut self, at: Timestamp, session: u32, setup: Option<&Setup>) -> Fold {
        if session <= self.session {
            return Err(Unfit);
        }
        self.session = session;
        let Some(setup) = setup else { return Ok(()) };
        for (van, start) in setup.vans.iter().zip(&setup.van_starts).skip(self.vans.len()) {
            let class = setup.classes.get(usize::from(van.class_idx)).ok_or(Unfit)?;
            self.vans.push(VanState::new(*start, class.battery, at));
        }
        if self.setup.is_none() {
            self.permits = setup.permits.iter().map(|p| (p.id, p.clone())).collect();
            self.permit_epoch += 1;
        }
        self.operators.resize(usize::from(setup.n_operators), OperatorState::default());
        self.setup = Some(Box::new(setup.clone()));
        Ok(())
    }

    fn accept(
        &mut self,
        at: Timestamp,
        order: &Order,
        hub: rv_base::FacilityId,
        stop: RoadPosition,
    ) -> Fold {
        let is_next = order.id.0 == self.orders.len() as u64
            && order.first_parcel.0 == self.parcels.len() as u64;
        if !is_next {
            return Err(Unfit);
        }
        let custodian = match order.request.kind {
            OrderKind::Collection => Custodian::Sender,
            OrderKind::Delivery | OrderKind::Replenishment => Custodian::Hub(hub),
        };
        self.parcels.extend(order.parcels().map(|_| ParcelState { order: order.id, custodian }));
        self.keys.insert((order.request.tenant, order.request.key.clone()), order.id);
        let handling = self.setup.as_ref().ok_or(Unfit)?.costs.hub_per_parcel;
        let cost = Money(handling.0 * i64::from(order.request.n_parcels));
        self.orders.push(OrderState {
            order: order.clone(),
            asked: (order.request.site, order.request.window),
            hub,
            stop_at: stop,
            status: OrderStatus::Accepted,
            end: None,
            van: None,
            stop: None,
            n_attempts: 0,
            next_try: None,
            is_cancel_asked: false,
            collected_at: None,
            code: None,
            cost,
            story: Vec::new(),
        });
        self.tally.n_orders += 1;
        self.tally.n_parcels += u64::from(order.request.n_parcels);
        self.tally.cost_handling += cost;
        self.refresh_open(order.id)?;
        self.tell(at, order.id, StoryKind::Accepted)
    }

    fn attempt_failed(
        &mut self,
        at: Timestamp,
        order: OrderId,
        reason: rv_model::ReturnReason,
        next: NextTry,
    ) -> Fold {
        let is_on_board = self.is_on_board(order);
        let may_get = self.order(order).and_then(|o| o.van).is_some_and(|v| self.may_get(v, order));
        let state = self.order_mut(order)?;
        state.n_attempts = state.n_attempts.saturating_add(1);
        state.next_try = Some((next, reason));
        state.code = None;
        state.stop = None;
        state.status = if is_on_board { OrderStatus::Loaded } else { OrderStatus::Accepted };
        // What is still to be loaded may yet come on board; the van is free of it when it agrees.
        if state.order.request.kind == OrderKind::Collection && !is_on_board && !may_get {
            state.van = None;
        }
        self.tell(at, order, StoryKind::AttemptFailed(reason))?;
        self.refresh_open(order)
    }

    fn end_order(&mut self, at: Timestamp, order: OrderId, end: OrderEnd) -> Fold {
        let courier = self.setup.as_ref().ok_or(Unfit)?.costs.courier_per_parcel;
        let state = self.order_mut(order)?;
        if state.status.is_final() {
            return Err(Unfit);
        }
        state.end = Some(end);
        state.stop = None;
        state.code = None;
        let n_parcels = state.order.request.n_parcels;
        let window = state.order.request.window;
        let (status, kind) = match end {
            OrderEnd::Delivered { .. } => (OrderStatus::Delivered, StoryKind::Delivered),
            OrderEnd::Returned(reason) => (OrderStatus::Returned, StoryKind::Returned(reason)),
            OrderEnd::Cancelled => (OrderStatus::Cancelled, StoryKind::Cancelled),
        };
        state.status = status;
        match end {
            OrderEnd::Delivered { how, at: handed_at } => {
                let by_hand = matches!(how, DeliveredHow::Courier(_) | DeliveredHow::Facility(_));
                let cost = Money(if by_hand { courier.0 * i64::from(n_parcels) } else { 0 });
                state.cost += cost;
                let van = state.van;
                self.tally.cost_handling += cost;
                self.tally.n_delivered += 1;
                self.tally.n_parcels_delivered += u64::from(n_parcels);
                self.tally.n_on_time += u64::from(window.contains(handed_at));
                if let Some(van) = van {
                    self.van_mut(van)?.n_parcels_delivered += u32::from(n_parcels);
                }
            }
            OrderEnd::Returned(_) => self.tally.n_returned += 1,
            OrderEnd::Cancelled => self.tally.n_cancelled += 1,
        }
        self.refresh_open(order)?;
        self.tell(at, order, kind)
    }

    fn move_parcels(
        &mut self,
        at: Timestamp,
        parcels: &[ParcelId],
        from: Custodian,
        to: Custodian,
    ) -> Fold {
        let mut last_order = None;
        for parcel in parcels {
            let state = self.parcels.get_mut(parcel.idx()).ok_or(Unfit)?;
            if state.custodian != from {
                return Err(Unfit);
            }
            state.custodian = to;
            let order = state.order;
            if let Custodian::Van(van) = from {
                self.van_mut(van)?.on_board.remove(parcel).ok_or(Unfit)?;
            }
            if let Custodian::Van(van) = to {
                let van = self.van_mut(van)?;
                let compartment = van.compartment_for(*parcel);
                van.on_board.insert(*parcel, compartment);
            }
            if last_order.replace(order) != Some(order) {
                self.order_moved(at, order, from, to)?;
            }
        }
        // What came back from a van is free only when its last parcel has left the van.
        for parcel in parcels {
            let order = self.parcels[parcel.idx()].order;
            if matches!(from, Custodian::Van(_)) && !self.is_on_board(order) {
                let state = self.order_mut(order)?;
                if matches!(to, Custodian::Hub(_)) && !state.status.is_final() {
                    state.status = OrderStatus::Accepted;
                    state.van = None;
                    state.stop = None;
                }
            }
            self.refresh_open(order)?;
        }
        Ok(())
    }

    fn order_moved(
        &mut self,
        at: Timestamp,
        order: OrderId,
        from: Custodian,
        to: Custodian,
    ) -> Fold {
        let kind = match (from, to) {
            (Custodian::Sender, Custodian::Van(_)) => StoryKind::Collected,
            (_, Custodian::Van(_)) => StoryKind::Loaded,
            (_, Custodian::Recipient) => StoryKind::HandedOver,
            (_, Custodian::Facility(_)) => StoryKind::Dropped,
            (_, Custodian::Hub(_)) => StoryKind::BackAtHub,
            (_, Custodian::Sender) => return Err(Unfit),
        };
        let state = self.order_mut(order)?;
        if let Custodian::Van(van) = to
            && !state.status.is_final()
        {
            state.status = OrderStatus::Loaded;
            state.van = Some(van);
        }
        let facility = match to {
            Custodian::Facility(facility) | Custodian::Hub(facility) => Some(facility),
            _ => None,
        };
        let van = state.van;
        state.story.push(StoryEntry { at, kind, van, facility });
        Ok(())
    }

    fn set_mission(
        &mut self,
        at: Timestamp,
        van_id: VanId,
        mission: &Mission,
        plan: &[StopPlan],
        cause: MissionCause,
    ) -> Fold {
        if plan.len() != mission.stops.len() {
            return Err(Unfit);
        }
        let van = self.van_mut(van_id)?;
        if mission.version <= van.version {
            return Err(Unfit);
        }
        van.mission = mission.id;
        van.version = mission.version;
        let mut old: Vec<StopState> = std::mem::take(&mut van.stops);
        old.append(&mut van.dropped);
        for (stop, plan) in mission.stops.iter().zip(plan) {
            let known = old.iter().position(|s| s.stop.id == stop.id).map(|idx| old.remove(idx));
            van.stops.push(StopState::new(stop.clone(), *plan, known.as_ref()));
        }
        if matches!(cause, MissionCause::Tour | MissionCause::Circuit) && van.tour.began.is_none() {
            van.tour.began = Some(at);
        }
        van.dropped.append(&mut old);
        let next_stop = mission.stops.iter().map(|stop| stop.id.0 + 1).max().unwrap_or(0);
        self.next_stop = self.next_stop.max(next_stop);
        self.next_mission = self.next_mission.max(mission.id.0 + 1);
        let orders = self.handover_orders(mission);
        for stop in self.van(van_id).map(|van| van.dropped.clone()).unwrap_or_default() {
            for order in self.orders_of(&stop.stop) {
                let state = self.order_mut(order)?;
                if state.stop == Some(stop.stop.id) {
                    state.stop = None;
                }
            }
        }
        for (order, stop) in orders {
            let state = self.order_mut(order)?;
            if state.status.is_final() {
                continue;
            }
            state.van = Some(van_id);
            state.stop = Some(stop);
            if state.status == OrderStatus::Accepted {
                state.status = OrderStatus::Planned;
                self.tell(at, order, StoryKind::Planned)?;
            }
            self.van_mut(van_id)?.tour.orders.insert(order);
            self.refresh_open(order)?;
        }
        Ok(())
    }

    /// Orders and the stop of the mission at which each is handed over.
    fn handover_orders(&self, mission: &Mission) -> Vec<(OrderId, StopId)> {
        let is_handover = |kind| !matches!(kind, StopKind::Load | StopKind::Unload);
        mission
            .stops
            .iter()
            .filter(|stop| is_handover(stop.kind))
            .flat_map(|stop| self.orders_of(stop).into_iter().map(|order| (order, stop.id)))
            .collect()
    }

    fn report(&mut self, at: Timestamp, van_id: VanId, cursor: Cursor, report: &Up) -> Fold {
        let van = self.van_mut(van_id)?;
        if cursor <= van.cursor {
            return Err(Unfit);
        }
        van.cursor = cursor;
        match report {
            Up::MissionAccepted { id, version } => {
                if *id == van.mission && *version == van.version {
                    van.accepted = *version;
                    van.n_refused = 0;
                    self.release_dropped(at, van_id)?;
                }
                Ok(())
            }
            // A van that already follows a version calls it stale when it is told again.
            Up::MissionRefused { id, version, reason: MissionRefusal::Stale } => {
                if *id == van.mission && *version == van.version {
                    van.accepted = *version;
                    self.release_dropped(at, van_id)?;
                }
                Ok(())
            }
            Up::MissionRefused { version, .. } => {
                if *version == van.version {
                    van.n_refused = van.n_refused.saturating_add(1);
                }
                Ok(())
            }
            Up::Departed { stop, at: left_at } => self.departed(at, van_id, *stop, *left_at),
            Up::Arrived { .. } => self.arrived(at, van_id, report),
            Up::Task { stop, task_idx, at: done_at, result } => {
                self.task_done(van_id, *stop, *task_idx, *done_at, result)
            }
            Up::StopDone { stop, at: done_at, stored, .. } => {
                van.stored = *stored;
                van.moved_at = *done_at;
                let done = van.stop(*stop).map(|s| s.stop.clone());
                let is_stray = done.is_none();
                if let Some(idx) = van.stops.iter().position(|s| s.stop.id == *stop) {
                    // Done under an earlier version: the van leaves it out of the one on its way,
                    // wherever it stands there, and the way on from it leads from elsewhere.
                    van.stops.remove(idx);
                    if let Some(next) = van.stops.get_mut(idx).filter(|_| idx > 0) {
                        next.stop.route.clear();
                    }
                }
                van.dropped.retain(|s| s.stop.id != *stop);
                let is_agreed = van.accepted == van.version && van.dropped.is_empty();
                self.tally.n_strays += u64::from(is_stray);
                for order in done.map(|stop| self.orders_of(&stop)).unwrap_or_default() {
                    let state = self.order_mut(order)?;
                    if state.stop == Some(*stop) {
                        state.stop = None;
                    }
                }
                if is_agreed {
                    self.release_orders(at, van_id)?;
                    self.end_tour(van_id, *done_at)?;
                }
                Ok(())
            }
            Up::Fault { kind, .. } => {
                van.faults.insert(*kind);
                Ok(())
            }
            Up::Recovered { kind, .. } => {
                van.faults.remove(kind);
                Ok(())
            }
            // The consequences follow as an event of their own.
            Up::Emptied { .. } | Up::Help { .. } | Up::HelpOver { .. } | Up::Status(_) => Ok(()),
        }
    }

    /// Orders that the van will not serve any more are free again.
    fn release_dropped(&mut self, at: Timestamp, van_id: VanId) -> Fold {
        self.van_mut(van_id)?.dropped.clear();
        self.release_orders(at, van_id)?;
        self.end_tour(van_id, at)
    }

    /// Frees the orders of a tour that are neither on board nor on the mission.
    fn release_orders(&mut self, at: Timestamp, van_id: VanId) -> Fold {
        let van = &self.vans[van_id.idx()];
        let is_gone = |id: &OrderId| {
            self.order(*id).is_some_and(|order| {
                order.van == Some(van_id) && order.stop.is_none() && !order.status.is_final()
            }) && !self.may_get(van_id, *id)
                && !self.is_on_board(*id)
        };
        let gone: Vec<OrderId> = van.tour.orders.iter().copied().filter(is_gone).collect();
        for order in gone {
            let state = self.order_mut(order)?;
            state.status = OrderStatus::Accepted;
            self.tell(at, order, StoryKind::Unplanned)?;
            self.order_mut(order)?.van = None;
            self.refresh_open(order)?;
        }
        Ok(())
    }

    fn departed(&mut self, at: Timestamp, van_id: VanId, id: StopId, left_at: Timestamp) -> Fold {
        let van = self.van_mut(van_id)?;
        let Some(stop) = van.stop_mut(id) else {
            self.tally.n_strays += 1;
            return Ok(());
        };
        stop.departed = Some(left_at);
        van.moved_at = left_at;
        // It drives to one stop and stands at none.
        for other in van.stops.iter_mut().chain(&mut van.dropped).filter(|s| s.stop.id != id) {
            other.departed = None;
            other.arrived = None;
        }
        self.mark(at, van_id, id, OrderStatus::Underway, StoryKind::Underway)
    }

    fn arrived(&mut self, at: Timestamp, van_id: VanId, report: &Up) -> Fold {
        let Up::Arrived { stop: id, at: arrived_at, distance, energy, .. } = report else {
            return Err(Unfit);
        };
        let van = self.van_mut(van_id)?;
        van.odometer += *distance;
        van.drawn += *energy;
        van.tour.driven += *distance;
        van.tour.drawn += *energy;
        van.stored = (van.stored - *energy).max(rv_base::WattHours::ZERO);
        van.moved_at = *arrived_at;
        let mut driving = None;
        let is_known = van.stop_mut(*id).is_some();
        if let Some(stop) = van.stop_mut(*id) {
            stop.arrived = Some(*arrived_at);
            let position = stop.stop.at;
            if let Some(left_at) = stop.departed
                && stop.plan.drive > Seconds(60.0)
            {
                driving = Some((arrived_at.since(left_at) / stop.plan.drive).clamp(0.2, 5.0));
            }
            van.position = position;
        }
        self.tally.driven += *distance;
        self.tally.drawn += *energy;
        if let Some(ratio) = driving {
            self.estimates.driving.learn(ratio);
        }
        if !is_known {
            self.tally.n_strays += 1;
            return Ok(());
        }
        self.mark(at, van_id, *id, OrderStatus::Arrived, StoryKind::Arrived)
    }

    /// Moves the orders handed over at a stop on to a status.
    fn mark(
        &mut self,
        at: Timestamp,
        van_id: VanId,
        id: StopId,
        status: OrderStatus,
        kind: StoryKind,
    ) -> Fold {
        let Some(stop) = self.van(van_id).and_then(|van| van.stop(id)) else { return Ok(()) };
        if matches!(stop.stop.kind, StopKind::Load | StopKind::Unload) {
            return Ok(());
        }
        for order in self.orders_of(&stop.stop.clone()) {
            let state = self.order_mut(order)?;
            if !state.status.is_final() && state.van == Some(van_id) && state.stop == Some(id) {
                state.status = status;
                self.tell(at, order, kind)?;
            }
        }
        Ok(())
    }

    fn task_done(
        &mut self,
        van_id: VanId,
        id: StopId,
        task_idx: u16,
        done_at: Timestamp,
        result: &TaskResult,
    ) -> Fold {
        let van = self.van_mut(van_id)?;
        let Some(stop) = van.stop_mut(id) else {
            self.tally.n_strays += 1;
            return Ok(());
        };
        let Some(is_done) = stop.is_task_done.get_mut(usize::from(task_idx)) else {
            self.tally.n_strays += 1;
            return Ok(());
        };
        *is_done = true;
        let n_tasks = stop.is_task_done.len().max(1) as f64;
        let since = stop.arrived.map(|at| done_at.since(at.max(stop.stop.earliest)).0.max(0.0));
        let collected = match (result, stop.stop.tasks.get(usize::from(task_idx))) {
            (TaskResult::Collected(_), Some(Task::Collect { order, .. })) => Some(*order),
            _ => None,
        };
        match (result, stop.stop.tasks.get(usize::from(task_idx))) {
            (TaskResult::HandedOver(_) | TaskResult::Collected(_), _) if n_tasks < 1.5 => {
                if let Some(since_s) = since {
                    self.estimates.handover.learn(since_s.min(1800.0));
                }
            }
            (TaskResult::Dropped { parcels, .. }, Some(Task::Drop { .. })) => {
                if let (Some(since_s), false) = (since, parcels.is_empty()) {
                    self.estimates.drop.learn((since_s / parcels.len() as f64).min(600.0));
                }
            }
            (TaskResult::Loaded, _) if stop.is_task_done.iter().all(|done| *done) => {
                if let Some(since_s) = since {
                    self.estimates.load.learn((since_s / n_tasks).min(600.0));
                }
            }
            (TaskResult::Charged { energy }, _) => {
                van.charged += *energy;
                self.tally.charged += *energy;
            }
            _ => {}
        }
        if let Some(order) = collected {
            self.order_mut(order)?.collected_at.get_or_insert(done_at);
        }
        Ok(())
    }

    /// When a van has nothing left to do, its tour's cost is shared among the tour's orders.
    fn end_tour(&mut self, van_id: VanId, done_at: Timestamp) -> Fold {
        let setup = self.setup.as_ref().ok_or(Unfit)?;
        let fixed = setup.vans.get(van_id.idx()).ok_or(Unfit)?;
        let costs = setup.classes.get(usize::from(fixed.class_idx)).ok_or(Unfit)?.costs;
        let (van_day, operator_rate) = (setup.costs.van_day, setup.costs.operator_per_hour);
        let van = self.vans.get_mut(van_id.idx()).ok_or(Unfit)?;
        if !van.stops.is_empty() {
            return Ok(());
        }
        let tour = std::mem::take(&mut van.tour);
        let energy = scaled(costs.per_kwh, tour.drawn.0 / 1000.0)
            + scaled(costs.per_km, tour.driven.0 / 1000.0);
        let time = tour.began.map_or(Seconds::ZERO, |began| done_at.since(began));
        let time = scaled(costs.per_day, (time / van_day).max(0.0));
        self.tally.cost_energy += energy;
        self.tally.cost_van += time;
        let n = tour.orders.len();
        if n == 0 {
            return Ok(());
        }
        if let Some(began) = tour.began {
            self.estimates.per_order.learn(done_at.since(began).0 / n as f64);
        }
        let total = energy + time + scaled(operator_rate, tour.operator.0 / 3600.0);
        let share = Money(total.0 / n as i64);
        for order in tour.orders {
            self.order_mut(order)?.cost += share;
        }
        Ok(())
    }

    fn lose_van(&mut self, at: Timestamp, van_id: VanId, fetched_at: Timestamp) -> Fold {
        let van = self.van_mut(van_id)?;
        van.lost_until = Some(fetched_at);
        van.service = Service::Out;
        // It may be out of reach and at work: its orders stay with it until it has agreed to do
        // nothing more, or people have emptied it.
        let on_board: BTreeSet<OrderId> = van
            .on_board
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .iter()
            .filter_map(|p| self.parcels.get(p.idx()))
            .map(|p| p.order)
            .collect();
        for order in on_board {
            let state = self.order_mut(order)?;
            if !state.status.is_final() {
                state.stop = None;
                state.status = OrderStatus::Loaded;
                self.tell(at, order, StoryKind::VanLost)?;
            }
        }
        Ok(())
    }

    fn fetch_van(&mut self, van_id: VanId) -> Fold {
        let at = self.at;
        self.release_dropped(at, van_id)?;
        let setup = self.setup.as_ref().ok_or(Unfit)?;
        let home = *setup.van_starts.get(van_id.idx()).ok_or(Unfit)?;
        let van = self.vans.get_mut(van_id.idx()).ok_or(Unfit)?;
        if !van.on_board.is_empty() {
            return Err(Unfit);
        }
        van.lost_until = None;
        van.is_halted = false;
        van.faults.clear();
        van.position = home;
        van.moved_at = at;
        self.end_tour(van_id, at)
    }

    /// Whether any parcel of an order is on a van.
    pub(crate) fn is_on_board(&self, order: OrderId) -> bool {
        let Some(state) = self.order(order) else { return false };
        state.order.parcels().any(|p| {
            matches!(self.parcels.get(p.idx()).map(|p| p.custodian), Some(Custodian::Van(_)))
        })
    }

    /// Whether a van may yet load or collect something of an order, under any version of its
    /// mission that it may be following.
    fn may_get(&self, van: VanId, id: OrderId) -> bool {
        let of_order = |p: &ParcelId| self.parcels.get(p.idx()).is_some_and(|p| p.order == id);
        let is_for = |task: &Task| match task {
            Task::Load { parcel, .. } => of_order(parcel),
            Task::Collect { order, .. } => *order == id,
            _ => false,
        };
        let Some(van) = self.van(van) else { return false };
        van.stops.iter().chain(&van.dropped).any(|stop| {
            stop.stop
                .tasks
                .iter()
                .zip(&stop.is_task_done)
                .any(|(task, is_done)| !is_done && is_for(task))
        })
    }

    /// Keeps the set of waiting orders right for one order.
    fn refresh_open(&mut self, id: OrderId) -> Fold {
        let state = self.order(id).ok_or(Unfit)?;
        let is_given_up =
            matches!(state.next_try, Some((NextTry::Return | NextTry::Courier(_), _)));
        let is_closing = !state.status.is_final() && (state.is_cancel_asked || is_given_up);
        let is_open = state.status == OrderStatus::Accepted
            && state.van.is_none()
            && !is_closing
            && !self.is_on_board(id);
        let hub = state.hub;
        if is_closing {
            self.closing.insert(id);
        } else {
            self.closing.remove(&id);
        }
        let open = self.open.entry(hub).or_default();
        if is_open {
            open.insert(id);
        } else {
            open.remove(&id);
        }
        Ok(())
    }

    fn tell(&mut self, at: Timestamp, order: OrderId, kind: StoryKind) -> Fold {
        let state = self.order_mut(order)?;
        state.story.push(StoryEntry { at, kind, van: state.van, facility: None });
        Ok(())
    }

    fn order_mut(&mut self, id: OrderId) -> Result<&mut OrderState, Unfit> {
        self.orders.get_mut(usize::try_from(id.0).map_err(|_| Unfit)?).ok_or(Unfit)
    }

    fn van_mut(&mut self, id: VanId) -> Result<&mut VanState, Unfit> {
        self.vans.get_mut(id.idx()).ok_or(Unfit)
    }

    fn ticket_mut(&mut self, id: rv_base::TicketId) -> Result<&mut Ticket, Unfit> {
        self.tickets.get_mut(usize::try_from(id.0).map_err(|_| Unfit)?).ok_or(Unfit)
    }
}

impl VanState {
    fn new(position: RoadPosition, stored: rv_base::WattHours, at: Timestamp) -> Self {
        Self {
            service: Service::In,
            lost_until: None,
            is_halted: false,
            faults: std::collections::BTreeSet::new(),
            cursor: Cursor::default(),
            mission: rv_base::MissionId(0),
            version: 0,
            accepted: 0,
            n_refused: 0,
            stops: Vec::new(),
            dropped: Vec::new(),
            position,
            moved_at: at,
            stored,
            on_board: std::collections::BTreeMap::new(),
            odometer: rv_base::Meters::ZERO,
            drawn: rv_base::WattHours::ZERO,
            charged: rv_base::WattHours::ZERO,
            n_parcels_delivered: 0,
            tour: TourAccount::default(),
        }
    }

    /// A stop that it has, or may still serve.
    pub fn stop(&self, id: StopId) -> Option<&StopState> {
        self.stops.iter().chain(&self.dropped).find(|stop| stop.stop.id == id)
    }

    fn stop_mut(&mut self, id: StopId) -> Option<&mut StopState> {
        self.stops.iter_mut().chain(&mut self.dropped).find(|stop| stop.stop.id == id)
    }

    /// The compartment that a parcel is to go into; the first if no task says.
    fn compartment_for(&self, wanted: ParcelId) -> u16 {
        let tasks = self.stops.iter().chain(&self.dropped).flat_map(|stop| &stop.stop.tasks);
        tasks
            .filter_map(|task| match task {
                Task::Load { parcel, compartment, .. } if *parcel == wanted => Some(*compartment),
                Task::Collect { parcels, compartment, .. } if parcels.contains(&wanted) => {
                    Some(*compartment)
                }
                _ => None,
            })
            .next()
            .unwrap_or(0)
    }
}

impl StopState {
    /// A stop as sent; what is known of it under an earlier version stays.
    fn new(stop: rv_wire::Stop, plan: StopPlan, known: Option<&Self>) -> Self {
        let is_same = |known: &&Self| known.stop.tasks == stop.tasks;
        let is_task_done = known
            .filter(is_same)
            .map_or_else(|| vec![false; stop.tasks.len()], |k| k.is_task_done.clone());
        Self {
            departed: known.and_then(|k| k.departed),
            arrived: known.and_then(|k| k.arrived),
            stop,
            plan,
            is_task_done,
        }
    }
}

fn scaled(money: Money, factor: f64) -> Money {
    Money((money.0 as f64 * factor).round() as i64)
}
