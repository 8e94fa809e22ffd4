// A stand-in for `rv_server`: the same API over a seeded toy world.
// `npm run mock -- --port 8099 --vans 60 --speed 5 --seed 1`
import { createServer } from 'node:http';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildCity } from './city.mjs';
import { acceptWebSocket } from './ws.mjs';
import { seeded, STATES, World } from './world.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const TOKENS = {
  'mock-admin': { role: 'admin', name: 'Ada' },
  'mock-operator': { role: 'operator', name: 'Oscar' },
  'mock-viewer': { role: 'viewer', name: 'Vera' },
  'mock-tenant': { role: 'tenant', name: 'La Poste', tenant_id: 1 },
};
const RANK = { tenant: 0, viewer: 1, operator: 2, admin: 3 };
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css',
  '.woff2': 'font/woff2', '.svg': 'image/svg+xml',
};
const CELL_ZOOM = 12;

/** Starts the mock; resolves to `{port, world, close}`. */
export async function startMock({ port = 0, vans = 60, speed = 5, seed = 1, dist = join(HERE, '../dist') } = {}) {
  const city = buildCity(join(HERE, '../../data/monaco/monaco.osm.pbf'), seeded(seed));
  const world = new World(city, { seed, n_vans: vans, speed });
  const viewers = new Set();
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (url.pathname === '/healthz') return reply(response, 200, { status: 'ok' });
    if (!url.pathname.startsWith('/api/v1/')) return file(response, dist, url.pathname);
    const user = TOKENS[(request.headers.authorization ?? '').replace('Bearer ', '')];
    if (!user) return fail(response, 401, 'token_unknown', 'no such token', 'take the token from the line that up printed');
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      try {
        route({ world, user, url, response, method: request.method, body: body ? JSON.parse(body) : {} });
      } catch (error) {
        fail(response, 400, 'bad_request', String(error.message), 'send JSON as docs/api.md says');
      }
    });
  });
  server.on('upgrade', (request, socket) => {
    const url = new URL(request.url, 'http://mock');
    const user = TOKENS[url.searchParams.get('token') ?? ''];
    if (url.pathname !== '/api/v1/live' || !user || user.role === 'tenant') {
      socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      return;
    }
    const viewer = { user, box: null, seen: new Map(), n_events: Math.max(0, world.n_events - 12) };
    viewer.ws = acceptWebSocket(request, socket, {
      onText: (text) => subscribe(world, viewer, text),
      onClose: () => viewers.delete(viewer),
    });
    viewers.add(viewer);
    viewer.ws.text({ type: 'hello', now_ms: world.now_ms, speed: world.speed, server_version: 'mock' });
  });
  const timer = setInterval(() => {
    for (let left = world.speed; left > 0; left -= 1) world.step(Math.min(1, left));
    for (const viewer of viewers) tick(world, viewer);
    world.changed_tickets.clear();
  }, 1000);
  await new Promise((done) => {
    server.listen(port, '127.0.0.1', done);
  });
  const close = () => {
    clearInterval(timer);
    for (const viewer of viewers) viewer.ws.close();
    server.closeAllConnections();
    server.close();
  };
  return { port: server.address().port, world, close };
}

function subscribe(world, viewer, text) {
  const message = JSON.parse(text);
  if (message.type !== 'subscribe') return;
  viewer.box = message.bbox;
  viewer.seen.clear();
  viewer.is_fresh = true;
  sendCells(world, viewer);
}

function tick(world, viewer) {
  viewer.ws.text({ type: 'kpi', ...world.kpi() });
  const n_new = Math.min(world.n_events - viewer.n_events, 12);
  if (n_new > 0) viewer.ws.text({ type: 'events', items: world.events.slice(-n_new) });
  viewer.n_events = world.n_events;
  for (const ticket of world.changed_tickets) viewer.ws.text({ type: 'ticket', ticket });
  sendCells(world, viewer);
}

