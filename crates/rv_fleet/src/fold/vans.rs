//! How missions and reports change vans.

use std::collections::BTreeSet;

use rv_base::{Money, OrderId, ParcelId, RoadPosition, Seconds, StopId, Timestamp, VanId};
use rv_model::OrderStatus;
use rv_wire::{Cursor, Mission, MissionRefusal, StopKind, Task, TaskResult, Up};

use super::{Fold, Unfit, scaled};
use crate::event::{MissionCause, Service, StopPlan};
use crate::state::{State, StopState, StoryKind, TourAccount, VanState};

impl State {
    pub(super) fn set_mission(
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
    pub(super) fn handover_orders(&self, mission: &Mission) -> Vec<(OrderId, StopId)> {
        let is_handover = |kind| !matches!(kind, StopKind::Load | StopKind::Unload);
        mission
            .stops
            .iter()
            .filter(|stop| is_handover(stop.kind))
            .flat_map(|stop| self.orders_of(stop).into_iter().map(|order| (order, stop.id)))
            .collect()
    }

    pub(super) fn report(
        &mut self,
        at: Timestamp,
        van_id: VanId,
        cursor: Cursor,
        report: &Up,
    ) -> Fold {
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
                self.stop_done(at, van_id, *stop, *done_at, *stored)
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
            Up::Emptied { .. }
            | Up::Help { .. }
            | Up::HelpOver { .. }
            | Up::Status(_)
            | Up::Sight(_) => Ok(()),
        }
    }

    /// A stop has ended, under whichever version the van follows.
    fn stop_done(
        &mut self,
        at: Timestamp,
        van_id: VanId,
        id: StopId,
        done_at: Timestamp,
        stored: rv_base::WattHours,
    ) -> Fold {
        let van = self.van_mut(van_id)?;
        van.stored = stored;
        van.moved_at = done_at;
        let done = van.stop(id).map(|s| s.stop.clone());
        let is_stray = done.is_none();
        if let Some(idx) = van.stops.iter().position(|s| s.stop.id == id) {
            // Done under an earlier version: the van leaves it out of the one on its way,
            // wherever it stands there, and the way on from it leads from elsewhere.
            van.stops.remove(idx);
            if let Some(next) = van.stops.get_mut(idx).filter(|_| idx > 0) {
                next.stop.route.clear();
            }
        }
        van.dropped.retain(|s| s.stop.id != id);
        let is_agreed = van.accepted == van.version && van.dropped.is_empty();
        self.tally.n_strays += u64::from(is_stray);
        for order in done.map(|stop| self.orders_of(&stop)).unwrap_or_default() {
            let state = self.order_mut(order)?;
            if state.stop == Some(id) {
                state.stop = None;
            }
        }
        if is_agreed {
            self.release_orders(at, van_id)?;
            self.end_tour(van_id, done_at)?;
        }
        Ok(())
    }

    /// Orders that the van will not serve any more are free again.
    pub(super) fn release_dropped(&mut self, at: Timestamp, van_id: VanId) -> Fold {
        self.van_mut(van_id)?.dropped.clear();
        self.release_orders(at, van_id)?;
        self.end_tour(van_id, at)
    }

    /// Frees the orders of a tour that are neither on board nor on the mission.
    pub(super) fn release_orders(&mut self, at: Timestamp, van_id: VanId) -> Fold {
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

    pub(super) fn departed(
        &mut self,
        at: Timestamp,
        van_id: VanId,
        id: StopId,
        left_at: Timestamp,
    ) -> Fold {
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

    pub(super) fn arrived(&mut self, at: Timestamp, van_id: VanId, report: &Up) -> Fold {
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
    pub(super) fn mark(
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

    pub(super) fn task_done(
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
    pub(super) fn end_tour(&mut self, van_id: VanId, done_at: Timestamp) -> Fold {
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

    pub(super) fn lose_van(&mut self, at: Timestamp, van_id: VanId, fetched_at: Timestamp) -> Fold {
        let van = self.van_mut(van_id)?;
        van.lost_until = Some(fetched_at);
        van.service = Service::Out;
        // It may be out of reach and at work: its orders stay with it until it has agreed to do
        // nothing more, or people have emptied it.
        let parcels: Vec<ParcelId> = van.on_board.keys().copied().collect();
        let on_board: BTreeSet<OrderId> =
            parcels.iter().filter_map(|p| self.parcels.get(p.idx())).map(|p| p.order).collect();
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

    pub(super) fn fetch_van(&mut self, van_id: VanId) -> Fold {
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
}

impl VanState {
    pub(super) fn new(position: RoadPosition, stored: rv_base::WattHours, at: Timestamp) -> Self {
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

    pub(super) fn stop_mut(&mut self, id: StopId) -> Option<&mut StopState> {
        self.stops.iter_mut().chain(&mut self.dropped).find(|stop| stop.stop.id == id)
    }

    /// The compartment that a parcel is to go into; the first if no task says.
    pub(super) fn compartment_for(&self, wanted: ParcelId) -> u16 {
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
    pub(super) fn new(stop: rv_wire::Stop, plan: StopPlan, known: Option<&Self>) -> Self {
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
