//! Remote assistance: tickets, their queue, operators and what an answer leads to.

use rv_base::{OperatorId, RoadPosition, Seconds, TicketId, Timestamp, VanId};
use rv_wire::{Down, HelpChoice, HelpKind};

use crate::event::{AnsweredBy, Event, MissionCause, TicketKind};
use crate::fleet::{Fleet, Timer};
use crate::io::{Done, Rejection};
use crate::state::TicketStatus;

/// Most choices that a ticket keeps.
const CHOICES_MAX: usize = 8;

impl Fleet {
    /// A van calls for help.
    pub(crate) fn help(
        &mut self,
        now: Timestamp,
        van: VanId,
        call: u64,
        kind: HelpKind,
        mut choices: Vec<HelpChoice>,
        position: RoadPosition,
    ) {
        choices.truncate(CHOICES_MAX);
        if choices.is_empty() {
            choices.push(HelpChoice::Wait);
        }
        let is_known = self
            .state
            .tickets
            .iter()
            .rev()
            .take_while(|t| t.status != TicketStatus::Closed || t.van == van)
            .any(|t| t.van == van && t.call == Some(call) && t.status == TicketStatus::Open);
        if !is_known {
            self.open_ticket(now, van, Some(call), TicketKind::Help(kind), choices, position);
        }
    }

    /// The fleet itself sees that somebody has to look at a van.
    pub(crate) fn open_fleet_ticket(&mut self, now: Timestamp, van: VanId, kind: TicketKind) {
        let is_open = self.state.open_tickets().any(|t| t.van == van && t.kind == kind);
        if is_open || self.state.vans[van.idx()].lost_until.is_some() {
            return;
        }
        let choices = match kind {
            TicketKind::Dead => vec![HelpChoice::BeRecovered, HelpChoice::Wait],
            TicketKind::Stuck => {
                vec![HelpChoice::Wait, HelpChoice::Reroute, HelpChoice::BeRecovered]
            }
            TicketKind::Silent | TicketKind::Help(_) => {
                vec![HelpChoice::Wait, HelpChoice::BeRecovered]
            }
        };
        let position = self.whereabouts(van);
        self.open_ticket(now, van, None, kind, choices, position);
    }

    fn open_ticket(
        &mut self,
        now: Timestamp,
        van: VanId,
        call: Option<u64>,
        kind: TicketKind,
        choices: Vec<HelpChoice>,
        position: RoadPosition,
    ) {
        let ticket = TicketId(self.state.tickets.len() as u64);
        let urgency = urgency(kind);
        self.emit(now, Event::TicketOpened { ticket, van, call, kind, urgency, choices, position });
        self.wake(now + self.config.operators.timeout_s, Timer::Timeout(ticket));
        self.give_out(now);
    }

    /// Gives waiting tickets to free operators, the most urgent and then the oldest first.
    pub(crate) fn give_out(&mut self, now: Timestamp) {
        let Some(simulated) = self.config.operators.simulated else { return };
        while let Some(free) = self.state.operators.iter().position(|o| o.ticket.is_none()) {
            let waiting = self.state.open_tickets().filter(|t| t.taken.is_none());
            let Some(ticket) =
                waiting.min_by_key(|t| (std::cmp::Reverse(t.urgency), t.id)).map(|t| t.id)
            else {
                return;
            };
            let mut rng = rv_base::Rng::from_seed(self.config.seed).fork_idx("operator", ticket.0);
            let delay = simulated.delay_min_s + Seconds(rng.exponential(simulated.delay_mean_s.0));
            let until = now + delay;
            let operator = OperatorId::from_idx(free);
            self.emit(now, Event::TicketTaken { ticket, operator, until });
            self.wake(until, Timer::Answer(ticket));
        }
    }

    /// A simulated operator has decided.
    pub(crate) fn operator_answers(&mut self, now: Timestamp, id: TicketId) {
        let Some(ticket) = self.state.ticket(id) else { return };
        let Some((operator, until)) = ticket.taken else { return };
        if ticket.status != TicketStatus::Open || until > now {
            return;
        }
        let attention = until - ticket.opened_at;
        let simulated = self.config.operators.simulated;
        let attention = simulated.map_or(attention, |s| attention.max(s.delay_min_s));
        let choice = sensible(ticket.kind, &ticket.choices);
        self.answer(now, id, choice, AnsweredBy::Operator(operator), attention);
    }

    pub(crate) fn ticket_timeout(&mut self, now: Timestamp, id: TicketId) {
        let Some(ticket) = self.state.ticket(id) else { return };
        if ticket.status != TicketStatus::Open {
            return;
        }
        let choice = ticket.choices[0];
        self.answer(now, id, choice, AnsweredBy::Timeout, Seconds::ZERO);
    }

    pub(crate) fn answer_by_hand(
        &mut self,
        now: Timestamp,
        id: TicketId,
        choice: HelpChoice,
        operator: OperatorId,
    ) -> Result<Done, Rejection> {
        let ticket = self.state.ticket(id).ok_or(Rejection::UnknownTicket(id))?;
        if ticket.status != TicketStatus::Open {
            return Err(Rejection::TicketClosed(id));
        }
        if !ticket.choices.contains(&choice) {
            return Err(Rejection::ChoiceNotOffered(id));
        }
        // Somebody else's number is not worth a refusal in an emergency: the first operator it is.
        let known = operator.idx() < self.state.operators.len();
        let by = AnsweredBy::Operator(if known { operator } else { OperatorId(0) });
        self.answer(now, id, choice, by, self.config.operators.answer_s);
        Ok(Done::Done)
    }

