import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreRefusedError } from '../store.js';
import { errorCode, isFull } from './errors.js';
import { makeDirectory } from './make-directory.js';
import { bearsPrediction } from './prediction-folder.js';
import { thisWriter, unfinishedName, type Writer, writerAlive } from './writer.js';

/** Names the directory as a store. What is in a directory without it is not ours to remove. */
const MARKER = 'ghn-serve-store.json';
const MARKER_TEXT = `${JSON.stringify({ store: 'ghn-serve', layout: 1 })}\n`;

/** Which service uses the store now. */
const LOCK = 'lock';

/** Folders of a store that was written before there were markers. */
const FOLDERS: ReadonlySet<string> = new Set(['predictions', 'unfinished']);

/** Entries that a new volume has by itself. */
const HARMLESS: ReadonlySet<string> = new Set(['lost+found', MARKER, LOCK]);

/** A service notes this often that it is there, for those who cannot ask whether its process lives. */
const HEARTBEAT_MS = 5_000;
/** After so long without a heartbeat, a service on another machine or in another container is taken for gone. */
const SILENT_MS = 30_000;

/** A service's hold on its store. */
export interface StoreLock {
  /** Lets another service have the store. */
  release(): Promise<void>;
}

/**
 * Makes a directory this service's store, and marks it as one.
 *
 * @throws StoreRefusedError where it holds something else, or another service uses it
 */
export async function claimDirectory(directory: string): Promise<StoreLock> {
  await makeDirectory(directory);
  await refuseOthers(directory);
  const lock = await takeLock(directory);
  try {
    await writeFile(join(directory, MARKER), MARKER_TEXT, { flag: 'wx' });
  } catch (error) {
    // It is there, or the disk is full: a store that cannot be marked now is marked by a later start.
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
    `${directory} holds something that is no store of ghn-serve (${JSON.stringify(example)}): name an empty directory ` +
      'as STORE, or one that a ghn-serve has used',
  );
}

/** Whether there are no entries, or at least one of them is a prediction's folder. */
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
  /** An `unfinishedName`: it tells whether its process lives, where that can be asked. */
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
      // Without room for a lock there is none for predictions either: it serves what is there.
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

/** Returns when the lock's holder is gone and the lock with it. @throws StoreRefusedError where it lives */
async function removeAbandonedLock(path: string, directory: string, writer: Writer): Promise<void> {
  const held = await readFile(path, 'utf8').catch(() => null);
  if (held === null) return;
  let holder = '';
  try {
    holder = (JSON.parse(held) as LockFile).holder;
  } catch {
    // Its holder died while it was writing it: its age decides.
  }
  const isAlive = await writerAlive(holder, writer);
  const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
  if (isAlive === true || (isAlive === null && age < SILENT_MS)) {
    throw new StoreRefusedError(
      `another ghn-serve uses the store ${directory}: stop it, or give this one a STORE of its own` +
        (isAlive === null
          ? ` (if it is gone already, try again in ${Math.ceil((SILENT_MS - age) / 1000)} s)`
          : ''),
    );
  }
  // By a rename to a name of its own: of two that find it abandoned one gets it.
  const taken = `${path}.${unfinishedName(writer)}`;
  try {
    await rename(path, taken);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return;
  }
  await rm(taken, { force: true });
}
