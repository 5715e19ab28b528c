import { createHash } from 'node:crypto';
import type { Architecture } from '../architecture/architecture.js';
import { canonicalString } from '../architecture/canonical.js';
import type { PredictionRecord } from './record.js';

/** Half of a sha256: 128 bits, which no one makes two of. */
const ID_DIGITS = 32;

/** All that decides a prediction's bytes. */
export interface Identity {
  /** Name and version of the engine, and of this service, whose code they pass through. */
  readonly engine: string;
  readonly ghnDigest: string;
  readonly architecture: Architecture;
  /** Every option with its default filled in. */
  readonly options: Omit<PredictionRecord['request'], 'ghn'>;
}

/** The same id for what will be the same bytes. */
export function predictionId({ engine, ghnDigest, architecture, options }: Identity): string {
  const { predict_classifier, postprocess, seed, dtype, format } = options;
  const parts = [
    engine,
    ghnDigest,
    predict_classifier,
    postprocess && sorted(postprocess),
    seed,
    dtype,
    format,
  ];
  return createHash('sha256')
    .update(JSON.stringify(parts))
    .update(canonicalString(architecture))
    .digest('hex')
    .slice(0, ID_DIGITS);
}

const sorted = (object: object) => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
