import type { PredictorDescription } from '../../predictor/protocol.js';
import type { PredictionRecord } from '../../record/record.js';
import { NotFoundError } from '../errors.js';
import type { BuiltModel, NoModel } from '../tfjs-model.js';
import type { SentPlan } from './sent-plan.js';

export type ToPlanner =
  /** The graph follows as a text, and then the Keras model if there is one. */
  | {
      readonly type: 'again';
      readonly record: PredictionRecord;
      readonly description: PredictorDescription;
    }
  /** The Keras model follows as a text. */
  | { readonly type: 'model'; readonly record: PredictionRecord };

export type FromPlanner =
  | { readonly type: 'plan'; readonly plan: SentPlan }
  /** The model.json follows, if there is one. */
  | { readonly type: 'model'; readonly model: Omit<BuiltModel, 'modelJson'> | NoModel }
  | { readonly type: 'error'; readonly message: string; readonly isNotFound: boolean };

export const sentError = (error: Error): FromPlanner => ({
  type: 'error',
  message: error.message,
  isNotFound: error instanceof NotFoundError,
});

export const receivedError = ({ message, isNotFound }: FromPlanner & { readonly type: 'error' }): Error =>
  isNotFound ? new NotFoundError(message) : new Error(message);
