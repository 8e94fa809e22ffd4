/** The map itself: owns MapLibre, follows the store, and tells what was picked. */
import { Map as MapLibreMap, setWorkerUrl, type MapMouseEvent } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import { tilesUrl } from '../api/client';
import type { Position, VanDetail } from '../api/types';
import { lonLat, mercator } from '../state/fleet';
import type { State } from '../state/state';
import type { Desk } from '../state/store';
import * as overlays from './overlays';
import { mapStyle } from './style';
import { sizePx, VanLayer } from './vanLayer';

/** The shortest time between two pictures of moving vans. */
const FRAME_MS = 33;
/** On a machine that draws slowly, moving vans take at most this share of its time. */
const SHARE_MAX = 0.4;
const WAIT_MAX_MS = 400;
/** Vans move once the city is drawn, or after so long. */
const START_MS = 6000;
/** How far beyond the view the subscription reaches, as a share of its size. */
const MARGIN = 0.3;
/** Zoom levels closer in before a subscription is narrowed. */
const NARROWER = 1;
const CARD_PX = 380;

/** West, south, east, north in degrees. */
type Box = [number, number, number, number];

export interface Hover {
  van: number;
  x: number;
  y: number;
}

export interface MapEvents {
  onHover(hover: Hover | undefined): void;
  /** A click while the mode is not `look`. */
  onAim(at: Position): void;
}

export class CityMap {
  private readonly map: MapLibreMap;
  private readonly vans: VanLayer;
  private readonly stopListening: () => void;
  private readonly calm = matchMedia('(prefers-reduced-motion: reduce)');
  private shown: State;
  private detail: VanDetail | undefined;
  private orderAt: Position | undefined;
  private frame = 0;
  private drawn_ms = 0;
  private drawn_version = -1;
  private asked: { box: Box; zoom: number } | undefined;
  private start_ms = performance.now() + START_MS;
  private ticked_ms = 0;
  private pace_ms = 0;

  constructor(
    container: HTMLElement,
    private readonly desk: Desk,
    private readonly events: MapEvents,
  ) {
    const state = desk.store.get();
    this.shown = state;
    this.vans = new VanLayer(desk.fleet);
    setWorkerUrl(new URL(workerUrl, document.baseURI).href);
    this.map = new MapLibreMap({
      container,
      style: mapStyle(state.theme, tilesUrl()),
      bounds: state.city.bounds,
      fitBoundsOptions: { padding: 24 },
      minZoom: 8,
      maxZoom: 19.5,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: this.calm.matches ? 0 : 200,
      transformRequest: (url) => ({ url, headers: { authorization: `Bearer ${desk.token}` } }),
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.getCanvas().setAttribute('aria-label', 'Map of the city. Arrow keys move, plus and minus zoom.');
    this.map.on('style.load', () => this.restyled());
    this.map.once('load', () => {
      this.start_ms = 0;
    });
    this.map.on('moveend', () => {
      this.subscribe();
      // What is in view, for tests and for whoever looks into the page.
      const { lng, lat } = this.map.getCenter();
      container.dataset.view = `${lng.toFixed(6)} ${lat.toFixed(6)} ${this.map.getZoom().toFixed(2)}`;
    });
    this.map.on('dragstart', () => desk.store.dispatch({ type: 'follow', is_following: false }));
    this.map.on('mousemove', (event) => this.hover(event));
    this.map.on('mouseout', () => this.events.onHover(undefined));
    this.map.on('click', (event) => this.click(event));
    this.map.getCanvas().addEventListener('keydown', this.key);
    this.stopListening = desk.store.subscribe(() => this.changed(desk.store.get()));
    this.frame = requestAnimationFrame(this.tick);
    this.subscribe();
  }

  remove(): void {
    cancelAnimationFrame(this.frame);
    this.stopListening();
    this.map.remove();
  }

  /** Shows route and stops of the selected van. */
  showVan(detail: VanDetail | undefined): void {
    this.detail = detail;
    if (!this.isReady()) return;
    overlays.setOverlay(this.map, 'route', overlays.routeFeatures(detail));
    overlays.setOverlay(this.map, 'stops', overlays.stopFeatures(detail));
  }

  /** Marks the place of the selected order. */
  showPlace(at: Position | undefined): void {
    this.orderAt = at;
    if (this.isReady()) overlays.setOverlay(this.map, 'pin', overlays.pinFeatures(at));
  }

  flyTo(at: Position, zoom = 15.5): void {
    const center: [number, number] = [at.lon_deg, at.lat_deg];
    const { clientWidth, clientHeight } = this.map.getContainer();
    // The card of the selection covers the right, or on narrow screens the lower half.
    const offset: [number, number] = clientWidth > 780 ? [-CARD_PX / 2, 0] : [0, -clientHeight / 4];
    const duration = this.calm.matches ? 0 : 700;
    this.map.easeTo({ center, zoom: Math.max(this.map.getZoom(), zoom), offset, duration });
  }

  fitCity(): void {
    this.map.fitBounds(this.shown.city.bounds, { padding: 24, animate: !this.calm.matches });
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: this.calm.matches ? 0 : 250 });
  }

  focus(): void {
    this.map.getCanvas().focus();
  }

