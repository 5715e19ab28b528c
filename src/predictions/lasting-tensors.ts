import { StoreCorruptError } from '../store/store.js';
import { elements, type TensorSource } from '../tensor/tensor.js';

/**
 * If all blocks together take no more bytes than this, all are verified before the first is returned. Blocks of
 * larger networks are verified as they are read.
 */
const AHEAD_BYTES = 8 * 2 ** 20;

/** Maximum number of replacements. After that, the disk counts as broken. */
const MAX_REPLACEMENTS = 3;

/** Tensors that can be read until they are released. */
export interface Reading {
  readonly tensors: readonly TensorSource[];
  /** Checksums of the blocks: equal if the blocks are equal, bit by bit. */
  readonly checksums: () => string | Promise<string>;
  readonly release: () => void;
}

/**
 * Tensors of a store that stay readable if a block turns out corrupt: then all of them are replaced by what `replace`
 * resolves to, and reading continues there. All blocks that are returned, before and after, belong to the same
 * prediction bit by bit; otherwise the read rejects.
 */
export class LastingTensors {
  readonly tensors: readonly TensorSource[];
  readonly #replace: () => Promise<Reading>;
  #reading: Reading;
  /** Settles once all blocks are verified in advance. */
  #ahead: Promise<void> | null = null;
  #replacing: Promise<void> | null = null;
  #replacements = 0;
  #givenOut = false;
  #released = false;

  /**
   * @param replace is called if `reading` turns out corrupt; readers get its error if it rejects
   * @param isSound true if `reading` cannot be corrupt, so that nothing is verified in advance
   */
  constructor(reading: Reading, replace: () => Promise<Reading>, { isSound = false } = {}) {
    this.#reading = reading;
    this.#replace = replace;
    this.#givenOut = isSound;
    const size = reading.tensors.reduce((sum, { blockShape }) => sum + elements(blockShape), 0);
    const isSmall = size * Float32Array.BYTES_PER_ELEMENT <= AHEAD_BYTES;
    this.tensors = reading.tensors.map(({ name, shape, blockShape }, index) => ({
      name,
      shape,
      blockShape,
      readBlock: (start, end) => {
        if (!isSmall || this.#givenOut) return this.#read(index, start, end);
        this.#ahead ??= this.#verify();
        return this.#ahead.then(() => this.#read(index, start, end));
      },
    }));
  }

  /** Continues reading from another source that has the same bits. */
  move(reading: Reading): void {
    if (this.#released) {
      reading.release();
      return;
    }
    const before = this.#reading;
    this.#reading = reading;
    before.release();
  }

  release(): void {
    this.#released = true;
    this.#reading.release();
  }

  #read(index: number, start: number, end: number): Float32Array | Promise<Float32Array> {
    const reading = this.#reading;
    const values = reading.tensors[index].readBlock(start, end);
    if (!(values instanceof Promise)) {
      this.#givenOut = true;
      return values;
    }
    return values.then(
      (read) => {
        if (reading !== this.#reading) return this.#read(index, start, end);
        this.#givenOut = true;
        return read;
      },
      async (error: unknown) => {
        await this.#replaceCorrupt(reading, error);
        return this.#read(index, start, end);
      },
    );
  }

  async #verify(): Promise<void> {
    const reading = this.#reading;
    try {
      for (const { blockShape, readBlock } of reading.tensors) await readBlock(0, elements(blockShape));
    } catch (error) {
      await this.#replaceCorrupt(reading, error);
      await this.#verify();
    }
  }

  /** Rejects with the given error if it does not report a corrupt block, or after too many replacements. */
  async #replaceCorrupt(reading: Reading, error: unknown): Promise<void> {
    if (!(error instanceof StoreCorruptError) || this.#released) throw error;
    if (reading !== this.#reading) return;
    if (!this.#replacing) {
      if (++this.#replacements > MAX_REPLACEMENTS) throw error;
      this.#replacing = this.#change(reading).finally(() => {
        this.#replacing = null;
      });
    }
    await this.#replacing;
  }

  async #change(corrupt: Reading): Promise<void> {
    const next = await this.#replace();
    const fits = !this.#givenOut || (await next.checksums()) === (await corrupt.checksums());
    if (this.#released || !fits) {
      next.release();
      throw new Error(
        'the prediction was corrupt in the store, and its replacement has other bits: this answer ends here, ' +
          'and the same request now gives the new one',
      );
    }
    this.#reading = next;
    corrupt.release();
  }
}
