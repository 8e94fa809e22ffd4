/** Small parts used all over. */
import { useEffect, useState, type ReactNode } from 'react';
import { VAN_STATES, type VanState } from '../api/types';
import { share, words } from '../format';
import { usePart } from '../state/store';
import { orderColor, STATE_COLORS } from '../theme';
import { Icon, type IconName } from './Icon';

export function StatePill({ state }: { state: VanState }) {
  const theme = usePart((s) => s.theme);
  const color = STATE_COLORS[theme][VAN_STATES.indexOf(state)];
  return <Pill color={color ?? 'var(--ink-3)'} text={state} />;
}

export function StatusPill({ status }: { status: string }) {
  return <Pill color={orderColor(status)} text={words(status)} />;
}

function Pill({ color, text }: { color: string; text: string }) {
  return (
    <span className="pill">
      <span className="dot" style={{ background: color }} aria-hidden="true" />
      {text}
    </span>
  );
}

/** A thin bar for a share 0..1, with its figure. */
export function Gauge({ label, value, text, tone }: { label: string; value: number; text: string; tone?: string }) {
  const percent = Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div className="gauge">
      <div className="gauge-head">
        <span className="muted">{label}</span>
        <span className="figure">{text}</span>
      </div>
      <div className="bar" role="meter" aria-label={label} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100} aria-valuetext={text}>
        <div className="bar-fill" style={{ width: `${percent}%`, background: tone }} />
      </div>
    </div>
  );
}

export function batteryTone(soc: number): string {
  if (soc > 0.45) return 'var(--good)';
  return soc > 0.2 ? 'var(--amber)' : 'var(--bad)';
}

export function Battery({ soc }: { soc: number }) {
  return (
    <span className="battery">
      <span className="battery-cell" aria-hidden="true">
        <span style={{ width: `${Math.round(soc * 100)}%`, background: batteryTone(soc) }} />
      </span>
      {share(soc, 0)}
    </span>
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  keys?: string;
  isOn?: boolean;
  isDisabled?: boolean;
  onClick: () => void;
}

export function IconButton({ icon, label, keys, isOn, isDisabled, onClick }: IconButtonProps) {
  return (
    <button
      type="button" className="icon-button" aria-label={label} aria-pressed={isOn} disabled={isDisabled}
      aria-keyshortcuts={keys} title={keys ? `${label} (${keys})` : label} onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

const CONFIRM_MS = 4000;

/** A button for what cannot be undone: the first press asks, the second does it. */
export function ConfirmButton({ children, ask, onConfirm }: { children: ReactNode; ask: string; onConfirm: () => void }) {
  const [isAsking, setIsAsking] = useState(false);
  useEffect(() => {
    if (!isAsking) return undefined;
    const timer = setTimeout(() => setIsAsking(false), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [isAsking]);
  const press = () => {
    setIsAsking(!isAsking);
    if (isAsking) onConfirm();
  };
  return (
    <button type="button" className={isAsking ? 'button is-danger is-asking' : 'button is-danger'} onClick={press}>
      {isAsking ? ask : children}
    </button>
  );
}

/**
 * Calls `work` now and then every `period_ms` while the page is visible, and at once when it
 * changes. An answer that comes after that is late: `isCurrent` tells it.
 */
export function usePoll(work: (isCurrent: () => boolean) => Promise<unknown>, period_ms: number): void {
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async () => {
      if (!document.hidden) await work(() => !isOver);
      if (!isOver) timer = setTimeout(() => void turn(), period_ms);
    };
    void turn();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [work, period_ms]);
}

/** For a call outside the poll, whose answer always counts. */
export const always = (): boolean => true;

/** A value once it has stood for a while, for typing. */
export function useDebounced<X>(value: X, delay_ms: number): X {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delay_ms);
    return () => clearTimeout(timer);
  }, [value, delay_ms]);
  return settled;
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}
