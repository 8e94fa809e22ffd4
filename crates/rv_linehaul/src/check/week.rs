//! Checks plans of weeks in continuous time, truck by truck and hub by hub.

use std::fmt;

use rv_model::linehaul::{
    Disruption, LateFreight, LateReason, Leg, Replan, TruckWeek, Week, WeekPlan,
};

/// Slack for sums of floating-point times, s, and of shares.
const TOLERANCE: f64 = 1e-4;
/// Slack of an earliest arrival, s.
const EARLIEST_TOLERANCE_S: f64 = 1.0;

/// What the checker found.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekReport {
    /// The plan's cost, recomputed.
    pub cost: f64,
    /// Distance driven without freight, m.
    pub empty_m: f64,
    /// Distance driven with freight, m.
    pub loaded_m: f64,
    /// Commodities that do not arrive in time.
    pub n_late: usize,
    /// Those of them that do not arrive at all.
    pub n_left: usize,
    /// Those of them that could have arrived in time with more trucks and docks.
    pub n_short: usize,
    /// Everything that is wrong with it.
    pub violations: Vec<WeekViolation>,
}

/// Something that is wrong with a plan: of what kind, where, and by how much.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekViolation {
    /// What is wrong.
    pub what: &'static str,
    /// Which commodity, departure, truck or hub.
    pub idx: usize,
    /// What is.
    pub is: f64,
    /// What it should be, or its limit.
    pub limit: f64,
}

impl fmt::Display for WeekViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (number {}): {} where {} is right", self.what, self.idx, self.is, self.limit)
    }
}

/// Checks a week's plan and recomputes its cost.
pub fn check_week(week: &Week, plan: &WeekPlan) -> WeekReport {
    Check::new(week, &[], 0.0).whole(plan, None)
}

/// Checks a plan that was made while `old` ran: what had begun by then is kept, nothing new begins
/// earlier, and closed hubs and lanes and lost trucks do what they can do. `week` is the week with
/// the freight that events brought.
pub fn check_replan(week: &Week, old: &WeekPlan, new: &Replan) -> WeekReport {
    Check::new(week, &new.events, new.at_s).whole(&new.plan, Some(old))
}

pub(super) struct Check<'a> {
    pub(super) week: &'a Week,
    pub(super) events: &'a [Disruption],
    /// When a new plan was made; what began by then may do what has become forbidden.
    pub(super) at_s: f64,
    pub(super) report: WeekReport,
}

impl<'a> Check<'a> {
    fn new(week: &'a Week, events: &'a [Disruption], at_s: f64) -> Self {
        let report = WeekReport {
            cost: 0.0,
            empty_m: 0.0,
            loaded_m: 0.0,
            n_late: 0,
            n_left: 0,
            n_short: 0,
            violations: Vec::new(),
        };
        Self { week, events, at_s, report }
    }

    fn whole(mut self, plan: &WeekPlan, old: Option<&WeekPlan>) -> WeekReport {
        if self.names(plan) {
            let loads = self.itineraries(plan, old);
            self.departures(plan, &loads, old);
            self.hubs(plan, &loads);
            self.trucks(plan, old);
            if let Some(old) = old {
                self.kept(plan, old);
            }
        }
        self.report
    }

    pub(super) fn wrong(&mut self, what: &'static str, idx: usize, is: f64, limit: f64) {
        self.report.violations.push(WeekViolation { what, idx, is, limit });
    }

    fn at_most(&mut self, what: &'static str, idx: usize, is: f64, limit: f64) {
        if is.is_nan() || is > limit + TOLERANCE + 1e-9 * limit.abs() {
            self.wrong(what, idx, is, limit);
        }
    }

