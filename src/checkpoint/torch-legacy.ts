import { CheckpointError } from './error.js';
import { StorageType } from './globals.js';
import { unpickle } from './pickle.js';
import type { ByteReader } from './source.js';
import { Storage } from './torch-tensor.js';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/** The first bytes of such a file: the pickled magic number. */
const MAGIC_PICKLE = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');

export function isLegacyTorch(start: Uint8Array): boolean {
  return MAGIC_PICKLE.equals(start.subarray(0, MAGIC_PICKLE.length));
}

/**
 * Reads the format of torch.save before PyTorch 1.6, which PyTorch still uses for a single storage inside another
 * pickle. It has four pickles (magic number, protocol, system information, the object), a pickled list of the storages'
 * keys, and the length and the numbers of each storage.
 */
export async function readLegacyTorch(reader: ByteReader): Promise<unknown> {
  if ((await unpickle(reader)) !== MAGIC) throw new CheckpointError('not a torch.save: a wrong magic number');
  const protocol = await unpickle(reader);
  if (protocol !== PROTOCOL_VERSION) {
    throw new CheckpointError(`a torch.save of another protocol than ${PROTOCOL_VERSION}`);
  }
  const system = await unpickle(reader);
  if (!(system instanceof Map) || system.get('little_endian') !== true) {
    throw new CheckpointError('a torch.save of a big-endian machine; save it again on a little-endian one');
  }

  const storages = new Map<string, Storage>();
  const root = await unpickle(reader, {
    persistentLoad: (id) => {
      const { key, type, length } = readStorageId(id);
      const storage = storages.get(key) ?? new Storage(type, length);
      storages.set(key, storage);
      return storage;
    },
  });
  const keys: unknown = await unpickle(reader);
  if (!Array.isArray(keys)) throw new CheckpointError('a torch.save without the list of its storages');
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage) throw new CheckpointError('a torch.save with a storage that nothing uses');
    storages.delete(key);
    const length = await reader.uint64('a storage');
    if (length !== storage.length) {
      throw new CheckpointError(
        `byte ${reader.position - 8}: a storage of ${length} numbers where ${storage.length} are expected`,
      );
    }
    await storage.take(reader);
  }
  if (storages.size > 0)
    throw new CheckpointError(`a torch.save in which ${storages.size} storages are missing`);
  return root;
}

/** A storage's persistent id: ('storage', type, key, device, length in numbers[, view]). */
export function readStorageId(id: unknown): { key: string; type: StorageType['type']; length: number } {
  const [kind, type, key, , length, view] = Array.isArray(id) ? id : [];
  if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string') {
    throw new CheckpointError('refers to something outside of it that is not a storage');
  }
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) {
    throw new CheckpointError('a storage whose length is not a number');
  }
  if (view !== undefined && view !== null) {
    throw new CheckpointError(
      'a storage that is part of another, as PyTorch before 0.4 wrote; save it again',
    );
  }
  return { key, type: type.type, length };
}
