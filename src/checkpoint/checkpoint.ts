import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { decompressed, findCompression } from './decompress.js';
import { digestOf } from './digest.js';
import { CheckpointError } from './error.js';
import { readJoblib } from './joblib.js';
import { kindOf, nodeFault, pathFault } from './kind.js';
import { isSafetensors, readSafetensors } from './safetensors.js';
import { FileBytes } from './source.js';
import { findStateDict } from './state-dict.js';
import type { StateDict } from './stored.js';
import { isLegacyTorch, readLegacyTorch } from './torch-legacy.js';
import { readTorchZip } from './torch-zip.js';

export { CheckpointError } from './error.js';

/** The number of bytes from which a file's format is recognised. */
const SNIFFED_BYTES = 512;

/** Uses a state dict. `sourceBytes` is the size of the part of the file that it came from, in bytes. */
export type UseStateDict<T> = (stateDict: StateDict, sourceBytes: number) => Promise<T>;

/** The result of using a checkpoint's state dict, and the file's digest, "sha256:" and hex. */
export interface ReadCheckpoint<T> {
  readonly content: T;
  readonly digest: string;
}

/**
 * Opens a checkpoint: a torch.save (zip or legacy), a joblib pickle (raw, or compressed with zlib or gzip) or a
 * safetensors file. The content shows which (docs/ghn.md, section 6). The tensors stay in the file until `use` reads
 * them. Throws a CheckpointError whose message names the file if it cannot be read, is damaged, or is refused by `use`.
 */
export async function openCheckpoint<T>(path: string, use: UseStateDict<T>): Promise<ReadCheckpoint<T>> {
  try {
    return await readFile(path, use);
  } catch (error) {
    if (error instanceof CheckpointError)
      throw new CheckpointError(`${path}: ${error.message}`, { cause: error });
    if (error instanceof Error && 'syscall' in error) {
      throw new CheckpointError(`${path}: cannot be read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function readFile<T>(path: string, use: UseStateDict<T>): Promise<ReadCheckpoint<T>> {
  await using handle = await openFile(path);
  const { size } = await handle.stat();
  const file = new FileBytes(handle, size);
  const start = new Uint8Array(Math.min(SNIFFED_BYTES, file.size));
  await file.read(start, 0);
  const zip = isZip(start) ? await readTorchZip(file) : null;
  // Hashing takes this thread and reading takes others, so doing both costs little more than the slower one.
  const stop = new AbortController();
  try {
    const [content, digest] = await Promise.all([
      zip ? use(findStateDict(zip.root), file.size) : readContent(file, start, use),
      digestOf(file, zip?.sections ?? [], stop.signal),
    ]);
    return { content, digest };
  } finally {
    stop.abort();
  }
}

/** Opens a file without waiting. Without O_NONBLOCK, opening a pipe that has no writer would wait for ever. */
async function openFile(path: string): Promise<FileHandle> {
  const fault = pathFault(path) ?? nodeFault(await stat(path));
  if (fault) throw new CheckpointError(fault);
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  // The file may have been replaced since the check.
  const replaced = nodeFault(await handle.stat());
  if (replaced === null) return handle;
  await handle.close();
  throw new CheckpointError(replaced);
}

/**
 * Describes a file that is not a checkpoint, by its first bytes: the rest of a sentence, with a remedy. null if it may
 * be a checkpoint.
 */
export async function foreignKind(path: string): Promise<string | null> {
  await using handle = await openFile(path);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
  const start = buffer.subarray(0, bytesRead);
  const isKnown = isZip(start) || isPickle(start) || isSafetensors(start) || findCompression(start);
  return isKnown ? null : kindOf(start);
}

async function readContent<T>(file: FileBytes, start: Uint8Array, use: UseStateDict<T>): Promise<T> {
  if (isLegacyTorch(start)) return use(findStateDict(await readLegacyTorch(file.reader())), file.size);
  if (isPickle(start)) return use(findStateDict(await readJoblib(file.reader())), file.size);
  if (isSafetensors(start)) return use(await readSafetensors(file), file.size);
  const compression = findCompression(start);
  if (!compression) throw new CheckpointError(kindOf(start));
  return decompressed(file, compression, async (reader) => {
    const inner = await reader.peek(SNIFFED_BYTES);
    if (!isPickle(inner)) {
      const found = isZip(inner) || isSafetensors(inner) ? '' : `, and what it holds ${kindOf(inner)}`;
      throw new CheckpointError(
        `holds something else than a pickle, compressed with ${compression.name}; decompress it and name the result${found}`,
      );
    }
    const stateDict = findStateDict(await readJoblib(reader));
    return use(stateDict, reader.position);
  });
}

function isZip(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}

/** A pickle begins with the opcode PROTO and a version. */
function isPickle(start: Uint8Array): boolean {
  return start[0] === 0x80 && start[1] !== undefined && start[1] <= 5;
}
