//! Checks plans of weeks in continuous time, truck by truck and hub by hub.

use std::fmt;

use rv_model::linehaul::{Leg, Week, WeekPlan};

/// Slack for sums of floating-point times, s, and of shares.
const TOLERANCE: f64 = 1e-4;

/// What the checker found.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekReport {
    /// The plan's cost, recomputed.
    pub cost: f64,
    /// Distance driven without freight, m.
    pub empty_m: f64,
    /// Distance driven with freight, m.
    pub loaded_m: f64,
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
    let mut check = Check { week, violations: Vec::new(), cost: 0.0, empty_m: 0.0, loaded_m: 0.0 };
    if check.names(plan) {
        let load_kg = check.itineraries(plan);
        check.departures(plan, &load_kg);
        check.hubs(plan, &load_kg);
        check.trucks(plan);
    }
    let Check { violations, cost, empty_m, loaded_m, .. } = check;
    WeekReport { cost, empty_m, loaded_m, violations }
}

struct Check<'a> {
    week: &'a Week,
    violations: Vec<WeekViolation>,
    cost: f64,
    empty_m: f64,
    loaded_m: f64,
}

impl Check<'_> {
    fn wrong(&mut self, what: &'static str, idx: usize, is: f64, limit: f64) {
        self.violations.push(WeekViolation { what, idx, is, limit });
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
        self.violations.is_empty()
    }

    /// Follows every commodity; gives the freight on each departure, kg.
    fn itineraries(&mut self, plan: &WeekPlan) -> Vec<f64> {
        let week = self.week;
        let mut load_kg = vec![0.0; plan.departures.len()];
        for (k, com) in week.commodities.iter().enumerate() {
            let rides = &plan.itineraries[k];
            let is_excused = plan.late.iter().any(|late| late.commodity as usize == k);
            if is_excused && rides.is_empty() {
                let earliest = least_arrival_s(week, k);
                if earliest <= com.due_s {
                    self.wrong("commodity is left out, but could arrive", k, earliest, com.due_s);
                }
                continue;
            }
            let (mut at, mut ready_s) = (com.origin, com.release_s);
            for &d in rides {
                let row = &plan.departures[d as usize];
                let lane = &week.lanes[row.lane as usize];
                if lane.from != at {
                    self.wrong(
                        "commodity is not where its departure leaves",
                        k,
                        at.into(),
                        lane.from.into(),
                    );
                }
                self.at_most(
                    "commodity misses its loading",
                    k,
                    ready_s,
                    row.depart_s - week.costs.load_s,
                );
                at = lane.to;
                ready_s = arrival_s(week, row.lane, row.depart_s) + week.costs.unload_s;
                load_kg[d as usize] += com.size_kg;
                self.cost += week.costs.handling_per_kg * com.size_kg;
            }
            if at != com.destination {
                self.wrong(
                    "commodity does not reach its hub",
                    k,
                    at.into(),
                    com.destination.into(),
                );
            }
            self.at_most("commodity is late", k, ready_s, com.due_s);
        }
        load_kg
    }

    fn departures(&mut self, plan: &WeekPlan, load_kg: &[f64]) {
        let week = self.week;
        let mut n_sent = vec![0_u32; plan.departures.len()];
        for leg in plan.trucks.iter().flat_map(|truck| &truck.legs) {
            if let Leg::Service { departure } = leg {
                n_sent[*departure as usize] += 1;
            }
        }
        for (d, row) in plan.departures.iter().enumerate() {
            let lane = &week.lanes[row.lane as usize];
            let fits = week.classes[row.class as usize].payload_kg * f64::from(row.n_trucks);
            self.at_most("departure is overloaded", d, load_kg[d], fits);
            if n_sent[d] != row.n_trucks {
                self.wrong("trucks of a departure", d, n_sent[d].into(), row.n_trucks.into());
            }
            if !lane.classes.contains(&row.class) {
                self.wrong("class is not permitted on the lane", d, row.class.into(), 0.0);
            }
            if lane.hours.is_some_and(|hours| !hours.contains_s(row.depart_s)) {
                self.wrong("lane is closed at this hour", d, row.depart_s, 0.0);
            }
            self.at_most(
                "departure leaves after the week",
                d,
                row.depart_s,
                f64::from(week.hours) * 3600.0,
            );
        }
    }

    /// Docks at every moment and handling in every clock hour.
    fn hubs(&mut self, plan: &WeekPlan, load_kg: &[f64]) {
        let week = self.week;
        let mut changes: Vec<Vec<(f64, i64)>> = vec![Vec::new(); week.hubs.len()];
        let mut kg: Vec<std::collections::BTreeMap<i64, f64>> =
            vec![Default::default(); week.hubs.len()];
        for (d, row) in plan.departures.iter().enumerate() {
            let lane = &week.lanes[row.lane as usize];
            let begins_s = row.depart_s - week.costs.load_s;
            let arrives_s = arrival_s(week, row.lane, row.depart_s);
            let n = i64::from(row.n_trucks);
            for (hub, from_s, to_s) in [
                (lane.from, begins_s, row.depart_s),
                (lane.to, arrives_s, arrives_s + week.costs.unload_s),
            ] {
                // A hair apart, so that one truck may follow another.
                changes[hub as usize].push((from_s + TOLERANCE, n));
                changes[hub as usize].push((to_s, -n));
                *kg[hub as usize].entry((from_s / 3600.0) as i64).or_insert(0.0) += load_kg[d];
            }
        }
        for (hub, row) in week.hubs.iter().enumerate() {
            changes[hub].sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let (mut used, mut most) = (0, 0);
            for &(_, by) in &changes[hub] {
                used += by;
                most = most.max(used);
            }
            self.at_most("docks of a hub", hub, most as f64, row.docks.into());
            let peak = kg[hub].values().copied().fold(0.0, f64::max);
            self.at_most("handling of a hub in an hour", hub, peak, row.handling_kg_per_h);
        }
    }

    /// Follows every truck: place, time, battery, chargers, and where it ends.
    fn trucks(&mut self, plan: &WeekPlan) {
        let week = self.week;
        let mut n_of_fleet = vec![0_u32; week.fleets.len()];
        let mut balance = vec![0_i64; week.hubs.len() * week.classes.len()];
        let mut charging: Vec<Vec<(f64, i64)>> = vec![Vec::new(); week.hubs.len()];
        for (t, truck) in plan.trucks.iter().enumerate() {
            let fleet = &week.fleets[truck.fleet as usize];
            let class = &week.classes[fleet.class as usize];
            n_of_fleet[truck.fleet as usize] += 1;
            let (mut at, mut ready_s, mut battery_wh) = (fleet.hub, 0.0, class.battery_wh);
            for leg in &truck.legs {
                let (lane, depart_s, begins_s, unload_s) = match *leg {
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
                        let begins_s = row.depart_s - week.costs.load_s;
                        self.loaded_m += week.lanes[row.lane as usize].distance_m;
                        (row.lane, row.depart_s, begins_s, week.costs.unload_s)
                    }
                    Leg::Empty { lane, depart_s } => {
                        self.empty_m += week.lanes[lane as usize].distance_m;
                        let hours = week.lanes[lane as usize].hours;
                        if hours.is_some_and(|hours| !hours.contains_s(depart_s)) {
                            self.wrong("lane is closed at this hour", t, depart_s, 0.0);
                        }
                        (lane, depart_s, depart_s, 0.0)
                    }
                };
                let row = &week.lanes[lane as usize];
                if row.from != at || !row.classes.contains(&fleet.class) {
                    self.wrong(
                        "truck is elsewhere or not permitted",
                        t,
                        at.into(),
                        row.from.into(),
                    );
                }
                self.at_most("truck is not there in time", t, ready_s, begins_s);
                at = row.to;
                ready_s = arrival_s(week, lane, depart_s) + unload_s;
                battery_wh -= row.energy_wh;
                self.at_most("battery runs empty", t, -battery_wh, 0.0);
                self.cost += class.cost_per_trip
                    + class.cost_per_km * row.distance_m / 1000.0
                    + week.costs.energy_per_kwh * row.energy_wh / 1000.0;
            }
            let n_classes = week.classes.len();
            balance[fleet.hub as usize * n_classes + fleet.class as usize] += 1;
            balance[at as usize * n_classes + fleet.class as usize] -= 1;
        }
        for (f, fleet) in week.fleets.iter().enumerate() {
            self.at_most("trucks of a fleet", f, n_of_fleet[f].into(), fleet.n_trucks.into());
        }
        for (i, &missing) in balance.iter().enumerate() {
            if missing != 0 {
                self.wrong(
                    "trucks that do not come back",
                    i / week.classes.len(),
                    missing as f64,
                    0.0,
                );
            }
        }
        for (hub, row) in week.hubs.iter().enumerate() {
            charging[hub].sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let (mut used, mut most) = (0, 0);
            for &(_, by) in &charging[hub] {
                used += by;
                most = most.max(used);
            }
            self.at_most("chargers of a hub", hub, most as f64, row.chargers.into());
        }
    }
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

/// When a commodity could arrive that waits only for lanes to open (Bellman and Ford).
fn least_arrival_s(week: &Week, k: usize) -> f64 {
    let com = &week.commodities[k];
    let mut at_s = vec![f64::INFINITY; week.hubs.len()];
    at_s[com.origin as usize] = com.release_s;
    for _ in 0..week.hubs.len() {
        let mut has_changed = false;
        for (l, lane) in week.lanes.iter().enumerate() {
            let mut depart_s = at_s[lane.from as usize] + week.costs.load_s;
            if !depart_s.is_finite() {
                continue;
            }
            if let Some(hours) = lane.hours
                && !hours.contains_s(depart_s)
            {
                let mut hour = (depart_s / 3600.0).floor() + 1.0;
                while !hours.contains_s(hour * 3600.0) {
                    hour += 1.0;
                }
                depart_s = hour * 3600.0;
            }
            if depart_s > f64::from(week.hours) * 3600.0 {
                continue;
            }
            let arrival = arrival_s(week, l as u32, depart_s) + week.costs.unload_s;
            if arrival < at_s[lane.to as usize] - 1e-9 {
                at_s[lane.to as usize] = arrival;
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    at_s[com.destination as usize]
}
