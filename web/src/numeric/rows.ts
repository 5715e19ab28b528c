import { symmetricEigenvalues } from '../../../src/statistics/eigenvalues.js';

export interface RowAnalysis {
  /** Singular values of the matrix in descending order. */
  readonly singularValues: Float64Array;
  /** Cosines between rows, [rows, rows], row-major; 0 for a row of zeros. */
  readonly cosines: Float32Array;
}

/** @param values [rows, columns], row-major */
export function analyseRows(values: Float32Array, rows: number, columns: number): RowAnalysis {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += values[i * columns + k] * values[j * columns + k];
      gram[i * rows + j] = sum;
      gram[j * rows + i] = sum;
    }
  }
  const lengths = Float64Array.from({ length: rows }, (_, i) => Math.sqrt(gram[i * rows + i]));
  const cosines = new Float32Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++) {
      const length = lengths[i] * lengths[j];
      cosines[i * rows + j] = length === 0 ? 0 : gram[i * rows + j] / length;
    }
  }
  const singularValues = symmetricEigenvalues(gram, rows).map((value) => Math.sqrt(Math.max(0, value)));
  return { singularValues: singularValues.sort((a, b) => b - a), cosines };
}
