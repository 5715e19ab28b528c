import os from 'node:os';
import { env } from '../../src/engine/onnxruntime/library.js';
import type { Authors } from './authors.js';
import { median } from './service.js';

/** A line of the table: the measurement of this service, and that of something else in the same run. */
export interface Row {
  readonly what: string;
  readonly service: string;
  /** Empty if there is no comparison. */
  readonly beside: string;
  readonly ratio: string;
}

/** A part of the benchmark. It takes minutes and prints nothing. */
export type Part = (tools: BenchTools) => Promise<Row[]>;

export interface BenchTools {
  /** A folder for checkpoints that the parts share. */
  readonly directory: string;
  readonly authors: Authors | null;
}

export const row = (what: string, service: string, beside = '', ratio = ''): Row => ({
  what,
  service,
  beside,
  ratio,
});

/** Formats the median for people. */
export function time(seconds: readonly number[]): string {
  const value = median(seconds);
  return value < 1 ? `${(1000 * value).toPrecision(value < 0.01 ? 2 : 3)} ms` : `${value.toFixed(2)} s`;
}

/** Returns the median of the ratios of pairs that were measured one after the other. */
export const ratio = (pairs: readonly (readonly [number, number])[]): string =>
  median(pairs.map(([one, other]) => one / other)).toFixed(2);

/**
 * Makes a line with a measurement here and, run by run, the comparison in Python, if there is one.
 *
 * @param besideIt description of the comparison, appended to the name
 */
export function rowBeside(
  what: string,
  besideIt: string,
  own: readonly number[],
  theirs: readonly number[],
): Row {
  if (theirs.length === 0) return row(what, time(own));
  const pairs = own.map((seconds, run) => [theirs[run], seconds] as const);
  return row(`${what}; ${besideIt}`, time(own), time(theirs), ratio(pairs));
}

export function markdown(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ what, service, beside, ratio }) => `| ${what} | ${service} | ${beside} | ${ratio} |`,
  );
  return ['| | service | beside it | ratio |', '|---|---|---|---|', ...lines].join('\n');
}

/** Describes the machine, the versions, and the load of the machine before the run. */
export function circumstances(load: number, authors: string | null): string {
  const [cpu] = os.cpus();
  return (
    `${os.cpus().length} × ${cpu?.model.trim()}, Node ${process.versions.node}, onnxruntime ${env.versions.node ?? env.versions.common}` +
    `${authors === null ? '' : `, ${authors}`}; load average before the run ${load.toFixed(1)}; medians.`
  );
}
