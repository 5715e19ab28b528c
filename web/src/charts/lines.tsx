import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { colour, theme } from '../app/theme.js';

export interface LineSeries {
  readonly name: string;
  /** A colour of the style sheet. */
  readonly colour: string;
  /** One value for each entry of `x`; null if there is none. */
  readonly values: readonly (number | null)[];
  readonly hasPoints?: boolean;
}

export interface LinesProps {
  readonly x: readonly number[];
  readonly series: readonly LineSeries[];
  readonly label: string;
  readonly height?: number;
  readonly isLogarithmic?: boolean;
  readonly isTime?: boolean;
  /** Returns the name of a position along x, shown at the pointer. */
  readonly xName: (index: number) => string;
  readonly yName: (value: number) => string;
  readonly onPick?: (index: number) => void;
}

/** Lines over one axis (uPlot: small, and quick with thousands of points). */
export function Lines({
  x,
  series,
  label,
  height = 220,
  isLogarithmic = false,
  isTime = false,
  xName,
  yName,
  onPick,
}: LinesProps) {
  const box = useRef<HTMLDivElement>(null);
  const currentTheme = theme.value;
  useEffect(() => {
    const element = box.current;
    if (!element || x.length === 0) return;
    const axis = {
      stroke: colour('muted'),
      grid: { stroke: colour('line'), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: element.clientWidth || 300,
      height,
      cursor: { points: { size: 7 } },
      legend: { live: true },
      scales: { x: { time: isTime }, y: isLogarithmic ? { distr: 3 } : {} },
      axes: [
        // Positions are whole numbers.
        { ...axis, size: 30, ...(isTime ? {} : { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }) },
        {
          ...axis,
          size: 56,
          values: (_plot, ticks) => ticks.map((tick) => (tick === null ? '' : yName(tick))),
        },
      ],
      series: [
        { label: 'At', value: (_plot, _raw, _series, index) => (index === null ? '' : xName(index)) },
        ...series.map(({ name, colour: stroke, hasPoints }) => ({
          label: name,
          stroke: colour(stroke),
          width: 2,
          points: { show: hasPoints ?? false, size: 5 },
          spanGaps: true,
          value: (_plot: uPlot, raw: number | null) => (raw === null ? '' : yName(raw)),
        })),
      ],
    };
    const plot = new uPlot(
      options,
      [[...x], ...series.map(({ values }) => [...values])] as uPlot.AlignedData,
      element,
    );
    const pick = () => {
      const { idx } = plot.cursor;
      if (idx !== null && idx !== undefined) onPick?.(idx);
    };
    if (onPick) plot.over.addEventListener('click', pick);
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [x, series, height, isLogarithmic, currentTheme]);
  return (
    <div ref={box} class="lines" role="img" aria-label={label} style={{ minHeight: `${height + 34}px` }} />
  );
}
