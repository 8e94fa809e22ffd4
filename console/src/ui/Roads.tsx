import type { FacilityKind } from '../api/types';
import { clock, sentence } from '../format';
import { glyph, FACILITY_KINDS } from '../map/icons';
import { may } from '../state/roles';
import { attempt, useDesk, usePart } from '../state/store';
import { Empty } from './bits';
import { useMap } from './MapPane';

export function Roads() {
  return (
    <div className="list scroll" tabIndex={-1}>
      <Closures />
      <Permits />
      <Facilities />
    </div>
  );
}

function Closures() {
  const { store, client } = useDesk();
  const closures = usePart((s) => s.closures);
  const zone = usePart((s) => s.city.time_zone);
  const role = usePart((s) => s.session.role);
  const canClose = may(role, 'close_road');
  const reopen = (id: string) =>
    void attempt(store, async () => {
      await client.reopenRoad(id);
      store.dispatch({ type: 'reopened', id });
    });
  return (
    <section aria-labelledby="closures">
      <h3 className="list-head" id="closures">Closed roads</h3>
      {closures.length === 0 && <Empty>All roads are open.{canClose && ' Press c to close one.'}</Empty>}
      <ul className="plain">
        {closures.map((c) => (
          <li key={c.id} className="line">
            <span>
              <span className="row-title">{c.road_name}</span>
              {c.until_ms !== undefined && <span className="row-text">until {clock(c.until_ms, zone)}</span>}
            </span>
            {canClose && <button type="button" className="button is-small" onClick={() => reopen(c.id)}>Reopen</button>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Permits() {
  const { store } = useDesk();
  const permits = usePart((s) => s.permits);
  const isShown = usePart((s) => s.show_permits);
  return (
    <section aria-labelledby="permits">
      <h3 className="list-head" id="permits">
        Permit zones
        <label className="switch">
          <input type="checkbox" checked={isShown} onChange={(event) => store.dispatch({ type: 'show_permits', is_shown: event.target.checked })} />
          On the map
        </label>
      </h3>
      {permits.length === 0 && <Empty>No permit is limited to a zone.</Empty>}
      <ul className="plain">
        {permits.map((p) => (
          <li key={p.id} className="line">
            <span className="row-title">{p.name}</span>
            <span className="muted">{p.is_forbidden ? `closed ${p.hours}` : p.hours}{!p.geometry && ', everywhere'}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Facilities() {
  const map = useMap();
  const facilities = usePart((s) => s.city.facilities);
  return (
    <section aria-labelledby="facilities">
      <h3 className="list-head" id="facilities">Facilities</h3>
      <ul className="plain">
        {FACILITY_KINDS.flatMap((kind) => facilities.filter((f) => f.kind === kind).slice(0, 100)).map((f) => (
          <li key={f.id} className="line">
            <button type="button" className="text-button" onClick={() => map?.flyTo(f, 16.5)}>
              <FacilityIcon kind={f.kind} /> {f.name}
            </button>
            <span className="muted">{sentence(f.kind)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function FacilityIcon({ kind }: { kind: FacilityKind }) {
  return (
    <svg className="facility" width="18" height="18" viewBox="0 0 24 24" aria-hidden="true">
      <path d={glyph(kind)} />
    </svg>
  );
}
