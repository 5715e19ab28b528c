import type { PredictorDescription } from '../../predictor/protocol.js';
import type { PredictionRecord } from '../../record/record.js';
import type { PredictionRemains } from '../../store/store.js';
import type { Plan } from '../plan.js';
import { planAgain } from '../remake.js';
import { type BuiltModel, buildModel, type NoModel } from '../tfjs-model.js';

/**
 * Plans predictions again, and converts Keras models. Both take long for large architectures, so they can be done in
 * this process or in another.
 */
export interface Planner {
  /**
   * Plans a lost prediction again, so that it gets the same bytes.
   *
   * @throws NotFoundError if the GHN, engine or numerics in use now would give other bytes
   */
  again(remains: PredictionRemains, description: PredictorDescription): Promise<Plan>;
  /** Converts a request's Keras model, which may be a JsonText, to the TensorFlow.js model of its prediction. */
  model(kerasModel: unknown, record: PredictionRecord): Promise<BuiltModel | NoModel>;
}

/** Plans in this process. */
export const planHere: Planner = {
  again: async (remains, description) => planAgain(remains, description),
  model: async (kerasModel, record) => buildModel(kerasModel, record),
};
