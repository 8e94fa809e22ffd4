import { describe, expect, it } from 'vitest';
import * as parse from '../src/api/parse';
import { tokenInHash, tokenInText } from '../src/api/token';

const ODD = [undefined, null, 0, 'x', [], {}, true, Number.NaN, { items: 7 }, [[[]]], { id: {} }];

describe('parsers', () => {
  it('take anything without throwing', () => {
    const parsers = [
      parse.session, parse.city, parse.kpi, parse.kpiHistory, parse.van, parse.vanDetail, parse.order, parse.orderDetail,
      parse.ticket, parse.closure, parse.permit, parse.fleetEvent, parse.geometry, (x: unknown) => parse.page(x, parse.van),
    ];
    for (const read of parsers) for (const value of ODD) expect(() => read(value)).not.toThrow();
    for (const text of ['', '{', 'null', '[]', '{"type":"nope"}', '{"type":"ticket"}']) {
      expect(parse.liveText(text)).toBeUndefined();
    }
  });

  it('give an unknown role the least rights', () => {
    expect(parse.session({ role: 'root' }).role).toBe('viewer');
  });

  it('leave out vans without an id or a place on earth, and clamp shares', () => {
    const at = { lat_deg: 43.7, lon_deg: 7.4 };
    const page = parse.page(
      { items: [{ id: 1, ...at, soc: 7, load: -1, state: 'flying' }, { ...at }, { id: -1, ...at }, { id: 2, lat_deg: 91, lon_deg: 0 }] },
      parse.van,
    );
    expect(page.items).toHaveLength(1);
    expect(page.items[0]).toMatchObject({ id: 1, soc: 1, load: 0, state: 'offline', name: 'van 1' });
  });

  it('keep ids of either kind as text', () => {
    expect(parse.order({ id: 12 })?.id).toBe('12');
    expect(parse.order({ id: '0190-ab' })?.id).toBe('0190-ab');
    expect(parse.order({ id: 1.5 })).toBeUndefined();
  });

  it('read a whole order with its story', () => {
    const order = parse.orderDetail({
      id: 3, key: 'P3', tenant_id: 1, kind: 'delivery', status: 'arrived', address: '1 Rue', n_parcels: 2, lat_deg: 43.7,
      lon_deg: 7.4, code: 4711, story: [{ t_ms: 5, kind: 'accepted', text: 'in' }, { kind: 'no time' }],
      parcels: [{ id: 1, status: 'loaded', compartment: 4 }], proof: { how: 'code', at_ms: 9 },
    });
    expect(order).toMatchObject({ id: '3', code: '4711', position: { lat_deg: 43.7, lon_deg: 7.4 }, proof: { how: 'code', at_ms: 9 } });
    expect(order?.story).toHaveLength(1);
    expect(order?.parcels).toEqual([{ id: '1', status: 'loaded', compartment: '4' }]);
  });

  it('pass only sound geometry to the map', () => {
    const line = { type: 'LineString', coordinates: [[7, 43], [7.1, 43.1]] };
    expect(parse.geometry(line)).toEqual(line);
    expect(parse.geometry({ type: 'Feature', geometry: line })).toEqual(line);
    expect(parse.geometry({ type: 'LineString', coordinates: [[7, 43], ['7', 43]] })).toBeNull();
    expect(parse.geometry({ type: 'LineString', coordinates: [[7, 430], [7, 43]] })).toBeNull();
    expect(parse.geometry({ type: 'Circle', coordinates: [7, 43] })).toBeNull();
  });
});

describe('token', () => {
  it('is found in a pasted line, a hash or alone', () => {
    expect(tokenInText(' http://127.0.0.1:8080/#token=abc.def ')).toBe('abc.def');
    expect(tokenInText('#token=abc')).toBe('abc');
    expect(tokenInText('token=abc')).toBe('abc');
    expect(tokenInText('abc')).toBe('abc');
    expect(tokenInText('http://127.0.0.1:8080/#nothing')).toBe('');
    expect(tokenInHash('')).toBe('');
  });
});
