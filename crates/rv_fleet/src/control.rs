//! Vans, roads and permits under the hand of an operator.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{EdgeId, OrderId, ParcelId, Seconds, Timestamp, VanId, WattHours};
use rv_model::{OrderKind, ReturnReason};
use rv_wire::{Down, StopKind, Task};

use crate::event::{
    Custodian, DeliveredHow, Event, Halt, MissionCause, OrderEnd, Service, TicketKind,
};
use crate::fleet::{Fleet, Timer};
use crate::io::{ClosureId, Done, Notice, Rejection, RoadPlace, SlowRoad};
use crate::missions::{Draft, DraftTask, Ways};
use crate::reports::REFUSED_MAX;
use crate::state::TicketStatus;

/// Most edges of one closure.
const CLOSURE_EDGES_MAX: usize = 10_000;

/// Time after which people are asked again to fetch a van.
const FETCH_AGAIN: Seconds = Seconds(600.0);

/// Time after which a fetched van that never said so is booked without it.
const FETCH_BY_HAND: Seconds = Seconds(3600.0);

/// Time beyond what is planned after which a person looks at a van that does not get on.
const STUCK_TICKET: Seconds = Seconds(2700.0);

/// Time beyond what is planned after which a van that does not get on is given up.
const STUCK_LOST: Seconds = Seconds(7200.0);

/// Time between two looks at silent vans and hopeless orders.
pub(crate) const ROUNDS_EVERY: Seconds = Seconds(60.0);

impl Fleet {
    /// Sets every timer that the state calls for.
    pub(crate) fn restart_timers(&mut self, now: Timestamp) {
        for (hub, _) in self.planner.hubs(&self.config) {
            self.wake_hub(now, hub);
        }
        for idx in 0..self.config.circuits.len() {
            self.wake_circuit(now, idx);
        }
        let tickets: Vec<_> = self
            .state
            .open_tickets()
            .map(|t| (t.id, t.opened_at, t.taken.map(|taken| taken.1)))
            .collect();
        for (ticket, opened_at, answer_at) in tickets {
            self.wake(opened_at + self.config.operators.timeout_s, Timer::Timeout(ticket));
            if let Some(at) = answer_at {
                self.wake(at, Timer::Answer(ticket));
            }
        }
        let lost: Vec<(VanId, Timestamp)> = (0..self.state.vans.len())
            .filter_map(|idx| Some((VanId::from_idx(idx), self.state.vans[idx].lost_until?)))
            .collect();
        for (van, at) in lost {
            self.wake(at, Timer::Fetch(van));
        }
        let closures: Vec<(ClosureId, Timestamp)> =
            self.state.closures.iter().filter_map(|(id, c)| Some((*id, c.until?))).collect();
        for (closure, at) in closures {
            self.wake(at, Timer::Reopen(closure));
        }
        self.wake_permits();
        self.wake(now + ROUNDS_EVERY, Timer::Rounds);
    }

    /// Looks after what no message tells: silent vans, orders whose time is over.
    pub(crate) fn rounds(&mut self, now: Timestamp) {
        self.wake(now + ROUNDS_EVERY, Timer::Rounds);
        let policy = self.config.policy;
        for van in (0..self.state.vans.len()).map(VanId::from_idx) {
            self.look_after(now, van);
        }
        let over: Vec<OrderId> = self
            .state
            .open
            .values()
            .flatten()
            .copied()
            .filter(|id| {
                let window = self.state.orders[id.idx()].order.request.window;
                self.state.is_day_closed || now > window.end + policy.grace_s
            })
            .collect();
        for order in over {
            if !self.planner.is_reserved(order) {
                self.settle(now, order);
            }
        }
        self.give_up_hauled(now);
    }

    /// Sees that a van that has something to do is heard and gets on, and that one with nothing to
    /// do is empty and at home.
    fn look_after(&mut self, now: Timestamp, van: VanId) {
        let policy = self.config.policy;
        let state = &self.state.vans[van.idx()];
        let is_done = state.stops.is_empty() && state.dropped.is_empty();
        let is_home = state.on_board.is_empty() && state.position.edge == self.home(van).edge;
        if state.lost_until.is_some() || (is_done && is_home) {
            return;
        }
        let heard_at = self.live(van).map_or(state.moved_at, |l| l.heard_at);
        let silence = now.since(heard_at.max(state.moved_at));
        let stuck = self.stuck_for(now, van);
        if silence > policy.silent_lost_s || stuck > STUCK_LOST {
            let _ = self.declare_lost(now, van);
        } else if silence > policy.silent_ticket_s {
            self.open_ticket_once(now, van, TicketKind::Silent, heard_at);
        } else if stuck > STUCK_TICKET {
            self.open_ticket_once(now, van, TicketKind::Stuck, state.moved_at);
        } else if state.accepted == state.version && is_done {
            self.recall(now, van);
        } else if state.n_refused > REFUSED_MAX {
            self.reroute(now, van, MissionCause::Refused);
        }
    }

