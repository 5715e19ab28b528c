import type { Words4 } from '../random/threefry.js';
import { type Kernel, PIECE_COLUMNS } from './kernel/kernel.js';
import type { TiledMatrix } from './matrix.js';
import { Turns } from './turns.js';

export interface Noise {
  readonly key: Words4;
  /** The standard deviation. */
  readonly scale: number;
  /** The first row and the first column that the noise is added to. */
  readonly fromRow: number;
  readonly fromColumn: number;
}

/** Columns `left` to `left + width - 1` of a row of the matrix. Their values are in the kernel's `row`. */
export interface Piece {
  readonly index: number;
  readonly left: number;
  readonly width: number;
}

/** Reads a weight's rows with the noise added, as the float32 values that the weight then has. */
export class NoisyRows {
  readonly kernel: Kernel;
  readonly #matrix: TiledMatrix;
  readonly #noise: Noise;

  constructor(matrix: TiledMatrix, noise: Noise, kernel: Kernel) {
    this.#matrix = matrix;
    this.#noise = noise;
    this.kernel = kernel;
  }

  /**
   * Reads all rows piece by piece. For each piece of a row of the block, it reads the same piece of all rows that the
   * tiling makes equal, in their order. The noise in a place depends only on the key and the place.
   *
   * @param first called before the first of those equal rows
   * @throws the signal's reason once it is aborted
   */
  async read(
    { first, each }: { readonly first?: () => void; readonly each: (piece: Piece) => void },
    signal?: AbortSignal,
  ): Promise<void> {
    const { rows, columns, blockRows } = this.#matrix;
    const turns = new Turns(signal);
    const tile = new Float32Array(Math.min(columns, PIECE_COLUMNS));
    for (let left = 0; left < columns; left += PIECE_COLUMNS) {
      const width = Math.min(PIECE_COLUMNS, columns - left);
      for (let blockRow = 0; blockRow < blockRows; blockRow++) {
        this.#readTile(blockRow, left, tile.subarray(0, width));
        first?.();
        for (let index = blockRow; index < rows; index += blockRows) {
          const turn = turns.take(width);
          if (turn) await turn;
          this.kernel.row.set(width === tile.length ? tile : tile.subarray(0, width));
          this.#addNoise({ index, left, width });
          each({ index, left, width });
        }
      }
    }
  }

  #readTile(blockRow: number, left: number, tile: Float32Array): void {
    const { block, blockColumns } = this.#matrix;
    const start = blockRow * blockColumns;
    for (let j = 0; j < tile.length; ) {
      const from = (left + j) % blockColumns;
      const count = Math.min(blockColumns - from, tile.length - j);
      tile.set(block.subarray(start + from, start + from + count), j);
      j += count;
    }
  }

  #addNoise({ index, left, width }: Piece): void {
    const { key, scale, fromRow, fromColumn } = this.#noise;
    const from = Math.max(left, fromColumn);
    const count = left + width - from;
    if (scale === 0 || index < fromRow || count <= 0) return;
    this.kernel.addNormals(key, index * this.#matrix.columns + from, scale, width, count);
  }
}
