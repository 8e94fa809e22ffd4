//! Between the cities: what was handed in becomes freight of the week, and the plan's trucks become
//! the ways of orders.

use std::collections::BTreeMap;

use rv_base::{Rng, Seconds, Timestamp};
use rv_fleet::{HaulLeg, RunId};
use rv_linehaul::{Budget, Effort, Times, check_replan, check_week, replan_week, solve_week};
use rv_model::linehaul::{Commodity, Disruption, LateFreight, Replan, Week};

use super::cities::midnight;
use super::spec::{Crossing, Late};
use crate::output::{HintExt, error_with_hint};

/// From handing in at the hub to the dock.
const TO_DOCK: Seconds = Seconds(900.0);
/// The plan is made so long after the last order was handed in.
const PLANNING: Seconds = Seconds(300.0);

/// How orders go on between the cities.
pub(super) struct Hauled {
    /// The week with the orders' freight, the plan that ran and the one that carries them.
    pub(super) week: Week,
    pub(super) running: Replan,
    pub(super) new: Replan,
    /// When it was made.
    pub(super) at: Timestamp,
    /// The drives of every consignment that gets to its city, by its key, as planned.
    pub(super) legs: BTreeMap<String, Vec<HaulLeg>>,
    /// Consignments that do not, or not in time.
    pub(super) late: Vec<(String, LateFreight)>,
    pub(super) cost: f64,
    /// Freight of the week itself that goes otherwise than before.
    pub(super) n_moved: usize,
}

/// Plans the week as it was, then anew with the orders that were handed in. `hubs` are the hubs of
/// the cities, `handed_in` says when each order was at its first.
pub(super) fn plan(
    week: &Week,
    crossings: &[Crossing],
    hubs: &[u32],
    handed_in: &BTreeMap<String, Timestamp>,
    (steps, seed): (u64, u64),
) -> anyhow::Result<Hauled> {
    let rng = Rng::from_seed(seed);
    let budget = Budget::steps(steps);
    let found = solve_week(week, Effort::Search, &budget, &rng.fork("week"), &mut |_, _| {})
        .hint("the week is wrong", "docs/linehaul.md describes its fields")?;
    if let Some(wrong) = check_week(week, &found.plan).violations.first() {
        return Err(error_with_hint(
            format!("the week's own freight cannot be planned: {wrong}"),
            "give it more trucks, docks or steps",
        ));
    }
    let running = Replan { at_s: 0.0, events: Vec::new(), plan: found.plan };
    let Some(last) = handed_in.values().max() else {
        return Err(error_with_hint(
            "no order was handed in at its hub",
            "see why in the ledgers: give the cities more vans or wider windows",
        ));
    };
    let at = *last + PLANNING;
    let freight = freight(crossings, hubs, handed_in);
    let events = [Disruption::Surge { commodities: freight.clone() }];
    let at_s = at.since(midnight(0)).0;
    let outcome = replan_week(week, &running, at_s, &events, &budget, &rng.fork("surge"))
        .hint("the orders cannot be planned", "docs/linehaul.md describes weeks")?;
    let report = check_replan(&outcome.week, &running.plan, &outcome.new);
    if let Some(wrong) = report.violations.first() {
        return Err(error_with_hint(
            format!("the plan of the orders is wrong: {wrong}"),
            "this is a fault of the program; please report it",
        ));
    }
    let times = Times::new(&outcome.week, &outcome.new.events)
        .hint("the week is wrong", "docs/linehaul.md describes its fields")?;
    let n_own = week.commodities.len();
    let mut legs = BTreeMap::new();
    for (com, rides) in
        outcome.week.commodities[n_own..].iter().zip(&outcome.new.plan.itineraries[n_own..])
    {
        let way: Vec<HaulLeg> = rides
            .iter()
            .filter_map(|&d| {
                let row = outcome.new.plan.departures.get(d as usize)?;
                let moments = times.of_departure(row)?;
                let lane = &outcome.week.lanes[row.lane as usize];
                let name = |hub: u32| outcome.week.hubs[hub as usize].name.clone();
                Some(HaulLeg {
                    run: RunId(d),
                    from: name(lane.from),
                    to: name(lane.to),
                    depart: moment(moments.depart_s),
                    unloaded: moment(moments.unloaded_s),
                })
            })
            .collect();
        let is_there = way
            .last()
            .is_some_and(|leg| leg.to == outcome.week.hubs[com.destination as usize].name);
        if is_there {
            legs.insert(com.key.clone(), way);
        }
    }
    let late = (outcome.new.plan.late.iter())
        .filter(|row| row.commodity as usize >= n_own)
        .map(|row| (outcome.week.commodities[row.commodity as usize].key.clone(), *row))
        .collect();
    Ok(Hauled {
        n_moved: outcome.moved.len(),
        cost: report.cost,
        week: outcome.week,
        running,
        new: outcome.new,
        at,
        legs,
        late,
    })
}