    /// True if everything that is named exists.
    fn names(&mut self, plan: &WeekPlan) -> bool {
        let week = self.week;
        let (n_lanes, n_departures) = (week.lanes.len(), plan.departures.len());
        for (d, row) in plan.departures.iter().enumerate() {
            if row.lane as usize >= n_lanes || row.class as usize >= week.classes.len() {
                self.wrong("departure names an unknown lane or class", d, row.lane.into(), 0.0);
            } else if !row.depart_s.is_finite() || row.n_trucks == 0 {
                self.wrong("departure has no moment or no trucks", d, row.depart_s, 0.0);
            }
        }
        if plan.itineraries.len() != week.commodities.len() {
            let (is, limit) = (plan.itineraries.len() as f64, week.commodities.len() as f64);
            self.wrong("number of itineraries", 0, is, limit);
        }
        for (k, rides) in plan.itineraries.iter().enumerate() {
            if rides.iter().any(|&d| d as usize >= n_departures) {
                self.wrong("commodity rides an unknown departure", k, 0.0, 0.0);
            }
        }
        for (t, truck) in plan.trucks.iter().enumerate() {
            let is_known = (truck.fleet as usize) < week.fleets.len()
                && truck.legs.iter().all(|leg| match *leg {
                    Leg::Service { departure } => (departure as usize) < n_departures,
                    Leg::Empty { lane, .. } => (lane as usize) < n_lanes,
                    Leg::Charge { .. } => true,
                });
            if !is_known {
                self.wrong("truck names an unknown fleet, departure or lane", t, 0.0, 0.0);
            }
        }
        self.report.violations.is_empty()
    }

    /// Follows every commodity; gives the freight on each departure: kg, m3.
    fn itineraries(&mut self, plan: &WeekPlan, old: Option<&WeekPlan>) -> Vec<(f64, f64)> {
        let week = self.week;
        let costs = &week.costs;
        let mut loads = vec![(0.0, 0.0); plan.departures.len()];
        for (k, com) in week.commodities.iter().enumerate() {
            let excuse = plan.late.iter().find(|late| late.commodity as usize == k);
            let (mut at, mut ready_s, mut held_s) = (com.origin, com.release_s, 0.0);
            // From where and when another way could have been taken.
            let mut free_from = (com.origin, com.release_s.max(self.at_s));
            for &d in &plan.itineraries[k] {
                let row = &plan.departures[d as usize];
                let lane = &week.lanes[row.lane as usize];
                let begins_s = row.depart_s - costs.load_s;
                if lane.from != at {
                    let what = "commodity is not where its departure leaves";
                    self.wrong(what, k, at.into(), lane.from.into());
                }
                self.at_most("commodity misses its loading", k, ready_s, begins_s);
                held_s += (begins_s - ready_s).max(0.0);
                at = lane.to;
                ready_s = self.unloading_s(row.lane, row.depart_s) + costs.unload_s;
                if old.is_some() && begins_s <= self.at_s {
                    free_from = (at, ready_s.max(self.at_s));
                }
                loads[d as usize].0 += com.size_kg;
                loads[d as usize].1 += com.volume_m3;
                self.report.cost += costs.handling_per_kg * com.size_kg;
            }
            self.report.cost += costs.holding_per_kg_h * com.size_kg * held_s / 3600.0;
            let is_there = at == com.destination;
            let late_h = (ready_s - com.due_s) / 3600.0;
            if is_there && late_h > 0.0 {
                let rate = costs.lateness_per_kg_h.unwrap_or(0.0);
                self.report.cost += rate * com.size_kg * late_h;
            }
            match excuse {
                Some(late) => {
                    let arrival_s = is_there.then_some(ready_s);
                    self.excused(k, late, arrival_s, free_from);
                }
                None if is_there => self.at_most("commodity is late", k, ready_s, com.due_s),
                None => {
                    let hubs = (f64::from(at), f64::from(com.destination));
                    self.wrong("commodity does not reach its hub", k, hubs.0, hubs.1);
                }
            }
        }
        loads
    }

