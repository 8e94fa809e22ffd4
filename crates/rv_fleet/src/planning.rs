//! What is planned when: which orders and vans go into a job, and what its result becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rv_base::{FacilityId, Kilograms, LatLon, OrderId, Seconds, TimeWindow, Timestamp, VanId};
use rv_model::{Handover, OrderKind, Template};
use rv_wire::FaultKind;

use crate::config::{FleetConfig, Planning};
use crate::event::{MissionCause, Service};
use crate::fleet::{Fleet, Timer};
use crate::io::Output;
use crate::job::{JobItem, JobParams, JobVan, PlanJob, PlanResult, Tour};
use crate::missions::{PACE_MPS, Ways};
use crate::state::State;

/// Time to gather more before a wanted plan is made.
const GATHER: Seconds = Seconds(20.0);
/// A tour of at least so many orders leaves even if none of them is urgent.
const TOUR_ORDERS_MIN: usize = 14;
/// Orders that must leave within this time are urgent: their tour leaves whatever its size.
const URGENT_WITHIN: Seconds = Seconds(2400.0);
/// Orders offered to a job for each of its vans.
const ORDERS_PER_VAN: usize = 35;
/// Orders whose window opens so much later than a van could be there are left to a later plan.
const EARLY: Seconds = Seconds(1200.0);
/// A planned tour that could leave so much later is not begun yet.
const HOLD: Seconds = Seconds(600.0);
/// Most parcels that one item of a job holds.
const ITEM_PARCELS_MAX: u32 = 100;
/// Time beyond a tour's end for which its roads must be covered by permits.
const COVER_MARGIN: Seconds = Seconds(1500.0);
/// Time after a missed departure for which a circuit is tried again.
const CIRCUIT_RETRY: Seconds = Seconds(5400.0);
/// Width of a slot of promised work.
const SLOT: Seconds = Seconds(900.0);
/// Slots looked ahead.
const N_SLOTS: usize = 128;

/// What is being planned; lost at a restart without harm.
pub(crate) struct Planner {
    seed: u64,
    next_job: u64,
    jobs: BTreeMap<u64, InFlight>,
    reserved: BTreeSet<OrderId>,
    reserved_vans: BTreeSet<VanId>,
    /// When the plan that is wanted for each hub will be made.
    wanted: BTreeMap<FacilityId, Timestamp>,
    planned_at: BTreeMap<FacilityId, Timestamp>,
    circuit_since: BTreeMap<usize, Timestamp>,
    hubs: Option<Vec<(FacilityId, VanId)>>,
    promised: BTreeMap<FacilityId, Promised>,
}

/// A job that the host works on.
struct InFlight {
    hub: FacilityId,
    items: Arc<Vec<JobItem>>,
    vans: Vec<VanId>,
    cause: MissionCause,
    closure_epoch: u64,
    permit_epoch: u64,
}

/// Work promised to a hub's orders, by the time at which it is due.
struct Promised {
    at: Timestamp,
    /// Orders due in each slot from `at` on; the last holds all later ones.
    n_due: Vec<u32>,
    /// Time that vans still need for what they have begun, all together.
    busy: Seconds,
    n_vans: usize,
}

/// An order that a job may take.
struct Candidate {
    order: OrderId,
    /// Latest departure from the hub that keeps the window.
    leave_by: Timestamp,
    drive: Seconds,
}

