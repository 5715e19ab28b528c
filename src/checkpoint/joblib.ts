import { unpickle } from './pickle.js';
import type { ByteReader } from './source.js';
import { isLegacyTorch, readLegacyTorch } from './torch-legacy.js';

/** More bytes than the beginning of a torch.save that identifies it, and fewer than the smallest torch.save has. */
const PEEKED_BYTES = 32;

/**
 * Reads a plain pickle of torch tensors, written by joblib.dump. Each tensor's storage is a bytes object that contains
 * a small torch.save; it is read directly from the file, and its bytes are never in memory as a whole. NumPy arrays,
 * which joblib writes between the opcodes, become tensors as well.
 */
export async function readJoblib(reader: ByteReader): Promise<unknown> {
  return unpickle(reader, { readBytes: readStorage });
}

async function readStorage(reader: ByteReader, length: number): Promise<unknown> {
  if (length < PEEKED_BYTES || !isLegacyTorch(await reader.peek(PEEKED_BYTES))) return undefined;
  return reader.within(length, () => readLegacyTorch(reader));
}
