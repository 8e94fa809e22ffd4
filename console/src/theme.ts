/** Colours of data: one per van state, in the order of `VAN_STATES`, for each theme. */
import type { Theme } from './state/state';

export const STATE_COLORS: Record<Theme, readonly string[]> = {
  dark: [
    '#8796a1', // idle
    '#a996ff', // loading
    '#2fc7a8', // driving
    '#54a9ff', // serving
    '#d8bd77', // waiting
    '#a8d53f', // charging
    '#ff8a3c', // trouble
    '#ff5a5a', // stopped
    '#ff5fb4', // lost
    '#56636d', // offline
  ],
  light: [
    '#6d7b86', '#7357e0', '#0d9a80', '#1878d6', '#a37a14', '#6a9a06', '#e2620c', '#d92f2f', '#d21f86', '#9aa5ad',
  ],
};

/** States that call for an operator's eye; they pulse on the map. */
export const ALERT_STATES: readonly number[] = [6, 7, 8];

export function rgb(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [((n >> 16) & 255) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

export function orderColor(status: string): string {
  switch (status) {
    case 'accepted':
      return 'var(--ink-3)';
    case 'planned':
    case 'loaded':
      return 'var(--violet)';
    case 'underway':
      return 'var(--teal)';
    case 'arrived':
      return 'var(--azure)';
    case 'delivered':
      return 'var(--good)';
    case 'returned':
      return 'var(--amber)';
    default:
      return 'var(--bad)';
  }
}