    /// For how long a van has not reached or left a stop, beyond what the next one takes.
    fn stuck_for(&self, now: Timestamp, van: VanId) -> Seconds {
        let state = &self.state.vans[van.idx()];
        let planned = state.stops.first().map_or(Seconds::ZERO, |stop| {
            let wait = stop.stop.earliest.since(state.moved_at).max(Seconds::ZERO);
            let stay = stop.plan.leave - stop.plan.arrive.max(stop.stop.earliest);
            wait + stay.max(stop.stop.wait_max) + stop.plan.drive * 2.0
        });
        now.since(state.moved_at) - planned
    }

    fn open_ticket_once(&mut self, now: Timestamp, van: VanId, kind: TicketKind, since: Timestamp) {
        if !self.has_ticket(van, kind, since) {
            self.open_fleet_ticket(now, van, kind);
        }
    }

    fn has_ticket(&self, van: VanId, kind: TicketKind, since: Timestamp) -> bool {
        let newest = self.state.tickets.iter().rev();
        newest.take_while(|t| t.opened_at >= since).any(|t| t.van == van && t.kind == kind)
    }

    pub(crate) fn halt(
        &mut self,
        now: Timestamp,
        van: VanId,
        halt: Halt,
    ) -> Result<Done, Rejection> {
        let state = self.state.van(van).ok_or(Rejection::UnknownVan(van))?;
        if state.lost_until.is_some() {
            return Err(Rejection::VanLost(van));
        }
        if state.is_halted != (halt == Halt::Halted) {
            self.emit(now, Event::VanHalt { van, halt });
            self.send(van, if halt == Halt::Halted { Down::Halt } else { Down::Resume });
        }
        Ok(Done::Done)
    }

    pub(crate) fn set_service(
        &mut self,
        now: Timestamp,
        van: VanId,
        service: Service,
    ) -> Result<Done, Rejection> {
        let state = self.state.van(van).ok_or(Rejection::UnknownVan(van))?;
        if state.lost_until.is_some() {
            return Err(Rejection::VanLost(van));
        }
        if state.service != service {
            self.emit(now, Event::VanService { van, service });
            if service == Service::In {
                self.send(van, Down::Resume);
                self.wake_hub(now, self.config.vans[van.idx()].hub);
            }
        }
        Ok(Done::Done)
    }

    pub(crate) fn declare_lost(&mut self, now: Timestamp, van: VanId) -> Result<Done, Rejection> {
        let state = self.state.van(van).ok_or(Rejection::UnknownVan(van))?;
        if state.lost_until.is_some() {
            return Ok(Done::Done);
        }
        let fetched_at = now + self.config.policy.fetch_s;
        self.emit(now, Event::VanLost { van, fetched_at });
        // If it can still hear, it agrees to do nothing more, which frees what it has not begun.
        self.set_mission(now, van, Vec::new(), Ways::Keep, MissionCause::Recalled);
        self.send(van, Down::Halt);
        let tickets: Vec<_> = self
            .state
            .tickets
            .iter()
            .filter(|t| t.van == van && t.status != TicketStatus::Closed)
            .map(|t| t.id)
            .collect();
        for ticket in tickets {
            self.emit(now, Event::TicketClosed { ticket });
        }
        self.give_out(now);
        self.wake(fetched_at, Timer::Fetch(van));
        self.settle_closing(now);
        self.wake_hub(now, self.config.vans[van.idx()].hub);
        Ok(Done::Done)
    }

    /// People are to bring a lost van to its hub now; asked again until the van says that it is
    /// there and empty. If it never does, what people find is booked without it.
    pub(crate) fn fetch_van(&mut self, now: Timestamp, van: VanId) {
        let Some(due) = self.state.vans[van.idx()].lost_until.filter(|at| *at <= now) else {
            return;
        };
        if now > due + FETCH_BY_HAND {
            self.emptied(now, van);
            return;
        }
        let hub = self.config.vans[van.idx()].hub;
        self.notify(Notice::FetchVan { van, hub });
        self.wake(now + FETCH_AGAIN, Timer::Fetch(van));
    }

