import { useCallback, useState } from 'react';
import { ORDER_STATUSES, type Order, type Page } from '../api/types';
import { ApiError } from '../api/client';
import { clock, count, plural, sentence, timeWindow } from '../format';
import { useDesk, usePart } from '../state/store';
import { Empty, StatusPill, useDebounced, usePoll } from './bits';
import { Icon } from './Icon';

const PAGE = 40;
const REFRESH_MS = 4000;

export function Orders() {
  const { store, client } = useDesk();
  const [search, setSearch] = useState('');
  const query = useDebounced(search.trim(), 250);
  const [status, setStatus] = useState('');
  const [tenant, setTenant] = useState('');
  const [cursors, setCursors] = useState<string[]>([]);
  const [page, setPage] = useState<Page<Order>>();
  const [problem, setProblem] = useState<ApiError>();
  const tenants = usePart((s) => s.city.tenants);
  const role = usePart((s) => s.session.role);
  const cursor = cursors.at(-1);

  const load = useCallback(async (isCurrent: () => boolean) => {
    try {
      const next = await client.orders({ query, status, tenant_id: tenant, cursor, limit: PAGE });
      if (!isCurrent()) return;
      setPage(next);
      setProblem(undefined);
    } catch (error) {
      if (isCurrent()) setProblem(error instanceof ApiError ? error : undefined);
    }
  }, [client, query, status, tenant, cursor]);
  usePoll(load, REFRESH_MS);

  const filtered = <X,>(set: (value: X) => void) => (value: X) => {
    set(value);
    setCursors([]);
  };
  const start = cursors.length * PAGE;
  return (
    <div className="list">
      <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label className="search">
          <Icon name="search" size={16} />
          <span className="sr-only">Search orders by key or address</span>
          <input
            id="order-search" type="search" placeholder="Key or address" value={search} aria-keyshortcuts="/"
            onChange={(event) => filtered(setSearch)(event.target.value)}
          />
        </label>
        <select aria-label="Status" value={status} onChange={(event) => filtered(setStatus)(event.target.value)}>
          <option value="">Any status</option>
          {ORDER_STATUSES.map((s) => <option key={s} value={s}>{sentence(s)}</option>)}
        </select>
        {role !== 'tenant' && tenants.length > 1 && (
          <select aria-label="Tenant" value={tenant} onChange={(event) => filtered(setTenant)(event.target.value)}>
            <option value="">Any tenant</option>
            {tenants.map((t) => <option key={t.id} value={t.id}>{t.name}</option>)}
          </select>
        )}
      </form>
      {problem && <p className="note is-bad" role="alert">{problem.message}<span className="hint">{problem.hint}</span></p>}
      <div className="scroll" tabIndex={-1}>
        <table className="rows">
          <caption className="sr-only">Orders</caption>
          <thead>
            <tr><th scope="col">Order</th><th scope="col">Window</th><th scope="col">Status</th></tr>
          </thead>
          <tbody>
            {page?.items.map((order) => (
              <OrderRow key={order.id} order={order} onOpen={() => store.dispatch({ type: 'select', selection: { kind: 'order', id: order.id } })} />
            ))}
          </tbody>
        </table>
        {page?.items.length === 0 && <Empty>No order matches.</Empty>}
      </div>
      <nav className="pager" aria-label="Pages of orders">
        <button type="button" className="button is-small" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
          <Icon name="left" size={14} /> Newer
        </button>
        <span className="muted figure" role="status">
          {page && page.items.length > 0 && `${count(start + 1)}–${count(start + page.items.length)}`}
          {page?.total !== undefined && ` of ${count(page.total)}`}
        </span>
        <button
          type="button" className="button is-small" disabled={!page?.next_cursor}
          onClick={() => page?.next_cursor && setCursors([...cursors, page.next_cursor])}
        >
          Older <Icon name="right" size={14} />
        </button>
      </nav>
    </div>
  );
}

function OrderRow({ order, onOpen }: { order: Order; onOpen: () => void }) {
  const zone = usePart((s) => s.city.time_zone);
  const isSelected = usePart((s) => s.selection?.kind === 'order' && s.selection.id === order.id);
  const isLate = order.eta_ms !== undefined && order.window_end_ms !== undefined && order.eta_ms > order.window_end_ms && isMoving(order.status);
  return (
    <tr className={isSelected ? 'is-selected' : undefined} onClick={onOpen}>
      <td>
        <button type="button" className="row-button" aria-current={isSelected || undefined} onClick={(event) => { event.stopPropagation(); onOpen(); }}>
          <span className="row-title">{order.key}</span>
          <span className="row-text">{order.address || 'no address'} · {plural(order.n_parcels, 'parcel')}</span>
        </button>
      </td>
      <td className="figure">
        {timeWindow(order.window_start_ms, order.window_end_ms, zone)}
        {order.eta_ms !== undefined && isMoving(order.status) && (
          <span className={isLate ? 'row-text is-bad' : 'row-text'}>ETA {clock(order.eta_ms, zone)}</span>
        )}
      </td>
      <td><StatusPill status={order.status} /></td>
    </tr>
  );
}

function isMoving(status: string): boolean {
  return status === 'planned' || status === 'loaded' || status === 'underway';
}
