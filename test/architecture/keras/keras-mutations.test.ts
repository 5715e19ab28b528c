import fc from 'fast-check';
import { it } from 'vitest';
import { mutate, mutationsTo } from '../../../proof/fuzz/inputs/json.js';
import { parseArchitecture } from '../../../src/architecture/parse.js';
import { kerasFixture } from '../../helpers/keras.js';
import { faultsOf, LIMITS, POINTER } from '../fixtures.js';

it('any 3,000 changes to valid models give a network or its faults, and no other error', () => {
  const valid = [
    'gated.keras2',
    'nested.keras3',
    'nested.keras2',
    'attention.keras3',
    'sequential.keras3',
  ].map((name) => ({ keras: kerasFixture(name).model }));
  fc.assert(
    fc.property(fc.constantFrom(...valid), mutationsTo(14), (model, changes) => {
      const faults = faultsOf(() => parseArchitecture(mutate(model, changes), LIMITS));
      return faults.every(({ path, message }) => POINTER.test(path) && message.length > 5);
    }),
    { numRuns: 3_000 },
  );
}, 300_000);