    /// Judges what is said about freight that does not arrive in time.
    fn excused(
        &mut self,
        k: usize,
        late: &LateFreight,
        arrival_s: Option<f64>,
        free_from: (u32, f64),
    ) {
        let com = &self.week.commodities[k];
        self.report.n_late += 1;
        self.report.n_left += usize::from(arrival_s.is_none());
        if late.reason == LateReason::Shortage {
            self.report.n_short += 1;
            return;
        }
        let earliest_s = if free_from.0 == com.destination {
            arrival_s.unwrap_or(f64::INFINITY)
        } else {
            self.least_arrival_s(free_from, com.destination)
        };
        if earliest_s <= com.due_s {
            self.wrong("commodity is called late, but could arrive", k, earliest_s, com.due_s);
        }
        let said_s = late.earliest_arrival_s.unwrap_or(f64::INFINITY);
        if said_s != earliest_s && (said_s - earliest_s).abs() > EARLIEST_TOLERANCE_S {
            self.wrong("earliest arrival of a commodity", k, said_s, earliest_s);
        }
    }

    fn departures(&mut self, plan: &WeekPlan, loads: &[(f64, f64)], old: Option<&WeekPlan>) {
        let week = self.week;
        let mut n_sent = vec![0_u32; plan.departures.len()];
        for leg in plan.trucks.iter().flat_map(|truck| &truck.legs) {
            if let Leg::Service { departure } = leg {
                n_sent[*departure as usize] += 1;
            }
        }
        for (d, row) in plan.departures.iter().enumerate() {
            let lane = &week.lanes[row.lane as usize];
            let class = &week.classes[row.class as usize];
            let n = f64::from(row.n_trucks);
            self.at_most("departure is overloaded", d, loads[d].0, class.payload_kg * n);
            let fits_m3 = class.volume_m3.unwrap_or(f64::INFINITY) * n;
            self.at_most("departure is overfull", d, loads[d].1, fits_m3);
            if n_sent[d] != row.n_trucks {
                self.wrong("trucks of a departure", d, n_sent[d].into(), row.n_trucks.into());
            }
            if !lane.classes.contains(&row.class) {
                self.wrong("class is not permitted on the lane", d, row.class.into(), 0.0);
            }
            if !lane.is_open(row.class, row.depart_s) {
                self.wrong("lane is closed at this hour", d, row.depart_s, 0.0);
            }
            let begins_s = row.depart_s - week.costs.load_s;
            if !(self.is_hub_in_hours(lane.from, begins_s, row.depart_s)) {
                self.wrong("hub is closed at this hour", lane.from as usize, begins_s, 0.0);
            }
            let is_kept = old.is_some() && begins_s <= self.at_s;
            if !is_kept {
                let is_free = self.is_undisturbed(Some(lane.from), None, begins_s, row.depart_s)
                    && self.is_undisturbed(None, Some(row.lane), row.depart_s, row.depart_s);
                if !is_free {
                    self.wrong("hub or lane is closed", d, row.depart_s, 0.0);
                }
                self.at_most("departure begins before the new plan", d, -begins_s, -self.at_s);
            }
            let end_s = f64::from(week.hours) * 3600.0;
            self.at_most("departure leaves after the week", d, row.depart_s, end_s);
            let saving = class.follower_saving.unwrap_or(0.0);
            let n_leads = (n / f64::from(lane.platoon_trucks)).ceil();
            self.report.cost += self.drive_cost(row.lane, row.class) * (n - saving * (n - n_leads));
        }
    }

    /// What a drive of one truck costs that follows nobody.
    fn drive_cost(&self, lane: u32, class: u32) -> f64 {
        let (lane, class) = (&self.week.lanes[lane as usize], &self.week.classes[class as usize]);
        class.cost_per_trip
            + class.cost_per_km * lane.distance_m / 1000.0
            + self.week.costs.energy_per_kwh * lane.energy_wh / 1000.0
    }

