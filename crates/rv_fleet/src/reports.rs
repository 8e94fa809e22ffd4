//! What vans report, and what follows from it.

use rv_base::{FacilityId, OrderId, ParcelId, StopId, Timestamp, VanId};
use rv_model::{OrderKind, ReturnReason, Template};
use rv_wire::{
    Cursor, FaultKind, MissionRefusal, NotHandedOver, Proof, StopKind, Task, TaskResult, Up,
};

use crate::event::{Custodian, DeliveredHow, Event, MissionCause, NextTry, OrderEnd, TicketKind};
use crate::fleet::{Fleet, Timer};
use crate::io::Notice;
use crate::missions::Ways;
use crate::state::StopState;

/// Refusals in a row after which a person has to look at a van.
pub(crate) const REFUSED_MAX: u8 = 5;

impl Fleet {
    /// Takes a numbered report of a van.
    pub(crate) fn report(&mut self, now: Timestamp, van: VanId, cursor: Cursor, report: Up) {
        if self.state.vans[van.idx()].cursor >= cursor {
            return;
        }
        let about = match &report {
            Up::Task { stop, .. } => self.state.vans[van.idx()].stop(*stop).cloned(),
            _ => None,
        };
        self.emit(now, Event::VanReported { van, cursor, report: report.clone() });
        match report {
            Up::MissionAccepted { .. }
            | Up::MissionRefused { reason: MissionRefusal::Stale, .. } => {
                self.settle_closing(now);
                self.drop_ended(now, van);
            }
            Up::MissionRefused { version, reason, .. } => {
                self.refused(now, van, version, reason);
            }
            Up::Departed { stop, .. } => self.departed(now, van, stop),
            Up::Arrived { stop, .. } => self.arrived(van, stop),
            Up::Task { task_idx, at, result, .. } => {
                if let Some(stop) = about {
                    self.task(now, van, &stop, task_idx, at, result);
                }
            }
            Up::StopDone { stop, .. } => self.stop_done(now, van, stop),
            Up::Help { call, kind, choices, position, .. } => {
                self.help(now, van, call, kind, choices, position);
            }
            Up::HelpOver { call, .. } => self.help_over(now, van, call),
            Up::Emptied { .. } => self.emptied(now, van),
            Up::Fault { kind: FaultKind::Dead, .. } => {
                self.open_fleet_ticket(now, van, TicketKind::Dead);
            }
            Up::Fault { .. } | Up::Recovered { .. } | Up::Status(_) | Up::Sight(_) => {}
        }
    }

    fn refused(&mut self, now: Timestamp, van: VanId, version: u32, reason: MissionRefusal) {
        let state = &self.state.vans[van.idx()];
        if version != state.version || state.lost_until.is_some() {
            return;
        }
        let n_refused = state.n_refused;
        if n_refused > REFUSED_MAX || reason == MissionRefusal::Faulted {
            self.open_fleet_ticket(now, van, TicketKind::Silent);
            return;
        }
        match reason {
            MissionRefusal::BatteryShort => self.charge_first(now, van),
            MissionRefusal::StopUnderWay => {
                let drafts = self.with_stood_at(van);
                let cause = MissionCause::Refused;
                let lost = self.set_mission(now, van, drafts, Ways::Keep, cause);
                self.cannot_reach(now, van, &lost);
            }
            _ => self.reroute(now, van, MissionCause::Refused),
        }
    }

    fn departed(&mut self, now: Timestamp, van: VanId, stop: StopId) {
        let Some(stop) = self.state.vans[van.idx()].stop(stop) else { return };
        let called_off: Vec<OrderId> = self
            .state
            .orders_of(&stop.stop)
            .into_iter()
            .filter(|id| {
                let order = &self.state.orders[id.idx()];
                order.is_cancel_asked && order.stop == Some(stop.stop.id)
            })
            .collect();
        if !called_off.is_empty() {
            self.take_off(now, van, &called_off);
        }
    }

    /// Takes off the mission what was done under an earlier version and would be visited again.
    fn drop_ended(&mut self, now: Timestamp, van: VanId) {
        let state = &self.state.vans[van.idx()];
        if state.accepted != state.version {
            return;
        }
        let handovers = state
            .stops
            .iter()
            .skip(self.n_frozen(van))
            .filter(|stop| matches!(stop.stop.kind, StopKind::Deliver | StopKind::Collect));
        let ended: Vec<OrderId> = handovers
            .flat_map(|stop| self.state.orders_of(&stop.stop))
            .filter(|id| self.state.orders[id.idx()].status.is_final())
            .collect();
        if !ended.is_empty() {
            self.take_off(now, van, &ended);
        }
    }

