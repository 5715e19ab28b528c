import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { temporaryDirectory } from './setup.js';

export interface SmallDisk {
  readonly directory: string;
  remount(mode: 'ro' | 'rw'): void;
}

interface Mounted {
  /** To be told where it is should it have been moved. */
  unmount(at?: string): void;
}

/** A file system of its own, and what changes how it is mounted. Skips the test where that is not allowed. */
export async function smallDisk(context: TestContext, mebibytes = 8): Promise<SmallDisk> {
  const directory = join(await temporaryDirectory(), 'disk');
  await mkdir(directory);
  mountOver(context, directory, mebibytes);
  return { directory, remount: (mode) => mount('-o', `remount,${mode}`, directory) };
}

/** Covers a directory with an empty file system, so that nobody can remove it. Skips the test where that is not allowed. */
export function mountOver(context: TestContext, directory: string, mebibytes = 1): Mounted {
  return mounted(context, directory, '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs');
}

/** Has a directory be where it is and what it is, and nobody able to remove it. Skips the test likewise. */
export function pin(context: TestContext, directory: string): void {
  mounted(context, directory, '--bind', directory);
}

function mounted({ skip }: TestContext, directory: string, ...what: string[]): Mounted {
  try {
    mount(...what, directory);
  } catch {
    skip('mounting a small file system needs Linux and root');
  }
  let isMounted = true;
  const unmount = (at = directory) => {
    if (isMounted) execFileSync('umount', ['--lazy', at]);
    isMounted = false;
  };
  onTestFinished(() => unmount());
  return { unmount };
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' });
}
