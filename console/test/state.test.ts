import { describe, expect, it } from 'vitest';
import * as parse from '../src/api/parse';
import type { Ticket } from '../src/api/types';
import { may } from '../src/state/roles';
import { byUrgency, reduce, sampled, startState, type Action, type Sample, type State } from '../src/state/state';

const START = startState(parse.session({ role: 'admin', name: 'Ada' }), parse.city({ name: 'monaco' }), 'dark');
const after = (...actions: Action[]): State => actions.reduce(reduce, START);
const ticket = (id: string, urgency: number, opened_ms: number, status = 'open'): Ticket => ({
  id, van_id: 1, kind: 'blocked', urgency, opened_ms, text: '', choices: [], status, lat_deg: 0, lon_deg: 0,
});

describe('tickets', () => {
  it('come most urgent first, then longest waiting, closed ones last', () => {
    const order = byUrgency([ticket('a', 1, 5), ticket('b', 3, 9), ticket('c', 3, 2), ticket('d', 3, 1, 'answered')]);
    expect(order.map((t) => t.id)).toEqual(['c', 'b', 'a', 'd']);
  });

  it('are replaced by id when they change', () => {
    const state = after(
      { type: 'tickets', items: [ticket('a', 1, 1), ticket('b', 2, 1)] },
      { type: 'ticket', ticket: ticket('b', 2, 1, 'answered') },
    );
    expect(state.tickets.map((t) => [t.id, t.status])).toEqual([['a', 'open'], ['b', 'answered']]);
  });
});

describe('messages', () => {
  const bad = (text: string): Action => ({ type: 'toast', level: 'error', text, hint: 'h' });

  it('count the same error instead of piling it up', () => {
    const state = after(bad('x'), bad('x'), bad('x'));
    expect(state.toasts.map((t) => [t.text, t.n])).toEqual([['x', 3]]);
  });

  it('never lose an error to make room, only good news', () => {
    const done: Action = { type: 'toast', level: 'done', text: 'fine' };
    const state = after(done, bad('1'), bad('2'), bad('3'), bad('4'), bad('5'), bad('6'));
    expect(state.toasts.map((t) => t.text)).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('go when dismissed', () => {
    const state = after(bad('1'), bad('2'));
    expect(reduce(state, { type: 'toast_gone', id: 1 }).toasts.map((t) => t.text)).toEqual(['2']);
  });
});

describe('events', () => {
  it('stand newest first, numbered, and bounded', () => {
    let state = START;
    for (let i = 0; i < 150; i++) {
      state = reduce(state, { type: 'events', items: [{ t_ms: i, kind: 'a', text: '' }, { t_ms: i, kind: 'b', text: '' }] });
    }
    expect(state.events.length).toBe(200);
    expect(state.events.slice(0, 2).map((e) => [e.t_ms, e.kind, e.number])).toEqual([[149, 'b', 299], [149, 'a', 298]]);
    expect(new Set(state.events.map((e) => e.number)).size).toBe(200);
  });
});

describe('selection', () => {
  it('ends an aiming mode and following', () => {
    const state = after(
      { type: 'select', selection: { kind: 'van', id: 1 } },
      { type: 'follow', is_following: true },
      { type: 'mode', mode: 'place' },
      { type: 'select', selection: { kind: 'order', id: '4' } },
    );
    expect([state.mode, state.is_following]).toEqual(['look', false]);
  });

  it('only a van can be followed', () => {
    expect(after({ type: 'follow', is_following: true }).is_following).toBe(false);
  });
});

describe('samples', () => {
  it('stay few and in order over a long time', () => {
    let samples: Sample[] = [];
    for (let t = 0; t < 3000; t++) samples = sampled(samples, parse.kpi({ now_ms: t * 30_000, km: t }));
    expect(samples.length).toBeLessThanOrEqual(181);
    expect(samples.length).toBeGreaterThan(60);
    expect(samples[0]?.t_ms).toBe(0);
    for (let i = 1; i < samples.length; i++) expect(samples[i]?.t_ms).toBeGreaterThan(samples[i - 1]?.t_ms ?? 0);
  });

  it('start anew when the fleet clock goes back', () => {
    const samples = sampled(sampled([], parse.kpi({ now_ms: 9e6 })), parse.kpi({ now_ms: 5 }));
    expect(samples.map((s) => s.t_ms)).toEqual([5]);
  });
});

describe('roles', () => {
  it('let nobody do more than the next', () => {
    for (const deed of ['see_vans', 'close_road', 'answer_ticket', 'set_speed', 'make_fault', 'place_order'] as const) {
      expect(may('admin', deed)).toBe(true);
      if (may('viewer', deed)) expect(may('operator', deed)).toBe(true);
    }
    expect(may('viewer', 'place_order')).toBe(false);
    expect(may('tenant', 'see_vans')).toBe(false);
    expect(may('operator', 'make_fault')).toBe(false);
  });
});
