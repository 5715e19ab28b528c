import type { CountedMatrix } from './matrix.js';

/** An arbitrary odd number. */
const SEED = 0x9e3779b9;

/**
 * Returns `count` rows of a matrix, each as likely as any other, in their order. Matrices of equal size give the same
 * rows.
 */
export function sampleRows(matrix: CountedMatrix, count: number): CountedMatrix {
  const { rows, columns } = matrix;
  const random = randomNumbers();
  const rowCounts = new Float64Array(count);
  const block = new Float32Array(count * columns);
  let taken = 0;
  for (let row = 0; taken < count; row++) {
    // Knuth's selection sampling: takes each remaining row with the probability wanted/left.
    if (random() * (rows - row) >= count - taken) continue;
    rowCounts[taken] = matrix.rowCounts[row];
    block.set(matrix.block.subarray(row * columns, (row + 1) * columns), taken * columns);
    taken++;
  }
  return { ...matrix, rows: count, rowCounts, block };
}

/** Returns a generator of numbers from 0 to 1, excluding 1 (mulberry32). */
function randomNumbers(): () => number {
  let state = SEED;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
