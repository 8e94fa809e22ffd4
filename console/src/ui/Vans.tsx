import { useCallback, useState } from 'react';
import { ApiError } from '../api/client';
import { VAN_STATES, type Page, type Van } from '../api/types';
import { clock, plural, sentence, share } from '../format';
import { useDesk, usePart } from '../state/store';
import { Battery, Empty, StatePill, useDebounced, usePoll } from './bits';
import { Icon } from './Icon';
import { rememberVans, useMap } from './MapPane';

const PAGE = 60;
const REFRESH_MS = 3000;

export function Vans() {
  const { client } = useDesk();
  const [search, setSearch] = useState('');
  const query = useDebounced(search.trim(), 250);
  const [state, setState] = useState('');
  const [cursors, setCursors] = useState<string[]>([]);
  const [page, setPage] = useState<Page<Van>>();
  const [problem, setProblem] = useState<ApiError>();
  const cursor = cursors.at(-1);
  const load = useCallback(async (isCurrent: () => boolean) => {
    try {
      const next = await client.vans({ state, query, cursor, limit: PAGE });
      rememberVans(next.items);
      if (!isCurrent()) return;
      setPage(next);
      setProblem(undefined);
    } catch (error) {
      if (isCurrent()) setProblem(error instanceof ApiError ? error : undefined);
    }
  }, [client, state, query, cursor]);
  usePoll(load, REFRESH_MS);
  return (
    <div className="list">
      <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label className="search">
          <Icon name="search" size={16} />
          <span className="sr-only">Search vans by name</span>
          <input type="search" placeholder="Van" value={search} onChange={(event) => { setSearch(event.target.value); setCursors([]); }} />
        </label>
        <select aria-label="State" value={state} onChange={(event) => { setState(event.target.value); setCursors([]); }}>
          <option value="">Any state</option>
          {VAN_STATES.map((s) => <option key={s} value={s}>{sentence(s)}</option>)}
        </select>
      </form>
      {problem && <p className="note is-bad" role="alert">{problem.message}<span className="hint">{problem.hint}</span></p>}
      <div className="scroll" tabIndex={-1}>
        <table className="rows">
          <caption className="sr-only">Vans</caption>
          <thead>
            <tr><th scope="col">Van</th><th scope="col">Battery</th><th scope="col">State</th></tr>
          </thead>
          <tbody>{page?.items.map((van) => <VanRow key={van.id} van={van} />)}</tbody>
        </table>
        {page?.items.length === 0 && <Empty>No van matches.</Empty>}
      </div>
      <nav className="pager" aria-label="Pages of vans">
        <button type="button" className="button is-small" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
          <Icon name="left" size={14} /> Back
        </button>
        <button
          type="button" className="button is-small" disabled={!page?.next_cursor}
          onClick={() => page?.next_cursor && setCursors([...cursors, page.next_cursor])}
        >
          Next <Icon name="right" size={14} />
        </button>
      </nav>
    </div>
  );
}

function VanRow({ van }: { van: Van }) {
  const { store } = useDesk();
  const map = useMap();
  const zone = usePart((s) => s.city.time_zone);
  const isSelected = usePart((s) => s.selection?.kind === 'van' && s.selection.id === van.id);
  const open = () => {
    store.dispatch({ type: 'select', selection: { kind: 'van', id: van.id } });
    map?.flyTo(van);
  };
  return (
    <tr className={isSelected ? 'is-selected' : undefined} onClick={open}>
      <td>
        <button type="button" className="row-button" aria-current={isSelected || undefined} onClick={(event) => { event.stopPropagation(); open(); }}>
          <span className="row-title">{van.name}</span>
          <span className="row-text">
            {plural(van.n_parcels, 'parcel')} · {plural(van.n_stops_left, 'stop')}
            {van.next_stop_eta_ms !== undefined && ` · ${clock(van.next_stop_eta_ms, zone)}`}
          </span>
        </button>
      </td>
      <td><Battery soc={van.soc} /><span className="row-text">load {share(van.load, 0)}</span></td>
      <td><StatePill state={van.state} /></td>
    </tr>
  );
}
