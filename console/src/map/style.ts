/** The base map: the city's own vector tiles, drawn calm so that colour is left for the fleet. */
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Theme } from '../state/state';

export interface Palette {
  land: string;
  water: string;
  shore: string;
  green: string;
  bare: string;
  paved: string;
  building: string;
  buildingEdge: string;
  casing: string;
  minor: string;
  middle: string;
  major: string;
  tunnel: string;
  rail: string;
  path: string;
  label: string;
  street: string;
  waterLabel: string;
  greenLabel: string;
  halo: string;
  route: string;
  routeCasing: string;
  closure: string;
  permit: string;
}

export const PALETTES: Record<Theme, Palette> = {
  dark: {
    land: '#151b20', water: '#0a1824', shore: '#1d3244', green: '#16251c', bare: '#1f2120', paved: '#1a2126',
    building: '#1d262c', buildingEdge: '#273138', casing: '#0f1519', minor: '#2e3a42', middle: '#3a4852',
    major: '#4a5c68', tunnel: '#222c33', rail: '#2d3840', path: '#232d34', label: '#b4c2cc', street: '#8496a2',
    waterLabel: '#4d6a80', greenLabel: '#587461', halo: '#0d1216', route: '#e9f1f5', routeCasing: '#0b1013',
    closure: '#ff5a5a', permit: '#8fb7d8',
  },
  light: {
    land: '#f0f1ee', water: '#c6dae6', shore: '#a9c4d4', green: '#dbe7d3', bare: '#e9e4d6', paved: '#e8e9e6',
    building: '#e2e2dd', buildingEdge: '#d3d3cd', casing: '#d4d5d0', minor: '#ffffff', middle: '#ffffff',
    major: '#fdf6e3', tunnel: '#e6e6e2', rail: '#c3c5c2', path: '#dddeda', label: '#2c363d', street: '#5d6970',
    waterLabel: '#5b8199', greenLabel: '#5f7f5c', halo: '#f6f7f5', route: '#11181d', routeCasing: '#ffffff',
    closure: '#d92f2f', permit: '#2f6c9c',
  },
};

const FONT = ['Plex Map'];
const FONT_STRONG = ['Plex Map Medium'];
const MAJOR = ['motorway', 'trunk', 'primary'];
const MIDDLE = ['secondary', 'tertiary'];
const SMALL = ['service', 'living_street', 'track', 'pedestrian'];

export function mapStyle(theme: Theme, tiles: string): StyleSpecification {
  const c = PALETTES[theme];
  return {
    version: 8,
    sources: { city: { type: 'vector', tiles: [tiles], minzoom: 8, maxzoom: 16 } },
    layers: [
      { id: 'land', type: 'background', paint: { 'background-color': c.land } },
      fill('green', c.green),
      fill('bare', c.bare),
      fill('water', c.water),
      {
        id: 'shore', type: 'line', source: 'city', 'source-layer': 'water', minzoom: 12,
        paint: { 'line-color': c.shore, 'line-width': 0.8 },
      },
      fill('paved', c.paved),
      {
        id: 'building', type: 'fill', source: 'city', 'source-layer': 'building', minzoom: 13.5,
        paint: {
          'fill-color': c.building, 'fill-outline-color': c.buildingEdge,
          'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13.5, 0, 14.5, 1],
        },
      },
      ...lines(c),
      ...roads(c),
      ...labels(c),
    ],
  };
}

function fill(layer: string, color: string): LayerSpecification {
  return { id: layer, type: 'fill', source: 'city', 'source-layer': layer, paint: { 'fill-color': color } };
}

function lines(c: Palette): LayerSpecification[] {
  return [
    {
      id: 'path', type: 'line', source: 'city', 'source-layer': 'line', minzoom: 14.5,
      filter: ['match', ['get', 'kind'], ['path', 'street'], true, false],
      paint: { 'line-color': c.path, 'line-width': ['interpolate', ['linear'], ['zoom'], 15, 0.7, 18, 3] },
    },
    {
      id: 'waterway', type: 'line', source: 'city', 'source-layer': 'line', minzoom: 11,
      filter: ['match', ['get', 'kind'], ['waterway', 'coastline'], true, false],
      paint: { 'line-color': c.shore, 'line-width': 1 },
    },
    {
      id: 'border', type: 'line', source: 'city', 'source-layer': 'line', filter: ['==', ['get', 'kind'], 'border'],
      paint: { 'line-color': c.street, 'line-width': 1, 'line-dasharray': [4, 3], 'line-opacity': 0.5 },
    },
    {
      id: 'rail', type: 'line', source: 'city', 'source-layer': 'line', minzoom: 11, filter: ['==', ['get', 'kind'], 'rail'],
      paint: { 'line-color': c.rail, 'line-width': ['interpolate', ['linear'], ['zoom'], 12, 0.8, 17, 2.4], 'line-dasharray': [5, 2] },
    },
  ];
}

