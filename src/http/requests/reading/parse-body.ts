import { isUtf8 } from 'node:buffer';
import secureJson from 'secure-json-parse';
import { jsonShape, MAX_KEYS } from '../json-shape.js';

/** The body is not JSON, or has keys that could change an object's prototype. */
export class MalformedJsonError extends Error {
  readonly statusCode = 400;
}

/** The body holds more objects or keys than could be parsed in time. */
export class TooManyObjectsError extends Error {
  readonly statusCode = 413;
}

/** JSON.parse takes a second for 10 MB of empty objects. In meaningful bodies, each object is longer than this. */
const LEAST_BYTES_OF_OBJECT = 8;

/** Bodies below this size take little time, so they are not inspected, and are parsed in the main process. */
export const SMALL_BYTES = 2 ** 18;

/** Types of files that people send instead of networks, by their first bytes. */
const FILES: readonly { readonly start: Buffer; readonly name: string }[] = [
  { start: Buffer.from('PK\u0003\u0004'), name: 'a zip archive, as .keras and .pt files are' },
  { start: Buffer.from([0x89, 0x48, 0x44, 0x46]), name: 'an HDF5 file' },
  { start: Buffer.from([0x80, 0x02]), name: 'a pickle' },
  { start: Buffer.from([0x1f, 0x8b]), name: 'a gzip file' },
  ...[6, 7, 8, 9, 10, 11, 12, 13].map((version) => ({
    start: Buffer.from([0x08, version, 0x12]),
    name: 'an ONNX file',
  })),
];

/**
 * Parses a body.
 *
 * @throws MalformedJsonError, TooManyObjectsError
 */
export function parseBody(bytes: Buffer, bodyLimit: number): unknown {
  const file = FILES.find(({ start }) => bytes.subarray(0, start.length).equals(start));
  if (file) {
    throw new MalformedJsonError(
      `The body is not JSON but ${file.name}: send the network, as ghn_serve.trace or Keras’ model.to_json() gives it.`,
    );
  }
  if (!isUtf8(bytes)) throw new MalformedJsonError('The body is not JSON: it is not UTF-8.');
  const body = bytes.toString();
  if (body.trim() === '') throw new MalformedJsonError('The body is empty: JSON is expected.');
  if (bytes.byteLength > SMALL_BYTES || bytes.byteLength > bodyLimit / LEAST_BYTES_OF_OBJECT) {
    const { objects, hasTooManyKeys } = jsonShape(bytes);
    if (objects > bodyLimit / LEAST_BYTES_OF_OBJECT) {
      throw new TooManyObjectsError(
        'The body holds too many objects and arrays: no architecture has as many.',
      );
    }
    if (hasTooManyKeys) {
      throw new TooManyObjectsError(
        `The body holds more than ${MAX_KEYS} different keys: no architecture has as many.`,
      );
    }
  }
  try {
    return secureJson.parse(body) as unknown;
  } catch (error) {
    throw new MalformedJsonError(`The body is not JSON: ${(error as Error).message}`);
  }
}
