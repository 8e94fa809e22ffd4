//! Orders that come from another city by truck, or go on to one: where a city's day joins the
//! line-haul.
//!
//! What a truck brings is at the hub when the truck is unloaded, and not before: until then its
//! orders wait, and a truck that is late makes them wait longer. What goes on by truck is collected
//! like anything else, ends in this city when it is handed in at the hub, and is the truck's from
//! the moment of loading. Keys are the same in every city that an order sees, and in the line-haul
//! plan.

use rv_base::{FacilityId, OrderId, ParcelId, TenantId, Timestamp};
use rv_model::{OrderKind, OrderRequest, ReturnReason};
use serde::{Deserialize, Serialize};

use crate::event::{Custodian, DeliveredHow, Event, OrderEnd};
use crate::fleet::Fleet;
use crate::io::{Actor, Done, Rejection};

/// Most drives of one way.
pub const MAX_LEGS: usize = 32;

/// A truck's drive from hub to hub: the number of a departure of the line-haul plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u32);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One drive of an order's way by truck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaulLeg {
    /// The drive.
    pub run: RunId,
    /// Hub of the line-haul network that it leaves.
    pub from: String,
    /// Hub that it enters.
    pub to: String,
    /// When wheels roll.
    pub depart: Timestamp,
    /// When its freight is unloaded.
    pub unloaded: Timestamp,
}

/// Which part of its way an order makes by truck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Haul {
    /// It comes by truck; the last drive ends here.
    In(Vec<HaulLeg>),
    /// It goes on by truck, to this hub of the line-haul network, once it is collected; the drives
    /// are empty until they are planned.
    Out {
        /// Where to.
        to: String,
        /// The drives.
        legs: Vec<HaulLeg>,
    },
}

impl Haul {
    /// The drive that ends here, if it comes by truck.
    pub fn last_in(&self) -> Option<&HaulLeg> {
        match self {
            Self::In(legs) => legs.last(),
            Self::Out { .. } => None,
        }
    }

    /// The drive that begins here, if it goes on by truck and that is planned.
    pub fn first_out(&self) -> Option<&HaulLeg> {
        match self {
            Self::Out { legs, .. } => legs.first(),
            Self::In(_) => None,
        }
    }
}

/// True if drives follow each other in space and time.
pub(crate) fn is_way(legs: &[HaulLeg]) -> bool {
    (1..=MAX_LEGS).contains(&legs.len())
        && legs.iter().all(|leg| leg.depart < leg.unloaded)
        && legs
            .windows(2)
            .all(|pair| pair[0].to == pair[1].from && pair[0].unloaded <= pair[1].depart)
}

/// Where an order that makes part of its way by truck enters or leaves the city.
pub(crate) struct Via {
    pub(crate) hub: FacilityId,
    pub(crate) haul: Haul,
}

impl Fleet {
    /// Takes on an order that comes or goes on by truck.
    pub(crate) fn place_hauled(
        &mut self,
        now: Timestamp,
        actor: Actor,
        request: OrderRequest,
        via: Via,
    ) -> Result<Done, Rejection> {
        let is_known = self.planner.hubs(&self.config).iter().any(|(hub, _)| *hub == via.hub);
        let fits = match &via.haul {
            Haul::In(legs) => request.kind != OrderKind::Collection && is_way(legs),
            Haul::Out { legs, .. } => request.kind == OrderKind::Collection && legs.is_empty(),
        };
        if !is_known || !fits {
            return Err(Rejection::InvalidHaul);
        }
        let placed = self.place(now, actor, request, Some(via));
        placed.map(Done::Placed).map_err(Rejection::Refused)
    }

    /// An order that goes on by truck has its drives, or other ones.
    pub(crate) fn plan_haul(
        &mut self,
        now: Timestamp,
        tenant: TenantId,
        key: &str,
        legs: Vec<HaulLeg>,
    ) -> Result<Done, Rejection> {
        let id = self.state.keys.get(&(tenant, key.to_owned())).copied();
        let id = id.ok_or(Rejection::UnknownKey)?;
        let order = &self.state.orders[id.idx()];
        let to = match &order.haul {
            Some(Haul::Out { to, .. }) => to,
            _ => return Err(Rejection::InvalidHaul),
        };
        if !is_way(&legs) || legs.last().is_none_or(|leg| leg.to != *to) {
            return Err(Rejection::InvalidHaul);
        }
        let has_left = order
            .order
            .parcels()
            .any(|p| matches!(self.state.parcels[p.idx()].custodian, Custodian::Truck(_)));
        if has_left {
            return Err(Rejection::OrderTooFar(id));
        }
        self.emit(now, Event::HaulPlanned { order: id, legs });
        Ok(Done::Done)
    }

