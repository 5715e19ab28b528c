/** An array of values. All matrices of one product have the same type of array. */
export type FloatArray = Float32Array | Float64Array;

/** A matrix, row-major. */
export interface DenseMatrix<A extends FloatArray> {
  readonly data: A;
  readonly rows: number;
  readonly columns: number;
}

/**
 * The products of matrices that post-processing consists of, in float32 or float64. Each writes to matrices of the
 * results' sizes, which share no memory with the operands, and gives the event loop a turn.
 */
export interface Products {
  /** Name and version of the library: different libraries or versions may differ in the last bits of a product. */
  readonly library: string;

  /** y = a b */
  multiply<A extends FloatArray>(a: DenseMatrix<A>, b: DenseMatrix<A>, y: DenseMatrix<A>): Promise<void>;
  /** y = a bᵀ */
  multiplyTransposed<A extends FloatArray>(
    a: DenseMatrix<A>,
    b: DenseMatrix<A>,
    y: DenseMatrix<A>,
  ): Promise<void>;
  /** residual = x - (x basisᵀ) basis, and gram = residual residualᵀ */
  project<A extends FloatArray>(
    x: DenseMatrix<A>,
    basis: DenseMatrix<A>,
    residual: DenseMatrix<A>,
    gram: DenseMatrix<A>,
  ): Promise<void>;
  /** y = aᵀ */
  transpose(a: DenseMatrix<Float32Array>, y: DenseMatrix<Float32Array>): Promise<void>;
}

/** Returns rows `start` to `end` - 1 as a view, without copying. */
export function rowsOf<A extends FloatArray>(
  { data, columns }: DenseMatrix<A>,
  start: number,
  end: number,
): DenseMatrix<A> {
  return { data: data.subarray(start * columns, end * columns) as A, rows: end - start, columns };
}