function sendCells(world, viewer) {
  if (!viewer.box) return;
  const cells = new Map();
  const [west, south, east, north] = viewer.box;
  for (const van of world.vans) {
    if (van.lon_deg < west - 0.1 || van.lon_deg > east + 0.1 || van.lat_deg < south - 0.1 || van.lat_deg > north + 0.1) continue;
    const x = ((van.lon_deg + 180) / 360) * 2 ** CELL_ZOOM;
    const s = Math.sin((van.lat_deg * Math.PI) / 180);
    const y = (0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)) * 2 ** CELL_ZOOM;
    const key = `${Math.floor(x)}/${Math.floor(y)}`;
    const cell = cells.get(key) ?? { x: Math.floor(x), y: Math.floor(y), updates: [], removed: [] };
    cells.set(key, cell);
    const update = packVan(van, x - cell.x, y - cell.y);
    const before = viewer.seen.get(van.id);
    if (before?.key !== key || !before.update.equals(update)) cell.updates.push(update);
    if (before && before.key !== key) cells.get(before.key)?.removed.push(van.id);
    viewer.seen.set(van.id, { key, update });
  }
  const frames = [...cells.values()].map((cell) => packCell(cell, world.now_ms, viewer.is_fresh));
  viewer.is_fresh = false;
  if (frames.length) viewer.ws.binary(Buffer.concat(frames));
}

function packVan(van, dx, dy) {
  const b = Buffer.alloc(14);
  b.writeUInt32LE(van.id, 0);
  b.writeUInt16LE(Math.floor(dx * 65536), 4);
  b.writeUInt16LE(Math.floor(dy * 65536), 6);
  b[8] = Math.round((van.heading_rad / (2 * Math.PI)) * 256) & 255;
  b[9] = STATES.indexOf(van.state);
  b[10] = Math.round(van.soc * 255);
  b[11] = Math.round(van.load * 255);
  b[12] = Math.min(255, Math.round(van.speed_mps / 0.25));
  return b;
}

function packCell(cell, now_ms, is_full) {
  const head = Buffer.alloc(24);
  head[0] = 1;
  head[1] = is_full ? 1 : 0;
  head[2] = CELL_ZOOM;
  head.writeUInt32LE(cell.x, 4);
  head.writeUInt32LE(cell.y, 8);
  head.writeBigInt64LE(BigInt(Math.round(now_ms)), 12);
  head.writeUInt16LE(cell.updates.length, 20);
  head.writeUInt16LE(cell.removed.length, 22);
  const removed = Buffer.alloc(4 * cell.removed.length);
  cell.removed.forEach((id, i) => removed.writeUInt32LE(id, 4 * i));
  return Buffer.concat([head, ...cell.updates, removed]);
}

function route(c) {
  const path = c.url.pathname.slice('/api/v1'.length);
  for (const [method, pattern, least, handle] of ROUTES) {
    const match = method === c.method && pattern.exec(path);
    if (!match) continue;
    if (RANK[c.user.role] < RANK[least]) {
      return fail(c.response, 403, 'role_denied', `a ${c.user.role} may not do this`, `ask for a token of the role ${least}`);
    }
    return handle(c, ...match.slice(1));
  }
  return fail(c.response, 404, 'not_found', `no such address: ${path}`, 'see docs/api.md');
}

const ROUTES = [
  ['GET', /^\/session$/, 'tenant', (c) => reply(c.response, 200, c.user)],
  ['GET', /^\/city$/, 'tenant', (c) => reply(c.response, 200, cityInfo(c.world))],
  ['GET', /^\/tiles\/(\d+)\/(\d+)\/(\d+)\.mvt$/, 'tenant', tile],
  ['GET', /^\/kpi$/, 'viewer', (c) => reply(c.response, 200, { ...c.world.kpi(), history: c.world.history })],
  ['GET', /^\/vans$/, 'viewer', listVans],
  ['GET', /^\/vans\/(\d+)$/, 'viewer', oneVan],
  ['GET', /^\/vans\/(\d+)\/sight$/, 'viewer', sightOfVan],
  ['POST', /^\/vans\/(\d+)\/(halt|resume|service)$/, 'operator', runVan],
  ['PATCH', /^\/orders\/(\d+)$/, 'tenant', changeOrder],
  ['GET', /^\/orders$/, 'tenant', listOrders],
  ['GET', /^\/orders\/(\d+)$/, 'tenant', oneOrder],
  ['POST', /^\/orders$/, 'tenant', placeOrder],
  ['POST', /^\/orders\/(\d+)\/cancel$/, 'tenant', cancelOrder],
  ['GET', /^\/tickets$/, 'viewer', (c) => reply(c.response, 200, { items: c.world.tickets.filter((t) => matches(c.url, 'status', t.status)) })],
  ['POST', /^\/tickets\/(\d+)\/answer$/, 'operator', answerTicket],
  ['POST', /^\/roads\/close$/, 'operator', closeRoad],
  ['GET', /^\/roads\/closures$/, 'viewer', (c) => reply(c.response, 200, { items: c.world.closures.map(closureInfo) })],
  ['DELETE', /^\/roads\/closures\/(\d+)$/, 'operator', reopenRoad],
  ['GET', /^\/permits$/, 'viewer', (c) => reply(c.response, 200, { items: permits(c.world) })],
  ['POST', /^\/sim\/speed$/, 'admin', setSpeed],
  ['POST', /^\/sim\/faults$/, 'admin', (c) => (c.world.fault(c.body.kind, c.body.van_id) ? reply(c.response, 200, {}) : fail(c.response, 404, 'van_unknown', `no van ${c.body.van_id}`, 'see GET /vans'))],
  ['GET', /^\/sim$/, 'viewer', (c) => reply(c.response, 200, { speed: c.world.speed, now_ms: c.world.now_ms })],
];

