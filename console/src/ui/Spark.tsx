/** A small curve of a figure's recent course. */

const WIDTH = 76;
const HEIGHT = 22;
/** Fewer make a line that says nothing. */
const MIN_POINTS = 4;

export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const path = sparkPath(values, WIDTH, HEIGHT);
  if (!path) return <svg className="spark" width={WIDTH} height={HEIGHT} aria-hidden="true" />;
  return (
    <svg className="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path className="spark-area" d={`${path}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
      <path className="spark-line" d={path} />
    </svg>
  );
}

/** The path of `values` scaled into the box, or nothing for fewer than `MIN_POINTS`. A flat course lies low. */
export function sparkPath(values: readonly number[], width: number, height: number): string {
  const known = values.filter((v) => Number.isFinite(v));
  if (known.length < MIN_POINTS) return '';
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  const step = width / (known.length - 1);
  const inner = height - 4;
  return known
    .map((v, i) => {
      const y = span === 0 ? height - 5 : height - 2 - ((v - low) / span) * inner;
      return `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

/** What was added in each step of a growing figure. */
export function gains(values: readonly number[]): number[] {
  return values.slice(1).map((v, i) => Math.max(0, v - (values[i] ?? v)));
}
