/**
 * Returns the eigenvalues of a symmetric matrix, unordered. The matrix is reduced to tridiagonal form by Householder
 * reflections, then diagonalised by the implicit QL algorithm (Golub and Van Loan, Matrix Computations, 8.3). The
 * errors are at most a small multiple of size·2⁻⁵³ of the largest eigenvalue.
 *
 * @param matrix [size, size], row-major; only its lower triangle is read; it is overwritten
 */
export function symmetricEigenvalues(matrix: Float64Array, size: number): Float64Array {
  const { diagonal, offDiagonal } = tridiagonalise(matrix, size);
  diagonaliseTridiagonal(diagonal, offDiagonal);
  return diagonal;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Entry k lies between diagonal entries k - 1 and k. The first entry is 0. */
  readonly offDiagonal: Float64Array;
}

/**
 * Reduces from the last row up, so that the reduced part is the start of each row. The two-sided update A - v wᵀ - w vᵀ
 * of one reflection is applied in the same sweep over the lower triangle that computes the product A v of the next, so
 * the matrix is read from memory once for each row.
 */
function tridiagonalise(matrix: Float64Array, size: number): Tridiagonal {
  const diagonal = new Float64Array(size);
  const offDiagonal = new Float64Array(size);
  let v = new Float64Array(size);
  let w = new Float64Array(size);
  let nextV = new Float64Array(size);
  let nextW = new Float64Array(size);
  for (let last = size - 1; last >= 0; last--) {
    const row = matrix.subarray(last * size, last * size + last + 1);
    for (let j = 0; j <= last; j++) row[j] -= v[last] * w[j] + w[last] * v[j];
    diagonal[last] = row[last];
    if (last === 0) break;

    const scale = reflect(row.subarray(0, last), nextV);
    offDiagonal[last] = row[last - 1];
    multiplyUpdated(matrix, size, last, v, w, nextV, nextW);
    let along = 0;
    for (let j = 0; j < last; j++) along += nextV[j] * nextW[j];
    const share = (scale * scale * along) / 2;
    for (let j = 0; j < last; j++) nextW[j] = scale * nextW[j] - share * nextV[j];
    [v, nextV] = [nextV, v];
    [w, nextW] = [nextW, w];
  }
  return { diagonal, offDiagonal };
}

/**
 * Computes the reflection I - scale·v vᵀ that maps `row` to a multiple of its last unit vector. The last entry of `row`
 * becomes that multiple.
 *
 * @returns scale; 0 if `row` is such a multiple already
 */
function reflect(row: Float64Array, v: Float64Array): number {
  const last = row.length - 1;
  let largest = 0;
  for (let j = 0; j < last; j++) largest = Math.max(largest, Math.abs(row[j]));
  if (largest === 0) {
    v.fill(0, 0, row.length);
    return 0;
  }
  largest = Math.max(largest, Math.abs(row[last]));
  // Divided by the largest entry, so that squares neither overflow nor vanish.
  let square = 0;
  for (let j = 0; j <= last; j++) {
    v[j] = row[j] / largest;
    square += v[j] * v[j];
  }
  const length = v[last] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
  row[last] = length * largest;
  const scale = 1 / (square - v[last] * length);
  v[last] -= length;
  return scale;
}

/**
 * Subtracts v wᵀ + w vᵀ from the lower triangle of the first `count` rows, and writes the product of the result and `x`
 * to `product`.
 */
