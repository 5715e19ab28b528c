import { z } from 'zod';
import { bytesResponse, type EmptyResponse, problemResponse } from '../http/answers/responses.js';

/** Headers of conditional requests: the file is sent only if it has changed, or only if it has not (RFC 9110). */
export const conditionalHeaders = z.looseObject({
  'if-match': z
    .string()
    .optional()
    .describe('Etags, or `*`. The answer is 412 if none of them is the file’s.'),
  'if-none-match': z
    .string()
    .optional()
    .describe('Etags, or `*`. The answer is 304 if one of them is the file’s.'),
});

/** Headers of conditional requests and of requests for byte ranges. */
export const downloadHeaders = conditionalHeaders.extend({
  range: z.string().optional().describe('Byte ranges, such as `bytes=0-99`.'),
  'if-range': z
    .string()
    .optional()
    .describe('The etag to which `range` refers. If the file has another etag, the whole file is sent.'),
});

const etag = z.string().describe('A strong etag: the same etag means the same bytes.');

/** Documents the answers of `sendBytes`: the whole file with its headers, parts of it, and answers without content. */
export function downloadResponses(
  what: string,
  own: z.ZodRawShape = {},
  mediaTypes: readonly string[] = ['application/octet-stream'],
) {
  const any = z.object({ etag, 'accept-ranges': z.literal('bytes') });
  const headers = any.extend(own);
  const file = headers.extend({ 'content-length': z.int().min(0).describe('Length in bytes.') });
  return {
    200: bytesResponse(what, file, mediaTypes),
    206: bytesResponse(
      'The requested ranges.',
      file.extend({
        'content-range': z.string().optional().describe('Given for a single range.'),
      }),
      [...mediaTypes, 'multipart/byteranges'],
    ),
    304: { description: 'The client already has this version.', headers } satisfies EmptyResponse,
    412: problemResponse('The file does not have an etag that `if-match` names', any),
    416: problemResponse('The range is outside the file', any.extend({ 'content-range': z.string() })),
  };
}
