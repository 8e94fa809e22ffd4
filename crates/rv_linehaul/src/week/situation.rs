//! What is still to be planned of a week, and with what.
//!
//! At the week's beginning that is everything; while a plan runs, it is the freight that waits for
//! a new way, beside departures that go as planned.

use rv_model::linehaul::{
    Commodity, DesignArc, DesignCommodity, DesignError, Disruption, LateFreight, LateReason, Leg,
    NetworkDesign, Timing as DesignTiming, Week, WeekError,
};

use super::clock::WeekClock;
use crate::timed::{Clock, Net};

/// Room that freight gets which is late anyway: this share of the time it takes, and this much, s.
const LATE_ROOM: (f64, f64) = (0.1, 3600.0);

/// Most of the time that freight could wait which is kept in reserve.
const RESERVE_SHARE: f64 = 0.4;

/// Freight to be moved from where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) commodity: u32,
    pub(crate) from: u32,
    pub(crate) ready_s: f64,
    /// When it must be there; later than the commodity is due if that cannot be.
    pub(crate) due_s: f64,
    /// Why it would be late, if it is.
    pub(crate) reason: LateReason,
}

/// Freight that cannot arrive in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Late {
    pub(crate) commodity: u32,
    pub(crate) earliest_s: Option<f64>,
    pub(crate) reason: LateReason,
}

/// A departure that goes as planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pin {
    pub(crate) lane: u32,
    /// When loading begins, s.
    pub(crate) load_s: f64,
    pub(crate) freight: Freight,
    /// Its number in the plan that runs.
    pub(crate) old: u32,
}

/// An amount of freight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Freight {
    pub(crate) kg: f64,
    pub(crate) m3: f64,
}

impl Freight {
    pub(crate) fn of(com: &Commodity) -> Self {
        Self { kg: com.size_kg, m3: com.volume_m3 }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.kg += other.kg;
        self.m3 += other.m3;
    }
}

/// A truck from now on.
#[derive(Clone, Debug)]
pub(crate) struct Truck {
    pub(crate) fleet: u32,
    pub(crate) class: u32,
    pub(crate) hub: u32,
    pub(crate) ready_s: f64,
    pub(crate) battery_wh: f64,
    /// What it has begun, then what it will do.
    pub(crate) legs: Vec<Leg>,
    pub(crate) is_lost: bool,
}

/// What is still to be planned.
pub(crate) struct Situation<'a> {
    pub(crate) week: &'a Week,
    pub(crate) clock: WeekClock<'a>,
    /// Freight that can arrive, in the order of commodities.
    pub(crate) tasks: Vec<Task>,
    pub(crate) late: Vec<Late>,
    pub(crate) pins: Vec<Pin>,
    /// Departures that have left: lane, loading begins (s), trucks, kg.
    pub(crate) gone: Vec<(u32, f64, u32, f64)>,
    pub(crate) trucks: Vec<Truck>,
    /// (hub, until) of chargers in use, s.
    pub(crate) charging: Vec<(u32, f64)>,
}

impl<'a> Situation<'a> {
    /// The beginning of a week.
    pub(crate) fn new(week: &'a Week) -> Result<Self, WeekError> {
        let tasks = (week.commodities.iter().enumerate())
            .map(|(k, com)| Task {
                commodity: k as u32,
                from: com.origin,
                ready_s: com.release_s,
                due_s: com.due_s,
                reason: LateReason::NoWayInTime,
            })
            .collect();
        let mut trucks = Vec::new();
        for f in 0..week.fleets.len() as u32 {
            trucks.extend((0..week.fleets[f as usize].n_trucks).map(|_| Truck::new(week, f)));
        }
        let clock = WeekClock::new(week, 0.0, &[] as &[Disruption]);
        let mut situation = Self {
            week,
            clock,
            tasks,
            late: Vec::new(),
            pins: Vec::new(),
            gone: Vec::new(),
            trucks,
            charging: Vec::new(),
        };
        situation.part_late(week.costs.lateness_per_kg_h.is_some())?;
        Ok(situation)
    }

