import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { temporaryDirectory } from './setup.js';

export interface SmallDisk {
  readonly directory: string;
  remount(mode: 'ro' | 'rw'): void;
}

/** A file system of its own, and what changes how it is mounted. Skips the test where that is not allowed. */
export async function smallDisk({ skip }: TestContext, mebibytes = 8): Promise<SmallDisk> {
  const directory = join(await temporaryDirectory(), 'disk');
  await mkdir(directory);
  const mount = (...options: string[]) => execFileSync('mount', [...options, directory], { stdio: 'pipe' });
  try {
    mount('-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs');
  } catch {
    skip('mounting a small file system needs Linux and root');
  }
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', directory]);
  });
  return { directory, remount: (mode) => mount('-o', `remount,${mode}`) };
}
