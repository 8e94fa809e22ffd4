import { useState } from 'react';
import type { Ticket } from '../api/types';
import { ago, sentence, words } from '../format';
import { may } from '../state/roles';
import { attempt, useDesk, usePart } from '../state/store';
import { Empty } from './bits';
import { useMap, vanName } from './MapPane';

const URGENCY = ['Low', 'Normal', 'High', 'Critical'] as const;
const MAX_ANSWERED = 20;

export function Tickets() {
  const tickets = usePart((s) => s.tickets);
  const open = tickets.filter((t) => t.status === 'open');
  const rest = tickets.filter((t) => t.status !== 'open').toReversed().slice(0, MAX_ANSWERED);
  return (
    <div className="list scroll" tabIndex={-1}>
      {open.length === 0 && <Empty>No van asks for help.</Empty>}
      <ul className="tickets" aria-label="Open tickets, most urgent first">
        {open.map((t) => <TicketCard key={t.id} ticket={t} />)}
      </ul>
      {rest.length > 0 && <h3 className="list-head">Answered</h3>}
      <ul className="tickets is-old">
        {rest.map((t) => <TicketCard key={t.id} ticket={t} />)}
      </ul>
    </div>
  );
}

export function TicketCard({ ticket }: { ticket: Ticket }) {
  const { store, client } = useDesk();
  const map = useMap();
  const now_ms = usePart((s) => s.kpi?.now_ms ?? ticket.opened_ms);
  const role = usePart((s) => s.session.role);
  const [isBusy, setIsBusy] = useState(false);
  const isOpen = ticket.status === 'open';
  const look = () => {
    store.dispatch({ type: 'select', selection: { kind: 'van', id: ticket.van_id } });
    if (ticket.lat_deg !== 0 || ticket.lon_deg !== 0) map?.flyTo(ticket, 16.5);
  };
  const answer = async (choice: string) => {
    setIsBusy(true);
    await attempt(store, async () => {
      await client.answerTicket(ticket.id, choice);
      store.dispatch({ type: 'ticket', ticket: { ...ticket, status: 'answered', answered_by: store.get().session.name } });
    });
    setIsBusy(false);
  };
  return (
    <li className={`ticket urgency-${ticket.urgency}`}>
      <div className="ticket-head">
        <button type="button" className="text-button" onClick={look}>{vanName(ticket.van_id)}</button>
        <span className="urgency">{URGENCY[ticket.urgency] ?? ''}</span>
        <span className="muted figure">{ago(ticket.opened_ms, now_ms)}</span>
      </div>
      <p className="ticket-kind">{sentence(words(ticket.kind))}</p>
      <p>{sentence(ticket.text)}</p>
      {!isOpen && <p className="muted">{sentence(ticket.status)}{ticket.answered_by ? ` by ${ticket.answered_by}` : ''}</p>}
      {isOpen && may(role, 'answer_ticket') && (
        <div className="choices" role="group" aria-label="Answers">
          {ticket.choices.map((c) => (
            <button
              key={c.id} type="button" disabled={isBusy} className={c.is_safe_default ? 'button is-choice is-safe' : 'button is-choice'}
              onClick={() => void answer(c.id)}
            >
              {c.text}
              {c.is_safe_default && <span className="tag">safe default</span>}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}
