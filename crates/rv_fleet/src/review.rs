//! Reviews of what is under way: the live engine finds places for collections that wait, and a better
//! order for missions that run late or were changed.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{
    FacilityId, LatLon, LocalFrame, Meters, OrderId, Seconds, StopId, Timestamp, VanId, WattHours,
};
use rv_model::{Handover, OrderKind};
use rv_wire::{FaultKind, StopKind, Task};

use crate::event::{MissionCause, Service};
use crate::fleet::{Fleet, Timer};
use crate::job::grams;
use crate::missions::{Draft, Ways};
use crate::planning::prize;
use crate::review_job::{Next, ReviewJob, ReviewStop, ReviewVan, Reviewed, Spot, Waiting, Work};
use crate::state::StopState;

/// Virtual time from asking for a review to getting it.
pub(crate) const REVIEW_READY_AFTER: Seconds = Seconds(2.0);
/// Time to gather more before a wanted review is made, and between two of a hub.
const GATHER: Seconds = Seconds(30.0);
/// A van that runs late is reviewed again after this time.
const AGAIN: Seconds = Seconds(600.0);
/// A collection for which no place was found is reviewed again after this time.
const TRY_AGAIN: Seconds = Seconds(240.0);
/// Vans that are tried for a collection, those that come nearest.
const VANS_NEAR: usize = 6;
/// Most vans whose order is sought anew in one review; the others follow in the next.
const VANS_ASKED_MAX: usize = 12;
/// Most collections of one review.
const WAITING_MAX: usize = 40;

/// What is to be reviewed; lost at a restart without harm.
#[derive(Debug, Default)]
pub(crate) struct Reviews {
    /// Vans whose missions were changed other than by a plan.
    asked: BTreeSet<VanId>,
    /// When the order of a van's stops was last sought.
    reviewed_at: BTreeMap<VanId, Timestamp>,
    /// When no place was found for a collection.
    left_out_at: BTreeMap<OrderId, Timestamp>,
    /// When the review that is wanted of each hub will be made.
    wanted: BTreeMap<FacilityId, Timestamp>,
    made_at: BTreeMap<FacilityId, Timestamp>,
}

impl Fleet {
    /// Has the order of a van's stops reviewed soon.
    pub(crate) fn want_review(&mut self, now: Timestamp, van: VanId) {
        self.planner.reviews.asked.insert(van);
        self.want_review_of(now, self.config.vans[van.idx()].hub);
    }

    fn want_review_of(&mut self, now: Timestamp, hub: FacilityId) {
        let reviews = &mut self.planner.reviews;
        let soonest = reviews.made_at.get(&hub).map_or(now, |at| *at + GATHER);
        let at = (now + GATHER).max(soonest);
        if reviews.wanted.get(&hub).is_none_or(|wanted| *wanted <= now) {
            reviews.wanted.insert(hub, at);
            self.wake(at, Timer::Review(hub));
        }
    }

    /// The time for a review of a hub has come, if none was made since it was wanted.
    pub(crate) fn review_wanted(&mut self, now: Timestamp, hub: FacilityId) {
        if self.planner.reviews.wanted.get(&hub).is_some_and(|at| *at <= now) {
            self.review_hub(now, hub);
        }
    }

    /// Hands the vans of a hub that run late or were changed, and those near collections that wait,
    /// to the live engine.
    pub(crate) fn review_hub(&mut self, now: Timestamp, hub: FacilityId) {
        self.planner.reviews.wanted.remove(&hub);
        self.planner.reviews.made_at.insert(hub, now);
        if self.state.is_day_closed {
            return;
        }
        let frame = LocalFrame::at(self.city.facilities[hub.idx()].position);
        let mut by_profile: BTreeMap<usize, Vec<ReviewVan>> = BTreeMap::new();
        let of_hub: Vec<VanId> =
            self.config.vans.iter().filter(|van| van.hub == hub).map(|van| van.id).collect();
        for van in of_hub {
            if let Some(review) = self.review_van(now, &frame, van) {
                by_profile.entry(self.roads.profile(van)).or_default().push(review);
            }
        }
        let waiting = self.waiting_collections(now, &frame, hub);
        // Most vans of a hub are alike; collections go to those.
        let largest = by_profile.iter().map(|(profile, vans)| (vans.len(), *profile)).max();
        for (profile, vans) in by_profile {
            let is_largest = largest.is_some_and(|largest| largest.1 == profile);
            let waiting = if is_largest { waiting.clone() } else { Vec::new() };
            let vans = choose(vans, &waiting);
            if vans.iter().any(|van| van.is_asked) || !(vans.is_empty() || waiting.is_empty()) {
                self.review(now, &frame, hub, profile, vans, waiting);
            }
        }
        // Vans that have not yet agreed to what was changed, or are one too many, are next.
        let vans = &self.state.vans;
        self.planner.reviews.asked.retain(|van| !vans[van.idx()].stops.is_empty());
        let is_of_hub = |van: &VanId| self.config.vans[van.idx()].hub == hub;
        if self.planner.reviews.asked.iter().any(is_of_hub) {
            self.want_review_of(now, hub);
        }
    }