    /// People have brought a van to its hub and taken everything out.
    pub(crate) fn emptied(&mut self, now: Timestamp, van: VanId) {
        let state = &self.state.vans[van.idx()];
        let hub = self.config.vans[van.idx()].hub;
        let parcels: Vec<ParcelId> = state.on_board.keys().copied().collect();
        let mut orders: Vec<OrderId> =
            parcels.iter().map(|p| self.state.parcels[p.idx()].order).collect();
        orders.dedup();
        if !parcels.is_empty() {
            let (from, to) = (Custodian::Van(van), Custodian::Hub(hub));
            self.emit(now, Event::ParcelsMoved { parcels, from, to });
        }
        self.emit(now, Event::VanFetched { van });
        for id in orders {
            let order = &self.state.orders[id.idx()];
            if order.status.is_final() {
                continue;
            }
            if order.order.request.kind == OrderKind::Collection {
                let at = order.collected_at.unwrap_or(now);
                let how = DeliveredHow::Hub(hub);
                self.finish(now, id, OrderEnd::Delivered { how, at });
            } else if order.order.request.window.end < now && !order.is_cancel_asked {
                self.bring_back(now, id);
                self.finish(now, id, OrderEnd::Returned(ReturnReason::VanLost));
            } else {
                self.settle(now, id);
            }
        }
        if !self.state.vans[van.idx()].stops.is_empty() {
            // It was not lost for us: it has forgotten what it had, and so must we.
            self.set_mission(now, van, Vec::new(), Ways::Keep, MissionCause::Recalled);
        }
        self.settle_closing(now);
        self.wake_hub(now, hub);
    }

    pub(crate) fn close_road(
        &mut self,
        now: Timestamp,
        at: RoadPlace,
        until: Option<Timestamp>,
    ) -> Result<Done, Rejection> {
        let n_edges = self.city.graph.n_edges();
        let mut edges = match at {
            RoadPlace::Near(point) => self.roads.road_at(point),
            RoadPlace::Edges(edges) => edges,
        };
        edges.sort_unstable();
        edges.dedup();
        let is_known = edges.iter().all(|edge| edge.idx() < n_edges);
        if edges.is_empty() || edges.len() > CLOSURE_EDGES_MAX || !is_known {
            return Err(Rejection::NoRoad);
        }
        let road_name = self.city.graph.road_of(edges[0]).name.clone();
        let closure = self.close_edges(now, edges.clone(), until);
        Ok(Done::Closed { closure, edges, road_name })
    }

    /// Closes edges, tells every van, and sends those another way whose way leads over them.
    pub(crate) fn close_edges(
        &mut self,
        now: Timestamp,
        edges: Vec<EdgeId>,
        until: Option<Timestamp>,
    ) -> ClosureId {
        let closure = ClosureId(self.state.next_closure);
        let closed: BTreeSet<EdgeId> = edges.iter().copied().collect();
        self.emit(now, Event::RoadClosed { closure, edges, until });
        if let Some(until) = until {
            self.wake(until.max(now), Timer::Reopen(closure));
        }
        self.tell_closures();
        for van in self.vans_over(&closed) {
            self.reroute(now, van, MissionCause::Rerouted);
        }
        closure
    }

    /// Vans whose ways to stops ahead lead over some edges.
    fn vans_over(&self, edges: &BTreeSet<EdgeId>) -> Vec<VanId> {
        let is_over = |van: &VanId| {
            self.state.vans[van.idx()].stops.iter().any(|stop| {
                stop.arrived.is_none() && stop.stop.route.iter().any(|e| edges.contains(e))
            })
        };
        (0..self.state.vans.len()).map(VanId::from_idx).filter(is_over).collect()
    }

    /// True if a van was sent another way by the closure that was just made.
    pub(crate) fn is_affected_told(&self, van: VanId) -> bool {
        let state = &self.state.vans[van.idx()];
        state.accepted != state.version
    }

    fn tell_closures(&mut self) {
        let message = self.closures_message();
        for van in (0..self.state.vans.len()).map(VanId::from_idx) {
            self.send(van, message.clone());
        }
    }

    pub(crate) fn closures_message(&self) -> Down {
        let edges: BTreeSet<EdgeId> =
            self.state.closures.values().flat_map(|c| c.edges.iter().copied()).collect();
        Down::Closures { epoch: self.state.closure_epoch, edges: edges.into_iter().collect() }
    }

    pub(crate) fn open_road(
        &mut self,
        now: Timestamp,
        closure: ClosureId,
    ) -> Result<Done, Rejection> {
        if !self.state.closures.contains_key(&closure) {
            return Err(Rejection::UnknownClosure(closure));
        }
        self.emit(now, Event::RoadOpened { closure });
        self.tell_closures();
        for (hub, _) in self.planner.hubs(&self.config) {
            self.wake_hub(now, hub);
        }
        Ok(Done::Done)
    }

    pub(crate) fn closure_ends(&mut self, now: Timestamp, closure: ClosureId) {
        let until = self.state.closures.get(&closure).and_then(|c| c.until);
        if until.is_some_and(|until| until <= now) {
            let _ = self.open_road(now, closure);
        }
    }

