import { elements } from '../tensor/tensor.js';
import type { Architecture, TensorSpec } from './architecture.js';

/** A tensor that a GHN predicts. A node owns it. */
export interface PredictedTensor extends TensorSpec {
  readonly role: 'weight' | 'bias';
  /** Its node's index. */
  readonly node: number;
  /** True if the tensor belongs to the network's head. */
  readonly classifier: boolean;
}

/** A cache, since every request needs the list several times. */
const known = new WeakMap<Architecture, readonly PredictedTensor[]>();

/**
 * The tensors of the nodes, in the order of the state dict. Without a state dict, they are in the order of the nodes,
 * weight before bias.
 */
export function predictedTensors(architecture: Architecture): readonly PredictedTensor[] {
  const before = known.get(architecture);
  if (before) return before;
  const tensors = findPredicted(architecture);
  known.set(architecture, tensors);
  return tensors;
}

function findPredicted({ nodes, stateDict }: Architecture): PredictedTensor[] {
  const tensors = nodes.flatMap((node, index) =>
    (['weight', 'bias'] as const).flatMap((role): PredictedTensor[] => {
      const tensor = node[role];
      if (!tensor) return [];
      // Names each property, because `...tensor` takes ten times as long.
      const { name, shape } = tensor;
      return [{ name, shape, role, node: index, classifier: node.classifier }];
    }),
  );
  if (!stateDict) return tensors;
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return stateDict.flatMap(({ name }) => byName.get(name) ?? []);
}

/** The network's parameters, predicted or not, without buffers. They come from the state dict if there is one. */
export function parameters(architecture: Architecture): readonly TensorSpec[] {
  return architecture.stateDict?.filter(({ kind }) => kind === 'parameter') ?? predictedTensors(architecture);
}

/** The number of values that the network learns. */
export function parameterCount(architecture: Architecture): number {
  return parameters(architecture).reduce((sum, { shape }) => sum + elements(shape), 0);
}

/** The names of the parameters that no node owns, and so no GHN predicts. */
export function notPredicted(architecture: Architecture): string[] {
  const predicted = new Set(predictedTensors(architecture).map(({ name }) => name));
  return parameters(architecture).flatMap(({ name }) => (predicted.has(name) ? [] : [name]));
}
