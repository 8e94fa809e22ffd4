// A seeded toy world behind the mock server: vans on tours, orders, tickets, events and figures.
// It is made to look at, not to measure: the product's twin is `rv_sim`.
import { metres, nearestNode, nearestRoad } from './city.mjs';

export const STATES = [
  'idle', 'loading', 'driving', 'serving', 'waiting', 'charging', 'trouble', 'stopped', 'lost', 'offline',
];
const TENANTS = [
  { id: 1, name: 'La Poste', template: 'post' },
  { id: 2, name: 'Azur Express', template: 'express' },
  { id: 3, name: 'Marché Urbain', template: 'urban' },
];
const KINDS = ['delivery', 'delivery', 'delivery', 'delivery', 'collection', 'replenishment'];
const TROUBLES = [
  ['blocked_road', 'A delivery truck blocks the lane ahead and no way round is within the permit.', [
    ['wait', 'Wait five minutes and look again', true],
    ['detour', 'Turn back and take the detour (+ 640 m)', false],
    ['park', 'Pull over at the next safe place', false],
  ]],
  ['door_jammed', 'Compartment 4 does not report closed after two tries.', [
    ['retry', 'Cycle the lock once more', true],
    ['return', 'Carry on with the tour and return the parcel to the hub', false],
  ]],
  ['sensor_degraded', 'Left lidar is degraded (spray). Speed is held to 20 km/h.', [
    ['slow', 'Carry on at 20 km/h', true],
    ['home', 'Return to the hub for cleaning', false],
  ]],
  ['person_waiting', 'A person at the van asks for help at the hand-over.', [
    ['talk', 'Open a voice line', true],
    ['next', 'Close doors and go on to the next stop', false],
  ]],
];
const MINUTE_MS = 60_000;
const MAX_EVENTS = 400;

