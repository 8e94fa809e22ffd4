/** Text for people from numbers and times. Pure functions; every one takes `undefined` calmly. */

const NONE = '–';
const plain = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A count, such as `12,480`. */
export function count(n: number | undefined): string {
  return n === undefined || !Number.isFinite(n) ? NONE : plain.format(n);
}

/** A figure with one decimal below 100 and none above: `8.4`, `1,204`. */
export function figure(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return NONE;
  return Math.abs(n) < 99.95 ? oneDigit.format(n) : plain.format(n);
}

/** A share 0..1 as a percentage: `97.4 %`; `100 %` and `0 %` without decimals. */
export function share(x: number | undefined, digits: 0 | 1 = 1): string {
  if (x === undefined || !Number.isFinite(x)) return NONE;
  const percent = x * 100;
  if (digits === 0 || percent === 0 || percent >= 99.95) return `${Math.round(percent)} %`;
  return `${percent.toFixed(1)} %`;
}

/** An amount of money with its ISO 4217 code: `€0.84`. An unknown code is printed as it came. */
export function money(amount: number | undefined, currency: string): string {
  if (amount === undefined || !Number.isFinite(amount)) return NONE;
  try {
    return new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(amount);
  } catch {
    return `${amount.toFixed(2)} ${currency}`;
  }
}

/** Clock time `14:05` in the zone of the city. */
export function clock(t_ms: number | undefined, zone: string): string {
  return withParts(t_ms, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

/** Clock time with seconds, `14:05:09`. */
export function clockSeconds(t_ms: number | undefined, zone: string): string {
  return withParts(t_ms, zone, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
}

/** Day, `Tue 12 May`. */
export function day(t_ms: number | undefined, zone: string): string {
  return withParts(t_ms, zone, { weekday: 'short', day: 'numeric', month: 'short' });
}

/** A time window, `14:00–16:00`. */
export function timeWindow(start_ms: number | undefined, end_ms: number | undefined, zone: string): string {
  if (start_ms === undefined && end_ms === undefined) return 'any time';
  if (start_ms === undefined) return `until ${clock(end_ms, zone)}`;
  if (end_ms === undefined) return `from ${clock(start_ms, zone)}`;
  return `${clock(start_ms, zone)}–${clock(end_ms, zone)}`;
}

/** How long ago or ahead, `4 min ago`, `in 2 h 10 min`, `now`. */
export function ago(t_ms: number, now_ms: number): string {
  const seconds = Math.round((now_ms - t_ms) / 1000);
  if (Math.abs(seconds) < 30) return 'now';
  const text = duration(Math.abs(seconds));
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** A duration in seconds: `45 s`, `12 min`, `2 h 10 min`, `3 d`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} d`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** Speed in km/h from m/s. */
export function kmh(speed_mps: number | undefined): string {
  if (speed_mps === undefined || !Number.isFinite(speed_mps)) return NONE;
  return `${Math.round(speed_mps * 3.6)} km/h`;
}

/** `snake_case` words of the API as text: `link_lost` -> `link lost`. */
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

/** First letter in upper case. */
export function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** `1 parcel`, `2 parcels`. */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

function withParts(t_ms: number | undefined, timeZone: string, options: Intl.DateTimeFormatOptions): string {
  if (t_ms === undefined || !Number.isFinite(t_ms) || Math.abs(t_ms) > 8.64e15) return NONE;
  return formatter(timeZone, options).format(t_ms);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = timeZone + JSON.stringify(options);
  let found = formatters.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone });
    } catch {
      found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
    }
    formatters.set(key, found);
  }
  return found;
}
