import type { PredictedTensor } from '../../architecture/tensors.js';
import type { Engine, Linear, Matrix } from '../../engine/engine.js';
import type { Block } from './block.js';

export interface VectorWeights<M extends Matrix> {
  /** d → 2d → 2·width: a row of gains and a row of biases. */
  readonly vector: readonly [Linear<M>, Linear<M>];
  /** width → K */
  readonly classifierBias: Linear<M>;
}

/** Decodes gains and biases: rows 0 and 1 of each node's decoder output, [2, width] (docs/ghn.md, section 5). */
export async function decodeVectors<M extends Matrix>(
  engine: Engine<M>,
  weights: VectorWeights<M>,
  states: Float32Array,
  hidden: number,
  tensors: readonly PredictedTensor[],
): Promise<Map<PredictedTensor, Block>> {
  const blocks = new Map<PredictedTensor, Block>();
  if (tensors.length === 0) return blocks;
  const nodes = [...new Set(tensors.map(({ node }) => node))];
  const x = new Float32Array(nodes.length * hidden);
  nodes.forEach((node, row) => {
    x.set(states.subarray(node * hidden, (node + 1) * hidden), row * hidden);
  });
  const inner = await engine.linear(await engine.input(x, nodes.length, hidden), weights.vector[0], 'relu');
  const rows = await engine.read(await engine.linear(inner, weights.vector[1]));
  const width = rows.length / nodes.length / 2;
  const rowOf = new Map(nodes.map((node, row) => [node, row]));

  for (const tensor of tensors) {
    const start = (2 * rowOf.get(tensor.node)! + (tensor.role === 'weight' ? 0 : 1)) * width;
    let values = rows.slice(start, start + width);
    if (tensor.classifier) {
      const relu = await engine.input(
        values.map((value) => Math.max(0, value)),
        1,
        width,
      );
      values = (await engine.read(await engine.linear(relu, weights.classifierBias))).slice();
    }
    values = values.slice(0, Math.min(values.length, tensor.shape[0]));
    blocks.set(tensor, { values, shape: [values.length] });
  }
  return blocks;
}
