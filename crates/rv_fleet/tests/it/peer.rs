//! A scripted van: it does what its mission says, at once, and tells the fleet.

use std::collections::{BTreeSet, VecDeque};

use rv_base::{MissionId, ParcelId, Rng, RoadPosition, StopId, Timestamp, WattHours};
use rv_wire::{
    Channel, Down, Envelope, Mission, MissionRefusal, NotHandedOver, Proof, Stop, StopKind, Task,
    TaskResult, Up,
};

/// The far end of the fleet's channel.
pub struct Peer {
    channel: Channel<Up, Down>,
    version: u32,
    stops: VecDeque<Stop>,
    done: BTreeSet<StopId>,
    phase: Phase,
    pub on_board: BTreeSet<ParcelId>,
    pub position: RoadPosition,
    is_halted: bool,
    is_honest: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Idle,
    Driving,
    AtStop(usize),
}

impl Peer {
    pub fn new(position: RoadPosition) -> Self {
        Self {
            channel: Channel::new(1),
            version: 0,
            stops: VecDeque::new(),
            done: BTreeSet::new(),
            phase: Phase::Idle,
            on_board: BTreeSet::new(),
            position,
            is_halted: false,
            is_honest: false,
        }
    }

    /// From now on nothing goes wrong at its stops.
    pub fn be_good(&mut self) {
        self.is_honest = true;
        self.is_halted = false;
    }

    /// People have brought it to its hub, empty.
    pub fn fetched(&mut self, now: Timestamp, hub: RoadPosition, world: &mut Parcels) {
        let parcels: Vec<ParcelId> = self.on_board.iter().copied().collect();
        parcels.iter().for_each(|p| world.put(*p, Whereabouts::Hub));
        self.say(Up::Emptied { at: now, parcels });
        self.stops.clear();
        self.on_board.clear();
        self.phase = Phase::Idle;
        self.position = hub;
        self.is_halted = false;
    }

    pub fn due(&mut self, now: Timestamp) -> Vec<Envelope<Up>> {
        self.channel.due(now)
    }

    pub fn receive(&mut self, envelope: Envelope<Down>) {
        match self.channel.receive(envelope) {
            Some(Down::Mission(mission)) => self.take(mission),
            Some(Down::Halt) => self.is_halted = true,
            Some(Down::Resume) => self.is_halted = false,
            Some(
                Down::Closures { .. }
                | Down::Permits { .. }
                | Down::Answer { .. }
                | Down::Show { .. },
            )
            | None => {}
        }
    }

    fn say(&mut self, up: Up) {
        self.channel.send(up).unwrap();
    }

    fn take(&mut self, mission: Mission) {
        let Mission { id, version, stops } = mission;
        match self.check(version, stops.into()) {
            Ok(stops) => {
                self.version = version;
                let is_same = stops.front().map(|s| s.id) == self.stops.front().map(|s| s.id);
                self.stops = stops;
                if !is_same {
                    self.phase = Phase::Idle;
                }
                self.say(Up::MissionAccepted { id, version });
            }
            Err(reason) => self.refuse(id, version, reason),
        }
    }

    fn refuse(&mut self, id: MissionId, version: u32, reason: MissionRefusal) {
        self.say(Up::MissionRefused { id, version, reason });
    }

    fn check(
        &self,
        version: u32,
        mut stops: VecDeque<Stop>,
    ) -> Result<VecDeque<Stop>, MissionRefusal> {
        if version <= self.version {
            return Err(MissionRefusal::Stale);
        }
        stops.retain(|stop| !self.done.contains(&stop.id));
        let current = self.stops.front().filter(|_| matches!(self.phase, Phase::AtStop(_)));
        if let Some(current) = current {
            if stops.front().map(|s| s.id) != Some(current.id) {
                return Err(MissionRefusal::StopUnderWay);
            }
        } else if let Some(first) = stops.front()
            && !first.route.contains(&self.position.edge)
        {
            return Err(MissionRefusal::RouteBroken);
        }
        let gap = stops.iter().zip(stops.iter().skip(1)).any(|(before, after)| {
            after.route.first() != Some(&before.at.edge)
                || after.route.last() != Some(&after.at.edge)
        });
        if gap { Err(MissionRefusal::RouteBroken) } else { Ok(stops) }
    }

