//! Commands, and orders from the request to their place in the pool.

use rv_base::{
    FacilityId, OrderId, ParcelId, RoadPosition, Seconds, TenantId, TimeWindow, Timestamp,
};
use rv_map::FacilityKind;
use rv_model::{
    Handover, Order, OrderError, OrderRequest, OrderStatus, RefusalReason, ReturnReason, Site,
};
use rv_wire::StopKind;

use crate::event::{Custodian, Event, Halt, OrderEnd, Service};
use crate::fleet::Fleet;
use crate::haul::{Via, release_of};
use crate::io::{Actor, Command, Done, MAX_BULK_ORDERS, Notice, Placed, Rejection, Role};

/// What accepting an order takes to know.
struct Accepted {
    hub: FacilityId,
    stop: RoadPosition,
}

impl Fleet {
    pub(crate) fn command(
        &mut self,
        now: Timestamp,
        actor: Actor,
        command: Command,
    ) -> Result<Done, Rejection> {
        check_role(actor, &command)?;
        match command {
            Command::PlaceOrder(request) => {
                self.place(now, actor, request, None).map(Done::Placed).map_err(Rejection::Refused)
            }
            Command::PlaceOrders(requests) => {
                if requests.len() > MAX_BULK_ORDERS {
                    return Err(Rejection::TooManyOrders);
                }
                let place = |request| self.place(now, actor, request, None);
                Ok(Done::PlacedMany(requests.into_iter().map(place).collect()))
            }
            Command::CancelOrder { order } => {
                self.own(actor, order)?;
                self.cancel(now, order)
            }
            Command::ChangeOrder { order, site, window } => {
                self.own(actor, order)?;
                self.change(now, order, site, window)
            }
            Command::AnswerTicket { ticket, choice, operator } => {
                self.answer_by_hand(now, ticket, choice, operator)
            }
            Command::CloseRoad { at, until } => self.close_road(now, at, until),
            Command::OpenRoad { closure } => self.open_road(now, closure),
            Command::SetTraffic { slow } => self.set_traffic(now, slow),
            Command::HaltVan { van } => self.halt(now, van, Halt::Halted),
            Command::ShowVan { van } => self.show(now, van),
            Command::ResumeVan { van } => self.halt(now, van, Halt::Resumed),
            Command::DeclareVanLost { van } => self.declare_lost(now, van),
            Command::SetVanInService { van } => self.set_service(now, van, Service::In),
            Command::SetVanOutOfService { van } => self.set_service(now, van, Service::Out),
            Command::GrantPermit { permit, is_new } => self.grant_permit(now, permit, is_new),
            Command::RevokePermit { permit } => self.revoke_permit(now, permit),
            Command::CloseDay => self.close_day(now),
            Command::PlaceHauled { request, hub, haul } => {
                self.place_hauled(now, actor, request, Via { hub, haul })
            }
            Command::PlanHaul { tenant, key, legs } => self.plan_haul(now, tenant, &key, legs),
            Command::ExpectTruck { run, unloaded } => self.expect_truck(now, run, unloaded),
            Command::UnloadTruck { run } => self.unload_truck(now, run),
            Command::LoadTruck { run } => self.load_truck(now, run),
        }
    }

    /// The order exists, and belongs to the actor if it is a tenant.
    fn own(&self, actor: Actor, id: OrderId) -> Result<(), Rejection> {
        let order = self.state.order(id).ok_or(Rejection::UnknownOrder(id))?;
        let is_own = actor.role != Role::Tenant || actor.tenant == Some(order.order.request.tenant);
        if is_own { Ok(()) } else { Err(Rejection::UnknownOrder(id)) }
    }

    pub(crate) fn place(
        &mut self,
        now: Timestamp,
        actor: Actor,
        request: OrderRequest,
        via: Option<Via>,
    ) -> Result<Placed, RefusalReason> {
        if actor.role == Role::Tenant && actor.tenant != Some(request.tenant) {
            return Err(RefusalReason::UnknownTenant);
        }
        let key = (request.tenant, request.key.clone());
        if let Some(id) = self.state.keys.get(&key).copied() {
            let known = self.state.order(id).is_some_and(|order| {
                let (site, window) = order.asked;
                let asked = OrderRequest { site, window, ..order.order.request.clone() };
                asked == request
            });
            return if known {
                Ok(Placed { order: id, is_repeat: true })
            } else {
                Err(RefusalReason::KeyReused)
            };
        }
        match self.admit(now, &request, via.as_ref()) {
            Ok(Accepted { hub, stop }) => {
                let id = OrderId(self.state.orders.len() as u64);
                let first_parcel = ParcelId(self.state.parcels.len() as u64);
                let order = Order { id, request, first_parcel, accepted_at: now };
                self.planner.promise(&self.state, hub, order.request.window.end);
                self.emit(
                    now,
                    match via {
                        None => Event::OrderAccepted { order, hub, stop },
                        Some(Via { haul, .. }) => Event::HaulAccepted { order, hub, stop, haul },
                    },
                );
                self.wake_hub(now, hub);
                Ok(Placed { order: id, is_repeat: false })
            }
            Err(reason) => {
                let OrderRequest { tenant, mut key, n_parcels, .. } = request;
                truncate(&mut key, rv_model::MAX_KEY_BYTES);
                let reason_told = reason.clone();
                self.emit(now, Event::OrderRefused { tenant, key, n_parcels, reason });
                Err(reason_told)
            }
        }
    }