    fn review(
        &mut self,
        now: Timestamp,
        frame: &LocalFrame,
        hub: FacilityId,
        profile: usize,
        vans: Vec<ReviewVan>,
        waiting: Vec<Waiting>,
    ) {
        for van in vans.iter().filter(|van| van.is_asked) {
            self.planner.reviews.asked.remove(&van.van);
            self.planner.reviews.reviewed_at.insert(van.van, now);
        }
        let end = |van: &ReviewVan| {
            let stays = van.stops.iter().map(|stop| stop.work.stay + Seconds(300.0));
            van.leave + stays.sum::<Seconds>()
        };
        let until = vans.iter().map(end).max().unwrap_or(now) + Seconds(1800.0);
        let job = ReviewJob {
            metric: self.roads.metric(&self.state, profile, now, until),
            now,
            slowness: self.config.traffic.factor(now) * self.slowness(),
            slack: self.config.planning.slack_s,
            class: self.class_of(vans[0].van).clone(),
            home: self.spot(frame, self.city.facilities[hub.idx()].stop),
            vans,
            waiting,
        };
        self.ask_review(hub, job);
    }

    /// A van that is under way and follows its mission, from the end of what is frozen.
    fn review_van(&self, now: Timestamp, frame: &LocalFrame, van: VanId) -> Option<ReviewVan> {
        let state = &self.state.vans[van.idx()];
        let n_frozen = self.n_frozen(van).max(1);
        let (last, stops) = state.stops.split_last()?;
        let free = stops.get(n_frozen..)?;
        let may_move = |stop: &StopState| {
            !matches!(stop.stop.kind, StopKind::Load | StopKind::Charge | StopKind::Unload)
        };
        let is_fit = state.service == Service::In
            && state.lost_until.is_none()
            && !state.is_halted
            && !state.faults.contains(&FaultKind::Dead)
            && state.accepted == state.version
            && state.dropped.is_empty()
            && last.stop.kind == StopKind::Unload
            && free.iter().all(may_move);
        if !is_fit {
            return None;
        }
        let expected = state.expected(now);
        let frozen = &stops[..n_frozen];
        let stops: Vec<ReviewStop> =
            free.iter().map(|stop| self.review_stop(frame, stop)).collect();
        let slack = self.config.planning.slack_s * 0.5;
        let is_late = stops
            .iter()
            .zip(&expected[n_frozen..])
            .any(|(stop, (arrive, _))| (*arrive).max(stop.work.earliest) + slack > stop.work.due);
        let reviews = &self.planner.reviews;
        let is_due = reviews.reviewed_at.get(&van).is_none_or(|at| now.since(*at) > AGAIN);
        Some(ReviewVan {
            van,
            version: state.version,
            frozen: frozen.iter().map(|stop| stop.stop.id).collect(),
            begin: self.spot(frame, frozen[n_frozen - 1].stop.at),
            leave: expected[n_frozen - 1].1,
            stored: self.stored_after(van, frozen),
            load: self.load_beside(van, &stops),
            is_asked: reviews.asked.contains(&van) || (is_late && is_due && stops.len() > 1),
            stops,
        })
    }

