//! Missions: from drafts of stops to versions that vans follow.

use std::collections::BTreeSet;
use std::sync::Arc;

use rv_base::{
    EdgeId, FacilityId, Kilograms, Meters, MissionId, OrderId, ParcelId, RoadPosition, Seconds,
    StopId, Timestamp, VanId,
};
use rv_model::{Handover, OrderKind};
use rv_wire::{Down, Mission, Stop, StopKind, Task};

use crate::codes;
use crate::event::{Custodian, Event, MissionCause, StopPlan};
use crate::fleet::Fleet;
use crate::state::StopState;

/// Span over which a mission's roads must be covered by the van's permits, at least.
const COVER_MIN: Seconds = Seconds(1800.0);

/// Time for which a moving van goes on along its old route before it takes a new one, so that the
/// new one reaches it before it has passed the place where they part.
const HEADSTART: Seconds = Seconds(12.0);

/// Within this distance before its stop a van is there.
const AT_STOP: Meters = Meters(0.5);

/// A stop to be.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The stop that it was in the version before; none if it is new.
    pub(crate) id: Option<StopId>,
    pub(crate) kind: StopKind,
    pub(crate) at: RoadPosition,
    pub(crate) tasks: Vec<DraftTask>,
    pub(crate) earliest: Timestamp,
    pub(crate) wait_max: Seconds,
    pub(crate) facility: Option<FacilityId>,
    /// How long it is expected to take.
    pub(crate) stay: Seconds,
    /// The way to it and its driving time, if the way from the stop before is known.
    pub(crate) way: Option<(Vec<EdgeId>, Seconds)>,
}

/// A task to be; codes are made when the stop has its number.
#[derive(Clone, Debug)]
pub(crate) enum DraftTask {
    /// As it was.
    Keep(Task),
    /// A handover with a code, by the order's kind.
    HandOver(OrderId),
}

/// Whether a moving van goes on along the way it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ways {
    /// Known ways are kept.
    Keep,
    /// Every way is sought anew, from where the van is.
    Renew,
}

impl Draft {
    pub(crate) fn of(stop: &StopState) -> Self {
        let stay = stop.plan.leave - stop.plan.arrive.max(stop.stop.earliest);
        Self {
            id: Some(stop.stop.id),
            kind: stop.stop.kind,
            at: stop.stop.at,
            tasks: stop.stop.tasks.iter().cloned().map(DraftTask::Keep).collect(),
            earliest: stop.stop.earliest,
            wait_max: stop.stop.wait_max,
            facility: stop.plan.facility,
            stay: stay.max(Seconds::ZERO),
            way: None,
        }
    }

    /// Takes orders off the stop's tasks; true if something is left to do there. A stop with other
    /// tasks is another stop: reports of tasks by number stay clear.
    fn without(&mut self, fleet: &Fleet, orders: &[OrderId]) -> bool {
        let n_before = count_tasks(std::slice::from_ref(self));
        let is_left = self.strip(fleet, orders);
        if count_tasks(std::slice::from_ref(self)) != n_before {
            self.id = None;
            for task in &mut self.tasks {
                if let DraftTask::Keep(Task::HandOver { order, .. } | Task::Collect { order, .. }) =
                    task
                {
                    *task = DraftTask::HandOver(*order);
                }
            }
        }
        is_left
    }

    fn strip(&mut self, fleet: &Fleet, orders: &[OrderId]) -> bool {
        let is_gone = |parcel: &ParcelId| {
            fleet.state.parcels.get(parcel.idx()).is_some_and(|p| orders.contains(&p.order))
        };
        let had_tasks = !self.tasks.is_empty();
        self.tasks.retain_mut(|task| match task {
            DraftTask::HandOver(order)
            | DraftTask::Keep(Task::HandOver { order, .. } | Task::Collect { order, .. }) => {
                !orders.contains(order)
            }
            DraftTask::Keep(Task::Load { parcel, .. }) => !is_gone(parcel),
            DraftTask::Keep(Task::Drop { parcels }) => {
                let n_before = parcels.len();
                parcels.retain(|parcel| !is_gone(parcel));
                n_before == parcels.len() || !parcels.is_empty() || self.kind == StopKind::Unload
            }
            DraftTask::Keep(Task::Charge { .. }) => true,
        });
        !self.tasks.is_empty() || !had_tasks || self.kind == StopKind::Unload
    }
}

