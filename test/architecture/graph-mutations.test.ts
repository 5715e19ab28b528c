import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mutate, mutations } from '../../proof/fuzz/inputs/json.js';
import { canonicalGraph, canonicalString } from '../../src/architecture/canonical.js';
import { MAX_FAULTS } from '../../src/architecture/faults.js';
import { parseGraph } from '../../src/architecture/graph.js';
import { faultsOf, fixtureGraph, LIMITS, POINTER, tinyGraph } from './fixtures.js';

const VALID = [tinyGraph(), fixtureGraph('squeezenet1_1-10')];

it('any 10,000 changes to valid graphs give a network or its faults, and no other error', () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.constantFrom(...VALID), mutations, (valid, changes) => {
      const given = mutate(valid, changes);
      const faults = faultsOf(() => {
        const architecture = parseGraph(given, LIMITS);
        const again = parseGraph(canonicalGraph(architecture), LIMITS);
        expect(canonicalString(again)).toBe(canonicalString(architecture));
        accepted++;
      });
      return (
        faults.length <= MAX_FAULTS + 1 &&
        faults.every(({ path, message }) => POINTER.test(path) && message.length > 5)
      );
    }),
    { numRuns: 10_000 },
  );
  expect(accepted).toBeGreaterThan(100);
}, 300_000);