    fn arrived(&mut self, van: VanId, id: StopId) {
        let Some(stop) = self.state.vans[van.idx()].stop(id) else { return };
        if !matches!(stop.stop.kind, StopKind::Deliver | StopKind::Collect) {
            return;
        }
        for order in self.state.orders_of(&stop.stop.clone()) {
            self.notify(Notice::Arrived { order, stop: id, van });
        }
    }

    fn task(
        &mut self,
        now: Timestamp,
        van: VanId,
        stop: &StopState,
        task_idx: u16,
        at: Timestamp,
        result: TaskResult,
    ) {
        let idx = usize::from(task_idx);
        let Some(task) = stop.stop.tasks.get(idx) else { return };
        // A task ends once; a second report of it would move parcels that have moved.
        if stop.is_task_done.get(idx) == Some(&true) {
            return;
        }
        match (task, result) {
            (Task::Load { parcel, .. }, TaskResult::Loaded) => self.loaded(now, van, *parcel),
            (Task::Load { parcel, .. }, TaskResult::NotLoaded) => {
                self.not_loaded(now, van, *parcel, ReturnReason::Missing);
            }
            (Task::Load { parcel, .. }, TaskResult::Skipped) => {
                self.not_loaded(now, van, *parcel, ReturnReason::NotServed);
            }
            (
                Task::HandOver { order, code, .. },
                TaskResult::HandedOver(Proof { code: entered, .. }),
            ) => {
                if *code == entered {
                    self.handed_over(now, van, stop.stop.id, *order, at);
                } else {
                    self.failed(now, van, *order, ReturnReason::WrongCode);
                }
            }
            (Task::Collect { order, .. }, TaskResult::Collected(_)) => {
                self.collected(now, van, *order);
            }
            (
                Task::HandOver { order, .. } | Task::Collect { order, .. },
                TaskResult::NotHandedOver(why),
            ) => self.failed(now, van, *order, reason_of(why)),
            (Task::HandOver { order, .. } | Task::Collect { order, .. }, TaskResult::Skipped) => {
                self.failed(now, van, *order, ReturnReason::AddressWrong);
            }
            (Task::Drop { .. }, TaskResult::Dropped { parcels, left_over }) => {
                self.dropped(now, van, stop, &parcels, &left_over, at);
            }
            (Task::Drop { parcels }, TaskResult::Skipped) => {
                self.dropped(now, van, stop, &[], parcels, at);
            }
            _ => {}
        }
    }

    fn loaded(&mut self, now: Timestamp, van: VanId, parcel: ParcelId) {
        let Some(state) = self.state.parcels.get(parcel.idx()).copied() else { return };
        if matches!(state.custodian, Custodian::Hub(_))
            && !self.state.orders[state.order.idx()].status.is_final()
        {
            let to = Custodian::Van(van);
            self.emit(
                now,
                Event::ParcelsMoved { parcels: vec![parcel], from: state.custodian, to },
            );
        }
    }

    /// A parcel was not there: its order is not delivered in part, what is on board comes back.
    fn not_loaded(&mut self, now: Timestamp, van: VanId, parcel: ParcelId, reason: ReturnReason) {
        let Some(id) = self.state.parcels.get(parcel.idx()).map(|p| p.order) else { return };
        let order = &self.state.orders[id.idx()];
        if order.status.is_final() || order.van != Some(van) {
            return;
        }
        if reason == ReturnReason::Missing && order.next_try.is_none_or(|t| t.1 != reason) {
            self.emit(now, Event::AttemptFailed { order: id, reason, next: NextTry::Return });
        }
        self.take_off(now, van, &[id]);
        self.settle(now, id);
    }

    fn handed_over(
        &mut self,
        now: Timestamp,
        van: VanId,
        stop: StopId,
        id: OrderId,
        at: Timestamp,
    ) {
        let order = &self.state.orders[id.idx()];
        if order.status.is_final() {
            return;
        }
        let parcels = self.on_board_of(van, id);
        if parcels.len() != usize::from(order.order.request.n_parcels) {
            return;
        }
        let (from, to) = (Custodian::Van(van), Custodian::Recipient);
        self.emit(now, Event::ParcelsMoved { parcels, from, to });
        self.finish(now, id, OrderEnd::Delivered { how: DeliveredHow::Code(stop), at });
    }

    fn collected(&mut self, now: Timestamp, van: VanId, id: OrderId) {
        let order = &self.state.orders[id.idx()];
        let with_sender = |p: &ParcelId| {
            self.state.parcels.get(p.idx()).map(|p| p.custodian) == Some(Custodian::Sender)
        };
        let parcels: Vec<ParcelId> = order.order.parcels().filter(with_sender).collect();
        if order.status.is_final() || parcels.is_empty() {
            return;
        }
        let (from, to) = (Custodian::Sender, Custodian::Van(van));
        self.emit(now, Event::ParcelsMoved { parcels, from, to });
    }

