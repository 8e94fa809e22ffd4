/** HTTP calls to the server, with its errors and hints kept. */
import * as parse from './parse';
import type * as T from './types';

const BASE = 'api/v1';
const TIMEOUT_MS = 15_000;
const MAX_BODY_BYTES = 32 << 20;

/** A failed call: what went wrong and, where known, what to do about it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

export interface NewOrder extends T.Position {
  key: string;
  tenant_id: T.Id;
  kind: T.OrderKind;
  n_parcels: number;
  mass_kg: number;
  window_start_ms?: number;
  window_end_ms?: number;
  to: 'door' | 'locker' | 'station';
}

/** A new place, or a new window, for an order under way. */
export type OrderChange = T.Position | { window_start_ms: number; window_end_ms: number };

export interface OrderFilter {
  query?: string;
  status?: string;
  tenant_id?: string;
  cursor?: string;
  limit: number;
}

export class Client {
  constructor(
    private readonly token: string,
    private readonly onUnauthorised: () => void,
  ) {}

  session = async () => parse.session(await this.get('session'));
  city = async () => parse.city(await this.get('city'));
  vans = async (filter: { state?: string; query?: string; cursor?: string; limit: number }) =>
    parse.page(await this.get(`vans${query(filter)}`), parse.van);
  sight = async (id: number) => parse.sight(parse.object(await this.get(`vans/${id}/sight`)).sight);
  van = async (id: number) => known(parse.vanDetail(await this.get(`vans/${id}`)), 'van');
  orders = async (filter: OrderFilter) => parse.page(await this.get(`orders${query({ ...filter })}`), parse.order);
  order = async (id: T.Id) => known(parse.orderDetail(await this.get(`orders/${encodeURIComponent(id)}`)), 'order');
  tickets = async (status: string) => parse.page(await this.get(`tickets${query({ status })}`), parse.ticket).items;
  closures = async () => parse.page(await this.get('roads/closures'), parse.closure).items;
  permits = async () => parse.page(await this.get('permits'), parse.permit).items;

  async kpi() {
    const body = await this.get('kpi');
    return { kpi: parse.kpi(body), history: parse.kpiHistory(body) };
  }

  async placeOrder(order: NewOrder): Promise<T.Id> {
    const body = parse.object(await this.post('orders', { ...order, tenant_id: numeric(order.tenant_id) }));
    return known(parse.id(body.id), 'order id');
  }

  changeOrder = (id: T.Id, change: OrderChange) => this.call('PATCH', `orders/${encodeURIComponent(id)}`, change);
  cancelOrder = (id: T.Id) => this.post(`orders/${encodeURIComponent(id)}/cancel`, {});
  answerTicket = (id: T.Id, choice: T.Id) =>
    this.post(`tickets/${encodeURIComponent(id)}/answer`, { choice_id: choice });
  closeRoad = async (at: T.Position, until_ms?: number) =>
    known(parse.closure(await this.post('roads/close', { ...at, until_ms })), 'closure');
  reopenRoad = (id: T.Id) => this.call('DELETE', `roads/closures/${encodeURIComponent(id)}`);
  haltVan = (id: number) => this.post(`vans/${id}/halt`, {});
  resumeVan = (id: number) => this.post(`vans/${id}/resume`, {});
  setService = (id: number, is_in_service: boolean) => this.post(`vans/${id}/service`, { is_in_service });
  setSpeed = (factor: number) => this.post('sim/speed', { factor });
  fault = (kind: string, van_id: number) => this.post('sim/faults', { kind, van_id });

  private get(path: string): Promise<unknown> {
    return this.call('GET', path);
  }

  private post(path: string, body: unknown): Promise<unknown> {
    return this.call('POST', path, body);
  }

  private async call(method: string, path: string, body?: unknown): Promise<unknown> {
    let response: Response;
    let raw: string;
    try {
      response = await fetch(`${BASE}/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      raw = await response.text();
    } catch (error) {
      throw new ApiError(0, 'server_unreachable', `The server did not answer (${reasonOf(error)})`, 'Check that it runs; the console keeps trying.');
    }
    if (raw.length > MAX_BODY_BYTES) throw new ApiError(0, 'answer_too_long', 'The answer is too long', 'Ask for fewer items.');
    const value = readJson(raw);
    if (response.ok) return value;
    if (response.status === 401) this.onUnauthorised();
    const error = parse.object(parse.object(value).error);
    throw new ApiError(
      response.status,
      parse.text(error.code, `http_${response.status}`),
      parse.text(error.message, `The server answered ${response.status}`),
      parse.text(error.hint),
    );
  }
}

/** The URL of the live stream for the page's own server. */
export function liveUrl(token: string): string {
  const url = new URL(`${BASE}/live`, document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = new URLSearchParams({ token }).toString();
  return url.href;
}

/** The template of tile addresses, absolute as MapLibre's worker needs it. */
export function tilesUrl(): string {
  return `${new URL(`${BASE}/tiles/`, document.baseURI.split('#')[0]).href}{z}/{x}/{y}.mvt`;
}

function query(fields: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

function known<X>(value: X | undefined, noun: string): X {
  if (value === undefined) throw new ApiError(0, 'answer_unreadable', `The server sent no readable ${noun}`, 'Console and server may differ in version: reload the page.');
  return value;
}

function readJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'timed out';
  return error instanceof Error ? error.message : 'unknown reason';
}

/** Ids that were numbers go back as numbers. */
function numeric(id: T.Id): string | number {
  return /^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}
