/**
 * Live positions of all vans in view, as columns of numbers that the map's layer can hand to the
 * graphics card as they are. Positions come once a second; in between each van glides from where
 * it is shown to where it was last heard of.
 */
import type { CellFrame } from '../api/frame';

/** Floats per van in `Fleet.instances`: from x, y; to x, y; headings; start, length; state; soc; load; mark. */
export const STRIDE = 12;
const [FROM_X, FROM_Y, TO_X, TO_Y, FROM_H, TO_H, START, LENGTH, STATE, SOC, LOAD, MARK] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/** A glide lasts a little longer than the pause between frames, so that a late one does not show. */
const GLIDE_SLACK = 1.15;
/** The pause between two frames of a cell, until it is known. */
const PAUSE_S = 1;
const PAUSE_S_MIN = 0.1;
/** Frames of changes come once a second or more often; a longer silence means that nothing changed. */
const PAUSE_S_MAX = 1.2;
/** Whole cells take turns when very many vans are in view. */
const PAUSE_S_MAX_FULL = 6;
/** Web Mercator length of about 40 m at mid latitudes: farther jumps are drawn straight. */
const CURVE_MAX = 1.5e-6;
/** Farther than this (about 4 km) a van did not drive: it is shown at its new place at once. */
const JUMP_MIN = 1.5e-4;
const START_CAPACITY = 256;
const MAX_VANS = 200_000;

/** What is drawn of a van now; `x`, `y` are Web Mercator in 0..1. */
export interface ShownVan {
  id: number;
  x: number;
  y: number;
  heading_rad: number;
  state: number;
  soc: number;
  load: number;
  speed_mps: number;
}

export class Fleet {
  /** Number of vans; the first `n * STRIDE` floats of `instances` are theirs. */
  n = 0;
  instances = new Float32Array(START_CAPACITY * STRIDE);
  /** Grows with every change that must reach the screen. */
  version = 0;
  /** Coordinates in `instances` are relative to this point, which keeps 32-bit floats exact. */
  readonly origin: readonly [number, number];

  private ids = new Uint32Array(START_CAPACITY);
  private speeds = new Float32Array(START_CAPACITY);
  private cells: string[] = [];
  private slots = new Map<number, number>();
  private marked: number | undefined;
  private paces = new Map<string, { heard_s: number; pause_s: number }>();
  private readonly started_s: number;

  constructor(origin: readonly [number, number], now_s: number) {
    this.origin = origin;
    this.started_s = now_s;
  }

  /** Seconds on the layer's clock, which starts near 0 to stay exact in 32 bits. */
  time(now_s: number): number {
    return now_s - this.started_s;
  }

  apply(frame: CellFrame, now_s: number): void {
    const time = this.time(now_s);
    const glide_s = this.pace(frame, now_s) * GLIDE_SLACK;
    if (frame.is_full) this.dropMissing(frame);
    for (let i = 0; i < frame.n; i++) this.put(frame, i, time, glide_s);
    for (const id of frame.removed) {
      const slot = this.slots.get(id);
      if (slot !== undefined && this.cells[slot] === frame.cell) this.remove(slot);
    }
    this.version += 1;
  }

  /** Forgets vans of cells outside the box (Web Mercator 0..1), which are no longer subscribed. */
  keepWithin(west: number, north: number, east: number, south: number): void {
    for (let slot = this.n - 1; slot >= 0; slot--) {
      const [zoom = 0, x = 0, y = 0] = (this.cells[slot] ?? '').split('/').map(Number);
      const side = 2 ** zoom;
      const isOut = (x + 1) / side < west || x / side > east || (y + 1) / side < north || y / side > south;
      if (isOut) this.remove(slot);
    }
    this.paces.clear();
    this.version += 1;
  }

  /** Marks one van as selected, or none. */
  mark(id: number | undefined): void {
    if (id === this.marked) return;
    for (const [which, value] of [[this.marked, 0], [id, 1]] as const) {
      const slot = which === undefined ? undefined : this.slots.get(which);
      if (slot !== undefined) this.instances[slot * STRIDE + MARK] = value;
    }
    this.marked = id;
    this.version += 1;
  }

