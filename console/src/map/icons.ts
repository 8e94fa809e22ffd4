/** Facility marks, drawn on a canvas so that no picture has to be shipped. */
import type { Map as MapLibreMap } from 'maplibre-gl';
import type { FacilityKind } from '../api/types';
import type { Theme } from '../state/state';

const SIZE = 24;
const SCALE = 2;

const GLYPHS: Record<FacilityKind, string> = {
  hub: 'M6 17.5V11l6-4 6 4v6.5h-2.6v-4.4H8.600v4.400z',
  station: 'M8 18V6.500h1.500V7.500h7l-1.800 2.700 1.800 2.700h-7V18z',
  locker: 'M7 7h4.300v4.300H7zM12.700 7H17v4.300h-4.300zM7 12.700h4.300V17H7zM12.700 12.700H17V17h-4.300z',
  charger: 'M13.300 5.500L7.500 13.200h3.700l-.7 5.300 5.900-7.900h-3.800z',
};

export const FACILITY_KINDS = Object.keys(GLYPHS) as FacilityKind[];

export function addIcons(map: MapLibreMap, theme: Theme): void {
  for (const kind of FACILITY_KINDS) {
    const name = `facility-${kind}`;
    if (map.hasImage(name)) map.removeImage(name);
    const picture = drawIcon(kind, theme);
    if (picture) map.addImage(name, picture, { pixelRatio: SCALE });
  }
}

/** The glyph's path on a 24 x 24 grid, for legends. */
export function glyph(kind: FacilityKind): string {
  return GLYPHS[kind];
}

function drawIcon(kind: FacilityKind, theme: Theme): ImageData | undefined {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE * SCALE;
  const g = canvas.getContext('2d');
  if (!g) return undefined;
  g.scale(SCALE, SCALE);
  const isHub = kind === 'hub';
  const [ink, paper] = theme === 'dark' ? ['#e9f1f5', '#26333c'] : ['#1d262c', '#ffffff'];
  g.beginPath();
  g.roundRect(2, 2, SIZE - 4, SIZE - 4, 5.5);
  g.fillStyle = isHub ? ink : paper;
  g.fill();
  g.lineWidth = 1;
  g.strokeStyle = theme === 'dark' ? '#0b1013' : '#9aa5ad';
  g.stroke();
  g.fillStyle = isHub ? paper : ink;
  g.fill(new Path2D(GLYPHS[kind]));
  return g.getImageData(0, 0, canvas.width, canvas.height);
}
