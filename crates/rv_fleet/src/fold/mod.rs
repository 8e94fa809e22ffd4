//! How each event changes the state. Nothing else does.

mod orders;
mod vans;

use rv_base::{Money, OrderId, Timestamp, VanId};

use crate::event::{AnsweredBy, Event, Halt, Setup};
use crate::state::{
    Closure, OperatorState, OrderState, PermitChange, State, StoryKind, Ticket, TicketStatus,
    VanState,
};

/// The event names something that the state does not hold, or contradicts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

type Fold = Result<(), Unfit>;

impl State {
    /// Folds one event. An event that does not fit may leave the state half changed.
    pub(crate) fn apply(&mut self, at: Timestamp, event: &Event) -> Fold {
        self.n_records += 1;
        self.at = self.at.max(at);
        self.tally.since.get_or_insert(at);
        self.tally.note_history(at);
        match event {
            Event::FleetStarted { session, setup } => self.start(at, *session, setup.as_deref()),
            Event::OrderAccepted { order, hub, stop } => self.accept(at, order, *hub, *stop, None),
            Event::HaulAccepted { order, hub, stop, haul } => {
                self.accept(at, order, *hub, *stop, Some(haul))
            }
            Event::HaulPlanned { order, legs } => self.plan_haul_legs(at, *order, legs),
            Event::TruckExpected { run, unloaded } => self.expect_truck_at(at, *run, *unloaded),
            Event::OrderRefused { .. } => {
                self.tally.n_orders += 1;
                self.tally.n_refused += 1;
                Ok(())
            }
            Event::OrderChanged { order, site, stop, window } => {
                let state = self.order_mut(*order)?;
                state.order.request.site = *site;
                state.order.request.window = *window;
                state.stop_at = *stop;
                self.tell(at, *order, StoryKind::Changed)
            }
            Event::CancelAsked { order } => {
                self.order_mut(*order)?.is_cancel_asked = true;
                self.refresh_open(*order)?;
                self.tell(at, *order, StoryKind::CancelAsked)
            }
            Event::AttemptFailed { order, reason, next } => {
                self.attempt_failed(at, *order, *reason, *next)
            }
            Event::OrderEnded { order, end } => self.end_order(at, *order, *end),
            Event::ParcelsMoved { parcels, from, to } => self.move_parcels(at, parcels, *from, *to),
            Event::CodeIssued { order, hash, .. } => {
                self.order_mut(*order)?.code = Some(*hash);
                Ok(())
            }
            Event::MissionSet { van, mission, plan, cause } => {
                self.set_mission(at, *van, mission, plan, *cause)
            }
            Event::VanReported { van, cursor, report } => self.report(at, *van, *cursor, report),
            Event::PermitGranted { permit, from } => {
                let (id, to) = (permit.id, Some(permit.clone()));
                self.announce(PermitChange { from: *from, permit: id, to })
            }
            Event::PermitRevoked { permit, from } => {
                self.announce(PermitChange { from: *from, permit: *permit, to: None })
            }
            Event::PermitsInForce => {
                let n_due = self.permit_changes.iter().take_while(|c| c.from <= at).count();
                for change in self.permit_changes.drain(..n_due) {
                    self.permits.change(&change);
                }
                self.permit_epoch += 1;
                Ok(())
            }
            Event::DayClosed => {
                self.is_day_closed = true;
                Ok(())
            }
            _ => self.apply_supervision(at, event),
        }
    }

