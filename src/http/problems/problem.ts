import { z } from 'zod';
import { PROBLEM_CODES } from './problem-kinds.js';

export const PROBLEM_TYPE = 'application/problem+json';

export const problemSchema = z
  .object({
    type: z.string().describe('The address of its page in the documentation.'),
    code: z.enum(PROBLEM_CODES).describe('A stable code for programs.'),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional().describe('The fault in words. If there are several, the first one.'),
    errors: z
      .array(z.object({ path: z.string().describe('A JSON pointer into the request.'), message: z.string() }))
      .optional(),
  })
  .meta({ id: 'Problem', description: 'A problem (RFC 9457).' });
export type Problem = z.infer<typeof problemSchema>;