impl Fleet {
    /// The stops that a van has left, as drafts.
    pub(crate) fn drafts(&self, van: VanId) -> Vec<Draft> {
        self.state.vans[van.idx()].stops.iter().map(Draft::of).collect()
    }

    /// How many stops at the front cannot be touched: the one the van drives to, or stands at with
    /// the next, which it may have begun before it hears of a change. Loading takes its time.
    pub(crate) fn n_frozen(&self, van: VanId) -> usize {
        let stops = &self.state.vans[van.idx()].stops;
        let is_short = stops.first().is_some_and(|stop| stop.stop.kind != StopKind::Load);
        let n_frozen = if self.is_serving(van) && is_short { 2 } else { 1 };
        n_frozen.min(stops.len())
    }

    /// True while a van stands at its first stop.
    pub(crate) fn is_serving(&self, van: VanId) -> bool {
        self.state.vans[van.idx()].stops.first().is_some_and(|s| s.arrived.is_some())
    }

    /// Gives a van a new version of its mission. Stops to which no way leads are left out and their
    /// orders returned.
    pub(crate) fn set_mission(
        &mut self,
        now: Timestamp,
        van: VanId,
        mut drafts: Vec<Draft>,
        ways: Ways,
        cause: MissionCause,
    ) -> Vec<OrderId> {
        self.begun_first(van, &mut drafts);
        self.keep_ways(van, &mut drafts, ways);
        let was_empty = drafts.is_empty();
        let lost_ids = self.find_ways(now, van, &mut drafts);
        if drafts.is_empty() && !was_empty {
            // No way leads out of where it stands. It keeps what it has, goes on by itself when
            // the road is free, and calls again while it is not.
            return Vec::new();
        }
        let is_tour = matches!(cause, MissionCause::Tour | MissionCause::Circuit);
        let state = &self.state.vans[van.idx()];
        let id = if is_tour || state.version == 0 {
            MissionId(self.state.next_mission)
        } else {
            state.mission
        };
        let version = state.version + 1;
        let plan = self.times(now, van, &drafts);
        let mut next_stop = self.state.next_stop;
        let mut codes = Vec::new();
        let mut used: BTreeSet<u16> = state.on_board.values().copied().collect();
        used.extend(drafts.iter().flat_map(|draft| &draft.tasks).filter_map(|task| match task {
            DraftTask::Keep(Task::Load { compartment, .. } | Task::Collect { compartment, .. }) => {
                Some(*compartment)
            }
            _ => None,
        }));
        let stops: Vec<Stop> = drafts
            .into_iter()
            .map(|draft| {
                let id = draft.id.unwrap_or_else(|| {
                    next_stop += 1;
                    StopId(next_stop - 1)
                });
                Stop {
                    id,
                    kind: draft.kind,
                    at: draft.at,
                    route: draft.way.map(|(edges, _)| edges).unwrap_or_default(),
                    earliest: draft.earliest,
                    wait_max: draft.wait_max,
                    tasks: self.tasks(id, draft.tasks, &mut used, &mut codes),
                }
            })
            .collect();
        let mission = Mission { id, version, stops };
        let message = Down::Mission(mission.clone());
        self.emit(now, Event::MissionSet { van, mission, plan, cause });
        for (order, stop, hash) in codes {
            self.emit(now, Event::CodeIssued { order, stop, hash });
            self.notify_code(order);
        }
        self.send(van, message);
        lost_ids
    }

    /// What the van has begun stays first, whatever was meant when it was not yet known.
    fn begun_first(&self, van: VanId, drafts: &mut [Draft]) {
        let stops = &self.state.vans[van.idx()].stops;
        let begun = stops.iter().find(|stop| stop.arrived.is_some() || stop.departed.is_some());
        let at = begun.and_then(|b| drafts.iter().position(|d| d.id == Some(b.stop.id)));
        if let Some(at) = at {
            drafts[..=at].rotate_right(1);
        }
    }

    /// The mission again with the stop that the van stands at, which was taken off or changed.
    pub(crate) fn with_stood_at(&self, van: VanId) -> Vec<Draft> {
        let mut drafts = self.drafts(van);
        if let Some(stood_at) = self.stood_at(van) {
            let is_changed = |d: &Draft| d.kind == stood_at.kind && d.at == stood_at.at;
            if drafts.first().is_some_and(is_changed) {
                drafts.remove(0);
            }
            // What it stands at for an order is that order's only stop.
            let orders = self.draft_orders(&stood_at);
            drafts.retain_mut(|draft| draft.without(self, &orders));
            drafts.insert(0, stood_at);
        }
        drafts
    }