impl Planner {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            next_job: 0,
            jobs: BTreeMap::new(),
            reserved: BTreeSet::new(),
            reserved_vans: BTreeSet::new(),
            wanted: BTreeMap::new(),
            planned_at: BTreeMap::new(),
            circuit_since: BTreeMap::new(),
            hubs: None,
            promised: BTreeMap::new(),
        }
    }

    /// Forgets what the host was working on before a restart.
    pub(crate) fn forget_jobs(&mut self) {
        self.jobs.clear();
        self.reserved.clear();
        self.reserved_vans.clear();
        self.wanted.clear();
    }

    pub(crate) fn is_reserved(&self, order: OrderId) -> bool {
        self.reserved.contains(&order)
    }

    /// Hubs that have vans, each with one of them.
    pub(crate) fn hubs(&mut self, config: &FleetConfig) -> Vec<(FacilityId, VanId)> {
        self.hubs
            .get_or_insert_with(|| {
                let mut hubs: BTreeMap<FacilityId, VanId> = BTreeMap::new();
                for van in &config.vans {
                    hubs.entry(van.hub).or_insert(van.id);
                }
                hubs.into_iter().collect()
            })
            .clone()
    }

    /// When the hub is to be planned, if that was not yet wanted so early.
    pub(crate) fn want_plan(
        &mut self,
        now: Timestamp,
        hub: FacilityId,
        planning: &Planning,
    ) -> Option<Timestamp> {
        let soonest = self.planned_at.get(&hub).map_or(now, |at| *at + planning.every_s * 0.4);
        let at = (now + GATHER).max(soonest);
        let is_sooner = self.wanted.get(&hub).is_none_or(|wanted| at < *wanted);
        is_sooner.then(|| {
            self.wanted.insert(hub, at);
            at
        })
    }

    /// Set-back of a hub with much waiting work for each of its vans.
    pub(crate) fn crowding(&self, state: &State, hub: FacilityId) -> Seconds {
        let n_open = state.open.get(&hub).map_or(0, BTreeSet::len) as f64;
        let n_vans = self.promised.get(&hub).map_or(1, |p| p.n_vans.max(1)) as f64;
        Seconds((n_open / n_vans * 6.0).min(600.0))
    }

    /// Notes work that was promised.
    pub(crate) fn promise(&mut self, _state: &State, hub: FacilityId, end: Timestamp) {
        if let Some(promised) = self.promised.get_mut(&hub) {
            let slot = promised.slot(end);
            promised.n_due[slot] += 1;
        }
    }
}

impl Promised {
    fn slot(&self, end: Timestamp) -> usize {
        let slots = end.since(self.at) / SLOT;
        if slots <= 0.0 { 0 } else { (slots as usize).min(N_SLOTS - 1) }
    }
}

impl Fleet {
    /// Whether the vans of a hub can serve one more order until `end`, beside what is promised.
    pub(crate) fn has_capacity(&mut self, now: Timestamp, hub: FacilityId, end: Timestamp) -> bool {
        let is_fresh =
            self.planner.promised.get(&hub).is_some_and(|p| now.since(p.at) < Seconds(60.0));
        if !is_fresh {
            let promised = self.promised(now, hub);
            self.planner.promised.insert(hub, promised);
        }
        let planning = &self.config.planning;
        let per_order_s = self.state.estimates.per_order.or(330.0).clamp(120.0, 480.0);
        let promised = &self.planner.promised[&hub];
        let first = promised.slot(end);
        let mut n_due: u64 = 1;
        for (slot, n) in promised.n_due.iter().enumerate() {
            n_due += u64::from(*n);
            // Later slots are looked at too: what is added here delays what is due there.
            if slot < first || (slot + 1 == N_SLOTS && first + 1 < N_SLOTS) {
                continue;
            }
            let span_s = (slot + 1) as f64 * SLOT.0 - planning.lead_s.0;
            let until_end_s = end.since(now).0 - planning.lead_s.0;
            let span_s = if slot == first { span_s.min(until_end_s) } else { span_s }.max(0.0);
            let vans_s = span_s * promised.n_vans as f64;
            let busy_s = promised.busy.0.min(vans_s);
            if n_due as f64 * per_order_s > (vans_s - busy_s) * planning.utilisation_max {
                return false;
            }
        }
        true
    }

    fn promised(&self, now: Timestamp, hub: FacilityId) -> Promised {
        let mut promised =
            Promised { at: now, n_due: vec![0; N_SLOTS], busy: Seconds::ZERO, n_vans: 0 };
        for id in self.state.open.get(&hub).into_iter().flatten() {
            let slot = promised.slot(self.state.orders[id.idx()].order.request.window.end);
            promised.n_due[slot] += 1;
        }
        for (van, state) in self.config.vans.iter().zip(&self.state.vans) {
            if van.hub != hub || state.service == Service::Out {
                continue;
            }
            promised.n_vans += 1;
            if let Some(last) = state.stops.last() {
                promised.busy += last.plan.leave.since(now).max(Seconds::ZERO);
            }
        }
        promised
    }

