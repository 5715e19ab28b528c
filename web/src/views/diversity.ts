import type { TensorStatistics } from '../../../clients/typescript/src/index.js';
import { asMatrix } from '../numeric/tensor-window.js';

/** The most that the rank of a tensor, seen as [first extent, rest], can be. */
export function fullRank(shape: readonly number[]): number {
  const { rows, columns } = asMatrix(shape);
  return Math.min(rows, columns);
}

/** How much of its possible rank a tensor uses, 0 to 1; null for vectors. */
export function diversity({ shape, effective_rank: rank }: TensorStatistics): number | null {
  return rank === null ? null : rank / fullRank(shape);
}
