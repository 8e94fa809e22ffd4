// Turns an OSM extract into what the mock serves: base-map tiles, a road graph to drive on,
// addresses, facilities and a permit zone.
import { GeoJSONVT } from '@maplibre/geojson-vt';
import { fromGeojsonVt } from '@maplibre/vt-pbf';
import { readOsm } from './osm.mjs';

const DRIVABLE = new Set([
  'motorway', 'trunk', 'primary', 'secondary', 'tertiary', 'unclassified', 'residential',
  'living_street', 'service', 'motorway_link', 'trunk_link', 'primary_link', 'secondary_link',
  'tertiary_link',
]);
const GREEN = new Set(['park', 'garden', 'grass', 'forest', 'wood', 'meadow', 'pitch', 'scrub', 'recreation_ground']);
const SPEED_MPS = { primary: 13, secondary: 11, tertiary: 11, residential: 8, service: 5, living_street: 4 };

/** Builds the mock's city from the extract at `path`. */
export function buildCity(path, rng) {
  const osm = readOsm(path);
  const layers = { water: [], green: [], bare: [], paved: [], building: [], road: [], line: [], label: [] };
  const graph = new Map();
  const roads = [];
  const places = [];
  const box = [180, 90, -180, -90];
  const at = (ref) => osm.nodes.get(ref);
  const pointsOf = (way) => way.refs.map(at).filter(Boolean).map((n) => [n.lon, n.lat]);

  for (const way of osm.ways) {
    const t = way.tags;
    const points = pointsOf(way);
    if (points.length < 2) continue;
    const kind = t.highway;
    if (kind && DRIVABLE.has(kind) && t.access !== 'private') {
      layers.road.push(line(points, {
        kind: kind.replace('_link', ''), name: t.name ?? '', oneway: t.oneway === 'yes',
        tunnel: Boolean(t.tunnel), bridge: Boolean(t.bridge),
      }));
      roads.push({ name: t.name ?? 'unnamed road', points });
      addEdges(graph, way, at, SPEED_MPS[kind] ?? 8, t.oneway === 'yes' || t.junction === 'roundabout');
      for (const [lon, lat] of points) grow(box, lon, lat);
    } else if (kind) layers.line.push(line(points, { kind: 'path' }));
    else if (t.railway === 'rail' && !t.tunnel) layers.line.push(line(points, { kind: 'rail' }));
    else if (t.natural === 'coastline') layers.line.push(line(points, { kind: 'coastline' }));
    else if (way.refs[0] === way.refs.at(-1)) {
      const layer = areaLayer(t);
      if (layer) layers[layer].push(polygon([points], {}));
      if (t.name && layer === 'green') layers.label.push(label(centre(points), 'green', t.name));
      if (layer === 'building') {
        places.push({ position: centre(points), address: addressOf(t, places.length) });
      }
    }
  }
  for (const relation of osm.relations) {
    const layer = relation.tags.type === 'multipolygon' ? areaLayer(relation.tags) : null;
    if (!layer) continue;
    const byId = new Map(osm.ways.map((w) => [w.id, w]));
    for (const member of relation.members.filter((m) => m.is_way && m.role === 'outer')) {
      const way = byId.get(member.id);
      if (way && way.refs[0] === way.refs.at(-1)) layers[layer].push(polygon([pointsOf(way)], {}));
    }
  }
  for (const node of osm.nodes.values()) {
    const t = node.tags;
    if (!t) continue;
    if (t.place && t.name) {
      const kind = /city|town/.test(t.place) ? 'city' : 'quarter';
      layers.label.push(label([node.lon, node.lat], kind, t.name));
    } else if (t.name && (t.tourism === 'museum' || t.amenity === 'theatre' || t.railway === 'station')) {
      layers.label.push(label([node.lon, node.lat], 'spot', t.name));
    }
    if (t['addr:street'] && t['addr:housenumber']) {
      places.push({ position: [node.lon, node.lat], address: addressOf(t, 0) });
    }
  }
  for (const place of places) place.address ||= nearestRoad(roads, place.position).name;
  keepLargestPart(graph);
  const nodes = [...graph.values()];
  for (const place of places) place.node = nearestNode(nodes, place.position);
  layers.water.push(...seaFrom(layers.line, box));
  return { box, graph, nodes, roads, places, layers, tile: tiler(layers), facilities: facilitiesOf(nodes, rng) };
}

/** The road whose nearest vertex is closest to `[lon, lat]`. */
export function nearestRoad(roads, [lon, lat]) {
  let best = roads[0];
  let bestD = Infinity;
  for (const road of roads) {
    for (const p of road.points) {
      const d = (p[0] - lon) ** 2 * 0.52 + (p[1] - lat) ** 2;
      if (d < bestD) [best, bestD] = [road, d];
    }
  }
  return best;
}

/** The graph node closest to `[lon, lat]`. */
export function nearestNode(nodes, [lon, lat]) {
  let best = nodes[0];
  let bestD = Infinity;
  for (const node of nodes) {
    const d = (node.lon - lon) ** 2 * 0.52 + (node.lat - lat) ** 2;
    if (d < bestD) [best, bestD] = [node, d];
  }
  return best;
}

function addEdges(graph, way, at, speed, isOneway) {
  for (let i = 1; i < way.refs.length; i++) {
    const [a, b] = [way.refs[i - 1], way.refs[i]];
    const [na, nb] = [at(a), at(b)];
    if (!na || !nb) continue;
    const va = vertex(graph, a, na);
    const vb = vertex(graph, b, nb);
    const length = metres(na, nb);
    va.out.push({ to: vb, length, speed });
    if (!isOneway) vb.out.push({ to: va, length, speed });
  }
}

