import { unpickle } from './pickle.js';
import type { ByteReader } from './source.js';
import { isLegacyTorch, readLegacyTorch } from './torch-legacy.js';

/** More than a torch.save begins with, fewer than the smallest one has. */
const PEEKED_BYTES = 32;

/**
 * Reads a plain pickle of torch tensors, as joblib.dump writes it: each tensor's storage is a bytes object that holds a
 * small torch.save, which is read where it stands and never held as bytes. NumPy arrays, which joblib writes between the
 * opcodes, become tensors as well.
 */
export async function readJoblib(reader: ByteReader): Promise<unknown> {
  return unpickle(reader, { readBytes: readStorage });
}

async function readStorage(reader: ByteReader, length: number): Promise<unknown> {
  if (length < PEEKED_BYTES || !isLegacyTorch(await reader.peek(PEEKED_BYTES))) return undefined;
  return reader.within(length, () => readLegacyTorch(reader));
}