function byKind<X extends number | string>(major: X, middle: X, small: X, other: X): ExpressionSpecification {
  return ['match', ['get', 'kind'], MAJOR, major, MIDDLE, middle, SMALL, small, other];
}

function width(scale: number, extra: number): ExpressionSpecification {
  const at = (major: number, middle: number, small: number, other: number) =>
    byKind(major * scale + extra, middle * scale + extra, small * scale + extra, other * scale + extra);
  return [
    'interpolate', ['exponential', 1.5], ['zoom'],
    10, at(1.2, 0.7, 0.1, 0.3),
    13, at(2.6, 1.9, 0.5, 1.1),
    15, at(6.5, 5, 2, 3.6),
    18, at(24, 20, 9, 16),
  ];
}

function roads(c: Palette): LayerSpecification[] {
  const isTunnel: ExpressionSpecification = ['to-boolean', ['get', 'tunnel']];
  const base = { type: 'line', source: 'city', 'source-layer': 'road' } as const;
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
  return [
    {
      ...base, id: 'road-tunnel', minzoom: 12, filter: isTunnel,
      paint: { 'line-color': c.tunnel, 'line-width': width(0.8, 0), 'line-dasharray': [1.2, 0.8] },
    },
    {
      ...base, id: 'road-casing', minzoom: 13, filter: ['!', isTunnel], layout: round,
      paint: { 'line-color': c.casing, 'line-width': width(1, 1.6) },
    },
    {
      ...base, id: 'road', filter: ['!', isTunnel],
      layout: { ...round, 'line-sort-key': byKind(3, 2, 0, 1) },
      paint: { 'line-color': byKind(c.major, c.middle, c.minor, c.minor), 'line-width': width(1, 0) },
    },
  ];
}

function labels(c: Palette): LayerSpecification[] {
  const halo = { 'text-halo-color': c.halo, 'text-halo-width': 1.4 } as const;
  const point = { type: 'symbol', source: 'city', 'source-layer': 'label' } as const;
  return [
    {
      id: 'street-name', type: 'symbol', source: 'city', 'source-layer': 'road', minzoom: 14.5,
      filter: ['all', ['has', 'name'], ['!=', ['get', 'name'], '']],
      layout: {
        'symbol-placement': 'line', 'text-field': ['get', 'name'], 'text-font': FONT, 'symbol-spacing': 320,
        'text-size': ['interpolate', ['linear'], ['zoom'], 14.5, 10, 18, 13.5], 'text-letter-spacing': 0.02,
        'text-max-angle': 32,
      },
      paint: { 'text-color': c.street, ...halo },
    },
    {
      ...point, id: 'spot-name', minzoom: 16, filter: ['==', ['get', 'kind'], 'spot'],
      layout: { 'text-field': ['get', 'text'], 'text-font': FONT, 'text-size': 11, 'text-max-width': 7, 'text-padding': 8 },
      paint: { 'text-color': c.street, ...halo },
    },
    {
      ...point, id: 'nature-name', minzoom: 14, filter: ['match', ['get', 'kind'], ['water', 'green'], true, false],
      layout: { 'text-field': ['get', 'text'], 'text-font': FONT, 'text-size': 11, 'text-max-width': 7 },
      paint: { 'text-color': ['match', ['get', 'kind'], 'water', c.waterLabel, c.greenLabel], ...halo },
    },
    {
      ...point, id: 'quarter-name', minzoom: 11.5, filter: ['==', ['get', 'kind'], 'quarter'],
      layout: {
        'text-field': ['get', 'text'], 'text-font': FONT_STRONG, 'text-transform': 'uppercase', 'text-letter-spacing': 0.12,
        'text-size': ['interpolate', ['linear'], ['zoom'], 11.5, 10, 16, 13], 'text-max-width': 8, 'text-padding': 12,
      },
      paint: { 'text-color': c.label, 'text-opacity': 0.85, ...halo },
    },
    {
      ...point, id: 'city-name', maxzoom: 14, filter: ['==', ['get', 'kind'], 'city'],
      layout: { 'text-field': ['get', 'text'], 'text-font': FONT_STRONG, 'text-size': 16, 'text-padding': 20 },
      paint: { 'text-color': c.label, ...halo },
    },
  ];
}
