import { useEffect } from 'react';
import type { CityMap } from '../map/cityMap';
import { may } from '../state/roles';
import { attempt, type Desk } from '../state/store';
import { tabsOf } from './SidePanel';
import { faster, pauseOrRun, slower } from './TopBar';

/** The console's keys. They rest while a field has the focus, or a modifier is held. */
export function useKeys(desk: Desk, map: CityMap | undefined): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const isField = event.target instanceof Element && event.target.closest('input, select, textarea, dialog') !== null;
      if (event.key === 'Escape' && !(event.target instanceof Element && event.target.closest('dialog'))) escape(desk);
      else if (!isField && press(desk, map, event)) event.preventDefault();
    };
    window.addEventListener('keydown', down);
    return () => window.removeEventListener('keydown', down);
  }, [desk, map]);
}

function escape({ store }: Desk): void {
  const { mode, selection } = store.get();
  if (mode !== 'look') store.dispatch({ type: 'mode', mode: 'look' });
  else if (selection) store.dispatch({ type: 'select', selection: undefined });
}

/** Does what a key stands for; false if it stands for nothing. */
function press(desk: Desk, map: CityMap | undefined, event: KeyboardEvent): boolean {
  const { store } = desk;
  const state = store.get();
  const { role } = state.session;
  const isButton = event.target instanceof Element && event.target.closest('button, a, [role=tab]') !== null;
  switch (event.key) {
    case '?':
      store.dispatch({ type: 'help', is_open: true });
      return true;
    case '/':
      store.dispatch({ type: 'tab', tab: 'orders' });
      requestAnimationFrame(() => document.getElementById('order-search')?.focus());
      return true;
    case '1': case '2': case '3': case '4': {
      const tab = tabsOf(role)[Number(event.key) - 1];
      if (tab) store.dispatch({ type: 'tab', tab });
      return true;
    }
    case 'n':
      return aim(desk, map, 'place', may(role, 'place_order'));
    case 'c':
      return aim(desk, map, 'close', may(role, 'close_road'));
    case 'z':
      if (may(role, 'see_roads')) store.dispatch({ type: 'show_permits', is_shown: !state.show_permits });
      return true;
    case 'f':
      store.dispatch({ type: 'follow', is_following: !state.is_following });
      return true;
    case 't':
      store.dispatch({ type: 'theme', theme: state.theme === 'dark' ? 'light' : 'dark' });
      return true;
    case 'h':
      map?.fitCity();
      return true;
    case 'm':
      map?.focus();
      return true;
    case '\\':
      store.dispatch({ type: 'panel', is_open: !state.is_panel_open });
      return true;
    case ' ':
      return !isButton && setSpeed(desk, pauseOrRun);
    case '[':
      return setSpeed(desk, slower);
    case ']':
      return setSpeed(desk, faster);
    default:
      return false;
  }
}

function aim({ store }: Desk, map: CityMap | undefined, mode: 'place' | 'close', isAllowed: boolean): boolean {
  if (!isAllowed) return false;
  store.dispatch({ type: 'mode', mode });
  map?.focus();
  return true;
}

function setSpeed({ store, client }: Desk, change: (speed: number) => number): boolean {
  const { session, kpi, city } = store.get();
  if (!kpi || !city.is_simulated || !may(session.role, 'set_speed')) return false;
  void attempt(store, async () => {
    const speed = change(kpi.speed);
    await client.setSpeed(speed);
    store.dispatch({ type: 'speed', speed });
  });
  return true;
}
