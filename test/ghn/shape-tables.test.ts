import { describe, expect, it } from 'vitest';
import type { Node, Op } from '../../src/architecture/architecture.js';
import {
  channelTable,
  isTokenSequence,
  ShapeTables,
  spatialTable,
  tokenGridSide,
} from '../../src/ghn/shape-tables.js';

const node = (op: Op, fields: Partial<Node> = {}): Node => ({ id: op, op, classifier: false, ...fields });
const owner = (op: Op, shape: readonly number[]) => node(op, { weight: { name: 'w', shape } });

/** Returns the row by the rule of the spec: that of the nearest value, or of the smaller if two are equally near. */
function nearestRow(table: readonly number[], value: number): number {
  let best = 0;
  for (const [row, entry] of table.entries()) {
    if (Math.abs(entry - value) < Math.abs(table[best] - value)) best = row;
  }
  return best;
}

describe('the tables of sizes', () => {
  it('have the sizes in the spec, in order', () => {
    expect(spatialTable(11)).toEqual([1, 3, 5, 7, 9, 11, 14, 16]);
    expect(spatialTable(16)).toEqual([1, 3, 5, 7, 9, 11, 13, 14, 15, 16]);
    const channels = channelTable(10);
    expect(channels.slice(0, 11)).toEqual([1, 3, 8, 10, 16, 24, 32, 40, 48, 56, 64]);
    expect(channels).toContain(4080);
    expect(channels.slice(-2)).toEqual([8160, 8192]);
    expect(channelTable(1000)).toHaveLength(channelTable(16).length + 1);
  });
});

describe('a node’s rows', () => {
  const tables = new ShapeTables(10, 11);
  const channels = channelTable(10);
  const spatial = spatialTable(11);
  const none = [channels.length, channels.length, spatial.length, spatial.length];

  it('are those of its weight’s shape, made four-dimensional', () => {
    const at = (...shape: number[]) => [
      channels.indexOf(shape[0]),
      channels.indexOf(shape[1]),
      spatial.indexOf(shape[2]),
      spatial.indexOf(shape[3]),
    ];
    expect(tables.rows(owner('conv', [64, 3, 7, 5]))).toEqual(at(64, 3, 7, 5));
    expect(tables.rows(owner('conv', [10, 64]))).toEqual(at(10, 64, 1, 1));
    expect(tables.rows(owner('bn', [64]))).toEqual(at(64, 1, 1, 1));
    expect(tables.rows(node('bias', { bias: { name: 'b', shape: [16] } }))).toEqual(at(16, 1, 1, 1));
    expect(tables.rows(node('bn', { bias: { name: 'b', shape: [16] } }))).toEqual(at(16, 1, 1, 1));
  });

  it('are those of the grid of a position embedding’s tokens', () => {
    const grid = (channelsOf: number, side: number) => [
      0,
      channels.indexOf(channelsOf),
      nearestRow(spatial, side),
      nearestRow(spatial, side),
    ];
    expect(tables.rows(owner('pos_enc', [1, 50, 64]))).toEqual(grid(64, 7));
    expect(tables.rows(owner('pos_enc', [1, 197, 768]))).toEqual(grid(768, 14));
    expect(tables.rows(owner('pos_enc', [1, 1, 64]))).toEqual([0, 0, spatial.length - 1, 0]);
  });

  it('are those of a pool’s kernel, and the last of each table if there is no shape', () => {
    expect(tables.rows(node('max_pool', { kernel: [3, 5] }))).toEqual([0, 0, 1, 2]);
    expect(tables.rows(node('input'))).toEqual(none);
    expect(tables.rows(node('sum'))).toEqual(none);
  });

  it('take the nearest size, with the spec’s exceptions', () => {
    const channelRow = (size: number) => tables.rows(owner('conv', [size, 1]))[0];
    const spatialRow = (size: number) => tables.rows(owner('conv', [1, 1, size, 1]))[2];
    for (const size of [4, 5, 6, 7]) expect(channelRow(size)).toBe(channels.indexOf(8));
    expect(channelRow(2)).toBe(channels.indexOf(1));
    expect(channelRow(9)).toBe(channels.indexOf(8));
    expect(channelRow(20)).toBe(channels.indexOf(16));
    expect(channelRow(100_000)).toBe(channels.indexOf(8192));
    expect(spatialRow(2)).toBe(spatial.indexOf(3));
    expect(spatialRow(4)).toBe(spatial.indexOf(3));
    expect(spatialRow(15)).toBe(spatial.indexOf(14));
    expect(spatialRow(500)).toBe(spatial.indexOf(16));
    for (let size = 8; size <= 8192; size += 7) expect(channelRow(size)).toBe(nearestRow(channels, size));
  });
});

describe('position embeddings over tokens', () => {
  it('are recognised by their shape, and fill the largest square', () => {
    expect(isTokenSequence([1, 197, 768])).toBe(true);
    expect(isTokenSequence([197, 768])).toBe(false);
    expect(isTokenSequence([1, 64, 7, 7])).toBe(false);
    expect([1, 3, 4, 49, 50, 196, 197, 198].map((tokens) => tokenGridSide([1, tokens, 8]))).toEqual([
      1, 1, 2, 7, 7, 14, 14, 14,
    ]);
  });
});
