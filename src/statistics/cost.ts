import { elements, type TensorSource } from '../tensor/tensor.js';

/** Largest smaller side of a matrix whose rank is computed: its inner products take 512 MB, its eigenvalues minutes. */
export const MAX_RANK = 8192;

/**
 * Limit of multiplications for the inner products of a tall matrix' rows, which take seconds. Above it, only a sample
 * of the rows is compared.
 */
const MAX_COSINE_WORK = 2 ** 34;

/** Number of sampled rows: their mean |cosine| is within about 0.001 of that of all rows. */
const SAMPLED_ROWS = 2048;

/** Cost of a product besides its multiplications, expressed as a number of columns. */
const COLUMNS_PER_PRODUCT = 16;

interface Size {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Returns the number of sampled rows, or null if all rows are compared. A wide matrix is never sampled, because its
 * products are needed anyway.
 */
export function sampleSize({ rows, columns }: Size): number | null {
  if (rows <= SAMPLED_ROWS || (rows <= columns && rows <= MAX_RANK)) return null;
  return cosineWork(rows, columns) > MAX_COSINE_WORK ? SAMPLED_ROWS : null;
}

const cosineWork = (rows: number, columns: number) => (rows ** 2 / 2) * (columns + COLUMNS_PER_PRODUCT);

/** Returns the approximate number of multiplications for a prediction's statistics. */
export function statisticsWork(tensors: readonly Pick<TensorSource, 'blockShape'>[]): number {
  return tensors.reduce((sum, { blockShape }) => sum + tensorWork(blockShape), 0);
}

/** Cost of an eigenvalue in plain JavaScript, relative to the multiplications in products that take as long. */
const EIGENVALUE_FACTOR = 10;

/** Cost of reading an entry, adding it to the moments and sorting it into the histogram. */
const WORK_PER_ENTRY = 50;

function tensorWork(blockShape: readonly number[]): number {
  const entries = elements(blockShape);
  if (blockShape.length < 2) return WORK_PER_ENTRY * entries;
  const rows = blockShape[0];
  const columns = elements(blockShape.slice(1));
  const side = Math.min(rows, columns);
  const rank = side <= MAX_RANK ? side * entries + EIGENVALUE_FACTOR * side ** 3 : 0;
  const compared = sampleSize({ rows, columns }) ?? rows;
  const cosines = rows <= columns && compared === rows ? 0 : cosineWork(compared, columns);
  return WORK_PER_ENTRY * entries + rank + cosines;
}
