import { z } from 'zod';
import { graphSchema } from '../../architecture/schema.js';
import type { KeptArchitecture } from '../../architecture/text.js';
import type { PredictionRecord } from '../../record/record.js';
import { manifestSchema } from '../blocks/manifest.js';
import { seal, unseal } from '../sealed-json.js';
import { NotUnderstoodError } from '../store.js';
import { storedRecord, storedRecordSchema } from '../stored-record.js';

/** Version of a stored prediction. What has another is left as it is, and not served. */
const LAYOUT = 1;

/** A commit: while it is there, its attempt is the prediction. */
const commitSchema = z.object({
  layout: z.literal(LAYOUT),
  attempt: z.string(),
  /** Size of all objects of the attempt, this one included. */
  bytes: z.int(),
  record: storedRecordSchema,
});
export type Commit = z.infer<typeof commitSchema>;

/** A commit with all that stands in it, known to this version or not. */
export type RawCommit = Readonly<Record<string, unknown>> & {
  readonly record: Readonly<Record<string, unknown>>;
};

/** Where an attempt's tensors lie in its blocks, and what they belong to. */
const metaSchema = z.object({
  manifest: manifestSchema,
  architecture: graphSchema,
  kerasModel: z.unknown().optional(),
});
export type Meta = z.infer<typeof metaSchema>;

const remainsSchema = z.object({
  record: storedRecordSchema,
  architecture: graphSchema,
  kerasModel: z.unknown().optional(),
});
export type RemainsDocument = z.infer<typeof remainsSchema>;

/** @throws ZodError for a record that could not be read again */
export function sealCommit(record: PredictionRecord, attempt: string, bytes: number): Buffer {
  commitSchema.parse({ layout: LAYOUT, attempt, bytes, record });
  return seal({ layout: LAYOUT, attempt, bytes, record: storedRecord(record) });
}

/**
 * The commit with fields of its record replaced; what a newer version has written beside them stays.
 *
 * @throws ZodError where they do not make a record
 */
export function amendedCommit(
  { commit, raw }: { readonly commit: Commit; readonly raw: RawCommit },
  fields: Partial<PredictionRecord>,
): Buffer {
  const { id } = commit.record;
  commitSchema.parse({ ...commit, record: { ...commit.record, ...fields, id } });
  return seal({ ...raw, record: { ...raw.record, ...fields, id } });
}

/** @throws StoreCorruptError, NotUnderstoodError, as the following do */
export function readCommit(bytes: Buffer, id: string): { readonly commit: Commit; readonly raw: RawCommit } {
  const raw = unseal(bytes, `prediction ${id}: its record`) as RawCommit;
  return { commit: parse(commitSchema, raw, id), raw };
}

export const sealMeta = (meta: Omit<Meta, 'architecture'> & KeptArchitecture): Buffer => seal({ ...meta });

export const readMeta = (bytes: Buffer, id: string): Meta =>
  parse(metaSchema, unseal(bytes, `prediction ${id}: its meta.json`), id);

export const sealRemains = ({ record, ...rest }: RemainsDocument): Buffer =>
  seal({ ...rest, record: storedRecord(record) });

export const readRemains = (bytes: Buffer, id: string): RemainsDocument =>
  parse(remainsSchema, unseal(bytes, `prediction ${id}: its remains`), id);

function parse<T>(schema: z.ZodType<T>, value: unknown, id: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new NotUnderstoodError(
    `prediction ${id} was written by another version of ghn-serve, and is left as it is: it has at ` +
      `${path.join('.') || 'its top'}: ${message}`,
  );
}
