//! One simulated vehicle: its body, its brain, its link, and what happens around it at a stop.

use std::collections::BTreeMap;

use rv_base::{
    FacilityId, Meters, MetersPerSecond, OrderId, ParcelId, RoadPosition, Seconds, StopId,
    Timestamp, VanId, WattHours,
};
use rv_fleet::audit::DrivenEdge;
use rv_model::VanClass;
use rv_onboard::{
    AtDoor, Atlas, DropTrouble, Input, Onboard, OnboardConfig, OnboardMemory, Output, Sensed,
};
use rv_wire::{FaultKind, HelpKind, OnboardState, StopKind, Task};
use serde::{Deserialize, Serialize};

use crate::body::{Body, Power};
use crate::link::{LinkModel, Radio};
use crate::streets::Streets;
use crate::twin::Surroundings;

/// Charger meter readings come this often.
const METER_EVERY: Seconds = Seconds(60.0);

/// A van that is parked with nothing to do sleeps: share of its standby power.
const ASLEEP_SHARE: f64 = 0.1;

/// A van is stored at least this often, even if only its position changed.
const SAVE_EVERY: Seconds = Seconds(20.0);

/// Loading and unloading times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockTimes {
    /// Docking before the first parcel is scanned.
    pub load_s: Seconds,
    /// Each parcel loaded.
    pub load_parcel_s: Seconds,
    /// A locker before its first parcel.
    pub locker_s: Seconds,
    /// Each parcel into a locker.
    pub locker_parcel_s: Seconds,
    /// A station's or hub's staff, before the first parcel.
    pub staff_s: Seconds,
    /// Each parcel that staff takes out.
    pub staff_parcel_s: Seconds,
}

impl DockTimes {
    /// Shelves that roll in and out, and a scan for each parcel.
    pub const USUAL: Self = Self {
        load_s: Seconds(40.0),
        load_parcel_s: Seconds(3.0),
        locker_s: Seconds(30.0),
        locker_parcel_s: Seconds(8.0),
        staff_s: Seconds(30.0),
        staff_parcel_s: Seconds(3.0),
    };
}

/// Something that will happen to the van.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Deed {
    Scan(ParcelId),
    LoadingDone,
    /// Somebody stands at the keypad.
    Enter {
        order: OrderId,
        stop: StopId,
        errs: bool,
        declines: bool,
    },
    CloseDoor {
        order: OrderId,
        outcome: AtDoor,
    },
    Drop {
        task_idx: u16,
        n_parcels: u16,
        facility: Option<FacilityId>,
    },
    Meter,
    Repair(FaultKind),
    Boot,
    Fetched(RoadPosition),
}

/// What must be stored of a van beside its brain's memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct VanRow {
    pub(crate) body: Body,
    pub(crate) radio: Radio,
    deeds: BTreeMap<(Timestamp, u32), Deed>,
    n_deeds: u32,
    /// The stop at which it serves, and people who would decline.
    declining: Option<OrderId>,
    is_plugged: bool,
    charge_until: WattHours,
    metered_from: WattHours,
    is_down: bool,
    was_moving: bool,
}

/// A simulated vehicle.
#[derive(Clone, Debug)]
pub(crate) struct SimVan {
    pub(crate) id: VanId,
    pub(crate) class: VanClass,
    pub(crate) brain: Onboard,
    pub(crate) row: VanRow,
    config: OnboardConfig,
    /// When it must be stepped next.
    pub(crate) due: Timestamp,
    pub(crate) is_dirty: bool,
    saved_at: Timestamp,
    pub(crate) driven: Vec<DrivenEdge>,
    /// True while a detailed simulation drives it; lights and traffic are that one's to see.
    pub(crate) is_detailed: bool,
    /// What a detailed driver cannot solve by itself, to be told to the brain when it changes or lasts.
    pub(crate) trouble: Option<HelpKind>,
    was_in_trouble: bool,
    /// What its driver sees, to be told to those who watch.
    pub(crate) sight: Option<Box<rv_wire::SightReport>>,
}

