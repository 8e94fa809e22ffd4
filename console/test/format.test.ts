import { describe, expect, it } from 'vitest';
import { pauseMs } from '../src/api/live';
import * as format from '../src/format';
import { windowOf } from '../src/ui/NewOrder';
import { gains, sparkPath } from '../src/ui/Spark';
import { faster, pauseOrRun, slower } from '../src/ui/TopBar';

const T = Date.UTC(2026, 4, 12, 8, 5, 9);

describe('format', () => {
  it('prints numbers', () => {
    expect([format.count(12480), format.count(undefined), format.figure(8.44), format.figure(1204.4)]).toEqual(['12,480', '–', '8.4', '1,204']);
    expect([format.share(0.9744), format.share(1), format.share(0), format.share(0.123, 0), format.share(Number.NaN)]).toEqual(['97.4 %', '100 %', '0 %', '12 %', '–']);
    expect([format.money(0.838, 'EUR'), format.money(1.5, '??'), format.money(undefined, 'EUR')]).toEqual(['€0.84', '1.50 ??', '–']);
  });

  it('prints times in the zone of the city', () => {
    expect([format.clock(T, 'UTC'), format.clock(T, 'Europe/Monaco'), format.clockSeconds(T, 'UTC')]).toEqual(['08:05', '10:05', '08:05:09']);
    expect(format.clock(T, 'Etc/GMT-2')).toBe('10:05');
    expect(format.clock(T, 'Moon/Far_Side')).toBe('08:05');
    expect([format.clock(undefined, 'UTC'), format.clock(1e300, 'UTC')]).toEqual(['–', '–']);
    expect(format.day(T, 'UTC')).toBe('Tue 12 May');
    expect(format.timeWindow(T, T + 7_200_000, 'UTC')).toBe('08:05–10:05');
    expect([format.timeWindow(undefined, undefined, 'UTC'), format.timeWindow(undefined, T, 'UTC')]).toEqual(['any time', 'until 08:05']);
  });

  it('prints spans', () => {
    expect([45, 700, 7800, 7200, 400_000].map(format.duration)).toEqual(['45 s', '12 min', '2 h 10 min', '2 h', '5 d']);
    expect([format.ago(T - 300_000, T), format.ago(T + 300_000, T), format.ago(T, T)]).toEqual(['5 min ago', 'in 5 min', 'now']);
  });

  it('prints words', () => {
    expect([format.words('link_lost'), format.sentence('idle'), format.plural(1, 'stop'), format.plural(1200, 'stop')]).toEqual(['link lost', 'Idle', '1 stop', '1,200 stops']);
  });
});

describe('sparkline', () => {
  it('spans the box from lowest to highest', () => {
    expect(sparkPath([0, 5, 10, 10], 30, 22)).toBe('M0.0 20.0L10.0 11.0L20.0 2.0L30.0 2.0');
    expect(sparkPath([1, 2], 30, 22)).toBe('');
    expect(sparkPath([1, 1, 1, 1], 30, 22)).toContain('17.0');
  });

  it('turns totals into gains', () => {
    expect(gains([3, 5, 5, 4, 10])).toEqual([2, 0, 0, 6]);
  });
});

describe('pauses between tries', () => {
  it('double up to a cap, with jitter', () => {
    expect([0, 1, 2, 20].map((n) => pauseMs(n, () => 0))).toEqual([500, 1000, 2000, 15_000]);
    expect(pauseMs(0, () => 1)).toBe(650);
  });
});

describe('speed', () => {
  it('steps up and down and comes back from a pause', () => {
    expect([faster(1), faster(7), faster(200), slower(10), slower(1), slower(0)]).toEqual([2, 10, 200, 5, 1, 1]);
    expect(pauseOrRun(30)).toBe(0);
    expect(pauseOrRun(0)).toBe(30);
  });
});

describe('windows of the order form', () => {
  it('count from fleet time', () => {
    expect(windowOf('usual', T)).toEqual({});
    expect(windowOf('2', undefined)).toEqual({});
    expect(windowOf('2', T)).toEqual({ window_start_ms: T, window_end_ms: T + 7_200_000 });
    expect(windowOf('later', T)).toEqual({ window_start_ms: T + 7_200_000, window_end_ms: T + 14_400_000 });
  });
});
