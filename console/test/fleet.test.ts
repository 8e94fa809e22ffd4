import { describe, expect, it } from 'vitest';
import { decodeFrames } from '../src/api/frame';
import { Fleet, glide, lonLat, mercator, shortestTurn, STRIDE } from '../src/state/fleet';
import { encodeCell, type TestCell, type TestVan } from './encode';
import { seeded } from './seeded';

const CELL = { x: 2132, y: 1493 };
const SIDE = 4096;
const van = (id: number, dx: number, more: Partial<TestVan> = {}): TestVan => ({
  id, dx, dy: 0x8000, heading: 64, state: 2, soc: 128, load: 0, speed: 40, ...more,
});

function fleetAfter(...steps: [number, TestCell][]): Fleet {
  const fleet = new Fleet([CELL.x / SIDE, CELL.y / SIDE], 0);
  for (const [now_s, cell] of steps) {
    for (const frame of decodeFrames(encodeCell(cell))) fleet.apply(frame, now_s);
  }
  return fleet;
}

const GLIDE_S = 1.15;
const xOf = (dx: number) => (CELL.x + (dx + 0.5) / 65536) / SIDE;

describe('Fleet', () => {
  it('shows a new van where it is, and glides a known one to its new place', () => {
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 1000)] }], [2, { ...CELL, vans: [van(1, 1010)] }]);
    expect(fleet.get(1, 2)?.x).toBeCloseTo(xOf(1000), 11);
    const middle = fleet.get(1, 2 + GLIDE_S / 2)?.x ?? 0;
    expect(middle).toBeGreaterThan(xOf(1003));
    expect(middle).toBeLessThan(xOf(1007));
    expect(fleet.get(1, 2 + GLIDE_S)?.x).toBeCloseTo(xOf(1010), 11);
    expect(fleet.get(1, 99)?.x).toBeCloseTo(xOf(1010), 11);
  });

  it('starts a glide from where the van is shown when a frame comes early', () => {
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 1000)] }], [2, { ...CELL, vans: [van(1, 1010)] }]);
    const shown = fleet.get(1, 2.4)?.x ?? 0;
    for (const frame of decodeFrames(encodeCell({ ...CELL, vans: [van(1, 1020)] }))) fleet.apply(frame, 2.4);
    expect(fleet.get(1, 2.4)?.x).toBeCloseTo(shown, 11);
  });

  it('glides as long as the frames of a cell are apart, within bounds', () => {
    const lengthAfter = (pause_s: number, is_full: boolean) => {
      const steps = Array.from({ length: 40 }, (_, i): [number, TestCell] => [i * pause_s, { ...CELL, is_full, vans: [van(1, 1000 + i)] }]);
      return fleetAfter(...steps).instances[7];
    };
    expect(lengthAfter(0.25, false)).toBeCloseTo(0.2875, 3);
    expect(lengthAfter(30, false)).toBeCloseTo(1.38, 3);
    expect(lengthAfter(5, true)).toBeCloseTo(5.75, 3);
  });

  it('does not glide across the city', () => {
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 0)] }], [2, { ...CELL, vans: [van(1, 65535)] }]);
    expect(fleet.get(1, 2)?.x).toBeCloseTo(xOf(65535), 11);
  });

  it('drops vans that left, and in a full frame those that are missing', () => {
    const fleet = fleetAfter(
      [1, { ...CELL, vans: [van(1, 1), van(2, 2), van(3, 3)] }],
      [2, { ...CELL, vans: [], removed: [2] }],
    );
    expect([1, 2, 3].map((id) => fleet.get(id, 3) !== undefined)).toEqual([true, false, true]);
    for (const frame of decodeFrames(encodeCell({ ...CELL, is_full: true, vans: [van(3, 3)] }))) fleet.apply(frame, 3);
    expect(fleet.n).toBe(1);
    expect(fleet.get(3, 4)?.id).toBe(3);
  });

  it('keeps a van that has already been seen in its next cell when the old cell lets go of it', () => {
    const next = { x: CELL.x + 1, y: CELL.y };
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 65000)] }], [2, { ...next, vans: [van(1, 10)] }], [2, { ...CELL, vans: [], removed: [1] }]);
    expect(fleet.get(1, 5)?.x).toBeCloseTo((next.x + 10.5 / 65536) / SIDE, 11);
  });

  it('forgets cells outside the view', () => {
    const far = { x: 100, y: 100 };
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 1)] }], [1, { ...far, vans: [van(2, 1)] }]);
    fleet.keepWithin(CELL.x / SIDE, CELL.y / SIDE, (CELL.x + 1) / SIDE, (CELL.y + 1) / SIDE);
    expect([fleet.n, fleet.get(1, 2)?.id, fleet.get(2, 2)]).toEqual([1, 1, undefined]);
  });

  it('finds the nearest visible van and counts states', () => {
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 100), van(2, 200, { state: 6 })] }]);
    const y = (CELL.y + 0.5) / SIDE;
    expect(fleet.nearest(xOf(190), y, 1e-6, 2, () => true)).toBe(2);
    expect(fleet.nearest(xOf(190), y, 1e-6, 2, (state) => state !== 6)).toBe(1);
    expect(fleet.nearest(xOf(60000), y, 1e-9, 2, () => true)).toBeUndefined();
    expect(fleet.countByState(10)).toEqual([0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('marks the selected van, also when it comes later', () => {
    const fleet = fleetAfter([1, { ...CELL, vans: [van(1, 1)] }]);
    const marks = () => Array.from({ length: fleet.n }, (_, slot) => fleet.instances[slot * STRIDE + 11]);
    fleet.mark(1);
    expect(marks()).toEqual([1]);
    fleet.mark(2);
    for (const frame of decodeFrames(encodeCell({ ...CELL, vans: [van(2, 9)] }))) fleet.apply(frame, 2);
    expect(marks()).toEqual([0, 1]);
  });

  it('agrees with a plain model over random frames', () => {
    const random = seeded(7);
    const fleet = new Fleet([CELL.x / SIDE, CELL.y / SIDE], 0);
    const model = new Map<number, [string, number]>();
    for (let step = 0; step < 400; step++) {
      const x = CELL.x + Math.floor(random() * 3);
      const ids = [...new Set(Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 600)))];
      const removed = Array.from({ length: Math.floor(random() * 9) }, () => Math.floor(random() * 600));
      const cell = { x, y: CELL.y, is_full: random() < 0.1, vans: ids.map((id) => van(id, Math.floor(random() * 65536))), removed };
      const key = `12/${x}/${CELL.y}`;
      for (const frame of decodeFrames(encodeCell(cell))) fleet.apply(frame, step);
      if (cell.is_full) for (const [id, [at]] of model) if (at === key && !ids.includes(id)) model.delete(id);
      for (const v of cell.vans) model.set(v.id, [key, (x + (v.dx + 0.5) / 65536) / SIDE]);
      for (const id of removed) if (model.get(id)?.[0] === key) model.delete(id);
    }
    expect(fleet.n).toBe(model.size);
    for (const [id, [, x]] of model) expect(fleet.get(id, 1e6)?.x).toBeCloseTo(x, 10);
  });
});

