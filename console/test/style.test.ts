import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec';
import { expect, it } from 'vitest';
import { mapStyle } from '../src/map/style';
import { sizePx } from '../src/map/vanLayer';
import { STATE_COLORS } from '../src/theme';
import { VAN_STATES } from '../src/api/types';

it.each(['dark', 'light'] as const)('the %s map style is valid and needs no other host', (theme) => {
  const style = mapStyle(theme, 'http://127.0.0.1/tiles/{z}/{x}/{y}.mvt');
  expect(validateStyleMin(style)).toEqual([]);
  expect(style.glyphs).toBeUndefined();
  expect(style.sprite).toBeUndefined();
  expect(JSON.stringify(style).match(/https?:/g)).toHaveLength(1);
});

it('every van state has its own colour in each theme', () => {
  for (const colors of Object.values(STATE_COLORS)) {
    expect(colors).toHaveLength(VAN_STATES.length);
    expect(new Set(colors).size).toBe(VAN_STATES.length);
  }
});

it('vans grow with the zoom without a jump', () => {
  for (let zoom = 8; zoom < 20; zoom += 0.05) {
    const step = sizePx(zoom + 0.05) - sizePx(zoom);
    expect(step).toBeGreaterThanOrEqual(0);
    expect(step).toBeLessThan(1.5);
  }
});
