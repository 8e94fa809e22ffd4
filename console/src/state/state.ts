/** Everything the console shows apart from moving vans, and the one function that changes it. */
import type { Link } from '../api/live';
import type { City, Closure, FleetEvent, Id, Kpi, KpiPoint, Permit, Position, Session, Ticket } from '../api/types';

export type Tab = 'orders' | 'vans' | 'tickets' | 'roads';
/** What a click on the map does: pick a van, place an order, close a road, move the selected order. */
export type Mode = 'look' | 'place' | 'close' | 'move';
export type Theme = 'dark' | 'light';
export type Selection = { kind: 'van'; id: number } | { kind: 'order'; id: Id } | { kind: 'new_order'; at: Position };

export interface Toast {
  id: number;
  level: 'error' | 'done';
  text: string;
  hint: string;
  n: number;
  order_id?: Id;
}

/** One value of each figure now and then, for the small curves that the server keeps no history of. */
export interface Sample {
  t_ms: number;
  kpi: Kpi;
}

/** Events are numbered as they arrive, so that the list can tell them apart. */
export type NumberedEvent = FleetEvent & { number: number };

export interface State {
  session: Session;
  city: City;
  kpi: Kpi | undefined;
  history: KpiPoint[];
  samples: Sample[];
  link: Link;
  retry_at_ms: number | undefined;
  events: NumberedEvent[];
  n_events: number;
  tickets: Ticket[];
  closures: Closure[];
  permits: Permit[];
  toasts: Toast[];
  next_toast: number;
  tab: Tab;
  is_panel_open: boolean;
  is_help_open: boolean;
  mode: Mode;
  selection: Selection | undefined;
  is_following: boolean;
  show_permits: boolean;
  hidden_states: number[];
  theme: Theme;
}

export type Action =
  | { type: 'link'; link: Link; retry_at_ms?: number }
  | { type: 'kpi'; kpi: Kpi }
  | { type: 'kpi_history'; kpi: Kpi; history: KpiPoint[] }
  | { type: 'speed'; speed: number }
  | { type: 'events'; items: FleetEvent[] }
  | { type: 'tickets'; items: Ticket[] }
  | { type: 'ticket'; ticket: Ticket }
  | { type: 'closures'; items: Closure[] }
  | { type: 'closed'; closure: Closure }
  | { type: 'reopened'; id: Id }
  | { type: 'permits'; items: Permit[] }
  | { type: 'toast'; level: Toast['level']; text: string; hint?: string; order_id?: Id }
  | { type: 'toast_gone'; id: number }
  | { type: 'tab'; tab: Tab }
  | { type: 'panel'; is_open: boolean }
  | { type: 'help'; is_open: boolean }
  | { type: 'mode'; mode: Mode }
  | { type: 'select'; selection: Selection | undefined }
  | { type: 'follow'; is_following: boolean }
  | { type: 'show_permits'; is_shown: boolean }
  | { type: 'toggle_state'; state: number }
  | { type: 'theme'; theme: Theme };

const MAX_EVENTS = 200;
const MAX_TOASTS = 5;
const MAX_SAMPLES = 180;
/** Fleet time between two samples; it doubles as samples fill up. */
const SAMPLE_MS = 60_000;

