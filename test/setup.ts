import { afterAll, afterEach, expect } from 'vitest';
import { takeFaults } from './helpers/answer-faults.js';

/** Fails a test if an answer of its services differs from the OpenAPI document. */
function expectDocumented(): void {
  const faults = takeFaults();
  if (faults.length > 0) {
    throw new Error(`Not as openapi/openapi.json has it:\n${[...new Set(faults)].slice(0, 10).join('\n')}`);
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength);

/**
 * Returns true at once for two arrays with the same bytes: vitest would compare them number by number, which takes
 * seconds.
 */
function haveSameBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
  return bytesOf(a).equals(bytesOf(b)) ? true : undefined;
}

expect.addEqualityTesters([haveSameBytes]);

afterEach(expectDocumented);
afterAll(expectDocumented);
