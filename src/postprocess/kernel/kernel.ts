import { inside, normalAfter, scale, WORDS_AT_ONCE } from '../../random/normal.js';
import type { Words4 } from '../../random/threefry.js';
import type { FloatArray } from '../products.js';
import { BINARY } from './binary.js';
import { instantiate, type Loops, MemoryPlan } from './instance.js';

/** Largest number of columns that are processed at once: their data stay in the processor's second cache. */
export const PIECE_COLUMNS = 2 ** 15;

/** Largest number of rows of a matrix that can be factorised. */
export const MAX_FACTOR_ROWS = 64;

/** Entries after the end of a piece that the loops may read or write. */
const SLACK = 16;

const FLOAT32_BYTES = Float32Array.BYTES_PER_ELEMENT;

export interface InverseFactor {
  /** Number of leading rows of the matrix that were factorised: all, unless one depends on those before it. */
  readonly rows: number;
  /** The smallest entry on the factor's diagonal. */
  readonly smallest: number;
  /** L⁻¹ of these rows, [rows, rows], lower triangular. */
  readonly inverse: Float64Array;
}

/**
 * The inner loops of post-processing, in WebAssembly: about four times as fast as in JavaScript, and with the same bits
 * on every machine. They process a row in pieces of at most PIECE_COLUMNS values.
 */
export class Kernel {
  /** The values of the piece. The caller writes them here. */
  readonly row: Float32Array;
  /** Sum of the pieces that `takeMean` was called with. */
  readonly sum: Float64Array;
  /** The piece of the last call of `takeMean`, multiplied by `times`, minus the sum of the pieces before it. */
  readonly contrast: Float64Array;
  readonly #scaled: Float32Array;
  readonly #normals: Float32Array;
  readonly #words: Int32Array;
  readonly #missed: Int32Array;
  readonly #inside: Int32Array;
  readonly #scale: Float64Array;
  readonly #matrix: Float64Array;
  readonly #factor: Float64Array;
  readonly #inverse: Float64Array;
  readonly #column: Float64Array;
  readonly #loops: Loops;

  constructor() {
    const plan = new MemoryPlan();
    const piece = PIECE_COLUMNS + SLACK;
    const square = MAX_FACTOR_ROWS ** 2 + SLACK;
    const row = plan.float32(piece);
    const sum = plan.float64(piece);
    const contrast = plan.float64(piece);
    const scaled = plan.float32(piece);
    const normals = plan.float32(piece);
    const words = plan.int32(WORDS_AT_ONCE + SLACK);
    const missed = plan.int32(WORDS_AT_ONCE + SLACK);
    const insides = plan.int32(inside.length);
    const scales = plan.float64(scale.length);
    const matrix = plan.float64(square);
    const factor = plan.float64(square);
    const inverse = plan.float64(square);
    const column = plan.float64(MAX_FACTOR_ROWS + SLACK);
    const { memory, loops } = instantiate(BINARY, plan.bytes);
    this.row = row(memory);
    this.sum = sum(memory);
    this.contrast = contrast(memory);
    this.#scaled = scaled(memory);
    this.#normals = normals(memory);
    this.#words = words(memory);
    this.#missed = missed(memory);
    this.#inside = insides(memory);
    this.#scale = scales(memory);
    this.#matrix = matrix(memory);
    this.#factor = factor(memory);
    this.#inverse = inverse(memory);
    this.#column = column(memory);
    this.#inside.set(inside);
    this.#scale.set(scale);
    this.#loops = loops;
  }

  /**
   * Adds `factor` times standard normal numbers to the last `count` of the row's `width` values. The numbers are those
   * from `offset` on in the key's sequence, as in `fillNormals`. Each sum is rounded once.
   */
  addNormals(key: Words4, offset: number, factor: number, width: number, count: number): void {
    this.#fillNormals(key, offset, count);
    const start = this.row.byteOffset + (width - count) * FLOAT32_BYTES;
    this.#loops.addScaled(start, this.#normals.byteOffset, factor, count);
  }

  /**
   * Writes `times` times the row minus the sum to `contrast`, and adds the row to the sum.
   *
   * @returns the squared length of the contrast
   */
  takeMean(times: number, width: number): number {
    this.row.fill(0, width, width + SLACK);
    return this.#loops.takeMean(
      this.row.byteOffset,
      this.sum.byteOffset,
      this.contrast.byteOffset,
      times,
      width,
    );
  }

  /** Returns `factor` times the contrast, each value rounded once. The next call overwrites the array. */
  scaledContrast(factor: number, width: number): Float32Array {
    this.#loops.scaleToFloat32(this.contrast.byteOffset, factor, this.#scaled.byteOffset, width);
    return this.#scaled.subarray(0, width);
  }

  /**
   * Computes L⁻¹ of the Cholesky factorisation G = L Lᵀ in float64, with the diagonal of L positive.
   *
   * @param gram [size, size], symmetric; only its lower triangle is read
   * @param independent the factorisation ends at a row whose squared distance to the span of the rows before it is less
   * than this part of its squared length
   */
  inverseCholesky(gram: FloatArray, size: number, independent: number): InverseFactor {
    this.#matrix.set(gram);
    const rows = this.#loops.inverseCholesky(
      this.#matrix.byteOffset,
      this.#factor.byteOffset,
      this.#inverse.byteOffset,
      this.#column.byteOffset,
      size,
      independent,
    );
    const inverse = new Float64Array(rows * rows);
    for (let i = 0; i < rows; i++) inverse.set(this.#inverse.subarray(i * size, i * size + rows), i * rows);
    return { rows, smallest: this.#loops.smallest.value, inverse };
  }

  #fillNormals(key: Words4, offset: number, count: number): void {
    const [k0, k1, k2, k3] = key;
    const words = this.#words;
    let skip = offset % 4;
    let block = (offset - skip) / 4;
    for (let done = 0; done < count; ) {
      const size = Math.min(WORDS_AT_ONCE - skip, count - done);
      const counters = 4 * Math.ceil((skip + size) / 16);
      this.#loops.threefry(k0, k1, k2, k3, block, Math.floor(block / 2 ** 32), counters, words.byteOffset);
      const misses = this.#loops.ziggurat(
        words.byteOffset + skip * FLOAT32_BYTES,
        size,
        this.#inside.byteOffset,
        this.#scale.byteOffset,
        this.#normals.byteOffset + done * FLOAT32_BYTES,
        this.#missed.byteOffset,
      );
      for (let k = 0; k < misses; k++) {
        const i = this.#missed[k];
        this.#normals[done + i] = normalAfter(key, offset + done + i, words[skip + i]);
      }
      done += size;
      block += WORDS_AT_ONCE / 4;
      skip = 0;
    }
    // `addScaled` takes an even number of entries.
    this.#normals[count] = 0;
  }
}