    /// Docks at every moment and handling in every clock hour.
    fn hubs(&mut self, plan: &WeekPlan, loads: &[(f64, f64)]) {
        let week = self.week;
        let mut changes: Vec<Vec<(f64, i64)>> = vec![Vec::new(); week.hubs.len()];
        let mut kg: Vec<std::collections::BTreeMap<i64, f64>> =
            vec![Default::default(); week.hubs.len()];
        for (d, row) in plan.departures.iter().enumerate() {
            let lane = &week.lanes[row.lane as usize];
            let begins_s = row.depart_s - week.costs.load_s;
            let arrives_s = self.unloading_s(row.lane, row.depart_s);
            let n = i64::from(row.n_trucks);
            for (hub, from_s, to_s) in [
                (lane.from, begins_s, row.depart_s),
                (lane.to, arrives_s, arrives_s + week.costs.unload_s),
            ] {
                // A hair apart, so that one truck may follow another.
                changes[hub as usize].push((from_s + TOLERANCE, n));
                changes[hub as usize].push((to_s, -n));
                *kg[hub as usize].entry((from_s / 3600.0) as i64).or_insert(0.0) += loads[d].0;
            }
        }
        for (hub, row) in week.hubs.iter().enumerate() {
            let most = most_at_once(&mut changes[hub]);
            self.at_most("docks of a hub", hub, most as f64, row.docks.into());
            let peak = kg[hub].values().copied().fold(0.0, f64::max);
            self.at_most("handling of a hub in an hour", hub, peak, row.handling_kg_per_h);
        }
    }

    /// Follows every truck: place, time, battery, chargers, and where it ends.
    fn trucks(&mut self, plan: &WeekPlan, old: Option<&WeekPlan>) {
        let week = self.week;
        let mut n_of_fleet = vec![0_u32; week.fleets.len()];
        let mut balance = vec![0_i64; week.hubs.len() * week.classes.len()];
        let mut charging: Vec<Vec<(f64, i64)>> = vec![Vec::new(); week.hubs.len()];
        for (t, truck) in plan.trucks.iter().enumerate() {
            let fleet = &week.fleets[truck.fleet as usize];
            n_of_fleet[truck.fleet as usize] += 1;
            let end = self.truck(t, truck, plan, &mut charging);
            // A lost truck is missing where it began, and nobody counts where it stands.
            let is_lost = old.is_some() && self.is_lost(t);
            if !is_lost {
                let n_classes = week.classes.len();
                balance[fleet.hub as usize * n_classes + fleet.class as usize] += 1;
                balance[end as usize * n_classes + fleet.class as usize] -= 1;
            }
        }
        for (f, fleet) in week.fleets.iter().enumerate() {
            self.at_most("trucks of a fleet", f, n_of_fleet[f].into(), fleet.n_trucks.into());
        }
        for (i, &missing) in balance.iter().enumerate() {
            if missing != 0 {
                let hub = i / week.classes.len();
                self.wrong("trucks that do not come back", hub, missing as f64, 0.0);
            }
        }
        for (hub, row) in week.hubs.iter().enumerate() {
            let most = most_at_once(&mut charging[hub]);
            self.at_most("chargers of a hub", hub, most as f64, row.chargers.into());
        }
    }

