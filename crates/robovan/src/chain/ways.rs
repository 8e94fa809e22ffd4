//! The whole way of every order, read from the ledgers alone, and what contradicts the plan.
//!
//! This shares nothing with what ran the chain: it sees ledgers, the week and its plan.

use std::collections::BTreeMap;

use rv_base::{OrderId, TenantId, Timestamp};
use rv_fleet::{Custodian, Event, Haul, HaulLeg, OrderEnd, Record};
use rv_model::Order;
use rv_model::linehaul::{Week, WeekPlan};
use serde::Serialize;

use super::cities::midnight;

/// Slack between moments of the plan and of ledgers, which keep milliseconds, s.
const ROUNDING_S: f64 = 0.01;

/// What one ledger says of an order that makes part of its way by truck.
#[derive(Default)]
struct Half {
    order: Option<Order>,
    legs: Vec<HaulLeg>,
    to: String,
    collected: Option<Timestamp>,
    /// A collection at the hub.
    handed_in: Option<Timestamp>,
    on_truck: Option<Timestamp>,
    off_truck: Option<Timestamp>,
    /// Parcels on or off the truck.
    n_moved: usize,
    on_van: Option<Timestamp>,
    end: Option<OrderEnd>,
    n_accepted: u32,
}

/// The way of one order, from door to door.
#[derive(Debug, Serialize)]
pub(super) struct Way {
    pub(super) key: String,
    pub(super) tenant: u16,
    pub(super) parcels: u16,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) collected: Option<String>,
    pub(super) handed_in: Option<String>,
    /// Drives, as `from-to depart unloaded`.
    pub(super) drives: Vec<String>,
    pub(super) unloaded: Option<String>,
    pub(super) on_van: Option<String>,
    pub(super) delivered: Option<String>,
    /// Where it stands in the end.
    pub(super) status: &'static str,
}

/// What all ways come to.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sums {
    pub(super) handed_in: usize,
    pub(super) on_trucks: usize,
    pub(super) off_trucks: usize,
    pub(super) delivered: usize,
    /// Of these, in their window.
    pub(super) on_time: usize,
}

/// Ledgers of both days of a city, and its hub in the week.
pub(super) struct Book<'a> {
    pub(super) hub: &'a str,
    pub(super) days: [&'a [Record]; 2],
}

/// All ways by key, their sums, and everything that contradicts itself or the plan.
pub(super) fn read(
    books: &[Book<'_>],
    consignments: &BTreeMap<String, String>,
    week: &Week,
    plan: &WeekPlan,
) -> (Vec<Way>, Sums, Vec<String>) {
    type Key = (TenantId, String);
    let mut outs: BTreeMap<Key, (&str, Half)> = BTreeMap::new();
    let mut ins: BTreeMap<Key, (&str, Half)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for book in books {
        for (day, records) in book.days.iter().enumerate() {
            for (key, half) in halves(records) {
                let side = if day == 0 { &mut outs } else { &mut ins };
                if half.n_accepted > 1 || side.insert(key.clone(), (book.hub, half)).is_some() {
                    wrong.push(format!("order {} is taken on twice", key.1));
                }
            }
        }
    }
    let (mut ways, mut sums) = (Vec::new(), Sums::default());
    for (key, (hub, out)) in &outs {
        let into = ins.remove(key);
        let into = into.as_ref().map(|(hub, half)| (*hub, half));
        judge(&key.1, (hub, out), into, consignments, week, plan, &mut wrong);
        sums.add(out, into.map(|(_, half)| half));
        ways.push(way(key, hub, out, into.map(|(_, half)| half)));
    }
    wrong.extend(ins.keys().map(|key| format!("order {} comes from nowhere", key.1)));
    (ways, sums, wrong)
}

/// What a ledger says of orders with a truck.
fn halves(records: &[Record]) -> BTreeMap<(TenantId, String), Half> {
    let mut halves: BTreeMap<OrderId, Half> = BTreeMap::new();
    let mut order_of = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::HaulAccepted { order, haul, .. } => {
                let half = halves.entry(order.id).or_default();
                half.n_accepted += 1;
                order.parcels().for_each(|p| {
                    order_of.insert(p, order.id);
                });
                half.order = Some(order.clone());
                match haul {
                    Haul::In(legs) => half.legs.clone_from(legs),
                    Haul::Out { to, .. } => half.to.clone_from(to),
                }
            }
            Event::HaulPlanned { order, legs } => {
                if let Some(half) = halves.get_mut(order) {
                    half.legs.clone_from(legs);
                }
            }
            Event::ParcelsMoved { parcels, from, to } => {
                for parcel in parcels {
                    let half = order_of.get(parcel).and_then(|id| halves.get_mut(id));
                    let Some(half) = half else { continue };
                    match (from, to) {
                        (Custodian::Sender, _) => half.collected = Some(record.at),
                        (Custodian::Truck(_), _) => {
                            half.off_truck = Some(record.at);
                            half.n_moved += 1;
                        }
                        (_, Custodian::Truck(_)) => {
                            half.on_truck = Some(record.at);
                            half.n_moved += 1;
                        }
                        (Custodian::Van(_), Custodian::Hub(_)) => half.handed_in = Some(record.at),
                        (_, Custodian::Van(_)) => half.on_van = Some(record.at),
                        _ => {}
                    }
                }
            }
            Event::OrderEnded { order, end } => {
                if let Some(half) = halves.get_mut(order) {
                    half.end = Some(*end);
                }
            }
            _ => {}
        }
    }
    let key = |half: Half| {
        let request = half.order.as_ref().map(|o| (o.request.tenant, o.request.key.clone()))?;
        Some((request, half))
    };
    halves.into_values().filter_map(key).collect()
}

