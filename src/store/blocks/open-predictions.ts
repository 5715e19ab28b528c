import type { BlocksReader } from './blocks-reader.js';

/** A prediction's blocks, lent to one reader until it calls `release`. Further calls do nothing. */
export interface Loan {
  readonly blocks: BlocksReader;
  release(): void;
}

interface Shared {
  readers: number;
  readonly blocks: Promise<BlocksReader>;
}

/** The predictions that are being read. All readers of one share an open file. */
export class OpenPredictions {
  readonly #open = new Map<string, Shared>();
  readonly #onProblem: (problem: Error) => void;

  /** `onProblem` is called for files that cannot be closed. */
  constructor(onProblem: (problem: Error) => void) {
    this.#onProblem = onProblem;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /**
   * Lends the blocks, which count as open immediately. `open` opens them for the first reader; its argument says
   * whether these blocks are still the ones that new readers get under the id. Rejects as `open` does.
   */
  async borrow(id: string, open: (isCurrent: () => boolean) => Promise<BlocksReader>): Promise<Loan> {
    const shared = this.#open.get(id) ?? this.#share(id, open);
    shared.readers++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.#release(id, shared);
    };
    try {
      return { blocks: await shared.blocks, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Stops lending the blocks to new readers. Current readers can continue. */
  forget(id: string): void {
    this.#open.delete(id);
  }

  #share(id: string, open: (isCurrent: () => boolean) => Promise<BlocksReader>): Shared {
    const shared: Shared = { readers: 0, blocks: open(() => this.#open.get(id) === shared) };
    this.#open.set(id, shared);
    return shared;
  }

  #release(id: string, shared: Shared): void {
    shared.readers--;
    if (shared.readers > 0) return;
    if (this.#open.get(id) === shared) this.#open.delete(id);
    shared.blocks.then(
      (blocks) => blocks.close().catch(this.#onProblem),
      () => {},
    );
  }
}