    fn admit(
        &mut self,
        now: Timestamp,
        request: &OrderRequest,
        via: Option<&Via>,
    ) -> Result<Accepted, RefusalReason> {
        if request.tenant.idx() >= self.config.tenants.len() {
            return Err(RefusalReason::UnknownTenant);
        }
        request.check().map_err(RefusalReason::Invalid)?;
        let stop = self.locate(request.site, request.handover)?;
        if self.state.is_day_closed || request.window.end <= now {
            return Err(RefusalReason::TooLate);
        }
        let only = via.map(|via| via.hub);
        let (hub, drive, stop) = self.reach(now, request, stop, only)?;
        let class = self.largest_class(hub).ok_or(RefusalReason::NoCapacity)?;
        let mass = request.parcel_mass * f64::from(request.n_parcels);
        if mass > class.payload_max || request.n_parcels > class.parcels_max {
            return Err(RefusalReason::TooLarge);
        }
        let load = self.config.service.load_s * f64::from(request.n_parcels);
        let lead = self.config.planning.lead_s + load;
        let released = release_of(via, now);
        let earliest = released + lead + drive + self.handover_time(request.n_parcels);
        if earliest > request.window.end {
            return Err(RefusalReason::TooLate);
        }
        if !self.has_capacity(now, hub, request.window.end) {
            return Err(RefusalReason::NoCapacity);
        }
        Ok(Accepted { hub, stop })
    }

    /// Where a van stops for a site.
    fn locate(&self, site: Site, handover: Handover) -> Result<RoadPosition, RefusalReason> {
        let wrong = RefusalReason::Invalid(OrderError::Site);
        match (site, handover) {
            (Site::Place(place), Handover::Door) => {
                self.city.places.get(place.idx()).map(|p| p.stop).ok_or(wrong)
            }
            (Site::Point(point), Handover::Door) => {
                self.roads.stop_for(point).ok_or(RefusalReason::OutsideMap)
            }
            (Site::Facility(id), _) => {
                let facility = self.city.facilities.get(id.idx()).ok_or(wrong.clone())?;
                let fits = match handover {
                    Handover::Door => false,
                    Handover::Locker => facility.kind == FacilityKind::Locker,
                    Handover::Station => facility.kind == FacilityKind::Station,
                };
                if fits { Ok(facility.stop) } else { Err(wrong) }
            }
            (Site::Place(_) | Site::Point(_), Handover::Locker | Handover::Station) => Err(wrong),
        }
    }

    /// The hub that serves a request and where a van stops for it: at `stop`, or, where no van gets
    /// to, at the nearest road in walking distance that one does.
    fn reach(
        &mut self,
        now: Timestamp,
        request: &OrderRequest,
        stop: RoadPosition,
        only: Option<FacilityId>,
    ) -> Result<(FacilityId, Seconds, RoadPosition), RefusalReason> {
        let point = match request.site {
            Site::Place(place) => self.city.places.get(place.idx()).map(|p| p.position),
            Site::Point(point) => Some(point),
            Site::Facility(_) => None,
        };
        match (self.hub_for(now, request.window, stop, only), point) {
            (Ok((hub, drive)), _) => Ok((hub, drive, stop)),
            (Err(RefusalReason::Unreachable), Some(point)) => {
                for stop in self.roads.stops_near(point) {
                    if let Ok((hub, drive)) = self.hub_for(now, request.window, stop, only) {
                        return Ok((hub, drive, stop));
                    }
                }
                Err(RefusalReason::Unreachable)
            }
            (Err(reason), _) => Err(reason),
        }
    }

