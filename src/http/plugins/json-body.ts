import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { OverloadedError } from '../../predictions/admission.js';
import { parseBody, SMALL_BYTES } from '../requests/reading/parse-body.js';
import { takesLong } from '../requests/reading/takes-long.js';
import { BodyRoom, receiveBody } from '../requests/receive-body.js';

/** The body has a media type or encoding that the service does not read. */
class UnsupportedBodyError extends Error {
  readonly statusCode = 415;
}

export interface JsonBodyOptions {
  /** Limit in bytes for all bodies that are being received, together. */
  readonly bodiesBytes: number;
  /** Limit in bytes for one body. */
  readonly bodyLimit: number;
  /** Identifies the client: a key or an address. */
  readonly clientOf: (request: FastifyRequest) => string;
  /** Reads a body that is large, or takes long to plan, in another process; by default all are read here. */
  readonly readLarge?: (bytes: Buffer, request: FastifyRequest) => Promise<unknown>;
  readonly onRefusal: (reason: 'bodies') => void;
}

/** Reads JSON bodies. If one is malformed, the answer says where. Other media types are answered with 415. */
export const jsonBody = fastifyPlugin(
  async (
    app: FastifyInstance,
    { bodiesBytes, bodyLimit, clientOf, readLarge, onRefusal }: JsonBodyOptions,
  ) => {
    const room = new BodyRoom(Math.max(bodiesBytes, bodyLimit), bodyLimit);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      'application/json',
      async (request: FastifyRequest, payload: IncomingMessage) => {
        const { headers } = request;
        refuseForm(headers);
        const announced = Number(headers['content-length'] ?? 0);
        if (announced > bodyLimit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
        try {
          return await receiveBody(
            payload,
            announced || bodyLimit,
            { room, client: clientOf(request) },
            (bytes) => {
              if (readLarge && bytes.byteLength > SMALL_BYTES) return readLarge(bytes, request);
              const body = parseBody(bytes, bodyLimit);
              return readLarge && takesLong(body) ? readLarge(bytes, request) : body;
            },
          );
        } catch (error) {
          if (error instanceof OverloadedError) onRefusal('bodies');
          throw error;
        }
      },
    );
  },
);

/** @throws UnsupportedBodyError for a body that is not in UTF-8: read as UTF-8, its text would be different */
function refuseForm(headers: IncomingHttpHeaders): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new UnsupportedBodyError('The body must be UTF-8; no other charset is supported.');
  }
  if (!/^(identity)?$/i.test(headers['content-encoding']?.trim() ?? '')) {
    throw new UnsupportedBodyError('The body must not have a content-encoding.');
  }
  if (!/^chunked$/i.test(headers['transfer-encoding']?.trim() ?? 'chunked')) {
    throw new UnsupportedBodyError('The body must not have a transfer-encoding other than chunked.');
  }
}
