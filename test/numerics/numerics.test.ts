import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NUMERICS_REVISION } from '../../src/numerics-revision.js';
import { computeDigests, digestKey, ENGINES, NUMERICS_FILE, type RecordedNumerics } from './digests.js';

const recorded = JSON.parse(readFileSync(NUMERICS_FILE, 'utf8')) as RecordedNumerics;

const REMEDY =
  'the bits of predictions have changed: raise NUMERICS_REVISION in src/numerics-revision.ts and run `npm run numerics`';

describe('the numerics revision', () => {
  it('is the one of the recorded digests', () => {
    expect(recorded.revision, 'run `npm run numerics`').toBe(NUMERICS_REVISION);
  });

  for (const engine of ENGINES) {
    const digests = recorded.digests[digestKey(engine)];
    it.skipIf(digests === undefined)(`gives the same bits as when it was raised, on ${engine}`, async () => {
      expect(await computeDigests(engine), REMEDY).toEqual(digests);
    });
  }
});