  get(id: number, now_s: number): ShownVan | undefined {
    const slot = this.slots.get(id);
    return slot === undefined ? undefined : this.shown(slot, this.time(now_s));
  }

  /** The van shown nearest to a point, no farther than `radius`, of those whose state is visible. */
  nearest(x: number, y: number, radius: number, now_s: number, isVisible: (state: number) => boolean): number | undefined {
    const time = this.time(now_s);
    let best: number | undefined;
    let best_d = radius * radius;
    for (let slot = 0; slot < this.n; slot++) {
      const at = slot * STRIDE;
      if (!isVisible(this.instances[at + STATE] ?? 0)) continue;
      const van = this.shown(slot, time);
      const d = (van.x - x) ** 2 + (van.y - y) ** 2;
      if (d <= best_d) [best, best_d] = [van.id, d];
    }
    return best;
  }

  /** Number of vans in each state. */
  countByState(n_states: number): number[] {
    const counts = Array.from({ length: n_states }, () => 0);
    for (let slot = 0; slot < this.n; slot++) {
      const state = this.instances[slot * STRIDE + STATE] ?? 0;
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /** The usual pause between frames of this cell, in seconds. */
  private pace(frame: CellFrame, now_s: number): number {
    const known = this.paces.get(frame.cell);
    const longest = frame.is_full ? PAUSE_S_MAX_FULL : PAUSE_S_MAX;
    const measured = known ? Math.min(longest, Math.max(PAUSE_S_MIN, now_s - known.heard_s)) : PAUSE_S;
    const pause_s = known ? known.pause_s + 0.4 * (measured - known.pause_s) : PAUSE_S;
    this.paces.set(frame.cell, { heard_s: now_s, pause_s });
    return pause_s;
  }

  private put(frame: CellFrame, i: number, time: number, glide_s: number): void {
    const id = frame.ids[i] ?? 0;
    const x = (frame.x[i] ?? 0) - this.origin[0];
    const y = (frame.y[i] ?? 0) - this.origin[1];
    const heading = frame.heading_rad[i] ?? 0;
    let slot = this.slots.get(id);
    let from: [number, number, number] = [x, y, heading];
    if (slot === undefined) {
      if (this.n === MAX_VANS) return;
      slot = this.add(id);
    } else {
      const now = this.shown(slot, time);
      const [fx, fy] = [now.x - this.origin[0], now.y - this.origin[1]];
      if (Math.hypot(fx - x, fy - y) < JUMP_MIN) from = [fx, fy, now.heading_rad];
    }
    const at = slot * STRIDE;
    const v = this.instances;
    v[at + FROM_X] = from[0];
    v[at + FROM_Y] = from[1];
    v[at + TO_X] = x;
    v[at + TO_Y] = y;
    v[at + FROM_H] = from[2];
    v[at + TO_H] = from[2] + shortestTurn(from[2], heading);
    v[at + START] = time;
    v[at + LENGTH] = glide_s;
    v[at + STATE] = frame.state[i] ?? 0;
    v[at + SOC] = frame.soc[i] ?? 0;
    v[at + LOAD] = frame.load[i] ?? 0;
    v[at + MARK] = id === this.marked ? 1 : 0;
    this.speeds[slot] = frame.speed_mps[i] ?? 0;
    this.cells[slot] = frame.cell;
  }

  private add(id: number): number {
    const slot = this.n;
    if (slot === this.ids.length) {
      this.ids = grown(this.ids, new Uint32Array(slot * 2));
      this.speeds = grown(this.speeds, new Float32Array(slot * 2));
      this.instances = grown(this.instances, new Float32Array(slot * 2 * STRIDE));
    }
    this.ids[slot] = id;
    this.slots.set(id, slot);
    this.n += 1;
    return slot;
  }

  private remove(slot: number): void {
    const last = this.n - 1;
    this.slots.delete(this.ids[slot] ?? 0);
    if (slot !== last) {
      const id = this.ids[last] ?? 0;
      this.ids[slot] = id;
      this.speeds[slot] = this.speeds[last] ?? 0;
      this.cells[slot] = this.cells[last] ?? '';
      this.instances.copyWithin(slot * STRIDE, last * STRIDE, (last + 1) * STRIDE);
      this.slots.set(id, slot);
    }
    this.n = last;
    this.cells.length = last;
  }

  private dropMissing(frame: CellFrame): void {
    const present = new Set(frame.ids);
    for (let slot = this.n - 1; slot >= 0; slot--) {
      if (this.cells[slot] === frame.cell && !present.has(this.ids[slot] ?? 0)) this.remove(slot);
    }
  }

  private shown(slot: number, time: number): ShownVan {
    const at = slot * STRIDE;
    const v = this.instances;
    const value = (column: number) => v[at + column] ?? 0;
    const u = Math.min(1, Math.max(0, (time - value(START)) / value(LENGTH)));
    const [dx, dy] = glide(
      value(TO_X) - value(FROM_X), value(TO_Y) - value(FROM_Y), value(FROM_H), value(TO_H), u,
    );
    return {
      id: this.ids[slot] ?? 0,
      x: this.origin[0] + value(FROM_X) + dx,
      y: this.origin[1] + value(FROM_Y) + dy,
      heading_rad: value(FROM_H) + (value(TO_H) - value(FROM_H)) * u,
      state: value(STATE),
      soc: value(SOC),
      load: value(LOAD),
      speed_mps: this.speeds[slot] ?? 0,
    };
  }
}

/**
 * How far along its glide a van is, from its start: a cubic Hermite curve that leaves and arrives
 * along the headings, or a straight line when the van went far or not forwards. The vertex shader
 * of the van layer computes the same.
 */
export function glide(dx: number, dy: number, from_h: number, to_h: number, u: number): [number, number] {
  const d = Math.hypot(dx, dy);
  const [ax, ay] = [Math.sin(from_h), -Math.cos(from_h)];
  const [bx, by] = [Math.sin(to_h), -Math.cos(to_h)];
  const isCurve = d < CURVE_MAX && ax * dx + ay * dy > 0.3 * d && bx * dx + by * dy > 0.3 * d;
  if (!isCurve) return [dx * u, dy * u];
  const [u2, u3] = [u * u, u * u * u];
  const [h10, h01, h11] = [u3 - 2 * u2 + u, -2 * u3 + 3 * u2, u3 - u2];
  return [d * ax * h10 + dx * h01 + d * bx * h11, d * ay * h10 + dy * h01 + d * by * h11];
}

/** The same, as GLSL. */
export const GLIDE_GLSL = `
vec2 glide(vec2 d, float from_h, float to_h, float u) {
  float len = length(d);
  vec2 a = vec2(sin(from_h), -cos(from_h));
  vec2 b = vec2(sin(to_h), -cos(to_h));
  if (len >= ${CURVE_MAX.toExponential()} || dot(a, d) <= 0.3 * len || dot(b, d) <= 0.3 * len) return d * u;
  float u2 = u * u;
  float u3 = u2 * u;
  return len * a * (u3 - 2.0 * u2 + u) + d * (3.0 * u2 - 2.0 * u3) + len * b * (u3 - u2);
}`;

/** The turn from heading `a` to `b` in -pi..pi. */
export function shortestTurn(a: number, b: number): number {
  const turn = (b - a) % (2 * Math.PI);
  if (turn > Math.PI) return turn - 2 * Math.PI;
  return turn < -Math.PI ? turn + 2 * Math.PI : turn;
}

/** Web Mercator in 0..1 of a longitude and latitude in degrees. */
export function mercator(lon_deg: number, lat_deg: number): [number, number] {
  const s = Math.sin((Math.min(85.05, Math.max(-85.05, lat_deg)) * Math.PI) / 180);
  return [(lon_deg + 180) / 360, 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)];
}

/** Longitude and latitude in degrees of a Web Mercator point in 0..1. */
export function lonLat(x: number, y: number): [number, number] {
  return [x * 360 - 180, (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI];
}

function grown<A extends Float32Array | Uint32Array>(old: A, bigger: A): A {
  bigger.set(old);
  return bigger;
}
