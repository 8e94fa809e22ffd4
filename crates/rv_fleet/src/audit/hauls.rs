//! Orders that make part of their way by truck: the audit's own books of trucks.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{FacilityId, OrderId, ParcelId, Timestamp};
use rv_model::{Order, OrderKind};

use super::Audit;
use crate::event::Custodian;
use crate::haul::{Haul, HaulLeg, RunId};

/// What is told of orders on trucks.
#[derive(Debug, Default)]
pub(super) struct Hauls {
    hub_of: BTreeMap<OrderId, FacilityId>,
    /// The drive that brings an order.
    brought_by: BTreeMap<OrderId, RunId>,
    /// The drive that an order leaves with, its departure, and the hub that it is to reach.
    leaves_by: BTreeMap<OrderId, (Option<(RunId, Timestamp)>, String)>,
    /// When each truck is expected to be unloaded, as last told.
    expected: BTreeMap<RunId, Timestamp>,
    moved: BTreeSet<(OrderId, RunId)>,
}

impl Hauls {
    /// True if an order is on its way here with a drive.
    pub(super) fn brings(&self, order: OrderId, run: RunId) -> bool {
        self.brought_by.get(&order) == Some(&run)
    }
}

impl Audit<'_> {
    pub(super) fn accept_hauled(&mut self, order: &Order, hub: FacilityId, haul: &Haul) {
        self.accept(order, hub);
        self.hauls.hub_of.insert(order.id, hub);
        let is_collection = order.request.kind == OrderKind::Collection;
        match haul {
            Haul::In(legs) => {
                self.check_way(order.id, legs);
                if is_collection {
                    self.violation(format!("collection {} comes by truck", order.id));
                }
                let Some(last) = legs.last() else { return };
                for parcel in order.parcels() {
                    self.custody.insert(parcel, Custodian::Truck(last.run));
                }
                self.hauls.brought_by.insert(order.id, last.run);
                self.hauls.expected.entry(last.run).or_insert(last.unloaded);
            }
            Haul::Out { to, legs } => {
                if !is_collection || !legs.is_empty() {
                    let id = order.id;
                    self.violation(format!("order {id} goes on by truck before it is collected"));
                }
                self.hauls.leaves_by.insert(order.id, (None, to.clone()));
            }
        }
    }

    pub(super) fn plan_haul(&mut self, order: OrderId, legs: &[HaulLeg]) {
        self.check_way(order, legs);
        let (first, last) = (legs.first(), legs.last());
        let Some((leg, to)) = self.hauls.leaves_by.get_mut(&order) else {
            return self.violation(format!("order {order} gets a way by truck but asks for none"));
        };
        *leg = first.map(|leg| (leg.run, leg.depart));
        if last.is_none_or(|leg| leg.to != *to) {
            let to = to.clone();
            self.violation(format!("order {order} does not get to {to} by truck"));
        }
    }

    pub(super) fn expect_truck(&mut self, run: RunId, unloaded: Timestamp) {
        if self.hauls.expected.insert(run, unloaded).is_none() {
            self.violation(format!("truck drive {run} is expected but brings nothing"));
        }
    }

    /// Drives follow each other in space and time.
    fn check_way(&mut self, order: OrderId, legs: &[HaulLeg]) {
        let mut wrong = legs.is_empty();
        for (i, leg) in legs.iter().enumerate() {
            wrong |= leg.unloaded <= leg.depart;
            if let Some(before) = i.checked_sub(1).map(|j| &legs[j]) {
                wrong |= before.to != leg.from || leg.depart < before.unloaded;
            }
        }
        if wrong {
            self.violation(format!("the way of order {order} by truck is broken"));
        }
    }

    /// Parcels leave a truck at their hub when it is there, and leave a hub with their own truck
    /// before it rolls, once they were handed in.
    pub(super) fn check_truck(&mut self, parcels: &[ParcelId], from: Custodian, to: Custodian) {
        let (run, hub, is_unloading) = match (from, to) {
            (Custodian::Truck(run), Custodian::Hub(hub)) => (run, hub, true),
            (Custodian::Hub(hub), Custodian::Truck(run)) => (run, hub, false),
            (Custodian::Truck(_), _) | (_, Custodian::Truck(_)) => {
                return self.violation(format!("parcels go from {from:?} to {to:?}"));
            }
            _ => return,
        };
        let orders: BTreeSet<OrderId> =
            parcels.iter().filter_map(|p| self.order_of.get(p).copied()).collect();
        for order in orders {
            if self.hauls.hub_of.get(&order) != Some(&hub) {
                self.violation(format!(
                    "order {order} changes trucks at a hub that is not its own"
                ));
            }
            if !self.hauls.moved.insert((order, run)) {
                // Parcels of one order may be moved one by one.
            } else if is_unloading {
                self.report.n_off_trucks += 1;
            } else {
                self.report.n_on_trucks += 1;
            }
            let now = self.last_at;
            if is_unloading {
                let is_early = self.hauls.expected.get(&run).is_none_or(|at| now < *at);
                if !self.hauls.brings(order, run) || is_early {
                    self.violation(format!(
                        "order {order} leaves truck drive {run}, which is not there"
                    ));
                }
                continue;
            }
            let leaves = self.hauls.leaves_by.get(&order).and_then(|(leg, _)| *leg);
            if leaves.is_none_or(|(own, depart)| own != run || now > depart) {
                self.violation(format!(
                    "order {order} leaves with truck drive {run}, which is not its own"
                ));
            }
            if self.orders.get(&order).is_some_and(|book| !book.has_ended) {
                self.violation(format!("order {order} leaves by truck before it is handed in"));
            }
        }
    }
}
