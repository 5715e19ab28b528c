import { afterAll, afterEach } from 'vitest';
import { takeFaults } from './helpers/answer-faults.js';

/** Every answer of a service that a test starts is what the OpenAPI document says, or the test fails. */
function expectDocumented(): void {
  const faults = takeFaults();
  if (faults.length > 0) {
    throw new Error(`Not as openapi/openapi.json has it:\n${[...new Set(faults)].slice(0, 10).join('\n')}`);
  }
}

afterEach(expectDocumented);
afterAll(expectDocumented);
