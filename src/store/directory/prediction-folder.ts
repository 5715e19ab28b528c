import { statSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { graphSchema } from '../../architecture/schema.js';
import { JsonText, joined, splitOff } from '../../json-text.js';
import type { PredictionRecord } from '../../record/record.js';
import { type Manifest, manifestSchema, planBlocks } from '../blocks/manifest.js';
import { seal, sealBytes, unseal, unsealBytes } from '../sealed-json.js';
import {
  NotUnderstoodError,
  type PredictionRemains,
  type PredictionToStore,
  StoreBusyError,
  StoreCorruptError,
} from '../store.js';
import { storedRecord, storedRecordSchema } from '../stored-record.js';
import { writeBlocks } from './blocks-file.js';
import { damageCode, errorCode, shortageOf } from './errors.js';
import { writeFileDurably } from './folders.js';
import { type IndexEntry, indexEntry } from './prediction-index.js';

export const RECORD = 'record.json';
const ARCHITECTURE = 'architecture.json';
const MANIFEST = 'manifest.json';
const BLOCKS = 'blocks.bin';

/** The files that never change. */
const FIXED_FILES = [ARCHITECTURE, MANIFEST, BLOCKS] as const;

/** The fixed files that weights need. A prediction whose graph is damaged is still served without it. */
const NEEDED_FILES = [MANIFEST, BLOCKS] as const;

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
  const bytes = sum(sizes) + recordFile.length;
  return {
    bytes,
    async write(folder) {
      const manifest = await writeBlocks(join(folder, BLOCKS), plan, tensors, signal);
      await writeFileDurably(join(folder, MANIFEST), seal(manifest));
      await writeFileDurably(join(folder, ARCHITECTURE), architectureFile);
      await writeFileDurably(join(folder, RECORD), recordFile);
    },
    entry: () => indexEntry(record, bytes, Date.now()),
  };
}

const FILES: ReadonlySet<string> = new Set([RECORD, ...FIXED_FILES]);

/** Damage hits one file of a prediction at a time, so a folder with fewer of its files was never a prediction. */
const MIN_FILES = 2;

/** Returns true if a folder is a prediction's, complete or not, and not a foreign one. */
export async function bearsPrediction(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).filter((name) => FILES.has(name)).length >= MIN_FILES;
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR' || errorCode(error) === 'ENOENT') return false;
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
  const { recordFile, bytes } = await readRecordFile(folder, id);
  const { sizes, record } = recordFile;
  let usedAt = 0;
  for (const file of NEEDED_FILES) {
    // Synchronous: it takes microseconds in a folder that has just been read, and a start does it tens of thousands
    // of times.
    const { size, mtimeMs } = await unreadableIsCorrupt(async () => statSync(join(folder, file)), id, file);
    if (size !== sizes[file]) {
      throw new StoreCorruptError(`prediction ${id}: ${file} has ${size} bytes instead of ${sizes[file]}`);
    }
    if (file === BLOCKS) usedAt = mtimeMs;
  }
  return indexEntry(record, sum(sizes) + bytes, usedAt);
}

/** Stores when the prediction was used, as the modification time of its blocks. */
export async function noteUse(folder: string, time: Date): Promise<void> {
  await utimes(join(folder, BLOCKS), time, time);
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
  const bytes = await unreadableIsCorrupt(() => readFile(join(folder, ARCHITECTURE)), id, ARCHITECTURE);
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
): Promise<{ readonly handle: FileHandle; readonly manifest: Manifest }> {
  const { value: manifest } = await readSealed(folder, id, MANIFEST, manifestSchema);
  return { handle: await unreadableIsCorrupt(() => open(join(folder, BLOCKS), 'r'), id, BLOCKS), manifest };
}

/** The record's file with some fields replaced, and the index entry that fits it. Null if `change` returns null. */
export async function amendedRecord(
  folder: string,
  { id, usedAt }: IndexEntry,
  change: (record: PredictionRecord) => Partial<PredictionRecord> | null,
): Promise<{ readonly file: Buffer; readonly entry: IndexEntry } | null> {
  const { recordFile, raw } = await readRecordFile(folder, id);
  const fields = change(recordFile.record);
  if (!fields) return null;
  const amended = { ...recordFile.record, ...fields, id };
  recordFileSchema.parse({ ...recordFile, record: amended });
  // Fields that a newer version wrote are kept.
  const file = seal({ ...raw, record: { ...raw.record, ...fields, id } });
  return { file, entry: indexEntry(amended, sum(recordFile.sizes) + file.length, usedAt) };
}

async function readRecordFile(
  folder: string,
  id: string,
): Promise<{ readonly recordFile: RecordFile; readonly raw: RawRecordFile; readonly bytes: number }> {
  const { value, raw, bytes } = await readSealed(folder, id, RECORD, recordFileSchema);
  if (value.record.id !== id) {
    throw new StoreCorruptError(`prediction ${id}: the record is that of ${value.record.id}`);
  }
  return { recordFile: value, raw: raw as RawRecordFile, bytes };
}

/** Throws a ZodError if the record could not be read back. */
function sealRecord(record: PredictionRecord, sizes: Sizes): Buffer {
  recordFileSchema.parse({ layout: LAYOUT, sizes, record });
  return seal({ layout: LAYOUT, sizes, record: storedRecord(record) });
}

async function readSealed<T>(
  folder: string,
  id: string,
  file: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T; readonly raw: unknown; readonly bytes: number }> {
  const bytes = await unreadableIsCorrupt(() => readFile(join(folder, file)), id, file);
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
  return { value: parsed.data, raw, bytes: bytes.length };
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
