import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isId } from '../prediction-id.js';
import { errorCode, failure, isFull } from './errors.js';
import { isUnfinishedName, thisWriter, unfinishedName, type Writer, writerAlive } from './writer.js';

/**
 * If nothing was written to an unfinished folder for this long, and its writer cannot be checked, the folder counts
 * as abandoned: a save writes all the time. If the writer is alive after all, only that save fails.
 */
const GIVEN_UP_AFTER_MS = 10 * 60_000;

/**
 * A store's directory. `predictions/` has a folder for each prediction, or a file for a small one, which appears and
 * disappears as a whole, by a rename. `unfinished/` has the folders and files that are being written or removed.
 */
export class PredictionFolders {
  readonly #predictions: string;
  readonly #unfinished: string;
  readonly #writer: Writer;
  #clearing: NodeJS.Timeout | undefined;

  /** Rejects if the directory cannot be made or written to. A full disk is accepted, since that may pass. */
  static async open(directory: string): Promise<PredictionFolders> {
    const folders = new PredictionFolders(directory, await thisWriter());
    try {
      await mkdir(folders.#predictions, { recursive: true });
      await mkdir(folders.#unfinished, { recursive: true });
      await folders.tryWriting();
    } catch (error) {
      throw failure(`the store needs a directory that it may write to, and ${directory} is not one`, error);
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
   * Makes a folder, lets `write` fill it, and moves it to the prediction's place. When this resolves, the folder is
   * on the disk; if it rejects, nothing is left. Rejects with ENOTEMPTY or EEXIST if the prediction exists.
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

  /**
   * Writes a file, and moves it to the prediction's place. When this resolves, the file is on the disk; if it rejects,
   * nothing is left. Rejects with EEXIST if the prediction exists.
   */
  async publishFile(id: string, bytes: Uint8Array): Promise<void> {
    let path = this.#newUnfinished();
    try {
      await writeFileDurably(path, bytes);
      // A rename would replace another file, and nobody else writes to the store meanwhile.
      if (await exists(this.path(id)))
        throw Object.assign(new Error('the prediction exists'), { code: 'EEXIST' });
      await rename(path, this.path(id));
      path = this.path(id);
      await syncFolder(this.#predictions);
    } catch (error) {
      await rm(path, { force: true }).catch(() => {});
      throw error;
    }
  }

  /**
   * Replaces one file of a prediction, or the whole of one that is one file, for which `name` is empty. When it resolves, the file is on the disk. Rejects with ENOENT if the folder
   * does not exist.
   */
  async replaceFile(id: string, name: string, bytes: Uint8Array): Promise<void> {
    const unfinished = this.#newUnfinished();
    const path = join(this.path(id), name);
    try {
      await writeFileDurably(unfinished, bytes);
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
    await syncFolder(dirname(path));
  }

  /** Removes a prediction, if it exists. If it rejects, the prediction is unchanged. */
  async discard(id: string): Promise<void> {
    const unfinished = this.#newUnfinished();
    try {
      await rename(this.path(id), unfinished);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    // The prediction is gone by now. A later start removes files that cannot be removed now, or reports them.
    await syncFolder(this.#predictions).catch(() => {});
    await rm(unfinished, { recursive: true, force: true }).catch(() => {});
  }

  /**
   * Removes the unfinished folders of processes that have ended. If some may belong to a live process, it checks them
   * once more later, unless `close` is called first. `onProblem` is called for each folder that cannot be removed,
   * and for other errors.
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

  /** Rejects if nothing can be written. A full disk is accepted, since that may pass. */
  async tryWriting(): Promise<void> {
    const path = this.#newUnfinished();
    try {
      await writeFile(path, '');
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    await rm(path, { force: true });
  }

  /** Returns true if something is left that may turn out to be abandoned later. */
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
        onProblem(failure('an abandoned entry of unfinished/ could not be removed', error));
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
      // It is a file instead of a folder, or its writer has just finished.
      if (errorCode(error) !== 'ENOTDIR' && errorCode(error) !== 'ENOENT') throw error;
    }
    return Date.now() - written > GIVEN_UP_AFTER_MS;
  }

  #newUnfinished(): string {
    return join(this.#unfinished, unfinishedName(this.#writer));
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Writes a new file. When it resolves, its bytes are on the disk, but its name only once its folder is synchronised.
 */
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