    fn answer(
        &mut self,
        now: Timestamp,
        id: TicketId,
        choice: HelpChoice,
        by: AnsweredBy,
        attention: Seconds,
    ) {
        let ticket = &self.state.tickets[id.idx()];
        let (van, call, position) = (ticket.van, ticket.call, ticket.position);
        self.emit(now, Event::TicketAnswered { ticket: id, choice, by, attention });
        if let Some(call) = call {
            self.send(van, Down::Answer { ticket: id, call, choice });
        } else {
            self.emit(now, Event::TicketClosed { ticket: id });
        }
        match choice {
            HelpChoice::Reroute if call.is_some() => self.go_around(now, van, position),
            HelpChoice::Reroute => self.reroute(now, van, MissionCause::Rerouted),
            HelpChoice::ReturnToHub => self.recall(now, van),
            HelpChoice::BeRecovered => {
                // The van may be lost already; then there is nothing to do.
                let _ = self.declare_lost(now, van);
            }
            HelpChoice::Wait | HelpChoice::Retry | HelpChoice::Proceed | HelpChoice::SkipStop => {}
        }
        self.give_out(now);
    }

    /// The van's call is over.
    pub(crate) fn help_over(&mut self, now: Timestamp, van: VanId, call: u64) {
        let ticket = self
            .state
            .tickets
            .iter()
            .rev()
            .find(|t| t.van == van && t.call == Some(call) && t.status != TicketStatus::Closed)
            .map(|t| t.id);
        if let Some(ticket) = ticket {
            self.emit(now, Event::TicketClosed { ticket });
            self.give_out(now);
        }
    }

    /// Tells a van again the answers to calls that are not over.
    pub(crate) fn repeat_answers(&mut self, van: VanId) {
        let answers: Vec<Down> = self
            .state
            .tickets
            .iter()
            .filter(|t| t.van == van && t.status == TicketStatus::Answered)
            .filter_map(|t| {
                let (choice, ..) = t.answer?;
                Some(Down::Answer { ticket: t.id, call: t.call?, choice })
            })
            .collect();
        for answer in answers {
            self.send(van, answer);
        }
    }
}

/// 0 (can wait) to 3 (at once).
fn urgency(kind: TicketKind) -> u8 {
    match kind {
        TicketKind::Dead | TicketKind::Help(HelpKind::Fault) => 3,
        TicketKind::Help(HelpKind::RoadBlocked | HelpKind::Unclear) => 2,
        TicketKind::Help(
            HelpKind::NoKerb | HelpKind::DoorStuck | HelpKind::CodeTrouble | HelpKind::LockerJammed,
        ) => 1,
        TicketKind::Silent | TicketKind::Stuck => 1,
    }
}

/// What an operator with a view of the scene would choose, if the van offers it.
fn sensible(kind: TicketKind, choices: &[HelpChoice]) -> HelpChoice {
    let wanted: &[HelpChoice] = match kind {
        TicketKind::Dead | TicketKind::Help(HelpKind::Fault) => &[HelpChoice::BeRecovered],
        TicketKind::Silent => &[HelpChoice::Wait],
        TicketKind::Stuck => &[HelpChoice::Reroute],
        TicketKind::Help(HelpKind::RoadBlocked) => &[HelpChoice::Reroute, HelpChoice::Wait],
        TicketKind::Help(HelpKind::NoKerb) => &[HelpChoice::Retry, HelpChoice::SkipStop],
        TicketKind::Help(HelpKind::DoorStuck) => &[HelpChoice::Retry, HelpChoice::SkipStop],
        TicketKind::Help(HelpKind::LockerJammed) => &[HelpChoice::SkipStop],
        TicketKind::Help(HelpKind::CodeTrouble) => &[HelpChoice::Retry, HelpChoice::SkipStop],
        TicketKind::Help(HelpKind::Unclear) => &[HelpChoice::Proceed, HelpChoice::Wait],
    };
    let first = choices.first().copied().unwrap_or(HelpChoice::Wait);
    wanted.iter().copied().find(|choice| choices.contains(choice)).unwrap_or(first)
}

impl Fleet {
    /// A new way that avoids what blocks the road before a van; if there is none, it stays, and calls
    /// again if nothing changes.
    fn go_around(&mut self, now: Timestamp, van: VanId, position: RoadPosition) {
        let state = &self.state.vans[van.idx()];
        let Some(stop) = state.stops.first() else { return };
        let route = &stop.stop.route;
        let at = route.iter().position(|edge| *edge == position.edge);
        let blocked = at.and_then(|at| route.get(at + 1)).copied();
        let Some(edge) = blocked.filter(|edge| *edge != stop.stop.at.edge) else {
            return self.reroute(now, van, MissionCause::Rerouted);
        };
        let ends = (position, stop.stop.at);
        let profile = self.roads.profile(van);
        if !self.roads.leads_around(&self.state, profile, ends, edge, now) {
            return;
        }
        // A blocked road is blocked for the others too, for a while.
        let until = now + Seconds(1800.0);
        self.close_edges(now, vec![edge], Some(until));
        if !self.is_affected_told(van) {
            self.reroute(now, van, MissionCause::Rerouted);
        }
    }
}