    /// The hub (`only` that one, if given) from which a position is soonest reached in the window, hubs with much waiting work
    /// for each van set back, and the driving time.
    fn hub_for(
        &mut self,
        now: Timestamp,
        window: TimeWindow,
        stop: RoadPosition,
        only: Option<FacilityId>,
    ) -> Result<(FacilityId, Seconds), RefusalReason> {
        let hubs: Vec<(FacilityId, rv_base::VanId)> = self.planner.hubs(&self.config);
        let from = window.start.max(now);
        let to = window.end.min(from + Seconds(86_400.0));
        let mut best: Option<(Seconds, FacilityId, Seconds)> = None;
        let mut forbidding = None;
        for (hub, van) in hubs.into_iter().filter(|(hub, _)| only.is_none_or(|o| o == *hub)) {
            let profile = self.roads.profile(van);
            for moment in self.roads.phases(&self.state, profile, from, to) {
                let time = self.roads.time_from_hub(&self.state, profile, moment, hub, stop);
                let Some(time) = time else {
                    let permit = self.roads.forbidding(profile, stop.edge, moment);
                    forbidding = forbidding.or(permit);
                    continue;
                };
                let drive = self.config.traffic.driving_time(from, time);
                let handicap = self.planner.crowding(&self.state, hub);
                let rank = (drive + handicap, hub, drive);
                if best.is_none_or(|b| (rank.0.0, rank.1) < (b.0.0, b.1)) {
                    best = Some(rank);
                }
            }
        }
        match (best, forbidding) {
            (Some((_, hub, drive)), _) => Ok((hub, drive)),
            (None, Some(permit)) => Err(RefusalReason::NotPermitted(permit)),
            (None, None) => Err(RefusalReason::Unreachable),
        }
    }

    fn largest_class(&self, hub: FacilityId) -> Option<&rv_model::VanClass> {
        let vans = self.config.vans.iter().filter(|van| van.hub == hub);
        let classes = vans.map(|van| &self.config.classes[usize::from(van.class_idx)]);
        classes.max_by(|a, b| a.payload_max.total_cmp(&b.payload_max))
    }

    /// Expected time of a handover at the kerb.
    pub(crate) fn handover_time(&self, n_parcels: u16) -> Seconds {
        let service = &self.config.service;
        let one = self.state.estimates.handover.or(service.handover_s.0);
        Seconds(one) + service.handover_parcel_s * f64::from(n_parcels.saturating_sub(1))
    }

    fn cancel(&mut self, now: Timestamp, id: OrderId) -> Result<Done, Rejection> {
        let order = &self.state.orders[id.idx()];
        if order.is_cancel_asked || order.status == OrderStatus::Cancelled {
            return Ok(Done::Done);
        }
        if order.status.is_final() || order.status == OrderStatus::Arrived {
            return Err(Rejection::OrderTooFar(id));
        }
        self.emit(now, Event::CancelAsked { order: id });
        if let Some(van) = self.state.orders[id.idx()].van {
            self.take_off(now, van, &[id]);
        }
        self.settle(now, id);
        Ok(Done::Done)
    }

    fn change(
        &mut self,
        now: Timestamp,
        id: OrderId,
        site: Option<Site>,
        window: Option<TimeWindow>,
    ) -> Result<Done, Rejection> {
        let order = &self.state.orders[id.idx()];
        let is_closed = order.status.is_final() || order.is_cancel_asked;
        if is_closed || order.status == OrderStatus::Arrived {
            return Err(Rejection::OrderTooFar(id));
        }
        let mut request = order.order.request.clone();
        let (van, hub) = (order.van, order.hub);
        request.site = site.unwrap_or(request.site);
        request.window = window.unwrap_or(request.window);
        if request == order.order.request {
            return Ok(Done::Done);
        }
        let refused = Rejection::Refused;
        request.check().map_err(|error| refused(RefusalReason::Invalid(error)))?;
        let stop = self.locate(request.site, request.handover).map_err(refused)?;
        if request.window.end <= now {
            return Err(Rejection::Refused(RefusalReason::TooLate));
        }
        let (_, _, stop) = self.reach(now, &request, stop, None).map_err(refused)?;
        let OrderRequest { site, window, .. } = request;
        self.emit(now, Event::OrderChanged { order: id, site, stop, window });
        match van {
            Some(van) => self.move_stop(now, van, id),
            None => self.wake_hub(now, hub),
        }
        Ok(Done::Done)
    }

    /// Ends an order that has nothing more to wait for: called off, or not to be tried again, and
    /// on no van.
    pub(crate) fn settle(&mut self, now: Timestamp, id: OrderId) {
        let order = &self.state.orders[id.idx()];
        if order.status.is_final() || order.van.is_some() || self.state.is_on_board(id) {
            return;
        }
        let end = if order.is_cancel_asked {
            OrderEnd::Cancelled
        } else {
            match order.next_try {
                Some((crate::event::NextTry::Again, _)) | None => match self.hopeless(now, id) {
                    Some(reason) => OrderEnd::Returned(reason),
                    None => return,
                },
                Some((_, reason)) => OrderEnd::Returned(reason),
            }
        };
        self.bring_back(now, id);
        self.finish(now, id, end);
    }