/// One commodity for every consignment of which anything was handed in; it is ready when the last
/// of it is, and due when the first of its windows opens.
fn freight(
    crossings: &[Crossing],
    hubs: &[u32],
    handed_in: &BTreeMap<String, Timestamp>,
) -> Vec<Commodity> {
    let mut freight: BTreeMap<&str, Commodity> = BTreeMap::new();
    for c in crossings {
        let Some(at) = handed_in.get(&c.collect.key) else { continue };
        let release_s = (*at + TO_DOCK).since(midnight(0)).0;
        let due_s = c.deliver.window.start.since(midnight(0)).0;
        let size_kg = c.collect.parcel_mass.0 * f64::from(c.collect.n_parcels);
        let row = freight.entry(&c.consignment).or_insert_with(|| Commodity {
            key: c.consignment.clone(),
            origin: hubs[c.from],
            destination: hubs[c.to],
            size_kg: 0.0,
            volume_m3: 0.0,
            value: 0.0,
            tenant: format!("{}", c.collect.tenant),
            release_s,
            due_s,
        });
        row.size_kg += size_kg;
        row.release_s = row.release_s.max(release_s);
        row.due_s = row.due_s.min(due_s).max(row.release_s);
    }
    freight.into_values().collect()
}

/// When each drive really ends if some trucks are late; a truck waits for freight that comes late,
/// so later drives of a way are late too.
pub(super) fn really_unloaded(hauled: &Hauled, late: &[Late]) -> BTreeMap<RunId, Timestamp> {
    let load = Seconds(hauled.week.costs.load_s);
    let mut delay: BTreeMap<RunId, Seconds> = BTreeMap::new();
    let of_lane = |leg: &HaulLeg| {
        let rows = late.iter().filter(|l| l.from == leg.from && l.to == leg.to);
        rows.map(|l| l.minutes * 60.0).fold(0.0, f64::max)
    };
    // Ways are no longer than their hubs are many: delays settle within so many rounds.
    for _ in 0..=hauled.week.hubs.len() {
        for way in hauled.legs.values() {
            let mut there: Option<Timestamp> = None;
            for leg in way {
                let waits = there.map_or(0.0, |at| (at + load).since(leg.depart).0.max(0.0));
                let own = of_lane(leg) + waits;
                let known = delay.entry(leg.run).or_insert(Seconds::ZERO);
                *known = known.max(Seconds(own));
                there = Some(leg.unloaded + *known);
            }
        }
    }
    let unloaded = |run: RunId, by: Seconds| {
        let leg = hauled.legs.values().flatten().find(|leg| leg.run == run);
        leg.map(|leg| (run, leg.unloaded + by))
    };
    delay.iter().filter_map(|(run, by)| unloaded(*run, *by)).collect()
}

fn moment(week_s: f64) -> Timestamp {
    midnight(0) + Seconds(week_s)
}