    /// Follows one truck; gives where it ends.
    fn truck(
        &mut self,
        t: usize,
        truck: &TruckWeek,
        plan: &WeekPlan,
        charging: &mut [Vec<(f64, i64)>],
    ) -> u32 {
        let week = self.week;
        let fleet = &week.fleets[truck.fleet as usize];
        let class = &week.classes[fleet.class as usize];
        let (mut at, mut ready_s, mut battery_wh) = (fleet.hub, 0.0, class.battery_wh);
        for leg in &truck.legs {
            let (lane, begins_s, done_s) = match *leg {
                Leg::Charge { from_s, to_s } => {
                    self.at_most("truck charges before it is there", t, ready_s, from_s);
                    self.at_most("truck charges backwards", t, from_s, to_s);
                    battery_wh += (to_s - from_s) / 3600.0 * week.hubs[at as usize].charger_w;
                    self.at_most("battery is overfull", t, battery_wh, class.battery_wh);
                    charging[at as usize].push((from_s + TOLERANCE, 1));
                    charging[at as usize].push((to_s, -1));
                    ready_s = to_s;
                    continue;
                }
                Leg::Service { departure } => {
                    let row = &plan.departures[departure as usize];
                    if row.class != fleet.class {
                        self.wrong(
                            "truck has another class",
                            t,
                            fleet.class.into(),
                            row.class.into(),
                        );
                    }
                    self.report.loaded_m += week.lanes[row.lane as usize].distance_m;
                    let done_s = self.unloading_s(row.lane, row.depart_s) + week.costs.unload_s;
                    (row.lane, row.depart_s - week.costs.load_s, done_s)
                }
                Leg::Empty { lane, depart_s } => {
                    let row = &week.lanes[lane as usize];
                    self.report.empty_m += row.distance_m;
                    self.report.cost += self.drive_cost(lane, fleet.class);
                    let is_new = depart_s > self.at_s;
                    let is_open = row.is_open(fleet.class, depart_s)
                        && (!is_new || self.is_undisturbed(None, Some(lane), depart_s, depart_s));
                    if !is_open {
                        self.wrong("lane is closed at this hour", t, depart_s, 0.0);
                    }
                    (lane, depart_s, arrival_s(week, lane, depart_s))
                }
            };
            let row = &week.lanes[lane as usize];
            if row.from != at || !row.classes.contains(&fleet.class) {
                self.wrong("truck is elsewhere or not permitted", t, at.into(), row.from.into());
            }
            self.at_most("truck is not there in time", t, ready_s, begins_s);
            at = row.to;
            ready_s = done_s;
            battery_wh -= row.energy_wh;
            self.at_most("battery runs empty", t, -battery_wh, 0.0);
        }
        at
    }

    pub(super) fn is_lost(&self, t: usize) -> bool {
        self.events
            .iter()
            .any(|e| matches!(e, Disruption::TruckLost { truck } if *truck as usize == t))
    }

    /// True if a hub's hours hold all the time between two moments.
    fn is_hub_in_hours(&self, hub: u32, from_s: f64, to_s: f64) -> bool {
        let Some(hours) = self.week.hubs[hub as usize].hours else { return true };
        let mut hour = (from_s / 3600.0).floor() + 1.0;
        let mut is_open = hours.contains_s(from_s);
        while hour * 3600.0 < to_s - TOLERANCE {
            is_open &= hours.contains_s(hour * 3600.0);
            hour += 1.0;
        }
        is_open
    }

    /// True if no event closes a hub or lane between two moments.
    fn is_undisturbed(&self, at: Option<u32>, on: Option<u32>, from_s: f64, to_s: f64) -> bool {
        self.events.iter().all(|event| {
            let span = match *event {
                Disruption::HubClosed { hub, from_s, to_s } if Some(hub) == at => (from_s, to_s),
                Disruption::LaneClosed { lane, from_s, to_s } if Some(lane) == on => (from_s, to_s),
                _ => return true,
            };
            from_s >= span.1 - TOLERANCE || (to_s <= span.0 + TOLERANCE && from_s < span.0)
        })
    }

    /// When a truck that left at a moment begins to be unloaded: when the hub is open for long
    /// enough.
    fn unloading_s(&self, lane: u32, depart_s: f64) -> f64 {
        let hub = self.week.lanes[lane as usize].to;
        let there_s = arrival_s(self.week, lane, depart_s);
        let len_s = self.week.costs.unload_s;
        let is_open = |from_s: f64| {
            self.is_hub_in_hours(hub, from_s, from_s + len_s)
                && self.is_undisturbed(Some(hub), None, from_s, from_s + len_s)
        };
        if is_open(there_s) {
            return there_s;
        }
        // It opens at a full hour or when an event ends.
        let ends = self.events.iter().filter_map(|event| match *event {
            Disruption::HubClosed { to_s, .. } => Some(to_s),
            _ => None,
        });
        let first_h = (there_s / 3600.0).floor() as i64 + 1;
        let hours = (first_h..first_h + 24 * 40).map(|h| h as f64 * 3600.0);
        ends.chain(hours)
            .filter(|&from_s| from_s > there_s && is_open(from_s))
            .fold(f64::INFINITY, f64::min)
    }

