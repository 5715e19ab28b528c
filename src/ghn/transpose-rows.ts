/**
 * Transposes [outer, inner, columns] to [inner, outer, columns] in place, by moving rows along the cycles of the
 * permutation. The largest such array, in a GHN-3-XL, takes 604 MB, and there is not enough memory for two.
 */
export function transposeRows(data: Float32Array, outer: number, inner: number, columns: number): void {
  const isPlaced = new Uint8Array(outer * inner);
  const carried = new Float32Array(columns);
  for (let start = 0; start < isPlaced.length; start++) {
    if (isPlaced[start]) continue;
    carried.set(data.subarray(start * columns, (start + 1) * columns));
    let hole = start;
    for (;;) {
      isPlaced[hole] = 1;
      // The row that belongs at `hole` is entry (hole % outer, ⌊hole / outer⌋) of [outer, inner].
      const from = (hole % outer) * inner + Math.floor(hole / outer);
      if (from === start) break;
      data.copyWithin(hole * columns, from * columns, (from + 1) * columns);
      hole = from;
    }
    data.set(carried, hole * columns);
  }
}
