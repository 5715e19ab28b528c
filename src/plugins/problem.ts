import { z } from 'zod';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    errors: z
      .array(z.object({ path: z.string().describe('A JSON pointer into the request.'), message: z.string() }))
      .optional(),
  })
  .meta({ id: 'Problem', description: 'A problem, as RFC 9457 has it.' });
export type Problem = z.infer<typeof problemSchema>;