    /// Plans a hub's waiting orders onto the vans that wait there.
    pub(crate) fn plan_hub(&mut self, now: Timestamp, hub: FacilityId) {
        if self.planner.wanted.get(&hub).is_some_and(|at| *at > now) {
            return;
        }
        self.planner.planned_at.insert(hub, now);
        let next = now + self.config.planning.every_s;
        self.planner.wanted.insert(hub, next);
        self.wake(next, Timer::Plan(hub));
        if self.state.is_day_closed {
            return;
        }
        self.insert_collections(now, hub);
        let mut vans = self.waiting_vans(now, hub);
        // Roads that are forbidden at some hour of a long tour may be open for a short one.
        let tour_max = self.config.planning.tour_max_s;
        let mut seen: BTreeSet<OrderId> = BTreeSet::new();
        for (round, share) in [1.0, 0.5, 0.3].into_iter().enumerate() {
            if vans.is_empty() {
                break;
            }
            let until = now + tour_max * share;
            let mut candidates = self.candidates(now, hub, vans[0], until, &seen);
            seen.extend(candidates.iter().map(|c| c.order));
            let is_urgent = |c: &&Candidate| c.leave_by < now + URGENT_WITHIN;
            let n_urgent = candidates.iter().filter(is_urgent).count();
            if candidates.is_empty() || (candidates.len() < TOUR_ORDERS_MIN && n_urgent == 0) {
                continue;
            }
            let n_wanted = candidates.len().div_ceil(30).max(n_urgent.div_ceil(6)) + 1;
            let n_vans = if round == 0 { n_wanted } else { n_wanted.min(2) };
            let rest = vans.split_off(n_vans.min(vans.len()));
            self.sort_candidates(hub, &mut candidates, vans.len());
            self.make_jobs(now, hub, &candidates, &vans, until);
            vans = rest;
        }
        self.charge_waiting(now, hub);
    }

    /// Vans of a hub that wait there for work.
    fn waiting_vans(&self, now: Timestamp, hub: FacilityId) -> Vec<VanId> {
        let mut waiting: Vec<VanId> = self
            .config
            .vans
            .iter()
            .filter(|van| van.hub == hub && self.is_waiting(now, van.id))
            .filter(|van| self.state.vans[van.id.idx()].stored >= self.charge_floor(van.id))
            .map(|van| van.id)
            .collect();
        // The fullest batteries first.
        let stored = |van: &VanId| self.state.vans[van.idx()].stored;
        waiting.sort_by(|a, b| stored(b).total_cmp(&stored(a)).then(a.cmp(b)));
        waiting
    }

    fn charge_floor(&self, van: VanId) -> rv_base::WattHours {
        let class = self.class_of(van);
        self.config.planning.charge_below.min(class.battery * 0.4).max(class.reserve)
    }

    /// True if a van stands at its hub, sound, empty and without a mission.
    fn is_waiting(&self, _now: Timestamp, van: VanId) -> bool {
        let state = &self.state.vans[van.idx()];
        state.service == Service::In
            && state.lost_until.is_none()
            && !state.is_halted
            && !state.faults.contains(&FaultKind::Dead)
            && state.stops.is_empty()
            && state.dropped.is_empty()
            && state.on_board.is_empty()
            && state.position == self.home(van)
            && !self.planner.reserved_vans.contains(&van)
    }

