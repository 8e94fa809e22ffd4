//! Calls for help: a few safe choices, and the first of them if nobody answers.

use rv_base::{Seconds, Timestamp};
use rv_wire::{FaultKind, HelpChoice, HelpKind, NotHandedOver, Up};
use serde::{Deserialize, Serialize};

use crate::brain::{Onboard, Phase};
use crate::io::Output;

/// After an answer that leaves the cause, the next call about it waits this long.
const QUIET: Seconds = Seconds(120.0);

/// An open call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) kind: HelpKind,
    choices: Vec<HelpChoice>,
    /// When the first choice is done anyway.
    pub(crate) until: Timestamp,
}

impl Onboard {
    /// Opens a call unless one is open already.
    pub(crate) fn call_for_help(&mut self, now: Timestamp, kind: HelpKind, choices: &[HelpChoice]) {
        if self.m.call.is_some() {
            return;
        }
        self.m.n_calls += 1;
        let call = self.m.n_calls;
        let until = now + self.config.help_timeout;
        self.m.call = Some(Call { id: call, kind, choices: choices.to_vec(), until });
        let position = self.m.sensed.position;
        self.say(Up::Help { call, at: now, kind, choices: choices.to_vec(), position });
    }

    /// Closes the open call, if any.
    pub(crate) fn end_call(&mut self, now: Timestamp) {
        if let Some(call) = self.m.call.take() {
            self.say(Up::HelpOver { call: call.id, at: now });
        }
    }

    pub(crate) fn take_answer(
        &mut self,
        now: Timestamp,
        call: u64,
        choice: HelpChoice,
        out: &mut Vec<Output>,
    ) {
        let is_open = self
            .m
            .call
            .as_ref()
            .is_some_and(|open| open.id == call && open.choices.contains(&choice));
        if is_open {
            self.carry_out(now, choice, out);
        }
    }

    /// Does the first choice when nobody has answered in time.
    pub(crate) fn settle_call(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(call) = &mut self.m.call else { return };
        if now < call.until {
            return;
        }
        call.until = Timestamp::FAR_FUTURE;
        if let Some(choice) = call.choices.first().copied() {
            self.carry_out(now, choice, out);
        }
    }

    fn carry_out(&mut self, now: Timestamp, choice: HelpChoice, out: &mut Vec<Output>) {
        let Some(kind) = self.m.call.as_ref().map(|call| call.kind) else { return };
        if choice == HelpChoice::BeRecovered || self.m.faults.contains(&FaultKind::Dead) {
            // The call stays open until people have come.
            return;
        }
        self.m.quiet_until = now + QUIET;
        match choice {
            HelpChoice::Proceed => {
                self.m.cleared.extend(self.m.sensed.blocked);
                self.find_barred(now);
            }
            HelpChoice::Retry => {
                self.m.faults.remove(&FaultKind::DoorStuck);
                self.retry_stop(out);
            }
            HelpChoice::SkipStop => self.give_up_stop(
                now,
                match kind {
                    HelpKind::DoorStuck => NotHandedOver::DoorStuck,
                    HelpKind::CodeTrouble => NotHandedOver::WrongCode,
                    _ => NotHandedOver::NobodyThere,
                },
            ),
            // The fleet sends another mission; until then the vehicle stays.
            HelpChoice::Wait
            | HelpChoice::Reroute
            | HelpChoice::ReturnToHub
            | HelpChoice::BeRecovered => {}
        }
        if choice == HelpChoice::Wait && matches!(self.m.phase, Phase::AtStop(_)) {
            self.retry_stop(out);
        }
        self.end_call(now);
    }
}
