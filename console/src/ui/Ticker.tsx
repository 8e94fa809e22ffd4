import { useState } from 'react';
import type { FleetEvent } from '../api/types';
import { clockSeconds, sentence, words } from '../format';
import { useDesk, usePart } from '../state/store';
import { IconButton } from './bits';

const N_SHORT = 4;
const N_LONG = 60;

/** The newest events: one line at the foot of the page, or the list of the last ones. */
export function Ticker() {
  const events = usePart((s) => s.events);
  const [isLong, setIsLong] = useState(false);
  return (
    <footer className={isLong ? 'ticker is-long' : 'ticker'} aria-label="Events" id="events">
      <IconButton icon={isLong ? 'minus' : 'plus'} label={isLong ? 'Fewer events' : 'More events'} isOn={isLong} onClick={() => setIsLong(!isLong)} />
      <ol>
        {events.slice(0, isLong ? N_LONG : N_SHORT).map((event) => <EventLine key={event.number} event={event} />)}
        {events.length === 0 && <li className="muted">No event yet.</li>}
      </ol>
    </footer>
  );
}

function EventLine({ event }: { event: FleetEvent }) {
  const { store } = useDesk();
  const zone = usePart((s) => s.city.time_zone);
  const { order_id, van_id } = event;
  const text = sentence(event.text || words(event.kind));
  const open = () => {
    if (order_id !== undefined) store.dispatch({ type: 'select', selection: { kind: 'order', id: order_id } });
    else if (van_id !== undefined) store.dispatch({ type: 'select', selection: { kind: 'van', id: van_id } });
  };
  const hasMore = order_id !== undefined || van_id !== undefined;
  return (
    <li className={`event is-${tone(event.kind)}`}>
      <time className="figure muted">{clockSeconds(event.t_ms, zone)}</time>
      {hasMore ? <button type="button" className="text-button" onClick={open}>{text}</button> : <span>{text}</span>}
    </li>
  );
}

function tone(kind: string): string {
  if (/delivered|recovered|answered/.test(kind)) return 'good';
  if (/lost|fault|ticket|refused|road_closed|closure/.test(kind)) return 'bad';
  return /return|cancel|failed|halt/.test(kind) ? 'warn' : 'plain';
}