    /// Finds what cannot arrive in time; it gets more time if it `is_carried`, and is a task no
    /// more if not, or if it cannot arrive at all.
    pub(crate) fn part_late(&mut self, is_carried: bool) -> Result<(), WeekError> {
        if self.tasks.is_empty() {
            return Ok(());
        }
        let arcs = super::arcs(self.week, &vec![0.0; self.week.hubs.len()]);
        let design = self.design(arcs, 0.0)?;
        let net = Net::new(&design, Some(&self.clock));
        let earliest: Vec<Option<f64>> = (0..self.tasks.len() as u32)
            .map(|t| {
                let arrival = net.carried.binary_search(&t).is_err();
                arrival.then(|| net.earliest_arrival(t, f64::INFINITY))
            })
            .collect();
        let mut tasks = Vec::new();
        for (task, earliest) in self.tasks.iter().zip(earliest) {
            let Some(arrival) = earliest else {
                tasks.push(*task);
                continue;
            };
            let earliest_s = arrival.is_finite().then_some(arrival);
            let Task { commodity, reason, .. } = *task;
            self.late.push(Late { commodity, earliest_s, reason });
            if is_carried && let Some(arrival) = earliest_s {
                let due_s = arrival + LATE_ROOM.0 * (arrival - task.ready_s) + LATE_ROOM.1;
                tasks.push(Task { due_s, ..*task });
            }
        }
        self.tasks = tasks;
        Ok(())
    }

    /// What to say about freight that is late.
    pub(crate) fn late_rows(&self) -> Vec<LateFreight> {
        let row = |late: &Late| LateFreight {
            commodity: late.commodity,
            earliest_arrival_s: late.earliest_s,
            reason: late.reason,
        };
        self.late.iter().map(row).collect()
    }

    /// Mass that takes the place of a cubic metre: the most of all classes, so that what fits by it
    /// fits by volume too.
    pub(crate) fn kg_per_m3(&self) -> f64 {
        let classes = self.week.classes.iter();
        let of = classes.filter_map(|c| c.volume_m3.map(|m3| c.payload_kg / m3));
        of.fold(0.0, f64::max)
    }

    /// Tasks as a timed instance over these arcs, a cubic metre counted as `per_m3` kg at least.
    pub(crate) fn design(
        &self,
        arcs: Vec<DesignArc>,
        per_m3: f64,
    ) -> Result<NetworkDesign, WeekError> {
        let commodities = self
            .tasks
            .iter()
            .map(|task| {
                let com = &self.week.commodities[task.commodity as usize];
                DesignCommodity {
                    origin: task.from,
                    destination: com.destination,
                    size: com.size_kg.max(com.volume_m3 * per_m3),
                    release: task.ready_s,
                    due: task.due_s.max(task.ready_s),
                }
            })
            .collect();
        let n = self.week.hubs.len();
        NetworkDesign::new(DesignTiming::Timed, n, arcs, commodities).map_err(|error| match error {
            DesignError::Disconnected { idx, origin, destination } => WeekError::Disconnected {
                idx: self.tasks[idx - 1].commodity as usize,
                origin: origin as u32 - 1,
                destination: destination as u32 - 1,
            },
            other => unreachable!("a checked week makes no wrong design: {other}"),
        })
    }

    /// The same tasks over the same arcs, each due earlier by `reserve_s`, or by [`RESERVE_SHARE`] of
    /// what it could wait if that is less; `arrivals` are earliest ones of what is carried.
    pub(crate) fn with_reserve(
        &self,
        net: &Net<'_>,
        arrivals: &[f64],
        reserve_s: f64,
    ) -> NetworkDesign {
        let mut commodities = net.coms.to_vec();
        for (&k, &arrival) in net.carried.iter().zip(arrivals) {
            let com = &mut commodities[k as usize];
            com.due -= reserve_s.min(RESERVE_SHARE * (com.due - arrival)).max(0.0);
        }
        NetworkDesign::new(DesignTiming::Timed, net.n, net.arcs.to_vec(), commodities)
            .expect("earlier due times leave a design right")
    }

    /// The trucks that freight needs on a lane.
    pub(crate) fn trucks_for(&self, class: u32, freight: Freight) -> u32 {
        let class = &self.week.classes[class as usize];
        let by_volume = class.volume_m3.map_or(0.0, |m3| crate::timed::trucks(freight.m3, m3));
        crate::timed::trucks(freight.kg, class.payload_kg).max(by_volume).max(1.0) as u32
    }

    /// When loading may begin at the earliest, given when freight is there, s.
    pub(crate) fn load_from(&self, lane: u32, ready_s: f64) -> f64 {
        self.clock.earliest(lane, ready_s)
    }
}

impl Truck {
    /// A truck of a fleet as the week begins.
    pub(crate) fn new(week: &Week, fleet: u32) -> Self {
        let row = &week.fleets[fleet as usize];
        Self {
            fleet,
            class: row.class,
            hub: row.hub,
            ready_s: 0.0,
            battery_wh: week.classes[row.class as usize].battery_wh,
            legs: Vec::new(),
            is_lost: false,
        }
    }
}
