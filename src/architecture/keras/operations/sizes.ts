import { asArray, isObject } from '../../json.js';
import type { Dimension, Size } from '../../layers/size.js';
import { agree, product } from '../../layers/size.js';
import type { Constant } from '../layer.js';
import { broadcast } from '../size.js';

/** Computes the output size of an operation that moves, adds or removes dimensions; null if it is unknown. */
export type Resize = (size: Size, args: Arguments) => Size | null;

/** An operation's arguments that are not tensors, from its call (by position or by name) and from its config. */
export class Arguments {
  readonly #positional: readonly unknown[];
  readonly #named: ReadonlyMap<string, unknown>;

  constructor(constants: readonly Constant[], config: unknown) {
    this.#positional = constants.filter(({ name }) => name === null).map(({ value }) => value);
    const called = constants.flatMap(({ name, value }): [string, unknown][] =>
      name === null ? [] : [[name, value]],
    );
    this.#named = new Map([...Object.entries(isObject(config) ? config : {}), ...called]);
  }

  /** The first argument that has one of these names, or else the first argument by position. */
  get(...names: readonly string[]): unknown {
    for (const name of names) if (this.#named.has(name)) return this.#named.get(name);
    return this.#positional[0];
  }

  /** The argument with this name. */
  named(name: string): unknown {
    return this.#named.get(name);
  }

  /** One or more integers; null if the argument is anything else. */
  integers(...names: readonly string[]): readonly number[] | null {
    const value = this.get(...names);
    const numbers = Array.isArray(value) ? (value as unknown[]) : [value];
    return numbers.every((item) => Number.isSafeInteger(item)) ? (numbers as number[]) : null;
  }
}

/** The position of an axis in a size, which has no batch: -1 for the batch, null if there is no such axis. */
function position(axis: number, rank: number): number | null {
  const at = (axis < 0 ? axis + rank + 1 : axis) - 1;
  return at >= -1 && at < rank ? at : null;
}

export const reshaped: Resize = (size, args) => {
  const shape = args.integers('newshape', 'shape')?.slice(1);
  if (!shape || shape.filter((n) => n < 0).length > 1) return null;
  const total = product(size);
  const known = shape.reduce((count, n) => (n < 0 ? count : count * n), 1);
  if (total !== null && (known === 0 || total % known !== 0)) return null;
  return shape.map((n) => (n < 0 ? (total === null ? null : total / known) : n));
};

export const transposed: Resize = (size, args) => {
  const axes = args.integers('axes', 'perm');
  if (axes?.length !== size.length + 1 || position(axes[0]!, size.length) !== -1) return null;
  const moved = axes.slice(1).map((axis) => size[position(axis, size.length) ?? -1]);
  return moved.every((n) => n !== undefined) ? moved : null;
};

export const expanded: Resize = (size, args) => {
  const [axis = null, ...others] = args.integers('axis') ?? [];
  const at = axis === null ? null : position(axis, size.length + 1);
  return others.length > 0 || at === null || at < 0 ? null : size.toSpliced(at, 0, 1);
};

export const squeezed: Resize = (size, args) => {
  const axes = args.integers('axis')?.map((axis) => position(axis, size.length));
  return axes ? size.filter((_, at) => !axes.includes(at)) : size.filter((n) => n !== 1);
};

/** Size after a sum, a mean or a maximum over some axes. */
export const reduced: Resize = (size, args) => {
  const axes = args.integers('axis')?.map((axis) => position(axis, size.length));
  if (!axes || axes.includes(null) || axes.includes(-1)) return null;
  const keeps = args.get('keepdims') === true;
  return keeps
    ? size.map((n, at) => (axes.includes(at) ? 1 : n))
    : size.filter((_, at) => !axes.includes(at));
};

/** Size of an image resized to given sides. */
export const sized: Resize = (size, args) => {
  const [height, width] = args.integers('size') ?? [];
  if (size.length !== 3 || !height || !width) return null;
  return args.get('data_format') === 'channels_first' ? [size[0]!, height, width] : [height, width, size[2]!];
};

export const padded: Resize = (size, args) => {
  const pairs = asArray(args.get('pad_width', 'paddings')).slice(1);
  if (pairs.length !== size.length) return null;
  const sides = pairs.map((pair) => asArray(pair).reduce<number>((sum, n) => sum + Number(n), 0));
  return sides.every(Number.isSafeInteger) ? size.map((n, at) => n && n + sides[at]!) : null;
};

/** Size of a tensor that is repeated along each axis. */
export const tiled: Resize = (size, args) => {
  const [batch, ...times] = args.integers('multiples') ?? [];
  return batch === 1 && times.length === size.length && times.every((n) => n > 0)
    ? size.map((n, at) => n && n * times[at]!)
    : null;
};

/** Size of a tensor whose entries are repeated along one axis. */
export const repeated: Resize = (size, args) => {
  const [axis = null] = args.integers('axis') ?? [];
  const [times = null, ...others] = args.integers('repeats') ?? [];
  const at = axis === null ? null : position(axis, size.length);
  if (at === null || at < 0 || times === null || times < 1 || others.length > 0) return null;
  return size.with(at, size[at]! && size[at]! * times);
};

export const oneHot: Resize = (size, args) => {
  const [depth = null] = args.integers('depth') ?? [];
  const axis = args.named('axis') ?? -1;
  return depth !== null && depth > 0 && axis === -1 ? [...size, depth] : null;
};

/** Size of a part of a tensor, given where it begins and its size. A size of -1 means the rest. */
export const cut: Resize = (size, args) => {
  const [first, ...begin] = args.integers('begin') ?? [];
  const [batch, ...lengths] = args.integers('size') ?? [];
  if (first !== 0 || batch !== -1 || begin.length !== size.length || lengths.length !== size.length)
    return null;
  return size.map((n, at) => (lengths[at] === -1 ? n && n - begin[at]! : lengths[at]!));
};

/** Size of an image cropped or padded to a given rectangle. */
export const cropped: Resize = (size, args) => {
  const [height] = args.integers('target_height') ?? [];
  const [width] = args.integers('target_width') ?? [];
  return size.length === 3 && height && width ? [height, width, size[2]!] : null;
};

export const depthToSpace: Resize = (size, args) => {
  const [block = 0] = args.integers('block_size') ?? [];
  const [height, width, channels] = size as [Dimension, Dimension, Dimension];
  if (!isInBlocks(size, block, args) || (channels !== null && channels % block ** 2 !== 0)) return null;
  return [height && height * block, width && width * block, channels && channels / block ** 2];
};

export const spaceToDepth: Resize = (size, args) => {
  const [block = 0] = args.integers('block_size') ?? [];
  const [height, width, channels] = size as [Dimension, Dimension, Dimension];
  if (!isInBlocks(size, block, args) || [height, width].some((n) => n !== null && n % block !== 0))
    return null;
  return [height && height / block, width && width / block, channels && channels * block ** 2];
};

function isInBlocks(size: Size, block: number, args: Arguments): boolean {
  return size.length === 3 && block > 0 && (args.named('data_format') ?? 'NHWC') === 'NHWC';
}

/** More parts than real models split a tensor into. */
const MAX_PARTS = 1000;

/** Sizes of a tensor's parts along an axis: equal parts, parts of given lengths, or single entries. */
export const parts = (size: Size, args: Arguments): Size[] | null => {
  const sections = args.named('num_or_size_splits');
  const axis = args.named('axis') ?? 0;
  const at = Number.isSafeInteger(axis) ? position(axis as number, size.length) : null;
  const length = at === null || at < 0 ? null : size[at]!;
  if (at === null || at < 0 || length === null) return null;
  if (sections === undefined) {
    return length > MAX_PARTS ? null : Array<Size>(length).fill(size.toSpliced(at, 1));
  }
  if (Array.isArray(sections)) {
    return sections.length <= MAX_PARTS && sections.every((n) => Number.isSafeInteger(n) && n > 0)
      ? sections.map((n: number) => size.with(at, n))
      : null;
  }
  const count = Number(sections);
  const isEqual = Number.isSafeInteger(count) && count > 0 && count <= MAX_PARTS && length % count === 0;
  return isEqual ? Array<Size>(count).fill(size.with(at, length / count)) : null;
};

/** Size of a product of matrices, which are the last two axes of both tensors. */
export const matrixProduct = (a: Size, b: Size, args: Arguments): Size | null => {
  const is = (name: string) => args.named(name) === true;
  if (a.length < 2 || a.length !== b.length || is('adjoint_a') || is('adjoint_b')) return null;
  const [rows, between] = is('transpose_a') ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [other, columns] = is('transpose_b') ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  const around = broadcast(a.slice(0, -2), b.slice(0, -2));
  return around && agree(between, other) ? [...around, rows, columns] : null;
};

/** Size of a slice such as `x[:, 1:, ::2, 0, ..., None]`. */
export const sliced: Resize = (size, args) => {
  const spec = args.get('slice_spec', 'key');
  const items = Array.isArray(spec) ? (spec as unknown[]) : [spec];
  const taken = items.filter((item) => item !== null && !isEllipsis(item)).length;
  const whole = Array<unknown>(Math.max(0, size.length + 1 - taken)).fill({});
  const ellipsis = items.findIndex(isEllipsis);
  const all = ellipsis < 0 ? [...items, ...whole] : items.toSpliced(ellipsis, 1, ...whole);
  if (!isObject(all[0]) || taken > size.length + 1) return null;
  let at = 0;
  const left = all.slice(1).map((item): readonly Dimension[] | null => {
    if (item === null) return [1];
    const length = size[at++];
    if (length === undefined) return null;
    return isObject(item) ? partOf(length, item) : Number.isSafeInteger(item) ? [] : null;
  });
  return left.includes(null) ? null : left.flatMap((part) => part!);
};

function isEllipsis(item: unknown): boolean {
  return isObject(item) && item.class_name === '__ellipsis__';
}

/** The length of the part that a slice selects from a dimension. */
function partOf(length: Dimension, item: Record<string, unknown>): Dimension[] | null {
  const { start, stop, step } = isObject(item.config) ? item.config : item;
  const [from = null, to = null, by = null] = [start, stop, step].map((n) =>
    Number.isSafeInteger(n) ? (n as number) : null,
  );
  if (length === null) return [null];
  const stride = by ?? 1;
  if (stride === 0) return null;
  const bound = (n: number) => Math.min(Math.max(n < 0 ? n + length : n, 0), length);
  const span =
    stride > 0
      ? bound(to ?? length) - bound(from ?? 0)
      : bound((from ?? length - 1) + 1) - (to === null ? 0 : bound(to + 1));
  return [Math.max(0, Math.ceil(span / Math.abs(stride)))];
}

/** A size broadcast with the constants of the operation; null if they do not fit. */
export function withConstants(size: Size | null, constants: readonly Constant[]): Size | null {
  let result = size;
  for (const { value } of constants) {
    const shape = shapeOf(value);
    if (result === null || shape === null) continue;
    // A constant may also have the batch's dimension, with one entry.
    result = broadcast(result, shape.length > result.length ? shape.slice(1) : shape);
  }
  return result;
}

/**
 * The shape of an array: lists of numbers, or a tensor in Keras 3's form. null for anything else, such as a single
 * number.
 */
function shapeOf(value: unknown): number[] | null {
  const array = isObject(value) && isObject(value.config) ? value.config.value : value;
  const shape: number[] = [];
  for (let item = array; Array.isArray(item); item = (item as unknown[])[0]) shape.push(item.length);
  return shape.length > 0 ? shape : null;
}
