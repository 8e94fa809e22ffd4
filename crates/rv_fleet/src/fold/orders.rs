//! How events change orders and their parcels.

use rv_base::{FacilityId, Money, OrderId, ParcelId, RoadPosition, Timestamp, VanId};
use rv_model::{Order, OrderKind, OrderStatus, ReturnReason};
use rv_wire::Task;

use super::{Fold, Unfit};
use crate::event::{Custodian, DeliveredHow, NextTry, OrderEnd};
use crate::haul::{Haul, HaulLeg, RunId, first_custodian};
use crate::state::{OrderState, ParcelState, State, StoryEntry, StoryKind};

impl State {
    pub(super) fn accept(
        &mut self,
        at: Timestamp,
        order: &Order,
        hub: FacilityId,
        stop: RoadPosition,
        haul: Option<&Haul>,
    ) -> Fold {
        let is_next = order.id.0 == self.orders.len() as u64
            && order.first_parcel.0 == self.parcels.len() as u64;
        if !is_next {
            return Err(Unfit);
        }
        let custodian = first_custodian(order.request.kind, hub, haul);
        if let Custodian::Truck(run) = custodian {
            self.on_trucks.entry(run).or_default().insert(order.id);
        }
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
            haul: haul.cloned(),
            story: Vec::new(),
        });
        self.tally.n_orders += 1;
        self.tally.n_parcels += u64::from(order.request.n_parcels);
        self.tally.cost_handling += cost;
        self.refresh_open(order.id)?;
        self.tell(at, order.id, StoryKind::Accepted)
    }

    pub(super) fn plan_haul_legs(
        &mut self,
        at: Timestamp,
        order: OrderId,
        new: &[HaulLeg],
    ) -> Fold {
        match &mut self.order_mut(order)?.haul {
            Some(Haul::Out { legs, .. }) => *legs = new.to_vec(),
            Some(Haul::In(_)) | None => return Err(Unfit),
        }
        self.tell(at, order, StoryKind::HaulPlanned)
    }

    pub(super) fn expect_truck_at(
        &mut self,
        at: Timestamp,
        run: RunId,
        unloaded: Timestamp,
    ) -> Fold {
        for order in self.on_trucks.get(&run).cloned().ok_or(Unfit)? {
            match &mut self.order_mut(order)?.haul {
                Some(Haul::In(legs)) => legs.last_mut().ok_or(Unfit)?.unloaded = unloaded,
                Some(Haul::Out { .. }) | None => return Err(Unfit),
            }
            self.tell(at, order, StoryKind::TruckExpected)?;
        }
        Ok(())
    }

    pub(super) fn attempt_failed(
        &mut self,
        at: Timestamp,
        order: OrderId,
        reason: ReturnReason,
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

    pub(super) fn end_order(&mut self, at: Timestamp, order: OrderId, end: OrderEnd) -> Fold {
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

    pub(super) fn move_parcels(
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
        if let Custodian::Truck(run) = from
            && let Some(orders) = self.on_trucks.get_mut(&run)
        {
            for parcel in parcels {
                orders.remove(&self.parcels[parcel.idx()].order);
            }
            if orders.is_empty() {
                self.on_trucks.remove(&run);
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

    pub(super) fn order_moved(
        &mut self,
        at: Timestamp,
        order: OrderId,
        from: Custodian,
        to: Custodian,
    ) -> Fold {
        let kind = match (from, to) {
            (Custodian::Truck(_), _) => StoryKind::OffTruck,
            (_, Custodian::Truck(_)) => StoryKind::OnTruck,
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

    /// Whether any parcel of an order is on a van.
    pub(crate) fn is_on_board(&self, order: OrderId) -> bool {
        let Some(state) = self.order(order) else { return false };
        state.order.parcels().any(|p| {
            matches!(self.parcels.get(p.idx()).map(|p| p.custodian), Some(Custodian::Van(_)))
        })
    }

    /// Whether a van may yet load or collect something of an order, under any version of its
    /// mission that it may be following.
    pub(super) fn may_get(&self, van: VanId, id: OrderId) -> bool {
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
    pub(super) fn refresh_open(&mut self, id: OrderId) -> Fold {
        let state = self.order(id).ok_or(Unfit)?;
        let is_given_up =
            matches!(state.next_try, Some((NextTry::Return | NextTry::Courier(_), _)));
        let is_closing = !state.status.is_final() && (state.is_cancel_asked || is_given_up);
        let is_open = state.status == OrderStatus::Accepted
            && state.van.is_none()
            && !is_closing
            && !self.is_on_board(id)
            && !self.is_on_truck(id);
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

    pub(super) fn tell(&mut self, at: Timestamp, order: OrderId, kind: StoryKind) -> Fold {
        let state = self.order_mut(order)?;
        state.story.push(StoryEntry { at, kind, van: state.van, facility: None });
        Ok(())
    }
}
