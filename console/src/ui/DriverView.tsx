import { useCallback, useState } from 'react';
import type { Position, Shape, Sight } from '../api/types';
import { kmh, sentence } from '../format';
import { useDesk } from '../state/store';
import { Empty, usePoll } from './bits';

const REFRESH_MS = 1000;
/** What the picture shows around the van, m, and its size, px. */
const SPAN_M = 70;
const SIZE = 320;
const M_PER_DEG = 111_195;

/** What a van's driver sees and intends, drawn with its heading up. */
export function DriverView({ id }: { id: number }) {
  const { client } = useDesk();
  const [sight, setSight] = useState<Sight>();
  const [isTried, setTried] = useState(false);
  const load = useCallback(async (isCurrent: () => boolean) => {
    try {
      const next = await client.sight(id);
      if (isCurrent()) setSight(next);
    } finally {
      if (isCurrent()) setTried(true);
    }
  }, [client, id]);
  usePoll(load, REFRESH_MS);
  if (!sight) {
    return <Empty>{isTried ? 'Its driver shows nothing: it stands, or is not driven in detail.' : 'Asking the driver …'}</Empty>;
  }
  return (
    <figure className="driver-view" aria-label="What the driver sees">
      <Picture sight={sight} />
      <figcaption>
        <span className={sight.is_emergency ? 'is-bad' : undefined}>{sentence(sight.reason)}</span>
        <span className="muted">{kmh(sight.speed_mps)} · sees {sight.seen.length}</span>
      </figcaption>
    </figure>
  );
}

function Picture({ sight }: { sight: Sight }) {
  const scale = SIZE / SPAN_M;
  const turn = (-sight.heading_deg * Math.PI) / 180;
  const east_m = M_PER_DEG * Math.cos((sight.lat_deg * Math.PI) / 180);
  /** The van lies below the middle, heading up. */
  const at = (p: Position): [number, number] => {
    const [x, y] = [(p.lon_deg - sight.lon_deg) * east_m, (p.lat_deg - sight.lat_deg) * M_PER_DEG];
    const right = x * Math.cos(turn) + y * Math.sin(turn);
    const ahead = -x * Math.sin(turn) + y * Math.cos(turn);
    return [SIZE / 2 + right * scale, SIZE * 0.7 - ahead * scale];
  };
  const path = (line: readonly [number, number][]) =>
    line.map(([lon_deg, lat_deg]) => at({ lon_deg, lat_deg }).map((v) => v.toFixed(1)).join(',')).join(' ');
  const body = (s: Shape, className: string, key: string) => {
    const [x, y] = at(s);
    const [w, l] = [Math.max(s.width_m, 0.6) * scale, Math.max(s.length_m, 0.6) * scale];
    return (
      <g key={key} transform={`translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${(s.heading_deg - sight.heading_deg).toFixed(1)})`}>
        <rect className={className} x={-w / 2} y={-l / 2} width={w} height={l} rx="2" />
        {s.speed_mps > 0.5 && <path className="dv-nose" d={`M0 ${-l / 2} v${(-s.speed_mps * scale * 0.5).toFixed(1)}`} />}
      </g>
    );
  };
  return (
    <svg viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={`${sight.seen.length} tracks, the plan and the stop held ready`}>
      {sight.seen.flatMap((s) => s.ways.map((w, i) => (
        <polyline key={`${s.track_id}-${i}`} className="dv-way" points={path(w.line)} style={{ opacity: 0.15 + w.percent / 130 }} />
      )))}
      {sight.lights.map((light, i) => {
        const [x, y] = at(light);
        return <circle key={i} className={light.is_green ? 'dv-go' : 'dv-red'} cx={x} cy={y} r="5" />;
      })}
      {sight.seen.map((s) => body(s, `dv-thing is-${s.class}`, String(s.track_id)))}
      <polyline className="dv-plan" points={path(sight.plan)} />
      <polyline className="dv-stop" points={path(sight.stop)} />
      {body(sight, 'dv-ego', 'ego')}
    </svg>
  );
}
