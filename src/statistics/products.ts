import type { DenseMatrix, FloatArray } from '../postprocess/products.js';
import type { GramProducts } from './gram.js';

/** Products in JavaScript, for where no native code can be loaded: some thirty times slower. */
export const javascriptProducts: GramProducts = {
  async multiplyTransposed(a, b, y) {
    multiplyTransposed(a, b, y);
  },
};

/** y = a bᵀ. Four rows of b at once: each value of a is loaded once for four products. */
function multiplyTransposed<A extends FloatArray>(
  a: DenseMatrix<A>,
  b: DenseMatrix<A>,
  y: DenseMatrix<A>,
): void {
  const { columns } = a;
  for (let i = 0; i < a.rows; i++) {
    const row = i * columns;
    let j = 0;
    for (; j + 4 <= b.rows; j += 4) {
      const row0 = j * columns;
      const row1 = row0 + columns;
      const row2 = row1 + columns;
      const row3 = row2 + columns;
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let k = 0; k < columns; k++) {
        const value = a.data[row + k];
        sum0 += value * b.data[row0 + k];
        sum1 += value * b.data[row1 + k];
        sum2 += value * b.data[row2 + k];
        sum3 += value * b.data[row3 + k];
      }
      const at = i * y.columns + j;
      y.data[at] = sum0;
      y.data[at + 1] = sum1;
      y.data[at + 2] = sum2;
      y.data[at + 3] = sum3;
    }
    for (; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += a.data[row + k] * b.data[j * columns + k];
      y.data[i * y.columns + j] = sum;
    }
  }
}