/** A generator of numbers in 0..1 from a 32-bit seed (mulberry32). */
export function seeded(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export class World {
  constructor(city, { seed, n_vans, speed }) {
    Object.assign(this, { city, speed, rng: seeded(seed) });
    this.now_ms = Date.UTC(2026, 4, 12, 6, 0, 0);
    this.orders = [];
    this.byKey = new Map();
    this.tickets = [];
    this.closures = [];
    this.events = [];
    this.n_events = 0;
    this.history = [];
    this.n_busy_s = 0;
    this.km = 0;
    this.kwh = 0;
    this.changed_tickets = new Set();
    const hub = city.facilities[0];
    this.vans = Array.from({ length: n_vans }, (_, id) => this.newVan(id, n_vans > 500 ? this.pick(city.nodes) : hub.node));
    this.is_toy = n_vans > 500;
    for (let i = 0; i < 300; i++) this.addOrder({});
    const warm_s = this.is_toy ? 60 : 7200;
    for (let t = 0; t < warm_s; t += 4) this.step(4);
    if (!this.is_toy) for (let i = 0; i < 3; i++) this.openTicket(this.pick(this.vans.filter((v) => v.state === 'driving')));
  }

  pick(list) {
    return list[Math.floor(this.rng() * list.length)];
  }

  newVan(id, node) {
    return {
      id, name: `MC-${String(id + 1).padStart(3, '0')}`, class: 'robovan-35', state: 'idle',
      soc: 0.55 + 0.45 * this.rng(), load: 0, n_parcels: 0, lat_deg: node.lat, lon_deg: node.lon, speed_mps: 0,
      heading_rad: this.rng() * 6.28, node, path: [], leg: 0, along_m: 0, stops: [], stop: -1,
      timer_s: 1200 * this.rng(), km: 0, kwh: 0,
    };
  }

  addOrder(given) {
    const place = given.place ?? this.pick(this.city.places);
    const hour = Math.floor(this.rng() * 9) * 3_600_000;
    const start = given.window_start_ms ?? this.now_ms - 3_600_000 + hour;
    const order = {
      id: this.orders.length, key: given.key ?? `P${100_000 + this.orders.length * 7}`,
      tenant_id: given.tenant_id ?? this.pick(TENANTS).id, kind: given.kind ?? this.pick(KINDS), status: 'accepted',
      address: place.address, place, n_parcels: given.n_parcels ?? 1 + Math.floor(this.rng() * this.rng() * 5),
      window_start_ms: start, window_end_ms: given.window_end_ms ?? start + 2 * 3_600_000, van_id: null, eta_ms: null,
      story: [],
    };
    this.tell(order, 'accepted', `Order accepted: ${order.n_parcels} parcel${order.n_parcels > 1 ? 's' : ''} to ${order.address}`);
    this.orders.push(order);
    this.byKey.set(order.key, order);
    return order;
  }

  tell(order, kind, text, van) {
    order.story.push({ t_ms: this.now_ms, kind, text, ...(van ? { van_id: van.id } : {}) });
    if (kind !== 'planned' && kind !== 'loaded') this.note(kind, text, { order_id: order.id, van_id: van?.id });
  }

  note(kind, text, ids) {
    this.events.push({ t_ms: this.now_ms, kind, text, ...ids });
    this.n_events += 1;
    if (this.events.length > MAX_EVENTS) this.events.shift();
  }

  openTicket(van) {
    if (!van) return;
    const [kind, text, choices] = this.pick(TROUBLES);
    const ticket = {
      id: this.tickets.length, van_id: van.id, kind, urgency: Math.floor(this.rng() * 4), opened_ms: this.now_ms, text,
      choices: choices.map(([id, t, is_safe_default]) => ({ id, text: t, is_safe_default })), status: 'open',
      lat_deg: van.lat_deg, lon_deg: van.lon_deg,
    };
    van.state = 'trouble';
    this.tickets.push(ticket);
    this.changed_tickets.add(ticket);
    this.note('ticket', `${van.name} asks for help: ${kind.replaceAll('_', ' ')}`, { van_id: van.id });
  }

  answer(ticket, choice_id, who) {
    Object.assign(ticket, { status: 'answered', answered_by: who, choice_id });
    this.changed_tickets.add(ticket);
    this.n_busy_s += 45;
    const van = this.vans[ticket.van_id];
    if (van.state === 'trouble') van.state = van.path.length ? 'driving' : 'idle';
    this.note('ticket', `${who} answered ${van.name}`, { van_id: van.id });
  }

  fault(kind, van_id) {
    const van = this.vans[van_id];
    if (!van) return false;
    const states = { van_lost: 'lost', van_dead: 'stopped', link_lost: 'offline' };
    van.state = states[kind] ?? 'trouble';
    van.speed_mps = 0;
    this.note('fault', `${van.name}: ${kind.replaceAll('_', ' ')}`, { van_id });
    for (const stop of van.stops.filter((s) => s.status !== 'done')) {
      for (const order of stop.orders) {
        order.status = 'accepted';
        order.van_id = null;
        this.tell(order, 'replanned', `${van.name} was lost: order goes back to planning`, van);
      }
    }
    return true;
  }

  step(dt_s) {
    this.now_ms += dt_s * 1000;
    if (!this.is_toy && this.rng() < dt_s / 5) this.addOrder({});
    for (const van of this.vans) this.stepVan(van, dt_s);
    const last = this.history.at(-1);
    if (!last || this.now_ms - last.t_ms >= 5 * MINUTE_MS) {
      const k = this.kpi();
      this.history.push({
        t_ms: this.now_ms, delivered: k.delivered, pending: k.pending, on_time_share: k.on_time_share, kwh: k.kwh,
      });
    }
  }

  stepVan(van, dt_s) {
    van.timer_s -= dt_s;
    switch (van.state) {
      case 'idle':
        if (van.timer_s <= 0) this.startTour(van);
        break;
      case 'loading':
        if (van.timer_s <= 0) this.nextStop(van);
        break;
      case 'driving':
        this.drive(van, dt_s);
        break;
      case 'serving':
        if (van.timer_s <= 0) this.finishStop(van);
        break;
      case 'charging':
        van.soc = Math.min(1, van.soc + dt_s / 4000);
        if (van.soc > 0.95) van.state = 'idle';
        break;
      default:
    }
  }

  startTour(van) {
    if (this.is_toy) {
      van.path = this.wander(van.node, 60);
      Object.assign(van, { leg: 1, along_m: 0, state: 'driving' });
      return;
    }
    const open = this.orders.filter((o) => o.status === 'accepted').slice(0, 6 + Math.floor(this.rng() * 6));
    if (open.length === 0) {
      van.timer_s = 60;
      return;
    }
    let from = van.node;
    const stops = [];
    while (open.length) {
      open.sort((a, b) => metres(a.place.node, from) - metres(b.place.node, from));
      const order = open.shift();
      order.status = 'planned';
      order.van_id = van.id;
      from = order.place.node;
      order.eta_ms = this.now_ms + (stops.length + 1) * 4 * MINUTE_MS;
      this.tell(order, 'planned', `Planned onto ${van.name}, stop ${stops.length + 1}`, van);
      stops.push(this.newStop(order.kind === 'collection' ? 'collect' : 'deliver', from, order.address, [order], order.eta_ms));
    }
    const hub = this.city.facilities[0];
    stops.unshift(this.newStop('load', hub.node, hub.name, [], this.now_ms + 2 * MINUTE_MS));
    stops.push(this.newStop('unload', hub.node, hub.name, [], this.now_ms + stops.length * 4 * MINUTE_MS));
    Object.assign(van, { stops, stop: 0, state: 'loading', timer_s: 60 + 60 * this.rng() });
    stops[0].status = 'current';
  }

  newStop(kind, node, label, orders, eta_ms) {
    return { kind, node, label, orders, eta_ms, status: 'planned' };
  }

  nextStop(van) {
    if (van.stops[van.stop]) van.stops[van.stop].status = 'done';
    for (const stop of van.stops) {
      for (const order of stop.orders) {
        if (order.status === 'planned' && van.stop === 0) {
          order.status = 'loaded';
          this.tell(order, 'loaded', `Loaded and scanned at the hub, compartment ${1 + (order.id % 12)}`, van);
        }
      }
    }
    van.stop += 1;
    const stop = van.stops[van.stop];
    this.reload(van);
    if (!stop) {
      Object.assign(van, { state: van.soc < 0.35 ? 'charging' : 'idle', timer_s: 60, speed_mps: 0, path: [] });
      return;
    }
    stop.status = 'current';
    for (const order of stop.orders) {
      order.status = 'underway';
      this.tell(order, 'underway', `${van.name} is on its way`, van);
    }
    van.path = this.route(van.node, stop.node);
    Object.assign(van, { leg: 1, along_m: 0, state: 'driving' });
  }

  reload(van) {
    van.n_parcels = van.stops
      .filter((s) => s.status !== 'done')
      .reduce((n, s) => n + s.orders.reduce((m, o) => m + o.n_parcels, 0), 0);
    van.load = Math.min(1, van.n_parcels / 30);
  }

  drive(van, dt_s) {
    let left_s = dt_s;
    while (left_s > 0) {
      const [a, b] = [van.path[van.leg - 1], van.path[van.leg]];
      if (!b) {
        this.arrive(van);
        return;
      }
      const length = metres(a, b);
      const edge = a.out.find((e) => e.to === b);
      const corner = van.leg === van.path.length - 1 ? 0.6 : 1;
      const speed = (edge?.speed ?? 8) * corner * (0.85 + 0.3 * ((van.id * 7 + van.leg) % 10) * 0.1);
      const take_s = Math.min(left_s, (length - van.along_m) / speed);
      van.along_m += take_s * speed;
      left_s -= take_s;
      const f = length > 0 ? Math.min(1, van.along_m / length) : 1;
      van.lat_deg = a.lat + (b.lat - a.lat) * f;
      van.lon_deg = a.lon + (b.lon - a.lon) * f;
      van.speed_mps = speed;
      if (length > 0.5) van.heading_rad = Math.atan2((b.lon - a.lon) * Math.cos((a.lat * Math.PI) / 180), b.lat - a.lat);
      const km = (take_s * speed) / 1000;
      this.km += km;
      this.kwh += km * 0.19;
      van.km += km;
      van.kwh += km * 0.19;
      van.soc = Math.max(0.05, van.soc - (km * 0.19) / 28);
      if (f >= 1) {
        van.leg += 1;
        van.along_m = 0;
        van.node = b;
      }
      if (take_s === 0 && f < 1) break;
    }
    if (!this.is_toy && this.rng() < dt_s / 60_000 && this.tickets.filter((t) => t.status === 'open').length < 6) {
      this.openTicket(van);
    }
  }

  arrive(van) {
    van.speed_mps = 0;
    if (this.is_toy) {
      van.state = 'idle';
      van.timer_s = 5;
      return;
    }
    const stop = van.stops[van.stop];
    Object.assign(van, { state: 'serving', timer_s: stop.orders.length ? 35 + 60 * this.rng() : 20 });
    for (const order of stop.orders) {
      order.status = 'arrived';
      order.code = String(1000 + Math.floor(9000 * this.rng()));
      this.tell(order, 'arrived', `${van.name} has arrived; unlock code sent`, van);
    }
  }

  finishStop(van) {
    for (const order of van.stops[van.stop].orders) {
      const is_there = this.rng() < 0.97;
      order.status = is_there ? 'delivered' : 'returned';
      order.done_ms = this.now_ms;
      delete order.code;
      const text = is_there ? `Handed over at ${order.address}` : 'Nobody there: parcel returns to the hub';
      order.proof = is_there ? { how: 'code', at_ms: this.now_ms } : undefined;
      this.tell(order, order.status, text, van);
    }
    this.nextStop(van);
  }

  wander(from, n) {
    const path = [from];
    for (let i = 0; i < n; i++) path.push(this.pick(path.at(-1).out).to);
    return path;
  }

  route(from, to) {
    const cost = new Map([[from, 0]]);
    const came = new Map();
    const heap = new Heap();
    heap.push(0, from);
    while (heap.size) {
      const v = heap.pop();
      if (v === to) break;
      const c = cost.get(v);
      for (const e of v.out) {
        const next = c + e.length / e.speed + (this.isClosed(v, e.to) ? 600 : 0);
        if (next < (cost.get(e.to) ?? Infinity)) {
          cost.set(e.to, next);
          came.set(e.to, v);
          heap.push(next + metres(e.to, to) / 14, e.to);
        }
      }
    }
    const path = [to];
    while (path.at(-1) !== from && came.has(path.at(-1))) path.push(came.get(path.at(-1)));
    return path.reverse();
  }

  isClosed(a, b) {
    return this.closures.some((c) => c.keys.has(`${a.lon},${a.lat}`) && c.keys.has(`${b.lon},${b.lat}`));
  }

  closeRoad(position, until_ms) {
    const road = nearestRoad(this.city.roads, position);
    const closure = {
      id: this.n_events, closure_id: this.n_events, road_name: road.name, until_ms,
      geometry: { type: 'LineString', coordinates: road.points }, keys: new Set(road.points.map((p) => `${p[0]},${p[1]}`)),
    };
    this.closures.push(closure);
    this.note('closure', `${road.name} closed`, {});
    return closure;
  }

  placeAt(lon, lat) {
    const position = [lon, lat];
    return { position, address: `Near ${nearestRoad(this.city.roads, position).name}`, node: nearestNode(this.city.nodes, position) };
  }

  kpi() {
    const count = (status) => this.orders.filter((o) => o.status === status).length;
    const done = this.orders.filter((o) => o.status === 'delivered');
    const on_time = done.filter((o) => o.done_ms <= o.window_end_ms).length;
    const by = (...states) => this.vans.filter((v) => states.includes(v.state)).length;
    const parcels = done.reduce((n, o) => n + o.n_parcels, 0);
    const hours = (this.now_ms - Date.UTC(2026, 4, 12, 6)) / 3_600_000 + 0.1;
    const refused = count('refused');
    const cancelled = count('cancelled');
    const returned = count('returned');
    return {
      now_ms: this.now_ms, speed: this.speed, orders: this.orders.length, accepted: this.orders.length - refused,
      delivered: done.length, returned, cancelled, refused,
      pending: this.orders.length - done.length - returned - cancelled - refused,
      on_time_share: done.length ? on_time / done.length : 1, currency: 'EUR',
      cost_per_parcel: parcels ? (this.kwh * 0.22 + this.vans.length * hours * 2.1) / parcels : 0,
      km: this.km, kwh: this.kwh, parcels_per_van_day: (parcels / this.vans.length) * (12 / hours),
      vans_total: this.vans.length, vans_driving: by('driving'), vans_charging: by('charging'),
      vans_trouble: by('trouble', 'stopped', 'lost', 'offline'),
      tickets_open: this.tickets.filter((t) => t.status === 'open').length,
      operator_load: Math.min(1, (this.n_busy_s + 12 * this.tickets.length) / (hours * 3600)),
    };
  }

  get tenants() {
    return TENANTS;
  }
}

class Heap {
  items = [];

  get size() {
    return this.items.length;
  }

  push(key, value) {
    const { items } = this;
    let i = items.push({ key, value }) - 1;
    while (i > 0 && items[(i - 1) >> 1].key > items[i].key) {
      [items[i], items[(i - 1) >> 1]] = [items[(i - 1) >> 1], items[i]];
      i = (i - 1) >> 1;
    }
  }

  pop() {
    const { items } = this;
    const top = items[0].value;
    const last = items.pop();
    if (items.length) {
      items[0] = last;
      for (let i = 0; ; ) {
        let best = i;
        for (const child of [2 * i + 1, 2 * i + 2]) {
          if (child < items.length && items[child].key < items[best].key) best = child;
        }
        if (best === i) break;
        [items[i], items[best]] = [items[best], items[i]];
        i = best;
      }
    }
    return top;
  }
}
