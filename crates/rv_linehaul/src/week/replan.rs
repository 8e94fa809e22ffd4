//! A new plan while one runs: what has left is kept, what can go as planned does, and only freight
//! whose way is broken gets a new one.

use rv_base::Rng;
use rv_model::linehaul::{
    Disruption, LateReason, Leg, Replan, TruckWeek, Week, WeekDeparture, WeekError, WeekPlan,
};
use thiserror::Error;

use super::clock::WeekClock;
use super::cost::plan_cost;
use super::finish::{Finished, finish};
use super::situation::{Freight, Late, Pin, Situation, Task, Truck};
use crate::Budget;
use crate::timed::{Clock, Net, Search, State};

/// Slack for sums of floating-point times, s.
const EPSILON_S: f64 = 1e-3;
/// What is new begins later than the moment of planning by this, so that it is told apart from
/// what had begun, s.
const TICK_S: f64 = 0.01;
/// Rounds in which departures that lack a truck give up their freight to the search.
const ROUNDS: usize = 5;
/// Heat of the search, as a share of what timed instances take.
const HEAT: f64 = 0.2;

/// Why nothing can be planned anew.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ReplanError {
    /// The week or an event is wrong.
    #[error(transparent)]
    Week(#[from] WeekError),
    /// The moment lies before the running plan was made, or after the week.
    #[error("moment {at_s} s is not from {from_s} s to {to_s} s")]
    Moment {
        /// When to plan anew, s.
        at_s: f64,
        /// When the running plan was made, s.
        from_s: f64,
        /// When the week ends, s.
        to_s: f64,
    },
    /// The plan that runs is not one of this week.
    #[error("the running plan's {what} {idx} names what the week does not have")]
    Plan {
        /// What names it.
        what: &'static str,
        /// Which one.
        idx: usize,
    },
}

/// A plan made anew.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplanOutcome {
    /// The week with the freight that events brought.
    pub week: Week,
    /// The whole plan, with what has left and all events; trucks of the running plan keep their
    /// numbers.
    pub new: Replan,
    /// Its cost, from the week's beginning.
    pub cost: f64,
    /// Freight whose way was broken, and freight that is new.
    pub affected: Vec<u32>,
    /// Freight that was on its way or waiting and could have gone as planned.
    pub n_unaffected: usize,
    /// Such freight that goes otherwise all the same, for want of trucks.
    pub moved: Vec<u32>,
    /// Trucks that departures ask for and nobody can send.
    pub n_missing_trucks: u32,
    /// Search steps made.
    pub n_steps: u64,
}

/// Plans anew at a moment, after more events. `running` is the plan that runs, with the events that
/// it knows; one that was not made anew has none, and the moment 0.
///
/// # Errors
/// The week, an event or the plan is wrong; see [`ReplanError`].
pub fn replan_week(
    week: &Week,
    running: &Replan,
    at_s: f64,
    more: &[Disruption],
    budget: &Budget<'_>,
    rng: &Rng,
) -> Result<ReplanOutcome, ReplanError> {
    let old = &running.plan;
    let (from_s, to_s) = (running.at_s, f64::from(week.hours) * 3600.0);
    if !(from_s..=to_s).contains(&at_s) {
        return Err(ReplanError::Moment { at_s, from_s, to_s });
    }
    let events: Vec<Disruption> = running.events.iter().chain(more).cloned().collect();
    let week = week.after(&events, old.trucks.len())?;
    check_names(&week, old)?;
    let running = Running::new(&week, old, at_s, &events, running.events.len());
    let mut affected: Vec<Option<LateReason>> = running.affected();
    let is_broken: Vec<bool> = affected.iter().map(Option::is_some).collect();
    let mut round = 0;
    let (finished, situation, n_steps) = loop {
        round += 1;
        let situation = running.situation(&affected)?;
        let share = budget.share(round as f64 / ROUNDS as f64);
        let (finished, n_steps) = running.plan(&situation, &share, rng)?;
        if finished.short_pins.is_empty() || round == ROUNDS {
            break (finished, situation, n_steps);
        }
        for &g in &finished.short_pins {
            let d = situation.pins[g as usize].old;
            for k in running.riders(d, &affected) {
                affected[k] = Some(LateReason::Shortage);
            }
        }
    };
    let n_missing_trucks = finished.outcome.n_missing_trucks;
    let plan = running.compose(&situation, &affected, finished);
    let of = |is_in: &dyn Fn(usize) -> bool| {
        (0..is_broken.len()).filter(|&k| is_in(k)).map(|k| k as u32).collect::<Vec<u32>>()
    };
    let n_unaffected = of(&|k| !is_broken[k] && running.has_rides_left(k)).len();
    let cost = plan_cost(&week, &running.clock, &plan);
    Ok(ReplanOutcome {
        new: Replan { at_s, events: events.clone(), plan },
        cost,
        affected: of(&|k| is_broken[k]),
        n_unaffected,
        moved: of(&|k| affected[k].is_some() && !is_broken[k]),
        n_missing_trucks,
        n_steps,
        week: week.clone(),
    })
}

