/** A matrix that an engine holds where it computes: in the process's memory, in WebAssembly's or on the GPU. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
}

/** A PyTorch Linear: y = x Wᵀ + b, `weight` is [out, in], `bias` has out entries (one row). */
export interface Linear<M extends Matrix> {
  readonly weight: M;
  readonly bias: M | null;
}

export type Activation = 'none' | 'relu' | 'gelu';

/** Where each pair of nodes finds its row in a table of attention biases (docs/ghn.md, section 3). */
export interface AttentionBias<M extends Matrix> {
  /** [different pairs, heads] */
  readonly table: M;
  /** [nodes, nodes], row-major: the row of `table` that belongs to (query i, key j). */
  readonly row: Int32Array;
}

/** Rows from the first to the one before the second. */
export type RowRange = readonly [number, number];

/** How much an engine computes at once: what the cost of a prediction is estimated from. */
export interface EngineLimits {
  /** Attention scores that exist at once, at most. */
  readonly scoresAtOnce: number;
  /** Heads of an attention whose scores exist together; null for all of them. */
  readonly headsAtOnce: number | null;
}

/** The operations that a recorded computation may consist of. */
export type Operations<M extends Matrix> = Pick<Engine<M>, 'linear' | 'add' | 'layerNorm' | 'attention'>;

/**
 * A computation on a matrix of any number of rows, by uploaded weights. `rows` stands for the rows of the attention
 * bias, which differ from run to run.
 */
export type Computation<M extends Matrix> = (operations: Operations<M>, x: M, rows: Int32Array) => Promise<M>;

/**
 * The tensor operations that a GHN is written in. Everything is float32 and a matrix; nothing broadcasts but what is
 * said. An operation may answer at once or with a promise: a caller awaits it in either case.
 *
 * An engine serves one computation at a time, and `scope` marks where one begins and ends: matrices made inside, other
 * than by `upload`, are gone after it. Scopes may be nested.
 */
export interface Engine<M extends Matrix = Matrix> {
  readonly name: 'onnxruntime' | 'tensorflow' | 'wasm';
  /** Version of the library that multiplies: results of two versions may differ in their last bits. */
  readonly version: string;
  readonly device: 'cpu' | 'cuda' | 'webgpu';
  readonly limits: EngineLimits;
  /**
   * Entries of weight rows that one product may gather from places that do not lie side by side; null where an engine
   * would copy them with one operation for each place.
   */
  readonly gatheredEntries: number | null;

  /** Takes a weight in, for as long as the engine lives. The engine may keep `data` itself: it must not change. */
  upload(data: Float32Array, rows: number, columns: number): M;
  /** Takes an intermediate result in, for the scope. The engine may keep `data` itself: it must not change. */
  input(data: Float32Array, rows: number, columns: number): M | Promise<M>;
  /** The values, row-major. The caller must not change them. */
  read(matrix: M): Float32Array | Promise<Float32Array>;

  /** Rows `start` to `end` - 1; where it can the engine makes no copy. */
  slice(matrix: M, start: number, end: number): M | Promise<M>;
  /** The matrices' rows, one matrix below the other. */
  concat(matrices: readonly M[]): M | Promise<M>;
  /**
   * Rows of an uploaded weight from several places, one below the other: as `concat` of slices gives them. An engine that
   * keeps some of them for later calls has it: networks that are alike use the same ones.
   */
  gather?(weight: M, ranges: readonly RowRange[]): M;
  /** The same values, row-major, seen with that many rows. */
  reshape(matrix: M, rows: number): M | Promise<M>;
  /** activation(x Wᵀ + b) */
  linear(x: M, linear: Linear<M>, activation?: Activation): M | Promise<M>;
  add(a: M, b: M): M | Promise<M>;
  /** Each row to mean 0 and variance 1 (eps 1e-5), times gain plus bias, both one row. */
  layerNorm(x: M, gain: M, bias: M): M | Promise<M>;
  /**
   * Multi-head self-attention over `qkv`, [nodes, 3·d], laid out (3, heads, d/heads): for each head
   * softmax(q kᵀ·(d/heads)^-½ + bias) v, the heads side by side again, [nodes, d].
   */
  attention(qkv: M, bias: AttentionBias<M>, heads: number): M | Promise<M>;

  /**
   * Prepares a computation so that nothing of it comes back to the host between its operations. Its weights belong to
   * it from then on: no other operation may use them. An engine without `record` gains nothing by it.
   */
  record?(computation: Computation<M>, columns: number): Promise<(x: M, rows: Int32Array) => Promise<M>>;
  /** Called when all weights of a GHN are uploaded: an engine with a device moves them there and drops its host copies. */
  settle?(): Promise<void>;

  /** Runs one computation and frees what it leaves. */
  scope<T>(run: () => Promise<T>): Promise<T>;
  /** Bytes that the engine's weights and live intermediate results take up. */
  memory(): number;
  dispose(): Promise<void> | void;
}
