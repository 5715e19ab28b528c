import { createHash } from 'node:crypto';
import { type Format, formatOf } from '../../format/find.js';
import type { Representation } from '../../predictions/weights.js';
import type { PredictionRecord } from '../../record/record.js';

/** Number of hex digits: enough that no two parts of one prediction share them. */
const PART_DIGITS = 16;

/**
 * Returns the version of a prediction, which is part of every etag. Predictions by older builds have no generation, so
 * it consists of the id only.
 */
const version = ({ id, generation }: Pick<PredictionRecord, 'id' | 'generation'>) =>
  `${id}.${generation ?? 'none'}`;

/** Returns the strong etag of weights. It is the same for equal bytes and differs for others. */
export function weightsEtag(record: PredictionRecord, representation: Representation): string {
  const { format, dtype, pattern, slice } = representation;
  const part =
    pattern || slice
      ? [
          digestOf(
            JSON.stringify([pattern?.text, slice?.rank, slice?.worldSize, slice?.dim, slice?.sharding]),
          ),
        ]
      : [];
  return quoted([version(record), format, dtype, ...part]);
}

/** Returns the strong etag of one tensor's values. */
export function tensorEtag(record: PredictionRecord, dtype: string, name: string): string {
  return quoted([version(record), dtype, Buffer.from(name).toString('base64url')]);
}

/**
 * Returns the strong etag of a file of a TensorFlow.js model: `model.json` determines the weights.
 *
 * @param modelDigest SHA-256 of `model.json`, in hex
 */
export function tfjsEtag(record: PredictionRecord, modelDigest: string, file: string): string {
  return quoted([
    version(record),
    modelDigest.slice(0, PART_DIGITS),
    Buffer.from(file).toString('base64url'),
  ]);
}

/** Returns the file name for weights, which is safe in a header and on any file system. */
export function weightsFileName({ architecture }: PredictionRecord, format: Format): string {
  const stem = architecture.name.replaceAll(/[^\w.-]+/g, '_').slice(0, 100) || 'weights';
  return `${stem}.${formatOf(format).ending}`;
}

const quoted = (parts: readonly string[]) => `"${parts.join('.')}"`;

const digestOf = (data: string) => createHash('sha256').update(data).digest('hex').slice(0, PART_DIGITS);
