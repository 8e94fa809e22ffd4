/** What lies over the base map besides vans: permits, closures, the selected route, facilities. */
import type { ExpressionSpecification, GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import type { Closure, Facility, Permit, Position, VanDetail } from '../api/types';
import type { Theme } from '../state/state';
import { addIcons } from './icons';
import { PALETTES } from './style';

const SOURCES = ['permits', 'closures', 'route', 'stops', 'facilities', 'pin'] as const;
export type OverlaySource = (typeof SOURCES)[number];

/** Adds sources and layers, empty; the van layer goes between `route` and `facilities`. */
export function addOverlays(map: MapLibreMap, theme: Theme): void {
  const c = PALETTES[theme];
  addIcons(map, theme);
  const permitColor: ExpressionSpecification = ['case', ['get', 'is_forbidden'], c.closure, c.permit];
  for (const id of SOURCES) map.addSource(id, { type: 'geojson', data: collection([]) });
  map.addLayer({ id: 'permit-fill', type: 'fill', source: 'permits', paint: { 'fill-color': permitColor, 'fill-opacity': ['case', ['get', 'is_forbidden'], 0.16, 0.07] } }, 'road-tunnel');
  map.addLayer({ id: 'permit-edge', type: 'line', source: 'permits', paint: { 'line-color': permitColor, 'line-width': 1.4, 'line-dasharray': [3, 2], 'line-opacity': 0.9 } });
  map.addLayer({
    id: 'permit-name', type: 'symbol', source: 'permits',
    layout: { 'symbol-placement': 'line', 'text-field': ['get', 'name'], 'text-font': ['Plex Map Medium'], 'text-size': 11, 'text-offset': [0, -0.9] },
    paint: { 'text-color': permitColor, 'text-halo-color': c.halo, 'text-halo-width': 1.4 },
  });
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
  map.addLayer({ id: 'closure-casing', type: 'line', source: 'closures', layout: round, paint: { 'line-color': c.routeCasing, 'line-width': 9 } });
  map.addLayer({ id: 'closure', type: 'line', source: 'closures', paint: { 'line-color': c.closure, 'line-width': 5, 'line-dasharray': [1.2, 0.7] } });
  map.addLayer({ id: 'route-casing', type: 'line', source: 'route', layout: round, paint: { 'line-color': c.routeCasing, 'line-width': 7, 'line-opacity': 0.75 } });
  map.addLayer({ id: 'route', type: 'line', source: 'route', layout: round, paint: { 'line-color': c.route, 'line-width': 3 } });
  map.addLayer({
    id: 'stop', type: 'circle', source: 'stops',
    paint: {
      'circle-radius': ['case', ['==', ['get', 'status'], 'done'], 4, 8.5],
      'circle-color': ['case', ['==', ['get', 'status'], 'done'], c.street, ['==', ['get', 'status'], 'current'], c.route, c.routeCasing],
      'circle-stroke-color': ['case', ['==', ['get', 'status'], 'done'], c.routeCasing, c.route],
      'circle-stroke-width': ['case', ['==', ['get', 'status'], 'done'], 1, 1.6],
      'circle-opacity': ['case', ['==', ['get', 'status'], 'done'], 0.6, 1],
    },
  });
  map.addLayer({
    id: 'stop-number', type: 'symbol', source: 'stops', filter: ['!=', ['get', 'status'], 'done'],
    layout: { 'text-field': ['get', 'number'], 'text-font': ['Plex Map Medium'], 'text-size': 10.5, 'text-allow-overlap': true, 'text-ignore-placement': true },
    paint: { 'text-color': ['case', ['==', ['get', 'status'], 'current'], c.routeCasing, c.route] },
  });
  map.addLayer({
    id: 'facility', type: 'symbol', source: 'facilities', minzoom: 11,
    filter: ['any', ['==', ['get', 'kind'], 'hub'], ['>=', ['zoom'], ['match', ['get', 'kind'], 'station', 13, 14]]],
    layout: {
      'icon-image': ['concat', 'facility-', ['get', 'kind']], 'icon-allow-overlap': true, 'symbol-sort-key': ['match', ['get', 'kind'], 'hub', 0, 'station', 1, 2],
      'icon-size': ['interpolate', ['linear'], ['zoom'], 11, 0.7, 15, 0.85, 17, 1],
      'text-field': ['step', ['zoom'], ['case', ['==', ['get', 'kind'], 'hub'], ['get', 'name'], ''], 15.5, ['get', 'name']],
      'text-font': ['Plex Map Medium'], 'text-size': 11, 'text-offset': [0, 1.25], 'text-anchor': 'top', 'text-optional': true,
    },
    paint: { 'text-color': c.label, 'text-halo-color': c.halo, 'text-halo-width': 1.5 },
  });
  map.addLayer({ id: 'pin-halo', type: 'circle', source: 'pin', paint: { 'circle-radius': 15, 'circle-color': c.route, 'circle-opacity': 0.16 } });
  map.addLayer({ id: 'pin', type: 'circle', source: 'pin', paint: { 'circle-radius': 6, 'circle-color': c.route, 'circle-stroke-color': c.routeCasing, 'circle-stroke-width': 2 } });
}

export function setOverlay(map: MapLibreMap, id: OverlaySource, features: GeoJSON.Feature[]): void {
  void map.getSource<GeoJSONSource>(id)?.setData(collection(features));
}

export function facilityFeatures(facilities: readonly Facility[]): GeoJSON.Feature[] {
  return facilities.map((f) => point(f, { id: f.id, kind: f.kind, name: f.name }));
}

export function permitFeatures(permits: readonly Permit[]): GeoJSON.Feature[] {
  return permits.flatMap((p) => {
    const name = p.hours ? `${p.name} · ${p.hours}` : p.name;
    return p.geometry ? [{ type: 'Feature' as const, properties: { name, is_forbidden: p.is_forbidden }, geometry: p.geometry }] : [];
  });
}

export function closureFeatures(closures: readonly Closure[]): GeoJSON.Feature[] {
  return closures.flatMap((c) =>
    c.geometry ? [{ type: 'Feature' as const, properties: { id: c.id, name: c.road_name }, geometry: c.geometry }] : [],
  );
}

export function routeFeatures(van: VanDetail | undefined): GeoJSON.Feature[] {
  if (!van || van.route.length < 2) return [];
  return [{ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: van.route } }];
}

/** Stops as points; those ahead are numbered from 1. */
export function stopFeatures(van: VanDetail | undefined): GeoJSON.Feature[] {
  let n = 0;
  return (van?.stops ?? []).map((stop) => {
    if (stop.status !== 'done') n += 1;
    return point(stop, { status: stop.status, number: stop.status === 'done' ? '' : String(n) });
  });
}

export function pinFeatures(at: Position | undefined): GeoJSON.Feature[] {
  return at ? [point(at, {})] : [];
}

function point(at: Position, properties: GeoJSON.GeoJsonProperties): GeoJSON.Feature {
  return { type: 'Feature', properties, geometry: { type: 'Point', coordinates: [at.lon_deg, at.lat_deg] } };
}

function collection(features: GeoJSON.Feature[]): GeoJSON.FeatureCollection {
  return { type: 'FeatureCollection', features };
}