impl SimVan {
    pub(crate) fn new(
        now: Timestamp,
        config: OnboardConfig,
        atlas: Atlas,
        position: RoadPosition,
        stored: WattHours,
        radio: Radio,
    ) -> Self {
        let body = Body::new(now, position, stored);
        let sensed = Sensed { position, stored, ..Sensed::default() };
        let brain = Onboard::new(config.clone(), atlas, sensed);
        let row = VanRow {
            body,
            radio,
            deeds: BTreeMap::new(),
            n_deeds: 0,
            declining: None,
            is_plugged: false,
            charge_until: WattHours::ZERO,
            metered_from: WattHours::ZERO,
            is_down: false,
            was_moving: false,
        };
        Self::assemble(now, config, brain, row)
    }

    pub(crate) fn restore(
        now: Timestamp,
        config: OnboardConfig,
        atlas: Atlas,
        (memory, mut row): (OnboardMemory, VanRow),
    ) -> Self {
        let brain = Onboard::resume(config.clone(), atlas, memory);
        row.body.at = row.body.at.max(now);
        Self::assemble(now, config, brain, row)
    }

    fn assemble(now: Timestamp, config: OnboardConfig, brain: Onboard, row: VanRow) -> Self {
        Self {
            id: config.van,
            class: config.class.clone(),
            brain,
            row,
            config,
            due: now,
            is_dirty: true,
            saved_at: now,
            driven: Vec::new(),
            is_detailed: false,
            trouble: None,
            was_in_trouble: false,
            sight: None,
        }
    }

    /// The row to store, if it changed; position alone counts only now and then.
    pub(crate) fn take_row(&mut self, now: Timestamp) -> Option<(&OnboardMemory, &VanRow)> {
        if !self.is_dirty && (!self.row.was_moving || now - self.saved_at < SAVE_EVERY) {
            return None;
        }
        self.is_dirty = false;
        self.saved_at = now;
        Some((self.brain.memory(), &self.row))
    }

    pub(crate) fn send_down(&mut self, now: Timestamp, link: &LinkModel, bytes: Vec<u8>) {
        self.row.radio.send_down(now, link, bytes);
        self.is_dirty = true;
        if let Some(at) = self.row.radio.next_down_at() {
            self.due = self.due.min(at);
        }
    }

    /// Its body.
    pub(crate) fn body(&self) -> &Body {
        &self.row.body
    }

    /// Its class.
    pub(crate) fn class(&self) -> &VanClass {
        &self.class
    }

    /// True while its computer is down.
    pub(crate) fn row_is_down(&self) -> bool {
        self.row.is_down
    }

    /// The speed that its brain asks for at the end of a second.
    pub(crate) fn speed_asked_mps(&self) -> f64 {
        (self.row.body.speed.0 + self.row.body.acceleration.0).max(0.0)
    }

    /// Where on the last edge of its path it shall stand, if its stop is there and that edge is the
    /// one before `to_idx`.
    pub(crate) fn stop_offset_m(&self, to_idx: usize) -> Option<f64> {
        let stop = self.brain.current_stop()?;
        let is_last = to_idx == self.row.body.path.len();
        (is_last && self.row.body.path.last() == Some(&stop.at.edge)).then_some(stop.at.offset.0)
    }

    /// A detailed simulation has driven it so.
    pub(crate) fn drive_so(&mut self, way: Meters, speed: MetersPerSecond) {
        self.row.body.driven_so = Some((way, speed));
    }

    pub(crate) fn schedule(&mut self, at: Timestamp, deed: Deed) {
        self.row.n_deeds += 1;
        self.row.deeds.insert((at, self.row.n_deeds), deed);
        self.due = self.due.min(at);
        self.is_dirty = true;
    }

