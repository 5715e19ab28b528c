import { mkdtemp, open, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DirectoryStore } from '../../../src/store/directory/directory-store.js';

/** An empty directory that is removed when the test is over. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ghn-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const openStores = new Map<string, DirectoryStore>();

/**
 * A store in the directory that is closed when the test is over, and what problems it has told of. One that is open there
 * already is closed first: a directory has one service.
 */
export async function openStore(
  directory: string,
  maxBytes = 1e9,
): Promise<{ readonly store: DirectoryStore; readonly problems: string[] }> {
  const problems: string[] = [];
  const onProblem = (problem: Error) => problems.push(problem.message);
  await openStores.get(directory)?.close();
  openStores.delete(directory);
  const store = await DirectoryStore.open(directory, { maxBytes, onProblem });
  openStores.set(directory, store);
  onTestFinished(() => store.close());
  return { store, problems };
}

/** Inverts one bit of a file: by default of its middle byte. */
export async function flipBit(path: string, position?: number): Promise<void> {
  const handle = await open(path, 'r+');
  const at = position ?? Math.floor((await handle.stat()).size / 2);
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0] ^= 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

/** Returns the number of block files in the directory that this process has open, including removed ones. */
export async function openBlocksFiles(directory: string): Promise<number> {
  const descriptors = await readdir('/proc/self/fd');
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(directory) && target.includes('blocks.bin')).length;
}
