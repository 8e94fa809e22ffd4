import { useCallback, useEffect, useState } from 'react';
import { ApiError } from '../api/client';
import { VAN_STATES, type Stop, type VanDetail } from '../api/types';
import { clock, count, figure, kmh, plural, sentence, share, timeWindow, words } from '../format';
import { may } from '../state/roles';
import { attempt, useDesk, usePart } from '../state/store';
import { always, batteryTone, ConfirmButton, Empty, Gauge, IconButton, StatePill, usePoll } from './bits';
import { Card } from './Card';
import { DriverView } from './DriverView';
import { rememberVans, useMap } from './MapPane';
import { TicketCard } from './Tickets';

const REFRESH_MS = 2000;
const MAX_STOPS = 60;
const FAULTS = [
  ['van_lost', 'Lose van', 'Really lose it?'],
  ['van_dead', 'Break down', 'Really stop it?'],
  ['link_lost', 'Cut link', 'Really cut it?'],
] as const;

export function VanCard({ id }: { id: number }) {
  const { store, client, fleet } = useDesk();
  const map = useMap();
  const role = usePart((s) => s.session.role);
  const isFollowing = usePart((s) => s.is_following);
  const isSimulated = usePart((s) => s.city.is_simulated);
  const tickets = usePart((s) => s.tickets);
  const [van, setVan] = useState<VanDetail>();
  const [isWatched, setWatched] = useState(false);
  const [problem, setProblem] = useState<ApiError>();
  const shown = van?.id === id ? van : undefined;

  const load = useCallback(async (isCurrent: () => boolean) => {
    try {
      const next = await client.van(id);
      rememberVans([next]);
      if (!isCurrent()) return;
      setVan(next);
      setProblem(undefined);
    } catch (error) {
      if (isCurrent()) setProblem(error instanceof ApiError ? error : undefined);
    }
  }, [client, id]);
  usePoll(load, REFRESH_MS);
  useEffect(() => {
    map?.showVan(shown);
    return () => map?.showVan(undefined);
  }, [map, shown]);

  const fault = (kind: string) =>
    void attempt(store, async () => {
      await client.fault(kind, id);
      store.dispatch({ type: 'toast', level: 'done', text: `${shown?.name ?? 'Van'}: ${words(kind)}`, hint: 'Its parcels are planned anew.' });
      await load(always);
    });
  const live = fleet.get(id, performance.now() / 1000);
  const state = live ? (VAN_STATES[live.state] ?? shown?.state) : shown?.state;
  const open = tickets.filter((t) => t.van_id === id && t.status === 'open');
  return (
    <Card
      title={shown?.name ?? `Van ${id}`}
      under={shown && state ? <><StatePill state={state} /><span className="muted">{shown.class}</span></> : undefined}
      tools={
        <IconButton
          icon="follow" label="Follow on the map" keys="f" isOn={isFollowing}
          onClick={() => {
            store.dispatch({ type: 'follow', is_following: !isFollowing });
            if (!isFollowing && shown) map?.flyTo(shown, 16);
          }}
        />
      }
    >
      {problem && <p className="note is-bad" role="alert">{problem.message}<span className="hint">{problem.hint}</span></p>}
      {!shown && !problem && <Empty>Asking the van …</Empty>}
      {shown && (
        <>
          <div className="gauges">
            <Gauge label="Battery" value={live?.soc ?? shown.soc} text={share(live?.soc ?? shown.soc, 0)} tone={batteryTone(live?.soc ?? shown.soc)} />
            <Gauge label="Load" value={shown.load} text={`${share(shown.load, 0)} · ${plural(shown.n_parcels, 'parcel')}`} />
          </div>
          <dl className="facts">
            <div><dt>Speed</dt><dd>{kmh(live?.speed_mps ?? shown.speed_mps)}</dd></div>
            <div><dt>Odometer</dt><dd>{count(shown.odometer_km)} km</dd></div>
            <div><dt>Energy used</dt><dd>{figure(shown.kwh)} kWh</dd></div>
          </dl>
          <details className="driver-details" onToggle={(e) => setWatched(e.currentTarget.open)}>
            <summary>What its driver sees</summary>
            {isWatched && <DriverView id={id} />}
          </details>
          {open.length > 0 && <ul className="tickets">{open.map((t) => <TicketCard key={t.id} ticket={t} />)}</ul>}
          <Stops stops={shown.stops} />
          {shown.permits.length > 0 && (
            <p className="muted permit-line">Permits: {shown.permits.join(', ')}</p>
          )}
          {may(role, 'run_vans') && <Run van={shown} onDone={() => load(always)} />}
          {isSimulated && may(role, 'make_fault') && (
            <div className="card-actions" role="group" aria-label="Faults">
              {FAULTS.map(([kind, text, ask]) => (
                <ConfirmButton key={kind} ask={ask} onConfirm={() => fault(kind)}>{text}</ConfirmButton>
              ))}
            </div>
          )}
        </>
      )}
    </Card>
  );
}

