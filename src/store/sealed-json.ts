import { crc32 } from 'node:zlib';
import { jsonOf } from '../json-text.js';
import { StoreCorruptError } from './store.js';

const HEAD = '{"crc32":"';
const MIDDLE = '","body":';
const BODY_START = HEAD.length + 8 + MIDDLE.length;

/** A CRC-32 as eight hexadecimal digits: as long for every value. */
export function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** A JSON document that carries the checksum of its body, `{"crc32": "…", "body": value}`. */
export function seal(value: object): Buffer {
  return sealBytes(jsonOf(value));
}

/** The same for an object that is JSON already. */
export function sealBytes(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(HEAD + checksum(body) + MIDDLE), body, Buffer.from('}')]);
}

/** The body of what `seal` has made. Throws a StoreCorruptError, which calls it `what`, where a byte is another. */
export function unseal(bytes: Buffer, what: string): unknown {
  return JSON.parse(unsealBytes(bytes, what).toString());
}

/** The same as the JSON that it is. */
export function unsealBytes(bytes: Buffer, what: string): Buffer {
  const body = bytes.subarray(BODY_START, -1);
  const head = HEAD + checksum(body) + MIDDLE;
  if (bytes.toString('latin1', 0, BODY_START) !== head || bytes.at(-1) !== '}'.charCodeAt(0)) {
    throw new StoreCorruptError(`${what} does not have its checksum`);
  }
  return body;
}