function vertex(graph, id, node) {
  let v = graph.get(id);
  if (!v) graph.set(id, (v = { id, lon: node.lon, lat: node.lat, out: [] }));
  return v;
}

function keepLargestPart(graph) {
  const reach = (start, next) => {
    const seen = new Set([start]);
    const stack = [start];
    while (stack.length) {
      for (const v of next(stack.pop())) {
        if (!seen.has(v)) {
          seen.add(v);
          stack.push(v);
        }
      }
    }
    return seen;
  };
  const back = new Map();
  for (const v of graph.values()) for (const e of v.out) back.set(e.to, [...(back.get(e.to) ?? []), v]);
  let best = new Set();
  const list = [...graph.values()];
  for (let i = 0; i < 12; i++) {
    const start = list[Math.floor((i + 0.5) * (list.length / 12))];
    const forward = reach(start, (v) => v.out.map((e) => e.to));
    const backward = reach(start, (v) => back.get(v) ?? []);
    const both = new Set([...forward].filter((v) => backward.has(v)));
    if (both.size > best.size) best = both;
  }
  for (const [id, v] of graph) {
    if (!best.has(v)) graph.delete(id);
    else v.out = v.out.filter((e) => best.has(e.to));
  }
}

function areaLayer(t) {
  if (t.building) return 'building';
  if (t.natural === 'water' || t.natural === 'bay' || t.leisure === 'swimming_pool') return 'water';
  if (GREEN.has(t.leisure) || GREEN.has(t.landuse) || GREEN.has(t.natural)) return 'green';
  if (t.natural === 'beach' || t.natural === 'sand' || t.natural === 'bare_rock') return 'bare';
  if (t.amenity === 'parking' || t.place === 'square' || t.highway === 'pedestrian') return 'paved';
  return null;
}

// Closes the coastline along the eastern and southern edges: enough for a sea in the mock.
function seaFrom(lines, box) {
  const parts = lines.filter((f) => f.properties.kind === 'coastline').map((f) => f.geometry.coordinates);
  if (parts.length === 0) return [];
  const rest = [...parts];
  let chain = rest.shift();
  for (let grown = true; grown; ) {
    grown = false;
    for (let i = 0; i < rest.length; i++) {
      if (same(rest[i][0], chain.at(-1))) chain = [...chain, ...rest[i].slice(1)];
      else if (same(rest[i].at(-1), chain[0])) chain = [...rest[i], ...chain.slice(1)];
      else continue;
      rest.splice(i, 1);
      grown = true;
      break;
    }
  }
  if (same(chain[0], chain.at(-1))) return [];
  const [east, south] = [box[2] + 0.05, box[1] - 0.05];
  const [a, b] = [chain[0], chain.at(-1)];
  const ring = [...chain, [east, b[1]], [east, south], [a[0], south], a];
  return [polygon([ring], {})];
}

function tiler(layers) {
  const indexes = Object.entries(layers).map(([name, features]) => [
    name,
    new GeoJSONVT({ type: 'FeatureCollection', features }, { maxZoom: 18, indexMaxZoom: 14, buffer: 128, tolerance: 2 }),
  ]);
  return (z, x, y) => {
    const tile = {};
    for (const [name, index] of indexes) {
      if (z < 14 && name === 'building') continue;
      const layer = index.getTile(z, x, y);
      if (layer?.features.length) tile[name] = layer;
    }
    return Buffer.from(fromGeojsonVt(tile, { version: 2, extent: 4096 }));
  };
}

function facilitiesOf(nodes, rng) {
  const make = (kind, n, name) =>
    Array.from({ length: n }, (_, i) => {
      const node = nodes[Math.floor(rng() * nodes.length)];
      return { kind, name: name(i), lat_deg: node.lat, lon_deg: node.lon, node };
    });
  const at = (facility, position) => {
    const node = nearestNode(nodes, position);
    return { ...facility, lat_deg: node.lat, lon_deg: node.lon, node };
  };
  return [
    ...make('hub', 1, () => 'Hub Fontvieille').map((hub) => at(hub, [7.4178, 43.7297])),
    ...make('station', 3, (i) => `Station ${['La Condamine', 'Monte-Carlo', 'Larvotto'][i]}`),
    ...make('locker', 6, (i) => `Locker ${i + 1}`),
    ...make('charger', 4, (i) => `Charger ${i + 1}`),
  ].map((f, id) => ({ id, ...f }));
}

const same = (a, b) => a[0] === b[0] && a[1] === b[1];
const line = (coordinates, properties) => ({ type: 'Feature', properties, geometry: { type: 'LineString', coordinates } });
const polygon = (coordinates, properties) => ({ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates } });
const label = (coordinates, kind, text) => ({ type: 'Feature', properties: { kind, text }, geometry: { type: 'Point', coordinates } });
const addressOf = (t, n) => (t['addr:street'] ? `${t['addr:housenumber'] ?? n} ${t['addr:street']}` : '');
const centre = (ring) => {
  const n = ring.length - 1;
  const sum = ring.slice(0, n).reduce((s, p) => [s[0] + p[0], s[1] + p[1]], [0, 0]);
  return [sum[0] / n, sum[1] / n];
};

function grow(box, lon, lat) {
  box[0] = Math.min(box[0], lon);
  box[1] = Math.min(box[1], lat);
  box[2] = Math.max(box[2], lon);
  box[3] = Math.max(box[3], lat);
}

/** Great-circle distance in metres, on a plane: good within a city. */
export function metres(a, b) {
  const k = Math.cos((a.lat * Math.PI) / 180);
  return 111_195 * Math.hypot((a.lon - b.lon) * k, a.lat - b.lat);
}
