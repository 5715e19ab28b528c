import type { Engine, Linear, Matrix, Operations } from '../engine/engine.js';
import { DISTANCE_PAIRS, distancePair, distancePairRows } from './attention-bias.js';
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

/** GHN-3's encoder: a transformer whose attention knows how far two nodes are apart (spec, section 3). */
export class TransformerEncoder<M extends Matrix> {
  readonly #engine: Engine<M>;
  readonly #layers: readonly TransformerLayer<M>[];
  readonly #heads: number;
  /** [pairs of distances, heads] */
  readonly #biasTable: M;
  #recorded: ((x: M, rows: Int32Array) => Promise<M>) | null = null;

  constructor(engine: Engine<M>, layers: readonly TransformerLayer<M>[], heads: number, biasTable: M) {
    this.#engine = engine;
    this.#layers = layers;
    this.#heads = heads;
    this.#biasTable = biasTable;
  }

  /** Records the layers, where the engine can: called once, when all weights are uploaded. */
  async prepare(): Promise<void> {
    const { columns } = this.#layers[0]!.toQkv.weight;
    const record = this.#engine.record?.(
      (operations, x, rows) => this.#compute(operations, x, rows),
      columns,
    );
    this.#recorded = (await record) ?? null;
  }

  /** From the node input, [nodes, d], to the nodes' states before the final norm. */
  async encode(input: M, distances: Uint8Array, signal?: AbortSignal): Promise<M> {
    const rows = distancePairRows(distances, input.rows);
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
 * once, when a GHN is loaded.
 *
 * @param edgeEmbedding [distances + 2, d]
 */
export async function attentionBiasTable<M extends Matrix>(
  engine: Engine<M>,
  edgeEmbedding: Embedding,
  project: readonly [Linear<M>, Linear<M>],
): Promise<M> {
  const { data, columns } = edgeEmbedding;
  const pairs = new Float32Array(DISTANCE_PAIRS * 2 * columns);
  for (let row = 0; row < DISTANCE_PAIRS; row++) {
    distancePair(row).forEach((distance, half) => {
      const start = (distance + 2) * columns;
      pairs.set(data.subarray(start, start + columns), (2 * row + half) * columns);
    });
  }
  const table = await engine.scope(async () => {
    const hidden = await engine.linear(
      await engine.input(pairs, DISTANCE_PAIRS, 2 * columns),
      project[0],
      'relu',
    );
    return (await engine.read(await engine.linear(hidden, project[1]))).slice();
  });
  return engine.upload(table, DISTANCE_PAIRS, table.length / DISTANCE_PAIRS);
}
