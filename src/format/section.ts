import type { ByteSource } from './layout.js';

/** Bytes `start` to `end` - 1 of another source. */
export class Section implements ByteSource {
  readonly byteLength: number;
  readonly #source: ByteSource;
  readonly #start: number;

  constructor(source: ByteSource, start: number, end: number) {
    this.#source = source;
    this.#start = start;
    this.byteLength = end - start;
  }

  copy(start: number, end: number, target: Uint8Array, at: number): void | Promise<void> {
    return this.#source.copy(this.#start + start, this.#start + end, target, at);
  }

  release(): void {
    this.#source.release?.();
  }
}
