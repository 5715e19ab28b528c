import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from './errors.js';

/**
 * Makes a directory and its parents. Node's own recursive mkdir never ends if the system says ENOENT for a directory
 * whose parent exists, as it does below /proc.
 *
 * @throws the system's error
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    await makeDirectory(parent);
    await mkdir(path).catch((failure) => {
      if (errorCode(failure) !== 'EEXIST') throw failure;
    });
  }
}
