import { statSync } from 'node:fs';
import { open, readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { graphSchema } from '../../architecture/schema.js';
import { JsonText, joined, splitOff } from '../../json-text.js';
import type { PredictionRecord } from '../../record/record.js';
import type { TiledTensor } from '../../tensor/tensor.js';
import type { BlocksBytes } from '../blocks/blocks-reader.js';
import { checksums, type Manifest, manifestSchema, planBlocks, runs } from '../blocks/manifest.js';
import { HEAD, seal, sealBytes, unseal, unsealBytes } from '../sealed-json.js';
import {
  NotUnderstoodError,
  type PredictionRemains,
  type PredictionToStore,
  StoreBusyError,
  StoreCorruptError,
} from '../store.js';
import { storedRecord, storedRecordSchema } from '../stored-record.js';
import { fileBytes, writeBlocks } from './blocks-file.js';
import { damageCode, errorCode, shortageOf } from './errors.js';
import { writeFileDurably } from './folders.js';
import { headerBytes, isPacked, type OpenPart, openPart, pack, readBytes } from './packed-file.js';
import { type IndexEntry, indexEntry } from './prediction-index.js';

const RECORD = 'record.json';
const ARCHITECTURE = 'architecture.json';
const MANIFEST = 'manifest.json';
const BLOCKS = 'blocks.bin';

/** The files that never change. */
const FIXED_FILES = [ARCHITECTURE, MANIFEST, BLOCKS] as const;

/** The fixed files that weights need. A prediction whose graph is damaged is still served without it. */
const NEEDED_FILES = [MANIFEST, BLOCKS] as const;

/** The order of the files where they are packed into one: the record, which is read most often, first. */
const PACKED = [RECORD, MANIFEST, ARCHITECTURE, BLOCKS] as const;
type PackedFile = (typeof PACKED)[number];

/**
 * Up to this size a prediction is one file rather than a folder: it takes 2 waits for the disk to store rather than 6.
 * An amendment writes it again as a whole.
 */
const MAX_PACKED_BYTES = 2 ** 18;

/** Layout version of a stored prediction. Folders with another version are left untouched and not served. */
const LAYOUT = 1;

/** The graph, and the Keras model if the client sent one. */
const architectureFileSchema = graphSchema.extend({ kerasModel: z.unknown().optional() });

const recordFileSchema = z.object({
  layout: z.literal(LAYOUT),
  /** Bytes of the other files. */
  sizes: z.object({ [ARCHITECTURE]: z.int(), [MANIFEST]: z.int(), [BLOCKS]: z.int() }),
  record: storedRecordSchema,
});
type RecordFile = z.infer<typeof recordFileSchema>;
type Sizes = RecordFile['sizes'];

/** A record's file with all its fields, also those that this version does not know. */
type RawRecordFile = Readonly<Record<string, unknown>> & {
  readonly record: Readonly<Record<string, unknown>>;
};

/** A prediction's folder that is ready to be written: its size is known. */
export interface PlannedFolder {
  readonly bytes: number;
  /** The bytes of the one file that takes the place of the folder; null for a folder. */
  readonly packed: (() => Buffer) | null;
  write(folder: string): Promise<void>;
  /** The index entry of the folder once it is written. */
  entry(): IndexEntry;
}

/** @param signal ends the writing of the folder */
export function planFolder(
  { record, architecture, kerasModel, tensors }: PredictionToStore,
  signal?: AbortSignal,
): PlannedFolder {
  const architectureFile = sealBytes(joined(architecture, { kerasModel }));
  const plan = planBlocks(tensors);
  const sizes: Sizes = {
    [ARCHITECTURE]: architectureFile.length,
    [MANIFEST]: seal(plan).length,
    [BLOCKS]: plan.bytes,
  };
  const recordFile = sealRecord(record, sizes);
  const unpackedBytes = sum(sizes) + recordFile.length;
  const fits = unpackedBytes <= MAX_PACKED_BYTES;
  const bytes = fits ? unpackedBytes + headerBytes(PACKED.length) : unpackedBytes;
  return {
    bytes,
    packed: fits ? () => packedPrediction(recordFile, architectureFile, plan, tensors) : null,
    async write(folder) {
      const manifest = await writeBlocks(join(folder, BLOCKS), plan, tensors, signal);
      await writeFileDurably(join(folder, MANIFEST), seal(manifest));
      await writeFileDurably(join(folder, ARCHITECTURE), architectureFile);
      await writeFileDurably(join(folder, RECORD), recordFile);
    },
    entry: () => indexEntry(record, bytes, Date.now()),
  };
}

function packedPrediction(
  recordFile: Buffer,
  architectureFile: Buffer,
  plan: Manifest,
  tensors: readonly TiledTensor[],
): Buffer {
  // Less than one run.
  const [blocks = Buffer.alloc(0)] = runs(plan, tensors);
  const manifest = seal({ ...plan, crc32: checksums(blocks, plan.pieceBytes) });
  return pack([recordFile, manifest, architectureFile, blocks]);
}

const FILES: ReadonlySet<string> = new Set([RECORD, ...FIXED_FILES]);

/** Damage hits one file of a prediction at a time, so a folder with fewer of its files was never a prediction. */
const MIN_FILES = 2;

/** Returns true if a folder or a file is a prediction's, complete or not, and not a foreign one. */
export async function bearsPrediction(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).filter((name) => FILES.has(name)).length >= MIN_FILES;
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return isPacked(path, PACKED.length, HEAD);
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Throws a StoreCorruptError if a file that the weights need is missing, has the wrong size or the wrong content; a
 * NotUnderstoodError if the folder belongs to another version, or is not a prediction's.
 */
export async function readEntry(folder: string, id: string): Promise<IndexEntry> {
  try {
    return await readWholeEntry(folder, id);
  } catch (error) {
    if (!(error instanceof StoreCorruptError) || (await bearsPrediction(folder))) throw error;
    throw new NotUnderstoodError(`predictions/${id} is not a prediction of ghn-serve, and is left as it is`);
  }
}

async function readWholeEntry(folder: string, id: string): Promise<IndexEntry> {
  const { recordFile, bytes, packing } = await readRecordFile(folder, id);
  const { sizes, record } = recordFile;
  let usedAt = 0;
  for (const file of NEEDED_FILES) {
    const { size, mtimeMs } = await statFile(folder, id, file);
    if (size !== sizes[file]) {
      throw new StoreCorruptError(`prediction ${id}: ${file} has ${size} bytes instead of ${sizes[file]}`);
    }
    if (file === BLOCKS) usedAt = mtimeMs;
  }
  return indexEntry(record, sum(sizes) + bytes + packing, usedAt);
}

/** Size and time of a file; of a packed one, as far as the file that it is in reaches. */
function statFile(
  folder: string,
  id: string,
  file: PackedFile,
): Promise<{ readonly size: number; readonly mtimeMs: number }> {
  return inFolderOrPacked(
    // Synchronous: it takes microseconds in a folder that has just been read, and a start does it tens of thousands
    // of times.
    async () => statSync(join(folder, file)),
    async () => {
      const { handle, start, size } = await packedPart(folder, id, file);
      await handle.close();
      const whole = statSync(folder);
      return { size: Math.min(size, Math.max(0, whole.size - start)), mtimeMs: whole.mtimeMs };
    },
    id,
    file,
  );
}

/** Stores when the prediction was used, as the modification time of its blocks. */
export async function noteUse(folder: string, time: Date): Promise<void> {
  await inFolderOr(
    () => utimes(join(folder, BLOCKS), time, time),
    () => utimes(folder, time, time),
  );
}

/** Throws a StoreCorruptError, as do the functions below. */
export async function readRecord(folder: string, id: string): Promise<PredictionRecord> {
  return (await readRecordFile(folder, id)).recordFile.record;
}

/** Larger graphs are not parsed, since that would block the event loop. */
const LARGE_BYTES = 2 ** 18;

/** The graph, and the Keras model if the client sent one. Large ones are returned as text. */
export async function readArchitecture(
  folder: string,
  id: string,
): Promise<Pick<PredictionRemains, 'architecture' | 'kerasModel'>> {
  const { bytes } = await readBytesOf(folder, id, ARCHITECTURE);
  if (bytes.length > LARGE_BYTES) {
    const body = unsealBytes(bytes, `prediction ${id}: ${ARCHITECTURE}`);
    const { head, values } = splitOff(body, ['kerasModel']);
    return { architecture: new JsonText(head), kerasModel: values.kerasModel };
  }
  const { kerasModel, ...architecture } = (await readSealed(folder, id, ARCHITECTURE, architectureFileSchema))
    .value;
  return { architecture, kerasModel };
}

/** Reads the inputs of a prediction, which do not need its blocks. */
export async function readRemains(folder: string, id: string): Promise<PredictionRemains> {
  const record = await readRecord(folder, id);
  return { record, ...(await readArchitecture(folder, id)) };
}

/** Opens the file of blocks, and reads the manifest, which says where each block is in it. */
export async function openBlocksFile(
  folder: string,
  id: string,
): Promise<{ readonly bytes: BlocksBytes; readonly manifest: Manifest }> {
  const { value: manifest } = await readSealed(folder, id, MANIFEST, manifestSchema);
  const bytes = await inFolderOrPacked(
    async () => fileBytes(await open(join(folder, BLOCKS), 'r')),
    async () => {
      const { handle, start } = await packedPart(folder, id, BLOCKS);
      return fileBytes(handle, start);
    },
    id,
    BLOCKS,
  );
  return { bytes, manifest };
}

/** The record's file, or the one that it is packed into, with some fields replaced, and the index entry that fits it. Null if `change` returns null. */
export async function amendedRecord(
  folder: string,
  { id, usedAt }: IndexEntry,
  change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
): Promise<{ readonly name: string; readonly file: Buffer; readonly entry: IndexEntry } | null> {
  const { recordFile, raw, packing } = await readRecordFile(folder, id);
  const fields = change(recordFile.record);
  if (!fields) return null;
  const amended = { ...recordFile.record, ...fields, id };
  recordFileSchema.parse({ ...recordFile, record: amended });
  // Fields that a newer version wrote are kept.
  const file = seal({ ...raw, record: { ...raw.record, ...fields, id } });
  const entry = indexEntry(amended, sum(recordFile.sizes) + file.length + packing, usedAt);
  if (packing === 0) return { name: RECORD, file, entry };
  const others: Buffer[] = [];
  for (const other of PACKED.slice(1)) others.push((await readBytesOf(folder, id, other)).bytes);
  return { name: '', file: pack([file, ...others]), entry };
}

async function readRecordFile(
  folder: string,
  id: string,
): Promise<
  { readonly recordFile: RecordFile; readonly raw: RawRecordFile } & Pick<Read, 'packing'> & {
      readonly bytes: number;
    }
> {
  const { value, raw, bytes, packing } = await readSealed(folder, id, RECORD, recordFileSchema);
  if (value.record.id !== id) {
    throw new StoreCorruptError(`prediction ${id}: the record is that of ${value.record.id}`);
  }
  return { recordFile: value, raw: raw as RawRecordFile, bytes, packing };
}

/** Throws a ZodError if the record could not be read back. */
function sealRecord(record: PredictionRecord, sizes: Sizes): Buffer {
  recordFileSchema.parse({ layout: LAYOUT, sizes, record });
  return seal({ layout: LAYOUT, sizes, record: storedRecord(record) });
}

/** A file's bytes, and how many more packing took for all files of the prediction: 0 in a folder. */
interface Read {
  readonly bytes: Buffer;
  readonly packing: number;
}

function readBytesOf(folder: string, id: string, file: PackedFile): Promise<Read> {
  return inFolderOrPacked(
    async () => ({ bytes: await readFile(join(folder, file)), packing: 0 }),
    async () => {
      const { handle, start, size } = await packedPart(folder, id, file);
      try {
        return { bytes: await readBytes(handle, start, size), packing: headerBytes(PACKED.length) };
      } finally {
        await handle.close();
      }
    },
    id,
    file,
  );
}

async function packedPart(path: string, id: string, file: PackedFile): Promise<OpenPart> {
  const part = await openPart(path, PACKED.indexOf(file), PACKED.length);
  if (!part)
    throw new StoreCorruptError(`prediction ${id}: the header of its file does not match its checksum`);
  return part;
}

/** Returns the result of `inFolder`, or that of `packed` if the prediction is one file. */
function inFolderOrPacked<T>(
  inFolder: () => Promise<T>,
  packed: () => Promise<T>,
  id: string,
  file: PackedFile,
): Promise<T> {
  return unreadableIsCorrupt(() => inFolderOr(inFolder, packed), id, file);
}

async function inFolderOr<T>(inFolder: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
  try {
    return await inFolder();
  } catch (error) {
    if (errorCode(error) !== 'ENOTDIR') throw error;
    return otherwise();
  }
}

async function readSealed<T>(
  folder: string,
  id: string,
  file: PackedFile,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T; readonly raw: unknown; readonly bytes: number; readonly packing: number }> {
  const { bytes, packing } = await readBytesOf(folder, id, file);
  const raw = unseal(bytes, `prediction ${id}: ${file}`);
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    // The checksum is right, so the file is not damaged: another version wrote it like this.
    const [{ path, message }] = parsed.error.issues;
    throw new NotUnderstoodError(
      `prediction ${id} was written by another version of ghn-serve, and is left as it is: in ${file}, at ` +
        `${path.join('.') || 'its top'}: ${message}`,
    );
  }
  return { value: parsed.data, raw, bytes: bytes.length, packing };
}

/** A file that cannot be found or read counts as corrupt, unless the system is short of something. */
async function unreadableIsCorrupt<T>(find: () => Promise<T>, id: string, file: string): Promise<T> {
  try {
    return await find();
  } catch (error) {
    const shortage = shortageOf(error);
    if (shortage) throw new StoreBusyError(`the store is short of ${shortage}: try again`, { cause: error });
    const code = damageCode(error);
    if (code) {
      throw new StoreCorruptError(`prediction ${id}: ${file} cannot be read (${code})`, { cause: error });
    }
    throw error;
  }
}

function sum(sizes: Sizes): number {
  return FIXED_FILES.reduce((bytes, file) => bytes + sizes[file], 0);
}
