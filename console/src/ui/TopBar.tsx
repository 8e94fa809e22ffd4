import { useEffect, useState } from 'react';
import { clockSeconds, day, sentence } from '../format';
import { may } from '../state/roles';
import { attempt, useDesk, usePart } from '../state/store';
import { IconButton } from './bits';
import { Mark } from './Icon';

/** The steps of the simulation's speed; 0 is pause. */
export const SPEEDS = [1, 2, 5, 10, 30, 60, 120, 200] as const;

export function TopBar() {
  const { store, signOut } = useDesk();
  const city = usePart((s) => s.city);
  const session = usePart((s) => s.session);
  const theme = usePart((s) => s.theme);
  const isDark = theme === 'dark';
  return (
    <header className="topbar">
      <h1 className="brand">
        <Mark /> robovan <span className="brand-city">{sentence(city.name)}</span>
      </h1>
      {may(session.role, 'see_vans') && (
        <>
          <CityClock />
          <Speed />
          <LinkState />
        </>
      )}
      <span className="spacer" />
      <span className="who" title={`Signed in with the role ${session.role}`}>
        {session.name} <span className="muted">{session.role}</span>
      </span>
      <IconButton
        icon={isDark ? 'sun' : 'moon'} label={isDark ? 'Light theme' : 'Dark theme'} keys="t"
        onClick={() => store.dispatch({ type: 'theme', theme: isDark ? 'light' : 'dark' })}
      />
      <IconButton icon="help" label="Keys and help" keys="?" onClick={() => store.dispatch({ type: 'help', is_open: true })} />
      <IconButton icon="exit" label="Sign out" onClick={signOut} />
    </header>
  );
}

/** The fleet's clock, carried on between the server's words. */
function CityClock() {
  const kpi = usePart((s) => s.kpi);
  const zone = usePart((s) => s.city.time_zone);
  const isOpen = usePart((s) => s.link === 'open');
  const [heard, setHeard] = useState({ now_ms: 0, at_ms: 0 });
  const [, setTick] = useState(0);
  const now_ms = kpi?.now_ms ?? 0;
  if (heard.now_ms !== now_ms) setHeard({ now_ms, at_ms: performance.now() });
  useEffect(() => {
    const timer = setInterval(() => setTick((n) => n + 1), 250);
    return () => clearInterval(timer);
  }, []);
  if (!kpi) return <span className="clock">–</span>;
  const ahead_ms = isOpen ? Math.min(1500, performance.now() - heard.at_ms) * kpi.speed : 0;
  const shown = now_ms + ahead_ms;
  return (
    <time className="clock" dateTime={new Date(shown).toISOString()} title="Fleet time">
      <span className="clock-time">{clockSeconds(shown, zone)}</span>
      <span className="muted">{day(shown, zone)}</span>
    </time>
  );
}

function Speed() {
  const { store, client } = useDesk();
  const speed = usePart((s) => s.kpi?.speed);
  const role = usePart((s) => s.session.role);
  const isSimulated = usePart((s) => s.city.is_simulated);
  if (!isSimulated || speed === undefined) return null;
  if (!may(role, 'set_speed')) return <span className="chip">{speed === 0 ? 'paused' : `${speed}×`}</span>;
  const set = (factor: number) =>
    void attempt(store, async () => {
      await client.setSpeed(factor);
      store.dispatch({ type: 'speed', speed: factor });
    });
  return (
    <div className="speed" role="group" aria-label="Speed of the simulation">
      <IconButton
        icon={speed === 0 ? 'play' : 'pause'} label={speed === 0 ? 'Run' : 'Pause'} keys="space"
        onClick={() => set(pauseOrRun(speed))}
      />
      <IconButton icon="minus" label="Slower" keys="[" isDisabled={speed <= 1} onClick={() => set(slower(speed))} />
      <output className="speed-value" aria-live="polite">{speed === 0 ? 'paused' : `${speed}×`}</output>
      <IconButton icon="plus" label="Faster" keys="]" isDisabled={speed >= 200} onClick={() => set(faster(speed))} />
    </div>
  );
}

let before_pause = 1;

/** The speed that the pause button leads to: 0, or what it was before. */
export function pauseOrRun(speed: number): number {
  if (speed === 0) return before_pause;
  before_pause = speed;
  return 0;
}

export function faster(speed: number): number {
  return SPEEDS.find((s) => s > speed) ?? 200;
}

export function slower(speed: number): number {
  return SPEEDS.findLast((s) => s < speed) ?? 1;
}

function LinkState() {
  const link = usePart((s) => s.link);
  const text = { open: 'live', connecting: 'connecting', waiting: 'link lost' }[link];
  return (
    <span className={`link is-${link}`} role="status">
      <span className="dot" aria-hidden="true" />
      {text}
    </span>
  );
}
