/**
 * Turns JSON of the server into the console's types.
 *
 * Nothing that comes over the wire is believed: a missing or odd field becomes a calm default or
 * `undefined`, lists and texts have a longest length, and an item without an id is left out.
 */
import type * as T from './types';
import { VAN_STATES } from './types';

const MAX_ITEMS = 20_000;
const MAX_TEXT = 4_000;

type Json = Record<string, unknown>;

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function list<X>(value: unknown, read: (item: unknown) => X | undefined): X[] {
  if (!Array.isArray(value)) return [];
  const out: X[] = [];
  for (const item of value.slice(0, MAX_ITEMS)) {
    const x = read(item);
    if (x !== undefined) out.push(x);
  }
  return out;
}

export function text(value: unknown, fallback = ''): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : fallback;
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function amount(value: unknown): number {
  return number(value) ?? 0;
}

function fraction(value: unknown): number {
  return Math.min(1, Math.max(0, amount(value)));
}

export function id(value: unknown): T.Id | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;
}

function vanId(value: unknown): number | undefined {
  const n = typeof value === 'string' ? Number(value) : value;
  return typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= 0xffff_ffff ? n : undefined;
}

function position(value: unknown): T.Position | undefined {
  const o = object(value);
  const [lat_deg, lon_deg] = [number(o.lat_deg), number(o.lon_deg)];
  if (lat_deg === undefined || lon_deg === undefined) return undefined;
  if (Math.abs(lat_deg) > 90 || Math.abs(lon_deg) > 180) return undefined;
  return { lat_deg, lon_deg };
}

function lonLat(value: unknown): [number, number] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [lon, lat] = [number(value[0]), number(value[1])];
  if (lon === undefined || lat === undefined || Math.abs(lon) > 180 || Math.abs(lat) > 90) return undefined;
  return [lon, lat];
}

/** A GeoJSON geometry of a known type whose coordinates are nested arrays of numbers. */
export function geometry(value: unknown): GeoJSON.Geometry | null {
  const o = object(value);
  if (o.type === 'Feature') return geometry(o.geometry);
  const depth = { Point: 0, LineString: 1, MultiLineString: 2, Polygon: 2, MultiPolygon: 3 }[text(o.type)];
  if (depth === undefined || !isNested(o.coordinates, depth)) return null;
  return o as unknown as GeoJSON.Geometry;
}

function isNested(value: unknown, depth: number): boolean {
  if (!Array.isArray(value) || value.length > MAX_ITEMS) return false;
  return depth === 0 ? lonLat(value) !== undefined : value.every((item) => isNested(item, depth - 1));
}

export function session(value: unknown): T.Session {
  const o = object(value);
  const role = text(o.role);
  return {
    role: role === 'operator' || role === 'admin' || role === 'tenant' ? role : 'viewer',
    name: text(o.name, 'someone'),
    tenant_id: id(o.tenant_id),
  };
}

export function city(value: unknown): T.City {
  const o = object(value);
  const corners = list(o.bounds, lonLat);
  const center = lonLat(o.center) ?? corners[0] ?? [7.42, 43.737];
  const [a, b] = [corners[0] ?? center, corners[1] ?? center];
  return {
    name: text(o.name, 'city'),
    attribution: text(o.attribution, '© OpenStreetMap contributors'),
    bounds: [a, b],
    center,
    facilities: list(o.facilities, facility),
    tenants: list(o.tenants, tenant),
    is_simulated: object(o.sim).is_simulated === true,
    time_zone: text(o.time_zone, 'UTC'),
  };
}

function facility(value: unknown): T.Facility | undefined {
  const o = object(value);
  const [key, at, kind] = [id(o.id), position(o), text(o.kind)];
  if (key === undefined || !at) return undefined;
  if (kind !== 'hub' && kind !== 'station' && kind !== 'locker' && kind !== 'charger') return undefined;
  return { ...at, id: key, kind, name: text(o.name, kind) };
}

function tenant(value: unknown): T.Tenant | undefined {
  const o = object(value);
  const key = id(o.id);
  return key === undefined ? undefined : { id: key, name: text(o.name, key), template: text(o.template) };
}

