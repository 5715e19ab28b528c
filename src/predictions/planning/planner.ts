import type { PredictorDescription } from '../../predictor/protocol.js';
import type { PredictionRecord } from '../../record/record.js';
import type { PredictionRemains } from '../../store/store.js';
import type { Plan } from '../plan.js';
import { planAgain } from '../remake.js';
import { type BuiltModel, buildModel, type NoModel } from '../tfjs-model.js';

/** Work that takes long for large architectures; it can be done in this process or in another. */
export interface Planner {
  /**
   * The plan by which a prediction comes to the same bytes again.
   *
   * @throws NotFoundError where what is loaded now would come to others
   */
  again(remains: PredictionRemains, description: PredictorDescription): Promise<Plan>;
  /** The TensorFlow.js model of a prediction whose architecture was given as that Keras model, which may be a JsonText. */
  model(kerasModel: unknown, record: PredictionRecord): Promise<BuiltModel | NoModel>;
}

/** Plans in this process. */
export const planHere: Planner = {
  again: async (remains, description) => planAgain(remains, description),
  model: async (kerasModel, record) => buildModel(kerasModel, record),
};