fn check_names(week: &Week, old: &WeekPlan) -> Result<(), ReplanError> {
    let wrong = |what, idx| Err(ReplanError::Plan { what, idx });
    for (d, row) in old.departures.iter().enumerate() {
        let is_known = (row.lane as usize) < week.lanes.len()
            && (row.class as usize) < week.classes.len()
            && row.depart_s.is_finite();
        if !is_known {
            return wrong("departure", d);
        }
    }
    if old.itineraries.len() > week.commodities.len() {
        return wrong("itinerary", week.commodities.len());
    }
    let n = old.departures.len();
    for (k, rides) in old.itineraries.iter().enumerate() {
        if rides.iter().any(|&d| d as usize >= n) {
            return wrong("itinerary", k);
        }
    }
    for (t, truck) in old.trucks.iter().enumerate() {
        let is_known = (truck.fleet as usize) < week.fleets.len()
            && truck.legs.iter().all(|leg| match *leg {
                Leg::Service { departure } => (departure as usize) < n,
                Leg::Empty { lane, .. } => (lane as usize) < week.lanes.len(),
                Leg::Charge { .. } => true,
            });
        if !is_known {
            return wrong("truck", t);
        }
    }
    Ok(())
}

/// A plan that runs, and what has become of it.
struct Running<'a> {
    week: &'a Week,
    old: &'a WeekPlan,
    at_s: f64,
    events: &'a [Disruption],
    clock: WeekClock<'a>,
    /// Departures that have left or are being loaded.
    is_gone: Vec<bool>,
    /// Departures that cannot go as planned.
    is_broken: Vec<bool>,
}

/// Where freight is after what has left.
struct Place {
    hub: u32,
    ready_s: f64,
    n_gone: usize,
}

impl<'a> Running<'a> {
    /// The first `n_known` events are those that the running plan knows.
    fn new(
        week: &'a Week,
        old: &'a WeekPlan,
        at_s: f64,
        events: &'a [Disruption],
        n_known: usize,
    ) -> Self {
        let clock = WeekClock::new(week, at_s + TICK_S, events);
        let before = WeekClock::new(week, 0.0, &events[..n_known]);
        let load_s = week.costs.load_s;
        let is_gone: Vec<bool> =
            old.departures.iter().map(|row| row.depart_s - load_s <= at_s).collect();
        let is_broken = (old.departures.iter())
            .map(|row| {
                let loads = row.depart_s - load_s;
                let delay = clock.unloading(row.lane, row.depart_s).1
                    - before.unloading(row.lane, row.depart_s).1;
                (clock.earliest(row.lane, loads) - loads).abs() > EPSILON_S || delay > EPSILON_S
            })
            .collect();
        Self { week, old, at_s, events, clock, is_gone, is_broken }
    }

