import { useEffect, useState, type SubmitEvent } from 'react';
import { ORDER_KINDS, type OrderKind, type Position } from '../api/types';
import { clock, sentence } from '../format';
import { attempt, useDesk, usePart } from '../state/store';
import { Card } from './Card';
import { useMap } from './MapPane';

const HOUR_MS = 3_600_000;
const WINDOWS = [
  ['usual', 'As usual'],
  ['2', 'Within 2 hours'],
  ['4', 'Within 4 hours'],
  ['12', 'Within 12 hours'],
  ['later', 'In 2 to 4 hours'],
] as const;
const PLACES = ['door', 'locker', 'station'] as const;

export function NewOrder({ at }: { at: Position }) {
  const { store, client } = useDesk();
  const map = useMap();
  const tenants = usePart((s) => s.city.tenants);
  const session = usePart((s) => s.session);
  const zone = usePart((s) => s.city.time_zone);
  const now_ms = usePart((s) => s.kpi?.now_ms);
  // The key makes a repeated press of the button safe: the server takes the order once.
  const [key] = useState(() => `console-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`);
  const [tenant, setTenant] = useState(session.tenant_id ?? tenants[0]?.id ?? '');
  const [kind, setKind] = useState<OrderKind>('delivery');
  const [to, setTo] = useState<(typeof PLACES)[number]>('door');
  const [parcels, setParcels] = useState(1);
  const [mass, setMass] = useState(2);
  const [window_, setWindow] = useState<string>('usual');
  const [isBusy, setIsBusy] = useState(false);

  useEffect(() => {
    map?.showPlace(at);
    return () => map?.showPlace(undefined);
  }, [map, at]);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setIsBusy(true);
    const id = await attempt(store, () =>
      client.placeOrder({ key, tenant_id: tenant, kind, ...at, n_parcels: parcels, mass_kg: mass, to, ...windowOf(window_, now_ms) }),
    );
    setIsBusy(false);
    if (id === undefined) return;
    store.dispatch({ type: 'toast', level: 'done', text: 'Order placed', order_id: id });
    store.dispatch({ type: 'select', selection: { kind: 'order', id } });
  };
  const span = windowOf(window_, now_ms);
  return (
    <Card title="New order" under={<span className="muted figure">{at.lat_deg.toFixed(5)}, {at.lon_deg.toFixed(5)}</span>}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        {session.role !== 'tenant' && (
          <label className="field">
            <span>Tenant</span>
            <select name="tenant" value={tenant} required onChange={(event) => setTenant(event.target.value)}>
              {tenants.map((t) => <option key={t.id} value={t.id}>{t.name}</option>)}
            </select>
          </label>
        )}
        <label className="field">
          <span>Kind</span>
          <select name="kind" value={kind} onChange={(event) => setKind(ORDER_KINDS.find((k) => k === event.target.value) ?? 'delivery')}>
            {ORDER_KINDS.map((k) => <option key={k} value={k}>{sentence(k)}</option>)}
          </select>
        </label>
        <label className="field">
          <span>To</span>
          <select name="to" value={to} onChange={(event) => setTo(PLACES.find((p) => p === event.target.value) ?? 'door')}>
            {PLACES.map((p) => <option key={p} value={p}>{sentence(p)}</option>)}
          </select>
        </label>
        <div className="field-row">
          <label className="field">
            <span>Parcels</span>
            <input name="parcels" type="number" min={1} max={500} step={1} required value={parcels} onChange={(event) => setParcels(event.target.valueAsNumber || 1)} />
          </label>
          <label className="field">
            <span>Kilograms each</span>
            <input name="mass" type="number" min={0.1} max={2000} step={0.1} required value={mass} onChange={(event) => setMass(event.target.valueAsNumber || 0.1)} />
          </label>
        </div>
        <label className="field">
          <span>Window</span>
          <select name="window" value={window_} onChange={(event) => setWindow(event.target.value)}>
            {WINDOWS.filter(([value]) => value === 'usual' || now_ms !== undefined).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          </select>
          {span.window_end_ms !== undefined && (
            <span className="hint figure">{clock(span.window_start_ms, zone)}–{clock(span.window_end_ms, zone)}</span>
          )}
        </label>
        <button type="submit" className="button is-main" disabled={isBusy}>{isBusy ? 'Placing …' : 'Place order'}</button>
      </form>
    </Card>
  );
}

/** The window that a choice of the form means, in fleet time; none leaves it to the server. */
export function windowOf(choice: string, now_ms: number | undefined): { window_start_ms?: number; window_end_ms?: number } {
  if (now_ms === undefined || choice === 'usual') return {};
  if (choice === 'later') return { window_start_ms: now_ms + 2 * HOUR_MS, window_end_ms: now_ms + 4 * HOUR_MS };
  return { window_start_ms: now_ms, window_end_ms: now_ms + Number(choice) * HOUR_MS };
}