    /// When freight could arrive that waits only for lanes and hubs to open (Bellman and Ford).
    fn least_arrival_s(&self, (from, ready_s): (u32, f64), to: u32) -> f64 {
        let week = self.week;
        let mut at_s = vec![f64::INFINITY; week.hubs.len()];
        at_s[from as usize] = ready_s;
        for _ in 0..week.hubs.len() {
            let mut has_changed = false;
            for (l, lane) in week.lanes.iter().enumerate() {
                let ready_s = at_s[lane.from as usize];
                let least_s = ready_s + week.costs.load_s + lane.travel_s + week.costs.unload_s;
                if !ready_s.is_finite() || least_s >= at_s[lane.to as usize].min(at_s[to as usize])
                {
                    continue;
                }
                let depart_s = self.least_departure_s(l as u32, ready_s);
                if depart_s > f64::from(week.hours) * 3600.0 {
                    continue;
                }
                let arrival_s = self.unloading_s(l as u32, depart_s) + week.costs.unload_s;
                if arrival_s < at_s[lane.to as usize] - 1e-9 {
                    at_s[lane.to as usize] = arrival_s;
                    has_changed = true;
                }
            }
            if !has_changed {
                break;
            }
        }
        at_s[to as usize]
    }

    /// The first moment at which wheels may roll on a lane, with the class that may soonest.
    fn least_departure_s(&self, lane: u32, ready_s: f64) -> f64 {
        let (row, load_s) = (&self.week.lanes[lane as usize], self.week.costs.load_s);
        let may = |depart_s: f64| {
            row.classes.iter().any(|&class| row.is_open(class, depart_s))
                && self.is_hub_in_hours(row.from, depart_s - load_s, depart_s)
                && self.is_undisturbed(Some(row.from), None, depart_s - load_s, depart_s)
                && self.is_undisturbed(None, Some(lane), depart_s, depart_s)
        };
        let first_s = ready_s + load_s;
        if may(first_s) {
            return first_s;
        }
        let ends = self.events.iter().flat_map(|event| match *event {
            Disruption::HubClosed { to_s, .. } | Disruption::LaneClosed { to_s, .. } => {
                vec![to_s, to_s + load_s]
            }
            _ => Vec::new(),
        });
        let first_h = (first_s / 3600.0).floor() as i64;
        let last_h = i64::from(self.week.hours);
        let hours =
            (first_h..=last_h).flat_map(|h| [h as f64 * 3600.0, h as f64 * 3600.0 + load_s]);
        ends.chain(hours)
            .filter(|&depart_s| depart_s >= first_s && may(depart_s))
            .fold(f64::INFINITY, f64::min)
    }
}

/// Most of what begins (1) and ends (-1) that is on at once.
fn most_at_once(changes: &mut [(f64, i64)]) -> i64 {
    changes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut used, mut most) = (0, 0);
    for &(_, by) in changes.iter() {
        used += by;
        most = most.max(used);
    }
    most
}

/// Drives hour by hour at the pace of each hour.
fn arrival_s(week: &Week, lane: u32, depart_s: f64) -> f64 {
    let row = &week.lanes[lane as usize];
    let profile = &week.profiles[row.profile as usize];
    let (mut now_s, mut left_s) = (depart_s, row.travel_s);
    loop {
        let hour = (now_s / 3600.0 + 1e-12).floor();
        let factor = profile[(hour.rem_euclid(24.0)) as usize];
        let room_s = (hour + 1.0) * 3600.0 - now_s;
        if left_s * factor <= room_s {
            return now_s + left_s * factor;
        }
        left_s -= room_s / factor;
        now_s = (hour + 1.0) * 3600.0;
    }
}
