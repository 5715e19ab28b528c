import { value } from '../app/format.js';

export interface Bins {
  /** One more entry than `counts`. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

export interface HistogramSeries extends Bins {
  readonly name: string;
  /** A class of the style sheet, such as `series-a`. */
  readonly className: string;
}

const WIDTH = 480;
const HEIGHT = 160;
const MARGIN = { left: 8, right: 8, bottom: 22, top: 6 };

/** Histograms over one axis, drawn as densities, so that tensors of different sizes can be compared. */
export function Histogram({ series, label }: { series: readonly HistogramSeries[]; label: string }) {
  const low = Math.min(...series.map(({ edges }) => edges[0]));
  const high = Math.max(...series.map(({ edges }) => edges[edges.length - 1]));
  const span = high - low || 1;
  const densities = series.map(({ edges, counts }) => {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1;
    return counts.map((count, k) => count / total / (edges[k + 1] - edges[k] || span));
  });
  const peak = Math.max(...densities.flat(), Number.MIN_VALUE);
  const x = (at: number) => MARGIN.left + ((at - low) / span) * (WIDTH - MARGIN.left - MARGIN.right);
  const base = HEIGHT - MARGIN.bottom;
  const y = (density: number) => base - (density / peak) * (base - MARGIN.top);
  return (
    <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {series.map(({ name, className, edges }, index) => {
        const steps = densities[index].map(
          (density, k) => `L${x(edges[k])},${y(density)}L${x(edges[k + 1])},${y(density)}`,
        );
        return (
          <path
            key={name}
            class={`area ${className}`}
            d={`M${x(edges[0])},${base}${steps.join('')}L${x(edges[edges.length - 1])},${base}Z`}
          />
        );
      })}
      <line class="axis" x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={base} y2={base} />
      {low < 0 && high > 0 && <line class="axis zero" x1={x(0)} x2={x(0)} y1={MARGIN.top} y2={base} />}
      <text x={MARGIN.left} y={HEIGHT - 6}>
        {value(low)}
      </text>
      <text x={WIDTH - MARGIN.right} y={HEIGHT - 6} text-anchor="end">
        {value(high)}
      </text>
    </svg>
  );
}

/** A histogram in the size of a word. */
export function SparkHistogram({ bins: { counts } }: { bins: Bins }) {
  const peak = Math.max(...counts, 1);
  return (
    <svg class="spark" viewBox={`0 0 ${counts.length * 2} 16`} preserveAspectRatio="none" aria-hidden="true">
      {counts.map((count, k) => (
        <rect key={k} x={k * 2} width="1.6" y={16 - (16 * count) / peak} height={(16 * count) / peak} />
      ))}
    </svg>
  );
}