    fn stood_at(&self, van: VanId) -> Option<Draft> {
        let dropped = &self.state.vans[van.idx()].dropped;
        dropped.iter().rfind(|stop| stop.arrived.is_some()).map(|stop| {
            let mut draft = Draft::of(stop);
            draft.way = Some((stop.stop.route.clone(), stop.plan.drive));
            draft
        })
    }

    /// Keeps the way to each stop that follows the same stop as before.
    fn keep_ways(&self, van: VanId, drafts: &mut [Draft], ways: Ways) {
        let state = &self.state.vans[van.idx()];
        let old = &state.stops;
        let position_of = |id: StopId| old.iter().position(|s| s.stop.id == id);
        let mut before: Option<StopId> = None;
        for (idx, draft) in drafts.iter_mut().enumerate() {
            let known = draft.id.and_then(position_of);
            if let Some(at) = known
                && draft.way.is_none()
            {
                let is_begun = old[at].departed.is_some() || old[at].arrived.is_some();
                let follows = match (idx, at) {
                    (0, 0) => true,
                    (0, _) => is_begun,
                    (_, 0) => false,
                    _ => before == Some(old[at - 1].stop.id),
                };
                let is_here = idx == 0 && old[at].arrived.is_some();
                let is_known = !old[at].stop.route.is_empty();
                if is_known && follows && (ways == Ways::Keep || is_here) {
                    let drive = old[at].plan.drive;
                    draft.way = Some((old[at].stop.route.clone(), drive));
                }
            }
            before = draft.id;
        }
    }

    /// Finds the ways that are missing; stops without one are taken out, and their orders told.
    fn find_ways(&mut self, now: Timestamp, van: VanId, drafts: &mut Vec<Draft>) -> Vec<OrderId> {
        if drafts.iter().all(|draft| draft.way.is_some()) {
            return Vec::new();
        }
        let profile = self.roads.profile(van);
        let stays: Seconds = drafts.iter().map(|d| d.stay + Seconds(300.0)).sum();
        let until = now + stays.max(COVER_MIN);
        let metric = self.roads.metric(&self.state, profile, now, until);
        let factor = self.config.traffic.factor(now);
        let (mut lost, mut kept) = (Vec::new(), Vec::new());
        let mut lost_loads: Vec<OrderId> = Vec::new();
        let mut here: Option<RoadPosition> = None;
        let mut has_gap = false;
        for mut draft in std::mem::take(drafts) {
            // What is not loaded is not handed over.
            if !lost_loads.is_empty() && !draft.without(self, &lost_loads) {
                has_gap = true;
                continue;
            }
            if draft.way.is_none() || has_gap {
                let (lead, from) = match here {
                    Some(position) => (Vec::new(), position),
                    None => self.setting_off(now, van, &metric),
                };
                let is_there = from.edge == draft.at.edge
                    && (Meters::ZERO..AT_STOP).contains(&(draft.at.offset - from.offset));
                let found = if is_there {
                    // Where it stands it can be, even if the road is closed since.
                    Some((vec![from.edge], Seconds::ZERO))
                } else {
                    // From where it may soon not be any more it leaves while it may.
                    let leave = here.is_none() && metric.check_edge(from.edge).is_err();
                    let metric = if leave {
                        self.roads.metric_to_leave(&self.state, profile, now)
                    } else {
                        Arc::clone(&metric)
                    };
                    let route = metric.route(self.roads.scratch(), from, draft.at).ok();
                    route.map(|route| (route.edge_ids().collect(), route.time() * factor))
                };
                let Some((way, time)) = found else {
                    lost.extend(self.draft_orders(&draft));
                    lost_loads.extend(self.orders_to_load(&draft));
                    has_gap = true;
                    continue;
                };
                let mut edges = lead;
                edges.extend(way.into_iter().skip(usize::from(!edges.is_empty())));
                draft.way = Some((edges, time));
                has_gap = false;
            }
            here = Some(draft.at);
            kept.push(draft);
        }
        *drafts = kept;
        lost.extend(lost_loads);
        lost
    }

