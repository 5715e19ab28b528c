import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import parseRange, { type Range } from 'range-parser';
import { type ByteSource, Layout, ReadyBytes } from '../../format/layout.js';
import { Section } from '../../format/section.js';
import { streamBytes } from '../../format/stream.js';
import { sendProblem } from '../plugins/problems.js';

/** More ranges in one request are an attack, not a download (RFC 9110, section 14.2): the whole is sent instead. */
const MAX_RANGES = 100;

export interface Sendable {
  readonly source: ByteSource;
  /** A strong entity tag, with its quotes. */
  readonly etag: string;
  readonly contentType: string;
}

/**
 * Answers a GET or HEAD request with bytes, according to RFC 9110: If-Match, If-None-Match, Range (single, multiple,
 * suffix) and If-Range. The answer always gives its length, and only the bytes that are sent are read.
 */
export function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  { source, etag, contentType }: Sendable,
): FastifyReply {
  const total = source.byteLength;
  reply.headers({ etag, 'accept-ranges': 'bytes' });

  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined && !has(ifMatch, etag)) {
    return sendProblem(withoutFile(reply), {
      code: 'precondition_failed',
      detail: `The weights' etag is ${etag}.`,
    });
  }
  const ifNoneMatch = request.headers['if-none-match'];
  if (ifNoneMatch !== undefined && has(ifNoneMatch.replaceAll('W/', ''), etag)) return reply.code(304).send();

  const ranges = requestedRanges(request, etag, total);
  if (ranges === 'unsatisfiable') {
    reply.header('content-range', `bytes */${total}`);
    return sendProblem(withoutFile(reply), {
      code: 'range_not_satisfiable',
      detail: `There are ${total} bytes.`,
    });
  }
  if (ranges === null) return sendSource(request, reply.type(contentType), source);
  reply.code(206);
  if (ranges.length === 1) {
    const [{ start, end }] = ranges;
    reply.header('content-range', `bytes ${start}-${end}/${total}`).type(contentType);
    return sendSource(request, reply, new Section(source, start, end + 1));
  }
  const boundary = randomUUID();
  reply.type(`multipart/byteranges; boundary=${boundary}`);
  return sendSource(request, reply, multipart(source, ranges, boundary, contentType));
}

/** Removes headers that would make a client save a problem under the weights' name, or cache it. */
const withoutFile = (reply: FastifyReply) =>
  reply.removeHeader('content-disposition').removeHeader('cache-control');

function sendSource(request: FastifyRequest, reply: FastifyReply, source: ByteSource): FastifyReply {
  reply.header('content-length', source.byteLength);
  return request.method === 'HEAD' ? reply.send() : reply.send(streamBytes(source));
}

/** Returns true if a list of entity tags, or `*`, includes a tag. */
function has(header: string, etag: string): boolean {
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim() === etag);
}

/**
 * Limits suffix ranges to the length of the file. A longer suffix means the whole file (RFC 9110, section 14.1.2), but
 * range-parser treats it as an error.
 */
function clampSuffixes(range: string, total: number): string {
  return range.replaceAll(/([=,]\s*)-(\d+)/g, (_, before: string, length: string) => {
    return `${before}-${Math.min(Number(length), total)}`;
  });
}

function requestedRanges(
  { headers, method }: FastifyRequest,
  etag: string,
  total: number,
): readonly Range[] | 'unsatisfiable' | null {
  const { range } = headers;
  if (range === undefined || (method !== 'GET' && method !== 'HEAD')) return null;
  const ifRange = headers['if-range'];
  if (ifRange !== undefined && ifRange !== etag) return null;
  if (range.split(',', MAX_RANGES + 1).length > MAX_RANGES) return null;
  const ranges = parseRange(total, clampSuffixes(range, total), { combine: true });
  if (ranges === -1) return 'unsatisfiable';
  return ranges === -2 || ranges.type !== 'bytes' ? null : ranges;
}

/** Answers with several ranges in one body (RFC 9110, section 14.6). */
function multipart(
  source: ByteSource,
  ranges: readonly Range[],
  boundary: string,
  contentType: string,
): Layout {
  const parts = ranges.flatMap(({ start, end }) => [
    new ReadyBytes(
      Buffer.from(
        `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\n` +
          `Content-Range: bytes ${start}-${end}/${source.byteLength}\r\n\r\n`,
      ),
    ),
    new Section(source, start, end + 1),
  ]);
  return new Layout([...parts, new ReadyBytes(Buffer.from(`\r\n--${boundary}--\r\n`))]);
}
