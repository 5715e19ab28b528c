/**
 * In a directed acyclic graph one of D[i,j] and D[j,i] is 0, so there are at most this many different pairs: none,
 * i before j by 1 to `maxHops` hops, j before i by as many (docs/ghn.md, section 3).
 */
export const distancePairs = (maxHops: number): number => 1 + 2 * maxHops;

/** The pair (D[i,j], D[j,i]) that has this row. */
export function distancePair(row: number, maxHops: number): readonly [number, number] {
  return row <= maxHops ? [row, 0] : [0, row - maxHops];
}

/** For each (i, j) the row of its pair of distances, [nodes, nodes]. */
export function distancePairRows(distances: Uint8Array, nodes: number, maxHops: number): Int32Array {
  const rows = new Int32Array(nodes * nodes);
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < nodes; j++) {
      const hops = distances[i * nodes + j];
      if (hops > 0) {
        rows[i * nodes + j] = hops;
        rows[j * nodes + i] = maxHops + hops;
      }
    }
  }
  return rows;
}