function cityInfo({ city, tenants }) {
  const [w, s, e, n] = city.box;
  return {
    name: 'monaco', attribution: '© OpenStreetMap contributors', bounds: [[w, s], [e, n]],
    center: [(w + e) / 2, (s + n) / 2], facilities: city.facilities.map(({ node: _node, ...f }) => f), tenants,
    sim: { is_simulated: true }, time_zone: 'Europe/Monaco',
  };
}

function tile(c, z, x, y) {
  c.response.writeHead(200, { 'content-type': 'application/vnd.mapbox-vector-tile' });
  c.response.end(c.world.city.tile(Number(z), Number(x), Number(y)));
}

const vanInfo = (v) => ({
  id: v.id, name: v.name, class: v.class, state: v.state, soc: v.soc, load: v.load, n_parcels: v.n_parcels,
  lat_deg: v.lat_deg, lon_deg: v.lon_deg, speed_mps: v.speed_mps, heading_rad: v.heading_rad,
  n_stops_left: v.stops.filter((s) => s.status !== 'done').length,
  next_stop_eta_ms: v.stops.find((s) => s.status !== 'done')?.eta_ms,
});

function listVans(c) {
  const query = (c.url.searchParams.get('query') ?? '').toLowerCase();
  const items = c.world.vans.filter((v) => matches(c.url, 'state', v.state) && v.name.toLowerCase().includes(query));
  reply(c.response, 200, page(c.url, items, vanInfo));
}

function oneVan(c, id) {
  const v = c.world.vans[Number(id)];
  if (!v) return fail(c.response, 404, 'van_unknown', `no van ${id}`, 'see GET /vans');
  const ahead = v.path.slice(v.leg).map((n) => [n.lon, n.lat]);
  return reply(c.response, 200, {
    ...vanInfo(v), hub_id: 0, mission_id: v.stops.length ? v.id * 10 : undefined, permits: ['Monaco city permit'],
    is_halted: v.is_halted ?? false, is_in_service: !v.is_out,
    odometer_km: 4200 + v.km, kwh: v.kwh, tickets: c.world.tickets.filter((t) => t.van_id === v.id && t.status === 'open'),
    route: { type: 'LineString', coordinates: ahead.length ? [[v.lon_deg, v.lat_deg], ...ahead] : [] },
    stops: v.stops.map((s, i) => ({
      stop_id: i, kind: s.kind, lat_deg: s.node.lat, lon_deg: s.node.lon, label: s.label, eta_ms: s.eta_ms, status: s.status,
      window_start_ms: s.orders[0]?.window_start_ms, window_end_ms: s.orders[0]?.window_end_ms, order_ids: s.orders.map((o) => o.id),
    })),
  });
}