    /// Parcels of an order that are on board of a van.
    fn on_board_of(&self, van: VanId, order: OrderId) -> Vec<ParcelId> {
        let on_board = &self.state.vans[van.idx()].on_board;
        let order = &self.state.orders[order.idx()].order;
        order.parcels().filter(|parcel| on_board.contains_key(parcel)).collect()
    }

    /// A handover did not take place.
    fn failed(&mut self, now: Timestamp, van: VanId, id: OrderId, reason: ReturnReason) {
        let order = &self.state.orders[id.idx()];
        if order.status.is_final() || order.van != Some(van) {
            return;
        }
        if order.is_cancel_asked {
            return;
        }
        let is_collection = order.order.request.kind == OrderKind::Collection;
        let next = self.next_try(now, id, reason);
        self.emit(now, Event::AttemptFailed { order: id, reason, next });
        if next == NextTry::Again {
            self.notify(Notice::TryingAgain { order: id });
        }
        if is_collection {
            if self.state.orders[id.idx()].van == Some(van) {
                self.take_off(now, van, &[id]);
            }
            self.settle(now, id);
        }
    }

    /// What comes after a failed attempt: the tenant's template decides.
    fn next_try(&self, now: Timestamp, id: OrderId, reason: ReturnReason) -> NextTry {
        let order = &self.state.orders[id.idx()];
        let request = &order.order.request;
        let policy = &self.config.policy;
        let template = self.config.tenants[request.tenant.idx()].template;
        if matches!(order.next_try, Some((NextTry::Courier(_) | NextTry::Return, _))) {
            return NextTry::Return;
        }
        let may_again = order.n_attempts + 1 < policy.attempts_max
            && request.window.end.since(now) > policy.again_if_left_s
            && !matches!(reason, ReturnReason::Declined)
            && !self.state.is_day_closed;
        let is_collection = request.kind == OrderKind::Collection;
        if may_again && (template == Template::Express || is_collection) {
            return NextTry::Again;
        }
        let takes_courier = template != Template::Urban
            && matches!(
                reason,
                ReturnReason::NobodyThere | ReturnReason::AddressWrong | ReturnReason::LockerJammed
            );
        if takes_courier && !is_collection {
            let at = self.world(order.stop_at);
            if let Some(station) = self.roads.station_near(at, policy.courier_within) {
                return NextTry::Courier(station);
            }
        }
        NextTry::Return
    }

    fn dropped(
        &mut self,
        now: Timestamp,
        van: VanId,
        stop: &StopState,
        parcels: &[ParcelId],
        left_over: &[ParcelId],
        at: Timestamp,
    ) {
        let Some(facility) = stop.plan.facility else { return };
        let on_board = &self.state.vans[van.idx()].on_board;
        let moved: Vec<ParcelId> =
            parcels.iter().copied().filter(|p| on_board.contains_key(p)).collect();
        let is_hub = stop.stop.kind == StopKind::Unload;
        let to = if is_hub { Custodian::Hub(facility) } else { Custodian::Facility(facility) };
        let mut orders: Vec<OrderId> =
            moved.iter().filter_map(|p| self.state.parcels.get(p.idx()).map(|p| p.order)).collect();
        orders.sort_unstable();
        orders.dedup();
        if !moved.is_empty() {
            let mut parcels = moved;
            parcels.sort_unstable();
            parcels.dedup();
            self.emit(now, Event::ParcelsMoved { parcels, from: Custodian::Van(van), to });
        }
        for id in orders {
            if self.on_board_of(van, id).is_empty() {
                self.order_dropped(now, id, facility, is_hub, at);
            }
        }
        let mut left: Vec<OrderId> = left_over
            .iter()
            .filter_map(|p| self.state.parcels.get(p.idx()).map(|p| p.order))
            .collect();
        left.sort_unstable();
        left.dedup();
        for id in left {
            if !is_hub && !self.on_board_of(van, id).is_empty() {
                self.failed(now, van, id, ReturnReason::LockerJammed);
            }
        }
    }

    fn order_dropped(
        &mut self,
        now: Timestamp,
        id: OrderId,
        facility: FacilityId,
        is_hub: bool,
        at: Timestamp,
    ) {
        let order = &self.state.orders[id.idx()];
        if order.status.is_final() {
            return;
        }
        let holder = if is_hub { Custodian::Hub(facility) } else { Custodian::Facility(facility) };
        let is_whole =
            order.order.parcels().all(|p| self.state.parcels[p.idx()].custodian == holder);
        if !is_whole && !is_hub {
            // A part was not there when it was loaded; it follows.
            let (reason, next) = (ReturnReason::Missing, NextTry::Again);
            self.emit(now, Event::AttemptFailed { order: id, reason, next });
            return;
        }
        let is_collection = order.order.request.kind == OrderKind::Collection;
        let was_asked = order.order.request.site == rv_model::Site::Facility(facility);
        let how = if is_hub {
            if !is_collection {
                // Back in stock: ended now, or planned again.
                self.settle(now, id);
                let hub = self.state.orders[id.idx()].hub;
                self.wake_hub(now, hub);
                return;
            }
            let at = order.collected_at.unwrap_or(at);
            self.finish(now, id, OrderEnd::Delivered { how: DeliveredHow::Hub(facility), at });
            return;
        } else if was_asked {
            DeliveredHow::Facility(facility)
        } else {
            DeliveredHow::Courier(facility)
        };
        self.finish(now, id, OrderEnd::Delivered { how, at });
    }

