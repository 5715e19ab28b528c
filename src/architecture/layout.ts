import { arrange } from '../tensor/arrange.js';
import type { TiledTensor } from '../tensor/tensor.js';
import type { Architecture, TensorLayout } from './architecture.js';

type WithForm = Pick<Architecture, 'keras'>;

/** Gives an architecture's tensors the names and layouts that answers use: those of PyTorch or of Keras. */
export function layOut(tensors: readonly TiledTensor[], architecture: WithForm): readonly TiledTensor[] {
  const layouts = layoutsOf(architecture);
  return tensors.map((tensor) => {
    const layout = layouts.get(tensor.name);
    return layout ? { ...arrange(tensor, layout), name: layout.as } : tensor;
  });
}

/** The names that answers use for these tensors. */
export function namesOutside(names: readonly string[], architecture: WithForm): string[] {
  const layouts = layoutsOf(architecture);
  return names.map((name) => layouts.get(name)?.as ?? name);
}

function layoutsOf({ keras }: WithForm): ReadonlyMap<string, TensorLayout> {
  return new Map(keras?.layouts.map((layout) => [layout.name, layout]));
}
