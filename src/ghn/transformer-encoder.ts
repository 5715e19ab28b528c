import type { Engine, Linear, Matrix, Operations } from '../engine/engine.js';
import { distancePair, distancePairRows, distancePairs } from './attention-bias.js';
import type { Embedding } from './node-input.js';

export interface Norm<M extends Matrix> {
  readonly gain: M;
  readonly bias: M;
}

export interface TransformerLayer<M extends Matrix> {
  readonly attentionNorm: Norm<M>;
  readonly toQkv: Linear<M>;
  readonly toOut: Linear<M>;
  readonly feedForwardNorm: Norm<M>;
  readonly widen: Linear<M>;
  readonly narrow: Linear<M>;
}

/** GHN-3's encoder: a transformer whose attention depends on the distance between nodes (docs/ghn.md, section 3). */
export class TransformerEncoder<M extends Matrix> {
  readonly #engine: Engine<M>;
  readonly #layers: readonly TransformerLayer<M>[];
  readonly #heads: number;
  /** [pairs of distances, heads] */
  readonly #biasTable: M;
  /** The longest distance in the table. */
  readonly #maxHops: number;
  #recorded: ((x: M, rows: Int32Array) => Promise<M>) | null = null;

  constructor(
    engine: Engine<M>,
    layers: readonly TransformerLayer<M>[],
    heads: number,
    biasTable: M,
    maxHops: number,
  ) {
    this.#engine = engine;
    this.#layers = layers;
    this.#heads = heads;
    this.#biasTable = biasTable;
    this.#maxHops = maxHops;
  }

  /** Records the layers if the engine can record. Call it once, after all weights are uploaded. */
  async prepare(): Promise<void> {
    const { columns } = this.#layers[0]!.toQkv.weight;
    const record = this.#engine.record?.(
      (operations, x, rows) => this.#compute(operations, x, rows),
      columns,
    );
    this.#recorded = (await record) ?? null;
  }

  /** Computes the nodes' states before the final norm from the node input, [nodes, d]. */
  async encode(input: M, distances: Uint8Array, signal?: AbortSignal): Promise<M> {
    const rows = distancePairRows(distances, input.rows, this.#maxHops);
    if (this.#recorded) return this.#recorded(input, rows);
    return this.#compute(this.#engine, input, rows, signal);
  }

  async #compute(operations: Operations<M>, input: M, row: Int32Array, signal?: AbortSignal): Promise<M> {
    const bias = { table: this.#biasTable, row };
    let x = input;
    for (const layer of this.#layers) {
      signal?.throwIfAborted();
      const normed = await operations.layerNorm(x, layer.attentionNorm.gain, layer.attentionNorm.bias);
      const qkv = await operations.linear(normed, layer.toQkv);
      x = await operations.add(
        x,
        await operations.linear(await operations.attention(qkv, bias, this.#heads), layer.toOut),
      );
      const wide = await operations.linear(
        await operations.layerNorm(x, layer.feedForwardNorm.gain, layer.feedForwardNorm.bias),
        layer.widen,
        'gelu',
      );
      x = await operations.add(x, await operations.linear(wide, layer.narrow));
    }
    return x;
  }
}

/**
 * The attention bias of every pair of distances, [pairs, heads]. It does not depend on the graph, so it is computed
 * once, when the GHN is loaded.
 *
 * @param edgeEmbedding [distances + 2, d]
 */
export async function attentionBiasTable<M extends Matrix>(
  engine: Engine<M>,
  edgeEmbedding: Embedding,
  project: readonly [Linear<M>, Linear<M>],
  maxHops: number,
): Promise<M> {
  const { data, columns } = edgeEmbedding;
  const count = distancePairs(maxHops);
  const pairs = new Float32Array(count * 2 * columns);
  for (let row = 0; row < count; row++) {
    distancePair(row, maxHops).forEach((distance, half) => {
      const start = (distance + 2) * columns;
      pairs.set(data.subarray(start, start + columns), (2 * row + half) * columns);
    });
  }
  const table = await engine.scope(async () => {
    const hidden = await engine.linear(await engine.input(pairs, count, 2 * columns), project[0], 'relu');
    return (await engine.read(await engine.linear(hidden, project[1]))).slice();
  });
  return engine.upload(table, count, table.length / count);
}
