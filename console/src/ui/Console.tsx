import { useCallback, useEffect, useMemo, useState } from 'react';
import type { CityMap } from '../map/cityMap';
import { attempt, useDesk, usePart, type Desk } from '../state/store';
import { may } from '../state/roles';
import { Help } from './Help';
import { KpiStrip } from './KpiStrip';
import { MapContext, MapPane, rememberVans } from './MapPane';
import { NewOrder } from './NewOrder';
import { OrderCard } from './OrderCard';
import { SidePanel } from './SidePanel';
import { Ticker } from './Ticker';
import { Toasts } from './Toasts';
import { TopBar } from './TopBar';
import { useKeys } from './useKeys';
import { VanCard } from './VanCard';

const RESYNC_MS = 60_000;

export function Console() {
  const desk = useDesk();
  const [map, setMap] = useState<CityMap>();
  const link = usePart((s) => s.link);
  const isWatching = usePart((s) => may(s.session.role, 'see_vans'));
  const isPanelOpen = usePart((s) => s.is_panel_open);
  const onMap = useCallback((m: CityMap | undefined) => setMap(m), []);
  const context = useMemo(() => ({ map }), [map]);
  useKeys(desk, map);

  useEffect(() => {
    if (!may(desk.store.get().session.role, 'see_vans')) return undefined;
    desk.live.start();
    return () => desk.live.stop();
  }, [desk]);
  // What the stream tells only as changes is read whole after each (re)connect, and now and then.
  useEffect(() => {
    if (link !== 'open') return undefined;
    void resync(desk);
    const timer = setInterval(() => void resync(desk), RESYNC_MS);
    return () => clearInterval(timer);
  }, [desk, link]);

  return (
    <MapContext value={context}>
      <div className={isPanelOpen ? 'console' : 'console is-wide'}>
        <nav className="skips" aria-label="Skip links">
          <a href="#map" onClick={(event) => { event.preventDefault(); map?.focus(); }}>Skip to the map</a>
          <a href="#lists" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>('[role=tab][tabindex="0"]')?.focus(); }}>Skip to the lists</a>
        </nav>
        <TopBar />
        {isWatching && <KpiStrip />}
        <LinkBanner />
        <main className="stage">
          <SidePanel />
          <MapPane onMap={onMap} />
          <Selected />
        </main>
        <Ticker />
        <Toasts />
        <Help />
      </div>
    </MapContext>
  );
}

function Selected() {
  const selection = usePart((s) => s.selection);
  switch (selection?.kind) {
    case 'van':
      return <VanCard key={selection.id} id={selection.id} />;
    case 'order':
      return <OrderCard key={selection.id} id={selection.id} />;
    case 'new_order':
      return <NewOrder at={selection.at} />;
    default:
      return null;
  }
}

function LinkBanner() {
  const { live } = useDesk();
  const link = usePart((s) => s.link);
  const retry_at_ms = usePart((s) => s.retry_at_ms);
  const [now_ms, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (link !== 'waiting') return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [link]);
  if (link !== 'waiting') return null;
  const left_s = Math.max(0, Math.ceil(((retry_at_ms ?? now_ms) - now_ms) / 1000));
  return (
    <div className="link-banner" role="alert">
      The live link is down; what you see is as it was. Next try in {left_s} s.
      <button type="button" className="button is-small" onClick={() => live.retryNow()}>Try now</button>
    </div>
  );
}

async function resync({ store, client }: Desk): Promise<void> {
  const { role } = store.get().session;
  await Promise.all([
    may(role, 'see_vans') && attempt(store, async () => store.dispatch({ type: 'kpi_history', ...(await client.kpi()) })),
    may(role, 'see_vans') && attempt(store, async () => rememberVans((await client.vans({ limit: 500 })).items)),
    may(role, 'see_tickets') && attempt(store, async () => store.dispatch({ type: 'tickets', items: await client.tickets('') })),
    may(role, 'see_roads') && attempt(store, async () => store.dispatch({ type: 'closures', items: await client.closures() })),
    may(role, 'see_roads') && attempt(store, async () => store.dispatch({ type: 'permits', items: await client.permits() })),
  ]);
}
