import { elements, type TensorSource } from '../tensor/tensor.js';

/** The smaller side of the largest matrix whose rank is computed: its inner products take 512 MB, its eigenvalues minutes. */
export const MAX_RANK = 8192;

/** Multiplications that the inner products of a tall matrix' rows may take: seconds. Beyond that some rows stand for all. */
const MAX_COSINE_WORK = 2 ** 34;

/** Number of sampled rows: their mean |cosine| is within about 0.001 of all rows'. */
const SAMPLED_ROWS = 2048;

/** What a product costs beside its multiplications, in columns. */
const COLUMNS_PER_PRODUCT = 16;

interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** How many rows stand for all, or null where all are compared: of a wide matrix the products are needed anyway. */
export function sampleSize({ rows, columns }: Size): number | null {
  if (rows <= SAMPLED_ROWS || (rows <= columns && rows <= MAX_RANK)) return null;
  return cosineWork(rows, columns) > MAX_COSINE_WORK ? SAMPLED_ROWS : null;
}

const cosineWork = (rows: number, columns: number) => (rows ** 2 / 2) * (columns + COLUMNS_PER_PRODUCT);

/** About how many multiplications a prediction's statistics take. */
export function statisticsWork(tensors: readonly Pick<TensorSource, 'blockShape'>[]): number {
  return tensors.reduce((sum, { blockShape }) => sum + tensorWork(blockShape), 0);
}

/** For an eigenvalue in plain JavaScript, as many of the products' multiplications as take as long. */
const EIGENVALUE_FACTOR = 10;

/** Reading, counting up and sorting into a histogram. */
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
