import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Graph } from '../../../architecture/schema.js';
import { JsonText } from '../../../json-text.js';
import { type PredictionRecord, recordSchema } from '../../../record/record.js';
import type { PredictionRemains } from '../../../store/store.js';

/** A text in Redis. It is compressed, since every check of a job reads all of it. */
export interface Packed {
  readonly deflated: string;
}

/** A job's data: the record, the architecture, and the span of the request that began it. */
export interface JobData {
  readonly record: PredictionRecord;
  readonly architecture: Graph | Packed;
  readonly kerasModel?: unknown;
  readonly traceparent?: string;
  /**
   * True if another service may have stored it since the request looked into the store; undefined if that is not
   * known.
   */
  readonly mayBeStored?: boolean;
}

/** Accepted architectures are never larger, so no service wrote data that unpacks to more. */
const MAX_TEXT_BYTES = 2 ** 28;

/**
 * Returns true if a service wrote the job's data, as far as a cheap check can tell. Anyone with access to Redis can
 * write anything there; foreign data is not treated as a job.
 */
export function isJobData(data: unknown, id: string): data is JobData {
  const { record, architecture } = (data ?? {}) as Partial<Record<keyof JobData, unknown>>;
  if (typeof architecture !== 'object' || architecture === null) return false;
  const { data: read } = recordSchema.safeParse(record);
  return read?.id === id;
}

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** @param remains the inputs; large ones are texts, which are compressed and never parsed on the way */
export async function packed({ record, architecture, kerasModel }: PredictionRemains): Promise<JobData> {
  return {
    record,
    architecture: (await pack(architecture)) as Graph | Packed,
    kerasModel: await pack(kerasModel),
  };
}

/** @throws Error if the data was not made by `packed` */
export async function unpacked({ record, architecture, kerasModel }: JobData): Promise<PredictionRemains> {
  return {
    record,
    architecture: (await unpack(architecture)) as Graph | JsonText,
    kerasModel: await unpack(kerasModel),
  };
}

async function pack(value: unknown): Promise<unknown> {
  if (!(value instanceof JsonText)) return value;
  return { deflated: (await deflate(value.bytes)).toString('base64') } satisfies Packed;
}

async function unpack(value: unknown): Promise<unknown> {
  if (!isPacked(value)) return value;
  return new JsonText(
    await inflate(Buffer.from(value.deflated, 'base64'), { maxOutputLength: MAX_TEXT_BYTES }),
  );
}

const isPacked = (value: unknown): value is Packed =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Packed>).deflated === 'string';
