import type { LivezMeasurement } from './livez.js';
import type { Outcome } from './open-loop.js';

/** The figures of one run: rates per second, latencies in milliseconds. */
export interface Summary {
  readonly name: string;
  readonly offered: number;
  /** Answers with 200. */
  readonly goodput: number;
  readonly refused: Readonly<Record<429 | 503, number>>;
  /** Refusals without retry-after, other statuses, and requests without an answer. */
  readonly faults: number;
  readonly p50: number;
  readonly p99: number;
  readonly refusedP99: number;
  readonly livezP99: number;
  readonly livezFailures: number;
  /** Delay of the generator, 99th percentile: the possible error of the other figures. */
  readonly late: number;
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** @param seconds duration of sending; some answers may have arrived later */
export function summarise(
  name: string,
  outcomes: readonly Outcome[],
  seconds: number,
  livez: LivezMeasurement,
): Summary {
  const admitted = outcomes.filter(({ status }) => status === 200);
  const isRefusal = ({ status }: Outcome) => status === 503 || status === 429;
  const refused = outcomes.filter(isRefusal);
  const latencies = admitted.map(({ milliseconds }) => milliseconds);
  return {
    name,
    offered: outcomes.length / seconds,
    goodput: admitted.length / seconds,
    refused: {
      429: refused.filter(({ status }) => status === 429).length / seconds,
      503: refused.filter(({ status }) => status === 503).length / seconds,
    },
    faults:
      outcomes.length - admitted.length - refused.filter(({ retryAfter }) => Number(retryAfter) > 0).length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    refusedP99: percentile(
      refused.map(({ milliseconds }) => milliseconds),
      0.99,
    ),
    livezP99: percentile(livez.latencies, 0.99),
    livezFailures: livez.failures,
    late: percentile(
      outcomes.map(({ late }) => late),
      0.99,
    ),
  };
}

const COLUMNS: readonly (readonly [title: string, value: (summary: Summary) => string])[] = [
  ['load', ({ name }) => name],
  ['offered/s', ({ offered }) => offered.toFixed(1)],
  ['200/s', ({ goodput }) => goodput.toFixed(1)],
  ['503/s', ({ refused }) => refused[503].toFixed(1)],
  ['429/s', ({ refused }) => refused[429].toFixed(1)],
  ['other', ({ faults }) => String(faults)],
  ['p50 ms', ({ p50 }) => p50.toFixed(0)],
  ['p99 ms', ({ p99 }) => p99.toFixed(0)],
  ['503 p99 ms', ({ refusedP99 }) => (Number.isNaN(refusedP99) ? '-' : refusedP99.toFixed(0))],
  ['/livez p99 ms', ({ livezP99 }) => livezP99.toFixed(1)],
  ['sent late p99 ms', ({ late }) => late.toFixed(1)],
];

/** Formats the runs as a table with a line for each. */
export function table(summaries: readonly Summary[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...summaries.map((run) => COLUMNS.map(([, value]) => value(run))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
        .join('  '),
    )
    .join('\n');
}
