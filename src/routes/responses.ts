import { z } from 'zod';
import { PROBLEM_TYPE } from '../plugins/problems.js';
import { problemSchema } from '../predictions/record.js';

/** How the OpenAPI document shows an answer that is a problem. */
export function problemResponse(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: problemSchema } } };
}

/** How it shows an answer of bytes. */
export function bytesResponse(description: string) {
  return { description, content: { 'application/octet-stream': { schema: bytesSchema } } };
}

const bytesSchema = z.any().meta({ type: 'string', format: 'binary' });
