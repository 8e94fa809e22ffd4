//! The vehicle's state and its step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rv_base::{EdgeId, Meters, MissionId, ParcelId, Seconds, StopId, Timestamp, WattHours};
use rv_driver::{SpeedPlan, SpeedPoint};
use rv_wire::{
    Channel, Down, FaultKind, HelpChoice, HelpKind, MissionRefusal, OnboardState, PermitPhase,
    Status, Stop, StopKind, Up, WINDOW,
};
use serde::{Deserialize, Serialize};

use crate::config::{Atlas, OnboardConfig};
use crate::grounds::{Grounds, Moment};
use crate::help::Call;
use crate::io::{Input, Output, Sensed};
use crate::visit::Visit;

/// Room that the link must have before the vehicle leaves a stop, messages.
const LINK_ROOM: usize = 1024;

/// Done stops that are remembered, to recognise them in a mission made before they were done.
const DONE_MAX: usize = 512;

/// What the driver sees is told this often at most.
const SHOW_EVERY: Seconds = Seconds(0.9);

/// Charge below the reserve is reported, and above it by this share it is well again.
const RECOVERED_SHARE: f64 = 1.5;

/// The brain of one vehicle.
#[derive(Clone, Debug)]
pub struct Onboard {
    pub(crate) config: OnboardConfig,
    pub(crate) atlas: Atlas,
    pub(crate) m: OnboardMemory,
    pub(crate) leg: LegPlan,
    /// What follows from the permits; never stored.
    pub(crate) grounds: Grounds,
    /// Until when the fleet wants to see what the driver sees, and when it was told last.
    show_until: Timestamp,
    shown_at: Timestamp,
    /// What the driver cannot solve by itself, as it last said.
    pub(crate) trouble: Option<HelpKind>,
}

/// All that a vehicle must remember over a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnboardMemory {
    pub(crate) link: Channel<Up, Down>,
    pub(crate) mission: MissionId,
    pub(crate) version: u32,
    /// Stops not yet done; the first is the one it drives to or stands at.
    pub(crate) stops: VecDeque<Stop>,
    pub(crate) done: VecDeque<StopId>,
    pub(crate) phase: Phase,
    pub(crate) path: Vec<EdgeId>,
    pub(crate) path_idx: usize,
    pub(crate) sensed: Sensed,
    pub(crate) trip: Trip,
    /// Compartment of each parcel on board.
    pub(crate) cargo: BTreeMap<ParcelId, u16>,
    pub(crate) call: Option<Call>,
    pub(crate) n_calls: u64,
    pub(crate) quiet_until: Timestamp,
    pub(crate) faults: BTreeSet<FaultKind>,
    pub(crate) closures: BTreeSet<EdgeId>,
    pub(crate) closure_epoch: u64,
    /// What the fleet said last of its permits.
    pub(crate) permits: Vec<PermitPhase>,
    pub(crate) permit_epoch: u64,
    /// Blocked edges that an operator saw to be clear.
    pub(crate) cleared: BTreeSet<EdgeId>,
    pub(crate) is_halted: bool,
    pub(crate) status_at: Timestamp,
}

/// What the vehicle is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Nothing to do; stands, or brakes to a stand.
    Idle,
    /// On its way to the first stop.
    Driving,
    /// At the first stop.
    AtStop(Visit),
}

/// What was driven since the last arrival.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trip {
    pub(crate) edges: Vec<EdgeId>,
    pub(crate) odometer: Meters,
    pub(crate) drawn: WattHours,
}

/// What follows from path and closures; never stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct LegPlan {
    pub(crate) speeds: SpeedPlan,
    /// From the end of each edge of the path to the stop, m.
    pub(crate) to_go_m: Vec<f64>,
    /// First edge of the path, beyond the current one, that may not be entered.
    pub(crate) barred: Option<(usize, Barred)>,
    /// Moments for which permits were checked.
    pub(crate) moments: [Moment; 3],
    /// True if it may not be driven on the edge it is on, now or in a moment.
    pub(crate) must_stand: bool,
    /// The edge and moments for which that was found.
    pub(crate) stood_for: Option<(EdgeId, [Moment; 3])>,
    pub(crate) points: Vec<SpeedPoint>,
}

/// Why an edge may not be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barred {
    Closed,
    Blocked,
    NotPermitted,
}