/// Holds both halves of an order's way against each other and against the plan.
fn judge(
    key: &str,
    (hub, out): (&str, &Half),
    into: Option<(&str, &Half)>,
    consignments: &BTreeMap<String, String>,
    week: &Week,
    plan: &WeekPlan,
    wrong: &mut Vec<String>,
) {
    let mut say = |text: &str| wrong.push(format!("order {key} {text}"));
    let parcels = |half: &Half| half.order.as_ref().map_or(0, |o| usize::from(o.request.n_parcels));
    if out.on_truck.is_some() && out.n_moved != parcels(out) {
        say("left with some of its parcels only");
    }
    if let (Some(on), Some(at)) = (out.on_truck, out.handed_in)
        && on < at
    {
        say("left before it was handed in");
    }
    let Some((to, half)) = into else {
        if out.on_truck.is_some() {
            say("left by truck and came nowhere");
        }
        return;
    };
    if out.on_truck.is_none() {
        say("comes by truck but never left by one");
    }
    if parcels(out) != parcels(half) || (half.off_truck.is_some() && half.n_moved != parcels(half))
    {
        say("changed its number of parcels on the way");
    }
    if out.legs.iter().map(|l| (l.run, l.depart)).ne(half.legs.iter().map(|l| (l.run, l.depart))) {
        say("goes by other trucks than it comes by");
    }
    let ends = (out.legs.first().map(|l| l.from.as_str()), out.legs.last().map(|l| l.to.as_str()));
    if ends != (Some(hub), Some(to)) || out.to != to {
        say("goes to another hub than that of its city");
    }
    // The plan says the same of its consignment.
    let root = consignments.get(key).map_or(key, String::as_str);
    let rides = (week.commodities.iter().zip(&plan.itineraries))
        .find(|(com, _)| com.key == root)
        .map_or(&[] as &[u32], |(_, rides)| rides.as_slice());
    let is_planned = rides.len() == out.legs.len()
        && rides.iter().zip(&out.legs).all(|(&d, leg)| {
            let row = &plan.departures[d as usize];
            let lane = &week.lanes[row.lane as usize];
            let depart_s = leg.depart.since(midnight(0)).0;
            leg.run.0 == d
                && week.hubs[lane.from as usize].name == leg.from
                && week.hubs[lane.to as usize].name == leg.to
                && (depart_s - row.depart_s).abs() < ROUNDING_S
                && leg.unloaded.since(leg.depart).0
                    >= lane.travel_s + week.costs.unload_s - ROUNDING_S
        });
    if !is_planned {
        say("goes otherwise than the plan says");
    }
    if let (Some(off), Some(last)) = (half.off_truck, out.legs.last())
        && off < last.unloaded
    {
        say("is unloaded before its truck can be there");
    }
    if let (Some(on), Some(off)) = (half.on_van, half.off_truck)
        && on < off
    {
        say("is on a van before its truck is unloaded");
    }
}

impl Sums {
    fn add(&mut self, out: &Half, into: Option<&Half>) {
        self.handed_in += usize::from(out.handed_in.is_some());
        self.on_trucks += usize::from(out.on_truck.is_some());
        let Some(half) = into else { return };
        self.off_trucks += usize::from(half.off_truck.is_some());
        if let Some(OrderEnd::Delivered { at, .. }) = half.end {
            self.delivered += 1;
            let window = half.order.as_ref().map(|o| o.request.window);
            self.on_time += usize::from(window.is_some_and(|w| w.contains(at)));
        }
    }
}

fn way(key: &(TenantId, String), hub: &str, out: &Half, into: Option<&Half>) -> Way {
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let delivered = into.and_then(|half| match half.end {
        Some(OrderEnd::Delivered { at, .. }) => Some(at),
        _ => None,
    });
    let status = match (into, out.on_truck, out.handed_in) {
        _ if delivered.is_some() => "delivered",
        (Some(half), ..) if half.end.is_some() => "returned in the other city",
        (Some(_), ..) => "in the other city",
        (None, Some(_), _) => "refused by the other city",
        (None, None, Some(_)) => "at its first hub",
        (None, None, None) => "not collected",
    };
    Way {
        key: key.1.clone(),
        tenant: key.0.0,
        parcels: out.order.as_ref().map_or(0, |o| o.request.n_parcels),
        from: hub.to_owned(),
        to: out.to.clone(),
        collected: text(out.collected),
        handed_in: text(out.handed_in),
        drives: (out.legs.iter())
            .map(|leg| format!("{}-{} {} {}", leg.from, leg.to, leg.depart, leg.unloaded))
            .collect(),
        unloaded: text(into.and_then(|half| half.off_truck)),
        on_van: text(into.and_then(|half| half.on_van)),
        delivered: text(delivered),
        status,
    }
}