    /// Sends waiting vans to charge: those that must, and others while there is nothing else.
    fn charge_waiting(&mut self, now: Timestamp, hub: FacilityId) {
        let n_slots = usize::from(self.city.facilities[hub.idx()].n_slots).max(1);
        let is_charging = |van: &VanId| {
            self.state.vans[van.idx()]
                .stops
                .iter()
                .any(|stop| stop.stop.kind == rv_wire::StopKind::Charge)
        };
        let of_hub = || self.config.vans.iter().filter(|van| van.hub == hub).map(|van| van.id);
        let n_charging = of_hub().filter(is_charging).count();
        let mut wanting: Vec<VanId> = of_hub()
            .filter(|van| self.is_waiting(now, *van))
            .filter(|van| self.state.vans[van.idx()].stored < self.class_of(*van).battery * 0.8)
            .collect();
        let stored = |van: &VanId| self.state.vans[van.idx()].stored;
        wanting.sort_by(|a, b| stored(a).total_cmp(&stored(b)).then(a.cmp(b)));
        wanting.truncate(n_slots.saturating_sub(n_charging));
        for van in wanting {
            let stored = self.state.vans[van.idx()].stored;
            let full = self.class_of(van).battery * 0.9;
            let step = self.config.planning.charge_step;
            let until = (stored + step).max(self.charge_floor(van) + step).min(full);
            let draft = self.charge_draft(van, hub, stored, until);
            self.set_mission(now, van, vec![draft], Ways::Keep, MissionCause::Charge);
        }
    }

    /// Orders that wait at a hub, may be served on a tour that is back by `until`, and are not
    /// left to a circuit.
    fn candidates(
        &mut self,
        now: Timestamp,
        hub: FacilityId,
        van: VanId,
        until: Timestamp,
        seen: &BTreeSet<OrderId>,
    ) -> Vec<Candidate> {
        let profile = self.roads.profile(van);
        let metric = self.roads.metric(&self.state, profile, now, until + COVER_MARGIN);
        let Some(times) = self.roads.hub_times(&metric, hub) else { return Vec::new() };
        let planning = self.config.planning;
        let factor = self.config.traffic.factor(now) * self.slowness();
        let mut candidates = Vec::new();
        for id in self.state.open.get(&hub).into_iter().flatten() {
            if seen.contains(id) || self.planner.reserved.contains(id) {
                continue;
            }
            let order = &self.state.orders[id.idx()];
            let request = &order.order.request;
            let time_ms = times[order.stop_at.edge.idx()];
            if time_ms == u32::MAX {
                continue;
            }
            let drive = Seconds(f64::from(time_ms) / 1000.0 * factor);
            let service = self.handover_time(request.n_parcels);
            // A van that leaves now would stand before the door.
            if request.window.start > now + EARLY + drive {
                continue;
            }
            // Where is no time to be there and back, a shorter or later tour is.
            if request.window.start.max(now + drive) + service + drive > until {
                continue;
            }
            let leave_by = request.window.end - planning.slack_s - service - drive;
            if !self.waits_for_circuit(now, hub, request, leave_by) {
                candidates.push(Candidate { order: *id, leave_by, drive });
            }
        }
        candidates
    }

    fn slowness(&self) -> f64 {
        self.state.estimates.driving.or(1.0).clamp(0.7, 1.6)
    }

    /// Whether an order goes with a circuit that departs in time.
    fn waits_for_circuit(
        &self,
        now: Timestamp,
        hub: FacilityId,
        request: &rv_model::OrderRequest,
        leave_by: Timestamp,
    ) -> bool {
        let template = self.config.tenants[request.tenant.idx()].template;
        let rv_model::Site::Facility(facility) = request.site else { return false };
        if template != Template::Post || request.kind != OrderKind::Delivery {
            return false;
        }
        self.config.circuits.iter().any(|circuit| {
            circuit.hub == hub
                && circuit.facilities.contains(&facility)
                && self
                    .next_departure(now, circuit)
                    .is_some_and(|at| at + self.config.planning.circuit_max_s * 0.5 < leave_by)
        })
    }

    /// The next departure of a circuit within a day.
    fn next_departure(
        &self,
        now: Timestamp,
        circuit: &crate::config::Circuit,
    ) -> Option<Timestamp> {
        let second = self.config.second_of_day(now);
        let wait_s =
            circuit
                .departures_s
                .iter()
                .map(|departure| {
                    if *departure > second {
                        departure - second
                    } else {
                        departure + 86_400 - second
                    }
                })
                .min()?;
        Some(now + Seconds(f64::from(wait_s)))
    }