/** What the driver of a van sees: one ahead of it and one who walks. */
function sightOfVan(c, id) {
  const v = c.world.vans[Number(id)];
  if (!v) return fail(c.response, 404, 'van_unknown', `no van ${id}`, 'see GET /vans');
  const at = (north_m, east_m) => ({ lat_deg: v.lat_deg + north_m / 111_195, lon_deg: v.lon_deg + east_m / 80_000 });
  const line = (...points) => points.map(([n, e]) => at(n, e)).map((p) => [p.lon_deg, p.lat_deg]);
  return reply(c.response, 200, {
    sight: {
      ...at(0, 0), at_ms: 0, heading_deg: 0, length_m: 3.3, width_m: 1.25, speed_mps: 6, reason: 'follows the one in front', is_emergency: false,
      plan: line([0, 0], [10, 0], [20, 0]), stop: line([0, 0], [8, 0]),
      seen: [
        { track_id: 1, class: 'car', ...at(15, 0), heading_deg: 0, length_m: 4.4, width_m: 1.8, speed_mps: 5, ways: [{ percent: 80, line: line([15, 0], [30, 0]) }, { percent: 20, line: line([15, 0], [22, 8]) }] },
        { track_id: 2, class: 'pedestrian', ...at(10, 5), heading_deg: 270, length_m: 0.6, width_m: 0.6, speed_mps: 1.2, ways: [{ percent: 100, line: line([10, 5], [10, 1]) }] },
      ],
      lights: [{ ...at(25, 0), is_green: true }],
    },
  });
}

function runVan(c, id, verb) {
  const v = c.world.vans[Number(id)];
  if (!v) return fail(c.response, 404, 'van_unknown', `no van ${id}`, 'see GET /vans');
  if (verb === 'halt') Object.assign(v, { is_halted: true, state: 'waiting', speed_mps: 0 });
  else if (verb === 'resume') Object.assign(v, { is_halted: false, state: v.path[v.leg] ? 'driving' : 'idle' });
  else v.is_out = !c.body.is_in_service;
  return reply(c.response, 200, {});
}

function changeOrder(c, id) {
  const o = c.world.orders[Number(id)];
  if (!o || !visible(c, o)) return fail(c.response, 404, 'order_unknown', `no order ${id}`, 'see GET /orders');
  const { lat_deg, lon_deg, ...rest } = c.body;
  if (lat_deg !== undefined) {
    o.place = c.world.placeAt(lon_deg, lat_deg);
    o.address = o.place.address;
  }
  Object.assign(o, rest);
  c.world.tell(o, 'changed', `Changed by ${c.user.name}`);
  return reply(c.response, 200, {});
}

const orderInfo = (o) => ({
  id: o.id, key: o.key, tenant_id: o.tenant_id, kind: o.kind, status: o.status, address: o.address, n_parcels: o.n_parcels,
  window_start_ms: o.window_start_ms, window_end_ms: o.window_end_ms, van_id: o.van_id ?? undefined, eta_ms: o.eta_ms ?? undefined,
});

function visible(c, order) {
  return c.user.role !== 'tenant' || order.tenant_id === c.user.tenant_id;
}

function listOrders(c) {
  const query = (c.url.searchParams.get('query') ?? '').toLowerCase();
  const items = c.world.orders.filter(
    (o) => visible(c, o) && matches(c.url, 'status', o.status) && matches(c.url, 'tenant_id', String(o.tenant_id)) &&
      `${o.key} ${o.address}`.toLowerCase().includes(query),
  );
  reply(c.response, 200, { ...page(c.url, items.reverse(), orderInfo), total: items.length });
}

function oneOrder(c, id) {
  const o = c.world.orders[Number(id)];
  if (!o || !visible(c, o)) return fail(c.response, 404, 'order_unknown', `no order ${id}`, 'see GET /orders');
  return reply(c.response, 200, {
    ...orderInfo(o), lat_deg: o.place.position[1], lon_deg: o.place.position[0], story: o.story, proof: o.proof, cost: 0.31 * o.n_parcels,
    parcels: Array.from({ length: o.n_parcels }, (_, i) => ({ id: o.id * 10 + i, status: o.status, compartment: 1 + ((o.id + i) % 12) })),
    ...(o.code && c.user.role !== 'viewer' ? { code: o.code } : {}),
  });
}

function placeOrder(c) {
  const { body, world } = c;
  const known = world.byKey.get(body.key);
  if (known) return reply(c.response, 200, { id: known.id });
  if (!world.tenants.some((t) => t.id === body.tenant_id)) {
    return fail(c.response, 422, 'tenant_unknown', `no tenant ${body.tenant_id}`, 'see GET /city for the tenants');
  }
  const [w, s, e, n] = world.city.box;
  if (!(body.lon_deg > w && body.lon_deg < e && body.lat_deg > s && body.lat_deg < n)) {
    return fail(c.response, 422, 'order_unreachable', 'no reachable road within 200 m of the place', 'choose a place nearer to a street of the city');
  }
  const order = world.addOrder({ ...body, place: world.placeAt(body.lon_deg, body.lat_deg) });
  return reply(c.response, 201, { id: order.id });
}

