import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreRefusedError } from '../store.js';
import { errorCode, isFull } from './errors.js';
import { makeDirectory } from './make-directory.js';
import { bearsPrediction } from './prediction-folder.js';
import { thisWriter, unfinishedName, type Writer, writerAlive } from './writer.js';

/** Marks the directory as a store. Without this file, nothing in the directory may be removed. */
const MARKER = 'ghn-serve-store.json';
const MARKER_TEXT = `${JSON.stringify({ store: 'ghn-serve', layout: 1 })}\n`;

/** The file that names the service that uses the store. */
const LOCK = 'lock';

/** Folders of a store that was written before the marker existed. */
const FOLDERS: ReadonlySet<string> = new Set(['predictions', 'unfinished']);

/** Entries that do not matter: those of a new volume, and the store's own files. */
const HARMLESS: ReadonlySet<string> = new Set(['lost+found', MARKER, LOCK]);

/** Time between two signs that the service is alive, for services that cannot check its process. */
const HEARTBEAT_MS = 5_000;
/** After this time without a heartbeat, a service on another machine or in another container counts as stopped. */
const SILENT_MS = 30_000;

/** A service's hold on its store. */
export interface StoreLock {
  /** Allows another service to use the store. */
  release(): Promise<void>;
}

/**
 * Makes a directory this service's store, and marks it as one.
 *
 * @throws StoreRefusedError if it holds something else, or another service uses it
 */
export async function claimDirectory(directory: string): Promise<StoreLock> {
  await makeDirectory(directory);
  await refuseOthers(directory);
  const lock = await takeLock(directory);
  try {
    await writeFile(join(directory, MARKER), MARKER_TEXT, { flag: 'wx' });
  } catch (error) {
    // The marker exists, or the disk is full; then a later start marks the store.
    if (errorCode(error) !== 'EEXIST' && !isFull(error)) {
      await lock.release();
      throw error;
    }
  }
  return lock;
}

/** Only an empty directory, a marked one, or one that holds nothing but predictions becomes a store. */
async function refuseOthers(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.includes(MARKER)) return;
  const foreign = names.filter((name) => !FOLDERS.has(name) && !HARMLESS.has(name));
  if (foreign.length === 0 && (await holdsOnlyPredictions(join(directory, 'predictions')))) return;
  const example = foreign.length > 0 ? foreign[0] : 'predictions';
  throw new StoreRefusedError(
    `${directory} holds something that is not a store of ghn-serve (${JSON.stringify(example)}): name an empty directory ` +
      'as STORE, or one that a ghn-serve has used',
  );
}

/** Returns true if the folder is missing or empty, or if at least one of its entries is a prediction's folder. */
async function holdsOnlyPredictions(predictions: string): Promise<boolean> {
  const names = await readdir(predictions).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return true;
  for (const name of names) if (await bearsPrediction(join(predictions, name))) return true;
  return false;
}

interface LockFile {
  /** An `unfinishedName`, which tells whether its process lives if that can be checked from here. */
  readonly holder: string;
}

async function takeLock(directory: string): Promise<StoreLock> {
  const writer = await thisWriter();
  const path = join(directory, LOCK);
  const text = `${JSON.stringify({ holder: unfinishedName(writer) } satisfies LockFile)}\n`;
  for (;;) {
    try {
      await writeFile(path, text, { flag: 'wx' });
      break;
    } catch (error) {
      // If there is no room for a lock, there is none for predictions either: the service serves the stored ones.
      if (isFull(error)) return { release: async () => {} };
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    await removeAbandonedLock(path, directory, writer);
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS).unref();
  return {
    async release() {
      clearInterval(beat);
      const held = await readFile(path, 'utf8').catch(() => '');
      // A lock that cannot be removed is found abandoned by the next start.
      if (held === text) await rm(path, { force: true }).catch(() => {});
    },
  };
}

/** Removes the lock if its holder has stopped. @throws StoreRefusedError if the holder is running */
async function removeAbandonedLock(path: string, directory: string, writer: Writer): Promise<void> {
  const held = await readFile(path, 'utf8').catch(() => null);
  if (held === null) return;
  let holder = '';
  try {
    holder = (JSON.parse(held) as LockFile).holder;
  } catch {
    // The holder died while writing the file, so the file's age decides.
  }
  const isAlive = await writerAlive(holder, writer);
  const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
  if (isAlive === true || (isAlive === null && age < SILENT_MS)) {
    throw new StoreRefusedError(
      `another ghn-serve uses the store ${directory}: stop it, or set STORE to another directory` +
        (isAlive === null
          ? ` (if it is gone already, try again in ${Math.ceil((SILENT_MS - age) / 1000)} s)`
          : ''),
    );
  }
  // The rename to a unique name ensures that only one of two services that find the lock abandoned gets it.
  const taken = `${path}.${unfinishedName(writer)}`;
  try {
    await rename(path, taken);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return;
  }
  await rm(taken, { force: true });
}
