import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Architecture } from '../../src/architecture/architecture.js';
import { canonicalGraph, canonicalString } from '../../src/architecture/canonical.js';
import { ArchitectureError, MAX_FAULTS } from '../../src/architecture/faults.js';
import { parseGraph } from '../../src/architecture/graph.js';
import { fixtureGraph, LIMITS, tinyGraph } from './fixtures.js';
import { mutate, mutations } from './mutations.js';

const VALID = [tinyGraph(), fixtureGraph('squeezenet1_1-10'), fixtureGraph('resnet18-10')];

it('any 10,000 changes to valid graphs give a network or its faults, and never anything else', () => {
  fc.assert(
    fc.property(fc.constantFrom(...VALID), mutations, (valid, changes) => {
      const given = mutate(valid, changes);
      let architecture: Architecture;
      try {
        architecture = parseGraph(given, LIMITS);
      } catch (error) {
        expect(error).toBeInstanceOf(ArchitectureError);
        const { faults } = error as ArchitectureError;
        expect(faults.length).toBeGreaterThan(0);
        expect(faults.length).toBeLessThanOrEqual(MAX_FAULTS + 1);
        for (const { path, message } of faults) {
          expect(path).toMatch(/^(\/([^/~]|~[01])*)*$/);
          expect(message.length).toBeGreaterThan(5);
        }
        return;
      }
      expect(canonicalString(parseGraph(canonicalGraph(architecture), LIMITS))).toBe(
        canonicalString(architecture),
      );
    }),
    { numRuns: 10_000 },
  );
});
