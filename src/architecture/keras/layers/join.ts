import { z } from 'zod';
import type { Output } from '../../layers/layer-type.js';
import type { Dimension, Size } from '../../layers/size.js';
import { agree, sizeText } from '../../layers/size.js';
import { kerasLayer, type Place } from '../layer.js';
import { broadcast } from '../size.js';

/** One sum node, however many inputs there are. Inception-ResNet's `CustomScaleLayer` computes x + scale · y. */
export const sums = kerasLayer(
  ['Add', 'Subtract', 'Average', 'CustomScaleLayer'],
  {},
  (_, place) => {
    const { inputs, network } = place;
    const size = joinedSize(place, broadcast);
    // The sum of a number and a tensor has only one input, so it needs no node.
    return {
      node: network.join(
        'sum',
        inputs.map(({ node }) => node),
      ),
      size,
    };
  },
  { severalInputs: true },
);

export const concatenate = kerasLayer(
  'Concatenate',
  { axis: z.int('must be an axis, 0 being the batch').default(-1) },
  ({ axis }, place) => {
    const { inputs, network } = place;
    const size = joinedSize(place, (known, other) => {
      const at = axis < 0 ? axis + known.length : axis - 1;
      const fits = at >= 0 && at < known.length && known.length === other.length;
      if (!fits || !known.every((n, k) => k === at || agree(n, other[k]))) return null;
      return known.map((n, k) => (k === at ? sum(n, other[k]!) : (n ?? other[k]!)));
    });
    return {
      node: network.join(
        'concat',
        inputs.map(({ node }) => node),
      ),
      size,
    };
  },
  { severalInputs: true },
);

/**
 * If one of two factors has a value for each channel and comes from a pool of the other, this is the product of a
 * squeeze-and-excitation block: a cse, and the pool is not a node (docs/ghn.md, section 1). Any other product is not a
 * node.
 */
export const multiply = kerasLayer('Multiply', {}, (_, place) => multiplied(place), { severalInputs: true });

export function multiplied(place: Place): Output {
  const { inputs, network } = place;
  const size = joinedSize(place, broadcast);
  const [a, b] = inputs;
  const isPair = inputs.length === 2 && a && b && a.node !== b.node;
  for (const [x, gate] of isPair
    ? ([
        [a, b],
        [b, a],
      ] as const)
    : []) {
    const isGate = gate.size === null || gate.size.filter((n) => n !== 1).length <= 1;
    if (isGate && network.bypassPoolsBetween(x.node, gate.node)) {
      return { node: network.addOperation('cse', [x.node, gate.node]), size };
    }
  }
  return { node: network.junction(inputs.map(({ node }) => node)) ?? tooMany(place), size };
}

/** The elementwise maximum or minimum. It is not a node. */
export const extremes = kerasLayer(
  ['Maximum', 'Minimum'],
  {},
  (_, place) => ({
    node: place.network.junction(place.inputs.map(({ node }) => node)) ?? tooMany(place),
    size: joinedSize(place, broadcast),
  }),
  { severalInputs: true },
);

/** Adds a fault: there are more inputs than a junction can join. */
export function tooMany({ label, inputs, fault }: Place): number {
  fault(
    null,
    `${label} joins the outputs of too many layers, ${givers(inputs)}: add or concatenate some of them first`,
  );
  return 0;
}

/** Limits a message's length: a call can repeat a layer a hundred thousand times, and a hundred faults can name it. */
const NAMED_INPUTS = 5;

function givers(inputs: Place['inputs']): string {
  const named = inputs.slice(0, NAMED_INPUTS).map(({ giver }) => giver);
  const more = inputs.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(' and ');
}

/**
 * The size of all inputs together. `join` combines two sizes, and returns null if they do not fit, which is a fault.
 */
export function joinedSize(
  { label, inputs, fault }: Place,
  join: (known: Size, size: Size) => Size | null,
): Size | null {
  const [first, ...others] = inputs;
  let size = first?.size ?? null;
  for (const other of others) {
    if (size === null || other.size === null) return null;
    const next = join(size, other.size);
    if (next === null) {
      const gives = [first!, other].map((value) => `${value.giver} gives ${sizeText(value.size!)}`);
      fault(null, `${label} cannot join sizes that do not fit each other: ${gives.join(', ')}`);
      return null;
    }
    size = next;
  }
  return size;
}

function sum(a: Dimension, b: Dimension): Dimension {
  return a === null || b === null ? null : a + b;
}
