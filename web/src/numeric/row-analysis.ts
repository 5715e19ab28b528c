import { Asker } from './ask-worker.js';
import type { RowAnalysis } from './rows.js';

const asker = new Asker<{ values: Float32Array; rows: number; columns: number }, RowAnalysis>(
  () => new Worker(new URL('./rows.worker.ts', import.meta.url), { type: 'module' }),
);

/** Computes the spectrum and the cosines of a matrix's rows in a worker. */
export const rowAnalysis = (values: Float32Array, rows: number, columns: number): Promise<RowAnalysis> =>
  asker.ask({ values, rows, columns });