    fn stop_done(&mut self, now: Timestamp, van: VanId, _stop: StopId) {
        self.settle_closing(now);
        let hub = self.config.vans[van.idx()].hub;
        let state = &self.state.vans[van.idx()];
        if state.lost_until.is_some() {
            return;
        }
        if state.stops.is_empty() {
            if !state.on_board.is_empty() || state.position.edge != self.home(van).edge {
                self.recall(now, van);
            } else {
                self.wake_hub(now, hub);
            }
            return;
        }
        self.see_to_couriers(now, van);
        self.see_to_battery(now, van);
    }

    /// Where a van lives.
    pub(crate) fn home(&self, van: VanId) -> rv_base::RoadPosition {
        self.city.facilities[self.config.vans[van.idx()].hub.idx()].stop
    }

    /// Gives orders that could not be handed over a stop at their courier's station, before the
    /// way home; a review finds where in the mission it fits.
    fn see_to_couriers(&mut self, now: Timestamp, van: VanId) {
        let state = &self.state.vans[van.idx()];
        let mut by_station: std::collections::BTreeMap<FacilityId, Vec<OrderId>> =
            std::collections::BTreeMap::new();
        let mut orders: Vec<OrderId> = state
            .on_board
            .keys()
            .filter_map(|p| self.state.parcels.get(p.idx()).map(|p| p.order))
            .collect();
        orders.dedup();
        for id in orders {
            let order = &self.state.orders[id.idx()];
            if let (Some((NextTry::Courier(station), _)), None, false) =
                (order.next_try, order.stop, order.is_cancel_asked)
            {
                by_station.entry(station).or_default().push(id);
            }
        }
        if by_station.is_empty() {
            return;
        }
        let mut drafts = self.drafts(van);
        for (station, orders) in by_station {
            let draft = self.drop_draft(station, &orders, Timestamp::ZERO);
            let last = drafts.len().saturating_sub(1).max(self.n_frozen(van));
            drafts.insert(last, draft);
        }
        let lost = self.set_mission(now, van, drafts, Ways::Keep, MissionCause::NextTry);
        self.cannot_reach(now, van, &lost);
        self.want_review(now, van);
    }

    /// Orders to which no way leads now.
    pub(crate) fn cannot_reach(&mut self, now: Timestamp, van: VanId, orders: &[OrderId]) {
        for id in orders {
            let order = &self.state.orders[id.idx()];
            if order.status.is_final() || order.is_cancel_asked || order.van != Some(van) {
                continue;
            }
            if self.state.is_on_board(*id) {
                let (reason, next) = (ReturnReason::AddressWrong, NextTry::Again);
                self.emit(now, Event::AttemptFailed { order: *id, reason, next });
            }
        }
        let is_waiting = |id: &&OrderId| !self.state.is_on_board(**id);
        let not_loaded: Vec<OrderId> = orders.iter().filter(is_waiting).copied().collect();
        if !not_loaded.is_empty() {
            self.take_off(now, van, &not_loaded);
        }
    }

    /// Ends the orders that wait for nothing more, after a van has agreed to a version or given
    /// something back.
    pub(crate) fn settle_closing(&mut self, now: Timestamp) {
        let closing: Vec<OrderId> = self
            .state
            .closing
            .iter()
            .copied()
            .filter(|id| self.state.orders[id.idx()].van.is_none())
            .collect();
        for id in closing {
            self.settle(now, id);
        }
    }

    pub(crate) fn wake_hub(&mut self, now: Timestamp, hub: FacilityId) {
        if let Some(at) = self.planner.want_plan(now, hub, &self.config.planning) {
            self.wake(at, Timer::Plan(hub));
        }
    }
}

fn reason_of(why: NotHandedOver) -> ReturnReason {
    match why {
        NotHandedOver::NobodyThere => ReturnReason::NobodyThere,
        NotHandedOver::WrongCode => ReturnReason::WrongCode,
        NotHandedOver::Declined => ReturnReason::Declined,
        NotHandedOver::DoorStuck => ReturnReason::NobodyThere,
        NotHandedOver::NotOnBoard => ReturnReason::Missing,
    }
}
