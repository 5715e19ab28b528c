import { createHash } from 'node:crypto';
import { type Format, formatOf } from '../../format/find.js';
import type { Representation } from '../../predictions/weights.js';
import type { PredictionRecord } from '../../record/record.js';

/** Enough that no two parts of one prediction share them. */
const PART_DIGITS = 16;

/** What is in every etag: of an older build's prediction, which has no generation, its id is all that there is. */
const version = ({ id, generation }: Pick<PredictionRecord, 'id' | 'generation'>) =>
  `${id}.${generation ?? 'none'}`;

/** The strong etag of weights: the same for the same bytes, and never for others. */
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

/** The strong etag of one tensor's values. */
export function tensorEtag(record: PredictionRecord, dtype: string, name: string): string {
  return quoted([version(record), dtype, Buffer.from(name).toString('base64url')]);
}

/**
 * The strong etag of a file of a TensorFlow.js model: its weights are what `model.json` says of them.
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

/** The name under which weights are saved, safe in a header and on any file system. */
export function weightsFileName({ architecture }: PredictionRecord, format: Format): string {
  const stem = architecture.name.replaceAll(/[^\w.-]+/g, '_').slice(0, 100) || 'weights';
  return `${stem}.${formatOf(format).ending}`;
}

const quoted = (parts: readonly string[]) => `"${parts.join('.')}"`;

const digestOf = (data: string) => createHash('sha256').update(data).digest('hex').slice(0, PART_DIGITS);