    /// The most urgent first, neighbours together, cut to what the vans can take.
    fn sort_candidates(&self, hub: FacilityId, candidates: &mut Vec<Candidate>, n_vans: usize) {
        let home = self.city.facilities[hub.idx()].position;
        let slot = |c: &Candidate| c.leave_by.0.div_euclid(1_800_000);
        let angle = |c: &Candidate| {
            let there = self.world(self.state.orders[c.order.idx()].stop_at);
            (home.bearing_to(there).0 * 1e6) as i64
        };
        candidates.sort_by_cached_key(|c| (slot(c), angle(c), c.order));
        candidates.truncate(n_vans * ORDERS_PER_VAN);
        candidates.sort_by_cached_key(|c| (angle(c), c.order));
    }

    fn make_jobs(
        &mut self,
        now: Timestamp,
        hub: FacilityId,
        candidates: &[Candidate],
        vans: &[VanId],
        until: Timestamp,
    ) {
        let planning = self.config.planning;
        let n_jobs = vans
            .len()
            .div_ceil(planning.vans_max as usize)
            .max(candidates.len().div_ceil(planning.orders_max as usize))
            .min(vans.len());
        for job in 0..n_jobs {
            let part = |n: usize| (n * job / n_jobs)..(n * (job + 1) / n_jobs);
            let (candidates, vans) = (&candidates[part(candidates.len())], &vans[part(vans.len())]);
            if candidates.is_empty() || vans.is_empty() {
                continue;
            }
            let items = candidates.iter().map(|c| self.item(now, c)).collect();
            self.ask(now, hub, items, vans, until, MissionCause::Tour);
        }
    }

    fn item(&self, now: Timestamp, candidate: &Candidate) -> JobItem {
        let order = &self.state.orders[candidate.order.idx()];
        let request = &order.order.request;
        let service = self.handover_time(request.n_parcels);
        let facility = match request.site {
            rv_model::Site::Facility(facility) => Some(facility),
            _ => None,
        };
        // Who is late already is served late rather than not at all.
        let soonest = now + candidate.drive * 1.2 + self.config.planning.lead_s * 0.6;
        let wanted = request.window.end - service - self.config.planning.slack_s;
        let end = if wanted < soonest { soonest.max(request.window.end - service) } else { wanted };
        let left_h = candidate.leave_by.since(now).0.max(0.0) / 3600.0;
        JobItem {
            orders: vec![candidate.order],
            at: order.stop_at,
            facility,
            is_collection: request.kind == OrderKind::Collection,
            window: TimeWindow { start: request.window.start.min(end), end },
            prize: 4.0 + 300.0 / (1.0 + 2.0 * left_h * left_h),
            service,
            n_parcels: u32::from(request.n_parcels),
            mass: order.order.mass(),
        }
    }

    /// Hands a job to the host.
    fn ask(
        &mut self,
        now: Timestamp,
        hub: FacilityId,
        items: Vec<JobItem>,
        vans: &[VanId],
        until: Timestamp,
        cause: MissionCause,
    ) {
        let planning = self.config.planning;
        let id = self.planner.next_job;
        self.planner.next_job += 1;
        let profile = self.roads.profile(vans[0]);
        let metric = self.roads.metric(&self.state, profile, now, until + COVER_MARGIN);
        let n_parcels: u32 = items.iter().map(|item| item.n_parcels).sum();
        let each = self.state.estimates.load.or(self.config.service.load_s.0);
        let per_van = f64::from(n_parcels) / vans.len() as f64;
        let loading = Seconds(each * per_van.min(80.0));
        let leave = now + planning.ready_after_s + loading;
        let iterations = items.len() as u64 * u64::from(planning.iterations_per_order);
        let items = Arc::new(items);
        let reserved = items.iter().flat_map(|item| item.orders.iter().copied());
        self.planner.reserved.extend(reserved);
        self.planner.reserved_vans.extend(vans);
        self.planner.jobs.insert(
            id,
            InFlight {
                hub,
                items: items.clone(),
                vans: vans.to_vec(),
                cause,
                closure_epoch: self.state.closure_epoch,
                permit_epoch: self.state.permit_epoch,
            },
        );
        let stored = |van: VanId| self.state.vans[van.idx()].stored;
        let job = PlanJob {
            id,
            ready_after: planning.ready_after_s,
            home: self.city.facilities[hub.idx()].stop,
            metric,
            class: self.class_of(vans[0]).clone(),
            items,
            vans: vans.iter().map(|van| JobVan { van: *van, stored: stored(*van) }).collect(),
            params: JobParams {
                seed: rv_base::Rng::from_seed(self.planner.seed).fork_idx("job", id).next_u64(),
                leave,
                until: until.max(leave + Seconds(600.0)),
                slowness: self.config.traffic.factor(leave) * self.slowness(),
                iterations,
            },
        };
        self.output(Output::Plan(Box::new(job)));
    }

