import { MAX_HOPS } from '../architecture/distances.js';

/**
 * In a directed acyclic graph one of D[i,j] and D[j,i] is 0, so there are at most this many different pairs: none,
 * i before j by 1 to 50 hops, j before i by 1 to 50 hops (spec, section 3).
 */
export const DISTANCE_PAIRS = 1 + 2 * MAX_HOPS;

/** The pair (D[i,j], D[j,i]) that has this row. */
export function distancePair(row: number): readonly [number, number] {
  return row <= MAX_HOPS ? [row, 0] : [0, row - MAX_HOPS];
}

/** For each (i, j) the row of its pair of distances, [nodes, nodes]. */
export function distancePairRows(distances: Uint8Array, nodes: number): Int32Array {
  const rows = new Int32Array(nodes * nodes);
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < nodes; j++) {
      const hops = distances[i * nodes + j];
      if (hops > 0) {
        rows[i * nodes + j] = hops;
        rows[j * nodes + i] = MAX_HOPS + hops;
      }
    }
  }
  return rows;
}
