import { crc32 } from 'node:zlib';
import { jsonOf } from '../json-text.js';
import { StoreCorruptError } from './store.js';

/** Begins every sealed document. */
export const HEAD = '{"crc32":"';
const MIDDLE = '","body":';
const BODY_START = HEAD.length + 8 + MIDDLE.length;

/** A CRC-32 as eight hexadecimal digits, so that every value has the same length. */
export function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** A JSON document that carries the checksum of its body, `{"crc32": "…", "body": value}`. */
export function seal(value: object): Buffer {
  return sealBytes(jsonOf(value));
}

/** Like `seal`, for an object that is JSON text already. */
export function sealBytes(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(HEAD + checksum(body) + MIDDLE), body, Buffer.from('}')]);
}

/**
 * The body of a sealed document. Throws a StoreCorruptError, in which `what` names the document, if any byte has
 * changed.
 */
export function unseal(bytes: Buffer, what: string): unknown {
  return JSON.parse(unsealBytes(bytes, what).toString());
}

/** Like `unseal`, but returns the body as JSON text. */
export function unsealBytes(bytes: Buffer, what: string): Buffer {
  const body = bytes.subarray(BODY_START, -1);
  const head = HEAD + checksum(body) + MIDDLE;
  if (bytes.toString('latin1', 0, BODY_START) !== head || bytes.at(-1) !== '}'.charCodeAt(0)) {
    throw new StoreCorruptError(`${what} does not match its checksum`);
  }
  return body;
}
