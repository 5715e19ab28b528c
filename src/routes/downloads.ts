import { z } from 'zod';
import { bytesResponse, type EmptyResponse, problemResponse } from '../http/answers/responses.js';

/** The headers by which a request asks for a file only where it has changed, or has not (RFC 9110). */
export const conditionalHeaders = z.looseObject({
  'if-match': z.string().optional().describe('Etags, or `*`; 412 where none is that of the file.'),
  'if-none-match': z.string().optional().describe('Etags, or `*`; 304 where one is that of the file.'),
});

/** And those by which it asks for parts of it. */
export const downloadHeaders = conditionalHeaders.extend({
  range: z.string().optional().describe('Ranges of bytes, as `bytes=0-99`.'),
  'if-range': z.string().optional().describe('The etag of which `range` is meant; else all is sent.'),
});

const etag = z.string().describe('Strong: the same etag means the same bytes.');

/** What `sendBytes` answers: the file with these headers of its own, parts of it, and neither. */
export function downloadResponses(
  what: string,
  own: z.ZodRawShape = {},
  mediaTypes: readonly string[] = ['application/octet-stream'],
) {
  const any = z.object({ etag, 'accept-ranges': z.literal('bytes') });
  const headers = any.extend(own);
  const file = headers.extend({ 'content-length': z.int().min(0).describe('Bytes.') });
  return {
    200: bytesResponse(what, file, mediaTypes),
    206: bytesResponse(
      'The ranges that were asked for.',
      file.extend({
        'content-range': z.string().optional().describe('Of a single range.'),
      }),
      [...mediaTypes, 'multipart/byteranges'],
    ),
    304: { description: 'It is what the client has.', headers } satisfies EmptyResponse,
    412: problemResponse('The file is another than `if-match` names', any),
    416: problemResponse('No such range', any.extend({ 'content-range': z.string() })),
  };
}