export function kpi(value: unknown): T.Kpi {
  const o = object(value);
  return {
    now_ms: amount(o.now_ms), speed: amount(o.speed), orders: amount(o.orders), delivered: amount(o.delivered),
    returned: amount(o.returned), cancelled: amount(o.cancelled), refused: amount(o.refused),
    pending: amount(o.pending), on_time_share: number(o.on_time_share), cost_per_parcel: number(o.cost_per_parcel),
    currency: text(o.currency, 'EUR'), km: amount(o.km), kwh: amount(o.kwh),
    parcels_per_van_day: number(o.parcels_per_van_day), vans_total: amount(o.vans_total),
    vans_driving: amount(o.vans_driving), vans_charging: amount(o.vans_charging),
    vans_trouble: amount(o.vans_trouble), tickets_open: amount(o.tickets_open),
    operator_load: number(o.operator_load),
  };
}

export function kpiHistory(value: unknown): T.KpiPoint[] {
  return list(object(value).history, (item) => {
    const o = object(item);
    const t_ms = number(o.t_ms);
    if (t_ms === undefined) return undefined;
    return {
      t_ms, delivered: amount(o.delivered), pending: amount(o.pending),
      on_time_share: number(o.on_time_share), kwh: amount(o.kwh),
    };
  });
}

function vanState(value: unknown): T.VanState {
  return VAN_STATES.find((state) => state === value) ?? 'offline';
}

export function van(value: unknown): T.Van | undefined {
  const o = object(value);
  const [key, at] = [vanId(o.id), position(o)];
  if (key === undefined || !at) return undefined;
  return {
    ...at, id: key, name: text(o.name, `van ${key}`), class: text(o.class), state: vanState(o.state),
    soc: fraction(o.soc), load: fraction(o.load), n_parcels: amount(o.n_parcels), speed_mps: amount(o.speed_mps),
    heading_rad: amount(o.heading_rad), n_stops_left: amount(o.n_stops_left),
    next_stop_eta_ms: number(o.next_stop_eta_ms),
  };
}

export function vanDetail(value: unknown): T.VanDetail | undefined {
  const base = van(value);
  if (!base) return undefined;
  const o = object(value);
  const route = geometry(o.route);
  return {
    ...base, hub_id: id(o.hub_id), is_halted: o.is_halted === true, is_in_service: o.is_in_service !== false, permits: list(o.permits, (x) => text(x) || undefined), stops: list(o.stops, stop),
    route: route?.type === 'LineString' ? (route.coordinates as [number, number][]) : [],
    odometer_km: number(o.odometer_km), kwh: number(o.kwh), tickets: list(o.tickets, ticket),
  };
}

/** What a driver sees; `undefined` while it shows nothing. */
export function sight(value: unknown): T.Sight | undefined {
  const o = object(value);
  const at = position(o);
  if (!at) return undefined;
  return {
    ...at, ...shape(o), at_ms: amount(o.at_ms), reason: text(o.reason).slice(0, 80), is_emergency: o.is_emergency === true,
    plan: line(o.plan), stop: line(o.stop),
    seen: list(o.seen, (x) => {
      const s = object(x);
      const where = position(s);
      const ways = list(s.ways, (w) => ({ percent: amount(object(w).percent), line: line(object(w).line) }));
      return where && { ...where, ...shape(s), track_id: amount(s.track_id), class: text(s.class).slice(0, 20), ways };
    }).slice(0, 64),
    lights: list(o.lights, (x) => {
      const where = position(x);
      return where && { ...where, is_green: object(x).is_green === true };
    }).slice(0, 32),
  };
}

function shape(o: Json) {
  return { heading_deg: amount(o.heading_deg), length_m: amount(o.length_m), width_m: amount(o.width_m), speed_mps: amount(o.speed_mps) };
}

function line(value: unknown): [number, number][] {
  return list(value, (p) => {
    if (!Array.isArray(p)) return undefined;
    const [lon, lat] = [number(p[0]), number(p[1])];
    return lon === undefined || lat === undefined ? undefined : ([lon, lat] as [number, number]);
  }).slice(0, 100);
}

function stop(value: unknown): T.Stop | undefined {
  const o = object(value);
  const [key, at] = [id(o.stop_id), position(o)];
  if (key === undefined || !at) return undefined;
  const status = o.status === 'done' || o.status === 'current' ? o.status : 'planned';
  return {
    ...at, stop_id: key, kind: text(o.kind, 'stop'), label: text(o.label), eta_ms: number(o.eta_ms),
    window_start_ms: number(o.window_start_ms), window_end_ms: number(o.window_end_ms), status,
    order_ids: list(o.order_ids, id),
  };
}