    /// People bring to the hub what a van out of reach left at a locker or station of an order
    /// that was not whole.
    pub(crate) fn bring_back(&mut self, now: Timestamp, id: OrderId) {
        let order = &self.state.orders[id.idx()];
        let to = Custodian::Hub(order.hub);
        let at_facility = |p: &ParcelId| match self.state.parcels[p.idx()].custodian {
            Custodian::Facility(facility) => Some((*p, facility)),
            _ => None,
        };
        let left: Vec<(ParcelId, FacilityId)> =
            order.order.parcels().filter_map(|p| at_facility(&p)).collect();
        for (parcel, facility) in left {
            let from = Custodian::Facility(facility);
            self.emit(now, Event::ParcelsMoved { parcels: vec![parcel], from, to });
        }
    }

    /// Why an order that waits for a van will not get one any more.
    fn hopeless(&self, now: Timestamp, id: OrderId) -> Option<ReturnReason> {
        let order = &self.state.orders[id.idx()];
        let last = order.order.request.window.end + self.config.policy.grace_s;
        let reason = order.next_try.map_or(ReturnReason::NotServed, |(_, reason)| reason);
        (self.state.is_day_closed || now > last).then_some(reason)
    }

    /// Ends an order and tells whom it concerns.
    pub(crate) fn finish(&mut self, now: Timestamp, id: OrderId, end: OrderEnd) {
        self.emit(now, Event::OrderEnded { order: id, end });
        let facility = match end {
            OrderEnd::Delivered { how, .. } => match how {
                crate::event::DeliveredHow::Facility(f)
                | crate::event::DeliveredHow::Courier(f)
                | crate::event::DeliveredHow::Hub(f) => Some(f),
                crate::event::DeliveredHow::Code(_) => None,
            },
            OrderEnd::Returned(_) | OrderEnd::Cancelled => None,
        };
        self.notify(match end {
            OrderEnd::Delivered { .. } => Notice::Delivered { order: id, facility },
            OrderEnd::Returned(reason) => Notice::Returned { order: id, reason },
            OrderEnd::Cancelled => Notice::Cancelled { order: id },
        });
    }

    fn close_day(&mut self, now: Timestamp) -> Result<Done, Rejection> {
        if !self.state.is_day_closed {
            self.emit(now, Event::DayClosed);
        }
        // What is planned but not loaded comes off the missions; what is on board comes back by
        // itself, since missions end at the hub.
        let vans: Vec<rv_base::VanId> = (0..self.state.vans.len())
            .map(rv_base::VanId::from_idx)
            .filter(|van| {
                let stops = &self.state.vans[van.idx()].stops;
                stops.iter().any(|stop| !matches!(stop.stop.kind, StopKind::Unload))
            })
            .collect();
        for van in vans {
            self.recall(now, van);
        }
        let open: Vec<OrderId> = self.state.open.values().flatten().copied().collect();
        for order in open {
            self.settle(now, order);
        }
        self.give_up_hauled(now);
        Ok(Done::Done)
    }

    /// Tells again what was told before a restart and still holds.
    pub(crate) fn repeat_notices(&mut self) {
        for idx in 0..self.state.orders.len() {
            if self.state.orders[idx].code.is_some() {
                self.notify_code(OrderId::from_idx(idx));
            }
        }
    }

    /// Tells the recipient the code of the stop that is planned for an order.
    pub(crate) fn notify_code(&mut self, id: OrderId) {
        let order = &self.state.orders[id.idx()];
        let (Some(van), Some(stop), Some(code)) = (order.van, order.stop, self.code(id)) else {
            return;
        };
        let position = self.world(order.stop_at);
        let until = order.order.request.window.end + self.config.policy.grace_s;
        let eta = self.eta(id).unwrap_or(self.state.at);
        self.notify(Notice::Code { order: id, stop, van, code, position, eta, until });
    }
}

/// Cuts a text to at most so many bytes, at a character.
fn truncate(text: &mut String, n_bytes: usize) {
    let mut end = n_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

fn check_role(actor: Actor, command: &Command) -> Result<(), Rejection> {
    let is_allowed = match (actor.role, command) {
        (Role::Admin, _) => true,
        (Role::Viewer, _) => false,
        (
            Role::Tenant,
            Command::PlaceOrder(_)
            | Command::PlaceOrders(_)
            | Command::CancelOrder { .. }
            | Command::ChangeOrder { .. },
        ) => actor.tenant.is_some_and(|tenant| tenant != TenantId(u16::MAX)),
        (Role::Tenant, _) => false,
        (
            Role::Operator,
            Command::GrantPermit { .. } | Command::RevokePermit { .. } | Command::CloseDay,
        ) => false,
        (Role::Operator, _) => true,
    };
    if is_allowed { Ok(()) } else { Err(Rejection::NotAllowed) }
}