    fn apply_supervision(&mut self, at: Timestamp, event: &Event) -> Fold {
        match event {
            Event::VanLost { van, fetched_at } => self.lose_van(at, *van, *fetched_at),
            Event::VanFetched { van } => self.fetch_van(*van),
            Event::VanService { van, service } => {
                self.van_mut(*van)?.service = *service;
                Ok(())
            }
            Event::VanHalt { van, halt } => {
                self.van_mut(*van)?.is_halted = *halt == Halt::Halted;
                Ok(())
            }
            Event::TicketOpened { ticket, van, call, kind, urgency, choices, position } => {
                if ticket.0 != self.tickets.len() as u64 {
                    return Err(Unfit);
                }
                self.tally.n_tickets += 1;
                self.tickets.push(Ticket {
                    id: *ticket,
                    van: *van,
                    call: *call,
                    kind: *kind,
                    urgency: *urgency,
                    opened_at: at,
                    choices: choices.clone(),
                    position: *position,
                    status: TicketStatus::Open,
                    taken: None,
                    answer: None,
                });
                Ok(())
            }
            Event::TicketTaken { ticket, operator, until } => {
                self.ticket_mut(*ticket)?.taken = Some((*operator, *until));
                self.operators.get_mut(operator.idx()).ok_or(Unfit)?.ticket = Some(*ticket);
                Ok(())
            }
            Event::TicketAnswered { ticket, choice, by, attention } => {
                let state = self.ticket_mut(*ticket)?;
                state.answer = Some((*choice, *by, at));
                state.status = TicketStatus::Answered;
                let (van, taken) = (state.van, state.taken);
                if let AnsweredBy::Operator(operator) = by {
                    let operator = self.operators.get_mut(operator.idx()).ok_or(Unfit)?;
                    operator.busy += *attention;
                    operator.n_answered += 1;
                    self.tally.operator += *attention;
                    let cost = self.setup.as_ref().ok_or(Unfit)?.costs.operator_per_hour;
                    self.tally.cost_operator += scaled(cost, attention.0 / 3600.0);
                    self.van_mut(van)?.tour.operator += *attention;
                }
                self.free_operator(taken.map(|t| t.0), *ticket);
                Ok(())
            }
            Event::TicketClosed { ticket } => {
                let state = self.ticket_mut(*ticket)?;
                state.status = TicketStatus::Closed;
                let taken = state.taken;
                self.free_operator(taken.map(|t| t.0), *ticket);
                Ok(())
            }
            Event::RoadClosed { closure, edges, until } => {
                let state = Closure { edges: edges.clone(), since: at, until: *until };
                self.closures.insert(*closure, state);
                self.next_closure = self.next_closure.max(closure.0 + 1);
                self.closure_epoch += 1;
                Ok(())
            }
            Event::TrafficChanged { slow } => {
                self.traffic.clone_from(slow);
                self.traffic_epoch += 1;
                Ok(())
            }
            Event::RoadOpened { closure } => {
                self.closures.remove(closure).ok_or(Unfit)?;
                self.closure_epoch += 1;
                Ok(())
            }
            _ => Err(Unfit),
        }
    }

    fn free_operator(&mut self, operator: Option<rv_base::OperatorId>, ticket: rv_base::TicketId) {
        let Some(operator) = operator.and_then(|o| self.operators.get_mut(o.idx())) else { return };
        if operator.ticket == Some(ticket) {
            operator.ticket = None;
        }
    }

    fn start(&mut self, at: Timestamp, session: u32, setup: Option<&Setup>) -> Fold {
        if session <= self.session {
            return Err(Unfit);
        }
        self.session = session;
        let Some(setup) = setup else { return Ok(()) };
        for (van, start) in setup.vans.iter().zip(&setup.van_starts).skip(self.vans.len()) {
            let class = setup.classes.get(usize::from(van.class_idx)).ok_or(Unfit)?;
            self.vans.push(VanState::new(*start, class.battery, at));
        }
        if self.setup.is_none() {
            self.permits.permits = setup.permits.iter().map(|p| (p.id, p.clone())).collect();
            self.permit_epoch += 1;
        }
        self.operators.resize(usize::from(setup.n_operators), OperatorState::default());
        self.setup = Some(Box::new(setup.clone()));
        Ok(())
    }

    fn announce(&mut self, change: PermitChange) -> Fold {
        if self.permit_changes.last().is_some_and(|last| change.from < last.from) {
            return Err(Unfit);
        }
        self.permit_changes.push(change);
        self.permit_epoch += 1;
        Ok(())
    }

    fn order_mut(&mut self, id: OrderId) -> Result<&mut OrderState, Unfit> {
        self.orders.get_mut(usize::try_from(id.0).map_err(|_| Unfit)?).ok_or(Unfit)
    }

    fn van_mut(&mut self, id: VanId) -> Result<&mut VanState, Unfit> {
        self.vans.get_mut(id.idx()).ok_or(Unfit)
    }

    fn ticket_mut(&mut self, id: rv_base::TicketId) -> Result<&mut Ticket, Unfit> {
        self.tickets.get_mut(usize::try_from(id.0).map_err(|_| Unfit)?).ok_or(Unfit)
    }
}

fn scaled(money: Money, factor: f64) -> Money {
    Money((money.0 as f64 * factor).round() as i64)
}
