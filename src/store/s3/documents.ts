import { z } from 'zod';
import { graphSchema } from '../../architecture/schema.js';
import type { KeptArchitecture } from '../../architecture/text.js';
import { JsonText, splitOff } from '../../json-text.js';
import type { PredictionRecord } from '../../record/record.js';
import { manifestSchema } from '../blocks/manifest.js';
import { seal, unseal, unsealBytes } from '../sealed-json.js';
import { NotUnderstoodError, type PredictionRemains } from '../store.js';
import { storedRecord, storedRecordSchema } from '../stored-record.js';

/**
 * Layout versions of a stored prediction: in several objects, or whole in one. Predictions with another version are
 * left as they are and not served.
 */
const IN_PARTS = 1;
const WHOLE = 2;

/** Separates the document of a prediction that is stored whole from its blocks. */
const SEPARATOR = '\n'.charCodeAt(0);

/** A commit with all its fields, also those that this version does not know. */
export type RawCommit = Readonly<Record<string, unknown>> & {
  readonly record: Readonly<Record<string, unknown>>;
};

/** The offsets of an attempt's tensors in its blocks, and the architecture. */
const metaSchema = z.object({
  manifest: manifestSchema,
  architecture: graphSchema,
  kerasModel: z.unknown().optional(),
});
type SmallMeta = z.infer<typeof metaSchema>;

/** Larger graphs are not parsed, since that would block the event loop. */
const LARGE_BYTES = 2 ** 18;

/** Like `SmallMeta`, but a large architecture is a text. */
export type Meta = Pick<SmallMeta, 'manifest'> & KeptArchitecture;

const commonFields = {
  attempt: z.string(),
  /** Size of all objects of the attempt, including this one. */
  bytes: z.int(),
  record: storedRecordSchema,
};

/** A commit: while it exists, the attempt that it names is the prediction. */
const commitSchema = z.discriminatedUnion('layout', [
  z.object({ layout: z.literal(IN_PARTS), ...commonFields }),
  z.object({ layout: z.literal(WHOLE), ...commonFields, meta: metaSchema }),
]);
export type Commit = z.infer<typeof commitSchema>;

/** The contents of a commit's object. */
export interface ReadCommit {
  readonly commit: Commit;
  readonly raw: RawCommit;
  /** Null if the prediction is stored in several objects. */
  readonly blocks: Buffer | null;
}

const remainsSchema = z.object({
  record: storedRecordSchema,
  architecture: graphSchema,
  kerasModel: z.unknown().optional(),
});

/** @throws ZodError if the record could not be read back */
export function sealCommit(record: PredictionRecord, attempt: string, bytes: number): Buffer {
  commitSchema.parse({ layout: IN_PARTS, attempt, bytes, record });
  return seal({ layout: IN_PARTS, attempt, bytes, record: storedRecord(record) });
}

/**
 * A prediction as one object: its document on the first line, followed by its blocks.
 *
 * @param sizeOf gives the size of the whole attempt, from the size of this object
 * @throws ZodError if the record could not be read back
 */
export function sealWhole(
  record: PredictionRecord,
  meta: SmallMeta,
  blocks: Uint8Array,
  attempt: string,
  sizeOf: (length: number) => number,
): { readonly document: Buffer; readonly bytes: number } {
  commitSchema.parse({ layout: WHOLE, attempt, bytes: 0, record, meta });
  const fields = { layout: WHOLE, attempt, record: storedRecord(record), meta };
  const bytes = sizeOf(Buffer.byteLength(JSON.stringify(fields)) + blocks.length);
  return { document: joined(seal({ ...fields, bytes }), blocks), bytes };
}

/**
 * The commit with some fields of its record replaced. Fields that a newer version wrote are kept.
 *
 * @throws ZodError if the result is not a valid record
 */
export function amendedCommit(
  { commit, raw, blocks }: ReadCommit,
  fields: Partial<PredictionRecord>,
): Buffer {
  const { id } = commit.record;
  commitSchema.parse({ ...commit, record: { ...commit.record, ...fields, id } });
  const document = seal({ ...raw, record: { ...raw.record, ...fields, id } });
  return blocks ? joined(document, blocks) : document;
}

/** @throws StoreCorruptError, NotUnderstoodError, as do the functions below */
export function readCommit(bytes: Buffer, id: string): ReadCommit {
  const end = bytes.indexOf(SEPARATOR);
  const document = end < 0 ? bytes : bytes.subarray(0, end);
  const raw = unseal(document, `prediction ${id}: its record`) as RawCommit;
  const commit = parse(commitSchema, raw, id);
  return { commit, raw, blocks: commit.layout === WHOLE ? bytes.subarray(document.length + 1) : null };
}

const joined = (document: Buffer, blocks: Uint8Array): Buffer =>
  Buffer.concat([document, Buffer.of(SEPARATOR), blocks]);

export const sealMeta = (meta: Meta): Buffer => seal({ ...meta });

export function readMeta(bytes: Buffer, id: string): Meta {
  const body = unsealBytes(bytes, `prediction ${id}: its meta.json`);
  if (body.length <= LARGE_BYTES) return parse(metaSchema, JSON.parse(body.toString()), id);
  const { head, values } = splitOff(body, ['architecture', 'kerasModel']);
  if (!values.architecture) return parse(metaSchema, JSON.parse(head.toString()), id);
  const { manifest } = parse(metaSchema.pick({ manifest: true }), JSON.parse(head.toString()), id);
  return { manifest, architecture: values.architecture, kerasModel: values.kerasModel };
}

export const sealRemains = ({ record, ...rest }: PredictionRemains): Buffer =>
  seal({ ...rest, record: storedRecord(record) });

const GRAPH_FIRST = '{"architecture":';
const RECORD_LAST = ',"record":';

export function readRemains(bytes: Buffer, id: string): PredictionRemains {
  const body = unsealBytes(bytes, `prediction ${id}: its remains`);
  const end = body.lastIndexOf(RECORD_LAST);
  const isText = body.length > LARGE_BYTES && body.indexOf(GRAPH_FIRST) === 0 && end > 0;
  if (!isText) return parse(remainsSchema, JSON.parse(body.toString()), id);
  const { record } = parse(
    remainsSchema.pick({ record: true }),
    { record: JSON.parse(body.toString('utf8', end + RECORD_LAST.length, body.length - 1)) },
    id,
  );
  const { head, values } = splitOff(Buffer.concat([body.subarray(0, end), Buffer.from('}')]), ['kerasModel']);
  const architecture = new JsonText(head.subarray(GRAPH_FIRST.length, -1));
  return { architecture, kerasModel: values.kerasModel, record };
}

function parse<T>(schema: z.ZodType<T>, value: unknown, id: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new NotUnderstoodError(
    `prediction ${id} was written by another version of ghn-serve, and is left as it is: at ` +
      `${path.join('.') || 'its top'}: ${message}`,
  );
}
