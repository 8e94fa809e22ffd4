import { describe, expect, it } from 'vitest';
import { decodeFrames, FrameError } from '../src/api/frame';
import { lonLat, mercator } from '../src/state/fleet';
import { encodeCell, type TestVan } from './encode';
import { seeded } from './seeded';

const VAN: TestVan = { id: 7, dx: 0x8000, dy: 0x4000, heading: 64, state: 2, soc: 255, load: 51, speed: 40 };

describe('decodeFrames', () => {
  it('reads every field of a committed message', () => {
    // One full cell 12/2132/1493 at 2026-05-12 08:00 UTC: van 7, and van 9 that left.
    const hex =
      '01010c00' + '54080000' + 'd5050000' + '00f82d1b9e010000' + '0100' + '0100' +
      '07000000' + '0080' + '0040' + '40' + '02' + 'ff' + '33' + '28' + '00' + '09000000';
    const [frame, ...rest] = decodeFrames(bytesOf(hex));
    expect(rest).toEqual([]);
    expect(frame).toMatchObject({ is_full: true, cell: '12/2132/1493', n: 1 });
    expect([...(frame?.ids ?? [])]).toEqual([7]);
    expect([...(frame?.removed ?? [])]).toEqual([9]);
    expect(frame?.heading_rad[0]).toBeCloseTo(Math.PI / 2);
    expect(frame?.state[0]).toBe(2);
    expect(frame?.soc[0]).toBe(1);
    expect(frame?.load[0]).toBeCloseTo(0.2);
    expect(frame?.speed_mps[0]).toBe(10);
    const [lon, lat] = lonLat(frame?.x[0] ?? 0, frame?.y[0] ?? 0);
    expect(lon).toBeCloseTo(7.4267, 3);
    expect(lat).toBeCloseTo(43.7552, 3);
    expect(mercator(lon, lat)[0]).toBeCloseTo(frame?.x[0] ?? 0, 10);
  });

  it('reads frames back to back', () => {
    const message = joined([encodeCell({ x: 1, y: 2, vans: [VAN] }), encodeCell({ x: 3, y: 4, vans: [], removed: [5, 6] })]);
    const frames = decodeFrames(message);
    expect(frames.map((f) => [f.cell, f.n, f.removed.length])).toEqual([['12/1/2', 1, 0], ['12/3/4', 0, 2]]);
  });

  it('takes an empty message as no frames', () => {
    expect(decodeFrames(new ArrayBuffer(0))).toEqual([]);
  });

  it.each([
    ['another version', { version: 2 }],
    ['a cell outside the world', { x: 4096 }],
    ['an absurd zoom', { zoom: 200 }],
    ['an unknown state', { vans: [{ ...VAN, state: 10 }] }],
  ])('refuses %s', (_name, change) => {
    expect(() => decodeFrames(encodeCell({ x: 1, y: 2, vans: [VAN], ...change }))).toThrow(FrameError);
  });

  it('refuses a message cut at any byte', () => {
    const whole = encodeCell({ x: 1, y: 2, vans: [VAN, { ...VAN, id: 8 }], removed: [3] });
    for (let n = 1; n < whole.byteLength; n++) {
      expect(() => decodeFrames(whole.slice(0, n)), `cut at ${n}`).toThrow(FrameError);
    }
  });

  it('never does anything but decode or refuse, whatever the bytes', () => {
    const random = seeded(1);
    const whole = new Uint8Array(encodeCell({ x: 1, y: 2, vans: [VAN, VAN, VAN], removed: [3] }));
    for (let round = 0; round < 3000; round++) {
      const bytes = whole.slice(0, 1 + Math.floor(random() * whole.length));
      for (let k = 0; k < 3; k++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      try {
        for (const frame of decodeFrames(bytes.buffer)) {
          expect(frame.x.every((x) => x >= 0 && x <= 1)).toBe(true);
          expect(frame.state.every((s) => s < 10)).toBe(true);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }
  });
});

function bytesOf(hex: string): ArrayBuffer {
  return Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16)).buffer;
}

function joined(parts: ArrayBuffer[]): ArrayBuffer {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return out.buffer;
}
