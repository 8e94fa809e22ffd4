//! What is planned when: which orders and vans go into a job, and what its result becomes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rv_base::{FacilityId, OrderId, Seconds, TimeWindow, Timestamp, VanId};
use rv_model::OrderKind;
use rv_wire::FaultKind;

use crate::config::{FleetConfig, Planning};
use crate::event::{MissionCause, Service};
use crate::fleet::{Fleet, Timer};
use crate::io::Output;
use crate::job::{Found, JobItem, JobParams, JobVan, PlanJob, PlanResult, Tour, TourJob, Work};
use crate::missions::Ways;
use crate::review::{REVIEW_READY_AFTER, Reviews};
use crate::review_job::ReviewJob;
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
/// Time beyond a tour's end for which its roads must be covered by permits.
const COVER_MARGIN: Seconds = Seconds(1500.0);
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
    pub(crate) circuit_since: BTreeMap<usize, Timestamp>,
    hubs: Option<Vec<(FacilityId, VanId)>>,
    promised: BTreeMap<FacilityId, Promised>,
    pub(crate) reviews: Reviews,
}

/// A job that the host works on.
struct InFlight {
    hub: FacilityId,
    what: Asked,
    closure_epoch: u64,
    permit_epoch: u64,
}

/// What a job was asked for.
enum Asked {
    Tours(AskedTours),
    /// A review, with the collections that places are sought for.
    Review(Vec<OrderId>),
}

/// Tours that are wanted for vans.
struct AskedTours {
    items: Arc<Vec<JobItem>>,
    vans: Vec<VanId>,
    cause: MissionCause,
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
            reviews: Reviews::default(),
        }
    }

    /// Forgets what the host was working on before a restart.
    pub(crate) fn forget_jobs(&mut self) {
        self.jobs.clear();
        self.reserved.clear();
        self.reserved_vans.clear();
        self.wanted.clear();
        self.reviews = Reviews::default();
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
        self.review_hub(now, hub);
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
    pub(crate) fn waiting_vans(&self, now: Timestamp, hub: FacilityId) -> Vec<VanId> {
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

    pub(crate) fn slowness(&self) -> f64 {
        self.state.estimates.driving.or(1.0).clamp(0.7, 1.6)
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
        JobItem {
            orders: vec![candidate.order],
            at: order.stop_at,
            facility,
            is_collection: request.kind == OrderKind::Collection,
            window: TimeWindow { start: request.window.start.min(end), end },
            prize: prize(candidate.leave_by.since(now)),
            service,
            n_parcels: u32::from(request.n_parcels),
            mass: order.order.mass(),
        }
    }

    /// Hands a job to the host.
    pub(crate) fn ask(
        &mut self,
        now: Timestamp,
        hub: FacilityId,
        items: Vec<JobItem>,
        vans: &[VanId],
        until: Timestamp,
        cause: MissionCause,
    ) {
        let planning = self.config.planning;
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
        let asked = AskedTours { items: items.clone(), vans: vans.to_vec(), cause };
        let id = self.note_job(hub, Asked::Tours(asked));
        let stored = |van: VanId| self.state.vans[van.idx()].stored;
        let job = TourJob {
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
        let work = Work::Tours(job);
        self.output(Output::Plan(Box::new(PlanJob {
            id,
            ready_after: planning.ready_after_s,
            work,
        })));
    }

    /// Hands a review to the host.
    pub(crate) fn ask_review(&mut self, hub: FacilityId, job: ReviewJob) {
        let waiting: Vec<OrderId> = job.waiting.iter().map(|waiting| waiting.order).collect();
        self.planner.reserved.extend(waiting.iter().copied());
        let id = self.note_job(hub, Asked::Review(waiting));
        let work = Work::Review(job);
        self.output(Output::Plan(Box::new(PlanJob { id, ready_after: REVIEW_READY_AFTER, work })));
    }

    fn note_job(&mut self, hub: FacilityId, what: Asked) -> u64 {
        let id = self.planner.next_job;
        self.planner.next_job += 1;
        let (closure_epoch, permit_epoch) = (self.state.closure_epoch, self.state.permit_epoch);
        self.planner.jobs.insert(id, InFlight { hub, what, closure_epoch, permit_epoch });
        id
    }

    /// Takes a plan: what is still possible and worth it becomes missions.
    pub(crate) fn planned(&mut self, now: Timestamp, result: PlanResult) {
        let Some(job) = self.planner.jobs.remove(&result.id) else { return };
        let is_stale = job.closure_epoch != self.state.closure_epoch
            || job.permit_epoch != self.state.permit_epoch
            || self.state.is_day_closed;
        match (job.what, result.found) {
            (Asked::Tours(asked), Found::Tours(tours)) => {
                let orders = asked.items.iter().flat_map(|item| &item.orders);
                orders.for_each(|order| _ = self.planner.reserved.remove(order));
                asked.vans.iter().for_each(|van| _ = self.planner.reserved_vans.remove(van));
                if is_stale {
                    self.wake_hub(now, job.hub);
                    return;
                }
                for tour in tours {
                    if asked.vans.contains(&tour.van) && self.is_waiting(now, tour.van) {
                        self.begin_tour(now, job.hub, &asked, tour);
                    }
                }
            }
            (Asked::Review(waiting), Found::Review(reviewed)) => {
                waiting.iter().for_each(|order| _ = self.planner.reserved.remove(order));
                if is_stale {
                    self.wake_hub(now, job.hub);
                    return;
                }
                self.take_review(now, job.hub, &waiting, &reviewed);
            }
            // The host mixed up its results; everything is asked for again.
            _ => self.wake_hub(now, job.hub),
        }
    }

    fn begin_tour(&mut self, now: Timestamp, hub: FacilityId, job: &AskedTours, tour: Tour) {
        let items: Vec<&JobItem> =
            tour.items.iter().filter_map(|idx| job.items.get(*idx as usize)).collect();
        let open = self.state.open.get(&hub);
        let is_open = |id: &OrderId| open.is_some_and(|open| open.contains(id));
        let n_orders: usize = items.iter().map(|item| item.orders.len()).sum();
        let leave_by = |item: &&JobItem| {
            // The prize falls with the time left, so this undoes it well enough to compare.
            item.prize > prize(URGENT_WITHIN)
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
        let mut home = self.unload_draft(hub, Vec::new());
        let way = ways.next().map(|(edges, time)| (edges, time * factor));
        home.way = way.filter(|_| !has_gap);
        drafts.push(home);
        if !to_load.is_empty() {
            let mut load = self.load_draft(hub, &to_load);
            load.way = Some((vec![load.at.edge], Seconds::ZERO));
            drafts.insert(0, load);
        }
        let lost = self.set_mission(now, tour.van, drafts, Ways::Keep, job.cause);
        self.cannot_reach(now, tour.van, &lost);
    }
}

/// What it is worth to serve an order now, so long before it must be under way, in units of the
/// currency.
pub(crate) fn prize(left: Seconds) -> f64 {
    let left_h = left.0.max(0.0) / 3600.0;
    4.0 + 300.0 / (1.0 + 2.0 * left_h * left_h)
}