impl Onboard {
    /// A vehicle that has just been put where `sensed` says, with no mission.
    pub fn new(config: OnboardConfig, atlas: Atlas, sensed: Sensed) -> Self {
        let memory = OnboardMemory {
            link: Channel::new(config.session),
            mission: MissionId(0),
            version: 0,
            stops: VecDeque::new(),
            done: VecDeque::new(),
            phase: Phase::Idle,
            path: vec![sensed.position.edge],
            path_idx: 0,
            trip: Trip {
                edges: vec![sensed.position.edge],
                odometer: sensed.odometer,
                drawn: sensed.drawn,
            },
            sensed,
            cargo: BTreeMap::new(),
            call: None,
            n_calls: 0,
            quiet_until: Timestamp::ZERO,
            faults: BTreeSet::new(),
            closures: BTreeSet::new(),
            closure_epoch: 0,
            permits: config.permits.clone(),
            permit_epoch: 0,
            cleared: BTreeSet::new(),
            is_halted: false,
            status_at: Timestamp::ZERO,
        };
        Self::resume(config, atlas, memory)
    }

    /// A vehicle that goes on after a restart with what it remembers.
    pub fn resume(config: OnboardConfig, atlas: Atlas, memory: OnboardMemory) -> Self {
        let grounds =
            Grounds::new(&memory.permits, config.class.kind, &atlas.city.graph, &atlas.permits);
        let leg = LegPlan::default();
        let (show_until, shown_at) = (Timestamp::ZERO, Timestamp::ZERO);
        let trouble = None;
        let mut van =
            Self { config, atlas, m: memory, leg, grounds, show_until, shown_at, trouble };
        van.plan_leg(Timestamp::ZERO);
        van
    }

    /// What must be stored to go on after a restart.
    pub fn memory(&self) -> &OnboardMemory {
        &self.m
    }

    /// What it does.
    pub fn state(&self, now: Timestamp) -> OnboardState {
        let m = &self.m;
        if m.faults.contains(&FaultKind::Dead) {
            return OnboardState::MinimalRisk;
        }
        match &m.phase {
            _ if m.is_halted => OnboardState::Stopped,
            Phase::Idle => OnboardState::Idle,
            Phase::Driving
                if m.sensed.speed.0 == 0.0
                    && (m.call.is_some() || self.leg.barred.is_some() || self.leg.must_stand) =>
            {
                OnboardState::Stopped
            }
            Phase::Driving => OnboardState::Driving,
            Phase::AtStop(_) => match m.stops.front() {
                Some(stop) if now < stop.earliest => OnboardState::Waiting,
                Some(stop) if stop.kind == StopKind::Charge => OnboardState::Charging,
                _ => OnboardState::Serving,
            },
        }
    }

    /// The city it carries.
    pub fn atlas(&self) -> &Atlas {
        &self.atlas
    }

    /// True while it is parked without a mission.
    pub fn is_idle(&self) -> bool {
        self.m.phase == Phase::Idle && self.m.stops.is_empty()
    }

    /// True while it knows of this fault.
    pub fn has_fault(&self, kind: FaultKind) -> bool {
        self.m.faults.contains(&kind)
    }

