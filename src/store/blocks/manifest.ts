import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { TiledTensor } from '../../tensor/tensor.js';
import { checksum } from '../sealed-json.js';
import type { StoredBody } from '../store.js';

/**
 * Size of a piece of a blocks file, which has one checksum. It is so small that reading a megabyte anywhere, or one
 * small tensor, reads and verifies little else, and so large that the checksums take a few kilobytes.
 */
export const PIECE_BYTES = 128 * 2 ** 10;

/**
 * Bytes that are written, or read and verified, at a time: as many as an answer is written in, and enough that larger
 * runs are not faster. Their checksums take well under a millisecond, so other requests hardly wait.
 */
export const RUN_BYTES = 2 ** 20;

/**
 * Alignment of a block's offset, as in safetensors files. It divides the size of a run, so that padding never crosses
 * runs.
 */
const ALIGNMENT = 8;

const positive = z.int().positive();

const storedTensorSchema = z.object({
  name: z.string(),
  shape: z.array(positive),
  blockShape: z.array(positive),
  /** Position of the block's first byte in the blocks file. */
  offset: z.int().nonnegative(),
});

/** The offset of each tensor's block in the blocks file, and the checksum of each piece. */
export const manifestSchema = z.object({
  tensors: z.array(storedTensorSchema),
  bytes: z.int().nonnegative(),
  pieceBytes: positive,
  /** Checksum of every piece, each as eight hexadecimal digits. */
  crc32: z.string(),
  /** The format of which the file is the body, in F32. */
  format: z.string().optional(),
});
export type StoredTensor = z.infer<typeof storedTensorSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * The manifest of a file that is not written yet. Its checksums are zeros of the same length as the real ones, so
 * that its size is known before a byte is written.
 */
export function planBlocks(tensors: readonly TiledTensor[], body?: StoredBody): Manifest {
  let bytes = body?.head.length ?? 0;
  // A body has no gaps, and its head is as long as several floats.
  const alignment = body ? 1 : ALIGNMENT;
  const stored = tensors.map(({ name, shape, blockShape, block }) => {
    const offset = Math.ceil(bytes / alignment) * alignment;
    bytes = offset + block.byteLength;
    return { name, shape: [...shape], blockShape: [...blockShape], offset };
  });
  const crc32 = '00000000'.repeat(Math.ceil(bytes / PIECE_BYTES));
  return { tensors: stored, bytes, pieceBytes: PIECE_BYTES, crc32, ...(body && { format: body.format }) };
}

/** The checksums of pieces, in the form of the manifest. `bytes` begin at the beginning of a piece. */
export function checksums(bytes: Uint8Array, pieceBytes: number): string {
  let crc32 = '';
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    crc32 += checksum(bytes.subarray(start, start + pieceBytes));
  }
  return crc32;
}

/** The checksums of the blocks, as if they were written. Between two runs, other work gets its turn. */
export async function checksumsOf(tensors: readonly TiledTensor[]): Promise<string> {
  const plan = planBlocks(tensors);
  let crc32 = '';
  for (const run of runs(plan, tensors)) {
    crc32 += checksums(run, plan.pieceBytes);
    await setImmediate();
  }
  return crc32;
}

/** The file's bytes, run by run. All runs use the same buffer. */
export function* runs(plan: Manifest, tensors: readonly TiledTensor[], body?: StoredBody): Generator<Buffer> {
  const buffer = Buffer.alloc(Math.min(RUN_BYTES, plan.bytes));
  const sources: (readonly [number, Uint8Array])[] = tensors.map(({ block }, index) => [
    plan.tensors[index].offset,
    new Uint8Array(block.buffer, block.byteOffset, block.byteLength),
  ]);
  if (body) sources.unshift([0, body.head]);
  let written = 0;
  let filled = 0;
  for (const [offset, source] of sources) {
    filled = offset - written;
    for (let done = 0; done < source.length; ) {
      if (filled === buffer.length) {
        yield buffer;
        buffer.fill(0);
        written += filled;
        filled = 0;
      }
      const part = source.subarray(done, done + buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      done += part.length;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
