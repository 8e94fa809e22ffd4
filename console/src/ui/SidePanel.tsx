import type { KeyboardEvent } from 'react';
import { may } from '../state/roles';
import type { Tab } from '../state/state';
import { useDesk, usePart } from '../state/store';
import type { Role } from '../api/types';
import { IconButton } from './bits';
import { Orders } from './Orders';
import { Roads } from './Roads';
import { Tickets } from './Tickets';
import { Vans } from './Vans';

const NAMES: Record<Tab, string> = { orders: 'Orders', vans: 'Vans', tickets: 'Tickets', roads: 'Roads' };

/** The tabs that a role has, in order. */
export function tabsOf(role: Role): Tab[] {
  return [
    'orders',
    ...(may(role, 'see_vans') ? (['vans'] as const) : []),
    ...(may(role, 'see_tickets') ? (['tickets'] as const) : []),
    ...(may(role, 'see_roads') ? (['roads'] as const) : []),
  ];
}

export function SidePanel() {
  const { store } = useDesk();
  const isOpen = usePart((s) => s.is_panel_open);
  const tab = usePart((s) => s.tab);
  const role = usePart((s) => s.session.role);
  const n_open = usePart((s) => s.tickets.filter((t) => t.status === 'open').length);
  const tabs = tabsOf(role);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (!next) return;
    store.dispatch({ type: 'tab', tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  if (!isOpen) {
    return (
      <div className="side is-shut">
        <IconButton icon="panel" label="Show the panel" keys="\" onClick={() => store.dispatch({ type: 'panel', is_open: true })} />
      </div>
    );
  }
  return (
    <section className="side" aria-label="Lists" id="lists">
      <div className="tabs" role="tablist" aria-label="Lists" onKeyDown={move}>
        {tabs.map((t) => (
          <button
            key={t} type="button" role="tab" id={`tab-${t}`} aria-selected={t === tab} aria-controls="tab-panel"
            tabIndex={t === tab ? 0 : -1} onClick={() => store.dispatch({ type: 'tab', tab: t })}
          >
            {NAMES[t]}
            {t === 'tickets' && n_open > 0 && <span className="badge" aria-label={`${n_open} open`}>{n_open}</span>}
          </button>
        ))}
        <span className="spacer" />
        <IconButton icon="panel" label="Hide the panel" keys="\" onClick={() => store.dispatch({ type: 'panel', is_open: false })} />
      </div>
      <div className="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {tab === 'orders' && <Orders />}
        {tab === 'vans' && <Vans />}
        {tab === 'tickets' && <Tickets />}
        {tab === 'roads' && <Roads />}
      </div>
    </section>
  );
}