    /// Parcels on board in ascending order.
    pub fn on_board(&self) -> impl Iterator<Item = ParcelId> + '_ {
        self.m.cargo.keys().copied()
    }

    /// The stop it drives to or stands at.
    pub fn current_stop(&self) -> Option<&Stop> {
        self.m.stops.front()
    }

    /// True while it wants [`Input::Sensed`] once a second.
    pub fn is_moving(&self) -> bool {
        self.m.phase == Phase::Driving || self.m.sensed.speed.0 > 0.0
    }

    /// True if the fleet waits to see what the driver sees.
    pub fn is_watched(&self, now: Timestamp) -> bool {
        now < self.show_until && now >= self.shown_at + SHOW_EVERY
    }

    /// True while somebody is asked for help.
    pub fn is_calling(&self) -> bool {
        self.m.call.is_some()
    }

    /// The next moment at which it must be stepped even if nothing happens.
    pub fn next_wakeup(&self, now: Timestamp) -> Timestamp {
        if self.is_moving() {
            return now + Seconds(1.0);
        }
        let m = &self.m;
        let mut next = m.status_at;
        if let Some(due) = m.link.next_due(now) {
            next = next.min(due);
        }
        if let Some(call) = &m.call {
            next = next.min(call.until);
        }
        if let (Phase::AtStop(visit), Some(stop)) = (&m.phase, m.stops.front()) {
            next = next.min(visit.next_wakeup(now, stop));
            // The moment from which it may have to leave for its permits.
            let hour = Seconds(3600.0);
            let since = (now + crate::drive::LEAVE_BEFORE).0.rem_euclid(3_600_000);
            next = next.min(now + hour - Seconds(since as f64 / 1000.0));
            let ahead = now + crate::drive::LEAVE_BEFORE;
            if let Some(from) = self.grounds.next_phase(self.grounds.moment(ahead)) {
                next = next.min(now + from.since(ahead));
            }
        }
        next.max(now)
    }

    /// Takes what happened and adds what it wants to `out`. Never panics on input.
    pub fn step(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Tick => {}
            Input::Downlink(envelope) => {
                if let Some(down) = self.m.link.receive(envelope) {
                    self.take_down(now, down, out);
                }
            }
            Input::Sensed(sensed) => self.take_sensed(now, sensed, out),
            Input::Failed(kind) => self.take_fault(now, kind, out),
            Input::Repaired(kind) => self.take_repair(now, kind),
            Input::Fetched(sensed) => self.take_fetched(now, sensed),
            Input::Keypad { order, code } => self.take_code(now, order, &code, out),
            Input::Scan { parcel } => self.take_scan(now, parcel),
            Input::LoadingDone => self.end_loading(now),
            Input::DoorClosed { order, outcome } => self.take_door(now, order, outcome),
            Input::Dropped { task_idx, left_over, trouble } => {
                self.take_drop(now, task_idx, &left_over, trouble);
            }
            Input::Charging { metered, stored } => self.take_charge(now, metered, stored),
            Input::Trouble(trouble) => self.take_trouble(now, trouble),
            Input::Sight(report) => {
                if self.is_watched(now) {
                    self.shown_at = now;
                    let sight = self.m.link.unsequenced(Up::Sight(report));
                    out.push(Output::Send(sight));
                }
            }
        }
        self.settle_call(now, out);
        self.progress(now, out);
        self.speak(now, out);
    }

    /// Goes through phases until one has to wait.
    fn progress(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        // Each turn ends a stop or a phase, so the stops bound it.
        for _ in 0..=2 * self.m.stops.len() + 2 {
            let has_moved = match &self.m.phase {
                Phase::Idle => self.depart(now, out),
                Phase::Driving => self.arrive(now),
                Phase::AtStop(_) => self.serve(now, out),
            };
            if !has_moved {
                break;
            }
        }
    }

    /// Starts towards the first stop, if there is one and nothing keeps the vehicle.
    fn depart(&mut self, now: Timestamp, out: &mut Vec<Output>) -> bool {
        let m = &mut self.m;
        let Some(stop) = m.stops.front() else { return false };
        let is_kept = m.faults.contains(&FaultKind::Dead)
            || m.is_halted
            || m.sensed.speed.0 > 0.0
            || m.link.n_unacked() + LINK_ROOM > WINDOW;
        if is_kept {
            return false;
        }
        let Some(from) = stop.route.iter().position(|e| *e == m.sensed.position.edge) else {
            // It was moved since it took the mission: better another one than the wrong way.
            m.stops.clear();
            let (id, version, reason) = (m.mission, m.version, MissionRefusal::RouteBroken);
            self.say(Up::MissionRefused { id, version, reason });
            return false;
        };
        m.path = stop.route[from..].to_vec();
        m.path_idx = 0;
        let stop = stop.id;
        m.phase = Phase::Driving;
        self.say(Up::Departed { stop, at: now });
        out.push(Output::Follow { path: self.m.path.clone() });
        self.plan_leg(now);
        true
    }

    /// Stands at the first stop?
    fn arrive(&mut self, now: Timestamp) -> bool {
        let is_there = self.m.sensed.speed.0 == 0.0
            && self.m.path_idx + 1 == self.m.path.len()
            && self.distance_to_stop().0 <= crate::drive::AT_STOP_M;
        if !is_there {
            return false;
        }
        let m = &mut self.m;
        let Some(stop) = m.stops.front() else { return false };
        let edge = m.sensed.position.edge;
        let edges = std::mem::replace(&mut m.trip.edges, vec![edge]);
        let distance = m.sensed.odometer - m.trip.odometer;
        let energy = m.sensed.drawn - m.trip.drawn;
        m.trip.odometer = m.sensed.odometer;
        m.trip.drawn = m.sensed.drawn;
        m.phase = Phase::AtStop(Visit::new(now, stop));
        let stop = stop.id;
        self.say(Up::Arrived { stop, at: now, edges, distance, energy });
        true
    }

    /// Ends the current stop.
    pub(crate) fn leave(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(stop) = self.m.stops.pop_front() else { return };
        let m = &mut self.m;
        m.done.push_back(stop.id);
        if m.done.len() > DONE_MAX {
            m.done.pop_front();
        }
        m.phase = Phase::Idle;
        let on_board = m.cargo.keys().copied().collect();
        let stored = m.sensed.stored;
        self.say(Up::StopDone { stop: stop.id, at: now, on_board, stored });
        if !stop.tasks.is_empty() {
            out.push(Output::Leave { stop: stop.id });
        }
    }

    fn take_down(&mut self, now: Timestamp, down: Down, out: &mut Vec<Output>) {
        match down {
            Down::Mission(mission) => self.take_mission(now, mission, out),
            Down::Closures { epoch, edges } => {
                if epoch >= self.m.closure_epoch {
                    self.m.closure_epoch = epoch;
                    self.m.closures = edges.into_iter().collect();
                    self.find_barred(now);
                }
            }
            Down::Permits { epoch, phases } => {
                if epoch >= self.m.permit_epoch {
                    self.m.permit_epoch = epoch;
                    self.m.permits = phases;
                    let (graph, shelf) = (&self.atlas.city.graph, &self.atlas.permits);
                    let kind = self.config.class.kind;
                    self.grounds = Grounds::new(&self.m.permits, kind, graph, shelf);
                    self.leg.stood_for = None;
                    self.find_barred(now);
                }
            }
            Down::Answer { call, choice, .. } => self.take_answer(now, call, choice, out),
            Down::Show { until } => self.show_until = until,
            Down::Halt => self.m.is_halted = true,
            Down::Resume => self.m.is_halted = false,
        }
    }

    fn take_fault(&mut self, now: Timestamp, kind: FaultKind, out: &mut Vec<Output>) {
        if !self.m.faults.insert(kind) {
            return;
        }
        self.say(Up::Fault { kind, at: now });
        if kind == FaultKind::Dead {
            // Whatever else was asked matters no more.
            self.end_call(now);
            self.call_for_help(now, HelpKind::Fault, &[HelpChoice::BeRecovered]);
            if self.m.sensed.speed.0 > 0.0 {
                self.drive(out);
            }
        }
    }

    fn take_repair(&mut self, now: Timestamp, kind: FaultKind) {
        if self.m.faults.remove(&kind) {
            self.say(Up::Recovered { kind, at: now });
            if kind == FaultKind::Dead {
                self.end_call(now);
            }
        }
    }

    /// People have emptied it and put it somewhere else: the mission is void.
    fn take_fetched(&mut self, now: Timestamp, sensed: Sensed) {
        for kind in std::mem::take(&mut self.m.faults) {
            self.say(Up::Recovered { kind, at: now });
        }
        self.end_call(now);
        let parcels = self.m.cargo.keys().copied().collect();
        self.say(Up::Emptied { at: now, parcels });
        let m = &mut self.m;
        m.stops.clear();
        m.cargo.clear();
        m.phase = Phase::Idle;
        m.is_halted = false;
        m.trip = Trip {
            edges: vec![sensed.position.edge],
            odometer: sensed.odometer,
            drawn: sensed.drawn,
        };
        m.path = vec![sensed.position.edge];
        m.path_idx = 0;
        m.sensed = sensed;
        m.status_at = now;
        self.plan_leg(now);
    }

    /// Watches the battery.
    pub(crate) fn watch_battery(&mut self, now: Timestamp) {
        let stored = self.m.sensed.stored;
        let reserve = self.config.class.reserve;
        let is_low = self.m.faults.contains(&FaultKind::BatteryLow);
        if stored < reserve && !is_low {
            self.m.faults.insert(FaultKind::BatteryLow);
            self.say(Up::Fault { kind: FaultKind::BatteryLow, at: now });
        } else if is_low && stored > reserve * RECOVERED_SHARE {
            self.m.faults.remove(&FaultKind::BatteryLow);
            self.say(Up::Recovered { kind: FaultKind::BatteryLow, at: now });
        }
    }

    /// Queues a message. The link has room: the vehicle does not leave a stop without it, and no
    /// stop says more than that room; if it has not, the message is dropped and the vehicle halts.
    pub(crate) fn say(&mut self, up: Up) {
        if self.m.link.send(up).is_err() {
            self.m.is_halted = true;
        }
    }

    /// Gives out telemetry and whatever the link has.
    fn speak(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if now >= self.m.status_at {
            let share = if self.is_moving() { 1.0 } else { 4.0 };
            self.m.status_at = now + self.config.status_every * share;
            let status = self.m.link.unsequenced(Up::Status(self.status(now)));
            out.push(Output::Send(status));
        }
        if self.m.link.next_due(now).is_some_and(|due| due <= now) {
            out.extend(self.m.link.due(now).into_iter().map(Output::Send));
        }
    }

    fn status(&self, now: Timestamp) -> Status {
        let m = &self.m;
        let (world, heading) = self.world_position();
        Status {
            at: now,
            position: m.sensed.position,
            world,
            heading,
            speed: m.sensed.speed,
            stored: m.sensed.stored,
            state: self.state(now),
            mission_version: m.version,
            stop: m.stops.front().map(|stop| stop.id),
            n_parcels: u16::try_from(m.cargo.len()).unwrap_or(u16::MAX),
            odometer: m.sensed.odometer,
        }
    }
}
