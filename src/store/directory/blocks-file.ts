import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import type { TiledTensor } from '../../tensor/tensor.js';
import { checksum } from './sealed-json.js';

/**
 * Of a blocks file that have one checksum, and are read and verified together: large enough that a read's overhead does
 * not count and a network of hundreds of small blocks is a few reads, small enough that a checksum holds nobody up (well
 * under a millisecond) and that one tensor costs little more than itself.
 */
export const PIECE_BYTES = 2 ** 20;

/** Of a block's offset, as in safetensors files; it divides a piece's size, so that padding never crosses pieces. */
const ALIGNMENT = 8;

const positive = z.int().positive();

const storedTensorSchema = z.object({
  name: z.string(),
  shape: z.array(positive),
  blockShape: z.array(positive),
  /** Of the block's first byte in the blocks file. */
  offset: z.int().nonnegative(),
});

/** Where each tensor's block lies in the blocks file, and the checksum of each of its pieces. */
export const manifestSchema = z.object({
  tensors: z.array(storedTensorSchema),
  bytes: z.int().nonnegative(),
  pieceBytes: positive,
  crc32: z.array(z.string()),
});
export type StoredTensor = z.infer<typeof storedTensorSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * The manifest of a file that is still to be written: its checksums are zeros, as long as the real ones, so that what it
 * takes up is known before a byte is written.
 */
export function planBlocks(tensors: readonly TiledTensor[]): Manifest {
  let bytes = 0;
  const stored = tensors.map(({ name, shape, blockShape, block }) => {
    const offset = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    bytes = offset + block.byteLength;
    return { name, shape: [...shape], blockShape: [...blockShape], offset };
  });
  const crc32 = new Array<string>(Math.ceil(bytes / PIECE_BYTES)).fill('0'.repeat(8));
  return { tensors: stored, bytes, pieceBytes: PIECE_BYTES, crc32 };
}

/**
 * Writes the tensors' blocks as little-endian float32, as planned, and returns the plan with the checksums. On the disk
 * when it resolves.
 */
export async function writeBlocks(
  path: string,
  plan: Manifest,
  tensors: readonly TiledTensor[],
): Promise<Manifest> {
  const handle = await open(path, 'wx');
  try {
    const crc32 = await writePieces(handle, plan, tensors);
    await handle.sync();
    return { ...plan, crc32 };
  } finally {
    await handle.close();
  }
}

/** Piece by piece through one buffer: between two pieces others have their turn. */
async function writePieces(
  handle: FileHandle,
  plan: Manifest,
  tensors: readonly TiledTensor[],
): Promise<string[]> {
  const { pieceBytes, bytes } = plan;
  const buffer = Buffer.alloc(Math.min(pieceBytes, bytes));
  const checksums: string[] = [];
  let filled = 0;
  const flush = async () => {
    const piece = buffer.subarray(0, filled);
    checksums.push(checksum(piece));
    await handle.writeFile(piece);
    buffer.fill(0);
    filled = 0;
  };
  for (const [index, { block }] of tensors.entries()) {
    const source = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
    filled = plan.tensors[index].offset - checksums.length * pieceBytes;
    for (let done = 0; done < source.length; ) {
      if (filled === pieceBytes) await flush();
      const part = source.subarray(done, done + pieceBytes - filled);
      buffer.set(part, filled);
      filled += part.length;
      done += part.length;
    }
  }
  if (filled > 0) await flush();
  return checksums;
}