  private isReady(): boolean {
    return this.map.getSource('pin') !== undefined;
  }

  private restyled(): void {
    const { map, shown } = this;
    overlays.addOverlays(map, shown.theme);
    this.vans.theme = shown.theme;
    map.addLayer(this.vans, 'facility');
    overlays.setOverlay(map, 'facilities', overlays.facilityFeatures(shown.city.facilities));
    overlays.setOverlay(map, 'closures', overlays.closureFeatures(shown.closures));
    this.showPermits(shown);
    this.showVan(this.detail);
    this.showPlace(this.orderAt);
  }

  private showPermits(state: State): void {
    overlays.setOverlay(this.map, 'permits', state.show_permits ? overlays.permitFeatures(state.permits) : []);
  }

  private changed(next: State): void {
    const before = this.shown;
    this.shown = next;
    if (next.theme !== before.theme) this.map.setStyle(mapStyle(next.theme, tilesUrl()), { diff: false });
    if (this.isReady()) {
      if (next.closures !== before.closures) overlays.setOverlay(this.map, 'closures', overlays.closureFeatures(next.closures));
      if (next.permits !== before.permits || next.show_permits !== before.show_permits) this.showPermits(next);
    }
    if (next.selection !== before.selection) {
      this.desk.fleet.mark(next.selection?.kind === 'van' ? next.selection.id : undefined);
    }
    this.vans.hidden = next.hidden_states;
    this.map.getCanvas().classList.toggle('is-aiming', next.mode !== 'look');
  }

  private subscribe(): void {
    const bounds = this.map.getBounds();
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    const zoom = this.map.getZoom();
    // A view within what was asked for needs no new answer: following a van would ask all the time.
    const [w, s, e, n] = this.asked?.box ?? [0, 0, 0, 0];
    const isInside = west >= w && south >= s && east <= e && north <= n;
    if (isInside && zoom - (this.asked?.zoom ?? 0) < NARROWER) return;
    const [dx, dy] = [(east - west) * MARGIN, (north - south) * MARGIN];
    const box: Box = [
      Math.max(-180, west - dx), Math.max(-85, south - dy), Math.min(180, east + dx), Math.min(85, north + dy),
    ];
    const [x0, y1] = mercator(box[0], box[1]);
    const [x1, y0] = mercator(box[2], box[3]);
    this.desk.fleet.keepWithin(x0, y0, x1, y1);
    this.asked = { box, zoom };
    this.desk.live.subscribe(box, zoom);
  }

  private readonly tick = (now_ms: number): void => {
    this.frame = requestAnimationFrame(this.tick);
    // How long the browser takes from tick to tick tells how long a picture takes to draw.
    if (this.drawn_ms === this.ticked_ms) this.pace_ms += 0.2 * (Math.min(500, now_ms - this.ticked_ms) - this.pace_ms);
    this.ticked_ms = now_ms;
    const isFast = this.pace_ms < FRAME_MS;
    const wait_ms = isFast ? FRAME_MS - 4 : Math.min(WAIT_MAX_MS, this.pace_ms / SHARE_MAX);
    if (now_ms - this.drawn_ms < wait_ms || document.hidden || now_ms < this.start_ms) return;
    const { fleet } = this.desk;
    this.vans.is_calm = this.calm.matches;
    if (this.calm.matches && fleet.version === this.drawn_version) return;
    this.drawn_ms = now_ms;
    this.drawn_version = fleet.version;
    const { selection, is_following } = this.shown;
    if (is_following && selection?.kind === 'van' && !this.map.isMoving()) {
      const at = fleet.get(selection.id, now_ms / 1000);
      if (at) this.map.setCenter(lonLat(at.x, at.y));
    }
    if (fleet.n > 0) this.map.triggerRepaint();
  };

  private vanAt(event: MapMouseEvent): number | undefined {
    const zoom = this.map.getZoom();
    const reach_px = Math.max(12, sizePx(zoom) * 1.1);
    const [x, y] = mercator(event.lngLat.lng, event.lngLat.lat);
    const isVisible = (state: number) => !this.shown.hidden_states.includes(state);
    return this.desk.fleet.nearest(x, y, reach_px / (512 * 2 ** zoom), performance.now() / 1000, isVisible);
  }

  private hover(event: MapMouseEvent): void {
    if (this.shown.mode !== 'look') return;
    const van = this.vanAt(event);
    this.map.getCanvas().classList.toggle('is-on-van', van !== undefined);
    this.events.onHover(van === undefined ? undefined : { van, x: event.point.x, y: event.point.y });
  }

  private click(event: MapMouseEvent): void {
    const at = { lat_deg: event.lngLat.lat, lon_deg: event.lngLat.lng };
    if (this.shown.mode !== 'look') this.events.onAim(at);
    else {
      const van = this.vanAt(event);
      if (van !== undefined) this.desk.store.dispatch({ type: 'select', selection: { kind: 'van', id: van } });
    }
  }

  /** Without a mouse, Enter aims at the middle of the map. */
  private readonly key = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || this.shown.mode === 'look') return;
    const center = this.map.getCenter();
    this.events.onAim({ lat_deg: center.lat, lon_deg: center.lng });
  };
}
