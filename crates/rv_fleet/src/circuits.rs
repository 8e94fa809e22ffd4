//! Circuits: rounds at fixed hours from a hub to its stations and lockers.

use rv_base::{FacilityId, Kilograms, Seconds, TimeWindow, Timestamp};
use rv_model::{Handover, OrderKind, Template};

use crate::config::Circuit;
use crate::event::MissionCause;
use crate::fleet::{Fleet, Timer};
use crate::job::JobItem;

/// Most parcels that one item of a job holds.
const ITEM_PARCELS_MAX: u32 = 100;
/// Time after a missed departure for which a circuit is tried again.
const CIRCUIT_RETRY: Seconds = Seconds(5400.0);

impl Fleet {
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

    fn circuit_items(&self, now: Timestamp, circuit: &Circuit, until: Timestamp) -> Vec<JobItem> {
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

    /// Whether an order goes with a circuit that departs in time.
    pub(crate) fn waits_for_circuit(
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
    fn next_departure(&self, now: Timestamp, circuit: &Circuit) -> Option<Timestamp> {
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
}
