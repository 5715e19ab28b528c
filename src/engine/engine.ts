/** A matrix that an engine holds where it computes: in the memory of the process, of WebAssembly or of the GPU. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
}

/** A PyTorch Linear layer: y = x Wᵀ + b. `weight` has shape [out, in]; `bias` is one row with `out` entries. */
export interface Linear<M extends Matrix> {
  readonly weight: M;
  readonly bias: M | null;
}

export type Activation = 'none' | 'relu' | 'gelu';

/** A table of attention biases, and the row of it that belongs to each pair of nodes (docs/ghn.md, section 3). */
export interface AttentionBias<M extends Matrix> {
  /** Shape [different pairs, heads]. */
  readonly table: M;
  /** Shape [nodes, nodes], row-major: the row of `table` that belongs to (query i, key j). */
  readonly row: Int32Array;
}

/** A range of rows: the first row, and the row after the last. */
export type RowRange = readonly [number, number];

/** Limits of what an engine computes at once. The memory that a prediction needs is estimated from them. */
export interface EngineLimits {
  /** Largest number of attention scores that exist at once. */
  readonly scoresAtOnce: number;
  /** Number of attention heads whose scores exist at once; null for all heads. */
  readonly headsAtOnce: number | null;
}

/** The operations that a recorded computation may use. */
export type Operations<M extends Matrix> = Pick<Engine<M>, 'linear' | 'add' | 'layerNorm' | 'attention'>;

/**
 * A computation with uploaded weights on a matrix with any number of rows. `rows` is the `row` of the attention bias,
 * which differs from run to run.
 */
export type Computation<M extends Matrix> = (operations: Operations<M>, x: M, rows: Int32Array) => Promise<M>;

/**
 * The tensor operations that a GHN is written in. All values are float32 matrices, and nothing is broadcast unless the
 * operation says so. An operation may return its result or a promise of it; callers await both.
 *
 * An engine runs one computation at a time, and `scope` marks its beginning and its end: all matrices made inside,
 * except by `upload`, are freed after it. Scopes may be nested.
 */
export interface Engine<M extends Matrix = Matrix> {
  readonly name: 'onnxruntime' | 'tensorflow' | 'wasm';
  /** Version of the library that computes the products: results of two versions may differ in their last bits. */
  readonly version: string;
  readonly device: 'cpu' | 'cuda' | 'webgpu';
  readonly limits: EngineLimits;
  /**
   * Largest number of weight entries that one product may gather from rows that are not adjacent; null if the engine
   * would copy each range of rows with a separate operation.
   */
  readonly gatheredEntries: number | null;

  /**
   * Creates a weight that lives as long as the engine. The engine may keep `data` without copying it, so it must not
   * change.
   */
  upload(data: Float32Array, rows: number, columns: number): M;
  /**
   * Creates an intermediate result that lives until the scope ends. The engine may keep `data` without copying it, so
   * it must not change.
   */
  input(data: Float32Array, rows: number, columns: number): M | Promise<M>;
  /** Returns the values, row-major. The caller must not change them. */
  read(matrix: M): Float32Array | Promise<Float32Array>;

  /** Returns rows `start` to `end` - 1, without a copy if the engine can. */
  slice(matrix: M, start: number, end: number): M | Promise<M>;
  /** Returns the matrices' rows, one matrix below the other. */
  concat(matrices: readonly M[]): M | Promise<M>;
  /**
   * Returns rows of an uploaded weight from several ranges, one below the other, as `concat` of slices would. Present
   * in engines that keep such rows for later calls: similar networks use the same ones.
   */
  gather?(weight: M, ranges: readonly RowRange[]): M;
  /** Returns the same values, row-major, as a matrix with `rows` rows. */
  reshape(matrix: M, rows: number): M | Promise<M>;
  /** Returns activation(x Wᵀ + b). */
  linear(x: M, linear: Linear<M>, activation?: Activation): M | Promise<M>;
  add(a: M, b: M): M | Promise<M>;
  /**
   * Normalises each row to mean 0 and variance 1 (eps 1e-5), then multiplies by `gain` and adds `bias`, both one row.
   */
  layerNorm(x: M, gain: M, bias: M): M | Promise<M>;
  /**
   * Multi-head self-attention over `qkv`, [nodes, 3·d], laid out (3, heads, d/heads). Computes softmax(q
   * kᵀ·(d/heads)^-½ + bias) v for each head, and returns the heads side by side, [nodes, d].
   */
  attention(qkv: M, bias: AttentionBias<M>, heads: number): M | Promise<M>;

  /**
   * Prepares a computation so that no intermediate result returns to the host between its operations. Afterwards, its
   * weights belong to it, and no other operation may use them. Absent in engines that gain nothing by it.
   */
  record?(computation: Computation<M>, columns: number): Promise<(x: M, rows: Int32Array) => Promise<M>>;
  /**
   * Called once all weights of a GHN are uploaded: an engine with a device moves them there and frees its host copies.
   */
  settle?(): Promise<void>;

  /** Runs one computation and frees the matrices that it made. */
  scope<T>(run: () => Promise<T>): Promise<T>;
  /** Returns the number of bytes of the engine's weights and live intermediate results. */
  memory(): number;
  dispose(): Promise<void> | void;
}
