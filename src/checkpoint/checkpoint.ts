import { open } from 'node:fs/promises';
import { decompressed, findCompression } from './compression/decompress.js';
import { DeclaredConfig, type GhnConfig, inferConfig } from './config.js';
import { digestOf } from './digest.js';
import { areFinite } from './dtype.js';
import { CheckpointError } from './error.js';
import { readJoblib } from './joblib.js';
import { canonicalName, canonicalShape, layoutFaults } from './layout.js';
import { isSafetensors, readSafetensors } from './safetensors.js';
import { FileBytes } from './source.js';
import { findStateDict } from './state-dict.js';
import type { StateDict, StoredTensor } from './stored.js';
import { isLegacyTorch, readLegacyTorch } from './torch-legacy.js';
import { readTorchZip } from './torch-zip.js';

export type { GhnConfig } from './config.js';
export { CheckpointError } from './error.js';

export interface Weight {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/** A GHN as it was trained. */
export interface Checkpoint {
  readonly config: GhnConfig;
  /**
   * By canonical name, exactly those of `expectedLayout`: the three tables of a GHN-3's node input at top level
   * (`centrality_embed_in.weight`), linear maps [out, in].
   */
  readonly weights: Map<string, Weight>;
  /** "sha256:" and the hex digest of the file. */
  readonly digest: string;
  /** How many numbers the weights are. */
  readonly parameters: number;
}

/** What every format can be told by. */
const SNIFFED_BYTES = 512;

/** Of a message about a file that is no GHN at all. */
const LISTED_FAULTS = 40;

/**
 * Reads a checkpoint of a GHN-2 or GHN-3: a torch.save (zip or legacy), a joblib pickle (raw or compressed with zlib,
 * gzip, bzip2, lzma, xz or lz4) or a safetensors file, told by content (spec, section 6). Memory is taken for the
 * weights, once, and little else. Throws a CheckpointError, whose message names the file and every fault, for a file that
 * cannot be read, is damaged, is not a GHN of the two families or holds numbers that are not finite.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof CheckpointError)
      throw new CheckpointError(`${path}: ${error.message}`, { cause: error });
    if (error instanceof Error && 'syscall' in error) {
      throw new CheckpointError(`${path}: cannot be read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function readFile(path: string): Promise<Checkpoint> {
  await using handle = await open(path);
  const stat = await handle.stat();
  if (!stat.isFile()) throw new CheckpointError('is not a file');
  const file = new FileBytes(handle, stat.size);
  const start = new Uint8Array(Math.min(SNIFFED_BYTES, file.size));
  await file.read(start, 0);
  const zip = isZip(start) ? await readTorchZip(file) : null;
  // Hashing takes this thread while reading takes others, so both together cost little more than the slower one.
  const stop = new AbortController();
  try {
    const [content, digest] = await Promise.all([
      zip ? loadWeights(findStateDict(zip.root), file.size) : readContent(file, start),
      digestOf(file, zip?.sections ?? [], stop.signal),
    ]);
    return { ...content, digest };
  } finally {
    stop.abort();
  }
}

type Content = Omit<Checkpoint, 'digest'>;

async function readContent(file: FileBytes, start: Uint8Array): Promise<Content> {
  if (isLegacyTorch(start))
    return loadWeights(findStateDict(await readLegacyTorch(file.reader())), file.size);
  if (isPickle(start)) return loadWeights(findStateDict(await readJoblib(file.reader())), file.size);
  if (isSafetensors(start)) return loadWeights(await readSafetensors(file), file.size);
  const compression = findCompression(start);
  if (!compression) throw unknownFormat(start);
  return decompressed(file, compression, async (reader) => {
    if (!isPickle(await reader.peek(2))) {
      throw new CheckpointError(
        `holds something else than a pickle, compressed with ${compression.name}; decompress it and give the result`,
      );
    }
    const stateDict = findStateDict(await readJoblib(reader));
    return loadWeights(stateDict, reader.position);
  });
}

function isZip(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}

/** Begins with the opcode PROTO and a version. */
function isPickle(start: Uint8Array): boolean {
  return start[0] === 0x80 && start[1] !== undefined && start[1] <= 5;
}

function unknownFormat(start: Uint8Array): CheckpointError {
  const text = Buffer.from(start).toString('latin1');
  if (start.length === 0) return new CheckpointError('is empty');
  if (text.startsWith('version https://git-lfs')) {
    return new CheckpointError('is a pointer of git-lfs, not the file itself; fetch it with "git lfs pull"');
  }
  if (text.slice(257, 262) === 'ustar' || text.startsWith('ZF0x')) {
    return new CheckpointError(
      'is in a format that PyTorch or joblib no longer write; load it there and save it again',
    );
  }
  return new CheckpointError(
    'expected a torch.save, a joblib pickle or a safetensors file, found none of them; save the state dict with torch.save',
  );
}

/** Checks a state dict against what a GHN is and, only then, reads its tensors. `sourceBytes` is what they came from. */
async function loadWeights({ tensors, config: found }: StateDict, sourceBytes: number): Promise<Content> {
  const faults: string[] = [];
  const declared = DeclaredConfig.safeParse(found ?? {});
  if (!declared.success) {
    for (const { path, message } of declared.error.issues)
      faults.push(`config.${path.join('.')}: ${message}`);
  }
  const named = new Map<string, StoredTensor>();
  for (const [original, tensor] of tensors) {
    const name = canonicalName(original);
    if (name === null) continue;
    if (named.has(name))
      faults.push(`${name} is there twice, the second time as ${JSON.stringify(original)}`);
    if (!tensor.type.float) faults.push(`${name} is of type ${tensor.type.name}, floats expected`);
    named.set(name, tensor);
  }
  const shapes = new Map([...named].map(([name, tensor]) => [name, canonicalShape(tensor.shape)]));
  const inference = inferConfig(shapes, declared.data ?? {});
  faults.push(...inference.faults, ...layoutFaults(shapes, inference.config));
  if (faults.length) throw notAGhn(faults);

  // Tensors can share bytes of the file; more of them than the file has would be a small file that takes much memory.
  let bytes = 0;
  let parameters = 0;
  for (const { shape, type } of named.values()) {
    const count = shape.reduce((product, n) => product * n, 1);
    bytes += count * type.bytes;
    parameters += count;
  }
  if (bytes > sourceBytes)
    throw new CheckpointError(`has ${bytes} bytes of tensors in ${sourceBytes} bytes; they overlap`);

  const weights = new Map<string, Weight>();
  for (const [name, tensor] of named) {
    const data = await tensor.load();
    if (!areFinite(data)) {
      throw new CheckpointError(
        `${name} holds NaN or infinity, which no prediction can be made with; take a checkpoint from before training diverged`,
      );
    }
    weights.set(name, { shape: shapes.get(name)!, data });
  }
  return { config: inference.config, weights, parameters };
}

function notAGhn(faults: readonly string[]): CheckpointError {
  const listed = faults.slice(0, LISTED_FAULTS).map((fault) => `\n  - ${fault}`);
  const more = faults.length > LISTED_FAULTS ? `\n  - and ${faults.length - LISTED_FAULTS} more` : '';
  return new CheckpointError(`is not a GHN-2 or GHN-3 as published:${listed.join('')}${more}`);
}