function cancelOrder(c, id) {
  const o = c.world.orders[Number(id)];
  if (!o || !visible(c, o)) return fail(c.response, 404, 'order_unknown', `no order ${id}`, 'see GET /orders');
  if (['delivered', 'returned', 'cancelled'].includes(o.status)) {
    return fail(c.response, 409, 'order_closed', `order ${o.key} is already ${o.status}`, 'a closed order cannot be cancelled');
  }
  o.status = 'cancelled';
  c.world.tell(o, 'cancelled', `Order cancelled by ${c.user.name}`);
  return reply(c.response, 200, {});
}

function answerTicket(c, id) {
  const t = c.world.tickets[Number(id)];
  if (!t) return fail(c.response, 404, 'ticket_unknown', `no ticket ${id}`, 'see GET /tickets');
  if (t.status !== 'open') return fail(c.response, 409, 'ticket_answered', `ticket already answered by ${t.answered_by}`, 'nothing left to do');
  c.world.answer(t, c.body.choice_id, c.user.name);
  return reply(c.response, 200, {});
}

const closureInfo = ({ keys: _keys, ...rest }) => rest;

function closeRoad(c) {
  reply(c.response, 200, closureInfo(c.world.closeRoad([c.body.lon_deg, c.body.lat_deg], c.body.until_ms)));
}

function reopenRoad(c, id) {
  const before = c.world.closures.length;
  c.world.closures = c.world.closures.filter((x) => x.id !== Number(id));
  if (c.world.closures.length === before) return fail(c.response, 404, 'closure_unknown', `no closure ${id}`, 'see GET /roads/closures');
  return reply(c.response, 200, {});
}

function permits({ city }) {
  const [w, s, e, n] = city.box;
  const [x, y] = [(w + e) / 2, (s + n) / 2];
  const ring = (cx, cy, rx, ry) => Array.from({ length: 25 }, (_, i) => {
    const a = (i / 24) * 2 * Math.PI;
    return [cx + rx * Math.cos(a), cy + ry * Math.sin(a)];
  });
  return [
    { id: 0, effect: 'allowed', name: 'Monaco city permit', hours: '06:00-22:00', van_classes: ['robovan-35'], geometry: { type: 'Polygon', coordinates: [ring(x, y, 0.019, 0.0145)] } },
    { id: 1, effect: 'forbidden', name: 'Le Rocher', hours: '10:00-19:00 daily', van_classes: ['robovan-35'], geometry: { type: 'Polygon', coordinates: [ring(7.4246, 43.7312, 0.0036, 0.0017)] } },
  ];
}

function setSpeed(c) {
  const { factor } = c.body;
  if (!(factor >= 0 && factor <= 200)) return fail(c.response, 422, 'speed_out_of_range', `speed ${factor} is out of range`, 'use 0 (pause) to 200');
  c.world.speed = factor;
  return reply(c.response, 200, { speed: factor });
}

function matches(url, name, value) {
  const wanted = url.searchParams.get(name);
  return !wanted || wanted.split(',').includes(value);
}

function page(url, all, show) {
  const limit = Math.min(500, Number(url.searchParams.get('limit') ?? 50));
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const next = from + limit < all.length ? String(from + limit) : undefined;
  return { items: all.slice(from, from + limit).map(show), next_cursor: next };
}

function reply(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function fail(response, status, code, message, hint) {
  reply(response, status, { error: { code, message, hint } });
}

function file(response, dist, pathname) {
  const path = join(dist, normalize(pathname === '/' ? '/index.html' : pathname));
  if (!path.startsWith(dist) || !existsSync(path) || !statSync(path).isFile()) return fail(response, 404, 'not_found', 'no such file', 'run npm run build first');
  response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
  return response.end(readFileSync(path));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8099' }, vans: { type: 'string', default: '60' },
      speed: { type: 'string', default: '5' }, seed: { type: 'string', default: '1' },
    },
  });
  const numbers = Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Number(v)]));
  const mock = await startMock(numbers);
  process.stdout.write(`http://127.0.0.1:${mock.port}/#token=mock-admin\n`);
}
