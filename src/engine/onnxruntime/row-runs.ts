/** Rows of a weight as an ordered list of runs, each given by its first row and the row after its last. */
export type RowRuns = readonly (readonly [number, number])[];

/** Returns rows `start` to `end` - 1 of the rows that `runs` list. */
export function sliceRuns(runs: RowRuns, start: number, end: number): RowRuns {
  const slice: [number, number][] = [];
  let at = 0;
  for (const [first, last] of runs) {
    const from = Math.max(start - at, 0) + first;
    const to = Math.min(end - at, last - first) + first;
    if (from < to) slice.push([from, to]);
    at += last - first;
  }
  return slice;
}

/** Returns the index of each row, counted from `base`, as onnxruntime's Gather takes them. */
export function rowNumbers(runs: RowRuns, base = 0): Int32Array {
  const numbers = new Int32Array(countRows(runs));
  let at = 0;
  for (const [first, last] of runs) for (let row = first; row < last; row++) numbers[at++] = row - base;
  return numbers;
}

export function countRows(runs: RowRuns): number {
  return runs.reduce((sum, [first, last]) => sum + last - first, 0);
}

/** Returns the values of the rows, one row after the other. Makes no copy if the rows are adjacent. */
export function valuesOfRuns(data: Float32Array, columns: number, runs: RowRuns): Float32Array {
  if (runs.length === 1) return data.subarray(runs[0][0] * columns, runs[0][1] * columns);
  const values = new Float32Array(countRows(runs) * columns);
  let at = 0;
  for (const [first, last] of runs) {
    values.set(data.subarray(first * columns, last * columns), at);
    at += (last - first) * columns;
  }
  return values;
}

/** Some rows of a weight, in the order of the runs. */
export interface WeightRows<Weight> {
  readonly weight: Weight;
  readonly runs: RowRuns;
}

/** Joins rows that are all of one weight; returns null if they are not, or if some are no rows of a weight (null). */
export function joinRows<Weight>(parts: readonly (WeightRows<Weight> | null)[]): WeightRows<Weight> | null {
  const weight = parts[0]?.weight;
  if (weight === undefined || parts.some((part) => part?.weight !== weight)) return null;
  return { weight, runs: parts.flatMap((part) => part!.runs) };
}