    /// Takes a plan: tours that are still possible and worth it become missions.
    pub(crate) fn planned(&mut self, now: Timestamp, result: PlanResult) {
        let Some(job) = self.planner.jobs.remove(&result.id) else { return };
        for item in job.items.iter() {
            for order in &item.orders {
                self.planner.reserved.remove(order);
            }
        }
        for van in &job.vans {
            self.planner.reserved_vans.remove(van);
        }
        let is_stale = job.closure_epoch != self.state.closure_epoch
            || job.permit_epoch != self.state.permit_epoch
            || self.state.is_day_closed;
        if is_stale {
            self.wake_hub(now, job.hub);
            return;
        }
        for tour in result.tours {
            if job.vans.contains(&tour.van) && self.is_waiting(now, tour.van) {
                self.begin_tour(now, &job, tour);
            }
        }
    }

    fn begin_tour(&mut self, now: Timestamp, job: &InFlight, tour: Tour) {
        let items: Vec<&JobItem> =
            tour.items.iter().filter_map(|idx| job.items.get(*idx as usize)).collect();
        let open = self.state.open.get(&job.hub);
        let is_open = |id: &OrderId| open.is_some_and(|open| open.contains(id));
        let n_orders: usize = items.iter().map(|item| item.orders.len()).sum();
        let leave_by = |item: &&JobItem| {
            // The prize falls with the time left, so this undoes it well enough to compare.
            item.prize > 4.0 + 300.0 / (1.0 + 2.0 * (URGENT_WITHIN.0 / 3600.0).powi(2))
        };
        // A tour that would rather leave later is planned anew then, with what has come until then.
        if job.cause == MissionCause::Tour && tour.wait > HOLD {
            return;
        }
        let is_worth_it = job.cause == MissionCause::Circuit
            || n_orders >= TOUR_ORDERS_MIN
            || items.iter().any(leave_by)
            || tour.end.since(now) > self.config.planning.tour_max_s * 0.6;
        if !is_worth_it {
            return;
        }
        let factor = self.config.traffic.factor(now);
        let mut drafts = Vec::new();
        let mut to_load = Vec::new();
        let mut ways = tour.ways.into_iter();
        let mut has_gap = false;
        for item in items {
            let way = ways.next().map(|(edges, time)| (edges, time * factor));
            let orders: Vec<OrderId> = item.orders.iter().copied().filter(is_open).collect();
            let is_same_place =
                orders.first().is_some_and(|id| self.state.orders[id.idx()].stop_at == item.at);
            if orders.is_empty() || !is_same_place {
                has_gap = true;
                continue;
            }
            if !item.is_collection {
                to_load.extend(orders.iter().copied());
            }
            let mut draft = self.handover_draft(&orders, item.facility);
            draft.way = way.filter(|_| !has_gap);
            has_gap = false;
            drafts.push(draft);
        }
        if drafts.is_empty() {
            return;
        }
        let mut home = self.unload_draft(job.hub, Vec::new());
        let way = ways.next().map(|(edges, time)| (edges, time * factor));
        home.way = way.filter(|_| !has_gap);
        drafts.push(home);
        if !to_load.is_empty() {
            let mut load = self.load_draft(job.hub, &to_load);
            load.way = Some((vec![load.at.edge], Seconds::ZERO));
            drafts.insert(0, load);
        }
        let lost = self.set_mission(now, tour.van, drafts, Ways::Keep, job.cause);
        self.cannot_reach(now, tour.van, &lost);
    }

