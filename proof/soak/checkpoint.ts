import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../test/fixtures/checkpoints/${name}`, import.meta.url));

/** GHNs that replace each other in a file. */
const FILES = ['ghn3-nano.pt', 'ghn2-nano.pt'].map(fixture);

/** The id of the GHN in that file. */
export const REPLACED_GHN = 'replaced';

/** A checkpoint that is replaced while the service has it loaded. */
export class Checkpoint {
  readonly path: string;
  #turn = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static async write(folder: string): Promise<Checkpoint> {
    const checkpoint = new Checkpoint(join(folder, 'replaced.pt'));
    await copyFile(FILES[0], checkpoint.path);
    return checkpoint;
  }

  /** Replaces the file by another GHN atomically, as an operator's `mv` does. */
  async replace(): Promise<void> {
    this.#turn = (this.#turn + 1) % FILES.length;
    const next = `${this.path}.next`;
    await copyFile(FILES[this.#turn], next);
    await rename(next, this.path);
  }
}
