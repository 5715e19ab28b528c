import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { it } from 'vitest';
import { mutate, mutations } from '../../../proof/fuzz/inputs/json.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import { faultsOf, LIMITS, POINTER } from '../fixtures.js';
import { tinyLayers } from './layers.js';

it('any 5,000 changes to valid layers give a network or its faults, and no other error', () => {
  const vit = JSON.parse(
    readFileSync(new URL('../../fixtures/layers/vit.layers.json', import.meta.url), 'utf8'),
  ) as unknown;
  const valid = [{ name: 'tiny', layers: tinyLayers() }, vit];
  fc.assert(
    fc.property(fc.constantFrom(...valid), mutations, (layers, changes) => {
      const faults = faultsOf(() => parseArchitecture(mutate(layers, changes), LIMITS));
      return faults.every(({ path, message }) => POINTER.test(path) && message.length > 5);
    }),
    { numRuns: 5_000 },
  );
}, 300_000);
