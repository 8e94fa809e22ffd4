/** What the server says, as the console keeps it. Parsed by `parse.ts`, never trusted as it came. */

export const VAN_STATES = [
  'idle', 'loading', 'driving', 'serving', 'waiting', 'charging', 'trouble', 'stopped', 'lost', 'offline',
] as const;
export type VanState = (typeof VAN_STATES)[number];

export const ORDER_STATUSES = [
  'accepted', 'planned', 'loaded', 'underway', 'arrived', 'delivered', 'returned', 'cancelled', 'refused',
] as const;

export const ORDER_KINDS = ['delivery', 'collection', 'replenishment'] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

export type Role = 'viewer' | 'operator' | 'admin' | 'tenant';

/** Ids other than a van's may be numbers or strings; the console only hands them back. */
export type Id = string;

export interface Position {
  lat_deg: number;
  lon_deg: number;
}

export interface Session {
  role: Role;
  name: string;
  tenant_id?: Id;
}

export type FacilityKind = 'hub' | 'station' | 'locker' | 'charger';

export interface Facility extends Position {
  id: Id;
  kind: FacilityKind;
  name: string;
}

export interface Tenant {
  id: Id;
  name: string;
  template: string;
}

export interface City {
  name: string;
  attribution: string;
  bounds: [[number, number], [number, number]];
  center: [number, number];
  facilities: Facility[];
  tenants: Tenant[];
  is_simulated: boolean;
  time_zone: string;
}

export interface Kpi {
  now_ms: number;
  speed: number;
  orders: number;
  delivered: number;
  returned: number;
  cancelled: number;
  refused: number;
  pending: number;
  on_time_share?: number;
  cost_per_parcel?: number;
  currency: string;
  km: number;
  kwh: number;
  parcels_per_van_day?: number;
  vans_total: number;
  vans_driving: number;
  vans_charging: number;
  vans_trouble: number;
  tickets_open: number;
  operator_load?: number;
}

export interface KpiPoint {
  t_ms: number;
  delivered: number;
  pending: number;
  on_time_share?: number;
  kwh: number;
}

export interface Van extends Position {
  id: number;
  name: string;
  class: string;
  state: VanState;
  soc: number;
  load: number;
  n_parcels: number;
  speed_mps: number;
  heading_rad: number;
  n_stops_left: number;
  next_stop_eta_ms?: number;
}

export interface Stop extends Position {
  stop_id: Id;
  kind: string;
  label: string;
  eta_ms?: number;
  window_start_ms?: number;
  window_end_ms?: number;
  status: 'done' | 'current' | 'planned';
  order_ids: Id[];
}

export interface VanDetail extends Van {
  hub_id?: Id;
  is_halted: boolean;
  is_in_service: boolean;
  permits: string[];
  stops: Stop[];
  route: [number, number][];
  odometer_km?: number;
  kwh?: number;
  tickets: Ticket[];
}

export interface Order {
  id: Id;
  key: string;
  tenant_id: Id;
  kind: string;
  status: string;
  address: string;
  n_parcels: number;
  window_start_ms?: number;
  window_end_ms?: number;
  van_id?: number;
  eta_ms?: number;
}

export interface StoryLine {
  t_ms: number;
  kind: string;
  text: string;
  van_id?: number;
}

export interface OrderDetail extends Order {
  position?: Position;
  reason?: string;
  story: StoryLine[];
  parcels: { id: Id; status: string; compartment?: string }[];
  code?: string;
  cost?: number;
  proof?: { how: string; at_ms?: number };
}

export interface Choice {
  id: Id;
  text: string;
  is_safe_default: boolean;
}

export interface Ticket extends Position {
  id: Id;
  van_id: number;
  kind: string;
  urgency: number;
  opened_ms: number;
  text: string;
  choices: Choice[];
  status: string;
  answered_by?: string;
}

export interface Closure {
  id: Id;
  road_name: string;
  geometry: GeoJSON.Geometry | null;
  until_ms?: number;
}

export interface Permit {
  id: Id;
  name: string;
  hours: string;
  /** Where driving is forbidden, rather than allowed. */
  is_forbidden: boolean;
  geometry: GeoJSON.Geometry | null;
}

export interface FleetEvent {
  t_ms: number;
  kind: string;
  text: string;
  order_id?: Id;
  van_id?: number;
}

export interface Page<T> {
  items: T[];
  next_cursor?: string;
  total?: number;
}

export type LiveText =
  | { type: 'hello'; now_ms: number; speed: number; server_version: string }
  | { type: 'kpi'; kpi: Kpi }
  | { type: 'events'; items: FleetEvent[] }
  | { type: 'ticket'; ticket: Ticket }
  | { type: 'lagged' };

/** A body on the road. */
export interface Shape extends Position {
  /** Clockwise from north. */
  heading_deg: number;
  length_m: number;
  width_m: number;
  speed_mps: number;
}

/** One of the others as a driver sees it, with the ways that it may take. */
export interface Seen extends Shape {
  track_id: number;
  class: string;
  ways: { percent: number; line: [number, number][] }[];
}

/** What a driver sees and intends. Lines are longitude and latitude. */
export interface Sight extends Shape {
  at_ms: number;
  reason: string;
  is_emergency: boolean;
  plan: [number, number][];
  stop: [number, number][];
  seen: Seen[];
  lights: (Position & { is_green: boolean })[];
}
