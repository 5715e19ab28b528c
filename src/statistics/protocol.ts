import type { NetworkStatistics, TensorStatistics } from './schema.js';

/**
 * The tensors of a network are sent one by one, each after the answer to the one before. Those of other networks may
 * come in between.
 */
export type ToStatisticsProcess =
  /** A tensor. Its block follows as an array. */
  | {
      readonly type: 'tensor';
      readonly network: number;
      readonly name: string;
      readonly shape: readonly number[];
      readonly blockShape: readonly number[];
    }
  /** The network has no further tensors. */
  | { readonly type: 'end'; readonly network: number };

export type FromStatisticsProcess =
  | { readonly type: 'tensor'; readonly network: number; readonly statistics: TensorStatistics }
  | { readonly type: 'network'; readonly network: number; readonly statistics: NetworkStatistics }
  | { readonly type: 'failed'; readonly network: number; readonly reason: string };
