import type { NetworkStatistics, TensorStatistics } from './schema.js';

/** A network's tensors come one by one, each answered before the next is sent; other networks' may come in between. */
export type ToStatisticsProcess =
  /** The block follows as an array. */
  | {
      readonly type: 'tensor';
      readonly network: number;
      readonly name: string;
      readonly shape: readonly number[];
      readonly blockShape: readonly number[];
    }
  /** No further tensor will come. */
  | { readonly type: 'end'; readonly network: number };

export type FromStatisticsProcess =
  | { readonly type: 'tensor'; readonly network: number; readonly statistics: TensorStatistics }
  | { readonly type: 'network'; readonly network: number; readonly statistics: NetworkStatistics }
  | { readonly type: 'failed'; readonly network: number; readonly reason: string };
