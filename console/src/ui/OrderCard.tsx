import { useCallback, useEffect, useState } from 'react';
import { ApiError } from '../api/client';
import type { OrderDetail } from '../api/types';
import { clock, clockSeconds, day, money, plural, sentence, timeWindow, words } from '../format';
import { may } from '../state/roles';
import { attempt, useDesk, usePart } from '../state/store';
import { always, ConfirmButton, Empty, StatusPill, usePoll } from './bits';
import { Card } from './Card';
import { useMap, vanName } from './MapPane';

const REFRESH_MS = 2500;
const PROOFS: Record<string, string> = {
  code: 'unlock code', facility: 'put into a locker or station', courier: 'handed over by a courier', hub: 'handed over at the hub',
};
const HOUR_MS = 3_600_000;
const CLOSED = ['delivered', 'returned', 'cancelled', 'refused'];

export function OrderCard({ id }: { id: string }) {
  const { store, client } = useDesk();
  const map = useMap();
  const zone = usePart((s) => s.city.time_zone);
  const role = usePart((s) => s.session.role);
  const tenants = usePart((s) => s.city.tenants);
  const currency = usePart((s) => s.kpi?.currency ?? 'EUR');
  const [order, setOrder] = useState<OrderDetail>();
  const [problem, setProblem] = useState<ApiError>();
  const shown = order?.id === id ? order : undefined;

  const load = useCallback(async (isCurrent: () => boolean) => {
    try {
      const next = await client.order(id);
      if (!isCurrent()) return;
      setOrder(next);
      setProblem(undefined);
    } catch (error) {
      if (isCurrent()) setProblem(error instanceof ApiError ? error : undefined);
    }
  }, [client, id]);
  usePoll(load, REFRESH_MS);
  const at = shown?.position;
  const [lat, lon] = [at?.lat_deg, at?.lon_deg];
  useEffect(() => {
    map?.showPlace(lat === undefined || lon === undefined ? undefined : { lat_deg: lat, lon_deg: lon });
    return () => map?.showPlace(undefined);
  }, [map, lat, lon]);

  const later = () =>
    void attempt(store, async () => {
      if (shown?.window_end_ms === undefined) return;
      const window_start_ms = (shown.window_start_ms ?? shown.window_end_ms - HOUR_MS) + HOUR_MS;
      await client.changeOrder(id, { window_start_ms, window_end_ms: shown.window_end_ms + HOUR_MS });
      await load(always);
    });
  const move = () => {
    store.dispatch({ type: 'mode', mode: 'move' });
    map?.focus();
  };
  const cancel = () =>
    void attempt(store, async () => {
      await client.cancelOrder(id);
      await load(always);
    });
  const tenant = tenants.find((t) => t.id === shown?.tenant_id);
  return (
    <Card title={shown?.key ?? `Order ${id}`} under={shown && <><StatusPill status={shown.status} /><span className="muted">{sentence(shown.kind)}</span></>}>
      {problem && <p className="note is-bad" role="alert">{problem.message}<span className="hint">{problem.hint}</span></p>}
      {!shown && !problem && <Empty>Reading its story …</Empty>}
      {shown && (
        <>
          <p className="address">
            {shown.address || 'No address'}
            {at && <button type="button" className="text-button" onClick={() => map?.flyTo(at, 17)}>Show</button>}
          </p>
          {shown.reason && <p className="note is-bad">{sentence(shown.reason)}</p>}
          {shown.code && <p className="code">Unlock code <strong>{shown.code}</strong></p>}
          <dl className="facts">
            <div><dt>Window</dt><dd>{timeWindow(shown.window_start_ms, shown.window_end_ms, zone)}</dd></div>
            <div><dt>Arrival</dt><dd>{CLOSED.includes(shown.status) ? '–' : clock(shown.eta_ms, zone)}</dd></div>
            <div><dt>Tenant</dt><dd>{tenant?.name ?? (shown.tenant_id || '–')}</dd></div>
            {shown.cost !== undefined && <div><dt>Cost</dt><dd>{money(shown.cost, currency)}</dd></div>}
          </dl>
          {shown.van_id !== undefined && (
            <p className="line">
              <span className="muted">Van</span>
              <VanLink id={shown.van_id} />
            </p>
          )}
          <section aria-labelledby="story">
            <h3 className="card-head" id="story">Story <span className="muted">{day(shown.story[0]?.t_ms, zone)}</span></h3>
            {shown.story.length === 0 && <Empty>Nothing happened yet.</Empty>}
            <ol className="story">
              {shown.story.map((line, i) => (
                <li key={i} className={`story-line is-${CLOSED.includes(line.kind.toLowerCase()) ? 'end' : 'step'}`}>
                  <time className="figure muted">{clockSeconds(line.t_ms, zone)}</time>
                  <span>
                    {sentence(line.text || words(line.kind))}
                    {line.van_id !== undefined && !line.text.includes(vanName(line.van_id)) && (
                      <span className="muted"> · {vanName(line.van_id)}</span>
                    )}
                  </span>
                </li>
              ))}
            </ol>
          </section>
          {shown.parcels.length > 0 && (
            <section aria-labelledby="parcels">
              <h3 className="card-head" id="parcels">{sentence(plural(shown.parcels.length, 'parcel'))}</h3>
              <ul className="plain">
                {shown.parcels.slice(0, 50).map((p) => (
                  <li key={p.id} className="line">
                    <span className="figure">{p.id}</span>
                    <span className="muted">{p.compartment !== undefined && `compartment ${p.compartment} · `}{words(p.status)}</span>
                  </li>
                ))}
              </ul>
            </section>
          )}
          {shown.proof && (
            <p className="line permit-line">
              <span className="muted">Proof</span>
              <span>{PROOFS[shown.proof.how] ?? words(shown.proof.how)} at {clockSeconds(shown.proof.at_ms, zone)}</span>
            </p>
          )}
          {may(role, 'change_order') && !CLOSED.includes(shown.status) && (
            <div className="card-actions" role="group" aria-label="Change this order">
              <button type="button" className="button" onClick={move}>Move …</button>
              {shown.window_end_ms !== undefined && <button type="button" className="button" onClick={later}>One hour later</button>}
              <ConfirmButton ask="Really cancel it?" onConfirm={cancel}>Cancel order</ConfirmButton>
            </div>
          )}
        </>
      )}
    </Card>
  );
}

function VanLink({ id }: { id: number }) {
  const { store } = useDesk();
  const role = usePart((s) => s.session.role);
  if (!may(role, 'see_vans')) return <span>{vanName(id)}</span>;
  return (
    <button type="button" className="text-button" onClick={() => store.dispatch({ type: 'select', selection: { kind: 'van', id } })}>
      {vanName(id)}
    </button>
  );
}