    fn review_stop(&self, frame: &LocalFrame, stop: &StopState) -> ReviewStop {
        let orders = self.state.orders_of(&stop.stop);
        let end = |id: &OrderId| self.state.orders[id.idx()].order.request.window.end;
        let mut load = [0; 3];
        for task in &stop.stop.tasks {
            let (parcels, n_orders) = match task {
                Task::HandOver { parcels, .. } | Task::Collect { parcels, .. } => (parcels, 1),
                Task::Drop { parcels } => (parcels, orders.len()),
                Task::Load { .. } | Task::Charge { .. } => continue,
            };
            load[0] += parcels.iter().map(|p| self.grams_of(*p)).sum::<i32>();
            load[1] += parcels.len() as i32;
            load[2] += n_orders as i32;
        }
        ReviewStop {
            id: stop.stop.id,
            is_collection: stop.stop.kind == StopKind::Collect,
            work: Work {
                spot: self.spot(frame, stop.stop.at),
                earliest: stop.stop.earliest,
                due: orders.iter().map(end).min().unwrap_or(Timestamp::FAR_FUTURE),
                stay: Draft::of(stop).stay,
                load,
            },
        }
    }

    fn grams_of(&self, parcel: rv_base::ParcelId) -> i32 {
        let order = self.state.parcels.get(parcel.idx()).map(|p| p.order);
        let mass = order.map(|id| self.state.orders[id.idx()].order.request.parcel_mass);
        mass.map_or(0, grams)
    }

    /// Energy in a van's battery when it has done some stops, at least.
    fn stored_after(&self, van: VanId, stops: &[StopState]) -> WattHours {
        let use_ = self.class_of(van).consumption;
        let now = self.live(van).map_or(self.state.vans[van.idx()].stored, |l| l.status.stored);
        let edges = stops.iter().flat_map(|stop| stop.stop.route.iter());
        let way_m: f64 = edges.map(|edge| self.city.graph.edge(*edge).length.0).sum();
        let stays: Seconds = stops.iter().map(|stop| Draft::of(stop).stay).sum();
        let used = WattHours(way_m * use_.wh_per_m)
            + use_.per_stop * stops.len() as f64
            + use_.standby * stays;
        now - used
    }

    /// What is on board of a van, or will be when what is frozen is done, and is for none of these
    /// stops: mass in grams, parcels, orders.
    fn load_beside(&self, van: VanId, free: &[ReviewStop]) -> [i32; 3] {
        let state = &self.state.vans[van.idx()];
        let free_ids: BTreeSet<StopId> = free.iter().map(|stop| stop.id).collect();
        let is_free = |stop: &&StopState| free_ids.contains(&stop.stop.id);
        let brought: BTreeSet<rv_base::ParcelId> = state
            .stops
            .iter()
            .filter(is_free)
            .flat_map(|stop| &stop.stop.tasks)
            .flat_map(|task| match task {
                Task::HandOver { parcels, .. } | Task::Drop { parcels } => parcels.as_slice(),
                _ => &[],
            })
            .copied()
            .collect();
        let fetched = state.stops.iter().filter(|stop| !is_free(stop)).flat_map(|s| &s.stop.tasks);
        let fetched = fetched.flat_map(|task| match task {
            Task::Collect { parcels, .. } => parcels.as_slice(),
            _ => &[],
        });
        let beside: BTreeSet<rv_base::ParcelId> = state
            .on_board
            .keys()
            .chain(fetched)
            .copied()
            .filter(|p| !brought.contains(p))
            .collect();
        let orders: BTreeSet<OrderId> = beside
            .iter()
            .filter_map(|p| self.state.parcels.get(p.idx()).map(|p| p.order))
            .collect();
        let mass = beside.iter().map(|p| self.grams_of(*p)).sum();
        [mass, beside.len() as i32, orders.len() as i32]
    }

    /// Collections of a hub that no van has.
    fn waiting_collections(
        &mut self,
        now: Timestamp,
        frame: &LocalFrame,
        hub: FacilityId,
    ) -> Vec<Waiting> {
        self.planner.reviews.left_out_at.retain(|_, at| now.since(*at) < TRY_AGAIN);
        let mut waiting = Vec::new();
        for id in self.state.open.get(&hub).into_iter().flatten() {
            let order = &self.state.orders[id.idx()];
            let request = &order.order.request;
            let is_wanted = request.kind == OrderKind::Collection
                && request.handover == Handover::Door
                && !self.planner.is_reserved(*id)
                && !self.planner.reviews.left_out_at.contains_key(id);
            if !is_wanted {
                continue;
            }
            let stay = self.handover_time(request.n_parcels);
            let left = request.window.end.since(now) - stay - self.config.planning.slack_s;
            waiting.push(Waiting {
                order: *id,
                work: Work {
                    spot: self.spot(frame, order.stop_at),
                    earliest: request.window.start,
                    due: request.window.end,
                    stay,
                    load: [grams(order.order.mass()), i32::from(request.n_parcels), 1],
                },
                prize: prize(left),
            });
        }
        waiting.sort_by_key(|waiting| (waiting.work.due, waiting.order));
        waiting.truncate(WAITING_MAX);
        waiting
    }