    /// Takes over the traffic of the moment. Vans whose way leads over a road that got much slower
    /// are sent the way that is best now; all others find out when they are next planned.
    pub(crate) fn set_traffic(
        &mut self,
        now: Timestamp,
        mut slow: Vec<SlowRoad>,
    ) -> Result<Done, Rejection> {
        slow.sort_unstable();
        let n_edges = self.city.graph.n_edges();
        let is_sound = |road: &SlowRoad| road.edge.idx() < n_edges && road.factor_permille > 0;
        let is_twice = slow.windows(2).any(|pair| pair[0].edge == pair[1].edge);
        if is_twice || !slow.iter().all(is_sound) {
            return Err(Rejection::InvalidTraffic);
        }
        if slow == self.state.traffic {
            return Ok(Done::Done);
        }
        let before: BTreeMap<EdgeId, u32> =
            self.state.traffic.iter().map(|road| (road.edge, road.factor_permille)).collect();
        let worse: BTreeSet<EdgeId> = slow
            .iter()
            .filter(|road| {
                let before = before.get(&road.edge).copied().unwrap_or(1000);
                u64::from(road.factor_permille) * 2 >= u64::from(before) * 3
            })
            .map(|road| road.edge)
            .collect();
        self.emit(now, Event::TrafficChanged { slow });
        for van in self.vans_over(&worse) {
            self.reroute(now, van, MissionCause::Rerouted);
        }
        Ok(Done::Done)
    }

    /// After a stop: if the charge will not last for the rest, charge on the way.
    pub(crate) fn see_to_battery(&mut self, now: Timestamp, van: VanId) {
        let class = self.class_of(van);
        let state = &self.state.vans[van.idx()];
        let has_charge = state.stops.iter().any(|stop| stop.stop.kind == StopKind::Charge);
        let use_ = class.consumption;
        let left_m: f64 = state
            .stops
            .iter()
            .flat_map(|stop| stop.stop.route.iter().skip(1))
            .map(|edge| self.city.graph.edge(*edge).length.0)
            .sum();
        let expected = state.expected(now);
        let time = expected.last().map_or(Seconds::ZERO, |(_, leave)| leave.since(now));
        let needed = WattHours(left_m * use_.wh_per_m + use_.per_stop.0 * state.stops.len() as f64)
            + use_.standby * time;
        if !has_charge && state.stored < class.reserve + needed {
            self.charge_first(now, van);
        }
    }

    pub(crate) fn class_of(&self, van: VanId) -> &rv_model::VanClass {
        &self.config.classes[usize::from(self.config.vans[van.idx()].class_idx)]
    }

    /// Puts a charging stop before everything that is not frozen.
    pub(crate) fn charge_first(&mut self, now: Timestamp, van: VanId) {
        let n_frozen = self.n_frozen(van);
        let drafts = self.drafts(van);
        let here = match n_frozen.checked_sub(1).and_then(|idx| drafts.get(idx)) {
            Some(draft) => self.world(draft.at),
            None => self.world(self.whereabouts(van)),
        };
        let has_charge = drafts.iter().any(|draft| draft.kind == StopKind::Charge);
        let places = self.city.facilities.iter().enumerate().filter(|(_, f)| {
            matches!(f.kind, rv_map::FacilityKind::Charger | rv_map::FacilityKind::Hub)
        });
        let nearest = places.min_by(|a, b| {
            let of = |f: &rv_map::Facility| f.position.distance_to(here);
            of(a.1).total_cmp(&of(b.1)).then(a.0.cmp(&b.0))
        });
        let Some((idx, _)) = nearest.filter(|_| !has_charge) else { return };
        let class = self.class_of(van);
        let stored = self.live(van).map_or(self.state.vans[van.idx()].stored, |l| l.status.stored);
        let until = (stored + class.battery * 0.4).min(class.battery * 0.9);
        let draft = self.charge_draft(van, rv_base::FacilityId::from_idx(idx), stored, until);
        let mut drafts = drafts;
        drafts.insert(n_frozen.min(drafts.len()), draft);
        self.set_mission(now, van, drafts, Ways::Keep, MissionCause::Charge);
    }

    /// A stop at which a van charges.
    pub(crate) fn charge_draft(
        &self,
        van: VanId,
        facility: rv_base::FacilityId,
        stored: WattHours,
        until: WattHours,
    ) -> Draft {
        let stay = self.class_of(van).charge_time(stored, until) + Seconds(60.0);
        Draft {
            id: None,
            kind: StopKind::Charge,
            at: self.city.facilities[facility.idx()].stop,
            tasks: vec![DraftTask::Keep(Task::Charge { until })],
            earliest: Timestamp::ZERO,
            wait_max: stay * 2.0,
            facility: Some(facility),
            stay,
            way: None,
        }
    }
}