    /// Steps everything about the van up to `now`.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        around: &Surroundings<'_>,
        out: &mut Vec<Output>,
    ) {
        let power = self.power(around.streets);
        self.row.body.advance(now, &around.atlas.roads, &power, &mut self.driven);
        if !self.row.is_down {
            let sensed = self.sense(around.streets);
            // An acceleration is good for one step.
            self.row.body.acceleration = rv_base::MetersPerSecond2::ZERO;
            self.tell(now, Input::Sensed(sensed), around, out);
            let trouble = self.trouble.take();
            if trouble.is_some() || self.was_in_trouble {
                self.was_in_trouble = trouble.is_some();
                self.tell(now, Input::Trouble(trouble), around, out);
            }
            if let Some(sight) = self.sight.take() {
                self.tell(now, Input::Sight(sight), around, out);
            }
        } else if self.row.body.speed.0 > 0.0 {
            self.row.body.fall_back();
        }
        while let Some(first) = self.row.deeds.first_entry() {
            if first.key().0 > now {
                break;
            }
            let deed = first.remove();
            self.is_dirty = true;
            self.happen(now, deed, around, out);
        }
        while let Some(bytes) = self.row.radio.next_down(now) {
            self.is_dirty = true;
            if self.row.is_down {
                continue;
            }
            // Bytes that are no message are dropped, as any receiver must.
            if let Ok(envelope) = rv_wire::decode(&bytes) {
                self.tell(now, Input::Downlink(envelope), around, out);
            }
        }
        self.note_standing(now);
        self.plan_next(now);
    }

    fn plan_next(&mut self, now: Timestamp) {
        let mut due = if self.row.is_down {
            if self.row.body.speed.0 > 0.0 { now + Seconds(1.0) } else { Timestamp::FAR_FUTURE }
        } else {
            self.brain.next_wakeup(now)
        };
        if let Some(at) = self.row.radio.next_down_at() {
            due = due.min(at);
        }
        if let Some(((at, _), _)) = self.row.deeds.first_key_value() {
            due = due.min(*at);
        }
        self.due = due;
    }

    /// Keeps the log of driven edges to the times in which it really drove.
    fn note_standing(&mut self, now: Timestamp) {
        let is_moving = self.row.body.speed.0 > 0.0 || self.row.body.acceleration.0 > 0.0;
        if is_moving && !self.row.was_moving {
            self.row.body.set_off(now);
        } else if !is_moving && self.row.was_moving {
            let part = self.row.body.stand(now);
            self.driven.push(part);
        }
        self.row.was_moving = is_moving;
    }

    fn power(&self, streets: &Streets) -> Power {
        let is_asleep = self.brain.is_idle() && !self.row.is_plugged;
        Power {
            consumption: self.class.consumption,
            battery: self.class.battery,
            standby_share: if is_asleep { ASLEEP_SHARE } else { 1.0 },
            weather_share: streets.weather.energy_share(),
            charger: self.row.is_plugged.then_some(self.class.charge_power),
        }
    }

    fn sense(&self, streets: &Streets) -> Sensed {
        let body = &self.row.body;
        let position = body.position();
        let mut sensed = Sensed {
            position,
            speed: body.speed,
            odometer: body.odometer,
            drawn: body.drawn,
            stored: body.stored,
            ..Sensed::default()
        };
        if self.brain.is_moving() {
            let roads = &self.brain.atlas().roads;
            let view = streets.view(roads, &body.path, body.path_idx, body.offset);
            if !self.is_detailed {
                sensed.flow = streets.flow(position.edge);
                sensed.red_at = view.red_at;
            }
            sensed.blocked = view.blocked;
        }
        sensed
    }

    /// Hands an input to the brain and does what it wants.
    fn tell(
        &mut self,
        now: Timestamp,
        input: Input,
        around: &Surroundings<'_>,
        out: &mut Vec<Output>,
    ) {
        self.brain.step(now, input, out);
        for output in out.drain(..) {
            self.carry_out(now, output, around);
        }
    }

    fn carry_out(&mut self, now: Timestamp, output: Output, around: &Surroundings<'_>) {
        match output {
            Output::Send(envelope) => {
                self.is_dirty |= envelope.seq > 0;
                let bytes = rv_wire::encode(&envelope);
                self.row.radio.send_up(now, &around.config.link, bytes);
            }
            Output::Drive { acceleration } => self.row.body.acceleration = acceleration,
            Output::Follow { path } => {
                self.row.body.follow(path);
                self.is_dirty = true;
            }
            Output::Present { stop, kind, tasks } => self.present(now, stop, kind, tasks, around),
            Output::OpenDoor { order, compartments } => {
                let people = &around.config.people;
                let n_more = compartments.len().saturating_sub(1) as f64;
                let is_stuck = self.brain.has_fault(FaultKind::DoorStuck);
                let outcome = if is_stuck {
                    AtDoor::Stuck
                } else if self.row.declining == Some(order) {
                    AtDoor::Declined
                } else {
                    AtDoor::Complete
                };
                let at = now + people.take_s + people.take_more_s * n_more;
                self.schedule(at, Deed::CloseDoor { order, outcome });
            }
            Output::SayWrongCode { .. } => {}
            Output::Leave { .. } => {
                self.row.is_plugged = false;
                self.row.declining = None;
                self.row.deeds.retain(|_, deed| deed.outlives_stop());
                self.is_dirty = true;
            }
        }
    }

    /// Lets people and machines at a stop do what is presented to them.
    fn present(
        &mut self,
        now: Timestamp,
        stop: StopId,
        kind: StopKind,
        tasks: Vec<(u16, Task)>,
        around: &Surroundings<'_>,
    ) {
        let times = &around.config.docks;
        let facility = around.facility_at(self.row.body.position());
        let mut at = now;
        let mut n_missing = 0_u32;
        let mut has_load = false;
        for (task_idx, task) in tasks {
            match task {
                Task::Load { parcel, .. } => {
                    if !has_load {
                        at = at + times.load_s;
                        has_load = true;
                    }
                    at = at + times.load_parcel_s;
                    if around.is_missing(parcel) {
                        n_missing += 1;
                    } else {
                        self.schedule(at, Deed::Scan(parcel));
                    }
                }
                Task::HandOver { order, .. } | Task::Collect { order, .. } => {
                    self.expect_visitor(now, order, stop, around);
                }
                Task::Drop { parcels } => {
                    let n = parcels.len() as f64;
                    at = if kind == StopKind::Locker {
                        at + times.locker_s + times.locker_parcel_s * n
                    } else {
                        at + times.staff_s + times.staff_parcel_s * n
                    };
                    let n_parcels = u16::try_from(parcels.len()).unwrap_or(u16::MAX);
                    self.schedule(at, Deed::Drop { task_idx, n_parcels, facility });
                }
                Task::Charge { until } => {
                    self.row.is_plugged = true;
                    self.row.charge_until = until;
                    self.row.metered_from = self.row.body.metered;
                    self.schedule(now + METER_EVERY, Deed::Meter);
                }
            }
        }
        if n_missing > 0 {
            self.schedule(at + times.load_s, Deed::LoadingDone);
        }
    }

    fn expect_visitor(
        &mut self,
        now: Timestamp,
        order: OrderId,
        stop: StopId,
        around: &Surroundings<'_>,
    ) {
        let visitor = around.visitor(order, stop);
        if let Some(after) = visitor.comes_after {
            let (errs, declines) = (visitor.errs_first, visitor.declines);
            self.schedule(now + after, Deed::Enter { order, stop, errs, declines });
        }
    }

    fn happen(
        &mut self,
        now: Timestamp,
        deed: Deed,
        around: &Surroundings<'_>,
        out: &mut Vec<Output>,
    ) {
        if self.row.is_down && !matches!(deed, Deed::Boot | Deed::Fetched(_)) {
            // People try again when its screen is on.
            self.schedule(now + Seconds(10.0), deed);
            return;
        }
        match deed {
            Deed::Scan(parcel) => self.tell(now, Input::Scan { parcel }, around, out),
            Deed::LoadingDone => self.tell(now, Input::LoadingDone, around, out),
            Deed::Enter { order, stop, errs, declines } => {
                // Who was told no code for this stop, or another one since, cannot open.
                let Some(code) = around.code(order, stop) else { return };
                self.row.declining = declines.then_some(order);
                if errs {
                    let again = Deed::Enter { order, stop, errs: false, declines };
                    self.schedule(now + Seconds(9.0), again);
                    let code = code.chars().rev().collect();
                    self.tell(now, Input::Keypad { order, code }, around, out);
                } else {
                    self.tell(now, Input::Keypad { order, code }, around, out);
                }
            }
            Deed::CloseDoor { order, outcome } => {
                self.tell(now, Input::DoorClosed { order, outcome }, around, out);
            }
            Deed::Drop { task_idx, facility, .. } => {
                let trouble =
                    facility.is_some_and(|id| around.is_jammed(id)).then_some(DropTrouble::Jammed);
                let input = Input::Dropped { task_idx, left_over: Vec::new(), trouble };
                self.tell(now, input, around, out);
            }
            Deed::Meter => self.read_meter(now, around, out),
            Deed::Repair(kind) => self.tell(now, Input::Repaired(kind), around, out),
            Deed::Boot => self.boot(now),
            Deed::Fetched(position) => self.be_fetched(now, position, around, out),
        }
    }

    fn read_meter(&mut self, now: Timestamp, around: &Surroundings<'_>, out: &mut Vec<Output>) {
        if !self.row.is_plugged {
            return;
        }
        let body = &self.row.body;
        let (stored, metered) = (body.stored, body.metered - self.row.metered_from);
        let missing = self.row.charge_until.min(self.class.battery) - stored;
        if missing > WattHours(1.0) {
            let left = Seconds(missing.0 / self.class.charge_power.0 * 3600.0).max(Seconds(1.0));
            self.schedule(now + METER_EVERY.min(left), Deed::Meter);
        }
        self.tell(now, Input::Charging { metered, stored }, around, out);
    }

    /// A part fails now.
    pub(crate) fn fail(
        &mut self,
        now: Timestamp,
        kind: FaultKind,
        around: &Surroundings<'_>,
        out: &mut Vec<Output>,
    ) {
        self.step(now, around, out);
        if !self.row.is_down {
            self.tell(now, Input::Failed(kind), around, out);
        }
        self.is_dirty = true;
        self.plan_next(now);
    }

    /// The computer goes down now, and comes back after a while.
    pub(crate) fn go_down(
        &mut self,
        now: Timestamp,
        downtime: Seconds,
        around: &Surroundings<'_>,
        out: &mut Vec<Output>,
    ) {
        self.step(now, around, out);
        if !self.row.is_down {
            self.row.is_down = true;
            self.row.body.fall_back();
            self.schedule(now + downtime, Deed::Boot);
        }
        self.plan_next(now);
    }

    /// The computer starts again from what it has stored.
    fn boot(&mut self, now: Timestamp) {
        let bytes = postcard::to_stdvec(self.brain.memory())
            .expect("plain data without maps of unknown length always serialises");
        if let Ok(memory) = postcard::from_bytes(&bytes) {
            let atlas = self.brain.atlas().clone();
            self.brain = Onboard::resume(self.config.clone(), atlas, memory);
        }
        self.row.is_down = false;
        self.due = now;
    }

    /// People have taken everything out, repaired it and brought it to its hub.
    fn be_fetched(
        &mut self,
        now: Timestamp,
        position: RoadPosition,
        around: &Surroundings<'_>,
        out: &mut Vec<Output>,
    ) {
        self.row.is_down = false;
        self.row.is_plugged = false;
        self.row.deeds.clear();
        if self.row.was_moving {
            let part = self.row.body.stand(now);
            self.driven.push(part);
            self.row.was_moving = false;
        }
        self.row.body.put(now, position);
        let enough = self.class.battery * 0.5;
        self.row.body.stored = self.row.body.stored.max(enough);
        let sensed = self.sense(around.streets);
        self.tell(now, Input::Fetched(sensed), around, out);
    }

    /// Where the body is, for tests and pictures.
    pub(crate) fn state(&self, now: Timestamp) -> (RoadPosition, Meters, WattHours, OnboardState) {
        let body = &self.row.body;
        (body.position(), body.odometer, body.stored, self.brain.state(now))
    }
}

impl Deed {
    /// True for what does not belong to the stop at which it was scheduled.
    fn outlives_stop(&self) -> bool {
        matches!(self, Self::Repair(_) | Self::Boot | Self::Fetched(_))
    }
}