    fn orders_to_load(&self, draft: &Draft) -> Vec<OrderId> {
        let order = |task: &DraftTask| match task {
            DraftTask::Keep(Task::Load { parcel, .. }) => {
                self.state.parcels.get(parcel.idx()).map(|p| p.order)
            }
            _ => None,
        };
        let mut orders: Vec<OrderId> = draft.tasks.iter().filter_map(order).collect();
        orders.dedup();
        orders
    }

    /// Where a van can take a new way: where it stands, or a little ahead on its old way. Returns
    /// the edges up to there (the last one is where the new way begins) and the place.
    fn setting_off(
        &self,
        now: Timestamp,
        van: VanId,
        metric: &rv_route::Metric,
    ) -> (Vec<EdgeId>, RoadPosition) {
        let state = &self.state.vans[van.idx()];
        let is_moving = |s: &&StopState| s.departed.is_some() && s.arrived.is_none();
        let moving = state.stops.iter().chain(&state.dropped).find(is_moving);
        let Some(stop) = moving else { return (Vec::new(), self.whereabouts(van)) };
        let route = &stop.stop.route;
        // Telemetry is seconds old; without any since it left, the van may be anywhere ahead.
        let (position, seen_at, speed) = match self.fresh(van) {
            Some(status) => (status.position, status.at, status.speed),
            None => (state.position, state.moved_at, self.class_of(van).speed_max * 0.7),
        };
        let Some(at) = route.iter().position(|edge| *edge == position.edge) else {
            return (Vec::new(), position);
        };
        let graph = &self.city.graph;
        let time = now.since(seen_at).max(Seconds::ZERO).min(Seconds(30.0)) + HEADSTART;
        let mut ahead_m = speed.0 * time.0 - graph.edge(position.edge).length.0 + position.offset.0;
        let mut edges = vec![position.edge];
        for edge in &route[at + 1..] {
            if ahead_m <= 0.0 || metric.check_edge(*edge).is_err() || *edge == stop.stop.at.edge {
                break;
            }
            ahead_m -= graph.edge(*edge).length.0;
            edges.push(*edge);
        }
        let last = edges[edges.len() - 1];
        let is_here = edges.len() == 1;
        let offset = if is_here { position.offset } else { rv_base::Meters::ZERO };
        (edges, RoadPosition { edge: last, offset })
    }

    fn draft_orders(&self, draft: &Draft) -> Vec<OrderId> {
        let mut orders: Vec<OrderId> = Vec::new();
        for task in &draft.tasks {
            match task {
                DraftTask::HandOver(order)
                | DraftTask::Keep(Task::HandOver { order, .. } | Task::Collect { order, .. }) => {
                    orders.push(*order);
                }
                DraftTask::Keep(Task::Drop { parcels }) => {
                    let of = |p: &ParcelId| self.state.parcels.get(p.idx()).map(|p| p.order);
                    orders.extend(parcels.iter().filter_map(of));
                }
                DraftTask::Keep(Task::Load { .. } | Task::Charge { .. }) => {}
            }
        }
        orders.dedup();
        orders
    }

    /// When each stop is expected to be reached and left.
    fn times(&self, now: Timestamp, van: VanId, drafts: &[Draft]) -> Vec<StopPlan> {
        let state = &self.state.vans[van.idx()];
        let slowness = self.state.estimates.driving.or(1.0).clamp(0.5, 2.0);
        let current = state.stops.first().filter(|s| s.departed.is_some());
        let expected = state.expected(now);
        let mut leave = now;
        let mut plan = Vec::with_capacity(drafts.len());
        for (idx, draft) in drafts.iter().enumerate() {
            let drive = draft.way.as_ref().map_or(Seconds::ZERO, |(_, drive)| *drive);
            let is_current = idx == 0 && current.is_some_and(|s| Some(s.stop.id) == draft.id);
            let arrive = match (is_current, expected.first()) {
                (true, Some((arrive, _))) => *arrive,
                _ => leave + drive * slowness,
            };
            leave = (arrive.max(draft.earliest) + draft.stay).max(now);
            plan.push(StopPlan { arrive, leave, drive, facility: draft.facility });
        }
        plan
    }