    pub(crate) fn wake_circuit(&mut self, now: Timestamp, idx: usize) {
        let circuit = &self.config.circuits[idx];
        if let Some(at) = self.next_departure(now, circuit) {
            self.wake(at, Timer::Circuit(idx));
        }
    }

    /// A circuit departs: everything that waits for its stations and lockers goes along.
    pub(crate) fn plan_circuit(&mut self, now: Timestamp, idx: usize) {
        self.wake_circuit(now, idx);
        if self.state.is_day_closed {
            return;
        }
        let circuit = self.config.circuits[idx].clone();
        let since = *self.planner.circuit_since.entry(idx).or_insert(now);
        let vans = self.waiting_vans(now, circuit.hub);
        let until = now + self.config.planning.circuit_max_s;
        let items = self.circuit_items(now, &circuit, until);
        let n_parcels: u32 = items.iter().map(|item| item.n_parcels).sum();
        let n_orders: usize = items.iter().map(|item| item.orders.len()).sum();
        let is_late = now.since(since) > CIRCUIT_RETRY;
        if items.is_empty() || is_late {
            self.planner.circuit_since.remove(&idx);
            return;
        }
        let Some(first) = vans.first() else {
            self.wake(now + Seconds(300.0), Timer::Circuit(idx));
            return;
        };
        self.planner.circuit_since.remove(&idx);
        let class = self.class_of(*first);
        let by_parcels = n_parcels.div_ceil(u32::from(class.parcels_max).max(1)) as usize;
        let by_orders = n_orders.div_ceil(usize::from(class.n_compartments).max(1));
        let n_vans = (by_parcels.max(by_orders) + 1).min(vans.len());
        self.ask(now, circuit.hub, items, &vans[..n_vans], until, MissionCause::Circuit);
    }

    fn circuit_items(
        &self,
        now: Timestamp,
        circuit: &crate::config::Circuit,
        until: Timestamp,
    ) -> Vec<JobItem> {
        let mut items: Vec<JobItem> = Vec::new();
        for id in self.state.open.get(&circuit.hub).into_iter().flatten() {
            let order = &self.state.orders[id.idx()];
            let request = &order.order.request;
            let rv_model::Site::Facility(facility) = request.site else { continue };
            let fits = request.handover != Handover::Door
                && request.kind == OrderKind::Delivery
                && circuit.facilities.contains(&facility)
                && request.window.start < until - Seconds(3600.0)
                && !self.planner.is_reserved(*id);
            if !fits {
                continue;
            }
            let n_parcels = u32::from(request.n_parcels);
            let mass = order.order.mass();
            let end =
                (request.window.end - self.config.planning.slack_s).max(now + Seconds(1800.0));
            let room = items.iter_mut().find(|item| {
                item.facility == Some(facility)
                    && item.n_parcels + n_parcels <= ITEM_PARCELS_MAX
                    && item.mass + mass <= Kilograms(300.0)
                    && item.window.start >= request.window.start
            });
            let each = self.config.service.drop_s * f64::from(n_parcels);
            match room {
                Some(item) => {
                    item.orders.push(*id);
                    item.n_parcels += n_parcels;
                    item.mass += mass;
                    item.service += each;
                    item.window.end = item.window.end.min(end).max(item.window.start);
                }
                None => items.push(JobItem {
                    orders: vec![*id],
                    at: order.stop_at,
                    facility: Some(facility),
                    is_collection: false,
                    window: TimeWindow { start: request.window.start.min(end), end },
                    prize: 400.0,
                    service: self.config.service.facility_s + each,
                    n_parcels,
                    mass,
                }),
            }
        }
        items.truncate(self.config.planning.orders_max as usize);
        items
    }

