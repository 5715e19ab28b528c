import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isId } from '../prediction-id.js';
import { errorCode, failure, isFull } from './errors.js';
import { isUnfinishedName, thisWriter, unfinishedName, type Writer, writerAlive } from './writer.js';

/**
 * After so long without a byte written, something unfinished of a writer that cannot be asked is taken for given up: a
 * save writes all the time. Were it alive after all, that one save of it would fail.
 */
const GIVEN_UP_AFTER_MS = 10 * 60_000;

/**
 * A store's directory: `predictions/` with a folder for each prediction, which appears and disappears as a whole, by a
 * rename, and `unfinished/` for what is being written or removed.
 */
export class PredictionFolders {
  readonly #predictions: string;
  readonly #unfinished: string;
  readonly #writer: Writer;
  #clearing: NodeJS.Timeout | undefined;

  /** Rejects where the directory cannot be made, or nothing be written to it; that it is full may pass. */
  static async open(directory: string): Promise<PredictionFolders> {
    const folders = new PredictionFolders(directory, await thisWriter());
    try {
      await mkdir(folders.#predictions, { recursive: true });
      await mkdir(folders.#unfinished, { recursive: true });
      await folders.tryWriting();
    } catch (error) {
      throw failure(`the store needs a directory that it may write to, and ${directory} is none`, error);
    }
    return folders;
  }

  private constructor(directory: string, writer: Writer) {
    this.#predictions = join(directory, 'predictions');
    this.#unfinished = join(directory, 'unfinished');
    this.#writer = writer;
  }

  path(id: string): string {
    return join(this.#predictions, id);
  }

  async ids(): Promise<string[]> {
    return (await readdir(this.#predictions)).filter(isId);
  }

  /**
   * Lets `write` fill a folder, which is on the disk as the prediction's when this resolves; where it rejects nothing is
   * left. Rejects with ENOTEMPTY or EEXIST where there is such a prediction.
   */
  async publish(id: string, write: (folder: string) => Promise<void>): Promise<void> {
    let folder = this.#newUnfinished();
    try {
      await mkdir(folder);
      await write(folder);
      await syncFolder(folder);
      await rename(folder, this.path(id));
      folder = this.path(id);
      await syncFolder(this.#predictions);
    } catch (error) {
      // A folder that cannot be removed now is removed by a later start.
      await rm(folder, { recursive: true, force: true }).catch(() => {});
      throw error;
    }
  }

  /** Replaces one file of a prediction; on the disk when it resolves. Rejects with ENOENT where there is no such folder. */
  async replaceFile(id: string, name: string, bytes: Uint8Array): Promise<void> {
    const unfinished = this.#newUnfinished();
    try {
      await writeFileDurably(unfinished, bytes);
      await rename(unfinished, join(this.path(id), name));
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
    await syncFolder(this.path(id));
  }

  /** Removes a prediction for good; nothing where there is none. Where it rejects, the prediction is where it was. */
  async discard(id: string): Promise<void> {
    const unfinished = this.#newUnfinished();
    try {
      await rename(this.path(id), unfinished);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    // It is gone by now: what cannot be removed of it is removed by a later start, or reported by it.
    await syncFolder(this.#predictions).catch(() => {});
    await rm(unfinished, { recursive: true, force: true }).catch(() => {});
  }

  /**
   * Removes what writers that are no more have left unfinished. Of what may belong to a live one it looks once more later,
   * unless `close` is called before. `onProblem` is called for what cannot be removed, and for other errors.
   */
  async clearUnfinished(onProblem: (problem: Error) => void): Promise<void> {
    if (!(await this.#clearGivenUp(onProblem))) return;
    const again = () => {
      this.#clearGivenUp(onProblem).catch(onProblem);
    };
    this.#clearing = setTimeout(again, GIVEN_UP_AFTER_MS).unref();
  }

  close(): void {
    clearTimeout(this.#clearing);
  }

  /** Rejects where nothing can be written; that it is full may pass. */
  async tryWriting(): Promise<void> {
    const path = this.#newUnfinished();
    try {
      await writeFile(path, '');
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    await rm(path, { force: true });
  }

  /** Returns whether something is left that may be given up in a while. */
  async #clearGivenUp(onProblem: (problem: Error) => void): Promise<boolean> {
    let doubtful = false;
    for (const name of (await readdir(this.#unfinished)).filter(isUnfinishedName)) {
      const path = join(this.#unfinished, name);
      const alive = await writerAlive(name, this.#writer);
      if (alive) continue;
      try {
        if (alive === false || (await this.#givenUp(path))) await rm(path, { recursive: true, force: true });
        else doubtful = true;
      } catch (error) {
        onProblem(failure('what was left unfinished could not be removed', error));
      }
    }
    return doubtful;
  }

  async #givenUp(path: string): Promise<boolean> {
    let written = 0;
    try {
      written = (await stat(path)).mtimeMs;
      for (const name of await readdir(path)) {
        written = Math.max(written, (await stat(join(path, name))).mtimeMs);
      }
    } catch (error) {
      // A file instead of a folder, or its writer has just finished.
      if (errorCode(error) !== 'ENOTDIR' && errorCode(error) !== 'ENOENT') throw error;
    }
    return Date.now() - written > GIVEN_UP_AFTER_MS;
  }

  #newUnfinished(): string {
    return join(this.#unfinished, unfinishedName(this.#writer));
  }
}

/** Writes a new file; its bytes are on the disk when it resolves, its name when its folder is synchronised. */
export async function writeFileDurably(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
