import { createHash } from 'node:crypto';
import type { Architecture } from '../architecture/architecture.js';
import { canonicalString } from '../architecture/canonical.js';
import { sortedString } from '../architecture/json.js';

/** Half of a sha256: 128 bits, so no two predictions get the same id. */
const ID_DIGITS = 32;

/** Everything that decides the bytes of a prediction's weights file. */
export interface Identity {
  /** Name, version and device of each library that computes products. */
  readonly libraries: readonly string[];
  /** This build's `NUMERICS_REVISION`. */
  readonly numerics: number;
  /** The GHN's digest and its sizes; never its name or path. */
  readonly ghn: { readonly digest: string; readonly config: object };
  readonly architecture: Architecture;
  /** Every option, with defaults filled in. A new option belongs here as well; adding it changes every id. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The same network, predicted in the same way, gets the same id. */
export function predictionId({ libraries, numerics, ghn, architecture, options }: Identity): string {
  const { digest, config } = ghn;
  return createHash('sha256')
    .update(sortedString({ libraries, numerics, ghn: { digest, config }, options }))
    .update(canonicalString(architecture))
    .digest('hex')
    .slice(0, ID_DIGITS);
}
