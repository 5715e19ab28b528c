import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import secureJson from 'secure-json-parse';
import { OverloadedError } from '../../predictions/admission.js';
import { jsonShape, MAX_KEYS } from '../requests/json-shape.js';
import { BodyRoom, receiveBody } from '../requests/receive-body.js';

/** The body is not JSON, or hides keys that would reach into an object's prototype. */
class MalformedJsonError extends Error {
  readonly statusCode = 400;
}

/** A list of nothing but empty objects takes JSON.parse a second for 10 MB; of what makes sense each is longer than this. */
const LEAST_BYTES_OF_OBJECT = 8;

/** Bodies below this hold nothing that takes long: they are not looked through. */
const SMALL_BYTES = 2 ** 18;

/** The body holds more than could be read in time. */
class TooManyObjectsError extends Error {
  readonly statusCode = 413;
}

/** The body is in a form that the service does not read. */
class UnsupportedBodyError extends Error {
  readonly statusCode = 415;
}

export interface JsonBodyOptions {
  /** Limit for all bodies that are being received, together. */
  readonly bodiesBytes: number;
  /** Limit for one body, in bytes. */
  readonly bodyLimit: number;
  readonly onRefusal: (reason: 'bodies') => void;
}

/** Bodies are JSON; of one that is not, the answer says where. Other media types are answered with 415. */
export const jsonBody = fastifyPlugin(
  async (app: FastifyInstance, { bodiesBytes, bodyLimit, onRefusal }: JsonBodyOptions) => {
    const room = new BodyRoom(Math.max(bodiesBytes, bodyLimit));
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      'application/json',
      async ({ headers }: FastifyRequest, payload: IncomingMessage) => {
        refuseForm(headers);
        const announced = Number(headers['content-length'] ?? 0);
        if (announced > bodyLimit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
        try {
          return await receiveBody(payload, announced || bodyLimit, room, (bytes) => parse(bytes, bodyLimit));
        } catch (error) {
          if (error instanceof OverloadedError) onRefusal('bodies');
          throw error;
        }
      },
    );
  },
);

/** @throws UnsupportedBodyError for a body that is not UTF-8 as it is: read as if it were, it would be another */
function refuseForm(headers: IncomingHttpHeaders): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new UnsupportedBodyError('The body must be UTF-8: no other charset is read.');
  }
  if (!/^(identity)?$/i.test(headers['content-encoding']?.trim() ?? '')) {
    throw new UnsupportedBodyError('The body must be sent as it is: no content-encoding is read.');
  }
  if (!/^chunked$/i.test(headers['transfer-encoding']?.trim() ?? 'chunked')) {
    throw new UnsupportedBodyError(
      'The body must be sent as it is: no transfer-encoding but chunked is read.',
    );
  }
}

/** Files that people send for networks, by how they begin. */
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

function parse(bytes: Buffer, bodyLimit: number): unknown {
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
