import type { Architecture, TensorSpec } from '../architecture/architecture.js';
import type { PostprocessOptions } from './options.js';

/**
 * Returns the names of the weights that post-processing transforms, in their order (docs/ghn.md, section 7). Candidates
 * are tensors named ….weight with two or more dimensions, other than position embeddings and the classifier (the last
 * one, if the network has no classifier). They are counted from 1, predicted or not. Those from number `fromLayer` on
 * with more than `minChannels` outputs or inputs are transformed.
 */
export function touched(
  { nodes, stateDict }: Architecture,
  { fromLayer, minChannels }: Pick<PostprocessOptions, 'fromLayer' | 'minChannels'>,
): string[] {
  const positions = new Set(nodes.filter(({ op }) => op === 'pos_enc').map(({ weight }) => weight?.name));
  const classifier = nodes.find((node) => node.classifier && node.weight)?.weight?.name;
  const tensors: readonly TensorSpec[] =
    stateDict?.filter(({ kind }) => kind === 'parameter') ?? nodes.flatMap(({ weight }) => weight ?? []);
  const weights = tensors.filter(
    ({ name, shape }) => name.endsWith('.weight') && shape.length >= 2 && !positions.has(name),
  );
  const body =
    classifier === undefined ? weights.slice(0, -1) : weights.filter(({ name }) => name !== classifier);
  return body
    .filter(({ shape }, index) => index + 1 >= fromLayer && Math.max(shape[0], shape[1]) > minChannels)
    .map(({ name }) => name);
}
