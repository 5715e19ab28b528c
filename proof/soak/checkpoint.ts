import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../test/fixtures/checkpoints/${name}`, import.meta.url));

/** GHNs that take each other's place in a file. */
const FILES = ['ghn3-nano.pt', 'ghn2-nano.pt'].map(fixture);

/** The id under which the GHN of that file is asked for. */
export const REPLACED_GHN = 'replaced';

/** A checkpoint that is replaced in place while the service has it loaded. */
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

  /** Another GHN takes its place, at once, as by an operator's `mv`. */
  async replace(): Promise<void> {
    this.#turn = (this.#turn + 1) % FILES.length;
    const next = `${this.path}.next`;
    await copyFile(FILES[this.#turn], next);
    await rename(next, this.path);
  }
}