    /// A truck is expected at another time. What it brings waits for that.
    pub(crate) fn expect_truck(
        &mut self,
        now: Timestamp,
        run: RunId,
        unloaded: Timestamp,
    ) -> Result<Done, Rejection> {
        if !self.state.on_trucks.contains_key(&run) {
            return Err(Rejection::UnknownTruck(run));
        }
        self.emit(now, Event::TruckExpected { run, unloaded });
        Ok(Done::Done)
    }

    /// A truck is unloaded at the hub: what it brought may be planned.
    pub(crate) fn unload_truck(&mut self, now: Timestamp, run: RunId) -> Result<Done, Rejection> {
        let orders: Vec<OrderId> =
            self.state.on_trucks.get(&run).into_iter().flatten().copied().collect();
        if orders.is_empty() {
            return Err(Rejection::UnknownTruck(run));
        }
        for id in orders {
            let order = &self.state.orders[id.idx()];
            let hub = order.hub;
            let parcels: Vec<ParcelId> = order.order.parcels().collect();
            let (from, to) = (Custodian::Truck(run), Custodian::Hub(hub));
            self.emit(now, Event::ParcelsMoved { parcels, from, to });
            self.settle(now, id);
            self.wake_hub(now, hub);
        }
        Ok(Done::Done)
    }

    /// A truck is loaded: whatever is to go with it and is at the hub goes.
    pub(crate) fn load_truck(&mut self, now: Timestamp, run: RunId) -> Result<Done, Rejection> {
        let is_for = |order: &&crate::state::OrderState| {
            let first = order.haul.as_ref().and_then(Haul::first_out);
            let how = order.end.map(|end| match end {
                OrderEnd::Delivered { how, .. } => Some(how),
                OrderEnd::Returned(_) | OrderEnd::Cancelled => None,
            });
            first.is_some_and(|leg| leg.run == run)
                && matches!(how.flatten(), Some(DeliveredHow::Hub(_)))
        };
        let moves: Vec<(FacilityId, Vec<ParcelId>)> = (self.state.orders.iter())
            .filter(is_for)
            .map(|order| {
                let at_hub = |p: &ParcelId| {
                    self.state.parcels[p.idx()].custodian == Custodian::Hub(order.hub)
                };
                (order.hub, order.order.parcels().filter(at_hub).collect())
            })
            .collect();
        if moves.is_empty() {
            return Err(Rejection::UnknownTruck(run));
        }
        for (hub, parcels) in moves.into_iter().filter(|(_, parcels)| !parcels.is_empty()) {
            let (from, to) = (Custodian::Hub(hub), Custodian::Truck(run));
            self.emit(now, Event::ParcelsMoved { parcels, from, to });
        }
        Ok(Done::Done)
    }

    /// Ends what no truck brought in time.
    pub(crate) fn give_up_hauled(&mut self, now: Timestamp) {
        let grace = self.config.policy.grace_s;
        let over: Vec<OrderId> = (self.state.on_trucks.values().flatten().copied())
            .filter(|id| {
                let order = &self.state.orders[id.idx()];
                let is_over = now > order.order.request.window.end + grace;
                !order.status.is_final() && (self.state.is_day_closed || is_over)
            })
            .collect();
        for id in over {
            self.finish(now, id, OrderEnd::Returned(ReturnReason::TruckLate));
        }
    }

    /// When an order that comes by truck is at the hub; nothing for others.
    pub fn released(&self, id: OrderId) -> Option<Timestamp> {
        let order = self.state.order(id)?;
        order.haul.as_ref()?.last_in().map(|leg| leg.unloaded)
    }
}

impl crate::state::State {
    /// True while an order's parcels are with a truck that brings them.
    pub(crate) fn is_on_truck(&self, id: OrderId) -> bool {
        let Some(order) = self.order(id) else { return false };
        order.order.parcels().any(|p| {
            matches!(self.parcels.get(p.idx()).map(|p| p.custodian), Some(Custodian::Truck(_)))
        })
    }
}

/// An order that comes too late for its window, at the latest known arrival, is refused.
pub(crate) fn release_of(via: Option<&Via>, now: Timestamp) -> Timestamp {
    via.and_then(|via| via.haul.last_in()).map_or(now, |leg| leg.unloaded.max(now))
}

/// What a truck brings is with it at first.
pub(crate) fn first_custodian(kind: OrderKind, hub: FacilityId, haul: Option<&Haul>) -> Custodian {
    match (kind, haul.and_then(Haul::last_in)) {
        (_, Some(leg)) => Custodian::Truck(leg.run),
        (OrderKind::Collection, None) => Custodian::Sender,
        (OrderKind::Delivery | OrderKind::Replenishment, None) => Custodian::Hub(hub),
    }
}
