import { z } from 'zod';
import { PROBLEM_TYPE, problemSchema } from '../problems/problem.js';

/** Documentation of an answer in the OpenAPI document: its content, and its headers besides those of every answer. */
export interface DocumentedResponse<Schema extends z.ZodType = z.ZodType> {
  readonly description: string;
  readonly headers?: z.ZodObject;
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

type ProblemResponse = DocumentedResponse<typeof problemSchema>;

const bytesSchema = z.any().meta({ type: 'string', format: 'binary' });

/** Documents an answer that is a problem. */
export function problemResponse(description: string, headers?: z.ZodObject): ProblemResponse {
  return { description, headers, content: { [PROBLEM_TYPE]: { schema: problemSchema } } };
}

/** Documents an answer of JSON. */
export function jsonResponse<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers?: z.ZodObject,
): DocumentedResponse<Schema> {
  return { description, headers, content: { 'application/json': { schema } } };
}

/** Documents an answer of bytes. */
export function bytesResponse(
  description: string,
  headers?: z.ZodObject,
  mediaTypes: readonly string[] = ['application/octet-stream'],
): DocumentedResponse<typeof bytesSchema> {
  const content = Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema: bytesSchema }]));
  return { description, headers, content };
}

/** An answer with headers and no body. */
export interface EmptyResponse {
  readonly description: string;
  readonly headers?: z.ZodObject;
}

const seconds = z.int().min(1).describe('Seconds after which to try again.');

/** Header of a refusal that tells the client when to try again. */
export const retryAfter = z.object({ 'retry-after': seconds });

/** Documents a 503: the service cannot do this now. */
export const unavailable = (description: string) => problemResponse(description, retryAfter);

/** Documents the answer when there are no weights. `retry-after` is given while the prediction is being made. */
export const notReady = problemResponse(
  'The prediction has no weights: not yet (with `retry-after`), or because it failed or was cancelled',
  retryAfter.partial(),
);
