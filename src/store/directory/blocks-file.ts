import { type FileHandle, open } from 'node:fs/promises';
import type { TiledTensor } from '../../tensor/tensor.js';
import type { BlocksBytes } from '../blocks/blocks-reader.js';
import { checksums, type Manifest, runs } from '../blocks/manifest.js';
import { StoreCorruptError } from '../store.js';
import { damageCode } from './errors.js';

/**
 * Writes the tensors' blocks as little-endian float32, in the order of the plan, and returns the plan with the
 * checksums. When it resolves, the bytes are on the disk. Rejects with the signal's reason.
 */
export async function writeBlocks(
  path: string,
  plan: Manifest,
  tensors: readonly TiledTensor[],
  signal?: AbortSignal,
): Promise<Manifest> {
  const handle = await open(path, 'wx');
  try {
    let crc32 = '';
    for (const run of runs(plan, tensors)) {
      signal?.throwIfAborted();
      crc32 += checksums(run, plan.pieceBytes);
      await handle.writeFile(run);
    }
    await handle.sync();
    return { ...plan, crc32 };
  } finally {
    await handle.close();
  }
}

/** The bytes of an open file of blocks. */
export function fileBytes(handle: FileHandle, start = 0): BlocksBytes {
  return {
    async fill(target, position) {
      let done = 0;
      try {
        while (done < target.length) {
          const { bytesRead } = await handle.read(
            target,
            done,
            target.length - done,
            start + position + done,
          );
          if (bytesRead === 0) break;
          done += bytesRead;
        }
      } catch (error) {
        if (damageCode(error)) throw new StoreCorruptError((error as Error).message, { cause: error });
        throw error;
      }
      return done;
    },
    close: () => handle.close(),
  };
}
