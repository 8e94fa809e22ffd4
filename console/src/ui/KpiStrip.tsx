import type { Kpi, KpiPoint } from '../api/types';
import { count, figure, money, share } from '../format';
import type { Sample } from '../state/state';
import { usePart } from '../state/store';
import { gains, Spark } from './Spark';

interface Figure {
  name: string;
  explain: string;
  value: string;
  unit?: string;
  side?: string;
  values: readonly number[];
  isBad?: boolean;
}

export function KpiStrip() {
  const kpi = usePart((s) => s.kpi);
  const history = usePart((s) => s.history);
  const samples = usePart((s) => s.samples);
  const figures = kpi ? figuresOf(kpi, history, samples) : [];
  return (
    <section className="kpis" aria-label="Key figures" id="kpis">
      {figures.map((f) => (
        <div key={f.name} className={f.isBad ? 'kpi is-bad' : 'kpi'} title={f.explain}>
          <div className="kpi-head">
            <h2>{f.name}</h2>
            {f.side && <span>{f.side}</span>}
          </div>
          <div className="kpi-body">
            <p>
              <span className="kpi-value" data-kpi={f.name}>{f.value}</span>
              {f.unit && <span className="kpi-unit">{f.unit}</span>}
            </p>
            <Spark values={f.values} label={`${f.name}, recent course`} />
          </div>
        </div>
      ))}
    </section>
  );
}

function figuresOf(kpi: Kpi, history: readonly KpiPoint[], samples: readonly Sample[]): Figure[] {
  const past = (pick: (p: KpiPoint) => number | undefined, now: number | undefined) =>
    [...history.map(pick), now].filter((v) => v !== undefined);
  const seen = (pick: (k: Kpi) => number | undefined) =>
    [...samples.map((s) => pick(s.kpi)), pick(kpi)].filter((v) => v !== undefined);
  return [
    {
      name: 'Delivered', explain: 'Orders delivered today, of all taken in. Curve: per five minutes.', value: count(kpi.delivered),
      side: `of ${count(kpi.orders)}`, values: gains(past((p) => p.delivered, undefined)),
    },
    {
      name: 'Pending', explain: 'Orders not yet closed', value: count(kpi.pending), values: past((p) => p.pending, kpi.pending),
      side: kpi.returned + kpi.refused > 0 ? `${count(kpi.returned)} returned` : undefined,
    },
    {
      name: 'On time', explain: 'Share of delivered orders that were inside their window', value: share(kpi.on_time_share),
      values: past((p) => p.on_time_share, kpi.on_time_share), isBad: (kpi.on_time_share ?? 1) < 0.9,
    },
    {
      name: 'Cost per parcel', explain: 'Energy, vans, operator seconds and hub', value: money(kpi.cost_per_parcel, kpi.currency),
      values: seen((k) => k.cost_per_parcel),
    },
    {
      name: 'Per van-day', explain: 'Parcels delivered per van and day', value: figure(kpi.parcels_per_van_day),
      values: seen((k) => k.parcels_per_van_day),
    },
    { name: 'Driven', explain: 'Distance driven today', value: figure(kpi.km), unit: 'km', values: gains(seen((k) => k.km)) },
    { name: 'Energy', explain: 'Energy used today. Curve: per five minutes.', value: figure(kpi.kwh), unit: 'kWh', values: gains(past((p) => p.kwh, undefined)) },
    {
      name: 'Operator load', explain: 'Share of operator seconds that are busy', value: share(kpi.operator_load),
      side: kpi.tickets_open > 0 ? `${count(kpi.tickets_open)} open` : undefined, values: seen((k) => k.operator_load),
      isBad: (kpi.operator_load ?? 0) > 0.85,
    },
  ];
}
