/**
 * The binary cell frames of the live stream.
 *
 * One message holds several frames back to back, little endian: a head of 24 bytes, then 14 bytes
 * per changed van, then 4 bytes per van that left the cell. See docs/api.md.
 */
import { VAN_STATES } from './types';

export const FRAME_VERSION = 1;
const HEAD_BYTES = 24;
const UPDATE_BYTES = 14;
const REMOVED_BYTES = 4;
/** More frames in one message than a city has cells in view: the message is broken. */
const MAX_FRAMES = 4096;
const MAX_ZOOM = 24;

export class FrameError extends Error {}

/** Vans of one cell at one moment. Columns run in step; `x`, `y` are Web Mercator in 0..1. */
export interface CellFrame {
  /** True if the frame replaces all vans of the cell. */
  is_full: boolean;
  cell: string;
  time_ms: number;
  n: number;
  ids: Uint32Array;
  x: Float64Array;
  y: Float64Array;
  /** Radians clockwise from north. */
  heading_rad: Float32Array;
  state: Uint8Array;
  /** State of charge in 0..1. */
  soc: Float32Array;
  load: Float32Array;
  speed_mps: Float32Array;
  removed: Uint32Array;
}

/** Decodes a whole message; throws `FrameError` if any length or bound is wrong. */
export function decodeFrames(message: ArrayBuffer): CellFrame[] {
  const view = new DataView(message);
  const frames: CellFrame[] = [];
  let at = 0;
  while (at < view.byteLength) {
    if (frames.length === MAX_FRAMES) throw new FrameError('too many cells in one message');
    const [frame, end] = decodeFrame(view, at);
    frames.push(frame);
    at = end;
  }
  return frames;
}

function decodeFrame(view: DataView, start: number): [CellFrame, number] {
  if (view.byteLength - start < HEAD_BYTES) throw new FrameError('frame head cut short');
  const version = view.getUint8(start);
  if (version !== FRAME_VERSION) throw new FrameError(`frame version ${version}, this console reads ${FRAME_VERSION}`);
  const zoom = view.getUint8(start + 2);
  const [cell_x, cell_y] = [view.getUint32(start + 4, true), view.getUint32(start + 8, true)];
  const side = 2 ** zoom;
  if (zoom > MAX_ZOOM || cell_x >= side || cell_y >= side) throw new FrameError('cell outside the world');
  const n = view.getUint16(start + 20, true);
  const n_removed = view.getUint16(start + 22, true);
  const end = start + HEAD_BYTES + n * UPDATE_BYTES + n_removed * REMOVED_BYTES;
  if (end > view.byteLength) throw new FrameError('frame body cut short');

  const frame: CellFrame = {
    is_full: (view.getUint8(start + 1) & 1) === 1,
    cell: `${zoom}/${cell_x}/${cell_y}`,
    time_ms: Number(view.getBigInt64(start + 12, true)),
    n,
    ids: new Uint32Array(n),
    x: new Float64Array(n),
    y: new Float64Array(n),
    heading_rad: new Float32Array(n),
    state: new Uint8Array(n),
    soc: new Float32Array(n),
    load: new Float32Array(n),
    speed_mps: new Float32Array(n),
    removed: new Uint32Array(n_removed),
  };
  let at = start + HEAD_BYTES;
  for (let i = 0; i < n; i++, at += UPDATE_BYTES) {
    const state = view.getUint8(at + 9);
    if (state >= VAN_STATES.length) throw new FrameError(`van state ${state} is unknown`);
    frame.ids[i] = view.getUint32(at, true);
    frame.x[i] = (cell_x + (view.getUint16(at + 4, true) + 0.5) / 65536) / side;
    frame.y[i] = (cell_y + (view.getUint16(at + 6, true) + 0.5) / 65536) / side;
    frame.heading_rad[i] = (view.getUint8(at + 8) / 256) * 2 * Math.PI;
    frame.state[i] = state;
    frame.soc[i] = view.getUint8(at + 10) / 255;
    frame.load[i] = view.getUint8(at + 11) / 255;
    frame.speed_mps[i] = view.getUint8(at + 12) * 0.25;
  }
  for (let i = 0; i < n_removed; i++, at += REMOVED_BYTES) frame.removed[i] = view.getUint32(at, true);
  return [frame, end];
}