    /// Does the next thing.
    pub fn act(&mut self, now: Timestamp, rng: &mut Rng, world: &mut Parcels) {
        if self.is_halted && !matches!(self.phase, Phase::AtStop(_)) {
            return;
        }
        let Some(stop) = self.stops.front().cloned() else { return };
        match self.phase {
            Phase::Idle => {
                self.phase = Phase::Driving;
                self.say(Up::Departed { stop: stop.id, at: now });
            }
            Phase::Driving => {
                let from = stop.route.iter().position(|e| *e == self.position.edge).unwrap_or(0);
                let edges: Vec<_> = stop.route[from..].to_vec();
                self.position = stop.at;
                self.phase = Phase::AtStop(0);
                self.say(Up::Arrived {
                    stop: stop.id,
                    at: now,
                    distance: rv_base::Meters(150.0 * (edges.len() - 1) as f64),
                    energy: WattHours(20.0 * edges.len() as f64),
                    edges,
                });
            }
            Phase::AtStop(idx) if idx < stop.tasks.len() => {
                self.phase = Phase::AtStop(idx + 1);
                let result = self.perform(&stop, idx, rng, world);
                let task_idx = idx as u16;
                self.say(Up::Task { stop: stop.id, task_idx, at: now, result });
            }
            Phase::AtStop(_) => {
                self.phase = Phase::Idle;
                self.done.insert(stop.id);
                self.stops.pop_front();
                let on_board = self.on_board.iter().copied().collect();
                let stored = WattHours(30_000.0);
                self.say(Up::StopDone { stop: stop.id, at: now, on_board, stored });
            }
        }
    }

    fn perform(
        &mut self,
        stop: &Stop,
        idx: usize,
        rng: &mut Rng,
        world: &mut Parcels,
    ) -> TaskResult {
        let goes_wrong = !self.is_honest && rng.chance(0.15);
        let why = [NotHandedOver::NobodyThere, NotHandedOver::WrongCode, NotHandedOver::Declined];
        match &stop.tasks[idx] {
            Task::Load { parcel, .. } if goes_wrong || world.at(*parcel) != Whereabouts::Hub => {
                TaskResult::NotLoaded
            }
            Task::Load { parcel, .. } => {
                self.on_board.insert(*parcel);
                world.put(*parcel, Whereabouts::Van);
                TaskResult::Loaded
            }
            Task::HandOver { .. } | Task::Collect { .. } if goes_wrong => {
                TaskResult::NotHandedOver(*rng.choose(&why).unwrap())
            }
            Task::HandOver { parcels, .. }
                if !parcels.iter().all(|p| self.on_board.contains(p)) =>
            {
                TaskResult::NotHandedOver(NotHandedOver::NotOnBoard)
            }
            Task::HandOver { parcels, code, .. } => {
                self.take_out(parcels, Whereabouts::Recipient, world);
                TaskResult::HandedOver(Proof { code: *code, evidence: [0; 16] })
            }
            Task::Collect { parcels, .. }
                if parcels.iter().any(|p| world.at(*p) != Whereabouts::Sender) =>
            {
                TaskResult::NotHandedOver(NotHandedOver::NobodyThere)
            }
            Task::Collect { parcels, code, .. } => {
                self.on_board.extend(parcels);
                parcels.iter().for_each(|p| world.put(*p, Whereabouts::Van));
                TaskResult::Collected(Proof { code: *code, evidence: [0; 16] })
            }
            Task::Drop { parcels } => {
                let is_hub = stop.kind == StopKind::Unload;
                let asked: Vec<ParcelId> = if is_hub {
                    self.on_board.iter().copied().collect()
                } else {
                    parcels.iter().copied().filter(|p| self.on_board.contains(p)).collect()
                };
                let n_taken = if goes_wrong && !is_hub { 0 } else { asked.len() };
                let (taken, left) = asked.split_at(n_taken);
                let to = if is_hub { Whereabouts::Hub } else { Whereabouts::Facility };
                self.take_out(taken, to, world);
                TaskResult::Dropped { parcels: taken.to_vec(), left_over: left.to_vec() }
            }
            Task::Charge { .. } => TaskResult::Charged { energy: WattHours(1000.0) },
        }
    }

    fn take_out(&mut self, parcels: &[ParcelId], to: Whereabouts, world: &mut Parcels) {
        for parcel in parcels {
            self.on_board.remove(parcel);
            world.put(*parcel, to);
        }
    }
}

/// Where a parcel really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    Sender,
    Hub,
    Van,
    Facility,
    Recipient,
    Truck,
}

/// Where all parcels really are, whatever the fleet believes.
#[derive(Default)]
pub struct Parcels {
    places: std::collections::BTreeMap<ParcelId, Whereabouts>,
}

impl Parcels {
    pub fn put(&mut self, parcel: ParcelId, at: Whereabouts) {
        self.places.insert(parcel, at);
    }

    pub fn at(&self, parcel: ParcelId) -> Whereabouts {
        self.places[&parcel]
    }
}