    fn rides(&self, k: usize) -> &'a [u32] {
        self.old.itineraries.get(k).map_or(&[], Vec::as_slice)
    }

    fn has_rides_left(&self, k: usize) -> bool {
        self.rides(k).iter().any(|&d| !self.is_gone[d as usize])
    }

    fn place(&self, k: usize) -> Place {
        let com = &self.week.commodities[k];
        let mut place = Place { hub: com.origin, ready_s: com.release_s, n_gone: 0 };
        for &d in self.rides(k).iter().take_while(|&&d| self.is_gone[d as usize]) {
            let row = &self.old.departures[d as usize];
            place.hub = self.week.lanes[row.lane as usize].to;
            place.ready_s = self.clock.unloading(row.lane, row.depart_s).1;
            place.n_gone += 1;
        }
        place
    }

    /// For each commodity why it needs a new way, if it does.
    fn affected(&self) -> Vec<Option<LateReason>> {
        (0..self.week.commodities.len()).map(|k| self.breaks(k)).collect()
    }

    fn breaks(&self, k: usize) -> Option<LateReason> {
        let com = &self.week.commodities[k];
        let rides = self.rides(k);
        if k >= self.old.itineraries.len() {
            return Some(LateReason::NoWayInTime);
        }
        let place = self.place(k);
        let (mut ready_s, mut last) = (place.ready_s, None);
        if let Some(&d) = place.n_gone.checked_sub(1).and_then(|i| rides.get(i)) {
            last = Some(self.old.departures[d as usize].lane);
        }
        for &d in &rides[place.n_gone..] {
            let row = &self.old.departures[d as usize];
            if self.is_broken[d as usize] {
                return Some(self.reason(row.lane));
            }
            if ready_s > row.depart_s - self.week.costs.load_s + EPSILON_S {
                return Some(self.reason(last.unwrap_or(row.lane)));
            }
            ready_s = self.clock.unloading(row.lane, row.depart_s).1;
            last = Some(row.lane);
        }
        // Freight that nobody carried before stays an answer, unless something has changed for it.
        let was_late = self.old.late.iter().any(|row| row.commodity as usize == k);
        let is_left = rides.len() > place.n_gone;
        (is_left && !was_late && ready_s > com.due_s + EPSILON_S)
            .then(|| self.reason(last.unwrap_or(0)))
    }

    /// What closed on a lane.
    fn reason(&self, lane: u32) -> LateReason {
        let row = &self.week.lanes[lane as usize];
        for event in self.events.iter().rev() {
            match *event {
                Disruption::HubClosed { hub, .. } if hub == row.from || hub == row.to => {
                    return LateReason::HubClosed { hub };
                }
                Disruption::LaneClosed { lane: closed, .. } if closed == lane => {
                    return LateReason::LaneClosed { lane };
                }
                _ => {}
            }
        }
        LateReason::NoWayInTime
    }

    /// Who still goes on a departure as planned.
    fn riders(&self, d: u32, affected: &[Option<LateReason>]) -> Vec<usize> {
        (0..self.old.itineraries.len())
            .filter(|&k| affected[k].is_none() && self.old.itineraries[k].contains(&d))
            .collect()
    }

    fn situation(&self, affected: &[Option<LateReason>]) -> Result<Situation<'a>, ReplanError> {
        let week = self.week;
        let mut tasks = Vec::new();
        let mut late = Vec::new();
        let mut freight = vec![Freight::default(); self.old.departures.len()];
        let mut kept = Vec::new();
        for (k, com) in week.commodities.iter().enumerate() {
            let place = self.place(k);
            let is_there = place.hub == com.destination;
            for &d in self.rides(k) {
                if self.is_gone[d as usize] || affected[k].is_none() {
                    freight[d as usize].add(Freight::of(com));
                }
            }
            let was_late = self.old.late.iter().find(|row| row.commodity as usize == k);
            let reason = affected[k].or(was_late.map(|row| row.reason));
            let commodity = k as u32;
            if is_there {
                if place.ready_s > com.due_s + EPSILON_S {
                    let reason = reason.unwrap_or_else(|| self.last_reason(k, &place));
                    late.push(Late { commodity, earliest_s: Some(place.ready_s), reason });
                }
                continue;
            }
            let ready_s = place.ready_s.max(self.at_s + TICK_S);
            let due_s = com.due_s.max(ready_s);
            let task = Task {
                commodity,
                from: place.hub,
                ready_s,
                due_s,
                reason: reason.unwrap_or(LateReason::NoWayInTime),
            };
            if affected[k].is_some() {
                tasks.push(task);
            } else if was_late.is_some() {
                kept.push(task);
            }
        }
        let mut situation = self.empty_situation(&freight, affected);
        // What was late and goes as planned: only its earliest arrival is asked for.
        situation.tasks = kept;
        situation.part_late(false)?;
        late.append(&mut situation.late);
        situation.tasks = tasks;
        situation.part_late(true)?;
        situation.late.extend(late);
        situation.late.sort_by_key(|row| row.commodity);
        Ok(situation)
    }

    fn last_reason(&self, k: usize, place: &Place) -> LateReason {
        let d = place.n_gone.checked_sub(1).map(|i| self.rides(k)[i]);
        d.map_or(LateReason::NoWayInTime, |d| self.reason(self.old.departures[d as usize].lane))
    }

    /// Pins, what is gone, and trucks.
    fn empty_situation(
        &self,
        freight: &[Freight],
        affected: &[Option<LateReason>],
    ) -> Situation<'a> {
        let load_s = self.week.costs.load_s;
        let (mut pins, mut gone) = (Vec::new(), Vec::new());
        let mut is_ridden = vec![false; freight.len()];
        for k in (0..self.old.itineraries.len()).filter(|&k| affected[k].is_none()) {
            for &d in self.rides(k) {
                is_ridden[d as usize] = true;
            }
        }
        let mut number = vec![u32::MAX; freight.len()];
        for (d, row) in self.old.departures.iter().enumerate() {
            let loads = row.depart_s - load_s;
            if self.is_gone[d] {
                number[d] = gone.len() as u32;
                gone.push((row.lane, loads, row.n_trucks, freight[d].kg));
            } else if is_ridden[d] {
                let pin = Pin { lane: row.lane, load_s: loads, freight: freight[d], old: d as u32 };
                pins.push(pin);
            }
        }
        let (trucks, charging) = self.trucks(&number);
        Situation {
            week: self.week,
            clock: WeekClock::new(self.week, self.at_s + TICK_S, self.events),
            tasks: Vec::new(),
            late: Vec::new(),
            pins,
            gone,
            trucks,
            charging,
        }
    }

    /// Trucks after what they have begun, and the chargers that they use now; `number` of each
    /// departure that is gone.
    fn trucks(&self, number: &[u32]) -> (Vec<Truck>, Vec<(u32, f64)>) {
        let week = self.week;
        let mut trucks = Vec::new();
        let mut charging = Vec::new();
        let mut n_left: Vec<u32> = week.fleets.iter().map(|f| f.n_trucks).collect();
        for (t, row) in self.old.trucks.iter().enumerate() {
            let mut truck = Truck::new(week, row.fleet);
            n_left[row.fleet as usize] = n_left[row.fleet as usize].saturating_sub(1);
            for leg in &row.legs {
                if !self.begin(&mut truck, leg, number) {
                    break;
                }
                if let Leg::Charge { to_s, .. } = *leg
                    && to_s > self.at_s
                {
                    charging.push((truck.hub, to_s));
                }
            }
            truck.ready_s = truck.ready_s.max(self.at_s + TICK_S);
            let lost = Disruption::TruckLost { truck: t as u32 };
            truck.is_lost = self.events.contains(&lost);
            trucks.push(truck);
        }
        for (f, n) in n_left.into_iter().enumerate() {
            for _ in 0..n {
                let mut truck = Truck::new(week, f as u32);
                truck.ready_s = self.at_s + TICK_S;
                trucks.push(truck);
            }
        }
        (trucks, charging)
    }

    /// Takes a leg into a truck's past if it has begun.
    fn begin(&self, truck: &mut Truck, leg: &Leg, number: &[u32]) -> bool {
        let lane_of = |lane: u32| &self.week.lanes[lane as usize];
        match *leg {
            Leg::Service { departure } => {
                if !self.is_gone[departure as usize] {
                    return false;
                }
                let row = &self.old.departures[departure as usize];
                truck.hub = lane_of(row.lane).to;
                truck.battery_wh -= lane_of(row.lane).energy_wh;
                truck.ready_s = self.clock.unloading(row.lane, row.depart_s).1;
                truck.legs.push(Leg::Service { departure: number[departure as usize] });
            }
            Leg::Empty { lane, depart_s } => {
                if depart_s > self.at_s {
                    return false;
                }
                truck.hub = lane_of(lane).to;
                truck.battery_wh -= lane_of(lane).energy_wh;
                truck.ready_s = self.clock.drive(lane, depart_s);
                truck.legs.push(*leg);
            }
            Leg::Charge { from_s, to_s } => {
                if from_s > self.at_s {
                    return false;
                }
                let power_w = self.week.hubs[truck.hub as usize].charger_w;
                truck.battery_wh += (to_s - from_s) / 3600.0 * power_w;
                truck.ready_s = to_s;
                truck.legs.push(*leg);
            }
        }
        true
    }

    fn plan(
        &self,
        situation: &Situation<'_>,
        budget: &Budget<'_>,
        rng: &Rng,
    ) -> Result<(Finished, u64), ReplanError> {
        let week = self.week;
        let per_m3 = situation.kg_per_m3();
        let arcs = super::arcs(week, &vec![0.0; week.hubs.len()]);
        let design;
        let net = if situation.tasks.is_empty() {
            Net::bare(week.hubs.len(), &arcs, Some(&situation.clock))
        } else {
            design = situation.design(arcs.clone(), per_m3)?;
            Net::new(&design, Some(&situation.clock))
        };
        let mut state = State::new(&net);
        for pin in &situation.pins {
            let size = pin.freight.kg.max(pin.freight.m3 * per_m3);
            state.pin(pin.lane, pin.load_s, size);
        }
        let mut search = Search::resume(&net, rng.fork("replan"), state);
        search.construct(&crate::timed::SCALES, budget);
        let n_steps = search.run(budget, HEAT, &mut |_| {});
        Ok((finish(situation, &net, search.best(), rng), n_steps))
    }

    /// Puts what is kept before what is new.
    fn compose(
        &self,
        situation: &Situation<'_>,
        affected: &[Option<LateReason>],
        finished: Finished,
    ) -> WeekPlan {
        let WeekPlan { mut departures, mut itineraries, late, trucks } = finished.outcome.plan;
        let n_gone = situation.gone.len();
        let mut number = vec![u32::MAX; self.old.departures.len()];
        let gone = (0..self.old.departures.len()).filter(|&d| self.is_gone[d]);
        for (i, d) in gone.enumerate() {
            number[d] = i as u32;
            departures[i] = self.old.departures[d];
        }
        for (i, pin) in situation.pins.iter().enumerate() {
            number[pin.old as usize] = (n_gone + i) as u32;
            let WeekDeparture { class, depart_s, .. } = self.old.departures[pin.old as usize];
            departures[n_gone + i].class = class;
            departures[n_gone + i].depart_s = depart_s;
        }
        for (k, rides) in itineraries.iter_mut().enumerate() {
            let kept = match affected[k] {
                Some(_) => &self.rides(k)[..self.place(k).n_gone],
                None => self.rides(k),
            };
            let mut all: Vec<u32> = kept.iter().map(|&d| number[d as usize]).collect();
            all.append(rides);
            *rides = all;
        }
        let n_old = self.old.trucks.len();
        let trucks: Vec<TruckWeek> = (trucks.into_iter().enumerate())
            .filter(|(t, truck)| *t < n_old || !truck.legs.is_empty())
            .map(|(_, truck)| truck)
            .collect();
        WeekPlan { departures, itineraries, late, trucks }
    }
}
