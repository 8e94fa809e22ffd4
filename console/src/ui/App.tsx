import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ApiError, Client, liveUrl } from '../api/client';
import { Live, pauseMs } from '../api/live';
import { forgetToken, keepToken, takeToken } from '../api/token';
import { Fleet, mercator } from '../state/fleet';
import { startState, type Theme } from '../state/state';
import { DeskContext, Store, type Desk } from '../state/store';
import { Console } from './Console';
import { Login } from './Login';

type Phase =
  | { name: 'login'; problem?: string; hint?: string }
  | { name: 'waiting'; problem?: string }
  | { name: 'open'; desk: Desk };

const THEME_KEY = 'robovan.theme';

export function App() {
  const [token, setToken] = useState(takeToken);
  const [phase, setPhase] = useState<Phase>(token ? { name: 'waiting' } : { name: 'login' });
  const isCurrent = useRef('');

  const signOut = useCallback((problem?: string, hint?: string) => {
    forgetToken();
    setToken('');
    setPhase({ name: 'login', problem, hint });
  }, []);

  useEffect(() => {
    isCurrent.current = token;
    if (!token) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let live: Live | undefined;
    let isOver = false;
    const open = async (attempt: number) => {
      try {
        const desk = await openDesk(token, signOut);
        if (isOver) return;
        live = desk.live;
        setPhase({ name: 'open', desk });
      } catch (error) {
        if (isOver) return;
        if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
          signOut(error.message, error.hint);
          return;
        }
        setPhase({ name: 'waiting', problem: error instanceof Error ? error.message : String(error) });
        timer = setTimeout(() => void open(attempt + 1), pauseMs(attempt, Math.random));
      }
    };
    void open(0);
    return () => {
      isOver = true;
      clearTimeout(timer);
      live?.stop();
    };
  }, [token, signOut]);

  const signIn = useMemo(
    () => (given: string) => {
      keepToken(given);
      setPhase({ name: 'waiting' });
      setToken(given);
    },
    [],
  );

  if (phase.name === 'login') return <Login problem={phase.problem} hint={phase.hint} onToken={signIn} />;
  if (phase.name === 'waiting') {
    return (
      <main className="gate" aria-busy="true">
        <p className="gate-wait" role="status">
          <span className="spinner" aria-hidden="true" />
          {phase.problem ? `${phase.problem}. Trying again …` : 'Opening the city …'}
        </p>
      </main>
    );
  }
  return (
    <DeskContext value={phase.desk}>
      <Console />
    </DeskContext>
  );
}

/** Asks who we are and where, then wires state, fleet and live stream together. */
async function openDesk(token: string, signOut: (problem?: string, hint?: string) => void): Promise<Desk> {
  const refused = () => signOut('The server no longer takes this token', 'Take a new one from the line that robovan up printed.');
  const client = new Client(token, refused);
  const [session, city] = await Promise.all([client.session(), client.city()]);
  const store = new Store(startState(session, city, startTheme()));
  applyTheme(store.get().theme);
  document.title = `${city.name} · robovan`;
  const fleet = new Fleet(mercator(...city.center), performance.now() / 1000);
  const live = new Live(liveUrl(token), {
    onLink: (link, retry_at_ms) => store.dispatch({ type: 'link', link, retry_at_ms }),
    onFrames: (frames) => {
      for (const frame of frames) fleet.apply(frame, performance.now() / 1000);
    },
    onBroken: (reason) =>
      store.dispatch({ type: 'toast', level: 'error', text: `Live frame not readable: ${reason}`, hint: 'Console and server may differ in version: reload the page.' }),
    onText: (message) => {
      if (message.type === 'hello') store.dispatch({ type: 'speed', speed: message.speed });
      else if (message.type !== 'lagged') store.dispatch(message);
    },
  });
  let theme = store.get().theme;
  store.subscribe(() => {
    const next = store.get().theme;
    if (next === theme) return;
    theme = next;
    localStorage.setItem(THEME_KEY, theme);
    applyTheme(theme);
  });
  return { token, store, client, live, fleet, signOut: () => signOut() };
}

function startTheme(): Theme {
  const kept = localStorage.getItem(THEME_KEY);
  if (kept === 'dark' || kept === 'light') return kept;
  return matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}