    fn spot(&self, frame: &LocalFrame, at: rv_base::RoadPosition) -> Spot {
        let world: LatLon = self.world(at);
        let point = frame.to_local(world);
        Spot { at, point_m: (point.x_m, point.y_m) }
    }

    /// Takes a review: missions that are still as they were reviewed change.
    pub(crate) fn take_review(
        &mut self,
        now: Timestamp,
        hub: FacilityId,
        waiting: &[OrderId],
        reviewed: &[Reviewed],
    ) {
        for review in reviewed {
            if !self.change_mission(now, hub, review) {
                self.want_review(now, review.van);
            }
        }
        let open = self.state.open.get(&hub);
        let left_out = waiting.iter().filter(|id| open.is_some_and(|open| open.contains(id)));
        let left_out: Vec<(OrderId, Timestamp)> = left_out.map(|id| (*id, now)).collect();
        self.planner.reviews.left_out_at.extend(left_out);
    }

    /// Gives a van the stops of its review; false if its mission is another one by now, or the van has
    /// come too far.
    fn change_mission(&mut self, now: Timestamp, hub: FacilityId, review: &Reviewed) -> bool {
        let (van, state) = (review.van, &self.state.vans[review.van.idx()]);
        let is_as_reviewed = state.version == review.version
            && state.accepted == review.version
            && state.lost_until.is_none()
            && !state.is_halted;
        let mut old = self.drafts(van);
        let (true, Some(last)) = (is_as_reviewed, old.pop()) else { return false };
        let n_frozen = self.n_frozen(van).min(old.len());
        let open = self.state.open.get(&hub);
        let is_open = |id: &OrderId| open.is_some_and(|open| open.contains(id));
        let find = |id: StopId| old.iter().find(|draft| draft.id == Some(id)).cloned();
        let mut drafts: Vec<Draft> = review.frozen.iter().filter_map(|id| find(*id)).collect();
        for next in &review.stops {
            match next {
                Next::Kept(id) => drafts.extend(find(*id)),
                Next::New(order) if is_open(order) && !self.planner.is_reserved(*order) => {
                    drafts.push(self.handover_draft(&[*order], None));
                }
                Next::New(_) => {}
            }
        }
        let ids = |drafts: &[Draft]| drafts.iter().map(|d| d.id).collect::<Vec<_>>();
        let (new, was) = (ids(&drafts), ids(&old));
        if new.len() < n_frozen || new[..n_frozen] != was[..n_frozen] {
            return false;
        }
        if new != was {
            drafts.push(last);
            let lost = self.set_mission(now, van, drafts, Ways::Keep, MissionCause::Replanned);
            self.cannot_reach(now, van, &lost);
        }
        true
    }
}

/// The vans of a review: those whose order is sought anew, and those that come nearest to what waits.
fn choose(mut vans: Vec<ReviewVan>, waiting: &[Waiting]) -> Vec<ReviewVan> {
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    let asked = vans.iter_mut().enumerate().filter(|(_, van)| van.is_asked);
    for (n, (idx, van)) in asked.enumerate() {
        van.is_asked = n < VANS_ASKED_MAX;
        if van.is_asked {
            chosen.insert(idx);
        }
    }
    for waiting in waiting {
        let apart = |spot: &Spot| {
            let (a, b) = (spot.point_m, waiting.work.spot.point_m);
            Meters((a.0 - b.0).hypot(a.1 - b.1))
        };
        let nearest = |van: &ReviewVan| {
            let stops = van.stops.iter().map(|stop| apart(&stop.work.spot));
            stops.fold(apart(&van.begin), |a, b| if b < a { b } else { a })
        };
        let mut near: Vec<(Meters, usize)> =
            vans.iter().enumerate().map(|(idx, van)| (nearest(van), idx)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        chosen.extend(near.into_iter().take(VANS_NEAR).map(|(_, idx)| idx));
    }
    let mut idx = 0;
    vans.retain(|_| {
        idx += 1;
        chosen.contains(&(idx - 1))
    });
    vans
}