function multiplyUpdated(
  matrix: Float64Array,
  size: number,
  count: number,
  v: Float64Array,
  w: Float64Array,
  x: Float64Array,
  product: Float64Array,
): void {
  product.fill(0, 0, count);
  let i = 0;
  // Two rows at once, so that the loaded parts of the vectors serve both.
  for (; i + 1 < count; i += 2) {
    const upper = i * size;
    const lower = upper + size;
    const v0 = v[i];
    const v1 = v[i + 1];
    const w0 = w[i];
    const w1 = w[i + 1];
    const x0 = x[i];
    const x1 = x[i + 1];
    let sum0 = 0;
    let sum1 = 0;
    for (let j = 0; j < i; j++) {
      const vj = v[j];
      const wj = w[j];
      const xj = x[j];
      const entry0 = matrix[upper + j] - v0 * wj - w0 * vj;
      const entry1 = matrix[lower + j] - v1 * wj - w1 * vj;
      matrix[upper + j] = entry0;
      matrix[lower + j] = entry1;
      sum0 += entry0 * xj;
      sum1 += entry1 * xj;
      product[j] += entry0 * x0 + entry1 * x1;
    }
    const corner0 = matrix[upper + i] - 2 * v0 * w0;
    const between = matrix[lower + i] - v1 * w0 - w1 * v0;
    const corner1 = matrix[lower + i + 1] - 2 * v1 * w1;
    matrix[upper + i] = corner0;
    matrix[lower + i] = between;
    matrix[lower + i + 1] = corner1;
    product[i] += sum0 + corner0 * x0 + between * x1;
    product[i + 1] += sum1 + between * x0 + corner1 * x1;
  }
  if (i < count) {
    const row = i * size;
    let sum = 0;
    for (let j = 0; j < i; j++) {
      const entry = matrix[row + j] - v[i] * w[j] - w[i] * v[j];
      matrix[row + j] = entry;
      sum += entry * x[j];
      product[j] += entry * x[i];
    }
    const corner = matrix[row + i] - 2 * v[i] * w[i];
    matrix[row + i] = corner;
    product[i] += sum + corner * x[i];
  }
}

/** Limit of steps for one eigenvalue, which takes two on average. */
const MAX_STEPS = 60;

/** Computes the eigenvalues and leaves them in `diagonal`. */
function diagonaliseTridiagonal(diagonal: Float64Array, offDiagonal: Float64Array): void {
  const size = diagonal.length;
  // Entry k lies between diagonal entries k and k + 1.
  const between = Float64Array.from({ length: size }, (_, k) => (k + 1 < size ? offDiagonal[k + 1] : 0));
  for (let first = 0; first < size; first++) {
    for (let step = 0; ; step++) {
      let end = first;
      while (end < size - 1 && !isNegligible(between[end], diagonal[end], diagonal[end + 1])) end++;
      if (end === first) break;
      if (step === MAX_STEPS) throw new Error('the eigenvalues do not converge');
      stepImplicitly(diagonal, between, first, end);
    }
  }
}

/** The smallest number with full precision. Smaller entries may be rounding errors. */
const SMALLEST_NORMAL = 2 ** -1022;

function isNegligible(between: number, above: number, below: number): boolean {
  return Math.abs(between) <= Math.max(Number.EPSILON * (Math.abs(above) + Math.abs(below)), SMALLEST_NORMAL);
}

/** Makes one QL step with Wilkinson's shift on the unreduced part from `first` to `end`. */
function stepImplicitly(diagonal: Float64Array, between: Float64Array, first: number, end: number): void {
  const slope = (diagonal[first + 1] - diagonal[first]) / (2 * between[first]);
  const root = Math.hypot(slope, 1);
  let bulge = diagonal[end] - diagonal[first] + between[first] / (slope + (slope >= 0 ? root : -root));
  let sine = 1;
  let cosine = 1;
  let shifted = 0;
  for (let k = end - 1; k >= first; k--) {
    const along = sine * between[k];
    const across = cosine * between[k];
    const length = Math.hypot(along, bulge);
    between[k + 1] = length;
    if (length === 0) {
      diagonal[k + 1] -= shifted;
      between[end] = 0;
      return;
    }
    sine = along / length;
    cosine = bulge / length;
    const above = diagonal[k + 1] - shifted;
    const turn = (diagonal[k] - above) * sine + 2 * cosine * across;
    shifted = sine * turn;
    diagonal[k + 1] = above + shifted;
    bulge = cosine * turn - across;
  }
  diagonal[first] -= shifted;
  between[first] = bulge;
  between[end] = 0;
}