export function startState(session: Session, city: City, theme: Theme): State {
  return {
    session, city, theme, kpi: undefined, history: [], samples: [], link: 'connecting', retry_at_ms: undefined,
    events: [], n_events: 0, tickets: [], closures: [], permits: [], toasts: [], next_toast: 1, tab: 'orders',
    is_panel_open: true, is_help_open: false, mode: 'look', selection: undefined, is_following: false,
    show_permits: false, hidden_states: [],
  };
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'link':
      return { ...state, link: action.link, retry_at_ms: action.retry_at_ms };
    case 'kpi':
      return { ...state, kpi: action.kpi, samples: sampled(state.samples, action.kpi) };
    case 'kpi_history':
      return { ...state, kpi: action.kpi, history: action.history };
    case 'speed':
      return { ...state, kpi: state.kpi && { ...state.kpi, speed: action.speed } };
    case 'events':
      return withEvents(state, action.items);
    case 'tickets':
      return { ...state, tickets: byUrgency(action.items) };
    case 'ticket':
      return { ...state, tickets: byUrgency([...state.tickets.filter((t) => t.id !== action.ticket.id), action.ticket]) };
    case 'closures':
      return { ...state, closures: action.items };
    case 'closed':
      return { ...state, closures: [...state.closures.filter((c) => c.id !== action.closure.id), action.closure] };
    case 'reopened':
      return { ...state, closures: state.closures.filter((c) => c.id !== action.id) };
    case 'permits':
      return { ...state, permits: action.items };
    case 'toast':
      return withToast(state, action);
    case 'toast_gone':
      return { ...state, toasts: state.toasts.filter((t) => t.id !== action.id) };
    case 'tab':
      return { ...state, tab: action.tab, is_panel_open: true };
    case 'panel':
      return { ...state, is_panel_open: action.is_open };
    case 'help':
      return { ...state, is_help_open: action.is_open };
    case 'mode':
      return { ...state, mode: action.mode };
    case 'select':
      return { ...state, selection: action.selection, mode: 'look', is_following: false };
    case 'follow':
      return { ...state, is_following: action.is_following && state.selection?.kind === 'van' };
    case 'show_permits':
      return { ...state, show_permits: action.is_shown };
    case 'toggle_state': {
      const isHidden = state.hidden_states.includes(action.state);
      const rest = state.hidden_states.filter((s) => s !== action.state);
      return { ...state, hidden_states: isHidden ? rest : [...rest, action.state] };
    }
    case 'theme':
      return { ...state, theme: action.theme };
  }
}

/** Open tickets first, then by urgency, then the longest waiting. */
export function byUrgency(tickets: readonly Ticket[]): Ticket[] {
  const isOpen = (t: Ticket) => (t.status === 'open' ? 1 : 0);
  return tickets.toSorted(
    (a, b) =>
      isOpen(b) - isOpen(a) || b.urgency - a.urgency || a.opened_ms - b.opened_ms || a.id.localeCompare(b.id),
  );
}

/** Adds a sample when enough fleet time has passed; thins out the older half when there are many. */
export function sampled(samples: readonly Sample[], kpi: Kpi): Sample[] {
  const last = samples.at(-1);
  if (last && kpi.now_ms < last.t_ms) return [{ t_ms: kpi.now_ms, kpi }];
  const first = samples[0];
  const step = first ? Math.max(SAMPLE_MS, ((last?.t_ms ?? 0) - first.t_ms) / MAX_SAMPLES) : SAMPLE_MS;
  if (last && kpi.now_ms - last.t_ms < step) return samples as Sample[];
  const next = [...samples, { t_ms: kpi.now_ms, kpi }];
  return next.length > MAX_SAMPLES ? next.filter((_, i) => i % 2 === 0 || i > MAX_SAMPLES / 2) : next;
}

function withEvents(state: State, items: readonly FleetEvent[]): State {
  const numbered = items.map((event, i) => ({ ...event, number: state.n_events + i }));
  const events = [...numbered.toReversed(), ...state.events].slice(0, MAX_EVENTS);
  return { ...state, events, n_events: state.n_events + items.length };
}

function withToast(state: State, action: Extract<Action, { type: 'toast' }>): State {
  const hint = action.hint ?? '';
  const again = state.toasts.find((t) => t.level === action.level && t.text === action.text && t.hint === hint);
  if (again) {
    return { ...state, toasts: state.toasts.map((t) => (t === again ? { ...t, n: t.n + 1 } : t)) };
  }
  const toast = { id: state.next_toast, level: action.level, text: action.text, hint, n: 1, order_id: action.order_id };
  // Errors stay until they are dismissed: only good news makes room.
  const full = state.toasts.length >= MAX_TOASTS;
  const drop = full ? state.toasts.find((t) => t.level === 'done') : undefined;
  return { ...state, next_toast: state.next_toast + 1, toasts: [...state.toasts.filter((t) => t !== drop), toast] };
}
