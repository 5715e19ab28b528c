import type { TensorStatistics } from '../../../clients/typescript/src/index.js';
import { asMatrix } from '../numeric/tensor-window.js';

/** Returns the largest possible rank of a tensor, viewed as [first extent, rest]. */
export function fullRank(shape: readonly number[]): number {
  const { rows, columns } = asMatrix(shape);
  return Math.min(rows, columns);
}

/** Returns the part of its possible rank that a tensor uses, from 0 to 1; null for vectors. */
export function diversity({ shape, effective_rank: rank }: TensorStatistics): number | null {
  return rank === null ? null : rank / fullRank(shape);
}