describe('glide', () => {
  it('starts and ends where it should, whatever the headings', () => {
    const random = seeded(3);
    for (let i = 0; i < 500; i++) {
      const [dx, dy, a, b] = [random() * 2e-6 - 1e-6, random() * 2e-6 - 1e-6, random() * 7, random() * 7];
      const start = glide(dx, dy, a, b, 0);
      const end = glide(dx, dy, a, b, 1);
      expect(Math.hypot(start[0], start[1])).toBeLessThan(1e-15);
      expect(Math.hypot(end[0] - dx, end[1] - dy)).toBeLessThan(1e-15);
    }
  });

  it('follows a bend: leaves along the first heading', () => {
    const [x, y] = glide(1e-7, -1e-7, 0, Math.PI / 2, 0.3);
    expect(-y).toBeGreaterThan(2 * x);
  });
});

describe('geometry', () => {
  it('turns the short way', () => {
    expect(shortestTurn(6.2, 0.1)).toBeCloseTo(0.1832, 3);
    expect(shortestTurn(0.1, 6.2)).toBeCloseTo(-0.1832, 3);
    expect(shortestTurn(0, Math.PI / 2)).toBeCloseTo(Math.PI / 2);
  });

  it('projects there and back', () => {
    for (const [lon_deg, lat_deg] of [[7.42, 43.737], [-83, 40], [121.49, 31.23], [0, 0]] as [number, number][]) {
      const [lon, lat] = lonLat(...mercator(lon_deg, lat_deg));
      expect(lon).toBeCloseTo(lon_deg, 9);
      expect(lat).toBeCloseTo(lat_deg, 9);
    }
  });
});
