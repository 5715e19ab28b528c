import { afterAll, afterEach, expect } from 'vitest';
import { takeFaults } from './helpers/answer-faults.js';

/** Every answer of a service that a test starts is what the OpenAPI document says, or the test fails. */
function expectDocumented(): void {
  const faults = takeFaults();
  if (faults.length > 0) {
    throw new Error(`Not as openapi/openapi.json has it:\n${[...new Set(faults)].slice(0, 10).join('\n')}`);
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Tells at once of two arrays with the same bytes that they are equal: vitest compares number by number, for seconds. */
function haveSameBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
  return bytesOf(a).equals(bytesOf(b)) ? true : undefined;
}

expect.addEqualityTesters([haveSameBytes]);

afterEach(expectDocumented);
afterAll(expectDocumented);
