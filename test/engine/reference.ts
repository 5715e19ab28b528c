import type { Activation } from '../../src/engine/engine.js';

/** The engine's operations in float64, as their definitions say and no faster. */

export interface Values {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Computes erf by its Taylor series, which converges everywhere and is sufficiently exact up to about 5. Above, erf is
 * ±1 in float32.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const ACTIVATIONS: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(0, x),
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
};

export function linear(x: Values, weight: Values, bias: Values | null, activation: Activation): Float64Array {
  const y = new Float64Array(x.rows * weight.rows);
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < weight.rows; j++) {
      let sum = bias ? bias.data[j] : 0;
      for (let k = 0; k < x.columns; k++) {
        sum += x.data[i * x.columns + k] * weight.data[j * x.columns + k];
      }
      y[i * weight.rows + j] = ACTIVATIONS[activation](sum);
    }
  }
  return y;
}

export function layerNorm(x: Values, gain: Values, bias: Values): Float64Array {
  const y = new Float64Array(x.rows * x.columns);
  for (let i = 0; i < x.rows; i++) {
    const row = Array.from({ length: x.columns }, (_, k) => x.data[i * x.columns + k]);
    const mean = row.reduce((sum, value) => sum + value, 0) / x.columns;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.columns;
    row.forEach((value, k) => {
      y[i * x.columns + k] = ((value - mean) / Math.sqrt(variance + 1e-5)) * gain.data[k] + bias.data[k];
    });
  }
  return y;
}

export function attention(qkv: Values, table: Values, row: Int32Array, heads: number): Float64Array {
  const nodes = qkv.rows;
  const hidden = qkv.columns / 3;
  const size = hidden / heads;
  const y = new Float64Array(nodes * hidden);
  const scores = new Float64Array(nodes);
  for (let head = 0; head < heads; head++) {
    const at = (node: number, third: number) => node * qkv.columns + third * hidden + head * size;
    for (let i = 0; i < nodes; i++) {
      for (let j = 0; j < nodes; j++) {
        let dot = 0;
        for (let k = 0; k < size; k++) dot += qkv.data[at(i, 0) + k] * qkv.data[at(j, 1) + k];
        scores[j] = dot / Math.sqrt(size) + table.data[row[i * nodes + j] * heads + head];
      }
      const largest = scores.reduce((a, b) => Math.max(a, b));
      const shares = scores.map((score) => Math.exp(score - largest));
      const total = shares.reduce((a, b) => a + b);
      for (let j = 0; j < nodes; j++) {
        for (let k = 0; k < size; k++) {
          y[i * hidden + head * size + k] += (shares[j] / total) * qkv.data[at(j, 2) + k];
        }
      }
    }
  }
  return y;
}
