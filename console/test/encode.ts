/** Writes cell frames as the server does, for tests. */
export interface TestVan {
  id: number;
  dx: number;
  dy: number;
  heading: number;
  state: number;
  soc: number;
  load: number;
  speed: number;
}

export interface TestCell {
  version?: number;
  is_full?: boolean;
  zoom?: number;
  x: number;
  y: number;
  time_ms?: number;
  vans: TestVan[];
  removed?: number[];
}

export function encodeCell(cell: TestCell): ArrayBuffer {
  const removed = cell.removed ?? [];
  const view = new DataView(new ArrayBuffer(24 + 14 * cell.vans.length + 4 * removed.length));
  view.setUint8(0, cell.version ?? 1);
  view.setUint8(1, cell.is_full ? 1 : 0);
  view.setUint8(2, cell.zoom ?? 12);
  view.setUint32(4, cell.x, true);
  view.setUint32(8, cell.y, true);
  view.setBigInt64(12, BigInt(cell.time_ms ?? 0), true);
  view.setUint16(20, cell.vans.length, true);
  view.setUint16(22, removed.length, true);
  let at = 24;
  for (const van of cell.vans) {
    view.setUint32(at, van.id, true);
    view.setUint16(at + 4, van.dx, true);
    view.setUint16(at + 6, van.dy, true);
    [van.heading, van.state, van.soc, van.load, van.speed].forEach((value, i) => view.setUint8(at + 8 + i, value));
    at += 14;
  }
  for (const id of removed) {
    view.setUint32(at, id, true);
    at += 4;
  }
  return view.buffer;
}