/** What an operator may tell a van. */
function Run({ van, onDone }: { van: VanDetail; onDone: () => Promise<void> }) {
  const { store, client } = useDesk();
  const tell = (call: () => Promise<unknown>) =>
    void attempt(store, async () => {
      await call();
      await onDone();
    });
  return (
    <div className="card-actions" role="group" aria-label="Operation">
      {van.is_halted ? (
        <button type="button" className="button" onClick={() => tell(() => client.resumeVan(van.id))}>Let it drive on</button>
      ) : (
        <ConfirmButton ask="Really halt it?" onConfirm={() => tell(() => client.haltVan(van.id))}>Halt</ConfirmButton>
      )}
      <button type="button" className="button" onClick={() => tell(() => client.setService(van.id, !van.is_in_service))}>
        {van.is_in_service ? 'Take out of service' : 'Put into service'}
      </button>
    </div>
  );
}

function Stops({ stops }: { stops: readonly Stop[] }) {
  const ahead = stops.filter((s) => s.status !== 'done');
  const n_done = stops.length - ahead.length;
  return (
    <section aria-labelledby="stops">
      <h3 className="card-head" id="stops">
        Next stops
        <span className="muted">{n_done > 0 ? `${count(ahead.length)} left, ${count(n_done)} done` : `${count(ahead.length)} left`}</span>
      </h3>
      {ahead.length === 0 && <Empty>No stop ahead.</Empty>}
      <ol className="stops">
        {ahead.slice(0, MAX_STOPS).map((stop, i) => <StopLine key={stop.stop_id} stop={stop} number={i + 1} />)}
      </ol>
      {ahead.length > MAX_STOPS && <p className="muted">and {count(ahead.length - MAX_STOPS)} more</p>}
    </section>
  );
}

function StopLine({ stop, number }: { stop: Stop; number: number }) {
  const { store } = useDesk();
  const zone = usePart((s) => s.city.time_zone);
  const isLate = stop.eta_ms !== undefined && stop.window_end_ms !== undefined && stop.eta_ms > stop.window_end_ms;
  const order = stop.order_ids[0];
  return (
    <li className={stop.status === 'current' ? 'stop is-current' : 'stop'}>
      <span className="stop-number" aria-hidden="true">{number}</span>
      <span className="stop-text">
        {order === undefined ? (
          <span className="row-title">{stop.label || sentence(words(stop.kind))}</span>
        ) : (
          <button type="button" className="text-button row-title" onClick={() => store.dispatch({ type: 'select', selection: { kind: 'order', id: order } })}>
            {stop.label || `Order ${order}`}
          </button>
        )}
        <span className="row-text">
          {sentence(words(stop.kind))}
          {stop.order_ids.length > 1 && ` · ${plural(stop.order_ids.length, 'order')}`}
          {(stop.window_start_ms ?? stop.window_end_ms) !== undefined && ` · ${timeWindow(stop.window_start_ms, stop.window_end_ms, zone)}`}
        </span>
      </span>
      <span className={isLate ? 'figure is-bad' : 'figure'}>{clock(stop.eta_ms, zone)}</span>
    </li>
  );
}