    /// Gives collections that wait to vans of the hub that are under way, where the detour is
    /// small and no window suffers.
    fn insert_collections(&mut self, now: Timestamp, hub: FacilityId) {
        let waiting: Vec<OrderId> = self
            .state
            .open
            .get(&hub)
            .into_iter()
            .flatten()
            .copied()
            .filter(|id| {
                let order = &self.state.orders[id.idx()].order;
                order.request.kind == OrderKind::Collection
                    && order.request.handover == Handover::Door
                    && !self.planner.is_reserved(*id)
            })
            .collect();
        for order in waiting {
            if let Some((van, at)) = self.cheapest_detour(now, hub, order) {
                let mut drafts = self.drafts(van);
                drafts.insert(at, self.handover_draft(&[order], None));
                let cause = MissionCause::Replanned;
                let lost = self.set_mission(now, van, drafts, Ways::Keep, cause);
                self.cannot_reach(now, van, &lost);
            }
        }
    }

    /// The van under way, and the place in its mission, that serve a collection with the smallest
    /// detour, by straight lines at the pace of city traffic.
    fn cheapest_detour(
        &self,
        now: Timestamp,
        hub: FacilityId,
        id: OrderId,
    ) -> Option<(VanId, usize)> {
        /// Longest detour.
        const DETOUR_MAX: Seconds = Seconds(900.0);
        let order = &self.state.orders[id.idx()];
        let request = &order.order.request;
        let here = self.world(order.stop_at);
        let service = self.handover_time(request.n_parcels);
        let pace = |a: LatLon, b: LatLon| Seconds(a.distance_to(b).0 / PACE_MPS);
        let mut best: Option<(Seconds, VanId, usize)> = None;
        for van in self.config.vans.iter().filter(|van| van.hub == hub) {
            let state = &self.state.vans[van.id.idx()];
            let class = self.class_of(van.id);
            let n_room = usize::from(class.parcels_max).saturating_sub(state.on_board.len());
            let is_fit = state.lost_until.is_none()
                && !state.is_halted
                && state.accepted == state.version
                && state.on_board.len() < usize::from(class.parcels_max) / 2
                && state.stops.last().is_some_and(|s| s.stop.kind == rv_wire::StopKind::Unload)
                && state.stops.iter().all(|s| s.stop.kind != rv_wire::StopKind::Load);
            if !is_fit || usize::from(request.n_parcels) > n_room / 2 {
                continue;
            }
            let expected = state.expected(now);
            let slack = self.slacks(van.id, &expected);
            for at in self.n_frozen(van.id).max(1)..state.stops.len() {
                let (before, after) = (&state.stops[at - 1], &state.stops[at]);
                let (b, a) = (self.world(before.stop.at), self.world(after.stop.at));
                let arrive = expected[at - 1].1 + pace(b, here);
                let wait = request.window.start.since(arrive).max(Seconds::ZERO);
                let detour = pace(b, here) + pace(here, a)
                    - pace(b, a).min(pace(b, here) + pace(here, a))
                    + service
                    + wait;
                let is_good = detour <= DETOUR_MAX
                    && detour <= slack[at]
                    && arrive + wait + service + Seconds(300.0) < request.window.end;
                if is_good && best.is_none_or(|(d, ..)| detour < d) {
                    best = Some((detour, van.id, at));
                }
            }
        }
        best.map(|(_, van, at)| (van, at))
    }

    /// How much later each stop may be reached without breaking a window from there on.
    fn slacks(&self, van: VanId, expected: &[(Timestamp, Timestamp)]) -> Vec<Seconds> {
        let stops = &self.state.vans[van.idx()].stops;
        let mut slack = Seconds(7200.0);
        let mut slacks = vec![slack; stops.len()];
        for (idx, stop) in stops.iter().enumerate().rev() {
            for order in self.state.orders_of(&stop.stop) {
                let end = self.state.orders[order.idx()].order.request.window.end;
                slack = slack.min(end.since(expected[idx].1) - Seconds(300.0));
            }
            slacks[idx] = slack;
        }
        slacks
    }
}
