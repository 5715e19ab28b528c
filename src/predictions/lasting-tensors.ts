import { StoreCorruptError } from '../store/store.js';
import { elements, type TensorSource } from '../tensor/tensor.js';

/** Blocks of no more altogether are verified before the first is given out; those of larger networks as they are read. */
const AHEAD_BYTES = 8 * 2 ** 20;

/** How often a replacement may be corrupt again. After that, the disk counts as broken. */
const MAX_REPLACEMENTS = 3;

/** Tensors that are read from somewhere, until they are released. */
export interface Reading {
  readonly tensors: readonly TensorSource[];
  /** The same for the same blocks, bit by bit. */
  readonly checksums: () => string | Promise<string>;
  readonly release: () => void;
}

/**
 * A store's tensors that outlive their corruption: where a block is found corrupt, all of them are replaced by what
 * `replace` finds or makes, and the read goes on there. What was given out before and what follows have the bits of one
 * and the same prediction, or the read rejects.
 */
export class LastingTensors {
  readonly tensors: readonly TensorSource[];
  readonly #replace: () => Promise<Reading>;
  #reading: Reading;
  /** Settles when all that is verified ahead is. */
  #ahead: Promise<void> | null = null;
  #replacing: Promise<void> | null = null;
  #replacements = 0;
  #givenOut = false;
  #released = false;

  /**
   * @param replace is called when `reading` turns out corrupt, and rejects with what is told to whoever reads
   * @param isSound of a reading that cannot be corrupt: nothing of it is verified ahead
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

  /** Reads on from another place that has the same bits. */
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

  /** Rejects with the error where it is another than that of a corrupt block, or there have been too many. */
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
        'the prediction was corrupt in the store, and what was made in its place has other bits: this answer ends here, ' +
          'and the same request now gives the new one',
      );
    }
    this.#reading = next;
    corrupt.release();
  }
}
