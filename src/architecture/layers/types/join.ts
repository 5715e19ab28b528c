import { z } from 'zod';
import type { Output, Place, Value } from '../layer-type.js';
import { layerSchema, layerType } from '../layer-type.js';
import type { Dimension, Size } from '../size.js';
import { agree, sizeText } from '../size.js';

/** One sum node, however many inputs there are. */
export const add = layerType(
  layerSchema('Add', {}),
  (_, place) => {
    const size = joined(place, (known, value) => {
      const fits =
        known.length === value.length &&
        known.every((n, k) => agree(n, value[k]) || n === 1 || value[k] === 1);
      return fits ? known.map((n, k) => broadcast(n, value[k]!)) : null;
    });
    return output('sum', size, place);
  },
  { severalInputs: true },
);

const concatSchema = layerSchema('Concat', {
  dim: z.int().default(1).meta({
    description: 'The dimension to concatenate along. 0 is the batch; 1 is the channels of an image',
  }),
});

export const concat = layerType(
  concatSchema,
  ({ dim }, place) => {
    const size = joined(place, (known, value) => {
      const at = dim < 0 ? dim + known.length : dim - 1;
      const fits = at >= 0 && at < known.length && known.length === value.length;
      if (!fits || !known.every((n, k) => k === at || agree(n, value[k]))) return null;
      return known.map((n, k) => (k === at ? sum(n, value[k]!) : (n ?? value[k]!)));
    });
    return output('concat', size, place);
  },
  { severalInputs: true },
);

/**
 * The size of all inputs together. `join` combines two sizes, and returns null if they do not fit, which is a fault.
 */
function joined(
  { label, inputs, fault }: Place,
  join: (known: Size, size: Size) => Size | null,
): Size | null {
  if (inputs.length < 2) {
    fault('inputs', `${label} joins two layers or more: name them in inputs`);
    return null;
  }
  if (inputs.some((value) => value.size === null)) return null;
  const [first, ...others] = inputs as readonly (Value & { size: Size })[];
  let size = first!.size;
  for (const other of others) {
    const next = join(size, other.size);
    if (next === null) {
      const [a, b] = [
        `${first!.giver} gives ${sizeText(first!.size)}`,
        `${other.giver} ${sizeText(other.size)}`,
      ];
      fault('inputs', `${label} cannot join sizes that do not fit each other: ${a}, ${b}`);
      return null;
    }
    size = next;
  }
  return size;
}

function output(op: 'sum' | 'concat', size: Size | null, { inputs, network }: Place): Output {
  const nodes = inputs.map((value) => value.node);
  return { node: network.join(op, nodes), size };
}

function broadcast(a: Dimension, b: Dimension): Dimension {
  if (a === 1) return b;
  return b === 1 ? a : (a ?? b);
}

function sum(a: Dimension, b: Dimension): Dimension {
  return a === null || b === null ? null : a + b;
}