    fn tasks(
        &self,
        stop: StopId,
        tasks: Vec<DraftTask>,
        used: &mut BTreeSet<u16>,
        codes: &mut Vec<(OrderId, StopId, rv_wire::CodeHash)>,
    ) -> Vec<Task> {
        let mut hand_over = |id: OrderId| {
            let order = &self.state.orders[id.idx()].order;
            let code = codes::hash(stop, id, &codes::code(&self.config.secret, stop, id));
            codes.push((id, stop, code));
            let parcels: Vec<ParcelId> = order.parcels().collect();
            match order.request.kind {
                OrderKind::Collection => Task::Collect {
                    order: id,
                    compartment: free_compartment(used),
                    mass: order.request.parcel_mass,
                    parcels,
                    code,
                },
                OrderKind::Delivery | OrderKind::Replenishment => {
                    Task::HandOver { order: id, parcels, code }
                }
            }
        };
        tasks
            .into_iter()
            .map(|task| match task {
                DraftTask::Keep(task) => task,
                DraftTask::HandOver(order) => hand_over(order),
            })
            .collect()
    }

    /// A stop at which orders are handed over at the kerb, or dropped at a locker or station.
    pub(crate) fn handover_draft(&self, orders: &[OrderId], facility: Option<FacilityId>) -> Draft {
        let first = &self.state.orders[orders[0].idx()];
        let requests = || orders.iter().map(|id| &self.state.orders[id.idx()].order.request);
        let n_parcels: u32 = requests().map(|r| u32::from(r.n_parcels)).sum();
        let earliest = requests().map(|r| r.window.start).max().unwrap_or(Timestamp::ZERO);
        let wait = |r: &rv_model::OrderRequest| self.config.tenants[r.tenant.idx()].wait_max;
        let wait_max = requests().map(wait).fold(Seconds::ZERO, Seconds::max);
        if let Some(id) = facility {
            return self.drop_draft(id, orders, earliest);
        }
        debug_assert!(requests().all(|r| r.handover == Handover::Door));
        let kind = match first.order.request.kind {
            OrderKind::Collection => StopKind::Collect,
            OrderKind::Delivery | OrderKind::Replenishment => StopKind::Deliver,
        };
        Draft {
            id: None,
            kind,
            at: first.stop_at,
            tasks: orders.iter().map(|order| DraftTask::HandOver(*order)).collect(),
            earliest,
            wait_max,
            facility: None,
            stay: self.handover_time(u16::try_from(n_parcels).unwrap_or(u16::MAX)),
            way: None,
        }
    }

    /// A stop at which orders are put into a locker or given to a station.
    pub(crate) fn drop_draft(
        &self,
        id: FacilityId,
        orders: &[OrderId],
        earliest: Timestamp,
    ) -> Draft {
        let facility = &self.city.facilities[id.idx()];
        let kind = match facility.kind {
            rv_map::FacilityKind::Locker => StopKind::Locker,
            _ => StopKind::Station,
        };
        // Of an order that came in part, only the rest.
        let is_left = |parcel: &ParcelId| {
            !matches!(self.state.parcels[parcel.idx()].custodian, Custodian::Facility(_))
        };
        let parcels: Vec<ParcelId> = orders
            .iter()
            .flat_map(|id| self.state.orders[id.idx()].order.parcels())
            .filter(is_left)
            .collect();
        let each = self.state.estimates.drop.or(self.config.service.drop_s.0);
        Draft {
            id: None,
            kind,
            at: facility.stop,
            stay: self.config.service.facility_s + Seconds(each) * parcels.len() as f64,
            tasks: vec![DraftTask::Keep(Task::Drop { parcels })],
            earliest,
            wait_max: self.config.service.facility_s * 4.0,
            facility: Some(id),
            way: None,
        }
    }

    /// The stop that ends every mission: back at the hub, everything left on board given back.
    pub(crate) fn unload_draft(&self, hub: FacilityId, parcels: Vec<ParcelId>) -> Draft {
        let service = &self.config.service;
        Draft {
            id: None,
            kind: StopKind::Unload,
            at: self.city.facilities[hub.idx()].stop,
            stay: service.unload_s + service.drop_s * parcels.len() as f64,
            tasks: vec![DraftTask::Keep(Task::Drop { parcels })],
            earliest: Timestamp::ZERO,
            wait_max: service.unload_s * 10.0,
            facility: Some(hub),
            way: None,
        }
    }

