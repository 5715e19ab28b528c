import { readFile, writeFile } from 'node:fs/promises';
import { NUMERICS_REVISION } from '../src/numerics-revision.js';
import {
  computeDigests,
  digestKey,
  ENGINES,
  NUMERICS_FILE,
  type RecordedNumerics,
} from '../test/numerics/digests.js';

/**
 * `npm run numerics` records the digests of a few predictions on this machine. Digests of other kinds of processors are
 * kept while the revision stays the same.
 */
const before = JSON.parse(
  await readFile(NUMERICS_FILE, 'utf8').catch(() => '{}'),
) as Partial<RecordedNumerics>;
const digests = { ...(before.revision === NUMERICS_REVISION ? before.digests : {}) };
for (const engine of ENGINES) digests[digestKey(engine)] = await computeDigests(engine);
await writeFile(NUMERICS_FILE, `${JSON.stringify({ revision: NUMERICS_REVISION, digests }, null, 2)}\n`);
