import type { OnnxModel, OnnxNode } from './model.js';

/**
 * Number of scores in one tile of an attention. With their bias and weights, they fit into the processor's caches, and
 * the overhead of a run is small beside them.
 */
export const TILE_SCORES = 2 ** 20;

/**
 * Builds a model that splits qkv, [nodes, 3 · hidden], by head into the scaled queries, [heads, nodes, d], the keys,
 * [heads, d, nodes], and the values.
 */
export function headsModel(heads: number, hidden: number): OnnxModel {
  const scale = Math.sqrt(heads / hidden);
  return {
    inputs: { qkv: 'float32' },
    outputs: { q: 'float32', k: 'float32', v: 'float32' },
    constants: { split: [0, 3, heads, hidden / heads], heads: [heads, -1, hidden / heads] },
    nodes: [
      { op: 'Reshape', inputs: ['qkv', 'split'], outputs: ['all'] },
      { op: 'Transpose', inputs: ['all'], outputs: ['by_head'], attributes: { perm: [1, 2, 0, 3] } },
      {
        op: 'Split',
        inputs: ['by_head'],
        outputs: ['queries', 'keys', 'values'],
        attributes: { axis: 0, num_outputs: 3 },
      },
      { op: 'Constant', inputs: [], outputs: ['scale'], attributes: { value_float: { float: scale } } },
      { op: 'Reshape', inputs: ['queries', 'heads'], outputs: ['unscaled'] },
      { op: 'Mul', inputs: ['unscaled', 'scale'], outputs: ['q'] },
      { op: 'Reshape', inputs: ['keys', 'heads'], outputs: ['k_rows'] },
      { op: 'Transpose', inputs: ['k_rows'], outputs: ['k'], attributes: { perm: [0, 2, 1] } },
      { op: 'Reshape', inputs: ['values', 'heads'], outputs: ['v'] },
    ],
  };
}

/**
 * Builds the attention of the queries `start` to `end` - 1 over all keys. The bias is looked up for a band of keys, and
 * is 0 for the others.
 *
 * Besides the heads, its inputs are the band's rows of the table, [queries, band]; `band`, [heads, queries, keys of the
 * band]; and `padding`, the number of keys before and after the band, in the form that the operation Pad takes.
 */
export function tileModel(heads: number, hidden: number): OnnxModel {
  const nodes: OnnxNode[] = [
    { op: 'Slice', inputs: ['q', 'start', 'end', 'axis'], outputs: ['queries'] },
    { op: 'MatMul', inputs: ['queries', 'k'], outputs: ['product'] },
    // Gathers one row of the table for each pair and then splits it by head, which is many times faster than gathering
    // one number for each head and pair.
    { op: 'Gather', inputs: ['table', 'row'], outputs: ['by_pair'], attributes: { axis: 0 } },
    { op: 'Reshape', inputs: ['by_pair', 'pairs'], outputs: ['by_pair_flat'] },
    { op: 'Transpose', inputs: ['by_pair_flat'], outputs: ['by_head_flat'], attributes: { perm: [1, 0] } },
    { op: 'Reshape', inputs: ['by_head_flat', 'band'], outputs: ['by_head'] },
    { op: 'Pad', inputs: ['by_head', 'padding'], outputs: ['bias'] },
    { op: 'Add', inputs: ['product', 'bias'], outputs: ['score'] },
    { op: 'Softmax', inputs: ['score'], outputs: ['weights'], attributes: { axis: -1 } },
    { op: 'MatMul', inputs: ['weights', 'v'], outputs: ['heads'] },
    { op: 'Transpose', inputs: ['heads'], outputs: ['side_by_side'], attributes: { perm: [1, 0, 2] } },
    { op: 'Reshape', inputs: ['side_by_side', 'merged'], outputs: ['y'] },
  ];
  return {
    inputs: {
      q: 'float32',
      k: 'float32',
      v: 'float32',
      table: 'float32',
      row: 'int32',
      start: 'int64',
      end: 'int64',
      band: 'int64',
      padding: 'int64',
    },
    outputs: { y: 'float32' },
    constants: { axis: [1], pairs: [-1, heads], merged: [-1, hidden] },
    nodes,
  };
}

/** A range of keys: the first, and the one after the last. */
export interface Band {
  readonly from: number;
  readonly to: number;
}

/** Subtracting a larger number would cost the result bits of precision. */
const MAX_SHIFT = 16;

/**
 * Returns the table minus its first row, which belongs to pairs that no path connects. Attention weights stay the same
 * if all scores of a head change by the same number. Returns null if the first row has numbers too large for that.
 */
export function relativeTable(table: Float32Array, heads: number): Float32Array | null {
  const first = table.subarray(0, heads);
  if (!first.every((value) => Math.abs(value) <= MAX_SHIFT)) return null;
  return table.map((value, index) => value - first[index % heads]);
}

/** Bands of each query's keys, by the rows that they come from. They are cached because every layer needs them. */
const known = new WeakMap<Int32Array, readonly Band[]>();

/**
 * Returns the band of keys that use a row of the table other than the first with any of the queries `start` to `end` -
 * 1.
 *
 * @param row [nodes, nodes]
 */
export function bandOf(row: Int32Array, nodes: number, start: number, end: number): Band {
  let bands = known.get(row);
  if (!bands) {
    bands = Array.from({ length: nodes }, (_, query) => bandOfQuery(row, nodes, query));
    known.set(row, bands);
  }
  let from = nodes;
  let to = 0;
  for (let query = start; query < end; query++) {
    from = Math.min(from, bands[query].from);
    to = Math.max(to, bands[query].to);
  }
  // A band has at least one key, because operations on empty tensors would need special treatment.
  return from < to ? { from, to } : { from: 0, to: 1 };
}

function bandOfQuery(row: Int32Array, nodes: number, query: number): Band {
  const at = query * nodes;
  let from = 0;
  while (from < nodes && row[at + from] === 0) from++;
  let to = nodes;
  while (to > from && row[at + to - 1] === 0) to--;
  return { from, to };
}

/** Returns the rows of the table for these queries and the band's keys, [queries, keys]. */
export function bandRows(
  row: Int32Array,
  nodes: number,
  start: number,
  end: number,
  { from, to }: Band,
): Int32Array {
  if (to - from === nodes) return row.subarray(start * nodes, end * nodes);
  const rows = new Int32Array((end - start) * (to - from));
  for (let query = start; query < end; query++) {
    rows.set(row.subarray(query * nodes + from, query * nodes + to), (query - start) * (to - from));
  }
  return rows;
}