    /// A stop at which the parcels of orders are loaded at a hub, those handed over last first.
    pub(crate) fn load_draft(&self, hub: FacilityId, orders: &[OrderId]) -> Draft {
        let mut tasks = Vec::new();
        for (compartment, id) in orders.iter().enumerate().rev() {
            let order = &self.state.orders[id.idx()].order;
            let mass: Kilograms = order.request.parcel_mass;
            let compartment = u16::try_from(compartment).unwrap_or(u16::MAX);
            let is_here = |parcel: &ParcelId| {
                matches!(self.state.parcels[parcel.idx()].custodian, Custodian::Hub(_))
            };
            tasks.extend(
                order
                    .parcels()
                    .filter(is_here)
                    .map(|parcel| DraftTask::Keep(Task::Load { parcel, compartment, mass })),
            );
        }
        let each = self.state.estimates.load.or(self.config.service.load_s.0);
        Draft {
            id: None,
            kind: StopKind::Load,
            at: self.city.facilities[hub.idx()].stop,
            stay: Seconds(each) * tasks.len() as f64,
            tasks,
            earliest: Timestamp::ZERO,
            wait_max: self.config.service.unload_s * 10.0,
            facility: Some(hub),
            way: None,
        }
    }

    /// Takes orders off a van's mission as far as it is not frozen.
    pub(crate) fn take_off(&mut self, now: Timestamp, van: VanId, orders: &[OrderId]) {
        let n_frozen = self.n_frozen(van);
        let is_serving = self.is_serving(van);
        let mut drafts = self.drafts(van);
        let n_before = count_tasks(&drafts);
        let mut idx = 0;
        drafts.retain_mut(|draft| {
            // What the van stands at stays; the stop it drives to may be left out.
            let is_fixed = if is_serving { idx < n_frozen } else { false };
            idx += 1;
            is_fixed || draft.without(self, orders)
        });
        if count_tasks(&drafts) != n_before {
            let lost = self.set_mission(now, van, drafts, Ways::Keep, MissionCause::OrderChanged);
            self.cannot_reach(now, van, &lost);
            self.want_review(now, van);
        }
    }

    /// Moves the stop of an order to the order's place; a review finds where in the mission it fits.
    pub(crate) fn move_stop(&mut self, now: Timestamp, van: VanId, order: OrderId) {
        let Some(stop) = self.state.orders[order.idx()].stop else { return };
        let mut drafts = self.drafts(van);
        let Some(at) = drafts.iter().position(|draft| draft.id == Some(stop)) else { return };
        if self.is_serving(van) && at < self.n_frozen(van) {
            return;
        }
        let is_left = drafts[at].without(self, &[order]);
        let draft = self.handover_draft(&[order], None);
        if is_left {
            drafts.insert(at + 1, draft);
        } else {
            drafts[at] = draft;
        }
        let lost = self.set_mission(now, van, drafts, Ways::Keep, MissionCause::OrderChanged);
        self.cannot_reach(now, van, &lost);
        self.want_review(now, van);
    }

    /// Calls a van back to its hub with what it has on board.
    pub(crate) fn recall(&mut self, now: Timestamp, van: VanId) {
        let hub = self.config.vans[van.idx()].hub;
        let mut drafts = self.drafts(van);
        let keep = if self.is_serving(van) { self.n_frozen(van) } else { 0 };
        drafts.truncate(keep);
        if !drafts.iter().any(|draft| draft.kind == StopKind::Unload) {
            drafts.push(self.unload_draft(hub, Vec::new()));
        }
        let lost = self.set_mission(now, van, drafts, Ways::Keep, MissionCause::Recalled);
        self.cannot_reach(now, van, &lost);
    }

    /// Sends a van another way to the same stops.
    pub(crate) fn reroute(&mut self, now: Timestamp, van: VanId, cause: MissionCause) {
        let drafts = self.drafts(van);
        if drafts.is_empty() {
            return;
        }
        let lost = self.set_mission(now, van, drafts, Ways::Renew, cause);
        self.cannot_reach(now, van, &lost);
        self.want_review(now, van);
    }
}

fn count_tasks(drafts: &[Draft]) -> usize {
    let parcels = |task: &DraftTask| match task {
        DraftTask::Keep(Task::Drop { parcels }) => parcels.len(),
        _ => 1,
    };
    drafts.iter().map(|d| 1 + d.tasks.iter().map(parcels).sum::<usize>()).sum()
}

/// Takes the lowest free compartment.
fn free_compartment(used: &mut BTreeSet<u16>) -> u16 {
    let free = (0..u16::MAX).find(|c| !used.contains(c)).unwrap_or(u16::MAX);
    used.insert(free);
    free
}
