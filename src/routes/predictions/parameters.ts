import { z } from 'zod';
import { problemResponse } from '../responses.js';

export const idParameters = z.object({ id: z.string().describe('A prediction’s id.') });

export const unknownPrediction = problemResponse('No prediction has this id');
