import { type TiledTensor, tensorSource } from '../tensor/tensor.js';
import { CosineMean } from './cosine.js';
import { MAX_RANK, sampleSize } from './cost.js';
import { effectiveRank } from './effective-rank.js';
import { type GramProducts, gramMatrix, visitGramBlocks } from './gram.js';
import { HistogramCounter } from './histogram.js';
import { countedMatrix, transposed } from './matrix.js';
import { Moments } from './moments.js';
import { visitEntries } from './network.js';
import { sampleRows } from './sample.js';
import type { TensorStatistics } from './schema.js';

type Diversity = Pick<TensorStatistics, 'effective_rank' | 'mean_abs_cosine' | 'cosine_rows'>;

/**
 * Computes a tensor's statistics from its block and the multiplicity of its entries. A large tensor that is not tiled
 * takes seconds of the thread.
 *
 * @param network the moments to which those of the tensor are added
 */
export async function tensorStatistics(
  tensor: TiledTensor,
  products: GramProducts,
  network = new Moments(),
): Promise<TensorStatistics> {
  const source = tensorSource(tensor);
  const moments = new Moments();
  await visitEntries(source, (values, multiplicity) => moments.add(values, multiplicity));
  network.merge(moments);

  const histogram = moments.range && new HistogramCounter(moments.range);
  if (histogram) {
    await visitEntries(source, (values, multiplicity) => histogram.add(values, multiplicity));
  }
  const isMatrix = tensor.shape.length >= 2;
  return {
    name: tensor.name,
    shape: [...tensor.shape],
    ...moments.statistics(),
    histogram: histogram?.histogram() ?? null,
    ...(isMatrix && moments.finite
      ? await diversity(tensor, products)
      : { effective_rank: null, mean_abs_cosine: null, cosine_rows: null }),
  };
}

/** Computes the measures of how different a weight's rows are, from their inner products. */
async function diversity(tensor: TiledTensor, products: GramProducts): Promise<Diversity> {
  const matrix = countedMatrix(tensor);
  const sampledRows = sampleSize(matrix);
  const sample = sampledRows === null ? matrix : sampleRows(matrix, sampledRows);
  const cosines = new CosineMean(matrix, sample);
  const isWide = matrix.rows <= matrix.columns;
  const hasRank = Math.min(matrix.rows, matrix.columns) <= MAX_RANK;
  const gram = hasRank ? await gramMatrix(isWide ? matrix : transposed(matrix), products) : null;
  if (gram && isWide && sample === matrix) {
    const all = { start: 0, end: matrix.rows };
    cosines.add(all, all, { data: gram, rows: matrix.rows, columns: matrix.rows });
  } else {
    await visitGramBlocks(sample, products, (rows, others, block) => cosines.add(rows, others, block));
  }
  return {
    mean_abs_cosine: cosines.mean(),
    cosine_rows: sampledRows,
    // Computed last, because it overwrites the inner products.
    effective_rank: gram && effectiveRank(gram, Math.min(matrix.rows, matrix.columns)),
  };
}
