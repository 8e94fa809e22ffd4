//! What is done at a stop: loading, handing over, collecting, dropping, charging.
//!
//! Handovers and collections of one stop are open side by side, since people come when they come.

use rv_base::{OrderId, ParcelId, Seconds, StopId, Timestamp, WattHours};
use rv_wire::{
    CodeHash, FaultKind, HelpChoice, HelpKind, NotHandedOver, Proof, Stop, StopKind, Task,
    TaskResult, Up,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::brain::{Onboard, Phase};
use crate::io::{AtDoor, DropTrouble, Output};

/// Wrong codes after which the vehicle calls for help.
const WRONG_CODES_CALL: u8 = 3;

/// Wrong codes after which it gives up.
const WRONG_CODES_MAX: u8 = 6;

/// Longest code that is looked at, bytes.
const CODE_BYTES_MAX: usize = 64;

/// Longest time that a recipient may keep a compartment open.
const DOOR_OPEN_MAX: Seconds = Seconds(600.0);

/// Longest time for loading and dropping, beyond the stop's own wait.
const DOCK_MAX: Seconds = Seconds(3600.0);

/// The state of a stop that the vehicle stands at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Visit {
    arrived: Timestamp,
    /// When its tasks were presented.
    begun: Option<Timestamp>,
    tasks: Vec<Progress>,
    n_wrong: u8,
    metered: WattHours,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Progress {
    Open,
    /// The right code was entered; the doors are open.
    Unlocked {
        code: CodeHash,
        since: Timestamp,
    },
    Done,
}

impl Visit {
    pub(crate) fn new(arrived: Timestamp, stop: &Stop) -> Self {
        Self {
            arrived,
            begun: None,
            tasks: vec![Progress::Open; stop.tasks.len()],
            n_wrong: 0,
            metered: WattHours::ZERO,
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// True if a changed stop still has, at its place, each task that is no longer open.
    pub(crate) fn fits(&self, before: &Stop, after: &Stop) -> bool {
        self.tasks.iter().enumerate().all(|(idx, progress)| {
            *progress == Progress::Open || before.tasks.get(idx) == after.tasks.get(idx)
        })
    }

    pub(crate) fn next_wakeup(&self, now: Timestamp, stop: &Stop) -> Timestamp {
        match self.begun {
            None => stop.earliest.max(now),
            Some(begun) => (0..stop.tasks.len())
                .filter_map(|idx| self.deadline(begun, idx, stop))
                .min()
                .unwrap_or(Timestamp::FAR_FUTURE),
        }
    }

    /// When an open task is given up.
    fn deadline(&self, begun: Timestamp, idx: usize, stop: &Stop) -> Option<Timestamp> {
        match (self.tasks.get(idx)?, stop.tasks.get(idx)?) {
            (Progress::Done, _) | (_, Task::Charge { .. }) => None,
            (Progress::Unlocked { since, .. }, _) => Some(*since + DOOR_OPEN_MAX),
            (_, Task::HandOver { .. } | Task::Collect { .. }) => Some(begun + stop.wait_max),
            _ => Some(begun + stop.wait_max + DOCK_MAX),
        }
    }
}

/// What a code must hash to at a stop, for an order.
fn hash_code(stop: StopId, order: OrderId, code: &str) -> CodeHash {
    let mut hasher = Sha256::new();
    hasher.update(stop.0.to_le_bytes());
    hasher.update(order.0.to_le_bytes());
    hasher.update(code.as_bytes());
    hasher.finalize().into()
}

impl Onboard {
    /// Goes on with the stop it stands at; true when the stop ended.
    pub(crate) fn serve(&mut self, now: Timestamp, out: &mut Vec<Output>) -> bool {
        let must_leave = self.must_leave(now);
        let (Phase::AtStop(visit), Some(stop)) = (&mut self.m.phase, self.m.stops.front()) else {
            return false;
        };
        let is_early = now < stop.earliest && !must_leave;
        if is_early || self.m.faults.contains(&FaultKind::Dead) {
            return false;
        }
        if visit.begun.is_none() {
            visit.begun = Some(now);
            self.refuse_what_is_missing(now);
            self.present(out);
        }
        self.give_up_late(now);
        if must_leave {
            self.give_up_waiting(now);
        }
        let Phase::AtStop(visit) = &self.m.phase else { return false };
        if visit.tasks.iter().any(|task| *task != Progress::Done) {
            return false;
        }
        let is_over_here = self.m.call.as_ref().is_some_and(|call| {
            matches!(
                call.kind,
                HelpKind::LockerJammed | HelpKind::CodeTrouble | HelpKind::DoorStuck
            )
        });
        if is_over_here {
            self.end_call(now);
        }
        self.leave(now, out);
        true
    }

    /// The current stop has another list of tasks; those that were open before stay as they were.
    pub(crate) fn renew_visit(&mut self, before: Vec<Task>, out: &mut Vec<Output>) {
        let (Phase::AtStop(visit), Some(stop)) = (&mut self.m.phase, self.m.stops.front()) else {
            return;
        };
        if stop.tasks == before {
            return;
        }
        let progress = |(idx, task)| match before.get(idx) {
            Some(old) if old == task => visit.tasks[idx],
            _ => Progress::Open,
        };
        visit.tasks = stop.tasks.iter().enumerate().map(progress).collect();
        if visit.has_begun() {
            self.present(out);
        }
    }

    /// Shows the open tasks again and takes codes anew.
    pub(crate) fn retry_stop(&mut self, out: &mut Vec<Output>) {
        if let Phase::AtStop(visit) = &mut self.m.phase {
            visit.n_wrong = 0;
            self.present(out);
        }
    }

    /// Ends every open task of the current stop.
    pub(crate) fn give_up_stop(&mut self, now: Timestamp, why: NotHandedOver) {
        for idx in 0..self.n_tasks() {
            self.give_up_task(now, idx, why);
        }
    }

    pub(crate) fn end_charge(&mut self, now: Timestamp) {
        self.give_up_stop(now, NotHandedOver::NobodyThere);
    }

    pub(crate) fn take_code(
        &mut self,
        now: Timestamp,
        order: OrderId,
        code: &str,
        out: &mut Vec<Output>,
    ) {
        let is_for = |task: &Task| match task {
            Task::HandOver { order: of, .. } | Task::Collect { order: of, .. } => *of == order,
            _ => false,
        };
        let Some((stop, idx)) = self.find_open(is_for) else {
            out.push(Output::SayWrongCode { order });
            return;
        };
        let (wanted, compartments) = match &self.m.stops[0].tasks[idx] {
            Task::HandOver { parcels, code, .. } => {
                let mut places: Vec<u16> =
                    parcels.iter().filter_map(|p| self.m.cargo.get(p).copied()).collect();
                places.sort_unstable();
                places.dedup();
                (*code, places)
            }
            Task::Collect { compartment, code, .. } => (*code, vec![*compartment]),
            _ => return,
        };
        let Phase::AtStop(visit) = &mut self.m.phase else { return };
        if code.len() <= CODE_BYTES_MAX && hash_code(stop, order, code) == wanted {
            visit.tasks[idx] = Progress::Unlocked { code: wanted, since: now };
            out.push(Output::OpenDoor { order, compartments });
            return;
        }
        visit.n_wrong = visit.n_wrong.saturating_add(1);
        let n_wrong = visit.n_wrong;
        out.push(Output::SayWrongCode { order });
        if n_wrong >= WRONG_CODES_MAX {
            self.end_task(now, idx, TaskResult::NotHandedOver(NotHandedOver::WrongCode));
        } else if n_wrong == WRONG_CODES_CALL {
            let choices = [HelpChoice::Retry, HelpChoice::SkipStop];
            self.call_for_help(now, HelpKind::CodeTrouble, &choices);
        }
    }

    pub(crate) fn take_door(&mut self, now: Timestamp, order: OrderId, outcome: AtDoor) {
        let Phase::AtStop(visit) = &mut self.m.phase else { return };
        let Some(stop) = self.m.stops.front() else { return };
        let found = stop.tasks.iter().zip(&visit.tasks).position(|(task, progress)| {
            matches!(task, Task::HandOver { order: of, .. } | Task::Collect { order: of, .. }
                if *of == order)
                && matches!(progress, Progress::Unlocked { .. })
        });
        let Some(idx) = found else { return };
        let Progress::Unlocked { code, .. } = visit.tasks[idx] else { return };
        match outcome {
            AtDoor::Stuck => {
                visit.tasks[idx] = Progress::Open;
                if self.m.faults.insert(FaultKind::DoorStuck) {
                    self.say(Up::Fault { kind: FaultKind::DoorStuck, at: now });
                }
                let choices = [HelpChoice::SkipStop, HelpChoice::Retry];
                self.call_for_help(now, HelpKind::DoorStuck, &choices);
            }
            AtDoor::Declined => {
                self.end_task(now, idx, TaskResult::NotHandedOver(NotHandedOver::Declined));
            }
            AtDoor::Complete => {
                let proof = Proof { code, evidence: self.evidence(now, stop.id, order) };
                let result = match &stop.tasks[idx] {
                    Task::Collect { parcels, compartment, .. } => {
                        self.m.cargo.extend(parcels.iter().map(|p| (*p, *compartment)));
                        TaskResult::Collected(proof)
                    }
                    Task::HandOver { parcels, .. } => {
                        for parcel in parcels {
                            self.m.cargo.remove(parcel);
                        }
                        TaskResult::HandedOver(proof)
                    }
                    _ => return,
                };
                self.end_task(now, idx, result);
            }
        }
    }

    pub(crate) fn take_scan(&mut self, now: Timestamp, scanned: ParcelId) {
        let is_it = |task: &Task| matches!(task, Task::Load { parcel, .. } if *parcel == scanned);
        let Some((_, idx)) = self.find_open(is_it) else { return };
        if let Task::Load { parcel, compartment, .. } = self.m.stops[0].tasks[idx] {
            self.m.cargo.insert(parcel, compartment);
            self.end_task(now, idx, TaskResult::Loaded);
        }
    }

    pub(crate) fn end_loading(&mut self, now: Timestamp) {
        for idx in 0..self.n_tasks() {
            if matches!(self.m.stops[0].tasks[idx], Task::Load { .. }) {
                self.give_up_task(now, idx, NotHandedOver::NobodyThere);
            }
        }
    }

    pub(crate) fn take_drop(
        &mut self,
        now: Timestamp,
        task_idx: u16,
        left_over: &[ParcelId],
        trouble: Option<DropTrouble>,
    ) {
        let idx = usize::from(task_idx);
        let is_open = matches!(&self.m.phase, Phase::AtStop(visit)
            if visit.begun.is_some() && visit.tasks.get(idx) == Some(&Progress::Open));
        let Some(Task::Drop { parcels }) = self.m.stops.front().and_then(|s| s.tasks.get(idx))
        else {
            return;
        };
        if !is_open {
            return;
        }
        if trouble == Some(DropTrouble::Jammed) {
            let choices = [HelpChoice::SkipStop, HelpChoice::Retry];
            self.call_for_help(now, HelpKind::LockerJammed, &choices);
            return;
        }
        let wanted = self.drop_list(parcels);
        let (left_over, parcels): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|parcel| left_over.contains(parcel));
        for parcel in &parcels {
            self.m.cargo.remove(parcel);
        }
        self.end_task(now, idx, TaskResult::Dropped { parcels, left_over });
    }

    pub(crate) fn take_charge(&mut self, now: Timestamp, metered: WattHours, stored: WattHours) {
        self.m.sensed.stored = stored;
        self.watch_battery(now);
        let Some((_, idx)) = self.find_open(|task| matches!(task, Task::Charge { .. })) else {
            return;
        };
        if let Phase::AtStop(visit) = &mut self.m.phase {
            visit.metered = metered;
        }
        if let Task::Charge { until } = self.m.stops[0].tasks[idx]
            && stored >= until.min(self.config.class.battery) - WattHours(1.0)
        {
            self.end_task(now, idx, TaskResult::Charged { energy: metered });
        }
    }

    /// What a drop takes out: the planned parcels that are on board; at an unload also those that
    /// no later stop has a use for.
    fn drop_list(&self, planned: &[ParcelId]) -> Vec<ParcelId> {
        let m = &self.m;
        let is_unload = m.stops.front().is_some_and(|stop| stop.kind == StopKind::Unload);
        if !is_unload {
            return planned.iter().copied().filter(|p| m.cargo.contains_key(p)).collect();
        }
        let is_for_later = |parcel: &ParcelId| {
            m.stops.iter().skip(1).flat_map(|stop| &stop.tasks).any(|task| match task {
                Task::HandOver { parcels, .. } | Task::Drop { parcels } => parcels.contains(parcel),
                _ => false,
            })
        };
        m.cargo.keys().copied().filter(|p| planned.contains(p) || !is_for_later(p)).collect()
    }

    /// The current stop and the index of an open task of it, once it has begun.
    fn find_open(&self, is_it: impl Fn(&Task) -> bool) -> Option<(StopId, usize)> {
        let Phase::AtStop(visit) = &self.m.phase else { return None };
        visit.begun?;
        let stop = self.m.stops.front()?;
        let idx = stop
            .tasks
            .iter()
            .zip(&visit.tasks)
            .position(|(task, progress)| *progress == Progress::Open && is_it(task))?;
        Some((stop.id, idx))
    }

    fn n_tasks(&self) -> usize {
        match (&self.m.phase, self.m.stops.front()) {
            (Phase::AtStop(_), Some(stop)) => stop.tasks.len(),
            _ => 0,
        }
    }

    fn end_task(&mut self, now: Timestamp, idx: usize, result: TaskResult) {
        let (Phase::AtStop(visit), Some(stop)) = (&mut self.m.phase, self.m.stops.front()) else {
            return;
        };
        visit.tasks[idx] = Progress::Done;
        let task_idx = u16::try_from(idx).unwrap_or(u16::MAX);
        let stop = stop.id;
        self.say(Up::Task { stop, task_idx, at: now, result });
    }

    /// Ends one task without success; nothing if it is done already.
    fn give_up_task(&mut self, now: Timestamp, idx: usize, why: NotHandedOver) {
        let (Phase::AtStop(visit), Some(stop)) = (&self.m.phase, self.m.stops.front()) else {
            return;
        };
        if visit.tasks.get(idx).is_none_or(|task| *task == Progress::Done) {
            return;
        }
        let result = match &stop.tasks[idx] {
            Task::Load { .. } => TaskResult::NotLoaded,
            Task::HandOver { .. } | Task::Collect { .. } => TaskResult::NotHandedOver(why),
            Task::Drop { parcels } => {
                TaskResult::Dropped { parcels: Vec::new(), left_over: self.drop_list(parcels) }
            }
            Task::Charge { .. } => TaskResult::Charged { energy: visit.metered },
        };
        self.end_task(now, idx, result);
    }

    /// Gives up everything but the doors that stand open, which somebody is about to close.
    fn give_up_waiting(&mut self, now: Timestamp) {
        for idx in 0..self.n_tasks() {
            let Phase::AtStop(visit) = &self.m.phase else { return };
            if !matches!(visit.tasks[idx], Progress::Unlocked { .. }) {
                self.give_up_task(now, idx, NotHandedOver::NobodyThere);
            }
        }
    }

    /// Gives up what has waited too long.
    fn give_up_late(&mut self, now: Timestamp) {
        for idx in 0..self.n_tasks() {
            let (Phase::AtStop(visit), Some(stop)) = (&self.m.phase, self.m.stops.front()) else {
                return;
            };
            let deadline = visit.begun.and_then(|begun| visit.deadline(begun, idx, stop));
            if deadline.is_some_and(|deadline| now >= deadline) {
                let why = match visit.tasks[idx] {
                    Progress::Unlocked { .. } => NotHandedOver::DoorStuck,
                    _ if visit.n_wrong > 0 => NotHandedOver::WrongCode,
                    _ => NotHandedOver::NobodyThere,
                };
                self.give_up_task(now, idx, why);
            }
        }
    }

    /// An order is handed over whole or not at all.
    fn refuse_what_is_missing(&mut self, now: Timestamp) {
        for idx in 0..self.n_tasks() {
            if let Task::HandOver { parcels, .. } = &self.m.stops[0].tasks[idx]
                && !parcels.iter().all(|p| self.m.cargo.contains_key(p))
            {
                self.give_up_task(now, idx, NotHandedOver::NotOnBoard);
            }
        }
    }

    fn present(&self, out: &mut Vec<Output>) {
        let (Phase::AtStop(visit), Some(stop)) = (&self.m.phase, self.m.stops.front()) else {
            return;
        };
        let tasks: Vec<_> = stop
            .tasks
            .iter()
            .zip(&visit.tasks)
            .enumerate()
            .filter(|(_, (_, progress))| **progress == Progress::Open)
            .map(|(idx, (task, _))| {
                let task = match task {
                    Task::Drop { parcels } => Task::Drop { parcels: self.drop_list(parcels) },
                    task => task.clone(),
                };
                (u16::try_from(idx).unwrap_or(u16::MAX), task)
            })
            .collect();
        if !tasks.is_empty() {
            out.push(Output::Present { stop: stop.id, kind: stop.kind, tasks });
        }
    }

    /// Digest of what was seen at a handover.
    fn evidence(&self, now: Timestamp, stop: StopId, order: OrderId) -> [u8; 16] {
        let mut hasher = Sha256::new();
        hasher.update(self.config.van.0.to_le_bytes());
        hasher.update(stop.0.to_le_bytes());
        hasher.update(order.0.to_le_bytes());
        hasher.update(now.0.to_le_bytes());
        hasher.update((self.m.cargo.len() as u64).to_le_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let mut evidence = [0; 16];
        evidence.copy_from_slice(&digest[..16]);
        evidence
    }
}
