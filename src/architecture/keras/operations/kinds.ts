import type { Op } from '../../architecture.js';
import type { Size } from '../../layers/size.js';
import type { KerasLayer, LayerOutput, Place } from '../layer.js';
import { joinedSize, multiplied, tooMany } from '../layers/join.js';
import { broadcast } from '../size.js';
import { Arguments, type Resize, reduced, withConstants } from './sizes.js';

/** Makes the type of an operation without weights, from a function that places it. */
function operation(place: (place: Place, args: Arguments) => LayerOutput): KerasLayer {
  return {
    classes: [],
    severalInputs: true,
    takes: null,
    refuses: () => null,
    read: (config) => (where) => place(where, new Arguments(where.constants, config)),
  };
}

/**
 * An elementwise operation on one or more tensors. It is not a node: layers after it are connected to all its inputs.
 */
export const elementwise = operation((place) => ({
  node: junction(place),
  size: withConstants(joinedSize(place, broadcast), place.constants),
}));

/** A sum of tensors. The sum of a tensor and a number or a constant array is not a node. */
export const sum = operation((place) => ({
  node: joined('sum', place),
  size: withConstants(joinedSize(place, broadcast), place.constants),
}));

/** A product, which is a cse if it belongs to a squeeze-and-excitation block. */
export const product = operation((place) => {
  const { node, size } = multiplied(place);
  return { node, size: withConstants(size, place.constants) };
});

/** Changes a tensor's dimensions, and is not a node. */
export function reshaping(resize: Resize): KerasLayer {
  return operation((place, args) => ({
    node: junction(place),
    size: place.input.size && resize(place.input.size, args),
  }));
}

/** Joins tensors along an existing axis or a new one. */
export function joining(size: (sizes: readonly Size[], args: Arguments) => Size | null): KerasLayer {
  return operation((place, args) => {
    const sizes = place.inputs.map((input) => input.size);
    const known = sizes.every((item): item is Size => item !== null) ? sizes : null;
    return { node: joined('concat', place), size: known && size(known, args) };
  });
}

/** A mean over space or over tokens is a glob_avg, unless its input is one. Any other mean is not a node. */
export const mean = operation((place, args) => {
  const { input, network } = place;
  const size = input.size && reduced(input.size, args);
  const rank = input.size?.length ?? 0;
  const axes = new Set(args.integers('axis')?.map((axis) => (axis < 0 ? axis + rank + 1 : axis)));
  const isImage = rank === 3 && axes.size === 2 && axes.has(2) && (axes.has(1) || axes.has(3));
  const isTokens = rank === 2 && axes.size === 1 && axes.has(1);
  const isPool = (isImage || isTokens) && network.op(input.node) !== 'glob_avg';
  return { node: isPool ? network.addOperation('glob_avg', [input.node]) : input.node, size };
});

/** A softmax, which is an msa if its input is an attention's scores. */
export const softmax = operation(({ input, network }) => ({
  node: network.softmax(input.node),
  size: input.size,
}));

/** A matrix product of two tensors, such as an attention's scores, or its softmax times its values. */
export function matrixProduct(product: (a: Size, b: Size, args: Arguments) => Size | null): KerasLayer {
  return operation((place, args) => {
    const [a, b, ...others] = place.inputs;
    if (!a || !b || others.length > 0) return { node: junction(place), size: null };
    const size = a.size && b.size && product(a.size, b.size, args);
    return { node: place.network.multiply(a.node, b.node) ?? tooMany(place), size };
  });
}

/** Splits a tensor into parts, each a separate output. It is not a node. */
export function parting(parts: (size: Size, args: Arguments) => readonly Size[] | null): KerasLayer {
  return operation((place, args) => {
    const node = junction(place);
    const [first, ...others] = (place.input.size && parts(place.input.size, args)) ?? [];
    return { node, size: first ?? null, others: others.map((size) => ({ node, size })) };
  });
}

/** Attention in a single operation. */
export const attention = operation((place) => ({
  node: place.network.addOperation('msa', [...new Set(place.inputs.map(({ node }) => node))]),
  size: place.input.size,
}));

/** A pool. The argument `windowName` gives its window, [height, width]. */
export function windowPool(op: Extract<Op, 'max_pool' | 'avg_pool'>, windowName: string): KerasLayer {
  return operation((place, args) => {
    const { input, network, fault, label } = place;
    const window = args.integers(windowName) ?? [];
    // A window in TensorFlow can also include the batch and the channels.
    const sides = window.length === 4 ? window.slice(1, 3) : window;
    const [height, width = height] = sides;
    if (height === undefined || width === undefined || height < 1 || width < 1 || sides.length > 2) {
      fault(windowName, `the window of ${label} must be one positive integer, or two, [height, width]`);
      return { node: input.node, size: null };
    }
    const node = network.addOperation(op, [input.node], [height, width]);
    return { node, size: input.size && pooledSize(input.size, [height, width], args) };
  });
}

export const globalAverage = operation(({ input, network }) => ({
  node: network.addOperation('glob_avg', [input.node]),
  size: null,
}));

function pooledSize(size: Size, window: readonly [number, number], args: Arguments): Size | null {
  const strides = args.integers('strides');
  const steps = strides?.length === 4 ? strides.slice(1, 3) : (strides ?? window);
  const isFirst = args.get('data_format') === 'channels_first' || args.get('data_format') === 'NCHW';
  if (size.length !== 3) return null;
  const same = String(args.get('padding')).toLowerCase() === 'same';
  const sides = size.slice(isFirst ? 1 : 0, isFirst ? 3 : 2).map((length, axis) => {
    const step = steps[axis] ?? steps[0] ?? 1;
    if (length === null || step < 1) return null;
    return Math.ceil(Math.max(same ? length : length - window[axis]! + 1, 0) / step);
  });
  return isFirst ? [size[0]!, ...sides] : [...sides, size[2]!];
}

function joined(op: 'sum' | 'concat', { inputs, network }: Place): number {
  return network.join(
    op,
    inputs.map(({ node }) => node),
  );
}

function junction(place: Place): number {
  return place.network.junction(place.inputs.map(({ node }) => node)) ?? tooMany(place);
}