export function order(value: unknown): T.Order | undefined {
  const o = object(value);
  const key = id(o.id);
  if (key === undefined) return undefined;
  return {
    id: key, key: text(o.key, key), tenant_id: id(o.tenant_id) ?? '', kind: text(o.kind), status: text(o.status),
    address: text(o.address), n_parcels: amount(o.n_parcels), window_start_ms: number(o.window_start_ms),
    window_end_ms: number(o.window_end_ms), van_id: vanId(o.van_id), eta_ms: number(o.eta_ms),
  };
}

export function orderDetail(value: unknown): T.OrderDetail | undefined {
  const base = order(value);
  if (!base) return undefined;
  const o = object(value);
  return {
    ...base, position: position(o), reason: text(o.reason) || undefined,
    story: list(o.story, (item) => {
      const s = object(item);
      const t_ms = number(s.t_ms);
      return t_ms === undefined ? undefined : { t_ms, kind: text(s.kind), text: text(s.text), van_id: vanId(s.van_id) };
    }),
    parcels: list(o.parcels, (item) => {
      const p = object(item);
      const key = id(p.id);
      return key === undefined ? undefined : { id: key, status: text(p.status), compartment: id(p.compartment) };
    }),
    code: id(o.code), cost: number(o.cost), proof: proof(o.proof),
  };
}

function proof(value: unknown): T.OrderDetail['proof'] {
  const o = object(value);
  const how = text(o.how);
  return how ? { how, at_ms: number(o.at_ms) } : undefined;
}

export function ticket(value: unknown): T.Ticket | undefined {
  const o = object(value);
  const [key, van_id] = [id(o.id), vanId(o.van_id)];
  if (key === undefined || van_id === undefined) return undefined;
  return {
    ...(position(o) ?? { lat_deg: 0, lon_deg: 0 }), id: key, van_id, kind: text(o.kind),
    urgency: Math.min(3, Math.max(0, Math.round(amount(o.urgency)))), opened_ms: amount(o.opened_ms),
    text: text(o.text), status: text(o.status, 'open'), answered_by: id(o.answered_by),
    choices: list(o.choices, (item) => {
      const c = object(item);
      const choice = id(c.id);
      return choice === undefined
        ? undefined
        : { id: choice, text: text(c.text, choice), is_safe_default: c.is_safe_default === true };
    }),
  };
}

export function closure(value: unknown): T.Closure | undefined {
  const o = object(value);
  const key = id(o.closure_id) ?? id(o.id);
  if (key === undefined) return undefined;
  return { id: key, road_name: text(o.road_name, 'road'), geometry: geometry(o.geometry), until_ms: number(o.until_ms) };
}

export function permit(value: unknown): T.Permit | undefined {
  const o = object(value);
  const key = id(o.id);
  if (key === undefined) return undefined;
  return { id: key, name: text(o.name, key), hours: text(o.hours), is_forbidden: o.effect === 'forbidden', geometry: geometry(o.geometry) };
}

export function fleetEvent(value: unknown): T.FleetEvent | undefined {
  const o = object(value);
  const t_ms = number(o.t_ms);
  if (t_ms === undefined) return undefined;
  return { t_ms, kind: text(o.kind), text: text(o.text), order_id: id(o.order_id), van_id: vanId(o.van_id) };
}

export function page<X>(value: unknown, read: (item: unknown) => X | undefined): T.Page<X> {
  const o = object(value);
  return { items: list(o.items, read), next_cursor: id(o.next_cursor), total: number(o.total) };
}

/** A text message of the live stream; `undefined` for one this console does not know. */
export function liveText(message: string): T.LiveText | undefined {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return undefined;
  }
  const o = object(value);
  switch (o.type) {
    case 'hello':
      return { type: 'hello', now_ms: amount(o.now_ms), speed: amount(o.speed), server_version: text(o.server_version) };
    case 'kpi':
      return { type: 'kpi', kpi: kpi(o) };
    case 'events':
      return { type: 'events', items: list(o.items, fleetEvent) };
    case 'ticket': {
      const t = ticket(o.ticket);
      return t && { type: 'ticket', ticket: t };
    }
    case 'lagged':
      return { type: 'lagged' };
    default:
      return undefined;
  }
}
