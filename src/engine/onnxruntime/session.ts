import { InferenceSession } from 'onnxruntime-node';
import { encodeModel, type OnnxModel } from './model.js';

/**
 * Makes a model ready to run. Every session has threads of its own, and threads that wait for work by spinning, as they
 * do by default, take the cores from those of the session that has work: several times slower on two cores.
 */
export function createSession(model: OnnxModel): Promise<InferenceSession> {
  return InferenceSession.create(encodeModel(model), {
    executionProviders: ['cpu'],
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}
