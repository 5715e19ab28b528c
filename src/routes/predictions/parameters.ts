import { z } from 'zod';
import { problemResponse } from '../../http/answers/responses.js';

const id = z.string().meta({ description: 'A prediction’s id.', pattern: '^[0-9a-f]{32}$' });

export const idParameters = z.object({ id });

export const unknownPrediction = problemResponse('No prediction has this id');
