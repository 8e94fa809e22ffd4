import { createContext, useContext, useEffect, useRef, useState } from 'react';
import { VAN_STATES, type Position, type Van } from '../api/types';
import { share, sentence } from '../format';
import { CityMap, type Hover } from '../map/cityMap';
import { may } from '../state/roles';
import { attempt, useDesk, usePart, type Desk } from '../state/store';
import { STATE_COLORS } from '../theme';
import { IconButton } from './bits';
import { Icon } from './Icon';

/** Lets panels move the map; undefined where the browser has no WebGL. */
export const MapContext = createContext<{ map: CityMap | undefined }>({ map: undefined });

export function useMap(): CityMap | undefined {
  return useContext(MapContext).map;
}

export function MapPane({ onMap }: { onMap: (map: CityMap | undefined) => void }) {
  const desk = useDesk();
  const box = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<Hover>();
  const [problem, setProblem] = useState('');

  useEffect(() => {
    if (!box.current) return undefined;
    let map: CityMap;
    try {
      map = new CityMap(box.current, desk, { onHover: setHover, onAim: (at) => void aim(desk, at) });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      return undefined;
    }
    onMap(map);
    return () => {
      onMap(undefined);
      map.remove();
    };
  }, [desk, onMap]);

  return (
    <section className="map-pane" aria-label="Map" id="map">
      <div ref={box} className="map" />
      {problem && (
        <p className="note is-bad map-problem" role="alert">
          The map cannot be drawn: {problem}
          <span className="hint">It needs WebGL 2. Tables and panels work without it.</span>
        </p>
      )}
      <ModeBanner />
      <MapTools />
      <Legend />
      {hover && <VanTip hover={hover} />}
      <Attribution />
    </section>
  );
}

/** Does what the mode stands for at the place that was clicked. */
async function aim({ store, client }: Desk, at: Position): Promise<void> {
  const { mode, selection } = store.get();
  const done = (text: string, hint: string) => store.dispatch({ type: 'toast', level: 'done', text, hint });
  store.dispatch({ type: 'mode', mode: 'look' });
  if (mode === 'place') store.dispatch({ type: 'select', selection: { kind: 'new_order', at } });
  else if (mode === 'close') {
    await attempt(store, async () => {
      const closure = await client.closeRoad(at);
      store.dispatch({ type: 'closed', closure });
      done(`${closure.road_name || 'The road'} is closed`, 'Reopen it under Roads.');
    });
  } else if (mode === 'move' && selection?.kind === 'order') {
    await attempt(store, async () => {
      await client.changeOrder(selection.id, at);
      done('The order goes to its new place', 'Its van is planned anew.');
    });
  }
}

const AIMS = {
  place: ['box', 'Click where the parcel goes'],
  close: ['barrier', 'Click the road to close'],
  move: ['box', 'Click the new place of the order'],
} as const;

function Attribution() {
  const text = usePart((s) => s.city.attribution);
  const isOsm = text.includes('OpenStreetMap');
  return (
    <p className="attribution">
      {isOsm ? <a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noreferrer">{text}</a> : text}
    </p>
  );
}

function ModeBanner() {
  const { store } = useDesk();
  const mode = usePart((s) => s.mode);
  if (mode === 'look') return null;
  const [icon, text] = AIMS[mode];
  return (
    <div className="mode" role="status">
      <Icon name={icon} />
      {text}
      <span className="muted">Enter takes the middle of the map</span>
      <button type="button" className="button is-small" onClick={() => store.dispatch({ type: 'mode', mode: 'look' })}>
        Cancel <kbd>Esc</kbd>
      </button>
    </div>
  );
}

function MapTools() {
  const { store } = useDesk();
  const map = useMap();
  const role = usePart((s) => s.session.role);
  const mode = usePart((s) => s.mode);
  const isShown = usePart((s) => s.show_permits);
  const toggle = (wanted: 'place' | 'close') => {
    store.dispatch({ type: 'mode', mode: mode === wanted ? 'look' : wanted });
    map?.focus();
  };
  return (
    <div className="tools" role="toolbar" aria-label="Map tools" aria-orientation="vertical">
      {may(role, 'place_order') && (
        <IconButton icon="box" label="Place an order" keys="n" isOn={mode === 'place'} onClick={() => toggle('place')} />
      )}
      {may(role, 'close_road') && (
        <IconButton icon="barrier" label="Close a road" keys="c" isOn={mode === 'close'} onClick={() => toggle('close')} />
      )}
      {may(role, 'see_roads') && (
        <IconButton
          icon="zone" label="Permit zones" keys="z" isOn={isShown}
          onClick={() => store.dispatch({ type: 'show_permits', is_shown: !isShown })}
        />
      )}
      <hr />
      <IconButton icon="plus" label="Zoom in" keys="+" onClick={() => map?.zoomBy(1)} />
      <IconButton icon="minus" label="Zoom out" keys="-" onClick={() => map?.zoomBy(-1)} />
      <IconButton icon="home" label="Whole city" keys="h" onClick={() => map?.fitCity()} />
    </div>
  );
}

/** States with their number of vans in view; pressing one hides or shows them. */
function Legend() {
  const { store, fleet } = useDesk();
  const hidden = usePart((s) => s.hidden_states);
  const theme = usePart((s) => s.theme);
  const role = usePart((s) => s.session.role);
  const [counts, setCounts] = useState<number[]>([]);
  useEffect(() => {
    const timer = setInterval(() => setCounts(fleet.countByState(VAN_STATES.length)), 500);
    return () => clearInterval(timer);
  }, [fleet]);
  if (!may(role, 'see_vans')) return null;
  return (
    <ul className="legend" aria-label="Van states in view">
      {VAN_STATES.map((state, i) => {
        const n = counts[i] ?? 0;
        if (n === 0 && !hidden.includes(i) && i !== 2) return null;
        return (
          <li key={state}>
            <button
              type="button" aria-pressed={!hidden.includes(i)} title={hidden.includes(i) ? `Show ${state}` : `Hide ${state}`}
              onClick={() => store.dispatch({ type: 'toggle_state', state: i })}
            >
              <span className="dot" style={{ background: STATE_COLORS[theme][i] }} aria-hidden="true" />
              {state} <span className="figure">{n}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const names = new Map<number, Van>();

export function rememberVans(vans: readonly Van[]): void {
  for (const van of vans) names.set(van.id, van);
}

export function vanName(id: number): string {
  return names.get(id)?.name ?? `van ${id}`;
}

function VanTip({ hover }: { hover: Hover }) {
  const { fleet, client } = useDesk();
  const [, setKnown] = useState(0);
  const { van: id } = hover;
  useEffect(() => {
    if (names.has(id)) return undefined;
    const timer = setTimeout(() => {
      client.van(id).then((v) => { rememberVans([v]); setKnown((n) => n + 1); }, () => undefined);
    }, 150);
    return () => clearTimeout(timer);
  }, [id, client]);
  const van = fleet.get(id, performance.now() / 1000);
  if (!van) return null;
  return (
    <div className="tip" style={{ transform: `translate(${hover.x + 16}px, ${hover.y + 12}px)` }}>
      <strong>{vanName(id)}</strong>
      <span>{sentence(VAN_STATES[van.state] ?? '')}</span>
      <span className="muted">battery {share(van.soc, 0)} · load {share(van.load, 0)}</span>
    </div>
  );
}
