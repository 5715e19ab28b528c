import { mkdtemp, open, readdir, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DirectoryStore } from '../../../src/store/directory/directory-store.js';
import { openPart, readBytes } from '../../../src/store/directory/packed-file.js';

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

/** The files of a prediction, in the order in which a packed one has them. */
const PACKED = ['record.json', 'manifest.json', 'architecture.json', 'blocks.bin'];

/** Turns a prediction into a folder if it is one file: earlier versions stored all of them so. Returns the folder. */
export async function unpack(directory: string, id: string): Promise<string> {
  const path = join(directory, 'predictions', id);
  if ((await stat(path)).isDirectory()) return path;
  const folder = await mkdtemp(join(directory, 'unpacked-'));
  for (const [index, name] of PACKED.entries()) {
    const { handle, start, size } = (await openPart(path, index, PACKED.length))!;
    await writeFile(join(folder, name), await readBytes(handle, start, size));
    await handle.close();
  }
  await rm(path);
  await rename(folder, path);
  return path;
}

/** Inverts one bit of a prediction's file, `share` of the way through it, in its folder or packed. */
export async function flipBitOf(directory: string, id: string, name: string, share = 0.5): Promise<void> {
  const path = join(directory, 'predictions', id);
  const whole = await stat(path);
  if (whole.isDirectory()) {
    const { size } = await stat(join(path, name));
    return flipBit(join(path, name), Math.floor(size * share));
  }
  const { handle, start, size } = (await openPart(path, PACKED.indexOf(name), PACKED.length))!;
  await handle.close();
  return flipBit(path, start + Math.floor(size * share));
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
