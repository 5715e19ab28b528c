/**
 * The maximum number of different pairs (D[i,j], D[j,i]). In a directed acyclic graph, one of the two is 0. So either
 * both are 0, or i comes 1 to `maxHops` hops before j, or j before i (docs/ghn.md, section 3).
 */
export const distancePairs = (maxHops: number): number => 1 + 2 * maxHops;

/** The pair (D[i,j], D[j,i]) for a row of the bias table. */
export function distancePair(row: number, maxHops: number): readonly [number, number] {
  return row <= maxHops ? [row, 0] : [0, row - maxHops];
}

/** The row of each pair of nodes' distances in the bias table, [nodes, nodes]. */
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
