import type { Node } from '../architecture/architecture.js';

/** The last entry of the table. Larger sizes share its row. */
const LAST_CHANNELS = 8192;

function range(start: number, end: number, step: number): number[] {
  const values: number[] = [];
  for (let value = start; value < end; value += step) values.push(value);
  return values;
}

function sortedSet(...values: number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** The numbers of channels that have their own embedding, ascending (docs/ghn.md, section 2). */
export function channelTable(numClasses: number, vocabularies: readonly number[] = []): number[] {
  return sortedSet(
    1,
    3,
    numClasses,
    ...vocabularies,
    ...range(8, 64, 8),
    ...range(64, 4096, 16),
    ...range(4096, LAST_CHANNELS + 1, 32),
  );
}

/** The kernel sizes that have their own embedding, ascending (docs/ghn.md, section 2). */
export function spatialTable(spatial: number): number[] {
  return sortedSet(...range(1, Math.max(12, spatial), 2), 14, 16);
}

/** The position of the nearest value, or of the smaller one if two are equally near. */
function nearest(table: readonly number[], value: number): number {
  let low = 0;
  let high = table.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - table[low - 1] <= table[low] - value ? low - 1 : low;
}

/** Four rows: in the embeddings of output channels, input channels, height and width. */
export type ShapeRows = readonly [number, number, number, number];

/** Finds the rows of the shape embeddings for a node (docs/ghn.md, section 2). */
export class ShapeTables {
  readonly #channels: readonly number[];
  /** Sizes above this one share the table's last row. */
  readonly #lastChannels: number;
  readonly #spatial: readonly number[];

  /** @param vocabularies sizes of vocabularies that a language model's table has in addition */
  constructor(numClasses: number, spatial: number, vocabularies: readonly number[] = []) {
    this.#channels = channelTable(numClasses, vocabularies);
    this.#lastChannels = Math.max(LAST_CHANNELS, ...vocabularies);
    this.#spatial = spatialTable(spatial);
  }

  rows(node: Node): ShapeRows {
    const shape = nodeShape(node);
    if (!shape) {
      return [this.#channels.length, this.#channels.length, this.#spatial.length, this.#spatial.length];
    }
    return [
      this.#channelRow(shape[0]),
      this.#channelRow(shape[1]),
      this.#spatialRow(shape[2]),
      this.#spatialRow(shape[3]),
    ];
  }

  #channelRow(channels: number): number {
    return nearest(
      this.#channels,
      channels >= 4 && channels < 8 ? 8 : Math.min(channels, this.#lastChannels),
    );
  }

  #spatialRow(size: number): number {
    return nearest(this.#spatial, size === 2 ? 3 : size);
  }
}

/** The node's shape as four dimensions; null if it has no shape. */
function nodeShape(node: Node): readonly [number, number, number, number] | null {
  const shape = (node.weight ?? node.bias)?.shape;
  if (!shape) return node.kernel ? [1, 1, node.kernel[0], node.kernel[1]] : null;
  if (isTokenSequence(shape) && shape[1] > 1 && shape[2] > 1) {
    const side = tokenGridSide(shape);
    return [1, shape[2], side, side];
  }
  const [o, i = 1, height = 1, width = 1] = shape;
  return [o, i, height, width];
}

/** Returns true if the shape is that of a position embedding over tokens, [1, L, E]. */
export function isTokenSequence(shape: readonly number[]): boolean {
  return shape.length === 3 && shape[0] === 1;
}

/** The side of the largest square grid that the tokens of a [1, L, E] embedding can fill. */
export function tokenGridSide(shape: readonly number[]): number {
  return Math.floor(Math.sqrt(shape[1]));
}
