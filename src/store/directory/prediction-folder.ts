import { statSync } from 'node:fs';
import { type FileHandle, open, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Graph, graphSchema } from '../../architecture/schema.js';
import { type PredictionRecord, recordSchema } from '../../predictions/record.js';
import { type PredictionRemains, type PredictionToStore, StoreCorruptError } from '../store.js';
import { type Manifest, manifestSchema, planBlocks, writeBlocks } from './blocks-file.js';
import { damageCode } from './errors.js';
import { writeFileDurably } from './folders.js';
import { type IndexEntry, indexEntry } from './prediction-index.js';
import { seal, unseal } from './sealed-json.js';

export const RECORD = 'record.json';
const ARCHITECTURE = 'architecture.json';
const MANIFEST = 'manifest.json';
const BLOCKS = 'blocks.bin';

/** The files that never change. */
const FIXED_FILES = [ARCHITECTURE, MANIFEST, BLOCKS] as const;

/** Those of them without which there are no weights: a prediction is served without its graph, should that be damaged. */
const NEEDED_FILES = [MANIFEST, BLOCKS] as const;

/** Of how a folder is laid out: one of another number is another version's, and set aside. */
const LAYOUT = 1;

/** The graph, and the Keras model that it was given as. */
const architectureFileSchema = graphSchema.extend({ kerasModel: z.unknown().optional() });

const recordFileSchema = z.object({
  layout: z.literal(LAYOUT),
  /** Bytes of the other files. */
  sizes: z.object({ [ARCHITECTURE]: z.int(), [MANIFEST]: z.int(), [BLOCKS]: z.int() }),
  record: recordSchema,
});
type RecordFile = z.infer<typeof recordFileSchema>;
type Sizes = RecordFile['sizes'];

/** A prediction's folder that is ready to be written: its bytes are known. */
export interface PlannedFolder {
  readonly bytes: number;
  write(folder: string): Promise<void>;
}

export function planFolder({ record, architecture, kerasModel, tensors }: PredictionToStore): PlannedFolder {
  const architectureFile = seal({ ...architecture, kerasModel });
  const plan = planBlocks(tensors);
  const sizes: Sizes = {
    [ARCHITECTURE]: architectureFile.length,
    [MANIFEST]: seal(plan).length,
    [BLOCKS]: plan.bytes,
  };
  const recordFile = sealRecord(record, sizes);
  return {
    bytes: sum(sizes) + recordFile.length,
    async write(folder) {
      const manifest = await writeBlocks(join(folder, BLOCKS), plan, tensors);
      await writeFileDurably(join(folder, MANIFEST), seal(manifest));
      await writeFileDurably(join(folder, ARCHITECTURE), architectureFile);
      await writeFileDurably(join(folder, RECORD), recordFile);
    },
  };
}

/** Throws a StoreCorruptError where a file that the weights need is missing, has not its size or is not what it should be. */
export async function readEntry(folder: string, id: string): Promise<IndexEntry> {
  const { recordFile, bytes } = await readRecordFile(folder, id);
  const { sizes, record } = recordFile;
  let usedAt = 0;
  for (const file of NEEDED_FILES) {
    // At once: it takes microseconds in a folder that has just been read, and a start asks for tens of thousands.
    const { size, mtimeMs } = await unreadableIsCorrupt(async () => statSync(join(folder, file)), id, file);
    if (size !== sizes[file]) {
      throw new StoreCorruptError(`prediction ${id}: ${file} has ${size} bytes instead of ${sizes[file]}`);
    }
    if (file === BLOCKS) usedAt = mtimeMs;
  }
  return indexEntry(record, sum(sizes) + bytes, usedAt);
}

/** Notes when the prediction was used: it is the time of its blocks. */
export async function noteUse(folder: string, time: Date): Promise<void> {
  await utimes(join(folder, BLOCKS), time, time);
}

/** Throws a StoreCorruptError, as the following do. */
export async function readRecord(folder: string, id: string): Promise<PredictionRecord> {
  return (await readRecordFile(folder, id)).recordFile.record;
}

export async function readArchitecture(folder: string, id: string): Promise<Graph> {
  const { kerasModel: _, ...graph } = (await readSealed(folder, id, ARCHITECTURE, architectureFileSchema))
    .value;
  return graph;
}

/** Null where the architecture was not given as Keras. */
export async function readKerasModel(folder: string, id: string): Promise<unknown> {
  return (await readSealed(folder, id, ARCHITECTURE, architectureFileSchema)).value.kerasModel ?? null;
}

/** What the prediction was made of, whether its blocks are whole or not. */
export async function readRemains(folder: string, id: string): Promise<PredictionRemains> {
  const record = await readRecord(folder, id);
  const { kerasModel, ...architecture } = (await readSealed(folder, id, ARCHITECTURE, architectureFileSchema))
    .value;
  return { record, architecture, kerasModel };
}

/** The file of the blocks, open, and where they lie in it. */
export async function openBlocksFile(
  folder: string,
  id: string,
): Promise<{ readonly handle: FileHandle; readonly manifest: Manifest }> {
  const { value: manifest } = await readSealed(folder, id, MANIFEST, manifestSchema);
  return { handle: await unreadableIsCorrupt(() => open(join(folder, BLOCKS), 'r'), id, BLOCKS), manifest };
}

/** The record with fields replaced: the file to be written, and what to remember of the folder then. */
export async function amendedRecord(
  folder: string,
  { id, usedAt }: IndexEntry,
  fields: Partial<PredictionRecord>,
): Promise<{ readonly file: Buffer; readonly entry: IndexEntry }> {
  const { sizes, record } = (await readRecordFile(folder, id)).recordFile;
  const amended = { ...record, ...fields, id };
  const file = sealRecord(amended, sizes);
  return { file, entry: indexEntry(amended, sum(sizes) + file.length, usedAt) };
}

async function readRecordFile(
  folder: string,
  id: string,
): Promise<{ readonly recordFile: RecordFile; readonly bytes: number }> {
  const { value, bytes } = await readSealed(folder, id, RECORD, recordFileSchema);
  if (value.record.id !== id) {
    throw new StoreCorruptError(`prediction ${id}: the record is that of ${value.record.id}`);
  }
  return { recordFile: value, bytes };
}

/** Throws a ZodError for a record that could not be read again. */
function sealRecord(record: PredictionRecord, sizes: Sizes): Buffer {
  return seal(recordFileSchema.parse({ layout: LAYOUT, sizes, record }));
}

async function readSealed<T>(
  folder: string,
  id: string,
  file: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T; readonly bytes: number }> {
  const bytes = await unreadableIsCorrupt(() => readFile(join(folder, file)), id, file);
  const parsed = schema.safeParse(unseal(bytes, `prediction ${id}: ${file}`));
  if (!parsed.success) {
    throw new StoreCorruptError(`prediction ${id}: ${file} does not parse: ${z.prettifyError(parsed.error)}`);
  }
  return { value: parsed.data, bytes: bytes.length };
}

/** A file that cannot be found or read, and not because the system is short of something, is corrupt. */
async function unreadableIsCorrupt<T>(find: () => Promise<T>, id: string, file: string): Promise<T> {
  try {
    return await find();
  } catch (error) {
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
